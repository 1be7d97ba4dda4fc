"""One training on many devices and in several processes, and what happens when one is lost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.cli import main
from micrograd_plus.compiler import TraceError
from tests import trainings
from tests.programs import jax
from tests.test_cli import COMMAND

LIMIT = 120  # seconds, for a busy machine; nothing may hang
GONE = 75
SMALL = ["moons", "--points", 40, "--hidden", 4, "--batch-size", 10, "--engine", "jax"]


@pytest.fixture(autouse=True, scope="module")
def _with_jax():
    jax()


@contextlib.contextmanager
def started(*commands, **environment):
    """Programs in sessions of their own, of which nothing is left in the end."""
    running = []
    try:
        for command in commands:
            running.append(subprocess.Popen(
                [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**os.environ, **environment}, start_new_session=True,
            ))  # fmt: skip
        yield running
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def ended(process):
    """Exit code, output and errors."""
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err


def until(condition, *processes):
    """Wait for something that happens while processes run."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def pair(*options, timeout=60, where=None):
    """The command lines of two processes of one training."""
    where = where or free_address()
    train = [*COMMAND, "train", *SMALL, *options, "--coordinator", where, "--timeout", timeout]
    return [[*train, "--processes", 2, "--process-id", i] for i in range(2)]


def listens(address):
    """Where anyone listens at the port of an address, in the kernel's hexadecimal notation."""
    found = set()
    for table in Path("/proc/net").glob("tcp*"):
        for line in table.read_text().splitlines()[1:]:
            (host, port), state = line.split()[1].split(":"), line.split()[3]
            if state == "0A" and int(port, 16) == int(address.rpartition(":")[2]):
                found.add(host)
    return found


def epochs(path):
    """How many a checkpoint has."""
    with contextlib.suppress(FileNotFoundError):
        return len(json.loads(path.read_text())["history"]["epochs"])
    return 0


def children(pid):
    """The processes that another has started, by their numbers in a training."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_text().split("\0")
            if parent == pid and "--process-id" in words:
                found[int(words[words.index("--process-id") + 1])] = int(folder.name)
    return found


def assert_close(found, expected):
    """Plain data that is equal up to rounding."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            assert_close(found[name], expected[name])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_close(*pair)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)
    else:
        assert found == expected


# ------------------------------------------------------------------------ equal to one


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


def test_eight_devices(eager, tmp_path):
    command = [sys.executable, "-m", "tests.trainings", tmp_path]
    with started(command, JAX_NUM_CPU_DEVICES="8") as [process]:
        code, _, errors = ended(process)
    assert code == 0, errors
    assert_close(json.loads((tmp_path / "0.json").read_text()), {"devices": 8, **eager})


def own_part(process):
    """The spirals that one of two processes has to read in two epochs, in this order."""
    order, random, found = list(range(60)), Random(0), []
    Random(0).shuffle(order)
    held_out, train = sorted(order[:12]), order[12:]
    for _ in range(2):
        order = train.copy()
        random.shuffle(order)
        for start in range(0, 48, 7):
            batch = sorted(order[start : start + 7])
            found += batch[4:] if process else batch[:4]
        found += held_out[6:] if process else held_out[:6]
    return found


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


def test_what_has_no_structure_and_is_too_large_is_refused():
    def deep(outputs, target):
        for _ in range(1500):
            outputs = mg.tanh(outputs)
        return outputs - target

    with pytest.raises(TraceError, match="no structure was found that matrices could use"):
        mg.fit(nn.MLP(1, [1], seed=1), ([[1.0]], [0.0]), deep, epochs=1, engine="jax")


def test_a_step_that_leaves_the_numbers_names_its_place():
    model, rule = nn.MLP(1, [1], seed=1), optim.Momentum(1e307)
    before = [p.data for p in model.parameters()]
    with pytest.raises(mg.NonFiniteError, match=r"epoch 1, batch 1: step 1: .* leaves the numbers"):
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
        ({"timeout": 0}, "timeout must be a number of seconds from 1, not 0"),
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
        started(command, **given, SLURM_PROCID="0", SLURM_LOCALID="0") as [first],
        started(command, **given, SLURM_PROCID="1", SLURM_LOCALID="1") as [other],
    ):
        code, printed, errors = ended(first)
        assert (code, printed.count("3 epochs")) == (0, 1), errors
        assert ended(other)[:2] == (0, "")
    assert epochs(file) == 3


# ----------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("victim", "fault"), [(1, signal.SIGKILL), (0, signal.SIGKILL), (1, signal.SIGSTOP)]
)
def test_who_is_left_alone_ends(victim, fault, tmp_path):
    file = tmp_path / "c.json"
    options = ["--epochs", 100_000, "--checkpoint", file]
    where = free_address()
    with started(*pair(*options, timeout=10, where=where)) as processes:
        until(lambda: epochs(file) >= 2, *processes)
        if sys.platform == "linux":
            hosts = listens(where)  # at the loopback address alone
            assert hosts
            assert all(host.endswith("0100007F") for host in hosts)
        processes[victim].send_signal(fault)
        code, _, errors = ended(processes[1 - victim])
    if victim == 0:  # JAX aborts those whose coordinator is lost, perhaps before they can speak
        assert code in (GONE, -signal.SIGABRT)
        assert "another process is gone" in errors or "another task died" in errors
    else:
        assert code == GONE
        assert {
            signal.SIGKILL: "micrograd-plus: another process is gone",
            signal.SIGSTOP: "process 0: waiting for the other processes in a step for 10 s",
        }[fault] in errors


FAILS = """
import sys
import micrograd_plus as mg
from micrograd_plus import datasets, nn

with mg.Cluster(sys.argv[1], 2, int(sys.argv[2])) as cluster:
    if not cluster.first:
        raise RuntimeError("no more")
    mg.fit(nn.MLP(2, [1]), datasets.moons(10), nn.mse, engine="jax")
"""


def test_an_error_in_the_block_ends_both_programs():
    command = [sys.executable, "-c", FAILS, free_address()]
    with started([*command, 0], [*command, 1]) as [first, other]:
        code, _, errors = ended(other)
        assert code == 1
        assert errors.rstrip().endswith("RuntimeError: no more")
        code, _, errors = ended(first)
        assert code == GONE
        assert "ClusterError: another process is gone" in errors


LARGE = """
import resource, sys
from contextlib import suppress
from pathlib import Path
import numpy as np
import micrograd_plus as mg
from micrograd_plus import nn

address, process, folder = sys.argv[1:]
inputs = np.memmap(f"{folder}/inputs", dtype=float, mode="r", shape=(2**20, 1024))
targets = np.memmap(f"{folder}/targets", dtype=float, mode="r", shape=2**20)
with mg.Cluster(address, 2, int(process)):
    status = Path("/proc/self/status").read_text()
    limit = int(status.partition("VmData:")[2].split()[0]) * 1024 + 2**29
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with suppress(MemoryError):
        inputs + 0
        raise SystemExit("there is no limit")
    model, data = nn.MLP(1024, [1], seed=1), (inputs, targets)
    mg.fit(model, data, nn.mse, engine="jax", shuffle=False, validation=data)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux")
def test_a_bad_row_deep_in_a_file_larger_than_the_memory(tmp_path):
    """8 GiB, almost all a hole; who reads the row tells it, and no one goes on."""
    inputs = np.memmap(tmp_path / "inputs", dtype=float, mode="w+", shape=(2**20, 1024))
    inputs[150, 7] = np.nan  # in the second half of the fifth batch of 32
    np.memmap(tmp_path / "targets", dtype=float, mode="w+", shape=2**20)
    command = [sys.executable, "-c", LARGE, free_address()]
    with started([*command, 0, tmp_path], [*command, 1, tmp_path]) as [other, reader]:
        code, _, errors = ended(reader)
        assert code == 1
        words = "epoch 1, batch 5: the data, row 150, column 7 must be a finite number, not nan"
        assert errors.rstrip().endswith(words)
        code, _, errors = ended(other)
        assert code == GONE
        assert "ClusterError: another process is gone" in errors


def test_a_process_that_never_starts():
    with started(*pair(timeout=3)) as [first, other]:
        other.kill()
        with started(pair(timeout=3)[1]) as [lonely]:
            for i, process in enumerate((first, lonely)):
                code, _, errors = ended(process)
                assert code == GONE
                assert f"process {i}: waiting for all processes to join at 127.0.0.1:" in errors
                assert "for 3 s; one is gone or stuck" in errors


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as server:
        command, _ = pair(where=f"127.0.0.1:{server.getsockname()[1]}")
        with started(command) as [process]:
            code, _, errors = ended(process)
    assert code == 1
    assert "process 0 can't listen at the coordinator's address" in errors


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@linux
def test_launched_training_survives(tmp_path):
    """Both processes killed in turn, and one stopped: the end is that of an unbroken run."""
    file, whole = tmp_path / "c.json", tmp_path / "whole.json"
    training = ["train", *SMALL, "--epochs", 150]
    with started([*COMMAND, "launch", "--timeout", 10, "--", *training, "--checkpoint", file],
                 [*COMMAND, *training, "--engine", "compiled", "--checkpoint", whole],
                 ) as [launcher, unbroken]:  # fmt: skip
        at, seen = 0, []
        for victim, fault in ((1, signal.SIGKILL), (0, signal.SIGKILL), (1, signal.SIGSTOP)):
            until(lambda at=at: seen.append(epochs(file)) or seen[-1] >= at + 5, launcher)
            at = seen[-1]
            os.kill(children(launcher.pid)[victim], fault)
        code, printed, errors = ended(launcher)
        assert ended(unbroken)[0] == 0
    assert seen == sorted(seen)  # never from the beginning
    assert code == 0, errors
    killed = [f"process {i} was killed by SIGKILL" for i in (1, 0)]
    for i, reason in enumerate([*killed, "made no step for 10 s"]):
        assert f"{reason}; starting again from {file} ({i + 1} of 3)" in errors
    assert printed.count("MLP 2") == 1
    found, expected = (json.loads(path.read_text()) for path in (file, whole))
    for part in ("parameters", "optimizer", "history"):
        assert_close(found[part], expected[part])


@linux
@pytest.mark.parametrize(
    ("place", "words"), [("/dev/full", "No space left"), ("/sys/c.json", "'/sys/c.json'")]
)
def test_a_checkpoint_that_can_not_be_written(place, words, capfd):
    """A full disk, and a folder in which nothing can be made."""
    assert main(["launch", "--", *map(str, ["train", *SMALL, "--checkpoint", place])]) == 1
    printed, errors = capfd.readouterr()
    assert printed == ""
    assert words in errors
    assert "micrograd-plus: process 0 ended with code 1\n" in errors
    assert "starting again" not in errors


def test_a_checkpoint_cut_short(tmp_path, capfd):
    file = tmp_path / "c.json"
    mg.fit(nn.MLP(2, [1]), datasets.moons(10), nn.mse, epochs=1, checkpoint=file)
    file.write_bytes(file.read_bytes()[:-100])
    options = ["train", *SMALL, "--checkpoint", file, "--resume"]
    assert main(["launch", "--", *map(str, options)]) == 2
    errors = capfd.readouterr().err
    assert "c.json is cut short, or no checkpoint" in errors
    assert "starting again" not in errors


@linux
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_launcher(fault, tmp_path):
    file = tmp_path / "c.json"
    options = ["train", *SMALL, "--epochs", 100_000, "--checkpoint", file]
    with started([*COMMAND, "launch", "--", *options]) as [launcher]:
        if fault == signal.SIGKILL:
            until(lambda: epochs(file), launcher)
        else:
            until(lambda: len(children(launcher.pid)) == 2, launcher)
        launched = children(launcher.pid).values()
        launcher.send_signal(fault)
        code, _, _ = ended(launcher)
    assert code == (130 if fault == signal.SIGINT else -fault)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in launched))


@linux
def test_without_a_checkpoint_nothing_is_started_again():
    with started([*COMMAND, "launch", "--", "train", *SMALL]) as [launcher]:
        until(lambda: len(children(launcher.pid)) == 2, launcher)
        os.kill(children(launcher.pid)[1], signal.SIGKILL)
        code, _, errors = ended(launcher)
    assert code == GONE
    assert "process 1 was killed by SIGKILL; with --checkpoint it would be started again" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "what to launch comes last"),
        (["--", "draw"], "what to launch comes last"),
        (["--processes", "0", "--", "train", "xor"], "there must be 1 process or more"),
        (["--", "train", "xor", "--processes", "2"], "launch itself tells the processes"),
        (["--", "train", "xor", "--engine", "eager"], "train with --engine jax, not eager"),
    ],
)
def test_what_can_not_be_launched(arguments, words, capsys):
    assert main(["launch", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_what_can_not_be_detected_and_told(capsys):
    assert main(["train", "xor", "--detect-cluster", "--processes", "2"]) == 2
    assert "--detect-cluster finds out itself" in capsys.readouterr().err
