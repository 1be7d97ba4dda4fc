"""A GPT of scalars, from scratch: it reads names letter by letter, and then invents some.

    python examples/gpt/train.py [FOLDER] [STEPS]

trains it with the engine for twenty steps, and then for 1,000 (or STEPS) with the program that
`compile` finds; prints how long both take, and twenty new names; and saves the curve of the loss,
and a picture of a smaller GPT, into FOLDER (by default the current one). Guide 12 explains all of
it.
"""

import random
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import nn, optim

NAMES = Path(__file__).with_name("names.txt")
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # a point stands before and after each name
LONGEST = 7  # letters of a name


def names(path):
    """The names of a file, in a random order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = " ".join(line for line in lines if not line.startswith("#")).split()
    return np.random.default_rng(1).permutation(found).tolist()


def numbered(name):
    """The letters of a name as numbers, with the points around it."""
    return [LETTERS.index(letter) for letter in f".{name}."]


# ------------------------------------------------------------------ the model


def table(rows, width, name, draw):
    """Vectors to be learnt: a list of rows of Values."""
    return [
        [mg.Value(draw.gauss(0, 0.5), f"{name}_{{{row},{i}}}") for i in range(width)]
        for row in range(rows)
    ]


def linear(inputs, outputs, draw, activation="linear", init="xavier_uniform"):
    """Neurons without a bias: each output is a weighted sum of the inputs."""
    return nn.Layer(inputs, outputs, activation=activation, bias=False, init=init, seed=draw)


def added(x, y):
    """The sum of two vectors."""
    return [a + b for a, b in zip(x, y, strict=True)]


def normed(x):
    """A vector made longer or shorter, so that the mean of its squares is 1."""
    scale = (mg.dot(x, x) / len(x) + 1e-5) ** -0.5
    return [a * scale for a in x]


def attended(query, keys, values):
    """The mean of the values, in which those count most whose keys are like the query."""
    likeness = [mg.dot(query, key) / len(query) ** 0.5 for key in keys]
    shares = mg.softmax(likeness)
    return [mg.dot(shares, column) for column in zip(*values, strict=True)]


class Head(nn.Module):
    """An attention head: each letter looks back at what those before it, and itself, have to say.

    Args:
        width: how many numbers describe a letter.
        size: how many each answer has.
        draw: a `random.Random`.
    """

    def __init__(self, width, size, draw):
        self.query = linear(width, size, draw)  # what a letter looks for
        self.key = linear(width, size, draw)  # what it can be found by
        self.value = linear(width, size, draw)  # what it says when found

    def __call__(self, x, memory):
        """The answer to a letter x, whose key and value are added to the memory."""
        keys, values = memory
        query = self.query(x)
        keys.append(self.key(x))
        values.append(self.value(x))
        return attended(query, keys, values)


class GPT(nn.Module):
    """A transformer of one block; its parameters are all that is learnt.

    Args:
        width: how many numbers describe a letter.
        heads: how many attention heads share them.
        seed: a whole number, for the same initial weights each time.
    """

    def __init__(self, width=16, heads=4, seed=1):
        draw = random.Random(seed)  # noqa: S311  no secrets are drawn
        self.letters = table(len(LETTERS), width, "e", draw)
        self.places = table(LONGEST + 1, width, "p", draw)
        self.heads = [Head(width, width // heads, draw) for _ in range(heads)]
        self.joined = linear(width, width, draw)
        self.wide = linear(width, 4 * width, draw, "relu", "he_uniform")
        self.narrow = linear(4 * width, width, draw)
        self.scores = linear(width, len(LETTERS), draw)

    def memories(self):
        """For each head an empty memory: its keys, and its values."""
        return [([], []) for _ in self.heads]

    def __call__(self, letter, place, memories):
        """A score for each letter: the higher, the more likely it comes next.

        Args:
            letter: the number of the last one.
            place: where it stands in the name.
            memories: what the heads remember of the letters before it.
        """
        x = added(mg.take(self.letters, letter), self.places[place])
        y, seen = normed(x), []
        for head, memory in zip(self.heads, memories, strict=True):
            seen += head(y, memory)
        x = added(x, self.joined(seen))
        x = added(x, self.narrow(self.wide(normed(x))))
        return self.scores(normed(x))


# ------------------------------------------------------------------ learning and inventing


def surprises(gpt, numbers):
    """For each letter of a name but the first: −log p, where p is the chance the model gave it."""
    memories = gpt.memories()
    return [
        nn.softmax_cross_entropy(gpt(letter, place, memories), following)
        for place, (letter, following) in enumerate(pairwise(numbers))
    ]


def loss(gpt, numbers, mask):
    """The mean surprise over a padded name, where the mask is 1 for its letters and 0 behind."""
    return mg.dot(surprises(gpt, numbers), mask[1:]) / mg.sum(mask[1:])


def invented(gpt, draw):
    """A new name: letters drawn one after the other, by the chances that the model gives them."""
    numbers, memories = [0], gpt.memories()
    while len(numbers) <= LONGEST:
        scores = gpt(numbers[-1], len(numbers) - 1, memories)
        chances = [chance.data for chance in mg.softmax(scores)]
        numbers.append(draw.choice(len(LETTERS), p=chances))
        if numbers[-1] == 0:
            break
    return "".join(LETTERS[number] for number in numbers).strip(".")


# ------------------------------------------------------------------ the program


def with_engine(gpt, numbers, mask):
    """A step of Adam for each name; the seconds that a name takes."""
    optimizer = optim.Optimizer(gpt.parameters(), optim.Adam(0.01))
    start = time.perf_counter()
    for name in zip(numbers, mask, strict=True):
        optimizer.zero_grad()
        loss(gpt, *name).backward()
        optimizer.step()
    return (time.perf_counter() - start) / len(numbers)


def with_program(program, numbers, mask, steps, batch=32):
    """Steps of Adam with a batch of names each, at a rate that falls to 0; their losses."""
    rule, draw = optim.Adam(), np.random.default_rng(1)
    state, losses = rule.initial(program.vector), []
    for step in range(1, steps + 1):
        rows = draw.integers(len(numbers), size=batch)
        value, gradient = program.value_and_grad(numbers[rows], mask[rows])
        rate = 0.02 * (1 - step / steps)
        program.vector, state = rule.update(gradient, state, program.vector, rate, step)
        losses.append(value)
    program.write_parameters()
    return losses


def main(folder, steps=1000):
    """Print what both trainings take, and new names, and save the pictures; the names."""
    gpt, known = GPT(), names(NAMES)
    print(f"{len(known):,} names, {len(gpt.parameters()):,} parameters")
    small = GPT(width=4, heads=2)
    mg.draw(surprises(small, numbered("an"))[-1], detail="layers", limit=25).render(
        folder / "gpt.svg"
    )

    padded = mg.pad(map(numbered, known))
    unseen = [array[:100] for array in padded]
    numbers, mask = (array[100:] for array in padded)
    each = with_engine(gpt, numbers[:20], mask[:20])
    print(f"engine: {1e3 * each:.1f} ms a name")

    start = time.perf_counter()
    program = mg.compile(
        lambda numbers, mask: loss(gpt, numbers, mask), numbers[0], mask[0], params=gpt
    )
    lines = len(str(program).splitlines())
    print(f"compiled in {time.perf_counter() - start:.1f} s: {lines} lines of matrix code")
    start = time.perf_counter()
    losses = with_program(program, numbers, mask, steps)
    taken = time.perf_counter() - start
    print(f"program: {1e6 * taken / steps / 32:.0f} µs a name, {taken:.1f} s for {steps:,} steps")
    print(f"loss: {losses[0]:.2f} at first, {np.mean(losses[-50:]):.2f} at last, "
          f"{program(*unseen).mean():.2f} for names it has never seen")  # fmt: skip
    draw = np.random.default_rng(1)
    found = [invented(gpt, draw) for _ in range(20)]
    print("invented:", *found)
    print(f"{len({*found} & {*known})} of these {len(found)} are in the list")

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(losses, color="#0969da", linewidth=0.8)
    axes.set(xlabel="step", ylabel="mean of −log p")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "loss.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."), *map(int, sys.argv[2:]))
