"""The guides: what they show is what a run gives, and what they say is what they show."""

import importlib
import json
import re
import sys

import pytest

from tests.effort import few
from tests.needs import EXAMPLES, needed, needs_core
from tests.processes import isolated_jupyter

FOLDER = EXAMPLES / "guide"
GUIDES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
PACKAGES = ("nbclient", "ipykernel", "PIL", "matplotlib", "hypothesis")


@pytest.fixture
def program(monkeypatch, tmp_path):
    """A program of the guides' folder, as a module; its Jupyter sees no other one's settings."""
    needed(*PACKAGES)
    monkeypatch.syspath_prepend(FOLDER)
    for name, value in isolated_jupyter(tmp_path).items():
        monkeypatch.setenv(name, value)
    yield importlib.import_module
    sys.modules.pop("rerun", None)


def cells(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def text(part):
    return "".join(part)


def shown(output, measured=False):
    """What an output says: pictures by their words and numbers, those of pixels not at all.

    What was measured is left out of printed lines; the cells that measure have a tag.
    """
    if output["output_type"] == "stream":
        printed = text(output["text"])
        return output["name"], re.sub(r"\d[\d.]*", "…", printed) if measured else printed
    data = {kind: text(content) for kind, content in output["data"].items()}
    svg = re.findall(r"<text [^>]*>([^<]*)</text>", data.get("image/svg+xml", ""))
    walk = re.findall(r'alt="([^"]*)"', data.get("text/html", ""))
    return sorted(data), data["text/plain"], sorted(svg), walk


@pytest.mark.parametrize("name", few(1, GUIDES))
def test_a_run_gives_what_is_stored(name, program):
    needed(*{"08": ["jax"], "10": ["micrograd"]}.get(name[:2], ()))
    if name.startswith("07"):
        needs_core()
    run = program("rerun").run(FOLDER / f"{name}.ipynb")
    for new, old in zip(run.cells, cells(name), strict=True):
        assert new.source == text(old["source"])  # solutions have their outputs in it
        if new.cell_type == "code":
            measured = "measured" in old["metadata"].get("tags", ())
            now, before = (
                [shown(output, measured) for output in cell["outputs"]] for cell in (new, old)
            )
            assert now == before, new.source


@pytest.mark.parametrize("name", GUIDES)
def test_the_prose_quotes_no_figure_that_is_not_computed(name):
    prose, computed = [], []
    for cell in cells(name):
        source = text(cell["source"])
        if cell["cell_type"] == "code":
            computed += [source, *(str(shown(output)) for output in cell["outputs"])]
        else:
            computed += re.findall(r"```text\n(.*?)```", source, re.DOTALL)
            prose.append(re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.DOTALL))
    for figure in re.findall(r"\d+\.\d{2,}", " ".join(prose)):
        assert figure in " ".join(computed)


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_says_what_it_teaches_ends_in_exercises_and_is_light(name):
    first, *between, last = cells(name)
    opening, closing = text(first["source"]), text(last["source"])
    assert opening.startswith(f"# {int(name[:2])} · ")
    assert "At the end of this guide you know\n\n- " in opening
    exercises, _, solutions = closing.partition("<details><summary>Solutions</summary>\n\n")
    assert exercises.startswith("## Exercises\n\n1. ")
    for part in (exercises, solutions):
        assert re.findall(r"^(\d)\. ", part, re.MULTILINE) == ["1", "2", "3"]
    assert solutions.endswith("</details>")
    assert 10 <= len(between) + 2 <= 25
    for cell in between:
        for output in cell.get("outputs", ()):
            assert output["output_type"] in ("stream", "execute_result", "display_data")
            assert output.get("name") != "stderr"
            for content in output.get("data", {}).values():
                assert len(text(content)) < 120_000
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 600_000


def test_each_question_has_an_answer_that_runs():
    """Code stands between the question and the next heading; the test above runs it."""
    code = "(a cell of code)"
    whole = "\n".join(
        code if cell["cell_type"] == "code" else text(cell["source"])
        for cell in cells("13_questions")
    )
    asked = re.findall(r"^## (.*\?)\n((?:(?!## ).*\n)*)", whole, re.MULTILINE)
    assert len(asked) >= 9
    for question, answer in asked:
        assert code in answer, question
