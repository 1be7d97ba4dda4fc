"""Random graphs of all operations against an independent evaluation."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_plus import Value
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.testing import graphs
from tests import oracle
from tests.effort import examples

LARGEST = 1e4


@examples(1000)
@given(graphs())
def test_values_and_gradients_agree_with_mpmath(graph):
    root, leaves = graph
    root.zero_grad()
    root.backward()
    gradients = [leaf.grad for leaf in leaves]
    assume(max(map(abs, [root.data, *gradients])) < LARGEST)
    exact = oracle.gradient(root, leaves)
    disturbed = oracle.gradient(root, leaves, noise=1e-13)
    scale = max(1.0, *(abs(float(g)) for g in exact))
    assume(all(abs(a - b) < 1e-8 * scale for a, b in zip(exact, disturbed, strict=True)))
    value = float(oracle.value(root, leaves, [leaf.data for leaf in leaves]))
    assert math.isclose(root.data, value, rel_tol=1e-9, abs_tol=1e-9)
    assert gradients == pytest.approx([float(g) for g in exact], rel=1e-7, abs=1e-7 * scale)


@examples(1000)
@given(st.data())
def test_second_derivatives_of_random_graphs_agree_with_mpmath(data):
    root, leaves = data.draw(graphs(max_size=6))
    i, j = (data.draw(st.integers(0, len(leaves) - 1)) for _ in range(2))
    first = adjoints(root, m=recorded).get(leaves[i], 0.0)
    second = adjoints(first, m=recorded).get(leaves[j], 0.0) if isinstance(first, Value) else 0.0
    assume(max(abs(float(first)), abs(float(second))) < 1e4)
    point = [leaf.data for leaf in leaves]

    def slope(noise):
        def value(*numbers):
            return oracle.value(root, leaves, numbers, noise)

        return oracle.derivative(lambda *xs: oracle.derivative(value, xs, i), point, j)

    exact, disturbed = slope(0.0), slope(1e-13)
    scale = max(1.0, abs(float(exact)))
    assume(abs(exact - disturbed) < 1e-7 * scale)
    assert float(second) == pytest.approx(float(exact), rel=1e-6, abs=1e-6 * scale)
