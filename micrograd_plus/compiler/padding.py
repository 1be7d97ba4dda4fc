"""`pad`: sequences of different lengths as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.checks import real_array

if TYPE_CHECKING:
    from collections.abc import Iterable


def pad(documents: Iterable[Any], value: float = 0, length: int | None = None) -> tuple[Any, Any]:
    """Sequences of different lengths as one array for a program, and where they have numbers.

    Args:
        documents: sequences of numbers, or of rows of the same shape; ints stay ints.
        value: what stands after the end of a document; for indices that of a row.
        length: how long all are to be; by default as the longest.

    Returns:
        An array of (documents, length, …), and a mask of (documents, length), with 1.0 where there
        is an item of the document and 0.0 after its end.

    Raises:
        ValueError: a document is longer than `length`, or its items are no numbers, or rows of
            different shapes.
        ModuleNotFoundError: NumPy is missing.

    >>> tokens, mask = pad([[3, 1, 2], [5]])
    >>> tokens.tolist(), mask.tolist()
    ([[3, 1, 2], [5, 0, 0]], [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    """
    numpy = need("numpy", "numpy")
    rows = [_items(numpy, document, i) for i, document in enumerate(documents)]
    longest = max(map(len, rows), default=0)
    length = longest if length is None else length
    for i, row in enumerate(rows):
        if len(row) > length:
            raise ValueError(f"document {i} has {len(row)} items, more than the length {length}")
    shapes = {row.shape[1:] for row in rows if len(row)}
    if len(shapes) > 1:
        raise ValueError(f"the items of all documents must have one shape, not {sorted(shapes)}")
    kinds = {row.dtype for row in rows if len(row)} | {numpy.asarray(value).dtype}
    array = numpy.full(
        (len(rows), length, *(shapes or {()}).pop()), value, numpy.result_type(*kinds)
    )
    mask = numpy.zeros((len(rows), length))
    for i, row in enumerate(rows):
        if len(row):
            array[i, : len(row)], mask[i, : len(row)] = row, 1.0
    return array, mask


def _items(numpy: Any, document: Any, number: int) -> Any:
    """A document as an array, of ints if it has nothing else."""
    why = ""
    try:
        row = real_array(numpy, document, float, "item")
    except ValueError as error:
        why = str(error)
    if why or not row.ndim:
        given = f"document {number} must be a sequence of numbers, not {short(document)}"
        raise ValueError(given + why)
    whole = numpy.asarray(document)
    return whole if whole.dtype.kind in "iu" else row
