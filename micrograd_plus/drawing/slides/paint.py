"""Slides painted by matplotlib: pages of a PDF, and the pictures of a GIF.

matplotlib writes PDFs with lines and letters, embeds its own font, and needs no program beside it:
the one that lays pictures out writes no PDF, and Graphviz's `dot` one page a file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.drawing.slides.marks import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from micrograd_plus.drawing.slides.deck import Deck
    from micrograd_plus.drawing.slides.marks import Mark

_DPI = 100
_POINTS = 72 / _DPI  # in a pixel
_NARROWER = 0.88  # of matplotlib's font, which is wider than the one that pictures are laid out for
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}
_COLORS = 128


def pdf(deck: Deck) -> bytes:
    """The slides as a PDF, a page each.

    Raises:
        ModuleNotFoundError: matplotlib is missing.
    """
    content = io.BytesIO()
    pages = need("matplotlib.backends.backend_pdf", "slides").PdfPages
    fonts = {"pdf.fonttype": 42}  # whole letters, which readers can search and copy
    with need("matplotlib", "slides").rc_context(fonts), pages(content) as written:
        written.infodict()["Title"] = deck.title
        for figure in _figures(deck):
            written.savefig(figure)
    return content.getvalue()


def gif(deck: Deck) -> bytes:
    """The slides as a GIF that shows each for some seconds, again and again.

    Raises:
        ModuleNotFoundError: matplotlib or Pillow is missing.
    """
    image = need("PIL.Image", "slides")
    canvas = need("matplotlib.backends.backend_agg", "slides").FigureCanvasAgg
    pictures = []
    for figure in _figures(deck):
        drawn = canvas(figure)
        drawn.draw()
        size = drawn.get_width_height()
        pictures.append(image.frombytes("RGBA", size, bytes(drawn.buffer_rgba())).convert("RGB"))
    last = pictures[-1].quantize(_COLORS, method=image.Quantize.MAXCOVERAGE)  # for all
    first, *others = (x.quantize(palette=last, dither=image.Dither.NONE) for x in pictures)
    content, duration = io.BytesIO(), round(1000 * deck.seconds)
    first.save(content, "GIF", save_all=True, append_images=others, duration=duration, loop=0)
    return content.getvalue()


def _figures(deck: Deck) -> Iterator[Any]:
    figure_class = need("matplotlib.figure", "slides").Figure
    width, height = deck.size
    for marks in deck.slides:
        figure = figure_class(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        for mark in marks:
            _paint(axes, mark)
        yield figure


def _paint(axes: Any, mark: Mark) -> None:
    if isinstance(mark, Text):
        axes.text(
            *mark.place,
            mark.text,
            fontsize=mark.size * _POINTS * _NARROWER,
            color=mark.color,
            ha=_ANCHORS[mark.anchor],
            va="baseline",
            style="italic" if mark.italic else "normal",
            parse_math=False,
        )
        return
    path = need("matplotlib.path", "slides").Path
    codes = {"M": [path.MOVETO], "L": [path.LINETO], "C": [path.CURVE4] * 3}
    points = [point for _, given in mark.path for point in given]
    kinds = [code for name, _ in mark.path for code in codes[name]]
    if mark.closed:
        points, kinds = [*points, points[0]], [*kinds, path.CLOSEPOLY]
    axes.add_patch(
        need("matplotlib.patches", "slides").PathPatch(
            path(points, kinds),
            facecolor=mark.fill or "none",
            edgecolor=mark.stroke or "none",
            linewidth=mark.width * _POINTS,
            linestyle="--" if mark.dashed else "-",
        )
    )
