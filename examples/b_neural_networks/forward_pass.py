"""Lecture B: the forward pass of a 3-layer network, with matrices and neuron by neuron.

    python examples/b_neural_networks/forward_pass.py [FOLDER]

prints the lecture's matrix form y = W₃ max(0, W₂ max(0, W₁x + b₁) + b₂) + b₃ beside ours, and
saves the network's graph into FOLDER (by default the current one). Where the lecture writes W₁ᵀx,
its matrix has a column for each neuron instead of a row.
"""

import sys
from pathlib import Path

import numpy as np

import micrograd_plus as mg
from micrograd_plus import nn

X = [1.0, -2.0, 0.5]
W1 = [[0.5, -0.2, 0.1], [-0.3, 0.4, 0.8], [0.7, 0.6, -0.5], [-0.6, -0.9, 0.2]]
W2 = [[0.3, -0.7, 0.2, 0.5], [0.6, 0.1, -0.4, -0.8], [-0.2, 0.9, 0.5, 0.4], [0.8, -0.3, 0.6, 0.1]]
W3 = [[0.9, -0.5, 0.4, -0.7]]
B1, B2, B3 = [0.1, 1.0, 0.3, -0.1], [0.2, 0.1, -0.3, 0.4], [0.25]


def with_matrices() -> list[np.ndarray]:
    """h₁ = max(0, W₁x + b₁), h₂ = max(0, W₂h₁ + b₂) and y = W₃h₂ + b₃."""
    h1 = np.maximum(0, W1 @ np.array(X) + B1)
    h2 = np.maximum(0, W2 @ h1 + B2)
    return [h1, h2, W3 @ h2 + B3]


def network() -> nn.MLP:
    """The same network of neurons, each with its row of a matrix and its bias."""
    model = nn.MLP(3, [4, 4, 1], activation="relu")
    for layer, weights, biases in zip(model.layers, (W1, W2, W3), (B1, B2, B3), strict=True):
        for neuron, row, bias in zip(layer.neurons, weights, biases, strict=True):
            neuron.b.data = bias
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number
    return model


def frozen(model: nn.MLP) -> nn.MLP:
    """The model with constants for parameters, which its graph shows inside the gates."""
    for neuron in (neuron for layer in model.layers for neuron in layer.neurons):
        neuron.w, neuron.b = [w.data for w in neuron.w], neuron.b.data
    return model


def main(folder: Path) -> dict[str, list[float]]:
    """Print both forms and save the picture; our numbers by the lecture's names."""
    h, ours = X, {}
    for name, layer in zip(("h1", "h2", "y"), network().layers, strict=True):
        h = layer.outputs(h)
        ours[name] = [v.data for v in h]
    print(f"      {'lecture, with matrices':36} ours, neuron by neuron")
    for (name, neurons), row in zip(ours.items(), with_matrices(), strict=True):
        columns = [" ".join(f"{v:8.4f}" for v in numbers) for numbers in (row, neurons)]
        print(f"{name:2} {columns[0]:36} {columns[1]}")
    y = frozen(network())([mg.Value(x, f"x_{i}") for i, x in enumerate(X)])
    y.label = "y"
    mg.draw(y).render(folder / "forward_pass.svg")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
