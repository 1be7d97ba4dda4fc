"""Walkthroughs on a terminal and in a file."""

import io
import sys

import micrograd_plus as mg
from micrograd_plus import Value

PLAIN = """\
 1  given     x = 2
 2  forward   v₁ = x · x = 2 · 2 = 4
 3            f = v₁ + 1 = 4 + 1 = 5
 4  backward  ∂f/∂f = 1
 5            ∂f/∂v₁ = 1
 6            ∂f/∂x = ∂f/∂v₁ · ∂v₁/∂x⁽²⁾ + … = ∂f/∂v₁ · x + … = 1 · 2 + … = 2 + …
 7            ∂f/∂x = 2 + ∂f/∂v₁ · ∂v₁/∂x⁽¹⁾ = 2 + ∂f/∂v₁ · x = 2 + 1 · 2 = 2 + 2 = 4

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
