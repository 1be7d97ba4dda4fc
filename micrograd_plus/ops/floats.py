"""The table's namespace for Python floats: the functions of `math`, which here never raise.

Where `math` raises an error, these return inf or nan, as IEEE 754 and NumPy do. So all namespaces
agree, and `graph.evaluate` alone raises the error for what is not finite.
"""

from __future__ import annotations

import builtins
import math
import operator
from functools import wraps
from typing import TYPE_CHECKING

from micrograd_plus.ops import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable


def _total(function: Callable[..., float]) -> staticmethod[..., float]:
    """A function of `math`, with inf for its OverflowError and nan for its ValueError."""

    @wraps(function)
    def total(*args: float) -> float:
        try:
            return float(function(*args))
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return staticmethod(total)


class _Floats(Namespace):
    add, subtract = staticmethod(operator.add), staticmethod(operator.sub)
    multiply, divide = staticmethod(operator.mul), staticmethod(operator.truediv)
    mod = staticmethod(operator.mod)
    abs = staticmethod(builtins.abs)
    tanh, atan, asinh = staticmethod(math.tanh), staticmethod(math.atan), staticmethod(math.asinh)
    atan2, cbrt = staticmethod(math.atan2), staticmethod(math.cbrt)
    erf, erfc = staticmethod(math.erf), staticmethod(math.erfc)
    exp, expm1, log, log1p = map(_total, (math.exp, math.expm1, math.log, math.log1p))
    log2, log10, sqrt, hypot = map(_total, (math.log2, math.log10, math.sqrt, math.hypot))
    sin, cos, tan, asin, acos = map(_total, (math.sin, math.cos, math.tan, math.asin, math.acos))
    cosh, acosh, atanh = map(_total, (math.cosh, math.acosh, math.atanh))
    floor, ceil = _total(math.floor), _total(math.ceil)
    trunc, round = _total(math.trunc), _total(builtins.round)

    @staticmethod
    def sinh(x: float) -> float:
        try:
            return math.sinh(x)
        except OverflowError:
            return math.copysign(math.inf, x)

    @staticmethod
    def power(x: float, y: float) -> float:
        if y == 2.0:
            return x * x  # exactly rounded, unlike pow, and what NumPy and compilers of C do
        try:
            return math.pow(x, y)
        except OverflowError:
            return -math.inf if x < 0 and y % 2 == 1 else math.inf
        except ValueError:
            return math.inf if x == 0 else math.nan

    @staticmethod
    def sign(x: float) -> float:
        return float((x > 0) - (x < 0))

    @staticmethod
    def maximum(x: float, y: float) -> float:
        return x if x >= y or x != x else y  # nan, if one of them is

    @staticmethod
    def minimum(x: float, y: float) -> float:
        return x if x <= y or x != x else y

    # The table has rules for these, too; but derivatives need them often, and so they are faster.
    @staticmethod
    def sech(x: float) -> float:
        try:
            return 1.0 / math.cosh(x)
        except OverflowError:
            return 0.0

    @staticmethod
    def greater(x: float, y: float) -> float:
        return 1.0 if x > y else 0.0

    @staticmethod
    def clip(x: float, low: float, high: float) -> float:
        if not low <= high:
            return math.nan
        return low if x < low else high if x > high else x

    @staticmethod
    def step(x: float) -> float:
        return 1.0 if x > 0 else 0.0  # twice as fast as by `where`

    @staticmethod
    def where(condition: bool, a: float, b: float) -> float:
        return a if condition else b


floats = _Floats()
