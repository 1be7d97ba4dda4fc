"""Sites: where in the user's code an operation was written.

A site is the place of the operation in the text of its function, the place of the call of that
function, and so on up to the traced function: the turns of a loop have one site, two calls of a
helper have two. Operations of one site are likely to be alike, and to belong in one array.
"""

from __future__ import annotations

import ast
import linecache
import sys
import threading
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from micrograd_plus.graph import hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from micrograd_plus.engine import Value

T = TypeVar("T")

_PACKAGE = __name__.partition(".")[0]
_INNER = {"<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>"}
_OURS = ("micrograd_plus.engine", "micrograd_plus.graph", "micrograd_plus.compiler")
_REMEMBERED = 1000  # frames


class Written(NamedTuple):
    """What stands in the user's code at a site.

    Attributes:
        line: the line of text, if there is a variable that where it stands.
        variable: the one that the statement assigns or appends to; "" for none.
        statement: equal for all sites of one statement in one call.
    """

    line: str = ""
    variable: str = ""
    statement: Any = None


class Sites(hooks.Observer):
    """Observes a call of a function: which operations it records, and at which sites.

    Attributes:
        of: the number of the site of each node that was recorded, in the order of recording.
        places: of each site the number of the site that called its function, the function's code
            and the name of its module, and the place in its text.
    """

    def __init__(self) -> None:
        self.of: dict[Value, int] = {}
        self.places: list[tuple[int, CodeType, str, Any]] = []
        self._thread = threading.get_ident()
        # by the ids of codes, as these are hashed by their contents
        self._modules: dict[int, tuple[CodeType, str]] = {}
        self._calls: dict[tuple[int, int], _Calls] = {}
        self._frames: dict[FrameType, _Calls] = {}
        self._statements: dict[str, list[tuple[Any, str]]] = {}
        self._texts: dict[int, Written] = {}
        self._last: dict[Any, int] | None = None

    def call(self, fn: Callable[..., T], *args: Any) -> T:
        """Call a function, and observe it."""
        try:
            hooks.observers.append(self)  # after this call an interrupt may come
            return fn(*args)
        finally:
            hooks.observers.remove(self)
            self._frames.clear()

    def recorded(self, node: Value) -> None:
        if threading.get_ident() == self._thread:
            frame = sys._getframe(1)
            known = self._frames.get(frame)
            self.of[node] = known[frame.f_lasti] if known else self._number(frame)

    def _number(self, frame: FrameType | None) -> int:
        """The number of the site at which a frame is; −1 outside the function."""
        if frame is None or frame.f_code is _ROOT:
            return -1
        if frame not in self._frames:
            code, caller = frame.f_code, self._number(frame.f_back)
            if id(code) not in self._modules:
                self._modules[id(code)] = code, str(frame.f_globals.get("__name__", ""))
            module = self._modules[id(code)][1]
            if module.startswith(_OURS):
                return caller
            key = caller, id(code)
            if key not in self._calls:
                self._calls[key] = _Calls(caller, code, module, self.places)
            if len(self._frames) > _REMEMBERED:  # they keep their variables alive
                self._frames.clear()
            self._frames[frame] = self._calls[key]
        return self._frames[frame][frame.f_lasti]

    # ----------------------------------------------------------------------- what is there

    def written(self, site: int) -> Written:
        """What stands at a site, in the user's own code.

        A variable is told only where the last operation of its statement was recorded: its value.
        """
        if self._last is None:
            self._last = {}
            for other in reversed(dict.fromkeys(reversed(self.of.values()))):
                self._last[self._found(other).statement] = other
        found = self._found(site)
        return found if self._last.get(found.statement) == site else found._replace(variable="")

    def _found(self, site: int) -> Written:
        if site not in self._texts:
            self._texts[site] = self._read(site)
        return self._texts[site]

    def _read(self, site: int) -> Written:
        line = ""
        while site >= 0:
            site, code, module, position = self.places[site]
            file = code.co_filename
            if module.partition(".")[0] == _PACKAGE or position[2] is None:
                continue
            here = linecache.getline(file, position[0]).strip()
            line = line or here
            begin, end = (position[0], position[2]), (position[1], position[3])
            around = [
                (place, name) for place, name in self._assignments(file)
                if place[0] <= begin and end <= place[1]
            ]  # fmt: skip
            place, name = max(
                around,
                key=lambda pair: (pair[0][0], -pair[0][1][0], -pair[0][1][1]),
                default=(None, ""),
            )  # the innermost
            if name:
                while code.co_name in _INNER and site >= 0:
                    site, code, *_ = self.places[site]
                return Written(here, name, (site, file, place))
        return Written(line)

    def _assignments(self, file: str) -> list[tuple[Any, str]]:
        """The statements of a file that assign to a variable: where they are, and its name."""
        if file not in self._statements:
            found = self._statements[file] = []
            # Python counts the depth of trees for all threads together
            with _lock, suppress(SyntaxError, ValueError):
                tree = ast.parse("".join(linecache.getlines(file)))
                for node in ast.walk(tree):
                    found += [(_place(part), name) for part, name in _assigned(node)]
        return self._statements[file]


class _Calls(dict[int, int]):
    """The sites in the calls of a function from one site: their numbers, by their instructions.

    Args:
        caller: the number of that site.
        code: the function's.
        module: the name of the function's module.
        places: those of all sites; new ones are added.
    """

    def __init__(
        self, caller: int, code: CodeType, module: str, places: list[tuple[int, CodeType, str, Any]]
    ) -> None:
        self._function, self._places = (caller, code, module), places
        self._numbers: dict[Any, int] = {}  # by their places in the text

    def __missing__(self, instruction: int) -> int:
        _, code, _ = self._function
        position = next(islice(code.co_positions(), instruction // 2, None))
        number = self[instruction] = self._numbers.setdefault(position, len(self._places))
        if number == len(self._places):
            self._places.append((*self._function, position))
        return number


def _assigned(node: ast.AST) -> list[tuple[ast.AST, str]]:
    """The expressions whose values a statement puts into variables, and the names of these.

    The body of a lambda has none.
    """
    match node:
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if len(names) == len(values):
            pairs = zip(values, names, strict=True)
            return [(value, name.id) for value, name in pairs if isinstance(name, ast.Name)]
        case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, value):
            return [(value, name)] if value else []
        case ast.AugAssign(ast.Name(name)):
            return [(node, name)]
        case ast.Lambda():
            return [(node.body, "")]
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [value])):
            return [(value, name)]
    return []


def _place(node: Any) -> Any:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


_lock = threading.Lock()
_ROOT = Sites.call.__code__
