"""Pictures that are live: their numbers can be changed, their folds opened."""

import ast
import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

import nbformat

import micrograd_plus as mg
from micrograd_plus.drawing.pages import folded, player
from micrograd_plus.drawing.pages.panel import panel_of
from micrograd_plus.drawing.picture import Picture
from micrograd_plus.drawing.quiz import Quiz
from micrograd_plus.drawing.walkthrough import Walkthrough
from micrograd_plus.graph import order
from micrograd_plus.graph.places import parameters

ROOT = Path(__file__).parent.parent


@cache
def of_readme() -> dict[str, str]:
    """README's pictures of graphs, by their names."""
    drawn = run_path(str(ROOT / "examples" / "pictures" / "draw.py"))
    steps = mg.step_through(drawn["lecture_example"]())
    made = {"walk": steps, "quiz": drawn["asked"](), "network": drawn["folded"]()}
    return {name: live(picture) for name, picture in made.items()}


def guide(path: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs that are stored, but live ones for its pictures.

    Args:
        path: that of the notebook, which is run as far as it has pictures.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    while cells and not _pictures(cells[-1]):
        cells.pop()
    names: dict[str, Any] = {}
    with chdir(path.parent), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for cell in cells:
            result = _run(cell.source, names)
            for output in _pictures(cell):
                if html := live(result):
                    output.data = {"text/html": html, "text/plain": output.data["text/plain"]}
    return notebook


def live(result: Any) -> str:
    """A graph as a piece of HTML to play with, to open or to step through; "" for anything else."""
    if isinstance(result, mg.Value):
        if result.grad and not parameters(order(result)):
            return player.fragment(panel_of(result, {}))
        result = mg.draw(result)
    if isinstance(result, Picture):
        views, _ = folded.pictures(result.source, result._scene, result._draw)
        return folded.fragment(views)
    return result._repr_html_() if isinstance(result, Walkthrough | Quiz) else ""


def _pictures(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for output in cell.outputs if "image/svg+xml" in output.get("data", ())]


def _run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell, and return the value of the expression that it ends in, or None."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)  # noqa: S102  guides of this repository
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307
    return None
