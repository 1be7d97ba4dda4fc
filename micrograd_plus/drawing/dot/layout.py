"""The layout of pictures, by the program that pip installed or by the system's Graphviz."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from micrograd_plus._tools.errors import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_A = TypeVar("_A")
_B = TypeVar("_B")

FORMATS = ("svg", "png", "pdf", "dot")
ENDINGS = (*FORMATS, "html")
"""The endings of the files that a picture can be written into: its formats, and a page."""
_IMAGES = frozenset({"image/svg+xml", "image/png"})
_TITLE = re.compile(
    r'<title>[^<]*</title>\n(?:<g id="a_[^"]*"><a xlink:title="([^"]+)">\n(.*?)</a>\n</g>\n)?',
    re.DOTALL,
)
_LARGE = 40_000  # characters, some 80 nodes
_RANKSEP = re.compile(rb"^(\tgraph \[.*\branksep=)([\d.]+)", re.MULTILINE)


in_browser: Callable[[str], str] | None = None
"""A function from DOT source to SVG, to be set by who runs Python in a browser.

No program can be started there.
"""


def asked(include: Any = None, exclude: Any = None) -> bool:
    """Whether pictures are wanted where an object is displayed; IPython in a terminal shows none.

    Args:
        include: the MIME types that are asked for; None if nobody said.
        exclude: the MIME types that are not wanted.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    shown = include or (shell.display_formatter.active_types if shell else _IMAGES)
    return not _IMAGES.intersection(shown) <= set(exclude or ())


class LayoutError(RuntimeError):
    """A picture could not be laid out.

    >>> try:
    ...     render("digraph {", "svg")
    ... except LayoutError as error:
    ...     "failed on the picture" in str(error)
    True
    """


def check_format(format: str, known: Sequence[str] = FORMATS) -> None:
    """Raise ValueError for a format that is not known."""
    if format not in known:
        raise ValueError(choose("there is no format", format, known))


def render(source: str, format: str) -> bytes:
    """A picture as the bytes of a file.

    Args:
        source: its DOT source.
        format: one of `FORMATS`; "dot" is the source itself.

    Raises:
        ValueError: the format is none of these.
        LayoutError: there is no program for it, or the program failed.
    """
    check_format(format)
    data = source.encode()
    if format == "dot":
        return data
    if in_browser is not None and format == "svg":
        return _told(in_browser(source)).encode()
    command = [_program(format), f"-T{format}"]
    if format == "png":
        # sharp on high-resolution screens, unless the picture is larger than any screen anyway
        command.append("-Gdpi=192" if len(data) < _LARGE else "-Gdpi=80")
    run = _run(command, data)
    if run.returncode or b"not a known color" in run.stderr:  # it would draw that in black
        reason = " ".join(run.stderr.decode(errors="replace").split())
        raise LayoutError(f"{Path(command[0]).name} failed on the picture: {reason}")
    return _told(run.stdout.decode()).encode() if format == "svg" else run.stdout


def svgs(sources: Iterable[str]) -> list[str]:
    """Pictures as SVG, by a program that is started once.

    Args:
        sources: the DOT source of each.

    Raises:
        LayoutError: as for `render`.

    >>> [picture.count("<svg") for picture in svgs(["graph {}", "graph {}"])]
    [1, 1]
    """
    if in_browser is not None:  # which takes one at a time
        return [render(source, "svg").decode() for source in sources]
    text = render("\n".join(sources), "svg").decode()
    return [f"<?xml{picture}" for picture in text.split("<?xml")[1:]]


def _run(command: list[str], source: bytes) -> subprocess.CompletedProcess[bytes]:
    """A run of the program, which at some distances of ranks loses a wire: then at others."""
    for stretch in (1, 1.05, 1.1, 1.2):
        data = _stretched(source, stretch)
        run = subprocess.run(command, input=data, capture_output=True, check=False)  # noqa: S603
        if b"Pshortestpath failed" not in run.stderr:
            break
    return run


def _stretched(source: bytes, by: float) -> bytes:
    return _RANKSEP.sub(lambda rank: b"%s%g" % (rank[1], float(rank[2]) * by), source)


def _told(svg: str) -> str:
    """The picture with tooltips as its titles, where Graphviz has the names of its nodes."""
    return _TITLE.sub(
        lambda found: f"<title>{found[1]}</title>\n{found[2]}" if found[1] else "", svg
    )


def image(source: str, format: str | None = None) -> str:
    """A picture as a data URL, an image's address that contains the image.

    Args:
        source: its DOT source.
        format: "png" or "svg"; by default PNG, which every notebook shows, and SVG in a browser.

    Raises:
        LayoutError: as for `render`.
    """
    format = format or ("png" if in_browser is None else "svg")
    kind = {"svg": "svg+xml"}.get(format, format)
    return f"data:image/{kind};base64,{base64.b64encode(render(source, format)).decode()}"


def together(make: Callable[[], _A], other: Callable[[], _B]) -> tuple[_A, _B]:
    """The results of two functions that lay pictures out, run at the same time.

    A thread is enough, as other programs do the work.

    Args:
        make: a function without arguments, called in a thread of its own.
        other: another such function.

    Raises:
        LayoutError: as for `render`.

    >>> together(lambda: render("graph {}", "dot"), lambda: "another")
    (b'graph {}', 'another')
    """
    if in_browser is not None:  # where there are no threads
        return make(), other()
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(make)
        rest = other()
        return made.result(), rest


def _program(format: str) -> str:
    if sys.platform == "emscripten":
        raise LayoutError(
            "a browser can't start a program to lay pictures out: set "
            "micrograd_plus.drawing.dot.layout.in_browser, which gives SVG"
        )
    bundled = None if format == "pdf" else _bundled()  # the bundled program can't write PDF
    program = bundled or shutil.which("dot")
    if program:
        return program
    if format == "pdf":
        raise LayoutError(
            "writing PDF needs Graphviz's own program 'dot', which is not on the PATH: "
            "install Graphviz (on Debian: apt-get install graphviz), or write SVG"
        )
    raise LayoutError(
        "no program to lay out pictures: run 'pip install graphviz-pure', or install Graphviz "
        "(on Debian: apt-get install graphviz)"
    )


@cache
def _bundled() -> str | None:
    """The program of the package graphviz-pure, wherever pip put it."""
    try:
        files = metadata.files("graphviz-pure") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.stem == "graphviz-pure" and file.parent.name.lower() in ("bin", "scripts"):
            return str(Path(str(file.locate())).resolve())
    return None
