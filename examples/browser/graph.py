"""What the Graph tab asks of Python: to run what is typed, and to write the pages that show it."""

import ast
import io
import json
import re
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import micrograd_plus as mg
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus._tools.names import text_name
from micrograd_plus.graph import hooks
from micrograd_plus.parsing import read_numbers

CODE = "<code>"
PRINTED = 10_000  # characters of what is printed that are shown: the last
VIEWS = {
    "picture": mg.draw,
    "step": mg.step_through,
    "card": mg.step_through,
    "play": mg.play,
    "quiz": mg.quiz,
}


def answer(request: str) -> str:
    """Run code, and show its last Value; or tell what is wrong, and where.

    Args:
        request: an object of JSON: `code` in Python; `numbers`, such as "x=1 y=-3"; `view`, one of
            `VIEWS`; and `wire`, the name of the one whose card is shown, by default the first.

    Returns:
        An object of JSON: `printed`; `html`, a page; and for a card `wires`, the names of all. Or
        else `error`, a text, with the `field` that it is about, and the `line` in the code.

    >>> request = {"code": "x * y", "numbers": "x=2 y=q", "view": "step"}
    >>> json.loads(answer(json.dumps(request)))["error"]
    "'y=q': 'q' is not a number"
    """
    asked = json.loads(request)
    printed = io.StringIO()
    told: dict[str, Any] = {"field": "numbers"}
    names, lines = Names(), Lines(asked["code"])
    hooks.observers.append(lines)
    try:
        names.update(given(asked["numbers"]))
        told["field"] = "code"
        with redirect_stdout(printed):
            told |= page(run(asked["code"], names), asked["view"], asked.get("wire"))
    except BaseException as error:  # what is typed may raise anything
        told |= {"error": message(error, names), "line": lines.of(error)}
    finally:
        hooks.observers.remove(lines)
    return json.dumps({**told, "printed": printed.getvalue()[-PRINTED:]})


class Names(dict[str, Any]):
    """The names that code can use: its own, and the package's, which are loaded when they are."""

    def __missing__(self, name: str) -> Any:
        if name == "mg":
            return mg
        if name not in dir(mg):
            raise KeyError(name)
        return getattr(mg, name)


def given(numbers: str) -> dict[str, mg.Value]:
    """A Value for each number in a text such as "x=1 y=-3"."""
    assigned = re.sub(r"\s*=\s*", "=", numbers.replace(",", " ")).split()
    return {name: mg.Value(x, name) for name, x in read_numbers(assigned).items()}


def run(code: str, names: Names) -> mg.Value:
    """Run statements; the last Value that one of them gives, or assigns to a name."""
    last = None
    for statement in ast.parse(code, CODE).body:
        if isinstance(statement, ast.Expr):
            values = [eval(compile(ast.Expression(statement.value), CODE, "eval"), names)]  # noqa: S307
        else:
            exec(compile(ast.Module([statement], []), CODE, "exec"), names)  # noqa: S102
            values = assigned(statement, names)
        last = next((value for value in reversed(values) if isinstance(value, mg.Value)), last)
    if last is None:
        raise ValueError(
            "no line gives a Value to show: end with one, such as x * y; "
            "a number is one if it stands in the field below, or as Value(3)"
        )
    return last


def assigned(statement: ast.stmt, names: Names) -> list[Any]:
    """What a statement has assigned to names; Values without a label are labelled by theirs."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return []
    stored = [
        node
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in names
    ]
    stored.sort(key=lambda node: (node.lineno, node.col_offset))
    for node in stored:
        value = names[node.id]
        if isinstance(value, mg.Value):
            value.label = value.label or node.id
    return [names[node.id] for node in stored]


def page(root: mg.Value, view: str, wire: str | None) -> dict[str, Any]:
    """A page of the package as text, for a frame in another."""
    shown = VIEWS[view](root)
    found: dict[str, Any] = {}
    options = {}
    if view == "card":
        wires = {text_name(name): value for value, name in shown.names.items()}
        found["wires"] = list(wires)
        options["card"] = wires.get(wire) or next(iter(wires.values()))
    with TemporaryDirectory() as folder:
        path = shown.to_html(Path(folder, "page.html"), bare=True, **options)
        return {**found, "html": path.read_text(encoding="utf-8")}


def message(error: BaseException, names: Names) -> str:
    """What is wrong, in the words of the error, with its kind if it is Python's own."""
    if isinstance(error, NameError):
        hint = did_you_mean(error.name, [*names, *dir(mg)])
        return f"there is no {error.name}{hint}; if it is a number, write {error.name}=1 below"
    told = traceback.TracebackException.from_exception(error)  # whose text never fails
    text = error.msg if isinstance(error, SyntaxError) else str(told)
    if type(error).__module__.startswith("micrograd_plus") or type(error) is ValueError:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Lines(hooks.Observer):
    """The line of the code that made each value."""

    def __init__(self, code: str) -> None:
        self.source = code.splitlines()
        self.made: dict[mg.Value, int] = {}

    def recorded(self, node: mg.Value) -> None:
        """Note the line that runs now."""
        stack = traceback.walk_stack(sys._getframe())
        if number := next((number for frame, number in stack if is_code(frame)), None):
            self.made[node] = number

    def line(self, node: mg.Value) -> str:
        """The line that made a value, to be shown beside its steps."""
        number = self.made.get(node)
        return f"line {number}: {self.source[number - 1].strip()}" if number else ""

    def of(self, error: BaseException) -> int | None:
        """The line at which an error was raised, or that made the value it is about."""
        if isinstance(error, SyntaxError) and error.filename == CODE:
            return error.lineno
        places = [
            number for frame, number in traceback.walk_tb(error.__traceback__) if is_code(frame)
        ]
        if isinstance(error, mg.NonFiniteError):
            places += [
                line
                for node, line in self.made.items()
                if node.op is error.op and tuple(node.args) == error.operands
            ]
        return places[-1] if places else None


def is_code(frame: FrameType) -> bool:
    """Whether a frame runs what was typed."""
    return frame.f_code.co_filename == CODE
