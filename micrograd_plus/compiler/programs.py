"""`Programs`: a function that is compiled for each structure of arguments that it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import with_items
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.arguments import by_position
from micrograd_plus.compiler.batched import Batched
from micrograd_plus.compiler.checks import real_array
from micrograd_plus.compiler.leaves import Leaves, recipe
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import uncollected
from micrograd_plus.nn.module import parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module


class Programs(Batched):
    """A function of one example that is compiled when it is called with arguments of a new shape.

    It is used as a `Program` is. An argument is one array, or nested lists, with the examples along
    its first axis; or a tuple or dictionary of such arguments. Arrays of ints hold indices. The
    programs for all shapes are kept, however many there are, and compute with the same `vector`.

    Args:
        fn: as for `compile`, which makes these; likewise `params`, `dtype`, `input_gradients`,
            `has_aux` and `backend`.

    Attributes:
        parameters: the Values that `value_and_grad` differentiates with respect to.

    >>> from micrograd_plus import Value, compile, dot
    >>> w = Value(2.0)
    >>> programs = compile(lambda x: w * dot(x, x), params=[w])
    >>> programs([[1.0, 2.0], [3.0, 4.0]])
    array([10., 50.])
    >>> programs.value_and_grad([[1.0, 1.0, 1.0]])
    (6.0, array([3.]))
    >>> programs
    <Programs for (float[2]) and (float[3]), 1 parameter>
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        params: Module | Sequence[Value],
        dtype: str,
        input_gradients: bool,
        has_aux: bool,
        backend: str,
    ) -> None:
        self._numpy = numpy = need("numpy", "numpy")
        self._fn, self._options = fn, (dtype, input_gradients, has_aux, backend)
        self.parameters = parameters_of(params)
        self._leaves = Leaves(params, self.parameters)
        self._leaves.live_in(numpy.empty(len(self.parameters), dtype))
        self._compiled: dict[Any, Program] = {}

    def __call__(self, *batch: Any, **named: Any) -> Any:
        batch = by_position(self._fn, batch, named)
        return self.program_for(*batch)(*batch)

    def value_and_grad(
        self, *batch: Any, weights: Any = None, chunk: int | None = None, **named: Any
    ) -> tuple[Any, ...]:
        batch = by_position(self._fn, batch, named)
        found = self.program_for(*batch).value_and_grad(*batch, weights=weights, chunk=chunk)
        self._gradient = found[1]
        return found

    def program_for(self, *batch: Any) -> Program:
        """The program for a batch, with the numbers of `vector`; compiled now if there is none yet.

        Args:
            batch: as for a call.

        Raises:
            TraceError, ValueError: as for a call.
        """
        structure = tuple([self._structure(part, str(i)) for i, part in enumerate(batch)])
        program = self._compiled.get(structure)
        if program is None:
            example = tuple(map(self._first, batch, structure))
            made = uncollected(
                lambda: Program(self._fn, example, self._leaves.params, *self._options)
            )
            program = self._compiled.setdefault(structure, made)  # perhaps another thread's
        program.numbers[: len(self.parameters)] = self.vector
        return program

    def __reduce__(self) -> tuple[Any, ...]:
        made = recipe(type(self), self._leaves, self._fn, self._leaves.params, *self._options)
        return *made, (self._compiled, self.vector.copy())

    def __setstate__(self, state: tuple[dict[Any, Program], Any]) -> None:
        self._compiled, self.vector = state

    def __repr__(self) -> str:
        shapes = " and ".join(f"({', '.join(map(_told, its))})" for its in self._compiled)
        count = len(self.parameters)
        return f"<Programs for {shapes or 'no shape yet'}, {count} parameter{'s' * (count != 1)}>"

    def _structure(self, given: Any, where: str) -> Any:
        """What makes an argument another one: its structure, shapes, and where it has ints."""
        usual = type(given) is self._numpy.ndarray and given.dtype.kind in "fiu"
        if usual and given.shape[:1] > (0,):  # it has an example
            return False, given.shape[1:], given.dtype.kind != "f"
        if isinstance(given, dict | tuple):
            keys = tuple(given) if isinstance(given, dict) else range(len(given))
            parts = given.values() if isinstance(given, dict) else given
            names = [f"{where}[{key!r}]" for key in keys]
            return keys, tuple(map(self._structure, parts, names))
        try:
            array = real_array(self._numpy, given, self._options[0], "example")
        except ValueError as error:
            raise type(error)(
                f"argument {where} must be numbers for each example, not {short(given)}{error}"
            ) from None
        if not array.ndim or not len(array):
            raise ValueError(
                f"argument {where} must be numbers for each example, not {short(given)}: there is "
                "no example to compile the function with"
            )
        whole = self._numpy.asarray(given).dtype.kind in "iu"
        return isinstance(given, list), array.shape[1:], whole

    def _first(self, given: Any, structure: Any) -> Any:
        """The first example of an argument, with ints where it has them."""
        if isinstance(given, dict | tuple):
            parts = given.values() if isinstance(given, dict) else given
            return with_items(given, [*map(self._first, parts, structure[1])])
        listed, shape, _ = structure
        row = self._numpy.asarray(given)[0]
        return row.tolist() if listed or not shape else row


def _told(structure: Any) -> str:
    """A structure in a few characters, such as int[7] for seven ints."""
    if len(structure) == 3:
        _, shape, whole = structure
        return f"{'int' if whole else 'float'}{list(shape) or ''}"
    keys, parts = structure
    told = [*map(_told, parts)]
    if isinstance(keys, range):
        return f"({', '.join(told)})"
    return f"{{{', '.join(f'{key!r}: {its}' for key, its in zip(keys, told, strict=True))}}}"
