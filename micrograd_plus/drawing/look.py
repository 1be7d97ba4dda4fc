"""How a picture looks: the colours of numbers, of gates and wires, and of highlighted parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.errors import choose, did_you_mean
from micrograd_plus._tools.numbers import checked_digits
from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from collections.abc import Collection

FORWARD, GRADIENT = "#047857", "#c73200"
INK, TEXT, NAME, GATE = "#334155", "#0f172a", "#5b6b80", "#f8fafc"
LIT_WIRE, LIT_GATE, LIT_PLATE = "#b45309", "#fde68a", "#fef9c3"
CONTRAST = 4.5
"""The least contrast between a text and what is behind it, by WCAG 2.2, level AA."""
_WHITE, _BLACK = "#ffffff", "#000000"
_PAGES = (_WHITE, "transparent")  # for what the colours are made


class Look(NamedTuple):
    """How a picture and the numbers on its wires look.

    Attributes:
        forward: the colour of values.
        gradient: the colour of gradients.
        background: the colour behind all, or "transparent".
        points: the size of the numbers; where it is larger, wires are shorter, and names beside
            the numbers grow less.
        lit: the ids of the parts that are highlighted.
        hidden: the numbers that are transparent but keep their room: the id of the wire, and "data"
            or "grad".
        digits: the significant digits of numbers on wires, see `text_number`.
        ink, text, name: the colours of lines, of text in and beside gates, and of names on wires.
        gate: what fills a gate.
        lit_wire, lit_gate, lit_plate: the colours of highlighted parts.
    """

    forward: str
    gradient: str
    background: str = _WHITE
    points: int = 12
    lit: Collection[str] = ()
    hidden: Collection[tuple[str, str]] = ()
    digits: int = 2
    ink: str = INK
    text: str = TEXT
    name: str = NAME
    gate: str = GATE
    lit_wire: str = LIT_WIRE
    lit_gate: str = LIT_GATE
    lit_plate: str = LIT_PLATE

    def on(self, background: str) -> Look:
        """The same look on a background, where each line and each text can be read.

        Args:
            background: a colour's name, "#" and six hexadecimal digits, or "transparent".

        Raises:
            ValueError: it is none of these.

        >>> ACCESSIBLE.on("black").text
        '#f3f3f4'
        """
        behind = checked_color(background)
        if behind in _PAGES:
            return self._replace(background=behind)
        inks = ("forward", "gradient", "ink", "text", "name", "lit_wire")
        changes: dict[str, Any] = {ink: legible(getattr(self, ink), behind) for ink in inks}
        changes |= dict.fromkeys(("background", "gate", "lit_gate", "lit_plate"), behind)
        return self._replace(**changes)


# A bluish green and a yellowish red differ even for those who can't tell the lecture's pure ones
# apart, and both can be read on white.
ACCESSIBLE = Look(FORWARD, GRADIENT)
STAGE = ACCESSIBLE._replace(points=22)
"""For pages, whose pictures are seen from afar, and on phones."""
COLORS = {"accessible": ACCESSIBLE, "lecture": Look("#00ff00", "#ff0000")}


def colored(colors: str, digits: int | None = None) -> Look:
    """The look whose colours have that name.

    Args:
        colors: the name.
        digits: the significant digits of numbers; None for the usual ones.

    Raises:
        ValueError: there are no such colours, or `digits` is not a whole number from 1 to 17.
    """
    if colors not in COLORS:
        raise ValueError(choose("there are no colors", colors, COLORS))
    look = COLORS[colors]
    return look if digits is None else look._replace(digits=checked_digits(digits))


def checked_color(text: str) -> str:
    """A colour as "#" and six hexadecimal digits, or "transparent".

    Args:
        text: the same, or the name that a colour has in CSS, in any case.

    Raises:
        ValueError: it is neither.

    >>> checked_color("Ivory"), checked_color("#FEFCE8"), checked_color("transparent")
    ('#fffff0', '#fefce8', 'transparent')
    """
    name = text.lower()
    if name == "transparent" or re.fullmatch(r"#[0-9a-f]{6}", name):
        return name
    if name == "white":
        return _WHITE
    import webcolors  # takes a while, and few pictures name another colour

    try:
        return str(webcolors.name_to_hex(name))
    except ValueError:
        hint = did_you_mean(name, webcolors.names())
        raise ValueError(
            f"{short(text)} is not a colour{hint}; write one such as 'white' or '#fefce8'"
        ) from None


def legible(color: str, background: str) -> str:
    """The colour nearest to a given one that is as easily read on a background as it is on white.

    Between the given one and white or black, whichever differs more from the background, it is the
    first with the same contrast, at least `CONTRAST`, or the last of all.

    >>> legible("#334155", "#ffffff"), legible("#334155", "#000000")
    ('#334155', '#b8bcc4')
    """
    wanted = max(CONTRAST, contrast(color, _WHITE))
    end = max(_WHITE, _BLACK, key=lambda extreme: contrast(extreme, background))
    shades = (_mixed(color, end, share / 20) for share in range(21))
    return next(shade for shade in shades if contrast(shade, background) >= wanted or shade == end)


def contrast(color: str, background: str) -> float:
    """The contrast of two colours, from 1 to 21.

    Source: WCAG 2.2, contrast ratio.

    >>> round(contrast("#000000", "#ffffff"), 6)
    21.0
    """
    darker, lighter = sorted(map(_luminance, (color, background)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance, by the definition of sRGB."""
    shares = [byte / 255 for byte in bytes.fromhex(color[1:])]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)
