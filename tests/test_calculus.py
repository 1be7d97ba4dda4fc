"""Gradients, Jacobians, Hessians, forward mode: the lecture's results, and random functions."""

import collections
import math
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops
from micrograd_plus.graph import order
from micrograd_plus.graph.recording import record, recorded
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.testing import graphs, operations, points
from tests import oracle
from tests.effort import examples

# ----------------------------------------------------------------------- lecture C


def bowl(x):
    return 5 * x[0] ** 2 + 3 * x[1] ** 2


def tilted(x):
    return bowl(x) + 4 * x[0] * x[1]


def saddle(x):
    return x[0] ** 2 - x[1] ** 2 + x[0] * x[1]


def test_gradient_and_its_direction():
    gradient = mg.grad(bowl)([2, 1])
    assert gradient == [20, 6]
    direction = [g / math.hypot(*gradient) for g in gradient]
    assert [round(d, 3) for d in direction] == [0.958, 0.287]
    assert mg.grad(lambda x, y: 5 * x**2 + 3 * y**2)(2, 1) == (20, 6)


def test_hessian_and_its_eigenvalues():
    for point in ([0, 0], [2, 1], [-3, 5.5]):
        assert mg.hessian(tilted)(point) == [[10, 4], [4, 6]]
    eigenvalues = sorted(np.linalg.eigvalsh(mg.hessian(tilted)([2, 1])))
    assert eigenvalues == pytest.approx([8 - math.sqrt(20), 8 + math.sqrt(20)], rel=1e-14)
    assert [round(e, 3) for e in eigenvalues] == [3.528, 12.472]


def test_a_saddle_is_told_from_a_minimum():
    assert np.all(np.linalg.eigvalsh(mg.hessian(tilted)([0, 0])) > 0)
    low, high = np.linalg.eigvalsh(mg.hessian(saddle)([0, 0]))
    assert low < 0 < high
    assert mg.grad(saddle)([0, 0]) == mg.grad(tilted)([0, 0]) == [0, 0]


def test_the_derivative_of_sin_of_a_square():
    for x in (-2.0, 0.0, 0.3, 1.7):
        expected = 2 * x * math.cos(x * x)
        assert mg.derivative(lambda x: mg.sin(x**2))(x) == pytest.approx(expected, rel=1e-15)


def test_the_jacobian_of_two_functions_of_three_variables():
    def f(x):
        return [x[0] * x[1], mg.exp(x[2]) + x[0]]

    assert mg.jacobian(f)([2, 3, 0]) == [[3, 2, 0], [1, 0, 1]]


def test_the_perfect_step_and_newton():
    def parabola(x):
        return 3 * x**2 - 12 * x + 7

    for x in (-5.0, 0.0, 10.0):
        step = -mg.derivative(parabola)(x) / mg.derivative(parabola, order=2)(x)
        assert x + step == pytest.approx(2, abs=1e-14)
    x = np.array([2.0, 1.0])
    x = x - np.linalg.solve(mg.hessian(tilted)(x), mg.grad(tilted)(x))
    assert x == pytest.approx([0, 0], abs=1e-15)


def test_the_univariate_chain_of_lecture_e():
    """∂F/∂W_j = J_L W_L J_{L−1} W_{L−1} … J_j F_{j−1}, and without the last factor for b_j."""
    w, b, start = [0.5, -1.5, 0.8], [0.1, -0.2, 0.3], 0.7

    def chain(w, b):
        f = start
        for weight, bias in zip(w, b, strict=True):
            f = mg.tanh(weight * f + bias)
        return f

    of_w, of_b = mg.grad(chain)(w, b)
    values = [start]
    for weight, bias in zip(w, b, strict=True):
        values.append(math.tanh(weight * values[-1] + bias))
    slopes = [1 - f**2 for f in values[1:]]
    for j in range(3):
        product = slopes[j]
        for later in range(j + 1, 3):
            product *= w[later] * slopes[later]
        assert of_b[j] == pytest.approx(product, rel=1e-14)
        assert of_w[j] == pytest.approx(product * values[j], rel=1e-14)


# ---------------------------------------------------------------------- any function


@given(st.data())
@examples(1000)
def test_second_derivatives_agree_with_mpmath(data):
    """The rules, run on Values, give derivatives that can be differentiated again."""
    op = data.draw(operations())
    assume(op is not ops.detach)  # its derivative is not that of its value
    args = data.draw(points(op))
    if op is ops.power:
        assume(args[0] > 0)
    leaves = [Value(x) for x in args]
    first = adjoints(record(op, tuple(leaves)), m=recorded)
    i = data.draw(st.integers(0, len(args) - 1))
    j = data.draw(st.integers(0, len(args) - 1))
    slope = first[leaves[i]]
    second = adjoints(slope, m=recorded).get(leaves[j], 0.0) if isinstance(slope, Value) else 0.0

    def gradient(*xs):
        return oracle.derivative(lambda *ys: op.value(oracle.mp, *ys), xs, i)

    with mpmath.workdps(80):
        exact = oracle.derivative(gradient, args, j)
    scale = max(1.0, *(abs(float(x)) for x in args))
    assert float(slope) == pytest.approx(float(gradient(*args)), rel=1e-9, abs=1e-12)
    assert float(second) == pytest.approx(float(exact), rel=1e-7, abs=1e-9 * scale)


@given(graphs())
@examples(300)
def test_forward_mode_reverse_mode_and_recorded_gradients_agree(graph):
    root, leaves = graph

    def f(*numbers):
        known = dict(zip(leaves, numbers, strict=True))
        for node in order(root):
            if node.op is not None:
                args = [known[a] if isinstance(a, Value) else a for a in node.args]
                known[node] = record(node.op, tuple(args))
        return known[root]

    point = tuple(leaf.data for leaf in leaves)
    root.zero_grad()
    root.backward()
    expected = tuple(leaf.grad for leaf in leaves)
    assume(max(map(abs, expected)) < 1e8)

    value, gradient = mg.value_and_grad(f)(*point)
    gradient = gradient if len(leaves) > 1 else (gradient,)
    assert value == root.data
    assert gradient == pytest.approx(expected, rel=1e-12)
    recorded = mg.grad(f, create_graph=True)(*point)
    recorded = recorded if len(leaves) > 1 else (recorded,)
    assert [float(g) for g in recorded] == pytest.approx(expected, rel=1e-12)
    for i, slope in enumerate(expected):
        direction = tuple(float(i == k) for k in range(len(leaves)))
        along = mg.jvp(f, point, direction)
        assert along == (root.data, pytest.approx(slope, rel=1e-9, abs=1e-9))


# ---------------------------------------------------------------------------- shapes


def test_shapes_are_kept():
    def f(w, b):
        return mg.sum([x * y for row, y in zip(w, b, strict=True) for x in row])

    of_w, of_b = mg.grad(f)([[1, 2], [3, 4]], (5, 6))
    assert of_w == [[5, 5], [6, 6]]
    assert of_b == (3, 7)
    assert mg.grad(lambda x: x[0] * x[1])(np.array([2.0, 3.0])) == [3, 2]
    assert mg.jacobian(lambda x: (x, [x * x, 3]))(2) == (1, [4, 0])
    assert mg.grad(lambda x: 3.0)(2) == 0
    assert mg.grad(lambda x: x)(2) == 1
    assert mg.value_and_grad(lambda x: x * x)(3) == (9, 6)
    assert mg.grad(lambda x: x.pop() * x.pop())([2, 3]) == [3, 2]


def test_forward_and_reverse_products():
    def f(x, y):
        return [x * y, x + y, 7]

    assert mg.jvp(f, (2, 3), (10, 1)) == ([6, 5, 7], [32, 11, 0])
    value, pullback = mg.vjp(f, 2, 3)
    assert value == [6, 5, 7]
    assert pullback([1, 10, 100]) == (13, 12)
    assert pullback([0, 1, 0]) == (1, 1)
    assert mg.jvp(lambda x: x, (2,), (5,)) == (2, 5)
    assert mg.hvp(tilted, ([2, 1],), ([1, 0],)) == [10, 4]
    assert mg.hvp(lambda x, y: x * x * y, (2, 3), (1, 0)) == (6, 4)


def test_any_order_and_nesting():
    assert [mg.derivative(mg.sin, order=n)(0.0) for n in range(6)] == [0, 1, 0, -1, 0, 1]
    assert mg.grad(mg.grad(mg.grad(lambda x: x**5)))(2) == 240
    assert mg.derivative(lambda x: x**0, order=2)(0) == 0
    assert mg.hessian(lambda x, y: x**y)(0.5, 0.0)[0][1] == 2
    assert mg.derivative(lambda x: 3 * x, order=5)(1) == 0
    inner = mg.grad(lambda x: x * mg.grad(lambda y: x * y * y)(x))  # (x · 2x²)'
    assert inner(3) == 54


def test_values_in_values_out():
    x = Value(2, "x")
    slope = mg.grad(lambda v: v**3)(x)
    assert slope.data == 12
    slope.backward()
    assert x.grad == 12
    both = mg.grad(lambda u, v: u * v * v)(x, x)  # one Value in two places
    assert [g.data for g in both] == [4, 8]
    recorded = mg.hessian(tilted, create_graph=True)([2, 1])
    assert [[float(h) for h in row] for row in recorded] == [[10, 4], [4, 6]]
    assert isinstance(mg.derivative(lambda v: v**3, create_graph=True)(2.0), Value)
    value, along = mg.jvp(lambda v: v * v, (x,), (1.0,))
    assert (value.data, along.data) == (4, 4)
    _, pullback = mg.vjp(lambda v: v * v, x)
    assert pullback(1.0).data == 4


def test_numbers_are_floats_whatever_a_rule_gives():
    """Also where those of a user's own operation give NumPy's numbers."""
    double = ops.Op(
        "double",
        about="twice x",
        value=lambda m, x: 2 * x,
        partials=(lambda m, out, x: np.float64(2),),
        example=((1.0,), 2.0),
    )

    def f(x, y):
        return record(double, (x,)) * y

    found = [mg.grad(f)(1, 3), *mg.hessian(f)(1, 3), mg.vjp(f, 1, 3)[1](1)]
    found.append(mg.jvp(f, (1, 3), (1, 0)))
    assert found == [(6, 2), (0, 2), (2, 0), (6, 2), (6, 6)]
    assert {type(x) for pair in found for x in pair} == {float}


def test_a_pullback_remembers_nothing_of_the_last_one():
    """What it was given once says nothing of what is asked next."""
    value, pullback = mg.vjp(lambda x: [x[0] * x[1], x[1]], [2.0, 3.0])
    before = pullback([1.0, 10.0])
    assert [g.data for g in pullback([Value(1.0), Value(10.0)])] == before == [3, 12]
    with pytest.raises(ValueError, match="upstream gradients need the shape"):
        pullback([Value(1.0)])
    after = pullback([1.0, 10.0])
    assert after == before
    assert {type(g) for g in after} == {float}
    assert value == [6, 3]


@pytest.mark.parametrize("transform", [mg.grad, mg.value_and_grad, mg.jacobian, mg.derivative])
def test_functions_can_be_used_anew_after_values(transform):
    f = transform(lambda v: v**3)
    before = f(2.0)
    f(Value(2.0))
    assert f(2.0) == before
    assert not any(isinstance(x, Value) for x in np.ravel(f(2.0)))


TRANSFORMS = (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian, mg.derivative)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_arguments_given_by_name_are_constants(transform):
    """As in JAX and HIPS autograd; and errors speak of the user's function."""

    def cubed(x, *, times=1.0):
        return times * x**3

    assert transform(cubed)(2.0, times=5.0) == transform(lambda x: 5.0 * x**3)(2.0)
    assert transform(cubed).__name__ == "cubed"
    with pytest.raises(TypeError, match=r"cubed\(\) got an unexpected keyword argument 'y'"):
        transform(cubed)(2.0, y=2.0)
    with pytest.raises(TypeError, match="cubed"):
        transform(cubed)()
    w = Value(5.0)
    assert transform(cubed)(2.0, times=w) == transform(cubed)(2.0, times=5.0)
    assert mg.grad(lambda y: mg.grad(cubed)(2.0, times=y))(5.0) == 12


@pytest.mark.parametrize("transform", TRANSFORMS[:-1])
def test_arguments_given_by_name_alone_are_differentiated(transform):
    def f(x, y):
        return x * y[0] + y[1] ** 2

    found = transform(f)(y=[3.0, 5.0], x=2.0)
    assert found == transform(lambda given: f(**given))({"y": [3.0, 5.0], "x": 2.0})
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        transform(f)(x=2.0, z=3.0)
    with pytest.raises(TypeError, match="must be a real number, not 'mean'"):
        transform(f)(x=2.0, y="mean")


def test_a_derivative_takes_its_one_number_by_name():
    assert mg.derivative(lambda x: x**3)(x=2.0) == 12
    for count, wrong in ((2, {"x": 2.0, "y": 1.0}), (2, {"x": [1.0, 2.0]}), (0, {"x": []})):
        with pytest.raises(TypeError, match=f"of one number, not of {count}"):
            mg.derivative(lambda x, y=0: 1.0)(**wrong)


def test_transforms_of_functions_that_return_dictionaries():
    """Each output by itself is what the function that returns it alone would give."""

    def f(x):
        return {"a": x[0] ** 2 * x[1], "rest": [x[1] ** 3, {"constant": 2.0}]}

    x, v = [2.0, 3.0], [1.0, -1.0]
    alone = [
        lambda x: f(x)["a"],
        lambda x: f(x)["rest"][0],
        lambda x: f(x)["rest"][1]["constant"] + 0 * x[0],
    ]
    found = {
        "jacobian": (mg.jacobian(f)(x), [mg.grad(g)(x) for g in alone]),
        "hessian": (mg.hessian(f)(x), [mg.hessian(g)(x) for g in alone]),
        "jvp": (mg.jvp(f, (x,), (v,))[1], [mg.jvp(g, (x,), (v,))[1] for g in alone]),
        "hvp": (mg.hvp(f, (x,), (v,)), [mg.hvp(g, (x,), (v,)) for g in alone]),
        "derivative": (
            mg.derivative(lambda t: f([t, t]), 2)(3.0),
            [mg.derivative(lambda t, g=g: g([t, t]), 2)(3.0) for g in alone],
        ),
    }
    for outputs, (a, b, c) in found.values():
        assert outputs == {"a": a, "rest": [b, {"constant": c}]}
    value, pullback = mg.vjp(f, x)
    assert value == {"a": 12.0, "rest": [27.0, {"constant": 2.0}]}
    upstream = {"a": 1.0, "rest": [10.0, {"constant": 7.0}]}
    assert pullback(upstream) == [12.0, 4.0 + 270.0]
    for transform in (mg.grad, mg.value_and_grad):
        with pytest.raises(TypeError, match=r"return one Value, not .*jacobian differentiates"):
            transform(f)(x)


def test_what_is_inside_depends_on_what_is_outside():
    """No perturbation confusion, and no dependence lost."""
    assert mg.grad(lambda x: x * mg.grad(lambda y: x * y)(1.0))(2.0) == 4
    assert mg.grad(lambda x: mg.derivative(lambda y: x**2 * y)(1))(3.0) == 6
    assert mg.grad(lambda x: mg.jvp(lambda y: x * y, (1.0,), (1.0,))[1])(3.0) == 1
    assert mg.grad(lambda x: mg.value_and_grad(lambda y: x * y)(5.0)[0])(3.0) == 5
    assert mg.grad(lambda x: mg.jvp(lambda y: y * y, (3.0,), (x,))[1])(2.0) == 6
    assert mg.grad(lambda x: mg.vjp(lambda y: y * y, 3.0)[1](x))(2.0) == 6
    assert mg.grad(lambda x: mg.hessian(lambda y: x * y * y)(1.0))(2.0) == 2
    v = Value(2.0)
    assert mg.jvp(lambda y: y * y, (3.0,), (v,))[1].data == 12
    assert mg.vjp(lambda y: y * y, 3.0)[1](v).data == 12
    value, along = mg.jvp(lambda y: v, (v,), (1.0,))
    assert (value.data, along) == (2, 0)


def test_arrays_named_tuples_and_changed_arguments():
    def f(x):
        return (x**2).sum() + x[0, 1]

    assert mg.grad(f)(np.array([[1.0, 2.0]])) == [[2, 5]]
    assert mg.hessian(lambda x: x @ x)(np.array([1.0, 2.0])) == [[2, 0], [0, 2]]
    point = collections.namedtuple("Point", "x y")
    assert mg.grad(lambda p: p.x * p.y)(point(2, 3)) == point(3, 2)
    numbers = [2.0, 3.0]
    _, pullback = mg.vjp(lambda x: x[0] * x[1], numbers)
    numbers.append(4.0)
    assert pullback(1.0) == [3, 2]


class Table(dict):
    pass


def test_every_structure_is_kept():
    """In the function as in its results, but that these have lists in the place of arrays."""
    point = collections.namedtuple("Point", "x y")
    given = Table(a=(1.0, [2.0]), b=point(np.float32(3), np.array(4.0)), c=np.array([[5, 6]]))

    def f(table):
        assert type(table) is Table
        assert type(table["b"]) is point
        assert table["c"].shape == (1, 2)
        (a, (b,)), (x, y) = table["a"], table["b"]
        return {"sum": (table["c"] * [[x, y]]).sum() + a * b, "all": table}

    found = mg.jacobian(f)(given)
    assert found["sum"] == Table(a=(2, [1]), b=point(5, 6), c=[[3, 4]])
    assert type(found["sum"]) is type(found["all"]) is Table
    assert found["all"]["c"][0][1] == Table(a=(0, [0]), b=point(0, 0), c=[[0, 1]])
    tangents = {"c": ((0, 1),), "b": [0, 0], "a": (0, (0,))}
    assert mg.jvp(f, (given,), (tangents,))[1]["sum"] == 4
    for wrong in ({"d": 0}, {"b": 0}, {"b": [0]}, {"a": (0, 0)}):
        with pytest.raises(ValueError, match="the tangents need the shape"):
            mg.jvp(f, (given,), (tangents | wrong,))
    assert given == Table(a=(1.0, [2.0]), b=point(3, 4), c=given["c"])


def test_softmax_of_large_numbers():
    for size in (0.0, 1e3, 1e12, 1e16):
        assert [x.data for x in mg.softmax([Value(size), Value(size)])] == [0.5, 0.5]
        assert mg.grad(mg.logsumexp)([size, size]) == [0.5, 0.5]
        assert [float(x) for x in mg.log_softmax([size, size])] == [-math.log(2)] * 2
    x = [Value(1.0), Value(2.0), Value(-3.0)]
    first = mg.softmax(x)[0]
    first.backward()
    p = [math.exp(v) / (math.e + math.e**2 + math.e**-3) for v in (1, 2, -3)]
    expected = [p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]]
    assert [v.grad for v in x] == pytest.approx(expected, rel=1e-14)


def test_the_slope_of_the_sigmoid_in_its_tails():
    for x in (-700.0, -40.0, 40.0, 700.0):
        exact = math.exp(-abs(x)) / (1 + math.exp(-abs(x))) ** 2
        assert mg.grad(mg.sigmoid)(x) == pytest.approx(exact, rel=1e-13, abs=0)


def test_recorded_gradients_can_be_pickled():
    x = Value(2.0)
    f = x**3
    f.backward(create_graph=True)
    assert pickle.loads(pickle.dumps(x)).grad == 12


def test_values_outside_the_function_are_constants_and_keep_their_gradients():
    w = Value(3, "w")
    w.grad = 5.0
    assert mg.grad(lambda x: w * x)(2) == 3
    assert w.grad == 5
    (w * 2).backward()
    assert mg.hessian(lambda x: w * x * x)(2) == 6
    assert w.grad == 7


def test_backward_can_record_what_it_does():
    x, y = mg.values(x=2, y=3)
    f = x**3 * y
    f.backward(create_graph=True)
    assert (x.grad.data, y.grad.data, f.grad) == (36, 8, 1)
    slope = x.grad
    x.grad = 0.0
    y.grad = 0.0
    slope.backward()
    assert (x.grad, y.grad) == (36, 12)
    f.zero_grad()
    (x * y).backward(create_graph=True)
    (x * y).backward(create_graph=True)
    assert (x.grad.data, y.grad.data) == (6, 4)


def test_a_hessian_takes_one_reverse_pass_for_each_variable(monkeypatch):
    passes = []
    real = mg.calculus.derivatives

    def counted(root, wanted, done, m):
        passes.append(m is recorded)
        return real(root, wanted, done, m)

    monkeypatch.setattr(mg.calculus, "derivatives", counted)
    for n in (1, 5, 20):
        passes.clear()
        x = [0.1 * i for i in range(n)]
        mg.hessian(lambda x: mg.sum([mg.sin(a) * b for a in x for b in x]))(x)
        assert passes.count(True) == 1
        assert passes.count(False) == n


def test_deep_functions():
    def f(x):
        for _ in range(20_000):
            x = x * 1.00001
        return x * x

    assert mg.derivative(f, order=2)(1.0) == pytest.approx(2 * 1.00001**40_000, rel=1e-9)


def test_a_list_that_contains_itself_has_no_end():
    endless = [1.0]
    endless.append(endless)
    with pytest.raises(RecursionError):
        mg.grad(lambda x: x[0])(endless)
    with pytest.raises(RecursionError):
        mg.jacobian(lambda x: endless)(1.0)


def test_errors_name_what_is_wrong():
    for output in (None, "a", {"a": None}, map(mg.sin, [])):
        with pytest.raises(TypeError, match="has to return Values, not"):
            mg.jacobian(lambda x, output=output: output)(2)
    with pytest.raises(TypeError, match=r"a function is needed, not 3\.0"):
        mg.grad(3.0)(1)
    with pytest.raises(TypeError, match="the tangents are numbers, not 'a'"):
        mg.jvp(mg.sin, (1,), ("a",))
    with pytest.raises(mg.NonFiniteError, match="gradient through power"):
        mg.jvp(lambda x: x**0.5, (0.0,), (1.0,))
    with pytest.raises(mg.NonFiniteError, match=r"gradient through sqrt of 0\.0"):
        mg.jvp(mg.sqrt, (0.0,), (0.0,))
    with pytest.raises(mg.NonFiniteError, match="upstream"):
        mg.vjp(lambda x: x * 1e200, 1.0)[1](1e200)
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        Value(1).backward(1.0)  # PyTorch's gradient argument
    with pytest.raises(TypeError, match=r"return one Value, not \[.*\(list\)"):
        mg.grad(lambda x: [x])(2)
    with pytest.raises(TypeError, match="not None"):
        mg.derivative(lambda x: None)(2)
    with pytest.raises(TypeError, match="'a'"):
        mg.grad(lambda x: x)("a")
    with pytest.raises(ValueError, match=r"tangents need the shape \(0, 0\), not \(0,\)"):
        mg.jvp(lambda x, y: x, (1, 2), (1,))
    with pytest.raises(ValueError, match="upstream gradients need the shape"):
        mg.vjp(lambda x: [x, x], 1)[1](1)
    with pytest.raises(TypeError, match="as a tuple"):
        mg.jvp(lambda x: x, 1, 1)
    for order_ in (-1, 1.5):
        with pytest.raises(ValueError, match="whole number from 0"):
            mg.derivative(mg.sin, order=order_)
    with pytest.raises(mg.NonFiniteError, match=r"gradient through sqrt of 0\.0"):
        mg.grad(mg.sqrt)(0)
    with pytest.raises(mg.NonFiniteError, match="gradient through reciprocal"):
        mg.grad(lambda x: 1 / x)(1e-200)


@pytest.mark.parametrize(
    "transform", [mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian, mg.derivative]
)
def test_a_point_is_not_taken_for_an_option(transform):
    """`hessian(f, x)` is PyTorch's way, and `grad(f, 1)` JAX's."""
    name = transform.__name__
    for point in ([1.0, 2.0], (0, 1), 1, 0, 2.0, None):
        with pytest.raises((TypeError, ValueError)) as caught:
            transform(lambda x: x * x, create_graph=point)
        assert f"create_graph is True or False, not {point}: {name}(f)" in str(caught.value)
    transform(lambda x: x * x, create_graph=True)
