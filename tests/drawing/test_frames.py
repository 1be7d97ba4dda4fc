"""Frames for slides: one per step, of one layout."""

import errno
import io
import re
import shutil
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.drawing import frames
from micrograd_plus.drawing.dot import labels, layout
from micrograd_plus.drawing.dot.layout import LayoutError
from micrograd_plus.drawing.look import FORWARD, GRADIENT, LIT_GATE, LIT_PLATE, LIT_WIRE, TEXT
from micrograd_plus.drawing.scene.parts import GraphTooLargeError
from micrograd_plus.testing import graphs
from tests.effort import examples
from tests.graphs import xyz


def parse(path):
    """The SVG's size, its shapes with their places, its texts with theirs, and what is lit."""
    svg = ET.fromstring(path.read_text(encoding="utf-8"))
    shapes, texts, lit = [], {}, []
    for part in svg.findall(".//{*}g"):
        for shape in part.findall("*"):
            tag = shape.tag.rpartition("}")[2]
            look = {shape.get("fill"), shape.get("stroke")}
            if {LIT_GATE, LIT_WIRE, LIT_PLATE} & look:
                lit.append(part.get("id"))
            if tag == "text" and shape.text.strip():
                place = part.get("id"), shape.get("x"), shape.get("y")
                texts[place] = shape.text, shape.get("fill")
            elif tag in ("path", "polygon", "ellipse") and LIT_PLATE not in look:
                places = {k: v for k, v in shape.items() if k not in ("fill", "stroke")}
                shapes.append((part.get("id"), tag, places))
    return (svg.get("width"), svg.get("height")), shapes, texts, {*lit}


def test_one_file_per_step_in_order(tmp_path):
    paths = mg.step_through(xyz()).frames(tmp_path / "new")
    assert [path.name for path in paths] == [
        "01-given.svg",
        "02-forward.svg",
        "03-forward.svg",
        *[f"{i:02}-backward.svg" for i in range(4, 9)],
    ]
    assert paths == sorted((tmp_path / "new").iterdir())


def test_the_layout_stands_still_and_the_numbers_appear(tmp_path):
    walk = mg.step_through(xyz())
    size, shapes, last, _ = parse(walk.frames(tmp_path)[-1])
    assert len(last) == 17  # two numbers on each of five wires, five names and two symbols
    count = 7
    for step, path in zip(walk, walk.frames(tmp_path), strict=True):
        found = parse(path)
        assert found[:2] == (size, shapes)
        assert found[2].items() <= last.items()
        count += len(step.changes)
        assert len(found[2]) == count
        shown = [number for wire in step.visible.values() for number in wire if number is not None]
        colored = [text for text, color in found[2].values() if color in (FORWARD, GRADIENT)]
        assert sorted(colored) == sorted(map(labels.number, shown))


def fan_out():
    """A graph in which a and b go two ways each."""
    a, b = mg.values(a=2, b=-0.5)
    f = (a * b + a) * mg.tanh(b)
    f.label = "L"
    return f


def test_where_paths_meet_frames_show_the_shares_and_the_sum_so_far(tmp_path):
    walk = mg.step_through(fan_out())
    seen = {}
    for step, path in zip(walk, walk.frames(tmp_path), strict=True):
        (_, _, texts, _) = parse(path)
        for node, slot, number in step.changes:
            seen[node, slot] = number
        if step.edge in walk.shares:
            seen[step.edge] = step.upstream * step.local
        shown = [text for text, color in texts.values() if color in (FORWARD, GRADIENT)]
        assert sorted(shown) == sorted(map(labels.number, seen.values()))
    assert len(walk.shares) == 4


def test_the_parts_of_a_step_are_lit_as_in_the_page(tmp_path):
    lit = [parse(path)[3] for path in mg.step_through(xyz()).frames(tmp_path)]
    x, y, d, z, f = (f"v{i}" for i in range(5))
    assert lit == [
        set(),
        {d, "s2", "o2"},
        {f, "s4", "o4"},
        {f, "s4"},
        {z, "s3", "o4", "e4_1"},
        {d, "s2", "o4", "e4_0"},
        {y, "s1", "o2", "e2_1"},
        {x, "s0", "o2", "e2_0"},
    ]


@given(graphs())
@examples(10)
def test_any_graph_stands_still(tmp_path_factory, graph):
    root, _ = graph
    folder = tmp_path_factory.mktemp("frames")
    root.label = "漢字_long" * 3  # wider than what the layout expects
    found = [parse(path) for path in mg.step_through(root).frames(folder)]
    *_, (size, shapes, last, _) = found
    for frame in found:
        assert frame[:2] == (size, shapes)
        assert frame[2].keys() <= last.keys()
        changed = {color for place, (text, color) in frame[2].items() if last[place][0] != text}
        assert changed <= {GRADIENT}  # the sum so far of a value to which several paths lead
    assert sorted(len(frame[2]) for frame in found) == [len(frame[2]) for frame in found]


def test_png_frames_have_one_size_and_differ(tmp_path):
    images = [path.read_bytes() for path in mg.step_through(xyz()).frames(tmp_path, format="png")]
    assert all(image.startswith(b"\x89PNG") for image in images)
    assert len({image[16:24] for image in images}) == 1  # width and height
    assert len(set(images)) == len(images)


def inflated(stream):
    """What a compressed part of a PDF says; nothing of one in another form."""
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def test_pdf_frames_have_one_size(tmp_path, needs_dot):
    pages = [path.read_bytes() for path in mg.step_through(xyz()).frames(tmp_path, format="pdf")]
    # newer versions of cairo compress this part, too
    streams = [re.findall(rb"stream\r?\n(.*?)endstream", page, re.DOTALL) for page in pages]
    boxes = [
        re.findall(rb"/MediaBox ?(\[[^]]*\])", b"".join([page, *map(inflated, found)]))
        for page, found in zip(pages, streams, strict=True)
    ]
    assert all(boxes)
    assert len({box for found in boxes for box in found}) == 1
    assert len(set(pages)) == len(pages)


def test_the_system_draws_them_too(tmp_path, needs_dot, monkeypatch):
    monkeypatch.setattr(layout, "_bundled", lambda: None)
    given, *_, last = (parse(path) for path in mg.step_through(xyz()).frames(tmp_path))
    assert given[0] == last[0]
    assert (len(given[2]), len(last[2])) == (10, 17)


def test_frames_of_many_steps_sort_by_name(tmp_path):
    steps = [*mg.step_through(xyz())] * 13
    sources = ("digraph {}" for _ in steps)
    paths = frames.write_frames(tmp_path, steps, sources)
    assert (paths[0].name, paths[-1].name) == ("001-given.svg", "104-backward.svg")
    assert paths == sorted(tmp_path.iterdir())


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "count", "shown"),
    [(Terminal, 40, True), (Terminal, 8, False), (io.StringIO, 40, False)],
)
def test_many_frames_have_a_bar_on_a_terminal(tmp_path, monkeypatch, capsys, stream, count, shown):
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stderr := stream())
        patch.setattr(layout, "render", lambda source, format: b"<svg/>")
        steps = [*mg.step_through(xyz())] * (count // 8)
        frames.write_frames(tmp_path, steps, ("" for _ in steps))
    assert (f"frame {count} of {count}" in stderr.getvalue()) is shown
    assert (stderr.getvalue() != "") is shown
    assert capsys.readouterr().out == ""


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(layout, "render", lambda *args: drawn.append(args))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        mg.step_through(xyz()).frames(tmp_path / "file")
    with pytest.raises(OSError, match="missing"):
        mg.step_through(xyz()).frames(tmp_path / "missing" / "folder")
    assert not drawn
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_all_frames_or_none(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match="no format 'gif'; choose from svg, png, pdf"):
        mg.step_through(xyz()).frames(tmp_path / "a", format="gif")
    with pytest.raises(GraphTooLargeError, match="limit=5"):
        mg.step_through(xyz(), limit=4).frames(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(LayoutError, match="PDF"):
            mg.step_through(xyz()).frames(tmp_path / "a", format="pdf")
    assert not [*tmp_path.iterdir()]

    def fail_later(source, format):
        drawn.append(source)
        if len(drawn) > 2:
            raise LayoutError("out of luck")
        return render(source, format)

    old, render, drawn = mg.step_through(xyz()).frames(tmp_path)[0].read_bytes(), layout.render, []
    with monkeypatch.context() as patch:
        patch.setattr(layout, "render", fail_later)
        with pytest.raises(LayoutError, match="out of luck"):
            mg.step_through(Value(2, "a") * 3).frames(tmp_path)
    assert len([*tmp_path.iterdir()]) == 8
    assert (tmp_path / "01-given.svg").read_bytes() == old
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            mg.step_through(Value(2, "a") * 3).frames(tmp_path)
    assert len([*tmp_path.iterdir()]) == 8
    assert (tmp_path / "01-given.svg").read_bytes() == old


def test_frames_of_another_walk_are_replaced(tmp_path):
    """What is in the folder in this format is one walk, and all else stays as it was."""
    ours, others = mg.step_through(xyz()), ["01-intro.svg", "1-given.svg", "01-given.svg.old"]
    many = frames.write_frames(tmp_path, [*ours] * 13, ("digraph {}" for _ in range(104)))
    png = ours.frames(tmp_path, "png")
    for name in others:
        (tmp_path / name).touch()
    assert many[0].name == "001-given.svg"
    for walk in (ours, mg.step_through(Value(2, "a") * 3), ours):
        expected = walk.frames(tmp_path / "alone")
        walk.frames(tmp_path)
        found = {path for path in tmp_path.glob("*.svg") if path.name not in others}
        assert {path.name for path in found} == {path.name for path in expected}
        assert all(
            path.read_bytes() == (tmp_path / "alone" / path.name).read_bytes() for path in found
        )
    assert all(path.exists() for path in [*png, *(tmp_path / name for name in others)])


def test_hostile_labels_stay_in_their_frames(tmp_path):
    label = '<text fill="transparent">x</text>'
    walk = mg.step_through(Value(2, label) * 3)
    texts = [parse(path)[2].values() for path in walk.frames(tmp_path)]
    assert all((label, TEXT) in [*found] for found in texts)
    assert shutil.which("dot") is None or walk.frames(tmp_path, format="pdf")


@pytest.mark.parametrize("label", ["x", "a_long_name_of_a_leaf"])
def test_sentences_stand_below_frames_that_stand_still(tmp_path, label):
    f = xyz() * Value(0.123456, label) + 1
    walk = mg.step_through(f)
    bare = [parse(path) for path in walk.frames(tmp_path / "bare")]
    told = [parse(path) for path in walk.frames(tmp_path / "told", sentences=True)]
    assert len({size for size, *_ in told}) == 1
    graphs = [[shape for shape in shapes if shape[0] != "graph0"] for _, shapes, *_ in told]
    assert all(shapes == graphs[0] for shapes in graphs)
    for step, (_, _, plain, _), (_, _, texts, _) in zip(walk, bare, told, strict=True):
        said = [text for (part, *_), (text, _) in texts.items() if part == "graph0"]
        assert " ".join(said) == step.text
        assert len(texts) - len(said) == len(plain)
