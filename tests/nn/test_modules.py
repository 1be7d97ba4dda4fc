"""Modules, neurons, layers and networks: their parameters, their values, their gradients."""

import copy
import math
import pickle
import random
import weakref
from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, SimpleNamespace

import micrograd.nn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_moons

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn, optim
from tests.effort import examples

NUMBERS = st.floats(-2, 2)


def check_parameters(f, parameters, tolerance=1e-7):
    """Compare the gradients of f() with differences of its values, parameter by parameter."""
    for p in parameters:
        p.grad = 0.0
    f().backward()
    for p in parameters:
        middle, step, found = p.data, 1e-4, []
        for t in (2 * step, step, -step, -2 * step):
            p.data = middle + t
            found.append(float(f()))
        p.data = middle
        far, near = found[0] - found[3], found[1] - found[2]
        slope = (8 * near - far) / (12 * step)  # exact to the fourth order
        assert p.grad == pytest.approx(slope, rel=tolerance, abs=tolerance), p.label


# --------------------------------------------------------------------------- modules


class Tangle(nn.Module):
    """Parameters in all the places where they may stand."""

    def __init__(self):
        self.first = Value(1.0)
        self.inner = nn.Neuron(2, init="zeros")
        self.pair = (Value(2.0), [Value(3.0), "no parameter"])
        self.table = {"low": Value(4.0), 7: nn.Neuron(1, bias=False, init="zeros")}
        self.again = self.first
        self.result = self.first * 2.0  # no leaf
        self.note = 5.0


def test_parameters_come_in_order_and_once():
    tangle = Tangle()
    names = ["first", "inner.w.0", "inner.w.1", "inner.b", "pair.0", "pair.1.0"]
    names += ["table.low", "table.7.w.0"]
    assert [name for name, _ in tangle.named_parameters()] == names
    in_order = [tangle.first, *tangle.inner.w, tangle.inner.b, tangle.pair[0], tangle.pair[1][0]]
    in_order += [tangle.table["low"], tangle.table[7].w[0]]
    assert [id(p) for p in tangle.parameters()] == [id(p) for p in in_order]


OBJECTS = np.array([[Value(1.0), Value(2.0)], [nn.Neuron(1, bias=False, init="zeros"), 3.0]])
Pair = namedtuple("Pair", "low high")
TABLE = {"low": Value(1.0), "high": [Value(2.0)]}
FOUND = {
    "an array": (OBJECTS, ["0.0", "0.1", "1.0.w.0"]),
    "an array of no axis": (np.array(Value(1.0), object), [""]),
    "a deque": (deque([Value(1.0), (Value(2.0),)]), ["0", "1.0"]),
    "a named tuple": (Pair(Value(1.0), Value(2.0)), ["0", "1"]),
    "a subclass of dict": (OrderedDict(TABLE), ["low", "high.0"]),
    "what can not be assigned to": (MappingProxyType(TABLE), ["low", "high.0"]),
    "the values of a dictionary": (TABLE.values(), ["0", "1.0"]),
    "the items of a dictionary": (TABLE.items(), ["0.1", "1.1.0"]),
    "the keys of a dictionary": ({Value(1.0): 0, Value(2.0): 1}.keys(), ["0", "1"]),
    "a mixture": ({"a": (deque([OBJECTS[:1]]), [TABLE])}, ["a.0.0.0.0", "a.0.0.0.1"]),
}


class Holder(nn.Module):
    def __init__(self, part):
        self.part = part
        self.b = Value(7.0)

    def __call__(self, x):
        return self.b * x[0]


@pytest.mark.parametrize("name", FOUND)
def test_parameters_in_collections_of_all_kinds(name):
    part, places = FOUND[name]
    holder = Holder(part)
    if name == "a mixture":
        places = [*places, "a.1.0.low", "a.1.0.high.0"]
    assert [path for path, _ in holder.named_parameters()] == [
        *(f"part.{place}" for place in places), "b",
    ]  # fmt: skip
    assert [id(p) for p in holder.parameters()] == [id(p) for _, p in holder.named_parameters()]
    holder.load_state_dict(dict.fromkeys(holder.state_dict(), 9.0))
    assert {p.data for p in holder.parameters()} == {9.0}


class Slots:
    __slots__ = ("w",)

    def __init__(self, w):
        self.w = w


@dataclass
class Data:
    w: object
    note: str = ""


HIDDEN = {
    "a set": lambda p: {p},
    "a frozen set": lambda p: frozenset({(1, p)}),
    "an object": lambda p: SimpleNamespace(w=p),
    "an object in a list": lambda p: [1.0, {"a": SimpleNamespace(w=[p])}],
    "an object in an object": lambda p: SimpleNamespace(inner=Slots({"w": p})),
    "an object with slots": Slots,
    "a dataclass": Data,
    "a list of one's own": lambda p: UserList([p]),
    "a dictionary of one's own": lambda p: UserDict(w=p),
    "an iterator": lambda p: iter([p]),
    "an object in an array": lambda p: np.array([Slots(p)]),
}
HELD = {"a parameter": lambda: Value(0.5), "a module": lambda: nn.Neuron(2, seed=1)}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("name", HIDDEN)
def test_parameters_that_would_be_lost_are_refused(name, held):
    part = HELD[held]()
    holder = Holder(HIDDEN[name](part))
    words = r"^part.* of Holder is a .*, so that (Value\(data=0.5|Neuron 2 → 1).* not be trained"
    for ask in (holder.parameters, holder.zero_grad, holder.state_dict):
        with pytest.raises(TypeError, match=words):
            ask()
    with pytest.raises(TypeError, match=words):
        mg.fit(holder, ([[1.0]], [0.0]), nn.mse)
    assert repr(holder).startswith("Holder: 1 parameter")
    holder.again = part  # now it is found, wherever else it is
    assert len(holder.parameters()) == (2 if held == "a parameter" else 4)


def test_objects_may_hold_what_is_no_parameter_or_not_their_own():
    network = nn.MLP(2, [1], seed=1)
    before = [id(p) for p in network.parameters()]
    x = Value(3.0)
    network.optimizer = optim.Optimizer(network.parameters(), optim.Adam())
    network.picture = mg.draw(network([x, 1.0]))
    network.walk = mg.step_through(network([x, 1.0]))
    network.owner = SimpleNamespace(model=network, last=[network([1.0, 2.0])])
    whole = Holder([network])
    del whole.b  # all its parameters are the network's
    network.callback = SimpleNamespace(model=whole, activation=nn.Module())
    network.parent = weakref.ref(nn.Neuron(2))
    with pytest.raises(TypeError) as network.error:
        nn.Neuron(2)([Value("no number"), x])
    network.frozen = lambda x: x * Value(2.0)
    network.scale = partial(mg.prelu, slope=Value(0.5))
    network.numbers = np.zeros(3)
    network.kind = nn.Neuron
    network.random = random.Random(1)
    assert [id(p) for p in network.parameters()] == before


def test_a_dataclass_may_be_a_module():
    @dataclass(eq=False)
    class Line(nn.Module):
        slope: Value
        offset: Value

    assert Line(Value(2.0), Value(1.0)).state_dict() == {"slope": 2.0, "offset": 1.0}


def test_parameters_of_layers_that_are_shared_and_of_modules_in_a_circle():
    layer = nn.Layer(2, 2, seed=1)
    network = nn.MLP(2, [2, 2, 1], seed=1)
    network.layers[1] = network.layers[0]
    assert len(network.parameters()) == 6 + 3
    layer.outside = network
    network.inside = layer
    assert len(layer.parameters()) == 6 + 9
    assert [n for n, _ in network.named_parameters()][-1] == "inside.neurons.1.b"


def test_parameters_of_a_network_have_paths():
    names = [name for name, _ in nn.MLP(2, [2, 1]).named_parameters()]
    assert names == [
        *(f"layers.0.neurons.{m}.{part}" for m in (0, 1) for part in ("w.0", "w.1", "b")),
        *(f"layers.1.neurons.0.{part}" for part in ("w.0", "w.1", "b")),
    ]


def test_a_parameter_in_two_places_gets_both_gradients():
    class Tied(nn.Module):
        def __init__(self):
            self.a = self.b = Value(3.0)

        def __call__(self, x):
            return self.a * x + self.b * self.b

    tied = Tied()
    tied(5.0).backward()
    assert [p.grad for p in tied.parameters()] == [5.0 + 2 * 3.0]


def test_zero_grad():
    network = nn.MLP(2, [2, 1], activation="tanh", seed=1)
    network([1.0, 2.0]).backward()
    assert all(p.grad for p in network.parameters())
    network.zero_grad()
    assert [p.grad for p in network.parameters()] == [0.0] * 9


def test_state_dict_there_and_back():
    one, two = (nn.MLP(3, [4, 2], seed=seed) for seed in (1, 2))
    x = [0.3, -1.2, 2.0]
    assert [float(y) for y in one(x)] != [float(y) for y in two(x)]
    state = one.state_dict()
    assert list(state.values()) == [p.data for p in one.parameters()]
    two.load_state_dict(dict(reversed(state.items())))  # by name, not by order
    assert [float(y) for y in one(x)] == [float(y) for y in two(x)]
    assert two.state_dict() == state


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda s: s.pop("w.1"), ValueError, "lacks w.1: it is that of another model"),
        (lambda s: s.update({"w.2": 1.0}), ValueError, "has the unknown w.2"),
        (lambda s: s.clear(), ValueError, "lacks b, w.0, w.1"),
        (lambda s: s.update({"b": math.nan}), mg.NonFiniteError, "the state's b .* not nan"),
        (lambda s: s.update({"b": math.inf}), mg.NonFiniteError, "the state's b .* not inf"),
        (lambda s: s.update({"b": "0.5"}), TypeError, "the state's b must be a real number"),
        (lambda s: s.update({"b": None}), TypeError, "the state's b must be a real number"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, kind, words):
    neuron = nn.Neuron(2, seed=1)
    before = neuron.state_dict()
    state = {name: x + 1.0 for name, x in before.items()}
    change(state)
    with pytest.raises(kind, match=words):
        neuron.load_state_dict(state)
    assert neuron.state_dict() == before


def test_a_state_that_would_lose_a_parameter_is_refused():
    class Ambiguous(nn.Module):
        def __init__(self):
            self.table = {1: Value(1.0), "1": Value(2.0)}

    with pytest.raises(ValueError, match=r"two parameters have the path 'table\.1'"):
        Ambiguous().state_dict()


def test_long_lists_of_names_are_cut_short():
    with pytest.raises(ValueError, match=r"lacks b, w\.0, w\.1, …:"):
        nn.Neuron(3).load_state_dict({})
    with pytest.raises(TypeError, match="a dictionary of numbers by path is needed, not 3"):
        nn.Neuron(3).load_state_dict(3)


def test_repr_is_a_tree():
    class Both(nn.Module):
        def __init__(self):
            self.networks = {"one": nn.MLP(2, [3, 1]), "two": nn.MLP(3, [2], activation=["tanh"])}
            self.unit = nn.Maxout(2, 2, pieces=3)
            self.head = nn.Layer(1000, 2, activation="softmax", bias=False)

    assert repr(Both()) == "\n".join(
        (
            "Both: 2,039 parameters",
            "├─ MLP 2 → 3 → 1: 13 parameters",
            "│  ├─ Layer 2 → 3, relu: 9 parameters",
            "│  └─ Layer 3 → 1, linear: 4 parameters",
            "├─ MLP 3 → 2: 8 parameters",
            "│  └─ Layer 3 → 2, tanh: 8 parameters",
            "├─ Maxout 2 → 2, 3 pieces: 18 parameters",
            "└─ Layer 1000 → 2, softmax: 2,000 parameters",
        )
    )
    assert repr(nn.Neuron(1, False, bias=False)) == "Neuron 1 → 1, linear: 1 parameter"


class Child(nn.Module):
    """A module that knows the one it stands in, in each way that one can."""

    def __init__(self, parent=None):
        self.parent, self.others, self.names = parent, [parent, [parent]], {"parent": parent}
        self.w = Value(0.5)
        self.child = Child(self) if parent is None else parent


def test_a_module_that_contains_itself():
    outer = Child()
    assert repr(outer) == "Child: 2 parameters\n└─ Child: 2 parameters"
    assert repr(outer.child).count("\n") == 4  # the other stands in it four times
    assert [name for name, _ in outer.named_parameters()] == ["w", "child.w"]
    assert repr(copy.deepcopy(outer)) == repr(pickle.loads(pickle.dumps(outer))) == repr(outer)
    outer.load_state_dict({"w": 1.0, "child.w": 2.0})
    assert [p.data for p in outer.parameters()] == [1.0, 2.0]


def test_modules_in_modules_without_end():
    inner = last = nn.Module()
    for _ in range(1100):
        last.part = nn.Module()
        last = last.part
    assert repr(inner).count("\n") == 1100


def test_a_module_without_a_call_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no __call__"):
        Empty()(1.0)
    assert Empty().parameters() == []


# ------------------------------------------------------------------- as in micrograd


@pytest.mark.parametrize("sizes", [(2, [16, 16, 1]), (3, [1]), (1, [4, 2])])
def test_weights_are_drawn_as_micrograd_draws_them(sizes):
    random.seed(1337)
    theirs = micrograd.nn.MLP(*sizes)
    random.seed(1337)
    ours = nn.MLP(*sizes)
    assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]


def test_neurons_and_layers_are_called_as_in_micrograd():
    for make in (
        lambda m: m.Neuron(3),
        lambda m: m.Neuron(3, False),
        lambda m: m.Neuron(3, nonlin=False),
        lambda m: m.Layer(3, 1),
        lambda m: m.Layer(3, 2, nonlin=False),
        lambda m: m.Layer(3, 5),
    ):
        outputs = []
        for module in (micrograd.nn, nn):
            random.seed(7)
            found = make(module)([0.5, -1.5, 2.0])
            outputs.append([y.data for y in found] if isinstance(found, list) else found.data)
        assert outputs[1] == pytest.approx(outputs[0], rel=1e-14)


def moons_demo():
    """The data of micrograd's demo notebook."""
    state = np.random.get_state()
    np.random.seed(1337)
    inputs, classes = make_moons(n_samples=100, noise=0.1)
    np.random.set_state(state)
    return inputs.tolist(), (2 * classes - 1).tolist()


def test_the_moons_demo_gives_the_numbers_of_micrograd():
    inputs, labels = moons_demo()
    random.seed(1337)
    theirs = micrograd.nn.MLP(2, [16, 16, 1])
    random.seed(1337)
    ours = nn.MLP(2, [16, 16, 1])

    their_scores = [theirs(x) for x in inputs]
    losses = [(1 + -t * y).relu() for t, y in zip(labels, their_scores, strict=True)]
    decay = 1e-4 * sum(p * p for p in theirs.parameters())
    their_loss = sum(losses) * (1.0 / len(losses)) + decay
    theirs.zero_grad()
    their_loss.backward()

    scores = [ours(x) for x in inputs]
    losses = [nn.hinge(y, t) for t, y in zip(labels, scores, strict=True)]
    loss = mg.mean(losses) + nn.l2_penalty(ours.parameters(), 1e-4)
    ours.zero_grad()
    loss.backward()

    assert [y.data for y in scores] == pytest.approx(
        [y.data for y in their_scores], rel=1e-12, abs=1e-12
    )
    assert loss.data == pytest.approx(their_loss.data, rel=1e-12)
    assert [p.grad for p in ours.parameters()] == pytest.approx(
        [p.grad for p in theirs.parameters()], rel=1e-12, abs=1e-12
    )


def test_the_moons_demo_gives_the_numbers_in_its_notebook():
    inputs, labels = moons_demo()
    random.seed(1337)
    model = nn.MLP(2, [16, 16, 1])
    # decay acts on biases, too, and the rate falls from step to step
    optimizer = optim.Optimizer(
        model.parameters(), optim.GradientDescent(lambda k: 1.0 - 0.9 * k / 100)
    )
    found = []
    for _ in range(4):
        scores = [model(x) for x in inputs]
        losses = [nn.hinge(y, t) for t, y in zip(labels, scores, strict=True)]
        loss = mg.mean(losses) + nn.l2_penalty(model.parameters(), 1e-4)
        right = nn.losses.correct(nn.hinge)
        found.append((loss.data, sum(map(right, scores, labels)) / len(labels)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert [loss for loss, _ in found] == pytest.approx(
        [0.8958441028683222, 1.7235905336972022, 0.7429006313851131, 0.7705641260584201], rel=1e-12
    )
    assert [accuracy for _, accuracy in found] == [0.5, 0.81, 0.77, 0.82]


# ------------------------------------------------------------------ labels and shapes


def test_labels_are_those_of_the_slides():
    labels = [p.label for p in nn.MLP(2, [2, 1], activation="prelu").parameters()]
    assert labels == [
        *("w_{0,0,0}", "w_{0,0,1}", "b_{0,0}", "α_{0,0}"),
        *("w_{0,1,0}", "w_{0,1,1}", "b_{0,1}", "α_{0,1}"),
        *("w_{1,0,0}", "w_{1,0,1}", "b_{1,0}"),
    ]
    assert [p.label for p in nn.Neuron(1, place=(3, 4)).parameters()] == ["w_{3,4,0}", "b_{3,4}"]
    second = nn.MLP(2, [1, 1, 1], activation="maxout").layers[1].parameters()
    assert [p.label for p in second] == ["w_{1,0,0}", "b_{1,0}", "w_{1,1,0}", "b_{1,1}"]
    pieces = nn.Maxout(1, 2, pieces=2, index=5).parameters()
    assert [p.label for p in pieces if p.label[0] == "w"] == [
        *("w_{5,0,0}", "w_{5,1,0}", "w_{5,2,0}", "w_{5,3,0}"),
    ]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("expanded", [True, False])
def test_a_layer_is_a_matrix_product(bias, expanded):
    network = nn.MLP(3, [4, 2], activation="tanh", bias=bias, expanded=expanded, seed=5)
    parameters = {p.label: p.data for p in network.parameters()}
    assert len(parameters) == 12 + 8 + (6 if bias else 0)
    for i, label in enumerate(label for label in parameters if label[0] == "b"):
        parameters[label] = 0.1 * (i + 1)  # biases start at 0, which would hide them
    for p in network.parameters():
        p.data = parameters[p.label]
    w1, w2 = (
        np.array([[parameters[f"w_{{{k},{m},{n}}}"] for n in range(nin)] for m in range(nout)])
        for k, (nin, nout) in enumerate([(3, 4), (4, 2)])
    )
    b1, b2 = (
        np.array([parameters.get(f"b_{{{k},{m}}}", 0.0) for m in range(nout)])
        for k, nout in enumerate([4, 2])
    )
    x = np.array([0.5, -1.0, 2.0])
    expected = w2 @ np.tanh(w1 @ x + b1) + b2
    assert [y.data for y in network(x)] == pytest.approx(expected.tolist(), rel=1e-13)
    assert [y.data for y in network([Value(n) for n in x])] == [y.data for y in network(x)]


def test_a_single_output_is_no_list():
    assert isinstance(nn.MLP(2, [3, 1])([1, 2]), Value)
    assert isinstance(nn.Layer(2, 1)([1, 2]), Value)
    assert isinstance(nn.Maxout(2, 1)([1, 2]), Value)
    for module in (nn.MLP(2, [3]), nn.Layer(2, 3), nn.Maxout(2, 3)):
        assert [type(y) for y in module([1, 2])] == [Value] * 3
    assert len(nn.Layer(2, 1).outputs([1, 2])) == len(nn.Maxout(2, 1).outputs([1, 2])) == 1


def test_biases_start_at_0_whatever_the_weights():
    for init in nn.INITIAL:
        assert nn.Neuron(2, init=init, seed=1).b.data == 0.0
    assert nn.Neuron(2, bias=False).b is None


# ------------------------------------------------------------------------ activations

# NumPy's formulas, none of them from the package
FORMULAS = {
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "gelu": lambda z: z * 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2))),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.1 * z),
    "linear": lambda z: z,
    "prelu": lambda z: np.where(z > 0, z, 0.25 * z),
    "relu": lambda z: np.maximum(z, 0),
    "selu": lambda z: (
        1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(np.minimum(z, 0)) - 1))
    ),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "step": lambda z: (z > 0) * 1.0,
    "tanh": np.tanh,
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
    "log_softmax": lambda z: z - np.log(np.exp(z).sum()),
}
INPUTS = [[1.5, -0.5], [-0.3, 0.1], [-2.0, -1.0]]


def test_every_activation_has_a_formula_here():
    assert {"linear", "prelu", "softmax", "log_softmax"} | set(nn.ACTIVATIONS) == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_by_name(name):
    layer, plain = (nn.Layer(2, 4, activation=a, seed=3) for a in (name, "linear"))
    assert name in repr(layer)
    signs = set()
    for x in INPUTS:
        z = np.array([float(y) for y in plain(x)])
        signs |= set(np.sign(z))
        assert [float(y) for y in layer(x)] == pytest.approx(FORMULAS[name](z).tolist(), rel=1e-13)
    assert signs == {-1, 1}


@pytest.mark.parametrize("name", sorted({*FORMULAS} - {"softmax", "log_softmax"}))
def test_hidden_layers_are_active_and_the_last_is_linear(name):
    network = nn.MLP(2, [4, 3], activation=name, seed=3)
    first, last = network.layers
    w2 = np.array([[w.data for w in neuron.w] for neuron in last.neurons])
    plain = nn.Layer(2, 4, activation=None, seed=3)
    for x in INPUTS:
        hidden = FORMULAS[name](np.array([float(y) for y in plain(x)]))
        outputs = [float(y) for y in network(x)]
        assert outputs == pytest.approx((w2 @ hidden).tolist(), rel=1e-12, abs=1e-12)
    assert "linear" in repr(last)
    assert name in repr(first)


def test_activation_by_function_and_per_layer():
    def cubed(z):
        return z**3

    network = nn.MLP(2, [4, 4, 3], activation=[cubed, mg.tanh, "softmax"], seed=3)
    weights = [np.array([[w.data for w in n.w] for n in layer.neurons]) for layer in network.layers]
    for x in INPUTS:
        z = weights[2] @ np.tanh(weights[1] @ (weights[0] @ np.array(x)) ** 3)
        assert [float(y) for y in network(x)] == pytest.approx(
            FORMULAS["softmax"](z).tolist(), rel=1e-12
        )
    assert [line.split(", ")[1].split(":")[0] for line in repr(network).splitlines()[1:]] == [
        *("cubed", "tanh", "softmax")
    ]
    assert float(nn.Neuron(1, activation=cubed, init=lambda *_: 2.0)([1.5])) == 27.0


def test_parameters_of_an_activation_that_is_a_module_are_found():
    class Scaled(nn.Module):
        def __init__(self):
            self.scale = Value(3.0)

        def __call__(self, x):
            return self.scale * x

    scaled = Scaled()
    network = nn.MLP(2, [2, 1], activation=scaled, seed=1)
    assert len(network.parameters()) == 9 + 1
    network([1.0, 2.0]).backward()
    assert scaled.scale.grad != 0


def test_nonlin_false_wins():
    assert nn.Neuron(1, False, activation="tanh", init=lambda *_: 2.0)([3.0]).data == 6.0


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.integers(0, 1000))
@examples(50)
def test_softmax_layers_give_probabilities(x, seed):
    probabilities = [float(p) for p in nn.Layer(3, 4, activation="softmax", seed=seed)(x)]
    assert all(p > 0 for p in probabilities)
    assert sum(probabilities) == pytest.approx(1, rel=1e-14)
    logs = nn.Layer(3, 4, activation="log_softmax", seed=seed)(x)
    assert [math.exp(y) for y in logs] == pytest.approx(probabilities, rel=1e-12)


# --------------------------------------------------------------------------- gradients


@given(
    st.integers(0, 1000),
    st.sampled_from(["tanh", "sigmoid", "silu", "softplus", "prelu", "maxout"]),
    st.booleans(),
    st.lists(NUMBERS, min_size=2, max_size=2),
)
def test_expanded_networks_are_equal(seed, activation, bias, x):
    found = []
    for expanded in (False, True):
        network = nn.MLP(
            2, [3, 3, 1], activation=activation, bias=bias, expanded=expanded, seed=seed
        )
        inputs = [Value(number) for number in x]
        y = network(inputs)
        y.backward()
        found.append([y.data, *(p.grad for p in [*network.parameters(), *inputs])])
        ops = {node.op.name for node in mg.graph.order(y) if node.op}
        assert ("dot" in ops) is not expanded
        assert ({"multiply", "add"} <= ops) is expanded
    assert found[0] == pytest.approx(found[1], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("activation", ["prelu", "maxout", "tanh", "elu", "gelu", "sigmoid"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gradients_of_networks_against_differences(activation, seed):
    network = nn.MLP(2, [3, 3, 2], activation=activation, seed=seed)
    targets = [0.5, -0.5]
    check_parameters(
        lambda: nn.mse(network([0.7, -1.3]), targets) + nn.mse(network([-0.2, 0.4]), targets),
        network.parameters(),
    )


def test_the_slope_of_a_prelu_learns():
    neuron = nn.Neuron(2, activation="prelu", init=lambda *_: 1.0)
    assert neuron.slope.data == 0.25
    assert neuron.slope in neuron.parameters()
    y = neuron([-3.0, 1.0])
    y.backward()
    assert (y.data, neuron.slope.grad) == (-0.5, -2.0)  # slope · z, and z
    assert [w.grad for w in neuron.w] == [-0.75, 0.25]  # slope · x
    neuron.zero_grad()
    neuron([3.0, 1.0]).backward()
    assert neuron.slope.grad == 0.0  # it plays no part for positive numbers
    check_parameters(lambda: neuron([-3.0, 1.0]) ** 2, neuron.parameters())


@given(st.integers(0, 1000), st.integers(1, 4), st.lists(NUMBERS, min_size=2, max_size=2))
@examples(50)
def test_maxout_is_the_largest_of_its_pieces(seed, pieces, x):
    layer = nn.Maxout(2, 3, pieces=pieces, seed=seed)
    for i, p in enumerate(layer.parameters()):
        p.data += 0.01 * i  # biases too
    weights = np.array([p.data for p in layer.parameters()]).reshape(3, pieces, 3)
    linear = weights @ np.array([*x, 1.0])
    assert [y.data for y in layer(x)] == pytest.approx(
        linear.max(axis=1).tolist(), rel=1e-12, abs=1e-12
    )


def test_maxout_passes_the_gradient_to_the_largest_piece():
    unit = nn.Maxout(1, 1, pieces=2, init="zeros")
    low, high = unit.units[0]
    low.w[0].data, high.w[0].data = 1.0, 2.0
    unit([3.0]).backward()
    assert [p.grad for p in (*low.parameters(), *high.parameters())] == [0, 0, 3, 1]


# ----------------------------------------------------------------------- initial weights

DRAWN = 20_000
VARIANCE = {  # for 100 inputs and 200 outputs
    "uniform": 1 / 3,
    "normal": 1.0,
    "xavier_uniform": 2 / 300,
    "xavier_normal": 2 / 300,
    "he_uniform": 2 / 100,
    "he_normal": 2 / 100,
    "zeros": 0.0,
}


@pytest.mark.parametrize("init", nn.INITIAL)
def test_initial_weights_have_the_spread_they_claim(init):
    layer = nn.Layer(100, 200, init=init, seed=11)
    weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
    assert weights.size == DRAWN
    variance = VARIANCE[init]
    # five standard errors; the variance of a normal one has the larger error
    assert abs(weights.mean()) <= 5 * math.sqrt(variance / DRAWN)
    assert weights.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / DRAWN))
    beyond = (abs(weights) > math.sqrt(3 * variance)).mean()
    assert beyond == pytest.approx(0.0833 if "normal" in init else 0.0, abs=0.01)
    if variance:
        rows = np.corrcoef(weights) - np.eye(200)  # no neuron repeats another
        assert abs(rows).max() < 0.6
        assert 0.4 < (weights > 0).mean() < 0.6


def test_maxout_counts_its_units_as_outputs():
    found = []
    nn.Maxout(3, 4, pieces=2, init=lambda random, nin, nout: found.append((nin, nout)) or 0.5)
    assert found == [(3, 4)] * 3 * 4 * 2


def test_seeds_repeat_and_leave_pythons_random_alone():
    def weights(**options):
        return [p.data for p in nn.MLP(2, [3, 1], **options).parameters()]

    state = random.getstate()
    for activation in ("tanh", "maxout"):
        one, again, other = (weights(seed=s, activation=activation) for s in (1, 1, 2))
        assert one == again
        assert one != other
    assert random.getstate() == state
    assert weights(seed=random.Random(5)) == weights(seed=5)
    random.seed(5)
    assert weights() == weights(seed=5)
    assert weights() != weights(seed=5)  # Python's own has moved on
    layers = nn.MLP(2, [2, 2], seed=1).layers
    assert layers[0].neurons[0].w[0].data != layers[1].neurons[0].w[0].data


def trained(network, steps=20):
    optimizer = optim.Optimizer(network.parameters(), optim.GradientDescent(0.5))
    start = [p.data for p in network.parameters()]
    for _ in range(steps):
        losses = [nn.mse(network(x), x[0] * x[1]) for x in ([0.0, 1.0], [1.0, 1.0], [1.0, -2.0])]
        optimizer.zero_grad()
        mg.mean(losses).backward()
        optimizer.step()
    return {p.label: p.data - s for p, s in zip(network.parameters(), start, strict=True)}


def test_neurons_that_start_equal_stay_equal():
    network = nn.MLP(2, [3, 1], activation="sigmoid", init="zeros")
    changes = trained(network)
    first, *others = ([p.data for p in neuron.parameters()] for neuron in network.layers[0].neurons)
    assert all(first)  # they do learn
    assert others == [first, first]
    assert len({w.data for w in network.layers[1].neurons[0].w}) == 1
    assert all(changes.values())
    random_start = nn.MLP(2, [3, 1], activation="sigmoid", seed=1)
    trained(random_start)
    assert len({neuron.w[0].data for neuron in random_start.layers[0].neurons}) == 3


def test_behind_a_relu_zeros_learn_nothing():
    network = nn.MLP(2, [3, 1], activation="relu", init="zeros")
    changes = trained(network)
    assert {label for label, change in changes.items() if change} == {"b_{1,0}"}
    assert len({network([x, 1.0]).data for x in (-1.0, 0.0, 2.0)}) == 1  # the same for all inputs


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("module", "x", "words"),
    [
        (nn.Neuron(2), [1.0], "takes 2 inputs, not 1"),
        (nn.Neuron(2, expanded=True), [1.0, 2.0, 3.0], "takes 2 inputs, not 3"),
        (nn.Layer(3, 2), [1.0, 2.0], "takes 3 inputs, not 2"),
        (nn.Maxout(3, 2), [], "takes 3 inputs, not 0"),
        (nn.MLP(2, [3, 1]), [1.0, 2.0, 3.0], "takes 2 inputs, not 3"),
    ],
)
def test_wrong_numbers_of_inputs(module, x, words):
    with pytest.raises(ValueError, match=words):
        module(x)


@pytest.mark.parametrize("x", [1, 2.5, None, Value(1.0)])
def test_inputs_are_a_list(x):
    for module in (nn.Neuron(1), nn.Layer(1, 2), nn.Maxout(1, 2), nn.MLP(1, [2, 1])):
        with pytest.raises(TypeError) as caught:
            module(x)
        words = f"the neuron takes a list of inputs, not {x!r} ({type(x).__name__})"
        assert str(caught.value) == words


def test_a_network_needs_a_list_of_layers_and_known_activations():
    with pytest.raises(TypeError, match=r"each layer, as in \[16, 1\], not 3"):
        nn.MLP(2, 3)
    for layers in ([3, 1], [1]):
        with pytest.raises(ValueError, match="a neuron has no activation 3; choose from linear"):
            nn.MLP(2, layers, activation=3)
        for known in ("maxout", "softmax", "linear", None, mg.tanh):
            assert len(nn.MLP(2, layers, activation=known).layers) == len(layers)


def test_sizes_may_be_whole_numbers_of_numpy():
    targets = np.array([0, 2, 1])
    model = nn.MLP(np.int64(2), [np.int32(4), targets.max() + 1], seed=1)
    assert repr(model) == repr(nn.MLP(2, [4, 3]))
    assert datasets.moons(np.int64(10)) == datasets.moons(10)


@pytest.mark.parametrize("n", [0, -1, 2.0, "2", None])
def test_sizes_are_positive_whole_numbers(n):
    for make, what in (
        (lambda: nn.Neuron(n), "inputs"),
        (lambda: nn.Layer(n, 2), "inputs"),
        (lambda: nn.Layer(2, n), "neurons"),
        (lambda: nn.Maxout(n, 2), "inputs"),
        (lambda: nn.Maxout(2, n), "units"),
        (lambda: nn.Maxout(2, 2, pieces=n), "linear functions"),
        (lambda: nn.MLP(n, [2, 1]), "inputs"),
        (lambda: nn.MLP(2, [n, 1]), "neurons"),
    ):
        words = f"the number of {what} must be a positive whole number, not {n!r}"
        with pytest.raises(ValueError, match=words):
            make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Neuron(2, activation="rleu"),
            r"no activation 'rleu' \(did you mean relu\?\); choose from linear, elu,",
        ),
        (lambda: nn.Layer(2, 2, activation="rleu"), "no activation 'rleu'"),
        (lambda: nn.MLP(2, [2, 1], activation="rleu"), "no activation 'rleu'"),
        (lambda: nn.MLP(2, [2, 1], activation=["relu", "rleu"]), "no activation 'rleu'"),
        (lambda: nn.Neuron(2, init="he-normal"), r"\(did you mean he_normal\?\); choose from uni"),
        (lambda: nn.Neuron(2, init="he"), "no initial weights 'he'; choose from uniform, normal,"),
        (lambda: nn.MLP(2, [2, 1], activation="maxout", init="he"), "no initial weights 'he'"),
        (lambda: nn.MLP(2, []), r"at least one layer, such as nouts=\[1\]"),
        (lambda: nn.MLP(2, [3, 1], activation=["relu"]), "2 layers need .* activations, not 1"),
        (lambda: nn.MLP(2, [1], activation=["relu", None]), "1 layers need .* not 2"),
    ],
)
def test_unknown_names_and_wrong_lists(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_activations_of_layers_are_told_from_those_of_neurons():
    for make in (
        lambda: nn.Neuron(2, activation="softmax"),
        lambda: nn.Layer(2, 2, activation="maxout"),
    ):
        with pytest.raises(ValueError, match=r"a neuron has no activation .* an MLP maxout"):
            make()
    assert len(nn.Neuron(2, nonlin=False, activation="prelu").parameters()) == 3
    assert len(nn.MLP(2, [3, 1], activation="maxout", pieces=4).parameters()) == 3 * 4 * 3 + 4


class Hidden(nn.Module):
    """Keeps what it is given elsewhere, and describes itself by what comes later."""

    def __init__(self):
        self._w, self.layers = Value(1.0), []

    @property
    def w(self):
        return self._w

    @w.setter
    def w(self, value):
        self._w = value

    @property
    def activation(self):
        return self.layers[0].activation

    @property
    def shows_parts(self):
        return self.big > 3


def test_a_modules_own_properties_are_its_own():
    module = Hidden()  # which asks none of them for what is not there yet
    module.w = later = Value(3.0)
    assert module.parameters() == [later]
    assert module.w is later
    assert mg.draw(module.w * 2.0, detail="layers").source


def test_a_modules_dictionary_may_be_another():
    module, other = nn.Neuron(2), nn.Neuron(2)
    module.__dict__ = {"w": list(other.w), "b": Value(0.0), "activation": None}
    module.b = Value(1.0)
    assert [p.data for p in module.parameters()] == [*(w.data for w in other.w), 1.0]


def test_a_shallow_copy_does_not_change_where_its_model_stands():
    model = nn.MLP(2, [2, 1], seed=1)
    before = mg.draw(model([0.5, -0.3]), detail="layers").source
    other = copy.copy(model)
    other.layers = [nn.Layer(2, 1, seed=5)]
    assert mg.draw(model([0.5, -0.3]), detail="layers").source == before
