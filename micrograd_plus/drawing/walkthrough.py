"""`step_through`: one forward and one backward pass, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from micrograd_plus._tools.files import write
from micrograd_plus.drawing.look import COLORS, STAGE, colored
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.walk.steps import Walk

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from micrograd_plus.engine import Value


class Walkthrough(Walk):
    """The steps of one forward and one backward pass; a notebook displays them to step through.

    A sequence of `Step`, which prints itself on a terminal and writes itself as a page.

    Args:
        root: the value whose graph is walked.
        colors: of the numbers in pictures: "accessible" or "lecture".
        sigma: whether 1 / (1 + exp(−x)) is one σ gate.
        detail: "operations", or "gates" for dot products as × and +.
        digits: the significant digits of all numbers, 1 to 17; by default 2 on wires and 4 in
            sentences.
        lines: the line of source that made each value, as for `Walk`.

    Attributes:
        limit: the largest number of nodes to draw.
        look: how the numbers on the wires look.

    >>> from micrograd_plus import values
    >>> x, y = values(x=2, y=3)
    >>> Walkthrough(x * y)
    <Walkthrough of 5 steps: see .print(), .to_html(path), .frames(folder)>
    """

    def __init__(
        self,
        root: Value,
        limit: int = LIMIT,
        colors: str = "accessible",
        sigma: bool = False,
        detail: str = "operations",
        digits: int | None = None,
        lines: Mapping[Value, str] | None = None,
    ) -> None:
        self.limit = limit
        self.look = colored(colors, digits)
        super().__init__(root, sigma, detail, digits, lines=lines)

    def print(self, file: TextIO | None = None) -> None:
        """Print the steps: in colours on a terminal, as plain text into a file or a pipe.

        Args:
            file: where to; standard output by default.
        """
        from micrograd_plus.drawing.terminal.walk import print_steps  # loaded only for printing

        print_steps(self, file, self.look.digits)

    def to_html(
        self,
        path: str | os.PathLike[str],
        title: str = "Step through",
        *,
        bare: bool = False,
        card: Value | None = None,
    ) -> Path:
        """Write a page with the picture, buttons, a slider and each step's sentence.

        It fills its window, at any size; a click on a wire shows every path to the output.
        Printed, it is the final picture and all steps. `page.html#step=7` shows the seventh step.

        Args:
            path: the file to write; it needs no network and no other file.
            title: the page's title.
            bare: whether to leave the title out, for an iframe in another page.
            card: a value of the graph, whose paths to the output are shown at first.

        Returns:
            The path of the file.

        Raises:
            GraphTooLargeError: the graph has too many nodes to draw.
            ValueError: the picture has no wire of the value `card`.
            LayoutError, OSError: as for `Picture.to_html`.
        """
        return _write(path, title, [("", self._html(card))], bare)

    def frames(
        self, folder: str | os.PathLike[str], format: str = "svg", *, sentences: bool = False
    ) -> list[Path]:
        """Write one picture per step, for slides: the layout stays the same, the numbers appear.

        The files are called 01-given.svg, 02-forward.svg and so on; all are written, or none.
        Frames of an earlier walk, in the same format, are removed.

        Args:
            folder: where to; it is created if it does not exist.
            format: "svg", "png" or, where the system has Graphviz, "pdf".
            sentences: whether each has its step's sentence below the picture.

        Returns:
            The paths of the files, in order.

        Raises:
            GraphTooLargeError, LayoutError: as for `to_html`.
            ValueError: there is no such format.
            OSError: the folder can't be written.
        """
        from micrograd_plus.drawing.frames import frame_sources, walked, write_frames

        sources = frame_sources(walked(self, self.limit), self, self.look, sentences)
        return write_frames(folder, self, sources, format)

    def slides(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int] = (1600, 900),
        digits: int | None = None,
        seconds: float = 2.0,
    ) -> Path:
        """Write a slide for each step: the picture above, which stands still, the sentence below.

        Args:
            path: a name that ends in .html for a page to be turned by the arrow keys or a remote
                control; in .pdf; in .tex for LaTeX's Beamer, with an overlay for each step; or in
                .gif for a picture that moves by itself.
            size: the width and height of a slide in pixels, 100 to 10,000. Pages, PDF and LaTeX
                can be enlarged and only take the ratio, by default that of a projector, 16:9.
            digits: the significant digits of all numbers, 1 to 17; by default those of this walk.
                With others the graph is walked again, at its present numbers.
            seconds: for how long a GIF shows each, 0.02 to 600.

        Returns:
            The path of the file.

        Raises:
            GraphTooLargeError, LayoutError: as for `to_html`.
            ValueError: there are no slides in this format, or a number is not in its range.
            ModuleNotFoundError: for a PDF matplotlib is missing, for a GIF that or Pillow: the
                message names the command that installs them.
            OSError: the file can't be written.

        >>> from tempfile import TemporaryDirectory
        >>> from micrograd_plus import Value
        >>> with TemporaryDirectory() as folder:
        ...     step_through(Value(2.0, "x") * 3).slides(Path(folder, "talk.tex")).name
        'talk.tex'
        """
        from micrograd_plus.drawing.slides.deck import write_slides

        walk = self
        if digits is not None:
            colors = {look.forward: name for name, look in COLORS.items()}[self.look.forward]
            walk = Walkthrough(self.root, self.limit, colors, self.sigma, self.detail, digits)
        return write_slides(path, walk, size, seconds)

    def __repr__(self) -> str:
        return f"<Walkthrough of {len(self)} steps: see .print(), .to_html(path), .frames(folder)>"

    def _repr_html_(self) -> str:
        return self._html()

    def _html(self, card: Value | None = None) -> str:
        from micrograd_plus.drawing.pages.stepper import fragment

        return fragment(self, self.limit, self.look._replace(points=STAGE.points), card)


def write_page(
    path: str | os.PathLike[str],
    title: str,
    walks: Sequence[tuple[str, Walkthrough]],
    *,
    bare: bool = False,
) -> Path:
    """Write several walkthroughs, each under its heading, as one page.

    Each fills the window. `page.html#step2=7` shows the seventh step of the second.

    Args:
        path: the file to write.
        title: the page's title.
        walks: a heading and a walkthrough each.
        bare: as for `Walkthrough.to_html`.

    Returns:
        The path of the file.

    Raises:
        GraphTooLargeError, LayoutError, OSError: as for `Walkthrough.to_html`.

    >>> from tempfile import TemporaryDirectory
    >>> from micrograd_plus import Value
    >>> x = Value(2.0)
    >>> walks = [("A product", step_through(x * 3)), ("A sum", step_through(x + 3))]
    >>> with TemporaryDirectory() as folder:
    ...     write_page(Path(folder, "two.html"), "Two gates", walks).name
    'two.html'
    """
    return _write(path, title, [(heading, walk._repr_html_()) for heading, walk in walks], bare)


def _write(
    path: str | os.PathLike[str], title: str, sections: Sequence[tuple[str, str]], bare: bool
) -> Path:
    from micrograd_plus.drawing.pages.page import page
    from micrograd_plus.drawing.pages.stepper import NOTE

    return write(Path(path), page(title, sections, NOTE, bare=bare).encode())


def step_through(
    root: Value,
    limit: int = LIMIT,
    colors: str = "accessible",
    *,
    sigma: bool = False,
    detail: str = "operations",
    digits: int | None = None,
    lines: Mapping[Value, str] | None = None,
) -> Walkthrough:
    """Step through one forward and one backward pass, in the order of the lecture.

    Everything is computed afresh from the leaves; nothing in the graph is changed.

    Args:
        root: the value whose graph to walk.
        limit: the largest number of nodes to draw in a page; printing has no limit.
        colors: of the numbers in pictures, as for `draw`: "accessible" or "lecture".
        sigma: whether to walk 1 / (1 + exp(−x)) as one σ gate instead of its operations, if nothing
            else uses the values inside; the numbers around it are the same.
        detail: "operations" for one gate an operation, "gates" to walk dot products as × and +,
            with the same numbers.
        digits: the significant digits of all numbers, 1 to 17; by default 2 on wires and 4 in
            sentences. Numbers of 1 and more have two decimal places, too.
        lines: the line of source that made each value, to be shown beside its steps; by default,
            within `debug()`, those that it has recorded.

    Raises:
        NonFiniteError: a value or a gradient is not a finite number.
        ValueError: there are no such colors, there is no such detail, or `digits` is not in that
            range.

    Source: lecture A, see help(micrograd_plus).

    >>> from micrograd_plus import Value, values
    >>> x, y = values(x=2, y=3)
    >>> step_through(x * y).print()
     1  given     x = 2, y = 3
     2  forward   f = x · y = 2 · 3 = 6
     3  backward  ∂f/∂f = 1
     4            ∂f/∂y = x = 2
     5            ∂f/∂x = y = 3
    <BLANKLINE>
     wire  value  gradient
     x      2.00      3.00
     y      3.00      2.00
     f      6.00      1.00
    >>> from micrograd_plus import exp
    >>> z = Value(1.0, "z")
    >>> [len(step_through(1 / (1 + exp(-z)), sigma=sigma)) for sigma in (False, True)]
    [10, 4]
    """
    return Walkthrough(root, limit, colors, sigma, detail, digits, lines)
