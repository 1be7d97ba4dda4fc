"""The command `micrograd-plus`.

Results go to standard output, everything else to standard error. Exit codes: 0 for success; 1 if a
file can't be written, a program is missing, or a check or training fails; 2 for invalid input; 75
if another process of a training was lost; 130 after Ctrl-C.
"""

from __future__ import annotations

import codecs
import os
import sys
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from micrograd_plus import core
from micrograd_plus._tools.text import spelled
from micrograd_plus.check.gradients import GradientError
from micrograd_plus.cli import expressions, launch, train
from micrograd_plus.cli.options import Parser, parse
from micrograd_plus.drawing.dot.layout import LayoutError
from micrograd_plus.training import ClusterError, TrainingError
from micrograd_plus.training.cluster import GONE, leave_abandoned

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    _open_streams()
    try:
        given = sys.argv[1:] if argv is None else argv
        options = parse(given or ["--help"], *_parser())
        code: int = options.run(options) or 0
        sys.stdout.flush()
    except BrokenPipeError:  # the reader closed the pipe, as in | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except GradientError as error:
        print(error)
        return 1
    except ClusterError as error:
        return _fail(error, GONE)
    except (OSError, LayoutError, ModuleNotFoundError, TrainingError) as error:
        return _fail(error, 1)
    except ValueError as error:
        return _fail(error, 2)
    except MemoryError:
        return _fail(MemoryError("there is not enough memory for this"), 1)
    except KeyboardInterrupt:
        return 130
    return code


def _open_streams() -> None:
    """Make the standard streams accept any text, and replace closed ones by the null device.

    The descriptor of a closed stream would otherwise be given to the next file that is opened,
    which would then receive what is printed.
    """
    codecs.register_error("spelled", _spelled)
    for name, mode, errors in (
        ("stdin", "r", "surrogateescape"),  # bytes that are no text are refused by the parser
        ("stdout", "w", "spelled"),  # an old terminal may lack ∂
        ("stderr", "w", "spelled"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  open until exit
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            utf8 = mode == "r" and stream.encoding.lower() == "utf-8"  # skip a byte order mark
            stream.reconfigure(encoding="utf-8-sig" if utf8 else None, errors=errors)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What is written instead of characters that a stream lacks, and where it goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return spelled(error.object[error.start : error.end], "ascii"), error.end


def _fail(error: Exception, code: int) -> int:
    print(f"micrograd-plus: {error}", file=sys.stderr)
    leave_abandoned(code)
    return code


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser of the whole command line, and those of its commands by name."""
    parser = Parser(
        prog="micrograd-plus",
        description="Step through backpropagation, draw computational graphs, train networks.",
        epilog="example: %(prog)s tour",
    )
    build = "the compiled core" if core.nodes else "pure Python"
    version = f"%(prog)s {metadata.version('micrograd-plus')} ({build})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (expressions, train, launch):
        module.add_commands(commands)
    return parser, commands.choices
