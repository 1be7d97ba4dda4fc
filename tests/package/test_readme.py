"""README: short, what it links to is there, and its commands do what it says."""

import re
import shlex
from itertools import pairwise

import pytest

from micrograd_plus.cli.main import main
from tests.needs import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
COMMANDS = re.findall(r"^micrograd-plus (.*)$", SHELL, re.MULTILINE)
WRITES = {"--html", "--slides", "--latex", "--exercise", "--solution", "-o"}


def test_it_is_short():
    assert README.count("\n") <= 200


def test_examples_show_nothing_that_is_for_doctest():
    texts = README, (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for text in texts:
        assert "<BLANKLINE>" not in text
        assert not re.search(r"#\s*doctest:", text)


def test_what_it_links_to_is_there():
    links = re.findall(r"""\]\(([^)#]+)|(?:src|srcset)="([^"]+)""", README)
    paths = [path for pair in links for path in pair if path and "://" not in path]
    assert len(paths) > 12
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_pictures_have_words_and_are_dark_on_dark_pages():
    pictures = re.findall(r"<picture>.*?</picture>", README, re.DOTALL)
    assert len(pictures) == README.count("<img ") == 4
    for picture in pictures:
        dark = re.search(
            r'media="\(prefers-color-scheme: dark\)" srcset="(.*)-dark(\..*?)"', picture
        )
        light = re.search(r'src="(.*)-light(\..*?)"', picture)
        assert dark.groups() == light.groups()
        assert len(re.search(r'alt="(.*?)"', picture)[1]) > 40


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_write_what_they_name(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command)
    assert not main(arguments)
    named = {b for a, b in pairwise(arguments) if a in WRITES}
    assert {path.name for path in tmp_path.iterdir()} == named
    assert capsys.readouterr().out
