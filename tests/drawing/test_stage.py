"""Pages for a lecture hall, a phone and paper: what is in view at each size, and who can use it."""

import inspect
import itertools
import math
import re

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn, values
from micrograd_plus.drawing.walkthrough import write_page
from micrograd_plus.parsing import from_text, with_lines
from micrograd_plus.walk.formula import text_name
from micrograd_plus.walk.paths import explain
from tests.effort import few, slow
from tests.graphs import SIGMOID_GATE, moons, xyz
from tests.needs import npm_package
from tests.pages import numbers, sentence
from tests.processes import until

SIZES = [(390, 844), (1280, 800), (1920, 1080)]
STILL = {"reduced_motion": "reduce"}


def sized(width, height):
    """The options of a window: a phone's where it is narrow."""
    phone = {"is_mobile": True, "has_touch": True} if width < 500 else {}
    return {"viewport": {"width": width, "height": height}, **phone, **STILL}


def network():
    """The loss of a network whose picture is larger than any window."""
    model = nn.MLP(2, [4, 4, 1], activation="tanh", seed=1)
    return (model(values(x=0.5, y=-1)) - 1) ** 2


FLAT = ["xyz", "sigmoid"]
GRAPHS = {"xyz": xyz, "sigmoid": lambda: from_text(*SIGMOID_GATE), "network": network}


def walk_page(open_page, folder, f, width=1280, height=800, **options):
    page = open_page(mg.step_through(f).to_html(folder / "a.html"), **sized(width, height))
    for name, value in options.items():
        page.emulate_media(**{name: value})
    return page


def boxes(page, selector):
    return page.locator(selector).evaluate_all(
        """all => all.map(e => e.getBoundingClientRect().toJSON())"""
    )


def digits(page):
    """How high numbers are on the screen, in pixels."""
    return page.evaluate(
        """() => { const text = document.querySelector('svg [data-ink="forward"]');
        return Number.parseFloat(text.getAttribute("font-size"))
            * text.ownerSVGElement.getScreenCTM().a }"""
    )


def inside(inner, outer, slack=1):
    return (
        inner["x"] >= outer["x"] - slack
        and inner["y"] >= outer["y"] - slack
        and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + slack
        and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + slack
    )


@pytest.mark.parametrize("size", few(1, [(size,) for size in SIZES]), ids=str)
@pytest.mark.parametrize("name", few(1, ["network", *FLAT]))
def test_all_that_one_steps_with_is_in_view_at_any_size(open_page, tmp_path, name, size):
    page = walk_page(open_page, tmp_path, GRAPHS[name](), *size)
    window = {"x": 0, "y": 0, "width": size[0], "height": size[1]}
    last = int(page.get_by_role("slider").get_attribute("max"))
    for step in range(0, last + 1, max(1, last // 6)):
        page.get_by_role("slider").fill(str(step))
        for selector in (".mg-controls button", ".mg-said", ".mg-picture"):
            assert all(inside(box, window) for box in boxes(page, selector)), (selector, step)
        (frame,) = boxes(page, ".mg-picture")
        wires = boxes(page, "svg .node.lit[role=button]")
        assert all(inside(box, frame) for box in wires), step
        assert digits(page) >= 14
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("name", FLAT)
def test_numbers_of_the_slides_can_be_read_in_the_last_row(open_page, tmp_path, name):
    page = walk_page(open_page, tmp_path, GRAPHS[name](), 1920, 1080)
    assert digits(page) >= 36
    (frame,) = boxes(page, ".mg-picture")
    (picture,) = boxes(page, ".mg-picture svg")
    assert inside(picture, frame)
    assert (
        picture["width"] > 0.97 * frame["width"] or picture["height"] > 0.97 * frame["height"]
    )  # no cap


@pytest.mark.parametrize("size", few(1, [(size,) for size in SIZES]), ids=str)
def test_zoomed_in_every_corner_can_be_scrolled_to(open_page, tmp_path, size):
    page = walk_page(open_page, tmp_path, xyz(), *size)
    for _ in range(4):
        page.keyboard.press("+")
    for to, edge in ((0, 0), (100_000, 1)):
        found = page.evaluate(
            """to => { const frame = document.querySelector(".mg-picture");
            frame.scrollTo({ left: to, top: to, behavior: "instant" });
            const [f, s] = [frame, frame.firstElementChild].map(e => e.getBoundingClientRect());
            return [s.left - f.left, s.top - f.top, f.right - s.right, f.bottom - s.bottom] }""",
            to,
        )
        assert min(found[2 * edge : 2 * edge + 2]) >= -1, found


def test_a_presenter_s_remote_control_and_space(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, xyz())
    count = page.locator(".mg-count")
    for key, shown in (("PageDown", 2), (" ", 3), ("PageDown", 4), ("PageUp", 3)):
        page.keyboard.press(key)
        assert count.inner_text() == f"{shown} / 8"
    page.get_by_role("button", name="Step back").focus()
    page.keyboard.press(" ")  # presses the button
    assert count.inner_text() == "2 / 8"


def test_the_full_screen(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, xyz())
    page.keyboard.press("f")
    until(lambda: page.evaluate("document.fullscreenElement?.matches('.mg-stepper')"))
    page.keyboard.press("PageDown")
    assert page.locator(".mg-count").inner_text() == "2 / 8"
    page.keyboard.press("F")
    until(lambda: page.evaluate("document.fullscreenElement === null"))


@slow
def test_it_plays_by_itself_to_the_end_at_the_speed_that_is_chosen(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, Value(2, "x") * 3)
    count = page.locator(".mg-count")
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # seconds
    page.get_by_label("Speed").select_option("5")
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(4_900)
    assert count.inner_text() == "1 / 4"
    page.clock.run_for(200)
    assert count.inner_text() == "2 / 4"
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(20_000)
    assert count.inner_text() == "2 / 4"
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(20_000)
    assert count.inner_text() == "4 / 4"
    assert page.get_by_role("button", name="Play").is_visible()


@pytest.mark.parametrize("size", few(1, [(size,) for size in SIZES]), ids=str)
def test_all_steps_are_listed_and_each_can_be_clicked(open_page, tmp_path, size):
    page = walk_page(open_page, tmp_path, xyz(), *size)
    steps = page.get_by_role("button", name="Steps")
    if steps.get_attribute("aria-expanded") == "false":
        steps.click()
    items = page.locator(".mg-steps button")
    assert items.all_inner_texts() == [step.text for step in mg.step_through(xyz())]
    for i in (5, 2):
        items.nth(i).click()
        assert page.locator(".mg-count").inner_text() == f"{i + 1} / 8"
        lit = page.locator(".mg-steps [aria-current=step]")
        assert lit.inner_text() == sentence(page)
        (panel,) = boxes(page, ".mg-aside")
        assert inside(lit.bounding_box(), panel)
    steps.click()
    assert not items.first.is_visible()


@slow
def test_an_address_leads_to_a_step_and_follows_it(open_page, tmp_path):
    walks = [("One", mg.step_through(xyz())), ("Other", mg.step_through(Value(2, "x") * 3))]
    page = open_page(write_page(tmp_path / "a.html", "Two", walks), **STILL)
    address, counts = page.url, page.locator(".mg-count")
    page.goto(f"{address}#step=7")
    assert counts.all_inner_texts() == ["7 / 8", "1 / 4"]
    page.goto(f"{address}#step2=3")
    assert counts.all_inner_texts()[1] == "3 / 4"
    assert page.locator(".mg-stepper").nth(1).bounding_box()["y"] < 100
    for wrong in ("#step=0", "#step=x", "#nothing", "#step=99"):
        page.goto(address + wrong)
    assert counts.all_inner_texts()[0] == "8 / 8"
    page.locator(".mg-stepper").first.focus()
    page.keyboard.press("Home")
    until(lambda: page.evaluate("location.hash === '#step=1'"))


@slow
def test_the_line_that_made_a_value_stands_beside_its_steps(open_page, tmp_path):
    root, lines = with_lines("d = x + y\nf = d * exp(z)", {"x": 1, "y": -3, "z": 4})
    with mg.debug():
        x, y = values(x=2, y=3)
        f = mg.exp(x) * y
        traced = mg.step_through(f)
    here = inspect.currentframe().f_lineno - 2
    shown = {
        "expression": (mg.step_through(root, lines=lines), {"d = x + y", "f = d * exp(z)"}),
        "debug": (traced, {f"test_stage.py:{here}: f = mg.exp(x) * y"}),
        "none": (mg.step_through(xyz()), set()),
    }
    for name, (walk, expected) in shown.items():
        page = open_page(walk.to_html(tmp_path / f"{name}.html"), **STILL)
        found = set()
        for _ in walk:
            line = page.locator(".mg-line")
            found |= {line.inner_text()} if line.is_visible() else set()
            page.keyboard.press("ArrowRight")
        assert found == expected


# ------------------------------------------------------------------------ the chain rule


def test_both_factors_stand_in_the_picture_and_in_the_sentence_alike(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, xyz())
    for step, walked in enumerate(mg.step_through(xyz())):
        page.get_by_role("slider").fill(str(step))
        chain, local = page.locator(".mg-chain").inner_text(), page.locator("svg text.mg-local")
        if walked.edge is None:
            assert (chain, local.count()) == ("", 0)
            continue
        product = walked.upstream * walked.local
        factors = [f"{x:g}".replace("-", "−") for x in (walked.upstream, walked.local, product)]
        assert chain == "upstream {} × local {} = {}".format(*factors)
        assert local.text_content() == f"local {factors[1]}"
        gate = walked.edge[0].label
        wires = page.locator("svg .upstream title").evaluate_all(
            "all => all.map(e => e.textContent)"
        )
        assert [wire.split(" ")[0] for wire in wires] == [gate]
        for kind in ("upstream", "local"):  # one colour, here and there
            colors = page.evaluate(
                """kind => [[`.mg-chain .mg-${kind}`, "color"], kind === "local"
                ? ["svg text.mg-local", "fill"] : ["svg .upstream polygon", "stroke"]].map(
                ([at, what]) => getComputedStyle(document.querySelector(at))[what])""",
                kind,
            )
            assert colors[0] == colors[1]


def test_where_paths_meet_the_sum_so_far_is_told(open_page, tmp_path):
    a = Value(2, "a")
    page = walk_page(open_page, tmp_path, a * (a * 3))
    page.keyboard.press("End")
    assert page.locator(".mg-sentence").inner_text().endswith(" = 6 + 6 = 12")
    assert page.locator(".mg-chain").inner_text() == "upstream 2 × local 3 = 6"


@pytest.mark.parametrize(("width", "height"), few(1, SIZES))
def test_all_of_a_sentence_is_in_view_at_any_step(open_page, tmp_path, width, height):
    z = values(z_1=1.0, z_2=2.0, z_3=0.5)
    page = walk_page(open_page, tmp_path, nn.softmax_cross_entropy(list(z), 1), width, height)
    said = page.locator(".mg-said")
    for step in range(int(page.get_by_role("slider").get_attribute("max")) + 1):
        page.get_by_role("slider").fill(str(step))
        assert said.evaluate("e => e.scrollHeight <= e.clientHeight")


@slow
def test_what_is_written_at_a_gate_hides_neither_it_nor_the_numbers(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, from_text(*SIGMOID_GATE), 1920, 1080)
    for step in range(10, 22):
        page.get_by_role("slider").fill(str(step))
        (label,) = boxes(page, "svg rect.mg-local") or [None]
        if label is None:
            continue
        texts = [
            one.bounding_box() for one in page.locator("svg .lit text, svg .upstream text").all()
        ]
        for text in filter(None, texts):
            apart = [
                label[side] + label[extent] <= text[side] + 2
                or text[side] + text[extent] <= label[side] + 2
                for side, extent in (("x", "width"), ("y", "height"))
            ]
            assert any(apart), step


# ------------------------------------------------------------------------ cards


def equations(page):
    """The typeset equations of the card, as text."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".mg-card .mg-equation")].map(line =>
        [...line.querySelectorAll("mfrac")].reduce((all, fraction) => {
            const [of, by] = fraction.children;
            fraction.replaceWith(`${of.textContent}/${by.textContent}`);
            return all; }, line).textContent)"""
    )


@pytest.mark.parametrize("name", few(2, GRAPHS))
def test_a_card_has_every_path_that_explain_finds(open_page, tmp_path, name):
    f = GRAPHS[name]()
    walk = mg.step_through(f)
    page = walk_page(open_page, tmp_path, f)
    for node in list(walk.names)[::6]:
        name = text_name(walk.names[node])
        page.evaluate(
            """name => [...document.querySelectorAll("svg [role=button]")].find(wire =>
            wire.querySelector("title").textContent.split(" = ")[0] === name)
            .dispatchEvent(new Event("click"))""",
            name,
        )
        assert page.locator(".mg-formula").inner_text().startswith(f"{name} = ")
        found = explain(node, of=f, most=4)
        lines = str(found).splitlines()
        *paths, total = equations(page)
        assert len(paths) == len(found.paths) or node is f
        if max(len(path.nodes) for path in found.paths) < 7 and node is not f:
            assert paths == [
                line.partition(": ")[2].replace(" ", "") for line in lines[: len(paths)]
            ]
        assert total.endswith(f"={re.split('[=:] ', lines[-1])[-1]}")


def test_a_card_by_mouse_lights_the_paths_and_one_of_them(open_page, tmp_path):
    a = Value(2, "a")
    b = a * 3
    b.label = "b"
    page = walk_page(open_page, tmp_path, a * b)

    def along():
        return set(
            page.evaluate(
                """() => [...document.querySelectorAll("svg .node.along title")].map(
                title => title.textContent.split(" ")[0])"""
            )
        )

    wire = page.locator("svg").get_by_role("button", name=re.compile("^a = "))
    box = wire.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = page.get_by_role("region", name="The wire a")
    assert card.evaluate("e => e === document.activeElement")
    assert along() == {"a", "b", "f"}
    page.get_by_role("button", name="a → f", exact=True).click()
    assert along() == {"a", "f"}
    card.get_by_role("button", name="Close").click()
    assert card.count() == 0
    assert along() == set()


def test_the_keyboard_alone_finds_a_wire_and_opens_and_closes_its_card(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, xyz())
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    names = []
    for key in ("ArrowUp", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        names.append(page.evaluate("document.activeElement.querySelector('title').textContent"))
    assert names == ["z = 4", "d", "z = 4"]
    page.keyboard.press("Enter")
    assert page.get_by_role("region", name="The wire z").is_visible()
    page.keyboard.press("ArrowRight")  # still steps
    assert page.locator(".mg-count").inner_text() == "2 / 8"
    page.keyboard.press("Escape")
    assert page.locator(".mg-card").count() == 0
    assert page.evaluate("document.activeElement.querySelector('title').textContent") == "z = 4"


def test_a_page_begins_with_the_card_that_it_is_given(open_page, tmp_path):
    f = xyz()
    walk = mg.step_through(f)
    d = next(value for value in f.args if value.label == "d")
    page = open_page(walk.to_html(tmp_path / "a.html", card=d))
    assert page.get_by_role("region", name="The wire d").is_visible()
    assert page.locator(".mg-count").inner_text() == "8 / 8"
    with pytest.raises(ValueError, match=r"no wire of Value\(data=1.0.*give a Value of this graph"):
        walk.to_html(tmp_path / "b.html", card=mg.Value(1.0))


def test_a_quiz_s_wires_tell_nothing(open_page, tmp_path):
    page = open_page(mg.quiz(xyz()).to_html(tmp_path / "a.html"))
    assert page.locator("svg [role=button]").count() == 0
    titles = page.locator("svg title").evaluate_all("all => all.map(e => e.textContent)")
    assert titles == []


# ------------------------------------------------------------------------ paper


A4 = {"width": 794, "height": 1123}  # pixels


@pytest.mark.parametrize(("name", "scheme"), few(1, [("xyz", "dark"), ("network", "light")]))
def test_paper_has_the_final_picture_and_all_steps(open_page, tmp_path, name, scheme):
    f = GRAPHS[name]()
    page = open_page(
        mg.step_through(f).to_html(tmp_path / "a.html"), color_scheme=scheme, viewport=A4
    )
    pages = len(re.findall(rb"/Type /Page\b", page.pdf(format="A4")))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(itertools.chain(*numbers(page.locator("body")).values()))
    assert not any(one.is_visible() for one in page.locator(".mg-controls, .mg-said").all())
    items = page.locator(".mg-steps button")
    assert items.all_inner_texts() == [step.text for step in mg.step_through(f)]
    (picture,) = boxes(page, "svg")
    assert inside(picture, {"x": 0, "y": 0, **A4})
    assert pages == math.ceil(page.evaluate("document.querySelector('main').offsetHeight") / 1060)
    paper = page.evaluate("getComputedStyle(document.querySelector('.mg-stepper')).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".mg-count").text_content() == f"1 / {items.count()}"


# ------------------------------------------------------------------------ frames, and everyone


def test_a_bare_page_is_the_stage_alone_and_takes_no_focus(open_page, tmp_path):
    mg.step_through(xyz()).to_html(tmp_path / "bare.html", bare=True)
    outer = tmp_path / "outer.html"
    outer.write_text('<input autofocus><iframe width="900" height="500" src="bare.html#step=3">')
    page = open_page(outer, **STILL)
    frame = page.frame_locator("iframe")
    assert frame.locator(".mg-count").inner_text() == "3 / 8"
    assert frame.locator("h1").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "INPUT"
    box = frame.locator(".mg-stepper").bounding_box()
    assert box["height"] == pytest.approx(500, abs=2)


def test_buttons_are_large_enough_for_fingers(open_page, tmp_path):
    page = walk_page(open_page, tmp_path, xyz(), *SIZES[0])
    page.get_by_role("button", name="Steps").click()
    for box in boxes(page, "button, select"):
        assert min(box["width"], box["height"]) >= 44


@slow
def test_motion_is_smooth_unless_it_is_to_be_reduced(open_page, tmp_path):
    for wish in ("reduce", "no-preference"):
        path = mg.step_through(network()).to_html(tmp_path / "a.html")
        page = open_page(path, reduced_motion=wish)
        page.evaluate(
            """() => { window.found = []; const by = Element.prototype.scrollBy;
            Element.prototype.scrollBy = function (options) {
                window.found.push(options.behavior); return by.call(this, options); } }"""
        )
        page.keyboard.press("End")
        assert set(page.evaluate("window.found")) == {"instant" if wish == "reduce" else "smooth"}


PAGES = {
    "walk": lambda path: mg.step_through(xyz()).to_html(path),
    "network": lambda path: mg.step_through(network()).to_html(path),
    "bare": lambda path: mg.step_through(xyz()).to_html(path, bare=True),
    "quiz": lambda path: mg.quiz(xyz()).to_html(path),
    "exercise": lambda path: mg.quiz(xyz()).exercise(path),
    "folds": lambda path: mg.draw(moons()[1]).to_html(path),
}


@pytest.mark.parametrize("scheme", few(1, ["light", "dark"]))
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[slow] * (name in ("network", "folds"))) for name in PAGES]
)
def test_axe_finds_nothing_serious(open_page, tmp_path, name, scheme):
    axe = npm_package("axe-core").joinpath("axe.min.js").read_text(encoding="utf-8")
    page = open_page(PAGES[name](tmp_path / "a.html"), color_scheme=scheme, **STILL)
    page.evaluate(axe)
    wires = page.locator("svg g[role=button]")
    for opened in (False, True):
        if opened and wires.count():
            page.keyboard.press("End")
            wires.first.press("Enter")
        found = page.evaluate("axe.run()")["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not [(one["id"], one["nodes"][0]["html"]) for one in serious]
