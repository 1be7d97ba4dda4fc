"""The intermediate representation: expressions, each of which is computed once.

Chains of sums and products become one linear expression, Σ weight · row + bias; equal
expressions become one; constants are folded. An expression is batched if it depends on an input,
and so has a number for each example; otherwise there is one number for all of them.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.graph import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.ops.operation import Op

_MANY = 4  # rows with the same constant weight are added first, and then multiplied


class Expression:
    """One number to compute, for each example or for all of them.

    Attributes:
        kind: "input", "parameter", "constant", "operation" or "linear".
        op: the operation, of an operation.
        args: its arguments; of a linear expression its rows.
        weights: what each row of a linear expression is multiplied by; None stands for 1.
        bias: what is added to a linear expression's rows; None for nothing.
        number: the constant, or the index of the input or parameter.
        batched: whether there is a number for each example.
        level: the length of the longest path from the leaves.
        order: a serial number in the order of creation.
        group, place: which array holds it, and where in it; the schedule sets them.
    """

    # most expressions of a large model are parameters, which have only these
    op: Op | None = None
    args: tuple[Expression, ...] = ()
    weights: tuple[Expression | None, ...] = ()
    bias: Expression | None = None
    level = 0
    group: Any = None
    place = 0

    def __init__(
        self,
        kind: str,
        order: int,
        number: Any = None,
        *,
        args: tuple[Expression, ...] = (),
        op: Op | None = None,
        weights: tuple[Expression | None, ...] = (),
        bias: Expression | None = None,
    ) -> None:
        self.kind = kind
        self.order = order
        self.number = number
        self.batched = kind == "input"
        if args:
            self.args, self.op, self.weights, self.bias = args, op, weights, bias
            parts = self.parts
            self.batched = any(part.batched for part in parts)
            self.level = 1 + max([part.level for part in parts])

    @property
    def parts(self) -> list[Expression]:
        """What it depends on: arguments, weights and bias."""
        return [part for part in (*self.args, *self.weights, self.bias) if part is not None]


Term = tuple[Expression | None, Expression]
"""A weight, where None stands for 1, and the row that is multiplied by it."""


class Builder:
    """Makes expressions, each of them once."""

    def __init__(self) -> None:
        self._known: dict[Any, Expression] = {}
        self._orders = count()

    def leaf(self, kind: str, index: int) -> Expression:
        """An input or a parameter, which no other expression equals."""
        return Expression(kind, next(self._orders), index)

    def make(self, kind: str, key: Any, **parts: Any) -> Expression:
        found = self._known.get((kind, key))
        if found is None:
            found = Expression(kind, next(self._orders), **parts)
            self._known[kind, key] = found
        return found

    def constant(self, number: float) -> Expression:
        # repr tells −0.0 from 0.0
        return self.make("constant", repr(number), number=number)

    def operation(self, op: Op, args: Sequence[Expression]) -> Expression:
        if all(arg.kind == "constant" for arg in args):
            numbers = [arg.number for arg in args]
            return self.constant(evaluate(op, numbers, numbers))
        if op is ops.multiply:
            for factor, other in (tuple(args), tuple(reversed(args))):
                if factor.kind == "constant" and factor.number == 1:
                    return other
        key = (op, *(arg.order for arg in args))
        return self.make("operation", key, op=op, args=tuple(args))

    def linear(self, terms: list[Term]) -> Expression:
        """Σ weight · row, whose weights are not batched; None stands for 1."""
        rows = [term for term in terms if term[1].batched]
        rest: list[Expression] = []
        constant = 0.0
        for weight, row in [term for term in terms if not term[1].batched]:
            addend = row if weight is None else self.operation(ops.multiply, (weight, row))
            if addend.kind == "constant":
                constant += addend.number
            else:
                rest.append(addend)
        if constant:
            rest.append(self.constant(constant))
        if not rows:
            return self._total([(None, row) for row in rest], None)
        bias = self._total([(None, row) for row in rest], None) if rest else None
        return self._total(rows, bias)

    def _total(self, terms: list[Term], bias: Expression | None) -> Expression:
        if not terms:
            return self.constant(0.0)
        if len(terms) == 1 and bias is None:
            weight, row = terms[0]
            return row if weight is None else self.operation(ops.multiply, (weight, row))
        learnt = [t for t in terms if t[0] is not None and t[0].kind != "constant"]
        if learnt and len(learnt) < len(terms):  # a matrix product, and what is added to it
            others = [t for t in terms if t[0] is None or t[0].kind == "constant"]
            return self._total([(None, self._total(learnt, bias)), *others], None)
        terms = self._by_constants(terms)
        terms.sort(key=lambda term: (term[1].order, term[0].order if term[0] else -1))
        if any(weight for weight, _ in terms):  # then every term needs a weight
            one = self.constant(1.0)
            terms = [(weight or one, row) for weight, row in terms]
        weights, rows = zip(*terms, strict=True)
        key = (
            tuple([row.order for row in rows]),
            tuple([w and w.order for w in weights]),
            bias and bias.order,
        )
        return self.make("linear", key, args=rows, weights=weights, bias=bias)

    def _by_constants(self, terms: list[Term]) -> list[Term]:
        """Terms, those with a common constant weight factored out as a sum of their own."""
        if len(terms) <= _MANY or (terms[0][0] and terms[0][0].kind != "constant"):
            return list(terms)
        alike: dict[Any, tuple[Expression | None, list[Expression]]] = {}
        for weight, row in terms:
            alike.setdefault(weight and weight.order, (weight, []))[1].append(row)
        if list(alike) == [None]:
            return list(terms)  # all in one sum
        found: list[Term] = []
        for weight, rows in alike.values():
            if len(rows) > _MANY:
                rows = [self._total([(None, row) for row in rows], None)]
            found += [(weight, row) for row in rows]
        return found
