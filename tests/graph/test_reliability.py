"""What must never go wrong: random graphs to second order, operands, labels, threads, size."""

import contextlib
import decimal
import fractions
import math
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from operator import add, mul, sub, truediv

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.drawing.pages.stepper import fragment
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import adjoints
from micrograd_plus.testing import graphs
from micrograd_plus.walk.formula import text_name
from micrograd_plus.walk.steps import steps
from tests import oracle
from tests.effort import examples, slow

pytestmark = pytest.mark.no_cover  # the same lines many times over, which others cover, too


@examples(1000)
@given(st.data())
def test_second_derivatives_of_random_graphs_agree_with_mpmath(data):
    root, leaves = data.draw(graphs(max_size=6))
    i, j = (data.draw(st.integers(0, len(leaves) - 1)) for _ in range(2))
    first = adjoints(root, m=recorded).get(leaves[i], 0.0)
    second = adjoints(first, m=recorded).get(leaves[j], 0.0) if isinstance(first, Value) else 0.0
    assume(max(abs(float(first)), abs(float(second))) < 1e4)
    point = [leaf.data for leaf in leaves]

    def slope(noise):
        def value(*numbers):
            return oracle.value(root, leaves, numbers, noise)

        return oracle.derivative(lambda *xs: oracle.derivative(value, xs, i), point, j)

    exact, disturbed = slope(0.0), slope(1e-13)
    scale = max(1.0, abs(float(exact)))
    assume(abs(exact - disturbed) < 1e-7 * scale)
    assert float(second) == pytest.approx(float(exact), rel=1e-6, abs=1e-6 * scale)


OPERANDS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.fractions(),
    st.decimals(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.none(),
    st.binary(max_size=3),
    st.lists(st.floats(), max_size=2),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**31), 2**31 - 1).map(np.int64),
    st.booleans().map(np.bool_),
    st.floats(-5, 5).map(Value),
    st.just(np.array([1.0, 2.0])),
    st.just(np.array(2.0)),
)
REAL = (int, float, fractions.Fraction, np.floating, np.integer)


@examples(1000)
@given(OPERANDS, st.sampled_from([add, sub, mul, truediv, mg.maximum]), st.booleans())
def test_any_operand_gives_a_value_or_a_clear_error(other, compute, swapped):
    v = Value(1.5, "v")
    operands = (other, v) if swapped else (v, other)
    try:
        result = compute(*operands)
    except TypeError:
        assert not isinstance(other, (Value, *REAL))
        return
    except mg.NonFiniteError:
        with contextlib.suppress(OverflowError, ZeroDivisionError):  # of floats alone
            plain = [*map(float, operands)]
            assert not all(map(math.isfinite, [*plain, compute(*plain)]))
        return
    if isinstance(result, np.ndarray):
        assert all(type(x) is Value for x in result.flat)
        return
    assert type(result) is Value
    assert type(result.data) is float
    assert math.isfinite(result.data)
    assert not isinstance(other, decimal.Decimal | complex | str | bytes)


@examples(1000)
@given(st.text(max_size=30))
def test_any_label_is_shown_and_breaks_nothing(label):
    x = Value(2, label)
    f = x * x
    f.label = label + "_1"
    sentences = [step.text + step.latex for step in steps(f)]
    assert not any(ord(character) < 32 for sentence in sentences for character in sentence)
    "".join(sentences).encode()
    assert text_name(label).isprintable() or not label.isprintable()
    ET.fromstring(mg.draw(f).pipe("svg"))


@given(st.text(alphabet="<>/!-scriptimgonerror='\"&;\\{}\n\0=() ", max_size=40))
def test_no_label_ends_the_script_of_a_page(label):
    html = fragment(steps(Value(2, label) * 3))
    assert html.lower().count("<script") == html.lower().count("</script") == 1
    assert "<!--" not in html
    assert html.count("<img") == 1


def test_graphs_in_several_threads_are_independent():
    def work(seed):
        x = Value(float(seed), "x")
        f = x
        for _ in range(200):
            f = f * 0.99 + mg.tanh(x)
        f.backward()
        return f.data, x.grad, float(mg.derivative(lambda v: v**3)(seed))

    expected = [work(seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == expected


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=slow)])
def test_a_value_with_very_many_consumers(count):
    x = Value(2.0, "x")
    f = mg.sum([x + 1.0 for _ in range(count)])
    f.backward()
    assert (f.data, x.grad) == (3 * count, count)
    x.data = 1.0
    mg.replay(f)
    assert f.data == 2 * count


# The demo of karpathy/micrograd, as it is written there, on this engine's Value.


def micrograd_neuron(w, x, b):
    return sum((wi * xi for wi, xi in zip(w, x, strict=True)), b).relu()


def test_code_written_for_micrograd_runs():
    from micrograd_plus.engine import Value

    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert [round(x, 4) for x in (g.data, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]

    w, x = [Value(0.5), Value(-0.2)], [1.0, 2.0]
    bias = Value(0.3)
    out = micrograd_neuron(w, x, bias)
    for p in [*w, bias]:
        p.grad = 0
    out.backward()
    for p in [*w, bias]:
        p.data -= 0.1 * p.grad
    assert [p.data for p in [*w, bias]] == pytest.approx([0.4, -0.4, 0.2])
