"""The arrays of a program: their names, and reading rows of them.

Arrays have a row for each member and, if they are batched, a column for each example. `p` is the
vector of parameters, `s` the weight of each example; each argument of the function is an array of
(inputs, examples).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.contractions import indexed
from micrograd_plus.compiler.codegen.naming import name_arrays
from micrograd_plus.compiler.codegen.python import Python
from micrograd_plus.compiler.codegen.rules import ArrayFunctions
from micrograd_plus.compiler.codegen.strides import Axes, Rows, common, refined, regular
from micrograd_plus.compiler.codegen.strides import cuts as ends
from micrograd_plus.compiler.codegen.syntax import ALL, Let, Library, Name, Node, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.compiler.sites import Written
    from micrograd_plus.ops.operation import Op


class Scattered(Exception):  # noqa: N818  it is no error
    """Expressions are in several arrays."""


class Operand:
    """What some expressions are read from, one row after the other.

    Attributes:
        array: the array's name; "" for constants.
        rows: which rows of it, as an array.
        numbers: the constants, as an array.
        regular: the rows as nested strides; None if they are gathered instead.
        batched: whether the array is.
    """

    def __init__(self, array: str, rows: Any, numbers: Any, batched: bool) -> None:
        self.array, self.rows, self.numbers, self.batched = array, rows, numbers, batched
        self.regular: Rows | None = None
        if numbers is not None:
            bits = numbers.view("int64")  # they tell 0.0 from −0.0
            if (bits == bits[0]).all():
                self.regular = Rows(0, ((len(numbers), 0),))
        elif (found := regular(rows)) and all(step >= 0 for _, step in found.axes):
            self.regular = found

    @property
    def count(self) -> int:
        """How many rows are read."""
        return len(self.numbers if self.rows is None else self.rows)

    @property
    def number(self) -> float | None:
        """The constant, if all are equal."""
        return float(self.numbers[0]) if self.numbers is not None and self.regular else None

    def steps(self, cuts: Sequence[int]) -> Axes:
        """Along the axes between some cuts, how far the rows of a regular operand are apart.

        All axes of one that is gathered are new ones.
        """
        if self.regular is None:
            axes = [(b // a, a) for a, b in pairwise(cuts)]
            return tuple(reversed(axes))
        return refined(self.regular.axes, cuts)


class Arrays:
    """Names, sizes and rows of the arrays.

    Args:
        groups: in the order of computation; they get their names.
        inputs: how many numbers each argument has, by its name.
        parameters: how many numbers `p` has.
        wanted: the number of parameters, from the first, that get derivatives.
        input_gradients: whether inputs get derivatives, too.
        written: tells what is written at a site.

    Attributes:
        sizes: how many rows each array has.
        batched: whether it has a column for each example.
        needs: whether it gets derivatives.
        written: the line of the user's code that it comes from.
        constants: numbers and indices, by their names in the program.
        leading: instructions that only depend on parameters and inputs.
        lines: where instructions go that something needs that is being made.
        joins: arrays that join several others, in their order: their names, first rows and parts.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        inputs: dict[str, int],
        parameters: int,
        wanted: int,
        input_gradients: bool,
        written: Callable[[int], Written],
    ) -> None:
        self._numpy = need("numpy", "numpy")
        self.constants: dict[str, Any] = {}
        self._names: dict[Any, str] = {}  # names of the constants, by content
        self._temporaries = 0
        self._views: dict[str, str] = {}
        self.leading: list[Let] = []
        self.lines: list[Any] = []
        self.joins: list[tuple[str, int, list[tuple[str, int, int]]]] = []
        self._joined: dict[Any, tuple[str, int]] = {}  # by parts
        self._forms: dict[Any, tuple[str, int]] = {}  # and their first turns, by the parts' lengths
        self._group: Group | None = None
        self.sizes = {"p": parameters, **inputs}
        self.batched = {"p": False, **dict.fromkeys(inputs, True)}
        self.needs = {"p": wanted > 0, **dict.fromkeys(inputs, input_gradients)}
        self._fixed = {*self.sizes}
        self.looped: set[str] = set()
        self.written = name_arrays(groups, inputs, written)
        for group in groups:
            if group is group.family[0]:
                name = group.array
                self.sizes[name] = sum(len(some.members) for some in group.family)
                self.batched[name] = group.batched
                self.needs[name] = False
                if len(group.family) > 1:
                    self.looped.add(name)
        reached = True
        while reached:  # a turn of a loop may need a later row of an array
            reached = False
            for group in groups:
                if not self.needs[group.array]:
                    found = _passes(group.first.op) and any(
                        self.needs.get(x.array) for e in group.members for x in e.parts
                    )
                    self.needs[group.array] = found
                    reached = reached or (found and group.array in self.looped)

    # ------------------------------------------------------------------------------- names

    def constant(self, value: Any, prefix: str = "c") -> Name:
        """An array of numbers, or for "i" of indices."""
        array = self._numpy.asarray(value)
        key = prefix, array.shape, array.tobytes()  # −0.0 is not 0.0
        if key not in self._names:
            self._names[key] = f"{prefix}{len(self.constants) + 1}"
            self.constants[self._names[key]] = array.tolist()
        return Name(self._names[key])

    def tail(self, batched: bool) -> list[str]:
        """The last axis of a shape, for examples, if there is one."""
        return ["N"] if batched else []

    # ---------------------------------------------------------------------------- operands

    def begin(self, group: Group | None) -> None:
        """Read operands for a group from now on; for what is no group with None."""
        self._group, self._before = group, len(self.joins)

    def operand(self, members: Sequence[Expression], join: bool = True) -> Operand:
        """Where some expressions are read from; several arrays are joined first.

        Args:
            members: the expressions.
            join: whether joining is allowed.

        Raises:
            Scattered: they are in several arrays, and may not be joined.
        """
        arrays = dict.fromkeys(e.array for e in members)
        if len(arrays) > 1:
            if not join:
                raise Scattered
            return self._join(members, arrays)
        (array,) = arrays
        if not array:
            return self.numbers([e.number for e in members])
        return self.rows_of(array, [e.row for e in members])

    def numbers(self, numbers: Sequence[float]) -> Operand:
        """Constants as an operand."""
        return Operand("", None, self._numpy.array(numbers), False)

    def rows_of(self, array: str, rows: Sequence[int]) -> Operand:
        """Rows of an array as an operand."""
        return Operand(array, self._numpy.array(rows), None, self.batched[array])

    def _join(self, members: Sequence[Expression], arrays: Iterable[str]) -> Operand:
        """The operand for expressions of several arrays: the parts that are used are joined."""
        numpy = self._numpy
        parts: list[tuple[str, int, int]] = []
        starts: dict[str, int] = {}
        numbers: list[float] = []
        total = 0
        for array in arrays:
            if array:
                rows = [e.row for e in members if e.array == array]
                low, high = min(rows), max(rows) + 1
            else:
                # by repr, which tells 0.0 from −0.0
                numbers = [*{repr(e.number): e.number for e in members if not e.array}.values()]
                low, high = 0, len(numbers)
            parts.append((array, low, high))
            starts[array] = total - low
            total += high - low
        batched = any(self.batched.get(array, False) for array, *_ in parts)
        key = tuple(parts), tuple(map(repr, numbers))
        if key not in self._joined:
            self._joined[key] = self._new_join(parts, numbers, total, batched)
        name, start = self._joined[key]
        places = {repr(x): start + i for i, x in enumerate(numbers)}
        rows = [
            start + starts[e.array] + e.row if e.array else starts[""] + places[repr(e.number)]
            for e in members
        ]
        return Operand(name, numpy.array(rows), None, batched)

    def _new_join(
        self, parts: list[tuple[str, int, int]], numbers: list[float], total: int, batched: bool
    ) -> tuple[str, int]:
        """Join parts of several arrays: the name of what holds them, and their first row in it.

        What each turn of a loop joins alike lies in one array.
        """
        pieces = []
        for array, low, high in parts:
            piece: Node = self.slice(array, low, high) if array else self.constant(numbers)
            if batched and not self.batched.get(array, False):
                piece = Library("broadcast_to", [piece[ALL, None], (high - low, "N")])
            pieces.append(piece)
        joined = Library("concatenate", [tuple(pieces)])
        form: Any = len(self._forms)
        group, turn, count = self._group, 0, 1
        if group and group.turn:  # the first turn often differs
            lengths = tuple((array, high - low) for array, low, high in parts)
            form = group.array, len(self.joins) - self._before, lengths, *map(repr, numbers)
            turn, count = group.turn, len(group.family) - group.turn
        if form not in self._forms:
            name = f"j{len(self._forms) + 1}"
            self._forms[form] = name, turn
            self.sizes[name], self.batched[name], self.needs[name] = total * count, batched, False
            if count > 1:
                self.looped.add(name)
                self.allocate(name)
        name, first = self._forms[form]
        start = (turn - first) * total
        self.needs[name] |= any(self.needs.get(array, False) for array, *_ in parts)
        if name in self.looped:
            place = Name(name)[start : start + total]
            self.lines.append(Write(place, joined))
        else:
            self.lines.append(Let(name, joined))
        self.joins.append((name, start, parts))
        return name, start

    def allocate(self, name: str, comment: str = "") -> None:
        """An array that is filled in the turns of a loop."""
        rows: Any = (self.sizes[name], *self.tail(self.batched[name]))
        self.lines.append(Let(name, Library("empty", [rows, "p.dtype"]), comment))

    def aligned(
        self, operands: Sequence[Operand], total: int, also: Sequence[int] = ()
    ) -> list[int]:
        """Cuts that the operands share; those that don't fit are gathered."""
        while True:
            fits = [x for x in operands if x.regular and x.numbers is None]
            axes = [x.regular.axes for x in fits if x.regular]
            cuts = common(total, axes, also)
            if cuts is not None:
                return cuts
            if not fits:
                return sorted({1, total, *also})
            max(fits, key=lambda x: len(x.regular.axes if x.regular else ())).regular = None

    # ------------------------------------------------------------------------------- views

    def slice(self, array: str, low: int, high: int, of: str = "") -> Node:
        """Rows of an array, or of another one with the same rows."""
        whole = Name(of or array)
        return whole if (low, high) == (0, self.sizes[array]) else whole[low:high]

    def gathered(self, array: str, rows: Any, of: str = "") -> Node:
        """Any rows of an array, or of another one with the same rows.

        For a loop they are counted from the first of them, so that each turn has the same indices.
        """
        low, high = 0, self.sizes[array]
        if array in self.looped:
            low, high = int(rows.min()), int(rows.max()) + 1
        return self.slice(array, low, high, of)[self.constant(rows - low, "i")]

    def view(self, array: str, base: int, axes: Axes, of: str = "") -> Node | None:
        """Rows as a view that has an axis for each of the axes; None if they overlap.

        Args:
            array: the array's name.
            base: the first row.
            axes: all of them advance.
            of: the name of another array that has the same rows.
        """
        order = sorted(range(len(axes)), key=lambda i: (-axes[i][1], i))
        found = self._cut(array, base, [axes[i] for i in order], of)
        if found is None or order == [*range(len(axes))]:
            return found
        turned = [order.index(i) for i in range(len(axes))]
        if self.batched[array]:
            turned.append(len(axes))
        return found.T if turned == [1, 0] else found.library("transpose", *turned)

    def _cut(self, array: str, base: int, axes: list[tuple[int, int]], of: str) -> Node | None:
        """A view whose axes advance by less and less."""
        if not axes:
            return Name(of or array)[base]
        if len(axes) == 1:
            n, step = axes[0]
            if step == 1 or n == 1:
                return self.slice(array, base, base + n, of)
            return Name(of or array)[base : base + (n - 1) * step + 1 : step]
        if any(a % b for (_, a), (_, b) in pairwise(axes)):
            return None
        n, step = axes[0]
        sizes = [a // b for (_, a), (_, b) in pairwise(axes)]
        if axes[-1][1] > 1:
            sizes.append(axes[-1][1])
        lengths = [n for n, _ in axes[1:]]
        if any(length > size for length, size in zip(lengths, sizes, strict=False)):
            return None
        first, rest = divmod(base, step)
        starts = []
        for _, its in axes[1:]:
            start, rest = divmod(rest, its)
            starts.append(start)
        low, whole = first * step, self.sizes[array]
        inside = low + n * step <= whole and all(
            start + length <= size
            for start, length, size in zip(starts, lengths, sizes, strict=False)
        )
        if not inside or (low, n * step) != (0, whole):
            if base + n * step <= whole:
                low, starts, rest = base, [0] * len(starts), 0
            elif not inside:
                return None
        block = self.slice(array, low, low + n * step, of)
        block = block.library("reshape", n, *sizes, *self.tail(self.batched[array]))
        index: list[Any] = [ALL]
        for start, length, size in zip(starts, lengths, sizes, strict=False):
            index.append(ALL if length == size else slice(start or None, start + length))
        if axes[-1][1] > 1:
            index.append(rest)
        while index[-1] == ALL:
            index.pop()
            if not index:
                return block
        return block[tuple(index)]

    def read(
        self, operand: Operand, cuts: Sequence[int], name: str = ""
    ) -> tuple[Node, list[bool]]:
        """An operand over the axes between cuts, and which of them it has.

        Those along which it does not advance are left out.

        Args:
            operand: what to read.
            cuts: those.
            name: what it is called if it is a part of the parameters.
        """
        shape = [b // a for a, b in pairwise(cuts)][::-1]
        if operand.numbers is not None:
            return self.constant(operand.numbers.reshape(shape)), [True] * len(shape)
        tail = self.tail(operand.batched)
        if operand.regular is None or not {*ends(operand.regular.axes)} <= {*cuts}:
            table = self.named(self.gathered(operand.array, operand.rows), operand.array)
            if len(shape) > 1:
                table = self.named(table.library("reshape", *shape, *tail), operand.array, name)
            return table, [True] * len(shape)
        axes = refined(operand.regular.axes, cuts)
        has = [step != 0 or n == 1 for n, step in axes]
        moving = tuple((n, step or 1) for n, step in axes if step or n == 1)
        found = self.view(operand.array, operand.regular.base, moving)
        if found is None:
            lengths, steps = zip(*moving, strict=True)
            places = [Name(operand.array), operand.regular.base, lengths, steps]
            found = Library("windows", places)
        return self.named(found, operand.array, name), has

    def spread(
        self, operand: Operand, cuts: Sequence[int], batched: bool, name: str = ""
    ) -> float | Node:
        """An operand over the axes between cuts, for arithmetic with arrays that have all of them.

        Args:
            operand: what to read.
            cuts: those.
            batched: whether the others have an axis for examples, too.
            name: as for `read`.
        """
        if operand.number is not None:
            return operand.number
        found, has = self.read(operand, cuts)
        index: list[Any] = [ALL if own else None for own in has]
        index += [None] * (batched and not operand.batched)
        return self.named(indexed(found, index), operand.array, name)

    def named(self, view: Node, array: str, name: str = "") -> Node:
        """A name for a view or a copy that takes time to make, for all that read it.

        A part of an array that a loop fills has a name only within a turn.

        Args:
            view: what is to be named.
            array: the array that it is a part of.
            name: its name if it is one of parameters.
        """
        if array in self.looped or array in dict(self._forms.values()) or _quick(view):
            return view
        text = Python().text(view)
        if text not in self._views:
            if array != "p" or not name or name in self._views.values():
                name = f"v{len(self._views) + 1}"
            self._views[text] = name
            (self.leading if array in self._fixed else self.lines).append(Let(name, view))
        return Name(self._views[text])

    def temporary(self, value: Node) -> Name:
        """A name for an array."""
        if isinstance(value, Name):
            return value
        self._temporaries += 1
        self.lines.append(Let(f"t{self._temporaries}", value))
        return Name(f"t{self._temporaries}")

    def rows(self, operand: Operand) -> Node | float:
        """All rows of an operand, one after the other."""
        if operand.number is not None and operand.count > 1:
            return self.constant(operand.numbers)
        found, has = self.read(operand, [1, operand.count])
        if not all(has):  # the same row several times
            return Name(operand.array)[self.constant(operand.rows, "i")]
        return found


@cache
def _passes(op: Op | None) -> bool:
    """Whether an operation passes a gradient on, or its derivatives are 0 by definition."""
    if op is None or op.arity is None:
        return True
    args = [Name(f"x{i}") for i in range(op.arity)]
    found = op.local_derivatives(ArrayFunctions(), Name("out"), args, [True] * op.arity)
    return any(isinstance(slope, Node) or slope for slope in found)


def _quick(view: Node) -> bool:
    """Whether making a view takes next to no time: it is a name, or a slice."""
    if isinstance(view, Name):
        return True
    index = getattr(view, "index", None)
    return (
        index is not None
        and isinstance(view.array, Name)  # type: ignore[attr-defined]
        and len(index) == 1
        and isinstance(index[0], slice | int)
    )
