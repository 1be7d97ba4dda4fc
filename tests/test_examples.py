"""The examples give the lecture's numbers, and README's picture is the one they draw."""

import importlib.util
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def programs():
    return sorted(EXAMPLES.rglob("*.py"))


@pytest.mark.parametrize("path", programs(), ids=lambda path: path.stem)
def test_every_example_runs(path, tmp_path, capsys):
    load(path).main(tmp_path)
    printed = capsys.readouterr().out
    assert "lecture" in printed
    assert [file.suffix for file in sorted(tmp_path.iterdir())] == [".html", ".svg"]


def test_xyz():
    example = load(EXAMPLES / "a_computational_graphs" / "xyz.py")
    _, ours = example.build()
    assert ours == example.LECTURE


def test_sigmoid_gate():
    example = load(EXAMPLES / "a_computational_graphs" / "sigmoid_gate.py")
    _, ours = example.build()
    assert {name: round(ours[name].data, 2) for name in example.FORWARD} == example.FORWARD
    assert {name: round(ours[name].grad, 2) for name in example.BACKWARD} == example.BACKWARD
    assert {name: round(ours[name].grad, 4) for name in example.LEAVES} == example.LEAVES
    assert {name: round(x, 4) for name, x in example.fold().items()} == example.FOLDED


def svg_texts(path):
    """The texts of an SVG with their looks; another layout program may place them otherwise."""
    texts = re.findall("<text.*</text>", path.read_text(encoding="utf-8"))
    return sorted(re.sub(' [xy]="[^"]*"', "", text) for text in texts)


def test_the_readmes_picture_is_up_to_date(tmp_path):
    folder = EXAMPLES / "a_computational_graphs"
    load(folder / "sigmoid_gate.py").main(tmp_path)
    new, kept = (svg_texts(place / "sigmoid_gate.svg") for place in (tmp_path, folder))
    assert len(new) == 13 * 2 + 8 + 5 + 4  # numbers, gates, names and their subscripts
    assert new == kept
