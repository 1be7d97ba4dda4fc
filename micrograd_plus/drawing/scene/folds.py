"""Folds: groups of values that are each drawn as one gate, and open to show what is inside."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus._tools.names import parsed
from micrograd_plus.drawing.scene.matrices import matrices
from micrograd_plus.graph.places import turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.drawing.scene.matrices import Block
    from micrograd_plus.engine import Value
    from micrograd_plus.graph.places import Place


class Flat(NamedTuple):
    """A graph as lists, in which a value is known by its position.

    Attributes:
        nodes: its values, each after its arguments.
        inputs: for each value the positions of its arguments, without constants.
        owners: for each value the place of its module; None where it has none.
        parameters: for the place of each module the positions of its parameters, in its own order.
        most: the largest number of parts in a fold; what would have more is folded again.
    """

    nodes: list[Value]
    inputs: list[tuple[int, ...]]
    owners: list[Place | None]
    parameters: dict[Place, list[int]]
    most: int


class Fold:
    """A group of values that is drawn as one.

    Attributes:
        flat: the whole graph.
        members: the positions of the values in it, each after its arguments.
        place: that of the module whose values these are; None for any other group.
        modules: the number and kind of the modules, if it consists of equal ones; "" otherwise.
        parts: what is inside: positions of values, and folds, each after what enters it. They are
            found when they are first asked for.
    """

    def __init__(
        self,
        flat: Flat,
        members: Sequence[int],
        place: Place | None,
        parts: Callable[[], list[Item]],
        modules: str = "",
    ) -> None:
        self.flat = flat
        self.members = members
        self.place = place
        self.modules = modules
        self._parts = parts

    @cached_property
    def parts(self) -> list[Item]:
        parts = self._parts()
        # a layer of one neuron opens to what is inside the neuron
        return parts[0].parts if len(parts) == 1 and isinstance(parts[0], Fold) else parts

    @property
    def leaves(self) -> bool:
        """Whether it consists of leaves only."""
        return not any(self.flat.inputs[i] for i in self.members)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if self.modules:
            return self.modules
        if self.place:
            return self.place.kind or ""
        nodes = [self.flat.nodes[i] for i in self.members]
        if self.leaves:
            stems = {parsed(str(node.label)).base for node in nodes}
            return f"{len(nodes):,} × {stems.pop() if len(stems) == 1 else 'values'}".strip()
        return f"{sum(node.op is not None for node in nodes):,} operations"

    @property
    def details(self) -> str:
        """Where it stands in its model, and how much is in it."""
        nodes = [self.flat.nodes[i] for i in self.members]
        symbols = Counter(node.op.symbol for node in nodes if node.op is not None)
        if self.place is None:
            shown = [f"{count:,} {symbol}" for symbol, count in symbols.most_common(3)]
            return ", ".join([*shown, "…"] if len(symbols) > 3 else shown)
        count = len(self.flat.parameters[self.place])
        counted = [(count, "parameter"), (symbols.total(), "operation")]
        several = (f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in counted)
        return " · ".join(filter(None, [self.place.name, *several]))

    def parameters(self) -> list[Block]:
        """The parameters inside, in the shape of their matrix."""
        nodes, owners = self.flat.nodes, self.flat.owners
        if self.place:
            return matrices(nodes[i] for i in self.flat.parameters[self.place])
        leaves = [i for i in self.members if not self.flat.inputs[i] and owners[i]]
        rank = {owner: k for k, owner in enumerate(dict.fromkeys(owners[i] for i in leaves))}
        leaves.sort(key=lambda i: (rank[owners[i]], turns(nodes[i])))
        return matrices(nodes[i] for i in leaves)


Item = int | Fold


def positions(item: Item) -> Iterable[int]:
    """The positions of the values that an item stands for."""
    return item.members if isinstance(item, Fold) else (item,)
