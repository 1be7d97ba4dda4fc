"""The problem that is trained on, and the engine that records each example anew."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from micrograd_plus import functions
from micrograd_plus._tools import nested
from micrograd_plus.engine import Value
from micrograd_plus.graph import finite
from micrograd_plus.nn.losses import correct
from micrograd_plus.optim.clipping import clip_by_norm, clip_by_value, clipped
from micrograd_plus.training.checks import check_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from micrograd_plus.nn.losses import Correct
    from micrograd_plus.nn.module import Module
    from micrograd_plus.training.examples import Examples

    Metric = Callable[[Any, Any], float]


@dataclass(frozen=True, eq=False)
class Problem:
    """The model, the data and the settings of a training.

    Attributes:
        found: all examples; steps get the indices of theirs.
        model: what is trained.
        loss: a function of outputs and target.
        metrics: further figures by name: functions of outputs and target of one example.
        optimizer: what changes the parameters; None where the model is only evaluated.
        penalty: a function of the parameters to add to the loss.
        clip_norm: the largest norm of the gradient.
        clip_value: the largest size of its parts.
        layers: the indices of the parameters of each layer whose gradient's norm is wanted.
    """

    found: Examples
    model: Module
    loss: Callable[[Any, Any], Any]
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    optimizer: Any = None
    penalty: Callable[[list[Value]], Any] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    layers: Mapping[str, list[int]] = field(default_factory=dict)

    @cached_property
    def right(self) -> Correct | None:
        """The test whether outputs are right, if accuracy is to be measured by it."""
        return None if "accuracy" in self.metrics else correct(self.loss)

    @property
    def figures(self) -> list[str]:
        """The names of all that is measured."""
        return ["loss", *(["accuracy"] if self.right else []), *self.metrics]

    def measured(
        self, pairs: Sequence[tuple[Any, Any]], metrics: Mapping[str, Metric] | None = None
    ) -> dict[str, list[float]]:
        """The metrics of some examples.

        Args:
            pairs: outputs as plain numbers, and targets as given.
            metrics: those that are wanted; by default all.

        Raises:
            NonFiniteError: one of them is not finite; the message names it.
        """
        wanted = self.metrics if metrics is None else metrics
        found = {name: [float(f(*pair)) for pair in pairs] for name, f in wanted.items()}
        for name, row in found.items():
            if not all(map(math.isfinite, row)):
                for x in row:
                    finite(x, name)
        return found

    def clipped(self, m: Any, gradient: Any) -> Any:
        """A gradient as far as it may be large, an array of a library `m`."""
        return clipped(m, gradient, self.clip_value, self.clip_norm)

    def norms(self, gradient: list[float]) -> dict[str, float]:
        """The Euclidean norm of the gradient of each layer."""
        return {
            name: math.hypot(*(gradient[i] for i in places)) for name, places in self.layers.items()
        }


class Means:
    """Running means of figures over examples, which stay finite even if their sum would not.

    Attributes:
        count: how many examples were counted.
        found: the mean of each figure.
    """

    def __init__(self, figures: Iterable[str]) -> None:
        self.count = 0
        self.found = dict.fromkeys(figures, 0.0)

    def add(self, count: int, means: Mapping[str, float]) -> None:
        """Count more examples.

        Args:
            count: how many.
            means: the mean of each figure over them.
        """
        self.count += count
        for name, mean in means.items():
            self.found[name] += (mean - self.found[name]) * (count / self.count)


class Eager:
    """The engine that records each example anew, and differentiates it.

    Attributes:
        problem: what is learnt.
        norms: the norm of each layer's gradient in the last step, before clipping.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.norms: dict[str, float] = {}

    def batches(self, order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
        """The batches of an epoch, for `step`.

        Args:
            order: the indices of the examples, in order.
            size: that of a batch; the last may be smaller.
        """
        return (order[i : i + size] for i in range(0, len(order), size))

    def step(self, batch: Sequence[int], time: float, means: Means) -> float:
        """Make a step down the gradient of the mean loss over a batch, and return that loss.

        Args:
            batch: the indices of the examples.
            time: the time in epochs, for schedules.
            means: where the examples are counted.

        Raises:
            NonFiniteError: a result is not finite; then nothing is changed.
        """
        problem, optimizer = self.problem, self.problem.optimizer
        losses = [self._loss(i, means) for i in batch]
        total = functions.mean(losses)
        if problem.penalty is not None:
            total = total + problem.penalty(optimizer.parameters)
        optimizer.zero_grad()
        if isinstance(total, Value):  # a loss may be a plain number for some examples
            total.backward()
        if problem.layers:
            self.norms = problem.norms([float(p.grad) for p in optimizer.parameters])
        if problem.clip_value is not None:
            clip_by_value(optimizer.parameters, problem.clip_value)
        if problem.clip_norm is not None:
            clip_by_norm(optimizer.parameters, problem.clip_norm)
        optimizer.step(time)
        return float(total)

    def evaluate(self, batch: Sequence[int], means: Means) -> None:
        """Count examples without learning from them; raises as `step` does."""
        for i in batch:
            self._loss(i, means)

    def count(self, means: Means) -> None:
        """Nothing to do: each example was counted when its loss was computed."""

    def synchronise(self) -> None:
        """Nothing to do: each step changes the model and the optimizer themselves."""

    def check_kept(self) -> None:
        """Check that the model still has the parameters that are trained."""
        check_kept(self.problem.model, self.problem.optimizer.parameters)

    def _loss(self, i: int, means: Means) -> Any:
        """The loss of an example, which is counted."""
        problem = self.problem
        x, target = problem.found[i]
        outputs = problem.model(x)
        loss = problem.loss(outputs, target)
        plain = nested.mapped(lambda y: y.data if isinstance(y, Value) else y, outputs)
        row = {"loss": float(loss)}
        if problem.right:
            row["accuracy"] = float(problem.right(plain, target))
        metrics = problem.measured([(plain, target)])
        means.add(1, row | {name: x for name, [x] in metrics.items()})
        return loss
