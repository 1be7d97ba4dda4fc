"""Builds the compiled core: a hook for hatchling, and a program for those who work on the core.

    python .github/build.py

builds in place, beside the sources, as an editable install does. So does building a wheel, besides
what goes into the wheel: Python started in the checkout imports the package from there. Values and
derivatives of the operations, and the update rules, are written as C to `operations.h`; Cython
translates each .pyx of micrograd_plus/core to C, with the .pxi and .h that it includes, and
setuptools finds the compiler. Where that fails or is not wanted, the build is the pure one, and
`pure.txt` says why to `micrograd_plus.build_info()`.
"""

import os
import shutil
import sys
import sysconfig
from contextlib import chdir, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any
from unittest.mock import patch

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
CORE = Path("micrograd_plus", "core")
SOURCES = "*.pyx", "*.pxi", "*.h"
MADE = "*.so", "*.pyd", "operations.h", "pure.txt"
# a * b + c is rounded twice, as in Python; and no function of libm need set errno
UNIX = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno"]
MSVC = ["/O2", "/fp:precise"]


def build(folder: Path) -> list[Path]:
    """Build in an empty folder.

    Returns:
        The files that belong beside the sources of the core, in either build.
    """
    why = unwanted()
    if not why:
        try:
            return compiled(folder)
        except Exception as error:  # without a core the package runs all the same
            told = shorten(f"{type(error).__name__}: {error}", 200)
            why = f"compiling the core failed, as pip install --verbose shows: {told}"
    print(f"pure Python: {why}", file=sys.stderr)
    pure = folder / "pure.txt"
    pure.write_text(why, encoding="utf-8")
    return [pure]


def unwanted() -> str:
    """Why the core should not be built; "" if it should."""
    if os.environ.get("MICROGRAD_PLUS_PURE", "") not in ("", "0"):
        return "MICROGRAD_PLUS_PURE was set when it was built"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the core is for CPython with its global lock"
    return ""


def compiled(folder: Path) -> list[Path]:
    """Generate, translate and compile."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    class Build(build_ext):
        def build_extensions(self) -> None:
            flags = MSVC if self.compiler.compiler_type == "msvc" else UNIX
            for extension in self.extensions:  # what the environment asks for comes last, and wins
                extension.extra_compile_args = [*flags, *os.environ.get("CFLAGS", "").split()]
            super().build_extensions()

    (folder / CORE).mkdir(parents=True)
    for pattern in SOURCES:
        for source in (ROOT / CORE).glob(pattern):
            shutil.copy(source, folder / CORE)
    (folder / CORE / "operations.h").write_text(operations(), encoding="utf-8")
    with chdir(folder):  # relative paths, as the libraries shall not depend on the folder's name
        modules = [
            Extension(".".join(path.with_suffix("").parts), [str(path)], include_dirs=[str(CORE)])
            for path in sorted(CORE.glob("*.pyx"))
        ]
        command = Build(Distribution({"ext_modules": cythonize(modules, quiet=True)}))
        command.build_lib = command.build_temp = "."
        command.parallel = os.cpu_count()
        command.ensure_finalized()
        command.run()
    return [path for pattern in MADE for path in (folder / CORE).glob(pattern)]


def operations() -> str:
    """The text of `operations.h`, from this very table and these update rules."""
    sys.path.insert(0, str(ROOT))
    with patch.dict(os.environ, MICROGRAD_PLUS_PURE="1"):
        from micrograd_plus.compiler.codegen import c, updates
    return c.operations() + updates.updates()


def put(made: list[Path]) -> None:
    """Put what was made beside the sources, in place of what an earlier build left."""
    names = {path.name for path in made}
    for old in {path for pattern in MADE for path in (ROOT / CORE).glob(pattern)}:
        if old.name not in names:
            old.unlink()
    for path in made:
        copy = ROOT / CORE / f"{os.getpid()}.so"  # which git ignores
        shutil.copy(path, copy)
        copy.replace(ROOT / CORE / path.name)  # at once, as other processes may import it


class Hook(BuildHookInterface):
    """What hatchling calls before and after it makes a wheel, or an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and name what a wheel has in addition to the sources."""
        self.folder = TemporaryDirectory()
        made = build(Path(self.folder.name))
        if version == "editable":
            put(made)
            return
        build_data["force_include"] |= {str(path): str(CORE / path.name) for path in made}
        if made[0].name != "pure.txt":
            build_data["pure_python"], build_data["infer_tag"] = False, True
            with suppress(OSError):  # sources may be read-only, and on Windows a library in use
                put(made)

    def finalize(self, *_: object) -> None:
        """Remove the folder in which it was built."""
        self.folder.cleanup()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        made = build(Path(folder))
        put(made)
    sys.exit(made[0].name == "pure.txt" and not unwanted())
