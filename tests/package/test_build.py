"""The two builds: which one is made, which one runs, and what says why."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from tests.effort import few, slow
from tests.needs import program
from tests.processes import hatchling

LIBRARY = f"nodes{sysconfig.get_config_var('EXT_SUFFIX')}"
FOREIGN = "nodes.cpython-39-x86_64-linux-gnu.so"
CORE = "micrograd_plus/core"
ASK = "import micrograd_plus as mg; print(mg.grad(mg.sin)(0.0), *mg.build_info(), sep='\\n')"


def told(folder, **environment):
    """Whether the core runs where Python is started in a folder, and why."""
    env = {**os.environ, "MICROGRAD_PLUS_PURE": "", **environment}
    command = [sys.executable, "-W", "error", "-c", ASK]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    number, core, why = done.stdout.splitlines()
    assert number == "1.0"
    return core == "True", why


@pytest.fixture
def installed(pure_wheel, tmp_path):
    """A folder with the package of the pure wheel."""
    with zipfile.ZipFile(pure_wheel) as archive:
        archive.extractall(tmp_path)
    return tmp_path


@pytest.fixture
def sources(unpacked, tmp_path):
    """A copy of the sources, in which an earlier build has left its libraries."""
    folder = shutil.copytree(unpacked, tmp_path / "sources")
    for name in (LIBRARY, FOREIGN, "operations.h"):
        (folder / CORE / name).write_bytes(b"stale")
    return folder


# ---------------------------------------------------------------- which one is made


def test_a_wheel_for_this_python_has_the_core(wheel, pure_wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(pure_wheel) as pure:
        names = {*archive.namelist()} - {*pure.namelist()}
        archive.extractall(tmp_path)
    tag = f"cp3{sys.version_info.minor}"
    assert f"-{tag}-{tag}-" in wheel.name
    assert pure_wheel.name.endswith("-py3-none-any.whl")
    assert {f"{CORE}/{LIBRARY}", f"{CORE}/operations.h"} <= names
    assert all(name.endswith((".so", ".pyd", ".h")) for name in names)
    assert told(tmp_path) == (True, str(tmp_path / CORE / LIBRARY))


FAILED = "compiling the core failed, as pip install --verbose shows: "
WITHOUT = {
    "MICROGRAD_PLUS_PURE=1": "MICROGRAD_PLUS_PURE was set when it was built",
    "CC=/no/compiler": FAILED,
    "PATH=/nowhere": FAILED,
    "CFLAGS=--no-such-option": FAILED,
}


@pytest.mark.parametrize(
    ("setting", "reason"),
    few(1, WITHOUT.items()),
)
def test_without_a_compiler_or_a_wish_for_it_the_wheel_is_the_pure_one(
    setting, reason, sources, tmp_path
):
    (tmp_path / "made").mkdir()
    archive = hatchling("wheel", sources, tmp_path / "made", **dict([setting.split("=")]))
    assert archive.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "installed")
    assert not [*(tmp_path / "installed" / CORE).glob("*.so")]
    core, why = told(tmp_path / "installed")
    assert not core
    assert why.startswith(reason)
    assert (sources / CORE / LIBRARY).read_bytes() == b"stale"  # left alone


SOURCES = (".py", ".pyx", ".pxi", ".h")


def build_in_place(sources, **environment):
    """Whether it succeeded, and what it left beside the sources."""
    env = {**os.environ, "MICROGRAD_PLUS_PURE": "", **environment}
    command = [sys.executable, ".github/build.py"]
    done = subprocess.run(command, cwd=sources, env=env, capture_output=True)
    left = [path for path in (sources / CORE).iterdir() if path.is_file()]
    made = {
        path.name for path in left
        if path.suffix not in SOURCES or path.name == "operations.h"
    }  # fmt: skip
    return done.returncode == 0, made


@slow
def test_building_in_place_leaves_no_stale_library(sources):
    assert build_in_place(sources, CC="/no/compiler") == (False, {"pure.txt"})
    core, why = told(sources)
    assert not core
    assert why.startswith(FAILED)


@slow
def test_building_in_place_builds_the_core(sources):
    program("cc", "gcc", "clang", package="gcc")
    assert build_in_place(sources, MICROGRAD_PLUS_PURE="1") == (True, {"pure.txt"})
    succeeded, made = build_in_place(sources)
    assert succeeded
    assert {LIBRARY, "operations.h"} <= made
    assert "pure.txt" not in made
    assert FOREIGN not in made
    assert told(sources) == (True, str(sources / CORE / LIBRARY))


@slow
def test_a_library_does_not_depend_on_the_folder_where_it_was_built(wheel, sources, tmp_path):
    (tmp_path / "made").mkdir()
    again = hatchling("wheel", sources, tmp_path / "made")
    assert again.read_bytes() == wheel.read_bytes()


# ---------------------------------------------------------------- which one runs


@pytest.mark.parametrize(("value", "core"), [("1", False), ("yes", False), ("0", True), ("", True)])
def test_the_environment_chooses_when_the_package_is_imported(value, core, wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    found, why = told(tmp_path, MICROGRAD_PLUS_PURE=value)
    assert found is core
    assert core or why == "MICROGRAD_PLUS_PURE is set"


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        (LIBRARY, "no library", "ImportError: "),
        ("nodes.py", "raise SystemError('not initialized')", "SystemError: not initialized"),
        ("nodes.py", "import nothing_such", "ModuleNotFoundError: No module named 'nothing_such'"),
    ],
)
def test_a_broken_library_is_not_used(file, text, error, installed):
    (installed / CORE / file).write_text(text, encoding="utf-8")
    core, why = told(installed)
    assert not core
    assert why.startswith(f"importing the core failed: {error}")


def test_a_library_for_another_python_is_not_used(installed):
    (installed / CORE / "pure.txt").unlink()
    (installed / CORE / FOREIGN).write_bytes(b"")
    assert told(installed) == (False, "this Python can't load " + FOREIGN)


def test_in_a_zip_no_library_is_used(wheel, tmp_path):
    core, why = told(tmp_path, PYTHONPATH=str(wheel))
    assert not core
    assert why.startswith(f"this Python can't load {LIBRARY}")


def test_a_library_older_than_its_sources_is_not_used(installed):
    (installed / ".github").mkdir()
    library = installed / CORE / LIBRARY
    library.write_bytes(b"")
    os.utime(library, (0, 0))
    core, why = told(installed)
    assert not core
    assert why.endswith("is newer than it: run python .github/build.py")


def test_where_no_core_was_built_the_command_is_named(installed):
    (installed / CORE / "pure.txt").unlink()
    assert told(installed) == (False, "the core was not built: run python .github/build.py")
