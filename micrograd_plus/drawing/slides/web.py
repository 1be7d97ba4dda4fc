"""Slides as a page: one picture, of which each slide shows the marks that are on it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.pages.page import guarded, resource
from micrograd_plus.drawing.slides.marks import Text

if TYPE_CHECKING:
    from micrograd_plus.drawing.slides.deck import Deck
    from micrograd_plus.drawing.slides.marks import Mark

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{css}
</style>
</head>
<body>
<svg viewBox="0 0 {width} {height}" role="img" font-family="Helvetica, Arial, sans-serif">
<rect width="{width}" height="{height}" fill="#ffffff"/>
{marks}
</svg>
<ol aria-live="polite">
{sentences}
</ol>
<script>
"use strict";
{script}
slides();
</script>
</body>
</html>
"""


def web(deck: Deck) -> bytes:
    """The slides as a page that fills its window, needs no network, and prints a page a slide."""
    width, height = deck.size
    marks = (_written(mark, on, len(deck.slides)) for mark, on in deck.changing().items())
    html = _PAGE.format(
        policy="{policy}",
        title=escape(visible(deck.title)),
        css=resource("slides.css").replace("WIDTH", str(width)).replace("HEIGHT", str(height)),
        width=width,
        height=height,
        marks="\n".join(marks),
        sentences="\n".join(f"<li>{escape(text)}</li>" for text in deck.sentences),
        script=resource("slides.js").replace("export ", ""),
    )
    return guarded(html).encode()


def _written(mark: Mark, on: list[int], count: int) -> str:
    where = "" if len(on) == count else f' data-on="{" ".join(map(str, on))}"'
    if isinstance(mark, Text):
        (x, y), style = mark.place, ' font-style="italic"' if mark.italic else ""
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}"{style} '
            f'font-size="{mark.size:.1f}" fill="{mark.color}"{where}>{escape(mark.text)}</text>'
        )
    path = "".join(
        name + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) for name, points in mark.path
    )
    dashes = ' stroke-dasharray="5 2"' if mark.dashed else ""
    return (
        f'<path d="{path}{"Z" if mark.closed else ""}" fill="{mark.fill or "none"}" '
        f'stroke="{mark.stroke or "none"}" stroke-width="{mark.width:.2f}"{dashes}{where}/>'
    )
