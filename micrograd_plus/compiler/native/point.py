"""Programs for one point at a time: the recorded tape, which the compiled core runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import flat, mapped
from micrograd_plus.compiler.arguments import Arguments, arranged, by_position
from micrograd_plus.compiler.leaves import Leaves, recipe
from micrograd_plus.compiler.native.lanes import tapes_of_core
from micrograd_plus.compiler.native.tape import tape
from micrograd_plus.compiler.trace import trace
from micrograd_plus.compiler.trial import compare
from micrograd_plus.engine import Value
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.nn.module import Module


_LONG = 8  # the number of terms from which a loop is faster than single additions


class PointProgram:
    """A function compiled for one point at a time, for optimisers and simulations.

    Args:
        fn: ordinary code on Values; it may close over a model.
        example: an example of each argument: a number, or nested sequences of numbers.
        params: what to differentiate with respect to; if there is nothing, it is the arguments.

    Raises:
        TraceError: the function reads numbers, or records another graph each time it runs.
        ModuleNotFoundError: this is the pure build of the package, or NumPy is missing.

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
        tapes = tapes_of_core()
        self._numpy = numpy = need("numpy", "numpy")
        self._fn = fn
        found = trace(fn, example)
        self._leaves = Leaves(params, found.outside, found.surroundings)
        self.parameters = self._leaves.parameters
        outputs = flat(found.outputs)
        # only how they are nested: the outputs would keep all alive that was recorded
        self._structure = mapped(lambda _: None, found.outputs)
        self._arguments = Arguments(fn, tuple(example), found.rows, float, batched=False)
        self._differentiable = len(outputs) == 1
        wanted = self.parameters or found.inputs
        self._numbers, self._tape = tape(
            found.nodes,
            outputs,
            found.inputs,
            self._leaves.values,
            set(map(id, wanted)) if self._differentiable else set(),
            long=_LONG,
        )
        self._leaves.live_in(self._numbers[: len(self._leaves.values)])
        low = 0 if self.parameters else self._tape.inputs[0]
        # with infinite constants, such as bounds, results may be infinite without an error
        self._bounded = numpy.isfinite(self._numbers).all()
        models = self._arguments.models
        # indices are checked, and structures taken apart, before the machine gets them
        plain = [getattr(getattr(model, "dtype", None), "kind", "") == "f" for model in models]
        shapes = tuple(x.shape if its else None for x, its in zip(models, plain, strict=True))
        self._machine = tapes.Machine(self._numbers, self._tape, shapes, low, low + len(wanted))
        slopes = numpy.zeros(len(wanted)) if self._differentiable else None
        values, _ = self._machine.run(numpy.array(self._arguments.first, float), slopes)
        compare(outputs, values, wanted, () if slopes is None else slopes.tolist())
        if self.parameters:
            self._model = slopes
        else:
            self._model = models[0] if len(models) == 1 else models
        self._count = len(wanted)

    def __call__(self, *point: Any, **named: Any) -> Any:
        """The outputs at a point.

        Args:
            point: the arguments of the function, in the shapes of the example.
            named: likewise by name.

        Returns:
            Numbers in the structure that the function returns.

        Raises:
            ValueError: the shapes are not those of the example.
            NonFiniteError: a result is not finite; the message names the operation.
        """
        numbers = self._run(by_position(self._fn, point, named))
        if self._structure is None:
            return numbers[0]
        rows = arranged(self._structure, self._numpy.array(numbers))
        return mapped(lambda x: x, rows, "leaves")  # 0-dimensional arrays become numbers

    def value_and_grad(self, *point: Any, **named: Any) -> tuple[float, Any]:
        """The output at a point, and its gradient.

        Args:
            point: as for a call.
            named: likewise.

        Returns:
            A number, and an array of its derivatives with respect to the parameters. If there are
            none, with respect to the argument, in its shape; for several a tuple of such arrays.

        Raises:
            TypeError: the function returns more than one number.
            ValueError, NonFiniteError: as for a call.
        """
        if not self._differentiable:
            raise TypeError("only a function that returns one number has a gradient")
        shape = getattr(self._model, "shape", None)
        gradient = self._numpy.empty(self._count if shape is None else shape)
        (value,) = self._run(by_position(self._fn, point, named), gradient)
        return value, gradient if shape is not None else arranged(self._model, gradient)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self._fn, self._arguments.given, self._leaves.params
        return recipe(type(self), self._leaves, *parts)

    def __repr__(self) -> str:
        count = len(self.parameters)
        return f"<PointProgram of {len(self._tape.instructions)} instructions, {count} parameters>"

    # ------------------------------------------------------------------------- inside

    def _run(self, point: tuple[Any, ...], gradient: Any = None) -> list[float]:
        """The outputs; and the derivatives, written to `gradient`."""
        self._leaves.numbers()  # which are a part of the tape's
        found = self._machine.run(point, gradient)
        if found is None:  # what is no array or list of floats is converted, or refused
            found = self._machine.run(self._arguments.numbers(point), gradient)
        numbers: list[float]
        numbers, fine = found
        if not fine:
            x = self._arguments.numbers(point, finite=True)
            slopes = [] if gradient is None else gradient.ravel().tolist()
            if self._bounded or not all(map(math.isfinite, [*numbers, *slopes])):
                self._explain(x, gradient is not None)
        return numbers

    def _explain(self, x: Any, with_gradient: bool) -> None:
        """Compute the point with the engine, whose error names the operation."""
        outputs = self._fn(*self._arguments.example(x.tolist()))
        if with_gradient:
            for out in flat(outputs):
                if isinstance(out, Value):
                    adjoints(out)
        raise NonFiniteError("a result or a derivative is too large for a float")
