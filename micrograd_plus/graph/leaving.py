"""Values converted to plain numbers, which may come back as constants, without their gradient.

`float(x) ** 2`, `math.sin(x)` and an array's `a[0] = x` take the number of a Value and lose where
it came from. That is right for printing and choosing, and wrong in what is differentiated. What
becomes of a plain number can't be followed, so there are two heuristics. A transform such as
`grad` runs the whole function: it warns when a number that depends on the arguments was converted
and the result has constants that may come from it. `backward` sees only a graph: it warns when a
constant was recorded on the very line on which a number was converted.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections import deque
from contextlib import contextmanager, suppress
from opcode import opmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.text import brief
from micrograd_plus.graph import hooks
from micrograd_plus.graph.evaluation import order
from micrograd_plus.graph.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CodeType, FrameType

    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op

PACKAGE = str(Path(__file__).parent.parent) + os.sep
"""How the paths of this package's files begin."""

_NUMBER = str(Path(__file__).with_name("number.py"))
_STANDARD = str(Path(os.__file__).parent) + os.sep
_LIBRARIES = "site-packages", "dist-packages"
_REMAINDER = {6, 19}  # % and %= among the arguments of Python's instruction BINARY_OP
_SUSPECTS = 8
"""The largest number of nodes kept until the next backward pass."""


class LostGradientWarning(UserWarning):
    """A number left the graph where its gradient is asked for; in debug mode it is an error.

    >>> import math
    >>> from micrograd_plus import grad
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     grad(math.sin)(0.0)
    0.0
    >>> [warning.category.__name__ for warning in told]
    ['LostGradientWarning']
    """


class _Departure(NamedTuple):
    """A Value's label and operation, and the user's line at which its number left the graph."""

    label: str
    op: Op | None
    file: str
    line: int
    registry: Any

    def tell(self) -> None:
        name = brief(self.label) or (f"the result of {self.op.name}" if self.op else "a Value")
        message = (
            f"the number of {name} leaves the graph here, and what is computed from it has no "
            "gradient: instead of float(), round() and functions of math and NumPy use those of "
            "micrograd_plus, or .data if a plain number is meant"
        )
        if _here.strict:
            raise LostGradientWarning(f"{self.file}:{self.line}: {message}")
        warnings.warn_explicit(
            message, LostGradientWarning, self.file, self.line, registry=self.registry
        )


Departures = list[tuple[Any, int, _Departure]]
"""Each Value that was converted to a number, with the `hooks.changes` of that moment, and where."""


def tell(
    departures: Departures, leaves: Sequence[Value], outputs: Sequence[Any], outside: Iterable[int]
) -> None:
    """Warn of each line where derivatives of the outputs of a transform's function may be lost.

    Args:
        departures: what was recorded while it ran.
        leaves: what the outputs are differentiated with respect to.
        outputs: Values and numbers.
        outside: the ids of nodes that existed before, at which the search stops.
    """
    depends = set(leaves)
    seen = {*outside, *map(id, leaves)}
    for value, _, _ in departures:
        for node in order(value, seen):
            seen.add(id(node))
            if any(isinstance(arg, Node) and arg in depends for arg in node.args):
                depends.add(node)
    # a constant that came from a converted number is not among what that was computed from
    rest = [node for x in outputs if isinstance(x, Node) for node in order(x, seen)]
    made = any(node.op is None for node in rest)
    constant = any(not isinstance(x, Node) for x in outputs) or any(map(_constant, rest))
    told = {}
    for value, changes, departure in departures:
        if value not in depends:
            if _here.calls:  # it may depend on the arguments of the enclosing call
                _here.calls[-1].append((value, changes, departure))
        elif constant or (made and changes != hooks.changes):
            told[departure.file, departure.line] = departure
    for departure in told.values():
        departure.tell()


class _Watch(hooks.Observer):
    """The nodes recorded after a conversion, as long as they are on the same line."""

    def __init__(self) -> None:
        self.left: tuple[str, Op | None, CodeType, int] | None = None
        self.suspects: deque[tuple[Value, _Departure]] = deque(maxlen=_SUSPECTS)

    def begin(self, value: Value, frame: FrameType) -> None:
        self.left = value.label, value.op, frame.f_code, frame.f_lasti
        if self not in hooks.observers:
            hooks.observers.append(self)

    def recorded(self, node: Value) -> None:
        if self.left is None:
            return
        label, op, code, at = self.left
        frame = outside(sys._getframe(1))
        if frame is None or frame.f_code is not code or frame.f_lineno != _line(code, at):
            self.end()
        elif _constant(node) and not _formats(code, at):
            self.suspects.append((node, _Departure(label, op, *_place(frame))))

    def differentiating(self, nodes: Sequence[Value]) -> None:
        among = set(nodes) if self.suspects else ()
        told = {d.line: d for node, d in self.suspects if node in among}
        self.suspects.clear()
        self.end()
        for departure in told.values():
            departure.tell()

    def end(self) -> None:
        self.left = None
        if not self.suspects and self in hooks.observers:
            with suppress(ValueError):  # another thread may have removed it
                hooks.observers.remove(self)


class _Here(threading.local):
    """The state of this thread."""

    def __init__(self) -> None:
        self.calls: list[Departures] = []
        self.watch = _Watch()
        self.strict = 0


_here = _Here()


def running() -> list[Departures]:
    """What was converted in each function of a transform that runs in this thread, innermost last.

    >>> from micrograd_plus import Value
    >>> running().append([])
    >>> _ = float(Value(2.0))
    >>> len(running().pop())
    1
    """
    return _here.calls


@contextmanager
def strict() -> Iterator[None]:
    """Within the block, in this thread, a lost gradient is an error."""
    _here.strict += 1
    try:
        yield
    finally:
        _here.strict -= 1


def converted(value: Any) -> None:
    """Record that a Value was converted to a plain number, unless for printing."""
    frame: Any = sys._getframe(1)
    while frame.f_code.co_filename == _NUMBER:  # int() and round() there call float()
        frame = frame.f_back
    if not _here.calls:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            _here.watch.begin(value, frame)
    elif not _formats(frame.f_code, frame.f_lasti):
        departure = _Departure(value.label, value.op, *_place(frame))
        _here.calls[-1].append((value, hooks.changes, departure))


def _constant(node: Node) -> bool:
    return any(not isinstance(arg, Node) for arg in node.args)


def outside(frame: FrameType | None) -> FrameType | None:
    """The next frame outside this package."""
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return frame


def _formats(code: CodeType, at: int) -> bool:
    """Whether the instruction is a `%`, which Values don't have: so it is "%.3f" % x."""
    return code.co_code[at] == opmap["BINARY_OP"] and code.co_code[at + 1] in _REMAINDER


def _line(code: CodeType, at: int) -> int | None:
    """The line of an instruction."""
    return next((line for start, end, line in code.co_lines() if start <= at < end), None)


def _place(frame: FrameType) -> tuple[str, int, Any]:
    """The user's line that led, perhaps through a library, to this frame."""
    user: FrameType | None = frame
    while user is not None:
        file = user.f_code.co_filename
        if not file.startswith((PACKAGE, _STANDARD, "<frozen")) and not any(
            folder in file for folder in _LIBRARIES
        ):
            break
        user = user.f_back
    user = user or frame
    registry = user.f_globals.setdefault("__warningregistry__", {})
    return user.f_code.co_filename, user.f_lineno, registry
