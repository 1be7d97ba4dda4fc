"""The arrays of a program: their names, and reading rows of them.

Arrays have a row for each member and, if they are batched, a column for each example. `p` is the
vector of parameters, `s` the weight of each example; each argument of the function is an array of
(inputs, examples).
"""

from __future__ import annotations

from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.syntax import Library, Name, Node, column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


class Arrays:
    """Names, sizes and rows of the arrays.

    Args:
        groups: in the order of computation; they get their names.
        inputs: how many numbers each argument has, by its name.
        parameters: how many numbers `p` has.
        wanted: the number of parameters, from the first, that get derivatives.
        input_gradients: whether inputs get derivatives, too.

    Attributes:
        sizes: how many rows each array has.
        needs: whether it gets derivatives.
        constants: numbers and indices, by their names in the program.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        inputs: dict[str, int],
        parameters: int,
        wanted: int,
        input_gradients: bool,
    ) -> None:
        self.constants: dict[str, Any] = {}
        self._names: dict[str, str] = {}  # names of the constants, by content
        self.sizes = {"p": parameters, **inputs}
        self.needs = {"p": wanted > 0, **dict.fromkeys(inputs, input_gradients)}
        self._argument = [(name, i) for name, n in inputs.items() for i in range(n)]
        sums = others = 0
        for group in groups:
            if group.kind in ("matrix", "stack"):
                sums += 1
                group.name = f"z{sums}"
            else:
                others += 1
                group.name = f"a{others}"
            self.sizes[group.name] = len(group.members)
            group.reads = [self._sources(some) for some in _arguments(group)]
            parts = chain.from_iterable(e.parts for e in group.members)
            self.needs[group.name] = self.any_needs(parts)

    def array(self, e: Expression) -> str:
        """The name of the array that holds an expression; "" if it is a constant."""
        name: str
        if e.kind == "input":
            name, _ = self._argument[e.number]
        elif e.kind == "constant":
            name = ""
        else:
            name = "p" if e.kind == "parameter" else e.group.name
        return name

    def any_needs(self, members: Iterable[Expression]) -> bool:
        """Whether any of some expressions gets derivatives."""
        return any(e.kind != "constant" and self.needs[self.array(e)] for e in members)

    def runs(self, members: Sequence[Expression]) -> list[tuple[str, list[Expression]]]:
        """Runs of expressions in one array, with its name."""
        return [(source, list(run)) for source, run in groupby(members, self.array)]

    def rows(self, members: Sequence[Expression]) -> list[int]:
        """The rows of some expressions in their common array."""
        if members[0].kind == "input":
            return [self._argument[e.number][1] for e in members]
        return [e.number if e.kind == "parameter" else e.place for e in members]

    def part(self, source: str, rows: Sequence[int], array: str = "") -> Node:
        """Rows of an array: a slice if they are regular, or else by an index array.

        Args:
            source: the array's name.
            rows: which rows.
            array: the name of another array that has the same rows.
        """
        first, last, n = rows[0], rows[-1], len(rows)
        step = rows[1] - first if n > 1 else 1
        whole = Name(array or source)
        if step < 1 or any(b - a != step for a, b in pairwise(rows)):
            return whole[self.constant(list(rows), "i")]
        if step > 1:
            return whole[first : last + 1 : step]
        return whole if n == self.sizes[source] else whole[first : last + 1]

    def constant(self, value: Any, prefix: str = "c") -> Name:
        """An array of numbers, or for "i" of indices."""
        key = f"{prefix}{value}"  # −0.0 is not 0.0
        if key not in self._names:
            self._names[key] = f"{prefix}{len(self.constants) + 1}"
            self.constants[self._names[key]] = value
        return Name(self._names[key])

    def read(self, members: Sequence[Expression], batched: bool | None = None) -> Node:
        """The rows of some expressions as one array, batched if asked for or if any of them is."""
        batched = any(e.batched for e in members) if batched is None else batched
        runs = self.runs(members)
        if len(runs) == 1:
            return self._piece(*runs[0])
        if len(runs) <= 6:
            return self._joined(runs, batched)
        # concatenate whole arrays, and index the wanted rows
        rank = {source: i for i, source in enumerate(dict.fromkeys(source for source, _ in runs))}
        ordered = sorted(members, key=lambda e: rank[self.array(e)])
        whole = self._joined(self.runs(ordered), batched)
        row = {id(e): i for i, e in enumerate(ordered)}
        return whole[self.constant([row[id(e)] for e in members], "i")]

    def operand(self, members: Sequence[Expression], batched: bool) -> float | Node:
        """An argument of an operation: a number, or an array whose rows belong to the members."""
        first = members[0]
        same = all(e is first for e in members)
        if same and first.kind == "constant":
            number: float = first.number
            return number
        array = self.read(members[:1] if same else members)
        return column(array) if batched and not any(e.batched for e in members) else array

    def whole(self, members: Sequence[Expression]) -> Node:
        """The outputs, batched in any case."""
        array = self.read(members, batched=True)
        return array if any(e.batched for e in members) else _spread(array, len(members))

    def _joined(self, runs: list[tuple[str, list[Expression]]], batched: bool) -> Node:
        pieces = []
        for source, run in runs:
            piece = self._piece(source, run)
            spread = batched and not run[0].batched
            pieces.append(_spread(piece, len(run)) if spread else piece)
        return Library("concatenate", [tuple(pieces)])

    def _piece(self, source: str, members: Sequence[Expression]) -> Node:
        if not source:
            return self.constant([e.number for e in members])
        return self.part(source, self.rows(members))

    def _sources(self, members: Iterable[Expression | None]) -> list[str]:
        """The names of the arrays that hold expressions, constants left out."""
        return list(dict.fromkeys(filter(None, (self.array(e) for e in members if e is not None))))


def _spread(array: Node, rows: int) -> Node:
    """An array with a number for each row, batched."""
    return Library("broadcast_to", [column(array), (rows, "N")])


def _arguments(group: Group) -> list[Iterable[Expression | None]]:
    """The expressions that a group depends on, in the order of `Group.reads`."""
    rows = [e.args for e in group.members]
    if group.kind == "operation":
        return list(zip(*rows, strict=True))
    weights = chain.from_iterable(e.weights for e in group.members)
    return [chain.from_iterable(rows), weights, (e.bias for e in group.members)]
