"""Pictures of decisions, by their pixels; curves and surfaces by their points; colours as eyes see
them; and optional packages.
"""

import re
import sys
import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim, plots
from micrograd_plus._tools.extras import need
from micrograd_plus.training import History, evaluate
from tests.eyes import SIGHTS, contrast, difference
from tests.trainings import Table

SQUARE = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]


class Picture:
    """A decision boundary as pixels, found by the coordinates of the plane."""

    def __init__(self, classify, data, **options):
        figure = Figure(figsize=(4, 4), dpi=100)
        self.axes = figure.add_subplot()
        plots.decision_boundary(classify, data, axes=self.axes, **options)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)

    def at(self, point):
        column, row = self.axes.transData.transform(point)
        return self.pixels[round(self.pixels.shape[0] - 1 - row), round(column)]

    def inside(self):
        """All pixels of the plane, without its frame."""
        (left, bottom), (right, top) = (
            self.axes.get_window_extent().get_points().round().astype(int)
        )
        height = self.pixels.shape[0]
        return self.pixels[height - top + 2 : height - bottom - 2, left + 2 : right - 2]


def painted(index, alpha=0.25):
    """The colour of a class, laid upon white."""
    colour = to_rgb(plots.COLOURS[index % len(plots.COLOURS)])
    return 255 * (alpha * np.array(colour) + 1 - alpha)


def which(colour, classes, alpha=0.25):
    """The class that a colour is of; None for another colour."""
    near = [i for i in range(classes) if abs(colour - painted(i, alpha)).max() <= 1.5]
    return near[0] if near else None


def above_the_diagonal(x):
    return int(x[1] > x[0])


def around(x):
    """Three sectors: each has a border with both others."""
    return int(np.arctan2(x[1], x[0]) // (2 * np.pi / 3)) % 3


def ring(x):
    return 1 if 0.4 < np.hypot(*x) < 0.8 else 0


def stripes(x):
    return min(int((x[0] + 1.2) / 0.3), 7)  # more classes than colours


@pytest.mark.parametrize(
    ("classify", "classes", "border"),
    [
        (above_the_diagonal, 2, lambda x, y: abs(x - y)),
        (around, 3, lambda x, y: min(abs(y) if x > 0 else 9, abs(abs(y) - 3**0.5 * abs(x)))),
        (ring, 2, lambda x, y: min(abs(np.hypot(x, y) - 0.4), abs(np.hypot(x, y) - 0.8))),
        (stripes, 6, lambda x, y: min(abs(x + 1.2 - 0.3 * i) for i in range(9))),
    ],
)
def test_the_plane_has_the_colours_of_the_classes(classify, classes, border):
    data = SQUARE, [classify(x) for x in SQUARE]
    picture = Picture(classify, data)
    random = np.random.default_rng(1)
    seen = set()
    for x, y in random.uniform(-1.15, 1.15, size=(300, 2)).tolist():
        # away from borders, which are as wide as a step, and from the dots of the data
        if border(x, y) > 0.1 and min(np.hypot(x - a, y - b) for a, b in SQUARE) > 0.1:
            assert which(picture.at((x, y)), classes) == classify([x, y]) % classes, (x, y)
            seen.add(classify([x, y]) % classes)
    assert seen == set(range(classes))


def test_the_data_stand_upon_it_in_the_colours_of_their_classes():
    inputs, targets = SQUARE, [0, 1, 2, 0]  # not what the model says
    picture = Picture(lambda x: 1, (inputs, targets))
    for point, target in zip(inputs, targets, strict=True):
        assert which(picture.at(point), 3, alpha=1.0) == target
        assert which(picture.at((point[0], point[1] + 0.1)), 3) == 1
    assert {-1.0, 0.0, 1.0} <= {*picture.axes.get_xticks()} & {*picture.axes.get_yticks()}
    legend = picture.axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "2"]
    assert legend.get_title().get_text() == "class"
    (low, high), (bottom, top) = picture.axes.get_xlim(), picture.axes.get_ylim()
    assert low < -1.1 < 1.1 < high  # a little beyond the data
    assert bottom < -1.1 < 1.1 < top
    across, up = (
        picture.axes.transData.transform(p) - picture.axes.transData.transform((0, 0))
        for p in ((1, 0), (0, 1))
    )
    assert across[0] == pytest.approx(up[1])  # circles stay round


def test_the_model_is_asked_at_the_points_of_a_grid():
    asked = []
    Picture(lambda x: asked.append(x) or 0, (SQUARE, [0] * 4), steps=5)
    line = [-1.2, -0.6, 0.0, 0.6, 1.2]
    assert len(asked) == 25
    assert sorted(asked) == [pytest.approx([x, y]) for x in line for y in line]


def test_one_class_only_and_data_on_a_line():
    picture = Picture(lambda x: 0, ([[2.0, 1.0], [2.0, 5.0]], [0, 0]))
    assert which(picture.at((2.0, 3.0)), 2) == 0
    assert picture.axes.get_xlim() == pytest.approx((1.0, 3.0))


def test_a_decision_of_a_model_on_a_data_set():
    data = datasets.circles(60, noise=0)
    picture = Picture(lambda x: int(np.hypot(*x) < 0.75), data)
    assert which(picture.at((0.05, 0.1)), 2) == 1
    assert which(picture.at((0.95, 0.95)), 2) == 0


def test_a_table_is_its_rows():
    data = [[1.0, 2.0], [3.0, 5.0]], [0, 1]
    tables = Table(data[0]), data[1]
    pictures = [Picture(lambda x: int(x[0] > 2), kind) for kind in (data, tables)]
    assert len({picture.axes.get_xlim() for picture in pictures}) == 1
    model = nn.MLP(2, [1], seed=1)
    along = model.parameters()[:2]
    surfaces = [plots.loss_along(model, kind, nn.mse, along) for kind in (data, tables)]
    assert surfaces[0]([0.5, 1.0]) == surfaces[1]([0.5, 1.0])


def test_no_class_is_drawn_where_the_model_gives_none():
    picture = Picture(lambda x: 0 if x[0] < 0 else 2, (SQUARE, [0, 0, 2, 2]))
    away = abs(picture.inside() - painted(1)).max(axis=-1) > 1.5
    assert away.all()


@pytest.mark.parametrize("data", [SQUARE, [SQUARE], None, 3])
def test_data_are_a_pair(data):
    with pytest.raises(TypeError, match="the data must be a pair of sequences, inputs and targets"):
        plots.decision_boundary(lambda x: 0, data)


def test_inputs_of_two_numbers_only():
    for inputs in ([[1.0]], [[1.0, 2.0], [1.0, 2.0, 3.0]]):
        with pytest.raises(ValueError, match="inputs of two numbers each"):
            plots.decision_boundary(lambda x: 0, (inputs, [0] * len(inputs)))


@pytest.mark.parametrize(
    ("model", "point", "expected"),
    [
        (lambda x: [x[0], 0.1, x[1]], (1.0, 0.0), 0),
        (lambda x: [mg.Value(x[0]), mg.Value(0.5), mg.Value(x[1])], (0.0, 1.0), 2),
        (lambda x: x[0], (1.0, 0.0), 1),  # a logit
        (lambda x: mg.Value(x[0]), (-1.0, 0.0), 0),
        (lambda x: np.int64(2), (0.0, 0.0), 2),
        (lambda x: x[0] > 0, (1.0, 0.0), 1),
    ],
)
def test_models_and_decisions(model, point, expected):
    picture = Picture(model, (SQUARE, [0, 1, 2, 0]), steps=20)
    shares = (0.1, 0.17, 0.25, 0.33, 0.42)
    found = {which(picture.at(point), 3, alpha) for alpha in shares} - {None}
    assert found == {expected}


def strength(colour):
    """How much of the colour of class 1 is laid upon white."""
    full = 255 * np.array(to_rgb(plots.COLOURS[1]))
    return float(np.mean((255 - colour) / (255 - full)))


def test_the_surer_a_model_is_the_stronger_is_the_colour():
    picture = Picture(lambda x: 6 * x[0], (SQUARE, [0, 0, 1, 1]))
    logits = {0.02: 0.1, 0.1: 0.17, 0.25: 0.25, 0.55: 0.33, 0.95: 0.42}
    assert [1 / (1 + np.exp(-6 * x)) for x in logits] == pytest.approx(
        [0.53, 0.646, 0.818, 0.964, 0.997], abs=0.001
    )
    for x, share in logits.items():
        assert strength(picture.at((x, 0.0))) == pytest.approx(share, abs=0.01)
    assert picture.axes.get_legend().get_title().get_text() == "class\n(stronger: surer)"


def test_the_edge_between_classes_is_smooth():
    """Far closer to the circle where the scores are equal than a step of the grid."""
    figure = plots.decision_boundary(
        lambda x: 1 - x[0] ** 2 - x[1] ** 2, (SQUARE, [0] * 4), steps=30
    )
    edges = [c for c in figure.axes[0].collections if list(getattr(c, "levels", ())) == [0.0]]
    points = np.concatenate([segment for edge in edges for segment in edge.allsegs[0]])
    assert len(points) > 50
    assert np.hypot(*points.T) == pytest.approx(np.ones(len(points)), abs=0.003)


def test_decisions_of_numpy_are_classes():
    picture = Picture(lambda x: np.bool_(x[0] > 0), (SQUARE, [0, 0, 1, 1]))
    assert [which(picture.at((x, 0.0)), 2) for x in (-0.5, 0.5)] == [0, 1]


def test_classes_differ_by_their_marks_too():
    inputs = [[float(i), float(i % 3)] for i in range(8)]
    picture = Picture(lambda x: 0, (inputs, range(8)))
    marks = [found for found in picture.axes.collections if isinstance(found, PathCollection)]
    shapes = [dots.get_paths()[0].vertices.tolist() for dots in marks]
    colours = [dots.get_facecolor().tolist() for dots in marks]
    assert len(shapes) == 8
    assert len({str(look) for look in zip(shapes, colours, strict=True)}) == 8
    assert all(a != b for a, b in pairwise(shapes))


@pytest.mark.parametrize("target", [-1, 0.5, float("nan"), float("inf")])
def test_targets_are_classes(target):
    with pytest.raises(ValueError, match=r"target 1 is .*: classes are counted 0, 1, 2"):
        plots.decision_boundary(lambda x: 0, (SQUARE, [0, target, 0, 0]))
    with pytest.raises(ValueError, match="inputs of two numbers each"):
        plots.decision_boundary(lambda x: 0, ([], []))


# --------------------------------------------------------------------------- curves


@pytest.mark.parametrize(
    ("name", "f", "slope"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25 / np.cosh(x / 2) ** 2),
        ("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        ("relu", lambda x: x * (x > 0), lambda x: 1.0 * (x > 0)),
        ("hard_tanh", lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (abs(x) < 1)),
        ("step", lambda x: 1.0 * (x > 0), lambda x: 0 * x),
        (mg.elu, lambda x: np.where(x > 0, x, np.exp(x) - 1), lambda x: np.exp(np.minimum(x, 0))),
        (lambda x: x**3 / 9, lambda x: x**3 / 9, lambda x: x**2 / 3),
        (lambda x: mg.sigmoid(40 * x), lambda x: 1 / (1 + np.exp(-40 * x)),
         lambda x: 10 / np.cosh(20 * x) ** 2),
    ],
)  # fmt: skip
def test_an_activation_and_its_derivative(name, f, slope):
    axes = plots.activation(name).axes[0]
    for line, expected, label in zip(axes.lines, (f, slope), ("f(x)", "f'(x)"), strict=False):
        xs, ys = line.get_data()
        seen = ~np.isnan(ys)
        np.testing.assert_allclose(np.array(ys)[seen], expected(np.array(xs))[seen], atol=1e-12)
        assert line.get_label() == label
        jumps = {("relu", "f'(x)"): 1, ("hard_tanh", "f'(x)"): 2, ("step", "f(x)"): 1}
        assert (~seen).sum() == jumps.get((name, label), 0)  # gaps, instead of walls
    names = {mg.elu: "elu"} | {text: text for text in ("sigmoid", "tanh")}
    if name in names:
        assert axes.get_title() == names[name]


def test_the_range_of_an_activation():
    figure = Figure()
    axes = figure.add_subplot()
    assert plots.activation(mg.log, (0.5, 3), axes) is figure
    xs = axes.lines[0].get_xdata()
    assert (xs[0], xs[-1]) == (0.5, 3)
    with pytest.raises(
        ValueError, match=r"no activation 'reLU' \(did you mean relu\?\); choose from elu, .*relu"
    ):
        plots.activation("reLU")
    for span in ((1, 1), (2, 1), (0, np.inf), (np.nan, 1)):
        with pytest.raises(ValueError, match="the first below the second"):
            plots.activation("relu", span)
    with pytest.raises(mg.NonFiniteError, match="log"):
        plots.activation(mg.log)


def test_gradient_flow():
    history = History(
        [{"loss": 1.0}] * 2,
        steps=2,
        gradients={"first": [1.0, 2.0, 3.0, 4.0], "_last": [1e-9, 1e-8, 0.0, 1e-8]},
    )
    axes = plots.gradient_flow(history).axes[0]
    for line, norms in zip(axes.lines, history.gradients.values(), strict=True):
        assert line.get_xdata().tolist() == [0.5, 1.0, 1.5, 2.0]
        assert line.get_ydata().tolist() == plots.smoothed(norms)
    assert axes.get_yscale() == "log"
    first, last = axes.lines
    assert first.get_linestyle() != last.get_linestyle()
    assert first.get_marker() != last.get_marker()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["first", " _last"]
    with pytest.raises(ValueError, match=r"record them by fit\(…, gradient_flow=True\)"):
        plots.gradient_flow(History([{"loss": 1.0}]))


def test_gradients_that_are_all_0_are_drawn():
    figure = plots.gradient_flow(History(gradients={"a": [0.0, 0.0]}, steps=1))
    assert figure.axes[0].get_yscale() == "linear"
    FigureCanvasAgg(figure).draw()


def test_training_curves():
    epochs = [{"loss": 2.0, "validation loss": 3.0}, {"loss": 1.0, "validation loss": 2.5}]
    history = History(epochs, batches=[2.5, 1.5, 1.25, 0.75])
    axes = Figure().add_subplot()
    plots.training_curves(history, axes=axes)
    curves = {line.get_label(): line.get_xydata().T.tolist() for line in axes.get_lines()}
    means = [2.5, (0.9 * 2.5 + 1.5) / 1.9, (0.81 * 2.5 + 0.9 * 1.5 + 1.25) / 2.71]
    means.append((0.729 * 2.5 + 0.81 * 1.5 + 0.9 * 1.25 + 0.75) / 3.439)  # newer ones weigh more
    assert curves == {
        "batches": [[0.5, 1.0, 1.5, 2.0], history.batches],
        "smoothed": [[0.5, 1.0, 1.5, 2.0], pytest.approx(means)],
        "training": [[1, 2], [2.0, 1.0]],
        "validation": [[1, 2], [3.0, 2.5]],
    }
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(curves)


def test_training_curves_of_other_figures():
    history = History([{"loss": 2.0, "accuracy": 0.5}], batches=[2.0])
    axes = Figure().add_subplot()
    plots.training_curves(history, "accuracy", axes)
    assert [line.get_label() for line in axes.get_lines()] == ["training"]
    assert axes.get_lines()[0].get_ydata().tolist() == [0.5]
    assert axes.get_title() == "accuracy"


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # the font lacks some
def test_names_are_text():
    name = "_$x_1$ {\\\\frac} \x00\ud800"
    for figure in (
        plots.training_curves(History([{name: 1.0}]), name),
        plots.gradient_flow(History(gradients={name: [1.0]}, steps=1)),
        plots.loss_surface(sum, {name: [[0, 0], [1, 1]]}),
    ):
        FigureCanvasAgg(figure).draw()  # as mathematics it would fail
        axes = figure.axes[0]
        texts = [axes.title, *axes.get_legend().get_texts()]
        assert any(r"_\$x_1\$ {\\frac} ␀�" in text.get_text() for text in texts)


# --------------------------------------------------------------------------- surfaces


def bowl(x):
    return (x[0] - 1) ** 2 + 4 * x[1] ** 2


def lines_of_height(figure):
    """The points of each contour line, by height."""
    (contours,) = [c for c in figure.axes[0].collections if hasattr(c, "levels")]
    return {h: np.concatenate(s) for h, s in zip(contours.levels, contours.allsegs) if s}  # noqa: B905


def test_contour_lines_are_where_the_function_has_their_height():
    figure = plots.loss_surface(bowl, span=((-1, 3), (-1, 1)), levels=[0.25, 1, 2], steps=120)
    lines = lines_of_height(figure)
    assert list(lines) == [0.25, 1, 2]
    for height, points in lines.items():
        assert bowl(points.T) == pytest.approx(np.full(len(points), height), abs=0.01)
    by_default = lines_of_height(plots.loss_surface(bowl, span=((-1, 3), (-1, 1))))
    gaps = np.diff([0.0, *by_default])
    assert len(by_default) > 8
    assert all(np.diff(gaps) > 0)  # valleys show


def test_contour_lines_are_labelled_with_their_heights():
    axes = plots.loss_surface(bowl, span=((-1, 3), (-1, 1)), levels=[0.25, 1.5, 2, 1e7]).axes[0]
    assert {text.get_text() for text in axes.texts} == {"0.25", "1.5", "2"}


def test_paths_from_a_ring_to_a_filled_mark():
    ways = {"one": [[-1.0, 1.0], [0.0, 0.5], [1.0, 0.0]], "two": [[-1.0, 1.0], [1.0, 0.0]]}
    axes = plots.loss_surface(bowl, ways).axes[0]
    named = {line.get_label(): line for line in axes.lines if line.get_label() in ways}
    for name, way in ways.items():
        assert named[name].get_xydata().tolist() == way
        assert named[name].get_markevery() == [-1]
    assert named["one"].get_marker() != named["two"].get_marker()
    assert named["one"].get_linestyle() != named["two"].get_linestyle()
    rings = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [ring.get_xydata().tolist() for ring in rings] == [[[-1.0, 1.0]]] * 2
    assert axes.get_xlim() == pytest.approx((-1.2, 1.2))  # a little beyond the paths
    assert axes.get_ylim() == pytest.approx((-0.1, 1.1))
    assert len(axes.get_legend().get_texts()) == 2
    nameless = plots.loss_surface(bowl, np.array(ways["one"])).axes[0]
    assert nameless.lines[0].get_xydata().tolist() == ways["one"]
    assert nameless.get_legend() is None


def test_where_a_function_is_not_finite_there_is_a_gap():
    figure = plots.loss_surface(lambda x: mg.log(x[0]) + x[1] ** 2)
    assert all(points[:, 0].min() > 0 for points in lines_of_height(figure).values())
    assert figure.axes[0].get_xlim() == (-2, 2)
    with pytest.raises(ValueError, match="finite nowhere"):
        plots.loss_surface(lambda x: mg.log(mg.Value(-1.0)))
    FigureCanvasAgg(plots.loss_surface(lambda x: 3)).draw()  # flat


def test_a_fitted_curve_stands_over_its_points():
    data = [[0.0], [2.0], [1.0]], [[1.0, 0.0], [5.0, 4.0], [3.0, 1.0]]
    axes = plots.fitted(lambda x: [mg.Value(2 * x[0] + 1), x[0] ** 2], data, steps=7).axes[0]
    curves, points = axes.lines[::2], axes.lines[1::2]
    assert [line.get_label() for line in axes.lines] == ["model 1", "data 1", "model 2", "data 2"]
    for curve, f in zip(curves, (lambda x: 2 * x + 1, np.square), strict=True):
        xs, ys = curve.get_xydata().T
        assert (len(xs), xs[0], xs[-1]) == (7, pytest.approx(-0.2), pytest.approx(2.2))
        assert ys == pytest.approx(f(xs))
    for k, dots in enumerate(points):
        assert dots.get_xydata().tolist() == [[x, ts[k]] for (x,), ts in zip(*data, strict=True)]
        assert dots.get_color() == curves[k].get_color()
    assert len({dots.get_marker() for dots in points}) == 2
    with pytest.raises(ValueError, match="inputs of one number each"):
        plots.fitted(sum, (SQUARE, [0] * 4))
    with pytest.raises(ValueError, match="the model has 1 outputs, and an example 2 targets"):
        plots.fitted(sum, data)
    with pytest.raises(TypeError, match="the data must be a pair"):
        plots.fitted(sum, 3)


def test_points_and_spans_of_two_numbers():
    with pytest.raises(ValueError, match=r"a point on the surface has two numbers, unlike \[1\]"):
        plots.loss_surface(bowl, [[1, 2], [1]])
    with pytest.raises(ValueError, match="the first below the second: 2, 1"):
        plots.loss_surface(bowl, span=((2, 1), (0, 1)))


@pytest.mark.parametrize(
    ("loss", "sizes", "targets"),
    [
        (nn.mse, [3, 1], [0.5, -1.0, 2.0]),
        (nn.binary_cross_entropy_with_logits, [3, 1], [0, 1, 1]),
        (nn.softmax_cross_entropy, [3, 3], [0, 2, 1]),
    ],
)
def test_the_loss_along_two_parameters(loss, sizes, targets):
    model = nn.MLP(2, sizes, activation="tanh", seed=1)
    data = [[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]], targets
    along = model.layers[0].neurons[1].w[0], model.layers[1].neurons[0].b
    before = model.state_dict()
    f = plots.loss_along(model, data, loss, along)
    found = {point: f(point) for point in ((0.0, 0.0), (1.5, -2.0))}
    assert model.state_dict() == before
    for point, mean in found.items():
        for p, x in zip(along, point, strict=True):
            p.data = x
        assert mean == pytest.approx(evaluate(model, data, loss)["loss"], rel=1e-12)


# ----------------------------------------------------------------------------- colours


def nearest(colours, sight):
    """The smallest difference between two of some colours."""
    return min(difference(*pair, sight) for pair in combinations(colours, 2))


@pytest.mark.parametrize("sight", sorted({*SIGHTS} - {"none for colours"}))
def test_all_eyes_tell_the_colours_apart(sight):
    colours = [to_rgb(colour) for colour in plots.COLOURS]
    assert nearest(colours, sight) > 25
    tints = [[0.25 * x + 0.75 for x in colour] for colour in colours]  # of the planes
    assert nearest(tints, sight) > 5
    assert nearest([to_rgb(plots.GREY), *colours[:2]], sight) > 20  # in one picture


def test_red_and_green_would_not_do():
    assert nearest([(0.81, 0.13, 0.18), (0.45, 0.35, 0.0)], "deuteranopia") < 15


def test_colours_stand_out_from_white():
    for colour in (*plots.COLOURS, plots.GREY):
        assert contrast(to_rgb(colour), "#ffffff") >= 3


def test_lines_differ_by_more_than_colour():
    looks = [plots.style(k) for k in range(42)]
    for a, b in pairwise(looks):
        assert a["color"] != b["color"]
        assert a["linestyle"] != b["linestyle"]
    assert len({str(look) for look in looks}) == 42
    assert len(set(plots.MARKERS)) == len(plots.MARKERS) == 7


@pytest.mark.parametrize(
    "draw",
    [
        lambda **axes: plots.activation("relu", **axes),
        lambda **axes: plots.training_curves(History([{"loss": 1.0}] * 3, [1.0] * 9), **axes),
        lambda **axes: plots.gradient_flow(History(gradients={"a": [1.0], "b": [2.0]}), **axes),
        lambda **axes: plots.decision_boundary(lambda x: 0, (SQUARE, [0] * 4), **axes),
        lambda **axes: plots.loss_surface(bowl, {"a": SQUARE, "b": SQUARE}, **axes),
        lambda **axes: plots.fitted(lambda x: x, ([[1.0], [2.0]], [1.0, 2.0]), **axes),
    ],
)
def test_each_draws_on_axes_or_makes_a_figure_that_notebooks_show(draw):
    figure = Figure()
    axes = figure.add_subplot()
    assert draw(axes=axes) is figure
    assert figure.axes == [axes]
    own = draw()
    assert len(own.axes) == 1
    assert own._repr_png_().startswith(b"\x89PNG")
    looks = [str((line.get_linestyle(), line.get_marker())) for line in own.axes[0].lines]
    labels = [line.get_label() for line in own.axes[0].lines]
    named = [look for look, label in zip(looks, labels, strict=True) if label[:1] != "_"]
    named = [look for look, label in zip(named, labels, strict=False) if label != "batches"]
    assert len(set(named)) == len(named)


# --------------------------------------------------------------------------- extras


def test_what_is_there_is_imported():
    assert need("json", "plot") is sys.modules["json"]
    assert need("matplotlib.figure", "plot").Figure is Figure


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.part"])
def test_what_is_missing_is_named_with_its_command(module):
    words = r"this needs no_such_package: pip install 'micrograd-plus\[plot\]'"
    with pytest.raises(ModuleNotFoundError, match=words) as caught:
        need(module, "plot")
    assert caught.value.name == "no_such_package"
    assert caught.value.__suppress_context__  # one short message, without a chain of others
    assert caught.value.__cause__ is None


def test_an_error_inside_a_package_stays_its_own(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import what_it_needs_itself\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'what_it_needs_itself'"):
        need("half_installed", "plot")


@pytest.mark.parametrize(
    ("package", "use", "extra"),
    [
        ("sklearn", datasets.digits, "examples"),
        ("matplotlib", History().plot, "plot"),
        ("numpy", lambda: optim.newton_step(lambda x: x[0] ** 2, [1.0]), "numpy"),
    ],
)
def test_functions_that_need_a_package_say_so(package, use, extra, monkeypatch):
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)  # which makes importing it fail
    with pytest.raises(ModuleNotFoundError, match=rf"needs {package}.*micrograd-plus\[{extra}\]"):
        use()


def test_every_extra_installs_what_is_needed():
    root = Path(mg.__file__).parent
    project = tomllib.loads((root.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    source = "".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py"))
    found = {*re.findall(r'\bneed\("(\w+)[\w.]*", "(\w+)"\)', source)} - {("math", "plot")}
    assert {("numpy", "numpy"), ("sklearn", "examples"), ("matplotlib", "plot")} <= found
    for package, extra in found:
        distribution = {"sklearn": "scikit-learn", "PIL": "pillow"}.get(package, package)
        assert any(re.match(rf"{distribution}\b", needed) for needed in extras[extra]), package
