"""What belongs to a program: its function, weights and data, and the same for whole batches."""

import math
import random
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from micrograd_plus import Value


class Written(NamedTuple):
    """A program and what experts write instead.

    Attributes:
        fn: the loss of one example, in scalars.
        parameters: what it is differentiated with respect to.
        batch: an array for each argument, whose first axis is that of the examples.
        by_hand: from all parameters as one array, and a batch, the mean loss and its gradient.
        in_jax: the mean loss alone, on JAX's arrays.
    """

    fn: Callable[..., Any]
    parameters: list[Value]
    batch: tuple[Any, ...]
    by_hand: Callable[..., Any]
    in_jax: Callable[..., Any]


class Weights:
    """Random weights, and their places in an array of all of them.

    Args:
        seed: of the numbers.
        spread: their standard deviation.
    """

    def __init__(self, seed, spread=0.3):
        self._random, self._spread = random.Random(seed), spread
        self._shapes, self.parameters = [], []

    def make(self, name, *shape):
        """Nested lists of Values of this shape, named as they are written, such as `W[0][1]`."""
        numbers = [
            Value(self._random.gauss(0, self._spread), name + "".join(f"[{i}]" for i in place))
            for place in product(*map(range, shape))
        ]
        self._shapes.append(shape)
        self.parameters += numbers
        return np.reshape(np.array(numbers, object), shape).tolist()

    def split(self, vector):
        """The arrays that lie in one vector, in the order in which they were made."""
        parts, start = [], 0
        for shape in self._shapes:
            end = start + math.prod(shape)
            parts.append(vector[start:end].reshape(shape))
            start = end
        return parts

    def gradient(self):
        """A vector for derivatives, and the arrays that lie in it."""
        vector = np.empty(len(self.parameters))
        return vector, self.split(vector)


def one_hot(draw, count, classes):
    """Random targets, each a row with a single 1."""
    return np.eye(classes)[draw.integers(0, classes, count)]


def softmax(z):
    """The softmax over the last axis, in NumPy."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(z, t):
    """The mean cross entropy of scores and targets in rows, and its derivatives by the scores."""
    largest = z.max(axis=1, keepdims=True)
    powers = np.exp(z - largest)
    total = powers.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) + largest[:, 0] - (z * t).sum(axis=1)).mean()
    return loss, (powers / total - t) / len(z)
