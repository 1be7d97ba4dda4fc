"""Examples to learn from, checked before training begins."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Examples = list[tuple[list[float], Any]]


def examples(data: Any, what: str = "the data") -> Examples:
    """Pairs of inputs and target from two sequences, lists or arrays.

    Raises:
        TypeError: the data are no pair of sequences, or a number is none.
        ValueError: there are no rows, rows differ in length, or a number is not finite; the
            message names row and column.
    """
    try:
        inputs, targets = (
            list(part.tolist() if hasattr(part, "tolist") else part) for part in data
        )
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a pair of sequences, inputs and targets") from None
    if len(inputs) != len(targets):
        raise ValueError(f"{what}: {len(inputs)} inputs need as many targets, not {len(targets)}")
    if not inputs:
        raise ValueError(f"{what}: there are no examples")
    rows = [_row(row, f"{what}, row {i}") for i, row in enumerate(inputs)]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{what}, row {i}: {len(row)} numbers, unlike the {len(rows[0])} above"
            )
    for i, target in enumerate(targets):
        _row(target if hasattr(target, "__len__") else [target], f"{what}, target {i}")
    return list(zip(rows, targets, strict=True))


def _row(row: Any, where: str) -> list[float]:
    if not hasattr(row, "__iter__") or isinstance(row, str):
        raise TypeError(f"{where}: a sequence of numbers is needed, not {row!r}")
    for j, x in enumerate(row):
        if not isinstance(x, Real):
            raise TypeError(f"{where}, column {j}: {x!r} is not a real number")
        if not math.isfinite(x):
            raise ValueError(f"{where}, column {j}: {x!r} is not a finite number")
    return [float(x) for x in row]


def check_targets(
    found: Examples, model: Callable[[Any], Any], loss: Callable[..., Any], what: str = "the data"
) -> None:
    """Try all targets with the outputs for the first inputs, before any step is made.

    Raises:
        ValueError, TypeError: a target does not suit the loss or the model; the message names
            its row.
    """
    outputs = model(found[0][0])
    plain = [float(y) for y in outputs] if isinstance(outputs, list | tuple) else float(outputs)
    for i, (_, target) in enumerate(found):
        try:
            loss(plain, target)
        except ArithmeticError:  # at these outputs; others may do
            continue
        except (TypeError, ValueError) as error:
            raise type(error)(f"{what}, target {i}: {error}") from None
        except AttributeError:
            return  # a loss that needs Values
