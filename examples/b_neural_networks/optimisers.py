"""Lecture B: update rules raced on one surface, as a picture and as an animation.

    python examples/b_neural_networks/optimisers.py [FOLDER]

prints momentum by the lecture's formula beside ours, and how far each rule comes; saves
optimisers.png and optimisers.gif into FOLDER (by default the current one).
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import optim, plots

START, STEPS, EVERY = (-1.5, 0.5), 150, 3  # every third step becomes a frame
RULES = {
    "gradient descent": optim.GradientDescent(0.004),
    "momentum": optim.Momentum(0.004, momentum=0.9),
    "Nesterov": optim.Nesterov(0.004, momentum=0.9),
    "AdaGrad": optim.AdaGrad(0.7),
    "RMSprop": optim.RMSprop(0.03),
    "Adam": optim.Adam(0.2),
}
Path2D = list[tuple[float, float]]


def surface(x: Any, y: Any) -> Any:
    """Rosenbrock's curved valley, less steep; the lowest point is (1, 1)."""
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def race(rule: optim.Rule) -> Path2D:
    """The points that a rule goes through."""
    point = mg.values(x=START[0], y=START[1])
    optimizer, path = optim.Optimizer(point, rule), [START]
    for _ in range(STEPS):
        optimizer.zero_grad()
        surface(*point).backward()
        optimizer.step()
        path.append((point[0].data, point[1].data))
    return path


def momentum(rate: float = 0.004, gamma: float = 0.9) -> Path2D:
    """The lecture's v ← γv + η ∂E/∂w, w ← w − v, in plain Python."""
    (x, y), v_x, v_y, path = START, 0.0, 0.0, [START]
    for _ in range(STEPS):
        slope_x, slope_y = -2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)
        v_x, v_y = gamma * v_x + rate * slope_x, gamma * v_y + rate * slope_y
        x, y = x - v_x, y - v_y
        path.append((x, y))
    return path


def draw(axes: Axes, paths: dict[str, Path2D]) -> Callable[[int], None]:
    """The surface's contours, and a function that draws the paths up to a step."""
    levels = [2.0**k for k in range(-2, 8)]
    span = ((-2.0, 2.0), (-1.0, 2.2))
    plots.loss_surface(lambda point: surface(*point), (), span, levels, steps=100, axes=axes)
    axes.plot(1, 1, "*", color=plots.GREY, markersize=12)
    axes.set(title="paths on one surface", xlabel="x", ylabel="y")
    lines = [
        axes.plot([], [], **plots.style(k), marker=plots.MARKERS[k], markevery=[-1], label=name)[0]
        for k, name in enumerate(paths)
    ]
    axes.legend(loc="lower center", ncols=3, fontsize=9)

    def show(step: int) -> None:
        for path, line in zip(paths.values(), lines, strict=True):
            line.set_data(*zip(*path[: step + 1], strict=True))

    return show


def picture(paths: dict[str, Path2D]) -> Figure:
    """The whole paths, and their heights over the steps."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    draw(left, paths)(STEPS)
    for k, path in enumerate(paths.values()):
        right.semilogy([surface(*point) for point in path], **plots.style(k))
    right.set(title="height", xlabel="step", xlim=(0, STEPS))
    right.spines[["top", "right"]].set_visible(False)
    return figure


def animate(paths: dict[str, Path2D], file: Path) -> None:
    """The race, step by step."""
    figure = Figure(figsize=(6.4, 4.4))
    show = draw(figure.subplots(), paths)
    writer = PillowWriter(fps=12)
    with writer.saving(figure, file, dpi=80):
        for step in [*range(0, STEPS, EVERY), *[STEPS] * 6]:  # and a rest at the end
            show(step)
            writer.grab_frame()


def main(folder: Path) -> dict[str, Path2D]:
    """Print momentum's path and all last points, and save the pictures; the paths by rule."""
    paths = {name: race(rule) for name, rule in RULES.items()}
    print("momentum   lecture's formula        ours")
    for step in (1, 2, 10, STEPS):
        both = [f"({x:8.5f}, {y:8.5f})" for x, y in (momentum()[step], paths["momentum"][step])]
        print(f"step {step:4}  {'  '.join(both)}")
    print(f"\nrule              height after {STEPS} steps")
    for name, path in paths.items():
        print(f"{name:18} {surface(*path[-1]):.6f}")
    picture(paths).savefig(folder / "optimisers.png", dpi=110)
    animate(paths, folder / "optimisers.gif")
    return paths


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
