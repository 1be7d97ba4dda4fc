"""Every entry of the table: special values, derivatives, and what its text promises."""

import math
from itertools import permutations, product

import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import functions, ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.engine import Value, record
from micrograd_plus.graph import evaluate, replay
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import BINDING
from micrograd_plus.testing import operations, points
from micrograd_plus.walk.formula import LATEX, TEXT, Name, Term, formulas, write
from tests import oracle
from tests.effort import examples

SPECIAL_VALUES = {
    "add": [((1, -3), -2), ((0.1, 0.2), 0.30000000000000004)],
    "subtract": [((1, -3), 4)],
    "multiply": [((-2, 4), -8)],
    "divide": [((1, 4), 0.25), ((-6, 3), -2)],
    "negate": [((2,), -2), ((0,), 0)],
    "reciprocal": [((4,), 0.25), ((-0.5,), -2)],
    "power": [((2, 3), 8), ((-8, 3), -512), ((4, 0.5), 2), ((0, 0), 1), ((2, -1), 0.5)],
    "exp": [((0,), 1), ((1,), math.e), ((-1000,), 0)],
    "log": [((1,), 0), ((math.e,), 1)],
    "xlogy": [((2, math.e), 2), ((0, 0), 0), ((0, 5), 0), ((-3, 1), 0)],
    "sqrt": [((9,), 3), ((0,), 0)],
    "sin": [((0,), 0), ((math.pi / 2,), 1)],
    "cos": [((0,), 1), ((math.pi,), -1)],
    "abs": [((-3,), 3), ((0,), 0)],
    "sign": [((-3,), -1), ((0,), 0), ((5,), 1)],
    "greater": [((2, 3), 0), ((3, 2), 1), ((2, 2), 0), ((2, -math.inf), 1), ((2, math.inf), 0)],
    "maximum": [((2, 3), 3), ((-1, -2), -1)],
    "minimum": [((2, 3), 2), ((-1, -2), -2)],
    "tanh": [((0,), 0), ((1000,), 1), ((-1000,), -1)],
    "sech": [((0,), 1), ((math.log(2),), 0.8), ((1000,), 0), ((-40,), 2 * math.exp(-40))],
    "sigmoid": [
        ((0,), 0.5),
        ((1,), 0.7310585786300049),
        ((1000,), 1),
        ((-1000,), 0),
        ((-40,), math.exp(-40)),
    ],
    "step": [((2,), 1), ((0,), 0), ((-2,), 0)],
    "relu": [((2,), 2), ((0,), 0), ((-2,), 0)],
    "softplus": [((0,), math.log(2)), ((1000,), 1000), ((-1000,), 0), ((-40,), math.exp(-40))],
    "expm1": [((0,), 0), ((1,), math.e - 1), ((1e-20,), 1e-20)],
    "log1p": [((0,), 0), ((math.e - 1,), 1), ((1e-20,), 1e-20)],
    "log2": [((8,), 3)],
    "log10": [((1000,), 3)],
    "cbrt": [((-27,), -3)],
    "hypot": [((3, 4), 5), ((3e200, 4e200), 5e200)],
    "tan": [((0,), 0), ((math.pi / 4,), 1)],
    "asin": [((1,), math.pi / 2), ((0,), 0)],
    "acos": [((-1,), math.pi), ((1,), 0)],
    "atan": [((1,), math.pi / 4)],
    "atan2": [((1, -1), 3 * math.pi / 4), ((0, -1), math.pi), ((0, 0), 0)],
    "sinh": [((math.log(2),), 0.75)],
    "cosh": [((math.log(2),), 1.25), ((0,), 1)],
    "asinh": [((0.75,), math.log(2))],
    "acosh": [((1.25,), math.log(2)), ((1,), 0)],
    "atanh": [((0.6,), math.log(2))],
    "erf": [((0,), 0), ((1,), 0.8427007929497149)],
    "erfc": [((0,), 1), ((10,), 2.088487583762545e-45)],
    "clip": [((5, 0, 1), 1), ((-5, 0, 1), 0), ((0.5, 0, 1), 0.5)],
    "where": [((1, 2, 3), 2), ((0, 2, 3), 3), ((-0.5, 2, 3), 2)],
    "is_zero": [((0,), 1), ((-2,), 0), ((1e-300,), 0)],
    "floor": [((-0.5,), -1), ((2,), 2)],
    "ceil": [((0.5,), 1), ((2,), 2)],
    "trunc": [((-1.5,), -1), ((1.5,), 1)],
    "mod": [((7, 3), 1), ((-7, 3), 2), ((7, -3), -2), ((-7, -3), -1), ((1, 0.1), 1 % 0.1)],
    "floor_divide": [((7, 3), 2), ((-7, 3), -3), ((1, 0.1), 9), ((1.7e308, -1.1e308), -2)],
    "round": [((2.5,), 2), ((-1.5,), -2), ((0.4,), 0)],
    "log_sigmoid": [((0,), -math.log(2)), ((-1000,), -1000), ((1000,), 0), ((40,), -math.exp(-40))],
    "leaky_relu": [((2, 0.1), 2), ((-2, 0.1), -0.2)],
    "elu": [((2, 1), 2), ((-1000, 1.5), -1.5), ((-1e-20, 1), -1e-20)],
    "selu": [((1,), 1.0507009873554805), ((-1000,), -1.7580993408473766)],
    "gelu": [((0,), 0), ((1,), 0.8413447460685429), ((-1000,), 0), ((1000,), 1000)],
    "silu": [((0,), 0), ((1,), 0.7310585786300049), ((-1000,), 0), ((1000,), 1000)],
    "mean": [((1, 2, 6), 3)],
    "max": [((1, 3, 2), 3), ((-1,), -1)],
    "min": [((1, 3, 2), 1)],
    "logsumexp": [((1000, 1000), 1000 + math.log(2)), ((-1000,), -1000), ((0, 0), math.log(2))],
    "sum": [((), 0), ((1, 2, 3), 6)],
    "detach": [((3,), 3)],
    "take": [((0, 5), 5), ((1, 5, 6, 7), 6), ((2, 5, 6, 7), 7), ((1.25, 5, 6, 7), 6)],
    "dot": [((), 0), ((1, 2, 3, 4), 11), ((1, 2, 3, 4, 5), 16), ((7,), 7)],
}

KINKS = {
    "abs": [((0,), (0,))],
    "sign": [((0,), (0,))],
    "is_zero": [((0,), (0,))],
    "step": [((0,), (0,))],
    "relu": [((0,), (0,))],
    "leaky_relu": [((0, 0.1), (0.1, 0))],
    "elu": [((0, 2), (2, 0))],
    "selu": [((0,), (1.0507009873554805 * 1.6732632423543772,))],
    "greater": [((2, 2), (0, 0))],
    "maximum": [((2, 2), (0.5, 0.5))],
    "minimum": [((2, 2), (0.5, 0.5))],
    "max": [((2, 1, 2), (0.5, 0, 0.5))],
    "min": [((2, 2, 2, 3), (1 / 3, 1 / 3, 1 / 3, 0))],
    "clip": [((1, 0, 1), (1, 0, 0)), ((0, 0, 1), (1, 0, 0))],
    "where": [((0, 2, 3), (0, 0, 1))],
    "floor": [((2,), (0,))],
    "ceil": [((2,), (0,))],
    "trunc": [((2,), (0,))],
    "mod": [((6, 3), (1, -2)), ((-6, 3), (1, 2)), ((0, 3), (1, 0))],
    "floor_divide": [((6, 3), (0, 0))],
    "round": [((2.5,), (0,))],
    "take": [((0.5, 3, 4), (0, 1, 0))],
}

EDGES = {
    "sqrt": (0,),
    "cbrt": (0,),
    "hypot": (0, 0),
    "xlogy": (0, 0),
    "asin": (1,),
    "acos": (-1,),
    "acosh": (1,),
    "atan2": (0, 0),
}
"""Points where an operation has a value, but no derivative."""

each_operation = pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)


@each_operation
def test_special_values(op):
    for args, expected in SPECIAL_VALUES[op.name]:
        numbers = [float(x) for x in args]
        assert evaluate(op, numbers, numbers) == pytest.approx(expected, rel=1e-15, abs=0)


GRID = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)


def grid(op, numbers=GRID):
    """All combinations of the numbers; of none to three, where any number will do."""
    lengths = range(4) if op.arity is None else [op.arity]
    return [args for n in lengths for args in product(numbers, repeat=n)]


@each_operation
def test_the_domain_is_where_there_is_a_value(op):
    for args in grid(op):
        try:
            has_value = math.isfinite(op.value(floats, *args))
        except (ZeroDivisionError, TypeError):  # the latter for the largest of no numbers
            has_value = False
        assert op.domain.contains(*args) == has_value, args


@each_operation
def test_the_bounds_of_a_domain_are_its_ends(op):
    for end, outwards in ((op.domain.low, -math.inf), (op.domain.high, math.inf)):
        if op.arity == 1:
            assert op.domain.contains(math.nextafter(end, -outwards))
        if end != outwards:
            assert not op.domain.contains(math.nextafter(end, outwards))


@each_operation
def test_arguments_can_be_exchanged_where_the_table_says_so(op):
    def same(args, others):
        return op.domain.contains(*others) and math.isclose(
            op.value(floats, *args), op.value(floats, *others), abs_tol=1e-15
        )

    defined = [args for args in grid(op) if op.domain.contains(*args)]
    pairs = ((args, others) for args in defined for others in permutations(args))
    assert all(same(*pair) for pair in pairs) == op.commutative


NO_KINK_AFTER_ALL = {
    "elu": lambda x, alpha: alpha == 1,
    "leaky_relu": lambda x, slope: slope == 1,
    "take": lambda *args: len(args) == 3 and args[0] == 0.5 and args[1] == args[2],
    "trunc": lambda x: x == 0,
    "where": lambda condition, x, y: x == y,
}
"""Where the pieces of an operation happen to fit, and its kink is none."""


@each_operation
def test_kinks_are_where_derivatives_from_both_sides_differ(op):
    for args in grid(op):
        fits = op.name in NO_KINK_AFTER_ALL and NO_KINK_AFTER_ALL[op.name](*args)
        no_exponent = op is ops.power and args[0] <= 0  # no derivative for the exponent, that is
        if op.domain.contains(*args) and not fits and not no_exponent:
            at_kink = op.kink is not None and op.kink(*args) == 0
            smooth = all(oracle.is_smooth(op, args, i) for i in range(len(args)))
            assert at_kink != smooth, args


TWO_MOVE = (ops.hypot, ops.atan2)
"""Operations with a kink that may be reached only by moving two arguments at once."""


@pytest.mark.parametrize(
    "op",
    [op for op in ops.TABLE.values() if op.kink is not None and op not in TWO_MOVE],
    ids=lambda op: op.name,
)
def test_a_kink_is_as_far_away_as_it_says(op):
    for args in filter(lambda args: op.domain.contains(*args), grid(op)):
        far = op.kink(*args)
        moves = [
            (*args[:i], args[i] + step, *args[i + 1 :])
            for i in range(len(args))
            for step in (far, -far)
        ]
        assert math.isinf(far) or any(op.kink(*there) == 0 for there in moves), args


def test_kinks_have_the_agreed_derivatives():
    assert {*KINKS, *EDGES} == {name for name, op in ops.TABLE.items() if op.kink is not None}
    for name, cases in KINKS.items():
        for args, expected in cases:
            leaves = [Value(x) for x in args]
            record(ops.TABLE[name], tuple(leaves)).backward()
            assert [leaf.grad for leaf in leaves] == list(expected), name
            assert ops.TABLE[name].kink(*args) == 0
    for name, args in EDGES.items():
        assert ops.TABLE[name].kink(*args) == 0
        with pytest.raises(NonFiniteError, match=f"gradient through {name}"):
            record(ops.TABLE[name], tuple(map(Value, args))).backward()


ROUNDED = {
    "sum": "the partial sums are rounded",
    "mean": "the partial sums are rounded",
    "dot": "the products and their partial sums are rounded",
    "gelu": "the argument of erfc is rounded, which the steepness of its tail multiplies",
    "logsumexp": "near 0 the largest term and the logarithm cancel",
}
"""Operations whose values may be off by more than 4 units in the last place, and why."""


@each_operation
@examples(50)
@given(st.data())
def test_values_agree_with_mpmath(op, data):
    args = data.draw(points(op))
    value = op.value(floats, *args)
    with mpmath.workdps(oracle.DIGITS):
        exact = op.value(oracle.mp, *map(mpmath.mpf, args))
    if op.name in ROUNDED:
        scale = 1 + sum(map(abs, args)) ** (2 if op is ops.dot else 1)
        assert abs(value - exact) <= 1e-15 * scale * len(args)
    else:
        assert abs(value - exact) <= 4 * math.ulp(float(exact))


def assert_derivatives_agree_with_differences(op, args, wanted):
    local = op.local_derivatives(floats, op.value(floats, *args), args, wanted)
    assert len(local) == len(args)
    if op is ops.detach:  # whose derivative is not that of its value, but 0 by definition
        assert local == [0.0]
        return
    for i, want in enumerate(wanted):
        if want:
            exact = oracle.derivative(lambda *xs: op.value(oracle.mp, *xs), args, i)
            assert local[i] == pytest.approx(float(exact), rel=1e-9, abs=1e-12), args


@each_operation
def test_partial_derivatives_agree_with_central_differences_on_the_grid(op):
    far = (args for args in grid(op, (-1000.0, 1000.0)) if args)
    for args in filter(lambda args: op.domain.contains(*args), [*grid(op), *far]):
        finite = math.isfinite(op.value(floats, *args))
        if finite and (op.kink is None or op.kink(*args) != 0):  # there they are by agreement
            smooth = [oracle.is_smooth(op, args, i) for i in range(len(args))]
            assert_derivatives_agree_with_differences(op, args, smooth)


@each_operation
@examples(10)
@given(st.data())
def test_partial_derivatives_agree_with_central_differences(op, data):
    args = data.draw(points(op))
    wanted = [True] * len(args)
    if op is ops.power:
        wanted[1] = args[0] > 0  # elsewhere the exponent has no derivative
    assert_derivatives_agree_with_differences(op, args, wanted)


@given(st.data())
def test_record_at_one_point_and_run_at_another(data):
    op = data.draw(operations())
    here, there = data.draw(points(op)), data.draw(points(op))
    assume(len(here) == len(there))
    if op is ops.power:
        assume(here[0] > 0 and there[0] > 0)
    leaves = [Value(x) for x in here]
    moved = record(op, tuple(leaves))
    for leaf, x in zip(leaves, there, strict=True):
        leaf.data = x
    replay(moved)
    moved.backward()
    fresh_leaves = [Value(x) for x in there]
    fresh = record(op, tuple(fresh_leaves))
    fresh.backward()
    assert moved.data == fresh.data
    assert [leaf.grad for leaf in leaves] == [leaf.grad for leaf in fresh_leaves]


@each_operation
def test_rules_print_in_both_notations(op):
    args = tuple(Name(f"a_{i}") for i in range(op.arity or 4))
    out = Term(op, args)
    for formula in (out, *op.local_derivatives(formulas, out, args, [True] * len(args))):
        for notation in (TEXT, LATEX):
            text = write(formula, notation)
            assert text
            assert text.count("{") == text.count("}")
            assert text.count("(") == text.count(")")
    assert op.binds in BINDING


class Called(type(floats)):
    """Floats for a reader's rules, in which a number's name is the number."""

    def called(self, position, number):
        return number


WALKED = [
    softmax(index, str(index)) for softmax in (ops.softmax, ops.log_softmax) for index in (0, 2)
]
TOLD = [op for op in [*ops.TABLE.values(), *WALKED] if op.named]
CHOOSING = [op for op in ops.TABLE.values() if op.chooses]


@pytest.mark.parametrize("op", TOLD, ids=repr)
@given(st.data())
def test_derivatives_as_a_reader_writes_them_are_those_computed(op, data):
    count = op.arity or data.draw(st.integers(3, 5))
    args = data.draw(st.lists(st.floats(-5, 5), min_size=count, max_size=count))
    out = op.value(floats, *args)
    computed = op.local_derivatives(floats, out, args, [True] * count)
    assert op.named(Called(), out, *args) == pytest.approx(list(computed), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("op", CHOOSING, ids=repr)
@given(st.data())
def test_what_is_chosen_gets_the_gradient(op, data):
    count = op.arity or data.draw(st.integers(3, 5))
    args = data.draw(st.lists(st.floats(-5, 5), min_size=count, max_size=count, unique=True))
    args[0] = float(data.draw(st.integers(0, 1)))  # an index, or a condition
    assume(len({*args}) == count and op.domain.contains(*args))
    out = op.value(floats, *args)
    slopes = op.local_derivatives(floats, out, args, [True] * count)
    assert sorted(slopes) == [0] * (count - 1) + [1]
    assert args[[*slopes].index(1)] == out


@pytest.mark.parametrize("op", WALKED, ids=repr)
def test_an_output_of_softmax_is_that_output(op):
    function = {"softmax": mg.softmax, "log_softmax": mg.log_softmax}[op.name]
    xs = mg.values(a=1000, b=999, c=-3)
    recorded = function(xs)["₀₁₂".index(op.symbol[-1])]
    recorded.backward()
    args = [x.data for x in xs]
    out = op.value(floats, *args)
    assert out == pytest.approx(recorded.data, rel=1e-12)
    slopes = op.local_derivatives(floats, out, args, [True] * 3)
    assert [*slopes] == pytest.approx([x.grad for x in xs], rel=1e-9, abs=1e-300)


@each_operation
def test_namespaces_are_asked_for_what_the_table_says_is_theirs(op):
    asked = set()

    class Asked(ops.Namespace):
        def __getattr__(self, name):
            asked.add(name)
            return getattr(floats, name)

    op.value(Asked(), *op.example[0])
    assert (op.name in asked) == op.primitive
    assert hasattr(ops.Namespace(), op.name) == (not op.primitive)


@each_operation
def test_the_documented_example_is_true_and_the_domain_holds_it(op):
    args, expected = op.example
    assert evaluate(op, args, args) == expected
    assert op.domain.contains(*args)


ARITHMETIC = {"add", "subtract", "multiply", "divide", "negate", "power"}
COMPOSED = {"hard_tanh", "log_softmax", "maxout", "pow", "prelu", "softmax"}


def test_every_operation_has_a_public_name():
    assert not ARITHMETIC & {*functions.__all__}  # these have their operators
    assert {*functions.__all__} - COMPOSED == set(ops.TABLE) - ARITHMETIC


@given(st.data())
def test_functions_give_floats_for_numbers_and_values_for_values(data):
    op = data.draw(operations().filter(lambda op: op.name in functions.__all__ and op.arity))
    args = data.draw(points(op))
    function = getattr(mg, op.name)
    plain, recorded = function(*args), function(*map(Value, args))
    assert type(plain) is float
    assert type(recorded) is Value
    assert plain == recorded.data
    assert recorded.op is op


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda: mg.log(Value(-1, "q")), ["log", "q = -1.0", "x > 0"]),
        (lambda: mg.log(Value(0, "q")), ["log", "q = 0.0"]),
        (lambda: 1 / Value(0, "q"), ["reciprocal", "q = 0.0", "x ≠ 0"]),
        (lambda: 2 / Value(0, "q"), ["divide", "2.0", "q = 0.0"]),
        (lambda: Value(-8, "q") ** (1 / 3), ["power", "q = -8.0", "0.333"]),
        (lambda: Value(0, "q") ** -1, ["power", "q = 0.0"]),
        (lambda: Value(1000, "q").exp(), ["exp", "q = 1000.0", "too large"]),
        (lambda: mg.exp(1000), ["exp", "1000", "too large"]),
        (lambda: Value(1e308, "q") * 10, ["multiply", "q = 1e+308", "too large"]),
        (lambda: Value(1e308, "q") + 1e308, ["add", "q = 1e+308", "too large"]),
        (lambda: Value(-1, "q").sqrt(), ["sqrt", "q = -1.0", "x ≥ 0"]),
        (
            lambda: Value(2, "q") * math.nan,
            ["multiply", "q = 2.0, nan", "an operand is not finite"],
        ),
        (lambda: mg.maximum(Value(2, "q"), math.nan), ["maximum", "q = 2.0, nan"]),
        (lambda: mg.minimum(Value(2, "q"), math.nan), ["minimum", "q = 2.0, nan"]),
        (lambda: mg.maximum(math.nan, Value(2, "q")), ["maximum", "nan, q = 2.0"]),
        (lambda: (-1 / Value(1e-200, "q")).backward(), ["gradient", "divide", "q = 1e-200"]),
        (lambda: (-(1 / Value(1e-200, "q"))).backward(), ["gradient", "reciprocal"]),
        (lambda: Value(0, "q").sqrt().backward(), ["gradient", "sqrt", "q = 0.0"]),
        (lambda: (Value(1e-200, "q") ** -1).backward(), ["gradient", "power", "q = 1e-2"]),
        (lambda: mg.sum([Value(1, "q"), float("inf")]), ["sum", "q = 1.0"]),
        (lambda: Value(float("nan")), ["finite", "nan"]),
        (lambda: Value(-math.inf), ["finite", "-inf"]),
        (lambda: Value(10**400), ["a Value's data is too large"]),
        (lambda: Value(1) * 10**400, ["too large"]),
    ],
)
def test_results_that_are_not_finite_are_errors_with_the_place(compute, words):
    with pytest.raises(NonFiniteError) as caught:
        compute()
    for word in words:
        assert word in str(caught.value)


def test_the_label_of_a_result_is_named_when_it_fails_later():
    x = Value(2, "x")
    h = mg.log(x)
    h.label = "hidden"
    x.data = -2.0
    with pytest.raises(NonFiniteError, match=r"log of x = -2.0 \(hidden\)"):
        replay(h)


@pytest.mark.parametrize("name", ["step", "sech", "greater", "clip", "add", "subtract", "multiply"])
def test_what_floats_do_directly_is_what_the_table_says(name):
    numbers = [-math.inf, -1.0, -0.0, 0.0, 5e-324, 2.0, 800.0, math.inf, math.nan]
    for args in grid(ops.TABLE[name], numbers):
        found, expected = getattr(floats, name)(*args), ops.TABLE[name].value(floats, *args)
        assert repr(found) == repr(expected), args


def test_an_unknown_operation_is_named():
    with pytest.raises(KeyError, match="softmin"):
        ops.find("softmin")
    with pytest.raises(AttributeError, match="softmin"):
        floats.softmin(1.0)
    with pytest.raises(AttributeError, match="softmin"):
        formulas.softmin(1.0)
