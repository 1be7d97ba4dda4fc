"""The wheel and the source distribution: what is in them, and that they install and work."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.effort import few
from tests.needs import ROOT, needed
from tests.processes import hatchling

FILE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = FILE["project"]
CORE = "micrograd_plus/core/"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(*parts):
    """The files that people wrote, as paths in the checkout."""
    paths = [path for part in parts for path in (ROOT / part).rglob("*") if path.is_file()]
    paths += [ROOT / part for part in parts if (ROOT / part).is_file()]
    # by Python, by npm and examples/browser/build.py, and by Hypothesis where a notebook runs
    made = {"__pycache__", "node_modules", "site", ".hypothesis"}
    names = {path.relative_to(ROOT).as_posix() for path in paths if not made & {*path.parts}}
    return names - built(names)


def built(names):
    """Those that the build made."""
    return {
        name
        for name in names
        if re.fullmatch(CORE + r"(.*\.(so|pyd)|operations\.h|pure\.txt)", name)
    }


def contents(archive):
    with zipfile.ZipFile(archive) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}


def test_a_wheel_has_the_package_and_nothing_else(pure_wheel):
    names = {*contents(pure_wheel)}
    assert "micrograd_plus/py.typed" in names
    assert "micrograd_plus/drawing/pages/static/stepper.js" in names
    about = f"micrograd_plus-{PROJECT['version']}.dist-info"
    told = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    sources = written("micrograd_plus") - {"micrograd_plus/_command.py"}
    beside = {"micrograd_plus_command.py", *(f"{about}/{name}" for name in told)}
    assert names == sources | beside | {f"{CORE}pure.txt"}
    assert PROJECT["scripts"] == {"micrograd-plus": "micrograd_plus_command:main"}


def test_the_source_distribution_has_all_that_its_tests_need(sdist):
    parts = ".ci", ".github", ".gitignore", "LICENSE", "README.md", "examples", "micrograd_plus"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == written(*parts, "tests") | {"pyproject.toml", "PKG-INFO"}


def test_the_source_distribution_gives_the_same_wheel(pure_wheel, tmp_path):
    again = hatchling("wheel", ROOT, tmp_path, MICROGRAD_PLUS_PURE="1")
    assert again.name == pure_wheel.name
    assert contents(again) == contents(pure_wheel)


def test_the_metadata_tell_what_one_asks(pure_wheel):
    (text,) = (file for name, file in contents(pure_wheel).items() if name.endswith("/METADATA"))
    told = message_from_bytes(text)
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
    assert needed == {"graphviz", "graphviz-pure", "rich", "webcolors"}


def test_classifiers_tell_the_pythons_that_were_tried():
    needed("trove_classifiers")  # as hatchling does
    from trove_classifiers import classifiers as known

    assert set(PROJECT["classifiers"]) <= known
    pythons = re.findall(r":: (3\.\d+)\b", " ".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    assert pythons == [f"3.{11 + i}" for i in range(len(pythons))]
    assert f"3.{sys.version_info.minor}" in pythons
    wheels = tomllib.loads((ROOT / ".github" / "cibuildwheel.toml").read_text(encoding="utf-8"))
    made = [f"cp{version.replace('.', '')}-*" for version in pythons]
    assert wheels["tool"]["cibuildwheel"]["build"] == made


def test_contributors_have_what_builds_the_package():
    assert {*FILE["build-system"]["requires"]} <= {*PROJECT["optional-dependencies"]["test"]}


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
print(len(model.parameters()), mg.datasets.xor()[1], mg.build_info().core)
"""

PICTURE = """
import micrograd_plus as mg
x, y = mg.values(x=2, y=3)
mg.draw(x * y).render("xy.svg")
mg.step_through(x * y).to_html("xy.html")
"""


@pytest.mark.parametrize("kind", few(1, ["pure_wheel", "wheel", "sdist"]))
def test_it_installs_and_works_in_a_new_environment(kind, request, tmp_path):
    needed("pip")
    archive, clean = request.getfixturevalue(kind), {"env": {}, "cwd": tmp_path}
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    if kind == "sdist":
        offline = ("--no-index", "--no-deps", "--no-build-isolation")
        compiler = {"PATH": os.environ["PATH"]}
        run(*pip, "wheel", *offline, "-w", tmp_path / "built", archive, cwd=tmp_path, env=compiler)
        (archive,) = (tmp_path / "built").iterdir()
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "new")
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python, program = (tmp_path / "new" / folder / name for name in ("python", "micrograd-plus"))
    run(*pip, "--python", python, "install", "--no-index", "--no-deps", archive, **clean)
    # first without anything else, then with what it depends on, which the tests' own Python has
    core = kind != "pure_wheel"
    printed = run(python, "-c", SMOKE.format(prefix=str(tmp_path)), **clean)
    assert printed == f"17 [0, 1, 1, 0] {core}\n"
    theirs = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", **clean)
    packages = [path for path in sys.path if path.endswith("-packages")]
    (Path(theirs.strip()) / "theirs.pth").write_text("\n".join(packages), encoding="utf-8")
    run(python, "-c", PICTURE, **clean)
    assert "<svg" in (tmp_path / "xy.svg").read_text(encoding="utf-8")
    assert "mg-stepper" in (tmp_path / "xy.html").read_text(encoding="utf-8")
    build = "the compiled core" if core else "pure Python"
    version = f"micrograd-plus {PROJECT['version']} ({build})\n"
    assert run(program, "--version", **clean) == version
    assert "∂f/∂d = z = 4" in run(program, "tour", **clean)
    assert (tmp_path / "micrograd-plus-tour.html").exists()


def test_it_is_imported_from_a_zip(pure_wheel, tmp_path):
    code = "import micrograd_plus as mg; print(mg.__file__, mg.grad(mg.sin)(0.0))"
    printed = run(sys.executable, "-c", code, cwd=tmp_path, env={"PYTHONPATH": str(pure_wheel)})
    assert printed.split() == [
        f"{pure_wheel}{os.sep}{Path('micrograd_plus', '__init__.py')}",
        "1.0",
    ]
