"""What programs compute once and for less: the numbers stay those of the engine, and exact."""

import math
import re

import mpmath
import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus.compiler.codegen import error_functions
from micrograd_plus.compiler.codegen.backends import NumPy
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.syntax import Let, Name, Write
from tests.needs import needed_by


def texts(*lines, **options):
    return [NumPy().line(line) for line in shared(lines, **options)]


A, B, DX = Name("a"), Name("b"), Name("dx")


def test_what_is_computed_twice_gets_a_name():
    assert texts(Let("y", (A + B) * 2.0), Let("z", (A + B) * 3.0), cheaper=False) == [
        "e1 = a + b", "y = e1 * 2.0", "z = e1 * 3.0",
    ]  # fmt: skip
    assert texts(Let("y", A + B), Let("e1", A + B + 1.0)) == ["y = a + b", "e1 = y + 1.0"]
    gathered = [Let(f"y{k}", Name("a")[Name("i1")] + number) for k, number in enumerate((1.0, 2.0))]
    assert texts(*gathered) == ["e1 = a[i1]", "y0 = e1 + 1.0", "y1 = e1 + 2.0"]


def test_a_view_is_no_computation():
    views = A[0:2], A.T, A.library("reshape", 2, 3)
    for view in views:
        assert len(texts(Let("y", view + B), Let("z", view - B))) == 2


def test_what_depends_on_an_array_that_changes_is_computed_anew():
    lines = Let("dx", A), Let("y", DX * B), Write(DX, B, adds=True), Let("z", DX * B)
    assert texts(*lines) == ["dx = a", "y = dx * b", "dx += b", "z = dx * b"]
    assert texts(Let("y", DX * B + DX * B), Write(DX, B, adds=True))[0] == "e1 = dx * b"


def test_an_array_that_changes_is_no_other_one():
    lines = Let("dx", A + B), Write(DX[0:1], A, adds=True), Let("dy", A + B)
    assert texts(*lines) == ["dx = a + b", "dx[0:1] += a", "dy = a + b"]
    again = Let("dy", A + B), Let("dx", A + B), Write(DX[0:1], A, adds=True)
    assert texts(*again)[:2] == ["dy = a + b", "dx = a + b"]


# ------------------------------------------------------------------- single functions


def values_and_slopes(f, numbers, backend="numpy"):
    program = mg.compile(f, 0.75, input_gradients=True, backend=backend)
    slopes = program.value_and_grad(numbers, weights=np.ones(len(numbers)))[-1]
    return program(numbers), np.ravel(slopes), without_comments(program)


def without_comments(program):
    return re.sub("#.*", "", str(program))


def test_a_sigmoid_and_its_slope_take_one_exponential():
    numbers = [-700.0, -40.0, -1.5, -1e-9, 0.0, 1e-9, 2.0, 36.0, 40.0, 700.0]
    values, slopes, text = values_and_slopes(mg.sigmoid, numbers)
    assert text.count("exp(") == 1
    with mpmath.workdps(400):
        exact = [1 / (1 + mpmath.exp(-mpmath.mpf(x))) for x in numbers]
        expected = [float(y * (1 - y)) for y in exact]
    np.testing.assert_allclose(values, [float(y) for y in exact], rtol=4e-16)
    np.testing.assert_allclose(slopes, expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["silu", "softplus", "log_sigmoid", "gelu", "tanh", "elu", "selu"])
def test_no_activation_calls_a_function_twice(name):
    _, _, text = values_and_slopes(getattr(mg, name), [0.5])
    called = re.findall(r"(?:exp|erfc|tanh|cosh|log1p|expm1)\([^()]*(?:\([^()]*\))*\)", text)
    assert len(called) == len(set(called)) <= 3


EXPONENTS = [*range(-8, 9), -7.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 8.5]


@pytest.mark.parametrize("backend", ["numpy", "jax"])
@pytest.mark.parametrize("y", EXPONENTS)
def test_small_powers_are_products_and_roots(y, backend):
    needed_by(backend)
    numbers = [0.3, 0.75, 1.0, 1.7, 3.1, 1e-30, 1e30]
    if y == int(y):
        numbers += [-x for x in numbers]
    if y > 1 or y in (0, 1):
        numbers += [0.0, -0.0]
    values, slopes, text = values_and_slopes(lambda x: x**y, numbers, backend)
    assert "**" not in text
    with mpmath.workdps(40):
        exact = [mpmath.mpf(x) ** mpmath.mpf(y) for x in numbers]
        # 0⁰ is 1, and a constant
        expected = [y * mpmath.mpf(x) ** mpmath.mpf(y - 1) if y else 0 for x in numbers]
    np.testing.assert_allclose(values, [float(v) for v in exact], rtol=1e-15)
    np.testing.assert_allclose(slopes, [float(v) for v in expected], rtol=1.5e-15)
    if backend == "numpy":
        eager = [(mg.Value(x) ** y).data for x in numbers]
        np.testing.assert_allclose(values, eager, rtol=1e-15)


def test_powers_outside_of_their_domain_are_errors_in_programs_too():
    for y, x in ((-1, 0.0), (-2.5, 0.0), (0.5, -1.0), (2.5, -1.0), (-0.5, -0.0)):
        program = mg.compile(lambda x, y=y: x**y, 1.5)
        with pytest.raises(mg.NonFiniteError, match=r"example 1: power of .* is not finite"):
            program([1.0, x])


@pytest.mark.parametrize("backend", ["numpy", "jax", "native"])
def test_comparisons_are_added_as_numbers(backend):
    needed_by(backend)

    def fn(x, y):
        both = mg.step(x) + (1.0 - mg.step(y))
        return both + 3 * (both - mg.step(y)) + x * (1.0 - mg.step(y)) + mg.leaky_relu(y, 1.0)

    points = [(1.0, 2.0), (1.0, -2.0), (-1.0, 2.0), (-1.0, -2.0)]
    given = [list(part) for part in zip(*points, strict=True)]
    program = mg.compile(fn, 1.0, 2.0, input_gradients=True, backend=backend)
    found = program(*given), program.value_and_grad(*given, weights=[1.0] * 4)[2]
    expected = [], ([], [])
    for point in points:
        x, y = map(mg.Value, point)
        root = fn(x, y)
        root.backward()
        expected[0].append(root.data)
        for part, leaf in zip(expected[1], (x, y), strict=True):
            part.append(leaf.grad)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(np.array(found[1]), expected[1], rtol=1e-6)


def test_what_nothing_needs_is_left_out():
    lines = Let("y", A + B), Let("z", Name("y") * 2.0), Let("dx", A), Write(DX[0:1], B, adds=True)
    assert texts(*lines, results=[Name("y")]) == ["y = a + b"]
    assert texts(*lines, results=[DX]) == ["dx = a", "dx[0:1] += b"]
    program = mg.compile(lambda x: mg.detach(mg.exp(x)) * x, 0.5, input_gradients=True)
    assert without_comments(program).count("exp(") == 1
    program = mg.compile(lambda x: mg.softmax(x)[0], [0.5, 1.0], input_gradients=True)
    text = without_comments(program)
    assert text.partition("value =")[2].count("max") == 0


def test_a_polynomial_shares_its_products():
    weights = [mg.Value(0.1 * k) for k in range(9)]
    program = mg.compile(lambda x: mg.dot(weights, [x**k for k in range(9)]), 0.5, params=weights)
    assert len(re.findall(r"\*", without_comments(program))) == 7
    numbers = [-1.5, 0.0, 0.3, 2.0]
    _, gradient = program.value_and_grad(numbers, weights=np.ones(4))
    expected = [float(mpmath.fsum(mpmath.mpf(x) ** k for x in numbers)) for k in range(9)]
    np.testing.assert_allclose(gradient, expected, rtol=1e-15)


def test_powers_of_one_number_share_their_products():
    text = without_comments(mg.compile(lambda x: x**8, 1.5, input_gradients=True))
    assert len(re.findall(r"(x|e\d) \* \1", text)) == 3  # x², x⁴, x⁸
    assert text.count(" * ") == 3 + 2 + 2  # for 8x⁷ two more, one for 8, one for the chain rule


# ----------------------------------------------------------- error functions without SciPy

SERIES = {"np": np}
exec(error_functions.NUMPY, SERIES)


@pytest.mark.parametrize(("name", "ulps"), [("erf", 2), ("erfc", 4)])
def test_error_functions_without_scipy(name, ulps):
    draw = np.random.default_rng(1)
    numbers = np.concatenate([draw.uniform(-6, 26.5, 300), draw.normal(0, 1, 300),
                              10.0 ** draw.uniform(-300, 0, 50)])  # fmt: skip
    for x, found in zip(numbers.tolist(), SERIES[name](numbers).tolist(), strict=True):
        with mpmath.workdps(40):
            exact = getattr(mpmath, name)(mpmath.mpf(x))
            assert abs(found - exact) <= ulps * math.ulp(float(exact)), x


def test_error_functions_without_scipy_far_out():
    numbers = np.array([-np.inf, -1e300, -30.0, -1.0, -0.0, 0.0, 1.0, 30.0, 1e300, np.inf])
    with np.errstate(all="ignore"):
        for name in ("erf", "erfc"):
            expected = [*map(getattr(math, name), numbers)]
            assert SERIES[name](numbers).tolist() == pytest.approx(expected, rel=3e-16, abs=0)
        assert np.isnan([SERIES[name](np.array([np.nan]))[0] for name in ("erf", "erfc")]).all()


def test_a_program_with_error_functions_runs_without_scipy(monkeypatch):
    for name in ("erf", "erfc"):
        monkeypatch.setitem(NumPy.primitives, name, error_functions.NUMPY)
    program = mg.compile(lambda x: mg.gelu(x[0]) + mg.erf(x[1]), [0.5, 0.5], input_gradients=True)
    source = program.source()
    assert "scipy" not in source
    assert source.count("def erf(") == 1
    numbers = np.random.default_rng(2).normal(0, 2, (50, 2))
    slopes = program.value_and_grad(numbers, weights=np.ones(50))[-1][0]
    with mpmath.workdps(30):
        gelu, erf = (lambda x: x * mpmath.ncdf(x)), mpmath.erf
        expected = [[float(mpmath.diff(f, x)) for f, x in zip((gelu, erf), xs, strict=True)]
                    for xs in numbers.tolist()]  # fmt: skip
    np.testing.assert_allclose(slopes, expected, rtol=1e-14, atol=1e-16)
