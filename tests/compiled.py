"""What tests of compiled programs share: data, what the engine gives, a graph recorded anew."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus._tools.nested import mapped
from micrograd_plus.engine import record
from micrograd_plus.graph import order
from micrograd_plus.ops.operation import Op
from tests.effort import everything
from tests.needs import has

X = [[0.3, -1.2, 0.7], [-0.4, 0.8, 0.1], [1.1, 0.2, -0.9], [0.6, -0.5, 0.4]]
T = [1.0, 0.0, 1.0, 0.0]
ONE_HOT = [[1.0, 0.0], [0.0, 1.0], [0.3, 0.7], [1.0, 0.0]]

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1 / 3,
    2.0,
    3.0,
    -8.0,
    1e-320,
    1e17,
    710.0,
    -750.0,
    1e308,
    -1e308,
]

CHEATED = Op(  # its rule is not the derivative of its value: it has to be used nonetheless
    "floor",
    value=lambda m, x: m.floor(x),
    partials=(lambda m, out, x: 10.0 * x + out,),
    about="the largest whole number that is at most x, with a straight-through derivative",
    example=((2.5,), 2.0),
)

FIRST = Op(  # the value doesn't depend on an argument that the derivatives go to
    "first",
    value=lambda m, *args: args[0],
    partials=lambda m, out, *args: [float(i) for i in range(len(args))],
    about="the first",
    example=((2.0, 3.0), 2.0),
)

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


def not_compiled():
    """A block in which JAX runs each instruction by itself; compiling a program takes seconds."""
    import jax

    return jax.disable_jit()


def assert_equal(fn, batch, parameters, rel=1e-12):
    """The engine and a program agree; where everything is tried, one that runs on JAX does, too."""
    expected, expected_gradient = eager(fn, batch, parameters)
    scale = max([1e-300, *map(abs, expected_gradient)])
    example = [part[0] for part in batch]
    programs = [mg.compile(fn, *example, params=parameters)]
    found = [programs[0].value_and_grad(*batch)]
    if everything() and has("jax"):
        with not_compiled():
            programs.append(mg.compile(fn, *example, params=parameters, backend="jax"))
            found.append(programs[1].value_and_grad(*batch))
    for value, gradient in found:
        assert value == pytest.approx(expected, rel=rel, abs=1e-300)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=rel, atol=rel * scale)
    return programs[0]


# ------------------------------------------------------------- functions rich in sums

_SMOOTH = (mg.tanh, mg.sigmoid, mg.softplus, mg.sin, mg.atan, mg.silu)
_SUMS = (
    lambda rows, bias: mg.sum(rows) + bias,
    lambda rows, bias: mg.sum([bias, *rows]),
    lambda rows, bias: mg.mean(rows) - bias,
    lambda rows, bias: bias - mg.mean([*rows, bias]),
    lambda rows, bias: sum(rows, bias),
    lambda rows, bias: rows[0] - mg.sum([*rows[1:], bias]) / 2.0,
    lambda rows, bias: -(bias + mg.sum(rows)) * 0.5,
)
_DOTS = (
    lambda weights, rows, bias: mg.dot(weights, rows, bias),
    lambda weights, rows, bias: sum((w * x for w, x in zip(weights, rows, strict=True)), bias),
    lambda weights, rows, bias: mg.dot(rows, weights) + bias,
    lambda weights, rows, bias: bias - mg.mean([x * w for w, x in zip(weights, rows, strict=True)]),
)
_REDUCTIONS = (
    mg.sum,
    mg.mean,
    mg.max,
    mg.min,
    mg.logsumexp,
    lambda rows: record(PRODUCT, tuple(rows)),
    lambda rows: mg.dot(rows, rows[::-1]),
    lambda rows: mg.softmax(rows)[0],
    lambda rows: mg.log_softmax(rows)[-1],
)
_ENDS = (mg.sum, mg.mean, mg.logsumexp, lambda rows: mg.dot(rows, rows))


@st.composite
def layered(draw):
    """A random graph of layers, whose members share rows, weights or biases: root and leaves.

    What `testing.graphs` hardly ever makes: several sums of the same rows, with weights and
    without, with biases that differ or not; means; rows that are repeated, that are parameters,
    or that lie apart; several members of each reduction.
    """
    numbers = st.floats(-1.5, 1.5, width=16).filter(lambda x: abs(x) > 1e-2)
    leaves = [Value(draw(numbers)) for _ in range(draw(st.integers(3, 12)))]
    known = list(leaves)
    recent = st.deferred(lambda: st.integers(1, len(known)).map(lambda i: known[-i]))

    def some(count):
        return draw(st.lists(recent | numbers, min_size=count, max_size=count))

    def in_order(count):
        """Leaves that lie regularly in the vector of parameters, or are all the same one."""
        start, step = draw(st.integers(0, len(leaves) - 1)), draw(st.sampled_from([1, 1, 2, 0]))
        return [leaves[(start + step * i) % len(leaves)] for i in range(count)]

    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.lists(recent, min_size=1, max_size=6))
        n, count = len(rows), draw(st.integers(1, 4))
        each = [rows] * count if draw(st.booleans()) else [rows, *(some(n) for _ in range(count))]
        biases = draw(st.sampled_from([[0.0], [0.5], in_order(len(each)), some(len(each))]))
        biases = (biases * len(each))[: len(each)]
        kind = draw(st.sampled_from(["sums", "sums", "dots", "dots", "reductions", "products"]))
        if kind == "sums":
            way = draw(st.sampled_from(_SUMS))
            made = map(way, each, biases)
        elif kind == "dots":
            way = draw(st.sampled_from(_DOTS))
            weights = [in_order(n) if draw(st.booleans()) else some(n) for _ in each]
            made = map(way, weights, each, biases)
        elif kind == "reductions":
            way = draw(st.sampled_from(_REDUCTIONS))
            made = [way(rows), *(way([*r, b]) for r, b in zip(each, biases, strict=True))]
        else:
            made = [r[0] * rows[0] + r[-1] for r in each]
        if draw(st.integers(0, 3)):
            made = map(draw(st.sampled_from(_SMOOTH)), made)
        known += [x for x in made if isinstance(x, Value)]
        assume(all(abs(x.data) < 50 for x in known))
    last = known[draw(st.integers(len(leaves), len(known) - 1)) :]
    root = draw(st.sampled_from(_ENDS))(last)
    assume(is_clear(root))
    return root, leaves


def is_clear(root):
    """Whether rounding decides nothing: each kink is apart, the arguments of each maximum are.

    What is equal but for rounding is a tie in one order of additions and none in another. Those of
    a maximum or minimum may also be the same node.
    """
    for node in order(root):
        known = {id(arg): float(arg) for arg in node.args}
        if node.op in (ops.max, ops.min):
            numbers = sorted(known.values())
            if any(b - a < 1e-9 for a, b in itertools.pairwise(numbers)):
                return False
        elif node.op and node.op.kink and abs(node.op.kink(*map(float, node.args))) < 1e-9:
            return False
    return True
