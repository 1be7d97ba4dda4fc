"""Expressions of Python text: what the table's rules give for names instead of numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from micrograd_plus.ops import TABLE, has
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import Symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from micrograd_plus.ops.operation import Op

_TIGHT = {"<": 1, ">": 1, "<=": 1, ">=": 1, "==": 1, "!=": 1, "+": 2, "-": 2, "*": 3, "/": 3}
_UNARY, _POWER, _ATOM = 4, 5, 6


class Code(Symbol):
    """A text that can be computed with; parentheses come by themselves."""

    __slots__ = ("text", "tight")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str, tight: int = _ATOM) -> None:
        self.text = text
        self.tight = tight

    def within(self, tight: int) -> str:
        """The text as part of something that binds so tightly."""
        return self.text if self.tight >= tight else f"({self.text})"

    def __add__(self, other: Any) -> Code:
        return self if _is(other, 0) else _binary("+", self, other)

    def __radd__(self, other: Any) -> Code:
        return self if _is(other, 0) else _binary("+", other, self)

    def __sub__(self, other: Any) -> Code:
        return _binary("-", self, other)

    def __rsub__(self, other: Any) -> Code:
        return -self if _is(other, 0) else _binary("-", other, self)

    def __mul__(self, other: Any) -> Any:
        if self.text.startswith("is_zero(") and _is(other, 0):
            return 0.0  # of 0 and 1 it is safe to say so
        return self if _is(other, 1) else _binary("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self if _is(other, 1) else _binary("*", other, self)

    def __truediv__(self, other: Any) -> Code:
        return _binary("/", self, other)

    def __rtruediv__(self, other: Any) -> Code:
        return _binary("/", other, self)

    def __pow__(self, other: Any) -> Any:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return _power(other, self)

    def __neg__(self) -> Code:
        return Code(f"-{self.within(_UNARY)}", _UNARY)

    def __lt__(self, other: Any) -> Code:
        return _binary("<", self, other)

    def __gt__(self, other: Any) -> Code:
        return _binary(">", self, other)

    def __le__(self, other: Any) -> Code:
        return _binary("<=", self, other)

    def __ge__(self, other: Any) -> Code:
        return _binary(">=", self, other)

    def __eq__(self, other: object) -> Code:  # type: ignore[override]
        return _binary("==", self, other)

    def __ne__(self, other: object) -> Code:  # type: ignore[override]
        return _binary("!=", self, other)


def code(x: Any) -> Code:
    """A number, or what is code already, as code."""
    if isinstance(x, Code):
        return x
    return Code(literal(float(x)), _ATOM if x >= 0 else _UNARY)


def literal(x: Any) -> str:
    """A number, or nested lists of them, as Python reads it where `np` is NumPy."""
    return re.sub("inf|nan", r"np.\g<0>", repr(x))


def _is(x: Any, number: float) -> bool:
    return not isinstance(x, Code) and x == number


def _binary(symbol: str, x: Any, y: Any) -> Code:
    tight = _TIGHT[symbol]
    left, right = code(x).within(tight), code(y).within(tight + 1)
    return Code(f"{left} {symbol} {right}", tight)


def _power(x: Any, y: Any) -> Any:
    if _is(y, 1):
        return x
    if _is(y, 2) and code(x).tight == _ATOM and not code(x).text.endswith(")"):
        return x * x  # but no function is called twice
    return Code(f"{code(x).within(_ATOM)} ** {code(y).within(_ATOM)}", _POWER)


class Functions:
    """The table's namespace for code: calls of functions, whose names are remembered."""

    def __init__(self) -> None:
        self.used: dict[str, None] = {}

    def __getattr__(self, name: str) -> Any:
        def function(*args: Any) -> Any:
            if not any(isinstance(arg, Code) for arg in args):
                return TABLE[name].value(floats, *args)
            if TABLE[name].arity is None:
                return TABLE[name].value(self, *args)
            return self.call(name, *args)

        return function

    def call(self, name: str, *args: Any) -> Code:
        """A call of a function, which is remembered."""
        self.used[name] = None
        return Code(f"{name}({', '.join(code(arg).text for arg in args)})")

    def power(self, x: Any, y: Any) -> Any:
        return _power(x, y)

    def applied(self, op: Op, args: Sequence[Code]) -> Any:
        """An operation on code: a call of its function, if the namespace has it.

        What needs no more than operators is written out, and so is what is not in the table.
        """
        inner = type(self)()
        written = op.value(inner, *args)
        if has(op) and inner.used:
            return self.call(op.name, *args)
        self.used |= inner.used
        return written

    def definitions(self, primitives: dict[str, str]) -> list[str]:
        """Python lines that define the functions used: a library's, or by the table's rules."""
        lines: list[str] = []
        done: set[str] = set()
        todo = list(self.used)
        while todo:
            name = todo.pop()
            if name in done:
                continue
            done.add(name)
            if name in primitives:
                lines.append(f"{name} = {primitives[name]}")
                continue
            names = "xyz"[: TABLE[name].arity]
            inner = Functions()
            body = TABLE[name].value(inner, *map(Code, names))
            lines.append(f"def {name}({', '.join(names)}): return {code(body).text}")
            todo += inner.used
        return sorted(lines, key=lambda line: (line.startswith("def"), line))


def indented(lines: Iterable[str], steps: int = 1) -> list[str]:
    """Lines of Python, so many steps further in."""
    return [f"{'    ' * steps}{line}" for line in lines]
