"""Training on data that are read on demand: equal to lists, a batch at a time, checked."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.compiler import TraceError
from micrograd_plus.training import TrainingError, compiled, evaluate
from tests import trainings
from tests.effort import slow
from tests.needs import needed

LOGITS = nn.binary_cross_entropy_with_logits
DATA = datasets.moons(60, seed=3)
HELD_OUT = datasets.moons(20, seed=4)
NAN = math.nan


@pytest.fixture(params=["eager", "compiled"])
def engine(request):
    return request.param


@pytest.fixture(params=["eager", "compiled", pytest.param("jax", marks=slow)])
def any_engine(request):
    """JAX takes a second to compile: it is here where its engine reads in its own way."""
    if request.param == "jax":
        needed("jax")
    return request.param


def network():
    return nn.MLP(2, [3, 1], activation="tanh", seed=1)


def trained(data, **options):
    """The parameters and the history."""
    model = network()
    given = {"epochs": 3, "batch_size": 7, "validation": 0.2, **options}
    history = mg.fit(model, data, LOGITS, optim.Adam(0.05), **given)
    return [p.data for p in model.parameters()], history


class Part:
    """Items that are read one by one."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        assert type(i) is int
        return self.items[i]


def stored(part, folder):
    """An array in a file."""
    array = np.array(part)
    path = folder / f"{array.ndim}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


FORMS = {
    "files": lambda x, t, folder: (stored(x, folder), stored(t, folder)),
    "a file and a list": lambda x, t, folder: (stored(x, folder), t),
    "one of pairs": lambda x, t, folder: trainings.Rows((x, t)),
    "inputs alone": lambda x, t, folder: (Part(x), iter(t)),
    "targets alone": lambda x, t, folder: (x, Part(t)),
    "items that are arrays": lambda x, t, folder: [Part([*map(np.array, part)]) for part in (x, t)],
}


@pytest.mark.parametrize("form", FORMS)
def test_bit_equal_to_lists(form, engine, tmp_path):
    data = FORMS[form](*DATA, tmp_path)
    assert trained(data, engine=engine) == trained(DATA, engine=engine)


@pytest.mark.parametrize(
    "options",
    [
        {"validation": HELD_OUT},
        {"validation": trainings.Rows(HELD_OUT)},
        {"validation": None, "batch_size": None},
        {"gradient_flow": True, "shuffle": False, "metrics": {"target": lambda y, t: t}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_mean_the_same(options, engine):
    in_memory = options | ({"validation": HELD_OUT} if options.get("validation") else {})
    expected = trained(DATA, engine=engine, **in_memory)
    assert trained(trainings.Rows(DATA), engine=engine, **options) == expected


def test_a_set_in_memory_with_one_on_demand(engine):
    found = trained(DATA, engine=engine, validation=trainings.Rows(HELD_OUT))
    assert found == trained(DATA, engine=engine, validation=HELD_OUT)


@pytest.mark.parametrize("name", trainings.ALL)
def test_trainings_of_all_kinds(name, engine):
    """Several outputs, targets that are lists, and steps that are left to the engine."""
    train = trainings.ALL[name]
    found = trainings.found(train, form=trainings.Rows, engine=engine)
    assert found == trainings.found(train, engine=engine)


@slow
def test_on_the_devices_of_jax():
    needed("jax")
    assert trained(trainings.Rows(DATA), engine="jax") == trained(DATA, engine="jax")
    expected = trainings.found(trainings.saturated, engine="jax")
    found = trainings.found(trainings.saturated, form=trainings.Rows, engine="jax")
    assert found == expected


def test_evaluate_reads_on_demand():
    assert evaluate(network(), trainings.Rows(DATA), LOGITS) == evaluate(network(), DATA, LOGITS)


@pytest.mark.parametrize(
    "change",
    [Fraction, bool, np.int8, lambda x: x * 10**20],
    ids=["Fraction", "bool", "int8", "int"],
)
def test_unusual_numbers(change, engine):
    """Those that an array does not hold as floats."""
    inputs = [[change(round(x)) for x in row] for row in DATA[0]]
    data = inputs, DATA[1]
    assert trained(trainings.Rows(data), engine=engine) == trained(data, engine=engine)


def test_a_loss_that_needs_values_is_not_tried_with_numbers():
    def loss(y, t):
        return y.relu() if t else y * y

    found = []
    for data in (DATA, trainings.Rows(DATA)):
        model = nn.MLP(2, [1], seed=1)
        found.append((mg.fit(model, data, loss, engine="eager"), model.state_dict()))
    assert found[0] == found[1]


def test_each_example_is_read_once_in_an_epoch(any_engine):
    data = trainings.Rows(DATA)
    trained(data, engine=any_engine, validation=None, shuffle=False)
    assert data.asked[-120:] == [*range(60)] * 2
    assert set(data.asked[:-180]) <= {*range(16)}  # to compare the program with the function


def test_evaluation_takes_some_at_a_time(any_engine, monkeypatch):
    expected = trained(DATA, engine=any_engine, validation=HELD_OUT)
    monkeypatch.setattr(compiled, "_AT_A_TIME", 6)
    found = trained(trainings.Rows(DATA), engine=any_engine, validation=HELD_OUT)
    assert found[0] == expected[0]
    for mine, theirs in zip(found[1].epochs, expected[1].epochs, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-12)


@slow
def test_little_is_in_memory_at_a_time(tmp_path):
    """64 MB of inputs, in a file without content, twice: for training and for validation."""
    shape = 16384, 512
    inputs = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=shape)
    targets = np.memmap(tmp_path / "t", dtype=float, mode="w+", shape=shape[0])
    model = nn.MLP(512, [1], activation="tanh", seed=1)
    data = inputs, targets
    tracemalloc.start()
    try:
        mg.fit(model, data, nn.mse, epochs=1, batch_size=512, validation=data, engine="compiled")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6


# ------------------------------------------------------------------------ bad data

GOOD = [[0.1, 0.2]] * 25, [0, 1, 0, 1, 0] * 5
BAD = {
    "not a number": (([0.0, NAN], 0), ValueError, "data, row 25, column 1 must be a finite .*nan"),
    "in an array": ((np.array([NAN, 0]), 0), ValueError, "data, row 25, column 0 .*finite.*nan"),
    "beyond the floats": (([10**400, 0], 0), ValueError, "data, row 25, column 0 is too large"),
    "beyond the floats, in an array": (
        (np.array([0.0, "1e400"], np.longdouble), 0),
        ValueError,
        "data, row 25, column 1 must be a finite number",
    ),
    "a complex number": (([0.0, 1j], 0), TypeError, "data, row 25, column 1 must be a real .*1j"),
    "a string": (([0.0, "1"], 0), TypeError, "data, row 25, column 1 must be a real .*'1'"),
    "strings": ((["0", "1"], 0), TypeError, "data, row 25, column 0 must be a real .*'0'"),
    "None": (([0.0, None], 0), TypeError, "data, row 25, column 1.*None"),
    "a number for a row": ((0.5, 0), TypeError, "data, row 25: a sequence of numbers .*0.5"),
    "a masked row": (
        (np.ma.array([0.0, 1.0], mask=[0, 1]), 0),
        TypeError,
        "data, row 25, column 1 must be a real .*None",
    ),
    "a dictionary for a row": (
        ({0: 0.0, 1: 0.0}, 0),
        TypeError,
        "data, row 25: a dict has no rows in order",
    ),
    "a set for a row": (({0.0, 1.0}, 0), TypeError, "data, row 25: a set has no rows in order"),
    "a dictionary for a pair": ({0: 0.0, 1: 0.0}, TypeError, "data, row 25: a pair of inputs"),
    "a nested row": (([[0.0, 0.0]], 0), TypeError, "data, row 25, column 0"),
    "a narrow row": (([0.0], 0), ValueError, "data, row 25: 1 numbers, not 2 as above"),
    "a wide row": (([0.0] * 3, 0), ValueError, "data, row 25: 3 numbers, not 2 as above"),
    "a target of nan": (([0.0, 0.0], NAN), ValueError, "data, target 25 .*finite.*nan"),
    "a target of text": (([0.0, 0.0], "1"), TypeError, "data, target 25 .*'1'"),
    "out of range": (([0.0, 0.0], 2), ValueError, "data, target 25: .*between 0 and 1, not 2"),
    "no pair": (([0.0, 0.0],), TypeError, r"data, row 25: a pair .* needed, not \(\[0.0, 0.0\],\)"),
    "nothing": (None, TypeError, "data, row 25: a pair of inputs and target is needed, not None"),
}


@pytest.mark.parametrize("size", [10, 1])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_told_when_it_is_read(name, size, engine):
    item, kind, message = BAD[name]
    items = [*zip(*GOOD, strict=True), item, *zip(*GOOD, strict=True)]
    options = {"batch_size": size, "shuffle": False, "engine": engine}
    model = network()
    with pytest.raises(kind, match=message):
        mg.fit(model, Part(items), LOGITS, optim.Adam(0.05), **options)
    other, two = network(), [part[: 25 // size * size] for part in GOOD]  # the batches before it
    mg.fit(other, two, LOGITS, optim.Adam(0.05), epochs=1, **options)
    assert [p.data for p in model.parameters()] == [p.data for p in other.parameters()]


def test_a_number_that_is_none_has_its_batch_and_the_history(any_engine):
    items = [*zip(*GOOD, strict=True), ([0.0, NAN], 0)]
    with pytest.raises(TrainingError, match="epoch 1, batch 3: the data, row 25, column 1") as e:
        mg.fit(network(), Part(items), LOGITS, batch_size=10, shuffle=False, engine=any_engine)
    assert len(e.value.history.batches) == 2


def test_a_bad_row_of_the_validation_set(any_engine):
    held_out = Part([*zip(*GOOD, strict=True), ([0.0, math.inf], 0)])  # tanh would make it 1
    with pytest.raises(ValueError, match="the validation set, row 25, column 1 must be a finite"):
        mg.fit(network(), DATA, LOGITS, validation=held_out, engine=any_engine)


def test_a_bad_row_is_no_reason_not_to_compile(capsys):
    items = [([0.0, 0.0], 0), ([0.0], 0), ([0.0, 0.0], 0)]
    with pytest.raises(ValueError, match="the data, row 1: 1 numbers"):
        mg.fit(network(), Part(items), LOGITS)
    assert capsys.readouterr().err == ""


def test_an_error_of_reading_tells_the_row(engine):
    class Broken(Part):
        def __getitem__(self, i):
            if i == 25:
                raise OSError("the disk is gone")
            return super().__getitem__(i)

    with pytest.raises(OSError, match="the disk is gone") as caught:
        mg.fit(network(), Broken([*zip(*GOOD, strict=True)] * 2), LOGITS, engine=engine)
    assert caught.value.__notes__ == ["(the data, row 25, could not be read)"]


def test_targets_of_another_form_are_refused(engine):
    items = [([0.0, 0.0], 0)] * 25 + [([0.0, 0.0], [0])]
    with pytest.raises(ValueError, match="target 25: 1 numbers, not a number alone as above"):
        mg.fit(network(), Part(items), nn.mse, engine=engine)


FIRST = {
    "no examples": (Part([]), ValueError, "the data: there are no examples"),
    "not as many": ((Part([[0.0]]), [0, 1]), ValueError, "1 inputs need as many targets, not 2"),
    "the first row": (Part([([0.0, NAN], 0)]), ValueError, "the data, row 0, column 1"),
    "too wide": (Part([([0.0] * 3, 0)]), ValueError, "the data, row 0: .*2 inputs, not 3"),
    "the first target": (Part([([0.0] * 2, 3)]), ValueError, "the data, target 0: .*not 3"),
    "rows alone": (Part([[0.0, 0.0]]), TypeError, "row 0, column|row 0: a sequence of numbers"),
}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_example_is_checked_before_training(name, engine, tmp_path):
    data, kind, message = FIRST[name]
    file = tmp_path / "state"
    with pytest.raises(kind, match=message) as caught:
        mg.fit(network(), data, LOGITS, checkpoint=file, engine=engine)
    assert not isinstance(caught.value, TrainingError)
    assert not file.exists()


def test_what_is_in_memory_is_checked_at_once():
    """Arrays, and whatever else can be turned into a list: nothing is trained."""
    inputs = np.zeros((60, 2))
    inputs[50, 1] = NAN
    for data in ((inputs, range(60)), (inputs.tolist(), [0] * 60)):
        with pytest.raises(ValueError, match="row 50, column 1") as caught:
            mg.fit(network(), data, nn.mse)
        assert not isinstance(caught.value, TrainingError)


@pytest.mark.parametrize("any_engine", ["compiled", "jax"], indirect=True)
def test_a_program_that_is_not_the_function(any_engine):
    def loss(outputs, target):  # looks at what differs while it is traced
        return outputs * (outputs if isinstance(target, mg.Value) else 2.0)

    model = nn.MLP(2, [1], seed=1)
    before = [p.data for p in model.parameters()]
    with pytest.raises(TraceError, match="the loss of some examples differs"):
        mg.fit(model, trainings.Rows(DATA), loss, engine=any_engine)
    assert [p.data for p in model.parameters()] == before
