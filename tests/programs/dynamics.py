"""Programs that follow something in time: simulations, a filter, a differential equation."""

import math

import numpy as np

import micrograd_plus as mg
from tests.programs.written import Weights, Written


def pendulum(batch=64, steps=100, dt=0.02):
    """A pendulum with friction, by Euler's method: where it is in the end."""
    w, draw = Weights(14), np.random.default_rng(14)
    gravity, friction = w.make("gravity"), w.make("friction")
    gravity.data, friction.data = 9.81, 0.1

    def loss(x, t):
        angle, speed = x
        for _ in range(steps):
            pull = -gravity * mg.sin(angle) - friction * speed
            angle, speed = angle + dt * speed, speed + dt * pull
        return (angle - t) ** 2

    def by_hand(p, x, t):
        gravity, friction = p
        angles, speeds = np.empty((2, steps + 1, len(x)))
        angle, speed = angles[0], speeds[0] = x.T
        for i in range(steps):
            pull = -gravity * np.sin(angle) - friction * speed
            angle, speed = angle + dt * speed, speed + dt * pull
            angles[i + 1], speeds[i + 1] = angle, speed
        error = angle - t
        d_angle, d_speed = error * (2 / len(x)), np.zeros(len(x))
        d_pulls, slopes = np.empty((steps, len(x))), np.cos(angles[:-1]) * (-dt * gravity)
        for i in reversed(range(steps)):
            d_pulls[i] = d_speed
            d_angle, d_speed = (
                d_angle + d_speed * slopes[i],
                dt * d_angle + d_speed * (1 - dt * friction),
            )
        gradient = [
            -dt * np.vdot(d_pulls, np.sin(angles[:-1])),
            -dt * np.vdot(d_pulls, speeds[:-1]),
        ]
        return (error * error).mean(), np.array(gradient)

    def in_jax(p, x, t):
        import jax

        def step(state, _):
            angle, speed = state
            pull = -p[0] * jax.numpy.sin(angle) - p[1] * speed
            return (angle + dt * speed, speed + dt * pull), None

        (angle, _), _ = jax.lax.scan(step, (x[:, 0], x[:, 1]), length=steps)
        return ((angle - t) ** 2).mean()

    given = draw.normal(size=(batch, 2)), draw.normal(size=batch)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def n_body(batch=32, steps=100, bodies=3, dt=0.01, softening=0.1):
    """Bodies in a plane that attract each other: where they are in the end."""
    w, draw = Weights(15), np.random.default_rng(15)
    mass = w.make("mass", bodies)
    for i, m in enumerate(mass):
        m.data = 1.0 + 0.1 * i

    def loss(x, v, t):
        for _ in range(steps):
            forces = []
            for i in range(bodies):
                force = [0.0, 0.0]
                for j in range(bodies):
                    if i != j:
                        d = [x[j][c] - x[i][c] for c in range(2)]
                        pull = mass[j] * (d[0] * d[0] + d[1] * d[1] + softening) ** -1.5
                        force = [force[c] + pull * d[c] for c in range(2)]
                forces.append(force)
            v = [[v[i][c] + dt * forces[i][c] for c in range(2)] for i in range(bodies)]
            x = [[x[i][c] + dt * v[i][c] for c in range(2)] for i in range(bodies)]
        return sum((x[i][c] - t[i][c]) ** 2 for i in range(bodies) for c in range(2))

    def by_hand(p, x, v, t):
        x, v, t = (a.transpose(1, 2, 0).copy() for a in (x, v, t))  # (bodies, 2, batch)
        kept = []
        for _ in range(steps):
            d = x[None] - x[:, None]
            square = (d * d).sum(axis=2) + softening
            fall = square**-1.5
            pull = fall[:, :, None] * d
            kept.append((d, square, fall, pull))
            v = v + dt * np.einsum("j,ijcn->icn", p, pull)
            x = x + dt * v
        error = x - t
        dx, dv = error * (2 / error.shape[2]), np.zeros_like(error)
        gradient = np.zeros(bodies)
        for d, square, fall, pull in reversed(kept):
            dv = dv + dt * dx
            d_force = dt * dv
            gradient += np.einsum("icn,ijcn->j", d_force, pull)
            d_pull = p[:, None, None] * d_force[:, None]
            slope = (d_pull * d).sum(axis=2) * fall / square * -3.0
            d_apart = fall[:, :, None] * d_pull + d * slope[:, :, None]
            dx = dx + d_apart.sum(axis=0) - d_apart.sum(axis=1)
        return (error * error).sum() / error.shape[2], gradient

    def in_jax(p, x, v, t):
        import jax

        def step(state, _):
            x, v = state
            d = x[:, None] - x[:, :, None]
            pull = ((d * d).sum(axis=3) + softening) ** -1.5 * p
            v = v + dt * (pull[..., None] * d).sum(axis=2)
            return (x + dt * v, v), None

        (x, _), _ = jax.lax.scan(step, (x, v), length=steps)
        return ((x - t) ** 2).sum(axis=(1, 2)).mean()

    given = tuple(draw.normal(size=(batch, bodies, 2)) for _ in range(3))
    return Written(loss, w.parameters, given, by_hand, in_jax)


def kalman(batch=32, steps=30, dt=0.1):
    """A Kalman filter of place and speed: how unlikely what it sees is."""
    w, draw = Weights(16), np.random.default_rng(16)
    moving, seeing = w.make("moving"), w.make("seeing")  # logarithms of two variances
    moving.data, seeing.data = -1.0, -0.5

    def loss(y):
        q, r = mg.exp(moving), mg.exp(seeing)
        A = [[1.0, dt], [0.0, 1.0]]
        m, S = [0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]
        total = 0.0
        for step in range(steps):
            m = [sum(A[i][k] * m[k] for k in range(2)) for i in range(2)]
            AS = [[sum(A[i][k] * S[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
            S = [
                [
                    sum(AS[i][k] * A[j][k] for k in range(2)) + (q if i == j else 0.0)
                    for j in range(2)
                ]
                for i in range(2)
            ]
            error, variance = y[step] - m[0], S[0][0] + r
            total = total + 0.5 * (mg.log(variance) + error * error / variance)
            gain = [S[0][0] / variance, S[1][0] / variance]
            m = [m[i] + gain[i] * error for i in range(2)]
            S = [[S[i][j] - gain[i] * S[0][j] for j in range(2)] for i in range(2)]
        return total

    def by_hand(p, y):
        """The variances are the same for all examples, so they are plain numbers."""
        count, seen = len(y), y.T
        q, r = math.exp(p[0]), math.exp(p[1])
        a, b, c, d = 1.0, 0.0, 0.0, 1.0  # S = [[a, b], [c, d]]
        place = speed = np.zeros(count)
        total, kept = 0.0, []
        for step in range(steps):
            place = place + dt * speed
            a, b, c, d = a + dt * (b + c) + dt * dt * d + q, b + dt * d, c + dt * d, d + q
            error, variance = seen[step] - place, a + r
            squares = error @ error
            total += 0.5 * (count * math.log(variance) + squares / variance)
            k0, k1 = a / variance, c / variance
            kept.append((a, b, c, variance, k0, k1, error, squares))
            place, speed = place + k0 * error, speed + k1 * error
            a, b, c, d = a - k0 * a, b - k0 * b, c - k1 * a, d - k1 * b
        dq = dr = da = db = dc = dd = 0.0
        d_place = d_speed = np.zeros(count)
        for a, b, _, variance, k0, k1, error, squares in reversed(kept):
            dk0 = d_place @ error - da * a - db * b
            dk1 = d_speed @ error - dc * a - dd * b
            d_error = k0 * d_place + k1 * d_speed + error / variance
            d_variance = (
                0.5 * (count / variance - squares / variance**2) - (dk0 * k0 + dk1 * k1) / variance
            )
            da = da * (1 - k0) - dc * k1 + dk0 / variance + d_variance
            db = db * (1 - k0) - dd * k1
            dc = dc + dk1 / variance
            dr += d_variance
            dq += da + dd
            d_place = d_place - d_error
            d_speed = d_speed + dt * d_place
            da, db, dc, dd = da, dt * da + db, dt * da + dc, dt * dt * da + dt * (db + dc) + dd
        return total / count, np.array([dq * q, dr * r]) / count

    def in_jax(p, y):
        import jax
        from jax import numpy as jnp

        q, r = jnp.exp(p[0]), jnp.exp(p[1])
        A = jnp.array([[1.0, dt], [0.0, 1.0]])

        def step(state, y):
            m, S, total = state
            m, S = A @ m, A @ S @ A.T + q * jnp.eye(2)
            error, variance = y - m[0], S[0, 0] + r
            total = total + 0.5 * (jnp.log(variance) + error**2 / variance)
            gain = S[:, 0] / variance
            return (m + jnp.outer(gain, error), S - jnp.outer(gain, S[0]), total), None

        start = jnp.zeros((2, len(y))), jnp.eye(2), jnp.zeros(len(y))
        (_, _, total), _ = jax.lax.scan(step, start, y.T)
        return total.mean()

    return Written(loss, w.parameters, (draw.normal(size=(batch, steps)),), by_hand, in_jax)


def neural_ode(batch=64, steps=10, units=16, dt=0.1):
    """A network that says how fast a point moves; its path by the method of Runge and Kutta."""
    w, draw = Weights(12), np.random.default_rng(12)
    W1, b1 = w.make("W1", units, 2), w.make("b1", units)
    W2, b2 = w.make("W2", 2, units), w.make("b2", 2)

    def speed(x):
        h = [mg.tanh(sum(a * v for a, v in zip(row, x)) + b) for row, b in zip(W1, b1)]
        return [sum(a * v for a, v in zip(row, h)) + b for row, b in zip(W2, b2)]

    def loss(x, t):
        for _ in range(steps):
            k1 = speed(x)
            k2 = speed([a + dt / 2 * k for a, k in zip(x, k1)])
            k3 = speed([a + dt / 2 * k for a, k in zip(x, k2)])
            k4 = speed([a + dt * k for a, k in zip(x, k3)])
            x = [
                a + dt / 6 * (first + 2 * second + 2 * third + fourth)
                for a, first, second, third, fourth in zip(x, k1, k2, k3, k4)
            ]
        return sum((a - b) ** 2 for a, b in zip(x, t))

    def by_hand(p, x, t):
        vector, (dW1, db1, dW2, db2) = w.gradient()
        W1, b1, W2, b2 = w.split(p)
        x, b1, b2 = x.T, b1[:, None], b2[:, None]
        points, states = [], []

        def speed(x):
            h = np.tanh(W1 @ x + b1)
            points.append(x)
            states.append(h)
            return W2 @ h + b2

        for _ in range(steps):
            k1 = speed(x)
            k2 = speed(x + dt / 2 * k1)
            k3 = speed(x + dt / 2 * k2)
            k4 = speed(x + dt * k3)
            x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        error = x - t.T
        dx = error * (2 / len(t))
        speeds, sums, rest = [], [], list(states)

        def back(dk):
            h = rest.pop()
            dz = (W2.T @ dk) * (1 - h * h)
            speeds.append(dk)
            sums.append(dz)
            return W1.T @ dz

        for _ in range(steps):
            d4 = back(dt / 6 * dx)
            d3 = back(dt / 3 * dx + dt * d4)
            d2 = back(dt / 3 * dx + dt / 2 * d3)
            d1 = back(dt / 6 * dx + dt / 2 * d2)
            dx = dx + d1 + d2 + d3 + d4
        dz, dk = np.concatenate(sums, axis=1), np.concatenate(speeds, axis=1)
        dW1[:] = dz @ np.concatenate(points[::-1], axis=1).T
        db1[:] = dz.sum(axis=1)
        dW2[:] = dk @ np.concatenate(states[::-1], axis=1).T
        db2[:] = dk.sum(axis=1)
        return (error * error).sum() / len(t), vector

    def in_jax(p, x, t):
        import jax

        W1, b1, W2, b2 = w.split(p)

        def speed(x):
            return jax.numpy.tanh(x @ W1.T + b1) @ W2.T + b2

        def step(x, _):
            k1 = speed(x)
            k2 = speed(x + dt / 2 * k1)
            k3 = speed(x + dt / 2 * k2)
            k4 = speed(x + dt * k3)
            return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        x, _ = jax.lax.scan(step, x, length=steps)
        return ((x - t) ** 2).sum(axis=1).mean()

    given = draw.normal(size=(batch, 2)), draw.normal(size=(batch, 2))
    return Written(loss, w.parameters, given, by_hand, in_jax)
