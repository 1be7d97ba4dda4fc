"""The API reference: what is public, and the pages of it, which `site.py` hands to Sphinx."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

MODULES = """
nn optim datasets training plots compiler testing parsing engine core graph.hooks ops.operation
_tools.errors check.gradients check.differences check.debugging walk.paths walk.steps walk.questions
drawing.picture drawing.walkthrough drawing.play drawing.quiz
"""
_EXAMPLE = re.compile(r"^ *>>> .*(?:\n.*\S.*)*", re.MULTILINE)
_MARKUP = re.compile(r"`([^`]+)`|[\\*|]|_(?!\w)")  # what Markdown and reStructuredText differ in


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


def places() -> dict[str, str]:
    """Where each public name is told: its path, without modules, by the name alone.

    What several modules offer is told once, where it takes the fewest words to write.
    """
    found: dict[str, str] = {}
    seen: set[int] = set()
    for module in modules():
        for name, thing in public(module):
            if id(thing) not in seen and not isinstance(thing, ModuleType):
                seen.add(id(thing))
                found.setdefault(name, f"{module.__name__}.{name}")
    return found


def quiet() -> None:
    """Take away what Python says of named tuples, which is no more than that they are some."""
    for module in modules():
        for _, thing in public(module):
            for field in getattr(thing, "_fields", ()):
                getattr(thing, field).__doc__ = ""


def page(module: ModuleType, told: dict[str, str]) -> str:
    """The page of a module, for Sphinx.

    Args:
        module: the module.
        told: where each name is, see `places`.
    """
    name = module.__name__
    here = [path for path in told.values() if path.rpartition(".")[0] == name]
    other = [told[x] for x, _ in public(module) if x in told and told[x] not in here]
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", ""]
    if other:
        lines += ["See also " + ", ".join(f":py:obj:`{path}`" for path in other) + ".", ""]
    return "\n".join([*lines, *map(_directive, here)])


def _directive(path: str) -> str:
    module, _, name = path.rpartition(".")
    thing = getattr(import_module(module), name)
    if not inspect.isclass(thing):
        return f".. auto{'function' if callable(thing) else 'data'}:: {path}\n"
    kind = "exception" if issubclass(thing, BaseException) else "class"
    return f".. auto{kind}:: {path}\n   :members:\n   :special-members: __call__\n"


def restructured(text: str, told: dict[str, str]) -> str:
    """A docstring, which is Markdown, as reStructuredText; public names in backticks are links.

    Args:
        text: the docstring.
        told: where each name is, see `places`.
    """

    def written(found: re.Match[str]) -> str:
        if not (code := found[1]):
            return "\\" + found[0]
        name = code.removesuffix("()").rpartition(".")[2]
        return f":py:obj:`{code} <{told[name]}>`" if name in told else f"``{code}``"

    parts, end = [], 0
    for example in _EXAMPLE.finditer(text):
        parts += [_MARKUP.sub(written, text[end : example.start()]), example[0]]
        end = example.end()
    return "".join([*parts, _MARKUP.sub(written, text[end:])])
