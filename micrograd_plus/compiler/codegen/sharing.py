"""What a program would compute twice gets a name, and what costs much is computed for less.

This is a pass over a program's instructions, before loops are made of those that repeat.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.rules import ArrayFunctions, numbers
from micrograd_plus.compiler.codegen.syntax import (
    VIEWS,
    Binary,
    Call,
    Function,
    Let,
    Library,
    Name,
    Negative,
    Node,
    Number,
    Part,
    Write,
    flow,
    names,
    node,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.codegen.syntax import Instruction
    from micrograd_plus.ops.operation import Op

_OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}
_HIGHEST = 9  # the largest exponent for which products are used: each of them rounds


def shared(
    lines: Sequence[Instruction], results: Sequence[Node] = (), cheaper: bool = True
) -> list[Instruction]:
    """The same instructions, with names e1, e2, … for what they would compute several times.

    Args:
        lines: the instructions.
        results: what is returned, if what it does not need is to be left out.
        cheaper: whether to replace what costs much by what is equal but for rounding, and for
            numbers that are too large or too small for a float.

    >>> from micrograd_plus.compiler.codegen.backends import NumPy
    >>> x = Name("x")
    >>> for line in shared([Let("y", x**3.0), Let("dx", 3.0 * x**2.0)]):
    ...     print(NumPy().line(line))
    e1 = x * x
    y = e1 * x
    dx = 3.0 * e1
    """
    return _Sharing(_needed(lines, results) if results else lines, cheaper).lines


def _needed(lines: Sequence[Instruction], results: Sequence[Node]) -> list[Instruction]:
    """The instructions that results depend on."""
    found: list[Instruction] = []
    needed = names(results)
    for line in reversed(lines):
        used, changed = flow([line])
        if changed & needed:
            found.append(line)
            needed |= used
    return found[::-1]


def definition(op: Op) -> Function:
    """The function of an operation that its rule defines."""
    names = "xyz"[: op.arity]
    *lines, last = shared([Let("out", body(op, [*map(Name, names)]))])
    return Function(op.name, names, lines, [last.value])


def body(op: Op, args: Sequence[Node]) -> Node:
    return node(numbers(op.value(ArrayFunctions(), *args)))


class _Sharing:
    """Makes equal expressions one node, counts its uses, and names it where there are several.

    Calls of functions that rules define are written out for that, and stay so if a part of one is
    needed elsewhere.
    """

    def __init__(self, lines: Sequence[Instruction], cheaper: bool) -> None:
        self._cheap = cheaper
        given = Counter(line.name for line in lines if isinstance(line, Let))
        targets = nodes([line.target for line in lines if isinstance(line, Write)])
        self._changing = {name for name, times in given.items() if times > 1}
        self._changing |= {part.name for part in targets if isinstance(part, Name)}
        self._free = (name for k in count(1) if (name := f"e{k}") not in given)
        self._known: dict[Any, Node] = {}
        self._bodies: list[tuple[Node, Call]] = []  # of calls
        values = []
        for self._place, line in enumerate(lines):
            self._met: dict[int, tuple[Node, Node]] = {}
            values.append(self._one(line.value))
        self._calls: dict[int, Node] = {}  # the calls that stay, by their bodies
        uses = self._count(values)
        self._calls = {
            id(body): call for body, call in self._bodies if self._is_closed(body, call, uses)
        }
        self._uses = self._count(values)
        self._names: dict[int, Name] = {}
        self.lines: list[Instruction] = []
        for line, value in zip(lines, values, strict=True):
            self._put(line, value)

    def _one(self, x: Node) -> Node:
        """The one node for all expressions that equal x."""
        if id(x) not in self._met:
            made: Node = x.rebuilt(self._one)
            if isinstance(made, Call) and not made.function.primitive:
                one = self._one(body(made.function, made.args))
                self._bodies.append((one, made))
            elif self._cheap and (cheap := self._cheaper(made)) is not made:
                one = self._one(cheap)
            else:
                one = self._known.setdefault(self._key(made), made)
            self._met[id(x)] = x, one  # x, too: ids of what is gone are given again
        return self._met[id(x)][1]

    def _key(self, x: Node) -> Any:
        """What is equal for equal expressions, the parts of which are the same nodes."""
        return type(x), *map(self._part, [x] if isinstance(x, Name) else vars(x).values())

    def _part(self, x: Any) -> Any:
        if isinstance(x, Name):
            return x.name, self._place if x.name in self._changing else None
        if isinstance(x, list | tuple):
            return tuple(map(self._part, x))
        return id(x) if isinstance(x, Node) else x if isinstance(x, str | ops.Op) else repr(x)

    def _written(self, x: Node) -> Node:
        """An expression as it is written: as a call, or by its parts."""
        return self._calls.get(id(x), x)

    def _count(self, values: Sequence[Node], until: Sequence[Node] = ()) -> Counter[int]:
        """How often each node is needed for some, each being computed once."""
        found: Counter[int] = Counter()
        todo = [*values]
        while todo:
            x = todo.pop()
            found[id(x)] += 1
            if found[id(x)] == 1 and not any(x is end for end in until):
                todo += self._written(x).parts
        return found

    def _is_closed(self, body: Node, call: Call, uses: Counter[int]) -> bool:
        """Whether nothing but a call needs what other functions give inside of it."""
        inside = self._count(body.parts, until=call.args)
        outside = (x for x in nodes([body]) if uses[id(x)] > inside[id(x)] > 0)
        return not any(isinstance(part, Call) for part in nodes(outside))

    def _put(self, line: Instruction, value: Node) -> None:
        """Add an instruction, and before it what it shares with others and has no name yet."""
        fixed = isinstance(line, Let) and line.name not in self._changing
        first = self._is_shared(value) and id(value) not in self._names
        if isinstance(line, Let) and (first or not fixed):
            self.lines.append(replace(line, value=self._written(value).rebuilt(self._named)))
            if fixed:
                self._names[id(value)] = Name(line.name, value.truths)
        else:
            self.lines.append(replace(line, value=self._named(value)))

    def _named(self, x: Node) -> Node:
        """An expression by the names that there are."""
        if id(x) in self._names:
            return self._names[id(x)]
        made: Node = self._written(x).rebuilt(self._named)
        if not self._is_shared(x):
            return made
        self._names[id(x)] = name = Name(next(self._free), x.truths)
        self.lines.append(Let(name.name, made))
        return name

    def _is_shared(self, x: Node) -> bool:
        """Whether an expression is needed several times, and computes something."""
        if self._uses[id(x)] == 1 or isinstance(x, Name | Number):
            return False
        if isinstance(x, Part):
            return any(isinstance(i, Name) for i in x.index)  # others are views
        return not (isinstance(x, Library) and x.function in VIEWS)

    # ------------------------------------------------------------- what costs less

    def _cheaper(self, x: Node) -> Node:
        """What to compute instead of x, or x itself."""
        match x:
            case Binary("**", base, Number(exponent)):
                power = _power(base, exponent)
                return x if power is None else power
            case Binary("*", factor, Binary("/", Number(1.0), divisor)):
                return Binary("/", factor, divisor)
            case Binary("*", Binary("/", Number(1.0), divisor), factor):
                return Binary("/", factor, divisor)
            case Binary(
                "/", Binary("/", Number(1.0), Call(ops.hypot, [Number(1.0), array]) as length), same
            ) if same is length:
                return Binary("/", Number(1.0), 1.0 + array * array)
            case Binary("*", factor, Negative(Binary("/", out, divisor))):
                quotient = self._known.get(self._key(Binary("/", factor, divisor)))
                if quotient is not None:  # as for the other argument of a division
                    return Negative(Binary("*", quotient, out))
            case Negative(Negative(array)):
                return array
            # in a product with numbers alone: a sum of truth values is "or"
            case Binary("*", left, right) if (
                not left.truths and (other := _opposite(right)) is not None
            ):
                return Binary("*", left, other)
            case Binary("*", left, right) if (
                not right.truths and (other := _opposite(left)) is not None
            ):
                return Binary("*", other, right)
            case Call(ops.exp, [exponent]):
                opposite = Call(ops.exp, [self._one(Negative(exponent))])
                other = self._known.get(self._key(opposite))
                if other is not None:
                    return Binary("/", Number(1.0), other)
        return x


def _opposite(x: Node) -> Node | None:
    """The comparison that holds where another doesn't, for 1 − that one."""
    match x:
        case Binary("-", Number(1.0), Binary(symbol, left, right)) if symbol in _OPPOSITE:
            return Binary(_OPPOSITE[symbol], left, right)
    return None


def _power(x: Node, exponent: float) -> Node | None:
    """A power by products and a square root, if there are few."""
    whole, half = divmod(abs(exponent), 1)
    if not whole <= _HIGHEST or half not in (0, 0.5):
        return None
    match x:
        case Binary("/", Number(1.0), divisor):
            return Binary("/", Number(1.0), divisor**exponent)
    if exponent < 0:
        return Binary("/", Number(1.0), x**-exponent)
    if exponent == 0:
        return x.library("ones_like")
    factors: list[Node] = [Call(ops.sqrt, [x])] if half else []
    for digit in f"{int(whole):b}"[::-1]:
        factors += [x] * int(digit)
        x = x * x
    return reduce(operator.mul, factors[::-1])
