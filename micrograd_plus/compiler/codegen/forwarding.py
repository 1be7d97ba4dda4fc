"""Rows that are written to an array only to be read once are computed where they are read.

The turns of a loop keep what they compute in arrays, as the backward pass may need it. Where it
does not, nothing has to be kept; and what only copies rows of another array is that array.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.compiler.codegen.syntax import (
    Let,
    Library,
    Name,
    Node,
    Part,
    Write,
    names,
    whole_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from micrograd_plus.compiler.codegen.syntax import Instruction

    Range = tuple[int, int]

_LONGEST = 12  # nodes of an expression that is made of several


class _Event(NamedTuple):
    """A line that reads or changes an array.

    Attributes:
        line: its number.
        rows: which rows, if it is a slice of them; None for all.
        fills: whether it puts something into rows that had nothing.
    """

    line: int
    rows: Range | None
    fills: bool = False


class _Lines:
    """What lines do with arrays.

    Args:
        lines: instructions, without loops.
        results: what is used after them.

    Attributes:
        lines: the same.
        made: for each array that is made empty the number of that line.
        reads: for each array the events that read it; those that make another like it don't.
        changes: likewise those that change it.
    """

    def __init__(self, lines: Sequence[Instruction], results: Sequence[Node]) -> None:
        self.lines = lines
        self.made: dict[str, int] = {}
        self.reads: dict[str, list[_Event]] = defaultdict(list)
        self.changes: dict[str, list[_Event]] = defaultdict(list)
        for i, line in enumerate(lines):
            self._read(line.value, i)
            if isinstance(line, Let):
                self.changes[line.name].append(_Event(i, None))
                if _is_empty(line.value):
                    self.made[line.name] = i
                continue
            target = line.target
            rows = _rows(target)
            name = whole_of(target).name
            self.changes[name].append(_Event(i, rows, rows is not None and not line.adds))
        for result in results:
            self._read(result, len(lines))

    def _read(self, x: Node, i: int) -> None:
        match x:
            case Library("empty_like" | "zeros_like"):
                return
            case Part(array=Name(name)) if rows := _rows(x):
                self.reads[name].append(_Event(i, rows))
            case Name(name):
                self.reads[name].append(_Event(i, None))
            case _:
                for part in x.parts:
                    self._read(part, i)

    def filled(self, name: str) -> list[_Event] | None:
        """The events that fill an array, if nothing else changes it once it is made."""
        if name not in self.made:
            return None
        first, *others = self.changes[name]
        return others if first.line == self.made[name] and all(x.fills for x in others) else None

    def changed(self, name: str, rows: Range | None, after: int, before: int) -> bool:
        """Whether rows of an array are changed between two lines."""
        events = self.changes[name]
        start = bisect_right(events, after, key=lambda event: event.line)
        for event in events[start:]:
            if event.line >= before:
                return False
            if rows is None or event.rows is None or _overlap(rows, event.rows):
                return True
        return False


def forwarded(
    lines: Sequence[Instruction], results: Sequence[Node], sizes: Mapping[str, int]
) -> list[Instruction]:
    """The same instructions, with fewer arrays.

    Args:
        lines: instructions, without loops.
        results: what is used after them.
        sizes: how many rows each array has.
    """
    return _inlined(_without_copies([*lines], results, sizes), results)


def _without_copies(
    lines: list[Instruction], results: Sequence[Node], sizes: Mapping[str, int]
) -> list[Instruction]:
    """Lines in which no array only has copies of the same rows of another one."""
    known = _Lines(lines, results)
    same: dict[str, str] = {}
    for name in known.made.keys() - names(results):
        fills = known.filled(name)
        sources = {_copied(lines[event.line]) for event in fills or ()}
        if not fills or len(sources) != 1:
            continue
        (source,) = sources
        if (
            source is None
            or source in same
            or sizes.get(name.removeprefix("d")) != sizes.get(source.removeprefix("d"))
        ):
            continue
        if not any(known.changed(source, x.rows, x.line, len(lines)) for x in fills):
            same[name] = source
    if not same:
        return lines

    def renamed(x: Node) -> Any:
        if isinstance(x, Name) and x.name in same:
            return Name(same[x.name], x.truths)
        return x.rebuilt(renamed)

    found: list[Instruction] = []
    for line in lines:
        if isinstance(line, Let) and line.name in same:
            continue
        if isinstance(line, Write) and whole_of(line.target).name in same:
            continue
        found.append(replace(line, value=renamed(line.value)))
    return found


def _inlined(lines: list[Instruction], results: Sequence[Node]) -> list[Instruction]:
    """Lines in which rows that are read once are computed where that is."""
    known = _Lines(lines, results)
    readers: dict[int, int] = {}  # the line that reads what a line writes
    candidates: dict[str, list[_Event]] = {}
    for name in known.made:
        fills, reads = known.filled(name), known.reads[name]
        by_rows = {event.rows: event.line for event in reads}
        if not fills or len(by_rows) < len(reads) or {x.rows for x in fills} != {*by_rows}:
            continue
        if all(x.line < by_rows[x.rows] < len(lines) for x in fills):
            candidates[name] = fills
            readers |= {x.line: by_rows[x.rows] for x in fills}
    stable = False
    while not stable:
        stable = True
        for name, fills in [*candidates.items()]:
            if any(not _movable(known, x.line, readers) for x in fills):
                stable = False
                del candidates[name]
                for x in fills:
                    del readers[x.line]
    values: dict[tuple[str, Range], Node] = {}

    def written(x: Node) -> Any:
        if isinstance(x, Part) and isinstance(x.array, Name) and x.array.name in candidates:
            return values[x.array.name, _rows(x)]  # type: ignore[index]
        match x:
            case Library("empty_like" | "zeros_like" as kind, (Name(name),)) if name in candidates:
                made: Any = lines[known.made[name]].value
                shape = made.args[0] if made.function == "empty" else None
                return Library(kind.removesuffix("_like"), [shape, *made.args[1:]])
        return x.rebuilt(written)

    found: list[Instruction] = []
    for i, line in enumerate(lines):
        value = written(line.value)
        if i in readers and isinstance(line, Write):
            values[whole_of(line.target).name, _rows(line.target)] = value  # type: ignore[index]
        elif not (isinstance(line, Let) and line.name in candidates):
            found.append(replace(line, value=value))
    return found


def _movable(known: _Lines, line: int, readers: Mapping[int, int]) -> bool:
    """Whether what a line computes is the same where it is read in the end, and not too long."""
    end, size = readers[line], _size(known.lines[line].value)
    while end in readers:
        size += _size(known.lines[end].value)
        end = readers[end]
    if size + _size(known.lines[end].value) > _LONGEST:
        return False
    todo = [known.lines[line].value]
    while todo:
        x = todo.pop()
        match x:
            case Part(array=Name(name)) if rows := _rows(x):
                if known.changed(name, rows, line, end):
                    return False
            case Name(name):
                if known.changed(name, None, line, end):
                    return False
            case _:
                todo += x.parts
    return True


def _size(x: Node) -> int:
    """How many operations are in an expression."""
    return (not isinstance(x, Name | Part)) + sum(map(_size, x.parts))


def _is_empty(x: Node) -> bool:
    return isinstance(x, Library) and x.function in ("empty", "empty_like")


def _copied(line: Instruction) -> str | None:
    """The array of which a line copies the same rows that it writes."""
    match line:
        case Write(Part() as target, Part(array=Name(name)) as value):
            return name if _rows(target) == _rows(value) is not None else None
    return None


def _rows(x: Any) -> Range | None:
    """The rows of an array that an expression is a slice of."""
    match x:
        case Part(array=Name(), index=(slice(start=int(start), stop=int(stop), step=None),)):
            return start, stop
    return None


def _overlap(a: Range, b: Range) -> bool:
    return a[0] < b[1] and b[0] < a[1]
