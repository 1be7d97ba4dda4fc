"""Many numbers as colours: parameters in the shape of their matrix, wires of several values."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.graph.places import Place

# blue and orange differ to all kinds of eyes, and both are darker than the white between them
NEGATIVE, ZERO, POSITIVE = (0x1F, 0x5F, 0xA8), (0xFA, 0xFA, 0xFA), (0xC2, 0x57, 0x0C)
_ROWS, _COLUMNS = 24, 24  # of more than these several are averaged in a cell
_WIDTH, _SMALLEST, _LARGEST = 120, 5, 9  # of a map and of a cell's sides, in points
_FRAME = "#cbd5e1"

Block = list[list[Any]]
"""The rows of a matrix; None where there is no number."""


class HeatMap(NamedTuple):
    """Numbers to be drawn as colours.

    Attributes:
        blocks: matrices of as many rows, which stand side by side.
        largest: the largest absolute number of a cell, which gets the strongest colour.
        averaged: how many numbers a cell stands for at most.
    """

    blocks: list[Block]
    largest: float
    averaged: int


def matrices(parameters: Iterable[Value]) -> list[Block]:
    """Parameters as matrices of as many rows: one row for each neuron; weights, then biases.

    >>> from micrograd_plus.nn import Layer
    >>> [[[p.label for p in row] for row in block] for block in matrices(Layer(2, 2).parameters())]
    [[['w_{0,0,0}', 'w_{0,0,1}'], ['w_{0,1,0}', 'w_{0,1,1}']], [['b_{0,0}'], ['b_{0,1}']]]
    """
    rows: dict[Any, dict[tuple[str, str], Value]] = {}
    columns: dict[str, dict[str, None]] = {}
    for parameter in parameters:
        place: Place = parameter.right
        attribute, *places = place.name.split(".")
        # an attribute that is a matrix itself has rows of its own
        row = (place.around, attribute, *places[:-1]) if places[1:] else place.around
        column = "".join(places[-1:])
        rows.setdefault(row, {})[attribute, column] = parameter
        columns.setdefault(attribute, {})[column] = None
    return [
        [[row.get((attribute, column)) for column in numbers] for row in rows.values()]
        for attribute, numbers in columns.items()
    ]


def heat_map(blocks: Sequence[Sequence[Sequence[float | None]]]) -> HeatMap:
    """Matrices as a map, their cells averaged where there would be too many.

    Args:
        blocks: matrices of as many rows; None where there is no number.

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
    if len(numbers) < 2:
        return numbers[0] if numbers else None
    return fmean(numbers)


def color(x: float, largest: float) -> str:
    """A number's colour: white for 0, towards orange above and towards blue below.

    >>> color(0.0, 1.0), color(1.0, 1.0), color(-1.0, 1.0)
    ('#fafafa', '#c2570c', '#1f5fa8')
    """
    share = min(abs(x) / largest, 1.0) if largest else 0.0
    end = POSITIVE if x > 0 else NEGATIVE
    return "#" + "".join(
        f"{round(zero + share * (full - zero)):02x}" for zero, full in zip(ZERO, end, strict=True)
    )


def painted(heat: HeatMap) -> str:
    """A map as a table for an HTML-like label, each matrix in a frame."""
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
    """Numbers as a table of one row, as long for many as for few."""
    heat = heat_map([[numbers]])
    [block] = heat.blocks
    return cells(block, heat.largest, max(_SMALLEST, 72 // len(block[0])), 7, frame=0)


def cells(block: Block, largest: float, width: int, height: int, frame: int = 1) -> str:
    """A matrix as a table whose cells have colours."""
    rows = "".join(
        "<tr>" + "".join(_cell(x, largest, width, height) for x in row) + "</tr>" for row in block
    )
    # of a size of its own, or the cells would drift apart to fill what is around them
    return (
        f'<table border="{frame}" color="{_FRAME}" cellborder="0" cellspacing="0" cellpadding="0" '
        f'fixedsize="true" width="{width * len(block[0]) + 2 * frame}" '
        f'height="{height * len(block) + 2 * frame}">{rows}</table>'
    )


def _cell(x: float | None, largest: float, width: int, height: int) -> str:
    paint = "" if x is None else f' bgcolor="{color(x, largest)}"'
    return f'<td fixedsize="true" width="{width}" height="{height}"{paint}></td>'
