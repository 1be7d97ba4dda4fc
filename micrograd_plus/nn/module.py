"""`Module`: anything that has parameters."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Mapping
from functools import partial, wraps
from itertools import count, repeat
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any
from weakref import ref

from micrograd_plus.engine import Value
from micrograd_plus.graph import assign, finite
from micrograd_plus.graph.places import Place
from micrograd_plus.nn.activations import operation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

attributes = 0
"""How often attributes of modules were set: whoever keeps what stood in them looks again."""


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        global attributes
        try:
            return method(self, *args, **kwargs)
        finally:
            attributes += 1

    return counted


def _placing(method: Callable[..., Any]) -> Callable[..., Any]:
    """An `__init__` at whose end the parts of a module are told where they stand."""

    @wraps(method)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        method(self, *args, **kwargs)
        if type(self).__init__ is init:  # else that of a subclass goes on
            self._place_parts()

    init.places = True  # type: ignore[attr-defined]
    return init


class Parts(list[Any]):
    """A list whose changes count as those of attributes do: nobody has to go through it for them.

    >>> from micrograd_plus.nn import module
    >>> before = module.attributes
    >>> Parts([1, 2]).append(3)
    >>> module.attributes > before
    True
    """

    __slots__ = ()
    __setitem__, __delitem__ = _counted(list.__setitem__), _counted(list.__delitem__)
    __iadd__, __imul__ = _counted(list.__iadd__), _counted(list.__imul__)
    append, extend, insert = _counted(list.append), _counted(list.extend), _counted(list.insert)
    pop, remove, clear = _counted(list.pop), _counted(list.remove), _counted(list.clear)
    sort, reverse = _counted(list.sort), _counted(list.reverse)


class Module:
    """What has parameters: its attributes that are Values or Modules, or collections of such.

    Leaves among them are parameters; a Value that stands in two places counts once. Collections
    are lists, tuples, deques, dictionaries and their views, and NumPy's arrays of objects. What
    else holds a parameter, such as a set or an object that is no Module, is refused; but a function
    may use what is not to be trained.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    shows_parts = True  # in repr; a layer's neurons would only fill the screen

    _place: Place

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        vars(self)["_place"] = Place()
        if not hasattr(cls.__init__, "places"):  # not earlier: a dataclass gets one from outside
            cls.__init__ = _placing(cls.__init__)  # type: ignore[method-assign]
        return self

    @_counted
    def __setattr__(self, name: str, part: Any) -> None:
        object.__setattr__(self, name, part)
        if self._place.kind is not None and not isinstance(part, _PLAIN):
            self._place_parts()

    __delattr__ = _counted(object.__delattr__)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with the path that leads to it, such as `layers.0.neurons.1.w.2`.

        Raises:
            TypeError: as `parameters` does.
        """
        self.parameters()
        for path, thing in _walk(self):
            if isinstance(thing, Value) and thing.op is None:
                yield path, thing

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Itself, with the path "", and each module in it, such as `layers.0`, after what it is in.

        >>> class Two(Module):
        ...     def __init__(self):
        ...         self.parts = [Module(), Module()]
        >>> [path for path, _ in Two().named_modules()]
        ['', 'parts.0', 'parts.1']
        """
        for path, thing in _walk(self, values=False):
            if isinstance(thing, Module):
                yield path, thing

    def _place_parts(self) -> list[Value | Module]:
        """Tell the parameters and modules that stand directly in it where they do; return them."""
        place = self._place
        place.module, place.kind = ref(self), self.describe()
        place.shows_parts = self.shows_parts
        place.activation = operation_of(getattr(self, "activation", None))
        outside = {*place.chain()}
        found: list[Value | Module] = []
        for name, part in _walk(self, deep=False):
            if isinstance(part, Module):
                if part._place in outside:  # modules may stand in a circle
                    continue
                own = part._place
            elif isinstance(part, Value) and part.op is None:
                own = part.right or Place(place)
                if own.around is not place:  # two share it, and the other had it first
                    continue
                part.right = own
            else:
                continue
            own.around, own.name, own.turn = place, name, next(_turns)
            found.append(part)
        return found

    def tell_places(self) -> list[Place]:
        """Tell all that stands in it where it does; return these places."""
        found: dict[Place, None] = {}
        todo: list[Module] = [self]
        for module in todo:  # grows
            for part in module._place_parts():
                if isinstance(part, Value):
                    found[part.right] = None
                elif part._place not in found:
                    found[part._place] = None
                    todo.append(part)
        return list(found)

    def parameters(self) -> list[Value]:
        """All parameters, in the order in which they were made part of the module.

        Raises:
            TypeError: one stands in a set, or in an object that is no Module.
        """
        found, strangers, seen = _search(self)
        for stranger in strangers:
            if (held := _held(stranger, seen)) is not None:
                path = next(path for path, part in _walk(self) if part is stranger)
                raise TypeError(
                    f"{path} of {type(self).__name__} is a {type(stranger).__name__}, so that "
                    f"{repr(held).splitlines()[0]} in it would not be trained: parameters stand "
                    "in lists, tuples, dictionaries and classes that are derived from nn.Module"
                )
        return found

    def __call__(self, x: Any) -> Any:
        """The outputs for the inputs of one example; each kind of module has its own.

        Raises:
            NotImplementedError: this kind has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        assign(self.parameters(), "grad", repeat(0.0))

    def state_dict(self) -> dict[str, float]:
        """The parameters' numbers by their paths.

        Raises:
            ValueError: two of them have the same path.
        """
        return {name: parameter.data for name, parameter in self._by_name().items()}

    def _by_name(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, parameter in self.named_parameters():
            if name in found:
                raise ValueError(f"two parameters have the path {name!r}")
            found[name] = parameter
        return found

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set all parameters to numbers that `state_dict` gave.

        Args:
            state: a number for each parameter's path.

        Raises:
            ValueError: names are missing or unknown; then nothing is changed.
            TypeError: the state is no dictionary, or an entry no number; nothing is changed.
            NonFiniteError: an entry is not a finite number; then nothing is changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"a dictionary of numbers by path is needed, not {state!r}")
        parameters = self._by_name()
        for what, names in (
            ("lacks", parameters.keys() - state.keys()),
            ("has the unknown", state.keys() - parameters.keys()),
        ):
            if names:
                some = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
                raise ValueError(f"the state {what} {some}: it is that of another model")
        numbers = [finite(state[name], f"the state's {name}") for name in parameters]
        assign(parameters.values(), "data", numbers)

    def describe(self) -> str:
        """What the module is, in a few words, for its line in `repr`."""
        return type(self).__name__

    def __repr__(self) -> str:
        return "\n".join(_tree(self))


def listed(parameters: Module | Iterable[Value]) -> list[Value]:
    """The parameters of a model, or the Values given, in order.

    >>> listed([Value(1.0, "w")])
    [Value(data=1.0, grad=0.0, label='w')]
    """
    return parameters.parameters() if isinstance(parameters, Module) else list(parameters)


def _tree(module: Module) -> Iterator[str]:
    """The lines of a module and of the modules in it, without those that it is itself in."""
    todo: list[tuple[str, str, Module, tuple[Module, ...]]] = [("", "", module, ())]
    while todo:
        first, rest, module, around = todo.pop()
        count = len(_search(module)[0])
        yield f"{first}{module.describe()}: {count:,} parameter{'' if count == 1 else 's'}"
        around = (*around, module)
        parts: list[Module] = []
        for thing in vars(module).values() if module.shows_parts else ():
            parts += [part for part in _items(thing) if isinstance(part, Module)]
        parts = [part for part in parts if not any(part is outer for outer in around)]
        places = [("├─ ", "│  ")] * (len(parts) - 1) + [("└─ ", "   ")]
        below = [(rest + a, rest + b, p, around) for (a, b), p in zip(places, parts, strict=False)]
        todo += reversed(below)


_turns = count(1)


def _walk(module: Module, values: bool = True, deep: bool = True) -> Iterator[tuple[str, Any]]:
    """The module, and the Values, modules and strangers in it with their paths, each once.

    Args:
        module: where to begin.
        values: whether Values are wanted.
        deep: whether to go into the modules in it.
    """
    seen: dict[int, Any] = {}
    todo: list[tuple[str, Any]] = [("", module)]
    while todo:
        path, thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, Value) or (parts := _parts(thing)) is None:
            yield path, thing
            continue
        if isinstance(thing, Module):
            yield path, thing
            if not deep and thing is not module:
                continue
        prefix = f"{path}." if path else ""
        todo += reversed([
            (f"{prefix}{name}", part)
            for name, part in parts
            if values or not isinstance(part, Value)
        ])  # fmt: skip


def _search(module: Module) -> tuple[list[Value], list[Any], dict[int, Any]]:
    """A module's parameters in order, what is no collection, and all that was looked at by id."""
    # as `_walk`, whose paths would take most of the time
    found: list[Value] = []
    strangers: list[Any] = []
    seen: dict[int, Any] = {}  # which keeps alive what a collection makes when it is asked
    todo: list[Any] = [module]
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, Value):
            if thing.op is None:
                found.append(thing)
        elif (parts := _parts(thing)) is None:
            strangers.append(thing)
        else:
            todo += [part for _, part in parts][::-1]
    return found, strangers, seen


_PLAIN = (
    Place, type(None), float, int, str, bytes, type, ModuleType,
    FunctionType, BuiltinFunctionType, MethodType, TracebackType, partial,
)  # fmt: skip
"""What has no parameters, or may use others' without being looked into."""

_VIEWS = map(type, (vars().keys(), vars().values(), vars().items()))
_ORDERED: tuple[type[Any], ...] = (list, tuple, deque, *_VIEWS)


def _parts(thing: Any) -> Iterable[tuple[Any, Any]] | None:
    """What stands in a module or a collection, by its names or places there; None for others."""
    if isinstance(thing, Module):
        return vars(thing).items()
    if isinstance(thing, _PLAIN):
        return ()
    if isinstance(thing, _ORDERED):
        return enumerate(thing)
    if isinstance(thing, dict | MappingProxyType):
        return thing.items()
    if (numpy := sys.modules.get("numpy")) and isinstance(thing, numpy.ndarray):
        places = numpy.ndindex(thing.shape) if thing.dtype == object else ()
        return ((".".join(map(str, place)), thing[place]) for place in places)
    return None


def _held(stranger: Any, seen: dict[int, Any]) -> Any:
    """A parameter or module in what is no collection, that was not seen elsewhere; None without."""
    known = {id(stranger)}
    todo = [stranger]
    while todo:
        thing = todo.pop()
        if isinstance(thing, Value):
            if thing.op is None:
                return thing
        elif isinstance(thing, Module) and any(id(p) not in seen for p in _search(thing)[0]):
            return thing
        # the package's own objects, such as pictures, show Values that others own
        if type(thing).__module__.partition(".")[0] != __name__.partition(".")[0]:
            for part in gc.get_referents(thing):
                if not (id(part) in seen or id(part) in known or isinstance(part, _PLAIN)):
                    known.add(id(part))
                    todo.append(part)
    return None


def _items(thing: Any) -> list[Any]:
    return [thing] if isinstance(thing, Module) else [part for _, part in _parts(thing) or ()]
