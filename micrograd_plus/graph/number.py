"""What makes a node behave as a Python number: comparisons, conversions, printing, copying."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import short
from micrograd_plus.graph import hooks
from micrograd_plus.graph.copying import copy_node, deep_copy, reduce_node
from micrograd_plus.graph.leaving import converted
from micrograd_plus.graph.node import REAL, Node, scalar

if TYPE_CHECKING:
    from collections.abc import Callable


def _comparison(compare: Callable[[float, Any], bool]) -> Callable[[Any, Any], bool]:
    def method(self: Number, other: Any) -> Any:
        if isinstance(other, Number):
            return compare(self.data, other.data)
        if not isinstance(other, REAL):
            other = scalar(other)
        return compare(self.data, other) if isinstance(other, REAL) else NotImplemented

    return method


_equal = _comparison(operator.eq)


class Number(Node):
    """A node that compares, converts and prints as its number, and is copied with its graph."""

    __slots__ = ()

    # comparisons
    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)
    __ne__ = _comparison(operator.ne)
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        equal = _equal(self, other)
        if equal is True and isinstance(other, Number):
            for observer in tuple(hooks.observers):
                observer.coincided(self, other)
        return equal

    # conversions, which leave the graph
    def __float__(self) -> float:
        data = self.data
        converted(self)
        return data

    def __int__(self) -> int:
        return int(float(self))

    __trunc__ = __int__

    def __index__(self) -> int:
        raise TypeError(
            f"{short(self)} can't be an index: write take(rows, x) of micrograd_plus for rows[x], "
            "which compiled functions need, or elsewhere rows[int(x)] for the row at its present "
            "number"
        )

    def __floor__(self) -> int:
        return math.floor(float(self))

    def __ceil__(self) -> int:
        return math.ceil(float(self))

    def __round__(self, digits: int | None = None) -> Any:
        return round(float(self), digits)

    def __bool__(self) -> bool:
        return bool(self.data)

    # printing
    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = self.grad._data if isinstance(self.grad, Number) else float(self.grad)
        return f"Value(data={self._data!r}, grad={grad!r}{label})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return hooks.picture(self, include, exclude)

    # copies and pickles
    def __copy__(self) -> Any:
        return copy_node(self, self.args)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce_node(self)
