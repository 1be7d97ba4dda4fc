"""`draw`: a graph as a picture."""

from __future__ import annotations

import base64
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import files
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.layout import LayoutError
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.look import checked_color, colored
from micrograd_plus.drawing.scene.parts import LIMIT, GraphTooLargeError, scene
from micrograd_plus.engine import Value
from micrograd_plus.graph import order

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.drawing.scene.outline import Expand
    from micrograd_plus.drawing.scene.parts import Scene

__all__ = ["GraphTooLargeError", "LayoutError", "Picture", "draw"]


class Picture:
    """A picture of a graph; the last line of a notebook's cell shows it.

    Args:
        source: the same.
        scene: what is in it, for a page in which folds open.
        draw: how such a page draws a scene.

    Attributes:
        source: the picture in Graphviz's language DOT.

    >>> Picture("digraph { a -> b }")
    <Picture of 18 characters of DOT: see .source, .render(path)>
    """

    def __init__(
        self, source: str, scene: Scene | None = None, draw: Callable[..., str] | None = None
    ) -> None:
        self.source = source
        self._scene = scene
        self._draw = draw

    def pipe(self, format: str = "svg") -> bytes:
        """The picture as the bytes of a file.

        Args:
            format: "svg", "png", "dot", or, where the system has Graphviz, "pdf".

        Raises:
            ValueError: there is no such format.
            LayoutError: no program for the format is installed, or it failed.
        """
        return layout.render(self.source, format)

    def render(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture into a file, in the format that its ending names.

        Args:
            path: a name that ends in .svg, .png, .pdf, .dot, or in .html for a page in which
                folds open; without an ending .svg is added.

        Returns:
            The path of the file.

        Raises:
            ValueError, LayoutError: as for `pipe`; then no file is written.
            OSError: the file can't be written.
        """
        path = with_ending(path)
        format = path.suffix[1:].lower()
        if format == "html":
            return self.to_html(path)
        layout.check_format(format, layout.ENDINGS)
        return files.write(path, self.pipe(format))

    def to_html(self, path: str | os.PathLike[str], title: str = "Graph") -> Path:
        """Write a page with the picture to zoom and to move; its folds open with a click or Enter.

        Args:
            path: the file to write; it needs no network and no other file.
            title: the page's title.

        Returns:
            The path of the file.

        Raises:
            LayoutError: no program to lay the picture out is installed, or it failed.
            OSError: the file can't be written.
        """
        from micrograd_plus.drawing.pages.folded import folded_page

        html = folded_page(title, self.source, self._scene, self._draw)
        return files.write(Path(path), html.encode())

    def __repr__(self) -> str:
        return f"<Picture of {len(self.source):,} characters of DOT: see .source, .render(path)>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if not layout.asked(include, exclude):
            return {"text/plain": repr(self)}
        # a notebook that is not trusted shows no SVG, but does show the PNG
        png, svg = layout.together(partial(self.pipe, "png"), partial(self.pipe, "svg"))
        return {
            "image/svg+xml": svg.decode(),
            "image/png": base64.b64encode(png).decode(),
            "text/plain": repr(self),
        }


def draw(
    root: Value | Program,
    style: str = "wires",
    limit: int | None = LIMIT,
    background: str = "white",
    colors: str = "accessible",
    *,
    fold: bool | None = None,
    expand: Expand = (),
) -> Picture:
    """Draw a graph the way lecture slides do: numbers above the wires, gradients below.

    A compiled program is drawn by whole layers, with formulas of matrices for gradients.

    Constants stand inside their gate (+1, ×−1); gradients read "–" until a backward pass has
    reached `root`. Nothing in the graph is changed.

    What is too large for a picture is folded: neurons into layers and layers into models, which
    are found by the parameters that values are computed with; what belongs to no model into
    pieces of the computation. A fold shows its parameters as colours, their gradients beside
    them, and its results on one thick wire; `Picture.to_html` writes a page in which it opens.

    Args:
        root: the value whose graph to draw, or a program.
        style: "wires", or "box" for micrograd's boxes with data and grad.
        limit: the number of nodes from which it is folded; None for any number.
        background: a colour's name, "#" and six hexadecimal digits, or "transparent".
        colors: of the numbers on wires: "accessible" can be read on white, and told apart by
            those who don't see red or green; "lecture" is the slides' pure green and red.
        fold: True to fold a graph of any size, False to draw each node however many there are;
            by default graphs of more nodes than `limit` are folded.
        expand: what to open in a folded graph, as far as `limit` allows: a Value, its label, a
            module, or a list of such; or a number, so many levels of all folds.

    Raises:
        ValueError: there are no such style or colors, `background` is not of that form, the
            limit is not positive, or the graph does not have what is to be expanded.
        TypeError: what is to be expanded is none of these.

    Source: lectures A and C.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> draw(x * y).pipe("svg")[:5]
    b'<?xml'
    >>> from micrograd_plus.nn import MLP
    >>> draw(MLP(2, [16, 16, 1])([x, y])).pipe("svg")[:5]  # folded
    b'<?xml'
    """
    look = colored(colors)
    if not isinstance(root, Value):  # what only programs and folds need is loaded for them
        from micrograd_plus.compiler.program import Program
        from micrograd_plus.drawing.dot.programs import program_as_dot

        if isinstance(root, Program):
            return Picture(program_as_dot(root, checked_color(background), look))
    most = math.inf if limit is None else limit
    if most < 1:
        raise ValueError(f"the limit must be a positive number of nodes, not {limit}")
    if fold is None:
        fold = len(order(root)) > most
    if fold or expand != ():
        from micrograd_plus.drawing.scene.outline import folded, opened
        from micrograd_plus.drawing.scene.wiring import folded_scene

        top = folded(root, most)
        shown = opened(top, most, expand)
    if fold:
        picture = folded_scene(top.flat, shown, [len(top.flat.nodes) - 1])
    else:
        picture = scene(root, math.inf)
    drawn = partial(as_dot, style=style, look=look)
    return Picture(drawn(picture, background=background), picture, drawn)


def with_ending(path: str | os.PathLike[str]) -> Path:
    """Where a picture is written: a name without an ending gets .svg."""
    path = Path(path)
    return path if path.suffix[1:] else path.with_suffix(".svg")


def in_notebook(value: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows of a Value that ends a cell: its picture, beside its text.

    Only its text where there is no graph to see, where it is too large to be read, where no
    program lays pictures out, and where none is shown: whoever looks at a number has not asked
    for a picture.
    """
    if value.op is None or not layout.asked(include, exclude) or len(order(value)) > LIMIT:
        return {}
    try:
        return draw(value)._repr_mimebundle_(include, exclude) | {"text/plain": repr(value)}
    except layout.LayoutError:
        return {}
