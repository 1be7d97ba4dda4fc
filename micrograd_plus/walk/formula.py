"""Formulas as text and as LaTeX, printed from the table of operations.

The table's rules are applied to formulas, too, so the derivative that a reader sees is the one that
the engine computes.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property, partial
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools import figures
from micrograd_plus._tools.names import latex_name, parsed, text_name
from micrograd_plus._tools.numbers import latex_number, text_number
from micrograd_plus._tools.text import RAISED
from micrograd_plus.ops.floats import floats
from micrograd_plus.ops.operation import BINDING, Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from micrograd_plus._tools.names import Label
    from micrograd_plus.ops.operation import Op

_GATE_WIDTH = 12
_SUPERSCRIPT = str.maketrans(RAISED)
_LETTERS = "pqrstu"  # for proportions, as those of softmax


class Operators(Symbol):
    """Arithmetic on formulas; what a reader would not write (· 1, + 0) is left out."""

    def __add__(self, other: Any) -> Any:
        return apply(ops.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return apply(ops.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return apply(ops.subtract, self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply(ops.subtract, other, self)

    def __mul__(self, other: Any) -> Any:
        return apply(ops.multiply, self, other)

    def __rmul__(self, other: Any) -> Any:
        return apply(ops.multiply, other, self)

    def __truediv__(self, other: Any) -> Any:
        return apply(ops.divide, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return apply(ops.divide, other, self)

    def __pow__(self, other: Any) -> Any:
        return apply(ops.power, self, other)

    def __rpow__(self, other: Any) -> Any:
        return apply(ops.power, other, self)

    def __neg__(self) -> Any:
        return apply(ops.negate, self)

    __lt__ = __gt__ = __le__ = __ge__ = Symbol._looked_at  # raises: a rule must not branch


class _Name(NamedTuple):
    label: str
    operand: int = 0


class Name(Operators, _Name):
    """A variable by its label, and which operand it is where it is several: the second in c · c."""


class _Derivative(NamedTuple):
    of: str
    by: str
    operand: int = 0


class Derivative(Operators, _Derivative):
    """∂of/∂by, by two labels; perhaps with respect to the second operand in c · c alone."""


class Remark(NamedTuple):
    """A formula, if any, and words about it, among which a `Name` is written as one."""

    formula: Any
    words: tuple[str | Name, ...]


class Term(Operators, NamedTuple("Term", [("op", Any), ("args", tuple[Any, ...])])):
    """An operation on formulas and numbers, printed as it stands."""


def operands(args: Sequence[Any]) -> list[int]:
    """For each argument its number among those that are the same value; 0 if it occurs once.

    The derivative of c · c with respect to c is a sum over two paths, one for each operand.

    >>> c = Name("c")
    >>> operands((c, Name("x"), c, 2.0, 2.0))
    [1, 0, 2, 0, 0]
    """
    keys = list(map(id, args))
    if len(set(keys)) == len(keys):
        return [0] * len(keys)
    uses = Counter(id(arg) for arg in args if type(arg) is not float)
    met: Counter[int] = Counter()
    numbers = []
    for key in keys:
        met[key] += 1
        numbers.append(met[key] if uses[key] > 1 else 0)
    return numbers


def apply(op: Op, *args: Any) -> Any:
    """An operation on formulas and numbers, simplified."""
    if op.binds != "atom" and all(isinstance(arg, float) for arg in args):
        return op.value(floats, *args)  # operators (+, ×, …) are computed, functions are not
    simpler = op.simpler(formulas, *args) if op.simpler else None
    return Term(op, args) if simpler is None else simpler


def replaced(formula: Any, old: Term, new: Name) -> Any:
    """A formula with a part of it replaced by a name.

    >>> x, y = Name("x"), Name("y")
    >>> write(replaced(1.0 - formulas.tanh(x) * x, Term(ops.tanh, (x,)), y))
    '1 − y · x'
    """
    if formula == old:
        return new
    if isinstance(formula, Term):
        return Term(formula.op, tuple(replaced(arg, old, new) for arg in formula.args))
    return formula


formulas = ops.Operations(apply)
"""The table's namespace for formulas."""


class Calling(ops.Operations):
    """The namespace for formulas in which a rule may give a formula a name.

    Args:
        args: the arguments that the rule is about, whose subscripts the names take.
        taken: the labels that mean something else, parsed.
        known: the names that formulas have already.

    Attributes:
        meanings: the formula that each name stands for.

    >>> m = Calling([Name("z_1"), Name("z_2")], {parsed("z_1"), parsed("z_2")}, {})
    >>> write(1.0 - m.called(1, m.exp(Name("z_2")))), [*map(write, m.meanings.values())]
    ('1 − p₂', ['exp(z₂)'])
    """

    def __init__(
        self, args: Sequence[Any], taken: AbstractSet[Label], known: Mapping[Any, Name]
    ) -> None:
        super().__init__(apply)
        self._known = known
        self.meanings: dict[Name, Any] = {}
        self._args = args
        self._taken = taken

    @cached_property
    def _names(self) -> dict[str, list[Name]]:
        """For each letter the names with it, where none of them is taken."""
        numbers = subscripts([arg.label if isinstance(arg, Name) else "" for arg in self._args])
        names = {letter: [Name(f"{letter}_{{{n}}}") for n in numbers] for letter in _LETTERS}
        return {
            letter: found
            for letter, found in names.items()
            if self._taken.isdisjoint(parsed(name.label) for name in found)
        }

    def called(self, position: int, formula: Any) -> Any:
        """The name for a formula about one of the arguments; the formula, if all are taken."""
        name = self._known.get(formula)
        if name is None:
            if not self._names:
                return formula
            name = next(iter(self._names.values()))[position]
        self.meanings[name] = formula
        return name


def subscripts(labels: Sequence[str]) -> list[str]:
    """What to call the first, the second … of several: their own numbers, or else 1, 2, …

    >>> subscripts(["z_0", "z_1"]), subscripts(["a", "b"]), subscripts(["a_0", "b_0"])
    (['0', '1'], ['1', '2'], ['1', '2'])
    """
    own = [parsed(label).below for label in labels]
    if len({*own}) == len(own) and all(map(str.isdecimal, own)):
        return own
    return [str(i + 1) for i in range(len(labels))]


def ordinal(number: int) -> str:
    """A number as an adjective.

    >>> ordinal(2), ordinal(11), ordinal(22)
    ('second', '11th', '22nd')
    """
    if number < 4:
        return ("first", "second", "third")[number - 1]
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 // 10 == 1 else ends.get(number % 10, 'th')}"


# -------------------------------------------------------------------------- printing


class Notation(NamedTuple):
    """How formulas are written: as text or as LaTeX."""

    name: Callable[[str], str]
    number: Callable[[float], str]
    template: Callable[[Op], str]
    derivative: str
    brackets: str
    raised: Callable[[str], str]
    words: Callable[[str], str]
    most: int = 8  # terms of a sum, or arguments, that are written


def _raised_text(formula: str) -> str:
    if formula.strip("−0123456789"):  # not just a whole number
        return f"^{formula}" if formula.isalnum() else f"^({formula})"
    return formula.translate(_SUPERSCRIPT)


TEXT = Notation(
    text_name,
    text_number,
    lambda op: op.formula,
    "∂{0}/∂{1}",
    "({0})",
    _raised_text,
    str,
)
LATEX = Notation(
    latex_name,
    latex_number,
    lambda op: op.latex,
    r"\frac{{\partial {0}}}{{\partial {1}}}",
    r"\left({0}\right)",
    str,
    lambda words: rf"\text{{{words}}}",
)


def notations(digits: int) -> tuple[Notation, Notation]:
    """Text and LaTeX in which numbers have so many significant digits."""
    number, in_latex = (partial(f, digits=digits) for f in (text_number, latex_number))
    return TEXT._replace(number=number), LATEX._replace(number=in_latex)


class _Written(NamedTuple):
    """A piece of a formula; formatting it adds parentheses where the template needs them."""

    text: str
    binds: str
    notation: Notation

    def __format__(self, spec: str) -> str:
        if spec not in ("", BINDING[0]) and figures.begins_with_place(self.text):
            return figures.fitted(self.text, self.binds, spec)
        if spec == "superscript":
            return self.notation.raised(self.text)
        if spec and BINDING.index(self.binds) < BINDING.index(spec):
            return self.notation.brackets.format(self.text)
        return self.text


def write(formula: Any, notation: Notation = TEXT) -> str:
    """A formula in a notation.

    >>> x, y = Name("x_1"), Name("y")
    >>> write(Term(ops.multiply, (Term(ops.add, (x, y)), -2.0)))
    '(x₁ + y) · (−2)'
    >>> write(Term(ops.reciprocal, (x,)), LATEX)
    '\\\\frac{1}{x_{1}}'
    """
    return _write(formula, notation).text


def _write(formula: Any, notation: Notation) -> _Written:
    match formula:
        case Name(label, number):
            binds = "power" if parsed(label).above and not number else "atom"
            return _Written(notation.name(label) + _operand(number, notation), binds, notation)
        case Derivative(of, by, number):
            text = notation.derivative.format(notation.name(of), notation.name(by))
            return _Written(text + _operand(number, notation), "atom", notation)
        case Remark(about, words):
            pieces = [] if about is None else [write(about, notation)]
            for word in words:
                pieces += [notation.words(" ")] if pieces else []
                pieces.append(
                    write(word, notation) if isinstance(word, Name) else notation.words(word)
                )
            return _Written("".join(pieces), "atom", notation)
        case Term(op, args):
            text = _fill(op, args, notation)
            return _Written(text, _binding(text, op.binds), notation)
    text = notation.number(formula)
    # a superscript or a brace ends a power of ten; what fills a place is looked at then
    plain = text[-1:].isdecimal() or figures.begins_with_place(text)
    binds = "atom" if plain else "product" if "·" in text or "dot" in text else "power"
    return _Written(text, _binding(text, binds), notation)


def _operand(number: int, notation: Notation) -> str:
    return notation.words(f" ({ordinal(number)} operand)") if number else ""


def _binding(text: str, binds: str) -> str:
    """The precedence of a written formula, which may begin with a minus sign."""
    return "negation" if text[:1] in ("-", "−") and binds != "sum" else binds


def terms(op: Op, count: int) -> list[tuple[int, ...]]:
    """Which of an operation's arguments are written together, by position.

    >>> terms(ops.dot, 5), terms(ops.sum, 2), terms(ops.multiply, 2)
    ([(0, 2), (1, 3), (4,)], [(0,), (1,)], [(0, 1)])
    """
    if not op.joined:
        return [tuple(range(count))]
    size = op.formula.count("{1") + 1  # how many arguments a repetition takes
    repeated = count // size
    full = [tuple(range(i, repeated * size, repeated)) for i in range(repeated)]
    return full + [(i,) for i in range(repeated * size, count)]


def _fill(op: Op, args: Sequence[Any], notation: Notation) -> str:
    template = notation.template(op)

    def shown(items: Sequence[Any], text: Callable[[Any], str]) -> list[str]:
        if len(items) <= notation.most:
            return [*map(text, items)]
        first = items[: min(3, notation.most - 1)]  # only what is shown is written
        return [*map(text, first), notation.name("…"), text(items[-1])]

    def term(positions: tuple[int, ...]) -> str:
        written = [_write(args[i], notation) for i in positions]
        if len(positions) < template.count("{1") + 1:
            return f"{written[0]:product}"
        if positions == (0,) and written[0].binds == op.binds == "sum":
            return written[0].text  # x − y + z
        return template.format(*written)

    if op.joined:
        return op.joined.join(shown(terms(op, len(args)), term)) or "0"
    if any(field == "*" for _, field, *_ in Formatter().parse(template)):
        return template.format(**{"*": ", ".join(shown(args, lambda x: write(x, notation)))})
    return template.format(*(_write(arg, notation) for arg in args))


def gate(op: Op, args: tuple[Any, ...]) -> str:
    """What is drawn in the circle of an operation, its constant arguments inside if they fit.

    Args:
        op: an entry of the table.
        args: its arguments: floats are constants, Values have wires of their own.

    >>> gate(ops.add, (Name("x"), 1.0)), gate(ops.power, (Name("x"), 2.0))
    ('+1', 'x²')
    """
    return _with_constants(op, args) or op.symbol


def outside(op: Op, args: tuple[Any, ...]) -> list[int]:
    """The positions of the constant arguments that do not fit into the gate, and are drawn alone.

    Args:
        op: as for `gate`.
        args: as for `gate`.

    >>> outside(ops.add, (Name("x"), 1.0)), outside(ops.sum, (Name("x"), 1.0))
    ([], [1])
    """
    constants = [i for i, arg in enumerate(args) if type(arg) is float]
    return [] if _with_constants(op, args) else constants


def _with_constants(op: Op, args: tuple[Any, ...]) -> str:
    """The gate of an operation on one variable and constants; "" if it would be too long."""
    constants = [type(arg) is float for arg in args]
    if constants.count(False) != 1 or not any(constants):
        return ""
    # the input is called x, as in 1/x
    shown = [arg if type(arg) is float else Name("x") for arg in args]
    if op.gates and len(args) == 2:
        text = op.gates[constants.index(True)].format(*(_write(arg, TEXT) for arg in shown))
    elif op.arity:
        text = _fill(op, shown, TEXT).replace(" ", "")
    else:
        return ""
    return text if len(text) <= _GATE_WIDTH else ""
