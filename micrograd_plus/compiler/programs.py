"""`Programs`: a function that is compiled for each structure of arguments that it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import with_items
from micrograd_plus.compiler.checks import finite_row, real_array, shown
from micrograd_plus.compiler.leaves import Leaves, recipe
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.trace import uncollected
from micrograd_plus.nn.module import parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module


class Programs:
    """A function of one example that is compiled when it is called with arguments of a new shape.

    It is used as a `Program` is. An argument is one array, or nested lists, with the examples along
    its first axis; or a tuple or dictionary of such arguments. Arrays of ints hold indices. The
    programs for all shapes are kept, however many there are, and compute with the same `vector`.

    Args:
        fn: as for `compile`, which makes these; likewise the other arguments.
        params: what to differentiate with respect to.
        dtype: "float64", or "float32".
        input_gradients: whether `value_and_grad` also differentiates with respect to the inputs.
        has_aux: whether the function returns a pair.
        backend: "numpy", "jax", "native" or "auto".

    Attributes:
        parameters: the Values that `value_and_grad` differentiates with respect to.

    It is pickled and copied with its programs, as those are.

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
        self._last: Program | None = None

    @property
    def vector(self) -> Any:
        """The parameters' numbers, an array that may be changed in place or replaced."""
        return self._leaves.vector()

    @vector.setter
    def vector(self, numbers: Any) -> None:
        vector = self.vector
        vector[:] = finite_row(self._numpy, "the vector", numbers, len(vector), self._options[0])

    def __call__(self, *batch: Any) -> Any:
        """The outputs for a batch, as of `Program`.

        Args:
            batch: an array for each argument of the function, its first axis being the batch.

        Returns:
            Arrays in the structure that the function returns, their first axis being the batch.

        Raises:
            TraceError: (for a new structure) as for `compile`.
            ValueError: an argument is no array of numbers, or numbers of examples differ.
            IndexError: an index is that of no row.
            NonFiniteError: a result is not finite; the message names example and operation.
        """
        return self.program_for(*batch)(*batch)

    def value_and_grad(
        self, *batch: Any, weights: Any = None, chunk: int | None = None
    ) -> tuple[Any, ...]:
        """The mean output over a batch, and its gradient, as of `Program`.

        Args:
            batch: as for a call.
            weights: a number for each example, as of `Program`.
            chunk: how many examples to compute at a time; all by default.

        Returns:
            What `Program.value_and_grad` does.

        Raises:
            TypeError: the function returns more than one number.
            TraceError, ValueError, IndexError, NonFiniteError: as for a call.
        """
        program = self.program_for(*batch)
        found = program.value_and_grad(*batch, weights=weights, chunk=chunk)
        self._last = program
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

    def write_grads(self) -> None:
        """Put the gradient of the last `value_and_grad` into the parameters.

        Raises:
            ValueError: there was none.
        """
        if self._last is None:
            raise ValueError("there is no gradient yet: call value_and_grad first")
        self._last.write_grads()

    def write_parameters(self) -> None:
        """Put the numbers of `vector` into the parameters: into all of them or none.

        Raises:
            NonFiniteError: one of them is not finite; then nothing is changed.
        """
        self._leaves.write()

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
                f"argument {where} must be numbers for each example, not {shown(given)}{error}"
            ) from None
        if not array.ndim or not len(array):
            raise ValueError(
                f"argument {where} must be numbers for each example, not {shown(given)}: there is "
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
