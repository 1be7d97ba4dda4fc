"""Checks of derivatives: reverse mode against forward mode against finite differences."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.nested import filled, listed, paths
from micrograd_plus.calculus import Function, grad, jacobian, jvp
from micrograd_plus.check.differences import ROUNDING, differences
from micrograd_plus.check.operations import culprits, described, kinks_reached
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, evaluate, inputs, order, real
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class GradientError(AssertionError):
    """Derivatives that disagree; `report` has all numbers.

    >>> try:
    ...     check_gradients(lambda x: x * x.data, 3)  # whose second factor leaves the graph
    ... except GradientError as error:
    ...     error.report.ok
    False
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Row:
    """One derivative, computed in several ways.

    Attributes:
        name: which derivative it is, such as ∂f/∂x.
        reverse: by reverse mode.
        forward: by forward mode.
        difference: by finite differences; nan where these are inconclusive.
        tolerance: how far apart the numbers may be.
        at_kink: whether the smallest step reaches a kink of an operation on the way.

    >>> row = check_gradients(lambda x: x * x, 3).rows[0]
    >>> row.name, row.reverse, row.forward, row.verdict
    ('∂f/∂x1', 6.0, 6.0, 'ok')
    """

    name: str
    reverse: float
    forward: float
    difference: float
    tolerance: float
    at_kink: bool

    @property
    def agrees(self) -> bool:
        """Whether the three numbers agree, inconclusive differences aside."""
        numbers = [x for x in (self.reverse, self.forward, self.difference) if not math.isnan(x)]
        return max(numbers) - min(numbers) <= self.tolerance

    @property
    def verdict(self) -> str:
        """The result of the comparison, in a word or two."""
        if not self.agrees:
            return "kink" if self.at_kink else "DIFFERS"
        return "not checked by differences" if math.isnan(self.difference) else "ok"


@dataclass(frozen=True, repr=False)
class Report:
    """The result of `check_gradients`.

    Attributes:
        rows: each derivative in three ways.
        kinks: the operations at a kink, or nearer to one than the smallest step of finite
            differences, which are inconclusive there.
        culprits: for each wrong operation a sentence that says what is wrong.

    >>> from micrograd_plus import relu
    >>> report = check_gradients(relu, 0, second=False)
    >>> report.ok, report.kinks
    (True, ['relu(0)'])
    """

    rows: list[Row]
    kinks: list[str] = field(default_factory=list)
    culprits: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no bug: all rows agree, or a kink explains why not."""
        return not self.culprits and all(row.agrees or row.at_kink for row in self.rows)

    def __str__(self) -> str:
        head = ("derivative", "reverse", "forward", "differences", "")
        table = [head]
        for row in self.rows:
            a, b, c = (f"{x:.10g}" for x in (row.reverse, row.forward, row.difference))
            table.append((row.name, a, b, c, row.verdict))
        wide = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            f"{name:<{wide[0]}}  {a:>{wide[1]}}  {b:>{wide[2]}}  {c:>{wide[3]}}  {verdict}"
            for name, a, b, c, verdict in table
        ]
        notes = [f"at a kink: {kink}" for kink in self.kinks]
        return "\n".join(line.rstrip() for line in [*lines, *notes, *self.culprits])

    def __repr__(self) -> str:
        return str(self)


def check_gradients(f: Function, *point: Any, second: bool = True) -> Report:
    """Check the derivatives of a function at a point in three ways.

    Reverse mode and forward mode, which share the table of derivatives, are compared with finite
    differences, which use the function's values alone; the step and the tolerance follow from the
    size of the numbers. Where they differ, each operation is checked by itself, by complex steps
    where its formula allows them, to find the culprit.

    Args:
        f: a function of scalars, or of nested structures of scalars, that returns a scalar.
        point: each argument, a number or lists, dictionaries and arrays of numbers.
        second: whether to check the second derivatives, too, n² of n numbers.

    Returns:
        The report. Where only a kink keeps the numbers from agreeing, it says so.

    Raises:
        TypeError: the function does not return one number, or the point has something else.
        GradientError: derivatives are wrong; the message names the operation, the argument, its
            local derivative and both numbers.
        NonFiniteError: the function has no value, or no derivative, at the point.

    >>> print(check_gradients(lambda x, y: x * y, 2, 3, second=False))
    derivative  reverse  forward  differences
    ∂f/∂x1            3        3            3  ok
    ∂f/∂x2            2        2            2  ok
    >>> [row.name for row in check_gradients(lambda x: x[0] / x[1], [2, 3], second=False).rows]
    ['∂f/∂x1[0]', '∂f/∂x1[1]']
    """
    given = [*map(listed, point)]
    numbers = {path: x for i, part in enumerate(given, start=1) for path, x in paths(part, f"x{i}")}
    return check_graph(lambda *xs: f(*filled(given, iter(xs))), numbers, second)


def check_graph(f: Function, point: dict[str, float], second: bool = True) -> Report:
    """`check_gradients` with a name for each argument.

    Args:
        f: a function of scalars that returns a scalar.
        point: a number for each argument, in order, by the name it is to have.
        second: whether to check the second derivatives, too.

    Returns:
        The report.

    Raises:
        TypeError: the function does not return one number, or the point has something else.
        GradientError, NonFiniteError: as for `check_gradients`.

    >>> check_graph(lambda w, x: w * x, {"w": 2, "x": 3}, second=False).rows[0].name
    '∂f/∂w'
    """
    names = list(point)
    numbers = [real(x, f"the number for {name}") for name, x in point.items()]
    leaves = [Value(x, name) for name, x in zip(names, numbers, strict=True)]
    root = f(*leaves)
    if not isinstance(root, (Value, *REAL)):
        raise TypeError(f"the function has to return one Value, not a {type(root).__name__}")
    nodes = order(root) if isinstance(root, Value) else []
    reached = [kinks_reached(nodes, leaf) for leaf in leaves]
    excused = list(map(bool, reached))

    def value(*args: Any) -> list[Any]:
        return [f(*(x if isinstance(x, Value) else Value(x) for x in args))]

    rows = list(_rows(value, numbers, [[f"∂f/∂{name}" for name in names]], excused, nodes))
    if second and isinstance(root, Value):
        # as nodes, so that the operations of the derivatives are checked, too
        derivatives = adjoints(root, m=recorded)
        slopes = [derivatives[x] for x in leaves if isinstance(derivatives.get(x), Value)]
        nodes = list(dict.fromkeys([*nodes, *(n for slope in slopes for n in order(slope))]))

        gradient_of_f = grad(f)

        def gradient(*args: Any) -> list[Any]:
            found = gradient_of_f(*args)
            return list(found) if len(args) > 1 else [found]

        others = [[f"∂²f/∂{name}∂{other}" for other in names] for name in names]
        rows += _rows(gradient, numbers, others, excused, nodes)
    at_kink = {node for kinks in reached for node in kinks}
    kinks = [described(node, inputs(node)) for node in nodes if node in at_kink]
    report = Report(rows, kinks, [*culprits(nodes)])
    if not report.ok and not report.culprits:
        report.culprits.append(
            "the numbers disagree, though each operation by itself is right: does the function "
            "leave the graph, with float(), .data or functions of math?"
        )
    if not report.ok:
        raise GradientError(report)
    return report


def _largest(nodes: Sequence[Value]) -> float:
    """The size of the largest number in a graph, constants included."""
    return max((abs(x) for node in nodes for x in [node.data, *inputs(node)]), default=0.0)


def _held(f: Function, point: list[float]) -> Function:
    """A function for finite differences: `f`, but what it detaches keeps its number at a point."""

    def recorded_at(numbers: Sequence[float]) -> tuple[list[Any], list[Value]]:
        outputs = f(*map(Value, numbers))
        found = (node for out in outputs if isinstance(out, Value) for node in order(out))
        return outputs, list(dict.fromkeys(found))

    held = [node.data for node in recorded_at(point)[1] if node.op is ops.detach]

    def values(*numbers: float) -> list[float]:
        outputs, nodes = recorded_at(numbers)
        known: dict[Any, float] = {}
        detached = iter(held)
        for node in nodes:
            if node.op is None:
                known[node] = node.data
            elif node.op is ops.detach:
                known[node] = next(detached, node.data)
            else:
                there = [x if type(x) is float else known[x] for x in node.args]
                known[node] = evaluate(node.op, node.args, there)
        return [known.get(out, out) for out in outputs]

    return values if held else f


def _rows(
    f: Function,
    numbers: list[float],
    names: list[list[str]],
    at_kink: list[bool],
    nodes: Sequence[Value],
) -> Iterator[Row]:
    """The derivatives of several values with respect to several numbers, called by `names`."""
    reverse, held = jacobian(f)(*numbers), _held(f, numbers)
    largest, forward, along = _largest(nodes), [], []
    for k in range(len(numbers)):
        forward.append(jvp(f, tuple(numbers), tuple(float(i == k) for i in range(len(numbers))))[1])

        @cache  # each value needs what is computed for all of them
        def moved(t: float, k: int = k) -> list[float]:
            there = [x + t * (i == k) for i, x in enumerate(numbers)]
            try:
                return list(map(float, held(*there)))
            except (NonFiniteError, ZeroDivisionError):
                return [math.nan] * len(names)

        along.append(moved)
    for i, row in enumerate(names):
        slopes = reverse[i] if len(numbers) > 1 else [reverse[i]]
        for k, name in enumerate(row):
            difference, error = differences(lambda t: along[k](t)[i], numbers[k], largest)  # noqa: B023
            size = max(abs(slopes[k]), abs(forward[k][i]))
            tolerance = 1e-6 * size + 10 * error + ROUNDING
            yield Row(name, slopes[k], forward[k][i], difference, tolerance, at_kink[k])
