"""Parameters as colours: in the shape of their matrix, to scale, and for all eyes."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.drawing.dot.heatmap import (
    NEGATIVE,
    POSITIVE,
    ZERO,
    cells,
    color,
    heat_map,
    strip,
)
from micrograd_plus.drawing.scene.folds import Fold
from micrograd_plus.drawing.scene.matrices import matrices
from micrograd_plus.drawing.scene.outline import folded
from micrograd_plus.drawing.scene.wiring import folded_scene
from tests.eyes import SIGHTS, difference


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_can_be_told_apart(sight):
    negative, zero, positive = (np.array(rgb) / 255 for rgb in (NEGATIVE, ZERO, POSITIVE))
    assert difference(negative, zero, sight) > 35
    assert difference(positive, zero, sight) > 35
    if sight != "none for colours":
        assert difference(negative, positive, sight) > 35


def rgb(text):
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)])


@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_colours_are_linear_with_zero_in_the_middle(x, largest):
    share = min(abs(x) / largest, 1)
    end = POSITIVE if x > 0 else NEGATIVE
    expected = (1 - share) * np.array(ZERO) + share * np.array(end)
    assert np.abs(rgb(color(x, largest)) - expected).max() <= 0.5 + 1e-9
    assert color(0.0, largest) == color(-0.0, 0.0) == color(0.0, 0.0)


@given(st.integers(1, 60), st.lists(st.integers(1, 80), min_size=1, max_size=2), st.integers())
def test_cells_are_means(tall, widths, seed):
    random = np.random.default_rng(abs(seed))
    blocks = [random.normal(size=(tall, wide)) for wide in widths]
    heat = heat_map([block.tolist() for block in blocks])
    for block, found in zip(blocks, heat.blocks, strict=True):
        assert len(found) <= 24
        assert len(found[0]) <= 24
        rows, columns = -(-tall // 24), -(-block.shape[1] // 24)
        for i, row in enumerate(found):
            for j, cell in enumerate(row):
                part = block[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
                assert cell == pytest.approx(part.mean(), abs=1e-12)
    assert heat.largest == max(abs(x) for block in heat.blocks for row in block for x in row)
    assert heat.averaged == -(-tall // 24) * max(-(-wide // 24) for wide in widths)


def test_parameters_have_the_shape_of_their_matrix():
    class Linear(nn.Module):
        def __init__(self):
            self.W = [[Value(3 * i + j) for j in range(3)] for i in range(2)]
            self.rate = Value(0.5)

    linear = Linear()
    (weights, rate) = matrices(linear.parameters())
    assert [row for row in weights if row != [None] * 3] == linear.W
    assert [row for row in rate if row != [None]] == [[linear.rate]]
    layer = nn.Layer(3, 4, seed=1)
    weights, biases = matrices(layer.parameters())
    assert weights == [neuron.w for neuron in layer.neurons]
    assert biases == [[neuron.b] for neuron in layer.neurons]
    assert matrices(layer.neurons[1].w[:2]) == [[layer.neurons[1].w[:2]]]
    assert len(matrices(nn.Maxout(2, 3, pieces=4).parameters())[0]) == 12


@pytest.mark.parametrize("expanded", [False, True])
def test_a_picture_has_a_cell_for_each_parameter_and_for_each_gradient(expanded):
    model = nn.MLP(2, [16, 16, 1], seed=1, activation="tanh", expanded=expanded)
    for p in model.parameters():
        p.data += 1e-3
    f = model(mg.values(x_1=0.5, x_2=-0.3)) ** 2
    f.backward()
    layer = model.layers[1]
    svg = ET.fromstring(mg.draw(f, detail="layers").pipe("svg"))
    node = next(
        e
        for e in svg.iter()
        if "Layer 16 → 16, tanh" in "".join(e.itertext()) and e.get("class") == "node"
    )
    found = [
        e.get("fill")
        for e in node.iter()
        if e.tag.endswith("polygon") and e.get("stroke") == "none"
    ]
    expected = []
    for numbers in (lambda p: p.data, lambda p: p.grad):
        largest = max(abs(numbers(p)) for p in layer.parameters())
        for neuron in layer.neurons:
            expected += [color(numbers(p), largest) for p in neuron.w]
        expected += [color(numbers(neuron.b), largest) for neuron in layer.neurons]
    legend = [color(k / 4, 1.0) for k in range(-4, 5)]
    assert [x for x in found if x != "#f8fafc"] == expected + legend * 2
    texts = "".join(node.itertext())
    largest = max(abs(p.data) for p in layer.parameters())
    assert f"−{largest:.2f}" in texts
    assert f"{largest:.2f}" in texts


def test_maps_have_the_order_of_the_module_and_not_that_of_its_use():
    class Backwards(nn.Module):
        def __init__(self):
            self.b = [Value(1.0), Value(2.0)]
            self.w = [[Value(3.0), Value(4.0)], [Value(5.0), Value(6.0)]]

        def __call__(self, x):
            return mg.sum([w[1] * x + w[0] for w in reversed(self.w)]) + self.b[1] * self.b[0]

    model = Backwards()
    [fold] = [part for part in folded(model(2.0) - 1).parts if isinstance(part, Fold)]
    found = [[p.data for row in block for p in row if p] for block in fold.parameters()]
    assert found == [[1, 2], [3, 4, 5, 6]]


def test_maps_show_the_numbers_and_gradients_of_parameters_that_are_0():
    layer = nn.Layer(2, 2, seed=1)  # its biases begin at 0
    loss = mg.sum(layer([1.0, 0.5])) ** 2
    loss.backward()
    top = folded(loss)
    parts = folded_scene(top.flat, top.parts, [len(top.flat.nodes) - 1]).parts
    [shown] = [part.inside for part in parts if part.inside]
    for maps, slot in ((shown.data, "data"), (shown.grads, "grad")):
        expected = [
            [[getattr(p, slot) for p in neuron.w] for neuron in layer.neurons],
            [[getattr(neuron.b, slot)] for neuron in layer.neurons],
        ]
        assert maps == expected
        assert all(type(x) is float for block in maps for row in block for x in row)


def test_maps_are_tables_in_dot_and_pixels_in_png():
    layer = nn.Layer(3, 5, seed=1)
    picture = mg.draw(mg.sum(layer(mg.values(a=1.0, b=2.0, c=3.0))), detail="layers")
    assert picture.source.count("bgcolor=") >= 20
    assert "<img" not in picture.source.lower()
    assert "<image" not in picture.pipe("svg").decode()
    assert picture.pipe("png").startswith(b"\x89PNG")


def test_large_maps_say_that_cells_are_means():
    layer = nn.Layer(30, 50, seed=1)
    y = mg.sum(layer([Value(x / 30) for x in range(30)]))
    assert "a cell is the mean of up to 6" in mg.draw(y, detail="layers").pipe("svg").decode()


def test_strips_and_cells_are_tables_of_their_own_size():
    assert strip([1.0, -1.0]).count("<td") == 2
    assert strip([0.0] * 1000).count("<td") <= 24
    table = cells([[1.0, None], [0.0, -1.0]], 1.0, 5, 7)
    assert re.search(r'width="12" height="16"', table)
    assert table.count("bgcolor") == 3
