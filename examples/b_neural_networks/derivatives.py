"""Lecture B: the table of derivatives, and the derivatives of cross entropy with respect to logits.

    python examples/b_neural_networks/derivatives.py [FOLDER]

prints the lecture's formulas beside ours, and saves a picture of the gradient of a softmax with
cross entropy into FOLDER (by default the current one). The slide's extra factor oₖ(1 − oₖ) in that
gradient is a misprint: differences of the loss don't have it.
"""

import math
import sys
from pathlib import Path

from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, plots

TABLE = {  # name: (derivative, the same in plain Python, our function)
    "sigmoid": ("σ(z)(1 − σ(z))", lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2, mg.sigmoid),
    "tanh": ("1 / cosh²(z)", lambda z: 1 / math.cosh(z) ** 2, mg.tanh),
    "ReLU": ("1 if z > 0 else 0", lambda z: 1.0 if z > 0 else 0.0, mg.relu),
}
ZS = [-2.0, 0.0, 1.5]
LOGITS, CLASS = [0.5, -1.0, 2.0, 0.0], 0


def binary(z: float, t: float) -> tuple[float, float]:
    """∂E/∂z of a sigmoid with binary cross entropy: the lecture's o − t, and ours."""
    ours = mg.derivative(lambda z: nn.binary_cross_entropy(mg.sigmoid(z), t))(z)
    return 1 / (1 + math.exp(-z)) - t, ours


def several() -> dict[str, list[float]]:
    """∂E/∂zₖ of a softmax with cross entropy: by formulas, by us, and by differences of E."""

    def error(z: list) -> mg.Value:
        return nn.cross_entropy(mg.softmax(z), CLASS)

    def moved(k: int, step: float) -> float:
        return error([z + step * (i == k) for i, z in enumerate(LOGITS)])

    total = sum(map(math.exp, LOGITS))
    o = [math.exp(z) / total for z in LOGITS]
    t = [float(k == CLASS) for k in range(len(LOGITS))]
    right = [ok - tk for ok, tk in zip(o, t, strict=True)]
    return {
        "oₖ − tₖ": right,
        "slide's (oₖ − tₖ) oₖ(1 − oₖ)": [d * ok * (1 - ok) for d, ok in zip(right, o, strict=True)],
        "ours": mg.grad(error)(LOGITS),
        "differences of E": [(moved(k, 1e-5) - moved(k, -1e-5)) / 2e-5 for k in range(len(o))],
    }


def main(folder: Path) -> dict[str, list[float]]:
    """Print formulas and gradients and save the picture; the gradients of the softmax."""
    print("name      derivative            z   lecture      ours")
    for name, (formula, derivative, ours) in TABLE.items():
        for z in ZS:
            print(f"{name:9} {formula:18} {z:4} {derivative(z):9.6f} {mg.derivative(ours)(z):9.6f}")
    for t in (0, 1):
        print(f"BCE, t={t}  {'o − t':18}  1.5 {' '.join(f'{x:9.6f}' for x in binary(1.5, t))}")
    found = several()
    print(
        f"\nsoftmax with cross entropy   {' '.join(f'    ∂E/∂z_{k}' for k in range(len(LOGITS)))}"
    )
    for name, gradient in found.items():
        print(f"{name:28} {' '.join(f'{x:10.6f}' for x in gradient)}")
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for i, (name, gradient) in enumerate(found.items()):
        places = [k + 0.2 * (i - 1.5) for k in range(len(gradient))]
        axes.bar(places, gradient, width=0.18, color=plots.COLOURS[i], label=name)
    axes.axhline(0, color=plots.GREY, linewidth=0.8)
    axes.set(
        title="softmax with cross entropy: ∂E/∂zₖ = oₖ − tₖ",
        xticks=range(len(LOGITS)),
        xticklabels=[f"k = {k}{', the true class' * (k == CLASS)}" for k in range(len(LOGITS))],
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(folder / "derivatives.png", dpi=110)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
