"""The contributors' guide: its picture of the layout, its example, and the files it names."""

import doctest
import re
from html import unescape

from tests.imports import rooms
from tests.needs import ROOT, loaded

GUIDE = ROOT / ".github" / "CONTRIBUTING.md"
layout = loaded(ROOT / ".github" / "layout.py")
FRONT = "__main__", "_command"


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
    """The pairs of rooms of which one imports the other, as the test of imports finds them."""
    return {
        (room, other)
        for room, others in rooms(types).items()
        for other in others
        if room not in FRONT
    }


def reachable(arrows):
    """All pairs of which the second can be reached from the first."""
    found = set(arrows)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def test_the_picture_is_that_of_the_package():
    svg = layout.PICTURE.read_text(encoding="utf-8")
    titles = {unescape(title) for title in re.findall(r"<title>(.*?)</title>", svg)}
    arrows = {
        found.groups() for title in titles if (found := re.fullmatch(r"(\S+) imports (\S+)", title))
    }
    shown = {*rooms()} - {*FRONT}
    stale = "run python .github/layout.py"
    assert {title.partition(": ")[0] for title in titles if ": " in title} == shown, stale
    assert arrows == layout.arrows(), stale
    # none is invented, not one is missing, and none could be left out
    assert arrows <= set(imports(types=True)), stale
    assert reachable(arrows) >= set(imports(types=False)), stale
    assert not [arrow for arrow in arrows if arrow in reachable(arrows - {arrow})]
