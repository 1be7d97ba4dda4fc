"""Lecture A: f = (x + y) · z, forward and backward, one number at a time.

(The slide prints "x + y · z"; its graph adds first.)

    python examples/a_computational_graphs/xyz.py [FOLDER]

prints the lecture's numbers beside ours and the steps, and saves the picture and a page to step
through into FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import micrograd_plus as mg

LECTURE = {"d": -2, "f": -8, "∂f/∂f": 1, "∂f/∂z": -2, "∂f/∂d": 4, "∂f/∂y": 4, "∂f/∂x": 4}


def build() -> tuple[mg.Value, dict[str, float]]:
    """The graph after backward, and our numbers by the lecture's names."""
    x, y, z = mg.values(x=1, y=-3, z=4)
    d = x + y
    d.label = "d"
    f = d * z
    f.label = "f"
    f.backward()
    gradients = {f"∂f/∂{v.label}": v.grad for v in (f, z, d, y, x)}
    return f, {"d": d.data, "f": f.data, **gradients}


def main(folder: Path) -> None:
    """Print the numbers and the steps, and save the pictures."""
    f, ours = build()
    print("what   lecture   ours")
    for name, number in LECTURE.items():
        print(f"{name:6} {number:7} {ours[name]:6g}")
    print()
    walk = mg.step_through(f)
    walk.print()
    mg.draw(f).render(folder / "xyz.svg")
    walk.to_html(folder / "xyz.html", title="f = (x + y) · z")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
