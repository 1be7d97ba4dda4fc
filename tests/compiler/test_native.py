"""The native backend: equal to the engine at one point, also at the edges, and in its errors."""

import itertools
import math
import os
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import PointProgram, TraceError, compile
from micrograd_plus.engine import apply, record
from micrograd_plus.graph import order
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.operation import Op
from micrograd_plus.testing import graphs, networks, points
from tests.compiled import CHEATED, EDGES, FIRST, PRODUCT, rebuilt
from tests.effort import examples
from tests.needs import needed, needs_core

needs_core()


def native(fn, *example, params=()):
    return compile(fn, *example, params=params, backend="native", batched=False)


def eager(fn, point):
    """Value and gradient by the engine."""
    leaves = [Value(x) for x in point]
    out = fn(*leaves)
    out.backward()
    return out.data, [leaf.grad for leaf in leaves]


def assert_close(found, expected, rel=1e-12):
    """Equal up to rounding; a derivative as exactly as the largest of them."""
    assert found[0] == pytest.approx(expected[0], rel=rel, abs=1e-300)
    scale = max(map(abs, expected[1]), default=0.0)
    np.testing.assert_allclose(found[1], expected[1], rtol=rel, atol=rel * scale)


# ------------------------------------------------------------------ equal to the engine


@examples(300)
@given(st.data())
def test_random_graphs(data):
    root, leaves = data.draw(graphs(max_size=12) | networks())
    inputs = leaves[: data.draw(st.integers(0, len(leaves)))]
    parameters = leaves[len(inputs) :]
    nodes = [node for node in order(root) if node.op is not None]
    # what is lost by rounding, and lies in the graph itself
    assume(all(abs(node.data) < 1e4 for node in nodes))

    def fn(*xs):
        return rebuilt(root, dict(zip(inputs, xs, strict=True)))

    root.backward()
    assume(max(abs(node.grad) for node in [*nodes, *leaves]) < 1e4)
    point = [x.data for x in inputs]
    for params in [parameters, ()] if inputs else [parameters]:
        program = native(fn, *point, params=params)
        value, gradient = program.value_and_grad(*point)
        wanted = parameters if params else inputs
        slopes = gradient if params or len(inputs) == 1 else np.ravel(gradient)
        assert value == pytest.approx(root.data, rel=1e-12, abs=1e-12)
        scale = max(1.0, *(abs(node.grad) for node in nodes))
        np.testing.assert_allclose(
            np.ravel(slopes), [x.grad for x in wanted], rtol=1e-12, atol=1e-12 * scale
        )
        assert program(*point) == value


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
@given(st.data())
@examples(30)
def test_every_operation(op, data):
    point = data.draw(points(op))
    indices = st.integers(0, len(point) - 1)
    live = sorted({data.draw(indices), *data.draw(st.sets(indices))})

    def fn(*xs):
        args = list(point)
        for i, x in zip(live, xs, strict=True):
            args[i] = x
        return apply(op, *args) * 1.5

    given = [point[i] for i in live]
    value, gradient = native(fn, *given).value_and_grad(*given)
    assert_close((value, np.atleast_1d(np.squeeze(gradient))), eager(fn, given))


def outcome(function, *args):
    """What a function gives, or the message of its error."""
    try:
        return function(*args)
    except mg.NonFiniteError as error:
        return str(error)


@pytest.mark.parametrize("op", [op for op in TABLE.values() if op.arity], ids=lambda op: op.name)
def test_edges_are_those_of_the_engine(op):
    inside = {1: [0.5], 2: [0.5, 0.5], 3: [0.5, 0.25, 0.75]}[op.arity]
    if op.name == "acosh":
        inside = [1.5]
    program = native(lambda *xs: apply(op, *xs), *inside)
    some = EDGES if op.arity < 3 else EDGES[::3]
    for point in itertools.product(some, repeat=op.arity):
        expected, found = outcome(apply, op, *point), outcome(program, *point)
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
            continue
        assert found == pytest.approx(expected, rel=1e-14, abs=0)
        assert math.copysign(1, found) == math.copysign(1, expected)
        expected = outcome(eager, partial(apply, op), point)
        found = outcome(program.value_and_grad, *point)
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
        else:
            np.testing.assert_allclose(np.ravel(found[1]), expected[1], rtol=1e-12)


def test_ties_and_kinks_are_those_of_the_engine():
    def fn(x, y, z):
        return mg.max([x, y, z, x]) + mg.relu(x) + abs(y) * mg.maximum(x, z)

    program = native(fn, 3.0, 2.0, 1.0)
    for point in ([2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [-1.0, 1.0, 1.0]):
        assert_close(program.value_and_grad(*point), eager(fn, point), rel=1e-15)


def test_a_network_with_parameters():
    model = nn.MLP(3, [4, 5, 3], activation=["tanh", "gelu", None], seed=1)
    x, t = [0.3, -1.2, 0.7], [0.0, 1.0, 0.0]
    program = native(lambda x, t: nn.softmax_cross_entropy(model(x), t), x, t, params=model)
    value, gradient = program.value_and_grad(x, t)
    loss = nn.softmax_cross_entropy(model(x), t)
    loss.backward()
    assert_close((value, gradient), (loss.data, [p.grad for p in model.parameters()]))
    assert program.parameters == model.parameters()


# --------------------------------------------------------------- operations and instructions


@pytest.mark.parametrize("op", [PRODUCT, CHEATED, FIRST], ids=["product", "cheated", "first"])
def test_operations_that_are_not_in_the_table_go_by_their_rules(op):
    def fn(x, y):
        args = (x, y, 2.0, mg.sin(x * y) * y) if op.arity is None else (x,)
        return record(op, args) * y + record(op, args)

    program = native(fn, 2.5, -1.5)
    for point in ([2.5, -1.5], [0.25, 3.0]):
        assert_close(program.value_and_grad(*point), eager(fn, point), rel=1e-14)


def test_rules_that_look_at_numbers_are_refused():
    looking = Op(
        "looking",
        value=lambda m, x: x if x > 0 else -x,
        partials=(lambda m, out, x: 1.0,),
        about="a branch that would stay as it is",
        example=((1.0,), 1.0),
    )
    with pytest.raises(TraceError, match="step, maximum"):
        native(lambda x: record(looking, (x,)), 1.0)


@pytest.mark.parametrize("first", [True, False])
def test_long_sums_are_one_instruction(first):
    xs = [0.1 * i for i in range(50)]

    def fn(x):
        total = x[0] * x[1]
        for v in x[2:]:
            total = total + v if first else v + total
        return total * 2.0 + mg.sum(x)

    program = native(fn, xs)
    assert len(program._tape.instructions) <= 6
    values = [Value(x) for x in xs]
    out = fn(values)
    out.backward()
    assert_close(program.value_and_grad(xs), (out.data, [v.grad for v in values]), rel=1e-14)


def test_parts_of_a_sum_that_are_used_again_stay():
    def fn(x):
        parts = list(itertools.accumulate(x))
        return parts[-1] * parts[6] + parts[11]

    xs = [float(i) for i in range(20)]
    values = [Value(x) for x in xs]
    out = fn(values)
    out.backward()
    found = native(fn, xs).value_and_grad(xs)
    assert_close(found, (out.data, [v.grad for v in values]), rel=1e-14)


def test_a_deep_chain():
    def fn(x):
        y = x
        for _ in range(20_000):
            y = mg.sin(y) * 1.0001
        return y

    assert_close(native(fn, 0.3).value_and_grad(0.3), eager(fn, [0.3]), rel=1e-9)


# -------------------------------------------------------------------------- what is given


def test_arguments_and_results_of_any_structure():
    w = Value(2.0)

    def fn(a, rows, b):
        return [a * w, [rows[1][0] + b, 3.0, b], rows[0][1]]

    program = native(fn, 1.0, [[1.0, 2.0], [3.0, 4.0]], 5.0)
    strided = np.arange(16.0).reshape(4, 4)[::2, ::2]
    strided.flags.writeable = False
    for rows in (strided, strided.tolist(), strided.astype(np.float32)):
        found = program(1, rows, np.float32(0.5))
        assert found == [2.0, [8.5, 3.0, 0.5], 2.0]
        assert type(found[0]) is float
    with pytest.raises(TypeError, match="only a function that returns one number"):
        program.value_and_grad(1.0, strided, 0.5)


NUMBERS = [[1.5, -2.0, 3.0], [0.5, 7.0, -1.0]]


@pytest.mark.parametrize(
    "given",
    [
        NUMBERS,
        tuple(map(tuple, NUMBERS)),
        [*map(np.array, NUMBERS)],
        np.array(NUMBERS),
        np.array(NUMBERS).T.copy().T,  # its columns are side by side
        np.array([row[::-1] for row in NUMBERS])[:, ::-1],
        np.array(NUMBERS, ">f8"),
        np.array(NUMBERS, np.float32),
        np.array(NUMBERS, object),
        np.ma.array(NUMBERS),
        [[1.5, -2, 3], [0.5, np.float64(7.0), np.int8(-1)]],
    ],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)
def test_numbers_come_in_many_ways(given):
    def weighted(rows):
        return mg.sum([k * x for k, x in enumerate([*rows[0], *rows[1]])])

    program = native(weighted, NUMBERS)
    value, gradient = program.value_and_grad(given)
    assert (value, gradient.tolist()) == (program(given), [[0, 1, 2], [3, 4, 5]])
    assert value == -2.0 + 6.0 + 1.5 + 28.0 - 5.0


def test_numbers_beyond_those_of_floats_are_named():
    with pytest.raises(mg.NonFiniteError, match=r"argument 0 .*int too large to convert"):
        native(lambda x: x[0] * x[1], [1.0, 2.0])([10**400, 1.0])


def test_gradients_have_the_shapes_of_the_arguments():
    program = native(lambda a, rows: a * rows[1][0] + rows[0][1], 2.0, [[1.0, 2.0], [3.0, 4.0]])
    value, (da, drows) = program.value_and_grad(2.0, [[1.0, 2.0], [3.0, 4.0]])
    assert (value, da.shape, float(da), drows.tolist()) == (8, (), 3, [[0, 1], [2, 0]])
    value, gradient = native(lambda x: x * x, 3.0).value_and_grad(4.0)
    assert (value, gradient.shape, float(gradient)) == (16, (), 8)
    first = program.value_and_grad(2.0, np.ones((2, 2)))[1][1]
    program.value_and_grad(5.0, np.ones((2, 2)))
    assert first.tolist() == [[0, 1], [2, 0]]  # each call has arrays of its own


def test_functions_of_nothing_and_of_constants():
    w = Value(3.0)
    assert native(lambda: w * w)() == 9
    assert native(lambda: w * w).value_and_grad() == (9, ())
    value, gradient = native(lambda: w * w, params=[w]).value_and_grad()
    assert (value, gradient.tolist()) == (9, [6])
    value, gradient = native(lambda x: x[0], [1.0], params=[w]).value_and_grad([5.0])
    assert (value, gradient.tolist()) == (5, [0])
    value, gradient = native(lambda x: 7.0, [1.0, 2.0]).value_and_grad([5.0, 6.0])
    assert (value, gradient.tolist()) == (7, [0, 0])


def test_wrong_arguments_are_named():
    program = native(lambda x, y: x[0] * y, [1.0, 2.0], 3.0)
    for wrong, words in (
        (([1.0, 2.0],), "2 arguments are needed, not 1"),
        (([1.0], 1.0), r"argument 0 must have the shape \(2,\), as .* not \(1,\)"),
        ((np.ones(3), 1.0), r"argument 0 must have the shape \(2,\), as .* not \(3,\)"),
        ((np.ones((2, 1)), 1.0), r"argument 0 must have the shape \(2,\), as .* not \(2, 1\)"),
        ((np.float64(1.0), 1.0), r"argument 0 must have the shape \(2,\), as .* not \(\)"),
        (([1.0, 2.0], [1.0]), r"argument 1 must have the shape \(\), as .* not \(1,\)"),
        (([1.0, [2.0, 3.0]], 1.0), "argument 0 must be numbers of the shape"),
        ((["a", 2.0], 1.0), "argument 0 must be numbers of the shape"),
        (([1.0, 1j], 1.0), "argument 0 must be numbers of the shape"),
        (([1.0, None], 1.0), "numbers .*: in number 1 there is None, no real number"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            program(*wrong)
        with pytest.raises((ValueError, TypeError), match=words):
            program.value_and_grad(*wrong)
    for options in ({"input_gradients": True}, {"has_aux": True}, {"backend": "numpy"}):
        with pytest.raises(ValueError, match="with batched=False the backend is 'native'"):
            compile(lambda x: x, 1.0, **{"backend": "native", "batched": False} | options)
    with pytest.raises(ValueError, match="the native backend computes in float64, not float32"):
        compile(lambda x: x, 1.0, backend="native", dtype="float32")
    with pytest.raises(TraceError, match="step, maximum"):
        native(lambda x: x if x > 0 else -x, 1.0)


def test_changes_of_values_are_seen():
    w, outside = Value(2.0, "w"), Value(10.0, "outside")
    program = native(lambda x: w * x + outside, 1.0, params=[w])
    assert program(1.0) == 12
    w.data, outside.data = 3.0, 20.0
    assert program(1.0) == 23
    assert program.value_and_grad(4.0)[1].tolist() == [4]
    w.data = 0.0
    w.data = -0.0
    assert math.copysign(1, native(lambda x: w * x, 1.0)(1.0)) == -1
    listed = [Value(1.0)]
    program = native(lambda x: listed[0] * x, 1.0, params=listed)
    listed[0] = Value(2.0)
    with pytest.raises(ValueError, match="replaced by another Value"):
        program(1.0)


def test_a_zero_that_changes_its_sign_is_a_change():
    w = Value(0.0)
    program = native(lambda x: [mg.atan2(w, x), mg.atan2(-0.0, x), mg.atan2(0.0, x)], -1.0)
    assert program(-1.0) == [math.pi, -math.pi, math.pi]
    w.data = -0.0
    assert program(-1.0) == [-math.pi, -math.pi, math.pi]


# ------------------------------------------------------------------------------- errors


def test_what_is_not_finite_is_the_error_of_the_engine():
    w = Value(4.0, "w")

    def fn(x):
        y = w * x
        y.label = "y"
        return 1 / mg.exp(mg.sqrt(y))

    program = native(fn, 1.0, params=[w])
    before = program.value_and_grad(1.0)
    for point, call, words in (
        (-1.0, program, r"sqrt of .*-4\.0 is not finite: sqrt is defined for x ≥ 0"),
        (1e6, program, r"exp of 2000\.0 is not finite: the result is too large"),
        (0.0, program.value_and_grad, r"the gradient through sqrt of y = 0\.0 is not finite"),
        (math.nan, program, "argument 0 .* it is nan, no finite float64"),
        (math.inf, program.value_and_grad, "argument 0 .* it is inf, no finite float64"),
    ):
        with pytest.raises(mg.NonFiniteError, match=words) as caught:
            call(point)
        assert caught.value.op is None or caught.value.op.name in ("sqrt", "exp")
    assert program(0.0) == 1  # the value alone is there
    assert (w.data, w.grad) == (4, 0)
    after = program.value_and_grad(1.0)
    assert (before[0], before[1].tolist()) == (after[0], after[1].tolist())


def test_points_that_are_not_finite_are_refused():
    """Also where a constant is infinite, and the result would not be."""
    for f in (mg.tanh, lambda x: mg.clip(x, -1.0, math.inf) * 0.5, lambda x: mg.minimum(x, 1.0)):
        program = native(f, 0.5)
        for bad in (math.inf, -math.inf, math.nan, np.array(math.inf)):
            with pytest.raises(mg.NonFiniteError, match=r"argument 0 must be numbers .*no finite"):
                program(bad)
    program = native(lambda x, y: x[0] * x[1] * y, [1.0, 2.0], 3.0)
    for bad in (np.ma.array([1.0, 2.0], mask=[0, 1]), ["1", 2.0], np.array([1.0, 2j]), [None, 1]):
        with pytest.raises(ValueError, match=r"argument 0 must be numbers of the shape \(2,\)"):
            program.value_and_grad(bad, 1.0)
    with pytest.raises(mg.NonFiniteError, match=r"argument 1 .* it is nan"):
        program.value_and_grad([1.0, 2.0], math.nan)


def test_a_run_of_equal_instructions_may_depend_on_itself():
    def fn(x):
        y, z = x[0] - 1.0, x[1] - 2.0
        return mg.sin(y * x[0] * x[1] * z) / 2.0

    program = native(fn, [0.5, 0.7])
    assert len(program._tape.runs) < len(program._tape.instructions)
    x = [Value(0.5), Value(0.7)]
    out = fn(x)
    out.backward()
    value, gradient = program.value_and_grad([0.5, 0.7])
    assert (value, gradient.tolist()) == (out.data, pytest.approx([v.grad for v in x], rel=1e-14))


def test_derivatives_that_are_not_wanted_may_be_infinite():
    w = Value(3.0)
    value, gradient = native(lambda x: w + mg.sqrt(x), 1.0, params=[w]).value_and_grad(0.0)
    assert (value, gradient.tolist()) == (3, [1])
    # nor is the logarithm of a negative number asked for, a derivative for a constant
    program = native(lambda x: x**3, 1.0)
    assert program.value_and_grad(-2.0) == (-8, 12)
    assert program._tape.runs[0, 0] & 0b111 == 0b001


PURE = """
import micrograd_plus as mg
try:
    mg.compile(lambda x: x, 1.0, backend="native")
except ModuleNotFoundError as error:
    print(error)
"""


def test_the_pure_build_tells_how_to_get_the_core():
    environment = os.environ | {"MICROGRAD_PLUS_PURE": "1"}
    told = subprocess.check_output([sys.executable, "-c", PURE], env=environment, text=True)
    assert "pure Python: MICROGRAD_PLUS_PURE is set. Unset MICROGRAD_PLUS_PURE" in told
    assert "where there is a C compiler build the core: pip install" in told


def test_it_is_loaded_when_it_is_used():
    code = "import sys, micrograd_plus as mg; mg.grad(abs)(1.0); print(*sys.modules)"
    found = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "micrograd_plus.core" in found
    assert "micrograd_plus.core.tapes" not in found


def test_threads_share_a_program():
    program = native(lambda x: mg.sum([v * v * v for v in x]), [1.0] * 200)
    wrong = []

    def work(number):
        point = np.full(200, number)
        for _ in range(300):
            value, gradient = program.value_and_grad(point)
            if value != pytest.approx(200 * number**3) or gradient[7] != 3 * number**2:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --------------------------------------------------------------------------- what it is for


def test_optimisers_of_scipy_take_it():
    needed("scipy")
    from scipy import optimize

    def rosenbrock(x):
        return mg.sum([100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x)])

    point = [1.3, 0.7, 0.8, 1.9]
    program = native(rosenbrock, point)
    assert_close(program.value_and_grad(point), (optimize.rosen(point), optimize.rosen_der(point)))
    found = optimize.minimize(program.value_and_grad, point, jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, 1.0, atol=1e-5)


def test_the_benchmark_compares_equal_results():
    from tests.benchmarks import points

    for name in points.WORKLOADS:
        found = points.compared(name, 1000, repetitions=1)
        assert found["operations"] == pytest.approx(1000, abs=10)
        assert all(ns > 0 for ns in found["ns per operation"].values())


def test_its_program_tells_its_size():
    program = native(lambda x: x * x + 1, 1.0)
    assert isinstance(program, PointProgram)
    assert repr(program) == "<PointProgram of 2 instructions, 0 parameters>"
