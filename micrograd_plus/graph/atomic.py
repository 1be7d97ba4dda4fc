"""Changes of many nodes that happen as a whole or not at all, in one thread at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from functools import wraps
from itertools import chain, repeat, starmap
from operator import mul
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from micrograd_plus.graph import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from micrograd_plus.graph.node import Node

P = ParamSpec("P")
T = TypeVar("T")

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


run_through: Callable[[Iterable[Any]], None] = deque[Any](maxlen=0).extend
"""Takes all that an iterator gives, and keeps nothing.

Python looks for signals such as Ctrl-C, and changes threads, between the instructions of its own
code alone. So what an iterator of C does, run through by one call, is done as a whole.
"""


def assigning(nodes: Iterable[Node], slot: Literal["data", "grad"], contents: Iterable[Any]) -> Any:
    """An iterator that puts contents into a slot of nodes, as it is run through."""
    if slot == "grad":
        return map(setattr, nodes, repeat("grad"), contents)
    return map(setattr, nodes, repeat("_data"), map(mul, contents, repeat(1.0)))  # as `Node.data`


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
    if hooks.reading and slot == "data":
        nodes = list(nodes)
        for node in nodes:
            node.data  # noqa: B018  which tells of it
    try:
        run_through(chain(assigning(nodes, slot, contents), starmap(setattr, also)))
    finally:
        if slot == "data":
            hooks.changes += 1
