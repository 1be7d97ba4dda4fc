"""A picture as plain data: which gates and wires it has, and the numbers on them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus.formula import gate
from micrograd_plus.graph import order

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.engine import Value

LIMIT = 400
"""The number of nodes from which a picture stops being readable."""


class GraphTooLargeError(ValueError):
    """A graph has more nodes than a picture should."""


class Part(NamedTuple):
    """One value of the graph: the gate or leaf that it comes from, and what its wire carries.

    Attributes:
        label: its name; "" for none.
        gate: what stands in its gate; None for a leaf.
        data: its number, None where nothing is to be shown, nan where it is to be guessed.
        grad: its gradient, None before backward, nan where it is to be guessed.
        inputs: the indices of the parts that enter its gate, in order.
        ordered: whether the order makes a difference.
    """

    label: str
    gate: str | None
    data: float | None
    grad: float | None
    inputs: tuple[int, ...]
    ordered: bool


class Scene(NamedTuple):
    """The parts of a picture, each after those that enter it; the last one is the output."""

    parts: list[Part]
    nodes: list[Value]

    def leaves(self) -> list[int]:
        """The indices of the parts without a gate."""
        return [i for i, part in enumerate(self.parts) if part.gate is None]


def scene(
    root: Value,
    limit: int = LIMIT,
    name: Callable[[Value], str] = attrgetter("label"),
    numbers: Callable[[Value], tuple[float | None, float | None]] | None = None,
) -> Scene:
    """The picture of a graph.

    Args:
        root: the graph's output.
        limit: the largest number of nodes to draw.
        name: what to call a node; its label by default.
        numbers: a node's number and gradient; by default those that it has, and no gradients
            until a backward pass has reached `root`.

    Raises:
        GraphTooLargeError: there are more nodes than `limit`.
    """
    nodes = order(root)
    if len(nodes) > limit:
        raise GraphTooLargeError(
            f"the graph has {len(nodes):,} nodes, and pictures of more than {limit:,} can hardly "
            f"be read: draw a part of it, such as one of its inner values, or pass "
            f"limit={len(nodes)}"
        )
    ran = root.grad != 0

    def numbers_of(node: Value) -> tuple[float | None, float | None]:
        return node.data, node.grad if ran else None

    numbers = numbers or numbers_of
    index = {node: i for i, node in enumerate(nodes)}
    parts = [
        Part(
            name(node),
            None if node.op is None else gate(node.op, node.args),
            *numbers(node),
            tuple(index[arg] for arg in node.args if type(arg) is not float),
            node.op is not None and not node.op.commutative,
        )
        for node in nodes
    ]
    return Scene(parts, nodes)
