"""The autograd engine you can see through.

>>> import micrograd_plus as mg
>>> x, y, z = mg.values(x=1, y=-3, z=4)
>>> f = (x + y) * z
>>> f.backward()
>>> x.grad, y.grad, z.grad
(4.0, 4.0, -2.0)
"""

from functools import cache as _cache
from importlib import import_module as _import_module
from pathlib import Path as _Path

from micrograd_plus._tools.errors import did_you_mean as _did_you_mean
from micrograd_plus.graph import hooks as _hooks


@_cache
def _homes() -> dict[str, str]:
    """The module of each public name, as the stub beside this file has it for type checkers."""
    import ast

    homes: dict[str, str] = {}
    for node in ast.parse(_Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                listed = _import_module(node.module).__all__ if alias.name == "*" else [alias.name]
                homes |= dict.fromkeys(listed, node.module)
    return homes


def __getattr__(name: str) -> object:
    if name == "__all__":
        return sorted(_homes())
    if name not in _homes():
        hint = _did_you_mean(name, _homes())
        # without the module, or Python's own traceback would ask again
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}", name=name)
    home = _homes()[name]
    if home == __name__:
        return _import_module(f"{home}.{name}")
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(_homes())


def _in_notebook(*asked: object) -> dict[str, str]:
    bundle: dict[str, str] = _import_module("micrograd_plus.drawing.picture").in_notebook(*asked)
    return bundle


_hooks.picture = _in_notebook
