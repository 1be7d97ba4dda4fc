"""Lecture D: decision boundaries for two sizes of hidden layers and four strengths of penalty.

The objective is that of scikit-learn, whose α the slide shows: the mean cross entropy plus
α / 2n · Σw² over all weights but the biases, for n examples.

    python examples/d_backpropagation/regularisation.py [FOLDER]

trains eight networks, prints how far each training was from its end, and saves the panel into
FOLDER (by default the current one).
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, fit, nn, optim
from micrograd_plus.plots import decision_boundary

DATA = datasets.moons(80, noise=0.3, seed=3)
HIDDEN, ALPHAS = (10, 100), (0.0001, 0.01, 0.1, 1)
EPOCHS = 200


def weights(model: nn.MLP) -> list[mg.Value]:
    """The parameters that are penalised: all but the biases."""
    return [w for layer in model.layers for neuron in layer.neurons for w in neuron.w]


def train(hidden: int, alpha: float) -> tuple[nn.MLP, mg.History]:
    """A network after training; its history has the objective at each step."""
    model = nn.MLP(2, [hidden, hidden, 1], init="he_normal", seed=0)
    history = fit(
        model,
        DATA,
        nn.binary_cross_entropy_with_logits,
        optim.Adam(0.03),
        epochs=EPOCHS,
        batch_size=None,
        penalty=lambda _: nn.l2_penalty(weights(model), alpha / (2 * len(DATA[0]))),
    )
    return model, history


def main(folder: Path) -> dict[tuple[int, float], dict[str, float]]:
    """Train, print the results, and save the panel."""
    found = {}
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = iter(figure.subplots(2, len(ALPHAS)).flat)
    print(f"the lecture's panel; {EPOCHS} epochs of {len(DATA[0])} examples, all at once\n")
    print("                                              fell in last")
    print("hidden layers, penalty   accuracy  objective  tenth by  mean w²     time")
    for hidden, alpha in ((hidden, alpha) for hidden in HIDDEN for alpha in ALPHAS):
        start = perf_counter()
        model, history = train(hidden, alpha)
        seconds = perf_counter() - start
        title = f"[{hidden}, {hidden}], α = {alpha}"
        objectives = history.batches
        found[hidden, alpha] = ours = {
            "accuracy": history.last["accuracy"],
            "objective": objectives[-1],
            "fell": 1 - objectives[-1] / objectives[-EPOCHS // 10],
            "mean w²": float(np.mean([w.data**2 for w in weights(model)])),
        }
        print(
            f"{title:24} {ours['accuracy']:8.3f} {ours['objective']:10.4f} {ours['fell']:9.1%}"
            f" {ours['mean w²']:8.4f} {seconds:6.1f} s"
        )
        axes = next(panels)
        program = mg.compile(model, [0.0, 0.0], params=model.parameters())
        decision_boundary(lambda x, p=program: p([x])[0], DATA, axes=axes)
        axes.set_title(title, fontsize=11)
    print("The larger α, the smaller the weights and the smoother the boundaries. With small")
    print("penalties the lowest points are far away: there, training was stopped on its way.")
    figure.savefig(folder / "regularisation.png", dpi=110)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
