"""Programs that are kept by the shapes of their arguments, and documents of different lengths."""

import pickle
from collections import namedtuple
from copy import copy, deepcopy
from functools import partial

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn, optim
from micrograd_plus.compiler import TraceError
from tests.compiled import eager

A, B = Value(0.5, "a"), Value(-2.0, "b")


def polynomial(x):
    """B + a Σxᵢ², of any number of xᵢ."""
    return A * mg.dot(x, x) + B


def test_a_program_is_kept_for_each_shape():

    def fn(x, t):
        return (polynomial(x) - t) ** 2

    programs = mg.compile(fn, params=[A, B])
    assert repr(programs) == "<Programs for no shape yet, 2 parameters>"
    draw = np.random.default_rng(1)
    for length in (2, 3, 2, 1, 3):
        x, t = draw.normal(size=(4, length)), draw.normal(size=4)
        value, gradient = eager(fn, (x.tolist(), t.tolist()), [A, B])
        found = programs.value_and_grad(x, t)
        assert found[0] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-12)
        expected = [fn(row, its).data for row, its in zip(x.tolist(), t.tolist(), strict=True)]
        np.testing.assert_allclose(programs(x, t), expected, rtol=1e-12)
    shapes = "(float[2], float) and (float[3], float) and (float[1], float)"
    assert repr(programs) == f"<Programs for {shapes}, 2 parameters>"
    assert programs.program_for(x, t) is programs.program_for(x + 1, t)
    assert "N = x.shape[1]" in str(programs.program_for(x, t))


Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    ("batch", "kind", "told"),
    [
        (([[1, 2], [3, 4]],), list, "(int[2])"),
        ((np.array([[1.0, 2.0]]),), np.ndarray, "(float[2])"),
        (([[1, 2.0]],), list, "(float[2])"),
        ((np.array([True]),), Value, "(float)"),
        ((np.array([[True, False]]),), np.ndarray, "(float[2])"),
        (([3],), Value, "(int)"),
        (([[[1.0], [2.0]]],), list, "(float[2, 1])"),
        (({"u": [1, 2], "x": np.ones((2, 3))},), dict, "({'u': int, 'x': float[3]})"),
        ((([1, 2], [0.5, 1.5]),), tuple, "((int, float))"),
        ((Pair([1.0], [[2]]),), Pair, "((float, int[1]))"),
    ],
)
def test_what_the_function_gets_is_what_an_example_would_be(batch, kind, told):
    def fn(x):
        assert isinstance(x, kind)
        return A * 1.0

    programs = mg.compile(fn)
    programs(*batch)
    assert repr(programs).startswith(f"<Programs for {told}, ")


def test_ints_are_indices_in_the_program_of_ints_only():
    rows = [Value(1.0), Value(2.0)]
    programs = mg.compile(lambda u: 2.0 * u + mg.take(rows, u), params=rows)
    assert programs([0, 1]).tolist() == [1.0, 4.0]
    with pytest.raises(IndexError, match="argument 0 is an index of 2 rows, 0 to 1"):
        programs([0, 2])
    assert programs([0.0, 1.0]).tolist() == [1.0, 4.0]
    assert repr(programs) == "<Programs for (int) and (float), 2 parameters>"


def test_all_programs_compute_with_one_vector():
    a, b, other = Value(1.0), Value(2.0), Value(10.0)

    def fn(x):
        return a * mg.sum(x) + b + (other if len(x) > 1 else 0.0)

    programs = mg.compile(fn, params=[a, b])
    one, two = [[1.0]], [[1.0, 2.0]]
    assert (programs(one), programs(two)) == (3.0, 15.0)
    programs.vector[0] = 2.0  # in place
    assert (programs(two), programs(one)) == (18.0, 4.0)
    a.data = 3.0  # the last change counts, also for a program that hasn't seen the first
    assert (programs(one), programs(two)) == (5.0, 21.0)
    programs.vector = [4.0, 0.0]
    other.data = 20.0
    assert (programs(two), programs(one)) == (32.0, 4.0)
    assert (a.data, b.data) == (3.0, 2.0)
    programs.write_parameters()
    assert (a.data, b.data) == (4.0, 0.0)
    programs.value_and_grad(two)
    programs.value_and_grad(one)
    programs.write_grads()
    assert (a.grad, b.grad) == (1.0, 1.0)
    with pytest.raises(ValueError, match="the vector must be 2 finite numbers"):
        programs.vector = [1.0]
    for program in (mg.compile(fn), mg.compile(lambda x: a * x, 1.0, params=[a])):
        with pytest.raises(ValueError, match="no gradient yet: call value_and_grad first"):
            program.write_grads()


def test_options_reach_each_program():
    options = {"dtype": "float32", "input_gradients": True, "has_aux": True, "backend": "jax"}
    pytest.importorskip("jax")
    programs = mg.compile(lambda x: (A * x[0], x), params=[A], **options)
    for x in ([[1.5, 2.0]], [[3.0]]):
        value, gradient, (slopes,), others = programs.value_and_grad(x, weights=[2.0], chunk=1)
        assert value == x[0][0]
        assert gradient.dtype == slopes.dtype == np.float32
        assert slopes.tolist() == [[1.0, 0.0][: len(x[0])]]
        assert np.ravel(others).tolist() == x[0]


def test_a_function_without_arguments_is_compiled_at_once():
    w = Value(3.0)
    for fn in (lambda: w * w, lambda x=2.0: w * w, lambda *, x=2.0: w * w):
        program = mg.compile(fn, params=[w])
        assert isinstance(program, mg.Program)
        assert program.value_and_grad()[0] == 9.0
    for fn in (lambda *xs: w * xs[0], nn.MLP(2, [1], seed=1), partial(mg.take, [1.0]), max):
        assert isinstance(mg.compile(fn, params=[w]), mg.Programs)


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        (([[1, 2], [3]],), "argument 0 must .*: its rows differ in length, and .*pad would make"),
        (([1.0], 0.5), "argument 1 must be numbers for each example, not 0.5"),
        (([1.0], []), "argument 1 must .*: there is no example"),
        (({"a": ["b"]},), r"argument 0\['a'\] must .*'b', no real number"),
        (([1.0], [1.0, 2.0]), "argument 1 has 2 examples, not 1"),
    ],
)
def test_what_is_no_batch_is_refused(batch, told):
    with pytest.raises(ValueError, match=told):
        mg.compile(lambda *xs: A * 1.0)(*batch)


def test_what_can_not_be_compiled_is_refused_when_it_is_called():
    programs = mg.compile(lambda x: A if x > 0 else B)
    with pytest.raises(TraceError, match="step, maximum"):
        programs([1.0])
    with pytest.raises(TypeError, match="a function is needed"):
        mg.compile(3)
    with pytest.raises(ValueError, match="no backend 'fast'"):
        mg.compile(polynomial, backend="fast")


class Line(nn.Module):
    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return self.w * mg.sum(x)


@pytest.mark.parametrize("copied", [deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_has_its_own_parameters(copied):
    model = Line()
    programs = mg.compile(model, params=model)
    unused = copied(programs)
    programs([[1.0]])
    programs.vector = [3.0]
    other = copied(programs)
    assert repr(other) == repr(programs)
    assert other([[1.0, 2.0]]) == programs([[1.0, 2.0]]) == 9.0
    other.vector[:] = 5.0
    unused.vector[:] = 7.0
    for its, expected in ((programs, 3.0), (other, 5.0), (unused, 7.0)):
        assert its([[1.0]]) == expected
    other.write_parameters()
    assert model.w.data == 2.0
    assert other.parameters[0].data == 5.0
    for copying in (copied, copy):
        with pytest.raises(TypeError, match="plain one, as polynomial is"):
            copying(mg.compile(polynomial, params=[A, B]))


def test_a_model_of_sequences_learns_through_its_programs():
    model = Line()
    model.w.data = 0.0
    programs = mg.compile(lambda x, t: (model(x) - t) ** 2, params=model)
    descent = optim.Optimizer(model.parameters(), optim.GradientDescent(0.05))
    for x in 20 * [[[1.0, 2.0]], [[0.5], [1.0]]]:
        programs.value_and_grad(x, [3 * sum(row) for row in x])
        programs.write_grads()
        descent.step()
        descent.zero_grad()
    assert model.w.data == pytest.approx(3.0, abs=1e-9)


# -------------------------------------------------------------------------------- documents


def test_documents_are_padded():
    array, mask = mg.pad([[3, 1, 2], [], (5,)])
    assert array.dtype.kind == "i"
    assert array.tolist() == [[3, 1, 2], [0, 0, 0], [5, 0, 0]]
    assert mask.tolist() == [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    array, mask = mg.pad(iter([[0.5], np.array([1, 2])]), value=9, length=3)
    assert array.tolist() == [[0.5, 9.0, 9.0], [1.0, 2.0, 9.0]]
    assert mask.sum(axis=1).tolist() == [1.0, 2.0]
    array, mask = mg.pad([[[1, 2]], [[3, 4], [5, 6]]])  # documents of vectors
    assert array.tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]]]
    assert mask.tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert [part.shape for part in mg.pad([])] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ([[1], 2], "document 1 must be a sequence of numbers, not 2"),
        ([["a"]], "document 0 must be a sequence of numbers, not .*'a', no real number"),
        ([[1, [2]]], "document 0 must be a sequence of numbers"),
        ([[1], [[2]]], r"one shape, not \[\(\), \(1,\)\]"),
        ([[1], [1, 2, 3]], "document 1 has 3 items, more than the length 2"),
    ],
)
def test_what_can_not_be_padded_is_named(documents, told):
    with pytest.raises(ValueError, match=told):
        mg.pad(documents, length=2)


def test_padded_documents_and_their_mask_give_the_loss_of_each_document():
    rows = [Value(0.5), Value(-1.0), Value(2.0)]

    def loss(tokens, mask):
        return mg.dot(mask, [mg.take(rows, token) ** 2 for token in tokens]) / mg.sum(mask)

    documents = [[0, 1, 2], [2], [1, 1]]
    programs = mg.compile(loss, params=rows)
    expected = [np.mean([rows[u].data ** 2 for u in document]) for document in documents]
    np.testing.assert_allclose(programs(*mg.pad(documents)), expected, rtol=1e-15)


def test_ragged_examples_are_told_of_pad():
    program = mg.compile(lambda x: x[0] * A, [1.0])
    with pytest.raises(ValueError, match=r"argument 0 .*differ in length, and micrograd_plus\.pad"):
        program([[1.0], [1.0, 2.0]])
