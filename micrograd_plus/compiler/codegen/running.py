"""What NumPy runs: the same program as is printed, with less memory used and moved.

This is the last pass over a program's instructions. It is not printed, as it reads worse.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.backends import NumPy
from micrograd_plus.compiler.codegen.python import literal
from micrograd_plus.compiler.codegen.sharing import body
from micrograd_plus.compiler.codegen.syntax import (
    ALL,
    Affine,
    Binary,
    Call,
    Let,
    Library,
    Loop,
    Name,
    Negative,
    Node,
    Number,
    Part,
    Write,
    names,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from micrograd_plus.compiler.codegen.generate import Code
    from micrograd_plus.compiler.codegen.syntax import Function, Index, Instruction, Line

    Shape = tuple[int | str, ...] | None  # None where it isn't known

_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "@": "matmul"}
_REDUCTIONS = {"sum": "add", "max": "maximum", "min": "minimum"}
_OWN = (ops.where, ops.erf, ops.erfc)  # those that can't be told where to put their results


class _Running(NumPy):
    """NumPy, where an instruction computes in the array that it writes to.

    Attributes:
        numbers: the names of numbers, which NumPy takes in half the time as arrays.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def write(self, line: Write) -> str:
        place = f"out={self.text(line.target)}"
        match line.value:
            case Binary(symbol, left, right) if line.there:
                return f"np.{_ARITHMETIC[symbol]}({self._list(left, right)}, {place})"
            case Call(function, args) if line.there:
                return f"{function.name}({self._list(*args)}, {place})"
            case Library(name, args, options) if line.there:
                return self.text(Library(name, args, {**options, "out": self.text(line.target)}))
        return super().write(line)

    def _list(self, *args: Node) -> str:
        return ", ".join(self.text(self._named(x)) for x in args)

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Library("sum" | "max" | "min" as name, (array,), {"axis": _} as options):
                x = Library(f"{_REDUCTIONS[name]}.reduce", [array], options)
            case Binary(symbol, left, right) if symbol != "**":
                x = Binary(symbol, self._named(left), self._named(right))
            case Call(function, args):
                x = Call(function, [*map(self._named, args)])
        return super()._written(x)

    def _named(self, x: Node) -> Node:
        """A number by its name, which no array has."""
        if not isinstance(x, Number):
            return x
        return Name(self.numbers.setdefault(literal(x.value), f"_{len(self.numbers) + 1}"))


def running(code: Code) -> str:
    """The text of a program's functions, as NumPy runs them.

    Args:
        code: the program.
    """
    sizes = code.arrays.sizes
    gradient = code.gradient and in_place(code.gradient, sizes)
    language = _Running()
    text = language.functions(
        replace(code, forward=in_place(code.forward, sizes), gradient=gradient)
    )
    return "\n".join([*(f"{x} = np.array({y})" for y, x in language.numbers.items()), text])


def in_place(function: Function, sizes: Mapping[str, int]) -> Function:
    """A function that gives the same, where arrays are computed in the places of others.

    An array that is needed no more, or that has no name, gives its place to one of its shape.

    Parameters come as transposed views, with the numbers of an example side by side. Products of
    matrices take them as they are; what reads one element by element, more than once, is faster on
    a copy that has the examples side by side, as all other arrays of a program.

    Args:
        function: one of a program.
        sizes: how many rows each parameter has.

    >>> from micrograd_plus.compiler.codegen.syntax import Function
    >>> value = Name("p")[0:8].library("reshape", 4, 2) @ Name("x") + 1.0
    >>> forward = Function("forward", ["p", "x"], [Let("z", value)], [Name("z")])
    >>> print("\\n".join(_Running().block(in_place(forward, {"p": 8, "x": 2}).lines)))
    z = p[0:8].reshape(4, 2) @ x
    np.add(z, _1, out=z)
    """
    reads: Counter[str] = Counter()
    for x in nodes([*function.lines, *function.results]):
        match x:
            case Name(name):
                reads[name] += 1
            case Binary("@", left, right):
                reads.subtract(part.name for part in (left, right) if isinstance(part, Name))
            case Library("T", [Name(name)]):
                reads[name] -= 1
    copies = [
        Let(name, Name(name).library("copy"))
        for name in _batch(function) if sizes[name] > 1 and reads[name] > 1
    ]  # fmt: skip
    lines = _Places(function, sizes).lines(function.lines, names(function.results))
    return replace(function, lines=[*copies, *lines])


class _Places:
    """Finds places for the arrays of a function.

    Args:
        function: it.
        sizes: how many rows each parameter has.
    """

    def __init__(self, function: Function, sizes: Mapping[str, int]) -> None:
        self._given = {*function.parameters}
        self._shapes: dict[str, Shape] = {"p": (sizes["p"],), "s": ("N",)}
        self._shapes |= {name: (sizes[name], "N") for name in _batch(function)}
        every = [*_all(function.lines)]
        given = Counter(line.name for line in every if isinstance(line, Let))
        self._once = {name for name, times in given.items() if times == 1}
        self._written = names(line.target for line in every if isinstance(line, Write))
        self._relus: dict[str, Name] = {}  # by what they are relus of
        self._groups: dict[str, set[str]] = {}  # for each name all that may name its memory, too

    def lines(self, lines: Sequence[Line], outside: set[str]) -> list[Line]:
        """The same lines, with places.

        Args:
            lines: those of the function or of a loop.
            outside: the arrays that are needed elsewhere.
        """
        lines = [self._simpler(line) for line in lines]
        for line in lines:
            if isinstance(line, Let):
                read = _seen(line.value) - self._given
                group = {line.name}.union(*(self._groups.get(x, {x}) for x in (line.name, *read)))
                self._groups |= dict.fromkeys(group, group)
        last = {name: i for i, line in enumerate(lines) for name in names([line])}
        found: list[Line] = []
        own: set[str] = set()  # new arrays of floats

        def free(i: int, line: Instruction) -> set[str]:
            """The new arrays that an instruction reads once, and that are needed no more."""
            reads = Counter(x.name for x in nodes([line]) if isinstance(x, Name))
            return {
                x for x in own & {*reads}
                if not (group := self._groups[x]) & outside
                and all(last.get(y, 0) <= i for y in group)
                and sum(reads[y] for y in group) == 1
            }  # fmt: skip

        for i, line in enumerate(lines):
            match line:
                case Loop():
                    its = outside | {*line.carried} | names([*lines[:i], *lines[i + 1 :]])
                    found.append(replace(line, lines=self.lines(line.lines, its)))
                case Let(name, value) if name in self._once:
                    done, value = self._moved(value, free(i, line))
                    self._shapes[name] = self._shape(value)
                    found += [*done, *self._put(replace(line, value=value))]
                    if _is_new(line.value) and not line.value.truths and self._shapes[name]:
                        own.add(name)
                case Write(target):
                    done, value = self._moved(line.value, free(i, line))
                    there = not line.adds and self._fills(value, target)
                    found += [*done, replace(line, value=value, there=there)]
                case _:
                    found.append(line)
        return found

    def _simpler(self, line: Line) -> Line:
        """A line where relu(z) > 0 stands for z > 0, and functions for calls that call only them.

        So z isn't needed after relu(z).
        """

        def change(x: Node) -> Node:
            x = x.rebuilt(change)
            match x:
                case Binary(">", Name(z), Number(0.0)) if z in self._relus:
                    return Binary(">", self._relus[z], Number(0.0))
                case Call(function, args) if not function.primitive:
                    inside = body(function, args)
                    if isinstance(inside, Call) and all(part.stored for part in args):
                        return inside
            return x

        if isinstance(line, Loop) or not any(map(_is_simplified, nodes([line.value]))):
            return line
        match line:
            case Let(name, Call(ops.relu, [Name(z)])) if {name, z} <= self._once - self._written:
                self._relus[z] = Name(name)
        return replace(line, value=change(line.value))

    def _moved(self, value: Node, free: set[str]) -> tuple[list[Line], Node]:
        """An expression, and lines before it that compute parts of it in places of free arrays."""
        lines: list[Line] = []

        def change(x: Node) -> Node:
            x = x.rebuilt(change)
            match x:
                case Library("einsum", (rule, a, b)) if _adds_rows(rule):
                    product = a * b
                    rows = placed(product)
                    return x if rows is product else rows.library("sum", axis=0)
            return placed(x)

        def placed(x: Node) -> Node:
            if _takes_place(x) and not x.truths and (shape := self._shape(x)):
                for part in x.parts:
                    if isinstance(part, Name) and part.name in free and self._shape(part) == shape:
                        lines.append(Write(part, x, there=True))
                        return part
            return x

        return lines, change(value)

    def _fills(self, value: Node, target: Node) -> bool:
        """Whether NumPy may put a product of matrices, or a sum, right where it is written to."""
        match value:
            case Binary("@") | Library("sum"):
                return (shape := self._shape(value)) is not None and shape == self._shape(target)
        return False

    def _put(self, line: Let) -> list[Line]:
        """An array, computed in the place of what it is computed from."""
        name, value, shape = line.name, line.value, self._shapes[line.name]
        if not (shape and _takes_place(value)) or value.truths:
            return [line]
        me = Name(name)
        for part in value.parts:
            if self._shape(part) != shape:
                continue
            if _is_new(part) and not part.truths:

                def placed(x: Node, part: Node = part) -> Node:
                    return me if x is part else x

                first = self._put(Let(name, part, line.comment))
                return [*first, Write(me, value.rebuilt(placed), there=True)]
        return [line]

    def _shape(self, x: Node) -> Shape:
        """The shape of what an expression gives."""
        match x:
            case Name(name):
                return self._shapes.get(name)
            case Number():
                return ()
            case Binary("@", left, right):
                a, b = self._shape(left), self._shape(right)
                if not a or not b or min(len(a), len(b)) < 2:
                    return None
                both = _common([a[:-2], b[:-2]])
                return None if both is None else (*both, a[-2], b[-1])
            case Negative() | Binary() | Call():
                return _common([*map(self._shape, x.parts)])
            case Part(array, index) if (shape := self._shape(array)) is not None:
                return _indexed(shape, index)
            case Library("T", (array,)):
                shape = self._shape(array)
                return shape and shape[::-1]
            case Library("empty_like" | "zeros_like", (array,)):
                return self._shape(array)
            case Library("reshape", (_, *sizes)) if all(
                x == "N" or (isinstance(x, int) and x > 0) for x in sizes
            ):
                return tuple(sizes)
            case Library(name, (array,), {"axis": int(axis), **others}) if (
                name in _REDUCTIONS and not array.truths  # sums of those are whole numbers
            ):
                shape = self._shape(array)
                kept = (1,) if others else ()
                return shape and (*shape[:axis], *kept, *shape[axis + 1 :])
        return None


def _batch(function: Function) -> list[str]:
    """The parameters of a function that have a column for each example."""
    return [name for name in function.parameters if name not in ("p", "s")]


def _all(lines: Iterable[Line]) -> Iterator[Instruction]:
    """Lines, and those of loops."""
    for line in lines:
        if isinstance(line, Loop):
            yield from _all(line.lines)
        else:
            yield line


def _is_simplified(x: Node) -> bool:
    """Whether `_Places` may write a node in another way."""
    if isinstance(x, Call):
        return not x.function.primitive
    return isinstance(x, Binary) and x.symbol == ">"


def _is_new(x: Node) -> bool:
    """Whether an expression certainly gives a new array."""
    match x:
        case Call(function):
            return function.primitive
        case Library(name):
            return name in _REDUCTIONS
    return isinstance(x, Binary | Negative)


def _seen(x: Node) -> set[str]:
    """The names of arrays whose memory an expression may give, or a view of it."""
    if isinstance(x, Name):
        return {x.name}
    return set() if _is_new(x) else set().union(*map(_seen, x.parts))


def _takes_place(x: Node) -> bool:
    """Whether an expression can be computed in the place of a part of it."""
    if isinstance(x, Call):
        return x.function.primitive and x.function not in _OWN
    return isinstance(x, Binary) and x.symbol in _ARITHMETIC and x.symbol != "@"


def _adds_rows(rule: str) -> bool:
    """Whether einsum adds up the rows of a product, element by element, as "an,an->n" does."""
    left, right, result = re.split(",|->", rule.strip("'"))
    return left == right and left[1:] == result and len({*left}) == len(left)


def _indexed(shape: tuple[int | str, ...], index: Index) -> Shape:
    """The shape of an indexed part, if it has all or a known number of each axis."""
    left, made = [*shape], []
    for x in index:
        size = 1 if x is None else left.pop(0)
        match x:
            case slice(start=Affine(), step=None):
                size = x.stop - x.start
            case slice() if x != ALL:
                if isinstance(size, str) or isinstance(x.start, Affine):
                    return None
                size = len(range(size)[x])
            case Name() | Affine():
                return None
        if not isinstance(x, int):
            made.append(size)
    return (*made, *left)


def _common(shapes: Sequence[Shape]) -> Shape:
    """The shape of arrays that are computed with each other, if all are known."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    longest = max(map(len, known), default=0)
    rows = [(1,) * (longest - len(shape)) + shape for shape in known]
    axes = [{*sizes} - {1} or {1} for sizes in zip(*rows, strict=True)]
    return None if any(len(sizes) > 1 for sizes in axes) else tuple(size for (size,) in axes)
