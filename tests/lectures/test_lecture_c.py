"""Lecture C, dense networks: the examples give its numbers, and NumPy's."""

import re

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import optim

FOLDER = "c_dense_networks"


def differences(f, x, h=1e-6):
    """The gradient of `f` at an array by central differences."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        found[i] = (f(x + step) - f(x - step)) / (2 * h)
    return found


class TestActivations:
    def test_the_lectures_numbers(self, example):
        steps, total, squared, cross_entropy = example(f"{FOLDER}/activations.py").result.values()
        assert steps == [0, 0.5, 1]
        assert total == pytest.approx([1])
        assert squared == pytest.approx([-0.4])
        assert cross_entropy == pytest.approx([-4, 0])

    def test_step_is_a_half_at_0_and_the_tables_step_0(self, example):
        assert example(f"{FOLDER}/activations.py").module.step(0) == 0.5
        assert mg.step(0) == 0
        assert mg.derivative(mg.relu)(0) == 0

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("step", lambda x: np.heaviside(x, 0.5)),
            ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
            ("tanh", np.tanh),
            ("relu", lambda x: np.maximum(x, 0)),
            ("linear", lambda x: x),
        ],
    )
    def test_values(self, example, name, expected):
        f = example(f"{FOLDER}/activations.py").module.ACTIVATIONS[name]
        xs = np.linspace(-5, 5, 21)
        np.testing.assert_allclose([f(x) for x in xs.tolist()], expected(xs), rtol=1e-14)

    def test_each_activation_stands_in_the_table_of_output_layers(self, example):
        ran = example(f"{FOLDER}/activations.py")
        for name in ("step", "sigmoid", "tanh", "relu", "softmax", "linear"):
            assert re.search(f"^{name} +.+  .+", ran.printed, re.MULTILINE), name


class TestCalculus:
    def test_the_lectures_numbers(self, example):
        ours = list(example(f"{FOLDER}/calculus.py").result.values())
        assert ours[0] == [20, 6]
        assert ours[1] == pytest.approx([0.958, 0.287], abs=5e-4)
        assert ours[4:7] == [[4], [-7], [0.25]]
        assert ours[7] == [24, 14]
        assert ours[8] == [[10, 4], [4, 6]]
        assert ours[9] == pytest.approx([8 - 20**0.5, 8 + 20**0.5])
        assert ours[10] == pytest.approx([0, 0], abs=1e-15)

    def test_sin_of_a_square_and_a_jacobian_by_differences(self, example):
        ours = list(example(f"{FOLDER}/calculus.py").result.values())
        slope = differences(lambda x: np.sin(x[0] ** 2), np.array([1.5]))
        np.testing.assert_allclose(ours[2], slope, rtol=1e-8)
        x = np.array([1.0, 2.0, 3.0])
        rows = [lambda x: x[0] * x[1] + x[2], lambda x: x[1] * x[2] ** 2]
        np.testing.assert_allclose(ours[3], [differences(f, x) for f in rows], atol=1e-8)

    @pytest.mark.parametrize("a", [2, -2])
    def test_the_perfect_step_leads_to_the_lowest_point_only_where_a_is_positive(self, a):
        point = optim.newton_step(lambda x: a * x[0] ** 2 - 12 * x[0] + 5, [10])
        assert point == pytest.approx([12 / (2 * a)])
        beside = [a * x**2 - 12 * x for x in (point[0] - 1, point[0], point[0] + 1)]
        assert (np.argmin(beside) == 1) == (a > 0)

    def test_newton_in_three_dimensions(self):
        random = np.random.default_rng(0)
        half = random.normal(size=(3, 3))
        h, b = half @ half.T + np.eye(3), random.normal(size=3)

        def f(x):
            rows = [mg.dot(row, x) for row in h.tolist()]
            return 0.5 * mg.dot(rows, x) + mg.dot(b.tolist(), x)

        np.testing.assert_allclose(
            optim.newton_step(f, [3, -1, 2]), -np.linalg.solve(h, b), rtol=1e-12
        )

    def test_the_picture_shows_steps_that_go_down(self, example):
        module = example(f"{FOLDER}/calculus.py").module
        path = module.descent(module.bowl, [0.0, 2.0], 0.14, 15)
        heights = [module.bowl(x) for x in path]
        assert heights == sorted(heights, reverse=True)
        assert heights[-1] < 0.002


class TestLossSurfaces:
    def test_saddles_are_told_from_the_hessians_eigenvalues(self, example):
        ours = example(f"{FOLDER}/loss_surfaces.py").result
        assert [kind for _, _, kind in ours.values()] == [
            "lowest point",
            "saddle",
            "saddle",
            "lowest point",
            "lowest point",
        ]
        assert ours["bowl [0, 0]"][:2] == pytest.approx([8 - 20**0.5, 8 + 20**0.5])
        assert ours["saddle [0, 0]"][:2] == [-6, 10]

    @pytest.mark.parametrize("point", [[0.0, 0.0], [1.0, 1.0]])
    def test_the_networks_eigenvalues_by_differences(self, example, point):
        ran = example(f"{FOLDER}/loss_surfaces.py")
        x = np.array(ran.module.INPUTS)

        def slope(w):
            return differences(lambda w: np.mean((w[1] * np.tanh(w[0] * x) - np.tanh(x)) ** 2), w)

        assert slope(np.array(point)) == pytest.approx([0, 0], abs=1e-8)
        columns = [
            (slope(np.array(point) + h) - slope(np.array(point) - h)) / 2e-4
            for h in 1e-4 * np.eye(2)
        ]
        expected = np.linalg.eigvalsh(np.array(columns))
        name = f"network {[int(p) for p in point]}"
        assert ran.result[name][:2] == pytest.approx(expected, abs=1e-4)

    @pytest.mark.parametrize(
        ("eigenvalues", "kind"),
        [
            ([1, 2], "lowest point"),
            ([-2, -1], "highest point"),
            ([-1, 0, 1], "saddle"),
            ([0, 1], "undecided"),
        ],
    )
    def test_kinds(self, example, eigenvalues, kind):
        assert example(f"{FOLDER}/loss_surfaces.py").module.kind(eigenvalues) == kind


@pytest.fixture
def network():
    """Weights, inputs and targets by their names, and the loss of some weights."""
    random = np.random.default_rng(1)
    shapes = {"W1": (5, 2), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1)}
    v = {name: random.normal(size=shape) for name, shape in shapes.items()}
    v |= {"X": random.normal(size=(2, 7)), "T": np.eye(3)[random.integers(3, size=7)].T, "n": 7}

    def forward(**changed):
        w = v | changed
        z1 = w["W1"] @ w["X"] + w["b1"]
        a1 = np.maximum(z1, 0)
        z2 = w["W2"] @ a1 + w["b2"]
        a2 = np.exp(z2) / np.exp(z2).sum(0)
        return {"Z1": z1, "A1": a1, "Z2": z2, "A2": a2, "E": -(w["T"] * np.log(a2)).sum() / 7}

    return v, forward


class TestMatrixForm:
    def test_eager_and_compiled_gradients_are_those_of_the_matrices(self, example):
        ours = example(f"{FOLDER}/matrix_form.py").result
        assert max(ours["gradients"], ours["losses"], ours["compiled"]) < 1e-13
        assert ours["last loss"] < 0.2 * ours["first loss"]

    def test_the_matrices_by_differences(self, example, network):
        module = example(f"{FOLDER}/matrix_form.py").module
        v, forward = network
        weights = [v[name] for name in ("W1", "b1", "W2", "b2")]
        loss, found = module.gradients(weights, v["X"], v["T"])
        assert loss == pytest.approx(forward()["E"])
        for name, gradient in zip(("W1", "b1", "W2", "b2"), found, strict=True):
            expected = differences(lambda w, name=name: forward(**{name: w})["E"], v[name])
            np.testing.assert_allclose(gradient, expected, atol=1e-8)

    def test_the_compilers_matrix_code_is_printed(self, example):
        printed = example(f"{FOLDER}/matrix_form.py").printed
        for formula in ("z1 = W1 @ ", "z2 = W2 @ ", "W2.T @ dz2"):
            assert formula in printed


class TestLayers:
    def test_the_lectures_formulas_are_the_programs(self, example):
        ran = example(f"{FOLDER}/layers.py")
        for formula, line in ran.result.items():
            code = line.split("  #")[0].split(" = ", 1)[1]
            assert self.plain(formula.split(" = ")[1]) == self.plain(code), formula
        svg = (ran.folder / "layers.svg").read_text(encoding="utf-8")
        texts = re.findall("<text[^>]*>([^<]*)</text>", svg)
        for text in ("X", "W₁ ·", "+ b₁", "Z₁", "ReLU", "A₁", "W₂ ·", "∂W₂ = ∂Z₂ A₁ᵀ"):
            assert text in [found.replace("\xa0", " ") for found in texts]

    @staticmethod
    def plain(formula):
        """A formula of the lecture, or a line of NumPy, in letters that both use."""
        for drawn, plain in (
            *(("∂", "d"), ("₁", "1"), ("₂", "2"), ("ᵀ", ".T"), ("∘", "*"), ("@", "")),
            *((" · 1", ".sum(axis=1)"), ("[", "("), ("]", ")")),
        ):
            formula = formula.replace(drawn, plain)
        return " ".join(formula.lower().split())


class TestWeightScale:
    @pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
    def test_relu_layers_multiply_by_the_factor_each(self, example, factor):
        found = example(f"{FOLDER}/weight_scale.py").result
        powers = factor ** np.arange(11)
        for scaled, plain, expected in zip(
            found["relu", factor], found["relu", 1.0], (powers, powers[::-1]), strict=True
        ):
            np.testing.assert_allclose(np.array(scaled) / plain, expected, rtol=1e-12)

    def test_tanh_bounds_values_and_small_weights_let_both_vanish(self, example):
        found = example(f"{FOLDER}/weight_scale.py").result
        for factor in (2.0, 4.0):
            assert max(found["tanh", factor][0][1:]) <= 1
            assert found["tanh", factor][0][-1] > 0.5
        values, gradients = found["tanh", 0.25]
        assert values[-1] < 1e-5 * values[0]
        assert gradients[0] < 1e-5 * gradients[-1]
