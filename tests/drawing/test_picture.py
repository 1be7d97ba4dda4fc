"""Pictures: their DOT, their files, and that looking changes nothing."""

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, values
from micrograd_plus._tools import files
from micrograd_plus._tools.text import visible
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.layout import LayoutError
from micrograd_plus.drawing.frames import walked
from micrograd_plus.drawing.look import NAME
from micrograd_plus.drawing.pages.stepper import told
from micrograd_plus.drawing.scene.parts import LIMIT, GraphTooLargeError, scene
from micrograd_plus.graph import order
from micrograd_plus.testing import graphs
from tests.effort import examples
from tests.graphs import xyz
from tests.hostile import FEW
from tests.pages import overlapping, svg_texts


def test_numbers_on_the_wires_and_symbols_in_the_gates():
    f = xyz(d="")
    f.backward()
    texts = svg_texts(mg.draw(f))
    labels, gates = ["x", "y", "z", "f"], ["+", "×"]
    forward = ["1.00", "−3.00", "4.00", "−2.00", "−8.00"]
    backward = ["4.00", "4.00", "−2.00", "4.00", "1.00"]
    assert sorted(texts) == sorted([*labels, *gates, *forward, *backward])


def test_gradients_are_dashes_before_backward():
    assert svg_texts(mg.draw(xyz())).count("–") == 5
    assert svg_texts(mg.draw(xyz(), style="box")).count("grad –") == 5


def test_constants_stand_inside_their_gate():
    x = Value(1, "x")
    texts = svg_texts(mg.draw(1 / (1 + mg.exp(-x)) * 2 - 3))
    assert {"×−1", "exp", "+1", "1/x", "×2", "−3"} <= set(texts)
    assert len(scene(1 + x * -1).parts) == 3


def test_a_value_used_twice_has_two_wires():
    a = Value(3, "a")
    source = mg.draw(a * a).source
    assert len(re.findall(r"v0:e -> o1 ", source)) == 2


def test_the_first_input_enters_above_where_order_matters():
    x, y = values(x=1, y=2)
    for compute in (lambda x, y: x - y, lambda x, y: x / y, lambda x, y: x**y):
        source = mg.draw(compute(y, x)).source
        assert re.findall(r"v(\d):e -> o2:(..)", source) == [("0", "nw"), ("1", "sw")]
        assert source.index(">y</i>") < source.index(">x</i>")
    assert ":nw" not in mg.draw(x * y + (2 - x) / 3).source


def arrows(f, **settings):
    """Where the wires of each gate arrive, by the gate and the position of the operand."""
    svg = ET.fromstring(mg.draw(f, **settings).pipe("svg"))
    tips = {}
    for edge in svg.iterfind(".//{*}g[@class='edge']"):
        if found := re.fullmatch(r"e(\d+)_(\d+)", edge.get("id")):
            corners = edge.find("{*}polygon").get("points").split()
            points = [tuple(map(float, corner.split(","))) for corner in corners]
            tips.setdefault(int(found[1]), {})[int(found[2])] = max(points)  # they point right
    return tips


@pytest.mark.parametrize("style", ["wires", "box"])
@pytest.mark.parametrize("xs", [values(x_1=1, x_2=2, x_3=3), [4.0, 5.0, 6.0]])
def test_the_factors_of_a_product_arrive_together(xs, style):
    w, (b,) = values(w_1=1, w_2=2, w_3=3), values(b=4)
    f = mg.dot(w, list(xs), b)
    texts = svg_texts(mg.draw(f, style))
    assert texts.count("w·x") == 1
    assert "Σ" not in texts
    (tips,) = arrows(f, style=style).values()
    assert sorted(tips) == [0, 1, 2, 3, 4, 5, 6]
    assert all(math.dist(tips[i], tips[i + 3]) < 3 for i in range(3))
    assert all(math.dist(tips[i], tips[j]) > 30 for i, j in combinations((0, 1, 2, 6), 2))


def test_a_dot_product_taken_apart_and_a_sum():
    w, x = values(w_1=2, w_2=-3, b=-3), values(x_1=-1, x_2=-2)
    f = mg.dot(w[:2], x, w[2])
    f.backward()
    texts = svg_texts(mg.draw(f, detail="gates"))
    assert [texts.count(gate) for gate in ("×", "+", "w·x")] == [2, 2, 0]
    assert {"−2.00", "6.00", "4.00", "1.00"} <= set(texts)
    assert "Σ" in svg_texts(mg.draw(mg.sum([*w, *x]), detail="gates"))


@pytest.mark.parametrize("style", ["wires", "box"])
def test_constants_that_do_not_fit_are_grey_leaves_without_a_gradient(style):
    x, y = values(x=1, y=2)
    f = mg.sum([x, 7.0, y, 123456789.0]) + mg.clip(x, -1234.5, 1234.5) + mg.where(y, x, 9.0)
    f.backward()
    svg = ET.fromstring(mg.draw(f, style).pipe("svg"))
    grey = [text.text for text in svg.iterfind(".//{*}text") if text.get("fill") == NAME]
    assert sorted(grey) == sorted(["7.00", "1.2·10⁸", "−1234.50", "1234.50", "9.00"])
    assert not re.search("[□…]", "".join(svg.itertext()))


@given(graphs())
def test_no_gate_leaves_anything_out(graph):
    root, _ = graph
    parts = scene(root).parts
    assert not any(re.search("[□…]", part.gate or "") for part in parts)
    for part, node in zip(parts, order(root), strict=True):
        shown = {operand.position for operand in part.operands}
        inside = {i for i, arg in enumerate(node.args) if type(arg) is float} - shown
        assert inside | shown == set(range(len(node.args)))
        assert not inside or part.gate != node.op.symbol


def shares(f):
    """The numbers on the branches of wires."""
    svg = ET.fromstring(mg.draw(f).pipe("svg"))
    branches = (part for part in svg.iterfind(".//{*}g") if re.match(r"b\d+_", part.get("id")))
    return sorted("".join(part.itertext()).split()[-1] for part in branches)


def test_each_branch_of_a_wire_has_its_share_of_the_gradient():
    a, b = values(a=2, b=3)
    f = a * b + a * a
    assert shares(f) == []
    f.backward()
    assert shares(f) == ["2.00", "2.00", "3.00"]  # 2 + 2 + 3 is the gradient of a
    f.backward()  # adds to the gradients of leaves, which are no sums of these shares then
    assert shares(f) == []
    many = mg.sum([a * i for i in range(2, 60)])
    many.backward()
    assert shares(many) == []


def test_a_share_that_is_not_finite_is_not_drawn():
    x = Value(1e-200, "x")
    f = mg.tanh(x) * 0 + mg.sqrt(x - 1e-200 + x * 0 + 1) * 0
    f.backward()
    f.args[1].args[0].args[0].data = 0.0  # where the root has no derivative
    assert "L" not in shares(f)


def test_inner_values_show_their_names():
    x, y = values(x=1, y=2)
    h = x * y
    h.label = "h_1"
    assert {"h", "1"} <= set(svg_texts(mg.draw(h + x)))


@pytest.mark.parametrize("style", ["wires", "box"])
def test_scripts_are_small_and_stand_lower_and_higher_without_a_word_of_svg_for_it(style):
    """Firefox knows no baseline-shift, and PNG has none: the places are all there is."""
    root = Value(1, "w_b") * Value(2, "W^{(1)}_{ij}")
    svg = mg.draw(root + Value(1, "x^2"), style).pipe("svg")
    assert b"baseline" not in svg
    places = {}
    for text in ET.fromstring(svg).iterfind(".//{*}text"):
        places[text.text] = float(text.get("font-size")), float(text.get("y"))
    for base, script, side in (("w", "b", 1), ("W", "ij", 1), ("W", "(1)", -1), ("x", "2", -1)):
        (size, y), (small, other) = places[base], places[script]
        assert small < 0.8 * size
        assert 0.1 * size < side * (other - y) < 0.6 * size


@pytest.mark.parametrize("label", ["x1", "x_1", "$x_1$", "x₁"])
def test_a_name_is_the_same_however_it_is_written(label):
    f = Value(1, label) * 2
    assert mg.draw(f).pipe("svg") == mg.draw(Value(1, "x_{1}") * 2).pipe("svg")
    assert mg.step_through(f)[0].text == "x₁ = 1"


def test_numbers_have_one_style_on_wires_and_in_gates():
    f = Value(123456.789) + 123456.789
    assert {"123456.79", "+123456.79", "246913.58"} <= set(svg_texts(mg.draw(f)))


def test_digits():
    x = Value(2, "x")
    f = x / 3
    f.backward()
    for style in ("wires", "box"):
        texts = " ".join(svg_texts(mg.draw(f, style, digits=5)))
        assert "0.66667" in texts
        assert "0.33333" in texts
    walk = mg.step_through(f, digits=5)
    assert walk[-1].text == "∂f/∂x = 0.33333"
    assert {
        number
        for step in told(walked(walk, 9), walk, walk.look)["steps"]
        for *_, number in step["changes"]
    } == {"2.00", "0.66667", "1.00", "0.33333"}
    for digits in (0, 18, 2.5, True, "3"):
        with pytest.raises(ValueError, match=f"digits must .* from 1 to 17, not {digits!r}"):
            mg.draw(f, digits=digits)
        with pytest.raises(ValueError, match="digits must be"):
            mg.step_through(f, digits=digits)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (0.004, "0.004"),
        (0.0551, "0.055"),
        (0, "0.00"),
        (-0.0, "0.00"),
        (1e-9, "10⁻⁹"),
        (-2.345, "−2.35"),
        (1234567.0, "1.2·10⁶"),
    ],
)
def test_small_and_large_numbers(data, text):
    assert text in svg_texts(mg.draw(Value(data)))


def test_boxes():
    f = xyz()
    f.backward()
    texts = svg_texts(mg.draw(f, style="box"))
    assert {"x", "data 1.00", "grad 4.00", "+", "×", "data −8.00", "grad 1.00"} <= set(texts)


@given(graphs())
@examples(30)
def test_drawing_changes_nothing_and_any_graph_can_be_drawn(graph):
    root, _ = graph
    root.backward()
    before = [(node.data, node.grad, node.label) for node in order(root)]
    for style in ("wires", "box"):
        ET.fromstring(mg.draw(root, style=style).pipe("svg"))
    assert [(node.data, node.grad, node.label) for node in order(root)] == before


def test_a_large_graph_folds_in_a_picture_and_is_refused_in_a_page_to_step_through():
    x = Value(1, "x")
    f = x
    for _ in range(LIMIT):
        f = f + 1
    assert "operations" in mg.draw(f).source
    details = [{"detail": detail} for detail in ("operations", "gates")]
    for options in ({"limit": LIMIT + 1}, {"limit": None}, *details):
        assert f"v{LIMIT}" in mg.draw(f, **options).source
    assert f"v{LIMIT - 1}" in mg.draw(f.args[0], limit=LIMIT).source
    with pytest.raises(GraphTooLargeError, match=r"501 nodes.*500.*inner values.*limit=501"):
        mg.step_through(f)._repr_html_()


def random_graph(count, seed):
    """A graph of sums, products and tanh of earlier values, and the sum of what is left over."""
    random = Random(seed)
    made = [Value(random.uniform(0.5, 1.5), f"x_{i}") for i in range(count // 5)]
    for k in range(len(made), count):
        a, b = random.choice(made[-12:]), random.choice(made)
        made.append((a + b, a * b, mg.tanh(a))[k % 3])
    used = {id(arg) for node in made for arg in node.args or ()}
    f = mg.sum([node for node in made if id(node) not in used])
    f.backward()
    return f


@pytest.mark.parametrize("count", [30, 70, 100, 119, 140, 250, 400])
def test_no_two_texts_overlap_and_names_stand_at_their_wires(count):
    f = random_graph(count, seed=count)
    picture = mg.draw(f)
    svg = picture.pipe()
    assert not overlapping(svg)
    root, nodes = ET.fromstring(svg), order(f)
    plates = [root.find(f".//*[@id='v{i}']") for i in range(len(nodes))]
    if len(nodes) > 120:
        assert "operations" in picture.source
        assert len([plate for plate in plates if plate is not None]) <= 32
        return
    for node, plate in zip(nodes, plates, strict=True):
        texts = plate.findall("{*}text")
        left, right = (
            [float(e.get("x")) for e in texts if (e.get("font-style") == "italic") is named]
            for named in (True, False)
        )
        assert bool(left) is (count >= 60 and node.op is None)
        assert not left or 0 < min(right) - max(left) < 35


def test_unknown_styles_and_formats_list_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'slide'; choose from wires, box"):
        mg.draw(xyz(), style="slide")
    with pytest.raises(ValueError, match="'gif'; choose from svg, png, pdf, dot"):
        mg.draw(xyz()).pipe("gif")
    with pytest.raises(ValueError, match=r"'txt'; choose from svg, png, pdf, dot, html$"):
        mg.draw(xyz()).render(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"'htm' \(did you mean html\?\)"):
        mg.draw(xyz()).render(tmp_path / "a.htm")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("format", ["svg", "png"])
def test_a_colour_that_no_one_knows_is_not_drawn_black(format):
    with pytest.raises(ValueError, match=r"'blurple' is not a colour \(did you mean .*\)"):
        mg.draw(xyz(), background="blurple").pipe(format)
    assert mg.draw(xyz(), background="lightgrey").pipe(format)


@pytest.mark.parametrize("colour", ["\ud800", 'red"; evil="1', "#12", "", "red\n"])
def test_backgrounds_are_colours(colour):
    with pytest.raises(ValueError, match="is not a colour"):
        mg.draw(xyz(), background=colour)
    assert 'bgcolor="#fefce8"' in mg.draw(xyz(), background="#fefce8").source


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = mg.draw(xyz()).render(tmp_path / "a.svg")
    before = path.read_bytes()

    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.svg'"):
        mg.draw(xyz()).render(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.svg"]
    assert path.read_bytes() == before


def test_a_link_or_a_device_is_written_through(tmp_path):
    (tmp_path / "link.dot").symlink_to(tmp_path / "real.dot")
    mg.draw(xyz()).render(tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "real.dot").exists()
    assert files.write(Path(os.devnull), b"x") == Path(os.devnull)
    assert not Path(os.devnull).is_file()


def test_labels_and_gradients_replaced_by_others_are_shown():
    x = Value(1, "x")
    f = x * 2
    f.backward()
    x.label, x.grad = 3, float("inf")
    assert {"3", "∞"} <= set(svg_texts(mg.draw(f)))


def test_images_of_large_graphs_have_fewer_pixels():
    def width(f):
        png, svg = mg.draw(f).pipe("png"), mg.draw(f).pipe("svg").decode()
        points = float(re.search(r'width="([0-9.]+)pt"', svg)[1])
        return int.from_bytes(png[16:20], "big") / points

    small = large = Value(1, "x")
    for _ in range(3):
        small = mg.tanh(small)
    for _ in range(90):
        large = mg.tanh(large)
    assert width(small) == pytest.approx(192 / 72, rel=0.02)
    assert width(large) == pytest.approx(80 / 72, rel=0.02)


def test_files_of_each_format(tmp_path):
    picture = mg.draw(xyz())
    assert picture.render(tmp_path / "a").read_bytes().startswith(b"<?xml")
    assert picture.render(tmp_path / "a.SVG").name == "a.SVG"
    assert picture.render(str(tmp_path / "a.png")).read_bytes().startswith(b"\x89PNG")
    assert picture.render(tmp_path / "a.dot").read_text(encoding="utf-8") == picture.source
    with pytest.raises(OSError, match="missing"):
        picture.render(tmp_path / "missing" / "a.svg")


def test_notebooks_get_svg_and_a_png_for_the_untrusted():
    bundle = mg.draw(xyz())._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<?xml")
    assert bundle["image/png"].startswith("iVBOR")
    assert bundle["text/plain"] == repr(mg.draw(xyz()))
    assert "DOT" in repr(mg.draw(xyz()))


@pytest.mark.parametrize("style", ["wires", "box"])
@pytest.mark.parametrize("label", FEW, ids=range(len(FEW)))
def test_hostile_labels_are_text(label, style):
    leaf, inner = Value(2, label), Value(2, "a") * 3
    inner.label = label
    f = leaf * inner
    f.label = label
    root = ET.fromstring(mg.draw(f, style=style).pipe("svg"))
    assert not [e for e in root.iter() if "script" in e.tag]
    texts = svg_texts(mg.draw(f, style=style))
    shown = visible(label)
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    found = [text.replace("\xa0", " ") for text in texts]
    on_wire = shown if len(shown) <= 10 else shown[:9] + "…"
    assert found.count(shown) + (style == "wires") * found.count(on_wire) >= 3, found


@given(st.text(max_size=20))
def test_any_label_gives_a_picture(label):
    ET.fromstring(mg.draw(Value(1, label) + 1).pipe("svg"))


# ------------------------------------------------------------------- which program


def test_pictures_need_nothing_but_python(tmp_path):
    """With an empty PATH, no system Graphviz can be found."""
    code = (
        "import shutil, micrograd_plus as mg; assert shutil.which('dot') is None;"
        "x = mg.Value(2, 'x'); p = mg.draw(x * x);"
        "p.render('a.svg'); p.render('a.png'); mg.step_through(x * x).to_html('a.html')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.png", "a.svg"]


def test_missing_programs_are_named_with_the_mend(monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = mg.draw(xyz())
    with pytest.raises(LayoutError, match=r"PDF.*apt-get install graphviz"):
        picture.pipe("pdf")
    monkeypatch.setattr(layout, "_bundled", lambda: None)
    with pytest.raises(LayoutError, match="pip install graphviz-pure"):
        picture.pipe("svg")
    assert picture.pipe("dot")  # DOT needs no program


def test_the_package_may_be_missing(monkeypatch):
    def missing(name):
        raise layout.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(layout.metadata, "files", missing)
    assert layout._bundled.__wrapped__() is None
    monkeypatch.setattr(layout.metadata, "files", lambda name: [])
    assert layout._bundled.__wrapped__() is None


def test_a_failing_program_says_why():
    with pytest.raises(LayoutError, match="syntax error"):
        layout.render("digraph {", "svg")


@pytest.mark.parametrize("number", [3, -1.5])
def test_a_wire_that_the_program_loses_is_found_at_another_distance(number):
    x = Value(number, "x")
    for f in (x**2 - 4 * x + 5, 3 * x**2 - 4 * x, x * (6 * x), x * 5 - x**2, x**3 - x / 5):
        assert f"x = {number}".replace("-", "−") in mg.step_through(f)._repr_html_()


def test_pdf_by_the_system(needs_dot):
    assert mg.draw(xyz()).pipe("pdf").startswith(b"%PDF")


def test_the_system_draws_the_same_picture(needs_dot, monkeypatch):
    f = xyz()
    f.backward()
    bundled = svg_texts(mg.draw(f))
    monkeypatch.setattr(layout, "_bundled", lambda: None)
    assert svg_texts(mg.draw(f)) == bundled
