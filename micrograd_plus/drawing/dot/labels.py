"""The texts in a picture, as Graphviz's HTML-like labels.

Each value is a "wire plate": a table of two rows, with the number above and the gradient below. The
line between the rows is the wire itself.
"""

from __future__ import annotations

from html import escape
from math import isnan
from typing import TYPE_CHECKING

from micrograd_plus._tools.text import brief, shorten, visible
from micrograd_plus.drawing.look import INK, LIT_PLATE, LIT_WIRE, NAME, TEXT, Look
from micrograd_plus.walk.formula import split_label, text_name, text_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene.parts import Part

_PAIR = 80  # the height of a row where two wires arrive, about that of two plates
_LONGEST_NAME = 10  # of an inner value, on its wire


def plate(part: Part, size: str, id: str, look: Look) -> str:
    """The wire plate of one value.

    Args:
        part: the value.
        size: the size of all plates, from `plate_size`.
        id: the id of the plate.
        look: the colours of numbers, and which of them are hidden or highlighted.
    """
    name = _name_on_wire(part)
    if name:
        name = f'<font point-size="10" color="{NAME}"><i>{escaped(name)}</i></font> '
    rows = (
        ("bottom", name, look.forward, number(part.data), "data"),
        ("top", "", look.gradient, number(part.grad), "grad"),
    )
    lines = "".join(
        f'<tr><td {size} valign="{side}">{before}<font point-size="12" '
        f'color="{"transparent" if (id, slot) in look.hidden else color}">'
        f"{text}</font></td></tr>"
        for side, before, color, text, slot in rows
    )
    color = f'color="{LIT_WIRE}" bgcolor="{LIT_PLATE}"' if id in look.lit else f'color="{INK}"'
    return (
        f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" rows="*" '
        f"{color}>{lines}</table>>"
    )


def plate_size(parts: Sequence[Part]) -> str:
    """One size for all plates: with different widths Graphviz would leave gaps in the wires."""
    names = [_name_on_wire(part) for part in parts]
    width = max(
        max(_room(part.data) + len(name), _room(part.grad))
        for part, name in zip(parts, names, strict=True)
    )
    return f'width="{max(42, 7 * width + 4)}" height="{20 if any(names) else 17}"'


def _name_on_wire(part: Part) -> str:
    """The name of an inner value as plain text, whose subscripts don't touch the wire."""
    name = text_name(part.label) if part.gate and not part.goes_on else ""
    return shorten(name, _LONGEST_NAME)


def _room(x: float | None) -> int:
    """The characters that a number takes; one to be guessed has room for the answer."""
    return 5 if x is not None and isnan(x) else len(number(x))


def number(x: float | None) -> str:
    """A number on a wire: two decimal places, or two digits if it is very small or very large."""
    if x is None:
        return "–"
    if isnan(x):
        return "?"
    if 0 < abs(x) < 0.1 or abs(x) >= 1e6:
        return text_number(x, 2)
    return f"{x or 0.0:.2f}".replace("-", "−")  # never −0.00


def rows(text: str, terms: Sequence[Sequence[int]], fill: str) -> str:
    """A gate with a row for each pair of operands, which are multiplied, and for each single one.

    Args:
        text: what the gate is.
        terms: the positions of the operands in each row.
        fill: its colour.
    """
    span = f'rowspan="{len(terms)}"'
    name = f'<td {span}><font point-size="13">{escaped(text)}</font></td>'
    lines = "".join(
        f'<tr><td port="t{k}" height="{height}"><font point-size="12" color="{NAME}">{sign}</font>'
        f"</td>{'' if k else name}</tr>"
        for k, term in enumerate(terms)
        for height, sign in [(_PAIR, "×") if len(term) > 1 else (22, "+")]
    )
    return (
        f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" '
        f'color="{INK}" bgcolor="{fill}">{lines}</table>>'
    )


def box(part: Part) -> str:
    """One value in micrograd's style: its name, data and grad side by side."""
    entries = [
        named(part.label) if part.label else "",
        f"data {number(part.data)}",
        f"grad {number(part.grad)}",
    ]
    row = "".join(f"<td>{entry}</td>" for entry in entries if entry)
    return (
        f'<<table border="0" cellborder="1" cellspacing="0" cellpadding="6"><tr>{row}</tr></table>>'
    )


def end(label: str) -> str:
    """The label at the end of a wire."""
    if not label:
        return ""
    return (
        '<<table border="0" cellborder="0" cellpadding="2"><tr><td>'
        f'<font point-size="16">{named(label)}</font></td></tr></table>>'
    )


def caption(lines: Sequence[str]) -> str:
    """The lines of text below a picture."""
    gap = '<font point-size="6"> <br/></font>'
    text = "".join(f'{gap}{escaped(visible(line))}<br align="left"/>' for line in lines)
    return f'<<font point-size="13" color="{TEXT}">{gap}{text}</font>>'


def named(label: str) -> str:
    """A label in italics, with its subscript."""
    name, subscript = map(escaped, split_label(brief(label)))
    lowered = f'<sub><font point-size="10">{subscript}</font></sub>' if subscript else ""
    return f"<i>{name}{lowered}</i>"


def escaped(text: str) -> str:
    """Text for an HTML-like label, in which DOT gives a meaning to the backslash, too."""
    return escape(text).replace("\\", r"\\")
