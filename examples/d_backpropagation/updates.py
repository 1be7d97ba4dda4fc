"""Lecture D: the update rules as the slide writes them.

    python examples/d_backpropagation/updates.py [FOLDER]

prints how far the slide's formulas, word for word, are from the package's rules, trains a network
by each rule, and saves the losses into FOLDER (by default the current one).
"""

import sys
from math import sqrt
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, fit, nn, optim
from micrograd_plus.plots import smoothed, style

ETA, MU, RHO, BETA1, BETA2, EPS = 0.05, 0.9, 0.9, 0.9, 0.999, 1e-8


def plain(x, dx, s):
    return x - ETA * dx


def momentum(x, dx, s):
    s.v = MU * s.v - ETA * dx
    return x + s.v


def adagrad(x, dx, s):
    s.cache += dx**2
    return x - ETA * dx / (sqrt(s.cache) + EPS)


def rmsprop(x, dx, s):
    s.cache = RHO * s.cache + (1 - RHO) * dx**2
    return x - ETA * dx / (sqrt(s.cache) + EPS)


def adam(x, dx, s):
    s.m = BETA1 * s.m + (1 - BETA1) * dx
    s.v = BETA2 * s.v + (1 - BETA2) * dx**2
    return x - ETA * s.m / (sqrt(s.v) + EPS)


class State:
    """What the slide's formulas remember of a parameter."""

    m = v = cache = 0.0


SLIDE = {
    "x −= η dx": (plain, optim.GradientDescent(ETA)),
    "v = μv − η dx, x += v": (momentum, optim.Momentum(ETA, MU)),
    "cache += dx², x −= η dx / (√cache + ε)": (adagrad, optim.AdaGrad(ETA, EPS)),
    "cache = ρ cache + (1 − ρ)dx², …": (rmsprop, optim.RMSprop(ETA, RHO, EPS)),
    "Adam: m, v, x −= η m / (√v + ε)": (
        adam,
        optim.Adam(ETA, BETA1, BETA2, EPS, bias_correction=False),
    ),
}
RULES = {  # each with the rate among 0.01, 0.03, 0.1, 0.3 and 1 that ends lowest
    "plain, η = 1": optim.GradientDescent(1.0),
    "momentum, η = 0.3": optim.Momentum(0.3),
    "AdaGrad, η = 1": optim.AdaGrad(1.0),
    "RMSprop, η = 0.3": optim.RMSprop(0.3),
    "Adam, η = 0.3": optim.Adam(0.3),
    "Adam as on the slide, η = 0.03": optim.Adam(0.03, bias_correction=False),
}
EPOCHS = 40


def descents(update, rule, steps: int = EPOCHS) -> tuple[np.ndarray, np.ndarray]:
    """The points of a descent by the slide's formula and by the package's rule."""

    def f(x):
        return 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1]

    here, states, theirs = [2.0, 1.0], (State(), State()), []
    point, ours = mg.values(x_1=2, x_2=1), []
    optimizer = optim.Optimizer(point, rule)
    for _ in range(steps):
        here = [update(x, dx, s) for x, dx, s in zip(here, mg.grad(f)(here), states, strict=True)]
        theirs.append(here)
        optimizer.zero_grad()
        f(point).backward()
        optimizer.step()
        ours.append([x.data for x in point])
    return np.array(theirs), np.array(ours)


def train(rule) -> list[float]:
    """The loss of each batch while a network learns the moons."""
    model = nn.MLP(2, [16, 1], init="he_normal", seed=2)
    loss = nn.binary_cross_entropy_with_logits
    return fit(model, datasets.moons(60), loss, rule, epochs=EPOCHS, batch_size=10).batches


def main(folder: Path) -> dict[str, dict]:
    """Print the differences, train, and save the picture."""
    differences, losses = {}, {name: train(rule) for name, rule in RULES.items()}
    print(f"{'the lecture’s update':42} and ours after {EPOCHS} steps")
    for formula, (update, rule) in SLIDE.items():
        theirs, ours = descents(update, rule)
        differences[formula] = float(abs(theirs - ours).max())
        print(f"{formula:42} differ by {differences[formula]:.0e}")
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    print(f"\n{'rule':32} mean loss of the last 10 epochs")
    for k, (name, batches) in enumerate(losses.items()):
        print(f"{name:32} {np.mean(batches[-len(batches) // 4 :]):.4f}")
        epochs = (np.arange(len(batches)) + 1) * EPOCHS / len(batches)
        axes.semilogy(epochs, smoothed(batches), **style(k), label=name)
    axes.set(title="moons, mini-batches of 10", xlabel="epoch", ylabel="loss, smoothed")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(folder / "updates.svg")
    return {"differences": differences, "losses": losses}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
