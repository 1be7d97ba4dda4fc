"""What happens when a process of several is lost, stands still, or can't write."""

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import datasets, nn
from micrograd_plus.cli.main import main
from tests.effort import few, slow
from tests.needs import needed
from tests.processes import (
    COMMAND,
    GONE,
    SMALL,
    assert_close,
    ended,
    epochs,
    free_address,
    pair,
    started,
    until,
)


@pytest.fixture(autouse=True, scope="module")
def _with_jax():
    needed("jax")


def listens(address):
    """Where anyone listens at the port of an address, in the kernel's hexadecimal notation."""
    found = set()
    for table in Path("/proc/net").glob("tcp*"):
        for line in table.read_text().splitlines()[1:]:
            (host, port), state = line.split()[1].split(":"), line.split()[3]
            if state == "0A" and int(port, 16) == int(address.rpartition(":")[2]):
                found.add(host)
    return found


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


@slow
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
        assert "another process was lost" in errors or "another task died" in errors
    else:
        assert code == GONE
        assert {
            signal.SIGKILL: "micrograd-plus: another process was lost",
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
        assert "ClusterError: another process was lost" in errors


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


@slow
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
        assert "ClusterError: another process was lost" in errors


@slow
def test_a_process_that_never_starts():
    with started(*pair(timeout=3)) as [first, other]:
        other.kill()
        with started(pair(timeout=3)[1]) as [lonely]:
            for i, process in enumerate((first, lonely)):
                code, _, errors = ended(process)
                assert code == GONE
                assert f"process {i}: waiting for all processes to join at 127.0.0.1:" in errors
                assert "for 3 s; one is lost or stuck" in errors


@slow
def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as server:
        command, _ = pair(where=f"127.0.0.1:{server.getsockname()[1]}")
        with started(command) as [process]:
            code, _, errors = ended(process)
    assert code == 1
    assert "process 0 can't listen at the coordinator's address" in errors


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@slow
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


@slow
@linux
@pytest.mark.parametrize(
    ("place", "words"),
    [("/dev/full", "No space left on device: '/dev/full'"), ("/sys/c.json", "'/sys/c.json'")],
)
def test_a_checkpoint_that_can_not_be_written(place, words, capfd):
    """A full disk, and a folder in which nothing can be made."""
    assert main(["launch", "--", *map(str, ["train", *SMALL, "--checkpoint", place])]) == 1
    printed, errors = capfd.readouterr()
    assert printed == ""
    assert words in errors
    assert ("process 0 ended with code 1\n" in errors) is (place == "/dev/full")  # tried before
    assert "starting again" not in errors


@slow
def test_a_checkpoint_cut_short(tmp_path, capfd):
    file = tmp_path / "c.json"
    mg.fit(nn.MLP(2, [1]), datasets.moons(10), nn.mse, epochs=1, checkpoint=file)
    file.write_bytes(file.read_bytes()[:-100])
    options = ["train", *SMALL, "--checkpoint", file, "--resume"]
    assert main(["launch", "--", *map(str, options)]) == 2
    errors = capfd.readouterr().err
    assert "c.json is cut short, or was changed since it was written" in errors
    assert "starting again" not in errors


@linux
@pytest.mark.parametrize("fault", few(1, [signal.SIGINT, signal.SIGKILL]))
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
        ([], "the command to launch comes last"),
        (["--", "draw"], "the command to launch comes last"),
        (["--processes", "0", "--", "train", "xor"], "--processes must be from 1 to 1000, not 0"),
        (["--processes", "1001", "--", "train", "xor"], "from 1 to 1000, not 1001"),
        (["--restarts", "-1", "--", "train", "xor"], "--restarts must be at least 0, not -1"),
        *[
            (["--timeout", timeout, "--", "train", "xor"], "a number of seconds from 1 to 1,000,0")
            for timeout in ("0", "nan", "inf", "1e308")
        ],
        (["--", "train", "xor", "--checkpoint", "a.csv", "--history", "./a.csv"], "its own"),
        (["--", "train", "xor", "--processes", "2"], "launch sets --coordinator"),
        (["--", "train", "xor", "--engine", "eager"], "train with --engine jax, not eager"),
    ],
)
def test_what_can_not_be_launched(arguments, words, capsys):
    assert main(["launch", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_launched_places_are_tried_before(tmp_path, capsys):
    place = str(tmp_path / "missing" / "h.csv")
    assert main(["launch", "--", *map(str, ["train", *SMALL, "--history", place])]) == 1
    errors = capsys.readouterr().err
    assert place in errors
    assert "process 0" not in errors


def test_what_can_not_be_detected_and_told(capsys):
    assert main(["train", "xor", "--detect-cluster", "--processes", "2"]) == 2
    assert "--detect-cluster finds --coordinator" in capsys.readouterr().err
