"""The figures of many examples: which of them a program computes, and how all are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import nested
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.surroundings import Surroundings
from micrograd_plus.compiler.trace import trace
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.training.eager import Means, Problem

_KEPT = 2**17  # numbers kept until they are counted


def formulas(problem: Problem, outputs: Any, target: Any) -> list[str]:
    """The metrics that a program can compute: formulas that nothing else can change.

    Args:
        problem: what is learnt.
        outputs: those for an example.
        target: that of the example, as given.
    """
    plain = nested.mapped(lambda y: float(y) if isinstance(y, Value) else y, outputs)
    return [name for name, f in problem.metrics.items() if _is_formula(f, plain, target)]


def _is_formula(metric: Any, outputs: Any, target: Any) -> bool:
    if not Surroundings(metric).is_fixed:
        return False
    try:
        found = trace(metric, (outputs, nested.mapped(float, target))).outputs
    except Exception:  # whatever it does with numbers that it can't do with Values
        return False
    return isinstance(found, (Value, *REAL))


class Figures:
    """Losses, outputs and targets of examples, kept until they are counted together.

    Args:
        problem: what is learnt.
        computed: the metrics that a program computes.
    """

    def __init__(self, problem: Problem, computed: Sequence[str]) -> None:
        self._numpy = need("numpy", "numpy")
        self._problem, self._computed = problem, computed
        self._measured: dict[str, list[float]] = {
            name: [] for name in problem.metrics if name not in computed
        }
        self._count = 0
        self._table = self._numpy.empty((0, 0))  # a column for each example

    def keep(self, rows: Any, targets: Any, measured: dict[str, list[float]], means: Means) -> None:
        """Keep the results for some examples.

        Args:
            rows: loss, metrics and outputs, an array of (numbers, examples).
            targets: an array of (examples, numbers).
            measured: the metrics that were not computed by a program.
            means: where to count what was kept before, if there is no place left.
        """
        if self._problem.right is None:
            rows, targets = rows[: 1 + len(self._computed)], targets[:, :0]
        height, more = len(rows) + targets.shape[1], len(targets)
        if self._count + more > self._table.shape[1]:
            self.count(means)
            if more > self._table.shape[1]:
                self._table = self._numpy.empty((height, max(more, _KEPT // height)))
        columns = slice(self._count, self._count + more)
        self._table[: len(rows), columns] = rows
        self._table[len(rows) :, columns] = targets.T
        self._count, self._height = columns.stop, len(rows)
        for name, found in measured.items():
            self._measured[name] += found

    def count(self, means: Means) -> None:
        """Count the examples whose results were kept."""
        if not self._count:
            return
        rows, first = self._table[:, : self._count], 1 + len(self._computed)
        found = dict(zip(["loss", *self._computed], rows, strict=False))
        found |= {name: self._numpy.array(row) for name, row in self._measured.items()}
        if right := self._problem.right:
            outputs, targets = rows[first : self._height], rows[self._height :]
            found["accuracy"] = right(outputs, targets, self._numpy)
        # divided first, as the sum might not be finite
        means.add(self._count, {name: float((x / x.size).sum()) for name, x in found.items()})
        self._count = 0
        for measured in self._measured.values():
            measured.clear()
