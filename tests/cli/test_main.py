"""The command line: what it prints, writes and refuses, its streams, and Ctrl-C."""

import io
import math
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from micrograd_plus import _command, ops
from micrograd_plus.cli import expressions
from micrograd_plus.cli import main as cli
from tests.effort import share, slow
from tests.processes import COMMAND, ended, started


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_tour(run, tmp_path):
    done = run("tour")
    assert done.returncode == 0
    assert "∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4\n" in done.stdout
    assert "\n  9            f = 1 / v₇ = " in done.stdout
    assert "\n 10  backward  ∂f/∂f = 1\n" in done.stdout
    assert "∂f/∂x₀ = ∂f/∂v₁ · ∂v₁/∂x₀ = ∂f/∂v₁ · w₀ = 0.1966 · (−3) = −0.5898\n" in done.stdout
    assert files(tmp_path) == ["micrograd-plus-tour.html"]
    assert "micrograd-plus-tour.html" in done.stderr
    page = (tmp_path / "micrograd-plus-tour.html").read_text(encoding="utf-8")
    assert page.count('<div class="mg-stepper"') == 2
    assert not [part for part in ("http://", "https://", 'src="/') if part in strip_names(page)]


def strip_names(page):
    """A page without the names of XML's vocabularies, which look like addresses."""
    return page.replace("http://www.w3.org/", "").replace("https://www.w3.org/", "")


def test_step_prints_the_walk(run, tmp_path):
    done = run("step", "d = x + y; f = d * z", "x=1", "y=-3", "z=4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:8] == [
        " 1  given     x = 1, y = −3, z = 4",
        " 2  forward   d = x + y = 1 + (−3) = −2",
        " 3            f = d · z = −2 · 4 = −8",
        " 4  backward  ∂f/∂f = 1",
        " 5            ∂f/∂z = d = −2",
        " 6            ∂f/∂d = z = 4",
        " 7            ∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4",
        " 8            ∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4",
    ]
    assert files(tmp_path) == []


def test_step_gives_short_names_and_writes_a_page(run, tmp_path):
    done = run("step", "(x + y) * z", "x=1", "y=-3", "z=4", "--html", "a.html")
    assert done.returncode == 0
    assert "v₁ = x + y = 1 + (−3) = −2" in done.stdout
    assert "a.html" in done.stderr
    assert "<title>(x + y) * z</title>" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_step_writes_frames_and_latex(run, tmp_path):
    numbers = ["x=1", "y=-3", "z=4"]
    done = run("step", "--frames", "new", "(x + y) * z", *numbers, "--latex=steps.tex")
    assert done.returncode == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert (names[0], names[-1], len(names)) == ("01-given.svg", "08-backward.svg", 8)
    assert (tmp_path / "steps.tex").read_text().startswith("\\begin{align}\nx &= 1,")
    assert "wrote 8 pictures into new\n" in done.stderr
    assert "wrote steps.tex\n" in done.stderr
    assert done.stdout.startswith(" 1  given     x = 1, y = −3, z = 4\n")
    run("step", "x + 1", "x=1", "--frames", "new", "--format", "png", "--colors", "lecture")
    assert (tmp_path / "new" / "01-given.png").read_bytes().startswith(b"\x89PNG")


def test_the_lectures_colours(run, tmp_path):
    assert run("draw", "x * 2", "x=1", "-o", "a.svg", "--colors", "lecture").returncode == 0
    assert "#00ff00" in (tmp_path / "a.svg").read_text()
    assert run("step", "--colors=lecture", "-x", "x=1", "--html", "a.html").returncode == 0
    assert "#00ff00" in (tmp_path / "a.html").read_text()
    assert run("step", "x", "x=1", "--colors", "pure").returncode == 2


@pytest.mark.parametrize("options", [[], ["--style", "box"]])
def test_draw(run, tmp_path, options):
    done = run("draw", "sigmoid(w * x + b)", "w=2", "x=-1", "b=0.5", "-o", "n.svg", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "n.svg\n", "")
    svg = (tmp_path / "n.svg").read_text(encoding="utf-8")
    assert ">σ<" in svg
    assert "0.18" in svg  # the gradients are in
    assert run("draw", "x", "x=1", "-o", "a.dot").returncode == 0
    assert run("draw", "x", "x=1", "-o", "a.png").returncode == 0


def test_check(run):
    done = run("check", "x * y", "x=2", "y=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "derivative  reverse  forward  differences",
        "∂f/∂x             3        3            3  ok",
        "∂f/∂y             2        2            2  ok",
        "∂²f/∂x∂x          0        0            0  ok",
        "∂²f/∂x∂y          1        1            1  ok",
        "∂²f/∂y∂x          1        1            1  ok",
        "∂²f/∂y∂y          0        0            0  ok",
    ]
    assert "at a kink: relu(0)" in run("check", "relu(x) + x", "x=0").stdout
    assert run("check", "log(x)", "x=-1").returncode == 2


def test_a_check_that_fails(monkeypatch, capsys):
    monkeypatch.setattr(ops.tanh, "partials", (lambda m, out, x: 1.0 - out,))
    assert cli.main(["check", "tanh(x) * y", "x=0.5", "y=2"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "DIFFERS" in out
    assert "the derivative of tanh(0.5) with respect to argument 1 (x) is" in out


def test_an_expression_may_begin_with_a_minus(run):
    assert "f = −x = −2" in run("step", "-x", "x=2").stdout
    assert "v₁ = −x = −2" in run("step", "--x", "x=2").stdout
    assert "f = v₁ · x = −2 · 1 = −2" in run("step", "-h*x", "h=2", "x=1").stdout
    assert "f = −o = −1" in run("step", "-o*1", "o=1", "--html", "a.html").stdout.replace("v₁", "f")


def test_numbers_may_follow_options(run, tmp_path):
    assert run("step", "x*y", "--html", "a.html", "x=1", "y=2").returncode == 0
    assert run("draw", "x*y", "x=1", "-o", "a.svg", "y=2").returncode == 0
    assert run("draw", "-o", "a.svg", "--style=box", "-x", "x=1").returncode == 0
    assert files(tmp_path) == ["a.html", "a.svg"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "x.real", "x=1"], "column 1"),
        (["step", "x + q", "x=1"], "column 5"),
        (["step", "x", "x"], "name=value"),
        (["step", "x", "x=one"], "not a number"),
        (["step", "1 / x", "x=0"], "x ≠ 0"),
        (["step", "sqrt(x)", "x=0"], "gradient through sqrt"),
        (["step", "(" * 10_000, "x=1"], "column 201"),
        (["step", "x", "x=1", "y=2", "--html", "a.html"], "does not use y"),
        (["draw", "x*", "x=1", "-o", "a.svg"], "column 3"),
        (["draw", "x", "x=1", "-o", "a.gif"], "svg, png, pdf, dot"),
    ],
)
def test_what_can_not_be_understood(run, tmp_path, arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.startswith("micrograd-plus: ")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x+" * 500_000 + "x", "column 10,001"),
        ("(" * 10_000, "column 201"),
        ("-" * 9_999 + "x", "400 levels"),
        (b"x + \xff", "column 5"),
        ("", "empty"),
    ],
)
def test_standard_input_that_can_not_be_understood(run, tmp_path, text, words):
    done = run("step", "-", "x=1", "--html", "a.html", input=text)
    assert (done.returncode, done.stdout, files(tmp_path)) == (2, "", [])
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_expression_from_standard_input(run):
    done = run("step", "-", "x=1", "y=-3", "z=4", input="d = x + y  # the sum\nf = d * z\n")
    assert "f = d · z = −2 · 4 = −8" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["tour", "--html", "missing/a.html"],
        ["step", "x", "x=1", "--html", "missing/a.html"],
        ["step", "x", "x=1", "--frames", "missing/frames"],
        ["step", "x", "x=1", "--latex", "missing/a.tex"],
        ["draw", "x", "x=1", "-o", "missing/a.svg"],
    ],
)
def test_files_that_can_not_be_written(run, tmp_path, arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "missing" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_program(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = run("draw", "x", "x=1", "-o", "a.pdf")
    assert done.returncode == 1
    assert "install Graphviz" in done.stderr


@pytest.mark.parametrize("command", ["tour", "step", "check", "draw"])
def test_help_has_an_example_that_runs(run, command):
    done = run(command, "--help")
    assert done.returncode == 0
    line = done.stdout.strip().splitlines()[-1]
    assert line.startswith(f"example: micrograd-plus {command}")
    assert run(*shlex.split(line)[2:]).returncode == 0


def test_alone_it_lists_its_commands(run):
    alone = run()
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout == run("--help").stdout
    assert all(f"\n    {name} " in alone.stdout for name in ("tour", "step", "train", "launch"))


def test_every_option_tells_its_default():
    _, commands = cli._parser()
    options = [(name, x) for name, parser in commands.items() for x in parser._actions]
    options = [(name, x) for name, x in options if x.option_strings and x.dest != "help"]
    assert len(options) > 30
    for name, option in options:
        told = "(required)" if option.required else "(default: "
        assert told in option.help, f"{name} {option.dest}"


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["draw", "x * y", "x=1", "y=2", "-o", "-"], "<?xml"),
        (["step", "x * y", "x=1", "y=2", "--latex", "-"], r"\begin{align}"),
        (["step", "x * y", "x=1", "y=2", "--html", "-"], "<!DOCTYPE html>"),
        (["step", "x * y", "x=1", "y=2", "--slides", "-"], "<!DOCTYPE html>"),
        (["quiz", "x * y", "x=1", "y=2", "--html", "-"], "<!DOCTYPE html>"),
        (["quiz", "x * y", "x=1", "y=2", "--exercise", "-"], "<?xml"),
    ],
)
def test_a_file_named_minus_is_standard_output(run, tmp_path, arguments, begins):
    """What is printed is what the file would hold, and nothing else."""
    printed = run(*arguments)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.startswith(begins)
    assert files(tmp_path) == []
    ending = {"<": ".svg", "\\": ".tex"}[begins[0]] if begins != "<!DOCTYPE html>" else ".html"
    run(*arguments[:-1], f"output{ending}")
    assert (tmp_path / f"output{ending}").read_text(encoding="utf-8") == printed.stdout


def test_all_that_draws_an_expression_has_a_number_of_digits(run):
    for command in (["draw", "-o"], ["step", "--html"], ["quiz", "--solution"]):
        name, *output = command
        drawn = run(name, "sigmoid(x)", "x=2", "--digits", "5", *output, "-")
        assert "0.10499" in drawn.stdout, name


def test_standard_output_takes_one_file(run):
    done = run("step", "x", "x=1", "--latex", "-", "--html", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--html and --latex can't both go to standard output" in done.stderr


def test_what_is_printed_and_what_people_write_is_read(run):
    for printed, typed in (
        (["x · y", "x=−1", "y=2"], ["x * y", "x=-1", "y=2"]),
        (
            ["x₁² ÷ y × 2 – 1", "x₁=1/3", "y=pi"],
            ["x1**2 / y * 2 - 1", f"x1={1 / 3}", f"y={math.pi}"],
        ),
        (["ln(x) + e − σ(x)⁻¹", "x=2"], ["log(x) + 2.718281828459045 - sigmoid(x)**(-1)", "x=2"]),
    ):
        done = run("step", *printed)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == run("step", *typed).stdout


def test_usage(run):
    assert "example" in run("--help").stdout
    assert run("--version").stdout.startswith("micrograd-plus ")
    wrong = [["tour", "x=1"], ["step", "x", "x=1", "--hmtl=a"]]
    for arguments in (["walk"], ["step"], ["draw", "x", "x=1"], *wrong):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage: micrograd-plus" in done.stderr


def test_a_reader_that_stops_reading(tmp_path):
    long = "+".join(["x"] * 390)
    with started([*COMMAND, "step", long, "x=1"]) as [process]:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_limits_can_be_raised(run):
    text = "+".join(["x"] * 8)
    assert "limit" in run("step", text, "x=1", "--html", "a.html", "--limit", "7").stderr
    assert run("step", text, "x=1", "--html", "a.html", "--limit", "8").returncode == 0
    assert run("draw", text, "x=1", "-o", "a.html", "--limit", "3").returncode == 0


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "1" * 5000])
@pytest.mark.parametrize("command", [["step"], ["quiz"], ["draw", "-o", "a.svg"]])
def test_limits_that_make_no_sense(run, tmp_path, command, limit):
    done = run(*command, "x", "x=1", "--limit", limit)
    assert (done.returncode, done.stdout, files(tmp_path)) == (2, "", [])
    assert "argument --limit: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "--html", "a", "--latex", "./a"], "a is for --latex and for --html"),
        (["step", "--html", "new", "--frames", "new"], "new is for --frames and for --html"),
        (["step", "--html", "link", "--latex", "a"], "a is for --latex and for --html"),
        (["quiz", "--html", "a", "--solution", "link"], "link.svg is for"),
        (["quiz", "--exercise", "b", "--solution", "b.svg"], "b.svg is for --solution and for"),
        (["quiz", "--exercise", "b.html", "--solution", "c/../b.html"], "is for --solution and"),
    ],
)
def test_two_outputs_of_one_name(run, tmp_path, arguments, words):
    (tmp_path / "a").write_bytes(b"before")
    (tmp_path / "c").mkdir()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "link.svg").symlink_to("a")
    before = files(tmp_path)
    done = run(*arguments, "x * 2", "x=1")
    assert (done.returncode, done.stdout, files(tmp_path)) == (2, "", before)
    assert words in done.stderr
    assert done.stderr.endswith(": each needs its own\n")
    assert (tmp_path / "a").read_bytes() == b"before"


def test_all_places_are_tried_before_one_is_written(run, tmp_path):
    (tmp_path / "file").touch()
    page = ["--html", "a.html"]
    for wrong in (["--frames", "missing/new"], ["--frames", "file"], ["--latex", "missing/a.tex"]):
        done = run("step", "x * 2", "x=1", *page, *wrong)
        assert (done.returncode, done.stdout, files(tmp_path)) == (1, "", ["file"])
        assert wrong[1] in done.stderr
    done = run("quiz", "x * 2", "x=1", *page, "--solution", "missing/a.svg")
    assert (done.returncode, done.stdout, files(tmp_path)) == (1, "", ["file"])


def test_a_file_that_is_printed_into(tmp_path):
    """As in `step … --latex out > out`."""
    path = tmp_path / "out"
    with path.open("wb") as out:
        done = subprocess.run(
            [*COMMAND, "step", "x", "x=1", "--latex", path], stdout=out, stderr=subprocess.PIPE
        )
    assert done.returncode == 2
    assert b"out is for --latex and for standard output: each needs its own" in done.stderr
    assert path.read_bytes() == b""


def after(code, command):
    """A command whose process first runs a line of Python.

    As a function between fork and exec it would be one of this process, where JAX bears no fork.
    """
    code = f"import os, resource, signal, sys; {code}; os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", code, *command]


def within(command, **options):
    """A program that has the time of this test and a GB of memory."""
    pytest.importorskip("resource", reason="this system limits no memory")
    return subprocess.run(
        after("resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))", [*COMMAND, *command]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


@slow
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_input_without_end():
    with Path("/dev/zero").open() as zero:
        done = within(["step", "-", "x=1"], stdin=zero)
    assert (done.returncode, done.stdout) == (2, "")
    assert "at column 10,001: standard input goes on; at most 10,000 characters" in done.stderr
    with Path("/dev/zero").open() as zero:
        done = within(["quiz", "x * 2", "x=1"], stdin=zero)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 of 2 right" in done.stdout
    with started(["yes"]) as [endless]:
        done = within(["quiz", "x * 2", "x=1"], stdin=endless.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 of 2 right" in done.stdout


def test_input_and_closed_streams_inside_this_process(monkeypatch, capsys):
    for text, code in (("x * 2", 0), ("x" * 10_001, 2)):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(text))
            assert cli.main(["step", "-", "x=1"]) == code
    assert capsys.readouterr().out.startswith(" 1  given     x = 1\n")
    with monkeypatch.context() as patch:
        for name in ("stdin", "stderr"):
            patch.setattr(sys, name, None)
        assert cli.main(["step", "-", "x=1"]) == 2
        sys.stdin.close()
        sys.stderr.close()
    assert capsys.readouterr() == ("", "")


def test_as_much_input_as_is_read(run):
    text = "x" + " " * 9_999
    assert run("step", "-", "x=1", input=text).returncode == 0
    assert run("step", "-", "x=1", input=text + " ").returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudoterminals")
def test_the_tour_waits_for_enter_on_a_terminal(tmp_path):
    import pty

    ours, theirs = pty.openpty()
    options = {"stdin": theirs, "stdout": theirs, "cwd": tmp_path}
    with started([*COMMAND, "tour"], env={**os.environ, "COLUMNS": "50"}, **options) as [tour]:
        os.close(theirs)
        shown = ""
        for sentence in ("x = 1, y = −3, z = 4", "d = x + y = 1 + (−3) = −2", "f = d · z"):
            while sentence not in shown:
                shown += os.read(ours, 1000).decode()
            assert not re.search(sentence + r".*\n *\d", shown)  # no step after it
            os.write(ours, b"\n")
        while "∂f/∂f = 1" not in shown:
            shown += os.read(ours, 1000).decode()
        os.write(ours, b"\x04")  # Ctrl-D
        assert tour.wait() == 0
    os.close(ours)
    assert "∂f/∂d" not in shown


def test_too_little_memory(monkeypatch, capsys):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(expressions, "step_through", fail)
    assert cli.main(["step", "x", "x=1"]) == 1
    assert capsys.readouterr() == ("", "micrograd-plus: there is not enough memory for this\n")


def test_a_mark_at_the_beginning_of_input(run):
    marked = "\ufeffx * 2\n"
    assert run("step", "-", "x=3", input=marked).stdout == run("step", "x*2", "x=3").stdout
    answers = run("quiz", "x * 2", "x=3", input="\ufeff1\n2\n")
    assert answers.stdout.endswith("2 of 2 right, 2 of them at the first try\n")


CLOSED = {
    "step": ["step", "x * 2", "x=3", "--html", "a.html", "--latex", "a.tex"],
    "draw": ["draw", "x * 2", "x=3", "-o", "a.svg"],
    "quiz": ["quiz", "x * 2", "x=3"],
    "check": ["check", "x * 2", "x=3"],
    "train": ["train", "xor", "--epochs", "1", "--points", "9", "--history", "a.csv"],
    "wrong": ["step", "x *", "x=3", "--html", "a.html"],
    "usage": ["step"],
}


@pytest.mark.skipif(os.name == "nt", reason="there are shells with <&-")
@pytest.mark.parametrize("streams", [(0, 1), (0, 2)], ids=str)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[slow] * (name != "step")) for name in CLOSED]
)
def test_closed_streams(tmp_path, name, streams):
    """As with <&-, >&- and 2>&-: files and what is printed elsewhere are the same."""
    close = f"import os, sys; [os.close(i) for i in {streams}]; os.execv(sys.argv[1], sys.argv[1:])"
    found = []
    for before in ([], [sys.executable, "-c", close]):
        folder = tmp_path / str(len(before))
        folder.mkdir()
        done = subprocess.run(
            [*before, *COMMAND, *CLOSED[name]], stdin=subprocess.DEVNULL, capture_output=True,
            cwd=folder, check=False,
        )  # fmt: skip
        printed = [
            b"" if i in streams else text for i, text in ((1, done.stdout), (2, done.stderr))
        ]
        printed = [re.sub(rb"in [\d.]+ s", b"", text) for text in printed]
        contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        found.append((done.returncode, printed, contents))
    assert found[0] == found[1]


def test_no_expression_from_a_closed_standard_input(tmp_path):
    command = after("os.close(0)", [*COMMAND, "step", "-", "x=1"])
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"micrograd-plus: the expression is empty")


def test_an_old_terminal():
    command = [*COMMAND, "step", "x * x", "x=2"]
    with started(command, env={"PYTHONIOENCODING": "ascii"}) as [process]:
        code, printed, _ = ended(process)
    assert code == 0
    assert "f = x * x = 2 * 2 = 4" in printed


def test_an_interrupt(monkeypatch):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(expressions, "_tour", interrupt)
    assert cli.main(["tour"]) == 130


STARTED = f"""
import os, signal, sys
import runpy
main = runpy.run_path({_command.__file__!r})["main"]
real = signal.signal
def told(*given):
    before = real(*given)
    if given[1] is not signal.default_int_handler:
        os.write(2, b".")
        os.read(0, 1)  # until it may go on
    return before
signal.signal = told
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="no one can send a process Ctrl-C there")
def test_an_interrupt_at_any_moment(tmp_path):
    """From the command's first moment to its last; before it, Python itself has begun."""
    command = [sys.executable, "-c", STARTED, "step", "x * 2", "x=1"]
    with started(command, stdin=subprocess.DEVNULL) as [process]:
        code, whole, errors = ended(process)
    assert (code, errors) == (0, "..")
    draw = random.Random(1)
    for i in range(share(25)):
        with started(command, stdin=subprocess.PIPE) as [process]:
            assert process.stderr.read(1) == "."
            if i:
                print("..", file=process.stdin, flush=True)
                time.sleep(draw.uniform(0, 0.4))  # any will do
            process.send_signal(signal.SIGINT)
            code, printed, errors = ended(process)
        assert errors.strip(".") == ""
        assert whole.startswith(printed)
        # where Python itself is ending, the system ends it, which is code 130 for a shell
        assert code == 130 or (i and code in (0, -signal.SIGINT) and printed == whole)


@pytest.mark.skipif(os.name == "nt", reason="no one can send a process Ctrl-C there")
def test_an_interrupt_that_is_ignored_stays_so(tmp_path):
    """As for what runs in the background of a shell script."""
    command = [sys.executable, "-c", STARTED, "step", "x * 2", "x=1"]
    command = after("signal.signal(signal.SIGINT, signal.SIG_IGN)", command)
    with started(command, stdin=subprocess.PIPE) as [process]:
        assert process.stderr.read(1) == "."
        process.send_signal(signal.SIGINT)
        code, printed, errors = ended(process)
    assert (code, errors.strip(".")) == (0, "")
    assert printed.startswith(" 1  given     x = 1\n")


def test_inside_this_process_an_interrupt_is_as_before(monkeypatch, capsys):
    before = signal.getsignal(signal.SIGINT)
    try:
        monkeypatch.setattr(sys, "argv", ["micrograd-plus", "step", "x", "x=1"])
        assert _command.main() == 0
        assert capsys.readouterr().out.startswith(" 1  given")

        def interrupt(*_):
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, before)
        monkeypatch.setattr(cli, "main", interrupt)
        assert _command.main() == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_same_inside_this_process(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["tour"]) == 0
    assert cli.main(["step", "x * x", "x=2", "--html", "a.html"]) == 0
    assert cli.main(["draw", "x * x", "x=2", "-o", "a.svg"]) == 0
    assert cli.main(["draw", "x * q", "x=2", "-o", "b.svg"]) == 2
    assert cli.main(["draw", "x", "x=2", "-o", "missing/b.svg"]) == 1
    assert files(tmp_path) == ["a.html", "a.svg", "micrograd-plus-tour.html"]
    assert "'q'" in capsys.readouterr().err
