"""What a graph computes again and again, for one example after the other, as one of each.

The loss of twelve examples has the same network in it twelve times, with the same parameters. Two
values are merged if the same operations on the same parameters lead to both, and if what is
computed with them is merged, too; a picture then needs one gate for all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from micrograd_plus.drawing.scene.folds import Flat
    from micrograd_plus.ops.operation import Op

    Argument = int | float  # the position of a value, or a constant


class Group(NamedTuple):
    """Values that a picture shows as one.

    Attributes:
        op: the operation that they are the results of; None for leaves.
        members: their positions.
        args: for each argument of the operation those of all members, in the same order.
    """

    op: Op | None
    members: list[int]
    args: list[tuple[Argument, ...]]


def single(flat: Flat) -> list[Group]:
    """Each value of a graph as a group of its own."""
    return [
        Group(op, [i], [(arg,) for arg in args])
        for i, (op, args) in enumerate(zip(_operations(flat), _arguments(flat), strict=True))
    ]


def merged(flat: Flat) -> list[Group]:
    """The values of a graph in groups, each after those that enter it; sums of sums are one.

    >>> from micrograd_plus import Value
    >>> from micrograd_plus.drawing.scene.outline import folded
    >>> f = Value(1.0) ** 2 + Value(2.0) ** 2 + Value(3.0)
    >>> [group.members for group in merged(folded(f).flat)]
    [[0, 2], [5], [1, 3], [6]]
    """
    ops, terms = _operations(flat), _terms(flat)
    below = _below(flat, terms)
    users: dict[int, set[Any]] = {i: set() for i in terms}
    found: dict[Any, list[int]] = {}
    for i in reversed(terms):
        op = ops[i]
        members = found.setdefault((below[i], frozenset(users[i])), [])
        members.append(i)
        for k, j in enumerate(terms[i]):
            if isinstance(j, int):
                users[j].add((members[0], bool(op and op.commutative) or k))
    depth: dict[int, int] = {}
    for i, args in terms.items():
        depth[i] = 1 + max((depth[j] for j in args if isinstance(j, int)), default=-1)
    groups = sorted((members[::-1] for members in found.values()), key=lambda m: (depth[m[0]], m))
    return [Group(ops[m[0]], m, list(zip(*(terms[i] for i in m), strict=True))) for m in groups]


def _operations(flat: Flat) -> list[Op | None]:
    """What each value is shown as the result of."""
    return [node.op for node in flat.nodes]


def _arguments(flat: Flat) -> list[list[Argument]]:
    """The arguments of each value."""
    found = []
    for node, inputs in zip(flat.nodes, flat.inputs, strict=True):
        positions = iter(inputs)
        args = () if node.op is None else node.args
        found.append([arg if type(arg) is float else next(positions) for arg in args])
    return found


def _terms(flat: Flat) -> dict[int, list[Argument]]:
    """The arguments of each value, where a + b + c is one sum of three."""
    uses = Counter(j for args in flat.inputs for j in args)
    args, ops, inner = _arguments(flat), _operations(flat), set()

    def owned(i: int, j: int) -> bool:
        return flat.owners[i] is not None or flat.owners[j] is not None

    for i, op in enumerate(ops):
        if op is None or not op.commutative or op.arity != 2:
            continue
        terms: list[Argument] = []
        for j in args[i]:
            if isinstance(j, int) and ops[j] is op and uses[j] == 1 and not owned(i, j):
                inner.add(j)
                terms += args[j]
            else:
                terms.append(j)
        args[i] = terms
    return {i: terms for i, terms in enumerate(args) if i not in inner}


def _below(flat: Flat, terms: dict[int, list[Argument]]) -> dict[int, int]:
    """For each value a number that it shares with those that the same operations lead to.

    Parameters differ, but not in a penalty, which is computed for one after the other; all other
    leaves are alike, and so are constants that choose no function.
    """
    numbers: dict[Any, int] = {}
    found: dict[int, int] = {}
    penalty: dict[int, bool] = {}  # whether a value depends on parameters alone, in no module
    ops = _operations(flat)
    for i, args in terms.items():
        op, owner = ops[i], flat.owners[i]
        key: list[Any] = [op, owner]
        if op is None:
            penalty[i] = owner is not None
            key = [i if owner else None]
        else:
            inputs = [j for j in args if isinstance(j, int)]
            penalty[i] = owner is None and all(map(penalty.__getitem__, inputs))
            for k, j in enumerate(args):
                if isinstance(j, float):
                    key.append(j if k in op.settings else None)
                else:
                    key.append(None if penalty[i] and not flat.inputs[j] else found[j])
        found[i] = numbers.setdefault(tuple(key), len(numbers))
    return found
