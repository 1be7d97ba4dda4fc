"""The texts in a picture, as Graphviz's HTML-like labels.

Each value is a "wire plate": a table of two rows, with the number above and the gradient below. The
line between the rows is the wire itself.
"""

from __future__ import annotations

from html import escape
from math import ceil, isnan
from typing import TYPE_CHECKING

from micrograd_plus._tools.names import parsed, text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import brief, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.look import Look
    from micrograd_plus.drawing.scene.parts import Part

_PAIR = 80  # the height of a row where two wires arrive, about that of two plates
_LONGEST_NAME = 10  # of an inner value, on its wire


def plate(part: Part, size: tuple[int, int], id: str, look: Look) -> str:
    """The wire plate of one value.

    Args:
        part: the value.
        size: the width and height of each of its rows, from `plate_size`.
        id: the id of the plate.
        look: the colours of numbers, and which of them are hidden or highlighted.
    """
    above, below = _numbers(part, id, look, look.points)
    width, height = size
    if name := _name_on_wire(part):
        name = named(name, _name_size(look), look.name, _LONGEST_NAME)
        above = _table(
            f'<tr><td valign="bottom" align="right">{name}</td><td width="4"></td>'
            f'<td valign="bottom" align="left">{above}</td></tr>'
        )
    lines = (
        f'<tr><td width="{width}" height="{height}" valign="bottom">{above}</td></tr>'
        f'<tr><td width="{width}" height="{height}" valign="top">{below}</td></tr>'
    )
    color = f'color="{look.ink}"'
    if id in look.lit:
        color = f'color="{look.lit_wire}" bgcolor="{look.lit_plate}"'
    return (
        f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" rows="*" '
        f"{color}>{lines}</table>>"
    )


def share(x: float, width: int, id: str, look: Look) -> str:
    """What comes back along one of several wires from a value, below that wire.

    Args:
        x: the number.
        width: that of all such labels, from `share_width`.
        id: the id of the label.
        look: the colours, and which numbers are hidden or highlighted.
    """
    size, height = 5 * look.points // 6, 7 * look.points // 6
    text = _number(x, "grad", id, look, size)
    cells = "".join(
        f'<tr><td width="{width}" height="{height}" valign="top">{cell}</td></tr>'
        for cell in ("", text)
    )
    line = look.lit_wire if id in look.lit else look.ink
    return (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" rows="*" '
        f'color="{line}">{cells}</table>>'
    )


def share_width(parts: Sequence[Part], look: Look) -> int:
    """One width for all labels of shares; see `plate_size`."""
    shares = (x.share for part in parts for x in part.operands if x.share is not None)
    return max((look.points * _room(share, look) // 2 + 6 for share in shares), default=0)


def leaf(part: Part, plate: str) -> str:
    """The plate of a leaf with its name before it, where the layout could tear them apart."""
    cells = f'<td>{named(part.label, 16)}</td><td width="4"></td><td>{plate[1:-1]}</td>'
    return f"<{_table(f'<tr>{cells}</tr>')}>"


def line(part: Part, id: str, look: Look, *, with_name: bool) -> str:
    """A parameter of a neuron in one line: its number, its gradient, and perhaps its name first."""
    size = 5 * look.points // 6
    name = f"<td>{named(part.label, size, look.name)}</td>" if with_name and part.label else ""
    cells = "".join(f"<td>{text}</td>" for text in _numbers(part, id, look, size))
    # on a wire it needs a ground of its own
    fill = look.lit_plate if id in look.lit else "transparent" if with_name else look.gate
    return (
        f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" bgcolor="{fill}">'
        f"<tr>{name}{cells}</tr></table>>"
    )


def _numbers(part: Part, id: str, look: Look, size: int) -> tuple[str, str]:
    """A value's number and its gradient, in a font of a size."""
    above = _number(part.data, "data", id, look, size)
    return above, _number(part.grad, "grad", id, look, size)


def _number(x: float | None, slot: str, id: str, look: Look, size: int) -> str:
    """A number in its colour; one that is hidden is transparent and keeps its room."""
    color = look.forward if slot == "data" else look.gradient
    color = "transparent" if (id, slot) in look.hidden else color
    return f'<font point-size="{size}" color="{color}">{number(x, look.digits)}</font>'


def tooltip(part: Part, id: str, look: Look) -> str:
    """What a value is, in plain text: for those who point at it, and for those who can't see it.

    Args:
        part: the value.
        id: the id of its plate.
        look: which numbers are hidden.
    """
    from graphviz import nohtml

    value, gradient = (
        "" if (id, slot) in look.hidden or x is None else number(x, look.digits)
        for slot, x in (("data", part.data), ("grad", part.grad))
    )
    text = " = ".join(filter(None, (part.title or text_name(part.label), value)))
    text = "; ".join(filter(None, (text, gradient and f"gradient {gradient}")))
    # Graphviz would read entities, and escape sequences twice
    return str(nohtml(text.replace("&", "&amp;").replace("\\", "∖")))


def plate_size(parts: Sequence[Part], look: Look, others: Sequence[float] = ()) -> tuple[int, int]:
    """One size for all plates: with different widths Graphviz would leave gaps in the wires.

    Args:
        parts: the values.
        look: how large their numbers are, and how many digits they have.
        others: further numbers to leave room for.
    """
    names = [min(len(text_name(_name_on_wire(part))), _LONGEST_NAME) for part in parts]
    digit, letter = 7 * look.points / 12, 7 * _name_size(look) / 10  # their widths
    width = max(
        max(digit * _room(part.data, look) + letter * name, digit * _room(part.grad, look))
        for part, name in zip(parts, names, strict=True)
    )
    width = max([width, *(digit * _room(x, look) for x in others)])
    height = (20 if any(names) else 17) * look.points // 12
    return round(max(3.5 * look.points, width + 4)), height


def _name_size(look: Look) -> int:
    return 7 + look.points // 4


def _name_on_wire(part: Part) -> str:
    """The name of an inner value; that of the output stands at the end of its wire."""
    return part.label if part.gate and not part.goes_on else ""


def _room(x: float | None, look: Look) -> int:
    """The digits that a number is wide; one to be guessed has room for the answer."""
    return 5 if x is not None and isnan(x) else digits_wide(number(x, look.digits))


def digits_wide(text: str) -> int:
    """How many digits are as wide as a number: points and raised digits are half as wide as one."""
    return ceil(sum(1 if character in "0123456789−–" else 0.5 for character in text))


def number(x: float | None, digits: int = 2) -> str:
    """A number on a wire, with so many significant digits and two decimal places.

    >>> number(-2.0), number(0.0519), number(1.23456, 4), number(None)
    ('−2.00', '0.052', '1.235', '–')
    """
    if x is None:
        return "–"
    if isnan(x):
        return "?"
    return text_number(x, digits, decimals=min(digits, 2))


def rows(text: str, terms: Sequence[Sequence[int]], fill: str, look: Look) -> str:
    """A gate with a row for each pair of operands, which are multiplied, and for each single one.

    Args:
        text: what the gate is.
        terms: the positions of the operands in each row.
        fill: its colour.
        look: the colours of its lines and texts.
    """
    span = f'rowspan="{len(terms)}"'
    name = f'<td {span}><font point-size="13">{escaped(text)}</font></td>'
    lines = "".join(
        f'<tr><td port="t{k}" height="{height}"><font point-size="12" color="{look.name}">{sign}'
        f"</font></td>{'' if k else name}</tr>"
        for k, term in enumerate(terms)
        for height, sign in [(_PAIR, "×") if len(term) > 1 else (22, "+")]
    )
    return (
        f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" '
        f'color="{look.ink}" bgcolor="{fill}">{lines}</table>>'
    )


def box(part: Part, look: Look) -> str:
    """One value in micrograd's style: its name, data and grad side by side."""
    entries = [
        named(part.label) if part.label else "",
        f"data {number(part.data, look.digits)}",
        f"grad {number(part.grad, look.digits)}",
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
        f"{named(label, 16)}</td></tr></table>>"
    )


def caption(lines: Sequence[str], look: Look, width: int = 0) -> str:
    """The lines of text below a picture.

    Args:
        lines: the lines.
        look: the colour of text.
        width: the least that they take, in points.
    """
    gap = '<font point-size="6"> <br/></font>'
    text = "".join(f'{gap}{escaped(visible(line))}<br align="left"/>' for line in lines)
    written = f'<font point-size="13" color="{look.text}">{gap}{text}</font>'
    wide = _table(f'<tr><td width="{width}">{written}</td></tr>')
    return f"<{wide if width else written}>"


def named(label: str, size: int = 14, color: str = "", longest: int = 40) -> str:
    """A label in italics, for a cell of a table.

    Its scripts are cells beside it: what SVG calls a subscript is not lowered in Firefox, nor what
    Graphviz calls one in PNG.
    """
    base, below, above, primes = parsed(brief(label))
    base = shorten(base, max(1, longest - len(below) - len(above)))
    text = _italic(base + primes, size, color)
    if not below and not above:
        return text
    upper, lower = (x and _italic(x, 0.65 * size, color) for x in (above, below))
    half = f'align="left" height="{0.65 * size:g}"'
    return _table(
        f'<tr><td rowspan="2" align="right">{text}</td><td {half}>{upper}</td></tr>'
        f"<tr><td {half}>{lower}</td></tr>"
    )


def _table(rows: str) -> str:
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{rows}</table>'


def _italic(text: str, size: float, color: str) -> str:
    paint = f' color="{color}"' if color else ""
    return f'<font point-size="{size:g}"{paint}><i>{escaped(text)}</i></font>'


def escaped(text: str) -> str:
    """Text for an HTML-like label, in which DOT gives a meaning to the backslash, too."""
    return escape(text).replace("\\", r"\\")
