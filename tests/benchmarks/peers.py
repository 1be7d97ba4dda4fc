"""The engines that are compared: how each one records and differentiates a scalar function.

A peer's `gradient(f, numbers)` returns a function that records f once, differentiates it, and
returns the value, the gradient, and the seconds of each part (none where they can't be told apart).
To add a peer, add an entry to PEERS.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version

from tests.benchmarks import workloads
from tests.programs.gpt import relu_of


def eager(value, relu=relu_of, number=float, clean=0.0):
    """An engine whose operators record, and whose results have `backward()`."""

    def gradient(f, numbers):
        leaves = [value(x) for x in numbers]

        def run():
            for leaf in leaves:
                leaf.grad = clean
            begin = time.perf_counter()
            out = f(leaves, relu=relu)
            recorded = time.perf_counter()
            out.backward()
            differentiated = time.perf_counter()
            value = out.data
            del out
            freed = time.perf_counter()
            parts = {
                "forward": recorded - begin,
                "backward": differentiated - recorded,
                "freeing": freed - differentiated,
            }
            return number(value), [number(leaf.grad) for leaf in leaves], parts

        return run

    return gradient


def ours():
    from micrograd_plus import Value, hessian

    return eager(Value), hessian


def layered():
    """Ours, where a neuron of the moons' network is one operation, as in our layers."""
    from micrograd_plus import nn

    model = nn.MLP(workloads.SIZES[0], workloads.SIZES[1:])

    def network(params, relu):
        rest = iter(params)
        for layer in model.layers:
            for neuron in layer.neurons:
                neuron.w, neuron.b = [next(rest) for _ in neuron.w], next(rest)
        return model

    gradient, hessian = ours()
    return lambda f, numbers: gradient(partial(f, network=network), numbers), hessian


def plain():
    from tests.benchmarks.plain import Plain

    return eager(Plain), None


def micrograd():
    from micrograd.engine import Value

    return eager(Value), None


def scalargrad():
    from scalargrad import Scalar

    return eager(Scalar), None


def torch():
    import torch

    def value(x):
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    def number(x):
        return 0.0 if x is None else x.item()  # None: the gradient of what was not used

    def hessian(f):
        whole = torch.func.hessian(lambda x: f(list(x)))
        return lambda numbers: whole(torch.tensor(numbers, dtype=torch.float64)).tolist()

    return eager(value, torch.relu, number, clean=None), hessian


def autograd():
    import autograd.numpy as np
    from autograd import hessian, value_and_grad

    def relu(v):
        return np.maximum(v, 0.0)

    def gradient(f, numbers):
        both = value_and_grad(lambda params: f(params, relu=relu))

        def run():
            value, gradient = both(list(numbers))
            return float(value), [float(x) for x in gradient], {}

        return run

    return gradient, lambda f: lambda x: hessian(lambda v: f(list(v)))(np.array(x)).tolist()


def jax():
    import jax

    jax.config.update("jax_enable_x64", True)

    def gradient(f, numbers):
        both = jax.value_and_grad(lambda params: f(params, relu=jax.nn.relu))

        def run():
            value, gradient = both(list(numbers))
            return float(value), [float(x) for x in gradient], {}

        return run

    def hessian(f):
        whole = jax.hessian(lambda x: f(list(x)))
        return lambda numbers: whole(jax.numpy.array(numbers)).tolist()

    return gradient, hessian


def casadi(once=False):
    import casadi

    def built(f, numbers):
        x = casadi.SX.sym("x", len(numbers))
        out = f([x[i] for i in range(len(numbers))], relu=lambda v: casadi.fmax(v, 0))
        return casadi.Function("f", [x], [out, casadi.gradient(out, x)])

    def gradient(f, numbers):
        ready = built(f, numbers) if once else None

        def run():
            value, gradient = (ready or built(f, numbers))(numbers)
            return float(value), [float(x) for x in gradient.full().ravel()], {}

        return run

    def second(f, numbers):
        x = casadi.SX.sym("x", len(numbers))
        matrix, _ = casadi.hessian(f([x[i] for i in range(len(numbers))]), x)
        return casadi.Function("h", [x], [matrix])

    def hessian(f):
        kept = []  # the function, if it is built once

        def matrix(numbers):
            ready = kept[0] if kept else second(f, numbers)
            kept.extend([ready] * once)
            return ready(numbers).full().tolist()

        return matrix

    return gradient, hessian


@dataclass(frozen=True)
class Peer:
    """An engine that is measured.

    Attributes:
        distribution: what provides it; None for what stands in this folder.
        engine: a function that returns its gradient and its Hessian.
        without: the workloads that it does not run, each with the reason.
        only: the workloads that it is there for, if not for all.
        environment: variables of its process.
    """

    distribution: str | None
    engine: Callable
    without: dict = field(default_factory=dict)
    only: tuple = ()
    environment: dict = field(default_factory=dict)


OURS, PURE = "micrograd_plus", "micrograd_plus, pure"
BUILDS = {OURS: {}, PURE: {"MICROGRAD_PLUS_PURE": "1"}}
"""The build of ours that is there and the pure one, with the variables that choose it."""

FIRST = {"hessian": "it has no second derivatives"}
NO_METHODS = {"gpt": "its numbers have no exp()"}
LONG = dict.fromkeys(["gpt", "moons", "shared", "wide"], "not run: the chain shows it")

PEERS = {
    **{name: Peer("micrograd-plus", ours, environment=BUILDS[name]) for name in BUILDS},
    "micrograd_plus, nn": Peer("micrograd-plus", layered, only=("moons",)),
    "plain Value": Peer(None, plain, FIRST),
    "micrograd": Peer("micrograd", micrograd, FIRST | NO_METHODS),
    "scalargrad": Peer("scalargrad", scalargrad, FIRST),
    "PyTorch scalars": Peer("torch", torch),
    "HIPS autograd": Peer("autograd", autograd, NO_METHODS),
    "JAX, not jitted": Peer("jax", jax, LONG),
    "CasADi": Peer("casadi", casadi, NO_METHODS),
    "CasADi, built once": Peer("casadi", partial(casadi, once=True), NO_METHODS),
}


def installed():
    """The peers that are there, with their versions."""
    found = {}
    for name, peer in PEERS.items():
        with suppress(ModuleNotFoundError):
            found[name] = version(peer.distribution) if peer.distribution else "written here"
    return found
