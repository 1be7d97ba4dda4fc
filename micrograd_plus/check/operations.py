"""Each operation of a graph by itself: whether its derivatives are right, where its kinks are."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus.check.differences import ROUNDING, differences, reach
from micrograd_plus.graph import evaluate, inputs, local_derivatives
from micrograd_plus.graph.handmade import Handmade
from micrograd_plus.ops import Namespace
from micrograd_plus.ops.floats import floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op


def kinks_reached(nodes: Sequence[Value], leaf: Value) -> list[Value]:
    """The nodes that are at a kink or reach one when a leaf is moved by the smallest step."""
    reached: dict[Value, None] = {}
    for step in (reach(leaf.data), -reach(leaf.data)):
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


def culprits(nodes: Sequence[Value]) -> Iterator[str]:
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
                        f"the derivative of {described(node, numbers)} with respect to "
                        f"argument {i + 1}{f' ({label})' if label else ''} is {slope:.10g} by the "
                        f"table, {found:.10g} by differences of its values"
                    )


def _close(slope: float, found: float, error: float) -> bool:
    """Whether a derivative agrees with finite differences, or these are inconclusive."""
    return not abs(slope - found) > 1e-6 * max(abs(slope), abs(found)) + 10 * error + ROUNDING


def _between(op: Op, numbers: list[float], position: int, slope: float) -> bool:
    """Whether a derivative at a kink lies between the one-sided derivatives."""
    step, here = reach(numbers[position]), op.value(floats, *numbers)
    sides = [(op.value(floats, *_moved(numbers, position, t)) - here) / t for t in (step, -step)]
    rough = 1e-4 * max(map(abs, sides)) + ROUNDING  # as the sides may be curved
    return not (slope < min(sides) - rough or slope > max(sides) + rough)


def _far(op: Op, numbers: list[float]) -> float:
    """How far an operation is from its next kink."""
    return math.inf if op.kink is None else float(abs(op.kink(*numbers)))


def _moved(numbers: list[float], position: int, t: Any) -> list[Any]:
    return [x + t if i == position else x for i, x in enumerate(numbers)]


def described(node: Value, numbers: list[float]) -> str:
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
