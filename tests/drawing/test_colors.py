"""Colours: legible in light and dark, and no two kinds of number told apart by hue alone."""

import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import values
from micrograd_plus.drawing import look
from micrograd_plus.drawing.dot import heatmap
from tests.effort import examples
from tests.eyes import SIGHTS, contrast, difference
from tests.graphs import xyz
from tests.pages import SEEN

STATIC = resources.files("micrograd_plus.drawing.pages").joinpath("static")
CSS = STATIC.joinpath("stepper.css").read_text(encoding="utf-8")
VARIABLES = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--mg-([a-z-]+): light-dark\((#\w+), (#\w+)\)", CSS)
}


def test_the_measures_themselves():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)
    assert difference("#ff0000", (0, 1, 0)) > 150
    assert difference("#00ff00", (0, 1, 0), "protanopia") == 0


@pytest.mark.parametrize("sight", sorted({*SIGHTS} - {"none for colours"}))
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "pair", [("forward", "gradient"), ("upstream", "local"), ("upstream", "lit-wire")], ids="-".join
)
def test_what_is_told_apart_looks_different_to_all_eyes(pair, scheme, sight):
    assert difference(*(VARIABLES[name][scheme] for name in pair), sight) > 25


@pytest.mark.parametrize(
    ("background", "texts"),
    [
        ("#ffffff", [look.FORWARD, look.GRADIENT, look.TEXT, look.NAME]),
        (look.LIT_PLATE, [look.FORWARD, look.GRADIENT, look.NAME]),
        (look.GATE, [look.TEXT]),
        (look.LIT_GATE, [look.TEXT]),
    ],
)
def test_text_in_pictures_can_be_read(background, texts):
    assert min(contrast(text, background) for text in texts) >= 4.5  # WCAG AA
    for wire in (look.INK, look.LIT_WIRE):
        assert contrast(wire, background) >= 3


@examples(200)
@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from(["wires", "box"]))
def test_a_picture_can_be_read_on_any_background(rgb, style):
    background = "#{:02x}{:02x}{:02x}".format(*rgb)
    if background != "#ffffff":
        x = mg.Value(2, "x")
        h = x * x + 1
        h.label = "h_1"
        source = mg.draw(h * x, style, background=background).source
        colors = {*re.findall(r'olor="?(#\w{6})', source)} - {background}
        assert colors
        assert min(contrast(color, background) for color in colors) >= 4.5


def test_a_named_background_is_that_of_css():
    assert 'bgcolor="#000080"' in mg.draw(xyz(), background="Navy").source
    assert mg.draw(xyz(), background="green").source == mg.draw(xyz(), background="#008000").source


@pytest.mark.parametrize("background", ["black", "#777777", "gold"])
@pytest.mark.parametrize("detail", ["layers", "neurons", "operations", "gates", "program"])
def test_all_text_can_be_read_at_any_detail(background, detail):
    if detail == "program":
        source = mg.draw(mg.compile(lambda x: x * 2, 1.0), background=background).source
    else:
        f = mg.nn.MLP(2, [3, 1])(values(x=1, y=2)) * 123.4
        f.backward()
        source = mg.draw(f, background=background, detail=detail).source
    behind = re.search(r'bgcolor="(#\w{6})"', source)[1]
    inks = {*re.findall(r'(?:<font[^>]* |font)color="(#\w{6})"', source)}
    assert inks
    assert min(contrast(ink, behind) for ink in inks) >= 4.5


def test_a_picture_and_a_page_have_the_same_colours():
    known = {
        "forward": look.FORWARD,
        "gradient": look.GRADIENT,
        "ink": look.INK,
        "text": look.TEXT,
        "name": look.NAME,
        "gate": look.GATE,
        "lit-gate": look.LIT_GATE,
        "lit-wire": look.LIT_WIRE,
        "positive": heatmap.color(1.0, 1.0),
        "negative": heatmap.color(-1.0, 1.0),
    }
    assert {name: VARIABLES[name]["light"] for name in known} == known
    assert set(VARIABLES) == {"page", "upstream", "local", *known}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_the_page_can_be_read(open_page, tmp_path, scheme):
    page = open_page(mg.step_through(xyz()).to_html(tmp_path / "a.html"), color_scheme=scheme)
    seen = []
    for _ in range(8):
        seen += page.evaluate(SEEN)
        page.keyboard.press("ArrowRight")
    assert {"Step through", "+", "×", "4.00", "−2.00", "d", "f", "▶", "Fit", "backward"} <= {
        text for text, _, _ in seen
    }
    poor = [entry for entry in seen if contrast(entry[1], entry[2]) < 4.5]  # WCAG AA
    assert not poor
    backgrounds = {behind for _, _, behind in seen}
    assert len(backgrounds) == 3  # the page, gates, lit gates


def test_the_lectures_pure_green_and_red(open_page, tmp_path):
    x, y = values(x=2, y=3)
    f = x * y
    f.backward()
    assert {"#00ff00", "#ff0000"} <= {
        *re.findall("#[0-9a-f]{6}", mg.draw(f, colors="lecture").source)
    }
    walk = mg.step_through(f, colors="lecture")
    page = open_page(walk.to_html(tmp_path / "a.html"))
    page.keyboard.press("End")
    fills = page.evaluate("""["forward", "gradient"].map(ink => getComputedStyle(
        document.querySelector(`svg [data-ink="${ink}"]`)).fill)""")
    assert fills == ["rgb(0, 255, 0)", "rgb(255, 0, 0)"]
    sentence = page.locator(".mg-sentence").evaluate("e => getComputedStyle(e).color")
    assert contrast(sentence, "#ffffff") >= 4.5
    frame = walk.frames(tmp_path / "frames")[-1].read_text(encoding="utf-8")
    assert "#00ff00" in frame
    assert look.FORWARD not in frame


def test_unknown_colours_list_the_known_ones():
    with pytest.raises(ValueError, match="no colors 'pure'; choose from accessible, lecture"):
        mg.draw(xyz(), colors="pure")
    with pytest.raises(ValueError, match="choose from accessible, lecture"):
        mg.step_through(xyz(), colors="pure")
