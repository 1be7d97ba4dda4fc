"""What a function reads outside itself, and whether that has changed.

What a traced function reads in global variables and closures, and in the objects that they hold,
becomes part of its program: so it must not change from run to run, nor later. Only the data of
Values may.
"""

from __future__ import annotations

import dis
import gc
import random
import sys
import warnings
from collections import ChainMap, deque
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from io import IOBase
from itertools import chain, zip_longest
from types import (
    BuiltinMethodType,
    CodeType,
    FunctionType,
    GeneratorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.engine import Value
from micrograd_plus.graph.places import Place
from micrograd_plus.nn import module
from micrograd_plus.nn.module import Module, Parts
from micrograd_plus.ops.operation import Op

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST = 1_000_000  # objects inspected; changes in further ones are not noticed
_LONGEST = 1_000_000  # bytes of an array that each call of a program compares
_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None), Place})
_LISTS = (list, tuple, set, frozenset, deque)
_INSIDE = ("__self__", "__func__", "__wrapped__", "func", "args", "keywords", "fget")
_WRAPPERS = (MethodType, BuiltinMethodType, MethodWrapperType, staticmethod, classmethod, property,
             partial, type(lru_cache(len)))  # fmt: skip
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL")
_INSTALLED = ("site-packages", "dist-packages")
_PACKAGE = __name__.partition(".")[0]


class Change(NamedTuple):
    """A change.

    Attributes:
        name: where, such as `model.layers.0`.
        before: the old content.
        now: the new content.
    """

    name: str
    before: Any
    now: Any


class Numbers(bytes):
    """The content of an array of numbers, abbreviated when shown."""

    __slots__ = ()


class _Content(NamedTuple):
    """What an object held when it was looked at.

    Attributes:
        path: that of the object.
        names: those of the things in it; None if they are counted, empty if the path says enough.
        things: what it held.
    """

    path: str
    names: list[Any] | None
    things: list[Any]

    def name(self, i: int) -> str:
        """Where a thing is, such as `model.layers.0`."""
        if self.names == []:
            return self.path
        name = str(i if self.names is None else self.names[i])
        return f"{self.path}.{name}" if self.path else name


def _difference(before: list[_Content], now: list[_Content]) -> Change | None:
    """The first thing that is another one in a later snapshot."""
    for ours, theirs in zip_longest(before, now, fillvalue=_Content("", None, [])):
        for i, (x, y) in enumerate(zip_longest(ours.things, theirs.things)):
            if x is not y and not _same(x, y):
                longer = max(ours, theirs, key=lambda content: len(content.things))
                return Change(longer.name(i), x, y)
    return None


_SIMPLE = {*_PLAIN, Value}


class Surroundings:
    """A snapshot of the variables that a function's code names, and of what they hold.

    Of an object only those attributes are included that the code mentions, or the code of another
    function found on the way. Variables of functions in the standard library, this package and
    installed packages are not followed, and attributes that these mention are included for models
    only.

    Args:
        fn: a function.

    >>> turns = [1]
    >>> found = Surroundings(lambda x: x * turns[0])
    >>> turns[0] = 2
    >>> found.change()
    Change(name='turns.0', before=1, now=2)
    """

    def __init__(self, fn: Any) -> None:
        self._fn = fn
        self._stands: list[_Content] = []
        self._moves: list[_Content] = []  # of iterators and the like
        # compared at each check: as long as these are the same, everything is
        self._cells: list[tuple[Any, Any]] = []
        self._variables: list[tuple[Mapping[str, Any], str, Any]] = []
        self._of_modules: list[tuple[Mapping[str, Any], str, Any]] = []
        self._parts: list[Any] = []
        self._lists: list[Any] = []
        self._arrays: list[tuple[Any, Numbers | list[Any]]] = []
        self._attributes = module.attributes
        # during the search
        self._mentioned: dict[bool, set[str]] = {False: set(), True: set()}  # in other packages
        self._seen: dict[int, Any] = {}  # kept alive, as ids of freed objects are reused
        self._objects: list[tuple[str, Any, bool, set[str]]] = []
        self._classes: set[type] = {object}
        self._scanned = self._known = 0
        self._todo: list[tuple[str, Any, bool]] = [("", fn, False)]
        self._todo.append(("random", random.random, True))
        if "numpy.random" in sys.modules:
            self._todo.append(("numpy.random", sys.modules["numpy.random"].random, True))
        while self._todo:
            path, thing, moves = self._todo.pop()
            if id(thing) not in self._seen and len(self._seen) < _MOST:
                self._seen[id(thing)] = thing
                self._look(path, thing, moves)
            if not self._todo:
                self._look_for_more()
        self._copies = [[thing.copy() for thing in some] for some in (self._parts, self._lists)]

    def change(self) -> Change | None:
        """The first change since then; iterators and the like may have advanced."""
        if self._is_same():
            return None
        now = Surroundings(self._fn)
        found = _difference(self._stands, now._stands)
        if found is None:  # equal contents in new containers: watch these from now on
            self.__dict__ = now.__dict__
        return found

    def change_by_run(self, later: Surroundings) -> Change | None:
        """The first change that running the function made.

        Args:
            later: its surroundings afterwards.
        """
        stands = _difference(self._stands, later._stands)
        return stands or _difference(self._moves, later._moves)

    def names(self, *kinds: type) -> bool:
        """Whether there is an object of one of these classes among what the function reads."""
        held = (thing for some in (self._stands, self._moves) for x in some for thing in x.things)
        return any(isinstance(thing, kinds) for thing in chain(self._seen.values(), held))

    @property
    def is_fixed(self) -> bool:
        """Whether the function reads nothing outside that could be replaced or changed."""
        watched = self._cells, self._variables, self._of_modules, self._parts, self._lists
        return not any((*watched, self._arrays))

    def _is_same(self) -> bool:
        try:
            for cell, content in self._cells:
                if cell.cell_contents is not content:
                    return False
            for held, name, content in self._variables:
                if held.get(name) is not content:
                    return False
            if self._attributes != module.attributes:
                for held, name, content in self._of_modules:
                    if held.get(name) is not content:
                        return False
                if self._parts != self._copies[0]:
                    return False
                self._attributes = module.attributes
            for array, content in self._arrays:
                if _array(array) != content:
                    return False
            return self._lists == self._copies[1]
        except (TypeError, ValueError):  # arrays among the contents, or a deleted variable
            return False

    # -------------------------------------------------------------------------------- search

    def _look(self, path: str, thing: Any, moves: bool) -> None:
        """Record the contents of an object."""
        kind = type(thing)
        if isinstance(thing, dict):
            self._note(path, list(thing), thing.values(), moves)
        elif isinstance(thing, _LISTS):
            self._note(path, None, thing, moves)
        elif isinstance(thing, FunctionType):
            self._function(path, thing, moves)
        elif isinstance(thing, type):
            self._class(path, thing, moves)
            self._todo.append((path, thing.__init__, moves))  # type: ignore[misc]
        elif isinstance(thing, Op):
            self._note(path, ["value", "partials"], [thing.value, thing.partials], moves)
        elif isinstance(thing, _WRAPPERS):
            parts = [getattr(thing, name) for name in _INSIDE if hasattr(thing, name)]
            self._note(path, [], parts, moves)
        elif (array := _array(thing)) is not None:
            if isinstance(array, list):
                self._note(path, None, array, moves)
            else:
                self._note(path, [], [getattr(thing, "shape", None), array], moves)
            if not moves and (isinstance(array, list) or len(array) <= _LONGEST):
                self._arrays.append((thing, array))
        elif (state := _state(thing)) is not None:
            self._note(path, [], state, True)
        elif isinstance(thing, ModuleType):
            if not _foreign_module(thing):
                self._objects.append((path, thing, moves, set()))
        elif kind.__module__ != "builtins":
            self._objects.append((path, thing, moves, set()))
            self._class(path, kind, moves)
        if not moves and isinstance(thing, (list, dict, set, deque)):
            (self._parts if isinstance(thing, Parts) else self._lists).append(thing)

    def _note(self, path: str, names: list[Any] | None, things: Iterable[Any], moves: bool) -> None:
        """Record what an object holds, to be searched later."""
        found = _Content(path, [] if moves else names, [*things])
        (self._moves if moves else self._stands).append(found)
        if _SIMPLE.issuperset(map(type, found.things)):  # as are most lists, of weights
            return
        todo = []
        for i, thing in enumerate(found.things):
            if type(thing) not in _PLAIN and not isinstance(thing, Value):
                found.things[i] = _outside(thing)
                todo.append((found.name(i), thing, moves))
        self._todo += reversed(todo)

    def _function(self, path: str, function: FunctionType, moves: bool) -> None:
        """Record the variables that a function's code names, and remember its attributes' names."""
        names, attributes, imported = _named(function.__code__)
        around = function.__globals__
        foreign = function is not self._fn and _foreign(around)
        self._mentioned[foreign] |= {
            name for root, name in attributes if not _foreign_module(around.get(root))
        }
        if not foreign:
            for held, some in ((around, names), (sys.modules, imported)):
                found = sorted(name for name in some if name in held)
                self._variable("", held, found, moves, self._variables)
        cells = {}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):  # noqa: B905
            with suppress(ValueError):  # an empty cell
                cells[name] = cell, cell.cell_contents
        self._note(path, list(cells), [content for _, content in cells.values()], moves)
        if not (moves or foreign):
            self._cells += cells.values()
        defaults = [function.__defaults__, function.__kwdefaults__]
        self._note(path, ["__defaults__", "__kwdefaults__"], defaults, moves)
        self._objects.append((path, function, moves, set()))

    def _class(self, path: str, kind: type, moves: bool) -> None:
        """Remember a class and its bases."""
        for base in kind.__mro__:
            if base not in self._classes:
                self._classes.add(base)
                self._objects.append((path, base, moves, {"__init__"}))

    def _look_for_more(self) -> None:
        """Record the attributes that the functions found so far mention."""
        own, others = self._mentioned[False], self._mentioned[True]
        first = self._scanned if len(own) + len(others) == self._known else 0
        self._scanned, self._known = len(self._objects), len(own) + len(others)
        for path, thing, moves, done in self._objects[first:]:
            held = _held(thing)
            names = own & held.keys()
            if isinstance(thing, (Module, type)):
                names |= {name for name in others & held.keys()
                          if held[name] is None or type(held[name]) not in _PLAIN}  # fmt: skip
            if isinstance(thing, type):  # Python itself calls methods such as __call__
                names |= {name for name, part in held.items()
                          if name.startswith("__") and isinstance(part, FunctionType)}  # fmt: skip
            if names := names - done:
                done |= names
                watch = self._of_modules if isinstance(thing, Module) else self._variables
                self._variable(path, held, sorted(names), moves, watch)

    def _variable(
        self, path: str, held: Mapping[str, Any], names: list[str], moves: bool, watch: list[Any]
    ) -> None:
        """Record the contents of some variables or attributes."""
        parts = [held[name] for name in names]
        self._note(path, names, parts, moves)
        if not moves:
            watch += [(held, name, part) for name, part in zip(names, parts, strict=True)
                      if watch is self._of_modules or not _fixed(part)]  # fmt: skip


def _same(before: Any, now: Any) -> bool:
    """Whether two distinct objects count as equal.

    Values do that the function itself recorded and put there: if it reads one of an earlier run,
    the recorded graphs differ.
    """
    if isinstance(before, Value) or isinstance(now, Value):
        return isinstance(before, Value) and isinstance(now, Value) and bool(before.op and now.op)
    try:
        return type(before) is type(now) and bool(before == now or before != before)
    except Exception:  # objects that can't be compared
        return False


def _outside(thing: Any) -> Any:
    """What to compare of a container, whose contents are compared by themselves."""
    kind = type(thing)
    if isinstance(thing, dict):
        return (kind, *thing)
    if isinstance(thing, _LISTS):
        return kind, len(thing)
    if isinstance(thing, (type, FunctionType, ModuleType)):
        return thing
    compound = isinstance(thing, _WRAPPERS) or hasattr(thing, "__dict__") or hasattr(kind, "ravel")
    return kind if compound else thing


def _array(thing: Any) -> Numbers | list[Any] | None:
    """The numbers in an array, also of dates and the like, or its objects; None if it is none."""
    kind = type(thing)
    if hasattr(kind, "ravel") and thing.dtype.hasobject:
        return [*thing.ravel().tolist()]
    if hasattr(kind, "tobytes") or kind is bytearray:
        return Numbers(thing.tobytes() if kind is not bytearray else thing)
    return None


def _state(thing: Any) -> list[Any] | None:
    """The state of an object that reading advances, such as a generator or a file; else None."""
    kind = type(thing)
    if isinstance(thing, random.Random):
        try:
            return [thing.getstate()]
        except NotImplementedError:  # a generator of the system, without a state
            return [object()]
    if kind.__module__.startswith("numpy.random"):
        return [getattr(getattr(thing, "_bit_generator", thing), "state", None)]
    if isinstance(thing, IOBase):
        try:
            return [thing.closed or thing.tell()]
        except OSError:  # a file that is being iterated over
            return [object()]
    if isinstance(thing, GeneratorType):
        frame = thing.gi_frame
        loops = [part for part in gc.get_referents(thing) if hasattr(type(part), "__next__")]
        return [frame.f_lasti, frame.f_locals, loops] if frame else [None]
    if hasattr(kind, "__next__") and not hasattr(thing, "__dict__"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some iterators lose this method in Python 3.14
                return [thing.__reduce__()]
        except TypeError:
            return [repr(thing)]
    return None


class _Slots(Mapping[str, Any]):
    """The attributes that an object has in slots, read anew each time."""

    def __init__(self, thing: Any, names: list[str]) -> None:
        self._thing, self._names = thing, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names or not hasattr(self._thing, name):
            raise KeyError(name)
        return getattr(self._thing, name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if hasattr(self._thing, name))

    def __len__(self) -> int:
        return len(self._names)


def _held(thing: Any) -> Mapping[str, Any]:
    """The attributes of an object, a class or a module."""
    held: Mapping[str, Any] = getattr(thing, "__dict__", {})
    if isinstance(thing, type):
        return held
    slots = [vars(kind).get("__slots__", ()) for kind in type(thing).__mro__]
    names = [name for some in slots for name in ([some] if isinstance(some, str) else some)]
    return ChainMap(held, _Slots(thing, names)) if names else held  # type: ignore[arg-type]


def _fixed(thing: Any) -> bool:
    """Whether an object need not be checked for replacement at each call of a program."""
    if isinstance(thing, FunctionType):
        return _foreign(thing.__globals__)
    return isinstance(thing, ModuleType)


def _foreign(variables: Mapping[str, Any]) -> bool:
    """Whether variables are those of the standard library, this or an installed package."""
    root = str(variables.get("__name__")).partition(".")[0]
    place = str(variables.get("__file__"))
    installed = any(folder in place for folder in _INSTALLED)
    return installed or root == _PACKAGE or root in sys.stdlib_module_names


def _foreign_module(thing: Any) -> bool:
    return isinstance(thing, ModuleType) and _foreign(vars(thing))


@lru_cache(1000)
def _named(code: CodeType) -> tuple[set[str], set[tuple[str, str]], set[str]]:
    """The names in code, inner functions included: global variables, attributes and modules.

    Attributes come with the name of the global variable before them, if there is one.
    """
    variables: set[str] = set()
    attributes: set[tuple[str, str]] = set()
    modules: set[str] = set()
    todo = [code]
    while todo:
        code = todo.pop()
        todo += [part for part in code.co_consts if isinstance(part, CodeType)]
        root = ""
        for step in dis.get_instructions(code):
            if step.opname in _GLOBAL:
                variables.add(step.argval)
                root = step.argval
                continue
            if step.opname == "IMPORT_NAME":
                modules.add(step.argval)
            elif step.opname.endswith(("_ATTR", "_METHOD", "_FROM")):
                attributes.add((root, step.argval))
            root = ""
    return variables, attributes, modules
