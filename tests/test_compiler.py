"""Compiled programs: equal to the engine, readable, and aware of what can't be compiled."""

import importlib
import itertools
import json
import math
import os
import subprocess
import sys
import tracemalloc
from functools import reduce
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import TraceError, compile
from micrograd_plus.compiler.trace import mapped
from micrograd_plus.engine import record
from micrograd_plus.graph import order
from micrograd_plus.nn.layers import ACTIVATIONS
from micrograd_plus.operation import Op
from micrograd_plus.testing import graphs


def rebuilt(root, replaced):
    """A graph recorded anew on other leaves."""
    new = dict(replaced)
    for node in order(root):
        if node.op is not None:
            args = tuple(arg if type(arg) is float else new.get(arg, arg) for arg in node.args)
            new[node] = record(node.op, args)
        else:
            new.setdefault(node, node)
    return new[root]


def eager(fn, batch, parameters):
    """Mean and gradient by the engine, example by example."""
    for p in parameters:
        p.grad = 0.0
    examples = [[mapped(Value, part) for part in example] for example in zip(*batch, strict=True)]
    mean = mg.mean([fn(*example) for example in examples])
    mean.backward()
    return mean.data, [p.grad for p in parameters]


def assert_equal(fn, batch, parameters, rel=1e-12):
    """The engine, and programs for all libraries that are there, agree."""
    expected, expected_gradient = eager(fn, batch, parameters)
    scale = max([1e-300, *map(abs, expected_gradient)])
    example = [part[0] for part in batch]
    programs = [compile(fn, *example, params=parameters)]
    try:
        with jax().disable_jit():
            programs.append(compile(fn, *example, params=parameters, backend="jax"))
            found = [program.value_and_grad(*batch) for program in programs]
    except pytest.skip.Exception:
        found = [programs[0].value_and_grad(*batch)]
    for value, gradient in found:
        assert value == pytest.approx(expected, rel=rel, abs=1e-300)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=rel, atol=rel * scale)
    return programs[0]


def jax():
    """The module; in CI it has to be there."""
    if "CI" in os.environ:
        return importlib.import_module("jax")
    return pytest.importorskip("jax", reason="the backend needs JAX")


@settings(max_examples=2000)
@given(st.data())
def test_random_graphs(data):
    compare(data, "numpy")


@settings(max_examples=2000)
@given(st.data())
def test_random_graphs_on_jax(data):
    with jax().disable_jit():  # compiling each graph would take minutes
        compare(data, "jax")


@settings(max_examples=20)
@given(st.data())
def test_random_graphs_on_jax_compiled(data):
    jax()
    compare(data, "jax")


def compare(data, backend):
    """A random graph, compiled and recorded."""
    root, leaves = data.draw(graphs(max_size=10))
    count = data.draw(st.integers(0, len(leaves)))
    inputs, parameters = leaves[:count], leaves[count:]
    point = [leaf.data for leaf in inputs]

    def fn(*xs):
        return rebuilt(root, dict(zip(inputs, xs, strict=True)))

    batch = [[x] * 2 for x in point]
    program = compile(fn, *point, params=parameters, input_gradients=True, backend=backend)
    value, gradient, slopes = program.value_and_grad(*batch)
    root.backward()
    # a last digit that differs in a large number counts as much as what it is multiplied by
    nodes = order(root)
    scale = max(1.0, *(abs(x.data) for x in nodes)) * max(1.0, *(abs(x.grad) for x in nodes))
    assert value == pytest.approx(root.data, rel=1e-12, abs=1e-12 * scale)
    found = [*gradient, *map(np.sum, slopes)]
    expected = [p.grad for p in [*parameters, *inputs]]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale)


X = [[0.3, -1.2, 0.7], [-0.4, 0.8, 0.1], [1.1, 0.2, -0.9], [0.6, -0.5, 0.4]]
T = [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "prelu", "maxout", "softmax", "log_softmax"])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"expanded": True}], ids=str)
def test_networks(activation, options):
    model = nn.MLP(3, [4, 5, 1], activation=[activation, activation, None], seed=1, **options)
    assert_equal(lambda x, t: nn.mse(model(x), t), (X, T), model.parameters())


SIGNS = [1.0, -1.0, 1.0, -1.0]
ONE_HOT = [[1.0, 0.0], [0.0, 1.0], [0.3, 0.7], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("loss", "targets", "last"),
    [
        (nn.l1, T, None),
        (nn.mse, T, None),
        (nn.half_mse, T, None),
        (nn.hinge, SIGNS, None),
        (nn.binary_cross_entropy, T, "sigmoid"),
        (nn.binary_cross_entropy_with_logits, T, None),
        (nn.mse, ONE_HOT, None),
        (nn.cross_entropy, ONE_HOT, "softmax"),
        (nn.softmax_cross_entropy, ONE_HOT, None),
    ],
)
def test_losses(loss, targets, last):
    outputs = 2 if targets is ONE_HOT else 1
    model = nn.MLP(3, [4, outputs], activation=["tanh", last], seed=2)

    def penalised(x, t):
        return loss(model(x), t) + nn.l2_penalty(model.parameters(), 0.01)

    assert_equal(penalised, (X, targets), model.parameters())


A, B, C = (Value(number, name) for name, number in {"a": -2.0, "b": 0.7, "c": 1.5}.items())
LECTURES = {
    "A: (x + y) · z": lambda x: (A + x[0]) * x[1],
    "A: the sigmoid gate": lambda x: 1 / (1 + mg.exp(-(A * x[0] + B * x[1] + C))),
    "A: paths that meet": lambda x: A * x[0] + A * B + mg.maximum(A, x[1]),
    "A: softmax and its loss": lambda x: -mg.log(mg.softmax([A * x[0], B * x[1], C])[1]),
    "B: logistic regression": lambda x: nn.binary_cross_entropy(
        mg.sigmoid(A * x[0] + B * x[1] + C), 1.0
    ),
    "C: 5x² + 3y² + 4xy": lambda x: 5 * A**2 + 3 * x[0] ** 2 + 4 * A * x[0] * x[1],
    "C: sin(x²)": lambda x: mg.sin(A**2) * x[0] + mg.sin(x[1] ** 2) * B,
    "D: half the squared error": lambda x: (x[1] - mg.sigmoid(A * x[0] + B)) ** 2 / 2,
    "D: two sigmoid layers": lambda x: mg.sigmoid(
        C * mg.sigmoid(A * x[0] + B * x[1]) - mg.sigmoid(B * x[0] - C) + A
    ),
    "E: a chain": lambda x: mg.exp(mg.tanh(A * mg.cos(B * x[0])) * x[1]),
}


@pytest.mark.parametrize("name", LECTURES)
def test_the_lectures(name):
    assert_equal(LECTURES[name], ([[-1.0, 3.0], [0.5, 4.0], [2.0, 0.25]],), [A, B, C])


def weights(m, n, name):
    return [[Value(math.sin(3 * i + 5 * j + len(name)), f"{name}_{i},{j}") for j in range(n)]
            for i in range(m)]  # fmt: skip


def by_loops(rows, b, first):
    """A dense layer as people write it by hand: the bias first, last, or by sum()."""

    def layer(x):
        out = []
        for row, bias in zip(rows, b, strict=True):
            if first == "sum":
                out.append(sum((w * v for w, v in zip(row, x, strict=True)), bias))
                continue
            total = bias if first else 0
            for w, v in zip(row, x, strict=True):
                total = total + v * w
            out.append(total if first else total + bias)
        return out

    return layer


@pytest.mark.parametrize("first", [True, False, "sum"])
@pytest.mark.parametrize("width", [6, 30])
def test_loops_become_matrix_products(first, width):
    rows, last_rows = weights(width, 3, "W"), weights(1, width, "V")
    b = [Value(0.1 * i, f"b_{i}") for i in range(width)]
    hidden, last = by_loops(rows, b, first), by_loops(last_rows, [Value(0.3)], first)

    def loss(x, t):
        return (last([mg.tanh(z) for z in hidden(x)])[0] - t) ** 2

    parameters = [w for row in [*rows, *last_rows] for w in row] + b
    program = assert_equal(loss, (X, T), parameters)
    assert len(program._source.groups) == 5  # whatever the width
    assert f"p[0:{3 * width}].reshape({width}, 3)" in str(program)
    assert "z1 = W1 @" in str(program)
    assert "dz1 @" in str(program)


def test_shared_weights_skip_connections_and_several_outputs():
    shared = nn.Layer(3, 3, activation="tanh", seed=3)

    def fn(x):
        h = shared(x)
        again = shared([a + b for a, b in zip(h, x, strict=True)])
        return {"not": "reached"} if False else [again, mg.sum([*again, *h, x[0]]), 2.0]

    program = compile(fn, X[0], params=shared)
    found = program(X)
    for i, x in enumerate(X):
        expected = fn([Value(v) for v in x])
        assert [row[i] for row in found[0]] == pytest.approx([v.data for v in expected[0]])
        assert found[1][i] == pytest.approx(expected[1].data, rel=1e-12)
        assert found[2][i] == 2
    with pytest.raises(TypeError, match="only a function that returns one number"):
        program.value_and_grad(X)
    assert_equal(lambda x: fn(x)[1], (X,), shared.parameters())


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x * float(x),
        lambda x: x * math.exp(x),
        lambda x: x * [1, 2, 3][int(x)],
        lambda x: x * x.data,
        lambda x: x * round(x),
        lambda x: x if x == 1 else 2 * x,
        lambda x: x if x else 2 * x,
    ],
)
def test_looking_at_a_number_is_refused_at_that_line(fn):
    with pytest.raises(TraceError, match="step, maximum") as caught:
        compile(fn, 1.0)
    assert caught.traceback[-1].frame.code.path.name != "test_compiler.py"
    assert any("lambda" in entry.frame.code.name for entry in caught.traceback)
    assert float(Value(1.0)) == 1  # and allowed again


def test_randomness_is_refused_and_constants_made_inside_are_not():
    numbers = iter(range(100))
    with pytest.raises(TraceError, match="something else each time"):
        compile(lambda x: x * next(numbers), 1.0)
    with pytest.raises(TraceError, match="something else each time"):
        compile(lambda x: x * Value(next(numbers)), 1.0)
    with pytest.raises(TraceError, match="must return Values, not 'x'"):
        compile(lambda x: "x", 1.0)
    assert compile(lambda x: x * Value(3.0) + 1, 1.0)([2.0, 4.0]).tolist() == [7, 13]


@pytest.mark.parametrize("recorded", [
    lambda turn, a, b: a * 2.0,
    lambda turn, a, b: 2.0 * a,
    lambda turn, a, b: mg.sum([1.0, a, b]),
    lambda turn, a, b: Value(0.0) * turn,
    lambda turn, a, b: mg.dot([Value(0.0), 1.0], [turn, 1.0]),
    lambda turn, a, b: mg.sum([Value(0.0)] * int(turn)),
    lambda turn, a, b: Value(1.0) * 1.0 if turn % 2 else Value(1.0) / 1.0,
    lambda turn, a, b: Value(1.0) if turn % 2 else 1.0,
])  # fmt: skip
def test_other_connections_in_each_run_are_refused(recorded):
    turns = itertools.count(1)

    def both_ways(f):
        def fn(x, y):
            turn = next(turns)
            return f(x * y, recorded(float(turn), *((x, y) if turn % 2 else (y, x))))

        return fn

    for f in (lambda known, odd: known + odd, lambda known, odd: [known, odd]):
        with pytest.raises(TraceError, match="something else each time"):
            compile(both_ways(f), 1.0, 1.0)
    with pytest.raises(TraceError, match="something else each time"):
        compile(lambda x, y: [x * y, *((x, y) if next(turns) % 2 else (y, x))], 1.0, 1.0)


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
    with pytest.raises(ValueError, match="no backend 'jacks'; choose from numpy, jax"):
        compile(lambda x: x, 1.0, backend="jacks")
    with pytest.raises(ValueError, match="no backend 'c'; choose from numpy, jax"):
        compile(lambda x: x, 1.0).source("c")


def test_what_has_no_structure_and_is_large_is_refused_by_jax():
    jax()

    def tangled(x):
        values = list(x)
        for _ in range(1000):
            values.append(mg.sin(values[-1]) * values[-2])
        return values[-1]

    with pytest.raises(TraceError, match=r"no structure was found .* use backend='numpy'"):
        compile(tangled, [0.5] * 5, backend="jax")
    assert len(compile(tangled, [0.5] * 5).groups) == 2000


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


@pytest.mark.parametrize("besides", ["nothing", "a penalty", "an unused parameter"])
def test_many_parameters(besides):
    model = nn.MLP(101, [100, 2], seed=1, init="he_uniform")
    parameters = model.parameters()
    if besides == "an unused parameter":
        parameters.insert(5, Value(1.0))

    def loss(x, t):
        error = nn.softmax_cross_entropy(model(x), t)
        return error + mg.dot(parameters[:50], parameters[:50]) if besides == "a penalty" else error

    draw = np.random.default_rng(0)
    batch = draw.normal(size=(3, 101)).tolist(), [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
    program = assert_equal(loss, batch, parameters)
    assert ("np.empty_like(p)" in str(program)) == (besides == "nothing")
    assert "np.matmul(dz1, x.T, out=dp" in str(program) or besides != "nothing"


def test_many_weights_in_columns():
    draw = np.random.default_rng(0)
    w = [[Value(x) for x in row] for row in draw.normal(size=(101, 100))]

    def fn(x):
        return mg.sum([mg.tanh(mg.dot(column, x)) for column in zip(*w, strict=True)])

    batch = (draw.normal(size=(3, 101)).tolist(),)
    program = assert_equal(fn, batch, [x for row in w for x in row])
    assert "out=dp[0:10100].reshape(101, 100).T)" in str(program)


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


def test_a_new_operation_on_any_number_of_arguments_needs_no_entry_here():
    product = Op(
        "product",
        value=lambda m, *args: math.prod(args),
        partials=lambda m, out, *args: [
            math.prod(x for j, x in enumerate(args) if j != i) for i in range(len(args))
        ],
        about="the product",
        example=((2.0, 3.0), 6.0),
    )
    ws = [Value(0.5), Value(-2.0), Value(3.0)]

    def fn(x):
        both = [record(product, (*ws, v, 2.0)) for v in x]
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
