"""Programs that tests run: how they are started, watched, and cleared away."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer

import pytest

from tests.needs import needed

COMMAND = [sys.executable, "-m", "micrograd_plus"]
LIMIT = 300  # seconds, for a busy machine; nothing may hang
GONE = 75
SMALL = ["moons", "--points", 40, "--hidden", 4, "--batch-size", 10, "--engine", "jax"]


@contextlib.contextmanager
def started(*commands, env=None, limit=LIMIT, **options):
    """Programs at work; when the block ends, or the limit of time, they are killed.

    So is all that they have started. Ctrl-C reaches them even where the tests run in the
    background, and a shell has them ignore it.

    Yields:
        Their processes, with pipes for output and errors.
    """
    mark = secrets.token_hex()
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    env = {**os.environ, **(env or {}), "STARTED_BY_TEST": mark}
    running, watchdog = [], Timer(limit, lambda: _kill(running, mark))
    with contextlib.ExitStack() as ends:
        try:
            watchdog.start()
            for command in commands:
                with _heard_interrupts():
                    process = subprocess.Popen(
                        [*map(str, command)], env=env, start_new_session=True, **options
                    )
                running.append(ends.enter_context(process))
            yield running
        finally:
            watchdog.cancel()
            _kill(running, mark)


@contextlib.contextmanager
def _heard_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _kill(processes, mark):
    """Kill processes, and what they have started, which inherits their environment."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for folder in Path("/proc").glob("[0-9]*"):  # groups of their own; only Linux tells
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def hatchling(target, source, folder, **environment):
    """Build a source distribution or a wheel into an empty folder, by default with the core."""
    needed("Cython", "hatchling", "setuptools")
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder]
    env = {**os.environ, "MICROGRAD_PLUS_PURE": "", **environment}
    done = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.iterdir()
    return made


def ended(process):
    """Exit code, output and errors."""
    out, err = process.communicate()
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
    """A port of this machine at which no one listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def served(folder):
    """The address of a static web server for a folder, which ends with the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


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


def isolated_jupyter(folder):
    """The environment of a Jupyter that knows nothing of what else is on the machine."""
    kinds = ("_CONFIG", "_DATA", "_RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")
    folders = {f"JUPYTER{kind}_DIR": str(folder / kind) for kind in kinds}
    return os.environ | folders | {"IPYTHONDIR": str(folder / "ipython")}
