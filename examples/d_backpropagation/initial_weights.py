"""Lecture D: initial weights matter.

    python examples/d_backpropagation/initial_weights.py [FOLDER]

trains one network from seven different beginnings, and saves the losses into FOLDER (by default
the current one).
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from micrograd_plus import datasets, fit, nn, optim
from micrograd_plus.plots import smoothed, style

EPOCHS = 40


def xavier_times(factor: float):
    """Weights that are larger or smaller than they should be."""
    return lambda *layer: factor * nn.INITIAL["xavier_normal"](*layer)


INITIAL = {
    "zeros": "zeros",
    "all 0.5": lambda *layer: 0.5,
    "a hundredth of Xavier": xavier_times(0.01),
    "uniform in −1 … 1": "uniform",
    "Xavier": "xavier_normal",
    "He": "he_normal",
    "ten times Xavier": xavier_times(10),
}


def train(init):
    """The losses of all batches, and the network after training."""
    model = nn.MLP(2, [8, 8, 8, 1], activation="tanh", init=init, seed=1)
    loss, rule = nn.binary_cross_entropy_with_logits, optim.Momentum(0.1)
    # the eager engine gives equal neurons equal sums to the last digit: rounding can't part them
    options = {"epochs": EPOCHS, "batch_size": 10, "seed": 4, "engine": "eager"}
    return fit(model, datasets.moons(60), loss, rule, **options).batches, model


def distinct(model) -> list[int]:
    """How many different neurons each hidden layer has."""
    return [
        len({tuple(round(p.data, 9) for p in neuron.parameters()) for neuron in layer.neurons})
        for layer in model.layers[:-1]
    ]


def main(folder: Path) -> dict[str, tuple[list[float], list[int]]]:
    """Print where training leads from each beginning, and save the picture."""
    found = {}
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    print("lecture: initial weights matter. Networks 2 → 8 → 8 → 8 → 1 of tanh, a training each:\n")
    print(f"initial weights        first loss  last loss  different neurons, {EPOCHS} epochs later")
    for k, (name, init) in enumerate(INITIAL.items()):
        losses, model = train(init)
        found[name] = losses, distinct(model)
        last = sum(losses[-12:]) / 12
        print(f"{name:22} {losses[0]:10.3f} {last:10.3f}  {found[name][1]}")
        epochs = [(i + 1) * EPOCHS / len(losses) for i in range(len(losses))]
        width = 4 if name == "zeros" else 1.5  # the next but one runs upon it
        axes.plot(epochs, smoothed(losses), **style(k), label=name, linewidth=width)
    print(
        "Zeros: all gradients but the last bias's are 0 for ever. Equal weights: the neurons of a"
    )
    print("layer stay equal, as if there were one. Too large: tanh saturates, far from any answer.")
    axes.set(xlabel="epoch", ylabel="loss of batches, smoothed", ylim=(0, 1.5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
    figure.savefig(folder / "initial_weights.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
