"""Lecture A: networks as graphs, an L2 loss at each output, gradients of all weights and biases.

    python examples/a_computational_graphs/three_outputs.py [FOLDER]

prints the gradients by the lecture's formulas beside ours, for a network with one output and one
with three, and checks networks of two to five layers with another activation in each; saves the
two pictures into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import micrograd_plus as mg
from micrograd_plus import nn

INPUTS = {"x_0": 1.5, "x_1": -1.0}
TARGETS = {"y_0": 1.0, "y_1": 1.0, "y_2": 2.0}
WEIGHTS = [[0.5, -1.0], [1.0, 2.0], [-0.5, -1.5]]
BIASES = [-0.25, 0.25, 0.5]
NETWORKS = [  # W₂ max(0, W₁x), W₃ tanh(W₂ max(0, W₁x)), and so on
    ["relu", "linear"],
    ["relu", "tanh", "linear"],
    ["relu", "tanh", "sigmoid", "linear"],
    ["relu", "tanh", "sigmoid", "elu", "linear"],
]


def build(outputs: int) -> tuple[nn.MLP, mg.Value]:
    """A layer of neurons with max(0, ·), and its loss Σᵢ(ŷᵢ − yᵢ)² after backward."""
    model = nn.MLP(2, [outputs], activation=["relu"], expanded=True)
    for neuron, weights, bias in zip(model.layers[0].neurons, WEIGHTS, BIASES, strict=False):
        neuron.w[0].data, neuron.w[1].data, neuron.b.data = *weights, bias
    loss = nn.squared_error(model(mg.values(**INPUTS)), mg.values(**TARGETS)[:outputs])
    loss.label = "L"
    loss.backward()
    return model, loss


def by_formula(outputs: int) -> dict[str, float]:
    """∂L/∂w_ik = 2(ŷ_i − y_i) · [ŷ_i > 0] · x_k; for the bias b_i without x_k."""
    x, y, gradients = list(INPUTS.values()), list(TARGETS.values()), {}
    for i in range(outputs):
        z = WEIGHTS[i][0] * x[0] + WEIGHTS[i][1] * x[1] + BIASES[i]
        delta = 2 * (z - y[i]) if z > 0 else 0.0
        gradients |= {f"w_{{0,{i},{k}}}": delta * x[k] + 0.0 for k in range(2)}  # no −0
        gradients[f"b_{{0,{i}}}"] = delta
    return gradients


def check(activations: list[str]) -> int:
    """Check all derivatives of a network with these activations; their number."""
    model = nn.MLP(2, [3] * (len(activations) - 1) + [1], activation=activations, seed=1)
    neurons = [neuron for layer in model.layers for neuron in layer.neurons]

    def loss(*parameters: mg.Value) -> mg.Value:
        given = iter(parameters)
        for neuron in neurons:
            neuron.w, neuron.b = [next(given) for _ in neuron.w], next(given)
        return nn.mse(model(list(INPUTS.values())), TARGETS["y_0"])

    start = [parameter.data for parameter in model.parameters()]
    return len(mg.check_gradients(loss, *start, second=False).rows)


def main(folder: Path) -> dict[str, dict[str, float]]:
    """Print the gradients and the checks, and save the pictures; the gradients by their names."""
    found = {}
    for name, outputs in (("one_output", 1), ("three_outputs", 3)):
        model, loss = build(outputs)
        ours = found[name] = {p.label: p.grad for p in model.parameters()}
        print(f"{name.replace('_', ' '):14} lecture's formula   ours")
        for label, gradient in by_formula(outputs).items():
            print(f"∂L/∂{label:12} {gradient:15g} {ours[label]:6g}")
        print()
        mg.draw(loss, detail="operations").render(folder / f"{name}.svg")
    for layers in NETWORKS:
        print(f"{len(layers)} layers, {', '.join(layers)}: {check(layers)} derivatives agree")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
