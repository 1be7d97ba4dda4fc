"""A walkthrough as HTML: a picture with buttons, a slider and the sentence of each step.

A fragment is an image and a script that puts the living picture in its place: where scripts may
not run, as in a notebook that is not trusted, the image stays.
"""

from __future__ import annotations

import json
from hashlib import sha256
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from micrograd_plus import walkthrough
from micrograd_plus.drawing import dot, labels, layout
from micrograd_plus.drawing.frames import lit, walked
from micrograd_plus.drawing.look import (
    ACCESSIBLE,
    FORWARD,
    GATE,
    GRADIENT,
    INK,
    NAME,
    TEXT,
    Look,
)
from micrograd_plus.drawing.scene import LIMIT
from micrograd_plus.gates import made
from micrograd_plus.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene import Scene
    from micrograd_plus.engine import Value
    from micrograd_plus.walkthrough import Step

INKS = {
    FORWARD: "forward",
    GRADIENT: "gradient",
    INK: "line",
    TEXT: "text",
    NAME: "name",
    GATE: "gate",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ color-scheme: light dark; max-width: 76rem; margin: 2rem auto; padding: 0 1rem;
  font: 16px/1.5 system-ui, Helvetica, Arial, sans-serif;
  background: light-dark(#ffffff, #111827); color: light-dark(#0f172a, #e5e7eb); }}
h1 {{ font-size: 1.5rem; }}
h2 {{ font-size: 1.15rem; margin-top: 2.5rem; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{note}</p>
{sections}
<script>document.querySelector("{focus}")?.focus({{ preventScroll: true }});</script>
</body>
</html>
"""
_STEPPING = (
    "Values stand above the wires, gradients below. Step with the buttons, the slider, or the "
    "arrow keys; zoom with Ctrl and the wheel, or the keys + − 0."
)


def page(
    title: str,
    sections: Sequence[tuple[str, str]],
    note: str = _STEPPING,
    focus: str = ".mg-stepper",
) -> str:
    """A self-contained page, which needs no network.

    Args:
        title: the page's title.
        sections: the heading, "" for none, and the fragment of each walkthrough.
        note: a sentence below the title.
        focus: the CSS selector of what the keyboard is for at first.
    """
    body = "\n".join(
        (f"<h2>{_text(heading)}</h2>\n" if heading else "") + content
        for heading, content in sections
    )
    return _PAGE.format(title=_text(title), sections=body, note=_text(note), focus=focus)


def fragment(
    root: Value,
    steps: Sequence[Step],
    limit: int = LIMIT,
    look: Look = ACCESSIBLE,
    fold: bool = False,
) -> str:
    """A walkthrough as a piece of HTML, for a page or for a notebook's cell.

    Args:
        root: the value that the walkthrough leads to.
        steps: its steps.
        limit: the largest number of nodes to draw.
        look: how the numbers on the wires look.
        fold: whether it has σ for 1 / (1 + exp(−x)).

    Raises:
        GraphTooLargeError: the graph has more nodes than `limit`.
        LayoutError: as for `draw`.
    """
    picture = walked(root, steps, limit, fold)
    image = layout.image(dot.source(picture, look=look))
    walk = content(picture, steps, look)
    if len(made(root, fold=True)) < len(made(root)):  # it can be folded, or opened
        others = walkthrough.steps(root, not fold)
        walk["other"] = content(walked(root, others, limit, not fold), others, look)
        walk["folded"], walk["other"]["folded"] = fold, not fold
    sentences = escape("\n".join(step.text for step in steps))
    still = f'<img alt="{sentences}" style="max-width: 100%" src="{image}">'
    return living("mg-stepper", still, f"({script()})", walk)


def living(classes: str, still: str, script: str, content: Any, *scripts: str) -> str:
    """An element that shows something still until a script makes it live, and that script.

    Args:
        classes: the element's.
        still: what is in it where scripts may not run.
        script: a JavaScript function of the element, of the content and of other functions.
        content: what the script is told.
        scripts: the other functions.
    """
    given = ",\n".join([in_script(content), *scripts])
    name = sha256(given.encode()).hexdigest()[:12]
    return (
        f'<div class="{classes}" data-living="{name}">{still}</div>\n'
        f'<script>{resource("living.js").strip()}("{name}", (root) =>\n'
        f"{script}(root, {given}));</script>"
    )


def script() -> str:
    """A JavaScript function of an element and of a walk's content, which shows it there."""
    parts = [resource(name).strip() for name in ("stepper.js", "picture.js", "zoom.js")]
    return f"(root, walk) =>\n{parts[0]}(root, walk,\n{parts[1]},\n{parts[2]})"


def content(picture: Scene, steps: Sequence[Step], look: Look = ACCESSIBLE) -> dict[str, Any]:
    """What the script needs to know of a walkthrough, as JSON has it."""
    source = dot.source(picture, background="transparent", look=look)
    numbers = {"forward": look.forward, "gradient": look.gradient}
    return {
        "svg": layout.render(source, "svg").decode(),
        "css": resource("stepper.css"),
        "inks": {look.forward: "forward", look.gradient: "gradient", **INKS},
        # the style sheet has the accessible ones, in light and dark
        "colors": {} if look == ACCESSIBLE else numbers,
        "plates": [f"v{i}" for i in range(len(picture.nodes))],
        "steps": told(picture, steps),
    }


def told(picture: Scene, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps as the script wants them."""
    index = {node: i for i, node in enumerate(picture.nodes)}
    return [_step(step, index) for step in steps]


def _step(step: Step, index: dict[Value, int]) -> dict[str, Any]:
    """A step as the script wants it."""
    changes = [
        (f"v{index[change.node]}", change.slot, labels.number(change.number))
        for change in step.changes
    ]
    return {"phase": step.phase, "text": step.text, "lit": lit(step, index), "changes": changes}


def _text(text: str) -> str:
    return escape(visible(text))


def in_script(content: Any) -> str:
    """JSON that can't end the script it stands in."""
    return json.dumps(content, separators=(",", ":")).replace("<", r"\u003c")


def resource(name: str) -> str:
    """The text of a file beside this module."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
