"""Training examples: those in memory are checked at once, those on demand when they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from micrograd_plus.datasets import rows
from micrograd_plus.graph import finite

if TYPE_CHECKING:
    from collections.abc import Callable

Examples = Sequence[tuple[list[float], Any]]


def examples(data: Any, what: str = "the data") -> Examples:
    """Pairs of inputs and target, from two sequences or from one of such pairs.

    Data in memory are checked, and become a list; of data on demand only the first example is read.

    Raises:
        TypeError: the data are not such sequences, or an item is not a number.
        ValueError: there are no rows, rows differ in length, or a number is not finite; the
            message names row and column.
    """
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
    inputs, targets = (part if _on_demand(part) else list(_plain(part)) for part in parts)
    if len(inputs) != len(targets):
        raise ValueError(f"{what}: {len(inputs)} inputs need as many targets, not {len(targets)}")
    if _on_demand(inputs) or _on_demand(targets):
        return OnDemand(lambda i: (inputs[i], targets[i]), len(inputs), what)
    if not inputs:
        raise ValueError(f"{what}: there are no examples")
    found = [_row(row, f"{what}, row {i}") for i, row in enumerate(inputs)]
    for i, row in enumerate(found):
        _check_width(row, len(found[0]), f"{what}, row {i}")
    return list(zip(found, (_target(t, f"{what}, target {i}") for i, t in enumerate(targets)),
                    strict=True))  # fmt: skip


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
                f"{self._what}, row {i}: a pair of inputs and target is needed, not {pair!r}"
            ) from None
        return inputs, target


class Joined(Sequence[tuple[list[float], Any]]):
    """The examples of one set, and after them those of another."""

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


def joined(one: Examples, other: Examples) -> Examples:
    """Two sets as one: a list, unless one is read on demand."""
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return Joined(*(
        part if isinstance(part, OnDemand) else OnDemand(part.__getitem__, len(part), "the data")
        for part in (one, other)
    ))  # fmt: skip


def read(numpy: Any, found: Any, numbers: Iterable[int]) -> tuple[Any, list[Any]]:
    """The inputs of examples that are on demand as one array, and their targets.

    All numbers are checked at once, and one by one only to locate an error.
    """
    pairs = [found.raw(i) for i in numbers]
    try:
        array = numpy.array([inputs for inputs, _ in pairs])
        usual = array.dtype.kind in "biuf" and array.dtype.itemsize <= 8
        usual = usual and array.shape == (len(pairs), found.width) and numpy.isfinite(array).all()
        usual = usual and not any(isinstance(inputs, numpy.ma.MaskedArray) for inputs, _ in pairs)
    except (TypeError, ValueError):  # rows that differ in length, for one
        usual = False
    if not usual:
        pairs = [found[i] for i in numbers]
        array = numpy.array([inputs for inputs, _ in pairs])
    return array.astype(float, copy=False), [target for _, target in pairs]


def _on_demand(part: Any) -> bool:
    """Whether to read items on demand: they have a length and are not in a list or array.

    Arrays of NumPy, PyTorch and others, recognised by their `tolist`, are in memory, except NumPy's
    `memmap`, which is a file.
    """
    if isinstance(part, list | tuple | range | str | bytes):
        return False
    if hasattr(part, "tolist"):
        return "numpy" in sys.modules and isinstance(part, sys.modules["numpy"].memmap)
    return hasattr(part, "__len__") and hasattr(part, "__getitem__")


def _check_width(row: list[float], width: int, where: str) -> None:
    if len(row) != width:
        raise ValueError(f"{where}: {len(row)} numbers, not {width} as above")


def _form(target: Any) -> str:
    return f"{len(target)} numbers" if isinstance(target, list) else "a number alone"


def _iterable(part: Any) -> Any:
    iter(part)
    return part


def _plain(part: Any) -> Any:
    """Arrays and iterators as lists."""
    return part.tolist() if hasattr(part, "tolist") else part


def _row(row: Any, where: str) -> list[float]:
    row = _plain(rows(row, where))
    if not isinstance(row, Iterable) or isinstance(row, str | bytes):
        raise TypeError(f"{where}: a sequence of numbers is needed, not {row!r}")
    return [finite(x, f"{where}, column {j}") for j, x in enumerate(row)]


def _target(target: Any, where: str) -> Any:
    target = _plain(rows(target, where))
    if isinstance(target, Iterable) and not isinstance(target, str | bytes):
        target = list(target)
        _row(target, where)
        return target
    finite(target, where)
    return target
