"""`Program`: a function of one example as matrix code for batches."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import flat
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.arguments import Arguments, arranged, by_position, model_of
from micrograd_plus.compiler.batched import Batched
from micrograd_plus.compiler.causes import Causes
from micrograd_plus.compiler.checks import all_finite, finite_row
from micrograd_plus.compiler.codegen.backends import Interface, find_backend
from micrograd_plus.compiler.leaves import Leaves, recipe
from micrograd_plus.compiler.task import Task
from micrograd_plus.compiler.trace import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module


_SHOWN = 200  # lines in a notebook's cell


class Program(Batched):
    """A function of one example, compiled for batches.

    Args:
        fn: as for `compile`, which makes programs; likewise `params`, `dtype`, `input_gradients`,
            `has_aux` and `backend`.
        example: a tuple with an example of each argument.

    Attributes:
        parameters: the Values that `value_and_grad` differentiates with respect to.
        vector: their numbers, an array; both it and the Values can be changed between calls.

    What runs natively shows the matrix code that NumPy would run. With "auto" each batch is
    computed by what is the faster one for its size, by an estimate; `repr` says which that is.

    >>> from micrograd_plus import Value, compile
    >>> w = Value(2.0)
    >>> program = compile(lambda x: w * x, 0.0, params=[w])
    >>> program([1.0, 2.0])
    array([2., 4.])
    >>> program.value_and_grad([1.0, 2.0])
    (3.0, array([1.5]))
    >>> program.vector = [3.0]
    >>> program.write_parameters()
    >>> w.data
    3.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        example: tuple[Any, ...],
        params: Module | Sequence[Value],
        dtype: str,
        input_gradients: bool,
        has_aux: bool,
        backend: str,
    ) -> None:
        self._numpy = numpy = need("numpy", "numpy")
        self._fn, self._options = fn, (dtype, input_gradients, has_aux, backend)
        self._dtype = numpy.dtype(dtype)
        self._input_gradients, self._has_aux = input_gradients, has_aux
        found = trace(fn, example)
        # leaves that are neither inputs nor parameters stay live, without derivatives
        self._leaves = Leaves(params, found.outside, found.surroundings)
        self.parameters = self._leaves.parameters
        # only how they are nested: the outputs would keep the recorded graph alive
        self._structure = model_of(numpy, found.outputs)
        self._outputs = len(found.results)
        if has_aux and not (isinstance(found.outputs, list | tuple) and len(found.outputs) == 2):
            raise TypeError(
                f"with has_aux the function must return a pair, not {short(found.outputs)}"
            )
        differentiable = len(flat(found.outputs[0] if has_aux else found.outputs)) == 1
        self._arguments = Arguments(fn, example, found.rows, self._dtype)
        self._causes = Causes(fn, self._arguments, self._leaves)
        self._leaves.live_in(numpy.empty(len(self._leaves.values), self._dtype))
        self._task = Task(fn, self._arguments, self._leaves, differentiable, input_gradients, dtype)
        self._runs = self._task.code(found, backend)
        self._equal = numpy.empty(0, self._dtype)  # equal weights for the last batch's examples

    def __call__(self, *batch: Any, **named: Any) -> Any:
        columns = self._arguments.columns(by_position(self._fn, batch, named))
        rows = self._runs.ready["forward"](self._leaves.numbers(), *columns)
        if not all_finite(self._numpy, rows):
            self._causes.refuse(columns, [rows], slopes=False)
        return arranged(self._structure, rows.copy())  # they may be a view of the batch

    def value_and_grad(
        self, *batch: Any, weights: Any = None, chunk: int | None = None, **named: Any
    ) -> tuple[Any, ...]:
        run = self._runs.ready.get("value_and_grad")
        if run is None:
            raise TypeError("only a function that returns one number has a gradient")
        columns = self._arguments.columns(by_position(self._fn, batch, named))
        numbers, shares, count = self._leaves.numbers(), self._equal, columns[0].shape[1]
        if weights is not None or len(shares) != count:
            shares = self._shares(weights, count)
        if chunk is None:
            value, gradient, *wide = run(numbers, *columns, shares)
        else:
            value, gradient, *wide = self._in_chunks(chunk, run, numbers, [*columns, shares])
        gradient = gradient[: len(self.parameters)]
        if not (math.isfinite(value) and all_finite(self._numpy, gradient, *wide)):
            self._causes.refuse(columns, wide, slopes=True)
        self._gradient = gradient
        results: tuple[Any, ...] = (float(value), gradient)
        if self._input_gradients:
            # one new array, as each may be a view of another one, or of the weights
            slopes = self._numpy.concatenate(wide[: len(self._arguments.sizes)])
            results += (arranged(self._arguments.models, slopes),)
        if self._has_aux:
            results += (arranged(self._structure[1], self._numpy.array(wide[-1])),)
        return results

    def source(self, backend: str = "numpy", weights: bool = False) -> str:
        """The program's matrix code as the text of a module that runs without this package.

        Its functions are called with arrays that have an example in each row; its first lines say
        how.

        Args:
            backend: "numpy" or "jax".
            weights: whether the text has the present numbers of the parameters, so that they need
                not be given.

        Raises:
            ValueError: there is no such backend.

        >>> from micrograd_plus import compile, nn
        >>> model = nn.MLP(2, [3, 2], seed=1)
        >>> module = {}
        >>> exec(compile(model, [0.0, 0.0], params=model).source(weights=True), module)
        >>> import numpy
        >>> module["forward"](numpy.ones((5, 2))).shape
        (5, 2)
        """
        numbers = self._leaves.numbers()
        shapes = [getattr(x, "shape", None) for x in self._arguments.models]
        given = zip(self._arguments.sizes.items(), shapes or [(0,)], strict=True)
        outputs = getattr(self._structure, "shape", None)
        interface = Interface(
            {name: (size,) if shape is None else shape for (name, size), shape in given},
            (self._outputs,) if outputs is None else outputs,
            len(numbers),
            self._dtype.name,
            numbers.tolist() if weights else None,
        )
        return find_backend(backend).module(self._task.matrices.code, interface)

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The program's own functions, on the backend's arrays of (numbers, examples).

        Those are `forward(p, *inputs)` and, if there is a gradient, `value_and_grad(p, *inputs,
        s)`, where p are `numbers` and s the weight of each example.
        """
        return dict(self._runs.functions)

    def of_some(self, name: str, columns: Sequence[Any]) -> Callable[..., Any]:
        """One of the `functions`, for some of many examples.

        Args:
            name: "forward" or "value_and_grad".
            columns: all examples, an array of (numbers, examples) for each argument.

        Returns:
            The function, which has one argument instead of its inputs: the numbers of the examples,
            an array of int64.
        """
        return self._runs.of_some(name, columns)

    @property
    def numbers(self) -> Any:
        """What the functions take as p: `vector`, and after it other leaves that they read."""
        return self._leaves.numbers()

    @property
    def groups(self) -> Sequence[Group]:
        """What the array instructions of its matrix code compute, in the order of computation."""
        return self._task.matrices.groups

    @property
    def result(self) -> str:
        """The name of the array that is differentiated; "" if the function returns several."""
        return self._task.matrices.result

    def array(self, e: Expression) -> str:
        """The name of the array that holds an expression of a group, or a leaf.

        Args:
            e: a part of one of the `groups`, or an input or parameter.
        """
        return e.array

    @property
    def arguments(self) -> dict[str, int]:
        """How many numbers each argument of the function has, by the names in the program."""
        return dict(self._arguments.sizes)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self._fn, self._arguments.given, self._leaves.params, *self._options
        return *recipe(type(self), self._leaves, *parts), self.vector.copy()

    def __setstate__(self, vector: Any) -> None:
        self.vector = vector

    def __str__(self) -> str:
        return str(self._task.matrices)

    def __repr__(self) -> str:
        count = len(self.parameters)
        return f"<Program of {self._runs.size}, {count} parameters>"

    def _repr_html_(self) -> str:
        lines = str(self).splitlines()
        if len(lines) > _SHOWN:
            lines[_SHOWN:] = [f"    … and {len(lines) - _SHOWN:,} more lines: see .source()"]
        return f"<pre>{escape(chr(10).join(lines))}</pre>"

    # ------------------------------------------------------------------------- inside

    def _shares(self, weights: Any, count: int) -> Any:
        """The weight of each example; equal ones are kept for the next batch."""
        if weights is not None:
            return finite_row(self._numpy, "weights", weights, count, self._dtype)
        equal = self._numpy.full(count, 1 / max(count, 1), self._dtype)
        equal.flags.writeable = False
        self._equal = equal
        return equal

    def _in_chunks(
        self, chunk: int, run: Callable[..., Any], numbers: Any, arrays: Sequence[Any]
    ) -> tuple[Any, ...]:
        """The results of a batch from those of its chunks."""
        if type(chunk) is not int or chunk < 1:
            raise ValueError(f"chunk must be a positive whole number, not {short(chunk)}")
        count = arrays[-1].shape[0]
        places = [slice(i, i + chunk) for i in range(0, max(count, 1), chunk)]
        pieces = [run(numbers, *(array[..., place] for array in arrays)) for place in places]
        value, gradient, *wide = zip(*pieces, strict=True)
        with self._numpy.errstate(all="ignore"):
            total = sum(value), sum(gradient)
        return *total, *(self._numpy.concatenate(x, axis=1) for x in wide)
