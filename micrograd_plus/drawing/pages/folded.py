"""A page with a picture whose folds open: each shows a picture of what is inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import brief
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.pages.page import INKS, living, page, resource
from micrograd_plus.drawing.scene.wiring import folded_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.drawing.scene.folds import Fold
    from micrograd_plus.drawing.scene.parts import Scene

_MOST = 300  # pictures on a page
_LONGEST = 4_000_000  # characters of all its pictures together
_AT_ONCE = 10  # pictures that one run of the program lays out
_NEEDLESS = re.compile(r"^.*?(?=<svg)|<!--.*?-->\n?|<title>.*?</title>\n?", re.DOTALL)
_CELL = re.compile(  # of a heat map; such cells are most of a picture
    r'<polygon fill="(#\w+)" stroke="none" points="(\S+),(\S+) \2,(\S+) (\S+),\4 \5,\3 \2,\3"/>\n'
)


def folded_page(
    title: str,
    source: str,
    scene: Scene | None = None,
    draw: Callable[..., str] | None = None,
    bare: bool = False,
) -> str:
    """A page with a picture, and with pictures of what is folded in it, as far as there is room.

    Args:
        title: the page's title.
        source: the picture in DOT.
        scene: what it shows, if that is known.
        draw: writes a scene in DOT, on a given `background`.
        bare: as for `page`.

    Raises:
        LayoutError: no program to lay pictures out is installed, or it failed.
    """
    views, left_out = pictures(source, scene, draw)
    note = "Zoom with the buttons, + and −, or Ctrl and the wheel; drag to move."
    if len(views) > 1:
        note = f"Click on a box, or press Enter on it, to see what is inside. {note}"
    warning = ""
    if left_out:
        warning = (
            f"{left_out:,} of the boxes don't open, as the page would grow too large: draw them "
            "with expand=, or draw a part of the graph."
        )
    return page(title, [(warning, fragment(views))], note, ".mg-folds .mg-picture", bare)


def fragment(views: list[dict[str, Any]]) -> str:
    """Pictures, each of which opens others, as a piece of HTML.

    Args:
        views: what `pictures` gives.
    """
    content = {"views": views, "inks": INKS, "css": resource("stepper.css") + resource("folds.css")}
    return living("mg-stepper mg-folds", "", "folds", content)


def pictures(
    source: str, scene: Scene | None = None, draw: Callable[..., str] | None = None
) -> tuple[list[dict[str, Any]], int]:
    """A picture, the pictures of what is folded in it, and how many are left out for lack of room.

    Args, Raises: as for `folded_page`.
    """
    if scene is None or draw is None:
        return [{"svg": svg, "title": "", "opens": {}} for svg in _laid_out([source])], 0
    return _views(scene, draw)


def _views(scene: Scene, draw: Callable[..., str]) -> tuple[list[dict[str, Any]], int]:
    """The pictures for the script, breadth first, and how many are left out for lack of room.

    Each has its title, the number of the one above it, its SVG, and the numbers of the pictures
    that its parts open to.
    """
    todo: list[tuple[str, int | None, Fold | None, Sequence[int]]] = [("Graph", None, None, ())]
    views: list[dict[str, Any]] = []
    size = 0
    while len(views) < len(todo) and len(views) < _MOST and size < _LONGEST:
        batch = todo[len(views) : min(len(views) + _AT_ONCE, _MOST)]
        scenes = [
            scene if fold is None else folded_scene(fold.flat, fold.parts, outputs)
            for _, _, fold, outputs in batch
        ]
        sources = [draw(inner, background="transparent") for inner in scenes]
        for (name, above, *_), inner, svg in zip(batch, scenes, _laid_out(sources), strict=True):
            size += len(svg)
            if size > _LONGEST and views:
                break
            opens = {}
            for i, part in enumerate(inner.parts):
                if part.inside and part.inside.opens:
                    opens[i] = len(todo)
                    fold = part.inside.fold
                    todo.append((_name(fold), len(views), fold, part.inside.outputs))
            views.append({"title": name, "above": above, "svg": svg, "opens": opens})
    for view in views:
        view["opens"] = {i: k for i, k in view["opens"].items() if k < len(views)}
    return views, len(todo) - len(views)


def _name(fold: Fold) -> str:
    place = f"{fold.place.name}: " if fold.place and fold.place.name else ""
    return brief(place + fold.title, 60)


def _laid_out(sources: list[str]) -> list[str]:
    """Pictures as SVG elements, laid out in one go."""
    pictures = (_NEEDLESS.sub("", svg) for svg in layout.svgs(sources))
    return [_CELL.sub(r'<path fill="\1" d="M\2 \3V\4H\5V\3z"/>', svg) for svg in pictures]
