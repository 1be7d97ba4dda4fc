"""Newton's method: steps to the stationary point of the local quadratic approximation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.calculus import grad, hessian

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def newton_step(f: Callable[[Any], Any], point: Sequence[float]) -> list[float]:
    """One Newton step, x − H⁻¹∇f: for a quadratic function it reaches the stationary point.

    Args:
        f: a function of a list of Values that returns a Value.
        point: the numbers to start from; the Hessian is n × n, so a few hundred at most.

    Raises:
        ValueError: the Hessian has no inverse there.
        ModuleNotFoundError: NumPy is missing.

    Source: lecture C, see help(micrograd_plus).

    >>> newton_step(lambda x: 4 * x[0] ** 2 + 2 * x[1] ** 2, [2, 1])
    [0.0, 0.0]
    """
    numpy = need("numpy", "numpy")
    x = [float(number) for number in point]
    slope, curvature = numpy.array(grad(f)(x)), numpy.array(hessian(f)(x))
    if numpy.linalg.matrix_rank(curvature) < len(x):
        raise ValueError(
            f"the Hessian at {x} has no inverse: move the point, or add a small multiple of Σx²"
        )
    return [float(number) for number in x - numpy.linalg.solve(curvature, slope)]


def newton(
    f: Callable[[Any], Any],
    point: Sequence[float],
    steps: int = 20,
    tolerance: float = 1e-12,
) -> list[list[float]]:
    """The points of Newton's method, from the given one until the gradient is close to 0.

    Args:
        f: a function of a list of Values that returns a Value.
        point: the numbers to start from.
        steps: the largest number of steps.
        tolerance: the length of a gradient that counts as 0.

    Raises:
        ValueError: a Hessian has no inverse.
        ModuleNotFoundError: NumPy is missing.

    Source: lecture C, see help(micrograd_plus).

    >>> len(newton(lambda x: (x[0] - 3) ** 2 + x[1] ** 2, [0, 1]))
    2
    """
    path = [[float(number) for number in point]]
    while len(path) <= steps and sum(g * g for g in grad(f)(path[-1])) > tolerance**2:
        path.append(newton_step(f, path[-1]))
    return path
