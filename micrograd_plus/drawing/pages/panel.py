"""The fields that `play` shows, and the graph that is computed afresh as they change."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.dot import labels
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import walked
from micrograd_plus.drawing.pages import stepper as stepper_page
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.engine import Value
from micrograd_plus.graph import finite, order, real, replay
from micrograd_plus.parsing import from_text
from micrograd_plus.walk.steps import Walk, names

Recorder = Callable[[Mapping[str, float]], Value]
"""A function that records a graph, given the numbers of the fields by name."""

_ROOM = 8  # digits kept free for each number, as in −1000.00 or −1.2·10⁻¹⁵


class Field(NamedTuple):
    """A number to play with: what its slider reaches, and in which steps."""

    name: str
    start: float
    low: float
    high: float
    step: float


class View(NamedTuple):
    """The display for one set of numbers.

    Attributes:
        walk: the walk through the graph.
        source: the DOT source of the layout, which stays the same as long as the structure does.
        content: the data for the script of a walkthrough.
        room: the digits that the layout leaves for each number.
    """

    walk: Walk
    source: str
    content: dict[str, Any]
    room: int


class Panel:
    """The fields, their texts and errors, and the last valid view.

    Args:
        record: records the graph at the fields' numbers.
        fields: the fields, in order.

    Attributes:
        numbers: the number of each field that the view shows.
        texts: the text in each field, valid or not.
        errors: the error of each field that is invalid.
        view: the display.

    Raises:
        Exception: whatever `record` raises at the start.
    """

    def __init__(self, record: Recorder, fields: list[Field]) -> None:
        self.fields = fields
        self.numbers = {field.name: field.start for field in fields}
        self.texts = {name: f"{number:.12g}" for name, number in self.numbers.items()}
        self.errors: dict[str, str] = {}
        self._record = record
        self.view = _view(record(self.numbers))

    def change(self, name: str, text: str) -> None:
        """Set the text of a field; if it is invalid, the view stays and `errors` says why.

        Other invalid fields are tried again, as they may be valid with the new number.

        >>> panel = panel_of(lambda x: x.log(), {"x": 1})
        >>> panel.change("x", "-1")
        >>> panel.errors["x"]
        'log of x = -1.0 is not finite: log is defined for x > 0'
        >>> panel.numbers
        {'x': 1.0}
        """
        if name not in self.texts:
            raise ValueError(f"there is no field {name!r}; choose from {', '.join(self.texts)}")
        self.texts[name] = text
        alone = {name: text}
        waiting = {other: self.texts[other] for other in self.errors} | alone
        for asked in (waiting, alone) if waiting != alone else (alone,):
            try:
                numbers = self.numbers | {n: _number(t) for n, t in asked.items()}
                self.view = _view(self._record(numbers), self.view)
            except Exception as error:  # of any kind: the user's function may do anything
                self.errors[name] = _told(error)
            else:
                self.numbers = numbers
                self.errors = {n: e for n, e in self.errors.items() if n not in asked}
                return


def _view(root: Value, before: View | None = None) -> View:
    """The display of a graph, in the layout of the previous view if that still fits."""
    walk = Walk(root)
    written = [labels.number(change.number) for step in walk for change in step.changes]
    room = max(before.room if before else _ROOM, *map(labels.digits_wide, written))
    longest = -(10.0 ** min(room - 5, 5))
    picture = walked(walk, LIMIT, lambda node: (longest, longest))
    source = as_dot(picture)
    if before and source == before.source:
        content = {**before.content, "steps": stepper_page.told_steps(picture, walk)}
    else:
        content = stepper_page.content(picture, walk)
    return View(walk, source, content, room)


def panel_of(f: Any, given: Mapping[str, Any]) -> Panel:
    """A panel for a graph, an expression or a function.

    Args, Raises: as for `play`.
    """
    if isinstance(f, Value):
        return _of_graph(f, given)
    if not (isinstance(f, str) or callable(f)):
        raise TypeError(
            f"play needs a Value, an expression or a function, not {f!r} ({type(f).__name__})"
        )
    fields = [_field(name, numbers) for name, numbers in given.items()]
    if not fields:
        raise ValueError("there is nothing to play with: give numbers, as in play(f, x=1.0)")
    if isinstance(f, str):
        return Panel(lambda numbers: from_text(f, numbers), fields)
    called = getattr(f, "__name__", type(f).__name__)
    signature = inspect.signature(f)
    first = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    first = [name for name in first if name in given]
    try:
        signature.bind(*first, **{name: x for name, x in given.items() if name not in first})
    except TypeError as error:
        raise TypeError(
            f"{called}: {error}; give each argument a number, as in play({called}, x=1.0)"
        ) from None

    def record(numbers: Mapping[str, float]) -> Value:
        leaves = {name: Value(number, name) for name, number in numbers.items()}
        result = f(*[leaves.pop(name) for name in first], **leaves)
        return result if isinstance(result, Value) else Value(real(result, f"what {called} gives"))

    return Panel(record, fields)


def _of_graph(root: Value, given: Mapping[str, Any]) -> Panel:
    root = copy.deepcopy(root)  # as it is now
    named = names(order(root))
    places = {
        name: i for i, (node, name) in enumerate(named.items()) if node.op is None and node.label
    }
    if not places:
        raise ValueError("no leaf of the graph has a label: give one, as in Value(1.0, 'x')")
    for name in given:
        if name not in places:
            raise ValueError(f"the graph has no leaf {name!r}; it has {', '.join(places)}")

    def record(numbers: Mapping[str, float]) -> Value:
        fresh = copy.deepcopy(root)
        nodes = order(fresh)
        for name, number in numbers.items():
            nodes[places[name]].data = number
        replay(fresh)
        return fresh

    data = {name: node.data for node, name in named.items() if name in places}
    return Panel(record, [_field(name, given.get(name, x), x) for name, x in data.items()])


def _field(name: str, given: Any, start: float | None = None) -> Field:
    """A field from a number, or from (low, high) or (low, high, step)."""
    if not isinstance(given, tuple | list):
        start = finite(given, name)
        reach = min(max(1.0, 2 * abs(start)), 1e300)
        given = (-reach, reach)
    numbers = [finite(x, f"the range of {name}") for x in given]
    if len(numbers) not in (2, 3) or not 0 < numbers[1] - numbers[0] < math.inf:
        raise ValueError(f"a range is (low, high) or (low, high, step), not {name}={given!r}")
    low, high = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else 10.0 ** (math.floor(math.log10(high - low)) - 2)
    if step <= 0:
        raise ValueError(f"the step of {name} must be above 0, not {step!r}")
    if start is None:
        start = low + round((high - low) / 2 / step) * step
    return Field(name, start, low, high, step)


def _number(text: str) -> float:
    shown = visible(text if len(text) <= 20 else text[:19] + "…")
    try:
        number = float(text.replace("−", "-"))
    except ValueError:
        raise ValueError(
            f"'{shown}' is not a number; write one such as -1.5"
            if text.strip()
            else "write a number, such as -1.5"
        ) from None
    if not math.isfinite(number):
        raise ValueError(f"{shown} is not a finite number")
    return number


def _told(error: Exception) -> str:
    ours = isinstance(error, ValueError) or type(error).__module__.startswith("micrograd_plus")
    return visible(str(error) if ours else f"{type(error).__name__}: {error}")
