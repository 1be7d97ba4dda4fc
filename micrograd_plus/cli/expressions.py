"""The commands about an expression: step, check, draw and quiz; and the tour, which has its own."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import files
from micrograd_plus._tools.text import sentence
from micrograd_plus.check.gradients import check_graph
from micrograd_plus.cli.options import wrote
from micrograd_plus.drawing import frames
from micrograd_plus.drawing.dot.layout import ENDINGS
from micrograd_plus.drawing.dot.source import STYLES
from micrograd_plus.drawing.look import COLORS
from micrograd_plus.drawing.picture import draw, with_ending
from micrograd_plus.drawing.quiz import quiz
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.drawing.terminal.walk import print_steps
from micrograd_plus.drawing.walkthrough import step_through, write_page
from micrograd_plus.parsing import MAX_LENGTH, ExpressionError, from_text, read_numbers, with_lines
from micrograd_plus.walk.questions import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.cli.options import Parser
    from micrograd_plus.engine import Value

_PIPE = Path("-")  # standard output
_LONGEST_ANSWER = 1000  # characters

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
sigmoid; assignments, separated by ';', give names to intermediate values. pi and e are numbers
where they have no other, and what is printed is read, too, as in "x₁² · y" x₁=−1/3. A file named -
is standard output."""


def add_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    tour = commands.add_parser(
        "tour",
        help="walk through two examples of a lecture",
        description="Walk through the lecture's two examples.",
        epilog="example: %(prog)s",
    )
    page = Path("micrograd-plus-tour.html")
    tour.option("--html", type=Path, default=page, about="the page to write")
    tour.set_defaults(run=_tour)

    step = _command(
        commands,
        "step",
        _step,
        "walk through an expression, forward and backward",
        '"d = x + y; f = d * z" x=1 y=-3 z=4 --html xyz.html',
    )
    _add_limit(step)
    _add_colors(step)
    _add_digits(step)
    step.option("--html", type=Path, about="also write a page to step through")
    about = "also write a picture of each step, for slides"
    step.option("--frames", type=Path, metavar="FOLDER", about=about)
    step.option("--sentences", action="store_true", about="with the sentence below each picture")
    formats = frames.FORMATS
    step.option("--format", choices=formats, default=formats[0], about="of these pictures")
    about = "also write slides, as .html, .pdf, .gif, or .tex for Beamer"
    step.option("--slides", type=Path, about=about)
    about = "also write the steps as LaTeX, for amsmath (its \\allowdisplaybreaks breaks long ones "
    about += "across pages); - prints them alone"
    step.option("--latex", type=Path, about=about)

    _command(
        commands,
        "check",
        _check,
        "check an expression's derivatives: reverse mode, forward mode and differences of values",
        '"sin(x * y) + exp(x)" x=1.5 y=-0.7',
    )

    drawing = _command(
        commands,
        "draw",
        _draw,
        "draw an expression with its values and gradients",
        '"sigmoid(w * x + b)" w=2 x=-1 b=0.5 -o neuron.svg',
    )
    _add_limit(drawing)
    _add_colors(drawing)
    _add_digits(drawing)
    about = f"the file to write; it ends in one of {', '.join(ENDINGS)}; - prints SVG"
    drawing.option("-o", "--output", type=Path, required=True, about=about)
    drawing.option(
        "--style", choices=STYLES, default=STYLES[0], about="numbers on wires, or in boxes"
    )

    asking = _command(
        commands,
        "quiz",
        _quiz,
        "hide an expression's gradients and ask for them, or write that as an exercise",
        '"d = x + y; f = d * z" x=1 y=-3 z=4 --html quiz.html',
    )
    _add_limit(asking)
    _add_digits(asking)
    about = f"{', '.join(KINDS)}, or names such as x,y"
    asking.option("--hide", metavar="WHAT", default="gradients", about=about)
    asking.option("--html", type=Path, about="write a page that asks, instead of asking here")
    asking.option("--exercise", type=Path, about="write a picture or page to print, with blanks")
    asking.option("--solution", type=Path, about="write a picture or page to print, with answers")


def _command(commands: Any, name: str, run: Callable[..., None], what: str, example: str) -> Parser:
    command: Parser = commands.add_parser(
        name,
        help=what,
        description=sentence(what),
        epilog=f"{_EXPRESSION}\n\nexample: %(prog)s {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    about = "what to compute, in quotes; - reads it from standard input"
    command.add_argument("expression", metavar="EXPR", help=about)
    about = "a number for each name"
    command.add_argument("numbers", metavar="name=value", nargs="*", default=[], help=about)
    return command


def _add_limit(parser: Parser) -> None:
    about = "the largest number of nodes to draw"
    parser.option("--limit", metavar="N", type=_positive, default=LIMIT, about=about)


def _add_colors(parser: Parser) -> None:
    about = "of numbers: legible for colour-blind readers, or the lecture's pure green and red"
    parser.option("--colors", choices=COLORS, default="accessible", about=about)


def _add_digits(parser: Parser) -> None:
    parser.option(
        "--digits",
        type=int,
        about="significant digits of numbers, 1 to 17",
        otherwise="2 on wires, 4 in sentences",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"it must be a positive whole number, not {number}")
    return number


def _text(options: argparse.Namespace) -> str:
    if options.expression != "-":
        return str(options.expression)
    text = sys.stdin.read(MAX_LENGTH + 1)  # it may be endless
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"at column {MAX_LENGTH + 1:,}: standard input goes on; "
            f"at most {MAX_LENGTH:,} characters are read"
        )
    return text


def _graph(options: argparse.Namespace) -> Value:
    return from_text(_text(options), read_numbers(options.numbers))


def _output(path: Path, write: Callable[[Path], object], ending: str) -> object:
    """Write a file, or to standard output what would stand in a file of that ending; its path."""
    if path != _PIPE:
        return write(path)
    with TemporaryDirectory() as folder:
        made = Path(folder, f"output{ending}")
        write(made)
        sys.stdout.flush()
        sys.stdout.buffer.write(made.read_bytes())
    return None


def _check_places(
    places: dict[str, Path | None], folders: dict[str, Path | None] | None = None
) -> bool:
    """Check that all can be written; whether one of them goes to standard output."""
    piped = [name for name, path in places.items() if path == _PIPE]
    if len(piped) > 1:
        raise ValueError(f"{' and '.join(piped)} can't both go to standard output")
    files.check_places({k: path for k, path in places.items() if path != _PIPE}, folders)
    return bool(piped)


def _tour(options: argparse.Namespace) -> None:
    files.check_places({"--html": options.html})
    walks = []
    for heading, text, given in _TOUR:
        root, lines = with_lines(text, given)
        walks.append((heading, step_through(root, lines=lines)))
    write_page(options.html, "A tour of backpropagation", walks)
    pause = _enter if sys.stdin.isatty() and sys.stdout.isatty() else None
    if pause:
        print("Enter shows the next step, Ctrl-D ends.", end="\n\n")
    try:
        for heading, walk in walks:
            print(heading, end="\n\n")
            print_steps(walk, pause=pause)
            print()
    except EOFError:
        print()
    wrote(f"{options.html}; open it to step through both")


def _enter() -> None:
    input("")  # what it echoes ends the line


def _step(options: argparse.Namespace) -> None:
    piped = _check_places(
        {"--html": options.html, "--slides": options.slides, "--latex": options.latex},
        {"--frames": options.frames},
    )
    root, lines = with_lines(_text(options), read_numbers(options.numbers))
    walk = step_through(root, options.limit, options.colors, digits=options.digits, lines=lines)
    written: list[object] = []
    if options.html:
        page = partial(walk.to_html, title=options.expression.strip())
        written.append(_output(options.html, page, ".html"))
    if options.frames:
        paths = walk.frames(options.frames, options.format, sentences=options.sentences)
        written.append(f"{len(paths)} pictures into {options.frames}")
    if options.slides:
        written.append(_output(options.slides, walk.slides, ".html"))
    if options.latex:
        text = f"{walk.latex()}\n".encode()
        written.append(_output(options.latex, partial(files.write, data=text), ".tex"))
    for what in filter(None, written):
        wrote(what)
    if not piped:
        walk.print()


def _check(options: argparse.Namespace) -> None:
    text, numbers = _text(options), read_numbers(options.numbers)
    print(check_graph(lambda *xs: from_text(text, dict(zip(numbers, xs, strict=True))), numbers))


def _draw(options: argparse.Namespace) -> None:
    _check_places({"--output": _with_ending(options.output)})
    root = _graph(options)
    root.backward()
    picture = draw(root, options.style, options.limit, colors=options.colors, digits=options.digits)
    if written := _output(options.output, picture.render, ".svg"):
        print(written)


def _quiz(options: argparse.Namespace) -> None:
    hide = options.hide
    if hide not in KINDS:
        hide = [name.strip() for name in hide.split(",")]
    paths = {
        "--html": options.html,
        "--exercise": _with_ending(options.exercise),
        "--solution": _with_ending(options.solution),
    }
    asks = not any(paths.values())
    if options.expression == "-" and asks:
        raise ValueError("standard input is for the answers: give the expression as an argument")
    _check_places(paths)
    asking = quiz(_graph(options), hide, options.limit, digits=options.digits)
    if asks:
        asking.run(_answer)
    writes = {asking.to_html: ".html", asking.exercise: ".svg", asking.solution: ".svg"}
    given = [(path, *how) for path, how in zip(paths.values(), writes.items(), strict=True) if path]
    for written in filter(None, [_output(*each) for each in given]):
        print(written)


def _with_ending(path: Path | None) -> Path | None:
    return path if path in (None, _PIPE) else with_ending(path)


def _answer(prompt: str) -> str:
    if sys.stdin.isatty():
        return input(prompt)
    print(prompt, end="")
    answer = sys.stdin.readline(_LONGEST_ANSWER)
    if not answer:
        raise EOFError
    print(answer.rstrip("\n"))  # a terminal would have echoed it
    return answer
