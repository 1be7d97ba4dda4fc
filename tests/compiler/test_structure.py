"""What the compiler finds in loops: rows as strides, products, windows, and names."""

import builtins
import linecache
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, compile
from micrograd_plus.compiler.codegen.strides import Rows, common, refined, regular
from tests.compiled import X, assert_equal
from tests.needs import needed_by

compile_text = builtins.compile
AXES = st.lists(st.tuples(st.integers(1, 4), st.integers(-9, 9)), max_size=4).map(tuple)


@given(st.integers(0, 50), AXES)
def test_regular_rows_are_found_and_listed_again(base, axes):
    rows = Rows(base, axes).listed()
    found = regular(rows)
    assert found is None or found.listed().tolist() == rows.tolist()
    if len(axes) <= 1:
        assert found is not None
    assert Rows(base, axes).joined().listed().tolist() == rows.tolist()


@given(AXES, AXES)
def test_two_lists_of_rows_have_common_axes(one, other):
    n, m = Rows(0, one).count, Rows(0, other).count
    both = (*one, (m, 0)), (*((n, 0),), *other)
    cuts = common(n * m, both)
    if cuts is None:
        return
    for axes in both:
        finer = refined(axes, cuts)
        assert Rows(0, finer).listed().tolist() == Rows(0, axes).listed().tolist()
        assert len(finer) == len(cuts) - 1


def weights(*shape):
    draw = np.random.default_rng(len(shape))
    return np.vectorize(Value, otypes=[object])(draw.normal(size=shape)).tolist()


def test_a_layer_at_each_position_is_one_product():
    w = weights(3, 2)

    def fn(x):
        rows = [x[0:2], x[1:3]]
        hidden = [[mg.tanh(sum(a * b for a, b in zip(row, v, strict=True))) for row in w]
                  for v in rows]  # fmt: skip
        return mg.sum([mg.sum(row) for row in hidden])

    program = assert_equal(fn, (X,), [x for row in w for x in row])
    assert len(program.groups) == 3
    assert "windows(x, 0, (2, 2), (1, 1))" in str(program)


def test_attention_is_two_stacked_products():
    def fn(q, k, v):
        out = []
        for a in q:
            share = mg.softmax([mg.dot(a, b) for b in k])
            out += [mg.dot(share, column) for column in zip(*v, strict=True)]
        return mg.sum([x * x for x in out])

    draw = np.random.default_rng(0)
    batch = tuple(draw.normal(size=(2, 3, 4)) for _ in range(3))
    program = compile(fn, *(part[0] for part in batch))
    assert len(re.findall(r"einsum\('\w{3},\w{3}->\w{3}'", str(program))) == 2
    a = np.einsum("nid,njd->nij", batch[0], batch[1])
    a = np.exp(a) / np.exp(a).sum(axis=2, keepdims=True)
    expected = (np.einsum("nij,njd->nid", a, batch[2]) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(program(*batch), expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [9, 40])
def test_time_steps_are_a_loop_that_keeps_only_what_the_gradient_needs(steps):
    w, b = weights(3, 3), weights(3)

    def fn(x):
        h = list(x)
        for _ in range(steps):
            h = [mg.tanh(mg.dot(row, h) + c) for row, c in zip(w, b, strict=True)]
        return mg.sum(h)

    program = assert_equal(fn, (X,), [*(x for row in w for x in row), *b])
    text = str(program)
    assert text.count("for n in range") == 2
    assert text.count("\n") < 40
    assert text.count("np.empty(") == 2  # for h, and the derivatives of the sums


def test_arrays_are_called_as_the_variables_are():
    w = weights(6, 2)

    def layer(rows, x):
        return [mg.dot(row, x) for row in rows]

    def fn(x):
        query = layer(w[:3], x)
        key = layer(w[3:], x)
        score = mg.dot(query, key)
        d = mg.exp(score) + 1.0
        lambdas = [mg.log(d)]
        lambdas.append(mg.tanh(d))
        s = mg.sum(lambdas)  # a name that has a meaning in programs
        return s * s

    program = compile(fn, [0.1, 0.2], params=[x for row in w for x in row])
    text = str(program)
    for name in ("query", "key", "score", "d"):
        assert f"\n    {name} = " in text
    assert "W_query = p[0:6].reshape(3, 2)" in text
    assert "# (3, N): query = layer(w[:3], x)" in text
    assert text.count("\n    s = ") == 1  # the weight of each example
    assert "\n    s2 = " in text


def test_code_without_a_file_is_compiled_too():
    scope = {"mg": mg}
    exec("def f(x):\n    y = mg.exp(x)\n    return y * y", scope)
    program = compile(scope["f"], 1.0)
    assert program([0.0, 1.0]) == pytest.approx([1.0, np.e**2])


@pytest.mark.parametrize("order", [[0, 2, 1, 3], [0, 0, 1, 1], [2, 2], [3, 1, 2, 0]])
def test_results_in_any_order(order):
    w = weights(4)
    program = compile(lambda x: [w[i] * x for i in order], 1.0, params=w)
    np.testing.assert_allclose(np.ravel(program([2.0])), [2 * w[i].data for i in order])
    program = compile(lambda x: [x[i] for i in order], [1.0] * 4)
    assert np.ravel(program([[5.0, 6.0, 7.0, 8.0]])).tolist() == [5.0 + i for i in order]


def test_two_indices_of_one_table_of_constants():
    table = [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]

    def fn(j, k):
        x, y = mg.take(table, j), mg.take(table, k)
        return [a + 10 * b for a, b in zip(x, y, strict=True)]

    program = compile(fn, 0, 1)
    assert program([0, 2], [1, 2]).tolist() == [[31.0, 42.0], [55.0, 77.0]]


@pytest.mark.parametrize("backend", ["numpy", "jax", "native"])
def test_zeros_of_both_signs_are_two_constants(backend):
    """Alone, in one array with what is computed, and as the first turn of a loop."""
    needed_by(backend)
    zeros = [0.0, -0.0, 0.0]

    def fn(x):
        joined = [mg.atan2(zero, x) for zero in zeros]
        mixed = [mg.atan2(v, x) for v in [0.0 * x, *zeros, -0.0, mg.tanh(x)]]
        looped, turn = [], [0.0, -0.0]
        for _ in range(6):
            turn = [mg.tanh(-1.5 * v) for v in turn]
            looped += [mg.atan2(v, x) for v in turn]
        return [*joined, *mixed, *looped]

    program = mg.compile(fn, -1.0, backend=backend)
    batch = [-1.0, 2.0]
    expected = [[v if isinstance(v, float) else v.data for v in fn(Value(x))] for x in batch]
    np.testing.assert_allclose(program(batch), expected, rtol=1e-6)


def test_derivatives_that_are_copies_are_results_of_their_own():
    def fn(x):
        total, squares = 0.0, []
        for a in x:
            total = total + a
            squares.append(total * total)
        return mg.sum(squares)

    x = np.arange(1.0, 7.0)
    program = compile(fn, x, input_gradients=True)
    _, _, (slopes,) = program.value_and_grad([x])
    np.testing.assert_allclose(slopes[0], 2 * np.cumsum(np.cumsum(x)[::-1])[::-1])


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_tied_maxima_of_different_lengths_share_the_gradient(backend):
    needed_by(backend)
    w = [Value(1.0) for _ in range(4)]

    def fn(x):
        scaled = [a * b for a, b in zip(w, x, strict=True)]
        return mg.sum([mg.max(scaled[:n]) for n in (2, 3, 4)])

    program = compile(fn, [1.0] * 4, params=w, backend=backend)
    value, gradient = program.value_and_grad([[2.0, 2.0, 2.0, 1.0]])
    assert value == 6
    assert gradient == pytest.approx([1 + 2 / 3 + 2 / 3, 1 + 2 / 3 + 2 / 3, 2 / 3 + 2 / 3, 0.0])


def test_lines_of_code_are_only_comments_whatever_is_in_them():
    """A file may have other ends of lines than Python's, which would end a comment."""
    hostile = "    y = mg.exp(x)  # \r    stolen = 1\x0c\u2028    stolen = 2\n"
    lines = ["def f(x):\n", hostile, "    return y * y\n"]
    linecache.cache["hostile.py"] = (1, None, lines, "hostile.py")
    scope = {"mg": mg}
    exec(
        compile_text("def f(x):\n    y = mg.exp(x)\n    return y * y", "hostile.py", "exec"), scope
    )
    program = compile(scope["f"], 1.0)
    assert program([0.0]) == pytest.approx([1.0])
    code = [line.partition("#")[0] for line in program.source().splitlines()]
    assert "stolen" in program.source()
    assert not any("stolen" in line for line in code)
