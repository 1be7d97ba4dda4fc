"""Operations that are not in the table: found by themselves, and never taken for another."""

import copy
import math
import pickle

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.engine import apply, record
from micrograd_plus.ops.operation import Op
from tests.needs import needed_by
from tests.programs import PRODUCT, X, assert_equal


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


@pytest.mark.parametrize("backend", ["numpy", "jax", "native"])
def test_two_of_one_name(backend):
    needed_by(backend)
    twice, five_times = scale(2.0), scale(5.0)
    f = mg.compile(lambda x: apply(twice, x) + apply(five_times, x), 0.0, backend=backend)
    assert f([3.0] if backend != "native" else 3.0) == 21


@pytest.mark.parametrize("name", ["exp", "negate", "sigmoid", "is_zero", "relu", "sign"])
def test_names_of_the_table_on_one_argument(name):
    own, w = scale(3.0, name), Value(0.5)
    table = mg.ops.find(name)
    assert_equal(lambda x: apply(own, w * x[0]) + apply(table, w * x[0]), (X,), [w])
    f = apply(own, w)
    assert mg.step_through(f)[-1].text.startswith("∂f/∂v₁ = 3")
    assert mg.grad(lambda x: apply(own, x))(2.0) == 3
    assert mg.compile(lambda x: apply(own, x), 1.0, backend="native")(2.0) == 6


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
    with pytest.raises(TypeError, match="can't be pickled: it is not in the table"):
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
