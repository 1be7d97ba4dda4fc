"""Pages that compute: the numbers of a walk as a function of its leaves, in JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.figures import Figure, how
from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus.compiler.codegen.javascript import Script
from micrograd_plus.ops.operation import REALS
from micrograd_plus.walk.arithmetic import Arithmetic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from micrograd_plus.ops.operation import Op


class Figures(Arithmetic):
    """The arithmetic of a walk, written down as it is done, so that a page can do it again.

    Attributes:
        checks: what has to be finite, in the order in which it is computed: the position among
            the results of `function`, the name of the value whose operation it comes from, and
            what to say if it is not finite.

    >>> from micrograd_plus import values
    >>> from micrograd_plus.walk.steps import Walk
    >>> x, y = values(x=2, y=3)
    >>> figures = Figures()
    >>> walk = Walk(x * y + y, arithmetic=figures)
    >>> figures.position(walk.grad[y])
    5
    """

    def __init__(self) -> None:
        self.checks: list[tuple[int, str, str]] = []
        self._script = Script()
        self._results: dict[str, tuple[int, Any]] = {}  # by name: the position, and what it is
        self._places: dict[tuple[Any, ...], int] = {}

    # ------------------------------------------------------------------ what is written down

    def computed(self, number: float, how: Any) -> Figure:
        """A new figure.

        Args:
            number: its number.
            how: how it is computed from others.
        """
        return Figure(number, self._script.named(how), self)

    def place(self, figure: Figure, form: tuple[Any, ...]) -> int:
        """The number of the place of a figure that is written in some form.

        Args:
            figure: the figure.
            form: as the page's script knows it.
        """
        return self._places.setdefault((self.position(figure), *form), len(self._places))

    def position(self, number: float) -> int:
        """The position of a number among the results of `function`.

        Args:
            number: a figure, or what is always the same.
        """
        name = self._script.named(how(number))
        return self._results.setdefault(name.name, (len(self._results), name))[0]

    def content(self, places: Mapping[str, int]) -> dict[str, Any]:
        """What a page's script needs beside the function, as JSON data.

        Args:
            places: of the values in the picture, by their names.
        """
        checks = [(position, f"o{places[name]}", said) for position, name, said in self.checks]
        return {"places": [*self._places], "checks": checks}

    def function(self) -> str:
        """A function of the leaves' numbers, which returns all those that were asked for."""
        return self._script.function([name for _, name in self._results.values()])

    # ------------------------------------------------------------------ the arithmetic

    def given(self, number: float, name: str) -> float:
        return self.computed(super().given(number, name), self._script.given())

    def value(self, name: str, op: Op, args: Sequence[Any], numbers: Sequence[float]) -> float:
        made = self._figure(super().value(name, op, args, plain(numbers)), op, numbers)
        why = "the result is too large"
        if op.domain is not REALS:
            why = f"it is defined for {op.domain.text}"
        said = f"{op.name} of {_operands(args, numbers)} is not finite: {why}"
        return self._checked(made, name, said)

    def slopes(
        self, op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
    ) -> Sequence[Any]:
        found = super().slopes(op, args, plain(numbers), float(out))
        wanted = [type(arg) is not float for arg in args]
        return self._slopes(found, op, numbers, out, wanted)

    def gradient(
        self, number: float, name: str, op: Op, args: Sequence[Any], numbers: Sequence[float]
    ) -> float:
        super().gradient(float(number), name, op, args, plain(numbers))
        said = f"the gradient through {op.name} of {_operands(args, numbers)} is not finite"
        return self._checked(number, name, said)

    def tried(self, op: Op, numbers: Sequence[float]) -> float:
        return self._figure(super().tried(op, plain(numbers)), op, numbers)

    def every_slope(
        self, op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
    ) -> list[float]:
        found = super().every_slope(op, args, plain(numbers), float(out))
        return self._slopes(found, op, numbers, out, [True] * len(args))

    def _figure(self, number: float, op: Op, numbers: Sequence[float]) -> float:
        made: float = self._made(number, self._script.value(op, [*map(how, numbers)]))
        return made

    def _slopes(
        self,
        found: Sequence[Any],
        op: Op,
        numbers: Sequence[float],
        out: float,
        wanted: Sequence[bool],
    ) -> list[Any]:
        rules = self._script.slopes(op, how(out), [*map(how, numbers)], wanted)
        return list(map(self._made, found, rules))

    def _made(self, number: Any, rule: Any) -> Any:
        """A number by its rule: a figure, if the rule depends on any."""
        return number if isinstance(rule, float | int | None) else self.computed(number, rule)

    def _checked(self, number: float, name: str, said: str) -> float:
        if isinstance(number, Figure):
            self.checks.append((self.position(number), name, said))
        return number


def plain(numbers: Sequence[float]) -> list[float]:
    """Numbers as floats."""
    return list(map(float, numbers))


def _operands(args: Sequence[Any], numbers: Sequence[float]) -> str:
    written = list(map(text_number, numbers))
    labels = [text_name(getattr(arg, "label", "")) for arg in args]
    shown = [f"{a} = {x}" if a else x for a, x in zip(labels, written, strict=True)]
    if len(shown) > 8:
        shown[4:-4] = ["…"]
    return ", ".join(shown)
