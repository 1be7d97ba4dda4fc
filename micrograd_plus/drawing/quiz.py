"""`quiz`: a graph whose numbers are hidden, to be worked out one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from micrograd_plus._tools import files
from micrograd_plus._tools.text import short
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.look import colored
from micrograd_plus.drawing.pages.page import page
from micrograd_plus.drawing.pages.quiz import fragment, picture, sheet
from micrograd_plus.drawing.picture import Picture
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.drawing.terminal import quiz as quiz_terminal
from micrograd_plus.engine import Value
from micrograd_plus.walk.questions import questions
from micrograd_plus.walk.steps import Walk

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from micrograd_plus.drawing.scene.parts import Scene
    from micrograd_plus.walk.questions import Hide, Score

_NOTE = "Work out each number that is hidden, and type it: 0.39, −2 or 1/3."


class Quiz:
    """Questions about the numbers of a graph; a notebook displays them to be answered.

    Args:
        hide: what to ask, as for `quiz`.
        digits: the significant digits of all numbers, as for `quiz`.

    Attributes:
        root: the output of the graph.
        walk: the walkthrough that the questions belong to.
        questions: a `Question` for each hidden number, in the order of the walkthrough.
        limit: the largest number of nodes to draw.
        look: how the numbers on the wires look.
    """

    def __init__(
        self,
        root: Value,
        hide: Hide = "gradients",
        limit: int = LIMIT,
        digits: int | None = None,
    ) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"a quiz needs a Value, not {short(root)} ({type(root).__name__})")
        self.root = root
        self.look = colored("accessible", digits)
        self.walk = Walk(root, digits=digits)
        self.limit = limit
        self.questions = questions(self.walk, hide)

    def run(self, ask: Callable[[str], str] | None = None, file: TextIO | None = None) -> Score:
        """Ask on the terminal: a hint after a wrong answer, then a second try, then the solution.

        A "?" gives a question up; the end of the input (Ctrl-D) or Ctrl-C ends the quiz.

        Args:
            ask: gets a prompt and returns an answer, or raises EOFError; `input` by default.
            file: where to print everything else; standard output by default.

        Returns:
            The score.

        >>> from micrograd_plus import values
        >>> x, y = values(x=2, y=3)
        >>> answers = iter(["2", "3"])
        >>> score = quiz(x * y, hide=["x"]).run(lambda prompt: next(answers))
        Type each number; ? shows it, Ctrl-D ends.
        x = 2, y = 3
        f = x · y = 2 · 3 = 6
        ∂f/∂f = 1
        ∂f/∂y = x = 2
          Not yet. Operands swapped: that is the derivative of f with respect to y, not x.
          Right: ∂f/∂x = y = 3
        1 of 1 right, 0 of them at the first try
        """
        return quiz_terminal.run(self.walk, self.questions, ask, file)

    def to_html(
        self, path: str | os.PathLike[str], title: str = "Quiz", *, bare: bool = False
    ) -> Path:
        """Write a page that asks: hidden numbers read "?" until they are answered.

        The page needs no network to judge answers, and so computes them, by JavaScript that is made
        from the rules of the operations; at a button it asks the same for other numbers. Who reads
        its code can find answers out: `exercise` writes pages without any.

        Args:
            path: the file to write.
            title: the page's title.
            bare: as for `Walkthrough.to_html`.

        Returns:
            The path of the file.

        Raises:
            GraphTooLargeError, LayoutError, OSError: as for `Walkthrough.to_html`.
        """
        html = page(title, [("", self._repr_html_())], _NOTE, ".mg-quiz input", bare)
        return files.write(Path(path), html.encode())

    def exercise(self, path: str | os.PathLike[str], title: str = "Exercise") -> Path:
        """Write the picture with blanks, to be filled in on paper; it holds no answer.

        Args:
            path: a name that ends in .svg, .png, .pdf or .dot for a picture, or in .html for a
                page to print.
            title: the page's title.

        Returns:
            The path of the file.

        Raises:
            ValueError: there is no such format.
            GraphTooLargeError, LayoutError, OSError: as for `to_html`.
        """
        lines = [f"{question.asked} = ________" for question in self.questions]
        return self._export(Path(path), title, lines)

    def solution(self, path: str | os.PathLike[str], title: str = "Solution") -> Path:
        """Write the exercise filled in, with the sentences that lead to each number.

        Args:
            path: as for `exercise`.
            title: the page's title.

        Returns:
            The path of the file.

        Raises:
            ValueError, GraphTooLargeError, LayoutError, OSError: as for `exercise`.
        """
        lines = [line for question in self.questions for line in question.solution]
        return self._export(Path(path), title, lines, solved=True)

    def _export(self, path: Path, title: str, lines: Sequence[str], solved: bool = False) -> Path:
        drawn = self._picture(solved)
        if path.suffix.lower() not in (".html", ".htm"):
            return Picture(as_dot(drawn, caption=lines, look=self.look)).render(path)
        content = sheet(as_dot(drawn, look=self.look), self.questions, lines)
        return files.write(path, page(title, [("", content)]).encode())

    def _picture(self, solved: bool = False) -> Scene:
        return picture(self.walk, self.questions, self.limit, solved)

    def __repr__(self) -> str:
        n = len(self.questions)
        count = f"{n} question{'' if n == 1 else 's'}"
        return f"<Quiz of {count}: see .run(), .to_html(path), .exercise(path)>"

    def _repr_html_(self) -> str:
        return fragment(self.walk, self.questions, self.limit, self.look)


def quiz(
    root: Value, hide: Hide = "gradients", limit: int = LIMIT, *, digits: int | None = None
) -> Quiz:
    """Hide numbers of a graph, to be worked out by the chain rule.

    A wrong answer is compared with the results of common mistakes (the local derivative
    without the upstream gradient, operands swapped, one path of several, a wrong sign, a
    derivative taken at the gate's input instead of its output), and the hint names the mistake.
    Rounded answers are right if two significant digits, and all others given, agree. Nothing in
    the graph is changed.

    Args:
        root: the value whose graph to ask about.
        hide: "gradients", "values" (those of operations), "all", or the Values, or their names,
            whose gradients are asked.
        limit: the largest number of nodes to draw; on a terminal there is no limit.
        digits: the significant digits of all numbers, 1 to 17; by default 2 on wires and 4 in
            sentences.

    Raises:
        TypeError: `root` is not a Value, or `hide` none of these.
        ValueError: `hide` names what the graph does not have, or nothing, or `digits` is not in
            that range.
        NonFiniteError: a value or a gradient is not a finite number.

    Source: lecture A, see help(micrograd_plus); its slides ask "what is ∂f/∂x?".

    >>> from micrograd_plus import values
    >>> x, y, z = values(x=1, y=-3, z=4)
    >>> quiz((x + y) * z)
    <Quiz of 5 questions: see .run(), .to_html(path), .exercise(path)>
    """
    return Quiz(root, hide, limit, digits)
