"""Lecture B: one layer with a sigmoid is logistic regression.

    python examples/b_neural_networks/logistic_regression.py [FOLDER]

trains one sigmoid neuron, prints its weights beside those of scikit-learn's LogisticRegression on
the same data, and saves the common line into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim, plots


def main(folder: Path) -> dict[str, list[float]]:
    """Print both lines and save the picture; the weights and biases."""
    data = datasets.moons(100, noise=0.3, seed=1)
    model = nn.MLP(2, [1], activation=["sigmoid"], init="zeros")
    mg.fit(
        model,
        data,
        nn.binary_cross_entropy,
        optim.Nesterov(2.0),
        epochs=300,
        batch_size=None,
        progress=False,
    )
    # C divides a penalty on the weights, which the lecture's logistic regression has not
    theirs = LogisticRegression(C=1e12, tol=1e-9, max_iter=1000).fit(*data)
    (w_0, w_1), b = theirs.coef_[0], theirs.intercept_[0]
    found = {"neuron": [p.data for p in model.parameters()], "scikit-learn": [w_0, w_1, b]}
    print("the lecture's σ(w·x + b)       w_0       w_1         b")
    for name, numbers in found.items():
        print(f"{name:24} {' '.join(f'{number:9.6f}' for number in numbers)}")

    figure = Figure(figsize=(5, 3.8), layout="constrained")
    axes = figure.subplots()
    plots.decision_boundary(lambda x: int(model(x) > 0.5), data, axes=axes)
    xs = axes.get_xlim()
    line = [-(w_0 * x + b) / w_1 for x in xs]
    axes.plot(xs, line, "--", color=plots.COLOURS[-1], label="scikit-learn's line")
    axes.set(title="one sigmoid neuron is logistic regression", xlim=xs)
    axes.legend(loc="lower left")
    figure.savefig(folder / "logistic_regression.png", dpi=110)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
