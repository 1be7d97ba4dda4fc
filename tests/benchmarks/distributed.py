"""Training on JAX: a step beside hand-written JAX, two processes beside one, and what follows.

Processes get a core each, as if they were machines, and find each other at the loopback address.
"""

import math
import os
import socket
import statistics
import time
from contextlib import ExitStack

import numpy as np

import micrograd_plus as mg
from micrograd_plus import nn, optim
from micrograd_plus.optim.optimizer import Optimizer
from micrograd_plus.training.compiled import Compiled
from micrograd_plus.training.eager import Means, Problem
from micrograd_plus.training.examples import examples
from micrograd_plus.training.sharded import Sharded
from tests.benchmarks.channel import Program, serve
from tests.benchmarks.timing import in_turns

NETWORKS = {"64-32-10": (64, [32, 10]), "1024-100-10": (1024, [100, 10])}
BATCH = 128  # beside JAX by hand
BATCHES = [64, 128, 256, 512, 1024, 2048, 4096]  # of all processes together
HOSTS = [8, 64, 1024]
BANDWIDTH, LATENCY = 10e9 / 8, 50e-6  # bytes a second and seconds a message: a 10 Gb/s Ethernet
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def engine(nin, nouts, count):
    """What `fit(engine="jax")` makes its steps with, on random examples."""
    draw = np.random.default_rng(0)
    found = examples((draw.random((count, nin)), draw.integers(0, nouts[-1], count)))
    model = nn.MLP(nin, nouts, init="he_uniform", seed=1)
    optimizer = Optimizer(model.parameters(), optim.Adam(RATE))
    problem = Problem(found, model, nn.softmax_cross_entropy, optimizer=optimizer)
    return Compiled(problem, Sharded), Means(problem.figures)


# ------------------------------------------------------------------- beside JAX by hand


def by_hand(model):
    """A jitted step with Adam as an expert writes it, on parameters of its own."""
    import jax
    from jax import numpy as jnp

    layers = [
        (
            jnp.array([[w.data for w in neuron.w] for neuron in layer.neurons]).T,
            jnp.array([neuron.b.data for neuron in layer.neurons]),
        )
        for layer in model.layers
    ]

    def loss(layers, inputs, targets):
        for w, b in layers[:-1]:
            inputs = jnp.maximum(inputs @ w + b, 0)
        logits = inputs @ layers[-1][0] + layers[-1][1]
        return -(jax.nn.log_softmax(logits) * targets).sum(axis=1).mean()

    def updated(x, m, v, g, number):
        m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
        mean, square = m / (1 - BETA1**number), v / (1 - BETA2**number)
        return x - RATE * mean / (jnp.sqrt(square) + EPSILON), m, v

    @jax.jit
    def step(state, number, inputs, targets):
        value, gradient = jax.value_and_grad(loss)(state[0], inputs, targets)
        rows = [jax.tree.leaves(part) for part in (*state, gradient)]
        new = zip(*(updated(*row, number) for row in zip(*rows, strict=True)), strict=True)
        tree = jax.tree.structure(state[0])
        return tuple(jax.tree.unflatten(tree, part) for part in new), value

    zeros = jax.tree.map(jnp.zeros_like, layers)
    return step, (layers, zeros, zeros)


def beside_hand(shape, repetitions):
    """Seconds of a step: the compiled functions on data that are there, and all that `fit` does."""
    import jax

    steps, means = engine(*shape, BATCH)
    batch, runner = range(BATCH), steps.runner
    with jax.enable_x64(True):
        step, state = by_hand(steps.problem.model)
        data = (1.0, *jax.device_put(steps.arrays))
        scalars = np.array([BATCH, RATE, 1.0])
        given = (runner.vector, runner.states, scalars, *runner.read(batch).arrays)
        (theirs, *_), value = step(state, *data)
        mine = runner._step(*given)
        np.testing.assert_allclose(mine[3][0], value, rtol=1e-12)
        weights = [np.vstack([w, b]).T.ravel() for w, b in theirs]
        np.testing.assert_allclose(mine[0], np.concatenate(weights), rtol=1e-10, atol=1e-14)
        contenders = {
            "JAX by hand": lambda: jax.block_until_ready(step(state, *data)),
            "micrograd_plus": lambda: jax.block_until_ready(runner._step(*given)),
            "micrograd_plus, with examples and figures": lambda: steps.step(
                runner.read(batch), 0.0, means
            ),
        }
        times = in_turns(contenders, repetitions)
    return {who: statistics.median(row) for who, row in times.items()}


# ------------------------------------------------------------------ beside one process


def process(coordinator, processes, process_id, repetitions):
    """Seconds of a step of `fit` for each network and batch, by one process of several."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[process_id % len(cores)]})
    with mg.Cluster(coordinator, processes, process_id):
        rows = {}
        for name, shape in NETWORKS.items():
            for batch in BATCHES:
                steps, means = engine(*shape, batch)
                steps.step(steps.runner.read(range(batch)), 0.0, means)
                times = []
                for _ in range(repetitions):  # as many in all processes, which wait for each other
                    begin = time.perf_counter()
                    steps.step(steps.runner.read(range(batch)), 0.0, means)
                    times.append(time.perf_counter() - begin)
                rows.setdefault(name, {})[batch] = statistics.median(times)
    return rows


def processes(count, repetitions):
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
    with ExitStack() as ends:
        programs = [ends.enter_context(Program("distributed")) for _ in range(count)]
        for i, program in enumerate(programs):
            program.begin("process", where, count, i, repetitions)
        first, *_ = [program.answer() for program in programs]
    return first


# -------------------------------------------------------------------------- on paper


def scaling(compute, numbers):
    """The part of perfect scaling that is left on many hosts, each with the same batch.

    All hosts compute for as long as one does, and then sum the gradient, whose transfer does not
    overlap with computing: in a ring, 2 (n − 1) messages of 1/n of it; or by halving and
    doubling, 2 log₂ n messages with the same bytes in all.
    """
    rows = {}
    for hosts in HOSTS:
        transfer = 2 * (hosts - 1) / hosts * numbers * 8 / BANDWIDTH
        messages = {"ring": 2 * (hosts - 1), "halving and doubling": 2 * math.log2(hosts)}
        rows[hosts] = {
            how: compute / (compute + transfer + count * LATENCY) for how, count in messages.items()
        }
    return rows


def measured(repetitions):
    one, two = processes(1, repetitions), processes(2, repetitions)
    beside_one = {}
    for name, (nin, nouts) in NETWORKS.items():
        numbers = sum(n * (m + 1) for m, n in zip([nin, *nouts], nouts, strict=False))
        pays = [batch for batch in BATCHES if two[name][batch] < one[name][batch]]
        beside_one[name] = {
            "one": one[name],
            "two": two[name],
            # beyond what one process takes for half of the examples
            "overhead": {b: two[name][b] - one[name][b // 2] for b in BATCHES[1:]},
            "pays from": min(pays, default=None),
            "numbers": numbers,
            "scaling": {batch: scaling(one[name][batch], numbers) for batch in BATCHES},
        }
    return {
        "beside JAX by hand": {
            name: beside_hand(shape, repetitions) for name, shape in NETWORKS.items()
        },
        "beside one process": beside_one,
        "assumed": {"bandwidth": BANDWIDTH, "latency": LATENCY},
    }


if __name__ == "__main__":
    serve(measured, process)
