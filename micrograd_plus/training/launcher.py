"""Starts and watches the local processes of one training, and restarts them if one is lost."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from micrograd_plus.training.cluster import GONE, SUPERVISOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Command = Callable[[int, str, bool], Sequence[str]]

_START = 60  # seconds that importing may take on a busy machine
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # silences JAX's C++ messages about killed processes
_PAUSE = 0.1  # seconds between two checks of the processes


def launch(
    command: Command,
    processes: int,
    *,
    checkpoint: Path | None = None,
    restarts: int = 3,
    timeout: float = 60,
) -> int:
    """Run a training as several processes on this machine, until all have ended.

    Process 0 has this process's standard output and error; the others' output goes to standard
    error, prefixed with their number. If one is killed, crashes, loses its peers, or makes no step
    within `timeout`, all are killed and restarted from the checkpoint. An error that a process
    reports itself ends the training, as it would recur. If this process ends, so do they.

    Args:
        command: a function of a process's number, the coordinator's address, and whether to resume
            from the checkpoint, that returns the program and its arguments; the program must enter
            a `Cluster`.
        processes: the number of processes.
        checkpoint: the file that the training writes; without it there are no restarts.
        restarts: the largest number of restarts.
        timeout: seconds without a step after which a process counts as stuck.

    Returns:
        0 if all went well, otherwise the exit code of the process that failed first, or 75 if it
        was killed.
    """
    before = _version(checkpoint)
    for attempt in range(restarts + 1):
        # a file of another training must not be resumed
        resumed = attempt > 0 and _version(checkpoint) != before
        failure = _run(command, processes, resumed, timeout)
        if failure is None:
            return 0
        reason, code = failure
        recurs = code not in (None, GONE)
        if recurs or checkpoint is None or attempt == restarts:
            advice = "; with --checkpoint it would be started again from there"
            _say(f"{reason}{'' if recurs or checkpoint else advice}")
            return code or GONE
        where = checkpoint if _version(checkpoint) != before else "the beginning"
        _say(f"{reason}; starting again from {where} ({attempt + 1} of {restarts})")
    raise AssertionError  # unreachable: the last attempt returns


def _version(path: Path | None) -> tuple[int, int] | None:
    """What identifies a version of a file, to notice its replacement."""
    with suppress(OSError):
        if path is not None:
            found = path.stat()
            return found.st_ino, found.st_mtime_ns
    return None


def _run(
    command: Command, processes: int, resumed: bool, timeout: float
) -> tuple[str, int | None] | None:
    """Run once: why the training failed, and the exit code it reported, if any; else None."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        coordinator = f"127.0.0.1:{server.getsockname()[1]}"
    children: list[_Child] = []
    with selectors.DefaultSelector() as selector:
        try:
            for i in range(processes):
                children.append(_Child(i, command(i, coordinator, resumed)))
                selector.register(children[-1].socket, selectors.EVENT_READ, children[-1])
            while any(child.process.poll() is None for child in children):
                for key, _ in selector.select(_PAUSE):
                    if not key.data.heard():
                        selector.unregister(key.fileobj)
                if failed := [child for child in children if child.process.poll()]:
                    return min(failed, key=_Child.blame).failure()
                oldest = min(children, key=lambda child: child.deadline(timeout))
                if oldest.deadline(timeout) < time.monotonic():
                    return f"process {oldest.index} made no step for {timeout:g} s", None
            failed = [child for child in children if child.process.poll()]
            return min(failed, key=_Child.blame).failure() if failed else None
        finally:
            for child in children:
                child.kill()


class _Child:
    """A process, and a socket on which it reports its steps; it ends when this one does."""

    def __init__(self, index: int, command: Sequence[str]) -> None:
        self.index = index
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  the caller's own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if index else None,
                stderr=subprocess.STDOUT if index else None,
                pass_fds=[theirs.fileno()],
                env={**_QUIET, **os.environ, SUPERVISOR: str(theirs.fileno())},
                start_new_session=True,  # Ctrl-C reaches only this process; the group can be killed
            )
        self._last = time.monotonic() + _START
        self._done = False
        self._relay = threading.Thread(
            target=_relay, args=(self.process.stdout, index), daemon=True
        )
        self._relay.start()

    def heard(self) -> bool:
        """Note a sign of life; false once the process makes no more steps."""
        self._last = time.monotonic()
        with suppress(OSError):
            if self.socket.recv(4096):
                return True
        self._done = True
        return False

    def deadline(self, timeout: float) -> float:
        return float("inf") if self._done else self._last + timeout

    def blame(self) -> int:
        """Sort key for the cause of a failure: first who was killed, last who lost its peers."""
        code = self.process.returncode
        return (code >= 0) + (code in (GONE, -signal.SIGABRT))  # JAX aborts without peers

    def failure(self) -> tuple[str, int | None]:
        code = self.process.returncode
        if code < 0:
            return f"process {self.index} was killed by {signal.Signals(-code).name}", None
        return f"process {self.index} ended with code {code}", code

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._relay.join(1)
        if self.process.stdout:
            self.process.stdout.close()
        self.socket.close()


def _relay(lines: IO[bytes] | None, index: int) -> None:
    for line in lines or ():
        print(f"[{index}] {line.decode(errors='replace').rstrip()}", file=sys.stderr)


def _say(text: str) -> None:
    print(f"micrograd-plus: {text}", file=sys.stderr, flush=True)
