"""Simplification of a traced graph: nested sums and products become one expression each."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import groupby
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
    sum_of = cache(_sum)
    sums = {node: total for node in nodes if node.op and (total := sum_of(node.op, len(node.args)))}
    inner = _inside_sums(nodes, outputs, sums)
    outer = [node for node in nodes if node not in inner]
    simpler = _Simpler(outer, inner, sums, leaves, indices, sites)
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


class _Term(NamedTuple):
    """A term of a sum: a constant times a node or number, or times a product of two.

    Attributes:
        kind: equal for terms that may be added up together, as by one loop.
        factor: the constant.
        factors: the node or number, or the two.
    """

    kind: Any
    factor: float
    factors: tuple[Any, ...]


class _Run(NamedTuple):
    """Neighbouring terms of one kind; `kind` tells the runs of a sum apart, too."""

    kind: Any
    terms: list[_Term]


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
        self._inner, self._sums, self._leaves, self._sites = inner, sums, leaves, sites
        self._indices = indices
        self._builder = Builder()
        self._varied = self._several_constants(nodes)
        self._made = {x: self._builder.leaf(*leaves[x]) for x in leaves if x.op is None}
        added = {
            node: self._runs(node)
            for node in nodes
            if node in sums and (node.op is not ops.multiply)
        }
        # what is added up in one turn of a loop is so in all, even if there is only one term
        self._long: dict[Any, int] = defaultdict(int)
        self._home: dict[Any, Any] = {}  # where products of a kind are added up
        for node, runs in added.items():
            for run in runs:
                place = sites[node], run.kind
                self._long[place] = max(self._long[place], len(run.terms))
                if len(run.terms) > 1:
                    self._home[run.terms[0].kind] = sites[node]
        for node in nodes:
            if node not in self._made:
                self._made[node] = self._expression(node, added.get(node))

    def of(self, x: Any) -> Expression:
        """The expression of a leaf, of a node, or of a constant."""
        return self._builder.constant(x) if type(x) is float else self._made[x]

    def _expression(self, node: Value, runs: Sequence[_Run] | None) -> Expression:
        if node.op is None:
            return self._builder.constant(node.data)
        if runs is not None:
            return self._sum(runs, self._sites[node])
        if node.op is ops.multiply:
            term = self._term(1.0, node.args, self._sites[node])
            if term and term.kind in self._home:  # a sum of one term, which is none
                return self._sum([_Run((term.kind, 1), [term])], self._home[term.kind])
        args = [self.of(arg) for arg in node.args]
        chosen = node.op is ops.take and node.args[0] in self._indices
        make = self._builder.choice if chosen else self._builder.operation
        return make(node.op, args, self._sites[node])

    def _sum(self, runs: Sequence[_Run], site: Any) -> Expression:
        """The linear expression of runs; if several are long, each has one of its own."""
        builder, number = self._builder, 0.0
        long = []
        for run in runs:
            if _is_number(run.terms[0]):
                number += sum(term.factor * self.of(term.factors[0]).number for term in run.terms)
            elif self._long[site, run.kind] > 1:
                long.append(run)
        many: list[tuple[Expression, ...]] = []
        slots: list[tuple[Expression, ...]] = []
        first: list[float] = []
        coefficients: list[float] = []
        for run in runs:
            factor = run.terms[0].factor
            if _is_number(run.terms[0]):
                continue
            if run in long:
                columns = zip(*(term.factors for term in run.terms), strict=True)
                found = [tuple(map(self.of, column)) for column in columns]
                if len(long) == 1:
                    many, first = found, [factor]
                    continue
                whole = tuple(found), [1.0], 0.0, len(found), (site, run.kind)
                terms = [builder.linear(*whole)]
            elif len(run.terms[0].factors) == 2:
                args = [self.of(x) for x in run.terms[0].factors]
                terms = [builder.operation(ops.multiply, args, (site, run.kind))]
            else:
                terms = [self.of(run.terms[0].factors[0])]
            for term in terms:
                if term.kind == "constant":
                    number += factor * term.number
                else:
                    slots.append((term,))
                    coefficients.append(factor)
        return builder.linear((*many, *slots), [*first, *coefficients], number, len(many), site)

    def _runs(self, node: Value) -> list[_Run]:
        """What a sum adds, and the sums in it, as runs of terms of one kind."""
        terms: list[_Term] = []
        todo: list[tuple[float, tuple[Any, ...], Any]] = [(1.0, (node,), None)]
        while todo:
            factor, parts, site = todo.pop()
            x = parts[0]
            if len(parts) == 1 and (x is node or x in self._inner):
                args, site = x.args, self._sites[x]
                for places, number in reversed(self._sums[x].items()):
                    todo.append((factor * number, tuple([args[i] for i in places]), site))
            elif term := self._term(factor, parts, site):
                terms.append(term)
        terms.sort(key=_is_number)  # they interrupt no loop over others
        runs = _joined(terms)
        if sum(len(run.terms[0].factors) == 2 for run in runs) > _PIECES:
            # the factors come from many places: only where the products were written counts
            runs = _joined([term._replace(kind=term.kind[:3]) for term in terms])
        if len(runs) > _MANY:
            rank = {term.kind: i for i, term in enumerate(reversed(terms))}
            runs = _joined(sorted(terms, key=lambda term: -rank[term.kind]))
        seen: dict[Any, int] = defaultdict(int)
        numbered = []
        for run in runs:
            seen[run.kind] += 1
            numbered.append(_Run((run.kind, seen[run.kind]), run.terms))
        return numbered

    def _term(self, factor: float, parts: tuple[Any, ...], site: Any) -> _Term | None:
        """A term with its kind; None if it is 0."""
        if len(parts) == 2 and site not in self._varied:
            for number, other in (parts, parts[::-1]):
                if (known := self._constant(number)) is not None:
                    factor, parts = factor * known, (other,)
                    break
        if not factor:
            return None
        if len(parts) == 1:
            return _Term(("one", factor, self._kind(parts[0])), factor, parts)
        x, y = parts
        if self._shared(y) and not self._shared(x):
            x, y = y, x
        return _Term(("product", factor, site, self._kind(x), self._kind(y)), factor, (x, y))

    def _constant(self, x: Any) -> float | None:
        """The number of a constant; None for what is none."""
        if type(x) is float:
            return x
        return x.data if x.op is None and x not in self._leaves else None

    def _shared(self, x: Any) -> bool:
        """Whether it is a constant or a parameter, which is written before what it multiplies."""
        return type(x) is float or (x.op is None and self._leaves.get(x, "p")[0] == "p")

    def _kind(self, x: Any) -> Any:
        """Where a factor comes from: the array of a leaf, or the place in the code."""
        if self._constant(x) is not None:
            return "constant"
        return self._leaves[x][0] if x.op is None else self._sites[x]

    def _several_constants(self, nodes: Sequence[Value]) -> set[Any]:
        """The sites of products that have several constants among their factors.

        They belong to one sum, as the entries of a constant matrix do.
        """
        found: dict[Any, set[float]] = defaultdict(set)
        for node, total in self._sums.items():
            if any(len(places) == 2 for places in total):
                found[self._sites[node]].update(
                    number for x in node.args if (number := self._constant(x)) is not None
                )
        return {site for site, numbers in found.items() if len(numbers) > 1}


def _is_number(term: _Term) -> bool:
    return bool(term.kind[2:] == ("constant",))


def _joined(terms: Iterable[_Term]) -> list[_Run]:
    """Terms as runs of equal kinds; single products are also joined if only their sites differ."""
    runs = [_Run(kind, [*some]) for kind, some in groupby(terms, lambda term: term.kind)]

    def kind(run: _Run) -> Any:
        alone = len(run.terms) == 1 and len(run.kind) == _PRODUCT
        return (*run.kind[:2], *run.kind[3:]) if alone else run.kind

    found = []
    for shared, some in groupby(runs, kind):
        alike = [*some]
        terms = [term for run in alike for term in run.terms]
        found.append(_Run(shared if len(alike) > 1 else alike[0].kind, terms))
    return found


_PRODUCT = 5  # the length of the kind of a product that names everything
_MANY = 8  # runs from which terms are sorted by kind
_PIECES = 3  # the largest number of runs of products that a sum is taken apart into
