"""Any text as LaTeX, escaped."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",  # babel gives it other meanings in some languages
    "\xa0": "~",
    **{character: "\\" + character for character in "{}$&#%_"},
}
_SYMBOLS = "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ∂∇∞−·×′"
_COMMANDS = r"""
\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \pi \rho
\varsigma \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma
\Upsilon \Phi \Psi \Omega \partial \nabla \infty - \cdot \times '
"""
_MATHEMATICS = dict(zip(_SYMBOLS, _COMMANDS.split(), strict=True))


def word(text: str) -> str:
    r"""A word for math mode, with special characters escaped.

    It compiles with any LaTeX that has amsmath. pdfLaTeX shows characters that it does not know by
    their code points, XeLaTeX and LuaLaTeX show them as they are.

    Args:
        text: one line, without control characters.

    >>> word("x"), word("θ"), word("10% of Δx")
    ('x', '\\theta', '\\text{10\\% of $\\Delta$x}')
    """
    if text == "…":
        return r"\cdots"
    if re.fullmatch(r"[A-Za-z]|[0-9,]*", text):
        return text
    return _MATHEMATICS.get(text) or rf"\text{{{''.join(map(_character, text))}}}"


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _MATHEMATICS:
        return f"${_MATHEMATICS[character]}$"
    letter, *marks = list(unicodedata.normalize("NFD", character))
    accented = letter.isascii() and character < "\u0180" and marks != ["\N{COMBINING OGONEK}"]
    if accented or character in "ßæøœłÆØŒŁ…":
        return character
    return rf"\ifdefined\Umathchar {character}\else U+{ord(character):04X}\fi{{}}"
