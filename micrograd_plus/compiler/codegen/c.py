"""Operations as C: their values and local derivatives, written by the table's own rules."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.python import Python, indented
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import Functions
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.syntax import Binary, Call, Let, Library, Name, Node, node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.ops.operation import Op

# What libm lacks, or computes otherwise than `floats`: whole numbers, for one, are never −0.0.
_OWN = {
    "maximum": "double x, double y) { return x >= y || x != x ? x : y; }",
    "minimum": "double x, double y) { return x <= y || x != x ? x : y; }",
    "power": "double x, double y) { return y == 2.0 ? x * x : pow(x, y); }",
    "where": "double condition, double x, double y) { return condition ? x : y; }",
    "ceil": "double x) { return ceil(x) + 0.0; }",
    "floor": "double x) { return floor(x) + 0.0; }",
    "round": "double x) { return rint(x) + 0.0; }",
    "trunc": "double x) { return trunc(x) + 0.0; }",
    "sign": "double x) { return (x > 0.0) - (x < 0.0); }",
}

_PRIMITIVES = {
    **{op.name: op.name for op in ops.TABLE.values() if op.primitive},
    **{name: f"m_{name}" for name in _OWN},
    "abs": "fabs",
}

_EACH = "for (ptrdiff_t k = 0; k < n; k++)"

# What reduces an array: the number to begin with, and how each number of the array joins it.
_FOLDS = {
    "sum": ("0.0", "{0} += {1}"),
    "max": ("-INFINITY", "{0} = m_maximum({0}, {1})"),
    "min": ("INFINITY", "{0} = m_minimum({0}, {1})"),
}

# The rules of these take their arguments one by one, and so can't be written for an array:
# the lines of the value and of the derivatives.
_ONE_BY_ONE = {
    ops.dot: (
        [
            "double sum = 0.0;",
            "for (ptrdiff_t k = 0; k < n / 2; k++) sum += x[k] * x[n / 2 + k];",
            "return n % 2 ? sum + x[n - 1] : sum;",
        ],
        [f"{_EACH} slope[k] = k < n / 2 ? x[n / 2 + k] : k < n - n % 2 ? x[k - n / 2] : 1.0;"],
    ),
    ops.mean: (
        ["double sum = 0.0;", f"{_EACH} sum += x[k];", "return sum / n;"],
        [f"{_EACH} slope[k] = 1.0 / n;"],
    ),
    ops.take: (
        [
            "double chosen = n > 1 ? x[1] : NAN;",
            "for (ptrdiff_t k = 2; k < n; k++) if (x[0] > k - 1.5) chosen = x[k];",
            "return x[0] > -0.5 && !(x[0] > n - 1.5) ? chosen : NAN;",
        ],
        [f"{_EACH} slope[k] = k ? (x[0] > k - 1.5) - (x[0] > k - 0.5) : 0.0;"],
    ),
}

_FIXED = [op for op in ops.TABLE.values() if op.arity]
_REDUCTIONS = [op for op in ops.TABLE.values() if op.at_once or op in _ONE_BY_ONE]

CODES: dict[Op, int] = {op: code for code, op in enumerate([*_FIXED, *_REDUCTIONS])}
"""The number of each operation that C knows: it doesn't know one on any number of arguments whose
rules take them one by one."""

_TEXT = """\
/* The operations of the table in C: generated from their rules by compiler/codegen/c.py. */

#include <math.h>
#include <stddef.h>

/* What depends on a code is inlined, so that for a constant one a single case is left. */
#ifdef _MSC_VER
#define INLINED static __forceinline
#else
#define INLINED static inline __attribute__((always_inline))
#endif

{functions}

enum {{ /* the codes, and their number */
{codes}
    OPERATIONS
}};

static const char *const op_names[] = {{ /* by code */
{names}
}};

/* For macros X: the operations of one, two and three arguments, with their codes. */
{lists}

/* The value of an operation; those of x, y and z that are none of its arguments don't matter. */
INLINED double op_value(int code, double x, double y, double z)
{{
    switch (code) {{
{values}
    }}
    return NAN;
}}

/* The derivative of its value `out` with respect to argument i, which is 0, 1 or 2. */
INLINED double op_slope(int code, int i, double out, double x, double y, double z)
{{
    switch (3 * code + i) {{
{slopes}
    }}
    return NAN;
}}

/* The value of an operation on any number of arguments. */
static inline double op_reduce(int code, ptrdiff_t n, const double *x)
{{
    switch (code) {{
{reductions}
    }}
    return NAN;
}}

/* The derivatives of its value `out` with respect to each argument. */
static inline void op_reduce_slopes(
    int code, ptrdiff_t n, double out, const double *x, double *slope)
{{
    switch (code) {{
{reduction_slopes}
    }}
}}
"""


class C(Python):
    """Writes C."""

    primitives = _PRIMITIVES

    def number(self, x: float) -> str:
        if math.isfinite(x):
            return repr(x)
        return "NAN" if math.isnan(x) else "INFINITY" if x > 0 else "-INFINITY"

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Binary("**", base, exponent):
                x = Call(ops.power, (base, exponent))
        return super()._written(x)

    def name(self, function: Op) -> str:
        return self.primitives[function.name]

    def body(self, result: Node) -> str:
        """The body of a function that returns a number, computing nothing twice."""
        *first, last = shared([Let("out", result)], cheaper=False)
        named = [f"double {self.line(line)};" for line in first]
        text = " ".join([*named, f"return {self.text(last.value)};"])
        return f"{{ {text} }}" if named else text


class _Loops(C):
    """Writes what rules compute from an array `x` of `n` numbers.

    Each reduction is a loop; what has a part for each number is computed in the loops that use it.

    Attributes:
        lines: the loops, which have to come before the text.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._totals: dict[int, tuple[Node, str]] = {}  # with the nodes, as ids are given again

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Name("x"):
                x = Name("x[k]")
            case Library():
                x = Name(self._total(x))
        return super()._written(x)

    def _total(self, x: Library) -> str:
        """The name of what a reduction gives."""
        if id(x) not in self._totals:
            start, joined = _FOLDS[x.function]
            each = self.text(x.args[0])
            name = f"t{len(self._totals) + 1}"
            self.lines += [f"double {name} = {start};", f"{_EACH} {joined.format(name, each)};"]
            self._totals[id(x)] = x, name
        return self._totals[id(x)][1]


def operations() -> str:
    """The text of operations.h: the table as functions of C, always the same text for a table.

    >>> "case 0: return x + y; /* add */" in operations()
    True
    """
    c, rules, out = C(), Functions(), Name("out")
    lines: dict[str, list[str]] = defaultdict(list)
    for op, code in CODES.items():
        lines["codes"].append(f"op_{op.name},")
        lines["names"].append(f'"{op.name}",')
        if op.arity is None:
            value_lines, slope_lines = _reduction(op)
            lines["reductions"] += _case(code, op, value_lines)
            lines["reduction_slopes"] += _case(code, op, [*slope_lines, "return;"])
            continue
        args = [Name(letter) for letter in "xyz"[: op.arity]]
        value = node(op.value(rules, *args))
        slopes = op.local_derivatives(rules, out, args, [True] * len(args))
        lines["values"].append(f"case {code}: {c.body(value)} /* {op.name} */")
        for i, slope in enumerate(map(node, slopes), 3 * code):
            lines["slopes"].append(f"case {i}: {c.body(slope)} /* {op.name} */")
    lists = []
    for arity, name in enumerate(("UNARY", "BINARY", "TERNARY"), 1):
        some = [f"X({op.name}, {code})" for op, code in CODES.items() if op.arity == arity]
        lists.append(" \\\n    ".join([f"#define {name}_OPERATIONS(X)", *some]))
    return _TEXT.format(
        functions="\n".join(f"static inline double m_{x}({y}" for x, y in _OWN.items()),
        lists="\n".join(lists),
        **{name: "\n".join(indented(some)) for name, some in lines.items()},
    )


def _reduction(op: Op) -> Sequence[list[str]]:
    """The lines of a reduction's value and of its derivatives."""
    if op in _ONE_BY_ONE:
        return _ONE_BY_ONE[op]
    m = AtOnce(Functions(), Name("x"))
    found = []
    for made, last in (
        (m.value(op), "return {};"),
        (m.slope(op, Name("out")), f"{_EACH} slope[k] = {{}};"),
    ):
        loops = _Loops()
        text = last.format(loops.text(made))
        found.append([*loops.lines, text])
    return found


def _case(code: int, op: Op, lines: list[str]) -> list[str]:
    return [f"case {code}: {{ /* {op.name} */", *indented(lines), "}"]
