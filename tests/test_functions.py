"""Functions and what they take: the direct ways of dot and of one argument agree with the table."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus.graph.recording import record, unary
from micrograd_plus.ops.floats import floats

FLOATS = st.floats(-1e16, 1e16)
KINDS = st.one_of(
    FLOATS.map(Value), FLOATS, FLOATS.map(np.float64), st.integers(-9, 9), st.booleans()
)


@pytest.mark.parametrize("bias", [[], [Value], [float]], ids=["", "bias", "constant bias"])
@pytest.mark.parametrize("kinds", list(itertools.product([Value, float], repeat=4)))
def test_a_dot_product_with_constants_anywhere(kinds, bias):
    kinds, numbers = [*kinds, *bias], [2.0, -3.0, 5.0, 7.0, 11.0]
    args = [kind(x) for kind, x in zip(kinds, numbers, strict=False)]
    f = record(ops.dot, tuple(args))
    f.backward()
    assert f.data == 2 * 5 - 3 * 7 + 11 * len(bias)
    for arg, expected in zip(args, [5.0, 7.0, 2.0, -3.0, 1.0], strict=False):
        assert isinstance(arg, float) or arg.grad == expected


@given(st.lists(st.tuples(KINDS, KINDS), max_size=3), KINDS | st.none())
def test_a_dot_of_numbers_of_any_kind_is_what_the_table_says(pairs, bias):
    ws, xs = [list(side) for side in zip(*pairs, strict=True)] or ([], [])
    args = [*ws, *xs] if bias is None else [*ws, *xs, bias]
    f = mg.dot(ws, xs, bias)
    assert float(f) == ops.dot.value(floats, *map(float, args))
    assert isinstance(f, Value) == any(isinstance(arg, Value) for arg in args)
    if isinstance(f, Value):
        assert (f.op, f.grad, f.label, type(f.data)) == (ops.dot, 0, "", float)
        assert len(f.args) == len(args)
        for mine, given in zip(f.args, args, strict=True):
            assert mine is given if isinstance(given, Value) else type(mine) is float
            assert mine == given


@pytest.mark.parametrize("kind", [Value, float])
@pytest.mark.parametrize("seed", range(5))
def test_a_dot_adds_up_from_the_first_product_to_the_bias(seed, kind):
    draw = random.Random(seed)
    numbers = [[draw.gauss(0, 1) * 10 ** draw.randrange(9) for _ in range(20)] for _ in "wx"]
    total, bias = 0.0, draw.gauss(0, 1)
    for w, x in zip(*numbers, strict=True):
        total += w * x
    ws, xs = [Value(w) for w in numbers[0]], [kind(x) for x in numbers[1]]
    for f, expected in ((mg.dot(ws, xs), total), (mg.dot(ws, xs, Value(bias)), total + bias)):
        assert f.data == expected
        mg.replay(f)
        assert f.data == expected


@pytest.mark.parametrize("name", [op.name for op in ops.TABLE.values() if op.arity == 1])
def test_functions_of_one_value_are_what_the_table_says(name):
    op = ops.find(name)
    (x,), _ = op.example
    for function in (getattr(mg, name, None), getattr(Value, name, None), unary(op)):
        if function is not None:
            v = Value(x)
            f = function(v)
            assert (f.op, f.args, f.grad, f.label) == (op, (v,), 0, "")
            assert type(f.data) is float
            assert f.data == op.value(floats, x)


@pytest.mark.parametrize(
    ("name", "x"),
    [("exp", 1e3), ("sinh", -1e3), ("log", 0.0), ("reciprocal", 0.0), ("reciprocal", -5e-324)],
)
def test_functions_of_one_value_that_leave_the_floats(name, x):
    for function in (getattr(mg, name), unary(ops.find(name))):
        with pytest.raises(mg.NonFiniteError, match=f"{name} of x = {x}"):
            function(Value(x, "x"))


@pytest.mark.parametrize("most", [1e308, -1e308])
def test_a_dot_that_leaves_the_floats_is_named(most):
    x = Value(most, "x")
    for args in (([x], [10.0]), ([x, x], [1.0, 1.0]), ([x], [1.0], Value(most))):
        with pytest.raises(mg.NonFiniteError, match=r"dot of x = .*too large"):
            mg.dot(*args)


@pytest.mark.parametrize("name", ["max", "min", "mean", "logsumexp", "maxout"])
def test_a_few_values_need_no_list(name):
    function, x, y = getattr(mg, name), Value(-2.0), Value(3.0)
    results = []
    for f in (function(x, 0, y), function([x, 0, y])):
        f.zero_grad()
        f.backward()
        results.append((f.data, x.grad, y.grad))
    assert results[0] == results[1]
    assert function(-2.0, 0.0, 3.0) == results[0][0]
    with pytest.raises(ValueError, match=f"{name} needs at least one term"):
        function()


def test_functions_name_what_they_are_given():
    with pytest.raises(TypeError, match="exp needs Values or real numbers, not 'a'"):
        mg.exp("a")
    for several in ([0.5, 1.0], np.array([0.5, 1.0]), (Value(0.5),)):
        for name in dir(mg):
            op = getattr(ops, name, None)
            if isinstance(op, ops.Op) and op.arity == 1:
                line = rf"for several write \[{name}\(x\) for x in xs\]$"
                with pytest.raises(TypeError, match=line):
                    getattr(mg, name)(several)
    with pytest.raises(TypeError, match="sum needs a sequence, such as a list, not 3"):
        mg.sum(3)
    for args in ((3, [1]), ([1], 3)):
        with pytest.raises(TypeError, match="dot needs a sequence, such as a list, not 3"):
            mg.dot(*args)
    for lengths in ((1, 2), (2, 1)):
        with pytest.raises(ValueError, match="equal length, not {} and {}".format(*lengths)):
            mg.dot(*([Value(1)] * n for n in lengths))


ROWS = [[Value(0.5), Value(1.5)], [Value(2.5), Value(3.5)], [Value(4.5), Value(5.5)]]


@pytest.mark.parametrize("index", [2, 2.0, np.int64(2), np.float32(2), Value(2), Value(4) / 2])
def test_take_gives_the_row_itself(index):
    for rows in (ROWS, tuple(ROWS)):
        assert mg.take(rows, index) is ROWS[2]
    assert mg.take(iter([1.0, 2.0, "any object"]), index) == "any object"


@pytest.mark.parametrize("kind", [int, float, Value])
def test_take_refuses_what_is_no_index(kind):
    with pytest.raises(IndexError, match=r"no row 3: there are only rows 0 to 2$"):
        mg.take(ROWS, kind(3))
    with pytest.raises(IndexError, match=r"no row -1: .* 0 to 2; .*the end write rows\[-1\]"):
        mg.take(ROWS, kind(-1))
    with pytest.raises(IndexError, match="no row 0: there are no rows"):
        mg.take([], kind(0))
    for odd in (Value(0.5, "u"), 0.5, np.inf):
        with pytest.raises(ValueError, match=r"whole number, not .*(0.5|inf)"):
            mg.take(ROWS, odd)
    with pytest.raises(TypeError, match="take's index must be a real number, not '1'"):
        mg.take(ROWS, "1")
    with pytest.raises(TypeError, match="take needs a sequence"):
        mg.take(7, 0)


def test_a_value_is_no_index_by_itself():
    for rows in (ROWS, tuple(ROWS), np.array([1.0, 2.0, 3.0])):
        with pytest.raises((TypeError, IndexError)) as caught:
            rows[Value(1.0, "u")]
        if not isinstance(rows, np.ndarray):  # NumPy replaces the error by its own
            assert "label='u') can't be an index: write take(rows, x)" in str(caught.value)
    for count in (range, lambda n: [0] * n):
        with pytest.raises(TypeError, match="can't be an index"):
            count(Value(1.0))


def test_what_is_detached_follows_but_is_constant_in_derivatives():
    x = Value(3.0, "x")
    held = mg.detach(x)
    f = held * x * x
    f.backward()
    assert (f.data, x.grad) == (27.0, 18.0)  # of 3x², and not of x³
    x.data = 5.0
    mg.replay(f)
    assert f.data == 125.0
    assert mg.hessian(lambda x: mg.detach(x) * x * x)(5.0) == 10.0
    assert mg.detach(2.0) == 2.0
    through = x + mg.detach(mg.round(x / 2) - x)  # straight through what has no derivative
    x.grad = 0.0
    through.backward()
    assert (through.data, x.grad) == (2.0, 1.0)
