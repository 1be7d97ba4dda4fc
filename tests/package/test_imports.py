"""The package as a whole: its public names, and what importing it costs."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

import micrograd_plus as mg
from micrograd_plus import functions
from tests.imports import PACKAGE, imported, imports, modules, rooms
from tests.needs import ROOT, loaded


def test_public_names():
    graphs = [
        "LostGradientWarning",
        "NonFiniteError",
        "Value",
        "draw",
        "replay",
        "step_through",
        "values",
    ]
    graphs += ["play", "quiz"]
    calculus = ["derivative", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
    checks = ["check_gradients", "debug", "explain", "summary"]
    learning = ["Cluster", "History", "Program", "Programs", "compile", "datasets", "fit"]
    learning += ["nn", "optim", "pad", "plots"]
    others = [*graphs, *calculus, *checks, *learning, "build_info"]
    assert sorted(mg.__all__) == sorted([*others, *functions.__all__])
    assert set(mg.__all__) <= set(dir(mg))
    for name in mg.__all__:
        assert getattr(mg, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'drow'"):
        _ = mg.drow


def test_imports_point_one_way():
    """No module needs itself, however many imports lie between; and no room does."""
    TopologicalSorter(imports()).prepare()  # a CycleError names the circle
    TopologicalSorter(rooms()).prepare()


def test_a_circle_of_imports_would_be_found():
    circle = {**rooms(), "ops": {"drawing"}}
    with pytest.raises(CycleError):
        TopologicalSorter(circle).prepare()


def test_the_table_lists_the_rooms_from_the_top_to_the_bottom():
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| room |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    lines = [re.findall(r"`(\w+)(?:/|\.py)`", cell) for cell in cells]
    height = {name: -i for i, line in enumerate(lines) for name in line}
    assert sorted(height) == sorted(rooms())
    for name, others in rooms().items():
        for other in others:
            assert height[other] <= height[name], f"{name} imports {other}, which is above it"


def face(folder):
    """The modules of a folder that others import, as its docstring names them."""
    path = PACKAGE.joinpath(*folder.split("."), "__init__.py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    named = re.search(r"Others import (.*?)\.(?:\s|$)", text, re.DOTALL)
    return {*re.findall(r"`(\w+)`", named[1])} if named else set()


def test_a_folder_is_entered_by_its_face():
    """What a folder offers to others is what they import, no module more and none less."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    public = {*imported(stub), *loaded(ROOT / ".github" / "reference.py").MODULES.split()}
    used = {name: set() for name, path in modules() if name and path.stem == "__init__"}
    for name, others in {**imports(types=True), "": public}.items():
        for other in others:
            parts = other.split(".")
            for depth in range(1, len(parts)):
                folder = ".".join(parts[:depth])
                if not f"{name}.".startswith(f"{folder}."):
                    used[folder].add(parts[depth])
    assert {folder: face(folder) for folder in used} == used


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_loads_the_standard_library_only():
    loaded = run_python(
        "import sys; before = {*sys.modules}; import micrograd_plus;"
        "print(*{name.partition('.')[0] for name in {*sys.modules} - before})"
    )
    others = {name for name in loaded.split() if "cython" not in name}  # the core's own
    assert others - set(sys.stdlib_module_names) == {"micrograd_plus"}


GRAPH = "import micrograd_plus as mg; x, y = mg.values(x=1, y=2); f = mg.exp(x * y);"
ENGINE = {"", "_tools", "core", "engine", "functions", "graph", "ops"}
DRAWING = {*ENGINE, "drawing", "walk"}
NEEDED = {  # the rooms that each of these loads, and what it does not load of those
    "": (ENGINE, []),
    "mg.grad(lambda x: x * x)(2.0)": ({*ENGINE, "calculus"}, []),
    "mg.draw(f).source": (
        DRAWING,
        [
            *("drawing.pages", "drawing.terminal", "drawing.scene.folds", "drawing.frames"),
            *("walk.steps", "walk.questions", "walk.paths"),
        ],
    ),
    "mg.draw(f, detail='layers').source": (DRAWING, ["drawing.pages", "walk.steps"]),
    "mg.step_through(f)": (
        DRAWING,
        ["drawing.pages", "drawing.terminal", "drawing.dot", "drawing.frames", "walk.questions"],
    ),
}


@pytest.mark.parametrize("code", NEEDED)
def test_what_is_not_used_is_not_loaded(code):
    rooms, others = NEEDED[code]
    printed = run_python(f"{GRAPH} {code}\nimport sys; print(*sys.modules)").split()
    loaded = {name for name in printed if name.startswith("micrograd_plus")}
    assert {name.split(".")[1] if "." in name else "" for name in loaded} == rooms
    assert not [name for name in loaded for other in others if f"{name}.".endswith(f".{other}.")]
    outside = {name.partition(".")[0] for name in printed}
    assert ("graphviz" in outside) is ("draw" in code)
    assert outside.isdisjoint({"rich", "numpy"})


def test_types_are_shipped():
    assert (PACKAGE / "py.typed").exists()


def test_nothing_from_a_user_is_executed():
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if name == "compiler.matrices" and node.func.id in ("compile", "exec"):
                    continue  # of the compiler's own text, see test_compiler
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), name
            if isinstance(node, ast.Import):
                assert "pickle" not in [alias.name for alias in node.names], name
