"""Checkpoints: a training's state as plain data, written whole or not at all.

The file is JSON for people to read. Its last entry is a digest of all that stands before it, so
that what was damaged or edited is no checkpoint any more.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from micrograd_plus._tools.files import write

_FORMAT, _VERSION = "micrograd_plus checkpoint", 2
_BEGIN = json.dumps({"format": _FORMAT, "version": ""}).removesuffix('""}').encode()
_PARTS = {
    "parameters": dict,
    "optimizer": dict,
    "settings": dict,
    "numbers": dict,
    "random": list,
    "history": dict,
}


class CheckpointError(ValueError):
    """A file that is no checkpoint of this training.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "training.json")
    ...     _ = path.write_text('{"format": "micrograd_plus checkpoint", "version": 2')
    ...     try:
    ...         load(path)
    ...     except CheckpointError as error:
    ...         print(str(error).removeprefix(folder)[1:])
    training.json is cut short, or was changed since it was written
    """


def save(path: str | Path, **parts: Any) -> None:
    """Write a checkpoint; the file before it stays until the new one is complete.

    Raises:
        OSError: the file can't be written.
    """
    assert parts.keys() == _PARTS.keys()  # noqa: S101  a slip of ours, not of the caller
    content = {"format": _FORMAT, "version": _VERSION, **parts}
    write(Path(path), _sealed(json.dumps(content).removesuffix("}").encode()))


def load(path: str | Path) -> dict[str, Any]:
    """The parts of a checkpoint.

    Raises:
        OSError: the file can't be read.
        CheckpointError: it is cut short, or something else, or of another version, or not as it
            was written.
    """
    with Path(path).open("rb") as file:
        begin = file.read(len(_BEGIN))
        if not _BEGIN.startswith(begin):  # so that of what has no end no more is read
            raise CheckpointError(f"{path} is no checkpoint as micrograd_plus writes it")
        data = begin + file.read()
    found = re.match(rb"\d{1,9}", data[len(_BEGIN) :])
    if found and int(found[0]) != _VERSION:
        raise CheckpointError(
            f"{path} is of version {int(found[0])}; this is version {_VERSION}: train anew"
        )
    if not found or data != _sealed(data[: -len(_sealed(b""))]):
        raise CheckpointError(f"{path} is cut short, or was changed since it was written")
    content: dict[str, Any] = json.loads(data)
    for part, kind in _PARTS.items():
        if not isinstance(content.get(part), kind):
            raise CheckpointError(f"{path} lacks its {part}")
    return content


def _sealed(content: bytes) -> bytes:
    """An object of JSON that lacks its end, with its digest."""
    return content + f', "sha256": "{sha256(content).hexdigest()}"}}'.encode()
