"""The one reverse sweep: numbers and Values, against the table, and inside one another."""

import gc

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.engine import apply
from micrograd_plus.graph import inputs, order
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import Op
from micrograd_plus.testing import graphs
from tests.effort import examples


def by_the_table(root):
    """The chain rule as the table has it: no operation has a way of its own."""
    nodes = order(root)
    found = dict.fromkeys(nodes, 0.0)
    found[root] = 1.0
    for node in reversed(nodes):
        if node.op is not None:
            wanted = [isinstance(arg, Value) for arg in node.args]
            slopes = node.op.local_derivatives(floats, node.data, inputs(node), wanted)
            for arg, slope in zip(node.args, slopes, strict=True):
                if isinstance(arg, Value):
                    found[arg] += found[node] * slope
    return found


def agrees_with_the_table(root):
    expected = by_the_table(root)
    numbers, nodes = adjoints(root), adjoints(root, m=recorded)
    root.backward()
    scale = max(1.0, *map(abs, expected.values()))
    for node, slope in expected.items():
        close = pytest.approx(slope, rel=1e-9, abs=1e-12 * scale)
        assert numbers[node] == close
        assert float(nodes[node]) == close
        if node.op is not None:  # leaves add up over examples
            assert node.grad == close


@examples(1000)
@given(graphs())
def test_random_graphs_agree_with_the_table(graph):
    agrees_with_the_table(graph[0])


@pytest.mark.parametrize("compute", [
    lambda x, y: x + y,
    lambda x, y: (x + 2.0) * (y + x),
    lambda x, y: x * 2.0 * y,
    lambda x, y: mg.dot([x, 2.0, y], [y, x, 3.0]),
    lambda x, y: mg.dot([x, y], [y, x], x),
    lambda x, y: mg.dot([x, y], [y, x], 5.0),
    lambda x, y: mg.exp(x) - 2.0**y,
    lambda x, y: mg.max([x, y, 1.0]) * mg.clip(x, 0.0, y),
])  # fmt: skip
def test_each_way_that_is_written_out_agrees_with_the_table(compute):
    agrees_with_the_table(compute(Value(1.5), Value(4.0)))


def test_adjoints_change_no_gradient():
    x = Value(3.0)
    f = x * x * 2.0
    f.backward()
    before = [node.grad for node in order(f)]
    assert adjoints(f)[x] == adjoints(f, m=recorded)[x].data == 12
    assert [node.grad for node in order(f)] == before


def through_both(m, out, x, y):
    """The derivative of x · y with respect to x, by a transform that meets both again."""
    if isinstance(x, Value):
        return mg.grad(lambda t: t * (y * 1.0) + 0.0 * (x + y))(x)
    return y


PRODUCT = Op(
    "product",
    value=lambda m, x, y: x * y,
    partials=(through_both, lambda m, out, x, y: x),
    about="a product",
    example=((2.0, 3.0), 6.0),
)


def test_a_rule_may_ask_for_derivatives_through_the_nodes_of_the_sweep_it_runs_in():
    def f(x, y):
        return apply(PRODUCT, x * 1.0, y) + y * 5.0  # of which y has the gradient already

    assert mg.grad(f)(2.0, 3.0) == (3.0, 7.0)
    assert mg.grad(f, create_graph=True)(2.0, 3.0) == (3.0, 7.0)
    assert mg.hessian(lambda v: f(*v))([2.0, 3.0]) == [[0.0, 1.0], [1.0, 0.0]]


def test_derivatives_as_values_leave_no_cycles_behind():
    def cubic(x):
        return x[0] ** 3 * x[1]

    slopes = mg.grad(cubic, create_graph=True)
    slopes([2.0, 3.0])
    gc.collect()
    gc.disable()
    try:
        assert slopes([2.0, 3.0]) == [36.0, 8.0]
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("differentiate", [Value.backward, adjoints])
def test_gradients_inside_the_graph_that_add_up_to_too_much_name_the_node(differentiate):
    x = Value(1e-10, "x")

    def f(x):
        y = x * 1.0
        y.label = "y"
        return y * 1e308 + y * 1e308

    with pytest.raises(mg.NonFiniteError, match=r"gradients of Value\(.*'y'\) add up"):
        differentiate(f(x))
    assert x.grad == 0


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_term_that_is_too_much_names_the_operation(create_graph):
    slope = mg.grad(lambda x: x * 1e308 * 1e308, create_graph=create_graph)
    with pytest.raises(mg.NonFiniteError, match=r"gradient through multiply of 1e-320, 1e\+308"):
        slope(1e-320)
