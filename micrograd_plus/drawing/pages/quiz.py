"""A quiz as HTML and as pictures: with a "?" for each hidden number, or solved."""

from __future__ import annotations

import base64
import json
from html import escape
from math import nan
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.dot import labels, layout
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import lit, walked
from micrograd_plus.drawing.pages.page import INKS, image, living, resource
from micrograd_plus.walk import questions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene.parts import Scene
    from micrograd_plus.engine import Value
    from micrograd_plus.walk.questions import Question
    from micrograd_plus.walk.steps import Walk

_INK = {"data": "forward", "grad": "gradient"}


def picture(walk: Walk, asked: Sequence[Question], limit: int, solved: bool = False) -> Scene:
    """A graph with a "?" in the place of each hidden number, and no gradient if none is asked.

    Args:
        walk: the walk through it.
        asked: the questions whose numbers to hide.
        limit: the largest number of nodes to draw.
        solved: whether to fill them in.
    """
    shown = {node: walk.numbers(node) for node in walk.gates}
    if all(question.slot == "data" for question in asked):  # gradients would give values away
        shown = {node: number._replace(grad=None) for node, number in shown.items()}
    for question in () if solved else asked:
        shown[question.node] = shown[question.node]._replace(**{question.slot: nan})
    return walked(walk, limit, shown.__getitem__)


def fragment(picture: Scene, asked: Sequence[Question]) -> str:
    """A quiz as a piece of HTML, for a page or for a notebook's cell.

    The answers are encoded in its script, so that they are not read by accident.

    Args:
        picture: the picture with its question marks.
        asked: the questions, in order.
    """
    places = picture.places
    secret = json.dumps([_question(question, places) for question in asked])
    content = {
        "svg": layout.render(as_dot(picture, background="transparent"), "svg").decode(),
        "css": resource("stepper.css") + resource("quiz.css"),
        "inks": INKS,
        "questions": base64.b64encode(secret.encode()).decode(),
        "rule": {
            "answer": questions.ANSWER,
            "minus": questions.MINUS,
            "longest": questions.LONGEST,
            "close": questions.CLOSE,
        },
        "unreadable": questions.UNREADABLE,
        "score": questions.SCORE,
        "tries": questions.TRIES,
    }
    still = image(as_dot(picture), _what(asked))
    return living("mg-stepper mg-quiz", still, "quiz", content)


def sheet(source: str, asked: Sequence[Question], lines: Sequence[str]) -> str:
    """A picture and lines of text as a piece of HTML without a script, to be printed.

    Args:
        source: the picture's DOT.
        asked: the questions.
        lines: the lines below the picture.
    """
    listed = "\n".join(f"<li>{escape(visible(line))}</li>" for line in lines)
    return (
        f"<p>{image(source, _what(asked), 'svg')}</p>\n"
        f'<ol style="line-height: 2.2">\n{listed}\n</ol>'
    )


def _what(asked: Sequence[Question]) -> str:
    """A description of the picture for those who can't see it, without answers."""
    return f"A computational graph. What is {', '.join(q.asked for q in asked)}?"


def _question(question: Question, places: dict[Value, int]) -> dict[str, Any]:
    """A question as data for the script."""
    return {
        "plate": f"v{places[question.node]}",
        "ink": _INK[question.slot],
        "shown": labels.number(question.target.number),
        "asked": question.asked,
        "target": question.target,
        "mistakes": question.mistakes,
        "hint": question.hint,
        "solution": question.solution,
        "lit": sorted({part for step in question.steps for part in lit(step, places)}),
    }
