"""Sentences of equations, which say the rule with names first and the numbers second."""

from __future__ import annotations

import math
from functools import reduce
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools import figures
from micrograd_plus.walk.formula import (
    LATEX,
    TEXT,
    Derivative,
    Notation,
    Remark,
    Term,
    formulas,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 120
"""The number of characters that a sentence should have at most."""

RULE, MEANING, NUMBERS, CHAIN = 1, 2, 3, 4  # parts that may be left out, the last ones first

# how many terms of a sum are written, and which parts of an equation, in shorter and shorter ways
_WAYS = (
    (8, CHAIN),
    (8, NUMBERS),
    (5, NUMBERS),
    (3, NUMBERS),
    (3, MEANING),
    (2, MEANING),
    (3, RULE),
    (2, RULE),
    (2, 0),
)


class Equation(NamedTuple):
    """What equals what: `left`, then `parts`, each a formula and how soon it is left out, 0: never.

    Without parts `left` is a statement by itself; when all are left out, nothing is written.
    """

    left: Any
    parts: Sequence[tuple[Any, int]] = ()

    def written(self, names: Notation, numbers: Notation, rank: int) -> list[str]:
        """Its sides, each once, without the parts beyond a rank.

        Args:
            names: the notation of rules.
            numbers: that of numbers.
            rank: the rank.
        """
        right = [
            write(formula, numbers if order in (0, NUMBERS) else names)
            for formula, order in self.parts
            if order <= rank
        ]
        sides = [write(self.left, names), *right] if right or not self.parts else []
        return [*dict.fromkeys(sides)]


class Sentence(NamedTuple):
    """A sentence as text, and the sides of its equations in LaTeX."""

    text: str
    latex: list[list[str]]


def sentence(
    equations: Sequence[Equation], notations: tuple[Notation, Notation] = (TEXT, LATEX)
) -> Sentence:
    """Equations as one sentence, without the parts that would make it too long.

    Args:
        equations: the equations.
        notations: how they are written, as text and as LaTeX.

    >>> from micrograd_plus.walk.formula import Name
    >>> x, y = Name("x"), Name("y")
    >>> sentence([Equation(y, [(x * x, RULE), (9.0, 0)])]).text
    'y = x² = 9'
    """
    plain, latex = notations
    for most, rank in _WAYS:
        if _length(equations, plain._replace(most=most), rank) <= LONGEST:
            break
    text, formulas = (
        [equation.written(notation, notation, rank) for equation in equations]
        for notation in (plain._replace(most=most), latex._replace(most=most))
    )
    return Sentence(", ".join(map(figures.equation, filter(None, text))), [*filter(None, formulas)])


def _length(equations: Sequence[Equation], plain: Notation, rank: int) -> int:
    """About how long a sentence is, whatever the numbers in it are."""
    number = "0" * len(plain.number(math.pi / 10))
    plain = plain._replace(words=figures.longest)
    blank = plain._replace(number=lambda x: number)
    sides = (equation.written(plain, blank, rank) for equation in equations)
    return len(", ".join(map(" = ".join, filter(None, sides))))


def listed(equations: Sequence[Equation], notations: tuple[Notation, Notation]) -> Sentence:
    """As many of the equations as a sentence has room for, and how many there are."""
    rest = [Equation(Remark(None, (f"… ({len(equations):,} numbers)",)))]

    def fits(count: int) -> bool:
        some = [*equations[:count], *rest] if count < len(equations) else equations
        return _length(some, notations[0], 0) <= LONGEST

    if fits(len(equations)):
        return sentence(equations, notations)
    shown = sum(1 for _ in takewhile(fits, range(2, len(equations)))) + 1
    return sentence([*equations[:shown], *rest], notations)


def plus(x: Any, y: Any) -> Term:
    """The sum x + y, written as x − 3 where y is the constant −3."""
    if isinstance(y, float) and y < 0:
        return Term(ops.subtract, (x, -y))
    return Term(ops.add, (x, y))


def times(x: Any, y: Any) -> Any:
    """The product x · y; −1 · (1 − p) is written as p − 1.

    >>> from micrograd_plus.walk.formula import Name
    >>> p = Name("p")
    >>> [write(times(-1.0, y)) for y in (p, -p, 1.0 - p)], write(times(2.0, p))
    (['−p', 'p', 'p − 1'], '2 · p')
    """
    if x != -1.0:
        return formulas.multiply(x, y)
    if minus := ops.negate.made(y):
        return minus[0]
    if difference := ops.subtract.made(y):
        return difference[1] - difference[0]
    return -y


def total(shares: Sequence[Any]) -> Any:
    """The sum of what flows along several paths, as a formula; None if it has several gradients.

    >>> from micrograd_plus.walk.formula import Name
    >>> p, c = Name("p"), Name("c")
    >>> write(total([-1.0, p])), write(total([2.0 * c, c])), total([1.0, 2.0])
    ('p − 1', '3 · c', 3.0)
    """
    number, factors = 0.0, dict[Any, float]()
    for share in shares:
        if isinstance(share, float):
            number += share
            continue
        factor, rest = 1.0, share
        if minus := ops.negate.made(share):
            factor, rest = -1.0, minus[0]
        elif (product := ops.multiply.made(share)) and isinstance(product[0], float):
            factor, rest = product
        factors[rest] = factors.get(rest, 0.0) + factor
    several = len(factors) > 1 or any(isinstance(share, float) for share in shares)
    if several and any(names(share, Derivative) for share in factors):
        return None
    terms = [formulas.multiply(factor, rest) for rest, factor in factors.items()]
    return reduce(plus, [*terms, number] if number or not terms else terms)


def names(formula: Any, kind: type) -> list[Any]:
    """The names, or the derivatives, in a formula."""
    if isinstance(formula, Term):
        return [found for arg in formula.args for found in names(arg, kind)]
    return [formula] if isinstance(formula, kind) else []
