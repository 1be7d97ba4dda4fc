"""What tests of compiled programs share: data, what the engine gives, a graph recorded anew."""

import importlib
import math
import os

import pytest

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.engine import record
from micrograd_plus.graph import order
from micrograd_plus.nested import mapped
from micrograd_plus.operation import Op

X = [[0.3, -1.2, 0.7], [-0.4, 0.8, 0.1], [1.1, 0.2, -0.9], [0.6, -0.5, 0.4]]
T = [1.0, 0.0, 1.0, 0.0]
ONE_HOT = [[1.0, 0.0], [0.0, 1.0], [0.3, 0.7], [1.0, 0.0]]

PRODUCT = Op(
    "product",
    value=lambda m, *args: math.prod(args),
    partials=lambda m, out, *args: [
        math.prod(x for j, x in enumerate(args) if j != i) for i in range(len(args))
    ],
    about="the product",
    example=((2.0, 3.0), 6.0),
)
"""An operation that is not in the table, on any number of arguments."""


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


def jax():
    """The module; in CI it has to be there."""
    if "CI" in os.environ:
        return importlib.import_module("jax")
    return pytest.importorskip("jax", reason="the backend needs JAX")
