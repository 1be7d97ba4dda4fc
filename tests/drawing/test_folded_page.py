"""The page of a folded graph, driven in a real browser."""

import random
import re

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.drawing.pages import folded as folded_page
from micrograd_plus.drawing.picture import Picture
from tests.effort import few, slow
from tests.graphs import moons
from tests.hostile import FEW


@pytest.fixture
def page(open_page, tmp_path):
    _, f = moons()
    return open_page(mg.draw(f, detail="layers").to_html(tmp_path / "moons.html"))


def fold_called(page, name):
    return page.get_by_role("link", name=f"{name}: ")


def expect(locator):
    """Playwright's, which waits; it is there where a browser is."""
    from playwright.sync_api import expect

    return expect(locator)


def assert_way(page, way):
    expect(page.locator(".mg-way")).to_have_text(way)


def assert_folds(page, count):
    expect(page.locator("svg [role=link]")).to_have_count(count)


def test_a_click_shows_what_is_inside_and_back_leads_out(page):
    assert_way(page, "Graph")
    assert_folds(page, 3)
    fold_called(page, "Open layers.1: Layer 16 → 16, tanh").click()
    assert_way(page, "Graph › layers.1: Layer 16 → 16, tanh")
    assert_folds(page, 16)
    fold_called(page, "Open neurons.3: Neuron 16 → 1, tanh").click()
    assert_way(page, re.compile("layers.1: Layer 16 → 16, tanh › neurons.3: Neuron 16 → 1, tanh$"))
    assert {"w·x", "tanh", "1,3,15"} <= set(page.locator("svg text").all_text_contents())
    page.go_back()
    assert_way(page, "Graph › layers.1: Layer 16 → 16, tanh")
    page.get_by_role("link", name="Graph", exact=True).click()
    assert_way(page, "Graph")
    page.go_back()
    assert_folds(page, 16)
    page.reload()
    assert_folds(page, 16)


def test_the_keyboard_is_enough(page):
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert_way(page, "Graph › layers.1: Layer 16 → 16, tanh")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert_way(page, re.compile("neurons.0: Neuron 16 → 1, tanh$"))
    page.keyboard.press("Escape")
    assert_way(page, "Graph › layers.1: Layer 16 → 16, tanh")
    page.keyboard.press("Escape")
    assert_way(page, "Graph")
    expect(fold_called(page, "Open layers.1: Layer 16 → 16, tanh")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    assert_way(page, "Graph")


@slow
def test_the_keyboard_follows_the_order_of_reading(open_page, tmp_path):
    choose = random.Random(0)
    nodes = [Value(choose.uniform(-1, 1), f"x_{i}") for i in range(12)]
    for _ in range(500):
        nodes.append(choose.choice(nodes[-40:]) * 0.5 + choose.choice(nodes[-40:]))
    page = open_page(mg.draw(mg.sum(nodes[-20:])).to_html(tmp_path / "a.html"))
    folds = page.locator("svg [role=link]")
    assert folds.count() >= 4
    folds.first.focus()
    page.keyboard.press("0")  # or the picture is scrolled
    places = []
    for _ in range(folds.count()):
        box = page.locator("svg [role=link]:focus").bounding_box()
        places.append((round(box["x"] + box["width"] / 2), box["y"]))
        page.keyboard.press("Tab")
    assert places == sorted(places)  # column by column, from top to bottom
    assert len({*places}) == folds.count()


@slow
def test_zooming(page):
    def width():
        return page.locator("svg").bounding_box()["width"]

    before = width()
    page.get_by_role("button", name="Zoom in").click()
    assert width() > before * 1.1
    fold_called(page, "Open layers.0: Layer 2 → 16, tanh").click()
    assert_folds(page, 16)
    inside = width()
    page.keyboard.press("-")
    assert width() < inside


@slow
def test_an_address_that_is_not_there_shows_the_graph(page):
    for address in ("#99999", "#x", "#-1", "#__proto__"):
        fold_called(page, "Open layers.1: Layer 16 → 16, tanh").click()
        assert_folds(page, 16)
        page.goto(page.url.partition("#")[0] + address)
        assert_way(page, "Graph")


@pytest.mark.parametrize("scheme", few(1, ["dark", "light"]))
def test_light_and_dark(open_page, tmp_path, scheme):
    _, f = moons()
    page = open_page(mg.draw(f, detail="layers").to_html(tmp_path / "a.html"), color_scheme=scheme)
    text = page.locator("svg text").first.evaluate("e => getComputedStyle(e).fill")
    back = page.locator(".mg-folds").evaluate("e => getComputedStyle(e).backgroundColor")
    light, dark = (sum(map(int, re.findall(r"\d+", c)[:3])) for c in (back, text))
    assert (light > dark) == (scheme == "light")


@pytest.mark.parametrize(
    "label",
    few(1, FEW),
    ids=range(len(FEW)),
)
def test_hostile_names_run_nothing(open_page, tmp_path, label):
    attack = label + "</script><script>alert(2)</script><img src=x onerror=alert(3)><!--"

    class Hostile(nn.Layer):
        def describe(self):
            return attack

    layer = Hostile(2, 40, seed=1)
    x, y = Value(1.0, attack), Value(2.0, attack)
    f = mg.sum(layer([x, y]))
    f.label = attack
    page = open_page(mg.draw(f, detail="layers").to_html(tmp_path / "a.html", title=attack))
    page.locator("svg [role=link]").first.click()
    assert_way(page, re.compile("›"))
    assert page.evaluate("document.images.length") == 0


@slow
def test_what_has_no_room_is_left_out_and_said(open_page, tmp_path, monkeypatch):
    monkeypatch.setattr(folded_page, "_MOST", 2)
    _, f = moons()
    path = mg.draw(f, detail="layers").to_html(tmp_path / "a.html")
    page = open_page(path)
    assert "18 of the boxes don't open" in page.locator("body").inner_text()
    assert_folds(page, 1)
    page.locator("svg [role=link]").click()
    assert_folds(page, 0)
    monkeypatch.setattr(folded_page, "_LONGEST", 10)
    assert "3 of the boxes" in mg.draw(f, detail="layers").to_html(tmp_path / "b.html").read_text(
        "utf-8"
    )


@slow
def test_pages_of_a_thousand_neurons_stay_small(tmp_path):
    model = nn.MLP(8, [500, 490, 10], activation="tanh", seed=1)
    f = nn.softmax_cross_entropy(model([Value(x / 8) for x in range(8)]), 3)
    f.backward()
    picture = mg.draw(f, detail="layers")
    assert len(picture.source) < 500_000
    assert picture.to_html(tmp_path / "a.html").stat().st_size < 6_000_000


def test_pictures_without_folds_have_a_page_too(open_page, tmp_path):
    x = Value(2.0, "x")
    for path in (
        mg.draw(x * x).render(tmp_path / "a.html"),
        Picture("digraph { a -> b }").to_html(tmp_path / "b.html", title="Two"),
    ):
        page = open_page(path)
        assert page.locator("svg").count() == 1
        assert_folds(page, 0)
        assert page.get_by_role("button", name="Zoom in").is_visible()
    assert page.title() == "Two"
