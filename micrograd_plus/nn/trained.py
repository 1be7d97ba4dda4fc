"""What becomes of a model after training: it predicts, and is saved and loaded.

These functions are methods of `Module`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.files import write
from micrograd_plus._tools.text import short
from micrograd_plus.graph import assign, finite, hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module

_FORMAT = {"format": "micrograd_plus model", "version": 1}


class Kept:
    """What computes a model for many examples. It is the model's own, and no part of a copy.

    Attributes:
        programs: for each shape of an example; None before the first use.
    """

    __slots__ = ("programs",)

    def __init__(self, programs: Any = None) -> None:
        self.programs = programs

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()


def predict(self: Module, inputs: Any, loss: Callable[..., Any] | None = None) -> Any:
    """The outputs for many examples, or their classes, by a compiled program.

    The program is kept for further calls, also when the parameters have changed.

    Args:
        inputs: an array or a table of (N, K) numbers, an example in each row, or nested lists.
        loss: the loss that the model was trained by, if it classifies: then the result is the
            class of each example, as targets name it, such as 0 or 1, and −1 or 1 for `hinge`.

    Returns:
        What the model returns for one example, for all of them: an array of (N, outputs), or of
        (N,) if that is a single Value. With a loss an array of N whole numbers.

    Raises:
        TypeError, ValueError: the inputs don't suit the model; the message names their shape.
            Or the loss is none that classifies, or the outputs don't suit it.
        NonFiniteError: an output is not a finite number.
        ModuleNotFoundError: NumPy is missing.

    >>> from micrograd_plus import datasets, fit, nn, optim
    >>> inputs, targets = datasets.xor()
    >>> model, loss = nn.MLP(2, [4, 1], activation="tanh", seed=1), nn.hinge
    >>> model.predict(inputs).shape
    (4,)
    >>> _ = fit(model, datasets.xor(labels=(-1, 1)), loss, optim.Adam(0.1), epochs=60)
    >>> model.predict(inputs, loss)
    array([-1,  1,  1, -1])
    """
    return hooks.predict(self, inputs, loss)


def state_dict(self: Module) -> dict[str, float]:
    """The number of each parameter by its path, such as `layers.0.neurons.1.w.2`.

    Raises:
        ValueError: two parameters have the same path.
    """
    return {name: parameter.data for name, parameter in _by_name(self).items()}


def _by_name(self: Module) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, parameter in self.named_parameters():
        if name in found:
            raise ValueError(f"two parameters have the path {short(name)}")
        found[name] = parameter
    return found


def load_state_dict(self: Module, state: Mapping[str, float]) -> None:
    """Set all parameters to the numbers that `state_dict` gave.

    Args:
        state: a number for each parameter's path.

    Raises:
        ValueError: names are missing or unknown; then nothing is changed.
        TypeError: the state is no dictionary, or an entry no number; nothing is changed.
        NonFiniteError: an entry is not a finite number; then nothing is changed.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"a dictionary of numbers by path is needed, not {short(state)}")
    parameters = _by_name(self)
    for what, names in (
        ("lacks", parameters.keys() - state.keys()),
        ("has the unknown", state.keys() - parameters.keys()),
    ):
        if names:
            some = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
            raise ValueError(f"the state {what} {some}: it is that of another model")
    numbers = [finite(state[name], f"the state's {name}") for name in parameters]
    assign(parameters.values(), "data", numbers)


def save(self: Module, path: str | Path) -> None:
    """Write the parameters' numbers to a file of JSON, all digits of them, atomically.

    Args:
        path: the file, such as model.json.

    Raises:
        OSError: the file can't be written.
        ValueError: two parameters have the same path.

    >>> from tempfile import TemporaryDirectory
    >>> from micrograd_plus import nn
    >>> model, same = nn.MLP(2, [3, 1], seed=1), nn.MLP(2, [3, 1])
    >>> with TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.json")
    ...     same.load(f"{folder}/model.json")
    >>> same.state_dict() == model.state_dict()
    True
    """
    content = {**_FORMAT, "model": repr(self).splitlines(), "parameters": state_dict(self)}
    write(Path(path), json.dumps(content, indent=1, ensure_ascii=False).encode())


def load(self: Module, path: str | Path) -> None:
    """Set all parameters to the numbers in a file, one of `save` or a checkpoint of `fit`.

    Args:
        path: the file. It must be that of a model of the same layers and activations.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no such file, or that of another model; then nothing is changed.
        TypeError, NonFiniteError: a number in it is none; likewise.

    >>> from micrograd_plus import nn
    >>> nn.MLP(2, [3, 1]).load("/dev/null")
    Traceback (most recent call last):
        ...
    ValueError: /dev/null is no file of a model: Expecting value: line 1 column 1 (char 0)
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no file of a model: {error}") from None
    if not (isinstance(content, dict) and isinstance(content.get("parameters"), dict)):
        raise ValueError(f"{path} is no file of a model: it has no parameters")
    mine = repr(self).splitlines()
    if (theirs := content.get("model", mine)) != mine:
        pairs = zip_longest(theirs if isinstance(theirs, list) else [], mine)
        one, other = next(pair for pair in pairs if pair[0] != pair[1])
        raise ValueError(
            f"{path} is that of another model: it has {short(one)}, not {short(other)}"
        )
    load_state_dict(self, content["parameters"])
