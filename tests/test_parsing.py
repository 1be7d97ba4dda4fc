"""The expression language: what it reads, and that it reads nothing else."""

import inspect
import math
import re
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micrograd_plus import Value, functions, step_through, values
from micrograd_plus._tools.names import text_name
from micrograd_plus.parsing import ExpressionError, from_text, read_numbers, with_lines
from tests.effort import examples

GIVEN = {"x": 1.0, "y": -3.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x + y", -2),
        ("x - -y", -2),
        ("2*x**3 / 4 + y - y", 0.5),
        ("-x**2 + 0*y", -1),
        ("(x + y) * (x - y)", -8),
        ("+x * y", -3),
        ("exp(x) * exp(y)", math.exp(-2)),
        ("maximum(x, y)", 1),
        ("max([x, y, 5])", 5),
        ("max(0, y) + min(x, y)", -3),
        ("x^2 * y + 2^-x", -2.5),
        ("leaky_relu(y) + leaky_relu(y, 0.5) + x", -0.8),
        ("sum([x, y, 3])", 1),
        ("dot([x, 2], (y, x))", -1),
        ("2**3 * x * y", -24),
        ("1e2 + x + y", 98),
        ("d = x + y; e = d * 2; d * e", 8),
        ("d = x\nd * y", -3),
        ("d = x + y # the sum\nd", -2),
        ("c = 3; c * x * y", -9),
        ("  x * y  ", -3),
        ("x*y;", -3),
    ],
)
def test_what_it_reads(text, value):
    assert from_text(text, GIVEN).data == pytest.approx(value, rel=1e-15)


def test_labels_and_constants():
    f = from_text("d = x + y; f = d * z", {"x": 1, "y": -3, "z": 4})
    assert [f.label, f.args[0].label, f.args[1].label] == ["f", "d", "z"]
    c = from_text("a = 2; a * x", {"x": 1})
    assert c.args[0].label == "a"
    assert from_text("2 * x", {"x": 1}).args[0] == 2.0
    assert from_text("1 + 1", {}).data == 2
    assert from_text("3", {}).op is None
    alias = from_text("d = x + y; e = d", GIVEN)
    assert alias.label == "d"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x.real + y", ["column 1", "x.real", "attributes"]),
        ("y + x.__class__", ["column 5", "attributes"]),
        ("x[0] + y", ["column 1", "subscripts"]),
        ("import os", ["column 1", "import os"]),
        ("__import__(x)", ["column 1", "no function '__import__'"]),
        ("__import__('os')", ["column 12", "strings"]),
        ("print(x)", ["no function 'print'", "help(micrograd_plus.functions)"]),
        ("[a for a in y]", ["comprehensions"]),
        ("lambda: x", ["lambda"]),
        ("x + 'a'", ["column 5", "strings"]),
        ("f'{x}'", ["column 2", "strings"]),
        ("x +\\\ny", ["line 1, column 4", "strings"]),
        ("x + (q := 1)", ["column 6", ":="]),
        ("x + q", ["column 5", "unknown name; give it a value, as in q=1"]),
        ("d_1 = x; d1 * y", ["column 10", "unknown name (did you mean d_1?)"]),
        ("x * Y", ["column 5", "unknown name (did you mean y?)"]),
        ("2x + y", ["column 1", "2*x"]),
        ("x(y + 1)", ["column 1", "'x' is not a function", "x*(y)"]),
        ("x + y; x * y", ["column 1", "all but the last need a name"]),
        ("x = 2", ["'x' already has a value"]),
        ("d = x; d = y", ["column 8", "'d' already has a value"]),
        ("exp = x", ["'exp' is the name of a function"]),
        ("exp + x", ["column 1", "'exp' is a function"]),
        ("exp(x, y)", ["wrong number of arguments; write exp(x)"]),
        ("exp(x=1)", ["this kind of call"]),
        ("exp(*x)", ["column 5", "*x"]),
        ("softmax([x, y])", ["softmax returns several values"]),
        ("exp([x, y])", ["exp needs Values or real numbers"]),
        ("max([])", ["max needs at least one term"]),
        ("clip(x, 1, 0)", ["low ≤ high"]),
        ("take([x, y], 2)", ["column 1", "no row 2"]),
        ("exp(x)(y)", ["column 1", "write products with *"]),
        ("2(x + 1) + y", ["column 1", "2*(x + 1)"]),
        ("x + np.exp(y)", ["column 5", "by its name alone, as in exp(x)"]),
        ("x y", ["column 3", "is missing", "2*x"]),
        ("(x y)", ["is missing"]),
        ("sin x + y", ["column 5", "is missing", "sin(x)"]),
        ("f(x) = x * y", ["column 1", "only a name stands left of ="]),
        ("sum(x)", ["sum needs a sequence"]),
        ("sum(x, y)", ["wrong number of arguments; write sum([x, y])"]),
        ("maximun(x, y)", ["no function 'maximun' (did you mean maximum?)"]),
        ("dot([x], [x, y])", ["equal length"]),
        ("[x, y]", ["lists outside calls"]),
        ("x if y else x", ["if … else", "where(step(x), y, z)"]),
        ("x < y", ["comparisons"]),
        ("x and y", ["and, or"]),
        ("not x", ["operator"]),
        ("x << y", ["operator"]),
        ("x @ y", ["operator"]),
        ("True", ["truth values"]),
        ("None", ["constant"]),
        ("1j * x", ["1j"]),
        ("await x", ["await x"]),
        ("d += x", ["only expressions and assignments"]),
        ("a = b = x", ["only expressions and assignments"]),
        ("a, b = x, y", ["only expressions and assignments"]),
        ("del x", ["only expressions"]),
        ("x +", ["column 4", "invalid syntax"]),
        ("x ⊗ y", ["column 3", "⊗"]),
        ("x + 1if x else y", ["column 5", "'1if'", "a space is missing"]),
        ("0xfor x", ["column 1", "a space is missing"]),
        ("1if1", ["column 1", "a space is missing"]),
        ("1e999", ["column 1", "1e999", "finite"]),
        ("f = 1e999", ["column 1", "f = 1e999", "finite"]),
        ("-1e999 * x", ["column 1", "-1e999", "finite"]),
        ("log(y) * x", ["column 1", "log(y)", "y = -3.0", "x > 0"]),
        ("y * (1 / (x - 1))", ["column 6", "1 / (x - 1)", "x ≠ 0"]),
        ("(-8) ** (1/3)", ["(-8) ** (1/3)", "whole y"]),
        ("9 ** 9 ** 9 ** 9", ["too large"]),
        ("1" + "0" * 400, ["too large"]),
        ("9" * 5000, ["4300 digits"]),
        ("x * é", ["column 5", "'é'"]),
        ("é = x\né + q", ["line 2, column 5", "'q'"]),
        ("x\x0c + q", ["column 6", "'q'"]),
        ("x\r\n", ["does not use y"]),
        ("x + \x00", ["column 5", "␀"]),
        ("x + \ud800", ["column 5"]),
        ("", ["empty"]),
        ("  \n ", ["empty"]),
        ("# nothing", ["empty"]),
        ("x", ["does not use y"]),
        ("(" * 10_000 + "x" + ")" * 10_000, ["column 10,001", "20,001 characters"]),
        ("(" * 4_000 + "x" + ")" * 4_000, ["column", "nested"]),
        ("-" * 9_999 + "x", ["column 1", "400 levels deep"]),
        ("x" + "**x" * 3_000, ["400 levels deep"]),
        ("+".join(["x"] * 500), ["400 levels deep"]),
        ("x+" * 500_000 + "x", ["1,000,001 characters"]),
    ],
)
def test_what_it_refuses_and_where(text, words):
    with pytest.raises(ExpressionError) as caught:
        from_text(text, GIVEN)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message
    assert len(message) < 400


def test_the_depth_that_is_read():
    assert from_text("+".join(["x"] * 400), {"x": 1}).data == 400
    with pytest.raises(ExpressionError, match="more than 400 levels"):
        from_text("+".join(["x"] * 401), {"x": 1})


def test_a_caller_that_is_deep_already():
    def descend(levels):
        return descend(levels - 1) if levels else from_text("-" * 150 + "x", {"x": 1})

    with pytest.raises(ExpressionError, match="too deep"):
        descend(sys.getrecursionlimit() - len(inspect.stack()) - 100)


@pytest.mark.parametrize("number", [math.inf, math.nan, 10**400, "2", None, 1j])
def test_numbers_of_the_wrong_kind(number):
    with pytest.raises(ExpressionError, match="'x': a Value"):
        from_text("x * x", {"x": number})


def test_names_are_read_as_python_reads_them():
    assert from_text("ｘ * x", {"ｘ": 2}).data == 4
    with pytest.raises(ExpressionError, match="a␊b") as caught:
        from_text("1", {"a\nb": 1})
    assert "\n" not in str(caught.value)


def test_reading_leaves_the_warnings_alone():
    before = warnings.filters[:]
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda i: from_text("x * x", {"x": i}).data, range(500))
    assert list(results) == [i * i for i in range(500)]
    assert warnings.filters == before


CHARACTERS = "xyd012.+-*/%()=; \n,[]{}:<>'\"_@#\\lambdaexpforinsum\x00é\ud800\x0c"
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
FUNCTIONS = st.sampled_from(["exp", "log", "sqrt", "sum", "dot"])
TREES = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5", "q", "exp", "-3"]),
    lambda inner: (
        st.builds("({}{}{})".format, inner, OPERATORS, inner)
        | st.builds("{}({})".format, FUNCTIONS, inner)
    ),
)


@given(st.text(CHARACTERS, max_size=40) | TREES | st.text(max_size=30))
@examples(1000)
@example("x\x1c+q")
@example("\x85q")
def test_any_text_gives_a_value_or_an_error_of_one_line(text):
    message = ""
    try:
        value = from_text(text, GIVEN)
    except ExpressionError as error:
        message = str(error)
    if message:
        assert re.fullmatch(r"[^\n\r]+", message)
        assert message.encode()
    else:
        assert math.isfinite(value.data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", ["name=value", "without spaces"]),
        ("x=0,5", ["'0,5' is not a number: write 0.5 with a point"]),
        ("x=", ["''", "not a number"]),
        ("=1", ["''", "can't be a name"]),
        ("1=2", ["'1'", "can't be a name"]),
        ("if=1", ["'if'"]),
        ("x=a", ["'a' is not a number"]),
        ("x=1=2", ["'1=2' is not a number"]),
        ("x=nan", ["finite"]),
        ("x=1e400", ["finite"]),
        ("exp=1", ["function"]),
        ("x=\n", ["␊"]),
        ("x=1\x00", ["␀"]),
    ],
)
def test_numbers_that_are_refused(text, words):
    with pytest.raises(ExpressionError) as caught:
        read_numbers([text])
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_walk_says_of_each_function_is_read():
    named = dict(zip("xyz", (0.5, 0.25, 0.75), strict=True))
    read = set()
    for name, count, listed in product(functions.__all__, (1, 2, 3), (True, False)):
        numbers = dict(list(named.items())[:count])
        leaves = values(**numbers)
        try:
            f = getattr(functions, name)(*([leaves] if listed else leaves))
        except (TypeError, ValueError):
            continue  # it takes others
        if isinstance(f, Value) and f.op and not (listed and count == 1):
            sentence = step_through(f)[1].text.split(" = ")[1]
            if name != "greater":  # which is written [x > y]
                assert from_text(sentence, numbers).data == f.data, sentence
                read.add(name)
    assert len(read) > 50


def test_what_is_printed_is_read():
    x, y = 1.5, -0.7
    for text, value in (
        ("x · y × 2 ⋅ x ∙ y", x * y * 2 * x * y),
        ("x − y – 1", x - y - 1),
        ("x ÷ y", x / y),
        ("x² + y⁻¹³", x**2 + y**-13),
        ("ln(x) + σ(y)", math.log(x) + 1 / (1 + math.exp(-y))),
        ("pi * x + π + e * y", math.pi * x + math.pi + math.e * y),
        ("|y| + √x + √(x · x) − ∛2", -y + math.sqrt(x) + x - 2 ** (1 / 3)),
        ("x^y · e^x", x**y * math.exp(x)),
        ("ReLU(y) + SiLU(x)", x / (1 + math.exp(-x))),
    ):
        assert from_text(text, {"x": x, "y": y}).data == pytest.approx(value, rel=1e-14)
    assert from_text("x₁₀ * 2", read_numbers(["x₁₀=3"])).data == 6
    for name in ("x1", "h_i", "w_ij", "w_1i", "L_max", "alpha_k"):
        printed = text_name(name)
        assert printed != name
        for written in (name, printed):
            for numbers in (read_numbers([f"{written}=3"]), {name: 3.0}, {printed: 3.0}):
                f = from_text(f"{written} · 2", numbers)
                assert (f.data, f.left.label) == (6, name)
    _, lines = with_lines("d = x · y²; f = d − x²", {"x": x, "y": y})
    assert {*lines.values()} == {"d = x * y**(2)", "f = d - x**(2)"}


def test_a_name_of_a_constant_may_have_another_value():
    assert from_text("e * x", {"e": 2.0, "x": 3.0}).data == 6
    assert from_text("e = x + 1; e * e", {"x": 2.0}).data == 9


def test_numbers_may_be_computed():
    given = read_numbers(["x=1/3", "y=−2·pi", "z=2**0.5", "w=exp(1)"])
    assert given == {"x": 1 / 3, "y": -2 * math.pi, "z": 2**0.5, "w": math.exp(1)}
    with pytest.raises(ExpressionError, match=r"'x=1/0': .*reciprocal|'x=1/0': .*y ≠ 0"):
        read_numbers(["x=1/0"])


def test_numbers():
    assert read_numbers(["x=1", "y = -3e-1", "ｚ=2"]) == {"x": 1, "y": -0.3, "z": 2}
    with pytest.raises(ExpressionError, match="'x' already has the value 1"):
        read_numbers(["x=1", "x=2"])


def test_text_and_numbers_are_not_mixed_up():
    for text in (3, None, ["x"]):
        with pytest.raises(TypeError, match=r"an expression is a string, such as 'x \* y', not "):
            from_text(text, {})
    for numbers in (None, [1.0], 1.0):
        with pytest.raises(TypeError, match=r"must be a dictionary such as \{'x': 1.0\}, not "):
            from_text("x * 2", numbers)
