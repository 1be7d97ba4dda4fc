"""What holds for all tests: none needs another, and whatever they start is ended."""

import ast
import signal
import sys
from pathlib import Path

import pytest

import tests
from tests.processes import ended, started, until

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


LEAVES = """
import subprocess, sys
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                        start_new_session=True)
print(left.pid, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_what_a_program_leaves_behind_is_killed():
    with started([sys.executable, "-c", LEAVES], stderr=None) as [process]:
        left = Path("/proc", process.stdout.readline().strip())
        assert process.wait() == 0
        assert (left / "cmdline").read_text()
    until(lambda: not left.exists() or not (left / "cmdline").read_text())


def test_ctrl_c_reaches_a_program_though_these_tests_may_run_in_the_background():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "print('ready', flush=True); import time; time.sleep(600)"
        with started([sys.executable, "-c", code]) as [process]:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            code, _, errors = ended(process)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
