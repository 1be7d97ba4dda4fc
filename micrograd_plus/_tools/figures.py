"""Numbers that are not written but kept a place for, which a page fills with what it computes.

A place is a character that Unicode has not assigned, and so one that no label has: `visible`
replaces it. Where brackets, or how often something is written, depend on the number, the text has
marks of the same kind. `static/figures.js` reads them.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIRST, LAST = 0xA0000, 0xAEFFF
"""The codes of places."""

_OPEN, _CLOSE, _CHAIN, _LINK, _END = map(chr, range(0xAF000, 0xAF005))


class Book(Protocol):
    """Where figures are written down as they are computed."""

    def computed(self, number: float, how: Any) -> Figure:
        """A new figure, by an expression of others."""

    def place(self, figure: Figure, form: tuple[Any, ...]) -> int:
        """The number of the place of a figure that is to be written in some form."""


def _operation(way: Callable[[Any, Any], Any]) -> Any:
    def method(self: Figure, other: float) -> Figure:
        number = way(float(self), float(other))
        return self.book.computed(number, way(self.how, how(other)))

    return method


def _reflected(way: Callable[[Any, Any], Any]) -> Any:
    return _operation(lambda x, y: way(y, x))


class Figure(float):
    """A number that knows how it is computed.

    Args:
        number: the number.
        how: an expression for it, with which one can compute as with a number.
        book: where it is written down.
    """

    book: Book
    how: Any

    def __new__(cls, number: float, how: Any, book: Book) -> Figure:
        self = super().__new__(cls, number)
        self.how, self.book = how, book
        return self

    __add__, __radd__ = _operation(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _operation(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _operation(operator.mul), _reflected(operator.mul)

    def __neg__(self) -> Figure:
        return self.book.computed(-float(self), -self.how)

    def written(self, *form: Any) -> str:
        """The place of the figure in a text.

        Args:
            form: in which form it is written, as `static/figures.js` knows it.
        """
        return chr(FIRST + self.book.place(self, form))


def how(x: float) -> Any:
    """The expression for a number, which for others than figures is the number."""
    return x.how if isinstance(x, Figure) else x


def begins_with_place(text: str) -> bool:
    """Whether a text begins with a place, so that it may turn out to begin with a minus sign."""
    return chr(FIRST) <= text[:1] <= _OPEN


def fitted(text: str, binds: str, wanted: str) -> str:
    """A formula that begins with a place, in brackets or raised once that is filled.

    Args:
        text: the formula.
        binds: its precedence, if it does not begin with a minus sign.
        wanted: the precedence that it needs, or "superscript".
    """
    return f"{_OPEN}{binds} {wanted} {text}{_CLOSE}"


def equation(parts: Sequence[str]) -> str:
    """Formulas joined by =; those that turn out to be the same are written once.

    Args:
        parts: the formulas, no two of them the same.

    >>> equation(["f", "x", "2"])
    'f = x = 2'
    """
    if any(FIRST <= ord(character) <= LAST for part in parts for character in part):
        return f"{_CHAIN}{_LINK.join(parts)}{_END}"
    return " = ".join(parts)


class Wording(str):
    """Words that depend on a number.

    Args:
        text: the words for the number that there is, or its place.
        longest: the longest ones that there may be.
    """

    longest: str

    def __new__(cls, text: str, longest: str) -> Wording:
        self = super().__new__(cls, text)
        self.longest = longest
        return self


def longest(words: str) -> str:
    """The longest words that may stand there for other numbers.

    >>> longest(choice(1.0, "the larger one"))
    'only the larger one gets the gradient'
    """
    return words.longest if isinstance(words, Wording) else words


def choice(slope: float, chosen: str) -> Wording:
    """What is said of an argument with this derivative, where the value is one of several.

    Args:
        slope: 1, 0, or a share of 1 where several are equal.
        chosen: which argument the value is.

    >>> choice(1.0, "the larger one"), choice(0.5, "the larger one")
    ('the larger one gets the gradient', 'equal ones share the gradient')
    """
    others = f"only {chosen} gets the gradient"
    if isinstance(slope, Figure):
        return Wording(slope.written("choice", chosen), others)
    if slope == 1:
        return Wording(f"{chosen} gets the gradient", others)
    return Wording(others if slope == 0 else "equal ones share the gradient", others)
