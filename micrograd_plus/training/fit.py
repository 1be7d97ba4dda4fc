"""`fit`: gradient descent over the examples of a data set, epoch by epoch."""

from __future__ import annotations

import sys
from array import array
from operator import itemgetter
from random import Random
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.files import check_places
from micrograd_plus._tools.habits import with_known_options
from micrograd_plus._tools.progress import progress as show_progress
from micrograd_plus.compiler.trace import uncollected
from micrograd_plus.datasets import split
from micrograd_plus.optim.optimizer import Optimizer
from micrograd_plus.optim.rules import Adam
from micrograd_plus.training.checkpoint import Training
from micrograd_plus.training.checks import (
    check_parts,
    check_reached,
    check_settings,
    check_targets,
)
from micrograd_plus.training.cluster import current
from micrograd_plus.training.compiled import Compiled
from micrograd_plus.training.eager import Eager, Means, Problem
from micrograd_plus.training.examples import examples, joined
from micrograd_plus.training.fingerprint import changed, content, described, digest, numbers
from micrograd_plus.training.history import History
from micrograd_plus.training.peers import total
from micrograd_plus.training.sharded import Sharded
from micrograd_plus.training.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from micrograd_plus.engine import Value
    from micrograd_plus.nn.module import Module
    from micrograd_plus.optim.rules import Rule
    from micrograd_plus.training.eager import Metric
    from micrograd_plus.training.examples import Examples

    Engine = Eager | Compiled


class TrainingError(NonFiniteError):
    """A number of a training is not finite.

    Attributes:
        history: up to the error; the parameters are those of the last step that succeeded.

    >>> from micrograd_plus import nn, optim
    >>> model = nn.Neuron(1, activation=None, seed=1)
    >>> try:
    ...     fit(model, ([[1e9]], [0.0]), nn.mse, optim.GradientDescent(1e300), epochs=3)
    ... except TrainingError as error:
    ...     len(error.history)
    0
    """

    def __init__(
        self, message: str, history: History | None = None, cause: NonFiniteError | None = None
    ) -> None:
        if cause is None:
            super().__init__(message)
        else:
            super().__init__(f"{message}: {cause}", cause.op, cause.operands, cause.numbers)
        self.history = History() if history is None else history  # an empty history is falsy


@with_known_options
def fit(
    model: Module,
    data: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Rule | None = None,
    *,
    epochs: int = 10,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int = 0,
    validation: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    penalty: Callable[[list[Value]], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool | None = None,
    engine: str = "auto",
    gradient_flow: bool = False,
) -> History:
    """Train a model: minimise the mean loss over the examples by gradient descent.

    Args:
        model: what is trained, from the numbers that its parameters have; called with the inputs of
            one example. Layers of many inputs learn better from weights whose size depends on how
            many there are, such as those of `nn.MLP(64, [32, 10], init="he_uniform")`.
        data: inputs and targets, two sequences of one length, as `datasets` gives them. Lists,
            arrays and the rows of tables such as DataFrames are checked at once. Other objects with
            a length and items, and NumPy's `memmap`, are read batch by batch and checked as they
            are read; they must return the same each time. One such object may hold pairs of inputs
            and target, and so may a list, such as `list(zip(X, Y))`.
        loss: a function of outputs and target, such as those of `nn`.
        optimizer: an update rule of `optim` with its rate or schedule; Adam by default. Schedules
            get the time in epochs.
        epochs: the number of passes over all examples.
        batch_size: the number of examples in a mini-batch; None takes all (full-batch descent).
        shuffle: whether to reshuffle the examples in each epoch.
        seed: a whole number that makes a training reproducible, bit for bit.
        validation: a held-out set, in any of these forms, or the fraction of the data to hold out.
        metrics: further figures by name: functions of the outputs of one example, as plain
            numbers, and its target; their means are recorded. What is a formula of these alone is
            compiled with the loss; all others are called for each example. One that names the
            model, itself or by way of other objects and functions, finds in it the parameters that
            gave these outputs, and makes steps slower: the numbers are copied to it after each.
        penalty: a function of the parameters to add to the loss, such as `nn.l2_penalty`.
        clip_norm: the largest Euclidean norm of all gradients together.
        clip_value: the largest size of each gradient.
        patience: the number of epochs without a new lowest loss, on the validation set if there
            is one, after which to stop.
        checkpoint: a file to write the state to after each epoch. Besides the parameters it holds
            the model's attributes that training changes; these must be numbers, text, or lists and
            dictionaries of them.
        resume: a checkpoint to continue from; the result is that of a training without a break. All
            arguments but `epochs`, `patience`, `engine` and `progress` must be the same: data in
            memory are compared number by number, data on demand by length and first example,
            functions by name, by what they close over and the global numbers they use. To change
            something else, start a new training from its parameters:
            `model.load(path)`.
        progress: whether to show a bar; by default on a terminal and in a notebook.
        engine: "eager" records each example anew; "compiled" traces the loss of one example, and
            runs it by NumPy or the compiled core, whichever is faster; "auto" compiles, or prints
            why it can't and uses "eager"; "jax" compiles for all devices that JAX sees, those of
            the other processes of a `Cluster` too.
        gradient_flow: whether to record the norm of each layer's gradient in each step, before
            clipping, as the history's `gradients`; the layers are those that `repr` shows.

    Returns:
        The history. After Ctrl-C it is the history so far.

    Raises:
        TypeError, ValueError: the data are invalid; the message names row and column, and nothing
            is trained (or no further, if the row was read on demand). Or the loss depends on no
            parameter, or the model replaces its parameters.
        CheckpointError: `resume` is not a checkpoint of this training; nothing is changed.
        TrainingError: a number is not finite; the message names epoch, batch and operation.

    Source: lecture B, see help(micrograd_plus).

    >>> from micrograd_plus import datasets, nn, optim
    >>> model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
    >>> loss = nn.binary_cross_entropy_with_logits
    >>> history = fit(model, datasets.xor(), loss, optim.Adam(0.1), epochs=60, batch_size=None)
    >>> history.last["accuracy"]
    1.0
    """
    check_parts(model, loss, metrics, {"checkpoint": checkpoint, "resume": resume})
    check_settings(engine, epochs, batch_size, patience, seed, clip_norm, clip_value)
    given = examples(data)
    found: Examples = given
    check_targets(given, model, loss)
    cluster = current()
    kept = checkpoint is not None or resume is not None
    digests = digest(given) if kept else {}
    # indices, as the examples need not be in memory; in a fifth of a list's memory
    train: Any = array("q", range(len(found)))
    held_out: Any = ()
    if isinstance(validation, float):
        (_, train), (_, held_out) = split((train, train), validation, seed)
        train, held_out = array("q", train), array("q", held_out)
    elif validation is not None:
        others = examples(validation, "the validation set")
        check_targets(others, model, loss, "the validation set")
        digests |= digest(others, "validation ") if kept else {}
        found = joined(given, others)
        held_out = array("q", range(len(train), len(found)))
    if not cluster.first:
        checkpoint, progress = None, False
    if checkpoint is not None:
        check_places({"the checkpoint": checkpoint})
    size = batch_size or len(train)
    batches = -(-len(train) // size)
    rule = optimizer or Adam()
    settings = {
        "examples": len(train), "batch_size": batch_size, "shuffle": shuffle, "seed": seed,
        "validation": validation if isinstance(validation, float) else len(held_out),
        "loss": loss, "optimizer": rule, "penalty": penalty, "clip_norm": clip_norm,
        "clip_value": clip_value, "model": content(model) if kept or cluster.processes > 1 else {},
    }  # fmt: skip
    training = Training(
        Optimizer(model.parameters(), rule),
        model,
        Random(seed),  # noqa: S311  not for secrets
        History(steps=batches),
        described(settings) if kept or cluster.processes > 1 else {},
        digests,
        numbers(model),
    )
    check_reached(found, model, loss, training.optimizer.parameters)
    if checkpoint is not None:
        changed(model, training.settings["model"])  # fails now rather than after an epoch
    problem = Problem(
        found, model, loss, metrics or {}, training.optimizer, penalty, clip_norm, clip_value,
        layers=_layers(model) if gradient_flow else {},
    )  # fmt: skip
    watched = "validation loss" if held_out else "loss"
    if resume is not None:
        names = problem.figures
        names += [f"validation {name}" for name in names if held_out]
        training = training.resumed(resume, [*names, "rate"], [*problem.layers])
        _stop_early(training.history, patience, watched)
    learner, history = _engine(engine, problem), training.history
    training.settle()
    if isinstance(learner, Compiled) and cluster.processes > 1:
        facts = {"epochs": [epochs, len(history)], "patience": patience}
        learner.agree({**training.settings, **facts})
    with show_progress(progress, epochs * batches, len(history) * batches) as bar:

        def advance(loss: float) -> None:
            bar("epoch {}/{}, loss {:.4f}", len(history) + 1, epochs, loss)

        try:
            while len(history) < epochs and not history.stopped:
                order = shuffled(train, training.random) if shuffle else train
                row = _epoch(learner, order, size, history, advance)
                learner.check_kept()
                if held_out:
                    means = Means(problem.figures)
                    try:
                        learner.evaluate(held_out, means)
                    except NonFiniteError as error:
                        place = f"epoch {len(history) + 1}, validation set"
                        raise TrainingError(place, history, error) from error
                    row |= {f"validation {name}": x for name, x in total(means).items()}
                row["rate"] = training.optimizer.rule.rate_at(len(history))
                history.epochs.append(row)
                _stop_early(history, patience, watched)
                if checkpoint is not None:
                    learner.synchronise()
                    training.save(checkpoint)
        except KeyboardInterrupt:
            if cluster.processes > 1:  # processes are interrupted at different steps
                raise
            history.stopped = f"interrupted in epoch {len(history) + 1}"
        finally:
            try:
                learner.synchronise()
            except KeyboardInterrupt:  # keep what was learnt
                learner.synchronise()
                raise
    return history


def shuffled(numbers: array[int], random: Random) -> array[int]:
    """Numbers in a random order, in which random keys are ascending: with NumPy or without."""
    keys = array("Q", random.randbytes(8 * len(numbers)))
    if numpy := sys.modules.get("numpy"):
        # NumPy sorts two bytes at once by their digits, much faster than all eight by comparison
        ascending = wide = numpy.asarray(keys)
        order = numpy.arange(len(keys))
        for bits in (32, 48):
            digits = (ascending >> numpy.uint64(bits)).astype(numpy.uint16)
            order = order[digits.argsort(kind="stable")]
            ascending = wide[order]
        if (ascending[1:] < ascending[:-1]).any():  # two keys begin with the same four
            order = wide.argsort(kind="stable")
        return array("q", numpy.asarray(numbers)[order].tobytes())
    return array("q", [numbers[i] for i in sorted(range(len(keys)), key=keys.__getitem__)])


def _epoch(
    learner: Engine, order: Sequence[int], size: int, history: History, advance: Callable[..., None]
) -> dict[str, float]:
    """One pass over all examples in the given order, batch by batch; returns the mean figures."""
    epoch, means, loss = len(history), Means(learner.problem.figures), 0.0
    before, batches = len(history.batches), learner.batches(order, size)
    try:
        for b, batch in enumerate[Any](batches):
            history.batches.append(learner.step(batch, epoch + b / history.steps, means))
            for name, norm in learner.norms.items():
                history.gradients.setdefault(name, []).append(norm)
            loss += (history.batches[-1] - loss) / (b + 1)
            advance(loss)
    except NonFiniteError as error:
        place = f"epoch {epoch + 1}, batch {len(history.batches) - before + 1}"
        raise TrainingError(place, history, error) from error
    learner.count(means)
    return total(means)


def evaluate(
    model: Module,
    data: Any,
    loss: Callable[[Any, Any], Any],
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """The mean loss over examples, the accuracy if the loss classifies, and the means of metrics.

    Args:
        model: as for `fit`.
        data: as for `fit`.
        loss: as for `fit`.
        metrics: as for `fit`.

    Raises:
        TypeError, ValueError: the data are invalid.

    >>> from micrograd_plus import datasets, nn
    >>> model = nn.MLP(2, [1], init="zeros")
    >>> evaluate(model, datasets.xor(labels=(-1, 1)), nn.hinge)
    {'loss': 1.0, 'accuracy': 0.5}
    """
    check_parts(model, loss, metrics, {})
    found = examples(data)
    check_targets(found, model, loss)
    problem = Problem(found, model, loss, metrics or {})
    means = Means(problem.figures)
    Eager(problem).evaluate(range(len(found)), means)
    return means.found


def _layers(model: Module) -> dict[str, list[int]]:
    """The indices of the parameters in each layer, by its path.

    A layer is a module whose parts `repr` leaves out, or which has parameters of its own.
    """
    left = {id(p): i for i, p in enumerate(model.parameters())}
    modules = [*model.named_modules()]
    hidden = [pair for pair in modules if not pair[1].shows_parts]  # outer ones first
    shown = [pair for pair in reversed(modules) if pair[1].shows_parts]
    found = {}
    for path, module in hidden + shown:
        if places := [left.pop(id(p)) for p in module.parameters() if id(p) in left]:
            found[path or type(module).__name__] = places
    return dict(sorted(found.items(), key=itemgetter(1)))


def _engine(name: str, problem: Problem) -> Engine:
    """The engine of that name."""
    if name == "eager":
        return Eager(problem)
    if name != "auto":
        return Compiled(problem, Sharded if name == "jax" else Whole)
    try:
        compiled = uncollected(lambda: Compiled(problem, Whole))
        compiled.rehearse()
    except Exception as error:  # the eager engine raises it with its place
        told = isinstance(error, TypeError | ValueError | ModuleNotFoundError)
        kind = "" if told else f"{type(error).__name__} "
        reason = f"{kind}{next(iter(str(error).splitlines()), '')}"
        print(f"fit: training example by example, as it can't be compiled: {reason}",
              file=sys.stderr)  # fmt: skip
        return Eager(problem)
    return compiled


def _stop_early(history: History, patience: int | None, name: str) -> None:
    found = history[name]
    since = len(found) - 1 - found.index(min(found))
    if patience is not None and since >= patience:
        history.stopped = f"no lower {name} in {patience} epochs"
