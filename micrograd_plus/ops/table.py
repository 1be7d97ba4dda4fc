"""The table of operations: all that the package knows of each one stands in its one entry.

An entry is read as in the lecture's table: name, function, derivative. Its rules are written once,
over a namespace `m` of functions for the kind of numbers that they are given: floats (`floats.py`),
Values, arrays, or formulas that print themselves. So a rule never reads a number to decide what to
do; where Python would need an `if`, it uses an operation such as `m.step(x)`.

At a kink the derivative is that of one side, or is shared by the arguments that tie, and higher
derivatives are those of the same side; where there is no derivative, the rule gives inf or nan.

To add an operation, add an entry here and its public name in `functions.py`.
"""

from __future__ import annotations

import builtins
import copyreg
import math
import operator
from functools import cache, partial, reduce
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import short
from micrograd_plus.ops.operation import Domain, Op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ROOT_2 = math.sqrt(2)
_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)

_POSITIVE = Domain("x > 0", lambda x: x > 0, low=0.0)
_SINES = Domain("−1 ≤ x ≤ 1", lambda x: -1 <= x <= 1, low=-1.0, high=1.0)
_SOME = Domain("one number or more", lambda *args: len(args) > 0)

_EQUAL = "the denominator is a difference of equal numbers; treat equality by itself"
_OVERFLOW = "softmax, logsumexp, sigmoid or softplus don't overflow where exp does"
_lecture = "lecture {}, see help(micrograd_plus)".format
_ROOT_OF_0 = "the derivative of a root is infinite at 0; add a small constant, √(x + 1e-12)"

# ---------------------------------------------------------------------- arithmetic

add = Op(
    "add",
    symbol="+",
    formula="{0:sum} + {1:product}",
    latex="{0:sum} + {1:product}",
    binds="sum",
    simpler=lambda m, x, y: y if x == 0.0 else x if y == 0.0 else None,
    gates=("+{0}", "+{1}"),
    value=lambda m, x, y: x + y,
    partials=(lambda m, out, x, y: 1.0, lambda m, out, x, y: 1.0),
    about="the sum x + y",
    example=((1.0, -3.0), -2.0),
    source=_lecture("A"),
)

subtract = Op(
    "subtract",
    symbol="−",
    formula="{0:sum} − {1:product}",
    latex="{0:sum} - {1:product}",
    binds="sum",
    simpler=lambda m, x, y: x if y == 0.0 else None,
    gates=("{0}−x", "−{1}"),
    value=lambda m, x, y: x - y,
    partials=(lambda m, out, x, y: 1.0, lambda m, out, x, y: -1.0),
    commutative=False,
    about="the difference x − y",
    example=((1.0, -3.0), 4.0),
)


def _simpler_product(m: Any, x: Any, y: Any) -> Any:
    if x == 0.0 or y == 0.0:
        return 0.0
    if x == 1.0 or y == 1.0:
        return y if x == 1.0 else x
    return m.power(x, 2.0) if x == y else None


multiply = Op(
    "multiply",
    symbol="×",
    formula="{0:negation} · {1:power}",
    latex=r"{0:negation} \cdot {1:power}",
    binds="product",
    simpler=_simpler_product,
    gates=("×{0}", "×{1}"),
    value=lambda m, x, y: x * y,
    partials=(lambda m, out, x, y: y, lambda m, out, x, y: x),
    about="the product x · y",
    example=((-2.0, 4.0), -8.0),
    source=_lecture("A"),
)


def _simpler_quotient(m: Any, x: Any, y: Any) -> Any:
    if y == 1.0:
        return x
    if above := divide.made(x):
        return m.divide(above[0], m.multiply(above[1], y))
    if below := reciprocal.made(x):
        return m.reciprocal(m.multiply(*below, y))
    return None


divide = Op(
    "divide",
    symbol="÷",
    formula="{0:product} / {1:power}",
    latex=r"\frac{{{0}}}{{{1}}}",
    binds="product",
    simpler=_simpler_quotient,
    gates=("{0}/x", "÷{1}"),
    value=lambda m, x, y: x / y,
    # −(x/y)/y, not −x/y²: y² leaves the range of floats long before the quotient does
    partials=(lambda m, out, x, y: 1.0 / y, lambda m, out, x, y: -(out / y)),
    domain=Domain("y ≠ 0", lambda x, y: y != 0),
    hint=lambda sources, x, y: _EQUAL if sources[1] is subtract else "",
    commutative=False,
    about="the quotient x / y",
    example=((1.0, 4.0), 0.25),
)


def _to_whole(x: float, y: float) -> float:
    """How far x, or y alone, has to move for x / y to be a whole number."""
    quotient = x / y
    if not math.isfinite(quotient):
        return 0.0
    below = math.floor(quotient)
    found = [builtins.abs(x - n * y) for n in (below, below + 1)]
    return builtins.min(found + [builtins.abs(y - x / n) for n in (below, below + 1) if n])


mod = Op(
    "mod",
    formula="{0:product} mod {1:power}",
    latex=r"{0:product} \operatorname{{mod}} {1:power}",
    binds="product",
    gates=("{0} mod x", "mod {1}"),
    partials=(lambda m, out, x, y: 1.0, lambda m, out, x, y: -m.floor_divide(x, y)),
    domain=Domain("y ≠ 0", lambda x, y: y != 0),
    kink=_to_whole,
    commutative=False,
    about="the remainder x % y = x − y · ⌊x / y⌋, which has the sign of y",
    example=((-7.0, 3.0), 2.0),
)

floor_divide = Op(
    "floor_divide",
    symbol="⌊÷⌋",
    formula="⌊{0:product} / {1:power}⌋",
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    gates=("⌊{0}/x⌋", "⌊÷{1}⌋"),
    # not ⌊x / y⌋: where the quotient is just below a whole number, it is rounded to that
    value=lambda m, x, y: m.round(x / y - m.mod(x, y) / y),
    partials=(lambda m, out, x, y: 0.0, lambda m, out, x, y: 0.0),
    domain=Domain("y ≠ 0", lambda x, y: y != 0),
    kink=_to_whole,
    commutative=False,
    about="the largest whole number x // y that is at most x / y",
    example=((-7.0, 3.0), -3.0),
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
    source=_lecture("A"),
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
    hint=lambda sources, x: _EQUAL if sources[0] is subtract else "",
    about="the reciprocal 1 / x",
    example=((4.0,), 0.25),
    source=_lecture("A"),
)


def _simpler_power(m: Any, x: Any, y: Any) -> Any:
    if y == 2.0 and (arg := sech.made(x)):
        return 1.0 - m.power(m.tanh(*arg), 2.0)  # as lectures write it
    if y == 2.0 and (sides := hypot.made(x)):
        return m.add(*(m.power(side, 2.0) for side in sides))
    return x if y == 1.0 else None


power = Op(
    "power",
    symbol="^",
    formula="{0:atom}{1:superscript}",
    latex="{{{0:atom}}}^{{{1}}}",
    binds="power",
    simpler=_simpler_power,
    gates=("{0}ˣ", "x{1:superscript}"),
    partials=(
        # at x = 0 the derivative of x⁰ is 0
        lambda m, out, x, y: y * m.power(x + m.is_zero(x) * m.is_zero(y), y - 1.0),
        lambda m, out, x, y: m.xlogy(out, x),
    ),
    domain=Domain(
        "x > 0, or x = 0 and y ≥ 0, or x < 0 and a whole y",
        lambda x, y: x > 0 or (x == 0 and y >= 0) or (x < 0 and y == int(y)),
    ),
    commutative=False,
    settings=(1,),
    about="x to the power y",
    example=((2.0, 3.0), 8.0),
)

# ------------------------------------------------------- exponentials and logarithms

exp = Op(
    "exp",
    latex="e^{{{0}}}",
    partials=(lambda m, out, x: out,),
    hint=lambda sources, x: _OVERFLOW,
    about="the exponential eˣ",
    example=((0.0,), 1.0),
    source=_lecture("A"),
)

expm1 = Op(
    "expm1",
    symbol="eˣ−1",
    formula="exp({0}) − 1",
    latex="e^{{{0}}} - 1",
    binds="sum",
    partials=(lambda m, out, x: m.exp(x),),
    about="eˣ − 1, with all digits near x = 0",
    example=((0.0,), 0.0),
)


def _underflow(sources: Sequence[Op | None], x: float) -> str:
    better = "log_softmax, log_sigmoid or logsumexp don't underflow where log of it does"
    return better if sources[0] in (exp, sigmoid, divide) else ""


log = Op(
    "log",
    latex=r"\log",
    partials=(lambda m, out, x: 1.0 / x,),
    domain=_POSITIVE,
    hint=_underflow,
    about="the natural logarithm of x",
    example=((1.0,), 0.0),
    source=_lecture("A"),
)

log1p = Op(
    "log1p",
    formula="log(1 + {0:product})",
    latex=r"\log\left(1 + {0:product}\right)",
    partials=(lambda m, out, x: 1.0 / (1.0 + x),),
    domain=Domain("x > −1", lambda x: x > -1, low=-1.0),
    about="log(1 + x), with all digits near x = 0",
    example=((0.0,), 0.0),
)

log2 = Op(
    "log2",
    symbol="log₂",
    formula="log₂({0})",
    latex=r"\log_2\left({0}\right)",
    partials=(lambda m, out, x: 1.0 / m.log(2.0) / x,),  # x · log(2) may be too large
    domain=_POSITIVE,
    about="the logarithm of x to base 2",
    example=((8.0,), 3.0),
)

log10 = Op(
    "log10",
    symbol="log₁₀",
    formula="log₁₀({0})",
    latex=r"\log_{{10}}\left({0}\right)",
    partials=(lambda m, out, x: 1.0 / m.log(10.0) / x,),
    domain=_POSITIVE,
    about="the logarithm of x to base 10",
    example=((1000.0,), 3.0),
)

xlogy = Op(
    "xlogy",
    formula="{0:negation} · log({1})",
    latex=r"{0:negation} \cdot \log\left({1}\right)",
    binds="product",
    value=lambda m, x, y: x * m.log(y + m.is_zero(x) * m.is_zero(y)),
    partials=(lambda m, out, x, y: m.log(y), lambda m, out, x, y: x / y),
    domain=Domain("y > 0, or x = 0 and y = 0", lambda x, y: y > 0 or x == y == 0),
    kink=lambda x, y: y,
    commutative=False,
    about="x · log(y), which is 0 where both are 0",
    example=((2.0, 1.0), 0.0),
)

sqrt = Op(
    "sqrt",
    symbol="√",
    formula="√{0:atom}",
    latex=r"\sqrt{{{0}}}",
    partials=(lambda m, out, x: 1.0 / (2.0 * out),),
    domain=Domain("x ≥ 0", lambda x: x >= 0, low=0.0),
    kink=lambda x: x,
    hint=lambda sources, x: "" if x else _ROOT_OF_0,
    about="the square root of x",
    example=((9.0,), 3.0),
)

cbrt = Op(
    "cbrt",
    symbol="∛",
    formula="∛{0:atom}",
    latex=r"\sqrt[3]{{{0}}}",
    partials=(lambda m, out, x: 1.0 / (3.0 * (out * out)),),
    kink=lambda x: x,
    about="the cube root of x",
    example=((-1.0,), -1.0),
)

hypot = Op(
    "hypot",
    formula="√({0:power}² + {1:power}²)",
    latex=r"\sqrt{{{{{0:atom}}}^2 + {{{1:atom}}}^2}}",
    partials=(lambda m, out, x, y: x / out, lambda m, out, x, y: y / out),
    kink=lambda x, y: builtins.abs(x) + builtins.abs(y),
    hint=lambda sources, x, y: "" if x or y else _ROOT_OF_0,
    about="the length √(x² + y²)",
    example=((3.0, 4.0), 5.0),
)

# ------------------------------------------------------- trigonometry, angles in radians

sin = Op(
    "sin",
    latex=r"\sin",
    partials=(lambda m, out, x: m.cos(x),),
    about="the sine of x",
    example=((0.0,), 0.0),
    source=_lecture("C"),
)

cos = Op(
    "cos",
    latex=r"\cos",
    partials=(lambda m, out, x: -m.sin(x),),
    about="the cosine of x",
    example=((0.0,), 1.0),
    source=_lecture("C"),
)

tan = Op(
    "tan",
    latex=r"\tan",
    partials=(lambda m, out, x: 1.0 + out * out,),
    about="the tangent of x",
    example=((0.0,), 0.0),
)

asin = Op(
    "asin",
    latex=r"\arcsin",
    partials=(lambda m, out, x: 1.0 / m.sqrt((1.0 - x) * (1.0 + x)),),
    domain=_SINES,
    kink=lambda x: 1 - builtins.abs(x),
    about="the angle between −π/2 and π/2 whose sine is x",
    example=((0.0,), 0.0),
)

acos = Op(
    "acos",
    latex=r"\arccos",
    partials=(lambda m, out, x: -(1.0 / m.sqrt((1.0 - x) * (1.0 + x))),),
    domain=_SINES,
    kink=lambda x: 1 - builtins.abs(x),
    about="the angle between 0 and π whose cosine is x",
    example=((1.0,), 0.0),
)

atan = Op(
    "atan",
    latex=r"\arctan",
    # not 1 / (1 + x²): x² leaves the range of floats long before its reciprocal does
    partials=(lambda m, out, x: 1.0 / m.hypot(1.0, x) / m.hypot(1.0, x),),
    about="the angle between −π/2 and π/2 whose tangent is x",
    example=((0.0,), 0.0),
)

atan2 = Op(
    "atan2",
    formula="atan2({0}, {1})",
    partials=(
        lambda m, out, y, x: x / m.hypot(y, x) / m.hypot(y, x),
        lambda m, out, y, x: -(y / m.hypot(y, x) / m.hypot(y, x)),
    ),
    kink=lambda y, x: y if x <= 0 else x,
    commutative=False,
    about="the angle between −π and π of the point (x, y), as atan2(y, x)",
    example=((0.0, 1.0), 0.0),
)

sinh = Op(
    "sinh",
    latex=r"\sinh",
    partials=(lambda m, out, x: m.cosh(x),),
    about="the hyperbolic sine of x",
    example=((0.0,), 0.0),
)

cosh = Op(
    "cosh",
    latex=r"\cosh",
    partials=(lambda m, out, x: m.sinh(x),),
    about="the hyperbolic cosine of x",
    example=((0.0,), 1.0),
)

tanh = Op(
    "tanh",
    latex=r"\tanh",
    # 1 − out² would lose digits where out is close to 1, all of them from |x| = 19 on
    partials=(lambda m, out, x: m.power(m.sech(x), 2.0),),
    slope=lambda out: 1.0 - out * out,
    about="the hyperbolic tangent of x",
    example=((0.0,), 0.0),
    source=_lecture("B"),
)

sech = Op(
    "sech",
    value=lambda m, x: 1.0 / m.cosh(x),
    partials=(lambda m, out, x: -(out * m.tanh(x)),),
    about="1 / cosh(x), whose square is the derivative of tanh",
    example=((0.0,), 1.0),
)

asinh = Op(
    "asinh",
    partials=(lambda m, out, x: 1.0 / m.hypot(1.0, x),),
    about="the inverse of sinh at x",
    example=((0.0,), 0.0),
)

acosh = Op(
    "acosh",
    partials=(lambda m, out, x: 1.0 / (m.sqrt(x - 1.0) * m.sqrt(x + 1.0)),),
    domain=Domain("x ≥ 1", lambda x: x >= 1, low=1.0),
    kink=lambda x: x - 1,
    about="the inverse of cosh at x",
    example=((1.0,), 0.0),
)

atanh = Op(
    "atanh",
    partials=(lambda m, out, x: 1.0 / ((1.0 - x) * (1.0 + x)),),
    domain=Domain("−1 < x < 1", lambda x: -1 < x < 1, low=-1.0, high=1.0),
    about="the inverse of tanh at x",
    example=((0.0,), 0.0),
)


_FAR = 40.0


def _bell(m: Any, x: Any, width: float = 1.0) -> Any:
    """exp(−x²/width), which is 0 beyond ±40; there x² might be too large for a float."""
    near = m.clip(x, -_FAR, _FAR)
    return m.exp(-(near * near) / width)


erf = Op(
    "erf",
    partials=(lambda m, out, x: _TWO_BY_ROOT_PI * _bell(m, x),),
    about="the error function of x",
    example=((0.0,), 0.0),
)

erfc = Op(
    "erfc",
    partials=(lambda m, out, x: -(_TWO_BY_ROOT_PI * _bell(m, x)),),
    about="1 − erf(x), with all digits for large x",
    example=((0.0,), 1.0),
)

# ------------------------------------------------------- pieces: signs, bounds and choices

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
    simpler=lambda m, x: float((x > 0) - (x < 0)) if isinstance(x, float) else None,
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x,
    about="the sign of x: −1, 0 or 1",
    example=((-3.0,), -1.0),
    source=_lecture("C"),
)

is_zero = Op(
    "is_zero",
    # in a derivative it mends what happens at 0, and a reader leaves it out
    simpler=lambda m, x: 0.0,
    value=lambda m, x: m.where(x == 0, 1.0, 0.0),
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x,
    about="1 where x is 0, else 0",
    example=((0.0,), 1.0),
)

greater = Op(
    "greater",
    symbol=">",
    formula="[{0} > {1}]",
    latex=r"\left[{0} > {1}\right]",
    gates=("{0}>x", ">{1}"),
    value=lambda m, x, y: m.where(x > y, 1.0, 0.0),
    partials=(lambda m, out, x, y: 0.0, lambda m, out, x, y: 0.0),
    kink=lambda x, y: x - y,
    commutative=False,
    about="1 where x is larger than y, else 0",
    example=((2.0, 3.0), 0.0),
)

maximum = Op(
    "maximum",
    symbol="max",
    formula="max({0}, {1})",
    latex=r"\max",
    partials=(
        # compares instead of subtracting, as constants may be infinite
        lambda m, out, x, y: (1.0 + m.greater(x, y) - m.greater(y, x)) / 2.0,
        lambda m, out, x, y: (1.0 + m.greater(y, x) - m.greater(x, y)) / 2.0,
    ),
    chooses="the larger one",
    kink=lambda x, y: x - y,
    about="the larger of x and y; a tie gives half of the derivative to each",
    example=((2.0, 3.0), 3.0),
    source=_lecture("A"),
)

minimum = Op(
    "minimum",
    symbol="min",
    formula="min({0}, {1})",
    latex=r"\min",
    partials=(
        lambda m, out, x, y: (1.0 + m.greater(y, x) - m.greater(x, y)) / 2.0,
        lambda m, out, x, y: (1.0 + m.greater(x, y) - m.greater(y, x)) / 2.0,
    ),
    chooses="the smaller one",
    kink=lambda x, y: x - y,
    about="the smaller of x and y; a tie gives half of the derivative to each",
    example=((2.0, 3.0), 2.0),
)

clip = Op(
    "clip",
    # the guard of _bell, which a reader would leave out
    simpler=lambda m, x, low, high: x if (low, high) == (-_FAR, _FAR) else None,
    # bounds in the wrong order give nan
    value=lambda m, x, low, high: m.minimum(
        m.maximum(x, m.where(low <= high, low, math.nan)), high
    ),
    partials=(
        lambda m, out, x, low, high: (1.0 - m.greater(low, x)) * (1.0 - m.greater(x, high)),
        lambda m, out, x, low, high: m.greater(low, x),
        lambda m, out, x, low, high: m.greater(x, high),
    ),
    chooses="the chosen one",
    domain=Domain("low ≤ high", lambda x, low, high: low <= high),
    kink=lambda x, low, high: builtins.min(
        builtins.abs(x - low), builtins.abs(x - high), high - low
    ),
    commutative=False,
    settings=(1, 2),
    about="x, but at least low and at most high",
    example=((5.0, 0.0, 1.0), 1.0),
)

where = Op(
    "where",
    value=lambda m, condition, x, y: m.where(condition != 0, x, y),
    partials=(
        lambda m, out, condition, x, y: 0.0,
        lambda m, out, condition, x, y: m.abs(m.sign(condition)),
        lambda m, out, condition, x, y: 1.0 - m.abs(m.sign(condition)),
    ),
    chooses="the chosen one",
    primitive=True,
    kink=lambda condition, x, y: condition,
    commutative=False,
    about="x where the condition is not 0, y where it is",
    example=((1.0, 2.0, 3.0), 2.0),
)

floor = Op(
    "floor",
    symbol="⌊x⌋",
    formula="⌊{0}⌋",
    latex=r"\lfloor {0} \rfloor",
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x - builtins.round(x),
    about="the largest whole number that is at most x",
    example=((-0.5,), -1.0),
)

ceil = Op(
    "ceil",
    symbol="⌈x⌉",
    formula="⌈{0}⌉",
    latex=r"\lceil {0} \rceil",
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x - builtins.round(x),
    about="the smallest whole number that is at least x",
    example=((0.5,), 1.0),
)

trunc = Op(
    "trunc",
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x - builtins.round(x),
    about="x without its decimals",
    example=((-1.5,), -1.0),
)

round = Op(
    "round",
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x - math.floor(x) - 0.5,
    about="the whole number nearest to x, the even one of two",
    example=((2.5,), 2.0),
)

detach = Op(
    "detach",
    value=lambda m, x: x,
    partials=(lambda m, out, x: 0.0,),  # not that of its value, but by definition
    about="x, as a constant: its derivative is 0 by definition",
    example=((3.0,), 3.0),
)

# ---------------------------------------------------------------------- activations


sigmoid = Op(
    "sigmoid",
    symbol="σ",
    formula="σ({0})",
    latex=r"\sigma",
    simpler=lambda m, x: 1.0 - m.sigmoid(*arg) if (arg := negate.made(x)) else None,
    value=lambda m, x: 1.0 / (1.0 + m.exp(-x)),
    partials=(lambda m, out, x: out * m.sigmoid(-x),),  # 1 − out would lose digits at large x
    slope=lambda out: out * (1.0 - out),
    about="the logistic function σ(x) = 1 / (1 + e⁻ˣ)",
    example=((0.0,), 0.5),
    source=_lecture("A"),
)

step = Op(
    "step",
    value=lambda m, x: m.where(x > 0, 1.0, 0.0),
    partials=(lambda m, out, x: 0.0,),
    kink=lambda x: x,
    about="the step function: 1 if x > 0, else 0",
    example=((2.0,), 1.0),
    source=_lecture("B"),
)

relu = Op(
    "relu",
    symbol="ReLU",
    formula="ReLU({0})",
    latex="ReLU",
    value=lambda m, x: m.maximum(x, 0.0),
    partials=(lambda m, out, x: m.step(x),),
    kink=lambda x: x,
    dead=lambda x: x <= 0,
    about="the rectified linear unit max(0, x), with the derivative 0 at x = 0",
    example=((-2.0,), 0.0),
    source=_lecture("A"),
)

softplus = Op(
    "softplus",
    # log(1 + eˣ), without overflow and without losing the digits of eˣ where x is negative
    value=lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-m.abs(x))),
    partials=(lambda m, out, x: m.sigmoid(x),),
    about="the smooth rectifier log(1 + eˣ)",
    example=((1000.0,), 1000.0),
)

log_sigmoid = Op(
    "log_sigmoid",
    symbol="log σ",
    formula="log σ({0})",
    latex=r"\log \sigma\left({0}\right)",
    value=lambda m, x: m.minimum(x, 0.0) - m.log1p(m.exp(-m.abs(x))),
    partials=(lambda m, out, x: m.sigmoid(-x),),
    about="the logarithm of σ(x), without overflow",
    example=((-1000.0,), -1000.0),
)


def _below(m: Any, x: Any) -> Any:
    """min(x, 0), whose derivatives at 0 are those of the left side."""
    return x * (1.0 - m.step(x))


leaky_relu = Op(
    "leaky_relu",
    symbol="LReLU",
    formula="LReLU({0}, {1})",
    latex="LReLU",
    value=lambda m, x, slope: m.where(x > 0, x, slope * x),
    partials=(
        lambda m, out, x, slope: m.step(x) + slope * (1.0 - m.step(x)),
        lambda m, out, x, slope: _below(m, x),
    ),
    named=lambda m, out, x, slope: [
        m.where(m.greater(x, 0.0), 1.0, slope),
        m.where(m.greater(x, 0.0), 0.0, x),
    ],
    kink=lambda x, slope: x,
    commutative=False,
    settings=(1,),
    about="x where x > 0, else slope · x; with the derivative slope at x = 0",
    example=((-2.0, 0.25), -0.5),
    source=_lecture("A"),
)

elu = Op(
    "elu",
    symbol="ELU",
    formula="ELU({0}, {1})",
    latex="ELU",
    value=lambda m, x, alpha: m.maximum(x, 0.0) + alpha * m.expm1(m.minimum(x, 0.0)),
    partials=(
        lambda m, out, x, alpha: m.step(x) + (1.0 - m.step(x)) * (alpha * m.exp(_below(m, x))),
        lambda m, out, x, alpha: m.expm1(_below(m, x)),
    ),
    named=lambda m, out, x, alpha: [
        m.where(m.greater(x, 0.0), 1.0, alpha * m.exp(x)),
        m.where(m.greater(x, 0.0), 0.0, m.exp(x) - 1.0),
    ],
    kink=lambda x, alpha: x,
    commutative=False,
    settings=(1,),
    about="the exponential linear unit: x where x > 0, else alpha · (eˣ − 1)",
    example=((2.0, 1.0), 2.0),
    source=_lecture("A"),
)

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017

selu = Op(
    "selu",
    symbol="SELU",
    formula="SELU({0})",
    latex="SELU",
    value=lambda m, x: _SELU_SCALE * m.elu(x, _SELU_ALPHA),
    partials=(
        lambda m, out, x: (
            _SELU_SCALE * (m.step(x) + (1.0 - m.step(x)) * (_SELU_ALPHA * m.exp(_below(m, x))))
        ),
    ),
    named=lambda m, out, x: [
        m.where(m.greater(x, 0.0), _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * m.exp(x))
    ],
    kink=lambda x: x,
    about="the scaled exponential linear unit",
    example=((0.0,), 0.0),
    source="Klambauer et al. 2017",
)

gelu = Op(
    "gelu",
    symbol="GELU",
    formula="GELU({0})",
    latex="GELU",
    value=lambda m, x: x * (0.5 * m.erfc(-x / _ROOT_2)),
    partials=(
        lambda m, out, x: (
            0.5 * m.erfc(-x / _ROOT_2) + x * (_bell(m, x, 2.0) * (_TWO_BY_ROOT_PI / 8.0**0.5))
        ),
    ),
    about="the Gaussian error linear unit x · Φ(x), exactly",
    example=((0.0,), 0.0),
    source="Hendrycks and Gimpel 2016",
)

silu = Op(
    "silu",
    symbol="SiLU",
    formula="SiLU({0})",
    latex="SiLU",
    value=lambda m, x: x * m.sigmoid(x),
    partials=(lambda m, out, x: m.sigmoid(x) * (1.0 + x * m.sigmoid(-x)),),
    about="the sigmoid linear unit x · σ(x)",
    example=((0.0,), 0.0),
    source="Hendrycks and Gimpel 2016",
)

# ------------------------------------------------------- of any number of arguments


def _total(terms: Iterable[Any]) -> Any:
    """The terms, added one by one: Python's own sum rounds otherwise from 3.12 on."""
    return reduce(operator.add, terms, 0)


sum = Op(
    "sum",
    symbol="Σ",
    formula="{0:product}",
    latex="{0:product}",
    binds="sum",
    joined=" + ",
    simpler=lambda m, *args: args[0] if len(args) == 1 else None,
    value=lambda m, *args: _total(args),
    partials=lambda m, out, *args: (1.0,) * len(args),
    at_once=True,
    about="the sum of any number of arguments",
    example=((1.0, 2.0, 3.0), 6.0),
)


def _dot(m: Any, *args: Any) -> Any:
    half = len(args) // 2
    products = _total(map(operator.mul, args[:half], args[half:]))
    return products + args[-1] if len(args) % 2 else products


def _dot_parts(m: Any, *args: Any) -> Any:
    half = len(args) // 2
    return reduce(m.add, [*map(m.multiply, args[:half], args[half:]), *args[2 * half :]])


def _dot_partials(m: Any, out: Any, *args: Any) -> Sequence[Any]:
    half = len(args) // 2
    return (*args[half : 2 * half], *args[:half], *(1.0,) * (len(args) % 2))


dot = Op(
    "dot",
    symbol="w·x",
    formula="{0:product} · {1:power}",
    latex=r"{0:product} \cdot {1:power}",
    binds="sum",
    joined=" + ",
    parts=_dot_parts,
    value=_dot,
    partials=_dot_partials,
    commutative=False,
    about="the sum w₁·x₁ + w₂·x₂ + … + b, its arguments being all w, then all x, then b if any",
    example=((1.0, 2.0, 3.0, 4.0), 11.0),
    source=_lecture("A"),
)

mean = Op(
    "mean",
    value=lambda m, *args: _total(args) / len(args),
    partials=lambda m, out, *args: (1.0 / len(args),) * len(args),
    domain=_SOME,
    about="the mean of one number or more",
    example=((1.0, 2.0, 6.0), 3.0),
)


def _shared(m: Any, beaten: Sequence[Any]) -> Sequence[Any]:
    """Equal shares of 1 for the arguments that no other beats; `beaten` has a 1 for the others."""
    chosen = [1.0 - lost for lost in beaten]
    total = m.sum(*chosen)
    return [share / total for share in chosen]


max = Op(
    "max",
    latex=r"\max",
    value=lambda m, *args: reduce(m.maximum, args),
    partials=lambda m, out, *args: _shared(m, [m.greater(out, x) for x in args]),
    chooses="the largest one",
    at_once=True,
    domain=_SOME,
    kink=lambda *args: _lead(args, 1),
    about="the largest of one number or more; those that tie share the derivative",
    example=((1.0, 3.0, 2.0), 3.0),
    source=_lecture("A"),
)

min = Op(
    "min",
    latex=r"\min",
    value=lambda m, *args: reduce(m.minimum, args),
    partials=lambda m, out, *args: _shared(m, [m.greater(x, out) for x in args]),
    chooses="the smallest one",
    at_once=True,
    domain=_SOME,
    kink=lambda *args: _lead(args, -1),
    about="the smallest of one number or more; those that tie share the derivative",
    example=((1.0, 3.0, 2.0), 1.0),
)


def _lead(args: Sequence[float], sign: float) -> float:
    """How far the largest number (or, for −1, the smallest) is from the next."""
    first, *others = sorted((sign * x for x in args), reverse=True)
    return first - others[0] if others else math.inf


def _logsumexp(m: Any, *args: Any) -> Any:
    shift = m.max(*args)
    return shift + m.log(m.sum(*[m.exp(x - shift) for x in args]))


def _softmax(m: Any, out: Any, *args: Any) -> Sequence[Any]:
    top = m.max(*args)
    weights = [m.exp(x - top) for x in args]  # not x − out: large numbers lose log n
    total = m.sum(*weights)
    return [weight / total for weight in weights]


logsumexp = Op(
    "logsumexp",
    symbol="LSE",
    value=_logsumexp,
    partials=_softmax,
    named=lambda m, out, *args: [m.called(i, m.exp(x - out)) for i, x in enumerate(args)],
    at_once=True,
    gradient="softmax",
    domain=_SOME,
    about="log(eˣ¹ + eˣ² + …), without overflow",
    example=((1000.0, -1000.0), 1000.0),
)


def _named_softmax(m: Any, index: int, args: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
    """The outputs of softmax as a lecture writes them, by names, and whether each is that one."""
    weights = [m.exp(x) for x in args]
    total = m.sum(*weights)
    return ((i == index, m.called(i, weight / total)) for i, weight in enumerate(weights))


@cache
def softmax(index: int, number: str) -> Op:
    """One output of softmax as an operation on all inputs.

    Several operations are recorded for it, which pictures and walks show as this one.

    Args:
        index: which output.
        number: the subscript that it is written with.
    """
    return Op(
        "softmax",
        symbol=f"softmax{number.translate(_LOWERED)}",
        formula=f"softmax{number.translate(_LOWERED)}({{*}})",
        latex=rf"\operatorname{{{{softmax}}}}_{{{{{number}}}}}\left({{*}}\right)",
        value=lambda m, *args: _softmax(m, None, *args)[index],
        partials=lambda m, out, *args: [
            out * (float(i == index) - p) for i, p in enumerate(_softmax(m, out, *args))
        ],
        named=lambda m, out, *args: [
            out * (1.0 - out) if own else -out * p for own, p in _named_softmax(m, index, args)
        ],
        domain=_SOME,
        commutative=False,
        about="one of the numbers eˣᵏ / (eˣ¹ + eˣ² + …)",
        example=((0.0, 0.0), 0.5),
    )


@cache
def log_softmax(index: int, number: str) -> Op:
    """The logarithm of one output of softmax; see `softmax`."""
    return Op(
        "log_softmax",
        symbol=f"log softmax{number.translate(_LOWERED)}",
        formula=f"log softmax{number.translate(_LOWERED)}({{*}})",
        latex=rf"\log\operatorname{{{{softmax}}}}_{{{{{number}}}}}\left({{*}}\right)",
        value=lambda m, *args: args[index] - _logsumexp(m, *args),
        partials=lambda m, out, *args: [
            float(i == index) - p for i, p in enumerate(_softmax(m, out, *args))
        ],
        named=lambda m, out, *args: [
            1.0 - p if own else -p for own, p in _named_softmax(m, index, args)
        ],
        domain=_SOME,
        commutative=False,
        about="the logarithm of one of the numbers eˣᵏ / (eˣ¹ + eˣ² + …)",
        example=((0.0, 0.0), math.log(0.5)),
    )


def _take(m: Any, index: Any, *choices: Any) -> Any:
    if not choices:
        return math.nan
    there = _nearest(m, index, 0, len(choices) - 1)
    return m.where(there, _chosen(m, index, choices, 0), math.nan)


def _chosen(m: Any, index: Any, choices: Sequence[Any], first: int) -> Any:
    """The choice at an index, by halving; they are those from `first` on."""
    if len(choices) == 1:
        return choices[0]
    half = len(choices) // 2
    low, high = _chosen(m, index, choices[:half], first), choices[half:]
    beyond = m.greater(index, first + half - 0.5)
    return m.where(beyond, _chosen(m, index, high, first + half), low)


def _nearest(m: Any, index: Any, low: int, high: int) -> Any:
    """1 where the whole number next to an index is one from `low` to `high`, else 0."""
    return m.greater(index, low - 0.5) - m.greater(index, high + 0.5)


take = Op(
    "take",
    value=_take,
    partials=lambda m, out, index, *choices: (
        0.0,
        *(_nearest(m, index, k, k) for k in range(len(choices))),
    ),
    chooses="the chosen one",
    domain=Domain(
        "an index of one of the choices, the first being 0",
        lambda *args: len(args) > 0 and -0.5 < args[0] <= len(args) - 1.5,
        low=-0.5,
    ),
    kink=lambda index, *choices: index - math.floor(index) - 0.5,
    commutative=False,
    about="one of several choices: its arguments are an index counted from 0, then the choices",
    example=((1.0, 5.0, 6.0, 7.0), 6.0),
)

# ------------------------------------------------------------------------ the table

TABLE: dict[str, Op] = {entry.name: entry for entry in vars().values() if isinstance(entry, Op)}


def find(name: str) -> Op:
    """The entry of that name.

    Raises:
        KeyError: the table has none; the message lists the names that it has.
    """
    try:
        return TABLE[name]
    except KeyError:
        known = ", ".join(sorted(TABLE))
        raise KeyError(f"no operation is called {short(name)}; there are {known}") from None


def has(op: Op) -> bool:
    """Whether an operation is an entry of the table, not just one of the same name."""
    return TABLE.get(op.name) is op


def function(op: Op, m: Any) -> Callable[..., Any]:
    """An operation as a function of a namespace: the namespace's own one, or the entry's rule."""
    return getattr(m, op.name) if has(op) else partial(op.value, m)


def _reduced(op: Op) -> tuple[Callable[[str], Op], tuple[str]]:
    if has(op):
        return find, (op.name,)  # the rules themselves can't be pickled
    raise TypeError(
        f"{short(op)} can't be pickled: only operations of the table can, as they are looked up by "
        "name"
    )


copyreg.pickle(Op, _reduced)


class Namespace:
    """Functions for one kind of number; those that a subclass lacks come from the table's rules."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE or TABLE[name].primitive:
            raise AttributeError(f"{type(self).__name__} has no function {short(name)}")
        function = partial(TABLE[name].value, self)
        setattr(self, name, function)  # next time it is found without this method
        return function


class Operations:
    """The namespace whose functions are operations of the table, applied by `apply(op, *args)`."""

    def __init__(self, apply: Callable[..., Any]) -> None:
        self._apply = apply

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE:
            raise AttributeError(f"there is no operation {short(name)}")
        function = partial(self._apply, TABLE[name])
        setattr(self, name, function)  # next time it is found without this method
        return function
