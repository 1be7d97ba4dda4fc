"""Random functions, compiled: values and gradients are those of the engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import compile
from micrograd_plus.graph import order
from micrograd_plus.testing import graphs
from tests.compiled import layered, not_compiled, rebuilt
from tests.effort import examples, parts, slow
from tests.needs import needed, needed_by


@examples(1000)
@given(st.data(), graphs(max_size=10))
def test_graphs_of_all_operations(data, graph):
    compare(data, graph, "numpy")


@examples(1000)
@given(st.data(), layered())
def test_layers_that_share_what_they_can(data, graph):
    compare(data, graph, "numpy")


@examples(1000)
@given(st.data(), graphs(max_size=10))
def test_graphs_of_all_operations_natively(data, graph):
    needed_by("native")
    compare(data, graph, "native")


@examples(1000)
@given(st.data(), layered())
def test_layers_that_share_what_they_can_natively(data, graph):
    needed_by("native")
    compare(data, graph, "native")


@slow
@parts(2)
@examples(850)
@given(data=st.data(), graph=graphs(max_size=10))
def test_graphs_of_all_operations_on_jax(part, data, graph):
    needed("jax")
    with not_compiled():
        compare(data, graph, "jax")


@slow
@parts(3)
@examples(100)  # each takes JAX several times as long as one of the above
@given(data=st.data(), graph=layered())
def test_layers_that_share_what_they_can_on_jax(part, data, graph):
    needed("jax")
    with not_compiled():
        compare(data, graph, "jax")


@examples(40)
@given(st.data(), graphs(max_size=10) | layered())
def test_jax_compiles_what_it_is_given(data, graph):
    needed("jax")
    compare(data, graph, "jax")


def compare(data, graph, backend):
    """A random graph, compiled and recorded, for a batch of two examples, one counting double."""
    root, leaves = graph
    count = data.draw(st.integers(1, len(leaves)))
    inputs, parameters = leaves[:count], leaves[count:]
    point = [leaf.data for leaf in inputs]
    one_argument = data.draw(st.booleans())

    def fn(*given):
        return rebuilt(root, dict(zip(inputs, given[0] if one_argument else given, strict=True)))

    example = [point] if one_argument else point
    batch = [[part] * 2 for part in example]
    program = compile(fn, *example, params=parameters, input_gradients=True, backend=backend)
    value, gradient, slopes = program.value_and_grad(*batch, weights=[2.0, 1.0])
    root.zero_grad()
    root.backward()
    # a last digit that differs in a large number counts as much as what it is multiplied by
    nodes = order(root)
    scale = max(1.0, *(abs(x.data) for x in nodes)) * max(1.0, *(abs(x.grad) for x in nodes))
    assert program(*batch) == pytest.approx([root.data] * 2, rel=1e-12, abs=1e-12 * scale)
    assert value == pytest.approx(3 * root.data, rel=1e-12, abs=1e-12 * scale)
    slopes = slopes[0] if one_argument else np.stack(slopes, axis=1)
    expected = np.array([[p.grad for p in inputs]])
    np.testing.assert_allclose(slopes, [[2.0], [1.0]] * expected, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(
        gradient, [3 * p.grad for p in parameters], rtol=1e-12, atol=1e-12 * scale
    )
