"""The slides of a walkthrough: one per step, the picture above and the sentence below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus._tools import files
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus._tools.text import broken, short, shorten
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.frames import frame_sources, walked
from micrograd_plus.drawing.look import NAME, TEXT
from micrograd_plus.drawing.slides.beamer import beamer
from micrograd_plus.drawing.slides.marks import Mark, Text, drawn, moved
from micrograd_plus.drawing.slides.paint import gif, pdf
from micrograd_plus.drawing.slides.web import web

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from micrograd_plus.drawing.walkthrough import Walkthrough

_MARGIN, _PICTURE, _SENTENCE = 0.04, 0.72, 0.77  # as shares of the height: margin, end, beginning
_LARGEST, _SMALLEST = 0.055, 0.02  # the size of a sentence
_NUMBER, _FONT = (
    0.09,
    12,
)  # how large a number on a wire is at most; and it is 12 points in pictures
_CHARACTER, _SPACING = 0.56, 1.3  # the width of a character and the distance of lines, by the size


class Deck(NamedTuple):
    """Slides of one size, and what is on each.

    Attributes:
        size: the width and height of a slide in pixels.
        slides: the marks on each, those below before those on top.
        sentences: each step's, as plain text.
        latex: each step's, for math mode.
        said: where the sentence stands: left, top, its width, and the size of its font.
        colors: the colour of each sentence.
        seconds: for how long each is shown, if they are not turned by hand.
        title: that of all.
    """

    size: tuple[int, int]
    slides: list[list[Mark]]
    sentences: list[str]
    latex: list[str]
    said: tuple[float, float, float, float]
    colors: list[str]
    seconds: float
    title: str

    def changing(self) -> dict[Mark, list[int]]:
        """Each mark once, and the numbers of the slides that it is on; those below come first."""
        found: dict[Mark, list[int]] = {}
        for i, marks in enumerate(self.slides):
            for mark in marks:
                found.setdefault(mark, []).append(i)
        return dict(sorted(found.items(), key=lambda item: isinstance(item[0], Text)))


_WRITTEN = {"html": web, "pdf": pdf, "tex": beamer, "gif": gif}


def write_slides(
    path: str | os.PathLike[str], walk: Walkthrough, size: tuple[int, int], seconds: float
) -> Path:
    """Write a walkthrough as slides, in the format that the ending of the file names.

    Args, Raises: as for `Walkthrough.slides`.
    """
    path = Path(path)
    format = path.suffix[1:].lower()
    if format not in _WRITTEN:
        hint = did_you_mean(format, _WRITTEN)
        known = ", ".join(f".{ending}" for ending in _WRITTEN)
        raise ValueError(f"{path}: there are no slides in {short(format)}{hint}; end it in {known}")
    if not (len(size) == 2 and all(type(side) is int and 100 <= side <= 10_000 for side in size)):
        raise ValueError(
            f"size must be a width and a height of 100 to 10,000 pixels, not {short(size)}"
        )
    if not 0.02 <= seconds <= 600:
        raise ValueError(f"seconds must be from 0.02 to 600, not {short(seconds)}")
    return files.write(path, _WRITTEN[format](deck(walk, size, seconds, path.stem)))


def deck(walk: Walkthrough, size: tuple[int, int], seconds: float, title: str) -> Deck:
    """The slides of a walk: its frames, which have one layout, as large as there is room."""
    width, height = size
    sources = frame_sources(walked(walk, walk.limit), walk, walk.look)
    drawings = [drawn(svg[svg.index("<svg") :]) for svg in layout.svgs(sources)]
    margin = _MARGIN * height
    wide, tall = width - 2 * margin, _PICTURE * height - margin
    room = max(drawing.width for drawing in drawings), max(drawing.height for drawing in drawings)
    scale = min(wide / room[0], tall / room[1], _NUMBER * height / _FONT)
    left, top = (width - scale * room[0]) / 2, margin + (tall - scale * room[1]) / 2
    sentences = [step.text for step in walk]
    font, lines = _wrapped(sentences, wide, height * (1 - _SENTENCE) - margin, height)
    inks = {"given": TEXT, "forward": walk.look.forward, "backward": walk.look.gradient}
    said = margin, _SENTENCE * height, wide, font
    slides = []
    for i, (drawing, step) in enumerate(zip(drawings, walk, strict=True)):
        marks = moved(drawing.marks, lambda x, y: (left + scale * x, top + scale * y), scale)
        marks += _said(lines[i], said, inks[step.phase])
        corner = width - margin, height - 0.4 * margin
        count = f"{i + 1} / {len(walk)}"
        slides.append([*marks, Text(corner, "end", 0.02 * height, NAME, False, count)])
    latex, colors = [step.latex for step in walk], [inks[step.phase] for step in walk]
    return Deck(size, slides, sentences, latex, said, colors, seconds, title)


def _wrapped(
    sentences: Sequence[str], wide: float, tall: float, height: float
) -> tuple[float, list[list[str]]]:
    """The largest size in which all sentences have room, and the lines of each in it."""
    size = _LARGEST * height
    while True:
        count, columns = int(tall / (_SPACING * size)), int(wide / (_CHARACTER * size))
        lines = [broken(sentence, columns) for sentence in sentences]
        longest = max(len(line) for some in lines for line in some)  # words are not broken
        if max(map(len, lines)) <= count and longest <= columns:
            return size, lines
        if size <= _SMALLEST * height:
            cut = (shorten(sentence, count * columns * 4 // 5) for sentence in sentences)
            return size, [broken(sentence, columns)[:count] for sentence in cut]
        size *= 0.95


def _said(lines: Sequence[str], said: tuple[float, float, float, float], color: str) -> list[Mark]:
    left, top, _, size = said
    return [
        Text((left, top + (1 + _SPACING * k) * size), "start", size, color, False, line)
        for k, line in enumerate(lines)
    ]
