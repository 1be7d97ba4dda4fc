"""A walkthrough as coloured text on a terminal, and as plain text elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.text import shorten
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.drawing.terminal.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from micrograd_plus.walk.steps import Walk

_SHORTEST, _GAPS = 8, 6  # columns of the table: of a name, and between all
_COLORS = {"given": "default", "forward": "green", "backward": "red"}


def print_steps(
    walk: Walk,
    file: TextIO | None = None,
    digits: int = 2,
    pause: Callable[[], None] | None = None,
) -> None:
    """Print each step's sentence, and at the end the numbers on every wire.

    Args:
        walk: the walk.
        file: where to; standard output by default.
        digits: the significant digits of the numbers on wires.
        pause: waits after each step, and ends its line.
    """
    line = Lines(file)
    for pieces in _told(walk):
        line(*pieces, end="" if pause else "\n")
        if pause:
            pause()
    line()
    for pieces in _wires(walk, digits, line):
        line(*pieces)


def _told(walk: Walk) -> Iterator[list[tuple[str, str]]]:
    """The lines of the steps, as pieces of text with styles."""
    digits = len(str(len(walk)))
    phase = ""
    for i, step in enumerate(walk, start=1):
        heading = "" if step.phase == phase else step.phase
        phase = step.phase
        yield [
            (f"{i:>{digits + 1}}  ", "dim"),
            (f"{heading:<8}  ", "bold"),
            (step.text, _COLORS[phase]),
        ]


def _wires(walk: Walk, digits: int, line: Lines) -> Iterator[list[tuple[str, str]]]:
    """The lines of the table of the numbers on every wire."""
    rows = [("wire", "value", "gradient")]
    for node, name in walk.names.items():
        data, grad = (number(x[node], digits) for x in (walk.data, walk.grad))
        rows.append((line.spelled(text_name(name)), line.spelled(data), line.spelled(grad)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if line.width:
        widths[0] = min(widths[0], max(_SHORTEST, line.width - sum(widths[1:]) - _GAPS))
    for i, (name, value, gradient) in enumerate(rows):
        style = "" if i else "bold "
        yield [
            (f" {shorten(name, widths[0]):<{widths[0]}}", f"{style}default"),
            (f"  {value:>{widths[1]}}", style + _COLORS["forward"]),
            (f"  {gradient:>{widths[2]}}", style + _COLORS["backward"]),
        ]
