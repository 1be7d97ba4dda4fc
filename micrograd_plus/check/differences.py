"""Finite differences, as exact as they can be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from micrograd_plus._tools.errors import NonFiniteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["differences"]  # what is of use elsewhere, too

ROUNDING = 1e-9
"""Differences this small are rounding errors."""

_COARSEST, _STEPS = 1e-3, 14
"""The largest step of finite differences, relative to the number that it is added to, and how many
steps are tried, each half the one before."""


def differences(
    f: Callable[[float], float], scale: float, largest: float = 0.0, kink: float = math.inf
) -> tuple[float, float]:
    """The derivative of f(t) at t = 0 by finite differences, and an estimate of its error.

    Central differences with smaller and smaller steps, extrapolated to step 0 (Ridders 1982); the
    error allows for the rounding of the values. Steps at which `f` has no value are left out.

    Args:
        f: a function of one number.
        scale: the number that t is added to; steps follow from its size, and from 1.
        largest: the largest intermediate number, which bounds the rounding error of the value.
        kink: the distance of a kink; if all steps would reach it, smaller ones are made.

    Returns:
        The derivative and its error; nan and 0 if the values around 0 are inconclusive.

    >>> slope, error = differences(lambda t: (2 + t) ** 3, 2)
    >>> abs(slope - 12) < 1e-9
    True
    """
    best, error = math.nan, math.inf
    sizes = {max(abs(scale), 1e-200), max(abs(scale), 1.0)}
    for size in {kink} if 0 < kink <= reach(scale) else sizes:
        found = list(_extrapolated(f, _COARSEST * size, largest))
        if not found:
            continue
        finest, _, noise = found[-1]
        for slope, uncertain, _ in found:
            # estimates from large steps must agree with the smallest: large steps can skip
            # over a jump or over whole periods
            fits = abs(slope - finest) <= 10 * noise + 1e-2 * max(abs(slope), abs(finest))
            if fits and uncertain < error:
                best, error = slope, uncertain
    if error > 1e-3 * abs(best) + 1e-9:  # a jump, or only noise
        return math.nan, 0.0
    return best, error


def _extrapolated(
    f: Callable[[float], float], step: float, largest: float
) -> Iterator[tuple[float, float, float]]:
    """Slopes from smaller and smaller steps, each with its uncertainty and its step's noise."""
    previous: list[float] = []
    for _ in range(_STEPS):
        try:
            above, below = f(step), f(-step)
        except (NonFiniteError, ZeroDivisionError):
            above = below = math.nan
        if not math.isfinite(above - below):
            previous = []
        else:
            noise = 2.0**-52 * max(abs(above), abs(below), largest) / step
            row = [(above - below) / (2 * step)]
            for k, coarse in enumerate(previous, start=1):
                row.append(row[-1] + (row[-1] - coarse) / (4.0**k - 1))
                yield row[-1], max(abs(row[-1] - row[-2]), abs(row[-1] - coarse)) + noise, noise
            previous = row
        step /= 2


def reach(x: float) -> float:
    """The smallest step at a number: finite differences do not resolve a kink that is nearer."""
    return _COARSEST * max(abs(x), 1.0) * 2.0 ** (1 - _STEPS)
