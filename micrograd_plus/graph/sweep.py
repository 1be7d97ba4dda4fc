"""Derivatives as numbers or as nodes: the chain rule in any namespace of the table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.graph.evaluation import infinite_gradient, inputs, local_derivatives, order
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from micrograd_plus.graph.node import N
    from micrograd_plus.ops.operation import Op

_LOW, _HIGH = -math.inf, math.inf


def slopes(node: N, op: Op, m: Any = floats) -> list[tuple[N, Any]]:
    """Each argument of `node` that is no constant, with its local derivative.

    Args:
        node: a node.
        op: its operation.
        m: the namespace that the derivatives are computed in: `floats` gives numbers, that of
            Values gives Values, as far as they depend on any.

    Raises:
        NonFiniteError: a derivative is not a finite number.
    """
    args = node.args
    if m is floats:
        local = local_derivatives(op, args, inputs(node), node._data)
    else:
        local = op.local_derivatives(m, node, args, [type(arg) is not float for arg in args])
    return [(arg, slope) for arg, slope in zip(args, local, strict=True) if type(arg) is not float]


def adjoints(root: N, done: Container[int] = (), m: Any = floats) -> dict[N, Any]:
    """The derivatives of `root` for all that it depends on; no gradient is changed.

    Args:
        root: the value to differentiate.
        done: the ids of nodes to go no further at.
        m: the namespace that the derivatives are computed in, as for `slopes`.

    Raises:
        NonFiniteError: a derivative is not a finite number.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> adjoints(x**3)[x]
    27.0
    """
    nodes = order(root, done)
    found: dict[N, Any] = dict.fromkeys(nodes, 0.0)
    found[root] = 1.0
    for node in reversed(nodes):
        op = node.op
        if op is None:
            continue
        upstream = found[node]
        if m is not floats:
            for arg, slope in slopes(node, op, m):
                if not (done and id(arg) in done):
                    found[arg] = plus(found[arg], times(upstream, slope))
            continue
        x, y = node.left, node.right
        terms: Iterable[tuple[Any, float]]
        # most of what there is, and in large graphs the table takes its time
        if op is ops.add:
            terms = (x, upstream), (y, upstream)
        elif op is ops.multiply:
            a, b = x if type(x) is float else x._data, y if type(y) is float else y._data
            terms = (x, upstream * b), (y, upstream * a)
        else:
            terms = [(arg, upstream * slope) for arg, slope in slopes(node, op)]
        for arg, term in terms:
            if type(arg) is not float and not (done and id(arg) in done):
                found[arg] = total = found[arg] + term
                if not _LOW < total < _HIGH:
                    raise infinite_gradient(op, node.args, inputs(node))
    return found


def plus(x: Any, y: Any) -> Any:
    """The sum x + y, where a float 0 leaves no trace in the graph."""
    return y if type(x) is float and x == 0 else x if type(y) is float and y == 0 else x + y


def times(x: Any, y: Any) -> Any:
    """The product x · y, where a float 0 or 1 leaves no trace in the graph."""
    for factor, other in ((x, y), (y, x)):
        if type(factor) is float and factor in (0.0, 1.0):
            return other if factor else 0.0
    return x * y
