"""Lecture B: handwritten digits, "4 against not 4" and all ten, beside scikit-learn.

    python examples/b_neural_networks/digits.py [FOLDER] [SPLIT]

trains one sigmoid neuron on 32×32 pixels, and a network with ten softmax outputs on 8×8 pixels;
prints the accuracies on a held-out fifth, drawn by the seed SPLIT (by default 0), beside those of
scikit-learn's MLPClassifier of the same shape; and saves the training curves into FOLDER (by
default the current one).
"""

import sys
from pathlib import Path

from sklearn.neural_network import MLPClassifier

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim


def four_or_not(split: int) -> tuple[mg.History, float]:
    """The training of the sigmoid neuron, and scikit-learn's accuracy."""
    pixels, digits = datasets.digits(32)
    data = pixels, [float(digit == 4) for digit in digits]
    train, held_out = datasets.split(data, 0.2, seed=split)
    # a single neuron has no symmetry to break, and so may start at 0
    model = nn.MLP(32 * 32, [1], activation=["sigmoid"], init="zeros")
    history = mg.fit(
        model,
        train,
        nn.binary_cross_entropy,
        optim.Adam(optim.Cosine(0.003, 10)),
        epochs=10,
        batch_size=16,
        validation=held_out,
        progress=False,
    )
    return history, theirs((), train, held_out)


def ten_digits(split: int) -> tuple[mg.History, float]:
    """The training of the network with a hidden layer, and scikit-learn's accuracy."""
    train, held_out = datasets.split(datasets.digits(8), 0.2, seed=split)
    # the softmax is part of the loss, which can't overflow then
    model = nn.MLP(8 * 8, [32, 10], activation="relu", init="he_uniform", seed=split)
    history = mg.fit(
        model,
        train,
        nn.softmax_cross_entropy,
        optim.Adam(optim.Cosine(0.02, 20)),
        epochs=20,
        batch_size=16,
        validation=held_out,
        progress=False,
    )
    return history, theirs((32,), train, held_out)


def theirs(hidden: tuple[int, ...], train: datasets.Data, held_out: datasets.Data) -> float:
    """The accuracy of scikit-learn's network by its defaults, trained until it has converged."""
    return MLPClassifier(hidden, max_iter=1000, random_state=0).fit(*train).score(*held_out)


def main(folder: Path, split: int = 0) -> dict[str, tuple[float, float]]:
    """Print the accuracies, ours and scikit-learn's, and save the curves; the accuracies."""
    found = {}
    print("the lecture's task   accuracy in training   held out   scikit-learn, held out")
    for name, train in (("4 against not 4", four_or_not), ("ten digits", ten_digits)):
        history, reference = train(split)
        accuracy = history.last["validation accuracy"]
        found[name] = accuracy, reference
        print(f"{name:18} {history.last['accuracy']:22.4f} {accuracy:10.4f} {reference:24.4f}")
        history.plot(folder / f"{name.replace(' ', '_')}.png")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."), *map(int, sys.argv[2:]))
