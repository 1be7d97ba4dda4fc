"""Lecture D: learning rates that decay by steps, exponentially, or by 1/t.

    python examples/d_backpropagation/schedules.py [FOLDER]

fits a line through noisy points in incremental mode with each schedule, and saves the losses into
FOLDER (by default the current one).
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import fit, nn, optim, plots

EPOCHS, RATE = 40, 0.2
SCHEDULES = {  # ours, and the slide's formula for the rate after t epochs
    "constant": (optim.Constant(RATE), lambda t: RATE),
    "half every 8 epochs": (optim.Steps(RATE, 0.5, every=8), lambda t: RATE * 0.5 ** (t // 8)),
    "exponential": (optim.Exponential(RATE, 0.1), lambda t: RATE * math.exp(-0.1 * t)),
    "1/t": (optim.InverseTime(RATE, 0.5), lambda t: RATE / (1 + 0.5 * t)),
}


def train(schedule) -> mg.History:
    """A straight line through noise, by an update for each example."""
    random = np.random.default_rng(1)
    x = random.uniform(-1, 1, 50)
    t = 2 * x - 1 + random.normal(0, 0.5, 50)
    lowest = np.mean((np.polyval(np.polyfit(x, t, 1), x) - t) ** 2)
    data, rule = (x[:, None], t), optim.GradientDescent(schedule)
    line = nn.Neuron(1, nonlin=False, seed=1)
    history = fit(line, data, nn.mse, rule, epochs=EPOCHS, batch_size=1, validation=data)
    for epoch in history.epochs:
        epoch["above the lowest"] = epoch["validation loss"] - lowest
    return history


def main(folder: Path) -> dict[str, mg.History]:
    """Print the rates and the losses, and save the picture."""
    found = {}
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    times = np.linspace(0, EPOCHS, 801)
    print("                      rate after 20 epochs   loss above the lowest,")
    print("schedule              lecture       ours     mean of the last 10 epochs")
    for k, (name, (schedule, slide)) in enumerate(SCHEDULES.items()):
        found[name] = history = train(schedule)
        above = history["above the lowest"]
        rates = f"{slide(20):.6f}  {history['rate'][20]:9.6f}"
        print(f"{name:20}  {rates}     {np.mean(above[-10:]):.1e}")
        left.plot(times, [schedule(t) for t in times], **plots.style(k))
        right.semilogy(range(1, EPOCHS + 1), above, **plots.style(k), label=name)
    print("At a constant rate every example throws the line about for ever.")
    left.set(title="learning rate", xlabel="epoch", ylim=0)
    right.set(title="loss above the lowest", xlabel="epoch")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False)
    figure.savefig(folder / "schedules.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
