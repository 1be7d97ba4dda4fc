"""Matrix code on NumPy beside a tape in lanes: each batch is computed by what is faster for it."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler import estimates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.estimates import Cost
    from micrograd_plus.compiler.native.lanes import Lanes
    from micrograd_plus.compiler.task import Task

_MOST = 1 << 20  # examples, for which it is said what computes them
_WORTH = 1.2  # so many times faster than lanes has matrix code to be, at best, to be made


class Fastest:
    """A choice for each number of examples, by estimates of what both would take.

    Matrix code takes longer to make than a tape, and is made when a batch comes for which it may be
    faster.

    Args:
        lanes: the function on a tape.
        task: makes the matrix code.

    Attributes:
        functions: `forward(p, *inputs)` and perhaps `value_and_grad(p, *inputs, s)`.
        ready: the same, as `Program` calls them.
    """

    def __init__(self, lanes: Lanes, task: Task) -> None:
        self._lanes, self._task = lanes, task
        self._choices = {name: _Choice(lanes, task, name) for name in lanes.functions}
        self.functions, self.ready = (
            {
                name: choice.between(getattr(lanes, kind)[name], _later(task, kind, name))
                for name, choice in self._choices.items()
            }
            for kind in ("functions", "ready")
        )

    def of_some(self, name: str, columns: Sequence[Any]) -> Callable[..., Any]:
        """A function of some of many examples, as that of `Lanes`."""
        task = self._task
        return self._choices[name].between(
            self._lanes.of_some(name, columns), lambda: task.matrices.of_some(name, columns)
        )

    @property
    def size(self) -> str:
        """In words, how many instructions there are, and what is chosen."""
        by_lanes = [*self._choices.values()][-1].by_lanes
        low, high = 1, _MOST
        first = by_lanes(low)
        if by_lanes(high) == first:
            return self._words(first)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if by_lanes(middle) == first else (low, middle)
        few, more = self._words(first), self._words(not first)
        return f"{few} for up to {low:,} examples, and {more} for more"

    def _words(self, lanes: bool) -> str:
        return self._lanes.size if lanes else self._task.matrices.size


class _Choice:
    """The choice for one function of a program."""

    def __init__(self, lanes: Lanes, task: Task, name: str) -> None:
        self._task, self._name = task, name
        self._lanes = estimates.of_lanes(lanes, name)
        self._least = estimates.least_of_numpy(lanes, name)

    @cached_property
    def _numpy(self) -> Cost:
        """The cost of the matrix code, which is made for it."""
        return estimates.of_numpy(self._task.matrices, self._name, self._task.wanted)

    def by_lanes(self, examples: int) -> bool:
        """Whether lanes compute so many examples."""
        mine = self._lanes.of(examples)
        if mine <= _WORTH * self._least.of(examples):
            return True
        return mine < self._numpy.of(examples)

    def between(
        self, lanes: Callable[..., Any], matrices: Callable[[], Callable[..., Any]]
    ) -> Callable[..., Any]:
        """A function that is one of two, of which the second is made when it is wanted."""

        @lru_cache
        def fastest(examples: int) -> Callable[..., Any]:
            return lanes if self.by_lanes(examples) else matrices()

        def run(p: Any, *arrays: Any) -> Any:
            return fastest(arrays[0].shape[-1])(p, *arrays)

        return run


def _later(task: Task, kind: str, name: str) -> Callable[[], Callable[..., Any]]:
    def later() -> Callable[..., Any]:
        functions: dict[str, Callable[..., Any]] = getattr(task.matrices, kind)
        return functions[name]

    return later
