"""Checks of derivatives: reverse mode against forward mode against finite differences."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.nested import filled, listed, paths
from micrograd_plus.calculus import Function, grad, jacobian, jvp
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, evaluate, inputs, local_derivatives, order, real
from micrograd_plus.graph.handmade import Handmade
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.ops import Namespace
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.ops.operation import Op

_ROUNDING = 1e-9
"""Differences this small are rounding errors."""

_COARSEST, _STEPS = 1e-3, 14
"""The largest step of finite differences, relative to the number that it is added to, and how many
steps are tried, each half the one before."""


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
    reached = [_kinks_reached(nodes, leaf) for leaf in leaves]
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
    kinks = [_described(node, inputs(node)) for node in nodes if node in at_kink]
    report = Report(rows, kinks, [*_culprits(nodes)])
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
            tolerance = 1e-6 * size + 10 * error + _ROUNDING
            yield Row(name, slopes[k], forward[k][i], difference, tolerance, at_kink[k])


def differences(
    f: Callable[[float], float], scale: float, largest: float = 0.0, kink: float = math.inf
) -> tuple[float, float]:
    """The derivative of f(t) at t = 0 by finite differences, and an estimate of its error.

    Central differences with smaller and smaller steps, extrapolated to step 0 (Ridders 1982); the
    error allows for the rounding of the values. Steps at which `f` has no value are left out.

    Args:
        f: a function of one number.
        scale: the number that t is added to; steps follow from its size, and from 1.
        largest: the largest intermediate number, which bounds the rounding error of the value.
        kink: the distance of a kink; if all steps would reach it, smaller ones are made.

    Returns:
        The derivative and its error; nan and 0 if the values around 0 are inconclusive.

    >>> slope, error = differences(lambda t: (2 + t) ** 3, 2)
    >>> abs(slope - 12) < 1e-9
    True
    """
    best, error = math.nan, math.inf
    sizes = {max(abs(scale), 1e-200), max(abs(scale), 1.0)}
    for size in {kink} if 0 < kink <= _reach(scale) else sizes:
        found = list(_extrapolated(f, _COARSEST * size, largest))
        if not found:
            continue
        finest, _, noise = found[-1]
        for slope, uncertain, _ in found:
            # estimates from large steps must agree with the smallest: large steps can skip
            # over a jump or over whole periods
            fits = abs(slope - finest) <= 10 * noise + 1e-2 * max(abs(slope), abs(finest))
            if fits and uncertain < error:
                best, error = slope, uncertain
    if error > 1e-3 * abs(best) + 1e-9:  # a jump, or only noise
        return math.nan, 0.0
    return best, error


def _extrapolated(
    f: Callable[[float], float], step: float, largest: float
) -> Iterator[tuple[float, float, float]]:
    """Slopes from smaller and smaller steps, each with its uncertainty and its step's noise."""
    previous: list[float] = []
    for _ in range(_STEPS):
        try:
            above, below = f(step), f(-step)
        except (NonFiniteError, ZeroDivisionError):
            above = below = math.nan
        if not math.isfinite(above - below):
            previous = []
        else:
            noise = 2.0**-52 * max(abs(above), abs(below), largest) / step
            row = [(above - below) / (2 * step)]
            for k, coarse in enumerate(previous, start=1):
                row.append(row[-1] + (row[-1] - coarse) / (4.0**k - 1))
                yield row[-1], max(abs(row[-1] - row[-2]), abs(row[-1] - coarse)) + noise, noise
            previous = row
        step /= 2


def _reach(x: float) -> float:
    """The smallest step at a number: finite differences do not resolve a kink that is nearer."""
    return _COARSEST * max(abs(x), 1.0) * 2.0 ** (1 - _STEPS)


def _kinks_reached(nodes: Sequence[Value], leaf: Value) -> list[Value]:
    """The nodes that are at a kink or reach one when a leaf is moved by the smallest step."""
    reached: dict[Value, None] = {}
    for step in (_reach(leaf.data), -_reach(leaf.data)):
        moved: dict[Any, float] = {leaf: leaf.data + step}
        for node in nodes:
            op, here = node.op, inputs(node)
            if op is None or isinstance(op, Handmade):
                continue
            if not any(arg in moved for arg in node.args if type(arg) is not float):
                continue
            there = [
                x if type(arg) is float else moved.get(arg, x)
                for arg, x in zip(node.args, here, strict=True)
            ]
            if _far(op, here) <= sum(abs(x - y) for x, y in zip(here, there, strict=True)):
                reached[node] = None
            try:
                moved[node] = evaluate(op, node.args, there)
            except NonFiniteError:  # differences leave this step out, too
                break
    return list(reached)


def _culprits(nodes: Sequence[Value]) -> Iterator[str]:
    """The operations whose own derivatives are wrong, in the order of the graph."""
    for node in nodes:
        op, numbers = node.op, inputs(node)
        if op in (None, ops.detach) or isinstance(op, Handmade):
            continue  # no function has its derivative, or a function that is known only here
        local = local_derivatives(op, node.args, numbers, node.data)
        for i, slope in enumerate(local):
            if type(node.args[i]) is not float:
                found, error = _local_difference(op, numbers, i)
                agreed = not _far(op, numbers) and _between(op, numbers, i, slope)
                if not agreed and not _close(slope, found, error):
                    label = node.args[i].label
                    yield (
                        f"the derivative of {_described(node, numbers)} with respect to "
                        f"argument {i + 1}{f' ({label})' if label else ''} is {slope:.10g} by the "
                        f"table, {found:.10g} by differences of its values"
                    )


def _close(slope: float, found: float, error: float) -> bool:
    """Whether a derivative agrees with finite differences, or these are inconclusive."""
    return not abs(slope - found) > 1e-6 * max(abs(slope), abs(found)) + 10 * error + _ROUNDING


def _between(op: Op, numbers: list[float], position: int, slope: float) -> bool:
    """Whether a derivative at a kink lies between the one-sided derivatives."""
    step, here = _reach(numbers[position]), op.value(floats, *numbers)
    sides = [(op.value(floats, *_moved(numbers, position, t)) - here) / t for t in (step, -step)]
    rough = 1e-4 * max(map(abs, sides)) + _ROUNDING  # as the sides may be curved
    return not (slope < min(sides) - rough or slope > max(sides) + rough)


def _far(op: Op, numbers: list[float]) -> float:
    """How far an operation is from its next kink."""
    return math.inf if op.kink is None else float(abs(op.kink(*numbers)))


def _moved(numbers: list[float], position: int, t: Any) -> list[Any]:
    return [x + t if i == position else x for i, x in enumerate(numbers)]


def _described(node: Value, numbers: list[float]) -> str:
    name = node.op.name if node.op is not None else "leaf"
    label = f" ({node.label})" if node.label else ""
    return f"{name}({', '.join(f'{x:.6g}' for x in numbers)}){label}"


def _local_difference(op: Op, numbers: list[float], position: int) -> tuple[float, float]:
    """The derivative of one operation with respect to one argument, from its values alone."""
    try:  # exact, but only for rules that hold for complex numbers
        step = 1e-20 * max(abs(numbers[position]), 1e-200)
        slope = op.value(_complex, *_moved(numbers, position, step * 1j)).imag / step
        if math.isfinite(slope):
            return slope, 0.0
    except (AttributeError, TypeError, ArithmeticError, ValueError):
        pass
    largest = max(abs(x) for x in [*numbers, op.value(floats, *numbers)])

    def along(t: float) -> float:
        return float(op.value(floats, *_moved(numbers, position, t)))

    return differences(along, numbers[position], largest, _far(op, numbers))


class _Complex(Namespace):
    """The table's namespace for complex numbers: what `cmath` has, and no more."""

    exp, log, sqrt = map(staticmethod, (cmath.exp, cmath.log, cmath.sqrt))
    sin, cos, tan = map(staticmethod, (cmath.sin, cmath.cos, cmath.tan))
    sinh, cosh, tanh = map(staticmethod, (cmath.sinh, cmath.cosh, cmath.tanh))


_complex = _Complex()
