"""The package under Pyodide, Python for browsers: its wheel computes what CPython computes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot import layout
from tests.needs import ROOT, npm_package, program

EVERYTHING = r"""
import io, json, sys, tempfile
from pathlib import Path
import micrograd_plus as mg
from micrograd_plus._tools import files
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
    "file": files.write(Path(tempfile.mkdtemp(), "file"), b"whole").read_text(),
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
def both(playground, tmp_path_factory):
    """The same program's results under CPython and under Pyodide."""
    node = program("node", package="nodejs")
    code = tmp_path_factory.mktemp("code") / "everything.py"
    code.write_text(f"WALKS, ERRORS = {(WALKS, ERRORS)!r}\n{EVERYTHING}", encoding="utf-8")
    script = Path(__file__).with_name("pyodide.mjs")
    results = []
    for command in (
        [sys.executable, code],
        [node, script, npm_package("pyodide").parent, code, *sorted(playground.glob("*.whl"))],
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


def test_files_are_written(both):
    assert [results["file"] for results in both] == ["whole", "whole"]


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
    assert f._repr_mimebundle_().keys() == {"image/svg+xml", "text/plain"}
    assert 'src="data:image/svg+xml;base64,' in mg.step_through(f)._repr_html_()
    assert layout.svgs(["graph {}", "a"]) == ["<svg>8</svg>", "<svg>1</svg>"]
    assert picture.pipe("dot") == picture.source.encode()
    monkeypatch.setattr(layout.sys, "platform", "emscripten")
    with pytest.raises(
        layout.LayoutError, match=r"set micrograd_plus\.drawing\.dot\.layout\.in_browser"
    ):
        picture.pipe("png")
