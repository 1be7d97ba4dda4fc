"""Graphs from text: arithmetic in Python's syntax, parsed but never executed by Python.

The language has numbers, names, + − * / // % **, parentheses, the functions of `functions.py`, the
numbers pi and e, and assignments separated by `;` or line ends. What is printed is read,
too: − · × ÷, x², x^y, x₁, |x|, √x and ReLU(x).
"""

from __future__ import annotations

import ast
import inspect
import keyword
import math
import operator
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from micrograd_plus import functions
from micrograd_plus._tools.errors import NonFiniteError, did_you_mean
from micrograd_plus._tools.text import LOWERED, RAISED, brief, short, visible
from micrograd_plus.engine import Value

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 10_000
MAX_DEPTH = 400

_TYPED = str.maketrans(
    {"−": "-", "–": "-", "·": "*", "⋅": "*", "∙": "*", "×": "*", "÷": "/", "^": "**"}
    | {"⌈": "ceil(", "⌉": ")", "⌊": "floor(", "⌋": ")"}
)
_CALLED = {
    re.compile(pattern): call
    for pattern, call in {
        r"\|([^|]+)\|": r"abs(\1)",
        r"√(\w+)": r"sqrt(\1)",
        r"√(?=\()": "sqrt",
        r"∛(\w+)": r"cbrt(\1)",
        r"∛(?=\()": "cbrt",
        r"\blog σ(?=\()": "log_sigmoid",
        r"\bmod\b(?!\()": "%",
    }.items()
}
_LEVELLED = {small: c for c, small in LOWERED.items() if c.isalnum()}
_LOWERED = re.compile(rf"(?<=\w)[{''.join(_LEVELLED)}]+")
_LEVEL = str.maketrans({RAISED[c]: c for c in "0123456789-"})
_ADJACENT = re.compile(r"[\w)][\w(]")
_RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
_ALIASES = {"ln": "log", "σ": "sigmoid", "lrelu": "leaky_relu"}

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class ExpressionError(ValueError):
    """A text that is not in the language; the message gives the line and column.

    >>> from_text("x +", {"x": 1})
    Traceback (most recent call last):
        ...
    micrograd_plus.parsing.ExpressionError: at column 4: invalid syntax
    """


class NonFiniteExpressionError(ExpressionError, NonFiniteError):
    """An expression at a point where its value is not finite.

    >>> from_text("log(x)", {"x": 0})
    Traceback (most recent call last):
        ...
    micrograd_plus.parsing.NonFiniteExpressionError: at column 1, 'log(x)': log of x = 0.0 is \
not finite: log is defined for x > 0
    """


def from_text(text: str, numbers: Mapping[str, float | Value]) -> Value:
    """The graph of an expression, or of several assignments, of which the last is the output.

    Args:
        text: the expression, at most 10,000 characters and 400 levels deep.
        numbers: a finite number or a Value for each name that the text does not assign.

    Raises:
        ExpressionError: the text is not in the language, a name has no number, a number is not
            used, or a result is not finite.
        TypeError: `text` is not a string, or `numbers` not a dictionary.

    >>> f = from_text("d = x + y; f = d * z", {"x": 1, "y": -3, "z": 4})
    >>> f
    Value(data=-8.0, grad=0.0, label='f')
    >>> from_text("x.real", {"x": 1})
    Traceback (most recent call last):
        ...
    micrograd_plus.parsing.ExpressionError: at column 1, 'x.real': attributes are not supported
    """
    return _read(text, numbers).result


def with_lines(text: str, numbers: Mapping[str, float | Value]) -> tuple[Value, dict[Value, str]]:
    """The graph of a text, and for each of its values the statement that made it.

    Args:
        text: as for `from_text`.
        numbers: as for `from_text`.

    Raises:
        ExpressionError, TypeError: as for `from_text`.

    >>> f, lines = with_lines("d = x + y; f = d * z", {"x": 1, "y": -3, "z": 4})
    >>> lines[f], lines[f.left]
    ('f = d * z', 'd = x + y')
    """
    reader = _read(text, numbers)
    made: dict[Value, str] = {}
    for statement, value in reader.statements:
        line, todo = ast.get_source_segment("\n".join(reader.lines), statement) or "", [value]
        while todo:
            node = todo.pop()
            if node not in made:
                made[node] = " ".join(line.split())
                todo += [arg for arg in node.args if isinstance(arg, Value)]
    return reader.result, made


def _read(text: str, numbers: Mapping[str, float | Value]) -> _Reader:
    if not isinstance(text, str):
        raise TypeError(f"an expression is a string, such as 'x * y', not {short(text)}")
    if not isinstance(numbers, Mapping):
        raise TypeError(f"numbers must be a dictionary such as {{'x': 1.0}}, not {short(numbers)}")
    try:
        return _Reader(text, numbers)
    except RecursionError:  # the caller is close to Python's recursion limit already
        raise ExpressionError("the expression is too deep for Python's recursion limit") from None


def read_numbers(assignments: list[str]) -> dict[str, float]:
    """The numbers by name in texts such as "x=1".

    Args:
        assignments: texts of the form name=number.

    Raises:
        ExpressionError: a text is not of that form, or a name comes twice.

    >>> read_numbers(["x=1", "y=−3", "z=1/4"])
    {'x': 1.0, 'y': -3.0, 'z': 0.25}
    """
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, equals, number = assignment.partition("=")
        name = _normal(_typed(name.strip()))
        shown = _shown(assignment)
        if not equals:
            raise ExpressionError(
                f"{shown} is not of the form name=value, such as x=1, without spaces"
            )
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ExpressionError(f"{shown}: {_shown(name)} can't be a name")
        if name in functions.__all__:
            raise ExpressionError(f"{shown}: {short(name)} is the name of a function")
        if name in numbers:
            raise ExpressionError(f"{shown}: {short(name)} already has the value {numbers[name]:g}")
        try:
            numbers[name] = _number(number)
        except NonFiniteExpressionError as error:
            raise ExpressionError(f"{shown}: {error}") from None
        except ExpressionError:
            hint = (
                ": write 0.5 with a point, and names apart, as in x=1 y=2" if "," in number else ""
            )
            raise ExpressionError(f"{shown}: {_shown(number)} is not a number{hint}") from None
        if not math.isfinite(numbers[name]):
            raise ExpressionError(f"{shown}: the number must be finite")
    return numbers


def _number(text: str) -> float:
    """The number that a text is, or that an expression without names gives."""
    try:
        return float(_typed(text))
    except ValueError:
        return from_text(text, {}).data


class _Reader:
    """Evaluates the statements of a text in order."""

    def __init__(self, text: str, numbers: Mapping[str, float | Value]) -> None:
        text = _typed(text)
        self.lines = _lines(text.strip())
        self.names: dict[str, Value] = {}
        self.statements: list[tuple[ast.stmt, Value]] = []
        self.numbers = {_normal(str(name)): _leaf(name, x) for name, x in numbers.items()}
        self.result = self.read(_parse(text.strip()).body)
        if self.numbers:
            unused = visible(", ".join(self.numbers))
            raise ExpressionError(f"the expression does not use {unused}: leave its value out")

    def read(self, statements: list[ast.stmt]) -> Value:
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                    result = self.assign(statement, name, self.evaluate(expression, 1))
                case ast.Expr(value=expression) if statement is statements[-1]:
                    result = self.value(expression, self.evaluate(expression, 1))
                case ast.Expr():
                    raise self.error(statement, "all but the last need a name, as in d = x + y")
                case _:
                    raise self.error(
                        statement, "only expressions and assignments such as d = x + y are allowed"
                    )
            self.statements.append((statement, result))
        return result

    def assign(self, statement: ast.stmt, name: str, outcome: Any) -> Value:
        if name in functions.__all__:
            raise self.error(statement, f"{short(name)} is the name of a function")
        if name in self.names or name in self.numbers:
            raise self.error(statement, f"{short(name)} already has a value; choose another name")
        value = self.value(statement, outcome)
        value.label = value.label or name
        self.names[name] = value
        return value

    def evaluate(self, node: ast.expr, depth: int) -> Any:
        """A Value, or a float for a subexpression without names."""
        if depth > MAX_DEPTH:
            raise self.error(node, f"more than {MAX_DEPTH} levels deep")
        match node:
            case ast.Constant(value=bool()):
                raise self.error(node, "truth values are not supported")
            case ast.Constant(value=int() | float() as number):
                return self.compute(node, float, number)
            case ast.Name(id=name):
                return self.look_up(node, name)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return self.operate(node, op, self.evaluate(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                operands = self.evaluate(left, depth + 1), self.evaluate(right, depth + 1)
                return self.operate(node, op, *operands)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self.call(node, name, args, depth)
            case ast.Call(func=ast.Attribute()):
                raise self.error(node, "write a function by its name alone, as in exp(x)")
            case ast.Call(func=called, keywords=[]) if not isinstance(called, ast.Name):
                raise self.error(node, "write products with *, as in 2*(x + 1)")
        raise self.error(node, f"{_KINDS.get(type(node), 'this is')} not supported")

    def look_up(self, node: ast.expr, name: str) -> Value | float:
        if name in self.numbers:
            self.names[name] = self.numbers.pop(name)
        if name in self.names:
            return self.names[name]
        if name in functions.__all__:
            raise self.error(node, f"{short(name)} is a function; call it as in {name}(x)")
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        hint = did_you_mean(name, [*self.names, *self.numbers])
        raise self.error(node, f"unknown name{hint}; give it a value, as in {brief(name)}=1")

    def call(self, node: ast.expr, name: str, args: list[ast.expr], depth: int) -> Any:
        if name in self.names or name in self.numbers:
            raise self.error(
                node, f"{short(name)} is not a function; write products with *, as in x*(y)"
            )
        plain = _ALIASES.get(name.casefold(), name.casefold())  # ReLU is relu
        name = plain if plain in functions.__all__ else name
        if name not in functions.__all__:
            hint = did_you_mean(name, functions.__all__) or "; see help(micrograd_plus.functions)"
            raise self.error(node, f"no function {short(name)}{hint}")
        function = getattr(functions, name)
        signature = inspect.signature(function)
        try:
            signature.bind(*args)
        except TypeError:
            parameters = signature.parameters.values()
            shown = ("[x, y]" if "Iterable" in str(p.annotation) else p.name for p in parameters)
            message = f"wrong number of arguments; write {name}({', '.join(shown)})"
            raise self.error(node, message) from None
        values = []
        for arg in args:
            if isinstance(arg, ast.List | ast.Tuple):
                values.append([self.evaluate(item, depth + 1) for item in arg.elts])
            else:
                values.append(self.evaluate(arg, depth + 1))
        result = self.compute(node, function, *values)
        if isinstance(result, list):
            raise self.error(
                node, f"{name} returns several values, and an expression is a single one"
            )
        return result

    def operate(self, node: ast.expr, op: ast.AST, first: Any, *second: Any) -> Any:
        if isinstance(first, Value) or any(isinstance(other, Value) for other in second):
            return self.compute(node, _OPERATORS[type(op)], first, *second)
        # numbers too go through the table: in Python (-8) ** (1/3) would be complex
        return self.compute(node, _OPERATORS[type(op)], self.value(node, first), *second).data

    def value(self, node: ast.AST, outcome: Any) -> Value:
        value: Value = outcome if isinstance(outcome, Value) else self.compute(node, Value, outcome)
        return value

    def compute(self, node: ast.AST, function: Callable[..., Any], *values: Any) -> Any:
        try:
            return function(*values)
        except NonFiniteError as error:
            raise self.error(node, str(error), NonFiniteExpressionError) from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise self.error(node, str(error)) from None

    def error(
        self, node: Any, message: str, kind: type[ExpressionError] = ExpressionError
    ) -> ExpressionError:
        line = self.lines[node.lineno - 1].encode()
        column = len(line[: node.col_offset].decode()) + 1
        end = node.end_col_offset if node.end_lineno == node.lineno else None
        piece = line[node.col_offset : end].decode()
        return _error_at(node.lineno, column, len(self.lines), f"{_shown(piece)}: {message}", kind)


_KINDS: dict[type[ast.AST], str] = {
    ast.Attribute: "attributes are",
    ast.Subscript: "subscripts are",
    ast.Constant: "this kind of constant is",
    ast.Lambda: "lambda is",
    ast.IfExp: "choose by max, min, relu or where(step(x), y, z): if … else is",
    ast.Compare: "choose by max, min, relu or where(step(x), y, z): comparisons are",
    ast.BoolOp: "and, or are",
    ast.NamedExpr: ":= is",
    ast.BinOp: "this operator is",
    ast.UnaryOp: "this operator is",
    ast.Call: "this kind of call is",
    ast.List: "lists outside calls are",
    ast.Tuple: "sequences outside calls are",
    **dict.fromkeys(
        (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "comprehensions are"
    ),
}


# Refused beforehand, since Python's parser would fail or warn without giving the place.
_NEVER = {
    "this character is not allowed": re.compile("[\0\ud800-\udfff]"),
    "strings and backslashes are not supported": re.compile("""["'\\\\]"""),
    "a space is missing": re.compile(r"(?<!\w)\d[\w.]*?(?:and|else|for|if|in|is|not|or)"),
}


def _parse(text: str) -> ast.Module:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"at column {MAX_LENGTH + 1:,}: the expression has {len(text):,} characters; "
            f"at most {MAX_LENGTH:,} are read"
        )
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        for message, pattern in _NEVER.items():
            if found := pattern.search(line):
                message = f"{_shown(found[0])}: {message}"
                raise _error_at(number, found.start() + 1, len(lines), message)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        row, column = error.lineno or 1, error.offset or 1
        raise _error_at(row, column, len(lines), _reason(error, lines[row - 1])) from None
    except (MemoryError, RecursionError):
        raise _error_at(1, 1, 1, f"more than {MAX_DEPTH} levels deep") from None
    if not tree.body:
        raise ExpressionError("the expression is empty; write one such as x * y")
    return tree


def _reason(error: SyntaxError, line: str) -> str:
    """What is wrong with a line, in words about expressions."""
    message = visible(error.msg).partition("; use sys.")[0]
    column = (error.offset or 1) - 1
    if message == "invalid decimal literal":
        return "write products with *, as in 2*x"
    if message.startswith("cannot assign"):
        return "only a name stands left of =, as in d = x + y"
    adjacent = _ADJACENT.match(line[:column].rstrip()[-1:] + line[column:])
    if message.startswith("invalid syntax") and (adjacent or "comma" in message):
        return (
            "an operator or a parenthesis is missing: write products as in 2*x, calls as in sin(x)"
        )
    return message


def _typed(text: str) -> str:
    """A text with the signs that are typed for those that are printed: x₁² · hᵢ is x1**2 * h_i."""
    typed = _LOWERED.sub(_below, text.translate(_TYPED))
    for printed, call in _CALLED.items():
        typed = printed.sub(call, typed)
    return _RAISED.sub(lambda found: f"**({found[0].translate(_LEVEL)})", typed)


def _below(found: re.Match[str]) -> str:
    """A subscript: digits follow a name, as in x1, and words are set off, as in L_max."""
    level = "".join(map(_LEVELLED.__getitem__, found[0]))
    return level if level.isdigit() else f"_{level}"


def _normal(name: str) -> str:
    """A name as it is typed, normalised as Python's parser does."""
    return unicodedata.normalize("NFKC", _LOWERED.sub(_below, name))


def _leaf(name: str, number: float | Value) -> Value:
    if isinstance(number, Value):
        return number
    try:
        return Value(number, _normal(name))
    except (TypeError, ArithmeticError) as error:
        raise ExpressionError(f"{_shown(str(name))}: {error}") from None


def _lines(text: str) -> list[str]:
    """The lines as Python's parser counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _error_at(
    line: int, column: int, lines: int, message: str, kind: type[ExpressionError] = ExpressionError
) -> ExpressionError:
    place = f"line {line}, column {column}" if lines > 1 else f"column {column}"
    separator = ", " if message.startswith("'") else ": "
    return kind(f"at {place}{separator}{message}")


def _shown(text: str) -> str:
    """A piece of the text in quotes, shortened, on one line."""
    return f"'{brief(text)}'"
