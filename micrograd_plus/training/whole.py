"""Batches computed as a whole, by NumPy or the compiled core."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.checks import all_finite
from micrograd_plus.training.compiled import Learnt, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.training.compiled import Take
    from micrograd_plus.training.eager import Problem

_BLOCK = 8192  # number of parameters updated at a time


class Whole:
    """Computes a batch as a whole, on one core, and learns in the program's own vector."""

    backend = "auto"
    least = 0

    def __init__(self, problem: Problem, program: Program, take: Take) -> None:
        self._numpy = need("numpy", "numpy")
        self._problem, self._program, self._take = problem, program, take
        self._run, self._forward = program.functions["value_and_grad"], program.functions["forward"]
        self._shares = self._numpy.empty(0)
        self._vector = program.vector
        count = len(self._vector)
        self._blocks = [slice(i, i + _BLOCK) for i in range(0, count, _BLOCK)]
        self.begin()

    def begin(self) -> None:
        states = zip(*self._problem.optimizer.states, strict=True)
        self._states = tuple(map(self._numpy.array, states))

    def read(self, batch: Sequence[int], least: int = 0) -> Part:
        arrays, targets = self._take(batch)
        return Part([array.T for array in arrays], arrays[1], targets, len(batch))

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        numpy, numbers = self._numpy, self._program.numbers
        if len(self._shares) != part.whole:
            self._shares = numpy.full(part.whole, 1 / part.whole)
        with numpy.errstate(all="ignore"):
            value, gradient, rows = self._run(numbers, *part.arrays, self._shares)
            gradient = gradient[: len(self._vector)]
            self._check(value, gradient, rows)
            found = self._updated(self._problem.clipped(numpy, gradient), rate, number)
            fine = all_finite(numpy, found)
        return Learnt(float(value), gradient, found[0], tuple(found[1:]), fine, rows)

    def _updated(self, gradient: Any, rate: float, number: int) -> Any:
        """The parameters after a step, and the rule's states of them, in the rows of an array.

        They are computed in blocks, whose intermediate results stay in the processor's cache.
        """
        update, states = self._problem.optimizer.rule.update, self._states
        found = self._numpy.empty((1 + len(states), len(gradient)))
        for block in self._blocks:
            before = tuple(state[block] for state in states)
            vector, after = update(gradient[block], before, self._vector[block], rate, number)
            for row, numbers in zip(found, (vector, *after), strict=True):
                row[block] = numbers
        return found

    def keep(self, learnt: Learnt, number: int) -> None:
        optimizer = self._problem.optimizer
        self._vector[:], self._states, optimizer.steps = learnt.vector, learnt.states, number

    def evaluate(self, part: Part) -> Any:
        with self._numpy.errstate(all="ignore"):
            rows = self._forward(self._program.numbers, *part.arrays)[1:]
            self._check(0.0, rows)
        return rows

    def fetch(self) -> tuple[Any, ...]:
        return self._states

    def _check(self, value: float, *results: Any) -> None:
        fine = math.isfinite(value) and all(all_finite(self._numpy, array) for array in results)
        if not fine:
            raise NonFiniteError("a result is not finite")  # the eager engine finds which
