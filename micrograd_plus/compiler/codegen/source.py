"""A schedule as the text of a module for an array library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrograd_plus.compiler.codegen.adjoint import Adjoint
from micrograd_plus.compiler.codegen.code import indented, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.codegen.backends import NumPy
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


class Source:
    """The program of a schedule, as text.

    Args:
        backend: the library to write for.
        dtype: "float64" or "float32".
        groups: in the order of computation.
        outputs: what the program returns; the first is what is differentiated.
        inputs: how many numbers each argument has, by its name.
        parameters: how many numbers `p` has.
        wanted: how many of them, from the first, get derivatives.
        input_gradients: whether inputs get derivatives, too.
        differentiable: whether there is to be a gradient, that of the first output.
    """

    def __init__(
        self,
        backend: NumPy,
        dtype: str,
        groups: Sequence[Group],
        outputs: Sequence[Expression],
        inputs: dict[str, int],
        parameters: int,
        wanted: int,
        input_gradients: bool = False,
        differentiable: bool = True,
    ) -> None:
        self.backend = backend
        self.dtype = dtype
        self.groups = groups
        self._program = Adjoint(
            outputs, differentiable, backend, groups, inputs, parameters, wanted, input_gradients
        )
        self._outputs = self._program.whole(outputs)
        self.constants = self._program.constants
        self.result = "".join(self._program.sources(outputs[:1]))
        self.array = self._program.array

    def module(self) -> str:
        """The program as the text of a Python module."""
        return "\n".join([*self.backend.header(self.dtype), "", self.functions()])

    def functions(self) -> str:
        """The program as functions, without the imports that they need."""
        lines = self._program.functions.definitions(self.backend.primitives)
        lines += self._program.reductions.definitions()
        lines += ["", *self.constant_lines()]
        for function in (self.forward_lines(), self.gradient_lines()):
            if function:
                lines += ["", "", *self.backend.compiled, *function]
        return "\n".join([*lines, ""])

    def constant_lines(self) -> list[str]:
        return [f"{name} = np.array({literal(value)})" for name, value in self.constants.items()]

    def forward_lines(self) -> list[str]:
        """The function that computes the outputs."""
        given, start = self._start()
        body = [start, *self._program.forward, f"return {self._outputs}"]
        return [f"def forward({given}):", *indented(body)]

    def gradient_lines(self) -> list[str]:
        """The function that computes the mean of the output and its gradient, if there is one."""
        if not self._program.backward:
            return []
        given, start = self._start()
        full = f"{self.backend.library}.full(N, 1 / max(N, 1), p.dtype)"
        its = self.backend.own("s")
        share = f"s = {full} if s is None else {its}  # the share of each example"
        body = [start, share, *self._program.forward, *self._program.backward]
        return [f"def value_and_grad({given}, s=None):", *indented(body)]

    def _start(self) -> tuple[str, str]:
        names = self._program.inputs
        return ", ".join(["p", *names]), f"N = {names[0]}.shape[1]"
