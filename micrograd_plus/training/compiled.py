"""The engine that traces the loss of one example, and runs it as matrix code over batches."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from micrograd_plus import compiler
from micrograd_plus._tools import nested
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.sealed import TraceError
from micrograd_plus.compiler.trial import compare
from micrograd_plus.graph import finite
from micrograd_plus.nn.losses import as_numbers
from micrograd_plus.training import peers
from micrograd_plus.training.cluster import current
from micrograd_plus.training.eager import Eager, Means
from micrograd_plus.training.examples import read
from micrograd_plus.training.fingerprint import content, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.training.eager import Problem

    Take = Callable[[Sequence[int]], tuple[list[Any], list[Any]]]

_TRIED = 16  # number of examples on which a new program is checked
_AT_A_TIME = 1024  # number of examples on demand evaluated at a time


class Part(NamedTuple):
    """A process's part of a batch."""

    arrays: list[Any]  # inputs and targets
    targets: list[Any]  # as given, of the examples that this process counts
    whole: int  # the number of examples in the whole batch


class Learnt(NamedTuple):
    """The results of a step."""

    value: float  # the loss, with the penalty
    gradient: Any  # before clipping
    vector: Any  # the parameters' numbers
    states: tuple[Any, ...]  # the update rule's states of them
    fine: bool  # whether these numbers and states are finite
    losses: Any  # of the examples that the process counts
    outputs: Any


class Runner(Protocol):
    """How a batch is split, computed and summed, and where the parameters are held meanwhile."""

    backend: str
    least: int  # for `read`, so that the batches of all steps have one length

    def __init__(self, problem: Problem, program: Program, take: Take) -> None: ...

    def begin(self) -> None:
        """Start from the numbers in the model and the optimizer."""

    def read(self, batch: Sequence[int], least: int = 0) -> Part:
        """Read this process's part of a batch; each device gets at least so many examples."""

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        """Compute a step; raises NonFiniteError if a result is not finite."""

    def keep(self, learnt: Learnt, number: int) -> None:
        """Accept a step, atomically."""

    def evaluate(self, part: Part) -> tuple[Any, Any]:
        """Losses and outputs of the examples that the process counts; raises as `advance`."""

    def fetch(self) -> tuple[Any, ...]:
        """Bring the parameters' numbers to the program, and give the rule's states."""


class Whole:
    """Computes a batch as a whole, with NumPy, and learns in the program's own vector."""

    backend = "numpy"
    least = 0

    def __init__(self, problem: Problem, program: Program, take: Take) -> None:
        self._numpy = need("numpy", "numpy")
        self._problem, self._program, self._take = problem, program, take
        self.begin()

    def begin(self) -> None:
        states = zip(*self._problem.optimizer.states, strict=True)
        self._states = tuple(map(self._numpy.array, states))

    def read(self, batch: Sequence[int], least: int = 0) -> Part:
        return Part(*self._take(batch), len(batch))

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        numpy, program = self._numpy, self._program
        value, gradient, (losses, outputs) = program.value_and_grad(*part.arrays)
        with numpy.errstate(all="ignore"):
            vector, states = self._problem.updated(
                numpy, gradient, self._states, program.vector, rate, number
            )
        fine = bool(numpy.isfinite([vector, *states]).all())
        return Learnt(value, gradient, vector, states, fine, losses, outputs)

    def keep(self, learnt: Learnt, number: int) -> None:
        vector, optimizer = self._program.vector, self._problem.optimizer
        vector[:], self._states, optimizer.steps = learnt.vector, learnt.states, number

    def evaluate(self, part: Part) -> tuple[Any, Any]:
        _, (losses, outputs) = self._program(*part.arrays)
        return losses, outputs

    def fetch(self) -> tuple[Any, ...]:
        return self._states


class Compiled:
    """Trains with a program; batches whose results are not finite are left to the eager engine.

    Examples in memory become arrays once, others become arrays batch by batch.

    Args:
        problem: what is learnt; its first example is traced.
        runner: how the program is run.

    Raises:
        TraceError: (when made) the loss can't be compiled.
        ModuleNotFoundError: (when made) NumPy is missing, or what the runner needs.
    """

    def __init__(self, problem: Problem, runner: type[Runner] = Whole) -> None:
        self.problem = problem
        self.norms: dict[str, float] = {}
        self._numpy = need("numpy", "numpy")
        self._eager = Eager(problem)
        before = content(problem.model)
        x, target = problem.found[0]
        outputs = problem.model(x)
        self._classes = len(outputs) if isinstance(outputs, list | tuple) else 1
        self._total = _total(problem)
        # floats, as ints would be indices
        target = nested.mapped(float, as_numbers(problem.loss, target, self._classes))
        self.program = compiler.compile(
            self._total, x, target,
            params=problem.optimizer.parameters, has_aux=True, backend=runner.backend,
        )  # fmt: skip
        if odd := difference(before, content(problem.model)):
            raise TraceError(
                f"the model changes when it is called, which a program does not: {odd}"
            )
        self.arrays: list[Any] | None = None
        if isinstance(problem.found, list):
            inputs = self._numpy.array([x for x, _ in problem.found])
            self.arrays = [inputs, self._targets([target for _, target in problem.found])]
        self._tried = False
        if self.arrays:  # data on demand are checked when they are read
            self._take(range(len(problem.found))[:_TRIED])
        self.runner: Runner = runner(problem, self.program, self._take)

    def _targets(self, targets: list[Any]) -> Any:
        """Targets as an array; raises if they differ in shape."""
        loss = self.problem.loss
        plain = [as_numbers(loss, target, self._classes) for target in targets]
        return self._numpy.array(plain, float)

    def _examples(self, numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """Examples as arrays, read now if they are on demand; and their targets as given."""
        found = self.problem.found
        if self.arrays is None:
            inputs, targets = read(self._numpy, found, numbers)
            return [inputs, self._targets(targets)], targets
        return [array[numbers] for array in self.arrays], [found[i][1] for i in numbers]

    def _take(self, numbers: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """As `_examples`; on the first that are taken the program is checked."""
        arrays, targets = self._examples(numbers)
        if not self._tried:
            self._compare([array[:_TRIED] for array in arrays], targets[:_TRIED])
            self._tried = True
        return arrays, targets

    def _compare(self, arrays: list[Any], targets: list[Any]) -> None:
        """Raise TraceError if the program differs from the function: it reads something unseen."""
        problem = self.problem
        try:
            pairs = [*zip(arrays[0].tolist(), targets, strict=True)]
            expected = [float(problem.loss(problem.model(x), target)) for x, target in pairs]
            losses = self.program(*arrays)[1][0]
            whole, _ = self._total(*pairs[0])
            value, gradient, _ = self.program.value_and_grad(*(array[:1] for array in arrays))
        except NonFiniteError:  # training raises it again, with its place
            return
        if not self._numpy.allclose(losses, expected, rtol=1e-9, atol=1e-9):
            raise TraceError("the loss of some examples differs from the formula of the first")
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

    def step(self, batch: Sequence[int], time: float, means: Means) -> float:
        optimizer, runner = self.problem.optimizer, self.runner
        rate, number = optimizer.rule.rate_at(time), optimizer.steps + 1
        part = runner.read(batch, runner.least)
        try:
            learnt = runner.advance(part, rate, number)
        except NonFiniteError:  # perhaps 0 · log 0, which the engine leaves out
            self.synchronise()
            whole = self._eager.step(batch, time, self._counted(means))
            self.norms = self._eager.norms
            runner.begin()
            return whole
        means.add(learnt.losses.tolist(), _by_example(learnt.outputs), part.targets)
        if self.problem.layers:
            self.norms = self.problem.norms(learnt.gradient.tolist())
        if not learnt.fine:
            self._refuse(learnt, number)
        runner.keep(learnt, number)
        if self.problem.metrics:  # they may read the model
            self.synchronise()
        return learnt.value

    def _refuse(self, learnt: Learnt, number: int) -> None:
        """Raise the error for a step after which a number would not be finite."""
        numbers = self._numpy.array([*map(self._numpy.asarray, (learnt.vector, *learnt.states))])
        which, place = self._numpy.argwhere(~self._numpy.isfinite(numbers))[0].tolist()
        label = self.problem.optimizer.parameters[place].label or "a parameter"
        finite(float(numbers[which, place]), f"step {number}: {label}")

    def evaluate(self, batch: Sequence[int], means: Means) -> None:
        size = len(batch) if self.arrays else _AT_A_TIME
        for start in range(0, len(batch), size):
            some = batch[start : start + size]
            part = self.runner.read(some)
            try:
                losses, outputs = self.runner.evaluate(part)
            except NonFiniteError:
                self.synchronise()
                self._eager.evaluate(some, self._counted(means))
            else:
                means.add(losses.tolist(), _by_example(outputs), part.targets)

    def _counted(self, means: Means) -> Means:
        """The means for the eager engine: all processes compute all examples, one counts."""
        return means if current().first else Means(self.problem.figures)

    def synchronise(self) -> None:
        states = self.runner.fetch()
        self.program.write_parameters()
        if states:
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
        optimizer, known = self.problem.optimizer, self.arrays or self._examples([0])[0]
        digests = (sha256(array.tobytes()).hexdigest() for array in known)
        peers.agree({
            "model": [str(self.program), self.program.numbers.tolist()],
            "data": [len(self.problem.found), *digests],
            "update rule": [type(optimizer.rule).__name__, optimizer.steps, *optimizer.states],
            "settings": settings,
        })  # fmt: skip


def _total(problem: Problem) -> Callable[[Any, Any], tuple[Any, list[Any]]]:
    """The function of an example whose outputs are its part of the mean loss and the figures.

    It closes over the model and the settings, so that `compile` notices if they change.
    """
    model, loss, penalty = problem.model, problem.loss, problem.penalty
    parameters = problem.optimizer.parameters

    def total(x: Any, target: Any) -> tuple[Any, list[Any]]:
        outputs = model(x)
        one = loss(outputs, target)
        whole = one if penalty is None else one + penalty(parameters)
        return whole, [one, outputs]

    return total


def _by_example(outputs: Any) -> list[Any]:
    """The outputs for each example, from arrays with those of all."""
    if isinstance(outputs, list | tuple | dict):
        parts = outputs.values() if isinstance(outputs, dict) else outputs
        rows = zip(*map(_by_example, parts), strict=True)
        return [nested.with_items(outputs, list(row)) for row in rows]
    found: list[Any] = outputs.tolist() if outputs.ndim == 1 else [*outputs]
    return found
