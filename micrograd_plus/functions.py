"""The functions of the table, under the names of `math` and NumPy.

They take Values and numbers: with a Value among the arguments the operation is recorded and the
result is a Value, without one it is a float.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from micrograd_plus import ops
from micrograd_plus._tools.nested import listed
from micrograd_plus._tools.text import sentence, short
from micrograd_plus.engine import Value, apply
from micrograd_plus.graph import REAL, hooks, real, scalar
from micrograd_plus.graph.recording import binary, dot_of, unary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.ops.operation import Op

__all__ = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "detach",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "gelu",
    "greater",
    "hard_tanh",
    "hypot",
    "is_zero",
    "leaky_relu",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "max",
    "maximum",
    "maxout",
    "mean",
    "min",
    "minimum",
    "mod",
    "pow",
    "prelu",
    "reciprocal",
    "relu",
    "round",
    "sech",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "step",
    "sum",
    "take",
    "tan",
    "tanh",
    "trunc",
    "where",
    "xlogy",
]


Row = TypeVar("Row")


class Unary(Protocol):
    """A function of one Value or number."""

    @overload
    def __call__(self, x: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, /) -> float: ...


class Binary(Protocol):
    """A function of two Values or numbers."""

    @overload
    def __call__(self, x: Value, y: Value | float, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...


class Reduction(Protocol):
    """A function of any number of Values and numbers, at least one."""

    @overload
    def __call__(self, terms: Iterable[float], /) -> float: ...
    @overload
    def __call__(self, terms: Iterable[Value], /) -> Value: ...
    @overload
    def __call__(self, terms: Iterable[Value | float], /) -> Any: ...
    @overload
    def __call__(self, x: Value | float, y: Value | float, /, *more: Value | float) -> Any: ...


def _unary(op: Op) -> Unary:
    direct = unary(op)

    def function(x: Any, /) -> Any:
        return direct(x) if isinstance(x, Value) else apply(op, x)

    _document(function, op, "x")
    return function


def _binary(op: Op, name: str = "") -> Binary:
    direct: Any = binary(op)[0]

    def function(x: Any, y: Any, /) -> Any:
        result = direct(x, y) if isinstance(x, Value) else NotImplemented
        return apply(op, x, y) if result is NotImplemented else result

    _document(function, op, "x, y", name)
    return function


def _source(op: Op) -> str:
    return f"\n    Source: {op.source}.\n" if op.source else ""


def _document(function: Any, op: Op, names: str, name: str = "") -> None:
    numbers, result = op.example
    function.__name__ = function.__qualname__ = name = name or op.name
    function.__doc__ = f"""{sentence(op.about)}

    Args:
        {names}: Values or real numbers; defined for {op.domain.text}.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.
    {_source(op)}
    >>> {name}({", ".join(f"Value({x!r})" for x in numbers)}).data
    {result!r}
    """


abs = _unary(ops.abs)
acos = _unary(ops.acos)
acosh = _unary(ops.acosh)
asin = _unary(ops.asin)
asinh = _unary(ops.asinh)
atan = _unary(ops.atan)
atanh = _unary(ops.atanh)
cbrt = _unary(ops.cbrt)
ceil = _unary(ops.ceil)
cos = _unary(ops.cos)
cosh = _unary(ops.cosh)
detach = _unary(ops.detach)
erf = _unary(ops.erf)
erfc = _unary(ops.erfc)
exp = _unary(ops.exp)
expm1 = _unary(ops.expm1)
floor = _unary(ops.floor)
gelu = _unary(ops.gelu)
is_zero = _unary(ops.is_zero)
log = _unary(ops.log)
log10 = _unary(ops.log10)
log1p = _unary(ops.log1p)
log2 = _unary(ops.log2)
log_sigmoid = _unary(ops.log_sigmoid)
reciprocal = _unary(ops.reciprocal)
relu = _unary(ops.relu)
round = _unary(ops.round)
sech = _unary(ops.sech)
selu = _unary(ops.selu)
sigmoid = _unary(ops.sigmoid)
sign = _unary(ops.sign)
silu = _unary(ops.silu)
sin = _unary(ops.sin)
sinh = _unary(ops.sinh)
softplus = _unary(ops.softplus)
sqrt = _unary(ops.sqrt)
step = _unary(ops.step)
tan = _unary(ops.tan)
tanh = _unary(ops.tanh)
trunc = _unary(ops.trunc)

atan2 = _binary(ops.atan2)
floor_divide = _binary(ops.floor_divide)
greater = _binary(ops.greater)
hypot = _binary(ops.hypot)
maximum = _binary(ops.maximum)
minimum = _binary(ops.minimum)
mod = _binary(ops.mod)
pow = _binary(ops.power, "pow")
xlogy = _binary(ops.xlogy)


@overload
def clip(x: Value, low: Value | float, high: Value | float) -> Value: ...
@overload
def clip(x: float, low: float, high: float) -> float: ...
@overload
def clip(x: Value | float, low: Value | float, high: Value | float) -> Any: ...
def clip(x: Value | float, low: Value | float, high: Value | float) -> Any:
    """x, but at least `low` and at most `high`; at the bounds its derivative is 1.

    Args:
        x: a Value or a real number.
        low: the lower bound; −inf for none.
        high: the upper bound, not below the lower one; inf for none.

    Raises:
        TypeError: an argument is neither a Value nor a real number.
        NonFiniteError: `low` is larger than `high`, or the result is not a finite number.

    >>> clip(Value(5.0), 0, 1).data
    1.0
    """
    return apply(ops.clip, x, low, high)


@overload
def where(condition: Value | float, x: Value, y: Value | float) -> Value: ...
@overload
def where(condition: Value | float, x: Value | float, y: Value) -> Value: ...
@overload
def where(condition: float, x: float, y: float) -> float: ...
@overload
def where(condition: Value | float, x: Value | float, y: Value | float) -> Any: ...
def where(condition: Value | float, x: Value | float, y: Value | float) -> Any:
    """`x` where the condition is not 0, `y` where it is; both are computed.

    A comparison such as `v > 0` is a plain truth value, and so a constant of the graph; with
    `step(v)` as the condition the choice follows v when the graph is replayed.

    Args:
        condition: a truth value, a number or a Value.
        x: a Value or a real number.
        y: another.

    Raises:
        TypeError: an argument is neither a Value nor a real number.

    >>> v = Value(-2.0)
    >>> where(step(v), v, 0.5 * v).data
    -1.0
    """
    return apply(ops.where, condition, x, y)


@overload
def leaky_relu(x: Value, slope: Value | float = ...) -> Value: ...
@overload
def leaky_relu(x: float, slope: float = ...) -> float: ...
@overload
def leaky_relu(x: float, slope: Value) -> Value: ...
def leaky_relu(x: Value | float, slope: Value | float = 0.1) -> Any:
    """The leaky rectified linear unit: x where x > 0, else slope · x.

    Args:
        x: a Value or a real number.
        slope: the derivative for x ≤ 0.

    Raises:
        TypeError: an argument is neither a Value nor a real number.

    Source: lecture A, see help(micrograd_plus).

    >>> leaky_relu(Value(-2.0)).data
    -0.2
    """
    return apply(ops.leaky_relu, x, slope)


def prelu(x: Value | float, slope: Value) -> Value:
    """The parametric rectified linear unit: `leaky_relu` with a trainable slope.

    Args:
        x: a Value or a real number.
        slope: a Value, which gets a gradient.

    Raises:
        TypeError: an argument is neither a Value nor a real number.

    Source: lecture A, see help(micrograd_plus).

    >>> slope = Value(0.25)
    >>> prelu(Value(-2.0), slope).backward()
    >>> slope.grad
    -2.0
    """
    result: Value = apply(ops.leaky_relu, x, slope)
    return result


@overload
def elu(x: Value, alpha: Value | float = ...) -> Value: ...
@overload
def elu(x: float, alpha: float = ...) -> float: ...
@overload
def elu(x: float, alpha: Value) -> Value: ...
def elu(x: Value | float, alpha: Value | float = 1.0) -> Any:
    """The exponential linear unit: x where x > 0, else alpha · (eˣ − 1).

    Args:
        x: a Value or a real number.
        alpha: the function tends to −alpha as x tends to −∞.

    Raises:
        TypeError: an argument is neither a Value nor a real number.

    Source: lecture A, see help(micrograd_plus).

    >>> elu(Value(-1000.0)).data
    -1.0
    """
    return apply(ops.elu, x, alpha)


@overload
def hard_tanh(x: Value) -> Value: ...
@overload
def hard_tanh(x: float) -> float: ...
def hard_tanh(x: Value | float) -> Any:
    """x, but at least −1 and at most 1.

    Args:
        x: a Value or a real number.

    Raises:
        TypeError: the argument is neither a Value nor a real number.

    >>> hard_tanh(Value(0.5)).data
    0.5
    """
    return clip(x, -1.0, 1.0)


@overload
def sum(terms: Iterable[float]) -> float: ...
@overload
def sum(terms: Iterable[Value]) -> Value: ...
@overload
def sum(terms: Iterable[Value | float]) -> Any: ...
def sum(terms: Iterable[Value | float]) -> Any:
    """The sum of any number of terms, as one operation.

    Args:
        terms: an iterable of Values and real numbers; without any the sum is 0.0.

    Raises:
        TypeError: `terms` is not an iterable, or a term neither a Value nor a real number.
        NonFiniteError: the result is not a finite real number.

    >>> x = Value(2.0)
    >>> sum([x, x, 1]).data
    5.0
    """
    return apply(ops.sum, *_sequence(terms, "sum"))


@overload
def dot(weights: Iterable[float], inputs: Iterable[float], bias: float | None = ...) -> float: ...
@overload
def dot(
    weights: Iterable[Value], inputs: Iterable[Value | float], bias: Value | float | None = ...
) -> Value: ...
@overload
def dot(
    weights: Iterable[Value | float],
    inputs: Iterable[Value | float],
    bias: Value | float | None = ...,
) -> Any: ...
def dot(
    weights: Iterable[Value | float],
    inputs: Iterable[Value | float],
    bias: Value | float | None = None,
) -> Any:
    """The sum w₁·x₁ + w₂·x₂ + … + b, as one operation: what a neuron computes.

    Args:
        weights: an iterable of Values and real numbers.
        inputs: another of the same length.
        bias: what to add, if anything.

    Raises:
        TypeError: an argument is not an iterable, or an item neither a Value nor a real number.
        ValueError: the lengths differ.
        NonFiniteError: the result is not a finite real number.

    Source: lecture A, see help(micrograd_plus).

    >>> w = [Value(2.0), Value(-3.0)]
    >>> dot(w, [-1, -2], -3).data
    1.0
    """
    ws = weights if isinstance(weights, list) else _sequence(weights, "dot")
    xs = inputs if isinstance(inputs, list) else _sequence(inputs, "dot")
    if len(ws) != len(xs):
        raise ValueError(f"dot needs two sequences of equal length, not {len(ws)} and {len(xs)}")
    args = (*ws, *xs) if bias is None else (*ws, *xs, bias)
    return dot_of(args)


Value.leaky_relu, Value.elu = leaky_relu, elu
Value.hypot, Value.arctan2 = hypot, atan2


def _reduction(op: Op, name: str, about: str = "", masks: bool = False) -> Reduction:
    def function(*terms: Any) -> Any:
        xs = _sequence(terms[0] if len(terms) == 1 else terms, name, least=1)
        if masks:  # −inf adds nothing, but no derivative could be computed with it
            xs = [x for x in xs if not _masked(x)] or xs
        return apply(op, *xs)

    numbers, result = op.example
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{sentence(f"{about or op.about}, as one operation")}

    Args:
        terms: an iterable of at least one Value or real number, or two and more of these.

    Raises:
        TypeError: a term is neither a Value nor a real number, or the only one is no iterable.
        ValueError: there are no terms.
        NonFiniteError: the result is not a finite real number.
    {_source(op)}
    >>> {name}([{", ".join(f"Value({x!r})" for x in numbers)}]).data
    {result!r}
    """
    return function


logsumexp = _reduction(ops.logsumexp, "logsumexp", masks=True)
max = _reduction(ops.max, "max")
maxout = _reduction(ops.max, "maxout", "a maxout unit: the largest of several linear functions")
mean = _reduction(ops.mean, "mean")
min = _reduction(ops.min, "min")


@overload
def log_softmax(terms: Iterable[float]) -> list[float]: ...
@overload
def log_softmax(terms: Iterable[Value]) -> list[Value]: ...
@overload
def log_softmax(terms: Iterable[Value | float]) -> list[Any]: ...
def log_softmax(terms: Iterable[Value | float]) -> list[Any]:
    """The logarithms of `softmax`, which don't underflow.

    Args:
        terms: an iterable of at least one Value or real number; −inf for masked ones, which stay
            −inf.

    Raises:
        TypeError: `terms` is not an iterable, or a term neither a Value nor a real number.
        ValueError: there are no terms, or all are masked.

    Source: lecture B, see help(micrograd_plus).

    >>> [x.data for x in log_softmax([Value(0.0), Value(1000.0)])]
    [-1000.0, 0.0]
    """
    shifted, weights = _shifted(terms, "log_softmax")
    total = log(sum(weights))
    return [x if _masked(x) else x - total for x in shifted]


@overload
def softmax(terms: Iterable[float]) -> list[float]: ...
@overload
def softmax(terms: Iterable[Value]) -> list[Value]: ...
@overload
def softmax(terms: Iterable[Value | float]) -> list[Any]: ...
def softmax(terms: Iterable[Value | float]) -> list[Any]:
    """eˣⁱ / (eˣ¹ + eˣ² + …) of each term: positive numbers whose sum is 1.

    Args:
        terms: an iterable of at least one Value or real number; −inf for masked ones, which get 0.

    Raises:
        TypeError: `terms` is not an iterable, or a term neither a Value nor a real number.
        ValueError: there are no terms, or all are masked.

    Source: lecture B, see help(micrograd_plus).

    >>> [f"{x:.4f}" for x in softmax([Value(1000.0), Value(1001.0)])]
    ['0.2689', '0.7311']
    """
    _, weights = _shifted(terms, "softmax")
    total = sum(weights)
    return [weight / total for weight in weights]


def _shifted(terms: Iterable[Value | float], name: str) -> tuple[list[Any], list[Any]]:
    """The terms minus the largest, and eˣ of those, which can't overflow; −inf stays −inf."""
    xs = _sequence(terms, name, least=1)
    if all(map(_masked, xs)):
        raise ValueError(f"{name} needs a term that is not -inf: all {len(xs)} are masked")
    largest = detach(max(xs))  # the derivative of the quotient doesn't depend on it
    shifted = [x if _masked(x) else apply(ops.subtract, x, largest) for x in xs]
    return shifted, list(map(exp, shifted))


def _masked(x: Any) -> bool:
    """Whether a term is the constant −inf."""
    return not isinstance(x, Value) and isinstance(x, REAL) and x == -math.inf


@overload
def take(rows: Iterable[Row], index: Value | float) -> Row: ...
@overload
def take(rows: Iterable[Any], index: Value | float) -> Any: ...
def take(rows: Iterable[Any], index: Value | float) -> Any:
    """The row at an index, which may be a Value: the vector of a token, or the score of a class.

    In a function that `compile` traces, an index that is a Value is not read, but recorded: the
    result is then a new row, of the Values that the program takes from the rows. An int in the
    example marks an argument of indices, which are checked at each call; where an index is
    computed from other arguments, the nearest whole number counts.

    Args:
        rows: an iterable of Values or numbers, or of rows of these.
        index: a whole number, counted from 0; a negative one is an error, as it is a mistake
            where it comes from data. Its derivative is 0.

    Raises:
        IndexError: there is no row of that index.
        TypeError: `rows` is not an iterable, or the index neither a Value nor a real number.
        ValueError: the index is not a whole number, or, in a traced function, rows differ in
            length.

    >>> letters = [[Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)]]
    >>> take(letters, 1) is letters[1]
    True
    >>> from micrograd_plus import compile
    >>> program = compile(lambda letter: take(letters, letter)[0], 0)
    >>> program([1, 0, 1])
    array([0.3, 0.1, 0.3])
    """
    found = rows if isinstance(rows, list) else _sequence(rows, "take")
    if isinstance(index, Value) and hooks.tracing():
        if not found:
            raise IndexError("take needs at least one row")
        return _taken(found, index)
    number = real(index.data if isinstance(index, Value) else index, "take's index")
    if not number.is_integer():
        raise ValueError(f"take's index must be a whole number, not {short(index)}")
    if 0 <= number < len(found):
        return found[int(number)]
    last = f"only rows 0 to {len(found) - 1}" if found else "no rows"
    hint = "; for one from the end write rows[-1]" if number < 0 else ""
    raise IndexError(f"take finds no row {int(number)}: there are {last}{hint}")


def _taken(rows: Sequence[Any], index: Value) -> Any:
    """The row at a traced index: an operation for each of its Values, on all that may be there."""
    if isinstance(rows[0], Value) or isinstance(scalar(rows[0]), REAL):
        return apply(ops.take, index, *rows)
    lengths = [len(row) for row in rows]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(
                f"take needs rows of equal length: row {i} has {length} items, row 0 {lengths[0]}"
            )
    return [_taken(column, index) for column in zip(*rows, strict=True)]


def _sequence(items: Any, name: str, least: int = 0) -> list[Any]:
    try:
        found = list(listed(items))
    except TypeError:
        kind = type(items).__name__
        raise TypeError(
            f"{name} needs a sequence, such as a list, not {short(items)} ({kind})"
        ) from None
    if len(found) < least:
        raise ValueError(f"{name} needs at least one term")
    return found
