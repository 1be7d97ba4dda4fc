"""Examples to learn from, checked before training begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

from micrograd_plus.engine import Value
from micrograd_plus.graph import finite

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
        inputs, targets = (list(_plain(part)) for part in data)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a pair of sequences, inputs and targets") from None
    if len(inputs) != len(targets):
        raise ValueError(f"{what}: {len(inputs)} inputs need as many targets, not {len(targets)}")
    if not inputs:
        raise ValueError(f"{what}: there are no examples")
    rows = [_row(row, f"{what}, row {i}") for i, row in enumerate(inputs)]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"{what}, row {i}: {len(row)} numbers, not {len(rows[0])} as above")
    return list(zip(rows, (_target(t, f"{what}, target {i}") for i, t in enumerate(targets)),
                    strict=True))  # fmt: skip


def _plain(part: Any) -> Any:
    """Arrays as lists, and iterators with them."""
    return part.tolist() if hasattr(part, "tolist") else part


def _row(row: Any, where: str) -> list[float]:
    row = _plain(row)
    if not isinstance(row, Iterable) or isinstance(row, str | bytes | Mapping | Set):
        raise TypeError(f"{where}: a sequence of numbers is needed, not {row!r}")
    return [finite(x, f"{where}, column {j}") for j, x in enumerate(row)]


def _target(target: Any, where: str) -> Any:
    target = _plain(target)
    if isinstance(target, Iterable) and not isinstance(target, str | bytes):
        _row(target, where)
        return list(target)
    finite(target, where)
    return target


def check_targets(
    found: Examples, model: Callable[[Any], Any], loss: Callable[..., Any], what: str = "the data"
) -> None:
    """Try all targets with the outputs for the first inputs, before any step is made.

    Raises:
        ValueError, TypeError: the first inputs don't suit the model, or a target the loss; the
            message names the row.
    """
    try:
        outputs = model(found[0][0])
    except ArithmeticError:
        return  # training will tell where
    except (TypeError, ValueError) as error:
        raise _placed(error, f"{what}, row 0") from error
    if isinstance(outputs, Value):
        plain: Any = outputs.data
    elif isinstance(outputs, list | tuple) and all(isinstance(y, Value) for y in outputs):
        plain = [y.data for y in outputs]
    else:
        return  # only the loss knows what they are
    for i, (_, target) in enumerate(found):
        try:
            loss(plain, target)
        except ArithmeticError:  # at these outputs; others may do
            continue
        except (TypeError, ValueError) as error:
            raise _placed(error, f"{what}, target {i}") from error
        except AttributeError:
            return  # a loss that needs Values


def _placed(error: Exception, where: str) -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{where}: {error}")
