"""Lists of rows as nested strides: what loops over rows of an array become slices and axes.

A list of rows such as 3, 5, 7, 13, 15, 17 is that of an axis of 2, whose steps are 10 rows long,
around an axis of 3, whose steps are 2 rows long, from row 3 on. Axes of 0 rows a step repeat what
is inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Axes = tuple[tuple[int, int], ...]
"""The length of each axis and how many rows a step along it is, from the outermost."""


@dataclass(frozen=True)
class Rows:
    """A regular list of rows.

    Attributes:
        base: the first row.
        axes: how the others follow.
    """

    base: int
    axes: Axes

    @property
    def count(self) -> int:
        """How many rows there are, repeated ones included."""
        return prod(n for n, _ in self.axes)

    def listed(self) -> Any:
        """The list, as an array."""
        numpy = need("numpy", "numpy")
        rows = numpy.array([self.base])
        for n, step in self.axes:
            rows = (rows[:, None] + step * numpy.arange(n)).reshape(-1)
        return rows

    def joined(self) -> Rows:
        """The same with as few axes as possible, none of them of length 1."""
        axes: list[tuple[int, int]] = []
        for n, step in self.axes:
            if n == 1:
                continue
            if axes and axes[-1][1] == n * step:
                n *= axes.pop()[0]
            axes.append((n, step))
        return Rows(self.base, tuple(axes))


def regular(rows: Any) -> Rows | None:
    """A list of rows as nested strides; None if it is not regular.

    Args:
        rows: an array of at least one number.

    >>> import numpy as np
    >>> regular(np.array([3, 5, 7, 13, 15, 17]))
    Rows(base=3, axes=((2, 10), (3, 2)))
    >>> regular(np.array([3, 5, 8]))
    """
    base, axes = int(rows[0]), []
    while len(rows) > 1:
        steps = rows[1:] - rows[:-1]
        step = int(steps[0])
        breaks = (steps != step).nonzero()[0]
        n = int(breaks[0]) + 1 if len(breaks) else len(rows)
        if len(rows) % n:
            return None
        table = rows.reshape(-1, n)
        if n > 1 and (table[:, 1:] - table[:, :-1] != step).any():
            return None
        axes.append((n, step))
        rows = table[:, 0]
    return Rows(base, tuple(reversed(axes)))


def cuts(axes: Iterable[tuple[int, int]]) -> list[int]:
    """After how many rows each axis is through, from the innermost: the products of lengths."""
    found = [1]
    for n, _ in reversed([*axes]):
        found.append(found[-1] * n)
    return found


def advancing(axes: Axes) -> tuple[list[bool], Axes]:
    """Which axes do not repeat what is inside them, and these.

    >>> advancing(((3, 4), (2, 0), (1, 0)))
    ([True, False, True], ((3, 4), (1, 1)))
    """
    has = [step != 0 or n == 1 for n, step in axes]
    return has, tuple([(n, step or 1) for own, (n, step) in zip(has, axes, strict=True) if own])


def common(total: int, several: Iterable[Axes], also: Sequence[int] = ()) -> list[int] | None:
    """Cuts that several lists of axes can all be refined to; None if there are none.

    Args:
        total: the number of rows of each.
        several: the axes.
        also: further cuts.
    """
    found = sorted({1, total, *also, *(cut for axes in several for cut in cuts(axes))})
    if any(b % a for a, b in pairwise(found)):
        return None
    return found if len(found) > 1 else [1, 1]


def refined(axes: Axes, wanted: Sequence[int]) -> Axes:
    """The same rows with an axis between any two neighbouring cuts.

    >>> refined(((6, 2),), [1, 3, 6])
    ((2, 6), (3, 2))
    """
    ends, inner = cuts(axes), [*reversed(axes)]
    found, i = [], 0
    for low, high in pairwise(wanted):
        while i < len(inner) and ends[i + 1] <= low and high > low:
            i += 1
        step = inner[i][1] if i < len(inner) else 0
        found.append((high // low, step * (low // ends[i])))
    return tuple(reversed(found))
