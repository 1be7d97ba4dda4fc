"""What all plots have in common: colours, dashes and marks, axes, and names as plain text."""

from __future__ import annotations

import base64
import io
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import dark
from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.extras import need
from micrograd_plus._tools.files import write
from micrograd_plus._tools.text import brief
from micrograd_plus.datasets import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS = ("#168cff", "#9f1d05", "#1d5e55", "#d57c18", "#9b239c", "#2d0608")
"""Colours of lines and classes that readers without red, green or blue cones tell apart, too."""
GREY, PALE = "#57606a", "#cfd6dd"
"""Colours of what stays in the background, the second even more than the first."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 2)), (0, (8, 2, 1, 2, 1, 2)), (0, (3, 3)))
MARKERS = "os^Dv*P"
"""There are more marks than colours, so that they differ where a colour is used again."""
_DPI = 100  # of a figure in a notebook


def style(k: int) -> dict[str, Any]:
    """The colour and the dashes of the k-th line of a plot, as arguments for matplotlib's `plot`.

    Args:
        k: the number of the line, from 0; after 42 lines they repeat.

    >>> style(1)
    {'color': '#9f1d05', 'linestyle': '--'}
    """
    return {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[k % len(DASHES)]}


def figure(panels: int = 1) -> Any:
    """An empty figure with room for some panels, which notebooks show without pyplot.

    Raises:
        ModuleNotFoundError: matplotlib is missing.
    """
    size = 5 * panels, 3.5
    made = need("matplotlib.figure", "plot").Figure(figsize=size, layout="constrained")
    made._repr_png_ = partial(_bytes, made, "png", _DPI)
    made._repr_svg_ = partial(_adapting, made)
    return made


def check_format(path: str | Path) -> None:
    """Check that `save` knows the format that the ending of a file names.

    Raises:
        ValueError: there is no such format.
    """
    format = Path(path).suffix[1:]
    known = need("matplotlib.backend_bases", "plot").FigureCanvasBase.get_supported_filetypes()
    if format and format.lower() not in known:
        raise ValueError(choose(f"{path}: there is no format", format, known))


def save(figure: Any, path: str | Path) -> None:
    """Write a figure into a file, in the format that its ending names.

    Raises:
        OSError: the file can't be written.
        ValueError: there is no such format.
    """
    path = Path(path)
    check_format(path)
    write(path, _bytes(figure, path.suffix[1:] or "png", 150))


def _bytes(figure: Any, format: str, dpi: int) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=format, dpi=dpi)
    return content.getvalue()


def _adapting(figure: Any) -> str:
    """The figure for notebooks, the dark ones, too: its points in a frame that adapts."""
    width, height = (round(_DPI * inches) for inches in figure.get_size_inches())
    points = base64.b64encode(_bytes(figure, "png", _DPI)).decode()
    return dark.adapting(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{0.8 * width}">'  # JupyterLab would cut wider ones off
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{points}"/></svg>'
    )


def on(axes: Any) -> Any:
    """The axes to draw on, a new figure's by default, without a frame above and on the right."""
    if axes is None:
        axes = figure().add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def plain(name: str) -> str:
    """A name as plain text: to matplotlib $ means mathematics, and a leading _ hides a label."""
    text = brief(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def line(low: float, high: float, steps: int) -> list[float]:
    """Evenly spaced numbers."""
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"a span is of two numbers, the first below the second: {low}, {high}")
    return [low + (high - low) * i / (steps - 1) for i in range(steps)]


def around(numbers: Sequence[float], steps: int) -> list[float]:
    """Evenly spaced numbers over the range of some numbers, and a little beyond it."""
    low, high = min(numbers), max(numbers)
    margin = 0.1 * (high - low) or 1.0
    return line(low - margin, high + margin, steps)


def pair(data: Any) -> tuple[Any, Any]:
    """Inputs and targets, by rows.

    Raises:
        TypeError: the data are no such pair.
    """
    try:
        inputs, targets = data
    except (TypeError, ValueError):
        raise TypeError("the data must be a pair of sequences, inputs and targets") from None
    return rows(inputs), rows(targets)
