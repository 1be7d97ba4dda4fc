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

from micrograd_plus.drawing.heatmap import cells, heat_map, painted, strip
from micrograd_plus.errors import did_you_mean
from micrograd_plus.formula import split_label, text_name, text_number
from micrograd_plus.text import shorten, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from micrograd_plus.drawing.scene import Inside, Part, Scene

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
    inner = ["" if part.goes_on else _on_wire(part) for part in scene.parts]
    # plates of equal size: where their widths differ, Graphviz leaves gaps in the wires
    width = max(
        max(_room(part.data) + len(inner[i]), _room(part.grad))
        for i, part in enumerate(scene.parts)
    )
    size = f'width="{max(42, 7 * width + 4)}" height="{20 if any(inner) else 17}"'
    for i, part in enumerate(scene.parts):
        if _carries(part):
            if part.inside and _width(part) > 1:
                plate = _cable(part.inside, look)
            else:
                plate = _plate(part, inner[i], size, f"v{i}", look)
            graph.node(f"v{i}", plate, shape="plain", id=f"v{i}")
        if part.gate is not None:
            _gate(graph, f"o{i}", part, look)
        elif part.label:
            opens = {"id": f"o{i}"} if part.inside else {}
            graph.node(f"o{i}", _end(part.label), shape="plain", **opens)
        if _carries(part) and (part.gate is not None or part.label):
            wire = {"arrowhead": "none", "weight": "8", **_thick(part), **_lit(f"s{i}", look)}
            graph.edge(f"o{i}", f"v{i}:w", id=f"s{i}", **wire)
        # where the order of two inputs matters, the first enters above the second
        ports = (":nw", ":sw") if part.ordered and len(part.inputs) == 2 else ("", "")
        for position, j in enumerate(part.inputs):
            port = ":w" if part.inside else ports[position] if position < 2 else ""
            name = f"e{i}_{position}"
            wire = {**_thick(scene.parts[j]), **_lit(name, look)}
            graph.edge(f"v{j}:e", f"o{i}{port}", id=name, **wire)
        _shared(graph, i, part)
        if part.goes_on and part.gate is not None:
            end = "out" if i == last else f"out{i}"
            graph.node(end, _end(part.label), shape="plain")
            graph.edge(f"v{i}:e", end, **_thick(part))
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
        if _carries(part):
            several = part.inside if _width(part) > 1 else None
            plate = _cable(several, look, part.label) if several else f"<{table}</table>>"
            graph.node(f"v{i}", plate, shape="plain", id=f"v{i}")
        if part.gate is not None:
            _gate(graph, f"o{i}", part, look)
            if _carries(part):
                graph.edge(f"o{i}", f"v{i}", id=f"s{i}", **_thick(part))
        for position, j in enumerate(part.inputs):
            graph.edge(f"v{j}", f"o{i}", id=f"e{i}_{position}", **_thick(scene.parts[j]))
        _shared(graph, i, part)


_DRAWN = {"wires": _wires, "box": _boxes}
STYLES = tuple(_DRAWN)


def _gate(graph: Any, name: str, part: Part, look: Look) -> None:
    from graphviz import escape as plain  # its backslashes and brackets mean nothing

    text = part.gate or ""
    if part.inside:
        graph.node(name, _folded(text, part.inside, look), shape="plain", id=name)
        return
    form = {"fontsize": "17" if len(text) == 1 else "11.5", "penwidth": "1.3"}
    if len(text) in _CIRCLES:
        form |= {"shape": "circle", "fixedsize": "true", "width": _CIRCLES[len(text)]}
        form["style"] = "filled"
    else:
        form |= {"shape": "box", "style": "filled,rounded", "height": "0.4", "margin": "0.08,0"}
    fill = LIT_GATE if name in look.lit else GATE
    graph.node(name, plain(text), id=name, fillcolor=fill, **form)


def _shared(graph: Any, i: int, part: Part) -> None:
    """Dashed lines from the folded parts whose parameters this one uses."""
    for j in part.parameters_of:
        graph.edge(f"o{j}", f"o{i}", style="dashed", constraint="false", arrowhead="none")


def _width(part: Part) -> int:
    return len(part.inside.numbers) if part.inside else 1


def _carries(part: Part) -> bool:
    return _width(part) > 0


def _thick(part: Part) -> dict[str, str]:
    """The look of a wire: thick where it stands for several."""
    return {"penwidth": "2.6"} if _width(part) > 1 else {}


def _folded(title: str, inside: Inside, look: Look) -> str:
    """The gate of a fold: what it is, and its parameters as maps, gradients beside them."""
    maps = [
        (side, heat_map(blocks))
        for side, blocks in ((look.forward, inside.data), (look.gradient, inside.grads))
        if blocks
    ]
    span = f'colspan="{max(1, len(maps))}"'
    rows = [f'<td {span}><font point-size="13">{_escape(shorten(visible(title)))}</font></td>']
    rows.append(f"<td {span}>{_small(_escape(shorten(visible(inside.details), 60)), NAME)}</td>")
    if maps:
        for what in (
            [
                _small(name, NAME)
                for name, _ in zip(("parameters", "gradients"), maps, strict=False)
            ],
            [painted(heat) for _, heat in maps],
            [_scale(heat.largest, side) for side, heat in maps],
        ):
            rows.append("".join(f"<td>{cell}</td>" for cell in what))
        averaged = maps[0][1].averaged
        if averaged > 1:
            rows.append(
                f"<td {span}>{_small(f'a cell is the mean of up to {averaged:,}', NAME)}</td>"
            )
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded" '
        f'color="{INK}" bgcolor="{GATE}">{lines}</table>>'
    )


def _scale(largest: float, side: str) -> str:
    """The colours from the least number to the largest one, 0 in the middle."""
    bar = cells([[k / 4 for k in range(-4, 5)]], 1.0, 6, 7)
    least, most = (_small(number(x), side) for x in (-largest, largest))
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
        f"<tr><td>{least}</td><td>{bar}</td><td>{most}</td></tr></table>"
    )


def _small(text: str, ink: str) -> str:
    return f'<font point-size="9" color="{ink}">{text}</font>'


def _cable(inside: Inside, look: Look, name: str = "") -> str:
    """The plate of a wire that stands for several: their range, and each as a colour."""
    data = [x for x, _ in inside.numbers if x is not None]
    grads = [x for _, x in inside.numbers if x is not None]
    above = [
        f"<tr><td><i>{_name(name)}</i></td></tr>" if name else "",
        _range(data, look.forward),
        _strip(data),
    ]
    below = [_strip(grads), _range(grads, look.gradient)]
    return (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">'
        f"{''.join(above)}<hr/>{''.join(below)}</table>>"
    )


def _range(numbers: list[float], side: str) -> str:
    text = f"{number(min(numbers))} … {number(max(numbers))}" if numbers else number(None)
    return f'<tr><td><font point-size="11" color="{side}">{text}</font></td></tr>'


def _strip(numbers: list[float]) -> str:
    return f"<tr><td>{strip(numbers)}</td></tr>" if numbers else ""


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
