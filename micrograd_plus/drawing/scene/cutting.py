"""Too many parts for a picture: what belongs to no module is cut into pieces where few wires cross.

The parts of a picture are items: single values and folds, here told apart by their numbers in a
list, in which each comes after those that enter it. A piece is a run of such numbers.
"""

from __future__ import annotations

from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.names import parsed
from micrograd_plus.drawing.scene.folds import Fold, positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.drawing.scene.folds import Flat, Item

_ALIKE = 4  # leaves with the same users: from so many on they are drawn as one


def fewer(flat: Flat, items: list[Item]) -> list[Item]:
    """The same as at most `flat.most` items: where there are more, several become a fold.

    Args:
        flat: the graph.
        items: positions of values and folds, each after what enters it.
    """
    if len(items) <= flat.most:
        return items
    worked = [n for n, x in enumerate(items) if isinstance(x, Fold) or flat.inputs[x]]
    if not worked:  # only leaves, which are cut in their order
        return _folded(flat, items, _pieces(flat, range(len(items)), []))
    at = {i: n for n, item in enumerate(items) for i in positions(item)}
    users = _users(flat, items, worked)
    if len(worked) <= flat.most:
        found = _arranged(flat, items, at, users, [[n] for n in worked])
        if len(found) <= flat.most:
            return found
    wires = _going_on(flat, items, at, worked)
    pieces = _between_modules(flat, items, worked, wires)
    if not 1 < len(pieces) < flat.most:
        pieces = _pieces(flat, worked, wires)
    return _arranged(flat, items, at, users, pieces)


def _users(flat: Flat, items: list[Item], worked: Sequence[int]) -> dict[int, set[int]]:
    """The numbers of the items that each leaf enters, by the leaf's position."""
    users: dict[int, set[int]] = {
        x: set() for x in items if isinstance(x, int) and not flat.inputs[x]
    }
    for n in worked:
        for i in positions(items[n]):
            for j in flat.inputs[i]:
                if j in users:
                    users[j].add(n)
    return users


def _going_on(
    flat: Flat, items: list[Item], at: dict[int, int], worked: Sequence[int]
) -> list[int]:
    """How many values computed up to each item are used after it."""
    last = {}  # the number of the last item that a value enters
    for n in worked:
        for i in positions(items[n]):
            for j in flat.inputs[i]:
                if flat.inputs[j] and at.get(j, n) != n:
                    last[j] = n
    wires = [0] * (len(items) + 1)
    for j, n in last.items():
        wires[at[j]] += 1
        wires[n] -= 1
    return list(accumulate(wires))


def _arranged(
    flat: Flat,
    items: list[Item],
    at: dict[int, int],
    users: dict[int, set[int]],
    pieces: Sequence[Sequence[int]],
) -> list[Item]:
    """A fold for each piece and the leaves that it alone uses; all other leaves come first."""
    piece = {n: k for k, numbers in enumerate(pieces) for n in numbers}
    inside = [list(numbers) for numbers in pieces]
    outside: dict[int, set[int]] = {}
    for j, numbers in users.items():
        used = {piece[n] for n in numbers}
        if len(used) == 1 and len(pieces[min(used)]) > 1:
            inside[min(used)].append(at[j])
        else:
            outside[j] = used
    leaves = alike(flat, outside)
    if len(leaves) > max(1, flat.most - len(pieces)):
        leaves = [_piece(flat, list(outside))]
    return [*leaves, *_folded(flat, items, inside)]


def _folded(flat: Flat, items: list[Item], pieces: Iterable[Sequence[int]]) -> list[Item]:
    """A fold for each piece; one of a single item is the item itself."""
    several = ([items[n] for n in sorted(numbers)] for numbers in pieces)
    return [some[0] if len(some) == 1 else _piece(flat, some) for some in several]


def _between_modules(
    flat: Flat, items: list[Item], worked: Sequence[int], wires: Sequence[int]
) -> list[Sequence[int]]:
    """Each module as a piece of its own, and pieces of what is computed between modules."""
    pieces: list[Sequence[int]] = []
    for module, run in groupby(worked, lambda n: isinstance(items[n], Fold)):
        numbers = list(run)
        pieces += [[n] for n in numbers] if module else _pieces(flat, numbers, wires, least=1)
    return pieces


def _pieces(
    flat: Flat, worked: Sequence[int], wires: Sequence[int], least: int = 2
) -> list[Sequence[int]]:
    """Numbers cut into pieces of about equal size, where the fewest wires cross.

    Args:
        flat: the graph.
        worked: the numbers.
        wires: what `_going_on` gives; empty for leaves.
        least: the least number of pieces.
    """
    count = min(len(worked), max(least, min(flat.most // 2, -(-len(worked) // flat.most))))
    width = len(worked) / count

    def crossed(cut: int) -> int:
        return wires[worked[cut - 1]] if wires else 0

    cuts = [0]
    for k in range(1, count):
        near = range(max(1, int((k - 0.3) * width)), int((k + 0.3) * width) + 1)
        cuts.append(min(near, key=lambda cut: (crossed(cut), abs(cut - k * width))))
    return [worked[a:b] for a, b in pairwise([*cuts, len(worked)])]


def alike(flat: Flat, users: dict[int, set[int]]) -> list[Item]:
    """Values as items: those that have the same users and similar names become one fold.

    Args:
        flat: the graph.
        users: what uses each value, by the value's position.
    """
    sets: dict[Any, list[int]] = {}
    for i, used in users.items():
        stem = parsed(str(flat.nodes[i].label)).base
        sets.setdefault((frozenset(used), stem, flat.owners[i] is None), []).append(i)
    found: list[Item] = []
    for members in sets.values():
        found += [_piece(flat, members)] if len(members) >= _ALIKE else members
    return found


def _piece(flat: Flat, items: Sequence[Item]) -> Fold:
    inside = sorted(i for item in items for i in positions(item))
    places = {item.place if isinstance(item, Fold) else None for item in items}
    kinds = {place and place.kind for place in places}
    kind = kinds.pop()
    modules = f"{len(items)} × {kind}" if kind and not kinds else ""
    return Fold(flat, inside, None, lambda: fewer(flat, list(items)), modules)
