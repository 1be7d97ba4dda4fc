"""Walkthroughs on a terminal and in a file."""

import io
import sys

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, graph
from micrograd_plus.drawing.dot import layout
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
    assert found == (show in ("page", "quiz"))  # one more walk: with σ gates or without, or open


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
