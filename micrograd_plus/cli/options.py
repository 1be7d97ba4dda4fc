"""Reading the arguments of the command line, where argparse by itself does not suffice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import choose, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_METAVARS: dict[Any, str] = {int: "N", float: "X", Path: "FILE"}


class Parser(argparse.ArgumentParser):
    """A parser that suggests a name for a misspelt one."""

    def option(self, *names: str, about: str = "", otherwise: str = "none", **more: Any) -> None:
        """Add an option; its help ends in its default, and its placeholder follows its type.

        Args:
            names: as in `add_argument`.
            about: what it is.
            otherwise: what holds without it, where that is not a number or a word.
            more: as in `add_argument`.
        """
        if more.get("type") in _METAVARS:
            more.setdefault("metavar", _METAVARS[more["type"]])
        if more.get("default") is not None:
            otherwise = "%(default)s"
        elif more.get("action") == "store_true":
            otherwise = "no"
        end = "required" if more.get("required") else f"default: {otherwise}"
        self.add_argument(*names, help=f"{about} ({end})".lstrip(), **more)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = list(action.choices)
            raise argparse.ArgumentError(action, choose("there is no", value, known))

    def find(self, option: str) -> argparse.Action | None:
        """The option that an argument such as --html or --html=FILE names exactly."""
        return self._option_string_actions.get(option.partition("=")[0])

    def suggestion(self, option: str) -> str:
        """What to add to an error about an unknown option."""
        return did_you_mean(option.partition("=")[0], self._option_string_actions)

    @property
    def takes_expression(self) -> bool:
        """Whether an expression is among the arguments."""
        return any(action.dest == "expression" for action in self._actions)


def wrote(what: object) -> None:
    """Say what was written, beside the results."""
    print(f"micrograd-plus: wrote {what}", file=sys.stderr)


def parse(
    arguments: Sequence[str], parser: Parser, commands: Mapping[str, Parser]
) -> argparse.Namespace:
    """Read the arguments; expressions may begin with a minus, and numbers may follow options.

    Args:
        arguments: those of the process.
        parser: the parser of the whole command line.
        commands: the parsers of its commands.
    """
    arguments = list(arguments)
    command = commands.get(arguments[0] if arguments else "", parser)
    if command.takes_expression:
        _protect_expression(arguments, command)
    options, rest = parser.parse_known_args(arguments)
    if unknown := [text for text in rest if text[:1] == "-" or "numbers" not in options]:
        shown = [text + command.suggestion(text) for text in unknown]
        command.error(f"unrecognized arguments: {' '.join(shown)}")
    if rest:
        options.numbers = [*options.numbers, *rest]
    return options


def _protect_expression(arguments: list[str], command: Parser) -> None:
    """Put a space before an expression such as -x, which argparse would take for an option."""
    place = 1  # after the command, and after options and their values
    while place < len(arguments) and (option := command.find(arguments[place])):
        place += 1 if "=" in arguments[place] or option.nargs == 0 else 2
    if place < len(arguments) and arguments[place][:1] == "-" and arguments[place] != "-":
        name = arguments[place].lstrip("-")
        is_number = any(text.startswith(f"{name}=") for text in arguments)
        if not name.isalpha() or is_number or not command.suggestion(arguments[place]):
            arguments[place] = " " + arguments[place]
