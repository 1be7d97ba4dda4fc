"""Lecture A, computational graphs: the examples give its numbers."""

import re

from tests.conftest import EXAMPLES

XYZ = "a_computational_graphs/xyz.py"
GATE = "a_computational_graphs/sigmoid_gate.py"


def test_xyz(example):
    module = example(XYZ).module
    _, ours = module.build()
    assert ours == module.LECTURE


def test_sigmoid_gate(example):
    module = example(GATE).module
    _, ours = module.build()
    assert {name: round(ours[name].data, 2) for name in module.FORWARD} == module.FORWARD
    assert {name: round(ours[name].grad, 2) for name in module.BACKWARD} == module.BACKWARD
    assert {name: round(ours[name].grad, 4) for name in module.LEAVES} == module.LEAVES
    assert {name: round(x, 4) for name, x in module.fold().items()} == module.FOLDED


def svg_texts(path):
    """The texts of an SVG with their looks; another layout program may place them otherwise."""
    texts = re.findall("<text.*</text>", path.read_text(encoding="utf-8"))
    return sorted(re.sub(' [xy]="[^"]*"', "", text) for text in texts)


def test_the_readmes_picture_is_up_to_date(example):
    new, kept = (
        svg_texts(place / "sigmoid_gate.svg")
        for place in (example(GATE).folder, EXAMPLES / "a_computational_graphs")
    )
    assert len(new) == 13 * 2 + 8 + 5 + 4  # numbers, gates, names and their subscripts
    assert new == kept
