"""Notebooks as a reader has them: run, clicked and dragged in JupyterLab, opened again, exported.

The notebook is run once, in JupyterLab itself, and saved by it; what is opened again is a copy.
"""

import contextlib
import inspect
import json
import re
import secrets
import sys
import urllib.request

import pytest

import micrograd_plus as mg
from micrograd_plus.graph import order
from tests.effort import slow
from tests.graphs import xyz
from tests.needs import needed
from tests.pages import brightness, numbers, sentence
from tests.processes import LIMIT, free_address, isolated_jupyter, started, until

pytestmark = slow

CELLS = {
    "setting": """
        import micrograd_plus as mg
        from micrograd_plus import datasets, nn, optim
        x, y, z = mg.values(x=1, y=-3, z=4)
        d = x + y
        d.label = "d"
        f = d * z
        f.label = "f"
        f.backward()
        model = nn.MLP(2, [2, 1], seed=1)
        loss = nn.binary_cross_entropy_with_logits
        history = mg.fit(model, datasets.moons(20), loss, optim.Adam(), epochs=3, progress=False)
        long = x
        for _ in range(1000):
            long = long + 1
    """,
    "value": "f",
    "long": "long",
    "list": "[f]",
    "history": "history",
    "figure": "history.plot()",
    "steps": "mg.step_through(f)",
    "again": "mg.step_through(f)",
    "play": "mg.play(f)",
    "log": 'mg.play("log(x) * y", x=1, y=(-2, 4, 0.5))',
    "branch": "mg.play(lambda x: mg.tanh(x) if x > 0 else 0.0, x=1)",
}
NAMES = list(CELLS)
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
ASKED_TO_RUN = "To change the numbers, run the cell."
BORDER = "e => getComputedStyle(e).borderColor"
RED = """() => getComputedStyle(document.querySelector(".mg-stepper [data-ink=gradient]")).fill"""


class Lab:
    """A JupyterLab of its own, with its own settings, in an empty folder."""

    def __init__(self, folder, browser):
        self.folder, self.browser = folder, browser
        self.place, self.token = free_address(), secrets.token_hex()
        for plugin, content in SETTINGS.items():
            self.set(plugin, content)
        (folder / "root").mkdir()
        options = {
            "ServerApp.port": self.place.rpartition(":")[2],
            "ServerApp.root_dir": folder / "root",
            "IdentityProvider.token": self.token,
            "LabApp.extension_manager": "readonly",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        without = ["--no-browser", "--allow-root"]
        self.command = [sys.executable, "-m", "jupyterlab", *without, *arguments]

    def answers(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.place}/api"):
            return True

    def set(self, plugin, content):
        path = self.folder / f"LAB_SETTINGS/@jupyterlab/{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def open(self, name):
        """A notebook in a new window, its kernel ready."""
        page = self.browser.new_context(viewport={"width": 1300, "height": 4000}).new_page()
        page.set_default_timeout(LIMIT * 1000)
        page.goto(f"http://{self.place}/lab/tree/{name}?reset&token={self.token}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        return page


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    needed("jupyterlab", "anywidget", "nbconvert", "nbclient")
    folder = tmp_path_factory.mktemp("lab")
    lab, env = Lab(folder, browser), isolated_jupyter(folder)
    with (
        (folder / "log").open("wb") as log,
        started(lab.command, env=env, stdout=log, stderr=log, limit=3600) as [server],
    ):
        until(lab.answers, server)
        yield lab


@pytest.fixture(scope="module")
def live(lab):
    """The notebook, run in JupyterLab and saved."""
    import nbformat

    cells = [
        nbformat.v4.new_code_cell(inspect.cleandoc(source), id=name)
        for name, source in CELLS.items()
    ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = lab.folder / "root" / "live.ipynb"
    nbformat.write(notebook, path)
    page = lab.open("live.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    wrong = page.locator("[data-mime-type*=stderr]")
    page.locator(".jp-Cell").last.locator(".mg-play").or_(wrong).first.wait_for()
    assert wrong.all_inner_texts() == []
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def saved(live, lab):
    """The text of the saved notebook."""
    return (lab.folder / "root" / "live.ipynb").read_text(encoding="utf-8")


@pytest.fixture
def opened(lab, saved):
    """Opens a copy of the saved notebook: the same text, or another that JupyterLab can't trust."""
    pages = []

    def opened(name, change=lambda text: text):
        (lab.folder / "root" / name).write_text(change(saved), encoding="utf-8")
        pages.append(lab.open(name))
        return pages[-1]

    yield opened
    for page in pages:
        page.context.close()


def output(page, name):
    return page.locator(".jp-Cell").nth(NAMES.index(name)).locator(".jp-Cell-outputWrapper")


def walk(x):
    """The walk that the picture should show, and its numbers, as Python has them."""
    f = xyz(x=x)
    f.backward()
    nodes = order(f)
    written = [
        [f"{n:.2f}".replace("-", "−") for n in numbers]
        for numbers in zip(*((node.data, node.grad) for node in nodes), strict=True)
    ]
    return mg.step_through(f), dict(zip(("forward", "gradient"), map(sorted, written), strict=True))


def picture_is_there(image):
    assert image.evaluate("e => e.decode().then(() => e.naturalWidth)") > 200
    assert image.evaluate("e => e.clientWidth - e.parentElement.clientWidth") <= 0  # it fits


@pytest.mark.parametrize("name", ["value", "history", "figure"])
def test_what_a_cell_ends_in_shows_its_picture(live, name):
    shown = output(live, name)
    picture_is_there(shown.locator("img"))
    assert shown.inner_text().strip() in ("", f"[{NAMES.index(name) + 1}]:")


def test_long_graphs_and_lists_of_values_stay_text(live):
    assert output(live, "long").locator("pre").inner_text() == "Value(data=1001.0, grad=0.0)"
    text = "[Value(data=-8.0, grad=1.0, label='f')]"
    assert output(live, "list").locator("pre").inner_text() == text


def test_step_buttons_step_and_two_on_a_page_are_apart(live):
    steps, _ = walk(1.0)
    first, second = (output(live, name).locator(".mg-stepper") for name in ("steps", "again"))
    forward = first.get_by_role("button", name="Step forward")
    for step in steps[:-1]:
        assert sentence(first) == step.text
        forward.click()
    assert sentence(first) == steps[-1].text
    assert sentence(second) == steps[0].text
    assert numbers(first) == walk(1.0)[1]
    assert not any(numbers(second)["gradient"])
    first.get_by_role("button", name="First step").click()


def test_dragging_a_slider_moves_the_picture_and_the_sentence(live):
    root = output(live, "play").locator(".mg-play")
    slider = root.get_by_role("slider", name="x", exact=True)
    field = root.get_by_role("textbox", name="x =")
    before = root.locator("svg").element_handle()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    live.mouse.move(box["x"] + box["width"] * 0.75, middle)
    live.mouse.down()
    for part in range(75, 20, -5):
        live.mouse.move(box["x"] + box["width"] * part / 100, middle)
    live.mouse.up()
    x = float(field.input_value())
    assert -2 <= x < 0
    steps, expected = walk(x)
    root.locator(".mg-sentence").filter(has_text=steps[-1].text).wait_for()
    until(lambda: numbers(root) == expected)
    assert before.evaluate("e => e.isConnected")  # the layout stood still
    root.get_by_role("button", name="First step").click()
    assert sentence(root) == steps[0].text
    field.fill("−1.5")
    root.locator(".mg-sentence").filter(has_text="x = −1.5, y = −3, z = 4").wait_for()
    assert not any(numbers(root)["gradient"])  # still at that step
    root.get_by_role("button", name="Last step").click()
    assert numbers(root) == walk(-1.5)[1]


def test_dragging_a_number_on_its_wire(live):
    root = output(live, "play").locator(".mg-play")
    field = root.get_by_role("textbox", name="z =")
    field.fill("4")
    place = root.locator(".mg-drag").nth(2)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    live.mouse.move(box["x"] + 9, box["y"] + 9)
    live.mouse.down()
    live.mouse.move(box["x"] - 91, box["y"] + 9, steps=4)
    live.mouse.up()
    until(lambda: field.input_value() == "-6")  # by a hundred steps of its slider
    until(lambda: "−6.00" in numbers(root)["forward"])
    field.fill("4")
    until(lambda: "−6.00" not in numbers(root)["forward"])


def test_arrow_keys_move_a_slider_and_not_the_notebook(live):
    play = output(live, "play").locator(".mg-play")
    slider = play.get_by_role("slider", name="z", exact=True)
    slider.focus()
    before = float(slider.input_value())
    for key, sign in (("ArrowDown", -1), ("ArrowUp", 1), ("ArrowRight", 1), ("ArrowLeft", -1)):
        live.keyboard.press(key)
        now = float(slider.input_value())
        assert (now - before) * sign > 0, key
        assert slider.evaluate("e => e === document.activeElement"), key
        before = now


def test_a_bad_number_is_marked_and_the_last_good_picture_stays(live):
    root = output(live, "log").locator(".mg-play")
    field = root.get_by_role("textbox", name="x =")
    other = root.get_by_role("textbox", name="y =")
    other.fill("3")
    field.fill("2")
    root.locator(".mg-sentence").filter(
        has_text="∂f/∂x = ∂f/∂v₁ · ∂v₁/∂x = ∂f/∂v₁ · (1 / x) = 3 · 0.5 = 1.5"
    ).wait_for()
    good = numbers(root)
    for text, message in (
        ("", "write a number"),
        ("two", "'two' is not a number"),
        ("1e999", "not a finite number"),
        ("-1", "log is defined for x > 0"),
        ("<img src=x onerror=alert(1)>", "'<img src=x onerror=…' is not a number"),
    ):
        field.fill(text)
        root.get_by_text(message).wait_for()
        assert field.get_attribute("aria-invalid") == "true"
        assert field.evaluate(BORDER) == live.evaluate(RED)
        assert field.evaluate(BORDER) != other.evaluate(BORDER)
        described = field.get_attribute("aria-describedby")
        assert message in live.locator(f"[id='{described}']").inner_text()
        assert numbers(root) == good
        assert other.get_attribute("aria-invalid") == "false"
    field.fill("4")
    live.wait_for_function("e => e.ariaInvalid === 'false'", arg=field.element_handle())
    assert root.locator("img").count() == 0
    until(lambda: numbers(root) != good)


def test_another_structure_is_laid_out_anew(live):
    root = output(live, "branch").locator(".mg-play")
    field = root.get_by_role("textbox", name="x =")
    for text, gates in (("-1", []), ("0.5", ["tanh"]), ("-2", []), ("2", ["tanh"])):
        field.fill(text)
        root.locator("svg").filter(
            has_text="tanh" if gates else re.compile("^((?!tanh).)*$", re.S)
        ).wait_for()
        assert len(numbers(root)["forward"]) == 1 + len(gates)
        assert field.input_value() == text
        assert field.evaluate("e => e === document.activeElement")


def test_the_living_widget_takes_the_still_picture_s_place(live):
    shown = output(live, "play")
    assert shown.locator(".mg-stepper").count() == 3  # the widget, its walkthrough, and the other
    assert [root.is_visible() for root in shown.locator("[data-mg-play]").all()] == [False]


def test_saved_and_opened_again_in_the_dark(lab, opened):
    lab.set("apputils-extension/themes", {"theme": "JupyterLab Dark"})
    page = opened("again.ipynb")
    lab.set("apputils-extension/themes", {})
    for name in ("value", "history", "figure"):
        picture = output(page, name).locator("img")
        picture_is_there(picture)
        _, behind, brightest = brightness(picture)
        assert behind < 30, name  # no white slab
        assert brightest > 180, name
    for name in ("steps", "again", "play"):
        stepper = output(page, name).locator(".mg-stepper").first
        stepper.get_by_role("button", name="Last step").click()
        assert numbers(stepper) == walk(1.0)[1]
        assert stepper.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(17, 24, 39)"
    instead = output(page, "play").get_by_text("model not found")
    assert instead.evaluate("e => getComputedStyle(e, '::before').content") == f'"{ASKED_TO_RUN}"'
    assert instead.evaluate("e => getComputedStyle(e).fontSize") == "0px"


def test_not_trusted_the_still_pictures_are_there_and_no_loose_numbers(opened):
    page = opened("other.ipynb", lambda text: text.replace("long + 1", "long + 2"))
    for name in ("value", "history", "figure", "steps", "again", "play", "log", "branch"):
        shown = output(page, name)
        picture_is_there(shown.locator("img"))
        assert shown.locator("button").count() == 0
        text = re.sub(r"\[\d+\]:", "", shown.inner_text()).strip()
        assert text == (ASKED_TO_RUN if name in ("play", "log", "branch") else "")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_exported_page_opened_from_a_file(browser, saved, tmp_path, scripts):
    import nbconvert
    import nbformat

    exporter = nbconvert.HTMLExporter(mathjax_url="", require_js_url="")
    html, _ = exporter.from_notebook_node(nbformat.reads(saved, as_version=4))
    path = tmp_path / "exported.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(offline=True, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(path.as_uri())
    cells = page.locator(".jp-Cell")
    for name in ("value", "history", "figure"):
        assert cells.nth(NAMES.index(name)).locator("img, svg").bounding_box()["width"] > 200
    for name in ("steps", "again", "play"):
        stepper = cells.nth(NAMES.index(name)).locator(".mg-stepper")
        if scripts:
            assert sentence(stepper) == "x = 1, y = −3, z = 4"
            stepper.get_by_role("button", name="Last step").click()
            assert numbers(stepper) == walk(1.0)[1]
        else:
            assert stepper.locator("img").bounding_box()["width"] > 200
            assert stepper.inner_text().strip() == ""
    context.close()
