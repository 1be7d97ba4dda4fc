"""Clipping: limits the size of gradients before a step.

As in the update rules, the same formulas work on floats, NumPy arrays and JAX arrays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import short
from micrograd_plus.graph import assign, check_parameter, in_turn
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from micrograd_plus.engine import Value


@in_turn
def clip_by_value(parameters: Iterable[Value], limit: float) -> None:
    """Limit each gradient to −limit … limit.

    Args:
        parameters: leaves.
        limit: a positive number.

    Raises:
        TypeError, ValueError: the limit is not positive, or a parameter is not a leaf.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> (x * x).backward()
    >>> clip_by_value([x], 5)
    >>> x.grad
    5.0
    """
    leaves = _leaves(parameters, limit)
    assign(leaves, "grad", [float(floats.clip(float(x.grad), -limit, limit)) for x in leaves])


@in_turn
def clip_by_norm(parameters: Iterable[Value], limit: float) -> float:
    """Scale all gradients together so that their Euclidean norm is at most `limit`.

    Args:
        parameters: leaves.
        limit: a positive number.

    Returns:
        The norm before.

    Raises:
        TypeError, ValueError: the limit is not positive, or a parameter is not a leaf.

    >>> from micrograd_plus import Value
    >>> x, y = Value(1.5), Value(2.0)
    >>> (x * x + y * y).backward()
    >>> clip_by_norm([x, y], 1), round(x.grad, 12), round(y.grad, 12)
    (5.0, 0.6, 0.8)
    """
    leaves = _leaves(parameters, limit)
    gradients = [float(leaf.grad) for leaf in leaves]
    largest = max(map(abs, gradients), default=0.0) or 1.0
    relative = math.hypot(*(g / largest for g in gradients))
    if relative > limit / largest:
        assign(leaves, "grad", [_shortened(g, largest, relative, limit) for g in gradients])
    return relative * largest


def clipped(m: Any, gradient: Any, value: float | None, norm: float | None) -> Any:
    """An array of gradients, clipped by value and then by norm, as far as limits are given.

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
        gradient = m.clip(gradient, -value, value)
    if norm is not None:
        size = abs(gradient).max()
        largest = m.where(size > 0, size, 1.0)
        relative = m.sqrt(((gradient / largest) ** 2).sum())
        shortened = _shortened(gradient, largest, relative, norm)
        gradient = m.where(relative > norm / largest, shortened, gradient)
    return gradient


def _shortened(gradient: Any, largest: Any, relative: Any, limit: float) -> Any:
    """Gradients scaled to a norm; their own is largest · relative, which itself may overflow."""
    return gradient / largest * (limit / relative)


def _leaves(parameters: Iterable[Value], limit: float) -> list[Value]:
    if not limit > 0:
        raise ValueError(f"the limit must be a positive number, not {short(limit)}")
    leaves = list(parameters)
    for leaf in leaves:
        check_parameter(leaf)
    return leaves
