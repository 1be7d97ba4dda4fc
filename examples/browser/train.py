"""What the Train tab asks of Python: a program for `fit`, its parts as JavaScript, and its walks.

The page trains by functions of JavaScript that are made here from the table of operations, the
losses and the update rules. `choices` is what its fields offer, and the colours of its pictures.
"""

from __future__ import annotations

import json
import math
from array import array
from inspect import signature
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import micrograd_plus as mg
from micrograd_plus import datasets, nn
from micrograd_plus.compiler.codegen.javascript import graph_function, rule_function
from micrograd_plus.compiler.codegen.updates import RULES
from micrograd_plus.drawing.dot import heatmap
from micrograd_plus.drawing.dot.network import THICK, THIN
from micrograd_plus.drawing.look import legible
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import derivatives
from micrograd_plus.nn.losses import as_numbers
from micrograd_plus.plots import COLOURS
from micrograd_plus.plots.planes import STRENGTHS
from micrograd_plus.training.fit import shuffled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from micrograd_plus import Value

# what a data set is called: its function, and how many classes it has; 0 if targets are numbers
DATA = {
    "moons": ("moons", 2),
    "circles": ("circles", 2),
    "xor": ("xor", 2),
    "two-spirals": ("spirals", 2),
    "three-spirals": ("spirals", 3),
    "blobs": ("blobs", 3),
    "two-parabolas": ("parabolas", 0),
}
OWN = "own"  # points that the reader sets
LOSSES = {
    "binary_cross_entropy_with_logits": (2,),  # for how many classes
    "softmax_cross_entropy": (2, 3),
    "hinge": (2,),
    "mse": (0, 2),
    "l1": (0, 2),
}
_SIGNED = ("hinge", "mse", "l1")  # their two classes are −1 and 1
LISTS = {
    "data": (*DATA, OWN),
    "activation": ("linear", *nn.ACTIVATIONS),
    "loss": (*LOSSES,),
    "rule": tuple(rule.__name__ for rule in RULES),
    "penalty": ("none", "l2_penalty", "l1_penalty"),
}
RANGES = {
    "points": (4, 1000),
    "noise": (0.0, 1.0),
    "held": (0.0, 0.9),
    "seed": (0, 10**9),
    "rate": (1e-6, 10.0),
    "batch": (1, 1000),
    "strength": (0.0, 1.0),
}
FIRST = {
    "data": "moons", OWN: "", "points": 250, "noise": 0.1, "held": 0.2, "seed": 0, "hidden": "8,8",
    "activation": "tanh", "loss": "binary_cross_entropy_with_logits", "rule": "Adam", "rate": 0.01,
    "batch": 10, "penalty": "none", "strength": 0.001,
}  # fmt: skip
_LAYERS, _NEURONS, _POINTS = 5, 8, 500
_CLASSES = max(map(max, LOSSES.values()))


class OptionError(ValueError):
    """A field says what can't be used.

    Args:
        field: its name.
        message: what is wrong, and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def choices() -> str:
    """What the fields offer, and how numbers are drawn, as JSON."""
    noises = {
        name: signature(getattr(datasets, function)).parameters["noise"].default
        for name, (function, _) in DATA.items()
    }
    return json.dumps(
        {
            "first": FIRST,
            "lists": LISTS,
            "ranges": RANGES,
            "noises": {**noises, "xor": 0.1},  # without any, many points are one
            "classes": {name: classes for name, (_, classes) in DATA.items()},
            "losses": LOSSES,
            "most": _CLASSES,
            "colours": {
                "light": COLOURS,
                "dark": [legible(colour, "#111827") for colour in COLOURS],  # as in playground.css
            },
            "strengths": [*STRENGTHS.items()],
            "heat": [heatmap.color(x / 100, 1.0) for x in range(-100, 101)],
            "widths": [THIN, THICK],
        }
    )


# ------------------------------------------------------------------------------ the program


def program(asked: Mapping[str, str]) -> tuple[str, str]:
    """What the fields say as a program: all before the training, and the call that trains.

    Args:
        asked: the text of each field of `FIRST`.

    Raises:
        OptionError: one is unknown, out of its range, or does not fit another one.
    """
    given: dict[str, Any] = {name: _listed(asked, name) for name in LISTS}
    given |= {name: _number(asked, name) for name in RANGES}
    data, classes, count = _own(asked[OWN]) if given["data"] == OWN else _generated(given)
    loss, seed = given["loss"], given["seed"]
    if classes not in LOSSES[loss]:
        what = f"{classes} classes" if classes else "targets that are numbers"
        fit = ", ".join(name for name, counts in LOSSES.items() if classes in counts)
        raise OptionError("loss", f"{loss} is not for {what}; choose {fit}")
    train = f"datasets.split(data, {given['held']}, {seed})"
    if not 0 < round(given["held"] * count) < count:
        train = "data, None"
    inputs, outputs = (2, classes) if classes else (1, 2)
    if classes == 2 and loss != "softmax_cross_entropy":
        outputs = 1
    sizes = [*_hidden(asked["hidden"]), outputs]
    activation, init = (f'"{name}"' for name in (given["activation"], "he_uniform"))
    lines = ["import micrograd_plus as mg", "from micrograd_plus import datasets, nn, optim", ""]
    lines.append(f"data = {data}")
    if classes and loss in _SIGNED:
        lines.append("data = data[0], [2 * t - 1 for t in data[1]]  # the classes are −1 and 1")
    lines += [
        f"train, held_out = {train}",
        f"model = nn.MLP({inputs}, {sizes}, activation={activation}, init={init}, seed={seed})",
        f"loss = nn.{loss}",
        f"rule = optim.{given['rule']}({given['rate']})",
    ]
    options = f"batch_size={given['batch']}, seed={seed}, validation=held_out, epochs=100"
    if (penalty := given["penalty"]) != "none":
        lines.append(f"penalty = lambda parameters: nn.{penalty}(parameters, {given['strength']})")
        options += ", penalty=penalty"
    return "\n".join(lines), f"mg.fit(model, train, loss, rule, {options})"


def _generated(given: Mapping[str, Any]) -> tuple[str, int, int]:
    """A data set as an expression, and its numbers of classes and of examples."""
    function, classes = DATA[given["data"]]
    known = signature(getattr(datasets, function)).parameters
    values = {"classes": classes, "noise": given["noise"], "seed": given["seed"]}
    options = [f"{name}={x}" for name, x in values.items() if name in known]
    count = given["points"]
    return f"datasets.{function}({', '.join([str(count), *options])})", classes, count


def _own(text: str) -> tuple[str, int, int]:
    """The same for points that the reader set: x,y,class with semicolons between them."""
    try:
        points = [[*map(float, point.split(","))] for point in text.split(";") if point]
        fine = all(max(abs(x), abs(y)) <= 1e6 and c in range(_CLASSES) for x, y, c in points)
    except ValueError:
        fine = False
    if not fine or len(points) > _POINTS:
        form = f"x,y,class;x,y,class with classes from 0 to {_CLASSES - 1}"
        raise OptionError(OWN, f"up to {_POINTS} points are written as {form}")
    classes = [int(c) for _, _, c in points]
    if len({*classes}) < 2:
        raise OptionError(OWN, "set points of two classes at least, by clicks or by the fields")
    data = [[x, y] for x, y, _ in points], classes
    return str(data), max(2, *(c + 1 for c in classes)), len(points)


def _hidden(text: str) -> list[int]:
    sizes = [int(size) if size.strip().isdecimal() else 0 for size in text.split(",") if text]
    if len(sizes) > _LAYERS or not all(1 <= size <= _NEURONS for size in sizes):
        raise OptionError(
            "hidden",
            f"write up to {_LAYERS} layers of 1 to {_NEURONS} neurons, such as 8,8, not {text!r}",
        )
    return sizes


def _listed(asked: Mapping[str, str], name: str) -> str:
    if asked[name] not in LISTS[name]:
        raise OptionError(name, f"{asked[name]!r} is none of {', '.join(LISTS[name])}")
    return asked[name]


def _number(asked: Mapping[str, str], name: str) -> float:
    low, high = RANGES[name]
    try:
        number = type(low)(asked[name])
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        kind = "a whole number" if isinstance(low, int) else "a number"
        raise OptionError(name, f"{kind} from {low:g} to {high:g} is needed, not {asked[name]!r}")
    return number


# ------------------------------------------------------------------------------ the training


def begin(asked: str) -> tuple[Lesson | None, str]:
    """A lesson and its content; or None, and which field says what can't be used, and why, as JSON.

    Args:
        asked: what the fields say, as JSON.
    """
    try:
        lesson = Lesson(json.loads(asked))
    except OptionError as error:
        return None, json.dumps({"field": error.field, "error": str(error)})
    return lesson, lesson.content()


class Lesson:
    """A network, its data, and all that it takes to train it in a page.

    Args:
        asked: as for `program`.

    Raises:
        OptionError: as for `program`.
    """

    def __init__(self, asked: Mapping[str, str]) -> None:
        setup, call = program(asked)
        self._program = f"{setup}\nhistory = {call}\n"
        made: dict[str, Any] = {"penalty": None}
        exec(setup, made)  # noqa: S102  it is written by `program`, of what that has checked
        self._model, self._loss, self._rule = made["model"], made["loss"], made["rule"]
        self._penalty = made["penalty"]
        self._sets = [made["train"], *filter(None, [made["held_out"]])]
        self._classifies = asked["data"] == OWN or DATA[asked["data"]][1] > 0
        self._random = Random(int(asked["seed"]))  # noqa: S311  for the same order as in `fit`
        self._parameters: list[Value] = self._model.parameters()

    def content(self) -> str:
        """The functions that train, as JavaScript, the data and the first numbers, as JSON."""
        sets = [self._as_numbers(*part) for part in self._sets]
        x, t = (_values(sets[0][part][0]) for part in ("inputs", "targets"))
        layers = [x]
        for layer in self._model.layers:
            layers.append(layer.outputs(layers[-1]))
        loss = self._loss(*(part if len(part) > 1 else part[0] for part in (layers[-1], t)))
        given = [*self._parameters, *x, *t]
        functions = {
            "loss": graph_function(given, [loss]),
            "example": graph_function(given, self._with_slopes(loss)),
            "neurons": graph_function([*self._parameters, *x], [*chain(*layers[1:])]),
            "update": rule_function(self._rule),
        }
        if self._penalty:
            charge = self._with_slopes(self._penalty(self._parameters))
            functions["penalty"] = graph_function(self._parameters, charge)
        return json.dumps(
            {
                "functions": functions,
                "sets": sets,
                "classifies": self._classifies,
                "sizes": [*map(len, layers)],
                "labels": [p.label for p in self._parameters],
                "parameters": [p.data for p in self._parameters],
                "states": self._rule.initial(0.0),
                "program": self._program,
            }
        )

    def order(self) -> list[int]:
        """The examples of the next epoch, in the order in which `fit` takes them."""
        return [*shuffled(array("q", range(len(self._sets[0][0]))), self._random)]

    def walk(self, parameters: Sequence[float], part: int, index: int) -> str:
        """A page that steps through the loss of one example, forward and backward.

        Args:
            parameters: the numbers that the parameters have now.
            part: 0 for the training set, 1 for the held-out one.
            index: the example's position in that set.
        """
        for p, number in zip(self._parameters, parameters, strict=True):
            p.data = number
        inputs, targets = self._sets[part]
        x = [mg.Value(number, f"x_{i}") for i, number in enumerate(inputs[index])]
        walk = mg.step_through(self._loss(self._model(x), targets[index]))
        with TemporaryDirectory() as folder:
            page = walk.to_html(Path(folder, "walk.html"), bare=True)
            return page.read_text(encoding="utf-8")

    def _as_numbers(self, inputs: Any, targets: Any) -> dict[str, Any]:
        """A set: inputs and targets as lists of numbers, and the class of each example."""
        outputs = len(self._model.layers[-1].neurons)
        written = [as_numbers(self._loss, target, outputs) for target in targets]
        return {
            "inputs": inputs,
            "targets": [t if isinstance(t, list) else [t] for t in written],
            "classes": [max(0, target) for target in targets] if self._classifies else None,
        }

    def _with_slopes(self, loss: Value) -> list[Value | float]:
        """A Value and its derivatives by the parameters, as Values."""
        return [loss, *derivatives(loss, self._parameters, m=recorded)]


def _values(numbers: Sequence[float]) -> list[Value]:
    return [mg.Value(number) for number in numbers]
