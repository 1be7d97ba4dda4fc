"""`micrograd-plus train`: fits a network to one of the data sets."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

from micrograd_plus import datasets, nn, optim
from micrograd_plus._tools.files import check_places
from micrograd_plus.plots import decision_boundary, training_curves
from micrograd_plus.plots.style import check_format, figure, save
from micrograd_plus.training import Cluster, History, evaluate, fit
from micrograd_plus.training.fit import ENGINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class Task(NamedTuple):
    """What there is to learn: the data, and the loss and the number of outputs that suit them."""

    data: Callable[[argparse.Namespace], Any]
    loss: Callable[[Any, Any], Any]
    outputs: int
    hidden: tuple[int, ...] = (16, 16)
    batch_size: int = 16


def _made(make: Callable[..., Any]) -> Callable[[argparse.Namespace], Any]:
    def data(options: argparse.Namespace) -> Any:
        given = {"points": options.points, "noise": options.noise, "seed": options.seed}
        return make(**{name: x for name, x in given.items() if x is not None})

    return data


_TWO, _MANY = nn.binary_cross_entropy_with_logits, nn.softmax_cross_entropy
TASKS = {
    "moons": Task(_made(datasets.moons), _TWO, 1),
    "circles": Task(_made(datasets.circles), _TWO, 1),
    "xor": Task(_made(lambda points=200, **given: datasets.xor(points, **given)), _TWO, 1),
    "spirals": Task(_made(datasets.spirals), _MANY, 3),
    "blobs": Task(_made(datasets.blobs), _MANY, 3),
    "parabolas": Task(_made(datasets.parabolas), nn.mse, 2),
    "digits": Task(lambda options: datasets.digits(), _MANY, 10, (32,), 32),
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    parser.add_argument("dataset", choices=TASKS, help="what to learn")
    parser.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", help="neurons of each hidden layer"
    )
    parser.add_argument(
        "--activation", default="relu", choices=nn.ACTIVATIONS, help="default: %(default)s"
    )
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, metavar="N", help="examples for each step")
    parser.add_argument("--optimizer", default="adam", choices=RULES, help="default: %(default)s")
    parser.add_argument(
        "--rate", type=float, default=0.01, metavar="X", help="learning rate (default: %(default)s)"
    )
    parser.add_argument("--cosine", action="store_true", help="let the rate fall to 0")
    parser.add_argument("--points", type=int, metavar="N", help="how many to make")
    parser.add_argument("--noise", type=float, metavar="X", help="how much")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--held-out", type=float, default=0.2, metavar="X", help="a fraction (default: %(default)s)"
    )
    parser.add_argument(
        "--engine",
        default="auto",
        choices=ENGINES,
        help="what makes the steps; jax uses all devices (default: %(default)s)",
    )
    parser.add_argument(
        "--coordinator", metavar="HOST:PORT", help="where process 0 of several listens"
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many train")
    parser.add_argument(
        "--process-id", type=int, default=0, metavar="I", help="which of them this is, from 0"
    )
    parser.add_argument(
        "--detect-cluster", action="store_true", help="as Slurm, Open MPI or a TPU pod describe it"
    )
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="S",
        help="seconds without a step after which other processes are given up "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="to write at each epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--history", type=Path, metavar="FILE", help="figures, as .csv or .json")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="curves, and the classes")


def run(options: argparse.Namespace) -> None:
    """Train, print the results, and write what was asked for.

    Raises:
        ValueError: an option makes no sense.
        TrainingError: a number was not finite.
        ModuleNotFoundError: a data set or the picture needs a package that is missing.
        OSError: a file can't be read or written.
    """
    if options.resume and options.checkpoint is None:
        raise ValueError("--resume needs the --checkpoint to go on from")
    if options.history and options.history.suffix not in (".csv", ".json"):
        raise ValueError(f"--history {options.history}: the ending must be .csv or .json")
    if options.picture:  # better now than after the training
        check_format(options.picture)
    cluster = _cluster(options)
    task = TASKS[options.dataset]
    data = task.data(options)
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
    with ExitStack() as results:  # from the last to the first; each, though another fails
        results.callback(_report, model, history, seconds, (train, held_out), task.loss)
        if options.picture:
            results.callback(_picture, model, history, data, task, options.picture)
        if options.history:
            write = history.to_csv if options.history.suffix == ".csv" else history.to_json
            results.callback(write, options.history)
    if history.stopped.startswith("interrupted"):
        raise KeyboardInterrupt  # for the exit code; all results are there


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse files that can't be written, or are one and the same, before any training.

    Raises:
        OSError: one can't be written.
        ValueError: two are one.
    """
    outputs = ("checkpoint", "history", "picture")
    check_places({f"--{name}": getattr(options, name) for name in outputs})


def _cluster(options: argparse.Namespace) -> Cluster:
    if options.detect_cluster:
        if options.coordinator or options.processes > 1 or options.process_id:
            raise ValueError(
                "--detect-cluster finds out itself what --coordinator, --processes and "
                "--process-id tell"
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
    console.print(f"{epochs} in {seconds:.1f} s{stopped}", highlight=False)


def _picture(model: Any, history: History, data: Any, task: Task, path: Path) -> None:
    kinds = [kind for kind in ("loss", "accuracy") if kind in (history.last if history else {})]
    plane = task.loss in (_TWO, _MANY) and len(data[0][0]) == 2
    made = figure(len(kinds) + plane)
    panels = made.subplots(1, len(kinds) + plane, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=False):
        training_curves(history, kind, axes)
    if plane:
        decision_boundary(model, data, axes=panels[-1])
    save(made, path)
