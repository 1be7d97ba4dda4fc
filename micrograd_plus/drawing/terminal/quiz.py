"""A quiz on a terminal: the walkthrough, with a question wherever a number is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from micrograd_plus.drawing.terminal.lines import Lines
from micrograd_plus.walk.questions import TRIES, Score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.walk.questions import Question
    from micrograd_plus.walk.steps import Step

_GIVE_UP = "?"
_PATIENCE = 20  # unreadable answers accepted: a pipe may send them without end


def run(
    steps: Sequence[Step],
    asked: Sequence[Question],
    ask: Callable[[str], str] | None = None,
    file: TextIO | None = None,
) -> Score:
    """Ask each question at its place in the walkthrough, and print the score.

    Args:
        steps: the walkthrough.
        asked: the questions.
        ask: gets a prompt and returns an answer; raises EOFError if there are no more.
        file: where to print; standard output by default.
    """
    line = Lines(file)
    at = {id(question.steps[-1]): question for question in asked}
    silent = {id(step) for question in asked for step in question.steps}
    tries: list[int] = []  # the number of tries for each right answer
    line((f"Type each number; {_GIVE_UP} shows it, Ctrl-D ends.", "dim"))
    try:
        for step in steps:
            if id(step) in at:
                tries += _ask(at[id(step)], ask or input, line)
            elif id(step) not in silent:
                line((step.text, ""))
            if step is asked[-1].steps[-1]:
                break  # later steps could give answers away
    except (EOFError, KeyboardInterrupt):
        line()
    score = Score(len(tries), tries.count(1), len(asked))
    line((str(score), "bold"))
    return score


def _ask(question: Question, ask: Callable[[str], str], line: Lines) -> list[int]:
    """Ask until an answer is right, or the last one wrong; how many tries a right one took."""
    prompt, tries, unread, word = f"{question.asked} = ", 0, 0, "The answer is"
    while tries < TRIES and unread < _PATIENCE:
        text = ask(prompt)
        if text.strip() == _GIVE_UP:
            break
        try:
            verdict = question.judge(text)
        except ValueError as error:
            line((f"  {error}", "yellow"))
            unread += 1
            continue
        tries += 1
        if verdict.right:
            line((f"  Right: {question.solution[-1]}", "green"))
            return [tries]
        word = "Not right; the answer is"
        if tries < TRIES:
            line((f"  Not yet. {verdict.hint}", "yellow"))
    line((f"  {word}: {'; '.join(question.solution)}", "red"))
    return []
