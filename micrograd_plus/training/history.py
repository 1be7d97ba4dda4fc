"""The history of a training."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.files import write
from micrograd_plus._tools.text import visible
from micrograd_plus.plots.curves import gradient_flow, training_curves
from micrograd_plus.plots.style import figure, save


@dataclass
class History:
    """The figures of each epoch and the loss of each batch.

    Attributes:
        epochs: a dictionary for each epoch: "loss", perhaps "accuracy", the same for the
            validation set as "validation loss" and "validation accuracy", "rate", and metrics.
        batches: the loss of each batch.
        stopped: why training ended before the last epoch; empty if it did not.
        steps: the number of batches in an epoch.
        gradients: for each layer the norms of its gradient, one for each batch, if `fit` was called
            with `gradient_flow=True`.

    >>> history = History([{"loss": 2.0}, {"loss": 1.0}])
    >>> history["loss"], len(history), history.last["loss"]
    ([2.0, 1.0], 2, 1.0)
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)
    stopped: str = ""
    steps: int = 0
    gradients: dict[str, list[float]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> list[float]:
        """One figure over all epochs.

        Raises:
            KeyError: there is no such figure.
        """
        try:
            return [epoch[name] for epoch in self.epochs]
        except KeyError:
            raise KeyError(choose("there is no figure", name, self.last)) from None

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def last(self) -> dict[str, float]:
        """The figures of the last epoch."""
        return self.epochs[-1]

    def __repr__(self) -> str:
        last = self.last if self.epochs else {}
        figures = ", ".join(f"{visible(name)} {x:.4g}" for name, x in last.items())
        count = f"{len(self)} epoch{'' if len(self) == 1 else 's'}"
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"<History of {count}{': ' if figures else ''}{figures}{stopped}>"

    def to_csv(self, path: str | Path) -> Path:
        """Write a table with a line for each epoch.

        A name that a spreadsheet would take for a formula is preceded by an apostrophe; control
        characters in names are replaced by their pictures.

        Args:
            path: the file to write.

        Raises:
            OSError: the file can't be written.
        """
        names = list(dict.fromkeys(name for epoch in self.epochs for name in epoch))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["epoch", *map(_heading, names)])
        table.writerows(
            [i, *(epoch.get(name) for name in names)] for i, epoch in enumerate(self.epochs, 1)
        )
        return write(Path(path), text.getvalue().encode())

    def to_json(self, path: str | Path) -> Path:
        """Write all figures, those of the batches too.

        Args:
            path: the file to write.

        Raises:
            OSError: the file can't be written.
        """
        return write(Path(path), json.dumps(vars(self), indent=1).encode())

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the loss of batches, smoothed, and of epochs; and the accuracy and the gradient
        flow, where they were recorded.

        Args:
            path: where to save the picture, if anywhere; its suffix is the format.

        Returns:
            The figure, of matplotlib.

        Raises:
            ModuleNotFoundError: matplotlib is missing.

        Source: lecture B, see help(micrograd_plus).
        """
        kinds = ["loss"] + ["accuracy"] * any("accuracy" in epoch for epoch in self.epochs)
        count = len(kinds) + bool(self.gradients)
        made = figure(count)
        panels = made.subplots(1, count, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=False):
            training_curves(self, kind, axes)
        if self.gradients:
            gradient_flow(self, panels[-1])
        if path is not None:
            save(made, path)
        return made

    def _repr_png_(self) -> bytes | None:
        """The curves, for a notebook cell that ends in the history, if matplotlib is installed."""
        return self.plot()._repr_png_() if self._plotted else None

    def _repr_svg_(self) -> str | None:
        """The same, for a notebook that may be dark."""
        return self.plot()._repr_svg_() if self._plotted else None

    @property
    def _plotted(self) -> bool:
        return bool(self.epochs and find_spec("matplotlib"))


def _heading(name: str) -> str:
    """A name, made safe for a spreadsheet."""
    text = visible(name)
    formula = unicodedata.normalize("NFKC", text).lstrip()[:1] in {*"=+-@"}
    return f"'{text}" if formula else text
