"""Simplification of a traced graph: nested sums and products become one expression each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus.compiler.ir import Builder
from micrograd_plus.engine import Value
from micrograd_plus.ops.operation import Symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression, Term
    from micrograd_plus.ops.operation import Op


class _Sum(NamedTuple):
    """The sum that an operation computes.

    Attributes:
        terms: numbers, and the positions of the one or two arguments that each multiplies.
        added: the positions that are not in a product.
    """

    terms: list[tuple[float, tuple[int, ...]]]
    added: set[int]


class _Form(Symbol):
    """What an operation's rule gives if it only adds up: an argument, a product of two, or a sum.

    Args:
        number: what all of it is multiplied by.
        places: the positions of the argument, or of the two.
        parts: of a sum.
    """

    __hash__ = None  # type: ignore[assignment]
    __eq__ = __ne__ = Symbol._looked_at

    def __init__(
        self, number: float, places: tuple[int, ...] = (), parts: tuple[_Form, ...] = ()
    ) -> None:
        self.number = number
        self.places = places
        self.parts = parts

    def terms(self) -> list[tuple[float, tuple[int, ...]]]:
        found, todo = [], [(1.0, self)]
        while todo:
            factor, form = todo.pop()
            factor *= form.number
            todo += [(factor, part) for part in reversed(form.parts)]
            if form.places:
                found.append((factor, form.places))
        return found

    def __add__(self, other: Any) -> _Form:
        if isinstance(other, _Form):
            return _Form(1.0, parts=(self, other))
        if other != 0:
            raise TypeError("a sum with a number")
        return self

    __radd__ = __add__

    def __neg__(self) -> _Form:
        return self.times(-1.0)

    def __sub__(self, other: _Form) -> _Form:
        return self.__add__(-other)

    def __mul__(self, other: Any) -> _Form:
        if not isinstance(other, _Form):
            return self.times(other)
        if not len(self.places) == len(other.places) == 1:
            raise TypeError("a product of more than two arguments, or of sums")
        return _Form(self.number * other.number, self.places + other.places)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> _Form:
        return self.times(1.0 / other)  # no form is divided by

    def times(self, number: float) -> _Form:
        return _Form(self.number * number, self.places, self.parts)


def _sum(op: Op, count: int) -> _Sum | None:
    """The sum that an operation on so many arguments computes, if it computes one."""
    m, args = ops.Namespace(), [_Form(1.0, (i,)) for i in range(count)]
    try:
        made = op.value(m, *args)
        slopes = op.local_derivatives(m, made, args, [True] * count)
    except (AttributeError, TypeError):  # it uses a function, or another operator
        return None
    terms = made.terms() if isinstance(made, _Form) else []
    derived: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * count
    for number, places in terms:
        for place, others in zip(places, (places[1:], places[:1]), strict=False):
            derived[place] = number, others
    if not terms or derived != [_plain(slope) for slope in slopes]:
        return None
    return _Sum(terms, {places[0] for _, places in terms if len(places) == 1})


def _plain(slope: Any) -> tuple[float, tuple[int, ...]]:
    return (slope.number, slope.places) if isinstance(slope, _Form) else (float(slope), ())


def _sums(nodes: Sequence[Value]) -> dict[Value, _Sum]:
    """The sums of those nodes that are sums, or products of two."""
    known: dict[Any, _Sum | None] = {}
    found = {}
    for node in nodes:
        if op := node.op:
            key = op if op.arity else (op, len(node.left))
            if key not in known:
                known[key] = _sum(op, len(node.args))
            if total := known[key]:
                found[node] = total
    return found


def simplify(
    nodes: Sequence[Value], outputs: Sequence[Any], leaves: dict[Value, tuple[str, int]]
) -> list[Expression]:
    """The expressions of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and real numbers.
        leaves: the kind and index of inputs and parameters; others are constants.
    """
    sums = _sums(nodes)
    inner = _inside_sums(nodes, outputs, sums)
    simpler = _Simpler(inner, sums, leaves)
    for node in nodes:
        if node not in inner and node not in simpler.made:
            simpler.take(node)
    return [simpler.of(out if isinstance(out, Value) else float(out)) for out in outputs]


def _inside_sums(
    nodes: Sequence[Value], outputs: Sequence[Any], sums: dict[Value, _Sum]
) -> set[Value]:
    """Sums and products that are merged into the one sum that uses them.

    Nothing else uses them, so they are met once.
    """
    inside: set[Value] = set()
    used: set[Any] = {*outputs}
    for node in nodes:
        if node.op is None:
            continue
        added = sums[node].added if node in sums else ()
        for i, arg in enumerate(node.args):
            if arg in sums:
                if arg in used:
                    inside.discard(arg)
                else:
                    used.add(arg)
                    if i in added:
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
        sums: dict[Value, _Sum],
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
        op, builder, inner = node.op, self._builder, self._inner
        if op is None:
            made = builder.constant(node.data)
        elif node in self._sums and (op.arity is None or any(arg in inner for arg in node.args)):
            made = builder.linear(self._terms(node))
        else:
            made = builder.operation(op, [self.of(arg) for arg in node.args])
        self.made[node] = made

    def _terms(self, node: Value) -> list[Term]:
        """The terms of a sum, nested ones flattened, and those nested sums."""
        inner, sums = self._inner, self._sums
        found: list[Term] = []
        todo: list[tuple[float, Any]] = [(1.0, node)]
        while todo:
            factor, x = todo.pop()
            if type(x) is list:
                found.append(self._product(factor, *x))
            elif x is node or x in inner:
                args = x.args
                for number, places in reversed(sums[x].terms):
                    one = len(places) == 1
                    part = args[places[0]] if one else [args[i] for i in places]
                    todo.append((factor * number, part))
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
