"""`Value`: a number that remembers where it came from, and so can be differentiated.

Its operators compute a number and record the operation with its arguments (`graph/recording.py`),
so each result ends a graph of plain nodes (`node.py`) that behave as numbers (`number.py`).
`backward` goes through the graph once, from its end to the leaves, by the chain rule (`sweep.py`).

>>> f = Value(2.0) * 3
>>> f.data, f.op.name, f.args
(6.0, 'multiply', (Value(data=2.0, grad=0.0), 3.0))
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, NoReturn

from micrograd_plus import ops
from micrograd_plus._tools import habits
from micrograd_plus.graph import assign, finite, hooks, in_turn, order
from micrograd_plus.graph.handmade import Lectured
from micrograd_plus.graph.recording import (
    apply,
    binary,
    made_by_operations,
    operand,
    record,
    recorded,
    unary,
)
from micrograd_plus.graph.sweep import accumulate
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Value", "apply", "operand", "record", "values"]


@habits.with_hints(habits.VALUES)
@made_by_operations
class Value(Lectured):
    """A real number that records the operations applied to it into a graph.

    Arithmetic with Values and numbers makes new Values; a number among the operands is a constant
    and gets no gradient. Comparisons, `float()` and the like read `data` and leave the graph;
    `LostGradientWarning` warns of that. `==` compares numbers, as in PyTorch; sets go by identity.

    Args:
        data: a finite real number.
        label: the name to print and draw; "w_0" and "w_{1,2}" get subscripts.

    Attributes:
        data: the number.
        grad: the derivative with respect to it of what `backward()` was called on; 0.0 before.
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

    def __init__(
        self, data: float, _children: str | Iterable[Value] = "", _op: str = "", label: str = ""
    ) -> None:
        self._data = finite(data, "a Value's data")
        self.grad = 0.0
        self.op = self.left = self.right = None
        if isinstance(_children, str) and isinstance(label, str):  # Value(3, "x")
            self.label = _children or label
        else:  # as in micrograd
            self.label = self._made_of(_children, _op, label)
        hooks.changes += 1  # it may replace another leaf: lets cached copies notice

    @in_turn
    def backward(self, *, create_graph: bool = False) -> None:
        """Differentiate this value: put ∂self/∂v into the `grad` of each v it depends on.

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
        nodes = order(self)  # each after its arguments
        for observer in tuple(hooks.observers):
            observer.differentiating(nodes[:])
        accumulate(nodes, recorded if create_graph else floats)  # the chain rule, from the end

    def zero_grad(self) -> None:
        """Set the gradient of this value, and of every value it depends on, to 0."""
        assign(order(self), "grad", repeat(0.0))

    # arithmetic, with Values and numbers
    __add__, __radd__ = binary(ops.add)
    __sub__, __rsub__ = binary(ops.subtract)
    __mul__, __rmul__ = binary(ops.multiply)
    __truediv__, __rtruediv__ = binary(ops.divide, one=ops.reciprocal)
    __mod__, __rmod__ = binary(ops.mod)
    __floordiv__, __rfloordiv__ = binary(ops.floor_divide)
    __pow__, __rpow__ = binary(ops.power)
    __neg__, __abs__ = map(unary, (ops.negate, ops.abs))
    abs = __abs__

    def __pos__(self) -> Value:
        return self

    def conjugate(self) -> Value:
        """Itself, as it is a real number: NumPy asks for it, to compute a variance."""
        return self

    def __xor__(self, other: object) -> NoReturn:
        raise TypeError("write powers with **, as in x**2: ^ is Python's operator on bits")

    __rxor__ = __xor__

    def __divmod__(self, other: Value | float) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: float) -> tuple[Value, Value]:
        return other // self, other % self

    # functions; NumPy calls these by name on arrays of Values
    exp, expm1, sqrt, cbrt = map(unary, (ops.exp, ops.expm1, ops.sqrt, ops.cbrt))
    log, log1p, log2, log10 = map(unary, (ops.log, ops.log1p, ops.log2, ops.log10))
    sin, cos, tan = map(unary, (ops.sin, ops.cos, ops.tan))
    sinh, cosh, tanh = map(unary, (ops.sinh, ops.cosh, ops.tanh))
    sigmoid, relu, silu, gelu = map(unary, (ops.sigmoid, ops.relu, ops.silu, ops.gelu))
    softplus, log_sigmoid, selu = map(unary, (ops.softplus, ops.log_sigmoid, ops.selu))
    asin, acos, atan = map(unary, (ops.asin, ops.acos, ops.atan))
    asinh, acosh, atanh = map(unary, (ops.asinh, ops.acosh, ops.atanh))
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    fabs, rint = __abs__, unary(ops.round)
    erf, erfc = map(unary, (ops.erf, ops.erfc))
    leaky_relu: Callable[..., Value]  # these have further arguments, see functions.py
    elu: Callable[..., Value]
    hypot: Callable[..., Value]
    arctan2: Callable[..., Value]


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
