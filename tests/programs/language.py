"""Programs that read sequences: a GPT, attention, recurrent networks."""

import numpy as np

import micrograd_plus as mg
from tests.programs.gpt import DOCUMENT, Sizes, gpt
from tests.programs.written import Weights, Written, softmax


def split_heads(x, heads):
    """(…, positions, width) as (…, heads, positions, width of a head)."""
    *batch, length, width = x.shape
    return x.reshape(*batch, length, heads, width // heads).swapaxes(-3, -2)


def join_heads(x):
    """The inverse of `split_heads`."""
    *batch, heads, length, size = x.shape
    return x.swapaxes(-3, -2).reshape(*batch, length, heads * size)


def gpt_of_scalars(document=DOCUMENT, **sizes):
    """A GPT that is trained on one document, which is a part of the program."""
    sizes = Sizes(**sizes)
    w = Weights(5, spread=0.08)
    for name, shape in sizes.shapes.items():
        w.make(name, *shape)
    layers, heads, width = sizes.layers, sizes.heads, sizes.width
    tokens, following = np.array(document[:-1]), np.array(document[1:])
    length, places = len(tokens), np.arange(len(tokens))
    root = (width // heads) ** 0.5
    hidden = np.triu(np.full((length, length), -np.inf), 1)  # what comes later

    def loss(nothing):
        return gpt(w.parameters, softmax=mg.softmax, document=document, sizes=sizes)

    def normed(x):
        scale = ((x * x).mean(axis=1, keepdims=True) + 1e-5) ** -0.5
        return x * scale, scale

    def normed_back(x, scale, dy):
        return dy * scale - x * ((dy * x).mean(axis=1, keepdims=True) * scale**3)

    def by_hand(p, nothing):
        vector, (d_tokens, d_places, *d_blocks, d_logits) = w.gradient()
        token_rows, place_rows, *blocks, to_logits = w.split(p)
        embedded = token_rows[tokens] + place_rows[:length]
        x, scale = normed(embedded)
        kept = []
        for i in range(layers):
            query, key, value, output, wide, narrow = blocks[6 * i : 6 * i + 6]
            x1 = x
            y1, scale1 = normed(x1)
            q, k, v = (split_heads(y1 @ m.T, heads) for m in (query, key, value))
            shares = softmax(q @ k.swapaxes(1, 2) / root + hidden)
            seen = join_heads(shares @ v)
            x2 = seen @ output.T + x1
            y2, scale2 = normed(x2)
            active = np.maximum(y2 @ wide.T, 0)
            x = active @ narrow.T + x2
            kept.append((x1, y1, scale1, q, k, v, shares, seen, x2, y2, scale2, active))
        chances = softmax(x @ to_logits.T)
        value_of_loss = -np.log(chances[places, following]).mean()
        chances[places, following] -= 1
        dz = chances / length
        d_logits[:] = dz.T @ x
        dx = dz @ to_logits
        for i in reversed(range(layers)):
            query, key, value, output, wide, narrow = blocks[6 * i : 6 * i + 6]
            d_query, d_key, d_value, d_output, d_wide, d_narrow = d_blocks[6 * i : 6 * i + 6]
            x1, y1, scale1, q, k, v, shares, seen, x2, y2, scale2, active = kept[i]
            d_narrow[:] = dx.T @ active
            d_active = (dx @ narrow) * (active > 0)
            d_wide[:] = d_active.T @ y2
            dx = dx + normed_back(x2, scale2, d_active @ wide)
            d_output[:] = dx.T @ seen
            d_seen = split_heads(dx @ output, heads)
            dv = join_heads(shares.swapaxes(1, 2) @ d_seen)
            ds = d_seen @ v.swapaxes(1, 2)
            ds = shares * (ds - (ds * shares).sum(axis=-1, keepdims=True)) / root
            dq, dk = join_heads(ds @ k), join_heads(ds.swapaxes(1, 2) @ q)
            d_query[:] = dq.T @ y1
            d_key[:] = dk.T @ y1
            d_value[:] = dv.T @ y1
            dx = dx + normed_back(x1, scale1, dq @ query + dk @ key + dv @ value)
        dx = normed_back(embedded, scale, dx)
        d_tokens[:] = 0
        np.add.at(d_tokens, tokens, dx)
        d_places[:length] = dx
        d_places[length:] = 0
        return value_of_loss, vector

    def in_jax(p, nothing):
        import jax

        token_rows, place_rows, *blocks, to_logits = w.split(p)
        x, _ = normed(token_rows[tokens] + place_rows[:length])
        for i in range(layers):
            query, key, value, output, wide, narrow = blocks[6 * i : 6 * i + 6]
            y, _ = normed(x)
            q, k, v = (split_heads(y @ m.T, heads) for m in (query, key, value))
            shares = jax.nn.softmax(q @ k.swapaxes(1, 2) / root + hidden)
            x = join_heads(shares @ v) @ output.T + x
            x = jax.nn.relu(normed(x)[0] @ wide.T) @ narrow.T + x
        return -jax.nn.log_softmax(x @ to_logits.T)[places, following].mean()

    return Written(loss, w.parameters, (np.empty((1, 0)),), by_hand, in_jax)


def attention(batch=32, length=8, width=8, heads=2):
    """Self-attention: each position of a sequence looks at all of them."""
    w, draw = Weights(5), np.random.default_rng(5)
    query, key, value, output = (w.make(name, width, width) for name in ("Wq", "Wk", "Wv", "Wo"))
    size = width // heads

    def linear(matrix, x):
        return [sum(a * b for a, b in zip(row, x)) for row in matrix]

    def loss(x, t):
        q = [linear(query, row) for row in x]
        k = [linear(key, row) for row in x]
        v = [linear(value, row) for row in x]
        total = 0.0
        for i in range(length):
            seen = []
            for start in range(0, width, size):
                part = range(start, start + size)
                scores = [sum(q[i][j] * k[m][j] for j in part) / size**0.5 for m in range(length)]
                shares = mg.softmax(scores)
                seen += [sum(shares[m] * v[m][j] for m in range(length)) for j in part]
            y = linear(output, seen)
            total = total + sum((a - b) ** 2 for a, b in zip(y, t[i]))
        return total / length

    def by_hand(p, x, t):
        vector, (d_query, d_key, d_value, d_output) = w.gradient()
        query, key, value, output = w.split(p)
        rows = x.reshape(-1, width)
        q, k, v = (split_heads(x @ m.T, heads) for m in (query, key, value))
        shares = softmax(q @ k.swapaxes(2, 3) / size**0.5)
        seen = join_heads(shares @ v).reshape(-1, width)
        error = seen @ output.T - t.reshape(-1, width)
        dy = error * (2 / len(rows))
        d_output[:] = dy.T @ seen
        d_seen = split_heads((dy @ output).reshape(x.shape), heads)
        dv = join_heads(shares.swapaxes(2, 3) @ d_seen).reshape(-1, width)
        ds = d_seen @ v.swapaxes(2, 3)
        ds = shares * (ds - (ds * shares).sum(axis=-1, keepdims=True)) / size**0.5
        dq = join_heads(ds @ k).reshape(-1, width)
        dk = join_heads(ds.swapaxes(2, 3) @ q).reshape(-1, width)
        d_query[:] = dq.T @ rows
        d_key[:] = dk.T @ rows
        d_value[:] = dv.T @ rows
        return (error * error).sum() / len(rows), vector

    def in_jax(p, x, t):
        import jax

        query, key, value, output = w.split(p)
        q, k, v = (split_heads(x @ m.T, heads) for m in (query, key, value))
        shares = jax.nn.softmax(q @ k.swapaxes(2, 3) / size**0.5)
        return ((join_heads(shares @ v) @ output.T - t) ** 2).sum(axis=2).mean()

    given = draw.normal(size=(batch, length, width)), draw.normal(size=(batch, length, width))
    return Written(loss, w.parameters, given, by_hand, in_jax)


def rnn(batch=64, steps=16, inputs=4, units=16):
    """A recurrent network: a state that is computed anew at each step."""
    w, draw = Weights(3), np.random.default_rng(3)
    Wx, Wh, b = w.make("Wx", units, inputs), w.make("Wh", units, units), w.make("b", units)
    Wo, bo = w.make("Wo", units), w.make("bo")

    def loss(x, t):
        h = [0.0] * units
        for step in range(steps):
            h = [
                mg.tanh(
                    sum(Wx[i][j] * x[step][j] for j in range(inputs))
                    + sum(Wh[i][j] * h[j] for j in range(units))
                    + b[i]
                )
                for i in range(units)
            ]
        y = sum(Wo[i] * h[i] for i in range(units)) + bo
        return (y - t) ** 2

    def by_hand(p, x, t):
        vector, (dWx, dWh, db, dWo, dbo) = w.gradient()
        Wx, Wh, b, Wo, bo = w.split(p)
        count = len(x)
        rows = x.swapaxes(0, 1).reshape(-1, inputs)  # step by step
        given = (rows @ Wx.T + b).reshape(steps, count, units)
        h = np.empty((steps, count, units))
        h[0] = np.tanh(given[0])
        for step in range(1, steps):
            h[step] = np.tanh(given[step] + h[step - 1] @ Wh.T)
        error = h[-1] @ Wo + bo - t
        dy = error * (2 / count)
        dbo[...] = dy.sum()
        dWo[:] = dy @ h[-1]
        slopes = 1 - h * h
        dz = np.empty_like(h)
        dz[-1] = dy[:, None] * Wo * slopes[-1]
        for step in reversed(range(steps - 1)):
            dz[step] = (dz[step + 1] @ Wh) * slopes[step]
        db[:] = dz.sum(axis=(0, 1))
        dWx[:] = dz.reshape(-1, units).T @ rows
        dWh[:] = dz[1:].reshape(-1, units).T @ h[:-1].reshape(-1, units)
        return (error * error).mean(), vector

    def in_jax(p, x, t):
        import jax

        Wx, Wh, b, Wo, bo = w.split(p)

        def step(h, x):
            return jax.numpy.tanh(x @ Wx.T + h @ Wh.T + b), None

        start = jax.numpy.zeros((len(x), units))
        h, _ = jax.lax.scan(step, start, x.swapaxes(0, 1))
        return ((h @ Wo + bo - t) ** 2).mean()

    given = draw.normal(size=(batch, steps, inputs)), draw.normal(size=batch)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def lstm(batch=64, steps=12, inputs=4, units=8):
    """A recurrent network with gates, which let a memory pass from step to step."""
    w, draw = Weights(4), np.random.default_rng(4)
    W, b = w.make("W", 4 * units, inputs + units), w.make("b", 4 * units)
    Wo, bo = w.make("Wo", units), w.make("bo")

    def loss(x, t):
        h, c = [0.0] * units, [0.0] * units
        for step in range(steps):
            given = [*x[step], *h]
            z = [sum(a * g for a, g in zip(row, given)) + bias for row, bias in zip(W, b)]
            enter = [mg.sigmoid(a) for a in z[:units]]
            forget = [mg.sigmoid(a) for a in z[units : 2 * units]]
            new = [mg.tanh(a) for a in z[2 * units : 3 * units]]
            leave = [mg.sigmoid(a) for a in z[3 * units :]]
            c = [forget[i] * c[i] + enter[i] * new[i] for i in range(units)]
            h = [leave[i] * mg.tanh(c[i]) for i in range(units)]
        y = sum(a * s for a, s in zip(Wo, h)) + bo
        return (y - t) ** 2

    def by_hand(p, x, t):
        vector, (dW, db, dWo, dbo) = w.gradient()
        W, b, Wo, bo = w.split(p)
        count = len(x)
        rows = x.swapaxes(0, 1).reshape(-1, inputs)
        given = (rows @ W[:, :inputs].T + b).reshape(steps, count, 4 * units)
        Wh = W[:, inputs:]
        new = slice(2 * units, 3 * units)
        h, c = np.zeros((2, steps + 1, count, units))
        gates, curved = np.empty((steps, count, 4 * units)), np.empty((steps, count, units))
        for step in range(steps):
            z = given[step] + h[step] @ Wh.T
            g = gates[step]
            g[:] = 1 / (1 + np.exp(-z))
            g[:, new] = np.tanh(z[:, new])
            c[step + 1] = g[:, units : 2 * units] * c[step] + g[:, :units] * g[:, new]
            curved[step] = np.tanh(c[step + 1])
            h[step + 1] = g[:, 3 * units :] * curved[step]
        error = h[-1] @ Wo + bo - t
        dy = error * (2 / count)
        dbo[...] = dy.sum()
        dWo[:] = dy @ h[-1]
        slopes = gates * (1 - gates)
        slopes[:, :, new] = 1 - gates[:, :, new] ** 2
        dh, dc = dy[:, None] * Wo, np.zeros((count, units))
        dz = np.empty_like(gates)
        for step in reversed(range(steps)):
            g, d = gates[step], dz[step]
            dc = dc + dh * g[:, 3 * units :] * (1 - curved[step] ** 2)
            d[:, :units] = dc * g[:, new]
            d[:, units : 2 * units] = dc * c[step]
            d[:, new] = dc * g[:, :units]
            d[:, 3 * units :] = dh * curved[step]
            d *= slopes[step]
            dc = dc * g[:, units : 2 * units]
            dh = d @ Wh
        flat = dz.reshape(-1, 4 * units)
        db[:] = flat.sum(axis=0)
        dW[:, :inputs] = flat.T @ rows
        dW[:, inputs:] = flat.T @ h[:-1].reshape(-1, units)
        return (error * error).mean(), vector

    def in_jax(p, x, t):
        import jax

        W, b, Wo, bo = w.split(p)

        def step(state, x):
            h, c = state
            z = jax.numpy.concatenate((x, h), axis=1) @ W.T + b
            enter, forget, new, leave = jax.numpy.split(z, 4, axis=1)
            sigmoid = jax.nn.sigmoid
            c = sigmoid(forget) * c + sigmoid(enter) * jax.numpy.tanh(new)
            return (sigmoid(leave) * jax.numpy.tanh(c), c), None

        start = jax.numpy.zeros((2, len(x), units))
        (h, _), _ = jax.lax.scan(step, tuple(start), x.swapaxes(0, 1))
        return ((h @ Wo + bo - t) ** 2).mean()

    given = draw.normal(size=(batch, steps, inputs)), draw.normal(size=batch)
    return Written(loss, w.parameters, given, by_hand, in_jax)
