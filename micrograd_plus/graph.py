"""What can be done with any graph of nodes: put it in order, evaluate it, replay it.

A node is plain data: `op` (None for a leaf), `args` (an ordered tuple of nodes and floats, the
floats being constants), `data`, `grad` and `label`.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from micrograd_plus.floats import floats

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from micrograd_plus.operation import Op

_INF = math.inf


class Node(Protocol):
    """What this module asks of a node."""

    op: Op | None
    args: tuple[Any, ...]
    data: float
    grad: float
    label: str


N = TypeVar("N", bound=Node)


class NonFiniteError(ArithmeticError, ValueError):
    """A result or a derivative that is not a finite real number.

    Attributes:
        op: the operation; None where a number was refused before it entered a graph.
        operands: its arguments.
        numbers: their numbers.
    """

    def __init__(
        self,
        message: str,
        op: Op | None = None,
        args: Sequence[Any] = (),
        numbers: Sequence[float] = (),
    ) -> None:
        super().__init__(message)
        self.op = op
        self.operands = args
        self.numbers = numbers


def real(x: Any, what: str) -> float:
    """`x` as a float.

    Args:
        x: anything.
        what: what to call it in an error.

    Raises:
        TypeError: it is not a real number.
        NonFiniteError: it is one, but too large for a float.
    """
    if not isinstance(x, Real):
        raise TypeError(f"{what} is not a real number but {x!r} ({type(x).__name__})")
    try:
        return float(x)
    except OverflowError:
        raise NonFiniteError(f"{what} is too large for a float") from None


def order(root: N, done: Container[int] = ()) -> list[N]:
    """The nodes that `root` depends on and `root` itself, each after all its arguments.

    An iterative depth-first search that looks at each node and each edge once, O(V + E), at any
    depth; arguments are visited from the first to the last, so the order is always the same.

    Args:
        root: a node.
        done: the ids of nodes to leave out, with what only they depend on.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> [node.data for node in order(x + x * y)]
    [1.0, -3.0, -3.0, -2.0]
    """
    found: list[N] = []
    seen: set[int] = set()
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if node is None:  # all arguments of the node below are found
            found.append(todo.pop())
        elif type(node) is not float and id(node) not in seen and id(node) not in done:
            seen.add(id(node))
            if node.args:
                todo.append(node)
                todo.append(None)
                todo.extend(reversed(node.args))
            else:
                found.append(node)
    return found


def inputs(node: Node) -> list[float]:
    """The numbers that a node's operation is applied to."""
    return [arg if type(arg) is float else arg.data for arg in node.args]


def evaluate(op: Op, args: Sequence[Any], numbers: Sequence[float], label: str = "") -> float:
    """The value of an operation at `numbers`, those of its arguments `args`.

    Raises:
        NonFiniteError: it is not a finite real number; the message names the operation, its
            operands with their labels, and the result's label.
        TypeError: an operand's data was replaced by something that is no real number.
    """
    try:
        result = op.value(floats, *numbers)
        if type(result) is float and -_INF < result < _INF:
            return result
    except (ArithmeticError, TypeError, ValueError):
        pass  # found out below
    if not all(isinstance(x, Real) for x in numbers):
        raise TypeError(f"{op.name} needs real numbers, not {_operands(args, numbers)}")
    numbers = [real(x, f"an operand of {op.name}") for x in numbers]
    try:
        result = float(op.value(floats, *numbers))
    except ZeroDivisionError:
        result = math.nan
    if math.isfinite(result):
        return result
    if not all(map(math.isfinite, numbers)):
        why = "an operand is not finite"
    elif op.domain.contains(*numbers):
        why = "the result is too large for a float"
    else:
        why = f"{op.name} is defined for {op.domain.text}"
    name = f" ({label})" if label else ""
    message = f"{op.name} of {_operands(args, numbers)}{name} is not finite: {why}"
    raise NonFiniteError(message, op, args, numbers)


def local_derivatives(
    op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
) -> Sequence[Any]:
    """The derivative of an operation's value `out` for each argument; None for constants.

    Raises:
        NonFiniteError: a derivative divides by zero, as that of √x at 0 does.
    """
    try:
        return op.local_derivatives(floats, out, numbers, [type(arg) is not float for arg in args])
    except ZeroDivisionError:
        raise infinite_gradient(op, args, numbers) from None


def infinite_gradient(op: Op, args: Sequence[Any], numbers: Sequence[float]) -> NonFiniteError:
    """The error for a gradient that leaves the numbers on its way through an operation."""
    message = f"the gradient through {op.name} of {_operands(args, numbers)} is not finite"
    return NonFiniteError(message, op, args, numbers)


def _operands(args: Sequence[Any], numbers: Sequence[float]) -> str:
    labels = [getattr(arg, "label", "") for arg in args]
    shown = [f"{a} = {x!r}" if a else repr(x) for a, x in zip(labels, numbers, strict=True)]
    if len(shown) > 8:
        shown[4:-4] = ["…"]
    return ", ".join(shown)


@contextmanager
def unchanged_on_error(nodes: Sequence[Node], slot: str) -> Iterator[None]:
    """Give `slot` of all nodes its old content back if the block does not come to its end."""
    before = [getattr(node, slot) for node in nodes]
    try:
        yield
    except BaseException:
        for node, content in zip(nodes, before, strict=True):
            setattr(node, slot, content)
        raise


def replay(root: Node) -> None:
    """Recompute a graph in place after the data of its leaves were changed.

    Args:
        root: the last value of the graph; all that it depends on is recomputed, gradients stay.

    Raises:
        NonFiniteError: a result is not a finite real number; then nothing is changed.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> f = x * y
    >>> x.data = 2.0
    >>> replay(f)
    >>> f.data
    -6.0
    """
    nodes = order(root)
    with unchanged_on_error(nodes, "data"):
        for node in nodes:
            if node.op is not None:
                node.data = evaluate(node.op, node.args, inputs(node), node.label)
