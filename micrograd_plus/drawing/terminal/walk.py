"""A walkthrough as coloured text on a terminal, and as plain text elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from micrograd_plus._tools.names import text_name
from micrograd_plus.drawing.dot.labels import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from micrograd_plus.walk.steps import Walk

_COLORS = {"given": "default", "forward": "green", "backward": "red"}


def print_steps(walk: Walk, file: TextIO | None = None, digits: int = 2) -> None:
    """Print each step's sentence, and at the end the numbers on every wire.

    Args:
        walk: the walk.
        file: where to; standard output by default.
        digits: the significant digits of the numbers on wires.
    """
    lines = [*_told(walk), [], *_wires(walk, digits)]
    try:
        from rich.console import Console  # loaded only for printing
        from rich.text import Text
    except ModuleNotFoundError:  # as in a browser
        for line in lines:
            print("".join(text for text, _ in line), file=file)
        return
    console = Console(file=file, soft_wrap=True, force_jupyter=False)
    for line in lines:
        console.print(Text.assemble(*line))


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


def _wires(walk: Walk, digits: int) -> Iterator[list[tuple[str, str]]]:
    """The lines of the table of the numbers on every wire."""
    rows = [("wire", "value", "gradient")]
    for node, name in walk.names.items():
        data, grad = (number(x[node], digits) for x in (walk.data, walk.grad))
        rows.append((text_name(name), data, grad))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for i, (name, value, gradient) in enumerate(rows):
        style = "" if i else "bold "
        yield [
            (f" {name:<{widths[0]}}", f"{style}default"),
            (f"  {value:>{widths[1]}}", style + _COLORS["forward"]),
            (f"  {gradient:>{widths[2]}}", style + _COLORS["backward"]),
        ]
