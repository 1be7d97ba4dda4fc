"""Slides: a page, a PDF, a program for LaTeX and a GIF, of one layout that stands still."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus._tools import latex
from micrograd_plus.drawing.dot import labels
from micrograd_plus.drawing.slides.deck import deck
from micrograd_plus.drawing.slides.marks import Text, drawn
from micrograd_plus.ops import TABLE
from tests.effort import examples, few, slow
from tests.graphs import xyz
from tests.hostile import FEW
from tests.needs import needed, program, skip

SIZE = (1600, 900)


def neuron():
    w, x, b = Value(-3, "w_0"), Value(-2, "x1"), Value(-3, r"\beta")
    return 1 / (1 + mg.exp(-(w * x + b)))


def test_the_marks_of_a_picture_are_those_of_its_svg():
    svg = mg.draw(neuron()).pipe("svg").decode()
    root = ET.fromstring(svg)
    left, top = map(float, re.search(r"translate\((\S+) (\S+)\)", svg).groups())
    drawing = drawn(svg)
    assert [drawing.width, drawing.height] == list(map(float, root.get("viewBox").split()[2:]))
    texts = {
        (e.text, float(e.get("x")) + left, float(e.get("y")) + top)
        for e in root.iterfind(".//{*}text")
    }
    assert {(m.text, *m.place) for m in drawing.marks if isinstance(m, Text)} == texts
    lines = [mark for mark in drawing.marks if not isinstance(mark, Text)]
    shapes = sum(len(root.findall(f".//{{*}}{tag}")) for tag in ("path", "ellipse", "polygon"))
    assert len(lines) == shapes - 1  # without the background
    for ellipse in root.iterfind(".//{*}ellipse"):
        cx, cy, rx, ry = (float(ellipse.get(name)) for name in ("cx", "cy", "rx", "ry"))
        reach = [
            (cx - rx + left, cy - ry + top),
            (cx + rx + left, cy + ry + top),
        ]
        points = [[p for _, points in line.path for p in points[-1:]] for line in lines]
        found = [
            [(min(x), min(y)), (max(x), max(y))] for x, y in (zip(*p, strict=True) for p in points)
        ]
        assert any(sum(found_, ()) == pytest.approx(sum(reach, ())) for found_ in found)


def test_a_deck_has_the_walks_sentences_and_numbers_and_all_else_stands_still():
    walk = mg.step_through(neuron())
    made = deck(walk, SIZE, 1.0, "talk")
    assert len(made.slides) == len(walk)
    always = {mark for mark, on in made.changing().items() if len(on) == len(walk)}
    assert {"w", "x", "β", "0", "1", "exp", "×−1"} <= {
        m.text for m in always if isinstance(m, Text)
    }
    for step, marks in zip(walk, made.slides, strict=True):
        texts = [mark for mark in marks if isinstance(mark, Text)]
        said = [
            mark.text for mark in texts if mark.place[1] > made.said[1] and mark.anchor == "start"
        ]
        assert " ".join(said) == step.text
        shown = [x for pair in step.visible.values() for x in pair if x is not None]
        above = [m.text for m in texts if m.place[1] < made.said[1]]
        numbers = [text for text in above if re.fullmatch(r"−?\d+\.\d+", text)]
        assert sorted(numbers) == sorted(map(labels.number, shown))
        for mark in texts:
            assert 0 < mark.place[0] < SIZE[0]
            assert 0 < mark.place[1] < SIZE[1]


@slow
@examples(25)
@example(1, (300, 1598))
@given(st.integers(1, 60), st.tuples(st.integers(300, 2000), st.integers(300, 2000)))
def test_sentences_have_room_whatever_their_number_and_the_size(leaves, size):
    f = mg.sum([Value(i + 0.123, f"leaf_{i}") for i in range(leaves)])
    made = deck(mg.step_through(f), size, 1.0, "talk")
    for marks in made.slides:
        said = [m for m in marks if isinstance(m, Text) and m.place[1] > made.said[1]]
        assert max(mark.place[1] for mark in said) <= size[1]
        assert all(m.place[0] + 0.45 * len(m.text) * m.size < size[0] for m in said[:-1])


def test_a_gif_has_a_picture_for_each_step_which_stands_still(tmp_path):
    needed("matplotlib", "PIL")
    from PIL import Image, ImageChops

    walk = mg.step_through(xyz())
    with Image.open(walk.slides(tmp_path / "a.gif", size=(640, 360), seconds=0.5)) as image:
        assert (image.size, image.n_frames, image.info["duration"]) == ((640, 360), len(walk), 500)
        pictures = []
        for i in range(len(walk)):
            image.seek(i)
            pictures.append(image.convert("RGB"))
    assert all(picture.getpixel((2, 2)) == (255, 255, 255) for picture in pictures)
    for before, after in pairwise(pictures):
        assert ImageChops.difference(before, after).getbbox() is not None
    # the name and the beginning of the wire of x, which no step but the last is about
    place = (75, 35, 110, 70)
    assert len({picture.crop(place).tobytes() for picture in pictures[:-1]}) == 1
    assert len(pictures[0].crop(place).getcolors()) > 2


def test_a_pdf_has_a_page_for_each_step_of_lines_and_letters(tmp_path):
    needed("matplotlib")
    walk = mg.step_through(xyz())
    content = walk.slides(tmp_path / "talk.pdf", size=(1000, 750)).read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == len(walk)
    assert {*re.findall(rb"/MediaBox \[ (.*?) \]", content)} == {b"0 0 720 540"}
    assert b"/Title (talk)" in content
    assert b"DejaVuSans" in content
    assert b"/Subtype /Image" not in content


@slow
def test_latex_has_an_overlay_for_each_step(tmp_path):
    program("pdflatex", package="texlive-latex-base")
    found = subprocess.run(["kpsewhich", "beamer.cls"], capture_output=True, check=False)
    if not found.stdout:
        skip("there is no Beamer: apt-get install texlive-latex-recommended texlive-pictures")
    f = neuron()
    for i, label in enumerate(FEW):
        f = f + Value(i + 1e-9, label)
    walk = mg.step_through(f)
    walk.slides(tmp_path / "talk.tex")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape"]
    run = subprocess.run([*command, "talk.tex"], cwd=tmp_path, capture_output=True, check=False)
    told = run.stdout.decode(errors="replace")
    assert run.returncode == 0, told[-2000:]
    assert f"({len(walk)} pages" in told.replace("\n", "")


def test_latex_has_the_signs_of_all_operations():
    for op in TABLE.values():
        for text in (op.symbol, *(op.gates or ())):
            assert "ifdefined" not in latex.plain(text), op.name


def shown(page):
    """The texts that a slide shows."""
    return page.locator("svg text:not([hidden])").all_text_contents()


def test_a_page_is_turned_by_keys_a_click_and_its_address(open_page, tmp_path):
    walk = mg.step_through(xyz())
    page = open_page(walk.slides(tmp_path / "a.html"), viewport={"width": 1280, "height": 900})

    def step():
        assert page.locator("li:not([hidden])").all_text_contents() == [walk[here].text]
        assert f"{here + 1} / {len(walk)}" in shown(page)
        assert page.url.endswith(f"#step={here + 1}")
        assert page.locator("svg").first.get_attribute("aria-label") == walk[here].text

    here = 0
    step()
    for key, change in {
        "ArrowRight": 1,
        "PageDown": 1,
        "Space": 1,
        "ArrowLeft": -1,
        "PageUp": -1,
        "End": 6,
        "Home": -7,
    }.items():
        page.keyboard.press(key)
        here += change
        step()
    page.locator("svg").click()
    here = 1
    step()
    assert {"−2.00", "1.00"} <= {*shown(page)}
    assert "−8.00" not in shown(page)
    page.evaluate("location.hash = '#step=8'")
    here = 7
    step()
    box = page.locator("rect").bounding_box()
    assert (box["width"], box["height"]) == (1280, 720)


def test_a_page_is_printed_a_page_a_slide(open_page, tmp_path):
    walk = mg.step_through(xyz())
    page = open_page(walk.slides(tmp_path / "a.html"))
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == len(walk)
    assert page.locator("svg").count() == 1


@pytest.mark.parametrize("label", few(2, FEW))
def test_any_label_on_a_slide_is_text(open_page, tmp_path, label):
    page = open_page(mg.step_through(Value(1.5, label) * 2).slides(tmp_path / "a.html"))
    assert page.locator("script").count() == 1
    assert len(shown(page)) >= 4


def test_digits_are_those_of_all_numbers(tmp_path):
    walk = mg.step_through(Value(2.0, "x") / 3)
    for wanted, number in ((None, "0.67"), (5, "0.66667")):
        text = walk.slides(tmp_path / "a.html", digits=wanted).read_text(encoding="utf-8")
        assert f">{number}</text>" in text
        assert (">f = x / 3 = 2 / 3 = 0.66667</text>" in text) == bool(wanted)


def test_what_can_not_be_written_is_told(tmp_path):
    walk = mg.step_through(xyz())
    for path, options, words in (
        ("a.ppt", {}, r"there are no slides in 'ppt'.*end it in \.html, \.pdf, \.tex, \.gif"),
        ("a", {}, "there are no slides in ''"),
        ("a.htm", {}, r"did you mean html\?"),
        ("a.pdf", {"size": (1600,)}, r"size must be a width and a height .* not \(1600,\)"),
        ("a.pdf", {"size": (1600, 9)}, "100 to 10,000 pixels"),
        ("a.gif", {"seconds": 0}, "seconds must be from 0.02 to 600, not 0"),
        ("a.pdf", {"digits": 0}, "digits must be a whole number from 1 to 17"),
    ):
        with pytest.raises(ValueError, match=words):
            walk.slides(tmp_path / path, **options)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("ending", "module"), [("pdf", "matplotlib"), ("gif", "PIL"), ("gif", "matplotlib")]
)
def test_a_missing_package_is_named_with_the_command(tmp_path, monkeypatch, ending, module):
    for name in [*sys.modules]:
        if name.partition(".")[0] == module:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    words = rf"this needs {module}.*: pip install 'micrograd-plus\[slides\]'"
    with pytest.raises(ModuleNotFoundError, match=words):
        mg.step_through(xyz()).slides(tmp_path / f"a.{ending}")
    assert not [*tmp_path.iterdir()]
