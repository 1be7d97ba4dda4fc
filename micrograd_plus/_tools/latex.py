"""Any text as LaTeX, escaped."""

from __future__ import annotations

import re
import unicodedata

from micrograd_plus._tools.text import LOWERED, RAISED

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
_SYMBOLS = "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩℓ∂∇∞−·×÷√∛≤≥≠→⌊⌋⌈⌉′"
_COMMANDS = r"""
\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \pi \rho
\varsigma \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma
\Upsilon \Phi \Psi \Omega \ell \partial \nabla \infty - \cdot \times
\div \surd \sqrt[3]{} \le \ge \ne \to \lfloor \rfloor \lceil \rceil '
"""
_MATHEMATICS = dict(zip(_SYMBOLS, _COMMANDS.split(), strict=True))
CHARACTERS = {
    "varepsilon": "ε",
    "vartheta": "θ",
    "varphi": "φ",
    **{command[1:]: symbol for symbol, command in _MATHEMATICS.items() if command[0] == "\\"},
}
"""The character that a command of LaTeX stands for."""
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "vec": "\u20d7", "dot": "\u0307"}
"""The combining character that a command of LaTeX puts over a letter."""
_OVER = {accent: command for command, accent in ACCENTS.items()}
_SCRIPTS = {
    small: f"{kind}{{{plain.replace('−', '-')}}}"
    for kind, table in (("^", RAISED), ("_", LOWERED))
    for plain, small in table.items()
}


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
    letter, *marks = list(unicodedata.normalize("NFD", text))
    if letter.isalpha() and len(marks) == 1 and marks[0] in _OVER:
        return rf"\{_OVER[marks[0]]}{{{word(letter)}}}"
    return _MATHEMATICS.get(text) or rf"\text{{{plain(text)}}}"


def plain(text: str) -> str:
    r"""A text for LaTeX outside of math mode, with special characters escaped.

    >>> plain("10% of x²"), plain("−0.5")
    ('10\\% of x$^{2}$', '$-$0.5')
    """
    return "".join(map(_character, text))


def script(text: str) -> str:
    r"""A subscript or superscript for math mode: indices as mathematics, words as text.

    >>> script("ij"), script("(1)"), script("max")
    ('ij', '(1)', '\\text{max}')
    """
    return text.replace("−", "-") if re.fullmatch(r"[0-9,()+−i-n-]*", text) else word(text)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _MATHEMATICS:
        return f"${_MATHEMATICS[character]}$"
    if character in _SCRIPTS:
        return f"${_SCRIPTS[character]}$"
    letter, *marks = list(unicodedata.normalize("NFD", character))
    accented = letter.isascii() and character < "\u0180" and marks != ["\N{COMBINING OGONEK}"]
    if accented or character in "ßæøœłÆØŒŁ…":
        return character
    return rf"\ifdefined\Umathchar {character}\else U+{ord(character):04X}\fi{{}}"
