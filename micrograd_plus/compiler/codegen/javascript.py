"""Arithmetic on numbers as JavaScript, for pages that compute without Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen import error_functions
from micrograd_plus.compiler.codegen.python import Python
from micrograd_plus.compiler.codegen.rules import Functions
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.syntax import Binary, Call, Let, Name, Node, node
from micrograd_plus.graph import order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.codegen.syntax import Instruction
    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op
    from micrograd_plus.optim.rules import Rule

# What JavaScript lacks, or computes otherwise than `floats`: whole numbers, for one, are never −0.
_OWN = {
    "maximum": "const maximum = (x, y) => x >= y || x !== x ? x : y;",
    "minimum": "const minimum = (x, y) => x <= y || x !== x ? x : y;",
    "power": "const power = (x, y) => y === 2 ? x * x : x === 1 || y === 0 ? 1 : Math.pow(x, y);",
    "where": "const where = (condition, x, y) => condition ? x : y;",
    "mod": """\
const mod = (x, y) => {
  const r = x % y;
  return (r !== 0 && r < 0 !== y < 0 ? r + y : r) + 0;
};""",
    "ceil": "const ceil = (x) => Math.ceil(x) + 0;",
    "floor": "const floor = (x) => Math.floor(x) + 0;",
    "trunc": "const trunc = (x) => Math.trunc(x) + 0;",
    "sign": "const sign = (x) => (x > 0) - (x < 0);",
    "round": """\
const round = (x) => {
  const below = Math.floor(x), rest = x - below;
  return (rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1) + 0;
};""",
} | dict.fromkeys(("erf", "erfc"), error_functions.JAVASCRIPT)

_SYMBOLS = {"==": "===", "!=": "!=="}


class JavaScript(Python):
    """Writes JavaScript, for numbers."""

    primitives = _OWN

    def __init__(self) -> None:
        self._called: set[str] = set()

    def number(self, x: float) -> str:
        """A number."""
        if math.isfinite(x):
            return repr(x)
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Binary("**", base, exponent):
                x = Call(ops.power, (base, exponent))
            case Binary("==" | "!=" as symbol, left, right):
                x = Binary(_SYMBOLS[symbol], left, right)
        return super()._written(x)

    def name(self, function: Op) -> str:
        """What a function is called in the text."""
        self._called.add(function.name)
        return function.name if function.name in self.primitives else f"Math.{function.name}"

    def line(self, instruction: Instruction) -> str:
        """An instruction, which gives a number its name."""
        return f"const {super().line(instruction)};"

    def function(self, given: Sequence[Name], lines: Sequence[Let], results: Sequence[Name]) -> str:
        """A function of numbers, as an expression; it gets them in one array, and returns one.

        Args:
            given: the names of what it gets.
            lines: what it computes, as far as the results need it.
            results: what it returns.
        """
        body = self.block(shared(lines, results, cheaper=False))
        body.append(f"return [{', '.join(map(self.text, results))}];")
        own = dict.fromkeys(text for name, text in self.primitives.items() if name in self._called)
        head = f"return ([{', '.join(map(self.text, given))}]) => {{"
        return "\n".join(["(() => {", *own, head, *body, "};", "})()"])


class Script:
    """A function of numbers in JavaScript, written down line by line.

    Expressions are nodes, or numbers where nothing depends on what is given.

    >>> script = Script()
    >>> x, y = script.given(), script.given()
    >>> z = script.named(script.value(ops.relu, [x * y]))
    >>> print(script.function([z, script.named(z + x * y)]))
    (() => {
    const maximum = (x, y) => x >= y || x !== x ? x : y;
    return ([x1, x2]) => {
    const e1 = x1 * x2;
    const n1 = maximum(e1, 0.0);
    const n2 = n1 + e1;
    return [n1, n2];
    };
    })()
    """

    def __init__(self) -> None:
        self._given: list[Name] = []
        self._lines: list[Let] = []
        self._known: dict[str, Name] = {}  # what has a name, by its text

    def given(self) -> Name:
        """A number that the function is given; they are given in the order of these calls."""
        self._given.append(Name(f"x{len(self._given) + 1}"))
        return self._given[-1]

    def named(self, expression: Any) -> Name:
        """An expression by a name, the same one for the same expression.

        Args:
            expression: the expression.
        """
        if isinstance(expression, Name):
            return expression
        text = JavaScript().text(node(expression))
        if text not in self._known:
            self._known[text] = Name(f"n{len(self._known) + 1}")
            self._lines.append(Let(self._known[text].name, node(expression)))
        return self._known[text]

    def value(self, op: Op, args: Sequence[Any]) -> Any:
        """The value of an operation.

        Args:
            op: the operation.
            args: its arguments, as expressions.
        """
        return op.value(_NUMBERS, *args)

    def slopes(
        self, op: Op, out: Any, args: Sequence[Any], wanted: Sequence[bool]
    ) -> Sequence[Any]:
        """The derivatives of an operation's value for each wanted argument, None for the others.

        Args:
            op: the operation.
            out: its value, as an expression.
            args: its arguments.
            wanted: for each whether its derivative is wanted.
        """
        return op.local_derivatives(_NUMBERS, out, args, wanted)

    def function(self, results: Sequence[Name]) -> str:
        """The text of the function.

        Args:
            results: what it returns.
        """
        return JavaScript().function(self._given, self._lines, results)


_NUMBERS = Functions()


def graph_function(given: Sequence[Value], results: Sequence[Value | float]) -> str:
    """The text of a function that computes Values from others, as they are recorded.

    Args:
        given: what the function is given, in this order; other leaves are constants.
        results: what it returns.

    >>> from micrograd_plus import values
    >>> x, y = values(x=2, y=3)
    >>> print(graph_function([x, y], [x * y + y]))
    (() => {
    return ([x1, x2]) => {
    const n1 = x1 * x2;
    const n2 = n1 + x2;
    return [n2];
    };
    })()
    """
    script = Script()
    names: dict[Any, Any] = {value: script.given() for value in given}
    known = {*map(id, given)}
    for result in results:
        for value in order(result, known) if not isinstance(result, float) else ():
            args = [arg if isinstance(arg, float) else names[arg] for arg in value.args]
            names[value] = script.value(value.op, args) if value.op else value.data
            names[value] = script.named(names[value])
            known.add(id(value))
    return script.function([script.named(names.get(result, result)) for result in results])


def rule_function(rule: Rule) -> str:
    """The text of a function that is given what a rule's `update` is, and returns what that does.

    It is given a gradient, the parameter's states, the parameter, the rate and the number of the
    step, and returns the parameter and its states.

    Args:
        rule: the update rule.

    >>> from micrograd_plus import optim
    >>> print(rule_function(optim.GradientDescent()))
    (() => {
    return ([x1, x2, x3, x4]) => {
    const n1 = x2 - x3 * x1;
    return [n1];
    };
    })()
    """
    script = Script()
    gradient, *states, parameter, rate, step = (script.given() for _ in range(4 + len(rule.states)))
    number, after = rule.update(gradient, tuple(states), parameter, rate, step)  # type: ignore[arg-type]
    return script.function([*map(script.named, (number, *after))])
