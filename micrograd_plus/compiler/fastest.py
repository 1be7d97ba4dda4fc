"""Matrix code on NumPy beside a tape in lanes: each batch is computed by what is faster for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler import estimates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.estimates import Cost
    from micrograd_plus.compiler.leaves import Leaves
    from micrograd_plus.compiler.matrices import Matrices
    from micrograd_plus.compiler.native.lanes import Lanes

_MOST = 1 << 20  # examples, for which it is said what computes them


class Fastest:
    """A choice for each number of examples, by estimates of what both would take.

    Args:
        matrices: matrix code for NumPy.
        lanes: the same function on a tape.
        leaves: its live leaves.
        sizes: how many numbers each argument has, by its name.

    Attributes:
        functions: `forward(p, *inputs)` and perhaps `value_and_grad(p, *inputs, s)`.
        ready: the same, as `Program` calls them.
    """

    def __init__(
        self, matrices: Matrices, lanes: Lanes, leaves: Leaves, sizes: dict[str, int]
    ) -> None:
        self._matrices, self._lanes = matrices, lanes
        numbers = len(leaves.values)
        self._costs = {
            name: (
                estimates.of_numpy(matrices, name, numbers, [*sizes.values()]),
                estimates.of_lanes(lanes, name),
            )
            for name in matrices.functions
        }
        self.functions = {
            name: _chosen(costs, matrices.functions[name], lanes.functions[name])
            for name, costs in self._costs.items()
        }
        self.ready = {
            name: _chosen(costs, matrices.ready[name], lanes.ready[name])
            for name, costs in self._costs.items()
        }

    def of_some(self, name: str, columns: Sequence[Any]) -> Callable[..., Any]:
        """A function of some of many examples, as that of `Lanes`."""
        kinds = self._matrices.of_some(name, columns), self._lanes.of_some(name, columns)
        return _chosen(self._costs[name], *kinds)

    def exact(self) -> list[dict[str, Callable[..., Any]]]:
        """The functions of both."""
        return [*self._matrices.exact(), *self._lanes.exact()]

    @property
    def size(self) -> str:
        """In words, how many instructions there are, and what is chosen."""
        costs = [*self._costs.values()][-1]
        kinds = self._matrices.size, self._lanes.size
        low, high = 1, _MOST
        first = _by_lanes(costs, low)
        if _by_lanes(costs, high) == first:
            return kinds[first]
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _by_lanes(costs, middle) == first else (low, middle)
        return f"{kinds[first]} for up to {low:,} examples, and {kinds[not first]} for more"


def _by_lanes(costs: tuple[Cost, Cost], examples: int) -> bool:
    matrices, lanes = costs
    return lanes.of(examples) < matrices.of(examples)


def _chosen(
    costs: tuple[Cost, Cost], matrices: Callable[..., Any], lanes: Callable[..., Any]
) -> Callable[..., Any]:
    @lru_cache
    def fastest(examples: int) -> Callable[..., Any]:
        return lanes if _by_lanes(costs, examples) else matrices

    def run(p: Any, *arrays: Any) -> Any:
        return fastest(arrays[0].shape[-1])(p, *arrays)

    return run
