"""Lecture B, neural networks: the examples give its numbers, as others compute them."""

import math

import numpy as np
import pytest
from PIL import Image

import micrograd_plus as mg
from micrograd_plus import datasets, nn
from tests.effort import slow

FORWARD = "b_neural_networks/forward_pass.py"
LOGISTIC = "b_neural_networks/logistic_regression.py"
DELTAS = "b_neural_networks/deltas.py"
DERIVATIVES = "b_neural_networks/derivatives.py"
DIGITS = "b_neural_networks/digits.py"
BATCHES = "b_neural_networks/batches.py"
OPTIMISERS = "b_neural_networks/optimisers.py"


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


def slopes(f, point, step=1e-5):
    """The gradient of a function of an array, by central differences."""
    ways = step * np.eye(len(point))
    return [(f(np.array(point) + way) - f(np.array(point) - way)) / (2 * step) for way in ways]


def test_neurons_compute_what_matrices_do(example):
    module, ours = example(FORWARD).module, example(FORWARD).result
    w1, w2, w3 = (np.array(w) for w in (module.W1, module.W2, module.W3))
    assert (w1.shape, w2.shape, w3.shape) == ((4, 3), (4, 4), (1, 4))
    # the slide's other form has a column for each neuron
    columns = np.array([module.X])
    h1 = np.maximum(0, columns @ w1.T + module.B1)
    h2 = np.maximum(0, h1 @ w2.T + module.B2)
    y = h2 @ w3.T + module.B3
    for name, numbers in (("h1", h1), ("h2", h2), ("y", y)):
        assert ours[name] == pytest.approx(numbers[0], rel=1e-12, abs=1e-15)
    assert sum(x == 0 for x in ours["h1"] + ours["h2"]) == 2  # max(0, ·) is at work
    picture = (example(FORWARD).folder / "forward_pass.svg").read_text(encoding="utf-8")
    assert picture.count(">ReLU<") == 8
    assert f">{ours['y'][0]:.2f}<" in picture


def test_a_sigmoid_neuron_is_logistic_regression(example):
    ours, theirs = example(LOGISTIC).result.values()
    assert ours == pytest.approx(theirs, rel=1e-5)
    inputs, targets = map(np.array, datasets.moons(100, noise=0.3, seed=1))
    errors = sigmoid(inputs @ ours[:2] + ours[2]) - targets
    assert [*(errors @ inputs), errors.sum()] == pytest.approx([0, 0, 0], abs=1e-4)


def test_deltas_are_the_gradients_on_the_wires(example):
    module, ours = example(DELTAS).module, example(DELTAS).result
    t, v, w = np.array(module.T), np.array(module.V), np.array(module.W)

    def of_o(o):
        return ((o - t) ** 2).sum() / 2

    def of_z(z):
        return of_o(sigmoid(z))

    def of_h(h, weights=w):
        return of_z(weights @ h)

    def of_u(u, weights=w):
        return of_h(np.tanh(u), weights)

    u = v @ module.X
    h = np.tanh(u)
    z = w @ h
    expected = {
        "o": slopes(of_o, sigmoid(z)),
        "z": slopes(of_z, z),
        "h": slopes(of_h, h),
        "u": slopes(of_u, u),
        "w": slopes(lambda weights: of_u(u, weights.reshape(2, 2)), w.ravel()),
        "v": slopes(lambda weights: of_u(weights.reshape(2, 2) @ module.X), v.ravel()),
    }
    formulas = {name: delta for name, (_, delta) in module.by_formula().items()}
    assert formulas == pytest.approx(ours, rel=1e-12)
    for name, numbers in expected.items():
        found = [delta for label, delta in ours.items() if label[0] == name]
        assert found == pytest.approx(numbers, rel=1e-6, abs=1e-9)
    assert len(ours) == sum(map(len, expected.values()))
    picture = (example(DELTAS).folder / "deltas.svg").read_text(encoding="utf-8")
    for wire in ("o_0", "z_1", "h_1", "u_1"):
        assert f">{ours[wire]:.2f}<".replace("-", "−") in picture


@pytest.mark.parametrize(
    ("name", "function"),
    [("sigmoid", sigmoid), ("tanh", np.tanh), ("ReLU", lambda z: np.maximum(0, z))],
)
def test_the_table_of_derivatives(example, name, function):
    _, formula, ours = example(DERIVATIVES).module.TABLE[name]
    for z in (-3.0, -0.4, 0.7, 2.0):
        difference = (function(z + 1e-5) - function(z - 1e-5)) / 2e-5
        assert mg.derivative(ours)(z) == pytest.approx(difference, rel=1e-8, abs=1e-12)
        assert formula(z) == pytest.approx(difference, rel=1e-8, abs=1e-12)
    at_0 = {"sigmoid": 0.25, "tanh": 1.0, "ReLU": 0.0}[name]
    assert mg.derivative(ours)(0.0) == formula(0.0) == at_0


@pytest.mark.parametrize("t", [0, 1])
@pytest.mark.parametrize("z", [-2.0, 0.3, 1.5])
def test_binary_cross_entropy_after_a_sigmoid(example, z, t):
    def error(z):
        return -t * np.log(sigmoid(z)) - (1 - t) * np.log(1 - sigmoid(z))

    difference = (error(z + 1e-5) - error(z - 1e-5)) / 2e-5
    assert example(DERIVATIVES).module.binary(z, t) == pytest.approx([difference] * 2, rel=1e-7)


def test_cross_entropy_after_a_softmax_and_the_slides_misprint(example):
    module = example(DERIVATIVES).module

    def error(z):
        return -np.log(np.exp(z[module.CLASS]) / np.exp(z).sum())

    difference = slopes(error, module.LOGITS)
    right, misprint, ours, printed = example(DERIVATIVES).result.values()
    for gradient in (right, ours, printed):
        assert gradient == pytest.approx(difference, rel=1e-7)
    assert all(abs(a - b) > 0.5 * abs(b) for a, b in zip(misprint, difference, strict=True))


@slow
@pytest.mark.parametrize(("task", "least"), [("4 against not 4", 0.99), ("ten digits", 0.96)])
def test_handwritten_digits(example, task, least):
    accuracy, reference = example(DIGITS).result[task]
    assert accuracy >= least
    assert accuracy >= reference
    assert accuracy * 359 == pytest.approx(round(accuracy * 359))  # a fifth of 1,797
    assert (example(DIGITS).folder / f"{task.replace(' ', '_')}.png").exists()


def test_batch_gradient_descent_is_numpys(example):
    module, result = example(BATCHES).module, example(BATCHES).result
    model = nn.MLP(2, [8, 1], activation="tanh", init="xavier_uniform", seed=1)
    w1, w2 = (np.array([[w.data for w in n.w] for n in layer.neurons]) for layer in model.layers)
    b1, b2 = np.zeros(8), np.zeros(1)
    x, t = np.array(module.DATA[0]), np.array(module.DATA[1])[:, None]
    expected = []
    for _ in range(module.EPOCHS):
        h = np.tanh(x @ w1.T + b1)
        o = sigmoid(h @ w2.T + b2)
        expected.append(-np.mean(t * np.log(o) + (1 - t) * np.log(1 - o)))
        delta_z = (o - t) / len(x)
        delta_u = delta_z @ w2 * (1 - h * h)
        w2, b2 = w2 - 0.1 * delta_z.T @ h, b2 - 0.1 * delta_z.sum(0)
        w1, b1 = w1 - 0.1 * delta_u.T @ x, b1 - 0.1 * delta_u.sum(0)
    assert result["batch, step size 0.1"][0] == pytest.approx(expected, rel=1e-9)


def test_kinds_of_descent_and_step_sizes(example):
    ran = example(BATCHES)
    losses = [np.array(batches) for batches, _ in ran.result.values()]
    ends = [end for _, end in ran.result.values()]
    assert list(map(len, losses)) == [40, 400, 4000, 400, 400, 400]
    batch, mini, stochastic, small, good, large = losses
    bumps = [np.std(np.diff(found[len(found) // 2 :])) for found in (batch, mini, stochastic)]
    assert 0 < 10 * bumps[0] < bumps[1] < bumps[2] / 1.5
    assert (np.diff(batch) < 0).all()
    assert ends[0] > ends[1] > ends[2]  # more steps in as many epochs
    assert ends[4] < 0.5 * min(ends[3], ends[5])  # a good step size
    assert large[200:].max() > 2 * good[:10].max()
    assert small[-100:].mean() < small[:100].mean()
    weights = 0.9 ** np.arange(400)[::-1]  # what the smoothed curve ends with
    assert ran.module.smoothed(list(mini), 0.9)[-1] == pytest.approx(mini @ weights / weights.sum())


def numpy_rule(name, rate, g, state, step):
    """The step of a rule as lectures B and D write it, and the rule's new state."""
    v, c = state
    if name == "gradient descent":
        return rate * g, state
    if name in ("momentum", "Nesterov"):
        v = 0.9 * v + rate * g
        return (v if name == "momentum" else 0.9 * v + rate * g), (v, c)
    if name == "AdaGrad":
        c = c + g**2
        return rate * g / (np.sqrt(c) + 1e-8), (v, c)
    if name == "RMSprop":
        c = 0.9 * c + 0.1 * g**2
        return rate * g / (np.sqrt(c) + 1e-8), (v, c)
    v, c = 0.9 * v + 0.1 * g, 0.999 * c + 0.001 * g**2
    mean, square = v / (1 - 0.9**step), c / (1 - 0.999**step)
    return rate * mean / (np.sqrt(square) + 1e-8), (v, c)


@slow
@pytest.mark.parametrize(
    "name", ["gradient descent", "momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"]
)
def test_update_rules_are_the_lectures(example, name):
    module, path = example(OPTIMISERS).module, example(OPTIMISERS).result[name]
    w, state = np.array(module.START), (np.zeros(2), np.zeros(2))
    for step, point in enumerate(path[1:60], 1):
        x, y = w
        g = np.array([-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)])
        change, state = numpy_rule(name, module.RULES[name].rate, g, state, step)
        w = w - change
        assert point == pytest.approx(w, rel=1e-7, abs=1e-7)
    heights = [module.surface(*point) for point in path]
    assert heights[-1] < 0.05 * heights[0]


@slow
def test_momentum_by_the_lectures_formula(example):
    module, result = example(OPTIMISERS).module, example(OPTIMISERS).result
    assert np.array(result["momentum"][:60]) == pytest.approx(
        np.array(module.momentum()[:60]), rel=1e-9, abs=1e-9
    )
    ends = {name: module.surface(*path[-1]) for name, path in result.items()}
    assert max(ends, key=ends.get) == "gradient descent"


@slow
def test_the_race_is_animated(example):
    module, folder = example(OPTIMISERS).module, example(OPTIMISERS).folder
    with Image.open(folder / "optimisers.gif") as animation:
        frames = animation.n_frames
        animation.seek(0)
        first = np.array(animation.convert("RGB"), dtype=int)
        animation.seek(20)
        later = np.array(animation.convert("RGB"), dtype=int)
    assert math.ceil(module.STEPS / module.EVERY) <= frames
    assert (abs(first - later).max(axis=2) > 50).sum() > 500  # the paths have grown
