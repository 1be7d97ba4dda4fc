"""A walkthrough as HTML: a picture with buttons, a slider and the sentence of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.drawing.dot import labels, layout
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import lit, walked
from micrograd_plus.drawing.look import ACCESSIBLE, Look
from micrograd_plus.drawing.pages.page import INKS, image, living, resource
from micrograd_plus.drawing.scene.parts import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene.parts import Scene
    from micrograd_plus.walk.steps import Step, Walk

NOTE = (
    "Values stand above the wires, gradients below. Step with the buttons, the slider, or the "
    "arrow keys; zoom with Ctrl and the wheel, or the keys + − 0."
)


def fragment(walk: Walk, limit: int = LIMIT, look: Look = ACCESSIBLE) -> str:
    """A walkthrough as a piece of HTML, for a page or for a notebook's cell.

    Args, Raises: as for `walked`, with `look` for how the numbers on the wires look; and
    LayoutError as for `layout.render`.
    """
    picture = walked(walk, limit)
    source, sentences = as_dot(picture, look=look), "\n".join(step.text for step in walk)
    still, told = layout.together(
        lambda: image(source, sentences), lambda: content(picture, walk, look)
    )
    if other := walk.other():
        told["other"] = content(walked(other, limit), other, look)
        told["sigma"], told["other"]["sigma"] = walk.sigma, other.sigma
    return living("mg-stepper", still, "stepper", told)


def content(picture: Scene, steps: Sequence[Step], look: Look = ACCESSIBLE) -> dict[str, Any]:
    """A walkthrough as JSON data for the script."""
    source = as_dot(picture, background="transparent", look=look)
    colors = {"forward": look.forward, "gradient": look.gradient}
    return {
        "svg": layout.render(source, "svg").decode(),
        "css": resource("stepper.css"),
        "inks": {look.forward: "forward", look.gradient: "gradient", **INKS},
        # the style sheet has the accessible ones, in light and dark
        "colors": {} if look == ACCESSIBLE else colors,
        "plates": [f"v{i}" for i in range(len(picture.nodes))],
        "steps": told_steps(picture, steps, look),
    }


def told_steps(
    picture: Scene, steps: Sequence[Step], look: Look = ACCESSIBLE
) -> list[dict[str, Any]]:
    """The steps as data for the script."""
    places = picture.places
    return [
        {
            "phase": step.phase,
            "text": step.text,
            "lit": (parts := lit(step, places)),
            "share": next((part for part in parts if part[0] == "b"), None),
            "changes": [
                (f"v{places[node]}", slot, labels.number(number, look.digits))
                for node, slot, number in step.changes
            ],
        }
        for step in steps
    ]
