"""Progress bars, on a terminal or in a notebook."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Advance = Callable[..., None]

_PAUSE = 0.1  # seconds between two updates of a notebook


@contextmanager
def progress(
    wanted: bool | None, steps: int, done: int, text: str = "training"
) -> Iterator[Advance]:
    """Show a bar within the block; yields a function that advances it and sets its text.

    That function takes a text with places, as `str.format` has them, and what to write there: what
    is not shown isn't written either.

    Args:
        wanted: whether to show it; None shows it on a terminal and in a notebook.
        steps: the total number of steps.
        done: the number of steps already made.
        text: the text before the first step.
    """
    notebook = _has_kernel()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if wanted is False or (wanted is None and not (notebook or terminal)):
        yield lambda text, *parts: None
    elif notebook:
        yield _in_notebook(steps, done)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(text, total=steps, completed=done)
            yield lambda text, *parts: bar.update(task, advance=1, description=text.format(*parts))


def _has_kernel() -> bool:
    """Whether this runs in a notebook's kernel; IPython may be imported elsewhere too."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _in_notebook(steps: int, done: int) -> Advance:
    """A bar in plain HTML: rich would need ipywidgets."""
    ipython = import_module("IPython.display")
    handle = ipython.display(ipython.HTML(""), display_id=True)
    shown = 0.0

    def advance(text: str, *parts: object) -> None:
        nonlocal done, shown
        done += 1
        if done == steps or time.monotonic() - shown >= _PAUSE:
            shown = time.monotonic()
            bar = f'<progress max="{steps}" value="{done}"></progress> {text.format(*parts)}'
            handle.update(ipython.HTML(bar))

    return advance
