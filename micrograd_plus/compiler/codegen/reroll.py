"""Loops in place of lines that repeat, such as those of the time steps of a recurrence.

Lines become the turns of a loop if they are equal but for whole numbers in indices, which advance
by constant steps, and for names that each turn defines for itself. They stay in their order, except
that arrays without contents are made before the loop.

Each line is compared with the next few of the same pattern; their distance may be the period of a
loop. Lines around them that match at that distance, too, make a stretch. Of stretches that overlap
the one whose loop saves most lines is taken first. In the lines of a turn, loops are looked for in
the same way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import accumulate
from math import gcd
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.syntax import (
    Affine,
    Function,
    Let,
    Library,
    Loop,
    Name,
    Part,
    Write,
    flow,
    names,
)
from micrograd_plus.compiler.schedule import TURNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.compiler.codegen.syntax import Instruction, Line

_GAIN = 6  # a loop saves at least so many lines
_TRIED = 8  # each line is compared with so many next ones of its pattern
_NEW = {"empty", "empty_like", "zeros", "zeros_like"}  # what makes arrays


def rerolled(function: Function) -> Function:
    """The same function with loops where its lines repeat."""
    used = {*function.parameters, *names([function.lines, function.results])}
    used |= {line.name for line in function.lines if isinstance(line, Let)}
    indices = [name for name in ("n", "m", *(f"n{i}" for i in range(2, 9))) if name not in used]
    return replace(function, lines=_rolled(function.lines, names(function.results), indices))


def _rolled(lines: Sequence[Any], alive: set[str], indices: Sequence[str]) -> list[Line]:
    """Lines with loops.

    Args:
        lines: without loops.
        alive: the names that are used after them.
        indices: the names of loops' indices, that of the outermost first.
    """
    if len(lines) < _GAIN + 2 or not indices:
        return [*lines]
    return _Program(lines, alive).rolled(indices)


@dataclass
class _Line:
    """A line, and what is compared of it.

    Attributes:
        instruction: the line itself.
        pattern: what must be equal in each turn.
        numbers: those in its indices, which may advance.
        origins: for each name that may be another one in each turn, the line that defines it.
        sources: the names that the line uses, and for each of them the line that defined it last;
            −1 if none of these lines did.
    """

    instruction: Any
    pattern: str = ""
    numbers: list[int] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)

    @property
    def defines(self) -> str:
        """The name that the line defines, if it does."""
        return self.instruction.name if isinstance(self.instruction, Let) else ""


@dataclass(frozen=True, order=True)
class _Stretch:
    """Lines that repeat with a period."""

    start: int
    stop: int
    period: int

    @property
    def turns(self) -> int:
        return (self.stop - self.start) // self.period

    @property
    def gain(self) -> int:
        """How many lines a loop saves; none if it has too few turns."""
        return (self.turns - 1) * self.period - 1 if self.turns >= TURNS else 0


class _Program:
    """Lines in which loops are looked for.

    Args:
        instructions: without loops.
        alive: the names that are used after them.

    Attributes:
        lines: those, without the arrays that have no contents.
    """

    def __init__(self, instructions: Sequence[Instruction], alive: set[str]) -> None:
        self.lines: list[_Line] = []
        self._alive = alive
        self._new: dict[int, list[Instruction]] = {}  # such arrays, by the number of the next line
        self._passing: dict[str, int] = {}  # names that one line defines: perhaps anew in each turn
        self._uses: dict[str, list[int]] = defaultdict(list)
        self._definitions: dict[str, list[int]] = defaultdict(list)
        last: dict[str, int] = {}
        count = Counter(line.name for line in instructions if isinstance(line, Let))
        for instruction in instructions:
            i, line, used = len(self.lines), _Line(instruction), names([instruction])
            for name in used:
                self._uses[name].append(i)
            once = count[line.defines] == 1 and line.defines not in self._uses
            if once and _is_new(instruction):
                self._new.setdefault(i, []).append(instruction)
                continue
            self._read(line)
            line.sources = {name: last.get(name, -1) for name in used}
            self.lines.append(line)
            if line.defines:
                last[line.defines] = i
                self._definitions[line.defines].append(i)
            if once:
                self._passing[line.defines] = i

    def _read(self, line: _Line) -> None:
        """Take a line apart into its pattern and what may differ in each turn."""

        def number(x: int | Affine) -> int | Affine:
            start = x.start if isinstance(x, Affine) else x
            line.numbers.append(start)
            return replace(x, start=0) if isinstance(x, Affine) else 0

        def name(x: Name) -> Name:
            if x.name not in self._passing:
                return x
            line.origins.append(self._passing[x.name])
            return replace(x, name="")

        plain = replace(line.instruction, comment="")
        if line.defines:
            plain.name = ""
        line.pattern = repr(_mapped(plain, number, name))

    # ------------------------------------------------------------------------- finding

    def _step(self, i: int, period: int) -> list[int] | None:
        """How numbers and origins advance from a line to the one a period later.

        Returns:
            None if these can't be the same line of two turns.
        """
        if i + period >= len(self.lines):
            return None
        one, two = self.lines[i], self.lines[i + period]
        if one.pattern != two.pattern:
            return None
        moves = [b - a for a, b in zip(one.origins, two.origins, strict=True)]
        if any(move not in (0, period) for move in moves):
            return None
        return [b - a for a, b in zip(one.numbers, two.numbers, strict=True)] + moves

    def _stretches(self) -> Iterator[_Stretch]:
        """All stretches that repeat, as long as can be; they may overlap."""
        places: dict[str, list[int]] = defaultdict(list)
        for i, line in enumerate(self.lines):
            places[line.pattern].append(i)
        rank = dict.fromkeys(places, 0)
        done: dict[int, int] = defaultdict(int)  # by period, up to which line all were compared
        for i, line in enumerate(self.lines):
            rank[line.pattern] += 1
            after = rank[line.pattern]
            for other in places[line.pattern][after : after + _TRIED]:
                period = other - i
                if i < done[period]:
                    continue
                start, steps = self._matching(i, period, done[period])
                done[period] = start + len(steps) + 1
                begin = 0
                for k, (step, then) in enumerate(zip(steps, steps[period:], strict=False)):
                    if step != then:
                        yield _Stretch(start + begin, start + k + 2 * period, period)
                        begin = k + 1
                yield _Stretch(start + begin, start + len(steps) + period, period)

    def _matching(self, i: int, period: int, low: int) -> tuple[int, list[list[int]]]:
        """The lines around line i that match those a period later: the first, and all steps."""
        before: list[list[int]] = []
        steps: list[list[int]] = []
        start = i
        while start > low and (step := self._step(start - 1, period)) is not None:
            before.append(step)
            start -= 1
        while (step := self._step(start + len(before) + len(steps), period)) is not None:
            steps.append(step)
        return start, before[::-1] + steps

    def _loops(self) -> list[_Stretch]:
        """Stretches that become loops, in their order: those that save most lines first."""
        found: list[_Stretch] = []
        todo: list[tuple[int, int, _Stretch]] = []
        for x in self._stretches():
            _push(todo, x)
        while todo:
            *_, x = heappop(todo)
            i = bisect_right(found, x.start, key=lambda other: other.stop)
            if i < len(found) and found[i].start < x.stop:
                _push(todo, replace(x, stop=found[i].start))
                _push(todo, replace(x, start=found[i].stop))
            elif loop := self._fitted(x):
                found.insert(i, loop)
        return found

    # ------------------------------------------------------------------------- checking

    def _fitted(self, x: _Stretch) -> _Stretch | None:
        """The most turns of a stretch that a loop can do, if there are enough."""
        start = x.start + self._offset(x)
        x = replace(x, start=start, stop=start + (x.stop - start) // x.period * x.period)
        while x.gain >= _GAIN:
            if self._begins_otherwise(x):
                x = replace(x, start=x.start + x.period)
            elif (later := self._used_later(x)) is None:
                return x
            else:
                x = replace(x, stop=later - (later - x.start) % x.period)
        return None

    def _offset(self, x: _Stretch) -> int:
        """Where turns begin best: where the fewest names wait for their use."""
        second, spare = x.start + x.period, (x.stop - x.start) % x.period
        changes = [0] * (spare + 2)
        for i in range(second, min(second + 2 * x.period, x.stop)):
            for source in self.lines[i].sources.values():
                if source >= x.start:
                    changes[min(max(source + 1 - second, 0), spare + 1)] += 1
                    changes[min(max(i + 1 - second, 0), spare + 1)] -= 1
        waiting = [*accumulate(changes)][: spare + 1]
        return waiting.index(min(waiting))

    def _begins_otherwise(self, x: _Stretch) -> bool:
        """Whether the first turn takes over something else than the others do."""
        turn = self.lines[x.start : x.start + x.period]
        own = {line.defines: line for line in turn if line.defines not in self._passing}
        for one, two in zip(turn, self.lines[x.start + x.period :], strict=False):
            for origin, then in zip(one.origins, two.origins, strict=True):
                if origin == then:
                    if origin >= x.start:
                        return True
                elif origin < x.start and (
                    not self._alike(origin, self.lines[then])
                    or self._used_from(self.lines[origin].defines, x.start + x.period)
                ):
                    return True
            for name, source in one.sources.items():
                if source < x.start and name in own and not self._alike(source, own[name]):
                    return True
        return any(
            x.start <= place < i
            for i, arrays in self._new.items() if x.start < i < x.stop
            for name in names(arrays)
            for place in self._definitions[name]
        )  # fmt: skip

    def _alike(self, i: int, line: _Line) -> bool:
        """Whether the line of that number makes an array like another line's."""
        return i >= 0 and self.lines[i].pattern == line.pattern

    def _used_later(self, x: _Stretch) -> int | None:
        """The first line whose array is used after a stretch, other than by its next turn."""
        last = x.stop - x.period
        carried = {
            self.lines[source + x.period].defines
            for line in self.lines[last : x.stop]
            for source in line.sources.values() if x.start <= source < last
        }  # fmt: skip
        for i in range(x.start, x.stop):
            name = self.lines[i].defines
            counts = name in self._passing if i < last else name not in carried
            if name and counts and self._used_from(name, x.stop):
                return i
        return None

    def _used_from(self, name: str, i: int) -> bool:
        """Whether an array is used from a line on, before it is defined anew."""
        uses, definitions = self._uses[name], self._definitions[name]
        use, definition = bisect_left(uses, i), bisect_left(definitions, i)
        if use == len(uses):
            return name in self._alive and definition == len(definitions)
        return definition == len(definitions) or uses[use] <= definitions[definition]

    # ------------------------------------------------------------------------- writing

    def rolled(self, indices: Sequence[str]) -> list[Line]:
        """The lines with loops, whose indices have those names, that of the outermost first."""
        found: list[Line] = []
        i = 0
        for x in self._loops():
            found += self._plain(i, x.start)
            found += [array for k in range(x.start, x.stop) for array in self._new.get(k, ())]
            found += self._loop(x, indices)
            i = x.stop
        return [*found, *self._plain(i, len(self.lines)), *self._new.get(len(self.lines), ())]

    def _plain(self, start: int, stop: int) -> Iterator[Instruction]:
        """Lines as they are, and the arrays that are made before them."""
        for i in range(start, stop):
            yield from self._new.get(i, ())
            yield self.lines[i].instruction

    def _loop(self, x: _Stretch, indices: Sequence[str]) -> list[Line]:
        """The loop of a stretch, after names for what its first turn takes over."""
        index, *others = indices
        before: dict[str, Let] = {}
        places = range(x.start, x.start + x.period)
        stride = gcd(*(step for i in places for step in self._advance(i, x.period))) or 1
        body = [self._turning(i, x, index, stride, before) for i in places]
        alive, _ = flow(body)  # by the next turn; what is used later is used there, too
        return [*before.values(), Loop(index, stride, x.turns, _rolled(body, alive, others))]

    def _advance(self, i: int, period: int) -> list[int]:
        """How the numbers of a line advance in each turn."""
        return (self._step(i, period) or [])[: len(self.lines[i].numbers)]

    def _turning(
        self, i: int, x: _Stretch, index: str, stride: int, before: dict[str, Let]
    ) -> Instruction:
        """A line of the first turn as that of all turns.

        Args:
            i: its number.
            x: the turns.
            index: the name of the loop's index.
            stride: how much that advances in each turn.
            before: gets names for what the first turn takes over, by name.
        """
        turns = self.lines[i : x.stop : x.period]
        numbers = iter(self._advance(i, x.period))
        origins = iter(zip(turns[0].origins, turns[1].origins, strict=True))

        def number(n: int | Affine) -> int | Affine:
            return _advancing(n, index, next(numbers) // stride)

        def renamed(array: Name) -> Name:
            if array.name not in self._passing:
                return array
            origin, then = next(origins)
            if origin == then:
                return array
            turn = x.turns - (origin >= x.start)
            own = replace(array, name=self.lines[origin + turn * x.period].defines)
            if origin < x.start:
                before[own.name] = Let(own.name, array)
            return own

        line: Let | Write = _mapped(turns[0].instruction, number, renamed)
        if isinstance(line, Let):
            line.name = turns[-1].defines
        if len({turn.instruction.comment for turn in turns}) > 1:
            line.comment = ""
        return line


def _push(todo: list[tuple[int, int, _Stretch]], x: _Stretch) -> None:
    """Put a stretch into a heap, if it is worth a loop."""
    if x.gain >= _GAIN:
        heappush(todo, (-x.gain, x.period, x))


def _is_new(instruction: Instruction) -> bool:
    """Whether it is an array that has no contents yet."""
    match instruction:
        case Let(_, Library(function)):
            return function in _NEW
    return False


def _advancing(n: int | Affine, index: str, step: int) -> int | Affine:
    """A number that is larger by a step where the index of a loop is by 1."""
    if not step:
        return n
    start, steps = (n.start, n.steps) if isinstance(n, Affine) else (n, {})
    return Affine(start, {**steps, index: step})


def _mapped(x: Any, number: Callable[[Any], Any], name: Callable[[Name], Name]) -> Any:
    """An expression or instruction with other numbers in its indices, and other names.

    A slice keeps its length: its number is its start.
    """

    def mapped(x: Any) -> Any:
        match x:
            case Name():
                return name(x)
            case Part(array, index):
                return Part(mapped(array), tuple(map(place, index)))
        return x.rebuilt(mapped)

    def place(x: Any) -> Any:
        match x:
            case Name():
                return name(x)
            case slice(start=int() as start, stop=int() as stop) if not 0 <= start <= stop:
                return x
            case slice(start=int() | Affine() as start, stop=int() | Affine() as stop):
                moved = number(start)
                return slice(moved, moved + (x.stop - x.start), x.step)
            case int() | Affine() if not isinstance(x, int) or x >= 0:
                return number(x)
        return x

    return mapped(x)
