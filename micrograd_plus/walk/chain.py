"""The chain rule along each edge of a graph, in names and in numbers, and the sums of its paths."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from micrograd_plus import ops
from micrograd_plus._tools import figures
from micrograd_plus._tools.names import parsed
from micrograd_plus.walk.formula import Calling, Derivative, Name, Remark, Term, operands, ordinal
from micrograd_plus.walk.sentences import (
    CHAIN,
    MEANING,
    NUMBERS,
    RULE,
    Equation,
    names,
    plus,
    times,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op
    from micrograd_plus.walk.steps import Walk


class Edge(NamedTuple):
    """One edge that a gradient flows along.

    Attributes:
        node: the value that it comes from.
        position: which of its arguments it goes to.
        to: that argument.
        step: the local derivative, as it is written.
        above: the gradient that comes from above, as it is written; a number where it is one.
        rule: the local derivative's formula; a number where it is one, None where words say it.
        meanings: the formulas of the names in the rule.
        upstream: the number of the gradient.
        local: the number of the local derivative.
    """

    node: Value
    position: int
    to: Value
    step: Derivative
    above: Any
    rule: Any
    meanings: dict[Name, Any]
    upstream: float
    local: float

    @property
    def flow(self) -> float:
        """What comes along it."""
        return self.upstream * self.local


class Chain:
    """The chain rule through the graph of a walk whose values are known.

    Args:
        walk: the walk; its gradients are read as far as they are known.

    Attributes:
        shares: what came along each of several edges to a value: the value that it comes from and
            the position of the argument, and the number.
    """

    def __init__(self, walk: Walk) -> None:
        self.shares: dict[tuple[Value, int], float] = {}
        self._walk = walk
        self._taken = {*map(parsed, walk.names.values())}
        self._called: dict[Any, Name] = {}  # formulas that have a name
        self._sizes: dict[Value, float] = {}  # sums of absolute values
        self._in_names: dict[Value, list[Any]] = {}  # what came along the edges to each value
        self._edges: Counter[Value] = Counter()
        self._users: Counter[Value] = Counter()
        for _, args in walk.gates.values():
            values = [arg for arg in args if type(arg) is not float]
            self._edges.update(values)
            self._users.update({*values})

    def edges(self, node: Value) -> Iterator[Edge]:
        """The edges from a value whose gradient is known to its arguments, the last one first.

        Args:
            node: the value.

        Raises:
            NonFiniteError: a gradient is not a finite number.
        """
        walk, (op, args) = self._walk, self._gate(node)
        numbers = list(map(walk.number, args))
        local = walk.arithmetic.slopes(op, args, numbers, walk.data[node])
        m = Calling([*map(walk.name, args)], self._taken, self._called)
        rules, places, above = self._rules(node, m), operands(args), self._above(node)
        for position in reversed(range(len(args))):
            arg = args[position]
            if type(arg) is float:
                continue
            step = Derivative(walk.names[node], walk.names[arg], places[position])
            factors = walk.grad[node], local[position]
            edge = Edge(node, position, arg, step, above, rules[position], m.meanings, *factors)
            added = edge.flow + walk.grad[arg] if arg in walk.grad else edge.flow
            walk.arithmetic.gradient(added, walk.names[node], op, args, numbers)
            yield edge
        self._taken |= {parsed(name.label) for name in m.meanings}
        self._called |= {meaning: name for name, meaning in m.meanings.items()}

    def along(self, edge: Edge) -> tuple[list[Equation], float]:
        """What is said of an edge, and the gradient so far of the value that it goes to.

        Args:
            edge: the edge.
        """
        arg, gradient = edge.to, edge.flow
        share = times(edge.above, edge.step if edge.rule is None else edge.rule)
        self._in_names.setdefault(arg, []).append(share)
        left: Any = self._walk.derivative(arg)
        size = self._walk.arithmetic.tried(ops.abs, [gradient])
        if self._edges[arg] > 1:
            self.shares[edge.node, edge.position] = gradient
            left = Remark(left, self._which(edge))
        equations = [Equation(left, self._parts(edge, share))]
        if arg in self._walk.grad:
            size = self._sizes[arg] + size
            gradient = self._walk.arithmetic.summed(self._walk.grad[arg] + gradient, size)
            equations.append(self._sum(edge, gradient))
        self._sizes[arg] = size
        if choice := self._gate(edge.node)[0].chooses:
            equations.append(Equation(Remark(None, (figures.choice(edge.local, choice),))))
        for name in dict.fromkeys(names(share, Name)):
            if name in edge.meanings:
                equations.append(Equation(name, [(edge.meanings[name], MEANING)]))
        return equations, gradient

    def _gate(self, node: Value) -> tuple[Op, tuple[Any, ...]]:
        return cast("tuple[Op, tuple[Any, ...]]", self._walk.gates[node])

    def _rules(self, node: Value, m: Calling) -> Sequence[Any]:
        """The local derivatives as a reader would write them; None where words say it."""
        op, args = self._gate(node)
        named = tuple(map(self._walk.name, args))
        if op.chooses:
            return [None] * len(args)
        if op.named:
            found: Sequence[Any] = op.named(m, self._walk.name(node), *named)
            return found
        wanted = [type(arg) is not float for arg in args]
        return op.local_derivatives(m, Term(op, named), named, wanted)

    def _above(self, node: Value) -> Any:
        """The gradient of a value in names: a number if it is one for any numbers in the graph."""
        if node is self._walk.root:
            return 1.0
        found = total(self._in_names[node])
        return found if isinstance(found, float) else self._walk.derivative(node)

    def _parts(self, edge: Edge, share: Any) -> list[tuple[Any, int]]:
        """What comes along an edge, in names and in numbers."""
        if edge.node is self._walk.root:
            return [(edge.local, 0)] if edge.rule is None else [(edge.rule, RULE), (edge.local, 0)]
        numbers = Term(ops.multiply, (edge.upstream, edge.local))
        parts = [(numbers, NUMBERS), (edge.flow, 0)]
        if not isinstance(edge.rule, float | None):
            parts.insert(0, (share, RULE))
        if not edge.step.operand:
            above = self._walk.derivative(edge.node)
            parts.insert(0, (Term(ops.multiply, (above, edge.step)), CHAIN))
        return parts

    def _which(self, edge: Edge) -> tuple[str | Name, ...]:
        """What tells an edge from the others to the same value."""
        through = ("through", self._walk.name(edge.node)) if self._users[edge.to] > 1 else ()
        place = edge.step.operand
        return (*through, f"({ordinal(place)} operand)") if place else through

    def _sum(self, edge: Edge, gradient: float) -> Equation:
        """The sum over the edges so far, or over all of them."""
        left, shares = self._walk.derivative(edge.to), self._in_names[edge.to]
        numbers = Term(ops.add, (self._walk.grad[edge.to], edge.flow))
        if len(shares) < self._edges[edge.to]:
            return Equation(Remark(left, ("so far",)), [(numbers, NUMBERS), (gradient, 0)])
        in_names = total(shares)
        if in_names is None or isinstance(in_names, float):
            return Equation(left, [(numbers, NUMBERS), (gradient, 0)])
        if len(shares) == 2 and isinstance(shares[0], float):
            numbers = plus(edge.flow, shares[0])  # a constant comes last in names, too
        return Equation(left, [(in_names, RULE), (numbers, NUMBERS), (gradient, 0)])
