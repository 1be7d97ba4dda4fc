"""Which gates a graph is shown with: one for each operation, or fewer, or more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools.errors import choose
from micrograd_plus.graph import order
from micrograd_plus.graph.recording import apply
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.walk.formula import subscripts

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
        detail: "operations" for a gate for each operation, which softmax and log_softmax count as,
            or "gates" for all that these record, and for dot products as × and +.

    Returns:
        The values, each after its arguments; those inside a gate are left out, and those inside an
        operation that is taken apart are new, with its numbers.

    Raises:
        ValueError: there is no such detail.

    Source: lecture A, see help(micrograd_plus).

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
        raise ValueError(choose("there is no detail", detail, DETAILS))
    found: Gates = {node: (node.op, node.args) for node in nodes}
    found = _taken_apart(found) if detail == "gates" else _with_softmaxes(found)
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


def _with_softmaxes(found: Gates) -> Gates:
    """The same gates, but one for each output of a softmax, or of its logarithm."""
    totals = [node for node, (op, _) in found.items() if op is ops.sum]
    families = [family for total in totals if (family := _softmax(total, found))]
    if not families:
        return found
    users = _users(found)
    for family in families:
        outputs, hidden = family.outputs(found, users)
        if all(hidden.issuperset({*users[node]} - {*outputs}) for node in hidden):
            found.update(outputs)
            for node in hidden:
                del found[node]
    return _in_order(found, next(reversed(found)))


class _Softmax(NamedTuple):
    """What softmax has recorded.

    Attributes:
        total: the sum of all weights.
        weights: exp of each shifted input; None for a masked one.
        shifted: the inputs minus the largest; None for a masked one.
        shift: the largest input, and what is detached of it.
        inputs: the inputs.
    """

    total: Value
    weights: list[Value | None]
    shifted: list[Value | None]
    shift: tuple[Value, Value]
    inputs: tuple[Any, ...]

    def outputs(self, found: Gates, users: dict[Value, list[Value]]) -> tuple[Gates, set[Value]]:
        """The gate of each output, and the values inside of these gates."""
        inside = (*self.shift, self.total, *self.weights, *self.shifted)
        hidden = {node for node in inside if node is not None}
        outputs: Gates = {}
        numbers = subscripts([getattr(arg, "label", "") for arg in self.inputs])
        for node in users.get(self.total, []):
            tops, below, kind = [node], self.weights, ops.softmax
            if found[node][0] is ops.log:
                hidden.add(node)
                tops, below, kind = users.get(node, []), self.shifted, ops.log_softmax
            places = {id(x): i for i, x in enumerate(below)}
            for top in tops:
                op, (above, *_) = found[top]
                index = places.get(id(None if type(above) is float else above))
                if op in (ops.divide, ops.subtract) and index is not None:
                    outputs[top] = kind(index, numbers[index]), self.inputs
        return outputs, hidden


def _softmax(total: Value, found: Gates) -> _Softmax | None:
    """What softmax has recorded, if this is the sum of its weights."""
    weights = [None if type(arg) is float else arg for arg in found[total][1]]
    shifted = [_argument(weight, ops.exp, found) for weight in weights]
    minus = [found.get(x, (None, ())) for x in shifted]
    shifts = {args[-1] for op, args in minus if op is ops.subtract}
    if len(shifts) != 1:
        return None
    shift = shifts.pop()
    largest = _argument(shift, ops.detach, found)
    op, inputs = found.get(largest, (None, ()))
    if op is not ops.max or len(inputs) != len(weights):
        return None
    for x, weight, (below, args) in zip(inputs, found[total][1], minus, strict=True):
        masked = _same(x, -math.inf) and _same(weight, 0.0)
        shifted_so = below is ops.subtract and args[1] is shift and _same(args[0], x)
        if not (masked or shifted_so):
            return None
    return _Softmax(total, weights, shifted, (shift, largest), inputs)


def _same(x: Any, y: Any) -> bool:
    """Whether arguments are the same value or constant; values of equal data are equal, too."""
    return x is y or (type(x) is type(y) is float and x == y)


def _argument(node: Any, op: Op, found: Gates) -> Any:
    """The argument of a unary operation, if a value is the result of it."""
    shown = found.get(node)
    return shown[1][0] if shown and shown[0] is op else None


def _users(found: Gates) -> dict[Value, list[Value]]:
    """For each value the values whose gates it enters."""
    users: dict[Value, list[Value]] = {}
    for node, (_, args) in found.items():
        for arg in args:
            if type(arg) is not float:
                users.setdefault(arg, []).append(node)
    return users


def _in_order(found: Gates, root: Value) -> Gates:
    """The same gates in the order of a depth-first search."""
    ordered: Gates = {}
    todo = [(root, iter(found[root][1]))]
    while todo:
        node, args = todo[-1]
        below = next((x for x in args if type(x) is not float and x not in ordered), None)
        if below is None:
            ordered[node] = found[node]
            todo.pop()
        else:
            todo.append((below, iter(found[below][1])))
    return ordered


def _with_sigmoids(found: Gates) -> Gates:
    users = _users(found)
    for node in [*found]:
        hidden = _sigmoid(node, found)
        if hidden and all(len(users[inner]) == 1 for inner in hidden[:-1]):
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
