"""Which expressions are computed together: operations of one kind at one depth are one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.ops.operation import Op


SMALL = 4  # sums of up to so many rows are written out


class Group:
    """Expressions that one array instruction computes.

    Attributes:
        kind: "matrix", members that are weighted sums of the same rows; "stack", sums of equally
            many rows; "operation"; or "reduction", an operation on any number of arguments.
        members: the expressions; the array has a row for each.
        batched: whether the array has a column for each example.
        op: the operation, of an operation or reduction.
        name: the array's name in the program.
        reads: the names of the arrays that each argument of an operation comes from; else those of
            all rows, of the weights and of the biases. "p" are parameters; constants have none.
    """

    def __init__(self, kind: str, members: Sequence[Expression]) -> None:
        self.kind = kind
        self.members = list(members)
        self.batched = members[0].batched
        self.op: Op | None = members[0].op
        self.name = ""
        self.reads: list[list[str]] = []
        for place, member in enumerate(self.members):
            member.group, member.place = self, place


def schedule(outputs: Iterable[Expression]) -> list[Group]:
    """Groups for all that the outputs need, each after those that it needs."""
    rows: dict[Any, list[Expression]] = {}
    alike: dict[tuple[Any, ...], list[Expression]] = {}
    for e in _needed(outputs):
        if e.kind == "linear":
            weighted = e.weights[0] is not None
            shared = (weighted, e.bias is None, e.batched, *(row.order for row in e.args))
            rows.setdefault(shared, []).append(e)
        elif e.op is not None:
            kinds = tuple((arg.kind == "constant", arg.batched) for arg in e.args)
            alike.setdefault((e.level, e.op, e.batched, kinds), []).append(e)
    groups = []
    for (weighted, no_bias, batched, *_), members in rows.items():
        if len(members) > 1 and len({e.level for e in members}) == 1:
            groups.append(Group("matrix", members))
            continue
        for e in members:
            alone = (e.level, None, batched, weighted, no_bias, len(e.args))
            alike.setdefault(alone, []).append(e)
    for key, members in alike.items():
        if key[1]:
            several = members[0].op is not None and members[0].op.arity is None
            groups.append(Group("reduction" if several else "operation", members))
        else:
            first, single = members[0].weights[0], len(members) == 1
            wide = len(members[0].args) > (1 if first and first.kind == "parameter" else SMALL)
            groups.append(Group("matrix" if single and wide else "stack", members))
    groups.sort(key=lambda group: (group.members[0].level, group.members[0].order))
    return groups


def _needed(outputs: Iterable[Expression]) -> list[Expression]:
    """The expressions that outputs depend on, leaves excluded, each after its arguments."""
    seen: dict[int, Expression] = {}
    todo = list(outputs)
    while todo:
        e = todo.pop()
        if e.args and e.order not in seen:
            seen[e.order] = e
            todo += [part for part in e.parts if part.args]
    return [e for _, e in sorted(seen.items())]
