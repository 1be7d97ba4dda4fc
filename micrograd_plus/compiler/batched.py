"""`Batched`: what a compiled function does with batches, whatever their structure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from micrograd_plus import graph
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.checks import finite_row

if TYPE_CHECKING:
    from micrograd_plus.compiler.leaves import Leaves
    from micrograd_plus.engine import Value


class Batched(ABC):
    """A compiled function of one example, to be called with batches.

    Attributes:
        parameters: the Values that `value_and_grad` differentiates with respect to.

    It is pickled and copied as its function and its parameters, which are compiled again: copied
    deeply together with its model, it becomes a program of the copied model. A function that can't
    be copied with its parameters, such as a closure, is an error.
    """

    parameters: list[Value]
    _leaves: Leaves
    _gradient: Any = None  # of the last call

    @property
    def vector(self) -> Any:
        """The parameters' numbers, an array that may be changed in place or replaced."""
        return self._leaves.vector()

    @vector.setter
    def vector(self, numbers: Any) -> None:
        numpy, vector = need("numpy", "numpy"), self.vector
        vector[:] = finite_row(numpy, "the vector", numbers, len(vector), vector.dtype)

    @abstractmethod
    def __call__(self, *batch: Any, **named: Any) -> Any:
        """The outputs for a batch.

        Args:
            batch: an array for each argument of the function, its first axis being the batch.
            named: likewise by name.

        Returns:
            Arrays in the structure that the function returns, their first axis being the batch. As
            for arguments, a list of K numbers is one array, (N, K), and a tuple or dictionary one
            of arrays.

        Raises:
            ValueError: the shapes are not those of an example, with a batch axis before.
            IndexError: an index is that of no row.
            NonFiniteError: a result is not finite; the message names example and operation.
        """

    @abstractmethod
    def value_and_grad(
        self, *batch: Any, weights: Any = None, chunk: int | None = None, **named: Any
    ) -> tuple[Any, ...]:
        """The mean output over a batch, and its gradient with respect to the parameters.

        Args:
            batch: as for a call; an empty batch has value 0 and gradient 0.
            weights: a number that each example's output is multiplied by before they are added,
                an array; 1 / N by default, which is the mean, while ones give the sum.
            chunk: how many examples to compute at a time, which bounds the memory; all by default.
            named: as for a call.

        Returns:
            A number and an array; with `input_gradients` also an array for each argument, with
            `has_aux` also the other results of the function.

        Raises:
            TypeError: the function returns more than one number.
            ValueError, IndexError, NonFiniteError: as for a call.
        """

    def write_grads(self) -> None:
        """Put the gradient of the last `value_and_grad` into the parameters.

        Raises:
            ValueError: there was none.
        """
        if self._gradient is None:
            raise ValueError("there is no gradient yet: call value_and_grad first")
        graph.assign(self.parameters, "grad", self._gradient.tolist())

    def write_parameters(self) -> None:
        """Put the numbers of `vector` into the parameters: into all of them or none.

        Raises:
            NonFiniteError: one of them is not finite; then nothing is changed.
        """
        self._leaves.write()
