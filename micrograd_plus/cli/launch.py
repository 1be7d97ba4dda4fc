"""`micrograd-plus launch`: several processes on this machine that train together."""

from __future__ import annotations

import argparse
import sys

from micrograd_plus._tools.extras import need
from micrograd_plus.cli import train as cli_train
from micrograd_plus.training import Cluster
from micrograd_plus.training.launcher import launch

_MOST = 1000  # processes of one machine


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    parser.add_argument(
        "--processes", type=int, default=2, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--restarts", type=int, default=3, metavar="N",
        help="how often to start again from the checkpoint when a process is lost "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="S",
        help="seconds without a step after which a process counts as stuck (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- train …", help="what each process runs"
    )


def run(options: argparse.Namespace) -> int:
    """Start the processes and wait for them.

    Returns:
        The exit code.

    Raises:
        ValueError: an option makes no sense.
        ModuleNotFoundError: JAX is missing.
    """
    command = options.command[options.command[:1] == ["--"] :]
    if command[:1] != ["train"]:
        raise ValueError("what to launch comes last, as in: launch --processes 2 -- train moons")
    if not 1 <= options.processes <= _MOST:
        raise ValueError(f"there must be 1 process or more, up to {_MOST}, not {options.processes}")
    if options.restarts < 0:
        raise ValueError(f"there must be 0 restarts or more, not {options.restarts}")
    Cluster(timeout=options.timeout)  # as each process will have it
    parser = argparse.ArgumentParser(prog="micrograd-plus launch … -- train")
    cli_train.add_options(parser)
    given = parser.parse_args(command[1:])
    if given.coordinator or given.detect_cluster or given.processes > 1 or given.process_id:
        raise ValueError("launch itself tells the processes where and which they are")
    if given.engine not in ("auto", "jax"):
        raise ValueError(f"several processes train with --engine jax, not {given.engine}")
    cli_train.check_outputs(given)
    need("jax", "jax")

    def started(index: int, coordinator: str, resumed: bool) -> list[str]:
        return [
            *(sys.executable, "-P", "-m", "micrograd_plus", *command, "--engine", "jax"),
            *("--coordinator", coordinator, "--processes", str(options.processes)),
            *("--process-id", str(index), "--timeout", str(options.timeout)),
            *(["--resume"] * resumed),
        ]

    return launch(
        started,
        options.processes,
        checkpoint=given.checkpoint,
        restarts=options.restarts,
        timeout=options.timeout,
    )
