"""Steps of update rules on the core: to the last bit what the rules do with NumPy's arrays."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import datasets, nn, optim
from micrograd_plus.compiler.codegen.updates import RULES, settings
from micrograd_plus.optim.rules import Rule
from micrograd_plus.training import fit
from tests.needs import needs_core

needs_core()
core = import_module("micrograd_plus.core.updates")

fractions = st.floats(0, 0.999)
OTHERS = {"bias_correction": st.booleans(), "epsilon": st.floats(1e-12, 1)}


@st.composite
def rules(draw):
    kind = draw(st.sampled_from(RULES))
    return kind(**{name: draw(OTHERS.get(name, fractions)) for name in settings(kind)})


def stepped(rule, gradient, vector, states, rate, number):
    given = [float(getattr(rule, name)) for name in settings(type(rule))]
    step = core.Update(RULES.index(type(rule)), given, len(states))
    after = np.full((1 + len(states), len(gradient)), np.nan)
    return step(gradient, vector, states, after, rate, number), after


def test_all_rules_are_known():
    public = [getattr(optim, name) for name in optim.__all__]
    assert {rule for rule in public if isinstance(rule, type) and issubclass(rule, Rule)} == {
        Rule, *RULES
    }  # fmt: skip


@given(rules(), st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 1000), fractions)
def test_steps_are_those_of_the_rule(rule, seed, size, number, rate):
    draw = np.random.default_rng(seed)
    gradient, vector = draw.normal(size=(2, size)) * 10.0 ** draw.integers(-9, 9)
    states = abs(draw.normal(size=(len(rule.states), size)))
    fine, after = stepped(rule, gradient, vector, states, rate, number)
    expected = rule.update(gradient, tuple(states), vector, rate, number)
    assert fine
    for mine, theirs in zip(after, (expected[0], *expected[1]), strict=True):
        # beta ** 2 is a product in C, and a power in Python
        np.testing.assert_allclose(mine, theirs, rtol=1e-15 if number != 2 else 1e-13, atol=0)


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("odd", [np.inf, np.nan, -1e200])
def test_what_is_not_finite_is_told(kind, odd):
    gradient, vector = np.ones((2, 37))
    gradient[30] = odd
    fine, after = stepped(kind(), gradient, vector, np.ones((len(kind.states), 37)), 1e200, 1)
    assert fine == np.isfinite(after).all()
    assert not fine


def test_arrays_of_other_lengths_are_refused():
    step = core.Update(RULES.index(optim.Momentum), [0.9], 1)
    arrays = [np.ones(3), np.ones(3), np.ones((1, 3)), np.ones((2, 3))]
    for i in range(4):
        others = [array[..., :2].copy() if i == k else array for k, array in enumerate(arrays)]
        with pytest.raises(ValueError, match="differ in length"):
            step(*others, 0.1, 1)


def test_a_rule_of_ones_own_is_not_taken_for_its_base():
    class Half(optim.GradientDescent):
        def update(self, gradient, state, parameter, rate, step):
            return super().update(gradient / 2, state, parameter, rate, step)

    def trained(rule):
        model = nn.MLP(2, [3, 1], seed=1)
        fit(model, datasets.moons(20), nn.mse, rule, engine="compiled")
        return [p.data for p in model.parameters()]

    assert trained(Half(0.2)) == trained(replace(optim.GradientDescent(), rate=0.1))
