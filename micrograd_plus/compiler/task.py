"""What a program is to compute, and the code that does it: made at once, or when it is wanted."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.fastest import Fastest
from micrograd_plus.compiler.matrices import Matrices
from micrograd_plus.compiler.native.lanes import Lanes
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.compiler.trace import trace, uncollected
from micrograd_plus.compiler.trial import compare
from micrograd_plus.core import build_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.compiler.arguments import Arguments
    from micrograd_plus.compiler.leaves import Leaves
    from micrograd_plus.compiler.trace import Trace

_TRIED = 4  # examples


class Wanted(NamedTuple):
    """What code has to compute, besides what was recorded.

    Attributes:
        leaves: the live leaves.
        sizes: how many numbers each argument has, by its name.
        gradient: whether the first output is to be differentiated.
        input_gradients: whether the inputs get derivatives, too.
    """

    leaves: Leaves
    sizes: dict[str, int]
    gradient: bool
    input_gradients: bool


class Task:
    """A function whose code is made; all code is compared with the engine.

    Args:
        fn: the function.
        arguments: its arguments.
        leaves: its live leaves.
        gradient, input_gradients: as for `Wanted`.
        dtype: "float64" or "float32".

    Attributes:
        wanted: what the code computes.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        arguments: Arguments,
        leaves: Leaves,
        gradient: bool,
        input_gradients: bool,
        dtype: str,
    ) -> None:
        self._fn, self._arguments, self._dtype = fn, arguments, dtype
        self.wanted = Wanted(leaves, arguments.sizes, gradient, input_gradients)

    def code(self, found: Trace, backend: str) -> Matrices | Lanes | Fastest:
        """What runs on a backend.

        Args:
            found: what the function recorded.
            backend: as for `compile`.

        Raises:
            TraceError: the code differs from the engine, or is too long.
        """
        both = backend == "auto" and self._dtype == "float64" and build_info().core
        if both or backend == "native":
            lanes = Lanes(found, *self.wanted)
            self._try_out(lanes, found)
            return Fastest(lanes, self) if both else lanes
        self.matrices = self._matrices(found, "numpy" if backend == "auto" else backend)
        return self.matrices

    @cached_property
    def matrices(self) -> Matrices:
        """Matrix code of what runs without it so far."""
        self.wanted.leaves.numbers()  # raises an error if the function would record something else
        return uncollected(lambda: self._matrices(trace(self._fn, self._arguments.given), "numpy"))

    def _matrices(self, found: Trace, backend: str) -> Matrices:
        made = Matrices(found, self._arguments.whole, *self.wanted, backend, self._dtype)
        self._try_out(made, found)
        return made

    def _try_out(self, code: Matrices | Lanes, found: Trace) -> None:
        """Compare code with the engine."""
        numpy = need("numpy", "numpy")
        leaves, sizes, gradient, input_gradients = self.wanted
        numbers = numpy.array([x.data for x in leaves.values])
        row = iter(self._arguments.first)
        columns = [
            numpy.array([[next(row)] * _TRIED for _ in range(size)], float).reshape(size, _TRIED)
            for size in sizes.values()
        ]
        functions, recorded = code.exact(), found.results
        slopes: list[float] = []
        try:
            with numpy.errstate(all="ignore"):
                values = functions["forward"](numbers, *columns)[:, 0].tolist()
                if gradient:
                    run, weights = functions["value_and_grad"], numpy.eye(1, _TRIED)[0]
                    value, derivatives, *wide = run(numbers, *columns, weights)
                    recorded, values = [recorded[0], *recorded], [float(value), *values]
                    slopes = derivatives[: len(leaves.parameters)].tolist()
                    if input_gradients:
                        slopes += numpy.concatenate(wide[: len(columns)])[:, 0].tolist()
        except Exception as error:
            raise TraceError(f"the program can't be run: {short(error)}") from error
        compare(recorded, values, [*leaves.parameters, *found.inputs][: len(slopes)], slopes)
