"""`Value`: a number that remembers where it came from, and so can be differentiated."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

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
    from collections.abc import Callable, Container, Iterator, Sequence

    from micrograd_plus.operation import Op


class Observer(Protocol):
    """What is told of everything that is recorded and differentiated."""

    def recorded(self, node: Value) -> None:
        """`node` was made."""

    def differentiating(self, nodes: Sequence[Value]) -> None:
        """A backward pass through `nodes` begins."""


observers: list[Observer] = []


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
    for observer in observers:
        observer.recorded(node)
    return node


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

    def backward(self, *, create_graph: bool = False) -> None:
        """Differentiate this value: put ∂self/∂v into `v.grad` for every v it depends on.

        Works through the graph in reverse topological order, O(nodes + edges) at any depth.
        Gradients inside the graph are fresh at each call; those of the leaves add up over calls,
        as in PyTorch, until `zero_grad()`.

        Args:
            create_graph: whether gradients are to be Values, which can be differentiated again.

        Raises:
            NonFiniteError: a gradient is not a finite number, as that of √x at 0. Whatever stops
                the pass, all gradients are then as they were before.

        >>> a = Value(3.0)
        >>> (a * a).backward()
        >>> a.grad
        6.0
        """
        nodes = order(self)
        for observer in observers:
            observer.differentiating(nodes)
        with unchanged_on_error(nodes, "grad"):
            if create_graph:
                for node, gradient in adjoints(self).items():
                    node.grad = gradient if node.op is not None else plus(node.grad, gradient)
                return
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
    exp, expm1, sqrt, cbrt = map(_unary, (ops.exp, ops.expm1, ops.sqrt, ops.cbrt))
    log, log1p, log2, log10 = map(_unary, (ops.log, ops.log1p, ops.log2, ops.log10))
    sin, cos, tan = map(_unary, (ops.sin, ops.cos, ops.tan))
    sinh, cosh, tanh = map(_unary, (ops.sinh, ops.cosh, ops.tanh))
    sigmoid, relu, silu, gelu = map(_unary, (ops.sigmoid, ops.relu, ops.silu, ops.gelu))

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
    for arg, slope in slopes(node, op):
        arg.grad += node.grad * slope
        if not -math.inf < arg.grad < math.inf:
            raise infinite_gradient(op, node.args, inputs(node))


_recorded = ops.Operations(apply)
"""The table's namespace for Values: what a rule computes becomes part of the graph."""


def slopes(node: Value, op: Op, create_graph: bool = False) -> Iterator[tuple[Value, Any]]:
    """Each argument of `node` that is a Value, with its local derivative.

    Args:
        node: a Value.
        op: its operation.
        create_graph: whether the derivatives are to be Values, as far as they depend on any.

    Raises:
        NonFiniteError: a derivative is not a finite number.
    """
    local: Sequence[Any]
    if create_graph:
        wanted = [type(arg) is not float for arg in node.args]
        local = op.local_derivatives(_recorded, node, node.args, wanted)
    else:
        local = local_derivatives(op, node.args, inputs(node), node.data)
    for arg, slope in zip(node.args, local, strict=True):
        if type(arg) is not float:
            yield arg, slope


def adjoints(root: Value, done: Container[int] = (), create_graph: bool = True) -> dict[Value, Any]:
    """The derivatives of `root` for all that it depends on; no gradient is changed.

    Args:
        root: the value to differentiate.
        done: the ids of Values to go no further at.
        create_graph: whether the derivatives are to be Values, as far as they depend on any.

    Raises:
        NonFiniteError: a derivative is not a finite number.

    >>> x = Value(3.0)
    >>> slope = adjoints(x**3)[x]
    >>> adjoints(slope)[x].data
    18.0
    """
    nodes = order(root, done)
    found: dict[Value, Any] = dict.fromkeys(nodes, 0.0)
    found[root] = 1.0
    for node in reversed(nodes):
        if node.op is not None:
            for arg, slope in slopes(node, node.op, create_graph):
                if id(arg) not in done:
                    found[arg] = total = plus(found[arg], times(found[node], slope))
                    if not create_graph and not math.isfinite(total):
                        raise infinite_gradient(node.op, node.args, inputs(node))
    return found


def plus(x: Any, y: Any) -> Any:
    """The sum x + y, where a float 0 leaves no trace in the graph."""
    return y if type(x) is float and x == 0 else x if type(y) is float and y == 0 else x + y


def times(x: Any, y: Any) -> Any:
    """The product x · y, where a float 0 or 1 leaves no trace in the graph."""
    for factor, other in ((x, y), (y, x)):
        if type(factor) is float and factor in (0.0, 1.0):
            return other if factor else 0.0
    return x * y


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
