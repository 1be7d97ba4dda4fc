"""Operations on any number of arguments, as functions of one array that holds all arguments.

The array has an axis of members, one of arguments and, if batched, one of examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.rules import Functions, Slopes
from micrograd_plus.compiler.codegen.syntax import (
    ALL,
    Function,
    Let,
    Name,
    Node,
    column,
    node,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.ops.operation import Op

_METHODS = {ops.max, ops.min, ops.sum}
"""The operations that arrays have methods for, by the same names."""


def values(op: Op, word: str) -> Function:
    """The function for an operation's values.

    Args:
        op: its rules take all arguments at once.
        word: its name in names of functions.

    Raises:
        TypeError: its rule doesn't reduce the arguments to one number.
    """
    m = AtOnce(Functions())
    made = m.value(op)
    return Function(f"{word}_of", ("x",), m.lines, [made[ALL, 0]])


def slopes(op: Op, word: str) -> Function:
    """The function for its derivatives, from the arguments and the values."""
    m = AtOnce(Slopes())
    made = m.slope(op)
    if not _each(made):
        made = Name("x").library("zeros_like") + made
    lines = m.lines
    if any(isinstance(part, Name) and part.name == "out" for part in nodes([lines, made])):
        lines = [Let("out", column(Name("out"))), *lines]
    return Function(f"{word}_slopes", ("x", "out"), lines, [made])


class AtOnce:
    """The table's namespace where one array `x` stands for all arguments.

    Results have names: x1, x2, … with a part for each argument, t1, t2, … if they were reduced.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.lines: list[Let] = []

    def value(self, op: Op) -> Node:
        """The value of an operation, `lines` being computed before; raises as `values` does."""
        x = Name("x")
        made = node(self.reduced(op, x) if op in _METHODS else op.value(self, x))
        if _each(made):
            raise TypeError(
                f"{op!r} says that its rules take all arguments at once, but its value has not "
                "one number for all of them: reduce them by m.sum, m.max or m.min"
            )
        return made

    def slope(self, op: Op) -> Node:
        """The derivatives of its value `out`, likewise: for each argument, or one for all."""
        (slope,) = op.local_derivatives(self, Name("out"), (Name("x"),), (True,))
        return node(slope)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def function(*args: Any) -> Any:
            op = ops.TABLE[name]
            if op in _METHODS:
                return self.reduced(op, *args)
            if op.arity is None:
                return _at_once(op).value(self, *args)
            made = getattr(self._functions, name)(*args)
            if not isinstance(made, Node):
                return made
            return self._named(made, "x" if _each(made) else "t")

        return function

    def reduced(self, op: Op, x: Any) -> Name:
        return self._named(node(x).library(op.name, axis=1, keepdims=True), "t")

    def _named(self, made: Node, letter: str) -> Name:
        number = sum(line.name[0] == letter for line in self.lines) + 1
        self.lines.append(Let(f"{letter}{number}", made))
        return Name(f"{letter}{number}", made.truths)


def _at_once(op: Op) -> Op:
    if not op.at_once:
        raise TypeError(
            f"an operation's rule that takes all arguments at once uses {op!r}, whose own rule "
            "takes them one by one: write it with m.sum, m.max and m.min"
        )
    return op


def _each(made: Node) -> bool:
    """Whether there is a part for each argument."""
    return any(isinstance(part, Name) and part.name[0] == "x" for part in nodes([made]))
