"""Syntax trees as Python text, on arrays that work like NumPy's."""

from __future__ import annotations

import re
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import short
from micrograd_plus.compiler.codegen.sharing import definition
from micrograd_plus.compiler.codegen.syntax import (
    Affine,
    Binary,
    Call,
    Function,
    Instruction,
    Let,
    Library,
    Loop,
    Name,
    Negative,
    Node,
    Number,
    Part,
    Write,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from micrograd_plus.compiler.codegen.syntax import Index, Line
    from micrograd_plus.ops.operation import Op

_COMPARISON, _SUM, _PRODUCT, _UNARY, _POWER, ATOM = range(1, 7)
"""Precedence of texts, from the loosest to the tightest."""

_BINDING = {"**": _POWER} | dict.fromkeys("+-", _SUM) | dict.fromkeys("*/@", _PRODUCT)
_METHODS = {"astype", "copy", "max", "min", "repeat", "reshape", "sum", "transpose"}


class Python:
    """Writes Python.

    Attributes:
        library: the name of the array library.
        primitives: lines that define the functions for operations of the table, by name; others
            are defined by their rules.
        prelude: lines that define functions which the library lacks, by name.
    """

    library = "np"
    primitives: Mapping[str, str]
    prelude: Mapping[str, str] = MappingProxyType({})

    def text(self, x: Node, binding: int = 0) -> str:
        """An expression, in parentheses if it binds less tightly than asked."""
        text, own = self._written(x)
        return text if own >= binding else f"({text})"

    def _written(self, x: Node) -> tuple[str, int]:
        """An expression, and how tightly it binds."""
        match x:
            case Name(name):
                return name, ATOM
            case Number(value):
                return self.number(value), ATOM if value >= 0 else _UNARY
            case Negative(array):
                return f"-{self.text(array, _POWER)}", _UNARY  # -(-x), as C has another --x
            case Binary(">" | "<=" as symbol, left, Number(0.0)):  # as people write it
                return f"{self.text(left, _SUM)} {symbol} 0", _COMPARISON
            case Binary(symbol, left, right):
                own = _BINDING.get(symbol, _COMPARISON)
                # (x < y) < z is not x < y < z, and (-x) ** y is not -x ** y
                before = {_COMPARISON: _SUM, _POWER: ATOM}.get(own, own)
                return f"{self.text(left, before)} {symbol} {self.text(right, own + 1)}", own
            case Call(function, args):
                return f"{self.name(function)}({', '.join(map(self.text, args))})", ATOM
            case Part(array, index):
                return self.part(self.text(array, ATOM), index), ATOM
            case Library("T", (array,)):
                return f"{self.text(array, ATOM)}.T", ATOM
            case Library(name, args, options):
                given = [*map(self._argument, args), *(f"{x}={y}" for x, y in options.items())]
                if name in self.prelude:
                    return f"{name}({', '.join(given)})", ATOM
                place = self.library
                if name in _METHODS:
                    place, *given = self.text(args[0], ATOM), *given[1:]
                return f"{place}.{name}({', '.join(given)})", ATOM
        raise TypeError(f"{short(x)} can't be written in Python")

    def number(self, x: float) -> str:
        """A number."""
        return literal(x)

    def name(self, function: Op) -> str:
        """What a function is called in the text."""
        return function.name

    def _argument(self, x: Any) -> str:
        """An argument of a library function: an array, a number, or several of these."""
        if isinstance(x, Node):
            return self.text(x)
        if isinstance(x, list):
            return f"[{', '.join(map(self._argument, x))}]"
        if isinstance(x, tuple):
            return f"({', '.join(map(self._argument, x))}{',' * (len(x) == 1)})"
        return str(x)

    def part(self, array: str, index: Index) -> str:
        """An indexed part of an array."""
        return f"{array}[{subscript(index)}]"

    def block(self, lines: Iterable[Line]) -> list[str]:
        """Lines of a program, and their comments."""
        found = []
        for line in lines:
            found += self.loop(line) if isinstance(line, Loop) else [self.line(line)]
        return found

    def loop(self, loop: Loop) -> list[str]:
        """The lines of a loop."""
        turns = loop.count if loop.step == 1 else f"0, {loop.count * loop.step}, {loop.step}"
        head = f"for {loop.index} in range({turns}):"
        return [head, *indented(self.block(loop.lines))]

    def line(self, instruction: Instruction) -> str:
        """An instruction, and its comment."""
        if isinstance(instruction, Let):
            text = f"{instruction.name} = {self.text(instruction.value)}"
        else:
            text = self.write(instruction)
        return f"{text}  # {instruction.comment}" if instruction.comment else text

    def write(self, line: Write) -> str:
        """An instruction that writes to an array."""
        return f"{self.text(line.target)} {'+' * line.adds}= {self.text(line.value)}"

    def definitions(self, things: Iterable[Any]) -> list[str]:
        """Lines that define the functions that instructions and expressions call."""
        given = [*things]
        called = {x.function.name: x.function for x in nodes(given) if isinstance(x, Call)}
        own = [definition(op) for name, op in called.items() if name not in self.primitives]
        given += [(function.lines, function.results) for function in own]
        names = {x.function.name for x in nodes(given) if isinstance(x, Call)}
        lines = {text for name, text in self.primitives.items() if name in names}
        found = sorted(lines, key=lambda line: (not line.startswith("from"), line))
        for function in sorted(own, key=attrgetter("name")):
            head = f"def {function.name}({', '.join(function.parameters)}):"
            body = [*self.block(function.lines), f"return {self.results(function)}"]
            found += [f"{head} {body[0]}"] if len(body) == 1 else [head, *indented(body)]
        used = {x.function for x in nodes(given) if isinstance(x, Library)}
        return [*found, *(text for name, text in self.prelude.items() if name in used)]

    def results(self, function: Function) -> str:
        """What a function returns."""
        return ", ".join(map(self.text, function.results))


def literal(x: Any) -> str:
    """A number, or nested lists of numbers, as a Python literal where `np` is NumPy."""
    return re.sub("inf|nan", r"np.\g<0>", repr(x))


def indented(lines: Iterable[str], steps: int = 1) -> list[str]:
    """Lines of Python, indented by so many steps."""
    return [f"{'    ' * steps}{line}" for line in lines]


def subscript(index: Index) -> str:
    """The text in the brackets of an index."""
    return ", ".join(map(_one_index, index))


def _one_index(x: slice | int | Affine | Name | None) -> str:
    if isinstance(x, Name):
        return x.name
    if not isinstance(x, slice):
        return whole(x)
    start, stop, step = ("" if part is None else whole(part) for part in (x.start, x.stop, x.step))
    return f"{start}:{stop}" + f":{step}" * (step != "")


def whole(x: int | Affine | None) -> str:
    """An index that is a whole number, such as 16 * n + 8 in a loop, or None."""
    if not isinstance(x, Affine):
        return str(x)
    steps = [(n, name if abs(n) == 1 else f"{abs(n)} * {name}") for name, n in x.steps.items()]
    terms = sorted([*steps, (x.start, str(abs(x.start)))], key=lambda term: term[0] < 0)
    text = "".join(f" {'-' if n < 0 else '+'} {term}" for n, term in terms if n)
    return text.removeprefix(" + ").strip()
