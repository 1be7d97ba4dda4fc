"""Lecture A, computational graphs: the examples give its numbers."""

import re

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

import micrograd_plus as mg
from micrograd_plus import nn

XYZ = "a_computational_graphs/xyz.py"
GATE = "a_computational_graphs/sigmoid_gate.py"
THREE = "a_computational_graphs/three_outputs.py"
ZOO = "a_computational_graphs/activations.py"
LOSSES = "a_computational_graphs/losses.py"


def test_xyz(example):
    module = example(XYZ).module
    _, ours = module.build()
    assert ours == module.LECTURE


def test_sigmoid_gate(example):
    module = example(GATE).module
    _, ours = module.build()
    assert {name: round(ours[name].data, 2) for name in module.FORWARD} == module.FORWARD
    assert {name: round(ours[name].grad, 2) for name in module.BACKWARD} == module.BACKWARD
    assert {name: round(ours[name].grad, 4) for name in module.LEAVES} == module.LEAVES
    assert {name: round(x, 4) for name, x in module.fold().items()} == module.FOLDED


def svg_texts(path):
    """The texts of an SVG with their looks; another layout program may place them otherwise."""
    texts = re.findall("<text.*</text>", path.read_text(encoding="utf-8"))
    return sorted(re.sub(' [xy]="[^"]*"', "", text) for text in texts)


def slopes(f, point, step=1e-6):
    """The gradient of a function of an array, by central differences."""
    point = np.asarray(point, dtype=float)
    ways = step * np.eye(len(point))
    return np.array([(f(point + way) - f(point - way)) / (2 * step) for way in ways])


@pytest.mark.parametrize(("name", "outputs"), [("one_output", 1), ("three_outputs", 3)])
def test_gradients_for_all_weights_and_biases(example, name, outputs):
    ran = example(THREE)
    weights, biases = np.array(ran.module.WEIGHTS), np.array(ran.module.BIASES)
    x, y = (np.array(list(named.values())) for named in (ran.module.INPUTS, ran.module.TARGETS))

    def loss(parameters):  # rows of two weights and a bias
        rows = parameters.reshape(outputs, 3)
        return ((np.maximum(0, rows[:, :2] @ x + rows[:, 2]) - y[:outputs]) ** 2).sum()

    rows = np.column_stack([weights, biases])[:outputs]
    names = [
        label
        for i in range(outputs)
        for label in (f"w_{{0,{i},0}}", f"w_{{0,{i},1}}", f"b_{{0,{i}}}")
    ]
    ours = ran.result[name]
    assert list(ours) == names
    assert list(ours.values()) == pytest.approx(slopes(loss, rows.ravel()), abs=1e-8)
    assert len(names) == 9 or ours == {"w_{0,0,0}": 1.5, "w_{0,0,1}": -1.0, "b_{0,0}": 1.0}
    picture = "".join(svg_texts(ran.folder / f"{name}.svg"))
    gates = [picture.count(f">{gate}<") for gate in ("×", "+", "ReLU", "−", "x²")]
    assert gates == [2 * outputs, 2 * outputs, outputs, outputs, outputs]


NUMPY = {
    "relu": lambda z: np.maximum(0, z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "linear": lambda z: z,
}


@pytest.mark.parametrize("layers", range(2, 6))
def test_networks_with_another_activation_in_each_layer(example, layers):
    module = example(THREE).module
    activations = module.NETWORKS[layers - 2]
    assert len(set(activations)) == layers
    assert f"{layers} layers" in example(THREE).printed
    sizes = [2, *[3] * (layers - 1), 1]
    model = nn.MLP(2, sizes[1:], activation=activations, seed=1)
    x = [1.5, -1.0]

    def loss(parameters):
        h = x
        for nin, nout, activation in zip(sizes, sizes[1:], activations, strict=False):
            rows, parameters = np.split(parameters, [nout * (nin + 1)])
            rows = rows.reshape(nout, nin + 1)
            h = NUMPY[activation](rows[:, :nin] @ h + rows[:, nin])
        return ((h - 1) ** 2).sum()

    parameters = model.parameters()
    point = [p.data for p in parameters]
    ours = nn.mse(model(x), 1.0)
    ours.backward()
    assert ours.data == pytest.approx(loss(np.array(point)), rel=1e-12)
    assert [p.grad for p in parameters] == pytest.approx(slopes(loss, point), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "kink"),
    [
        ("sigmoid", None),
        ("tanh", None),
        ("ReLU", 0),
        ("leaky ReLU", 0),
        ("parametric ReLU", 0),
        ("ELU", 0),
        ("maxout", -0.4),
    ],
)
def test_activations_and_their_derivatives(example, name, kink):
    module, result = example(ZOO).module, example(ZOO).result
    _, formula = module.FORMULAS[name]
    xs, ours = np.array(module.XS), result[name]
    tolerance = 1e-2 if name == "parametric ReLU" else 1e-12  # its slope was learned
    assert ours["values"] == pytest.approx([formula(x) for x in xs], rel=tolerance, abs=tolerance)
    smooth = np.ones(len(xs), bool) if kink is None else abs(xs - kink) > 1e-3
    differences = [(formula(x + 1e-5) - formula(x - 1e-5)) / 2e-5 for x in xs[smooth]]
    found = np.array(ours["derivatives"])[smooth]
    assert found == pytest.approx(differences, abs=max(tolerance, 1e-8))
    assert smooth.sum() >= len(xs) - 1


def test_the_kinks_of_activations(example):
    module, result = example(ZOO).module, example(ZOO).result
    at_0 = {name: curve["derivatives"][200] for name, curve in result.items() if name != "α"}
    assert module.XS[200] == 0
    assert (at_0["ReLU"], at_0["leaky ReLU"], at_0["ELU"], at_0["maxout"]) == (0, 0.1, 1, 0.75)


def test_the_slope_of_the_parametric_relu_is_learned(example):
    learning = example(ZOO).result["α"]
    assert learning[0] == 0.25
    assert learning[-1] == pytest.approx(example(ZOO).module.SLOPE, abs=1e-3)


def test_losses_of_a_batch(example):
    module, result = example(LOSSES).module, example(LOSSES).result
    y, o = np.array(module.TARGETS), np.array(module.OUTPUTS)
    n, outputs = y.shape
    assert result == pytest.approx(
        {  # scikit-learn takes the mean over the outputs, too
            "L1": mean_absolute_error(y, o) * outputs,
            "MSE": mean_squared_error(y, o) * outputs,
            "cross entropy": log_loss(y.argmax(1), o, normalize=False),
        },
        rel=1e-12,
    )
    gradients = {"L1": np.sign(o - y) / n, "MSE": 2 * (o - y) / n, "cross entropy": -y / o}
    outputs = mg.values(**{f"o{i}": x for i, x in enumerate(o.ravel())})
    for name, loss in module.batch([outputs[i : i + 3] for i in range(0, 12, 3)]).items():
        for v in outputs:
            v.grad = 0.0
        loss.backward()
        assert [v.grad for v in outputs] == pytest.approx(gradients[name].ravel(), rel=1e-12)
