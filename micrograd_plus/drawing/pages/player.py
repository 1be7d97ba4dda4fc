"""A page to play with: it computes the graph itself, by JavaScript that is made from the table."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.pages import stepper
from micrograd_plus.drawing.pages.figured import Figures
from micrograd_plus.drawing.pages.page import image, living, resource
from micrograd_plus.drawing.pages.panel import ROOM, TOLD, held, room_for, roomy
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from micrograd_plus.drawing.pages.panel import Panel

NOTE = (
    "Move a slider, type a number, or drag a number on a wire to the left or right: values and "
    "gradients follow."
)


def fragment(panel: Panel) -> str:
    """A graph to play with, as a piece of HTML that needs no Python.

    Args:
        panel: its fields, and the numbers to begin with.

    Raises:
        TraceError: a function may record another graph for other numbers.
        GraphTooLargeError, LayoutError: as for `Walkthrough.to_html`.
    """
    root, leaves = panel.same_for_all()
    figures = Figures()
    walk, look = panel.walk(root, arithmetic=figures), panel.look
    picture = roomy(walk, _room(panel))
    places = picture.places
    given = {leaf: i for i, leaf in enumerate(walk.leaves)}
    drawn = {**stepper.content(picture, walk, look), "held": held(leaves, picture)}
    content = {
        "state": {
            **panel.state,
            "told": {name: drawn.pop(name) for name in TOLD},
            "picture": drawn,
        },
        "told": ["told"],  # what changes with the numbers
        "given": [leaf.data for leaf in given],
        "leaves": {name: given[leaf] for name, leaf in leaves.items() if leaf in given},
        "css": resource("play.css"),
        **figures.content({name: places[node] for node, name in walk.names.items()}),
    }
    still = image(as_dot(picture, look=look), "\n".join(step.text for step in panel.view.walk))
    return living("mg-player", still, "player", content, figures.function())


def _room(panel: Panel) -> int:
    """The digits that the widest number takes that sliders lead to, each moved alone."""
    room = ROOM
    for field in panel.fields:
        for number in (field.low, field.high):
            with suppress(NonFiniteError, ValueError):
                root, _ = panel.recorded(panel.numbers | {field.name: number})
                gradients = adjoints(root)
                numbers = [*(x.data for x in gradients), *gradients.values()]
                room = max(room, room_for(numbers, panel.look))
    return room
