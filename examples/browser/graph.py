"""What the Graph tab asks of Python: to run what is typed, and to write the pages that show it."""

import ast
import io
import json
import linecache
import re
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import micrograd_plus as mg
from micrograd_plus.parsing import read_numbers

CODE = "<code>"
VIEWS = {"picture": mg.draw, "step": mg.step_through, "play": mg.play, "quiz": mg.quiz}


def answer(request: str) -> str:
    """Run code, and show its last Value; or tell what is wrong, and where.

    Args:
        request: an object of JSON: `code` in Python; `numbers`, such as "x=1 y=-3"; and `view`,
            one of `VIEWS`.

    Returns:
        An object of JSON: `printed`, and `html`, a page; or else `error`, a text, with the `field`
        that it is about, and the `line` in the code.

    >>> request = {"code": "x * y", "numbers": "x=2 y=q", "view": "step"}
    >>> json.loads(answer(json.dumps(request)))["error"]
    "'y=q': 'q' is not a number"
    """
    asked = json.loads(request)
    printed = io.StringIO()
    told: dict[str, Any] = {}
    try:
        told["field"] = "numbers"
        names = known(asked["numbers"])
        told["field"] = "code"
        with redirect_stdout(printed), mg.debug():
            told["html"] = page(VIEWS[asked["view"]](run(asked["code"], names)))
    except BaseException as error:  # what is typed may raise anything
        told |= {"error": message(error), "line": line(error)}
    return json.dumps({**told, "printed": printed.getvalue()})


def known(numbers: str) -> dict[str, Any]:
    """The names that code can use: the package's, and a Value for each number."""
    assigned = re.sub(r"\s*=\s*", "=", numbers.replace(",", " ")).split()
    values = {name: mg.Value(x, name) for name, x in read_numbers(assigned).items()}
    return {"mg": mg, **{name: getattr(mg, name) for name in dir(mg)}, **values}


def run(code: str, names: dict[str, Any]) -> mg.Value:
    """Run statements; the last Value that one of them gives, or assigns to a name."""
    linecache.cache[CODE] = (len(code), None, code.splitlines(keepends=True), CODE)
    last = None
    for statement in ast.parse(code, CODE).body:
        if isinstance(statement, ast.Expr):
            given = [eval(compile(ast.Expression(statement.value), CODE, "eval"), names)]  # noqa: S307
        else:
            exec(compile(ast.Module([statement], []), CODE, "exec"), names)  # noqa: S102
            given = named(statement, names)
        last = next((value for value in reversed(given) if isinstance(value, mg.Value)), last)
    if last is None:
        raise ValueError("no line gives a Value to show: end with one, such as x * y")
    return last


def named(statement: ast.stmt, names: dict[str, Any]) -> list[Any]:
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


def page(shown: Any) -> str:
    """A page of the package as text, for a frame in another."""
    with TemporaryDirectory() as folder:
        return shown.to_html(Path(folder, "page.html"), bare=True).read_text(encoding="utf-8")


def message(error: BaseException) -> str:
    """What a traceback says at its end, without the name of the package's errors."""
    lines = traceback.TracebackException.from_exception(error).format_exception_only()
    text = str(error) if isinstance(error, ValueError) else "".join(list(lines)[-1:]).strip()
    if isinstance(error, NameError):
        text += f" If it is a number, write {error.name}=1 below the code."
    return text


def line(error: BaseException) -> int | None:
    """The line of the code at which an error was raised, if it was raised there."""
    if isinstance(error, SyntaxError) and error.filename == CODE:
        return error.lineno
    places = [
        frame.lineno
        for cause in (error, error.__cause__)
        if cause
        for frame in traceback.extract_tb(cause.__traceback__)
        if frame.filename == CODE
    ]
    return places[-1] if places else None
