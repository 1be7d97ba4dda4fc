"""What tests need from the system: a browser and its pages, and for PDF a Graphviz."""

import contextlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import Phase, settings

settings.register_profile("default", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=4000)
settings.register_profile(  # for mutants: the first example that fails will do
    "small",
    deadline=None,
    max_examples=50,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("default")


def skip(reason):
    """Skip a test, except in CI, where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The package as it is published."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=EXAMPLES.parent, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


EXAMPLES = Path(__file__).parent.parent / "examples"


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
    if shutil.which("dot") is None:
        skip("there is no Graphviz on the PATH: apt-get install graphviz")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        skip("there is no Chromium on the PATH: apt-get install chromium")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=flags)
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
