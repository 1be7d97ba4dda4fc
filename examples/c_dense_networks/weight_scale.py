"""Lecture C: all weights times a factor R, and what becomes of it some layers down.

    python examples/c_dense_networks/weight_scale.py [FOLDER]

prints the sizes of values and gradients in a network of ten layers, and saves their picture into
FOLDER (by default the current one).
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from micrograd_plus import Value, dot, nn, plots

DEPTH, WIDTH = 10, 20
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def sizes(activation: str, factor: float) -> tuple[list[float], list[float]]:
    """The root mean square of the values after each layer, inputs first, and of their gradients.

    Weights are normal, of a variance that suits the activation, times the factor.
    """
    gain = 2.0 if activation == "relu" else 1.0
    model = nn.MLP(
        WIDTH,
        [WIDTH] * DEPTH,
        activation=[activation] * DEPTH,
        init=lambda random, nin, nout: factor * random.gauss(0, math.sqrt(gain / nin)),
        seed=4,
    )
    numbers = np.random.default_rng(0)
    layers = [[Value(x) for x in numbers.normal(size=WIDTH)]]
    for layer in model.layers:
        layers.append(layer.outputs(layers[-1]))
    dot(numbers.normal(size=WIDTH).tolist(), layers[-1]).backward()
    values, gradients = (
        [float(np.sqrt(np.mean([getattr(v, what) ** 2 for v in layer]))) for layer in layers]
        for what in ("data", "grad")
    )
    return values, gradients


def main(folder: Path) -> dict[tuple[str, float], tuple[list[float], list[float]]]:
    """Print the sizes, and save the picture."""
    found = {(name, r): sizes(name, r) for name in ("relu", "tanh") for r in FACTORS}
    print("The lecture scales all weights by R; beside it what comes of it ten layers down:")
    print("activation     R   values  gradients at the input")
    for (name, factor), (values, gradients) in found.items():
        print(f"{name:10} {factor:5g}  {values[-1] / values[0]:7.1e}  {gradients[0]:7.1e}")
    print("Through ReLU layers without biases values and gradients grow as R¹⁰.")
    print("tanh bounds the values, not the gradients.")
    figure = Figure(figsize=(9, 6), layout="constrained")
    for (row, what), (column, name) in (
        (r, c) for r in enumerate(("values", "gradients")) for c in enumerate(("relu", "tanh"))
    ):
        axes = figure.add_subplot(2, 2, 2 * row + column + 1)
        for k, factor in enumerate(FACTORS):
            look = {**plots.style(k), "marker": plots.MARKERS[k], "markersize": 4}
            axes.semilogy(found[name, factor][row], label=f"R = {factor:g}", **look)
        axes.set(title=f"{what} behind each layer, {name}", xticks=range(0, DEPTH + 1, 2))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[1].legend(frameon=False, loc="lower left")
    figure.supxlabel("layer; 0 are the inputs")
    figure.supylabel("root mean square")
    figure.savefig(folder / "weight_scale.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
