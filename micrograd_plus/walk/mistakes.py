"""The results of common mistakes, computed from the graph by the table's rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from micrograd_plus import ops
from micrograd_plus._tools.figures import Figure
from micrograd_plus.walk.formula import (
    Derivative,
    Name,
    Term,
    formulas,
    gate,
    operands,
    replaced,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op
    from micrograd_plus.walk.steps import Walk

_OPERANDS = 16  # with more operands, swapped ones are not looked for


class Wrong(NamedTuple):
    """A number that a mistake gives, and the hint that names the mistake."""

    number: float
    hint: str


class Task(NamedTuple):
    """How a number is computed.

    Attributes:
        asked: its name, such as ∂f/∂x.
        rule: its formula, without numbers.
        terms: the numbers that it is the sum of, or whose rounding errors it has; those that are
            not finite do not count.
        wrong: the numbers that mistakes give, the likeliest first; some may be right by chance, or
            not finite.
    """

    asked: str
    rule: str
    terms: list[float]
    wrong: Iterator[Wrong]


class _Edge(NamedTuple):
    """One edge that a gradient flows along, from the value `of` to its argument `by`.

    Attributes:
        above: the upstream gradient, as it is written.
        step: the local derivative, as it is written.
        twin: whether the argument occurs several times in the operation.
        upstream, local: the numbers of both.
        misplaced: the local derivative with the output in the input's place, and the rule for it.
        others: the local derivatives with respect to the other arguments, and their names.
    """

    above: str
    step: str
    of: str
    by: str
    twin: bool
    upstream: float
    local: float
    misplaced: Wrong | None
    others: list[Wrong]

    @property
    def through(self) -> str:
        twin = f" from {self.by}" if self.twin else ""
        return f"through {self.of}{twin}"

    @property
    def flow(self) -> float:
        return self.upstream * self.local

    def mistakes(self) -> dict[str, Wrong]:
        """The number that each mistake gives for the gradient along this edge."""
        local, upstream = _sign(self.local), _sign(self.upstream)
        made = {
            "sign": Wrong(
                -self.flow,
                f"The sign is wrong: {self.step} is {local}, and {self.above} is {upstream}.",
            ),
            "local": Wrong(
                self.local,
                f"That is the local derivative {self.step} only: "
                f"multiply it by the upstream gradient {self.above}.",
            ),
            "upstream": Wrong(
                self.upstream,
                f"That is the upstream gradient {self.above} only: "
                f"multiply it by the local derivative {self.step}.",
            ),
        }
        if self.misplaced:
            slope, rule = self.misplaced
            made["place"] = Wrong(
                self.upstream * slope,
                f"Taken at the wrong place: {self.step} = {rule} has the gate's output {self.of} "
                f"in it, not its input {self.by}.",
            )
        for i, (slope, name) in enumerate(self.others):
            made[f"swapped {i}"] = Wrong(
                self.upstream * slope,
                f"Operands swapped: that is the derivative of {self.of} with respect to {name}, "
                f"not {self.by}.",
            )
        return made


class Reader:
    """Says how each number of a graph is computed, and what mistakes would give instead.

    Args:
        walk: the walk through the graph.
    """

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.names = walk.names
        self.name, self.number, self.derivative = walk.name, walk.number, walk.derivative
        self.slopes, self.equation = cache(self._slopes), cache(self._equation)

    def gradient(self, node: Value, edges: Sequence[tuple[Value, int]]) -> Task:
        """How the gradient of a value is computed.

        Args:
            node: the value.
            edges: each operation that it enters, and where among the arguments.
        """
        asked = write(self.derivative(node))
        if not edges:
            rule = f"{asked}: how {self.text(node)} changes with itself"
            return Task(asked, rule, [], iter([self._value(node)]))
        chain = [self._link(*edge) for edge in edges]
        rule = write(Term(ops.sum, tuple(chain)) if len(chain) > 1 else chain[0])
        where = ", ".join(dict.fromkeys(self.equation(parent) for parent, _ in edges[:3]))
        rule = " = ".join(dict.fromkeys([asked, rule])) + f", where {where}"
        ways = [self._edge(*edge) for edge in edges]
        return Task(asked, rule, [way.flow for way in ways], self._wrong(node, ways))

    def _wrong(self, node: Value, ways: list[_Edge]) -> Iterator[Wrong]:
        total = sum(way.flow for way in ways)
        if len(ways) > 1:
            used = f"{self.text(node)} is used {len(ways)} times, and the gradients add up"
            for way in ways:
                along = f"along one path only, the one {way.through}"
                yield Wrong(way.flow, f"That is what comes {along}: {used} (+=, not =).")
            for way in ways:
                yield Wrong(total - way.flow, f"The path {way.through} is missing: {used}.")
        made = [way.mistakes() for way in ways]
        likewise = " Likewise on the other paths." if len(ways) > 1 else ""
        for kind, (_, hint) in made[0].items():
            if all(kind in way for way in made):
                yield Wrong(sum(way[kind].number for way in made), hint + likewise)
        if likewise:
            for way, mistakes in zip(ways, made, strict=True):
                for number, hint in mistakes.values():
                    wrong = total - way.flow + number
                    yield Wrong(wrong, f"On the path {way.through}: {hint}")
        yield self._value(node)

    def _value(self, node: Value) -> Wrong:
        name = self.text(node)
        return Wrong(self.number(node), f"That is the value of {name}, not the gradient.")

    def value(self, node: Value) -> Task:
        """How the value of an operation is computed."""
        numbers = list(map(self.number, self._operation(node)[1]))
        terms = [slope * x for slope, x in zip(self.slopes(node), numbers, strict=True)]
        return Task(self.text(node), self.equation(node), terms, self._wrong_value(node))

    def _wrong_value(self, node: Value) -> Iterator[Wrong]:
        op, args = self._operation(node)
        numbers = list(map(self.number, args))
        yield Wrong(-self.number(node), "The sign is wrong.")
        if not op.commutative and op.arity == 2:
            swapped = write(Term(op, tuple(map(self.name, reversed(args)))))
            result = self.walk.arithmetic.tried(op, numbers[::-1])
            yield Wrong(result, f"Operands swapped: that is {swapped}.")
        for arg, number in zip(args, numbers, strict=True):
            through = f"it has yet to go through the gate {gate(op, args)}"
            yield Wrong(number, f"That is {self.text(arg)}: {through}.")

    def _edge(self, node: Value, position: int) -> _Edge:
        slopes = self.slopes(node)
        few = slopes if len(slopes) <= _OPERANDS else []
        others = [Wrong(x, self.operand(node, i)) for i, x in enumerate(few) if i != position]
        return _Edge(
            above=write(self.derivative(node)),
            step=write(self._step(node, position)),
            of=self.text(node),
            by=self.operand(node, position),
            twin=operands(self._operation(node)[1])[position] > 0,
            upstream=self.walk.grad[node],
            local=slopes[position],
            misplaced=self._misplaced(node),
            others=others,
        )

    def _slopes(self, node: Value) -> list[float]:
        """The local derivatives with respect to all arguments, constants too; nan for none."""
        (op, args), out = self._operation(node), self.number(node)
        return self.walk.arithmetic.every_slope(op, args, list(map(self.number, args)), out)

    def _misplaced(self, node: Value) -> Wrong | None:
        """The derivative of a unary operation if its input is used in place of its output.

        The printed rule is changed, σ(x) · (1 − σ(x)) into x · (1 − x), as that is what a reader
        would compute, however the table computes it.
        """
        op, (arg, *others) = self._operation(node)
        if others:
            return None
        name, out = self.name(arg), Term(op, (self.name(arg),))
        (rule,) = op.local_derivatives(formulas, out, (name,), (True,))
        changed = replaced(rule, out, name)
        number = self._computed(changed, self.number(arg))
        return None if changed == rule else Wrong(number, write(rule))

    def _computed(self, formula: Any, x: float) -> float:
        """The number of a formula in one variable; nan where it is undefined."""
        if isinstance(formula, Name):
            return x
        if isinstance(formula, Term):
            numbers = [self._computed(arg, x) for arg in formula.args]
            return self.walk.arithmetic.tried(formula.op, numbers)
        return float(formula)

    def _step(self, node: Value, position: int) -> Derivative:
        args = self._operation(node)[1]
        return Derivative(self.names[node], self.names[args[position]], operands(args)[position])

    def _link(self, parent: Value, position: int) -> Any:
        step = self._step(parent, position)
        if parent is self.walk.root:
            return step
        return Term(ops.multiply, (self.derivative(parent), step))

    def _equation(self, node: Value) -> str:
        op, args = self._operation(node)
        return f"{self.text(node)} = {write(Term(op, tuple(map(self.name, args))))}"

    def _operation(self, node: Value) -> tuple[Op, tuple[Any, ...]]:
        """The operation and the arguments of a value that is known to have them."""
        return cast("tuple[Op, tuple[Any, ...]]", self.walk.gates[node])

    def text(self, arg: Any) -> str:
        """An argument as text."""
        return write(self.name(arg))

    def operand(self, node: Value, position: int) -> str:
        """An argument as text, numbered if the same value occurs several times."""
        args = self._operation(node)[1]
        name, place = self.name(args[position]), operands(args)[position]
        return write(name._replace(operand=place) if place else name)


def _sign(x: float) -> str:
    if isinstance(x, Figure):
        return x.written("sign")
    return "negative" if x < 0 else "positive"
