"""Lecture B: the chain of deltas, which are the gradients on the wires.

    python examples/b_neural_networks/deltas.py [FOLDER]

prints the lecture's formulas beside the gradients of one backward pass, for E = ½Σ(o − t)², and
saves the graph with the deltas on its wires into FOLDER (by default the current one).
"""

import math
import sys
from pathlib import Path

import micrograd_plus as mg
from micrograd_plus import nn

X, T = [2.0, -0.5], [1.0, 0.0]  # inputs x_i and targets t_k
V = [[0.4, 0.6], [0.3, 0.9]]  # v_ji: from input i to hidden neuron j, which is a tanh
W = [[0.7, 0.2], [0.5, 0.9]]  # w_kj: from hidden neuron j to output k, which is a sigmoid


def named(name: str, layer: list[mg.Value]) -> list[mg.Value]:
    """The values of a layer with their labels."""
    for i, value in enumerate(layer):
        value.label = f"{name}_{i}"
    return layer


def forward(v: list[list], w: list[list], x: list) -> tuple[mg.Value, list[mg.Value]]:
    """The error E, and the values it is computed from: u = Vx, h = tanh u, z = Wh, o = σ(z)."""
    u = named("u", [mg.dot(row, x) for row in v])
    h = named("h", [mg.tanh(value) for value in u])
    z = named("z", [mg.dot(row, h) for row in w])
    o = named("o", [mg.sigmoid(value) for value in z])
    error = 0.5 * nn.squared_error(o, T)
    error.label = "E"
    return error, u + h + z + o


def on_wires() -> dict[str, float]:
    """What one backward pass leaves on the wires, and in the weights."""
    v, w = (
        [[mg.Value(x, f"{name}_{{{i}{j}}}") for j, x in enumerate(row)] for i, row in enumerate(m)]
        for name, m in (("v", V), ("w", W))
    )
    error, values = forward(v, w, X)
    error.backward()
    return {x.label: x.grad for x in [*values, *(weight for row in v + w for weight in row)]}


def by_formula() -> dict[str, tuple[str, float]]:
    """The lecture's formulas, from the error back to the weights, in plain Python.

    Without a hidden layer x_i stands for h_j.
    """
    pair = range(2)
    h = [math.tanh(sum(a * b for a, b in zip(row, X, strict=True))) for row in V]
    z = [sum(a * b for a, b in zip(row, h, strict=True)) for row in W]
    o = [1 / (1 + math.exp(-a)) for a in z]
    delta_o = [o[k] - T[k] for k in pair]
    delta_z = [delta_o[k] * o[k] * (1 - o[k]) for k in pair]
    delta_h = [sum(delta_z[k] * W[k][j] for k in pair) for j in pair]
    delta_u = [delta_h[j] * (1 - h[j] ** 2) for j in pair]
    found = {f"o_{k}": ("δᵒ = o − t", delta_o[k]) for k in pair}
    found |= {f"z_{k}": ("δᶻ = δᵒ · o(1 − o)", delta_z[k]) for k in pair}
    found |= {
        f"w_{{{k}{j}}}": ("∂E/∂w_kj = δᶻ_k h_j", delta_z[k] * h[j]) for k in pair for j in pair
    }
    found |= {f"h_{j}": ("δʰ_j = Σ_k δᶻ_k w_kj", delta_h[j]) for j in pair}
    found |= {f"u_{j}": ("δᵘ_j = δʰ_j f'(u_j)", delta_u[j]) for j in pair}
    found |= {
        f"v_{{{j}{i}}}": ("∂E/∂v_ji = δᵘ_j x_i", delta_u[j] * X[i]) for j in pair for i in pair
    }
    return found


def main(folder: Path) -> dict[str, float]:
    """Print both chains and save the picture; our gradients by the lecture's names."""
    ours = on_wires()
    print(f"wire    {'lecture':23}             ours")
    for name, (formula, delta) in by_formula().items():
        print(f"{name:7} {formula:23} {delta:9.6f}  {ours[name]:9.6f}")
    error, _ = forward(V, W, [mg.Value(x, f"x_{i}") for i, x in enumerate(X)])
    error.backward()  # with constants for weights, which are drawn inside the gates
    mg.draw(error).render(folder / "deltas.svg")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
