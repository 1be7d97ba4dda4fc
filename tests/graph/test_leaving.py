"""Numbers that leave the graph: told of where a gradient may be lost, and only there."""

import logging
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.graph import hooks
from micrograd_plus.graph.leaving import LostGradientWarning


def told_by(compute):
    """The lines of this file, counted from that of the call, that were warned of."""
    first = compute.__code__.co_firstlineno
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        compute()
    assert {w.category for w in told} <= {LostGradientWarning}
    assert {w.filename for w in told} <= {__file__}
    return [w.lineno - first for w in told]


def through_an_array(v):
    array = np.zeros(2)
    array[0] = v
    return array.sum()


def on_two_lines(v):
    sine = math.sin(v)
    return sine * v


LEAVING = {
    "math": math.sin,
    "math, inside": lambda v: math.exp(v) + v,
    "two lines": on_two_lines,
    "float": lambda v: float(v) ** 2 + v,
    "float alone": float,
    "int": lambda v: v * int(v),
    "round": lambda v: v * round(v, 1),
    "floor": lambda v: v * math.floor(v),
    "ceil": lambda v: v * math.ceil(v),
    "trunc": lambda v: v * math.trunc(v),
    "complex": lambda v: v * complex(v).real,
    "an item of an array": through_an_array,
    "an array of floats": lambda v: np.array([v, v], float).sum() * v,
    "a function of NumPy": lambda v: np.gradient([v, 2 * v, v * v])[0],
    "a float of NumPy": lambda v: np.float64(v) * v,
    "a leaf": lambda v: v * Value(float(v)),
    "an intermediate result": lambda v: v + float(v * v),
    "a sum of the library": lambda v: math.fsum([v, v]) * v,
}


@pytest.mark.parametrize("f", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize(
    "transform",
    [
        mg.grad,
        mg.value_and_grad,
        mg.jacobian,
        mg.hessian,
        mg.derivative,
        lambda f: lambda x: mg.vjp(f, x),
        lambda f: lambda x: mg.jvp(f, (x,), (1.0,)),
        lambda f: lambda x: mg.hvp(f, (x,), (1.0,)),
    ],
)
def test_transforms_tell_of_numbers_that_leave_the_graph(transform, f):
    with pytest.warns(LostGradientWarning, match="leaves the graph here") as told:
        transform(f)(0.5)
    assert len(told) == 1
    assert told[0].filename == __file__
    with pytest.raises(LostGradientWarning, match=r"test_leaving\.py:\d+: "), mg.debug():
        transform(f)(0.5)


def test_the_line_is_the_user_s():
    def compute():
        mg.grad(lambda x: x * x)(1.0)
        mg.grad(math.sin)(1.0)

        def f(x):
            y = 3 * x
            z = np.gradient([x, y])
            return x + z[0]

        mg.grad(f)(1.0)

    assert told_by(compute) == [2, 6]


def test_the_value_is_named():
    def f(x):
        product = x * 2.0
        product.label = "h"
        return x * float(product)

    with pytest.warns(LostGradientWarning, match="the number of h leaves"):
        mg.grad(f)(1.0)
    with pytest.warns(LostGradientWarning, match="the number of the result of power leaves"):
        mg.grad(lambda x: x * float(x**2))(1.0)


def printed(x):
    texts = (f"{x}", f"{x:.3f}", "%.3f" % x, "%d and %s" % (x, x), str(x), f"{x:.3f}")  # noqa: UP031
    assert texts[1:4] == ("1.500", "1.500", f"1 and {x}")
    logging.getLogger("quiet").warning("%.3f", x)
    text = "%.1f"
    text %= x
    return 3.0 * x


def logged(history):
    def loss(x):
        error = (2.0 * x - 1.0) ** 2
        history.append(float(error))
        return error

    return loss


HARMLESS = {
    "printing": printed,
    "logging the result": logged([]),
    "choosing": lambda x: 2.0 * x if x > 0 else 3.0 * x,
    "comparing": lambda x: max(x, 1.0) * (1.0 if x in [2.0] else 2.0),
    "the sign": lambda x: np.sign(x) * x,
    "truth": lambda x: 2.0 * x if x else x,
    "data": lambda x: x.data * x,
    "sums": lambda x: sum([x, x], 1.0),
    "functions of NumPy that know Values": lambda x: np.exp(x) * 2.0 + np.abs(x),
    "a constant": lambda x: 3.0,
}


@pytest.mark.parametrize("f", HARMLESS.values(), ids=HARMLESS)
def test_what_loses_no_gradient_is_left_in_peace(f, caplog):
    with mg.debug():  # warnings are errors of these tests, anyway
        mg.value_and_grad(f)(1.5)
        mg.hessian(f)(1.5)
        x = Value(1.5)
        y = f(x) + x
        y.backward()


def test_each_transform_tells_of_its_own_arguments():
    def inner(x):
        return mg.grad(lambda y: y * float(x))(1.0)  # of x, which the outer one knows

    with pytest.warns(LostGradientWarning) as told:
        assert mg.grad(inner)(2.0) == 0
    assert len(told) == 1
    w = Value(2.0, "w")
    assert mg.grad(lambda x: x * float(w))(1.0) == 2  # w is a constant here
    assert mg.hessian(lambda x: x * x * float(w))(1.0) == 4
    with pytest.warns(LostGradientWarning) as told:
        mg.grad(mg.grad(lambda x: x * float(x)))(2.0)
    assert len(told) == 1


def test_a_failing_function_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        mg.grad(lambda x: float(x) / 0)(1.0)
    assert type(mg.grad(lambda x: x * x)(1.0)) is float
    assert hooks.observers == []


def test_backward_tells_of_constants_recorded_where_a_number_left():
    def compute():
        x, y = mg.values(x=2.0, y=3.0)
        z = float(x) ** 2 + y * x
        z.backward()
        z = sum(math.exp(v) * y for v in (x, y))
        z = z + 1.0
        z.backward()
        z = (
            y + math.sin(x)
            + x
        )  # fmt: skip
        z.backward()

    assert told_by(compute) == [2, 4, 8]
    assert hooks.observers == []
    with pytest.raises(LostGradientWarning, match=r"the number of x leaves"), mg.debug():
        compute()
    assert hooks.observers == []


def test_backward_leaves_training_loops_in_peace():
    w = Value(0.5, "w")
    total = 0.0
    with mg.debug():
        for x in (1.0, 2.0, 3.0):
            loss = (w * x - 2.0) ** 2
            total += float(loss)
            loss.backward()
            assert float(loss) == loss.data
            print("%.3f" % loss, w * x)  # noqa: UP031
            w.data -= 0.1 * w.grad
            w.zero_grad()
            detached = w * w.data
            detached.backward()
            w.zero_grad()
    np.testing.assert_array_equal(np.array([w, w], float), [w.data, w.data])
    _ = w * 2.0
    assert hooks.observers == []


def test_what_is_never_differentiated_is_not_told_of():
    w = Value(0.5, "w")
    kept = [w * float(w) for _ in range(100)]
    assert len(hooks.observers) == 1
    (w * w).backward()
    assert hooks.observers == []
    assert len(kept) == 100
    assert w.grad == 1


def test_recorded_gradients_are_shown_and_leave_nothing():
    x = Value(2.0)

    def f(v):
        y = v * x
        y.backward(create_graph=True)
        assert repr(v).startswith("Value(data=3.0, grad=2.0")
        return 2.0 * v

    assert mg.grad(f)(3.0) == 2


@pytest.mark.parametrize("output", [True, np.bool_(False), [Value(1.0), True]])
@pytest.mark.parametrize("transform", [mg.grad, mg.jacobian, mg.derivative])
def test_a_truth_value_has_no_derivative(transform, output):
    with pytest.raises(TypeError, match=r"has to return Values, not (True|False) \(bool\)"):
        transform(lambda x: output)(1.0)
    with pytest.raises(TypeError, match=r"not True \(bool\)"):
        transform(lambda x: x > 0)(1.0)


def test_the_package_takes_numbers_out_as_it_likes():
    w = Value(0.5, "w")
    model, xor = mg.nn.MLP(2, [2, 1], seed=1), mg.datasets.xor()
    loss = mg.fit(model, xor, mg.nn.mse, epochs=2, engine="eager").last["loss"]; y = w * 2.0  # noqa: E702  # fmt: skip
    y.backward()
    assert loss > 0
    assert w.grad == 2


def test_backward_tells_also_where_nothing_but_the_engine_was_imported():
    program = "\n".join([
        "from micrograd_plus.engine import Value",
        "x = Value(2.0)",
        "f = float(x) ** 2 * x",
        "f.backward()",
    ])  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-W", "error::UserWarning", "-c", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "LostGradientWarning" in done.stderr
