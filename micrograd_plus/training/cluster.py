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

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = 75  # the exit code of a process that loses its peers, EX_TEMPFAIL: try again
SUPERVISOR = "MICROGRAD_PLUS_SUPERVISOR"  # has the descriptor of the socket to the launcher
_LONGEST = 1_000_000_000  # seconds, which JAX counts as a C int
_LATER = 30  # seconds by which JAX's own timeouts, whose messages are less plain, are longer


class ClusterError(RuntimeError):
    """Another process of a cluster is gone, or trains something else.

    >>> try:  # as `fit` does in all processes
    ...     raise ClusterError("process 1 has other data than process 0")
    ... except RuntimeError as error:
    ...     print(error)
    process 1 has other data than process 0
    """


class Cluster:
    """The processes of one training; in its `with` block this process is one of them.

    In the block, `fit(…, engine="jax")` is called by all processes with the same arguments, and
    splits each batch over the devices of all. Lists and arrays are in the memory of each; of data
    that are read on demand, such as a file, each reads the first example and its own part of each
    batch, which with `batch_size=None` is always the same; where results are not finite, all read
    the whole batch, to tell the place. Process 0 alone writes checkpoints and shows progress; what
    `fit` returns is the same in all. The block has to be entered before anything uses JAX.

    When another process ends, or makes no step in the time given, this one reports it and ends,
    with exit code 75. After an error in the block it ends, too, as those that wait for it can't go
    on. `micrograd-plus launch` then starts all processes anew from the last checkpoint.

    Args:
        coordinator: "HOST:PORT", where process 0 listens, and nowhere else; all others have to
            reach it.
        processes: how many there are.
        process_id: which of them this is, from 0.
        timeout: seconds in which all have to join, and in which each step has to be made; more
            than the slowest takes, with its compilation.

    Attributes:
        processes, process_id: as above, known in the block.

    Raises:
        ValueError: these make no sense together.
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
                raise ValueError(f"{name} must be a whole number from {least}, not {number!r}")
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
                f"timeout must be a number of seconds from 1 to {_LONGEST:,}, not {timeout!r}"
            )
        self.coordinator, self.timeout = coordinator, timeout
        self.processes, self.process_id = processes, process_id
        self._detected = False
        self._steps = _Steps(self)

    @classmethod
    def detect(cls, *, timeout: float = 60) -> Cluster:
        """The cluster that the environment describes: of Slurm, Open MPI, a TPU pod, Kubernetes.

        Process 0 listens on all interfaces, unless JAX_COORDINATOR_BIND_ADDRESS is HOST:PORT.

        Args:
            timeout: as for the class.

        Raises:
            ValueError: (when entered) nothing describes a cluster.
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
            # leaving in order would wait for those who wait for this process
            codes = {ClusterError: GONE, KeyboardInterrupt: 130}
            _abandoned = True
            atexit.register(_leave, codes.get(type(error), 1))
        else:
            self.moved("waiting for the other processes to finish")
            need("jax", "jax").distributed.shutdown()
        self._steps.stop()

    def moved(self, doing: str = "waiting for the other processes in a step") -> None:
        """Report that this process is alive.

        Args:
            doing: what it does next, named in the message if that takes too long.
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
        except ValueError as error:
            self._steps.stop()
            if self._detected and "should be defined" in str(error):
                raise ValueError(
                    "no cluster was detected in the environment: give coordinator, processes "
                    "and process_id"
                ) from None
            raise
        except RuntimeError as error:
            self._steps.stop()
            if "must be called before" in str(error):
                raise ValueError("enter the cluster before anything uses JAX") from None
            raise ClusterError(f"can't join the cluster: {error}") from None
        self.processes, self.process_id = jax.process_count(), jax.process_index()
        self.moved()


class _Steps:
    """Watches the steps of a process, or reports them to the launcher, which watches instead."""

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
            with suppress(OSError):  # full: it has seen enough; closed: the thread sees it, too
                self._supervisor.send(b".", socket.MSG_DONTWAIT)

    def stop(self) -> None:
        """No more steps are to be expected."""
        self._stopped.set()
        if self._supervisor:
            with suppress(OSError):
                self._supervisor.shutdown(socket.SHUT_WR)

    def _until_stuck(self) -> None:
        cluster = self._cluster
        while not self._stopped.wait(0.2):
            if time.monotonic() - self._last > cluster.timeout:
                print(f"micrograd-plus: process {cluster.process_id}: {self._doing} for "
                      f"{cluster.timeout:g} s; one is gone or stuck", file=sys.stderr)  # fmt: skip
                _leave(GONE)

    def _until_left_alone(self) -> None:
        assert self._supervisor  # noqa: S101  for the type checker
        with suppress(OSError):
            self._supervisor.recv(1)  # returns when the other end is closed
        _leave(GONE)


def _leave(code: int) -> None:
    """End this process without waiting for others, as an ordinary exit would."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ValueError(f"a coordinator is HOST:PORT, such as 10.0.0.1:9876, not {text!r}")
    return host.strip("[]"), int(port)


def _check_free(coordinator: str) -> None:
    """Refuse an address that is taken or not of this machine, at which JAX would crash."""
    host, port = _address(coordinator)
    try:
        socket.create_server((host, port), family=_family(host, port)).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"process 0 can't listen at the coordinator's address: {reason}",
            coordinator,
        ) from None  # fmt: skip


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


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
    """End this process with an exit code, if an error made it leave its cluster.

    An ordinary exit has the code 75 if another was lost, 130 after Ctrl-C and 1 after all else.
    """
    if _abandoned:
        _leave(code)
