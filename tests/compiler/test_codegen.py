"""Programs as syntax trees: how they are written, and that a tree says all that a backend needs."""

import ast
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, compile, ops
from micrograd_plus.compiler.codegen import syntax
from micrograd_plus.compiler.codegen.arrays import Arrays
from micrograd_plus.compiler.codegen.backends import NumPy
from micrograd_plus.compiler.codegen.gradients import Contribution, accumulated
from micrograd_plus.compiler.codegen.python import Python
from micrograd_plus.compiler.codegen.syntax import (
    Affine,
    Binary,
    Call,
    Let,
    Library,
    Loop,
    Name,
    Negative,
    Number,
    Part,
)
from micrograd_plus.compiler.sites import Written
from micrograd_plus.engine import apply, record
from micrograd_plus.ops.operation import Op
from tests.compiled import X, assert_equal, layered, rebuilt

OPERATORS = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "@": ast.MatMult, "**": ast.Pow,
    "<": ast.Lt, ">": ast.Gt, "<=": ast.LtE, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq,
}  # fmt: skip


def operators(left, right):
    """All operators on two expressions, each a pair: the tree, and Python's own tree for it."""
    for symbol, operator in OPERATORS.items():
        compares = issubclass(operator, ast.cmpop)
        yield (
            Binary(symbol, left[0], right[0]),
            (
                ast.Compare(left[1], [operator()], [right[1]])
                if compares
                else ast.BinOp(left[1], operator(), right[1])
            ),
        )


def others(x):
    """What else an expression may be inside of."""
    mine, theirs = x
    yield Negative(mine), ast.UnaryOp(ast.USub(), theirs)
    index = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
    yield mine[:, None], ast.Subscript(theirs, index, ast.Load())
    method = ast.Attribute(theirs, "sum", ast.Load())
    yield mine.library("sum", axis=1), ast.Call(method, [], [ast.keyword("axis", ast.Constant(1))])
    yield mine.T, ast.Attribute(theirs, "T", ast.Load())


def test_python_reads_the_tree_that_was_written():
    x = Name("x"), ast.Name("x", ast.Load())
    two = Number(-2.0), ast.UnaryOp(ast.USub(), ast.Constant(2.0))
    for inner in (x, two, *operators(x, x), *others(x), *others(two)):
        for mine, theirs in (*operators(inner, x), *operators(x, inner), *others(inner)):
            text = Python().text(mine)
            assert ast.dump(ast.parse(text, mode="eval").body) == ast.dump(theirs), text


class Directly:
    """A backend without a text: what the instructions of a program say is done."""

    def __init__(self, code):
        self.code = code
        scope = NumPy().namespace()
        exec("\n".join(NumPy.primitives.values()), scope)
        named = {name: staticmethod(scope[name]) for name in NumPy.primitives}
        self.functions = type("Numbers", (ops.Namespace,), named)()

    def run(self, function, *arrays):
        known = dict(zip(function.parameters, map(np.asarray, arrays), strict=True))
        known |= {name: np.array(x) for name, x in self.code.arrays.constants.items()}
        known["N"] = known[function.parameters[1]].shape[1] if len(arrays) > 1 else 0
        return self.body(function, known)

    def body(self, function, known):
        self.do(function.lines, known)
        return [self.value(result, known) for result in function.results]

    def do(self, lines, known):
        for line in lines:
            if isinstance(line, Loop):
                for turn in range(line.count):
                    known[line.index] = turn * line.step
                    self.do(line.lines, known)
                continue
            value = self.value(line.value, known)
            if isinstance(line, Let):
                known[line.name] = value
            elif isinstance(line.target, Part):
                array = self.value(line.target.array, known)
                index = self.index(line.target, known)
                array[index] = array[index] + value if line.adds else value
            else:
                array = self.value(line.target, known)
                array[...] = array + value if line.adds else value

    def index(self, part, known):
        def number(x):
            steps = x.steps.items() if isinstance(x, Affine) else ()
            return x.start + sum(known[n] * step for n, step in steps) if steps else x

        def place(x):
            if isinstance(x, slice):
                return slice(number(x.start), number(x.stop), x.step)
            return known[x.name] if isinstance(x, Name) else number(x)

        return tuple(map(place, part.index))

    def value(self, x, known):
        match x:
            case Name(name):
                return known[name]
            case Number(number):
                return number
            case Negative(array):
                return -self.value(array, known)
            case Binary(symbol, left, right):
                names = {"left": self.value(left, known), "right": self.value(right, known)}
                return eval(f"left {symbol} right", names)
            case Part(array, _):
                return self.value(array, known)[self.index(x, known)]
            case Call(function, args):
                values = [self.value(arg, known) for arg in args]
                return function.value(self.functions, *values)
            case Library("T", (array,)):
                return self.value(array, known).T
            case Library(name, args, options):
                array, *others = (self.argument(arg, known) for arg in args)
                if name in ("reshape", "transpose"):
                    return getattr(np, name)(array, others)
                if name in NumPy.prelude:
                    exec(NumPy.prelude[name], {"np": np}, known)
                    return known[name](array, *others)
                options = {key: eval(str(x), {}) for key, x in options.items()}
                return getattr(np, name)(array, *others, **options)

    def argument(self, x, known):
        if isinstance(x, list | tuple):
            return [self.argument(part, known) for part in x]
        if isinstance(x, str):  # lengths of axes, and what einsum is to do
            return eval(x, {"N": known["N"]})
        return self.value(x, known) if isinstance(x, syntax.Node) else x


@given(st.data(), layered())
def test_the_tree_alone_says_what_is_computed(data, graph):
    root, leaves = graph
    count = data.draw(st.integers(1, len(leaves)))
    inputs, parameters = leaves[:count], leaves[count:]

    def fn(x):
        return rebuilt(root, dict(zip(inputs, x, strict=True)))

    point = [leaf.data for leaf in inputs]
    program = compile(fn, point, params=parameters, input_gradients=True)
    code = program._task.matrices.code
    backend = Directly(code)
    rows = np.array([point, point]).T
    (values,) = backend.run(code.forward, program.numbers, rows)
    assert values[0] == pytest.approx(program([point, point]), rel=1e-9, abs=1e-9)
    value, gradient, slopes = backend.run(
        code.gradient, program.numbers, rows, np.array([2.0, 1.0])
    )
    expected = program.value_and_grad([point, point], weights=[2.0, 1.0])
    scale = max(1.0, *map(abs, expected[1]), *np.abs(expected[2][0]).ravel())
    assert value == pytest.approx(expected[0], rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(gradient[: len(parameters)], expected[1], atol=1e-9 * scale)
    np.testing.assert_allclose(slopes.T, expected[2][0], atol=1e-9 * scale)


def contribution(array, value, *rows):
    target = Name(f"d{array}")[rows[0] : rows[-1] + 1]
    return Contribution(array, np.array(rows), target, value)


def whole(array, value, size):
    return Contribution(array, np.arange(size), Name(f"d{array}"), value)


def texts(contributions, parameters=0, wanted=()):
    backend = NumPy()
    arrays = Arrays([], {"x": 2, "y": 1}, parameters, parameters, True, lambda site: Written())
    return [backend.line(x) for x in accumulated(contributions, arrays, wanted)]


def test_what_is_contributed_once_is_put_and_the_rest_is_added():
    a, b = Name("a"), Name("b")
    assert texts([contribution("p", a, 0), contribution("p", b, 1)], 2) == [
        "dp = np.empty_like(p)", "dp[0:1] = a", "dp[1:2] = b",
    ]  # fmt: skip
    several = contribution("p", a, 0, 1), contribution("p", b, 1), contribution("p", a, 2)
    assert texts(several, 4) == [
        "dp = np.zeros_like(p)", "dp[0:2] += a", "dp[1:2] += b", "dp[2:3] = a",
    ]  # fmt: skip


def test_an_array_that_is_added_to_is_no_other_one():
    a, b = Name("a"), Name("b")
    product = b * a[0:1]
    for value, text in ((a, "a.copy()"), (a[0:1], "a[0:1].copy()"), (product, "b * a[0:1]")):
        assert texts([whole("x", value, 2), whole("x", b, 2)])[1:] == [f"dx = {text}", "dx += b"]
    turned = a.library("reshape", 2, 1)
    assert "copy" in texts([whole("x", turned, 2), whole("x", b, 2)])[1]
    assert texts([whole("x", a, 2)], wanted=["x", "y"])[1:] == ["dx = a", "dy = np.zeros_like(y)"]


def test_weights_that_several_rows_share_are_no_view():
    """As in a convolution, whose rows overlap; a view would count each share once."""
    w = [Value(0.3 * i) for i in range(4)]

    def convolved(x):
        return mg.sum([mg.tanh(mg.dot(w[i : i + 2], x[:2])) for i in range(3)])

    program = assert_equal(convolved, (X,), w)
    assert "W1 = windows(p, 0, (3, 2), (1, 1))" in str(program)
    assert "dp[0:3] += t1[:, 0]" in str(program)


def test_only_functions_that_are_called_are_defined():
    """The derivative of x³ asks whether x is 0, which the exponent makes superfluous."""
    w = Value(2.0)
    program = compile(lambda x: (w * x) ** 3, 1.0, params=[w])
    assert re.findall(r"^def (\w+)", program.source(), re.M)[0] == "forward"
    assert "==" not in program.source()
    assert "==" in compile(lambda x: x**w, 1.0, params=[w]).source()


def test_rules_may_call_functions_on_any_number_of_arguments():
    spread = Op(
        "spread",
        value=lambda m, x, y: m.max(x, y) - m.min(x, y) + 0.0 * m.sum(x, y),
        partials=(
            lambda m, out, x, y: m.greater(x, y) - m.greater(y, x),
            lambda m, out, x, y: m.greater(y, x) - m.greater(x, y),
        ),
        about="the distance of x and y",
        example=((1.0, 3.0), 2.0),
    )
    program = compile(lambda x: apply(spread, x[0], x[1]), X[0], input_gradients=True)
    value, _, (slopes,) = program.value_and_grad([[1.0, 3.0, 0.0]])
    assert (value, slopes.tolist()) == (2, [[-1, 1, 0]])


def test_comparisons_are_added_as_numbers():
    """Slopes of steps are comparisons, which NumPy would add to true or false, and not subtract."""
    between = Op(
        "between",
        value=lambda m, x, y: m.relu(x) + m.relu(y) + m.relu(x * y),
        partials=(
            lambda m, out, x, y: m.step(x) + m.step(x) * m.step(y) * y,
            lambda m, out, x, y: m.step(y) - (-m.step(x)) * m.step(y) * x,
        ),
        about="a sum of ramps",
        example=((1.0, 3.0), 7.0),
    )
    twice = Op(
        "twice",
        value=lambda m, *args: m.sum(*[m.relu(x) + m.relu(x) for x in args]),
        partials=lambda m, out, *args: [m.step(x) + m.step(x) for x in args],
        at_once=True,
        about="twice the sum of ramps",
        example=((1.0, -3.0), 2.0),
    )
    program = compile(lambda x: apply(between, x[0], x[1]), [-1.0, 2.0], input_gradients=True)
    assert program.value_and_grad([[1.0, 3.0]])[2][0].tolist() == [[4, 2]]
    program = compile(lambda x: record(twice, tuple(x)), [-1.0, -2.0], input_gradients=True)
    assert program.value_and_grad([[1.0, -3.0]])[2][0].tolist() == [[2, 0]]
    for function, text in (
        (lambda x: x + x, "1.0 * (x > 0) + (x > 0)"),
        (lambda x: 2.0 * x, "2.0 * (x > 0)"),
        (lambda x: x * x - x, "1.0 * ((x > 0) * (x > 0)) - (x > 0)"),
    ):
        assert Python().text(function(Name("x") > 0.0)) == text
