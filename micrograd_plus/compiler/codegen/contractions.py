"""Sums of products of two arrays whose axes have letters, as in Einstein's notation.

An axis that both arrays have and the result has not is summed over. The letter N is that of the
axis for examples, which is always the last.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.syntax import ALL, Library, Node, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Sizes = Mapping[str, int]

EXAMPLES = "N"


def contracted(a: Node, of_a: str, b: Node, of_b: str, wanted: str, sizes: Sizes) -> Node:
    """The sum of products: a matrix product where there is one.

    Args:
        a: an array.
        of_a: its axes.
        b: another one.
        of_b: its axes.
        wanted: the axes of the result; one of the arrays has each.
        sizes: the length of each axis but that for examples.

    >>> from micrograd_plus.compiler.codegen.python import Python
    >>> from micrograd_plus.compiler.codegen.syntax import Name
    >>> w, x = Name("w"), Name("x")
    >>> Python().text(contracted(w, "ab", x, "bN", "aN", {"a": 2, "b": 3}))
    'w @ x'
    >>> Python().text(contracted(x, "aN", x, "aN", "N", {"a": 3}))
    "np.einsum('an,an->n', x, x)"
    """
    a, of_a = _summed(a, of_a, of_b + wanted)
    b, of_b = _summed(b, of_b, of_a + wanted)
    inner = [c for c in of_a if c in of_b and c not in wanted]
    shared = [c for c in wanted if c in of_a and c in of_b]
    if not inner:
        product: Node = turned(a, of_a, wanted) * turned(b, of_b, wanted)
        return product
    left = [c for c in wanted if c in of_a and c not in of_b]
    right = [c for c in wanted if c in of_b and c not in of_a]
    if EXAMPLES in shared or (shared and not (left and right)):
        rule = f"'{of_a},{of_b}->{wanted}'".replace(EXAMPLES, "n")
        return Library("einsum", [rule, a, b])
    if EXAMPLES in left or "".join([*shared, *right, *left]) == wanted:
        a, of_a, b, of_b, left, right = b, of_b, a, of_a, right, left
    outer = right[:-1] if right[-1:] == [EXAMPLES] else []
    stacked = "".join([*shared, *outer, *left, EXAMPLES]) == wanted
    if stacked and outer and len(inner) == 1 and len(left) <= 1:
        # the same matrix for each of the outer axes, without a copy
        matrix = _ordered(a, of_a, [*shared, *left, *inner])
        if shared or not left:
            lengths = [sizes[c] for c in shared] + [1] * len(outer)
            side = sizes[left[0]] if left else 1
            matrix = matrix.library("reshape", *lengths, side, sizes[inner[0]])
        found: Node = matrix @ _ordered(b, of_b, [*shared, *outer, *inner, EXAMPLES])
        return found if left else found.library("reshape", *lengths_of(wanted, sizes))
    x = _matrix(a, of_a, shared, left, inner, sizes)
    y = _matrix(b, of_b, shared, inner, right, sizes)
    found, natural = x @ y, [*shared, *left, *right]
    if len(left) > 1 or len(right) > 1:
        found = found.library("reshape", *lengths_of(natural, sizes))
    return _ordered(found, natural, [*wanted])


def turned(array: Node, axes: Sequence[str], wanted: Sequence[str]) -> Node:
    """An array with its axes in the order of others, and new ones where it lacks them."""
    found = _ordered(array, axes, [c for c in wanted if c in axes])
    return indexed(found, [ALL if c in axes else None for c in wanted])


def indexed(array: Node, index: list[Any]) -> Node:
    """An array with new axes, where arithmetic does not add them itself."""
    while index and index[-1] == ALL:
        index = index[:-1]
    while index and index[0] is None:
        index = index[1:]
    if not index:
        return array
    match array:
        case Part(inner, (slice() as rows,)) if index[0] == ALL:
            return inner[(rows, *index[1:])]
    return array[tuple(index)]


def axes_text(axes: Sequence[int]) -> int | str:
    """Axes as an argument: one, or several."""
    return axes[0] if len(axes) == 1 else f"({', '.join(map(str, axes))})"


def lengths_of(axes: Sequence[str], sizes: Sizes) -> list[Any]:
    """The shape of an array with those axes."""
    return [EXAMPLES if c == EXAMPLES else sizes[c] for c in axes]


def _summed(array: Node, axes: str, kept: str) -> tuple[Node, str]:
    """An array without the axes that nothing else has."""
    gone = [i for i, c in enumerate(axes) if c not in kept]
    if not gone:
        return array, axes
    return array.library("sum", axis=axes_text(gone)), "".join(c for c in axes if c in kept)


def _ordered(array: Node, axes: Sequence[str], wanted: Sequence[str]) -> Node:
    """An array with its axes in another order."""
    if [*axes] == [*wanted]:
        return array
    places = [axes.index(c) for c in wanted]
    return array.T if places == [1, 0] else array.library("transpose", *places)


def _matrix(
    array: Node, axes: str, shared: Sequence[str], rows: list[str], columns: list[str], sizes: Sizes
) -> Node:
    """An array as a stack of matrices, of which each side may stand for several axes."""
    found = _ordered(array, axes, [*shared, *rows, *columns])
    if len(rows) <= 1 and len(columns) <= 1:
        return found
    sides = [_product(side, sizes) for side in (rows, columns) if side]
    return found.library("reshape", *lengths_of(shared, sizes), *sides)


def _product(axes: Sequence[str], sizes: Sizes) -> Any:
    number = prod(sizes[c] for c in axes if c != EXAMPLES)
    if EXAMPLES not in axes:
        return number
    return EXAMPLES if number == 1 and len(axes) == 1 else f"{number} * {EXAMPLES}"
