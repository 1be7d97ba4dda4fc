"""σ, folded and opened: walked with equal numbers, and seen where it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus.graph import order
from micrograd_plus.ops.floats import floats
from micrograd_plus.testing import graphs
from micrograd_plus.walk.gates import gates

WAYS = {
    "1/(1 + exp(−x))": lambda x: 1 / (1 + mg.exp(-x)),
    "(exp(x · −1) + 1) to the −1": lambda x: (mg.exp(x * -1) + 1) ** -1,
    "1.0/(exp(−1 · x) + 1.0)": lambda x: mg.reciprocal(mg.exp(-1 * x) + 1.0),
}


def sigmoids(root, sigma=True):
    return [node for node, (op, _) in gates(order(root), sigma).items() if op is ops.sigmoid]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_each_way_to_write_it_is_seen(way):
    x = Value(0.7, "x")
    y = way(x)
    assert sigmoids(y) == [y]
    assert gates(order(y), sigma=True)[y] == (ops.sigmoid, (x,))
    assert list(gates(order(y))) == order(y)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: 1 / (2 + mg.exp(-x)),
        lambda x: 2 / (1 + mg.exp(-x)),
        lambda x: 1 / (1 + mg.exp(x)),
        lambda x: 1 / (1 + mg.exp(x * -2)),
        lambda x: 1 / (1 + mg.exp(-x) * 1),
        lambda x: (1 + mg.exp(-x)) ** -2,
        lambda x: (1 + mg.exp(-x)) / 1,
        lambda x: x / (1 + mg.exp(-x)),
        lambda x: 1 / (x + mg.exp(-x)),
    ],
)
def test_what_only_resembles_it_is_not(other):
    assert not sigmoids(other(Value(0.7)))


def test_a_gate_stays_open_where_something_else_uses_what_is_inside():
    x = Value(0.7)
    e = mg.exp(-x)
    assert not sigmoids(1 / (1 + e) + e)
    assert not sigmoids((1 / (1 + e)) * (1 / (1 + e)))
    y = 1 / (1 + mg.exp(-x))
    assert len(sigmoids(y * y)) == 1


@given(graphs(max_size=6), st.lists(st.sampled_from(list(WAYS.values())), max_size=3))
def test_open_and_folded_walks_have_equal_numbers(graph, ways):
    root, leaves = graph
    f = mg.tanh(root)
    for way in ways:
        f = way(f) * 2 + way(leaves[0]) + way(f * 0.5)
    g = f + leaves[-1]
    before = [(node.op, node.args, node.data, node.grad) for node in order(g)]
    opened, folded = (mg.step_through(g, sigma=sigma)[-1].visible for sigma in (False, True))
    assert set(folded) <= set(opened)
    found = len(sigmoids(g)) - len(sigmoids(g, sigma=False))
    assert len(opened) - len(folded) == 3 * found
    assert found >= 3 * len(ways)
    for node, shown in folded.items():
        assert math.isclose(shown.data, opened[node].data, rel_tol=1e-12)
        assert math.isclose(shown.grad, opened[node].grad, rel_tol=1e-9, abs_tol=1e-12)
    assert [(node.op, node.args, node.data, node.grad) for node in order(g)] == before


def test_the_lecture_s_gate_folded():
    w0, x0, w1, x1, b = mg.values(w_0=2, x_0=-1, w_1=-3, x_1=-2, b=-3)
    z = w0 * x0 + w1 * x1 + b
    z.label = "z"
    f = 1 / (1 + mg.exp(-z))
    walk = mg.step_through(f, sigma=True)
    texts = [step.text for step in walk]
    assert "f = σ(z) = σ(1) = 0.7311" in texts
    assert "∂f/∂z = σ(z) · (1 − σ(z)) = 0.1966" in texts
    assert len(walk) == len(mg.step_through(f)) - 6
    html = walk._repr_html_()
    assert "σ" in html
    assert ">exp<" not in html


def test_it_prints(capsys):
    x = Value(1.0, "x")
    mg.step_through(1 / (1 + mg.exp(-x)), sigma=True).print()
    assert "f = σ(x) = σ(1) = 0.7311" in capsys.readouterr().out


def neuron():
    """A neuron of three weights, one of whose inputs is a number, and its tanh."""
    w, x, (b,) = mg.values(w_1=0.5, w_2=-1.5, w_3=2.0), mg.values(x_1=1, x_3=-1), mg.values(b=0.3)
    return mg.tanh(mg.dot(w, [x[0], 2.0, x[1]], b) * 0.25)


def test_a_dot_product_taken_apart():
    f = neuron()
    walk = mg.step_through(f, detail="gates")
    texts = [step.text for step in walk]
    assert texts[1:6] == [
        "v₁ = w₁ · x₁ = 0.5 · 1 = 0.5",
        "v₂ = w₂ · 2 = −1.5 · 2 = −3",
        "v₃ = v₁ + v₂ = 0.5 + (−3) = −2.5",
        "v₄ = w₃ · x₃ = 2 · (−1) = −2",
        "v₅ = v₃ + v₄ = −2.5 + (−2) = −4.5",
    ]
    html = walk._repr_html_().encode().decode("unicode_escape")
    assert "w·x" not in html
    assert ">×</text>" in html


@given(st.data())
def test_open_and_closed_dot_products_have_equal_numbers(data):
    number = st.floats(-2, 2)
    leaves = [Value(data.draw(number), name) for name in "abc"]
    operand = st.one_of(st.sampled_from(leaves), number)
    x = leaves[0]
    for _ in range(data.draw(st.integers(1, 3))):
        size = data.draw(st.integers(1, 4))
        w, y = data.draw(st.lists(operand, min_size=2 * size, max_size=2 * size)), []
        w, y = [x, *w[1:size]], w[size:]
        x = mg.tanh(mg.dot(w, y, data.draw(st.none() | operand)))
    x.backward()
    before = [(node.op, node.args, node.data, node.grad) for node in order(x)]
    opened, closed = (mg.step_through(x, detail=detail) for detail in ("gates", "operations"))
    assert not any(op is ops.dot for op, _ in opened.gates.values())
    for node in order(x):
        assert math.isclose(opened.data[node], closed.data[node], rel_tol=1e-12)
        assert math.isclose(opened.grad[node], closed.grad[node], rel_tol=1e-9, abs_tol=1e-12)
    for node, (op, args) in opened.gates.items():  # what a picture shows of a backward pass
        if op is not None:
            numbers = [arg if type(arg) is float else arg.data for arg in args]
            assert math.isclose(node.data, op.value(floats, *numbers), rel_tol=1e-12)
        if node.op is not None:
            assert math.isclose(node.grad, opened.grad[node], rel_tol=1e-9, abs_tol=1e-12)
    assert [(node.op, node.args, node.data, node.grad) for node in order(x)] == before


def test_what_is_no_detail():
    with pytest.raises(ValueError, match="no detail 'gate' \\(did you mean gates\\?\\)"):
        mg.step_through(neuron(), detail="gate")
    with pytest.raises(ValueError, match="no detail"):
        mg.draw(neuron(), detail="")


def softmaxes(root):
    shown = gates(order(root))
    return [node for node, (op, _) in shown.items() if op is not None and "softmax" in op.name]


@given(st.data())
def test_each_output_of_softmax_is_one_gate_with_the_same_numbers(data):
    numbers = data.draw(st.lists(st.floats(-20, 20), min_size=1, max_size=4))
    xs = [Value(x, f"z_{i}") for i, x in enumerate(numbers)]
    terms = data.draw(st.lists(st.sampled_from([*xs, 1.5, -math.inf]), max_size=2)) + xs
    kind = data.draw(st.sampled_from([mg.softmax, mg.log_softmax]))
    outputs = [y for y in kind(terms) if isinstance(y, Value)]
    used = data.draw(st.lists(st.sampled_from(outputs), min_size=1, max_size=3))
    f = mg.sum([mg.tanh(y) for y in used]) * 2
    closed, opened = mg.step_through(f), mg.step_through(f, detail="gates")
    assert {*softmaxes(f)} == {*used}
    assert not any("detach" in step.text for step in closed)
    assert {node for node in closed.gates if node.op is None} == {*xs}
    for node in closed.gates:
        assert math.isclose(closed.data[node], opened.data[node], rel_tol=1e-9, abs_tol=1e-12)
        assert math.isclose(closed.grad[node], opened.grad[node], rel_tol=1e-9, abs_tol=1e-12)


def test_a_softmax_stays_open_where_something_else_uses_what_is_inside():
    z = mg.values(z_1=1, z_2=2)
    first, _ = mg.softmax(z)
    weight, total = first.args
    for inner in (weight, total, weight.args[0], weight.args[0].args[1]):
        assert not softmaxes(first + inner * 2)
    assert softmaxes(first + z[0])


@pytest.mark.parametrize(
    "other",
    [
        lambda x, y: mg.exp(x) / (mg.exp(x) + mg.exp(y)),
        lambda x, y: mg.exp(x - mg.max([x, y])) / mg.sum([mg.exp(x - 1), mg.exp(y - 1)]),
        lambda x, y: mg.softmax([x, y])[0].args[1] / 2,
        lambda x, y: 1 / mg.softmax([x, y])[0].args[1],
        lambda x, y: (e := mg.exp(x - mg.detach(mg.max([x, 3.0])))) / mg.sum([e, 0.0]),
    ],
)
def test_what_only_resembles_softmax_is_not(other):
    assert not softmaxes(other(*mg.values(x=1, y=2)))
