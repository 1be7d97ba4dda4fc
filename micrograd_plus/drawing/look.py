"""How a picture looks: the colours of numbers, of gates and wires, and of highlighted parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

FORWARD, GRADIENT = "#047857", "#c73200"
INK, TEXT, NAME, GATE = "#334155", "#0f172a", "#5b6b80", "#f8fafc"
LIT_WIRE, LIT_GATE, LIT_PLATE = "#b45309", "#fde68a", "#fef9c3"


class Look(NamedTuple):
    """How the numbers on the wires look.

    Attributes:
        forward: the colour of values.
        gradient: the colour of gradients.
        lit: the ids of the parts that are highlighted.
        hidden: the numbers that are transparent but keep their room: the id of the wire, and "data"
            or "grad".
    """

    forward: str
    gradient: str
    lit: Collection[str] = ()
    hidden: Collection[tuple[str, str]] = ()


# A bluish green and a yellowish red differ even for those who can't tell the lecture's pure ones
# apart, and both can be read on white.
ACCESSIBLE = Look(FORWARD, GRADIENT)
COLORS = {"accessible": ACCESSIBLE, "lecture": Look("#00ff00", "#ff0000")}


def colored(colors: str) -> Look:
    """The look whose colours have that name.

    Raises:
        ValueError: there are no such colours.
    """
    if colors not in COLORS:
        raise ValueError(f"there are no colors {colors!r}; choose from {', '.join(COLORS)}")
    return COLORS[colors]


def checked_color(text: str) -> str:
    """The same text, if it names a colour.

    Args:
        text: a colour's name, "#" and six hexadecimal digits, or "transparent".

    Raises:
        ValueError: it is not of that form.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}|[a-zA-Z]+[0-9]?", text):
        raise ValueError(f"{text!r} is not a colour; write one such as 'white' or '#fefce8'")
    return text
