"""The page to step through, driven in a real browser."""

import re

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn, values
from micrograd_plus.drawing.pages.page import bundle
from micrograd_plus.drawing.walkthrough import write_page
from tests.effort import few, slow
from tests.graphs import xyz
from tests.hostile import FEW
from tests.pages import numbers, sentence
from tests.processes import until


def test_a_bundle_has_each_module_once_after_those_that_it_imports():
    text = bundle("widget.js", "quiz.js")
    modules = ["make", "picture", "zoom", "stepper", "render", "judge", "quiz"]
    places = [text.index(f"\nfunction {name}(") for name in modules]
    assert places == sorted(places)
    assert [text.count(f"\nfunction {name}(") for name in modules] == [1] * len(modules)
    assert re.findall(r"^(?:import|export).*", text, re.MULTILINE) == ["export default { render };"]


def test_modules_of_a_bundle_share_no_names():
    text = bundle("widget.js", "quiz.js", "stepper.js", "folds.js", "player.js", "living.js")
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
    names += re.findall(
        r"(\w+)[,\]]", " ".join(re.findall(r"^const \[[^\]]*\]", text, re.MULTILINE))
    )
    assert len(names) > 40
    assert sorted({*names}) == sorted(names)


@pytest.fixture
def page(open_page, tmp_path):
    return open_page(mg.step_through(xyz()).to_html(tmp_path / "xyz.html"))


def test_each_step_shows_its_sentence_and_its_numbers(page):
    stepper = page.locator(".mg-stepper")
    forward = page.get_by_role("button", name="Step forward")
    walk = mg.step_through(xyz())
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


def lit(page, kind="lit"):
    """The texts in each part of the picture that is highlighted."""
    return page.evaluate(
        """kind => [...document.querySelectorAll(`svg .${kind}`)].map(part =>
        [...part.querySelectorAll("text")].map(text => text.textContent).join(" ")).sort()""",
        kind,
    )


def test_the_gate_and_the_wires_of_a_step_are_lit(page):
    page.get_by_role("slider").fill("6")  # ∂f/∂y, through the + gate
    assert lit(page) == ["", "", "+", "−3.00 4.00"]  # wires, gate, numbers
    page.keyboard.press("ArrowRight")
    assert lit(page) == ["", "", "+", "1.00 4.00"]


def test_what_a_screen_reader_is_told(page):
    from playwright.sync_api import expect

    expect(page.locator(".mg-stepper")).to_match_aria_snapshot("""
        - group "Walkthrough":
          - group "Picture":
            - group "The graph after step 1 of 8":
              - button "x = 1"
              - button "y = −3"
              - text: + x y
              - button "z = 4"
              - text: z
              - button "d"
              - text: ×
              - button "f"
              - text: f
          - text: x = 1, y = −3, z = 4
          - button "First step" [disabled]
          - button "Step back" [disabled]
          - button "Step forward"
          - button "Last step"
          - button "Play"
          - combobox "Speed"
          - slider "Step"
          - text: 1 / 8 given
          - button "Steps" [expanded]
          - button "Full screen"
          - group "Zoom":
            - button "Zoom out"
            - button "Zoom in"
            - button "Fit the picture"
          - list
    """)
    page.keyboard.press("ArrowRight")
    slider = page.get_by_role("slider", name="Step")
    assert slider.get_attribute("aria-valuetext") == "2 / 8"
    region = page.locator("[aria-live], [role=status], [role=alert]")  # one, or it is said twice
    assert region.inner_text() == "d = x + y = 1 + (−3) = −2"
    assert page.get_by_role("group", name="The graph after step 2 of 8").count() == 1
    page.keyboard.press("End")
    x = page.get_by_role("button", name="x = 1; ∂f/∂x = 4")
    told = x.evaluate("e => e.querySelector('desc').textContent")
    assert told == "∂f/∂d · ∂d/∂x = 4 · 1 = 4\n∂f/∂x = 4"


@slow
def test_the_keyboard_reaches_everything_and_the_focus_is_seen_and_kept(page):
    reached = []
    for _ in range(23):
        reached.append(
            page.evaluate("""() => {
            const focused = document.activeElement;
            if (getComputedStyle(focused).outlineStyle !== "solid") return "no outline";
            return focused.ariaLabel ?? focused.querySelector("title")?.textContent
                ?? focused.textContent }""")
        )
        page.keyboard.press("Tab")
    steps = ["First step", "Step back", "Step forward", "Last step", "Play", "Speed", "Step"]
    others = ["Steps", "Full screen", "Zoom out", "Zoom in", "Fit the picture"]
    sentences = [step.text for step in mg.step_through(xyz())]
    assert reached == ["Walkthrough", "Picture", "f", *steps, *others, *sentences]
    page.get_by_role("button", name="Step forward").focus()
    for _ in range(9):
        page.keyboard.press("Enter")
    assert page.locator(".mg-count").inner_text() == "8 / 8"
    page.keyboard.press("ArrowLeft")  # at the end the button has kept the focus
    assert page.locator(".mg-count").inner_text() == "7 / 8"


def test_the_shares_of_a_gradient_appear_with_their_steps(open_page, tmp_path):
    a, b = mg.values(a=2, b=3)
    page = open_page(mg.step_through(a * b + a).to_html(tmp_path / "fan.html"))
    stepper, gradients = page.locator(".mg-stepper"), page.locator("svg [data-ink=gradient]")

    def shown():
        return sorted(x.text_content() for x in gradients.all() if x.is_visible())

    stepper.press("End")
    assert shown() == sorted(["4.00", "2.00", "1.00", "1.00", "3.00", "1.00"])
    stepper.press("ArrowLeft")  # to b, before the path from a through the product
    assert shown() == sorted(["1.00", "2.00", "1.00", "1.00", "1.00"])
    stepper.press("Home")
    assert shown() == []


@slow
def test_two_walkthroughs_do_not_disturb_each_other(open_page, tmp_path):
    a = Value(2, "a")
    ours, square = mg.step_through(xyz()), mg.step_through(a * a)
    path = write_page(tmp_path / "two.html", "Two", [("One", ours), ("Two", square)])
    page = open_page(path)
    first, second = page.locator(".mg-stepper").nth(0), page.locator(".mg-stepper").nth(1)
    page.keyboard.press("End")
    assert sentence(first).startswith("∂f/∂x")
    assert sentence(second) == "a = 2"
    second.get_by_role("button", name="Last step").click()
    first.get_by_role("button", name="First step").click()
    assert sentence(second) == "∂f/∂a (first operand) = a = 2, ∂f/∂a = 2 · a = 2 + 2 = 4"
    shares = ["2.00", "2.00"]  # what comes back along each of the two wires
    assert numbers(second) == {"forward": ["2.00", "4.00"], "gradient": ["1.00", *shares, "4.00"]}
    assert not any(numbers(first)["gradient"])
    second.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    assert sentence(second) == "∂f/∂a (second operand) = a = 2"
    assert sentence(first) == "x = 1, y = −3, z = 4"
    assert page.evaluate("[...document.querySelectorAll('[id]')].length") == 0


@pytest.mark.parametrize("label", few(2, FEW), ids=range(len(FEW)))
def test_hostile_labels_run_nothing_and_break_nothing(open_page, tmp_path, label):
    attack = label + "</script><script>alert(2)</script><img src=x onerror=alert(3)><!--"
    walk = mg.step_through(xyz(f=attack))
    page = open_page(write_page(tmp_path / "a.html", attack, [(attack, walk)]))
    page.keyboard.press("End")
    assert sentence(page.locator(".mg-stepper")) == re.sub(r"\s+", " ", walk[-1].text)
    assert page.evaluate("document.images.length") == 0


@slow
def test_light_and_dark(open_page, tmp_path):
    path = mg.step_through(xyz()).to_html(tmp_path / "a.html")
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
    assert light[:3] == ["rgb(255, 255, 255)", "rgb(4, 120, 87)", "rgb(199, 50, 0)"]
    assert all(a != b for a, b in zip(light, dark, strict=True))


def test_without_scripts_the_picture_is_there(open_page, tmp_path):
    page = open_page(mg.step_through(xyz()).to_html(tmp_path / "a.html"), java_script_enabled=False)
    image = page.locator(".mg-stepper img")
    assert image.bounding_box()["width"] > 200
    assert "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4" in image.get_attribute("alt")


def test_a_notebook_cell_shows_the_same(open_page, tmp_path):
    walk = mg.step_through(xyz())
    html = f'<!DOCTYPE html><body data-jp-theme-light="false">{walk._repr_html_() * 2}</body>'
    path = tmp_path / "cell.html"
    path.write_text(html, encoding="utf-8")
    page = open_page(path)
    shown = page.locator(".mg-stepper")
    shown.nth(1).get_by_role("button", name="Last step").click()
    assert [sentence(shown.nth(i))[:5] for i in range(2)] == ["x = 1", "∂f/∂x"]
    background = shown.nth(0).evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(17, 24, 39)"
    assert repr(walk).startswith("<Walkthrough of 8 steps: see .print(), .to_html(path)")


@slow
def test_a_notebook_saved_as_a_page_leaves_a_large_picture_its_size(open_page, tmp_path):
    model = nn.MLP(2, [8, 1], activation="tanh", seed=1)
    cell = mg.step_through(model([0.5, 1.0]))._repr_html_()
    style = ".jp-RenderedHTMLCommon svg { max-width: 100%; height: auto }"  # as nbconvert has it
    (tmp_path / "saved.html").write_text(
        f'<!doctype html><meta charset="utf-8"><style>{style}</style>'
        f'<div class="jp-RenderedHTMLCommon">{cell}</div>',
        encoding="utf-8",
    )
    page = open_page(tmp_path / "saved.html", viewport={"width": 800, "height": 700})
    shown, wanted = page.locator(".mg-picture > svg").evaluate(
        "svg => [getComputedStyle(svg).width, svg.style.getPropertyValue('--mg-width')]"
    )
    assert shown == wanted
    assert float(shown.removesuffix("px")) > 800


# ------------------------------------------------------------------- zooming and panning

FRAME = ".mg-stepper .mg-picture"


def picture(page):
    """Where the picture and its first gate are, how large it is, and how far it is moved."""
    return page.evaluate(
        """selector => { const frame = document.querySelector(selector);
        const svg = frame.querySelector("svg").getBoundingClientRect();
        const gate = frame.querySelector("svg ellipse").getBoundingClientRect();
        return {left: svg.left, top: svg.top, scale: svg.width, height: frame.offsetHeight,
                gate: [gate.x + gate.width / 2, gate.y + gate.height / 2],
                scrolled: [frame.scrollLeft, frame.scrollTop, scrollY]} }""",
        FRAME,
    )


def gate(page):
    return picture(page)["gate"]


def test_zooming_by_buttons_and_keys_moves_nothing_else(page):
    before = picture(page)
    controls = page.locator(".mg-controls").bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    page.keyboard.press("+")
    assert picture(page)["scale"] == pytest.approx(before["scale"] * 1.25**2, rel=1e-3)
    page.locator(".mg-stepper").focus()
    page.keyboard.press("-")
    page.get_by_role("button", name="Zoom out").click()
    assert picture(page)["scale"] == pytest.approx(before["scale"], rel=1e-3)
    for _ in range(30):
        page.keyboard.press("+")
    assert picture(page)["scale"] < before["scale"] * 8
    page.get_by_role("button", name="Fit the picture").click()
    fitted = picture(page)
    frame = page.locator(FRAME).bounding_box()
    assert page.locator("svg").bounding_box()["width"] <= frame["width"]
    assert page.locator("svg").bounding_box()["height"] <= frame["height"] + 1
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert picture(page) == fitted
    assert page.locator(".mg-controls").bounding_box() == controls


@slow
def test_the_wheel_zooms_with_ctrl_at_the_pointer_and_else_scrolls_the_page(open_page, tmp_path):
    walks = [(name, mg.step_through(xyz())) for name in "abcdef"]
    path = write_page(tmp_path / "long.html", "Long", walks)
    page = open_page(path)
    x, y = gate(page)
    pointer = [int(x), int(y)]
    page.mouse.move(*pointer)
    before = picture(page)
    page.keyboard.down("Control")
    for _ in range(6):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    until(lambda: picture(page)["scale"] > 4 * before["scale"])
    after = picture(page)
    factor = after["scale"] / before["scale"]
    stays = [p + (g - p) * factor for p, g in zip(pointer, (x, y), strict=True)]
    assert after["gate"] == pytest.approx(stays, abs=1)
    assert after["scrolled"][2] == 0
    for _ in range(20):  # a picture in the way does not keep the page
        page.mouse.wheel(0, 120)
    until(lambda: page.evaluate("scrollY > 300"))


def test_a_drag_moves_a_picture_that_is_larger_than_its_frame(page):
    for _ in range(5):
        page.keyboard.press("+")
    before, (x, y) = picture(page), gate(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y - 5, steps=4)
    page.mouse.up()
    page.mouse.move(x, y)
    after = picture(page)
    assert [after["left"], after["top"]] == [before["left"] + 40, before["top"] - 5]
    assert page.evaluate("getSelection().toString()") == ""


@slow
def test_arrow_keys_move_a_larger_picture_that_has_the_focus(page):
    count = page.locator(".mg-count")
    page.locator(FRAME).focus()
    page.keyboard.press("ArrowRight")  # there is nothing to move
    assert count.inner_text() == "2 / 8"
    for _ in range(8):
        page.keyboard.press("+")
    page.locator(FRAME).focus()
    left = picture(page)["scrolled"][0]
    page.keyboard.press("ArrowRight")
    until(lambda: picture(page)["scrolled"][0] > left)
    assert count.inner_text() == "2 / 8"
    page.locator(".mg-stepper").focus()
    page.keyboard.press("ArrowRight")
    assert count.inner_text() == "3 / 8"


def test_a_click_on_a_part_stays_a_click(page):
    for _ in range(5):
        page.keyboard.press("+")
    page.evaluate("document.addEventListener('click', e => { window.hit = e.target.tagName })")
    page.mouse.click(*gate(page))
    assert page.evaluate("window.hit") in ("ellipse", "text")


def test_sigma_gates_are_folded_and_opened(open_page, tmp_path):
    w, x, b = values(w=2.0, x=-1.0, b=0.5)
    f = 1 / (1 + mg.exp(-(w * x + b)))
    small, folded = mg.step_through(f), mg.step_through(f, sigma=True)
    page = open_page(small.to_html(tmp_path / "sigma.html"))
    stepper = page.locator(".mg-stepper")

    def count():
        return stepper.locator(".mg-count").inner_text()

    page.get_by_role("button", name="Last step").click()
    before = numbers(stepper)
    assert count() == f"{len(small)} / {len(small)}"
    page.get_by_role("button", name="One σ gate for 1/(1+exp(−x))").click()
    assert count() == f"{len(folded)} / {len(folded)}"
    assert sentence(stepper) == folded[-1].text
    for ink, texts in numbers(stepper).items():
        assert 0 < len(texts) < len(before[ink])
        assert set(texts) <= set(before[ink])
    page.get_by_role("button", name="Open the σ gates").click()
    assert (count(), sentence(stepper)) == (f"{len(small)} / {len(small)}", small[-1].text)
    stepper.focus()
    page.keyboard.press("ArrowLeft")  # once, though the walk was shown three times
    assert count() == f"{len(small) - 1} / {len(small)}"


def test_without_a_sigma_to_fold_there_is_no_button(page):
    assert page.locator(".mg-gates").count() == 0


@slow
def test_scripts_that_run_elsewhere_find_their_elements(page):
    """As in classic Notebook: in the head, and before what they belong to is on the page."""
    page.evaluate(
        """html => { for (const time of [1, 2]) {
            const cell = document.createElement("div");
            cell.innerHTML = html;  // whose scripts don't run
            const script = document.createElement("script");
            script.textContent = cell.querySelector("script").textContent;
            document.head.append(script);
            document.body.append(cell);
        } }""",
        mg.step_through(xyz())._repr_html_(),
    )
    steppers = page.locator(".mg-stepper:has(.mg-sentence)")
    until(lambda: page.locator(".mg-sentence").count() == 3)
    steppers.nth(1).get_by_role("button", name="Last step").click()
    counts = [one.inner_text() for one in page.locator(".mg-count").all()]
    assert counts == ["1 / 8", "8 / 8", "1 / 8"]
