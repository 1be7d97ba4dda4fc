"""Programs in lanes: equal to the engine for batches of any size, also at the edges."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import TraceError, compile
from micrograd_plus.compiler.native.tape import MOST, SUM, WEIGHTED
from micrograd_plus.engine import apply, record
from micrograd_plus.graph import order
from micrograd_plus.ops import TABLE
from micrograd_plus.testing import graphs, networks, points
from tests.compiled import CHEATED, EDGES, FIRST, PRODUCT, rebuilt
from tests.effort import examples
from tests.needs import needs_core

needs_core()
SIZES = [0, 1, 3, 4, 15, 16, 17, 1000]


def native(fn, *example, **options):
    return compile(fn, *example, backend="native", **options)


def eager(fn, batch, params=()):
    """The output for each example, and the gradients with respect to inputs and parameters."""
    values, slopes, gradients = [], [], []
    for row in batch:
        leaves = [Value(x) for x in row]
        for p in params:
            p.grad = 0.0
        out = fn(leaves)
        out.backward()
        values.append(out.data)
        slopes.append([x.grad for x in leaves])
        gradients.append([p.grad for p in params])
    return np.array(values), np.array(slopes), np.array(gradients)


def assert_close(found, expected, rel=1e-12):
    scale = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=rel, atol=rel * scale)


@examples(200)
@given(st.data())
def test_random_graphs(data):
    root, leaves = data.draw(graphs(max_size=12) | networks())
    inputs = leaves[: data.draw(st.integers(0, len(leaves)))]
    parameters = leaves[len(inputs) :]
    nodes = [node for node in order(root) if node.op is not None]
    assume(all(abs(node.data) < 1e4 for node in nodes))
    root.backward()
    assume(max(abs(node.grad) for node in [*nodes, *leaves]) < 1e4)
    point = [x.data for x in inputs]
    program = native(
        lambda x: rebuilt(root, dict(zip(inputs, x, strict=True))), point,
        params=parameters, input_gradients=True,
    )  # fmt: skip
    count = data.draw(st.sampled_from([1, 5, 18]))
    batch, weights = [point] * count, np.linspace(0.5, 1.5, count)
    np.testing.assert_allclose(program(batch), [root.data] * count, rtol=1e-12, atol=1e-12)
    value, gradient, (slopes,) = program.value_and_grad(batch, weights=weights)
    scale = max(1.0, *(abs(node.grad) for node in nodes)) * weights.sum()
    assert value == pytest.approx(root.data * weights.sum(), rel=1e-12, abs=1e-12 * scale)
    expected = [p.grad * weights.sum() for p in parameters]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12 * scale)
    for row, weight in zip(slopes, weights, strict=True):
        expected = [x.grad * weight for x in inputs]
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
@given(st.data())
@examples(20)
def test_every_operation(op, data):
    batch = [data.draw(points(op))] * 18
    w = Value(1.5)

    def fn(x):
        return apply(op, *x) * w

    program = native(fn, batch[0], params=[w], input_gradients=True)
    values, slopes, gradients = eager(fn, batch, [w])
    np.testing.assert_allclose(program(batch), values, rtol=1e-12)
    value, gradient, (found,) = program.value_and_grad(batch, weights=[1.0] * 18)
    scale = max(1.0, np.abs(values).max())
    assert value == pytest.approx(values.sum(), rel=1e-12, abs=1e-12 * scale)
    np.testing.assert_allclose(gradient, gradients.sum(axis=0), rtol=1e-12, atol=1e-12 * scale)
    for row, expected in zip(found, slopes, strict=True):
        assert_close(row, expected)


def outcome(function, *args):
    """What a function gives, or the message of its error."""
    try:
        return function(*args)
    except mg.NonFiniteError as error:
        return str(error).removeprefix("example 0: ")


@pytest.mark.parametrize("op", [op for op in TABLE.values() if op.arity], ids=lambda op: op.name)
def test_edges_are_those_of_the_engine(op):
    """The numbers that the engine has a result for go through lanes at once."""
    inside = {1: [0.5], 2: [0.5, 0.5], 3: [0.5, 0.25, 0.75]}[op.arity]
    program = native(lambda x: apply(op, *x), [1.5] if op.name == "acosh" else inside)
    some = EDGES if op.arity < 3 else EDGES[::3]
    fine = []
    for point in itertools.product(some, repeat=op.arity):
        expected = outcome(apply, op, *point)
        if isinstance(expected, str):
            assert outcome(program, [point]) == expected
        else:
            fine.append((point, expected))
    batch, expected = zip(*fine, strict=True)
    found = program(batch)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    assert (np.signbit(found) == np.signbit(expected)).all()


@pytest.mark.parametrize("count", SIZES)
def test_a_network_for_batches_of_any_size(count):
    model = nn.MLP(3, [4, 5, 3], activation=["tanh", "gelu", None], seed=1)
    draw = np.random.default_rng(count)
    batch = draw.normal(size=(count, 3)), np.eye(3)[draw.integers(0, 3, count)]

    def fn(x, t):
        scores = model(x)
        return nn.softmax_cross_entropy(scores, t), {"scores": scores, "one": 1.0}

    options = {"params": model, "input_gradients": True, "has_aux": True}
    theirs = compile(fn, [0.0] * 3, [0.0] * 3, **options)
    mine = native(fn, [0.0] * 3, [0.0] * 3, **options)
    weights = draw.uniform(-1, 1, count)
    for options in ({}, {"weights": weights}, {"weights": weights, "chunk": 7}):
        value, gradient, (dx, dt), aux = mine.value_and_grad(*batch, **options)
        expected = theirs.value_and_grad(*batch, **options)
        assert value == pytest.approx(expected[0], rel=1e-12, abs=1e-13)
        assert_close(gradient, expected[1])
        assert_close(dx, expected[2][0])
        assert_close(dt, expected[2][1])
        assert_close(aux["scores"], expected[3]["scores"])
        assert aux["one"].tolist() == [1.0] * count
    loss, others = mine(*batch)
    assert_close(loss, theirs(*batch)[0])
    assert_close(others["scores"], theirs(*batch)[1]["scores"])


def test_the_kinds_of_machine_code_give_the_same_bits():
    """But for derivatives of sums of products, which some kinds round once less, see below."""
    from micrograd_plus.core import tapes

    w = [Value(0.1 * i) for i in range(-5, 6)]

    def fn(x):
        some = [apply(op, v * x) for op in TABLE.values() if op.arity == 1 for v in (w[8],)
                if op.domain.contains(0.3)]  # fmt: skip
        more = [mg.logsumexp([v * x for v in w]), mg.max(w) * x, mg.where(x, w[3], w[4])]
        return mg.sum([*some, *more, *(a * b for a, b in zip(some, w * 9, strict=False))])

    program = native(fn, 0.4, params=w, input_gradients=True)
    batch, found = np.linspace(0.2, 0.9, 37), []
    for kind in range(tapes.KINDS):
        tapes.choose(kind)
        value, gradient, (slopes,) = program.value_and_grad(batch)
        found.append([value, gradient.tobytes(), slopes.tobytes(), program(batch).tobytes()])
    tapes.choose(0)
    assert found.count(found[0]) == tapes.KINDS


@pytest.mark.parametrize("op", [PRODUCT, CHEATED, FIRST], ids=["product", "cheated", "first"])
def test_operations_that_are_not_in_the_table_go_by_their_rules(op):
    w = Value(-1.5)

    def fn(x):
        args = (x[0], w, 2.0, mg.sin(x[0] * w) * w) if op.arity is None else (x[0],)
        return record(op, args) * w + record(op, args)

    program, batch = native(fn, [2.5], params=[w], input_gradients=True), [[2.5], [0.25]] * 9
    values, slopes, gradients = eager(fn, batch, [w])
    assert_close(program(batch), values, 1e-14)
    _, gradient, (found,) = program.value_and_grad(batch)
    assert_close(gradient, gradients.mean(axis=0), 1e-14)
    assert_close(found * 18, slopes, 1e-14)


def test_products_of_a_sum_have_no_slots():
    w = [Value(0.1 * i) for i in range(20)]

    def fn(x):
        by_hand = sum(v * x[i % 3] for i, v in enumerate(w)) + w[3]
        return by_hand + mg.dot(w[:3], x) + x[0] * x[0]

    program = native(fn, [1.0, 2.0, 3.0], params=w)
    assert len(program._runs.tape.instructions) == 1
    batch = np.random.default_rng(1).normal(size=(40, 3))
    _, _, gradients = eager(fn, batch, w)
    assert_close(program.value_and_grad(batch)[1], gradients.mean(axis=0), 1e-14)


@pytest.mark.parametrize("input_gradients", [False, True])
@pytest.mark.parametrize("count", [3, 40])
@pytest.mark.parametrize(
    ("left", "right", "weighted"),
    [("wvw", "xyx", 1), ("xyx", "wvw", 1), ("wxv", "xwy", 1), ("wvw", "xvy", 1), ("wxy", "xyw", 0)],
)
def test_sums_of_products_with_what_examples_share(left, right, weighted, count, input_gradients):
    """Each letter is a factor: w and v are shared by the examples, x and y are not."""
    v, bias = Value(-1.5), Value(0.25)

    def fn(x):
        factors = {"w": mg.exp(v), "v": v, "x": x[0], "y": x[1]}
        sides = [[factors[letter] for letter in side] for side in (left, right)]
        return mg.tanh(mg.dot(*sides) + bias + x[0])

    program = native(fn, [1.0, 2.0], params=[v, bias], input_gradients=input_gradients)
    codes = program._runs.tape.runs[:, 0] >> MOST
    assert [(codes == code).sum() for code in (WEIGHTED, SUM)] == [weighted, 1 - weighted]
    batch = np.random.default_rng(1).normal(size=(count, 2))
    values, slopes, gradients = eager(fn, batch, [v, bias])
    assert_close(program(batch), values, 1e-14)
    _, gradient, *found = program.value_and_grad(batch, weights=np.ones(count))
    assert_close(gradient, gradients.sum(axis=0), 1e-14)
    if input_gradients:
        assert_close(found[0][0], slopes, 1e-14)


@pytest.mark.parametrize("count", [2, 16, 100, 1000])
@pytest.mark.parametrize("units", [1, 2, 7, 9])
def test_layers_are_those_of_numpy(units, count):
    """Sums with the same factors are computed together, and several blocks of examples."""
    from micrograd_plus.core import tapes

    model = nn.MLP(40, [units, 3], activation="tanh", seed=units)
    tied = model.layers[1].neurons[0].w[0]  # has two places in a layer
    model.layers[1].neurons[1].w[0] = tied
    program = native(lambda x: mg.sum([y * y for y in model(x)]), [0.0] * 40, params=model)
    numbers = np.random.default_rng(units)
    x, weights = numbers.normal(size=(count, 40)), numbers.normal(size=count)
    (w, b), (v, c) = (
        (np.array([[w.data for w in n.w] for n in layer.neurons]),
         np.array([n.b.data for n in layer.neurons]))
        for layer in model.layers
    )  # fmt: skip
    hidden = np.tanh(x @ w.T + b)
    outputs = hidden @ v.T + c
    after = 2 * outputs * weights[:, None]
    before = after @ v * (1 - hidden**2)
    expected = {}
    for layer, inputs, slopes in ((0, x, before), (1, hidden, after)):
        found = model.layers[layer].neurons, slopes.T @ inputs, slopes.sum(axis=0)
        for n, row, bias in zip(*found, strict=True):
            for leaf, slope in zip([*n.w, n.b], [*row, bias], strict=True):
                expected[leaf] = expected.get(leaf, 0.0) + slope
    same = program(x)
    for kind in range(tapes.KINDS):
        tapes.choose(kind)
        assert (program(x) == same).all()
        value, gradient = program.value_and_grad(x, weights=weights)
        assert value == pytest.approx(weights @ (outputs**2).sum(axis=1), rel=1e-12)
        assert_close(gradient, [expected[leaf] for leaf in program.parameters], 1e-11)
    tapes.choose(0)


def test_sums_with_the_same_factors_may_read_each_other():
    w = [Value(0.1 * k) for k in range(9)]

    def fn(x):
        found = mg.dot(w[:2], x)
        for k in range(7):
            found = mg.dot(w[k : k + 2], x) + found + found + w[8]
        return found

    program = native(fn, [1.0, 2.0], params=w)
    batch = np.random.default_rng(1).normal(size=(40, 2))
    values, _, gradients = eager(fn, batch, w)
    assert_close(program(batch), values, 1e-13)
    assert_close(program.value_and_grad(batch)[1], gradients.mean(axis=0), 1e-13)


def test_what_examples_share_is_computed_once():
    w = Value(0.5)
    program = native(lambda x: mg.exp(mg.sin(w)) * x + mg.log(w) + w * w, 1.0, params=[w])
    tape = program._runs.tape
    assert tape.runs[tape.parts[0] - 1, 1] == 4  # sin, exp, log, and a product
    assert len(tape.instructions) == 5


@pytest.mark.parametrize("count", [2, 20])
def test_the_example_that_is_not_finite_is_named(count):
    w = Value(1.0, "w")
    program = native(lambda x: mg.sqrt(w * x), 1.0, params=[w])
    batch = np.linspace(1.0, 2.0, count)
    batch[1] = -1.0
    with pytest.raises(mg.NonFiniteError, match=r"example 1: sqrt of .*-1\.0 is not finite"):
        program(batch)
    batch[1] = 0.0
    assert program(batch)[1] == 0
    with pytest.raises(mg.NonFiniteError, match="example 1: the gradient through sqrt"):
        program.value_and_grad(batch)
    batch[1] = 1.0
    assert program.value_and_grad(batch)[0] == pytest.approx(np.sqrt(batch).mean())


def test_numbers_that_lie_anywhere():
    program = native(lambda x: mg.sum(x[0]) - x[1][1], np.zeros((2, 3)))
    whole = np.random.default_rng(2).normal(size=(40, 5, 6))
    expected = whole[::2, 1:3, ::-2][:, 0].sum(axis=1) - whole[::2, 2, 3]
    for batch in (whole[::2, 1:3, ::-2], np.asfortranarray(whole[::2, 1:3, ::-2])):
        np.testing.assert_allclose(program(batch), expected, rtol=1e-14, atol=1e-14)
        found = program.value_and_grad(batch, weights=np.arange(40.0)[::2])[0]
        assert found == pytest.approx(np.arange(40.0)[::2] @ expected)
        columns = batch.reshape(20, 6).T
        for some in (columns, np.ascontiguousarray(columns), columns[:, ::-1]):
            which = np.array([3, 19, 3, *range(17)])
            run = program.of_some("value_and_grad", [some])
            back = some.T[which].reshape(20, 2, 3)
            value, *_ = run(program.numbers, which, np.arange(20.0))
            assert value == pytest.approx(np.arange(20.0) @ (back[:, 0].sum(1) - back[:, 1, 1]))
    for one in (np.broadcast_to(whole[0, 1:3, ::2], (20, 2, 3)), np.broadcast_to(2.0, (20, 2, 3))):
        np.testing.assert_allclose(program(one), one[:, 0].sum(axis=1) - one[:, 1, 1], rtol=1e-14)


def test_it_shows_the_code_that_numpy_would_run():
    w = Value(2.0, "w")
    mine, theirs = (compile(lambda x: mg.tanh(w * x), 1.0, params=[w], backend=backend)
                    for backend in ("native", "numpy"))  # fmt: skip
    assert (str(mine), mine.source(), mine.result) == (str(theirs), theirs.source(), theirs.result)
    assert "tanh" in mg.draw(mine).source
    assert repr(mine) == "<Program of 2 instructions in lanes, 1 parameters>"


def test_it_has_the_same_functions():
    w = Value(2.0, "w")
    for backend in ("native", "numpy"):
        program = compile(lambda x: w * x, 1.0, params=[w], backend=backend)
        forward, value_and_grad = program.functions.values()
        assert forward(program.numbers, np.array([[1.0, 2.0]])).tolist() == [[2.0, 4.0]]
        value, slopes = value_and_grad(program.numbers, np.array([[1.0, 2.0]]), np.array([1.0, 2]))
        assert (value, slopes.tolist()) == (10.0, [5.0])
    several = native(lambda x: [x, 2 * x], 1.0)
    with pytest.raises(TypeError, match="only a function that returns one number"):
        several.value_and_grad([1.0])
    with pytest.raises(TraceError, match="step, maximum"):
        native(lambda x: x if x > 0 else -x, 1.0)


def test_masked_terms_and_infinite_bounds():
    program = native(lambda x: mg.logsumexp([x, -math.inf, 2.0]) + mg.clip(x, 0.0, math.inf), 1.0)
    batch = np.linspace(-3.0, 3.0, 33)
    expected = np.log(np.exp(batch) + np.exp(2.0)) + np.maximum(batch, 0.0)
    np.testing.assert_allclose(program(batch), expected, rtol=1e-14)
