"""Compiled programs: equal to the engine, readable, and aware of what can't be compiled."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import TraceError, compile
from micrograd_plus.compiler.trace import mapped
from micrograd_plus.engine import record
from micrograd_plus.graph import order
from micrograd_plus.testing import graphs


def rebuilt(root, replaced):
    """A graph recorded anew on other leaves."""
    new = dict(replaced)
    for node in order(root):
        if node.op is not None:
            args = tuple(arg if type(arg) is float else new.get(arg, arg) for arg in node.args)
            new[node] = record(node.op, args)
        else:
            new.setdefault(node, node)
    return new[root]


def eager(fn, batch, parameters):
    """Mean and gradient by the engine, example by example."""
    for p in parameters:
        p.grad = 0.0
    examples = [[mapped(Value, part) for part in example] for example in zip(*batch, strict=True)]
    mean = mg.mean([fn(*example) for example in examples])
    mean.backward()
    return mean.data, [p.grad for p in parameters]


def assert_equal(fn, batch, parameters, rel=1e-12):
    program = compile(fn, *(part[0] for part in batch), params=parameters)
    value, gradient = program.value_and_grad(*batch)
    expected, expected_gradient = eager(fn, batch, parameters)
    assert value == pytest.approx(expected, rel=rel, abs=1e-300)
    scale = max([1e-300, *map(abs, expected_gradient)])
    np.testing.assert_allclose(gradient, expected_gradient, rtol=rel, atol=rel * scale)
    return program


@settings(max_examples=2000)
@given(st.data())
def test_random_graphs(data):
    root, leaves = data.draw(graphs(max_size=10))
    count = data.draw(st.integers(0, len(leaves)))
    inputs, parameters = leaves[:count], leaves[count:]
    point = [leaf.data for leaf in inputs]

    def fn(*xs):
        return rebuilt(root, dict(zip(inputs, xs, strict=True)))

    batch = [[x] * 2 for x in point]
    if not inputs:
        program = compile(fn, params=parameters)
        value, gradient = program.value_and_grad()
        root.backward()
        expected = root.data, [p.grad for p in parameters]
    else:
        program = compile(fn, *point, params=parameters)
        value, gradient = program.value_and_grad(*batch)
        expected = eager(fn, batch, parameters)
    disturbed = max(map(abs, [expected[0], *expected[1]]), default=0.0)
    assume(disturbed < 1e6)
    assert value == pytest.approx(expected[0], rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-9, atol=1e-9 * max(1.0, disturbed))
