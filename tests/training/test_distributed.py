"""One training on many devices and in several processes is that on one."""

import contextlib
import json
import math
import random
import socket
import sys
from random import Random

import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.compiler import TraceError
from tests import trainings
from tests.effort import slow
from tests.needs import needed
from tests.processes import COMMAND, SMALL, assert_close, ended, epochs, free_address, started


@pytest.fixture(autouse=True, scope="module")
def _with_jax():
    needed("jax")


@pytest.fixture(scope="module")
def eager():
    return {name: trainings.found(train, engine="eager") for name, train in trainings.ALL.items()}


def test_one_device(eager):
    for name, train in trainings.ALL.items():
        assert len(eager[name]["batches"]) > 100
        assert_close(trainings.found(train, engine="jax"), eager[name])


def test_numpy_gives_the_same(eager):
    for name, train in trainings.ALL.items():
        assert_close(trainings.found(train, engine="compiled"), eager[name])


@slow
def test_eight_devices(eager, tmp_path):
    command = [sys.executable, "-m", "tests.trainings", tmp_path]
    with started(command, env={"JAX_NUM_CPU_DEVICES": "8"}) as [process]:
        code, _, errors = ended(process)
    assert code == 0, errors
    assert_close(json.loads((tmp_path / "0.json").read_text()), {"devices": 8, **eager})


def own_part(process):
    """The spirals that one of two processes has to read in two epochs, in this order."""
    order, random, found = list(range(60)), Random(0), []
    Random(0).shuffle(order)
    held_out, train = sorted(order[:12]), order[12:]
    for _ in range(2):
        order = trainings.shuffled(train, random)
        for start in range(0, 48, 7):
            batch = sorted(order[start : start + 7])
            found += batch[4:] if process else batch[:4]
        found += held_out[6:] if process else held_out[:6]
    return found


@slow
def test_two_processes(eager, tmp_path):
    command = [sys.executable, "-m", "tests.trainings", tmp_path, free_address(), 2]
    with started([*command, 0], [*command, 1]) as processes:
        for process in processes:
            code, printed, errors = ended(process)
            assert (code, printed) == (0, ""), errors
    refused = [
        "the processes of a cluster train with engine='jax', not 'compiled'",
        "process 1 has other data than process 0",
        "process 1 has other data than process 0",
        "process 1 has other settings than process 0",
    ]
    for i in range(2):
        found = json.loads((tmp_path / f"{i}.json").read_text())
        read = found.pop("read")
        assert_close(found, {"devices": 2, "refused": refused, **eager})
        for name, mine in {
            "mini-batches": own_part(i),
            "all at once": [*range(30 * i, 30 * i + 30)] * 2,
        }.items():
            asked = read[name].pop("asked")
            assert asked[-len(mine) :] == mine
            assert set(asked[: -len(mine)]) == {0}  # which all trace and compare
            expected = trainings.found(trainings.spirals, engine="eager", **trainings.READ[name])
            assert_close(read[name], expected)
    written = sorted(path.name for path in tmp_path.glob("*-*.json"))
    assert written == sorted(f"{name}-0.json" for name in trainings.ALL)  # by process 0 alone


@slow
def test_what_has_no_structure_and_is_too_large_is_refused():
    def deep(outputs, target):
        for function in random.Random(1).choices([mg.tanh, mg.sin, mg.atan], k=2500):
            outputs = function(outputs)
        return outputs - target

    with pytest.raises(TraceError, match="no structure was found that matrices could use"):
        mg.fit(nn.MLP(1, [1], seed=1), ([[1.0]], [0.0]), deep, epochs=1, engine="jax")


def test_a_step_that_leaves_the_numbers_names_its_place():
    model, rule = nn.MLP(1, [1], seed=1), optim.Momentum(1e307)
    before = [p.data for p in model.parameters()]
    with pytest.raises(
        mg.NonFiniteError, match=r"epoch 1, batch 1: step 1: .* must be a finite number, not"
    ):
        mg.fit(model, ([[1.0]], [1e6]), nn.mse, rule, engine="jax")
    assert [p.data for p in model.parameters()] == before


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-plus\[jax\]'"):
        mg.fit(nn.MLP(2, [1]), datasets.xor(), nn.mse, engine="jax")
    with (
        pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-plus\[jax\]'"),
        mg.Cluster("127.0.0.1:1", 2, 1),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"processes": 2}, "2 processes need a coordinator"),
        ({"processes": 0}, "processes must be a whole number from 1, not 0"),
        ({"coordinator": "a:1", "processes": 2, "process_id": 2}, "process_id must be less than"),
        ({"coordinator": "a:1", "processes": 2, "process_id": -1}, "process_id must be a whole"),
        ({"coordinator": "a", "processes": 2}, "a coordinator is HOST:PORT, .*, not 'a'"),
        ({"coordinator": "a:70000", "processes": 2}, "HOST:PORT"),
        *[
            ({"timeout": timeout}, "timeout must be a number of seconds from 1 to 1,000,000,000")
            for timeout in (0, -1, math.nan, math.inf, 1e308, 10**400, "60")
        ],
    ],
)
def test_a_cluster_that_makes_no_sense(given, words):
    with pytest.raises(ValueError, match=words):
        mg.Cluster(**given)


def test_where_nothing_describes_a_cluster():
    code = "import micrograd_plus as mg\nwith mg.Cluster.detect(): pass"
    with started([sys.executable, "-c", code]) as [process]:
        code, _, errors = ended(process)
    assert code == 1
    assert "no cluster was detected in the environment" in errors


@slow
def test_a_cluster_as_slurm_describes_it(tmp_path):
    for job in range(4096):  # JAX makes a port of it
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 61440 + job)):
            break
    file = tmp_path / "c.json"
    command = [*COMMAND, "train", *SMALL, "--detect-cluster", "--epochs", 3, "--checkpoint", file]
    given = {
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_NODELIST": "127.0.0.1",
        "SLURM_NTASKS": "2",
        "JAX_COORDINATOR_BIND_ADDRESS": f"127.0.0.1:{61440 + job}",
    }
    with (
        started(command, env=given | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}) as [first],
        started(command, env=given | {"SLURM_PROCID": "1", "SLURM_LOCALID": "1"}) as [other],
    ):
        code, printed, errors = ended(first)
        assert (code, printed.count("3 epochs")) == (0, 1), errors
        assert ended(other)[:2] == (0, "")
    assert epochs(file) == 3
