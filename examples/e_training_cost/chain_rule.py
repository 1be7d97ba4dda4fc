"""Lecture E: the chain rule of a deep network, for numbers and for vectors, in the lecture's form.

    python examples/e_training_cost/chain_rule.py [FOLDER]

prints the gradients by the lecture's formulas beside ours, and saves the graph of the univariate
chain and a page to step through it into FOLDER (by default the current one).
"""

import math
import sys
from functools import reduce
from pathlib import Path

import numpy as np

import micrograd_plus as mg

WEIGHTS, BIASES, START = (0.8, -1.5, 1.2), (0.1, 0.4, -0.3), 0.5


def chain() -> tuple[mg.Value, dict[str, float]]:
    """The graph of F_j = tanh(W_j F_{j−1} + b_j), and our gradients by their names."""
    ws = [mg.Value(w, f"W_{j}") for j, w in enumerate(WEIGHTS, 1)]
    bs = [mg.Value(b, f"b_{j}") for j, b in enumerate(BIASES, 1)]
    f = mg.Value(START, "F_0")
    for j, (w, b) in enumerate(zip(ws, bs, strict=True), 1):
        f = mg.tanh(w * f + b)
        f.label = f"F_{j}"
    f.backward()
    return f, {f"∂F/∂{p.label}": p.grad for p in ws + bs}


def chain_by_formula() -> dict[str, float]:
    """∂F/∂W_j = J_L W_L J_{L−1} … J_j F_{j−1}, and ∂F/∂b_j without the last factor."""
    fs, js = [START], []
    for w, b in zip(WEIGHTS, BIASES, strict=True):
        fs.append(math.tanh(w * fs[-1] + b))
        js.append(1 - fs[-1] ** 2)
    depth, found = len(WEIGHTS), {}
    for j in range(depth):
        above = js[j] * math.prod(js[k] * WEIGHTS[k] for k in range(j + 1, depth))
        found[f"∂F/∂W_{j + 1}"] = above * fs[j]
        found[f"∂F/∂b_{j + 1}"] = above
    return found


def vectors() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By the lecture's rule and ours: ∇_W f(Wa), Jacobians of tanh, of a layer and of three."""
    random = np.random.default_rng(0)
    w, a, c = random.normal(size=(3, 4)), random.normal(size=4), random.normal(size=3)

    def f(z):  # any function of a vector
        return mg.sin(z[0]) * z[1] + mg.dot(c.tolist(), [x * x for x in z])

    def times(matrix, x):
        return [mg.dot(row, x) for row in matrix]

    def tanh(z):
        return [mg.tanh(x) for x in z]

    z = w @ a
    j = np.array([[math.cos(z[0]) * z[1], math.sin(z[0]), 0]]) + 2 * c * z  # a row
    stack = [w, random.normal(size=(3, 3)), random.normal(size=(2, 3))]
    product, below = np.eye(4), a
    for matrix in stack:
        below = np.tanh(matrix @ below)
        product = np.diag(1 - below**2) @ matrix @ product

    return {
        "∇_W f(Wa) = Jᵀ aᵀ": (j.T @ a[None], mg.grad(lambda w: f(times(w, a)))(w)),
        "tanh: J is diagonal": (np.diag(1 - np.tanh(z) ** 2), mg.jacobian(tanh)(z)),
        "J₃ W₃ J₂ W₂ J₁ W₁": (
            product,
            mg.jacobian(lambda a: reduce(lambda x, m: tanh(times(m, x)), stack, a))(a),
        ),
    }


def main(folder: Path) -> dict[str, tuple]:
    """Print the gradients, and save the picture and the page."""
    f, ours = chain()
    lecture = chain_by_formula()
    print("gradient        lecture's rule            ours")
    for name in ours:
        print(f"{name:10} {lecture[name]:19.12f} {ours[name]:15.12f}")
    found = {name: (lecture[name], ours[name]) for name in ours} | vectors()
    for name in list(found)[len(ours) :]:
        rule, mine = map(np.array, found[name])
        size, difference = "×".join(map(str, rule.shape)), abs(rule - mine).max()
        print(f"{name:20} {size} numbers, largest difference {difference:.0e}")
    mg.draw(f).render(folder / "chain_rule.svg")
    mg.step_through(f).to_html(folder / "chain_rule.html", title="A chain of three layers")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
