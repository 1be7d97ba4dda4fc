"""The compiled core: the code of `graph` that runs most often, once more in Cython.

`nodes` is the compiled module, or None in the pure build. Where it is there, `graph` takes the
twins of its own functions from it. Its own stay the reference: results, errors and messages are
the same.
`.github/build.py` builds the core; values and derivatives in it are generated from the table, and
`updates` from the update rules.
"""

from __future__ import annotations

import os
from functools import update_wrapper
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

__all__ = ["BuildInfo", "build_info"]  # for users; `nodes` and `twin` are for `graph`

T = TypeVar("T", bound=Any)


def _refuse_old(package: Path) -> None:
    """In a checkout, raise an error for a core that is older than what it was made from."""
    library = find_spec(f"{__name__}.nodes")
    if library and library.origin and package.with_name(".github").exists():
        made = Path(library.origin).stat().st_mtime
        sources = (
            "core/*.p[xy][ix]",
            "core/*.h",
            "ops/*.py",
            "optim/rules.py",
            "compiler/codegen/*.py",
        )
        for pattern in sources:
            for source in package.glob(pattern):
                if source.stat().st_mtime > made and source.name != "operations.h":
                    raise ImportError(f"{source} is newer than it: run python .github/build.py")


nodes = failure = None
if os.environ.get("MICROGRAD_PLUS_PURE", "") in ("", "0"):
    try:
        _refuse_old(Path(__file__).parent.parent)
        nodes = import_module(f"{__name__}.nodes")
    except Exception as error:  # whatever is wrong with a library: the package runs without it
        failure = error


def twin(reference: T) -> T:
    """A decorator for what `graph` defines: its twin of the same name, if the core has one.

    What the twin can't do it leaves to the reference.

    Args:
        reference: a function or a class.

    >>> twin(len) is len  # which the core has not
    True
    """
    if nodes is None:
        return reference
    setattr(nodes.Reference, reference.__name__, reference)
    found: Any = getattr(nodes, reference.__name__, reference)
    if found is not reference and not isinstance(found, type):
        update_wrapper(found, reference)
    return cast("T", found)


class BuildInfo(NamedTuple):
    """Which build runs, and why; as text, one line.

    Attributes:
        core: whether it is the compiled core.
        why: what the core was loaded from, or why it was not.

    >>> print(BuildInfo(core=False, why="MICROGRAD_PLUS_PURE is set"))
    pure Python: MICROGRAD_PLUS_PURE is set
    """

    core: bool
    why: str

    def __str__(self) -> str:
        return f"{'the compiled core' if self.core else 'pure Python'}: {self.why}"


def build_info() -> BuildInfo:
    """Which of the two builds runs, the compiled core or pure Python, and why.

    They have the same results. The environment variable MICROGRAD_PLUS_PURE chooses pure Python,
    when the package is built or when it is imported; if it is empty or 0, it counts as not set.

    >>> import micrograd_plus as mg
    >>> mg.build_info().core or "pure Python: " in str(mg.build_info())
    True
    """
    return BuildInfo(core=nodes is not None, why=str(nodes.__file__) if nodes else _why_pure())


def _why_pure() -> str:
    if failure is None:
        return "MICROGRAD_PLUS_PURE is set"
    if not isinstance(failure, ModuleNotFoundError) or failure.name != f"{__name__}.nodes":
        return f"importing the core failed: {type(failure).__name__}: {failure}"
    from importlib.resources import files  # also in a zip

    beside = {path.name: path for path in files(__name__).iterdir()}
    if "pure.txt" in beside:
        return beside["pure.txt"].read_text(encoding="utf-8")
    if libraries := sorted(name for name in beside if name.endswith((".so", ".pyd"))):
        return f"this Python can't load {', '.join(libraries)}"
    return "the core was not built: run python .github/build.py"
