"""Pictures of what a model has learnt, drawn by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989")


def decision_boundary(
    axes: Any, classify: Callable[[list[float]], int], data: Any, steps: int = 60
) -> None:
    """Colour the plane by the class that a model gives each point, with the data upon it.

    Args:
        axes: those of a matplotlib figure.
        classify: a function of two numbers in a list that returns the index of a class.
        data: inputs of two numbers each, and the indices of their classes.
        steps: the number of points tried along each axis.

    Raises:
        ValueError: the inputs are not of two numbers each.

    Source: lecture D.
    """
    inputs, targets = data
    if any(len(row) != 2 for row in inputs):
        raise ValueError("a decision boundary is drawn for inputs of two numbers each")
    xs, ys = (_around([row[i] for row in inputs], steps) for i in (0, 1))
    classes = [[classify([x, y]) for x in xs] for y in ys]
    count = max(2, *(max(row) + 1 for row in classes), *(int(t) + 1 for t in targets))
    colours = [_COLOURS[i % len(_COLOURS)] for i in range(count)]
    levels = [i - 0.5 for i in range(count + 1)]
    axes.contourf(xs, ys, classes, levels=levels, colors=colours, alpha=0.25)
    axes.scatter(
        *zip(*inputs, strict=True),
        c=[colours[int(t)] for t in targets],
        s=12,
        edgecolors="white",
        linewidths=0.5,
    )
    axes.set(xticks=[], yticks=[], aspect="equal")


def _around(numbers: Sequence[float], steps: int) -> list[float]:
    """Evenly spaced numbers over a range and a little beyond it."""
    low, high = min(numbers), max(numbers)
    margin = 0.1 * (high - low) or 1.0
    low, high = low - margin, high + margin
    return [low + (high - low) * i / (steps - 1) for i in range(steps)]
