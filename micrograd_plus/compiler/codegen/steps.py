"""The steps of a program, by the kinds of groups: operations on elements, and reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.choices import Choice
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import applied, numbers
from micrograd_plus.compiler.codegen.step import (
    RULES,
    Step,
    covering,
    flatten,
    moving_along,
    operation_of,
    segments,
    shape_of,
)
from micrograd_plus.compiler.codegen.sums import Linear
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

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.ir import Expression


class Elementwise(Step):
    """An operation of the table, or any other, element by element."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        self.cuts = covering(arrays, self.operands, self.count)
        self.shape = shape_of(self.cuts)

    def arguments(self) -> list[float | Node]:
        return [self.arrays.spread(x, self.cuts, self.batched) for x in self.operands]

    def value(self) -> Node:
        op = operation_of(self.first)
        return self.flat(node(applied(op, self.arguments())), self.shape)

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        op, needs = operation_of(self.first), self.arrays.needs
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
            slopes = op.local_derivatives(RULES, out, self.arguments(), wanted)
        for operand, slope, want in zip(self.operands, slopes, wanted, strict=True):
            if want and (isinstance(slope, Node) or slope not in (0.0, -1.0)):
                gradients.give(operand, d * slope, self.cuts, self.batched)
            elif want and slope:
                gradients.give(operand, -d, self.cuts, self.batched)


class Reduction(Step):
    """An operation on any number of arguments."""

    def __init__(self, members: Sequence[Expression], arrays: Arrays, join: bool = True) -> None:
        super().__init__(members, arrays, join)
        (self.operand,) = self.operands
        op = operation_of(self.first)
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
        self.at_once = AtOnce(RULES, cube, apart) if op.at_once else None
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
        op = operation_of(self.first)
        if not self.at_once:
            return node(numbers(op.value(RULES, *self.columns)))
        made = self.at_once.value(op)
        match made:
            case Part(Library() as reduced, _) if not self.each:
                return reduced  # which each member's arguments would get
        found: Node = made[ALL, 0] if self.each else made[self.starts]
        return found

    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        op, arrays = operation_of(self.first), self.arrays
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
            found = op.local_derivatives(RULES, self.out, self.columns, wanted)
            slopes = Library("stack", ([Binary("+", alike, node(x)) for x in found],), {"axis": 1})
        value = slopes * spread(self.d)
        if self.each and self.shape != [self.count, self.each]:
            value = value.library("reshape", *self.shape, *self.tail)
        gradients.give(self.operand, value, self.cuts, self.batched)


def step(members: Sequence[Expression], arrays: Arrays, join: bool = True) -> Step:
    """The step of expressions that one instruction computes."""
    kinds: dict[str, Callable[..., Step]] = {
        "operation": Elementwise, "linear": Linear, "reduction": Reduction, "choice": Choice,
    }  # fmt: skip
    return kinds[members[0].kind](members, arrays, join)
