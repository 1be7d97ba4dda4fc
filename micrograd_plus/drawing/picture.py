"""`draw`: a graph as a picture."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus import files
from micrograd_plus.compiler.program import Program
from micrograd_plus.drawing import dot, layers, layout
from micrograd_plus.drawing.scene import LIMIT, scene
from micrograd_plus.graph import order

if TYPE_CHECKING:
    import os

    from micrograd_plus.engine import Value


class Picture:
    """A picture of a graph; the last line of a notebook's cell shows it.

    Attributes:
        source: the picture in Graphviz's language DOT.
    """

    def __init__(self, source: str) -> None:
        self.source = source

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
            path: a name that ends in .svg, .png, .pdf or .dot; without an ending .svg is added.

        Returns:
            The path of the file.

        Raises:
            ValueError, LayoutError: as for `pipe`; then no file is written.
            OSError: the file can't be written.
        """
        path = Path(path)
        if not path.suffix:
            path = path.with_suffix(".svg")
        return files.write(path, self.pipe(path.suffix[1:].lower()))

    def __repr__(self) -> str:
        return f"<Picture of {len(self.source):,} characters of DOT: see .source, .render(path)>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        # a notebook that is not trusted shows no SVG, but does show the PNG
        return {
            "image/svg+xml": self.pipe("svg").decode(),
            "image/png": base64.b64encode(self.pipe("png")).decode(),
            "text/plain": repr(self),
        }


def draw(
    root: Value | Program,
    style: str = "wires",
    limit: int = LIMIT,
    background: str = "white",
    colors: str = "accessible",
) -> Picture:
    """Draw a graph the way lecture slides do: numbers above the wires, gradients below.

    A compiled program is drawn by whole layers, with formulas of matrices for gradients.

    Constants stand inside their gate (+1, ×−1); gradients read "–" until a backward pass has
    reached `root`. Nothing in the graph is changed.

    Args:
        root: the value whose graph to draw, or a program.
        style: "wires", or "box" for micrograd's boxes with data and grad.
        limit: the largest number of nodes to draw.
        background: a colour's name, "#" and six hexadecimal digits, or "transparent".
        colors: of the numbers on wires: "accessible" can be read on white, and told apart by
            those who don't see red or green; "lecture" is the slides' pure green and red.

    Raises:
        GraphTooLargeError: the graph has more nodes than `limit`.
        ValueError: there are no such style or colors, or `background` is not of that form.

    Source: lectures A and C.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> draw(x * y).pipe("svg")[:5]
    b'<?xml'
    """
    look = dot.colored(colors)
    if isinstance(root, Program):
        return Picture(layers.source(root, dot.colour(background), look))
    return Picture(dot.source(scene(root, limit), style, background, look=look))


def in_notebook(value: Value) -> dict[str, str]:
    """What a notebook shows of a Value that ends a cell: its picture, beside its text.

    Only its text where there is no graph to see, where it is too large to be read, and where no
    program lays pictures out: whoever looks at a number has not asked for a picture.
    """
    if value.op is None or len(order(value)) > LIMIT:
        return {}
    try:
        return draw(value)._repr_mimebundle_()
    except layout.LayoutError:
        return {}
