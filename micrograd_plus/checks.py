"""Checks of derivatives: reverse mode against forward mode against differences of values."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from micrograd_plus.calculus import Function, grad, jvp
from micrograd_plus.engine import Value
from micrograd_plus.floats import floats
from micrograd_plus.graph import NonFiniteError, inputs, local_derivatives, order
from micrograd_plus.ops import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.operation import Op

_NEAR = 1e-4
"""Closer than this to a kink, differences of values say nothing about a derivative."""


class GradientError(AssertionError):
    """Derivatives that disagree; `report` has all numbers."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Row:
    """One derivative, computed in several ways.

    Attributes:
        name: what is differentiated for what.
        reverse: by reverse mode.
        forward: by forward mode.
        difference: from differences of values; nan where there are none to be had.
        tolerance: how far apart the numbers may be.
    """

    name: str
    reverse: float
    forward: float
    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the three numbers agree, as far as they can be known."""
        numbers = [x for x in (self.reverse, self.forward, self.difference) if not math.isnan(x)]
        return max(numbers) - min(numbers) <= self.tolerance


@dataclass(frozen=True)
class Report:
    """What `check_gradients` found.

    Attributes:
        rows: each derivative in three ways.
        kinks: the operations that stand at a kink, where differences say nothing.
        culprits: what is wrong with which operation.
    """

    rows: list[Row]
    kinks: list[str] = field(default_factory=list)
    culprits: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no bug: all rows agree, or a kink explains why not."""
        return not self.culprits and (bool(self.kinks) or all(row.agrees for row in self.rows))

    def __str__(self) -> str:
        head = ("derivative", "reverse", "forward", "differences", "")
        table = [head]
        for row in self.rows:
            a, b, c = (f"{x:.10g}" for x in (row.reverse, row.forward, row.difference))
            verdict = "ok" if row.agrees else "kink" if self.kinks else "DIFFERS"
            table.append((row.name, a, b, c, verdict))
        wide = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            f"{name:<{wide[0]}}  {a:>{wide[1]}}  {b:>{wide[2]}}  {c:>{wide[3]}}  {verdict}"
            for name, a, b, c, verdict in table
        ]
        notes = [f"at a kink: {kink}" for kink in self.kinks]
        return "\n".join(line.rstrip() for line in [*lines, *notes, *self.culprits])


def check_gradients(f: Function, *point: float, second: bool = True) -> Report:
    """Check the derivatives of a function at a point in three ways.

    Reverse mode and forward mode, which share the table of derivatives, are compared with
    differences of the function's values, which don't; the step and the tolerance follow from the
    size of the numbers. Where they differ, each operation is checked by itself, by complex steps
    where its formula allows them, to find the culprit.

    Args:
        f: a function of scalars that returns a scalar.
        point: a number for each argument.
        second: whether to check the second derivatives, too.

    Returns:
        The report. Where only a kink keeps the numbers from agreeing, it says so.

    Raises:
        GradientError: derivatives are wrong; the message names the operation, the argument, its
            local derivative and both numbers.
        NonFiniteError: the function has no value, or no derivative, at the point.

    >>> print(check_gradients(lambda x, y: x * y, 2, 3, second=False))
    derivative  reverse  forward  differences
    ∂f/∂x1            3        3            3  ok
    ∂f/∂x2            2        2            2  ok
    """
    return check_graph(f, {f"x{i}": x for i, x in enumerate(point, start=1)}, second)


def check_graph(f: Function, point: dict[str, float], second: bool = True) -> Report:
    """`check_gradients` with a name for each argument."""
    names, numbers = list(point), [float(x) for x in point.values()]
    leaves = [Value(x, name) for name, x in point.items()]
    root = f(*leaves)
    nodes = order(root) if isinstance(root, Value) else []
    rows = list(_rows(f, numbers, [f"∂f/∂{name}" for name in names]))
    if second:
        for i, name in enumerate(names):

            def slope(*args: Any, i: int = i) -> Any:
                found = grad(f, create_graph=True)(*args)
                return found[i] if len(args) > 1 else found

            rows += _rows(slope, numbers, [f"∂²f/∂{name}∂{other}" for other in names])
    report = Report(rows, [*_kinks(nodes)], [*_culprits(nodes)])
    if not report.ok and not report.culprits:
        report.culprits.append("the passes disagree, though each operation by itself is right")
    if not report.ok:
        raise GradientError(report)
    return report


def _rows(f: Function, numbers: list[float], names: list[str]) -> Iterator[Row]:
    reverse = grad(f)(*numbers)
    reverse = reverse if len(numbers) > 1 else (reverse,)
    for i, name in enumerate(names):
        direction = tuple(float(i == k) for k in range(len(numbers)))
        forward = jvp(f, tuple(numbers), direction)[1]

        def along(t: float, i: int = i) -> float:
            return float(f(*(Value(x + t * (i == k)) for k, x in enumerate(numbers))))

        difference, error = differences(along, numbers[i])
        size = max(abs(reverse[i]), abs(forward))
        yield Row(name, reverse[i], forward, difference, 1e-6 * max(1e-3, size) + 10 * error)


def differences(f: Callable[[float], float], scale: float) -> tuple[float, float]:
    """The derivative of f(t) at t = 0 from differences of its values, and an estimate of its error.

    Central differences with steps from a hundredth of the scale downwards, extrapolated to step 0
    (Ridders 1982); steps at which `f` has no value are left out.

    Args:
        f: a function of one number.
        scale: the size of the numbers that t is added to.

    Returns:
        The derivative and its error; nan and 0 if the values around 0 don't tell.

    >>> slope, error = differences(lambda t: (2 + t) ** 3, 2)
    >>> abs(slope - 12) < 1e-9
    True
    """
    best, error = math.nan, math.inf
    previous: list[float] = []
    step = 1e-2 * max(abs(scale), 1e-2)
    for _ in range(12):
        try:
            row = [(f(step) - f(-step)) / (2 * step)]
        except (NonFiniteError, ZeroDivisionError):
            previous = []
        else:
            for k, coarse in enumerate(previous, start=1):
                row.append(row[-1] + (row[-1] - coarse) / (4.0**k - 1))
                uncertain = max(abs(row[-1] - row[-2]), abs(row[-1] - coarse))
                if uncertain < error:
                    best, error = row[-1], uncertain
            previous = row
        step /= 2
    if error > 1e-3 * max(1e-3, abs(best)):  # a jump, or nothing but noise
        return math.nan, 0.0
    return best, error


def _kinks(nodes: Sequence[Value]) -> Iterator[str]:
    for node in nodes:
        if node.op is not None and node.op.kink is not None:
            numbers = inputs(node)
            if abs(node.op.kink(*numbers)) < _NEAR:
                yield _described(node, numbers)


def _culprits(nodes: Sequence[Value]) -> Iterator[str]:
    """The operations whose own derivatives are wrong, in the order of the graph."""
    for node in nodes:
        op, numbers = node.op, inputs(node)
        if op is None or (op.kink is not None and abs(op.kink(*numbers)) < _NEAR):
            continue
        local = local_derivatives(op, node.args, numbers, node.data)
        for i, slope in enumerate(local):
            if type(node.args[i]) is not float:
                found, error = _local_difference(op, numbers, i)
                if abs(slope - found) > 1e-6 * max(1e-3, abs(slope), abs(found)) + 10 * error:
                    label = node.args[i].label
                    yield (
                        f"the derivative of {_described(node, numbers)} for argument {i + 1}"
                        f"{f' ({label})' if label else ''} is {slope:.10g} by the table, "
                        f"{found:.10g} by differences of its values"
                    )


def _described(node: Value, numbers: list[float]) -> str:
    name = node.op.name if node.op is not None else "leaf"
    label = f" ({node.label})" if node.label else ""
    return f"{name}({', '.join(f'{x:.6g}' for x in numbers)}){label}"


def _local_difference(op: Op, numbers: list[float], position: int) -> tuple[float, float]:
    """The derivative of one operation for one argument, from its values alone."""

    def moved(t: Any) -> list[Any]:
        return [x + t if i == position else x for i, x in enumerate(numbers)]

    try:  # exact, but only for rules that hold for complex numbers
        slope = op.value(_complex, *moved(1e-100j)).imag / 1e-100
        if math.isfinite(slope):
            return slope, 0.0
    except (AttributeError, TypeError, ArithmeticError, ValueError):
        pass
    return differences(lambda t: op.value(floats, *moved(t)), numbers[position])


class _Complex(Namespace):
    """The table's namespace for complex numbers: what `cmath` has, and no more."""

    exp, log, sqrt = map(staticmethod, (cmath.exp, cmath.log, cmath.sqrt))
    sin, cos, tan = map(staticmethod, (cmath.sin, cmath.cos, cmath.tan))
    sinh, cosh, tanh = map(staticmethod, (cmath.sinh, cmath.cosh, cmath.tanh))


_complex = _Complex()
