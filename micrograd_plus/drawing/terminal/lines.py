"""Lines on a terminal: in colours, broken at spaces, and in the characters that it has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from micrograd_plus._tools.text import spelled

if TYPE_CHECKING:
    Piece = tuple[str, str]
    """A text and its style."""

_NARROWEST = 20  # columns that are left for the text of a line, however deep it hangs


class Lines:
    """Prints lines; calling it prints one, given its pieces, and `end` as for `print`.

    On a terminal, the last piece hangs: where it is too long, it goes on below its beginning, and
    is broken at spaces, so never inside a number. Elsewhere a line stays one line.

    Args:
        file: where to; standard output by default.

    Attributes:
        width: the columns of the terminal; None if it is none.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
        self._console: Any = None
        try:
            from rich.console import Console  # loaded only for printing
        except ModuleNotFoundError:  # as in a browser
            pass
        else:
            self._console = Console(file=file, soft_wrap=True, force_jupyter=False)
        terminal = self._console is not None and self._console.is_terminal
        self.width: int | None = self._console.width if terminal else None

    def spelled(self, text: str) -> str:
        """A text in characters that can be printed here."""
        return spelled(text, self._encoding)

    def __call__(self, *pieces: Piece, end: str = "\n") -> None:
        told = [(self.spelled(text), style) for text, style in pieces]
        if self.width is None:
            print(*(text for text, _ in told), sep="", end=end, file=self._file)
        else:
            self._console.print(self._hanging(told, self.width) if told else "", end=end)

    def _hanging(self, pieces: list[Piece], width: int) -> Any:
        from rich.text import Text

        before, last = Text.assemble(*pieces[:-1]), Text(*pieces[-1])
        depth = before.cell_len or len(last.plain) - len(last.plain.lstrip())
        lines = last.wrap(self._console, max(_NARROWEST, width - depth))
        for text in lines:
            text.rstrip()
        return before + Text("\n" + " " * depth).join(lines)
