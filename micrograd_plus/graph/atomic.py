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

if hasattr(os, "register_at_fork"):  # or a child process might begin with the lock held
    os.register_at_fork(
        before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release
    )


def in_turn(f: Callable[P, T]) -> Callable[P, T]:
    """A decorator for what reads many nodes and then changes them: one thread at a time runs it.

    All functions that have it share one lock, and may call each other.

    Args:
        f: the function.
    """

    @wraps(f)
    def turn(*args: P.args, **kwargs: P.kwargs) -> T:
        # only a call stands in the block: in Python 3.12 a signal that arrives where a loop jumps
        # back is raised as if outside of the block, which then would keep the lock
        with _turn:
            return f(*args, **kwargs)

    return turn


run_through: Callable[[Iterable[Any]], None] = deque[Any](maxlen=0).extend
"""Exhausts an iterator, and keeps nothing.

Python handles signals such as Ctrl-C, and switches threads, only between instructions of Python
code. So all that an iterator written in C does, when one call exhausts it, is done as a whole.
"""


def assigning(nodes: Iterable[Node], slot: Literal["data", "grad"], contents: Iterable[Any]) -> Any:
    """An iterator that assigns to a slot of each node while it is exhausted."""
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
        nodes: the nodes.
        slot: the slot.
        contents: what each node gets, already computed and checked.
        also: triples of an object, an attribute and its content that belong to the same change.
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
