"""The arrays of a program: their names, and reading rows of them.

Arrays have a row for each member and, if they are batched, a column for each example. `p` is the
vector of parameters, `s` the weight of each example; each argument of the function is an array of
(inputs, examples).
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.contractions import indexed
from micrograd_plus.compiler.codegen.joins import Joins
from micrograd_plus.compiler.codegen.naming import name_arrays
from micrograd_plus.compiler.codegen.operand import Operand, Scattered
from micrograd_plus.compiler.codegen.python import Python
from micrograd_plus.compiler.codegen.rules import ArrayFunctions
from micrograd_plus.compiler.codegen.strides import Axes, advancing, common, refined
from micrograd_plus.compiler.codegen.strides import cuts as ends
from micrograd_plus.compiler.codegen.syntax import ALL, Let, Library, Name, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.compiler.sites import Written
    from micrograd_plus.ops.operation import Op


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
        joins: arrays that hold rows of several others.
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
        self.joins = Joins(self)
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

    def starts(self, counts: Sequence[int]) -> Name:
        """The indices at which parts of such lengths begin that follow each other."""
        return self.constant([0, *accumulate(counts[:-1])], "i")

    def tail(self, batched: bool) -> list[str]:
        """The last axis of a shape, for examples, if there is one."""
        return ["N"] if batched else []

    # ---------------------------------------------------------------------------- operands

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
            return self.joins.operand(members, arrays)
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
        has, moving = advancing(refined(operand.regular.axes, cuts))
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
        if array in self.looped or array in self.joins.names or _quick(view):
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
