"""The ordered steps of one forward and one backward pass, each in a sentence with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from micrograd_plus._tools.numbers import checked_digits
from micrograd_plus.graph import order, real
from micrograd_plus.graph.hooks import recorded_lines
from micrograd_plus.walk.arithmetic import FLOATS
from micrograd_plus.walk.chain import Chain, Edge
from micrograd_plus.walk.formula import Derivative, Name, Term, notations
from micrograd_plus.walk.gates import gates
from micrograd_plus.walk.naming import names
from micrograd_plus.walk.sentences import NUMBERS, RULE, Equation, Sentence, listed, sentence

if TYPE_CHECKING:
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


_GIVEN = 6  # the leaves' numbers on a line of LaTeX


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


class Walk(Sequence[Step]):
    """The steps of a forward pass to `root` and a backward pass from it, in the lecture's order.

    Values go forward from the leaves; gradients go backward from the root, and through each
    operation from its last argument to its first. Everything is computed afresh from the leaves'
    data, by the rules that the engine uses; no value and no gradient of the graph is changed.

    Args:
        root: the value whose graph to walk.
        sigma: whether 1 / (1 + exp(−x)) is walked as one σ gate.
        detail: "operations", or "gates" to walk dot products as × and +.
        digits: the significant digits of numbers in sentences, 1 to 17; by default 4.
        arithmetic: computes the numbers.
        lines: the line of source that made each value, as far as it is known; by default those
            that debug mode has recorded.

    Attributes:
        root, sigma, detail, digits, arithmetic, lines: the same.
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

    Source: lecture A, see help(micrograd_plus).

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
        digits: int | None = None,
        arithmetic: Arithmetic = FLOATS,
        lines: Mapping[Value, str] | None = None,
    ) -> None:
        self.root = root
        self.digits = checked_digits(4 if digits is None else digits)
        self._notations = notations(self.digits)
        self.sigma = sigma
        self.detail = detail
        self.arithmetic = arithmetic
        self.gates = gates(order(root), sigma, detail)
        self.lines = recorded_lines(self.gates) if lines is None else lines
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
        self._backward()

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
        other = Walk(self.root, not self.sigma, self.detail, self.digits, lines=self.lines)
        return None if len(other.gates) == len(self.gates) else other

    def latex(self) -> str:
        """The steps as LaTeX: an environment of the package amsmath, align, a line for each step.

        A sum of gradients, and what a formula refers to, have lines of their own. With
        `\\allowdisplaybreaks` in the document's preamble, many steps go on on the next page.

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
        rows = [
            step._latex[i : i + count]
            for step in self
            for count in [_GIVEN if step.phase == "given" else 1]
            for i in range(0, len(step._latex), count)
        ]
        lines = []
        for (left, *right), *others in rows:
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

    def _backward(self) -> None:
        chain = Chain(self)
        self.shares = chain.shares
        for node, (op, _) in reversed(self.gates.items()):
            for edge in chain.edges(node) if op is not None else ():
                equations, number = chain.along(edge)
                self.grad[edge.to] = number
                change = Change(edge.to, "grad", number)
                self._say("backward", edge.to, self._told(equations), (change,), edge)

    def _told(self, equations: Sequence[Equation]) -> Sentence:
        return sentence(equations, self._notations)

    def _say(
        self,
        phase: Phase,
        node: Value | None,
        told: Sentence,
        changes: tuple[Change, ...],
        edge: Edge | None = None,
    ) -> None:
        way, upstream, local = (
            ((edge.node, edge.position), edge.upstream, edge.local) if edge else (None, None, None)
        )
        step = Step(phase, node, way, upstream, local, told.text, changes, self._steps, told.latex)
        self._steps.append(step)
