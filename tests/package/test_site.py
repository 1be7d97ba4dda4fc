"""The documentation site: its links lead somewhere, its pictures live, and all can use it."""

import json
import re

import pytest

from tests.effort import slow
from tests.eyes import contrast
from tests.needs import EXAMPLES, ROOT, loaded, needed, npm_package
from tests.pages import SEEN, brightness, sentence

GUIDES = sorted((EXAMPLES / "guide").glob("*.ipynb"))
PAGES = (
    "index",
    "guide/01_your_first_graph",
    "guide/02_the_chain_rule_by_walking",
    "guide/04_training_and_watching",
    "api/micrograd_plus.nn",
    "contributing",
    "search",
)
EVERYWHERE = [(*screen, page) for screen in (("light", 1280), ("dark", 390)) for page in PAGES]


@pytest.fixture
def builder(monkeypatch):
    needed("sphinx", "nbformat")
    monkeypatch.syspath_prepend(ROOT / ".github")
    return loaded(ROOT / ".github" / "site.py")


def test_links_that_lead_nowhere_are_found(builder, tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="b.html#there"></a><a href="https://example.org/lost">'
        '<a href="#here"></a><a href="#lost"></a><a href="b.html#lost"></a><img src="lost.png">'
    )
    (tmp_path / "b.html").write_text('<h1 id="there"></h1><a href="a.html"></a>')
    lost = ["#lost", "b.html#lost", "lost.png"]
    assert builder.broken(tmp_path) == [f"a.html: {link}" for link in lost]


def test_a_page_has_the_links_of_its_file(builder, tmp_path):
    site, source = tmp_path / "site", tmp_path / "source"

    def moved(text):
        return builder.moved(text, ROOT / "README.md", source, site)

    guide = "guide/01_your_first_graph.ipynb"
    assert moved(f"[1](examples/{guide}#a)") == f"[1](/{guide}#a)"
    assert moved("[x](examples), `[x](y)`, [x](https://y)") == "x, `[x](y)`, [x](https://y)"
    assert moved("![x](.github/layout.svg)") == "![x](/.github/layout.svg)"
    assert (source / ".github" / "layout.svg").exists()
    light, dark = (f"examples/pictures/training-{scheme}.png" for scheme in ("light", "dark"))
    assert (
        moved(
            f'<picture><source media="dark" srcset="{dark}"><img src="{light}" alt="x"></picture>'
        )
        == f"![x](/{light}){{.only-light}}\n![x](/{dark}){{.only-dark}}"
    )
    walk = '<picture><source srcset="walk-dark.gif"><img src="walk-light.gif" alt="x"></picture>'
    assert "data-living" in moved(walk)
    play = "[x](examples/browser/index.html)"
    assert moved(play) == "x"
    (site / "play").mkdir(parents=True)
    (site / "play" / "index.html").touch()
    assert moved(play) == '<a href="play/index.html">x</a>'
    with pytest.raises(SystemExit, match=r"there is no lost\.md"):
        moved("[x](lost.md)")


def graphs(path):
    """The outputs of a guide that are graphs, as pictures or as walks."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            said = "".join(data.get("text/plain", ""))
            if "text/html" in data or ("image/svg+xml" in data and re.match("Value|<Pict", said)):
                yield said


@slow
def test_every_picture_of_a_graph_is_live(site):
    counts = {"index": 3, **{f"guide/{path.stem}": len([*graphs(path)]) for path in GUIDES}}
    assert sum(counts.values()) >= 15
    for name, count in counts.items():
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        assert len(re.findall(r'<div class="[\w -]+" data-living=', html)) == count, name


@slow
def test_numbers_follow_and_folds_open(site, open_page):
    page = open_page(site / "guide" / "01_your_first_graph.html")
    played = page.locator(".mg-player").first
    x = played.get_by_role("textbox", name="x =")
    x.fill("5")
    x.press("Enter")
    played.get_by_role("button", name="First step").click()
    assert sentence(played) == "x = 5, y = −3, z = 4"
    page = open_page(site / "guide" / "12_from_one_neuron_to_a_gpt.html")
    first, second = (page.locator(".mg-folds:has(.mg-way *)").nth(i) for i in range(2))
    way = first.locator(".mg-way")
    first.get_by_role("link", name="Open").first.press("Enter")
    assert "›" in way.inner_text()
    assert second.locator(".mg-way").inner_text() == "Graph"  # the other one stays as it was
    way.get_by_role("link", name="Graph").click()
    assert way.inner_text() == "Graph"


@slow
def test_pages_follow_each_other_and_words_are_found_without_a_server(site, open_page):
    page = open_page(site / "index.html")
    for heading in ("1 · Your first graph", "2 · The chain rule by walking"):
        page.get_by_role("link", name=f"Next {heading}").click()
        assert page.locator("h1").first.inner_text().startswith(heading)
    page.get_by_role("link", name="Previous 1 · Your first graph").click()
    page.get_by_placeholder("Search").fill("upstream")
    page.keyboard.press("Enter")
    page.locator("#search-results").get_by_role("link", name="2 · The chain rule").click()
    assert page.locator("h1").first.inner_text().startswith("2 · ")


@slow
@pytest.mark.parametrize(("scheme", "width", "name"), EVERYWHERE)
def test_pages_are_dark_and_narrow_as_the_screen_and_can_be_used(
    site, open_page, scheme, width, name
):
    axe = npm_package("axe-core").joinpath("axe.min.js").read_text(encoding="utf-8")
    page = open_page(
        site / f"{name}.html", color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for picture in page.locator("article img:visible").all():
        darkest, behind, brightest = brightness(picture)
        assert (behind < 60) if scheme == "dark" else (behind > 200)
        assert brightest - darkest > 120  # small ones are blurred
    page.locator("details").evaluate_all("all => all.forEach(e => e.open = true)")
    page.evaluate(axe)
    found = page.evaluate("axe.run({preload: false})")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in serious]


@slow
def test_the_switch_turns_pictures_dark_with_the_page(site, open_page):
    page = open_page(site / "guide" / "02_the_chain_rule_by_walking.html", color_scheme="light")
    page.locator("body").evaluate("body => body.dataset.theme = 'dark'")
    seen = page.locator("article").evaluate(SEEN)
    assert {contrast(behind, "#ffffff") > 5 for *_, behind in seen} == {True}
    page = open_page(site / "guide" / "04_training_and_watching.html", color_scheme="light")
    page.locator("body").evaluate("body => body.dataset.theme = 'dark'")
    _, behind, _ = brightness(page.locator("article img:visible").first)
    assert behind < 60


@slow
@pytest.mark.parametrize("name", [f"guide/{path.stem}" for path in GUIDES])
def test_all_of_a_guide_is_on_paper(site, open_page, name):
    page = open_page(site / f"{name}.html", viewport={"width": 718, "height": 1000})  # A4
    page.emulate_media(media="print")
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    assert page.locator("article pre").evaluate_all(cut) == []
    assert not page.get_by_text("Skip to content").is_visible()
