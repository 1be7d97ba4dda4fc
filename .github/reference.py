"""The API reference: pages that pdoc makes from the docstrings of the public modules.

    python .github/reference.py FOLDER

Warnings are errors. tests/package/test_reference.py looks at what the docstrings say.
"""

import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module, metadata
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = """
nn optim datasets training plots compiler testing parsing engine core graph.hooks ops.operation
_tools.errors check.gradients check.debugging walk.paths walk.steps walk.questions
drawing.picture drawing.walkthrough drawing.play drawing.quiz
"""


def modules() -> list[ModuleType]:
    """The public modules, the package first."""
    return [import_module("micrograd_plus")] + [
        import_module(f"micrograd_plus.{name}") for name in MODULES.split()
    ]


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Its public names: those it lists, or else the functions and classes that it defines."""
    names = getattr(module, "__all__", None) or [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__ == module.__name__
    ]
    for name in names:
        yield name, getattr(module, name)


def main(folder: Path) -> None:
    """Write the pages."""
    import pdoc

    for module in modules():
        for _, thing in public(module):
            # what Hypothesis and named tuples wrap or make has its types in our modules
            for made in (getattr(thing, "__wrapped__", None), getattr(thing, "__new__", None)):
                if inspect.isfunction(made):
                    made.__module__ = thing.__module__
            for field in getattr(thing, "_fields", ()):  # which say no more than that they are some
                getattr(thing, field).__doc__ = thing.__new__.__doc__ = ""
    pdoc.render.configure(
        docformat="google",
        footer_text=f"micrograd-plus {metadata.version('micrograd-plus')}",
        show_source=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # each without the modules in it, which pdoc would show where __all__ has their names
        pages = [(module.__name__, rf"!{module.__name__}\.") for module in modules()]
        pdoc.pdoc(*chain.from_iterable(pages), output_directory=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
