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
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
        metrics: further figures by name: functions of outputs and target.
        optimizer: what changes the parameters; None where the model is only evaluated.
        penalty: a function of the parameters to add to the loss.
        clip_norm: the largest norm of the gradient.
        clip_value: the largest size of its parts.
        layers: the indices of the parameters of each layer whose gradient's norm is wanted.
    """

    found: Examples
    model: Module
    loss: Callable[[Any, Any], Any]
    metrics: Mapping[str, Metric] | None = None
    optimizer: Any = None
    penalty: Callable[[list[Value]], Any] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    layers: Mapping[str, list[int]] = field(default_factory=dict)

    @cached_property
    def figures(self) -> dict[str, Metric]:
        """What is measured besides the loss."""
        right = correct(self.loss)
        return {**({"accuracy": right} if right else {}), **(self.metrics or {})}

    def updated(
        self, m: Any, gradient: Any, states: Any, vector: Any, rate: Any, number: Any
    ) -> Any:
        """The parameters and the rule's states after a step, as arrays of a library `m`."""
        gradient = clipped(m, gradient, self.clip_value, self.clip_norm)
        return self.optimizer.rule.update(gradient, states, vector, rate, number)

    def norms(self, gradient: list[float]) -> dict[str, float]:
        """The Euclidean norm of the gradient of each layer."""
        return {
            name: math.hypot(*(gradient[i] for i in places)) for name, places in self.layers.items()
        }


class Means:
    """Running means of figures over examples, which stay finite even if their sum would not.

    Attributes:
        figures: what is measured besides the loss, functions of outputs and target by name.
        count: how many examples were counted.
        found: the mean of each figure.
    """

    def __init__(self, figures: Mapping[str, Metric]) -> None:
        self.figures = figures
        self.count = 0
        self.found: dict[str, float] = {}

    def add(self, losses: Iterable[Any], outputs: Iterable[Any], targets: Iterable[Any]) -> None:
        """Count examples, with outputs that are plain numbers.

        Raises:
            NonFiniteError: a figure is not finite; the message names it.
        """
        losses = [*map(float, losses)]
        pairs = [*zip(outputs, targets, strict=True)]
        rows = {name: [float(f(*pair)) for pair in pairs] for name, f in self.figures.items()}
        for name, row in {"loss": losses, **rows}.items():
            mean = self.found.get(name, 0.0)
            for count, x in enumerate(row, self.count + 1):
                mean += (x - mean) / count
            if not math.isfinite(mean):  # once not finite, a running mean stays so
                for x in row:
                    finite(x, name)
            self.found[name] = mean
        self.count += len(losses)


class Eager:
    """The engine that records each example anew, and differentiates it.

    Attributes:
        problem: what is learnt.
        norms: the norm of each layer's gradient in the last step, before clipping.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.norms: dict[str, float] = {}

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

    def synchronise(self) -> None:
        """Nothing to do: each step changes the model and the optimizer themselves."""

    def check_kept(self) -> None:
        """Check that the model still has the parameters that are trained."""
        check_kept(self.problem.model, self.problem.optimizer.parameters)

    def _loss(self, i: int, means: Means) -> Any:
        """The loss of an example, which is counted."""
        x, target = self.problem.found[i]
        outputs = self.problem.model(x)
        loss = self.problem.loss(outputs, target)
        plain = nested.mapped(lambda y: y.data if isinstance(y, Value) else y, outputs)
        means.add([loss], [plain], [target])
        return loss
