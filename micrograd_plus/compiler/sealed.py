"""What a function may not do to Values while it is traced, as its program could not do it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from micrograd_plus.engine import Value
from micrograd_plus.graph import Node, hooks, order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class TraceError(TypeError):
    """A function that can't be compiled, as it looks at numbers that differ between examples.

    >>> from micrograd_plus import compile, relu
    >>> try:
    ...     compile(lambda x: x if x > 0 else 0 * x, 1.0)
    ... except TraceError:
    ...     compile(relu, 1.0)([-1.0, 2.0])
    array([0., 2.])
    """


class Seal:
    """What a function was refused that runs under it, and what it made.

    Args:
        inputs: the Values that it is given.

    Attributes:
        made: its nodes.
        errors: what it was refused.
    """

    def __init__(self, inputs: Sequence[Value] = ()) -> None:
        self.inputs = frozenset(inputs)
        self.made: list[Value] = []
        self.errors: list[TraceError] = []

    def refuse(self, node: Any, what: str, deed: str) -> None:
        """Raise, and remember it in case that the function catches all errors."""
        name = f" of {node.label}" if node.label else ""
        self.errors.append(TraceError(f"the {what}{name} is {deed}"))
        raise self.errors[-1]


_seals: dict[int, Seal] = {}
"""Those that hold now, by thread: what else is set while there are some does nothing without."""

_lock = threading.RLock()


def unseen(f: Callable[..., T], *args: Any) -> T:
    """What a function gives while looking at a number, in this thread, is an error."""
    return _under(Seal(), {}, f, args)


def sealed(
    f: Callable[..., T], arguments: Sequence[Any], inputs: Sequence[Value]
) -> tuple[T, list[Value]]:
    """What a function gives that may only compute with Values, and the nodes that it made.

    It is an error to look at numbers or gradients, and to assign to either.

    Args:
        f: the function.
        arguments: for it.
        inputs: the Values among them; no other thread may look at what depends on them.

    Raises:
        TraceError: (at the line that does so, and at the end once more) one of that is done.
    """
    seal = Seal(inputs)
    found = _under(seal, _SLOTS, f, arguments)
    if seal.errors:
        raise seal.errors[0]
    return found, seal.made


def _under(
    seal: Seal, slots: dict[str, property], f: Callable[..., T], arguments: Sequence[Any]
) -> T:
    me = threading.get_ident()
    before = _seals.get(me)
    # no block of a contextmanager, whose Python code can be interrupted before it cleans up
    try:
        with _lock:
            _set(me, seal, slots)
        return f(*arguments)
    finally:
        if before is None:
            _seals.pop(me, None)
        else:
            _seals[me] = before
        with _lock:
            _unset()


def _set(me: int, seal: Seal, slots: dict[str, property]) -> None:
    _seals[me] = seal
    if _looked not in hooks.reading:
        hooks.reading.append(_looked)
    for name, slot in slots.items():
        setattr(Value, name, slot)


def _unset() -> None:
    """Take away what does nothing any more; what is left, if it is interrupted, the next look."""
    if not _seals:
        for name in _SLOTS.keys() & vars(Value).keys():
            delattr(Value, name)
        hooks.reading[:] = [hook for hook in hooks.reading if hook != _looked]


def _looked(node: Any) -> None:
    """Refuse a look at a number: in a function's own thread, or at what depends on its inputs."""
    if not _seals:
        with _lock:
            _unset()
        return
    mine = _seals.get(threading.get_ident())
    for seal in [mine] if mine else tuple(_seals.values()):
        if seal is mine or not seal.inputs.isdisjoint(order(node)):
            seal.refuse(
                node,
                "number",
                "looked at while the function is compiled, and would be the same for all "
                "examples: instead of if, float() or round() use step, maximum, minimum, clip, or "
                "where(step(x), …), and micrograd_plus.exp instead of math.exp",
            )


_data, _grad = vars(Node)["data"], vars(Node)["grad"]
_set_gradient, _thread = _grad.__set__, threading.get_ident  # called for each node that is made
_ASSIGNED = "assigned to while the function is compiled, and a program assigns nothing: {}"


def _assign_data(node: Any, number: Any) -> None:
    seal = _seals.get(threading.get_ident())
    if seal and _complete(node):
        seal.refuse(node, "number", _ASSIGNED.format("compute another Value, or assign outside"))
    _data.__set__(node, number)


def _look_at_gradient(node: Any) -> Any:
    seal = _seals.get(threading.get_ident())
    if seal and sys._getframe(1).f_code is not _REPR:  # what is printed does no harm
        seal.refuse(
            node,
            "gradient",
            "looked at while the function is compiled, as backward() does, and would be the same "
            "for all examples: use micrograd_plus.grad inside the function, or value_and_grad of "
            "the program",
        )
    return _grad.__get__(node)


def _assign_gradient(node: Any, gradient: Any) -> None:
    seal = _seals.get(_thread())
    if seal is not None:
        if hasattr(node, "right"):
            seal.refuse(node, "gradient", _ASSIGNED.format("call zero_grad() and the like outside"))
        seal.made.append(node)  # each node begins with a gradient of 0
    _set_gradient(node, gradient)


def _complete(node: Any) -> bool:
    """Whether a node has all its slots, of which this is the last to be filled."""
    return hasattr(node, "right")


_REPR = Value.__repr__.__code__
_SLOTS = {
    "data": property(_data.__get__, _assign_data),
    "grad": property(_look_at_gradient, _assign_gradient),
}
"""What stands before attributes of Values while functions are sealed, and not otherwise."""
