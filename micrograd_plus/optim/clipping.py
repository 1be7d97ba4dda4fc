"""Clipping: gradients that are too large are made smaller before a step.

As in the update rules, the formulas are arithmetic only: floats, NumPy arrays and JAX arrays go
through the same lines.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.graph import assign, in_turn
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from micrograd_plus.engine import Value


@in_turn
def clip_by_value(parameters: Iterable[Value], limit: float) -> None:
    """Move each gradient into −limit … limit.

    Args:
        parameters: leaves.
        limit: a positive number.

    Raises:
        ValueError: the limit is not positive, or a parameter is no leaf.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> clip_by_value([x], 5)
    >>> x.grad
    5.0
    """
    leaves = _leaves(parameters, limit)
    clipped = (_clipped(floats, float(leaf.grad), limit) for leaf in leaves)
    assign(leaves, "grad", [*map(float, clipped)])


@in_turn
def clip_by_norm(parameters: Iterable[Value], limit: float) -> float:
    """Scale all gradients together so that their Euclidean norm is at most `limit`.

    Args:
        parameters: leaves.
        limit: a positive number.

    Returns:
        The norm before.

    Raises:
        ValueError: the limit is not positive, or a parameter is no leaf.

    >>> from micrograd_plus import Value
    >>> x, y = Value(1.5), Value(2.0)
    >>> (x * x + y * y).backward()
    >>> clip_by_norm([x, y], 1), round(x.grad, 12), round(y.grad, 12)
    (5.0, 0.6, 0.8)
    """
    leaves = _leaves(parameters, limit)
    gradients = [float(leaf.grad) for leaf in leaves]
    largest = max(map(abs, gradients), default=0.0) or 1.0
    norm = _Norm(largest, math.hypot(*(g / largest for g in gradients)))
    if norm.exceeds(limit):
        assign(leaves, "grad", [norm.shortened(g, limit) for g in gradients])
    return float(norm.relative * norm.largest)


def clipped(m: Any, gradient: Any, value: float | None, norm: float | None) -> Any:
    """An array of gradients, clipped by value and then by norm, each where there is a limit.

    Args:
        m: the array's library, NumPy or JAX's.
        gradient: the array.
        value: the largest size of each gradient.
        norm: the largest norm of all together.

    >>> import numpy
    >>> clipped(numpy, numpy.array([3.0, 4.0]), None, 1.0)
    array([0.6, 0.8])
    """
    if value is not None:
        gradient = _clipped(m, gradient, value)
    if norm is not None:
        size = abs(gradient).max()
        largest = m.where(size > 0, size, 1.0)
        found = _Norm(largest, m.sqrt(((gradient / largest) ** 2).sum()))
        gradient = m.where(found.exceeds(norm), found.shortened(gradient, norm), gradient)
    return gradient


def _clipped(m: Any, gradient: Any, limit: float) -> Any:
    return m.clip(gradient, -limit, limit)


class _Norm(NamedTuple):
    """A Euclidean norm as a product of two numbers, as squares of large gradients overflow.

    Attributes:
        largest: the size of the largest gradient, or 1 if all are 0.
        relative: the norm of all gradients divided by it.
    """

    largest: Any
    relative: Any

    def exceeds(self, limit: float) -> Any:
        return self.relative > limit / self.largest

    def shortened(self, gradient: Any, limit: float) -> Any:
        """A gradient, or an array of them, scaled so that the norm of all is the limit."""
        return gradient / self.largest * (limit / self.relative)


def _leaves(parameters: Iterable[Value], limit: float) -> list[Value]:
    if not limit > 0:
        raise ValueError(f"the limit must be a positive number, not {limit!r}")
    leaves = list(parameters)
    for leaf in leaves:
        if leaf.op is not None:
            raise ValueError(f"only leaves are clipped, not the result {leaf!r} of an operation")
    return leaves
