"""A recorded function as matrix code, which an array library runs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.backends import find_backend
from micrograd_plus.compiler.codegen.generate import generate
from micrograd_plus.compiler.codegen.running import running
from micrograd_plus.compiler.schedule import schedule
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.compiler.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from micrograd_plus.compiler.codegen.backends import NumPy
    from micrograd_plus.compiler.leaves import Leaves
    from micrograd_plus.compiler.trace import Trace


class Matrices:
    """Matrix code, and its functions.

    Args:
        found: what the function recorded.
        checked: for each of its inputs whether it is an index, which each call checks.
        leaves: its live leaves.
        sizes: how many numbers each argument has, by its name.
        gradient: whether the first output is to be differentiated.
        input_gradients: whether the inputs get derivatives, too.
        backend: "numpy" or "jax".
        dtype: "float64" or "float32".

    Attributes:
        groups: what the array instructions compute, in the order of computation.
        code: the instructions, in no language yet.
        functions: `forward(p, *inputs)` and perhaps `value_and_grad(p, *inputs, s)`.
        ready: the same, for NumPy's arrays, of which their results are, too.

    Raises:
        TraceError: the code is too long for the backend.
    """

    def __init__(
        self,
        found: Trace,
        checked: Sequence[bool],
        leaves: Leaves,
        sizes: dict[str, int],
        gradient: bool,
        input_gradients: bool,
        backend: str,
        dtype: str,
    ) -> None:
        self._backend, self._dtype = find_backend(backend), dtype
        named = {x: ("p", i) for i, x in enumerate(leaves.values)}
        rows = [(name, i) for name, size in sizes.items() for i in range(size)]
        named |= dict(zip(found.inputs, rows, strict=True))
        indices = {x for x, its in zip(found.inputs, checked, strict=True) if its}
        outputs = simplify(found.nodes, found.results, named, indices, found.sites)
        self.groups = schedule(outputs)
        self.code = generate(
            self.groups, outputs, sizes, len(leaves.values), len(leaves.parameters),
            found.code.written, input_gradients, gradient,
        )  # fmt: skip
        self.result = outputs[0].array if gradient else ""
        self.functions = self._executed(self._backend, dtype)
        self.ready = {
            name: self._backend.ready(function, dtype) for name, function in self.functions.items()
        }

    def of_some(self, name: str, columns: Sequence[Any]) -> Callable[..., Any]:
        """A function of some of many examples, as that of `Lanes`."""
        run, arrays = self.ready[name], [column.T for column in columns]
        return lambda p, which, *weights: run(p, *(x.take(which, 0).T for x in arrays), *weights)

    def exact(self) -> dict[str, Callable[..., Any]]:
        """The functions that are to be compared with the engine: NumPy's in float64."""
        if (self._backend.library, self._dtype) == ("np", "float64"):
            return self.functions
        return self.on()

    def on(self, numpy: Any = None) -> dict[str, Callable[..., Any]]:
        """The functions in float64 on NumPy, or on what stands for it."""
        return self._executed(find_backend("numpy"), "float64", numpy)

    @cached_property
    def _on_numpy(self) -> CodeType:
        """The functions, as NumPy runs them."""
        return compile(running(self.code), "<program>", "exec")

    def _on(self, backend: NumPy) -> CodeType:
        """The functions, as another library runs them."""
        text = backend.functions(self.code)
        lines = text.count("\n")
        if lines > backend.longest:
            raise TraceError(
                f"no structure was found that matrices could use: the program has {lines:,} lines, "
                f"too many for {backend.extra}, which compiles each; use backend='numpy'"
            )
        return compile(text, "<program>", "exec")

    def _executed(
        self, backend: NumPy, dtype: str, numpy: Any = None
    ) -> dict[str, Callable[..., Any]]:
        """The functions on a library."""
        names = backend.namespace()
        if numpy is not None:
            names["np"] = numpy
        # exec sees only text that the compiler wrote: it contains no labels, of the user's names
        # only plain identifiers without another meaning, and lines of code only as comments
        code = self._on_numpy if backend.library == "np" else self._on(backend)
        exec(code, names)  # noqa: S102
        for name, x in names.items():
            if getattr(x, "dtype", None) == "float64":  # other arrays are indices
                names[name] = x.astype(dtype)
        made = (self.code.forward, self.code.gradient)
        return {function.name: names[function.name] for function in made if function}

    @property
    def size(self) -> str:
        """How many array instructions there are, in words."""
        return f"{len(self.groups):,} array instructions"

    def __str__(self) -> str:
        return "\n".join(self._backend.function(self.code.gradient or self.code.forward))
