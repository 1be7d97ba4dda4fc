"""Lecture C: activations, which of them can be an output layer for what, losses with derivatives.

    python examples/c_dense_networks/activations.py [FOLDER]

prints the two tables with the lecture's numbers beside ours, and saves a picture of the
activations and their derivatives into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, plots


def step(x):
    """The lecture's step, ½ at 0; `mg.step(0)` is 0, as the derivative of ReLU wants it."""
    return (mg.sign(x) + 1) / 2


def linear(x):
    """No activation."""
    return 1 * x


ACTIVATIONS = {f.__name__: f for f in (step, mg.sigmoid, mg.tanh, mg.relu, linear)}
OUTPUT_LAYER = {  # between which numbers the outputs lie, and what they can stand for
    "step": ("0 or 1", "yes or no; not to be learnt by gradients, which are 0"),
    "sigmoid": ("0 … 1", "the probability of one of two classes, or of each of several labels"),
    "tanh": ("−1 … 1", "a number with two bounds; one of two classes called −1 and 1"),
    "relu": ("0 … ∞", "a number that can't be negative; rather for hidden layers"),
    "linear": ("−∞ … ∞", "any number: regression"),
    "softmax": ("0 … 1, sum 1", "the probabilities of several classes, of which one is true"),
}
LECTURE = {
    "step(−2), step(0), step(2)": [0, 0.5, 1],
    "sum of softmax(1, 2, 3)": [1],
    "(y − t)² ⇒ 2(y − t) at y = 0.8, t = 1": [2 * (0.8 - 1)],
    "−Σ t_c log y_c ⇒ −1/y_c at y = (0.25, 0.75), t = (1, 0)": [-1 / 0.25, 0],
}


def numbers() -> dict[str, list[float]]:
    """Our numbers by the lecture's names."""
    ours = (
        [step(x) for x in (-2, 0, 2)],
        [sum(mg.softmax([1, 2, 3]))],
        [mg.derivative(lambda y: nn.mse(y, 1))(0.8)],
        mg.grad(lambda y: nn.cross_entropy(y, 0))([0.25, 0.75]),
    )
    return dict(zip(LECTURE, ours, strict=True))


def picture(path: Path) -> None:
    """Each activation and its derivative, and softmax of (x, 0, 1)."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True).flat
    xs = [i / 50 - 4 for i in range(401)]
    for axes, (name, f) in zip(panels, ACTIVATIONS.items(), strict=False):
        plots.activation(f, axes=axes)
        axes.set(ylim=(-1.2, 1.2 if name in ("step", "sigmoid", "tanh") else 2.2))
    last = figure.axes[-1]
    for k, y in enumerate(zip(*(mg.softmax([x, 0, 1]) for x in xs), strict=True)):
        last.plot(xs, y, **plots.style(k))
        last.text(-4, y[0] + 0.08, f"$y_{k + 1}$", color=plots.COLOURS[k])
    last.set(title="softmax (x, 0, 1)", ylim=(-1.2, 1.2))
    last.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main(folder: Path) -> dict[str, list[float]]:
    """Print the tables, and save the picture."""
    print(f"{'activation':10}  {'outputs':12}  as an output layer")
    for name, (outputs, use) in OUTPUT_LAYER.items():
        print(f"{name:10}  {outputs:12}  {use}")
    ours = numbers()
    print(f"\n{'what':55}  {'lecture':14}  ours")
    for name, lecture in LECTURE.items():
        texts = (", ".join(f"{x:.4g}" for x in found) for found in (lecture, ours[name]))
        print(f"{name:55}  {next(texts):14}  {next(texts)}")
    picture(folder / "activations.svg")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
