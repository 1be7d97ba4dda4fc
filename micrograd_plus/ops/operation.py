"""The shape of an entry in the table of operations."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rule = Callable[..., Any]

_HOLE = re.compile(r"\{[0*]")
BINDING = ("sum", "negation", "product", "power", "atom")
"""The precedence of formulas, from the loosest to the tightest."""


class Domain(NamedTuple):
    """Where an operation is defined: in words, as a test, and as bounds of its first argument.

    Attributes:
        text: in words.
        contains: whether arguments are in it.
        low: the smallest first argument, if there is one.
        high: the largest.

    >>> positive = Domain("x > 0", lambda x: x > 0, low=0.0)
    >>> positive.contains(2.0), positive.high
    (True, inf)
    """

    text: str
    contains: Callable[..., bool]
    low: float = -math.inf
    high: float = math.inf


REALS = Domain("all real numbers", lambda *x: True)


class Symbol:
    """A number in a rule whose result must hold for all numbers: it can't be read.

    >>> rule = lambda m, out, x: 1.0 if x else 0.0
    >>> rule(None, None, Symbol())
    Traceback (most recent call last):
        ...
    TypeError: an operation's rule, <lambda> ..., reads a number, but must hold for all numbers...
    """

    def _looked_at(self, *args: Any) -> NoReturn:
        code = sys._getframe(1).f_code
        raise TypeError(
            f"an operation's rule, {code.co_name} at {code.co_filename}:{code.co_firstlineno}, "
            "reads a number, but must hold for all numbers at once: instead of if, float() or math "
            "write m.where(m.step(x), …, …), m.maximum, m.abs, m.exp and the like"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _looked_at
    __trunc__ = __floor__ = __ceil__ = __round__ = __abs__ = _looked_at
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _looked_at


class Op:
    """One entry of the table: all that the package knows of an operation.

    Rules are written over a namespace `m` of functions, which the numbers that they get belong to:
    floats, arrays, Values or formulas.

    Args:
        name: what it is called in Python and in errors. Two operations may have the same name.
        symbol: what is drawn in its circle, by default the name.
        formula: how it is written, by default as name(x, y). `{0:product}` is the first argument,
            in parentheses unless it binds at least as tightly as a product (see `BINDING`);
            `{1:superscript}` is raised; `{*}` are all arguments.
        latex: the same in LaTeX. A word such as ReLU, by default the name, or a command such as
            \\sin is followed by the arguments in parentheses.
        binds: the precedence of the formula, one of `BINDING`. What binds less than an
            atom is arithmetic: in a derivative that is written out, numbers alone are computed.
        joined: what stands between the repetitions of `formula`, for any number of arguments.
        simpler: `simpler(m, *args)`, given formulas and numbers: what a reader would write
            instead, as x for x · 1; None where it is written as it stands.
        gates: what is drawn for two arguments if the first, or the second, is a constant.
        parts: `parts(m, *args)`: the value by operations of `m` that can be drawn in its place.
        value: `value(m, *args)`; by default the namespace's own function of that name.
        partials: a rule `partial(m, out, *args)` for each argument, `out` being the value; for an
            operation on any number of arguments, one rule that returns all derivatives.
        named: `named(m, out, *args)`: all derivatives as a reader would write them, where that
            differs; `m.called(i, formula)` gives one about the i-th argument a name.
        chooses: for an operation whose value is one of its arguments: which one, as in "the larger
            one"; that one gets the gradient.
        slope: for an operation on one argument: `slope(out)`, its derivative from its value alone,
            where that costs much less. It has fewer correct digits where the value is close to a
            bound; the loops of compiled programs use it.
        at_once: for any number of arguments: whether the rules may be given one array that holds
            all of them as the only argument, so that a compiled program needs one line for
            thousands of them. They then reduce it by m.sum, m.max and m.min, and return one array
            of derivatives.
        primitive: whether `value` relies on the namespace's own function of that name.
        gradient: what the gradient is called in the picture of a program, where it stands for
            many arguments; by default name′.
        domain: where it is defined.
        kink: the distance of the arguments from the nearest point where the derivative jumps or
            does not exist; 0 there. None for an operation that is smooth on its domain.
        dead: whether a unit with these arguments is dead, that is, passes on neither a value nor
            a gradient.
        hint: `hint(sources, *args)`, given the numbers at which the value or a derivative is not
            finite, and the operations that made the arguments, None for leaves and constants:
            what is usually done about it, or "".
        commutative: whether its arguments can be exchanged.
        settings: the positions of the arguments that choose the function and are no data, such as
            an exponent or a bound.
        about: a phrase that says what it computes.
        example: arguments and the value that they give, for the documentation.
        source: the lecture, or the paper, that has its formula.

    Attributes:
        arity: the number of arguments; None where any number will do.

    >>> square = Op(
    ...     "square",
    ...     symbol="x²",
    ...     formula="{0:atom}²",
    ...     value=lambda m, x: x * x,
    ...     partials=(lambda m, out, x: 2 * x,),
    ...     about="the square",
    ...     example=((3.0,), 9.0),
    ... )
    >>> from micrograd_plus import check_gradients
    >>> from micrograd_plus.engine import apply
    >>> check_gradients(lambda x: apply(square, x), 3.0).rows[0].reverse
    6.0
    """

    __slots__ = (
        "about",
        "arity",
        "at_once",
        "binds",
        "chooses",
        "commutative",
        "dead",
        "domain",
        "example",
        "formula",
        "gates",
        "gradient",
        "hint",
        "joined",
        "kink",
        "latex",
        "name",
        "named",
        "partials",
        "parts",
        "primitive",
        "settings",
        "simpler",
        "slope",
        "source",
        "symbol",
        "value",
    )

    def __init__(
        self,
        name: str,
        *,
        symbol: str = "",
        formula: str = "",
        latex: str = "",
        binds: str = "atom",
        joined: str = "",
        simpler: Rule | None = None,
        gates: tuple[str, str] | None = None,
        parts: Rule | None = None,
        value: Rule | None = None,
        partials: tuple[Rule, ...] | Rule,
        named: Rule | None = None,
        chooses: str = "",
        slope: Callable[[Any], Any] | None = None,
        at_once: bool = False,
        primitive: bool = False,
        gradient: str = "",
        domain: Domain = REALS,
        kink: Callable[..., float] | None = None,
        dead: Callable[..., bool] | None = None,
        hint: Callable[..., str] | None = None,
        commutative: bool = True,
        settings: tuple[int, ...] = (),
        about: str,
        example: tuple[tuple[float, ...], float],
        source: str = "",
    ) -> None:
        self.name = name
        self.symbol = symbol or name
        holes = "{*}" if callable(partials) else ", ".join(f"{{{i}}}" for i in range(len(partials)))
        self.formula = formula or f"{name}({holes})"
        word = (latex or name).replace("_", r"\_")
        command = latex if latex.startswith("\\") else rf"\operatorname{{{{{word}}}}}"
        self.latex = latex if _HOLE.search(latex) else rf"{command}\left({holes}\right)"
        self.binds = binds
        self.joined = joined
        self.simpler = simpler
        self.gates = gates
        self.parts = parts
        self.value = value or (lambda m, *args: getattr(m, name)(*args))
        self.partials = partials
        self.arity = None if callable(partials) else len(partials)
        self.named = named
        self.chooses = chooses
        self.slope = slope
        self.at_once = at_once
        self.primitive = primitive or value is None
        self.gradient = gradient or f"{name}′"
        self.domain = domain
        self.kink = kink
        self.dead = dead
        self.hint = hint
        self.commutative = commutative
        self.settings = settings
        self.about = about
        self.example = example
        self.source = source

    def local_derivatives(
        self, m: Any, out: Any, args: Sequence[Any], wanted: Sequence[bool]
    ) -> Sequence[Any]:
        """The derivative of `out` with respect to each wanted argument, None for the others.

        What is not wanted is not computed, if it has a rule of its own: x³ at a negative x must
        not need log(x), which the derivative with respect to the exponent does.

        Args:
            m: the namespace to compute in, such as `floats`.
            out: the operation's value.
            args: its arguments.
            wanted: for each argument whether its derivative is wanted.
        """
        if callable(self.partials):
            everything: Sequence[Any] = self.partials(m, out, *args)
            return everything
        return [
            rule(m, out, *args) if want else None
            for rule, want in zip(self.partials, wanted, strict=True)
        ]

    def made(self, formula: Any) -> tuple[Any, ...]:
        """The arguments of `formula` if this operation is its outermost one, else none."""
        return formula.args if getattr(formula, "op", None) is self else ()

    def __copy__(self) -> Op:
        return self  # an entry never changes

    def __deepcopy__(self, memo: Any) -> Op:
        return self

    def __repr__(self) -> str:
        return f"<operation {self.name}: {self.about}>"
