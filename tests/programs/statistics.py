"""Models of statistics: mixtures, clusters, regressions, a factorisation."""

import math
from itertools import combinations

import numpy as np

import micrograd_plus as mg
from tests.programs.written import Weights, Written, softmax


def mixture(batch=256, kinds=5, dimensions=2):
    """The negative logarithm of the likelihood of a mixture of Gaussians."""
    w, draw = Weights(8), np.random.default_rng(8)
    share = w.make("share", kinds)  # logarithms, but for a constant
    centre, spread = w.make("centre", kinds, dimensions), w.make("spread", kinds, dimensions)
    half = 0.5 * math.log(2 * math.pi)

    def loss(x):
        whole = mg.logsumexp(share)
        terms = []
        for k in range(kinds):
            term = share[k] - whole
            for d in range(dimensions):
                apart = (x[d] - centre[k][d]) / mg.exp(spread[k][d])
                term = term - 0.5 * apart * apart - spread[k][d] - half
            terms.append(term)
        return -mg.logsumexp(terms)

    def by_hand(p, x):
        vector, (d_share, d_centre, d_spread) = w.gradient()
        share, centre, spread = w.split(p)
        shares, narrow = softmax(share), np.exp(-spread)
        apart = (x[:, None] - centre) * narrow
        terms = (
            np.log(shares) - 0.5 * (apart * apart).sum(axis=2) - spread.sum(axis=1)
            - dimensions * half
        )  # fmt: skip
        largest = terms.max(axis=1, keepdims=True)
        powers = np.exp(terms - largest)
        total = powers.sum(axis=1, keepdims=True)
        value = -(np.log(total[:, 0]) + largest[:, 0]).mean()
        d_terms = powers / (total * -len(x))
        by_kind = d_terms.sum(axis=0)
        d_share[:] = by_kind + shares
        d_apart = d_terms[:, :, None] * apart
        d_centre[:] = d_apart.sum(axis=0) * narrow
        d_spread[:] = (d_apart * apart).sum(axis=0) - by_kind[:, None]
        return value, vector

    def in_jax(p, x):
        import jax

        share, centre, spread = w.split(p)
        apart = (x[:, None] - centre) / jax.numpy.exp(spread)
        terms = (
            jax.nn.log_softmax(share) - 0.5 * (apart**2).sum(axis=2) - spread.sum(axis=1)
            - dimensions * half
        )  # fmt: skip
        return -jax.nn.logsumexp(terms, axis=1).mean()

    given = (draw.normal(size=(batch, dimensions)),)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def k_means(batch=256, clusters=6, dimensions=8):
    """Soft k-means: the mean distance to the centres, near ones counting more."""
    w, draw = Weights(10, spread=1.0), np.random.default_rng(10)
    centre, sharpness = w.make("centre", clusters, dimensions), w.make("sharpness")

    def loss(x):
        distances = [sum((a - c) ** 2 for a, c in zip(x, row)) for row in centre]
        shares = mg.softmax([-mg.exp(sharpness) * distance for distance in distances])
        return sum(share * distance for share, distance in zip(shares, distances))

    def by_hand(p, x):
        vector, (d_centre, d_sharpness) = w.gradient()
        centre, sharpness = w.split(p)
        apart = x[:, None] - centre
        distances = (apart * apart).sum(axis=2)
        power = np.exp(sharpness)
        shares = softmax(-power * distances)
        values = (shares * distances).sum(axis=1)
        d_scores = shares * (distances - values[:, None])
        d_sharpness[...] = -(d_scores * distances).sum() * power / len(x)
        d_distances = (shares - power * d_scores) * (-2 / len(x))
        d_centre[:] = (d_distances[:, :, None] * apart).sum(axis=0)
        return values.mean(), vector

    def in_jax(p, x):
        import jax

        centre, sharpness = w.split(p)
        distances = ((x[:, None] - centre) ** 2).sum(axis=2)
        shares = jax.nn.softmax(-jax.numpy.exp(sharpness) * distances)
        return (shares * distances).sum(axis=1).mean()

    given = (draw.normal(size=(batch, dimensions)),)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def polynomial(batch=256, degree=8):
    """A curve through points: a power of x for each coefficient."""
    w, draw = Weights(11), np.random.default_rng(11)
    c = w.make("c", degree + 1)

    def loss(x, t):
        return (sum(c[k] * x**k for k in range(degree + 1)) - t) ** 2

    def by_hand(p, x, t):
        powers = np.vander(x, degree + 1, increasing=True)
        error = powers @ p - t
        return (error @ error) / len(x), (2 / len(x)) * (error @ powers)

    def in_jax(p, x, t):
        import jax

        powers = jax.numpy.vander(x, degree + 1, increasing=True)
        return ((powers @ p - t) ** 2).mean()

    given = draw.uniform(-1, 1, batch), draw.normal(size=batch)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def logistic(batch=256, features=12):
    """A logistic regression on all features and on the products of any two of them."""
    w, draw = Weights(9), np.random.default_rng(9)
    first, bias = w.make("w", features), w.make("bias")
    second = w.make("cross", features * (features - 1) // 2)

    def loss(x, t):
        z = bias + sum(a * b for a, b in zip(first, x))
        k = 0
        for i in range(features):
            for j in range(i):
                z = z + second[k] * x[i] * x[j]
                k += 1
        return mg.softplus(z) - t * z

    pairs = sorted((j, i) for i, j in combinations(range(features), 2))
    one, two = np.array(pairs, int).T

    def by_hand(p, x, t):
        vector, (d_first, d_bias, d_second) = w.gradient()
        first, bias, second = w.split(p)
        crosses = x[:, one] * x[:, two]
        z = x @ first + crosses @ second + bias
        dz = (1 / (1 + np.exp(-z)) - t) / len(x)
        d_first[:] = dz @ x
        d_bias[...] = dz.sum()
        d_second[:] = dz @ crosses
        return (np.logaddexp(0, z) - t * z).mean(), vector

    def in_jax(p, x, t):
        import jax

        first, bias, second = w.split(p)
        z = x @ first + (x[:, one] * x[:, two]) @ second + bias
        return (jax.nn.softplus(z) - t * z).mean()

    given = draw.normal(size=(batch, features)), draw.integers(0, 2, batch).astype(float)
    return Written(loss, w.parameters, given, by_hand, in_jax)


def factorisation(users=30, items=20, rank=8, ratings=200):
    """A matrix of ratings as a product of two: the ratings are a part of the program."""
    w, draw = Weights(13), np.random.default_rng(13)
    taste, offer = w.make("taste", users, rank), w.make("offer", items, rank)
    mood, fame, mean = w.make("mood", users), w.make("fame", items), w.make("mean")
    user, item = draw.integers(0, users, ratings), draw.integers(0, items, ratings)
    rating = draw.normal(size=ratings)
    data = list(zip(user.tolist(), item.tolist(), rating.tolist()))

    def loss(nothing):
        total = 0.0
        for u, i, y in data:
            fits = sum(taste[u][k] * offer[i][k] for k in range(rank))
            error = fits + mood[u] + fame[i] + mean - y
            total = total + error * error
        return total / ratings

    def by_hand(p, nothing):
        vector, (d_taste, d_offer, d_mood, d_fame, d_mean) = w.gradient()
        taste, offer, mood, fame, mean = w.split(p)
        rows, columns = taste[user], offer[item]
        error = (rows * columns).sum(axis=1) + mood[user] + fame[item] + mean - rating
        d = error * (2 / ratings)
        d_taste[:] = d_offer[:] = 0
        np.add.at(d_taste, user, d[:, None] * columns)
        np.add.at(d_offer, item, d[:, None] * rows)
        d_mood[:] = np.bincount(user, d, users)
        d_fame[:] = np.bincount(item, d, items)
        d_mean[...] = d.sum()
        return (error @ error) / ratings, vector

    def in_jax(p, nothing):
        taste, offer, mood, fame, mean = w.split(p)
        fits = (taste[user] * offer[item]).sum(axis=1)
        return ((fits + mood[user] + fame[item] + mean - rating) ** 2).mean()

    return Written(loss, w.parameters, (np.empty((1, 0)),), by_hand, in_jax)
