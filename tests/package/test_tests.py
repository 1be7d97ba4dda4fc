"""What holds for all tests: none needs another, and whatever they start is ended."""

import ast
from pathlib import Path

import tests

MODULES = sorted(Path(tests.__file__).parent.rglob("test_*.py"))


def imported(tree):
    """The names of the modules that a module imports, and of what it imports from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_module_of_tests_needs_another():
    """What they share stands in modules beside conftest.py."""
    for path in MODULES:
        names = imported(ast.parse(path.read_text(encoding="utf-8")))
        assert not [name for name in names if ".test_" in name or ".conftest." in name], path


def test_what_is_started_is_ended_and_what_is_to_come_is_waited_for():
    """By `started` and `until` of processes.py, and by Playwright's `expect`."""
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & {"Popen", "wait_for_timeout", "monotonic", "perf_counter"}, path
