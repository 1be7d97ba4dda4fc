"""The live leaves of a compiled program: Values whose numbers may change between its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import graph
from micrograd_plus.nn.module import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module


class Leaves:
    """The parameters, and after them all other leaves that a function found outside itself.

    Args:
        params: what to differentiate for, a model or Values.
        outside: the leaves that were there before the function ran.

    Attributes:
        parameters: the Values of `params`, in order.
        values: the parameters and the others.
    """

    def __init__(self, params: Module | Sequence[Value], outside: Sequence[Value]) -> None:
        self._params = params
        self.parameters = listed(params)
        given = set(self.parameters)
        self.values = [*self.parameters, *(x for x in outside if x not in given)]
        self._changes = graph.changes
        self._seen = [x._data for x in self.values]

    def take_over(self, numbers: Any) -> None:
        """Put what was assigned to leaves since the last look into an array.

        Args:
            numbers: an array with a place for each of the `values`, and perhaps more.

        Raises:
            ValueError: another Value stands in the place of a parameter.
        """
        if self._changes != graph.changes:
            self._take_over(numbers)

    @graph.in_turn
    def _take_over(self, numbers: Any) -> None:
        changes = graph.changes
        if list(map(id, listed(self._params))) != list(map(id, self.parameters)):
            raise ValueError(
                "a parameter was replaced by another Value since the function was compiled: "
                "assign to its data instead, or compile again"
            )
        now = [x._data for x in self.values]
        for i, (x, old) in enumerate(zip(now, self._seen, strict=True)):
            if x is not old:  # another object, not another number: −0.0 equals 0.0
                numbers[i] = x
        # last, so that what is interrupted before, or in another thread, is done again
        self._seen, self._changes = now, changes
