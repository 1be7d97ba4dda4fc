"""Lecture A: the activation functions and their derivatives, as one picture.

    python examples/a_computational_graphs/activations.py [FOLDER]

prints values by the lecture's formulas beside ours, lets a parametric ReLU learn its slope α, and
saves activations.png into FOLDER (by default the current one).
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, optim, plots

XS = [i / 50 - 4 for i in range(401)]
SLOPE = 0.5  # which the parametric ReLU has to find
FORMULAS: dict[str, tuple[str, Callable[[float], float]]] = {  # the lecture's, in plain Python
    "sigmoid": ("1 / (1 + e⁻ˣ)", lambda x: 1 / (1 + math.exp(-x))),
    "tanh": ("(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", lambda x: 1 - 2 / (math.exp(2 * x) + 1)),
    "ReLU": ("max(0, x)", lambda x: max(0, x)),
    "leaky ReLU": ("max(0.1x, x)", lambda x: max(0.1 * x, x)),
    "parametric ReLU": ("max(αx, x)", lambda x: max(SLOPE * x, x)),
    "ELU": ("x if x > 0, else α(eˣ − 1)", lambda x: x if x > 0 else math.exp(x) - 1),
    "maxout": ("max(w₁x + b₁, w₂x + b₂)", lambda x: max(-0.5 * x - 1, 0.75 * x - 0.5)),
}


def learn_slope() -> tuple[nn.Neuron, mg.History]:
    """A neuron with a parametric ReLU, and how it learns α from points on max(αx, x)."""
    inputs = [[i / 10] for i in range(-20, 21)]
    targets = [max(SLOPE * x, x) for (x,) in inputs]
    neuron = nn.Neuron(1, activation="prelu", seed=0)
    history = mg.fit(
        neuron,
        (inputs, targets),
        nn.mse,
        optim.Momentum(0.02),
        epochs=150,
        batch_size=None,
        metrics={"α": lambda output, target: neuron.slope.data},
        engine="eager",  # which changes the neuron itself at each step
        progress=False,
    )
    return neuron, history


def zoo(slope: mg.Value) -> dict[str, Callable[[mg.Value], mg.Value]]:
    """Our functions by the lecture's names; `slope` is the parametric ReLU's."""
    unit = nn.Maxout(1, 1, pieces=2)
    for piece, w, b in zip(unit.units[0], (-0.5, 0.75), (-1.0, -0.5), strict=True):
        piece.w[0].data, piece.b.data = w, b
    ours = (
        *(mg.sigmoid, mg.tanh, mg.relu, mg.leaky_relu),
        *(lambda x: mg.prelu(x, slope), mg.elu, lambda x: unit([x])),
    )
    return dict(zip(FORMULAS, ours, strict=True))


def main(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Print values and save the picture; values and derivatives at `XS` by the names."""
    neuron, history = learn_slope()
    figure = Figure(figsize=(13, 6), layout="constrained")
    *panels, last = figure.subplots(2, 4).flat
    found = {"α": history["α"]}
    print(f"{'':15}   lecture's f(−1)     ours   lecture's f(2)     ours")
    for axes, (name, ours) in zip(panels, zoo(neuron.slope).items(), strict=True):
        text, formula = FORMULAS[name]
        values = [float(ours(x)) for x in XS]
        slopes = [mg.derivative(ours)(x) for x in XS]
        found[name] = {"values": values, "derivatives": slopes}
        at = [f"{formula(x):17.4f} {float(ours(x)):8.4f}" for x in (-1.0, 2.0)]
        print(f"{name:15} {' '.join(at)}")
        plots.activation(ours, (XS[0], XS[-1]), axes)
        if name == "parametric ReLU":
            slope = neuron.slope.data
            by_slope = [mg.derivative(lambda a, x=x: mg.prelu(x, a))(slope) for x in XS]
            axes.plot(XS, by_slope, **plots.style(2), label="∂f/∂α")
        axes.set(title=f"{name}: {text}", ylim=(-2.2, 4.2))
        axes.legend(frameon=False, loc="upper left")
    last.plot(history["α"], **plots.style(2))
    last.axhline(SLOPE, color=plots.GREY, linestyle=":")
    last.set(title="the parametric ReLU learns its α", xlabel="step")
    last.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "activations.png", dpi=110)
    print(f"\nα of the data {SLOPE}, learned {neuron.slope.data:.6f}")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
