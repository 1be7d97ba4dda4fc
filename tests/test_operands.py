"""What Values and functions take: numbers, arrays and iterators of all kinds."""

import contextlib
import decimal
import fractions
import math
import re
from decimal import Decimal
from fractions import Fraction
from operator import add, floordiv, mod, mul, sub, truediv

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.compiler.codegen.backends import NumPy
from tests.effort import examples
from tests.needs import needed

OPERANDS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.fractions(),
    st.decimals(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.none(),
    st.binary(max_size=3),
    st.lists(st.floats(), max_size=2),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**31), 2**31 - 1).map(np.int64),
    st.booleans().map(np.bool_),
    st.floats(-5, 5).map(Value),
    st.just(np.array([1.0, 2.0])),
    st.just(np.array(2.0)),
)
REAL = (int, float, fractions.Fraction, np.floating, np.integer)


@examples(1000)
@given(
    OPERANDS, st.sampled_from([add, sub, mul, truediv, floordiv, mod, mg.maximum]), st.booleans()
)
def test_any_operand_gives_a_value_or_a_clear_error(other, compute, swapped):
    v = Value(1.5, "v")
    operands = (other, v) if swapped else (v, other)
    try:
        result = compute(*operands)
    except TypeError:
        assert not isinstance(other, (Value, *REAL))
        return
    except mg.NonFiniteError:
        with contextlib.suppress(OverflowError, ZeroDivisionError):  # of floats alone
            plain = [*map(float, operands)]
            assert not (all(map(math.isfinite, plain)) and math.isfinite(compute(*plain)))
        return
    if isinstance(result, np.ndarray):
        assert all(type(x) is Value for x in result.flat)
        return
    assert type(result) is Value
    assert type(result.data) is float
    assert math.isfinite(result.data)
    assert not isinstance(other, decimal.Decimal | complex | str | bytes)


class Tensor:
    """What a tensor of another library offers: its axes, its items, and its numbers."""

    def __init__(self, numbers):
        self.array = np.asarray(numbers, float)
        self.ndim, self.shape = self.array.ndim, self.array.shape

    def item(self):
        return self.array.item()

    def tolist(self):
        return self.array.tolist()

    def __iter__(self):
        return map(Tensor, self.array)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.booleans())
@examples(500)
def test_remainders_are_those_of_python(x, y, swapped):
    """Also where the quotient is just below a whole number, and whatever the signs."""
    assume(y and math.isfinite(x) and math.isfinite(y) and abs(x / y) < 2**50)
    left, right = (x, Value(y)) if swapped else (Value(x), y)
    assert (left % right).data == x % y
    assert (left // right).data == x // y
    assert [part.data for part in divmod(left, right)] == [*divmod(x, y)]


@pytest.mark.parametrize("wrong", [lambda x: x ^ 2, lambda x: 2 ^ x, lambda x: np.array([x]) ^ 2])
def test_a_power_written_as_in_mathematics_is_told_how_python_writes_it(wrong):
    with pytest.raises(TypeError, match=r"write powers with \*\*, as in x\*\*2"):
        wrong(Value(3.0))


@given(st.integers(-40, 40), st.integers(-7, 7).filter(bool), st.floats(0.01, 0.99))
def test_derivatives_of_remainders_are_those_of_their_definition(n, y, between):
    """Where x lies between n and n + 1 times y, x % y is x − n · y."""
    x, y = Value((n + between) * y), Value(y)
    (x % y).backward()
    assert (x.grad, y.grad) == (1, -n)
    (x // y).backward()
    assert (x.grad, y.grad) == (1, -n)  # nothing is added
    assert mg.check_gradients(lambda x, y: x % y + x // y, x.data, y.data).ok


COUNTERPARTS = re.findall(
    r"^(\w+) = np\.(?!where)(\w+)$", "\n".join(NumPy.primitives.values()), re.M
)
"""The table's names of operations, and NumPy's names of the functions that compute the same."""


@pytest.mark.parametrize(("name", "its"), [*COUNTERPARTS, ("pow", "power"), ("abs", "fabs")])
@pytest.mark.parametrize("arrays", [False, True])
def test_functions_of_numpy_take_values(name, its, arrays):
    """With the values and gradients of ours, also where they take the way of Python's protocols."""
    function, ufunc = getattr(mg, name), getattr(np, its)
    point = [1.3] if name == "acosh" else [0.3, 0.7][: ufunc.nin]

    def gradient(compute):
        xs = [Value(x) for x in point]
        out = compute(*xs)
        if isinstance(out, Value):
            out.backward()
        return float(out), [x.grad for x in xs]

    def with_numpy(*xs):
        return ufunc(*(np.array([x]) for x in xs))[0] if arrays else ufunc(*xs)

    assert gradient(with_numpy) == gradient(function)
    assert gradient(function)[0] == pytest.approx(float(ufunc(*point)), rel=1e-15)


def jax_array(numbers):
    needed("jax")
    from jax.numpy import asarray

    return asarray(numbers)


SCALARS = {
    "an array": lambda: np.array(3.0),
    "an array of integers": lambda: np.array(3),
    "a tensor": lambda: Tensor(3.0),
    "JAX": lambda: jax_array(3.0),
    "float32": lambda: np.float32(3),
    "a fraction": lambda: Fraction(3),
    "a Boolean": lambda: np.bool_(True),
    "a Boolean of an array": lambda: np.array([5.0]) > 3.0,
}


@pytest.mark.parametrize("made", SCALARS.values(), ids=SCALARS)
def test_scalars_of_all_kinds_are_numbers(made):
    x = made()
    x = x[0] if getattr(x, "ndim", 0) else x
    number = float(x.item() if hasattr(x, "item") else x)
    v = Value(x)
    assert v.data == number
    assert type(v.data) is float
    v.data = x
    w = Value(2.0)
    found = [w + x, w * x, w - x, w / x, w**x, mg.maximum(w, x), mg.sum([w, x]), mg.dot([w], [x])]
    expected = [2 + number, 2 * number, 2 - number, 2 / number, 2**number, max(2, number)]
    assert [f.data for f in found] == [*expected, 2 + number, 2 * number]
    assert all(isinstance(f, Value) for f in found)
    assert mg.exp(x) == math.exp(number)
    assert (w < x, w > x, w == x) == (number > 2, number < 2, False)
    assert mg.grad(lambda y: y * y)(x) == 2 * number
    assert Value(number) == x
    if not isinstance(x, Tensor):  # which here knows no arithmetic
        assert [(x + w).data, (x - w).data] == [number + 2, number - 2]


@pytest.mark.parametrize("x", [np.array(3j), np.array("a"), np.array([3.0]), Decimal(3), None])
def test_what_is_no_real_number_is_refused(x):
    with pytest.raises(TypeError, match="a Value's data must be a real number, not "):
        Value(x)
    with pytest.raises(TypeError, match="maximum needs Values or real numbers, not "):
        mg.maximum(Value(1.0), x)


def test_a_value_in_an_array_without_axes_stays_itself():
    v = Value(3.0)
    array = np.array(v, object)
    for f in (v * array, array * v, mg.maximum(array, v) * v):
        v.zero_grad()
        f.backward()
        assert (f.data, v.grad) == (9, 6)


@pytest.mark.parametrize("made", [np.array, Tensor, jax_array, list, iter])
@pytest.mark.parametrize("read", [lambda x: mg.dot(x, x), lambda x: sum(a * a for a in x)])
def test_gradients_for_arrays_of_all_kinds(made, read):
    assert mg.grad(read)(made([1.0, 2.0])) == [2, 4]
    assert mg.value_and_grad(read)(made([1.0, 2.0])) == (5, [2, 4])
    assert mg.hessian(read)(made([1.0, 2.0])) == [[2, 0], [0, 2]]
    assert mg.jvp(read, (made([1.0, 2.0]),), ([1.0, 1.0],)) == (5, 6)
    value, pullback = mg.vjp(read, made([1.0, 2.0]))
    assert (value, pullback(1.0)) == (5, [2, 4])


def test_functions_of_other_libraries_are_refused_and_give_no_zero():
    needed("jax")
    from jax import numpy as jnp

    for f, words in (
        (jnp.sin, "Error interpreting argument"),
        (lambda x: jnp.sum(jnp.asarray([x, x])), "not a valid JAX array type"),
    ):
        with pytest.raises(TypeError, match=words):
            mg.grad(f)(1.0)
    with pytest.raises(TypeError, match="has to return one Value, not Array"):
        mg.grad(lambda x: jnp.asarray(1.0))(1.0)


FUNCTIONS = ["sum", "mean", "max", "min", "logsumexp", "maxout", "softmax", "log_softmax"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_iterators_are_sequences_for_functions(name):
    f, numbers = getattr(mg, name), [1.0, 2.0, -1.0]
    assert f(Value(x) for x in numbers) == f(map(Value, numbers)) == f([*map(Value, numbers)])


@pytest.mark.parametrize(
    "layer",
    [
        mg.nn.MLP(2, [3, 2], seed=1),
        mg.nn.Layer(2, 3, seed=1),
        mg.nn.Neuron(2, seed=1),
        mg.nn.Maxout(2, 2, seed=1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_iterators_are_sequences_for_layers(layer):
    assert layer(map(Value, [1.0, 2.0])) == layer(x for x in [1.0, 2.0]) == layer([1.0, 2.0])


def test_iterators_are_sequences_elsewhere():
    assert mg.dot(map(Value, [1, 2]), (x for x in (3, 4))).data == 11
    w, x = iter([1.0, 2.0]), (float(n) for n in (3, 4))
    assert mg.grad(mg.dot)(w, x) == ([3, 4], [1, 2])


METHODS = ["abs", "exp", "tanh", "sigmoid", "relu", "softplus", "log_sigmoid", "selu", "gelu"]
METHODS += ["asin", "acos", "atan", "asinh", "atanh", "erf", "erfc", "leaky_relu", "elu", "silu"]


@pytest.mark.parametrize("name", METHODS)
def test_functions_are_methods_too(name):
    for number in (-0.4, 0.4):
        x, y = Value(number), Value(number)
        f, g = getattr(x, name)(), getattr(mg, name)(y)
        f.backward()
        g.backward()
        assert (f.data, x.grad) == (g.data, y.grad)
    assert Value(-2.0).leaky_relu(0.5).data == -1
    assert Value(-1.0).elu(alpha=2.0).data == 2 * math.expm1(-1)
    assert Value(2.0).acosh().data == math.acosh(2)
