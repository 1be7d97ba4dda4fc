"""Random programs of all operations in both builds at once: equal results, errors and states.

To the last bit, as both call the same functions of C; all but hypot, which is within one unit.
"""

import math
import pickle
from contextlib import nullcontext
from copy import copy, deepcopy
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.effort import examples
from tests.needs import needs_core
from tests.twins import builds

needs_core()
CORE, PURE = builds()
TABLE = CORE.ops.TABLE
METHODS = [name for name, op in TABLE.items() if op.arity == 1 and hasattr(CORE.Value, name)]
OPERATORS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "**": lambda x, y: x**y if hasattr(x, "grad") or hasattr(y, "grad") else 0.0,  # 10⁴⁰⁰ ^ 10⁴⁰⁰
}


def own_operations(build):
    """Operations outside the table, by name, with rules of all kinds."""

    def inner(m, out, x):
        if isinstance(x, build.Value):
            return 2.0 * x
        return build.grad(lambda v: v * v * 1.0)(x)

    def refuses(m, out, x):
        raise KeyError("a rule")

    found = {
        "product": ((lambda m, out, x, y: y, lambda m, out, x, y: x), lambda m, x, y: x * y),
        "square": ((inner,), lambda m, x: x * x),
        "double": ((lambda m, out, x: 2,), lambda m, x: x * 2),
        "huge": ((lambda m, out, x: 10**400,), lambda m, x: x),
        "odd": ((lambda m, out, x: np.float64(0.5),), lambda m, x: 0.5 * x),
        "none": ((lambda m, out, x: None,), lambda m, x: x),
        "refuses": ((refuses,), lambda m, x: x),
        "infinite": ((lambda m, out, x: 1.0 / (x - x),), lambda m, x: x),
        "first": (lambda m, out, *xs: [1.0, *[0.0] * (len(xs) - 1)], lambda m, *xs: xs[0]),
        "short": (lambda m, out, *xs: [1.0], lambda m, *xs: m.sum(*xs)),
    }
    return {
        name: build.ops.Op(name, value=value, partials=rules, about=name, example=((1.0,), 1.0))
        for name, (rules, value) in found.items()
    }


# ------------------------------------------------------------------------------ programs

floats = (
    st.floats(-4, 4)
    | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 5e-324, 1e-308, 1e154, -1e308])
    | st.floats()
)
odd = st.sampled_from([
    0, 1, 2, -3, 2**53 + 1, 10**400, True, False, None, "2", Fraction(1), Fraction(1, 3), 2j,
    np.float64(1), np.float64(0.5), np.float32(0.1), np.int64(3), np.bool_(True),
])  # fmt: skip
arrays = st.sampled_from([np.array(2.0), np.array([1.0, -2.0])])
nodes = st.integers(0, 5).map(lambda back: ("node", back))
operands = nodes | nodes | st.tuples(st.just("constant"), st.floats(-4, 4) | floats | odd | arrays)
labels = st.sampled_from(["", "x", "w_0", "two words", 3, None, ("x",)])
gradients = st.tuples(st.just("constant"), floats | odd) | nodes


@st.composite
def applications(draw):
    """An operation and its arguments, now and then too many or too few."""
    name = draw(st.sampled_from(sorted(TABLE)) | st.sampled_from(sorted(own_operations(CORE))))
    count = (TABLE.get(name) or own_operations(CORE)[name]).arity or draw(st.integers(1, 5))
    if not draw(st.integers(0, 30)):
        count = draw(st.integers(0, 4))
    return "apply", name, draw(st.lists(operands, min_size=count, max_size=count))


computing = st.one_of(
    st.tuples(st.just("operator"), st.sampled_from(sorted(OPERATORS)), operands, operands),
    st.tuples(st.just("method"), st.sampled_from(METHODS), nodes),
    applications(),
)
other = st.one_of(
    st.tuples(st.just("leaf"), st.booleans(), floats | odd, labels),
    st.tuples(st.just("handmade"), floats, st.lists(nodes, max_size=3), floats),
    st.tuples(st.just("label"), nodes, labels),
    st.tuples(st.just("data"), nodes, floats | odd),
    st.tuples(st.just("grad"), nodes, gradients),
    st.tuples(st.just("replay"), nodes),
    st.tuples(st.just("backward"), nodes, st.booleans()),
    st.tuples(st.just("adjoints"), nodes, st.booleans()),
    st.tuples(st.just("zero_grad"), nodes),
    st.tuples(st.just("copied"), nodes, st.sampled_from([copy, deepcopy, "pickle"])),
    st.tuples(st.just("watch")),
)


class Run:
    """A program that runs in one build: its nodes, what each step gave, and the state after it."""

    def __init__(self, build, program, debugging=False):
        class Weight(build.Value):
            """A subclass whose members have attributes of their own."""

        self.build, self.kind, self.own = build, Weight, own_operations(build)
        self.nodes = [build.Value(0.5), build.Value(-1.5, "y")]
        self.told, self.observer = [], Watch(self)
        with build.imported(), build.debug() if debugging else nullcontext():
            try:
                for step in program:
                    self.take(*step)
                self.state = self.everything()
            finally:
                build.observers[:] = [x for x in build.observers if x is not self.observer]

    def take(self, step, *details):
        try:
            found = getattr(self, step)(*details)
        except Exception as error:
            self.told.append((type(error).__name__, str(error)))
            return
        for x in found.flat if isinstance(found, np.ndarray) else [found]:
            if isinstance(x, self.build.Value):
                self.nodes.append(x)
                self.told.append(described(x.op))
            else:
                self.told.append(described(x))

    def operand(self, spec):
        kind, what = spec
        return self.nodes[-1 - what % len(self.nodes)] if kind == "node" else copy(what)

    def operator(self, symbol, x, y):
        return OPERATORS[symbol](self.operand(x), self.operand(y))

    def method(self, name, x):
        return getattr(self.operand(x), name)()

    def apply(self, name, args):
        op = self.own.get(name) or self.build.ops.TABLE[name]
        return self.build.apply(op, *map(self.operand, args))

    def leaf(self, plain, number, label):
        return (self.build.Value if plain else self.kind)(number, label)

    def handmade(self, number, children, slope):
        children = tuple(map(self.operand, children))
        made = self.build.Value(number, children, "made")

        def backward():
            for child in children:
                child.grad += slope * made.grad

        made._backward = backward
        return made

    def label(self, x, label):
        self.operand(x).label = label

    def data(self, x, number):
        self.operand(x).data = number

    def grad(self, x, gradient):
        self.operand(x).grad = self.operand(gradient)

    def replay(self, x):
        self.build.replay(self.operand(x))

    def backward(self, x, create_graph):
        self.operand(x).backward(create_graph=create_graph)

    def zero_grad(self, x):
        self.operand(x).zero_grad()

    def adjoints(self, x, as_values):
        m = self.build.recorded if as_values else self.build.floats
        return [*self.build.adjoints(self.operand(x), m=m).values()]

    def copied(self, x, way):
        if way == "pickle":
            self.told.append(pickle.dumps(self.operand(x)))
            return pickle.loads(self.told[-1])
        return way(self.operand(x))

    def watch(self):
        self.build.observers.append(self.observer)

    def everything(self):
        """All nodes that can be reached, also by gradients, and what stands in them."""
        places, todo, state = {}, self.nodes[::-1], []
        while todo:
            for node in self.build.order(todo.pop()):
                if node not in places:
                    places[node] = len(places)
                    inside = [
                        places.get(x, "a later node") if isinstance(x, self.build.Value) else x
                        for x in (*node.args, node.grad)
                    ]
                    told = [type(node).__name__, node.data, node.op, node.label, *inside]
                    state.append([*map(described, told)])
                    if isinstance(node.grad, self.build.Value):
                        todo.append(node.grad)
        return state


class Watch:
    """An observer that tells a run what it is told."""

    def __init__(self, run):
        self.run = run

    def recorded(self, node):
        self.run.told.append(("recorded", described(node.op), described(node.data)))

    def differentiating(self, nodes):
        self.run.told.append(("differentiating", [described(node.op) for node in nodes]))

    def coincided(self, value, other):
        self.run.told.append(("coincided", described(value.data)))


def described(x):
    """A number to the last bit, or what else there is, without identities."""
    if isinstance(x, list):
        return [*map(described, x)]
    if isinstance(x, float | int) and not isinstance(x, bool) and abs(x) < 1e300:
        return type(x).__name__ if type(x) is not int else "float", float(x).hex()
    return repr(x)


@examples(3000)
@example(
    program=[
        ("apply", "short", [("node", 0), ("node", 0)]),  # fewer derivatives than arguments
        ("grad", ("node", 1), ("node", 0)),
        ("operator", "*", ("node", 0), ("node", 0)),
        ("operator", "*", ("node", 0), ("node", 0)),
        ("watch",),
        ("backward", ("node", 0), True),
    ],
    debugging=False,
)
@given(st.lists(computing | computing | other, min_size=1, max_size=14), st.booleans())
def test_both_builds_do_the_same(program, debugging):
    core, pure = Run(CORE, program, debugging), Run(PURE, program, debugging)
    assert core.told == pure.told
    assert core.state == pure.state


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e-320, 1e-200, 1e160, -1e308, 710.0]


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_operation_is_the_same_at_special_numbers(name):
    count = TABLE[name].arity or 3

    def at(build, point):
        xs = [build.Value(x) for x in point]
        try:
            f = build.apply(build.ops.TABLE[name], *xs)
            f.backward()
        except build.NonFiniteError as error:
            return str(error)
        return [x.hex() for x in (f.data, *(x.grad for x in xs))]

    for point in product(SPECIAL[: 13 if count < 3 else 8], repeat=count):
        assert at(CORE, point) == at(PURE, point), point


TRANSFORMS = {
    "value_and_grad": lambda build, f, point: build.value_and_grad(f)(point),
    "grad": lambda build, f, point: build.grad(f, create_graph=True)(point),
    "hessian": lambda build, f, point: build.hessian(f)(point),
    "jvp": lambda build, f, point: build.jvp(f, (point,), (point[::-1],)),
    "hvp": lambda build, f, point: build.hvp(f, (point,), (point[::-1],)),
    "third": lambda build, f, point: build.grad(
        lambda p: build.sum(build.grad(lambda q: build.sum(build.grad(f, True)(q)), True)(p))
    )(point),
}


@examples(1000)
@given(
    st.lists(computing, min_size=1, max_size=8),
    st.lists(st.floats(-3, 3), min_size=2, max_size=3),
    st.sampled_from(sorted(TRANSFORMS)),
)
def test_derivatives_of_random_functions_are_the_same(program, point, transform):
    def result(build):
        def f(xs):
            run = Run(build, [])
            run.nodes[:] = xs
            for step in program:
                run.take(*step)
            return run.nodes[-1]

        with build.imported():
            try:
                return repr(TRANSFORMS[transform](build, f, point))
            except Exception as error:
                return type(error).__name__, str(error)

    assert result(CORE) == result(PURE)


@examples(1000)
@given(*[st.floats(-10, 10) | st.floats(-1e307, 1e307)] * 2)
def test_hypot_is_that_of_python_within_one_unit_in_the_last_place(x, y):
    found, expected = CORE.apply(CORE.ops.hypot, CORE.Value(x), y).data, math.hypot(x, y)
    assert found == expected or abs(found - expected) <= math.ulp(expected)
