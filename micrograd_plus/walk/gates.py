"""Which gates a graph is shown with: one for each operation, or fewer, or more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus.graph import order
from micrograd_plus.graph.recording import apply
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

    Gates = dict[Value, tuple[Op | None, tuple[Any, ...]]]

DETAILS = ("operations", "gates")

_recorded = ops.Operations(apply)


def gates(nodes: Sequence[Value], sigma: bool = False, detail: str = "operations") -> Gates:
    """The operation (None for a leaf) and the arguments that each value is shown as the result of.

    Nothing in the graph is changed.

    Args:
        nodes: the values of a graph, each after its arguments.
        sigma: whether 1 / (1 + exp(−x)) is shown as σ(x), if nothing else uses the values inside.
        detail: "operations" for a gate for each operation, "gates" for dot products as × and +.

    Returns:
        The values in the same order; those inside a σ gate are left out, and those inside an
        operation that is taken apart come before it, with its numbers.

    Raises:
        ValueError: there is no such detail.

    Source: lecture A.

    >>> from micrograd_plus import Value, dot, exp
    >>> from micrograd_plus.graph import order
    >>> nodes = order(1 / (1 + exp(-Value(1.0))))
    >>> [op.name for op, _ in gates(nodes).values() if op]
    ['negate', 'exp', 'add', 'reciprocal']
    >>> [op.name for op, _ in gates(nodes, sigma=True).values() if op]
    ['sigmoid']
    >>> nodes = order(dot([Value(2.0), Value(3.0)], [4.0, 5.0]))
    >>> [op.name for op, _ in gates(nodes, detail="gates").values() if op]
    ['multiply', 'multiply', 'add']
    """
    if detail not in DETAILS:
        hint = did_you_mean(detail, DETAILS)
        raise ValueError(f"there is no detail {detail!r}{hint}; choose from {', '.join(DETAILS)}")
    found: Gates = {node: (node.op, node.args) for node in nodes}
    if detail == "gates":
        found = _taken_apart(found)
    return _with_sigmoids(found) if sigma else found


def _taken_apart(closed: Gates) -> Gates:
    """The same gates, but the parts of an operation that has some in its place."""
    found: Gates = {}
    for node, (op, args) in closed.items():
        found[node] = op, args
        if op is not None and op.parts:
            top = op.parts(_recorded, *args)
            around = {id(arg) for arg in args}
            *inside, _ = order(top, around)
            slopes = adjoints(top, around)
            del found[node]
            for inner in inside:
                inner.grad = node.grad * slopes[inner]
                found[inner] = inner.op, inner.args
            found[node] = top.op, top.args
    return found


def _with_sigmoids(found: Gates) -> Gates:
    uses = Counter(arg for _, args in found.values() for arg in args if type(arg) is not float)
    for node in [*found]:
        hidden = _sigmoid(node, found)
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


def _sigmoid(node: Value, shown: Gates) -> tuple[Value, ...]:
    """The values 1 + exp(−x), exp(−x), −x and x, if `node` is the reciprocal of the first."""
    found: list[Value] = []
    for ways in _INSIDE:
        below = [_operand(shown[found[-1] if found else node], *way) for way in ways]
        inner = next((value for value in below if value is not None), None)
        if inner is None:
            return ()
        found.append(inner)
    return tuple(found)


def _operand(
    gate: tuple[Op | None, tuple[Any, ...]], op: Op, constants: tuple[float | None, ...]
) -> Value | None:
    """The operand of `op` besides these constants, if that is the gate; None otherwise."""
    if gate[0] is not op:
        return None
    pairs = [*zip(gate[1], constants, strict=True)]
    (other,) = (arg for arg, x in pairs if x is None)
    same = all(x is None or (type(arg) is float and arg == x) for arg, x in pairs)
    return other if same and type(other) is not float else None
