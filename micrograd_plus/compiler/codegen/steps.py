"""The steps of a program, one for each group, each of which knows two passes.

The lines of a step compute its group's rows: those of all steps are the forward pass. In the
backward pass, from the last step to the first, `differentiate` applies the chain rule: it
multiplies the upstream gradient by local derivatives, which come from the table's rules.
"""

from __future__ import annotations

from itertools import chain, pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.contractions import (
    EXAMPLES,
    axes_text,
    contracted,
    indexed,
    turned,
)
from micrograd_plus.compiler.codegen.naming import of_sum
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import ArrayFunctions, applied, numbers
from micrograd_plus.compiler.codegen.strides import Axes, cuts, refined
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
_LETTERS = "abcdefghijklm"


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
        self.operands: list[Operand] = []
        for slot in zip(*(e.slots for e in members), strict=True):
            operand = arrays.operand([*chain.from_iterable(slot)], join)
            if operand is None:
                raise Scattered
            self.operands.append(operand)

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


class Scattered(Exception):  # noqa: N818  it is no error
    """An argument is in several arrays."""


class Elementwise(Step):
    """An operation of the table, or any other, element by element."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        self.cuts = _covering(arrays, self.operands, self.count)
        self.shape = _shape(self.cuts)

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
            from micrograd_plus.compiler.codegen.arrays import Operand

            self.number = Operand("", None, arrays._numpy.array(numbers), False)
            read.append(self.number)
        elif self.many:
            read.append(Whole(self.count))
        self.cuts = _covering(arrays, read, self.count)
        self.shape = _shape(self.cuts)

    def covers(self, shape: Sequence[int]) -> bool:
        """Whether what is added to many terms has an element for each of a shape."""
        read = [x for x in (*self.others, self.number) if not isinstance(x, float)]
        return self.shape == shape and all(_moving(read, self.cuts))

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
                gradients.give(x, _times(factor, d), self.cuts, self.batched, name)


class Contraction:
    """A Σ of equally many terms or products for each member: a product of arrays."""

    def __init__(self, operands: Sequence[Operand], step: Step, count: int) -> None:
        self.operands, self.step, self.arrays = operands, step, step.arrays
        total = step.count * count
        self.cuts = step.arrays.aligned(operands, total, [count])
        inside = [count > 1 and cut <= count for cut in self.cuts[1:]][::-1]
        moving = _moving(operands, self.cuts)
        if not all(moves for moves, inner in zip(moving, inside, strict=True) if inner):
            # the same product several times
            for x in operands:
                x.regular = None
            self.cuts = step.arrays.aligned(operands, total, [count])
            inside = [count > 1 and cut <= count for cut in self.cuts[1:]][::-1]
            moving = [True] * len(inside)
        # a single row of weights is a matrix, too
        self.row = step.count == 1 and step.batched and operands[0].array == "p" and count > 1
        if self.row and len(operands) == 2 and operands[0].regular and operands[1].batched:
            self.cuts, inside, moving = [*self.cuts, count], [False, *inside], [True, *moving]
        else:
            self.row = False
        lengths = _shape(self.cuts)
        self.letters = _LETTERS[: len(lengths)]
        self.sizes = dict(zip(self.letters, lengths, strict=True))
        pairs = [*zip(self.letters, inside, moving, strict=True)]
        self.outer = "".join(c for c, inner, _ in pairs if not inner)
        self.inner = "".join(c for c, inner, _ in pairs if inner)
        # members along the others get the same sum
        self.moving = "".join(c for c, inner, moves in pairs if not inner and moves)
        self.batched = any(x.batched for x in operands)
        self.shape = [self.sizes[c] for c in self.outer]

    def _read(self, operand: Operand) -> tuple[Node, str]:
        """An operand, and the letters of its axes."""
        cuts, letters = self._axes(operand)
        found, has = self.arrays.read(operand, cuts, of_sum("W", self.step.first.array))
        own = "".join(c for c, its in zip(letters, has, strict=True) if its)
        return found, own + EXAMPLES * operand.batched

    def _axes(self, operand: Operand) -> tuple[Sequence[int], str]:
        """The cuts and letters that matter for an operand."""
        if self.row and operand is not self.operands[0]:
            return self.cuts[:-1], self.letters[1:]
        return self.cuts, self.letters

    def value(self) -> tuple[Node, list[int]]:
        """The sums, and the shape of loops over the members."""
        (x, of_x), *others = map(self._read, self.operands)
        if others:
            ((y, of_y),) = others
            wanted = self.moving + EXAMPLES * self.batched
            found = contracted(x, of_x, y, of_y, wanted, self.sizes)
        else:
            axes = [i for i, c in enumerate(of_x) if c in self.inner]
            if not self.outer and len(axes) == 1 and self.batched == self.step.batched:
                return x.library("sum", axis=0, keepdims=True), [1]
            found = x.library("sum", axis=axes_text(axes)) if axes else x
        if not self.outer and self.step.batched and not self.batched:
            return found.library("reshape", 1, 1), [1]
        index: list[Any] = [ALL if c in self.moving else None for c in self.outer]
        index += [None] * (self.step.batched and not self.batched)
        found = indexed(found, index)
        if self.moving != self.outer and not self.step.covers(self.shape):
            found = Library("broadcast_to", [found, (*self.shape, *self.step.tail)])
        return found, self.shape

    def differentiate(self, gradients: Gradients, factor: float, wanted: Sequence[bool]) -> None:
        step = self.step
        d = step.shaped(step.d, self.shape) if self.shape else step.d[0]
        if len(self.operands) == 1:
            (operand,) = self.operands
            self._repeat(gradients, operand, _times(factor, d))
            return
        first, second = self.operands
        if first.array == second.array and _same(first, second):  # squares
            if wanted[0]:
                other, of_other = self._read(second)
                self._give(gradients, first, _times(2 * factor, d), other, of_other)
            return
        if sum(wanted) > 1 or factor != 1:
            d = _times(factor, d)
            d = self.arrays.temporary(d) if sum(wanted) > 1 and not d.stored else d
        if wanted[0]:
            self._give(gradients, first, d, *self._read(second))
        if wanted[1]:
            self._give(gradients, second, d, *self._read(first))

    def sizes_of(self, letters: str) -> int:
        return prod(self.sizes[c] for c in letters)

    def _repeat(self, gradients: Gradients, operand: Operand, d: Node) -> None:
        """Contribute the same to all terms of a sum."""
        axes = operand.steps(self.cuts)
        has = [step != 0 or n == 1 for n, step in axes]
        own = [c for c, its in zip(self.letters, has, strict=True) if its]
        gone = [i for i, c in enumerate(self.outer) if c not in own]
        gone += [len(self.outer)] * (self.step.batched and not operand.batched)
        if gone:
            d = d.library("sum", axis=axes_text(gone))
        if operand.regular is None and len(self.outer) == 1 and self.letters[0] == self.outer:
            owners = [i for i in range(self.step.count) for _ in range(self.sizes_of(self.inner))]
            gradients.give(operand, d[self.arrays.constant(owners, "i")], [1, operand.count],
                           operand.batched)  # fmt: skip
            return
        shape = [self.sizes[c] for c in own] + self.arrays.tail(operand.batched)
        value = Library("broadcast_to", [
            indexed(d, [ALL if c in self.outer else None for c in own]), tuple(shape),
        ])  # fmt: skip
        moving = tuple((n, step or 1) for n, step in axes if step or n == 1)
        gradients.add(operand, moving, value)

    def _give(
        self, gradients: Gradients, operand: Operand, d: Node, other: Node, of_other: str
    ) -> None:
        cuts, letters = self._axes(operand)
        axes = operand.steps(cuts)
        own = "".join(c for c, (n, step) in zip(letters, axes, strict=True) if step or n == 1)
        own += EXAMPLES * operand.batched
        of_d = self.outer + EXAMPLES * self.step.batched
        known = "".join(c for c in own if c in of_d or c in of_other)
        value = contracted(d, of_d, other, of_other, known, self.sizes)
        if known != own:  # all along such an axis get the same
            index = tuple(ALL if c in known else None for c in own)
            lengths = [EXAMPLES if c == EXAMPLES else self.sizes[c] for c in own]
            value = Library("broadcast_to", [value[index], tuple(lengths)])
        moving = tuple((n, step or 1) for n, step in axes if step or n == 1)
        name = of_sum("dW", self.step.first.array) if operand is self.operands[0] else ""
        gradients.add(operand, moving, value, name)


class Segments:
    """A Σ of terms or products of which the members have different numbers, one after the other."""

    def __init__(self, operands: Sequence[Operand], step: Step, counts: Sequence[int]) -> None:
        self.operands, self.step, self.arrays = operands, step, step.arrays
        self.cuts = [1, sum(counts)]
        _flatten(operands, self.cuts)
        self.starts, self.owners = _segments(step.arrays, counts)

    def _read(self, operand: Operand) -> float | Node:
        return self.arrays.spread(operand, self.cuts, self.step.batched)

    def value(self) -> tuple[Node, list[int]]:
        terms = [self._read(x) for x in self.operands]
        term = terms[0] if len(terms) == 1 else terms[0] * terms[1]
        return Library("sums_from", [node(term), self.starts]), [self.step.count]

    def differentiate(self, gradients: Gradients, factor: float, wanted: Sequence[bool]) -> None:
        d = self.arrays.temporary(_times(factor, self.step.d)[self.owners])
        pairs = zip(self.operands, reversed(self.operands), wanted, strict=True)
        for operand, other, want in pairs:
            if want:
                value = d if len(self.operands) == 1 else d * self._read(other)
                gradients.give(operand, value, self.cuts, self.step.batched)


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
            if not all(_moving(self.operands, self.cuts)):
                self.operand.regular = None
                self.cuts = arrays.aligned(self.operands, self.count * self.each, [self.each])
            self.shape = _shape(self.cuts)
        else:
            self.cuts = [1, sum(counts)]
            _flatten(self.operands, self.cuts)
            self.starts, self.owners = _segments(arrays, counts)
        self.x = cube = self._cube()
        segments = None if self.each else (self.starts, self.owners)
        self.at_once = AtOnce(_RULES, cube, segments) if op.at_once else None
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
        self.shape = _shape(self.cuts)
        self.letters = _LETTERS[: len(self.shape)]
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
                from micrograd_plus.compiler.codegen.arrays import Operand

                rows = arrays._numpy.arange(low, high)
                operand = Operand(array, rows, None, arrays.batched[array])
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


def _shape(cuts: Sequence[int]) -> list[int]:
    return [b // a for a, b in pairwise(cuts)][::-1]


def _moving(operands: Sequence[Any], cuts: Sequence[int]) -> list[bool]:
    """Along which axes at least one operand advances."""
    steps = [x.steps(cuts) for x in operands if x.number is None]
    return [n == 1 or any(its[i][1] for its in steps) for i, n in enumerate(_shape(cuts))]


def _covering(arrays: Arrays, operands: Sequence[Any], total: int) -> list[int]:
    """Cuts for operands that together advance along each axis."""
    cuts = arrays.aligned([x for x in operands if not isinstance(x, Whole)], total)
    if not all(_moving(operands, cuts)):
        for x in operands:
            if x.number is None:
                x.regular = None
        cuts = [1, total]
    return cuts


def _flatten(operands: Sequence[Operand], cuts: Sequence[int]) -> None:
    """Let operands be read along one axis, along which at least one advances."""
    for x in operands:
        if x.regular and len(x.regular.axes) > 1:
            x.regular = None
    if not all(_moving(operands, cuts)):
        for x in operands:
            x.regular = None


def _same(x: Operand, y: Operand) -> bool:
    return x.rows is not None and y.rows is not None and bool((x.rows == y.rows).all())


def _segments(arrays: Arrays, counts: Sequence[int]) -> tuple[Name, Name]:
    """Where the arguments of each member begin, and to which member each argument belongs."""
    numpy = arrays._numpy
    starts = numpy.concatenate(([0], numpy.cumsum(counts)[:-1]))
    owners = numpy.repeat(numpy.arange(len(counts)), counts)
    return arrays.constant(starts, "i"), arrays.constant(owners, "i")


def _times(factor: float, x: Any) -> Any:
    return -x if factor == -1 else factor * x


def _plus(total: Any, factor: float, x: Any) -> Any:
    """A sum, and one term more."""
    if factor == -1:
        return -x if isinstance(total, float) and total == 0 else total - x
    return total + factor * x
