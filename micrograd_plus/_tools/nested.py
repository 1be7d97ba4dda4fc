"""Nested structures of numbers or Values: lists, tuples, named tuples, dictionaries and arrays.

Whatever runs a function on Values in the place of numbers, or gives back what belongs to them,
keeps the structure that it is given. What is none of them is a leaf.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Literal

from micrograd_plus._tools.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Arrays = Literal["kept", "lists", "leaves"]


def mapped(f: Callable[[Any], Any], nested: Any, arrays: Arrays = "kept") -> Any:
    """The same structure with a function applied to the leaves, in order.

    Args:
        f: a function of a leaf.
        nested: the structure.
        arrays: what becomes of arrays: they are "kept", as arrays of objects or, from pandas,
            their own kind; they become "lists"; or they are "leaves" themselves. One without axes
            is the leaf that stands in it.

    >>> mapped(lambda x: 2 * x, ({"w": [1, 2], "b": 3}, 4))
    ({'w': [2, 4], 'b': 6}, 8)
    """
    if isinstance(nested, list | tuple):
        return with_items(nested, [mapped(f, item, arrays) for item in nested])
    if isinstance(nested, dict):
        return with_items(nested, [mapped(f, item, arrays) for item in nested.values()])
    axes = getattr(nested, "ndim", None)
    if axes == 0:
        return f(nested.item())
    if isinstance(axes, int) and arrays == "kept":
        return _array(f, nested)
    if (isinstance(axes, int) or hasattr(nested, "tolist")) and arrays != "leaves":
        return mapped(f, _rows(nested), arrays)
    return f(nested)


def with_items(nested: Any, items: list[Any]) -> Any:
    """A list, tuple or dictionary of the same kind with other items in it.

    Args:
        nested: such a thing.
        items: as many as there are.

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
    for i, x in enumerate(flat(_rows(array))):
        found.flat[i] = f(x)
    if isinstance(array, numpy.ndarray) or hasattr(array, "iloc"):
        kept = array.astype(object)  # with what else its kind has, such as names of columns
        kept[:] = found
        return kept
    return found


def _rows(array: Any) -> Any:
    """An array as lists; only DataFrames can't tell themselves."""
    return array.tolist() if hasattr(array, "tolist") else array.to_numpy().tolist()


def listed(x: Any) -> Any:
    """An iterator, such as a generator, as a list, which can be read twice; all else as it is.

    Args:
        x: anything.

    >>> listed(map(abs, [-1, 2])), listed((1, 2))
    ([1, 2], (1, 2))
    """
    return list(x) if hasattr(x, "__next__") else x


def filled(nested: Any, leaves: Iterator[Any]) -> Any:
    """The same structure with other leaves.

    Args:
        nested: the structure.
        leaves: as many as there are, in order.

    >>> filled({"w": [1, 2], "b": 3}, iter("abc"))
    {'w': ['a', 'b'], 'b': 'c'}
    """
    return mapped(lambda _: next(leaves), nested)


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


def aligned(nested: Any, model: Any) -> list[Any] | None:
    """The leaves in the order of another structure's, None where the structures differ.

    Lists, tuples and arrays may stand for each other; dictionaries need the same keys.

    Args:
        nested: the structure.
        model: the other one.

    >>> aligned({"b": 3, "w": (1, 2)}, {"w": [0, 0], "b": 0})
    [1, 2, 3]
    """
    pairs = [(mapped(lambda x: x, nested, "lists"), mapped(lambda x: x, model, "lists"))]
    leaves = []
    while pairs:
        mine, other = pairs.pop()
        if isinstance(other, dict):
            if not isinstance(mine, dict) or mine.keys() != other.keys():
                return None
            pairs += [(mine[key], other[key]) for key in reversed(other)]
        elif isinstance(other, list | tuple):
            if not isinstance(mine, list | tuple) or len(mine) != len(other):
                return None
            pairs += [*zip(mine, other, strict=True)][::-1]
        elif isinstance(mine, dict | list | tuple):
            return None
        else:
            leaves.append(mine)
    return leaves
