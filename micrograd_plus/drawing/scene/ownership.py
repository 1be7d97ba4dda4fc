"""Which module each value of a graph belongs to.

Nodes don't say where they were made: that would cost memory in each of them. Parameters do: a
value belongs to the innermost module that holds all the parameters it is computed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrograd_plus import ops
from micrograd_plus.nn.module import Module, alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Around


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A module in the tree of modules.

    Attributes:
        module: the module.
        name: its path from the module around it, such as `neurons.3`; "" for an outermost one.
        around: the place of the module around it; None for an outermost one.
        depth: how many there are around it.
    """

    module: Module
    name: str
    around: Place | None
    depth: int

    def below(self, other: Place | None) -> Place | None:
        """The place directly inside `other` that this one is in or is; None if there is none."""
        place: Place | None = self
        while place is not None and place.around is not other:
            place = place.around
        return place


def places(leaves: Sequence[Value]) -> dict[Value, Place]:
    """The innermost module of each leaf that is a parameter of a module still in use."""
    wanted = set(leaves)
    known: dict[tuple[int, ...], Place] = {}
    found: dict[Value, Place] = {}
    parts: set[int] = set()
    for reference in alive.valuerefs():  # a list: other threads may make modules meanwhile
        module = reference()
        if module is None or id(module) in parts:
            continue
        last, place = None, None
        for _, parameter, around in module.placed_parameters():
            if around is not last:  # the same for all parameters of a module
                last, place = around, _place(around, known)
                parts.update(id(inner) for _, inner in around)
            # a module may be older than the one that it became a part of
            if parameter in wanted and place and place.depth >= _depth(found.get(parameter)):
                found[parameter] = place
    return found


def _depth(place: Place | None) -> int:
    return place.depth if place else 0


def _place(around: Around, known: dict[tuple[int, ...], Place]) -> Place:
    key = tuple(id(module) for _, module in around)
    if key not in known:
        *outer, (path, module) = around
        outside = _place(tuple(outer), known) if outer else None
        name = path.removeprefix(outer[-1][0] if outer else "").removeprefix(".")
        known[key] = Place(module, name, outside, len(outer))
    return known[key]


def owners(nodes: Sequence[Value], inputs: Sequence[tuple[int, ...]]) -> list[Place | None]:
    """The place of each value, None for those that belong to no module.

    A value computed with parameters belongs to the innermost module that holds them all; any
    other one to that of the values it is computed from, if it goes on into the model or is the
    module's own activation. So losses and penalties belong to none.

    Args:
        nodes: values, each after its arguments.
        inputs: the positions of the arguments of each.
    """
    placed = places([node for node in nodes if node.op is None])
    owner: list[Place | None] = [placed.get(node) for node in nodes]
    if not placed:
        return owner
    parameter = [place is not None for place in owner]
    alone = list(parameter)  # whether it depends on nothing but parameters, as penalties do
    direct = [False] * len(nodes)  # whether it is computed with parameters, and with data
    for i, args in enumerate(inputs):
        if args:
            only = True
            for j in args:
                only = only and alone[j]
                direct[i] = direct[i] or parameter[j]
            alone[i] = only and not _takes_data(nodes[i])
            direct[i] = direct[i] and not alone[i]
    goes_on = list(direct)
    for i in range(len(nodes) - 1, -1, -1):
        if goes_on[i]:
            for j in inputs[i]:
                goes_on[j] = True
    for i, args in enumerate(inputs):
        if not args:
            continue
        if direct[i]:
            place = _common({owner[j] for j in args if parameter[j]})
        else:
            place = _common({owner[j] for j in args})
        if place and (goes_on[i] or _activates(nodes[i], place.module)):
            owner[i] = place
    return owner


def _common(found: set[Place | None]) -> Place | None:
    """The innermost place that all are in, those left out that have none."""
    found.discard(None)
    common = found.pop() if found else None
    for place in found:
        other: Place | None = place
        while common is not other:
            if common is None or other is None:
                return None
            if common.depth < other.depth:
                common, other = other, common
            common = common.around
    return common


def _takes_data(node: Value) -> bool:
    """Whether there is a constant among the operands: examples may be plain numbers."""
    return node.op is not ops.power and any(type(arg) is float for arg in node.args)


def _activates(node: Value, module: Module) -> bool:
    activation = getattr(module, "activation", None)
    return node.op is not None and node.op.name == getattr(activation, "__name__", None)
