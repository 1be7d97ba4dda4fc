"""Programs as syntax trees, in no language yet: expressions for arrays, and instructions.

An instruction is one line of a program: it gives an array its name, or writes to rows of one. What
it computes is an expression, a tree of the nodes below. The passes of `generate` make instructions,
and loops of them, and only a backend turns them into text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from micrograd_plus.ops.operation import Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from micrograd_plus.ops.operation import Op

    Way = Callable[[Any, Any], Any]
    Index = Sequence["slice | int | Affine | Name | None"]

# --------------------------------------------------------------------------- expressions


def binary(symbol: str, x: Any, y: Any) -> Any:
    """Arithmetic on nodes and numbers, leaving out what changes nothing, such as + 0.

    Products with 0 stay, as the other factor may be infinite, unless it is a truth value.
    """
    left, right = (None if isinstance(part, Node) else part for part in (x, y))
    if (symbol, left) in (("+", 0), ("*", 1)):
        return y
    if (symbol, right) in (("+", 0), ("*", 1), ("**", 1)):
        return x
    if (symbol, left) == ("-", 0):
        return Negative(y)
    if symbol in ("+", "-") and node(x).truths and node(y).truths:  # for them + is "or"
        x = Binary("*", Number(1.0), x)
    if (symbol, right) == ("*", 0) and x.truths:
        return 0.0
    return Binary(symbol, node(x), node(y))


def _way(symbol: str) -> Way:
    return lambda x, y: binary(symbol, x, y)


def _ways(symbol: str) -> tuple[Way, Way]:
    """An operator, and the same with its operands exchanged."""
    return _way(symbol), lambda x, y: binary(symbol, y, x)


class Tree:
    """What has expressions inside: one itself, or a line. It is not changed, but built anew."""

    inner: ClassVar[tuple[str, ...]] = ()  # the fields that have expressions, perhaps in lists

    @property
    def parts(self) -> list[Any]:
        """What is directly inside."""
        found: list[Any] = []
        todo = [getattr(self, name) for name in self.inner[::-1]]
        while todo:
            x = todo.pop()
            if isinstance(x, Tree):
                found.append(x)
            elif type(x) in _SEVERAL:
                todo += x[::-1]
        return found

    def rebuilt(self, change: Callable[[Any], Any]) -> Any:
        """The same, with a function applied to what is directly inside."""
        if not self.inner:
            return self
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        for name in self.inner:
            setattr(made, name, _changed(getattr(self, name), change))
        return made


_SEVERAL = (list, tuple)


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    """A field of a tree, with a function applied to all trees in it."""
    if isinstance(x, Tree):
        return change(x)
    return type(x)([_changed(part, change) for part in x]) if type(x) in _SEVERAL else x


class Node(Symbol, Tree):
    """An expression for an array, with which the table's rules compute as with a number."""

    truths = False  # whether its elements are true or false, as those of a comparison
    __hash__ = None  # type: ignore[assignment]
    __add__, __radd__ = _ways("+")
    __sub__, __rsub__ = _ways("-")
    __mul__, __rmul__ = _ways("*")
    __truediv__, __rtruediv__ = _ways("/")
    __pow__, __rpow__ = _ways("**")
    __matmul__ = _way("@")
    __lt__, __gt__, __le__, __ge__ = map(_way, ("<", ">", "<=", ">="))
    __eq__, __ne__ = map(_way, ("==", "!="))

    def __neg__(self) -> Node:
        return Binary("*", Number(-1.0), self) if self.truths else Negative(self)

    def __getitem__(self, index: Any) -> Part:
        return Part(self, index if isinstance(index, tuple) else (index,))

    def library(self, function: str, *args: Any, **options: Any) -> Node:
        """A function of the array library, applied to this array and other arguments."""
        if function == "reshape" and isinstance(self, Library) and self.function == "reshape":
            self = self.args[0]
        return Library(function, (self, *args), options)

    @property
    def T(self) -> Node:  # noqa: N802  as arrays call it
        return Library("T", (self,))

    @property
    def stored(self) -> bool:
        """Whether it is an existing array, or a part of one."""
        return isinstance(self, Name | Part)

    @property
    def borrowed(self) -> bool:
        """Whether its memory is that of an existing array."""
        if isinstance(self, Library) and self.function in VIEWS:
            return self.args[0].borrowed or self.function != "reshape"
        return self.stored


@dataclass(eq=False)
class Name(Node):
    """An array that has a name."""

    name: str
    truths: bool = False


@dataclass(eq=False)
class Number(Node):
    value: float


@dataclass(eq=False)
class Negative(Node):
    inner = ("array",)
    array: Node


@dataclass(eq=False)
class Binary(Node):
    """Arithmetic or a comparison of elements; "@" is the product of matrices."""

    inner = ("left", "right")
    symbol: str
    left: Node
    right: Node

    @property
    def truths(self) -> bool:  # type: ignore[override]
        """Whether it is a comparison, or a product of some."""
        both = self.symbol == "*" and self.left.truths and self.right.truths
        return both or self.symbol[0] in "<>=!"


@dataclass(eq=False)
class Call(Node):
    """An operation of the table, for each element."""

    inner = ("args",)
    function: Op
    args: Sequence[Node]


@dataclass(eq=False)
class Library(Node):
    """A function of the array library, by NumPy's name: sum, reshape, concatenate and others."""

    inner = ("args",)
    function: str
    args: Sequence[Any]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Affine:
    """A whole number in a loop: it begins with `start` and advances by constant steps.

    Attributes:
        start: the number in the first turn of all loops.
        steps: how much it advances where the index of a loop does by 1, by the names of these.
    """

    start: int
    steps: Mapping[str, int]

    def __add__(self, number: int) -> Affine:
        return Affine(self.start + number, self.steps)

    def __sub__(self, other: Affine) -> int:
        """The difference from one with the same steps."""
        return self.start - other.start


@dataclass(eq=False)
class Part(Node):
    """An indexed part: by slices, numbers, None for a new axis, or the name of an index array.

    In a loop numbers may be affine, also the bounds of a slice, which advance together.
    """

    inner = ("array", "index")
    array: Node
    index: Index


ALL = slice(None)

VIEWS = ("T", "broadcast_to", "reshape", "transpose", "windows")
"""Library functions whose results are views."""


def node(x: Any) -> Node:
    """A number or a node, as a node."""
    return x if isinstance(x, Node) else Number(float(x))


def column(array: Node) -> Node:
    """An array with a new axis after its first, for examples or for rows."""
    return array[ALL, None]


# ----------------------------------------------------------------------------- instructions


@dataclass(eq=False)
class Let(Tree):
    """Lets a name stand for a value, an array, from now on."""

    inner = ("value",)
    name: str
    value: Node
    comment: str = ""


@dataclass(eq=False)
class Write(Tree):
    """Puts a value into an array, or into what an expression views of one, or adds it there.

    Attributes:
        target: an array, or a view.
        value: as many numbers, or one for all.
        comment: the comment beside it.
        adds: whether the value is added to the target's.
        there: whether the value is computed there, having the target's shape.
    """

    inner = ("target", "value")
    target: Node
    value: Node
    comment: str = ""
    adds: bool = False
    there: bool = False


Instruction = Let | Write


@dataclass(eq=False)
class Loop(Tree):
    """Does its lines several times.

    Attributes:
        index: the name of a whole number that is 0 in the first turn.
        step: how much it advances in each turn.
        count: the number of turns.
        lines: those of each turn.
    """

    inner = ("lines",)
    index: str
    step: int
    count: int
    lines: Sequence[Line]

    @property
    def carried(self) -> list[str]:
        """The arrays that a turn takes over from what was before it, and changes or defines anew.

        Others that a turn defines are its own: nothing later uses them.
        """
        used, changed = flow(self.lines)
        return sorted(used & changed)


Line = Instruction | Loop


@dataclass(eq=False)
class Function:
    """A function: lines that compute results from its parameters, which are arrays."""

    name: str
    parameters: Sequence[str]
    lines: Sequence[Line]
    results: Sequence[Node]


def nodes(things: Iterable[Any]) -> Iterator[Node]:
    """All nodes in expressions and lines, nested in lists or not."""
    todo = [*things]
    while todo:
        thing = todo.pop()
        if isinstance(thing, Tree):
            if isinstance(thing, Node):
                yield thing
            todo += [getattr(thing, part) for part in thing.inner]
        elif type(thing) in _SEVERAL:
            todo += thing


def names(things: Iterable[Any]) -> set[str]:
    """The names in expressions and lines, other than those that these define."""
    return {x.name for x in nodes(things) if isinstance(x, Name)}


def flow(lines: Iterable[Line]) -> tuple[set[str], set[str]]:
    """The names that lines use before they define them, and those that they change or define."""
    used: set[str] = set()
    changed: set[str] = set()
    own: set[str] = set()
    for line in lines:
        before = names([line])
        match line:
            case Let(name):
                after = {name}
            case Write(target):
                after = {whole_of(target).name}
            case Loop():
                before, after = flow(line.lines)
                after &= before  # others are its own
        used |= before - own
        changed |= after
        if isinstance(line, Let):
            own.add(line.name)
    return used, changed


def whole_of(view: Any) -> Name:
    """The array that an expression views."""
    while not isinstance(view, Name):
        view = view.args[0] if isinstance(view, Library) else view.array
    return view
