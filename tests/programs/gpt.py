"""A GPT of scalars, with operators and methods alone, so that any engine's numbers can run it."""

import random
from itertools import pairwise
from typing import NamedTuple


class Sizes(NamedTuple):
    """How large a GPT is."""

    layers: int = 1
    width: int = 16
    heads: int = 4
    context: int = 16
    vocabulary: int = 27

    @property
    def shapes(self):
        """The shapes of its matrices, in the order of the parameters."""
        square, wide = (self.width, self.width), (4 * self.width, self.width)
        block = {"query": square, "key": square, "value": square, "output": square,
                 "wide": wide, "narrow": wide[::-1]}  # fmt: skip
        return {
            "tokens": (self.vocabulary, self.width),
            "places": (self.context, self.width),
            **{f"{name}{i}": shape for i in range(self.layers) for name, shape in block.items()},
            "logits": (self.vocabulary, self.width),
        }


SIZES = Sizes()
DOCUMENT = [26, 4, 11, 8, 25, 0, 1, 26]  # seven tokens, each with the one that follows


def gpt_parameters(sizes=SIZES):
    draw = random.Random(5)
    count = sum(rows * columns for rows, columns in sizes.shapes.values())
    return [draw.gauss(0, 0.08) for _ in range(count)]


def relu_of(v):
    """ReLU as most scalar engines have it: a method."""
    return v.relu()


def times(matrix, x):
    return [sum(w * v for w, v in zip(row, x)) for row in matrix]


def added(x, y):
    return [a + b for a, b in zip(x, y)]


def normed(x):
    scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def softmax(x):
    largest = max(v.data for v in x)
    powers = [(v - largest).exp() for v in x]
    total = sum(powers)
    return [power / total for power in powers]


def gpt(params, relu=relu_of, softmax=softmax, document=DOCUMENT, sizes=SIZES):
    """The mean cross entropy of a document, by a GPT as scalar scripts have it.

    RMSNorm, attention with several heads, and a network with ReLU, without biases; each token sees
    itself and those before it.
    """
    rest = iter(params)
    m = {name: [[next(rest) for _ in range(columns)] for _ in range(rows)]
         for name, (rows, columns) in sizes.shapes.items()}  # fmt: skip
    size = sizes.width // sizes.heads
    memory = [([], []) for _ in range(sizes.layers)]  # the keys and contents of each layer
    losses = []
    for place, (token, following) in enumerate(pairwise(document)):
        x = normed(added(m["tokens"][token], m["places"][place]))
        for i, (keys, contents) in enumerate(memory):
            y = normed(x)
            query = times(m[f"query{i}"], y)
            keys.append(times(m[f"key{i}"], y))
            contents.append(times(m[f"value{i}"], y))
            found = []
            for head in range(0, sizes.width, size):
                part = slice(head, head + size)
                scores = [sum(q * k for q, k in zip(query[part], key[part])) / size**0.5
                          for key in keys]  # fmt: skip
                weights = softmax(scores)
                for j in range(head, head + size):
                    found.append(sum(w * v[j] for w, v in zip(weights, contents)))
            x = added(times(m[f"output{i}"], found), x)
            hidden = [relu(v) for v in times(m[f"wide{i}"], normed(x))]
            x = added(times(m[f"narrow{i}"], hidden), x)
        losses.append(-softmax(times(m["logits"], x))[following].log())
    return sum(losses) / len(losses)
