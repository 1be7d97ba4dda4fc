"""A quiz on a terminal: the walkthrough, with a question wherever a number is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from micrograd_plus.walk.questions import TRIES, Score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

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
    from rich.console import Console  # loaded only for printing

    console = Console(
        file=file, soft_wrap=True, markup=False, highlight=False, emoji=False, force_jupyter=False
    )
    at = {id(question.steps[-1]): question for question in asked}
    silent = {id(step) for question in asked for step in question.steps}
    tries: list[int] = []  # the number of tries for each right answer
    console.print(f"Type each number; {_GIVE_UP} shows it, Ctrl-D ends.", style="dim")
    try:
        for step in steps:
            if id(step) in at:
                tries += _ask(at[id(step)], ask or input, console)
            elif id(step) not in silent:
                console.print(step.text)
            if step is asked[-1].steps[-1]:
                break  # later steps could give answers away
    except (EOFError, KeyboardInterrupt):
        console.print()
    score = Score(len(tries), tries.count(1), len(asked))
    console.print(str(score), style="bold")
    return score


def _ask(question: Question, ask: Callable[[str], str], console: Console) -> list[int]:
    """Ask until an answer is right, or the last one wrong; how many tries a right one took."""
    prompt, tries, unread, word = f"{question.asked} = ", 0, 0, "The answer is"
    while tries < TRIES and unread < _PATIENCE:
        text = ask(prompt)
        if text.strip() == _GIVE_UP:
            break
        try:
            verdict = question.judge(text)
        except ValueError as error:
            console.print(f"  {error}", style="yellow")
            unread += 1
            continue
        tries += 1
        if verdict.right:
            console.print(f"  Right: {question.solution[-1]}", style="green")
            return [tries]
        word = "Not right; the answer is"
        if tries < TRIES:
            console.print(f"  Not yet. {verdict.hint}", style="yellow")
    console.print(f"  {word}: {'; '.join(question.solution)}", style="red")
    return []
