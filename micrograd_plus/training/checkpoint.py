"""Checkpoints: the state of a training as plain data, written atomically.

The file is readable JSON. Its last entry is a digest of everything before it, so that a damaged or
edited file is detected.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.files import write
from micrograd_plus._tools.text import visible
from micrograd_plus.graph import finite
from micrograd_plus.training.fingerprint import changed, difference, restore
from micrograd_plus.training.history import History

if TYPE_CHECKING:
    from collections.abc import Container
    from random import Random

    from micrograd_plus.nn.module import Module
    from micrograd_plus.optim.optimizer import Optimizer

_FORMAT, _VERSION = "micrograd_plus checkpoint", 2
_BEGIN = json.dumps({"format": _FORMAT, "version": ""}).removesuffix('""}').encode()
_PARTS = {
    "parameters": dict,
    "optimizer": dict,
    "settings": dict,
    "numbers": dict,
    "random": list,
    "history": dict,
}
_ANEW = "with another it is a new training, which may start from the parameters in that file"


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this training.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "training.json")
    ...     _ = path.write_text('{"format": "micrograd_plus checkpoint", "version": 2')
    ...     try:
    ...         load(path)
    ...     except CheckpointError as error:
    ...         print(str(error).removeprefix(folder)[1:])
    training.json is cut short, or was changed since it was written
    """


class Training(NamedTuple):
    """The state of a training, and the settings it was begun with.

    Attributes:
        settings: what must be the same to resume, as plain data; "model" is the model's content.
        data: digests of the examples.
        numbers: the model's other numbers, when this training began or was resumed.
        moved: the names of those that an earlier part of this training changed.
    """

    optimizer: Optimizer
    model: Module
    random: Random
    history: History
    settings: dict[str, Any]
    data: dict[str, str]
    numbers: dict[str, Any]
    moved: frozenset[str] = frozenset()

    def save(self, path: str | Path) -> None:
        """Write a checkpoint atomically: the old file stays until the new one is complete.

        Raises:
            OSError: the file can't be written.
        """
        version, numbers, gauss = self.random.getstate()
        found = changed(self.model, self.settings["model"], self.moved)
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "parameters": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "settings": {**self._settings(found), **self.data},
            "numbers": found,
            "random": [version, list(numbers), gauss],
            "history": vars(self.history),
        }
        write(Path(path), _sealed(json.dumps(content).removesuffix("}").encode()))

    def resumed(self, path: str | Path, names: list[str], layers: list[str]) -> Training:
        """The training at the point where a checkpoint, with these names, was written."""
        content = load(path)
        theirs, moved = content["settings"], content["numbers"]
        for name, mine in self._settings(moved).items():
            if odd := difference(theirs.get(name), mine, name):
                raise CheckpointError(f"{path} was written with {odd}; {_ANEW}")
        for name, mine in self.data.items():
            if theirs.get(name, mine) != mine:
                raise CheckpointError(f"{path} was written with other {name}; {_ANEW}")
        try:
            if lost := moved.keys() - self.numbers.keys():
                raise ValueError(f"the model has no {', '.join(sorted(lost))}")
            version, numbers, gauss = content["random"]
            self.random.setstate((version, tuple(numbers), gauss))
            history = _history(content["history"], names, layers, self.history.steps)
            self.optimizer.load_state_dict(content["optimizer"])
            self.model.load_state_dict(content["parameters"])
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} does not fit: {visible(str(error))}") from None
        numbers = {**self.numbers, **moved}
        return self._replace(history=history, numbers=numbers, moved=frozenset(moved))

    def settle(self) -> None:
        """Undo changes that trial calls of the model made to anything but its parameters."""
        restore(self.model, self.numbers)

    def _settings(self, moved: Container[str]) -> dict[str, Any]:
        """The settings, without those of the model that training changes."""
        known = {path: x for path, x in self.settings["model"].items() if path not in moved}
        return {**self.settings, "model": known}


def _history(content: dict[str, Any], names: list[str], layers: list[str], steps: int) -> History:
    """The history in a checkpoint, without the reason why that training stopped."""
    if sorted(content) != sorted(vars(History())) or not isinstance(content["stopped"], str):
        raise ValueError("its history is not complete")
    epochs, batches, gradients = content["epochs"], content["batches"], content["gradients"]
    if not (isinstance(epochs, list) and isinstance(batches, list) and epochs):
        raise TypeError("its history has no list of epochs, or of batches")
    if not isinstance(gradients, dict):
        raise TypeError("its history has no gradients by layer")
    if odd := set(gradients) ^ set(layers):
        raise ValueError(
            f"its history and this training differ in gradient_flow of {', '.join(sorted(odd))}"
        )
    numbers = {"batches": batches} | {f"gradients of {name}": gradients[name] for name in layers}
    for what, found in numbers.items():
        complete = isinstance(found, list) and len(found) == len(epochs) * steps
        if content["steps"] != steps or not complete:
            raise ValueError(f"its history has not {steps} {what} in each epoch")
    for epoch in epochs:
        if odd := set(epoch) ^ set(names):
            raise ValueError(f"its history and this training differ in {', '.join(sorted(odd))}")
    numbers["figures"] = [x for epoch in epochs for x in epoch.values()]
    for what, found in numbers.items():
        for x in found:
            finite(x, f"one of the {what} in its history")
    return History(**{**content, "stopped": ""})


def load(path: str | Path) -> dict[str, Any]:
    """The parts of a checkpoint.

    Raises:
        OSError: the file can't be read.
        CheckpointError: it is truncated, altered, of another version, or not a checkpoint.
    """
    with Path(path).open("rb") as file:
        begin = file.read(len(_BEGIN))
        if not _BEGIN.startswith(begin):  # a file without an end is not read on
            raise CheckpointError(f"{path} is not a checkpoint of micrograd_plus")
        data = begin + file.read()
    found = re.match(rb"\d{1,9}", data[len(_BEGIN) :])
    if found and int(found[0]) != _VERSION:
        raise CheckpointError(
            f"{path} is of version {int(found[0])}; this is version {_VERSION}: train anew"
        )
    if not found or data != _sealed(data[: -len(_sealed(b""))]):
        raise CheckpointError(f"{path} is cut short, or was changed since it was written")
    content: dict[str, Any] = json.loads(data)
    for part, kind in _PARTS.items():
        if not isinstance(content.get(part), kind):
            raise CheckpointError(f"{path} lacks its {part}")
    return content


def _sealed(content: bytes) -> bytes:
    """JSON text up to its last entry, completed with its digest."""
    return content + f', "sha256": "{sha256(content).hexdigest()}"}}'.encode()
