"""The check of a new program: at its example it must agree with the engine."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import brief, short
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.engine import Value
from micrograd_plus.graph import inputs, order
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAR = 1e-6  # relative to the largest number involved: more than rounding explains


def compare(
    recorded: Sequence[Any],
    values: Sequence[float],
    wanted: Sequence[Value] = (),
    slopes: Sequence[float] = (),
) -> None:
    """Raise TraceError if a program and the engine disagree.

    Numbers that are not finite, by the engine or the program, are not compared: a call raises their
    error.

    Args:
        recorded: the results of the function for an example, Values and real numbers.
        values: the program's results.
        wanted: what the first of them is differentiated with respect to.
        slopes: the program's derivatives, one for each.

    Raises:
        TraceError: a number differs by more than rounding explains.

    >>> x = Value(3.0)
    >>> compare([x * x], [9.0], [x], [6.0])
    >>> try:
    ...     compare([x * x], [9.0], [x], [3.0])
    ... except TraceError as error:
    ...     print(str(error).partition(":")[0])
    the program's derivative with respect to a number would be 3.0, and the engine's is 6.0
    """
    with suppress(NonFiniteError):  # a call raises it
        for i, (out, mine) in enumerate(zip(recorded, values, strict=True)):
            _check(i, mine, float(out), out)
        if slopes:
            out = recorded[0]
            found = adjoints(out) if isinstance(out, Value) else {}
            for x, mine in zip(wanted, slopes, strict=True):
                theirs = found.get(x, 0.0)
                if mine != theirs:  # many are equal, down to the last bit
                    _check(x, mine, theirs, out)


def _check(which: int | Value, mine: float, theirs: float, out: Any) -> None:
    """Raise TraceError if an output, of that number, or its derivative by a Value is wrong.

    A rounding error is as large as the numbers that it comes from, so that after the difference
    of two large ones, or at a kink, any result may be right.
    """
    if abs(mine - theirs) <= _FAR * abs(theirs) or not math.isfinite(mine):
        return
    value = isinstance(which, int)
    if isinstance(out, Value):
        if any(_near_kink(node) for node in order(out)):
            return
        found = adjoints(out)
        scale = max(abs(slope * node.data if value else slope) for node, slope in found.items())
        scale = max(scale, _FAR * max(abs(node.data) for node in found))  # all slopes may be 0
        if abs(mine - theirs) <= _FAR * scale:
            return
    what = (
        f"result {which}"
        if isinstance(which, int)
        else f"derivative with respect to {brief(which.label) or 'a number'}"
    )
    raise TraceError(
        f"the program's {what} would be {short(mine)}, and the engine's is {short(theirs)}: unless "
        "the function is another one for Values than for numbers, please report this fault of the "
        "compiler; until it is mended use the engine itself, or another backend"
    )


def _near_kink(node: Value) -> bool:
    op = node.op
    return op is not None and op.kink is not None and abs(op.kink(*inputs(node))) < _FAR
