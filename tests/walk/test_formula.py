"""Formulas as text and LaTeX."""

import math

import pytest

from micrograd_plus import ops
from micrograd_plus._tools.names import Label, latex_name, parsed, text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import brief, visible
from micrograd_plus.walk.formula import (
    LATEX,
    Derivative,
    Name,
    Term,
    formulas,
    gate,
    outside,
    write,
)

X, Y, Z = Name("x"), Name("y"), Name("z")


def term(op, *args):
    return Term(ops.TABLE[op], args)


@pytest.mark.parametrize(
    ("formula", "text", "latex"),
    [
        (term("add", 1.0, -3.0), "1 + (−3)", r"1 + \left(-3\right)"),
        (term("multiply", -2.0, 4.0), "−2 · 4", r"-2 \cdot 4"),
        (term("multiply", term("add", X, Y), Z), "(x + y) · z", r"\left(x + y\right) \cdot z"),
        (term("add", X, term("add", Y, Z)), "x + (y + z)", r"x + \left(y + z\right)"),
        (term("add", term("add", X, Y), Z), "x + y + z", "x + y + z"),
        (term("subtract", X, term("subtract", Y, Z)), "x − (y − z)", r"x - \left(y - z\right)"),
        (term("divide", X, term("divide", Y, Z)), "x / (y / z)", r"\frac{x}{\frac{y}{z}}"),
        (term("negate", term("add", X, Y)), "−(x + y)", r"-\left(x + y\right)"),
        (term("negate", -3.0), "−(−3)", r"-\left(-3\right)"),
        (term("power", X, 2.0), "x²", "{x}^{2}"),
        (term("power", X, -1.0), "x⁻¹", "{x}^{-1}"),
        (term("power", X, 0.5), "x^(0.5)", "{x}^{0.5}"),
        (term("power", -4.0, 2.0), "(−4)²", r"{\left(-4\right)}^{2}"),
        (term("power", X, Y), "x^y", "{x}^{y}"),
        (term("power", X, term("add", Y, 1.0)), "x^(y + 1)", "{x}^{y + 1}"),
        (term("reciprocal", term("add", X, 1.0)), "1 / (x + 1)", r"\frac{1}{x + 1}"),
        (term("sqrt", term("add", X, Y)), "√(x + y)", r"\sqrt{x + y}"),
        (term("abs", X), "|x|", r"\left|x\right|"),
        (term("sum", X, -1.0, Y), "x + (−1) + y", r"x + \left(-1\right) + y"),
        (
            term("sum", term("subtract", X, Y), term("subtract", Y, Z)),
            "x − y + (y − z)",
            r"x - y + \left(y - z\right)",
        ),
        (term("dot", X, 2.0, Y, Z), "x · y + 2 · z", r"x \cdot y + 2 \cdot z"),
        (term("sum"), "0", "0"),
        (term("sum", *[X] * 8), " + ".join(["x"] * 8), " + ".join(["x"] * 8)),
        (term("dot", X, Y, Z), "x · y + z", r"x \cdot y + z"),
        (term("dot", X, Y, -2.0), "x · y + (−2)", r"x \cdot y + \left(-2\right)"),
        (term("sum", *[X] * 9), "x + x + x + … + x", r"x + x + x + \cdots + x"),
        (term("sum", *[X] * 20), "x + x + x + … + x", r"x + x + x + \cdots + x"),
        (
            term("add", 0.0, term("multiply", -1.0, X)),
            "0 + (−1 · x)",
            r"0 + \left(-1 \cdot x\right)",
        ),
        (term("power", 1e7, 2.0), "(10⁷)²", r"{\left(10^{7}\right)}^{2}"),
        (term("multiply", X, 1e9), "x · 10⁹", r"x \cdot 10^{9}"),
        (term("multiply", X, 2e9), "x · (2·10⁹)", r"x \cdot \left(2 \cdot 10^{9}\right)"),
        (term("power", Name("x^2"), 2.0), "(x²)²", r"{\left(x^{2}\right)}^{2}"),
        (Derivative("f", "x_1"), "∂f/∂x₁", r"\frac{\partial f}{\partial x_{1}}"),
    ],
)
def test_writing(formula, text, latex):
    assert write(formula) == text
    assert write(formula, LATEX) == latex


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (1.0 * X + 0.0, "x"),
        (X * 0.0 + Y, "y"),
        (X * X, "x²"),
        (X / 1.0 - 0.0, "x"),
        (X / Y / Y, "x / y²"),
        (formulas.reciprocal(X) / X, "1 / x²"),
        (0.0 - X, "0 − x"),
        (2.0 / X, "2 / x"),
        (-(X + 1.0), "−(x + 1)"),
        (formulas.power(X, 1.0), "x"),
        (formulas.sign(-2.0), "−1"),
    ],
)
def test_what_a_reader_would_not_write_is_left_out(formula, text):
    assert write(formula) == text


@pytest.mark.parametrize(
    ("number", "text", "latex"),
    [
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (-3.0, "−3", "-3"),
        (0.196611933, "0.1966", "0.1966"),
        (123456.0, "123456", "123456"),
        (123456.789, "123456.79", "123456.79"),
        (1e21, "10²¹", "10^{21}"),
        (-1.5e-7, "−1.5·10⁻⁷", r"-1.5 \cdot 10^{-7}"),
        (-math.inf, "−∞", r"-\infty"),
    ],
)
def test_numbers(number, text, latex):
    assert text_number(number) == text
    assert write(number, LATEX) == latex


@pytest.mark.parametrize(
    ("label", "text", "latex"),
    [
        ("x", "x", "x"),
        ("x_1", "x₁", "x_{1}"),
        ("w_{1,2,3}", "w₁,₂,₃", "w_{1,2,3}"),
        ("x_i", "xᵢ", "x_{i}"),
        ("x_q", "x_q", "x_{q}"),
        ("L_max", "Lₘₐₓ", r"L_{\text{max}}"),
        (r"\alpha_in′", "αᵢₙ′", r"\alpha_{in}'"),
        ("w_ij^2", "w²ᵢⱼ", "w^{2}_{ij}"),
        ("y_pred", "y_pred", r"y_{\text{pred}}"),
        ("loss", "loss", r"\text{loss}"),
        ("learning_rate", "learning_rate", r"\text{learning\_rate}"),
        ("a$b%c&d#e", "a$b%c&d#e", r"\text{a\$b\%c\&d\#e}"),
        (
            r"\a{x}^~",
            r"\a{x}^~",
            r"\text{\textbackslash{}a\{x\}\textasciicircum{}\textasciitilde{}}",
        ),
        ("_1", "_1", r"\text{\_1}"),
        ("two\nlines", "two␊lines", r"\text{two\ifdefined\Umathchar ␊\else U+240A\fi{}lines}"),
        ("a<b|", "a<b|", r"\text{a\textless{}b\textbar{}}"),
        ("θ_1", "θ₁", r"\theta_{1}"),
        ("x1", "x₁", "x_{1}"),
        ("x₁", "x₁", "x_{1}"),
        (r"\alpha", "α", r"\alpha"),
        ("x^2", "x²", "x^{2}"),
        ("x^2′", "x²′", r"x^{2\prime}"),
        ("W^{(1)}_{ij}", "W⁽¹⁾ᵢⱼ", "W^{(1)}_{ij}"),
        ("W_{ij}^{(1)}", "W⁽¹⁾ᵢⱼ", "W^{(1)}_{ij}"),
        (r"$\theta_0$", "θ₀", r"\theta_{0}"),
        (r"\hat{y}_i", "ŷᵢ", r"\hat{y}_{i}"),
        (r"x_{\text{max}}", "xₘₐₓ", r"x_{\text{max}}"),
        ("x2y3", "x2y3", r"\text{x2y3}"),
        ("Δx′", "Δx′", r"\text{$\Delta$x}'"),
        ("é", "é", r"\text{é}"),
        ("٣", "٣", r"\text{\ifdefined\Umathchar ٣\else U+0663\fi{}}"),
    ],
)
def test_labels(label, text, latex):
    assert text_name(label) == text
    assert latex_name(label) == latex


def test_what_no_file_can_hold_is_replaced():
    assert visible("a\x00b\ud800c\x7f\u2028\uffff😀") == "a␀b�c���😀"
    assert visible("a\u202eb\u2066c") == "a�b�c"
    assert visible(3) == "3"
    assert (brief(3), brief("ab\ncd", 4), brief("a\n" * 10**6)) == ("3", "ab␊…", "a␊" * 19 + "a…")
    assert text_name("y" * 100) == "y" * 39 + "…"
    assert text_number(math.inf) == "∞"
    assert parsed("x\n_1") == Label("x\n_1")


@pytest.mark.parametrize(
    ("op", "args", "text"),
    [
        ("add", (X, Y), "+"),
        ("add", (1.0, X), "+1"),
        ("multiply", (X, -1.0), "×−1"),
        ("subtract", (X, 2.0), "−2"),
        ("subtract", (2.0, X), "2−x"),
        ("divide", (X, 2.0), "÷2"),
        ("divide", (3.0, X), "3/x"),
        ("reciprocal", (X,), "1/x"),
        ("negate", (X,), "×−1"),
        ("power", (X, 2.0), "x²"),
        ("power", (2.0, X), "2ˣ"),
        ("maximum", (X, 0.0), "max(x,0)"),
        ("power", (X, Y), "^"),
        ("exp", (X,), "exp"),
        ("clip", (X, 0.0, 1.0), "clip(x,0,1)"),
    ],
)
def test_gates_have_their_constants_inside(op, args, text):
    assert gate(ops.TABLE[op], args) == text
    assert outside(ops.TABLE[op], args) == []


@pytest.mark.parametrize(
    ("op", "args", "text", "positions"),
    [
        ("sum", (X, 1.0, Y), "Σ", [1]),
        ("sum", (1.0, X), "Σ", [0]),
        ("dot", (2.0, 3.0, 4.0, X, X, X), "w·x", [0, 1, 2]),
        ("dot", (2.0, X), "w·x", [0]),
        ("max", (X, 0.0), "max", [1]),
        ("where", (X, Y, 0.0), "where", [2]),
        ("clip", (X, -123.0, 123.0), "clip", [1, 2]),
    ],
)
def test_constants_that_do_not_fit_stand_outside(op, args, text, positions):
    assert gate(ops.TABLE[op], args) == text
    assert outside(ops.TABLE[op], args) == positions
