"""Update rules, schedules, clipping, Newton's method and `Optimizer`.

`optimisers.json` holds what PyTorch made of `problem` with the optimisers in `TORCH`. To make it
anew, where PyTorch is installed: `python -m tests.optim.test_optim`.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, optim
from micrograd_plus.optim import Optimizer
from tests.effort import examples

STORED = Path(__file__).with_name("optimisers.json")
STEPS = 100
SHOWN = (1, 2, 10, STEPS)

# ours, and PyTorch's, by the name of its class and its options
TORCH = {
    "GradientDescent": (optim.GradientDescent(0.02), "SGD", {"lr": 0.02}),
    "Momentum": (optim.Momentum(0.01, momentum=0.8), "SGD", {"lr": 0.01, "momentum": 0.8}),
    "Nesterov": (
        optim.Nesterov(0.01, momentum=0.8),
        "SGD",
        {"lr": 0.01, "momentum": 0.8, "nesterov": True},
    ),
    # PyTorch's defaults for ε and ρ differ from ours: 1e-10 for Adagrad, alpha = 0.99 for RMSprop
    "AdaGrad": (optim.AdaGrad(0.3, epsilon=1e-10), "Adagrad", {"lr": 0.3}),
    "AdaGrad, large ε": (optim.AdaGrad(0.3, epsilon=0.5), "Adagrad", {"lr": 0.3, "eps": 0.5}),
    "RMSprop": (optim.RMSprop(0.02, decay=0.99), "RMSprop", {"lr": 0.02}),
    "RMSprop, other ρ and ε": (
        optim.RMSprop(0.02, decay=0.9, epsilon=0.01),
        "RMSprop",
        {"lr": 0.02, "alpha": 0.9, "eps": 0.01},
    ),
    "Adam": (optim.Adam(), "Adam", {}),
    "Adam, other β and ε": (
        optim.Adam(0.05, beta1=0.8, beta2=0.95, epsilon=0.01),
        "Adam",
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01},
    ),
    "AdamW": (optim.AdamW(), "AdamW", {}),
    "AdamW, other λ": (
        optim.AdamW(0.05, weight_decay=0.3),
        "AdamW",
        {"lr": 0.05, "weight_decay": 0.3},
    ),
}
START = (2.0, -1.5, 0.5)


def problem(exp, x, y, z):
    """A long valley with a bend; `exp` is ours or PyTorch's."""
    return 5 * (x - 1) ** 2 + 0.3 * (y + x * x / 4) ** 2 + 2 * x * z + exp(z) + 4 * z * z


def torchs_path(name):
    """The points after each step of PyTorch."""
    import torch

    _, kind, options = TORCH[name]
    parameters = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimiser = getattr(torch.optim, kind)(parameters, **options)
    path = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        problem(torch.exp, *parameters).backward()
        optimiser.step()
        path.append([p.item() for p in parameters])
    return path


def our_path(rule, steps=STEPS):
    parameters = [Value(x) for x in START]
    optimiser = Optimizer(parameters, rule)
    path = []
    for _ in range(steps):
        optimiser.zero_grad()
        problem(mg.exp, *parameters).backward()
        optimiser.step()
        path.append([p.data for p in parameters])
    return path


# ----------------------------------------------------------------- against PyTorch


@pytest.mark.parametrize("name", TORCH)
def test_rules_give_the_stored_figures_of_pytorch(name):
    path = our_path(TORCH[name][0])
    stored = json.loads(STORED.read_text(encoding="utf-8"))[name]
    assert [step for step, _ in stored] == list(SHOWN)
    for step, point in stored:
        assert path[step - 1] == pytest.approx(point, rel=1e-12)


@pytest.mark.parametrize("name", TORCH)
def test_rules_give_the_figures_of_pytorch(name):
    # which no extra installs, as it is large: its figures are stored, and compared above
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[bench]'")
    theirs = torchs_path(name)
    for ours, point in zip(our_path(TORCH[name][0]), theirs, strict=True):
        assert ours == pytest.approx(point, rel=1e-12)
    stored = json.loads(STORED.read_text(encoding="utf-8"))[name]
    for step, point in stored:
        assert point == pytest.approx(theirs[step - 1], rel=1e-12)


def test_the_stored_figures_are_those_of_all_rules():
    assert list(json.loads(STORED.read_text(encoding="utf-8"))) == list(TORCH)
    rules = {type(rule) for rule, *_ in TORCH.values()}
    public = {getattr(optim, name) for name in optim.__all__}
    assert rules == {
        c for c in public if isinstance(c, type) and issubclass(c, optim.Rule)
    } - {optim.Rule}  # fmt: skip


# ------------------------------------------------------------ against the formulas

GRADIENTS = st.lists(st.floats(-10, 10), min_size=1, max_size=8)


def ours(rule, gradients, start=1.0):
    """The parameter after each step by given gradients."""
    parameter = Value(start)
    optimiser = Optimizer([parameter], rule)
    path = []
    for gradient in gradients:
        parameter.grad = gradient
        optimiser.step()
        path.append(parameter.data)
    return path


def close(numbers):
    return pytest.approx(numbers, rel=1e-13, abs=1e-13)


@given(GRADIENTS)
def test_plain_as_lecture_d_writes_it(gradients):
    x, path = 1.0, []
    for dx in gradients:
        x -= 0.1 * dx
        path.append(x)
    assert ours(optim.GradientDescent(0.1), gradients) == close(path)


@given(GRADIENTS)
def test_momentum_as_lecture_d_writes_it(gradients):
    x, v, path = 1.0, 0.0, []
    for dx in gradients:
        v = 0.7 * v - 0.1 * dx
        x += v
        path.append(x)
    assert ours(optim.Momentum(0.1, momentum=0.7), gradients) == close(path)


@given(GRADIENTS)
def test_nesterov_looks_ahead(gradients):
    """Sutskever's form, in terms of the point that the gradient is taken at."""
    v, path = 0.0, []
    behind = 1.0  # the parameter without the look ahead
    for dx in gradients:
        v = 0.7 * v - 0.1 * dx
        behind += v
        path.append(behind + 0.7 * v)
    assert ours(optim.Nesterov(0.1, momentum=0.7), gradients) == close(path)


@given(GRADIENTS)
def test_adagrad_as_lecture_d_writes_it(gradients):
    x, cache, path = 1.0, 0.0, []
    for dx in gradients:
        cache += dx**2
        x -= 0.1 * dx / (math.sqrt(cache) + 1e-3)
        path.append(x)
    assert ours(optim.AdaGrad(0.1, epsilon=1e-3), gradients) == close(path)


@given(GRADIENTS)
def test_rmsprop_as_lecture_d_writes_it(gradients):
    x, cache, path = 1.0, 0.0, []
    for dx in gradients:
        cache = 0.8 * cache + (1 - 0.8) * dx**2
        x -= 0.1 * dx / (math.sqrt(cache) + 1e-3)
        path.append(x)
    assert ours(optim.RMSprop(0.1, decay=0.8, epsilon=1e-3), gradients) == close(path)


@given(GRADIENTS, st.booleans())
def test_adam_with_and_without_the_correction(gradients, correction):
    x, m, v, path = 1.0, 0.0, 0.0, []
    for t, dx in enumerate(gradients, 1):
        m = 0.9 * m + (1 - 0.9) * dx
        v = 0.95 * v + (1 - 0.95) * dx**2
        now_m, now_v = (m / (1 - 0.9**t), v / (1 - 0.95**t)) if correction else (m, v)
        x -= 0.1 * now_m / (math.sqrt(now_v) + 1e-3)
        path.append(x)
    rule = optim.Adam(0.1, beta2=0.95, epsilon=1e-3, bias_correction=correction)
    assert ours(rule, gradients) == close(path)


def test_adams_first_step_is_as_long_as_the_rate():
    assert ours(optim.Adam(0.1, epsilon=0), [123.0]) == close([0.9])
    slow = optim.Adam(0.1, epsilon=0, bias_correction=False)
    assert ours(slow, [123.0]) == close([1 - 0.1 * 0.1 / math.sqrt(0.001)])


def test_adamw_decays_without_a_gradient():
    rule = optim.AdamW(0.1, weight_decay=0.5)
    assert ours(rule, [0.0, 0.0, 0.0], start=8.0) == close([8 * 0.95, 8 * 0.95**2, 8 * 0.95**3])
    assert ours(optim.Adam(0.1), [0.0, 0.0]) == [1.0, 1.0]


@pytest.mark.parametrize("name", TORCH)
@given(st.integers(0, 2**32 - 1))
@examples(20)
def test_arrays_go_through_the_same_lines(name, seed):
    rule = TORCH[name][0]
    random = np.random.default_rng(seed)
    gradients, start = random.normal(size=(5, 2, 3)) * 3, random.normal(size=(2, 3))
    x, state = start, rule.initial(start)
    assert len(state) == len(rule.states)
    assert all(part.shape == (2, 3) and not part.any() for part in state)
    numbers = start.ravel().tolist()
    states = [rule.initial(number) for number in numbers]
    for step, gradient in enumerate(gradients, 1):
        x, state = rule.update(gradient, state, x, rate=0.1, step=step)
        for i, g in enumerate(gradient.ravel().tolist()):
            numbers[i], states[i] = rule.update(g, states[i], numbers[i], rate=0.1, step=step)
            assert isinstance(numbers[i], float)
        assert x.ravel().tolist() == pytest.approx(numbers, rel=1e-14)
        for part, theirs in zip(state, zip(*states, strict=True), strict=True):
            assert part.ravel().tolist() == pytest.approx(list(theirs), rel=1e-14)
    assert not np.array_equal(x, start)
    assert start.ravel().tolist() != numbers  # `start` itself is not written to


def test_options_are_numbers_from_0():
    for make, name in (
        (lambda x: optim.GradientDescent(x), "rate"),
        (lambda x: optim.Momentum(0.1, momentum=x), "momentum"),
        (lambda x: optim.RMSprop(0.1, decay=x), "decay"),
        (lambda x: optim.AdaGrad(0.1, epsilon=x), "epsilon"),
        (lambda x: optim.Adam(beta2=x), "beta2"),
        (lambda x: optim.AdamW(weight_decay=x), "weight_decay"),
    ):
        for x in (-0.1, math.nan, math.inf, "0.1", None):
            with pytest.raises(ValueError, match=f"{name} must be a number from 0, not {x!r}"):
                make(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: optim.Adam(beta1=x),
        lambda x: optim.Adam(beta2=x),
        lambda x: optim.RMSprop(decay=x),
    ],
)
@pytest.mark.parametrize("x", [1.0, 1.5])
def test_means_forget(make, x):
    with pytest.raises(ValueError, match=f"must be less than 1, not {x}"):
        make(x)


@pytest.mark.parametrize("rule", [0.1, "adam", optim.Adam, None])
def test_what_is_no_rule_is_named(rule):
    with pytest.raises(TypeError) as caught:
        Optimizer([Value(1.0)], rule)
    assert str(caught.value) == f"the rule must be one such as Adam(0.01), not {rule!r}"


def test_a_model_is_no_list_of_parameters():
    model = mg.nn.MLP(2, [1])
    with pytest.raises(TypeError, match=r"a list such as model.parameters\(\) is needed, not MLP"):
        Optimizer(model, optim.Adam())


def test_a_rule_of_ones_own_has_to_say_how():
    class Lazy(optim.Rule):
        pass

    with pytest.raises(TypeError, match=r"abstract method '?update"):
        Lazy()

    class Signs(optim.Rule):
        def update(self, gradient, state, parameter, rate, step):
            return parameter - math.copysign(rate, gradient), state

    assert ours(Signs(0.25), [3.0, -5.0, 1.0]) == [0.75, 1.0, 0.75]


# ------------------------------------------------------------------------ schedules


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (optim.Constant(0.1), {0: 0.1, 1e6: 0.1}),
        (
            optim.Steps(0.8, factor=0.5, every=10),
            {0: 0.8, 9.99: 0.8, 10: 0.4, 19: 0.4, 20: 0.2, 35: 0.1},
        ),
        (optim.Steps(1.0, factor=0.1, every=0.5), {0.4: 1.0, 0.5: 0.1, 1.2: 0.01}),
        (
            optim.Exponential(2.0, decay=0.5),
            {0: 2.0, 2: 2 / math.e, 4: 2 / math.e**2, 1.386294361119891: 1.0},
        ),
        (optim.InverseTime(2.0, decay=0.5), {0: 2.0, 2: 1.0, 6: 0.5, 18: 0.2}),
        (
            optim.Cosine(1.0, duration=12, lowest=0.2),
            {0: 1.0, 4: 0.2 + 0.8 * 0.75, 6: 0.6, 8: 0.4, 12: 0.2, 100: 0.2},
        ),
        (optim.Cosine(3.0, duration=1), {0: 3.0, 0.5: 1.5, 1: 0.0, 2: 0.0}),
        (
            optim.WarmUp(optim.Constant(2.0), duration=10, start=0.1),
            {0: 0.2, 5: 1.1, 10: 2.0, 50: 2.0},
        ),
        (
            optim.WarmUp(optim.InverseTime(1.0, decay=1.0), duration=4, start=0.5),
            {0: 0.5, 1: 0.625 / 2, 2: 0.25, 4: 0.2, 9: 0.1},
        ),
    ],
)
def test_schedules(schedule, points):
    assert {time: schedule(time) for time in points} == pytest.approx(points, rel=1e-14, abs=1e-16)


def test_an_optimizer_asks_the_schedule_for_each_step():
    times = []

    def schedule(time):
        times.append(time)
        return 1.0 / (1 + time)

    x = Value(0.0)
    optimiser = Optimizer([x], optim.GradientDescent(schedule))
    path = []
    for _ in range(3):
        x.grad = -1.0
        optimiser.step()
        path.append(x.data)
    assert path == close([1.0, 1.5, 1.5 + 1 / 3])
    optimiser.step(time=9)  # in epochs, say
    assert x.data == close(1.5 + 1 / 3 + 0.1)
    assert times == [0, 1, 2, 9]
    assert optim.GradientDescent(0.5).rate_at(3) == 0.5


# ------------------------------------------------------------------------- clipping


def leaves(*gradients):
    found = [Value(0.0) for _ in gradients]
    for leaf, gradient in zip(found, gradients, strict=True):
        leaf.grad = gradient
    return found


@given(st.lists(st.floats(-100, 100), max_size=6), st.floats(0.01, 200))
def test_clipping(gradients, limit):
    one, two = leaves(*gradients), leaves(*gradients)
    optim.clip_by_value(one, limit)
    assert [p.grad for p in one] == np.clip(gradients, -limit, limit).tolist()
    norm = optim.clip_by_norm(iter(two), limit)
    assert norm == pytest.approx(float(np.linalg.norm(gradients)), rel=1e-12)
    factor = min(1.0, limit / norm) if norm else 1.0
    assert [p.grad for p in two] == pytest.approx([g * factor for g in gradients], rel=1e-12)
    if norm <= limit:
        assert [p.grad for p in two] == gradients  # not touched


def test_clipping_of_huge_gradients():
    found = leaves(3e200, -4e200)
    assert optim.clip_by_norm(found, 5.0) == pytest.approx(5e200)
    assert [p.grad for p in found] == pytest.approx([3.0, -4.0])


@pytest.mark.parametrize("clip", [optim.clip_by_norm, optim.clip_by_value])
def test_what_clipping_refuses(clip):
    x, y = leaves(10.0, 20.0)
    result = x * y
    for limit in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"limit must be a positive number, not {limit!r}"):
            clip([x, y], limit)
    with pytest.raises(ValueError, match="a parameter is a leaf, not the result Value"):
        clip([x, result], 1.0)
    with pytest.raises(TypeError, match=r"a parameter is a Value, not 3\.0"):
        clip([x, 3.0], 1.0)
    assert [x.grad, y.grad, result.grad] == [10.0, 20.0, 0.0]


# ------------------------------------------------------------------ Newton's method

ENTRIES = st.floats(-3, 3)


@given(st.data(), st.integers(1, 4))
@examples(40)
def test_newton_finds_the_lowest_point_of_a_quadratic_at_once(data, n):
    """½ xᵀA x − bᵀx, whose lowest point is A⁻¹b."""
    draw = data.draw(st.lists(ENTRIES, min_size=n * n, max_size=n * n))
    half = np.array(draw).reshape(n, n)
    a = half @ half.T + np.eye(n)  # positive definite
    b, start = (np.array(data.draw(st.lists(ENTRIES, min_size=n, max_size=n))) for _ in "bx")

    def f(x):
        rows = [mg.dot(row, x) for row in a.tolist()]
        return 0.5 * mg.dot(rows, x) - mg.dot(b.tolist(), x)

    lowest = np.linalg.inv(a) @ b
    assert optim.newton_step(f, start.tolist()) == pytest.approx(lowest, rel=1e-9, abs=1e-9)
    path = optim.newton(f, start.tolist(), tolerance=1e-9)
    assert path[0] == start.tolist()
    assert len(path) <= 3  # perhaps one more against rounding
    assert path[-1] == pytest.approx(lowest, rel=1e-9, abs=1e-9)


def test_newton_on_the_lectures_quadratic():
    """5x₁² + 3x₂² + 4x₁x₂ has its lowest point at 0; a step of gradient descent misses it."""

    def f(x):
        return 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1]

    assert optim.newton_step(f, [2, 1]) == pytest.approx([0, 0], abs=1e-15)
    assert optim.newton_step(lambda x: -f(x), [2, 1]) == pytest.approx([0, 0], abs=1e-15)
    assert optim.newton(f, [0, 0]) == [[0.0, 0.0]]  # already there


def test_newton_converges_quadratically():
    path = optim.newton(lambda x: mg.exp(x[0]) - 2 * x[0], [1.0])
    errors = [abs(x - math.log(2)) for (x,) in path]
    assert errors[-1] < 1e-12
    assert all(after <= before**2 for before, after in pairwise(errors[:-1]))
    assert len(path) < 8
    assert len(optim.newton(lambda x: mg.exp(x[0]) - 2 * x[0], [1.0], steps=2)) == 3


SINGULAR = [
    lambda x: (x[0] + 3 * x[1]) ** 2,
    lambda x: x[0] ** 2 + 2 * x[1],
    lambda x: x[0] + x[1],
    lambda x: x[0] ** 4 + (x[1] - 3) ** 2,  # flat at 0
]


@pytest.mark.parametrize("f", SINGULAR)
def test_newton_refuses_singular_hessians(f):
    for method in (optim.newton_step, optim.newton):
        with pytest.raises(ValueError, match=r"the Hessian at \[0\.0, 2\.0\] has no inverse"):
            method(f, [0, 2])


@pytest.mark.parametrize("w", [(0.1, 0.3), (0.1, 0.7), (1 / 3, 0.2)])
def test_newton_refuses_hessians_that_are_singular_but_for_rounding(w):
    with pytest.raises(ValueError, match="no inverse"):
        optim.newton_step(lambda x: mg.dot(w, x) ** 2 + x[0], [1, 2])


# ------------------------------------------------------------------------ Optimizer


def test_parameters_that_are_shared_are_stepped_once():
    x, y = Value(1.0), Value(1.0)  # equal numbers are two parameters
    optimiser = Optimizer(iter([x, y, x]), optim.GradientDescent(0.5))
    assert [id(p) for p in optimiser.parameters] == [id(x), id(y)]
    x.grad = y.grad = 1.0
    optimiser.step()
    assert (x.data, y.data) == (0.5, 0.5)
    optimiser.zero_grad()
    assert (x.grad, y.grad) == (0.0, 0.0)


def test_what_is_no_parameter():
    x = Value(2.0)
    for parameters, kind, words in (
        ([x, x * x], ValueError, "a parameter is a leaf, not the result Value"),
        ([x, 3.0], TypeError, r"a parameter is a Value, not 3\.0 \(float\)"),
        ([], ValueError, "no parameters to optimise"),
    ):
        with pytest.raises(kind, match=words):
            Optimizer(parameters, optim.Adam())


def snapshot(optimiser):
    return [p.data for p in optimiser.parameters], optimiser.states, optimiser.steps


def prepared(rule):
    """An optimizer after two steps."""
    x, y = mg.values(x=1.0, y=2.0)
    optimiser = Optimizer([x, y], rule)
    for _ in range(2):
        x.grad, y.grad = 0.5, -0.25
        optimiser.step()
    return optimiser


BEYOND = [
    (optim.GradientDescent(1e200), 1e200),
    (optim.Momentum(1e200), 1e200),
    (optim.Nesterov(1e200), -1e200),
    (optim.AdaGrad(0.1), math.inf),
    (optim.RMSprop(0.1), math.nan),
    (optim.Adam(0.1), math.inf),
    (optim.AdamW(0.1), math.nan),
]


@pytest.mark.parametrize(("rule", "gradient"), BEYOND)
def test_an_update_that_is_not_finite_changes_nothing(rule, gradient):
    optimiser = prepared(rule) if rule.rate_at(0) < 1 else Optimizer(mg.values(x=1, y=2), rule)
    x, y = optimiser.parameters
    x.grad, y.grad = 0.5, gradient  # the second, so that the first could be done already
    before = snapshot(optimiser)
    with pytest.raises(mg.NonFiniteError, match=f"step {optimiser.steps + 1}: y"):
        optimiser.step()
    assert snapshot(optimiser) == before
    y.grad = 0.0
    optimiser.step()
    assert x.data != before[0][0]
    assert optimiser.steps == before[2] + 1


def test_a_division_by_zero_is_named():
    optimiser = Optimizer(mg.values(x=1, y=2), optim.AdaGrad(0.1, epsilon=0))
    optimiser.parameters[0].grad = 1.0  # and 0/0 for the other
    with pytest.raises(mg.NonFiniteError, match="step 1: an update is not finite"):
        optimiser.step()
    assert snapshot(optimiser) == ([1.0, 2.0], [(0.0,), (0.0,)], 0)


@pytest.mark.parametrize("rule", [optim.AdaGrad(0.1), optim.RMSprop(0.1), optim.Adam(0.1)])
def test_a_state_that_is_not_finite_changes_nothing(rule):
    optimiser = prepared(rule)
    optimiser.parameters[1].grad = 1e200  # finite, unlike its square
    before = snapshot(optimiser)
    with pytest.raises(mg.NonFiniteError, match="step 3: y"):
        optimiser.step()
    assert snapshot(optimiser) == before


@pytest.mark.parametrize("name", TORCH)
def test_a_state_goes_on_bit_for_bit(name):
    rule = TORCH[name][0]
    whole = our_path(rule, 20)

    def steps(optimiser, n):
        for _ in range(n):
            optimiser.zero_grad()
            problem(mg.exp, *optimiser.parameters).backward()
            optimiser.step()

    first = Optimizer([Value(x) for x in START], rule)
    steps(first, 10)
    text = json.dumps(first.state_dict())  # plain data
    second = Optimizer([Value(p.data) for p in first.parameters], rule)
    second.load_state_dict(json.loads(text))
    assert snapshot(second) == snapshot(first)
    steps(second, 10)
    assert [p.data for p in second.parameters] == whole[-1]
    steps(first, 1)
    assert json.dumps(second.state_dict()) != text
    assert json.loads(text)["steps"] == 10


def test_a_state_is_no_view():
    optimiser = prepared(optim.Momentum(0.1))
    state = optimiser.state_dict()
    state["states"][0][0] = 5.0
    assert optimiser.state_dict()["states"][0][0] != 5.0


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"rule": "Momentum"}, ValueError, "the state is that of Momentum, not of Adam"),
        ({"rule": "AdamW"}, ValueError, "the state is that of AdamW, not of Adam"),
        ({"states": [[0.1, 0.2]]}, ValueError, "not that of 2 parameters"),
        ({"states": [[0.1, 0.2]] * 3}, ValueError, "not that of 2 parameters"),
        ({"states": [[0.1, 0.2], [0.1]]}, ValueError, "not that of 2 parameters"),
        ({"states": [[0.1, 0.2], [0.1, math.nan]]}, mg.NonFiniteError, "a state must be"),
        ({"states": [[0.1, 0.2], [0.1, "0.2"]]}, TypeError, "a state must be a real number"),
        ({"steps": "two"}, ValueError, "two"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, kind, words):
    optimiser = prepared(optim.Adam(0.1))
    before = snapshot(optimiser)
    state = {"rule": "Adam", "steps": 7, "states": [[0.1, 0.2], [0.3, 0.4]]}
    with pytest.raises(kind, match=words):
        optimiser.load_state_dict({**state, **change})
    assert snapshot(optimiser) == before
    optimiser.load_state_dict(state)
    assert (optimiser.steps, optimiser.states) == (7, [(0.1, 0.2), (0.3, 0.4)])


@pytest.mark.parametrize("steps", [-1, 1.5, math.inf, "two", None])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    optimiser = prepared(optim.Adam(0.1))
    before = snapshot(optimiser)
    state = {"rule": "Adam", "steps": steps, "states": [[0.1, 0.2], [0.3, 0.4]]}
    with pytest.raises(ValueError, match=f"steps must be a whole number from 0, not {steps!r}"):
        optimiser.load_state_dict(state)
    assert snapshot(optimiser) == before


@pytest.mark.parametrize("part", ["rule", "steps", "states"])
def test_a_state_without_a_part_is_refused(part):
    optimiser = prepared(optim.Adam(0.1))
    state = optimiser.state_dict()
    del state[part]
    with pytest.raises(ValueError, match=f"lacks its {part}"):
        optimiser.load_state_dict(state)


def test_a_negative_mean_square_is_refused():
    optimiser = prepared(optim.Adam(0.1))
    state = optimiser.state_dict()
    state["states"] = [[0.1, -2.0] for _ in state["states"]]
    with pytest.raises(ValueError, match="mean_square can't be negative"):
        optimiser.load_state_dict(state)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: optim.Steps(0.1, every=x),
        lambda x: optim.Cosine(0.1, duration=x),
        lambda x: optim.WarmUp(optim.Constant(0.1), duration=x),
    ],
)
def test_times_of_schedules_are_positive(make):
    for wrong in (0, -1, math.nan):
        with pytest.raises(ValueError, match="positive time"):
            make(wrong)


def test_a_norm_beyond_the_floats_is_clipped():
    x, y = Value(1.0), Value(1.0)
    x.grad = y.grad = 1.7e308
    optim.clip_by_norm([x, y], 1.0)
    assert [x.grad, y.grad] == pytest.approx([0.5**0.5] * 2)


if __name__ == "__main__":
    figures = {
        name: [(step, path[step - 1]) for step in SHOWN]
        for name, path in ((name, torchs_path(name)) for name in TORCH)
    }
    lines = [f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in figures.items()]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
