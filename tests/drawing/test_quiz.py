"""Quizzes: which answers are right, what wrong ones tell, and quizzes taken everywhere."""

import base64
import html
import io
import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value, values
from micrograd_plus.cli import main as cli
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.drawing.pages.page import bundle
from micrograd_plus.engine import apply
from micrograd_plus.graph import order
from micrograd_plus.ops.operation import Op
from micrograd_plus.parsing import from_text
from micrograd_plus.testing import graphs
from micrograd_plus.walk import questions
from micrograd_plus.walk.formula import text_number
from micrograd_plus.walk.questions import read, target
from tests.effort import examples, few, slow
from tests.graphs import SIGMOID_GATE, xyz
from tests.hostile import FEW
from tests.node import running_node


@pytest.fixture(scope="module")
def javascript():
    with running_node() as run:
        yield run


def judge(quiz, asked, answer):
    """What is said to an answer: "right", or the hint."""
    (question,) = [q for q in quiz.questions if q.asked == asked]
    verdict = question.judge(answer)
    return "right" if verdict.right else verdict.hint


# ------------------------------------------------------------------- answers as typed


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("4", 4.0, 1.0),
        (" -0.39\n", -0.39, 0.01),
        ("−2", -2.0, 1.0),
        ("–2.50", -2.5, 0.01),
        ("+.5", 0.5, 0.1),
        ("5.", 5.0, 1.0),
        ("1.5e−7", 1.5e-7, 1e-8),
        ("2E+06", 2e6, 1e6),
        ("2.2·10⁻⁵", 2.2e-5, 1e-6),
        ("−10⁹", -1e9, 1e9),
        ("1/10³", 1e-3, 0.0),
        ("1/3", 1 / 3, 0.0),
        ("−1 / 4", -0.25, 0.0),
        ("1/−4", -0.25, 0.0),
    ],
)
def test_numbers_are_read(text, number, unit):
    assert read(text) == (pytest.approx(number, rel=1e-15), pytest.approx(unit, rel=1e-15))


UNREADABLE = [
    "",
    "x",
    ".",
    "-",
    "1 2",
    "1,5",
    "0x10",
    "1_000",
    "nan",
    "inf",
    "1e999",
    "1e-1000",
    "1/0",
    "1/0.0",
    "1/2/3",
    "9⁹",
    "310⁹",
    "2·10",
    "1+1",
    "__import__('os')",
    "٣",
    "9" * 61,
    "\x1b[31m1",
    "\udcff",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="write a number such as") as error:
        read(text)
    assert str(error.value).isprintable()


ROUNDED = [
    (0.3932, ["0.39", ".39", "0.393", "0.3932", "0.39320"], ["0.4", "0.38", "0.395", "0.3933"]),
    (0.1966, ["0.2", "0.20", "0.197"], ["0.19", "0.196", "0.1967", "0"]),
    (-0.5898, ["-0.59", "−0.59", "-0.5898"], ["0.59", "-0.6", "-0.58"]),
    (4.0, ["4", "4.0", "8/2", "4.00000"], ["4.04", "5", "4.0001", "13/3"]),
    (1 / 3, ["1/3", "0.33", "2/6", "0.3333"], ["0.3", "1/3.1", "0.334"]),
    (1234.0, ["1234", "1.2e3", "1.23e3"], ["1e3", "1200", "1233", "1.3e3"]),
    (0.0, ["0", "0.00", "-0"], ["0.001", "1e-9"]),
    (1e-9, ["1e-9", "0.000000001"], ["0", "2e-9"]),
    (9.96, ["10", "9.96"], ["9.9", "11"]),
]


@pytest.mark.parametrize(("right", "accepted", "refused"), ROUNDED)
def test_rounded_answers(right, accepted, refused):
    assert [text for text in accepted if not target(right).agrees(read(text))] == []
    assert [text for text in refused if target(right).agrees(read(text))] == []


def test_what_rounding_leaves_of_zero_may_be_called_zero():
    a = Value(1, "a")
    f = a * 0.1 + a * 0.2 - a * 0.3
    assert 0 < abs(from_grad(f, a)) < 1e-15
    assert judge(mg.quiz(f), "∂f/∂a", "0") == "right"


def from_grad(f, x):
    f.backward()
    gradient = x.grad
    f.zero_grad()
    return gradient


# ------------------------------------------------------------------- the usual mistakes


def test_the_lectures_questions_in_the_lectures_order():
    quiz = mg.quiz(xyz())
    assert [q.asked for q in quiz.questions] == ["∂f/∂f", "∂f/∂z", "∂f/∂d", "∂f/∂y", "∂f/∂x"]
    answers = ["1", "-2", "4", "4", "4"]
    assert all(q.judge(a).right for q, a in zip(quiz.questions, answers, strict=True))
    assert [q.solution for q in quiz.questions][-1] == ["∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4"]


@pytest.mark.parametrize(
    ("asked", "answer", "hint"),
    [
        ("∂f/∂f", "-8", "That is the value of f, not the gradient."),
        ("∂f/∂z", "4", "Operands swapped: that is the derivative of f with respect to d, not z."),
        ("∂f/∂z", "2", "The sign is wrong: ∂f/∂z is negative, and ∂f/∂f is positive."),
        ("∂f/∂d", "-2", "Operands swapped: that is the derivative of f with respect to z, not d."),
        (
            "∂f/∂y",
            "1",
            "That is the local derivative ∂d/∂y only: multiply it by the upstream gradient ∂f/∂d.",
        ),
        ("∂f/∂y", "-3", "That is the value of y, not the gradient."),
        ("∂f/∂x", "5", "Asked is ∂f/∂x = ∂f/∂d · ∂d/∂x, where d = x + y."),
        ("∂f/∂x", "4.04", questions.CLOSE),
    ],
)
def test_mistakes_in_the_lectures_example(asked, answer, hint):
    assert judge(mg.quiz(xyz()), asked, answer) == hint


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        # 1/x: −1/1.37² = −0.5344
        ("∂f/∂v₇", "-0.53", {"0.53": "The sign is wrong"}),
        # exp: −0.5344 · e⁻¹ = −0.1966
        (
            "∂f/∂v₅",
            "-0.20",
            {
                "0.37": "the local derivative ∂v₆/∂v₅ only",
                "-0.53": "That is the upstream gradient ∂f/∂v₆ only",
                "0.53": "wrong place: ∂v₆/∂v₅ = exp(v₅) has the gate's output v₆",
            },
        ),
        # ×−1: −0.1966 · −1 = 0.1966
        ("∂f/∂v₄", "0.20", {"-0.2": "∂v₅/∂v₄ is negative, and ∂f/∂v₅ is negative"}),
        ("∂f/∂b", "0.1966", {"1": "the local derivative ∂v₄/∂b only"}),
        # ×: 0.1966 · 2 = 0.3932
        (
            "∂f/∂x₁",
            "0.3932",
            {
                "-0.1966": "swapped: that is the derivative of v₂ with respect to w₁, not x₁",
                "0.20": "the upstream gradient ∂f/∂v₂ only",
                "2": "the local derivative ∂v₂/∂x₁ only",
            },
        ),
        (
            "∂f/∂x₀",
            "-0.59",
            {"-.3932": "derivative of v₁ with respect to w₀", "-3": "derivative ∂v₁/∂x₀ only"},
        ),
        ("∂f/∂w₀", "-0.39", {"0.39": "∂v₁/∂w₀ is negative, and ∂f/∂v₁ is positive"}),
    ],
)
def test_the_sigmoid_gate_taken_apart(asked, right, wrong):
    quiz = mg.quiz(from_text(*SIGMOID_GATE))
    assert judge(quiz, asked, right) == "right"
    for answer, hint in wrong.items():
        assert hint in judge(quiz, asked, answer)


@pytest.mark.parametrize(
    ("gate", "rule", "right", "wrong"),
    [
        (mg.sigmoid, "σ(x) · (1 − σ(x))", "0.105", "-2"),  # x · (1 − x)
        (mg.tanh, "1 − tanh(x)²", "0.07065", "-3"),
        (mg.exp, "exp(x)", "7.389", "2"),
        (mg.sqrt, "1 / (2 · √x)", "0.3536", "0.25"),
    ],
)
def test_a_derivative_taken_at_the_input(gate, rule, right, wrong):
    quiz = mg.quiz(gate(Value(2, "x")))
    assert judge(quiz, "∂f/∂x", right) == "right"
    expected = f"∂f/∂x = {rule} has the gate's output f in it, not its input x."
    assert judge(quiz, "∂f/∂x", wrong) == f"Taken at the wrong place: {expected}"


def test_where_paths_meet():
    (a,) = values(a=2)
    b, c, d = a * 2, a * 3, a * 10
    b.label, c.label, d.label = "b", "c", "d"
    two, three = mg.quiz(b + c, ["a"]), mg.quiz(mg.sum([b, c, d]) * 7, ["a"])
    said = judge(two, "∂f/∂a", "3")  # the last path that was assigned
    assert said == (
        "That is what comes along one path only, the one through c: "
        "a is used 2 times, and the gradients add up (+=, not =)."
    )
    assert "the one through b" in judge(two, "∂f/∂a", "2")
    assert judge(two, "∂f/∂a", "5") == "right"
    assert "through d: a is used 3 times" in judge(three, "∂f/∂a", "70")
    assert "The path through d is missing" in judge(three, "∂f/∂a", "35")
    assert "The path through c is missing" in judge(three, "∂f/∂a", "84")
    # all local derivatives without the 7 from above, and only that along d
    assert judge(three, "∂f/∂a", "15").endswith("Likewise on the other paths.")
    assert judge(three, "∂f/∂a", "45").startswith("On the path through d: That is the local")
    assert judge(three, "∂f/∂a", "105") == "right"
    assert two.questions[0].solution[0] == "∂f/∂a through c = ∂f/∂c · ∂c/∂a = 1 · 3 = 3"
    power = mg.quiz(3 * a**a, ["a"])
    assert "one path only, the one through v₁ from a (first operand): a is" in judge(
        power, "∂f/∂a", "12"
    )
    assert "one path only, the one through v₁ from a (second operand)" in judge(
        power, "∂f/∂a", "8.318"
    )
    assert "∂f/∂v₁ · ∂v₁/∂a (second operand) + ∂f/∂v₁ · ∂v₁/∂a (first operand)" in judge(
        power, "∂f/∂a", "77"
    )
    assert judge(power, "∂f/∂a", "20.32") == "right"
    square = mg.quiz(a * a)
    assert "one path only" in judge(square, "∂f/∂a", "2")
    assert judge(square, "∂f/∂a", "4") == "right"


def test_the_sign_of_a_difference():
    x, y = values(x=2, y=5)
    quiz = mg.quiz((x - y) * 3)
    assert judge(quiz, "∂f/∂y", "3").startswith("The sign is wrong: ∂v₁/∂y is negative")
    assert judge(quiz, "∂f/∂y", "-1").startswith("That is the local derivative ∂v₁/∂y only")


def test_mistakes_in_values():
    quiz = mg.quiz(from_text("d = x - y; f = d * 3", {"x": 5, "y": 2}), "values")
    assert [q.asked for q in quiz.questions] == ["d", "f"]
    assert judge(quiz, "d", "3") == "right"
    assert judge(quiz, "d", "-3") == "The sign is wrong."
    assert judge(quiz, "d", "5") == "That is x: it has yet to go through the gate −."
    assert judge(quiz, "f", "3") == "That is d: it has yet to go through the gate ×3."
    assert judge(quiz, "f", "7") == "Asked is f = d · 3."
    power = mg.quiz(Value(2, "x") ** Value(3, "n"), "values")
    assert judge(power, "f", "9") == "Operands swapped: that is n^x."
    assert judge(mg.quiz(0 / Value(2, "x"), "values"), "f", "0") == "right"  # not 2 / 0


def test_a_mistake_that_gives_the_right_number_is_none():
    x, y = values(x=3, y=3)
    hints = [mistake.hint for q in mg.quiz(x * y).questions for mistake in q.mistakes]
    assert not [hint for hint in hints if "swapped" in hint or "value of x" in hint]


def test_operations_of_ones_own_may_have_a_bad_derivative_for_a_constant():
    bad = lambda m, out, x, y: 1.0 / y  # noqa: E731  no number at y = 0, where nobody needs it
    own = Op(
        "own",
        value=lambda m, x, y: x + y,
        partials=(lambda m, out, x, y: 1.0, bad),
        about="x + y",
        example=((1.0, 2.0), 3.0),
    )
    quiz = mg.quiz(apply(own, Value(2, "x"), 0.0))
    assert judge(quiz, "∂f/∂x", "1") == "right"
    assert judge(quiz, "∂f/∂x", "-1").startswith("The sign is wrong")


def test_operations_on_many_operands_know_few_mistakes():
    w, x = (
        [Value(start + i, f"{name}_{i}") for i in range(300)]
        for name, start in (("w", 1), ("x", 0.5))
    )
    quiz = mg.quiz(mg.dot(w, x) * 2)
    assert len(quiz.questions) == 602
    assert judge(quiz, "∂f/∂w₁₀", "21") == "right"
    assert max(len(q.mistakes) for q in quiz.questions) < 10


@examples(60)
@given(graphs())
def test_right_answers_score_full_marks_and_no_mistake_is_accepted(graph):
    root, _ = graph
    for hide in ("gradients", "all"):
        quiz = mg.quiz(root, hide)
        root.zero_grad()
        root.backward()
        for write in (repr, number, text_number):
            answers = (
                write(q.node.grad if q.slot == "grad" else q.node.data) for q in quiz.questions
            )
            score = quiz.run(lambda _, answers=answers: next(answers), io.StringIO())
            assert score == (len(quiz.questions),) * 3
        for q in quiz.questions:
            assert not any(q.judge(repr(mistake.target.number)).right for mistake in q.mistakes)
            for mistake in q.mistakes:
                assert q.judge(repr(mistake.target.number)).hint == mistake.hint


# ------------------------------------------------------------------- what is hidden


def test_what_to_hide():
    x, y = values(x=1, y=2)
    h = x * y
    h.label = "h"
    f = h + x

    def asked(hide):
        return [q.asked for q in mg.quiz(f, hide).questions]

    gradients = ["∂f/∂f", "∂f/∂h", "∂f/∂y", "∂f/∂x"]
    assert asked("gradients") == gradients
    assert asked("values") == ["h", "f"]
    assert asked("all") == ["h", "f", *gradients]
    assert asked(["x", h]) == ["∂f/∂h", "∂f/∂x"]
    assert asked(x) == asked(["x", x]) == ["∂f/∂x"]
    assert asked(["f"]) == ["∂f/∂f"]
    assert (
        repr(mg.quiz(f, x)) == "<Quiz of 1 question: see .run(), .to_html(path), .exercise(path)>"
    )


@pytest.mark.parametrize(
    ("hide", "error", "words"),
    [
        ("grads", ValueError, "hide='grads' is none of 'gradients', 'values', 'all'"),
        (["q"], ValueError, "f does not depend on 'q'; it has x, f"),
        ([Value(3)], ValueError, "does not depend on Value"),
        ([], ValueError, "nothing to ask"),
        ([1], TypeError, "Values and names, not 1 "),
    ],
)
def test_what_can_not_be_hidden(hide, error, words):
    with pytest.raises(error, match=re.escape(words)):
        mg.quiz(Value(1, "x") * 2, hide)


def test_bad_graphs():
    with pytest.raises(TypeError, match=r"needs a Value, not 3\.0"):
        mg.quiz(3.0)
    with pytest.raises(ValueError, match="nothing to ask: no operation"):
        mg.quiz(Value(1), "values")
    with pytest.raises(mg.NonFiniteError, match="gradient through sqrt"):
        mg.quiz(mg.sqrt(Value(0, "x")))
    with pytest.raises(ValueError, match="limit=5"):
        mg.quiz(xyz(), limit=2).to_html("never.html")
    assert len(mg.quiz(Value(3)).questions) == 1


@given(graphs())
@examples(20)
def test_nothing_in_the_graph_is_changed(graph):
    root, leaves = graph
    root.backward()
    before = [(leaf.data, leaf.grad, leaf.label) for leaf in leaves]
    mg.quiz(root, "all").run(lambda _: "?", io.StringIO())
    assert [(leaf.data, leaf.grad, leaf.label) for leaf in leaves] == before


# ------------------------------------------------------------------- on the terminal

TALK = """\
Type each number; ? shows it, Ctrl-D ends.
x = 1, y = −3, z = 4
d = x + y = 1 + (−3) = −2
f = d · z = −2 · 4 = −8
∂f/∂f = 1
  Right: ∂f/∂f = 1
∂f/∂z = 4
  Not yet. Operands swapped: that is the derivative of f with respect to d, not z.
∂f/∂z = -2
  Right: ∂f/∂z = d = −2
∂f/∂d = four
  'four' is not a number: write a number such as 0.39, −2, 1/3 or 2.5e−7
∂f/∂d = 4
  Right: ∂f/∂d = z = 4
∂f/∂y = 1
  Not yet. That is the local derivative ∂d/∂y only: multiply it by the upstream gradient ∂f/∂d.
∂f/∂y = 2
  Not right; the answer is: ∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4
∂f/∂x = ?
  The answer is: ∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4
3 of 5 right, 2 of them at the first try
"""


def run(*arguments, answers="", **environment):
    return subprocess.run(
        [sys.executable, "-m", "micrograd_plus", "quiz", *arguments],
        input=answers.encode(),
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        check=False,
        timeout=60,
    )


EXPRESSION = ["d = x + y; f = d * z", "x=1", "y=-3", "z=4"]


def test_a_whole_run_as_a_program():
    done = run(*EXPRESSION, answers="1\n4\n-2\nfour\n4\n1\n2\n?\n")
    assert (done.stdout.decode(), done.stderr, done.returncode) == (TALK, b"", 0)


def test_the_end_of_the_input_ends_the_quiz():
    done = run(*EXPRESSION, answers="1\r\n")
    assert done.stdout.decode().endswith("∂f/∂z = \n1 of 5 right, 1 of them at the first try\n")
    assert (done.stderr, done.returncode) == (b"", 0)


def test_what_the_command_refuses():
    for arguments, words in (
        (["-", "x=1"], "standard input is for the answers"),
        ([*EXPRESSION, "--hide", "x,q"], "does not depend on 'q'"),
        (["x", "x=1", "--hide=values"], "nothing to ask"),
    ):
        done = run(*arguments, answers="x * 1")
        assert (done.returncode, done.stdout) == (2, b"")
        assert words in done.stderr.decode()


def test_the_command_hides_what_is_named(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("4\n\udcff\n4\n"))
    assert cli.main(["quiz", *EXPRESSION, "--hide", "d, x"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("2 of 2 right, 2 of them at the first try\n")
    assert "∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4\n" in out
    assert "'�' is not a number" in out


def test_the_command_writes_instead_of_asking(tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("a.html", "b.svg", "c.png")]
    options = [
        f"{o}={p}" for o, p in zip(["--html", "--exercise", "--solution"], paths, strict=True)
    ]
    assert cli.main(["quiz", *options, "-x * y", "x=1", "y=2"]) == 0
    assert capsys.readouterr().out.splitlines() == paths
    assert sorted(str(path) for path in tmp_path.iterdir()) == paths
    missing = str(tmp_path / "missing" / "a.svg")
    assert cli.main(["quiz", "x * y", "x=1", "y=2", "--exercise", missing]) == 1
    assert cli.main(["quiz", "x * y", "x=1", "y=2", "--solution", "a.gif"]) == 2
    help_text = run("--help").stdout.decode()
    assert help_text.strip().splitlines()[-1].startswith("example: micrograd-plus quiz ")


def test_an_interrupt_ends_with_the_score():
    answers = iter(["1"])

    def ask(prompt):
        try:
            return next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None

    file = io.StringIO()
    score = mg.quiz(xyz()).run(ask, file)
    assert score == (1, 1, 5)
    assert file.getvalue().endswith("\n1 of 5 right, 1 of them at the first try\n")


def test_a_hidden_number_is_not_told_before_it_is_asked():
    fan_out = mg.quiz(from_text("b = 2 * a; c = 3 * a; b + c", {"a": 2}))
    others = [mg.quiz(xyz(), hide) for hide in ("gradients", "values", "all", ["y"])]
    for quiz in (fan_out, *others):
        seen = io.StringIO()
        solutions = iter([line for q in quiz.questions for line in q.solution])

        def ask(prompt, seen=seen, solutions=solutions):
            assert next(solutions) not in seen.getvalue()
            return "?"

        assert quiz.run(ask, seen).right == 0
    assert "∂f/∂x" not in seen.getvalue()  # nothing is told after the last question


def test_labels_are_not_markup():
    file = io.StringIO()
    mg.quiz(Value(2, "[red]x[/]:smile:\x1b[31m") * 1).run(lambda _: "7", file)
    assert "∂f/∂[red]x[/]:smile:␛[31m" in file.getvalue()
    assert "\x1b" not in file.getvalue()


# ------------------------------------------------------------------- in a page


def field(root):
    return root.get_by_role("textbox")


def answer(root, *texts):
    for text in texts:
        field(root).fill(text)
        field(root).press("Enter")


def reply(root):
    return root.get_by_role("status").inner_text()


def numbers(root, ink="gradient"):
    return root.locator(f'svg [data-ink="{ink}"]').all_text_contents()


def test_a_page_is_answered_with_the_keyboard(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).to_html(tmp_path / "a.html"))
    root = page.locator(".mg-quiz")
    assert numbers(root) == ["?"] * 5
    assert sorted(numbers(root, "forward")) == ["1.00", "4.00", "−2.00", "−3.00", "−8.00"]
    swapped, local = (judge(mg.quiz(xyz()), *wrong) for wrong in (("∂f/∂z", "4"), ("∂f/∂y", "1")))
    for typed, said, wrong, asked, known in (
        ("1", "Right: ∂f/∂f = 1", None, 2, 1),
        ("4", f"Not yet. {swapped}", "true", 2, 1),
        ("−2", "Right: ∂f/∂z = d = −2", None, 3, 2),
        ("four", f"That is not a number: {questions.UNREADABLE}.", "true", 3, 2),
        ("4", "Right: ∂f/∂d = z = 4", None, 4, 3),
        ("1", f"Not yet. {local}", "true", 4, 3),
        ("2", "Not right; the answer is: ∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4", None, 5, 4),
    ):
        page.keyboard.press("Control+a")  # the keyboard is there at once
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        assert reply(root) == said
        assert field(root).get_attribute("aria-invalid") == wrong
        assert root.locator(".mg-count").inner_text() == f"{asked} / 5"
        assert numbers(root).count("?") == 5 - known
    assert sorted(numbers(root)) == ["1.00", "4.00", "4.00", "?", "−2.00"]
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on "Show the answer"
    assert reply(root) == (
        "The answer is: ∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4\n3 of 5 right, 2 of them at the first try"
    )
    assert sorted(numbers(root)) == sorted(["1.00", "4.00", "4.00", "4.00", "−2.00"])
    assert root.locator("li").all_inner_texts() == [
        line for q in mg.quiz(xyz()).questions for line in q.solution
    ]
    assert "∂f/∂z = d = −2." in root.get_by_role("img").get_attribute("aria-label")
    page.keyboard.press("Enter")  # on "Start again", which has got the focus
    assert numbers(root) == ["?"] * 5
    assert root.locator("li").count() == 0
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    assert reply(root) == "Right: ∂f/∂f = 1"


def test_what_a_screen_reader_finds(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).to_html(tmp_path / "a.html"))
    page.get_by_role("img", name="A computational graph. What is ∂f/∂f, ∂f/∂z").wait_for()
    page.get_by_role("textbox", name="∂f/∂f =").fill("1")
    page.get_by_role("button", name="Check").click()
    assert page.get_by_role("textbox", name="∂f/∂z =").is_visible()
    assert "Right" in page.get_by_role("status").inner_text()
    assert not page.get_by_role("button", name="Start again").is_visible()


def test_the_asked_wire_and_its_gate_are_lit(open_page, tmp_path):
    page = open_page(mg.quiz(xyz(), ["y"]).to_html(tmp_path / "a.html"))
    lit = page.locator("svg .lit").evaluate_all(
        """all => all.map(part =>
        [...part.querySelectorAll("text")].map(text => text.textContent).join(" "))"""
    )
    assert sorted(lit) == ["", "", "+", "−3.00 ?"]
    assert page.locator("svg .mg-now").all_text_contents() == ["?"]


def test_numbers_appear_on_their_wires(open_page, tmp_path):
    quiz = mg.quiz(xyz(d="total"), "all")
    page = open_page(quiz.to_html(tmp_path / "a.html"))
    root = page.locator(".mg-quiz")
    answer(root, "−2", "−8", "1", "−2", "4", "4", "4")
    places = root.locator("svg .node").evaluate_all(
        """nodes => nodes.flatMap(node => {
            const wire = node.querySelector("polygon"), texts = node.querySelectorAll("text");
            if (texts.length < 2 || !wire) return [];
            const box = wire.getBoundingClientRect();
            return [...texts].filter(text => text.textContent.trim()).map(text => {
                const { x, width } = text.getBoundingClientRect();
                const { textContent, dataset } = text;
                return [textContent, dataset.ink, box.width, x - box.x, box.right - x - width];
            });
        })"""
    )
    assert len(places) == 11  # five wires, and a name
    for text, ink, _, left, right in places:
        assert min(left, right) > -1, text
        if ink == "gradient" or text == "−8.00":
            assert abs(left - right) < 1, text
    (name,) = [wire - right for text, ink, wire, _, right in places if ink == "name"]
    (total,) = [left for text, ink, _, left, _ in places if (text, ink) == ("−2.00", "forward")]
    assert name < total  # beside each other


@slow
def test_two_quizzes_do_not_disturb_each_other(open_page, tmp_path):
    square = mg.quiz(Value(3, "a") ** 2)
    cells = mg.quiz(xyz())._repr_html_() + square._repr_html_()
    path = tmp_path / "cell.html"
    path.write_text(f'<!DOCTYPE html><body data-jp-theme-light="false">{cells}</body>', "utf-8")
    page = open_page(path)
    first, second = page.locator(".mg-quiz").all()
    answer(first, "1")
    answer(second, "2")
    assert reply(first) == "Right: ∂f/∂f = 1"
    assert reply(second).startswith("Not yet.")
    answer(second, "1", "6")
    assert reply(second).endswith("2 of 2 right, 1 of them at the first try")
    assert first.locator(".mg-count").inner_text() == "2 / 5"
    assert numbers(first).count("?") == 4
    assert page.evaluate("[...document.querySelectorAll('[id]')].length") == 0
    assert page.evaluate("Object.keys(window).filter(key => /quiz|judge/.test(key)).length") == 0
    background = first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(17, 24, 39)"


def test_keys_stay_in_the_field(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).to_html(tmp_path / "a.html"))
    page.evaluate("document.addEventListener('keydown', () => { document.title = 'heard' })")
    page.keyboard.type("1x")
    assert page.title() == "Quiz"  # a notebook would have deleted a cell


@slow
def test_light_and_dark(open_page, tmp_path):
    path = mg.quiz(xyz()).to_html(tmp_path / "a.html")
    found = []
    for scheme in ("light", "dark"):
        page = open_page(path, color_scheme=scheme)
        answer(page, "2")
        selectors = ".mg-quiz", "svg .mg-now", "input", "button", ".mg-reply"
        styles = "e => [getComputedStyle(e).color, getComputedStyle(e).fill]"
        found.append([page.locator(s).first.evaluate(styles) for s in selectors])
    assert all(light != dark for light, dark in zip(*found, strict=True))


def test_without_scripts_the_questions_are_there(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).to_html(tmp_path / "a.html"), java_script_enabled=False)
    image = page.locator(".mg-quiz img")
    assert image.bounding_box()["width"] > 200
    assert image.get_attribute("alt").endswith("What is ∂f/∂f, ∂f/∂z, ∂f/∂d, ∂f/∂y, ∂f/∂x?")


@pytest.mark.parametrize("label", few(1, FEW), ids=range(len(FEW)))
def test_hostile_labels(open_page, tmp_path, label):
    attack = label + "</script><script>alert(2)</script><img src=x onerror=alert(3)><!--"
    x = Value(2, attack)
    quiz = mg.quiz(x * x, "all")
    page = open_page(quiz.to_html(tmp_path / "a.html", attack))
    answer(page, "4", "7")
    hint = quiz.questions[1].judge("7").hint
    assert reply(page) == "Not yet. " + " ".join(hint.split())
    assert page.evaluate("document.images.length") == 0
    for export in (quiz.exercise, quiz.solution):
        page = open_page(export(tmp_path / "sheet.html", attack))
        assert page.evaluate("document.images.length") == 1
        assert page.locator("li").count() >= 3
        assert export(tmp_path / "sheet.svg").stat().st_size > 1000


def judged():
    (a,) = values(a=2)
    return mg.sigmoid(a * 0.3) * a + mg.exp(a - 1) / 3


ELSEWHERE = [
    (from_text(*SIGMOID_GATE), "all", [[1.5, -2, 0.5, 3, -1], [-1, -1, 0, 2, 0.25]]),
    (judged(), "gradients", [[-1.5], [0.0]]),
    (mg.relu(values(x=2)[0] ** 2 - 3) * 2, "all", [[1.0], [-5.0]]),
    (mg.hypot(*values(x=3, y=4)) / Value(2, "z"), "all", [[5, -12, 0.1]]),
]


@pytest.mark.parametrize(("root", "hide", "points"), ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_the_page_judges_as_python_does_at_any_numbers(javascript, root, hide, points):
    fragment = mg.quiz(root, hide)._repr_html_()
    leaves = [node for node in order(root) if node.op is None]
    for point in [[leaf.data for leaf in leaves], *points]:
        for leaf, x in zip(leaves, point, strict=True):
            leaf.data = x
        mg.replay(root)
        asked = mg.quiz(root, hide).questions
        texts = [*UNREADABLE[:-1], *(t for _, yes, no in ROUNDED for t in (*yes, *no))]
        for question in asked:
            for aim in (question.target, *(mistake.target for mistake in question.mistakes)):
                texts += [repr(aim.number), number(aim.number), f"{aim.number:.3e}"]
                texts += [repr(aim.number + aim.coarse * k) for k in (0.99, 1.01)]
        texts = sorted({*texts})
        expected = [[verdict(question, text) for text in texts] for question in asked]
        assert {None, "right", questions.CLOSE} <= {said for row in expected for said in row}
        found, solutions = javascript(judging(fragment, texts), [point])[0]
        assert solutions == [question.solution for question in asked]
        assert found == expected


def judging(fragment, texts):
    """A function of JavaScript: what a page says to each text, and its solutions."""
    content, compute = script(fragment)
    return f"""(() => {{
        {bundle("judge.js", "local.js")}
        const content = {json.dumps(content)}, compute = {compute};
        return (given) => {{
            const {{ numbers, fill }} = computed(content, compute, given);
            const told = fill(content.told.questions);
            const asked = told.map((one) => posed(one, numbers, content.rule));
            const said = (one, text) => {{
                const found = judge(one, text, content.rule);
                return found && (found.right ? "right" : found.hint);
            }};
            return [
                asked.map((one) => {json.dumps(texts)}.map((text) => said(one, text))),
                asked.map((one) => one.solution),
            ];
        }};
    }})()"""


def verdict(question, text):
    try:
        said = question.judge(text)
    except ValueError:
        return None
    return "right" if said.right else said.hint


def script(fragment):
    """What the script of a page gets: its content, and the function that computes its numbers."""
    start = fragment.index("(root, {") + 7
    content, end = json.JSONDecoder().raw_decode(fragment[start:])
    return content, fragment[start + end + 2 :].partition("));\n})();</script>")[0]


@slow
def test_new_numbers(open_page, tmp_path):
    root = from_text(*SIGMOID_GATE)
    page = open_page(mg.quiz(root, "all").to_html(tmp_path / "a.html"))
    leaves = [node for node in order(root) if node.op is None]
    seen = set()
    for _ in range(3):
        answer(page, "1e9", "1e9")  # in the middle of it
        page.get_by_role("button", name="New numbers").click()
        assert page.locator("li").count() == 0
        shown = page.locator(".node:has(> polygon)").evaluate_all(
            """plates => Object.fromEntries(plates.map(plate =>
                [plate.dataset.part, plate.querySelector("[data-ink=forward]")?.textContent]))"""
        )
        for i, node in enumerate(order(root)):
            if node.op is None:
                node.data = float(shown[f"v{i}"].replace("−", "-"))
            else:
                assert shown[f"v{i}"] == "?"
        mg.replay(root)
        seen.add(tuple(leaf.data for leaf in leaves))
        quiz = mg.quiz(root, "all")
        assert all(x.is_integer() and 0 < abs(x) <= 6 for x in next(iter(seen)))
        first, *others = quiz.questions
        wrong = next(mistake for mistake in first.mistakes if mistake.target.number)
        answer(page, repr(wrong.target.number))
        assert reply(page) == f"Not yet. {wrong.hint}"
        for question in [first, *others]:
            answer(page, repr(question.target.number))
        assert reply(page).endswith(
            f"{len(quiz.questions)} of {len(quiz.questions)} right, "
            f"{len(quiz.questions) - 1} of them at the first try"
        )
        assert page.locator("li").all_inner_texts() == [
            line for question in quiz.questions for line in question.solution
        ]
        page.get_by_role("button", name="Start again").click()
    assert len(seen) == 3


@slow
def test_new_numbers_keep_out_of_where_there_is_no_result(open_page, tmp_path):
    x, y = values(x=1, y=0.25)
    page = open_page(mg.quiz(mg.log(x) * mg.sqrt(y), "all").to_html(tmp_path / "a.html"))
    for _ in range(20):
        page.get_by_role("button", name="New numbers").click()
        found = [float(text.replace("−", "-")) for text in numbers(page, "forward") if text != "?"]
        assert len(found) == 2
        assert min(found) > 0


def test_where_pictures_are_svg_alone_the_one_that_stands_still_is(monkeypatch):
    monkeypatch.setattr(layout, "in_browser", lambda source: "<svg></svg>")
    monkeypatch.setattr(layout, "_program", None)  # there is none to be started
    assert f"data:image/svg+xml;base64,{base64.b64encode(b'<svg></svg>').decode()}" in (
        mg.quiz(xyz())._repr_html_()
    )


# ------------------------------------------------------------------- exercises and solutions

TOLD = ["0.1966", "−0.1966", "0.3932", "−0.5898", "−0.5344", "0.20", "−0.20", "−0.53", "−0.59"]


def gate():
    return mg.quiz(from_text(*SIGMOID_GATE))


def test_a_page_holds_no_answer(tmp_path):
    text = html.unescape(gate().to_html(tmp_path / "a.html").read_text("utf-8"))
    text += re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    assert "−1000.00" in text  # where there is room for any number
    assert [told for told in TOLD if told in text] == []
    page, _ = script(gate()._repr_html_())  # which computes them
    assert [text for _, slot, text in page["told"]["shown"] if slot == "grad"] == ["?"] * 13


@pytest.mark.parametrize("ending", ["svg", "dot", "html"])
def test_an_exercise_has_no_answer_and_its_solution_all(tmp_path, ending):
    quiz = gate()
    exercise = written(quiz.exercise(tmp_path / f"exercise.{ending}"))
    solution = written(quiz.solution(tmp_path / f"solution.{ending}"))
    assert [told for told in TOLD if told in exercise] == []
    assert [told for told in TOLD if told not in solution] == []
    for question in quiz.questions:
        assert f"{question.asked} = ________" in exercise
        assert question.solution[-1] in solution
    assert exercise.count(">?<") == 13
    assert ">?<" not in solution


def written(path):
    """The text of a file, and of the picture in it."""
    text = html.unescape(path.read_text("utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    for picture in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text):
        text += html.unescape(base64.b64decode(picture).decode())
    return text


def test_exercises_as_pictures(tmp_path):
    assert mg.quiz(xyz()).exercise(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert mg.quiz(xyz()).solution(tmp_path / "a").name == "a.svg"
    with pytest.raises(ValueError, match="there is no format 'gif'"):
        mg.quiz(xyz()).solution(tmp_path / "a.gif")
    with pytest.raises(OSError, match="missing"):
        mg.quiz(xyz()).exercise(tmp_path / "missing" / "a.html")


def test_values_that_are_asked_are_not_told_by_gradients(tmp_path):
    quiz = mg.quiz(xyz(), "values")
    exercise = written(quiz.exercise(tmp_path / "a.svg"))
    assert "−2.00" not in exercise  # ∂f/∂z is d
    assert exercise.count(">?<") == 2
    assert exercise.count(">–<") == 5
    assert "−8.00" in written(quiz.solution(tmp_path / "b.svg"))


def test_an_exercise_in_a_browser(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).exercise(tmp_path / "a.html"))
    assert page.locator("li").first.inner_text() == "∂f/∂f = ________"
    assert page.locator("img").bounding_box()["width"] > 200


def test_digits_are_those_of_all_numbers(open_page, tmp_path):
    f = Value(2.0, "x") / 3
    asked = mg.quiz(f, digits=5)
    assert "f = x / 3 = 2 / 3 = 0.66667" in asked.walk[1].text
    solved = asked.solution(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert ">0.33333<" in solved
    assert ">0.66667<" in solved
    page = open_page(asked.to_html(tmp_path / "a.html"))
    assert "0.66667" in page.locator("svg text").all_text_contents()
    answer(page.locator(".mg-quiz"), "1", "0.33333")
    assert "0.33333" in page.locator("svg text").all_text_contents()
    with pytest.raises(ValueError, match="digits must be a whole number from 1 to 17, not 0"):
        mg.quiz(f, digits=0)
