"""README's pictures: the command draws those that are stored, and each is as dark as its name."""

import re
import sys

import pytest

from tests.effort import slow
from tests.needs import EXAMPLES, ROOT, loaded, needed, program
from tests.processes import started

FOLDER = EXAMPLES / "pictures"
LARGEST = {".gif": 500_000, ".png": 150_000}  # in bytes


@pytest.fixture
def draw():
    needed("PIL", "playwright")
    return loaded(FOLDER / "draw.py")


def stored():
    return {path for path in FOLDER.iterdir() if path.suffix not in (".py", "")}


def shade(path):
    """How bright the most frequent point of a picture is, to 255."""
    from PIL import Image

    with Image.open(path) as image:
        counts = image.convert("L").histogram()
    return counts.index(max(counts))


def test_each_picture_is_stored_light_and_dark_and_is_small(draw):
    names = {f"{made.__name__}-{scheme}" for made in draw.PICTURES for scheme in draw.SCHEMES}
    assert {path.stem for path in stored()} == names
    assert len(stored()) == len(names)
    for path in stored():
        assert path.stat().st_size < LARGEST[path.suffix]
        assert (shade(path) < 60) if path.stem.endswith("-dark") else (shade(path) > 200)


def test_what_readme_shows_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for address in re.findall(r"examples/[\w/.-]+\.(?:png|gif|svg)", readme):
        assert (ROOT / address).exists(), address


def test_the_walk_takes_ten_seconds_and_shows_each_step_once(draw):
    from PIL import Image, ImageSequence

    import micrograd_plus as mg

    for scheme in draw.SCHEMES:
        with Image.open(FOLDER / f"walk-{scheme}.gif") as image:
            shown = [
                (frame.info["duration"], frame.convert("RGB").tobytes())
                for frame in ImageSequence.Iterator(image)
            ]
        assert len({pixels for _, pixels in shown}) == len(mg.step_through(draw.lecture_example()))
        assert sum(duration for duration, _ in shown) == pytest.approx(10_000, rel=0.01)


def size(path):
    from PIL import Image

    with Image.open(path) as image:
        return image.size


@slow
def test_the_command_draws_what_is_stored(tmp_path):
    needed("PIL", "playwright")
    program("chromium", "google-chrome", package="chromium")
    with started([sys.executable, FOLDER / "draw.py", tmp_path]) as [drawing]:
        printed, errors = drawing.communicate()
    assert drawing.returncode == 0, printed + errors
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == sorted(path.name for path in stored())
    for path in drawn:  # fonts differ from machine to machine, and with them widths
        assert size(path) == pytest.approx(size(FOLDER / path.name), rel=0.2)
        assert abs(shade(path) - shade(FOLDER / path.name)) < 5
