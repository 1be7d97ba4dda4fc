"""The command `micrograd-plus`.

Results go to standard output, all else to standard error. Exit codes: 0 for success, 1 where a
file can't be written, a program is missing or a check fails, 2 for input that can't be understood,
75 where another process of a training is gone.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import files
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus.check.gradients import GradientError, check_graph
from micrograd_plus.cli import launch as cli_launch
from micrograd_plus.cli import train as cli_train
from micrograd_plus.drawing import frames
from micrograd_plus.drawing.dot.layout import ENDINGS, LayoutError
from micrograd_plus.drawing.dot.source import STYLES
from micrograd_plus.drawing.look import COLORS
from micrograd_plus.drawing.picture import draw, with_ending
from micrograd_plus.drawing.quiz import quiz
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.drawing.stepper import step_through, write_page
from micrograd_plus.parsing import MAX_LENGTH, ExpressionError, from_text, read_numbers
from micrograd_plus.training import ClusterError, TrainingError
from micrograd_plus.training.cluster import GONE, leave_abandoned
from micrograd_plus.walk.questions import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value

_PROGRAM = "micrograd-plus"
_OPTIONS = (
    *("-h", "--help", "-o", "--output", "--html", "--frames", "--format", "--latex"),
    *("--limit", "--style", "--colors", "--exercise", "--hide", "--solution"),
)

_LONGEST_ANSWER = 1000

_TOUR = (
    (
        "The chain rule on f = (x + y) · z",
        "d = x + y; f = d * z",
        {"x": 1.0, "y": -3.0, "z": 4.0},
    ),
    (
        "A sigmoid gate, taken apart: f = 1 / (1 + exp(−(w₀·x₀ + w₁·x₁ + b)))",
        "f = 1 / (1 + exp(-(w_0*x_0 + w_1*x_1 + b)))",
        {"w_0": -3.0, "x_0": -2.0, "w_1": 2.0, "x_1": -1.0, "b": -3.0},
    ),
)

_EXPRESSION = """\
An expression is Python's arithmetic on names and numbers, with functions such as exp, relu and
sigmoid; assignments, separated by ';', give names to intermediate values."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    _open_streams()
    try:
        options = _options(sys.argv[1:] if argv is None else argv)
        code: int = options.run(options) or 0
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as in | head
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
        return _fail(MemoryError("there is not enough memory for so much"), 1)
    except KeyboardInterrupt:
        return 130
    return code


def _open_streams() -> None:
    """Make the streams fit for any text, and open those that are closed to nothing.

    Otherwise a file that is opened might take the place of one, and get what is printed.
    """
    for name, mode, errors in (
        ("stdin", "r", "surrogateescape"),  # what is not text is refused at its place
        ("stdout", "w", "replace"),  # an old terminal may lack ∂
        ("stderr", "w", "replace"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  to the end
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            marked = mode == "r" and stream.encoding.lower() == "utf-8"  # as editors may begin it
            stream.reconfigure(encoding="utf-8-sig" if marked else None, errors=errors)


def _fail(error: Exception, code: int) -> int:
    print(f"{_PROGRAM}: {error}", file=sys.stderr)
    leave_abandoned(code)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that asks what was meant by a misspelt name."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = list(action.choices)
            message = f"there is no {value!r}{did_you_mean(value, known)}; choose from "
            raise argparse.ArgumentError(action, message + ", ".join(known))

    def meant(self, option: str) -> str:
        return did_you_mean(option.partition("=")[0], self._option_string_actions)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments understood, also where argparse by itself would not.

    An expression such as -x is not an option, and numbers may follow options.
    """
    arguments = list(arguments)
    parser, commands = _parser()
    command = commands.get(arguments[0] if arguments else "", parser)
    if arguments[:1] not in (["train"], ["launch"]):  # these have no expression
        _mark_expression(arguments, command)
    options, rest = parser.parse_known_args(arguments)
    if strange := [text for text in rest if text[:1] == "-" or "numbers" not in options]:
        shown = [text + command.meant(text) for text in strange]
        command.error(f"unrecognized arguments: {' '.join(shown)}")
    if rest:
        options.numbers = [*options.numbers, *rest]
    return options


def _mark_expression(arguments: list[str], command: _Parser) -> None:
    """Put a space before an expression that begins with a minus."""
    place = 1  # after the command, and after options and their values
    while place < len(arguments) and arguments[place].partition("=")[0] in _OPTIONS:
        place += 1 if "=" in arguments[place] or arguments[place] in ("-h", "--help") else 2
    if place < len(arguments) and arguments[place][:1] == "-" and arguments[place] != "-":
        name = arguments[place].lstrip("-")
        named = any(text.startswith(f"{name}=") for text in arguments)
        if not name.isalpha() or named or not command.meant(arguments[place]):
            arguments[place] = " " + arguments[place]


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    """The parser, and those of its commands."""
    parser = _Parser(
        prog=_PROGRAM,
        description="Step through backpropagation, draw computational graphs, train networks.",
        epilog=f"example: {_PROGRAM} tour",
    )
    version = f"{_PROGRAM} {metadata.version(_PROGRAM)}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    tour = _command(commands, "tour", "walk through the lecture's two examples", "")
    tour.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        default=Path(f"{_PROGRAM}-tour.html"),
        help="the page to write (default: %(default)s)",
    )
    tour.set_defaults(run=_tour)

    step = _command(
        commands,
        "step",
        "walk through an expression, forward and backward",
        '"d = x + y; f = d * z" x=1 y=-3 z=4 --html xyz.html',
    )
    _add_expression(step)
    _add_limit(step)
    _add_colors(step)
    step.add_argument("--html", metavar="FILE", type=Path, help="write a page to step through, too")
    step.add_argument(
        "--frames", metavar="FOLDER", type=Path, help="write a picture of each step, for slides"
    )
    step.add_argument(
        "--format",
        choices=frames.FORMATS,
        default=frames.FORMATS[0],
        help="of these pictures (default: %(default)s)",
    )
    step.add_argument("--latex", metavar="FILE", type=Path, help="write the steps as LaTeX, too")
    step.set_defaults(run=_step)

    check = _command(
        commands,
        "check",
        "check an expression's derivatives: reverse, forward, and differences of its values",
        '"sin(x * y) + exp(x)" x=1.5 y=-0.7',
    )
    _add_expression(check)
    check.set_defaults(run=_check)

    drawing = _command(
        commands,
        "draw",
        "draw an expression with its values and gradients",
        '"sigmoid(w * x + b)" w=2 x=-1 b=0.5 -o neuron.svg',
    )
    _add_expression(drawing)
    _add_limit(drawing)
    _add_colors(drawing)
    drawing.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help=f"the file to write; its ending is one of {', '.join(ENDINGS)}",
    )
    drawing.add_argument(
        "--style", choices=STYLES, default=STYLES[0], help="numbers on wires, or in boxes"
    )
    drawing.set_defaults(run=_draw)

    asking = _command(
        commands,
        "quiz",
        "hide an expression's gradients and ask for them, or write that as an exercise",
        '"d = x + y; f = d * z" x=1 y=-3 z=4 --html quiz.html',
    )
    _add_expression(asking)
    _add_limit(asking)
    asking.add_argument(
        "--hide",
        metavar="WHAT",
        default="gradients",
        help=f"{', '.join(KINDS)}, or names such as x,y (default: %(default)s)",
    )
    for option, what in (
        ("--html", "a page that asks"),
        ("--exercise", "the exercise as a picture or page to print"),
        ("--solution", "the solution as a picture or page to print"),
    ):
        asking.add_argument(
            option, metavar="FILE", type=Path, help=f"write {what}, instead of asking here"
        )
    asking.set_defaults(run=_quiz)

    train = commands.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a network on a data set; a fifth of it is held out, to be judged by.",
        epilog=f"example: {_PROGRAM} train moons --epochs 40 --picture moons.png",
    )
    cli_train.add_options(train)
    train.set_defaults(run=cli_train.run)

    launching = commands.add_parser(
        "launch",
        help="train with several processes on this machine",
        description="Start processes on this machine that train together, watch them, and start "
        "them again from the last checkpoint when one is lost.",
        epilog=f"example: {_PROGRAM} launch --processes 2 -- train moons --checkpoint moons.json",
    )
    cli_launch.add_options(launching)
    launching.set_defaults(run=cli_launch.run)
    return parser, commands.choices


def _command(commands: Any, name: str, what: str, example: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"{_EXPRESSION if example else ''}\n\nexample: {_PROGRAM} {name} {example}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def _add_expression(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "expression",
        metavar="EXPR",
        help="what to compute, in quotes; - reads it from standard input",
    )
    parser.add_argument(
        "numbers", metavar="name=value", nargs="*", default=[], help="a number for each name"
    )


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_positive,
        default=LIMIT,
        help="the largest number of nodes to draw (default: %(default)s)",
    )


def _add_colors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--colors",
        choices=COLORS,
        default="accessible",
        help="of numbers: told apart by all eyes (default), or the lecture's pure green and red",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"it must be a positive whole number, not {number}")
    return number


def _text(options: argparse.Namespace) -> str:
    if options.expression != "-":
        return str(options.expression)
    text = sys.stdin.read(MAX_LENGTH + 1)  # there may be no end to it
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"at column {MAX_LENGTH + 1:,}: standard input goes on; "
            f"at most {MAX_LENGTH:,} characters are read"
        )
    return text


def _graph(options: argparse.Namespace) -> Value:
    return from_text(_text(options), read_numbers(options.numbers))


def _tour(options: argparse.Namespace) -> None:
    files.check_places({"--html": options.html})
    walks = [(heading, step_through(from_text(text, given))) for heading, text, given in _TOUR]
    write_page(options.html, "A tour of backpropagation", walks)
    for heading, walk in walks:
        print(heading, end="\n\n")
        walk.print()
        print()
    print(f"{_PROGRAM}: wrote {options.html}; open it to step through both", file=sys.stderr)


def _step(options: argparse.Namespace) -> None:
    files.check_places(
        {"--html": options.html, "--latex": options.latex}, {"--frames": options.frames}
    )
    walk = step_through(_graph(options), options.limit, options.colors)
    written: list[object] = []
    if options.html:
        written.append(walk.to_html(options.html, title=options.expression.strip()))
    if options.frames:
        paths = walk.frames(options.frames, options.format)
        written.append(f"{len(paths)} pictures into {options.frames}")
    if options.latex:
        written.append(files.write(options.latex, f"{walk.latex()}\n".encode()))
    for what in written:
        print(f"{_PROGRAM}: wrote {what}", file=sys.stderr)
    walk.print()


def _quiz(options: argparse.Namespace) -> None:
    hide = options.hide
    if hide not in KINDS:
        hide = [name.strip() for name in hide.split(",")]
    paths = {
        "--html": options.html,
        "--exercise": options.exercise and with_ending(options.exercise),
        "--solution": options.solution and with_ending(options.solution),
    }
    asks = not any(paths.values())
    if options.expression == "-" and asks:
        raise ValueError("standard input is for the answers: give the expression as an argument")
    files.check_places(paths)
    asking = quiz(_graph(options), hide, options.limit)
    if asks:
        asking.run(_answer)
    writing = zip((asking.to_html, asking.exercise, asking.solution), paths.values(), strict=True)
    for path in [write(path) for write, path in writing if path]:
        print(path)


def _answer(prompt: str) -> str:
    if sys.stdin.isatty():
        return input(prompt)
    print(prompt, end="")
    answer = sys.stdin.readline(_LONGEST_ANSWER)
    if not answer:
        raise EOFError
    print(answer.rstrip("\n"))  # which a terminal has shown already
    return answer


def _check(options: argparse.Namespace) -> None:
    text, numbers = _text(options), read_numbers(options.numbers)
    print(check_graph(lambda *xs: from_text(text, dict(zip(numbers, xs, strict=True))), numbers))


def _draw(options: argparse.Namespace) -> None:
    files.check_places({"--output": with_ending(options.output)})
    root = _graph(options)
    root.backward()
    picture = draw(root, options.style, options.limit, colors=options.colors)
    print(picture.render(options.output))
