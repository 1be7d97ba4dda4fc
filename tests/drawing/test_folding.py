"""Folding: what belongs together, that nothing is lost, and that it can be drawn."""

import copy
import gc
import pickle
import re
import weakref
import xml.etree.ElementTree as ET
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, nn
from micrograd_plus.drawing.scene.folds import Fold, positions
from micrograd_plus.drawing.scene.grouping import grouped
from micrograd_plus.drawing.scene.outline import folded, opened
from micrograd_plus.drawing.scene.ownership import owners
from micrograd_plus.drawing.scene.wiring import folded_scene
from micrograd_plus.graph import order
from micrograd_plus.graph.places import path, placed, turns
from micrograd_plus.testing import graphs
from tests.effort import examples, slow
from tests.graphs import moons
from tests.hostile import FEW
from tests.pages import svg_texts


@st.composite
def networks(draw):
    """Layers in any order, used again and again, with sums, penalties and plain numbers beside."""
    expanded = draw(st.booleans())
    cells = [
        nn.MLP(2, [3, 2], activation="tanh", seed=i, expanded=expanded)
        for i in range(draw(st.integers(1, 3)))
    ]
    hidden = draw(st.sampled_from([[0.5, -1.0], list(mg.values(x=1.0, y=2.0))]))
    total = Value(0.0)
    for cell in draw(st.lists(st.sampled_from(cells), min_size=1, max_size=4)):
        before, hidden = hidden, cell(hidden)
        if draw(st.booleans()):
            hidden = [a + b for a, b in zip(hidden, before, strict=True)]
        if draw(st.booleans()):
            total = total + mg.sum([h * h for h in hidden])
    if draw(st.booleans()):
        total = total + mg.sum([p**2 for cell in cells for p in cell.parameters()])
    return cells, mg.sum(hidden) + total


def everything(item):
    """All folds in a fold, and itself."""
    found = [item]
    for part in item.parts:
        if isinstance(part, Fold):
            found += everything(part)
    return found


def check(top, limit):
    """Nothing is lost or doubled, nothing has too many parts, and wires lead forward only."""
    for each in everything(top):
        assert sorted(i for part in each.parts for i in positions(part)) == sorted(each.members)
        assert len(each.parts) <= max(limit, 3)
        at = {i: k for k, part in enumerate(each.parts) for i in positions(part)}
        for i in each.members:
            for j in each.flat.inputs[i]:
                parameter = top.flat.owners[j] and not top.flat.inputs[j]
                assert j not in at or at[j] <= at[i] or parameter


# ---------------------------------------------------------------- what belongs together


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize("numbers", [False, True])
def test_a_value_belongs_to_the_neuron_whose_parameters_it_uses(expanded, numbers):
    model = nn.MLP(3, [4, 2], activation=["tanh", "sigmoid"], seed=1, expanded=expanded)
    inputs = [1.0, 2.0, 3.0] if numbers else list(mg.values(x=1.0, y=2.0, z=3.0))
    hidden = model.layers[0].outputs(inputs)
    outputs = model.layers[1].outputs(hidden)
    penalty = 0.1 * nn.l2_penalty(model.parameters()) + mg.sum([abs(p) for p in model.parameters()])
    f = mg.sum([(y - 1) ** 2 for y in outputs]) + penalty
    top = folded(f)
    found = {}
    for each in everything(top):
        if each.place and isinstance(each.place.module(), nn.Neuron):
            found[each.place.module()] = {top.flat.nodes[i] for i in each.members}
    for layer, before, after in zip(model.layers, (inputs, hidden), (hidden, outputs), strict=True):
        for neuron, y in zip(layer.neurons, after, strict=True):
            inside = {*order(y)} - {
                node for x in before if isinstance(x, Value) for node in order(x)
            }
            assert found.pop(neuron) == inside
    assert not found


@pytest.mark.parametrize(
    "penalty",
    [lambda w: w**2, lambda w: mg.clip(w, -1, 1), mg.leaky_relu, lambda w: mg.elu(w, alpha=0.5)],
)
def test_a_constant_that_only_chooses_the_function_is_no_data(penalty):
    neuron = nn.Neuron(2, seed=1)
    loss = neuron([Value(0.5), Value(-2.0)]) + penalty(neuron.w[0])
    nodes = order(loss)
    places = [[nodes.index(arg) for arg in node.args if isinstance(arg, Value)] for node in nodes]
    owner = dict(zip(nodes, owners(nodes, list(map(tuple, places))), strict=True))
    activation, added = loss.args
    assert owner[activation] is owner[neuron.w[0]]
    assert owner[added] is None


def test_a_network_folds_into_its_layers():
    model, f = moons()
    shown = opened(folded(f), 400)
    titles = [x.title if isinstance(x, Fold) else folded(f).flat.nodes[x].label for x in shown]
    assert titles == [
        "x_1",
        "x_2",
        "Layer 2 → 16, tanh",
        "Layer 16 → 16, tanh",
        "Layer 16 → 1, linear",
        "",
        "loss",
    ]
    assert [x.title for x in shown[2].parts] == ["Neuron 2 → 1, tanh"] * 16
    assert [x.place.name for x in shown[2].parts] == [f"neurons.{i}" for i in range(16)]
    assert model.layers[2].neurons[0].w[0] in {folded(f).flat.nodes[i] for i in shown[4].parts}


def kinds(f):
    """What the folds of a whole graph are called, and what is in them, as a tree."""

    def told(item):
        inside = [told(part) for part in item.parts if isinstance(part, Fold)]
        name = f"{item.place.name}: {item.title}".removeprefix(": ") if item.place else item.title
        return (name, *inside)

    return [told(part) for part in folded(f).parts if isinstance(part, Fold)]


def neurons(count, kind="Neuron 2 → 1, relu"):
    return [(f"neurons.{i}: {kind}",) for i in range(count)]


class Both(nn.Module):
    def __init__(self):
        self.parts = []  # what is put into it is found
        for seed in (1, 2):
            self.parts.append(nn.Layer(2, 2, seed=seed))
        self.scale = Value(3.0, "scale")

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return [y * self.scale for y in x]


BOTH = [(
    "Both",
    ("parts.0: Layer 2 → 2, relu", *neurons(2)),
    ("parts.1: Layer 2 → 2, relu", *neurons(2)),
)]  # fmt: skip
X = [1.0, -2.0]


def lost(make):
    """A sum computed with a model that is gone afterwards."""
    model = make()
    gone = weakref.ref(model)
    f = mg.sum(model(X))
    del model
    gc.collect()
    assert gone() is None
    return f


@dataclass(eq=False)
class Line(nn.Module):
    slope: Value
    offset: list = field(default_factory=list)

    def __post_init__(self):
        self.offset.append(Value(2.0))

    def __call__(self, x):
        return [self.slope * a + self.offset[0] for a in x]


class Unbegun(nn.Module):
    """Has no `__init__`, and its parts from elsewhere."""

    def __new__(cls, size):
        self = super().__new__(cls)
        self.layer = nn.Layer(2, size, seed=1)
        return self

    def __call__(self, x):
        return [y * self.scale for y in self.layer(x)]

    def describe(self):
        return f"scaled by {self.scale.label}"


def unbegun():
    model = Unbegun(2)
    model.scale = Value(3.0, "s")
    return model


class Abstract(nn.Module, ABC):
    @abstractmethod
    def __call__(self, x): ...


class Whole(Both, Abstract):
    def __init__(self):
        self.before = nn.Neuron(1, seed=1)
        super().__init__()
        self.after = {"last": [nn.Neuron(2, seed=3)]}

    def __call__(self, x):
        return [self.after["last"][0]([self.before(x[:1]), *super().__call__(x)[1:]])]

    def describe(self):  # of what is there when all is done
        return f"Whole of {len(self.after)}"


@pytest.mark.parametrize(
    "make",
    [
        Both,
        Whole,
        unbegun,
        lambda: Line(Value(1.0)),
        lambda: nn.Layer(2, 3, seed=1),
        pytest.param(lambda: nn.MLP(2, [40, 3], activation="maxout", seed=1), marks=slow),
    ],
    ids=["lists", "derived", "unbegun", "dataclass", "layer", "network"],
)
def test_a_model_that_is_gone_is_drawn_as_one_that_lives(make):
    model = make()
    living, gone = mg.sum(model(X)), lost(make)
    assert kinds(living) == kinds(gone) != []
    for options in ({}, {"expand": 1}, {"expand": 2, "style": "box"}):
        pictures = [mg.draw(f, detail="layers", **options).source for f in (living, gone)]
        assert pictures[0] == pictures[1]


def test_a_network_that_is_gone_keeps_its_layers():
    source = mg.draw(nn.MLP(2, [8, 8, 1])([0.5, -0.3]), detail="layers").source
    for title in ("Layer 2 → 8, relu", "Layer 8 → 8, relu", "Layer 8 → 1, linear"):
        assert title in source
    assert kinds(lost(Both)) == BOTH


@pytest.mark.parametrize("examples", [1, 12, 40, 200])
@pytest.mark.parametrize("lives", [True, False])
def test_layers_stay_however_many_examples_are_summed(examples, lives):
    model = nn.MLP(2, [8, 8, 1], seed=1)
    rows = [mg.values(a=0.1 * i, b=-0.2 * i) for i in range(examples)]
    f = mg.sum([nn.mse(model(row), 1.0) for row in rows])
    if not lives:
        del model
    source = mg.draw(f, detail="layers").source
    for title in ("Layer 2 → 8, relu", "Layer 8 → 8, relu", "Layer 8 → 1, linear"):
        assert source.count(title) == 1
    [network] = [name for name, *_ in kinds(f) if "MLP" in name]
    assert network == "MLP 2 → 8 → 8 → 1"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_models_and_of_graphs_know_their_layers(copied):
    both = Both()
    f = mg.sum(both(X))
    twin, g = copied((both, f))
    assert kinds(g) == kinds(copied(f)) == BOTH
    assert "Neuron" in mg.draw(g, detail="layers", expand=twin.parts[1]).source
    with pytest.raises(ValueError, match="nothing of Both"):
        mg.draw(g, detail="layers", expand=both)
    twin.parts[0], twin.other = nn.Neuron(2, seed=1), twin.parts[0]  # which changes the twin alone
    assert [name for name, *_ in kinds(g)[0][1:]] == [
        *("other: Layer 2 → 2, relu", "parts.1: Layer 2 → 2, relu")
    ]
    assert kinds(f) == BOTH
    del twin, both
    assert len(kinds(g)) == len(kinds(f)) == 1
    assert copy.copy(Value(1.0)).right is None  # what is no parameter has no place


def test_a_layer_that_moves_is_where_it_is_now():
    old, new = Both(), Both()
    new.parts[0] = old.parts.pop(0)  # which no module notices
    f = mg.sum(new(X))
    assert kinds(f) == BOTH
    new.head = old.parts.pop()
    g = mg.sum(new.head(new(X)))
    assert [name for name, *_ in kinds(g)] == ["Both"]
    assert kinds(g)[0][-1][0] == "head: Layer 2 → 2, relu"
    del old
    assert kinds(f) == BOTH
    alone = new.head
    del new.head
    assert kinds(mg.sum(alone(X))) == [("Layer 2 → 2, relu", *neurons(2))]


class Tables(nn.Module):
    """Parameters in collections of all kinds, one of them in two of these."""

    def __init__(self):
        self.rows = [[Value(10.0 * i + j) for j in range(12)] for i in range(2)]
        self.table = {"z": self.rows[1][3], "a": (Value(2.0), [Value(3.0)]), 7: Value(4.0)}
        self.again = self.last = Value(5.0)


@pytest.mark.parametrize("lives", [True, False])
def test_parameters_keep_their_paths_and_their_order(lives):
    model = Tables()
    for number in range(3):
        model.late = model.last * number  # no parameter
        model.later = Value(6.0)
    expected = dict(model.named_parameters())
    f = mg.sum(list(expected.values())[::-1])
    if not lives:
        gone = weakref.ref(model)
        del model
        gc.collect()
        assert gone() is None
    found = sorted(placed(order(f)), key=turns)
    assert [(path(p.right, p.left), p) for p in found] == list(expected.items())
    assert len(found[-1].right.owner.names) == 7


def test_what_two_models_share_is_drawn_in_one_of_them():
    trunk = nn.Layer(2, 2, seed=1)

    class Headed(nn.Module):
        def __init__(self):
            self.trunk, self.head = trunk, nn.Layer(2, 1, activation=None, seed=2)

        def __call__(self, x):
            return self.head(self.trunk(x))

    one, two = Headed(), Headed()
    for model in (one, two, one):  # in that which has the other parameters, too
        whole = (
            "Headed",
            ("trunk: Layer 2 → 2, relu", *neurons(2)),
            ("head: Layer 2 → 1, linear",),
        )
        assert kinds(model(X) - 1) == [whole]

    class Tied(nn.Module):
        def __init__(self, weight):
            self.weight = weight

    tied = Tied(one.head.neurons[0].w[0])
    f = one(X) - 1
    one = model = None
    assert kinds(f) == [whole]  # where the weight was first
    assert [name for name, *_ in kinds(tied.weight * 2.0 - 1)] == ["Headed"]


def test_modules_in_a_circle_are_drawn():
    outer, inner = Both(), nn.Layer(2, 2, seed=3)
    outer.inner, inner.outer = inner, outer
    f = mg.sum(inner(outer(X)))
    assert [name for name, *_ in kinds(f)] == ["Both"]
    del outer, inner
    assert [name for name, *_ in kinds(f)] == ["Both"]


def test_an_activation_is_told_by_its_operation_and_not_by_its_name():
    def tanh(z):
        return mg.sigmoid(z)

    for activation, inside in ((mg.tanh, True), ("tanh", True), (tanh, False)):
        neuron = nn.Neuron(2, activation=activation, seed=1)
        y = neuron(X)
        *_, last = folded(y - 1).flat.owners[:-1]
        assert (last is not None) is inside


def test_what_is_used_again_after_others_is_drawn_once_for_each_time():
    cell, other = nn.Layer(1, 1, seed=1), nn.Layer(1, 1, seed=2)
    y = cell([other([cell([other([cell([Value(0.5, "x")])])])])])
    top = folded(y)
    modules = [part.place.module() for part in top.parts if isinstance(part, Fold)]
    assert modules == [cell, other, cell, other, cell]
    source = mg.draw(y, detail="layers").source
    assert source.count("style=dashed") == 3  # the parameters stand with the first time


def test_groups_without_a_way_back_stay_whole():
    inputs = [(), (0,), (1,), (2,), (3,), (0,)]
    keys = {1: "a", 2: "b", 3: "a", 4: "c", 5: "c"}
    assert grouped(inputs, range(6), keys) == [[0], [1], [2], [3], [4, 5]]


@given(networks(), st.integers(1, 40))
@examples(60)
def test_nothing_is_lost_and_wires_lead_forward_in_networks(network, limit):
    _, f = network
    check(folded(f, limit), limit)


@given(graphs(max_size=60), st.integers(1, 40))
@examples(60)
def test_nothing_is_lost_and_wires_lead_forward_in_any_graph(graph, limit):
    check(folded(graph[0], limit), limit)


def test_pieces_are_cut_where_few_wires_cross():
    def block(x, width):
        """Many wires inside, one on the way out."""
        wide = [mg.sin(x * k) for k in range(1, width + 1)]
        return mg.sum([a * b for a, b in pairwise(wide)])

    y = Value(0.1, "x")
    ends = []
    for width in [9, 11] * 4:
        y = block(y, width)
        ends.append(y)
    top = folded(y)
    outputs = [
        part.inside.outputs
        for part in folded_scene(top.flat, top.parts, [len(top.flat.nodes) - 1]).parts
        if part.inside
    ]
    assert [[top.flat.nodes[i] for i in several] for several in outputs] == [[y] for y in ends]


# ------------------------------------------------------------------------- pictures


@given(networks(), st.integers(1, 60), st.integers(0, 3), st.sampled_from(["wires", "box"]))
@examples(40)
def test_any_network_is_drawn_within_the_limit_and_stays_as_it_was(network, limit, levels, style):
    _, f = network
    f.backward()
    before = [(node.data, node.grad, node.label) for node in order(f)]
    picture = mg.draw(f, style, limit, detail="layers", expand=levels)
    svg = ET.fromstring(picture.pipe("svg"))
    gates = [e for e in svg.iter() if re.fullmatch(r"o\d+", e.get("id", ""))]
    assert 0 < len(gates) <= limit
    assert [(node.data, node.grad, node.label) for node in order(f)] == before


@given(networks())
@examples(40)
def test_folds_carry_the_numbers_of_what_leaves_them(network):
    _, f = network
    f.backward()
    top = folded(f)
    nodes = top.flat.nodes
    last = len(nodes) - 1
    for part in folded_scene(top.flat, top.parts, [last]).parts:
        if part.inside:
            members = set(part.inside.fold.members)
            leaving = {
                j for i in range(len(nodes)) if i not in members for j in top.flat.inputs[i]
            } & members | ({last} & members)
            shared = {i for i in leaving if top.flat.owners[i] and not top.flat.inputs[i]}
            assert set(part.inside.outputs) == leaving - shared
            expected = [(nodes[i].data, nodes[i].grad) for i in part.inside.outputs]
            assert part.inside.numbers == expected


def test_the_values_of_one_fold_enter_a_gate_together():
    """And what is no fold enters it once for each argument."""
    x, model = Value(2.0, "x"), nn.Layer(2, 3, seed=1)
    f = mg.sum([*model([1.0, 2.0]), x, x])
    top = folded(f)
    parts = folded_scene(top.flat, top.parts, [len(top.flat.nodes) - 1]).parts
    titles = [part.gate or part.label for part in parts]
    layer, leaf = titles.index("Layer 2 → 3, relu"), titles.index("x")
    assert parts[-1].inputs == (layer, leaf, leaf)


def test_a_folded_layer_shows_its_results_and_their_range():
    model, f = moons()
    texts = svg_texts(mg.draw(f, detail="layers"))
    hidden = [y.data for y in model.layers[0].outputs([0.5, -0.3])]
    assert f"{min(hidden):.2f} … {max(hidden):.2f}".replace("-", "−") in texts
    assert "layers.1 · 272 parameters · 32 operations" in texts
    assert "Layer 16 → 16, tanh" in texts
    f.zero_grad()
    texts = svg_texts(mg.draw(f, detail="layers"))
    assert "gradients" not in texts
    assert "–" in texts


def test_expanding_by_value_label_module_and_level():
    model, f = moons()
    neuron = model.layers[1].neurons[3]
    names = [p.label for p in neuron.parameters()]

    def shown(expand):
        source = mg.draw(f, expand=expand).source
        labels = [source.count(f">{stem}</i>") for stem in ("w", "b")]
        return labels, source.count("Neuron 16 → 1")

    assert shown(0) == ([0, 0], 0)
    assert shown(neuron) == ([16, 1], 15)
    assert shown(neuron.w[0]) == shown(neuron.w[0].label) == shown([names[1]]) == ([16, 1], 15)
    assert shown(model.layers[1]) == ([0, 0], 16)
    assert shown([model.layers[2]]) == ([16, 1], 0)
    assert shown(1)[1] == 16
    assert ">x</i>" in mg.draw(f, expand="x_1").source
    with pytest.raises(ValueError, match="nothing called 'h' in the graph to expand"):
        mg.draw(f, expand="h")
    with pytest.raises(ValueError, match=r"nothing of Value\(data=1.0.*to expand"):
        mg.draw(f, expand=[Value(1.0)])
    with pytest.raises(TypeError, match=r"not 1\.5"):
        mg.draw(f, expand=1.5)
    with pytest.raises(ValueError, match="levels to expand can't be -1"):
        mg.draw(f, expand=-1)
    with pytest.raises(ValueError, match="positive number of nodes, not 0"):
        mg.draw(f, limit=0)


def test_small_graphs_fold_when_asked():
    layer = nn.Layer(1, 1, seed=1)
    y = layer([Value(2.0, "x")])
    assert "Layer 1 → 1" not in mg.draw(y, detail="operations").source
    assert "Layer 1 → 1" in mg.draw(y, detail="layers").source


@pytest.mark.parametrize("label", FEW, ids=range(len(FEW)))
def test_hostile_names_of_modules_are_text(label):
    class Hostile(nn.Layer):
        def describe(self):
            return label

    layer = Hostile(3, 40, seed=1)
    y = mg.sum(layer(mg.values(a=1.0, b=2.0, c=3.0)))
    harmless = nn.Layer(3, 40, seed=1)
    plain = mg.sum(harmless(mg.values(a=1.0, b=2.0, c=3.0)))
    setattr(layer, label, layer.neurons.pop())
    harmless.other = harmless.neurons.pop()
    tags = [
        [
            e.tag
            for e in ET.fromstring(mg.draw(f, detail="layers").pipe("svg")).iter()
            if "text" not in e.tag
        ]
        for f in (y, plain)
    ]
    assert tags[0] == tags[1]
