"""Lecture D, backpropagation: the examples give its numbers, and NumPy's and scikit-learn's."""

import math

import numpy as np
import pytest

from micrograd_plus import optim
from tests.effort import slow

FOLDER = "d_backpropagation"


class TestHanAndKamber:
    def test_the_lectures_numbers(self, example):
        ran = example(f"{FOLDER}/han_and_kamber.py")
        module, ours = ran.module, ran.result
        assert len(module.UPDATED) == 11
        for lecture, digits in ((module.FORWARD, 5), (module.ERRORS, 6), (module.UPDATED, 6)):
            assert {name: round(ours[name], digits) for name in lecture} == lecture

    def test_by_numpy(self, example):
        ours = example(f"{FOLDER}/han_and_kamber.py").result
        x, t, rate = np.array([1, 0, 1]), 1, 0.9
        w, b = np.array([[0.2, 0.4, -0.5], [-0.3, 0.1, 0.2]]), np.array([-0.4, 0.2])
        v, c = np.array([-0.3, -0.2]), 0.1
        hidden = 1 / (1 + np.exp(-(w @ x + b)))
        o = 1 / (1 + np.exp(-(v @ hidden + c)))
        error = o * (1 - o) * (t - o)
        errors = hidden * (1 - hidden) * error * v
        assert ours["o6"] == pytest.approx(o)
        assert [ours["Err6"], ours["Err4"], ours["Err5"]] == pytest.approx([error, *errors])
        w += rate * np.outer(errors, x)
        updated = [ours[f"w{i}{j}"] for j in "45" for i in "123"]
        assert updated == pytest.approx(w.ravel().tolist())
        assert [ours["w46"], ours["w56"]] == pytest.approx((v + rate * error * hidden).tolist())
        assert [ours[f"b{j}"] for j in "456"] == pytest.approx(
            [*(b + rate * errors), c + rate * error]
        )

    def test_the_misprints_are_named(self, example):
        assert "0.1 for o5" in example(f"{FOLDER}/han_and_kamber.py").printed


class TestSquaredError:
    def test_its_derivative_is_that_of_the_lecture(self, example):
        module = example(f"{FOLDER}/squared_error.py").module
        error = module.ERRORS["(t − o)²"]
        for o in (0.4, 0.9, 1.1):
            assert module.slope(error, 1, o) == pytest.approx(-2 * (1 - o))

    def test_the_square_settles_at_the_mean(self, example):
        path = example(f"{FOLDER}/squared_error.py").result["(t − o)²"]
        assert path == pytest.approx([3 - 3 * (1 - 2 * 0.35) ** k for k in range(25)])

    def test_the_plain_difference_runs_away(self, example):
        path = example(f"{FOLDER}/squared_error.py").result["t − o"]
        assert path == pytest.approx([0.35 * k for k in range(25)])

    def test_the_absolute_value_never_comes_to_rest(self, example):
        path = example(f"{FOLDER}/squared_error.py").result["|t − o|"]
        assert np.abs(np.diff(path[-8:])) == pytest.approx(0.35 / 3)
        assert np.abs(np.array(path[-8:]) - 2) == pytest.approx(0.35 / 6, abs=0.35 / 6)


class TestUpdates:
    def test_ours_are_those_of_the_slide(self, example):
        differences = example(f"{FOLDER}/updates.py").result["differences"]
        assert len(differences) == 5
        assert max(differences.values()) < 1e-13

    def test_the_slides_formulas_by_hand(self, example):
        module = example(f"{FOLDER}/updates.py").module
        for update, moves in (
            (module.plain, [0.1, 0.1]),
            (module.momentum, [0.1, 0.1 + 0.9 * 0.1]),
            (module.adagrad, [0.05, 0.05 * 2 / math.sqrt(8)]),
            (module.rmsprop, [0.05 * 2 / math.sqrt(0.4), 0.05 * 2 / math.sqrt(0.76)]),
            (
                module.adam,
                [0.05 * 0.2 / math.sqrt(0.004), 0.05 * 0.38 / math.sqrt(0.999 * 0.004 + 0.004)],
            ),
        ):
            state, x = module.State(), 1.0
            for move in moves:
                after = update(x, 2.0, state)
                assert x - after == pytest.approx(move, rel=1e-6), update.__name__
                x = after

    def test_adam_corrects_by_default_and_then_differs_from_the_slide(self, example):
        module = example(f"{FOLDER}/updates.py").module
        slide, ours = module.descents(module.adam, optim.Adam(module.ETA))
        assert abs(slide - ours).max() > 0.01

    def test_all_learn(self, example):
        losses = example(f"{FOLDER}/updates.py").result["losses"]
        assert len(losses) == 6
        for name, batches in losses.items():
            assert np.mean(batches[-60:]) < 0.25 * np.mean(batches[:6]), name


class TestSchedules:
    def test_rates(self, example):
        found = example(f"{FOLDER}/schedules.py").result
        epochs = range(40)
        for name, expected in (
            ("constant", [0.2] * 40),
            ("half every 8 epochs", [0.2 / 2 ** (t // 8) for t in epochs]),
            ("exponential", [0.2 * math.e ** (-t / 10) for t in epochs]),
            ("1/t", [0.4 / (2 + t) for t in epochs]),
        ):
            assert found[name]["rate"] == pytest.approx(expected), name

    def test_a_falling_rate_comes_closer_to_the_lowest_loss(self, example):
        found = example(f"{FOLDER}/schedules.py").result
        late = {name: np.mean(history["above the lowest"][-10:]) for name, history in found.items()}
        constant = late.pop("constant")
        assert max(late.values()) < constant / 10
        assert min(min(history["above the lowest"]) for history in found.values()) >= 0


class TestBatchAndIncremental:
    @pytest.mark.parametrize("mode", ["batch", "incremental"])
    def test_paths_by_numpy(self, example, mode):
        ran = example(f"{FOLDER}/batch_and_incremental.py")
        x, t = ran.module.X, ran.module.T
        p = np.array([-0.5, 1.5])
        expected = [p]
        for _ in range(20):
            for part in [slice(None)] if mode == "batch" else [[i] for i in range(10)]:
                inputs = np.stack([x[part], np.ones_like(x[part])])
                p = p - 0.15 * 2 * inputs @ (p @ inputs - t[part]) / inputs.shape[1]
                expected.append(p)
        np.testing.assert_allclose(ran.result[mode], expected, rtol=1e-10)

    def test_incremental_is_quicker_at_first_and_batch_ends_lower(self, example):
        ran = example(f"{FOLDER}/batch_and_incremental.py")
        batch, incremental = ran.result["batch"], ran.result["incremental"]
        assert ran.module.loss(*incremental[10]) < ran.module.loss(*batch[1])
        assert ran.module.loss(*incremental[-1]) > ran.module.loss(*batch[-1])


class TestInitialWeights:
    @slow
    def test_equal_neurons_stay_equal(self, example):
        found = example(f"{FOLDER}/initial_weights.py").result
        different = {name: neurons for name, (_, neurons) in found.items()}
        assert different.pop("zeros") == different.pop("all 0.5") == [1, 1, 1]
        assert set(map(tuple, different.values())) == {(8, 8, 8)}

    def test_from_zeros_only_the_last_bias_learns(self, example):
        _, model = example(f"{FOLDER}/initial_weights.py").module.train("zeros")
        *others, bias = model.parameters()
        assert {p.data for p in others} == {0}
        assert bias.data != 0

    @slow
    def test_where_training_leads(self, example):
        found = example(f"{FOLDER}/initial_weights.py").result
        last = {name: np.mean(losses[-12:]) for name, (losses, _) in found.items()}
        for name in ("zeros", "a hundredth of Xavier"):
            assert last[name] == pytest.approx(math.log(2), abs=0.01)
        for name in ("uniform in −1 … 1", "Xavier", "He"):
            assert last[name] < last["ten times Xavier"] < last["all 0.5"]


class TestRegularisation:
    @slow
    @pytest.mark.parametrize("hidden", [10, 100])
    def test_a_larger_penalty_makes_smaller_weights(self, example, hidden):
        found = example(f"{FOLDER}/regularisation.py").result
        ours = [found[hidden, alpha] for alpha in (0.0001, 0.01, 0.1, 1)]
        for name, sign in (("mean w²", -1), ("objective", 1)):
            numbers = [sign * figures[name] for figures in ours]
            assert numbers == sorted(numbers)
        assert ours[0]["mean w²"] > 5 * ours[-1]["mean w²"]
        assert ours[0]["accuracy"] > ours[-1]["accuracy"] > 0.85

    @pytest.mark.parametrize("alpha", [0.0001, 1])
    def test_the_objective_is_that_of_scikit_learn(self, example, alpha, monkeypatch):
        from sklearn.neural_network import MLPClassifier

        module = example(f"{FOLDER}/regularisation.py").module
        monkeypatch.setattr(module, "EPOCHS", 1)
        _, history = module.train(10, alpha)
        fresh = module.nn.MLP(2, [10, 10, 1], init="he_normal", seed=0)
        inputs, targets = map(np.array, module.DATA)
        theirs = MLPClassifier(
            [10, 10], alpha=alpha, solver="sgd", batch_size=len(targets), learning_rate_init=1e-300
        )
        theirs.partial_fit(inputs, targets, classes=[0, 1])
        for i, layer in enumerate(fresh.layers):
            theirs.coefs_[i][:] = np.array([[w.data for w in n.w] for n in layer.neurons]).T
            theirs.intercepts_[i][:] = [n.b.data for n in layer.neurons]
        theirs.partial_fit(inputs, targets)
        assert history.batches[0] == pytest.approx(theirs.loss_, rel=1e-12)
