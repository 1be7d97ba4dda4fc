"""Dense networks with more than layers: normalisation, and residual connections."""

import numpy as np

import micrograd_plus as mg
from tests.programs.written import Weights, Written, cross_entropy, one_hot


def linear(matrix, biases, x):
    return [sum(a * b for a, b in zip(row, x)) + bias for row, bias in zip(matrix, biases)]


def layer_norm(batch=128, inputs=16, units=32, classes=4):
    """A network whose layers get numbers of mean 0 and variance 1."""
    w, draw = Weights(6), np.random.default_rng(6)
    gain1, shift1 = w.make("gain1", inputs), w.make("shift1", inputs)
    W1, b1 = w.make("W1", units, inputs), w.make("b1", units)
    gain2, shift2 = w.make("gain2", units), w.make("shift2", units)
    W2, b2 = w.make("W2", classes, units), w.make("b2", classes)

    def normed(x, gain, shift):
        mean = sum(x) / len(x)
        variance = sum((a - mean) ** 2 for a in x) / len(x)
        scale = (variance + 1e-5) ** -0.5
        return [(a - mean) * scale * g + s for a, g, s in zip(x, gain, shift)]

    def loss(x, t):
        h = [mg.relu(a) for a in linear(W1, b1, normed(x, gain1, shift1))]
        z = linear(W2, b2, normed(h, gain2, shift2))
        return mg.logsumexp(z) - sum(s * one for s, one in zip(z, t))

    def standard(x):
        apart = x - x.mean(axis=1, keepdims=True)
        scale = ((apart * apart).mean(axis=1, keepdims=True) + 1e-5) ** -0.5
        return apart * scale, scale

    def standard_back(y, scale, dy):
        means = dy.mean(axis=1, keepdims=True), (dy * y).mean(axis=1, keepdims=True)
        return scale * (dy - means[0] - y * means[1])

    def by_hand(p, x, t):
        vector, (dgain1, dshift1, dW1, db1, dgain2, dshift2, dW2, db2) = w.gradient()
        gain1, shift1, W1, b1, gain2, shift2, W2, b2 = w.split(p)
        y1, _ = standard(x)
        n1 = y1 * gain1 + shift1
        h = np.maximum(n1 @ W1.T + b1, 0)
        y2, scale = standard(h)
        n2 = y2 * gain2 + shift2
        value, dz = cross_entropy(n2 @ W2.T + b2, t)
        db2[:] = dz.sum(axis=0)
        dW2[:] = dz.T @ n2
        dn2 = dz @ W2
        dshift2[:] = dn2.sum(axis=0)
        dgain2[:] = (dn2 * y2).sum(axis=0)
        dh = standard_back(y2, scale, dn2 * gain2) * (h > 0)
        db1[:] = dh.sum(axis=0)
        dW1[:] = dh.T @ n1
        dn1 = dh @ W1
        dshift1[:] = dn1.sum(axis=0)
        dgain1[:] = (dn1 * y1).sum(axis=0)
        return value, vector

    def in_jax(p, x, t):
        import jax

        gain1, shift1, W1, b1, gain2, shift2, W2, b2 = w.split(p)
        h = jax.nn.relu((standard(x)[0] * gain1 + shift1) @ W1.T + b1)
        z = (standard(h)[0] * gain2 + shift2) @ W2.T + b2
        return (jax.nn.logsumexp(z, axis=1) - (z * t).sum(axis=1)).mean()

    given = draw.normal(size=(batch, inputs)), one_hot(draw, batch, classes)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def residual(batch=128, width=16, blocks=4):
    """A network whose blocks add to what they get."""
    w, draw = Weights(7), np.random.default_rng(7)
    layers = [
        (w.make(f"U{i}", width, width), w.make(f"b{i}", width),
         w.make(f"V{i}", width, width), w.make(f"c{i}", width))
        for i in range(blocks)
    ]  # fmt: skip
    last, bias = w.make("w", width), w.make("bias")

    def loss(x, t):
        for U, b, V, c in layers:
            h = linear(V, c, [mg.relu(a) for a in linear(U, b, x)])
            x = [a + more for a, more in zip(x, h)]
        y = sum(a * v for a, v in zip(last, x)) + bias
        return (y - t) ** 2

    def by_hand(p, x, t):
        vector, (*d_layers, d_last, d_bias) = w.gradient()
        *layers, last, bias = w.split(p)
        kept = []
        for i in range(0, 4 * blocks, 4):
            U, b, V, c = layers[i : i + 4]
            h = np.maximum(x @ U.T + b, 0)
            kept.append((x, h))
            x = x + h @ V.T + c
        error = x @ last + bias - t
        dy = error * (2 / len(x))
        d_bias[...] = dy.sum()
        d_last[:] = dy @ x
        dx = dy[:, None] * last
        for i in reversed(range(0, 4 * blocks, 4)):
            (U, _, V, _), (dU, db, dV, dc) = layers[i : i + 4], d_layers[i : i + 4]
            x, h = kept.pop()
            dc[:] = dx.sum(axis=0)
            dV[:] = dx.T @ h
            dh = (dx @ V) * (h > 0)
            db[:] = dh.sum(axis=0)
            dU[:] = dh.T @ x
            dx = dx + dh @ U
        return (error * error).mean(), vector

    def in_jax(p, x, t):
        import jax

        *layers, last, bias = w.split(p)
        for i in range(0, 4 * blocks, 4):
            U, b, V, c = layers[i : i + 4]
            x = x + jax.nn.relu(x @ U.T + b) @ V.T + c
        return ((x @ last + bias - t) ** 2).mean()

    given = draw.normal(size=(batch, width)), draw.normal(size=batch)
    return Written(loss, w.parameters, given, by_hand, in_jax)
