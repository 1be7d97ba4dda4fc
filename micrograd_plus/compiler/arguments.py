"""The arguments of a function, and those of its program: an array of all examples for each."""

from __future__ import annotations

import inspect
import keyword
import re
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.source import REDUCTIONS
from micrograd_plus.extras import need
from micrograd_plus.nested import flat, mapped
from micrograd_plus.ops import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable


class Arguments:
    """What a program is called with.

    Args:
        fn: the function that was compiled.
        example: a tuple with an argument for it each.
        dtype: a NumPy type, that of the arrays.

    Attributes:
        sizes: how many numbers each argument has, by its name in the program.

    >>> taken = Arguments(lambda x, t: x[0] * x[1] - t, ([0.0, 0.0], 0.0), "float64")
    >>> taken.sizes
    {'x': 2, 't': 1}
    >>> [array.tolist() for array in taken.columns(([[1, 2], [3, 4], [5, 6]], [7, 8, 9]))]
    [[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], [[7.0, 8.0, 9.0]]]
    """

    def __init__(self, fn: Callable[..., Any], example: tuple[Any, ...], dtype: Any) -> None:
        self._numpy = numpy = need("numpy", "numpy")
        self._dtype = dtype
        self._shapes = [numpy.shape(part) for part in example]
        sizes = [len(flat(mapped(float, part))) for part in example] or [0]
        self.sizes = dict(zip(_names(fn, len(sizes)), sizes, strict=True))

    def columns(self, batch: tuple[Any, ...]) -> list[Any]:
        """A batch as an array of (numbers, examples) for each argument.

        Args:
            batch: an array for each argument, its first axis being the batch.

        Raises:
            ValueError: the shapes are not those of the example, with a batch axis before.
        """
        numpy = self._numpy
        if len(batch) != len(self._shapes):
            raise ValueError(f"{len(self._shapes)} arguments are needed, not {len(batch)}")
        parts, count = [], None
        for i, (part, shape) in enumerate(zip(batch, self._shapes, strict=True)):
            try:
                array = numpy.asarray(part, dtype=self._dtype)
            except (TypeError, ValueError):
                raise ValueError(
                    f"argument {i} must be numbers of the shape (examples, {str(shape)[1:-1]}), "
                    f"not {part!r}"
                ) from None
            if array.ndim == 0 or (array.shape[1:] != shape and array.size):
                raise ValueError(
                    f"argument {i} must have the shape (examples, {str(shape)[1:-1]}), as in the "
                    f"function's example, not {array.shape}"
                )
            if count not in (None, len(array)):
                raise ValueError(f"argument {i} has {len(array)} examples, not {count}")
            count = len(array)
            parts.append(array.reshape(count, -1 if array.size else numpy.prod(shape, dtype=int)).T)
        return parts or [numpy.zeros((0, 1), self._dtype)]

    def shaped(self, columns: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arrays of (numbers, examples) in the shapes that the arguments have.

        Args:
            columns: an array for each argument.
        """
        pairs = zip(columns, self._shapes, strict=False)  # without arguments there is one array
        return tuple(array.T.reshape(array.shape[1], *shape) for array, shape in pairs)


def _names(fn: Callable[..., Any], count: int) -> list[str]:
    """Names for the arguments in a program: the function's own, where they will do."""
    try:
        names = list(inspect.signature(fn).parameters)[:count]
    except (TypeError, ValueError):  # some callables tell nothing
        names = []
    taken = {*"ps", "value", "math", "np", "jnp", "jax", *TABLE, *REDUCTIONS}
    taken |= {f"d{name}" for name in names}
    plain = all(
        re.fullmatch("[a-zA-MO-Z][a-z]*", name) and not keyword.iskeyword(name) for name in names
    )
    if len(names) == count and plain and not taken & set(names):
        return names
    return [f"x{i}" for i in range(1, count + 1)] if count > 1 else ["x"]
