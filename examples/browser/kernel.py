"""What each kernel of the JupyterLite site runs first.

Pictures are laid out by Graphviz in WebAssembly; what Pyodide has is fetched when it is imported,
as the package imports NumPy where it is used; and where something is not to be had, a cell says so
in one line, and the notebook goes on.
"""

import re
import symtable
import sys
from importlib.machinery import PathFinder
from importlib.metadata import requires

import pyodide_js
import viz
from IPython import get_ipython
from pyodide.ffi import can_run_sync, run_sync

from micrograd_plus.drawing.dot import layout


class Fetching:
    """Finds what the package's extras name, by fetching it from where Pyodide's packages are."""

    def __init__(self):
        wanted = {re.match(r"[\w.-]+", text)[0] for text in requires("micrograd-plus")}
        there = pyodide_js.lockfile.packages.to_py()
        self.packages = {
            module: name for name in wanted & there.keys() for module in there[name]["imports"]
        }

    def find_spec(self, name, path=None, target=None):
        """As importlib asks finders, which come one after the other; each package once."""
        package = self.packages.pop(name, None)
        if package is None or not can_run_sync():
            return None
        run_sync(pyodide_js.loadPackage(package))
        return PathFinder.find_spec(name)


class Missing:
    """Tells what is missing, and goes on."""

    def __init__(self):
        self.cell = ""
        self.left_out = {}  # by each name that a cell did not assign, the module that it needed

    def begin(self, info):
        """Before each cell."""
        self.cell = shell.transform_cell(info.raw_cell)

    def tell(self, shell, kind, error, trace, tb_offset=None):
        """Instead of a traceback."""
        module = getattr(error, "name", None)
        if isinstance(error, NameError):
            module = self.left_out.get(module)
        if module is None:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        symbols = symtable.symtable(self.cell, "cell", "exec").get_symbols()
        assigned = [symbol for symbol in symbols if symbol.is_assigned() or symbol.is_imported()]
        self.left_out |= dict.fromkeys([symbol.get_name() for symbol in assigned], module)
        print(
            f"Left out: this needs {module}, which this browser neither has nor could fetch.",
            file=sys.stderr,
        )


layout.in_browser = viz.svg
sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, Fetching())
missing, shell = Missing(), get_ipython()
shell.events.register("pre_run_cell", missing.begin)
shell.set_custom_exc((ModuleNotFoundError, NameError), missing.tell)
