"""Fingerprints: the settings of a training as plain data, to compare with those in a checkpoint."""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Mapping, Set
from functools import partial
from hashlib import sha256
from random import Random
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import shorten
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL
from micrograd_plus.graph.places import Place
from micrograd_plus.nn.module import Module
from micrograd_plus.nn.trained import Kept
from micrograd_plus.training.examples import InMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from micrograd_plus.training.examples import OnDemand

_PARAMETER = object()  # stands for Values, which checkpoints keep elsewhere
_DEPTH = 8  # levels of nesting, below which objects go by their classes alone


def described(thing: Any, around: tuple[int, ...] = ()) -> Any:
    """A setting as plain data that survive a JSON round trip.

    Functions are described by name, users' functions also by what they use and close over; objects
    by class and attributes; modules by class; arrays and random generators by a digest.

    >>> from micrograd_plus import nn, optim
    >>> described(nn.mse), described(optim.Momentum(0.1))
    ('mse', {'class': 'Momentum', 'rate': 0.1, 'momentum': 0.9})
    """
    if isinstance(thing, Value | Place) or id(thing) in around:
        return _PARAMETER
    if thing is None or isinstance(thing, str | bool | int):
        return thing
    if isinstance(thing, REAL):
        number = float(thing)
        return "nan" if number != number else number
    around = (*around, id(thing))
    if getattr(getattr(thing, "dtype", None), "hasobject", False):
        thing = thing.tolist()  # the bytes of an array of objects are addresses
    if isinstance(thing, bytes | bytearray):
        thing = memoryview(thing)
    if isinstance(thing, Mapping) and not all(isinstance(name, str) for name in thing):
        thing = thing.items()
    if isinstance(thing, list | tuple | deque | Set):
        found = (described(part, around) for part in thing if not isinstance(part, Value))
        items = [x for x in found if x is not _PARAMETER]
        if isinstance(thing, Set):
            items = sorted(map(repr, items))
        return items if items or not thing else _PARAMETER
    if isinstance(thing, Mapping):
        pairs = {name: described(part, around) for name, part in thing.items()}
        parts = {name: x for name, x in pairs.items() if x is not _PARAMETER}
        return parts if parts or not thing else _PARAMETER
    if hasattr(thing, "tobytes"):
        return f"{type(thing).__name__} {sha256(thing.tobytes()).hexdigest()}"
    name, *more = (held := _held(thing))
    return described(held, around) if more and len(around) < _DEPTH else held[name]


def _held(thing: Any) -> dict[str, Any]:
    """The name of a function, or of an object's class, and what distinguishes it from others."""
    if isinstance(thing, Module):
        return {"class": type(thing).__qualname__}
    if isinstance(thing, partial):
        return {**_held(thing.func), "arguments": thing.args, **thing.keywords}
    if isinstance(thing, MethodType):
        return {"def": thing.__qualname__, "self": thing.__self__}
    if isinstance(thing, FunctionType):
        name = {"def": thing.__qualname__}
        if (thing.__module__ or "").partition(".")[0] == __name__.partition(".")[0]:
            return name
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)
        inside = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
        defaults = {"defaults": thing.__defaults__ or (), **(thing.__kwdefaults__ or {})}
        uses, known = _uses(thing.__code__), thing.__globals__
        outside = {name: known[name] for name in uses if isinstance(known.get(name), REAL)}
        return {**name, "uses": uses, **defaults, **outside, **inside}
    if named := getattr(thing, "__qualname__", getattr(thing, "__name__", None)):
        return {"def": named}
    state: Any = vars(thing) if hasattr(thing, "__dict__") else {}
    if isinstance(thing, Random):
        state = {"state": sha256(repr(thing.getstate()).encode()).hexdigest()}
    elif generator := getattr(thing, "bit_generator", getattr(thing, "_bit_generator", None)):
        state = generator.state  # NumPy's
    return {"class": type(thing).__qualname__, **state}


def _uses(code: CodeType) -> list[str]:
    """The names and fractions in a function's source, the same in all versions of Python."""
    found = {*code.co_names, *(repr(x) for x in code.co_consts if isinstance(x, float))}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found.update(_uses(inner))
    return sorted(found)


def content(model: Module) -> dict[str, Any]:
    """A model's attributes besides its parameters, by path."""
    found = {path: described(thing) for _, path, _, thing in _attributes(model)}
    known = {path: x for path, x in found.items() if x is not _PARAMETER}
    return {"class": type(model).__qualname__, **known}


def numbers(model: Module) -> dict[str, Any]:
    """The part of the content that can be restored."""
    return {path: described(thing) for _, path, _, thing in _attributes(model) if _plain(thing)}


def restore(model: Module, known: Mapping[str, Any]) -> None:
    """Restore a model's numbers."""
    for module, path, name, thing in _attributes(model):
        if path in known and not (_plain(thing) and thing == known[path]):
            vars(module)[name] = described(known[path])  # a copy


def changed(
    model: Module, begun: Mapping[str, Any], moved: Set[str] = frozenset()
) -> dict[str, Any]:
    """The numbers of a model that changed since a training began, and those named in `moved`.

    Raises:
        ValueError: something else has changed, which can't be restored.
    """
    known, now = numbers(model), content(model)
    same = {path for path, x in now.items() if begun.get(path, _PARAMETER) == x} - moved
    odd = [path for path in {**begun, **now} if path not in same]
    for path in odd:
        if path not in known or path not in begun:
            raise ValueError(
                f"{path} of the model changes in training, and a checkpoint can't keep it: only "
                "numbers, text, lists and dictionaries that are there from the beginning"
            )
    return {path: known[path] for path in odd}


def difference(theirs: Any, mine: Any, name: str = "") -> str:
    """The first setting that differs, with both values; empty without one."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        parts = (
            difference(theirs.get(x), mine.get(x), f"{name}.{x}".lstrip("."))
            for x in {**mine, **theirs}
        )
        return next(filter(None, parts), "")
    if theirs == mine:
        return ""
    return f"{name}={shorten(repr(theirs), 80)}, not {shorten(repr(mine), 80)}"


def digest(found: InMemory | OnDemand, what: str = "") -> dict[str, str]:
    """Digests of the inputs and of the targets; of data on demand only of the first example."""
    if isinstance(found, InMemory):
        inputs, targets = found.inputs, found.targets
    else:
        (inputs, targets), what = ([part] for part in found[0]), f"{what}first "
    return {f"{what}inputs": _digest(inputs), f"{what}targets": _digest(targets)}


def _digest(rows: Any) -> str:
    """A digest of all numbers, and of how many there are in each row."""
    whole = sha256()
    if hasattr(rows, "tobytes"):
        table = rows.reshape(len(rows), -1).astype(float)
        whole.update(array("q", [table.shape[1]]).tobytes() * len(rows) + table.tobytes())
    else:
        numbers = [array("d", row if isinstance(row, list) else [row]) for row in rows]
        whole.update(array("q", map(len, numbers)).tobytes())
        for row in numbers:
            whole.update(row.tobytes())
    return whole.hexdigest()


def _attributes(model: Module) -> Iterator[tuple[Module, str, str, Any]]:
    """The modules in a model, with the path, name and content of each attribute."""
    for place, module in model.named_modules():
        for name, thing in vars(module).items():
            if isinstance(thing, Kept):  # follows from all others
                continue
            yield module, f"{place}.{name}" if place else name, name, thing


def _plain(thing: Any) -> bool:
    """Whether a thing survives a JSON round trip."""
    if type(thing) in (type(None), bool, int, str):
        return True
    if type(thing) not in (float, list, dict):
        return False
    try:
        return bool(json.loads(json.dumps(thing)) == thing)
    except (TypeError, ValueError):  # not serialisable, or containing itself
        return False
