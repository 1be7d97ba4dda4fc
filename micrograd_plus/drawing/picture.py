"""`draw`: a graph as a picture."""

from __future__ import annotations

import base64
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import dark, files
from micrograd_plus._tools.errors import choose
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.layout import LayoutError
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.look import colored
from micrograd_plus.drawing.scene.parts import LIMIT, READABLE, GraphTooLargeError, scene
from micrograd_plus.engine import Value
from micrograd_plus.graph import order
from micrograd_plus.graph.places import parameters
from micrograd_plus.walk import gates

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.drawing.scene.outline import Expand
    from micrograd_plus.drawing.scene.parts import Scene

__all__ = ["GraphTooLargeError", "LayoutError", "Picture", "draw"]

DETAILS = ("layers", "neurons", *gates.DETAILS)


class Picture:
    """A picture of a graph; a notebook displays it.

    Args:
        source: the picture in DOT.
        scene: the parts of the picture, for a page in which folds open.
        draw: a function that writes a scene in DOT, for such a page.
        background: the colour behind it. In a dark notebook "white" gets dark.

    Attributes:
        source: the picture in Graphviz's language DOT.

    >>> Picture("digraph { a -> b }")
    <Picture of 18 characters of DOT: see .source, .render(path)>
    """

    def __init__(
        self,
        source: str,
        scene: Scene | None = None,
        draw: Callable[..., str] | None = None,
        background: str = "white",
    ) -> None:
        self.source = source
        self._scene = scene
        self._draw = draw
        self._shown = dark.adapting if background in ("white", "transparent") else str

    def pipe(self, format: str = "svg") -> bytes:
        """The picture as the bytes of a file.

        Args:
            format: "svg", "png", "dot", or, where the system has Graphviz, "pdf".

        Raises:
            ValueError: there is no such format.
            LayoutError: no program for the format is installed, or the program failed.
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

    def to_html(
        self, path: str | os.PathLike[str], title: str = "Graph", *, bare: bool = False
    ) -> Path:
        """Write a page in which the picture can be zoomed and moved; a click or Enter opens a fold.

        Args:
            path: the file to write; it needs no network and no other file.
            title: the page's title.
            bare: whether to leave the title out, for an iframe in another page.

        Returns:
            The path of the file.

        Raises:
            LayoutError: no program to lay the picture out is installed, or the program failed.
            OSError: the file can't be written.
        """
        from micrograd_plus.drawing.pages.folded import folded_page

        html = folded_page(title, self.source, self._scene, self._draw, bare)
        return files.write(Path(path), html.encode())

    def __repr__(self) -> str:
        return f"<Picture of {len(self.source):,} characters of DOT: see .source, .render(path)>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if not layout.asked(include, exclude):
            return {"text/plain": repr(self)}
        shown = {"text/plain": repr(self)}
        if layout.in_browser is None:  # where a notebook that is not trusted shows no SVG
            png, svg = layout.together(partial(self.pipe, "png"), partial(self.pipe, "svg"))
            shown["image/png"] = base64.b64encode(png).decode()
        else:
            svg = self.pipe("svg")
        return {"image/svg+xml": self._shown(svg.decode()), **shown}


def draw(
    root: Value | Program,
    style: str = "wires",
    limit: int | None = READABLE,
    background: str = "white",
    colors: str = "accessible",
    *,
    detail: str | None = None,
    expand: Expand = (),
    digits: int | None = None,
) -> Picture:
    """Draw a graph the way lecture slides do: numbers above the wires, gradients below.

    A compiled program is drawn layer by layer, with its gradients as formulas of matrices.

    Constants stand inside their gate (+1, ×−1, x²) or, where they don't fit, before it in grey. A
    dot product is a gate w·x, at which the two factors of each product arrive together. Gradients
    read "–" until a backward pass has run from `root`. Nothing in the graph is changed.

    A network of `nn`'s neurons is drawn as one: layers from left to right, the bias in the neuron,
    and each weight on its wire, which its size makes thick, its sign orange or blue and dashed, and
    which shows its number under a mouse. A loss over many examples is that of one, with many
    numbers on each wire. Of a layer of more than 16 the first and the last are drawn.

    Any other graph that is too large for a picture is folded: neurons into layers, layers into
    models, and what belongs to no model into pieces of the computation. Parameters know the model
    that they are part of, even when it is gone. A fold shows its parameters as colours, with their
    gradients beside them, and has one thick wire for its results; `Picture.to_html` writes a page
    in which it opens.

    Args:
        root: the value whose graph to draw, or a compiled program.
        style: "wires", or "box" for micrograd's boxes with data and grad.
        limit: the largest number of nodes to draw; larger graphs are folded. None for no limit.
        background: a colour's name in CSS, "#" and six hexadecimal digits, or "transparent".
            Lines and texts are light on dark ones; and in a dark notebook on "white", which it
            shows dark, and on "transparent".
        colors: of the numbers on wires: "accessible" ones can be read on white, and told apart by
            those who are red-green blind; "lecture" ones are the slides' pure green and red.
        detail: how much to show: "layers", folded, of a graph of any size; "neurons", if it is a
            network of neurons; "operations" for one gate an operation; "gates" to take dot products
            apart into × and +, with the same numbers. By default neurons, or else operations, or
            of more nodes than `limit` the layers.
        expand: the folds to open, as far as `limit` allows: a Value in them, its label, a module,
            or a list of such; or the number of levels to open everywhere. What can be opened are
            "layers".
        digits: the significant digits of numbers on wires, 1 to 17; 2 by default. Those of 1 and
            more have two decimal places, too.

    Raises:
        ValueError: there is no such style or detail, or there are no such colors, `background` is
            no colour, the limit is not positive, `digits` is not in that range, or what to expand
            is not in the graph.
        TypeError: `root` is neither a Value nor a program, or `expand` is none of these.

    Source: lectures A and C, see help(micrograd_plus).

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> draw(x * y).pipe("svg")[:5]
    b'<?xml'
    >>> from micrograd_plus.nn import MLP
    >>> network = MLP(2, [16, 16, 1])([x, y])
    >>> [draw(network, detail=detail).pipe("svg")[:5] for detail in ("layers", "neurons")]
    [b'<?xml', b'<?xml']
    """
    look = colored(colors, digits)
    if not isinstance(root, Value):  # what only programs and folds need is loaded for them
        from micrograd_plus.compiler.program import Program
        from micrograd_plus.drawing.dot.programs import program_as_dot

        if isinstance(root, Program):
            return Picture(program_as_dot(root, background, look), background=background)
    most = math.inf if limit is None else limit
    if most < 1:
        raise ValueError(f"the limit must be a positive number of nodes, not {limit}")
    if detail not in (None, *DETAILS):
        raise ValueError(choose("there is no detail", detail, DETAILS))
    picture = _scene(root, style, most, detail, expand)
    drawn = partial(as_dot, style=style, look=look)
    return Picture(drawn(picture, background=background), picture, drawn, background)


def _scene(root: Value, style: str, most: float, detail: str | None, expand: Expand) -> Scene:
    """What to draw of a graph; what only networks and folds need is loaded for them."""
    nodes = order(root)
    if detail is None and expand != ():
        detail = "layers"
    if parameters(nodes) and (detail == "neurons" or (detail is None and style == "wires")):
        from micrograd_plus.drawing.scene.network import network

        if found := network(root):
            return found
    if detail in (None, "neurons"):
        detail = "operations" if len(nodes) <= most else "layers"
    if detail != "layers":
        return scene(root, math.inf, seen=gates.gates(nodes, detail=detail))
    from micrograd_plus.drawing.scene.outline import folded, opened
    from micrograd_plus.drawing.scene.wiring import folded_scene

    top = folded(root, most)
    return folded_scene(top.flat, opened(top, most, expand), [len(top.flat.nodes) - 1])


def with_ending(path: str | os.PathLike[str]) -> Path:
    """The path of a picture's file: a name without an ending gets .svg."""
    path = Path(path)
    return path if path.suffix[1:] else path.with_suffix(".svg")


def in_notebook(value: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows of a Value that ends a cell: its picture beside its text.

    An empty dictionary, so that its text is all, if it is a leaf, if its graph is too large to be
    read, if no program lays pictures out, or if pictures are not shown.
    """
    if value.op is None or not layout.asked(include, exclude) or len(order(value)) > LIMIT:
        return {}
    try:
        return draw(value)._repr_mimebundle_(include, exclude) | {"text/plain": repr(value)}
    except layout.LayoutError:
        return {}
