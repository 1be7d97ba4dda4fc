"""What listens: who is told of what is recorded, differentiated and stepped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value


class Observer(Protocol):
    """What is told of everything that is recorded and differentiated.

    >>> from micrograd_plus import Value
    >>> class Counter:
    ...     count = 0
    ...     def recorded(self, node):
    ...         self.count += 1
    ...     def differentiating(self, nodes): ...
    ...     def stepping(self, parameters): ...
    >>> counter = Counter()
    >>> observers.append(counter)
    >>> _ = Value(2.0) * 3 + 1
    >>> observers.remove(counter)
    >>> counter.count
    2
    """

    def recorded(self, node: Value) -> None:
        """`node` was made."""

    def differentiating(self, nodes: Sequence[Value]) -> None:
        """A backward pass through `nodes` begins."""

    def stepping(self, parameters: Sequence[Value]) -> None:
        """An optimizer is about to change `parameters` by their gradients."""


observers: list[Observer] = []
