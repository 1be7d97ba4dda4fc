"""Errors about numbers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import short, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from micrograd_plus.ops.operation import Op


class NonFiniteError(ArithmeticError, ValueError):
    """A result or a derivative that is not a finite real number.

    Attributes:
        op: the operation; None for a number that never entered a graph.
        operands: its arguments, a tuple.
        numbers: their numbers, a tuple.

    >>> from micrograd_plus import Value, log
    >>> try:
    ...     log(Value(-1.0))
    ... except NonFiniteError as error:
    ...     print(error.op, error.numbers)
    <operation log: the natural logarithm of x> (-1.0,)
    """

    def __init__(
        self,
        message: str,
        op: Op | None = None,
        args: Sequence[Any] = (),
        numbers: Sequence[float] = (),
    ) -> None:
        super().__init__(message)
        self.op = op
        self.operands = tuple(args)
        self.numbers = tuple(numbers)


def choose(begins: str, name: object, known: Collection[str]) -> str:
    """The error about a name that there is not: what was meant, perhaps, and what there is.

    Args:
        begins: the beginning of the sentence.
        name: the unknown name.
        known: the names that exist.

    >>> choose("there is no format", "sgv", ["svg", "png"])
    "there is no format 'sgv' (did you mean svg?); choose from svg, png"
    """
    names = shorten(", ".join(map(visible, known)), 300)
    return f"{begins} {short(name)}{did_you_mean(name, known)}; choose from {names}"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The suggestion that an error about an unknown name ends in; "" if no name is similar.

    Args:
        name: the unknown name.
        known: the names that exist.

    >>> did_you_mean("ReLu", ["relu", "tanh"])
    ' (did you mean relu?)'
    """
    from difflib import get_close_matches  # loaded only after an error

    names = {other.casefold(): other for other in known}
    asked = name[:100].casefold() if isinstance(name, str) else ""
    near = get_close_matches(asked, names, n=1, cutoff=0.65)
    return f" (did you mean {names[near[0]]}?)" if near else ""
