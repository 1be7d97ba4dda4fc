"""Atomic changes of many nodes: all of them or none, in one thread at a time."""

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

if hasattr(os, "register_at_fork"):  # or a forked child might inherit the lock held
    os.register_at_fork(
        before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release
    )


def in_turn(f: Callable[P, T]) -> Callable[P, T]:
    """A decorator for functions that read many nodes and then change them: one thread at a time.

    All decorated functions share one lock, and may call each other.

    Args:
        f: the function.
    """

    @wraps(f)
    def turn(*args: P.args, **kwargs: P.kwargs) -> T:
        # only a call is in the block: in Python 3.12 a signal that arrives where a loop jumps
        # back is raised as if outside the block, which would then keep the lock
        with _turn:
            return f(*args, **kwargs)

    return turn


run_through: Callable[[Iterable[Any]], None] = deque[Any](maxlen=0).extend
"""Exhausts an iterator, and discards its items.

Python handles signals such as Ctrl-C, and switches threads, only between instructions of Python
code. So all that an iterator written in C does, when one call exhausts it, is done as a whole.
"""


def assigning(nodes: Iterable[Node], slot: Literal["data", "grad"], contents: Iterable[Any]) -> Any:
    """An iterator that assigns to a slot of each node as it is exhausted."""
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
    """Assign contents to a slot of nodes, atomically: to all of them or none.

    Args:
        nodes: the nodes.
        slot: the slot.
        contents: the new content for each node, already computed and checked.
        also: triples of an object, an attribute and its content that belong to the same change.
    """
    if hooks.reading and slot == "data":
        nodes = list(nodes)
        for node in nodes:
            node.data  # noqa: B018  calls the hooks
    try:
        run_through(chain(assigning(nodes, slot, contents), starmap(setattr, also)))
    finally:
        if slot == "data":
            hooks.changes += 1
