"""Guards a traced function: reading and assigning numbers or gradients is an error in it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from micrograd_plus._tools.text import brief
from micrograd_plus.engine import Value
from micrograd_plus.graph import Node, hooks, order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class TraceError(TypeError):
    """A function that can't be compiled, for instance because it reads numbers of its arguments.

    >>> from micrograd_plus import compile, relu
    >>> try:
    ...     compile(lambda x: x if x > 0 else 0 * x, 1.0)
    ... except TraceError:
    ...     compile(relu, 1.0)([-1.0, 2.0])
    array([0., 2.])
    """


class Seal:
    """The guard of one call: the nodes that it made, and the errors that it got.

    Args:
        inputs: the Values that it is given.

    Attributes:
        made: the nodes that the call made.
        errors: those raised in it.
    """

    def __init__(self, inputs: Sequence[Value] = ()) -> None:
        self.inputs = frozenset(inputs)
        self.made: list[Value] = []
        self.errors: list[TraceError] = []

    def refuse(self, node: Any, what: str, deed: str) -> None:
        """Raise an error, and remember it in case the function catches it."""
        name = f" of {brief(node.label)}" if node.label else ""
        self.errors.append(TraceError(f"the {what}{name} is {deed}"))
        raise self.errors[-1]


_seals: dict[int, Seal] = {}
"""The active guards by thread. Without any, the hooks and properties set for them do nothing."""

_lock = threading.RLock()


def unseen(f: Callable[..., T], *args: Any) -> T:
    """Call a function in which reading a number, in this thread, is an error."""
    return _under(Seal(), {}, f, args)


def sealed(
    f: Callable[..., T], arguments: Sequence[Any], inputs: Sequence[Value]
) -> tuple[T, list[Value]]:
    """Call a function that may only compute with Values; returns its result and the nodes it made.

    Reading or assigning numbers or gradients in it is an error.

    Args:
        f: the function.
        arguments: for it.
        inputs: the Values among them; no other thread may read what depends on them.

    Raises:
        TraceError: (at the line that does so, and again at the end) it does one of these.
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
    # not a context manager: its Python code can be interrupted before it cleans up
    try:
        with _lock:
            _seals[me] = seal
            if _looked not in hooks.reading:
                hooks.reading.append(_looked)
            for name, slot in slots.items():
                setattr(Value, name, slot)
        return f(*arguments)
    finally:
        if before is None:
            _seals.pop(me, None)
        else:
            _seals[me] = before
        with _lock:
            _unset()


def _unset() -> None:
    """Remove hooks and properties that no guard needs; if interrupted, the next read goes on."""
    if not _seals:
        for name in _SLOTS.keys() & vars(Value).keys():
            delattr(Value, name)
        hooks.reading[:] = [hook for hook in hooks.reading if hook != _looked]


def _tracing() -> bool:
    return threading.get_ident() in _seals


hooks.tracing = _tracing


def _looked(node: Any) -> None:
    """Refuse to read a number: any in a guarded thread, elsewhere what depends on its inputs."""
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
                "read during tracing, and would be baked into the program, the same for all "
                "examples: use functions of micrograd_plus, such as step, maximum, minimum, clip "
                "or where(step(x), …) instead of if, float() and round(), exp instead of math.exp, "
                "take(rows, x) instead of rows[int(x)], max or softmax instead of max(v.data …), "
                "and detach(x) instead of x.data as a constant of the derivative",
            )


_data, _grad = vars(Node)["data"], vars(Node)["grad"]
_set_gradient, _thread = _grad.__set__, threading.get_ident  # called for every new node
_ASSIGNED = "assigned to during tracing, and a program can assign nothing: {}"


def _assign_data(node: Any, number: Any) -> None:
    seal = _seals.get(threading.get_ident())
    if seal and hasattr(node, "right"):  # a node that is being recorded has none yet
        seal.refuse(node, "number", _ASSIGNED.format("compute another Value, or assign outside"))
    _data.__set__(node, number)


def _look_at_gradient(node: Any) -> Any:
    seal = _seals.get(threading.get_ident())
    if seal and sys._getframe(1).f_code is not _REPR:  # reading for repr is harmless
        seal.refuse(
            node,
            "gradient",
            "read during tracing, as backward() does, and would be baked into the program, the "
            "same for all examples: use micrograd_plus.grad inside the function, or "
            "value_and_grad of the program",
        )
    return _grad.__get__(node)


def _assign_gradient(node: Any, gradient: Any) -> None:
    seal = _seals.get(_thread())
    if seal is not None:
        if hasattr(node, "right"):
            seal.refuse(node, "gradient", _ASSIGNED.format("call zero_grad() and the like outside"))
        seal.made.append(node)  # the first assignment, of 0, to a new node
    _set_gradient(node, gradient)


_REPR = Value.__repr__.__code__
_SLOTS = {
    "data": property(_data.__get__, _assign_data),
    "grad": property(_look_at_gradient, _assign_gradient),
}
"""Properties that replace attributes of Value while a guard is active."""
