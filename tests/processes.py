"""What tests of several processes share: how they are started, watched, and cleared away."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from tests.cli.test_main import COMMAND

LIMIT = 120  # seconds, for a busy machine; nothing may hang
GONE = 75
SMALL = ["moons", "--points", 40, "--hidden", 4, "--batch-size", 10, "--engine", "jax"]


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


def epochs(path):
    """How many a checkpoint has."""
    with contextlib.suppress(FileNotFoundError):
        return len(json.loads(path.read_text())["history"]["epochs"])
    return 0


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
