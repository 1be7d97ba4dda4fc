"""The benchmarks run, and give equal results; how fast they are is not a test's matter."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import channel, distributed, fitting, programs, report, workloads
from tests.benchmarks.channel import NoAnswerError, Program
from tests.benchmarks.peers import OURS, PEERS, PURE, installed
from tests.benchmarks.worker import prepared
from tests.effort import few, slow
from tests.needs import needed
from tests.programs.table import PROGRAMS

NOISY = """
import atexit, os, sys
print("[1, {")
os.write(1, b"loading\\n")
atexit.register(print, "bye")
from tests.benchmarks.plain import Plain

class Scalar(Plain):
    def __mul__(self, other):
        print('{"seconds": 0}', flush=True)
        {}
        return super().__mul__(other)
"""


def run(*arguments):
    command = [sys.executable, "-m", "tests.benchmarks", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@slow
def test_a_quick_run_writes_its_figures(tmp_path):
    path = tmp_path / "figures.json"
    done = run("--quick", "--repetitions", 1, "--peers", PURE, "--json", path)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    machine, versions = found.pop("machine"), found.pop("versions")
    assert machine["cores"] >= 1
    assert list(versions) == [OURS, PURE]
    assert "pure Python: MICROGRAD_PLUS_PURE is set" in versions[PURE]
    assert {"moons", "gpt", "chain", "hessian"} == set(found)
    for results in found.values():
        for result in results.values():
            assert result["same results"]
            assert all(seconds > 0 for seconds in result["seconds"])
    parts = [found["gpt"][PURE][part][0] for part in report.PARTS]
    assert sum(parts) == pytest.approx(found["gpt"][PURE]["seconds"][0])
    assert "one training step" in done.stdout
    assert "measuring" in done.stderr


def test_only_what_is_asked_for_is_measured(tmp_path):
    path = tmp_path / "figures.json"
    done = run("--only", "wide", "--repetitions", 1, "--peers", OURS, "--json", path)
    assert {"machine", "versions", "wide"} == set(json.loads(path.read_text()))
    assert "a sum over 5,000 products" in done.stdout


def test_a_wrong_option_is_an_error():
    assert run("--peers", "nobody").returncode == 2


# --------------------------------------------------------------------------- other processes


def noisy(tmp_path, monkeypatch, then="pass"):
    """Make scalargrad a library that prints when it is imported, at work, and at exit."""
    (tmp_path / "scalargrad.py").write_text(NOISY.replace("{}", then))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return benchmarks.compared("wide", [OURS, "scalargrad"], 1)["scalargrad"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(workloads.SIZE, "wide", 20)
    monkeypatch.setattr(benchmarks, "TURN", 0.0)


def test_what_a_peer_prints_is_no_part_of_its_answers(tmp_path, monkeypatch):
    found = noisy(tmp_path, monkeypatch)
    assert found["same results"]
    assert len(found["seconds"]) >= benchmarks.RUNS


def test_the_last_words_of_a_peer_that_dies_are_told(tmp_path, monkeypatch):
    found = noisy(tmp_path, monkeypatch, 'raise TypeError("out of order")')
    assert found["error"].endswith("\nTypeError: out of order")
    found = noisy(tmp_path, monkeypatch, 'os.write(2, b"oh no"); os._exit(3)')
    assert found["error"] == "worker ended with exit code 3\noh no"


@slow
def test_a_peer_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "LIMIT", 5)
    begin = 'print("now", file=sys.stderr, flush=True); import time; time.sleep(1000)'
    found = noisy(tmp_path, monkeypatch, begin)
    assert found["error"] == "worker did not answer in 5 s\nnow"


def test_a_program_that_is_gone_is_no_broken_pipe():
    with Program("worker") as program:
        program.process.kill()
        program.process.wait()
        with pytest.raises(NoAnswerError, match="worker ended with exit code -9"):
            program.ask("build")


def test_a_measurement_that_fails_does_not_stop_the_others(monkeypatch, capsys):
    monkeypatch.setattr(benchmarks, "drawn", lambda: benchmarks.apart("worker"))
    monkeypatch.setattr(benchmarks, "IMPORTS", ["json"])
    monkeypatch.setattr(sys, "argv", ["", "--only", "drawing", "import", "--repetitions", "1"])
    benchmarks.main()
    out, err = capsys.readouterr()
    assert "drawing: worker ended with exit code 1" in err
    assert "KeyError: 'measured'" in err
    assert "ms over bare Python" in out


# ------------------------------------------------------------------------------ measurements


@pytest.mark.parametrize("workload", workloads.SIZE)
@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(peer, marks=[slow] * (peer not in ("plain Value", "micrograd")))
        for peer in installed()
        if peer != OURS
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of the peers
def test_installed_peers_agree(peer, workload):
    entry = PEERS[peer]
    if workload in entry.without or (entry.only and workload not in entry.only):
        pytest.skip(f"{peer} does not run {workload}")
    size = 10 if workload == "hessian" else 200
    mine, theirs = (prepared(name, workload, size)()["check"] for name in (OURS, peer))
    assert theirs == pytest.approx(mine, rel=1e-9)


def test_the_plain_value_agrees_in_every_gradient_of_the_gpt():
    numbers = workloads.gpt_parameters()
    found, expected = (
        PEERS[name].engine()[0](workloads.gpt, numbers)() for name in (OURS, "plain Value")
    )
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    assert found[1] == pytest.approx(expected[1], rel=1e-12, abs=1e-14)
    assert sum(slope != 0 for slope in found[1]) > 3500


def test_imports_are_timed_with_their_bytecode(tmp_path, monkeypatch):
    (tmp_path / "probe.py").write_text(
        "from pathlib import Path\n"
        "with open(Path(__file__).with_name('seen'), 'a') as file:\n"
        "    print(Path(__cached__).exists(), file=file)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(benchmarks, "IMPORTS", ["probe", "what_is_not_there"])
    assert list(benchmarks.importing(2, {})) == ["probe"]
    assert (tmp_path / "seen").read_text().splitlines()[1:] == ["True", "True"]


def test_growth_is_measured_in_time_and_memory():
    (row,) = benchmarks.grown(1e3, {})
    assert row["size"] == 1000
    assert min(row["ns"].values()) > 0
    assert row["bytes"]["operations"] >= 1000
    assert row["bytes"]["recorded"] <= row["bytes"]["differentiated"] < 200
    assert row["resident"]["process"] > row["resident"]["graph"] >= 0
    times, memory = report.tables("growth", {OURS: [row, row | {"size": 10_000}]}, [])
    assert columns(times)["× first"] == ["1", "1"]
    assert columns(memory)["operations"] == ["1,000", "10,000"]


def test_a_large_graph_is_freed_at_once():
    with Program("worker") as worker:
        found = worker.ask("traced", 300_000)
    assert found["left"] < 20 < found["recorded"]  # the core keeps 65,536 nodes for the next graph


def test_ratios_are_those_of_the_medians_and_what_is_faster_is_told():
    results = {
        OURS: {"seconds": [0.002, 0.001, 0.009], "same results": True},
        "quick": {"seconds": [0.0005], "same results": True, "forward": [0.0004, 0.0002, 0.0003]},
        "wrong": {"seconds": [0.006], "same results": False},
        "gone": {"error": "worker ended\nKeyError: 1"},
    }
    lost = []
    (shown,) = report.tables("wide", results, lost)
    found = columns(shown)
    assert found[""] == ["quick", OURS, "wrong"]
    assert found["median ms"] == ["0.5", "2", "6"]
    assert found["forward"] == ["0.3", "", ""]
    assert found["from–to"] == ["0.5–0.5", "1–9", "6–6"]
    assert found["× ours"] == ["0.25", "1", "3"]
    assert shown.caption == "gone: KeyError: 1\nwrong: the results differ from ours"
    assert lost == ["quick is 4 times as fast as ours: a sum over 5,000 products"]


def columns(table):
    return {column.header: list(column.cells) for column in table.columns}


@pytest.mark.parametrize("name", few(1, ["matrix factorisation", "GPT of scalars"]))
def test_programs_are_measured_beside_numpy_and_jax_by_hand(name, monkeypatch):
    needed("jax")
    import jax

    with jax.enable_x64(True):
        found = programs.measured(name, 1)
    assert found["batch"] == 1
    assert {"numpy", programs.HAND, programs.JAX} <= found["median"].keys()
    assert (programs.PLAIN in found["median"]) == (name in programs.GPTS)
    assert all(seconds > 0 for seconds in found["median"].values())
    assert 10 < found["ours"]["numpy"]["lines"] < 1000
    entry = PROGRAMS[name]
    written = entry.full()
    wrong = written._replace(by_hand=lambda *given: (1.0, written.by_hand(*given)[1]))
    monkeypatch.setitem(PROGRAMS, name, entry._replace(full=lambda: wrong))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        programs.measured(name, 1)


def test_a_program_counts_as_the_backend_that_was_chosen():
    """Chosen wrongly if another one of ours is more than 1.2 times as fast."""
    seconds = {"auto": 4e-6, "numpy": 3.5e-6, "native": 3e-6, programs.HAND: 2e-6,
               programs.PLAIN: 1e-3}  # fmt: skip
    known = {"lines": 15, "compiling": 0.5, "repr": ""}
    row = {"batch": 7, "median": seconds, "ours": {"auto": known}}
    lost = []
    (shown,) = report.tables("programs", {"a sum": row}, lost)
    assert [cells for (cells,) in columns(shown).values()] == [
        "a sum (7)", "15", "0.5", "4", "3.5", "3", "2", "", "2", "", "250",
    ]  # fmt: skip
    assert lost == [
        "native is 1.33 times as fast as ours (auto): a sum (7)",
        "NumPy by hand is 2 times as fast as ours (auto): a sum (7)",
    ]


@pytest.mark.parametrize("name", few(1, ["wine", "breast_cancer"]))
def test_fit_is_measured_beside_peers_that_learn_the_same(name, monkeypatch):
    monkeypatch.setattr(fitting, "in_turns", lambda calls, *_, **__: {who: [1.0] for who in calls})
    monkeypatch.setitem(fitting.CASES, name, (32, 1))
    found = fitting.measured(1, [name])
    medians = found[name]["median"]
    assert {OURS, "scikit-learn"} <= medians.keys()
    assert found[name]["alone"].keys() == {"program", "update"}
    lost = []
    medians["scikit-learn"] = 0.5
    (shown,) = report.tables("fit", found, lost)
    assert columns(shown)["× ours"][:2] == ["0.5", "1"]
    assert lost == [f"scikit-learn is 2 times as fast as ours: fit: {found[name]['about']}"]
    slower = lambda *given: fitting.scikit(*given[:2], given[2] - 1, *given[3:])  # noqa: E731
    monkeypatch.setitem(fitting.PEERS, "scikit-learn", slower)
    with pytest.raises(AssertionError, match="scikit-learn, "):
        fitting.measured(1, [name])


@slow
def test_training_beside_jax_by_hand(monkeypatch):
    needed("jax")
    found = distributed.beside_hand((5, [4, 3]), 1)
    assert all(seconds > 0 for seconds in found.values())
    monkeypatch.setattr(distributed, "EPSILON", 1e-3)  # another Adam by hand
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        distributed.beside_hand((5, [4, 3]), 1)
