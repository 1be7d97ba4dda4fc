"""The steps of a program, one for each group, each of which knows two passes.

The lines of a step compute its group's rows: those of all steps are the forward pass. In the
backward pass, from the last step to the first, `differentiate` applies the chain rule: it
multiplies the upstream gradient by local derivatives, which come from the table's rules.
"""

from __future__ import annotations

from itertools import chain, pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.contractions import EXAMPLES, indexed, turned
from micrograd_plus.compiler.codegen.naming import of_sum
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import ArrayFunctions, applied, numbers
from micrograd_plus.compiler.codegen.strides import Axes, cuts, refined
from micrograd_plus.compiler.codegen.sums import (
    LETTERS,
    Contraction,
    Segments,
    flatten,
    moving_along,
    segments,
    shape_of,
    times,
)
from micrograd_plus.compiler.codegen.syntax import (
    ALL,
    Binary,
    Library,
    Name,
    Node,
    Part,
    column,
    node,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays, Operand
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.ops.operation import Op

_RULES = ArrayFunctions()


class Step:
    """The step of one kind of group; the kinds are the subclasses below.

    Args:
        members: what is computed, rows that follow each other in their array.
        arrays: those of the program; its lines get those that compute the members.

    Raises:
        Scattered: an argument is in several arrays, and may not be joined.

    Attributes:
        operands: where the arguments in each slot are read from.
    """

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        self.members, self.arrays, self.first = members, arrays, members[0]
        self.batched, self.count = self.first.batched, len(members)
        self.tail = arrays.tail(self.batched)
        array, start = self.first.array, self.first.row
        self.out = arrays.slice(array, start, start + self.count)
        self.d = arrays.slice(array, start, start + self.count, f"d{array}")
        self.operands = [
            arrays.operand([*chain.from_iterable(slot)], join)
            for slot in zip(*(e.slots for e in members), strict=True)
        ]

    def value(self) -> Node:
        """The rows of all members, flat."""
        raise NotImplementedError

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        """Contribute to the gradients of what is in some slots, given those of the members."""
        raise NotImplementedError

    def shaped(self, array: Node, shape: Sequence[int]) -> Node:
        """An array with a row for each member in the shape of nested loops over them."""
        if len(shape) == 1:
            return array
        return array.library("reshape", *shape, *self.tail)

    def covers(self, shape: Sequence[int]) -> bool:
        return False

    def flat(self, array: Node, shape: Sequence[int]) -> Node:
        """The other way round."""
        if len(shape) == 1:
            return array
        return array.library("reshape", self.count, *self.tail) if shape else array[None]


class Elementwise(Step):
    """An operation of the table, or any other, element by element."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        self.cuts = _covering(arrays, self.operands, self.count)
        self.shape = shape_of(self.cuts)

    def arguments(self) -> list[float | Node]:
        return [self.arrays.spread(x, self.cuts, self.batched) for x in self.operands]

    def value(self) -> Node:
        op = _operation(self.first)
        return self.flat(node(applied(op, self.arguments())), self.shape)

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        op, needs = _operation(self.first), self.arrays.needs
        wanted = [i in slots and needs.get(x.array, False) for i, x in enumerate(self.operands)]
        if not any(wanted):
            return
        d = self.shaped(self.d, self.shape)
        if sum(wanted) > 1 and len(self.shape) > 1:
            d = self.arrays.temporary(d)
        out = self.shaped(self.out, self.shape)
        if op.slope and self.first.array in self.arrays.looped:
            # what was computed for the value in a turn is not kept
            slopes: Sequence[Any] = [op.slope(out)]
        else:
            slopes = op.local_derivatives(_RULES, out, self.arguments(), wanted)
        for operand, slope, want in zip(self.operands, slopes, wanted, strict=True):
            if want and (isinstance(slope, Node) or slope not in (0.0, -1.0)):
                gradients.give(operand, d * slope, self.cuts, self.batched)
            elif want and slope:
                gradients.give(operand, -d, self.cuts, self.batched)


class Linear(Step):
    """A sum: perhaps one over many terms or products, and then some others, with coefficients."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        self.many = self.first.many
        self.big, self.others = self.operands[: self.many], self.operands[self.many :]
        counts = [len(e.slots[0]) for e in members] if self.many else [1]
        if self.many:
            self.contraction: Contraction | Segments = (
                Contraction(self.big, self, counts[0])
                if len({*counts}) == 1
                else Segments(self.big, self, counts)
            )
        numbers = [e.number for e in members]
        self.number: float | Operand = numbers[0]
        read: list[Operand | Whole] = [*self.others]
        if len({*map(repr, numbers)}) > 1:
            self.number = arrays.numbers(numbers)
            read.append(self.number)
        elif self.many:
            read.append(Whole(self.count))
        self.cuts = _covering(arrays, read, self.count)
        self.shape = shape_of(self.cuts)

    def covers(self, shape: Sequence[int]) -> bool:
        """Whether what is added to many terms has an element for each of a shape."""
        read = [x for x in (*self.others, self.number) if not isinstance(x, float)]
        return self.shape == shape and all(moving_along(read, self.cuts))

    def value(self) -> Node:
        arrays, coefficients = self.arrays, list(self.first.coefficients)
        number = self.number
        total: Any = (
            number if isinstance(number, float) else arrays.spread(number, self.cuts, self.batched)
        )
        if self.many:
            factor = coefficients.pop(0)
            found, shape = self.contraction.value()
            if not self.others and isinstance(number, float):
                total = _plus(total, factor, found)
                return self.flat(node(total), shape)
            if shape != self.shape:
                # what no example changes has one column for all of them
                tail = self.tail if any(x.batched for x in self.big) else [1] * self.batched
                found = found.library("reshape", *self.shape, *tail)
            total = _plus(total, factor, found)
        terms = [
            (factor, arrays.spread(x, self.cuts, self.batched, of_sum("b", self.first.array)))
            for factor, x in zip(coefficients, self.others, strict=True)
        ]
        for factor, term in sorted(terms, key=lambda pair: pair[0] == -1):  # z - t, not -t + z
            total = _plus(total, factor, term)
        return self.flat(node(total), self.shape)

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        coefficients, needs = [*self.first.coefficients], self.arrays.needs
        if self.many:
            wanted = [i in slots and needs.get(x.array, False) for i, x in enumerate(self.big)]
            factor = coefficients.pop(0)
            if any(wanted):
                self.contraction.differentiate(gradients, factor, wanted)
        d = self.shaped(self.d, self.shape)
        for i, (factor, x) in enumerate(zip(coefficients, self.others, strict=True), self.many):
            if i in slots and needs.get(x.array, False):
                name = of_sum("db", self.first.array)
                gradients.give(x, times(factor, d), self.cuts, self.batched, name)


class Reduction(Step):
    """An operation on any number of arguments."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        (self.operand,) = self.operands
        op = _operation(self.first)
        counts = [len(e.slots[0]) for e in members]
        self.each = counts[0] if len({*counts}) == 1 else 0
        if self.each:
            self.cuts = arrays.aligned(self.operands, self.count * self.each, [self.each])
            if not all(moving_along(self.operands, self.cuts)):
                self.operand.regular = None
                self.cuts = arrays.aligned(self.operands, self.count * self.each, [self.each])
            self.shape = shape_of(self.cuts)
        else:
            self.cuts = [1, sum(counts)]
            flatten(self.operands, self.cuts)
            self.starts, self.owners = segments(arrays, counts)
        self.x = cube = self._cube()
        apart = None if self.each else (self.starts, self.owners)
        self.at_once = AtOnce(_RULES, cube, apart) if op.at_once else None
        # the arguments one by one, for rules written for scalars
        self.columns = [cube[ALL, k] for k in range(self.each)]

    def _cube(self) -> Name:
        """The arguments as an array of (members, arguments of each, examples)."""
        found, _ = self.arrays.read(self.operand, self.cuts)
        if self.each and self.shape != [self.count, self.each]:
            tail = self.arrays.tail(self.operand.batched)
            found = found.library("reshape", self.count, self.each, *tail)
        return self.arrays.temporary(self.arrays.named(found, self.operand.array))

    def value(self) -> Node:
        op = _operation(self.first)
        if not self.at_once:
            return node(numbers(op.value(_RULES, *self.columns)))
        made = self.at_once.value(op)
        match made:
            case Part(Library() as reduced, _) if not self.each:
                return reduced  # which each member's arguments would get
        found: Node = made[ALL, 0] if self.each else made[self.starts]
        return found

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        op, arrays = _operation(self.first), self.arrays
        if not arrays.needs.get(self.operand.array):
            return
        slopes: Node
        spread = column if self.each else lambda array: array[self.owners]
        if self.at_once:
            slopes = numbers(self.at_once.slope(op, spread(self.out)))
            if not self.at_once.each(slopes):
                slopes = self.x.library("zeros_like") + slopes
        else:
            alike = self.out.library("zeros_like")  # a slope may be a number
            wanted = [True] * self.each
            found = op.local_derivatives(_RULES, self.out, self.columns, wanted)
            slopes = Library("stack", ([Binary("+", alike, node(x)) for x in found],), {"axis": 1})
        value = slopes * spread(self.d)
        if self.each and self.shape != [self.count, self.each]:
            value = value.library("reshape", *self.shape, *self.tail)
        gradients.give(self.operand, value, self.cuts, self.batched)


class Choice(Step):
    """The rows of a list that indices choose."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        self.index, self.choices = self.operands
        self.each = len(self.first.slots[1])
        total = self.count * self.each
        self.cuts = arrays.aligned([self.choices], total, self._indexed())
        self.shape = shape_of(self.cuts)
        self.letters = LETTERS[: len(self.shape)]
        self.sizes = dict(zip(self.letters, self.shape, strict=True))
        outer = [cut > self.each for cut in self.cuts[1:]][::-1]
        self.outer = "".join(c for c, out in zip(self.letters, outer, strict=True) if out)
        self.inner = "".join(c for c, out in zip(self.letters, outer, strict=True) if not out)
        chosen = [bool(step) for _, step in self.choices.steps(self.cuts)]
        moving = dict(zip(self.letters, chosen, strict=True))
        self.columns = "".join(c for c in self.outer if moving[c])
        self.rows = "".join(c for c in self.outer if not moving[c])
        place = self.index.regular
        along = refined(place.axes, self._outer_cuts()) if place else None
        # a table of which whole rows are chosen: the index does not depend on the column
        self.table = bool(
            not self.choices.batched
            and self.choices.regular
            and along is not None
            and len(self.inner) == 1
            and all(moving[c] for c in self.inner)
            and all(
                (step != 0) == (c in self.rows)
                for c, (_, step) in zip(self.outer, along, strict=True)
            )
        )

    def _indexed(self) -> list[int]:
        """Cuts of all choices where the index begins to change, if that is regular."""
        axes = self.index.regular.axes if self.index.regular else ()
        return [self.each, *(cut * self.each for cut in cuts(axes))]

    def _outer_cuts(self) -> list[int]:
        return [cut // self.each for cut in self.cuts if cut >= self.each]

    def _rows(self) -> Node:
        """The indices, for each member or for each row of a table of members."""
        between = self._outer_cuts() if self.table else [1, self.count]
        found, has = self.arrays.read(self.index, between)
        if not self.table and not any(has):  # one index for all members
            found = found[None]
        return self.arrays.named(found.library("astype", "int"), self.index.array)

    def _cube(self) -> Node:
        """All choices as an array of (members, choices of each, examples)."""
        found, has = self.arrays.read(self.choices, self.cuts)
        if not all(has):
            lengths = [*self.shape, *self.arrays.tail(self.choices.batched)]
            index = [ALL if own else None for own in has]
            found = Library("broadcast_to", [indexed(found, index), tuple(lengths)])
        if self.shape != [self.count, self.each]:
            tail = self.arrays.tail(self.choices.batched)
            found = found.library("reshape", self.count, self.each, *tail)
        return found if self.choices.batched else found[ALL, ALL, None]

    def value(self) -> Node:
        if not self.table:
            rows = self._rows()[ALL, None]
            made: Node = Library("take_along_axis", [self._cube(), rows], {"axis": 1})[ALL, 0]
            return made
        chosen: Node = self._table()[self.arrays.temporary(self._rows())]
        chosen = turned(chosen, [*self.rows, EXAMPLES, *self.columns], [*self.outer, EXAMPLES])
        return self.flat(chosen, [self.sizes[c] for c in self.outer])

    def _axes(self) -> Axes:
        """Those of the table: that along which is chosen, and those of the rows."""
        axes = dict(zip(self.letters, self.choices.steps(self.cuts), strict=True))
        return tuple(axes[c] for c in self.inner + self.columns)

    def _table(self) -> Node:
        """The array whose rows are chosen."""
        place = self.choices.regular
        found = None
        if place:
            found = self.arrays.view(self.choices.array, place.base, self._axes())
        if found is None:
            table, has = self.arrays.read(self.choices, self.cuts)
            own = [c for c, its in zip(self.letters, has, strict=True) if its]
            found = turned(table, own, self.inner + self.columns)
        return self.arrays.named(found, self.choices.array)

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        if not self.arrays.needs.get(self.choices.array):
            return
        if not self.table:
            numbered = self.arrays.constant([[[float(k)] for k in range(self.each)]])
            taken = self._rows()[ALL, None] == numbered
            value: Node = taken * column(self.d)
            if self.shape != [self.count, self.each]:
                value = value.library("reshape", *self.shape, *self.tail)
            gradients.give(self.choices, value, self.cuts, self.batched)
            return
        d = self.shaped(self.d, [self.sizes[c] for c in self.outer])
        d = turned(d, [*self.outer, EXAMPLES], [*self.rows, EXAMPLES, *self.columns])
        width = prod(self.sizes[c] for c in self.columns)
        flat = [self._rows().library("reshape", -1), d.library("reshape", -1, width), self.each]
        value = Library("rows_added", flat)
        value = value.library("reshape", *(self.sizes[c] for c in self.inner + self.columns))
        gradients.add(self.choices, self._axes(), value)


class Join:
    """An array that joins rows of several others."""

    def __init__(
        self, name: str, start: int, parts: list[tuple[str, int, int]], arrays: Arrays
    ) -> None:
        self.name, self.start, self.parts, self.arrays = name, start, parts, arrays

    def differentiate(self, gradients: Gradients) -> None:
        arrays, at = self.arrays, self.start
        for array, low, high in self.parts:
            part = arrays.slice(self.name, at, at + high - low, f"d{self.name}")
            at += high - low
            if array and arrays.needs.get(array):
                operand = arrays.rows_of(array, range(low, high))
                gradients.give(operand, part, [1, high - low], arrays.batched[self.name])


class Whole:
    """Stands for an array with a row for each member, when axes are compared."""

    regular = None
    numbers = None
    number = None
    batched = True

    def __init__(self, count: int) -> None:
        self.count = count

    def steps(self, cuts: Sequence[int]) -> Any:
        return tuple((b // a, a) for a, b in pairwise(cuts))[::-1]


def step(members: Sequence[Expression], arrays: Arrays, join: bool = True) -> Step:
    """The step of expressions that one instruction computes."""
    kinds: dict[str, Callable[..., Step]] = {
        "operation": Elementwise, "linear": Linear, "reduction": Reduction, "choice": Choice,
    }  # fmt: skip
    return kinds[members[0].kind](members, arrays, join)


def _operation(e: Expression) -> Op:
    if e.op is None:
        raise TypeError(f"{e!r} is no operation")
    return e.op


def _covering(arrays: Arrays, operands: Sequence[Any], total: int) -> list[int]:
    """Cuts for operands that together advance along each axis."""
    cuts = arrays.aligned([x for x in operands if not isinstance(x, Whole)], total)
    if not all(moving_along(operands, cuts)):
        for x in operands:
            if x.number is None:
                x.regular = None
        cuts = [1, total]
    return cuts


def _plus(total: Any, factor: float, x: Any) -> Any:
    """A sum, and one term more."""
    if factor == -1:
        return -x if isinstance(total, float) and total == 0 else total - x
    return total + factor * x
