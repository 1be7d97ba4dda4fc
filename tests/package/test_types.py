"""Types as users have them: a program that uses all public names, checked strictly and run."""

import ast
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from tests.effort import slow
from tests.needs import ROOT, loaded, needed, needs_core
from tests.typing import user

reference = loaded(ROOT / ".github" / "reference.py")
USER = Path(user.__file__)


def test_the_program_uses_every_public_name():
    tree = ast.parse(USER.read_text(encoding="utf-8"))
    used = {
        id(getattr(vars(user)[node.value.id], node.attr))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in vars(user)
    }
    unused = [
        f"{module.__name__}.{name}"
        for module in reference.modules()
        for name, thing in reference.public(module)
        if id(thing) not in used and thing not in vars(user).values()
    ]
    assert not unused


@slow
def test_mypy_accepts_the_program_where_the_wheel_is_installed(pure_wheel, tmp_path):
    needed("mypy")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "new"], check=True)
    python = tmp_path / "new" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    theirs = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(pure_wheel) as archive:
        archive.extractall(theirs)
    # what it depends on is looked for after it
    (theirs / "ours.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    program = tmp_path / "user.py"
    program.write_bytes(USER.read_bytes())
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program]
    done = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "Success: no issues found in 1 source file\n", done.stdout + done.stderr


@slow
def test_the_program_runs(tmp_path):
    needs_core()
    needed("anywidget", "matplotlib", "numpy", "sklearn")
    user.main(tmp_path)
