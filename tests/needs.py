"""What tests need beside the package: the examples, and packages and programs that may be missing.

Where something is missing, a test is skipped; but not in CI, where all of it has to be there.
"""

import os
import shutil
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from micrograd_plus import build_info

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


counts_python = pytest.mark.skipif(
    build_info().core, reason="counts steps of Python, few of which are left where the core runs"
)
"""Marks a test for the pure build."""


def loaded(path):
    """A program that is in no package, as a module."""
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def skip(reason):
    """Skip a test, except in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def has(package):
    """Whether a package is there, as in CI all are."""
    return bool(os.environ.get("CI") or find_spec(package))


def needed(*packages):
    """Skip a test where one of these packages is missing."""
    for package in packages:
        if not find_spec(package):
            skip(f"there is no {package}: pip install '.[dev,docs,test]'")


def needed_by(backend):
    """Skip a test where what runs programs of this backend is missing."""
    if backend in ("native", "point"):
        needs_core()
    else:
        needed(backend)


def on(backend):
    """The options of `compile` for a backend, or for "point", a program for one point at a time."""
    if backend == "point":
        return {"backend": "native", "batched": False}
    return {"backend": backend}


def needs_core():
    """Skip a test of the compiled core in the pure build, which in CI has to be asked for."""
    if not (info := build_info()).core:
        if os.environ.get("MICROGRAD_PLUS_PURE"):
            pytest.skip(str(info), allow_module_level=True)
        skip(str(info))


def npm_package(name):
    """The folder of a package of npm, one of those that examples/browser/package.json names."""
    place = EXAMPLES / "browser" / "node_modules" / name
    if not place.exists():
        skip(f"there is no {name} of npm: npm ci --prefix examples/browser")
    return place


def program(*names, package):
    """Where a program is, under one of its names; a package of Debian provides it."""
    for name in names:
        if place := shutil.which(name):
            return place
    return skip(f"there is no {names[0]} on the PATH: apt-get install {package}")
