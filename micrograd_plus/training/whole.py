"""Batches computed as a whole, by NumPy or the compiled core."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.checks import all_finite
from micrograd_plus.compiler.codegen.updates import RULES, settings
from micrograd_plus.core import build_info
from micrograd_plus.training.compiled import Learnt, Part
from micrograd_plus.training.examples import InMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.optim.rules import Rule
    from micrograd_plus.training.compiled import Take
    from micrograd_plus.training.eager import Problem

_BLOCK = 8192  # how many parameters are updated at once, whose numbers stay in the caches
_TAKEN = 8192  # so many numbers of targets are taken at once, for several small batches


class Whole:
    """Computes a batch as a whole, on one core, and learns in the program's own vector."""

    backend = "auto"

    def __init__(
        self, problem: Problem, program: Program, take: Take, arrays: Sequence[Any] | None
    ) -> None:
        self._numpy = need("numpy", "numpy")
        self._problem, self._program, self._take, self._arrays = problem, program, take, arrays
        self._run, self._forward = (
            program.of_some(name, [array.T for array in arrays]) if arrays
            else program.functions[name]
            for name in ("value_and_grad", "forward")
        )  # fmt: skip
        self._shares = self._numpy.empty(0)
        self._vector = program.vector
        self._update = _update(problem.optimizer.rule)
        self.begin()

    def begin(self) -> None:
        self._states = self._numpy.array(self._problem.optimizer.states).T.copy()

    def parts(self, order: Sequence[int], size: int) -> Iterator[Part]:
        """As those of `Runner`; examples in memory are left there, and their numbers are taken."""
        found = self._problem.found
        if not (self._arrays and isinstance(found, InMemory)):
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                arrays, targets = self._take(batch)
                yield Part(batch, [array.T for array in arrays], arrays[1], targets)
            return
        places, numbers = self._numpy.asarray(order, self._numpy.int64), self._arrays[1]
        several = size * max(1, _TAKEN // (size * numbers.shape[1]))
        for first in range(0, len(order), several):
            some = places[first : first + several]
            wanted = numbers.take(some, 0)
            for start in range(0, len(some), size):
                which = some[start : start + size]
                targets = found.targets_of(which) if self._problem.metrics else []
                yield Part(which, [which], wanted[start : start + size], targets)

    def read(self, batch: Sequence[int]) -> Part:
        return next(self.parts(batch, len(batch)))

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        numpy, numbers = self._numpy, self._program.numbers
        if len(self._shares) != (count := len(part.batch)):
            self._shares = numpy.full(count, 1 / count)
        with numpy.errstate(all="ignore"):
            value, gradient, rows = self._run(numbers, *part.arrays, self._shares)
            gradient = gradient[: len(self._vector)]
            self._check(value, gradient, rows)
            limited = self._problem.clipped(numpy, gradient)
            found = numpy.empty((1 + len(self._states), len(gradient)))
            fine = self._update(limited, self._vector, self._states, found, rate, number)
        return Learnt(float(value), gradient, found[0], found[1:], fine, rows)

    def keep(self, learnt: Learnt, number: int) -> None:
        optimizer = self._problem.optimizer
        self._vector[:], self._states, optimizer.steps = learnt.vector, learnt.states, number

    def evaluate(self, part: Part) -> Any:
        with self._numpy.errstate(all="ignore"):
            rows = self._forward(self._program.numbers, *part.arrays)[1:]
            self._check(0.0, rows)
        return rows

    def fetch(self) -> Any:
        return self._states

    def _check(self, value: float, *results: Any) -> None:
        if not (math.isfinite(value) and all_finite(self._numpy, *results)):
            raise NonFiniteError("a result is not finite")  # the eager engine finds which


def _update(rule: Rule) -> Callable[..., bool]:
    """A step of an update rule, which writes parameters and states to the rows of an array.

    The core's, if it has this rule. The result tells whether all numbers are finite.
    """
    if build_info().core and type(rule) in RULES:
        core = import_module("micrograd_plus.core.updates")
        given = [float(getattr(rule, name)) for name in settings(type(rule))]
        found: Callable[..., bool] = core.Update(RULES.index(type(rule)), given, len(rule.states))
        return found
    numpy = need("numpy", "numpy")

    def update(
        gradient: Any, vector: Any, states: Any, found: Any, rate: float, number: int
    ) -> bool:
        for start in range(0, len(vector), _BLOCK):
            block = slice(start, start + _BLOCK)
            before = tuple(state[block] for state in states)
            after, kept = rule.update(gradient[block], before, vector[block], rate, number)
            for row, numbers in zip(found, (after, *kept), strict=True):
                row[block] = numbers
        return all_finite(numpy, found)

    return update
