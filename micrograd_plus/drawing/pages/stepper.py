"""A walkthrough as HTML: a picture with buttons, a slider and the sentence of each step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import short
from micrograd_plus.drawing.dot import labels, layout
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import lit, walked
from micrograd_plus.drawing.look import STAGE, Look
from micrograd_plus.drawing.pages.page import INKS, image, living, resource
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.walk.formula import Name, operands, write
from micrograd_plus.walk.paths import along, counted, largest

if TYPE_CHECKING:
    from micrograd_plus.drawing.scene.parts import Scene
    from micrograd_plus.engine import Value
    from micrograd_plus.walk.steps import Step, Walk

NOTE = (
    "Values stand above the wires, gradients below. Step with the buttons, the slider, the arrow "
    "keys, or Page Up and Page Down. Click on a wire, or press Enter on it, to see every path to "
    "the output. Zoom with Ctrl and the wheel, or the keys + − 0; F fills the screen."
)
_MOST = 4  # paths that are listed for a wire


def fragment(walk: Walk, limit: int = LIMIT, look: Look = STAGE, card: Value | None = None) -> str:
    """A walkthrough as a piece of HTML, for a page or for a notebook's cell.

    Args, Raises: as for `walked`, with `look` for how the numbers on the wires look, and `card` for
    a value whose paths are shown at first, if the picture has its wire, or else a ValueError; and
    LayoutError as for `layout.render`.
    """
    picture = walked(walk, limit)
    if card is not None and card not in picture.places:
        raise ValueError(f"the picture has no wire of {short(card)}: give a Value of this graph")
    source = as_dot(picture._replace(complete=False))
    sentences = "\n".join(step.text for step in walk)
    still, told = layout.together(
        lambda: image(source, sentences), lambda: content(picture, walk, look)
    )
    if other := walk.other():
        told["other"] = content(walked(other, limit), other, look)
        told["sigma"], told["other"]["sigma"] = walk.sigma, other.sigma
    if card is not None:
        told["card"] = f"v{picture.places[card]}"
    return living("mg-stepper", still, "stepper", told)


def content(picture: Scene, walk: Walk, look: Look = STAGE) -> dict[str, Any]:
    """A walkthrough as JSON data for the script."""
    source = as_dot(picture, background="transparent", look=look)
    colors = {"forward": look.forward, "gradient": look.gradient}
    return {
        "svg": layout.render(source, "svg").decode(),
        "css": resource("stepper.css"),
        "inks": {look.forward: "forward", look.gradient: "gradient", **INKS},
        # the style sheet has the accessible ones, in light and dark
        "colors": {} if look[:2] == STAGE[:2] else colors,
        "output": text_name(walk.names[walk.root]),
        **told(picture, walk, look),
    }


def told(picture: Scene, walk: Walk, look: Look = STAGE) -> dict[str, Any]:
    """The steps, and what is to be known of each wire, as data for the script."""
    places = picture.places
    steps = []
    for step in walk:
        made = step.edge[0] if step.edge else step.node
        parts = lit(step, places)
        shown: dict[str, Any] = {
            "phase": step.phase,
            "text": step.text,
            "lit": parts,
            "share": next((part for part in parts if part[0] == "b"), None),
            "changes": [
                (f"v{places[node]}", slot, labels.number(number, look.digits))
                for node, slot, number in step.changes
            ],
            "line": "" if made is None else walk.lines.get(made, ""),
        }
        if step.edge and step.node is not None:
            above = places[step.edge[0]]
            at = {"above": f"v{above}", "gate": f"o{above}", "wire": f"e{above}_{step.edge[1]}"}
            shown["edge"] = at | _names(walk, *step.edge) | _numbers(step, walk.digits)
        steps.append(shown)
    wires = {f"v{places[node]}": wire for node, wire in _wires(walk).items()}
    return {"steps": steps, "wires": wires}


def _names(walk: Walk, gate: Value, position: int) -> dict[str, str]:
    """The names in the local derivative along an edge."""
    args = walk.gates[gate][1]
    by = Name(walk.names[args[position]], operands(args)[position])
    return {"of": text_name(walk.names[gate]), "by": write(by)}


def _numbers(step: Step, digits: int) -> dict[str, str]:
    """The chain rule along an edge in numbers."""
    if step.upstream is None or step.local is None:
        return {}
    share = step.upstream * step.local
    numbers = {"upstream": step.upstream, "local": step.local, "share": share}
    return {name: text_number(x, digits) for name, x in numbers.items()}


def _wires(walk: Walk) -> dict[Value, dict[str, Any]]:
    """For each value its name and numbers, and the largest paths, as numbers of steps."""
    edges = (
        (step.edge[0], step.node, step.local, i)
        for i, step in enumerate(walk)
        if step.edge and step.node is not None and step.local is not None
    )
    written = partial(text_number, digits=walk.digits)
    best, count = largest(edges, walk.root, _MOST)
    found = {}
    for node, name in walk.names.items():
        paths, more = best[node], count[node] - len(best[node])
        found[node] = {
            "name": text_name(name),
            "value": written(walk.data[node]),
            "gradient": written(walk.grad[node]),
            "paths": [{"steps": along(way), "product": written(product)} for product, way in paths],
            "more": counted(more) if more else "",
            "rest": written(walk.grad[node] - sum(x for x, _ in paths)) if more else "",
        }
    return found
