"""`Module`: anything that has parameters."""

from __future__ import annotations

import gc
import sys
from collections import deque
from functools import partial, wraps
from itertools import repeat
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

from micrograd_plus._tools import habits
from micrograd_plus.engine import Value
from micrograd_plus.graph import assign
from micrograd_plus.graph.places import Place
from micrograd_plus.nn import trained
from micrograd_plus.nn.activations import operation_of
from micrograd_plus.nn.trained import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

attributes = 0
"""How often attributes of modules were set: lets what was read from them notice changes."""


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that sets attributes, each call of which is counted."""

    @wraps(method)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        global attributes
        try:
            return method(self, *args, **kwargs)
        finally:
            attributes += 1

    return counted


def _placing(method: Callable[..., Any]) -> Callable[..., Any]:
    """An `__init__` that tells a module's parts their places when it has run."""

    @wraps(method)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        method(self, *args, **kwargs)
        if type(self).__init__ is init:  # and not called by a subclass's, which is still running
            self._place_parts()

    init.places = True  # type: ignore[attr-defined]
    return init


class Parts(list[Any]):
    """A list whose changes are counted as those of attributes are, so that it need not be compared.

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


@habits.with_hints(habits.MODULES)
class Module:
    """What has parameters: Values and Modules as its attributes, or in collections of such.

    The leaves among these Values are its parameters; one that stands in two places counts once.
    Collections are lists, tuples, deques, dictionaries and their views, and NumPy's arrays of
    objects. A parameter in anything else, such as a set or an object that is no Module, is an
    error; but a function among the attributes may use Values that are not to be trained.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    shows_parts = True  # in repr and in pictures; of a layer, its neurons would be too many

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        if cls.__init__ is object.__init__:
            self._place_parts()  # none yet: those that come are placed one by one
        # only now, as the decorator `dataclass` gives a class its `__init__` later than its body
        elif not hasattr(cls.__init__, "places"):
            cls.__init__ = _placing(cls.__init__)  # type: ignore[method-assign]
        return self

    def __setattr__(self, name: str, part: Any) -> None:
        global attributes
        try:
            object.__setattr__(self, name, part)
        finally:
            attributes += 1
        # a property keeps what it is given where it likes, and an `__init__` places all at its end
        made = self._own_place.kind is not None
        if made and name in vars(self) and not isinstance(part, _CONSTANTS):
            self._place_parts(name)

    __delattr__ = _counted(object.__delattr__)

    @property
    def _own_place(self) -> Place:
        """Its place, a new one if it has none yet or that of the module it was copied from."""
        place: Place | None = vars(self).get("_place")
        if place is None or (place.module and place.module() not in (None, self)):
            place = vars(self)["_place"] = Place()
        return place

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
        """Itself, with the path "", and each module inside, such as `layers.0`, outer ones first.

        >>> class Two(Module):
        ...     def __init__(self):
        ...         self.parts = [Module(), Module()]
        >>> [path for path, _ in Two().named_modules()]
        ['', 'parts.0', 'parts.1']
        """
        for path, thing in _walk(self, values=False):
            if isinstance(thing, Module):
                yield path, thing

    def _place_parts(self, attribute: str | None = None) -> dict[Value | Place, Module | None]:
        """Tell its own parameters and modules, not those of modules inside, their places.

        Args:
            attribute: the name of the only one to look at; by default all.

        Returns:
            These parameters, and these modules by their places.
        """
        place, held = self._own_place, vars(self)
        place.module = ref(self)
        try:
            place.kind, place.shows_parts = self.describe(), self.shows_parts
            place.activation = operation_of(getattr(self, "activation", None))
        except Exception:  # what these look at may be set later, and a picture asks again
            place.kind = place.kind or type(self).__name__
        if attribute is None:
            place.names, numbered = [*held], enumerate(held.values())
        else:
            if attribute not in place.names:
                place.names.append(attribute)
            numbered = enumerate([held[attribute]], place.names.index(attribute))
        found: dict[Value | Place, Module | None] = {}
        seen: set[int] = set()
        todo = [(place, numbered)]
        while todo:
            around, numbered = todo[-1]
            for turn, part in numbered:
                if isinstance(part, Value):
                    if part.op is not None or part in found:
                        continue
                    # where it is shared, it stays in the module that had it first
                    if part.right is None or part.right.owner is place:
                        part.left, part.right = turn, around
                        found[part] = None
                elif isinstance(part, Module):
                    inner = part._own_place
                    # modules may contain each other
                    if inner not in found and inner not in place.chain():
                        inner.around, inner.turn = around, turn
                        found[inner] = part
                elif not (isinstance(part, _PLAIN) or id(part) in seen) and (
                    inside := _parts(part)
                ):
                    seen.add(id(part))
                    names, parts = inside
                    names = [] if isinstance(names, range) else [*names]
                    todo.append((Place(around, turn, names), enumerate(parts)))
                    break
            else:
                todo.pop()
        return found

    def _place_everything(self) -> set[Value | Place]:
        """Tell all in it its place, and return the parameters and the places of all modules."""
        found: dict[Value | Place, Module | None] = {self._own_place: self}
        todo = [self]
        for module in todo:  # grows
            parts = module._place_parts()
            todo += [part for place, part in parts.items() if part and place not in found]
            found |= parts
        return set(found)

    def parameters(self) -> list[Value]:
        """All parameters, in the order in which they became part of the module.

        Raises:
            TypeError: there is one in a set, or in an object that is no Module.
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
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__(self, x), which PyTorch calls forward"
        )

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        assign(self.parameters(), "grad", repeat(0.0))

    predict, save, load = trained.predict, trained.save, trained.load
    state_dict, load_state_dict = trained.state_dict, trained.load_state_dict

    def describe(self) -> str:
        """What the module is, in a few words, for `repr` and for pictures."""
        return type(self).__name__

    def __repr__(self) -> str:
        return "\n".join(_tree(self))


def parameters_of(given: Module | Iterable[Value]) -> list[Value]:
    """The parameters of a model, or the Values that are given themselves, in order.

    >>> parameters_of([Value(1.0, "w")])
    [Value(data=1.0, grad=0.0, label='w')]
    """
    return given.parameters() if isinstance(given, Module) else list(given)


def _tree(module: Module) -> Iterator[str]:
    """The lines of `repr`: a module and those in it, leaving out those that contain it."""
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


def _walk(module: Module, values: bool = True) -> Iterator[tuple[str, Any]]:
    """A module and all Values, modules and other objects in it, each once, with its path.

    Args:
        module: the module.
        values: whether Values are wanted.
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
        prefix = f"{path}." if path else ""
        todo += reversed([
            (f"{prefix}{name}", part)
            for name, part in zip(*parts, strict=False)
            if values or not isinstance(part, Value)
        ])  # fmt: skip


def _search(module: Module) -> tuple[list[Value], list[Any], dict[int, Any]]:
    """A module's parameters, the other objects in it, and by its id everything that was seen."""
    # `_walk` finds the same, but making the paths would take most of the time
    found: list[Value] = []
    strangers: list[Any] = []
    seen: dict[int, Any] = {}  # keeps what a collection makes on demand, so that ids stay unique
    todo: list[Iterator[Any]] = [iter([module])]
    while todo:
        for thing in todo[-1]:
            if (key := id(thing)) in seen:
                continue
            seen[key] = thing
            if isinstance(thing, Value):
                if thing.op is None:
                    found.append(thing)
            elif (parts := _parts(thing)) is None:
                strangers.append(thing)
            else:
                todo.append(iter([*parts[1]]))
                break
        else:
            todo.pop()
    return found, strangers, seen


_CONSTANTS = (type(None), float, int, str, bytes)
_PLAIN = (
    Place, Kept, *_CONSTANTS, type, ModuleType,
    FunctionType, BuiltinFunctionType, MethodType, TracebackType, partial,
)  # fmt: skip
"""What holds no parameters, or may use some that are not its own, and so is not looked into."""

_VIEWS = map(type, (vars().keys(), vars().values(), vars().items()))
_ORDERED: tuple[type[Any], ...] = (list, tuple, deque, *_VIEWS)


def _parts(thing: Any) -> tuple[Iterable[Any], Iterable[Any]] | None:
    """The names and the contents of a module's or a collection's parts; None for anything else."""
    if isinstance(thing, _ORDERED):
        return range(len(thing)), thing
    if isinstance(thing, _PLAIN):
        return (), ()
    if isinstance(thing, Module):
        thing = vars(thing)
    if isinstance(thing, dict | MappingProxyType):
        return thing, thing.values()
    if (numpy := sys.modules.get("numpy")) and isinstance(thing, numpy.ndarray):
        if thing.dtype != object:
            return (), ()
        return (".".join(map(str, i)) for i in numpy.ndindex(thing.shape)), thing.flat
    return None


def _held(stranger: Any, seen: dict[int, Any]) -> Any:
    """A parameter or module that only an object which is no collection holds; None if all is well.

    Args:
        stranger: the object.
        seen: what was found outside it, by its id.
    """
    known = {id(stranger)}
    todo = [stranger]
    while todo:
        thing = todo.pop()
        if isinstance(thing, Value):
            if thing.op is None:
                return thing
        elif isinstance(thing, Module) and any(id(p) not in seen for p in _search(thing)[0]):
            return thing
        # the package's own objects, such as pictures, refer to Values that are not theirs
        if type(thing).__module__.partition(".")[0] != __name__.partition(".")[0]:
            for part in gc.get_referents(thing):
                if not (id(part) in seen or id(part) in known or isinstance(part, _PLAIN)):
                    known.add(id(part))
                    todo.append(part)
    return None


def _items(thing: Any) -> list[Any]:
    _, parts = ("", [thing]) if isinstance(thing, Module) else _parts(thing) or ("", ())
    return [*parts]
