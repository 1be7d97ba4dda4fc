"""Curves: activations with their derivatives, fitted curves, and losses over a training."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import choose
from micrograd_plus.calculus import derivative
from micrograd_plus.nn.activations import ACTIVATIONS
from micrograd_plus.plots.style import GREY, MARKERS, PALE, around, line, on, pair, plain, style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.training.history import History


def activation(
    f: str | Callable[[Any], Any], span: tuple[float, float] = (-4.0, 4.0), axes: Any = None
) -> Any:
    """Draw an activation function and its derivative.

    Args:
        f: a name of `nn.ACTIVATIONS`, or a function of one number.
        span: from where to where.
        axes: those of a matplotlib figure; by default a new one's.

    Raises:
        ValueError: there is no such activation, or the span is empty.
        NonFiniteError: the function has no value at a point.

    Source: lectures A, B and C, see help(micrograd_plus).

    >>> [line.get_label() for line in activation("tanh").axes[0].lines[:2]]
    ['f(x)', "f'(x)"]
    """
    name = f if isinstance(f, str) else getattr(f, "__name__", "f").replace("<lambda>", "f")
    if isinstance(f, str):
        if f not in ACTIVATIONS:
            raise ValueError(choose("there is no activation", f, ACTIVATIONS))
        f = ACTIVATIONS[f]
    xs = line(*span, 400)  # an even number, so that none is 0, where many have a kink
    curves = {"f(x)": [float(f(x)) for x in xs], "f'(x)": list(map(derivative(f), xs))}
    axes = on(axes)
    for k, (label, ys) in enumerate(curves.items()):
        axes.plot(xs, _broken(ys), **style(k), linewidth=2 - 0.5 * k, label=label)
    axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    axes.set_title(plain(name))
    axes.legend(frameon=False)
    return axes.figure


def fitted(
    model: Callable[[list[float]], Any], data: Any, steps: int = 200, axes: Any = None
) -> Any:
    """Draw the curve of a model of one number over the points that it was fitted to.

    Args:
        model: a function of a list of one number. It returns a number, or a list of several, each
            of which is drawn as a curve.
        data: inputs of one number each, and their targets, as many numbers each as outputs.
        steps: the number of points of a curve, 2 or more.
        axes: those of a matplotlib figure; by default a new one's.

    Raises:
        TypeError: the data are not a pair of inputs and targets.
        ValueError: the inputs are not of one number each, or there are more outputs than targets,
            or fewer.

    >>> data = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> curve, points = fitted(lambda x: 2 * x[0] + 1, data, steps=4).axes[0].lines
    >>> [f"{y:.1f}" for y in curve.get_ydata()], points.get_ydata().tolist()
    (['0.6', '2.2', '3.8', '5.4'], [1.0, 3.0, 5.0])
    """
    inputs, targets = pair(data)
    if not len(inputs) or any(len(row) != 1 for row in inputs):
        raise ValueError("a fitted curve is drawn for inputs of one number each")
    at = [float(x) for (x,) in inputs]
    xs = around(at, steps)
    curves = list(zip(*(_several(model([x])) for x in xs), strict=True))
    points = list(zip(*map(_several, targets), strict=True))
    if len(curves) != len(points):
        raise ValueError(
            f"the model has {len(curves)} outputs, and an example {len(points)} targets"
        )
    axes = on(axes)
    for k, (curve, marks) in enumerate(zip(curves, points, strict=True)):
        number = f" {k + 1}" if len(curves) > 1 else ""
        axes.plot(xs, curve, **style(k), linewidth=2, label=f"model{number}", zorder=2.5)
        dots = {"marker": MARKERS[k % len(MARKERS)], "markersize": 4, "alpha": 0.45}
        color = style(k)["color"]
        axes.plot(at, marks, color=color, linestyle="", label=f"data{number}", **dots)
    axes.legend(frameon=False)
    return axes.figure


def training_curves(history: History, kind: str = "loss", axes: Any = None) -> Any:
    """Draw the loss of mini-batches, also smoothed, and of epochs; or the accuracy of epochs.

    Args:
        history: a training's.
        kind: "loss", "accuracy", or another figure of the history.
        axes: those of a matplotlib figure; by default a new one's.

    Source: lecture B, see help(micrograd_plus).

    >>> from micrograd_plus.training import History
    >>> history = History([{"loss": 2.0}, {"loss": 1.0, "validation loss": 1.5}])
    >>> [line.get_label() for line in training_curves(history).axes[0].lines]
    ['training', 'validation']
    """
    axes = on(axes)
    if kind == "loss" and history.batches:
        times = _times(history, history.batches)
        axes.plot(times, history.batches, color=PALE, linewidth=0.8, label="batches")
        axes.plot(times, smoothed(history.batches), ":", color=GREY, label="smoothed")
    for k, (name, label) in enumerate(((kind, "training"), (f"validation {kind}", "validation"))):
        points = [(i, epoch[name]) for i, epoch in enumerate(history.epochs, 1) if name in epoch]
        if points:
            mark = MARKERS[k] if len(points) == 1 else None
            axes.plot(*zip(*points, strict=True), **style(k), label=label, marker=mark)
    axes.set_xlabel("epoch")
    axes.set_title(plain(kind))
    if axes.lines:
        axes.legend(frameon=False)
    return axes.figure


def gradient_flow(history: History, axes: Any = None) -> Any:
    """Draw the norm of each layer's gradient over a training, smoothed.

    Args:
        history: that of a `fit` with `gradient_flow=True`.
        axes: those of a matplotlib figure; by default a new one's.

    Raises:
        ValueError: the history has no gradients.

    Source: lecture C, on vanishing and exploding gradients; see help(micrograd_plus).

    >>> from micrograd_plus.training import History
    >>> history = History([{"loss": 1.0}], gradients={"Layer 1": [0.1, 0.01]})
    >>> gradient_flow(history).axes[0].get_yscale()
    'log'
    """
    if not history.gradients:
        raise ValueError("the history has no gradients: record them by fit(…, gradient_flow=True)")
    axes = on(axes)
    for k, (layer, norms) in enumerate(history.gradients.items()):
        marks = {"marker": MARKERS[k % len(MARKERS)], "markevery": -(-len(norms) // 8) or 1}
        times = _times(history, norms)
        axes.plot(times, smoothed(norms), **style(k), **marks, label=plain(layer))
    if any(norm > 0 for norms in history.gradients.values() for norm in norms):
        axes.set_yscale("log")
    axes.set(xlabel="epoch", title="norm of the gradient by layer")
    axes.legend(frameon=False)
    return axes.figure


def smoothed(numbers: list[float], weight: float = 0.9) -> list[float]:
    """The exponential moving average of a sequence, corrected for its bias at the beginning.

    Args:
        numbers: the sequence.
        weight: the share of the average that each step keeps, at least 0 and less than 1.

    >>> smoothed([1.0, 1.0], 0.5)
    [1.0, 1.0]
    """
    mean, result = 0.0, []
    for i, x in enumerate(numbers, 1):
        mean = weight * mean + (1 - weight) * x
        result.append(mean / (1 - weight**i))
    return result


def _several(outputs: Any) -> list[float]:
    return list(map(float, outputs if hasattr(outputs, "__iter__") else [outputs]))


def _times(history: History, batches: Sequence[float]) -> list[float]:
    """When each mini-batch ended, in epochs."""
    steps = history.steps or len(batches) / max(len(history), 1)
    return [i / steps for i in range(1, len(batches) + 1)]


def _broken(ys: list[float]) -> list[float]:
    """A curve with a gap at each jump, where it changes far more than just before and after."""
    changes = [abs(b - a) for a, b in pairwise(ys)]
    least = 0.02 * (max(ys) - min(ys))
    result = list(ys)
    for i in range(1, len(changes) - 1):
        if changes[i] > max(least, 4 * changes[i - 1], 4 * changes[i + 1]):
            result[i + 1] = math.nan
    return result
