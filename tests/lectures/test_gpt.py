"""The GPT of scalars computes what a GPT of matrices does, learns, and invents names."""

import ast
import json
import re

import numpy as np
import pytest

import micrograd_plus as mg
from tests.needs import EXAMPLES


@pytest.fixture
def train(example):
    return example("gpt/train.py").module


def in_matrices(gpt, numbers):
    """−log p of each letter but the first, by NumPy: all places at once, none sees a later one."""

    def table(rows):
        return np.array([[v.data for v in row] for row in rows])

    def weights(layer):
        return table(neuron.w for neuron in layer.neurons)

    def normed(x):
        return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-5)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    before, after = numbers[:-1], numbers[1:]
    x = table(gpt.letters)[before] + table(gpt.places)[: len(before)]
    y, seen = normed(x), []
    for head in gpt.heads:
        query, key, value = (y @ weights(part).T for part in (head.query, head.key, head.value))
        likeness = query @ key.T / query.shape[1] ** 0.5
        later = np.triu(np.ones_like(likeness, dtype=bool), 1)
        seen.append(softmax(np.where(later, -np.inf, likeness)) @ value)
    x = x + np.hstack(seen) @ weights(gpt.joined).T
    x = x + np.maximum(normed(x) @ weights(gpt.wide).T, 0) @ weights(gpt.narrow).T
    chances = softmax(normed(x) @ weights(gpt.scores).T)
    return -np.log(chances[np.arange(len(after)), after])


def test_scalars_and_their_program_give_what_matrices_by_hand_give(train):
    gpt = train.GPT(width=6, heads=2)
    words = [train.numbered(name) for name in ("ada", "rosalie", "al")]
    by_hand = [in_matrices(gpt, word) for word in words]
    for word, expected in zip(words, by_hand, strict=True):
        found = [v.data for v in train.surprises(gpt, word)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    padded = mg.pad(words)
    example = (part[0] for part in padded)
    program = mg.compile(lambda numbers, mask: train.loss(gpt, numbers, mask), *example, params=gpt)
    means = [expected.mean() for expected in by_hand]
    np.testing.assert_allclose(program(*padded), means, rtol=1e-12)


def test_names_are_of_letters_that_the_model_knows(train):
    names = train.names(train.NAMES)
    assert 1000 < len(names) == len({*names})
    assert {letter for name in names for letter in name} <= {*train.LETTERS[1:]}
    assert max(map(len, names)) == train.LONGEST


def test_it_learns_and_invents_names(example):
    ran = example("gpt/train.py")
    at_first, at_last, unseen = map(float, re.findall(r"\d\.\d\d(?= )", ran.printed))
    assert at_last < 2.2 < unseen + 0.2 < at_first
    names = ran.result
    assert len({*names}) > 15
    assert all(name.isalpha() and len(name) <= ran.module.LONGEST for name in names)


def definitions(source):
    """Functions and classes by their names, as they are written."""
    return {
        part.name: ast.get_source_segment(source, part)
        for part in ast.parse(source).body
        if isinstance(part, ast.FunctionDef | ast.ClassDef)
    }


def test_the_guide_shows_the_program_word_for_word():
    program = definitions((EXAMPLES / "gpt/train.py").read_text(encoding="utf-8"))
    del program["main"]
    guide = json.loads(next(EXAMPLES.glob("guide/12*.ipynb")).read_text(encoding="utf-8"))
    code = "\n".join("".join(c["source"]) for c in guide["cells"] if c["cell_type"] == "code")
    assert program.items() <= definitions(code).items()
