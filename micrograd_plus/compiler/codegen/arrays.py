"""The arrays of a program: what they are called, and how rows of them are read.

Arrays have a row for each member and, if they are batched, a column for each example. `p` is the
vector of parameters, `s` the share of each example; each argument of the function is an array of
(inputs, examples).
"""

from __future__ import annotations

from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.code import Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.codegen.backends import NumPy
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


class Arrays:
    """Names, sizes and rows of the arrays.

    Args:
        backend: the library to write for.
        groups: in the order of computation; they get their names.
        inputs: how many numbers each argument has, by its name.
        parameters: how many numbers `p` has.
        wanted: how many of them, from the first, get derivatives.
        input_gradients: whether inputs get derivatives, too.
    """

    def __init__(
        self,
        backend: NumPy,
        groups: Sequence[Group],
        inputs: dict[str, int],
        parameters: int,
        wanted: int,
        input_gradients: bool,
    ) -> None:
        self.backend = backend
        self.library = backend.library
        self.groups = groups
        self.constants: dict[str, Any] = {}
        self._names: dict[str, str] = {}  # of the constants, by what they are
        self.inputs = list(inputs)
        self.sizes = {"p": parameters, **inputs}
        self.needs = {"p": wanted > 0, **dict.fromkeys(inputs, input_gradients)}
        self._argument = [(name, i) for name, n in inputs.items() for i in range(n)]
        self._name_groups()

    def _name_groups(self) -> None:
        sums = others = 0
        for group in self.groups:
            if group.kind in ("matrix", "stack"):
                sums += 1
                group.name = f"z{sums}"
            else:
                others += 1
                group.name = f"a{others}"
            self.sizes[group.name] = len(group.members)
            group.reads = [self.sources(some) for some in _arguments(group)]
            self.needs[group.name] = any(
                self.needs[self.array(part)]
                for member in group.members
                for part in parts(member)
                if part.kind != "constant"
            )

    def array(self, e: Expression) -> str:
        """The name of the array that holds an expression."""
        name: str
        if e.kind == "input":
            name, _ = self._argument[e.number]
        else:
            name = "p" if e.kind == "parameter" else e.group.name
        return name

    def sources(self, members: Iterable[Expression | None]) -> list[str]:
        """The names of the arrays that hold expressions, constants left out."""
        found = (self.array(e) for e in members if e is not None and e.kind != "constant")
        return list(dict.fromkeys(found))

    def _places(self, members: Sequence[Expression]) -> list[int]:
        if members[0].kind == "input":
            return [self._argument[e.number][1] for e in members]
        return [e.number if e.kind == "parameter" else e.place for e in members]

    def _constant(self, value: Any, prefix: str = "c") -> str:
        key = f"{prefix}{value}"  # −0.0 is not 0.0
        if key not in self._names:
            self._names[key] = f"{prefix}{len(self.constants) + 1}"
            self.constants[self._names[key]] = value
        return self._names[key]

    def _read(self, members: Sequence[Expression], batched: bool | None = None) -> str:
        """The rows of some expressions as one array, batched if asked for or if any of them is."""
        batched = any(e.batched for e in members) if batched is None else batched
        runs = [(source, list(run)) for source, run in groupby(members, self._kind_of)]
        if len(runs) == 1:
            return self._piece(runs[0][0], runs[0][1])
        if len(runs) > 6:  # all of the arrays, and then the rows that are wanted
            names = list(dict.fromkeys(source for source, _ in runs))
            runs_of = {name: [e for e in members if self._kind_of(e) == name] for name in names}
            place, start = {}, 0
            for name in names:
                for i, e in enumerate(runs_of[name]):
                    place[id(e), name] = start + i
                start += len(runs_of[name])
            index = [place[id(e), self._kind_of(e)] for e in members]
            whole = self._joined([(n, runs_of[n]) for n in names], batched)
            return f"{whole}[{self._constant(index, 'i')}]"
        return self._joined(runs, batched)

    def _joined(self, runs: list[tuple[str, list[Expression]]], batched: bool) -> str:
        pieces = []
        for source, run in runs:
            piece = self._piece(source, run)
            if batched and not run[0].batched:
                piece = self._spread(piece, len(run))
            pieces.append(piece)
        return f"{self.library}.concatenate(({', '.join(pieces)}))"

    def _spread(self, text: str, rows: int) -> str:
        """An array with a number for each row, batched."""
        return f"{self.library}.broadcast_to({text}[:, None], ({rows}, N))"

    def _kind_of(self, e: Expression) -> str:
        return "constant" if e.kind == "constant" else self.array(e)

    def _piece(self, source: str, members: Sequence[Expression]) -> str:
        if source == "constant":
            return self._constant([e.number for e in members])
        return source + self._index(source, self._places(members))

    def _index(self, source: str, places: Sequence[int]) -> str:
        """The subscript that takes rows at some places."""
        first, last, n = places[0], places[-1], len(places)
        step = places[1] - first if n > 1 else 1
        if step > 0 and all(b - a == step for a, b in pairwise(places)):
            if step == 1:
                return "" if n == self.sizes[source] else f"[{first}:{last + 1}]"
            return f"[{first}:{last + 1}:{step}]"
        return f"[{self._constant(list(places), 'i')}]"

    def _operand(self, members: Sequence[Expression], batched: bool) -> Any:
        """An argument of an operation: a number, or code whose rows belong to the members."""
        same = all(e is members[0] for e in members)
        if same and members[0].kind == "constant":
            return members[0].number
        text = self._read(members[:1] if same else members)
        if batched and not any(e.batched for e in members):
            text += "[:, None]"
        return Code(text)

    def whole(self, members: Sequence[Expression]) -> str:
        """The outputs, batched in any case."""
        text = self._read(members, batched=True)
        if any(e.batched for e in members):
            return text
        return self._spread(text, len(members))


def _arguments(group: Group) -> list[Iterable[Expression | None]]:
    """The expressions that a group depends on, in the order of `Group.reads`."""
    rows = [e.args for e in group.members]
    if group.kind == "operation":
        return list(zip(*rows, strict=True))
    weights = chain.from_iterable(e.weights for e in group.members)
    return [chain.from_iterable(rows), weights, (e.bias for e in group.members)]


def parts(e: Expression) -> list[Expression]:
    found = [*e.args, *(w for w in e.weights if w is not None)]
    return [*found, e.bias] if e.bias is not None else found


def same(things: Any) -> bool:
    first, *rest = list(things)
    return all(thing is first or (isinstance(thing, int) and thing == first) for thing in rest)


def some(x: Any) -> Any:
    assert x is not None  # noqa: S101  the kinds of groups see to it
    return x
