"""Programs as they are used: their batches and results, their source, and what they refuse."""

import ast
import builtins
import collections
import copy
import gc
import itertools
import json
import keyword
import linecache
import math
import pickle
import re
import string
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from functools import partial, reduce
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, compiler, nn, ops
from micrograd_plus._tools.nested import filled, flat, mapped
from micrograd_plus.compiler import TraceError, compile
from micrograd_plus.compiler.codegen.backends import NumPy
from micrograd_plus.compiler.native.tape import CODES
from micrograd_plus.compiler.trial import compare
from micrograd_plus.engine import apply
from micrograd_plus.ops.operation import Op
from tests.compiled import ONE_HOT, T, X, eager
from tests.effort import few
from tests.needs import needed, needed_by, needs_core, on


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


@pytest.mark.parametrize("backend", few(1, ["numpy", "native", "point"]))
def test_what_was_recorded_is_freed(backend):
    needed_by(backend)
    w = Value(2.0)

    def alive():
        gc.collect()
        return sum(type(thing) is Value for thing in gc.get_objects())

    before = alive()
    program = compile(lambda x: mg.tanh(w * x + 1.0) ** 2, 1.0, params=[w], **on(backend))
    assert alive() - before <= 2  # what the function was given
    value, gradient = program.value_and_grad(1.0 if backend == "point" else [1.0])
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
    needed_by(backend)
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
    given |= {"x": X, "t": ONE_HOT}
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "program.py")],
        input=json.dumps(given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, gradient = json.loads(done.stdout)
    mine = program.value_and_grad(X, ONE_HOT)
    rel = {"numpy": 0, "jax": 1e-13}[backend]
    assert value == pytest.approx(mine[0], rel=rel)
    np.testing.assert_allclose(gradient, mine[1], rtol=rel, atol=rel)


SOURCES = {  # a function, an example, a batch, and what the first lines say of it
    "a network": (nn.MLP(2, [3, 2], seed=1), ([0.0, 0.0],), (np.ones((4, 2)),), "outputs, (N, 2)"),
    "a neuron": (nn.Neuron(2, seed=1), ([0.0, 0.0],), (np.ones((4, 2)),), "outputs, (N,)"),
    "a loss": (
        lambda x, t: nn.mse(MODEL(x), t), ([0.0, 0.0], 0.0), (np.ones((4, 2)), np.arange(4.0)),
        "x is (N, 2); t is (N,)",
    ),
    "a table": (
        lambda x: mg.sum(x[0]) * x[1][2], (np.zeros((2, 3)),), (np.arange(24.0).reshape(4, 2, 3),),
        "x is (N, 2, 3)",
    ),
    "a pair": (lambda x, y: (x * y, [x, y]), (0.0, 0.0), ([1.0, 2.0], [3.0, 4.0]), "(N, 3)"),
}  # fmt: skip
MODEL = nn.Neuron(2, seed=2)


@pytest.mark.parametrize("backend", few(1, ["numpy", "jax"]))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("fn", "example", "batch", "said"), SOURCES.values(), ids=SOURCES)
def test_the_source_takes_examples_in_rows(fn, example, batch, said, dtype, backend):
    """With the weights in it or without, by its own first lines alone."""
    needed(backend)
    params = fn if isinstance(fn, nn.Module) else MODEL
    program = compile(fn, *example, params=params, dtype=dtype)
    expected = [np.reshape(part, (len(batch[0]), -1)) for part in flat_arrays(program(*batch))]
    tolerance = {"float64": 1e-13, "float32": 1e-5}[dtype]
    for weights in (False, True):
        module, text = {}, program.source(backend, weights=weights)
        exec(text, module)
        about = module["__doc__"]
        assert text.startswith(f'"""{about}"""')
        assert said in about
        call = re.search(r"forward\((.*?)\)", about)[1].split(", ")
        assert ("p" in call) is not weights
        given = [np.asarray(part, dtype) for part in batch]
        p = [] if weights else [program.numbers]
        found = np.asarray(module["forward"](*p, *given))
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found.reshape(len(found), -1), np.hstack(expected), rtol=tolerance
        )
        assert ("value_and_grad" in about) is ("value_and_grad" in program.functions)
        if "value_and_grad" in about:
            value, gradient = module["value_and_grad"](*p, *given)
            mine = program.value_and_grad(*batch)
            assert float(value) == pytest.approx(mine[0], rel=tolerance)
            np.testing.assert_allclose(gradient, mine[1], rtol=tolerance, atol=tolerance)


def flat_arrays(found):
    return [array for part in found for array in flat_arrays(part)] if isinstance(
        found, tuple | list) else [found]  # fmt: skip


def test_weights_in_the_source_are_those_of_now():
    w = Value(2.0, "w")
    program = compile(lambda x: w * x, 0.0, params=[w])
    w.data = 1 / 3
    module = {}
    exec(program.source(weights=True), module)
    assert module["forward"]([3.0, 6.0]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_weights_of_examples(backend):
    needed_by(backend)
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
    known = "numpy, jax, native, auto"
    with pytest.raises(ValueError, match=f"no backend 'jacks'; choose from {known}$"):
        compile(lambda x: x, 1.0, backend="jacks")
    with pytest.raises(ValueError, match=r"no backend 'c'; choose from numpy, jax$"):
        compile(lambda x: x, 1.0).source("c")


def test_what_is_no_function_and_no_parameter_is_named():
    with pytest.raises(TypeError, match=r"a function is needed, not Value\(data=6.0"):
        compile(Value(2.0) * 3, 1.0)
    for params in (Value(1.0, "w"), 3, None):
        with pytest.raises(TypeError, match=r"params is a model or a list of Values, not \S+"):
            compile(lambda x: x, 1.0, params=params)
    for backend in ("numpy", "native", "point"):
        with pytest.raises(TypeError, match=r"a parameter is a Value, not 2 \(int\)"):
            compile(lambda x: x, 1.0, params=[Value(1.0), 2], **on(backend))
        with pytest.raises(ValueError, match=r"is a leaf, not the result Value\(data=6\.0"):
            compile(lambda x: x, 1.0, params=[Value(2.0) * 3], **on(backend))


@pytest.mark.parametrize("number", [3, 3.0, True, np.float64(3), np.int32(3), Fraction(3)])
def test_functions_of_nothing(number):
    program = compile(lambda x: number, 1.0, input_gradients=True)
    assert program([1.0, 2.0]).tolist() == [number, number]
    value, _, (dx,) = program.value_and_grad([1.0, 2.0])
    assert (value, dx.tolist()) == (number, [0, 0])
    both = compile(lambda x: [x * 2, number], 1.0)([1.0, 2.0])
    assert both.tolist() == [[2, number], [4, number]]


def test_a_notebook_shows_the_code():
    w = Value(1.0, "w")
    program = compile(lambda x: mg.relu(w * x), 0.5, params=[w])
    html = program._repr_html_()
    assert ElementTree.fromstring(html).text == str(program)
    assert "(a1 &gt; 0)" in html
    program = compile(lambda x: reduce(lambda y, k: mg.sin(y) * (k + 2), range(300), x), 0.5)
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
        lambda logsumexp, x: logsumexp * x,
        lambda z1, x: z1 * x,
        lambda x, dx: x * dx,
        lambda größe, x: größe * x,
        lambda *xs: xs[0] * xs[1],
    ):
        assert signature(fn, 2) == "def value_and_grad(p, x1, x2, s=None):"


def words_of_the_compiler():
    """Strings of its source that could be names of arguments."""
    texts = (file.read_text("utf-8") for file in Path(compiler.__path__[0]).rglob("*.py"))
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    words = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return sorted(word for word in words if word.isidentifier() and not keyword.iskeyword(word))


def test_an_argument_may_be_named_like_anything_that_the_compiler_speaks_of():
    w = Value(0.5)
    assert {"constant", "dp", "linear"} < {*words_of_the_compiler()}
    for word in words_of_the_compiler():
        fn = eval(f"lambda {word}, zz: w_ * {word} + {word} + zz", {"w_": w})
        program = compile(fn, 1.0, 1.0, params=[w], input_gradients=True)
        assert program.value_and_grad([2.0], [3.0]) == (6.0, [2.0], ([1.5], [1.0]))


@pytest.mark.parametrize("letter", [*string.ascii_lowercase, "W"])
def test_a_variable_may_be_named_like_an_array_of_the_compilers_own(letter):
    w, ours = Value(0.5), [f"{d}{letter}{k}" for d in ("", "d") for k in ("", 1, 2)]
    for name in {*ours} - {"w", "y"}:
        text = f"""def fn(given, y):
            {name} = [mg.tanh(w * part) * 0.5 for part in given]
            last = mg.sin({name}[0] * y) * mg.cos(y)
            return mg.sum([part * part for part in {name}]) + last * w + w
        """
        scope = {"mg": mg, "w": w}
        linecache.cache[name] = len(text), None, text.splitlines(True), name
        exec(builtins.compile(text, name, "exec"), scope)
        program = compile(scope["fn"], [1.0, 1.0], 1.0, params=[w])
        value, gradient = eager(scope["fn"], ([[0.5, 2.0]], [3.0]), [w])
        found = program.value_and_grad([[0.5, 2.0]], [3.0])
        assert found == (pytest.approx(value), pytest.approx(gradient))


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
    x, t = draw.random((30_000, 64)), np.eye(10)[draw.integers(0, 10, 30_000)]
    peaks, found = [], []
    for chunk in (None, 1000):
        tracemalloc.start()
        found.append(program.value_and_grad(x, t, chunk=chunk))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 15e6
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


# ------------------------------------------------------- arguments and results of any kind

Point = collections.namedtuple("Point", "x y")

KINDS = {  # functions, two examples, and both as a batch
    "array": (lambda v: mg.mean(v * 2), np.array([1.0, 2.0]), [3.0, 5.0], [[1, 2], [3, 5]]),
    "sum of arrays": (lambda v: (v + v)[-1], np.array([1.0, 2.0]), [3.0, 5.0], [[1, 2], [3, 5]]),
    "methods": (
        lambda v: v @ v + v[::-1].sum() * v[0], np.array([1.0, 2.0]), [3.0, 5.0], [[1, 2], [3, 5]]
    ),
    "matrix": (
        lambda v: (v.T * [1.0, 3.0]).sum() * v[0, 1],
        np.array([[1.0, 2.0], [3.0, 4.0]]), [[5.0, 6.0], [7.0, 8.0]],
        np.arange(1.0, 9.0).reshape(2, 2, 2),
    ),
    "no axes": (lambda v: v * v, np.array(3.0), 4.0, np.array([3.0, 4.0])),
    "NumPy's number": (lambda v: v * v, np.float32(3.0), 4.0, [3, 4]),
    "list": (lambda v: (v + v)[2] * v[1], [1.0, 2.0], [3.0, 5.0], np.array([[1, 2], [3, 5]])),
    "tuple": (lambda v: (v * 2)[3] * v[0], (1.0, 2.0), (3.0, 5.0), (np.array([1, 3]), [2, 5])),
    "tuple as one array": (lambda v: v[0] * v[1] ** 2, (1.0, 2.0), (3.0, 5.0), [[1, 2], [3, 5]]),
    "named tuple": (lambda v: v.x * v.y**2, Point(1.0, 2.0), Point(3.0, 5.0),
                    Point([1, 3], [2, 5])),
    "dictionary": (
        lambda v: (v["w"] * 2).sum() * v["b"],
        {"w": np.array([1.0, 2.0]), "b": 3.0}, {"w": np.array([4.0, 5.0]), "b": 6.0},
        {"b": [3, 6], "w": [[1, 2], [4, 5]]},
    ),
    "mixture": (
        lambda v: v[0]["p"].y[1] * (v[1] @ v[1]) + v[2],
        [{"p": Point(1.0, [2.0, 3.0])}, np.array([4.0, 5.0]), 6.0],
        [{"p": Point(0.5, [1.5, 2.5])}, np.array([3.5, 4.5]), 5.5],
        [{"p": Point([1, 0.5], [[2, 3], [1.5, 2.5]])}, [[4, 5], [3.5, 4.5]], [6, 5.5]],
    ),
    "rows that differ in length": (
        lambda v: v[0][0] * v[1][1], [[1.0], [2.0, 3.0]], [[4.0], [5.0, 6.0]],
        [[[1], [4]], [[2, 3], [5, 6]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_keep_their_kind(kind, backend):
    """A program gives what `value_and_grad` gives, which runs the function on each example."""
    f, one, other, batch = KINDS[kind]
    examples = one, filled(one, iter(flat(other)))
    values, slopes = zip(*map(mg.value_and_grad(f), examples), strict=True)
    needed_by(backend)
    if backend == "point":
        program = compile(f, one, **on(backend))
        found = [program.value_and_grad(example) for example in examples]
        assert [program(example) for example in examples] == [value for value, _ in found]
        value, rows = sum(value for value, _ in found), [row for _, row in found]
    else:
        program = compile(f, one, input_gradients=True, backend=backend)
        assert program(batch) == pytest.approx(values, rel=1e-12)
        value, _, (arrays,) = program.value_and_grad(batch, weights=[1, 1])
        rows = [mapped(lambda array, i=i: array[i], arrays, "leaves") for i in range(2)]
    assert value == pytest.approx(sum(values), rel=1e-12)
    for row, expected in zip(rows, slopes, strict=True):
        assert flat(row) == pytest.approx(flat(expected), rel=1e-12)
        if isinstance(one, dict | tuple):
            assert type(row) is type(one)


@pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])
def test_results_keep_their_kind(backend):
    def f(x):
        array = np.array([[x[0], 3.0], [x[1], x[0]]], object)
        return {"a": Point(x[0] * 2, (x[1],)), "b": [array, np.array(x[1], object)], "c": 5}

    needed_by(backend)
    if backend == "point":
        found = [compile(f, [1.0, 2.0], **on(backend))(row) for row in ([1, 2], [3, 4])]
        assert [type(x) for x in flat(found[0])] == [float] * 8
    else:
        whole = compile(f, [1.0, 2.0], backend=backend)([[1, 2], [3, 4]])
        found = [mapped(lambda array, i=i: array[i], whole, "leaves") for i in range(2)]
        pair = compile(lambda x: (x[0], f(x)), [1.0, 2.0], has_aux=True, backend=backend)
        _, _, aux = pair.value_and_grad([[1, 2], [3, 4]])
        assert flat(aux) == flat(whole)
    for result, (x, y) in zip(found, ([1, 2], [3, 4]), strict=True):
        assert (result["a"], result["c"]) == (Point(2 * x, (y,)), 5)
        array, number = result["b"]
        assert (array.tolist(), number) == ([[x, 3], [y, x]], y)


def test_what_can_be_no_batch_is_named():
    program = compile(lambda d, t: d["a"] * d["b"][0] - t, {"a": 1.0, "b": [1.0, 2.0]}, 0.0)
    fits = {"a": [1, 2], "b": [[1, 2], [3, 4]]}
    assert program(fits, [True, Fraction(1, 2)]).tolist() == [0, 5.5]
    assert program(dict(reversed(fits.items())), np.array([1, 2], object)).tolist() == [0, 4]
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 0], [0, 1]])
    for wrong, words in (
        ({"a": [1, 2]}, "argument 0 must have the keys 'a', 'b'"),
        ([1, 2], "argument 0 must have the keys 'a', 'b'"),
        ({**fits, "c": 0}, "argument 0 must have the keys 'a', 'b'"),
        ({**fits, "a": [1]}, "argument 0 has 2 examples, not 1"),
        ({**fits, "a": ["1", 2]}, r"argument 0\['a'\] .* in example 0 there is '1', no real"),
        ({**fits, "a": [1, 2j]}, r"argument 0\['a'\] .* in example 1 there is 2j, no real"),
        ({**fits, "a": np.array([1, 2j])}, r"in example 0 there is \(1\+0j\), no real"),
        ({**fits, "a": [1, Decimal(2)]}, r"in example 1 there is Decimal\('2'\), no real"),
        ({**fits, "a": [Value(1.0), 2]}, r"in example 0 there is Value\(.*\), no real"),
        ({**fits, "a": [1, None]}, "in example 1 there is None, no real"),
        ({**fits, "a": [1, math.inf]}, "in example 1 there is inf, no finite float64"),
        ({**fits, "a": [1, 10**400]}, r"argument 0\['a'\] .*too large"),
        ({**fits, "b": [[1, 2], [math.nan, 4]]}, "in example 1 there is nan, no finite float64"),
        ({**fits, "b": masked}, r"argument 0\['b'\] .* in example 1 there is 4.0, masked"),
        ({**fits, "b": [*masked]}, r"argument 0\['b'\] .* in example 1 there is 4.0, masked"),
        ({**fits, "b": [[1, 2], [3]]}, r"argument 0\['b'\] must be numbers of the shape"),
        ({**fits, "b": 1.0}, r"argument 0\['b'\] must have the shape \(examples, 2,\)"),
        ({**fits, "a": np.array(["2026-01-01"] * 2, "M8[D]")}, r"argument 0\['a'\] .*no real"),
    ):
        with pytest.raises(ValueError, match=words):
            program(wrong, [0, 0])
    single = compile(lambda x: x * 2, 1.0, dtype="float32")
    with pytest.raises(mg.NonFiniteError, match=r"in example 1 there is 1e.300, no finite float32"):
        single([1.0, 1e300])
    tuples = compile(lambda x: x[0][0] * x[1][1], ([1.0], (1.0, 2.0)))
    for wrong in (([1],), [[1], [2], [3]], 1.0):
        with pytest.raises(ValueError, match="argument 0 must have 2 parts"):
            tuples(wrong)
    assert compile(lambda x: 3.0, ())([(), ()]).tolist() == [3, 3]
    assert compile(lambda x, y: y, (), 1.0)((), [1, 2]).tolist() == [1, 2]


def test_what_can_be_no_weights_and_no_vector():
    w = Value(1.0, "w")
    program = compile(lambda x: w * x, 1.0, params=[w])
    for wrong in ([1j, 1], ["1", "2"], np.ma.array([1.0, 2.0], mask=[0, 1]), [1, None], [[1, 2]]):
        with pytest.raises(ValueError, match="weights must be 2 finite numbers, not"):
            program.value_and_grad([1.0, 2.0], weights=wrong)
    with pytest.raises(ValueError, match="chunk must be a positive whole number, not True"):
        program.value_and_grad([1.0, 2.0], chunk=True)
    for wrong in ([1.0, 2.0], 1.0, [math.nan], ["1"], [1j], [[1.0]]):
        with pytest.raises(ValueError, match="the vector must be 1 finite numbers, not"):
            program.vector = wrong
    assert program.vector.tolist() == [1]
    program.vector[0] = math.inf
    with pytest.raises(mg.NonFiniteError, match=r"the vector's number for w must be .*, not inf"):
        program([1.0])


@pytest.mark.parametrize("dtype", ["int64", "float16", "nonsense", int, None, np.float16])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype is 'float64' or 'float32', not"):
        compile(lambda x: x * 2, 1.5, dtype=dtype)


@pytest.mark.parametrize("dtype", [float, "float", "d", "f4", np.float32, np.dtype("float32")])
def test_types_have_the_names_that_numpy_gives_them(dtype):
    program = compile(lambda x: x * 2, 1.5, dtype=dtype)
    assert program([1]).dtype == program.vector.dtype == np.dtype(dtype)


@pytest.mark.parametrize("backend", ["numpy", "native", "point"])
def test_what_makes_no_function(backend):
    needed_by(backend)
    w = Value(1.0, "w")
    with pytest.raises(ValueError, match=r"params has Value\(.*label='w'\) twice"):
        compile(lambda x: w * x, 1.0, params=[w, Value(2.0), w], **on(backend))
    for nothing in ([], (), {}, [[], ()], np.zeros((0, 2))):
        with pytest.raises(TraceError, match="the function returns no Value"):
            compile(lambda x, nothing=nothing: nothing, 1.0, **on(backend))


NOT_FINITE = {  # a function, whether it has_aux, and an example for which something is infinite
    "value": (lambda x: mg.log(x), False, 0.0, "log of 0.0"),
    "slope": (lambda x: mg.sqrt(x), False, 0.0, "the gradient through sqrt of 0.0"),
    "others": (lambda x: (x * 2, [x, mg.log(x)]), True, -1.0, "log of -1.0"),
    "sum": (lambda x: 1e308 * x, False, 10.0, "multiply of 1e[+]308, 10.0"),
}


@pytest.mark.parametrize("backend", ["numpy", "jax", "native"])
@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("kind", NOT_FINITE)
def test_what_is_not_finite_is_never_returned(kind, backend, chunk):
    needed_by(backend)
    fn, has_aux, bad, words = NOT_FINITE[kind]
    program = compile(fn, 1.0, has_aux=has_aux, input_gradients=True, backend=backend)
    program.value_and_grad([1.0, 0.5], chunk=chunk)
    for weights in (None, [1, 1, 1, 1]):
        with pytest.raises(mg.NonFiniteError, match=f"example 2: {words}"):
            program.value_and_grad([1.0, 0.5, bad, 0.25], weights=weights, chunk=chunk)
    if kind == "slope":
        assert program([1.0, 0.0]).tolist() == [1, 0]
    else:
        with pytest.raises(mg.NonFiniteError, match=f"example 2: {words}"):
            program([1.0, 0.5, bad, 0.25])


def test_what_only_the_program_finds_infinite_has_its_place():
    program = compile(lambda x: x * x, 1.0, dtype="float32")
    with pytest.raises(mg.NonFiniteError, match="example 1: a result is not a finite float32"):
        program([1.0, 1e30])
    for fn in (lambda x: 3.0, lambda x: 3.0 * x):
        program = compile(fn, 1.0)
        with pytest.raises(mg.NonFiniteError, match="the sum over the batch is too large"):
            program.value_and_grad([1.0, 1.0], weights=[1e308, 1e308])


@pytest.mark.parametrize("has_aux", [False, True])
def test_results_are_arrays_of_ones_own(has_aux):
    """Of the caller: writing to them changes neither the batch nor the program, nor each other."""
    w = Value(3.0)

    def f(x, y):
        return (x[0] + y, [x[0], x, w, 1.0]) if has_aux else [x[0], x, y, w, 1.0]

    program = compile(f, [1.0, 2.0], 3.0, params=[w], input_gradients=True, has_aux=has_aux)
    batch = np.array([[1.0, 2.0], [4.0, 5.0]]), np.array([3.0, 6.0])
    before = [array.tolist() for array in batch], program.vector.tolist()

    def results():
        found = program(*batch)
        return leaves([found, program.value_and_grad(*batch)[1:]] if has_aux else [found])

    def leaves(nested):
        found = []
        mapped(found.append, nested, "leaves")
        return found

    expected = [array.tolist() for array in results()]
    found = results()
    for i, array in enumerate(found):
        others = [other.tolist() for other in found[i + 1 :]]
        array[...] = -7.0
        assert [other.tolist() for other in found[i + 1 :]] == others
    assert ([array.tolist() for array in batch], program.vector.tolist()) == before
    assert [array.tolist() for array in results()] == expected


# ------------------------------------------------------------- the trial at the example


def odd(**rules):
    """An operation whose rules are others for numbers than for arrays: a fault of a compiler."""
    given = {"value": lambda m, x: 2 * x, "partials": (lambda m, out, x: 2.0,)}
    return Op("odd", **given | rules, about="odd", example=((1.0,), 2.0))


def for_numbers(x, number, other):
    return number if isinstance(x, float | Value) else other


ODD = {
    "result 0": (odd(value=lambda m, x: x * for_numbers(x, 2.0, 3.0)), 4.5, 3.0),
    "derivative with respect to w": (
        odd(partials=(lambda m, out, x: for_numbers(x, 2.0, 3.0),)),
        9.0,
        6.0,
    ),
}


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"backend": "jax"}])
@pytest.mark.parametrize("what", ODD)
def test_a_program_that_gives_other_numbers_than_the_engine_is_refused(what, options):
    if options.get("backend") == "jax":
        needed("jax")
    op, mine, theirs = ODD[what]
    w = Value(0.5, "w")

    def f(x):
        return apply(op, w * x) + mg.sin(w) * 0.0

    with pytest.raises(TraceError, match=rf"program's {what} would be {mine}, .* is {theirs}"):
        compile(f, 3.0, params=[w], **options)
    with pytest.raises(TraceError, match="program's result 1 would be"):
        compile(lambda x: [x, apply(ODD["result 0"][0], x)], 3.0, **options)
    of_inputs = odd(partials=(lambda m, out, x: for_numbers(x, 2.0, 3.0),))
    compile(lambda x: apply(of_inputs, x), 3.0, **options)  # nothing is differentiated
    with pytest.raises(
        TraceError, match=r"program's derivative with respect to a number would be 3\.0"
    ):
        compile(lambda x: apply(of_inputs, x), 3.0, input_gradients=True, **options)
    assert (w.data, w.grad) == (0.5, 0)


@pytest.mark.parametrize("backend", ["native", "point"])
def test_a_program_of_the_core_is_tried_too(monkeypatch, backend):
    needs_core()
    assert compile(mg.sin, 3.0, **on(backend))([0.0] if backend == "native" else 0.0) == 0
    monkeypatch.setitem(CODES, ops.sin, CODES[ops.cos])
    with pytest.raises(TraceError, match=r"result 0 would be -0\.98\d+, .* engine's is 0\.14"):
        compile(mg.sin, 3.0, **on(backend))


def test_a_program_that_can_not_run_is_refused(monkeypatch):
    text = "def forward(p, x): return y\nvalue_and_grad = forward"
    monkeypatch.setattr(NumPy, "functions", lambda self, code: text)
    with pytest.raises(TraceError, match=r"can't be run: NameError\(.*'y'"):
        compile(lambda x: x * 2, 1.0)


@pytest.mark.parametrize(
    ("f", "numbers", "mine", "slopes"),
    [
        (lambda x: mg.relu(x[0] - x[1]), [0.3, 0.1 + 0.2], 0.0, [1.0, -1.0]),  # at a kink
        (lambda x: mg.step(x[0] - x[1]), [0.1 + 0.2, 0.3], 0.0, [0.0, 0.0]),
        (lambda x: mg.maximum(x[0], x[1]), [0.3, 0.1 + 0.2], 0.3, [0.5, 0.5]),
        (lambda x: (1e16 * x[0] + x[1]) - 1e16 * x[0], [0.3, 1.2], 1.2, [0.0, 1.0]),  # cancelled
        (lambda x: mg.log(1.0 - mg.tanh(x[0])), [17.5], -34.65, [-2.0]),
        (lambda x: mg.exp(x[0]) * x[1], [700.0, 1.0], math.exp(700.0) * (1 + 1e-12),
         [math.exp(700.0) * (1 - 1e-12), math.exp(700.0)]),
        (lambda x: mg.sqrt(x[0]) * x[1], [0.0, 1.0], 0.0, [7.0, 0.0]),  # no derivative
        (lambda x: x[0] * x[1], [2.0, 3.0], math.inf, [math.nan, 2.0]),  # a call tells
    ],
)  # fmt: skip
def test_what_rounding_explains_is_not_refused(f, numbers, mine, slopes):
    x = [Value(number) for number in numbers]
    compare([f(x)], [mine], x, slopes)
    wrong = 1e-3 + mg.sin(x[0]) + x[0] * 3.0  # the same numbers where nothing is unclear
    with pytest.raises(TraceError, match="result 0 would be"):
        compare([wrong], [wrong.data + 1.0], [x[0]], [0.0])
    with pytest.raises(TraceError, match="derivative with respect to a number would be 0"):
        compare([wrong], [wrong.data], [x[0]], [0.0])


def test_products_of_matrices_may_round_as_they_like():
    """To 0 or 1e-17, where processors multiply and add at once, and so to the one or other side."""
    w = [[Value(0.5), Value(0.5)], [Value(0.3), Value(0.3)], [Value(-0.8), Value(-0.8)]]
    compile(lambda x: mg.sum([mg.relu(mg.dot(row, x)) for row in w]), [-0.7, 0.7],
            params=[*itertools.chain(*w)])  # fmt: skip


# ----------------------------------------------------------------------- copies and pickles


class Squares(nn.Module):
    """A model with its loss as a method."""

    def __init__(self):
        self.w, self.b = Value(2.0, "w"), Value(1.0, "b")

    def __call__(self, x):
        return self.w * x["a"] + self.b

    def loss(self, x, t):
        return nn.mse(self(x), t)


def loss_of(model, x, t):
    return nn.mse(model(x), t)


def plain(x, t):
    return x["a"] * t


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda things: pickle.loads(pickle.dumps(things)),
}
GIVEN = {"numpy": ([{"a": [1.0, 3.0]}, [0.0, 0.0]]), "point": [{"a": 3.0}, 0.0]}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])
@pytest.mark.parametrize("kind", ["method", "partial", "module", "plain"])
def test_a_copied_program_belongs_to_the_copied_model(kind, backend, copied):
    needed_by(backend)
    model = Squares()
    fn = {"method": model.loss, "partial": partial(loss_of, model), "plain": plain}.get(kind, model)
    example = [{"a": 1.0}, 0.0][: 1 if kind == "module" else 2]
    program = compile(fn, *example, params=model if kind != "plain" else [], **on(backend))
    given = GIVEN["point" if backend == "point" else "numpy"][: len(example)]
    before = program.value_and_grad(*given)
    other, twin = copied((model, program))
    assert str(twin.value_and_grad(*given)) == str(before)
    if kind == "plain":
        return
    assert [*map(id, twin.parameters)] == [*map(id, other.parameters())]
    other.w.data = 0.0
    other.b.data = 0.0
    assert twin.value_and_grad(*given)[0] == 0
    assert str(program.value_and_grad(*given)) == str(before)


def test_a_copy_has_a_vector_of_its_own():
    model = Squares()
    program = compile(model.loss, {"a": 1.0}, 0.0, params=model, dtype="float32",
                      input_gradients=True)  # fmt: skip
    program.vector = [5.0, 6.0]
    twin, alike = copy.deepcopy(program), copy.copy(program)
    assert twin.vector.tolist() == alike.vector.tolist() == [5, 6]
    assert twin.vector.dtype == np.float32
    assert alike.parameters == program.parameters
    assert all(x is y for x, y in zip(alike.parameters, model.parameters(), strict=True))
    twin.vector[0] = 7.0
    twin.write_parameters()
    assert ([p.data for p in twin.parameters], model.w.data) == ([7, 6], 2)
    assert program.vector.tolist() == alike.vector.tolist() == [5, 6]
    assert len(twin.value_and_grad({"a": [1.0]}, [0.0])) == 3


class Outsider(Squares):
    secret = Value(3.0)

    def loss(self, x, t):
        return self.secret * x["a"] - t


@pytest.mark.parametrize("backend", ["numpy", "native", "point"])
def test_what_can_not_be_copied_with_its_parameters_says_why(backend):
    needed_by(backend)
    model = Squares()
    program = compile(lambda x, t: model.loss(x, t), {"a": 1.0}, 0.0, params=model, **on(backend))
    outsider = Outsider()
    unseen = compile(outsider.loss, {"a": 1.0}, 0.0, params=[Outsider.secret], **on(backend))
    for copied in COPIES.values():
        with pytest.raises(TypeError, match=r"plain one, as .*<lambda> is, that reads parameters"):
            copied(program)
        with pytest.raises(TypeError, match="does not read the copied parameters"):
            copied(unseen)


def test_a_number_that_is_assigned_once_more_is_taken_over_again():
    class Line(nn.Module):
        def __init__(self):
            self.w = Value(2.0)

    model, number = Line(), 0.5
    program = compile(lambda x: model.w * x, 1.0, params=model)

    def assign():
        model.w.data = number

    for again in (assign, lambda: model.load_state_dict({"w": number})):
        for _ in range(2):  # the same object, not only the same number
            again()
            assert program([1.0]).tolist() == [0.5]
            program.vector[0] = 4.0


def test_a_vector_that_is_kept_counts_after_it_was_written_to_the_parameters():
    w = Value(2.0)
    program = compile(lambda x: w * x, 1.0, params=[w])
    kept = program.vector
    kept[0] = 3.0
    program.write_parameters()
    kept[0] = 4.0
    assert program([1.0]).tolist() == [4.0]
    assert w.data == 3.0


ROWS, NUMBERS = np.ones((3, 2)), np.ones(3)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ((ROWS * [1, np.nan], NUMBERS), "argument 0 .*: in example 0 there is .*nan.*, no finite"),
        ((ROWS, NUMBERS * [1, np.inf, 1]), "argument 1 .*: in example 1 there is .*inf.*, no fin"),
        (
            (ROWS[:, :1], NUMBERS),
            r"argument 0 must have the shape \(examples, 2,\).*, not \(3, 1\)",
        ),
        ((ROWS, ROWS), r"argument 1 must have the shape \(examples, \).*, not \(3, 2\)"),
        ((ROWS, NUMBERS[0:1].reshape(())), r"argument 1 must have the shape .*, not \(\)"),
        ((0.5, NUMBERS), r"argument 0 must have the shape .*, not \(\)"),
        ((ROWS, NUMBERS[:2]), "argument 1 has 2 examples, not 3"),
        ((ROWS,), "2 arguments are needed, not 1"),
        ((ROWS, NUMBERS, NUMBERS), "2 arguments are needed, not 3"),
        ((ROWS + 1j, NUMBERS), "argument 0 must be numbers"),
    ],
)
def test_arrays_of_the_usual_kind_are_checked_like_others(batch, words):
    program = compile(lambda x, t: mg.relu(x[0] - x[1]) * t, [1.0, 2.0], 0.0)
    for call in (program, program.value_and_grad):
        with pytest.raises(ValueError, match=words):
            call(*batch)
    for numbers in (NUMBERS, np.ones(6)[::2], np.ones(3, "f4"), np.ones(3, int), [1, 1.0, 1]):
        assert program(np.asfortranarray(ROWS) * [3, 1], numbers).tolist() == [2, 2, 2]
        assert program(ROWS.T.copy().T * [3, 1], numbers).tolist() == [2, 2, 2]
