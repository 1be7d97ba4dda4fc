"""`fit` and `evaluate`: gradient descent by the book, and whatever can go wrong on its way."""

import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import types
from array import array
from collections import namedtuple
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from random import Random

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import accuracy_score

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn, optim
from micrograd_plus.compiler import TraceError
from micrograd_plus.training import History, TrainingError, evaluate, fit
from tests.processes import ended, started
from tests.trainings import Column, Rows, Table, shuffled

DATA = datasets.moons(10, seed=3)
LOGITS = nn.binary_cross_entropy_with_logits
SLOW = optim.GradientDescent(0.1)


def network(seed=1):
    return nn.MLP(2, [3, 1], activation="tanh", seed=seed)


def numbers(model):
    return [p.data for p in model.parameters()]


@pytest.fixture(params=["eager", "compiled"])
def engine(request):
    return request.param


def close(expected):
    return pytest.approx(expected, rel=1e-12, abs=1e-12)


# ------------------------------------------------------------- against other programs


def by_numpy(data, epochs, size=None, shuffle=True, rate=0.1, strength=0.0, norm=None, limit=None):
    """The same training in matrices: the parameters, the rows of the epochs, the batches."""
    flat = np.array(numbers(network()))
    ones = np.ones((len(data[0]), 1))
    inputs, targets = np.hstack([data[0], ones]), np.array(data[1], float)
    random, rows, batches = Random(0), [], []
    size = size or len(inputs)
    for epoch in range(epochs):
        order = shuffled(range(len(inputs)), random) if shuffle else range(len(inputs))
        losses, right = [], []
        for start in range(0, len(inputs), size):
            batch = order[start : start + size]
            x, t = inputs[batch], targets[batch]
            v, u = flat[:9].reshape(3, 3), flat[9:]  # weights, and the bias as the last of them
            a = np.tanh(x @ v.T)
            h = np.hstack([a, ones[: len(batch)]])
            z = h @ u
            loss = np.logaddexp(0.0, z) - t * z
            losses.extend(loss)
            right.extend((z > 0) == (t > 0.5))
            batches.append(loss.mean() + strength * flat @ flat)
            dz = (1 / (1 + np.exp(-z)) - t) / len(batch)
            da = np.outer(dz, u[:3]) * (1 - a * a)
            g = np.concatenate([(da.T @ x).ravel(), dz @ h]) + 2 * strength * flat
            if limit is not None:
                g = np.clip(g, -limit, limit)
            if norm is not None:
                g *= min(1.0, norm / np.linalg.norm(g))
            time = epoch + start / size / math.ceil(len(inputs) / size)
            flat = flat - (rate(time) if callable(rate) else rate) * g
        rows.append({"loss": np.mean(losses), "accuracy": np.mean(right)})
    return flat, rows, batches


OPTIONS = {
    "batch": ({"batch_size": None}, {}),
    "stochastic": ({"batch_size": 1}, {"size": 1}),
    "mini-batch": ({"batch_size": 4}, {"size": 4}),
    "a batch larger than the data": ({"batch_size": 64}, {"size": 64}),
    "in order": ({"batch_size": 3, "shuffle": False}, {"size": 3, "shuffle": False}),
    "penalty": (
        {"batch_size": 4, "penalty": lambda ps: nn.l2_penalty(ps, 0.1)},
        {"size": 4, "strength": 0.1},
    ),
    "clip_norm": ({"batch_size": 4, "clip_norm": 0.2}, {"size": 4, "norm": 0.2}),
    "clip_value": ({"batch_size": 4, "clip_value": 0.05}, {"size": 4, "limit": 0.05}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_fit_is_gradient_descent_as_numpy_does_it(name, engine):
    ours, theirs = OPTIONS[name]
    model = network()
    history = fit(model, DATA, LOGITS, SLOW, epochs=5, engine=engine, **ours)
    flat, rows, batches = by_numpy(DATA, 5, **theirs)
    assert numbers(model) == close(flat)
    assert history.batches == close(batches)
    assert history["loss"] == close([row["loss"] for row in rows])
    assert history["accuracy"] == close([row["accuracy"] for row in rows])
    assert history["rate"] == [0.1] * 5
    assert history.stopped == ""


@pytest.mark.parametrize("size", [1, 3, 7])
def test_fit_is_the_loop_that_one_would_write(size, engine):
    inputs, targets = datasets.parabolas(7)
    fitted, model = (nn.MLP(1, [3, 2], activation="sigmoid", seed=4) for _ in range(2))
    fit(
        fitted,
        (inputs, targets),
        nn.mse,
        optim.Momentum(0.05, 0.5),
        epochs=3,
        batch_size=size,
        engine=engine,
    )
    random, speeds = Random(0), [0.0] * len(model.parameters())
    for _ in range(3):
        order = shuffled(range(7), random)
        while order:
            batch, order = order[:size], order[size:]
            loss = Value(0.0)
            for i in batch:
                y1, y2 = model(inputs[i])
                t1, t2 = targets[i]
                loss += ((y1 - t1) * (y1 - t1) + (y2 - t2) * (y2 - t2)) / 2 / len(batch)
            model.zero_grad()
            loss.backward()
            for i, p in enumerate(model.parameters()):
                speeds[i] = 0.5 * speeds[i] + 0.05 * p.grad
                p.data -= speeds[i]
    assert numbers(fitted) == close(numbers(model))


@pytest.mark.parametrize(("size", "batches"), [(None, 1), (4, 3), (1, 10)])
def test_a_schedule_is_asked_with_the_time_in_epochs(size, batches, engine):
    asked = set()

    def rate(time):
        asked.add(time)
        return 0.3 / (1 + time)

    model, rule = network(), optim.GradientDescent(rate)
    history = fit(model, DATA, LOGITS, rule, epochs=3, batch_size=size, engine=engine)
    assert sorted(asked) == close([i / batches for i in range(3 * batches)])
    assert history["rate"] == close([0.3, 0.15, 0.1])
    assert numbers(model) == close(by_numpy(DATA, 3, size, rate=rate)[0])


def test_adam_is_the_rule_where_none_is_named():
    one, other = network(), network()
    assert fit(one, DATA, LOGITS) == fit(other, DATA, LOGITS, optim.Adam(0.001), epochs=10)
    assert numbers(one) == numbers(other)


# -------------------------------------------------------------------- repeating a run


def test_a_run_repeats_bit_by_bit_and_follows_its_seed(engine):
    runs, options = [], {"epochs": 3, "batch_size": 3, "validation": 0.2, "engine": engine}
    for seed in (5, 5, 6):
        model = network()
        history = fit(model, DATA, LOGITS, seed=seed, **options)
        runs.append((numbers(model), history))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_run_depends_on_no_other_random_numbers():
    program = (
        "from micrograd_plus import datasets, nn\n"
        "from micrograd_plus.training import fit\n"
        "model = nn.MLP(2, [3, 1], seed=1)\n"
        "loss = nn.binary_cross_entropy_with_logits\n"
        "history = fit(model, datasets.moons(10), loss, batch_size=3, validation=0.2)\n"
        "print(model.state_dict(), vars(history))\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for hashes in ("1", "2")
    }
    assert len(runs) == 1


def test_every_epoch_takes_each_example_once(engine):
    model, seen = nn.MLP(1, [1], seed=1), []

    def note(y, t):
        seen.append(t)
        return 0.0

    data = [[x] for x in range(7)], range(7)
    fit(model, data, nn.mse, SLOW, batch_size=3, metrics={"n": note}, engine=engine)
    epochs = [seen[i : i + 7] for i in range(0, 70, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 10


# ------------------------------------------------------------- validation and metrics


def test_validation_on_a_set_of_its_own(engine):
    model, held_out = network(), datasets.moons(6, seed=8)
    options = {"epochs": 3, "batch_size": 4, "validation": held_out, "engine": engine}
    history = fit(model, DATA, LOGITS, SLOW, **options)
    for epoch in (1, 2, 3):
        flat = by_numpy(DATA, epoch, 4)[0]
        v, u = flat[:9].reshape(3, 3), flat[9:]
        z = np.tanh(np.array(held_out[0]) @ v[:, :2].T + v[:, 2]) @ u[:3] + u[3]
        t = np.array(held_out[1])
        row = history.epochs[epoch - 1]
        assert row["validation loss"] == close(np.mean(np.logaddexp(0, z) - t * z))
        assert row["validation accuracy"] == close(np.mean((z > 0) == t))
    for name, x in evaluate(model, held_out, LOGITS).items():
        assert history.last[f"validation {name}"] == close(x)


def test_validation_on_a_fraction_holds_those_examples_out():
    one, other = network(), network()
    train, held_out = datasets.split(DATA, 0.3, seed=2)
    assert fit(one, DATA, LOGITS, seed=2, validation=0.3, batch_size=2) == fit(
        other, train, LOGITS, seed=2, validation=held_out, batch_size=2
    )
    assert numbers(one) == numbers(other)


def test_metrics_are_means_over_examples(engine):
    def miss(y, t):
        return abs(float(y) - t)

    model, held_out = network(), ([[0.5, 1.0]], [1])
    history = fit(
        model,
        DATA,
        nn.mse,
        optim.GradientDescent(0.0),
        epochs=1,
        validation=held_out,
        metrics={"miss": miss, "worst": lambda y, t: miss(y, t) > 0.5},
        engine=engine,
    )
    misses = np.array([miss(model(x), t) for x, t in zip(*DATA, strict=True)])
    assert list(history.last) == [
        *("loss", "miss", "worst"),
        *("validation loss", "validation miss", "validation worst"),
        "rate",
    ]
    assert history["miss"] == close([misses.mean()])
    assert history["worst"] == close([(misses > 0.5).mean()])
    assert history["loss"] == close([(misses**2).mean()])
    assert history["validation miss"] == close([miss(model([0.5, 1.0]), 1)])


Both = namedtuple("Both", "pair single")


@pytest.mark.parametrize(
    "form",
    [
        lambda a, b, c: [[a, b], c],
        lambda a, b, c: ((a, b), c),
        lambda a, b, c: {1: [a, b], "c": c},
        lambda a, b, c: Both([a, b], c),
    ],
    ids=["lists", "tuples", "dictionary", "named tuple"],
)
def test_metrics_get_plain_numbers_in_the_form_of_the_outputs(form, engine):
    class Nested(nn.Module):
        def __init__(self):
            self.net = nn.MLP(2, [3], seed=1)

        def __call__(self, x):
            return form(*self.net(x))

    def parts(y):
        (a, b), c = y.values() if isinstance(y, dict) else y
        return a, b, c

    def loss(y, t):
        a, b, c = parts(y)
        return a * b + (c - t) ** 2

    model, seen = Nested(), []
    fit(
        model,
        DATA,
        loss,
        optim.GradientDescent(0.0),
        epochs=1,
        batch_size=2,
        shuffle=False,
        metrics={"seen": lambda y, t: seen.append((y, t)) or 0.0},
        engine=engine,
    )
    assert len(seen) == 10
    for (y, t), x, expected in zip(seen, *DATA, strict=True):
        assert type(y) is type(form(1, 2, 3))
        assert {type(part) for part in parts(y)} == {float}
        assert [*parts(y)] == close([float(z) for z in model.net(x)])
        assert t == expected


@pytest.mark.parametrize("with_another_set", [False, True])
@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([0, 1.0, True], [0, 1.0, True]),
        ([0, 1, 0], [0, 1, 0]),
        (np.array([0, 1, 0], np.int8), [0, 1, 0]),
        (np.array([0.0, 0.5, 1.0], np.float32), [0.0, 0.5, 1.0]),
        ([np.int64(0), np.int64(1), np.int64(0)], [0, 1, 0]),
        (np.array([[0], [1], [0]]), [[0], [1], [0]]),
        ([[0], [0.5], (True,)], [[0], [0.5], [True]]),
    ],
    ids=str,
)
def test_metrics_get_targets_as_they_were_given(targets, expected, with_another_set, engine):
    seen = []
    options = {"epochs": 1, "shuffle": False, "engine": engine}
    if with_another_set:
        more = [1.0] if isinstance(expected[0], list) else 1.0
        options["validation"] = [[0.0, 0.0]], np.array([more])
        expected = [*expected, more]
    metrics = {"seen": lambda y, t: seen.append(t) or 0.0}
    fit(network(), (DATA[0][:3], targets), nn.mse, SLOW, metrics=metrics, **options)
    assert repr(seen) == repr(expected)


CLASSIFIERS = {
    "hinge": (nn.hinge, [1], None, (-1, 1)),
    "binary_cross_entropy": (nn.binary_cross_entropy, [1], "sigmoid", (0, 1)),
    "binary_cross_entropy_with_logits": (LOGITS, [1], None, (0, 1)),
    "cross_entropy": (nn.cross_entropy, [2], "softmax", (0, 1)),
    "softmax_cross_entropy": (nn.softmax_cross_entropy, [2], None, (0, 1)),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_accuracy_where_the_loss_classifies(name, engine):
    loss, nouts, activation, labels = CLASSIFIERS[name]
    inputs, targets = datasets.moons(20, noise=0.5, labels=labels)
    model = nn.MLP(2, nouts, activation=[activation], seed=2)
    still = optim.GradientDescent(0.0)
    history = fit(model, (inputs, targets), loss, still, epochs=1, engine=engine)
    w = np.array([[p.data for p in neuron.w] for neuron in model.layers[0].neurons])
    z = np.array(inputs) @ w.T
    second = z[:, 1] > z[:, 0] if len(nouts) and nouts[0] == 2 else z[:, 0] > 0
    expected = accuracy_score(targets, np.where(second, labels[1], labels[0]))
    assert 0 < expected < 1
    assert history["accuracy"] == close([expected])


@pytest.mark.parametrize("loss", [nn.mse, nn.squared_error, nn.l1, lambda y, t: (y - t) ** 2])
def test_no_accuracy_where_it_does_not(loss):
    assert "accuracy" not in fit(network(), DATA, loss, epochs=1).last


def test_evaluate_counts_and_changes_nothing():
    model = network()
    for p in model.parameters():
        p.grad = 7.0
    before = numbers(model)
    found = evaluate(model, DATA, LOGITS, {"one": lambda y, t: 1})
    z = np.array([float(model(x)) for x in DATA[0]])
    t = np.array(DATA[1])
    assert found == close(
        {"loss": np.mean(np.logaddexp(0, z) - t * z), "accuracy": np.mean((z > 0) == t), "one": 1.0}
    )
    assert numbers(model) == before
    assert [p.grad for p in model.parameters()] == [7.0] * len(before)


def test_evaluate_refuses_what_fit_refuses():
    with pytest.raises(ValueError, match="row 1, column 0"):
        evaluate(network(), ([[0.0, 0.0], [math.nan, 0.0]], [0, 1]), LOGITS)
    with pytest.raises(ValueError, match="no examples"):
        evaluate(network(), ([], []), LOGITS)
    with pytest.raises(ValueError, match=r"target 1.*between 0 and 1"):
        evaluate(network(), ([[0.0, 0.0], [1.0, 0.0]], [0, 2]), LOGITS)


@pytest.mark.parametrize("name", ["loss", "rate", "epoch", "validation loss"])
def test_a_metric_takes_no_name_that_has_a_meaning(name):
    with pytest.raises(ValueError, match=name):
        fit(network(), DATA, LOGITS, metrics={name: lambda y, t: 0.0})


# -------------------------------------------------------------------- ends of a training


def test_patience_waits_so_many_epochs(engine):
    options = {"epochs": 9, "shuffle": False, "patience": 3, "engine": engine}
    history = fit(network(), DATA, LOGITS, optim.GradientDescent(0.0), **options)
    assert len(history) == 1 + 3
    assert history.stopped == "no lower loss in 3 epochs"


def test_patience_looks_at_the_validation_set():
    opposite = DATA[0], [1 - t for t in DATA[1]]
    history = fit(network(), DATA, LOGITS, SLOW, epochs=90, validation=opposite, patience=4)
    losses = history["validation loss"]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 4 < 90
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert history.stopped == "no lower validation loss in 4 epochs"


def test_patience_forgets_at_each_new_lowest_loss():
    losses = iter([5, 6, 7, 4, 6, 5, 3, 4, 4, 4, 2, 1])
    model = network()

    def loss(y, t):  # two calls an epoch: one example to learn from, one held out
        return y * 0.0 + (next(losses) if t == 1 and armed else 0.0)

    armed = False
    data, held_out = ([[0.0, 0.0]], [0]), ([[0.0, 0.0]], [1])

    def arm(ps):
        nonlocal armed
        armed = True
        return 0.0

    options = {"epochs": 12, "validation": held_out, "patience": 3, "penalty": arm}
    history = fit(model, data, loss, SLOW, engine="eager", **options)
    assert history["validation loss"] == [5, 6, 7, 4, 6, 5, 3, 4, 4, 4]


def raise_at(call, error=KeyboardInterrupt):
    calls = 0

    def metric(y, t):
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return 0.0

    return {"calls": metric}


def legal_points(epochs, size, rule):
    """The parameters after each whole number of steps."""
    points, model = [], network()

    def note(ps):
        points.append(numbers(model))
        return 0.0

    options = {"batch_size": size, "penalty": note, "engine": "eager"}
    fit(model, DATA, LOGITS, rule, epochs=epochs, **options)
    return [*points, numbers(model)]


@pytest.mark.parametrize(("call", "epochs"), [(1, 0), (15, 1), (30, 2)])
def test_ctrl_c_gives_the_history_so_far(call, epochs, engine):
    model, options = network(), {"batch_size": 3, "engine": engine}
    history = fit(model, DATA, LOGITS, SLOW, epochs=9, metrics=raise_at(call), **options)
    assert len(history) == epochs
    assert history.stopped == f"interrupted in epoch {epochs + 1}"
    steps = (call - 1) // 10 * 4 + (call - 1) % 10 // 3
    assert len(history.batches) == steps
    whole = fit(network(), DATA, LOGITS, SLOW, epochs=3, **options)
    assert history["loss"] == whole["loss"][:epochs]
    assert history.batches == whole.batches[:steps]
    assert numbers(model) == close(legal_points(3, 3, SLOW)[steps])
    assert fit(model, DATA, LOGITS, SLOW, epochs=1).stopped == ""


class Alike:
    """A generator whose keys begin with the same bytes, so that the last ones decide."""

    def randbytes(self, count):
        return array("Q", [i * 7919 % 101 for i in range(count // 8)]).tobytes()


@pytest.mark.parametrize("random", [Random(3), Alike()], ids=["random", "alike"])
def test_keys_are_sorted_by_all_of_their_bytes(random):
    ours, again = import_module("micrograd_plus.training.fit").shuffled, deepcopy(random)
    assert ours(array("q", range(100)), random).tolist() == shuffled(range(100), again)


def test_ctrl_c_anywhere_leaves_a_whole_number_of_steps(engine):
    rule, options = optim.Momentum(0.1), {"epochs": 4, "batch_size": 5, "engine": engine}
    legal = [close(point) for point in legal_points(4, 5, rule)]
    own = ("fit", "eager", "compiled", "whole", "figures")
    files = (*(f"training/{name}.py" for name in own), "optim/optimizer.py")

    def run(at):
        lines = 0

        def trace(frame, event, _):
            nonlocal lines
            if not frame.f_code.co_filename.replace(os.sep, "/").endswith(files):
                return None
            if event == "line":
                lines += 1
                if lines == at:
                    raise KeyboardInterrupt
            return trace

        model, before, history = network(), sys.gettrace(), None
        sys.settrace(trace)
        try:
            history = fit(model, DATA, LOGITS, rule, **options)
        except KeyboardInterrupt:  # before the first step, or after the last
            pass
        finally:
            sys.settrace(before)
        return lines, model, history

    total = run(None)[0]
    returned = 0
    for at in range(1, total + 1, 7):
        _, model, history = run(at)
        assert any(numbers(model) == point for point in legal)
        if history is not None and history.stopped:
            returned += 1
            assert history.stopped == f"interrupted in epoch {len(history) + 1}"
    assert returned > total / 7 / 2


LOOP = """
import json
from micrograd_plus import datasets, nn
from micrograd_plus.training import fit
model = nn.MLP(2, [3, 1], seed=1)
loss = nn.binary_cross_entropy_with_logits
calls = 0
def ready(y, t):
    global calls
    calls += 1
    if calls == 100:
        print("ready", flush=True)
    return 0.0
history = fit(model, datasets.moons(10), loss, epochs=10**9, batch_size=3, metrics={"m": ready})
again = fit(model, datasets.moons(10), loss, epochs=1)
print(json.dumps([len(history), history.stopped, list(model.state_dict().values()), len(again)]))
"""


@pytest.mark.skipif(os.name == "nt", reason="a process can't be sent Ctrl-C alone")
def test_a_real_ctrl_c():
    with started([sys.executable, "-c", LOOP]) as [run]:
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGINT)
        code, printed, errors = ended(run)
    assert (code, errors) == (0, "")
    epochs, stopped, parameters, again = json.loads(printed)
    assert epochs >= 9
    assert stopped == f"interrupted in epoch {epochs + 1}"
    assert all(map(math.isfinite, parameters))
    assert again == 1


# ---------------------------------------------------------- numbers that are not finite


class Logarithm(nn.Module):
    """log(w · x), which leaves the numbers where w · x ≤ 0."""

    def __init__(self, w=1.0):
        self.w = Value(w, "w")

    def __call__(self, x):
        return mg.log(self.w * x[0])


def fall(y, t):
    """A loss with the derivative t for w, so that each step makes w smaller by rate · t."""
    return t * mg.exp(y)


def descend(model, targets, engine, **options):
    inputs = [[1.0]] * len(targets)
    options = {"batch_size": 1, "shuffle": False, "engine": engine, **options}
    return fit(model, (inputs, targets), fall, optim.GradientDescent(0.25), **options)


def test_a_number_that_is_not_finite_is_told_with_its_place(engine):
    model = Logarithm(1.0)  # 1, then 0.75, 0.5 and so on: −0.25 after batch 2 of epoch 3
    with pytest.raises(
        TrainingError, match=r"^epoch 3, batch 1: (example 0: )?log of 0\.0 .*log is defined"
    ) as caught:
        descend(model, [1.0, 1.0], engine)
    error = caught.value
    assert isinstance(error, mg.NonFiniteError)
    assert model.w.data == 0.0
    assert isinstance(error.history, History)
    assert error.history["loss"] == close([(1 + 0.75) / 2, (0.5 + 0.25) / 2])
    assert error.history.batches == close([1.0, 0.75, 0.5, 0.25])


def test_the_error_knows_the_operation_as_other_errors_do(engine):
    with pytest.raises(TrainingError) as caught:
        descend(Logarithm(1.0), [8.0, 1.0], engine)
    assert caught.value.op is mg.ops.log
    assert caught.value.numbers == [-1.0] or tuple(caught.value.numbers) == (-1.0,)


def test_the_error_travels_between_processes(engine):
    with pytest.raises(TrainingError) as caught:
        descend(Logarithm(1.0), [1.0, 1.0], engine)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.history == caught.value.history


def test_the_error_has_the_history_from_the_first_epoch_on(engine):
    with pytest.raises(TrainingError, match="epoch 1, batch 3: ") as caught:
        descend(Logarithm(1.0), [1.0, 3.0, 1.0], engine)
    assert caught.value.history.batches == close([1.0, 0.75 * 3])


def test_a_rate_too_large_keeps_the_last_good_step(engine):
    inputs, targets = [[1.0], [3.0]], [1.0, 2.0]
    options = {"batch_size": 1, "shuffle": False, "engine": engine}
    wild = optim.GradientDescent(1e6)
    model = nn.MLP(1, [1], seed=1)
    with pytest.raises(TrainingError, match=r"epoch \d+, batch \d: ") as caught:
        fit(model, (inputs, targets), nn.mse, wild, epochs=99, **options)
    w, b = model.layers[0].neurons[0].w[0].data, model.layers[0].neurons[0].b.data
    assert math.isfinite(w)
    assert abs(w) > 1e100

    x, y = (p.data for p in nn.MLP(1, [1], seed=1).parameters())
    for step in range(len(caught.value.history.batches) + 1):  # by hand, until it overflows
        (one,), t = inputs[step % 2], targets[step % 2]
        miss = x * one + y - t
        update = x - 2e6 * miss * one, y - 2e6 * miss
        if abs(miss) > math.sqrt(sys.float_info.max) or not all(map(math.isfinite, update)):
            break
        x, y = update
    assert (w, b) == pytest.approx((x, y), rel=1e-9)
    assert str(caught.value).startswith(f"epoch {step // 2 + 1}, batch {step % 2 + 1}: ")


def test_an_infinite_gradient(engine):
    class Root(Logarithm):
        def __call__(self, x):
            return mg.sqrt(self.w * x[0])

    model = Root(2.0)
    with pytest.raises(TrainingError, match=r"epoch 1, batch 2: .*the gradient through sqrt"):
        fit(
            model,
            ([[1.0], [0.0]], [0, 0]),
            lambda y, t: y * 1.0,
            SLOW,
            batch_size=1,
            shuffle=False,
            engine=engine,
        )
    assert model.w.data == close(2.0 - 0.1 * 0.5 / math.sqrt(2.0))


def test_a_penalty_that_is_not_finite(engine):
    w, *_ = numbers(model := network())
    with pytest.raises(TrainingError, match=r"epoch 1, batch 2: .*log of"):
        fit(
            model,
            DATA,
            LOGITS,
            optim.GradientDescent(1e3),
            batch_size=1,
            penalty=lambda ps: mg.log(ps[0] * (1 / w)),
            engine=engine,
        )


def test_the_very_first_example():
    model = Logarithm(-1.0)
    with pytest.raises(TrainingError, match=r"epoch 1, batch 1: log of -1\.0"):
        descend(model, [1.0], "auto")
    assert model.w.data == -1.0


def test_a_validation_set(engine):
    model = Logarithm(1.0)
    with pytest.raises(TrainingError, match=r"epoch 2, validation set: .*log of 0\.0") as caught:
        descend(model, [1.0, 1.0], engine, validation=([[1.0]], [1.0]))
    assert len(caught.value.history) == 1


@pytest.mark.parametrize("rule", [optim.AdaGrad, optim.RMSprop, optim.Adam, optim.AdamW])
def test_a_squared_gradient_beyond_the_floats(rule, engine):
    class Line(Logarithm):
        def __call__(self, x):
            return self.w * x[0]

    model = Line()
    with pytest.raises(TrainingError, match="epoch 1, batch 1: "):
        fit(model, ([[1e200]], [0]), lambda y, t: y * 1.0, rule(0.1), engine=engine)
    assert model.w.data == 1.0


def test_the_mean_of_large_losses_is_finite(engine):
    """Though their sum is not."""
    model = nn.MLP(1, [1], seed=1)
    data = [[0.0]] * 3, [1.7e308] * 3
    history = fit(model, data, nn.l1, SLOW, batch_size=1, epochs=1, engine=engine)
    assert history["loss"] == pytest.approx([1.7e308])


# --------------------------------------------------------------------------- engines


def test_by_default_the_loss_is_compiled():
    models = {name: network() for name in ("auto", "compiled", "eager")}
    for name, model in models.items():
        fit(model, DATA, LOGITS, epochs=3, engine=name)
    assert numbers(models["auto"]) == numbers(models["compiled"])
    assert numbers(models["auto"]) == close(numbers(models["eager"]))


class Scaled(nn.Module):
    """A network whose outputs are scaled by an ordinary function of the inputs."""

    def __init__(self, factor):
        self.net = network()
        self.factor = factor

    def __call__(self, x):
        return self.net(x) * (2.0 if self.factor(x) else 1.0)


FIRST = DATA[0][0][0]
LOOKS = {
    "compared": lambda x: x[0] > FIRST,
    "equal": lambda x: x[0] == FIRST,
    "true": lambda x: not x[0],
    "searched": lambda x: x.index(max(x)),
    "rounded": lambda x: round(x[0]),
    "a float": lambda x: math.sin(x[0]) > 0,
    "in a set": lambda x: x[0] in {FIRST},
    "printed": lambda x: "-" in f"{x[0]}",
    "an instance": lambda x: isinstance(x[0], float),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_cant_be_compiled_is_trained_example_by_example(name, capsys):
    one, other = Scaled(LOOKS[name]), Scaled(LOOKS[name])
    with pytest.raises(TraceError):
        fit(one, DATA, LOGITS, engine="compiled")
    assert numbers(one) == numbers(other)
    assert fit(one, DATA, LOGITS) == fit(other, DATA, LOGITS, engine="eager")
    assert numbers(one) == numbers(other)
    assert "can't be compiled" in capsys.readouterr().err


def test_random_numbers_are_not_frozen():
    random = Random(0)
    with pytest.raises(TraceError, match="random numbers"):
        fit(Scaled(lambda x: random.random() < 0.5), DATA, LOGITS, engine="compiled")


def test_without_numpy_there_is_the_engine(monkeypatch, capsys):
    one, other = network(), network()
    expected = fit(one, DATA, LOGITS, batch_size=3, engine="eager")
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert fit(other, DATA, LOGITS, batch_size=3) == expected
    assert numbers(one) == numbers(other)
    assert "numpy" in capsys.readouterr().err


SATURATED = {
    "sigmoid": (nn.binary_cross_entropy, [1], [1, 0, 0, 1]),
    "softmax": (nn.cross_entropy, [2], [0, 1, 1, 0]),
}


@pytest.mark.parametrize("name", SATURATED)
def test_nothing_times_the_logarithm_of_nothing_is_nothing(name, engine):
    """Outputs of exactly 0 and 1, where these are right, have no loss and no gradient."""
    loss, nouts, targets = SATURATED[name]
    model = nn.MLP(1, nouts, activation=[name], seed=2)
    for neuron, w in zip(model.layers[0].neurons, (1.0, -1.0), strict=False):
        neuron.w[0].data = w
    data = [[1.0], [0.5], [-0.5], [900.0]], targets
    options = {"epochs": 1, "batch_size": None, "validation": data, "engine": engine}
    history = fit(model, data, loss, optim.GradientDescent(1e-9), **options)
    p = 1 / (1 + np.exp(-np.array([1.0, 0.5, -0.5]) * len(model.layers[0].neurons)))
    expected = -np.log([p[0], 1 - p[1], 1 - p[2]]).sum() / 4
    assert history.batches == close([expected])
    assert history["validation loss"] == pytest.approx([expected])


def test_a_step_that_needs_the_engine_goes_on_from_the_others(engine):
    models = [nn.MLP(1, [1], activation=["sigmoid"], seed=2) for _ in range(2)]
    data = [[1.0], [900.0], [0.5], [900.0], [-0.5], [0.25]], [1, 1, 0, 1, 0, 1]
    for model, name in zip(models, (engine, "eager"), strict=True):
        model.layers[0].neurons[0].w[0].data = 1.0
        options = {"epochs": 3, "batch_size": 1, "engine": name}
        fit(model, data, nn.binary_cross_entropy, optim.Momentum(0.01), **options)
    assert numbers(models[0]) == close(numbers(models[1]))


def test_gradients_too_large_to_square_are_clipped(engine):
    class Line(nn.Module):
        def __init__(self):
            self.a, self.b = Value(1.0), Value(1.0)

        def __call__(self, x):
            return self.a * x[0] + self.b * x[1]

    model = Line()
    data = [[3e200, 4e200]], [0]
    options = {"epochs": 1, "clip_norm": 5.0, "engine": engine}
    fit(model, data, lambda y, t: y * 1.0, optim.GradientDescent(0.1), **options)
    assert numbers(model) == close([1 - 0.1 * 3, 1 - 0.1 * 4])


@pytest.mark.parametrize("targets", [[0, [1]] * 5, [[0], 1] * 5], ids=str)
def test_targets_alone_and_in_lists(targets, engine):
    one, other = network(), network()
    if engine == "compiled":
        engine = "auto"
    fit(one, (DATA[0], targets), nn.mse, SLOW, engine=engine)
    fit(other, (DATA[0], [0, 1] * 5), nn.mse, SLOW, engine=engine)
    assert numbers(one) == close(numbers(other))


# -------------------------------------------------------------------------- bad data


class Columns(Table):
    """A table that does not turn into an array."""

    to_numpy = property()


NAN, INF = math.nan, math.inf
ROWS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
BAD = {
    "not a number": (([[0.0, 0.0], [1.0, NAN]], [0, 1]), ValueError, r"row 1, column 1.*nan"),
    "infinite": (([[0.0, 0.0], [-INF, 1.0]], [0, 1]), ValueError, r"row 1, column 0.*-inf"),
    "in an array": ((np.array([[0.0, NAN]]), np.array([0])), ValueError, r"row 0, column 1.*nan"),
    "beyond the floats": (([[0.0, 10**400]], [0]), ValueError, "row 0, column 1"),
    "None": (([[0.0, 0.0], [None, 0.0]], [0, 1]), TypeError, r"row 1, column 0.*None"),
    "a string": (([[0.0, "1"]], [0]), TypeError, r"row 0, column 1.*'1'"),
    "a complex number": (([[0.0, 1j]], [0]), TypeError, r"row 0, column 1.*1j"),
    "a Value": (([[0.0, Value(1.0)]], [0]), TypeError, r"row 0, column 1.*Value\(data=1.0"),
    "a nested row": (([[0.0, [1.0]]], [0]), TypeError, r"row 0, column 1.*\[1.0\]"),
    "a string for a row": (([[0.0, 0.0], "ab"], [0, 1]), TypeError, "row 1: .*'ab'"),
    "bytes for a row": (([[0.0, 0.0], b"ab"], [0, 1]), TypeError, "row 1: .*b'ab'"),
    "a dictionary for a row": (([{1: 5.0, 2: 6.0}], [0]), TypeError, "row 0: "),
    "a number for a row": (([0.0, 1.0], [0, 1]), TypeError, "row 0: .*0.0"),
    "one axis": ((np.zeros(3), np.zeros(3)), TypeError, "row 0: .*0.0"),
    "uneven rows": (([[0.0, 0.0], [0.0]], [0, 1]), ValueError, "row 1: 1 numbers, not 2 as above"),
    "narrow rows": (([[0.0], [1.0]], [0, 1]), ValueError, "the data, row 0: .*2 inputs, not 1"),
    "wide rows": ((np.zeros((2, 3)), [0, 1]), ValueError, "the data, row 0: .*2 inputs, not 3"),
    "empty rows": (([[], []], [0, 1]), ValueError, "the data, row 0"),
    "no rows": (([], []), ValueError, "the data: there are no examples"),
    "no rows in arrays": ((np.zeros((0, 2)), np.zeros(0)), ValueError, "there are no examples"),
    "too few targets": ((ROWS, [0, 1]), ValueError, "3 inputs need as many targets, not 2"),
    "nothing": (None, TypeError, "the data must be a pair of sequences"),
    "a number": (5, TypeError, "the data must be a pair of sequences"),
    "inputs alone": (([[0.0, 0.0]],), TypeError, "the data must be a pair of sequences"),
    "three parts": ((ROWS, [0, 1, 0], [1, 1, 1]), TypeError, "the data must be a pair"),
    "a target of nan": ((ROWS, [0, 1, NAN]), ValueError, r"target 2.*nan"),
    "a target of None": ((ROWS, [0, None, 1]), TypeError, r"target 1.*None"),
    "a target of text": ((ROWS, ["a", 1, 1]), TypeError, "target 0.*'a'"),
    "a target out of range": ((ROWS, [0, 1, 2]), ValueError, "target 2: .*between 0 and 1, not 2"),
    "a dictionary": ({"x": ROWS, "y": [0, 1, 1]}, TypeError, "a dict has no rows"),
    "a dictionary for inputs": (
        ({0: ROWS[0], 1: ROWS[1]}, [0, 1]),
        TypeError,
        "a dict has no rows",
    ),
    "a set of inputs": (({(0.0, 1.0), (1.0, 0.0)}, [0, 1]), TypeError, "a set has no rows"),
    "a set of targets": ((ROWS[:2], {0, 1}), TypeError, "a set has no rows"),
    "a set for a target": ((ROWS[:2], [0, {1}]), TypeError, "target 1: a set has no rows"),
    "a dictionary for a target": (
        (ROWS[:1], [{0: 0.1}]),
        TypeError,
        "target 0: a dict has no rows",
    ),
    "a table alone": (Table(ROWS[:2]), TypeError, "the data must be a pair of sequences"),
    "a table for a row": (([Table(ROWS[:2])], [0]), TypeError, r"row 0, column 0.*\[0.0, 0.0\]"),
    "items that are columns": (
        (Columns(ROWS[:2]), [0, 1]),
        TypeError,
        "a Columns has no rows in order",
    ),
    "a sparse matrix": (
        (scipy.sparse.eye(2).tocsr(), [0, 1]),
        TypeError,
        "a csr_matrix has no rows",
    ),
    "sparse data": (scipy.sparse.eye(2).tocsr(), TypeError, "a csr_matrix has no rows"),
    "masked": ((np.ma.array([[0.0, 1.0]], mask=[[0, 1]]), [0]), TypeError, "row 0, column 1.*None"),
    "a target too long": ((ROWS, [0, 1, [1, 0]]), TypeError, r"target 2: .*\[1, 0\]"),
}
WAYS = {
    "data": lambda bad: {"data": bad},
    "validation set": lambda bad: {"data": DATA, "validation": bad},
}


@pytest.mark.parametrize(
    ("way", "name"),  # None stands for no validation set
    [(way, name) for way in WAYS for name in BAD if (way, name) != ("validation set", "nothing")],
)
def test_bad_data_are_refused_before_any_training(way, name, tmp_path):
    data, kind, message = BAD[name]
    if way == "validation set":
        message = message.replace("the data", "the validation set")
    model = network()
    for p in model.parameters():
        p.grad = 7.0
    before, written = numbers(model), tmp_path / "state"
    with pytest.raises(kind, match=message) as caught:
        fit(model, **WAYS[way](data), loss=LOGITS, checkpoint=written)
    assert str(caught.value).startswith(f"the {way}")
    assert numbers(model) == before
    assert [p.grad for p in model.parameters()] == [7.0] * len(before)
    assert not written.exists()


def test_with_a_fraction_held_out_rows_are_those_of_the_whole_set():
    inputs, targets = [[float(i), 0.0] for i in range(10)], [0, 1] * 5
    inputs[6][1] = NAN
    with pytest.raises(ValueError, match=r"the data, row 6, column 1.*nan"):
        fit(network(), (inputs, targets), LOGITS, validation=0.3)
    inputs[6][1], targets[7] = 0.0, 3
    with pytest.raises(ValueError, match="the data, target 7"):
        fit(network(), (inputs, targets), LOGITS, validation=0.3)
    for name in ("three parts", "nothing", "a number", "inputs alone"):
        data, kind, message = BAD[name]
        with pytest.raises(kind, match=message):
            fit(network(), data, LOGITS, validation=0.3)


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.01, -0.5, 1.5, NAN, INF])
def test_fractions_that_leave_nothing(fraction):
    with pytest.raises(ValueError, match="fraction"):
        fit(network(), DATA, LOGITS, validation=fraction)


TARGETS = {
    "a class too many": (nn.softmax_cross_entropy, [0, 1, 2], "target 2: .*from 0 to 1, not 2"),
    "a negative class": (nn.cross_entropy, [0, -1, 1], "target 1: .*from 0 to 1, not -1"),
    "half a class": (nn.softmax_cross_entropy, [0, 0.5, 1], "target 1: .*0.5"),
    "more than certain": (nn.cross_entropy, [0, [0.7, 0.7], 1], "target 1: .*add up to 1"),
    "too many numbers": (nn.mse, [[0, 1], [0, 1, 2], [1, 1]], "target 1: 2 outputs .* not 3"),
    "a single number": (nn.mse, [[0, 1], [0, 1], 1], "target 2: 2 outputs .* not 1"),
    "nan inside": (nn.mse, [[0, 1], [0, 1], [NAN, 1]], r"target 2, column 0.*nan"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_that_do_not_suit_the_loss(name):
    loss, targets, message = TARGETS[name]
    model = nn.MLP(2, [2], activation=["softmax"], seed=1)
    before = numbers(model)
    with pytest.raises(ValueError, match=message):
        fit(model, (ROWS, targets), loss)
    assert numbers(model) == before


def test_hinge_refuses_labels_of_0():
    with pytest.raises(ValueError, match="target 0: hinge needs a label of −1 or 1, not 0"):
        fit(network(), DATA, nn.hinge)


def test_an_error_of_the_users_loss_keeps_its_message():
    class OddError(ValueError):
        def __init__(self, one, two):
            super().__init__(f"{one} {two}")

    def loss(y, t):
        raise OddError("odd", "target")

    with pytest.raises(ValueError, match="target 0: odd target"):
        fit(network(), DATA, loss)


SETTINGS = [
    *({"epochs": n} for n in (0, -1, 1.5, None, "3")),
    *({"batch_size": n} for n in (0, -1, 2.0, "3")),
    *({"patience": n} for n in (0, -1, 2.0)),
    *({name: x} for name in ("clip_norm", "clip_value") for x in (0, -1.0, NAN, "1")),
    *({"seed": s} for s in (None, 0.5, "a", b"a")),
    {"engine": "steam"},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_settings_that_make_no_sense(setting):
    model = network()
    for p in model.parameters():
        p.grad = 7.0
    before, (name,) = numbers(model), setting
    with pytest.raises((TypeError, ValueError), match=name):
        fit(model, DATA, LOGITS, **setting)
    assert numbers(model) == before
    assert {p.grad for p in model.parameters()} == {7.0}


# ------------------------------------------------------------------ what fit understands

SAME = {
    "arrays": lambda x, t: (np.array(x), np.array(t)),
    "an array of whole numbers": lambda x, t: (np.array(x), np.array(t, dtype=np.int8)),
    "lists of arrays": lambda x, t: ([np.array(row) for row in x], list(np.array(t))),
    "targets that are arrays of one": lambda x, t: (x, [np.array(y) for y in t]),
    "tuples": lambda x, t: [tuple(map(tuple, x)), tuple(t)],
    "truth values": lambda x, t: (x, [y == 1 for y in t]),
    "iterators": lambda x, t: (iter([iter(row) for row in x]), iter(t)),
    "a table": lambda x, t: (Table(x), t),
    "a table and a column of one": lambda x, t: (Table(x), Table([[y] for y in t])[0]),
    "rows that are columns": lambda x, t: ([Column(row) for row in x], t),
    "views of dictionaries": lambda x, t: [dict(enumerate(part)).values() for part in (x, t)],
    "numbers of NumPy": lambda x, t: ([[np.float64(v) for v in row] for row in x], t),
}


@pytest.mark.parametrize("validation", [None, 0.3])
@pytest.mark.parametrize("name", SAME)
def test_data_of_many_kinds_give_the_same(name, validation):
    one, other = network(), network()
    expected = fit(one, DATA, LOGITS, epochs=2, batch_size=3, validation=validation)
    data = SAME[name](*DATA)
    assert fit(other, data, LOGITS, epochs=2, batch_size=3, validation=validation) == expected
    assert numbers(other) == numbers(one)


def test_a_table_is_its_rows_and_never_its_columns():
    """Where there are as many of both, and columns are called by numbers, either would do."""
    inputs = [[1.0, 2.0], [3.0, 5.0]]
    columns = [list(column) for column in zip(*inputs, strict=True)]
    one, two, other = (network() for _ in range(3))
    fit(one, (inputs, [0, 1]), LOGITS, SLOW)
    fit(two, (Table(inputs), Table([[0, 1], [1, 0]])[0]), LOGITS, SLOW)
    fit(other, (columns, [0, 1]), LOGITS, SLOW)
    assert numbers(one) == numbers(two) != numbers(other)
    assert evaluate(one, (Table(inputs), [0, 1]), LOGITS) == evaluate(one, (inputs, [0, 1]), LOGITS)


def test_targets_of_several_numbers_in_an_array():
    inputs, targets = datasets.parabolas(5)
    one, other = (nn.MLP(1, [2], seed=1) for _ in range(2))
    fit(one, (inputs, targets), nn.mse)
    fit(other, (np.array(inputs), np.array(targets)), nn.mse)
    assert numbers(one) == numbers(other)


def test_the_data_stay_as_they_are():
    data = [list(row) for row in DATA[0]], list(DATA[1])
    fit(network(), data, LOGITS, validation=0.3, epochs=2)
    assert data == ([list(row) for row in DATA[0]], list(DATA[1]))


def test_a_loss_may_be_a_constant_for_some_examples():
    """The perceptron's: it learns from its mistakes alone."""
    inputs, targets = [[1.0, 2.0], [2.0, -1.0], [-1.0, 0.5], [-2.0, -1.0]], [1, 1, -1, -1]
    model = nn.MLP(2, [1], init="zeros")
    history = fit(
        model,
        (inputs, targets),
        lambda y, t: -t * y if y * t <= 0 else 0.0,
        optim.GradientDescent(1.0),
        batch_size=1,
        shuffle=False,
    )
    w, b = np.zeros(2), 0.0
    for _ in range(10):
        for x, t in zip(np.array(inputs), targets, strict=True):
            if t * (w @ x + b) <= 0:
                w, b = w + t * x, b + t
    assert numbers(model) == close([*w, b])
    assert history.last["loss"] == 0.0


class Line(nn.Module):
    """w · x + b, whose parts can be replaced by others."""

    def __init__(self):
        self.w, self.b = Value(0.5, "w"), Value(0.25, "b")

    def __call__(self, x):
        return self.w * x[0] + self.b


class Detached(Line):
    def __call__(self, x):
        return float(self.w) * x[0] + self.b.data


class Copied(Line):
    def __call__(self, x):
        return Value(self.w.data, "copy") * x[0] + Value(self.b.data, "other")


class Elsewhere(Line):
    others = Value(0.5, "v"), Value(1.0)

    def __call__(self, x):
        return self.others[0] * x[0] + self.others[1]


class Replaced(Line):
    def __call__(self, x):
        self.w, self.b = Value(self.w.data), Value(self.b.data)
        return super().__call__(x)


class ReplacedInPart(Line):
    def __call__(self, x):
        self.w = Value(self.w.data)
        return super().__call__(x)


def squares(y, t):
    return (y - t) ** 2


UNREACHED = {
    "a model that gives numbers": (Detached, squares, "that of row 0 is 0.5625"),
    "a loss that gives numbers": (Line, lambda y, t: float(squares(y, t)), "row 0 is 0.5625"),
    "a loss of the numbers": (Line, lambda y, t: squares(Value(y.data, "y"), t), "from y; compute"),
    "outputs that are computed anew": (
        Copied,
        squares,
        "row 0 is computed from copy, other; compute",
    ),
    "a model with parameters elsewhere": (
        Elsewhere,
        squares,
        r"from Value\(data=1.0.*\), v; compute",
    ),
    "a loss of the target alone": (Line, lambda y, t: abs(t - 0.5), "row 0 is 0.5; compute"),
    "a model that replaces them": (Replaced, squares, "other parameters than when the training"),
    "a model that replaces one": (ReplacedInPart, squares, "other parameters than when the"),
}


@pytest.mark.parametrize("any_engine", ["auto", "eager", "compiled", "jax"])
@pytest.mark.parametrize("name", UNREACHED)
def test_a_training_of_nothing_is_an_error(name, any_engine, tmp_path):
    kind, loss, words = UNREACHED[name]
    model, path = kind(), tmp_path / "state"
    before = model.state_dict()
    with pytest.raises(ValueError, match=words):
        fit(
            model, ([[1.0], [2.0]], [0.0, 1.0]), loss, engine=any_engine, checkpoint=path,
            penalty=nn.l2_penalty,
        )  # fmt: skip
    assert model.state_dict() == before
    assert not path.exists()


def test_parameters_have_to_be_reached_by_one_example_alone():
    def loss(y, t):
        return squares(y, t) if t else 7.0

    model = Line()
    data = [[[1.0], [1.0], [2.0]], [0.0, 0.0, 1.0]]
    fit(model, data, loss, SLOW, shuffle=False, engine="eager", epochs=1)
    assert numbers(model) == close([0.5 - 0.1 * 2 * 0.25 * 2 / 3, 0.25 - 0.1 * 2 * 0.25 / 3])
    with pytest.raises(ValueError, match=r"row 0 is 7.0; compute"):
        fit(model, [data[0][:2], data[1][:2]], loss, engine="eager")
    asked = Rows([data[0][:2], data[1][:2]])
    with pytest.raises(ValueError, match=r"row 0 is 7.0; compute"):
        fit(model, asked, loss, engine="eager")


def test_where_all_is_right_there_is_nothing_to_train():
    """The perceptron's loss, of examples that it has learnt."""
    model = Line()
    history = fit(
        model, ([[1.0], [2.0]], [1, 1]), lambda y, t: -t * y if y * t <= 0 else 0.0, epochs=2
    )
    assert history["loss"] == [0.0, 0.0]


def test_parameters_that_are_replaced_while_training(engine):
    model = Line()

    def replace(outputs, target):
        model.b = Value(0.0)
        return 0.0

    with pytest.raises(
        ValueError, match=r"(other parameters|b was replaced.*) (than when|since) the"
    ):
        fit(
            model,
            ([[1.0], [2.0]], [0.0, 1.0]),
            squares,
            metrics={"replace": replace},
            engine=engine,
        )


def test_values_that_no_module_owns_are_told(engine):
    outside, unnamed = Value(3.0, "scale"), [Value(float(i)) for i in range(4)]
    data = [[1.0], [2.0]], [0.0, 1.0]
    with pytest.warns(UserWarning, match="^the loss depends on scale, which no Module") as told:
        fit(Line(), data, lambda y, t: squares(outside * y, t), engine=engine)
    assert [warning.filename for warning in told] == [__file__]
    with pytest.warns(
        UserWarning, match=r"on Value\(data=0.*, Value\(data=1.*2.0.* and 2 more, which"
    ):
        fit(Line(), data, lambda y, t: mg.dot([*unnamed, outside], [y] * 5), engine=engine)


def test_constants_and_the_parameters_of_other_modules_are_none_of_these(engine):
    """Values made by the loss, a network that is frozen, and one that is part of the model."""
    frozen, data = nn.MLP(1, [2, 1], seed=1), ([[1.0], [2.0]], [0.0, 1.0])
    model = Line()
    before = frozen.state_dict()
    fit(model, data, lambda y, t: squares(frozen([y]) * Value(2.0), Value(t)), engine="eager")
    fit(model, data, lambda y, t: squares(frozen([y]) * 2.0, t), engine=engine)
    assert frozen.state_dict() == before


def test_a_loss_may_be_any_callable():
    @dataclass  # which has no hash
    class Scaled:
        factor: float

        def __call__(self, y, t):
            return self.factor * (y - t) ** 2

    one, other = network(), network()
    assert fit(one, DATA, Scaled(1.0), SLOW) == fit(other, DATA, nn.mse, SLOW)


def test_outputs_may_have_any_form():
    class Both(nn.Module):
        def __init__(self):
            self.net = network()

        def __call__(self, x):
            return {"y": np.array([self.net(x)])}

    one, other = Both(), network()
    fit(one, DATA, lambda y, t: (y["y"][0] - t) ** 2, SLOW)
    fit(other, DATA, nn.mse, SLOW)
    assert numbers(one) == close(numbers(other))


def test_a_penalty_gets_the_parameters():
    seen = []
    model = network()
    fit(model, DATA, LOGITS, SLOW, epochs=1, penalty=lambda ps: seen.append(list(ps)) or 0.0)
    assert [id(p) for p in seen[0]] == [id(p) for p in model.parameters()]


def test_gradients_left_from_before_do_not_count():
    one, other = network(), network()
    for p in one.parameters():
        p.grad = 100.0
    fit(one, DATA, LOGITS, SLOW)
    fit(other, DATA, LOGITS, SLOW)
    assert numbers(one) == numbers(other)


def test_debug_mode_changes_no_number():
    one, other = network(), network()
    with mg.debug():
        history = fit(one, DATA, LOGITS, epochs=2, batch_size=3)
    assert history == fit(other, DATA, LOGITS, epochs=2, batch_size=3)
    assert numbers(one) == numbers(other)


# -------------------------------------------------------------------------- progress

BAR = """
import sys
import types
from micrograd_plus import datasets, nn
from micrograd_plus.training import fit
model = nn.MLP(2, [2, 1], seed=1)
loss = nn.binary_cross_entropy_with_logits
fit(model, datasets.xor(), loss, epochs=3, batch_size=2, progress={})
print("done")
"""


def streams(progress):
    """What a training prints when it is piped."""
    run = subprocess.run(
        [sys.executable, "-c", BAR.format(progress)],
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        timeout=60,
    )
    return run.stdout, run.stderr


def terminal(progress):
    """What a training prints on a terminal."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    ours, theirs = pty.openpty()
    text, env = b"", {"COLUMNS": "100", "TERM": "xterm-256color", "NO_COLOR": ""}
    with started([sys.executable, "-c", BAR.format(progress)], stderr=theirs, env=env) as [run]:
        os.close(theirs)
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:  # Linux says so when the other end is closed
            pass
        finally:
            os.close(ours)
        assert ended(run) == (0, "done\n", None)
    return text.decode()


def test_silence_when_piped():
    assert streams(None) == ("done\n", "")


def test_a_bar_on_a_terminal():
    text = terminal(None)
    assert "epoch 3/3, loss 0." in text
    assert "━━━━" in text
    assert "\x1b[?25h" in text  # the cursor is back


def test_a_bar_where_it_is_wanted_and_nowhere_else():
    printed, errors = streams(True)
    assert printed == "done\n"
    assert "epoch 3/3, loss 0." in errors
    assert terminal(False) == ""


def test_no_stream_to_draw_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as in a program without a console
    assert len(fit(network(), DATA, LOGITS, epochs=1)) == 1


def test_a_notebook_shows_a_bar_without_widgets(monkeypatch):
    """What IPython is asked to display, by a stand-in: the tests run without a notebook."""
    pages = []

    class Handle:
        def update(self, page):
            pages.append(page)

    display = types.ModuleType("IPython.display")
    display.HTML = str
    display.display = lambda page, display_id: Handle()
    shell = types.SimpleNamespace()
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    for name, module in (("IPython", ipython), ("IPython.display", display)):
        monkeypatch.setitem(sys.modules, name, module)
    fit(network(), DATA, LOGITS, epochs=1)
    assert not pages  # IPython on a terminal
    shell.kernel = object()
    fit(network(), DATA, LOGITS, epochs=3, batch_size=5)
    assert re.fullmatch(
        r'<progress max="6" value="6"></progress> epoch 3/3, loss \d\.\d{4}', pages[-1]
    )
    count = len(pages)
    fit(network(), DATA, LOGITS, epochs=3, batch_size=5, progress=False)
    assert len(pages) == count


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": nn.MLP}, "a model such as nn.MLP.2, .16, 1.. is needed, .* not <class"),
        ({"model": lambda x: x}, "a model such as .* not <function"),
        ({"loss": "mse"}, "a loss is a function such as nn.mse, not 'mse'"),
        ({"metrics": "accuracy"}, "metrics are functions by name, .* not 'accuracy'"),
        ({"metrics": {"size": 3}}, "the metric 'size' must be a function, not 3"),
        ({"resume": True}, "resume must be the name of a file, not True"),
        ({"checkpoint": 3}, "checkpoint must be the name of a file, not 3"),
    ],
)
def test_what_is_no_part_of_a_training_is_named(given, words):
    usual = {"model": nn.MLP(2, [1]), "data": datasets.xor(), "loss": nn.mse}
    with pytest.raises(TypeError, match=words):
        mg.fit(**{**usual, **given})


def test_a_figure_that_a_history_lacks_is_named():
    loss = nn.binary_cross_entropy_with_logits
    history = mg.fit(nn.MLP(2, [1]), datasets.xor(), loss, epochs=1)
    with pytest.raises(
        KeyError, match=r"'acuracy' \(did you mean accuracy\?\); choose from loss, a"
    ):
        _ = history["acuracy"]
    with pytest.raises(KeyError, match="there is no figure 0; choose from loss"):
        list(history)
