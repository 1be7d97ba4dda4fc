"""What a training leaves behind: its figures, as numbers, tables and pictures."""

import csv
import json
import math

import numpy as np
import pytest

from micrograd_plus import datasets, nn, optim
from micrograd_plus.plots import smoothed
from micrograd_plus.training import History, fit
from tests.effort import few


@pytest.fixture(scope="module")
def history():
    """A short training on moons, with a validation set and a metric."""
    return fit(
        nn.MLP(2, [8, 1], activation="tanh", seed=1),
        datasets.moons(60),
        nn.binary_cross_entropy_with_logits,
        optim.Adam(0.05),
        epochs=12,
        batch_size=8,
        validation=0.25,
        metrics={'far, "or" near': lambda y, t: abs(float(y)) / 3},
    )


def test_what_it_counts(history):
    assert len(history) == 12
    assert len(history.batches) == 12 * math.ceil(45 / 8)
    assert list(history.last) == [
        *("loss", "accuracy", 'far, "or" near'),
        *("validation loss", "validation accuracy", 'validation far, "or" near'),
        "rate",
    ]
    for name in history.last:
        assert history[name] == [epoch[name] for epoch in history.epochs]
        assert history[name][-1] == history.last[name]
    with pytest.raises(KeyError, match="speed"):
        history["speed"]


def test_an_epochs_loss_is_the_mean_of_its_batches(history):
    sizes = np.array([8] * 5 + [5])
    batches = np.reshape(history.batches, (12, 6))
    assert history["loss"] == pytest.approx(batches @ sizes / 45, rel=1e-12)


def test_repr():
    assert repr(History()) == "<History of 0 epochs>"
    one = History([{"loss": 0.123456, "rate": 0.1}], stopped="interrupted in epoch 2")
    assert (
        repr(one) == "<History of 1 epoch: loss 0.1235, rate 0.1, stopped: interrupted in epoch 2>"
    )
    assert repr(History([{"loss": 2e9}, {"loss": 1e9}])) == "<History of 2 epochs: loss 1e+09>"


def test_csv_and_back(history, tmp_path):
    path = history.to_csv(tmp_path / "h.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row.pop("epoch")) for row in rows] == list(range(1, 13))
    assert [{name: float(x) for name, x in row.items()} for row in rows] == history.epochs


def test_csv_of_epochs_with_other_figures(tmp_path):
    path = History([{"loss": 0.1}, {"loss": -0.0, "naïve": 1e-300}]).to_csv(str(tmp_path / "h"))
    assert path.read_bytes().decode() == "epoch,loss,naïve\n1,0.1,\n2,-0.0,1e-300\n"
    assert History().to_csv(path).read_text() == "epoch\n"


def test_json_and_back(history, tmp_path):
    path = history.to_json(str(tmp_path / "h.json"))
    assert History(**json.loads(path.read_text())) == history
    short = History(stopped="“so” it was")
    assert History(**json.loads(short.to_json(path).read_text())) == short


@pytest.mark.parametrize("write", ["to_csv", "to_json", "plot"])
def test_a_file_that_cant_be_written(history, write, tmp_path):
    with pytest.raises(OSError, match="there"):
        getattr(history, write)(tmp_path / "there" / "not.png")
    with pytest.raises(OSError, match=tmp_path.name):
        getattr(history, write)(tmp_path)
    assert list(tmp_path.iterdir()) == []


MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "jpg": b"\xff\xd8"}


@pytest.mark.parametrize("suffix", few(1, ["png", "svg", "pdf", "jpg"]))
def test_pictures_of_any_format(history, suffix, tmp_path):
    path = tmp_path / f"h.{suffix}"
    history.plot(path)
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert path.stat().st_size > 2000
    history.plot(str(tmp_path / "plain"))
    assert (tmp_path / "plain").read_bytes().startswith(MAGIC["png"])


def test_an_unknown_format_leaves_no_file(history, tmp_path):
    with pytest.raises(ValueError, match="txt"):
        history.plot(tmp_path / "h.txt")
    assert list(tmp_path.iterdir()) == []


def curves(figure):
    """The points of each curve by title and label."""
    return {
        (axes.get_title(), line.get_label()): tuple(map(list, line.get_data()))
        for axes in figure.axes
        for line in axes.lines
    }


def test_what_a_picture_shows(history):
    found = curves(history.plot())
    epochs = list(range(1, 13))
    for kind in ("loss", "accuracy"):
        assert found.pop((kind, "training")) == (epochs, history[kind])
        assert found.pop((kind, "validation")) == (epochs, history[f"validation {kind}"])
    times, batches = found.pop(("loss", "batches"))
    assert times == pytest.approx([i / 6 for i in range(1, 73)])
    assert batches == history.batches
    assert found.pop(("loss", "smoothed")) == (times, smoothed(history.batches))
    assert not found


def test_a_picture_without_accuracy():
    history = fit(nn.MLP(1, [1], seed=1), ([[0.0], [1.0]], [0, 1]), nn.mse, epochs=2)
    assert {title for title, _ in curves(history.plot())} == {"loss"}


def test_a_picture_of_an_interrupted_training_keeps_its_time():
    calls = 0

    def interrupt(y, t):
        nonlocal calls
        calls += 1
        if calls == 26:  # in the third epoch of ten examples, five batches each
            raise KeyboardInterrupt
        return 0.0

    history = fit(
        nn.MLP(2, [1], seed=1),
        datasets.moons(10),
        nn.mse,
        batch_size=2,
        metrics={"calls": interrupt},
    )
    assert len(history) == 2
    times, _ = curves(history.plot())["loss", "batches"]
    assert times[:10] == pytest.approx([i / 5 for i in range(1, 11)])


@pytest.mark.parametrize(
    "short",
    [
        History(),
        History(batches=[3.0, 2.0], stopped="interrupted in epoch 1"),
        History([{"loss": 1.0}], [1.0]),
    ],
    ids=["nothing", "less than an epoch", "one epoch"],
)
def test_a_picture_of_little(short, tmp_path):
    short.plot(tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(MAGIC["png"])


def test_one_epoch_is_seen():
    """A line needs two points; one needs a mark."""
    (line,) = History([{"loss": 1.0}]).plot().axes[0].lines
    assert line.get_marker() not in ("", "None", None)


def test_smoothed_is_the_mean_of_the_past():
    noisy = np.random.default_rng(1).normal(size=40)
    for weight in (0.0, 0.5, 0.9, 0.99):
        expected = []
        for i in range(40):
            weights = weight ** np.arange(i, -1, -1.0)
            expected.append(weights @ noisy[: i + 1] / weights.sum())
        assert smoothed(list(noisy), weight) == pytest.approx(expected, rel=1e-9)
    assert smoothed([]) == []
    assert smoothed([3.5] * 9) == pytest.approx([3.5] * 9)
