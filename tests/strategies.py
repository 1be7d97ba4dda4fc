"""Hypothesis strategies for operations, points and graphs: what is in the table is in here."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from micrograd_plus.engine import Value, record
from micrograd_plus.floats import floats
from micrograd_plus.graph import NonFiniteError, evaluate
from micrograd_plus.ops import TABLE

CLEARANCE = 1e-2
"""How far points stay from kinks."""

operations = st.sampled_from(sorted(TABLE)).map(TABLE.__getitem__)
numbers = st.floats(-20, 20) | st.integers(-4, 4).map(float)
numbers = numbers.map(lambda x: 0.0 if abs(x) < 1e-3 else x)


@st.composite
def arities(draw, op):
    """A number of arguments that an operation takes."""
    if op.arity is not None:
        return op.arity
    return 2 * draw(st.integers(1, 4))  # even, as dot wants it


def is_smooth_at(op, args):
    """Whether an operation is defined, differentiable and of moderate size around a point."""
    nearby = [[x + d for x in args] for d in (-CLEARANCE, 0, CLEARANCE)]
    if not all(op.domain.contains(*point) for point in [*nearby, args]):
        return False
    if op.kink is not None and abs(op.kink(*args)) < CLEARANCE:
        return False
    return abs(op.value(floats, *args)) < 1e6


@st.composite
def points(draw, op):
    """Arguments at which an operation is smooth."""
    low, high = max(-20, op.domain.low), min(20, op.domain.high)
    first = st.floats(low, high) | numbers.filter(lambda x: low <= x <= high)
    n = draw(arities(op)) - 1
    args = [draw(first), *draw(st.lists(numbers, min_size=n, max_size=n))]
    if op.name == "clip":
        args[1:] = sorted(args[1:])
    assume(is_smooth_at(op, args))
    return args


@st.composite
def graphs(draw, max_size=12):
    """The last value of a random graph, and its leaves: constants, sharing and all."""
    leaves = [Value(draw(numbers)) for _ in range(draw(st.integers(1, 4)))]
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, max_size))):
        op = draw(operations)
        n = draw(arities(op))
        # mostly recent values, so that the graph grows deep and what is made is used
        recent = st.integers(0, len(nodes) - 1).map(lambda i: nodes[-1 - i])
        args = draw(st.lists(recent | numbers, min_size=n, max_size=n))
        if not any(isinstance(arg, Value) for arg in args):
            continue
        point = [arg.data if isinstance(arg, Value) else arg for arg in args]
        try:
            evaluate(op, args, point)
        except NonFiniteError:
            continue
        if is_smooth_at(op, point):
            nodes.append(record(op, tuple(args)))
    assume(nodes[-1].op is not None)
    return nodes[-1], leaves
