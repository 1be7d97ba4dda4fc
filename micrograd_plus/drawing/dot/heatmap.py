"""Many numbers as colours: the gates of folds with their parameters, and the wires between them."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus._tools.text import brief
from micrograd_plus.drawing.dot.labels import escaped, named, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.look import Look
    from micrograd_plus.drawing.scene.matrices import Block
    from micrograd_plus.drawing.scene.parts import Inside

# blue and orange can be told apart with any colour vision, and both are darker than white
NEGATIVE, ZERO, POSITIVE = (0x1F, 0x5F, 0xA8), (0xFA, 0xFA, 0xFA), (0xC2, 0x57, 0x0C)
_ROWS, _COLUMNS = 24, 24  # of a map; with more numbers a cell is the mean of several
_WIDTH, _SMALLEST, _LARGEST = 120, 5, 9  # of a map, and of the sides of a cell, in points
_FRAME = "#cbd5e1"


class HeatMap(NamedTuple):
    """Numbers to be drawn as colours.

    Attributes:
        blocks: matrices with equally many rows, to stand side by side.
        largest: the largest absolute value of a cell, which gets the strongest colour.
        averaged: the largest number of numbers that a cell is the mean of.
    """

    blocks: list[Block]
    largest: float
    averaged: int


def cable(inside: Inside, look: Look, name: str = "") -> str:
    """The plate of a wire that carries several values: their range, and each as a colour."""
    data = [x for x, _ in inside.numbers if x is not None]
    grads = [x for _, x in inside.numbers if x is not None]
    above = [
        f"<tr><td>{named(name)}</td></tr>" if name else "",
        _range(data, look.forward, look.digits),
        _strip(data),
    ]
    below = [_strip(grads), _range(grads, look.gradient, look.digits)]
    return (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
        f"{''.join(above)}<hr/>{''.join(below)}</table>>"
    )


def _range(numbers: list[float], ink: str, digits: int) -> str:
    ends = (min(numbers), max(numbers)) if numbers else ()
    text = " … ".join(number(x, digits) for x in ends) or number(None)
    return f'<tr><td><font point-size="11" color="{ink}">{text}</font></td></tr>'


def _strip(numbers: list[float]) -> str:
    return f"<tr><td>{strip(numbers)}</td></tr>" if numbers else ""


def folded(title: str, inside: Inside, look: Look) -> str:
    """The gate of a fold: what it is, and maps of its parameters and of their gradients."""
    maps = [
        (name, ink, heat_map(blocks))
        for name, ink, blocks in (
            ("parameters", look.forward, inside.data),
            ("gradients", look.gradient, inside.grads),
        )
        if blocks
    ]
    span = f'colspan="{max(1, len(maps))}"'
    rows = [
        f'<td {span}><font point-size="13">{escaped(brief(title))}</font></td>',
        f"<td {span}>{_small(escaped(brief(inside.details, 60)), look.name)}</td>",
    ]
    if maps:
        for line in (
            [_small(name, look.name) for name, _, _ in maps],
            [painted(heat) for _, _, heat in maps],
            [_scale(heat.largest, ink, look.digits) for _, ink, heat in maps],
        ):
            rows.append("".join(f"<td>{cell}</td>" for cell in line))
        averaged = maps[0][2].averaged
        if averaged > 1:
            note = _small(f"a cell is the mean of up to {averaged:,}", look.name)
            rows.append(f"<td {span}>{note}</td>")
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" '
        f'color="{look.ink}" bgcolor="{look.gate}">{lines}</table>>'
    )


def _scale(largest: float, ink: str, digits: int) -> str:
    """The scale of a map: its colours from −largest to largest, with 0 in the middle."""
    bar = cells([[k / 4 for k in range(-4, 5)]], 1.0, 6, 7)
    least, most = (_small(number(x, digits), ink) for x in (-largest, largest))
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
        f"<tr><td>{least}</td><td>{bar}</td><td>{most}</td></tr></table>"
    )


def _small(text: str, ink: str) -> str:
    return f'<font point-size="9" color="{ink}">{text}</font>'


def heat_map(blocks: Sequence[Sequence[Sequence[float | None]]]) -> HeatMap:
    """Matrices as a map, whose cells are means where there would be too many.

    Args:
        blocks: matrices with equally many rows; None where there is no number.

    >>> heat_map([[[1.0, -3.0]], [[2.0]]])
    HeatMap(blocks=[[[1.0, -3.0]], [[2.0]]], largest=3.0, averaged=1)
    """
    tall = -(-max(map(len, blocks)) // _ROWS)
    found, averaged = [], tall
    for block in blocks:
        width = max(map(len, block))
        wide = -(-width // _COLUMNS)
        averaged = max(averaged, tall * wide)
        found.append(
            [
                [
                    _mean(block[top : top + tall], left, left + wide)
                    for left in range(0, width, wide)
                ]
                for top in range(0, len(block), tall)
            ]
        )
    numbers = [abs(x) for block in found for row in block for x in row if x is not None]
    return HeatMap(found, max(numbers, default=0.0), averaged)


def _mean(rows: Sequence[Sequence[float | None]], left: int, right: int) -> float | None:
    numbers = [x for row in rows for x in row[left:right] if x is not None]
    return fmean(numbers) if numbers else None


def color(x: float, largest: float) -> str:
    """The colour of a number: white for 0, towards orange above it and towards blue below.

    >>> color(0.0, 1.0), color(1.0, 1.0), color(-1.0, 1.0)
    ('#fafafa', '#c2570c', '#1f5fa8')
    """
    share = min(abs(x) / largest, 1.0) if largest else 0.0
    end = POSITIVE if x > 0 else NEGATIVE
    return "#" + "".join(
        f"{round(zero + share * (full - zero)):02x}" for zero, full in zip(ZERO, end, strict=True)
    )


def painted(heat: HeatMap) -> str:
    """A map as a table for an HTML-like label, with a frame around each matrix."""
    count = sum(len(block[0]) for block in heat.blocks)
    side = max(_SMALLEST, min(_LARGEST, _WIDTH // count))
    blocks = (f"<td>{cells(block, heat.largest, side, side)}</td>" for block in heat.blocks)
    width = side * count + 4 * len(heat.blocks)
    height = side * len(heat.blocks[0]) + 4
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="1" fixedsize="true" '
        f'width="{width}" height="{height}"><tr>{"".join(blocks)}</tr></table>'
    )


def strip(numbers: Sequence[float]) -> str:
    """Numbers as a table of one row, about as long for many as for few."""
    heat = heat_map([[numbers]])
    [block] = heat.blocks
    return cells(block, heat.largest, max(_SMALLEST, 72 // len(block[0])), 7, frame=0)


def cells(block: Block, largest: float, width: int, height: int, frame: int = 1) -> str:
    """A matrix as a table of coloured cells."""
    rows = "".join(
        "<tr>" + "".join(_cell(x, largest, width, height) for x in row) + "</tr>" for row in block
    )
    # with a fixed size, or the cells would spread to fill the table around them
    return (
        f'<table border="{frame}" color="{_FRAME}" cellborder="0" cellspacing="0" cellpadding="0" '
        f'fixedsize="true" width="{width * len(block[0]) + 2 * frame}" '
        f'height="{height * len(block) + 2 * frame}">{rows}</table>'
    )


def _cell(x: float | None, largest: float, width: int, height: int) -> str:
    paint = "" if x is None else f' bgcolor="{color(x, largest)}"'
    return f'<td fixedsize="true" width="{width}" height="{height}"{paint}></td>'
