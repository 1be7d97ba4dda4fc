"""Both builds in one process: the package as it runs, and a second copy of it in pure Python.

What both do can so be compared at once. In the copy the function hypot is that of C's library, as
in the core; Python has an algorithm of its own.
"""

import ctypes
import ctypes.util
import math
import os
import sys
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from unittest.mock import patch

_NAME = "micrograd_plus"


class Build:
    """A copy of the package: an attribute for each public name of these modules."""

    _MODULES = (
        "graph.hooks",
        "graph.sweep",
        "graph.recording",
        "graph",
        "check.debugging",
        "functions",
        "calculus",
        "engine",
        "_tools.errors",
    )

    def __init__(self, modules):
        self._modules = modules
        with self.imported():
            for name in self._MODULES:
                self.__dict__ |= vars(import_module(f"{_NAME}.{name}"))

    @contextmanager
    def imported(self):
        """A block in which `import` finds this copy, as for pickles and for what loads late."""
        others = _taken()
        sys.modules.update(self._modules)
        try:
            yield self
        finally:
            self._modules = _taken()
            sys.modules.update(others)


def _taken():
    """The modules of the package, which are taken from where `import` looks."""
    names = [name for name in sys.modules if name.partition(".")[0] == _NAME]
    return {name: sys.modules.pop(name) for name in names}


@cache
def builds():
    """The build that runs, and the pure one."""
    sys.modules.update(loaded := _taken())
    with patch.dict(os.environ, MICROGRAD_PLUS_PURE="1"):
        pure = Build({})
    hypot = ctypes.CDLL(ctypes.util.find_library("m")).hypot
    hypot.argtypes, hypot.restype = [ctypes.c_double] * 2, ctypes.c_double
    type(pure.floats).hypot = staticmethod(
        lambda *xs: hypot(*xs) if len(xs) == 2 else math.hypot(*xs)
    )
    return Build(loaded), pure
