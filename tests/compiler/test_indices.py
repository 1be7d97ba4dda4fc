"""Indices among the arguments of compiled functions: what is taken, and its derivatives."""

import pickle
from functools import partial

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn
from tests.compiled import eager
from tests.needs import needed_by, on

SHORT, LONG = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0), Value(5.0)]

backends = pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])


def run(fn, batch, params, backend):
    """The outputs of a program and its mean gradient, by a backend that may take one point only."""
    program = mg.compile(fn, *(part[0] for part in batch), params=params, **on(backend))
    if backend == "point":
        found = [program.value_and_grad(*example) for example in zip(*batch, strict=True)]
        values, slopes = zip(*found, strict=True)
        return list(values), np.mean([slope[-len(params) :] for slope in slopes], axis=0)
    return program(*batch).tolist(), program.value_and_grad(*batch)[1]


@backends
def test_a_token_takes_its_vector_and_a_class_its_score(backend):
    needed_by(backend)
    table = np.random.default_rng(1).normal(size=(5, 3))
    vectors = [[Value(x) for x in row] for row in table]
    tokens, classes = [0, 3, 4, 3], [2, 0, 0, 1]

    def loss(token, its_class):
        return -mg.take(mg.log_softmax(mg.take(vectors, token)), its_class)

    params = [x for row in vectors for x in row]
    values, gradient = run(loss, (tokens, classes), params, backend)
    # by hand: the gradient of −log softmax is softmax − one-hot, in the rows of the tokens
    shares = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
    expected = np.zeros_like(table)
    for token, its_class in zip(tokens, classes, strict=True):
        expected[token] += (shares[token] - np.eye(3)[its_class]) / 4
    np.testing.assert_allclose(values, -np.log(shares[tokens, classes]), rtol=1e-13)
    np.testing.assert_allclose(gradient, expected.ravel(), rtol=1e-12, atol=1e-15)


@backends
def test_many_rows(backend):
    needed_by(backend)
    rows = [Value(k**2) for k in range(100)]
    tokens = [0, 1, 49, 50, 51, 99]
    values, gradient = run(lambda u: mg.take(rows, u), (tokens,), rows, backend)
    assert values == [k**2 for k in tokens]
    assert gradient.tolist() == [(k in tokens) / len(tokens) for k in range(100)]


@backends
@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.softmax_cross_entropy])
def test_losses_take_a_class_that_is_an_argument(loss, backend):
    needed_by(backend)
    weights = [Value(x) for x in (0.5, 2.0, 1.0)]
    batch = ([2.0, 1.0, 0.5, 1.0], [0, 2, 1, 2])

    def fn(x, its_class):
        return loss([w * x for w in weights], its_class)

    values, gradient = run(fn, batch, weights, backend)
    assert values == pytest.approx([fn(x, k).data for x, k in zip(*batch, strict=True)])
    assert gradient == pytest.approx(eager(fn, batch, weights)[1])
    assert fn(1.0, Value(2)).data == fn(1.0, 2).data


@backends
def test_rows_of_rows_of_numbers_and_an_index_that_is_computed(backend):
    needed_by(backend)
    rows = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]], [[9.0, 0.0], [-1.0, -2.0]]]
    w = Value(0.5)

    def fn(u):
        ((a, b), (c, d)) = mg.take(rows, 2 - 2 * u)
        return w * (a + 10 * b + 100 * c + 1000 * d)

    values, gradient = run(fn, ([1, 0],), [w], backend)
    assert values == [0.5 * 4321, 0.5 * (9 + 0 - 100 - 2000)]
    assert gradient == pytest.approx([(4321 - 2091) / 2])


@backends
def test_what_is_detached_is_live(backend):
    needed_by(backend)
    w = Value(0.0)
    values, gradient = run(lambda x: mg.detach(x * w) + 3 * w, ([2.0, 4.0],), [w], backend)
    assert gradient == pytest.approx([3.0])
    assert values == [0.0, 0.0]
    program = mg.compile(lambda x: mg.detach(x + w), 0.0, params=[w], **on(backend))
    w.data = 1.0
    assert program(np.float64(2.0) if backend == "point" else [2.0]) == pytest.approx(3.0)


@backends
def test_an_index_without_a_row_is_an_error(backend):
    needed_by(backend)
    w = [Value(1.0), Value(2.0)]
    program = mg.compile(lambda u: mg.take(w, u + 1), -1, params=w, **on(backend))
    told = "take finds no row 2: there are only rows 0 to 1"
    with pytest.raises(IndexError, match=told if backend == "point" else f"example 2: {told}"):
        program(1 if backend == "point" else [0, -1, 1])
    with pytest.raises(IndexError, match="at least one row"):
        mg.compile(lambda u: mg.take([], u), 0, **on(backend))
    with pytest.raises(ValueError, match="row 1 has 1 items, row 0 2"):
        mg.compile(lambda u: mg.take([w, w[:1]], u)[0], 0, **on(backend))


@backends
@pytest.mark.parametrize("bad", [2.0, -1.0])
def test_an_index_that_no_call_checks_is_named_too(bad, backend):
    needed_by(backend)
    which = Value(1.0)
    program = mg.compile(lambda x: mg.take(SHORT, x) + mg.take(LONG, which), 0.0, **on(backend))
    one = program if backend == "point" else lambda x: program([x])
    assert one(1.0) == 6.0
    with pytest.raises(IndexError, match=f"take finds no row {bad:.0f}"):
        one(bad)
    which.data = 3.0
    with pytest.raises(IndexError, match="take finds no row 3: there are only rows 0 to 2"):
        one(1.0)


@pytest.mark.parametrize(
    ("example", "batch", "error", "told"),
    [
        (0, [0, 1, 2], IndexError, "0 is an index of 2 rows, 0 to 1: in example 2 there is 2"),
        (0, [-1], IndexError, "0 is an index of 2 rows, 0 to 1: in example 0 there is -1"),
        (0, [0, 0.5], ValueError, "0 takes whole numbers.* example 1 there is 0.5; .* as 0.0"),
        (np.int32(0), [0.5], ValueError, "0 takes whole numbers"),
        ([0, 0], [[1, 2], [1, 3]], IndexError, "of 3 rows, 0 to 2: in example 1 there is 3"),
        (np.array([0, 0]), [[1, 1], [2, 1]], IndexError, "0 to 1: in example 1 there is 2"),
        ({"u": 0, "v": 0}, {"u": [0], "v": [7]}, IndexError, r"0\['v'\] is an index of 3 rows"),
        ((0, 0), [[1, 2], [0, 3]], IndexError, "0 is an index of 3 rows"),
    ],
)
@backends
def test_indices_are_checked_at_each_call(example, batch, error, told, backend):
    needed_by(backend)

    def fn(u):
        if isinstance(u, Value):
            return mg.take(SHORT, u)
        first, second = u.values() if isinstance(u, dict) else u
        return mg.take(SHORT, first) * mg.take(LONG, second)

    program = mg.compile(fn, example, **on(backend))
    if backend == "point":
        batch = {k: x[-1] for k, x in batch.items()} if isinstance(batch, dict) else batch[-1]
        told = told.partition(": in" if ": in" in told else ".*")[0]
    with pytest.raises(error, match=f"argument .*{told}"):
        program(batch)


@pytest.mark.parametrize("lists", [(SHORT, LONG), (LONG, SHORT)])
def test_an_index_of_several_lists_is_one_of_the_shortest(lists):
    program = mg.compile(lambda u: mg.sum([mg.take(rows, u) for rows in lists]), 0)
    assert program([0, 1]).tolist() == [4.0, 6.0]
    with pytest.raises(IndexError, match="argument 0 is an index of 2 rows"):
        program([2])


def test_indices_among_floats_are_checked_by_the_core_too():
    needed_by("native")

    def fn(u):
        return u[0] + 5 * u[1]

    program = mg.compile(fn, [0, 0], backend="native", batched=False)
    assert program([2.0, 1.0]) == program(np.array([2.0, 1.0])) == 7.0
    for odd in ([0.25, 0.0], np.array([0.25, 0.0])):
        with pytest.raises(ValueError, match="argument 0 takes whole numbers"):
            program(odd)


def test_real_numbers_and_truths_are_no_indices():
    half = [0.5]
    for example in (0.0, True, np.bool_(True), np.float32(0)):
        assert mg.compile(lambda x: 2.0 * x, example)(half) == [1.0]
    assert mg.compile(lambda x: x[0] + x[1], [0, 1.5])([[0.25, 0.5]]) == [0.75]  # one array
    program = mg.compile(lambda t, x: t * x, 0, 0)
    assert program([-3], [2]) == [-6.0]  # whole, but of no rows
    with pytest.raises(ValueError, match="argument 1 takes whole numbers"):
        program([1], half)


def looked_up(rows, u):
    return mg.take(rows, u)


def test_a_copy_of_a_program_checks_indices_too():
    program = pickle.loads(pickle.dumps(mg.compile(partial(looked_up, SHORT), 0)))
    assert program([1, 0]).tolist() == [2.0, 1.0]
    with pytest.raises(IndexError, match="of 2 rows"):
        program([2])


@pytest.mark.parametrize(
    ("fn", "told"),
    [
        (lambda x: [1.0, 2.0][x[0]], "take\\(rows, x\\)"),
        (lambda x: [1.0, 2.0][int(x[0])], "take\\(rows, x\\) instead of rows\\[int\\(x\\)\\]"),
        (lambda x: x[0] - max(v.data for v in x), "max or softmax instead of max.*, and detach"),
        (lambda x: x[0] * x[1].data, "detach\\(x\\) instead of x.data"),
    ],
)
def test_what_reads_a_number_is_told_what_to_write(fn, told):
    with pytest.raises(TypeError, match=told):
        mg.compile(fn, [0, 1])


@backends
def test_bounds_that_are_values_are_clipped_to(backend):
    needed_by(backend)
    low, high = Value(-1.0), Value(0.5)
    batch = ([-2.0, 0.25, 3.0, 1.0], [1.0, 1.0, 1.0, 4.0])

    def fn(x, t):
        return 3.0 * mg.clip(x, low * t, high * t)

    values, gradient = run(fn, batch, [low, high], backend)
    assert values == [-3.0, 0.75, 1.5, 3.0]
    assert gradient == pytest.approx([3 / 4, 3 / 4])
