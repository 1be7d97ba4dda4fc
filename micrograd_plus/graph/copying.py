"""Copies and pickles of graphs of any depth; nodes that were shared stay shared."""

from __future__ import annotations

import threading
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from micrograd_plus.graph.evaluation import order
from micrograd_plus.graph.node import N, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from micrograd_plus.graph.places import Place

_state = threading.local()


def copy_node(node: N, args: tuple[Any, ...]) -> N:
    """A new node like `node`, with other arguments."""
    return _node(type(node), node.op, args, node.data, node.grad, node.label)


def deep_copy(root: N, memo: dict[int, Any]) -> N:
    """The copy of a whole graph, as `copy.deepcopy` asks for it."""
    for node in order(root, done=memo):
        args = tuple(arg if type(arg) is float else memo[id(arg)] for arg in node.args)
        memo[id(node)] = made = copy_node(node, args)
        if node.op is None:
            made.left, made.right = node.left, deepcopy(node.right, memo)
    copied: N = memo[id(root)]
    return copied


def reduce_node(node: N) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """How `pickle` writes a node: its ancestors in topological order, and then itself.

    By itself pickle would recurse from each node into its arguments, as deep as the graph is. In
    topological order a node's arguments are already written when its turn comes.
    """
    content = (type(node), node.op, node.args, node.data, float(node.grad), node.label)
    if node.op is None and node.right is not None:
        return _node, (*content, node.left, node.right)
    if not node.args or getattr(_state, "in_order", False):
        return _node, content
    return _after, (_Ancestors(node), *content)


class _Ancestors:
    """Pickles as a list of the nodes that come before `root`."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._one_by_one()

    def _one_by_one(self) -> Iterator[Any]:
        try:
            _state.in_order = True
            yield from order(self.root)[:-1]
            yield None  # pickle reads one item ahead: keeps the state until the last node
        finally:
            _state.in_order = False


def _after(ancestors: list[Any], *content: Any) -> Any:
    return _node(*content)


def _node(
    kind: type[N],
    op: Any,
    args: Any,
    data: float,
    grad: float,
    label: str,
    turn: int | None = None,
    place: Place | None = None,
) -> N:
    node = kind.__new__(kind)
    node.label = label
    node.data = data
    node.grad = grad
    node.op = op
    node.left, node.right = (turn, place) if op is None else packed(op, args)
    return node
