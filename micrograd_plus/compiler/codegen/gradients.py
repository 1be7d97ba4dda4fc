"""Gradients: all contributions are collected first, and then added up by instructions.

Only in the end is it known how many contributions a row gets: a single one is assigned, several
are added.
"""

from __future__ import annotations

from itertools import compress, count, product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.contractions import axes_text
from micrograd_plus.compiler.codegen.strides import Axes, Rows, advancing, regular
from micrograd_plus.compiler.codegen.syntax import (
    Instruction,
    Let,
    Library,
    Name,
    Node,
    Part,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.codegen.operand import Operand


class Contribution(NamedTuple):
    """A part of the derivatives of some rows of an array, which may get others from elsewhere.

    Attributes:
        array: the array's name.
        rows: which rows, as an array; each occurs once.
        target: the derivatives of those rows, to be written to.
        value: what is added to them.
        spread: whether the value is to be repeated along some of the target's axes.
        comment: the comment beside them.
    """

    array: str
    rows: Any
    target: Node
    value: Node
    spread: bool = False
    comment: str = ""


class Gradients:
    """Collects contributions, in the order of computation.

    Args:
        arrays: those of the program.
        lines: where the contributions go, and arrays that they are parts of.

    Attributes:
        reached: the arrays that got any.
    """

    def __init__(self, arrays: Arrays, lines: list[Any]) -> None:
        self._arrays = arrays
        self._numpy = need("numpy", "numpy")
        self.reached: set[str] = set()
        self.lines = lines

    def give(
        self,
        operand: Operand,
        value: Node,
        between: Sequence[int],
        batched: bool,
        comment: str = "",
    ) -> None:
        """Contribute to the rows of an operand.

        Args:
            operand: what they are read from.
            value: an array with all axes between the cuts, and one for examples if `batched`.
            between: the cuts.
            batched: see there.
            comment: the comment beside them, if they are of parameters.
        """
        if not self._arrays.needs.get(operand.array):
            return
        has, moving = advancing(operand.steps(between))
        gone = [i for i, own in enumerate(has) if not own]
        if batched and not operand.batched:
            gone.append(len(has))
        if gone:
            value = value.library("sum", axis=axes_text(gone))
        self.add(operand, moving, value, comment)

    def add(self, operand: Operand, axes: Axes, value: Node, comment: str = "") -> None:
        """Contribute an array with those axes to an operand's rows."""
        arrays, array = self._arrays, operand.array
        if not arrays.needs.get(array):
            return
        self.reached.add(array)
        tail = arrays.tail(arrays.batched[array])
        if operand.regular is None:
            self._scatter(array, operand.rows, axes, value)
            return
        place = Rows(operand.regular.base, axes)
        rows = place.listed()
        if len(self._numpy.unique(rows)) < len(rows):
            self._add_windows(array, place, rows, value)
            return
        match value:
            case Library("broadcast_to", (inner, _)):
                target = arrays.view(array, place.base, axes or ((1, 1),), f"d{array}")
                if target is not None:
                    self.lines.append(Contribution(array, rows, target, inner, spread=True))
                    return
        short = place.joined()
        if (
            len(short.axes) <= 1
            and len(axes) != 1
            and (array != "p" or len(rows) == arrays.sizes[array])
        ):
            value = value.library("reshape", len(rows), *tail) if axes else value[None]
            place = short if short.axes else Rows(place.base, ((1, 1),))
        target = arrays.view(array, place.base, place.axes, f"d{array}")
        if target is None:  # regular, but no view
            self._scatter(array, rows, place.axes, value)
            return
        comment *= array == "p"
        self.lines.append(Contribution(array, rows, target, value, comment=comment))

    def _add_windows(self, array: str, place: Rows, rows: Any, value: Node) -> None:
        """Contribute to windows that overlap: one addition for each place in the window."""
        arrays, axes = self._arrays, place.axes

        def kept(over: Sequence[int], base: int = 0) -> Rows:
            return Rows(base, tuple([axis for i, axis in enumerate(axes) if i not in over]))

        def apart(over: Sequence[int]) -> bool:
            listed = kept(over).listed()
            return len(self._numpy.unique(listed)) == len(listed)

        def cost(over: Sequence[int]) -> int:
            return prod(axes[i][0] for i in over)

        ways = product((False, True), repeat=len(axes))
        over = min(filter(apart, ([*compress(count(), way)] for way in ways)), key=cost)
        if cost(over) > _WINDOWS:
            self._scatter(array, rows, axes, value)
            return
        value = arrays.temporary(value)
        for turn in product(*(range(axes[i][0]) for i in over)):
            base = place.base + sum(axes[i][1] * k for i, k in zip(over, turn, strict=True))
            index: list[Any] = [slice(None)] * len(axes)
            for i, k in zip(over, turn, strict=True):
                index[i] = k
            while index and index[-1] == slice(None):
                index.pop()
            part: Node = value[tuple(index)]
            its = kept(over, base)
            if not its.axes:
                part = part[None]
            target = arrays.view(array, base, its.axes or ((1, 1),), f"d{array}")
            if target is None:
                self._scatter(array, its.listed(), its.axes, part)
            else:
                self.lines.append(Contribution(array, its.listed(), target, part))

    def _scatter(self, array: str, rows: Any, axes: Axes, value: Node) -> None:
        """Contribute an array with those axes to rows in any order, perhaps repeatedly to some."""
        arrays, numpy = self._arrays, self._numpy
        tail = arrays.tail(arrays.batched[array])
        if len(axes) != 1:
            value = value.library("reshape", len(rows), *tail)
        unique, counts = numpy.unique(rows, return_counts=True)
        repeated = len(unique) < len(rows)
        if repeated and not arrays.batched[array]:
            size = arrays.sizes[array]
            whole = Library("placed", [arrays.constant(rows, "i"), value, size])
            self.lines.append(Contribution(array, numpy.arange(size), Name(f"d{array}"), whole))
            return
        order = numpy.argsort(rows, kind="stable")
        if (order != numpy.arange(len(rows))).any():
            match value:
                case Part(array=source, index=(Name(index),)) if index in arrays.constants:
                    chosen = numpy.array(arrays.constants[index])[order]
                    value = source[arrays.constant(chosen, "i")]  # one gather for both
                case _:
                    value = value[arrays.constant(order, "i")]
        if repeated:
            if (counts == counts[0]).all():
                value = value.library("reshape", len(unique), int(counts[0]), *tail)
                value = value.library("sum", axis=1)
            else:
                value = Library("sums_from", [value, arrays.starts(counts)])
        place = regular(unique)
        target = None
        if place and len(place.axes) <= 1:
            target = arrays.view(array, place.base, place.axes or ((1, 1),), f"d{array}")
        if target is None:
            target = arrays.gathered(array, unique, f"d{array}")
        self.lines.append(Contribution(array, unique, target, value))


_WINDOWS = 64  # additions into overlapping windows; more are done by sorting


def accumulated(
    lines: Sequence[Instruction | Contribution], arrays: Arrays, wanted: Iterable[str]
) -> list[Instruction]:
    """The instructions for contributions.

    Args:
        lines: those of `Gradients`.
        arrays: those of the program.
        wanted: arrays that get derivatives even without contributions.
    """
    numpy = need("numpy", "numpy")
    counts: dict[str, Any] = {}
    for each in lines:
        if isinstance(each, Contribution):
            if each.array not in counts:
                counts[each.array] = numpy.zeros(arrays.sizes[each.array], int)
            counts[each.array][each.rows] += 1
    found: list[Instruction] = []
    begun: set[str] = set()

    def begin(array: str) -> None:
        begun.add(array)
        filled = array in counts and (counts[array] == 1).all()
        kind = "empty_like" if filled else "zeros_like"
        found.append(Let(f"d{array}", Name(array).library(kind)))

    if "p" not in counts:
        begin("p")
    for line in lines:
        if not isinstance(line, Contribution):
            found.append(line)
            continue
        array, rows, target, value, spread, comment = line
        alone = bool((counts[array][rows] == 1).all())
        if array not in begun and isinstance(target, Name) and not spread:
            begun.add(array)
            # an array that is added to in place must not be shared
            owned = alone or not value.borrowed
            found.append(Let(target.name, value if owned else value.library("copy"), comment))
            continue
        if array not in begun:
            begin(array)
        found.append(Write(target, value, comment, adds=not alone))
    for array in wanted:
        if array not in begun:
            begin(array)
    return found
