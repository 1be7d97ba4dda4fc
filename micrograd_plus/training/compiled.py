"""The engine that traces the loss of one example, and runs it as matrix code over batches."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import proxy

from micrograd_plus import compiler
from micrograd_plus._tools import nested
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.compiler.surroundings import Surroundings
from micrograd_plus.compiler.trial import compare
from micrograd_plus.engine import Value
from micrograd_plus.graph import finite
from micrograd_plus.nn.losses import as_numbers
from micrograd_plus.nn.module import Module
from micrograd_plus.training import peers
from micrograd_plus.training.cluster import current
from micrograd_plus.training.eager import Eager, Means
from micrograd_plus.training.examples import InMemory, read
from micrograd_plus.training.figures import Figures, formulas
from micrograd_plus.training.fingerprint import content, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.training.eager import Problem

    Take = Callable[..., tuple[list[Any], list[Any]]]

_TRIED = 16  # number of examples on which a new program is checked
_AT_A_TIME = 1024  # number of examples evaluated at a time


class Part(NamedTuple):
    """A process's part of a batch.

    Attributes:
        batch: the indices of the whole batch.
        arrays: inputs and targets, as the runner takes them.
        numbers: the targets as an array of (examples, numbers), of those examples that this
            process counts.
        targets: the same as given, if there are metrics.
    """

    batch: Sequence[int]
    arrays: list[Any]
    numbers: Any
    targets: list[Any]


class Learnt(NamedTuple):
    """The results of a step.

    Attributes:
        value: the loss, with the penalty.
        gradient: before clipping.
        vector: the parameters' numbers.
        states: the update rule's states of them.
        fine: whether these numbers and states are finite.
        rows: loss and outputs of the examples that the process counts, an array of (numbers,
            examples).
    """

    value: float
    gradient: Any
    vector: Any
    states: Any
    fine: bool
    rows: Any


class Runner(Protocol):
    """How a batch is split, computed and summed, and where the parameters are held meanwhile."""

    backend: str

    def __init__(
        self, problem: Problem, program: Program, take: Take, arrays: Sequence[Any] | None
    ) -> None: ...

    def begin(self) -> None:
        """Start from the numbers in the model and the optimizer."""

    def parts(self, order: Sequence[int], size: int) -> Iterator[Part]:
        """The process's parts of the batches of an epoch, for `advance`.

        Args:
            order: the indices of the examples, in order.
            size: that of a batch; the last may be smaller.
        """

    def read(self, batch: Sequence[int]) -> Part:
        """Read this process's part of a batch."""

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        """Compute a step; raises NonFiniteError if a result is not finite."""

    def keep(self, learnt: Learnt, number: int) -> None:
        """Accept a step, atomically."""

    def evaluate(self, part: Part) -> Any:
        """Losses and outputs as those of `Learnt`; raises as `advance`."""

    def fetch(self) -> Any:
        """Bring the parameters' numbers to the program, and give the rule's states."""


class Compiled:
    """Trains with a program; batches whose results are not finite are left to the eager engine.

    Examples in memory become arrays once, others become arrays batch by batch. Losses and accuracy
    are counted for many batches together, and the model gets the learnt numbers at the end, or
    after each step if a metric may read them.

    Args:
        problem: what is learnt; its first example is traced.
        runner: how the program is run.

    Raises:
        TraceError: (when made) the loss can't be compiled.
        ModuleNotFoundError: (when made) NumPy is missing, or what the runner needs.
    """

    def __init__(self, problem: Problem, runner: type[Runner]) -> None:
        self.problem = problem
        self.norms: dict[str, float] = {}
        self._numpy = numpy = need("numpy", "numpy")
        self._eager = Eager(problem)
        before = content(problem.model)
        x, target = problem.found[0]
        outputs = problem.model(x)
        self._outputs = nested.mapped(lambda _: 0.0, outputs)
        self._classes = len(outputs) if isinstance(outputs, list | tuple) else 1
        computed = formulas(problem, outputs, target)
        self._figures = Figures(problem, computed)
        self._others = {name: f for name, f in problem.metrics.items() if name not in computed}
        self._watched = any(Surroundings(f).names(Module, Value) for f in self._others.values())
        self._formulas = {"loss": problem.loss, **{x: problem.metrics[x] for x in computed}}
        self._total = _total(problem, *self._formulas.values())
        # floats, as ints would be indices
        example = [target, as_numbers(problem.loss, target, self._classes)]
        given, wanted = (nested.mapped(float, some) for some in example)
        self._alone = isinstance(wanted, float)
        # metrics get the target as it was given
        self._apart = bool(computed) and isinstance(given, float) and not self._alone
        self.program = compiler.compile(
            self._total, x, wanted, *([given] if self._apart else ()),
            params=problem.optimizer.parameters, has_aux=True, backend=runner.backend,
        )  # fmt: skip
        if odd := difference(before, content(problem.model)):
            raise TraceError(
                f"the model changes when it is called, which a program does not: {odd}"
            )
        self.arrays: list[Any] | None = None
        found = problem.found
        if isinstance(found, InMemory):
            self.arrays = self._arrays(numpy.asarray(found.inputs), found.targets)
            targets = [found[i][1] for i in range(len(found))[:_TRIED]]
            self._compare(self.arrays, targets)
        self._tried = self.arrays is not None  # data on demand are checked when they are read
        # by a proxy, or both would keep each other, and the data, in memory
        take = partial(Compiled._take, proxy(self))
        self.runner: Runner = runner(problem, self.program, take, self.arrays)

    def _arrays(self, inputs: Any, targets: Any) -> list[Any]:
        """Inputs and targets as the program takes them, arrays of (examples, numbers)."""
        more = [self._numpy.array(targets, float)[:, None]] if self._apart else []
        return [inputs, self._as_numbers(targets), *more]

    def _as_numbers(self, targets: Any) -> Any:
        """Targets as an array of (examples, numbers); raises if they differ in form."""
        numpy, loss = self._numpy, self.problem.loss
        given = numpy.asarray(targets)
        if given.ndim == 1:  # each class once
            each, places = numpy.unique(given, return_inverse=True)
            given = numpy.array([as_numbers(loss, t, self._classes) for t in each.tolist()])[places]
        return given.astype(float).reshape(len(given), -1)

    def _take(self, numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """Examples as arrays of (examples, numbers), which are read now if they are on demand.

        Args:
            numbers: their indices.

        Returns:
            Inputs and targets; and the targets as given, if they are needed.
        """
        found = self.problem.found
        if self.arrays and isinstance(found, InMemory):
            targets = found.targets_of(numbers) if self._others else []
            return [array.take(numbers, 0) for array in self.arrays], targets
        inputs, targets = read(found, numbers)
        arrays = self._arrays(inputs, targets)
        if not self._tried:
            self._compare(arrays, targets[:_TRIED])
            self._tried = True
        return arrays, targets

    def _compare(self, arrays: list[Any], targets: list[Any]) -> None:
        """Raise TraceError if the program differs from the function: it reads something unseen.

        Args:
            arrays: examples.
            targets: those of the first ones, as given, which are tried.
        """
        problem, arrays = self.problem, [array[: len(targets)] for array in arrays]
        for i in [1] * self._alone + [2] * self._apart:
            arrays[i] = arrays[i][:, 0]
        try:
            pairs = [*zip(arrays[0].tolist(), targets, strict=True)]
            expected = []
            for x, target in pairs:
                outputs = problem.model(x)
                expected.append([float(f(outputs, target)) for f in self._formulas.values()])
            _, [losses, measured, _] = self.program(*arrays)
            whole, _ = self._total(*pairs[0])
            value, gradient, _ = self.program.value_and_grad(*(array[:1] for array in arrays))
        except NonFiniteError:  # training raises it again, with its place
            return
        found = self._numpy.column_stack([losses, measured])
        same = self._numpy.isclose(found, expected, rtol=1e-9, atol=1e-9).all(axis=0).tolist()
        if not all(same):
            name = [*self._formulas][same.index(False)]
            raise TraceError(f"the {name} of some examples differs from the formula of the first")
        compare([whole], [value], problem.optimizer.parameters, gradient.tolist())

    def rehearse(self) -> None:
        """Make a step and discard it, so that errors appear before anything is changed."""
        optimizer = self.problem.optimizer
        try:
            part = self.runner.read(range(len(self.problem.found))[:_TRIED])
        except TraceError:
            raise
        except Exception:  # unreadable: training raises it again, with its place
            return
        with suppress(NonFiniteError):  # likewise
            self.runner.advance(part, optimizer.rule.rate_at(0.0), optimizer.steps + 1)

    def batches(self, order: Sequence[int], size: int) -> Iterator[Part]:
        return self.runner.parts(order, size)

    def step(self, part: Part, time: float, means: Means) -> float:
        optimizer, runner = self.problem.optimizer, self.runner
        rate, number = optimizer.rule.rate_at(time), optimizer.steps + 1
        try:
            learnt = runner.advance(part, rate, number)
        except NonFiniteError:  # perhaps 0 · log 0, which the engine leaves out
            self.synchronise()
            whole = self._eager.step(part.batch, time, self._counted(means))
            self.norms = self._eager.norms
            runner.begin()
            return whole
        self._keep_results(learnt.rows, part, means)
        if self.problem.layers:
            self.norms = self.problem.norms(learnt.gradient.tolist())
        if not learnt.fine:
            self._refuse(learnt, number)
        runner.keep(learnt, number)
        if self._watched:
            self.synchronise()
        return learnt.value

    def _keep_results(self, rows: Any, part: Part, means: Means) -> None:
        """Keep the results for some examples, with the metrics that the program doesn't compute."""
        metrics: dict[str, list[float]] = {}
        if self._others:
            first = len(self._formulas)  # of the outputs, see `_total`
            outputs = (nested.filled(self._outputs, iter(row)) for row in rows[first:].T.tolist())
            pairs = [*zip(outputs, part.targets, strict=True)]
            metrics = self.problem.measured(pairs, self._others)
        self._figures.keep(rows, part.numbers, metrics, means)

    def count(self, means: Means) -> None:
        """Count the examples whose results were kept."""
        self._figures.count(means)

    def _refuse(self, learnt: Learnt, number: int) -> None:
        """Raise the error for a step after which a number would not be finite."""
        numbers = self._numpy.array([*map(self._numpy.asarray, (learnt.vector, *learnt.states))])
        which, place = self._numpy.argwhere(~self._numpy.isfinite(numbers))[0].tolist()
        label = self.problem.optimizer.parameters[place].label or "a parameter"
        finite(float(numbers[which, place]), f"step {number}: {label}")

    def evaluate(self, batch: Sequence[int], means: Means) -> None:
        for start in range(0, len(batch), _AT_A_TIME):
            some = batch[start : start + _AT_A_TIME]
            part = self.runner.read(some)
            try:
                rows = self.runner.evaluate(part)
            except NonFiniteError:
                self.synchronise()
                self._eager.evaluate(some, self._counted(means))
            else:
                self._keep_results(rows, part, means)
        self.count(means)

    def _counted(self, means: Means) -> Means:
        """The means for the eager engine: all processes compute all examples, one counts."""
        return means if current().first else Means(self.problem.figures)

    def synchronise(self) -> None:
        states = self.runner.fetch()
        self.program.write_parameters()
        if len(states):
            rows = zip(*(state.tolist() for state in states), strict=True)
            self.problem.optimizer.states = list(rows)

    def check_kept(self) -> None:
        """Nothing to do: each call of the program checks that."""

    def agree(self, settings: dict[str, Any]) -> None:
        """Check that all processes train with the same arguments.

        Of data on demand, which no process has read completely, only the number of examples and the
        first one are compared.

        Raises:
            ClusterError: (in all processes) something differs; the message names it.
        """
        optimizer, known = self.problem.optimizer, self.arrays or self._take([0])[0]
        digests = (sha256(array.tobytes()).hexdigest() for array in known)
        peers.agree({
            "model": [str(self.program), self.program.numbers.tolist()],
            "data": [len(self.problem.found), *digests],
            "update rule": [type(optimizer.rule).__name__, optimizer.steps, *optimizer.states],
            "settings": settings,
        })  # fmt: skip


def _total(
    problem: Problem, loss: Callable[..., Any], *metrics: Callable[..., Any]
) -> Callable[..., tuple[Any, list[Any]]]:
    """The function of an example whose outputs are its part of the mean loss and the figures.

    These are its loss, the metrics that are formulas, and the outputs. Its arguments are inputs,
    target, and this once more as it was given, if it was given in another form.

    It closes over the model and the settings, so that `compile` notices if they change.
    """
    model, charge = problem.model, problem.penalty
    if charge is not None:
        charge = partial(charge, problem.optimizer.parameters)

    def total(x: Any, target: Any, *given: Any) -> tuple[Any, list[Any]]:
        outputs = model(x)
        one = loss(outputs, target)
        whole = one if charge is None else one + charge()
        return whole, [one, [f(outputs, *(given or (target,))) for f in metrics], outputs]

    return total
