"""Labels and messages from users, made safe to print on one line."""

from __future__ import annotations

import re
import unicodedata
from reprlib import Repr
from textwrap import wrap
from typing import Any

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

_PLAIN = {
    "−": "-",
    "–": "-",
    "·": "*",
    "×": "*",
    "÷": "/",
    "∂": "d",
    "′": "'",
    "…": "...",
    "∞": "inf",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "Σ": "sum",
    "√": "sqrt",
    "∛": "cbrt",
    "∇": "grad ",
}
_SMALL = re.compile(f"[{''.join(RAISED.values())}]+|[{''.join(LOWERED.values())}]+")

_BIDIRECTIONAL = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Control characters of bidirectional text, which change the order of what follows."""


def visible(label: str) -> str:
    """A label as one line of characters that any file format can hold.

    >>> visible("two\\nlines")
    'two␊lines'
    """
    return "".join(map(_visible, str(label)))


def spelled(text: str, encoding: str) -> str:
    """A text in characters that an encoding has: signs are spelt where it has none.

    Args:
        text: the text.
        encoding: one that Python knows.

    >>> spelled("∂f/∂x₁ = −1.9·10⁻¹²⁴", "cp1252")
    'df/dx_1 = -1.9·10^-124'
    >>> spelled("∂f/∂x₁", "utf-8")
    '∂f/∂x₁'
    """
    if _encodable(text, encoding):
        return text
    small = _SMALL.sub(lambda run: _on_the_line(run[0], encoding), text)
    return "".join(x if _encodable(x, encoding) else _spelled(x) for x in small)


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _on_the_line(run: str, encoding: str) -> str:
    """Raised or lowered characters in a row as others after ^ or _."""
    if _encodable(run, encoding):
        return run
    sign, table = ("^", RAISED) if run[0] in RAISED.values() else ("_", LOWERED)
    plain = {small: character for character, small in table.items()}
    return sign + "".join(map(plain.__getitem__, run)).replace("−", "-")


def _spelled(character: str) -> str:
    name = unicodedata.name(character, "")
    if character not in _PLAIN and name.startswith("GREEK"):
        letter = name.split()[3].lower() if len(name.split()) > 3 else "?"
        return letter.capitalize() if character.isupper() else letter
    letter = unicodedata.normalize("NFKD", character)[0]
    return _PLAIN.get(character) or (letter if letter.isascii() else "?")


def sentence(phrase: str) -> str:
    """A phrase as a sentence, with a capital letter unless it begins with a formula.

    >>> sentence("the square of x"), sentence("eˣ − 1"), sentence("x to the power y")
    ('The square of x.', 'eˣ − 1.', 'x to the power y.')
    """
    begins = phrase[:1].upper() if re.match("[a-z]{2,}(?=[ ,:]|$)", phrase) else phrase[:1]
    return f"{begins}{phrase[1:]}."


def shorten(text: str, width: int = 40) -> str:
    """A text of at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


_short = Repr()
_short.maxstring = _short.maxother = 100


def short(thing: Any) -> str:
    """`repr(thing)` for an error: on one line, and of much only the beginning.

    >>> short("x"), short([1.0] * 1000)
    ("'x'", '[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...]')
    """
    return shorten(" ".join(_short.repr(thing).split()), 200)


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
