"""The functions that are differentiated: plain scalar code, the same for every peer."""

import math
import random
from itertools import pairwise

from tests.programs.gpt import gpt, gpt_parameters, relu_of

ABOUT = {
    "moons": "one training step of MLP(2, [16, 16, 1]) on 100 points, with + and × alone",
    "gpt": "the loss of a GPT of scalars for a document of 7 tokens, and its gradient",
    "chain": "a chain of 10,000 operations",
    "wide": "a sum over 5,000 products",
    "shared": "a graph of 10,000 operations whose values are used again and again",
    "hessian": "the Hessian of Rosenbrock's function in 20 dimensions",
}
SIZE = {"moons": 0, "gpt": 0, "chain": 10_000, "wide": 10_000, "shared": 10_000, "hessian": 20}


def moons_data(points=100):
    """Two interleaved half circles with noise, labelled −1 and 1."""
    draw = random.Random(1)
    data = []
    for i in range(points):
        angle, noise = math.pi * draw.random(), (draw.gauss(0, 0.1), draw.gauss(0, 0.1))
        x, y = math.cos(angle) + noise[0], math.sin(angle) + noise[1]
        data.append(((x, y), 1.0) if i % 2 else ((1 - x, 0.5 - y), -1.0))
    return data


SIZES = [2, 16, 16, 1]


def neuron(weights, bias, inputs):
    """What a neuron computes, with operators alone."""
    total = bias
    for w, x in zip(weights, inputs, strict=True):
        total = total + w * x
    return total


def network(params, relu):
    """The output of MLP(2, [16, 16, 1]) for two numbers, with operators alone."""
    rest = iter(params)
    layers = [
        [([next(rest) for _ in range(nin)], next(rest)) for _ in range(nout)]
        for nin, nout in pairwise(SIZES)
    ]

    def output(inputs):
        for layer in layers:
            inputs = [neuron(w, b, inputs) for w, b in layer]
            if layer is not layers[-1]:
                inputs = [relu(v) for v in inputs]
        return inputs[0]

    return output


def moons(params, relu=relu_of, network=network):
    """The demo of micrograd: the max-margin loss and regularisation of MLP(2, [16, 16, 1])."""
    output = network(params, relu)
    total = 0.0
    for inputs, label in moons_data():
        total = total + relu(1.0 + output(inputs) * -label)
    squares = 0.0
    for p in params:
        squares = squares + p * p
    return total * 0.01 + squares * 1e-4


def moons_parameters():
    draw = random.Random(2)
    return [
        x
        for nin, nout in pairwise(SIZES)
        for _ in range(nout)
        for x in (*(draw.uniform(-1, 1) for _ in range(nin)), 0.0)
    ]


TRAINED = {"moons": (moons, moons_parameters), "gpt": (gpt, gpt_parameters)}
"""The losses of networks, each with what gives its parameters."""


def chain(params, relu=relu_of, length=0):
    """One long chain: a product and a sum at each link."""
    x = params[0]
    for _ in range(length // 2):
        x = x * 0.999 + 0.001
    return x


def wide(params, relu=relu_of, length=0):
    """One sum over many products."""
    total = params[0] * 0.5
    for p in params[1:]:
        total = total + p * 0.5
    return total


def shared(params, relu=relu_of, length=0):
    """A graph in which values are used again and again; each of its operations counts."""
    values = list(params)
    n = len(values)
    for i in range(length // 3):
        mine, other = i % n, (7 * i + 1) % n
        values[mine] = (values[mine] + values[other]) * 0.5
        values[other] = values[other] * 0.999
    total = values[0]
    for v in values[1:]:
        total = total + v
    return total


def tangled(params, length, tanh):
    """A graph without structure: each operation takes any two of the last 200 values."""
    draw, values = random.Random(3), list(params)
    for _ in range(length):
        a, b = (values[draw.randrange(max(0, len(values) - 200), len(values))] for _ in "ab")
        kind = draw.randrange(4)
        values.append(a + b * 0.5 if kind == 0 else a * b if kind == 1 else a - b if kind == 2
                      else tanh(a))  # fmt: skip
        values[-1] = tanh(values[-1]) if kind == 1 else values[-1]
    return sum(values[-200:], 0.0)


def valley(params):
    """Rosenbrock's function in any number of dimensions, for Hessians."""
    total = 0.0
    for x, y in pairwise(params):
        total = total + (y - x * x) * (y - x * x) * 100.0 + (1.0 - x) * (1.0 - x)
    return total


def numbers(count):
    draw = random.Random(4)
    return [draw.uniform(0.5, 1.5) for _ in range(count)]
