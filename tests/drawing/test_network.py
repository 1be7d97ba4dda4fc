"""Pictures of networks: where neurons stand, what is on their wires, and that none is missing."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn
from micrograd_plus._tools.names import text_name
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.drawing.frames import frame_sources, walked
from micrograd_plus.drawing.look import FORWARD, GRADIENT
from micrograd_plus.drawing.pages.stepper import content
from micrograd_plus.drawing.scene.network import network
from micrograd_plus.drawing.scene.parts import LIMIT
from micrograd_plus.graph import order
from tests.effort import examples, few, slow
from tests.hostile import SAMPLES
from tests.pages import overlapping, svg_texts

SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=4)
NUMBERS = st.floats(-3, 3)


def model_without_last(model, x):
    for layer in model.layers[:-1]:
        x = layer.outputs(x)
    return x


@st.composite
def networks(draw):
    """A network, and its result for numbers or Values, alone or in a loss over examples."""
    nin, *nouts = draw(SIZES)
    activation = draw(st.sampled_from(["relu", "tanh", "linear", "gelu"]))
    expanded = draw(st.booleans())
    model = nn.MLP(
        nin, nouts, activation=activation, seed=draw(st.integers(0, 99)), expanded=expanded
    )
    for p in model.parameters():
        p.data = draw(NUMBERS)
    rows = [[draw(NUMBERS) for _ in range(nin)] for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        rows = [[Value(x, f"x_{i}") for i, x in enumerate(row)] for row in rows]
    hidden = [model_without_last(model, row) for row in rows]
    results = [mg.sum(model.layers[-1].outputs(before)[::-1]) for before in hidden]
    f = sum((y - 1) ** 2 for y in results) if draw(st.booleans()) else mg.sum(results)
    f.backward()
    return model, rows, f


def places(f):
    """The middle of the box of each bias that is drawn, by its label."""
    svg, parts = ET.fromstring(mg.draw(f).pipe()), network(f).parts
    found = {}
    for i, part in enumerate(parts):
        group = svg.find(f".//*[@id='v{i}']")
        if part.label.startswith("b_") and group is not None:
            corners = [pair.split(",") for pair in group.find("{*}polygon").get("points").split()]
            sides = (sorted(map(float, side)) for side in zip(*corners, strict=True))
            found[part.label] = tuple((side[0] + side[-1]) / 2 for side in sides)
    return found


def wires(svg):
    """For what each wire with a weight tells under a mouse: its colour, its width, its dashes."""
    found = {}
    for edge in ET.fromstring(svg).findall(".//{*}g"):
        if edge.get("class") in ("edge positive", "edge negative"):
            path = edge.find(".//{*}path")
            told = edge.findtext("{*}title")
            width = float(path.get("stroke-width", 1))
            assert told not in found
            found[told] = path.get("stroke"), width, path.get("stroke-dasharray")
    return found


@given(networks())
@examples(20)
def test_layers_from_left_to_right_and_neurons_in_the_order_of_their_indices(made):
    model, _, f = made
    at = places(f)
    before = -math.inf
    for layer in model.layers:
        column = [at[neuron.b.label] for neuron in layer.neurons]
        assert max(x for x, _ in column) - min(x for x, _ in column) < 0.1  # they are centred
        assert [y for _, y in column] == sorted(y for _, y in column)
        assert min(x for x, _ in column) > before
        before = max(x for x, _ in column)


@given(networks())
@examples(20)
def test_each_weight_is_on_one_wire_with_its_sign_and_size(made):
    model, _, f = made
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    drawn = wires(mg.draw(f).pipe())
    assert len(drawn) == len(weights)
    looks = []
    for w in weights:
        [told] = [told for told in drawn if told.startswith(f"{text_name(w.label)} = ")]
        assert told.endswith(f" = {number(w.data)}; gradient {number(w.grad)}")
        looks.append((abs(w.data), w.data < 0, *drawn[told]))
    assert all((dashes is not None) == negative for _, negative, _, _, dashes in looks)
    assert len({(negative, color) for _, negative, color, _, _ in looks}) <= 2
    widths = [width for _, _, _, width, _ in sorted(looks, key=lambda look: look[0])]
    assert widths == sorted(widths)


@given(networks())
@examples(30)
def test_what_stands_in_a_neuron_is_what_its_wires_add_up_to(made):
    model, rows, f = made
    scene = network(f)
    assert len(scene.neurons) == sum(len(layer.neurons) for layer in model.layers)

    def numbers(i):
        part = scene.parts[i]
        return [x for x, _ in part.inside.numbers] if part.inside else [part.data]

    for neuron in scene.neurons:
        output = numbers(neuron.gates[-1])
        assert len(output) == len(rows)
        bias = sum(scene.parts[i].data for i in neuron.others)
        for k, y in enumerate(output):
            pairs = [(numbers(w)[0], numbers(x)[k]) for w, x in neuron.weights]
            total = sum(w * x for w, x in pairs) + bias
            if len(neuron.gates) == 2:
                assert numbers(neuron.gates[0])[k] == pytest.approx(total)
                kind = {"ReLU": lambda z: max(z, 0.0), "tanh": math.tanh}
                gate = scene.parts[neuron.gates[1]].gate
                total = kind[gate](total) if gate in kind else y
            elif scene.parts[neuron.gates[0]].gate.endswith("gelu"):
                total = total * (1 + math.erf(total / math.sqrt(2))) / 2
            elif scene.parts[neuron.gates[0]].gate.endswith("tanh"):
                total = math.tanh(total)
            elif scene.parts[neuron.gates[0]].gate.endswith("relu"):
                total = max(total, 0.0)
            assert y == pytest.approx(total, abs=1e-9)


@given(networks())
@examples(15)
def test_a_walk_has_one_place_for_each_number(made):
    f = made[2]
    walk = mg.step_through(f)
    scene = walked(walk, 400)
    svg = ET.fromstring(content(scene, walk)["svg"])
    for i in range(len(order(f))):
        [plate] = svg.findall(f".//*[@id='v{i}']")
        inks = [text.get("fill") for text in plate.findall(".//{*}text")]
        assert {FORWARD, GRADIENT} <= {*inks}
        assert scene.complete or scene.neurons == ()


def test_the_network_of_micrograd_s_demo_is_walked_without_asking_for_a_limit():
    model = nn.MLP(2, [16, 16, 1], seed=1)
    f = nn.mse(model([Value(0.5), Value(-1.0)]), 1.0)
    scene = walked(mg.step_through(f), LIMIT)
    assert scene.complete
    assert len(scene.places) == len(order(f)) == 406


@slow
def test_the_numbers_of_a_walk_appear_with_their_steps_where_wires_are_crowded():
    model = nn.MLP(6, [7, 6], seed=1)
    f = mg.sum(model([Value(float(i), f"x_{i}") for i in range(6)]))
    walk = mg.step_through(f)
    scene = walked(walk, 400)
    assert scene.complete
    weights = {scene.places[w] for layer in model.layers for n in layer.neurons for w in n.w}
    for step, source in zip(walk, frame_sources(scene, walk), strict=True):
        seen = {i for i in weights if f"id=v{i} " in source}
        assert seen == weights & ({scene.places[step.node]} if step.node else set())
    assert "crowded" in content(scene, walk)["svg"]
    assert "crowded" not in mg.draw(f).source


@given(networks())
@examples(15)
def test_no_two_texts_of_a_network_overlap(made):
    assert not overlapping(mg.draw(made[2]).pipe())


@pytest.mark.parametrize("count", few(2, [2, 12, 1, 100]))
@pytest.mark.parametrize("penalty", [False, True])
@pytest.mark.parametrize("add", [sum, mg.sum, lambda losses: mg.sum(losses) / len(losses)])
def test_a_loss_over_many_examples_keeps_the_layers(count, penalty, add):
    model = nn.MLP(2, [4, 3, 1], seed=1, activation="tanh")
    points, targets = (data[:count] for data in datasets.moons())
    outputs = [model(point) for point in points]
    f = add([(y - t) ** 2 for y, t in zip(outputs, targets, strict=True)])
    if penalty:
        f = f + 0.1 * mg.sum([p**2 for p in model.parameters()])
    f.backward()
    scene = network(f)
    assert [len(neuron.weights) for neuron in scene.neurons] == [2] * 4 + [4] * 3 + [3]
    last = scene.parts[scene.neurons[-1].gates[-1]]
    drawn = last.inside.numbers if last.inside else [(last.data, last.grad)]
    assert sorted(drawn) == sorted((y.data, y.grad) for y in outputs)
    texts = svg_texts(mg.draw(f))
    assert sum(text == "tanh" for text in texts) == 7
    svg = mg.draw(f).pipe()
    assert len(wires(svg)) == 8 + 12 + 3
    assert not overlapping(svg)


@pytest.mark.parametrize("width", [17, 64, pytest.param(3000, marks=slow)])
def test_of_a_large_layer_the_first_and_the_last_are_drawn_and_the_rest_counted(width):
    model = nn.MLP(3, [width, 2], seed=1)
    f = mg.sum(model([1.0, 2.0, 3.0]))
    texts = svg_texts(mg.draw(f))
    left_out = re.search(r"… ([\d,]+) of ([\d,]+) not drawn", "\n".join(texts))
    biases = [label for label in places(f) if label.startswith("b_{0,")]
    assert left_out[2] == f"{width:,}"
    assert len(biases) + int(left_out[1].replace(",", "")) == width
    assert biases[0] == "b_{0,0}"
    assert biases[-1] == f"b_{{0,{width - 1}}}"
    assert len(texts) < 400


def cell_applied_again():
    cell, h = nn.Neuron(2, seed=1, activation="tanh"), 0.0
    for x in (0.5, -1.0, 2.0):
        h = cell([x, h])
    return h


def a_network_on_a_cell():
    return nn.MLP(1, [3, 1], seed=1)([cell_applied_again()])


def filters_at_many_places():
    first, second = (nn.Neuron(2, seed=seed, activation="tanh") for seed in (1, 2))
    hidden = [first([float(i), 2.0 - i]) for i in range(5)]
    return mg.sum([second(hidden[i : i + 2]) for i in range(4)])


@pytest.mark.parametrize("make", [cell_applied_again, a_network_on_a_cell, filters_at_many_places])
def test_shared_weights_are_no_network_and_are_drawn_by_operations(make):
    f = make()
    assert network(f) is None
    assert mg.draw(f, detail="neurons").source == mg.draw(f, detail="operations").source


def test_the_levels_of_detail():
    model = nn.MLP(2, [3, 1], seed=1)
    f = model(mg.values(x_1=1.0, x_2=2.0))
    texts = {
        detail: svg_texts(mg.draw(f, detail=detail))
        for detail in ("layers", "neurons", "operations", "gates")
    }
    assert "Layer 2 → 3, relu" in texts["layers"]
    assert "w" not in texts["neurons"]
    assert texts["operations"].count("w") == 9
    assert (texts["operations"].count("w·x"), texts["gates"].count("w·x")) == (4, 0)
    assert texts["gates"].count("×") == 9
    assert mg.draw(f).source == mg.draw(f, detail="neurons").source
    for graph in (Value(1.0), order(mg.values(x=1.0)[0] * 3)[-1]):
        assert mg.draw(graph, detail="neurons").source == mg.draw(graph).source
    with pytest.raises(
        ValueError, match="'neuron' \\(did you mean neurons\\?\\); choose from layers"
    ):
        mg.draw(f, detail="neuron")


def test_one_filter_at_many_places_is_drawn_once():
    neuron, xs = nn.Neuron(2, seed=1), [Value(float(i), f"x_{i}") for i in range(6)]
    outputs = [neuron(xs[i : i + 2]) for i in range(5)]
    scene = network(mg.sum(outputs))
    assert len(scene.neurons) == 1
    for _, x in scene.neurons[0].weights:
        assert [data for data, _ in scene.parts[x].inside.numbers] in (
            [0, 1, 2, 3, 4],
            [1, 2, 3, 4, 5],
        )


def test_a_neuron_of_several_operations_opens_in_a_page(tmp_path):
    model = nn.MLP(2, [2, 1], seed=1, expanded=True)
    path = mg.draw(model([1.0, 2.0])).to_html(tmp_path / "a.html")
    assert path.read_text("utf-8").count('"title":"neurons.') == 3


def test_a_weight_that_a_penalty_uses_stands_before_it_too():
    neuron = nn.Neuron(1, seed=1, activation="tanh")
    f = neuron([2.0]) + neuron.w[0] ** 2
    f.backward()
    texts = svg_texts(mg.draw(f))
    assert texts.count(f"{neuron.w[0].data:.2f}".replace("-", "−")) == 2


@pytest.mark.parametrize("name", SAMPLES)
def test_names_of_weights_stand_for_themselves(name):
    neuron = nn.Neuron(1, seed=1, activation="tanh")
    for parameter in neuron.parameters():
        parameter.label = name
    x = Value(1.0, name)
    [told] = wires(mg.draw(neuron([x])).pipe())
    expected = " = ".join(filter(None, [text_name(name), number(neuron.w[0].data)]))
    expected = expected.replace("\\", "∖")
    assert " ".join(told.split()) == " ".join(expected.split())
