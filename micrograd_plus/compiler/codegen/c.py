"""Operations as C: their values and local derivatives, written by the table's own rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.python import Python, indented
from micrograd_plus.compiler.codegen.rules import Functions, functions
from micrograd_plus.compiler.codegen.syntax import Call, Function, Name, node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from micrograd_plus.ops.operation import Op

_ARGUMENTS = "xyz"

CODES: dict[Op, int] = {
    op: code for code, op in enumerate(op for op in ops.TABLE.values() if op.arity)
}
"""The number that C knows an operation by, if it has a fixed number of arguments."""

# What libm lacks or computes otherwise than `floats`: there whole numbers are never −0.0.
_OWN = {
    "maximum": "double x, double y) { return x >= y || x != x ? x : y; }",
    "minimum": "double x, double y) { return x <= y || x != x ? x : y; }",
    "power": "double x, double y) { return y == 2.0 ? x * x : pow(x, y); }",
    "where": "double condition, double x, double y) { return condition ? x : y; }",
    "ceil": "double x) { return ceil(x) + 0.0; }",
    "floor": "double x) { return floor(x) + 0.0; }",
    "round": "double x) { return rint(x) + 0.0; }",
    "trunc": "double x) { return trunc(x) + 0.0; }",
}

_PRIMITIVES = {
    **{op.name: op.name for op in ops.TABLE.values() if op.primitive},
    **{name: f"m_{name}" for name in _OWN},
    "abs": "fabs",
}

_TEXT = """\
/* The operations of the table with a fixed number of arguments, in C: generated from their rules
   by micrograd_plus/compiler/codegen/c.py. */

#include <math.h>

{functions}

static const char *const op_names[] = {{ /* by code */
{names}
}};

/* The operations of one argument, with their codes. */
#define UNARY_OPERATIONS(X) \\
{unary}

/* The value of an operation; y and z count as far as it has as many arguments. */
static inline double op_value(int code, double x, double y, double z)
{{
    switch (code) {{
{values}
    }}
    return NAN;
}}

/* The derivative of its value `out` with respect to argument i, which is 0, 1 or 2. */
static inline double op_slope(int code, int i, double out, double x, double y, double z)
{{
    switch (3 * code + i) {{
{slopes}
    }}
    return NAN;
}}
"""


class C(Python):
    """Writes C."""

    primitives = _PRIMITIVES

    def number(self, x: float) -> str:
        if math.isfinite(x):
            return repr(x)
        return "NAN" if math.isnan(x) else "INFINITY" if x > 0 else "-INFINITY"

    def name(self, function: Op | Function) -> str:
        return self.primitives.get(function.name, f"m_{function.name}")

    def definitions(self, things: Iterable[Any]) -> list[str]:
        called = [x for x in functions(things, self.primitives) if isinstance(x, Function)]
        heads = [f"{self.name(x)}(double {', double '.join(x.parameters)})" for x in called]
        bodies = [f"{{ return {self.results(x)}; }}" for x in called]
        lines = [f"m_{name}({its}" for name, its in _OWN.items()]
        lines += [f"{head};" for head in heads]  # before all bodies, as they call each other
        lines += [f"{head} {body}" for head, body in zip(heads, bodies, strict=True)]
        return [f"static inline double {line}" for line in lines]


class Scalars(Functions):
    """The namespace in which rules compute with numbers of C."""

    def call(self, op: Op, *args: Any) -> Any:
        return Call(op, [*map(node, args)])  # powers, too


def operations() -> str:
    """The text of operations.h: the table as functions of C, always the same text for a table.

    >>> "case 0: return x + y; /* add */" in operations()
    True
    """
    c, rules = C(), Scalars()
    values, slopes = {}, {}
    for op, code in CODES.items():
        out, args = Name("out"), [Name(letter) for letter in _ARGUMENTS[: op.arity]]
        values[code] = node(op.value(rules, *args))
        wanted = [True] * len(args)
        for i, slope in enumerate(op.local_derivatives(rules, out, args, wanted)):
            slopes[len(_ARGUMENTS) * code + i] = node(slope)
    names = [op.name for op in CODES]
    unary = [f"X({op.name}, {code})" for op, code in CODES.items() if op.arity == 1]
    return _TEXT.format(
        functions="\n".join(c.definitions([*values.values(), *slopes.values()])),
        names="\n".join(indented(f'"{name}",' for name in names)),
        unary=" \\\n".join(indented(unary)),
        values="\n".join(
            f"    case {code}: return {c.text(value)}; /* {names[code]} */"
            for code, value in values.items()
        ),
        slopes="\n".join(
            f"    case {place}: return {c.text(slope)}; /* {names[place // 3]} */"
            for place, slope in slopes.items()
        ),
    )
