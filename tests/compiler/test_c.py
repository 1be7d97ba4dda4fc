"""Operations in C: compiled, they give the numbers that the table's rules give in Python."""

import ctypes
import itertools
import math
import operator
import random
import struct
import subprocess
from functools import partial

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus.compiler.codegen.c import CODES, operations
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import Op
from tests.effort import examples, share
from tests.needs import ROOT, loaded, needed, program

# As Python does not take libm's hypot, these may differ in the last digits: value, derivatives
HYPOT = {"hypot": (1, 1), "atan": (0, 4), "atan2": (0, 4), "asinh": (0, 2)}

SHARED = """
#define TAPES
#include "operations.h"
double value(int code, double x, double y, double z) { return op_value(code, x, y, z); }
double slope(int code, int i, double out, double x, double y, double z)
{
    return op_slope(code, i, out, x, y, z);
}
double reduce(int code, ptrdiff_t n, const double *x)
{
    double out = NAN;
    op_reduce(code, n, NULL, x, &out);
    return out;
}
void reduce_slopes(int code, ptrdiff_t n, double out, const double *x, double *slope)
{
    op_reduce_slopes(code, n, NULL, x, &out, NULL, slope);
}
double lanes_value_of(int code, double x, double y, double z)
{
    return lanes_value(code, x, y, z);
}
double lanes_slope_of(int code, int i, double out, double x, double y, double z)
{
    return lanes_slope(code, i, out, x, y, z);
}
#define SIZE(name, code) + sizeof(#name)
int unary(void) { return 0 UNARY_OPERATIONS(SIZE); }
const char *name(int code) { return op_names[code]; }
"""


def built(folder):
    """A library with the functions of the header, compiled as the core is, but strictly."""
    needed("hatchling")
    (folder / "operations.h").write_text(operations(), encoding="utf-8")
    (folder / "shared.c").write_text(SHARED)
    compiler = program("cc", "gcc", "clang", package="gcc")
    strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
    core = loaded(ROOT / ".github" / "build.py").UNIX
    headers = ["-I", ROOT / "micrograd_plus" / "core"]
    files = ["-shared", "-fPIC", *headers, "-o", "shared.so", "shared.c", "-lm"]
    subprocess.run([compiler, *strict, *core, *files], cwd=folder, check=True, timeout=100)
    made = ctypes.CDLL(folder / "shared.so")
    for value in (made.value, made.lanes_value_of):
        value.restype, value.argtypes = ctypes.c_double, [ctypes.c_int, *[ctypes.c_double] * 3]
    for slope in (made.slope, made.lanes_slope_of):
        slope.restype = ctypes.c_double
        slope.argtypes = [ctypes.c_int, ctypes.c_int, *[ctypes.c_double] * 4]
    made.reduce.argtypes = [ctypes.c_int, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_double)]
    made.reduce.restype = ctypes.c_double
    made.name.restype = ctypes.c_char_p
    return made


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    return built(tmp_path_factory.mktemp("c"))


def in_python(rule, *args):
    """What a rule gives for floats, by the engine's understanding of a division by zero."""
    try:
        return float(rule(floats, *args))
    except ZeroDivisionError:
        return math.nan


def assert_same(found, expected, ulps=0):
    """Both not finite, or equal to the last bit, the sign of a zero included."""
    if not math.isfinite(expected):
        assert not math.isfinite(found)
    elif ulps:
        assert abs(found - expected) <= ulps * math.ulp(expected)
    else:
        assert struct.pack("d", found) == struct.pack("d", expected)


def assert_agrees(c, op, args):
    if op.arity is None:
        assert_reduces(c, op, args)
        return
    code, padded = CODES[op], [*args, *[math.nan] * (3 - len(args))]  # what counts not is not read
    in_value, in_slopes = HYPOT.get(op.name, (0, 0))
    out = in_python(op.value, *args)
    assert_same(c.value(code, *padded), out, in_value)
    for i, rule in enumerate(op.partials if math.isfinite(out) else ()):
        assert_same(c.slope(code, i, out, *padded), in_python(rule, out, *args), in_slopes)


def assert_reduces(c, op, args):
    code, n, out = CODES[op], len(args), in_python(op.value, *args)
    x, found = (ctypes.c_double * n)(*args), (ctypes.c_double * n)()
    assert_same(c.reduce(code, n, x), out)
    if math.isfinite(out):
        c.reduce_slopes(code, n, ctypes.c_double(out), x, found)
        for slope, expected in zip(found, op.partials(floats, out, *args), strict=True):
            assert_same(slope, expected)


# What is computed by polynomials in lanes: by how many last digits values and derivatives differ.
# Where a derivative is 0, all its digits may.
POLYNOMIALS = {
    "exp": (1, 1), "expm1": (1, 1), "log": (1, 0), "log1p": (1, 0), "xlogy": (2, 2),
    "power": (0, 2), "tanh": (2, 8), "sech": (2, 6), "cosh": (2, 1), "sinh": (0, 2),
    "erf": (0, 3), "erfc": (0, 3), "sigmoid": (2, 4), "softplus": (2, 4), "log_sigmoid": (2, 4),
    "elu": (2, 3), "selu": (2, 4), "gelu": (0, 16), "silu": (4, 16),
}  # fmt: skip


def assert_close_in_lanes(c, op, args):
    code, padded = CODES[op], [*args, *[math.nan] * (3 - len(args))]
    in_value, in_slopes = POLYNOMIALS.get(op.name) or HYPOT.get(op.name, (0, 0))
    out = in_python(op.value, *args)
    assert_same(c.lanes_value_of(code, *padded), out, in_value)
    for i, rule in enumerate(op.partials if math.isfinite(out) else ()):
        found, expected = c.lanes_slope_of(code, i, out, *padded), in_python(rule, out, *args)
        if in_slopes < 16 or not abs(found - expected) < 1e-15:
            assert_same(found, expected, in_slopes)


EDGES = [0.0, 5e-324, 1e-300, 1e-8, 1 / 3, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 17.3, 40.0, 41.0, 710.0]
EDGES += [1e17, 1e154, 1.7e308, math.inf]
EDGES = [math.nan, *EDGES, *(-x for x in EDGES)]


@pytest.mark.parametrize("op", CODES, ids=lambda op: op.name)
def test_edges_are_those_of_the_rules(op, c):
    for count in [op.arity] if op.arity else [1, 2, 3]:
        for args in itertools.product(EDGES[:: 3 if count == 3 else 1], repeat=count):
            assert_agrees(c, op, args)


@pytest.mark.parametrize("op", CODES, ids=lambda op: op.name)
def test_ordinary_numbers_give_the_same_bits(op, c):
    draw = random.Random(op.name)
    for _ in range(share(20_000)):
        width = 10.0 ** draw.uniform(-3, 3)
        count = op.arity or draw.randint(1, 20)
        assert_agrees(c, op, [draw.uniform(-width, width) for _ in range(count)])


@given(st.sampled_from([*CODES]), st.lists(st.floats(), min_size=3, max_size=6))
@examples(2000)
def test_all_numbers_give_the_same_bits(c, op, numbers):
    assert_agrees(c, op, numbers[: op.arity])


@pytest.mark.parametrize("op", [op for op in CODES if op.arity], ids=lambda op: op.name)
def test_lanes_differ_in_the_last_digits_at_most(op, c):
    for args in itertools.product(EDGES[:: 3 if op.arity == 3 else 1], repeat=op.arity):
        assert_close_in_lanes(c, op, args)
    draw = random.Random(op.name)
    for _ in range(share(20_000)):
        width = 10.0 ** draw.uniform(-3, 3)
        assert_close_in_lanes(c, op, [draw.uniform(-width, width) for _ in range(op.arity)])


TRUE = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
}


@pytest.mark.parametrize("name", TRUE)
def test_polynomials_are_within_a_last_digit(name, c):
    draw, code = random.Random(name), CODES[TABLE[name]]
    for _ in range(share(20_000)):
        width = 10.0 ** draw.choice([-300, -17, -8, -3, -2, -1, 0, 0, 0, 1, 1, 2, 3, 300])
        x = draw.uniform(-width, width)
        if not TABLE[name].domain.contains(x):
            x = -x
        with mpmath.workprec(200):
            true, found = TRUE[name](mpmath.mpf(x)), c.lanes_value_of(code, x, 0.0, 0.0)
            if math.isinf(float(true)):
                assert found == float(true)
            else:
                assert abs(found - true) <= 1.01 * math.ulp(float(true))


def test_codes_and_names_are_those_of_the_table(c):
    fixed = [op for op in TABLE.values() if op.arity]
    others = [op for op in TABLE.values() if not op.arity]
    assert [c.name(code).decode() for code in CODES.values()] == [x.name for x in fixed + others]
    assert c.unary() == sum(len(op.name) + 1 for op in fixed if op.arity == 1)


BENT = Op(
    "bent",
    value=lambda m, x, y: m.where(x > y, -operator.neg(x), m.power(y, 3.0) - math.inf * x),
    partials=(
        lambda m, out, x, y: m.step(x - y) * (1.0 - out * out) - -1e-7 * m.erfc(y),
        lambda m, out, x, y: m.greater(y, x) - (m.power(y, 2.0) - (x - y)),
    ),
    about="two pieces",
    example=((1.0, 0.0), 1.0),
)

SPREAD = Op(
    "spread",
    value=lambda m, *xs: m.log(m.sum(*[m.max(*xs) - x for x in xs]) * 2.0 - m.min(*xs)),
    partials=lambda m, out, *xs: [
        (x - m.max(*xs)) * (m.step(x) - (out - m.logsumexp(*xs))) - m.bent(x, out) for x in xs
    ],
    at_once=True,
    about="how far numbers lie from the largest, more or less",
    example=((1.0, 0.0), 0.0),
)


def test_a_new_entry_needs_nothing_else(monkeypatch, tmp_path):
    for op in (BENT, SPREAD):
        monkeypatch.setitem(TABLE, op.name, op)
        monkeypatch.setitem(CODES, op, len(CODES))
    monkeypatch.setattr(floats, "bent", partial(BENT.value, floats), raising=False)
    c = built(tmp_path)
    for args in itertools.product(EDGES, repeat=2):
        assert_agrees(c, BENT, args)
        assert_agrees(c, SPREAD, args)


def test_the_text_is_always_the_same():
    assert operations() == operations()
