"""Operations that are not in the table: found by themselves, and never taken for another."""

import copy
import math
import pickle
from operator import mul

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, build_info, nn
from micrograd_plus.engine import apply, record
from micrograd_plus.ops.operation import Op
from tests.compiled import PRODUCT, X, assert_equal
from tests.needs import needed_by, on


def scale(factor, name="scale"):
    """X · factor, under any name."""
    return Op(
        name,
        value=lambda m, x: factor * x,
        partials=(lambda m, out, x: factor,),
        about=f"x times {factor}",
        example=((1.0,), factor),
    )


def first(name):
    """The first of two arguments, doubled, under any name."""
    return Op(
        name,
        value=lambda m, x, y: 2.0 * x,
        partials=(lambda m, out, x, y: 2.0, lambda m, out, x, y: 0.0),
        about="2 x",
        example=((1.0, 3.0), 2.0),
    )


def count(name):
    """How many arguments there are, times the first, under any name."""
    return Op(
        name,
        value=lambda m, *args: args[0] * float(len(args)),
        partials=lambda m, out, *args: [float(len(args)), *[0.0] * (len(args) - 1)],
        about="n · x₁",
        example=((2.0, 3.0), 4.0),
    )


def test_a_new_operation_on_any_number_of_arguments_needs_no_entry_here():
    ws = [Value(0.5), Value(-2.0), Value(3.0)]

    def fn(x):
        both = [record(PRODUCT, (*ws, v, 2.0)) for v in x]
        return both[0] * 3.0 + both[1] + both[2] * x[0]

    assert_equal(fn, (X,), ws)


def test_a_new_operation_needs_no_place_in_the_table():
    softsign = Op(
        "softsign",
        value=lambda m, x: x / (1.0 + m.abs(x)),
        partials=(lambda m, out, x: 1.0 / (1.0 + m.abs(x)) ** 2,),
        about="x / (1 + |x|)",
        example=((1.0,), 0.5),
    )
    w = Value(0.7)
    assert_equal(lambda x: record(softsign, (w * x[0],)) * x[1], (X,), [w])
    f = record(softsign, (w,))
    assert mg.step_through(f)[-1].text.startswith("∂f/∂v₁ = 1 / (1 + |v₁|)² = ")


@pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])
def test_two_of_one_name(backend):
    needed_by(backend)
    twice, five_times = scale(2.0), scale(5.0)
    f = mg.compile(lambda x: apply(twice, x) + apply(five_times, x), 0.0, **on(backend))
    assert f(3.0 if backend == "point" else [3.0]) == 21


def power_sum(power, name):
    """The sum of squares or cubes, its rules for all arguments at once, under any name."""
    return Op(
        name,
        value=lambda m, *args: m.sum(*[x**power for x in args]),
        partials=lambda m, out, *args: [power * x ** (power - 1.0) for x in args],
        at_once=True,
        about=f"Σ x to the power {power}",
        example=((2.0,), 2.0**power),
    )


@pytest.mark.parametrize("name", ["total", "max", "logsumexp", "max_of", "sum of powers!", "np"])
def test_two_of_one_name_for_all_arguments_at_once(name):
    squares, cubes, w = power_sum(2.0, name), power_sum(3.0, name), Value(0.5)

    def fn(x):
        sums = apply(squares, w, *x), apply(cubes, w, *x), apply(squares, x[0], x[1])
        return mg.sum(sums) * mg.max(x) + mg.logsumexp(x)

    program = assert_equal(fn, (X,), [w])
    assert program.source().count("def ") == 2  # rules are written out, whatever their names


def test_a_rule_that_needs_its_arguments_one_by_one_does_not_take_them_at_once():
    own = Op(
        "spread",
        value=lambda m, *args: m.max(*args) - m.mean(*args),
        partials=lambda m, out, *args: [0.0] * len(args),
        at_once=True,
        about="the largest less the mean",
        example=((1.0, 3.0), 1.0),
    )
    with pytest.raises(TypeError, match=r"uses <operation mean: .*write it with m\.sum, m\.max"):
        mg.compile(lambda x: apply(own, *x), [1.0, 3.0])
    own = Op(
        "square",
        value=lambda m, *args: args[0] * args[0],
        partials=lambda m, out, *args: [2.0 * args[0], *[0.0] * (len(args) - 1)],
        at_once=True,
        about="the square of the first",
        example=((1.0, 3.0), 1.0),
    )
    with pytest.raises(TypeError, match=r"<operation square: .*not one number for all"):
        mg.compile(lambda x: apply(own, *[mg.exp(v) for v in x]), [1.0, 3.0])


def test_what_adds_up_is_found_in_the_rules_and_not_by_the_name():
    total = Op(
        "total",
        value=lambda m, *args: sum(args),
        partials=lambda m, out, *args: [1.0] * len(args),
        about="the sum",
        example=((1.0, 3.0), 4.0),
    )
    ws = [Value(0.5), Value(-2.0), Value(3.0)]
    program = assert_equal(lambda x: apply(total, *map(mul, ws, x)) + ws[0], (X,), ws)
    assert "W1 @ x" in str(program)


@pytest.mark.parametrize("slopes", [(1.0, -1.0), (1.0, lambda x, y: x + y), (lambda x, y: y, 1.0)])
def test_an_operation_whose_derivative_is_not_that_of_its_value_is_none_that_adds_up(slopes):
    rules = [slope if callable(slope) else lambda x, y, s=slope: s for slope in slopes]
    own = Op(
        "add",
        value=lambda m, x, y: x + y,
        partials=tuple(lambda m, out, x, y, rule=rule: rule(x, y) for rule in rules),
        about="x + y, and with other derivatives",
        example=((1.0, 3.0), 4.0),
    )
    w = Value(0.5)
    assert_equal(lambda x: apply(own, w * x[0], w * x[1]) + x[1] + x[2], (X,), [w])


@pytest.mark.parametrize("name", ["exp", "negate", "sigmoid", "is_zero", "relu", "sign"])
def test_names_of_the_table_on_one_argument(name):
    own, w = scale(3.0, name), Value(0.5)
    table = mg.ops.find(name)
    assert_equal(lambda x: apply(own, w * x[0]) + apply(table, w * x[0]), (X,), [w])
    f = apply(own, w)
    assert mg.step_through(f)[-1].text.startswith("∂f/∂v₁ = 3")
    assert mg.grad(lambda x: apply(own, x))(2.0) == 3
    if build_info().core:
        assert mg.compile(lambda x: apply(own, x), 1.0, backend="native")([2.0]) == 6


@pytest.mark.parametrize("name", ["add", "multiply", "subtract", "divide", "power", "maximum"])
def test_names_of_the_table_on_two_arguments(name):
    own, w = first(name), Value(0.5)
    table = mg.ops.find(name)
    assert_equal(lambda x: apply(own, w, x[0]) + apply(table, w, x[0] ** 2), (X,), [w])
    y = Value(1.0, "y")
    sentences = [str(step.text) for step in mg.step_through(apply(own, y, 1.0))]
    assert any("∂f/∂y = 2" in text for text in sentences)


@pytest.mark.parametrize("name", ["sum", "dot", "mean", "max", "min", "logsumexp"])
def test_names_of_the_table_on_any_number_of_arguments(name):
    own, w = count(name), Value(0.5)
    table = mg.ops.find(name)
    assert_equal(lambda x: record(own, (w, x[0], x[1])) * record(table, (w, x[0])) + w, (X,), [w])


@pytest.mark.parametrize("own", [scale(2.0, "exp"), scale(2.0), PRODUCT], ids=repr)
def test_only_the_table_can_be_pickled(own):
    x = Value(2.0)
    f = record(own, (x,)) if own is not PRODUCT else record(own, (x, 3.0))
    with pytest.raises(TypeError, match="can't be pickled: only operations of the table"):
        pickle.dumps(f)
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(own)
    twin = copy.deepcopy(f)
    twin.args[0].data = 4.0
    mg.replay(twin)
    assert (f.data, twin.data, twin.op) == (f.data, 2 * f.data, own)
    assert copy.deepcopy(own) is copy.copy(own) is own


def test_the_table_is_pickled_by_name():
    x = Value(2.0, "x")
    for f in (mg.exp(x), nn.mse(mg.tanh(x * 3.0), 1.0)):
        again = pickle.loads(pickle.dumps(f))
        assert again.data == f.data
        assert again.op is f.op
        mg.replay(again)
        assert again.data == f.data
    assert pickle.loads(pickle.dumps(mg.ops.exp)) is mg.ops.exp
    assert math.isclose(mg.exp(x).data, math.e**2)
