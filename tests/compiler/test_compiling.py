"""Compiling: programs are equal to the engine, and what can't be compiled is refused."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value, functions, nn, ops
from micrograd_plus._tools.nested import flat
from micrograd_plus.compiler import TraceError, compile
from micrograd_plus.compiler.trace import trace
from micrograd_plus.graph import order
from micrograd_plus.nn.activations import ACTIVATIONS
from micrograd_plus.testing import graphs
from tests.compiled import ONE_HOT, T, X, assert_equal, eager
from tests.effort import few, slow
from tests.needs import needed, needs_core


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "prelu", "maxout", "softmax", "log_softmax"])
@pytest.mark.parametrize(
    "options",
    few(1, [{}, {"bias": False}, {"expanded": True}]),
    ids=str,
)
def test_networks(activation, options):
    model = nn.MLP(3, [4, 5, 1], activation=[activation, activation, None], seed=1, **options)
    assert_equal(lambda x, t: nn.mse(model(x), t), (X, T), model.parameters())


SIGNS = [1.0, -1.0, 1.0, -1.0]


@pytest.mark.parametrize(
    ("loss", "targets", "last"),
    [
        (nn.l1, T, None),
        (nn.mse, T, None),
        (nn.squared_error, ONE_HOT, None),
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
    assert len(program.groups) == 4  # whatever the width
    assert f"p[0:{3 * width}].reshape({width}, 3)" in str(program)
    assert "z1 = W1 @" in str(program)
    assert "dz1 @" in str(program)


def test_sums_are_joined_where_nothing_else_uses_them():
    u, w = Value(2.0), Value(3.0)

    def one(x):
        return mg.dot([u], [x[0]], w * x[1] + 1.0)

    def shared(x):
        total = u * x[0] + w * x[1]
        return (total + 1.0) * mg.tanh(total)

    assert len(assert_equal(one, (X,), [u, w]).groups) == 1
    assert len(assert_equal(shared, (X,), [u, w]).groups) == 4


def test_sums_of_the_same_rows_that_differ_in_what_is_added():
    u, w, v = Value(1.3), Value(0.7), Value(-0.3)
    layer = nn.Layer(3, 3, activation="tanh", seed=1)

    def by_hand(x):
        h = mg.tanh(u * x[0])
        return mg.sigmoid(x[1] + h + w) * mg.tanh(x[1] + h + v)

    def of_one_array(x):
        h = layer(x)
        return mg.sigmoid(mg.sum(h) + w) * mg.tanh(mg.sum(h) + v) + mg.mean(h)

    assert_equal(by_hand, ([[0.3, 0.1], [-1.0, 0.5]],), [u, w, v])
    program = assert_equal(of_one_array, (X,), [*layer.parameters(), w, v])
    assert "z2 = h.sum(axis=0) + b2" in str(program)


HARMLESS = [  # infinite constants
    lambda w, x: mg.clip(w * x[0], 0, math.inf) + mg.clip(x[1], -math.inf, math.inf) * w,
    lambda w, x: mg.maximum(w, -math.inf) * mg.minimum(math.inf, x[1]),
    lambda w, x: mg.where(mg.step(x[0] + 9.0), w * x[0], math.inf),
    lambda w, x: mg.max([w * x[0], -math.inf, x[1]]) + mg.min([w, math.inf, x[2]]),
    lambda w, x: mg.logsumexp([-math.inf, w * x[0], x[1]]) * mg.logsumexp([w, -math.inf]),
]


@pytest.mark.parametrize("fn", HARMLESS)
def test_infinite_constants_that_do_no_harm(fn):
    w = Value(0.7)
    program = assert_equal(lambda x: fn(w, x), (X,), [w])
    scope = {}
    exec(program.source(), scope)
    value, gradient = scope["value_and_grad"](program.numbers, X)
    assert (value, gradient) == program.value_and_grad(X)


@pytest.mark.parametrize("fn", HARMLESS)
def test_infinite_constants_that_do_no_harm_at_one_point(fn):
    needs_core()
    w = Value(0.7)
    point = compile(lambda x: fn(w, x), X[0], params=[w], backend="native", batched=False)
    value, gradient = point.value_and_grad(X[0])
    expected = eager(lambda x: fn(w, x), (X[:1],), [w])
    assert [value, *gradient] == pytest.approx([expected[0], *expected[1]], rel=1e-12)


@pytest.mark.parametrize(
    "fn", [lambda x: [x, 2 * x], lambda x: [mg.exp(x)], lambda x: [[x], [1.0]]]
)
def test_several_outputs(fn):
    needed("jax")
    batch = [1.0, 3.0]
    expected = [[out.data if isinstance(out, Value) else out for out in flat(fn(Value(x)))]
                for x in batch]  # fmt: skip
    for backend in ("numpy", "jax"):
        program = compile(fn, 0.0, backend=backend)
        found = program(batch)
        assert found.shape == (2, *np.shape(fn(1.0)))  # examples first, as in arguments
        np.testing.assert_allclose(found.reshape(2, -1), expected, rtol=1e-12)
        scope = {}
        exec(program.source(backend), scope)
        numbers = np.array(scope["forward"](program.numbers, np.array(batch)))
        assert numbers.shape == found.shape
        np.testing.assert_allclose(numbers.reshape(2, -1), expected, rtol=1e-12)


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
        assert found[0][i] == pytest.approx([v.data for v in expected[0]])
        assert found[1][i] == pytest.approx(expected[1].data, rel=1e-12)
        assert found[2][i] == 2
    with pytest.raises(TypeError, match="only a function that returns one number"):
        program.value_and_grad(X)
    assert_equal(lambda x: fn(x)[1], (X,), shared.parameters())


TAKEN = {  # functions that need more than the numbers of an entry of the table
    "acos": (mg.acos, (0.5,)),
    "acosh": (mg.acosh, (1.5,)),
    "cross_entropy": (lambda y, z, t, u: nn.cross_entropy([y, z], [t, u]), (0.3, 0.7, 0.0, 1.0)),
    "dot": (lambda *x: mg.dot(x[:2], x[2:4], x[4]), (1.0, 2.0, 3.0, 4.0, 5.0)),
    "hinge": (nn.hinge, (0.3, 1.0)),
    "squared_error": (lambda y, z, t, u: nn.squared_error([y, z], [t, u]), (0.3, 0.7, 0.2, 0.8)),
    "l1": (lambda y, z, t, u: nn.l1([y, z], [t, u]), (0.3, 0.7, 0.2, 0.8)),
    "binary_cross_entropy": (nn.binary_cross_entropy, (0.3, 1.0)),
    "binary_cross_entropy_with_logits": (nn.binary_cross_entropy_with_logits, (0.3, 1.0)),
    "log_softmax": (lambda *x: mg.log_softmax(x)[1], (1.0, 2.0, 3.0)),
    "mse": (lambda y, z, t, u: nn.mse([y, z], [t, u]), (0.3, 0.7, 0.2, 0.8)),
    "pow": (mg.pow, (1.5, 2.5)),
    "softmax": (lambda *x: mg.softmax(x)[1], (1.0, 2.0, 3.0)),
    "softmax_cross_entropy": (
        lambda y, z, t, u: nn.softmax_cross_entropy([y, z], [t, u]), (0.3, 0.7, 0.25, 0.75)
    ),
    "take": (lambda *x: mg.take(x[1:], x[0]), (1.0, 5.0, 6.0, 7.0)),
}  # fmt: skip


def taken(name):
    """A function of some numbers by its name, and such numbers."""
    if name in TAKEN:
        return TAKEN[name]
    f, op = getattr(mg, name), {"maxout": "max", "prelu": "leaky_relu"}.get(name, name)
    numbers = ops.TABLE[op].example[0] if op in ops.TABLE else (0.5,)
    if name in ("sum", "mean", "max", "min", "maxout", "logsumexp"):
        return lambda *x: f(x), numbers
    return f, numbers


@pytest.mark.parametrize("name", sorted({*TAKEN, *functions.__all__}))
def test_no_function_looks_at_a_number(name):
    """Any argument of any function may be a Value when it is compiled, the others constants."""
    f, numbers = taken(name)
    for some in itertools.product([True, False], repeat=len(numbers)):
        if not any(some):
            continue

        def g(x, some=some):
            rest = iter(x)
            return f(*(next(rest) if it else y for it, y in zip(some, numbers, strict=True)))

        point = [x for x, it in zip(numbers, some, strict=True) if it]
        program = compile(g, point, input_gradients=True)
        value, _, (slopes,) = program.value_and_grad([point])
        expected = mg.value_and_grad(g)(point)
        assert value == pytest.approx(expected[0], rel=1e-12)
        assert slopes[0].tolist() == pytest.approx(expected[1], rel=1e-12)


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
    assert caught.traceback[-1].frame.code.path.name != "test_compiling.py"
    assert any("lambda" in entry.frame.code.name for entry in caught.traceback)
    assert float(Value(1.0)) == 1  # and allowed again


def test_randomness_is_refused_and_constants_made_inside_are_not():
    numbers = iter(range(100))
    with pytest.raises(TraceError, match="another graph each time"):
        compile(lambda x: x * next(numbers), 1.0)
    with pytest.raises(TraceError, match="another graph each time"):
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
        with pytest.raises(TraceError, match="another graph each time"):
            compile(both_ways(f), 1.0, 1.0)
    with pytest.raises(TraceError, match="another graph each time"):
        compile(lambda x, y: [x * y, *((x, y) if next(turns) % 2 else (y, x))], 1.0, 1.0)


@pytest.mark.parametrize("chosen", [
    lambda turn, v, w: v + w if turn % 2 else w + v,
    lambda turn, v, w: v * 2.0 + (v if turn % 2 else w),
    lambda turn, v, w: v * 2.0 + (w if turn % 2 else v),
    lambda turn, v, w: mg.dot([v, v], [2.0, v if turn % 2 else w]),
    lambda turn, v, w: mg.sum([v, w] * (1 + turn % 2)),
    lambda turn, v, w: v if turn % 2 else w,
    lambda turn, v, w: (v if turn % 2 else w) + Value(2.0),
])  # fmt: skip
def test_other_leaves_of_equal_numbers_in_each_run_are_refused(chosen):
    v, w, turns = Value(1.0), Value(1.0), itertools.count(1)
    with pytest.raises(TraceError, match="another graph each time"):
        compile(lambda x: x * chosen(next(turns), v, w), 1.0, params=[v, w])


def test_what_is_kept_from_the_run_before_is_refused_unless_it_was_there_before_both():
    kept, w = [], Value(2.0)
    before = w * 3.0

    def remembers(x):
        kept.append(x * w)
        return kept[0] * 2.0

    with pytest.raises(TraceError, match="another graph each time"):
        compile(remembers, 1.0)
    program = compile(lambda x: x * before + before, 1.0, params=[w])
    assert program.value_and_grad([1.0, 3.0]) == (18.0, [9.0])


@given(graphs())
def test_a_trace_is_in_the_order_of_the_graph(graph):
    root, _ = graph
    found = trace(lambda x: [mg.minimum(root, x), 2.0, root, x], [3.0])
    both, _, same, x = found.outputs
    assert same is root
    assert list(map(id, found.nodes)) == list(map(id, order(both)))
    assert {id(leaf) for leaf in found.outside} == {id(n) for n in order(root) if n.op is None}
    assert list(map(id, found.inputs)) == [id(x)]


@slow
def test_what_has_no_structure_and_is_large_is_refused_by_jax():
    needed("jax")

    def tangled(x):
        values, draw = list(x), random.Random(1)
        for k in range(1000):
            one, other = draw.choices(values[-9:], k=2)
            values.append(mg.sin(one) * (other + values[-1] + k))
        return values[-1]

    with pytest.raises(TraceError, match=r"no structure was found .* use backend='numpy'"):
        compile(tangled, [0.5] * 5, backend="jax")
    assert len(compile(tangled, [0.5] * 5).groups) > 2000


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


def test_many_weights_in_columns():
    draw = np.random.default_rng(0)
    w = [[Value(x) for x in row] for row in draw.normal(size=(101, 100))]

    def fn(x):
        return mg.sum([mg.tanh(mg.dot(column, x)) for column in zip(*w, strict=True)])

    batch = (draw.normal(size=(3, 101)).tolist(),)
    program = assert_equal(fn, batch, [x for row in w for x in row])
    assert "dp.reshape(101, 100).T[:] = dz1 @ x.T" in str(program)
