"""Hypothesis strategies for testing operations, and code that works on graphs.

To test an operation of your own, draw points where it is smooth:

>>> from hypothesis import given
>>> from micrograd_plus import check_gradients
>>> from micrograd_plus.engine import apply
>>> from micrograd_plus.ops import tanh
>>> @given(points(tanh))
... def test_tanh(point):
...     assert check_gradients(lambda *xs: apply(tanh, *xs), *point).ok
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from hypothesis import assume
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "micrograd_plus.testing needs Hypothesis: pip install 'micrograd-plus[test]'"
    ) from error

from micrograd_plus import functions
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.engine import Value, record
from micrograd_plus.graph import evaluate
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.floats import floats
from micrograd_plus.parsing import ExpressionError, from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from micrograd_plus.ops.operation import Op

CLEARANCE = 1e-2
"""The distance that points keep from kinks and from the edges of domains."""


def numbers() -> SearchStrategy[float]:
    """Numbers of moderate size: often whole, and never close to 0 except 0 itself.

    >>> from hypothesis import find
    >>> find(numbers(), lambda x: x > 3)
    4.0
    """
    moderate = st.floats(-20, 20) | st.integers(-4, 4).map(float)
    return moderate.map(lambda x: 0.0 if abs(x) < 1e-3 else x)


def operations() -> SearchStrategy[Op]:
    """Operations of the table.

    >>> from hypothesis import find
    >>> find(operations(), lambda op: op.name == "tanh").symbol
    'tanh'
    """
    return st.sampled_from(sorted(TABLE)).map(TABLE.__getitem__)


def is_smooth_at(op: Op, point: Sequence[float]) -> bool:
    """Whether an operation is defined and differentiable around a point, and of moderate size.

    Args:
        op: an operation, of the table or your own.
        point: a number for each argument.

    >>> is_smooth_at(TABLE["relu"], [1.0]), is_smooth_at(TABLE["relu"], [0.0])
    (True, False)
    """
    nearby = [[x + d for x in point] for d in (-CLEARANCE, 0.0, CLEARANCE)]
    if not all(op.domain.contains(*numbers) for numbers in nearby):
        return False
    if op.kink is not None and abs(op.kink(*point)) < CLEARANCE:
        return False
    return bool(abs(op.value(floats, *point)) < 1e6)


def _arities(op: Op) -> SearchStrategy[int]:
    return st.integers(1, 8) if op.arity is None else st.just(op.arity)


@st.composite
def points(draw: DrawFn, op: Op) -> list[float]:
    """Arguments at which an operation is smooth: inside its domain, away from its kinks.

    Args:
        draw: given by Hypothesis.
        op: an operation, of the table or your own.

    >>> from hypothesis import find
    >>> find(points(TABLE["log"]), lambda point: point[0] > 1)
    [2.0]
    """
    low, high = max(-20.0, op.domain.low), min(20.0, op.domain.high)
    first = st.floats(low, high) | numbers().filter(lambda x: low <= x <= high)
    others = draw(_arities(op)) - 1
    point = [draw(first), *draw(st.lists(numbers(), min_size=others, max_size=others))]
    assume(is_smooth_at(op, point))
    return point


@st.composite
def graphs(draw: DrawFn, max_size: int = 12) -> tuple[Value, list[Value]]:
    """A random graph of all operations, with constants and sharing: its output and its leaves.

    Args:
        draw: given by Hypothesis.
        max_size: the largest number of operations.

    >>> from hypothesis import find
    >>> root, leaves = find(graphs(max_size=3), lambda graph: len(graph[1]) == 2)
    >>> len(leaves)
    2
    """
    leaves = [Value(draw(numbers())) for _ in range(draw(st.integers(1, 4)))]
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, max_size))):
        op = draw(operations())
        n = draw(_arities(op))
        # prefer recent values: the graph grows deep, and most values are used
        recent = st.integers(0, len(nodes) - 1).map(lambda i: nodes[-1 - i])
        args = draw(st.lists(recent | numbers(), min_size=n, max_size=n))
        point = [arg.data if isinstance(arg, Value) else arg for arg in args]
        try:
            evaluate(op, args, point)
        except NonFiniteError:
            continue
        if is_smooth_at(op, point) and any(isinstance(arg, Value) for arg in args):
            nodes.append(record(op, tuple(args)))
    assume(nodes[-1].op is not None)
    return nodes[-1], leaves


@st.composite
def networks(draw: DrawFn) -> tuple[Value, list[Value]]:
    """A small random network of dot products and activations: its output and its parameters.

    >>> from hypothesis import find
    >>> root, parameters = find(networks(), lambda network: True)
    >>> len(parameters)
    2
    """
    width = draw(st.integers(1, 3))
    layer: list[Value | float] = draw(st.lists(st.floats(-2, 2), min_size=width, max_size=width))
    parameters: list[Value] = []
    for _ in range(draw(st.integers(1, 3))):
        activation = draw(st.sampled_from([functions.tanh, functions.sigmoid, functions.softplus]))
        outputs: list[Value | float] = []
        for _ in range(draw(st.integers(1, 3))):
            weights = draw(st.lists(st.floats(-2, 2), min_size=len(layer), max_size=len(layer)))
            neuron = [Value(x) for x in [*weights, draw(st.floats(-1, 1))]]
            parameters += neuron
            outputs.append(activation(functions.dot(neuron[:-1], layer) + neuron[-1]))
        layer = outputs
    return functions.sum(layer), parameters


@st.composite
def expressions(draw: DrawFn) -> tuple[str, dict[str, float]]:
    """An expression as text, with a number for each of its names.

    >>> from hypothesis import find
    >>> find(expressions(), lambda expression: "x" in expression[0])
    ('x', {'x': 0.0})
    """
    named = {name: draw(numbers()) for name in ("x", "y", "w_0")}
    unary = sorted(name for name in functions.__all__ if name in TABLE and TABLE[name].arity == 1)
    text = draw(
        st.recursive(
            st.sampled_from([*named, "2", "0.5", "-3"]),
            lambda inner: (
                st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
                | st.builds("{}({})".format, st.sampled_from(unary), inner)
            ),
            max_leaves=8,
        )
    )
    given = {name: x for name, x in named.items() if name in text}
    try:
        from_text(text, given)
    except ExpressionError:
        assume(False)
    return text, given
