"""Hooks: functions and methods that the engine calls when something happens.

| hook | called | by |
|---|---|---|
| `observers`: `recorded` | when an operation has made a node | operators, functions |
| `observers`: `differentiating` | before a backward pass begins | `backward` |
| `observers`: `stepping` | before parameters are changed by their gradients | `optim` |
| `observers`: `coincided` | when two numbers were compared and found equal | `==` |
| `reading` | before a number is read, other than by an operation | `data`, `replay`, … |

To add a hook, append it to one of the lists; remove it afterwards. Both are atomic. A hook is
called in the thread in which the event happens, and for events of all threads. It may read nodes,
and may raise an error, which stops what was about to happen; it must not change numbers or
gradients, nor differentiate. An empty list costs one check of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.engine import Value


class Observer:
    """Base class of observers; a subclass overrides the methods that it needs.

    >>> from micrograd_plus import Value
    >>> class Counter(Observer):
    ...     count = 0
    ...     def recorded(self, node):
    ...         self.count += 1
    >>> counter = Counter()
    >>> observers.append(counter)
    >>> _ = Value(2.0) * 3 + 1
    >>> observers.remove(counter)
    >>> counter.count
    2
    """

    def recorded(self, node: Value) -> None:
        """`node` was made by an operation."""

    def differentiating(self, nodes: Sequence[Value]) -> None:
        """A backward pass through `nodes`, each of which comes after its arguments, begins."""

    def stepping(self, parameters: Sequence[Value]) -> None:
        """An optimizer is about to change `parameters` by their gradients."""

    def line(self, node: Value) -> str:
        """The line of source that made `node`; "" if this observer does not know it."""
        return ""

    def coincided(self, value: Any, other: Any) -> None:
        """`value` and `other` were compared by ==, and their numbers are equal."""


observers: list[Observer] = []


def recorded_lines(nodes: Iterable[Value]) -> dict[Value, str]:
    """The lines of source that made values, as far as observers know them.

    Args:
        nodes: the values.

    >>> from micrograd_plus import Value, debug
    >>> with debug():
    ...     f = Value(2.0) * 3
    ...     [text] = recorded_lines([f]).values()
    >>> "f = Value(2.0) * 3" in text
    True
    """
    return {node: line for node in nodes for observer in observers if (line := observer.line(node))}


reading: list[Callable[[Any], None]] = []
"""Functions that are called with each node whose number is about to be read."""


def _not_tracing() -> bool:
    return False


tracing: Callable[[], bool] = _not_tracing
"""Whether this thread runs a function whose numbers can't be read, as they are to become those of
any example. `compiler`, which is above this, puts a function here."""

changes = 0
"""A counter of assignments and new leaves, which lets cached copies notice changes."""


def _no_picture(node: Any, include: Any = None, exclude: Any = None) -> dict[str, str]:
    return {}


picture: Callable[..., dict[str, str]] = _no_picture
"""How a notebook displays a node besides its text. The modules that draw are far above this: the
package's `__init__` puts a function here that loads them when they are wanted."""

predict: Callable[..., Any]
"""What a model gives for many inputs. What compiles models is above them, too: likewise."""
