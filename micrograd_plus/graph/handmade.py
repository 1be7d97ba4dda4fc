"""micrograd's interface: `_prev`, `_children`, `_op`, `_backward`, and operations made by hand.

In micrograd's lecture a function makes a Value out of a number, its children and a symbol, and then
gives it a `_backward` that adds to the children's gradients. Here a node is plain data and holds no
functions. At one point, though, one number for each child describes a `_backward`: what it adds to
the child's gradient when the node's own gradient is 1, which is the local derivative.
"""

from __future__ import annotations

import gc
from functools import partial
from types import CellType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.latex import word
from micrograd_plus._tools.text import short
from micrograd_plus.graph.atomic import assigning, in_turn, run_through
from micrograd_plus.graph.node import Node, packed
from micrograd_plus.graph.number import Number
from micrograd_plus.graph.sweep import slopes
from micrograd_plus.ops.operation import Op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Handmade(Op):
    """The operation of a single node, known at one point: its value, and perhaps derivatives."""

    __slots__ = ()

    def __init__(
        self, name: str, data: float, numbers: Sequence[float], slopes: Sequence[float | None]
    ) -> None:
        shown, latex = (x.replace("{", "{{").replace("}", "}}") for x in (name, word(name)))
        holes = ", ".join(f"{{{i}}}" for i in range(len(numbers)))
        super().__init__(
            name,
            formula=f"{shown}({holes})",
            latex=rf"{latex}\left({holes}\right)",
            value=partial(_known, name, numbers, data, None),
            partials=tuple(partial(_known, name, numbers, slope) for slope in slopes),
            about="made by hand",
            example=(tuple(numbers), data),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        numbers, data = self.example
        return Handmade, (self.name, data, numbers, [rule.args[2] for rule in self.partials])  # type: ignore[union-attr]


def _known(
    name: str, numbers: Sequence[float], result: float | None, m: Any, out: Any, *xs: Any
) -> float:
    if result is None:
        raise TypeError(f"{name}, made by hand, has no derivative yet: assign its _backward")
    if any(isinstance(x, Node) or (type(x) is float and x != n) for x, n in zip(xs, numbers)):  # noqa: B905
        raise TypeError(
            f"{name}, made by hand, is known at one point: to compute it at another, or to "
            f"differentiate it twice, make it apply(Op({short(name)}, value=lambda m, x: …, "
            "partials=(lambda m, out, x: …,), about=…, example=…), x)"
        )
    return result


class Lectured(Number):
    """A number with the attributes that it has in micrograd."""

    __slots__ = ()

    @property
    def _children(self) -> tuple[Any, ...]:
        """The arguments that are Values, in order."""
        return tuple(arg for arg in self.args if isinstance(arg, Node))

    @property
    def _prev(self) -> set[Any]:
        """The arguments that are Values, each once."""
        return set(self._children)

    @property
    def _op(self) -> str:
        """The operation's symbol; nothing for a leaf."""
        return self.op.symbol if self.op else ""

    @property
    def _backward(self) -> Callable[[], None]:
        """The function that adds this node's part to the gradients of its arguments."""
        return partial(_pass_on, self)

    @_backward.setter
    def _backward(self, function: Callable[[], None]) -> None:
        if not isinstance(self.op, Handmade):
            made = f"that of {self.op.name} is in the table" if self.op else "a leaf has none"
            raise AttributeError(f"only a Value made by hand can be given a _backward: {made}")
        self.op = _tried(self, function)

    def _made_of(self, children: Any, symbol: str, label: str) -> str:
        """Make this the result of an operation made by hand; its label."""
        given = children if isinstance(label, str) else label
        args = tuple(dict.fromkeys(given)) if isinstance(given, tuple | list | set) else None
        if args is None or given is label or not all(isinstance(arg, Node) for arg in args):
            kind = type(given).__name__
            raise TypeError(
                f"a label must be a string, or a tuple of Values as children, not {short(given)} "
                f"({kind})"
            )
        if args:
            numbers = [arg._data for arg in args]
            self.op = Handmade(symbol or "f", self._data, numbers, [None] * len(args))
            self.left, self.right = packed(self.op, args)
        return label


def _pass_on(node: Any) -> None:
    for arg, slope in slopes(node, node.op) if node.op else ():
        arg.grad += node.grad * slope


@in_turn
def _tried(node: Any, function: Callable[[], None]) -> Handmade:
    """The operation with its local derivatives: what `_backward` adds for a gradient of 1."""
    args = node.args
    others = _used(function) - {node, *args}
    nodes = [node, *args, *others]
    before = [x.grad for x in nodes]
    undo = assigning(nodes, "grad", before)
    try:
        node.grad = 1.0
        for arg in args:
            arg.grad = 0.0
        function()
        found = [float(arg.grad) for arg in args]
        changed = {x for x, g in zip(nodes, before, strict=True) if x.grad != g}
    finally:
        run_through(undo)
    for stranger in others & changed:
        raise ValueError(
            f"the _backward of {node.op.name} changes the gradient of {short(stranger)}, which is "
            f"not among its children: name them all, as in Value(data, (a, b), "
            f"{short(node.op.name)})"
        )
    return Handmade(node.op.name, node._data, [arg._data for arg in args], found)


def _used(function: Any) -> set[Any]:
    """The nodes that a function closes over, also in collections and objects."""
    found, seen = set(), {}
    todo = [*(getattr(function, "__closure__", None) or ())]
    while todo:
        thing = todo.pop()
        if isinstance(thing, Node):
            found.add(thing)
        elif id(thing) not in seen:
            seen[id(thing)] = thing
            if isinstance(thing, CellType | list | tuple | set | dict):
                todo += gc.get_referents(thing)
            elif not isinstance(thing, type | ModuleType | FunctionType):
                todo.append(getattr(thing, "__dict__", None))
    return found
