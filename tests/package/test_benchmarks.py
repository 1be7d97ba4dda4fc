"""The benchmarks run, and give equal results; how fast they are is not a test's matter."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import distributed
from tests.benchmarks.peers import PEERS, installed
from tests.benchmarks.worker import prepared
from tests.effort import slow
from tests.needs import needed


def run(*arguments):
    command = [sys.executable, "-m", "tests.benchmarks", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_quick_run_writes_its_figures(tmp_path):
    path = tmp_path / "figures.json"
    done = run("--quick", "--repetitions", 1, "--peers", "micrograd_plus", "--json", path)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    assert set(found) == {"machine", "versions", "workloads"}
    assert list(found["versions"]) == ["micrograd_plus"]
    assert {"moons", "chain", "hessian"} == set(found["workloads"])
    for results in found["workloads"].values():
        for result in results.values():
            assert result["same results"]
            assert all(seconds > 0 for seconds in result["seconds"])
    assert "one training step" in done.stdout
    assert "measuring" in done.stderr


def test_a_wrong_option_is_an_error():
    assert run("--peers", "nobody").returncode == 2


@pytest.mark.parametrize("workload", ["moons", "chain", "wide", "shared", "hessian"])
@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(peer, marks=[slow] * (peer != "micrograd"))
        for peer in installed()
        if peer != "micrograd_plus"
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of the peers
def test_installed_peers_agree(peer, workload):
    if workload == "hessian" and PEERS[peer][1]()[1] is None:
        pytest.skip(f"{peer} has no second derivatives")
    size = 10 if workload == "hessian" else 200
    if workload == "moons" and peer.startswith("JAX"):
        pytest.skip("takes minutes")
    mine, theirs = (prepared(name, workload, size)()["check"] for name in ("micrograd_plus", peer))
    assert theirs == pytest.approx(mine, rel=1e-9)


def test_imports_are_timed_with_their_bytecode(tmp_path, monkeypatch):
    (tmp_path / "probe.py").write_text(
        "from pathlib import Path\n"
        "with open(Path(__file__).with_name('seen'), 'a') as file:\n"
        "    print(Path(__cached__).exists(), file=file)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(benchmarks, "IMPORTS", ["probe", "what_is_not_there"])
    assert list(benchmarks.importing(2)) == ["import probe"]
    assert (tmp_path / "seen").read_text().splitlines()[1:] == ["True", "True"]


def test_growth_is_measured_in_time_and_memory():
    (row,) = benchmarks.grown(1e3)
    assert row["size"] == 1000
    assert min(row[name] for name in ("forward", "backward", "uncollected", "bare")) > 0
    assert row["bytes"]["operations"] >= 1000
    assert row["bytes"]["recorded"] < row["bytes"]["differentiated"] < 200
    assert row["bytes"]["left"] < 10  # freed at once: what is left are the leaves


def test_layers_and_operators_agree():
    bare, layers = (prepared("micrograd_plus", w, 0)()["check"] for w in ("moons", "moons with nn"))
    assert layers == pytest.approx(bare, rel=1e-12)


@slow
def test_training_beside_jax_by_hand(monkeypatch):
    needed("jax")
    found = distributed.beside_hand((5, [4, 3]), 1)
    assert found["ratio"] * found["JAX by hand"] == pytest.approx(found["micrograd_plus"])
    monkeypatch.setattr(distributed, "EPSILON", 1e-3)  # another Adam by hand
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        distributed.beside_hand((5, [4, 3]), 1)
