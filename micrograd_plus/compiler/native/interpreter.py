"""The interpreter of tapes: Python text generated from the table's rules, compiled by numba.

It is independent of graphs: each program is only another tape. The text has a branch for each
operation, and for its derivatives one for each choice of arguments that get one.
"""

from __future__ import annotations

import hashlib
import math
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.c import CODES
from micrograd_plus.compiler.codegen.python import Python, indented
from micrograd_plus.compiler.codegen.rules import Functions, calls
from micrograd_plus.compiler.codegen.syntax import Call, Name, Write, node
from micrograd_plus.compiler.native.tape import LOWERED, MOST, SUM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.ops.operation import Op

# Functions of `math`, except where it has none, or one that returns a 64-bit integer. As in
# `floats`, a whole number is never −0.0.
_FUNCTIONS = {op: f"math.{op}" for op in ops.TABLE if hasattr(math, op)}
_WHOLE = {"ceil": "ceil", "floor": "floor", "round": "rint", "trunc": "trunc"}
_FUNCTIONS |= {op: f"njit(lambda x: np.{its}(x) + 0.0)" for op, its in _WHOLE.items()}
_FUNCTIONS |= {"abs": "math.fabs", "cbrt": "np.cbrt"}
_FUNCTIONS |= {op: f"_{op}" for op in ("maximum", "minimum", "power", "where")}

_TEXT = """
@njit
def _maximum(x, y):
    return x if x >= y or x != x else y

@njit
def _minimum(x, y):
    return x if x <= y or x != x else y

@njit
def _where(condition, x, y):
    return x if condition else y

@njit
def _power(x, y):  # squares are frequent, and products 20 times as fast
    if y == 2.0:
        return x * x
    return x if y == 1.0 else math.pow(x, y)

@njit
def _finite(x):
    found = 0  # counted without a branch, which LLVM does for several numbers at a time
    for i in range(x.size):
        found += abs(x[i]) <= {largest!r}
    return found == x.size

{functions}

def run(x, runs, tape, targets, factors, forward, outputs, v, d, low, high):
    v[: x.size] = x
    first = v.size - len(tape)
    stop = 0
    for r in range(forward if low == high else len(runs)):
        k, start, stop = runs[r, 0] >> {most} << {most}, stop, np.int64(runs[r, 1])
{values}
    fine = _finite(v[: first + stop])
    if low == high:
        return fine, v[outputs], d[:0].copy()
    d[:] = 0.0
    d[outputs[0]] = 1.0
    for r in range(forward - 1, -1, -1):
        k, start, stop = runs[r, 0], np.int64(runs[r - 1, 1]) if r else 0, np.int64(runs[r, 1])
{slopes}
    gradient = d[low:high].copy()
    return fine and _finite(gradient), v[outputs], gradient
"""

_FLOATS, _SLOTS = "f8[::1]", "u4[::1]"
_SIGNATURE = (
    f"Tuple((b1, {_FLOATS}, {_FLOATS}))"
    f"({_FLOATS}, u4[:, ::1], u4[:, ::1], {_SLOTS}, {_SLOTS}, i8, {_SLOTS}, "
    f"{_FLOATS}, {_FLOATS}, i8, i8)"
)


@cache
def interpreter() -> Any:
    """The interpreter, compiled once, and kept in numba's cache if there is a folder for it.

    Returns:
        A function of the inputs, the parts of a `Tape`, arrays for the numbers and the derivatives
        of all slots, and the slots from which and to which derivatives are wanted. It returns
        whether all is finite, the outputs and those derivatives.

    Raises:
        ModuleNotFoundError: numba is missing.
    """
    numba = need("numba", "native")
    source = text()
    # numba's cache is keyed by file and function name: the digest ties the name to this text
    name = f"run_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    code = compile(source.replace("def run", f"def {name}"), __file__, "exec")
    names = {"math": math, "np": need("numpy", "native"), "njit": numba.njit, "__name__": __name__}
    exec(code, names)  # noqa: S102  text generated from the table's rules
    try:
        return numba.njit(_SIGNATURE, error_model="numpy", cache=True)(names[name])
    except RuntimeError:  # no folder is writable
        return numba.njit(_SIGNATURE, error_model="numpy")(names[name])


def text() -> str:
    """The interpreter as Python."""
    loop = "for n in range(a, b):"
    values = [
        (LOWERED << MOST, ["v[o] = v[c]"]),
        (SUM << MOST, ["s = 0.0", loop, "    s += v[targets[n]]", "v[o] = s"]),
    ]
    slopes = [
        (LOWERED << MOST | 1, [loop, "    d[targets[n]] += g * v[factors[n]]"]),
        (SUM << MOST | 1, [loop, "    d[targets[n]] += g"]),
    ]
    python, rules, called, arithmetic = _Numba(), _Functions(), [], set()
    v, d, g, o = map(Name, "vdgo")
    for op, number in CODES.items():
        if op.arity is None:
            continue
        letters = [Name(letter) for letter in "abc"[: op.arity]]
        args = [v[letter] for letter in letters]
        value = Write(v[o], node(op.value(rules, *args)))
        called.append(value)
        if not calls(value):
            arithmetic.add(number)
        values.append((number << MOST, [python.line(value)]))
        for bits in range(1, 1 << len(args)):
            wanted = [bool(bits >> i & 1) for i in range(len(args))]
            local = op.local_derivatives(rules, v[o], args, wanted)
            lines = [
                Write(d[letter], node(g * slope), adds=True)
                for letter, slope, want in zip(letters, local, wanted, strict=True)
                if want
            ]
            called += lines
            slopes.append((number << MOST | bits, [*map(python.line, lines)]))
    defined = python.definitions(called)
    names = ["a, b, c = tape[i, 0], tape[i, 1], tape[i, 2]", "o = first + i"]
    upward = ["for i in range(start, stop):", *indented(names)]
    downward = ["for i in range(stop - 1, start - 1, -1):", *indented([*names, "g = d[o]"])]
    return _TEXT.format(
        functions="\n".join(re.sub("^def", "@njit\ndef", line) for line in defined),
        values="\n".join(indented(_loops(values, upward, arithmetic), 2)),
        slopes="\n".join(indented(_loops(slopes, downward, arithmetic), 2)),
        most=MOST,
        largest=sys.float_info.max,
    )


class _Numba(Python):
    primitives = _FUNCTIONS


class _Functions(Functions):
    def call(self, op: Op, *args: Any) -> Any:
        return Call(op, [*map(node, args)])  # powers, too


def _loops(
    cases: Sequence[tuple[int, list[str]]], loop: list[str], arithmetic: set[int]
) -> list[str]:
    """The Python lines that execute the instructions of a run whose code is `k`.

    Arithmetic has loops of its own, which are twice as fast. With one for each operation LLVM
    would take three times as long.
    """
    own = [case for case in cases if case[0] >> MOST in arithmetic]
    shared = [case for case in cases if case not in own]
    lines = _branches((number, [*loop, *indented(body)]) for number, body in own)
    return [*lines, "else:", *indented([*loop, *indented(_branches(shared))])]


def _branches(cases: Iterable[tuple[int, list[str]]]) -> list[str]:
    lines: list[str] = []
    for number, body in cases:
        lines += [f"{'elif' if lines else 'if'} k == {number}:", *indented(body)]
    return lines
