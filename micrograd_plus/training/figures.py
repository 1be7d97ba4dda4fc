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

_KEPT = 2**17  # so many numbers are counted together, or somewhat more


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
        self._numbers = 0  # that are kept
        self._rows: list[Any] = []
        self._targets: list[Any] = []

    def keep(self, rows: Any, targets: Any, measured: dict[str, list[float]], means: Means) -> None:
        """Keep the results for some examples.

        Args:
            rows: loss, metrics and outputs, an array of (numbers, examples).
            targets: an array of (examples, numbers).
            measured: the metrics that were not computed by a program.
            means: where to count what is kept, if that is much.
        """
        self._rows.append(rows)
        self._targets.append(targets)
        for name, found in measured.items():
            self._measured[name] += found
        self._numbers += rows.size + targets.size
        if self._numbers > _KEPT:
            self.count(means)

    def count(self, means: Means) -> None:
        """Count the examples whose results were kept."""
        if not self._rows:
            return
        numpy, first = self._numpy, 1 + len(self._computed)
        rows = numpy.concatenate(self._rows, axis=1)
        found = dict(zip(["loss", *self._computed], rows, strict=False))
        found |= {name: numpy.array(row) for name, row in self._measured.items()}
        if right := self._problem.right:
            targets = numpy.concatenate(self._targets).T.copy()  # rows of them are read
            found["accuracy"] = right(rows[first:], targets, numpy)
        # divided first, as the sum might not be finite
        means.add(rows.shape[1], {name: float((x / x.size).sum()) for name, x in found.items()})
        self._numbers = 0
        for kept in (self._rows, self._targets, *self._measured.values()):
            kept.clear()
