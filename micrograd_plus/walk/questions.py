"""Questions about a graph's numbers: which answers are right, and what explains a wrong one.

Each question has the right number and those that common mistakes give, with a hint for each. So the
terminal and the page only compare numbers, by the same rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Literal, NamedTuple

from micrograd_plus._tools.text import brief, short, shorten, visible
from micrograd_plus.engine import Value
from micrograd_plus.walk.mistakes import Reader

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from micrograd_plus.walk.mistakes import Task, Wrong
    from micrograd_plus.walk.steps import Step, Walk

    Slot = Literal["data", "grad"]
    Hide = Literal["gradients", "values", "all"] | Value | Iterable[Value | str]

TRIES = 2
"""The number of tries at a question; then the solution is shown."""

CLOSE = "Close: two digits agree, but not all that you gave. Round at the very end only."
SCORE = "{right} of {asked} right, {first} of them at the first try"
UNREADABLE = "write a number such as 0.39, −2, 1/3 or 2.5e−7"

MOST = 40
"""The largest number of mistakes kept for a question."""

KINDS: dict[str, tuple[Slot, ...]] = {
    "gradients": ("grad",),
    "values": ("data",),
    "all": ("data", "grad"),
}

# Patterns that mean the same in Python and in JavaScript; the groups of a number are itself, its
# decimals and its exponent.
MINUS = "[−–]"
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
POWER = rf"(·|(?<![0-9.]))10(⁻?)([{RAISED}]+)"  # as in 2.5·10⁻⁷, and in 10⁻⁷
_NUMBER = r"([+-]?(?=\.?[0-9])[0-9]*(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?)"
ANSWER = rf"^[ \t\r\n]*{_NUMBER}(?:[ \t]*/[ \t]*{_NUMBER})?[ \t\r\n]*$"
LONGEST = 60
"""The largest number of characters in an answer."""


class Answer(NamedTuple):
    """A number as someone typed it.

    Attributes:
        number: the number.
        unit: the value of a unit in the last digit given; 0 for a fraction, which is exact.

    >>> read("2.50")
    Answer(number=2.5, unit=0.01)
    """

    number: float
    unit: float


def read(text: str) -> Answer:
    """The number that an answer gives.

    Args:
        text: a decimal number or a fraction of two, with any kind of minus sign.

    Raises:
        ValueError: it is neither, or not finite.

    >>> read("−0.39"), read("1/4")
    (Answer(number=-0.39, unit=0.01), Answer(number=0.25, unit=0.0))
    >>> read("2.5·10⁻⁷") == read("2.5e-7")
    True
    """
    plain = re.sub(MINUS, "-", re.sub(POWER, _with_exponent, text))
    found = re.match(ANSWER, plain) if len(text) <= LONGEST else None
    if found:
        number, below = float(found[1]), float(found[4] or 1)
        digits = int(found[3] or 0) - len(found[2] or "")
        if below and isfinite(number / below):
            return Answer(number / below, 0.0 if found[4] else float(f"1e{digits}"))
    raise ValueError(f"{short(brief(text.strip()))} is not a number: {UNREADABLE}")


def _with_exponent(found: re.Match[str]) -> str:
    """A power of ten in the way of floats: ·10⁻⁷ as e-7."""
    times, minus, digits = found.groups()
    exponent = "".join(str(RAISED.index(digit)) for digit in digits)
    return f"{'' if times else '1'}e{'-' * len(minus)}{exponent}"


class Target(NamedTuple):
    """A number that answers are compared with.

    Attributes:
        number: the number.
        slack: the largest difference that the rounding of floats explains.
        coarse: half a unit of its second significant digit.

    >>> target(0.25).agrees(read("1/4"))
    True
    """

    number: float
    slack: float
    coarse: float

    def agrees(self, answer: Answer) -> bool:
        """Whether an answer agrees in all digits that it has, and in two significant ones at least.

        Args:
            answer: as `read` gives it.

        >>> target(0.3932).agrees(read("0.39")), target(0.3932).agrees(read("0.395"))
        (True, False)
        """
        return self.near(answer, min(answer.unit / 2, self.coarse))

    def near(self, answer: Answer, distance: float) -> bool:
        """Whether an answer is within a distance, as far as floats can tell.

        Args:
            answer: as `read` gives it.
            distance: how far it may be from the number.
        """
        return abs(answer.number - self.number) <= distance + self.slack


def target(number: float, terms: Iterable[float] = ()) -> Target:
    """A number to compare answers with.

    Args:
        number: the number.
        terms: the numbers that it is the sum of, whose rounding errors it has; those that are not
            finite do not count.

    >>> target(2.0).number
    2.0
    """
    slack = 1e-9 * max(map(abs, filter(isfinite, (number, *terms))))
    exponent = int(f"{number:e}".partition("e")[2])
    return Target(number, slack, float(f"5e{exponent - 2}") if number else 0.0)


class Mistake(NamedTuple):
    """A common mistake: the number that it gives, and the hint that names it.

    Attributes:
        target: the number that it gives.
        hint: the hint that names it.

    >>> Mistake(target(4.0), "Operands swapped.").target.agrees(read("4"))
    True
    """

    target: Target
    hint: str


class Verdict(NamedTuple):
    """The judgement of an answer: whether it is right, and a hint if it is not.

    Attributes:
        right: whether the answer is right.
        hint: what to look at; "" if the answer is right.

    >>> Verdict(False, "Operands swapped.").right
    False
    """

    right: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One hidden number.

    Attributes:
        node: the value whose number or gradient is asked.
        slot: "data" for its number, "grad" for its gradient.
        asked: what is asked, such as ∂f/∂x.
        target: the right number.
        mistakes: the common mistakes; if several give the same number, the likeliest.
        hint: what to look at, for an answer that no mistake explains.
        steps: the steps of the walkthrough that lead to the number; a gradient has one for each
            path, and is complete after the last.

    >>> from micrograd_plus.walk.steps import Walk
    >>> x = Value(3.0, "x")
    >>> f = x * 2
    >>> question = questions(Walk(f), hide=[x])[0]
    >>> question.asked, question.judge("2").right, question.solution
    ('∂f/∂x', True, ['∂f/∂x = 2'])
    """

    node: Value
    slot: Slot
    asked: str
    target: Target
    mistakes: tuple[Mistake, ...]
    hint: str
    steps: tuple[Step, ...]

    def judge(self, text: str) -> Verdict:
        """Whether an answer is right, and if not, which mistake explains it.

        Args:
            text: the answer as it was typed.

        Raises:
            ValueError: the text is not a number.
        """
        answer = read(text)
        if self.target.agrees(answer):
            return Verdict(True)
        for mistake in self.mistakes:
            if mistake.target.agrees(answer):
                return Verdict(False, mistake.hint)
        return Verdict(False, CLOSE if self.target.near(answer, self.target.coarse) else self.hint)

    @property
    def solution(self) -> list[str]:
        """The walkthrough's sentences that lead to the number."""
        return [step.text for step in self.steps]


def questions(walk: Walk, hide: Hide = "gradients") -> list[Question]:
    """A question for each hidden number, in the order of the walk.

    Args:
        walk: the walk, its σ gates open.
        hide: "gradients", "values" (those of operations), "all", or the Values, or their names,
            whose gradients are asked.

    Raises:
        TypeError: `hide` is none of these.
        ValueError: `hide` names what the graph does not have, or nothing.

    >>> from micrograd_plus import values
    >>> from micrograd_plus.walk.steps import Walk
    >>> x, y, z = values(x=1, y=-3, z=4)
    >>> f = (x + y) * z
    >>> first, second, *others = questions(Walk(f))
    >>> first.asked, second.asked, second.judge("−2")
    ('∂f/∂f', '∂f/∂z', Verdict(right=True, hint=''))
    >>> second.judge("4").hint
    'Operands swapped: that is the derivative of f with respect to v₁, not z.'
    """
    found = posed(walk, _wanted(walk, hide))
    if not found:
        raise ValueError("there is nothing to ask: no operation, and so no value to work out")
    return list(map(_question, found))


class Posed(NamedTuple):
    """A question before it is known which answers are right.

    Attributes:
        node, slot, steps: as for `Question`.
        task: how the number is computed, and what mistakes give instead.

    >>> from micrograd_plus import values
    >>> from micrograd_plus.walk.steps import Walk
    >>> x, y = values(x=2, y=3)
    >>> [question] = posed(Walk(x * y), {(x, "grad")})
    >>> question.hint
    'Asked is ∂f/∂x, where f = x · y.'
    """

    node: Value
    slot: Slot
    steps: tuple[Step, ...]
    task: Task

    @property
    def hint(self) -> str:
        """What to look at, for an answer that no mistake explains."""
        return f"Asked is {self.task.rule}."


def posed(walk: Walk, wanted: Container[tuple[Value, Slot]]) -> list[Posed]:
    """What to ask of a walk, in the order of the walk.

    Args:
        walk: the walk, its σ gates open.
        wanted: the numbers: each value with "data" or "grad".

    >>> from micrograd_plus import values
    >>> from micrograd_plus.walk.steps import Walk
    >>> x, y = values(x=2, y=3)
    >>> f = x * y
    >>> [question.slot for question in posed(Walk(f), {(f, "data"), (x, "grad")})]
    ['data', 'grad']
    """
    found: dict[tuple[Value, Slot], list[Step]] = {}
    for step in walk:
        if step.node is not None:
            slot = step.changes[0].slot
            if (step.node, slot) in wanted:  # in the order of their last steps
                found[step.node, slot] = [*found.pop((step.node, slot), []), step]
    reader = Reader(walk)
    return [
        Posed(node, slot, tuple(way), _task(reader, node, slot, way))
        for (node, slot), way in found.items()
    ]


def _wanted(walk: Walk, hide: Hide) -> set[tuple[Value, Slot]]:
    if isinstance(hide, str):
        if hide not in KINDS:
            choices = ", ".join(map(repr, KINDS))
            raise ValueError(
                f"hide={short(hide)} is none of {choices}, or a list such as ['x', 'y']"
            )
        return {(node, slot) for node in walk.names for slot in KINDS[hide]}
    by_name = {name: node for node, name in walk.names.items()}
    wanted: set[tuple[Value, Slot]] = set()
    for one in [hide] if isinstance(hide, Value) else hide:
        if not isinstance(one, (Value, str)):
            raise TypeError(f"hide has Values and names, not {short(one)} ({type(one).__name__})")
        node = by_name.get(one) if isinstance(one, str) else one
        if node is None or node not in walk.names:
            known = shorten(", ".join(map(visible, by_name)), 200)
            raise ValueError(
                f"{walk.names[walk.root]} does not depend on {short(one)}; it has {known}"
            )
        wanted.add((node, "grad"))
    if not wanted:
        raise ValueError("hide is empty: there is nothing to ask")
    return wanted


def _task(reader: Reader, node: Value, slot: Slot, way: Sequence[Step]) -> Task:
    if slot == "grad":
        return reader.gradient(node, [step.edge for step in way if step.edge])
    return reader.value(node)


def _question(one: Posed) -> Question:
    right = target(one.steps[-1].changes[0].number, one.task.terms)
    mistakes = tuple(islice(_distinct(right, one.task.wrong), MOST))
    return Question(one.node, one.slot, one.task.asked, right, mistakes, one.hint, one.steps)


def _distinct(right: Target, wrong: Iterable[Wrong]) -> Iterator[Mistake]:
    """The mistakes whose numbers differ from the right one and from those of earlier mistakes."""
    seen = [right]
    for number, hint in wrong:
        if isfinite(number):
            answer = read(repr(number))
            if not any(one.agrees(answer) for one in seen):
                seen.append(target(number, [right.number]))
                yield Mistake(seen[-1], hint)


class Score(NamedTuple):
    """How many of the questions were answered right, and how many of these at the first try.

    Attributes:
        right: how many were answered right.
        first: how many of these at the first try.
        asked: how many there were.

    >>> print(Score(right=3, first=2, asked=4))
    3 of 4 right, 2 of them at the first try
    """

    right: int
    first: int
    asked: int

    def __str__(self) -> str:
        return SCORE.format(**self._asdict())
