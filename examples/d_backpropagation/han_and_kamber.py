"""Lecture D: the network of Han and Kamber, "Data Mining", through one step of training.

(The slide has two misprints: i6 is computed with 0.1 for o5, and w15 is once called w1,6.)

    python examples/d_backpropagation/han_and_kamber.py [FOLDER]

prints the lecture's numbers beside ours, and saves the picture and a page to step through into
FOLDER (by default the current one).
"""

import sys
from pathlib import Path

import micrograd_plus as mg
from micrograd_plus import optim

INPUTS, TARGET, RATE = {"x1": 1, "x2": 0, "x3": 1}, 1, 0.9
START = {
    "w14": 0.2, "w15": -0.3, "w24": 0.4, "w25": 0.1, "w34": -0.5, "w35": 0.2, "w46": -0.3,
    "w56": -0.2, "b4": -0.4, "b5": 0.2, "b6": 0.1,
}  # fmt: skip
FORWARD = {
    "i4": -0.7, "o4": 0.33181, "i5": 0.1, "o5": 0.52498, "i6": -0.10454, "o6": 0.47389,
}  # fmt: skip
ERRORS = {"Err6": 0.131169, "Err5": -0.006542, "Err4": -0.008725}
UPDATED = {
    "w46": -0.260829, "w56": -0.138025, "w14": 0.192148, "w15": -0.305888, "w24": 0.4,
    "w25": 0.1, "w34": -0.507852, "w35": 0.194112, "b6": 0.218052, "b5": 0.194112,
    "b4": -0.407852,
}  # fmt: skip


def subscripted(name: str) -> str:
    """The label of a lecture's name: w14 is drawn with 14 below."""
    return f"{name[0]}_{{{name[1:]}}}"


def build() -> tuple[mg.Value, dict[str, mg.Value]]:
    """The error's graph after backward, and its values by the lecture's names."""
    v = {name: mg.Value(x, subscripted(name)) for name, x in {**INPUTS, **START}.items()}
    for unit, sources in {4: "123", 5: "123", 6: "45"}.items():
        outputs = [v[f"{'x' if unit < 6 else 'o'}{source}"] for source in sources]
        v[f"i{unit}"] = mg.dot([v[f"w{s}{unit}"] for s in sources], outputs, v[f"b{unit}"])
        v[f"o{unit}"] = mg.sigmoid(v[f"i{unit}"])
        for name in (f"i{unit}", f"o{unit}"):
            v[name].label = subscripted(name)
    error = 0.5 * (TARGET - v["o6"]) ** 2
    error.label = "E"
    error.backward()
    return error, v


def main(folder: Path) -> dict[str, float]:
    """Print the numbers, make the step, and save the pictures."""
    error, v = build()
    mg.draw(error).render(folder / "han_and_kamber.svg")
    mg.step_through(error).to_html(folder / "han_and_kamber.html", title="Han and Kamber's network")
    ours = {name: v[name].data for name in FORWARD}
    ours |= {f"Err{unit}": -v[f"i{unit}"].grad for unit in (6, 5, 4)}
    optim.Optimizer([v[name] for name in START], optim.GradientDescent(RATE)).step()
    ours |= {name: v[name].data for name in UPDATED}
    for title, lecture in (
        ("forward", FORWARD),
        ("Err = −∂E/∂i", ERRORS),
        (f"updated, η = {RATE}", UPDATED),
    ):
        print(f"{title:16}   lecture       ours")
        for name, number in lecture.items():
            print(f"{name:16} {number:9.6g}  {ours[name]:9.6f}")
        print()
    print("Misprints: the slide computes i6 with 0.1 for o5, and once calls w15 w1,6.")
    return ours


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
