"""The table's rules as syntax: their results for arrays, and the functions that they call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.syntax import (
    Binary,
    Call,
    Function,
    Name,
    Node,
    Number,
    node,
    nodes,
)
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from micrograd_plus.ops.operation import Op


class Functions:
    """The namespace in which rules compute with nodes: most functions become calls."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        op = ops.TABLE[name]

        def function(*args: Any) -> Any:
            if not any(isinstance(arg, Node) for arg in args):
                return op.value(floats, *args)
            return op.value(self, *args) if op.arity is None else self.call(op, *args)

        return function

    def call(self, op: Op, *args: Any) -> Any:
        """An operation of the table on nodes and numbers."""
        return node(args[0]) ** args[1] if op is ops.power else Call(op, [*map(node, args)])


class Slopes(Functions):
    """The namespace for derivatives, in which steps are comparisons, as they are only factors."""

    def call(self, op: Op, *args: Any) -> Any:
        if op is ops.step:
            return Binary(">", args[0], Number(0))
        return node(args[0]) > args[1] if op is ops.greater else super().call(op, *args)


def applied(op: Op, args: Sequence[Any]) -> Any:
    """An operation on nodes and numbers: a call of its function, if the table has one for it.

    Rules with operators only are written out, and so are operations outside the table.
    """
    written = op.value(Functions(), *args)
    return Call(op, [*map(node, args)]) if ops.has(op) and calls(written) else written


def calls(things: Any) -> list[Call]:
    """The calls of functions in instructions and expressions."""
    return [x for x in nodes([things]) if isinstance(x, Call)]


def functions(things: Iterable[Any], given: Container[str] = ()) -> list[Op | Function]:
    """The functions that instructions and expressions call, and those that these call.

    Args:
        things: instructions and expressions.
        given: the names of operations that need no definition.

    Returns:
        First the operations that are given, then others by their rules, then reductions.
    """
    found: dict[str, tuple[int, str, Op | Function]] = {}
    todo = [*calls(things)]
    while todo:
        function = todo.pop().function
        name = function.name
        if name in found:
            continue
        if isinstance(function, Function):
            found[name] = 2, name, function
            todo += calls((function.lines, function.results))
        elif name in given:
            found[name] = 0, name, function
        else:
            names = "xyz"[: function.arity]
            body = node(function.value(Functions(), *map(Name, names)))
            found[name] = 1, name, Function(name, names, (), [body])
            todo += calls(body)
    return [function for _, _, function in sorted(found.values())]
