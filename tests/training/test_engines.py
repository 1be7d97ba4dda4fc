"""The engines of `fit` make the same steps."""

import functools
import gc
import math
import random
from weakref import ref

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn, optim
from micrograd_plus.compiler import TraceError
from micrograd_plus.compiler.program import Program
from micrograd_plus.optim.optimizer import Optimizer
from micrograd_plus.training import figures
from micrograd_plus.training.compiled import Compiled
from micrograd_plus.training.eager import Problem
from micrograd_plus.training.examples import examples
from micrograd_plus.training.whole import Whole
from tests.needs import needed

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
    with pytest.raises(TypeError, match=r"Value.* can't be an index: write take\(rows, x\)"):
        trained("compiled", loss=loss, epochs=1)
    with pytest.raises(ValueError, match="no engine 'fast'; choose from auto, eager, compiled"):
        trained("fast")


def test_the_engines_name_the_same_place():
    for engine in ("compiled", "eager"):
        with pytest.raises(mg.NonFiniteError, match=r"epoch 1, batch 2: .*not finite"):
            trained(engine, optim.GradientDescent(1e300), activation="relu")


@pytest.mark.parametrize(
    ("outputs", "one"),
    [
        (lambda y: {"a": y, "b": (y * 2, [y])}, lambda out: out["b"][0] + out["b"][1][0]),
        (lambda y: np.array([y, y * 2]), lambda out: out[0] + out[1]),
        (lambda y: (np.array([[y], [y * 2]]), y), lambda out: out[0][0, 0] + out[0][1][0]),
    ],
)
def test_outputs_of_any_kind_are_counted_as_they_are(outputs, one):
    """Metrics get what the loss gets, with numbers in the place of Values."""

    class Model(nn.Module):
        def __init__(self):
            self.w = Value(0.5)

        def __call__(self, x):
            return outputs(self.w * x[0])

    def run(engine):
        metrics = {"sum": lambda out, target: float(one(out)), "kind": lambda out, target: float(
            type(out) is type(outputs(1.0))
        )}  # fmt: skip
        return mg.fit(Model(), ([[2.0], [3.0], [4.0]], [1.0, 2.0, 3.0]),
                      lambda out, t: (one(out) - t) ** 2, epochs=2, validation=0.4,
                      metrics=metrics, engine=engine).last  # fmt: skip

    found = run("compiled")
    assert found == pytest.approx(run("eager"), rel=1e-10)
    assert found["kind"] == found["validation kind"] == 1


class Watch:
    """Metrics of a model that only an attribute of theirs names."""

    def __init__(self, model):
        self.model = model

    def bias(self, outputs, target):
        return self.model.layers[0].neurons[0].b.data

    __call__ = bias


def bias_of(outputs, target, model):
    return list(model.state_dict().values())[-1]


LOOKS = {
    "a closure": lambda model: lambda y, t: model.layers[0].neurons[0].b.data,
    "a Value": lambda model: (lambda b: lambda y, t: b)(model.layers[0].neurons[0].b),
    "a call": lambda model: lambda y, t: float(model([0.0, 0.0])),
    "a method": lambda model: Watch(model).bias,
    "an object": Watch,
    "an argument": lambda model: functools.partial(bias_of, model=model),
    "a default": lambda model: lambda y, t, state=model.state_dict: list(state().values())[-1],
    "another function": lambda model: (lambda f: lambda y, t: f())(lambda: bias_of(0, 0, model)),
    "a list": lambda model: (lambda held: lambda y, t: bias_of(y, t, *held))([model]),
}


@pytest.mark.parametrize("way", LOOKS)
def test_metrics_may_look_at_the_model(way):
    def curves(engine):
        model = nn.MLP(2, [1], seed=1)
        given = {"epochs": 3, "batch_size": 5, "validation": 0.2, "engine": engine}
        metrics = {"bias": LOOKS[way](model)}
        history = mg.fit(model, datasets.moons(20), nn.mse, metrics=metrics, **given)
        return history["bias"] + history["validation bias"]

    assert curves("compiled") == pytest.approx(curves("eager"), rel=1e-10)
    assert len(set(curves("compiled"))) == 6


def test_metrics_may_look_at_a_model_whose_attributes_no_code_names():
    class Hidden(nn.Module):
        def __init__(self):
            vars(self).update(dict.fromkeys("w", Value(0.5)))

        def __call__(self, x):
            return self.parameters()[0] * x[0]

    def curve(engine):
        model = Hidden()
        metrics = {"w": lambda y, t: model.state_dict()["w"]}
        data = [[1.0], [2.0]], [1.0, 1.5]
        return mg.fit(model, data, nn.mse, batch_size=1, metrics=metrics, engine=engine)["w"]

    assert curve("compiled") == pytest.approx(curve("eager"), rel=1e-10)
    assert len(set(curve("compiled"))) == 10


def test_only_metrics_that_look_at_the_model_make_each_step_write_to_it(monkeypatch):
    def written(metric):
        model, calls = nn.MLP(2, [3, 1], seed=1), []
        with monkeypatch.context() as patch:
            patch.setattr(Program, "write_parameters", lambda program: calls.append(program))
            metrics = {"metric": metric(model)}
            given = {"epochs": 2, "batch_size": 5, "metrics": metrics, "engine": "compiled"}
            mg.fit(model, datasets.moons(20), nn.mse, **given)
        return len(calls)

    assert written(lambda model: lambda y, t: abs(y - t) ** math.pi) == 1
    assert written(lambda model: lambda y, t: model.layers[0].neurons[0].b.data) == 2 * 4 + 1


class Assigns:
    """Examples, one of which sets a parameter of the model whenever it is read."""

    def __init__(self, parameter):
        self.parameter = parameter

    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            self.parameter.data = 7.0
        return [1.0], float(i)


def test_a_number_that_is_assigned_between_steps_is_learnt_from():
    def run(engine):
        model = nn.Neuron(1, activation=None, seed=1)
        options = {"epochs": 2, "batch_size": 1, "shuffle": False, "engine": engine}
        mg.fit(model, Assigns(model.b), nn.mse, optim.GradientDescent(0.1), **options)
        return [model.w[0].data, model.b.data]

    w, b = (p.data for p in nn.Neuron(1, activation=None, seed=1).parameters())
    for target in [0.0, 1.0, 2.0, 3.0] * 2:
        b = 7.0 if target == 2.0 else b
        slope = 2 * (w + b - target)
        w, b = w - 0.1 * slope, b - 0.1 * slope
    assert run("eager") == pytest.approx([w, b])
    assert run("compiled") == pytest.approx([w, b])


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_figure_that_is_not_finite_is_named_and_huge_ones_have_a_mean(engine):
    huge = trained(engine, metrics={"huge": lambda outputs, target: 1.7e308}, epochs=1)[1]
    assert huge["huge"] == [pytest.approx(1.7e308)]
    for x in (np.inf, np.nan):
        odd = {"odd": lambda outputs, target, x=x: x if outputs[0] > outputs[1] else 1.0}
        with pytest.raises(mg.NonFiniteError, match=f"epoch 1, batch 1: odd must be .* not {x}"):
            trained(engine, metrics=odd, epochs=1)


def test_the_program_goes_on_from_a_step_that_only_the_engine_can_make():
    """Where 0 · log 0 is left out; what Momentum remembers of that step counts in later ones."""

    def run(engine):
        model = nn.Layer(1, 2, activation="softmax", init="zeros", bias=False)
        model.neurons[0].w[0].data = 1.0
        data = [[1.0], [2000.0], [0.5], [-0.5]], [0, 0, 1, 0]
        options = {"epochs": 2, "batch_size": 1, "shuffle": False, "engine": engine}
        mg.fit(model, data, nn.cross_entropy, optim.Momentum(0.01), **options)
        return [p.data for p in model.parameters()]

    assert run("compiled") == pytest.approx(run("eager"), rel=1e-12)


class Line(nn.Module):
    """A model, and something that goes wrong with Values in the place of numbers."""

    def __init__(self, problem):
        self.w, self.b, self.problem = Value(0.5, "w"), Value(0.0), problem

    def __call__(self, x):
        self.problem(self, x[0])
        return self.w * x[0] + self.b


def asserts(model, x):
    assert isinstance(x, float)


def stops(model, x):
    if isinstance(x, Value):
        raise RuntimeError("not\nnow")


def looks_up(model, x):
    {2.0: 1, 3.0: 2}[x]


class Choosy(optim.GradientDescent):
    """A rule for numbers, which arrays are not."""

    def update(self, gradient, state, parameter, rate, steps):
        return parameter - rate * (gradient if gradient > 0 else 2 * gradient), ()


@pytest.mark.parametrize(
    ("problem", "rule", "error", "words"),
    [
        (asserts, optim.GradientDescent(0.01), AssertionError, "AssertionError"),
        (stops, optim.GradientDescent(0.01), RuntimeError, "RuntimeError not"),
        (looks_up, optim.GradientDescent(0.01), KeyError, "KeyError"),
        (lambda model, x: None, Choosy(0.01), ValueError, "compiled: The truth value of an array"),
    ],
    ids=["assert", "error", "lookup", "first step"],
)
def test_whatever_can_not_be_compiled_is_trained_eagerly(problem, rule, error, words, capsys):
    def run(engine):
        model, data = Line(problem), ([[2.0], [3.0]], [1.0, 2.0])
        return mg.fit(model, data, nn.mse, rule, epochs=3, engine=engine)["loss"], model.w.data

    assert run("auto") == run("eager")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert words in said
    with pytest.raises(error):
        run("compiled")


class OnePair:
    """An example that is read on demand."""

    def __len__(self):
        return 1

    def __getitem__(self, i):
        return [2.0], 0.9


@pytest.mark.parametrize("data", [([[2.0]], [0.9]), OnePair()], ids=["in memory", "on demand"])
def test_a_gradient_that_is_not_the_engines_is_refused(data, capsys):
    class Disguised(Line):
        def __call__(self, x):  # equal in number, not in its derivative
            return self.w * x[0] if isinstance(x[0], Value) else self.w * self.w * 2.0 * x[0]

    def run(engine):
        model = Disguised(None)
        return mg.fit(model, data, nn.mse, epochs=2, engine=engine), model.w.data

    with pytest.raises(
        TraceError, match=r"derivative with respect to w would be 0\.39\d+, .* is 0\.79"
    ):
        run("compiled")
    assert run("auto") == run("eager")
    assert "derivative with respect to w" in capsys.readouterr().err


def counts(model):
    calls = [0]

    def loss(outputs, target):
        calls[0] += 1
        return (outputs - target) ** 2 * (1.0 if calls[0] < 10 else 5.0)

    return {"loss": loss}


def changes_the_model(model):
    def switched(outputs, target):
        model.factor[0] = 5.0
        return 0.0

    return {"metrics": {"switched": switched}}


class Scaled(nn.Module):
    def __init__(self):
        self.w, self.factor = Value(0.5), np.array([1.0])

    def __call__(self, x):
        return self.w * x[0] * self.factor[0]


@pytest.mark.parametrize("change", [counts, changes_the_model])
def test_what_a_loss_or_a_model_reads_may_not_change(change, capsys):
    def run(engine):
        model, data = Scaled(), ([[2.0], [3.0]], [1.0, 2.0])
        given = {"loss": nn.mse, "optimizer": optim.GradientDescent(0.01), **change(model)}
        mg.fit(model, data, **given, epochs=9, batch_size=1, engine=engine)
        return model.w.data

    run("eager")
    with pytest.raises((TraceError, ValueError), match=r"calls\.0|factor holds other numbers"):
        run("compiled")
    if change is counts:
        run("auto")
        assert "changes loss.calls.0 outside" in capsys.readouterr().err


class Replaces(nn.Module):
    """A line whose slope is made anew at each call, as parameters must not be."""

    def __init__(self, how):
        self.w, self.ws, self.how = Value(0.5, "w"), [Value(0.25)], how

    def __call__(self, x):
        if self.how == "attribute":
            self.w = Value(self.w.data)
        elif self.how == "another one":
            self.more = Value(1.0)
        elif self.how == "item":
            self.ws[0] = Value(self.ws[0].data)
        return self.w * x[0] + self.ws[0]


@pytest.mark.parametrize("engine", ["eager", "compiled", "auto", "jax"])
@pytest.mark.parametrize("how", ["attribute", "another one", "item"])
def test_a_model_that_replaces_its_parameters_is_refused(engine, how):
    if engine == "jax":
        needed("jax")
    model = Replaces(how)
    with pytest.raises(ValueError, match="other parameters than when the training began"):
        mg.fit(model, ([[1.0], [2.0]], [1.0, 0.0]), nn.mse, epochs=2, engine=engine)
    assert float(model.w) == 0.5


def test_the_parameter_that_would_not_be_trained_is_named():
    for how, name in (("attribute", "w"), ("another one", "more"), ("item", r"ws\.0")):
        with pytest.raises(ValueError, match=f"other parameters .* began, such as {name}, which"):
            mg.fit(Replaces(how), ([[1.0]], [1.0]), nn.mse, epochs=2, engine="eager")


class Outside:
    """What a metric might read."""

    factor = 2.0


FORMULAS = {
    "constant": lambda y, t: 1.0,
    "distance": lambda y, t: abs(y[0] - t) ** math.pi,
    "class": lambda y, t: t,
    "largest": lambda y, t: mg.max(y) - mg.mean(y),
    "a function": lambda y, t: mg.logsumexp(y),
}
CALLED = {
    "compares": lambda y, t: y[0] > y[1],
    "an index": lambda y, t: y[t],
    "a float": lambda y, t: float(y[0]),
    "an attribute": lambda y, t: Outside.factor * y[0],
    "a closure": (lambda held: lambda y, t: held[0] * y[0])([2.0]),
    "random": lambda y, t: 0.0 * random.random(),
}


@pytest.mark.parametrize("name", [*FORMULAS, *CALLED])
def test_metrics_that_are_formulas_are_computed_by_the_program(name, monkeypatch):
    """All others are called for each example."""
    metrics = {"metric": (FORMULAS | CALLED)[name]}
    measured = []

    def counted(problem, pairs, *others, before=Problem.measured):
        measured.append(len(pairs))
        return before(problem, pairs, *others)

    expected = trained("eager", metrics=metrics)
    monkeypatch.setattr(Problem, "measured", counted)
    found = trained("compiled", metrics=metrics)
    assert_same(found, expected)
    assert sum(measured) == (0 if name in FORMULAS else 60 * 5)


def test_a_metric_that_is_no_formula_for_other_examples_is_told(capsys):
    """One that reads what tracing can't see."""

    def odd(y, t):
        return 1.0 if type(t) is int else 2.0

    metrics, data = {"odd": odd}, ([[1.0], [2.0], [3.0]], [0, 1.0, 0])
    models = [nn.MLP(1, [1], seed=1) for _ in range(2)]
    figures = [
        mg.fit(model, data, nn.mse, metrics=metrics, epochs=1, engine=engine)["odd"]
        for model, engine in zip(models, ("auto", "eager"), strict=True)
    ]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("several", [False, True], ids=["one output", "several"])
def test_validation_costs_no_step(several, monkeypatch):
    """What is held out goes through the program forwards, and never back."""
    calls = []
    data = datasets.spirals(60) if several else datasets.moons(60)

    def counted(self, part, *others, before=Whole.advance):
        calls.append(len(part.batch))
        return before(self, part, *others)

    def run(validation):
        calls.clear()
        model = nn.MLP(2, [3 if several else 1], seed=1)
        loss = nn.softmax_cross_entropy if several else nn.mse
        with monkeypatch.context() as patch:
            patch.setattr(Whole, "advance", counted)
            mg.fit(model, data, loss, epochs=2, batch_size=7, validation=validation)
        return [*calls], [p.data for p in model.parameters()]

    assert run(data) == run(None)


@pytest.mark.parametrize("kept", [1, 60, 100])
def test_how_many_figures_are_counted_at_once_changes_nothing(kept, monkeypatch):
    options = {
        "batch_size": 7,
        "metrics": {"distance": FORMULAS["distance"], "x": CALLED["a float"]},
    }
    expected = trained("compiled", **options)
    monkeypatch.setattr(figures, "_KEPT", kept)
    assert_same(trained("compiled", **options), expected)


def test_nothing_of_an_engine_waits_for_the_collector():
    model = nn.MLP(2, [1], seed=1)
    problem = Problem(
        examples(datasets.xor()),
        model,
        nn.mse,
        optimizer=Optimizer(model.parameters(), optim.Adam()),
    )
    gc.collect()
    gc.disable()
    try:
        engine = Compiled(problem, Whole)
        engine.rehearse()
        left = ref(engine)
        del engine
        assert left() is None
    finally:
        gc.enable()
