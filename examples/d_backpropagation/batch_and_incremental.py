"""Lecture D: batch mode, one update for all examples, against incremental mode, one for each.

    python examples/d_backpropagation/batch_and_incremental.py [FOLDER]

fits a line o = wx + b in both modes at the same rate, and saves the two paths and the losses into
FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, optim, plots

EPOCHS, RATE = 20, 0.15
RANDOM = np.random.default_rng(3)
X = RANDOM.uniform(-1.5, 1, 10)
T = 2 * X - 1 + RANDOM.normal(0, 0.7, 10)
MODES = {"batch": len(X), "incremental": 1}


def loss(w, b):
    """The mean squared error over all examples; of arrays, too."""
    return sum((w * x + b - t) ** 2 for x, t in zip(X, T, strict=True)) / len(X)


def train(size: int) -> list[list[float]]:
    """The weight and the bias at the start and after each update, made after `size` examples."""
    w, b = mg.values(w=-0.5, b=1.5)
    optimizer = optim.Optimizer([w, b], optim.GradientDescent(RATE))
    path = [[w.data, b.data]]
    for _ in range(EPOCHS):
        for i in range(0, len(X), size):
            batch = zip(X[i : i + size].tolist(), T[i : i + size].tolist(), strict=True)
            optimizer.zero_grad()
            mg.mean([nn.mse(w * x + b, t) for x, t in batch]).backward()
            optimizer.step()
            path.append([w.data, b.data])
    return path


def main(folder: Path) -> dict[str, list[list[float]]]:
    """Print how far both modes come, and save the picture."""
    paths = {name: train(size) for name, size in MODES.items()}
    best = np.polyfit(X, T, 1).tolist()
    print("lecture: batch mode updates once after all examples, incremental mode after each.\n")
    print(f"{EPOCHS} epochs of {len(X)} examples, rate {RATE}; lowest loss {loss(*best):.4f}")
    print("mode          updates  loss after 1, 3 and all epochs")
    figure = Figure(figsize=(9.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    levels = [0.2, 0.5, 1, 2, 4, 7, 11]
    plots.loss_surface(lambda p: loss(*p), paths, ((-1, 3), (-2, 2)), levels, axes=left)
    for k, (name, size) in enumerate(MODES.items()):
        path, each = paths[name], len(X) // size
        losses = [loss(*point) for point in path[::each]]
        print(f"{name:12} {len(path) - 1:8}  {losses[1]:.4f}  {losses[3]:.4f}  {losses[-1]:.4f}")
        look = {**plots.style(k), "marker": plots.MARKERS[k], "markersize": 4}
        right.semilogy([p - loss(*best) for p in losses], label=name, **look)
    left.plot(*best, "*", color=plots.COLOURS[2], markersize=12, label="lowest point")
    left.set(title="the paths over the loss of all examples", xlabel="w", ylabel="b")
    right.set(title="loss above the lowest", xlabel="epoch")
    right.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    print("Incremental mode is quicker at first, and then goes round the lowest point.")
    figure.savefig(folder / "batch_and_incremental.svg")
    return paths


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
