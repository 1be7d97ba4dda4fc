"""Several processes that train together, on one machine or on many."""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = 75  # the exit code of a process that loses its peers, EX_TEMPFAIL: try again
SUPERVISOR = "MICROGRAD_PLUS_SUPERVISOR"  # has the descriptor of the socket to the launcher
_LONGEST = 1_000_000_000  # seconds, which JAX counts as a C int
_LATER = 30  # seconds by which JAX's own timeouts, whose messages are less plain, are longer


class ClusterError(RuntimeError):
    """Another process of a cluster was lost, or trains with other arguments.

    >>> try:  # as `fit` does in all processes
    ...     raise ClusterError("process 1 has other data than process 0")
    ... except RuntimeError as error:
    ...     print(error)
    process 1 has other data than process 0
    """


class Cluster:
    """The processes of one training; in its `with` block this process is one of them.

    In the block, all processes call `fit(…, engine="jax")` with the same arguments; each batch is
    split over the devices of all. Every process holds lists and arrays in memory. Of data read on
    demand, such as a file, a process reads the first example and its own part of each batch (with
    `batch_size=None` always the same part); if a result is not finite, all read the whole batch to
    find the example. Process 0 alone writes checkpoints and shows progress; `fit` returns the same
    in all. Enter the block before anything uses JAX.

    If another process ends, or makes no step within `timeout`, this one reports it and exits with
    code 75. After an error in the block it exits as well, since the others wait for it.
    `micrograd-plus launch` then restarts all processes from the last checkpoint.

    Args:
        coordinator: "HOST:PORT", the address at which process 0 listens; all others must be able to
            reach it.
        processes: the number of processes.
        process_id: the number of this process, from 0.
        timeout: the limit in seconds for joining and for each step; it must exceed the slowest
            step, compilation included.

    Attributes:
        processes, process_id: as above, known in the block.

    Raises:
        ValueError: an argument is invalid, or two contradict each other.
        ModuleNotFoundError: (when entered) JAX is missing.
        OSError: (when entered) the coordinator's address can't be listened at.

    >>> with Cluster() as cluster:  # of one process, which needs no coordinator
    ...     cluster.first
    True
    """

    def __init__(
        self,
        coordinator: str | None = None,
        processes: int = 1,
        process_id: int = 0,
        *,
        timeout: float = 60,
    ) -> None:
        for name, number, least in (("processes", processes, 1), ("process_id", process_id, 0)):
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise ValueError(f"{name} must be a whole number from {least}, not {short(number)}")
        if process_id >= processes:
            raise ValueError(
                f"process_id must be less than the {processes} processes, as they count from 0, "
                f"not {process_id}"
            )
        if processes > 1 and coordinator is None:
            raise ValueError(
                f"{processes} processes need a coordinator, HOST:PORT, to find each other"
            )
        if coordinator is not None:
            _address(coordinator)
        if not (isinstance(timeout, int | float) and 1 <= timeout <= _LONGEST):
            raise ValueError(
                f"timeout must be a number of seconds from 1 to {_LONGEST:,}, not {short(timeout)}"
            )
        self.coordinator, self.timeout = coordinator, timeout
        self.processes, self.process_id = processes, process_id
        self._detected = False
        self._steps = _Steps(self)

    @classmethod
    def detect(cls, *, timeout: float = 60) -> Cluster:
        """The cluster described by the environment: Slurm, Open MPI, a TPU pod or Kubernetes.

        Process 0 listens on all interfaces, unless JAX_COORDINATOR_BIND_ADDRESS is HOST:PORT.

        Args:
            timeout: as for the class.

        Raises:
            ValueError: (when entered) the environment describes no cluster.
        """
        cluster = cls(timeout=timeout)
        cluster._detected = True
        return cluster

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.process_id == 0

    def __enter__(self) -> Cluster:
        global _current
        if _current is not _ALONE:
            raise ValueError("this process is in a cluster already")
        if self.coordinator or self._detected:
            self._join(need("jax", "jax"))
        _current = self
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        global _abandoned, _current
        _current = _ALONE
        if not (self.coordinator or self._detected):
            return
        if isinstance(error, Exception | KeyboardInterrupt):
            # an orderly exit would wait for processes that wait for this one
            codes = {ClusterError: GONE, KeyboardInterrupt: 130}
            _abandoned = True
            atexit.register(_leave, codes.get(type(error), 1))
        else:
            self.moved("waiting for the other processes to finish")
            need("jax", "jax").distributed.shutdown()
        self._steps.stop()

    def moved(self, doing: str = "waiting for the other processes in a step") -> None:
        """Report progress to the watchdog.

        Args:
            doing: what the process does next, for the message if that takes too long.
        """
        self._steps.moved(doing)

    def _join(self, jax: Any) -> None:
        where = self.coordinator or "the cluster's coordinator"
        if self.coordinator and self.first:
            _check_free(self.coordinator)
        self._steps.start(f"waiting for all processes to join at {where}")
        patience = int(self.timeout) + _LATER
        given: dict[str, Any] = {} if self._detected else {
            "coordinator_address": self.coordinator,
            "num_processes": self.processes,
            "process_id": self.process_id,
            "cluster_detection_method": "deactivate",
            # by default it would listen on all interfaces
            "coordinator_bind_address": os.environ.get(
                "JAX_COORDINATOR_BIND_ADDRESS", self.coordinator
            ),
        }  # fmt: skip
        try:
            jax.distributed.initialize(
                **given,
                initialization_timeout=patience,
                heartbeat_timeout_seconds=patience,
                shutdown_timeout_seconds=patience,
            )
            with _quiet():
                multihost = need("jax.experimental.multihost_utils", "jax")
                multihost.sync_global_devices("all have joined")
        except (ValueError, RuntimeError) as error:
            self._steps.stop()
            if self._detected and "should be defined" in str(error):
                raise ValueError(
                    "no cluster was detected in the environment: give coordinator, processes "
                    "and process_id"
                ) from None
            if "must be called before" in str(error):
                raise ValueError("enter the cluster before anything uses JAX") from None
            if isinstance(error, RuntimeError):
                raise ClusterError(f"can't join the cluster: {error}") from None
            raise
        self.processes, self.process_id = jax.process_count(), jax.process_index()
        self.moved()


class _Steps:
    """Reports a process's steps to the launcher, which watches; without one a thread here does."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._doing, self._last = "", 0.0
        self._supervisor: socket.socket | None = None
        self._stopped = threading.Event()

    def start(self, doing: str) -> None:
        if name := os.environ.pop(SUPERVISOR, ""):
            self._supervisor = socket.socket(fileno=int(name))
        self.moved(doing)
        watch = self._until_left_alone if self._supervisor else self._until_stuck
        threading.Thread(target=watch, daemon=True).start()

    def moved(self, doing: str) -> None:
        self._doing, self._last = doing, time.monotonic()
        if self._supervisor:
            with suppress(OSError):  # full: reported enough; closed: the thread notices
                self._supervisor.send(b".", socket.MSG_DONTWAIT)

    def stop(self) -> None:
        """Stop watching: no more steps will be made."""
        self._stopped.set()
        if self._supervisor:
            with suppress(OSError):
                self._supervisor.shutdown(socket.SHUT_WR)

    def _until_stuck(self) -> None:
        cluster = self._cluster
        while not self._stopped.wait(0.2):
            if time.monotonic() - self._last > cluster.timeout:
                print(f"micrograd-plus: process {cluster.process_id}: {self._doing} for "
                      f"{cluster.timeout:g} s; one is lost or stuck", file=sys.stderr)  # fmt: skip
                _leave(GONE)

    def _until_left_alone(self) -> None:
        assert self._supervisor  # noqa: S101  for the type checker
        with suppress(OSError):
            self._supervisor.recv(1)  # returns when the other end is closed
        _leave(GONE)


def _leave(code: int) -> None:
    """End this process at once; an ordinary exit would wait for the others."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ValueError(f"a coordinator is HOST:PORT, such as 10.0.0.1:9876, not {short(text)}")
    return host.strip("[]"), int(port)


def _check_free(coordinator: str) -> None:
    """Check that process 0 can listen at the address, since JAX would crash otherwise."""
    host, port = _address(coordinator)
    try:
        (family, *_), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"process 0 can't listen at the coordinator's address: {reason}",
            coordinator,
        ) from None  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries print off standard output, which is for results."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


_ALONE = Cluster()
_current = _ALONE
_abandoned = False


def current() -> Cluster:
    """The cluster whose block this process is in; otherwise one of this process alone."""
    return _current


def leave_abandoned(code: int) -> None:
    """End this process with an exit code if an error made it leave its cluster.

    The code is 75 if another process was lost, 130 after Ctrl-C, and 1 otherwise.
    """
    if _abandoned:
        _leave(code)
