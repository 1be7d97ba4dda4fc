"""Checkpoints: a broken training goes on as if nothing had happened, and no file is half a file."""

import errno
import json
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from micrograd_plus import datasets, nn, optim
from micrograd_plus.training import CheckpointError, TrainingError, fit
from micrograd_plus.training.checkpoint import load
from tests.effort import slow
from tests.processes import started
from tests.trainings import Rows, sealed

DATA = datasets.moons(10, seed=3)
LOSS = nn.binary_cross_entropy_with_logits
RULES = [
    optim.GradientDescent(0.1),
    optim.Momentum(0.05),
    optim.Nesterov(0.05),
    optim.AdaGrad(0.1),
    optim.RMSprop(0.02),
    optim.Adam(0.05),
    optim.AdamW(0.05, weight_decay=0.1),
]


@pytest.fixture(params=["eager", "compiled"])
def engine(request):
    return request.param


def network(seed=1):
    return nn.MLP(2, [2, 1], activation="tanh", seed=seed)


def train(path=None, model=None, rule=RULES[5], data=DATA, epochs=4, loss=LOSS, **options):
    options = {"batch_size": 3, **options}
    return fit(model or network(), data, loss, rule, epochs=epochs, checkpoint=path, **options)


# ------------------------------------------------------------------------- going on


def assert_continues(folder, *, epochs=4, rule=RULES[5], network=network, **options):
    """Broken after any epoch, a training ends with the same file and model, bit by bit.

    The file has the parameters, the optimiser's state, the random numbers and the history.
    """
    whole, part = folder / "whole", folder / "part"
    unbroken = network()
    history = train(whole, unbroken, rule, epochs=epochs, **options)
    assert len(history) > 1
    for first in range(1, len(history) + 1):
        train(part, network(), rule, epochs=first, **options)
        resumed = network(seed=9)
        again = train(part, resumed, rule, epochs=epochs, resume=part, **options)
        assert again == history
        assert resumed.state_dict() == unbroken.state_dict()
        assert part.read_bytes() == whole.read_bytes()
    return history


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_every_rule_goes_on_as_if_unbroken(rule, engine, tmp_path):
    assert_continues(tmp_path, rule=rule, engine=engine)


OPTIONS = {
    "in order": {"shuffle": False},
    "another seed": {"seed": 7},
    "all at once": {"batch_size": None},
    "one by one": {"batch_size": 1},
    "steps": {"rule": optim.Momentum(optim.Steps(0.2, 0.5, every=1.5))},
    "cosine": {"rule": optim.Adam(optim.WarmUp(optim.Cosine(0.1, 3), 1.0))},
    "a fraction held out": {"validation": 0.3, "seed": 4},
    "a validation set": {"validation": datasets.moons(4, seed=8)},
    "metrics": {"metrics": {"size": lambda y, t: abs(float(y))}, "validation": 0.3},
    "penalty and clipping": {"penalty": nn.l2_penalty, "clip_norm": 0.1, "clip_value": 0.05},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_goes_on_as_if_unbroken(name, engine, tmp_path):
    assert_continues(tmp_path, engine=engine, **OPTIONS[name])


def test_patience_goes_on_as_if_unbroken(tmp_path):
    opposite = DATA[0], [1 - t for t in DATA[1]]
    history = assert_continues(tmp_path, epochs=30, validation=opposite, patience=3)
    assert history.stopped == "no lower validation loss in 3 epochs"


@pytest.mark.parametrize("patience", [None, 4])
def test_more_patience_goes_on_after_an_early_stop(patience, tmp_path):
    opposite = DATA[0], [1 - t for t in DATA[1]]
    options = {"validation": opposite, "epochs": 12}
    stopped = train(tmp_path / "state", patience=2, **options)
    assert len(stopped) < 12 - 2
    resumed = train(resume=tmp_path / "state", patience=patience, **options)
    assert resumed == train(patience=patience, **options)


def test_more_epochs_than_first_planned(tmp_path):
    train(tmp_path / "state", epochs=2)
    resumed, unbroken = network(9), network()
    assert train(None, resumed, epochs=5, resume=tmp_path / "state") == train(
        None, unbroken, epochs=5
    )
    assert resumed.state_dict() == unbroken.state_dict()


def test_from_one_file_to_another(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    train(one, epochs=2)
    before = one.read_bytes()
    train(other, epochs=3, resume=str(one))
    assert one.read_bytes() == before
    assert len(json.loads(other.read_text())["history"]["epochs"]) == 3


@pytest.mark.parametrize("call", [15, 23, 38])
def test_after_ctrl_c(call, engine, tmp_path):
    calls, path = 0, tmp_path / "state"

    def interrupt(y, t):
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return 1.0

    options = {"metrics": {"one": interrupt}, "engine": engine}
    assert train(path, **options).stopped
    resumed, unbroken = network(9), network()
    history = train(path, resumed, resume=path, **options)
    assert history == train(None, unbroken, **options)
    assert resumed.state_dict() == unbroken.state_dict()


def test_a_schedule_may_give_any_kind_of_number(engine, tmp_path):
    rule = optim.Momentum(lambda time: np.float32(0.1) / np.float32(1 + time))
    assert_continues(tmp_path, rule=rule, engine=engine)


# ------------------------------------------------------------------------- killing

PROGRAM = """
import json, os, sys, time
from pathlib import Path
from micrograd_plus import datasets, nn, optim
from micrograd_plus.training import fit
path, mode = Path(sys.argv[1]), sys.argv[2]
real, saves = os.fsync, 0
def fsync(number):
    global saves
    saves += 1
    if saves == 3 and mode == "half":  # the disk has half of the file
        os.ftruncate(number, os.fstat(number).st_size // 2)
    real(number)
    if saves == 3:
        epochs = len(json.loads(path.read_bytes())["history"]["epochs"])
        print("writing over", epochs, flush=True)
        if mode != "random":
            time.sleep(10**6)
os.fsync = fsync
model = nn.MLP(2, [2, 1], activation="tanh", seed=1)
fit(model, datasets.moons(10, seed=3), nn.binary_cross_entropy_with_logits, optim.Adam(0.05),
    epochs=int(sys.argv[3]), batch_size=3, checkpoint=path, resume=path if path.exists() else None)
"""


def killed(path, mode, delay=0.0):
    """Train in a process of its own, and kill it in or after the third time that it writes.

    Returns:
        The number of epochs in the file that it was about to write over.
    """
    with started([sys.executable, "-c", PROGRAM, path, mode, 1_000_000]) as [run]:
        words = run.stdout.readline().split()
        time.sleep(delay)
    assert words[:2] == ["writing", "over"]
    return int(words[2])


@slow
def test_kills_at_any_moment_lose_nothing(tmp_path):
    path, draw, done = tmp_path / "state", random.Random(1), 0
    for mode in ["random", "half", "random", "whole"] * 5:
        before = killed(path, mode, draw.uniform(0.0, 0.02) if mode == "random" else 0.0)
        epochs = len(json.loads(path.read_bytes())["history"]["epochs"])
        assert epochs >= before > done
        if mode != "random":
            assert epochs == before  # the write never came to its end
        done = epochs
    assert len([*tmp_path.iterdir()]) <= 3  # the last part and its lock: the others are removed
    subprocess.run([sys.executable, "-c", PROGRAM, path, "random", str(done + 2)], check=True)
    unbroken = tmp_path / "unbroken"
    train(unbroken, epochs=done + 2)
    assert path.read_bytes() == unbroken.read_bytes()
    assert sorted(tmp_path.iterdir()) == [path, unbroken]


def test_a_kill_in_the_first_write_leaves_no_file(tmp_path):
    program = PROGRAM.replace("saves == 3", "saves == 1").replace("path.read_bytes()", "NONE")
    program = program.replace("NONE", """'{"history": {"epochs": []}}'""")
    path = tmp_path / "state"
    with started([sys.executable, "-c", program, path, "half", 9]) as [run]:
        assert run.stdout.readline() == "writing over 0\n"
    assert not path.exists()


# ------------------------------------------------------------------- what is no checkpoint


def assert_refused(path, match="state", **options):
    """Nothing is changed, and the model trains as if nothing had been tried."""
    model = network(5)
    for p in model.parameters():
        p.grad = 7.0
    before, files = model.state_dict(), sorted(path.parent.iterdir())
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match=match) as caught:
        train(path, **{"model": model, **options}, resume=path)
    assert str(path) in str(caught.value)
    assert model.state_dict() == before
    assert {p.grad for p in model.parameters()} == {7.0}
    assert sorted(path.parent.iterdir()) == files
    assert path.read_bytes() == content
    fresh = network(5)
    assert train(None, model) == train(None, fresh)
    assert model.state_dict() == fresh.state_dict()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "state"
    train(path, epochs=2)
    return path


def test_cut_short_at_any_length(saved):
    whole = saved.read_bytes()
    for length in {*range(0, len(whole), 509), *range(12), *range(len(whole) - 12, len(whole))}:
        saved.write_bytes(whole[:length])
        assert_refused(saved, "cut short")


FOREIGN = {
    "empty": b"",
    "text": b"no checkpoint",
    "bytes": bytes(range(256)),
    "zeros": bytes(4096),
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "an object": b"{}",
    "another program's": b'{"format": "pytorch", "version": 1}',
    "nested without end": b"[" * 200_000,
    "a number without end": b"1" * 10_000,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files(name, saved):
    saved.write_bytes(FOREIGN[name])
    assert_refused(saved)


NAN, INF = float("nan"), float("inf")
DAMAGES = {
    "a later version": ("version", 3),
    "no version": ("version", None),
    "no format": ("format", ...),
    **{
        f"no {part}": (part, ...)
        for part in ("parameters", "optimizer", "settings", "numbers", "random", "history")
    },
    **{
        f"{part} of another kind": (part, "text")
        for part in ("parameters", "optimizer", "settings", "numbers", "random", "history")
    },
    "empty parameters": ("parameters", {}),
    "a parameter missing": ("parameters.layers.0.neurons.0.b", ...),
    "a parameter too many": ("parameters.layers.7", 1.0),
    "nan for a parameter": ("parameters.layers.0.neurons.0.b", NAN),
    "an infinite parameter": ("parameters.layers.0.neurons.0.b", -INF),
    "text for a parameter": ("parameters.layers.0.neurons.0.b", "1.0"),
    "null for a parameter": ("parameters.layers.0.neurons.0.b", None),
    "a list for a parameter": ("parameters.layers.0.neurons.0.b", [1.0]),
    "empty optimizer": ("optimizer", {}),
    "no states": ("optimizer/states", ...),
    "too few states": ("optimizer/states", [[0.0, 0.0]]),
    "states of another rule": ("optimizer/states", [[0.0]] * 9),
    "states of nan": ("optimizer/states", [[0.0, NAN]] * 9),
    "states of text": ("optimizer/states", ["ab"] * 9),
    "no steps": ("optimizer/steps", ...),
    "steps of text": ("optimizer/steps", "8"),
    "negative steps": ("optimizer/steps", -1),
    "half a step": ("optimizer/steps", 7.5),
    "infinite steps": ("optimizer/steps", INF),
    "no rule": ("optimizer/rule", ...),
    "empty settings": ("settings", {}),
    "numbers of another model": ("numbers", {"count": 3}),
    "empty random": ("random", []),
    "random of text": ("random", [3, "text", None]),
    "random too short": ("random", [3, [1, 2, 3], None]),
    "random too large": ("random", [3, [2**70] * 625, None]),
    "empty history": ("history", {}),
    "no epochs": ("history/epochs", ...),
    "a number of epochs": ("history/epochs", 2),
    "epochs of numbers": ("history/epochs", [1.0, 2.0]),
    "epochs without loss": ("history/epochs", [{}, {}]),
    "epochs of text": ("history/epochs", [{"loss": "1"}, {"loss": "2"}]),
    "no batches": ("history/batches", ...),
    "null for batches": ("history/batches", None),
    "batches of text": ("history/batches", ["1", "2"]),
    "a number for the end": ("history/stopped", 5),
    "a figure too many": ("history/more", []),
    "no epoch": ("history/epochs", []),
    "epochs that are no list": ("history/epochs", {}),
    "epochs of names": ("history/epochs", [["loss", "accuracy", "rate"]] * 2),
    "an epoch too many": ("history/epochs", [{"loss": 1.0, "accuracy": 1.0, "rate": 0.1}] * 3),
    "batches that are no list": ("history/batches", {}),
    "too few batches": ("history/batches", [1.0]),
    "batches of nan": ("history/batches", [NAN] * 8),
    "text for the batches of an epoch": ("history/steps", "4"),
    "other batches of an epoch": ("history/steps", 5),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_checkpoints(name, saved):
    place, content = DAMAGES[name]
    whole = json.loads(saved.read_bytes())
    if place.startswith("parameters."):
        part, key = whole["parameters"], place.removeprefix("parameters.")
        assert key in part or content == 1.0
    else:
        *path, key = place.split("/")
        part = whole
        for step in path:
            part = part[step]
    if content is ...:
        del part[key]
    else:
        part[key] = content
    del whole["sha256"]
    saved.write_text(sealed(json.dumps(whole)))
    assert_refused(saved)


def test_a_bit_that_flips(saved):
    """Any one in the parameters, and of all else one in each byte."""
    whole, draw = saved.read_bytes(), random.Random(1)
    begin, end = whole.index(b'"parameters"'), whole.index(b'"optimizer"')
    with saved.open("r+b", buffering=0) as file:

        def flip(place, bit):
            file.seek(place)
            file.write(bytes([whole[place] ^ bit]))

        for place in range(len(whole)):
            for bit in range(8) if begin <= place < end else [draw.randrange(8)]:
                flip(place, 1 << bit)
                with pytest.raises(CheckpointError, match="state"):
                    load(saved)
                flip(place, 0)
        for place in (0, begin, end, len(whole) - 1):
            flip(place, 1)
            assert_refused(saved)
            flip(place, 0)
    assert saved.read_bytes() == whole
    assert load(saved)["parameters"] == network_after(2)


def network_after(epochs):
    model = network()
    train(None, model, epochs=epochs)
    return model.state_dict()


EDITED = {
    "a key twice": lambda text: text.replace(
        '"parameters": {', '"parameters": {}, "parameters": {'
    ),
    "a name twice": lambda text: re.sub('("layers.0.neurons.0.b": )', r"\g<1>1.0, \1", text),
    "another number": lambda text: re.sub('("layers.0.neurons.0.b": )', r"\g<1>1", text),
    "a space": lambda text: text.replace(": {", ":  {", 1),
    "a space at the end": lambda text: text + "\n",
    "something at the end": lambda text: text + text,
    "nicely indented": lambda text: json.dumps(json.loads(text), indent=1),
    "no digest": lambda text: json.dumps(
        {k: x for k, x in json.loads(text).items() if k != "sha256"}
    ),
    "a digest of something else": lambda text: text[:-5] + "0000" + text[-1:],
}


@pytest.mark.parametrize("name", EDITED)
def test_what_was_edited(name, saved):
    text = saved.read_text()
    edited = EDITED[name](text)
    assert edited != text
    saved.write_text(edited)
    assert_refused(saved, "was changed since it was written|is not a checkpoint of micrograd_plus")


def test_the_digest_is_of_all_that_stands_before(saved):
    text = saved.read_text()
    content = json.loads(text)
    assert [*content][-1] == "sha256"
    before = text.removesuffix(f', "sha256": "{content.pop("sha256")}"}}')
    assert json.loads(before + "}") == content
    assert sealed(before + "}") == text


@pytest.mark.parametrize("version", [1, 3, 999_999_999])
def test_another_version(version, saved):
    saved.write_text(saved.read_text().replace('"version": 2', f'"version": {version}'))
    assert_refused(saved, f"is of version {version}; this is version 2: train anew")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_file_without_end(device):
    if not Path(device).exists():
        pytest.skip(f"this system has no {device}")
    with pytest.raises(CheckpointError, match=device):
        train(resume=device)


class Sum(nn.MLP):
    """As many parameters, used in another way."""

    def __call__(self, x):
        return super().__call__([sum(x), 0.0])


TRAININGS = {
    "another model": ({"model": nn.MLP(2, [3, 1], seed=1)}, "lacks|parameters"),
    "a smaller model": ({"model": nn.MLP(2, [1], seed=1)}, "parameters"),
    "another rule": ({"rule": optim.RMSprop(0.05)}, "optimizer.class='Adam', not 'RMSprop'"),
    "a rule of as many states": (
        {"rule": optim.AdamW(0.05)},
        "optimizer.class='Adam', not 'AdamW'",
    ),
    "another batch_size": ({"batch_size": 4}, "batch_size=3, not 4"),
    "no batch_size": ({"batch_size": None}, "batch_size=3, not None"),
    "another seed": ({"seed": 1}, "seed=0, not 1"),
    "no shuffle": ({"shuffle": False}, "shuffle=True, not False"),
    "more data": ({"data": datasets.moons(12, seed=3)}, "examples=10, not 12"),
    "some data held out": ({"validation": 0.2}, "examples=10, not 8"),
    "a validation set": ({"validation": datasets.moons(4)}, "validation=0, not 4"),
    "another activation": (
        {"model": nn.MLP(2, [2, 1], activation="relu", seed=1)},
        r"model.layers.0.neurons.0.activation='tanh', not 'relu'",
    ),
    "an activation of the last layer": (
        {"model": nn.MLP(2, [2, 1], activation=["tanh", "tanh"], seed=1)},
        r"model.layers.1.neurons.0.activation=None, not 'tanh'",
    ),
    "another option of a layer": (
        {"model": nn.MLP(2, [2, 1], activation="tanh", seed=1, expanded=True)},
        r"model.layers.0.neurons.0.expanded=False, not True",
    ),
    "a model of another class": ({"model": Sum(2, [2, 1], seed=1)}, "class='MLP', not 'Sum'"),
    "other data": ({"data": datasets.circles(10, seed=3)}, "other inputs"),
    "data in another order": ({"data": [part[::-1] for part in DATA]}, "other inputs"),
    "other labels": ({"data": (DATA[0], [1 - t for t in DATA[1]])}, "other targets"),
    "one other number": ({"data": ([*DATA[0][:-1], [0.0, 0.0]], DATA[1])}, "other inputs"),
    "another rate": ({"rule": optim.Adam(0.06)}, "optimizer.rate=0.05, not 0.06"),
    "a schedule": ({"rule": optim.Adam(optim.Constant(0.05))}, "optimizer.rate=0.05, not {'class"),
    "another beta1": ({"rule": optim.Adam(0.05, beta1=0.8)}, "optimizer.beta1=0.9, not 0.8"),
    "another beta2": ({"rule": optim.Adam(0.05, beta2=0.9)}, "optimizer.beta2=0.999, not 0.9"),
    "no bias_correction": (
        {"rule": optim.Adam(0.05, bias_correction=False)},
        "optimizer.bias_correction=True, not False",
    ),
    "a penalty": ({"penalty": nn.l2_penalty}, "penalty=None, not 'l2_penalty'"),
    "clipping of the norm": ({"clip_norm": 1.0}, "clip_norm=None, not 1.0"),
    "clipping of each": ({"clip_value": 1.0}, "clip_value=None, not 1.0"),
    "another loss": ({"loss": nn.mse}, "loss='binary_cross_entropy_with_logits', not 'mse'"),
    "further metrics": ({"metrics": {"one": lambda y, t: 1}}, "one"),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_the_checkpoint_of_another_training(name, saved):
    options, message = TRAININGS[name]
    model = options.get("model")
    before = model and model.state_dict()
    assert_refused(saved, message, **options)
    assert model is None or model.state_dict() == before


def test_other_validation_sets_are_told(tmp_path):
    path, held_out = tmp_path / "state", datasets.moons(4, seed=8)
    train(path, epochs=2, validation=held_out)
    opposite = held_out[0], [1 - t for t in held_out[1]]
    assert_refused(path, "other validation targets", validation=opposite)
    assert_refused(path, "other validation inputs", validation=datasets.moons(4, seed=9))
    assert_refused(path, "validation=4, not 0")
    train(path, epochs=2, validation=0.2)
    assert_refused(path, "validation=0.2, not 0.25", validation=0.25)


def test_of_data_on_demand_the_first_example_is_compared(tmp_path):
    path, rows = tmp_path / "state", Rows(DATA)
    train(path, data=rows, epochs=2)
    first, last = ([*DATA[0]] for _ in range(2))
    first[0] = last[-1] = [0.0, 0.0]
    assert_refused(path, "other first inputs", data=Rows((first, DATA[1])))
    assert_refused(path, "other first targets", data=Rows((DATA[0], [1 - t for t in DATA[1]])))
    for same in (rows, Rows((last, DATA[1])), DATA):  # who has read the whole to compare it?
        assert len(train(resume=path, data=same)) == 4


def test_data_are_their_numbers_in_any_form(tmp_path):
    path = tmp_path / "state"
    train(path, epochs=2)
    unbroken, resumed = network(), network(9)
    train(None, unbroken)
    train(None, resumed, data=[np.array(part) for part in DATA], resume=path)
    assert resumed.state_dict() == unbroken.state_dict()


class Penalty:
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, parameters):
        return nn.l2_penalty(parameters, self.strength)


class Subclass(Penalty):
    pass


def closing(strength):
    return lambda parameters: nn.l2_penalty(parameters, strength)


def default(strength):
    def penalty(parameters, strength=strength):
        return nn.l2_penalty(parameters, strength)

    return penalty


def by_name(strength):
    def penalty(parameters, *, strength=strength):
        return nn.l2_penalty(parameters, strength)

    return penalty


def in_a_script(strength):
    names = {"l2_penalty": nn.l2_penalty, "STRENGTH": strength}
    return eval("lambda ps: l2_penalty(ps, STRENGTH)", names)


FUNCTIONS = {
    "of other fractions": (
        lambda: lambda ps: nn.l2_penalty(ps, 0.25),
        lambda: lambda ps: nn.l2_penalty(ps, 0.5),
    ),
    "of fractions inside": (
        lambda: lambda ps: sum([(lambda p: 0.25 * p * p)(p) for p in ps]),
        lambda: lambda ps: sum([(lambda p: 0.5 * p * p)(p) for p in ps]),
    ),
    "of other functions": (
        lambda: lambda ps: nn.l2_penalty(ps, 0.25),
        lambda: lambda ps: nn.l1_penalty(ps, 0.25),
    ),
    "of what they close over": (lambda: closing(0.25), lambda: closing(0.5)),
    "of global numbers": (lambda: in_a_script(0.25), lambda: in_a_script(0.5)),
    "of defaults": (lambda: default(0.25), lambda: default(0.5)),
    "of defaults by name": (lambda: by_name(0.25), lambda: by_name(0.5)),
    "of bound arguments": (
        lambda: partial(nn.l2_penalty, strength=0.25),
        lambda: partial(nn.l2_penalty, strength=0.5),
    ),
    "that are objects": (lambda: Penalty(0.25), lambda: Penalty(0.5)),
    "that are methods": (lambda: Penalty(0.25).__call__, lambda: Penalty(0.5).__call__),
    "of other classes": (lambda: Penalty(0.25), lambda: Subclass(0.25)),
    "that close over functions": (
        lambda: (lambda f: lambda ps: f(ps))(closing(0.25)),
        lambda: (lambda f: lambda ps: f(ps))(closing(0.5)),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_told_apart(name, tmp_path):
    """Equal ones are other objects in each process."""
    one, other = FUNCTIONS[name]
    path = tmp_path / "state"
    train(path, epochs=2, penalty=one())
    assert_refused(path, "was written with penalty", penalty=other())
    assert len(train(resume=path, penalty=one())) == 4


def test_a_model_may_hold_anything(tmp_path):
    """What stands in itself, and what has no end of objects in it."""
    path, models = tmp_path / "state", [network(), network()]
    for model in models:
        model.inside, model.log, model.most = [1.0], logging.getLogger(__name__), INF
        model.inside.append(model.inside)
        model.least, model.kinds, model.keys = NAN, {int, "a"}, {1: 2, "b": (3, {4})}
        model.draw, model.compute = random.random, partial(closing, strength=np.float32(0.5))
        model.whole = model
        model.itself = lambda model=model: model.itself
        first, *others = model.parameters()
        model.by_object = {Penalty(0.5): 1, len: 2, first: 3, "itself": first}
        model.chosen, model.table = set(others), np.array([[Penalty(0.5), first]])
    train(path, models[0], epochs=2)
    assert len(train(path, models[1], resume=path)) == 4


def test_schedules_are_told_apart(tmp_path):
    path = tmp_path / "state"
    train(path, rule=optim.Adam(optim.Cosine(0.1, 3)), epochs=2)
    assert_refused(path, "optimizer.rate.duration=3, not 4", rule=optim.Adam(optim.Cosine(0.1, 4)))


# --------------------------------------------------------- numbers of a model that change


class Centred(nn.Module):
    """Inputs are centred by their running mean, which is no parameter."""

    def __init__(self, seed=1):
        self.net = network(seed)
        self.count, self.mean = 0, [0.0, 0.0]
        self.seen = {"largest": None, "words": "none"}

    def __call__(self, x):
        self.count += 1
        for i, xi in enumerate(x):
            self.mean[i] += (xi - self.mean[i]) / self.count
        self.seen["largest"] = max(self.seen["largest"] or x[0], x[0])
        self.seen["words"] = f"{self.count} examples"
        return self.net([xi - mean for xi, mean in zip(x, self.mean, strict=True)])


def besides(model):
    return model.count, model.mean, model.seen


@pytest.mark.parametrize("validation", [None, 0.3])
def test_numbers_that_change_belong_to_the_state(validation, tmp_path):
    assert_continues(tmp_path, network=Centred, engine="eager", validation=validation)
    whole, resumed = Centred(), Centred(9)
    train(None, whole, engine="eager", validation=validation)
    train(tmp_path / "half", Centred(), epochs=2, engine="eager", validation=validation)
    going_on = {"resume": tmp_path / "half", "engine": "eager", "validation": validation}
    train(None, resumed, **going_on)
    assert besides(resumed) == besides(whole)
    train(None, resumed, **going_on)  # with a model that has gone on before
    assert besides(resumed) == besides(whole)


def test_trying_a_model_out_does_not_count():
    """But for the very first time, in which models may make parts that they lack."""
    model = Centred()
    train(None, model, epochs=3, engine="eager")
    assert model.count == 1 + 3 * len(DATA[0])


class Counting(Centred):
    def __call__(self, x):  # the loss does not depend on it
        self.count += 1
        return self.net(x)


class CountingByName(Counting):
    def __call__(self, x):
        vars(self)["count"] += 1
        return self.net(x)


@pytest.mark.parametrize("kind", [Counting, CountingByName])
def test_a_model_that_changes_is_not_compiled(kind, capsys):
    words = r"changes (model\.count outside itself|when it is called, .*: count=2, not)"
    with pytest.raises(TypeError, match=words):
        train(None, kind(), engine="compiled")
    model = kind()
    train(None, model, epochs=3)
    assert model.count == 1 + 3 * len(DATA[0])
    assert re.search("can't be compiled: the (function|model) " + words, capsys.readouterr().err)


CHANGES = {
    "a tuple": lambda model: setattr(model, "part", (model.count, 0)),
    "a number of NumPy": lambda model: setattr(model, "part", np.float32(model.count)),
    "an array": lambda model: setattr(model, "part", np.full(2, model.count)),
    "an object": lambda model: setattr(model, "part", Penalty(model.count)),
    "a set": lambda model: setattr(model, "part", {model.count}),
    "a queue": lambda model: setattr(model, "part", deque([model.count])),
    "bytes": lambda model: setattr(model, "part", bytes(model.count)),
    "an array of objects": lambda model: setattr(model, "part", np.array([model.count, len])),
    "a dictionary by number": lambda model: setattr(model, "part", {model.count: 1}),
    "a mixed list": lambda model: setattr(model, "part", [model.count, len]),
    "random numbers": lambda model: model.random.random(),
    "random numbers of NumPy": lambda model: model.generator.random(),
    "random numbers of NumPy's old kind": lambda model: model.old_generator.random(),
    "a new number": lambda model: setattr(model, f"new_{model.count}", 1.0),
    "one number less": lambda model: vars(model).pop(f"old_{model.count}", 0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_can_not_be_kept_is_refused_before_training(name, tmp_path):
    class Changing(nn.Module):
        def __init__(self):
            self.net, self.count, self.part = network(), 0, 0
            self.random, self.generator = random.Random(1), np.random.default_rng(1)
            self.old_generator = np.random.RandomState(1)
            vars(self).update({f"old_{i}": 0 for i in range(1000)})

        def __call__(self, x):
            self.count += 1
            CHANGES[name](self)
            return self.net(x)

    path, model = tmp_path / "state", Changing()
    before = model.state_dict()
    words = "(part|random|(old_)?generator|new_2|old_2) of the model changes in training, and a"
    with pytest.raises(ValueError, match=words):
        train(path, model, engine="eager")
    assert model.state_dict() == before
    assert not path.exists()
    assert len(train(None, model, engine="eager")) == 4


def test_a_metric_without_a_number_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "state"
    with pytest.raises(TrainingError, match="batch 1: odd must be a finite number, not nan"):
        train(path, epochs=2, metrics={"odd": lambda y, t: NAN})
    assert not path.exists()


def test_no_file_at_all(tmp_path):
    model = network()
    before = model.state_dict()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        train(None, model, resume=tmp_path / "nowhere")
    with pytest.raises(OSError, match=tmp_path.name):
        train(None, model, resume=tmp_path)
    assert model.state_dict() == before


# -------------------------------------------------------------------- disks that refuse


def assert_kept(path, before, code):
    """The write fails with the path, the file before it stays, and nothing else is left."""
    with pytest.raises(OSError, match=path.name) as caught:
        train(path, resume=path)
    assert caught.value.errno == code
    assert Path(caught.value.filename) == path
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk(call, saved, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        assert_kept(saved, before, errno.ENOSPC)
    whole = train()
    assert train(saved, resume=saved) == whole


def test_a_disk_that_takes_a_part(saved):
    resource = pytest.importorskip("resource", reason="this system limits no sizes")
    before, limits = saved.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert_kept(saved, before, errno.EFBIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_device_that_is_full():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match=r"No space left"):
        train("/dev/full")
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(os.name == "nt", reason="folders there have no such rights")
def test_a_folder_that_can_only_be_read():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state")
        train(path, epochs=2)
        before = path.read_bytes()
        path.chmod(0o644)
        Path(folder).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # whom no rights are waived for
        try:
            assert_kept(path, before, errno.EACCES)
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o755)


def test_a_folder_that_is_missing_is_found_before_any_training(tmp_path):
    model = network()
    before = model.state_dict()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        train(tmp_path / "nowhere" / "state", model)
    assert model.state_dict() == before
    with pytest.raises(IsADirectoryError):
        train(tmp_path, model)
    assert model.state_dict() == before


def test_ctrl_c_in_a_write(saved, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        history = train(saved, resume=saved)
    assert history.stopped
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
    assert train(saved, resume=saved) == train()
