"""Operations on any number of arguments as functions of one array that holds all arguments.

The array has an axis of members, one of arguments and, if batched, one of examples.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.code import Code, code, indented

if TYPE_CHECKING:
    from micrograd_plus.ops.operation import Op

_METHODS = (ops.max, ops.min, ops.sum)
"""The operations that arrays have methods for, by the same names."""


class Reductions:
    """The functions that a program has for such operations.

    Args:
        library: the name of the array library.
    """

    def __init__(self, library: str) -> None:
        self._library = library
        self._called: dict[Op, str] = {}
        self._defined: dict[str, list[str]] = {}

    def value(self, op: Op, functions: Any) -> str:
        """The name of the function for an operation's values.

        Args:
            op: an operation whose rules take all arguments at once.
            functions: the namespace for what is not reduced.

        Raises:
            TypeError: its rule doesn't reduce the arguments to one number.
        """
        m, x = _AtOnce(functions), Code("x")
        made = code(m.reduced(op, x) if op in _METHODS else op.value(m, x))
        if _each(made):
            raise TypeError(
                f"{op!r} says that its rules take all arguments at once, but its value has not "
                "one number for all of them: reduce them by m.sum, m.max or m.min"
            )
        body = [*m.lines(), f"return {made.within(6)}[:, 0]"]
        return self._define(op, "of(x)", body)

    def slopes(self, op: Op, functions: Any) -> str:
        """The name of the function for its derivatives, from the arguments and the values."""
        m, x = _AtOnce(functions), Code("x")
        (slope,) = op.local_derivatives(m, Code("out"), (x,), (True,))
        made = code(slope)
        whole = "" if _each(made) else f"{self._library}.zeros_like(x) + "
        body = [*m.lines(), f"return {whole}{made.text}"]
        if re.search(r"\bout\b", "\n".join(body)):
            body.insert(0, "out = out[:, None]")
        return self._define(op, "slopes(x, out)", body)

    def definitions(self) -> list[str]:
        """Their lines of Python."""
        return [line for lines in self._defined.values() for line in lines]

    def _define(self, op: Op, head: str, body: list[str]) -> str:
        if op not in self._called:  # another operation may have the same name
            word = re.sub(r"\W", "_", op.name)
            alike = [name for name in self._called.values() if name.startswith(word)]
            self._called[op] = f"{word}{len(alike) + 1}" if alike else word
        head = f"{self._called[op]}_{head}"
        self._defined[head] = [f"def {head}:", *indented(body)]
        return head.partition("(")[0]


class _AtOnce:
    """The table's namespace where one array stands for all arguments.

    Results have names: x1, x2, … with a part for each argument, t1, t2, … if they were reduced.
    """

    def __init__(self, functions: Any) -> None:
        self._functions = functions
        self._names: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            op = ops.TABLE[name]
            if op in _METHODS:
                return self.reduced(op, *args)
            if op.arity is None:
                return _at_once(op).value(self, *args)
            made = getattr(self._functions, name)(*args)
            if not isinstance(made, Code):
                return made
            return self._named(made.text, "x" if _each(made) else "t")

        return call

    def reduced(self, op: Op, x: Any) -> Code:
        return self._named(f"{code(x).within(6)}.{op.name}(axis=1, keepdims=True)", "t")

    def _named(self, text: str, letter: str) -> Code:
        if text not in self._names:
            number = sum(name[0] == letter for name in self._names.values()) + 1
            self._names[text] = f"{letter}{number}"
        return Code(self._names[text])

    def lines(self) -> list[str]:
        return [f"{name} = {text}" for text, name in self._names.items()]


def _at_once(op: Op) -> Op:
    if not op.at_once:
        raise TypeError(
            f"an operation's rule that takes all arguments at once uses {op!r}, whose own rule "
            "takes them one by one: write it with m.sum, m.max and m.min"
        )
    return op


def _each(made: Code) -> bool:
    """Whether there is a part for each argument."""
    return re.search(r"\bx\d*\b", made.text) is not None
