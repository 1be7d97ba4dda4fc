"""Nested structures of numbers or Values: lists, tuples, named tuples, dictionaries and arrays.

Tables and their columns, those of pandas and polars, count as arrays of their rows. Anything else
is a leaf.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Literal

from micrograd_plus._tools.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Arrays = Literal["kept", "lists", "leaves"]


_NUMBERS = frozenset({float, int})
_NESTED = (list, tuple, dict)  # faster in `isinstance` than `list | tuple | dict`


def mapped(f: Callable[[Any], Any], nested: Any, arrays: Arrays = "kept") -> Any:
    """The same structure, with a function applied to the leaves in order.

    Args:
        f: a function of a leaf.
        nested: the structure.
        arrays: whether arrays are "kept" (as arrays of objects), become "lists", or count as
            "leaves". A 0-dimensional array counts as its item.

    >>> mapped(lambda x: 2 * x, ({"w": [1, 2], "b": 3}, 4))
    ({'w': [2, 4], 'b': 6}, 8)
    """
    kind = type(nested)
    if kind is list or kind is tuple:  # the usual ones, without `with_items`
        return kind([f(x) if type(x) in _NUMBERS else mapped(f, x, arrays) for x in nested])
    if isinstance(nested, _NESTED):
        items = nested.values() if isinstance(nested, dict) else nested
        return with_items(nested, [mapped(f, item, arrays) for item in items])
    nested = _array_of(nested)
    axes = getattr(nested, "ndim", None)
    if axes == 0:
        return f(nested.item())
    if isinstance(axes, int) and arrays == "kept":
        return _array(f, nested)
    if (isinstance(axes, int) or hasattr(nested, "tolist")) and arrays != "leaves":
        return mapped(f, nested.tolist(), arrays)
    return f(nested)


def with_items(nested: Any, items: list[Any]) -> Any:
    """A list, tuple or dictionary of the same type with other items.

    Args:
        nested: the list, tuple or dictionary.
        items: as many items as it has.

    >>> with_items({"w": 1, "b": 2}, [3, 4])
    {'w': 3, 'b': 4}
    """
    if isinstance(nested, dict):
        found = copy(nested)
        for key, item in zip(nested, items, strict=True):
            found[key] = item
        return found
    return type(nested)(*items) if hasattr(nested, "_fields") else type(nested)(items)


def _array(f: Callable[[Any], Any], array: Any) -> Any:
    numpy = need("numpy", "numpy")
    found = numpy.empty(array.shape, object)
    for i, x in enumerate(flat(array.tolist())):
        found.flat[i] = f(x)
    if isinstance(array, numpy.ndarray):
        kept = array.astype(object)  # of the same class
        kept[:] = found
        return kept
    return found


def _array_of(x: Any) -> Any:
    """A table, or a column of one, as an array; anything else unchanged."""
    return x.to_numpy() if hasattr(x, "to_numpy") else x


def listed(x: Any) -> Any:
    """What can be read twice, by rows: an iterator as a list, a table as an array.

    Args:
        x: anything.

    >>> listed(map(abs, [-1, 2])), listed((1, 2))
    ([1, 2], (1, 2))
    """
    if type(x) is list or type(x) is tuple:  # the usual ones
        return x
    return list(x) if hasattr(x, "__next__") else _array_of(x)


def filled(nested: Any, leaves: Iterator[Any], arrays: Arrays = "kept") -> Any:
    """The same structure with other leaves.

    Args:
        nested: the structure.
        leaves: as many as it has, in order.
        arrays: what becomes of arrays, as for `mapped`.

    >>> filled({"w": [1, 2], "b": 3}, iter("abc"))
    {'w': ['a', 'b'], 'b': 'c'}
    """
    return mapped(lambda _: next(leaves), nested, arrays)


def flat(nested: Any) -> list[Any]:
    """The leaves, in order.

    Args:
        nested: the structure.

    >>> flat(({"w": [1, 2], "b": 3}, 4))
    [1, 2, 3, 4]
    """
    leaves: list[Any] = []
    mapped(leaves.append, nested, "lists")
    return leaves


def paths(nested: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves, in order, each with the expression that leads to it.

    Args:
        nested: the structure.
        name: what it is called in that expression.

    >>> [*paths({"w": [1, 2], "b": 3}, "x")]
    [("x['w'][0]", 1), ("x['w'][1]", 2), ("x['b']", 3)]
    """
    plain = mapped(lambda x: x, nested, "lists")
    if not isinstance(plain, _NESTED):
        yield name, plain
        return
    parts = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, part in parts:
        yield from paths(part, f"{name}[{key!r}]")


def aligned(nested: Any, model: Any) -> list[Any] | None:
    """The leaves in the order of another structure; None if the structures differ.

    Lists, tuples and arrays are interchangeable; dictionaries need the same keys.

    Args:
        nested: the structure.
        model: the other one.

    >>> aligned({"b": 3, "w": (1, 2)}, {"w": [0, 0], "b": 0})
    [1, 2, 3]
    """
    leaves: list[Any] = []

    def collect(mine: Any, other: Any) -> bool:
        if isinstance(other, dict):
            same = isinstance(mine, dict) and mine.keys() == other.keys()
            return same and all(collect(mine[key], other[key]) for key in other)
        if isinstance(other, list | tuple):
            same = isinstance(mine, list | tuple) and len(mine) == len(other)
            return same and all(map(collect, mine, other))
        leaves.append(mine)
        return not isinstance(mine, dict | list | tuple)

    plain = [mapped(lambda x: x, structure, "lists") for structure in (nested, model)]
    return leaves if collect(*plain) else None
