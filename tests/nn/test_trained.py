"""What becomes of a trained model: `predict`, `save` and `load`."""

import copy
import gc
import json
import math
import pickle
import weakref

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn, optim
from tests.needs import needed

X = [[0.3, -1.2], [-0.4, 0.8], [1.1, 0.2]]


def one_by_one(model, inputs):
    """The outputs as plain numbers, by the engine."""
    rows = [model(x) for x in np.asarray(inputs).tolist()]
    return [[y.data for y in row] if isinstance(row, list) else row.data for row in rows]


MODELS = {
    "one output": lambda: nn.MLP(2, [3, 1], activation="tanh", seed=1),
    "several": lambda: nn.MLP(2, [3, 4], seed=1),
    "softmax": lambda: nn.MLP(2, [3, 3], activation=["relu", "softmax"], seed=1),
    "maxout": lambda: nn.Maxout(2, 2, seed=1),
    "one neuron": lambda: nn.Neuron(2, seed=1, expanded=True),
}


@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS)
def test_outputs_are_those_of_the_model_for_each_example(made):
    model = made()
    for inputs in (X, tuple(map(tuple, X)), np.array(X), np.array(X, "float32"), X[:1]):
        found = model.predict(inputs)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, one_by_one(model, inputs), rtol=1e-12)
    whole = [[1, 2], [3, -4]]
    np.testing.assert_allclose(model.predict(whole), one_by_one(model, whole), rtol=1e-12)
    assert all(p.grad == 0 for p in model.parameters())


def test_a_changed_model_predicts_by_its_present_state():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)

    def check():
        np.testing.assert_allclose(model.predict(X), one_by_one(model, X), rtol=1e-12)

    check()
    model.parameters()[0].data = 7.0
    check()
    mg.fit(model, (X, [1.0, 2.0, 3.0]), nn.mse, optim.Adam(0.1), epochs=2, progress=False)
    check()
    model.layers[0].neurons[0].w[0] = Value(-2.0)
    check()
    for neuron in model.layers[0].neurons:
        neuron.activation = mg.relu
    check()
    model.layers[-1].neurons[0].activation = mg.sin  # which was linear, None
    check()
    model.layers.append(nn.Layer(1, 2, seed=2))
    check()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        other.parameters()[0].data += 1.0
        np.testing.assert_allclose(other.predict(X), one_by_one(other, X), rtol=1e-12)
        check()


def test_a_model_is_freed_after_it_predicted():
    model = nn.Neuron(2, seed=1)
    model.predict(X)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


class Switch(nn.Module):
    """A model that looks at its inputs, so that it can't be compiled."""

    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return [self.w * x[0] if x[0] > 0 else x[1] * self.w, 1.0]


class Letters(nn.Module):
    """A model whose inputs are indices."""

    def __init__(self):
        self.rows = [Value(float(k)) for k in range(4)]

    def __call__(self, x):
        return mg.take(self.rows, x[0]) + x[1]


def test_models_of_all_kinds():
    model = Switch()
    assert model.predict(X).tolist() == one_by_one_of_switch(model)
    assert Letters().predict([[1, 2], [3, 0]]).tolist() == [3, 3]
    with pytest.raises(IndexError, match="index of 4 rows"):
        Letters().predict([[1, 2], [4, 0]])


def one_by_one_of_switch(model):
    return [[2 * (a if a > 0 else b), 1.0] for a, b in X]


LOSSES = {  # a loss, the activations of its model, the names of its classes, and sklearn's problem
    "hinge": (nn.hinge, "tanh", (-1, 1)),
    "binary_cross_entropy": (nn.binary_cross_entropy, ["tanh", "sigmoid"], (0, 1)),
    "with logits": (nn.binary_cross_entropy_with_logits, "tanh", (0, 1)),
    "cross_entropy": (nn.cross_entropy, ["tanh", "softmax"], (0, 1, 2)),
    "softmax_cross_entropy": (nn.softmax_cross_entropy, "tanh", (0, 1, 2)),
}


@pytest.mark.parametrize(("loss", "activation", "names"), LOSSES.values(), ids=LOSSES)
def test_classes_are_those_that_accuracy_counts(loss, activation, names):
    if len(names) == 2:
        inputs, targets = datasets.moons(60, noise=0.3, labels=names)
    else:
        inputs, targets = datasets.spirals(60, noise=0.2)
    model = nn.MLP(2, [4, 1 if len(names) == 2 else 3], activation=activation, seed=1)
    data = (inputs, targets)
    history = mg.fit(model, data, loss, optim.Adam(0.02), epochs=5, progress=False, validation=data)
    found = model.predict(inputs, loss)
    assert found.shape == (60,)
    assert found.dtype.kind == "i"
    assert set(found.tolist()) <= set(names)
    accuracy = np.mean(found == np.array(targets))
    assert accuracy == pytest.approx(history.last["validation accuracy"], rel=1e-12)
    assert 0 < accuracy < 1  # so that something is counted


def test_the_losses_that_classify_are_tried():
    marked = {f for f in vars(nn).values() if callable(f) and hasattr(f, "classes")}
    assert marked == {loss for loss, *_ in LOSSES.values()}


def test_what_does_not_suit_is_told_with_its_shape():
    model = nn.MLP(2, [3, 3], seed=1)
    many = np.zeros((5, 3))
    told = {
        r"of the shape \(5, 3\), .*takes 2 inputs, not 3": many,
        r"of the shape \(2,\), must be an example in each row.*; for one .* \[x\]$": [1.0, 2.0],
        r"of the shape \(\)": 3.0,
        r"of the shape \(2, 2, 2\).*takes one": np.zeros((2, 2, 2)),
        "no example": [],
        "rows differ in length": [[1.0, 2.0], [3.0]],
        "in example 1 there is 'a', no real number": [[1.0, 2.0], [3.0, "a"]],
        "in example 0 there is nan": [[math.nan, 1.0]],
        "a dict has no rows": {"a": [1.0]},
    }
    for _ in range(2):  # the second time there is a program
        for match, inputs in told.items():
            with pytest.raises((TypeError, ValueError), match=match):
                model.predict(inputs)
        assert model.predict(X).shape == (3, 3)
    for loss, match in (
        (nn.mse, "mse does not classify, as hinge, binary_cross_entropy, "),
        (lambda y, t: y, "<lambda> does not classify"),
        (nn.hinge, r"hinge needs one output, and an example gives the shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=match):
            model.predict(X, loss)
    with pytest.raises(ValueError, match=r"needs an output for each class, .* the shape \(\)"):
        nn.Neuron(2).predict(X, nn.cross_entropy)


def tensor(x):
    needed("jax")
    from jax.numpy import asarray

    return asarray(x)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", [list, np.array, lambda x: [np.array(row) for row in x], tensor])
@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS)
def test_a_call_with_many_examples_says_what_takes_them(count, kind, made):
    inputs = kind(X[:count])
    with pytest.raises((TypeError, ValueError)) as caught:
        made()(inputs)
    assert f"{count} examples of 2 are for model.predict(X)" in str(caught.value)


# -------------------------------------------------------------------------- files


def test_a_saved_model_is_loaded_to_the_last_bit(tmp_path):
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    path = tmp_path / "model.json"
    model.save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["parameters"] == model.state_dict()
    assert content["model"] == str(model).splitlines()
    other = nn.MLP(2, [3, 1], activation="tanh")
    other.load(str(path))
    assert other.state_dict() == model.state_dict()
    assert other.predict(X).tolist() == model.predict(X).tolist()


def test_predicting_changes_nothing_that_training_compares(tmp_path):
    path = tmp_path / "training.json"
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    options = {"progress": False, "checkpoint": path, "batch_size": 2}
    mg.fit(model, (X, [1, 0, 1]), nn.mse, epochs=2, **options)
    again = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    names = [name for name, _ in again.named_modules()]
    again.predict(X)
    assert [name for name, _ in again.named_modules()] == names
    assert len(again.parameters()) == len(model.parameters())
    history = mg.fit(again, (X, [1, 0, 1]), nn.mse, epochs=3, resume=path, **options)
    assert len(history) == 3


def test_a_checkpoint_is_loaded_too(tmp_path):
    path = tmp_path / "training.json"
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    mg.fit(model, (X, [1, 0, 1]), nn.mse, epochs=1, progress=False, checkpoint=path)
    other = nn.MLP(2, [3, 1], activation="tanh")
    other.load(path)
    assert other.state_dict() == model.state_dict()


OTHERS = {
    "another width": (lambda: nn.MLP(2, [4, 1], activation="tanh"), "it has 'MLP 2 → 3 → 1"),
    "another activation": (lambda: nn.MLP(2, [3, 1]), "it has '├─ Layer 2 → 3, tanh"),
    "another depth": (lambda: nn.MLP(2, [3, 1, 1], activation="tanh"), "of another model"),
    "another kind": (lambda: nn.Neuron(2), "not 'Neuron 2 → 1, relu"),
}


@pytest.mark.parametrize(("made", "match"), OTHERS.values(), ids=OTHERS)
def test_another_model_is_refused(tmp_path, made, match):
    nn.MLP(2, [3, 1], activation="tanh").save(tmp_path / "model.json")
    other = made()
    before = other.state_dict()
    with pytest.raises(ValueError, match=match):
        other.load(tmp_path / "model.json")
    assert other.state_dict() == before


BAD = {
    "nothing": ("", "no file of a model"),
    "no JSON": ("pickle", "no file of a model"),
    "no text": (b"\x80\x04\x95", "no file of a model"),
    "a number": ("3", "has no parameters"),
    "a list of them": ('{"parameters": [1]}', "has no parameters"),
    "none of these": ('{"parameters": {"w": 1}}', "the state lacks b, w.0"),
    "too deep": ("[" * 100_000, "no file of a model"),
    "no lines": ('{"model": 3, "parameters": {}}', "it has None, not 'Neuron"),
    "no number": ('{"parameters": {"w.0": "1", "b": 0}}', "w.0 must be a real number"),
    "infinite": ('{"parameters": {"w.0": 1, "b": Infinity}}', "b must be a finite number"),
}


@pytest.mark.parametrize(("text", "match"), BAD.values(), ids=BAD)
def test_what_is_no_model_is_refused(tmp_path, text, match):
    path = tmp_path / "model.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    neuron = nn.Neuron(1, seed=1)
    before = neuron.state_dict()
    with pytest.raises((ValueError, TypeError), match=match):
        neuron.load(path)
    assert neuron.state_dict() == before
    with pytest.raises(FileNotFoundError):
        neuron.load(tmp_path / "none.json")
