"""A graph as an outline of nested folds, of which a picture opens those that are asked for.

What belongs to modules is folded by module: neurons in layers, layers in models. What belongs to
none is cut into pieces in the order of computation.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from micrograd_plus._tools.text import short
from micrograd_plus.drawing.scene.cutting import fewer
from micrograd_plus.drawing.scene.folds import Flat, Fold
from micrograd_plus.drawing.scene.grouping import grouped
from micrograd_plus.drawing.scene.ownership import owners
from micrograd_plus.engine import Value
from micrograd_plus.graph import order
from micrograd_plus.graph.places import Place, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from micrograd_plus.drawing.scene.folds import Item
    from micrograd_plus.nn.module import Module

    Expand: TypeAlias = int | Value | str | Module | Collection[Value | str | Module]

_MOST = 32  # the largest number of parts shown at once


def folded(root: Value, limit: float = math.inf) -> Fold:
    """The graph of a value as one fold, whose parts are found when they are first asked for.

    Args:
        root: the value.
        limit: the largest number of parts that a fold should have.
    """
    nodes = order(root)
    index = {node: i for i, node in enumerate(nodes)}
    inputs = [
        () if node.op is None else tuple([index[a] for a in node.args if type(a) is not float])
        for node in nodes
    ]
    owned = owners(nodes, inputs)
    flat = Flat(nodes, inputs, owned, _parameters(nodes, owned), int(min(_MOST, limit)))
    return fold_of(flat, range(len(nodes)), None)


def _parameters(nodes: Sequence[Value], owned: Sequence[Place | None]) -> dict[Place, list[int]]:
    """The positions of the parameters in each module, in its own order."""
    models: dict[Place, int] = {}
    ranks = {}
    for i, node in enumerate(nodes):
        if node.op is None and owned[i]:
            *_, model = node.right.chain()
            ranks[i] = models.setdefault(model, len(models)), turns(node)
    found: dict[Place, list[int]] = {}
    for i in sorted(ranks, key=ranks.__getitem__):
        for place in nodes[i].right.chain():
            found.setdefault(place, []).append(i)
    return found


def fold_of(flat: Flat, members: Sequence[int], place: Place | None) -> Fold:
    return Fold(flat, members, place, lambda: fewer(flat, _by_module(flat, members, place)))


def _by_module(flat: Flat, members: Sequence[int], place: Place | None) -> list[Item]:
    """The values directly in a place, and a fold for each module there, in a drawable order."""
    modules = {i: owner for i in members if (owner := flat.owners[i])}
    below = {owner: _directly_in(place, owner) for owner in {*modules.values()}}
    keys = {i: inner for i, owner in modules.items() if (inner := below[owner])}
    if not keys:
        return list(members)
    found: list[Item] = []
    for group in grouped(flat.inputs, members, keys):
        inner = keys.get(group[0])
        found += [fold_of(flat, group, inner)] if inner else group
    return found


def _directly_in(place: Place | None, owner: Place) -> Place | None:
    """Of a module and those around it the one that stands in a place itself; None if none does."""
    chain = pairwise([*owner.chain(), None])
    return next((inner for inner, outer in chain if outer is place), None)


def opened(top: Fold, limit: float, expand: Expand = ()) -> list[Item]:
    """The parts of a fold, with folds opened: modules that show their parts, and what is asked for.

    Args:
        top: the whole graph.
        limit: the largest number of parts; a fold that would exceed it stays closed.
        expand: Values, labels or modules, one or several; or how many levels of all folds.

    Raises:
        ValueError: the graph has nothing of that name, or there are fewer than 0 levels.
        TypeError: `expand` is none of these.
    """
    wanted = _wanted(top.flat, expand)
    shown: list[Item] = [top]
    todo = [(top, 0)]
    for item, depth in todo:  # the list grows: breadth first
        transparent = item.place is not None and item.place.shows_parts
        if not (item is top or transparent or wanted(item, depth)):
            continue
        if len(shown) + len(item.parts) - 1 > limit:
            continue
        at = shown.index(item)
        shown[at : at + 1] = item.parts
        deeper = depth + (item is not top and not transparent)
        todo += [(part, deeper) for part in item.parts if isinstance(part, Fold)]
    return shown


def _wanted(flat: Flat, expand: Expand) -> Callable[[Fold, int], bool]:
    """Whether a fold is asked for, given that it lies so deep in others that were."""
    if isinstance(expand, int):
        if expand < 0:
            raise ValueError(f"the number of levels to expand can't be {expand}")
        return lambda fold, depth: depth < expand
    several = expand if isinstance(expand, list | tuple | set | frozenset) else [expand]
    values: set[int] = set()
    modules: list[tuple[Place, set[int]]] = []
    for thing in several:
        if isinstance(thing, str):
            found = {i for i, node in enumerate(flat.nodes) if node.label == thing}
            values |= found
        elif isinstance(thing, Value):
            found = {i for i, node in enumerate(flat.nodes) if node is thing}
            values |= found
        elif isinstance(place := getattr(thing, "_own_place", None), Place):
            found = {i for i, owner in enumerate(flat.owners) if owner and place in owner.chain()}
            modules.append((place, found))
        else:
            raise TypeError(f"expand takes Values, labels, modules or a number, not {short(thing)}")
        if not found:
            what = "called" if isinstance(thing, str) else "of"
            raise ValueError(f"there is nothing {what} {short(thing)} in the graph to expand")

    def opens(fold: Fold, depth: int) -> bool:
        if not values.isdisjoint(fold.members):
            return True
        # a module is opened with all modules around it, but not those in it
        return any(
            fold.place is place
            or not (inside.isdisjoint(fold.members) or inside.issuperset(fold.members))
            for place, inside in modules
        )

    return opens
