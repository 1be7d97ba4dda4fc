"""Data sets: small ones generated from a seed, and real handwritten digits.

Each set is a pair of lists: the inputs, a list of numbers for each example, and the targets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from numbers import Integral, Real
from random import Random
from typing import Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.habits import front
from micrograd_plus._tools.text import short

__all__ = ["blobs", "circles", "digits", "moons", "parabolas", "rows", "spirals", "split", "xor"]

__getattr__, __dir__ = front(__name__, __all__)

Data = tuple[list[list[float]], list[Any]]


def moons(
    points: int = 200, noise: float = 0.1, seed: int = 0, labels: tuple[Any, Any] = (0, 1)
) -> Data:
    """Two interleaving half circles.

    Args:
        points: the number of examples.
        noise: the standard deviation of both coordinates.
        seed: a whole number, for the same set each time.
        labels: the targets of the two classes; the hinge loss wants (−1, 1).

    Raises:
        ValueError: `points` is not a whole number from 1 to 10,000,000, or `noise` is negative.

    >>> inputs, targets = moons(4, noise=0, labels=(-1, 1))
    >>> inputs[0], targets
    ([1.0, 0.0], [-1, 1, -1, 1])
    """
    random = _random(points, noise, seed)
    inputs = []
    for i in range(points):
        angle = math.pi * (i // 2) / max(_count(i, points, 2) - 1, 1)
        x, y = math.cos(angle), math.sin(angle)
        inputs.append([x, y] if i % 2 == 0 else [1 - x, 0.5 - y])
    return _with_noise(inputs, noise, random), [labels[i % 2] for i in range(points)]


def circles(
    points: int = 200, noise: float = 0.05, seed: int = 0, labels: tuple[Any, Any] = (0, 1)
) -> Data:
    """A circle of radius 1 and one of radius ½ inside it.

    Args:
        points: the number of examples.
        noise: the standard deviation of both coordinates.
        seed: a whole number, for the same set each time.
        labels: the targets of the two classes.

    Raises:
        ValueError: as for `moons`.

    >>> circles(2, noise=0)
    ([[1.0, 0.0], [0.5, 0.0]], [0, 1])
    """
    random = _random(points, noise, seed)
    inputs = []
    for i in range(points):
        angle = 2 * math.pi * (i // 2) / _count(i, points, 2)
        radius = 0.5 if i % 2 else 1.0
        inputs.append([radius * math.cos(angle), radius * math.sin(angle)])
    return _with_noise(inputs, noise, random), [labels[i % 2] for i in range(points)]


def spirals(points: int = 300, classes: int = 3, noise: float = 0.03, seed: int = 0) -> Data:
    """The arms of a spiral, one for each class.

    Args:
        points: the number of examples.
        noise: the standard deviation of both coordinates.
        seed: a whole number, for the same set each time.
        classes: the number of arms.

    Raises:
        ValueError: as for `moons`, and if `classes` is not a positive whole number.

    >>> inputs, targets = spirals(6, classes=3, noise=0)
    >>> targets
    [0, 1, 2, 0, 1, 2]
    """
    random = _random(points, noise, seed)
    _check_whole(classes, "classes")
    inputs = []
    for i in range(points):
        radius = (i // classes) / max(_count(i, points, classes) - 1, 1)
        angle = 2 * math.pi * (i % classes) / classes + 4 * radius
        inputs.append([radius * math.cos(angle), radius * math.sin(angle)])
    return _with_noise(inputs, noise, random), [i % classes for i in range(points)]


def blobs(points: int = 300, classes: int = 3, noise: float = 0.3, seed: int = 0) -> Data:
    """Normally distributed clouds around points of a circle, one for each class.

    Args:
        points: the number of examples.
        noise: the standard deviation of both coordinates.
        seed: a whole number, for the same set each time.
        classes: the number of clouds.

    Raises:
        ValueError: as for `spirals`.

    >>> inputs, targets = blobs(2, classes=2, noise=0)
    >>> [[round(x, 9) for x in row] for row in inputs]
    [[1.0, 0.0], [-1.0, 0.0]]
    """
    random = _random(points, noise, seed)
    _check_whole(classes, "classes")
    angles = [2 * math.pi * (i % classes) / classes for i in range(points)]
    inputs = [[math.cos(angle), math.sin(angle)] for angle in angles]
    return _with_noise(inputs, noise, random), [i % classes for i in range(points)]


def xor(
    points: int = 4, noise: float = 0.0, seed: int = 0, labels: tuple[Any, Any] = (0, 1)
) -> Data:
    """Exclusive or: the corners of a square, which no single neuron can separate.

    Args:
        points: the number of examples.
        noise: the standard deviation of both coordinates.
        seed: a whole number, for the same set each time.
        labels: the targets of the two classes.

    Raises:
        ValueError: as for `moons`.

    >>> xor()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    random = _random(points, noise, seed)
    corners = [(float(i // 2 % 2), float(i % 2)) for i in range(points)]
    inputs = _with_noise([list(corner) for corner in corners], noise, random)
    return inputs, [labels[a != b] for a, b in corners]


def parabolas(points: int = 100, noise: float = 0.05, seed: int = 0) -> Data:
    """Two parabolas over the same x, for regression: the targets are x² and 1 − x².

    Args:
        points: the number of examples.
        noise: the standard deviation of the targets.
        seed: a whole number, for the same set each time.

    Raises:
        ValueError: as for `moons`.

    >>> parabolas(3, noise=0)
    ([[-1.0], [0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    """
    random = _random(points, noise, seed)
    xs = [2 * i / max(points - 1, 1) - 1 for i in range(points)]
    return [[x] for x in xs], _with_noise([[x * x, 1 - x * x] for x in xs], noise, random)


def digits(size: int = 8) -> Data:
    """1,797 handwritten digits: pixels from 0 to 1, row by row, and the digit.

    Args:
        size: 8, as in scikit-learn, or a multiple of 8, for which each pixel is repeated.

    Raises:
        ValueError: `size` is not a positive multiple of 8.
        ModuleNotFoundError: scikit-learn is missing.

    Source: the test set of E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998.

    >>> inputs, targets = digits()
    >>> len(inputs), len(inputs[0]), targets[:5]
    (1797, 64, [0, 1, 2, 3, 4])
    """
    if not isinstance(size, int) or size < 8 or size % 8:
        raise ValueError(f"the size of digits must be a multiple of 8, not {short(size)}")
    found = need("sklearn.datasets", "examples").load_digits()
    images = (found.images / 16.0).repeat(size // 8, axis=1).repeat(size // 8, axis=2)
    return images.reshape(len(images), -1).tolist(), found.target.tolist()


def split(data: Data, fraction: float = 0.2, seed: int = 0) -> tuple[Data, Data]:
    """Split a set at random into a training set and a held-out set.

    Args:
        data: inputs and targets, or a list of pairs of these.
        fraction: the part to hold out, between 0 and 1.
        seed: a whole number, for the same split each time.

    Raises:
        TypeError: the fraction is not a number, or the data have no rows in order.
        ValueError: the fraction leaves one part empty, or inputs and targets differ in length.

    >>> train, held_out = split(moons(10), 0.2)
    >>> len(train[0]), len(held_out[1])
    (8, 2)
    """
    if not isinstance(fraction, Real):
        kind = type(fraction).__name__
        raise TypeError(
            f"split takes a pair (inputs, targets) and a fraction, which is not a {kind}"
        )
    inputs, targets = (list(rows(part)) for part in unzipped(data))
    if len(inputs) != len(targets):
        raise ValueError(f"{len(inputs)} inputs need as many targets, not {len(targets)}")
    held = round(len(inputs) * fraction) if 0 < fraction < 1 else 0
    if not 0 < held < len(inputs):
        raise ValueError(
            f"a fraction {short(fraction)} of {len(inputs)} examples leaves a part empty"
        )
    order = list(range(len(inputs)))
    Random(seed).shuffle(order)  # noqa: S311  not for secrets
    parts = order[held:], order[:held]
    train, held_out = (([inputs[i] for i in p], [targets[i] for i in p]) for p in parts)
    return train, held_out


_MOST = 10_000_000  # points, since all of them are held in memory
_COLUMNS = ("toarray", "iloc", "__dataframe__")  # attributes of sparse matrices and tables only


def rows(part: Any, what: str = "the data") -> Any:
    """Inputs or targets as a sequence of rows; iterating over a table would give its columns.

    Args:
        part: a sequence, an array, or a table such as a DataFrame.
        what: its name in errors.

    Raises:
        TypeError: it is a dictionary, a set or a sparse matrix, which have no rows in order.

    >>> rows([[1.0, 2.0], [3.0, 4.0]])
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if isinstance(part, list | tuple):
        return part
    if hasattr(part, "to_numpy"):
        return part.to_numpy()
    if isinstance(part, Mapping | Set) or any(hasattr(part, name) for name in _COLUMNS):
        kind = type(part).__name__
        raise TypeError(f"{what}: a {kind} has no rows in order: make it a list or an array")
    return part


def unzipped(data: Any) -> Any:
    """A list of pairs of inputs and target as inputs and targets; anything else unchanged.

    Args:
        data: examples. Two pairs could also be inputs and targets; they count as pairs if the
            second has several inputs and one target.

    >>> unzipped([([1.0, 2.0], 0), ([3.0, 4.0], 1)])
    (([1.0, 2.0], [3.0, 4.0]), (0, 1))
    """
    pairs = isinstance(data, list) and all(isinstance(x, tuple) and len(x) == 2 for x in data)
    if not (pairs and data) or (len(data) == 2 and [*map(_several, data[1])] != [True, False]):
        return data
    return tuple(zip(*data, strict=True))


def _several(x: Any) -> bool:
    return hasattr(x, "__len__")


def _random(points: Any, noise: float, seed: int) -> Random:
    _check_whole(points, "points")
    if points > _MOST:
        raise ValueError(f"the number of points is at most {_MOST:,}, not {points:,}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"the noise must be a finite number of at least 0, not {short(noise)}")
    return Random(seed)  # noqa: S311  not for secrets


def _count(i: int, points: int, classes: int) -> int:
    """The number of points in the class of point i, where the classes take turns."""
    return len(range(i % classes, points, classes))


def _check_whole(n: Any, what: str) -> None:
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"the number of {what} must be a positive whole number, not {short(n)}")


def _with_noise(rows: list[list[float]], noise: float, random: Random) -> list[list[float]]:
    return [[x + random.gauss(0.0, noise) for x in row] for row in rows] if noise else rows
