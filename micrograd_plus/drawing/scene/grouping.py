"""Values in groups, each to be drawn as one: no wires lead out of a group and back into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    Inputs = Sequence[tuple[int, ...]]
    Groups = dict[Any, list[int]]


def grouped(inputs: Inputs, members: Sequence[int], keys: dict[int, Any]) -> list[list[int]]:
    """Values with the same key as one group, all others alone; each group after what enters it.

    Where wires lead from a key to others and back to it, as from a cell that a network applies
    several times, there is a group for each time.

    Args:
        inputs: the positions of each value's arguments.
        members: the positions of the values, each after its arguments.
        keys: the key of each value that has one. Leaves with a key are parameters; the wires from
            them to other groups don't count, as pictures draw these as dashed lines.

    >>> grouped([(), (0,), (0,), (2,)], range(4), {1: "cell", 3: "cell"})
    [[0], [2], [1, 3]]
    >>> grouped([(), (0,), (1,), (2,)], range(4), {1: "cell", 3: "cell"})
    [[0], [1], [2], [3]]
    """
    groups: Groups = {}
    for i in members:
        groups.setdefault(keys.get(i, i), []).append(i)
    found = _ordered(_entering(inputs, groups))
    if not found:
        cyclic = _cyclic(_entering(inputs, groups))
        stages = _stages(inputs, members, keys)
        groups = {}
        for i in members:
            key = keys.get(i, i)
            groups.setdefault((key, stages[i]) if key in cyclic else key, []).append(i)
        found = _ordered(_entering(inputs, groups))
    return [groups[key] for key in found]


def _entering(inputs: Inputs, groups: Groups) -> dict[Any, list[Any]]:
    """For the key of each group the keys of those from which wires lead into it."""
    of = {i: key for key, group in groups.items() for i in group}
    return {
        key: list(
            dict.fromkeys(
                of[j]
                for i in group
                for j in inputs[i]
                if j in of and of[j] != key and (inputs[j] or of[j] == j)
            )
        )
        for key, group in groups.items()
    }


def _ordered(entering: dict[Any, list[Any]]) -> list[Any]:
    """The keys, each after those that enter it; an empty list if there is a cycle."""
    begun: set[Any] = set()
    done: dict[Any, None] = {}
    for first in entering:
        todo = [first]
        while todo:
            key = todo[-1]
            if key in begun:
                done.setdefault(todo.pop())
                continue
            begun.add(key)
            before = [k for k in entering[key] if k not in done]
            if not begun.isdisjoint(before):
                return []
            todo += reversed(before)
    return list(done)


def _cyclic(entering: dict[Any, list[Any]]) -> set[Any]:
    """The keys in cycles, and those between them.

    Twice, keys that nothing enters are removed until none is left: the second time in the graph of
    the wires reversed.
    """
    for _ in range(2):
        leaving: dict[Any, list[Any]] = {key: [] for key in entering}
        for key, keys in entering.items():
            for other in keys:
                leaving[other].append(key)
        waits = {key: len(keys) for key, keys in entering.items()}
        ready = [key for key, n in waits.items() if n == 0]
        for key in ready:  # the list grows
            for other in leaving[key]:
                waits[other] -= 1
                if waits[other] == 0:
                    ready.append(other)
        left = set(entering).difference(ready)
        entering = {key: [k for k in leaving[key] if k in left] for key in entering if key in left}
    return set(entering)


def _stages(inputs: Inputs, members: Sequence[int], keys: dict[int, Any]) -> dict[int, int]:
    """For each value the largest number of changes of key on any path to it.

    Every wire from one key to another leads to a later stage, so that groups of a key and a stage
    have no cycles.
    """
    stage: dict[int, int] = {}
    for i in members:
        if inputs[i]:
            key = keys.get(i)
            stage[i] = max(
                (
                    stage[j] + (key is None or keys.get(j) is not key)
                    for j in inputs[i]
                    if j in stage
                ),
                default=0,
            )
    for i in reversed(members):
        for j in inputs[i]:
            if not inputs[j] and keys.get(j) is keys.get(i):
                stage[j] = stage.get(i, 0)  # a parameter goes where it is first used
    return {i: stage.get(i, 0) for i in members}
