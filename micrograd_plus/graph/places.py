"""The places of parameters in models: plain data, which a graph keeps when the model is gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from weakref import ref

    from micrograd_plus.graph.node import N, Node
    from micrograd_plus.ops.operation import Op


@dataclass(eq=False, slots=True)
class Place:
    """The place of a module, or of a collection in one: a link of the chain to the whole model.

    A parameter keeps the place of what contains it in `right`, and its turn there in `left`.

    Attributes:
        around: the place of the module or collection that contains it; None for a whole model.
        turn: its position there, counted from 0.
        names: what it calls its parts, in turn; empty for a list, which calls them by these turns.
        kind: what a module is, in a few words; None for a collection, and while a module is made.
        shows_parts: whether pictures show what is in a module instead of one gate for all of it.
        activation: the operation that a neuron applies to its sum, if it is one of the table.
        module: the module, while it lives; None for a collection, and in copies of a place.
    """

    around: Place | None = None
    turn: int = 0
    names: list[Any] = field(default_factory=list)
    kind: str | None = None
    shows_parts: bool = False
    activation: Op | None = None
    module: ref[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.around, self.turn, self.names, self.kind, self.shows_parts,
                       self.activation)  # fmt: skip

    @property
    def owner(self) -> Place:
        """The module itself, or the innermost one around the collection."""
        place = self
        while place.kind is None and place.around is not None:
            place = place.around
        return place

    def chain(self) -> Iterator[Place]:
        """The owner, the module around it, and so on up to the whole model."""
        place = self.owner
        yield place
        while place.around is not None:
            place = place.around.owner
            yield place

    @property
    def name(self) -> str:
        """The path that leads to it from the module around it; "" for a whole model."""
        return path(self.around, self.turn)


def path(place: Place | None, turn: int) -> str:
    """How a module calls what stands at a turn of its place, or of one inside, such as `w.0`."""
    found: list[str] = []
    while place is not None:
        found.append(str(place.names[turn] if turn < len(place.names) else turn))
        turn = place.turn
        place = place.around if place.kind is None else None
    return ".".join(reversed(found))


def turns(parameter: Node) -> list[int]:
    """Sorts parameters in the order in which they stand in their model."""
    found: list[int] = [parameter.left]
    place: Place | None = parameter.right
    while place is not None:
        found.append(place.turn)
        place = place.around
    return found[::-1]


def parameters(nodes: Iterable[Node]) -> bool:
    """Whether there are parameters of modules among the nodes."""
    return any(node.op is None and node.right is not None for node in nodes)


def placed(leaves: Iterable[N]) -> dict[N, Place]:
    """The module of each leaf that is a parameter, as modules that still live tell it anew.

    >>> from micrograd_plus import Value, nn
    >>> neuron = nn.Neuron(2)
    >>> [place.kind for place in placed([neuron.w[1], neuron.b, Value(1.0)]).values()]
    ['Neuron 2 → 1, relu', 'Neuron 2 → 1, relu']
    """
    known = [leaf for leaf in leaves if leaf.op is None and leaf.right is not None]
    told: set[Any] = set()  # places of modules, and parameters
    for leaf in known:
        for place in [*leaf.right.chain()][::-1]:  # the outermost first
            if place not in told:
                if place.around is not None and place.around.owner in told:
                    place.around = None  # it was taken out of that module
                if module := place.module and place.module():
                    told |= module._place_everything()
    for leaf in known:
        if leaf not in told and leaf.right.owner in told:
            leaf.left = leaf.right = None  # it was taken out, too
    return {leaf: leaf.right.owner for leaf in known if leaf.right is not None}
