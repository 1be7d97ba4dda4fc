"""The layout of the package in one picture, layout.svg, from what its modules really import.

    python .github/layout.py

An arrow says that one imports the other; those that follow from others are left out. Tests see
that the picture is the package's (tests/package/test_contributing.py), and that imports point one
way (tests/package/test_imports.py).
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from graphviz import Digraph

from micrograd_plus.drawing.dot.layout import render

PICTURE = Path(__file__).with_suffix(".svg")
PACKAGE = PICTURE.parent.parent / "micrograd_plus"
DOORS = "__init__", "__main__", "__pycache__", "_command"


def rooms() -> dict[str, list[Path]]:
    """The modules and folders of the package, with their files; not its front doors."""
    paths = [path for path in sorted(PACKAGE.iterdir()) if path.stem not in DOORS]
    found = {path.stem: [path] for path in paths if path.suffix == ".py"}
    return found | {path.name: sorted(path.rglob("*.py")) for path in paths if path.is_dir()}


def imports() -> dict[str, set[str]]:
    """What each of them imports, but for types."""
    known = rooms()
    found: dict[str, set[str]] = {room: set() for room in known}
    for room, paths in known.items():
        for path in paths:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            tree.body = [node for node in tree.body if not isinstance(node, ast.If)]  # for types
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    package, *rest = node.module.split(".")
                    names = rest[:1] or [alias.name for alias in node.names]
                    if package == PACKAGE.name:
                        found[room] |= {name for name in names if name in known} - {room}
    return found


def arrows() -> set[tuple[str, str]]:
    """The imports that do not follow from others."""
    found = imports()
    below: dict[str, set[str]] = {}
    for room in TopologicalSorter(found).static_order():
        below[room] = found[room].union(*(below[other] for other in found[room]))
    return {
        (room, other)
        for room, others in found.items()
        for other in others
        if not any(other in below[third] for third in others)
    }


def source() -> str:
    """The picture in Graphviz's language."""
    graph = Digraph(
        graph_attr={"rankdir": "TB", "nodesep": "0.15", "ranksep": "0.3", "bgcolor": "white"},
        node_attr={"shape": "box", "fontname": "Helvetica", "fontsize": "11", "height": "0.3"},
        edge_attr={"arrowsize": "0.6", "color": "#777777"},
    )
    for room, paths in rooms().items():
        front = paths[0]
        about = ast.get_docstring(ast.parse(front.read_text(encoding="utf-8"))) or ""
        look = {"style": "filled", "fillcolor": "#e8eef7"} if front.stem == "__init__" else {}
        label = f"{room}/" if look else f"{room}.py"
        graph.node(room, label, tooltip=f"{room}: {about.partition(chr(10))[0]}", **look)
    for room, other in sorted(arrows()):
        graph.edge(room, other, tooltip=f"{room} imports {other}")
    return graph.source


if __name__ == "__main__":
    PICTURE.write_bytes(render(source(), "svg"))
