"""A walkthrough as LaTeX: what it says, and that any label compiles."""

import contextlib
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.engine import apply, record
from micrograd_plus.ops import TABLE
from micrograd_plus.ops.operation import Op
from tests.effort import examples, slow
from tests.graphs import xyz
from tests.hostile import FEW
from tests.needs import program

DOCUMENT = r"\documentclass{article}\usepackage{amsmath}\begin{document}%s\end{document}"


def compiles(folder, texts):
    """Whether pdfLaTeX takes all of it without an error; there is no other way to know."""
    program("pdflatex", package="texlive-latex-base")
    path = folder / "steps.tex"
    path.write_text(DOCUMENT % "\n\n".join(texts), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape"]
    run = subprocess.run([*command, path.name], cwd=folder, capture_output=True, check=False)
    errors = [line for line in run.stdout.decode(errors="replace").split("\n") if line[:1] == "!"]
    assert not errors, errors
    return run.returncode == 0


def named(*labels):
    """A graph whose leaves and whose result have these labels."""
    total = mg.sum([Value(i + 1.5, label) * 2 for i, label in enumerate(labels)])
    total.label = labels[-1]
    return mg.step_through(total)


def test_the_lecture_as_an_align_environment():
    chain = (
        r"\frac{\partial f}{\partial %s} &= \frac{\partial f}{\partial d} \cdot "
        r"\frac{\partial d}{\partial %s} = 4 \cdot 1 = 4"
    )
    assert mg.step_through(xyz()).latex().split("\n") == [
        r"\begin{align}",
        r"x &= 1,\quad y = -3,\quad z = 4 \\",
        r"d &= x + y = 1 + \left(-3\right) = -2 \\",
        r"f &= d \cdot z = -2 \cdot 4 = -8 \\",
        r"\frac{\partial f}{\partial f} &= 1 \\",
        r"\frac{\partial f}{\partial z} &= d = -2 \\",
        r"\frac{\partial f}{\partial d} &= z = 4 \\",
        chain % ("y", "y") + r" \\",
        chain % ("x", "x"),
        r"\end{align}",
    ]


def test_lines_are_aligned_at_their_own_equals_sign():
    lines = named("a = b & c", "1.5").latex().split("\n")
    assert lines[1] == r"\text{a = b \& c} &= 1.5,\quad \text{1.5} = 2.5 \\"
    assert named("5").latex().split("\n")[1] == r"5 &= 1.5 \\"
    one = mg.step_through(Value(5, "5"))
    assert one.latex().split("\n")[1] == r"5 \\"  # 5 = 5 is written once


def test_sums_and_remarks_have_lines_of_their_own_and_no_line_begins_with_many_numbers():
    x, y = mg.values(x=2, y=3)
    lines = mg.step_through(mg.exp(x) * mg.tanh(x)).latex().split("\n")
    assert lines[-2] == r"\frac{\partial f}{\partial x} &= 0.522 + 7.123 = 7.645"
    assert lines[-3].endswith(r" = 0.964 \cdot 7.389 = 7.123 \\")
    [first, *_] = mg.softmax([x, y])
    assert any(line.startswith("p_{2} &= ") for line in mg.step_through(first).latex().split("\n"))
    many = named(*"abcdefghijklmn").latex().split("\n")
    assert [line.count("=") for line in many[1:3]] == [6, 2]


@pytest.mark.parametrize("label", FEW, ids=range(len(FEW)))
def test_hostile_labels_compile(tmp_path, label):
    attack = label + r"\input{/etc/passwd}\end{align}\write18{date}%"
    assert compiles(tmp_path, [named(label, attack, "x_" + label).latex()])


@given(st.lists(st.text(min_size=1, max_size=12), min_size=30, max_size=60))
@examples(4)
def test_any_label_compiles(tmp_path_factory, labels):
    tripled = [labels[i : i + 3] for i in range(0, len(labels), 3)]
    folder = tmp_path_factory.mktemp("tex")
    assert compiles(folder, [named(*some).latex() for some in tripled])


def test_every_character_of_the_first_blocks_compiles(tmp_path):
    characters = [chr(code) for code in range(0x600)]
    parts = ["".join(characters[i : i + 30]) for i in range(0, len(characters), 30)]
    assert compiles(tmp_path, [named(*parts[i : i + 4]).latex() for i in range(0, len(parts), 4)])


def walks():
    """A walk through each operation, where it can be differentiated."""
    for op in TABLE.values():
        count = op.arity or 4
        args = [Value(0.5 + i / 10, f"x_{i}") for i in range(count)]
        inputs = [args, [-3.0, *args[1:]]] if count > 1 else [args]
        for some in inputs:
            with contextlib.suppress(mg.NonFiniteError):
                yield mg.step_through(record(op, tuple(some))).latex()


@slow
def test_words_are_operators_and_no_braces_are_left_over():
    own = Op(
        "own_mean",
        value=lambda m, *args: sum(args) / len(args),
        partials=lambda m, out, *args: (1 / len(args),) * len(args),
        about="the mean",
        example=((1.0, 3.0), 2.0),
    )
    x = Value(1.0, "x")
    assert r"\operatorname{own\_mean}\left(x, x\right)" in mg.step_through(apply(own, x, x)).latex()
    assert r"\operatorname{logsumexp}\left(x\right)" in mg.step_through(mg.logsumexp([x])).latex()
    assert r"\operatorname{ReLU}\left(x\right)" in mg.step_through(mg.relu(x)).latex()
    for text in walks():
        assert not re.search(r"\{\{[^{}]*\}\}", text), text
        words = r"\\(begin|end|operatorname|text)\{[^{}]*\}|\\[a-zA-Z]+"
        assert not re.search("[A-Za-z]{2}", re.sub(words, "", text)), text
        for line in filter(None, text.split("\n")[1:-1]):
            for formula in re.split(r"&?=|,\\quad", line.removesuffix(r" \\")):
                MathTextParser("path").parse(f"${formula}$")  # as Matplotlib reads it


def test_every_operation_compiles(tmp_path):
    texts = [*walks()]
    assert len(texts) > 40
    assert compiles(tmp_path, texts)
