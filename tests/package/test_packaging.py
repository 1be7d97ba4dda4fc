"""The wheel and the source distribution: what is in them, and that they install and work."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.effort import slow
from tests.needs import ROOT, needed

BUILT = re.compile(r"micrograd_plus/core/(.*\.(so|pyd)|operations\.h|pure\.txt)")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hatchling(target, source, folder):
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source distribution."""
    needed("hatchling")
    return hatchling("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    """Its folder."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (made,) = folder.iterdir()
    return made


def files(folder, *parts):
    """The files that people wrote, as paths in a folder."""
    paths = [path for part in parts for path in (folder / part).rglob("*") if path.is_file()]
    paths += [folder / part for part in parts if (folder / part).is_file()]
    made = {"__pycache__", "site"}  # by Python, and by examples/browser/build.py
    found = {path.relative_to(folder) for path in paths if not made & {*path.parts}}
    return {str(path) for path in found if not BUILT.fullmatch(path.as_posix())}


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert "micrograd_plus/py.typed" in names
    assert "micrograd_plus/drawing/pages/static/stepper.js" in names
    about = f"micrograd_plus-{PROJECT['version']}.dist-info"
    told = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    written = files(ROOT, "micrograd_plus") - {"micrograd_plus/_command.py"}
    beside = {"micrograd_plus_command.py", *(f"{about}/{name}" for name in told)}
    assert {name for name in names if not BUILT.fullmatch(name)} == written | beside
    assert PROJECT["scripts"] == {"micrograd-plus": "micrograd_plus_command:main"}


def test_the_source_distribution_has_all_that_its_tests_need(unpacked):
    written = files(
        ROOT,
        ".ci",
        ".github",
        ".gitignore",
        "LICENSE",
        "README.md",
        "examples",
        "micrograd_plus",
        "tests",
    )
    assert files(unpacked, ".") == written | {"pyproject.toml", "PKG-INFO"}


def test_the_source_distribution_gives_the_same_wheel(wheel, unpacked, tmp_path):
    again = hatchling("wheel", unpacked, tmp_path)
    assert again.name == wheel.name
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_the_metadata_tell_what_one_asks(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        told = message_from_bytes(archive.read(name))
    assert told["Name"] == "micrograd-plus"
    assert told["License-Expression"] == "MIT"
    assert told.get_all("License-File") == ["LICENSE"]
    assert told["Description-Content-Type"] == "text/markdown"
    assert "# micrograd_plus" in told.get_payload()
    addresses = dict(line.rsplit(", ", 1) for line in told.get_all("Project-URL"))
    assert addresses == PROJECT["urls"]
    assert set(told.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    needed = {
        re.match(r"[\w-]+", line)[0]
        for line in told.get_all("Requires-Dist")
        if "extra ==" not in line
    }
    assert needed == {"graphviz", "graphviz-pure", "rich"}


def test_classifiers_tell_the_pythons_that_were_tried(wheel):
    needed("trove_classifiers")  # as hatchling does
    from trove_classifiers import classifiers as known

    assert set(PROJECT["classifiers"]) <= known
    pythons = re.findall(r":: (3\.\d+)\b", " ".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    assert pythons == [f"3.{11 + i}" for i in range(len(pythons))]
    assert f"3.{sys.version_info.minor}" in pythons


def test_the_changes_are_told_up_to_this_version():
    text = (ROOT / "micrograd_plus" / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+) \((?:not released|\d{4}-\d\d-\d\d)\)$", text, re.M)
    assert len(versions) == text.count("\n## ")
    assert versions[0] == PROJECT["version"]
    assert versions == sorted(versions, key=lambda v: [*map(int, v.split("."))], reverse=True)


SMOKE = """
import micrograd_plus as mg
assert mg.__file__.startswith({prefix!r}), mg.__file__
assert mg.grad(lambda x: mg.sin(x) * x ** 2)(2.0) == 4 * mg.sin(2.0) + 4 * mg.cos(2.0)
model = mg.nn.MLP(2, [4, 1], activation="tanh", seed=1)
print(len(model.parameters()), mg.datasets.xor()[1])
"""

PICTURE = """
import micrograd_plus as mg
x, y = mg.values(x=2, y=3)
mg.draw(x * y).render("xy.svg")
mg.step_through(x * y).to_html("xy.html")
"""


@pytest.mark.parametrize("kind", ["wheel", pytest.param("sdist", marks=slow)])
def test_it_installs_and_works_in_a_new_environment(kind, request, tmp_path):
    needed("pip")
    archive, clean = request.getfixturevalue(kind), {"env": {}, "cwd": tmp_path}
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    if kind == "sdist":
        offline = ("--no-index", "--no-deps", "--no-build-isolation")
        run(*pip, "wheel", *offline, "-w", tmp_path / "built", archive, **clean)
        (archive,) = (tmp_path / "built").iterdir()
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "new")
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python, program = (tmp_path / "new" / folder / name for name in ("python", "micrograd-plus"))
    run(*pip, "--python", python, "install", "--no-index", "--no-deps", archive, **clean)
    # first without anything else, then with what it depends on, which the tests' own Python has
    printed = run(python, "-c", SMOKE.format(prefix=str(tmp_path)), **clean)
    assert printed == "17 [0, 1, 1, 0]\n"
    theirs = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", **clean)
    (Path(theirs.strip()) / "theirs.pth").write_text(
        sysconfig.get_path("purelib"), encoding="utf-8"
    )
    run(python, "-c", PICTURE, **clean)
    assert "<svg" in (tmp_path / "xy.svg").read_text(encoding="utf-8")
    assert "mg-stepper" in (tmp_path / "xy.html").read_text(encoding="utf-8")
    assert run(program, "--version", **clean) == f"micrograd-plus {PROJECT['version']}\n"
    assert "∂f/∂d = z = 4" in run(program, "tour", **clean)
    assert (tmp_path / "micrograd-plus-tour.html").exists()


def test_it_is_imported_from_a_zip(wheel, tmp_path):
    code = "import micrograd_plus as mg; print(mg.__file__, mg.grad(mg.sin)(0.0))"
    printed = run(sys.executable, "-c", code, cwd=tmp_path, env={"PYTHONPATH": str(wheel)})
    assert printed.split() == [f"{wheel}{os.sep}{Path('micrograd_plus', '__init__.py')}", "1.0"]
