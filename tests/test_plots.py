"""Pictures of decisions, by their pixels; curves of trainings; and optional packages."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import datasets, optim, plots
from micrograd_plus.extras import need
from micrograd_plus.training import History

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
    assert not picture.axes.get_xticks().size
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


def test_no_class_is_drawn_where_the_model_gives_none():
    picture = Picture(lambda x: 0 if x[0] < 0 else 2, (SQUARE, [0, 0, 2, 2]))
    away = abs(picture.inside() - painted(1)).max(axis=-1) > 1.5
    assert away.all()


def test_inputs_of_two_numbers_only():
    for inputs in ([[1.0]], [[1.0, 2.0], [1.0, 2.0, 3.0]]):
        with pytest.raises(ValueError, match="inputs of two numbers each"):
            plots.decision_boundary(lambda x: 0, (inputs, [0] * len(inputs)))


# --------------------------------------------------------------------------- curves


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
        distribution = {"sklearn": "scikit-learn"}.get(package, package)
        assert any(re.match(rf"{distribution}\b", needed) for needed in extras[extra]), package
