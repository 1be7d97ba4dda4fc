"""Checkpoints: a training's state as plain data, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from micrograd_plus.files import write

_FORMAT, _VERSION = "micrograd_plus checkpoint", 1
_PARTS = {
    "parameters": dict,
    "optimizer": dict,
    "settings": dict,
    "random": list,
    "history": dict,
}


class CheckpointError(ValueError):
    """A file that is no checkpoint of this training.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "training.json")
    ...     _ = path.write_text("{")
    ...     try:
    ...         load(path)
    ...     except CheckpointError as error:
    ...         print(str(error).removeprefix(folder)[1:])
    training.json is cut short, or no checkpoint
    """


def save(path: str | Path, **parts: Any) -> None:
    """Write a checkpoint; the file before it stays until the new one is complete.

    Raises:
        OSError: the file can't be written.
    """
    assert parts.keys() == _PARTS.keys()  # noqa: S101  a slip of ours, not of the caller
    content = {"format": _FORMAT, "version": _VERSION, **parts}
    write(Path(path), json.dumps(content).encode())


def check_place(path: str | Path) -> None:
    """Refuse a place where no checkpoint can be written, before the work is done.

    Raises:
        OSError: it is a folder, or in a folder that is not there.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def load(path: str | Path) -> dict[str, Any]:
    """The parts of a checkpoint.

    Raises:
        OSError: the file can't be read.
        CheckpointError: it is cut short, or something else, or of another version.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except (RecursionError, ValueError):
        raise CheckpointError(f"{path} is cut short, or no checkpoint") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of micrograd_plus")
    if content.get("version") != _VERSION:
        found = content.get("version")
        raise CheckpointError(f"{path} is of version {found!r}; this is version {_VERSION}")
    for part, kind in _PARTS.items():
        if not isinstance(content.get(part), kind):
            raise CheckpointError(f"{path} lacks its {part}")
    return content
