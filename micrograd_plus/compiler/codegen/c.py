"""Operations as C: their values and local derivatives, written by the table's own rules.

They are written twice: `op_…` call libm's functions, for one number at a time; `lanes_…` call the
functions without branches of `elementary.h` instead, which compilers compute for several at a time.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.python import Python, indented
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import Functions
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.syntax import Binary, Call, Let, Library, Name, Node, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.ops.operation import Op

# What libm lacks, or computes otherwise than `floats`: whole numbers, for one, are never −0.0.
_OWN = {
    "maximum": "double x, double y) { return (x >= y) | (x != x) ? x : y; }",
    "minimum": "double x, double y) { return (x <= y) | (x != x) ? x : y; }",
    "power": "double x, double y) { return y == 2.0 ? x * x : pow(x, y); }",
    "where": "double condition, double x, double y) { return condition ? x : y; }",
    "mod": """double x, double y)
{
    double r = fmod(x, y);
    return r == 0.0 ? copysign(r, y) : (r < 0.0) != (y < 0.0) ? r + y : r;
}""",
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

_POLYNOMIALS = "exp", "expm1", "log", "log1p", "tanh", "cosh"  # what elementary.h has

LANES = 16
"""The number of examples in each slot of a tape for batches."""

FEW = 3
"""The number of examples up to which a tape computes them one after the other."""

_EACH = "for (ptrdiff_t k = 0; k < n; k++)"

# Where a slot's numbers begin. Slots for lanes always come from a tape: a choice between two kinds
# would keep compilers from computing several lanes at a time.
_SLOT = {1: "(args ? args[k] : k)", LANES: f"{LANES} * (ptrdiff_t)args[k]"}

# What reduces an array: the number to begin with, and how each number of the array joins it.
_FOLDS = {
    "sum": ("0.0", "{0} += {1}"),
    "max": ("-INFINITY", "{0} = m_maximum({0}, {1})"),
    "min": ("INFINITY", "{0} = m_minimum({0}, {1})"),
}

# The rules of these take their arguments one by one, and so can't be written for an array: the
# lines of the value and of the derivatives. Those of sums are for arguments in a row and one lane,
# as tapes have an instruction for sums.
_ONE_BY_ONE = {
    ops.dot: (
        [
            "*out = 0.0;",
            "for (ptrdiff_t k = 0; k < n / 2; k++) *out += v[k] * v[n / 2 + k];",
            "if (n % 2) *out += v[n - 1];",
        ],
        [f"{_EACH} d[k] = k < n / 2 ? v[n / 2 + k] : k < n - n % 2 ? v[k - n / 2] : 1.0;"],
    ),
    ops.mean: (
        ["*out = 0.0;", f"{_EACH} *out += v[k];", "*out /= n;"],
        [f"{_EACH} d[k] = 1.0 / n;"],
    ),
    ops.take: (
        [
            "EACH_LANE({lanes}) {{",
            "    ptrdiff_t k = chosen(v[{lanes} * (args ? args[0] : 0) + l], n);",
            "    out[l] = k ? v[{slot} + l] : NAN;",
            "}}",
        ],
        [
            f"if (!g) {_EACH} d[k] = 0.0;",
            "for (int l = 0; l < {lanes}; l++) {{",
            "    ptrdiff_t k = chosen(v[{lanes} * (args ? args[0] : 0) + l], n);",
            "    if (k) d[{slot} + l] += g ? g[l] : 1.0;",
            "}}",
        ],
    ),
}

_FIXED = [op for op in ops.TABLE.values() if op.arity]
_REDUCTIONS = [op for op in ops.TABLE.values() if op.at_once or op in _ONE_BY_ONE]

CODES: dict[Op, int] = {op: code for code, op in enumerate([*_FIXED, *_REDUCTIONS])}
"""The number of each operation that C knows: it doesn't know one on any number of arguments whose
rules take them one by one."""

SUMS = ops.sum, ops.dot, ops.mean
"""What tapes write as an instruction for sums."""

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

/* A loop over lanes, whose arrays are the same or apart; unrolled, it would not be computed for
   several at a time, but with a branch for each lane. */
#ifdef __GNUC__
#define EACH_LANE(lanes) \\
    _Pragma("GCC ivdep") _Pragma("GCC unroll 1") for (int l = 0; l < lanes; l++)
#else
#define EACH_LANE(lanes) for (int l = 0; l < lanes; l++)
#endif

enum {{ /* the codes, and their number */
{codes}
    OPERATIONS
}};

static const char *const op_names[] = {{ /* by code */
{names}
}};

/* For macros X: the operations of one, two, three and any number of arguments, with their codes. */
{lists}

{own}

/* The argument that an index chooses, where the first is the index; 0 for none. */
static inline ptrdiff_t chosen(double index, ptrdiff_t n)
{{
    return index > -0.5 && index <= n - 1.5 ? (ptrdiff_t)ceil(index - 0.5) + 1 : 0;
}}

{op}
#ifdef TAPES
#include "elementary.h"

enum {{ LANES = {lanes_count}, FEW = {few} }};

{lanes}
#endif
"""

_OPERATIONS = """\
/* For each operation its value, for arguments x, y and z of which it may have fewer; and the
   derivative of its value `out` with respect to argument i, which is 0, 1 or 2. */
{operations}

/* The same by code. */
INLINED double {kind}_value(int code, double x, double y, double z)
{{
    switch (code) {{
#define VALUE(name, code) case code: return {kind}_value_##name(x, y, z);
    UNARY_OPERATIONS(VALUE) BINARY_OPERATIONS(VALUE) TERNARY_OPERATIONS(VALUE)
#undef VALUE
    }}
    return NAN;
}}

INLINED double {kind}_slope(int code, int i, double out, double x, double y, double z)
{{
    switch (code) {{
#define SLOPE(name, code) case code: return {kind}_slope_##name(i, out, x, y, z);
    UNARY_OPERATIONS(SLOPE) BINARY_OPERATIONS(SLOPE) TERNARY_OPERATIONS(SLOPE)
#undef SLOPE
    }}
    return NAN;
}}

/* For each operation on any number n of arguments its value, for those in the slots `args` of v, or
   without these for the first ones; and its derivatives, times g added to d, or just stored. */
{reductions}

/* The same by code. */
INLINED void {kind}_reduce(
    int code, ptrdiff_t n, const unsigned *args, const double *v, double *out)
{{
    switch (code) {{
#define VALUE(name, code) case code: {kind}_reduce_##name(n, args, v, out); break;
    REDUCING_OPERATIONS(VALUE) SUMMING_OPERATIONS(VALUE)
#undef VALUE
    }}
}}

INLINED void {kind}_reduce_slopes(int code, ptrdiff_t n, const unsigned *args, const double *v,
                                  const double *out, const double *g, double *d)
{{
    switch (code) {{
#define SLOPE(name, code) case code: {kind}_reduce_slopes_##name(n, args, v, out, g, d); break;
    REDUCING_OPERATIONS(SLOPE) SUMMING_OPERATIONS(SLOPE)
#undef SLOPE
    }}
}}
"""


class C(Python):
    """Writes C.

    Attributes:
        kind: what the functions' names begin with.
        lanes: how many numbers each slot has.
    """

    def __init__(self, kind: str, lanes: int, own: Iterable[str] = ()) -> None:
        self.kind, self.lanes = kind, lanes
        self.primitives = _PRIMITIVES | {name: f"{kind}_{name}" for name in own}

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
    """Writes what rules compute from `n` numbers x, in each lane.

    Each reduction is a loop; what has a part for each number is computed in the loops that use it.

    Attributes:
        lines: the loops, which have to come before the text.
    """

    def __init__(self, c: C) -> None:
        self.kind, self.lanes, self.primitives = c.kind, c.lanes, c.primitives
        self.lines: list[str] = []
        self._lane, self._slot = f"EACH_LANE({c.lanes})", _SLOT[c.lanes]
        self._totals: dict[int, tuple[Node, str]] = {}  # with the nodes, as ids are given again

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Name("x" | "out" as name):
                x = Name(f"{name}[l]")
            case Library():
                x = Name(f"{self._total(x)}[l]")
        return super()._written(x)

    def _total(self, x: Library) -> str:
        """The name of what a reduction gives."""
        if id(x) not in self._totals:
            start, joined = _FOLDS[x.function]
            each = self.text(x.args[0])
            name = f"t{len(self._totals) + 1}"
            self.lines += [
                f"double {name}[{self.lanes}];",
                f"{self._lane} {name}[l] = {start};",
                *self._for_each(f"{joined.format(f'{name}[l]', each)};"),
            ]
            self._totals[id(x)] = x, name
        return self._totals[id(x)][1]

    def value(self, result: Node) -> list[str]:
        """The lines that compute and store a value."""
        last = f"{self._lane} out[l] = {self.text(result)};"
        return [*self.lines, last]

    def slope(self, result: Node) -> list[str]:
        """The lines that compute derivatives, and add or store them."""
        to = f"double slope = {self.text(result)}; to[l] = g ? to[l] + g[l] * slope : slope;"
        return [*self.lines, *self._for_each(f"{{ {to} }}")]

    def _for_each(self, statement: str) -> list[str]:
        arrays = (("const double *x", "v", "x[l]"), ("double *to", "d", "to[l]"))
        places = [f"{its} = {of} + {self._slot};" for its, of, text in arrays if text in statement]
        return [f"{_EACH} {{", *indented([*places, f"{self._lane} {statement}"]), "}"]


def operations() -> str:
    r"""The text of operations.h: the table as functions of C, always the same text for a table.

    >>> "double op_value_add(double x, double y, double z)\n{\n    return x + y;" in operations()
    True
    """
    kinds = {"UNARY": 1, "BINARY": 2, "TERNARY": 3, "REDUCING": None, "SUMMING": None}
    lists = []
    for name, arity in kinds.items():
        some = [f"X({op.name}, {code})" for op, code in CODES.items()
                if op.arity == arity and (op in SUMS) == (name == "SUMMING")]  # fmt: skip
        lists.append(" \\\n    ".join([f"#define {name}_OPERATIONS(X)", *some]))
    return _TEXT.format(
        codes="\n".join(indented(f"op_{op.name}," for op in CODES)),
        names="\n".join(indented(f'"{op.name}",' for op in CODES)),
        lists="\n".join(lists),
        own="\n".join(f"static inline double m_{name}({its}" for name, its in _OWN.items()),
        lanes_count=LANES,
        few=FEW,
        op=_functions(C("op", 1)),
        lanes=_functions(C("lanes", LANES, _POLYNOMIALS)),
    )


def _functions(c: C) -> str:
    """The functions of one kind."""
    rules, out, kind = Functions(), Name("out"), c.kind
    numbers = "double x, double y, double z"
    arrays = "ptrdiff_t n, const unsigned *args, const double *v"
    operations: list[str] = []
    reductions: list[str] = []
    for op in CODES:
        if op.arity is None:
            value, slopes = _reduction(c, op)
            more = "const double *out, const double *g, double *d"
            reductions += _defined(f"void {kind}_reduce_{op.name}({arrays}, double *out)", value)
            reductions += _defined(f"void {kind}_reduce_slopes_{op.name}({arrays}, {more})", slopes)
            continue
        args = [Name(letter) for letter in "xyz"[: op.arity]]
        value = [c.body(node(op.value(rules, *args)))]
        found = map(node, op.local_derivatives(rules, out, args, [True] * len(args)))
        cases = [f"case {i}: {c.body(slope)}" for i, slope in enumerate(found)]
        head = f"double {kind}_slope_{op.name}(int i, double out, {numbers})"
        operations += _defined(f"double {kind}_value_{op.name}({numbers})", value)
        operations += _defined(head, ["switch (i) {", *cases, "}", "return NAN;"])
    return _OPERATIONS.format(
        kind=kind, operations="\n".join(operations), reductions="\n".join(reductions)
    )


def _defined(head: str, lines: Sequence[str]) -> list[str]:
    return [f"INLINED {head}", "{", *indented(lines), "}"]


def _reduction(c: C, op: Op) -> Sequence[list[str]]:
    """The lines of a reduction's value and of its derivatives."""
    if op in _ONE_BY_ONE:
        places = {"lanes": c.lanes, "slot": _SLOT[c.lanes]}
        return [[line.format(**places) for line in lines] for lines in _ONE_BY_ONE[op]]
    m = AtOnce(Functions(), Name("x"))
    return _Loops(c).value(m.value(op)), _Loops(c).slope(m.slope(op, Name("out")))


@cache
def work(op: Op) -> list[Counter[str]]:
    """The operators and functions of an operation's value, and of each of its derivatives.

    >>> work(ops.divide)[1:]
    [Counter({'/': 1}), Counter({'/': 1})]
    """
    rules, out = Functions(), Name("out")
    args = [Name(letter) for letter in "xyz"[: op.arity]]
    slopes = op.local_derivatives(rules, out, args, [True] * len(args))
    found = []
    for rule in (op.value(rules, *args), *slopes):
        found.append(Counter[str]())
        todo, seen = [node(rule)], set[int]()
        while todo:
            x = todo.pop()
            if id(x) in seen:  # computed once
                continue
            seen.add(id(x))
            todo += x.parts
            match x:
                case Binary(symbol):
                    found[-1][symbol] += 1
                case Call(function):
                    found[-1][function.name] += 1
    return found
