"""Labels and messages from users, made safe to print on one line."""

from __future__ import annotations

import unicodedata
from textwrap import wrap

RAISED = dict(
    zip(
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzT",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ",
        strict=True,
    )
)
"""Characters and those that look like them, but smaller and higher on the line."""
LOWERED = dict(
    zip("0123456789+−-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
"""The same for those that are lower on the line."""

_BIDIRECTIONAL = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Control characters of bidirectional text, which change the order of what follows."""


def visible(label: str) -> str:
    """A label as one line of characters that any file format can hold.

    >>> visible("two\\nlines")
    'two␊lines'
    """
    return "".join(map(_visible, str(label)))


def shorten(text: str, width: int = 40) -> str:
    """A text of at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def broken(text: str, columns: int) -> list[str]:
    """A text in lines that are broken at spaces, and so never inside a number."""
    return wrap(text, columns, break_long_words=False, break_on_hyphens=False) or [""]


def brief(label: str, width: int = 40) -> str:
    """The beginning of a label, made visible, in at most `width` characters."""
    return visible(shorten(str(label), width))


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's pictures of control characters
    if unicodedata.category(character) in ("Cc", "Cs", "Cn", "Zl", "Zp") or code in _BIDIRECTIONAL:
        return "\N{REPLACEMENT CHARACTER}"
    return character
