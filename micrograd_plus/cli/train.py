"""`micrograd-plus train`: fits a network to one of the data sets."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

from micrograd_plus import datasets, nn, optim
from micrograd_plus._tools.files import check_places
from micrograd_plus._tools.numbers import text_number
from micrograd_plus.cli.options import wrote
from micrograd_plus.plots import decision_boundary, fitted, training_curves
from micrograd_plus.plots.style import check_format, figure, save
from micrograd_plus.training import Cluster, History, evaluate, fit
from micrograd_plus.training.checks import ENGINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from micrograd_plus.cli.options import Parser


class Task(NamedTuple):
    """A data set, with the loss, the number of outputs and the sizes that suit it."""

    data: Callable[..., Any]
    loss: Callable[[Any, Any], Any]
    outputs: int
    hidden: tuple[int, ...] = (16, 16)
    batch_size: int = 16


_TWO, _MANY = nn.binary_cross_entropy_with_logits, nn.softmax_cross_entropy
TASKS = {
    "moons": Task(datasets.moons, _TWO, 1),
    "circles": Task(datasets.circles, _TWO, 1),
    "xor": Task(partial(datasets.xor, points=200), _TWO, 1),
    "spirals": Task(datasets.spirals, _MANY, 3),
    "blobs": Task(datasets.blobs, _MANY, 3),
    "parabolas": Task(datasets.parabolas, nn.mse, 2),
    "digits": Task(datasets.digits, _MANY, 10, (32,), 32),
}
RULES = {
    "gradient-descent": optim.GradientDescent,
    "momentum": optim.Momentum,
    "nesterov": optim.Nesterov,
    "adagrad": optim.AdaGrad,
    "rmsprop": optim.RMSprop,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
}


def add_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a network on a data set; a part is held out to evaluate it.",
        epilog="example: %(prog)s moons --epochs 40 --picture moons.png",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def _sizes(what: str) -> str:
    """What most data sets have, and what the others."""
    usual, *others = dict.fromkeys(getattr(task, what) for task in TASKS.values())
    odd = [name for name, task in TASKS.items() if getattr(task, what) in others]
    shown = [str(size).strip("(,)").replace(",", "") for size in (usual, *others)]
    return f"{shown[0]}, for {' and '.join(odd)} {' or '.join(shown[1:])}"


def add_options(parser: Parser) -> None:
    """Add the options of the command."""
    parser.add_argument("dataset", choices=TASKS, help="the data set")
    option = parser.option
    option(
        "--hidden",
        type=int,
        nargs="*",
        about="neurons of each hidden layer",
        otherwise=_sizes("hidden"),
    )
    option("--activation", default="relu", choices=nn.ACTIVATIONS)
    option("--epochs", type=int, default=20, about="passes over the training set")
    option(
        "--batch-size", type=int, about="examples in a mini-batch", otherwise=_sizes("batch_size")
    )
    option("--optimizer", default="adam", choices=RULES)
    option("--rate", type=float, default=0.01, about="learning rate")
    option("--cosine", action="store_true", about="lower the rate to 0 along a cosine")
    option("--points", type=int, about="number of examples to generate", otherwise="the data set's")
    option(
        "--noise", type=float, about="standard deviation of their noise", otherwise="the data set's"
    )
    option("--seed", type=int, default=0, about="for data, weights and order")
    option("--held-out", type=float, default=0.2, about="fraction of the data")
    option("--engine", default="auto", choices=ENGINES, about="jax uses all devices")
    option("--coordinator", metavar="HOST:PORT", about="address at which process 0 listens")
    option("--processes", type=int, default=1, about="how many train together")
    option("--process-id", type=int, default=0, about="number of this process")
    option("--detect-cluster", action="store_true", about="as Slurm or Open MPI describe it")
    about = "seconds until a silent process is lost"
    option("--timeout", type=float, metavar="S", default=60, about=about)
    option("--checkpoint", type=Path, about="written after each epoch")
    option("--resume", action="store_true", about="continue from the checkpoint")
    option("--history", type=Path, about="figures of each epoch, as .csv or .json")
    option("--picture", type=Path, about="curves, and the decision boundary or the fit")


def run(options: argparse.Namespace) -> None:
    """Train, print the results, and write what was asked for.

    Raises:
        ValueError: an option is invalid.
        TrainingError: a number is not finite.
        ModuleNotFoundError: a data set or the picture needs a package that is missing.
        OSError: a file can't be read or written.
    """
    if options.resume and options.checkpoint is None:
        raise ValueError("--resume needs the --checkpoint to continue from")
    if options.history and options.history.suffix not in (".csv", ".json"):
        raise ValueError(f"--history {options.history}: the ending must be .csv or .json")
    if options.picture:  # before the training, not after it
        check_format(options.picture)
    cluster = _cluster(options)
    task = TASKS[options.dataset]
    data = _data(task, options)
    train, held_out = datasets.split(data, options.held_out, options.seed)
    hidden = task.hidden if options.hidden is None else options.hidden
    model = nn.MLP(
        len(train[0][0]),
        [*hidden, task.outputs],
        activation=options.activation,
        init="he_uniform",
        seed=options.seed,
    )
    rate = optim.Cosine(options.rate, options.epochs) if options.cosine else options.rate
    begin = time.perf_counter()
    with cluster:
        if cluster.first:
            check_outputs(options)
        history = fit(
            model,
            train,
            task.loss,
            RULES[options.optimizer](rate),
            epochs=options.epochs,
            batch_size=task.batch_size if options.batch_size is None else options.batch_size,
            seed=options.seed,
            validation=held_out,
            engine=options.engine,
            checkpoint=options.checkpoint,
            resume=options.checkpoint if options.resume else None,
        )
    if not cluster.first:
        return
    seconds = time.perf_counter() - begin
    with ExitStack() as results:  # last in, first out; all are run, even if one fails
        results.callback(_report, model, history, seconds, (train, held_out), task.loss)
        if options.checkpoint:
            results.callback(wrote, options.checkpoint)
        if options.picture:
            picture = partial(_picture, model, history, data, task)
            results.callback(_write, picture, options.picture)
        if options.history:
            write = history.to_csv if options.history.suffix == ".csv" else history.to_json
            results.callback(_write, write, options.history)
    if history.stopped.startswith("interrupted"):
        raise KeyboardInterrupt  # for the exit code; the results are written


def check_outputs(options: argparse.Namespace) -> None:
    """Check before the training that the output files differ and can be written.

    Raises:
        OSError: one can't be written.
        ValueError: two of them are the same.
    """
    outputs = ("checkpoint", "history", "picture")
    check_places({f"--{name}": getattr(options, name) for name in outputs})


def _data(task: Task, options: argparse.Namespace) -> Any:
    given = {"points": options.points, "noise": options.noise, "seed": options.seed}
    taken = signature(task.data).parameters
    return task.data(**{name: x for name, x in given.items() if x is not None and name in taken})


def _cluster(options: argparse.Namespace) -> Cluster:
    if options.detect_cluster:
        if options.coordinator or options.processes > 1 or options.process_id:
            raise ValueError(
                "--detect-cluster finds --coordinator, --processes and --process-id itself: "
                "leave them out"
            )
        return Cluster.detect(timeout=options.timeout)
    return Cluster(
        options.coordinator, options.processes, options.process_id, timeout=options.timeout
    )


def _report(model: Any, history: History, seconds: float, sets: Any, loss: Any) -> None:
    results = [evaluate(model, data, loss) for data in sets]
    console = Console()
    console.print(model, highlight=False)
    table = Table("", "training", "held out")
    for name in results[0]:
        table.add_row(name, *(f"{result[name]:.4g}" for result in results))
    console.print(table)
    stopped = f", {history.stopped}" if history.stopped else ""
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    console.print(f"{epochs} in {text_number(seconds, digits=2)} s{stopped}", highlight=False)


def _write(write: Callable[[Path], object], path: Path) -> None:
    write(path)
    wrote(path)


def _picture(model: Any, history: History, data: Any, task: Task, path: Path) -> None:
    kinds = [kind for kind in ("loss", "accuracy") if kind in (history.last if history else {})]
    size = len(data[0][0])
    learned = {2: decision_boundary} if task.loss in (_TWO, _MANY) else {1: fitted}
    made = figure(len(kinds) + (size in learned))
    panels = made.subplots(1, len(kinds) + (size in learned), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=False):
        training_curves(history, kind, axes)
    if size in learned:
        learned[size](model, data, axes=panels[-1])
    save(made, path)
