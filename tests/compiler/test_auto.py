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
from tests.needs import needs_core


def dense(width):
    model = nn.MLP(width, [width, 1], activation="relu", seed=1)
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
    costs = {"of_numpy": Cost(50.0, 1.0), "of_lanes": Cost(10.0, 2.0)}
    for name, cost in costs.items():
        monkeypatch.setattr(estimates, name, lambda *_, cost=cost: cost)
    w = Value(2.0)
    program = compile(lambda x: mg.exp(w * x), 0.5, params=[w], backend="auto")
    assert repr(program) == (
        "<Program of 2 instructions in lanes for up to 39 examples, and 2 array instructions for "
        "more, 1 parameters>"
    )
    called = []
    for kind in (program._runs._matrices, program._runs._lanes):
        for name, function in kind.ready.items():

            def noted(*args, kind=kind, function=function):
                called.append(type(kind).__name__)
                return function(*args)

            kind.ready[name] = noted
    again = type(program._runs)(
        program._runs._matrices, program._runs._lanes, program._leaves, {"x": 1}
    )
    program._runs = again
    for count in (39, 40):
        batch = np.linspace(0.0, 1.0, count)
        np.testing.assert_allclose(program(batch), np.exp(2 * batch), rtol=1e-14)
        value, (slope,) = program.value_and_grad(batch)
        assert value == pytest.approx(np.exp(2 * batch).mean())
        assert slope == pytest.approx((batch * np.exp(2 * batch)).mean())
    assert called == ["Lanes", "Lanes", "Matrices", "Matrices"]


def test_both_are_compared_with_the_engine(monkeypatch):
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
    found = estimates.noted(program._matrices, "forward", 12, [3], 10)
    assert found["matmul"] == 1
    assert found["product"] == 4 * 3 * 10
    assert found["tanh"] == 4 * 10
    cost = estimates.of_numpy(program._matrices, "forward", 12, [3])
    more = estimates.of_numpy(program._matrices, "value_and_grad", 12, [3])
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
