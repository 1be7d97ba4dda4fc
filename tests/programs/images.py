"""Programs that look through windows: convolutions of signals and of images."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import micrograd_plus as mg
from tests.programs.written import Weights, Written, cross_entropy, one_hot


def convolution(batch=64, samples=32, channels=(4, 8), classes=3):
    """A network for signals: windows of 5, means of pairs, windows of 3, a mean for each channel.

    Args:
        batch: the number of signals.
        samples: their length, an even number.
        channels: how many features each of the two convolutions finds.
        classes: how many kinds of signals there are.
    """
    w, draw = Weights(1), np.random.default_rng(1)
    first, second = channels
    K1, b1 = w.make("K1", first, 5), w.make("b1", first)
    K2, b2 = w.make("K2", second, first, 3), w.make("b2", second)
    W, b = w.make("W", classes, second), w.make("b", classes)
    pairs = (samples - 4) // 2
    long = pairs - 2

    def loss(x, t):
        h = [
            [mg.relu(sum(K1[c][k] * x[i + k] for k in range(5)) + b1[c]) for i in range(2 * pairs)]
            for c in range(first)
        ]
        h = [[(row[2 * i] + row[2 * i + 1]) / 2 for i in range(pairs)] for row in h]
        g = [
            [
                mg.relu(
                    sum(K2[c][d][k] * h[d][i + k] for d in range(first) for k in range(3)) + b2[c]
                )
                for i in range(long)
            ]
            for c in range(second)
        ]
        means = [sum(row) / long for row in g]
        z = [sum(a * m for a, m in zip(W[o], means)) + b[o] for o in range(classes)]
        return mg.logsumexp(z) - sum(s * one for s, one in zip(z, t))

    def by_hand(p, x, t):
        vector, (dK1, db1, dK2, db2, dW, db) = w.gradient()
        K1, b1, K2, b2, W, b = w.split(p)
        count = len(x)
        windows = sliding_window_view(x, 5, 1)  # (batch, places, 5)
        a1 = np.maximum(windows @ K1.T + b1, 0)
        h = (a1[:, 0::2] + a1[:, 1::2]) / 2
        wide = sliding_window_view(h, 3, 1).reshape(-1, 3 * first)  # (batch · places, channel · 3)
        kernels = K2.reshape(second, -1)
        a2 = np.maximum(wide @ kernels.T + b2, 0)
        means = a2.reshape(count, long, second).sum(axis=1) / long
        value, dz = cross_entropy(means @ W.T + b, t)
        db[:] = dz.sum(axis=0)
        dW[:] = dz.T @ means
        d2 = (np.repeat(dz @ W / long, long, axis=0)) * (a2 > 0)
        db2[:] = d2.sum(axis=0)
        dK2.reshape(second, -1)[:] = d2.T @ wide
        d_wide = (d2 @ kernels).reshape(count, long, first, 3)
        dh = np.zeros_like(h)
        for k in range(3):
            dh[:, k : k + long] += d_wide[..., k]
        d1 = (np.repeat(dh / 2, 2, axis=1) * (a1 > 0)).reshape(-1, first)
        db1[:] = d1.sum(axis=0)
        dK1[:] = d1.T @ windows.reshape(-1, 5)
        return value, vector

    def in_jax(p, x, t):
        import jax

        K1, b1, K2, b2, W, b = w.split(p)

        def convolved(x, kernels, biases):
            z = jax.lax.conv_general_dilated(x, kernels, (1,), "VALID")
            return jax.nn.relu(z + biases[:, None])

        h = convolved(x[:, None], K1[:, None], b1)
        h = h.reshape(len(x), first, pairs, 2).mean(axis=3)
        z = convolved(h, K2, b2).mean(axis=2) @ W.T + b
        return (jax.nn.logsumexp(z, axis=1) - (z * t).sum(axis=1)).mean()

    given = draw.normal(size=(batch, samples)), one_hot(draw, batch, classes)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def lenet(batch=64, channels=(4, 8), units=16, classes=10):
    """A network for images of 8 × 8: windows of 3 × 3, the largest of 2 × 2, windows of 2 × 2."""
    w, draw = Weights(2), np.random.default_rng(2)
    first, second = channels
    K1, b1 = w.make("K1", first, 3, 3), w.make("b1", first)
    K2, b2 = w.make("K2", second, first, 2, 2), w.make("b2", second)
    W1, c1 = w.make("W1", units, 4 * second), w.make("c1", units)
    W2, c2 = w.make("W2", classes, units), w.make("c2", classes)

    def linear(matrix, biases, x):
        return [sum(a * b for a, b in zip(row, x)) + bias for row, bias in zip(matrix, biases)]

    def loss(x, t):
        h = [
            [
                [
                    mg.relu(
                        sum(K1[c][i][j] * x[y + i][u + j] for i in range(3) for j in range(3))
                        + b1[c]
                    )
                    for u in range(6)
                ]
                for y in range(6)
            ]
            for c in range(first)
        ]
        h = [
            [
                [mg.max([image[2 * y + i][2 * u + j] for i in range(2) for j in range(2)])
                 for u in range(3)]
                for y in range(3)
            ]
            for image in h
        ]  # fmt: skip
        g = [
            mg.relu(
                sum(
                    K2[c][d][i][j] * h[d][y + i][u + j]
                    for d in range(first) for i in range(2) for j in range(2)
                )
                + b2[c]
            )
            for c in range(second) for y in range(2) for u in range(2)
        ]  # fmt: skip
        a = [mg.relu(s) for s in linear(W1, c1, g)]
        z = linear(W2, c2, a)
        return mg.logsumexp(z) - sum(s * one for s, one in zip(z, t))

    def by_hand(p, x, t):
        vector, (dK1, db1, dK2, db2, dW1, dc1, dW2, dc2) = w.gradient()
        K1, b1, K2, b2, W1, c1, W2, c2 = w.split(p)
        count = len(x)
        windows = sliding_window_view(x, (3, 3), (1, 2)).reshape(-1, 9)
        a1 = np.maximum(windows @ K1.reshape(first, 9).T + b1, 0)
        squares = a1.reshape(count, 3, 2, 3, 2, first)
        h = squares.max(axis=(2, 4))
        wide = sliding_window_view(h, (2, 2), (1, 2)).reshape(-1, 4 * first)
        kernels = K2.reshape(second, -1)
        a2 = np.maximum(wide @ kernels.T + b2, 0)
        g = a2.reshape(count, 4, second).swapaxes(1, 2).reshape(count, -1)
        a3 = np.maximum(g @ W1.T + c1, 0)
        value, dz = cross_entropy(a3 @ W2.T + c2, t)
        dc2[:] = dz.sum(axis=0)
        dW2[:] = dz.T @ a3
        d3 = (dz @ W2) * (a3 > 0)
        dc1[:] = d3.sum(axis=0)
        dW1[:] = d3.T @ g
        d2 = (d3 @ W1).reshape(count, second, 4).swapaxes(1, 2).reshape(-1, second) * (a2 > 0)
        db2[:] = d2.sum(axis=0)
        dK2.reshape(second, -1)[:] = d2.T @ wide
        d_wide = (d2 @ kernels).reshape(count, 2, 2, first, 2, 2)
        dh = np.zeros_like(h)
        for i in range(2):
            for j in range(2):
                dh[:, i : i + 2, j : j + 2] += d_wide[..., i, j]
        largest = squares == h[:, :, None, :, None]
        shared = dh / largest.sum(axis=(2, 4))  # a tie gives each of them a part
        d1 = (largest * shared[:, :, None, :, None]).reshape(-1, first) * (a1 > 0)
        db1[:] = d1.sum(axis=0)
        dK1.reshape(first, 9)[:] = d1.T @ windows
        return value, vector

    def in_jax(p, x, t):
        import jax

        K1, b1, K2, b2, W1, c1, W2, c2 = w.split(p)

        def convolved(x, kernels, biases):
            z = jax.lax.conv_general_dilated(x, kernels, (1, 1), "VALID")
            return jax.nn.relu(z + biases[:, None, None])

        h = convolved(x[:, None], K1[:, None], b1)
        h = h.reshape(len(x), first, 3, 2, 3, 2).max(axis=(3, 5))
        g = convolved(h, K2, b2).reshape(len(x), -1)
        z = jax.nn.relu(g @ W1.T + c1) @ W2.T + c2
        return (jax.nn.logsumexp(z, axis=1) - (z * t).sum(axis=1)).mean()

    given = draw.normal(size=(batch, 8, 8)), one_hot(draw, batch, classes)
    return Written(loss, w.parameters, given, by_hand, in_jax)
