r"""Names of values: what a label means, and how it is written as text and in LaTeX.

`x1`, `x_1`, `$x_1$` and `x₁` are the same name, and so are `\alpha` and `α`; in `L_max` a word is
below a letter, `learning_rate` is a word. A label that is not understood stands for itself,
character by character.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from micrograd_plus._tools import latex
from micrograd_plus._tools.text import LOWERED, RAISED, brief

_SCRIPTS = {"_": LOWERED, "^": RAISED}
_NORMAL = {kind: {v: k for k, v in table.items()} for kind, table in _SCRIPTS.items()}

_UPRIGHT = re.compile(r"\\(?:text|mathrm|mathbf|mathit|boldsymbol|operatorname)\{([^{}\\]*)\}")
_ACCENTED = re.compile(r"\\(hat|bar|tilde|vec|dot) ?(?:\{(\w)\}|(\w))")
_COMMAND = re.compile(r"\\([A-Za-z]+) ?")
_SCRIPT = re.compile(r"(.*[\w}])([_^])(?:\{([^{}]+)\}|(\d+|[^\W\d_]))", re.DOTALL)
_WORD = re.compile(r"([^\W\d_])_([^\W_]{2,})(?=[\^′]|$)")
_NUMBERED = re.compile(r"([^\W\d_]+)(\d+)")
_UNICODE = {kind: re.compile(rf"(.*\w)([{''.join(table)}]+)") for kind, table in _NORMAL.items()}


class Label(NamedTuple):
    """The parts of a name.

    Attributes:
        base: what stands on the line.
        below: its subscript, "" for none.
        above: its superscript, "" for none.
        primes: the primes at its end.
    """

    base: str
    below: str = ""
    above: str = ""
    primes: str = ""


def parsed(label: str) -> Label:
    r"""The parts of a label, which may be written as in LaTeX.

    >>> parsed("x1")
    Label(base='x', below='1', above='', primes='')
    >>> parsed(r"$\theta_0$") == parsed("θ₀"), parsed(r"W^{(1)}_{ij}")
    (True, Label(base='W', below='ij', above='(1)', primes=''))
    """
    text = (
        label[1:-1]
        if len(label) > 2 and label[0] == label[-1] == "$" and "$" not in label[1:-1]
        else label
    )
    text = _ACCENTED.sub(_accented, _UPRIGHT.sub(r"\1", text))
    try:
        text = _COMMAND.sub(lambda found: latex.CHARACTERS[found[1]], text)
    except KeyError:  # no command of mathematics
        return Label(label)
    text = _WORD.sub(r"\1_{\2}", text, count=1) if text[1:2] == "_" else text
    base = text.rstrip("′")
    primes = text[len(base) :]
    scripts: dict[str, str] = {}
    while (found := _SCRIPT.fullmatch(base)) and found[2] not in scripts:
        base, scripts[found[2]] = found[1], found[3] or found[4]
    for kind, written in _UNICODE.items():
        if kind not in scripts and (found := written.fullmatch(base)):
            base = found[1]
            scripts[kind] = "".join(_NORMAL[kind][character] for character in found[2])
    if "_" not in scripts and (found := _NUMBERED.fullmatch(base)):
        base, scripts["_"] = found[1], found[2]
    if not base or base[-1] in "_}" or "^" in base:
        return Label(label)
    return Label(base, scripts.get("_", ""), scripts.get("^", ""), primes)


def _accented(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", (found[2] or found[3]) + latex.ACCENTS[found[1]])


def text_name(label: str) -> str:
    r"""A label as plain text, its scripts lowered and raised where Unicode has the characters.

    >>> text_name("x_1"), text_name(r"\alpha^2"), text_name("x_q"), text_name("W^{(1)}_{ij}")
    ('x₁', 'α²', 'x_q', 'W⁽¹⁾ᵢⱼ')
    """
    base, below, above, primes = parsed(brief(label))
    return base + "".join(_script("^", above) + _script("_", below)) + primes


def _script(kind: str, text: str) -> str:
    small = {",": ",", "*": "*", **_SCRIPTS[kind]}
    if all(character in small for character in text):
        return "".join(map(small.__getitem__, text))
    return f"{kind}{text}" if text.isalnum() else f"{kind}{{{text}}}"


def latex_name(label: str) -> str:
    r"""A label for LaTeX's math mode, with special characters escaped.

    >>> latex_name("x1"), latex_name("W^{(1)}_{ij}"), latex_name("learning_rate")
    ('x_{1}', 'W^{(1)}_{ij}', '\\text{learning\\_rate}')
    """
    base, below, above, primes = parsed(brief(label))
    raised = latex.script(above) + r"\prime" * len(primes) if above else ""
    lowered = f"_{{{latex.script(below)}}}" if below else ""
    return latex.word(base) + (f"^{{{raised}}}{lowered}" if raised else lowered + "'" * len(primes))
