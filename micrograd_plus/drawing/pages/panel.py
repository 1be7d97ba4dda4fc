"""The fields that `play` shows, and the graph that is computed afresh as they change."""

from __future__ import annotations

import copy
import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.text import short, visible
from micrograd_plus.drawing.dot import labels
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import walked
from micrograd_plus.drawing.look import STAGE, colored
from micrograd_plus.drawing.pages import stepper as stepper_page
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.engine import Value
from micrograd_plus.graph import finite, order, real, replay
from micrograd_plus.parsing import from_text
from micrograd_plus.walk.naming import names
from micrograd_plus.walk.steps import Walk

if TYPE_CHECKING:
    from micrograd_plus.drawing.look import Look
    from micrograd_plus.drawing.scene.parts import Scene

Recorder = Callable[[Mapping[str, Value]], Value]
"""A function that records a graph, given leaves for the fields by name."""

TOLD = ("steps", "wires")
"""What of the data for a walkthrough's script changes with the numbers."""

ROOM = 8
"""The digits that are kept free for each number, as in −1000.00 or −1.2·10⁻¹⁵."""


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
        record: records the graph.
        fields: the fields, in order.
        branches: whether what it records may depend on the numbers.
        digits: the significant digits of all numbers, as for `step_through`.

    Attributes:
        numbers: the number of each field that the view shows.
        texts: the text in each field, valid or not.
        errors: the error of each field that is invalid.
        view: the display.
        look: how the numbers on its wires look.

    Raises:
        ValueError: `digits` is not a whole number from 1 to 17.
        Exception: whatever `record` raises at the start.
    """

    def __init__(
        self,
        record: Recorder,
        fields: list[Field],
        branches: bool = False,
        digits: int | None = None,
    ) -> None:
        self.look = colored("accessible", digits)._replace(points=STAGE.points)
        self._digits = digits
        self.fields = fields
        self.numbers = {field.name: field.start for field in fields}
        self.texts = {name: f"{number:.12g}" for name, number in self.numbers.items()}
        self.errors: dict[str, str] = {}
        self._record, self._branches = record, branches
        self.view = self._view(*self.recorded(self.numbers))

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
            raise ValueError(choose("there is no field", name, self.texts))
        self.texts[name] = text
        alone = {name: text}
        waiting = {other: self.texts[other] for other in self.errors} | alone
        for asked in (waiting, alone) if waiting != alone else (alone,):
            try:
                numbers = self.numbers | {n: _number(t) for n, t in asked.items()}
                self.view = self._view(*self.recorded(numbers), self.view)
            except Exception as error:  # of any kind: the user's function may do anything
                self.errors[name] = _told(error)
            else:
                self.numbers = numbers
                self.errors = {n: e for n, e in self.errors.items() if n not in asked}
                return

    @property
    def state(self) -> dict[str, Any]:
        """What the script shows, as JSON data."""
        content = dict(self.view.content)
        return {
            "fields": [
                {**field._asdict(), "label": text_name(field.name)} for field in self.fields
            ],
            "told": {name: content.pop(name) for name in TOLD},
            "picture": content,
            "texts": dict(self.texts),
            "errors": dict(self.errors),
        }

    def recorded(self, numbers: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
        """The graph at some numbers, and the leaf of each field in it.

        Args:
            numbers: a number for each field.

        Raises:
            Exception: whatever recording raises.
        """
        leaves = {name: Value(number, name) for name, number in numbers.items()}
        return self._record(leaves), leaves

    def walk(self, root: Value, **options: Any) -> Walk:
        """The walk through a graph, with as many digits as are wanted."""
        return Walk(root, digits=self._digits, **options)

    def _view(self, root: Value, leaves: Mapping[str, Value], before: View | None = None) -> View:
        """The display of a graph, in the layout of the previous view if that still fits."""
        walk, look = self.walk(root), self.look
        room = max(
            before.room if before else ROOM,
            room_for((change.number for step in walk for change in step.changes), look),
        )
        picture = roomy(walk, room)
        source = as_dot(picture, look=look)
        if before and source == before.source:
            content = {**before.content, **stepper_page.told(picture, walk, look)}
        else:
            drawn = stepper_page.content(picture, walk, look)
            content = {**drawn, "held": held(leaves, picture)}
        return View(walk, source, content, room)

    def same_for_all(self) -> tuple[Value, dict[str, Value]]:
        """The graph at the numbers of the view, and the leaf of each field in it.

        Raises:
            TraceError: for other numbers it might be another graph.
        """
        if not self._branches:
            return self.recorded(self.numbers)
        from micrograd_plus.compiler.trace import trace  # loaded only for functions

        def record(*given: Value) -> Value:
            leaves = dict(zip(self.numbers, given, strict=True))
            for name, leaf in leaves.items():
                leaf.label = name
            return self._record(leaves)

        traced = trace(record, [*self.numbers.values()])
        return traced.outputs, dict(zip(self.numbers, traced.inputs, strict=True))


def room_for(numbers: Iterable[float], look: Look) -> int:
    """The digits that the widest number on a wire takes.

    Args:
        numbers: the numbers.
        look: how many digits they have.
    """
    return max(labels.digits_wide(labels.number(x, look.digits)) for x in numbers)


def held(leaves: Mapping[str, Value], picture: Scene) -> dict[str, str]:
    """The wire of each field in a picture, where its number is taken hold of.

    Args:
        leaves: the leaf of each field.
        picture: the picture.
    """
    places = picture.places
    return {name: f"v{places[leaf]}" for name, leaf in leaves.items() if leaf in places}


def roomy(walk: Walk, room: int = ROOM, limit: int = LIMIT) -> Scene:
    """The picture of a walk, with so much room on the wires.

    Args:
        walk: the walk.
        room: the number of digits.
        limit: the largest number of nodes to draw.

    Raises:
        GraphTooLargeError: the graph has too many nodes to draw.
    """
    longest = -(10.0 ** min(room - 5, 5))
    return walked(walk, limit, lambda node: (longest, longest))


def panel_of(f: Any, given: Mapping[str, Any]) -> Panel:
    """A panel for a graph, an expression or a function.

    Args, Raises: as for `play`.
    """
    if isinstance(f, Value):
        return _of_graph(f, given)
    if not (isinstance(f, str) or callable(f)):
        raise TypeError(
            f"play needs a Value, an expression or a function, not {short(f)} ({type(f).__name__})"
        )
    given, digits = _digits(given, _named_by(f, "digits"))
    fields = [_field(name, numbers) for name, numbers in given.items()]
    if not fields:
        raise ValueError("there is nothing to play with: give numbers, as in play(f, x=1.0)")
    if isinstance(f, str):
        return Panel(lambda leaves: from_text(f, leaves), fields, digits=digits)
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

    def record(leaves: Mapping[str, Value]) -> Value:
        others = {name: leaf for name, leaf in leaves.items() if name not in first}
        result = f(*[leaves[name] for name in first], **others)
        return result if isinstance(result, Value) else Value(real(result, f"what {called} gives"))

    return Panel(record, fields, branches=True, digits=digits)


def _digits(given: Mapping[str, Any], named: bool) -> tuple[dict[str, Any], Any]:
    """What is given without the option of this name, and that; it may also be a graph's number."""
    others = dict(given)
    return others, None if named else others.pop("digits", None)


def _named_by(f: str | Callable[..., Any], name: str) -> bool:
    """Whether an expression has a variable, or a function an argument, of that name."""
    if isinstance(f, str):
        return bool(re.search(rf"\b{name}\b", f))
    kinds = inspect.signature(f).parameters
    return name in kinds or any(p.kind is p.VAR_KEYWORD for p in kinds.values())


def _of_graph(root: Value, given: Mapping[str, Any]) -> Panel:
    root = copy.deepcopy(root)  # as it is now
    named = names(order(root))
    known = {name: node for node, name in named.items() if node.op is None and node.label}
    if not known:
        raise ValueError("no leaf of the graph has a label: give one, as in Value(1.0, 'x')")
    given, digits = _digits(given, "digits" in known)
    for name in given:
        if name not in known:
            raise ValueError(f"the graph has no leaf {short(name)}; it has {', '.join(known)}")

    def record(leaves: Mapping[str, Value]) -> Value:
        for name, leaf in leaves.items():
            leaf.label = known[name].label
        fresh = copy.deepcopy(root, {id(known[name]): leaf for name, leaf in leaves.items()})
        replay(fresh)
        return fresh

    fields = [_field(name, given.get(name, node.data), node.data) for name, node in known.items()]
    return Panel(record, fields, digits=digits)


def _field(name: str, given: Any, start: float | None = None) -> Field:
    """A field from a number, or from (low, high) or (low, high, step)."""
    if not isinstance(given, tuple | list):
        start = finite(given, name)
        reach = min(max(1.0, 2 * abs(start)), 1e300)
        given = (-reach, reach)
    numbers = [finite(x, f"the range of {name}") for x in given]
    if len(numbers) not in (2, 3) or not 0 < numbers[1] - numbers[0] < math.inf:
        raise ValueError(f"a range is (low, high) or (low, high, step), not {name}={short(given)}")
    low, high = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else 10.0 ** (math.floor(math.log10(high - low)) - 2)
    if step <= 0:
        raise ValueError(f"the step of {name} must be above 0, not {short(step)}")
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
