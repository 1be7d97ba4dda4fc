"""`fit` beside scikit-learn and a loop in PyTorch: one network, the same data, batches and epochs.

All begin from the same weights first, and must reach the same loss; then each is timed from arrays
to a trained network.
"""

import statistics
import time
import warnings

import numpy as np

import micrograd_plus as mg
from micrograd_plus import nn, optim
from micrograd_plus.optim.optimizer import Optimizer
from micrograd_plus.training.compiled import Compiled
from micrograd_plus.training.eager import Problem
from micrograd_plus.training.examples import examples
from micrograd_plus.training.whole import Whole
from tests.benchmarks.channel import serve
from tests.benchmarks.timing import in_turns

OURS = "micrograd_plus"
HIDDEN, RATE = 32, 0.001
CASES = {"wine": (32, 100), "breast_cancer": (32, 50), "digits": (32, 30), "large": (128, 10)}


def numbers(name):
    """Inputs with mean 0 and variance 1, and classes."""
    if name == "large":
        draw = np.random.default_rng(0)
        inputs = draw.normal(size=(13_470, 64))
        return inputs, (inputs @ draw.normal(size=(64, 10))).argmax(axis=1)
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    return (found.data - found.data.mean(axis=0)) / (found.data.std(axis=0) + 1e-9), found.target


def network(inputs, classes):
    """Our network, and the loss that suits it."""
    outputs = classes.max() + 1 if classes.max() > 1 else 1
    loss = nn.softmax_cross_entropy if outputs > 1 else nn.binary_cross_entropy_with_logits
    sizes = [HIDDEN, int(outputs)]
    return nn.MLP(inputs.shape[1], sizes, init="xavier_uniform", seed=1), loss


def ours(data, batch, epochs, **options):
    """A training by `fit`; what it returns is the mean loss of the last epoch, as with all here."""

    def train():
        model, loss = network(*data)
        rule, given = optim.Adam(RATE), {"batch_size": batch, "epochs": epochs, **options}
        return mg.fit(model, data, loss, rule, **given).last["loss"]

    return train


def scikit(data, batch, epochs, weights=None):
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")  # those that the training has not converged

    def train():
        model = MLPClassifier(
            (HIDDEN,), batch_size=batch, max_iter=epochs, learning_rate_init=RATE, alpha=0, tol=0,
            n_iter_no_change=epochs + 1, shuffle=not weights, warm_start=bool(weights),
        )  # fmt: skip
        if weights:
            model.fit(*data)
            arrays = zip(*weights, strict=True)
            model.coefs_, model.intercepts_ = ([a.copy() for a in some] for some in arrays)
        return model.fit(*data).loss_

    return train


def pytorch(data, batch, epochs, weights=None):
    import torch

    torch.set_num_threads(1)

    def train():
        inputs, classes = map(torch.tensor, data)
        count, several = len(inputs), data[1].max() > 1
        outputs = int(classes.max()) + 1 if several else 1
        layers = [torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, outputs)]
        model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]).double()
        for layer, (w, b) in zip(layers, weights or (), strict=bool(weights)):
            layer.weight.data, layer.bias.data = torch.tensor(w.T), torch.tensor(b)
        loss = torch.nn.CrossEntropyLoss() if several else torch.nn.BCEWithLogitsLoss()
        classes = classes if several else classes.double()[:, None]
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        for _ in range(epochs):
            order, whole = torch.arange(count) if weights else torch.randperm(count), 0.0
            for start in range(0, count, batch):
                some = order[start : start + batch]
                optimizer.zero_grad()
                found = loss(model(inputs[some]), classes[some])
                found.backward()
                optimizer.step()
                whole += found.item() * len(some)
        return whole / count

    return train


PEERS = {"scikit-learn": scikit, "PyTorch": pytorch}


def checked(name, data, batch):
    """The peers that are installed; an error if one has not our loss after two epochs."""
    found = {}
    model, _ = network(*data)
    weights = [
        (np.array([[w.data for w in neuron.w] for neuron in layer.neurons]).T.copy(),
         np.array([neuron.b.data for neuron in layer.neurons]))
        for layer in model.layers
    ]  # fmt: skip
    expected = ours(data, batch, 2, shuffle=False)()
    for who, peer in PEERS.items():
        try:
            loss = peer(data, batch, 2, weights)()
        except ModuleNotFoundError:
            continue
        # scikit-learn has Adam's ε in another place
        np.testing.assert_allclose(loss, expected, rtol=1e-4, err_msg=f"{who}, {name}")
        found[who] = peer
    return found


def alone(data, batch, epochs, repetitions):
    """Seconds of the program and the update rule, for all steps of a training."""
    model, loss = network(*data)
    optimizer = Optimizer(model.parameters(), optim.Adam(RATE))
    compiled = Compiled(Problem(examples(data), model, loss, optimizer=optimizer), Whole)
    runner = compiled.runner
    order = np.random.default_rng(0).permutation(len(data[0]))
    parts = [*runner.parts(order, batch)]  # other examples lie elsewhere, and take other branches
    given = [(*part.arrays, np.full(len(part.batch), 1 / len(part.batch))) for part in parts]
    gradient = runner.advance(parts[0], RATE, 1).gradient
    after = np.empty((1 + len(runner._states), len(gradient)))

    def program():
        for arrays in given:
            runner._run(runner._program.numbers, *arrays)

    def update():
        for _ in given:
            runner._update(gradient, runner._vector, runner._states, after, RATE, 1)

    calls = {"program": program, "update": update}
    seconds = in_turns(calls, repetitions, clock=time.process_time)
    return {who: statistics.median(row) * epochs for who, row in seconds.items()}


def case(name, batch, epochs, repetitions):
    data = numbers(name)
    peers = checked(name, data, batch)
    contenders = {who: peer(data, batch, epochs) for who, peer in peers.items()}
    some = [part[::5] for part in data]
    contenders |= {
        OURS: ours(data, batch, epochs),
        f"{OURS}, with a held-out fifth": ours(data, batch, epochs, validation=some),
        f"{OURS}, with a constant metric": ours(
            data, batch, epochs, metrics={"constant": lambda outputs, target: 1.0}
        ),
    }
    seconds = in_turns(contenders, repetitions, clock=time.process_time)
    return {
        "about": f"{name}, {len(data[0]):,} × {data[0].shape[1]}, batch {batch}, {epochs} epochs",
        "seconds": seconds,
        "median": {who: statistics.median(row) for who, row in seconds.items()},
        "alone": alone(data, batch, epochs, repetitions),
    }


def measured(repetitions, names=tuple(CASES)):
    return {name: case(name, *CASES[name], repetitions) for name in names}


if __name__ == "__main__":
    serve(measured)
