"""Lecture C: gradients, Jacobians, Hessians, and the perfect step of Newton's method.

(The slide has the perfect step for a < 0; it needs a > 0, or it leads to the highest point.)

    python examples/c_dense_networks/calculus.py [FOLDER]

prints the lecture's numbers beside ours, and saves a picture of steps with several rates and of
Newton's step into FOLDER (by default the current one).
"""

import math
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import plots
from micrograd_plus.optim import newton, newton_step

A, B, C = 2, -12, 5  # of the parabola
START = 10.0
LECTURE = {
    "gradient of 5x₁² + 3x₂² at (2, 1)": [20, 6],
    "its direction": [0.958, 0.287],
    "d sin(x²)/dx = 2x cos(x²) at 1.5": [2 * 1.5 * math.cos(1.5**2)],
    "Jacobian of (x₁x₂ + x₃, x₂x₃²) at (1, 2, 3)": [[2, 1, 1], [0, 9, 12]],
    "f'' = 2a of 2x² − 12x + 5": [2 * A],
    "perfect step −f'/f'' from 10": [-B / (2 * A) - START],
    "perfect rate 1/f''": [1 / (2 * A)],
    "gradient of 5x₁² + 3x₂² + 4x₁x₂ at (2, 1)": [24, 14],
    "its Hessian": [[10, 4], [4, 6]],
    "its eigenvalues 8 ± √20": [3.528, 12.472],
    "x − H⁻¹∇f from (2, 1)": [0, 0],
}


def parabola(x):
    """The function of one variable."""
    return A * x**2 + B * x + C


def bowl(x):
    """The convex function of two variables."""
    return 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1]


def numbers() -> dict[str, list]:
    """Our numbers by the lecture's names."""
    gradient = mg.grad(lambda x: 5 * x[0] ** 2 + 3 * x[1] ** 2)([2, 1])
    slope, curvature = (mg.derivative(parabola, order)(START) for order in (1, 2))
    hessian = mg.hessian(bowl)([2, 1])
    ours = (
        gradient,
        [g / math.hypot(*gradient) for g in gradient],
        [mg.derivative(lambda x: mg.sin(x**2))(1.5)],
        mg.jacobian(lambda x: [x[0] * x[1] + x[2], x[1] * x[2] ** 2])([1, 2, 3]),
        [curvature],
        [-slope / curvature],
        [1 / curvature],
        mg.grad(bowl)([2, 1]),
        hessian,
        np.linalg.eigvalsh(hessian).tolist(),
        newton_step(bowl, [2, 1]),
    )
    return dict(zip(LECTURE, ours, strict=True))


def descent(f, start: list[float], rate: float, steps: int) -> list[list[float]]:
    """The points of gradient descent."""
    path = [start]
    for _ in range(steps):
        path.append([x - rate * g for x, g in zip(path[-1], mg.grad(f)(path[-1]), strict=True)])
    return path


def picture(path: Path) -> None:
    """Steps on the parabola with three rates; gradient descent and Newton's step in the bowl."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    xs = np.linspace(-4.5, 10.5, 200)
    left.plot(xs, parabola(xs), color=plots.GREY)
    for k, rate in enumerate((0.05, 0.45, 1 / (2 * A))):
        walk = [x for (x,) in descent(lambda x: parabola(x[0]), [START], rate, 4)]
        name = f"rate {rate:g}" + (" = 1/f'', perfect" if rate == 1 / (2 * A) else "")
        look = {**plots.style(k), "marker": plots.MARKERS[k], "markersize": 5}
        left.plot(walk, list(map(parabola, walk)), label=name, **look)
    left.set(title="2x² − 12x + 5, four steps from x = 10", xlabel="x", ylabel="f")
    left.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    walks = {"gradient descent, rate 0.14": descent(bowl, [0.0, 2.0], 0.14, 15)}
    walks["Newton, one step"] = newton(bowl, [0, 2])
    plots.loss_surface(bowl, walks, ((-2, 2), (-1.2, 2.2)), axes=right)
    right.set(title="5x₁² + 3x₂² + 4x₁x₂ from (0, 2)", xlabel="x₁", ylabel="x₂", aspect="equal")
    figure.savefig(path)


def main(folder: Path) -> dict[str, list]:
    """Print the numbers, and save the picture."""
    ours = numbers()
    for name, lecture in LECTURE.items():
        print(name)
        print(
            f"    lecture {np.round(lecture, 3).tolist()}   ours {np.round(ours[name], 3).tolist()}"
        )
    print("All eigenvalues are positive: convex.")
    print("(Misprint: the slide has the perfect step for a < 0; there it leads to the top.)")
    picture(folder / "calculus.svg")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
