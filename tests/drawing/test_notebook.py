"""What notebooks and IPython's terminal are given to show, and notebooks that run as a whole."""

import base64
import json
import subprocess
import sys

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.scene.parts import LIMIT
from tests.effort import few, slow
from tests.needs import EXAMPLES, needed
from tests.pages import brightness
from tests.processes import isolated_jupyter


def graph():
    x, y = mg.values(x=2, y=3)
    return x, x * y


def test_values_hand_a_picture_to_notebooks():
    x, f = graph()
    bundle = f._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/svg+xml"] == mg.draw(f)._repr_mimebundle_()["image/svg+xml"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == repr(f)
    assert (f.grad, x.grad) == (0.0, 0.0)
    assert repr(f) == "Value(data=6.0, grad=0.0)"
    assert x._repr_mimebundle_() == {}  # there is no graph to see


PAPER = {"light": "#ffffff", "dark": "#111111", "normal": "#ffffff"}


@pytest.mark.parametrize("reader", ["light", "dark"])
@pytest.mark.parametrize(
    "theme", few(2, ["dark", "normal", "light"])
)  # "normal" in exported pages, which name none
@pytest.mark.parametrize("background", few(1, ["white", "transparent", "#ffeedd"]))
def test_a_picture_is_as_dark_as_its_notebook(open_page, tmp_path, background, theme, reader):
    svg = mg.draw(mg.Value(2, "x"), background=background)._repr_mimebundle_()["image/svg+xml"]
    code = base64.b64encode(svg.encode()).decode()
    page = tmp_path / "page.html"
    page.write_text(
        f'<!DOCTYPE html><body style="background: {PAPER[theme]}; color-scheme: {theme}">'
        f'<img src="data:image/svg+xml;base64,{code}">',
        encoding="utf-8",
    )
    darkest, behind, brightest = brightness(open_page(page, color_scheme=reader).locator("img"))
    assert brightest - darkest > 150
    if background == "#ffeedd":
        assert behind > 220
    elif theme != "normal":
        assert (behind < 30) == (theme == "dark")


SHELLS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
import micrograd_plus as mg
from micrograd_plus.drawing.dot import layout

laid_out = []
real = layout.together
layout.together = lambda *made: laid_out.append(1) or real(*made)
kind = {"terminal": TerminalInteractiveShell, "notebook": InteractiveShell}[sys.argv[1]]
shell = kind.instance()
x, y = mg.values(x=2, y=3)
for shown in (x, x * y, mg.draw(x * y)):
    formats = shell.display_formatter.format(shown)[0]
    print(sorted(formats), formats["text/plain"][:11], len(laid_out))
if sys.argv[1] == "terminal":  # a notebook shows it by widgets
    shell.display_formatter.format(mg.play(x * y))
asked = shell.display_formatter.format(x * y, include=["image/png"])[0]
print(sorted(asked), len(laid_out))
print(sorted(shell.display_formatter.format(x * y, include=["text/plain"])[0]), len(laid_out))
"""
IMAGES = "'image/png', 'image/svg+xml', "


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (
            "terminal",
            [
                "['text/plain'] Value(data= 0",
                "['text/plain'] Value(data= 0",
                "['text/plain'] <Picture of 0",
                "<Play with x = 2.0, y = 3.0: 6.0>",
                "['image/png'] 1",
                "['text/plain'] 1",
            ],
        ),
        (
            "notebook",
            [
                "['text/plain'] Value(data= 0",
                f"[{IMAGES}'text/plain'] Value(data= 1",
                f"[{IMAGES}'text/plain'] <Picture of 2",
                "['image/png'] 3",
                "['text/plain'] 3",
            ],
        ),
    ],
)
def test_ipython_gets_text_and_pictures_where_they_are_shown(kind, lines, tmp_path):
    """A terminal shows the number, and nothing is laid out that nobody sees."""
    needed("IPython", "anywidget")
    run = subprocess.run(
        [sys.executable, "-c", SHELLS, kind],
        env=isolated_jupyter(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.splitlines() == lines, run.stderr


def test_where_no_picture_can_be_made_values_stay_text(monkeypatch):
    def no_program(format):
        raise layout.LayoutError(format)

    _, f = graph()
    with monkeypatch.context() as without:
        without.setattr(layout, "_program", no_program)
        assert f._repr_mimebundle_() == {}
        with pytest.raises(layout.LayoutError):
            mg.draw(f)._repr_mimebundle_()
    for _ in range(LIMIT):
        f = f + 1
    assert f._repr_mimebundle_() == {}


def test_a_history_hands_its_curves_to_notebooks(monkeypatch):
    needed("matplotlib")
    history = mg.History([{"loss": 2.0}, {"loss": 1.0}])
    assert history._repr_png_().startswith(b"\x89PNG")
    assert history._repr_svg_().startswith("<svg")
    assert (mg.History()._repr_png_(), mg.History()._repr_svg_()) == (None, None)
    monkeypatch.setattr("micrograd_plus.training.history.find_spec", lambda name: None)
    assert (history._repr_png_(), history._repr_svg_()) == (None, None)


NOTEBOOKS = sorted(
    str(path.relative_to(EXAMPLES))
    for path in EXAMPLES.rglob("*.ipynb")
    if path.parent.name != "guide"  # those keep their outputs, see test_guides
)


@slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_runs(name, tmp_path):
    needed("nbconvert", "nbclient", "ipykernel", "anywidget")
    notebook = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in notebook["cells"]), "save it without outputs"
    command = ["-m", "nbconvert", "--to=notebook", "--execute", "--stdout", EXAMPLES / name]
    run = subprocess.run(
        [sys.executable, *command],
        env=isolated_jupyter(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for cell in json.loads(run.stdout)["cells"]:
        if cell["cell_type"] == "code":  # an error while something shows itself stops no notebook
            kinds = {output["output_type"] for output in cell["outputs"]}
            assert kinds
            assert kinds <= {"display_data", "execute_result"}, cell["outputs"]
