"""Walkthroughs on a terminal and in a file."""

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, graph
from micrograd_plus._tools.text import spelled
from micrograd_plus.drawing.dot import layout
from tests.effort import examples
from tests.needs import counts_python

PLAIN = """\
 1  given     x = 2
 2  forward   v₁ = x · x = 2 · 2 = 4
 3            f = v₁ + 1 = 4 + 1 = 5
 4  backward  ∂f/∂f = 1
 5            ∂f/∂v₁ = 1
 6            ∂f/∂x (second operand) = x = 1 · 2 = 2
 7            ∂f/∂x (first operand) = x = 1 · 2 = 2, ∂f/∂x = 2 · x = 2 + 2 = 4

 wire  value  gradient
 x      2.00      4.00
 v₁     4.00      1.00
 f      5.00      1.00
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def walk():
    x = Value(2, "x")
    return mg.step_through(x * x + 1)


def test_without_rich_the_text_is_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    file = io.StringIO()
    walk().print(file)
    assert file.getvalue() == PLAIN


def test_plain_text_into_a_file(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    file = io.StringIO()
    walk().print(file)
    assert file.getvalue() == PLAIN


def calls(f, code=None):
    """How many functions of Python `f` calls; or how often the one with this code."""
    count = 0

    def called(frame, event, arg):
        nonlocal count
        count += event == "call" and code in (None, frame.f_code)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        f()
    finally:
        sys.setprofile(before)
    return count


SHOWN = {
    "print": lambda walk, folder: walk.print(io.StringIO()),
    "latex": lambda walk, folder: walk.latex(),
    "page": lambda walk, folder: walk.to_html(folder / "walk.html"),
    "frames": lambda walk, folder: walk.frames(folder / "frames"),
    "quiz": lambda walk, folder: mg.quiz(walk.root).to_html(folder / "quiz.html"),
}


@pytest.fixture
def no_layout(monkeypatch):
    monkeypatch.setattr(layout, "render", lambda source, format: b"<svg/>")


@counts_python
@pytest.mark.parametrize("sigma", [False, True])
@pytest.mark.parametrize("show", SHOWN)
def test_what_shows_a_walk_orders_the_graph_only_for_another_walk(tmp_path, no_layout, show, sigma):
    x = Value(2, "x")
    f = 1 / (1 + mg.exp(-x)) + x
    walk = mg.step_through(f, sigma=sigma)
    order = graph.order.__code__
    assert calls(lambda: mg.step_through(f, sigma=sigma), order) == 1
    found = calls(lambda: SHOWN[show](walk, tmp_path), order)
    # a page has the walk with σ gates or without, too; a quiz its own, and one in formulas of its
    # leaves, by which it asks for new numbers
    assert found == {"page": 1, "quiz": 2}.get(show, 0)


@pytest.mark.parametrize("show", [None, "print", "latex", "page", "quiz"])
def test_twice_as_many_nodes_take_twice_the_work(tmp_path, monkeypatch, no_layout, show):
    """A frame for each step, with all of the picture in it, is the one thing that takes more."""
    monkeypatch.setitem(sys.modules, "rich.console", None)

    def work(n):
        f = Value(1.0, "x")
        for _ in range(n):
            f = f * 1.5
        walk = mg.step_through(f, limit=n + 1)
        if show is None:
            return calls(lambda: mg.step_through(f))
        return calls(lambda: SHOWN[show](walk, tmp_path))

    work(3)  # loads what is loaded at the first call
    assert work(100) < 2.1 * work(50)


def test_colours_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = Terminal()
    walk().print(file)
    green, red = "\x1b[32m", "\x1b[31m"
    assert f"{green}v₁ = x · x = 2 · 2 = 4\x1b" in file.getvalue()
    assert f"{red}∂f/∂v₁ = 1\x1b" in file.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    file = Terminal()
    walk().print(file)
    assert green not in file.getvalue()


def bare(terminal):
    """What a terminal shows, without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())


WIDE = "a_name_that_is_long_enough_for_two_lines"


@pytest.mark.parametrize("columns", [40, 50, 80])
def test_lines_hang_and_nothing_breaks_inside_a_number(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    x, y = Value(-1.9e-124, "x"), Value(1234.56789, WIDE)
    walk = mg.step_through(mg.sum([x * y, y * y, x, y, x * 2]) * 1e9)
    terminal, file = Terminal(), io.StringIO()
    walk.print(terminal)
    walk.print(file)
    lines = bare(terminal).splitlines()
    assert max(map(len, lines)) <= columns
    numbers = [word for word in file.getvalue().split() if word.strip("(),")[-1:].isdigit()]
    assert "−1.9·10⁻¹²⁴" in {number.strip(",") for number in numbers}
    assert [word for word in bare(terminal).split() if word in numbers] == numbers
    told = lines[: lines.index("")]
    hung = [line for line in told if not line[:14].strip()]
    assert hung
    assert {len(line) - len(line.lstrip()) for line in hung} == {15}


def test_a_quiz_hangs_too(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    x, y = Value(2.5, "x"), Value(3.5, "y")
    terminal = Terminal()
    answers = iter(["2.5", "2.5"])
    mg.quiz(x * y, hide=["x"]).run(lambda prompt: next(answers), terminal)
    lines = bare(terminal).splitlines()
    assert max(map(len, lines)) <= 40
    assert any(line.startswith("  Not yet. Operands swapped") for line in lines)
    assert sum(line.startswith("  ") for line in lines) >= 3


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", ["y = v_1 · v_1 = -2 · (-2) = 4", "dy/dv_1", "10^-9"]),
        ("ascii", ["y = v_1 * v_1 = -2 * (-2) = 4", "dy/dalpha", "10^-9"]),
        ("utf-8", ["y = v₁ · v₁ = −2 · (−2) = 4", "∂y/∂α", "10⁻⁹"]),
    ],
)
def test_signs_that_a_terminal_lacks_are_spelt(encoding, words):
    x = Value(2, r"\alpha")
    v = -x
    f = v * v
    f.label = "y"
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    mg.step_through(f).print(file)
    mg.step_through(Value(1e-9, "b") * 1).print(file)
    file.flush()
    text = file.buffer.getvalue().decode(encoding)
    assert "?" not in text
    for word in words:
        assert word in text
    rows = text[text.index(" wire") : text.index("\n 1", 9)].rstrip().splitlines()
    assert len({len(row) for row in rows}) == 1  # columns stand below each other


@given(st.text(st.characters(codec="utf-8")))
@examples(300)
def test_any_text_can_be_spelt(text):
    for encoding in ("ascii", "cp1252", "latin-1", "cp437"):
        spelled(text, encoding).encode(encoding)
    assert spelled(text, "utf-8") == text


def test_labels_are_not_markup():
    x = Value(2, "[red]x[/]:smile:")
    file = io.StringIO()
    mg.step_through(x * 1).print(file)
    assert "[red]x[/]:smile: = 2" in file.getvalue()


def test_a_walkthrough_is_a_sequence():
    steps = walk()
    assert len(steps) == 7
    assert [step.text for step in steps[:2]] == ["x = 2", "v₁ = x · x = 2 · 2 = 4"]
    assert steps[-1] is [*steps][-1]
