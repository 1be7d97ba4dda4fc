"""Lecture A: the sigmoid gate f = 1 / (1 + exp(−(w0·x0 + w1·x1 + b))), taken apart and folded.

    python examples/a_computational_graphs/sigmoid_gate.py [FOLDER]

prints the lecture's numbers beside ours and the steps, and saves the pictures and a page to step
through into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import micrograd_plus as mg

FORWARD = {
    "w0 × x0": 6,
    "w1 × x1": -2,
    "+": 4,
    "+ b": 1,
    "×−1": -1,
    "exp": 0.37,
    "+1": 1.37,
    "1/x": 0.73,
}
BACKWARD = {"1/x": 1, "+1": -0.53, "exp": -0.53, "×−1": -0.20, "+ b": 0.20}
LEAVES = {"b": 0.1966, "w_1": -0.1966, "x_1": 0.3932, "w_0": -0.3932, "x_0": -0.5898}
FOLDED = {"σ(1)": 0.7311, "σ'(1)": 0.1966}


def build() -> tuple[mg.Value, dict[str, mg.Value]]:
    """The graph after backward, and its values by their gates and their labels."""
    w_0, x_0, w_1, x_1, b = leaves = mg.values(w_0=-3, x_0=-2, w_1=2, x_1=-1, b=-3)
    products = [w_0 * x_0, w_1 * x_1]
    inner = products[0] + products[1]
    z = inner + b
    negative = -z
    power = mg.exp(negative)
    below = 1 + power
    f = 1 / below
    f.backward()
    gates = dict(zip(FORWARD, [*products, inner, z, negative, power, below, f], strict=True))
    return f, gates | {leaf.label: leaf for leaf in leaves}


def fold() -> dict[str, float]:
    """The same gates as one σ gate, at z = 1."""
    z = mg.Value(1, "z")
    f = mg.sigmoid(z)
    f.backward()
    return {"σ(1)": f.data, "σ'(1)": z.grad}


def main(folder: Path) -> None:
    """Print the numbers and the steps, and save the pictures."""
    f, ours = build()
    for title, lecture, attribute, digits in (
        ("gate, forward", FORWARD, "data", 2),
        ("gate, backward", BACKWARD, "grad", 2),
        ("gradient of", LEAVES, "grad", 4),
    ):
        print(f"{title:15} lecture     ours")
        for name, number in lecture.items():
            print(f"{name:14} {number:8.{digits}f} {getattr(ours[name], attribute):8.{digits}f}")
        print()
    print("folded          lecture     ours")
    for name, number in fold().items():
        print(f"{name:14} {FOLDED[name]:8.4f} {number:8.4f}")
    print()
    walk = mg.step_through(f)
    walk.print()
    mg.draw(f).render(folder / "sigmoid_gate.svg")
    walk.to_html(folder / "sigmoid_gate.html", title="The sigmoid gate, taken apart")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
