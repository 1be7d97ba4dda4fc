"""The live leaves of a compiled program: Values whose numbers may change between its calls."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.surroundings import Numbers
from micrograd_plus.engine import Value
from micrograd_plus.graph import assign, finite, hooks, in_turn
from micrograd_plus.nn import module
from micrograd_plus.nn.module import parameters_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.surroundings import Surroundings
    from micrograd_plus.nn.module import Module


class Leaves:
    """The parameters of a program, after them all other leaves that it reads, and their numbers.

    The numbers are in one array, with which the program computes. The last change of a number
    counts: data assigned to a leaf are copied into the array at the next read, and changes of the
    array stay there; only `write` copies them to the parameters.

    Args:
        params: what to differentiate with respect to, a model or Values.
        outside: the leaves that the function reads.
        surroundings: what else it read outside itself, if that matters.

    Attributes:
        parameters: the Values of `params`, in order.
        values: the parameters and the others.
        params: as given.
        read: for each parameter whether the function reads it.
    """

    def __init__(
        self,
        params: Module | Sequence[Value],
        outside: Sequence[Value],
        surroundings: Surroundings | None = None,
    ) -> None:
        self.params = params
        self.parameters = parameters_of(params)
        self.read = [*map(set(outside).__contains__, self.parameters)]
        given = set(self.parameters)
        self.values = [*self.parameters, *(x for x in outside if x not in given)]
        self._surroundings = surroundings
        self._count = len(self.parameters)

    def live_in(self, array: Any) -> None:
        """Move the numbers into an array.

        Args:
            array: one with a place for each of the `values`, perhaps a view of another.
        """
        self._array = array
        self._changes = hooks.changes, module.attributes  # before they are read
        self._seen = [x.assigned for x in self.values]
        array[:] = [x._data for x in self.values]

    def numbers(self) -> Any:
        """The array of all numbers, with those assigned to leaves since the last read.

        Raises:
            ValueError: another Value stands in the place of a parameter, or something else in a
                variable or an attribute that the function names.
        """
        if self._surroundings and (change := self._surroundings.change()):
            raise ValueError(f"{_told(*change)}, or compile again")
        if self._changes != (hooks.changes, module.attributes):
            self._take_over()
        return self._array

    def vector(self) -> Any:
        """The part of the array with the parameters' numbers; raises as `numbers` does."""
        return self.numbers()[: self._count]

    @in_turn
    def write(self) -> None:
        """Assign the numbers of the array to the parameters, atomically.

        Raises:
            NonFiniteError: one is not finite; then nothing is changed.
            ValueError: as `numbers` does.
        """
        numbers = [finite(x, "a number of the vector") for x in self.vector().tolist()]
        assign(self.parameters, "data", numbers)
        self._take_over()  # they now have its numbers

    @in_turn
    def _take_over(self) -> None:
        changes = hooks.changes, module.attributes
        if list(map(id, parameters_of(self.params))) != list(map(id, self.parameters)):
            raise ValueError(f"a parameter {_REPLACED}, or compile again")
        now = [x.assigned for x in self.values]
        for i, (x, old, new) in enumerate(zip(self.values, self._seen, now, strict=True)):
            if new != old:
                self._array[i] = x._data
        # last, so that it is repeated if interrupted, or if another thread assigns meanwhile
        self._seen, self._changes = now, changes


_REPLACED = (
    "was replaced by another Value since the function was compiled: assign to its data instead"
)


def _told(name: str, before: Any, now: Any) -> str:
    if isinstance(before, Value) and isinstance(now, Value):
        return f"{name} {_REPLACED}"
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        return (
            f"{name} holds other numbers than when the function was compiled, which baked them "
            "into the program: make it an argument, or an array of Values"
        )
    return (
        f"{name} is {now!r} and was {before!r} when the function was compiled, which baked it "
        "into the program: make it an argument or a Value"
    )


def recipe(kind: type, leaves: Leaves, fn: Any, *others: Any) -> tuple[Any, tuple[Any, ...]]:
    """How `pickle` and `copy` rebuild a program: by compiling its function, or the copy of it.

    Args:
        kind: the program's class.
        leaves: its leaves.
        fn: its function.
        others: its further arguments.

    Raises:
        TypeError: the function would not read the copies of the parameters.
    """
    if isinstance(fn, FunctionType) and any(leaves.read):
        raise TypeError(
            f"a program can't be copied if its function is a plain one, as {fn.__qualname__} is, "
            "that reads parameters: it would go on reading these, and not their copies. Compile a "
            "module, a method or functools.partial(f, model), which are copied with their model, "
            "or copy the model and compile anew"
        )
    return _again, (kind, leaves.read, fn, *others)


def _again(kind: type, read: list[bool], *parts: Any) -> Any:
    program: Any = kind(*parts)
    if program._leaves.read != read:
        raise TypeError("the copy of a program's function does not read the copied parameters")
    return program
