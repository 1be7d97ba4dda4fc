"""Recording: an operation's value is computed, and a new node keeps the operation and arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload

from micrograd_plus import ops
from micrograd_plus._tools.text import sentence, short
from micrograd_plus.core import nodes, twin
from micrograd_plus.graph.evaluation import evaluate
from micrograd_plus.graph.hooks import observers
from micrograd_plus.graph.node import REAL, Node, packed, real, scalar
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

K = TypeVar("K", bound=type)

_LOW, _HIGH = -math.inf, math.inf
_PLAIN = frozenset({float, int})
_new = Node.__new__
_kind: Any = Node
_exact: frozenset[type] = frozenset()


def made_by_operations(kind: K) -> K:
    """A class decorator: nodes of this class, `Value`, are what operations make."""
    global _kind, _exact
    _kind, _exact = kind, frozenset({kind, float})
    if nodes:
        nodes.made_by_operations(kind)
    return kind


@twin
def new_node(data: float, op: Op, left: Any, right: Any) -> Value:
    """A new node whose value is known.

    Args:
        data: the result of `evaluate` for the arguments.
        op: an entry of the table.
        left: the node's `left`, see `Node`.
        right: the node's `right`.
    """
    node: Value = _new(_kind)
    node._data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.left = left
    node.right = right
    if observers:
        for observer in tuple(observers):  # other threads may add and remove theirs
            observer.recorded(node)
    return node


@twin
def record(op: Op, args: tuple[Any, ...]) -> Value:
    """A new node: the operation, its ordered arguments, and its value.

    Args:
        op: an entry of the table.
        args: Values, and floats for constants.

    Raises:
        NonFiniteError: the value is not a finite real number.

    >>> from micrograd_plus import Value
    >>> record(ops.multiply, (Value(2.0), 3.0))
    Value(data=6.0, grad=0.0)
    """
    numbers = [arg if type(arg) is float else arg._data for arg in args]
    left, right = packed(op, args) if op.arity else (args, None)
    return new_node(evaluate(op, args, numbers), op, left, right)


@twin
def apply(op: Op, *arguments: Any) -> Any:
    """Apply an operation: recorded if an argument is a Value, a plain float if none is.

    Args:
        op: an entry of the table, or one of your own.
        arguments: Values and real numbers.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.

    >>> from micrograd_plus import Value
    >>> apply(ops.multiply, Value(2), 3), apply(ops.multiply, 2, 3)
    (Value(data=6.0, grad=0.0), 6.0)
    """
    if not _exact.issuperset(map(type, arguments)):
        arguments = tuple(_argument(op, x) for x in arguments)
    for arg in arguments:
        if isinstance(arg, Node):
            return record(op, arguments)
    return evaluate(op, arguments, arguments)


def _argument(op: Op, x: Any) -> Any:
    arg = operand(x)
    if arg is NotImplemented:
        several = op.arity == 1 and isinstance(x, Iterable) and not isinstance(x, str | bytes)
        raise TypeError(
            f"{op.name} needs Values or real numbers, not {short(x)} ({type(x).__name__})"
            f"{f': for several write [{op.name}(x) for x in xs]' if several else ''}"
        )
    return arg


recorded = ops.Operations(apply)
"""The table's namespace for Values: what a rule computes in it becomes part of the graph."""


def operand(x: Any) -> Any:
    """`x` as an argument of an operation: Values stay, real numbers become floats.

    NotImplemented for everything else, which lets Python ask the other operand.

    Args:
        x: anything.

    >>> operand(2), operand("2")
    (2.0, NotImplemented)
    """
    if type(x) is float or isinstance(x, Node):
        return x
    if not isinstance(x, REAL):
        x = scalar(x)
        if isinstance(x, Node):
            return x
    return real(x, "an operand") if isinstance(x, REAL) else NotImplemented


class Operator(Protocol):
    """An operator's method; for other types, such as arrays, Python asks the other operand."""

    @overload
    def __call__(self, other: Value | float, /) -> Value: ...
    @overload
    def __call__(self, other: Any, /) -> Any: ...


# The fast paths, which nearly every operation of a program takes. They make the node themselves, as
# calling `new_node` would take a seventh longer, and leave the rest to `record`: converting other
# types than Value and float, calling observers, and errors that name the operands.


@twin
def unary(op: Op) -> Callable[[Value], Value]:
    """The method that records an operation of the table on one Value.

    Args:
        op: an entry of the table.

    >>> from micrograd_plus import Value
    >>> unary(ops.exp)(Value(0.0))
    Value(data=1.0, grad=0.0)
    """
    compute = ops.function(op, floats)

    def method(self: Value) -> Value:
        try:
            data = compute(self._data)
        except ZeroDivisionError:
            data = _HIGH
        if observers or not _LOW < data < _HIGH:
            return record(op, (self,))
        node: Value = _new(_kind)
        node._data = data
        node.grad = 0.0
        node.label = ""
        node.op = op
        node.left = self
        node.right = None
        return node

    method.__doc__ = sentence(op.about)
    return method


def operator(method: Callable[[Any, Any], Any]) -> Operator:
    """A method with the types of an operator's."""
    return cast("Operator", method)


@twin
def operated(op: Op, left: Any, right: Any) -> Any:
    """What an operator gives for any operands: a Value, or NotImplemented."""
    left, right = operand(left), operand(right)
    if left is NotImplemented or right is NotImplemented:
        return NotImplemented
    return record(op, (left, right))


@twin
def binary(op: Op, one: Op | None = None) -> tuple[Operator, Operator]:
    """The methods of a binary operator, for a Value on its left and for one on its right.

    Args:
        op: an entry of the table.
        one: the operation to record instead on the right operand alone, where the left one is 1.

    >>> from micrograd_plus import Value
    >>> subtract, subtract_from = binary(ops.subtract)
    >>> subtract(Value(3.0), 1).data, subtract_from(Value(3.0), 1).data
    (2.0, -2.0)
    """
    compute = ops.function(op, floats)

    def method(self: Any, other: Any) -> Any:
        kind = type(other)
        try:
            if kind is _kind:
                data = compute(self._data, other._data)
            elif kind is float:
                data = compute(self._data, other)
            elif kind is int:
                other = float(other)
                data = compute(self._data, other)
            else:
                data = _HIGH
        except ArithmeticError:
            data = _HIGH
        if observers or not _LOW < data < _HIGH:
            return operated(op, self, other)
        node = _new(_kind)
        node._data = data
        node.grad = 0.0
        node.label = ""
        node.op = op
        node.left = self
        node.right = other
        return node

    def reflected(self: Any, other: Any) -> Any:
        if one and isinstance(other, REAL) and other == 1:
            return record(one, (self,))
        try:
            if type(other) in _PLAIN:
                left = float(other)
                data = compute(left, self._data)
                if _LOW < data < _HIGH:
                    return new_node(data, op, left, self)
        except ArithmeticError:
            pass
        return operated(op, other, self)

    return operator(method), operator(reflected)


@twin
def dot_of(args: tuple[Any, ...]) -> Any:
    """`ops.dot` applied to all w, then all x, then b if any, as `apply` does it.

    Values times Values or floats, the usual case, take half the time.

    Args:
        args: Values and real numbers.
    """
    half = len(args) // 2
    total = 0.0
    for w, x in zip(args[:half], args[half:]):  # noqa: B905  zip stops before b
        if type(w) is not _kind:
            break
        if type(x) is _kind:
            total += w._data * x._data
        elif type(x) is float:
            total += w._data * x
        else:
            break
    else:
        bias: Any = args[-1] if len(args) % 2 else None
        if type(bias) is _kind:
            total += bias._data
        if args and (bias is None or type(bias) is _kind) and _LOW < total < _HIGH:
            return new_node(total, ops.dot, args, None)
    return apply(ops.dot, *args)
