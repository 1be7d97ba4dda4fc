"""Lecture C: pictures of loss surfaces, and saddle points told from the Hessian's eigenvalues.

    python examples/c_dense_networks/loss_surfaces.py [FOLDER]

classifies points where gradients are 0 on the lecture's bowl, on a saddle, and on the loss of a
network of two weights, and saves a picture of the three surfaces into FOLDER (by default the
current one).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import micrograd_plus as mg
from micrograd_plus import nn, plots

INPUTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)


def bowl(x):
    """The lecture's convex function."""
    return 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1]


def saddle(x):
    """Up along one axis, down along the other."""
    return 5 * x[0] ** 2 - 3 * x[1] ** 2


def network(w):
    """The loss of w₂ tanh(w₁x) that is to learn tanh(x): it has a saddle between two valleys."""
    return mg.mean([nn.mse(w[1] * mg.tanh(w[0] * x), mg.tanh(x)) for x in INPUTS])


POINTS = (
    ("5x₁² + 3x₂² + 4x₁x₂", bowl, [0, 0], "lowest point"),
    ("5x₁² − 3x₂²", saddle, [0, 0], "saddle"),
    ("loss of w₂ tanh(w₁x)", network, [0, 0], "saddle"),
    ("loss of w₂ tanh(w₁x)", network, [1, 1], "lowest point"),
    ("loss of w₂ tanh(w₁x)", network, [-1, -1], "lowest point"),
)


def kind(eigenvalues: list[float]) -> str:
    """What a point with gradient 0 is."""
    if min(eigenvalues) > 0:
        return "lowest point"
    if max(eigenvalues) < 0:
        return "highest point"
    return "saddle" if min(eigenvalues) < 0 < max(eigenvalues) else "undecided"


def picture(path: Path) -> None:
    """The three surfaces, with the points upon them."""
    figure = Figure(figsize=(12, 4.4))
    figure.subplots_adjust(left=0, right=0.96, bottom=0.05, top=0.86, wspace=0.16)
    looks = {  # by shape as well as by colour
        what: {"marker": mark, "color": colour}
        for what, mark, colour in zip(
            ("lowest point", "saddle"), plots.MARKERS, plots.COLOURS[1::2], strict=False
        )
    }
    for i, (f, size, azimuth) in enumerate(((bowl, 1, -62), (saddle, 1, -62), (network, 2, 20)), 1):
        axes = figure.add_subplot(1, 3, i, projection="3d", computed_zorder=False)
        side = np.linspace(-size, size, 33)
        heights = [[float(f([x, y])) for x in side] for y in side]
        axes.plot_surface(*np.meshgrid(side, side), np.array(heights), cmap="Blues", alpha=0.8)
        for name, g, point, what in POINTS:
            if g is f:
                look = {**looks[what], "s": 45, "depthshade": False, "zorder": 9}
                axes.scatter(*point, float(f(point)), **look)
                axes.set_title(name)
        letter = "w" if f is network else "x"
        axes.set(xlabel=f"${letter}_1$", ylabel=f"${letter}_2$")
        axes.view_init(elev=40, azim=azimuth)
    dots = [Line2D([], [], linestyle="", **look) for look in looks.values()]
    figure.legend(dots, looks, ncols=2, loc="upper left", frameon=False)
    figure.savefig(path, dpi=110)


def main(folder: Path) -> dict[str, list]:
    """Print what each point is, and save the picture."""
    found = {}
    print(f"{'function':21} {'point':9} {'gradient':14} {'eigenvalues':18} {'lecture':13} ours")
    for name, f, point, lecture in POINTS:
        eigenvalues = np.linalg.eigvalsh(mg.hessian(f)(point)).tolist()
        ours = kind(eigenvalues)
        columns = (np.round(x, 3).tolist() for x in (mg.grad(f)(point), eigenvalues))
        slope, curvature = (str([x or 0.0 for x in column]) for column in columns)
        print(f"{name:21} {point!s:9} {slope:14} {curvature:18} {lecture:13} {ours}")
        found[f"{f.__name__} {point}"] = [*eigenvalues, ours]
    picture(folder / "loss_surfaces.png")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
