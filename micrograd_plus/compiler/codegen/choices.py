"""Rows of a list that indices choose."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from micrograd_plus.compiler.codegen.contractions import EXAMPLES, indexed, turned
from micrograd_plus.compiler.codegen.step import LETTERS, Step, shape_of
from micrograd_plus.compiler.codegen.strides import Axes, cuts, refined
from micrograd_plus.compiler.codegen.syntax import ALL, Library, Node, column

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.gradients import Gradients
    from micrograd_plus.compiler.ir import Expression


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
