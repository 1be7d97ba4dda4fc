"""Where a gradient comes from, and what is remarkable about a graph."""

import math

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value, values
from micrograd_plus.graph import order
from micrograd_plus.testing import graphs


def test_every_path_with_its_product():
    a, b = values(a=2, b=3)
    c = a * b
    c.label = "c"
    f = c * a + c
    f.label = "f"
    found = mg.explain(a, of=f)
    assert str(found).splitlines() == [
        "a → v₁ → f: ∂f/∂v₁ · ∂v₁/∂a = 1 · 6 = 6",
        "a → c → v₁ → f: ∂f/∂v₁ · ∂v₁/∂c · ∂c/∂a = 1 · 2 · 3 = 6",
        "a → c → f: ∂f/∂c · ∂c/∂a = 1 · 3 = 3",
        "together: 6 + 6 + 3 = 15",
    ]
    assert (found.gradient, found.count, found.rest) == (15, 3, 0)
    assert repr(found) == str(found)
    assert str(mg.explain(f, of=f)) == "f: 1"


@pytest.mark.parametrize(
    ("compute", "first", "second"),
    [
        (lambda c: c * c * 2, 6, 6),
        (lambda c: (c + c) * 2, 2, 2),
        (lambda c: c / c * 3, 1, -1),
        (lambda c: mg.sum([c, 1.0, 1.0, c]) * 2, 2, 2),
        (lambda c: mg.dot([2.0, c], [c, 1.0]) * 1, 1, 2),
        (lambda c: mg.maximum(c, c) * 2, 1, 1),
    ],
)
def test_each_operand_of_a_repeated_value_is_a_path_of_its_own(compute, first, second):
    c = Value(3, "c")
    found = mg.explain(c, of=compute(c))
    products = {path.operands[0]: path.product for path in found.paths}
    assert products == {1: pytest.approx(first), 2: pytest.approx(second)}
    lines = str(found).splitlines()[:-1]
    assert len({*lines}) == len(lines) == 2
    for path, line in zip(found.paths, lines, strict=True):
        operand = f"c ({'first' if path.operands[0] == 1 else 'second'} operand)"
        assert line.startswith(f"{operand} → v₁ → f: ∂f/∂v₁ · ∂v₁/∂{operand} = ")


@given(graphs())
def test_the_paths_sum_to_the_gradient(graph):
    root, leaves = graph
    root.zero_grad()
    root.backward()
    for leaf in leaves:
        if leaf not in {*order(root)}:
            continue
        found = mg.explain(leaf, of=root, most=500)
        assert found.gradient == pytest.approx(leaf.grad, rel=1e-12)
        if found.count <= 500:
            assert len(found.paths) == found.count
            scale = math.fsum(abs(path.product) for path in found.paths)
            total = math.fsum(path.product for path in found.paths)
            assert total == pytest.approx(leaf.grad, abs=1e-9 * scale + 1e-12)
        for path in found.paths:
            assert path.nodes[0] is leaf
            assert path.nodes[-1] is root
            assert math.prod(path.slopes) == pytest.approx(path.product, rel=1e-9, abs=1e-300)


def test_too_many_paths_become_the_largest_and_the_rest():
    x = f = Value(1, "x")
    for _ in range(30):
        f = f * 0.5 + f * 0.1 + f * -0.05
    found = mg.explain(x, of=f, most=2)
    assert found.count == 3**30
    assert [path.product for path in found.paths] == pytest.approx([0.5**30, 0.5**29 * 0.1])
    assert found.gradient == pytest.approx(0.55**30)
    assert "205,891,132,094,647 more paths" in str(found)
    assert sum(p.product for p in found.paths) + found.rest == pytest.approx(found.gradient)


def test_what_can_not_be_explained():
    x, y = values(x=1, y=2)
    with pytest.raises(ValueError, match=r"does not depend on Value\(data=2.0"):
        mg.explain(y, of=x * 2)
    with pytest.raises(ValueError, match="at least one path"):
        mg.explain(x, of=x * 2, most=0)


def test_values_with_equal_numbers_are_told_apart():
    a = Value(2, "a")
    b = a * 1
    b.label = "b"
    assert str(mg.explain(b, of=b * 3)) == "b → f: ∂f/∂b = 3"
    assert mg.explain(b, of=b * a).paths[0].operands == (0,)


def test_what_is_no_value_is_named():
    for wrong in (lambda: mg.summary(3.0), lambda: mg.explain(Value(1), of=3.0)):
        with pytest.raises(TypeError, match=r"a Value is needed, not 3\.0"):
            wrong()


def test_long_paths_are_abbreviated():
    x = f = Value(1.0, "x")
    for _ in range(3000):
        f = f * 0.5 + f * 0.5
    lines = str(mg.explain(x, of=f, most=1)).splitlines()
    assert lines[0].startswith("x → v₂ → v₃ → v₅ → … → ")
    assert lines[1].startswith("about 10^903 more paths: 1")


def test_a_deep_explanation():
    x = f = Value(1.0, "x")
    for _ in range(20_000):
        f = f + 0.0
    assert mg.explain(x, of=f).gradient == 1


def test_a_summary_counts_and_finds():
    x, y, z = values(x=2, y=-3, z=1e-9)
    f = mg.relu(x * y) + 1000 * x + z * z * y
    found = mg.summary(f)
    assert (found.nodes, found.edges, found.depth) == (10, 12, 4)
    assert dict(found.operations) == {"multiply": 4, "relu": 1, "add": 2}
    assert found.largest == ("x", 1000)
    assert found.smallest == ("y", 1e-18)
    assert (found.without, found.dead) == (1, ["v_2"])
    assert "dead ReLUs: 1 (v₂)" in str(found)
    assert repr(found) == str(found)
    assert [v.grad for v in (f, x, y)] == [0, 0, 0]


def test_summaries_of_small_and_large_graphs():
    assert str(mg.summary(Value(1))).splitlines()[:2] == [
        "1 values, 0 edges, 0 operations deep",
        "operations: none",
    ]
    dead = mg.sum([mg.relu(Value(-1)) for _ in range(20)])
    assert "dead ReLUs: 20 (v₂" in str(mg.summary(dead))
    assert "…" in str(mg.summary(dead))
