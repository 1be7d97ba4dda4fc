"""A quiz as HTML and as pictures: with a "?" for each hidden number, or solved."""

from __future__ import annotations

from html import escape
from math import nan
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.dot import labels, layout
from micrograd_plus.drawing.dot.source import as_dot
from micrograd_plus.drawing.frames import lit, walked
from micrograd_plus.drawing.look import ACCESSIBLE, STAGE, Look
from micrograd_plus.drawing.pages.page import INKS, image, living, resource
from micrograd_plus.drawing.pages.panel import roomy
from micrograd_plus.walk import questions
from micrograd_plus.walk.steps import Shown, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.pages.figured import Figures
    from micrograd_plus.drawing.scene.parts import Scene
    from micrograd_plus.engine import Value
    from micrograd_plus.walk.questions import Posed, Question


def picture(walk: Walk, asked: Sequence[Question], limit: int, solved: bool = False) -> Scene:
    """A graph with a "?" in the place of each hidden number, and no gradient if none is asked.

    Args:
        walk: the walk through it.
        asked: the questions whose numbers to hide.
        limit: the largest number of nodes to draw.
        solved: whether to fill them in.
    """
    return walked(walk, limit, _shown(walk, asked, solved).__getitem__)


def _shown(walk: Walk, asked: Sequence[Question], solved: bool = False) -> dict[Value, Shown]:
    """The number and the gradient of each value, those that are hidden being nan."""
    shown = {node: walk.numbers(node) for node in walk.gates}
    if all(question.slot == "data" for question in asked):  # gradients would give values away
        shown = {node: number._replace(grad=None) for node, number in shown.items()}
    for question in () if solved else asked:
        shown[question.node] = shown[question.node]._replace(**{question.slot: nan})
    return shown


def fragment(walk: Walk, asked: Sequence[Question], limit: int, look: Look = ACCESSIBLE) -> str:
    """A quiz as a piece of HTML, for a page or for a notebook's cell.

    The answers are not in it: its script computes them, for other numbers, too.

    Args:
        walk: the walk through the graph.
        asked: the questions, in order.
        limit: the largest number of nodes to draw.
        look: how the numbers on the wires look.
    """
    from micrograd_plus.drawing.pages.figured import Figures  # the compiler is for pages only

    hidden = {(question.node, question.slot) for question in asked}
    figures = Figures()
    computed = Walk(walk.root, digits=walk.digits, arithmetic=figures)
    drawn = roomy(computed, limit=limit)
    places = drawn.places
    shown = [
        (f"v{places[node]}", slot, labels.number(number, look.digits))
        for node, numbers in _shown(computed, asked).items()
        for slot, number in numbers._asdict().items()
    ]
    stage = look._replace(points=STAGE.points)
    content = {
        "svg": layout.render(as_dot(drawn, background="transparent", look=stage), "svg").decode(),
        "css": resource("stepper.css") + resource("quiz.css"),
        "inks": INKS,
        "given": [leaf.data for leaf in walk.leaves],
        "told": {
            "shown": shown,
            "questions": [
                _question(one, figures, places, look) for one in questions.posed(computed, hidden)
            ],
        },
        "rule": {
            "answer": questions.ANSWER,
            "minus": questions.MINUS,
            "power": questions.POWER,
            "raised": questions.RAISED,
            "longest": questions.LONGEST,
            "close": questions.CLOSE,
            "most": questions.MOST,
        },
        "unreadable": questions.UNREADABLE,
        "score": questions.SCORE,
        "tries": questions.TRIES,
    }
    content |= figures.content({name: places[node] for node, name in walk.names.items()})
    still = image(as_dot(picture(walk, asked, limit), look=look), _what(asked))
    return living("mg-stepper mg-quiz", still, "quiz", content, figures.function())


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


def _question(one: Posed, figures: Figures, places: dict[Value, int], look: Look) -> dict[str, Any]:
    """A question as data for the script; numbers are positions among what its function returns."""
    number = one.steps[-1].changes[0].number
    wrong = ((figures.position(x), hint) for x, hint in one.task.wrong)
    return {
        "plate": f"v{places[one.node]}",
        "slot": one.slot,
        "shown": labels.number(number, look.digits),
        "asked": one.task.asked,
        "number": figures.position(number),
        "terms": [figures.position(x) for x in one.task.terms],
        "wrong": [*wrong],
        "hint": one.hint,
        "solution": [step.text for step in one.steps],
        "lit": sorted({part for step in one.steps for part in lit(step, places)}),
    }
