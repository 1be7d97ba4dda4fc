"""`Value` as a number and as a node: arithmetic, backward, and the Python data model."""

import fractions
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops, values
from micrograd_plus.engine import apply
from micrograd_plus.graph import hooks, order
from micrograd_plus.ops import Op

NUMBERS = [2, 2.0, True, fractions.Fraction(1, 2), np.float64(2), np.float32(0.5), np.int64(3)]


# -------------------------------------------------------------------------- backward


def test_lecture_xyz():
    x, y, z = values(x=1, y=-3, z=4)
    d = x + y
    f = d * z
    f.backward()
    assert (d.data, f.data) == (-2, -8)
    assert [v.grad for v in (f, z, d, y, x)] == [1, -2, 4, 4, 4]


def test_lecture_sigmoid_gate_taken_apart_and_folded():
    w0, x0, w1, x1, b = values(w_0=-3, x_0=-2, w_1=2, x_1=-1, b=-3)
    gates = [w0 * x0, w1 * x1]
    gates.append(gates[0] + gates[1])
    gates.append(gates[-1] + b)
    gates.append(-gates[-1])
    gates.append(mg.exp(gates[-1]))
    gates.append(1 + gates[-1])
    gates.append(1 / gates[-1])
    gates[-1].backward()
    assert [g.op.name for g in gates[-4:]] == ["negate", "exp", "add", "reciprocal"]
    assert [round(g.data, 2) for g in gates] == [6, -2, 4, 1, -1, 0.37, 1.37, 0.73]
    assert [round(g.grad, 2) for g in reversed(gates[3:])] == [1, -0.53, -0.53, -0.2, 0.2]
    gradients = [round(v.grad, 4) for v in (b, w1, x1, w0, x0)]
    assert gradients == [0.1966, -0.1966, 0.3932, -0.3932, -0.5898]

    z = Value(1.0)
    f = z.sigmoid()
    f.backward()
    assert (round(f.data, 4), round(z.grad, 4)) == (0.7311, 0.1966)
    assert f.data == pytest.approx(gates[-1].data, rel=1e-15)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda a: a * a, 6),
        (lambda a: a + a, 2),
        (lambda a: a**a, 27 * (math.log(3) + 1)),
        (lambda a: mg.sum([a] * 1000), 1000),
        (lambda a: sum(a for _ in range(1000)), 1000),
        (lambda a: mg.dot([a, a], [a, 2]), 8),
        (lambda a: mg.dot(iter([a, a]), iter([a, 2])), 8),
        (lambda a: (a * a) * (a + a), 54),  # a diamond
        (lambda a: a * a * 2.0 + a * a * 0.0, 12),  # the path of 0 comes first
        (lambda a: a - a, 0),
    ],
)
def test_gradients_of_every_path_add_up(compute, expected):
    a = Value(3)
    compute(a).backward()
    assert a.grad == pytest.approx(expected, rel=1e-15)


def test_leaves_accumulate_and_the_inside_is_fresh():
    a = Value(2)
    h = a * 3
    f = h * h
    f.backward()
    f.backward()
    assert (f.grad, h.grad, a.grad) == (1, 12, 72)
    g = h * 5
    g.backward()
    assert (h.grad, a.grad) == (5, 87)
    g.zero_grad()
    assert [v.grad for v in (g, h, a)] == [0, 0, 0]


def test_backward_from_a_leaf_and_through_constants_only():
    a = Value(2)
    a.backward()
    a.backward()
    assert a.grad == 2
    f = Value(-2) ** 3  # must not ask for log(-2)
    f.backward()
    assert f.args[0].grad == 12


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_powers_of_zero(k):
    x = Value(0)
    (x**k).backward()
    assert x.grad == (1 if k == 1 else 0)


def test_powers_of_zero_by_a_value():
    x, y = values(x=0, y=2)
    (x**y).backward()
    assert (x.grad, y.grad) == (0, 0)
    with pytest.raises(mg.NonFiniteError, match=r"power of x = -2\.0, y = 3\.0"):
        (Value(-2, "x") ** Value(3, "y")).backward()


def test_an_error_in_backward_changes_no_gradient():
    a, b = values(a=0, b=2)
    (a * b).backward()
    before = (a.grad, b.grad)
    f = b * mg.sqrt(a) + a * b
    with pytest.raises(mg.NonFiniteError):
        f.backward()
    assert (a.grad, b.grad, f.grad) == (*before, 0)


@pytest.mark.parametrize("compute", [
    lambda x, y: (x + y) * 0.0,
    lambda x, y: x * y * 0.0,
    lambda x, y: (mg.dot([x, 3.0], [y, x], y) - 1e9).relu(),
])  # fmt: skip
def test_where_the_gradient_is_0_nothing_is_added(compute):
    x, y = values(x=3, y=2)
    x.grad, y.grad = 5.0, 7.0
    compute(x, y).backward()
    assert (x.grad, y.grad) == (5.0, 7.0)


@pytest.mark.parametrize("compute", [
    lambda x: mg.sqrt(x) * 0.0,
    lambda x: mg.dot([x**0.5], [0.0], 1.0),
    lambda x: 0.0 * (x / 1.0).cbrt() + x,
    lambda x: x**0.5 * 0.0,
])  # fmt: skip
def test_0_times_an_infinite_derivative_is_no_gradient(compute):
    x = Value(0.0)
    with pytest.raises(mg.NonFiniteError, match=r"through (sqrt|power|cbrt) of 0"):
        compute(x).backward()
    assert x.grad == 0
    with pytest.raises(mg.NonFiniteError, match=r"through (sqrt|power|cbrt) of 0"):
        mg.grad(compute)(0.0)


@pytest.mark.parametrize("slope", [1e308, -1e308])
def test_gradients_that_add_up_to_too_much_name_the_leaf(slope):
    x = Value(1, "x")
    f = x * slope
    f.backward()
    with pytest.raises(mg.NonFiniteError, match=r"gradients of Value\(.*'x'\) add up"):
        f.backward()
    assert x.grad == slope


@pytest.mark.parametrize("compute", [
    lambda x, y: mg.dot([x, 2.0, y, 3.0], [y, x, 5.0, 7.0]),
    lambda x, y: x * x * y + 2.0 * x * 3 + (y + 1.5) * (1.5 + y) * y,
    lambda x, y: (1.5 - x) / (y - 1.5) + (2.0 / x - x / 2.0) * 2.0**y + x**3.0,
    lambda x, y: mg.mean([x * y, 2.0, y]),
])  # fmt: skip
def test_operations_with_constants_on_either_side(compute):
    x, y = values(x=3, y=-2)
    compute(x, y).backward()
    step = 1e-6
    for leaf in (x, y):
        leaf.data += step
        above = compute(x, y).data
        leaf.data -= 2 * step
        below = compute(x, y).data
        leaf.data += step
        assert type(leaf.grad) is float
        assert leaf.grad == pytest.approx((above - below) / (2 * step), rel=1e-6)


def test_observers_are_told_of_each_node_and_each_pass():
    told = []

    class Observer:
        recorded = differentiating = staticmethod(told.append)

    x = Value(2)
    hooks.observers.append(Observer)
    try:
        f = mg.dot([x + 1.0], [x], x).relu()
        f.backward()
    finally:
        hooks.observers.remove(Observer)
    assert list(map(id, told[:3])) == [id(f.args[0].args[0]), id(f.args[0]), id(f)]
    assert told[3:] == [order(f)]


def test_an_interrupt_in_backward_changes_no_gradient():
    interrupted = False

    def slope(m, out, x):
        if interrupted:
            raise KeyboardInterrupt
        return 1.0 - out * out

    rules = {"value": lambda m, x: m.tanh(x), "partials": (slope,)}
    slow = Op("slow", **rules, about="tanh", example=((0.0,), 0.0))
    a, b = values(a=3, b=2)
    f = apply(slow, a * b) * b
    f.backward()
    before = [a.grad, b.grad, f.grad, f.args[0].grad]
    interrupted = True
    with pytest.raises(KeyboardInterrupt):
        f.backward()
    assert [a.grad, b.grad, f.grad, f.args[0].grad] == before


# ------------------------------------------------------------------------- operands


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**"])
def test_numbers_on_either_side(number, symbol):
    v, compute = Value(3), {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "//": lambda a, b: a // b,
        "%": lambda a, b: a % b,
        "**": lambda a, b: a**b,
    }[symbol]  # fmt: skip
    for left, right in ((v, number), (number, v)):
        result = compute(left, right)
        assert type(result) is Value
        assert type(result.data) is float
        plain = [float(side) for side in (left, right)]
        assert result.data == pytest.approx(compute(*plain), rel=1e-15)
        constants = [arg for arg in result.args if arg is not v]
        assert all(type(arg) is float for arg in constants)


def test_one_over_is_an_operation_of_its_own():
    v = Value(4)
    assert [(1 / v).op, (1.0 / v).op, (np.float64(1) / v).op] == [ops.reciprocal] * 3
    assert [(2 / v).op, (v / 2).op, (-v).op, (v - 1).op] == [
        ops.divide,
        ops.divide,
        ops.negate,
        ops.subtract,
    ]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("constant", [float, Value])
def test_sums_and_products_that_leave_the_floats(sign, constant):
    x, other = Value(sign * 1e308, "x"), constant(sign * 1e308)
    with pytest.raises(mg.NonFiniteError, match=r"add of x = .*too large"):
        x + other
    with pytest.raises(mg.NonFiniteError, match=r"multiply of x = .*too large"):
        x * constant(10.0)
    with pytest.raises(mg.NonFiniteError, match=r"subtract of x = .*too large"):
        x - constant(-sign * 1e308)


def test_augmented_assignment_makes_new_nodes():
    v = w = Value(2)
    v += 1
    v -= 4
    v *= 3
    v /= 2
    v **= 2
    assert (w.data, v.data) == (2, 2.25)
    v.backward()
    assert w.grad == -4.5


@pytest.mark.parametrize("other", ["a", None, 1j, [1], {}, object()])
def test_foreign_operands_are_type_errors(other):
    v = Value(2)
    for compute in (
        lambda: v + other,
        lambda: other - v,
        lambda: v**other,
        lambda: other / v,
        lambda: v < other,
        lambda: mg.exp(other),
        lambda: mg.maximum(v, other),
        lambda: mg.sum([other]),
    ):
        with pytest.raises(TypeError):
            compute()
    assert (v == other) is False


@pytest.mark.parametrize("data", ["a", None, 1 + 2j, [1.0], np.array([1.0]), "1", b"1"])
def test_what_is_not_a_number_is_named(data):
    with pytest.raises(TypeError) as caught:
        Value(data)
    assert repr(data) in str(caught.value)
    assert type(data).__name__ in str(caught.value)


def test_a_value_is_made_of_a_number_and_perhaps_a_label():
    class Weight(Value):
        pass

    class Named(Value):
        def __init__(self, name):
            super().__init__(len(name), name)

    assert [Value(x).data for x in (1, 1.0, True, fractions.Fraction(1), np.float32(1))] == [1] * 5
    made = [Value(3, "abc"), Value(data=3, label="abc"), Value(3, label="abc"), Named("abc")]
    assert [(v.data, v.label) for v in made] == [(3, "abc")] * 4
    assert (type(Weight(3)), type(Named("abc"))) == (Weight, Named)
    for wrong in (Value, partial(Value, 1, number=2), partial(Value, 1, "a", "", "", 2)):
        with pytest.raises(TypeError, match=r"__init__\(\) "):
            wrong()
    for large in (10**400, math.inf, math.nan):
        with pytest.raises(mg.NonFiniteError, match="a Value's data"):
            Value(large)


def test_a_value_of_a_value_and_a_label_that_is_no_string():
    with pytest.raises(TypeError, match="Value"):
        Value(Value(1))
    with pytest.raises(TypeError, match=r"label must be a string, .* not 3"):
        Value(1, 3)


@pytest.mark.parametrize("gradient", [None, "1", [0.0]])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_that_is_no_number_is_named(gradient, create_graph):
    x, y = values(x=1, y=2)
    f = mg.sin(x) * y + x
    x.grad = gradient
    with pytest.raises(TypeError) as caught:
        f.backward(create_graph=create_graph)
    words = f"the gradient of x must be a number, not {gradient!r}: zero_grad() sets it to 0"
    assert str(caught.value) == words
    assert (x.grad, y.grad, f.grad) == (gradient, 0, 0)
    f.zero_grad()
    f.backward()
    assert x.grad == pytest.approx(2 * math.cos(1) + 1)


def test_data_can_only_be_replaced_by_finite_numbers():
    x = Value(1, "x")
    f = x * 2 + 1
    for wrong, error in (
        ("one", TypeError),
        (Value(1) - 0.1, TypeError),  # where the data of a Value was meant
        (float("inf"), mg.NonFiniteError),
        (float("-inf"), mg.NonFiniteError),
        (float("nan"), mg.NonFiniteError),
        (10**400, mg.NonFiniteError),
    ):
        with pytest.raises(error, match="the data of x"):
            x.data = wrong
        with pytest.raises(error, match="a Value's data"):
            f.data = wrong
        with pytest.raises(error, match="a Value's data"):
            Value(wrong)
    assert (x.data, f.data) == (1, 3)


def test_data_of_other_number_types_is_computed_with_as_floats():
    x = Value(1, "x")
    f = x * 0.1
    for number in (np.float32(0.5), np.int64(3), 2, fractions.Fraction(1, 4)):
        x.data = number
        mg.replay(f)
        assert type(f.data) is float
        assert f.data == float(number) * 0.1
    assert type(mg.sum([])) is float


# ---------------------------------------------------------------------------- NumPy


def test_arrays_of_values():
    x, y = values(x=1, y=-3)
    left, right = x * np.array([1, 2]), np.array([1, 2]) * x
    for array in (left, right):
        assert array.dtype == object
        assert [type(v) for v in array] == [Value, Value]
        assert [v.data for v in array] == [1, 2]
    f = np.array([[1.0, 2.0]]) @ np.exp(np.array([x, y]))
    f[0].backward()
    assert (x.grad, y.grad) == (math.e, 2 * math.exp(-3))


# ---------------------------------------------------------------- Python data model


def test_methods_are_documented_by_the_table():
    assert Value.exp.__doc__ == "The exponential eˣ."
    assert Value.__neg__.__doc__ == "The negative −x."


def test_repr_shows_data_grad_and_label():
    assert repr(Value(3)) == "Value(data=3.0, grad=0.0)"
    assert repr(Value(-0.5, "w_0")) == "Value(data=-0.5, grad=0.0, label='w_0')"
    assert eval(repr(Value(2, "x")).replace("grad=0.0, ", "")).data == 2


def test_conversions_leave_the_graph():
    v = Value(-2.5)
    assert [float(v), int(v), round(v), round(v, 1)] == [-2.5, -2, -2, -2.5]
    assert [math.floor(v), math.ceil(v), math.trunc(v)] == [-3, -2, -2]
    assert [f"{v:.2f}", f"{v}", bool(v), bool(Value(0))] == ["-2.50", repr(v), True, False]
    assert (+v) is v
    assert math.sqrt(Value(4)) == 2


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_comparisons_are_those_of_the_numbers(a, b):
    v, w = Value(a), Value(b)
    for x, y in ((v, w), (v, b), (a, w)):
        assert [x < y, x <= y, x > y, x >= y] == [a < b, a <= b, a > b, a >= b]
        assert [x == y, x != y] == [a == b, a != b]


def test_comparisons_are_exact():
    assert Value(1) != 10**400
    assert Value(1) < 10**400
    assert Value(2.0**53) != 2**53 + 1
    assert Value(0.5) == fractions.Fraction(1, 2)


def test_values_with_equal_numbers_are_two_keys():
    a, b = Value(1), Value(1)
    assert a == b
    assert len({a, b}) == 2
    assert max([Value(1), Value(3), Value(2)]).data == 3
    assert abs(Value(-2)).data == 2


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x,
        lambda x: x + 1.0,
        lambda x: 1 + x,
        lambda x: x * 2.0,
        lambda x: 2 * x,
        lambda x: x - 1,
        lambda x: -x,
        lambda x: mg.clip(x, 0, 2),
        lambda x: mg.sum([x, x]),
    ],
)
def test_what_is_new_has_neither_gradient_nor_label(compute):
    new = compute(Value(1))
    assert (new.grad, new.label) == (0, "")


def test_a_node_is_plain_data():
    v = Value(2) + 1
    assert not hasattr(v, "__dict__")
    with pytest.raises(AttributeError):
        v.extra = 1


def test_labels_and_values():
    x, y = values(x=1, y=2)
    assert (x.label, y.label, x.data, y.data) == ("x", "y", 1, 2)
    with pytest.raises(TypeError):
        values(x="1")
