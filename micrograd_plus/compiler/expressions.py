"""A traced graph as expressions that are simpler and merged: what is to be computed, once each.

Chains of sums and products become one linear expression, Σ weight · row + bias; equal
expressions become one; constants are folded. An expression is batched if it depends on an input,
and so has a number for each example; otherwise there is one number for all of them.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.graph import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.operation import Op

_PLAIN = {ops.add, ops.subtract, ops.negate}
_SUMS = {*_PLAIN, ops.sum, ops.dot, ops.mean}
_FLAT = {*_SUMS, ops.multiply}


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
        level: the length of the longest way from the leaves.
        order: expressions that come later have a larger one.
        group, place: which array holds it, and where in it; the schedule sets them.
    """

    __slots__ = (
        "args",
        "batched",
        "bias",
        "group",
        "kind",
        "level",
        "number",
        "op",
        "order",
        "place",
        "weights",
    )

    def __init__(
        self,
        kind: str,
        order: int,
        *,
        op: Op | None = None,
        args: tuple[Expression, ...] = (),
        weights: tuple[Expression | None, ...] = (),
        bias: Expression | None = None,
        number: Any = None,
    ) -> None:
        self.batched: bool = kind == "input"
        self.level: int = 0
        if args:  # most expressions of a large model are its parameters
            parts = [part for part in (*args, *weights, bias) if part is not None]
            self.batched = any(part.batched for part in parts)
            self.level = 1 + max(part.level for part in parts)
        self.kind = kind
        self.order = order
        self.op = op
        self.args = args
        self.weights = weights
        self.bias = bias
        self.number = number
        self.group: Any = None
        self.place = 0


class Builder:
    """Makes expressions, each of them once."""

    def __init__(self) -> None:
        self._known: dict[Any, Expression] = {}

    def make(self, kind: str, key: Any, **parts: Any) -> Expression:
        found = self._known.get((kind, key))
        if found is None:
            found = Expression(kind, len(self._known), **parts)
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
        key = (op.name, *(arg.order for arg in args))
        return self.make("operation", key, op=op, args=tuple(args))

    def linear(self, terms: list[tuple[Expression | None, Expression]]) -> Expression:
        """Σ weight · row, whose weights are not batched; None stands for 1."""
        rows: list[tuple[Expression | None, Expression]] = []
        rest: list[Expression] = []  # is not batched
        constant = 0.0
        for weight, row in terms:
            if row.batched:
                rows.append((weight, row))
                continue
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

    def _total(
        self, terms: list[tuple[Expression | None, Expression]], bias: Expression | None
    ) -> Expression:
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
        if any(weight for weight, _ in terms):  # then all have one
            one = self.constant(1.0)
            terms = [(weight or one, row) for weight, row in terms]
        weights = tuple(weight for weight, _ in terms)
        rows = tuple(row for _, row in terms)
        key = (
            tuple(row.order for row in rows),
            tuple(w and w.order for w in weights),
            bias and bias.order,
        )
        return self.make("linear", key, args=rows, weights=weights, bias=bias)

    def _by_constants(
        self, terms: list[tuple[Expression | None, Expression]]
    ) -> list[tuple[Expression | None, Expression]]:
        """Terms of which many have the same constant weight: those as a sum of their own."""
        if len(terms) <= _MANY or (terms[0][0] and terms[0][0].kind != "constant"):
            return list(terms)
        alike: dict[Any, tuple[Expression | None, list[Expression]]] = {}
        for weight, row in terms:
            alike.setdefault(weight and weight.order, (weight, []))[1].append(row)
        if list(alike) == [None]:
            return list(terms)  # nothing but a sum
        found: list[tuple[Expression | None, Expression]] = []
        for weight, rows in alike.values():
            if len(rows) > _MANY:
                rows = [self._total([(None, row) for row in rows], None)]
            found += [(weight, row) for row in rows]
        return found


def _summands(node: Value) -> Sequence[Any]:
    """The arguments of a sum that are added as they are: of a dot, the bias alone."""
    return node.args[len(node.args) // 2 * 2 :] if node.op is ops.dot else node.args


def _inside_sums(nodes: Sequence[Value], outputs: Sequence[Any]) -> set[int]:
    """The ids of sums and products that disappear in the one sum that they are a part of."""
    uses = Counter(map(id, chain.from_iterable(node.args for node in nodes)))
    uses.update(map(id, outputs))
    sums = (node for node in nodes if node.op in _SUMS)
    found = set(map(id, chain.from_iterable(map(_summands, sums))))
    found &= {id(node) for node in nodes if node.op in _FLAT}
    return {key for key in found if uses[key] == 1}


def expressions(
    nodes: Sequence[Value], outputs: Sequence[Any], leaves: dict[int, tuple[str, int]]
) -> list[Expression]:
    """The expressions of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and floats.
        leaves: the kind and index of inputs and parameters, by their ids; others are constants.
    """
    builder = Builder()
    inner = _inside_sums(nodes, outputs)
    made: dict[int, Expression] = {}

    def of(x: Any) -> Expression:
        return builder.constant(x) if type(x) is float else made[id(x)]

    def scaled(factor: float, x: Expression) -> tuple[Expression | None, Expression]:
        return (None if factor == 1 else builder.constant(factor)), x

    def product(factor: float, x: Expression, y: Expression) -> tuple[Any, Expression]:
        if x.batched and y.batched:
            return scaled(factor, builder.operation(ops.multiply, (x, y)))
        weight, row = (y, x) if x.batched else (x, y)
        if factor != 1:
            weight = builder.operation(ops.multiply, (builder.constant(factor), weight))
        return weight, row

    def terms(node: Value) -> list[tuple[Expression | None, Expression]]:
        found = []
        todo: list[tuple[float, Any]] = [(1.0, node)]
        while todo:
            factor, x = todo.pop()
            if x is not node and id(x) not in inner:
                found.append(scaled(factor, of(x)))
                continue
            args, op = x.args, x.op
            if op is ops.multiply:
                found.append(product(factor, of(args[0]), of(args[1])))
            elif op is ops.add:
                todo += [(factor, args[1]), (factor, args[0])]
            elif op is ops.dot:
                half = len(args) // 2
                for w, v in zip(args[:half], args[half : 2 * half], strict=True):
                    found.append(product(factor, of(w), of(v)))
                todo += [(factor, bias) for bias in _summands(x)]
            elif op is ops.subtract:
                todo += [(-factor, args[1]), (factor, args[0])]
            elif op is ops.negate:
                todo.append((-factor, args[0]))
            else:
                share = factor / len(args) if op is ops.mean else factor
                todo += [(share, arg) for arg in reversed(args)]
        return found

    for node in nodes:
        if node.op is None:
            kind, index = leaves.get(id(node), ("constant", 0))
            made[id(node)] = (
                builder.constant(node.data)
                if kind == "constant"
                else builder.make(kind, index, number=index)
            )
        elif id(node) not in inner:
            # of a product in a sum the factors are needed, of a sum in a sum its terms
            plain = node.op in _PLAIN and not any(id(arg) in inner for arg in node.args)
            if node.op in _SUMS and not plain:
                made[id(node)] = builder.linear(terms(node))
            else:
                made[id(node)] = builder.operation(node.op, [of(arg) for arg in node.args])
    return [of(out) for out in outputs]
