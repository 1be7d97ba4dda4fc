"""The page to step through, driven in a real browser."""

import re

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, values
from micrograd_plus.drawing.stepper import write_page
from tests.test_drawing import HOSTILE

SVG_NUMBERS = """root => Object.fromEntries(["forward", "gradient"].map(ink => [ink,
    [...root.querySelectorAll(`svg [data-ink="${ink}"]`)].map(e => e.textContent)]))"""


def xyz(label="f"):
    x, y, z = values(x=1, y=-3, z=4)
    d = x + y
    d.label = "d"
    f = d * z
    f.label = label
    return mg.step_through(f)


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page; when the test ends, no script may have failed and nothing been fetched."""
    pages, troubles = [], []

    def open_page(path, **context):
        page = browser.new_context(offline=True, **context).new_page()
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("console", lambda line: troubles.append(f"console: {line.text}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or troubles.append(r.url))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not troubles


@pytest.fixture
def page(open_page, tmp_path):
    return open_page(xyz().to_html(tmp_path / "xyz.html"))


def sentence(root):
    return root.locator(".mg-sentence").inner_text()


def numbers(root):
    return root.evaluate(SVG_NUMBERS)


def test_each_step_shows_its_sentence_and_its_numbers(page):
    stepper = page.locator(".mg-stepper")
    forward = page.get_by_role("button", name="Step forward")
    walk = xyz()
    for i, step in enumerate(walk):
        assert sentence(stepper) == step.text
        assert stepper.locator(".mg-count").inner_text() == f"{i + 1} / {len(walk)}"
        shown = numbers(stepper)
        assert sum(map(bool, shown["forward"])) == min(3 + i, 5)
        assert sum(map(bool, shown["gradient"])) == max(0, i - 2)
        if i + 1 < len(walk):
            forward.click()
    assert forward.is_disabled()
    assert sorted(shown["forward"]) == sorted(["1.00", "−3.00", "−2.00", "4.00", "−8.00"])
    assert sorted(shown["gradient"]) == sorted(["4.00", "4.00", "4.00", "−2.00", "1.00"])


def test_buttons(page):
    stepper = page.locator(".mg-stepper")
    first, back, forward, last = (
        page.get_by_role("button", name=name)
        for name in ("First step", "Step back", "Step forward", "Last step")
    )
    assert first.is_disabled()
    assert back.is_disabled()
    last.click()
    assert sentence(stepper).startswith("∂f/∂x")
    assert last.is_disabled()
    back.click()
    assert sentence(stepper).startswith("∂f/∂y")
    assert sorted(numbers(stepper)["gradient"]) == sorted(["", "4.00", "4.00", "−2.00", "1.00"])
    first.click()
    assert sentence(stepper) == "x = 1, y = −3, z = 4"
    assert not any(numbers(stepper)["gradient"])
    forward.click()
    assert sentence(stepper).startswith("d = ")


def test_arrow_keys_work_at_once_and_on_the_slider(page):
    stepper = page.locator(".mg-stepper")
    page.keyboard.press("ArrowRight")
    assert sentence(stepper).startswith("d = ")
    page.keyboard.press("End")
    assert sentence(stepper).startswith("∂f/∂x")
    page.keyboard.press("ArrowLeft")
    assert sentence(stepper).startswith("∂f/∂y")
    page.keyboard.press("Home")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert sentence(stepper).startswith("d = ")
    stepper.focus()
    page.keyboard.press("Control+ArrowRight")  # left to the browser
    page.keyboard.press("a")
    assert stepper.locator(".mg-count").inner_text() == "2 / 8"


def test_the_slider(page):
    stepper = page.locator(".mg-stepper")
    slider = page.get_by_role("slider", name="Step")
    slider.fill("4")
    assert sentence(stepper) == "∂f/∂z = d = −2"
    page.get_by_role("button", name="Step forward").click()
    assert slider.input_value() == "5"


def test_the_gate_and_the_wires_of_a_step_are_lit(page):
    page.get_by_role("slider").fill("6")  # ∂f/∂y, through the + gate
    lit = page.locator("svg .lit").evaluate_all("all => all.map(e => e.textContent.trim())")
    assert sorted(lit) == [
        "",
        "",
        "+",
        "−3.00\n4.00",
    ]  # wire, gate, numbers
    page.keyboard.press("ArrowRight")
    lit = page.locator("svg .lit").evaluate_all("all => all.map(e => e.textContent.trim())")
    assert sorted(lit) == ["", "", "+", "1.00\n4.00"]


def test_two_walkthroughs_do_not_disturb_each_other(open_page, tmp_path):
    a = Value(2, "a")
    square = mg.step_through(a * a)
    path = write_page(tmp_path / "two.html", "Two", [("One", xyz()), ("Two", square)])
    page = open_page(path)
    first, second = page.locator(".mg-stepper").nth(0), page.locator(".mg-stepper").nth(1)
    page.keyboard.press("End")
    assert sentence(first).startswith("∂f/∂x")
    assert sentence(second) == "a = 2"
    second.get_by_role("button", name="Last step").click()
    first.get_by_role("button", name="First step").click()
    assert sentence(second) == "∂f/∂a = 2 + a = 2 + 2 = 4"
    assert numbers(second) == {"forward": ["2.00", "4.00"], "gradient": ["4.00", "1.00"]}
    assert not any(numbers(first)["gradient"])
    second.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    assert sentence(second) == "∂f/∂a = a + … = 2 + …"
    assert sentence(first) == "x = 1, y = −3, z = 4"
    assert page.evaluate("[...document.querySelectorAll('[id]')].length") == 0


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels_run_nothing_and_break_nothing(open_page, tmp_path, label):
    attack = label + "</script><script>alert(2)</script><img src=x onerror=alert(3)><!--"
    walk = xyz(attack)
    page = open_page(write_page(tmp_path / "a.html", attack, [(attack, walk)]))
    page.keyboard.press("End")
    assert sentence(page.locator(".mg-stepper")) == re.sub(r"\s+", " ", walk[-1].text)
    assert page.evaluate("document.images.length") == 0


def test_light_and_dark(open_page, tmp_path):
    path = xyz().to_html(tmp_path / "a.html")
    found = {}
    for scheme in ("light", "dark"):
        page = open_page(path, color_scheme=scheme)
        page.keyboard.press("End")
        found[scheme] = [
            page.locator(selector).first.evaluate(f"e => getComputedStyle(e)['{attribute}']")
            for selector, attribute in (
                (".mg-stepper", "backgroundColor"),
                ('svg [data-ink="forward"]', "fill"),
                ('svg [data-ink="gradient"]', "fill"),
                ('svg [data-ink="text"]', "fill"),
                ("svg path[stroke]", "stroke"),
            )
        ]
    light, dark = found.values()
    assert light[:3] == ["rgb(255, 255, 255)", "rgb(21, 128, 61)", "rgb(220, 38, 38)"]
    assert all(a != b for a, b in zip(light, dark, strict=True))


def test_without_scripts_the_picture_is_there(open_page, tmp_path):
    page = open_page(xyz().to_html(tmp_path / "a.html"), java_script_enabled=False)
    image = page.locator(".mg-stepper img")
    assert image.bounding_box()["width"] > 200
    assert "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4" in image.get_attribute("alt")


def test_a_notebook_cell_shows_the_same(open_page, tmp_path):
    walk = xyz()
    html = f'<!DOCTYPE html><body data-jp-theme-light="false">{walk._repr_html_() * 2}</body>'
    path = tmp_path / "cell.html"
    path.write_text(html, encoding="utf-8")
    page = open_page(path)
    shown = page.locator(".mg-stepper")
    shown.nth(1).get_by_role("button", name="Last step").click()
    assert [sentence(shown.nth(i))[:5] for i in range(2)] == ["x = 1", "∂f/∂x"]
    background = shown.nth(0).evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(17, 24, 39)"
    assert repr(walk) == "<Walkthrough of 8 steps: see .print(), .to_html(path)>"
