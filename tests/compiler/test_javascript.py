"""Operations in JavaScript: they give the numbers that the table's rules give in Python."""

import itertools
import math
import random

import pytest

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.javascript import Script
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.floats import floats
from tests.effort import share
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
