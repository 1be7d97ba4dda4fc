"""What the package's modules and rooms import, read from their text."""

import ast
from functools import cache
from pathlib import Path

import micrograd_plus

PACKAGE = Path(micrograd_plus.__file__).parent


def modules():
    """The name of each module, below the package, and its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix("__init__").removesuffix("."), path


@cache
def imports(types=False):
    """Every module with the package's modules that it imports, for annotations too if wanted."""
    found = {}
    for name, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not types:
            tree.body = [node for node in tree.body if not _is_for_types(node)]
        found[name] = {*imported(tree)}
    return found


def _is_for_types(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


@cache
def rooms(types=False):
    """Every room, a folder or a module in front, with those that it imports."""
    found = {}
    for name, others in imports(types).items():
        found.setdefault(_room(name), set()).update(map(_room, others))
    return {name: others - {name} for name, others in found.items() if name}


def _room(name):
    return name.partition(".")[0]


def imported(tree):
    """The package's modules that are imported in a piece of code, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            package, *base = node.module.split(".")
            if package == PACKAGE.name:
                for alias in node.names:
                    inner = [*base, alias.name]
                    yield ".".join(inner if _is_module(inner) else base)
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith(PACKAGE.name) for alias in node.names)


def _is_module(parts):
    path = PACKAGE.joinpath(*parts)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
