"""Lecture D: E = (t − o)²; why not the plain difference, and why not the absolute value.

    python examples/d_backpropagation/squared_error.py [FOLDER]

trains the smallest model, one number o that is to become 1 and 2 and 6, by each of the three, and
saves the picture into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import plots

TARGETS, RATE, STEPS = (1, 2, 6), 0.35, 24  # their mean is 3, their median 2
ERRORS = {
    "t − o": lambda t, o: t - o,
    "|t − o|": lambda t, o: mg.abs(t - o),
    "(t − o)²": lambda t, o: (t - o) ** 2,
}


def slope(error, t: float, o: float) -> float:
    """∂E/∂o."""
    return mg.derivative(lambda o: error(t, o))(o)


def train(error) -> list[float]:
    """The model after each step of gradient descent on the mean error."""
    path = [0.0]
    for _ in range(STEPS):
        path.append(path[-1] - RATE * sum(slope(error, t, path[-1]) for t in TARGETS) / 3)
    return path


def main(folder: Path) -> dict[str, list[float]]:
    """Print the derivatives and where training leads, and save the picture."""
    print("∂E/∂o for t = 1     o = 0.4     o = 0.9     o = 1.1")
    for name, error in ERRORS.items():
        print(f"{name:14}", *(f"{slope(error, 1, o):11.2f}" for o in (0.4, 0.9, 1.1)))
    print(
        "lecture: −2(t − o)",
        *(f"{-2 * (1 - o):{w}.2f}" for o, w in ((0.4, 7), (0.9, 11), (1.1, 11))),
    )
    paths = {name: train(error) for name, error in ERRORS.items()}
    print(f"\no after {STEPS - 1} and {STEPS} steps, for the targets 1, 2, 6")
    for name, path in paths.items():
        print(f"{name:14} {path[-2]:11.4f} {path[-1]:11.4f}")
    print("The plain difference has no lowest point: its slope is −1 everywhere, and o runs away.")
    print("The absolute value's slope has one size near and far, and none at the target: without a")
    print("falling rate o never comes to rest. The square's slope shrinks with the distance.")
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    os = [i / 50 - 1 for i in range(201)]
    for k, (name, error) in enumerate(ERRORS.items()):
        left.plot(os, [error(1, o) for o in os], **plots.style(k), label=name)
        right.plot(paths[name], **plots.style(k), marker=plots.MARKERS[k], ms=4, label=name)
    left.set(title="E for t = 1", xlabel="o", ylim=(-2.2, 4))
    left.axhline(0, color=plots.PALE, linewidth=0.8, zorder=0)
    right.axhline(3, color=plots.PALE, linewidth=0.8, zorder=0)
    right.set(title="o in training, for the targets 1, 2, 6", xlabel="step")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(folder / "squared_error.svg")
    return paths


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
