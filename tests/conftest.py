"""What all tests share: how much is tried, and what is started once: a browser, the wheel."""

import contextlib
import doctest
import gc
import io
import os
import re
import sys
import tarfile
from functools import cache, cached_property
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

from micrograd_plus import build_info
from tests.effort import slow  # which registers the profiles, too
from tests.needs import EXAMPLES, ROOT, loaded, needed, npm_package, program, skip
from tests.processes import LIMIT, hatchling, served, started

settings.load_profile("plain")
LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="try everything: tests that take long, and twenty times as many random examples",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out unless --thorough is given")
    if config.getoption("thorough"):
        settings.load_profile("thorough")


def pytest_report_header():
    return f"build: {build_info()}"


def pytest_collection_modifyitems(config, items):
    for item in items:
        if {"playground", "wheel"}.intersection(getattr(item, "fixturenames", ())):
            # which have to be built first
            item.add_marker(slow)
        if "slow" in item.keywords or is_hypothesis_test(getattr(item, "obj", None)):
            # what runs the same lines many times over takes several times as long where they are
            # counted, and other tests run them, too
            item.add_marker(pytest.mark.no_cover)
    left_out = [item for item in items if "slow" in item.keywords]
    if config.getoption("thorough"):
        left_out = []
    else:
        config.stash[LEFT_OUT] = len(left_out)
    if not build_info().core:
        for item in items:
            if isinstance(item, pytest.DoctestItem):
                without_native(item.dtest.examples)
        # pages are the same in both builds
        left_out += [item for item in items if "browser" in getattr(item, "fixturenames", ())]
    if left_out:
        out = {*left_out}
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish():
    """Collections of cycles pass over what all tests import, which makes each of them take long."""
    gc.freeze()


def without_native(examples):
    """Leave out what needs the compiled core, and what follows it in the same paragraph."""
    place = -1  # of what would follow
    for example in examples:
        if re.search(r"native|PointProgram|\btape\(", example.source) or example.lineno == place:
            example.options[doctest.SKIP] = True
            place = example.lineno + example.source.count("\n") + example.want.count("\n")


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("thorough"):
        count = config.stash.get(LEFT_OUT, None)  # of several processes none knows it
        what = "slow tests" if count is None else f"{count} slow tests"
        terminalreporter.write_line(
            f"left out: {what}, and nineteen of twenty random examples; pytest --thorough tries all"
        )


@pytest.fixture(scope="session")
def sdist(tmp_path_factory):
    """The source distribution."""
    return hatchling("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def unpacked(sdist, tmp_path_factory):
    """The folder that is in it: building there leaves this checkout alone."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="session")
def wheel(unpacked, tmp_path_factory):
    """The package as it is published for this Python, with its compiled core."""
    program("cc", "gcc", "clang", package="gcc")
    return hatchling("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def pure_wheel(unpacked, tmp_path_factory):
    """The package as it is published for everything else."""
    folder = tmp_path_factory.mktemp("pure_wheel")
    return hatchling("wheel", unpacked, folder, MICROGRAD_PLUS_PURE="1")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The documentation: what its command has built, or builds now."""
    if built := os.environ.get("MICROGRAD_PLUS_PAGES"):
        return Path(built)
    needed("sphinx", "furo", "myst_nb", "micrograd", "matplotlib")
    folder = tmp_path_factory.mktemp("site")
    with started([sys.executable, ROOT / ".github" / "site.py", folder]) as [building]:
        printed, errors = building.communicate()
    assert building.returncode == 0, printed[-2000:] + errors
    return folder


class Example:
    """A program of examples/, which runs when one asks for what comes of it."""

    def __init__(self, path, folder):
        self._path, self._folder = path, folder

    @cached_property
    def module(self):
        try:
            return loaded(self._path)
        except ModuleNotFoundError as error:
            return skip(f"{self._path.name} needs {error.name}")

    @cached_property
    def _ran(self):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = self.module.main(self._folder)
        return result, printed.getvalue(), self._folder

    result = property(lambda self: self._ran[0])
    printed = property(lambda self: self._ran[1])
    folder = property(lambda self: self._ran[2])


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """Each program of examples/ by its path; it runs once in all tests, if at all."""

    @cache
    def example(name):
        return Example(EXAMPLES / name, tmp_path_factory.mktemp(Path(name).stem))

    return example


@pytest.fixture(scope="session")
def published():
    """The folder that `.github/pages.py` has written, from what registries of packages have."""
    if built := os.environ.get("MICROGRAD_PLUS_PAGES"):
        return Path(built)
    return skip("MICROGRAD_PLUS_PAGES names no folder that 'python .github/pages.py FOLDER' wrote")


@pytest.fixture(scope="session")
def playground(tmp_path_factory):
    """The page of examples/browser/ in a folder: what its program has built, or builds now."""
    if built := os.environ.get("MICROGRAD_PLUS_PAGES"):
        return Path(built) / "play"
    needed("hatchling")
    npm_package("pyodide")
    folder = tmp_path_factory.mktemp("playground")
    loaded(EXAMPLES / "browser" / "build.py").main(folder)
    return folder


@pytest.fixture(scope="session")
def playground_address(playground):
    """Where a static server has that page."""
    with served(playground) as address:
        yield address


@pytest.fixture
def needs_dot():
    program("dot", package="graphviz")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    needed("playwright")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * LIMIT)  # by default 5 s, in which a busy machine does little
    path = program("chromium", "google-chrome", package="chromium")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens a page; when the test ends, no script may have failed and nothing been fetched.

    Nor may anything have called `alert`, as all that runs in `tests.hostile` does.
    """
    pages, troubles = [], []

    def open_page(path, **context):
        page = browser.new_context(offline=True, **context).new_page()
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("console", lambda line: troubles.append(f"console: {line.text}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or troubles.append(r.url))
        page.expose_function("alert", lambda *args: troubles.append(f"executed: {args}"))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not troubles
