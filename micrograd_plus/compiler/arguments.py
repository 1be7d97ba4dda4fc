"""The arguments of a function, and the arrays of numbers that its program takes in their place."""

from __future__ import annotations

import inspect
import keyword
import re
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import filled, flat, mapped, with_items
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.checks import check_finite, real_array, told, usual
from micrograd_plus.engine import Value
from micrograd_plus.ops import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Arguments:
    """Converts between the arguments of a function and the arrays of its program.

    A number, an array and nested lists of numbers come as one array. Any other argument, such as
    a dictionary of those, comes as the same structure of arrays; a tuple of equal parts may come
    as one array, too. An array of ints marks indices: whole numbers, in the range that `mg.take`
    has for them.

    Args:
        fn: the function that was compiled.
        example: a tuple with an example of each argument.
        rows: for each number of the example how many rows it is an index of, 0 if of none.
        dtype: a NumPy type, that of the arrays.
        batched: whether the first axis of each array is for the examples.

    Attributes:
        sizes: how many numbers each argument has, by its name in the program.
        models: the structure of each argument, with an array for what comes as one: of floats, or
            of ints if it marks indices, see `model_of`.
        given: the example, with floats and ints in it.
        first: its numbers.
        whole: for each of them whether it is an index, which each call checks.

    >>> taken = Arguments(lambda x, t: x[0] * x[1] - t, ([0.0, 0.0], 0.0), [0, 0, 0], "float64")
    >>> taken.sizes
    {'x': 2, 't': 1}
    >>> [array.tolist() for array in taken.columns(([[1, 2], [3, 4], [5, 6]], [7, 8, 9]))]
    [[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], [[7.0, 8.0, 9.0]]]
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        example: tuple[Any, ...],
        rows: Iterable[int],
        dtype: Any,
        batched: bool = True,
    ) -> None:
        self._numpy = numpy = need("numpy", "numpy")
        self._dtype = numpy.dtype(dtype)
        self._batched, self._each = batched, "example" if batched else "number"
        self.given: tuple[Any, ...] = mapped(lambda x: x if type(x) is int else float(x), example)
        self.first: list[float] = flat(self.given)
        limits = iter(rows)
        self.models = tuple(model_of(numpy, part, limits) for part in example)
        self.whole = [type(x) is int for x in flat(self.models)]
        plain = [isinstance(x, numpy.ndarray) and x.dtype.kind == "f" and x.ndim < 2
                for x in self.models]  # fmt: skip
        self._shapes = [x.shape for x in self.models] if all(plain) else []
        sizes = [len(flat(part)) for part in example] or [0]
        self.sizes = dict(zip(_names(fn, len(sizes)), sizes, strict=True))

    def columns(self, batch: tuple[Any, ...]) -> list[Any]:
        """A batch as an array of (numbers, examples) for each argument.

        Args:
            batch: a batch for each argument, the first axis of each array being the batch.

        Raises:
            ValueError: the structures or shapes are not those of the example, with a batch axis
                before, or an item is not a number, or an index not whole; the message names
                argument and example.
            IndexError: an index is that of no row; likewise.
            NonFiniteError: one of the numbers is not finite; likewise.
        """
        if usual(self._numpy, batch, self._shapes, self._dtype):
            return [array.T if array.ndim > 1 else array[None] for array in batch]
        given = self._arrays(batch) or [[]]
        counts = [len(array) for arrays in given for array in arrays]
        examples = counts[0] if counts else 1
        if counts.count(examples) != len(counts):
            found = ((i, len(array)) for i, arrays in enumerate(given) for array in arrays)
            i, count = next(pair for pair in found if pair[1] != examples)
            raise ValueError(f"argument {i} has {count} examples, not {examples}")
        return [
            arrays[0].T if len(arrays) == 1
            else self._numpy.hstack([self._numpy.zeros((examples, 0), self._dtype), *arrays]).T
            for arrays in given
        ]  # fmt: skip

    def numbers(self, point: tuple[Any, ...], finite: bool = False) -> Any:
        """All numbers of one example, in a row.

        Args:
            point: an example of each argument.
            finite: whether to refuse what is not finite.

        Raises:
            ValueError: the structures or shapes are not those of the example, or an item is not a
                number; the message names the argument.
        """
        rows = [row for rows in self._arrays(point, finite) for row in rows]
        return self._numpy.concatenate(rows) if rows else self._numpy.zeros(0)

    def example(self, row: Iterable[float]) -> list[Any]:
        """The arguments of the function: new structures with Values in them.

        Args:
            row: all their numbers.
        """
        leaves = map(Value, row)
        return [filled(part, leaves) for part in self.given]

    def _arrays(self, given: tuple[Any, ...], finite: bool = True) -> list[list[Any]]:
        """For each argument its arrays of (examples, numbers), or of numbers."""
        if len(given) != len(self.models):
            raise ValueError(f"{len(self.models)} arguments are needed, not {len(given)}")
        return [
            [self._array(part, model, i, finite)]
            if type(model) is self._numpy.ndarray
            else [self._array(*leaf, finite) for leaf in _leaves(part, model, str(i))]
            for i, (part, model) in enumerate(zip(given, self.models, strict=True))
        ]

    def _array(self, given: Any, model: Any, where: int | str, finite: bool) -> Any:
        """The numbers given for one array, in a row for each example."""
        shape, batched = model.shape, self._batched
        try:
            array = real_array(self._numpy, given, self._dtype, self._each)
            if finite:
                check_finite(self._numpy, array, given, self._each)
        except ValueError as error:
            raise type(error)(
                f"argument {where} must be numbers of the shape {self._axes(shape)}, not "
                f"{short(given)}{error}"
            ) from None
        differs = array.shape[batched:] != shape and (array.size or not array.ndim)
        if array.ndim < batched or differs:
            raise ValueError(
                f"argument {where} must have the shape {self._axes(shape)}, as in the function's "
                f"example, not {array.shape}"
            )
        if model.dtype.kind == "i" and array.size:
            self._check_indices(given, array, model, where)
        if array.shape[batched:] == (model.size,):  # in a row already
            return array
        return array.reshape((*array.shape[:batched], model.size))

    def _check_indices(self, given: Any, array: Any, rows: Any, where: int | str) -> None:
        """Raise ValueError if an index is not whole, and IndexError if it is that of no row."""
        odd = array != self._numpy.floor(array)
        if odd.any():
            raise ValueError(
                f"argument {where} takes whole numbers, as its example has ints"
                f"{told(self._numpy, odd, given, self._each)}; for real numbers write floats in "
                "the example, such as 0.0"
            )
        odd = (rows > 0) & ((array < 0) | (array >= rows))
        if odd.any():
            count = self._numpy.broadcast_to(rows, odd.shape)[odd][0]
            raise IndexError(
                f"argument {where} is an index of {count} rows, 0 to {count - 1}"
                f"{told(self._numpy, odd, given, self._each)}"
            )

    def _axes(self, shape: tuple[int, ...]) -> str:
        return f"(examples, {str(shape)[1:-1]})" if self._batched else str(shape)


def by_position(fn: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """All arguments of a function in order, those given by name, too.

    Args:
        fn: the function.
        given: its arguments by position.
        named: those by name.

    Raises:
        TypeError: it has none of such a name, or one lacks that stands before another.

    >>> by_position(lambda x, y, z: x, (1,), {"z": 3, "y": 2})
    (1, 2, 3)
    """
    if not named:
        return given
    signature = inspect.signature(fn)
    try:
        bound = signature.bind(*given, **named)
    except TypeError as error:
        raise TypeError(f"{error}, by the function's signature {signature}") from None
    if bound.kwargs:
        some = ", ".join(bound.kwargs)
        raise TypeError(
            f"{some} can't be given by name only: give all arguments before it, too, and no "
            f"keyword-only ones; the function's signature is {signature}"
        )
    return bound.args


def arranged(model: Any, rows: Any) -> Any:
    """Rows of numbers, perhaps for many examples, in a structure of arrays.

    Args:
        model: the structure; where it has an array, one of that shape comes, and otherwise a row.
        rows: an array of (numbers, examples), or of numbers.
    """
    if hasattr(model, "shape"):
        return rows.T.reshape((*rows.shape[1:], *model.shape))
    start = 0

    def take(leaf: Any) -> Any:
        nonlocal start
        shape = getattr(leaf, "shape", ())
        if not shape:
            start += 1
            return rows[start - 1, ...]
        block = rows[start : start + leaf.size]
        start += leaf.size
        return block.T.reshape((*block.shape[1:], *shape))

    return mapped(take, model, "leaves")


_NONE = repeat(0)


def model_of(numpy: Any, example: Any, rows: Iterator[int] = _NONE) -> Any:
    """The structure of an argument or a result, with an array for what comes as one array.

    That for real numbers has zeros, that for indices how many rows there are, 0 if none are known.

    Args:
        numpy: the module.
        example: that argument or result.
        rows: for each of its numbers how many rows it is an index of, 0 if of none.
    """
    if isinstance(example, list | tuple | dict) and _regular(example) is None:
        parts = example.values() if isinstance(example, dict) else example
        return with_items(example, [model_of(numpy, part, rows) for part in parts])
    array = numpy.asarray(example)
    counts = numpy.array([*islice(rows, array.size)], int).reshape(array.shape)
    return counts if array.dtype.kind in "iu" else numpy.zeros(array.shape)


def _regular(example: Any) -> tuple[int, ...] | None:
    """The shape of a number, or of nested lists of numbers as regular as an array."""
    if isinstance(example, list):
        return _common(len(example), {_regular(part) for part in example})
    nested = isinstance(example, dict | tuple) or getattr(example, "ndim", 0) != 0
    return None if nested else ()


def _whole(model: Any) -> tuple[int, ...] | None:
    """The shape of a whole structure, if its parts could form one array."""
    if isinstance(model, list | tuple):
        return _common(len(model), {_whole(part) for part in model})
    return None if isinstance(model, dict) else model.shape


def _common(count: int, shapes: set[tuple[int, ...] | None]) -> tuple[int, ...] | None:
    """The shape of a stack of things of those shapes, if all have the same."""
    if len(shapes) > 1 or None in shapes:
        return None
    return (count, *(shapes.pop() or ())) if shapes else (count,)


def _leaves(given: Any, model: Any, where: str) -> Iterator[tuple[Any, Any, str]]:
    """For each array of an argument the part that was given, the model's array, and its name."""
    if isinstance(model, dict):
        keys = given.keys() if hasattr(given, "keys") else getattr(given, "columns", ())
        if {*keys} != {*model}:
            raise ValueError(
                f"argument {where} must have the keys {', '.join(map(repr, model))}, as in the "
                f"function's example, unlike {short(given)}"
            )
        for key, part in model.items():
            yield from _leaves(given[key], part, f"{where}[{key!r}]")
        return
    if not isinstance(model, list | tuple):
        yield given, model, where
        return
    shape = _whole(model)
    # rows of numbers are a list, too
    apart = tuple if isinstance(model, tuple) and shape is not None else list | tuple
    if not isinstance(given, apart) and shape is not None:
        yield given, need("numpy", "numpy").array(model), where
        return
    if not isinstance(given, apart) or len(given) != len(model):
        raise ValueError(
            f"argument {where} must have {len(model)} parts, as in the function's example, "
            f"unlike {short(given)}"
        )
    for k, (part, its) in enumerate(zip(given, model, strict=True)):
        yield from _leaves(part, its, f"{where}[{k}]")


def _names(fn: Callable[..., Any], count: int) -> list[str]:
    """Names for the arguments in a program: the function's own, as far as they are usable."""
    try:
        names = list(inspect.signature(fn).parameters)[:count]
    except (TypeError, ValueError):  # some callables have no signature
        names = []
    taken = {*"ps", "value", "math", "np", "jnp", "jax", *TABLE}
    taken |= {f"d{name}" for name in ("p", *names)}
    plain = all(
        re.fullmatch("[a-zA-MO-Z][a-z]*", name) and not keyword.iskeyword(name) for name in names
    )
    if len(names) == count and plain and not taken & set(names):
        return names
    return [f"x{i}" for i in range(1, count + 1)] if count > 1 else ["x"]
