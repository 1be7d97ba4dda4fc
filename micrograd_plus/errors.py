"""What goes wrong with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.operation import Op


class NonFiniteError(ArithmeticError, ValueError):
    """A result or a derivative that is not a finite real number.

    Attributes:
        op: the operation; None where a number was refused before it entered a graph.
        operands: its arguments.
        numbers: their numbers.
    """

    def __init__(
        self,
        message: str,
        op: Op | None = None,
        args: Sequence[Any] = (),
        numbers: Sequence[float] = (),
    ) -> None:
        super().__init__(message)
        self.op = op
        self.operands = args
        self.numbers = numbers
