"""Schedules: learning rates that change with time.

A schedule is a function of time that returns a rate. `fit` counts time in epochs, with fractions
within an epoch; an `Optimizer` by itself counts the steps that it has made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Constant:
    """Always the same rate.

    Args:
        rate: a positive number.

    >>> Constant(0.1)(5)
    0.1
    """

    rate: float

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        return self.rate


@dataclass(frozen=True)
class Steps:
    """A rate that is multiplied by a factor at regular times.

    Args:
        rate: the rate at time 0, a positive number.
        factor: what it is multiplied by.
        every: the time between two changes, above 0.

    Source: lecture D, see help(micrograd_plus).

    >>> Steps(0.8, factor=0.5, every=10)(25)
    0.2
    """

    rate: float
    factor: float = 0.5
    every: float = 10

    def __post_init__(self) -> None:
        _positive(self.every, "every")

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        return float(self.rate * self.factor ** (time // self.every))


@dataclass(frozen=True)
class Exponential:
    """rate · exp(−decay · time).

    Args:
        rate: the rate at time 0, a positive number.
        decay: how fast it falls, in 1 / time.

    Source: lecture D, see help(micrograd_plus).

    >>> round(Exponential(1.0, decay=0.1)(10), 4)
    0.3679
    """

    rate: float
    decay: float = 0.1

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        return self.rate * math.exp(-self.decay * time)


@dataclass(frozen=True)
class InverseTime:
    """rate / (1 + decay · time).

    Args:
        rate: the rate at time 0, a positive number.
        decay: how fast it falls, in 1 / time: it is half the rate at 1 / decay.

    Source: lecture D, see help(micrograd_plus).

    >>> InverseTime(1.0, decay=0.1)(10)
    0.5
    """

    rate: float
    decay: float = 0.1

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        return self.rate / (1 + self.decay * time)


@dataclass(frozen=True)
class Cosine:
    """From `rate` down to `lowest` along half a cosine, in `duration`; then it stays there.

    Args:
        rate: the rate at time 0, a positive number.
        duration: the time after which it stays at its lowest, above 0.
        lowest: that rate.

    Source: Loshchilov and Hutter, 2017.

    >>> Cosine(1.0, duration=10)(5)
    0.5
    """

    rate: float
    duration: float
    lowest: float = 0.0

    def __post_init__(self) -> None:
        _positive(self.duration, "duration")

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        part = min(time / self.duration, 1.0)
        return self.lowest + (self.rate - self.lowest) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True)
class WarmUp:
    """Another schedule, multiplied by a factor that grows from `start` to 1 in `duration`.

    Args:
        schedule: a function of time, such as the others here.
        duration: the time until the schedule is followed as it is, above 0.
        start: the factor at time 0.

    Source: Goyal and others, 2017.

    >>> WarmUp(Constant(1.0), duration=10, start=0.5)(5)
    0.75
    """

    schedule: Callable[[float], float]
    duration: float
    start: float = 0.1

    def __post_init__(self) -> None:
        _positive(self.duration, "duration")

    def __call__(self, time: float) -> float:
        """The rate at a time."""
        part = min(time / self.duration, 1.0)
        return self.schedule(time) * (self.start + (1 - self.start) * part)


def _positive(time: float, name: str) -> None:
    if not time > 0:
        raise ValueError(f"{name} must be a positive time, not {short(time)}")
