"""`micrograd-plus launch`: several processes on this machine that train together."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from micrograd_plus._tools.extras import need
from micrograd_plus.cli import train
from micrograd_plus.cli.options import Parser
from micrograd_plus.training import Cluster
from micrograd_plus.training.launcher import launch

_MOST = 1000  # processes on one machine


def add_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser(
        "launch",
        help="train with several processes on this machine",
        description="Start processes on this machine that train together, watch them, and restart "
        "them from the last checkpoint if one is lost.",
        epilog="example: %(prog)s --processes 2 -- train moons --checkpoint moons.json",
    )
    parser.set_defaults(run=run)
    parser.option("--processes", type=int, default=2, about="how many train together")
    parser.option("--restarts", type=int, default=3, about="how often to restart them")
    what = "seconds without a step after which a process counts as stuck"
    parser.option("--timeout", type=float, metavar="S", default=60, about=what)
    what = "what each process runs"
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- train …", help=what)


def run(options: argparse.Namespace) -> int:
    """Start the processes and wait for them.

    Returns:
        The exit code.

    Raises:
        ValueError: an option is invalid.
        ModuleNotFoundError: JAX is missing.
    """
    command = options.command[options.command[:1] == ["--"] :]
    if command[:1] != ["train"]:
        raise ValueError(
            "the command to launch comes last, as in: launch --processes 2 -- train moons"
        )
    if not 1 <= options.processes <= _MOST:
        raise ValueError(f"--processes must be from 1 to {_MOST}, not {options.processes}")
    if options.restarts < 0:
        raise ValueError(f"--restarts must be at least 0, not {options.restarts}")
    Cluster(timeout=options.timeout)  # checks the timeout now, as each process would
    parser = Parser(prog="micrograd-plus launch … -- train")
    train.add_options(parser)
    given = parser.parse_args(command[1:])
    if given.coordinator or given.detect_cluster or given.processes > 1 or given.process_id:
        raise ValueError(
            "launch sets --coordinator, --processes and --process-id of the processes itself: "
            "leave them and --detect-cluster out"
        )
    if given.engine not in ("auto", "jax"):
        raise ValueError(f"several processes train with --engine jax, not {given.engine}")
    train.check_outputs(given)
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
