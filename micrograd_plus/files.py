"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes) -> Path:
    """Write a whole file or nothing: what it held before stays if the writing fails.

    Args:
        path: where; its folder has to exist.
        data: its new content.

    Raises:
        OSError: the file can't be written.
    """
    try:
        if path.exists() and not path.is_file():  # such as a pipe or a terminal
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    return path


def _replace(target: Path, data: bytes) -> None:
    """Write a file beside the target, and then put it in its place."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            part.chmod(target.stat().st_mode)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
