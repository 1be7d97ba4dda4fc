"""The contributors' guide: its picture of the layout, its example, and the files it names."""

import doctest
import re
from html import unescape

from tests.conftest import EXAMPLES
from tests.test_package import LAYERS, ast_is_for_types, imported, modules
from tests.test_reference import load

ROOT = EXAMPLES.parent
GUIDE = ROOT / ".github" / "CONTRIBUTING.md"
layout = load(ROOT / ".github" / "layout.py")
FRONT = "", "__main__", "_command"


def test_the_guides_example_runs():
    failed, tried = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert tried > 5


def test_what_the_guide_names_is_there():
    text = GUIDE.read_text(encoding="utf-8")
    paths = re.findall(r"[\w./]*/[\w./]+\b(?<!semver.org)", re.sub(r"https?://\S+|/\*", "", text))
    assert len(paths) > 20
    assert not [path for path in paths if not (ROOT / path.lstrip("/")).exists()]


def imports(types):
    """The pairs of rooms of which one imports the other, as tests/test_package.py finds them."""
    for name, path in modules():
        room = name.partition(".")[0]
        for other in imported(path):
            below = other.partition(".")[0]
            if room not in (*FRONT, below) and (types or not ast_is_for_types(path, other)):
                yield room, below


def reachable(arrows):
    """All pairs of which the second can be reached from the first."""
    found = set(arrows)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def test_the_picture_is_that_of_the_package():
    svg = layout.PICTURE.read_text(encoding="utf-8")
    titles = {unescape(title) for title in re.findall(r"<title>(.*?)</title>", svg)}
    arrows = {tuple(title.split("->")) for title in titles if "->" in title}
    rooms = {name.partition(".")[0] for name, _ in modules()} - {*FRONT}
    stale = "run python .github/layout.py"
    assert {title for title in titles if "->" not in title and title != "%3"} == rooms, stale
    assert arrows == layout.arrows(), stale
    # none is invented, not one is missing, and none could be left out
    assert arrows <= set(imports(types=True)), stale
    assert reachable(arrows) >= set(imports(types=False)), stale
    assert not [arrow for arrow in arrows if arrow in reachable(arrows - {arrow})]


def test_arrows_point_down():
    height = {name: -i for i, line in enumerate(LAYERS.split("\n")) for name in line.split()}
    for upper, lower in layout.arrows():
        top = max(height[name] for name in height if name.partition(".")[0] == upper)
        bottom = min(height[name] for name in height if name.partition(".")[0] == lower)
        assert top > bottom
