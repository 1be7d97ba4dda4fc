"""One training step on arrays: a compiled program beside what an expert writes by hand.

Run as a program, with the number of repetitions; prints JSON. All results are compared first.
"""

import json
import statistics
import sys
import time

import numpy as np

from micrograd_plus import compile, nn

NETWORKS = {
    "2-16-16-1, batch 100, hinge": (2, [16, 16, 1], 100),
    "64-32-10, batch 128, cross entropy": (64, [32, 10], 128),
    "1024-100-10, batch 128, cross entropy": (1024, [100, 10], 128),
}


def by_hand(layers, weights, biases, inputs, targets, m=np):
    """Loss and gradients of a ReLU network as matrix code in rows of examples."""
    outputs, sums = [inputs], []
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
    return loss, slopes[::-1]


def steps(nin, nouts, count):
    """For each contender a function that makes one step, and the seconds of compiling."""
    draw = np.random.default_rng(0)
    model = nn.MLP(nin, nouts, init="he_uniform", seed=1)
    inputs = draw.random((count, nin))
    if nouts[-1] == 1:
        targets, loss = draw.choice([-1.0, 1.0], count), nn.hinge
    else:
        targets = np.eye(nouts[-1])[draw.integers(0, nouts[-1], count)]
        loss = nn.softmax_cross_entropy
    begin = time.perf_counter()
    program = compile(
        lambda x, t: loss(model(x), t), inputs[0].tolist(), targets[0].tolist(), params=model
    )
    seconds = time.perf_counter() - begin
    weights = [
        np.array([[w.data for w in neuron.w] for neuron in layer.neurons]).T.copy()
        for layer in model.layers
    ]
    biases = [np.array([neuron.b.data for neuron in layer.neurons]) for layer in model.layers]
    contenders = {
        "NumPy by hand": lambda: by_hand(len(nouts), weights, biases, inputs, targets),
        "micrograd_plus, compiled": lambda: program.value_and_grad(inputs, targets),
    }
    value, slopes = contenders["NumPy by hand"]()
    mine, gradient = program.value_and_grad(inputs, targets)
    expected = np.concatenate([np.column_stack([w.T, b]).ravel() for w, b in slopes])
    np.testing.assert_allclose(mine, value, rtol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)
    add_jax(contenders, len(nouts), weights, biases, inputs, targets, value)
    add_micrograd(contenders, model, nouts, inputs, targets, value)
    return contenders, seconds


def add_jax(contenders, layers, weights, biases, inputs, targets, expected):
    try:
        import jax
    except ModuleNotFoundError:
        return
    jax.config.update("jax_enable_x64", True)
    jitted = jax.jit(lambda *given: by_hand(layers, *given, m=jax.numpy))
    given = jax.device_put((weights, biases, inputs, targets))
    np.testing.assert_allclose(jitted(*given)[0], expected, rtol=1e-12)
    contenders["JAX by hand, jitted"] = lambda: jax.block_until_ready(jitted(*given))


def add_micrograd(contenders, model, nouts, inputs, targets, expected):
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
        theirs.zero_grad()
        total.backward()
        return total

    np.testing.assert_allclose(step().data, expected, rtol=1e-12)
    contenders["micrograd"] = step


def measured(repetitions):
    found = {}
    for name, shape in NETWORKS.items():
        contenders, compiling = steps(*shape)
        loops = {}
        for who, step in contenders.items():
            begin = time.perf_counter()
            step()
            loops[who] = max(1, int(0.05 / (time.perf_counter() - begin)))
        times = {who: [] for who in contenders}
        for _ in range(repetitions):
            for who, step in contenders.items():
                begin = time.perf_counter()
                for _ in range(loops[who]):
                    step()
                times[who].append((time.perf_counter() - begin) / loops[who])
        found[name] = {"seconds": times, "compiling": compiling}
    for result in found.values():
        result["median"] = {w: statistics.median(t) for w, t in result["seconds"].items()}
    return found


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
