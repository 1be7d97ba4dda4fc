"""Graphs that many tests look at: the lecture's two examples, and a network with its loss."""

import micrograd_plus as mg
from micrograd_plus import nn, values

SIGMOID_GATE = (  # to be parsed
    "f = 1 / (1 + exp(-(w_0*x_0 + w_1*x_1 + b)))",
    {"w_0": -3, "x_0": -2, "w_1": 2, "x_1": -1, "b": -3},
)


def xyz(d="d", f="f", x=1):
    """F = (x + y) · z, its results with these names."""
    x, y, z = values(x=x, y=-3, z=4)
    total = x + y
    total.label = d
    product = total * z
    product.label = f
    return product


def moons(**options):
    """A network of three layers, and its loss at one point, after the backward pass."""
    model = nn.MLP(2, [16, 16, 1], seed=1, activation="tanh", **options)
    f = (model(mg.values(x_1=0.5, x_2=-0.3)) - 1) ** 2
    f.label = "loss"
    f.backward()
    return model, f
