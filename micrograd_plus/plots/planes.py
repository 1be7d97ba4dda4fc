"""Planes: the decisions of a model, and loss surfaces with the paths of optimisers on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

from micrograd_plus import compiler
from micrograd_plus._tools.nested import mapped
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import short
from micrograd_plus.datasets import rows
from micrograd_plus.nn.losses import as_numbers
from micrograd_plus.plots.style import (
    COLOURS,
    GREY,
    MARKERS,
    PALE,
    around,
    line,
    on,
    pair,
    plain,
    style,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.engine import Value

_STRENGTH = 0.25  # of colours, where a model only decides
_SHARES = {0.5: 0.1, 0.6: 0.17, 0.75: 0.25, 0.9: 0.33, 0.99: 0.42}  # strengths, by probabilities
STRENGTHS = {math.log(p / (1 - p)): strength for p, strength in _SHARES.items()}


def decision_boundary(
    model: Callable[[list[float]], Any], data: Any, steps: int = 60, axes: Any = None
) -> Any:
    """Colour each point of the plane by the class that a model predicts, with the data on top.

    Where the model gives scores, stronger colours show where it is surer: the steps are those where
    the class has a probability of 60, 75, 90 and 99 % against the one that comes next.

    Args:
        model: a function of a list of two numbers. It returns one output per class, of which the
            largest decides; or a single output, positive for class 1; or the class as an int.
        data: inputs of two numbers each, and their classes, counted from 0.
        steps: the number of grid points along each axis.
        axes: those of a matplotlib figure; by default a new one's.

    Raises:
        TypeError: the data are not a pair of inputs and targets.
        ValueError: the inputs are not of two numbers each, or a target is no class.

    Source: lecture D, see help(micrograd_plus).

    >>> data = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    >>> axes = decision_boundary(lambda x: x[0] - x[1], data, steps=5).axes[0]
    >>> [f"{x:.1f}" for x in axes.get_xlim()]
    ['-0.1', '1.1']
    """
    inputs, targets = pair(data)
    if not len(inputs) or any(len(row) != 2 for row in inputs):
        raise ValueError("a decision boundary is drawn for inputs of two numbers each")
    for i, t in enumerate(targets):
        if not (t >= 0 and t % 1 == 0):
            raise ValueError(f"target {i} is {short(t)}: classes are counted 0, 1, 2, …")
    xs, ys = (around([row[i] for row in inputs], steps) for i in (0, 1))
    scores = [[_scores(model([x, y])) for x in xs] for y in ys]
    found = {_class(score) for row in scores for score in row}
    scored = isinstance(scores[0][0], list)
    strengths = STRENGTHS if scored else {0.0: _STRENGTH}
    axes = on(axes)
    for k in sorted(found | {int(t) for t in targets}):
        colour = COLOURS[k % len(COLOURS)]
        margins = [[_margin(score, k) for score in row] for row in scores]
        fills = [(colour, strength) for strength in strengths.values()]
        if k in found:
            axes.contourf(xs, ys, margins, levels=[*strengths, math.inf], colors=fills)
        if {k} < found:
            axes.contour(xs, ys, margins, levels=[0.0], colors=[GREY], linewidths=0.8)
        points = [row for row, t in zip(inputs, targets, strict=True) if t == k]
        if points:
            look = {"marker": MARKERS[k % len(MARKERS)], "edgecolors": "white", "linewidths": 0.5}
            axes.scatter(*zip(*points, strict=True), color=colour, s=24, zorder=3, label=k, **look)
    axes.set(aspect="equal")
    title = "class\n(stronger: surer)" if scored else "class"
    axes.legend(title=title, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return axes.figure


def loss_surface(
    f: Callable[[list[float]], Any],
    path: Sequence[Sequence[float]] | Mapping[str, Sequence[Sequence[float]]] = (),
    span: Sequence[tuple[float, float]] | None = None,
    levels: Sequence[float] | None = None,
    steps: int = 60,
    axes: Any = None,
) -> Any:
    """Draw a function of two numbers by its contour lines, and the paths of optimisers on it.

    Args:
        f: a function of two numbers in a list, such as `loss_along` gives.
        path: the points that an optimiser went through, two numbers each; or a dictionary of such
            paths by name. A ring marks the beginning of a path, a filled mark its end.
        span: the lowest and the highest number along each axis; by default a little beyond the
            path, or −2 and 2 without one.
        levels: the heights of the contour lines; by default closest near the minimum.
        steps: the number of grid points along each axis.
        axes: those of a matplotlib figure; by default a new one's.

    Raises:
        ValueError: a point does not have two numbers, a span is empty, or the function is finite
            nowhere. Single points where it is not finite are left out.

    Source: lectures B, C and D, see help(micrograd_plus).

    >>> way = [[2.0, 1.0], [0.0, 0.4], [0.0, 0.16]]
    >>> axes = loss_surface(lambda x: 5 * x[0] ** 2 + 3 * x[1] ** 2, way).axes[0]
    >>> [f"{x:.1f}" for x in axes.get_xlim()]
    ['-0.2', '2.2']
    """
    paths = dict(path) if isinstance(path, Mapping) else {"": path} if len(path) else {}
    points = [point for way in paths.values() for point in way]
    if odd := [point for point in points if len(point) != 2]:
        raise ValueError(f"a point on the surface has two numbers, unlike {short(odd[0])}")
    if span is not None:
        xs, ys = (line(*ends, steps) for ends in span)
    elif points:
        xs, ys = (around([point[i] for point in points], steps) for i in (0, 1))
    else:
        xs = ys = line(-2.0, 2.0, steps)
    heights = [[_height(f, [x, y]) for x in xs] for y in ys]
    found = [h for row in heights for h in row if math.isfinite(h)]
    if not found:
        raise ValueError("the function is finite nowhere on the surface; choose another span")
    low, high = min(found), max(found)
    if levels is None:
        levels = [low + (high - low) * (i / 15) ** 2.5 for i in range(1, 15)]
    axes = on(axes)
    if any(low <= level < high for level in levels):
        lines = axes.contour(xs, ys, heights, levels=levels, colors=PALE, linewidths=1)
        axes.clabel(lines, fmt=partial(text_number, digits=3), fontsize=7, colors=GREY)
    for k, (name, way) in enumerate(paths.items()):
        mark, look = MARKERS[k % len(MARKERS)], style(k)
        points = list(zip(*way, strict=True))
        axes.plot(*points, **look, marker=mark, markevery=[-1], label=plain(name))
        axes.plot(*points, ".", color=look["color"], markersize=4)
        axes.plot(*way[0], "o", color=look["color"], markerfacecolor="white")
    axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    if any(paths):
        axes.legend(frameon=False)
    return axes.figure


def loss_along(
    model: Callable[[Any], Any],
    data: Any,
    loss: Callable[[Any, Any], Any],
    along: Sequence[Value],
) -> Callable[[Sequence[float]], float]:
    """The mean loss over data as a function of some parameters of a model; the others stay fixed.

    Args:
        model: a function of the inputs of one example; its parameters are not changed.
        data: inputs and targets, as for `fit`.
        loss: a function of outputs and target.
        along: the parameters to vary; two for `loss_surface`.

    Raises:
        TraceError: the loss can't be compiled.
        ModuleNotFoundError: NumPy is missing.

    >>> from micrograd_plus import nn
    >>> neuron = nn.Neuron(1, activation=None, init="zeros")
    >>> f = loss_along(neuron, ([[1.0], [2.0]], [3.0, 5.0]), nn.mse, [*neuron.w, neuron.b])
    >>> f([0.0, 0.0]), f([2.0, 1.0])
    (17.0, 0.0)
    """
    inputs, targets = map(rows, data)
    outputs = model(inputs[0])
    width = len(outputs) if isinstance(outputs, list | tuple) else 1
    numbers = [as_numbers(loss, target, width) for target in targets]
    example = mapped(float, (inputs[0], numbers[0]))  # ints would be indices
    program = compiler.compile(lambda x, t: loss(model(x), t), *example, params=along)

    def mean_loss(point: Sequence[float]) -> float:
        program.vector = point  # the program's own numbers, not the model's
        return float(program(inputs, numbers).mean())

    return mean_loss


def _scores(outputs: Any) -> list[float] | int:
    """The score of each class, or where a model gives none, its decision."""
    if isinstance(outputs, list | tuple):
        return list(map(float, outputs))
    if isinstance(outputs, Integral) or type(outputs).__name__ == "bool":  # NumPy's is no Integral
        return int(outputs)
    return [0.0, float(outputs)]


def _class(scores: list[float] | int) -> int:
    return scores if isinstance(scores, int) else max(range(len(scores)), key=scores.__getitem__)


def _margin(scores: list[float] | int, k: int) -> float:
    """By how much the score of class k is above the best other one; ±1 for decisions."""
    if isinstance(scores, int) or k >= len(scores):
        return 1.0 if scores == k else -1.0
    return scores[k] - max((x for i, x in enumerate(scores) if i != k), default=-math.inf)


def _height(f: Callable[[list[float]], Any], point: list[float]) -> float:
    try:
        return float(f(point))
    except ArithmeticError:
        return math.nan
