"""Debug mode: errors name the source lines of the values involved, and the usual fix."""

from __future__ import annotations

import linecache
import sys
import threading
import warnings
from contextlib import contextmanager
from opcode import opmap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.text import brief
from micrograd_plus.engine import Value
from micrograd_plus.graph import follows, hooks, inputs
from micrograd_plus.graph.leaving import PACKAGE, outside, strict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

_SHOWN = 8
"""The largest number of values that an error lists."""


class StaleGraphError(RuntimeError):
    """A backward pass through values whose arguments have changed since they were computed.

    >>> x = Value(0.5)
    >>> with debug():
    ...     y = x * x
    ...     x.data = 2.0
    ...     try:
    ...         y.backward()
    ...     except StaleGraphError:
    ...         x.grad
    0.0
    """


class ForgottenCallWarning(UserWarning):
    """A training loop seems to lack a call of `zero_grad()` or `backward()`.

    >>> from micrograd_plus import optim
    >>> w = Value(1.0, "w")
    >>> optimizer = optim.Optimizer([w], optim.GradientDescent())
    >>> with warnings.catch_warnings(record=True) as told, debug():
    ...     warnings.simplefilter("always")
    ...     optimizer.step()
    >>> [warning.category.__name__ for warning in told]
    ['ForgottenCallWarning']
    """


class EqualNumbersWarning(UserWarning):
    """`in` matched a different Value with an equal number.

    >>> x, y = Value(1.0, "x"), Value(1.0, "y")
    >>> with warnings.catch_warnings(record=True) as told, debug():
    ...     warnings.simplefilter("always")
    ...     x in [y], x in {y}
    (True, False)
    >>> [warning.category.__name__ for warning in told]
    ['EqualNumbersWarning']
    """


class _Made(NamedTuple):
    """The source line that made a value, and the numbers of its arguments."""

    line: str
    numbers: list[float]


class _Recorder(hooks.Observer):
    """Records for each value the line that made it, and the numbers of its arguments at that time.

    For each leaf it records the number at which its gradient was last computed: gradients may be
    accumulated over examples or losses at one point, but not over different points.
    """

    def __init__(self) -> None:
        self.made: dict[Value, _Made] = {}
        self.differentiated: dict[Value, float] = {}
        self.passes = 0  # since the last step
        self.told: set[str] = set()
        self.thread = threading.get_ident()

    def here(self) -> bool:
        """Whether this is the thread that entered the block."""
        return threading.get_ident() == self.thread

    def recorded(self, node: Value) -> None:
        if not self.here():
            return
        self.made[node] = _Made(_line(sys._getframe(1)), inputs(node))

    def line(self, node: Value) -> str:
        path, _, number = self.made[node].line.rpartition(":") if node in self.made else [""] * 3
        if not path:
            return ""
        place = f"{Path(path).name}:{number}" if Path(path).exists() else f"line {number}"
        return f"{place}: {linecache.getline(path, int(number)).strip()}"

    def differentiating(self, nodes: Sequence[Value]) -> None:
        if not self.here():
            return
        for node in nodes:
            if follows(node):
                continue
            made = self.made.get(node, _Made("an unknown line", inputs(node)))
            changed = [
                f"{_name(arg)} was {before!r} when "
                for arg, before in zip(node.args, made.numbers, strict=True)
                if type(arg) is not float and arg.data != before
            ]
            raise StaleGraphError(
                f"{''.join(changed[:1])}{_name(node)} was computed at {made.line}, and does not "
                "follow from its arguments any more: the gradient would be neither that of the old "
                "numbers nor that of the new ones. Compute the graph anew, or call replay() before "
                "backward()."
            )
        leaves = {node: node.data for node in nodes if node.op is None}
        for leaf, now in leaves.items():
            before = self.differentiated.get(leaf, now)
            if leaf.grad and before != now:
                self.forgotten(
                    "zero_grad()",
                    f"{_name(leaf)} still has the gradient from when it was {before!r}, to which "
                    "this pass adds; call zero_grad() after each step",
                )
        self.differentiated |= leaves
        self.passes += 1

    def stepping(self, parameters: Sequence[Value]) -> None:
        if not self.here():
            return
        if not self.passes and not any(p.grad for p in parameters):
            self.forgotten(
                "backward()",
                "a step without a gradient: call backward() on the loss before step(), and "
                "zero_grad() after it or before backward()",
            )
        self.passes = 0

    def forgotten(self, call: str, message: str) -> None:
        """Warn once for each call site: a training loop would repeat the warning at each step."""
        frame = outside(sys._getframe(1))
        if call not in self.told and frame is not None:
            self.told.add(call)
            place = frame.f_code.co_filename, frame.f_lineno
            warnings.warn_explicit(message, ForgottenCallWarning, *place)

    def coincided(self, value: Value, other: Value) -> None:
        frame = outside(sys._getframe(1)) if self.here() else None
        if frame is not None and frame.f_code.co_code[frame.f_lasti] == opmap["CONTAINS_OP"]:
            message = (
                f"{_name(value)} and {_name(other)} are two Values with equal numbers, which `in` "
                "takes for one, as == does: ask a set or a dictionary, which tell Values apart, "
                "or any(v is w for w in …)"
            )
            place = frame.f_code.co_filename, frame.f_lineno
            warnings.warn_explicit(message, EqualNumbersWarning, *place)

    def explained(self, error: NonFiniteError) -> NonFiniteError:
        """The error with the values that led to it, their source lines, and the usual fix."""
        line = _line_of(error.__traceback__)
        story = [str(error), f"  at {line}"]
        todo = [arg for arg in error.operands if isinstance(arg, Value)]
        seen: set[Value] = set()
        while todo and len(seen) < _SHOWN:
            value = todo.pop(0)
            if value not in seen:
                seen.add(value)
                made = self.made.get(value)
                story.append(f"  {_name(value)}" + (f", made at {made.line}" if made else ""))
                todo += [arg for arg in value.args if isinstance(arg, Value)]
        if error.op and error.op.hint:
            sources = [getattr(arg, "op", None) for arg in error.operands]
            if hint := error.op.hint(sources, *error.numbers):
                story.append(f"  fix: {hint}")
        return NonFiniteError("\n".join(story), error.op, error.operands, error.numbers)


@contextmanager
def debug() -> Iterator[None]:
    """Within the block, errors name the source lines of the values that led to them.

    It affects only the thread that enters it.

    Recording the line of each value takes time and memory, but only within the block. A training
    loop within it that lacks `zero_grad()` or `backward()` gets a `ForgottenCallWarning`, and
    `v in a_list` that matches another Value of equal number an `EqualNumbersWarning`.

    Raises:
        NonFiniteError: a value or a gradient is not a finite number; the message, at the end of the
            block, lists the values that led to it, their lines and the usual fix.
        StaleGraphError: backward() is called after a value's `data` was changed without
            `replay()`, which would give wrong gradients.
        LostGradientWarning: a gradient is lost, since a Value was converted to a plain number; only
            a warning without `debug`.

    >>> x = Value(0.5, "x")
    >>> with debug():
    ...     y = x * x
    ...     x.data = 2.0
    ...     y.backward()
    Traceback (most recent call last):
        ...
    micrograd_plus.check.debugging.StaleGraphError: x = 2.0 was 0.5 when multiply = 0.25 was ...
    """
    recorder = _Recorder()
    try:
        hooks.observers.append(recorder)
        with strict():
            yield
    except NonFiniteError as error:
        raise recorder.explained(error) from error
    finally:
        if recorder in hooks.observers:
            hooks.observers.remove(recorder)


def _line(frame: FrameType | None) -> str:
    """The line of the program that called into this package."""
    frame = outside(frame)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"


def _line_of(traceback: TracebackType | None) -> str:
    """The last line of the program that an error passed through."""
    line = "an unknown line"
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if not name.startswith(PACKAGE) and not name.endswith((".pyx", ".pxi")):  # the core
            line = f"{name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def _name(value: Value) -> str:
    name = brief(value.label) or (value.op.name if value.op else "a leaf")
    return f"{name} = {value.data!r}"
