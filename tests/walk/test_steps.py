"""The steps of the lecture's examples, what each step knows, and that what it says is true."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops, values
from micrograd_plus.engine import record
from micrograd_plus.graph import inputs, order
from micrograd_plus.testing import graphs
from micrograd_plus.walk.steps import Walk, names
from tests import oracle
from tests.graphs import xyz


def texts(root):
    return [step.text for step in Walk(root)]


def test_lecture_xyz():
    f = xyz()
    d, z = f.args
    x, y = d.args
    walk = Walk(f)
    assert [step.text for step in walk] == [
        "x = 1, y = −3, z = 4",
        "d = x + y = 1 + (−3) = −2",
        "f = d · z = −2 · 4 = −8",
        "∂f/∂f = 1",
        "∂f/∂z = d = −2",
        "∂f/∂d = z = 4",
        "∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4",
        "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4",
    ]
    assert [step.phase for step in walk] == ["given"] + ["forward"] * 2 + ["backward"] * 5
    assert [step.node for step in walk[1:]] == [d, f, f, z, d, y, x]
    assert [step.edge for step in walk[3:]] == [None, (f, 1), (f, 0), (d, 1), (d, 0)]
    assert [(step.upstream, step.local) for step in walk[2:5]] == [(None, None)] * 2 + [(1, -2)]
    assert [(step.upstream, step.local) for step in walk[-2:]] == [(4, 1), (4, 1)]
    assert walk[1].latex == r"d = x + y = 1 + \left(-3\right) = -2"
    assert walk[6].latex == (
        r"\frac{\partial f}{\partial y} = \frac{\partial f}{\partial d} \cdot "
        r"\frac{\partial d}{\partial y} = 4 \cdot 1 = 4"
    )


def test_everything_visible_after_a_step():
    f = xyz()
    d, z = f.args
    x, y = d.args
    walk = Walk(f)
    assert walk[0].visible == {x: (1, None), y: (-3, None), z: (4, None)}
    assert walk[1].visible == {**walk[0].visible, d: (-2, None)}
    assert walk[4].visible[z] == (4, -2)
    assert walk[4].visible[d] == (-2, None)
    assert walk[-1].visible == {x: (1, 4), y: (-3, 4), z: (4, -2), d: (-2, 4), f: (-8, 1)}


def test_lecture_sigmoid_gate():
    w0, x0, w1, x1, b = values(w_0=-3, x_0=-2, w_1=2, x_1=-1, b=-3)
    f = 1 / (1 + mg.exp(-(w0 * x0 + w1 * x1 + b)))
    assert texts(f) == [
        "w₀ = −3, x₀ = −2, w₁ = 2, x₁ = −1, b = −3",
        "v₁ = w₀ · x₀ = −3 · (−2) = 6",
        "v₂ = w₁ · x₁ = 2 · (−1) = −2",
        "v₃ = v₁ + v₂ = 6 + (−2) = 4",
        "v₄ = v₃ + b = 4 + (−3) = 1",
        "v₅ = −v₄ = −1",
        "v₆ = exp(v₅) = exp(−1) = 0.3679",
        "v₇ = 1 + v₆ = 1 + 0.3679 = 1.368",
        "f = 1 / v₇ = 1 / 1.368 = 0.7311",
        "∂f/∂f = 1",
        "∂f/∂v₇ = −1 / v₇² = −0.5344",
        "∂f/∂v₆ = ∂f/∂v₇ · ∂v₇/∂v₆ = −0.5344 · 1 = −0.5344",
        "∂f/∂v₅ = ∂f/∂v₆ · ∂v₆/∂v₅ = ∂f/∂v₆ · exp(v₅) = −0.5344 · 0.3679 = −0.1966",
        "∂f/∂v₄ = ∂f/∂v₅ · ∂v₅/∂v₄ = −0.1966 · (−1) = 0.1966",
        "∂f/∂b = ∂f/∂v₄ · ∂v₄/∂b = 0.1966 · 1 = 0.1966",
        "∂f/∂v₃ = ∂f/∂v₄ · ∂v₄/∂v₃ = 0.1966 · 1 = 0.1966",
        "∂f/∂v₂ = ∂f/∂v₃ · ∂v₃/∂v₂ = 0.1966 · 1 = 0.1966",
        "∂f/∂v₁ = ∂f/∂v₃ · ∂v₃/∂v₁ = 0.1966 · 1 = 0.1966",
        "∂f/∂x₁ = ∂f/∂v₂ · ∂v₂/∂x₁ = ∂f/∂v₂ · w₁ = 0.1966 · 2 = 0.3932",
        "∂f/∂w₁ = ∂f/∂v₂ · ∂v₂/∂w₁ = ∂f/∂v₂ · x₁ = 0.1966 · (−1) = −0.1966",
        "∂f/∂x₀ = ∂f/∂v₁ · ∂v₁/∂x₀ = ∂f/∂v₁ · w₀ = 0.1966 · (−3) = −0.5898",
        "∂f/∂w₀ = ∂f/∂v₁ · ∂v₁/∂w₀ = ∂f/∂v₁ · x₀ = 0.1966 · (−2) = −0.3932",
    ]


def test_where_paths_meet_the_sum_grows():
    (a,) = values(a=2)
    b, c = a * 2, a * 3
    b.label, c.label = "b", "c"
    assert texts(b + c)[-2:] == [
        "∂f/∂a = ∂f/∂c · ∂c/∂a + … = 1 · 3 + … = 3 + …",
        "∂f/∂a = 3 + ∂f/∂b · ∂b/∂a = 3 + 1 · 2 = 3 + 2 = 5",
    ]
    assert texts(a * a)[-2:] == ["∂f/∂a = a + … = 2 + …", "∂f/∂a = 2 + a = 2 + 2 = 4"]
    assert texts(mg.sum([a, a, a]))[-3:] == [
        "∂f/∂a = 1 + …",
        "∂f/∂a = 1 + 1 + … = 2 + …",
        "∂f/∂a = 2 + 1 = 3",
    ]


def test_each_operand_of_a_repeated_value_is_a_path_of_its_own():
    (c,) = values(c=3)
    twice = Walk(2 * (c * c))
    assert [step.text for step in twice[-2:]] == [
        "∂f/∂c = ∂f/∂v₁ · ∂v₁/∂c⁽²⁾ + … = ∂f/∂v₁ · c + … = 2 · 3 + … = 6 + …",
        "∂f/∂c = 6 + ∂f/∂v₁ · ∂v₁/∂c⁽¹⁾ = 6 + ∂f/∂v₁ · c = 6 + 2 · 3 = 6 + 6 = 12",
    ]
    assert r"\frac{\partial v_{1}}{\partial c^{(2)}}" in twice[-2].latex
    assert texts(mg.dot([c, 1.0, 1.0], [c, c, 1.0]) * 2)[-3].startswith(
        "∂f/∂c = ∂f/∂v₁ · ∂v₁/∂c⁽³⁾ + …"
    )


SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
READ_AS = [
    (r"∂(\w+)/∂(\w+)(?:⁽(.)⁾)?", r" D('\1','\2','\3')"),
    (r"([⁰¹²³⁴-⁹⁻]+)(?!')", lambda found: f"**({''.join(map(SUPERSCRIPTS.get, found[0]))})"),
    (r"\[(.*?) > (.*?)\]", r"(1.0 if \1 > \2 else 0.0)"),
    (r"√\(", "sqrt("),
    ("·", "*"),
    ("−", "-"),
    (r"\^", "**"),
    ("…", "rest"),
]
"""How the walk writes, and how Python does."""


def read(text, known):
    """The number of a printed formula."""
    for pattern, python in READ_AS:
        text = re.sub(pattern, python, text)
    return eval(text, {"sqrt": math.sqrt, "log": math.log, "max": max, **known})


@st.composite
def repetitive(draw):
    """A graph of two leaves whose operations mostly have one value for several operands."""
    nodes = [Value(draw(st.sampled_from([0.5, 1.5, 2.0, 3.0])), name) for name in "cd"]
    kinds = (ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.maximum, ops.hypot)
    for label in "pqrs"[: draw(st.integers(1, 4))]:
        op = draw(st.sampled_from([*kinds, ops.sum, ops.dot]))
        count = op.arity or draw(st.integers(2, 5))
        args = draw(st.lists(st.sampled_from(nodes[-3:]), min_size=count, max_size=count))
        assume(op.domain.contains(*(arg.data for arg in args)))
        assume(op is not ops.power or args[0].data > 0)
        nodes.append(record(op, tuple(args)))
        nodes[-1].label = label
        assume(1e-2 < abs(nodes[-1].data) < 1e4)
    return nodes[-1]


@given(repetitive())
def test_all_that_a_sentence_says_is_equal(root):
    root.backward()
    nodes = {node.label: node for node in order(root)}

    def derivative(of, by, number):
        """Of the output the gradient; else by differences, for all operands or for one of them."""
        node, arg = nodes[of], nodes[by]
        if node is root:
            return arg.grad
        places = [i for i, other in enumerate(node.args) if other is arg]
        if number:
            places = [places[int(SUPERSCRIPTS[number]) - 1]]
        slopes = (
            oracle.derivative(lambda *xs: node.op.value(oracle.mp, *xs), inputs(node), i)
            for i in places
        )
        return float(sum(slopes))

    known = {name: node.data for name, node in nodes.items()} | {"D": derivative}
    before = dict.fromkeys(nodes.values(), 0.0)
    for step in Walk(root):
        if step.phase != "backward":
            continue
        gradient = step.changes[0].number
        left, *parts = step.text.split(" = ")
        assert read(left, known) == step.node.grad
        size = abs(gradient) + abs(before[step.node])
        for part in parts:
            found = read(part, {**known, "rest": 0.0})
            assert found == pytest.approx(gradient, abs=5e-3 * size + 1e-9), (step.text, part)
        if "…" not in step.text:
            assert gradient == pytest.approx(step.node.grad, rel=1e-12, abs=1e-9)
        before[step.node] = gradient


@pytest.mark.parametrize(
    ("compute", "rule"),
    [
        (lambda x: mg.sigmoid(x), "σ(x) · (1 − σ(x)) = 0.105"),
        (lambda x: mg.tanh(x), "1 − tanh(x)² = 0.07065"),
        (lambda x: x**3, "3 · x² = 12"),
        (lambda x: x ** Value(3, "n"), "n · x^(n − 1) = 12"),
        (lambda x: 2**x, "2^x · log(2) = 2.773"),
        (lambda x: mg.log(x), "1 / x = 0.5"),
        (lambda x: mg.sqrt(x), "1 / (2 · √x) = 0.3536"),
        (lambda x: mg.sin(x * 1).args[0], "1"),
        (lambda x: mg.relu(x), "step(x) = 1"),
        (lambda x: 1 / x, "−1 / x² = −0.25"),
        (lambda x: 6 / x, "−6 / x² = −1.5"),
    ],
)
def test_the_rule_is_printed_beside_its_number(compute, rule):
    assert texts(compute(Value(2, "x")))[-1] == f"∂f/∂x = {rule}"


@given(graphs())
def test_the_walk_ends_with_the_engines_numbers_and_changes_nothing(graph):
    root, _ = graph
    nodes = order(root)
    before = [(node.data, node.grad, node.label) for node in nodes]
    shown = Walk(root)[-1].visible
    assert [(node.data, node.grad, node.label) for node in nodes] == before
    root.zero_grad()
    root.backward()
    assert [(node.data, node.grad) for node in nodes] == [
        (shown[node].data, pytest.approx(shown[node].grad, rel=1e-12)) for node in nodes
    ]


def test_the_walk_starts_from_the_leaves_as_they_are_now():
    x, y = values(x=1, y=2)
    f = x * y
    x.data = 5.0
    assert texts(f)[1] == "f = x · y = 5 · 2 = 10"
    assert f.data == 2


def test_names():
    x, v1 = values(x=1, v_1=2)
    inner = x * v1
    assert list(names(order(inner + x)).values()) == ["x", "v_1", "v_2", "f"]
    f = Value(1, "f")
    assert list(names(order(f + x)).values()) == ["f", "x", "v_1"]
    assert texts(Value(3)) == ["f = 3", "∂f/∂f = 1"]
    twins = Value(1, "x") * Value(2, "x") * Value(3, "x")
    assert list(names(order(twins)).values()) == ["x", "x′", "v_1", "x′′", "f"]
    many = mg.sum([Value(1, "x") for _ in range(6)])
    assert list(names(order(many)).values()) == ["x", "x′", "x′′", "x′′′", "x′4", "x′5", "f"]


def test_errors_name_the_place():
    x = Value(0, "x")
    with pytest.raises(mg.NonFiniteError, match=r"gradient through sqrt of x = 0\.0"):
        Walk(mg.sqrt(x) * 2)
    h = mg.log(Value(1, "x"))
    h.args[0].data = 0.0
    with pytest.raises(mg.NonFiniteError, match=r"log of x = 0\.0 \(f\)"):
        Walk(h)
    big = Value(1, "x")
    half = big * 1e308
    with pytest.raises(mg.NonFiniteError, match=r"gradient through multiply of x = 1\.0"):
        Walk((half - 1e308) + (big * 1e308 - 1e308))  # the sum of the paths is too large
    tiny = Value(1e-200, "x")
    with pytest.raises(mg.NonFiniteError, match="gradient through reciprocal"):
        Walk(1 / tiny)
