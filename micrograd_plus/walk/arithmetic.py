"""How a walk computes its numbers: by the rules that the engine uses, on floats."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.graph import evaluate, infinite_gradient, local_derivatives
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.ops.operation import Op

_ROUNDING = 2.0**-50


class Arithmetic:
    """The arithmetic of a walk and of the questions on it; a subclass may write it down.

    >>> from micrograd_plus import ops
    >>> Arithmetic().tried(ops.divide, [1.0, 0.0])
    nan
    """

    def given(self, number: float, name: str) -> float:
        """The number of a leaf.

        Args:
            number: the number.
            name: the leaf's name.

        Raises:
            NonFiniteError: it is not finite.
        """
        if not isfinite(number):
            raise NonFiniteError(f"{name} = {number} is not finite")
        return number

    def value(self, name: str, op: Op, args: Sequence[Any], numbers: Sequence[float]) -> float:
        """The value of an operation.

        Args:
            name: what the result is called.
            op: the operation.
            args: its arguments.
            numbers: their numbers.

        Raises:
            NonFiniteError: it is not finite.
        """
        return evaluate(op, args, numbers, name)

    def slopes(
        self, op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
    ) -> Sequence[Any]:
        """The derivatives of an operation's value `out` for each argument, None for constants.

        Args:
            op: the operation.
            args: its arguments.
            numbers: their numbers.
            out: the value.

        Raises:
            NonFiniteError: one is not finite.
        """
        return local_derivatives(op, args, numbers, out)

    def gradient(
        self, number: float, name: str, op: Op, args: Sequence[Any], numbers: Sequence[float]
    ) -> float:
        """A gradient that comes through an operation.

        Args:
            number: the gradient.
            name: what the operation's result is called.
            op: the operation.
            args: its arguments.
            numbers: their numbers.

        Raises:
            NonFiniteError: it is not finite.
        """
        if not isfinite(number):
            raise infinite_gradient(op, args, numbers)
        return number

    def summed(self, number: float, size: float) -> float:
        """A sum, or 0 if no more than rounding errors are left of its terms.

        Args:
            number: the sum.
            size: the sum of the terms' absolute values.
        """
        left = self.tried(ops.greater, [self.tried(ops.abs, [number]), size * _ROUNDING])
        return number * left

    def tried(self, op: Op, numbers: Sequence[float]) -> float:
        """The value of an operation, which may be infinite; nan where there is none.

        Args:
            op: the operation.
            numbers: those of its arguments.
        """
        try:
            return float(op.value(floats, *numbers))
        except ZeroDivisionError:
            return nan

    def every_slope(
        self, op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
    ) -> list[float]:
        """The derivatives for all arguments, constants too; nan for none.

        Args:
            op: the operation.
            args: its arguments.
            numbers: their numbers.
            out: the value.
        """
        try:
            found = op.local_derivatives(floats, out, numbers, [True] * len(args))
        except ZeroDivisionError:  # with respect to a constant: only mistakes need it
            found = local_derivatives(op, args, numbers, out)
        return [nan if slope is None else slope for slope in found]


FLOATS = Arithmetic()
