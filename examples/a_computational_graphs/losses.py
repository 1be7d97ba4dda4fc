"""Lecture A: the losses L1, MSE and cross entropy, of a batch and as pictures.

    python examples/a_computational_graphs/losses.py [FOLDER]

prints the lecture's formulas beside ours, and saves losses.png into FOLDER (by default the current
one).
"""

import math
import sys
from pathlib import Path

from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, plots

OUTPUTS = [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.25, 0.25, 0.5], [0.1, 0.8, 0.1]]
TARGETS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def by_formula() -> dict[str, float]:
    """1/n Σᵢ|yᵢ − ŷᵢ|, 1/n Σᵢ‖yᵢ − ŷᵢ‖², and −Σᵢ Σₖ yᵢₖ log ŷᵢₖ, in plain Python."""
    n = len(OUTPUTS)
    rows = [list(zip(ys, os, strict=True)) for ys, os in zip(TARGETS, OUTPUTS, strict=True)]
    return {
        "L1": sum(abs(y - o) for row in rows for y, o in row) / n,
        "MSE": sum((y - o) ** 2 for row in rows for y, o in row) / n,
        "cross entropy": -sum(y * math.log(o) for row in rows for y, o in row),
    }


def batch(outputs: list[list[mg.Value]]) -> dict[str, mg.Value]:
    """The same by the package, whose l1 is a mean over the outputs of an example, too."""
    l1, squares, entropy = (
        [loss(os, ys) for os, ys in zip(outputs, TARGETS, strict=True)]
        for loss in (nn.l1, nn.squared_error, nn.cross_entropy)
    )
    return {
        "L1": len(OUTPUTS[0]) * mg.mean(l1),
        "MSE": mg.mean(squares),
        "cross entropy": mg.sum(entropy),
    }


def main(folder: Path) -> dict[str, float]:
    """Print the losses and save the picture; our numbers by the lecture's names."""
    losses = batch([[mg.Value(o) for o in row] for row in OUTPUTS])
    ours = {name: loss.data for name, loss in losses.items()}
    print("loss of a batch  lecture's formula      ours")
    for name, number in by_formula().items():
        print(f"{name:16} {number:17.6f} {ours[name]:9.6f}")
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    curves = {
        "L1: |y − ŷ|, y = 1": lambda o: nn.l1(o, 1.0),
        "MSE: (y − ŷ)², y = 1": lambda o: nn.mse(o, 1.0),
        "cross entropy: −log ŷ of the true class": lambda o: nn.cross_entropy([o], 0),
    }
    for axes, (title, loss) in zip(figure.subplots(1, 3), curves.items(), strict=True):
        low, high = (0.1, 1.0) if "log" in title else (-1.0, 3.0)
        plots.activation(loss, (low, high), axes)  # draws any function and its derivative
        axes.set(title=title, xlabel="ŷ")
        axes.legend(["loss", "derivative with respect to ŷ"], frameon=False)
    figure.savefig(folder / "losses.png", dpi=110)
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
