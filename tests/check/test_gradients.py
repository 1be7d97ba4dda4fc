"""`check_gradients`: it passes what is right, and names what is wrong."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import ops
from micrograd_plus.check.differences import differences
from micrograd_plus.check.gradients import GradientError, check_graph
from micrograd_plus.engine import apply
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import Op
from micrograd_plus.parsing import from_text
from micrograd_plus.testing import operations, points
from tests.effort import examples


@given(st.data())
@examples(500)
def test_every_operation_passes(data):
    op = data.draw(operations())
    args = data.draw(points(op))
    if op is ops.power and args[0] <= 0:
        args[0] = 1.5
    report = mg.check_gradients(lambda *xs: apply(op, *xs), *args, second=op.arity == 1)
    assert report.ok
    assert not report.culprits


def test_first_and_second_order_in_three_ways():
    report = mg.check_gradients(lambda x, y: mg.sin(x * y) + mg.exp(x) / y**2, 1.5, -0.7)
    assert [row.name for row in report.rows] == [
        "∂f/∂x1",
        "∂f/∂x2",
        "∂²f/∂x1∂x1",
        "∂²f/∂x1∂x2",
        "∂²f/∂x2∂x1",
        "∂²f/∂x2∂x2",
    ]
    expected = math.exp(1.5) / 0.49 - 0.7 * math.cos(1.05)
    for number in (report.rows[0].reverse, report.rows[0].forward, report.rows[0].difference):
        assert number == pytest.approx(expected, rel=1e-9)
    assert all(row.agrees for row in report.rows)
    assert "ok" in str(report)


def test_what_is_detached_is_held_in_differences():
    report = mg.check_gradients(lambda x, y: mg.detach(x * y) * x**2, 2.0, 3.0)
    assert [row.difference for row in report.rows] == pytest.approx([24, 0, 12, 0, 0, 0])
    assert all(row.verdict == "ok" for row in report.rows)
    with pytest.raises(GradientError, match="does the function leave the graph"):
        mg.check_gradients(lambda x: mg.detach(x) * x * x.data, 2.0)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e4, 1e8])
def test_steps_and_tolerances_follow_the_scale(scale):
    assert mg.check_gradients(lambda x: (x / scale) ** 3 * scale, 2 * scale).ok
    slope, error = differences(lambda t: ((2 * scale + t) / scale) ** 3, 2 * scale)
    assert slope * scale == pytest.approx(12, rel=1e-8)
    assert error * scale < 1e-6


# What people get wrong when they add an operation. Each is registered, used inside other
# operations, and has to be named.
BROKEN = {
    "missing_factor": (
        Op(
            "missing_factor",
            value=lambda m, x: m.power(x, 3.0),
            partials=(lambda m, out, x: m.power(x, 2.0),),
            about="x³ without the 3 in its derivative",
            example=((2.0,), 8.0),
        ),
        1,
    ),
    "swapped_operands": (
        Op(
            "swapped_operands",
            value=lambda m, x, y: x * x * y,
            partials=(lambda m, out, x, y: x * x, lambda m, out, x, y: 2.0 * x * y),
            about="x²y with its two derivatives exchanged",
            example=((2.0, 3.0), 12.0),
        ),
        2,
    ),
    "assigned_not_added": (
        Op(
            "assigned_not_added",
            value=lambda m, x: x * x,
            partials=(lambda m, out, x: x,),
            about="x · x with = for += where its two paths meet",
            example=((2.0,), 4.0),
        ),
        1,
    ),
    "forgotten_upstream": (
        Op(
            "forgotten_upstream",
            value=lambda m, x: m.exp(m.sin(x)),
            partials=(lambda m, out, x: m.cos(x),),
            about="exp(sin x) with the inner derivative only",
            example=((0.0,), 1.0),
        ),
        1,
    ),
    "wrong_sign": (
        Op(
            "wrong_sign",
            value=lambda m, x: m.cos(x),
            partials=(lambda m, out, x: m.sin(x),),
            about="cos x without the minus",
            example=((0.0,), 1.0),
        ),
        1,
    ),
    "at_the_input": (
        Op(
            "at_the_input",
            value=lambda m, x: m.sigmoid(x),
            partials=(lambda m, out, x: x * (1.0 - x),),
            about="σ(x) with the derivative at the input instead of the output",
            example=((0.0,), 0.5),
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_operations_are_caught_and_named(name, monkeypatch):
    op, arity = BROKEN[name]
    monkeypatch.setitem(ops.TABLE, name, op)
    with pytest.raises(GradientError) as caught:
        mg.check_gradients(
            lambda x, y: mg.tanh(apply(op, *(x * y, y + x)[:arity]) * 0.1) + y, 1.3, 0.8
        )
    report = caught.value.report
    assert len(report.culprits) == arity
    assert all(f"derivative of {name}(" in culprit for culprit in report.culprits)
    args = [1.04, 2.1][:arity]
    slope = op.local_derivatives(floats, op.value(floats, *args), args, [True] * arity)[0]
    assert f"{slope:.10g} by the table" in report.culprits[0]
    assert "DIFFERS" in str(caught.value)
    assert not report.ok


def test_a_kink_is_told_from_a_bug(monkeypatch):
    report = mg.check_gradients(lambda x: mg.relu(x) + x, 0.0)
    assert report.ok
    assert report.kinks == ["relu(0)"]
    assert "at a kink: relu(0)" in str(report)
    assert mg.check_gradients(lambda x: mg.relu(x) + x, 0.1).kinks == []
    monkeypatch.setattr(ops.tanh, "partials", (lambda m, out, x: 1.0 - out,))
    with pytest.raises(GradientError, match=r"derivative of tanh\(0\.5\)"):
        mg.check_gradients(lambda x: mg.relu(x - 0.5) + mg.tanh(x), 0.5)


def test_passes_that_disagree(monkeypatch):
    real = mg.calculus.derivatives

    def halved(*args):
        return [slope * 0.5 for slope in real(*args)]

    monkeypatch.setattr(mg.calculus, "derivatives", halved)
    with pytest.raises(GradientError, match="each operation by itself is right"):
        mg.check_gradients(lambda x: x * x, 2.0)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: mg.sin(x) + 1e6, 0.0),
        (mg.floor, 100.001),
        (mg.round, 1000.4),
        (lambda x: mg.relu(x - 1000), 1000.001),
        (lambda x: mg.maximum(x, 1000.0), 1000.002),
        (lambda x: mg.relu(x * 1e3 - 1e3), 1 + 1e-6),
        (mg.cos, 2516.312523481177),
        (lambda x: 1 / x, 1e-100),
        (lambda x: x * x, 5e-324),
        (lambda x: mg.mean([x, 1.0, -1.0]), 0.0),
        (lambda x: mg.mean([x, 1.0, -1.0]), 1e-12),
        (lambda x: mg.sin(x) * x, 0.0),
        (lambda x: mg.sin(x * 1e5), 0.3),
        (mg.tan, 1.5707),
        (mg.exp, 300.0),
    ],
)
def test_no_false_alarms(f, x):
    report = mg.check_gradients(f, x)
    assert report.ok
    assert not report.kinks


@pytest.mark.parametrize(
    ("op", "point"),
    [
        ("sqrt", (5e-5,)),
        ("cbrt", (5e-5,)),
        ("asin", (1 - 5e-5,)),
        ("relu", (5e-5,)),
        ("maximum", (3e-5, 2e-5)),
        ("log2", (1e-9,)),
        ("tanh", (8.0,)),
        ("reciprocal", (1e-12,)),
    ],
)
def test_bugs_are_found_at_the_edges_too(op, point, monkeypatch):
    entry = ops.TABLE[op]
    wrong = tuple(lambda *args, rule=rule: rule(*args) * 2 for rule in entry.partials)
    monkeypatch.setattr(entry, "partials", wrong)
    with pytest.raises(GradientError, match=f"derivative of {op}"):
        mg.check_gradients(lambda *xs: apply(entry, *xs), *point, second=False)


NEAR_ONE = {
    "relu": lambda x: mg.relu(x - 1) + x * x,
    "relu, steep": lambda x: mg.relu(1e3 * (x - 1)),
    "relu, flat": lambda x: mg.relu(1e-3 * (x - 1)) * 1e3,
    "relu, large": lambda x: mg.relu(x - 1) + 1e6,
    "relu, of a square": lambda x: mg.relu((x - 1) ** 2 - 1e-14),
    "maximum": lambda x: mg.maximum(x, 1.0) * x,
    "minimum": lambda x: mg.minimum(x, 1.0) * x,
    "max": lambda x: mg.max([x, 1.0, 2 - x]) * x,
    "abs": lambda x: abs(x - 1) + x,
    "clip": lambda x: mg.clip(x, 0, 1) * x,
    "elu": lambda x: mg.elu(x - 1) ** 2 + mg.elu(x - 1),
    "leaky_relu": lambda x: mg.leaky_relu(x - 1) * mg.exp(x),
    "where": lambda x: mg.where(mg.greater(x, 1.0), x * 2, x + 1),
    "floor": lambda x: mg.floor(x) * x,
    "hypot": lambda x: mg.hypot(x - 1, 1e-8),
}


@pytest.mark.parametrize("name", NEAR_ONE)
def test_no_false_alarms_at_any_distance_from_a_kink(name):
    for exponent in range(1, 18):
        for distance in (10.0**-exponent, -(10.0**-exponent)):
            report = mg.check_gradients(NEAR_ONE[name], 1 + distance)
            assert report.ok
            assert all(row.verdict != "kink" for row in report.rows) or report.kinks


def test_a_kink_that_differences_reach_is_reported():
    report = mg.check_gradients(mg.maximum, 1.0, 1 + 1e-9, second=False)
    assert [row.verdict for row in report.rows] == ["kink", "kink"]
    assert [(row.reverse, row.forward) for row in report.rows] == [(0, 0), (1, 1)]
    assert report.kinks == ["maximum(1, 1)"]
    assert mg.check_gradients(mg.maximum, 1.0, 1 + 1e-6, second=False).kinks == []


@pytest.mark.parametrize("distance", [0.0, 1e-9, -1e-9, 1e-5])
@pytest.mark.parametrize(
    ("op", "at", "factor"),
    [
        ("relu", (0.0,), 2),
        ("abs", (0.0,), -2),
        ("leaky_relu", (0.0, 0.5), 3),
        ("maximum", (1.0, 1.0), 3),
        ("clip", (2.0, 1.0, 2.0), 3),
        ("max", (1.0, 0.5, 1.0), 3),
    ],
)
def test_bugs_are_found_at_kinks_too(op, at, factor, distance, monkeypatch):
    entry = ops.TABLE[op]
    point = (at[0] + distance, *at[1:])
    slope = entry.local_derivatives(floats, entry.value(floats, *point),
                                    point, [True] * len(point))[0]  # fmt: skip
    rules = entry.partials
    if callable(rules):
        wrong = lambda m, out, *args: [  # noqa: E731
            slope * factor if slope else 9.0 for slope in rules(m, out, *args)
        ]
    else:
        wrong = tuple(
            lambda *args, rule=rule: rule(*args) * factor if slope else 9.0 for rule in rules
        )
    monkeypatch.setattr(entry, "partials", wrong)
    with pytest.raises(GradientError, match=f"derivative of {op}"):
        mg.check_gradients(lambda *xs: apply(entry, *xs), *point, second=False)


def test_the_whole_gradient_is_computed_once_for_all_that_needs_it():
    def calls(n):
        count = 0

        def f(*xs):
            nonlocal count
            count += 1
            return mg.sum([x * x for x in xs]) ** 2

        assert mg.check_gradients(f, *range(2, n + 2)).ok
        return count

    assert calls(20) < 2.2 * calls(10)


def test_a_kink_excuses_only_what_depends_on_it():
    with pytest.raises(GradientError, match=r"does the function leave the graph"):
        mg.check_gradients(lambda x, y: x * y.data + mg.relu(x - 3), 3.0, 5.0, second=False)


def test_operations_of_the_derivative_are_named_too(monkeypatch):
    monkeypatch.setattr(ops.cos, "partials", (lambda m, out, x: m.sin(x),))
    with pytest.raises(GradientError, match=r"derivative of cos\(1\)"):
        mg.check_gradients(mg.sin, 1.0)


def test_a_report_shows_its_table_where_it_ends_a_line():
    report = mg.check_gradients(mg.sin, 1.0)
    assert repr(report) == str(report)


def test_what_differences_can_not_tell_is_said(monkeypatch):
    report = mg.check_gradients(lambda x: x + 1e15, 1e-3, second=False)
    assert "not checked by differences" in str(report)
    with pytest.raises(TypeError, match=r"the number for x1\[1\] must be a real number"):
        mg.check_gradients(mg.sum, [1.0, "2"])
    with pytest.raises(TypeError, match="return one Value, not a list"):
        mg.check_gradients(lambda x: [x], 1.0)


def test_structures_are_checked_number_by_number():
    """As the same function of single numbers is, second derivatives included."""
    found = mg.check_gradients(lambda p: p["w"][0] * p["w"][1] ** p["b"], {"w": [2, 3], "b": 4})
    alone = mg.check_gradients(lambda w, v, b: w * v**b, 2, 3, 4)
    assert [row.reverse for row in found.rows] == [row.reverse for row in alone.rows]
    first = ["∂f/∂x1['w'][0]", "∂f/∂x1['w'][1]", "∂f/∂x1['b']"]
    assert [row.name for row in found.rows][:3] == first
    with pytest.raises(GradientError):
        mg.check_gradients(lambda x: x[0] * x[0].data, [3.0])


def test_edges_of_the_domain_of_an_expression():
    assert check_graph(lambda x: from_text("log(x)", {"x": x}), {"x": 1e-9}).ok
    assert check_graph(lambda x: from_text("1 / x", {"x": x}), {"x": 1e-3}).ok


def test_edges_of_a_domain_and_functions_without_a_graph():
    assert mg.check_gradients(lambda x: mg.log(x), 1e-9).ok
    assert mg.check_gradients(lambda x: mg.asin(x), 1 - 1e-6).ok
    assert mg.check_gradients(lambda x: 3.0, 1.0).ok
    with pytest.raises(mg.NonFiniteError, match="gradient through sqrt"):
        mg.check_gradients(mg.sqrt, 0.0)


def test_labels_are_named():
    report = check_graph(lambda w, x: w * x, {"w": 2.0, "x": 3.0}, second=False)
    assert [row.name for row in report.rows] == ["∂f/∂w", "∂f/∂x"]
    assert check_graph(lambda x: from_text("x * x", {"x": x}), {"x": 3.0}).ok
