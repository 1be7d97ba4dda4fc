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
    """One of the two: an attribute for each name of these modules."""

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

    def __init__(self, apart):
        self._apart = {} if apart else None  # its modules, where `import` does not look
        with self.imported():
            for name in self._MODULES:
                self.__dict__ |= vars(import_module(f"{_NAME}.{name}"))

    @contextmanager
    def imported(self):
        """A block in which `import` finds this copy, as for pickles and for what loads late."""
        if self._apart is None:
            yield
            return
        others = _taken()
        sys.modules.update(self._apart)
        try:
            yield
        finally:
            self._apart = _taken()
            sys.modules.update(others)


def _taken():
    """The modules of the package, which are taken from where `import` looks."""
    names = [name for name in sys.modules if name.partition(".")[0] == _NAME]
    return {name: sys.modules.pop(name) for name in names}


@cache
def builds():
    """The build that runs, and the pure one."""
    running = Build(apart=False)
    with patch.dict(os.environ, MICROGRAD_PLUS_PURE="1"):
        pure = Build(apart=True)
    hypot = ctypes.CDLL(ctypes.util.find_library("m")).hypot
    hypot.argtypes, hypot.restype = [ctypes.c_double] * 2, ctypes.c_double
    type(pure.floats).hypot = staticmethod(
        lambda *xs: hypot(*xs) if len(xs) == 2 else math.hypot(*xs)
    )
    return running, pure
