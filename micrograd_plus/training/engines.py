"""What makes the steps of a training: the engine, example by example, or a compiled program."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import compiler, functions
from micrograd_plus._tools import nested
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.compiler.trial import compare
from micrograd_plus.engine import Value
from micrograd_plus.graph import finite
from micrograd_plus.nn.losses import as_numbers, correct
from micrograd_plus.optim.clipping import clip_by_norm, clip_by_value, clipped
from micrograd_plus.training.examples import read
from micrograd_plus.training.reach import check_kept
from micrograd_plus.training.settings import content, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from micrograd_plus.nn.module import Module
    from micrograd_plus.optim.optimizer import Optimizer
    from micrograd_plus.training.examples import Examples

    Metric = Callable[[Any, Any], float]
    Counted = tuple[Sequence[Any], Any, Any]
    Advance = tuple[float, Any, Any, tuple[Any, ...], Counted]

_AT_A_TIME = 1024  # examples read on demand that are evaluated together


class Eager:
    """Records each example anew, and differentiates it.

    Args:
        found: all examples; steps are told which of them to take, by number.
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
        found: Examples,
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
        self.found = found
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

    def step(self, batch: Sequence[int], time: float, means: Means) -> float:
        """One step down the gradient of the mean loss over a batch, whose value it returns."""
        losses = []
        for i in batch:
            x, target = self.found[i]
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

    def agree(self, settings: dict[str, Any]) -> None:
        """Make sure that all who train together do the same; alone one does."""

    def check_kept(self) -> None:
        """Refuse a model that has other parameters than those which are trained."""
        check_kept(self.model, self.optimizer.parameters)

    def evaluate(self, batch: Sequence[int]) -> dict[str, float]:
        """The mean figures over examples."""
        means = Means()
        self._evaluate(batch, means)
        return self.total(means)

    def _evaluate(self, batch: Sequence[int], means: Means) -> None:
        for i in batch:
            x, target = self.found[i]
            outputs = self.model(x)
            loss = float(self.loss(outputs, target))
            means.add(loss, self.figures, _numbers(outputs), target)

    def total(self, means: Means) -> dict[str, float]:
        """The mean figures over all that was counted, by whomever."""
        return means.figures()

    def synchronise(self) -> None:
        """Put what was learnt into the model and the optimizer: it is there already."""


class Part(NamedTuple):
    """What a process computes with of a batch.

    Attributes:
        arrays: inputs and targets.
        targets: the targets, as given, of the examples that it counts.
        whole: the number of examples in the whole batch.
    """

    arrays: list[Any]
    targets: list[Any]
    whole: int


class Compiled(Eager):
    """Traces the loss of one example once, and runs it as matrix code over batches.

    Examples in memory become arrays once, others become arrays batch by batch.

    Args:
        found: all examples, the first of which is traced.
        given: as for `Eager`.

    Raises:
        TraceError: (when made) the loss can't be compiled.
        ModuleNotFoundError: (when made) NumPy is missing.
    """

    backend = "numpy"
    first = True  # of the processes that train together
    least = 0  # what `_read` is to fill up the batches of steps to

    def __init__(self, found: Examples, *given: Any) -> None:
        super().__init__(found, *given)
        self.numpy = need("numpy", "numpy")
        parameters = self.optimizer.parameters
        before = content(self.model)
        x, target = found[0]
        outputs = self.model(x)
        self.classes = len(outputs) if isinstance(outputs, list | tuple) else 1

        self._total = _total(self.model, self.loss, self.penalty, parameters)
        self.program = compiler.compile(
            self._total, x, as_numbers(self.loss, target, self.classes), params=parameters,
            has_aux=True, backend=self.backend,
        )  # fmt: skip
        if odd := difference(before, content(self.model)):
            raise TraceError(
                f"the model changes when it is called, which a program does not: {odd}"
            )
        self.arrays: list[Any] | None = None
        if isinstance(found, list):
            inputs = self.numpy.array([x for x, _ in found])
            self.arrays = [inputs, self._targets([target for _, target in found])]
        self._try_out()
        self._take_over()

    def _targets(self, targets: list[Any]) -> Any:
        """Targets as an array; raises where they differ in shape."""
        plain = [as_numbers(self.loss, target, self.classes) for target in targets]
        return self.numpy.array(plain, float)

    def _examples(self, numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """Examples as arrays, read now if they are on demand; and their targets as given."""
        if self.arrays is None:
            inputs, targets = read(self.numpy, self.found, numbers)
            return [inputs, self._targets(targets)], targets
        return [array[numbers] for array in self.arrays], [self.found[i][1] for i in numbers]

    def _first_examples(self) -> tuple[list[Any], list[Any]] | None:
        """A few examples; None if they can't be read, as training will tell where."""
        try:
            return self._examples(range(min(len(self.found), 16)))
        except Exception:
            return None

    def _try_out(self) -> None:
        """Compare the program with the function, for the first examples."""
        if some := self._first_examples():
            self._compare(*some)

    def _compare(self, arrays: list[Any], targets: list[Any]) -> None:
        """Refuse a program that is not the function: that looked at something unseen."""
        try:
            pairs = [*zip(arrays[0].tolist(), targets, strict=True)]
            expected = [float(self.loss(self.model(x), target)) for x, target in pairs]
            losses = self.program(*arrays)[1][0]
            whole, _ = self._total(*pairs[0])
            value, gradient, _ = self.program.value_and_grad(*(array[:1] for array in arrays))
        except NonFiniteError:  # training will tell where
            return
        if not self.numpy.allclose(losses, expected, rtol=1e-9, atol=1e-9):
            raise TraceError("some examples have another loss than the first one's formula gives")
        compare([whole], [value], self.optimizer.parameters, gradient.tolist())

    def check_kept(self) -> None:
        """Nothing: each call of the program looks whether what the model reads was replaced."""

    def rehearse(self) -> None:
        """Make a step and forget it, so that what can't be run shows before anything is changed."""
        if some := self._first_examples():
            rule, steps = self.optimizer.rule, self.optimizer.steps
            with suppress(NonFiniteError):  # training will tell where
                self._advance(Part(*some, len(some[1])), rule.rate_at(0.0), steps + 1)

    def _take_over(self) -> None:
        """Go on from the numbers in the model and the optimizer."""
        states = zip(*self.optimizer.states, strict=True)
        self.states = tuple(self.numpy.array(state) for state in states)
        self.vector = self.program.vector.copy()

    def step(self, batch: Sequence[int], time: float, means: Means) -> float:
        optimizer = self.optimizer
        rate, number = optimizer.rule.rate_at(time), optimizer.steps + 1
        part = self._read(batch, self.least)
        try:
            value, gradient, vector, states, counted = self._advance(part, rate, number)
        except NonFiniteError:  # perhaps 0 · log 0, which the engine leaves out
            self.synchronise()
            whole = super().step(batch, time, means if self.first else Means())
            self._take_over()
            return whole
        self._count(means, *counted)
        if self.layers:
            self._measure(gradient.tolist())
        self._check(vector, states, number)
        self.vector, self.states, optimizer.steps = vector, states, number
        if self.metrics:  # they may look at the model
            self.synchronise()
        return value

    def _read(self, batch: Sequence[int], least: int = 0) -> Part:
        """What this process needs of a batch, in arrays as long as the engine likes."""
        return Part(*self._examples(batch), len(batch))

    def _advance(self, part: Part, rate: float, number: int) -> Advance:
        """What a step gives: the value, its gradient, parameters, states, and what to count."""
        self.program.vector = self.vector
        value, gradient, found = self.program.value_and_grad(*part.arrays)
        with self.numpy.errstate(all="ignore"):
            vector, states = self._update(
                self.numpy, gradient, self.states, self.vector, rate, number
            )
        return value, gradient, vector, states, (part.targets, *found)

    def _update(
        self, m: Any, gradient: Any, states: Any, vector: Any, rate: Any, number: Any
    ) -> tuple[Any, Any]:
        """Clip the gradient and apply the rule, with the arrays of a library `m`."""
        gradient = clipped(m, gradient, self.clip_value, self.clip_norm)
        updated: tuple[Any, Any] = self.optimizer.rule.update(
            gradient, states, vector, rate, number
        )
        return updated

    def _check(self, vector: Any, states: Any, number: int) -> None:
        """Refuse a step that would leave the numbers."""
        fine = self.numpy.isfinite([vector, *states]).all(axis=0)
        if not fine.all():
            bad = self.optimizer.parameters[int(self.numpy.argmin(fine))]
            raise NonFiniteError(f"step {number}: {bad.label or 'a parameter'} leaves the numbers")

    def _evaluate(self, batch: Sequence[int], means: Means) -> None:
        size = len(batch) if self.arrays else _AT_A_TIME
        for start in range(0, len(batch), size):
            some = batch[start : start + size]
            part = self._read(some)
            try:
                counted = self._outputs(part)
            except NonFiniteError:
                self.synchronise()
                super()._evaluate(some, means if self.first else Means())
            else:
                self._count(means, *counted)

    def _outputs(self, part: Part) -> Counted:
        """The targets to count, with losses and outputs."""
        self.program.vector = self.vector
        _, (losses, outputs) = self.program(*part.arrays)
        return part.targets, losses, outputs

    def synchronise(self) -> None:
        self.program.vector = self.vector
        self.program.write_parameters()
        if self.states:
            states = zip(*(state.tolist() for state in self.states), strict=True)
            self.optimizer.states = list(states)

    def _count(self, means: Means, targets: Sequence[Any], losses: Any, outputs: Any) -> None:
        for target, loss, out in zip(targets, losses.tolist(), _by_example(outputs), strict=True):
            means.add(loss, self.figures, out, target)


def _total(
    model: Module,
    loss: Callable[[Any, Any], Any],
    penalty: Callable[[list[Value]], Any] | None,
    parameters: list[Value],
) -> Callable[[Any, Any], tuple[Any, list[Any]]]:
    """What an example adds to the gradient, and to the figures, as a function of it.

    What it reads are variables around it, where `compile` sees whether they change.
    """

    def total(x: Any, target: Any) -> tuple[Any, list[Any]]:
        outputs = model(x)
        one = loss(outputs, target)
        whole = one if penalty is None else one + penalty(parameters)
        return whole, [one, outputs]

    return total


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
    return nested.mapped(lambda y: y.data if isinstance(y, Value) else y, outputs)


def _by_example(outputs: Any) -> list[Any]:
    """The outputs for each example, from arrays with those of all."""
    if isinstance(outputs, list | tuple | dict):
        parts = outputs.values() if isinstance(outputs, dict) else outputs
        rows = zip(*map(_by_example, parts), strict=True)
        return [nested.with_items(outputs, list(row)) for row in rows]
    found: list[Any] = outputs.tolist() if outputs.ndim == 1 else [*outputs]
    return found
