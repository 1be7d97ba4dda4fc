"""The reverse sweep: the chain rule from a graph's last node to its leaves, in any namespace."""

from __future__ import annotations

import math
from operator import add, attrgetter, mul
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import brief, short
from micrograd_plus.core import twin
from micrograd_plus.graph.atomic import assign, assigning, in_turn, run_through
from micrograd_plus.graph.evaluation import infinite_gradient, inputs, local_derivatives, order
from micrograd_plus.graph.node import REAL, Node
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from micrograd_plus.graph.node import N
    from micrograd_plus.ops.operation import Op

_LOW, _HIGH = -math.inf, math.inf
_ADD, _MULTIPLY, _DOT = ops.add, ops.multiply, ops.dot
_DIRECT = frozenset({_ADD, _MULTIPLY, _DOT})

_running = 0
"""The number of sweeps through numbers in progress, one inside the other."""


@in_turn
def accumulate(nodes: Sequence[Any], m: Any = floats) -> None:
    """Add the derivatives of the last of `nodes` to the gradients of the leaves, atomically.

    Gradients of the other nodes are replaced.

    Args:
        nodes: all that it depends on and itself, each after its arguments.
        m: the namespace to compute in, as for `sweep`.

    Raises:
        NonFiniteError: as for `sweep`; all gradients are then as they were.
        TypeError: something other than a number was assigned to a gradient.
    """
    if m is floats and add_numbers(nodes):
        return
    adjoint = {node: node.grad if node.op is None else 0.0 for node in nodes}
    try:
        adjoint[nodes[-1]] += 1.0
        sweep(nodes, adjoint, m)
    except TypeError:
        refuse_other_gradients(nodes)
        raise
    assign(nodes, "grad", adjoint.values())


@in_turn
def adjoints(root: N, done: Container[int] = (), m: Any = floats) -> dict[N, Any]:
    """The derivatives of `root` with respect to all that it depends on, in the order of `order`.

    No gradient is changed.

    Args:
        root: the value to differentiate.
        done: the ids of nodes at which the sweep stops.
        m: the namespace to compute in, as for `sweep`.

    Raises:
        NonFiniteError: as for `sweep`.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> adjoints(x**3)[x]
    27.0
    """
    nodes = order(root, done)
    if m is floats and not done and (found := numbers(nodes, nodes)):
        return dict(zip(nodes, found, strict=True))
    adjoint: dict[N, Any] = dict.fromkeys(nodes, 0.0)
    if nodes:
        adjoint[root] = 1.0
    sweep(nodes, adjoint, m, done)
    return adjoint


@twin
@in_turn
def derivatives(
    root: N, wanted: Sequence[N], done: Container[int] = (), m: Any = floats
) -> list[Any]:
    """The derivatives of `root` with respect to some nodes, 0 where it does not depend on one.

    Args:
        root: the value to differentiate.
        wanted: the nodes.
        done: the ids of nodes at which the sweep stops.
        m: the namespace to compute in, as for `sweep`.

    Raises:
        NonFiniteError: as for `sweep`.

    >>> from micrograd_plus import values
    >>> x, y = values(x=3, y=2)
    >>> derivatives(x**3, [x, y])
    [27.0, 0.0]
    """
    found = numbers(order(root), wanted) if m is floats and not done else []
    if not found:
        adjoint = adjoints(root, done, m)
        found = [adjoint.get(node, 0.0) for node in wanted]
    return list(map(float, found)) if m is floats else found  # a rule may have given an int


@twin
def sweep(nodes: Sequence[Any], adjoint: dict[Any, Any], m: Any, done: Container[int] = ()) -> None:
    """Add upstream gradient · local derivative to the adjoint of each argument of each node.

    Nodes are taken from the last to the first. All nodes that depend on a node come after it, so
    when its turn comes its adjoint is complete: it is the upstream gradient for its arguments.

    Args:
        nodes: each after its arguments.
        adjoint: the adjoint of each node to begin with.
        m: the namespace to compute in: `floats` gives numbers, that of Values gives Values, as
            far as they depend on any.
        done: the ids of nodes at which the sweep stops.

    Raises:
        NonFiniteError: an adjoint is not a finite number; the message names the operation.
    """
    # exact for numbers; among Values, what is 0 or 1 leaves no trace in the graph
    total, product = (add, mul) if m is floats else (plus, times)
    for node in reversed(nodes):
        upstream = adjoint[node]
        if node.op is None:
            # inf and nan reach the leaves, so only the leaves are checked
            if type(upstream) is float and not _LOW < upstream < _HIGH:
                raise lost(nodes, adjoint)
            continue
        for arg, slope in slopes(node, node.op, m):
            if id(arg) not in done:
                adjoint[arg] = total(adjoint[arg], product(upstream, slope))


@twin
def add_numbers(nodes: Sequence[Any]) -> bool:
    """What `accumulate` does, for gradients that are numbers, and several times as fast.

    Returns:
        Whether it was done; if not, because something is unusual, nothing is changed.
    """
    try:
        for node in nodes:  # leaves add to the gradients that they have
            node.adjoint = node.grad if node.op is None else 0.0
        nodes[-1].adjoint += 1.0
        if not _sweep_numbers(nodes):
            return False
    except TypeError:
        return False
    rest = assigning(nodes, "grad", map(attrgetter("adjoint"), nodes))
    try:
        for node in nodes:  # takes a third of the time of `rest`
            node.grad = node.adjoint
    except BaseException:
        run_through(rest)
        raise
    return True


@twin
def numbers(nodes: Sequence[Any], wanted: Sequence[Any]) -> list[float]:
    """The derivatives of the last of `nodes` with respect to those wanted, if all are numbers.

    Returns:
        One number for each; none at all if something is unusual.
    """
    for node in wanted:
        node.adjoint = 0.0
    for node in nodes:
        node.adjoint = 0.0
    nodes[-1].adjoint = 1.0
    return [node.adjoint for node in wanted] if _sweep_numbers(nodes) else []


def _sweep_numbers(nodes: Sequence[Any]) -> bool:
    """What `sweep` does, with adjoints that are numbers and stand in the nodes."""
    global _running
    if _running:  # a rule itself differentiates, perhaps through the same nodes
        return False
    add, multiply, number = _ADD, _MULTIPLY, float  # local names are found faster
    try:
        _running += 1
        for node in reversed(nodes):
            op: Any = node.op
            upstream = node.adjoint
            if op is None:
                if not _LOW < upstream < _HIGH:
                    return False
                continue
            if not upstream and op in _DIRECT:  # their slopes are finite, and 0 adds nothing
                continue
            left, right = node.left, node.right
            if op is add:
                if type(left) is not number:
                    left.adjoint += upstream
                if type(right) is not number:
                    right.adjoint += upstream
            elif op is multiply:
                if type(left) is number:
                    right.adjoint += upstream * left
                elif type(right) is number:
                    left.adjoint += upstream * right
                else:
                    left.adjoint += upstream * right._data
                    right.adjoint += upstream * left._data
            elif op is _DOT:
                half = len(left) // 2
                if len(left) % 2 and type(left[-1]) is not number:
                    left[-1].adjoint += upstream
                for w, x in zip(left[:half], left[half:]):  # noqa: B905  zip stops before b
                    if type(w) is number:
                        if type(x) is not number:
                            x.adjoint += upstream * w
                    elif type(x) is number:
                        w.adjoint += upstream * x
                    else:
                        w.adjoint += upstream * x._data
                        x.adjoint += upstream * w._data
            elif op.arity == 1:
                left.adjoint += upstream * op.partials[0](floats, node._data, left._data)
            elif op.arity == 2:
                rules, out = op.partials, node._data
                x = left if type(left) is number else left._data
                y = right if type(right) is number else right._data
                if type(left) is not number:
                    left.adjoint += upstream * rules[0](floats, out, x, y)
                if type(right) is not number:
                    right.adjoint += upstream * rules[1](floats, out, x, y)
            else:
                for arg, slope in slopes(node, op):
                    arg.adjoint += upstream * slope
    except (ZeroDivisionError, NonFiniteError):
        return False
    finally:
        _running -= 1
    return True


@twin
def forward(nodes: Sequence[Any], tangents: dict[Any, Any], m: Any = floats) -> None:
    """The forward sweep: the derivative of each result along a direction, put into `tangents`.

    It is the sum of local derivative · tangent over the arguments of the node's operation.

    Args:
        nodes: each after its arguments.
        tangents: the derivatives that are known; those of other leaves are 0.
        m: the namespace to compute in, as for `sweep`.

    Raises:
        NonFiniteError: a tangent is not a finite number; the message names the operation.
    """
    for node in nodes:
        if node.op is None:
            continue
        total: Any = 0.0
        for arg, slope in slopes(node, node.op, m):
            total = plus(total, times(slope, tangents.get(arg, 0.0)))
        if not math.isfinite(total):
            raise infinite_gradient(node.op, node.args, inputs(node))
        tangents[node] = total


@twin
def slopes(node: N, op: Op, m: Any = floats) -> list[tuple[N, Any]]:
    """Each argument of `node` that is not a constant, with its local derivative.

    Args:
        node: a node.
        op: its operation.
        m: the namespace to compute in, as for `sweep`.

    Raises:
        NonFiniteError: a derivative divides by zero.
    """
    args = node.args
    if m is floats:
        local = local_derivatives(op, args, inputs(node), node._data)
    else:
        local = op.local_derivatives(m, node, args, [type(arg) is not float for arg in args])
    return [(arg, slope) for arg, slope in zip(args, local, strict=True) if type(arg) is not float]


@twin
def lost(nodes: Sequence[Any], adjoint: dict[Any, Any]) -> NonFiniteError:
    """The error for a sweep in which an adjoint is not finite."""
    for node in reversed(nodes):
        upstream = getattr(adjoint[node], "_data", adjoint[node])
        if not _LOW < upstream < _HIGH:
            break
        for _, slope in slopes(node, node.op) if node.op else ():
            if not _LOW < upstream * slope < _HIGH:
                return infinite_gradient(node.op, node.args, inputs(node))
    return NonFiniteError(f"the gradients of {node!r} add up to more than a float can hold")


def refuse_other_gradients(nodes: Iterable[Any]) -> None:
    """Raise TypeError if something other than a number was assigned to a gradient."""
    for node in nodes:
        if not isinstance(node.grad, (Node, *REAL)):
            name = f" of {brief(node.label)}" if node.label else ""
            raise TypeError(
                f"the gradient{name} must be a number, not {short(node.grad)}: zero_grad() sets it "
                "to 0"
            )


def plus(x: Any, y: Any) -> Any:
    """The sum x + y, where a float 0 leaves no trace in the graph."""
    return y if type(x) is float and x == 0 else x if type(y) is float and y == 0 else x + y


def times(x: Any, y: Any) -> Any:
    """The product x · y, where a float 0 or 1 leaves no trace in the graph."""
    for factor, other in ((x, y), (y, x)):
        if type(factor) is float and factor in (0.0, 1.0):
            return other if factor else 0.0
    return x * y
