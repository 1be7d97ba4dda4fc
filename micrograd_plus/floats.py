"""The table's namespace for Python floats: `math`, made total.

Where `math` raises, these functions return inf or nan as IEEE 754 and NumPy do, so that every
namespace agrees on the edges; `graph.evaluate` then raises one error for all of them.
"""

from __future__ import annotations

import builtins
import math

from micrograd_plus.ops import Namespace


class _Floats(Namespace):
    abs = staticmethod(builtins.abs)
    log1p = staticmethod(math.log1p)
    tanh = staticmethod(math.tanh)

    @staticmethod
    def exp(x: float) -> float:
        try:
            return math.exp(x)
        except OverflowError:
            return math.inf

    @staticmethod
    def log(x: float) -> float:
        if x > 0:
            return math.log(x)
        return -math.inf if x == 0 else math.nan

    @staticmethod
    def sqrt(x: float) -> float:
        return math.sqrt(x) if x >= 0 else math.nan

    @staticmethod
    def sin(x: float) -> float:
        return math.sin(x) if math.isfinite(x) else math.nan

    @staticmethod
    def cos(x: float) -> float:
        return math.cos(x) if math.isfinite(x) else math.nan

    @staticmethod
    def power(x: float, y: float) -> float:
        try:
            return math.pow(x, y)
        except OverflowError:
            return -math.inf if x < 0 and y % 2 == 1 else math.inf
        except ValueError:
            return math.inf if x == 0 else math.nan

    @staticmethod
    def maximum(x: float, y: float) -> float:
        return x if x >= y or x != x else y  # nan, if one of them is

    @staticmethod
    def minimum(x: float, y: float) -> float:
        return x if x <= y or x != x else y

    @staticmethod
    def where(condition: bool, a: float, b: float) -> float:
        return a if condition else b


floats = _Floats()
