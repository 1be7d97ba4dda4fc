"""Lecture C: "write gradient descent as matrix operations".

    python examples/c_dense_networks/matrix_form.py [FOLDER]

trains one network twice, example by example through `Value`s and by a few lines of NumPy, prints
the matrix code that the compiler makes of the `Value`s, and saves both losses into FOLDER (by
default the current one).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, fit, nn, optim, plots

POINTS, HIDDEN, CLASSES, RATE, STEPS = 30, 5, 3, 0.5, 60


def gradients(weights, x, t):
    """The loss and its gradients by matrices that have a column for each example."""
    w1, b1, w2, b2 = weights
    z1 = w1 @ x + b1
    a1 = np.maximum(z1, 0)
    z2 = w2 @ a1 + b2
    a2 = np.exp(z2 - z2.max(0)) / np.exp(z2 - z2.max(0)).sum(0)
    dz2 = (a2 - t) / x.shape[1]
    dz1 = (w2.T @ dz2) * (z1 > 0)
    found = [dz1 @ x.T, dz1.sum(1, keepdims=True), dz2 @ a1.T, dz2.sum(1, keepdims=True)]
    return -(t * np.log(a2)).sum(0).mean(), found


def arrays(model: nn.MLP, attribute: str = "data") -> list[np.ndarray]:
    """W₁, b₁, W₂, b₂ of a model, or their gradients."""
    found = []
    for layer in model.layers:
        found.append(np.array([[getattr(w, attribute) for w in n.w] for n in layer.neurons]))
        found.append(np.array([[getattr(n.b, attribute)] for n in layer.neurons]))
    return found


def difference(some, others) -> float:
    """The largest between two lists of arrays."""
    return max(float(abs(a - b).max()) for a, b in zip(some, others, strict=True))


def main(folder: Path) -> dict[str, float]:
    """Train both ways, print how far they are from each other, and save the picture."""
    inputs, targets = datasets.blobs(POINTS, CLASSES, noise=0.5, seed=1)
    x, t = np.array(inputs).T, np.eye(CLASSES)[targets].T
    model = nn.MLP(2, [HIDDEN, CLASSES], activation=["relu", "softmax"], seed=3)
    weights, losses = arrays(model), []
    first = gradients(weights, x, t)[1]

    def loss(x, t):  # of one example, as the compiler wants it
        return nn.cross_entropy(model(x), t)

    program = mg.compile(loss, inputs[0], t.T[0].tolist(), params=model.parameters())
    program.value_and_grad(x.T, t.T)
    program.write_grads()
    ours = {"compiled": difference(first, arrays(model, "grad"))}
    for _ in range(STEPS):
        value, slopes = gradients(weights, x, t)
        losses.append(value)
        weights = [w - RATE * slope for w, slope in zip(weights, slopes, strict=True)]
    options = {"epochs": STEPS, "batch_size": None, "engine": "eager"}
    rule = optim.GradientDescent(RATE)
    history = fit(model, (inputs, targets), nn.cross_entropy, rule, **options)
    # both `slopes` and the model's gradients are those of the last step
    ours["gradients"] = difference(slopes, arrays(model, "grad"))
    ours["losses"] = difference([np.array(losses)], [np.array(history.batches)])
    print("The lecture's task, gradient descent as matrix operations, as the compiler solves it:\n")
    print(program)
    print(f"\n{STEPS} steps by matrices and by Values: loss {losses[0]:.3f} → {losses[-1]:.3f}")
    print(f"largest difference of the losses        {ours['losses']:.0e}")
    print(f"of the last step's gradients            {ours['gradients']:.0e}")
    print(f"of the first ones and the compiler's    {ours['compiled']:.0e}")
    figure = Figure(figsize=(5.5, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(losses, color=plots.PALE, linewidth=6, label="matrices of NumPy")
    axes.plot(history.batches, color=plots.COLOURS[0], label="Values, one by one")
    axes.set(xlabel="step", ylabel="loss", ylim=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(folder / "matrix_form.svg")
    return ours | {"first loss": losses[0], "last loss": losses[-1]}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
