"""The places of parameters in models: plain data, which a graph keeps when the model is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from weakref import ref

    from micrograd_plus.graph import N
    from micrograd_plus.ops.operation import Op


@dataclass(eq=False, slots=True)
class Place:
    """The place of a parameter or a module: a link of the chain that leads to the whole model.

    Attributes:
        around: the place of the module that contains it; None for a whole model.
        name: the path from that module, such as `w.0` or `neurons.3`; "" for a whole model.
        turn: orders what stands in one module.
        kind: what a module is, in a few words; None for a parameter, and while a module is made.
        shows_parts: whether pictures show what is in a module instead of one gate for all of it.
        activation: the operation that a neuron applies to its sum, if it is one of the table.
        module: the module, while it lives; None for a parameter, and in copies of a place.
    """

    around: Place | None = None
    name: str = ""
    turn: int = 0
    kind: str | None = None
    shows_parts: bool = False
    activation: Op | None = None
    module: ref[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.around, self.name, self.turn, self.kind, self.shows_parts,
                       self.activation)  # fmt: skip

    def chain(self) -> Iterator[Place]:
        """The place itself, that of the module around it, and so on up to the whole model's."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.around


def placed(leaves: Iterable[N]) -> dict[N, Place]:
    """The places of those leaves that are parameters, as modules that still live tell them anew.

    >>> from micrograd_plus import Value, nn
    >>> neuron = nn.Neuron(2)
    >>> [place.name for place in placed([neuron.w[1], neuron.b, Value(1.0)]).values()]
    ['w.1', 'b']
    """
    known = [leaf for leaf in leaves if leaf.op is None and leaf.right is not None]
    told: set[Place] = set()
    for leaf in known:
        for place in [*leaf.right.chain()][::-1]:  # the outermost first
            module = place.module and place.module()
            if place.around in told and place not in told:  # it was taken out of that module
                place.around, place.name = None, ""
            if module is not None and place not in told:
                told.add(place)
                told.update(module._place_everything())
    return {leaf: leaf.right for leaf in known if leaf.right.around is not None}
