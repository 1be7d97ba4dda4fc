"""Operations in JavaScript: they give the numbers that the table's rules give in Python."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import NonFiniteError, Value, ops
from micrograd_plus.compiler.codegen.javascript import Script, graph_function, rule_function
from micrograd_plus.compiler.codegen.updates import RULES
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import derivatives
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.floats import floats
from micrograd_plus.testing import graphs, numbers
from tests.effort import examples, share
from tests.node import running_node

EDGES = [0.0, 5e-324, 1e-300, 1e-8, 1 / 3, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 17.3, 40.0, 41.0, 710.0]
EDGES += [1e17, 1e154, 1.7e308]
EDGES = [*EDGES, *(-x for x in EDGES)]


@pytest.fixture(scope="module")
def javascript():
    with running_node() as run:
        yield run


def written(op, count):
    """The value of an operation and its derivatives, as a function of JavaScript."""
    script = Script()
    args = [script.given() for _ in range(count)]
    out = script.named(script.value(op, args))
    slopes = script.slopes(op, out, args, [True] * count)
    return script.function([out, *map(script.named, slopes)])


def in_python(rule, *args):
    try:
        return float(rule(floats, *args))
    except ZeroDivisionError:
        return math.nan


def expected(op, args):
    out = in_python(op.value, *args)
    if callable(op.partials):
        return [out, *(op.partials(floats, out, *args) if math.isfinite(out) else ())]
    return [out, *(in_python(rule, out, *args) for rule in op.partials)]


def agrees(found, number):
    """Whether both are not finite, or agree in 14 digits."""
    if found is None or not math.isfinite(number):
        return found is None and not math.isfinite(number)
    return math.isclose(found, number, rel_tol=1e-14)


def assert_agrees(javascript, op, count, points):
    points = list(map(list, points))
    for point, found in zip(points, javascript(written(op, count), points), strict=True):
        numbers = expected(op, point)
        if not math.isfinite(numbers[0]):  # then nobody asks for derivatives
            numbers, found = numbers[:1], found[:1]
        assert all(map(agrees, found, numbers)), (point, found, numbers)


def counts(op):
    return [op.arity] if op.arity else [1, 2, 3, 7]


@pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)
def test_values_and_derivatives_at_edges(javascript, op):
    for count in counts(op):
        some = EDGES[:: 1 if count < 3 else 5]
        points = itertools.islice(itertools.product(some, repeat=count), 2000)
        assert_agrees(javascript, op, count, points)


@pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)
def test_values_and_derivatives_at_ordinary_numbers(javascript, op):
    draw = random.Random(op.name)
    for count in counts(op):
        widths = [10.0 ** draw.uniform(-3, 3) for _ in range(share(2000))]
        points = [[draw.uniform(-width, width) for _ in range(count)] for width in widths]
        assert_agrees(javascript, op, count, points)


def test_only_what_is_called_is_defined_and_only_what_is_needed_computed():
    script = Script()
    x = script.given()
    y, _ = (script.named(script.value(op, [x])) for op in (ops.relu, ops.erf))
    assert script.function([y]).splitlines() == [
        "(() => {",
        "const maximum = (x, y) => x >= y || x !== x ? x : y;",
        "return ([x1]) => {",
        "const n1 = maximum(x1, 0.0);",
        "return [n1];",
        "};",
        "})()",
    ]


@examples(200)
@given(graphs(), st.data())
def test_graphs_with_their_derivatives(javascript, graph, data):
    root, leaves = graph
    others = st.lists(numbers(), min_size=len(leaves), max_size=len(leaves))
    points = [[leaf.data for leaf in leaves], data.draw(others)]
    try:
        slopes = derivatives(root, leaves, m=recorded)
    except NonFiniteError:
        return
    code = graph_function(leaves, [root, *slopes])
    for point, found in zip(points, javascript(code, points), strict=True):
        for leaf, x in zip(leaves, point, strict=True):
            leaf.data = x
        try:
            mg.replay(root)
            expected = [root.data, *derivatives(root, leaves)]
        except NonFiniteError:
            continue
        scale = max(1.0, *map(abs, expected))
        for ours, theirs in zip(found, expected, strict=True):
            assert math.isclose(ours, theirs, rel_tol=1e-11, abs_tol=1e-12 * scale)


def test_graphs_that_need_nothing_given_and_results_that_are_numbers(javascript):
    x, y = Value(2.0), Value(3.0)
    code = graph_function([x], [y * 2, 0.5, x, x * y, y * 2])
    assert javascript(code, [[5.0]]) == [[6.0, 0.5, 5.0, 15.0, 6.0]]


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_update_rules(javascript, kind):
    draw = random.Random(kind.__name__)
    rule = kind(0.1)
    points = [
        [
            draw.gauss(0, 1),
            *(draw.uniform(0, 2) for _ in rule.states),
            draw.gauss(0, 1),
            draw.uniform(0, 1),
            draw.randint(1, 50),
        ]
        for _ in range(50)
    ]
    found = javascript(rule_function(rule), points)
    for (gradient, *states, parameter, rate, step), (number, *after) in zip(
        points, found, strict=True
    ):
        theirs = rule.update(gradient, tuple(states), parameter, rate, step)
        assert [number, *after] == pytest.approx([theirs[0], *theirs[1]], rel=1e-12)
