"""A walkthrough as frames: a picture per step, in one layout, with the step's parts highlighted."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.files import write_all
from micrograd_plus._tools.text import broken
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.look import ACCESSIBLE, Look
from micrograd_plus.drawing.scene.parts import Scene, scene
from micrograd_plus.graph import order
from micrograd_plus.graph.places import parameters

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.drawing.scene.parts import Numbers
    from micrograd_plus.engine import Value
    from micrograd_plus.walk.steps import Step, Walk

FORMATS = ("svg", "png", "pdf")

_FRAME = re.compile(r"\d{2,}-(?:given|forward|backward)")
_WIDTH = re.compile(r'<svg width="([\d.]+)pt"')
_COLUMNS, _CHARACTER = 40, 7.5  # of a line below a frame at least, and the room of a character
_MANY = 30  # frames take a second or more
_UNSEEN = re.compile(r'<text [^>]*fill="(?:transparent|#fffffe)"[^>]*>[^<]*</text>\n?')


def walked(walk: Walk, limit: int, numbers: Callable[[Value], Numbers] | None = None) -> Scene:
    """The scene of a walk, with all of its names and numbers.

    Args:
        walk: the walk.
        limit: the largest number of nodes to draw.
        numbers: gives the number and gradient to draw for a value, instead of its own.

    Raises:
        GraphTooLargeError: there are more nodes than `limit`.
    """
    name = walk.names.__getitem__
    if numbers:
        return scene(walk.root, limit, name, numbers, walk.gates, {})
    found = scene(walk.root, limit, name, walk.numbers, walk.gates, walk.shares)
    found = _as_network(walk, found) or found
    return found._replace(others=[change.number for step in walk for change in step.changes])


def _as_network(walk: Walk, picture: Scene) -> Scene | None:
    """The picture of a walk through a network that has a place for each value, if it is one."""
    if not parameters(picture.nodes) or len(picture.nodes) != len(order(walk.root)):
        return None  # there are no neurons, or a gate is taken apart or σ
    from micrograd_plus.drawing.scene.network import complete, network

    found = network(walk.root, walk.names.__getitem__, walk.numbers)
    return found._replace(complete=True) if found and complete(found) else None


def lit(step: Step, places: dict[Value, int]) -> list[str]:
    """The ids of the parts of the picture that a step is about.

    Args:
        step: the step.
        places: of each value in the scene.
    """
    if step.node is None:
        return []
    i = places[step.node]
    if step.edge:
        gate, position = step.edge
        edge = f"{places[gate]}_{position}"
        return [f"v{i}", f"s{i}", f"o{places[gate]}", f"f{edge}", f"b{edge}", f"e{edge}"]
    return [f"v{i}", f"s{i}", *([f"o{i}"] if step.phase == "forward" else [])]


def frame_sources(
    picture: Scene, steps: Sequence[Step], look: Look = ACCESSIBLE, sentences: bool = False
) -> Iterator[str]:
    """The DOT source of each step's frame; Graphviz gives all of them the same layout.

    Args:
        picture: the scene of the walk, see `walked`.
        steps: the steps.
        look: the colours of the numbers.
        sentences: whether each has its step's sentence below the picture.

    Raises:
        LayoutError: as for `write_frames`, with sentences.
    """
    places = picture.places
    width, captions = _captions(picture, steps) if sentences else (0, [()] * len(steps))
    hidden = {(f"v{i}", slot) for i in places.values() for slot in ("data", "grad")}
    hidden |= {
        (f"b{i}_{x.position}", "grad")
        for i, part in enumerate(picture.parts)
        for x in part.operands
    }
    parts = list(picture.parts)
    for step, caption in zip(steps, captions, strict=True):
        for node, slot, number in step.changes:
            i = places[node]
            part = parts[i]
            parts[i] = part._replace(data=number) if slot == "data" else part._replace(grad=number)
            hidden.discard((f"v{i}", slot))
        lights = lit(step, places)
        hidden -= {(part, "grad") for part in lights if part[0] == "b"}
        shown = look._replace(lit=lights, hidden=hidden)
        so_far = picture._replace(parts=parts)
        yield as_dot(so_far, caption=caption, look=shown, width=width)


def _captions(picture: Scene, steps: Sequence[Step]) -> tuple[int, list[Sequence[str]]]:
    """The lines below each frame, as many for all, and the width that all of them have."""
    svg = layout.render(as_dot(picture), "svg").decode()
    wide = float(_WIDTH.findall(svg)[0])
    columns = max(_COLUMNS, int(wide / _CHARACTER))
    lines = [broken(step.text, columns) for step in steps]
    most = max(map(len, lines))
    return int(columns * _CHARACTER), [[*told, *[" "] * (most - len(told))] for told in lines]


def write_frames(
    folder: str | os.PathLike[str],
    steps: Sequence[Step],
    sources: Iterator[str],
    format: str = "svg",
) -> list[Path]:
    """Write the frames of a walk, all or none; they replace those of an earlier walk.

    Args:
        folder: where to; it is created if it does not exist.
        steps: the steps.
        sources: the DOT source of each.
        format: one of `FORMATS`; frames of this format that were there before are removed.

    Returns:
        The paths of the files, in order.

    Raises:
        ValueError: there is no such format.
        LayoutError: no program for the format is installed, or it failed.
        OSError: the folder can't be written.
    """
    if format not in FORMATS:
        raise ValueError(choose("there is no format", format, FORMATS))
    from micrograd_plus._tools.progress import progress  # loads modules that other walks don't need

    folder = Path(folder)
    fresh = not folder.exists()
    folder.mkdir(exist_ok=True)
    digits = max(2, len(str(len(steps))))
    try:
        with progress(None if len(steps) > _MANY else False, len(steps), 0, "frames") as advance:

            def frames() -> Iterator[tuple[Path, bytes]]:
                for i, (step, source) in enumerate(zip(steps, sources, strict=True), start=1):
                    data = layout.render(source, format)
                    if format == "svg":
                        data = _UNSEEN.sub("", data.decode()).encode()
                    yield folder / f"{i:0{digits}}-{step.phase}.{format}", data
                    advance("frame {} of {}", i, len(steps))

            written = write_all(frames())
    except BaseException:
        if fresh:
            with suppress(OSError):
                folder.rmdir()
        raise
    for path in {*folder.iterdir()} - {*written}:
        if _FRAME.fullmatch(path.stem) and path.suffix == f".{format}":
            path.unlink()
    return written
