"""Hints for the habits of other libraries: names, options, and what Tab offers."""

import copy
import inspect
import math
import pickle
from itertools import chain
from types import ModuleType

import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus._tools import habits
from micrograd_plus._tools.habits import LINES, OPTIONS
from tests.needs import needed

MODULES = {"mg": mg} | {
    f"mg.{name}": thing for name in mg.__all__ if isinstance(thing := getattr(mg, name), ModuleType)
}
SCALARS = [optim.GradientDescent, optim.Adam, optim.AdamW, nn.Neuron, nn.Layer, nn.MLP, mg.fit]
RULES = [
    thing
    for name in optim.__all__
    if isinstance(thing := getattr(optim, name), type)
    and issubclass(thing, optim.Rule)
    and thing is not optim.Rule
]


def scope():
    """What the lines may use."""
    x, y = mg.values(x=0.5, y=2.0)
    return {
        **{name: getattr(mg, name) for name in ("nn", "optim", "datasets")},
        "mg": mg,
        "x": x,
        "y": y,
        "f": x * y,
        "fn": lambda v: v * v,
        "math": math,
        "rows": [[1.0, 2.0], [3.0, 4.0]],
        "outputs": [x, y],
        "targets": [0.0, 1.0],
        "model": nn.MLP(2, [1], seed=1),
        "data": datasets.xor(),
    }


@pytest.mark.parametrize(
    "line", sorted({*LINES.values(), *habits.VALUES.values(), *habits.MODULES.values()})
)
def test_what_is_proposed_runs(line, tmp_path, monkeypatch):
    if "digits" in line:
        needed("sklearn")
    if "predict" in line:
        needed("numpy")
    monkeypatch.chdir(tmp_path)
    names = scope()
    names["model"].save("model.json")  # which others read
    eval(line, names)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_a_name_of_another_library_is_met_with_the_line_to_write(module):
    names = {*chain.from_iterable(home.__all__ for home in MODULES.values())}
    assert not names & {*LINES}  # which would never be told
    for name, line in LINES.items():
        with pytest.raises(AttributeError) as caught:
            getattr(module, name)
        assert str(caught.value).endswith(f"no attribute {name!r}: in this package write {line}")


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_so_is_a_name_that_is_imported_from_a_module(module):
    home = module.__name__
    for name, line in LINES.items():
        with pytest.raises(ImportError) as caught:
            exec(f"from {home} import {name}")
        assert str(caught.value).endswith(f"no attribute {name!r}: in this package write {line}")
    with pytest.raises(ImportError, match=f"module {home!r} has no attribute 'kitchen'"):
        exec(f"from {home} import kitchen")
    names = {}
    exec(f"from {home} import *", names)
    assert {*module.__all__} <= {*names}


class Branches(nn.Module):
    def __init__(self):
        self.train = nn.Neuron(2)

    def forward(self, x):
        return self.train(x)


@pytest.mark.parametrize(
    ("thing", "lines"),
    [
        (mg.Value(2.0), habits.VALUES),
        (mg.Value(2.0) * 3, habits.VALUES),
        (nn.MLP(2, [1]), habits.MODULES),
    ],
)
def test_so_is_an_attribute_of_another_library_s_arrays_or_models(thing, lines):
    for name, line in lines.items():
        with pytest.raises(AttributeError) as caught:
            getattr(thing, name)
        kind = type(thing).__name__
        assert str(caught.value) == (
            f"{kind!r} object has no attribute {name!r}: in this package write {line}"
        )
    assert not {*dir(thing)} & {*lines}  # nothing that Tab should offer
    assert {"data", "grad"} < {*dir(thing)} or {"layers", "parameters"} < {*dir(thing)}


def test_a_model_of_one_s_own_may_have_attributes_of_such_names():
    model = Branches()
    assert model.forward([1.0, 2.0]).data == model.train([1.0, 2.0]).data
    assert {"train", "forward"} < {*dir(model)}
    assert "eval" not in dir(model)
    with pytest.raises(NotImplementedError, match=r"Branches has no __call__.*forward"):
        model([1.0, 2.0])


@pytest.mark.parametrize(
    ("asked", "name", "told"),
    [
        (mg, "MLP", "it is nn.MLP"),
        (mg, "Adam", "it is optim.Adam"),
        (nn, "ReLU", "it is mg.relu"),
        (nn, "LeakyReLU", "it is mg.leaky_relu"),
        (optim, "Adagrad", "it is optim.AdaGrad"),
        (optim, "moons", "it is datasets.moons"),
        (nn, "Conv2d", "help(micrograd_plus.nn) lists"),
        (mg, "drow", "did you mean draw?"),
    ],
)
def test_a_name_that_stands_elsewhere_is_found(asked, name, told):
    with pytest.raises(AttributeError) as caught:
        getattr(asked, name)
    assert told in str(caught.value)


def test_every_name_without_a_hint_of_its_own_is_no_hint_to_something_else():
    for name in ("square", "SGD", "no_grad", "quantile", "nan_to_num"):
        with pytest.raises(AttributeError) as caught:
            getattr(mg, name)
        assert "did you mean" not in str(caught.value)


def test_an_option_of_another_library_is_met_with_ours():
    for make, options, told in (
        (optim.Adam, {"lr": 0.1}, "Adam() has no option 'lr': in this package it is rate"),
        (optim.GradientDescent, {"learning_rate": 0.1}, "it is rate"),
        (optim.Adam, {"eps": 0.1}, "it is epsilon"),
        (optim.Adam, {"betas": (0.9, 0.99)}, "write optim.Adam(beta1=0.9, beta2=0.999)"),
        (optim.Adam, {"weight_decay": 0.1}, "write optim.AdamW(weight_decay=0.01)"),
        (optim.Adam, {"rat": 0.1}, "did you mean rate?"),
        (mg.fit, {"lr": 0.1}, "write optim.Adam(0.01)"),
        (
            mg.fit,
            {"num_epochs": 3},
            "fit() has no option 'num_epochs': in this package it is epochs",
        ),
        (nn.Neuron, {"nonlinearity": "relu"}, "Neuron() has no option"),
        (nn.MLP, {"nin": 2, "nouts": [1], "act": "tanh"}, "it is activation"),
        (nn.Layer, {"nin": 2, "nout": 1, "initializer": "zeros"}, "it is init"),
    ):
        with pytest.raises(TypeError) as caught:
            make(**options)
        assert told in str(caught.value)


def test_too_many_arguments_are_met_with_their_order():
    for call, told in (
        (
            lambda: nn.Neuron(2, True, "relu"),
            "Neuron() takes nin, nonlin in this order, .*: 3 were given",
        ),
        (
            lambda: mg.fit(nn.MLP(2, [1]), [[0.0, 1.0]], [1.0], nn.mse, optim.Adam(), epochs=3),
            "fit() takes model, data, loss, optimizer in this order, .*: 5 were given",
        ),
    ):
        with pytest.raises(TypeError, match=f"^{told.replace('()', r'[(][)]')}$"):
            call()


def test_the_options_that_are_meant_exist():
    known = {*chain.from_iterable(inspect.signature(make).parameters for make in SCALARS)}
    assert {*OPTIONS.values()} <= known
    assert not {*OPTIONS} & known


@pytest.mark.parametrize("given", [nn.MLP(2, [1]), nn.MLP(2, [1]).parameters()])
def test_parameters_are_no_rate(given):
    for options in ({}, {"lr": 0.1}, {"rate": 0.1}, {"betas": (0.9, 0.99)}):
        with pytest.raises(TypeError, match=r"Optimizer\(model\.parameters\(\), Adam\(0\.01\)\)"):
            optim.Adam(given, **options)


@pytest.mark.parametrize("make", RULES)
def test_a_rule_alone_takes_no_steps(make):
    rule = make()
    for name in ("step", "zero_grad"):
        with pytest.raises(AttributeError, match=rf"Optimizer\(.*{make.__name__}\(0\.01\)\)"):
            getattr(rule, name)
    with pytest.raises(AttributeError, match=r"no attribute 'momentun'$"):
        rule.momentun  # noqa: B018
    assert copy.deepcopy(rule) == pickle.loads(pickle.dumps(rule)) == rule


# ------------------------------------------------------------------------- what Tab offers


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_tab_offers_public_names_only(module):
    assert dir(module) == sorted(module.__all__)


def test_notebooks_offer_them_too():
    needed("IPython")
    from IPython.core.completer import IPCompleter, provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    completer = IPCompleter(InteractiveShell(), namespace=scope())
    for path, module in MODULES.items():
        with provisionalcompleter():
            found = {made.text for made in completer.completions(f"{path}.", len(path) + 1)}
        assert {name.removeprefix(".") for name in found} == {*module.__all__}, path
