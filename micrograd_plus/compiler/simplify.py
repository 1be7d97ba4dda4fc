"""A traced graph made simpler: sums of sums and products become one expression each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.ir import Builder
from micrograd_plus.engine import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression, Term

_PLAIN = {ops.add, ops.subtract, ops.negate}
_ADDING = {*_PLAIN, ops.sum, ops.mean}
_SUMS = {*_ADDING, ops.dot}
_FLAT = {*_SUMS, ops.multiply}


def simplify(
    nodes: Sequence[Value], outputs: Sequence[Any], leaves: dict[Value, tuple[str, int]]
) -> list[Expression]:
    """The expressions of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and real numbers.
        leaves: the kind and index of inputs and parameters; others are constants.
    """
    inner = _inside_sums(nodes, outputs)
    simpler = _Simpler(inner, leaves)
    for node in nodes:
        if node not in inner and node not in simpler.made:
            simpler.take(node)
    return [simpler.of(out if isinstance(out, Value) else float(out)) for out in outputs]


def _inside_sums(nodes: Sequence[Value], outputs: Sequence[Any]) -> set[Value]:
    """Sums and products that disappear in the one sum that they are a part of.

    Nothing else uses them, and so they are met once.
    """
    inside: set[Value] = set()
    used: set[Any] = {*outputs}
    for node in nodes:
        op, args = node.op, node.left
        if op is None:
            continue
        if type(args) is not tuple:
            args = (args, node.right)
        adds = op in _ADDING
        bias = args[-1] if op is ops.dot and len(args) % 2 else None
        for arg in args:
            if type(arg) is Value and arg.op in _FLAT:
                if arg in used:
                    inside.discard(arg)
                else:
                    used.add(arg)
                    if adds or arg is bias:
                        inside.add(arg)
    return inside


class _Simpler:
    """The expressions of nodes.

    Args:
        inner: nodes that disappear in a sum.
        leaves: as for `simplify`.

    Attributes:
        made: those of leaves, and of the nodes that were taken.
    """

    def __init__(self, inner: set[Value], leaves: dict[Value, tuple[str, int]]) -> None:
        self._inner = inner
        self._builder = Builder()
        self.made = {x: self._builder.leaf(*place) for x, place in leaves.items() if x.op is None}

    def of(self, x: Any) -> Expression:
        """The expression of a leaf, of a node that was taken, or of a constant."""
        return self._builder.constant(x) if type(x) is float else self.made[x]

    def take(self, node: Value) -> None:
        """Make the expression of a node whose arguments have theirs."""
        op, builder = node.op, self._builder
        if op is None:
            made = builder.constant(node.data)
        elif op not in _SUMS or (op in _PLAIN and not any(arg in self._inner for arg in node.args)):
            made = builder.operation(op, [self.of(arg) for arg in node.args])
        else:
            made = builder.linear(self._terms(node))
        self.made[node] = made

    def _terms(self, node: Value) -> list[Term]:
        """What a sum adds, and the sums in it."""
        inner = self._inner
        found: list[Term] = []
        todo: list[tuple[float, Any]] = [(1.0, node)]
        while todo:
            factor, x = todo.pop()
            while (x is node or x in inner) and x.op is ops.add:  # most of a long sum
                todo.append((factor, x.right))
                x = x.left
            if x is not node and x not in inner:
                found.append(self._scaled(factor, self.of(x)))
                continue
            op = x.op
            if op is ops.multiply:
                found.append(self._product(factor, x.left, x.right))
            elif op is ops.subtract:
                todo += (-factor, x.right), (factor, x.left)
            elif op is ops.negate:
                todo.append((-factor, x.left))
            elif op is ops.dot:
                args, half = x.left, len(x.left) // 2
                for w, v in zip(args[:half], args[half : 2 * half], strict=True):
                    found.append(self._product(factor, w, v))
                todo += [(factor, bias) for bias in args[2 * half :]]
            else:
                share = factor / len(x.left) if op is ops.mean else factor
                todo += [(share, arg) for arg in reversed(x.left)]
        return found

    def _scaled(self, factor: float, x: Expression) -> Term:
        return (None if factor == 1 else self._builder.constant(factor)), x

    def _product(self, factor: float, a: Any, b: Any) -> Term:
        x, y = self.of(a), self.of(b)
        if x.batched and y.batched:
            return self._scaled(factor, self._builder.operation(ops.multiply, (x, y)))
        weight, row = (y, x) if x.batched else (x, y)
        if factor != 1:
            constant = self._builder.constant(factor)
            weight = self._builder.operation(ops.multiply, (constant, weight))
        return weight, row
