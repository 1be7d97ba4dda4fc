"""Files that are written whole or not at all, and places that are tried before the work is done."""

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
    import fcntl
except ModuleNotFoundError:  # a system on which leftovers stay
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OURS = re.compile(r"(\.micrograd-plus-[0-9a-f]{16})\.(?:lock|\d+\.part)")
"""What stands beside files while they are written: their parts, and one lock for all of these. When
a process ends, in whatever way, the system opens its locks: parts without one are left over."""


def write(path: Path, data: bytes) -> Path:
    """Write a whole file or nothing: what it held before stays if the writing fails.

    It is refused where `open(path, "w")` would be. A link stays a link, and the file that it leads
    to keeps its owner and its rights.

    Args:
        path: where; its folder has to exist.
        data: its new content.

    Raises:
        OSError: the file can't be written.
    """
    return write_all([(path, data)])[0]


def write_all(contents: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write files, each as `write` does; they take their places when all of them are complete.

    Args:
        contents: the path of each, and its new content.

    Raises:
        OSError: one of them can't be written.
    """
    paths: list[Path] = []
    ready: list[tuple[Path, Path, Path]] = []
    claims: dict[Path, str] = {}
    with ExitStack() as stack:
        for path, data in contents:
            with _told(path), _existing(path) as old:
                paths.append(path)
                if old and not _regular(old):  # such as a pipe or a terminal
                    old.write(data)
                    continue
                target = Path(os.path.realpath(path))
                if target.parent not in claims:
                    claims[target.parent] = stack.enter_context(_claim(target.parent))
                part = target.with_name(f"{claims[target.parent]}.{len(ready)}.part")
                stack.callback(part.unlink, missing_ok=True)
                _fill(part, data, old)
                ready.append((part, target, path))
        for part, target, path in ready:
            with _told(path):
                part.replace(target)
    return paths


def check_places(
    places: Mapping[str, str | Path | None], folders: Mapping[str, Path | None] | None = None
) -> None:
    """Refuse places that `write` would refuse, and one place for two, before the work is done.

    Args:
        places: the files, by what is to be written there; None where it is not to be written.
        folders: likewise folders to write files into; what is missing is to be made.

    Raises:
        OSError: one can't be written.
        ValueError: two are one, or one is what this program prints into.
    """
    taken: dict[tuple[int, int] | Path, str] = {}
    for number, what in ((1, "standard output"), (2, "standard error")):
        with suppress(OSError):  # closed
            if stat.S_ISREG((found := os.fstat(number)).st_mode):
                taken[found.st_dev, found.st_ino] = what
    tried = [(what, path, _try) for what, path in places.items()]
    tried += [(what, path, _try_folder) for what, path in (folders or {}).items()]
    for what, path, names_of in tried:
        for name in names_of(Path(path)) if path is not None else ():
            if (other := taken.setdefault(name, what)) is not what:
                raise ValueError(f"{path} is for {what} and for {other}: each needs its own")


def _try(path: Path) -> list[tuple[int, int] | Path]:
    """Whether a file could be written; what tells it from others."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        return []  # a pipe, which would wait for its reader
    target = Path(os.path.realpath(path))
    with _told(path), _existing(path) as old, _claim(target.parent):
        found = old and os.fstat(old.fileno())
        return [target, (found.st_dev, found.st_ino)] if found else [target]


def _try_folder(path: Path) -> list[tuple[int, int] | Path]:
    with _told(path):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with _claim(path if path.is_dir() else path.parent):
            return [Path(os.path.realpath(path))]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Within the block an error of the system is about this path."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def _existing(path: Path) -> Iterator[BinaryIO | None]:
    """The file that is there, if any, opened for writing and left as it is."""
    try:
        number = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(number, "wb") as file:
        yield file


def _regular(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


@contextmanager
def _claim(folder: Path) -> Iterator[str]:
    """How the names of parts begin which are no leftovers in the block; removes those that are."""
    if fcntl:
        _collect(folder)
    while True:
        name = f".micrograd-plus-{secrets.token_hex(8)}"
        lock = folder / f"{name}.lock"
        try:
            with lock.open("xb") as file:
                with suppress(OSError):  # no locks on this disk: nothing is collected there
                    if fcntl:
                        fcntl.flock(file, fcntl.LOCK_EX)
                if lock.exists():  # not taken for a leftover before it was locked
                    yield name
                    return
        finally:
            lock.unlink(missing_ok=True)


def _collect(folder: Path) -> None:
    """Remove what processes that were killed have left."""
    found = defaultdict(list)
    with suppress(OSError):  # a folder that can't be listed
        for path in folder.iterdir():
            if ours := _OURS.fullmatch(path.name):
                found[ours[1]].append(path)
    for name, left in found.items():
        # busy: its writer lives; otherwise not ours to remove
        with suppress(OSError), ExitStack() as stack:
            with suppress(FileNotFoundError):  # a part that was left when its lock was removed
                lock = stack.enter_context((folder / f"{name}.lock").open("r+b"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in left:
                path.unlink(missing_ok=True)


def _fill(part: Path, data: bytes, old: BinaryIO | None) -> None:
    """Make a file with the owner and the rights of another, and only then give it its content."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600 if old else 0o666)

    with open(part, "xb", opener=opener) as file:
        if old and hasattr(os, "fchown"):
            found, number = os.fstat(old.fileno()), file.fileno()
            with suppress(OSError):  # who may write a file need not own it; some disks know no one
                os.fchown(number, -1, found.st_gid)
                os.fchown(number, found.st_uid, -1)
            with suppress(OSError):
                os.fchmod(number, stat.S_IMODE(found.st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
