"""The ordered steps of one forward and one backward pass, each in a sentence with its numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.graph import evaluate, infinite_gradient, local_derivatives, real
from micrograd_plus.walk.formula import (
    LATEX,
    TEXT,
    Derivative,
    Name,
    Notation,
    Term,
    formulas,
    operands,
    write,
)
from micrograd_plus.walk.sigma import made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

Phase = Literal["given", "forward", "backward"]


class Change(NamedTuple):
    """A number that a step puts on a wire.

    Attributes:
        node: the value.
        slot: "data" for its number, "grad" for its gradient.
        number: the number.

    >>> from micrograd_plus import Value
    >>> steps(Value(2.0) * 3)[1].changes
    (Change(node=Value(data=6.0, grad=0.0), slot='data', number=6.0),)
    """

    node: Value
    slot: Literal["data", "grad"]
    number: float


class Shown(NamedTuple):
    """What a wire carries at some step, None where nothing yet.

    Attributes:
        data: the value's number.
        grad: its gradient.

    >>> from micrograd_plus import Value
    >>> f = Value(2.0) * 3
    >>> steps(f)[1].visible[f]
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
        edge: going backward, the value that the gradient comes from and the position of `node`
            among its arguments; None where it comes from nowhere.
        text: the sentence, as plain text.
        latex: the sentence, as LaTeX for mathematics mode.
        changes: the numbers that appear at this step.

    >>> from micrograd_plus import Value
    >>> step = steps(Value(2.0, "x") * 3)[-1]
    >>> step.phase, step.text
    ('backward', '∂f/∂x = 3')
    """

    phase: Phase
    node: Value | None
    edge: tuple[Value, int] | None
    text: str
    latex: str
    changes: tuple[Change, ...]
    _history: Sequence[Step] = field(repr=False, compare=False)
    _equations: Sequence[Sequence[Any]] = field(repr=False, compare=False)

    @property
    def visible(self) -> dict[Value, Shown]:
        """All that can be seen after this step, for each value that has a number by then."""
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
    taken = {*labels}
    fresh = (name for i in count(1) if (name := f"v_{i}") not in taken)
    named: dict[Value, str] = {}
    used: set[str] = set()
    twins: Counter[str] = Counter()
    for node, label in zip(nodes, labels, strict=True):
        name = label or next(fresh)
        while name in used:
            twins[label] += 1
            name = label + ("′" * twins[label] if twins[label] < 4 else f"′{twins[label]}")
        used.add(name)
        named[node] = name
    return named


def steps(root: Value, fold: bool = False) -> list[Step]:
    """The steps of a forward pass to `root` and a backward pass from it, in the lecture's order.

    Values go forward from the leaves; gradients go backward from the root, and through each
    operation from its last argument to its first. Everything is computed afresh from the leaves'
    data, by the rules that the engine uses; no value and no gradient of the graph is changed.

    Args:
        root: the value whose graph to walk.
        fold: whether 1 / (1 + exp(−x)) is walked as one σ gate.

    Raises:
        NonFiniteError: a value or a gradient is not a finite number.

    Source: lecture A.

    >>> from micrograd_plus import Value
    >>> x, y, z = Value(1, "x"), Value(-3, "y"), Value(4, "z")
    >>> d = x + y
    >>> d.label = "d"
    >>> for step in steps(d * z):
    ...     print(step.text)
    x = 1, y = −3, z = 4
    d = x + y = 1 + (−3) = −2
    f = d · z = −2 · 4 = −8
    ∂f/∂f = 1
    ∂f/∂z = d = −2
    ∂f/∂d = z = 4
    ∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4
    ∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4
    """
    return _Walk(root, fold).steps


class _Walk:
    """The walk while it is being made."""

    def __init__(self, root: Value, fold: bool) -> None:
        self.root = root
        self.made = made(root, fold)
        self.nodes = list(self.made)
        self.names = names(self.nodes)
        self.data: dict[Value, float] = {}
        self.grad: dict[Value, float] = {}
        self.steps: list[Step] = []
        self.given()
        for node, (op, args) in self.made.items():
            if op is not None:
                self.forward(node, op, args)
        self.seed()
        every = (arg for _, args in self.made.values() for arg in args)
        self.paths = Counter(arg for arg in every if type(arg) is not float)
        self.walked: Counter[Value] = Counter()
        for node, (op, args) in reversed(self.made.items()):
            if op is not None:
                self.backward(node, op, args)

    def given(self) -> None:
        leaves = [node for node in self.nodes if node.op is None]
        for leaf in leaves:
            number = self.data[leaf] = real(leaf.data, f"the data of {self.names[leaf]}")
            if not isfinite(number):
                raise NonFiniteError(f"{self.names[leaf]} = {number} is not finite")
        equations = [[self.name(leaf), self.data[leaf]] for leaf in leaves]
        changes = tuple(Change(leaf, "data", self.data[leaf]) for leaf in leaves)
        self.say("given", None, None, equations, changes)

    def forward(self, node: Value, op: Op, args: tuple[Any, ...]) -> None:
        numbers = self.numbers(args)
        result = self.data[node] = evaluate(op, args, numbers, self.names[node])
        formula = Term(op, tuple(map(self.name, args)))
        equation = [self.name(node), formula, Term(op, tuple(numbers)), result]
        self.say("forward", node, None, [equation], (Change(node, "data", result),))

    def seed(self) -> None:
        self.grad[self.root] = 1.0
        equation = [self.derivative(self.root), 1.0]
        change = Change(self.root, "grad", 1.0)
        self.say("backward", self.root, None, [equation], (change,))

    def backward(self, node: Value, op: Op, args: tuple[Any, ...]) -> None:
        numbers = self.numbers(args)
        named = tuple(map(self.name, args))
        wanted = [type(arg) is not float for arg in args]
        local = local_derivatives(op, args, numbers, self.data[node])
        rules = op.local_derivatives(formulas, Term(op, named), named, wanted)
        places = operands(args)
        for position in reversed(range(len(args))):
            if wanted[position]:
                flow = self.grad[node] * local[position]
                if not isfinite(flow + self.grad.get(args[position], 0.0)):
                    raise infinite_gradient(op, args, numbers)
                self.along(node, position, places[position], rules[position], local[position])

    def along(self, node: Value, position: int, place: int, rule: Any, local: float) -> None:
        """One edge, backward: the chain rule, and the sum of the paths that meet at its end."""
        arg = self.made[node][1][position]
        upstream = self.grad[node]
        flow = upstream * local
        if node is self.root:
            parts = [rule, local]
        else:
            above = self.derivative(node)
            by_name = Derivative(self.names[node], self.names[arg], place)
            parts = [Term(ops.multiply, (above, by_name))]
            if not isinstance(rule, float):
                parts.append(Term(ops.multiply, (above, rule)))
            parts += [Term(ops.multiply, (upstream, local)), flow]

        if self.walked[arg]:
            parts = [Term(ops.add, (self.grad[arg], part)) for part in parts]
            flow += self.grad[arg]
            parts.append(flow)
        self.walked[arg] += 1
        if self.walked[arg] < self.paths[arg]:
            parts = [Term(ops.add, (part, Name("…"))) for part in parts]
        self.grad[arg] = flow
        equation = [self.derivative(arg), *parts]
        self.say("backward", arg, (node, position), [equation], (Change(arg, "grad", flow),))

    def numbers(self, args: tuple[Any, ...]) -> list[float]:
        return [arg if type(arg) is float else self.data[arg] for arg in args]

    def name(self, arg: Any) -> Any:
        return arg if type(arg) is float else Name(self.names[arg])

    def derivative(self, by: Value) -> Derivative:
        return Derivative(self.names[self.root], self.names[by])

    def say(
        self,
        phase: Phase,
        node: Value | None,
        edge: tuple[Value, int] | None,
        equations: list[list[Any]],
        changes: tuple[Change, ...],
    ) -> None:
        text, latex = (_sentence(equations, notation) for notation in (TEXT, LATEX))
        self.steps.append(Step(phase, node, edge, text, latex, changes, self.steps, equations))


def _sentence(equations: Sequence[Sequence[Any]], notation: Notation) -> str:
    return ", ".join(" = ".join(_chain(equation, notation)) for equation in equations)


def _chain(equation: Sequence[Any], notation: Notation) -> list[str]:
    """Formulas that are equal, each written once."""
    return [*dict.fromkeys(write(part, notation) for part in equation)]


def align(steps: Sequence[Step]) -> str:
    """The steps as LaTeX: an `align` environment, one line per step, aligned at its first =.

    Args:
        steps: as `steps` gives them.

    >>> from micrograd_plus import Value
    >>> print(align(steps(Value(2.0, "x") * 3)))
    \\begin{align}
    x &= 2 \\\\
    f &= x \\cdot 3 = 2 \\cdot 3 = 6 \\\\
    \\frac{\\partial f}{\\partial f} &= 1 \\\\
    \\frac{\\partial f}{\\partial x} &= 3
    \\end{align}
    """
    lines = []
    for step in steps:
        first, *others = (_chain(equation, LATEX) for equation in step._equations)
        left, *right = first
        aligned = f"{left} &= {' = '.join(right)}" if right else left
        lines.append(r",\quad ".join([aligned, *map(" = ".join, others)]))
    return "\\begin{align}\n" + " \\\\\n".join(lines) + "\n\\end{align}"
