"""The engines of `fit` make the same steps."""

import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.compiler import TraceError

RULES = [
    optim.GradientDescent(0.1),
    optim.Nesterov(optim.Cosine(0.1, 5)),
    optim.AdaGrad(0.1),
    optim.RMSprop(0.01),
    optim.AdamW(0.01),
]


def trained(engine, rule=None, loss=nn.softmax_cross_entropy, activation="tanh", **options):
    model = nn.MLP(2, [6, 3], activation=activation, seed=1)
    history = mg.fit(
        model,
        datasets.spirals(60),
        loss,
        rule or optim.Adam(0.02),
        **{"epochs": 5, "batch_size": 7, "validation": 0.2, "engine": engine, **options},
    )
    return [p.data for p in model.parameters()], history


def assert_same(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=1e-10, abs=1e-12)
    assert found[1].batches == pytest.approx(expected[1].batches, rel=1e-10)
    for mine, theirs in zip(found[1].epochs, expected[1].epochs, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_compiled_and_eager_training_agree(rule):
    assert_same(trained("compiled", rule), trained("eager", rule))


@pytest.mark.parametrize(
    "options",
    [
        {"penalty": lambda parameters: nn.l2_penalty(parameters, 0.1)},
        {"clip_norm": 0.05},
        {"clip_value": 0.01},
        {"metrics": {"first": lambda outputs, target: float(outputs[0]) + target}},
        {"batch_size": None, "shuffle": False},
        {"batch_size": 1, "epochs": 1},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_mean_the_same(options):
    assert_same(trained("compiled", **options), trained("eager", **options))


def test_a_training_goes_on_with_another_engine(tmp_path):
    file = tmp_path / "c.json"
    whole = trained("eager", epochs=6)
    trained("compiled", epochs=3, checkpoint=file)
    assert_same(trained("eager", epochs=6, resume=file), whole)
    assert_same(trained("compiled", epochs=6, resume=file), whole)


def test_what_can_not_be_compiled_is_said_and_trained_eagerly(capsys):
    def loss(outputs, target):
        return outputs[0] if outputs[target] > 0 else outputs[1] * outputs[1]

    trained("auto", loss=loss, epochs=1)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "example by example" in said
    with pytest.raises((TraceError, TypeError)):
        trained("compiled", loss=loss, epochs=1)
    with pytest.raises(ValueError, match="no engine 'fast'; choose from auto, eager, compiled"):
        trained("fast")


def test_the_engines_name_the_same_place():
    for engine in ("compiled", "eager"):
        with pytest.raises(mg.NonFiniteError, match=r"epoch 1, batch 2: .*not finite"):
            trained(engine, optim.GradientDescent(1e300), activation="relu")


def test_metrics_may_look_at_the_model():
    def curve(engine):
        model = nn.MLP(2, [1], seed=1)
        metrics = {"bias": lambda outputs, target: model.layers[0].neurons[0].b.data}
        given = {"epochs": 3, "batch_size": 5, "metrics": metrics, "engine": engine}
        return mg.fit(model, datasets.moons(20), nn.mse, **given)["bias"]

    assert curve("compiled") == pytest.approx(curve("eager"), rel=1e-10)
    assert len(set(curve("compiled"))) == 3
