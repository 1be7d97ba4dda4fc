"""A layout of our own, for networks: columns from left to right, and what stands where in them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    Key = Hashable

_GAP = 16.0  # between two items of a column, in points
_NARROW, _WIDE = 28.0, 400.0  # between columns without weights between them, and the most with


class Item(NamedTuple):
    """Something to place.

    Attributes:
        width, height: its size in points.
        inputs: what enters it.
        turn: its turn in its column, if it has one, as neurons do; others go to their inputs.
    """

    width: float
    height: float
    inputs: Sequence[Key] = ()
    turn: int | None = None


class Columns(NamedTuple):
    """Where items are.

    Attributes:
        left: the left end of each item.
        middle: its middle, downwards.
        between: for a wire over several columns the points on its way.
    """

    left: dict[Key, float]
    middle: dict[Key, float]
    between: dict[tuple[Key, Key], list[tuple[float, float]]]


def columns(
    items: Mapping[Key, Item], depths: Mapping[Key, int], weighted: Collection[tuple[Key, Key]]
) -> Columns:
    """Columns of items, each to the right of what enters it.

    Args:
        items: the items, each after what enters it.
        depths: the column of each.
        weighted: the wires, from and to, with weights on them, which need room.

    >>> items = {"x": Item(50, 20), "y": Item(50, 20), "n": Item(50, 20, ["x", "y"])}
    >>> found = columns(items, depths(items), [])
    >>> found.left["n"] - found.left["x"], found.middle
    (78.0, {'x': -18.0, 'y': 18.0, 'n': 0.0})
    """
    tallest = max((item.height for item in items.values() if item.turn is not None), default=0.0)
    everything = {
        key: item if item.turn is None else item._replace(height=tallest)
        for key, item in items.items()
    }
    depth = dict(depths)
    ways: dict[tuple[Key, Key], list[Key]] = {}
    for key, item in items.items():
        for source in item.inputs:
            way = ways[source, key] = []
            for step in range(depth[source] + 1, depth[key]):
                point = source, key, step
                everything[point] = Item(0.0, _GAP, [way[-1] if way else source])
                depth[point] = step
                way.append(point)
    middle = _middles(everything, depth)
    left = _lefts(everything, depth, weighted, middle)
    between = {
        wire: [(left[point], middle[point]) for point in way] for wire, way in ways.items() if way
    }
    return Columns(left, middle, between)


def depths(items: Mapping[Key, Item]) -> dict[Key, int]:
    """The column of each item, from left to right: leaves stand just before what they enter.

    >>> leaf = Item(50, 20)
    >>> depths({"x": leaf, "f": Item(50, 20, ["x"]), "t": leaf, "g": Item(50, 20, ["f", "t"])})
    {'x': 0, 'f': 1, 't': 1, 'g': 2}
    """
    depth: dict[Key, int] = {}
    users: dict[Key, list[int]] = defaultdict(list)
    for key, item in items.items():
        depth[key] = 1 + max((depth[source] for source in item.inputs), default=-1)
        for source in item.inputs:
            users[source].append(depth[key])
    return {
        key: depth[key] if item.inputs else min(users[key], default=1) - 1
        for key, item in items.items()
    }


def _middles(items: Mapping[Key, Item], depth: Mapping[Key, int]) -> dict[Key, float]:
    middle: dict[Key, float] = {}
    stacks: dict[int, list[Key]] = defaultdict(list)
    for key in items:
        stacks[depth[key]].append(key)
    for level in sorted(stacks):
        stack = stacks[level]
        wanted = {key: _wanted(key, items, middle) for key in stack}
        main = [key for key in stack if items[key].turn is not None]
        main = main or [key for key in stack if items[key].inputs] or stack
        main.sort(key=lambda key: (items[key].turn or 0, wanted[key]))
        _stack(main, wanted, items, middle)
        lowest = main[-1]
        for key in sorted((key for key in stack if key not in middle), key=wanted.__getitem__):
            middle[key] = max(wanted[key], middle[lowest] + _pitch(items[lowest], items[key]))
            lowest = key
    return middle


def _wanted(key: Key, items: Mapping[Key, Item], middle: Mapping[Key, float]) -> float:
    """Where an item would stand if it were alone: where its inputs do, but for leaves."""
    if items[key].turn is not None:
        return 0.0
    inputs = items[key].inputs
    inner = [middle[source] for source in inputs if items[source].inputs] or [
        middle[source] for source in inputs
    ]
    return sum(inner) / len(inner) if inner else 0.0


def _stack(
    keys: Sequence[Key],
    wanted: Mapping[Key, float],
    items: Mapping[Key, Item],
    middle: dict[Key, float],
) -> None:
    """Place items one below the other, as near as possible to where they would stand."""
    for k, key in enumerate(keys):
        above = keys[k - 1]
        free = middle[above] + _pitch(items[above], items[key]) if k else wanted[key]
        middle[key] = max(wanted[key], free)
    shift = sum(wanted[key] - middle[key] for key in keys) / len(keys)
    for key in keys:
        middle[key] += shift


def _pitch(above: Item, below: Item) -> float:
    return (above.height + below.height) / 2 + _GAP


def _lefts(
    items: Mapping[Key, Item],
    depth: Mapping[Key, int],
    weighted: Collection[tuple[Key, Key]],
    middle: Mapping[Key, float],
) -> dict[Key, float]:
    """Columns beside each other, with room for wires that go up and down."""
    width: dict[int, float] = defaultdict(float)
    rise: dict[int, float] = defaultdict(float)  # of the steepest wire with a weight
    for key, item in items.items():
        width[depth[key]] = max(width[depth[key]], item.width)
    for source, key in weighted:
        step = depth[key]
        rise[step] = max(rise[step], 150.0, abs(middle[key] - middle[source]))
    start = {min(width): 0.0}
    for step in sorted(width)[1:]:
        gap = min(0.95 * rise[step], _WIDE) if step in rise else _NARROW
        start[step] = start[step - 1] + width[step - 1] + gap
    # leaves end where their column does, all else begins where it begins
    return {
        key: start[depth[key]] + (0.0 if item.inputs else width[depth[key]] - item.width)
        for key, item in items.items()
    }
