"""What changes during a training, as checkpoints keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.text import visible
from micrograd_plus.graph import finite
from micrograd_plus.training import checkpoint as checkpoints
from micrograd_plus.training.checkpoint import CheckpointError
from micrograd_plus.training.history import History
from micrograd_plus.training.settings import changed, difference, restore

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path
    from random import Random

    from micrograd_plus.nn.module import Module
    from micrograd_plus.optim.optimizer import Optimizer

_ANEW = "with another it is a new training, which may start from the parameters in that file"


class Training(NamedTuple):
    """What changes during a training, and what it was begun with.

    Attributes:
        settings: what has to be the same to go on, as plain data; "model" is its content.
        data: digests of the examples.
        numbers: what the model had besides its parameters, where this training began or goes on.
        moved: which of them an earlier part of this training changed.
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
        version, numbers, gauss = self.random.getstate()
        found = changed(self.model, self.settings["model"], self.moved)
        checkpoints.save(
            path,
            parameters=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            settings={**self._settings(found), **self.data},
            numbers=found,
            random=[version, list(numbers), gauss],
            history=vars(self.history),
        )

    def resumed(self, path: str | Path, names: list[str], layers: list[str]) -> Training:
        """The training at the point where a checkpoint, with these names, was written."""
        content = checkpoints.load(path)
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
        """Undo what trying the model out has changed besides its parameters."""
        restore(self.model, self.numbers)

    def _settings(self, moved: Container[str]) -> dict[str, Any]:
        """The settings, without those of the model that training changes."""
        known = {path: x for path, x in self.settings["model"].items() if path not in moved}
        return {**self.settings, "model": known}


def _history(content: dict[str, Any], names: list[str], layers: list[str], steps: int) -> History:
    """A history from a checkpoint; why it stopped is for the training that goes on to say."""
    if sorted(content) != sorted(vars(History())) or not isinstance(content["stopped"], str):
        raise ValueError("its history is not complete")
    epochs, batches, gradients = content["epochs"], content["batches"], content["gradients"]
    if not (isinstance(epochs, list) and isinstance(batches, list) and epochs):
        raise TypeError("its history has no list of epochs, or of batches")
    if odd := set(gradients) ^ set(layers):
        raise ValueError(
            f"its history and this training differ in gradient_flow of {', '.join(sorted(odd))}"
        )
    each = [batches, *gradients.values()]
    if content["steps"] != steps or any(len(found) != len(epochs) * steps for found in each):
        raise ValueError(f"its history has not {steps} batches in each epoch")
    for epoch in epochs:
        if odd := set(epoch) ^ set(names):
            raise ValueError(f"its history and this training differ in {', '.join(sorted(odd))}")
    for x in [x for found in (*each, *(epoch.values() for epoch in epochs)) for x in found]:
        finite(x, "a figure of its history")
    return History(**{**content, "stopped": ""})
