"""What the steps of all kinds have in common: one for each group, each of which knows two passes.

The lines of a step compute its group's rows: those of all steps are the forward pass. In the
backward pass, from the last step to the first, `differentiate` applies the chain rule: it
multiplies the upstream gradient by local derivatives, which come from the table's rules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.codegen.rules import ArrayFunctions

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.codegen.operand import Operand
    from micrograd_plus.compiler.codegen.syntax import Name, Node
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.ops.operation import Op

RULES = ArrayFunctions()
"""The namespace in which steps evaluate the table's rules."""

LETTERS = "abcdefghijklm"
"""Names of axes."""


class Step(ABC):
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

    @abstractmethod
    def value(self) -> Node:
        """The rows of all members, flat."""

    @abstractmethod
    def differentiate(self, gradients: Gradients, slots: Container[int]) -> None:
        """Contribute to the gradients of what is in some slots, given those of the members."""

    def shaped(self, array: Node, shape: Sequence[int]) -> Node:
        """An array with a row for each member in the shape of nested loops over them."""
        if len(shape) == 1:
            return array
        return array.library("reshape", *shape, *self.tail)

    def flat(self, array: Node, shape: Sequence[int]) -> Node:
        """An array in such a shape, with a row for each member again."""
        if len(shape) == 1:
            return array
        return array.library("reshape", self.count, *self.tail) if shape else array[None]


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


def operation_of(e: Expression) -> Op:
    """The operation of an expression that has one."""
    if e.op is None:
        raise TypeError(f"{short(e)} is no operation")
    return e.op


def shape_of(cuts: Sequence[int]) -> list[int]:
    """The lengths of the axes between cuts, from the outermost."""
    return [b // a for a, b in pairwise(cuts)][::-1]


def moving_along(operands: Sequence[Any], cuts: Sequence[int]) -> list[bool]:
    """Along which axes at least one operand advances."""
    steps = [x.steps(cuts) for x in operands if x.number is None]
    return [n == 1 or any(its[i][1] for its in steps) for i, n in enumerate(shape_of(cuts))]


def flatten(operands: Sequence[Operand], cuts: Sequence[int]) -> None:
    """Let operands be read along one axis, along which at least one advances."""
    for x in operands:
        if x.regular and len(x.regular.axes) > 1:
            x.regular = None
    if not all(moving_along(operands, cuts)):
        for x in operands:
            x.regular = None


def covering(arrays: Arrays, operands: Sequence[Any], total: int) -> list[int]:
    """Cuts for operands that together advance along each axis."""
    cuts = arrays.aligned([x for x in operands if not isinstance(x, Whole)], total)
    if not all(moving_along(operands, cuts)):
        for x in operands:
            if x.number is None:
                x.regular = None
        cuts = [1, total]
    return cuts


def segments(arrays: Arrays, counts: Sequence[int]) -> tuple[Name, Name]:
    """Where the arguments of each member begin, and to which member each argument belongs."""
    numpy = need("numpy", "numpy")
    owners = numpy.repeat(numpy.arange(len(counts)), counts)
    return arrays.starts(counts), arrays.constant(owners, "i")
