"""σ written out as 1 / (1 + exp(−x)), which can be shown as one gate."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

    Gates = dict[Value, tuple[Op | None, tuple[Any, ...]]]


def gates(nodes: Sequence[Value], sigma: bool = False) -> Gates:
    """The operation (None for a leaf) and the arguments that each value is shown as the result of.

    Nothing in the graph is changed.

    Args:
        nodes: the values of a graph, each after its arguments.
        sigma: whether 1 / (1 + exp(−x)) is shown as σ(x), if nothing else uses the values inside.

    Returns:
        The values in the same order; those inside a σ gate are left out.

    Source: lecture A.

    >>> from micrograd_plus import Value, exp
    >>> from micrograd_plus.graph import order
    >>> nodes = order(1 / (1 + exp(-Value(1.0))))
    >>> [op.name for op, _ in gates(nodes).values() if op]
    ['negate', 'exp', 'add', 'reciprocal']
    >>> [op.name for op, _ in gates(nodes, sigma=True).values() if op]
    ['sigmoid']
    """
    found: Gates = {node: (node.op, node.args) for node in nodes}
    if not sigma:
        return found
    uses = Counter(arg for _, args in found.values() for arg in args if type(arg) is not float)
    for node in nodes:
        hidden = _sigmoid(node)
        if hidden and all(uses[inner] == 1 for inner in hidden[:-1]):
            found[node] = (ops.sigmoid, hidden[-1:])
            for inner in hidden[:-1]:
                del found[inner]
    return found


# the ways to write each operation, outermost first
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
    """The operand of `op` besides these constants, if `node` is its result; None otherwise."""
    if node.op is not op:
        return None
    (other,) = (arg for arg, x in zip(node.args, constants, strict=True) if x is None)
    rest = zip(node.args, constants, strict=True)
    same = all(x is None or (type(arg) is float and arg == x) for arg, x in rest)
    return other if same and type(other) is not float else None
