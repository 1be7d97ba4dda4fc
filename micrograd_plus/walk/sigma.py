"""Gates that stand for several operations, as σ does for the small ones that it consists of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.graph import order

if TYPE_CHECKING:
    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

    Made = tuple[Op | None, tuple[Any, ...]]


def made(root: Value, fold: bool = False) -> dict[Value, Made]:
    """The operation and the arguments that each value of a graph is seen as the result of.

    Nothing in the graph is changed.

    Args:
        root: the graph's output.
        fold: whether 1 / (1 + exp(−x)) is seen as σ(x), where nothing else uses what is inside.

    Returns:
        The values in order, each after its arguments; those inside of a folded gate are left out.

    Source: lecture A.

    >>> from micrograd_plus import Value, exp
    >>> x = Value(1.0)
    >>> [op.name for op, _ in made(1 / (1 + exp(-x))).values() if op]
    ['negate', 'exp', 'add', 'reciprocal']
    >>> [op.name for op, _ in made(1 / (1 + exp(-x)), fold=True).values() if op]
    ['sigmoid']
    """
    found: dict[Value, Made] = {node: (node.op, node.args) for node in order(root)}
    if not fold:
        return found
    uses = Counter(arg for _, args in found.values() for arg in args if type(arg) is not float)
    for node in list(found):
        hidden = _sigmoid(node)
        if hidden and all(uses[inner] == 1 for inner in hidden[:-1]):
            found[node] = (ops.sigmoid, hidden[-1:])
            for inner in hidden[:-1]:
                del found[inner]
    return found


# the ways to write each operation, from the last one to the first
_INSIDE: tuple[tuple[tuple[Op, tuple[float | None, ...]], ...], ...] = (
    ((ops.reciprocal, (None,)), (ops.divide, (1.0, None)), (ops.power, (None, -1.0))),
    ((ops.add, (1.0, None)), (ops.add, (None, 1.0))),
    ((ops.exp, (None,)),),
    ((ops.negate, (None,)), (ops.multiply, (None, -1.0)), (ops.multiply, (-1.0, None))),
)


def _sigmoid(node: Value) -> tuple[Value, ...]:
    """The values 1 + exp(−x), exp(−x), −x and x, if `node` is the reciprocal of the first."""
    found: list[Value] = []
    for ways in _INSIDE:
        below = [_operand(found[-1] if found else node, *way) for way in ways]
        inner = next((value for value in below if value is not None), None)
        if inner is None:
            return ()
        found.append(inner)
    return tuple(found)


def _operand(node: Value, op: Op, constants: tuple[float | None, ...]) -> Value | None:
    """What an operation is applied to besides these constants, if it is that operation."""
    if node.op is not op:
        return None
    (other,) = (arg for arg, x in zip(node.args, constants, strict=True) if x is None)
    rest = zip(node.args, constants, strict=True)
    same = all(x is None or (type(arg) is float and arg == x) for arg, x in rest)
    return other if same and type(other) is not float else None
