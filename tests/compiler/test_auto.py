"""The choice of a backend for each batch, and the counts that it is made by."""

import os
import subprocess
import sys

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.compiler import compile, estimates
from micrograd_plus.compiler.estimates import Cost
from micrograd_plus.compiler.matrices import Matrices
from tests.effort import few
from tests.needs import needs_core
from tests.programs.table import PROGRAMS


def dense(width, activation="relu"):
    model = nn.MLP(width, [width, 1], activation=activation, seed=1)
    return compile(lambda x: model(x) ** 2, [0.0] * width, params=model, backend="auto")


def steps(x):
    for _ in range(50):
        x = x + 0.1 * mg.sin(x)
    return x * x


def test_a_simulation_runs_in_lanes_and_large_matrices_on_numpy():
    needs_core()
    assert repr(compile(steps, 0.5, backend="auto")).startswith(
        "<Program of 101 instructions in la"
    )
    found = repr(dense(64))
    assert "instructions in lanes for up to" in found
    assert "array instructions for more, 4225 parameters>" in found


def test_each_batch_is_computed_by_what_was_chosen_for_its_size(monkeypatch):
    needs_core()
    costs = {"of_numpy": (50.0, 1.0), "of_lanes": (10.0, 2.0), "least_of_numpy": (0.0, 0.5)}
    for name, cost in {name: Cost(*numbers) for name, numbers in costs.items()}.items():
        monkeypatch.setattr(estimates, name, lambda *_, cost=cost: cost)
    w = Value(2.0)
    program = compile(lambda x: mg.exp(w * x), 0.5, params=[w], backend="auto")
    assert repr(program) == (
        "<Program of 2 instructions in lanes for up to 39 examples, and 2 array instructions for "
        "more, 1 parameters>"
    )
    called = []
    task, lanes = program._task, program._runs._lanes
    for kind in (task.matrices, lanes):
        for name, function in kind.ready.items():

            def noted(*args, kind=kind, function=function):
                called.append(type(kind).__name__)
                return function(*args)

            kind.ready[name] = noted
    program._runs = type(program._runs)(lanes, task)
    for count in (39, 40):
        batch = np.linspace(0.0, 1.0, count)
        np.testing.assert_allclose(program(batch), np.exp(2 * batch), rtol=1e-14)
        value, (slope,) = program.value_and_grad(batch)
        assert value == pytest.approx(np.exp(2 * batch).mean())
        assert slope == pytest.approx((batch * np.exp(2 * batch)).mean())
    assert called == ["Lanes", "Lanes", "Matrices", "Matrices"]


def test_matrix_code_is_made_when_it_may_be_faster(monkeypatch):
    needs_core()
    made = []

    def matrices(*given):
        made.append(Matrices(*given))
        return made[-1]

    monkeypatch.setattr("micrograd_plus.compiler.task.Matrices", matrices)
    program = dense(64)
    for count in (1, 16):
        program.value_and_grad(np.ones((count, 64)))
    assert not made
    found = [program.value_and_grad(np.ones((count, 64))) for count in (16, 4096)]
    assert len(made) == 1
    for few_examples, many in zip(*found, strict=True):
        np.testing.assert_allclose(few_examples, many, atol=1e-12)
    assert "array instructions for more" in repr(program)
    assert "W1" in str(program)
    assert len(made) == 1


def test_matrix_code_that_is_made_later_is_compared_with_the_engine(monkeypatch):
    needs_core()
    program = dense(64, "tanh")  # which has no kink, where any derivative may be right
    w = program.parameters
    wrong = compile(lambda x: w[0] * x[0] + 1.0, [0.0] * 64, params=w)
    monkeypatch.setattr(Matrices, "exact", lambda made: wrong.functions)
    with pytest.raises(mg.compiler.TraceError, match="would be"):
        program.value_and_grad(np.ones((4096, 64)))


NETWORKS = {
    str(sizes): sizes
    for sizes in [(2, [16, 16, 1]), (64, [32, 10]), (128, [128, 10]), (32, [64, 64, 64, 1])]
}


def assert_least(program):
    """What matrix code is said to cost at least is not more than what it is estimated to."""
    for choice in program._runs._choices.values():
        for count in (1, 16, 64, 256):
            assert choice._least.of(count) <= choice._numpy.of(count)


@pytest.mark.parametrize("name", NETWORKS)
def test_before_it_is_made_matrix_code_is_not_said_to_cost_more_than_it_does(name):
    needs_core()
    inputs, sizes = NETWORKS[name]
    model, outputs = nn.MLP(inputs, sizes, seed=1), sizes[-1]
    loss = nn.mse if outputs == 1 else nn.softmax_cross_entropy
    example = [0.0] * inputs, 0.0 if outputs == 1 else [1.0] + [0.0] * (outputs - 1)
    program = compile(lambda x, t: loss(model(x), t), *example, params=model, backend="auto")
    assert_least(program)
    assert all(choice._least.of(1) > 0 for choice in program._runs._choices.values())


@pytest.mark.parametrize(
    "name", few(2, sorted(PROGRAMS, key=["RNN", "convolution"].__contains__)[::-1])
)
def test_nor_is_that_of_other_programs(name):
    needs_core()
    written = PROGRAMS[name].full()
    example = [part[0] for part in written.batch]
    assert_least(compile(written.fn, *example, params=written.parameters, backend="auto"))


def test_where_instructions_are_repeated_nothing_is_said():
    needs_core()
    w = Value(2.0)
    for fn, said in ((lambda x: mg.exp(w * x), True), (lambda x: mg.exp(x) + mg.exp(x), False)):
        lanes = compile(fn, 0.5, params=[w], backend="native")._runs
        assert (estimates.least_of_numpy(lanes, "forward").of(1) > 0) is said


def test_lanes_are_compared_with_the_engine(monkeypatch):
    needs_core()
    from micrograd_plus.compiler.native.tape import CODES

    monkeypatch.setitem(CODES, mg.ops.sin, CODES[mg.ops.cos])
    with pytest.raises(mg.compiler.TraceError, match="result 0 would be"):
        compile(mg.sin, 3.0, backend="auto")


def test_what_lanes_can_not_do_is_left_to_numpy():
    assert "array" in repr(compile(steps, 0.5, backend="auto", dtype="float32"))
    code = "import micrograd_plus as mg; print(repr(mg.compile(mg.sin, 0.5, backend='auto')))"
    environment = os.environ | {"MICROGRAD_PLUS_PURE": "1"}
    found = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert found == "<Program of 1 array instructions, 0 parameters>\n"


def test_calls_and_numbers_are_counted():
    w = [Value(0.1 * i) for i in range(12)]

    def fn(x):
        return mg.sum([mg.tanh(mg.dot(w[i : i + 3], x)) for i in range(0, 12, 3)])

    program = compile(fn, [0.0] * 3, params=w)
    found = estimates.noted(program._task.matrices, "forward", 12, [3], 10)
    assert found["matmul"] == 1
    assert found["product"] == 4 * 3 * 10
    assert found["tanh"] == 4 * 10
    wanted = program._task.wanted
    cost = estimates.of_numpy(program._task.matrices, "forward", wanted)
    more = estimates.of_numpy(program._task.matrices, "value_and_grad", wanted)
    assert 0 < cost.of(1) < cost.of(1000) < more.of(1000)


def test_costs_grow_in_steps_of_all_lanes_and_beyond_the_caches():
    assert [Cost(5.0, 2.0, 16, few=(1.0, 3.0)).of(n) for n in (0, 3, 4, 16, 17)] == [
        1.0, 10.0, 37.0, 37.0, 69.0,
    ]  # fmt: skip
    assert Cost(0.0, 0.0, numbers=6e5).of(1) == 0
    assert Cost(0.0, 0.0, numbers=6e5).of(2) > 0


def test_what_a_tape_does_is_counted():
    needs_core()
    w = Value(0.5)
    program = compile(
        lambda x: mg.exp(w) * mg.sin(x[0]) + mg.dot([w, w], x) / x[1], [1.0, 2.0], params=[w],
        backend="native",
    )  # fmt: skip
    shared, batched = program._runs.work("value_and_grad")
    assert (shared["alone"], batched["input"], batched["row"]) == (1, 2, 4)
    assert batched["divide"] == 2  # the quotient, and the derivative that is wanted
    assert batched["sin"] == 1  # whose derivative is not wanted, as x is no parameter
    # each product has a factor that needs a derivative, as does the quotient, a term
    assert (batched["weighted product"], batched["weighted back"]) == (3, 3)
    assert (batched["product"], batched["term"], batched["back"]) == (0, 1, 1)


@pytest.mark.parametrize("backend", ["numpy", "native", "auto"])
@pytest.mark.parametrize("count", [0, 1, 3, 16, 50])
def test_some_of_many_examples_are_computed_as_if_they_were_all(backend, count):
    if backend == "native":
        needs_core()
    model = nn.MLP(3, [40, 2], seed=1)
    program = compile(
        lambda x, t: mg.dot(model(x), t), [0.0] * 3, [0.0] * 2, params=model, backend=backend
    )
    draw = np.random.default_rng(count)
    columns = [draw.normal(size=(size, 60)) for size in (3, 2)]
    columns[1] = np.asfortranarray(columns[1])
    which, shares = draw.integers(60, size=count), draw.normal(size=count)
    taken = [column[:, which] for column in columns]
    for name, more in ("forward", []), ("value_and_grad", [shares]):
        found = program.of_some(name, columns)(program.numbers, which, *more)
        expected = program.functions[name](program.numbers, *taken, *more)
        for mine, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-12, atol=1e-12)
        run, ones = program.of_some(name, columns), [np.ones(count + 1)] * len(more)
        for number in (60, 2**40):
            with pytest.raises(IndexError):
                run(program.numbers, np.full(count + 1, number), *ones)
        if more:
            with pytest.raises(ValueError, match=r"differ|mismatch|align|broadcast"):
                run(program.numbers, which, *ones)
