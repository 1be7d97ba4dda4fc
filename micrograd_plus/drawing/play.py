"""`play`: change a graph's numbers, and see the picture and the sentences change.

A notebook gets two outputs: a static walkthrough, and a widget that hides it. The walkthrough
remains where no Python kernel answers: in an exported page, and in a notebook that is reopened or
not trusted.
"""

from __future__ import annotations

from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.files import write
from micrograd_plus.drawing.dot.layout import asked
from micrograd_plus.drawing.pages.page import bundle, page, resource
from micrograd_plus.drawing.pages.panel import Panel, panel_of
from micrograd_plus.drawing.pages.stepper import fragment

if TYPE_CHECKING:
    import os

    from micrograd_plus.engine import Value

_WITHOUT_WIDGETS = "To change the numbers, run the cell."


class Play:
    """A graph to play with; a notebook displays it with a slider and a field for each number.

    Args:
        panel: recomputes the graph; `play` makes it.

    >>> from micrograd_plus import sin
    >>> played = play(sin, x=0.0)
    >>> played.numbers, played.root.data
    ({'x': 0.0}, 0.0)
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._name = uuid4().hex

    @cached_property
    def widget(self) -> Any:
        """The widget alone, to be put beside others of ipywidgets.

        Raises:
            ModuleNotFoundError: anywidget is missing.
        """
        return _widget_class(need("anywidget", "jupyter").AnyWidget)(self._panel, self._name)

    def to_html(
        self, path: str | os.PathLike[str], title: str = "Play", *, bare: bool = False
    ) -> Path:
        """Write a page to play with, which computes everything itself and needs no Python.

        The page has the graph as it is recorded now, as JavaScript that is made from the rules of
        its operations, and begins with the numbers shown now. It needs no network and no other
        file.

        Args:
            path: the file to write.
            title: the page's title.
            bare: whether to leave the title out, for an iframe in slides.

        Returns:
            The path of the file.

        Raises:
            TraceError: the function records another graph for other numbers, or may do so.
            GraphTooLargeError: the graph has too many nodes to draw.
            LayoutError, OSError: as for `Walkthrough.to_html`.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     play("sin(x) * y", x=1.0, y=2.0).to_html(Path(folder, "play.html")).name
        'play.html'
        """
        from micrograd_plus.drawing.pages import player  # the compiler is loaded for pages only

        content = player.fragment(self._panel)
        html = page(title, [("", content)], player.NOTE, ".mg-play input", bare)
        return write(Path(path), html.encode())

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that the picture shows, by name."""
        return dict(self._panel.numbers)

    @property
    def root(self) -> Value:
        """The graph at these numbers: its output."""
        return self._panel.view.walk.root

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} = {x!r}" for name, x in self.numbers.items())
        return f"<Play with {numbers}: {self.root.data!r}>"

    def _ipython_display_(self) -> None:
        if not asked():
            print(repr(self))
            return
        display = import_module("IPython.display").display
        walk = fragment(self._panel.view.walk, look=self._panel.look)
        style = f"<style>{resource('play.css')}</style>"
        html = f'<div data-mg-play="{self._name}">{style}{walk}</div>'
        display({"text/html": html, "text/plain": repr(self)}, raw=True)
        bundle = self.widget._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display({**data, "text/plain": _WITHOUT_WIDGETS}, metadata=metadata, raw=True)


def play(f: Any, /, **numbers: Any) -> Play:
    """Play with a graph: change its numbers, and see the picture, the gradients and the sentences.

    Python computes everything afresh at each change. An invalid number is marked, with the reason
    beside it, and the last valid picture stays.

    Args:
        f: a Value, which is copied and whose labelled leaves get fields; an
            expression; or a function of numbers, which is called with Values at each change.
        numbers: for each argument its first number, or the range of its slider as (low, high) or
            (low, high, step), as in ipywidgets' function interact. For a Value, only the leaves
            that need a range, or another number than they have. Besides, unless the graph has a
            number of that name, `digits`: the significant digits of all numbers, 1 to 17; by
            default 2 on wires and 4 in sentences.

    Raises:
        TypeError: `f` can't be played with, or lacks an argument.
        ValueError: a range, a name or `digits` is invalid, or there is nothing to change.
        ExpressionError: the expression can't be read.
        NonFiniteError: a number at the start, or a result, is not finite.
        GraphTooLargeError: the graph has too many nodes to draw.

    >>> from micrograd_plus import sin
    >>> play(lambda x, y: sin(x) * y, x=1.0, y=(-3, 5, 0.5))
    <Play with x = 1.0, y = 1.0: 0.8414709848078965>
    >>> play("x / 3", x=2.0, digits=6)
    <Play with x = 2.0: 0.6666666666666666>
    """
    return Play(panel_of(f, numbers))


@cache
def _widget_class(kind: Any) -> Any:
    traitlets = need("traitlets", "jupyter")

    class PlayWidget(kind):  # type: ignore[misc]
        """The fields and the picture in the browser.

        The browser sets `asked`: a field, its text, and a count of such requests; `answered` is
        the count of the last one that the other traits belong to.
        """

        _esm = bundle("widget.js")
        _css = resource("play.css")
        name = traitlets.Unicode().tag(sync=True)
        fields = traitlets.List().tag(sync=True)
        picture = traitlets.Dict().tag(sync=True)
        told = traitlets.Dict().tag(sync=True)
        texts = traitlets.Dict().tag(sync=True)
        errors = traitlets.Dict().tag(sync=True)
        asked = traitlets.Dict().tag(sync=True)
        answered = traitlets.Int().tag(sync=True)

        def __init__(self, panel: Panel, name: str) -> None:
            self._panel = panel
            super().__init__(name=name, **panel.state)
            self.observe(self._answer, "asked")

        def _answer(self, change: Any) -> None:
            asked = change["new"]
            self._panel.change(str(asked["name"]), str(asked["text"]))
            with self.hold_sync():
                self.set_trait("answered", asked["count"])
                for name, content in self._panel.state.items():
                    self.set_trait(name, content)

    return PlayWidget
