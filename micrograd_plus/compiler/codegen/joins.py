"""Arrays that hold rows of several others, for what reads them as those of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.compiler.codegen.syntax import ALL, Let, Library, Name, Node, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.codegen.operand import Operand
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group

    Parts = list[tuple[str, int, int]]


class Join(NamedTuple):
    """Rows of several arrays, one part after the other.

    Attributes:
        name: the name of the array that holds them.
        start: their first row in it.
        parts: of each part its array, "" for constants, its first row there, and the one after its
            last.
    """

    name: str
    start: int
    parts: Parts

    def differentiate(self, gradients: Gradients, arrays: Arrays) -> None:
        """Pass the derivatives of all rows on to where they come from."""
        at = self.start
        for array, low, high in self.parts:
            part = arrays.slice(self.name, at, at + high - low, f"d{self.name}")
            at += high - low
            if array and arrays.needs.get(array):
                operand = arrays.rows_of(array, range(low, high))
                gradients.give(operand, part, [1, high - low], arrays.batched[self.name])


class Joins:
    """The joins of a program.

    Args:
        arrays: those of the program; its lines get those that join them.

    Attributes:
        made: the joins, in their order.
        names: the names of the arrays that hold them.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self.made: list[Join] = []
        self.names: set[str] = set()
        self._known: dict[Any, Join] = {}  # by parts
        self._forms: dict[Any, tuple[str, int]] = {}  # names and first turns, by parts' lengths
        self._group: Group | None = None

    def begin(self, group: Group | None) -> None:
        """Join rows for a group from now on; for what is no group with None."""
        self._group, self._before = group, len(self.made)

    def operand(self, members: Sequence[Expression], names: Iterable[str]) -> Operand:
        """The operand for expressions of several arrays, whose parts that are used are joined.

        Args:
            members: the expressions.
            names: the names of the arrays, "" for constants.
        """
        numbers: dict[str, float] = {}  # by their texts, which tell 0.0 from −0.0
        parts: Parts = []
        starts: dict[str, int] = {}
        total = 0
        for name in names:
            if name:
                rows = [e.row for e in members if e.array == name]
                low, high = min(rows), max(rows) + 1
            else:
                numbers = {repr(e.number): e.number for e in members if not e.array}
                low, high = 0, len(numbers)
            parts.append((name, low, high))
            starts[name] = total - low
            total += high - low
        key = tuple(parts), tuple(numbers)
        if key not in self._known:
            self._known[key] = self._new(parts, numbers, total)
        join, places = self._known[key], {text: i for i, text in enumerate(numbers)}
        return self._arrays.rows_of(join.name, [
            join.start + starts[e.array] + (e.row if e.array else places[repr(e.number)])
            for e in members
        ])  # fmt: skip

    def _new(self, parts: Parts, numbers: dict[str, float], total: int) -> Join:
        """Join parts, which have so many rows in all.

        What each turn of a loop joins alike lies in one array.
        """
        arrays, group = self._arrays, self._group
        batched = any(arrays.batched.get(array, False) for array, *_ in parts)
        pieces = []
        for array, low, high in parts:
            piece: Node = (
                arrays.slice(array, low, high) if array else arrays.constant([*numbers.values()])
            )
            if batched and not arrays.batched.get(array, False):
                piece = Library("broadcast_to", [piece[ALL, None], (high - low, "N")])
            pieces.append(piece)
        joined = Library("concatenate", [tuple(pieces)])
        form: Any = len(self._forms)
        turn, count = 0, 1
        if group and group.turn:  # the first turn often differs
            lengths = tuple((array, high - low) for array, low, high in parts)
            form = group.array, len(self.made) - self._before, lengths, *numbers
            turn, count = group.turn, len(group.family) - group.turn
        if form not in self._forms:
            name = f"j{len(self._forms) + 1}"
            self._forms[form] = name, turn
            self.names.add(name)
            arrays.sizes[name], arrays.batched[name] = total * count, batched
            arrays.needs[name] = False
            if count > 1:
                arrays.looped.add(name)
                arrays.allocate(name)
        name, first = self._forms[form]
        start = (turn - first) * total
        arrays.needs[name] |= any(arrays.needs.get(array, False) for array, *_ in parts)
        if name in arrays.looped:
            arrays.lines.append(Write(Name(name)[start : start + total], joined))
        else:
            arrays.lines.append(Let(name, joined))
        self.made.append(Join(name, start, parts))
        return self.made[-1]
