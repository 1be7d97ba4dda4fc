"""The ordered steps of one forward and one backward pass, each in a sentence with its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, overload

from micrograd_plus import ops
from micrograd_plus._tools import figures
from micrograd_plus._tools.names import parsed
from micrograd_plus._tools.numbers import checked_digits
from micrograd_plus.graph import order, real
from micrograd_plus.walk.arithmetic import FLOATS
from micrograd_plus.walk.formula import (
    Calling,
    Derivative,
    Name,
    Remark,
    Term,
    notations,
    operands,
    ordinal,
)
from micrograd_plus.walk.gates import gates
from micrograd_plus.walk.sentences import (
    CHAIN,
    MEANING,
    NUMBERS,
    RULE,
    Equation,
    Sentence,
    listed,
    plus,
    sentence,
    times,
    total,
)
from micrograd_plus.walk.sentences import names as names_in

if TYPE_CHECKING:
    from micrograd_plus._tools.names import Label
    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op
    from micrograd_plus.walk.arithmetic import Arithmetic

Phase = Literal["given", "forward", "backward"]


class Change(NamedTuple):
    """A number that a step puts on a wire.

    Attributes:
        node: the value.
        slot: "data" for its number, "grad" for its gradient.
        number: the number.

    >>> from micrograd_plus import Value
    >>> Walk(Value(2.0) * 3)[1].changes
    (Change(node=Value(data=6.0, grad=0.0), slot='data', number=6.0),)
    """

    node: Value
    slot: Literal["data", "grad"]
    number: float


class Shown(NamedTuple):
    """The numbers on a wire at some step; None if not computed yet.

    Attributes:
        data: the value's number.
        grad: its gradient.

    >>> from micrograd_plus import Value
    >>> f = Value(2.0) * 3
    >>> Walk(f)[1].visible[f]
    Shown(data=6.0, grad=None)
    """

    data: float | None = None
    grad: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a walkthrough.

    Attributes:
        phase: "given" for the leaves' numbers, then "forward", then "backward".
        node: the value whose number or gradient the step computes; None for the leaves' numbers.
        edge: in the backward pass, the value that the gradient comes from and the position of
            `node` among its arguments; None for the output, where the pass begins.
        upstream: along an edge, the gradient that comes from above; None elsewhere.
        local: along an edge, the local derivative, which it is multiplied by; None elsewhere.
        text: the sentence, as plain text.
        changes: the numbers that appear at this step.

    >>> from micrograd_plus import Value
    >>> step = Walk(Value(2.0, "x") * 3)[-1]
    >>> step.phase, step.text
    ('backward', '∂f/∂x = 3')
    >>> step.upstream, step.local
    (1.0, 3.0)
    """

    phase: Phase
    node: Value | None
    edge: tuple[Value, int] | None
    upstream: float | None
    local: float | None
    text: str
    changes: tuple[Change, ...]
    _history: Sequence[Step] = field(repr=False, compare=False)
    _latex: Sequence[Sequence[str]] = field(repr=False, compare=False)

    @property
    def latex(self) -> str:
        """The sentence, as LaTeX for math mode."""
        return ", ".join(map(" = ".join, self._latex))

    @property
    def visible(self) -> dict[Value, Shown]:
        """The numbers on the wires after this step, for each value that has one by then."""
        seen: dict[Value, Shown] = {}
        for step in self._history:
            for node, slot, number in step.changes:
                seen[node] = seen.get(node, Shown())._replace(**{slot: number})
            if step is self:
                break
        return seen


def names(nodes: Sequence[Value]) -> dict[Value, str]:
    """A name for each node: its label, or else f for the last one and v_1, v_2, … for others.

    Where labels are the same, later ones get primes.

    Args:
        nodes: a graph's, the output being the last.

    >>> from micrograd_plus import Value
    >>> x = Value(2.0, "x")
    >>> y = x * 3
    >>> [*names([x, y, y + 1]).values()]
    ['x', 'v_1', 'f']
    """
    labels = [node.label for node in nodes]
    if "f" not in labels:
        labels[-1] = labels[-1] or "f"
    taken = {*map(parsed, labels)}
    fresh = (name for i in count(1) if parsed(name := f"v_{i}") not in taken)
    named: dict[Value, str] = {}
    used: set[Label] = set()
    twins: Counter[str] = Counter()
    for node, label in zip(nodes, labels, strict=True):
        name = label or next(fresh)
        while parsed(name) in used:
            twins[label] += 1
            name = label + ("′" * twins[label] if twins[label] < 4 else f"′{twins[label]}")
        used.add(parsed(name))
        named[node] = name
    return named


class Walk(Sequence[Step]):
    """The steps of a forward pass to `root` and a backward pass from it, in the lecture's order.

    Values go forward from the leaves; gradients go backward from the root, and through each
    operation from its last argument to its first. Everything is computed afresh from the leaves'
    data, by the rules that the engine uses; no value and no gradient of the graph is changed.

    Args:
        root: the value whose graph to walk.
        sigma: whether 1 / (1 + exp(−x)) is walked as one σ gate.
        detail: "operations", or "gates" to walk dot products as × and +.
        digits: the significant digits of numbers in sentences, 1 to 17.
        arithmetic: computes the numbers.

    Attributes:
        root, sigma, detail, digits, arithmetic: the same.
        gates: the values shown, in order, with their operations and arguments (see `gates`).
        leaves: those without an operation, in order.
        names: their names.
        data: their numbers.
        grad: their gradients.
        shares: what comes along each of several edges to a value: the edge, as in `Step`, and the
            number.

    Raises:
        NonFiniteError: a value or a gradient is not a finite number.
        ValueError: there is no such detail, or `digits` is not in that range.

    Source: lecture A.

    >>> from micrograd_plus import Value
    >>> x, y, z = Value(1, "x"), Value(-3, "y"), Value(4, "z")
    >>> d = x + y
    >>> d.label = "d"
    >>> walk = Walk(d * z)
    >>> for step in walk:
    ...     print(step.text)
    x = 1, y = −3, z = 4
    d = x + y = 1 + (−3) = −2
    f = d · z = −2 · 4 = −8
    ∂f/∂f = 1
    ∂f/∂z = d = −2
    ∂f/∂d = z = 4
    ∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4
    ∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4
    >>> walk.names[walk.root], walk.grad[d]
    ('f', 4.0)
    """

    def __init__(
        self,
        root: Value,
        sigma: bool = False,
        detail: str = "operations",
        digits: int = 4,
        arithmetic: Arithmetic = FLOATS,
    ) -> None:
        self.root = root
        self.digits = checked_digits(digits)
        self._notations = notations(digits)
        self.sigma = sigma
        self.detail = detail
        self.arithmetic = arithmetic
        self.gates = gates(order(root), sigma, detail)
        self.leaves = [node for node, (op, _) in self.gates.items() if op is None]
        self.names = names(list(self.gates))
        self.data: dict[Value, float] = {}
        self.grad: dict[Value, float] = {}
        self._steps: list[Step] = []
        self._given()
        for node, (op, args) in self.gates.items():
            if op is not None:
                self._forward(node, op, args)
        self._seed()
        self.shares: dict[tuple[Value, int], float] = {}
        self._labels = {*map(parsed, self.names.values())}
        self._called: dict[Any, Name] = {}
        self._size: dict[Value, float] = {}
        self._by_name: dict[Value, list[Any]] = {}  # of each value, what comes along its paths
        self._paths: Counter[Value] = Counter()
        self._users: Counter[Value] = Counter()
        for _, args in self.gates.values():
            values = [arg for arg in args if type(arg) is not float]
            self._paths.update(values)
            self._users.update({*values})
        for node, (op, args) in reversed(self.gates.items()):
            if op is not None:
                self._backward(node, op, args)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        return self._steps[index]

    def __len__(self) -> int:
        return len(self._steps)

    def name(self, arg: Any) -> Any:
        """A value, or a constant, as a formula.

        Args:
            arg: the value, or the constant.
        """
        return arg if type(arg) is float else Name(self.names[arg])

    def number(self, arg: Any) -> float:
        """The number of a value, or a constant itself.

        Args:
            arg: the value, or the constant.
        """
        return arg if type(arg) is float else self.data[arg]

    def derivative(self, by: Value) -> Derivative:
        """The gradient of a value, as a formula.

        Args:
            by: the value.
        """
        return Derivative(self.names[self.root], self.names[by])

    def numbers(self, node: Value) -> Shown:
        """The numbers on the wire of a value in the end.

        Args:
            node: the value.
        """
        return Shown(self.data[node], self.grad[node])

    def other(self) -> Walk | None:
        """The same walk with its σ gates opened, or with σ gates; None if there are none."""
        other = Walk(self.root, not self.sigma, self.detail, self.digits)
        return None if len(other.gates) == len(self.gates) else other

    def latex(self) -> str:
        """The steps as LaTeX: an environment of the package amsmath, align, one line per step.

        It compiles with any LaTeX. Characters that pdfLaTeX does not know appear there as their
        codes, such as U+6F22, and as themselves with XeLaTeX and LuaLaTeX.

        >>> from micrograd_plus import values
        >>> x, y = values(x=2, y=3)
        >>> print(Walk(x * y).latex())
        \\begin{align}
        x &= 2,\\quad y = 3 \\\\
        f &= x \\cdot y = 2 \\cdot 3 = 6 \\\\
        \\frac{\\partial f}{\\partial f} &= 1 \\\\
        \\frac{\\partial f}{\\partial y} &= x = 2 \\\\
        \\frac{\\partial f}{\\partial x} &= y = 3
        \\end{align}
        """
        lines = []
        for step in self:
            first, *others = step._latex
            left, *right = first
            aligned = f"{left} &= {' = '.join(right)}" if right else left
            lines.append(r",\quad ".join([aligned, *map(" = ".join, others)]))
        return "\\begin{align}\n" + " \\\\\n".join(lines) + "\n\\end{align}"

    def _given(self) -> None:
        for leaf in self.leaves:
            name = self.names[leaf]
            self.data[leaf] = self.arithmetic.given(real(leaf.data, f"the data of {name}"), name)
        equations = [Equation(self.name(leaf), [(self.data[leaf], 0)]) for leaf in self.leaves]
        changes = tuple(Change(leaf, "data", self.data[leaf]) for leaf in self.leaves)
        self._say("given", None, listed(equations, self._notations), changes)

    def _forward(self, node: Value, op: Op, args: tuple[Any, ...]) -> None:
        numbers = list(map(self.number, args))
        result = self.data[node] = self.arithmetic.value(self.names[node], op, args, numbers)
        formula = Term(op, tuple(map(self.name, args)))
        parts = [(formula, RULE), (Term(op, tuple(numbers)), NUMBERS), (result, 0)]
        told = self._told([Equation(self.name(node), parts)])
        self._say("forward", node, told, (Change(node, "data", result),))

    def _seed(self) -> None:
        self.grad[self.root] = 1.0
        told = self._told([Equation(self.derivative(self.root), [(1.0, 0)])])
        self._say("backward", self.root, told, (Change(self.root, "grad", 1.0),))

    def _backward(self, node: Value, op: Op, args: tuple[Any, ...]) -> None:
        numbers = list(map(self.number, args))
        wanted = [type(arg) is not float for arg in args]
        local = self.arithmetic.slopes(op, args, numbers, self.data[node])
        m = Calling([*map(self.name, args)], self._labels, self._called)
        rules = self._rules(m, node, wanted)
        places, above = operands(args), self._known(node)
        for position in reversed(range(len(args))):
            if wanted[position]:
                edge = _Edge(
                    node,
                    position,
                    Derivative(self.names[node], self.names[args[position]], places[position]),
                    above,
                    rules[position],
                    self.grad[node],
                    local[position],
                )
                arg = args[position]
                added = edge.flow + self.grad[arg] if arg in self.grad else edge.flow
                self.arithmetic.gradient(added, self.names[node], op, args, numbers)
                self._along(edge, m)
        self._labels |= {parsed(name.label) for name in m.meanings}
        self._called |= {meaning: name for name, meaning in m.meanings.items()}

    def _rules(self, m: Calling, node: Value, wanted: Sequence[bool]) -> Sequence[Any]:
        """The local derivatives as a reader would write them; None where words say it."""
        op, args = cast("tuple[Op, tuple[Any, ...]]", self.gates[node])
        named = tuple(map(self.name, args))
        if op.chooses:
            return [None] * len(args)
        if op.named:
            found: Sequence[Any] = op.named(m, self.name(node), *named)
            return found
        return op.local_derivatives(m, Term(op, named), named, wanted)

    def _along(self, edge: _Edge, m: Calling) -> None:
        """The chain rule along one edge, added to the gradient from earlier edges to the value."""
        op, args = cast("tuple[Op, tuple[Any, ...]]", self.gates[edge.node])
        arg = args[edge.position]
        share = times(edge.above, edge.step if edge.rule is None else edge.rule)
        left, parts = self.derivative(arg), self._shares(edge, share)
        before, flow = self.grad.get(arg), edge.flow
        if self._paths[arg] == 1:
            equations = [Equation(left, parts)]
        else:
            self.shares[edge.node, edge.position] = flow
            equations = [Equation(Remark(left, self._which(edge, arg)), parts)]
        self._by_name.setdefault(arg, []).append(share)
        complete = len(self._by_name[arg]) == self._paths[arg]
        size = self.arithmetic.tried(ops.abs, [flow])
        if before is not None:
            size = self._size[arg] + size
            added = self.arithmetic.summed(before + flow, size)
            equations.append(self._sum(arg, before, flow, added, complete))
            flow = added
        self._size[arg] = size
        if op.chooses:
            equations.append(Equation(Remark(None, (figures.choice(edge.local, op.chooses),))))
        for name in dict.fromkeys(names_in(share, Name)):
            if name in m.meanings:
                equations.append(Equation(name, [(m.meanings[name], MEANING)]))
        self.grad[arg] = flow
        change = Change(arg, "grad", flow)
        self._say("backward", arg, self._told(equations), (change,), edge)

    def _known(self, node: Value) -> Any:
        """The gradient of a value in names: a number if it is one for any numbers in the graph."""
        if node is self.root:
            return 1.0
        found = total(self._by_name[node])
        return found if isinstance(found, float) else self.derivative(node)

    def _shares(self, edge: _Edge, share: Any) -> list[tuple[Any, int]]:
        """What flows along an edge, in names and in numbers."""
        if edge.node is self.root:
            return [(edge.local, 0)] if edge.rule is None else [(edge.rule, RULE), (edge.local, 0)]
        above = self.derivative(edge.node)
        numbers = Term(ops.multiply, (edge.upstream, edge.local))
        last = [(numbers, NUMBERS), (edge.flow, 0)]
        if not isinstance(edge.rule, float | None):
            last.insert(0, (share, RULE))
        if edge.step.operand:
            return last
        return [(Term(ops.multiply, (above, edge.step)), CHAIN), *last]

    def _which(self, edge: _Edge, arg: Value) -> tuple[str | Name, ...]:
        """What tells the path that an edge is on from the others to the same value."""
        place = edge.step.operand
        return (
            *(("through", Name(self.names[edge.node])) if self._users[arg] > 1 else ()),
            *((f"({ordinal(place)} operand)",) if place else ()),
        )

    def _sum(
        self, arg: Value, before: float, flow: float, added: float, complete: bool
    ) -> Equation:
        """The sum over the paths so far, or over all of them."""
        left = self.derivative(arg)
        numbers = Term(ops.add, (before, flow))
        if not complete:
            return Equation(Remark(left, ("so far",)), [(numbers, NUMBERS), (added, 0)])
        shares = self._by_name[arg]
        in_names = total(shares)
        if in_names is None or isinstance(in_names, float):
            return Equation(left, [(numbers, NUMBERS), (added, 0)])
        if len(shares) == 2 and isinstance(shares[0], float):
            numbers = plus(flow, shares[0])
        return Equation(left, [(in_names, RULE), (numbers, NUMBERS), (added, 0)])

    def _told(self, equations: Sequence[Equation]) -> Sentence:
        return sentence(equations, self._notations)

    def _say(
        self,
        phase: Phase,
        node: Value | None,
        told: Sentence,
        changes: tuple[Change, ...],
        edge: _Edge | None = None,
    ) -> None:
        way, upstream, local = (
            ((edge.node, edge.position), edge.upstream, edge.local) if edge else (None, None, None)
        )
        step = Step(phase, node, way, upstream, local, told.text, changes, self._steps, told.latex)
        self._steps.append(step)


class _Edge(NamedTuple):
    """One edge that a gradient flows along.

    Attributes:
        node: the value that it comes from.
        position: which argument of the value it goes to.
        step: the local derivative, as it is written.
        above: the gradient that comes from above, as it is written; a number where it is one.
        rule: the local derivative's formula; a number where it is one, None where words say it.
        upstream: the number of the gradient.
        local: the number of the local derivative.
    """

    node: Value
    position: int
    step: Derivative
    above: Any
    rule: Any
    upstream: float
    local: float

    @property
    def flow(self) -> float:
        return self.upstream * self.local
