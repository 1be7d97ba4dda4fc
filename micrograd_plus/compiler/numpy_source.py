"""A schedule as the text of a NumPy module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrograd_plus.compiler.adjoint import Adjoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.expressions import Expression
    from micrograd_plus.compiler.schedule import Group

_LIKE_MATH = """cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 maximum minimum
    sin sinh sqrt tan tanh trunc where"""
PRIMITIVES = {name: f"np.{name}" for name in _LIKE_MATH.split()} | {
    "abs": "np.abs",
    "acos": "np.arccos",
    "acosh": "np.arccosh",
    "asin": "np.arcsin",
    "asinh": "np.arcsinh",
    "atan": "np.arctan",
    "atan2": "np.arctan2",
    "atanh": "np.arctanh",
    "erf": "np.vectorize(math.erf, otypes=[float])",
    "erfc": "np.vectorize(math.erfc, otypes=[float])",
    "round": "np.rint",
}

_HELPERS = """
def largest(X): return X.max(axis=1)
def smallest(X): return X.min(axis=1)
def chosen(X, out):
    ties = X == np.expand_dims(out, 1)
    return ties / ties.sum(axis=1, keepdims=True)
def logsumexp(X):
    top = X.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(X - top).sum(axis=1))
def softmax(X):
    weights = np.exp(X - X.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
"""


class Source:
    """The program of a schedule, as text.

    Args:
        groups: in the order of computation.
        outputs: what the program returns; the first is what is differentiated.
        inputs: how many numbers each argument has.
        parameters: how many numbers `p` has.
        wanted: how many of them, from the first, get derivatives.
        input_gradients: whether inputs get derivatives, too.
        differentiable: whether there is to be a gradient, that of the first output.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        outputs: Sequence[Expression],
        inputs: Sequence[int],
        parameters: int,
        wanted: int,
        input_gradients: bool = False,
        differentiable: bool = True,
    ) -> None:
        self.groups = groups
        self._program = Adjoint(
            outputs, differentiable, groups, inputs, parameters, wanted, input_gradients
        )
        self._result = self._program.whole(outputs)
        self.constants = self._program.constants

    def module(self) -> str:
        """The program as the text of a Python module; constants come as `constants`."""
        lines = ["import math", "", "import numpy as np", ""]
        lines += self._program.functions.definitions(PRIMITIVES)
        if self._program.reductions:
            lines.append(_HELPERS.strip())
        lines += ["", *self.constant_lines(), "", "", *self.forward_lines(), ""]
        if self._program.backward:
            lines += ["", *self.gradient_lines(), ""]
        return "\n".join(lines)

    def constant_lines(self) -> list[str]:
        return [f"{name} = np.array({value!r})" for name, value in self.constants.items()]

    def forward_lines(self) -> list[str]:
        """The function that computes the outputs."""
        body = [*self._program.forward, f"return {self._result}"]
        return [f"def forward({self._given()}):", *_indented(self._start() + body)]

    def gradient_lines(self) -> list[str]:
        """The function that computes the mean of the output and its gradient."""
        body = [*self._program.forward, *self._program.backward]
        return [f"def value_and_grad({self._given()}):", *_indented(self._start() + body)]

    def _given(self) -> str:
        return ", ".join(["p", *self._program.inputs])

    def _start(self) -> list[str]:
        return [f"N = {self._program.inputs[0]}.shape[1]"]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
