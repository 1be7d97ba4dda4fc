"""The package in a browser: its wheel under Pyodide, and the page of examples/browser/.

Nothing comes from a network: the addresses that the page loads from are answered from the npm
packages in the folder that NODE_PATH names (npm install pyodide @viz-js/viz).
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.graph import order
from micrograd_plus.parsing import from_text, read_numbers
from tests.needs import EXAMPLES, ROOT, loaded, needed, npm_package, program
from tests.pages import sentence

PAGE = (EXAMPLES / "browser" / "index.html").read_text(encoding="utf-8")
CDN = "https://cdn.jsdelivr.net/npm/"
SITE = "https://site.example/"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}


@pytest.fixture(scope="session")
def node_modules():
    """The folder with the npm packages pyodide and @viz-js/viz."""
    npm_package("@viz-js/viz")
    return npm_package("pyodide").parent


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The page with its wheels, as its program builds it."""
    needed("hatchling")
    folder = tmp_path_factory.mktemp("site")
    loaded(EXAMPLES / "browser" / "build.py").main(folder)
    return folder


# ---------------------------------------------------------------- the wheel under Pyodide

EVERYTHING = r"""
import io, json, sys
import micrograd_plus as mg
from micrograd_plus import ops
from micrograd_plus.engine import apply
from micrograd_plus.parsing import from_text
from micrograd_plus.graph import order

sys.modules["rich"] = None  # it isn't there in a browser, and text in a pipe has no colours

def told(text, numbers):
    f = from_text(text, numbers)
    walk = mg.step_through(f)
    printed = io.StringIO()
    walk.print(printed)
    f.backward()
    return {
        "nodes": [[node.label, node.data.hex(), node.grad.hex()] for node in order(f)],
        "steps": [step.text for step in walk],
        "printed": printed.getvalue(),
        "dot": [mg.draw(f, style).source for style in ("wires", "box")],
    }

def derivatives(op):
    args = [mg.Value(x) for x in op.example[0]]
    f = apply(op, *args)
    try:
        f.backward()
    except mg.NonFiniteError as error:
        return str(error)
    return [f.data, *(arg.grad for arg in args)]

def refused(text):
    try:
        from_text(text, {"x": 1})
    except ValueError as error:
        return str(error)

result = {
    "walks": [told(text, numbers) for text, numbers in WALKS],
    "table": {name: derivatives(op) for name, op in ops.TABLE.items()},
    "hessian": mg.hessian(lambda x: 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1])([2, 1]),
    "errors": [refused(text) for text in ERRORS],
}
try:
    mg.draw(mg.Value(1)).pipe()
except mg.drawing.dot.layout.LayoutError as error:
    result["layout"] = str(error)
print(json.dumps([sys.platform, result]))
"""
WALKS = [
    ("d = x + y; f = d * z", {"x": 1, "y": -3, "z": 4}),
    (
        "f = 1 / (1 + exp(-(w_0*x_0 + w_1*x_1 + b)))",
        {"w_0": -3, "x_0": -2, "w_1": 2, "x_1": -1, "b": -3},
    ),
    ("max([x * x, x]) / 3", {"x": 2}),
    ("+".join(["x"] * 400), {"x": 1}),  # as deep as expressions may be
]
ERRORS = ["x + q", "sim(x)", "x.real", "log(x - 2)", "+".join(["x"] * 401), "(" * 300, "2x", "x ="]


@pytest.fixture(scope="module")
def both(node_modules, site, tmp_path_factory):
    """The same program's results under CPython and under Pyodide."""
    node = program("node", package="nodejs")
    code = tmp_path_factory.mktemp("code") / "everything.py"
    code.write_text(f"WALKS, ERRORS = {(WALKS, ERRORS)!r}\n{EVERYTHING}", encoding="utf-8")
    script = Path(__file__).with_name("pyodide.mjs")
    results = []
    for command in (
        [sys.executable, code],
        [node, script, node_modules, code, *sorted(site.glob("*.whl"))],
    ):
        run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert run.returncode == 0, run.stderr[-2000:]
        results.append(json.loads(run.stdout))
    (here, expected), (there, found) = results
    assert (here, there) == (sys.platform, "emscripten")
    return expected, found


def test_values_gradients_sentences_and_dot_are_those_of_cpython(both):
    expected, found = both
    for ours, theirs in zip(expected["walks"], found["walks"], strict=True):
        assert theirs == ours
    assert found["walks"][0]["steps"][-1] == "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4"
    assert found["hessian"] == [[10, 4], [4, 6]]


def test_every_operation_is_that_of_cpython(both):
    expected, found = both
    assert found["table"].keys() == expected["table"].keys()
    for name, numbers in expected["table"].items():
        # musl's functions may differ from the C library's here in the last place
        close = numbers if isinstance(numbers, str) else pytest.approx(numbers, rel=1e-15)
        assert found["table"][name] == close, name


def test_errors_are_those_of_cpython(both):
    expected, found = both
    for text, ours, theirs in zip(ERRORS, expected["errors"], found["errors"], strict=True):
        assert theirs.partition(":")[0] == ours.partition(":")[0], text
        assert "column" in theirs
    assert found["errors"][0] == "at column 5, 'q': unknown name; give it a value, as in q=1"
    assert "in_browser" in found["layout"]


def test_pictures_are_laid_out_by_a_function_where_no_program_can_be(monkeypatch):
    f = mg.Value(2, "x") * 3
    monkeypatch.setattr(layout, "in_browser", lambda source: f"<svg>{len(source)}</svg>")
    picture = mg.draw(f)
    assert picture.pipe("svg") == f"<svg>{len(picture.source)}</svg>".encode()
    assert 'src="data:image/svg+xml;base64,' in mg.step_through(f)._repr_html_()
    assert picture.pipe("dot") == picture.source.encode()
    monkeypatch.setattr(layout.sys, "platform", "emscripten")
    with pytest.raises(
        layout.LayoutError, match=r"set micrograd_plus\.drawing\.dot\.layout\.in_browser"
    ):
        picture.pipe("png")


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def page(browser, node_modules, site):
    """The page, in which nothing may be fetched that is neither its own nor what it names."""
    troubles = []

    def answer(route):
        url = route.request.url
        if url.startswith(CDN):
            pattern = r"((?:@[^/]+/)?[^@/]+)@([^/]+)/(.*)"
            name, version, path = re.fullmatch(pattern, url.removeprefix(CDN)).groups()
            package = json.loads((node_modules / name / "package.json").read_text("utf-8"))
            assert package["version"] == version, f"the page asks for {name} {version}"
            file = node_modules / name / path
        else:
            file = site / (url.removeprefix(SITE) or "index.html")
        if not url.startswith((CDN, SITE)) or not file.is_file():
            troubles.append(url)
            return route.abort()
        kind = TYPES.get(file.suffix, "application/octet-stream")
        headers = {"access-control-allow-origin": "*", "content-type": kind}
        return route.fulfill(body=file.read_bytes(), headers=headers)

    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.route("**/*", answer)
    page.goto(f"{SITE}#expression=tanh(u)&numbers=u%3D0.5")
    page.wait_for_selector("form button:enabled, #told.error", timeout=120_000)
    assert page.get_by_role("status").inner_text() == ""
    page.first = sentence(page)
    yield page
    context.close()
    assert not troubles


def step_through(page, expression, numbers):
    page.get_by_label("Expression").fill(expression)
    page.get_by_label("A number").fill(numbers)
    page.get_by_label("A number").press("Enter")


def test_the_page_begins_with_the_walkthrough_of_its_address(page):
    assert page.first == "u = 0.5"
    step_through(page, "x * x", "x=3")
    assert page.url == f"{SITE}#expression=x+*+x&numbers=x%3D3"


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("d = x + y; f = d * z", "x=1 y=-3 z=4"),
        ("a = relu(w*x + b); a ** 2", "w=2, x=1.5,  b=-1"),
    ],
)
def test_the_page_steps_through_what_is_typed(page, expression, numbers):
    step_through(page, expression, numbers)
    given = read_numbers(numbers.replace(",", " ").split())
    f = from_text(expression, given)
    walk = mg.step_through(f)
    assert sentence(page) == walk[0].text
    for step in walk[1:]:  # the walkthrough has the keyboard at once
        page.keyboard.press("ArrowRight")
        assert sentence(page) == step.text
    f.backward()
    shown = page.locator("#walk svg text").all_text_contents()
    for node in order(f):
        assert {number(node.data), number(node.grad)} <= {text.strip() for text in shown}
    page.get_by_role("button", name="First step").click()
    assert sentence(page) == walk[0].text
    assert page.locator(".mg-stepper").count() == 1


@pytest.mark.parametrize(
    ("expression", "numbers", "field", "words"),
    [
        ("x * q", "x=1", "expression", "at column 5, 'q': unknown name; give it a value"),
        ("sigmod(x)", "x=1", "expression", "(did you mean sigmoid?)"),
        ("log(x)", "x=-1", "expression", "at column 1, 'log(x)': log of x = -1.0"),
        ("sqrt(x)", "x=0", "expression", "gradient through sqrt of x = 0.0"),
        ("x", "x=one", "numbers", "'x=one': 'one' is not a number"),
        ("x * '<img src=y onerror=alert(1)>'", "x=1", "expression", "strings and backslashes are"),
        ("+".join(["x"] * 401), "x=1", "expression", "more than 400 levels deep"),
    ],
)
def test_what_can_not_be_understood_is_marked_and_the_last_walkthrough_stays(
    page, expression, numbers, field, words
):
    step_through(page, "u * u", "u=2")
    step_through(page, expression, numbers)
    told = page.get_by_role("status").inner_text()
    assert words in told
    assert "\n" not in told
    marked = page.locator("[aria-invalid=true]")
    assert marked.evaluate_all("all => all.map(e => e.name)") == [field]
    assert marked.evaluate("e => e === document.activeElement")
    assert sentence(page) == "u = 2"
    step_through(page, "x * x", "x=3")
    assert page.get_by_role("status").inner_text() == ""
    assert page.locator("[aria-invalid=true]").count() == 0
    assert sentence(page) == "x = 3"


def test_light_and_dark(page):
    step_through(page, "x * x", "x=3")
    for scheme, expected in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 24, 39)")):
        page.emulate_media(color_scheme=scheme)
        for selector in ("body", ".mg-stepper"):
            colour = page.locator(selector).evaluate("e => getComputedStyle(e).backgroundColor")
            assert colour == expected


def test_what_is_loaded_has_a_pinned_version_and_a_checksum():
    found = json.loads(re.search(r'<script type="importmap">(.*?)</script>', PAGE, re.DOTALL)[1])
    assert sorted(found["imports"].values()) == sorted(found["integrity"])
    for url in found["integrity"]:
        assert re.search(r"@\d+\.\d+\.\d+/", url)
