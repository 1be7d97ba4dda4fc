"""The page to play with, driven in a real browser: it computes without Python what Python does."""

import math
import re
from itertools import permutations

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.drawing.pages.page import bundle
from micrograd_plus.drawing.pages.panel import panel_of
from tests.effort import few, slow
from tests.graphs import SIGMOID_GATE, xyz
from tests.pages import numbers, sentence
from tests.processes import until

LOG = "log(x) * y + relu(x - y)"
RANGES = {"x": 1, "y": (-2, 4, 0.5)}
# a widget with some state; `tell` changes it as a kernel does, and then announces what has changed
WIDGET = """state => {
    const listeners = [];
    const on = (names, listener) => listeners.push([names.split(" "), listener]);
    render({ model: { get: key => state[key], on }, el: document.body });
    window.tell = changed => {
        Object.assign(state, changed);
        for (const key in changed)
            for (const [names, listener] of listeners)
                if (names.includes(`change:${key}`)) listener();
    };
}"""


@pytest.fixture
def opened(open_page, tmp_path):
    def opened(f, given, **context):
        path = tmp_path / "play.html"
        mg.play(f, **given).to_html(path)
        return open_page(path, **context)

    return opened


def assert_shows(page, f, given, **changed):
    """The page shows the numbers and sentences of a walk in Python."""
    panel = panel_of(f, given)
    for name, text in changed.items():
        panel.change(name, str(text))
    assert not panel.errors
    walk = panel.view.walk
    expected = {
        "forward": sorted(number(x) for x in walk.data.values()),
        "gradient": sorted(number(x) for x in walk.grad.values()),
    }
    root = page.locator(".mg-play .mg-stepper")
    assert numbers(root) == expected
    slider = root.get_by_role("slider", name="Step")
    for i, step in enumerate(walk):
        slider.fill(str(i))
        assert sentence(root) == step.text


def field(page, name):
    return page.get_by_role("textbox", name=f"{name} =")


def wrong(page):
    """The gates that are marked."""
    return [text.strip() for text in page.locator(".mg-wrong").all_text_contents()]


def target(page, name):
    """Where to take hold of the number on the wire of a leaf."""
    order = page.locator(".mg-fields i").all_inner_texts()
    return page.locator(".mg-drag").nth(order.index(name)).bounding_box()


def test_what_is_typed(opened):
    f, given = SIGMOID_GATE
    page = opened(f, given)
    assert_shows(page, f, given)
    field(page, "w₀").fill("0.125")
    field(page, "b").fill("−2e1")
    assert_shows(page, f, given, w_0=0.125, b=-20)
    field(page, "b").fill("2.5")
    assert_shows(page, f, given, w_0=0.125, b=2.5)


def test_as_many_digits_as_are_wanted(opened):
    page = opened("x / y * 2", {"x": 1, "y": 3, "digits": 6})
    root = page.locator(".mg-play .mg-stepper")
    assert numbers(root)["forward"] == ["0.333333", "0.666667", "1.00", "3.00"]
    field(page, "x").fill("2")
    assert numbers(root)["forward"] == ["0.666667", "1.33333", "2.00", "3.00"]
    root.get_by_role("slider", name="Step").fill("1")
    assert sentence(root) == "v₁ = x / y = 2 / 3 = 0.666667"


@pytest.mark.parametrize(
    "announced", few(1, ((names,) for names in permutations(["told", "picture", "texts"])))
)
def test_what_a_kernel_tells_may_come_in_any_order(open_page, tmp_path, announced):
    """As in a notebook: ipywidgets keeps what is to be sent in a set, whose order is by chance."""
    path = tmp_path / "widget.html"
    path.write_text(f"<body><script>{bundle('play.js')}</script>", encoding="utf-8")
    page = open_page(path)
    panel = panel_of(lambda x: mg.tanh(x) if x > 0 else 0.0, {"x": 1})
    page.evaluate(WIDGET, panel.state)
    root = page.locator(".mg-play")
    for text in ("-1", "2", "3", "-2"):
        panel.change("x", text)
        changed = {name: panel.state[name] for name in announced}
        page.evaluate("changed => tell(changed)", changed)
        assert numbers(root)["forward"] == sorted(map(number, panel.view.walk.data.values()))
        assert sentence(root) == panel.view.walk[-1].text


def test_sliders_by_mouse_and_by_keyboard(opened):
    page = opened(LOG, RANGES)
    slider = page.get_by_role("slider", name="y")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert_shows(page, LOG, RANGES, y=4)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert field(page, "y").input_value() == "3"
    assert_shows(page, LOG, RANGES, y=3)


@slow
def test_a_number_on_a_wire_is_dragged_within_the_range_of_its_slider(opened):
    page = opened(LOG, RANGES)
    box = target(page, "x")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 55, middle, steps=10)
    assert field(page, "x").input_value() == "1.5"
    assert page.get_by_role("slider", name="x").input_value() == "1.5"
    page.mouse.move(box["x"] + 205, middle, steps=10)
    page.mouse.up()
    page.mouse.move(box["x"] + 5, middle)
    assert_shows(page, LOG, RANGES, x=2)


@slow
def test_fingers_drag_what_is_large_enough_for_them(opened):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = opened(LOG, RANGES, **phone)
    for element in page.locator(".mg-fields input[type=text], .mg-drag").all():
        size = element.bounding_box()
        assert min(size["width"], size["height"]) >= 43.9
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = target(page, "x")
    x, y = box["x"] + 10, box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)
    for i, kind in enumerate(["touchStart", *["touchMove"] * 8, "touchEnd"]):
        points = [] if kind == "touchEnd" else [{"x": x + 5 * i, "y": y}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    until(lambda: field(page, "x").input_value() == "1.4", "the number to be dragged")
    assert_shows(page, LOG, RANGES, x=1.4)


@slow
def test_what_is_not_finite_is_told_at_the_field_and_at_the_gate(opened):
    page = opened(LOG, RANGES)
    before = numbers(page.locator(".mg-play .mg-stepper"))
    field(page, "x").fill("-1")
    told = page.locator(".mg-error").first
    assert told.inner_text() == "log of x = −1 is not finite: it is defined for x > 0"
    assert field(page, "x").get_attribute("aria-invalid") == "true"
    assert wrong(page) == ["log"]
    assert numbers(page.locator(".mg-play .mg-stepper")) == before
    field(page, "x").fill("3")
    assert told.inner_text() == ""
    assert page.locator(".mg-wrong").count() == 0
    assert_shows(page, LOG, RANGES, x=3)


@pytest.mark.parametrize(
    ("f", "text", "message", "gate"),
    few(
        2,
        [
            ("exp(x) * 2", "1000", "exp of x = 1000 is not finite: the result is too large", "exp"),
            ("x * x", "one", "'one' is not a number; write one such as -1.5", None),
            ("sqrt(x) + x", "0", "the gradient through sqrt of x = 0 is not finite", "√"),
            (
                "1 + 1 / x",
                "0",
                "reciprocal of x = 0 is not finite: it is defined for x ≠ 0",
                "1/x",
            ),
            ("x * x", "0x10", "'0x10' is not a number; write one such as -1.5", None),
            ("x * x", " ", "write a number, such as -1.5", None),
            ("x * x", "1e999", "1e999 is not a finite number", None),
        ],
    ),
)
def test_errors(opened, f, text, message, gate):
    page = opened(f, {"x": 1})
    field(page, "x").fill(text)
    assert page.locator(".mg-error").inner_text() == message
    assert wrong(page) == [gate] * (gate is not None)


@slow
def test_a_bad_number_is_tried_again_beside_another(opened):
    page = opened("sqrt(x + y)", {"x": 1, "y": 2})
    field(page, "x").fill("-5")
    field(page, "y").fill("9")
    assert page.locator(".mg-error").all_inner_texts() == ["", ""]
    assert_shows(page, "sqrt(x + y)", {"x": 1, "y": 2}, y=9, x=-5)


def test_a_graph_has_fields_for_its_labels_and_keeps_its_other_leaves(opened):
    f = xyz() * mg.Value(3) + mg.relu(mg.Value(2, "x"))
    page = opened(f, {})
    assert page.locator(".mg-fields i").all_inner_texts() == ["x", "y", "z", "x′"]
    field(page, "x′").fill("-7")
    panel = panel_of(f, {})
    panel.change("x′", "-7")
    shown = numbers(page.locator(".mg-play .mg-stepper"))
    assert shown["forward"] == sorted(number(x) for x in panel.view.walk.data.values())
    assert shown["gradient"] == sorted(number(x) for x in panel.view.walk.grad.values())


def test_a_function_is_recorded_once_and_must_not_branch(opened, tmp_path):
    page = opened(lambda x, unused: mg.tanh(x) ** 2, {"x": 0.5, "unused": 1})
    field(page, "x").fill("-1")
    field(page, "unused").fill("2")
    assert_shows(page, lambda x, unused: mg.tanh(x) ** 2, {"x": 0.5, "unused": 1}, x=-1)
    with pytest.raises(mg.compiler.TraceError, match=r"where\(step\(x\), …\)"):
        mg.play(lambda x: mg.tanh(x) if x > 0 else 0.0, x=1).to_html(tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


@slow
def test_it_works_in_slides(open_page, tmp_path):
    mg.play(LOG, **RANGES).to_html(tmp_path / "play.html", bare=True)
    slides = tmp_path / "slides.html"
    slides.write_text('<title>slides</title><iframe src="play.html" width=900 height=600></iframe>')
    frame = open_page(slides).frame_locator("iframe")
    assert frame.get_by_role("heading").count() == 0
    frame.get_by_role("textbox", name="x =").fill("2")
    shown = numbers(frame.locator(".mg-play .mg-stepper"))
    assert number(math.log(2) + 1) in shown["forward"]


def test_the_page_runs_its_own_scripts_only_and_has_the_rules_of_its_operations_only(tmp_path):
    text = mg.play(LOG, **RANGES).to_html(tmp_path / "play.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    scripts = re.search("script-src (.*)", policy)[1].split()
    assert "default-src 'none'" in policy
    assert len(scripts) == 2
    assert all(source.startswith("'sha256-") for source in scripts)
    assert "const maximum" in text
    assert "const erf" not in text
    assert not re.search(r"\beval\b|new Function|https?://(?!www\.w3\.org/)", text)
