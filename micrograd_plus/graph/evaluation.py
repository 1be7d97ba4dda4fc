"""A graph's order, its values and local derivatives, and the errors if one is not finite."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import brief, shorten
from micrograd_plus.core import twin
from micrograd_plus.graph.atomic import assign, in_turn
from micrograd_plus.graph.node import N, Node
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from micrograd_plus.ops.operation import Op

_LOW, _HIGH = -math.inf, math.inf


@twin
def order(root: N, done: Container[int] = ()) -> list[N]:
    """The nodes that `root` depends on and `root` itself, each after all its arguments.

    An iterative depth-first search that visits each node and each edge once, O(V + E), at any
    depth; arguments are visited from the first to the last, so the order is always the same.

    Args:
        root: a node.
        done: the ids of nodes to leave out, with what only they depend on.

    Raises:
        TypeError: `root` is not a node.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> [node.data for node in order(x + x * y)]
    [1.0, -3.0, -3.0, -2.0]
    """
    if not isinstance(root, Node):
        shown = shorten(repr(root).partition("\n")[0], 80)
        hint = ": call it, and pass its result" if callable(root) else ""
        raise TypeError(f"a Value is needed, not {shown} ({type(root).__name__}){hint}")
    found: list[Any] = []
    seen: set[Any] = {None}  # None: a missing second argument
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if node is None:  # all arguments of the node below are done
            found.append(todo.pop())
            continue
        if node in seen:
            continue
        while not (done and id(node) in done):
            seen.add(node)
            if node.op is None:
                found.append(node)
                break
            left, right = node.left, node.right
            if type(left) is tuple:
                if seen.issuperset(left):
                    found.append(node)
                    break
                todo.append(node)
                todo.append(None)
                for arg in reversed(left):
                    if type(arg) is not float and arg not in seen:
                        todo.append(arg)
                break
            if type(left) is float or left in seen:
                if type(right) is float or right in seen:
                    found.append(node)
                    break
                todo.append(node)
                todo.append(None)
                node = right
            else:
                todo.append(node)
                todo.append(None)
                if type(right) is not float and right not in seen:
                    todo.append(right)
                node = left
    return found


def inputs(node: Node) -> list[float]:
    """The numbers that a node's operation is applied to."""
    return [arg if type(arg) is float else arg._data for arg in node.args]


def evaluate(op: Op, args: Sequence[Any], numbers: Sequence[float], label: str = "") -> float:
    """The value of an operation at `numbers`, those of its arguments `args`.

    Raises:
        NonFiniteError: it is not a finite real number; the message names the operation, its
            operands with their labels, and the result's label.
    """
    try:
        result = float(op.value(floats, *numbers))
    except ZeroDivisionError:
        result = math.nan
    if _LOW < result < _HIGH:
        return result
    if not all(map(math.isfinite, numbers)):
        why = "an operand is not finite"
    elif op.domain.contains(*numbers):
        why = "the result is too large for a float"
    else:
        why = f"{op.name} is defined for {op.domain.text}"
    name = f" ({brief(label)})" if label else ""
    message = f"{op.name} of {_operands(args, numbers)}{name} is not finite: {why}"
    raise NonFiniteError(message, op, args, numbers)


@twin
def follows(node: Node) -> bool:
    """Whether a node's data are what its operation gives for its arguments' data.

    The last digit may differ, as that of `hypot` does between the core and the pure build.
    """
    try:
        return node.op is None or math.isclose(
            evaluate(node.op, node.args, inputs(node)), node._data, rel_tol=_DIGITS
        )
    except NonFiniteError:
        return False


_DIGITS = 4 * sys.float_info.epsilon


def local_derivatives(
    op: Op, args: Sequence[Any], numbers: Sequence[float], out: float
) -> Sequence[Any]:
    """The derivative of an operation's value `out` with respect to each argument.

    For constants it is None.

    Raises:
        NonFiniteError: a derivative divides by zero, as that of √x at 0 does.
    """
    wanted = [type(arg) is not float for arg in args] if op.arity else ()
    try:
        return op.local_derivatives(floats, out, numbers, wanted)
    except ZeroDivisionError:
        raise infinite_gradient(op, args, numbers) from None


def infinite_gradient(op: Op, args: Sequence[Any], numbers: Sequence[float]) -> NonFiniteError:
    """The error for a gradient that an operation makes infinite or nan."""
    message = f"the gradient through {op.name} of {_operands(args, numbers)} is not finite"
    return NonFiniteError(message, op, args, numbers)


def _operands(args: Sequence[Any], numbers: Sequence[float]) -> str:
    labels = [brief(getattr(arg, "label", "")) for arg in args]
    shown = [f"{a} = {x!r}" if a else repr(x) for a, x in zip(labels, numbers, strict=True)]
    if len(shown) > 8:
        shown[4:-4] = ["…"]
    return ", ".join(shown)


@in_turn
def replay(root: Node) -> None:
    """Recompute a graph in place after the data of its leaves were changed.

    Args:
        root: the last value of the graph; all that it depends on is recomputed, gradients stay.

    Raises:
        NonFiniteError: a result is not a finite real number; then nothing is changed.

    >>> from micrograd_plus import values
    >>> x, y = values(x=1, y=-3)
    >>> f = x * y
    >>> x.data = 2.0
    >>> replay(f)
    >>> f.data
    -6.0
    """
    nodes = order(root)
    if recompute(nodes):
        return
    found: dict[Node, float] = {}
    for node in nodes:
        if node.op is None:
            found[node] = node.data
            continue
        numbers = [arg if type(arg) is float else found[arg] for arg in node.args]
        found[node] = evaluate(node.op, node.args, numbers, node.label)
    made = [node for node in found if node.op is not None]
    assign(made, "data", [found[node] for node in made])


@twin
def recompute(nodes: Sequence[Node]) -> bool:
    """Whether a graph was recomputed in a faster way, which only the core has."""
    return False
