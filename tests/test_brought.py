"""What people bring: tables, arrays of other libraries, pairs; always by rows, never by columns."""

from importlib import import_module

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim, plots
from tests.needs import needed

ROWS = np.array([[1.0, 2.0], [3.0, 5.0]])  # as many as columns, so that no length tells them apart
TARGETS = [1, 0]

LIBRARIES = {
    "pandas": lambda pandas, x: (
        # columns are called 1 and 0, and so is the index: by name is not by place
        pandas.DataFrame(x, columns=[1, 0], index=[1, 0])
        if np.ndim(x) == 2
        else pandas.Series(x, index=[1, 0])
    ),
    "pandas with names": lambda pandas, x: (
        pandas.DataFrame(x, columns=["a", "b"]) if np.ndim(x) == 2 else pandas.Series(x)
    ),
    "polars": lambda polars, x: (
        polars.DataFrame(x, schema=["a", "b"]) if np.ndim(x) == 2 else polars.Series(x)
    ),
    "jax": lambda jax, x: jax.numpy.array(x, "float32"),
    "torch": lambda torch, x: torch.tensor(x),
    "numpy": lambda numpy, x: numpy.array(x),
    "lists": lambda _, x: np.array(x).tolist(),
    "tuples": lambda _, x: tuple(map(tuple, x)) if np.ndim(x) == 2 else tuple(x),
    "iterators": lambda _, x: iter(np.array(x).tolist()),
}
EVERYTHING = [name for name in LIBRARIES if name != "iterators"]


def brought(library, x):
    """Numbers in one of the forms that people have them in."""
    package = library.split()[0]
    if package in ("lists", "tuples", "iterators"):
        return LIBRARIES[library](None, x)
    if package == "torch":  # is not among the packages of the tests
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[bench]'")
    needed(package)
    return LIBRARIES[library](import_module(package), x)


def quadratic(x):
    return x[0][0] * 2 + x[1][0] ** 2 + x[0][1] * x[1][1]


@pytest.mark.parametrize("library", EVERYTHING)
def test_derivatives_are_by_rows(library):
    expected = [[2.0, 5.0], [6.0, 2.0]]
    table, row = brought(library, ROWS), brought(library, ROWS[0])
    found = mg.grad(quadratic)(table)
    assert [*map(list, found)] == expected
    assert type(found) is (tuple if library == "tuples" else list)
    assert mg.grad(quadratic)(x=table)["x"] == found
    assert [*mg.grad(lambda x: x[0] ** 2 + 3 * x[1])(row)] == [2.0, 3.0]
    assert mg.jvp(quadratic, (table,), (brought(library, [[1.0, 0.0], [0.0, 0.0]]),))[1] == 2
    assert [*mg.vjp(lambda x: x, row)[1](row)] == [1.0, 2.0]
    report = mg.check_gradients(quadratic, table, second=False)
    assert [r.reverse for r in report.rows] == [2.0, 5.0, 6.0, 2.0]
    assert [r.name for r in report.rows][:2] == ["∂f/∂x1[0][0]", "∂f/∂x1[0][1]"]


@pytest.mark.parametrize("library", [*EVERYTHING, "iterators"])
@pytest.mark.parametrize("expanded", [False, True])
def test_one_example_for_layers_losses_and_functions(library, expanded):
    layer = nn.Layer(2, 2, seed=1, expanded=expanded)
    expected = [y.data for y in layer([1.0, 2.0])]
    assert [y.data for y in layer(brought(library, [1.0, 2.0]))] == expected
    assert mg.sum(brought(library, [1.0, 2.0])) == 3
    assert mg.max(brought(library, [1.0, 2.0])) == 2
    v = mg.Value(5.0)
    assert mg.dot([v, v], brought(library, [1.0, 2.0])).data == 15
    assert nn.mse([v, v], brought(library, [1.0, 2.0])).data == nn.mse([v, v], [1, 2]).data


@pytest.mark.parametrize("library", ["pandas", "pandas with names", "polars"])
def test_a_table_is_no_row(library):
    """Its columns' names, which happen to be numbers, are never taken for its contents."""
    table = brought(library, ROWS)
    for function in (mg.sum, mg.mean, mg.softmax, nn.Neuron(2), nn.MLP(2, [2, 1])):
        with pytest.raises(TypeError):
            function(table)


@pytest.mark.parametrize("library", EVERYTHING)
@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_programs_take_rows(library, backend):
    table = brought(library, ROWS)

    def fn(x):
        return 10 * x[0] + x[1]

    # a tuple is a structure of arguments, of which `Programs` can't know that it is one
    programs = [] if library == "tuples" else [mg.compile(fn, backend=backend)]
    programs.append(mg.compile(fn, [0.0, 0.0], backend=backend))
    for program in programs:
        assert program(table).tolist() == [12, 35]
        assert program(x=table).tolist() == [12, 35]
        assert program.value_and_grad(x=table)[0] == 23.5
    by_row = mg.compile(fn, brought(library, ROWS[0]))
    assert by_row(ROWS).tolist() == [12, 35]


@pytest.mark.parametrize("library", ["pandas with names", "polars"])
def test_a_dictionary_of_columns_is_taken_from_a_table(library):
    program = mg.compile(lambda row: 10 * row["a"] + row["b"], {"a": 0.0, "b": 0.0})
    assert program(brought(library, ROWS)).tolist() == [12, 35]
    with pytest.raises(ValueError, match="must have the keys 'c'"):
        mg.compile(lambda row: row["c"], {"c": 0.0})(brought(library, ROWS))


def trained(data, **options):
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    mg.fit(model, data, nn.mse, optim.Adam(0.1), epochs=2, progress=False, **options)
    return [p.data for p in model.parameters()]


@pytest.mark.parametrize("library", EVERYTHING)
def test_training_is_the_same(library):
    data = brought(library, ROWS), brought(library, TARGETS)
    assert trained(data) == trained((ROWS.tolist(), TARGETS))
    train, held = datasets.split(data, 0.5)
    assert np.array_equal(np.asarray(train[0]), datasets.split((ROWS, TARGETS), 0.5)[0][0])
    assert [len(held[0]), len(held[1])] == [1, 1]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("target", [1.0, True, np.bool_(True), np.float32(1)])
def test_pairs_are_data(count, target):
    inputs, targets = ([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]][:count], [target, 0.0, 1.0][:count])
    pairs = list(zip(inputs, targets, strict=True))
    expected = trained((inputs, [float(t) for t in targets]))
    assert trained(pairs) == expected
    assert trained([(np.array(x), t) for x, t in pairs]) == expected
    assert trained(pairs, validation=pairs) == expected
    if count > 1:
        (x, _), _ = datasets.split(pairs, 0.5)
        assert np.shape(x) == (count - count // 2 if count == 2 else 1, 2)


def test_two_pairs_of_vectors_are_inputs_and_targets():
    """What could be either is what it was before there were pairs."""
    data = [((1.0, 2.0), (3.0, 5.0)), ((0.0, 1.0), (1.0, 0.0))]
    assert datasets.unzipped(data) is data
    with pytest.raises(TypeError, match="must be a pair of sequences"):
        mg.fit(nn.Neuron(2), [(1.0, 2.0), (3.0, 4.0), 5.0], nn.mse)


@pytest.mark.parametrize("number", [np.bool_(True), np.float32(1), np.int8(1), np.array(1.0), True])
def test_numbers_of_numpy(number):
    v = mg.Value(3.0)
    assert mg.Value(number).data == 1
    for found in (v * number, number * v, v / number, v**number, mg.pow(v, number)):
        assert float(found.data) == 3
    assert mg.where(number, v, 0.0).data == 3
    assert mg.grad(lambda x: 3 * x)(number) == 3
    assert mg.take([v, 2 * v], number).data == 6
    assert nn.softmax_cross_entropy([v, v], number).data == pytest.approx(np.log(2))
    assert nn.binary_cross_entropy_with_logits(v, number).data == pytest.approx(
        np.log1p(np.exp(-3))
    )
    assert nn.hinge(v, number).data == 0
    assert nn.mse(v, number).data == 4


def test_arguments_by_name():
    """In any order, and in errors by the function's own names."""

    def fn(x, t, scale=1.0):
        return scale * (x - t) ** 2

    program = mg.compile(fn, t=0.0, x=0.0)
    assert program(t=[1.0, 2.0], x=[3.0, 3.0]).tolist() == [4, 1]
    assert program([3.0], t=[1.0]).tolist() == [4]
    value, _ = program.value_and_grad(t=[1.0, 2.0], x=[3.0, 3.0], weights=[1.0, 1.0])
    assert value == 5
    assert mg.compile(fn)(t=[1.0, 2.0], x=[3.0, 3.0]).tolist() == [4, 1]
    assert mg.compile(fn, 0.0, scale=0.0, t=0.0)([3.0], [1.0], [2.0]).tolist() == [8]
    for wrong in ({"y": 0.0}, {"x": 0.0, "parms": []}, {"x": 0.0}):
        with pytest.raises(TypeError, match="signature"):
            mg.compile(fn, **wrong)
    with pytest.raises(TypeError, match=r"scale can't be given by name only.*\*, scale"):
        mg.compile(lambda x, *, scale: x * scale, 1.0, scale=2.0)


def test_plots_take_tables():
    needed("pandas", "matplotlib")
    data = brought("pandas", ROWS), brought("pandas", TARGETS)
    (axes,) = plots.decision_boundary(lambda x: x[0] - x[1], data, steps=5).axes
    places = [tuple(place) for dots in axes.collections for place in dots.get_offsets().tolist()]
    assert {*map(tuple, ROWS.tolist())} <= {*places}


@pytest.mark.parametrize(
    ("data", "loss", "words"),
    [
        ((ROWS, [[1], [0]]), nn.binary_cross_entropy_with_logits, r"target 0: .* give y\[:, 0\]"),
        ((ROWS, [[1], [-1]]), nn.hinge, r"target 0: .* give y\[:, 0\]"),
        (
            (ROWS, ["cat", "dog"]),
            nn.binary_cross_entropy_with_logits,
            "not 'cat': .*return_inverse",
        ),
        ((ROWS, np.array(["cat", "dog"])), nn.mse, "target 0 .* not 'cat': .*return_inverse"),
        (ROWS, np.array(TARGETS), r"a loss is a function .*: .* fit\(model, \(X, y\), loss\)"),
        (ROWS, TARGETS, r"a loss is a function .*: .* fit\(model, \(X, y\), loss\)"),
    ],
)
def test_data_in_another_form_are_met_with_what_to_write(data, loss, words):
    with pytest.raises((TypeError, ValueError), match=words):
        mg.fit(nn.MLP(2, [1], seed=1), data, loss, epochs=1)


def test_labels_as_proposed_are_learnt():
    classes, y = np.unique(["dog", "cat"], return_inverse=True)
    model = nn.MLP(2, [2], seed=1)
    mg.fit(model, (ROWS, y), nn.softmax_cross_entropy, optim.Adam(0.1), epochs=200)
    assert [*classes[model.predict(ROWS, nn.softmax_cross_entropy)]] == ["dog", "cat"]


def test_the_spread_of_values_is_numpys():
    numbers = np.array([1.0, 2.0, 4.0])
    for spread, slopes in (
        (np.var, 2 / 3 * (numbers - numbers.mean())),
        (np.std, (numbers - numbers.mean()) / (3 * numbers.std())),
    ):
        value, gradient = mg.value_and_grad(spread)(numbers)
        assert value == pytest.approx(spread(numbers))
        assert gradient == pytest.approx([*slopes])
