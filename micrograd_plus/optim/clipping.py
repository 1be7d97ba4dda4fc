"""Clipping: gradients that are too large are made smaller before a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from micrograd_plus.graph import assign, in_turn

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
    clipped = [float(max(-limit, min(limit, leaf.grad))) for leaf in leaves]
    assign(leaves, "grad", clipped)


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
    largest = max(map(abs, gradients), default=0.0) or 1.0  # whose norm need not be a float
    relative = math.hypot(*(gradient / largest for gradient in gradients))
    if relative > limit / largest:
        assign(leaves, "grad", [g / largest * (limit / relative) for g in gradients])
    return relative * largest


def _leaves(parameters: Iterable[Value], limit: float) -> list[Value]:
    if not limit > 0:
        raise ValueError(f"the limit must be a positive number, not {limit!r}")
    leaves = list(parameters)
    for leaf in leaves:
        if leaf.op is not None:
            raise ValueError(f"only leaves are clipped, not the result {leaf!r} of an operation")
    return leaves
