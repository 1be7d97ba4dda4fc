"""Derivatives at the edges: far out, at kinks, at ends of domains, beside infinite constants."""

import math
import re
from itertools import combinations_with_replacement, permutations, product

import mpmath
import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.engine import apply
from micrograd_plus.graph import order
from micrograd_plus.ops.floats import floats
from micrograd_plus.walk.formula import gate
from micrograd_plus.walk.steps import Walk
from tests import oracle
from tests.effort import slow
from tests.needs import needed_by, needs_core

INF = math.inf


def along(op, args, path):
    """The derivative of an operation for one argument after the other; None where it has none."""

    def f(*xs):
        return apply(op, *xs)

    for i in path:

        def f(*xs, f=f, i=i):
            return mg.derivative(lambda t: f(*xs[:i], t, *xs[i + 1 :]))(xs[i])

    try:
        return float(f(*args))
    except NonFiniteError:
        return None


# ------------------------------------------------------------------------- digits

EXPONENTS = (-150, -20, -8, -3, -1, 0, 0.3, 1, 1.2, 1.4, 1.7, 2, 2.3, 2.5, 2.8, 5, 16, 100)
FAR = (*EXPONENTS, 153.9, 155, 200, 308)  # squares leave the floats on the way

CROSSING = {ops.asin, ops.acos, ops.atanh, ops.sigmoid}
"""Operations whose second derivative is a difference that is 0 at 0, and loses digits nearby."""


def arguments(op):
    """Numbers of all sizes, and close to the ends of the domain."""
    turning = op in (ops.sin, ops.cos, ops.tan)  # beyond, the step would be many turns
    for exponent in EXPONENTS if turning else FAR:
        yield from (sign * 1.0371 * 10**exponent for sign in (1, -1))
    for end in filter(math.isfinite, (op.domain.low, op.domain.high)):
        yield from (end + sign * 10.0**-k for k in (3, 9, 15) for sign in (1, -1))


def true_derivatives(op, x):
    """The first two, from differences that are exact to hundreds of digits."""
    with mpmath.workdps(900):
        ends = [end for end in (op.domain.low, op.domain.high) if math.isfinite(end)]
        h = min(abs(mpmath.mpf(x) - at) for at in [0, *ends]) * mpmath.mpf(10) ** -150
        above, here, below = (op.value(oracle.mp, mpmath.mpf(x) + h * k) for k in (1, 0, -1))
        return (above - below) / (2 * h), (above - 2 * here + below) / h**2


@pytest.mark.parametrize(
    "op",
    [
        op
        for op in ops.TABLE.values()
        if op.arity == 1 and op.value(oracle.mp, 0.3) != 0 and op is not ops.detach
    ],
    ids=lambda op: op.name,
)
def test_derivatives_keep_their_digits_everywhere(op):
    far = 1e10 if op in (ops.erf, ops.erfc, ops.gelu, ops.ceil) else INF  # that of the oracle
    for x in filter(op.domain.contains, arguments(op)):
        if not math.isfinite(op.value(floats, x)):
            continue
        limits = (1.0 if op is ops.gelu and x > 0 else 0.0, 0.0)
        exact = true_derivatives(op, x) if abs(x) < far else limits
        for n, expected in enumerate(exact, start=1):
            found = along(op, [x], [0] * n)
            if found is None:
                assert abs(expected) > 1e307, x
                continue
            crossing = 1e-15 if n == 2 and op in CROSSING else 0.0
            assert abs(found - expected) <= 1e-13 * abs(expected) + crossing + 1e-300, (x, n)


# --------------------------------------------------- second derivatives, at edges too

EDGES = (-1e100, -2.0, -1.0, -1e-100, 0.0, 1e-100, 0.5, 1.0, 2.0, 1e100)
several = pytest.mark.parametrize(
    ("op", "count"),
    [
        (op, count)
        for op in ops.TABLE.values()
        for count in ([op.arity] if op.arity else [2, 3])
        if count > 1
    ],
    ids=lambda x: getattr(x, "name", x),
)


def edges(op, count):
    """Points at which an operation has a value: ties, ends of its domain, tiny and huge numbers."""
    for args in product(EDGES if count < 3 else (-1.0, 0.0, 0.5, 1.0), repeat=count):
        if op.domain.contains(*args) and math.isfinite(op.value(floats, *args)):
            yield args


@several
def test_derivatives_do_not_depend_on_their_order(op, count):
    for args in edges(op, count):
        for n in (2, 3) if count == 2 else (2,):
            ways = {way: along(op, args, way) for way in product(range(count), repeat=n)}
            scale = max([0.0, *(abs(slope) for slope in ways.values() if slope is not None)])
            for path in combinations_with_replacement(range(count), n):
                alike = [ways[way] for way in {*permutations(path)} if ways[way] is not None]
                assert not alike or max(alike) - min(alike) <= 1e-12 * scale, (args, ways)


def smooth(op, args):
    """Whether an operation is smooth around a point, and not only on one side of it."""
    away = op.kink is None or op.kink(*args) != 0
    around = [[x + h * 1e-300 for x in args] for h in (1, -1)]
    return away and all(op.domain.contains(*there) for there in around) and 0.0 not in args


def mixed(op, args, i, j):
    """∂²/∂xᵢ∂xⱼ from differences."""
    with mpmath.workdps(900):
        total = mpmath.mpf(0)
        steps_ = [abs(mpmath.mpf(args[k])) * mpmath.mpf(10) ** -120 for k in (i, j)]
        for a, b in product((1, -1), repeat=2):
            there = list(map(mpmath.mpf, args))
            there[i] += a * steps_[0]
            there[j] += b * steps_[1]
            total += a * b * op.value(oracle.mp, *there)
        return total / (4 * steps_[0] * steps_[1])


@slow
@several
def test_second_derivatives_agree_with_mpmath(op, count):
    for args in edges(op, count):
        if smooth(op, args):
            for i, j in product(range(count), repeat=2):
                found, exact = along(op, args, (i, j)), mixed(op, args, i, j)
                if found is None:
                    continue
                near = 1e-15 * max(abs(x) for x in args) ** -2  # where atan2's crosses 0
                assert abs(found - exact) <= 1e-12 * abs(exact) + near, (args, i, j)


@pytest.mark.parametrize(
    ("y", "path", "expected"),
    [
        # with x = 0, from the limits for x ↓ 0 and for y; None where there is none
        (0.0, "x", 0),
        (0.0, "y", None),
        (1.0, "x", 1),
        (1.0, "y", 0),
        (1.0, "xx", 0),
        (1.0, "xy", None),
        (1.0, "yx", None),
        (2.0, "x", 0),
        (2.0, "xx", 2),
        (2.0, "xy", 0),
        (2.0, "xxx", 0),
        (2.0, "xxy", None),
        (2.0, "xyx", None),
        (2.0, "yxx", None),
        (3.0, "xxx", 6),
        (3.0, "xxxx", 0),
        (0.5, "x", None),
        (0.5, "y", 0),
        (1.5, "xx", None),
    ],
)
def test_powers_at_zero(y, path, expected):
    assert along(ops.power, (0.0, y), ["xy".index(letter) for letter in path]) == expected


def test_a_mixed_derivative_that_is_infinite_is_named():
    for y in (0.0, 1.0):
        with pytest.raises(NonFiniteError, match=r"(power|xlogy|log) of"):
            mg.hessian(lambda x: x[0] ** x[1])([0.0, y])
    x, y = mg.values(x=0.0, y=0.0)
    with pytest.raises(NonFiniteError, match=r"gradient through power of x = 0\.0, y = 0\.0"):
        (x**y).backward()


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x: mg.relu(x), [0], [[0]]),
        (lambda x: mg.abs(x), [0], [[0]]),
        (lambda x, a: mg.leaky_relu(x, a), [0, 3], [[0, 1], [1, 0]]),
        (lambda x, a: mg.elu(x, a), [0, 3], [[3, 1], [1, 0]]),
        (lambda x: mg.selu(x), [0], [[1.0507009873554805 * 1.6732632423543772]]),
        (lambda x, y: mg.maximum(x, y) ** 2, [3, 3], [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x, y: mg.max([x, y]) ** 2, [3, 3], [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x, y: mg.clip(x, y, 5) ** 2, [3, 3], [[2, 0], [0, 0]]),
    ],
)
def test_at_a_kink_all_derivatives_are_those_of_the_agreed_piece(f, at, expected):
    found = mg.hessian(lambda xs: f(*xs))([float(x) for x in at])
    assert found == [pytest.approx(row, rel=1e-15) for row in expected]


# ---------------------------------------------------------------- infinite constants

HARMLESS = {
    "maximum": (lambda x, y: mg.maximum(x * y, -INF), lambda x, y: x * y),
    "minimum": (lambda x, y: mg.minimum(INF, x * y), lambda x, y: x * y),
    "max": (lambda x, y: mg.max([-INF, x * y, x]), lambda x, y: mg.max([x * y, x])),
    "min": (lambda x, y: mg.min([x * y, INF, x]), lambda x, y: mg.min([x * y, x])),
    "clip": (lambda x, y: mg.clip(x * y, -INF, INF), lambda x, y: x * y),
    "clip below": (lambda x, y: mg.clip(x * y, x, INF), lambda x, y: mg.maximum(x * y, x)),
    "where": (lambda x, y: mg.where(mg.greater(x, 0), x * y, INF), lambda x, y: x * y),
    "where not": (lambda x, y: mg.where(x < 0, -INF, x * y), lambda x, y: x * y),
    "divide": (lambda x, y: x * y + y / INF, lambda x, y: x * y),
    "greater": (lambda x, y: x * y * mg.greater(INF, y), lambda x, y: x * y),
    "logsumexp": (
        lambda x, y: mg.logsumexp([x * y, -INF, x]),
        lambda x, y: mg.log(mg.exp(x * y) + mg.exp(x)),
    ),
    "softmax": (
        lambda x, y: mg.softmax([-INF, x * y, x, -INF])[1],
        lambda x, y: mg.exp(x * y) / (mg.exp(x * y) + mg.exp(x)),
    ),
    "log_softmax": (
        lambda x, y: mg.log_softmax([x * y, -INF, x])[0],
        lambda x, y: x * y - mg.log(mg.exp(x * y) + mg.exp(x)),
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_infinite_constants_that_change_nothing_work_everywhere(name):
    given, plain = ((lambda xs, f=f: f(*xs)) for f in HARMLESS[name])
    at, along_ = [2.0, 3.0], [0.5, -1.0]
    for transform in (mg.grad, mg.value_and_grad, mg.hessian):
        assert flat(transform(given)(at)) == pytest.approx(flat(transform(plain)(at)), rel=1e-12)
    for product_ in (mg.jvp, mg.hvp):
        found, expected = (product_(f, (at,), (along_,)) for f in (given, plain))
        assert flat(found) == pytest.approx(flat(expected), rel=1e-12)
    x, y = mg.values(x=2.0, y=3.0)
    f = given([x, y])
    f.backward()
    shown = Walk(f)
    seen = [shown[-1].visible[v].grad for v in (x, y)]
    assert seen == pytest.approx([x.grad, y.grad], rel=1e-12)  # a gate of its own for softmax
    assert mg.explain(x, of=f).gradient == x.grad
    assert all(gate(node.op, node.args) for node in order(f) if node.op)
    assert "nan" not in "".join(step.text for step in shown)
    assert not re.search(r"(?<!\\)inf", "".join(step.latex for step in shown))
    assert mg.check_gradients(lambda *xs: given(xs), *at).ok


def flat(nested):
    """All numbers of nested sequences."""
    if isinstance(nested, list | tuple):
        return [x for part in nested for x in flat(part)]
    return [nested]


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: x + INF, "add of x = 1.0, inf is not finite"),
        (lambda x: x * -INF, "multiply of x = 1.0, -inf is not finite"),
        (lambda x: mg.maximum(x, INF), "maximum of x = 1.0, inf is not finite"),
        (lambda x: mg.where(x, INF, 0), "where of x = 1.0, inf, 0.0 is not finite"),
        (lambda x: mg.clip(x, INF, INF), "clip of x = 1.0, inf, inf is not finite"),
        (lambda x: mg.logsumexp([x, INF]), "logsumexp of x = 1.0, inf is not finite"),
        (lambda x: mg.logsumexp([-INF, -INF]), "logsumexp of -inf, -inf is not finite"),
        (lambda x: mg.softmax([-INF, -INF]), "softmax needs a term that is not -inf: all 2"),
        (lambda x: mg.log_softmax([-INF]), "log_softmax needs a term that is not -inf"),
        (lambda x: mg.softmax([x, INF]), "max of x = 1.0, inf is not finite"),
        (lambda x: 0 * x * mg.log_softmax([x, -INF])[1], "multiply of 0.0, -inf"),
    ],
)
def test_infinite_constants_that_do_harm_are_named(compute, words):
    with pytest.raises(ValueError, match=words):
        compute(Value(1.0, "x"))


def test_what_is_masked_gets_nothing():
    x = Value(1.0)
    assert [float(p) for p in mg.softmax([x, -INF, 1])] == [0.5, 0, 0.5]
    assert [float(p) for p in mg.log_softmax([x, -INF])] == [0, -INF]
    assert mg.softmax([-INF, 5.0]) == [0, 1]
    assert mg.log_softmax([-INF, 5.0]) == [-INF, 0]


def test_bounds_in_the_wrong_order_are_named_whoever_gives_them():
    x, low, high = mg.values(x=1.0, low=3.0, high=2.0)
    for bounds in ((3, 2), (low, 2), (3, high), (low, high)):
        for number in (x, 1.0):
            with pytest.raises(NonFiniteError, match="clip is defined for low ≤ high"):
                mg.clip(number, *bounds)
    high.data = 5.0
    f = mg.clip(x, low, high)
    assert f.data == 3
    high.data = 2.0
    with pytest.raises(NonFiniteError, match=r"clip of x = 1\.0, low = 3\.0, high = 2\.0"):
        mg.replay(f)


# ------------------------------------------------------------------------ in programs

STEEP = ("tanh", "sech", "sigmoid", "log_sigmoid", "silu", "atan", "asinh", "erf", "gelu", "log10")


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [("numpy", "float64"), ("numpy", "float32"), ("jax", "float64"), ("jax", "float32")],
)
@slow
@pytest.mark.parametrize("name", STEEP)
def test_derivatives_keep_their_digits_in_programs(name, backend, dtype):
    needed_by(backend)
    op = ops.TABLE[name]
    precise = dtype == "float64"
    numbers = [float(np.dtype(dtype).type(x)) for x in arguments(op) if precise or abs(x) < 1e18]
    expected = {x: along(op, [x], [0]) for x in filter(op.domain.contains, numbers)}
    expected = {x: d for x, d in expected.items() if d is not None and (precise or abs(d) < 1e30)}
    program = mg.compile(
        lambda x: apply(op, x), 0.5, input_gradients=True, backend=backend, dtype=dtype
    )
    found = np.ravel(program.value_and_grad(list(expected))[-1]) * len(expected)
    bounds = {"rel": 1e-13, "abs": 1e-300} if precise else {"rel": 3e-5, "abs": 1e-35}
    assert found.tolist() == pytest.approx(list(expected.values()), **bounds)


@pytest.mark.parametrize("name", STEEP)
def test_derivatives_keep_their_digits_in_machine_code(name):
    needs_core()
    op = ops.TABLE[name]
    program = mg.compile(lambda x: apply(op, x), 0.5, backend="native", batched=False)
    for x in filter(op.domain.contains, arguments(op)):
        expected = along(op, [x], [0])
        if expected is not None:
            found = float(program.value_and_grad(x)[1])
            assert found == pytest.approx(expected, rel=1e-13, abs=1e-300), x


@pytest.mark.parametrize("function", [mg.softmax, mg.log_softmax])
def test_softmax_is_not_differentiated_through_its_maximum(function):
    terms = mg.values(x=0.3, y=2.0, z=-1.0)
    f = mg.dot([1.0, -2.0, 3.0], function(terms))
    f.backward()
    (largest,) = (node for node in order(f) if node.op is ops.max)
    assert largest.grad == 0
    with mpmath.workdps(30):

        def exact(*xs):
            total = mpmath.fsum(map(mpmath.exp, xs))
            logs = [x - mpmath.log(total) for x in xs]
            parts = logs if function is mg.log_softmax else [*map(mpmath.exp, logs)]
            return parts[0] - 2 * parts[1] + 3 * parts[2]

        numbers = [x.data for x in terms]
        orders = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        expected = [float(mpmath.diff(exact, numbers, n)) for n in orders]
    assert [x.grad for x in terms] == pytest.approx(expected, rel=1e-14)
