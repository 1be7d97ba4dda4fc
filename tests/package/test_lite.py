"""The guides without an installation: what runs first in a kernel of the JupyterLite site, and how
the site says what there is; and its notebooks, run in a browser.
"""

import json
import re
import sys
from types import ModuleType, SimpleNamespace
from zipfile import ZipFile

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot import layout
from tests.effort import slow
from tests.graphs import xyz
from tests.needs import EXAMPLES, loaded, needed
from tests.pages import numbers, sentence
from tests.processes import served, until

BROWSER = EXAMPLES / "browser"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs a cell after kernel.py, in an IPython of its own: what was printed, without colours."""
    needed("IPython")
    import IPython
    from IPython.core.interactiveshell import InteractiveShell

    def load(name):
        fetched.append(name)
        if name == "scikit-learn":  # the other can't be reached
            (tmp_path / "arrays.py").write_text("number = 7")

    fetched = []
    there = {"scikit-learn": ["arrays"], "numpy": ["unreached"], "another": ["unasked"]}
    there = {name: {"imports": modules} for name, modules in there.items()}
    packages = SimpleNamespace(to_py=lambda: there)
    pyodide = SimpleNamespace(lockfile=SimpleNamespace(packages=packages), loadPackage=load)
    ffi = SimpleNamespace(can_run_sync=lambda: True, run_sync=lambda result: result)
    monkeypatch.setitem(sys.modules, "pyodide", ModuleType("pyodide"))
    monkeypatch.setitem(sys.modules, "pyodide.ffi", ffi)
    monkeypatch.setitem(sys.modules, "pyodide_js", pyodide)
    monkeypatch.setitem(sys.modules, "viz", SimpleNamespace(svg=str.upper))
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.setattr(layout, "in_browser", None)
    monkeypatch.syspath_prepend(tmp_path)
    shell = InteractiveShell(colors="nocolor")
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    loaded(BROWSER / "kernel.py")

    def run(cell):
        shell.run_cell(cell)
        told = capsys.readouterr()
        return told.out + told.err

    run.fetched = fetched
    return run


def test_what_is_missing_is_told_in_one_line_and_so_is_what_would_have_come_of_it(run):
    told = "Left out: this needs not_there, which this browser neither has nor could fetch.\n"
    assert run("import not_there\nmodel = not_there.model\ndef f(): pass") == told
    assert run("better = model + 1") == told
    assert run("print(better)") == told
    assert run("print(f)") == told
    assert run("model = 5\nprint(model)") == "5\n"
    assert "\nNameError: name 'unknown' is not defined" in run("unknown")
    assert "\nZeroDivisionError" in run("1 / 0")


def test_what_the_package_s_extras_name_is_fetched_where_it_is_imported_but_once(run):
    needs = "from micrograd_plus._tools.extras import need\n"
    assert run.fetched == []
    assert run(f"{needs}print(need('arrays', 'numpy').number)") == "7\n"
    for _ in range(2):
        assert "this needs unreached," in run(f"{needs}need('unreached', 'numpy')")
    assert "this needs unasked," in run("import unasked")
    assert run.fetched == ["scikit-learn", "numpy"]


def test_pictures_are_laid_out_in_the_page(run):
    assert run("import micrograd_plus as mg\nprint(mg.draw(mg.Value(1, 'x')).pipe('svg')[:9])") == (
        "b'DIGRAPH {'\n"
    )


@slow
def test_a_wheel_is_listed_with_what_it_needs_in_a_browser(tmp_path):
    needed("nbformat", "packaging")
    path = tmp_path / "Some_Thing-1.2-py3-none-any.whl"
    about = """\
Metadata-Version: 2.4
Name: Some_Thing
Version: 1.2
Requires-Dist: Always_There>=1
Requires-Dist: programs; sys_platform != "emscripten"
Requires-Dist: older; python_version < "3.12"
Requires-Dist: widgets[all]; extra == "jupyter"
Requires-Dist: tests; extra == "test"
"""
    with ZipFile(path, "w") as wheel:
        wheel.writestr("thing/__init__.py", "")
        wheel.writestr("one_file.py", "")
        wheel.writestr("fast.cpython-314-wasm32-emscripten.so", "")
        wheel.writestr("some_thing-1.2.dist-info/METADATA", about)
        wheel.writestr("thing/data.txt", "")
    target = {"sys_platform": "emscripten", "python_version": "3.14"}
    listed = loaded(BROWSER / "lite.py").entry(path, target, "jupyter")
    assert listed["name"] == "some-thing"
    assert listed["imports"] == ["fast", "one_file", "thing"]
    assert listed["depends"] == ["always-there", "widgets"]


def test_texts_of_the_notebooks_are_joined_and_say_what_is_different():
    needed("nbformat", "packaging")
    lite = loaded(BROWSER / "lite.py")
    guide = (EXAMPLES / "guide" / "01_your_first_graph.ipynb").read_text("utf-8")
    _, note, *cells = json.loads(lite.told(guide, {"micrograd_plus"}))["cells"]
    assert note["source"].startswith("*This notebook runs in your browser")
    printed = [out["text"] for cell in cells for out in cell.get("outputs", []) if "text" in out]
    assert len(printed) > 3
    assert all(type(text) is str for text in [*printed, *(cell["source"] for cell in cells)])


# ---------------------------------------------------------------- the site


@pytest.fixture
def notebooks(browser, published):
    """Opens a notebook of the site and runs all of it, without any network."""
    elsewhere = []

    def notebooks(name):
        page = browser.new_context(viewport={"width": 1280, "height": 4000}).new_page()
        page.set_default_timeout(240_000)  # Python starts on a busy machine
        page.context.route(lambda url: not url.startswith(address), refuse)
        page.goto(f"{address}lite/notebooks/index.html?path={name}")
        page.locator("[data-status=idle]").first.wait_for()
        for menu, entry in (("Edit", "Clear Outputs of All Cells"), ("Run", "Run All Cells")):
            page.get_by_role("menuitem", name=menu, exact=True).click()
            page.get_by_role("menuitem", name=entry, exact=True).click()
        last = page.locator(".jp-CodeCell").last
        last.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\d")).wait_for()
        return page

    def refuse(route):
        elsewhere.append(route.request.url)
        route.abort()

    notebooks.elsewhere = elsewhere
    with served(published) as address:
        yield notebooks


@slow
@pytest.mark.parametrize(
    "name", ["01_your_first_graph", "02_the_chain_rule_by_walking", "05_checking_gradients"]
)
def test_a_guide_shows_in_a_browser_what_it_shows_elsewhere(notebooks, name):
    guide = json.loads((EXAMPLES / "guide" / f"{name}.ipynb").read_text("utf-8"))
    page = notebooks(f"guide/{name}.ipynb")
    cells = [cell for cell in guide["cells"] if cell["cell_type"] == "code"]
    for cell, shown in zip(cells, page.locator(".jp-CodeCell").all(), strict=True):
        expected = [line for out in cell["outputs"] for line in out.get("text", ())]
        texts = shown.locator("[data-mime-type$=stdout]").all_inner_texts()
        assert "".join(texts).split() == "".join(expected).split()
        assert shown.locator("[data-mime-type$=stderr], [data-mime-type$=error]").count() == 0
        kinds = {kind for out in cell["outputs"] for kind in out.get("data", ())}
        image = shown.locator(".jp-OutputArea img")
        assert image.count() == ("image/svg+xml" in kinds)
        if image.count():
            assert image.evaluate("e => e.decode().then(() => e.naturalWidth)") > 200
        walk = shown.locator(".mg-stepper")
        assert walk.count() == ("text/html" in kinds)
        if walk.count():
            assert sentence(walk) == mg.step_through(xyz())[0].text
    assert notebooks.elsewhere == []
    page.context.close()


@slow
def test_a_graph_is_played_with_in_a_browser_and_goes_on_without_numpy(notebooks):
    page = notebooks("notebooks/play.ipynb")
    play = page.locator(".mg-play").first
    f = xyz(x=-1.5)
    play.get_by_role("textbox", name="x =").fill("-1.5")
    wanted = {"−1.50", f"{f.data:.2f}".replace("-", "−")}
    until(lambda: wanted <= set(numbers(play)["forward"]))
    assert sentence(play) == mg.step_through(f)[-1].text
    wrong = page.locator("[data-mime-type$=stderr], [data-mime-type$=error]").all_inner_texts()
    assert [text for text in wrong if "this needs numpy" not in text] == []
    asked = {url.rpartition("/")[2].partition("-")[0] for url in notebooks.elsewhere}
    assert "numpy" in asked
    assert "scipy" not in asked  # the package can do without it
    page.context.close()
