"""Lecture E: the gradient of a mini-batch is an unbiased estimate of that of all examples.

    python examples/e_training_cost/minibatch_gradient.py [FOLDER]

measures it for a fixed network with thousands of random mini-batches, and saves the picture into
FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, nn, plots

POINTS, BATCHES, SIZES = 60, 2000, (2, 6, 20)
INPUTS, TARGETS = datasets.moons(POINTS, noise=0.2)
MODEL = nn.MLP(2, [4, 1], activation="tanh", seed=1)


def gradient(indices) -> list[float]:
    """The gradient of the mean loss over some examples."""
    loss = nn.binary_cross_entropy_with_logits
    MODEL.zero_grad()
    mg.mean([loss(MODEL(INPUTS[i]), TARGETS[i]) for i in indices]).backward()
    return [p.grad for p in MODEL.parameters()]


def main(folder: Path) -> dict:
    """Print the bias beside its standard error, and save the picture."""
    random = np.random.default_rng(0)
    full = np.array(gradient(range(POINTS)))
    found = {"full": full}
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    most = int(np.argmax(abs(full)))
    print("lecture: the mean of the mini-batches' gradients is the gradient of all examples.\n")
    print(f"{BATCHES} random mini-batches of {POINTS} examples, {len(full)} parameters")
    print("size  spread of one   bias: rms  standard error   bias / standard error: rms  largest")
    for k, size in enumerate(SIZES):
        batches = [random.choice(POINTS, size, replace=False) for _ in range(BATCHES)]
        found[size] = estimates = np.array([gradient(batch) for batch in batches])
        bias, spread = estimates.mean(0) - full, estimates.std(0, ddof=1)
        error = spread / np.sqrt(BATCHES)
        rms = [np.sqrt(np.mean(x**2)) for x in (spread, bias, error, bias / error)]
        print(
            f"{size:4} {rms[0]:14.4f} {rms[1]:11.5f} {rms[2]:15.5f} {rms[3]:28.2f}"
            f" {abs(bias / error).max():8.2f}"
        )
        name = f"mini-batches of {size}"
        look = {**plots.style(k), "histtype": "step", "linewidth": 1.5}
        left.hist(estimates[:, most], 40, density=True, label=name, **look)
        counts = np.arange(1, BATCHES + 1)
        means = estimates.cumsum(0) / counts[:, None]
        right.loglog(counts, np.sqrt(((means - full) ** 2).mean(1)), **plots.style(k), label=name)
    right.loglog(counts, 0.1 / np.sqrt(counts), ":", color=plots.GREY, label="as 1/√number")
    left.axvline(full[most], color=plots.GREY, linewidth=1, label="all examples")
    left.set(title="one component of the gradient", yticks=[])
    right.set(title="distance of the mean from the full gradient", xlabel="number of mini-batches")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    print("The bias is as small as chance makes it: zero within its standard error.")
    figure.savefig(folder / "minibatch_gradient.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
