"""Atomic writing of files, and checks before a long computation that they can be written."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, and browsers: temporary files of killed processes stay
    flock = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TEMPORARY = re.compile(r"(\.micrograd-plus-[0-9a-f]{16})\.(?:lock|\d+\.part)")
"""Temporary files beside those that are written: the new contents, and a lock for all of them. The
system releases the lock however the process ends, so files whose lock is free are leftovers."""


def write(path: Path, data: bytes) -> Path:
    """Write a file atomically: if writing fails, its old content stays.

    It fails where `open(path, "w")` would. A symbolic link stays a link, and the file it points to
    keeps its owner and permissions.

    Args:
        path: the file; its folder has to exist.
        data: its new content.

    Raises:
        OSError: the file can't be written.
    """
    return write_all([(path, data)])[0]


def write_all(contents: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write several files as `write` does, and replace the old ones only when all are complete.

    Args:
        contents: pairs of a path and its new content.

    Raises:
        OSError: one of them can't be written.
    """
    paths: list[Path] = []
    ready: list[tuple[Path, Path, Path]] = []
    prefixes: dict[Path, str] = {}
    with ExitStack() as stack:
        for path, data in contents:
            with _naming(path), _existing(path) as old:
                paths.append(path)
                if old and not _is_regular(old):  # such as a pipe or a terminal
                    old.write(data)
                    continue
                target = Path(os.path.realpath(path))
                if target.parent not in prefixes:
                    prefixes[target.parent] = stack.enter_context(_locked_prefix(target.parent))
                part = target.with_name(f"{prefixes[target.parent]}.{len(ready)}.part")
                stack.callback(part.unlink, missing_ok=True)
                _write_new(part, data, old)
                ready.append((part, target, path))
        for part, target, path in ready:
            with _naming(path):
                part.replace(target)
    return paths


def check_places(
    places: Mapping[str, str | Path | None], folders: Mapping[str, Path | None] | None = None
) -> None:
    """Check that all files can be written, and that no two are the same, before the work is done.

    Args:
        places: the path of each file by its name in errors, such as --html; None for no file.
        folders: likewise folders for several files; a folder need not exist yet.

    Raises:
        OSError: one can't be written.
        ValueError: two are the same file, or one is what standard output or error goes to.
    """
    taken: dict[tuple[int, int] | Path, str] = {}
    for number, what in ((1, "standard output"), (2, "standard error")):
        with suppress(OSError):  # a closed stream
            if stat.S_ISREG((found := os.fstat(number)).st_mode):
                taken[found.st_dev, found.st_ino] = what
    tried = [(what, path, _try) for what, path in places.items()]
    tried += [(what, path, _try_folder) for what, path in (folders or {}).items()]
    for what, path, names_of in tried:
        for name in names_of(Path(path)) if path is not None else ():
            if (other := taken.setdefault(name, what)) is not what:
                raise ValueError(f"{path} is for {what} and for {other}: each needs its own")


def _try(path: Path) -> list[tuple[int, int] | Path]:
    """What identifies a file; raises OSError if it could not be written."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        return []  # opening a pipe would block until it has a reader
    target = Path(os.path.realpath(path))
    with _naming(path), _existing(path) as old, _locked_prefix(target.parent):
        found = old and os.fstat(old.fileno())
        return [target, (found.st_dev, found.st_ino)] if found else [target]


def _try_folder(path: Path) -> list[tuple[int, int] | Path]:
    with _naming(path):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with _locked_prefix(path if path.is_dir() else path.parent):
            return [Path(os.path.realpath(path))]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make errors of the operating system in the block name this path."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def _existing(path: Path) -> Iterator[BinaryIO | None]:
    """The existing file, opened for writing but not truncated; None if there is none."""
    try:
        number = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(number, "wb") as file:
        yield file


def _is_regular(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


@contextmanager
def _locked_prefix(folder: Path) -> Iterator[str]:
    """The locked prefix of temporary files within the block; first removes leftovers of others."""
    if flock is not None:
        _remove_leftovers(folder)
    while True:
        name = f".micrograd-plus-{secrets.token_hex(8)}"
        lock = folder / f"{name}.lock"
        try:
            with lock.open("xb") as file:
                with suppress(OSError):  # a disk without locks: no leftovers are removed
                    if flock is not None:
                        flock(file, LOCK_EX)
                if lock.exists():  # another process may have removed it before it was locked
                    yield name
                    return
        finally:
            lock.unlink(missing_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed."""
    found = defaultdict(list)
    with suppress(OSError):  # the folder can't be listed
        for path in folder.iterdir():
            if match := _TEMPORARY.fullmatch(path.name):
                found[match[1]].append(path)
    for name, left in found.items():
        # the lock is held: its process lives; any other error: the files are not ours
        with suppress(OSError), ExitStack() as stack:
            with suppress(FileNotFoundError):  # its lock was removed before
                lock = stack.enter_context((folder / f"{name}.lock").open("r+b"))
                flock(lock, LOCK_EX | LOCK_NB)
            for path in left:
                path.unlink(missing_ok=True)


def _write_new(part: Path, data: bytes, old: BinaryIO | None) -> None:
    """Create a file with the owner and permissions of the old one, and only then write to it."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600 if old else 0o666)

    with open(part, "xb", opener=opener) as file:
        if old and hasattr(os, "fchown"):
            found, number = os.fstat(old.fileno()), file.fileno()
            with suppress(OSError):  # not its owner, or a disk without owners
                os.fchown(number, -1, found.st_gid)
                os.fchown(number, found.st_uid, -1)
            with suppress(OSError):
                os.fchmod(number, stat.S_IMODE(found.st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
