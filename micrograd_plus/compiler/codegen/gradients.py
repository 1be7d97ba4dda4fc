"""Gradients: all contributions are collected first, and then added up by instructions.

Only in the end is it known how many contributions an array gets: a single one is assigned, several
are added.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus.compiler.codegen.syntax import Instruction, Let, Name, Node, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.ir import Expression


class Contribution(NamedTuple):
    """A part of the derivatives of some rows of an array, which may get others from elsewhere."""

    array: str
    rows: Sequence[int]
    target: Node  # the derivatives of those rows, to be written to
    value: Node
    comment: str


class Gradients:
    """Collects contributions, in the order of computation.

    Args:
        arrays: those of the program.

    Attributes:
        reached: the arrays that got any.
        lines: the contributions, and arrays that they are parts of.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._temporary = 0
        self.reached: set[str] = set()
        self.lines: list[Let | Contribution] = []

    def add(
        self, members: Sequence[Expression], value: Node, batched: bool, comment: str = ""
    ) -> None:
        """Contribute an array, which has a row for each member, to those that need derivatives.

        Args:
            members: expressions.
            value: the array.
            batched: whether it has a column for each example.
            comment: the comment beside the derivatives of parameters.
        """
        arrays = self._arrays
        if not arrays.any_needs(members):
            return
        runs = arrays.runs(members)
        if len(runs) > 1:
            self._temporary += 1
            self.lines.append(Let(f"t{self._temporary}", value))
            value = Name(f"t{self._temporary}")
        start = 0
        for source, run in runs:
            part = value[start : start + len(run)] if len(runs) > 1 else value
            start += len(run)
            if not arrays.any_needs(run[:1]):
                continue
            if batched and not run[0].batched:
                part = part.library("sum", axis=1)
            rows = arrays.rows(run)
            if len(rows) > 1 and len(set(rows)) == 1:
                rows, part = rows[:1], part.library("sum", axis=0, keepdims=True)
            target = arrays.part(source, rows, f"d{source}")
            self.contribute(
                Contribution(source, rows, target, part, comment if source == "p" else "")
            )

    def contribute(self, contribution: Contribution) -> None:
        self.reached.add(contribution.array)
        self.lines.append(contribution)


def accumulated(
    lines: Iterable[Let | Contribution], parameters: int, wanted: Iterable[str]
) -> list[Instruction]:
    """The instructions for contributions.

    Args:
        lines: those of `Gradients`.
        parameters: how many numbers `p` has.
        wanted: arrays that get derivatives even without contributions.
    """
    contributions = [line for line in lines if isinstance(line, Contribution)]
    arrays = Counter(x.array for x in contributions)
    numbers = Counter(chain.from_iterable(x.rows for x in contributions if x.array == "p"))
    # need not be zeros if every element is assigned anyway
    filled = all(numbers[row] == 1 for row in range(parameters))
    found: list[Instruction] = [_new("p", "empty_like" if filled else "zeros_like")]
    begun = {"p"}
    for line in lines:
        if isinstance(line, Let):
            found.append(line)
            continue
        array, rows, target, value, comment = line
        if array not in begun and isinstance(target, Name):
            # an array that is added to in place must not be shared
            shared = arrays[array] > 1 and value.stored
            found.append(Let(target.name, value.library("copy") if shared else value))
        else:
            if array not in begun:
                found.append(_new(array))
            adds = array != "p" or any(numbers[row] > 1 for row in rows)
            repeated = len(set(rows)) < len(rows)
            found.append(Write(target, value, comment, adds, repeated, len(rows)))
        begun.add(array)
    return found + [_new(array) for array in wanted if array not in begun]


def _new(array: str, function: str = "zeros_like") -> Let:
    """The derivatives of an array, before any is added to them."""
    return Let(f"d{array}", Name(array).library(function))
