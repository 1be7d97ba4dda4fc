"""Simplification of a traced graph: nested sums and products become one expression each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.compiler.ir import Builder
from micrograd_plus.engine import Value
from micrograd_plus.ops.operation import Symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression, Term
    from micrograd_plus.ops.operation import Op


Sum = dict[tuple[int, ...], float]
"""What an operation adds up: the factor of each argument, by its position, and of each product of
two arguments, by their positions."""


class _Form(Symbol):
    """What a rule computes that only adds up: a number times an argument, a product, or a sum.

    Args:
        number: the number.
        places: the positions of the argument, or of the two arguments of the product.
        parts: the terms of the sum; they may be sums, as joining them at each + would take long.
    """

    __eq__ = Symbol._looked_at

    def __init__(
        self, number: float, places: tuple[int, ...] = (), parts: tuple[_Form, ...] = ()
    ) -> None:
        self.number = number
        self.places = places
        self.parts = parts

    def __add__(self, other: Any) -> Any:
        if isinstance(other, _Form):
            return _Form(1.0, parts=(self, other))
        return NotImplemented if other else self

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self * -1.0

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, _Form):
            return _Form(self.number * other, self.places, self.parts)
        if not len(self.places) == len(other.places) == 1:
            return NotImplemented
        return _Form(self.number * other.number, self.places + other.places)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * (1.0 / other)


def _added(form: Any) -> Sum:
    """What a form adds up; a number has no argument."""
    if not isinstance(form, _Form):
        return {(): float(form)}
    found: Sum = {}
    todo = [form]
    while todo:
        form = todo.pop()
        todo += [part * form.number for part in reversed(form.parts)]
        if form.places:
            found[form.places] = found.get(form.places, 0.0) + form.number
    return found


def _sum(op: Op, count: int) -> Sum:
    """What an operation on so many arguments adds up; nothing if one of its rules does more."""
    m, args = ops.Namespace(), [_Form(1.0, (i,)) for i in range(count)]
    try:
        made = op.value(m, *args)
        slopes = list(map(_added, op.local_derivatives(m, made, args, [True] * count)))
    except (AttributeError, TypeError):  # it needs a function, or another operator
        return {}
    total = _added(made)
    expected: list[Sum] = [{(): 0.0}] * count  # of an argument that is in one term at most
    for places, number in total.items():
        for i, place in enumerate(places):
            expected[place] = {places[:i] + places[i + 1 :]: number}
    return total if slopes == expected and () not in total else {}


def simplify(
    nodes: Sequence[Value], outputs: Sequence[Any], leaves: dict[Value, tuple[str, int]]
) -> list[Expression]:
    """The expressions of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and real numbers.
        leaves: the kind and index of inputs and parameters; others are constants.
    """
    sum_of = cache(_sum)
    sums = {node: total for node in nodes if node.op and (total := sum_of(node.op, len(node.args)))}
    inner = _inside_sums(nodes, outputs, sums)
    simpler = _Simpler(inner, sums, leaves)
    for node in nodes:
        if node not in inner and node not in simpler.made:
            simpler.take(node)
    return [simpler.of(out if isinstance(out, Value) else float(out)) for out in outputs]


def _inside_sums(
    nodes: Sequence[Value], outputs: Sequence[Any], sums: dict[Value, Sum]
) -> set[Value]:
    """Sums and products that disappear in the one sum that they are a part of.

    Nothing else uses them, and so they are met once.
    """
    inside: set[Value] = set()
    used: set[Any] = {*outputs}
    for node in nodes:
        total = sums.get(node, ())
        for i, arg in enumerate(node.args):
            if arg in sums:
                if arg in used:
                    inside.discard(arg)
                else:
                    used.add(arg)
                    if (i,) in total:
                        inside.add(arg)
    return inside


class _Simpler:
    """The expressions of nodes.

    Args:
        inner: nodes that are merged into a sum.
        sums: the terms of sums and products.
        leaves: as for `simplify`.

    Attributes:
        made: those of leaves, and of the nodes that were taken.
    """

    def __init__(
        self,
        inner: set[Value],
        sums: dict[Value, Sum],
        leaves: dict[Value, tuple[str, int]],
    ) -> None:
        self._inner = inner
        self._sums = sums
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
        elif node in self._sums and (op.arity is None or not self._inner.isdisjoint(node.args)):
            made = builder.linear(self._terms(node))
        else:
            made = builder.operation(op, [self.of(arg) for arg in node.args])
        self.made[node] = made

    def _terms(self, node: Value) -> list[Term]:
        """What a sum adds, and the sums in it."""
        found: list[Term] = []
        todo: list[tuple[float, tuple[Any, ...]]] = [(1.0, (node,))]
        while todo:
            factor, parts = todo.pop()
            x = parts[0]
            if len(parts) == 2:
                found.append(self._product(factor, *parts))
            elif x is node or x in self._inner:
                args = x.args
                for places, number in reversed(self._sums[x].items()):
                    todo.append((factor * number, tuple([args[i] for i in places])))
            else:
                found.append(self._scaled(factor, self.of(x)))
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
