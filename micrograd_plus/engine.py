"""`Value`: a number that remembers where it came from, and so can be differentiated."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.copying import copy_node, deep_copy, reduce_node
from micrograd_plus.graph import (
    NonFiniteError,
    evaluate,
    infinite_gradient,
    inputs,
    local_derivatives,
    order,
    real,
    unchanged_on_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.operation import Op


def record(op: Op, args: tuple[Value | float, ...]) -> Value:
    """A new node: the operation, its ordered arguments, and its value.

    Args:
        op: an entry of the table.
        args: Values, and floats for constants.

    Raises:
        NonFiniteError: the value is not a finite real number.
    """
    node = Value.__new__(Value)
    node.data = evaluate(op, args, [arg.data if isinstance(arg, Value) else arg for arg in args])
    node.grad = 0.0
    node.op = op
    node.args = args
    node.label = ""
    return node


def operand(x: Any) -> Any:
    """`x` as an argument of an operation: Values stay, real numbers become floats.

    NotImplemented for everything else, which lets Python ask the other operand.
    """
    if type(x) is float or isinstance(x, Value):
        return x
    return real(x, "an operand") if isinstance(x, Real) else NotImplemented


def _unary(op: Op) -> Callable[[Value], Value]:
    def method(self: Value) -> Value:
        return record(op, (self,))

    method.__doc__ = f"{op.about[0].upper()}{op.about[1:]}."
    return method


def _binary(op: Op) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def method(self: Value, other: Any) -> Any:
        other = operand(other)
        return other if other is NotImplemented else record(op, (self, other))

    def reflected(self: Value, other: Any) -> Any:
        other = operand(other)
        return other if other is NotImplemented else record(op, (other, self))

    return method, reflected


def _comparison(compare: Callable[[float, Any], bool]) -> Callable[..., Any]:
    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value):
            return compare(self.data, other.data)
        return compare(self.data, other) if isinstance(other, Real) else NotImplemented

    return method


class Value:
    """A real number that records the operations applied to it into a graph.

    Arithmetic with Values and numbers makes new Values, `+=` too; a plain number among the
    operands is a constant and gets no gradient. Comparisons, `float()`, `int()`, `round()` and
    `math.floor()` look at `data` and leave the graph. As in PyTorch, `==` compares numbers
    while sets and dictionaries tell Values apart by identity.

    Args:
        data: a finite real number.
        label: the name to print and draw; `w_0` and `w_{1,2}` get subscripts.

    Attributes:
        data: the number.
        grad: the derivative of the last `backward()`'s value for this one; 0.0 before.
        op: the operation that made it, an entry of `micrograd_plus.ops`; None for a leaf.
        args: the operation's arguments in order, Values and floats.
        label: the name.

    Raises:
        TypeError: `data` is not a real number, or `label` not a string.
        NonFiniteError: `data` is nan or infinite.

    >>> x, y, z = Value(1, "x"), Value(-3, "y"), Value(4, "z")
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.data, x.grad, y.grad, z.grad
    (-8.0, 4.0, 4.0, -2.0)
    """

    __slots__ = ("args", "data", "grad", "label", "op")

    data: float
    grad: float
    op: Op | None
    args: tuple[Any, ...]
    label: str

    def __init__(self, data: float, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, not {label!r} ({type(label).__name__})")
        number = real(data, "a Value's data")
        if not math.isfinite(number):
            raise NonFiniteError(f"a Value needs a finite number, not {data!r}")
        self.data = number
        self.grad = 0.0
        self.op = None
        self.args = ()
        self.label = label

    def backward(self) -> None:
        """Differentiate this value: put ∂self/∂v into `v.grad` for every v it depends on.

        Works through the graph in reverse topological order, O(nodes + edges) at any depth.
        Gradients inside the graph are fresh at each call; those of the leaves add up over calls,
        as in PyTorch, until `zero_grad()`.

        Raises:
            NonFiniteError: a gradient is not a finite number, as that of √x at 0. Whatever stops
                the pass, all gradients are then as they were before.

        >>> a = Value(3.0)
        >>> (a * a).backward()
        >>> a.grad
        6.0
        """
        nodes = order(self)
        with unchanged_on_error(nodes, "grad"):
            for node in nodes:
                if node.op is not None:
                    node.grad = 0.0
            self.grad += 1.0
            for node in reversed(nodes):
                if node.op is not None:
                    _chain_rule(node, node.op)

    def zero_grad(self) -> None:
        """Set the gradient of this value, and of every value it depends on, to 0."""
        nodes = order(self)
        with unchanged_on_error(nodes, "grad"):
            for node in nodes:
                node.grad = 0.0

    # arithmetic
    __add__, __radd__ = _binary(ops.add)
    __sub__, __rsub__ = _binary(ops.subtract)
    __mul__, __rmul__ = _binary(ops.multiply)
    __truediv__, _divide_by = _binary(ops.divide)
    __pow__, __rpow__ = _binary(ops.power)
    __neg__ = _unary(ops.negate)
    __abs__ = _unary(ops.abs)

    def __rtruediv__(self, other: Any) -> Any:
        one = isinstance(other, Real) and other == 1
        return record(ops.reciprocal, (self,)) if one else self._divide_by(other)

    def __pos__(self) -> Value:
        return self

    # functions; NumPy calls these by name on arrays of Values
    exp, log, sqrt = _unary(ops.exp), _unary(ops.log), _unary(ops.sqrt)
    sin, cos, tanh = _unary(ops.sin), _unary(ops.cos), _unary(ops.tanh)
    sigmoid, relu = _unary(ops.sigmoid), _unary(ops.relu)

    # comparisons
    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)
    __eq__, __ne__ = _comparison(operator.eq), _comparison(operator.ne)
    __hash__ = object.__hash__

    # conversions, which leave the graph
    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    __trunc__ = __int__

    def __floor__(self) -> int:
        return math.floor(self.data)

    def __ceil__(self) -> int:
        return math.ceil(self.data)

    def __round__(self, digits: int | None = None) -> float:
        return round(self.data, digits)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={float(self.data)!r}, grad={float(self.grad)!r}{label})"

    # copies and pickles
    def __copy__(self) -> Value:
        return copy_node(self, self.args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return reduce_node(self)


def _chain_rule(node: Value, op: Op) -> None:
    """Add upstream gradient · local derivative to the gradient of each argument of `node`."""
    numbers = inputs(node)
    local = local_derivatives(op, node.args, numbers, node.data)
    for arg, derivative in zip(node.args, local, strict=True):
        if type(arg) is not float:
            arg.grad += node.grad * derivative
            if not -math.inf < arg.grad < math.inf:
                raise infinite_gradient(op, node.args, numbers)


def values(**numbers: float) -> tuple[Value, ...]:
    """Labelled Values, in the order in which they are named.

    Args:
        numbers: a finite real number for each label.

    Raises:
        TypeError, NonFiniteError: as for `Value`.

    >>> x, y = values(x=1, y=-3)
    >>> y
    Value(data=-3.0, grad=0.0, label='y')
    """
    return tuple(Value(number, label) for label, number in numbers.items())
