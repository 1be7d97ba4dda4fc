"""Operations on any number of arguments, as expressions for one array that holds them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.codegen.rules import numbers
from micrograd_plus.compiler.codegen.syntax import Library, Name, Node, Part, node

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.compiler.codegen.rules import Functions
    from micrograd_plus.ops.operation import Op

_METHODS = {ops.max, ops.min, ops.sum}
"""The operations that arrays have methods for, by the same names."""


class AtOnce:
    """The table's namespace where one array stands for all arguments, along its second axis.

    Where the members have different numbers of arguments, all are one after the other.

    Args:
        functions: the namespace for a part of the array.
        x: the array.
        segments: then the array of where the arguments of each member start, and that of the
            owner of each argument.
    """

    def __init__(
        self, functions: Functions, x: Name, segments: tuple[Name, Name] | None = None
    ) -> None:
        self._functions, self._x, self._segments = functions, x, segments

    def value(self, op: Op) -> Node:
        """The value of an operation, whose rules take all arguments at once.

        Raises:
            TypeError: its rule doesn't reduce the arguments to one number.
        """
        made = node(self._reduced(op, self._x) if op in _METHODS else op.value(self, self._x))
        if self.each(made):
            raise TypeError(
                f"{short(op)} says that its rules take all arguments at once, but its value has "
                "not one number for all of them: reduce them by m.sum, m.max or m.min"
            )
        return made

    def slope(self, op: Op, out: Node) -> Node:
        """The derivatives of its value `out`: for each argument, or one for all."""
        (slope,) = op.local_derivatives(self, out, (self._x,), (True,))
        return node(slope)

    def each(self, made: Node) -> bool:
        """Whether there is a part for each argument."""
        match made:
            case Name(name):
                return name == self._x.name
            case Library(options={"axis": 1}) | Part(Library()):  # reduced
                return False
        return any(self.each(part) for part in made.parts)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def function(*args: Any) -> Any:
            op = ops.TABLE[name]
            if op in _METHODS:
                return self._reduced(op, *args)
            if op.arity is None:
                return _at_once(op).value(self, *args)
            return getattr(self._functions, name)(*args)

        return function

    def _reduced(self, op: Op, x: Any) -> Node:
        x = numbers(node(x))
        if self._segments:
            starts, owners = self._segments
            reduced: Node = Library(f"{op.name}s_from", [x, starts])[owners]
            return reduced
        found: Node = x.library(op.name, axis=1, keepdims=True)
        return found


def _at_once(op: Op) -> Op:
    if not op.at_once:
        raise TypeError(
            f"an operation's rule that takes all arguments at once uses {short(op)}, whose own "
            "rule takes them one by one: write it with m.sum, m.max and m.min"
        )
    return op
