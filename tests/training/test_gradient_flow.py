"""The gradient's norm in each layer over a training, by both engines, through checkpoints."""

import json
import math

import numpy as np
import pytest

from micrograd_plus import Value, datasets, nn, optim
from micrograd_plus.training import CheckpointError, History, TrainingError, fit
from tests.trainings import sealed

LOSS = nn.binary_cross_entropy_with_logits
RATE = 0.5


def network(**options):
    return nn.MLP(2, [4, 3, 1], activation="tanh", seed=1, **options)


def train(model, epochs=3, rule=None, **options):
    rule = rule or optim.GradientDescent(RATE)
    options = {"batch_size": 7, "gradient_flow": True, **options}
    return fit(model, datasets.moons(20), LOSS, rule, epochs=epochs, **options)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("options", [{}, {"penalty": nn.l2_penalty}], ids=["plain", "penalty"])
def test_the_norm_is_that_of_what_moves_the_parameters(engine, options):
    """A step of gradient descent moves them by rate times gradient."""
    model = network()
    before = model.state_dict()
    history = train(model, 1, batch_size=None, engine=engine, **options)
    after = model.state_dict()
    expected = {}
    for name in before:
        layer = ".".join(name.split(".")[:2])
        expected.setdefault(layer, []).append((after[name] - before[name]) / RATE)
    assert list(history.gradients) == ["layers.0", "layers.1", "layers.2"]
    for layer, moves in expected.items():
        assert history.gradients[layer] == [pytest.approx(np.linalg.norm(moves), rel=1e-12)]


def test_both_engines_give_the_same():
    eager, compiled = (train(network(), engine=engine) for engine in ("eager", "compiled"))
    assert len(eager.gradients["layers.0"]) == len(eager.batches) == 9
    for layer, norms in eager.gradients.items():
        assert compiled.gradients[layer] == pytest.approx(norms, rel=1e-9)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_it_is_measured_before_clipping(engine):
    free, *clipped = (
        train(network(), 1, batch_size=None, engine=engine, **clip).gradients
        for clip in ({}, {"clip_norm": 1e-3}, {"clip_value": 1e-4})
    )
    for other in clipped:
        assert other == free


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_recording_changes_nothing_and_is_off_by_default(engine):
    on, off = network(), network()
    histories = train(on, engine=engine), train(off, engine=engine, gradient_flow=False)
    assert on.state_dict() == off.state_dict()
    assert histories[1].gradients == {}
    assert histories[0].epochs == histories[1].epochs


class Own(nn.Module):
    """Parameters in many places, one of them in two."""

    def __init__(self):
        self.scale = Value(2.0)
        self._first = nn.Layer(2, 2, activation="tanh", seed=1)
        self.parts = {"a": nn.Neuron(2, seed=2), "again": [self._first, self.scale]}
        self.unused = []

    def __call__(self, x):
        return self.scale * self.parts["a"](self._first(x))


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_layers_of_other_models(engine):
    history = train(Own(), 1, batch_size=None, engine=engine)
    assert list(history.gradients) == ["Own", "_first", "parts.a"]
    neuron = nn.Neuron(2, activation="linear", seed=1)
    assert list(train(neuron, 1, engine=engine).gradients) == ["Neuron"]


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_checkpoint_carries_it(engine, tmp_path):
    whole = train(network(), 4, optim.Adam(0.1), engine=engine)
    path = tmp_path / "checkpoint"
    train(network(), 2, optim.Adam(0.1), checkpoint=path, engine=engine)
    assert train(network(), 4, optim.Adam(0.1), resume=path, engine=engine) == whole
    assert History(**json.loads(whole.to_json(tmp_path / "h.json").read_text())) == whole


def test_a_checkpoint_of_a_training_without_it_is_refused(tmp_path):
    for on in (True, False):
        path = tmp_path / f"{on}"
        train(network(), 1, checkpoint=path, gradient_flow=on)
        model = network()
        before = model.state_dict()
        with pytest.raises(CheckpointError, match=r"differ in gradient_flow of layers\.0, layers"):
            train(model, 2, resume=path, gradient_flow=not on)
        assert model.state_dict() == before


@pytest.mark.parametrize(
    "gradients",
    [
        None,
        [],
        3,
        {"layers.0": [1.0] * 3},
        {f"layers.{i}": [1.0] * 2 for i in range(3)},
        {f"layers.{i}": "abc" for i in range(3)},
        {f"layers.{i}": [math.nan] * 3 for i in range(3)},
        {f"layers.{i}": None for i in range(3)},
    ],
    ids=str,
)
def test_a_checkpoint_with_other_gradients_is_refused(gradients, tmp_path):
    path = tmp_path / "checkpoint"
    train(network(), 1, checkpoint=path)
    content = json.loads(path.read_bytes())
    del content["sha256"]
    path.write_text(sealed(json.dumps(content)))
    assert len(train(network(), 2, resume=path)) == 2  # the seal is right
    content["history"]["gradients"] = gradients
    path.write_text(sealed(json.dumps(content)))
    with pytest.raises(CheckpointError, match=r"does not fit: .*gradient"):
        train(network(), 2, resume=path)


def test_a_step_that_failed_has_none():
    with pytest.raises(TrainingError) as caught:
        train(network(), 9, optim.GradientDescent(1e308), engine="eager")
    history = caught.value.history
    assert all(len(norms) == len(history.batches) for norms in history.gradients.values())


def test_a_step_that_only_the_engine_can_make_is_measured():
    """Where 0 · log 0 is left out, the program hands over to the engine."""

    def both(engine):
        model = nn.Layer(1, 2, activation="softmax", init="zeros", bias=False)
        model.neurons[0].w[0].data = 1.0
        data = [[1.0], [2000.0]], [0, 0]
        options = {"epochs": 1, "batch_size": 1, "shuffle": False, "gradient_flow": True}
        rule = optim.GradientDescent(0.1)
        return fit(model, data, nn.cross_entropy, rule, engine=engine, **options).gradients["Layer"]

    eager = both("eager")
    assert eager == [pytest.approx(2**0.5 / (1 + math.e)), 0]
    assert both("compiled") == pytest.approx(eager, rel=1e-12)


def test_it_is_in_the_histories_picture():
    history = train(network())
    *_, axes = history.plot().axes
    assert axes.get_title() == "norm of the gradient by layer"
    assert len(train(network(), gradient_flow=False).plot().axes) == len(history.plot().axes) - 1
