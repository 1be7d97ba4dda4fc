"""How tests of the command line call it."""

import io
import sys
from types import SimpleNamespace

import pytest

from micrograd_plus.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command, called inside this process: it begins in an empty folder.

    It returns what a program leaves behind: its exit code, and what it wrote.
    """
    monkeypatch.chdir(tmp_path)

    def run(*arguments, input=""):
        given = input if isinstance(input, bytes) else input.encode()
        streams = {
            name: io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
            for name, content in (("stdin", given), ("stdout", b""), ("stderr", b""))
        }
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            try:
                code = main([*map(str, arguments)])
            except SystemExit as end:  # of the parser
                code = end.code
        written = {}
        for name in ("stdout", "stderr"):
            streams[name].flush()
            written[name] = streams[name].buffer.getvalue().decode()
        return SimpleNamespace(returncode=code, **written)

    return run
