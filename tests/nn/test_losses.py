"""Losses: their formulas in NumPy, their derivatives, their limits, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from tests.effort import examples

NUMBERS = st.floats(-20, 20).map(lambda x: round(x, 6))
PROBABILITIES = st.floats(0.01, 0.99)
CLASSES = st.integers(2, 5)


def lists(numbers, n):
    return st.lists(numbers, min_size=n, max_size=n)


@st.composite
def distributions(draw, n):
    """Probabilities of n classes, some of them 0 or 1."""
    weights = np.array(draw(lists(st.sampled_from([0.0, 1.0]) | PROBABILITIES, n)))
    assume(weights.sum() > 0)
    return (weights / weights.sum()).tolist()


def softmax(z):
    e = np.exp(np.array(z) - max(z))
    return e / e.sum()


def gradients(loss, outputs, *more):
    """The loss, and its derivatives for the outputs."""
    outputs = [Value(y) for y in outputs]
    found = loss(outputs, *more)
    found.backward()
    return found.data, [y.grad for y in outputs]


def gradient(loss, output, *more):
    found, (slope,) = gradients(lambda ys, *more: loss(ys[0], *more), [output], *more)
    return found, slope


def close(expected):
    return pytest.approx(np.asarray(expected).tolist(), rel=1e-11, abs=1e-11)


# ---------------------------------------------------------------------- regression


@given(st.data(), st.integers(1, 5))
@examples(60)
def test_regression_losses(data, n):
    ys, ts = data.draw(lists(NUMBERS, n)), data.draw(lists(NUMBERS, n))
    y, t = np.array(ys), np.array(ts)
    for loss, value, slopes in (
        (nn.l1, np.abs(y - t).mean(), np.sign(y - t) / n),
        (nn.mse, np.square(y - t).mean(), 2 * (y - t) / n),
        (nn.squared_error, np.linalg.norm(y - t) ** 2, 2 * (y - t)),
    ):
        assert gradients(loss, ys, ts) == (close(value), close(slopes))
        assert gradients(loss, ys, t)[0] == close(value)  # arrays are targets, too
        assert mg.check_gradients(lambda *y, loss=loss: loss(y, ts), *ys, second=False).ok


@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [(nn.l1, 3.0, -1.0), (nn.mse, 9.0, -6.0), (nn.squared_error, 9.0, -6.0)],
)
def test_regression_of_one_number(loss, value, slope):
    assert gradient(loss, -2.0, 1.0) == (value, slope)
    assert gradient(loss, -2.0, 1) == (value, slope)
    assert loss([-2.0], [1.0]) == loss(-2.0, 1.0) == value  # numbers give numbers


def test_the_derivative_of_the_absolute_error_where_it_is_0():
    assert gradient(nn.l1, 2.0, 2.0) == (0.0, 0.0)


# --------------------------------------------------------------------- two classes


@given(NUMBERS, st.sampled_from([-1, 1, -1.0, 1.0]))
def test_hinge(y, t):
    assert gradient(nn.hinge, y, t) == (max(0.0, 1 - t * y), -t if t * y < 1 else 0)
    assert mg.check_gradients(lambda y: nn.hinge(y, t), y, second=False).ok


@given(PROBABILITIES, st.floats(0, 1))
def test_binary_cross_entropy(p, t):
    value = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    assert gradient(nn.binary_cross_entropy, p, t) == (close(value), close((p - t) / p / (1 - p)))
    assert mg.check_gradients(lambda p: nn.binary_cross_entropy(p, t), p, second=False).ok


@given(NUMBERS, st.sampled_from([0, 1, 0.0, 1.0]) | st.floats(0, 1))
def test_binary_cross_entropy_with_logits(z, t):
    p = 1 / (1 + np.exp(-z))
    value = t * np.log1p(np.exp(-z)) + (1 - t) * np.log1p(np.exp(z))
    loss = nn.binary_cross_entropy_with_logits
    assert gradient(loss, z, t) == (close(value), close(p - t))
    assert mg.check_gradients(lambda z: loss(z, t), z).ok


@given(st.floats(-5, 5), st.sampled_from([0, 1]) | st.floats(0, 1))
def test_after_a_sigmoid_the_derivative_is_p_minus_t(z, t):
    found = gradient(lambda z: nn.binary_cross_entropy(mg.sigmoid(z), t), z)
    assert found == (
        close(nn.binary_cross_entropy_with_logits(z, t)),
        close(1 / (1 + np.exp(-z)) - t),
    )


@pytest.mark.parametrize(("p", "t"), [(0.0, 0), (1.0, 1)])
def test_0_times_log_0_counts_as_0(p, t):
    assert nn.binary_cross_entropy(Value(p), t).data == 0.0
    assert nn.cross_entropy([Value(p), Value(1 - p)], [t, 1 - t]).data == 0.0


def test_what_is_no_probability_names_the_loss_for_logits():
    w = Value(3.0)
    for call, better in (
        (lambda: nn.binary_cross_entropy(w, 1), "binary_cross_entropy_with_logits"),
        (lambda: nn.binary_cross_entropy(3.0, 1), "binary_cross_entropy_with_logits"),
        (lambda: nn.binary_cross_entropy(w, 0), "binary_cross_entropy_with_logits"),
        (lambda: nn.cross_entropy([w, -w], 0), "softmax_cross_entropy"),
        (lambda: nn.cross_entropy([w, -w], 1), "softmax_cross_entropy"),
        (
            lambda: mg.compile(lambda x, t: nn.cross_entropy([w * x, x], t), 1.0, 0, params=[w]),
            "softmax_cross_entropy",
        ),
    ):
        with pytest.raises(ValueError, match=f"use {better}"):
            call()
    assert nn.cross_entropy([Value(1 + 1e-15), Value(0.0)], 0).data == pytest.approx(0, abs=1e-14)


# ----------------------------------------------------------------- several classes


@given(st.data(), CLASSES)
@examples(60)
def test_cross_entropy(data, n):
    ys = data.draw(lists(PROBABILITIES, n))
    ts = data.draw(distributions(n))
    y, t = np.array(ys), np.array(ts)
    assert gradients(nn.cross_entropy, ys, ts) == (close(-(t * np.log(y)).sum()), close(-t / y))
    assert mg.check_gradients(lambda *y: nn.cross_entropy(y, ts), *ys, second=False).ok


@given(st.data(), CLASSES)
@examples(60)
def test_softmax_cross_entropy(data, n):
    zs, ts = data.draw(lists(NUMBERS, n)), data.draw(distributions(n))
    z, t = np.array(zs), np.array(ts)
    value = np.log(np.exp(z - z.max()).sum()) + z.max() - t @ z
    found = gradients(nn.softmax_cross_entropy, zs, ts)
    assert found == (close(value), close(softmax(zs) - t))
    assert mg.check_gradients(lambda *z: nn.softmax_cross_entropy(z, ts), *zs, second=False).ok


@given(st.data(), CLASSES)
@examples(60)
def test_after_a_softmax_the_derivative_is_y_minus_t(data, n):
    zs, ts = data.draw(lists(st.floats(-5, 5), n)), data.draw(distributions(n))
    found = gradients(lambda z: nn.cross_entropy(mg.softmax(z), ts), zs)
    assert found == (close(nn.softmax_cross_entropy(zs, ts)), close(softmax(zs) - np.array(ts)))


@given(st.data(), CLASSES)
@examples(60)
def test_an_index_and_probabilities_of_0_and_1_are_the_same(data, n):
    ys = data.draw(lists(PROBABILITIES, n))
    k = data.draw(st.integers(0, n - 1))
    one_hot = [float(i == k) for i in range(n)]
    for loss in (nn.cross_entropy, nn.softmax_cross_entropy):
        expected = gradients(loss, ys, k)
        assert expected[0] > 0
        for same in (one_hot, tuple(one_hot), np.array(one_hot), float(k), np.int64(k)):
            assert gradients(loss, ys, same) == (close(expected[0]), close(expected[1]))


def test_rounded_probabilities_are_taken_as_they_are():
    found = gradients(nn.softmax_cross_entropy, [1e6, 0.0], [0.9999995, 0.0])
    assert found == (close(0.5), close([5e-7, 0]))
    thirds = [0.3333333, 0.3333333, 0.3333333]
    assert nn.softmax_cross_entropy([0.0] * 3, thirds) == pytest.approx(math.log(3))


# ---------------------------------------------------------------------- far out


@pytest.mark.parametrize("z", [-1000.0, 1000.0, -1e300, 1e300])
@pytest.mark.parametrize("t", [0, 1, 0.25])
def test_logits_of_any_size(z, t):
    value, slope = gradient(nn.binary_cross_entropy_with_logits, z, t)
    assert value == pytest.approx(max(z, 0) - t * z, rel=1e-15)
    assert slope == (z > 0) - t


@pytest.mark.parametrize("size", [1000.0, 1e300])
def test_several_logits_of_any_size(size):
    zs = [size, -size, 0.0]
    for target, value, slopes in (
        (0, 0.0, [0, 0, 0]),
        (1, 2 * size, [1, -1, 0]),
        (2, size, [1, 0, -1]),
        ([0.5, 0.5, 0.0], size, [0.5, -0.5, 0]),
    ):
        assert gradients(nn.softmax_cross_entropy, zs, target) == (value, slopes)
    assert gradients(nn.softmax_cross_entropy, [size, size], 1) == (
        pytest.approx(math.log(2), abs=size * 2**-52),
        [0.5, -0.5],
    )


def test_tiny_losses_keep_their_digits():
    value, slope = gradient(nn.binary_cross_entropy_with_logits, -40.0, 0)
    assert (value, slope) == (pytest.approx(math.exp(-40)), pytest.approx(math.exp(-40)))


@pytest.mark.parametrize(
    ("loss", "outputs", "target"),
    [
        (nn.binary_cross_entropy, Value(0.0), 1),
        (nn.binary_cross_entropy, Value(1.0), 0),
        (nn.cross_entropy, [Value(0.0), Value(1.0)], 0),
    ],
)
def test_probabilities_of_0_are_refused_where_they_count(loss, outputs, target):
    with pytest.raises(mg.NonFiniteError, match=r"log of 0\.0 is not finite"):
        loss(outputs, target)


@pytest.mark.parametrize(("loss", "outputs"), [(nn.cross_entropy, 2), (nn.binary_cross_entropy, 1)])
def test_logits_instead_of_probabilities_are_met_with_the_loss_for_them(loss, outputs):
    """By the engine, in compiled programs, and in trainings."""
    better = {1: "binary_cross_entropy_with_logits", 2: "softmax_cross_entropy"}[outputs]
    model = nn.MLP(2, [outputs], activation="linear")
    for p in model.parameters():
        p.data = -0.5 if p.label.startswith("w") else 0.1
    x, t = [-0.8, -0.6], 1

    def compiled():
        program = mg.compile(lambda x, t: loss(model(x), t), x, t, params=model)
        return program.value_and_grad([x, [1.0, 2.0]], [t, t])

    where = {
        "log of": lambda: loss(model([1.0, 2.0]), t),
        "example 1: log of": compiled,
        "epoch 1, batch 1: log of": lambda: mg.fit(
            model, ([[1.0, 2.0]], [t]), loss, epochs=1, engine="eager"
        ),
    }
    for place, make in where.items():
        with pytest.raises(mg.NonFiniteError) as caught:
            make()
        assert str(caught.value).startswith(place)
        assert str(caught.value).endswith(f"for the outputs of a linear layer use {better}")


def test_one_output_for_several_classes_is_met_with_the_loss_for_two():
    for loss in (nn.cross_entropy, nn.softmax_cross_entropy):
        with pytest.raises(TypeError, match="one output use binary_cross_entropy_with_logits"):
            loss(Value(0.5), 1)


# ----------------------------------------------------------------------- targets


@pytest.mark.parametrize("loss", [nn.l1, nn.mse, nn.squared_error])
def test_regression_needs_as_many_targets_as_outputs(loss):
    with pytest.raises(ValueError, match="2 outputs need as many targets, not 1"):
        loss([Value(1.0), Value(2.0)], 3.0)
    with pytest.raises(ValueError, match="1 outputs need as many targets, not 3"):
        loss(Value(1.0), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("label", [0, 2, 0.5, math.nan, "1", None])
def test_hinge_names_a_wrong_label(label):
    with pytest.raises(ValueError, match=f"label of −1 or 1, not {label!r}"):
        nn.hinge(Value(0.5), label)


@pytest.mark.parametrize("loss", [nn.binary_cross_entropy, nn.binary_cross_entropy_with_logits])
def test_binary_losses_name_a_wrong_target(loss):
    for target in (-1, 2, 1.0001, -1e-9):
        with pytest.raises(ValueError, match=f"between 0 and 1, not {target!r}"):
            loss(Value(0.5), target)
    for target in (math.nan, math.inf):
        with pytest.raises(mg.NonFiniteError, match=f"a target .* not {target!r}"):
            loss(Value(0.5), target)
    for target in ("1", None):
        with pytest.raises(TypeError, match=f"a target must be a real number, not {target!r}"):
            loss(Value(0.5), target)


CATEGORICAL = [nn.cross_entropy, nn.softmax_cross_entropy]


@pytest.mark.parametrize("loss", CATEGORICAL)
def test_losses_of_classes_name_a_wrong_target(loss):
    outputs = [Value(0.25), Value(0.75)]
    for target in (-1, 2, 0.5):
        with pytest.raises(ValueError, match=f"a whole number from 0 to 1, not {target!r}"):
            loss(outputs, target)
    for target in ([0.5, 0.6], [1.0], [0.5, 0.25, 0.25], [0.0, 0.0], []):
        with pytest.raises(ValueError, match=r"of 2 classes must add up to 1, unlike \["):
            loss(outputs, target)
    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        loss(outputs, [2, -1])
    with pytest.raises(mg.NonFiniteError, match=r"a target .* not nan"):
        loss(outputs, [math.nan, 1.0])


@pytest.mark.parametrize("loss", CATEGORICAL)
@pytest.mark.parametrize("target", [math.inf, math.nan, None])
def test_losses_of_classes_name_a_target_that_is_no_number(loss, target):
    with pytest.raises((ValueError, TypeError), match=f"class .* not {target!r}"):
        loss([Value(0.25), Value(0.75)], target)


# ----------------------------------------------------------------------- correct


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "expected"),
    [
        (nn.hinge, 0.1, 1, True),
        (nn.hinge, 0.1, -1, False),
        (nn.hinge, -3.0, -1, True),
        (nn.hinge, -3.0, 1, False),
        (nn.binary_cross_entropy, 0.6, 1, True),
        (nn.binary_cross_entropy, 0.4, 1, False),
        (nn.binary_cross_entropy, 0.4, 0, True),
        (nn.binary_cross_entropy, 0.6, 0.2, False),
        (nn.binary_cross_entropy_with_logits, 0.4, 1, True),
        (nn.binary_cross_entropy_with_logits, -0.4, 1, False),
        (nn.binary_cross_entropy_with_logits, 0.4, 0, False),
        (nn.binary_cross_entropy_with_logits, -0.4, 0.2, True),
        (nn.cross_entropy, [0.2, 0.5, 0.3], 1, True),
        (nn.cross_entropy, [0.2, 0.5, 0.3], 2, False),
        (nn.cross_entropy, [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], True),
        (nn.softmax_cross_entropy, [-5.0, -1.0, -9.0], 1, True),
        (nn.softmax_cross_entropy, [-5.0, -1.0, -9.0], [1, 0, 0], False),
        (nn.softmax_cross_entropy, [5.0, 1.0, 9.0], [0.5, 0, 0.5], True),  # one of the likeliest
    ],
)
def test_correct(loss, outputs, target, expected):
    right = nn.losses.correct(loss)
    assert right(outputs, target) is expected
    values = [Value(y) for y in outputs] if isinstance(outputs, list) else Value(outputs)
    assert right(values, target) is expected


@pytest.mark.parametrize("loss", [nn.hinge, nn.binary_cross_entropy_with_logits])
def test_correct_of_many_examples_with_two_classes(loss):
    scores, labels = [0.4, -0.4, 0.0, 2.0, -0.0], [1, 1, 1, 0, 0]
    found = nn.losses.correct(loss)(np.array([scores]), np.array(labels), np)
    assert found.tolist() == [[True, False, False, False, True]]


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.softmax_cross_entropy])
def test_correct_of_many_examples_with_several_classes(loss):
    """Columns are examples; of equal outputs the first counts, of equal targets each."""
    outputs = [[1, 5, 0, 0, 0, 2], [2, 5, 0, 1, 0, 3], [0, 1, 0, 0, 7, 3]]
    targets = [[0, 0, 1, 0.5, 0.4, 0.2], [1, 1, 0, 0.5, 0.2, 0.2], [0, 0, 0, 0, 0.4, 0.6]]
    expected = [True, False, True, True, True, False]
    assert nn.losses.correct(loss)(np.array(outputs), np.array(targets), np).tolist() == expected
    for i, right in enumerate(expected):
        output, target = ([row[i] for row in rows] for rows in (outputs, targets))
        assert nn.losses.correct(loss)(output, target) is right


def test_only_losses_that_classify_tell_what_is_correct():
    regression = [nn.l1, nn.mse, nn.squared_error, nn.l1_penalty, nn.l2_penalty, lambda y, t: y - t]
    assert [nn.losses.correct(loss) for loss in regression] == [None] * len(regression)


# --------------------------------------------------------------------- penalties


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.floats(0, 10))
def test_penalties(ws, strength):
    w = np.array(ws)
    for penalty, value, slopes in (
        (nn.l2_penalty, strength * (w @ w), 2 * strength * w),
        (nn.l1_penalty, strength * np.abs(w).sum(), strength * np.sign(w)),
    ):
        assert gradients(penalty, ws, strength) == (close(value), close(slopes))
        assert gradients(lambda p, f=penalty: f(iter(p), strength), ws)[0] == close(value)


def test_the_strength_of_penalties_is_a_number():
    assert nn.l2_penalty([Value(3.0)]).data == pytest.approx(9e-4)
    assert nn.l1_penalty([Value(-3.0)]).data == pytest.approx(3e-4)
    for penalty in (nn.l1_penalty, nn.l2_penalty):
        assert float(penalty([])) == 0.0
        model = nn.Neuron(3, seed=1)
        assert penalty(model).data == penalty(model.parameters()).data > 0
        with pytest.raises(mg.NonFiniteError, match=r"the strength .* not nan"):
            penalty([Value(1.0)], math.nan)
        with pytest.raises(TypeError, match="the strength must be a real number, not 'strong'"):
            penalty([Value(1.0)], "strong")


def test_weights_decay_and_small_ones_become_0():
    """Under a squared penalty weights shrink by a factor, under an absolute one by an amount."""
    for penalty, expected in ((nn.l2_penalty, [3.0 * 0.8, 0.1 * 0.8]), (nn.l1_penalty, [2.9, 0.0])):
        weights = [Value(3.0), Value(0.1)]
        penalty(weights, 1.0).backward()
        assert [w.data - 0.1 * w.grad for w in weights] == pytest.approx(expected)


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.softmax_cross_entropy])
@pytest.mark.parametrize("output", [3.0, Value(0.5)])
def test_classes_need_an_output_each(loss, output):
    with pytest.raises(TypeError, match=r"an output for each class is needed.*, not \S+"):
        loss(output, 0)


@pytest.mark.parametrize(
    "loss", [nn.hinge, nn.binary_cross_entropy, nn.binary_cross_entropy_with_logits]
)
def test_losses_of_two_classes_take_one_output(loss):
    outputs = nn.MLP(2, [3], activation="sigmoid", seed=1)([0.5, 1.0])
    words = f"{loss.__name__} takes one output, not 3: .* softmax_cross_entropy"
    with pytest.raises(TypeError, match=words):
        loss(outputs, 1)
    with pytest.raises(TypeError, match=f"target 0: {words}"):
        mg.fit(nn.MLP(2, [3], seed=1), ([[0.5, 1.0]], [1]), loss, epochs=1)
