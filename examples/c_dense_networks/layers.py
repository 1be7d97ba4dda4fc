"""Lecture C: the graph of a network with one hidden layer, by whole layers.

    python examples/c_dense_networks/layers.py [FOLDER]

compiles the network, whose neurons are scalar code, prints the matrix code that was found beside
the lecture's formulas, and saves the picture of its layers into FOLDER (by default the current
one). Softmax and cross entropy are one there, log Σ exp(Z₂) − T · Z₂, so ∂Z₂ = (A₂ − T) / n has no
A₂ before it; matrix_form.py has both.
"""

import sys
from pathlib import Path

import micrograd_plus as mg
from micrograd_plus import nn

LECTURE = {  # the lecture's formulas, and the names of ours in the program
    "Z₁ = W₁ X + b₁": "z1",
    "A₁ = ReLU(Z₁)": "a1",
    "Z₂ = W₂ A₁ + b₂": "z2",
    "∂W₂ = ∂Z₂ A₁ᵀ": "dW2",
    "∂b₂ = ∂Z₂ · 1": "db2",
    "∂A₁ = W₂ᵀ ∂Z₂": "da1",
    "∂Z₁ = ∂A₁ ∘ [Z₁ > 0]": "dz1",
    "∂W₁ = ∂Z₁ Xᵀ": "dW1",
    "∂b₁ = ∂Z₁ · 1": "db1",
}


def main(folder: Path) -> dict[str, str]:
    """Print the lecture's formulas beside the program's lines, and save the picture."""
    model = nn.MLP(4, [5, 3], seed=1)

    def loss(x: list[mg.Value], t: list[mg.Value]) -> mg.Value:
        return nn.softmax_cross_entropy(model(x), t)

    program = mg.compile(loss, [0.0] * 4, [0.0] * 3, params=model)
    lines = [line.strip() for line in str(program).splitlines()]
    ours = {
        formula: next(x for x in lines if x.startswith(f"{name} =") or x.endswith(f"# {name}"))
        for formula, name in LECTURE.items()
    }
    print(f"{'the lecture':22} the program")
    for formula, line in ours.items():
        print(f"{formula:22} {line}")
    mg.draw(program).render(folder / "layers.svg")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
