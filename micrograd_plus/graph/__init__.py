"""A node, which is plain data, and what can be done with any graph: order, evaluate, replay it."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from functools import wraps
from itertools import chain, repeat, starmap
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import shorten, visible
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from micrograd_plus.ops.operation import Op

P = ParamSpec("P")
T = TypeVar("T")

_LOW, _HIGH = -math.inf, math.inf


changes = 0
"""How often data were assigned and leaves were made: whoever keeps a copy compares."""

watchers: list[Callable[[Any], None]] = []
"""Functions that are told of each node whose number leaves the graph."""

_turn = threading.RLock()

if hasattr(os, "register_at_fork"):  # a child begins between two turns, and not in one
    os.register_at_fork(
        before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release
    )


def in_turn(f: Callable[P, T]) -> Callable[P, T]:
    """A function that waits while another thread is in one that was made so.

    What reads many nodes and then changes them needs it. Such functions may call each other.

    Args:
        f: what it does.
    """

    @wraps(f)
    def turn(*args: P.args, **kwargs: P.kwargs) -> T:
        # only a call, as Python 3.12 looks for signals where a loop jumps back as if it were
        # outside the block, which then would keep the lock
        with _turn:
            return f(*args, **kwargs)

    return turn


class Node:
    """A number in a graph: what made it, from what, and what it is.

    Python's garbage collector looks at all objects again and again, so one or two arguments stand
    in the node itself: with a tuple for them a training step took a half longer.

    Attributes:
        op: the operation that made it; None for a leaf.
        left: the first argument, a node or a float, of an operation on one or two; of any other
            operation the tuple of all arguments; None for a leaf.
        right: the second argument of an operation on two.
        grad: the derivative of the last `backward()`'s value for this one; 0.0 before.
        label: the name.
    """

    __slots__ = ("_data", "grad", "label", "left", "op", "right")

    op: Op | None
    left: Any
    right: Any
    _data: float
    grad: Any
    label: str

    @property
    def data(self) -> float:
        """The number; only finite real numbers can be assigned.

        Raises:
            TypeError: (when assigned) it is not a real number.
            NonFiniteError: (when assigned) it is nan or infinite.
        """
        if watchers:
            for watcher in tuple(watchers):  # other threads may add and remove theirs
                watcher(self)
        return self._data

    @data.setter
    def data(self, number: Any) -> None:
        global changes
        if type(number) is not float or not _LOW < number < _HIGH:
            what = f"the data of {visible(self.label)}" if self.label else "a Value's data"
            number = finite(number, what)
        self._data = number
        changes += 1

    @property
    def args(self) -> tuple[Any, ...]:
        """The operation's arguments in order: nodes, and floats for constants."""
        if self.right is not None:
            return (self.left, self.right)
        if self.left is None:
            return ()
        return self.left if isinstance(self.left, tuple) else (self.left,)


def packed(op: Op | None, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """What stands in `left` and `right` of a node made by `op` from `args`."""
    if op is None:
        return None, None
    if op.arity == 2:
        return args
    return (args[0] if op.arity == 1 else args), None


N = TypeVar("N", bound=Node)


REAL = (float, int, Real)  # the usual ones are found sooner than by Real alone


def scalar(x: Any) -> Any:
    """What an array or a tensor without axes holds; anything else as it is.

    Args:
        x: anything.
    """
    return x.item() if getattr(x, "ndim", None) == 0 else x


def real(x: Any, what: str) -> float:
    """`x`, perhaps in an array without axes, as a float.

    Args:
        x: anything.
        what: what to call it in an error.

    Raises:
        TypeError: it is not a real number.
        NonFiniteError: it is one, but too large for a float.
    """
    number = x if isinstance(x, REAL) else scalar(x)
    if not isinstance(number, REAL):
        raise TypeError(f"{what} must be a real number, not {x!r} ({type(x).__name__})")
    try:
        return float(number)
    except OverflowError:
        raise NonFiniteError(f"{what} is too large for a float") from None


def finite(x: Any, what: str) -> float:
    """`x` as a float that is neither infinite nor nan; raises as `real` does."""
    number = real(x, what)
    if _LOW < number < _HIGH:
        return number
    raise NonFiniteError(f"{what} must be a finite number, not {x!r}")


def order(root: N, done: Container[int] = ()) -> list[N]:
    """The nodes that `root` depends on and `root` itself, each after all its arguments.

    An iterative depth-first search that looks at each node and each edge once, O(V + E), at any
    depth; arguments are visited from the first to the last, so the order is always the same.

    Args:
        root: a node.
        done: the ids of nodes to leave out, with what only they depend on.

    Raises:
        TypeError: `root` is no node.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> [node.data for node in order(x + x * y)]
    [1.0, -3.0, -3.0, -2.0]
    """
    if not isinstance(root, Node):
        shown = shorten(repr(root).partition("\n")[0], 80)
        hint = ": call it, and take what it gives" if callable(root) else ""
        raise TypeError(f"a Value is needed, not {shown} ({type(root).__name__}){hint}")
    found: list[Any] = []
    seen: set[Any] = {None}  # what stands where there is no argument
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if node is None:  # all arguments of the node below are found
            found.append(todo.pop())
            continue
        if node in seen:
            continue
        while not (done and id(node) in done):
            seen.add(node)
            left, right = node.left, node.right
            if type(left) is tuple:
                if seen.issuperset(left):
                    found.append(node)
                    break
                todo.append(node)
                todo.append(None)
                for arg in reversed(left):
                    if type(arg) is not float and arg not in seen:
                        todo.append(arg)
                break
            if type(left) is float or left in seen:
                if type(right) is float or right in seen:
                    found.append(node)
                    break
                todo.append(node)
                todo.append(None)
                node = right
            else:
                todo.append(node)
                todo.append(None)
                if type(right) is not float and right not in seen:
                    todo.append(right)
                node = left
    return found


def inputs(node: Node) -> list[float]:
    """The numbers that a node's operation is applied to."""
    return [arg if type(arg) is float else arg._data for arg in node.args]


def evaluate(op: Op, args: Sequence[Any], numbers: Sequence[float], label: str = "") -> float:
    """The value of an operation at `numbers`, those of its arguments `args`.

    Raises:
        NonFiniteError: it is not a finite real number; the message names the operation, its
            operands with their labels, and the result's label.
    """
    try:
        result = float(op.value(floats, *numbers))
    except ZeroDivisionError:
        result = math.nan
    if _LOW < result < _HIGH:
        return result
    if not all(map(math.isfinite, numbers)):
        why = "an operand is not finite"
    elif op.domain.contains(*numbers):
        why = "the result is too large for a float"
    else:
        why = f"{op.name} is defined for {op.domain.text}"
    name = f" ({visible(label)})" if label else ""
    message = f"{op.name} of {_operands(args, numbers)}{name} is not finite: {why}"
    raise NonFiniteError(message, op, args, numbers)


def follows(node: Node) -> bool:
    """Whether a node's data are what its operation gives for its arguments' data."""
    op, x, y = node.op, node.left, node.right
    if op is None:
        return True
    if op is ops.add or op is ops.multiply:  # most of what there is
        a, b = x if type(x) is float else x._data, y if type(y) is float else y._data
        return bool(node._data == (a + b if op is ops.add else a * b))
    try:
        return evaluate(op, node.args, inputs(node)) == node._data
    except NonFiniteError:
        return False


def local_derivatives(
    op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
) -> Sequence[Any]:
    """The derivative of an operation's value `out` for each argument; None for constants.

    Raises:
        NonFiniteError: a derivative divides by zero, as that of √x at 0 does.
    """
    wanted = [type(arg) is not float for arg in args] if op.arity else ()
    try:
        return op.local_derivatives(floats, out, numbers, wanted)
    except ZeroDivisionError:
        raise infinite_gradient(op, args, numbers) from None


def infinite_gradient(op: Op, args: Sequence[Any], numbers: Sequence[float]) -> NonFiniteError:
    """The error for a gradient that leaves the numbers on its way through an operation."""
    message = f"the gradient through {op.name} of {_operands(args, numbers)} is not finite"
    return NonFiniteError(message, op, args, numbers)


def _operands(args: Sequence[Any], numbers: Sequence[float]) -> str:
    labels = [visible(getattr(arg, "label", "")) for arg in args]
    shown = [f"{a} = {x!r}" if a else repr(x) for a, x in zip(labels, numbers, strict=True)]
    if len(shown) > 8:
        shown[4:-4] = ["…"]
    return ", ".join(shown)


run_through: Callable[[Iterable[Any]], None] = deque[Any](maxlen=0).extend
"""Takes all that an iterator gives, and keeps nothing.

Python looks for signals such as Ctrl-C, and changes threads, between the instructions of its own
code alone. So what an iterator of C does, run through by one call, is done as a whole.
"""


def assigning(nodes: Iterable[Node], slot: Literal["data", "grad"], contents: Iterable[Any]) -> Any:
    """An iterator that puts contents into a slot of nodes, as it is run through."""
    return map(setattr, nodes, repeat("_data" if slot == "data" else slot), contents)


@in_turn
def assign(
    nodes: Iterable[Node],
    slot: Literal["data", "grad"],
    contents: Iterable[Any],
    also: Iterable[tuple[object, str, Any]] = (),
) -> None:
    """Put contents into a slot of nodes: into all of them or none, whatever interrupts.

    Args:
        nodes: where to.
        slot: which one.
        contents: for each node what it gets, computed and checked before.
        also: objects with an attribute and its content each, which belong to the same change.
    """
    global changes
    if watchers and slot == "data":
        nodes = list(nodes)
        for node in nodes:
            node.data  # noqa: B018  who watches is told
    try:
        run_through(chain(assigning(nodes, slot, contents), starmap(setattr, also)))
    finally:
        if slot == "data":
            changes += 1


@in_turn
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
    found: dict[Node, float] = {}
    for node in order(root):
        if node.op is None:
            found[node] = node.data
            continue
        numbers = [arg if type(arg) is float else found[arg] for arg in node.args]
        found[node] = evaluate(node.op, node.args, numbers, node.label)
    made = [node for node in found if node.op is not None]
    assign(made, "data", [found[node] for node in made])
