"""What all tests share: how much is tried, and what is started once: a browser, the wheel."""

import contextlib
import importlib.util
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import settings

import tests.effort  # noqa: F401, which registers the profiles
from tests.needs import EXAMPLES, ROOT, needed, program, skip

settings.load_profile("plain")


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="try everything: tests that take long, and ten times as many random examples",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out unless --thorough is given")
    if config.getoption("thorough"):
        settings.load_profile("thorough")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("thorough"):
        left_out = [item for item in items if "slow" in item.keywords]
        items[:] = [item for item in items if "slow" not in item.keywords]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("thorough"):
        count = len(terminalreporter.stats.get("deselected", []))
        what = f"{count} tests that take long" if count else "tests that take long"
        terminalreporter.write_line(
            f"left out: {what}, and nine of ten random examples; pytest --thorough tries all"
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The package as it is published."""
    needed("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """Runs a program of examples/ once in all tests: its module, result, output and folder."""
    done = {}

    def run(name):
        if name not in done:
            path = EXAMPLES / name
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            folder, printed = tmp_path_factory.mktemp(path.stem), io.StringIO()
            try:
                spec.loader.exec_module(module)
                with contextlib.redirect_stdout(printed):
                    result = module.main(folder)
            except ModuleNotFoundError as error:
                skip(f"{name} needs {error.name}")
            done[name] = SimpleNamespace(
                module=module, result=result, printed=printed.getvalue(), folder=folder
            )
        return done[name]

    return run


@pytest.fixture
def needs_dot():
    program("dot", package="graphviz")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    needed("playwright")
    from playwright.sync_api import sync_playwright

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
