"""Programs for one point at a time: the recorded tape, interpreted in machine code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import flat, mapped
from micrograd_plus.compiler.arguments import Arguments, all_finite, arranged
from micrograd_plus.compiler.leaves import Leaves, recipe
from micrograd_plus.compiler.native.interpreter import interpreter
from micrograd_plus.compiler.native.tape import tape
from micrograd_plus.compiler.trace import trace
from micrograd_plus.compiler.trial import compare
from micrograd_plus.engine import Value
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.nn.module import Module


class PointProgram:
    """A function compiled for one point at a time, for optimisers and simulations.

    Args:
        fn: ordinary code on Values; it may close over a model.
        example: an example of each argument: a number, or nested sequences of numbers.
        params: what to differentiate with respect to; if there is nothing, it is the arguments.

    Raises:
        TraceError: the function reads numbers, or records another graph each time it runs.
        ModuleNotFoundError: numba is missing.

    Attributes:
        parameters: the Values that `value_and_grad` differentiates with respect to, if any.

    It is pickled and copied as a `Program` is.

    >>> program = PointProgram(lambda x: x[0] * x[1] ** 2, [[1.0, 1.0]])
    >>> program([2.0, 3.0])
    18.0
    >>> program.value_and_grad([2.0, 3.0])
    (18.0, array([ 9., 12.]))
    """

    def __init__(
        self, fn: Callable[..., Any], example: Sequence[Any], params: Module | Sequence[Value] = ()
    ) -> None:
        self._numpy = numpy = need("numpy", "native")
        self._interpreter = interpreter()
        self._fn = fn
        found = trace(fn, example)
        self._leaves = Leaves(params, found)
        self.parameters = self._leaves.parameters
        outputs = flat(found.outputs)
        # only how they are nested: the outputs would keep all alive that was recorded
        self._structure = mapped(lambda _: None, found.outputs)
        self._arguments = Arguments(fn, tuple(example), float, batched=False)
        count = len(found.inputs)
        if self.parameters:
            wanted, self._wanted = self.parameters, (count, count + len(self.parameters))
        else:
            wanted, self._wanted = found.inputs, (0, count)
        self._differentiable = len(outputs) == 1
        self._numbers, self._tape = tape(
            found.nodes,
            outputs,
            [*found.inputs, *self._leaves.values],
            set(map(id, wanted)) if self._differentiable else set(),
        )
        self._leaves.live_in(self._numbers[count : count + len(self._leaves.values)])
        self._slopes = numpy.zeros_like(self._numbers)
        # with infinite constants, such as bounds, results may be infinite without an error
        self._bounded = numpy.isfinite(self._numbers).all()
        _, values, slopes = self._interpreter(
            numpy.array(self._arguments.first), *self._tape, self._numbers, self._slopes,
            *(self._wanted if self._differentiable else (0, 0)),
        )  # fmt: skip
        compare(outputs, values.tolist(), wanted, slopes.tolist())

    def __call__(self, *point: Any) -> Any:
        """The outputs at a point.

        Args:
            point: the arguments of the function, in the shapes of the example.

        Returns:
            Numbers in the structure that the function returns.

        Raises:
            ValueError: the shapes are not those of the example.
            NonFiniteError: a result is not finite; the message names the operation.
        """
        numbers, _ = self._run(point, 0, 0)
        # 0-dimensional arrays become numbers
        return mapped(lambda x: x, arranged(self._structure, numbers), "leaves")

    def value_and_grad(self, *point: Any) -> tuple[float, Any]:
        """The output at a point, and its gradient.

        Args:
            point: as for a call.

        Returns:
            A number, and an array of its derivatives with respect to the parameters. If there are
            none, with respect to the argument, in its shape; for several a tuple of such arrays.

        Raises:
            TypeError: the function returns more than one number.
            ValueError, NonFiniteError: as for a call.
        """
        if not self._differentiable:
            raise TypeError("only a function that returns one number has a gradient")
        (value,), gradient = self._run(point, *self._wanted)
        if not self.parameters:
            models = self._arguments.models
            gradient = arranged(models[0] if len(models) == 1 else models, gradient)
        return float(value), gradient

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self._fn, self._arguments.given, self._leaves.params
        return recipe(type(self), self._leaves, *parts)

    def __repr__(self) -> str:
        count = len(self.parameters)
        return f"<PointProgram of {len(self._tape.instructions)} instructions, {count} parameters>"

    # ------------------------------------------------------------------------- inside

    def _run(self, point: tuple[Any, ...], low: int, high: int) -> tuple[Any, Any]:
        """The outputs, and the derivatives with respect to some slots."""
        self._leaves.numbers()  # which are a part of the tape's
        x = self._arguments.numbers(point)
        fine, numbers, gradient = self._interpreter(
            x, *self._tape, self._numbers, self._slopes, low, high
        )
        if not fine:
            self._arguments.numbers(point, finite=True)
            results = numbers, gradient
            if self._bounded or not all(all_finite(self._numpy, x) for x in results):
                self._explain(x, high > low)
        return numbers, gradient

    def _explain(self, x: Any, with_gradient: bool) -> None:
        """Compute the point with the engine, whose error names the operation."""
        outputs = self._fn(*self._arguments.example(x.tolist()))
        if with_gradient:
            for out in flat(outputs):
                if isinstance(out, Value):
                    adjoints(out)
        raise NonFiniteError("a result or a derivative is too large for a float")
