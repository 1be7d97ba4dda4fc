"""What happened during a training."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from micrograd_plus.files import write
from micrograd_plus.plots import new_figure, training_curves


@dataclass
class History:
    """The figures of each epoch and the loss of each batch.

    Attributes:
        epochs: a dictionary for each epoch: "loss", perhaps "accuracy", the same for the
            validation set as "validation loss" and "validation accuracy", "rate", and metrics.
        batches: the loss of each batch.
        stopped: why training ended before the last epoch; empty if it did not.
        steps: the number of batches in an epoch.

    >>> history = History([{"loss": 2.0}, {"loss": 1.0}])
    >>> history["loss"], len(history), history.last["loss"]
    ([2.0, 1.0], 2, 1.0)
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)
    stopped: str = ""
    steps: int = 0

    def __getitem__(self, name: str) -> list[float]:
        """One figure over all epochs."""
        return [epoch[name] for epoch in self.epochs]

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def last(self) -> dict[str, float]:
        """The figures of the last epoch."""
        return self.epochs[-1]

    def __repr__(self) -> str:
        figures = ", ".join(f"{k} {v:.4g}" for k, v in self.last.items()) if self.epochs else ""
        count = f"{len(self)} epoch{'' if len(self) == 1 else 's'}"
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"<History of {count}{': ' if figures else ''}{figures}{stopped}>"

    def to_csv(self, path: str | Path) -> Path:
        """Write a table with a line for each epoch.

        Raises:
            OSError: the file can't be written.
        """
        names = list(dict.fromkeys(name for epoch in self.epochs for name in epoch))
        text = io.StringIO()
        table = csv.DictWriter(text, ["epoch", *names], lineterminator="\n")
        table.writeheader()
        table.writerows({"epoch": i, **epoch} for i, epoch in enumerate(self.epochs, 1))
        return write(Path(path), text.getvalue().encode())

    def to_json(self, path: str | Path) -> Path:
        """Write all figures, those of the batches too.

        Raises:
            OSError: the file can't be written.
        """
        return write(Path(path), json.dumps(vars(self), indent=1).encode())

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the loss of batches, smoothed, and of epochs; and the accuracy, where there is one.

        Args:
            path: where to save the picture, if anywhere; its suffix is the format.

        Returns:
            The figure, of matplotlib.

        Raises:
            ModuleNotFoundError: matplotlib is missing.

        Source: lecture B.
        """
        figure = new_figure()
        kinds = ["loss"] + ["accuracy"] * any("accuracy" in epoch for epoch in self.epochs)
        figure.set_size_inches(5 * len(kinds), 3.5)
        for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
            training_curves(axes, self, kind)
        if path is not None:
            picture = io.BytesIO()
            figure.savefig(picture, format=Path(path).suffix[1:] or "png", dpi=150)
            write(Path(path), picture.getvalue())
        return figure

    def _repr_png_(self) -> bytes | None:
        """The curves, where a notebook's cell ends in the history and matplotlib is there."""
        if not self.epochs or find_spec("matplotlib") is None:
            return None
        png: bytes = self.plot()._repr_png_()
        return png
