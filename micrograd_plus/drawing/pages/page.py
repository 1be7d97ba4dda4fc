"""What all pages share: the HTML document, and elements that a script makes interactive.

Such an element is a static picture and a script that replaces it: where scripts may not run, as in
a notebook that is not trusted, the picture remains.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.look import FORWARD, GATE, GRADIENT, INK, NAME, TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

INKS = {
    FORWARD: "forward",
    GRADIENT: "gradient",
    INK: "line",
    TEXT: "text",
    NAME: "name",
    GATE: "gate",
}

_IMPORT = re.compile(r'^import \{[\w, ]+\} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)

_POLICY_PLACE = "{policy}"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
{body}
</body>
</html>
"""


_FOCUS = """
<script>document.querySelector("{}")?.focus({{ preventScroll: true }});</script>"""


def page(
    title: str,
    sections: Sequence[tuple[str, str]],
    note: str = "",
    focus: str = ".mg-stepper",
    bare: bool = False,
) -> str:
    """A self-contained page, which needs no network.

    Args:
        title: the page's title.
        sections: the heading of each, "" for none, and its content.
        note: how to use it, beside the title.
        focus: the CSS selector of the element that has the keyboard's focus at first.
        bare: whether it is a part of another page, as an iframe: it has neither title nor note,
            and leaves the focus where it is.
    """
    header = "" if bare else f"<header>\n<h1>{_text(title)}</h1>\n{_hint(note)}</header>\n"
    parts = []
    for heading, content in sections:
        above = f"<h2>{_text(heading)}</h2>\n" if heading else ""
        parts.append(f'<section class="mg-page">\n{header}{above}{content}\n</section>')
        header = ""
    body = "<main>\n{}\n</main>".format("\n".join(parts)) + ("" if bare else _FOCUS.format(focus))
    css = resource("page.css")
    return guarded(_PAGE.format(policy=_POLICY_PLACE, title=_text(title), css=css, body=body))


def guarded(html: str) -> str:
    """A page with its policy, in the place of "{policy}"."""
    return html.replace(_POLICY_PLACE, _policy(html), 1)


def _hint(note: str) -> str:
    return f"<details><summary>How to use it</summary>{_text(note)}</details>\n" if note else ""


def _policy(html: str) -> str:
    """What a page may do: run its own scripts, and show pictures in it; load nothing."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{hash}'" for hash in hashes)
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src {allowed}"
    )


def image(source: str, alt: str, format: str | None = None) -> str:
    """A static picture, as an element.

    Args:
        source: its DOT source.
        alt: a description for those who can't see it.
        format: "png" or "svg"; by default the one that `layout.image` chooses.

    Raises:
        LayoutError: no program to lay the picture out is installed, or it failed.
    """
    address = layout.image(source, format)
    return f'<img alt="{escape(alt)}" style="max-width: 100%" src="{address}">'


def living(classes: str, still: str, script: str, content: Any, code: str = "") -> str:
    """An element that is static until a script makes it interactive, and that script.

    Args:
        classes: the element's.
        still: its content where scripts may not run.
        script: a JavaScript module, whose function of the same name gets the element and the
            content.
        content: the function's data.
        code: a third argument, as an expression of JavaScript.
    """
    # escaped so that it can't close the script element around it
    given = json.dumps(content, separators=(",", ":")).replace("<", r"\u003c")
    name = sha256(given.encode()).hexdigest()[:12]
    return (
        f'<div class="{classes}" data-living="{name}">{still}</div>\n'
        f'<script>(() => {{\n"use strict";\n{bundle("living.js", f"{script}.js")}\n'
        f'living("{name}", (root) => {script}(root, {given}, {code}));\n}})();</script>'
    )


def bundle(*modules: str) -> str:
    """JavaScript modules as one script: each once, after those that it imports.

    Args:
        modules: their files.
    """
    texts: dict[str, str] = {}

    def add(module: str) -> None:
        text = resource(module)
        for imported in _IMPORT.findall(text):
            add(imported)
        texts.setdefault(module, _EXPORT.sub("", _IMPORT.sub("", text)).strip())

    for module in modules:
        add(module)
    return "\n\n".join(texts.values())


def _text(text: str) -> str:
    return escape(visible(text))


def resource(name: str) -> str:
    """The text of a file beside this module."""
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
