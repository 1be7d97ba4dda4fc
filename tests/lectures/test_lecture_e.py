"""Lecture E, what training costs: the examples hold to its rules."""

import sys
from itertools import combinations

import numpy as np
import pytest

from tests.effort import slow
from tests.needs import counts_python

FOLDER = "e_training_cost"


class TestLinearCost:
    @slow
    def test_from_a_thousand_to_a_million_nodes(self, example):
        ran = example(f"{FOLDER}/linear_cost.py")
        nodes, edges = ran.result["nodes"], ran.result["edges"]
        assert (nodes[0], nodes[-1]) == (1_000, 1_000_000)
        for v, e in list(zip(nodes, edges, strict=True))[:3]:
            found, todo = set(), [ran.module.graph(v)]
            while todo:
                node = todo.pop()
                if node not in found:
                    found.add(node)
                    todo += [arg for arg in node.args if not isinstance(arg, float)]
            values = [arg for node in found for arg in node.args if not isinstance(arg, float)]
            assert (len(found), len(values)) == (v, e)

    @counts_python
    def test_the_work_is_proportional_to_the_graph(self, example):
        graph = example(f"{FOLDER}/linear_cost.py").module.graph
        work = [calls(graph(n).backward) for n in (1_000, 2_000, 4_000)]
        assert work[0] >= 1_000
        assert np.diff(work)[1] == pytest.approx(2 * np.diff(work)[0], rel=0.01)

    def test_the_gradients_of_all_those_paths(self, example):
        f = example(f"{FOLDER}/linear_cost.py").module.graph(1_000)
        leaves, todo, seen = [], [f], set()
        f.backward()
        while todo:
            node = todo.pop()
            if isinstance(node, float) or node in seen:
                continue
            seen.add(node)
            todo += node.args
            leaves += [node] if node.op is None else []
        # means of the last two settle two thirds of the way from the first to the second
        assert {leaf.label: leaf.grad for leaf in leaves} == pytest.approx({"x": 1 / 3, "y": 2 / 3})


def calls(function):
    """How many calls, of Python's own functions as well, happen in a call: work without a clock."""
    count, before = 0, sys.getprofile()

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


class TestChainRule:
    def test_the_lectures_formulas_give_our_gradients(self, example):
        found = example(f"{FOLDER}/chain_rule.py").result
        assert len(found) == 9
        for name, (rule, ours) in found.items():
            np.testing.assert_allclose(rule, ours, rtol=1e-12, atol=1e-14, err_msg=name)

    def test_the_univariate_chain_by_differences(self, example):
        ran = example(f"{FOLDER}/chain_rule.py")

        def f(parameters):
            x = 0.5
            for w, b in zip(parameters[:3], parameters[3:], strict=True):
                x = np.tanh(w * x + b)
            return x

        start = np.array([*ran.module.WEIGHTS, *ran.module.BIASES])
        slopes = [(f(start + h) - f(start - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
        ours = [ours for _, ours in list(ran.result.values())[:6]]
        np.testing.assert_allclose(ours, slopes, rtol=1e-8)

    def test_the_jacobian_of_an_activation_is_diagonal(self, example):
        jacobian = np.array(example(f"{FOLDER}/chain_rule.py").result["tanh: J is diagonal"][1])
        assert (jacobian[~np.eye(3, dtype=bool)] == 0).all()
        assert (np.diag(jacobian) > 0).all()


class TestMinibatchGradient:
    @slow
    def test_the_bias_is_zero_within_its_standard_error(self, example):
        found = example(f"{FOLDER}/minibatch_gradient.py").result
        for size in (2, 6, 20):
            assert self.off(found[size], found["full"]) < 2
            # where batches leave something out, the same measure tells
            shifted = found[size] + 0.5 * found[size].std(0)
            assert self.off(shifted, found["full"]) > 10

    @staticmethod
    def off(estimates, full):
        errors = estimates.std(0, ddof=1) / np.sqrt(len(estimates))
        return np.sqrt(np.mean(((estimates.mean(0) - full) / errors) ** 2))

    def test_over_all_minibatches_the_mean_is_exact(self, example):
        gradient = example(f"{FOLDER}/minibatch_gradient.py").module.gradient
        few = [3, 8, 11, 20, 33, 46]
        mean = np.mean([gradient(batch) for batch in combinations(few, 3)], axis=0)
        np.testing.assert_allclose(mean, gradient(few), rtol=1e-12)

    @slow
    def test_the_spread_is_that_of_samples_without_replacement(self, example):
        ran = example(f"{FOLDER}/minibatch_gradient.py")
        each = np.array([ran.module.gradient([i]) for i in range(60)])
        np.testing.assert_allclose(ran.result["full"], each.mean(0), rtol=1e-10)
        for size in (2, 6, 20):
            expected = each.var(0) / size * (60 - size) / 59
            ratio = ran.result[size].var(0).sum() / expected.sum()
            assert ratio == pytest.approx(1, abs=0.1)
