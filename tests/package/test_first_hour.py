"""What goes wrong in the first hour: each row of the table of messages is made to happen."""

import contextlib
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn, optim
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus.check.debugging import ForgottenCallWarning
from micrograd_plus.cli.main import main
from micrograd_plus.parsing import from_text
from tests.effort import few
from tests.needs import EXAMPLES, ROOT, needed

QUESTIONS = json.loads((EXAMPLES / "guide" / "13_questions.ipynb").read_text(encoding="utf-8"))
TEXT = "".join(line for cell in QUESTIONS["cells"] for line in cell["source"])
TABLE = TEXT.partition("| what is wrong |")[2].partition("\n\n")[0]
ROWS = dict(re.findall(r"^\| (.*) \| .*?`([^`]*)` \|$", TABLE, re.MULTILINE))


def run(*command, **environment):
    """What a user sees."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
        timeout=60,
    )
    assert done.returncode in (1, 2)
    return done.stderr


WITHOUT = """
import sys
class Missing:
    def find_spec(name, *rest):
        if name.partition(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing)
{code}
"""


def without(module, code):
    """What a user sees who has not installed a package."""
    return run("-c", WITHOUT.format(module=module, code=code))


DRAW = "import micrograd_plus as mg; mg.draw(mg.Value(1) * 2)"


def no_layout_program(tmp_path, request):
    # Python's graphviz, which writes DOT, and no other package
    package = Path(importlib.util.find_spec("graphviz").origin).parent
    (tmp_path / "graphviz").symlink_to(package)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    return run("-S", "-c", f"{DRAW}.pipe()", PATH="", PYTHONPATH=path)


def no_numpy(tmp_path, request):
    return without("numpy", "import micrograd_plus as mg; mg.compile(lambda x: x * x, 1.0)")


def no_notebook(tmp_path, request):
    x, y, z = mg.values(x=1, y=-3, z=4)
    return repr(mg.draw((x + y) * z))


def an_older_python(tmp_path, request):
    needed("pip")
    options = ["--no-deps", "--no-index", "--only-binary=:all:", "--dest", tmp_path]
    wheel = request.getfixturevalue("pure_wheel")
    # install, unlike download, takes its own Python for the one that is asked for
    return run("-m", "pip", "download", *options, "--python-version", "3.10", wheel)


def descend(backward=True, zero_grad=True):
    """Two steps of a training loop, with or without what may be forgotten."""
    w = Value(1.0, "w")
    optimizer = optim.Optimizer([w], optim.GradientDescent(0.1))
    with warnings.catch_warnings(record=True) as seen, mg.debug():
        warnings.simplefilter("always")
        for _ in range(3):
            loss = (w - 3) ** 2
            if zero_grad:
                optimizer.zero_grad()
            if backward:
                loss.backward()
            optimizer.step()
    return seen


def no_backward(tmp_path, request):
    (warning,) = descend(backward=False)
    return str(warning.message)


def no_zero_grad(tmp_path, request):
    (warning,) = descend(zero_grad=False)
    return str(warning.message)


def a_function_of_math(tmp_path, request):
    with pytest.warns(mg.LostGradientWarning) as seen:
        (math.sin(x := mg.Value(1.0, "x")) * x).backward()
    return str(seen[0].message)


def a_misspelt_command(tmp_path, request):
    return run("-m", "micrograd_plus", "stpe", "x", "x=1")


def a_misspelt_function(tmp_path, request):
    return run("-m", "micrograd_plus", "step", "sigmod(x)", "x=1")


def a_misspelt_attribute(tmp_path, request):
    return run("-c", "import micrograd_plus as mg; mg.drow(mg.Value(1))")


SITUATIONS = {
    "no layout program": no_layout_program,
    "NumPy, Matplotlib, … not installed": no_numpy,
    "not in a notebook": no_notebook,
    "an older Python": an_older_python,
    "`backward()` forgotten": no_backward,
    "`zero_grad()` forgotten": no_zero_grad,
    "`math.sin(x)` for `mg.sin(x)`": a_function_of_math,
    "`micrograd-plus stpe`": a_misspelt_command,
    "`sigmod(x)` in an expression": a_misspelt_function,
    "`mg.drow(f)`": a_misspelt_attribute,
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_user_sees_what_the_table_says(situation, tmp_path, request):
    pattern = re.escape(ROWS[situation]).replace("…", ".*")
    assert re.search(pattern, SITUATIONS[situation](tmp_path, request))


def test_each_row_is_tried():
    assert {*ROWS} == {*SITUATIONS}


# ---------------------------------------------------------------- optional packages


@pytest.mark.parametrize(
    ("module", "code", "extra"),
    few(
        1,
        [
            (
                "matplotlib",
                "mg.History(epochs=[{'loss': 1.0, 'rate': 0.1}], steps=1).plot()",
                "plot",
            ),
            ("sklearn", "mg.datasets.digits()", "examples"),
            ("jax", "mg.compile(lambda x: x * x, 1.0, backend='jax').value_and_grad([1.0])", "jax"),
            ("numpy", "mg.optim.newton(lambda x: x[0] ** 2, [1.0])", "numpy"),
        ],
    ),
)
def test_a_missing_package_is_named_with_its_command(module, code, extra):
    seen = without(module, f"import micrograd_plus as mg; {code}")
    assert f"this needs {module}: pip install 'micrograd-plus[{extra}]'" in seen


def test_a_missing_package_on_the_command_line(tmp_path):
    arguments = ["train", "xor", "--picture", str(tmp_path / "a.png")]
    main = f"from micrograd_plus.cli.main import main; sys.exit(main({arguments!r}))"
    seen = without("matplotlib", main)
    assert seen == "micrograd-plus: this needs matplotlib: pip install 'micrograd-plus[plot]'\n"


def test_training_without_numpy_says_so_and_goes_on():
    train = "mg.fit(nn.MLP(2, [1]), datasets.xor(), nn.mse, epochs=1)"
    seen = without(
        "numpy", f"import micrograd_plus as mg; from micrograd_plus import *; {train}; sys.exit(1)"
    )
    assert seen.startswith("fit: training example by example, as it can't be compiled: this needs")


def test_a_source_needs_no_layout_program(tmp_path):
    code = f"{DRAW}.render('a.dot'); sys.exit(1)"
    assert run("-c", f"import sys, os; os.chdir({str(tmp_path)!r}); {code}", PATH="") == ""
    assert (tmp_path / "a.dot").read_text(encoding="utf-8").startswith("digraph")


# ---------------------------------------------------------------- what a training loop lacks


def test_a_complete_loop_is_told_nothing():
    assert not descend()


@pytest.mark.parametrize("forgotten", ["backward", "zero_grad"])
def test_a_forgotten_call_is_told_once_at_its_line(forgotten):
    (warning,) = descend(**{forgotten: False})
    assert warning.category is ForgottenCallWarning
    assert f"{forgotten}()" in str(warning.message)
    line = Path(warning.filename).read_text(encoding="utf-8").splitlines()[warning.lineno - 1]
    assert warning.filename == __file__
    assert {"backward": "optimizer.step()", "zero_grad": "loss.backward()"}[forgotten] in line


def test_gradients_of_one_point_may_add_up():
    x, w = mg.values(x=2, w=3)
    with mg.debug():
        for target in (1, 2, 3):  # over examples
            ((w * x - target) ** 2).backward()
        (w**2).backward()  # and a penalty
        w.grad = 0.0
        w.data = 2.5
        ((w * 2 - 1) ** 2).backward()
    assert w.grad == pytest.approx(2 * (2.5 * 2 - 1) * 2)


def test_gradients_may_be_zero():
    w = Value(3.0)
    optimizer = optim.Optimizer([w], optim.GradientDescent(0.1))
    with mg.debug():
        ((w - 3) ** 2).backward()
        optimizer.step()
    assert w.data == 3


def test_a_warning_made_an_error_changes_nothing():
    w = Value(1.0, "w")
    with mg.debug():
        (w * w).backward()
        w.data = 2.0
        f = w * w
        with pytest.raises(ForgottenCallWarning):
            f.backward()
    assert (w.grad, f.grad) == (2, 0)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_fit_forgets_nothing(engine):
    needed("numpy")
    with mg.debug():  # warnings are errors here
        mg.fit(nn.MLP(2, [2, 1], seed=1), mg.datasets.xor(), nn.mse, epochs=3, engine=engine)


def test_drawing_shows_that_backward_has_not_run():
    x, y = mg.values(x=2, y=3)
    f = x * y
    assert mg.draw(f).source.count(">–<") == 3
    f.backward()
    assert ">–<" not in mg.draw(f).source


# ---------------------------------------------------------------- misspelt names


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("rleu", ["relu", "tanh"], "relu"),
        ("ReLU", ["relu", "tanh"], "relu"),
        ("--hmtl", ["--html", "--limit"], "--html"),
        ("adm", ["Adam", "SGD"], "Adam"),
        ("w1", ["w_1", "x_1"], "w_1"),
        ("q", ["x", "y"], None),
        ("walk", ["tour", "step"], None),
        ("x", [], None),
        (3, ["relu"], None),
    ],
)
def test_what_was_meant(name, known, meant):
    assert did_you_mean(name, known) == (f" (did you mean {meant}?)" if meant else "")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["step", "x", "x=1", "--hmtl", "a.html"], "--html"),
        (["step", "--hmtl", "a.html", "x", "x=1"], "--html"),
        (["step", "x", "x=1", "--hmtl=a.html"], "--html"),
        (["draw", "x", "x=1", "-o", "a.svg", "--style", "boxes"], "box"),
        (["train", "moon"], "moons"),
        (["train", "moons", "--optimizer", "Adm"], "adam"),
        (["train", "moons", "--activation", "rleu"], "relu"),
        (["train", "moons", "--epcohs", "3"], "--epochs"),
        (["step", "x * w1", "x=1", "w_1=2"], "w_1"),
    ],
)
def test_misspelt_on_the_command_line(arguments, meant, capsys):
    with contextlib.suppress(SystemExit):  # of the parser
        main(arguments)
    assert f"(did you mean {meant}?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: nn.MLP(2, [2, 1], activation="rleu"), "relu"),
        (lambda: nn.Layer(2, 1, activation="softmx"), "softmax"),
        (lambda: nn.MLP(2, [1], init="he_unifrom"), "he_uniform"),
        (lambda: mg.fit(nn.MLP(2, [1]), mg.datasets.xor(), nn.mse, engine="compield"), "compiled"),
        (lambda: mg.draw(Value(1), "wire"), "wires"),
        (lambda: mg.draw(Value(1)).pipe("sgv"), "svg"),
        (lambda: from_text("maximun(x, 2)", {"x": 1}), "maximum"),
    ],
)
def test_misspelt_names(call, meant):
    with pytest.raises(ValueError, match=rf"\(did you mean {meant}\?\)"):
        call()


def test_a_misspelt_attribute_is_asked_about_once():
    seen = a_misspelt_attribute(None, None)
    assert seen.lower().count("did you mean") == 1
