"""One training step on arrays: a compiled program beside what an expert writes by hand.

All results are compared first.
"""

import os
import statistics
import time

import numpy as np

import micrograd_plus as mg
from micrograd_plus import compile, nn
from tests.benchmarks import workloads
from tests.benchmarks.channel import serve
from tests.benchmarks.timing import in_turns

OURS = "micrograd_plus, compiled"
NETWORKS = {
    "2-16-16-1, batch 100, hinge and L2 (micrograd's demo)": (2, [16, 16, 1], 100, 1e-4),
    "64-32-10, batch 128, cross entropy": (64, [32, 10], 128, 0.0),
    "1024-100-10, batch 128, cross entropy": (1024, [100, 10], 128, 0.0),
}
TANGLED = "10,000 operations without structure, batch 1,024"


def by_hand(rate, weights, biases, inputs, targets, m=np):
    """Loss and gradients of a ReLU network as matrix code in rows of examples."""
    layers, outputs, sums = len(weights), [inputs], []
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        sums.append(outputs[-1] @ w + b)
        outputs.append(m.maximum(sums[-1], 0) if i < layers - 1 else sums[-1])
    z, n = sums[-1], len(inputs)
    if z.shape[1] == 1:
        margin = 1 - z[:, 0] * targets
        loss = m.maximum(margin, 0).mean()
        delta = m.where(margin > 0, -targets, 0.0)[:, None] / n
    else:
        shifted = z - z.max(axis=1, keepdims=True)
        powers = m.exp(shifted)
        total = powers.sum(axis=1, keepdims=True)
        loss = (m.log(total[:, 0]) - (shifted * targets).sum(axis=1)).mean()
        delta = (powers / total - targets) / n
    slopes = []
    for i in reversed(range(layers)):
        slopes.append((outputs[i].T @ delta, delta.sum(axis=0)))
        if i:
            delta = (delta @ weights[i].T) * (sums[i - 1] > 0)
    slopes = slopes[::-1]
    if rate:
        pairs = list(zip(weights, biases, strict=True))
        loss = loss + rate * sum((w * w).sum() + (b * b).sum() for w, b in pairs)
        slopes = [
            (dw + 2 * rate * w, db + 2 * rate * b)
            for (dw, db), (w, b) in zip(slopes, pairs, strict=True)
        ]
    return loss, slopes


def network(nin, nouts, count, rate):
    """For each contender a function that makes one step, and the seconds of compiling."""
    draw = np.random.default_rng(0)
    model = nn.MLP(nin, nouts, init="he_uniform", seed=1)
    inputs = draw.random((count, nin))
    if nouts[-1] == 1:
        targets, loss = draw.choice([-1.0, 1.0], count), nn.hinge
    else:
        targets = np.eye(nouts[-1])[draw.integers(0, nouts[-1], count)]
        loss = nn.softmax_cross_entropy

    def penalised(x, t):
        found = loss(model(x), t)
        return found + nn.l2_penalty(model.parameters(), rate) if rate else found

    begin = time.perf_counter()
    program = compile(penalised, inputs[0], targets[0], params=model)
    seconds = time.perf_counter() - begin
    weights = [
        np.array([[w.data for w in neuron.w] for neuron in layer.neurons]).T.copy()
        for layer in model.layers
    ]
    biases = [np.array([neuron.b.data for neuron in layer.neurons]) for layer in model.layers]
    contenders = {
        "NumPy by hand": lambda: by_hand(rate, weights, biases, inputs, targets),
        OURS: lambda: program.value_and_grad(inputs, targets),
    }
    value, slopes = contenders["NumPy by hand"]()
    mine, gradient = program.value_and_grad(inputs, targets)
    expected = np.concatenate([np.column_stack([w.T, b]).ravel() for w, b in slopes])
    np.testing.assert_allclose(mine, value, rtol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)
    found = (value, gradient)
    add_jax(contenders, program, (rate, weights, biases, inputs, targets), found)
    add_casadi(contenders, nouts, rate, (program.vector, inputs, targets), found)
    add_micrograd(contenders, model, nouts, rate, inputs, targets, value)
    return contenders, seconds


def add_jax(contenders, program, given, expected):
    """Matrix code by hand and the program's own, both compiled by XLA, on data that stay there."""
    try:
        import jax
    except ModuleNotFoundError:
        return
    jax.config.update("jax_enable_x64", True)
    rate, *arrays = given
    jitted = jax.jit(lambda *arrays: by_hand(rate, *arrays, m=jax.numpy))
    arrays = jax.device_put(arrays)
    np.testing.assert_allclose(jitted(*arrays)[0], expected[0], rtol=1e-12)
    contenders["JAX by hand, jitted"] = lambda: jax.block_until_ready(jitted(*arrays))
    module = {}
    exec(program.source("jax"), module)
    mine = jax.device_put([program.vector, *given[3:5]])
    value, gradient = module["value_and_grad"](*mine)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-9, atol=1e-13)
    contenders["micrograd_plus, compiled, JAX"] = lambda: jax.block_until_ready(
        module["value_and_grad"](*mine)
    )


def mapped(casadi, example, count):
    """A CasADi function of one example, for all of a batch: on one thread, or on all."""
    single = os.environ.get("OMP_NUM_THREADS") == "1"
    kind = ("serial",) if single else ("thread",)
    return example.map("batch", *kind, count, [0], [0, 1]) if example.n_in() > 1 else (
        example.map(count, *kind)
    )  # fmt: skip


def add_casadi(contenders, nouts, rate, given, expected):
    """Scalars in CasADi: the function of one example, mapped over the batch, and its gradient."""
    try:
        import casadi
    except ModuleNotFoundError:
        return
    vector, inputs, targets = given
    if len(vector) > 10_000:
        return  # its graph of scalars takes minutes
    p = casadi.SX.sym("p", len(vector))
    x = casadi.SX.sym("x", inputs.shape[1])
    t = casadi.SX.sym("t", targets.size // len(targets))
    place, outputs = 0, x
    for i, nout in enumerate(nouts):
        columns = outputs.numel() + 1  # those of a neuron lie together, its bias last
        rows = casadi.reshape(p[place : place + nout * columns], columns, nout).T
        place += nout * columns
        outputs = rows[:, :-1] @ outputs + rows[:, -1]
        if i < len(nouts) - 1:
            outputs = casadi.fmax(outputs, 0)
    if len(nouts) == 3:
        loss = casadi.fmax(1 - outputs * t, 0) + rate * casadi.sumsqr(p)
    else:
        loss = casadi.logsumexp(outputs) - casadi.dot(outputs, t)
    example = casadi.Function("f", [p, x, t], [loss, casadi.gradient(loss, p)])
    batch = mapped(casadi, example, len(inputs))
    columns = inputs.T.copy(), targets.reshape(len(targets), -1).T.copy()
    value, gradient = batch(vector, *columns)
    np.testing.assert_allclose(float(value) / len(inputs), expected[0], rtol=1e-12)
    np.testing.assert_allclose(
        gradient.full().ravel() / len(inputs), expected[1], rtol=1e-9, atol=1e-13
    )
    contenders["CasADi, mapped"] = lambda: batch(vector, *columns)


def add_micrograd(contenders, model, nouts, rate, inputs, targets, expected):
    if nouts[-1] != 1:
        return  # it has no exponential
    try:
        from micrograd.nn import MLP
    except ModuleNotFoundError:
        return
    theirs = MLP(len(inputs[0]), nouts)
    for mine, parameter in zip(model.parameters(), theirs.parameters(), strict=True):
        parameter.data = mine.data

    def step():
        scores = map(theirs, inputs.tolist())
        losses = [(1 + score * -t).relu() for score, t in zip(scores, targets, strict=True)]
        total = sum(losses) * (1.0 / len(losses))
        total = total + rate * sum(p * p for p in theirs.parameters())
        theirs.zero_grad()
        total.backward()
        return total

    np.testing.assert_allclose(step().data, expected, rtol=1e-12)
    contenders["micrograd"] = step


def tangled(length=10_000, count=1024):
    """A graph without structure, at a batch of points: value and gradient for each of them."""
    points = np.random.default_rng(0).normal(size=(count, 10))
    begin = time.perf_counter()
    program = compile(
        lambda x: workloads.tangled(x, length, mg.tanh), points[0], input_gradients=True
    )
    seconds = time.perf_counter() - begin
    contenders = {OURS: lambda: program.value_and_grad(points)}
    try:
        import casadi
    except ModuleNotFoundError:
        return contenders, seconds
    x = casadi.SX.sym("x", 10)
    out = workloads.tangled([x[i] for i in range(10)], length, casadi.tanh)
    example = casadi.Function("f", [x], [out, casadi.gradient(out, x)])
    batch, columns = mapped(casadi, example, count), points.T.copy()
    values, slopes = batch(columns)
    mean, _, (mine,) = program.value_and_grad(points)
    np.testing.assert_allclose(values.full().mean(), mean, rtol=1e-10)
    np.testing.assert_allclose(slopes.full().T / count, mine, rtol=1e-8, atol=1e-12)
    contenders["CasADi, mapped"] = lambda: batch(columns)
    return contenders, seconds


def compiling():
    """Seconds of compiling networks written with × and + alone, and for each operation."""
    rows = []
    for width in (40, 128, 400, 1280):
        model = nn.MLP(width, [width // 4, 10], init="he_uniform", seed=1, expanded=True)
        times = []
        for _ in range(3 if width < 1000 else 1):
            begin = time.perf_counter()
            compile(
                lambda x, t, model=model: nn.softmax_cross_entropy(model(x), t),
                [0.1] * width, [0.1] * 10, params=model,
            )  # fmt: skip
            times.append(time.perf_counter() - begin)
        count = 2 * (width * (width // 4) + (width // 4) * 10)
        rows.append({"operations": count, "seconds": statistics.median(times)})
    return rows


def measured(repetitions):
    cases = {name: lambda shape=shape: network(*shape) for name, shape in NETWORKS.items()}
    steps = {}
    for name, prepare in {**cases, TANGLED: tangled}.items():
        contenders, seconds = prepare()
        times = in_turns(contenders, repetitions)
        medians = {who: statistics.median(each) for who, each in times.items()}
        steps[name] = {"seconds": times, "compiling": seconds, "median": medians}
    return {"steps": steps, "compiling": compiling()}


if __name__ == "__main__":
    serve(measured)
