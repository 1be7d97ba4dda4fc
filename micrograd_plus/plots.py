"""Pictures of trainings and of what a model has learnt, drawn on axes of matplotlib."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from micrograd_plus.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.training.history import History

_COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989")


def new_figure() -> Any:
    """An empty figure, which a notebook's cell shows whether or not matplotlib draws into cells.

    Raises:
        ModuleNotFoundError: matplotlib is missing.
    """
    figure = need("matplotlib.figure", "plot").Figure(layout="constrained")
    figure._repr_png_ = partial(_png, figure)
    return figure


def _png(figure: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def training_curves(axes: Any, history: History, kind: str = "loss") -> None:
    """Draw the loss of batches, smoothed, and of epochs; or the accuracy of epochs.

    Args:
        axes: those of a matplotlib figure.
        history: a training's.
        kind: "loss", "accuracy", or another figure of the history.

    Source: lecture B.
    """
    if kind == "loss" and history.batches:
        steps = history.steps or len(history.batches) / max(len(history), 1)
        times = [i / steps for i in range(1, len(history.batches) + 1)]
        axes.plot(times, history.batches, color="#cfd6dd", linewidth=0.8, label="batches")
        axes.plot(times, smoothed(history.batches), color="#57606a", label="smoothed")
    for name, label, colour in (
        (kind, "training", _COLOURS[2]),
        (f"validation {kind}", "validation", _COLOURS[1]),
    ):
        points = [(i, epoch[name]) for i, epoch in enumerate(history.epochs, 1) if name in epoch]
        if points:
            mark = "o" if len(points) == 1 else None
            axes.plot(*zip(*points, strict=True), color=colour, label=label, marker=mark)
    axes.set(xlabel="epoch", title=kind)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False)


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
    for k, colour in enumerate(colours):  # each by itself: 1 does not lie between 0 and 2
        here = [[float(found == k) for found in row] for row in classes]
        axes.contourf(xs, ys, here, levels=[0.5, 1.5], colors=[colour], alpha=0.25)
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


def smoothed(numbers: list[float], weight: float = 0.9) -> list[float]:
    """The exponential moving average of a sequence, unbiased at its beginning.

    >>> smoothed([1.0, 1.0], 0.5)
    [1.0, 1.0]
    """
    mean, result = 0.0, []
    for i, x in enumerate(numbers, 1):
        mean = weight * mean + (1 - weight) * x
        result.append(mean / (1 - weight**i))
    return result
