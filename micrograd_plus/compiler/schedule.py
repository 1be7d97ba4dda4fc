"""Which expressions are computed together: what one place in the code computes is one array.

A loop's turns meet at one site. Those that don't depend on each other are one group, which a
single array instruction computes; where a turn needs the one before, as time steps do, each has a
group of its own, its generation.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.ir import Expression

TURNS = 4
"""The fewest turns of a loop: so many generations share one array."""

_FEW = 2  # members of what was probably written out by hand


class Group:
    """Expressions that one array instruction computes.

    Attributes:
        members: the expressions, alike but for their arguments.
        first: the first of them.
        batched: whether there is a column for each example.
        array: the name of the array that holds them.
        start: their first row in it.
        family: all groups in that array, in their order.
        turn: its number among them.
    """

    def __init__(self, members: Sequence[Expression]) -> None:
        self.members = list(members)
        self.first = members[0]
        self.batched = members[0].batched
        self.array = ""
        self.start = self.turn = 0
        self.family = [self]


def schedule(outputs: Iterable[Expression]) -> list[Group]:
    """Groups for all that the outputs need, each after those that it needs."""
    needed = _needed(outputs)
    kinds = _kinds(needed)
    generations = _generations(needed, kinds)
    members: dict[Any, list[Expression]] = defaultdict(list)
    for e in needed:
        members[kinds[e], generations[e]].append(e)
    groups = _ordered(needed, [*members.values()])
    families: dict[Any, list[Group]] = defaultdict(list)
    for group in groups:
        families[kinds[group.first]].append(group)
    for family in families.values():
        sizes = Counter(len(group.members) for group in family)
        if max(sizes.values()) >= TURNS:
            starts = accumulate((len(group.members) for group in family), initial=0)
            for turn, (group, start) in enumerate(zip(family, starts, strict=False)):
                group.family, group.turn, group.start = family, turn, start
    for group in groups:
        for i, e in enumerate(group.members):
            e.row = group.start + i
    return groups


def _needed(outputs: Iterable[Expression]) -> list[Expression]:
    """The expressions that outputs depend on, leaves excluded, each after its arguments."""
    seen: dict[int, Expression] = {}
    todo = list(outputs)
    while todo:
        e = todo.pop()
        if e.slots and e.order not in seen:
            seen[e.order] = e
            todo += [part for part in e.parts if part.slots]
    return [e for _, e in sorted(seen.items())]


def _kind(e: Expression) -> tuple[Any, ...]:
    """Equal for expressions that one instruction could compute."""
    slots = tuple(
        [
            (all(x.kind == "constant" for x in slot), any(x.batched for x in slot))
            for slot in e.slots
        ]
    )
    # rules for scalars know how many they get, and indices are those of so many rows
    several = e.op and e.op.arity is None and not e.op.at_once
    count = len(e.slots[-1]) if several else 0
    # products compute each power in their own way
    exponents = [x.number for x in e.slots[1] if x.kind == "constant"] if e.op is ops.power else []
    return e.kind, e.op, e.many, e.coefficients, bool(e.number), slots, count, *exponents


def _kinds(needed: Sequence[Expression]) -> dict[Expression, int]:
    """For each expression a number that it shares with those that may be in its array.

    They have one site. What was written out by hand, at sites of one or two expressions, is
    distinguished by its depth instead.
    """
    alike: dict[Any, list[Expression]] = defaultdict(list)
    for e in needed:
        alike[_kind(e), e.site].append(e)
    numbers: dict[Any, int] = defaultdict(count().__next__)
    found = {}
    for (kind, site), some in alike.items():
        for e in some:
            by_hand = tuple(map(len, e.slots)), e.level
            found[e] = numbers[kind, site if len(some) > _FEW else by_hand]
    return found


def _generations(needed: Sequence[Expression], kinds: dict[Expression, int]) -> dict[Any, int]:
    """For each expression the largest number of its kind on a path that leads to it."""
    found: dict[Expression, int] = {}
    counts: list[dict[int, int]] = []  # how many of each kind are on the paths to an expression
    numbers: dict[Any, int] = {}  # of these, by what they follow from
    of: dict[Expression, int] = {}
    for e in needed:
        kind = kinds[e]
        before = frozenset([of[x] for x in e.parts if x.slots])
        if (before, kind) not in numbers:
            merged: dict[int, int] = {}
            for i in before:
                merged |= {k: n for k, n in counts[i].items() if n > merged.get(k, 0)}
            merged[kind] = merged.get(kind, 0) + 1
            numbers[before, kind] = len(counts)
            counts.append(merged)
        of[e] = numbers[before, kind]
        found[e] = counts[of[e]][kind]
    return found


def _ordered(needed: Sequence[Expression], wanted: Sequence[list[Expression]]) -> list[Group]:
    """Groups in an order in which each comes after those that it needs.

    Where several need each other, one is divided: what can be computed comes first.
    """
    of = {e: members for members in wanted for e in members}
    users: dict[Expression, list[Expression]] = defaultdict(list)
    missing: dict[Expression, int] = {}
    for e in needed:
        arguments = {x for x in e.parts if x.slots}
        missing[e] = len(arguments)
        for x in arguments:
            users[x].append(e)
    waiting = {id(members): sum(missing[e] > 0 for e in members) for members in wanted}
    ready = [(members[0].order, members) for members in wanted if not waiting[id(members)]]
    heapq.heapify(ready)
    found: list[Group] = []
    done: set[Expression] = set()
    first = 0
    while len(done) < len(needed):
        if ready:
            _, members = heapq.heappop(ready)
            some = [e for e in members if e not in done]
        else:
            while needed[first] in done:
                first += 1
            members = of[needed[first]]
            some = [e for e in members if e not in done and not missing[e]]
        found.append(Group(some))
        done.update(some)
        for e in some:
            for user in users[e]:
                missing[user] -= 1
                others = of[user]
                if not missing[user]:
                    waiting[id(others)] -= 1
                    if not waiting[id(others)]:
                        heapq.heappush(ready, (others[0].order, others))
    return found
