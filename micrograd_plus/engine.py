"""`Value`: a number that remembers where it came from, and so can be differentiated."""

from __future__ import annotations

import math
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast, overload

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import visible
from micrograd_plus.graph import (
    REAL,
    assign,
    assigning,
    evaluate,
    finite,
    hooks,
    in_turn,
    infinite_gradient,
    inputs,
    local_derivatives,
    order,
    real,
    run_through,
    scalar,
)
from micrograd_plus.graph.handmade import Lectured
from micrograd_plus.graph.sweep import adjoints, plus
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.ops.operation import Op

    _Method = Callable[[Any, Any], Any]

__all__ = ["Value", "apply", "operand", "record", "values"]  # the rest is ours

_LOW, _HIGH = -math.inf, math.inf
_ADD, _MULTIPLY, _DOT = ops.add, ops.multiply, ops.dot
_DIRECT = frozenset({_ADD, _MULTIPLY, _DOT})
_new = object.__new__


def record(op: Op, args: tuple[Any, ...]) -> Value:
    """A new node: the operation, its ordered arguments, and its value.

    Args:
        op: an entry of the table.
        args: Values, and floats for constants.

    Raises:
        NonFiniteError: the value is not a finite real number.

    >>> record(ops.multiply, (Value(2.0), 3.0))
    Value(data=6.0, grad=0.0)
    """
    # of one or two arguments, as a comprehension would take as long as all the rest
    if op.arity == 2:
        left, right = args
        x = left if type(left) is float else left._data
        y = right if type(right) is float else right._data
        return new_node(evaluate(op, args, (x, y)), op, left, right)
    if op.arity == 1:
        (only,) = args
        x = only if type(only) is float else only._data
        return new_node(evaluate(op, args, (x,)), op, only, None)
    numbers = [arg if type(arg) is float else arg._data for arg in args]
    return new_node(evaluate(op, args, numbers), op, args, None)


def new_node(data: float, op: Op, left: Any, right: Any) -> Value:
    """A new node whose value is known.

    Args:
        data: what `evaluate` gives for the arguments.
        op: an entry of the table.
        left: as a node has it.
        right: likewise.
    """
    node = _new(Value)
    node._data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.left = left
    node.right = right
    if hooks.observers:
        for observer in tuple(hooks.observers):  # other threads may add and remove theirs
            observer.recorded(node)
    return node


def apply(op: Op, *arguments: Any) -> Any:
    """Apply an operation: recorded if an argument is a Value, a plain float if none is.

    Args:
        op: an entry of the table, or one of your own.
        arguments: Values and real numbers.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.

    >>> apply(ops.multiply, Value(2), 3), apply(ops.multiply, 2, 3)
    (Value(data=6.0, grad=0.0), 6.0)
    """
    if not _EXACT.issuperset(map(type, arguments)):
        arguments = tuple(_argument(op, x) for x in arguments)
    for arg in arguments:
        if isinstance(arg, Value):
            return record(op, arguments)
    return evaluate(op, arguments, arguments)


def _argument(op: Op, x: Any) -> Any:
    arg = operand(x)
    if arg is NotImplemented:
        raise TypeError(f"{op.name} needs Values or real numbers, not {x!r} ({type(x).__name__})")
    return arg


def operand(x: Any) -> Any:
    """`x` as an argument of an operation: Values stay, real numbers become floats.

    NotImplemented for everything else, which lets Python ask the other operand.

    Args:
        x: anything.

    >>> operand(2), operand("2")
    (2.0, NotImplemented)
    """
    if type(x) is float or isinstance(x, Value):
        return x
    if not isinstance(x, REAL):
        x = scalar(x)
        if isinstance(x, Value):
            return x
    return real(x, "an operand") if isinstance(x, REAL) else NotImplemented


def unary(op: Op) -> Callable[[Value], Value]:
    """What records an operation on one Value.

    Args:
        op: an entry of the table.

    >>> unary(ops.exp)(Value(0.0))
    Value(data=1.0, grad=0.0)
    """

    def method(self: Value) -> Value:
        try:
            data = op.value(floats, self._data)
        except ZeroDivisionError:
            data = math.nan
        if _LOW < data < _HIGH:
            return new_node(data, op, self, None)
        return record(op, (self,))  # raises, and names the operand

    method.__doc__ = f"{op.about[0].upper()}{op.about[1:]}."
    return method


class _Operator(Protocol):
    """An operator's method; what is no number answers for itself, as NumPy's arrays do."""

    @overload
    def __call__(self, other: Value | float, /) -> Value: ...
    @overload
    def __call__(self, other: Any, /) -> Any: ...


def _operator(method: _Method) -> _Operator:
    return cast("_Operator", method)


def _binary(op: Op) -> tuple[_Method, _Method]:
    def method(self: Value, other: Any) -> Any:
        other = operand(other)
        return other if other is NotImplemented else record(op, (self, other))

    def reflected(self: Value, other: Any) -> Any:
        other = operand(other)
        return other if other is NotImplemented else record(op, (other, self))

    return method, reflected


_sum, _reflected_sum = _binary(ops.add)
_product, _reflected_product = _binary(ops.multiply)


class Value(Lectured):
    """A real number that records the operations applied to it into a graph.

    Arithmetic with Values and numbers makes new Values, `+=` too; a plain number among the
    operands is a constant and gets no gradient. Comparisons, `float()`, `int()`, `round()` and
    `math.floor()` look at `data` and leave the graph, of which `LostGradientWarning` tells. As in
    PyTorch, `==` compares numbers while sets and dictionaries tell Values apart by identity.

    Args:
        data: a finite real number.
        label: the name to print and draw; "w_0" and "w_{1,2}" get subscripts.

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

    __slots__ = ()

    def __init__(self, data: float, label: str = "", _op: str = "") -> None:
        self._data = finite(data, "a Value's data")
        self.grad = 0.0
        self.op = self.left = self.right = None
        self.label = label if isinstance(label, str) else self._made_of(label, _op)
        hooks.changes += 1  # it may stand in another's place

    @in_turn
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
            TypeError: something else was assigned to a gradient.

        >>> a = Value(3.0)
        >>> (a * a).backward()
        >>> a.grad
        6.0
        """
        nodes = order(self)
        for observer in tuple(hooks.observers):
            observer.differentiating(nodes)
        if create_graph:
            _check_gradients(nodes)
            found = adjoints(self, m=recorded)
            gradients = [
                found[node] if node.op is not None else plus(node.grad, found[node])
                for node in nodes
            ]
            assign(nodes, "grad", gradients)
            return
        before = [node.grad for node in nodes]
        undo = assigning(nodes, "grad", before)  # made before, so that one call does it
        try:
            if any(before):  # a graph just recorded has clean gradients
                _clear(nodes)
            self.grad += 1.0
            _chain_rule(nodes)
        except BaseException as error:
            run_through(undo)
            if isinstance(error, TypeError):
                _check_gradients(nodes)
            raise

    def zero_grad(self) -> None:
        """Set the gradient of this value, and of every value it depends on, to 0."""
        assign(order(self), "grad", repeat(0.0))

    # arithmetic; sums and products, most of what is ever recorded, take a direct way, and
    # calling `new_node` would make that a seventh longer
    @_operator
    def __add__(self, other: Any) -> Any:
        kind = type(other)
        if kind is Value:
            data = self._data + other._data
        elif kind is float:
            data = self._data + other
        else:
            return _sum(self, other)
        if hooks.observers or not _LOW < data < _HIGH:
            return _sum(self, other)  # tells of it; or raises, and names the operands
        node = _new(Value)
        node._data = data
        node.grad = 0.0
        node.label = ""
        node.op = _ADD
        node.left = self
        node.right = other
        return node

    @_operator
    def __mul__(self, other: Any) -> Any:
        kind = type(other)
        if kind is Value:
            data = self._data * other._data
        elif kind is float:
            data = self._data * other
        else:
            return _product(self, other)
        if hooks.observers or not _LOW < data < _HIGH:
            return _product(self, other)  # tells of it; or raises, and names the operands
        node = _new(Value)
        node._data = data
        node.grad = 0.0
        node.label = ""
        node.op = _MULTIPLY
        node.left = self
        node.right = other
        return node

    __radd__, __rmul__ = _operator(_reflected_sum), _operator(_reflected_product)
    __sub__, __rsub__ = map(_operator, _binary(ops.subtract))
    __truediv__, _divide_by = map(_operator, _binary(ops.divide))
    __pow__, __rpow__ = map(_operator, _binary(ops.power))
    __neg__ = unary(ops.negate)
    __abs__ = abs = unary(ops.abs)

    @_operator
    def __rtruediv__(self, other: Any) -> Any:
        one = isinstance(other, REAL) and other == 1
        return record(ops.reciprocal, (self,)) if one else self._divide_by(other)

    def __pos__(self) -> Value:
        return self

    # functions; NumPy calls these by name on arrays of Values
    exp, expm1, sqrt, cbrt = map(unary, (ops.exp, ops.expm1, ops.sqrt, ops.cbrt))
    log, log1p, log2, log10 = map(unary, (ops.log, ops.log1p, ops.log2, ops.log10))
    sin, cos, tan = map(unary, (ops.sin, ops.cos, ops.tan))
    sinh, cosh, tanh = map(unary, (ops.sinh, ops.cosh, ops.tanh))
    sigmoid, relu, silu, gelu = map(unary, (ops.sigmoid, ops.relu, ops.silu, ops.gelu))
    softplus, log_sigmoid, selu = map(unary, (ops.softplus, ops.log_sigmoid, ops.selu))
    asin, acos, atan = map(unary, (ops.asin, ops.acos, ops.atan))
    asinh, acosh, atanh = map(unary, (ops.asinh, ops.acosh, ops.atanh))
    erf, erfc = map(unary, (ops.erf, ops.erfc))
    leaky_relu: Callable[..., Value]  # these have options, whose defaults stand in functions.py
    elu: Callable[..., Value]


_EXACT = frozenset({Value, float})


def _clear(nodes: Sequence[Value]) -> None:
    """Set the gradients inside the graph to 0."""
    for node in nodes:
        if node.op is not None:
            node.grad = 0.0


def _chain_rule(nodes: Sequence[Value]) -> None:
    """Add upstream gradient · local derivative to the gradient of each argument of each node.

    Args:
        nodes: each after its arguments; the last one's gradient is there.
    """
    leaves = []
    try:
        for node in reversed(nodes):
            op: Any = node.op
            if op is None:
                leaves.append(node)
                continue
            upstream = node.grad
            if not upstream and op in _DIRECT:  # their derivatives are finite, and 0 adds nothing
                continue
            left, right = node.left, node.right
            if op is _ADD:
                if type(left) is not float:
                    left.grad += upstream
                if type(right) is not float:
                    right.grad += upstream
            elif op is _MULTIPLY:
                if type(left) is not float:
                    if type(right) is not float:
                        left.grad += upstream * right._data
                        right.grad += upstream * left._data
                    else:
                        left.grad += upstream * right
                else:
                    right.grad += upstream * left
            elif op is _DOT:
                half = len(left) // 2
                if len(left) % 2 and type(left[-1]) is not float:
                    left[-1].grad += upstream
                for w, x in zip(left[:half], left[half:]):  # noqa: B905  ends before b
                    if type(w) is float:
                        if type(x) is not float:
                            x.grad += upstream * w
                    elif type(x) is float:
                        w.grad += upstream * x
                    else:
                        w.grad += upstream * x._data
                        x.grad += upstream * w._data
            elif op.arity == 1:
                left.grad += upstream * op.partials[0](floats, node._data, left._data)
            elif op.arity == 2:
                rules, out = op.partials, node._data
                x = left if type(left) is float else left._data
                y = right if type(right) is float else right._data
                if type(left) is not float:
                    left.grad += upstream * rules[0](floats, out, x, y)
                if type(right) is not float:
                    right.grad += upstream * rules[1](floats, out, x, y)
            else:
                slopes = local_derivatives(op, left, inputs(node), node._data)
                for arg, slope in zip(left, slopes, strict=True):
                    if type(arg) is not float:
                        arg.grad += upstream * slope
    except ZeroDivisionError:
        raise infinite_gradient(op, node.args, inputs(node)) from None
    # what is not finite anywhere stays so on its way down: the leaves tell of it
    for leaf in leaves:
        if not _LOW < leaf.grad < _HIGH:
            adjoints(nodes[-1])  # finds the operation, and raises
            raise NonFiniteError(f"the gradients of {leaf!r} add up to more than a float can hold")


def _check_gradients(nodes: Sequence[Value]) -> None:
    """Raises TypeError where a program has put what is no number into a gradient."""
    for node in nodes:
        if not isinstance(node.grad, (Value, *REAL)):
            name = f" of {visible(node.label)}" if node.label else ""
            raise TypeError(
                f"the gradient{name} must be a number, not {node.grad!r}: zero_grad() sets it to 0"
            ) from None


recorded = ops.Operations(apply)
"""The table's namespace for Values: what a rule computes in it becomes part of the graph."""


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


def check_parameter(p: Any) -> None:
    """Raises TypeError where it is no Value, and ValueError where it is no leaf."""
    if not isinstance(p, Value):
        raise TypeError(f"a parameter is a Value, not {p!r} ({type(p).__name__})")
    if p.op is not None:
        raise ValueError(f"a parameter is a leaf, not the result {p!r} of an operation")
