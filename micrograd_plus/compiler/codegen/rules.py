"""The table's rules as syntax: what they compute, written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.codegen.syntax import (
    Binary,
    Call,
    Node,
    Number,
    node,
    nodes,
)
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.ops.operation import Op


class Functions:
    """The namespace in which rules compute with nodes: only primitives become calls."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in ops.TABLE:
            raise AttributeError(f"there is no operation {short(name)}")
        op = ops.TABLE[name]

        def function(*args: Any) -> Any:
            if not any(isinstance(arg, Node) for arg in args):
                return op.value(floats, *args)
            return self.call(op, *args) if op.primitive else op.value(self, *args)

        return function

    def call(self, op: Op, *args: Any) -> Any:
        """A primitive operation on nodes and numbers."""
        return node(args[0]) ** args[1] if op is ops.power else Call(op, [*map(node, args)])


class ArrayFunctions(Functions):
    """The same for arrays, where a comparison is what is 1 where it holds, and 0 elsewhere."""

    def call(self, op: Op, *args: Any) -> Any:
        if op is not ops.where:
            return super().call(op, *map(numbers, args))
        condition, *choices = map(node, args)
        match choices:
            case [Number(1.0), Number(0.0)]:
                return condition
        return super().call(op, condition, *map(numbers, choices))


def applied(op: Op, args: Sequence[Any]) -> Any:
    """An operation on arrays and numbers: a call, if it is the table's and calls a function."""
    made = numbers(op.value(ArrayFunctions(), *args))
    called = any(isinstance(part, Call) for part in nodes([made]))
    own = ops.has(op) and op.arity is not None and not op.primitive
    return Call(op, [*map(node, args)]) if own and called else made


def numbers(x: Any) -> Any:
    """What stands for x among numbers: a comparison's truth values become 1 and 0."""
    return Binary("*", Number(1.0), x) if isinstance(x, Node) and x.truths else x
