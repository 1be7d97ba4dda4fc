"""What a step reads: rows of one array, or constants."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.strides import Axes, Rows, refined, regular

if TYPE_CHECKING:
    from collections.abc import Sequence


class Scattered(Exception):  # noqa: N818  it is no error
    """Expressions are in several arrays."""


class Operand:
    """What some expressions are read from, one row after the other.

    Attributes:
        array: the array's name; "" for constants.
        rows: which rows of it, as an array.
        numbers: the constants, as an array.
        regular: the rows as nested strides; None if they are gathered instead.
        batched: whether the array is.
    """

    def __init__(self, array: str, rows: Any, numbers: Any, batched: bool) -> None:
        self.array, self.rows, self.numbers, self.batched = array, rows, numbers, batched
        self.regular: Rows | None = None
        if numbers is not None:
            bits = numbers.view("int64")  # they tell 0.0 from −0.0
            if (bits == bits[0]).all():
                self.regular = Rows(0, ((len(numbers), 0),))
        elif (found := regular(rows)) and all(step >= 0 for _, step in found.axes):
            self.regular = found

    @property
    def count(self) -> int:
        """How many rows are read."""
        return len(self.numbers if self.rows is None else self.rows)

    @property
    def number(self) -> float | None:
        """The constant, if all are equal."""
        return float(self.numbers[0]) if self.numbers is not None and self.regular else None

    def steps(self, cuts: Sequence[int]) -> Axes:
        """Along the axes between some cuts, how far the rows of a regular operand are apart.

        All axes of one that is gathered are new ones.
        """
        if self.regular is None:
            axes = [(b // a, a) for a, b in pairwise(cuts)]
            return tuple(reversed(axes))
        return refined(self.regular.axes, cuts)
