"""Data sets: their shapes without noise, their noise, their seeds, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_circles, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from micrograd_plus import datasets
from tests.trainings import Table

CLASSIFIED = {
    "moons": 2,
    "circles": 2,
    "spirals": 3,
    "blobs": 3,
    "xor": 2,
}
MADE = [*CLASSIFIED, "parabolas"]


def arrays(data):
    return tuple(np.array(part) for part in data)


def by_class(data):
    """The points of each class, in order."""
    inputs, targets = arrays(data)
    return [inputs[targets == k] for k in sorted({*targets.tolist()})]


# ---------------------------------------------------------------- sizes and classes


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("points", [1, 2, 7, 60])
def test_sizes(name, points):
    inputs, targets = getattr(datasets, name)(points, noise=0.1, seed=3)
    width = 1 if name == "parabolas" else 2
    assert len(inputs) == len(targets) == points
    assert all(len(row) == width for row in inputs)
    assert all(type(x) is float for row in inputs for x in row)


@pytest.mark.parametrize(
    ("name", "size"),
    [("moons", 200), ("circles", 200), ("spirals", 300), ("blobs", 300), ("parabolas", 100)],
)
def test_default_sizes(name, size):
    assert len(getattr(datasets, name)()[0]) == size


@given(st.sampled_from(sorted(CLASSIFIED)), st.integers(1, 80))
def test_classes_are_balanced(name, points):
    _, targets = getattr(datasets, name)(points)
    counts = np.bincount(targets, minlength=CLASSIFIED[name])
    assert len(counts) == CLASSIFIED[name]
    # xor goes around four corners, 0 1 1 0
    assert counts.max() - counts.min() <= 1
    assert all(type(target) is int for target in targets)


@pytest.mark.parametrize("make", [datasets.spirals, datasets.blobs])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_numbers_of_classes(make, classes):
    _, targets = make(10 * classes, classes=classes)
    assert np.bincount(targets).tolist() == [10] * classes


@pytest.mark.parametrize("name", ["moons", "circles", "xor"])
def test_names_of_classes(name):
    make = getattr(datasets, name)
    plain, signs = make(9), make(9, labels=(-1, 1))
    assert signs[0] == plain[0]
    assert signs[1] == [2 * target - 1 for target in plain[1]]
    assert {*make(9, labels=("out", "in"))[1]} == {"out", "in"}


# ---------------------------------------------------------------------------- geometry


@pytest.mark.parametrize("points", [2, 4, 10, 100])
def test_moons_are_those_of_scikit_learn(points):
    theirs = make_moons(points, noise=None, shuffle=False)
    for ours, moon in zip(by_class(datasets.moons(points, noise=0)), by_class(theirs), strict=True):
        assert ours == pytest.approx(moon, abs=1e-15)


@pytest.mark.parametrize("points", [2, 4, 10, 100])
def test_circles_are_those_of_scikit_learn(points):
    theirs = make_circles(points, noise=None, shuffle=False, factor=0.5)
    for ours, ring in zip(
        by_class(datasets.circles(points, noise=0)), by_class(theirs), strict=True
    ):
        assert ours == pytest.approx(ring, abs=1e-15)


def test_spirals_are_turned_copies_of_one_arm():
    arms = by_class(datasets.spirals(120, classes=3, noise=0))
    turn = 2 * math.pi / 3
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    for arm, after in zip(arms, [*arms[1:], arms[0]], strict=True):
        assert after == pytest.approx(arm @ rotation, abs=1e-12)
        radius = np.hypot(*arm.T)
        assert radius == pytest.approx(np.linspace(0, 1, 40), abs=1e-12)
        angle = np.unwrap(np.arctan2(*arm[1:, ::-1].T))
        assert np.diff(angle) == pytest.approx(4 / 39, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_blobs_are_around_a_circle(classes):
    centres = [cloud.mean(axis=0) for cloud in by_class(datasets.blobs(400, classes, noise=0))]
    assert np.hypot(*np.array(centres).T) == pytest.approx(1.0)
    gaps = [math.dist(a, b) for a, b in zip(centres, [*centres[1:], centres[0]], strict=True)]
    assert gaps == pytest.approx([2 * math.sin(math.pi / classes)] * classes)
    assert all(cloud.std() > 0 for cloud in by_class(datasets.blobs(20, classes)))
    for cloud in by_class(datasets.blobs(8, 4, noise=0)):
        assert np.ptp(cloud, axis=0).tolist() == [0, 0]


def test_xor():
    inputs, targets = arrays(datasets.xor(8))
    assert {tuple(row) for row in inputs.tolist()} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert targets.tolist() == np.logical_xor(*inputs.T).tolist()
    _, noisy = datasets.xor(8, noise=0.4, seed=1)
    assert noisy == targets.tolist()  # by the corner, wherever the noise has moved the point


def test_parabolas():
    inputs, targets = arrays(datasets.parabolas(41, noise=0))
    assert inputs[:, 0] == pytest.approx(np.linspace(-1, 1, 41))
    assert targets == pytest.approx(np.column_stack([inputs**2, 1 - inputs**2]))


def test_uneven_moons():
    for moon, theirs in zip(
        by_class(datasets.moons(7, noise=0)),
        by_class(make_moons((4, 3), shuffle=False)),
        strict=True,
    ):
        assert moon == pytest.approx(theirs, abs=1e-15)


def test_uneven_circles():
    for ring in by_class(datasets.circles(7, noise=0)):
        assert len({(round(x, 9), round(y, 9)) for x, y in ring}) == len(ring)


def test_uneven_spirals():
    inputs, _ = arrays(datasets.spirals(7, noise=0))
    assert np.hypot(*inputs.T).max() == pytest.approx(1.0)


# ------------------------------------------------------------------- noise and seeds


@pytest.mark.parametrize("name", MADE)
def test_noise_has_the_size_it_claims(name):
    def numbers(noise):
        return np.concatenate(
            [
                np.array(part, dtype=float).reshape(4000, -1)
                for part in getattr(datasets, name)(4000, noise=noise, seed=5)
            ],
            axis=1,
        )

    clean, noisy = numbers(0), numbers(0.2)
    moved = [1, 2] if name == "parabolas" else [0, 1]  # targets there, inputs elsewhere
    noise = noisy - clean
    still = [i for i in range(noise.shape[1]) if i not in moved]
    assert not noise[:, still].any()
    # five standard errors of 4,000 draws
    assert noise[:, moved].std(axis=0) == pytest.approx([0.2] * 2, rel=5 / math.sqrt(2 * 4000))
    assert abs(noise[:, moved].mean(axis=0)).max() < 5 * 0.2 / math.sqrt(4000)
    assert abs(np.corrcoef(noise[:, moved].T)[0, 1]) < 5 / math.sqrt(4000)


@pytest.mark.parametrize("name", MADE)
def test_seeds_repeat(name):
    make = getattr(datasets, name)
    first, again, other = (make(20, noise=0.1, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert make(20, noise=0, seed=1) == make(20, noise=0, seed=2)


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "blobs"])
def test_nearest_neighbours_can_tell_the_classes_but_a_line_not_always(name):
    train, held_out = datasets.split(getattr(datasets, name)(), 0.25)
    assert KNeighborsClassifier(5).fit(*train).score(*held_out) >= 0.95
    line = LogisticRegression().fit(*train).score(*held_out)
    assert (line > 0.95) is (name == "blobs")


# ------------------------------------------------------------------------------ digits


def test_digits_are_those_of_scikit_learn():
    theirs = load_digits()
    inputs, targets = datasets.digits()
    assert np.array_equal(np.array(inputs) * 16, theirs.data)
    assert targets == theirs.target.tolist()
    assert (min(map(min, inputs)), max(map(max, inputs))) == (0.0, 1.0)
    assert {type(x) for x in inputs[0]} == {float}
    assert {type(target) for target in targets} == {int}


def test_larger_digits_repeat_each_pixel():
    theirs = load_digits()
    inputs, targets = datasets.digits(32)
    assert targets == theirs.target.tolist()
    images = np.array(inputs).reshape(1797, 32, 32)
    assert np.array_equal(images * 16, np.kron(theirs.images, np.ones((4, 4))))


@pytest.mark.parametrize("size", [0, -8, 7, 12, 8.0, "8", None])
def test_sizes_of_digits(size):
    with pytest.raises(ValueError, match=f"a multiple of 8, not {size!r}"):
        datasets.digits(size)


# ------------------------------------------------------------------------------- split


@given(st.integers(2, 60), st.floats(0.02, 0.98), st.integers(0, 1000))
def test_split_loses_and_repeats_nothing(n, fraction, seed):
    held = round(n * fraction)
    data = [[float(i)] for i in range(n)], [f"target {i}" for i in range(n)]
    if not 0 < held < n:
        with pytest.raises(ValueError, match="leaves a part empty"):
            datasets.split(data, fraction, seed)
        return
    parts = datasets.split(data, fraction, seed)
    train, held_out = parts
    assert (len(train[0]), len(held_out[0])) == (n - held, held)
    assert sorted(train[0] + held_out[0]) == data[0]  # all, each once
    for inputs, targets in parts:
        assert targets == [f"target {int(row[0])}" for row in inputs]  # pairs stay together
    assert datasets.split(data, fraction, seed) == parts
    assert data[0] == [[float(i)] for i in range(n)]


def test_split_takes_the_rows_of_a_table():
    inputs, targets = [[1.0, 2.0], [3.0, 4.0]], [0, 1]
    expected = datasets.split((inputs, targets), 0.5)
    for found, lists in zip(datasets.split((Table(inputs), targets), 0.5), expected, strict=True):
        assert ([list(row) for row in found[0]], found[1]) == lists
    with pytest.raises(TypeError, match="a set has no rows in order"):
        datasets.split(({1.0, 2.0}, [0, 1]), 0.5)


def test_split_is_drawn_at_random():
    data = datasets.moons(40)
    assert datasets.split(data, 0.5, seed=1) != datasets.split(data, 0.5, seed=2)
    times = [0] * 10
    for seed in range(2000):
        for row in datasets.split(([[i] for i in range(10)], [0] * 10), 0.3, seed)[1][0]:
            times[row[0]] += 1
    assert min(times) > 600 - 5 * math.sqrt(2000 * 0.3 * 0.7)
    assert max(times) < 600 + 5 * math.sqrt(2000 * 0.3 * 0.7)


def test_split_takes_a_pair():
    inputs, targets = datasets.moons(10)
    with pytest.raises(TypeError, match="and a fraction, which is not a list"):
        datasets.split(inputs, targets)


def test_split_takes_arrays():
    inputs, targets = make_moons(10, random_state=0)
    train, held_out = datasets.split((inputs, targets), 0.2)
    assert np.array_equal(np.sort(np.vstack(train[0] + held_out[0]), 0), np.sort(inputs, 0))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, 0.01, math.nan, math.inf])
def test_split_leaves_no_part_empty(fraction):
    with pytest.raises(ValueError, match=f"a fraction {fraction} of 10 examples leaves a part"):
        datasets.split(datasets.moons(10), fraction)


def test_split_needs_pairs():
    with pytest.raises(ValueError, match="2 inputs need as many targets, not 1"):
        datasets.split(([[1.0], [2.0]], [0]))


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("name", MADE)
def test_what_data_sets_refuse(name):
    make = getattr(datasets, name)
    for points in (0, -1, 2.0, "3", None):
        with pytest.raises(ValueError, match=f"of points must be .* whole number, not {points!r}"):
            make(points)
    for noise in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"finite number of at least 0, not {noise!r}"):
            make(4, noise=noise)


@pytest.mark.parametrize("make", [datasets.spirals, datasets.blobs])
@pytest.mark.parametrize("classes", [0, -1, 2.0, None])
def test_classes_are_a_positive_whole_number(make, classes):
    with pytest.raises(ValueError, match=f"of classes must be .* whole number, not {classes!r}"):
        make(10, classes=classes)
