"""All that the package knows of an operation stands in its one entry."""

import ast
import math
import pickle
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus.drawing.pages.figured import Figures
from micrograd_plus.engine import apply
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import Domain, Op
from micrograd_plus.walk.steps import Walk
from tests.needs import needed_by, on
from tests.node import running_node

NEARNESS = Op(
    "nearness",
    symbol="near",
    formula="near({*})",
    latex=r"\operatorname{{near}}\left({*}\right)",
    value=lambda m, *xs: m.relu(-m.log(m.sqrt(m.sum(*[x * x for x in xs])))),
    partials=lambda m, out, *xs: [
        -(m.step(m.nearness(*xs)) * x) / m.sum(*[x * x for x in xs]) for x in xs
    ],
    at_once=True,
    simpler=lambda m, *xs: m.relu(-m.log(m.abs(*xs))) if len(xs) == 1 else None,
    domain=Domain("numbers that are not all 0", lambda *xs: any(xs)),
    kink=lambda *xs: 1.0 - math.hypot(*xs),
    gates=("near{0}", "near{1}"),
    gradient="pull",
    dead=lambda *xs: math.hypot(*xs) >= 1,
    hint=lambda sources, *xs: f"keep away from 0 what {sources[0].name} gives" * any(sources),
    about="how far a point lies inside of the unit sphere, max(0, −log‖x‖)",
    example=((1.0, 0.0), 0.0),
)


@pytest.fixture
def nearness():
    """The entry in the table, as a line in `table.py` would put it there."""
    ops.TABLE[NEARNESS.name] = NEARNESS
    yield lambda *xs: apply(NEARNESS, *xs)
    del ops.TABLE[NEARNESS.name]
    vars(floats).pop(NEARNESS.name, None)  # where a namespace keeps what it found


def exact(*xs):
    """Value and derivatives by mpmath, from the formula of a textbook."""
    with mpmath.workdps(30):

        def value(*there):
            return max(mpmath.mpf(0), -mpmath.log(mpmath.norm(there)))

        orders = np.eye(len(xs), dtype=int).tolist()
        return float(value(*xs)), [float(mpmath.diff(value, xs, tuple(n))) for n in orders]


POINTS = [[0.3, -0.4, 0.2], [0.1, 0.2, -0.7], [2.0, -1.0, 0.5], [-0.01, 0.0, 0.02]]


def test_an_entry_is_recorded_differentiated_and_checked(nearness):
    for point in POINTS:
        xs = [Value(x) for x in point]
        f = nearness(*xs)
        f.backward()
        value, gradient = exact(*point)
        assert f.data == pytest.approx(value, rel=1e-14)
        assert [x.grad for x in xs] == pytest.approx(gradient, rel=1e-12, abs=1e-15)
        assert mg.check_gradients(nearness, *point).ok
    assert mg.check_gradients(nearness, 0.6, -0.8).kinks == ["nearness(0.6, -0.8)"]
    again = pickle.loads(pickle.dumps(f))
    assert again.op is NEARNESS
    assert again.data == f.data


def test_its_domain_its_hint_and_its_dead_units(nearness):
    x = Value(0.0, "x")
    with pytest.raises(mg.NonFiniteError, match="defined for numbers that are not all 0"):
        nearness(x, 0.0)
    with (
        pytest.raises(mg.NonFiniteError, match="fix: keep away from 0 what tanh gives"),
        mg.debug(),
    ):
        nearness(mg.tanh(x), x)
    y = Value(3.0, "y")
    units = [nearness(y, 1.0), nearness(y, x), nearness(x, 0.5)]
    for i, unit in enumerate(units):
        unit.label = f"h_{i}"
    assert mg.summary(mg.sum(units)).dead == ["h_0", "h_1"]


def test_its_formulas_and_its_gates(nearness):
    x, y = mg.values(x=0.3, y=-0.4)
    f = nearness(x, y)
    value, (slope, _) = exact(0.3, -0.4)
    walk = mg.step_through(f)
    text = "\n".join(str(step.text) for step in walk)
    assert f"f = near(x, y) = near(0.3, −0.4) = {value:.4g}" in text
    rule = f"(−step(near(x, y)) · x) / (x² + y²) = {slope:.4g}".replace("-", "−")
    assert f"∂f/∂x = {rule}" in text
    assert r"\operatorname{near}\left(x, y\right)" in walk.latex()
    alone = str(mg.step_through(nearness(x))[-1].text)
    assert "∂f/∂x = (−step(ReLU(−log(|x|))) · x) / x² = −3.333" in alone
    drawn = [(x, y), (x, 0.5), (0.5, x), (0.5, x, y)]
    gates = [re.findall('label=(near|"near[^"]*")', mg.draw(nearness(*xs)).source) for xs in drawn]
    assert gates == [["near"], ['"near0.5"'], ['"near0.5"'], ["near"]]


@pytest.mark.parametrize("backend", ["numpy", "jax", "native", "point"])
def test_programs(nearness, backend):
    needed_by(backend)

    def fn(x):
        return nearness(*x) * 2.0 + nearness(x[0], x[1])

    def expected(point):
        (a, da), (b, db) = exact(*point), exact(*point[:2])
        return 2 * a + b, 2 * np.array(da) + [*db, 0.0]

    program = mg.compile(fn, POINTS[0], **on(backend))
    if backend == "point":
        for point in POINTS:
            value, gradient = program.value_and_grad(point)
            assert value == pytest.approx(expected(point)[0], rel=1e-13)
            np.testing.assert_allclose(gradient, expected(point)[1], rtol=1e-12, atol=1e-15)
        return
    np.testing.assert_allclose(program(POINTS), [expected(p)[0] for p in POINTS], rtol=1e-13)
    with_gradient = mg.compile(fn, POINTS[0], backend=backend, input_gradients=True)
    _, _, (gradient,) = with_gradient.value_and_grad(POINTS)
    slopes = np.array([expected(p)[1] for p in POINTS]) / len(POINTS)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-15)


def test_a_program_has_a_line_for_all_arguments_at_once(nearness):
    w = Value(0.5)
    program = mg.compile(lambda x: nearness(*[w * v for v in x]), [0.01] * 50, params=[w])
    text = program.source()
    assert text.count("\n") < 60  # and not one for each of 50 arguments
    assert max(len(line.partition("#")[0]) for line in text.splitlines()) < 100
    assert "· pull(" in mg.draw(program).source


def test_pages(nearness):
    xs = [Value(x) for x in POINTS[0]]
    figures = Figures()
    walk = Walk(nearness(*xs), arithmetic=figures)
    results = [walk.data[walk.root], *(walk.grad[x] for x in xs)]
    positions = list(map(figures.position, results))
    with running_node() as run:
        found = run(figures.function(), POINTS)
    for point, numbers in zip(POINTS, found, strict=True):
        value, gradient = exact(*point)
        expected = pytest.approx([value, *gradient], rel=1e-12, abs=1e-15)
        assert [numbers[i] for i in positions] == expected


# ------------------------------------------------------- what other modules know of entries

PACKAGE = Path(mg.__file__).parent

OPERATORS = "add subtract multiply divide power negate"
KNOWN = {
    "graph/recording": "dot",  # written out, as it is hot
    "graph/sweep": "add multiply dot",  # likewise; tests compare both with the table
    "check/gradients": "detach",  # whose derivative differences would contradict
    "check/operations": "detach",  # likewise
    "walk/formula": OPERATORS,  # those of Python, on formulas
    "walk/arithmetic": "abs greater",  # a sum of which rounding errors are left is 0
    "walk/chain": "add multiply abs",  # the chain rule multiplies …
    "walk/sentences": "add subtract multiply negate",  # … and adds where paths meet
    "walk/paths": "multiply",  # the slopes along a path
    "walk/mistakes": "multiply sum",  # the chain rule as a question asks for it
    # σ, softmax and its logarithm, from their parts
    "walk/gates": "sigmoid reciprocal divide power add exp negate multiply "
    "sum subtract max detach log",
    "compiler/ir": "multiply",  # a matrix product is made of products
    "compiler/simplify": "multiply take",  # likewise; and rows are chosen by checked indices
    "compiler/schedule": "power",  # whose exponents are no data: products of their own
    "compiler/codegen/c": "power sum dot mean take",  # the operator **; loops without rules
    "compiler/codegen/javascript": "power",  # the operator **
    "compiler/codegen/reductions": "max min sum",  # methods of arrays
    "compiler/codegen/rules": "power where",  # the operator **; a choice of 1 or 0
    "compiler/codegen/running": "relu where erf erfc",  # which array functions take a place
    "compiler/codegen/sharing": "exp hypot sqrt",  # what is computed for less by another one
    "compiler/codegen/updates": "sqrt",  # ** 0.5
    "compiler/trace": "take",  # its index has to be one of a row
    # sums of products are one instruction, a mean is a quotient, and a square a product
    "compiler/native/tape": "add multiply divide power sum dot mean",
}
"""The entries that a module may mention, as what it does is about these operations.

Beside them, `engine` and `functions` have an operator, a method or a function for each entry.
"""


def trees():
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if not module.startswith("ops/"):
            yield module, ast.parse(path.read_text(encoding="utf-8"))


def is_name_of_operation(node):
    """Whether it is `op.name`, `node.op.name` or the like."""
    if not (isinstance(node, ast.Attribute) and node.attr == "name"):
        return False
    return getattr(node.value, "attr", getattr(node.value, "id", "")) in ("op", "operation")


def decides(node):
    """What chooses by something: its parts by which it does."""
    match node:
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Match(subject=subject):
            return [subject]
        case ast.Subscript(slice=key):
            return [key]
        case ast.Call(func=ast.Name("getattr" | "find"), args=args):
            return args
        case ast.Call(func=ast.Attribute(attr="get" | "find"), args=args):
            return args
    return []


def test_no_module_decides_by_the_name_of_an_operation():
    for module, tree in trees():
        for node in ast.walk(tree):
            parts = [inner for part in decides(node) for inner in ast.walk(part)]
            assert not any(map(is_name_of_operation, parts)), f"{module}: {ast.unparse(node)}"


def test_few_modules_know_particular_entries():
    found = {}
    for module, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name("ops"), attr=name) if name in ops.TABLE:
                    found.setdefault(module, set()).add(name)
                case ast.ImportFrom(module="micrograd_plus.ops" | "micrograd_plus.ops.table"):
                    names = {alias.name for alias in node.names} & ops.TABLE.keys()
                    assert not names, f"{module} imports {names}"
    named = found.pop("functions") | found["graph/recording"]
    assert set(ops.TABLE) - named <= found.pop("engine")
    assert found == {module: set(names.split()) for module, names in KNOWN.items()}
