"""Random graphs of all operations against an independent evaluation."""

import math

import pytest
from hypothesis import assume, given

from micrograd_plus.testing import graphs
from tests import oracle
from tests.effort import examples

pytestmark = pytest.mark.no_cover  # the same lines many times over, which others cover, too
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
