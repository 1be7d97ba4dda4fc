"""Slides as a program for LaTeX's Beamer: one frame, whose overlays are the steps."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from micrograd_plus._tools import latex
from micrograd_plus.drawing.slides.marks import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.slides.deck import Deck
    from micrograd_plus.drawing.slides.marks import Mark

_HEIGHT = 9.0  # of a slide, in centimetres; Beamer's own is 9.6, and 9 on a wide one
_POINTS = 72.27 / 2.54  # of TeX, in a centimetre
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}

_DOCUMENT = r"""\documentclass{beamer}
\usepackage{amsmath,tikz}
\geometry{paperwidth=%(width).3fcm,paperheight=%(height)gcm}
\setbeamertemplate{navigation symbols}{}
%(colors)s
\begin{document}
\begin{frame}[plain]
\begin{tikzpicture}[remember picture,overlay,shift={(current page.north west)},x=1pt,y=-1pt,
    inner sep=0pt,outer sep=0pt]
%(marks)s
%(sentences)s
\end{tikzpicture}
\end{frame}
\end{document}
"""


def beamer(deck: Deck) -> bytes:
    """The slides as LaTeX: a document to compile, or whose frame to copy into one's own."""
    width, height = deck.size
    scale = _HEIGHT * _POINTS / height
    marks = deck.changing()
    colors = {mark.color if isinstance(mark, Text) else mark.stroke for mark in marks}
    colors |= {mark.fill for mark in marks if not isinstance(mark, Text)} | {*deck.colors}
    left, top, wide, size = (scale * x for x in deck.said)
    font = rf"font=\fontsize{{{size:.1f}}}{{{1.5 * size:.1f}}}\selectfont"
    said = [
        rf"\only<{i}>{{\node[anchor=north west,text width={wide:.1f}pt,{font},text={_name(color)}] "
        rf"at ({left:.1f},{top:.1f}) {{\raggedright$\displaystyle {text}$}};}}"
        for i, (text, color) in enumerate(zip(deck.latex, deck.colors, strict=True), start=1)
    ]
    lines = (
        rf"\only<{_ranges(on)}>{{{_written(mark, scale)}}}"
        if len(on) < len(deck.slides)
        else _written(mark, scale)
        for mark, on in marks.items()
        if not (isinstance(mark, Text) and mark.place[1] > deck.said[1])
    )
    return (
        _DOCUMENT
        % {
            "width": _HEIGHT * width / height,
            "height": _HEIGHT,
            "colors": "\n".join(map(_defined, sorted(colors - {""}))),
            "marks": "\n".join(lines),
            "sentences": "\n".join(said),
        }
    ).encode()


def _name(color: str) -> str:
    return f"c{color[1:]}"


def _defined(color: str) -> str:
    return rf"\definecolor{{{_name(color)}}}{{HTML}}{{{color[1:].upper()}}}"


def _ranges(slides: Sequence[int]) -> str:
    """Numbers from 0 as Beamer counts them, from 1.

    >>> _ranges([0, 1, 2, 5])
    '1-3,6'
    """
    runs = groupby(enumerate(slides), lambda pair: pair[1] - pair[0])
    ends = ([i for _, i in run] for _, run in runs)
    return ",".join(
        f"{run[0] + 1}-{run[-1] + 1}" if len(run) > 1 else f"{run[0] + 1}" for run in ends
    )


def _written(mark: Mark, scale: float) -> str:
    if isinstance(mark, Text):
        size, (x, y) = mark.size * scale, mark.place
        shape = r"\itshape" if mark.italic else ""
        return (
            rf"\node[anchor={_ANCHORS[mark.anchor]},text={_name(mark.color)},"
            rf"font=\fontsize{{{size:.1f}}}{{{size:.1f}}}\selectfont{shape}] "
            f"at ({x * scale:.1f},{y * scale:.1f}) {{{latex.plain(mark.text)}}};"
        )
    options = [f"line width={mark.width * scale:.2f}pt"]
    options += [f"draw={_name(mark.stroke)}"] * bool(mark.stroke)
    options += [f"fill={_name(mark.fill)}"] * bool(mark.fill)
    options += ["dashed"] * mark.dashed
    path = ""
    for name, points in mark.path:
        first, *others = (f"({x * scale:.2f},{y * scale:.2f})" for x, y in points)
        path += {"M": f" {first}", "L": f" -- {first}"}.get(name) or (
            f" .. controls {first} and {others[0]} .. {others[1]}"
        )
    return rf"\path[{','.join(options)}]{path}{' -- cycle' if mark.closed else ''};"
