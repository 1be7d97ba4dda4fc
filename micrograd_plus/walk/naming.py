"""A name for each value of a graph."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from micrograd_plus._tools.names import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus._tools.names import Label
    from micrograd_plus.engine import Value


def names(nodes: Sequence[Value]) -> dict[Value, str]:
    """A name for each node: its label, or else f for the last one and v_1, v_2, … for others.

    Where labels are the same, later ones get primes.

    Args:
        nodes: a graph's, the output being the last.

    >>> from micrograd_plus import Value
    >>> x = Value(2.0, "x")
    >>> y = x * 3
    >>> [*names([x, y, y + 1]).values()]
    ['x', 'v_1', 'f']
    """
    labels = [str(node.label) for node in nodes]
    if "f" not in labels:
        labels[-1] = labels[-1] or "f"
    taken = {*map(parsed, labels)}
    fresh = (name for i in count(1) if parsed(name := f"v_{i}") not in taken)
    named: dict[Value, str] = {}
    used: set[Label] = set()
    twins: Counter[str] = Counter()
    for node, label in zip(nodes, labels, strict=True):
        name = label or next(fresh)
        while parsed(name) in used:
            twins[label] += 1
            name = label + ("′" * twins[label] if twins[label] < 4 else f"′{twins[label]}")
        used.add(parsed(name))
        named[node] = name
    return named
