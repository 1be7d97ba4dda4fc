"""A scene as DOT source: a node for each gate and wire plate, and the edges between them."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import choose
from micrograd_plus.drawing.dot import heatmap, labels
from micrograd_plus.drawing.dot.network import Network
from micrograd_plus.drawing.look import (
    ACCESSIBLE,
    Look,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene.parts import Part, Scene

_SEVERAL = 6  # wires into a gate: more of them need room to fan out
_COLUMN = 12  # up to so many leaves stand in one column, in order
_EXACT = 100  # up to so many nodes wires are laid as straight as possible; of 400 it takes a minute
_CIRCLES = {1: "0.4", 2: "0.46", 3: "0.46", 4: "0.55"}  # widths, by the characters inside


def as_dot(
    scene: Scene,
    style: str = "wires",
    background: str = "white",
    caption: Sequence[str] = (),
    look: Look = ACCESSIBLE,
    width: int = 0,
) -> str:
    """The DOT source of a scene.

    Args:
        scene: what to draw.
        style: "wires" for numbers on the wires, "box" for a box with data and grad for each value.
        background: a colour's name, "#" and six hexadecimal digits, or "transparent".
        caption: lines of text to stand below.
        look: how the numbers on the wires look.
        width: the least that these lines take, in points.

    Raises:
        ValueError: there is no such style, or `background` is not of that form.
    """
    from graphviz import Digraph  # loaded only for drawing

    if style not in STYLES:
        raise ValueError(choose("there is no style", style, STYLES))
    look = look.on(background)
    graph = Digraph(
        graph_attr={
            "rankdir": "LR",
            "nodesep": "0.22",
            "ranksep": f"{2.88 / look.points:.2f}",
            "bgcolor": look.background,
            "pad": "0.08",
            "margin": "0",
        },
        node_attr={"fontname": "Helvetica", "color": look.ink, "fontcolor": look.text},
        edge_attr={"color": look.ink, "penwidth": "1", "arrowsize": "0.55"},
    )
    if len(scene.parts) > _EXACT:
        graph.attr(nslimit="3")
    if caption:
        label = labels.caption(caption, look, width)
        graph.attr(label=label, labelloc="b", labeljust="l", fontname="Helvetica")
    if scene.neurons:
        Network(graph, scene, look, partial(_gate, graph, look=look)).draw()
    else:
        _DRAWN[style](graph, scene, look)
    text: str = graph.source
    return text


def _wires(graph: Any, scene: Scene, look: Look) -> None:
    last = len(scene.parts) - 1
    size = labels.plate_size(scene.parts, look, scene.others)
    width = labels.share_width(scene.parts, look)
    plates = _first_plates(scene)
    scattered = len(plates) > _COLUMN
    for i, part in enumerate(scene.parts):
        together = scattered and part.gate is None and part.label and not part.inside
        if part.carried:
            if part.inside and part.carried > 1:
                plate = heatmap.cable(part.inside, look)
            else:
                plate = labels.plate(part, size, f"v{i}", look)
            plate = labels.leaf(part, plate) if together else plate
            tooltip = labels.tooltip(part, f"v{i}", look)
            graph.node(f"v{i}", plate, shape="plain", id=f"v{i}", tooltip=tooltip)
        if part.gate is not None:
            _gate(graph, f"o{i}", part, look)
        elif part.label and not together:
            graph.node(f"o{i}", labels.end(part.label), shape="plain", id=f"o{i}")
        if part.carried and not together and (part.gate is not None or part.label):
            wire = {"arrowhead": "none", "weight": "8", **_thick(part), **_lit(f"s{i}", look)}
            graph.edge(f"o{i}", f"v{i}:w", id=f"s{i}", **wire)
        ports = _ports(part)
        for position, source, share in part.arriving:
            name, target = f"e{i}_{position}", f"o{i}{ports[position]}"
            if isinstance(source, float):
                _constant(graph, f"c{i}_{position}", source, look)
                graph.edge(f"c{i}_{position}", target, id=name, color=look.name)
                continue
            start, wire = f"v{source}:e", {**_thick(scene.parts[source]), **_lit(name, look)}
            if share is not None:
                branch = f"b{i}_{position}"
                graph.node(
                    branch, labels.share(share, width, branch, look), shape="plain", id=branch
                )
                before = {"id": f"f{i}_{position}", "arrowhead": "none", **_lit(name, look)}
                graph.edge(start, f"{branch}:w", **before)
                start = f"{branch}:e"
            if part.terms or len(part.operands) > _SEVERAL:
                wire["minlen"] = str(2 + len(part.operands) // 12)
            graph.edge(start, target, id=name, **wire)
        _shared(graph, i, part)
        if part.goes_on and part.gate is not None:
            end = "out" if i == last else f"out{i}"
            graph.node(end, labels.end(part.label), shape="plain", id=end)
            graph.edge(f"v{i}:e", end, **_thick(part))
    if len(plates) > 1 and not scattered:
        _column(graph, scene, plates)


def _ports(part: Part) -> dict[int, str]:
    """Where each operand enters the gate: pairs together, and the first of two above the second."""
    if part.inside:
        return {operand.position: ":w" for operand in part.operands}
    if part.terms:
        return {position: f":t{k}:w" for k, term in enumerate(part.terms) for position in term}
    places = (
        (":nw", ":sw") if part.ordered and len(part.operands) == 2 else ("",) * len(part.operands)
    )
    return {x.position: place for x, place in zip(part.operands, places, strict=True)}


def _constant(graph: Any, name: str, x: float, look: Look) -> None:
    text = labels.number(x, look.digits)
    graph.node(name, text, shape="plain", fontsize="11", fontcolor=look.name)


def _first_plates(scene: Scene) -> list[str]:
    """The plates of the leaves, and constants that arrive in pairs, in the order of the gates."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    todo: list[tuple[str, int | float]] = [("", len(scene.parts) - 1)]
    while todo:
        name, i = todo.pop()
        if isinstance(i, float):
            found[name] = None
        elif i not in seen:
            seen.add(i)
            part = scene.parts[i]
            if part.gate is None:
                found[f"v{i}"] = None
            for position, source, _ in reversed(part.arriving):
                if part.terms or isinstance(source, int):
                    todo.append((f"c{i}_{position}", source))
    return [*found, *(f"v{i}" for i in scene.leaves() if i not in seen)]


def _column(graph: Any, scene: Scene, plates: list[str]) -> None:
    """Put the leaves into one column on the left, in order."""
    labels = {f"v{i}": f"o{i}" for i in scene.leaves() if scene.parts[i].label}
    labelled = [labels[name] for name in plates if name in labels]
    for rank, names in (("source", labelled), ("same", plates)):
        with graph.subgraph() as column:
            column.attr(rank=rank if labelled else "source")
            for name in names:
                column.node(name)
        for above, below in pairwise(names):
            graph.edge(above, below, style="invis")


def _boxes(graph: Any, scene: Scene, look: Look) -> None:
    for i, part in enumerate(scene.parts):
        if part.carried:
            if part.inside and part.carried > 1:
                plate = heatmap.cable(part.inside, look, part.label)
            else:
                plate = labels.box(part, look)
            tooltip = labels.tooltip(part, f"v{i}", look)
            graph.node(f"v{i}", plate, shape="plain", id=f"v{i}", tooltip=tooltip)
        if part.gate is not None:
            _gate(graph, f"o{i}", part, look)
            if part.carried:
                graph.edge(f"o{i}", f"v{i}", id=f"s{i}", **_thick(part))
        ports = _ports(part) if part.terms else {}
        for position, source, _ in part.arriving:
            target, name = f"o{i}{ports.get(position, '')}", f"e{i}_{position}"
            if isinstance(source, float):
                _constant(graph, f"c{i}_{position}", source, look)
                graph.edge(f"c{i}_{position}", target, id=name, color=look.name)
            else:
                graph.edge(f"v{source}", target, id=name, **_thick(scene.parts[source]))
        _shared(graph, i, part)


_DRAWN = {"wires": _wires, "box": _boxes}
STYLES = tuple(_DRAWN)


def _gate(graph: Any, name: str, part: Part, look: Look, **place: str) -> None:
    from graphviz import escape as plain  # backslashes and angle brackets stand for themselves

    text = part.gate or ""
    if part.inside:
        graph.node(name, heatmap.folded(text, part.inside, look), shape="plain", id=name)
        return
    fill = look.lit_gate if name in look.lit else look.gate
    if part.terms:
        graph.node(name, labels.rows(text, part.terms, fill, look), shape="plain", id=name)
        return
    form = {"fontsize": "17" if len(text) == 1 else "11.5", "penwidth": "1.3", **place}
    if len(text) in _CIRCLES:
        form |= {"shape": "circle", "fixedsize": "true", "width": _CIRCLES[len(text)]}
        form["style"] = "filled"
    else:
        form |= {"shape": "box", "style": "filled,rounded", "height": "0.4", "margin": "0.08,0"}
    graph.node(name, plain(text), id=name, fillcolor=fill, **form)


def _shared(graph: Any, i: int, part: Part) -> None:
    """Dashed lines from the folds whose parameters a part uses."""
    for j in part.parameters_of:
        graph.edge(f"o{j}", f"o{i}", style="dashed", constraint="false", arrowhead="none")


def _thick(part: Part) -> dict[str, str]:
    """The width of a wire: thick where it carries several values."""
    return {"penwidth": "2.6"} if part.carried > 1 else {}


def _lit(name: str, look: Look) -> dict[str, str]:
    """The colour of a highlighted wire; its width stays, or arrowheads would move."""
    return {"color": look.lit_wire} if name in look.lit else {}
