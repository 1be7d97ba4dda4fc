"""A graph with folds as a picture of plain data: what its gates are, and which wires lead where."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.drawing.scene.cutting import alike
from micrograd_plus.drawing.scene.folds import Fold, positions
from micrograd_plus.drawing.scene.parts import Inside, Operand, Part, Scene, own_numbers, part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.drawing.scene.folds import Flat, Item
    from micrograd_plus.drawing.scene.matrices import Block
    from micrograd_plus.drawing.scene.parts import Numbers
    from micrograd_plus.engine import Value


def folded_scene(flat: Flat, shown: Sequence[Item], outputs: Sequence[int]) -> Scene:
    """The picture of a graph, or of a part of it, in which folds stand for many values.

    Args:
        flat: the whole graph.
        shown: positions of values and folds, each after what enters it. What enters them from the
            rest of the graph is drawn as leaves.
        outputs: the positions of the values that the rest of the graph uses.
    """
    wiring = _wiring(flat, shown, outputs)
    outside = alike(flat, wiring.outside)
    items, first = [*outside, *shown], len(outside)
    index = {i: k for k, item in enumerate(items) for i in positions(item)}
    numbers = own_numbers(flat.nodes[-1])
    parts = [_given(flat, item, numbers) for item in outside]
    for k, item in enumerate(shown):
        parameters = [first + other for other in wiring.parameters[k]]
        wires: list[int | None] = []
        if isinstance(item, Fold):
            around = dict.fromkeys(index[j] for j, ks in wiring.outside.items() if k in ks)
            wires += [*around, *(first + other for other in wiring.entering[k])]
        else:
            for other in (index[j] for j in flat.inputs[item]):
                again = other in wires and isinstance(items[other], Fold)
                wires.append(None if again or other in parameters else other)
        goes_on = not wiring.used[k].isdisjoint(outputs)
        more = {"parameters_of": tuple(parameters), "goes_on": goes_on}
        parts.append(_part(flat, item, wiring.used[k], numbers, wires, **more))
    return Scene(parts, [])


class _Wiring(NamedTuple):
    """Which items of a picture, known by their numbers, are connected by wires.

    Attributes:
        used: for each item the positions of those of its values that are used outside it.
        entering: for each item the numbers of the others that enter it, in order.
        parameters: for each item the numbers of the folds whose parameters it uses, in order.
        outside: for the position of each value from the rest of the graph the items that use it.
    """

    used: list[set[int]]
    entering: list[dict[int, None]]
    parameters: list[dict[int, None]]
    outside: dict[int, set[int]]


def _wiring(flat: Flat, shown: Sequence[Item], outputs: Sequence[int]) -> _Wiring:
    at = {i: k for k, item in enumerate(shown) for i in positions(item)}
    keeps = [isinstance(x, Fold) and not (x.leaves and x.place is None) for x in shown]
    wiring = _Wiring([set() for _ in shown], [{} for _ in shown], [{} for _ in shown], {})
    for i in outputs:
        wiring.used[at[i]].add(i)
    for k, item in enumerate(shown):
        for i in positions(item):
            for j in flat.inputs[i]:
                other = at.get(j)
                if other is None:
                    wiring.outside.setdefault(j, set()).add(k)
                elif other == k:
                    continue
                elif keeps[other] and flat.owners[j] and not flat.inputs[j]:
                    wiring.parameters[k][other] = None
                else:
                    wiring.entering[k][other] = None
                    wiring.used[other].add(j)
    return wiring


def _given(flat: Flat, item: Item, numbers: Callable[[Value], Numbers]) -> Part:
    """What enters from the rest of the graph, as a leaf."""
    if not isinstance(item, Fold):
        node = flat.nodes[item]
        return part_of(None, (), str(node.label), numbers(node), ())
    part = _folded_part(item, sorted(positions(item)), numbers, ())._replace(gate=None)
    if part.inside:
        label = part.label or f"{len(part.inside.numbers):,} values"
        part = part._replace(label=label, inside=part.inside._replace(opens=False))
    return part


def _part(
    flat: Flat,
    item: Item,
    leaving: Iterable[int],
    numbers: Callable[[Value], Numbers],
    wires: Sequence[int | None],
    **more: Any,
) -> Part:
    if isinstance(item, Fold):
        return _folded_part(item, sorted(leaving), numbers, wires, **more)
    node = flat.nodes[item]
    return part_of(node.op, node.args, str(node.label), numbers(node), wires, **more)


def _folded_part(
    fold: Fold,
    outputs: list[int],
    numbers: Callable[[Value], Numbers],
    wires: Sequence[int | None],
    **more: Any,
) -> Part:
    nodes = fold.flat.nodes
    carried = [numbers(nodes[i]) for i in outputs]
    single = len(outputs) == 1
    blocks = [] if fold.leaves else fold.parameters()
    ran = bool(carried) and carried[0][1] is not None
    inside = Inside(
        fold,
        outputs,
        carried,
        fold.details,
        _each(blocks, attrgetter("data")),
        _each(blocks, attrgetter("grad")) if ran else [],
        opens=True,
    )
    label = nodes[outputs[0]].label if single else ""
    return Part(
        fold.title if fold.leaves else label,
        None if fold.leaves else fold.title,
        *(carried[0] if single else (None, None)),
        tuple(Operand(i, source) for i, source in enumerate(wires) if source is not None),
        False,
        inside,
        **more,
    )


def _each(blocks: list[Block], number: Callable[[Value], float]) -> list[Block]:
    """A number of each parameter in matrices, also of those that are 0, and so false."""
    return [[[p if p is None else number(p) for p in row] for row in block] for block in blocks]
