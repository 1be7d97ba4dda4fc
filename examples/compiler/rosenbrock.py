"""Rosenbrock's valley in 2 and 1,000 dimensions: SciPy's optimiser on a program in machine code.

    python examples/compiler/rosenbrock.py [FOLDER]

needs SciPy and the compiled core; prints for each the iterations, the time
and the minimum, and saves the way there into FOLDER (by default the current one).
"""

import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize

import micrograd_plus as mg

STARTS = {2: (-1.2, 1.0), 1000: (1.3, 0.7, 0.8, 1.9, 1.2) * 200}


class Descent(NamedTuple):
    """One descent: the optimiser's result, its points, and the seconds it took."""

    result: Any
    way: list[np.ndarray]
    compiling: float
    seconds: float


def rosenbrock(x: Any) -> Any:
    """The sum of 100 (y − x²)² + (1 − x)² over neighbours x, y; 0 where all of them are 1."""
    return mg.sum([100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x)])


def descent(start: np.ndarray) -> Descent:
    """Minimise by L-BFGS-B with exact gradients, until they are below 1e-8."""
    begin = time.perf_counter()
    program = mg.compile(rosenbrock, start, backend="native", batched=False)
    compiled = time.perf_counter()
    way = [start]
    result = minimize(
        program.value_and_grad,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda x: way.append(x.copy()),
        options={"ftol": 0.0, "gtol": 1e-8},
    )
    return Descent(result, way, compiled - begin, time.perf_counter() - compiled)


def main(folder: Path) -> dict[int, Descent]:
    """Print both results, and save the picture."""
    found = {n: descent(np.array(start)) for n, start in STARTS.items()}
    print("dimensions  iterations  evaluations  compiling  seconds  minimum  max |x − 1|")
    for n, (result, _, compiling, seconds) in found.items():
        error = np.abs(result.x - 1).max()
        print(
            f"{n:10}  {result.nit:10}  {result.nfev:11}  {compiling:7.2f} s  {seconds:7.3f}"
            f"  {result.fun:7.1e}  {error:11.1e}"
        )
    figure = Figure(figsize=(9, 4), layout="constrained")
    plane, curves = figure.subplots(1, 2)
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 200), np.linspace(-0.7, 1.8, 200))
    levels = np.geomspace(0.1, 1000, 12)
    plane.contour(
        x, y, 100 * (y - x**2) ** 2 + (1 - x) ** 2, levels, colors="#8c959f", linewidths=0.7
    )
    plane.plot(*np.transpose(found[2].way), ".-", color="#0969da")
    plane.plot(1, 1, "*", color="#cf222e", markersize=12)
    plane.set(title="in 2 dimensions", xlabel="x", ylabel="y")
    for n, colour in zip(STARTS, ("#0969da", "#fa8f8f"), strict=True):
        distances = [np.abs(point - 1).max() for point in found[n].way]
        curves.semilogy(distances, color=colour, label=f"{n:,}")
    curves.set(title="distance from the minimum", xlabel="iteration", ylabel="max |x − 1|")
    curves.legend(title="dimensions", frameon=False)
    for axes in (plane, curves):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "rosenbrock.svg")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
