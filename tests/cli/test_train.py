"""`micrograd-plus train`: what it prints, writes and refuses."""

import contextlib
import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from micrograd_plus.cli import train
from micrograd_plus.cli.main import main
from micrograd_plus.cli.train import TASKS
from micrograd_plus.training import History
from tests.effort import slow
from tests.processes import COMMAND, ended, started, until

SMALL = ["--hidden", "4", "--epochs", "3", "--points", "30"]


def test_moons_are_learnt(run, tmp_path):
    done = run("train", "moons", "--epochs", 30, "--history", "a.csv", "--picture", "a.png")
    told = "micrograd-plus: wrote a.csv\nmicrograd-plus: wrote a.png\n"
    assert (done.returncode, done.stderr) == (0, told)  # no bar where nobody watches
    assert "MLP 2 → 16 → 16 → 1: 337 parameters" in done.stdout
    accuracy = next(line for line in done.stdout.splitlines() if "accuracy" in line)
    training, held_out = (float(x) for x in accuracy.split("│")[2:4])
    assert training > 0.95
    assert held_out > 0.95
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("dataset", [name for name in TASKS if name != "digits"])
def test_every_set_that_is_made_here(run, dataset):
    done = run("train", dataset, *SMALL)
    assert done.returncode == 0, done.stderr
    assert "3 epochs" in done.stdout
    assert ("accuracy" in done.stdout) == (dataset != "parabolas")


@slow
def test_digits(run):
    done = run("train", "digits", "--hidden", 8, "--epochs", 1, "--cosine")
    assert done.returncode == 0, done.stderr
    assert "Layer 64 → 8, relu" in done.stdout


def test_resuming_gives_what_an_unbroken_run_gives(run, tmp_path):
    whole = run("train", "circles", *SMALL, "--epochs", 6, "--history", "whole.json")
    part = run("train", "circles", *SMALL, "--checkpoint", "c.json")
    rest = run("train", "circles", *SMALL, "--epochs", 6, "--checkpoint", "c.json", "--resume",
               "--history", "rest.json")  # fmt: skip
    assert [whole.returncode, part.returncode, rest.returncode] == [0, 0, 0]
    histories = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "rest")]
    assert histories[0] == histories[1]
    assert part.stdout != whole.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 2, "there is no 'nothing'; choose from moons, circles"),
        (["xor", "--epochs", 0], 2, "epochs must be a positive whole number"),
        (["xor", "--batch-size", 0], 2, "batch_size must be a positive whole number, not 0"),
        (["xor", "--hidden", 0], 2, "positive whole number, not 0"),
        *(
            ([name, "--points", 10**24], 2, "the number of points is at most 10,000,000")
            for name in TASKS
            if name != "digits"
        ),
        (["xor", "--noise", -1], 2, "noise must be a finite number of at least 0"),
        (["xor", "--held-out", 1], 2, "leaves a part empty"),
        (["xor", "--rate", -1], 2, "rate must be a number from 0"),
        (["xor", "--resume"], 2, "--resume needs the --checkpoint"),
        (["xor", "--history", "a.txt"], 2, "a.txt: the ending must be .csv or .json"),
        (["xor", "--picture", "a.txt"], 2, "a.txt: there is no format 'txt'; choose from"),
        (
            ["xor", "--rate", 1e300, "--optimizer", "gradient-descent"],
            1,
            "epoch 1, batch 2: dot",
        ),
        *[
            ([*SMALL, "xor", "--checkpoint", checkpoint, option, place], code, words)
            for checkpoint, option, place, code, words in (
                ("none/c.json", "--history", "h.csv", 1, "none/c.json"),
                ("c.json", "--history", "none/h.csv", 1, "none/h.csv"),
                ("c.json", "--picture", "none/p.png", 1, "none/p.png"),
                ("c.json", "--history", "./c.json", 2, "is for --history and for --checkpoint"),
                ("c.png", "--picture", "c.png", 2, "is for --picture and for --checkpoint"),
            )
        ],
        (["xor", "--checkpoint", "none.json", "--resume"], 1, "none.json"),
    ],
)
def test_errors(run, tmp_path, arguments, code, words):
    done = run("train", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("Traceback") == 0
    assert not done.stdout  # nothing was trained in vain
    assert not list(tmp_path.iterdir())


def test_files_are_there_before_the_report_is_read(tmp_path):
    """As in `train … | true`."""
    outputs = {"--history": "a.csv", "--picture": "a.png", "--checkpoint": "a.json"}
    options = [word for option in outputs.items() for word in option]
    with started([*COMMAND, "train", "xor", *SMALL, *options], cwd=tmp_path) as [training]:
        training.stdout.close()
        told = training.stderr.read().splitlines()
        assert training.wait() == 1
    assert sorted(told) == sorted(f"micrograd-plus: wrote {file}" for file in outputs.values())
    assert {path.name for path in tmp_path.iterdir()} == {*outputs.values()}


def test_a_result_that_can_not_be_written_does_not_keep_others(tmp_path, monkeypatch):
    def fail(self, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(History, "to_csv", fail)
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(io.StringIO()) as errors:
        assert main(["train", "xor", *SMALL, "--picture", "a.png", "--history", "a.csv"]) == 1
    assert (tmp_path / "a.png").exists()
    assert "3 epochs in " in written.getvalue()
    assert "No space left on device: 'a.csv'" in errors.getvalue()


@pytest.mark.parametrize(
    ("dataset", "labels"),
    [
        ("parabolas", ["model 1", "data 1", "model 2", "data 2"]),
        ("xor", ["0", "1"]),
    ],
)
def test_the_picture_shows_what_was_learned(tmp_path, monkeypatch, dataset, labels):
    saved = []
    monkeypatch.setattr(train, "save", lambda figure, path: saved.append(figure))
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["train", dataset, *SMALL, "--picture", str(tmp_path / "a.png")]) == 0
    legend = saved[0].axes[-1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == labels


@pytest.mark.parametrize(("epochs", "words"), [(1, "1 epoch in "), (2, "2 epochs in ")])
def test_epochs_are_counted_in_words_that_fit(run, epochs, words):
    assert words in run("train", "xor", "--epochs", epochs, "--points", 10).stdout


def test_a_short_training_takes_more_than_no_time(monkeypatch):
    clock = SimpleNamespace(perf_counter=iter([1.0, 1.0123]).__next__)
    monkeypatch.setattr(train, "time", clock)
    with contextlib.redirect_stdout(io.StringIO()) as written:
        assert main(["train", "xor", *SMALL]) == 0
    assert "3 epochs in 0.012 s" in written.getvalue()


def test_an_interrupt_leaves_the_results_so_far(tmp_path):
    command = [*COMMAND, "train", "moons", "--epochs", 100_000, "--checkpoint", "c.json"]
    with started(command, cwd=tmp_path) as [training]:
        until((tmp_path / "c.json").exists, training)
        training.send_signal(signal.SIGINT)
        code, printed, _ = ended(training)
    assert code == 130
    assert "interrupted in epoch" in printed
    assert "accuracy" in printed


def test_a_missing_package_is_named(tmp_path):
    code = (
        "import sys; sys.modules['sklearn'] = sys.modules['sklearn.datasets'] = None;"
        "from micrograd_plus.cli.main import main; sys.exit(main(['train', 'digits']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert "pip install 'micrograd-plus[examples]'" in done.stderr
