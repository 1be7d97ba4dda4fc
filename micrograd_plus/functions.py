"""The functions of the table, under the names of `math` and NumPy.

They take Values and numbers: with a Value among the arguments the operation is recorded and the
result is a Value, without one it is a float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, overload

from micrograd_plus import ops
from micrograd_plus.engine import Value, operand, record
from micrograd_plus.graph import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from micrograd_plus.operation import Op

__all__ = [
    "abs",
    "cos",
    "dot",
    "exp",
    "log",
    "maximum",
    "minimum",
    "reciprocal",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "step",
    "sum",
    "tanh",
]


class Unary(Protocol):
    """A function of one Value or number."""

    @overload
    def __call__(self, x: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, /) -> float: ...


class Binary(Protocol):
    """A function of two Values or numbers."""

    @overload
    def __call__(self, x: Value, y: Value | float, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...


def apply(op: Op, *arguments: Any) -> Any:
    """Apply an operation: recorded if an argument is a Value, a plain float if none is.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.
    """
    args = tuple(map(operand, arguments))
    for given, arg in zip(arguments, args, strict=True):
        if arg is NotImplemented:
            kind = type(given).__name__
            raise TypeError(f"{op.name} needs Values or real numbers, not {given!r} ({kind})")
    if any(isinstance(arg, Value) for arg in args):
        return record(op, args)
    return evaluate(op, args, args)


def _unary(op: Op) -> Unary:
    def function(x: Any, /) -> Any:
        return apply(op, x)

    _document(function, op, "x")
    return function


def _binary(op: Op) -> Binary:
    def function(x: Any, y: Any, /) -> Any:
        return apply(op, x, y)

    _document(function, op, "x, y")
    return function


def _document(function: Any, op: Op, names: str) -> None:
    numbers, result = op.example
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"""{op.about[0].upper()}{op.about[1:]}.

    Args:
        {names}: Values or real numbers; defined for {op.domain.text}.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.
    {f"{chr(10)}    Source: {op.source}.{chr(10)}" if op.source else ""}
    >>> {op.name}({", ".join(f"Value({x!r})" for x in numbers)}).data
    {result!r}
    """


abs = _unary(ops.abs)
cos = _unary(ops.cos)
exp = _unary(ops.exp)
log = _unary(ops.log)
maximum = _binary(ops.maximum)
minimum = _binary(ops.minimum)
reciprocal = _unary(ops.reciprocal)
relu = _unary(ops.relu)
sigmoid = _unary(ops.sigmoid)
sign = _unary(ops.sign)
sin = _unary(ops.sin)
softplus = _unary(ops.softplus)
sqrt = _unary(ops.sqrt)
step = _unary(ops.step)
tanh = _unary(ops.tanh)


def sum(terms: Iterable[Value | float]) -> Any:
    """The sum of any number of terms, as one operation.

    Args:
        terms: an iterable of Values and real numbers; without any the sum is 0.0.

    Raises:
        TypeError: `terms` is not an iterable, or a term neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.

    >>> x = Value(2.0)
    >>> sum([x, x, 1]).data
    5.0
    """
    return apply(ops.sum, *_sequence(terms, "sum"))


def dot(weights: Iterable[Value | float], inputs: Iterable[Value | float]) -> Any:
    """The sum of products w₁·x₁ + w₂·x₂ + …, as one operation: what a neuron computes.

    Args:
        weights: an iterable of Values and real numbers.
        inputs: another of the same length.

    Raises:
        TypeError: an argument is not an iterable, or an item neither a Value nor a real number.
        ValueError: the lengths differ.
        NonFiniteError: the result is not a finite real number.

    Source: lecture A.

    >>> w = [Value(2.0), Value(-3.0)]
    >>> dot(w, [-1, -2]).data
    4.0
    """
    ws, xs = _sequence(weights, "dot"), _sequence(inputs, "dot")
    if len(ws) != len(xs):
        raise ValueError(f"dot needs two sequences of equal length, not {len(ws)} and {len(xs)}")
    return apply(ops.dot, *ws, *xs)


def _sequence(items: Any, name: str) -> list[Any]:
    try:
        return list(items)
    except TypeError:
        kind = type(items).__name__
        raise TypeError(
            f"{name} needs a sequence, such as a list, not {items!r} ({kind})"
        ) from None
