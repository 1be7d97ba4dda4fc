"""Programs as they are used: their batches and results, their source, and what they refuse."""

import gc
import json
import math
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from functools import reduce
from xml.etree import ElementTree

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import compile
from tests.programs import ONE_HOT, T, X, eager, jax


def test_changes_are_seen_without_tracing_again():
    w, outside = Value(2.0, "w"), Value(10.0, "outside")
    program = compile(lambda x: w * x + outside, 1.0, params=[w])
    assert program([1.0]).tolist() == [12]
    w.data = 3.0
    outside.data = 20.0
    assert program([1.0]).tolist() == [23]
    program.vector[0] = 4.0
    assert program([1.0]).tolist() == [24]
    outside.data = 0.0
    assert program([1.0]).tolist() == [4]  # the vector's change is still there
    program.vector = [5.0]
    assert (program([1.0]).tolist(), w.data) == ([5], 3)
    program.write_parameters()
    assert w.data == 5
    _, gradient = program.value_and_grad([1.0, 3.0])
    program.write_grads()
    assert (gradient.tolist(), w.grad) == ([2], 2)


def test_batches_of_any_size_shape_and_type():
    model = nn.MLP(3, [4, 1], seed=1)
    program = compile(lambda x, t: nn.mse(model(x), t), X[0], T[0], params=model)
    assert program([], []).shape == (0,)
    value, gradient = program.value_and_grad([], [])
    assert (value, np.abs(gradient).max()) == (0, 0)
    one = program.value_and_grad(X[:1], T[:1])
    expected = eager(lambda x, t: nn.mse(model(x), t), (X[:1], T[:1]), model.parameters())
    assert one[0] == pytest.approx(expected[0], rel=1e-12)
    arrays = program.value_and_grad(np.array(X, np.float32).astype(float), np.array(T))
    assert arrays[0] == pytest.approx(program.value_and_grad(X, T)[0], rel=1e-6)
    single = compile(
        lambda x, t: nn.mse(model(x), t), X[0], T[0], params=model, dtype="float32"
    ).value_and_grad(X, T)
    assert single[1].dtype == np.float32
    np.testing.assert_allclose(single[1], program.value_and_grad(X, T)[1], rtol=1e-4, atol=1e-5)
    for wrong, words in (
        (([[1.0, 2.0]], [1.0]), r"argument 0 must have the shape \(examples, 3"),
        ((X, T[:2]), "argument 1 has 2 examples, not 4"),
        ((X,), "2 arguments are needed, not 1"),
        ((1.0, 1.0), "argument 0 must have the shape"),
        (("x", [1.0]), r"argument 0 must be numbers of the shape \(examples, 3,\), not 'x'"),
        ((X[:2], [1.0, "t"]), r"argument 1 must be numbers of the shape .*, not \[1.0, 't'\]"),
        (([[1.0], [2.0, 3.0]], [1.0, 2.0]), "argument 0 must be numbers of the shape"),
    ):
        with pytest.raises(ValueError, match=words):
            program.value_and_grad(*wrong)


def test_gradients_for_inputs():
    w = Value(2.0)
    program = compile(lambda x, y: w * x[0] * x[1] + y, [1.0, 2.0], 3.0, params=[w],
                      input_gradients=True)  # fmt: skip
    _, _, (dx, dy) = program.value_and_grad([[1.0, 2.0], [3.0, 4.0]], [0.0, 0.0])
    assert dx.tolist() == [[2, 1], [4, 3]]
    assert dy.tolist() == [0.5, 0.5]


def test_results_that_are_not_finite_name_the_example_and_the_operation():
    program = compile(lambda x: mg.log(x) * 2, 1.0)
    with pytest.raises(mg.NonFiniteError, match=r"example 2: log of -1\.0"):
        program([1.0, 2.0, -1.0])
    w = Value(1.0, "w")
    program = compile(lambda x: mg.sqrt(w * x), 1.0, params=[w])
    program.vector = [4.0]
    with pytest.raises(mg.NonFiniteError, match="example 1: the gradient through sqrt"):
        program.value_and_grad([1.0, 0.0])
    assert (w.data, w.grad, program.vector.tolist()) == (1, 0, [4])  # looking changed nothing


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_what_was_recorded_is_freed(backend):
    if backend == "native":
        pytest.importorskip("numba", reason="pip install 'micrograd-plus[native]'")
    w = Value(2.0)

    def alive():
        gc.collect()
        return sum(type(thing) is Value for thing in gc.get_objects())

    before = alive()
    program = compile(lambda x: mg.tanh(w * x + 1.0) ** 2, 1.0, params=[w], backend=backend)
    assert alive() - before <= 2  # what the function was given
    value, gradient = program.value_and_grad(1.0 if backend == "native" else [1.0])
    assert value == pytest.approx(math.tanh(3) ** 2)
    assert gradient == pytest.approx([2 * math.tanh(3) / math.cosh(3) ** 2])


def test_large_gradients_are_finite():
    w = Value(1.0)
    program = compile(lambda x: w * x, 0.0, params=[w])
    assert program.value_and_grad([1e300, 1e300]) == (1e300, [1e300])


def test_weights_of_equal_large_numbers():
    w = [Value(1e16), Value(1e16)]
    program = compile(lambda x: x * mg.logsumexp(w), 1.0, params=w)
    assert program.value_and_grad([1.0])[1].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_the_source_runs_without_the_package(tmp_path, backend):
    if backend == "jax":
        jax()
    model = nn.MLP(3, [4, 2], activation="gelu", seed=1)
    hostile = 'x"\n__import__("os").abort()'
    for parameter in model.parameters():
        parameter.label = hostile

    def loss(x, t):
        return nn.softmax_cross_entropy(model(x), t)

    program = compile(loss, X[0], ONE_HOT[0], params=model)
    text = program.source(backend)
    assert "abort" not in text
    code = (
        text
        + "\nimport sys, json; given = json.load(sys.stdin)"
        + "\nvalue, dp = value_and_grad(*(np.array(given[name]) for name in ('p', 'x', 't')))"
        + "\nassert 'micrograd_plus' not in sys.modules"
        + "\nprint(json.dumps([float(value), dp.tolist()]))"
    )
    (tmp_path / "program.py").write_text(code)
    given = {"p": [p.data for p in model.parameters()]}
    given |= {"x": np.transpose(X).tolist(), "t": np.transpose(ONE_HOT).tolist()}
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "program.py")],
        input=json.dumps(given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, gradient = json.loads(done.stdout)
    mine = program.value_and_grad(X, ONE_HOT)
    rel = {"numpy": 0, "jax": 1e-13}[backend]
    assert value == pytest.approx(mine[0], rel=rel)
    np.testing.assert_allclose(gradient, mine[1], rtol=rel, atol=rel)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_weights_of_examples(backend):
    if backend == "jax":
        jax()
    w = Value(2.0, "w")
    program = compile(lambda x: (w * x) ** 2, 1.0, params=[w], backend=backend)
    value, gradient = program.value_and_grad([1.0, 3.0], weights=[1, 1])  # the sum
    assert (value, gradient.tolist()) == (4 + 36, [4 + 36])
    value, gradient = program.value_and_grad([1.0, 3.0], weights=[0, 0.5], chunk=1)
    assert (value, gradient.tolist()) == (18, [18])
    gradient[0] = 0.0  # an array of one's own
    constant = compile(lambda x: w * 3.0, 1.0, params=[w], backend=backend)
    value, gradient = constant.value_and_grad([1.0, 1.0], weights=[2, 3])
    assert (value, gradient.tolist()) == (30, [15])
    for wrong in ([1.0], [1.0, math.nan], 2.0):
        with pytest.raises(ValueError, match="weights must be 2 finite numbers, not"):
            program.value_and_grad([1.0, 3.0], weights=wrong)


def test_a_backend_that_is_not_there():
    with pytest.raises(ValueError, match=r"no backend 'jacks'; choose from numpy, jax, native$"):
        compile(lambda x: x, 1.0, backend="jacks")
    with pytest.raises(ValueError, match=r"no backend 'c'; choose from numpy, jax$"):
        compile(lambda x: x, 1.0).source("c")


def test_what_is_no_function_and_no_parameter_is_named():
    with pytest.raises(TypeError, match=r"a function is needed, not Value\(data=6.0"):
        compile(Value(2.0) * 3, 1.0)
    for params in (Value(1.0, "w"), 3, None):
        with pytest.raises(TypeError, match=r"params is a model or a list of Values, not \S+"):
            compile(lambda x: x, 1.0, params=params)
    for backend in ("numpy", "native"):
        with pytest.raises(TypeError, match=r"a parameter is a Value, not 2 \(int\)"):
            compile(lambda x: x, 1.0, params=[Value(1.0), 2], backend=backend)
        with pytest.raises(ValueError, match=r"is a leaf, not the result Value\(data=6\.0"):
            compile(lambda x: x, 1.0, params=[Value(2.0) * 3], backend=backend)


@pytest.mark.parametrize("number", [3, 3.0, True, np.float64(3), np.int32(3), Fraction(3)])
def test_functions_of_nothing(number):
    program = compile(lambda x: number, 1.0, input_gradients=True)
    assert program([1.0, 2.0]).tolist() == [number, number]
    value, _, (dx,) = program.value_and_grad([1.0, 2.0])
    assert (value, dx.tolist()) == (number, [0, 0])
    both = compile(lambda x: [x * 2, number], 1.0)([1.0, 2.0])
    assert [row.tolist() for row in both] == [[2, 4], [number, number]]


def test_a_notebook_shows_the_code():
    w = Value(1.0, "w")
    program = compile(lambda x: mg.relu(w * x), 0.5, params=[w])
    html = program._repr_html_()
    assert ElementTree.fromstring(html).text == str(program)
    assert "(a1 &gt; 0)" in html
    program = compile(lambda x: reduce(lambda y, _: mg.sin(y) * x, range(300), x), 0.5)
    shown = ElementTree.fromstring(program._repr_html_()).text.splitlines()
    assert len(shown) == 201
    assert "more lines" in shown[-1]


def test_the_names_of_arguments_are_the_functions_own_where_they_will_do():
    def signature(fn, count):
        return str(compile(fn, *[1.0] * count)).splitlines()[0]

    assert signature(lambda image, t: image * t, 2) == "def value_and_grad(p, image, t, s=None):"
    for fn in (
        lambda p, x: p * x,
        lambda np, x: np * x,
        lambda exp, x: exp * x,
        lambda softmax, x: softmax * x,
        lambda z1, x: z1 * x,
        lambda x, dx: x * dx,
        lambda größe, x: größe * x,
        lambda *xs: xs[0] * xs[1],
    ):
        assert signature(fn, 2) == "def value_and_grad(p, x1, x2, s=None):"


@pytest.mark.parametrize("chunk", [1, 3, 4, 100])
def test_chunks_give_the_same(chunk):
    model = nn.MLP(3, [4, 1], activation="tanh", seed=1)

    def loss(x, t):
        outputs = model(x)
        return nn.mse(outputs, t), [outputs]

    program = compile(loss, X[0], T[0], params=model, input_gradients=True, has_aux=True)
    whole, parts = program.value_and_grad(X, T), program.value_and_grad(X, T, chunk=chunk)
    assert parts[0] == pytest.approx(whole[0], rel=1e-14)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-13, atol=1e-16)
    for mine, theirs in zip(parts[2], whole[2], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(parts[3][0], whole[3][0], rtol=1e-13)
    with pytest.raises(ValueError, match="chunk must be a positive whole number, not 0"):
        program.value_and_grad(X, T, chunk=0)


def test_chunks_bound_the_memory():
    model = nn.MLP(64, [32, 10], seed=1, init="he_uniform")
    program = compile(
        lambda x, t: nn.softmax_cross_entropy(model(x), t), [0.1] * 64, [0.1] * 10, params=model
    )
    draw = np.random.default_rng(0)
    x, t = draw.random((100_000, 64)), np.eye(10)[draw.integers(0, 10, 100_000)]
    peaks, found = [], []
    for chunk in (None, 1000):
        tracemalloc.start()
        found.append(program.value_and_grad(x, t, chunk=chunk))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 50e6
    assert peaks[1] < 5e6
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-12)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9, atol=1e-15)


def test_a_replaced_parameter_is_noticed():
    model = nn.MLP(3, [1], seed=1)
    program = compile(lambda x: model(x), X[0], params=model)
    model.layers[0].neurons[0].w[1] = Value(7.0)
    with pytest.raises(ValueError, match="replaced by another Value"):
        program(X)
    listed = [Value(1.0)]
    program = compile(lambda x: listed[0] * x, 1.0, params=listed)
    listed[0] = Value(2.0)
    with pytest.raises(ValueError, match="replaced by another Value"):
        program([1.0])
