"""Optional packages, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(module: str, extra: str) -> Any:
    """Import an optional module.

    Args:
        module: its name.
        extra: the extra of this package that installs it.

    Raises:
        ModuleNotFoundError: it is missing; the message names the command that installs it.

    >>> need("math", "plot").pi > 3
    True
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise ModuleNotFoundError(
            f"this needs {error.name}: pip install 'micrograd-plus[{extra}]'", name=error.name
        ) from None
