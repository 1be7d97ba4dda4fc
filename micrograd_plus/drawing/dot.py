"""A scene as DOT source.

Each value is a "wire plate": a table of two rows, the number above and the gradient below, whose
rule between the rows is the wire itself.
"""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.errors import did_you_mean
from micrograd_plus.formula import shorten, split_label, text_name, text_number, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from micrograd_plus.drawing.scene import Part, Scene

FORWARD, GRADIENT = "#047857", "#c73200"
INK, TEXT, NAME, GATE = "#334155", "#0f172a", "#5b6b80", "#f8fafc"
LIT_WIRE, LIT_GATE, LIT_PLATE = "#b45309", "#fde68a", "#fef9c3"


class Look(NamedTuple):
    """How the numbers on the wires look.

    Attributes:
        forward: the colour of values.
        gradient: the colour of gradients.
        lit: the ids of the parts that are lit.
        hidden: the numbers that hold their place unseen: a wire's id, and "data" or "grad".
    """

    forward: str
    gradient: str
    lit: Collection[str] = ()
    hidden: Collection[tuple[str, str]] = ()


# Green with some blue in it and red with some yellow stay apart for those who can't tell the
# lecture's pure ones apart, and both can be read on white.
COLORS = {
    "accessible": Look(FORWARD, GRADIENT),
    "lecture": Look("#00ff00", "#ff0000"),
}

_COLUMN = 12  # up to so many leaves stand in one column, in order
_EXACT = 100  # with more nodes wires needn't be as straight as can be, which takes minutes
_LONGEST_NAME = 10  # of an inner value, on its wire
_CIRCLES = {1: "0.4", 2: "0.46", 3: "0.46", 4: "0.55"}


def colored(colors: str) -> Look:
    """The look with colours of that name.

    Raises:
        ValueError: there are no such colours.
    """
    if colors not in COLORS:
        raise ValueError(f"there are no colors {colors!r}; choose from {', '.join(COLORS)}")
    return COLORS[colors]


def source(
    scene: Scene,
    style: str = "wires",
    background: str = "white",
    caption: Sequence[str] = (),
    look: Look = COLORS["accessible"],
) -> str:
    """The DOT source of a scene.

    Args:
        scene: what to draw.
        style: "wires" for numbers on the wires, "box" for a box with data and grad per value.
        background: a colour's name, "#" and six hexadecimal digits, or "transparent".
        caption: lines of text to stand below.
        look: how the numbers on the wires look.

    Raises:
        ValueError: there is no such style, or `background` is not of that form.
    """
    from graphviz import Digraph  # loaded only by those who draw

    if style not in STYLES:
        hint = did_you_mean(style, STYLES)
        raise ValueError(f"there is no style {style!r}{hint}; choose from {', '.join(STYLES)}")
    graph = Digraph(
        graph_attr={
            "rankdir": "LR",
            "nodesep": "0.22",
            "ranksep": "0.24",
            "bgcolor": colour(background),
            "pad": "0.08",
            "margin": "0",
        },
        node_attr={"fontname": "Helvetica", "color": INK, "fontcolor": TEXT},
        edge_attr={"color": INK, "penwidth": "1", "arrowsize": "0.55"},
    )
    if len(scene.parts) > _EXACT:
        graph.attr(nslimit="0.2")
    if caption:
        gap = '<font point-size="6"> <br/></font>'
        lines = "".join(f'{gap}{_escape(visible(line))}<br align="left"/>' for line in caption)
        label = f'<<font point-size="13" color="{TEXT}">{gap}{lines}</font>>'
        graph.attr(label=label, labelloc="b", labeljust="l", fontname="Helvetica")
    _DRAWN[style](graph, scene, look)
    text: str = graph.source
    return text


def colour(text: str) -> str:
    """A colour as it was given, if it is one."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}|[a-zA-Z]+[0-9]?", text):
        raise ValueError(f"{text!r} is no colour; write one as 'white' or '#fefce8'")
    return text


def _wires(graph: Any, scene: Scene, look: Look) -> None:
    last = len(scene.parts) - 1
    inner = [_on_wire(part) if i < last else "" for i, part in enumerate(scene.parts)]
    # plates of equal size: where their widths differ, Graphviz leaves gaps in the wires
    width = max(
        max(_room(part.data) + len(inner[i]), _room(part.grad))
        for i, part in enumerate(scene.parts)
    )
    size = f'width="{max(42, 7 * width + 4)}" height="{20 if any(inner) else 17}"'
    for i, part in enumerate(scene.parts):
        plate = _plate(part, inner[i], size, f"v{i}", look)
        graph.node(f"v{i}", plate, shape="plain", id=f"v{i}")
        if part.gate is not None:
            _gate(graph, f"o{i}", part.gate, LIT_GATE if f"o{i}" in look.lit else GATE)
        elif part.label:
            graph.node(f"o{i}", _end(part.label), shape="plain")
        if part.gate is not None or part.label:
            wire = {"arrowhead": "none", "weight": "8", **_lit(f"s{i}", look)}
            graph.edge(f"o{i}", f"v{i}:w", id=f"s{i}", **wire)
        # where the order of two inputs matters, the first enters above the second
        ports = (":nw", ":sw") if part.ordered and len(part.inputs) == 2 else ("", "")
        for position, j in enumerate(part.inputs):
            port = ports[position] if position < 2 else ""
            name = f"e{i}_{position}"
            graph.edge(f"v{j}:e", f"o{i}{port}", id=name, **_lit(name, look))
    if scene.parts[last].gate is not None:
        graph.node("out", _end(scene.parts[last].label), shape="plain")
        graph.edge(f"v{last}:e", "out")
    leaves = scene.leaves()
    if 1 < len(leaves) <= _COLUMN:
        _column(graph, scene, leaves)


def _column(graph: Any, scene: Scene, leaves: list[int]) -> None:
    """The leaves in one column on the left, in order."""
    labelled = [i for i in leaves if scene.parts[i].label]
    for rank, prefix, members in (("source", "o", labelled), ("same", "v", leaves)):
        names = [f"{prefix}{i}" for i in members]
        with graph.subgraph() as column:
            column.attr(rank=rank if labelled else "source")
            for name in names:
                column.node(name)
        for above, below in pairwise(names):
            graph.edge(above, below, style="invis")


def _lit(name: str, look: Look) -> dict[str, str]:
    """A wire that is lit is not thicker: arrowheads would move."""
    return {"color": LIT_WIRE} if name in look.lit else {}


def _boxes(graph: Any, scene: Scene, look: Look) -> None:
    for i, part in enumerate(scene.parts):
        cells = [
            _name(part.label) if part.label else "",
            f"data {number(part.data)}",
            f"grad {number(part.grad)}",
        ]
        row = "".join(f"<td>{cell}</td>" for cell in cells if cell)
        table = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="6"><tr>{row}</tr>'
        graph.node(f"v{i}", f"<{table}</table>>", shape="plain", id=f"v{i}")
        if part.gate is not None:
            _gate(graph, f"o{i}", part.gate)
            graph.edge(f"o{i}", f"v{i}", id=f"s{i}")
        for position, j in enumerate(part.inputs):
            graph.edge(f"v{j}", f"o{i}", id=f"e{i}_{position}")


_DRAWN = {"wires": _wires, "box": _boxes}
STYLES = tuple(_DRAWN)


def _gate(graph: Any, name: str, text: str, fill: str = GATE) -> None:
    from graphviz import escape as plain  # its backslashes and brackets mean nothing

    look = {"fontsize": "17" if len(text) == 1 else "11.5", "penwidth": "1.3"}
    if len(text) in _CIRCLES:
        look |= {"shape": "circle", "fixedsize": "true", "width": _CIRCLES[len(text)]}
        look["style"] = "filled"
    else:
        look |= {"shape": "box", "style": "filled,rounded", "height": "0.4", "margin": "0.08,0"}
    graph.node(name, plain(text), id=name, fillcolor=fill, **look)


def _plate(part: Part, name: str, size: str, id: str, look: Look) -> str:
    if name:
        name = f'<font point-size="10" color="{NAME}"><i>{_escape(name)}</i></font> '
    rows = (
        ("bottom", name, look.forward, number(part.data), "data"),
        ("top", "", look.gradient, number(part.grad), "grad"),
    )
    cells = "".join(
        f'<tr><td {size} valign="{side}">{before}<font point-size="12" '
        f'color="{"transparent" if (id, slot) in look.hidden else color}">'
        f"{number}</font></td></tr>"
        for side, before, color, number, slot in rows
    )
    color = f'color="{LIT_WIRE}" bgcolor="{LIT_PLATE}"' if id in look.lit else f'color="{INK}"'
    return (
        f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1" rows="*" '
        f"{color}>{cells}</table>>"
    )


def _on_wire(part: Part) -> str:
    """The name of an inner value, its subscript in small characters that don't touch the wire."""
    name = text_name(part.label) if part.gate else ""
    return shorten(name, _LONGEST_NAME)


def _room(x: float | None) -> int:
    """The characters that a number takes; one that is to be guessed may be filled in."""
    return 5 if x is not None and isnan(x) else len(number(x))


def number(x: float | None) -> str:
    """A number on a wire: two places, or two digits where that would be too few or too many."""
    if x is None:
        return "–"
    if isnan(x):
        return "?"
    if 0 < abs(x) < 0.1 or abs(x) >= 1e6:
        return text_number(x, 2)
    return f"{x or 0.0:.2f}".replace("-", "−")  # never −0.00


def _end(label: str) -> str:
    """The label at the end of a wire."""
    if not label:
        return ""
    return (
        '<<table border="0" cellborder="0" cellpadding="2"><tr><td>'
        f'<font point-size="16">{_name(label)}</font></td></tr></table>>'
    )


def _name(label: str) -> str:
    """A label in italics, with its subscript."""
    name, subscript = map(_escape, split_label(shorten(visible(label))))
    lowered = f'<sub><font point-size="10">{subscript}</font></sub>' if subscript else ""
    return f"<i>{name}{lowered}</i>"


def _escape(text: str) -> str:
    """Text for an HTML-like label, where DOT's backslash has a meaning as well."""
    return escape(text).replace("\\", r"\\")
