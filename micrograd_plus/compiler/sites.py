"""Sites: where in the user's code an operation was written.

A site is the place of the operation in the text of its function, the place of the call of that
function, and so on up to the traced function: the turns of a loop have one site, two calls of a
helper have two. Operations of one site are likely to be alike, and to belong in one array.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from micrograd_plus.graph import hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from micrograd_plus.engine import Value

T = TypeVar("T")

_OURS = ("micrograd_plus.engine", "micrograd_plus.graph", "micrograd_plus.compiler")
_REMEMBERED = 64  # frames


class Sites(hooks.Observer):
    """Observes a call of a function: which operations it records, and at which sites.

    Attributes:
        of: the number of the site of each node that was recorded, in the order of recording.
        places: of each site the number of the site that called its function, and the code and the
            place in its text.
    """

    def __init__(self) -> None:
        self.of: dict[Value, int] = {}
        self.places: list[tuple[int, CodeType, Any]] = []
        self._thread = threading.get_ident()
        self._numbers: dict[tuple[int, CodeType, Any], int] = {}
        self._positions: dict[CodeType, list[Any] | None] = {}
        self._callers: dict[FrameType, int] = {}

    def call(self, fn: Callable[..., T], *args: Any) -> T:
        """Call a function, and observe it."""
        hooks.observers.append(self)
        try:
            return fn(*args)
        finally:
            hooks.observers.remove(self)
            self._callers.clear()

    def recorded(self, node: Value) -> None:
        if threading.get_ident() == self._thread:
            self.of[node] = self._number(sys._getframe(1))

    def _number(self, frame: FrameType | None) -> int:
        """The number of the site at which a frame is; −1 outside the function."""
        if frame is None or frame.f_code is _ROOT:
            return -1
        caller = self._callers.get(frame)
        if caller is None:
            caller = self._number(frame.f_back)
            if len(self._callers) > _REMEMBERED:  # they keep their variables alive
                self._callers.clear()
            self._callers[frame] = caller
        code = frame.f_code
        if code not in self._positions:
            ours = str(frame.f_globals.get("__name__", "")).startswith(_OURS)
            self._positions[code] = None if ours else [*code.co_positions()]
        positions = self._positions[code]
        if positions is None:
            return caller
        place = caller, code, positions[frame.f_lasti // 2]
        number = self._numbers.setdefault(place, len(self.places))
        if number == len(self.places):
            self.places.append(place)
        return number


_ROOT = Sites.call.__code__
