"""Training examples: those in memory are checked at once, those on demand when they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.datasets import rows, unzipped
from micrograd_plus.graph import finite

if TYPE_CHECKING:
    from collections.abc import Callable


Examples = Sequence[tuple[list[float], Any]]
"""Pairs of inputs and target."""


def examples(data: Any, what: str = "the data") -> InMemory | OnDemand:
    """Pairs of inputs and target, from two sequences or from one of such pairs, as `zip` gives.

    Data in memory are checked and copied, to arrays if NumPy is installed; of data on demand only
    the first example is read.

    Raises:
        TypeError: the data are not such sequences, or an item is not a number.
        ValueError: there are no rows, rows differ in length, or a number is not finite; the
            message names row and column.
    """
    data = unzipped(data)
    if rows(data, what) is data and _on_demand(data) and not hasattr(data, "tolist"):
        return OnDemand(data.__getitem__, len(data), what)
    try:
        inputs, targets = map(_iterable, data if rows(data) is data else ())
    except (TypeError, ValueError):
        raise TypeError(
            f"{what} must be a pair of sequences, inputs and targets, or an object with a length "
            "whose items are pairs of inputs and target"
        ) from None
    parts = [rows(part, what) for part in (inputs, targets)]
    inputs, targets = (
        part if _on_demand(part) or _is_array(part) else list(_plain(part)) for part in parts
    )
    if len(inputs) != len(targets):
        raise ValueError(f"{what}: {len(inputs)} inputs need as many targets, not {len(targets)}")
    if _on_demand(inputs) or _on_demand(targets):
        return OnDemand(lambda i: (inputs[i], targets[i]), len(inputs), what)
    if not len(inputs):
        raise ValueError(f"{what}: there are no examples")
    return InMemory(_inputs(inputs, what), _targets(targets, what))


class InMemory(Sequence[tuple[list[float], Any]]):
    """Examples that were checked when they were given.

    Args:
        inputs: an array of (examples, numbers), or without NumPy lists of numbers.
        targets: an array or a list.
    """

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, i: Any) -> Any:
        return _plain(self.inputs[i]), _plain(self.targets[i])

    def targets_of(self, numbers: Sequence[int]) -> list[Any]:
        """The targets of some examples, as they were given."""
        if isinstance(self.targets, list):
            return [_plain(self.targets[i]) for i in numbers]
        found: list[Any] = self.targets.take(numbers, 0).tolist()
        return found

    def tried(self) -> list[int]:
        """The index of the first example with each target."""
        targets = [tuple(t) if isinstance(t, list) else t for t in _plain(self.targets)]
        first = dict(zip(reversed(targets), reversed(range(len(targets))), strict=True))
        return sorted(first.values())


class OnDemand(Sequence[tuple[list[float], Any]]):
    """Examples that are read, and checked, each time they are asked for.

    Args:
        read: a function from an index to inputs and target, as the data have them.
        count: how many there are.
        what: what to call them in errors.

    Attributes:
        width: how many inputs the first example has, and all others must have.
        fits: tries a target with the loss, see `check_targets`.
    """

    def __init__(self, read: Callable[[int], Any], count: int, what: str) -> None:
        if not count:
            raise ValueError(f"{what}: there are no examples")
        self._read, self._count, self._what = read, count, what
        self.fits: Callable[[Any, int], bool] | None = None
        inputs, target = self._pair(0)
        self.width = len(_row(inputs, f"{what}, row 0"))
        self._form = _form(_target(target, f"{what}, target 0"))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: Any) -> Any:
        inputs, target = self.raw(i)
        row = _row(inputs, f"{self._what}, row {i}")
        _check_width(row, self.width, f"{self._what}, row {i}")
        return row, target

    def raw(self, i: int) -> tuple[Any, Any]:
        """The inputs as the data have them, unchecked, and the target."""
        inputs, target = self._pair(i)
        where = f"{self._what}, target {i}"
        target = _target(target, where)
        if self.fits and not self.fits(target, i):
            self.fits = None
        if _form(target) != self._form:
            raise ValueError(f"{where}: {_form(target)}, not {self._form} as above")
        return inputs, target

    def _pair(self, i: int) -> tuple[Any, Any]:
        try:
            pair = self._read(i)
        except Exception as error:
            error.add_note(f"({self._what}, row {i}, could not be read)")
            raise
        try:
            inputs, target = rows(pair)
        except (TypeError, ValueError):
            raise TypeError(
                f"{self._what}, row {i}: a pair of inputs and target is needed, not {short(pair)}"
            ) from None
        return inputs, target


class Joined(Sequence[tuple[list[float], Any]]):
    """The examples of one set that is read on demand, and after them those of another."""

    def __init__(self, one: OnDemand, other: OnDemand) -> None:
        self._one, self._other, self.width = one, other, one.width

    def __len__(self) -> int:
        return len(self._one) + len(self._other)

    def __getitem__(self, i: Any) -> Any:
        part, i = self._at(i)
        return part[i]

    def raw(self, i: int) -> tuple[Any, Any]:
        """As that of `OnDemand`."""
        part, i = self._at(i)
        return part.raw(i)

    def _at(self, i: int) -> tuple[OnDemand, int]:
        count = len(self._one)
        return (self._one, i) if i < count else (self._other, i - count)


def joined(one: InMemory | OnDemand, other: InMemory | OnDemand) -> InMemory | Joined:
    """Two sets as one, in memory if both are."""
    if isinstance(one, InMemory) and isinstance(other, InMemory):
        return InMemory(_all(one.inputs, other.inputs), _all(one.targets, other.targets))
    return Joined(*(
        part if isinstance(part, OnDemand) else OnDemand(part.__getitem__, len(part), "the data")
        for part in (one, other)
    ))  # fmt: skip


def read(found: Any, numbers: Iterable[int]) -> tuple[Any, list[Any]]:
    """The inputs of examples that are on demand as one array, and their targets.

    All numbers are checked at once, and one by one only to locate an error.
    """
    pairs = [found.raw(i) for i in numbers]
    array = _regular([inputs for inputs, _ in pairs])
    if array is None or array.shape != (len(pairs), found.width):
        pairs = [found[i] for i in numbers]
        array = need("numpy", "numpy").array([inputs for inputs, _ in pairs])
    return array.astype(float, copy=False), [target for _, target in pairs]


def _all(one: Any, other: Any) -> Any:
    """The rows of both, in an array if they are in arrays of the same kind."""
    if (
        isinstance(one, list)
        or isinstance(other, list)
        or ((one.dtype, one[0].shape) != (other.dtype, other[0].shape))
    ):
        return [*map(_plain, one), *map(_plain, other)]
    return need("numpy", "numpy").concatenate([one, other])


def _on_demand(part: Any) -> bool:
    """Whether to read items on demand: they have a length and are not in a list or array.

    Arrays of NumPy, PyTorch and others, recognised by their `tolist`, are in memory, except NumPy's
    `memmap`, which is a file.
    """
    if isinstance(part, list | tuple | range | str | bytes):
        return False
    if hasattr(part, "tolist"):
        return _is_array(part) and isinstance(part, sys.modules["numpy"].memmap)
    return hasattr(part, "__len__") and hasattr(part, "__getitem__")


def _check_width(row: list[float], width: int, where: str) -> None:
    if len(row) != width:
        raise ValueError(f"{where}: {len(row)} numbers, not {width} as above")


def _form(target: Any) -> str:
    return f"{len(target)} numbers" if isinstance(target, list) else "a number alone"


def _is_array(part: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(part, numpy.ndarray)


def _iterable(part: Any) -> Any:
    iter(part)
    return part


def _plain(part: Any) -> Any:
    """Arrays and iterators as lists."""
    return part.tolist() if hasattr(part, "tolist") else part


def _regular(part: Any) -> Any:
    """The numbers of a sequence as an array.

    None if some are not real and finite, or too large for it, or if it is no such array: then they
    are to be looked at one by one, to name what is wrong. Likewise without NumPy.
    """
    try:
        numpy = need("numpy", "numpy")
        array = numpy.array(part)
    except (ModuleNotFoundError, OverflowError, TypeError, ValueError):  # rows of several lengths
        return None
    masked = numpy.ma.MaskedArray
    usual = array.dtype.kind in "biuf" and array.dtype.itemsize <= 8 and numpy.isfinite(array).all()
    parts = [part] if _is_array(part) else part
    return array if usual and not any(isinstance(x, masked) for x in parts) else None


def _inputs(given: Any, what: str) -> Any:
    """Checked inputs: an array of (examples, numbers), or without NumPy lists of floats."""
    array = _regular(given)
    if array is not None and array.ndim == 2:
        return array.astype(float, order="C", copy=False)
    found = [_row(row, f"{what}, row {i}") for i, row in enumerate(_plain(given))]
    for i, row in enumerate(found):
        _check_width(row, len(found[0]), f"{what}, row {i}")
    array = _regular(found)
    return found if array is None else array


def _targets(given: Any, what: str) -> Any:
    """Checked targets: an array where one was given, and otherwise a list."""
    array = _regular(given)
    if array is None or array.ndim not in (1, 2):
        return [_target(t, f"{what}, target {i}") for i, t in enumerate(_plain(given))]
    if not isinstance(given, list):
        return array
    if array.ndim == 2:
        return [list(_plain(t)) for t in given]
    return array.tolist() if len({*map(type, given)}) == 1 else [*map(_plain, given)]


def _row(row: Any, where: str) -> list[float]:
    row = _plain(rows(row, where))
    if not isinstance(row, Iterable) or isinstance(row, str | bytes):
        raise TypeError(f"{where}: a sequence of numbers is needed, not {short(row)}")
    return [finite(x, f"{where}, column {j}") for j, x in enumerate(row)]


def _target(target: Any, where: str) -> Any:
    target = _plain(rows(target, where))
    if isinstance(target, Iterable) and not isinstance(target, str | bytes):
        target = list(target)
        _row(target, where)
        return target
    if isinstance(target, str):
        raise TypeError(
            f"{where} must be a number, not {short(target)}: "
            "classes, y = numpy.unique(labels, return_inverse=True) numbers classes from 0"
        )
    finite(target, where)
    return target
