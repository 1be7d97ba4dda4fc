"""Sums: perhaps one over many terms or products, as one contraction, and then some others."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.contractions import EXAMPLES, axes_text, contracted, indexed
from micrograd_plus.compiler.codegen.naming import of_sum
from micrograd_plus.compiler.codegen.step import (
    LETTERS,
    Step,
    Whole,
    covering,
    flatten,
    moving_along,
    segments,
    shape_of,
)
from micrograd_plus.compiler.codegen.strides import advancing
from micrograd_plus.compiler.codegen.syntax import ALL, Library, Node, node

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.codegen.operand import Operand
    from micrograd_plus.compiler.ir import Expression


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
        self.cuts = covering(arrays, read, self.count)
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
                gradients.give(x, _times(factor, d), self.cuts, self.batched, name)


class Contraction:
    """A Σ of equally many terms or products for each member: a product of arrays."""

    def __init__(self, operands: Sequence[Operand], step: Linear, count: int) -> None:
        self.operands, self.step, self.arrays = operands, step, step.arrays
        total = step.count * count
        self.cuts = step.arrays.aligned(operands, total, [count])
        inside = [count > 1 and cut <= count for cut in self.cuts[1:]][::-1]
        moving = moving_along(operands, self.cuts)
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
        lengths = shape_of(self.cuts)
        self.letters = LETTERS[: len(lengths)]
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
        has, moving = advancing(operand.steps(self.cuts))
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
        gradients.add(operand, moving, value)

    def _give(
        self, gradients: Gradients, operand: Operand, d: Node, other: Node, of_other: str
    ) -> None:
        cuts, letters = self._axes(operand)
        has, moving = advancing(operand.steps(cuts))
        own = "".join(c for c, its in zip(letters, has, strict=True) if its)
        own += EXAMPLES * operand.batched
        of_d = self.outer + EXAMPLES * self.step.batched
        known = "".join(c for c in own if c in of_d or c in of_other)
        value = contracted(d, of_d, other, of_other, known, self.sizes)
        if known != own:  # all along such an axis get the same
            index = tuple(ALL if c in known else None for c in own)
            lengths = [EXAMPLES if c == EXAMPLES else self.sizes[c] for c in own]
            value = Library("broadcast_to", [value[index], tuple(lengths)])
        name = of_sum("dW", self.step.first.array) if operand is self.operands[0] else ""
        gradients.add(operand, moving, value, name)


class Segments:
    """A Σ of terms or products of which the members have different numbers, one after the other."""

    def __init__(self, operands: Sequence[Operand], step: Linear, counts: Sequence[int]) -> None:
        self.operands, self.step, self.arrays = operands, step, step.arrays
        self.cuts = [1, sum(counts)]
        flatten(operands, self.cuts)
        self.starts, self.owners = segments(step.arrays, counts)

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


def _same(x: Operand, y: Operand) -> bool:
    return x.rows is not None and y.rows is not None and bool((x.rows == y.rows).all())


def _times(factor: float, x: Any) -> Any:
    """A constant times an array."""
    return -x if factor == -1 else factor * x


def _plus(total: Any, factor: float, x: Any) -> Any:
    """A sum, and one term more."""
    if factor == -1:
        return -x if isinstance(total, float) and total == 0 else total - x
    return total + factor * x
