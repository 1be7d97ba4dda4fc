"""The table of operations: all that the package knows of each one stands in its one entry.

An entry's rules are written once, over a namespace `m` of functions that the numbers belong to:
plain floats (`floats.py`), formulas that print themselves (`formula.py`), and whatever else can
add and multiply. So a rule never looks at a number to choose its way; it uses an operation such
as `m.step(x)` instead of an `if`.

To add an operation, add an entry here and its public name in `functions.py`.
"""

from __future__ import annotations

import builtins
from functools import partial
from operator import mul
from typing import TYPE_CHECKING, Any

from micrograd_plus.operation import Domain, Op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# ---------------------------------------------------------------------- arithmetic

add = Op(
    "add",
    symbol="+",
    formula="{0:sum} + {1:product}",
    latex="{0:sum} + {1:product}",
    binds="sum",
    gates=("+{0}", "+{1}"),
    value=lambda m, x, y: x + y,
    partials=(lambda m, out, x, y: 1.0, lambda m, out, x, y: 1.0),
    about="the sum x + y",
    example=((1.0, -3.0), -2.0),
    source="lecture A",
)

subtract = Op(
    "subtract",
    symbol="−",
    formula="{0:sum} − {1:product}",
    latex="{0:sum} - {1:product}",
    binds="sum",
    gates=("{0}−x", "−{1}"),
    commutative=False,
    value=lambda m, x, y: x - y,
    partials=(lambda m, out, x, y: 1.0, lambda m, out, x, y: -1.0),
    about="the difference x − y",
    example=((1.0, -3.0), 4.0),
)

multiply = Op(
    "multiply",
    symbol="×",
    formula="{0:negation} · {1:power}",
    latex=r"{0:negation} \cdot {1:power}",
    binds="product",
    gates=("×{0}", "×{1}"),
    value=lambda m, x, y: x * y,
    partials=(lambda m, out, x, y: y, lambda m, out, x, y: x),
    about="the product x · y",
    example=((-2.0, 4.0), -8.0),
    source="lecture A",
)

divide = Op(
    "divide",
    symbol="÷",
    formula="{0:product} / {1:power}",
    latex=r"\frac{{{0}}}{{{1}}}",
    binds="product",
    gates=("{0}/x", "÷{1}"),
    commutative=False,
    value=lambda m, x, y: x / y,
    # −(x/y)/y, not −x/y²: y² leaves the range of floats long before the quotient does
    partials=(lambda m, out, x, y: 1.0 / y, lambda m, out, x, y: -(out / y)),
    domain=Domain("y ≠ 0", lambda x, y: y != 0),
    about="the quotient x / y",
    example=((1.0, 4.0), 0.25),
)

negate = Op(
    "negate",
    symbol="×−1",
    formula="−{0:product}",
    latex="-{0:product}",
    binds="negation",
    value=lambda m, x: -x,
    partials=(lambda m, out, x: -1.0,),
    about="the negative −x",
    example=((1.0,), -1.0),
    source="lecture A",
)

reciprocal = Op(
    "reciprocal",
    symbol="1/x",
    formula="1 / {0:power}",
    latex=r"\frac{{1}}{{{0}}}",
    binds="product",
    value=lambda m, x: 1.0 / x,
    partials=(lambda m, out, x: -(out / x),),
    domain=Domain("x ≠ 0", lambda x: x != 0),
    about="the reciprocal 1 / x",
    example=((4.0,), 0.25),
    source="lecture A",
)

power = Op(
    "power",
    symbol="^",
    formula="{0:atom}{1:superscript}",
    latex="{{{0:atom}}}^{{{1}}}",
    binds="power",
    gates=("{0}ˣ", "x{1:superscript}"),
    commutative=False,
    partials=(
        # sign² is 1, and 0 at 0: there x⁰ has the derivative 0 for x = 0, and 0ʸ that of 0 for y
        lambda m, out, x, y: y * m.power(x, y - m.sign(y) * m.sign(y)),
        lambda m, out, x, y: out * m.log(x + (1.0 - m.sign(x) * m.sign(x))),
    ),
    domain=Domain(
        "x > 0, or x = 0 and y ≥ 0, or x < 0 and a whole y",
        lambda x, y: x > 0 or (x == 0 and y >= 0) or (x < 0 and y == int(y)),
    ),
    about="x to the power y",
    example=((2.0, 3.0), 8.0),
)

# ----------------------------------------------------------------- functions of math

exp = Op(
    "exp",
    latex="e^{{{0}}}",
    binds="atom",
    partials=(lambda m, out, x: out,),
    about="the exponential eˣ",
    example=((0.0,), 1.0),
    source="lecture A",
)

log = Op(
    "log",
    latex=r"\log",
    partials=(lambda m, out, x: 1.0 / x,),
    domain=Domain("x > 0", lambda x: x > 0, low=0.0),
    about="the natural logarithm of x",
    example=((1.0,), 0.0),
    source="lecture A",
)

sqrt = Op(
    "sqrt",
    symbol="√",
    formula="√{0:atom}",
    latex=r"\sqrt{{{0}}}",
    partials=(lambda m, out, x: 1.0 / (2.0 * out),),
    domain=Domain("x ≥ 0", lambda x: x >= 0, low=0.0),
    kink=lambda x: x,
    about="the square root of x",
    example=((9.0,), 3.0),
)

sin = Op(
    "sin",
    latex=r"\sin",
    partials=(lambda m, out, x: m.cos(x),),
    about="the sine of x, in radians",
    example=((0.0,), 0.0),
    source="lecture C",
)

cos = Op(
    "cos",
    latex=r"\cos",
    partials=(lambda m, out, x: -m.sin(x),),
    about="the cosine of x, in radians",
    example=((0.0,), 1.0),
    source="lecture C",
)

abs = Op(
    "abs",
    symbol="|x|",
    formula="|{0}|",
    latex=r"\left|{0}\right|",
    partials=(lambda m, out, x: m.sign(x),),
    kink=lambda x: x,
    about="the absolute value |x|, with the derivative 0 at x = 0",
    example=((-3.0,), 3.0),
)

sign = Op(
    "sign",
    value=lambda m, x: m.where(x > 0, 1.0, m.where(x < 0, -1.0, 0.0)),
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x,
    about="the sign of x: −1, 0 or 1",
    example=((-3.0,), -1.0),
    source="lecture C",
)

maximum = Op(
    "maximum",
    symbol="max",
    formula="max({0}, {1})",
    latex=r"\max",
    partials=(
        lambda m, out, x, y: (1.0 + m.sign(x - y)) / 2.0,
        lambda m, out, x, y: (1.0 + m.sign(y - x)) / 2.0,
    ),
    kink=lambda x, y: x - y,
    about="the larger of x and y; a tie gives half of the derivative to each",
    example=((2.0, 3.0), 3.0),
    source="lecture A",
)

minimum = Op(
    "minimum",
    symbol="min",
    formula="min({0}, {1})",
    latex=r"\min",
    partials=(
        lambda m, out, x, y: (1.0 + m.sign(y - x)) / 2.0,
        lambda m, out, x, y: (1.0 + m.sign(x - y)) / 2.0,
    ),
    kink=lambda x, y: x - y,
    about="the smaller of x and y; a tie gives half of the derivative to each",
    example=((2.0, 3.0), 2.0),
)

# ---------------------------------------------------------------------- activations

tanh = Op(
    "tanh",
    latex=r"\tanh",
    partials=(lambda m, out, x: 1.0 - out * out,),
    about="the hyperbolic tangent of x",
    example=((0.0,), 0.0),
    source="lecture B",
)


def _sigmoid(m: Any, x: Any) -> Any:
    z = m.exp(-m.abs(x))  # never overflows, and keeps full precision at both ends
    return m.where(x >= 0, 1.0, z) / (1.0 + z)


sigmoid = Op(
    "sigmoid",
    symbol="σ",
    formula="σ({0})",
    latex=r"\sigma",
    value=_sigmoid,
    partials=(lambda m, out, x: out * (1.0 - out),),
    about="the logistic function σ(x) = 1 / (1 + e⁻ˣ)",
    example=((0.0,), 0.5),
    source="lecture A",
)

step = Op(
    "step",
    value=lambda m, x: m.where(x > 0, 1.0, 0.0),
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x,
    about="the step function: 1 if x > 0, else 0",
    example=((2.0,), 1.0),
    source="lecture B",
)

relu = Op(
    "relu",
    symbol="ReLU",
    formula="ReLU({0})",
    latex="ReLU",
    value=lambda m, x: m.maximum(x, 0.0),
    partials=(lambda m, out, x: m.step(x),),
    kink=lambda x: x,
    about="the rectified linear unit max(0, x), with the derivative 0 at x = 0",
    example=((-2.0,), 0.0),
    source="lecture A",
)

softplus = Op(
    "softplus",
    # log(1 + eˣ), without overflow and without losing the digits of eˣ where x is negative
    value=lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-m.abs(x))),
    partials=(lambda m, out, x: m.sigmoid(x),),
    about="the smooth rectifier log(1 + eˣ)",
    example=((1000.0,), 1000.0),
)

# ------------------------------------------------------- of any number of arguments

sum = Op(
    "sum",
    symbol="Σ",
    formula="{0:product}",
    latex="{0:product}",
    joined=" + ",
    binds="sum",
    value=lambda m, *args: builtins.sum(args),
    partials=lambda m, out, *args: (1.0,) * len(args),
    about="the sum of any number of arguments",
    example=((1.0, 2.0, 3.0), 6.0),
)


def _dot(m: Any, *args: Any) -> Any:
    half = len(args) // 2
    return builtins.sum(map(mul, args[:half], args[half:]))


def _dot_partials(m: Any, out: Any, *args: Any) -> Sequence[Any]:
    half = len(args) // 2
    return args[half:] + args[:half]


dot = Op(
    "dot",
    symbol="Σ",
    formula="{0:product} · {1:power}",
    latex=r"{0:product} \cdot {1:power}",
    joined=" + ",
    binds="sum",
    commutative=False,
    value=_dot,
    partials=_dot_partials,
    about="the sum of products w₁·x₁ + w₂·x₂ + …, its arguments being all w, then all x",
    example=((1.0, 2.0, 3.0, 4.0), 11.0),
    source="lecture A",
)

# ------------------------------------------------------------------------ the table

TABLE: dict[str, Op] = {entry.name: entry for entry in vars().values() if isinstance(entry, Op)}


def find(name: str) -> Op:
    """The entry of that name.

    Raises:
        KeyError: the table has none; the message lists those it has.
    """
    try:
        return TABLE[name]
    except KeyError:
        known = ", ".join(sorted(TABLE))
        raise KeyError(f"no operation is called {name!r}; there are {known}") from None


class Namespace:
    """Functions for one kind of number; what a subclass lacks, the table's own rules supply."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE:
            raise AttributeError(f"{type(self).__name__} has no function {name!r}")
        function = partial(TABLE[name].value, self)
        setattr(self, name, function)  # found directly from now on
        return function
