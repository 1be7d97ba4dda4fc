"""Lecture B: batch, mini-batch and stochastic gradient descent, with good and bad step sizes.

    python examples/b_neural_networks/batches.py [FOLDER]

prints the losses at the end, and saves the losses of all batches with their smoothed curves into
FOLDER (by default the current one).
"""

import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.plots import COLOURS, PALE, smoothed
from micrograd_plus.training import evaluate

DATA = datasets.moons(100, noise=0.15, seed=0)
EPOCHS = 40
RUNS = {  # name: (step size, examples in a step)
    "batch, step size 0.1": (0.1, None),
    "mini-batches of 10, step size 0.1": (0.1, 10),
    "stochastic, step size 0.1": (0.1, 1),
    "mini-batches of 10, too small: 0.01": (0.01, 10),
    "mini-batches of 10, good: 1": (1.0, 10),
    "mini-batches of 10, too large: 10": (10.0, 10),
}


def train(rate: float, batch_size: int | None) -> tuple[list[float], float]:
    """The loss of each batch, and that over all examples in the end."""
    model = nn.MLP(2, [8, 1], activation="tanh", init="xavier_uniform", seed=1)
    loss = nn.binary_cross_entropy_with_logits
    history = mg.fit(
        model,
        DATA,
        loss,
        optim.GradientDescent(rate),
        epochs=EPOCHS,
        batch_size=batch_size,
        progress=False,
    )
    return history.batches, evaluate(model, DATA, loss)["loss"]


def draw(axes: Axes, title: str, losses: list[float]) -> None:
    """The losses, pale, and their curve smoothed over about an epoch."""
    epochs = [(i + 1) * EPOCHS / len(losses) for i in range(len(losses))]
    weight = 1 - EPOCHS / len(losses)
    axes.plot(epochs, losses, color=PALE, linewidth=0.6, label="batches")
    axes.plot(epochs, smoothed(losses, weight), color=COLOURS[0], linewidth=2, label="smoothed")
    axes.set(title=title, xlabel="epoch", ylabel="loss", xlim=(0, EPOCHS), ylim=(0, 1.2))
    axes.spines[["top", "right"]].set_visible(False)
    axes.label_outer()


def main(folder: Path) -> dict[str, tuple[list[float], float]]:
    """Print the losses and save the picture; the losses of the batches, and in the end."""
    found = {name: train(*run) for name, run in RUNS.items()}
    print(f"the lecture's descents                 steps   loss after {EPOCHS} epochs")
    figure = Figure(figsize=(12, 6), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, (name, (losses, end)) in zip(panels, found.items(), strict=True):
        print(f"{name:37} {len(losses):6} {end:12.4f}")
        draw(axes, name, losses)
    figure.axes[0].legend(frameon=False)
    figure.savefig(folder / "batches.png", dpi=110)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
