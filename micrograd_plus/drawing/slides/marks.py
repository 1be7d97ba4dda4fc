"""What is on a slide, as plain data: lines, areas and texts, read from a picture in SVG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from micrograd_plus.drawing.look import checked_color

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NUMBER = re.compile(r"-?[\d.]+")
_COMMAND = re.compile(r"([MLC])([^MLC]*)")
_ROUND = 0.5522847498  # where the control points of a quarter of a circle lie, by its radius
_UNSEEN = ("none", "transparent", "#fffffe")
_WHITE = "#ffffff"

Points = tuple[tuple[float, float], ...]


class Line(NamedTuple):
    """A line or an area.

    Attributes:
        path: "M", "L" or "C" with one, one or three points each, as in SVG.
        closed: whether it ends where it began.
        fill, stroke: its colours; "" for none.
        width: that of the line.
        dashed: whether the line is.
    """

    path: tuple[tuple[str, Points], ...]
    closed: bool
    fill: str
    stroke: str
    width: float
    dashed: bool


class Text(NamedTuple):
    """A text on one line.

    Attributes:
        place: the point on its baseline where it begins, is centred, or ends.
        anchor: "start", "middle" or "end", which of these.
        size: that of its font.
        color: its colour.
        italic: whether it is.
        text: its characters.
    """

    place: tuple[float, float]
    anchor: str
    size: float
    color: str
    italic: bool
    text: str


Mark = Line | Text


class Drawing(NamedTuple):
    """A picture: its width and height, and its marks, those below before those on top."""

    width: float
    height: float
    marks: list[Mark]


def drawn(svg: str) -> Drawing:
    """The marks of a picture that Graphviz wrote, without its background and what is transparent.

    Args:
        svg: the picture.

    >>> from micrograd_plus import Value
    >>> from micrograd_plus.drawing.picture import draw
    >>> marks = drawn(draw(Value(2.0, "x") * 3).pipe("svg").decode()).marks
    >>> sorted(mark.text for mark in marks if isinstance(mark, Text))
    ['2.00', '6.00', 'x', '×3', '–', '–']
    """
    root = ET.fromstring(svg)  # noqa: S314  Graphviz wrote it
    _, _, width, height = _numbers(root.get("viewBox", ""))
    graph = root.find("{*}g")
    if graph is None:
        return Drawing(width, height, [])
    left, top = _numbers(graph.get("transform", "").partition("translate")[2])
    marks = [mark for element in graph.iter() for mark in _marks(element)]
    shifted = moved(marks, lambda x, y: (x + left, y + top), 1.0)
    return Drawing(width, height, sorted(shifted, key=lambda mark: isinstance(mark, Text)))


def moved(
    marks: list[Mark], move: Callable[[float, float], tuple[float, float]], scale: float
) -> list[Mark]:
    """Marks elsewhere, and larger.

    Args:
        marks: the marks.
        move: where each point goes.
        scale: by which widths and sizes are multiplied.
    """
    result: list[Mark] = []
    for mark in marks:
        if isinstance(mark, Text):
            result.append(mark._replace(place=move(*mark.place), size=mark.size * scale))
        else:
            path = tuple((name, tuple(move(*p) for p in points)) for name, points in mark.path)
            result.append(mark._replace(path=path, width=mark.width * scale))
    return result


def _numbers(text: str) -> list[float]:
    return [float(number) for number in _NUMBER.findall(text)]


def _pairs(text: str) -> Points:
    numbers = _numbers(text)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _color(text: str) -> str:
    return "" if text in _UNSEEN else checked_color(text)


def _marks(element: ET.Element) -> Iterator[Mark]:
    given, kind = element.attrib, element.tag.partition("}")[2]
    fill, stroke = (_color(given.get(name, "none")) for name in ("fill", "stroke"))
    if kind == "text" and fill:
        place, text = (float(given["x"]), float(given["y"])), (element.text or "").strip()
        italic = given.get("font-style") == "italic"
        if text:
            yield Text(place, given["text-anchor"], float(given["font-size"]), fill, italic, text)
    elif kind in _PATHS and (stroke or fill not in ("", _WHITE)):
        path, closed = tuple(_PATHS[kind](given)), kind != "path" or bool(fill)
        width = float(given.get("stroke-width", 1))
        yield Line(path, closed, fill, stroke, width, "stroke-dasharray" in given)


def _polygon(given: dict[str, str]) -> Iterator[tuple[str, Points]]:
    for i, point in enumerate(_pairs(given["points"])):
        yield "L" if i else "M", (point,)


def _curves(given: dict[str, str]) -> Iterator[tuple[str, Points]]:
    for name, numbers in _COMMAND.findall(given["d"]):
        points, count = _pairs(numbers), 3 if name == "C" else 1
        for i in range(0, len(points), count):
            yield name, points[i : i + count]


def _ellipse(given: dict[str, str]) -> Iterator[tuple[str, Points]]:
    cx, cy, rx, ry = (float(given[name]) for name in ("cx", "cy", "rx", "ry"))
    yield "M", ((cx + rx, cy),)
    for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1)):  # four quarters of the unit circle
        units = ((c - _ROUND * s, s + _ROUND * c), (_ROUND * c - s, c + _ROUND * s), (-s, c))
        yield "C", tuple((cx + rx * x, cy + ry * y) for x, y in units)


_PATHS = {"polygon": _polygon, "path": _curves, "ellipse": _ellipse}
