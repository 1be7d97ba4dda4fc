"""Simplification of a traced graph: nested sums and products become one expression each."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus.compiler.ir import Builder
from micrograd_plus.engine import Value
from micrograd_plus.ops.operation import Symbol

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from micrograd_plus.compiler.ir import Expression
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
    nodes: Sequence[Value],
    outputs: Sequence[Any],
    leaves: Mapping[Value, tuple[str, int]],
    indices: Container[Value],
    sites: Mapping[Value, Any],
) -> list[Expression]:
    """The expressions of some outputs.

    Args:
        nodes: all that the outputs depend on, in the order of recording.
        outputs: Values and real numbers.
        leaves: the array and row of inputs and parameters; others are constants.
        indices: those of which each call checks that they are indices of rows.
        sites: where in the code each node was recorded.
    """
    sums, inner = _sums(nodes, outputs)
    outer = [node for node in nodes if node not in inner]
    simpler = _Simpler(outer, inner, sums, leaves, indices, sites)
    return [simpler.of(out if isinstance(out, Value) else float(out)) for out in outputs]


def _sums(nodes: Sequence[Value], outputs: Sequence[Any]) -> tuple[dict[Value, Sum], set[Value]]:
    """What each node adds up, and the sums and products that disappear in a sum.

    Nothing else uses these, and so they are met once.
    """
    sum_of = cache(_sum)
    sums: dict[Value, Sum] = {}
    inside: set[Value] = set()
    used: set[Any] = {*outputs}
    for node in nodes:
        args = node.args
        total = sum_of(node.op, len(args)) if args else {}
        if total:
            sums[node] = total
        for i, arg in enumerate(args):
            if arg in sums:
                if arg in used:
                    inside.discard(arg)
                else:
                    used.add(arg)
                    if (i,) in total:
                        inside.add(arg)
    return sums, inside


Term = tuple[tuple[Any, ...], tuple[Any, ...]]
"""A term of a sum: its kind, and the node or number that is added, or the two that are multiplied.

Kinds are equal for terms that may be added up together, as by one loop: a kind has the number of
factors, the constant that they are multiplied by, where a product was written, and for each factor
the array of a leaf, the place in the code, or None of a constant.
"""


class _Run(NamedTuple):
    """Neighbouring terms of one kind; `kind` tells the runs of a sum apart, too."""

    kind: Any
    terms: list[Term]


class _Simpler:
    """The expressions of nodes.

    Args:
        nodes: those that get expressions, in the order of recording.
        inner: those that are merged into a sum.
        sums: the terms of sums and products.
        leaves: as for `simplify`; likewise the indices and the sites.
    """

    def __init__(
        self,
        nodes: Sequence[Value],
        inner: set[Value],
        sums: dict[Value, Sum],
        leaves: Mapping[Value, tuple[str, int]],
        indices: Container[Value],
        sites: Mapping[Value, Any],
    ) -> None:
        self._inner, self._sums, self._sites, self._indices = inner, sums, sites, indices
        self._builder = Builder()
        self._made = {x: self._builder.leaf(*leaves[x]) for x in leaves if x.op is None}
        self._kinds = {
            x: site if x.op else leaves[x][0] for x, site in sites.items() if x.op or x in leaves
        }
        terms = {node: self._terms(node) for node in nodes if node in sums}
        varied = _several_constants(chain.from_iterable(terms.values()))
        self._added: dict[Value, tuple[float, list[_Run]]] = {}
        # what is added up in one turn of a loop is so in all, even if there is only one term
        self._long: dict[Any, int] = defaultdict(int)
        self._home: dict[Any, Any] = {}  # where products of a kind are added up
        for node, its in terms.items():
            _, runs = self._added[node] = _runs(its, varied)
            for run in runs if node.op is not ops.multiply else ():
                place = sites[node], run.kind
                self._long[place] = max(self._long[place], len(run.terms))
                if len(run.terms) > 1:
                    self._home[run.terms[0][0]] = sites[node]
        for node in nodes:
            if node not in self._made:
                self._made[node] = self._expression(node)

    def _terms(self, node: Value) -> list[Term]:
        """What a sum adds, and the sums in it."""
        found: list[Term] = []
        todo: list[Any] = [(1.0, node)]  # sums, and in their order the terms between them
        while todo:
            factor, x = todo.pop()
            if type(factor) is tuple:
                found.append((factor, x))
                continue
            args, site = x.args, self._sites[x]
            for places, number in reversed(self._sums[x].items()):
                if len(places) == 2:
                    i, j = places
                    todo.append(self._product(factor * number, args[i], args[j], site))
                    continue
                arg = args[places[0]]
                if arg in self._inner:
                    todo.append((factor * number, arg))
                else:
                    todo.append(((1, factor * number, self._kinds.get(arg)), (arg,)))
        return found

    def _product(self, factor: float, x: Any, y: Any, site: Any) -> Term:
        """A constant times a product; parameters and constants are written before others."""
        kind, other = self._kinds.get(x), self._kinds.get(y)
        if other in _SHARED and kind not in _SHARED:
            return (2, factor, site, other, kind), (y, x)
        return (2, factor, site, kind, other), (x, y)

    def of(self, x: Any) -> Expression:
        """The expression of a leaf, of a node, or of a constant."""
        return self._builder.constant(x) if type(x) is float else self._made[x]

    def _expression(self, node: Value) -> Expression:
        if node.op is None:
            return self._builder.constant(node.data)
        site = self._sites[node]
        if node in self._added:
            number, runs = self._added[node]
            home = site
            if node.op is ops.multiply:  # perhaps a sum of one term, which is none
                home = self._home.get(runs[0].terms[0][0]) if runs else None
            if home is not None:
                return self._sum(number, runs, home)
        args = [self.of(arg) for arg in node.args]
        chosen = node.op is ops.take and node.args[0] in self._indices
        make = self._builder.choice if chosen else self._builder.operation
        return make(node.op, args, site)

    def _sum(self, number: float, runs: Sequence[_Run], site: Any) -> Expression:
        """The linear expression of runs; if several are long, each has one of its own."""
        builder = self._builder
        long = sum(self._long[site, run.kind] > 1 for run in runs)
        many: list[tuple[Expression, ...]] = []
        slots: list[tuple[Expression, ...]] = []
        first: list[float] = []
        coefficients: list[float] = []
        for run in runs:
            factor = run.terms[0][0][1]
            columns = zip(*(factors for _, factors in run.terms), strict=True)
            found = [tuple(map(self.of, column)) for column in columns]
            if self._long[site, run.kind] > 1:
                if long == 1:
                    many, first = found, [factor]
                    continue
                terms = [builder.linear(tuple(found), [1.0], 0.0, len(found), (site, run.kind))]
            elif len(found) == 2:
                args = [*chain.from_iterable(found)]
                terms = [builder.operation(ops.multiply, args, (site, run.kind))]
            else:
                terms = [*found[0]]
            for term in terms:
                if term.kind == "constant":
                    number += factor * term.number
                else:
                    slots.append((term,))
                    coefficients.append(factor)
        return builder.linear((*many, *slots), [*first, *coefficients], number, len(many), site)


def _several_constants(terms: Iterable[Term]) -> set[Any]:
    """The sites of products that have several constants among their factors.

    They belong to one sum, as the entries of a constant matrix do.
    """
    found: dict[Any, set[float]] = defaultdict(set)
    for kind, factors in terms:
        if len(kind) == _PRODUCT and kind[3] is None:
            found[kind[2]].add(_number(factors[0]))
    return {site for site, numbers in found.items() if len(numbers) > 1}


def _number(x: Any) -> float:
    """The number of a constant."""
    return x if type(x) is float else x.data


def _runs(terms: Iterable[Term], varied: set[Any]) -> tuple[float, list[_Run]]:
    """A number and terms of a sum, in runs; constant factors are those of single terms.

    Args:
        terms: those of the sum.
        varied: the sites of products that stay products of constants.
    """
    number, others = 0.0, []
    for kind, factors in terms:
        if len(kind) == _PRODUCT and None in kind and kind[2] not in varied:
            at = kind.index(None) - 3
            kind = 1, kind[1] * _number(factors[at]), kind[4 - at]
            factors = (factors[1 - at],)
        if kind[2:] == (None,):
            number += kind[1] * _number(*factors)
        elif kind[1]:
            others.append((kind, factors))
    runs = _joined(others)
    if sum(run.kind[0] == 2 for run in runs) > _PIECES:
        # the factors come from many places: only where the products were written counts
        runs = _joined([(kind[:3], factors) for kind, factors in others])
    if len(runs) > _MANY:
        rank = {kind: i for i, (kind, _) in enumerate(reversed(others))}
        runs = _joined(sorted(others, key=lambda term: -rank[term[0]]))
    seen: dict[Any, int] = defaultdict(int)
    numbered = []
    for run in runs:
        seen[run.kind] += 1
        numbered.append(_Run((run.kind, seen[run.kind]), run.terms))
    return number, numbered


def _joined(terms: Iterable[Term]) -> list[_Run]:
    """Terms as runs of equal kinds; single products are also joined if only their sites differ."""
    runs = [_Run(kind, [*some]) for kind, some in groupby(terms, itemgetter(0))]

    def kind(run: _Run) -> Any:
        alone = len(run.terms) == 1 and len(run.kind) == _PRODUCT
        return (*run.kind[:2], *run.kind[3:]) if alone else run.kind

    found = []
    for shared, some in groupby(runs, kind):
        alike = [*some]
        terms = [term for run in alike for term in run.terms]
        found.append(_Run(shared if len(alike) > 1 else alike[0].kind, terms))
    return found


_SHARED = (None, "p")
_PRODUCT = 5  # the length of the kind of a product that names everything
_MANY = 8  # runs from which terms are sorted by kind
_PIECES = 3  # the largest number of runs of products that a sum is taken apart into
