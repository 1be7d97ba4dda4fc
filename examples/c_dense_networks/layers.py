"""Lecture C: the graph of a network with one hidden layer, by whole layers.

    python examples/c_dense_networks/layers.py [FOLDER]

draws x → W₁· → +b₁ → Z₁ → ReLU → A₁ → W₂· → +b₂ → Z₂ → softmax → A₂ → cross entropy with the
target, the gradients below, and saves the picture into FOLDER (by default the current one). The
formulas are the lecture's; matrix_form.py computes with them.
"""

import sys
from html import escape
from pathlib import Path

from micrograd_plus.drawing.picture import Picture

WIRES = {  # what stands between the lecture's gates, and its gradient; n examples, T the targets
    "X": "",
    "Z₁": "∂Z₁ = ∂A₁ ∘ [Z₁ > 0]",
    "A₁": "∂A₁ = W₂ᵀ ∂Z₂",
    "Z₂": "∂Z₂ = (A₂ − T) / n",
    "A₂": "∂A₂ = −T / A₂ / n",
    "E": "∂E = 1",
}
GATES = {  # the wires before and after, the gates and the gradients of their weights
    ("X", "Z₁"): {"W₁ ·": "∂W₁ = ∂Z₁ Xᵀ", "+ b₁": "∂b₁ = ∂Z₁ · 1"},
    ("Z₁", "A₁"): {"ReLU": ""},
    ("A₁", "Z₂"): {"W₂ ·": "∂W₂ = ∂Z₂ A₁ᵀ", "+ b₂": "∂b₂ = ∂Z₂ · 1"},
    ("Z₂", "A₂"): {"softmax": ""},
    ("A₂", "E"): {"cross entropy with T": ""},
}
GREEN, RED = "#15803d", "#dc2626"


def wire(name: str, gradient: str) -> str:
    """A table of two rows whose rule between them is the wire."""
    cells = "".join(
        f'<tr><td valign="{side}"><font color="{colour}">{escape(text) or " "}</font></td></tr>'
        for side, colour, text in (("bottom", GREEN, name), ("top", RED, gradient))
    )
    return f'"{name}" [shape=plain label=<<table border="0" rows="*">{cells}</table>>]'


def gate(name: str, gradient: str) -> str:
    """A box, with the gradient of its weights if it has any."""
    below = f'<br/><font color="{RED}">{escape(gradient)}</font>' if gradient else ""
    return f'"{name}" [shape=box style=rounded label=<<b>{name}</b>{below}>]'


def main(folder: Path) -> list[str]:
    """Print the chain and the gradients, and save the picture."""
    lines = ["rankdir=LR; ranksep=0.2", 'node [fontname="Helvetica" fontsize=12]']
    lines += ["edge [arrowsize=0.6]", *(wire(*item) for item in WIRES.items())]
    names, gradients = ["X"], []
    for (before, after), gates in GATES.items():
        lines += [gate(*item) for item in gates.items()]
        lines.append(" -> ".join(f'"{name}"' for name in (before, *gates, after)))
        names += [*gates, after]
        gradients += [*gates.values(), WIRES[after]]
    print("The lecture's graph:", " → ".join(names))
    print("\n".join(f"    {gradient}" for gradient in reversed(gradients) if gradient))
    print("∂W stands for ∂E/∂W.")
    Picture("digraph {" + "\n".join(lines) + "}").render(folder / "layers.svg")
    return names


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
