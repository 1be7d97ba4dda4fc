"""The pictures that README shows, each as it is seen on a light page and on a dark one.

    python examples/pictures/draw.py [FOLDER]

draws them in Chromium (`pip install '.[test]'`, `apt-get install chromium`), by default beside
this file.
"""

import io
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import micrograd_plus as mg
from micrograd_plus import nn
from micrograd_plus._tools.dark import adapting
from micrograd_plus.cli.main import main as command
from micrograd_plus.drawing.picture import Picture
from micrograd_plus.drawing.quiz import Quiz

HERE = Path(__file__).parent
SCHEMES = ("light", "dark")
SECONDS = 10  # of the walk
SIZE = {"width": 900, "height": 480}


def lecture_example() -> mg.Value:
    """The first graph of README, (x + y) · z."""
    x, y, z = mg.values(x=1, y=-3, z=4)
    d = x + y
    d.label = "d"
    f = d * z
    f.label = "f"
    return f


def asked() -> Quiz:
    """A quiz about it, of one question."""
    return mg.quiz(lecture_example(), hide=["z"])


def folded() -> Picture:
    """A loss whose network is folded into its layers."""
    model = nn.MLP(2, [8, 8, 1], activation="tanh", seed=1)
    error = nn.binary_cross_entropy_with_logits(model([0.5, -0.3]), 1)
    error.backward()
    return mg.draw(error, detail="layers")


def walk(page: Page, folder: Path) -> list[bytes]:
    """Each step of a walk."""
    steps = mg.step_through(lecture_example())
    address = steps.to_html(folder / "walk.html", bare=True).as_uri()
    shots = []
    for i in range(1, len(steps) + 1):
        page.goto(f"{address}#step={i}")
        page.get_by_text(f"{i} / {len(steps)}").wait_for()
        shots.append(page.screenshot())
    return shots


def quiz(page: Page, folder: Path) -> list[bytes]:
    """The hint after an answer with the operands swapped."""
    page.goto(asked().to_html(folder / "quiz.html", bare=True).as_uri())
    page.locator("input").fill("4")
    page.keyboard.press("Enter")
    return [page.screenshot()]


def network(page: Page, folder: Path) -> list[bytes]:
    """The folded network."""
    return shown(page, folded().render(folder / "network.svg"))


def training(page: Page, folder: Path) -> list[bytes]:
    """What `micrograd-plus train moons --epochs 40 --picture training.svg` draws."""
    path = folder / "training.svg"
    with redirect_stdout(io.StringIO()):
        command(["train", "moons", "--epochs", "40", "--picture", str(path)])
    return shown(page, path)


def shown(page: Page, svg: Path) -> list[bytes]:
    """A picture as notebooks show it, which is dark where they are."""
    svg.write_text(adapting(svg.read_text(encoding="utf-8")), encoding="utf-8")
    page.goto(svg.as_uri())
    return [page.locator("svg").screenshot()]


PICTURES = (walk, network, quiz, training)


def few_colours(shots: list[bytes]) -> list[Image.Image]:
    """Screenshots in the same 64 colours, which take much less room."""
    images = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    last = images[-1].quantize(64, method=Image.Quantize.MAXCOVERAGE)
    return [image.quantize(palette=last, dither=Image.Dither.NONE) for image in images]


def write(stem: Path, shots: list[bytes]) -> Path:
    """One picture as PNG, several as a GIF that shows them one after the other."""
    first, *others = few_colours(shots)
    if not others:
        path = stem.with_suffix(".png")
        first.save(path, optimize=True, dpi=(144, 144))
    else:
        path, each = stem.with_suffix(".gif"), 1000 * SECONDS // len(shots)
        first.save(path, save_all=True, append_images=others, duration=each, loop=0)
    return path


def main(folder: Path = HERE) -> list[Path]:
    """Draw all pictures; their paths."""
    written = []
    with sync_playwright() as playwright, TemporaryDirectory() as scratch:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=path)  # by default its own
        for draw in PICTURES:
            for scheme in SCHEMES:
                page = chromium.new_page(viewport=SIZE, device_scale_factor=2, color_scheme=scheme)
                shots = draw(page, Path(scratch))
                written.append(write(folder / f"{draw.__name__}-{scheme}", shots))
                page.close()
        chromium.close()
    return written


if __name__ == "__main__":
    for path in main(*map(Path, sys.argv[1:])):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
