"""The engines that are compared: how each one records and differentiates a scalar function.

A peer's `gradient(f, numbers)` returns a function that records f once, differentiates it, and
returns the value, the gradient, and the seconds that recording took (None where the two can't be
told apart). To add a peer, add an entry to PEERS.
"""

import time
from importlib.metadata import version

from tests.benchmarks.workloads import relu_of


def eager(value, relu=relu_of, number=float, clean=0.0):
    """An engine whose operators record, and whose results have `backward()`."""

    def gradient(f, numbers):
        leaves = [value(x) for x in numbers]

        def run():
            for leaf in leaves:
                leaf.grad = clean
            begin = time.perf_counter()
            out = f(leaves, relu=relu)
            recorded = time.perf_counter() - begin
            out.backward()
            return number(out.data), [number(leaf.grad) for leaf in leaves], recorded

        return run

    return gradient


def ours():
    from micrograd_plus import Value, hessian

    return eager(Value), hessian


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

    def hessian(f):
        whole = torch.func.hessian(lambda x: f(list(x)))
        return lambda numbers: whole(torch.tensor(numbers, dtype=torch.float64)).tolist()

    return eager(value, torch.relu, torch.Tensor.item, clean=None), hessian


def autograd():
    import autograd.numpy as np
    from autograd import hessian, value_and_grad

    def relu(v):
        return np.maximum(v, 0.0)

    def gradient(f, numbers):
        both = value_and_grad(lambda params: f(params, relu=relu))

        def run():
            value, gradient = both(list(numbers))
            return float(value), [float(x) for x in gradient], None

        return run

    return gradient, lambda f: lambda x: hessian(lambda v: f(list(v)))(np.array(x)).tolist()


def jax():
    import jax

    jax.config.update("jax_enable_x64", True)

    def gradient(f, numbers):
        both = jax.value_and_grad(lambda params: f(params, relu=jax.nn.relu))

        def run():
            value, gradient = both(list(numbers))
            return float(value), [float(x) for x in gradient], None

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
            return float(value), [float(x) for x in gradient.full().ravel()], None

        return run

    def hessian(f):
        def matrix(numbers):
            x = casadi.SX.sym("x", len(numbers))
            second, _ = casadi.hessian(f([x[i] for i in range(len(numbers))]), x)
            return casadi.Function("h", [x], [second])(numbers).full().tolist()

        return matrix

    return gradient, hessian


PEERS = {
    "micrograd_plus": ("micrograd-plus", ours),
    "micrograd": ("micrograd", micrograd),
    "scalargrad": ("scalargrad", scalargrad),
    "PyTorch scalars": ("torch", torch),
    "HIPS autograd": ("autograd", autograd),
    "JAX, not jitted": ("jax", jax),
    "CasADi": ("casadi", casadi),
    "CasADi, built once": ("casadi", lambda: casadi(once=True)),
}
"""The name of each peer, its distribution, and what gives its gradient and Hessian."""


def installed():
    """The peers that are there, with their versions."""
    found = {}
    for name, (distribution, _) in PEERS.items():
        try:
            found[name] = version(distribution)
        except ModuleNotFoundError:
            continue
    return found
