"""Folding: a graph as a tree of groups, so that a large one still gives a picture.

What belongs to modules folds by module: neuron, layer, model. What belongs to none folds into
pieces of the order of computation, cut where the fewest wires cross.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from functools import cached_property, partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.drawing.grouping import grouped
from micrograd_plus.drawing.heatmap import matrices
from micrograd_plus.drawing.ownership import Place, owners
from micrograd_plus.engine import Value
from micrograd_plus.formula import split_label
from micrograd_plus.graph import order
from micrograd_plus.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.drawing.heatmap import Block

MOST = 32
"""A number of parts that still can be looked at."""
_ALIKE = 4  # so many leaves that go the same ways are drawn as one


class Flat(NamedTuple):
    """A graph as lists by position.

    Attributes:
        nodes: its values, each after its arguments.
        inputs: the positions of the arguments of each, constants left out.
        owners: the module of each; None where there is none.
        most: the number of parts from which the inside of a fold is folded itself.
    """

    nodes: list[Value]
    inputs: list[tuple[int, ...]]
    owners: list[Place | None]
    most: int


class Fold:
    """A group of values that is drawn as one.

    Attributes:
        flat: the whole graph.
        members: the positions of the values in it, each after its arguments.
        place: the module that they belong to; None for a piece of a graph.
        modules: what it is a number of, if it is one of modules of a kind; "" if not.
        parts: what is inside: positions of values, and folds, each after what enters it.
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
        parts = _fewer(self.flat, self._parts())
        # a layer of one neuron has the neuron's inside
        return parts[0].parts if len(parts) == 1 and isinstance(parts[0], Fold) else parts

    @property
    def leaves(self) -> bool:
        """Whether nothing is computed inside."""
        return not any(self.flat.inputs[i] for i in self.members)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if self.modules:
            return self.modules
        if self.place:
            return self.place.module.describe()
        nodes = [self.flat.nodes[i] for i in self.members]
        if self.leaves:
            stems = {split_label(str(node.label))[0] for node in nodes}
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
        count = len(self.place.module.parameters())
        counted = [(count, "parameter"), (symbols.total(), "operation")]
        several = (f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in counted)
        return " · ".join(filter(None, [self.place.name, *several]))

    def parameters(self) -> list[Block]:
        """The parameters inside, in the shape of their matrix."""
        if self.place:
            return matrices([self.place.module])
        owners = self.flat.owners
        leaves = [i for i in self.members if not self.flat.inputs[i] and owners[i]]
        modules = dict.fromkeys(place.module for i in leaves if (place := owners[i]))
        return matrices(modules, {self.flat.nodes[i] for i in leaves})


Item = int | Fold
NOTHING: tuple[Value, ...] = ()
Expand = int | Value | str | Module | Collection[Value | str | Module]


def fold(root: Value, limit: float = math.inf) -> Fold:
    """The graph of a value as one fold, whose parts are found as they are looked at.

    Args:
        root: the value.
        limit: the largest number of parts that are to be in a fold.
    """
    nodes = order(root)
    index = {node: i for i, node in enumerate(nodes)}
    inputs = [
        () if node.op is None else tuple([index[a] for a in node.args if type(a) is not float])
        for node in nodes
    ]
    flat = Flat(nodes, inputs, owners(nodes, inputs), int(min(MOST, limit)))
    members = range(len(nodes))
    return Fold(flat, members, None, partial(_by_module, flat, members, None))


def opened(top: Fold, limit: float, wanted: Callable[[Fold, int], bool]) -> list[Item]:
    """The parts of a fold, those opened whose module shows its parts, and those that are wanted.

    Args:
        top: the fold.
        limit: the largest number of parts; what would lead to more stays closed.
        wanted: whether to open a fold, and how deep it lies in others that were opened.
    """
    shown: list[Item] = [top]
    todo = [(top, 0)]
    for item, depth in todo:  # grows: breadth first
        module = item.place.module if item.place else None
        if not (item is top or wanted(item, depth) or (module and module.shows_parts)):
            continue
        if len(shown) + len(item.parts) - 1 > limit:
            continue
        at = shown.index(item)
        shown[at : at + 1] = item.parts
        deeper = depth + (item is not top and not (module and module.shows_parts))
        todo += [(part, deeper) for part in item.parts if isinstance(part, Fold)]
    return shown


def wanted(top: Fold, expand: Expand) -> Callable[[Fold, int], bool]:
    """Whether a fold is to be opened, as `opened` asks it.

    Args:
        top: the whole graph.
        expand: Values, labels or modules, one or several; or how many levels of all folds.

    Raises:
        ValueError: the graph has nothing of that name, or there are fewer than 0 levels.
        TypeError: it is none of these.
    """
    if isinstance(expand, int):
        if expand < 0:
            raise ValueError(f"the number of levels to expand can't be {expand}")
        return lambda fold, depth: depth < expand
    several = expand if isinstance(expand, list | tuple | set | frozenset) else [expand]
    flat = top.flat
    values: set[int] = set()
    modules: list[tuple[Module, set[int]]] = []
    for thing in several:
        match thing:
            case Module():
                found = {i for i, owner in enumerate(flat.owners) if _is_in(owner, thing)}
                modules.append((thing, found))
            case str():
                found = {i for i, node in enumerate(flat.nodes) if node.label == thing}
                values |= found
            case Value():
                found = {i for i, node in enumerate(flat.nodes) if node is thing}
                values |= found
            case _:
                raise TypeError(f"expand takes Values, labels, modules or a number, not {thing!r}")
        if not found:
            what = "called" if isinstance(thing, str) else "of"
            raise ValueError(f"there is nothing {what} {thing!r} in the graph to expand")

    def opens(fold: Fold, depth: int) -> bool:
        if not values.isdisjoint(fold.members):
            return True
        # a module is opened with all around it, but not what is in it
        return any(
            (fold.place is not None and fold.place.module is module)
            or not (inside.isdisjoint(fold.members) or inside.issuperset(fold.members))
            for module, inside in modules
        )

    return opens


def _is_in(owner: Place | None, module: Module) -> bool:
    while owner is not None and owner.module is not module:
        owner = owner.around
    return owner is not None


def _by_module(flat: Flat, members: Sequence[int], place: Place | None) -> list[Item]:
    """The values directly in a place, and a fold for each module there, in a drawable order."""
    keys: dict[int, Place] = {}
    below: dict[Place, Place | None] = {}
    for i in members:
        owner = flat.owners[i]
        if owner is not None and owner is not place:
            if owner not in below:
                below[owner] = owner.below(place)
            inner = below[owner]
            if inner is not None:
                keys[i] = inner
    if not keys:
        return list(members)
    found: list[Item] = []
    for group in grouped(flat.inputs, members, keys):
        inner = keys.get(group[0])
        if inner is None:
            found += group
        else:
            found.append(Fold(flat, group, inner, partial(_by_module, flat, group, inner)))
    return found


def _fewer(flat: Flat, items: list[Item]) -> list[Item]:
    """At most `flat.most` items, for as many as may be."""
    if len(items) <= flat.most:
        return items
    at: dict[int, int] = {}
    for n, item in enumerate(items):
        at.update(dict.fromkeys(positions(item), n))
    worked = [n for n, x in enumerate(items) if isinstance(x, Fold) or flat.inputs[x]]
    if not worked:  # leaves are divided as if they were computed
        return _folded(flat, items, _pieces(flat, range(len(items)), []))
    users: dict[int, set[int]] = {
        x: set() for x in items if isinstance(x, int) and not flat.inputs[x]
    }
    last: dict[int, int] = {}
    for n in worked:
        for i in positions(items[n]):
            for j in flat.inputs[i]:
                if flat.inputs[j]:
                    if at.get(j, n) != n:
                        last[j] = n if j not in last else max(last[j], n)
                elif j in users:
                    users[j].add(n)
    if len(worked) <= flat.most:
        found = _arranged(flat, items, at, users, [[n] for n in worked])
        if len(found) <= flat.most:
            return found
    wires = [0] * (len(items) + 1)
    for j, n in last.items():
        wires[at[j]] += 1
        wires[n] -= 1
    pieces = _pieces(flat, worked, list(accumulate(wires)))
    return _arranged(flat, items, at, users, pieces)


def _arranged(
    flat: Flat,
    items: list[Item],
    at: dict[int, int],
    users: dict[int, set[int]],
    pieces: Sequence[Sequence[int]],
) -> list[Item]:
    """A fold for each piece, with the leaves that only it uses; the other leaves before them."""
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
    """A fold for each piece of more than one item."""
    several = ([items[n] for n in sorted(numbers)] for numbers in pieces)
    return [some[0] if len(some) == 1 else _piece(flat, some) for some in several]


def _pieces(flat: Flat, worked: Sequence[int], wires: Sequence[int]) -> list[Sequence[int]]:
    """Numbers cut into pieces of about the same size, where the fewest wires cross.

    Args:
        flat: the graph.
        worked: the numbers.
        wires: how many wires go on after each number; none for leaves.
    """
    count = min(len(worked), max(2, min(flat.most // 2, -(-len(worked) // flat.most))))
    width = len(worked) / count

    def crossed(cut: int) -> int:
        return wires[worked[cut - 1]] if wires else 0

    cuts = [0]
    for k in range(1, count):
        near = range(max(1, int((k - 0.3) * width)), int((k + 0.3) * width) + 1)
        cuts.append(min(near, key=lambda cut: (crossed(cut), abs(cut - k * width))))
    return [worked[a:b] for a, b in pairwise([*cuts, len(worked)])]


def alike(flat: Flat, users: dict[int, set[int]]) -> list[Item]:
    """Values, those with the same users and similar names as one fold.

    Args:
        flat: the graph.
        users: for the position of each value, something for each of its users.
    """
    sets: dict[Any, list[int]] = {}
    for i, used in users.items():
        stem, _ = split_label(str(flat.nodes[i].label))
        sets.setdefault((frozenset(used), stem, flat.owners[i] is None), []).append(i)
    found: list[Item] = []
    for members in sets.values():
        found += [_piece(flat, members)] if len(members) >= _ALIKE else members
    return found


def _piece(flat: Flat, items: Sequence[Item]) -> Fold:
    inside = sorted(i for item in items for i in positions(item))
    places = {item.place if isinstance(item, Fold) else None for item in items}
    kinds = {place and place.module.describe() for place in places}
    kind = kinds.pop()
    modules = f"{len(items)} × {kind}" if kind and not kinds else ""
    return Fold(flat, inside, None, lambda: list(items), modules)


def positions(item: Item) -> Iterable[int]:
    """The positions of the values that an item stands for."""
    return item.members if isinstance(item, Fold) else (item,)
