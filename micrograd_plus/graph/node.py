"""`Node`: a number in a graph as plain data, and what counts as a number."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import brief, short
from micrograd_plus.core import nodes, twin
from micrograd_plus.graph import hooks

if TYPE_CHECKING:
    from micrograd_plus.ops.operation import Op

_LOW, _HIGH = -math.inf, math.inf

if nodes:
    nodes.use(hooks)


@twin
class Node:
    """A number in a graph, with the operation that made it and its arguments.

    One or two arguments are stored in the node itself: with a tuple for them a training step took
    half as long again, as Python's garbage collector visits every object many times.

    Attributes:
        op: the operation that made it; None for a leaf.
        left: the first argument, a node or a float, of an operation on one or two; of any other
            operation the tuple of all arguments.
        right: the second argument of an operation on two. As a leaf has no arguments, a parameter
            of a model has in `right` the place of what it stands in, and in `left` its turn there.
        grad: the derivative with respect to it of what `backward()` was called on; 0.0 before.
        adjoint: what a sweep through numbers has added up so far; meaningless outside of one.
        label: the name.
    """

    __slots__ = ("_data", "adjoint", "grad", "label", "left", "op", "right")

    op: Op | None
    left: Any
    right: Any
    _data: float
    grad: Any
    adjoint: Any
    label: str

    @property
    def data(self) -> float:
        """The number; only finite real numbers can be assigned.

        Raises:
            TypeError: (when assigned) it is not a real number.
            NonFiniteError: (when assigned) it is nan or infinite.
        """
        if hooks.reading:
            look(self)
        return self._data

    @data.setter
    def data(self, number: Any) -> None:
        if type(number) is not float or not _LOW < number < _HIGH:
            number = checked(self, number)
        self._data = number * 1.0  # a new object, see `assigned`
        hooks.changes += 1

    @property
    def assigned(self) -> tuple[int, float]:
        """What is no longer equal after the number was assigned, even to the same number."""
        return id(self._data), self._data

    @property
    def args(self) -> tuple[Any, ...]:
        """The operation's arguments in order: nodes, and floats for constants."""
        if self.op is None:
            return ()
        if self.right is not None:
            return (self.left, self.right)
        return self.left if isinstance(self.left, tuple) else (self.left,)


@twin
def look(node: Node) -> None:
    """Call the hooks for a number that is about to be read."""
    for told in tuple(hooks.reading):  # other threads may add and remove theirs
        told(node)


@twin
def checked(node: Node, number: Any) -> float:
    """A number to assign to a node's data as a float; raises as `finite` does."""
    return finite(number, f"the data of {brief(node.label)}" if node.label else "a Value's data")


def check_parameter(p: Any) -> None:
    """Raise TypeError if it is not a Value, and ValueError if it is not a leaf."""
    if not isinstance(p, Node):
        raise TypeError(f"a parameter is a Value, not {short(p)} ({type(p).__name__})")
    if p.op is not None:
        raise ValueError(f"a parameter is a leaf, not the result {short(p)} of an operation")


def packed(op: Op | None, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """The contents of `left` and `right` of a node made by `op` from `args`."""
    if op is None:
        return None, None
    if op.arity == 2:
        return args
    return (args[0] if op.arity == 1 else args), None


N = TypeVar("N", bound=Node)


REAL = (float, int, Real)  # `isinstance` finds float and int sooner than Real


def scalar(x: Any) -> Any:
    """The item of an array or a tensor without axes; anything else as it is.

    Args:
        x: anything.
    """
    return x.item() if getattr(x, "ndim", None) == 0 else x


def real(x: Any, what: str) -> float:
    """`x`, a number or a 0-dimensional array, as a float.

    Args:
        x: anything.
        what: its name in errors.

    Raises:
        TypeError: it is not a real number.
        NonFiniteError: it is one, but too large for a float.
    """
    number = x if isinstance(x, REAL) else scalar(x)
    if not isinstance(number, REAL):
        raise TypeError(f"{what} must be a real number, not {short(x)} ({type(x).__name__})")
    try:
        return float(number)
    except OverflowError:
        raise NonFiniteError(f"{what} is too large for a float") from None


def finite(x: Any, what: str) -> float:
    """`x` as a float that is neither infinite nor nan; raises as `real` does."""
    number = x if type(x) is float else real(x, what)
    if _LOW < number < _HIGH:
        return number
    raise NonFiniteError(f"{what} must be a finite number, not {short(x)}")
