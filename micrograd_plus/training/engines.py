"""What makes the steps of a training: the engine, example by example, or a compiled program."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from micrograd_plus import compiler, functions
from micrograd_plus.compiler.trace import TraceError
from micrograd_plus.engine import Value
from micrograd_plus.errors import NonFiniteError
from micrograd_plus.extras import need
from micrograd_plus.graph import finite
from micrograd_plus.nn.losses import as_numbers, correct
from micrograd_plus.optim.clipping import clip_by_norm, clip_by_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from micrograd_plus.nn.module import Module
    from micrograd_plus.optim.optimizer import Optimizer
    from micrograd_plus.training.examples import Examples

    Metric = Callable[[Any, Any], float]


class Eager:
    """Records each example anew, and differentiates it.

    Args:
        model: what is trained.
        loss: a function of outputs and target.
        optimizer: what makes the steps; None where there are none to make.
        metrics: further figures by name, functions of outputs and target.
        penalty: a function of the parameters to add to the loss.
        clip_norm: the largest norm of the gradient.
        clip_value: the largest size of its parts.
        layers: the indices of the parameters of each layer whose gradient's norm is wanted.

    Attributes:
        norms: that norm for each layer, in the last step, before clipping.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer | None = None,
        metrics: Mapping[str, Metric] | None = None,
        penalty: Callable[[list[Value]], Any] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        layers: Mapping[str, list[int]] | None = None,
    ) -> None:
        right = correct(loss)
        self.figures = {**({"accuracy": right} if right else {}), **(metrics or {})}
        self.metrics = metrics
        self.model = model
        self.loss = loss
        self.optimizer: Any = optimizer
        self.penalty = penalty
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.layers = layers or {}
        self.norms: dict[str, float] = {}

    def step(self, batch: Examples, time: float, means: Means) -> float:
        """One step down the gradient of the mean loss over a batch, whose value it returns."""
        losses = []
        for x, target in batch:
            outputs = self.model(x)
            losses.append(self.loss(outputs, target))
            means.add(float(losses[-1]), self.figures, _numbers(outputs), target)
        total = functions.mean(losses)
        if self.penalty is not None:
            total = total + self.penalty(self.optimizer.parameters)
        self.optimizer.zero_grad()
        if isinstance(total, Value):  # a loss may be a plain number for some examples
            total.backward()
        if self.layers:
            self._measure([float(p.grad) for p in self.optimizer.parameters])
        if self.clip_value is not None:
            clip_by_value(self.optimizer.parameters, self.clip_value)
        if self.clip_norm is not None:
            clip_by_norm(self.optimizer.parameters, self.clip_norm)
        self.optimizer.step(time)
        return float(total)

    def _measure(self, gradient: list[float]) -> None:
        """Note the Euclidean norm of each layer's part."""
        self.norms = {
            name: math.hypot(*(gradient[i] for i in places)) for name, places in self.layers.items()
        }

    def evaluate(self, found: Examples) -> dict[str, float]:
        """The mean figures over examples."""
        means = Means()
        for x, target in found:
            outputs = self.model(x)
            loss = float(self.loss(outputs, target))
            means.add(loss, self.figures, _numbers(outputs), target)
        return means.figures()

    def synchronise(self) -> None:
        """Put what was learnt into the model and the optimizer: it is there already."""


class Compiled(Eager):
    """Traces the loss of one example once, and runs it as matrix code over batches.

    Args:
        found: all examples, the first of which is traced.
        given: as for `Eager`.

    Raises:
        TraceError: (when made) the loss can't be compiled.
        ModuleNotFoundError: (when made) NumPy is missing.
    """

    def __init__(self, found: Examples, *given: Any) -> None:
        super().__init__(*given)
        self.numpy = need("numpy", "numpy")
        parameters = self.optimizer.parameters
        x, target = found[0]
        self.classes = _width(self.model(x))

        def total(x: Any, target: Any) -> Any:
            outputs = self.model(x)
            loss = self.loss(outputs, target)
            whole = loss if self.penalty is None else loss + self.penalty(parameters)
            return whole, [loss, outputs]

        numbers = as_numbers(self.loss, target, self.classes)
        self.program = compiler.compile(total, x, numbers, params=parameters, has_aux=True)
        self._arrays(found)  # raises where targets differ in shape
        self._compare(found[:16])
        self._take_over()

    def _compare(self, found: Examples) -> None:
        """Refuse a program that is not the function: that looked at something unseen."""
        try:
            expected = [float(self.loss(self.model(x), target)) for x, target in found]
            losses = self.program(*self._arrays(found))[1][0]
        except NonFiniteError:  # training will tell where
            return
        if not self.numpy.allclose(losses, expected, rtol=1e-9, atol=1e-9):
            raise TraceError("some examples have another loss than the first one's formula gives")

    def _take_over(self) -> None:
        """Go on from the numbers in the model and the optimizer."""
        states = zip(*self.optimizer.states, strict=True)
        self.states = tuple(self.numpy.array(state) for state in states)
        self.vector = self.program.vector.copy()

    def step(self, batch: Examples, time: float, means: Means) -> float:
        numpy, optimizer = self.numpy, self.optimizer
        try:
            found = self.program.value_and_grad(*self._arrays(batch))
        except NonFiniteError:  # perhaps 0 · log 0, which the engine leaves out
            self.synchronise()
            whole = super().step(batch, time, means)
            self._take_over()
            return whole
        value, gradient, (losses, outputs) = found
        self._count(means, batch, losses, outputs)
        if self.layers:
            self._measure(gradient.tolist())
        if self.clip_value is not None:
            gradient = gradient.clip(-self.clip_value, self.clip_value)
        if self.clip_norm is not None:
            largest = float(abs(gradient).max()) or 1.0  # whose square need not be a float
            norm = largest * math.sqrt(((gradient / largest) ** 2).sum())
            gradient = gradient * min(1.0, self.clip_norm / norm) if norm else gradient
        rate, number = optimizer.rule.rate_at(time), optimizer.steps + 1
        with numpy.errstate(all="ignore"):
            vector, states = optimizer.rule.update(gradient, self.states, self.vector, rate, number)
        fine = numpy.isfinite([vector, *states]).all(axis=0)
        if not fine.all():
            bad = optimizer.parameters[int(numpy.argmin(fine))]
            raise NonFiniteError(f"step {number}: {bad.label or 'a parameter'} leaves the numbers")
        self.program.vector = self.vector = vector
        self.states, optimizer.steps = states, number
        if self.metrics:  # they may look at the model
            self.synchronise()
        return float(value)

    def evaluate(self, found: Examples) -> dict[str, float]:
        means = Means()
        try:
            _, (losses, outputs) = self.program(*self._arrays(found))
        except NonFiniteError:
            self.synchronise()
            return super().evaluate(found)
        self._count(means, found, losses, outputs)
        return means.figures()

    def synchronise(self) -> None:
        self.program.write_parameters()
        if self.states:
            states = zip(*(state.tolist() for state in self.states), strict=True)
            self.optimizer.states = list(states)

    def _arrays(self, batch: Examples) -> tuple[Any, Any]:
        targets = [as_numbers(self.loss, target, self.classes) for _, target in batch]
        return self.numpy.array([x for x, _ in batch]), self.numpy.array(targets, dtype=float)

    def _count(self, means: Means, batch: Examples, losses: Any, outputs: Any) -> None:
        for i, ((_, target), loss) in enumerate(zip(batch, losses.tolist(), strict=True)):
            means.add(loss, self.figures, _of_example(outputs, i), target)


class Means:
    """Means of figures over examples, which stay finite where their sum would not."""

    def __init__(self) -> None:
        self.count = 0
        self.found: dict[str, float] = {}

    def add(self, loss: float, figures: dict[str, Metric], outputs: Any, target: Any) -> None:
        """Count an example."""
        self.count += 1
        row = {"loss": loss, **{name: f(outputs, target) for name, f in figures.items()}}
        for name, found in row.items():
            x = finite(float(found), name)
            mean = self.found.get(name, 0.0)
            self.found[name] = mean + (x - mean) / self.count

    def figures(self) -> dict[str, float]:
        """The mean of each figure."""
        return dict(self.found)


def _numbers(outputs: Any) -> Any:
    """Outputs as plain numbers."""
    if isinstance(outputs, list | tuple):
        return [_numbers(y) for y in outputs]
    return outputs.data if isinstance(outputs, Value) else outputs


def _of_example(outputs: Any, i: int) -> Any:
    """The outputs for one example, from arrays with those of all."""
    if isinstance(outputs, list):
        return [_of_example(part, i) for part in outputs]
    return float(outputs[i])


def _width(outputs: Any) -> int:
    return len(outputs) if isinstance(outputs, list | tuple) else 1
