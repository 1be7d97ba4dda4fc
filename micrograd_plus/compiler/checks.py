"""Arrays of real, finite numbers, and errors that name what is something else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from numbers import Real
from typing import Any, TypeVar

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import short
from micrograd_plus.core import nodes as core

F = TypeVar("F", bound=Callable[..., Any])

tapes: Any = import_module("micrograd_plus.core.tapes") if core else None
"""The part of the compiled core that runs tapes and checks arrays; None in the pure build."""


def _faster(reference: F) -> F:
    """The function of the same name in the core, which does the same, if there is one."""
    faster: F = getattr(tapes, reference.__name__, reference)
    return faster


def real_array(numpy: Any, given: Any, dtype: Any, each: str) -> Any:
    """An array of real numbers, from an array or nested sequences.

    Args:
        numpy: the module.
        given: an array, or nested sequences of numbers.
        dtype: a NumPy type, that of the array.
        each: what a row is called in errors.

    Raises:
        ValueError: it is something else: strings, complex numbers, Values, or a masked array; the
            message continues the caller's sentence.
    """
    try:
        array = numpy.asarray(given)
        kind = type(given[0] if type(given) is list and given else given)
        if array.dtype == dtype and (kind is float or kind is numpy.ndarray):
            return array  # the usual case
        if array.dtype.kind not in "fiub":
            array = numpy.asarray(given, dtype=object)
    except ValueError:
        raise ValueError(
            ": its rows differ in length, and micrograd_plus.pad would make them equal"
        ) from None
    first = given[0] if isinstance(given, list | tuple) and given else given
    if isinstance(first, numpy.ma.MaskedArray):
        mask = numpy.ma.getmaskarray(numpy.ma.asarray(given))
        if mask.any():
            raise ValueError(told(numpy, mask, array, each, "masked"))
    if array.dtype.kind == "O":
        kinds = (Real, numpy.bool_)
        odd = numpy.vectorize(lambda x: not isinstance(x, kinds), otypes=[bool])(array)
        if odd.any():
            raise ValueError(told(numpy, odd, array, each, "no real number"))
    try:
        with numpy.errstate(over="ignore"):
            return array.astype(dtype, copy=False)
    except OverflowError as error:  # a whole number of more than 308 digits
        raise NonFiniteError(f": {error}") from None


def finite_row(numpy: Any, name: str, given: Any, count: int, dtype: Any) -> Any:
    """An array of so many numbers, all of them finite.

    Args:
        numpy: the module.
        name: what it is called in errors.
        given: the numbers.
        count: how many there must be.
        dtype: a NumPy type, that of the array.

    Raises:
        ValueError: it is something else.
    """
    why = ""
    try:
        found = real_array(numpy, given, dtype, "number")
        check_finite(numpy, found, given, "number")
    except ValueError as error:
        why = str(error)
    if why or found.shape != (count,):
        raise ValueError(f"{name} must be {count} finite numbers, not {short(given)}{why}")
    return found


def check_finite(numpy: Any, array: Any, given: Any, each: str) -> None:
    """Raise NonFiniteError if a number is not finite.

    Args:
        numpy: the module.
        array: the numbers.
        given: what was given for them.
        each: what a row is called in errors.

    Raises:
        NonFiniteError: one is not finite; the message continues the caller's sentence.
    """
    if not all_finite(numpy, array):
        bad = ~numpy.isfinite(array)
        raise NonFiniteError(told(numpy, bad, given, each, f"no finite {array.dtype}"))


@_faster
def all_finite(numpy: Any, *arrays: Any) -> bool:
    """Whether all numbers in arrays of floats are finite.

    Args:
        numpy: the module.
        arrays: the arrays.
    """
    for array in arrays:
        # the sum of the squares usually decides it faster; of other arrays it would make a copy
        row = array if array.flags.c_contiguous else array.T
        if not (math.isfinite(numpy.vdot(row, row)) or numpy.isfinite(array).all()):
            return False
    return True


@_faster
def usual(numpy: Any, batch: Sequence[Any], shapes: Sequence[tuple[int, ...]], dtype: Any) -> bool:
    """Whether a batch is of arrays of finite numbers that need no conversion.

    Args:
        numpy: the module.
        batch: what was given for each argument.
        shapes: the shape of each of them in an example.
        dtype: the type of the numbers.
    """
    if not batch or len(batch) != len(shapes):
        return False
    if not all(type(x) is numpy.ndarray and x.dtype is dtype and x.ndim for x in batch):
        return False
    examples = len(batch[0])
    right = all(x.shape == (examples, *shape) for x, shape in zip(batch, shapes, strict=True))
    return right and all_finite(numpy, *batch)


def told(numpy: Any, bad: Any, given: Any, each: str, what: str = "") -> str:
    """Describe the first odd number, and its place."""
    place = tuple(numpy.argwhere(bad)[0].tolist())
    x = numpy.asarray(given, dtype=object)[place]
    where = f"in {each} {place[0]} there is" if place else "it is"
    return f": {where} {short(x)}{', ' * bool(what)}{what}"
