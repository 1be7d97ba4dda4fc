"""A recorded graph as plain arrays, which the compiled core runs.

Every number has a slot: the inputs, the live leaves and the constants come first, then the result
of each instruction. Instructions are ordered by depth, and at the same depth by operation, so that
one loop executes a run of equal ones. For a random graph this order is 4 to 8 times as fast as that
of recording even where hardly any run is longer than one instruction.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.sealed import unseen
from micrograd_plus.core import nodes as core
from micrograd_plus.engine import Value
from micrograd_plus.graph import order
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import slopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.ops.operation import Op

MOST = 3
"""The number of arguments in an instruction."""

CODES: dict[Op, int] = core.CODES if core else {}
"""The codes of operations, as the core was built with them; without it tapes can't be run."""

SUM, LOWERED = len(CODES), len(CODES) + 1
"""The codes of a long chain of additions, and of an operation that is lowered, that is, written as
several instructions of other operations."""

_BITS = (1 << MOST) - 1
_GONE = 2
_LONG = 8  # number of terms from which a loop is faster than single additions


class Tape(NamedTuple):
    """A tape, as arrays.

    Attributes:
        runs: of shape (runs, 2): the code of consecutive instructions, which is 8 times that of
            their operation plus a bit for each argument that gets a derivative; then the number of
            the instruction after them.
        instructions: of shape (instructions, 3): the slots of the arguments. A sum and a lowered
            operation have the begin and the end of their part of `targets` there instead, and the
            slot of a lowered operation's value.
        targets: the slots of a sum's terms, or of a lowered operation's arguments that get
            derivatives,
        factors: and the slots of these local derivatives.
        forward: how many runs, from the first, compute the outputs; the others compute factors.
        outputs: the slots of the outputs.
    """

    runs: Any
    instructions: Any
    targets: Any
    factors: Any
    forward: int
    outputs: Any


def tape(
    nodes: Sequence[Value], outputs: Sequence[Any], leaves: Sequence[Value], wanted: set[int]
) -> tuple[Any, Tape]:
    """The numbers of all slots before the first run, and the tape of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and floats.
        leaves: inputs and live leaves, which get the first slots; others are constants.
        wanted: the ids of those leaves that are to get derivatives.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> f = x * x + 2.0
    >>> start, found = tape(order(f), [f], [x], set())
    >>> start, found.outputs  # slots 0 and 1 are x and the constant, 2 the product, 3 the sum
    (array([3., 2., 0., 0.]), array([3], dtype=uint32))
    """
    return _Builder(leaves, wanted).tape(nodes, outputs)


class _Builder:
    """Numbers slots while it writes: results from 0, and leaves and constants from −1 down."""

    def __init__(self, leaves: Sequence[Value], wanted: set[int]) -> None:
        self._start = [leaf.data for leaf in leaves]
        self._slots = {id(leaf): ~i for i, leaf in enumerate(leaves)}
        self._constants: dict[str, int] = {}
        self._needs = set(wanted)
        self._rows = array("q")  # flattened: (factors or not, depth, code, arguments) of each
        self._depths: list[int] = []
        self._targets, self._factors = array("q"), array("q")
        self._alive: list[Any] = []  # kept alive, as ids of freed objects are reused

    def tape(self, nodes: Sequence[Value], outputs: Sequence[Any]) -> tuple[Any, Tape]:
        for node in nodes:
            self._node(node)
        results = [self._slot(out) for out in outputs]
        numpy = need("numpy", "numpy")
        rows = numpy.array(self._rows, numpy.int64).reshape(-1, 6)
        self._join_sums(rows, results)
        kept = int((rows[:, 0] < _GONE).sum())
        sequence = numpy.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))[:kept]
        place = numpy.zeros(len(rows) + 1, numpy.int64)
        place[sequence] = numpy.arange(kept) + len(self._start)

        def final(slots: Any) -> Any:
            slots = numpy.asarray(slots, numpy.int64)
            return numpy.where(slots < 0, ~slots, place[numpy.maximum(slots, 0)]).astype(
                numpy.uint32
            )

        rows = rows[sequence]
        changes = numpy.diff(rows[:, [0, 2]], axis=0).any(axis=1)
        stops = numpy.append(numpy.flatnonzero(changes) + 1, kept)[:kept]  # none without rows
        apart, _, codes = rows[stops - 1, :3].T
        ranges = numpy.isin(rows[:, 2:3] >> MOST, (SUM, LOWERED)) & [True, True, False]
        args = numpy.where(ranges, rows[:, 3:], final(numpy.where(ranges, -1, rows[:, 3:])))
        start = numpy.zeros(len(self._start) + kept)
        start[: len(self._start)] = self._start
        return start, Tape(
            numpy.stack((codes, stops), axis=1).astype(numpy.uint32),
            args.astype(numpy.uint32),
            final(self._targets),
            final(self._factors),
            int((apart == 0).sum()),
            final(results),
        )

    def _join_sums(self, rows: Any, results: Sequence[int]) -> None:
        """Make a long chain of additions one instruction, if nothing else uses its parts.

        Otherwise each addition waits until the previous one has stored its result.
        """
        numpy = need("numpy", "numpy")
        args, adds = rows[:, 3:].copy(), rows[:, 2] >> MOST == CODES[ops.add]
        args[rows[:, 2] >> MOST == LOWERED, :2] = -1

        def uses(slots: Any) -> Any:
            return numpy.bincount(slots[slots >= 0], minlength=len(rows))

        everything = numpy.concatenate((args.ravel(), self._targets, self._factors, results))
        inside = adds & (uses(everything.astype(numpy.int64)) == 1) & (uses(args[adds]) == 1)
        heads = adds & ~inside & numpy.isin(args, numpy.flatnonzero(inside)).any(axis=1)
        pairs, inner = args[:, :2].tolist(), {*numpy.flatnonzero(inside).tolist()}
        for head in numpy.flatnonzero(heads).tolist():
            terms, joined, todo = [], [], pairs[head][::-1]
            while todo:
                slot = todo.pop()
                if slot in inner:
                    joined.append(slot)
                    todo += pairs[slot][::-1]
                else:
                    terms.append(slot)
            if len(terms) >= _LONG:
                begin, needed = len(self._targets), rows[head, 2] & _BITS != 0
                self._targets.extend(terms)
                self._factors.extend([-1] * len(terms))
                rows[head, 2:] = SUM << MOST | needed, begin, len(self._targets), -1
                rows[joined, 0] = _GONE

    def _slot(self, x: Any) -> int:
        if isinstance(x, Value):
            return self._slots[id(x)]
        key = repr(float(x))  # tells −0.0 from 0.0
        if key not in self._constants:
            self._constants[key] = ~len(self._start)
            self._start.append(float(x))
        return self._constants[key]

    def _node(self, node: Value, apart: int = 0, inner: bool = False) -> None:
        """Write a node's instruction.

        Args:
            node: its arguments have slots.
            apart: 1 if the outputs don't depend on it.
            inner: whether it is a part of a lowered operation, and so gets no derivative.
        """
        op = node.op
        if op is None:
            if id(node) not in self._slots:
                self._slots[id(node)] = self._slot(node.data)
            return
        args = node.args
        needs, bits = self._needs, 0
        if not inner:
            for i, arg in enumerate(args):
                if id(arg) in needs:
                    bits |= 1 << i
        code = CODES.get(op)
        if code is None or op.arity is None:
            self._lowered(node, op, bits != 0, apart)
            return
        slots = [self._slot(arg) for arg in args]
        self._write(node, code << MOST | bits, slots, slots, apart)

    def _write(
        self, node: Value, code: int, row: list[int], after: Sequence[int], apart: int
    ) -> None:
        depths = self._depths
        depth = 1 + max([0, *(depths[slot] for slot in after if slot >= 0)])
        self._slots[id(node)] = len(depths)
        depths.append(depth)
        if code & _BITS:
            self._needs.add(id(node))
        self._rows.extend((apart, depth, code, *row, *(-1,) * (MOST - len(row))))

    def _lowered(self, node: Value, op: Op, needed: bool, apart: int) -> None:
        """Write an operation in terms of operations that have a code, by its rules.

        This is for operations on any number of arguments, and for those outside the table. The
        derivatives come from the operation's own rules, not from differentiating its parts: tied
        arguments of a maximum share equally, unlike in nested maxima of two.
        """
        value = unseen(op.value, recorded, *node.args)
        found = unseen(slopes, node, op, recorded) if needed else []
        self._alive += [value, *(slope for _, slope in found)]
        at = self._part(value, apart)
        if not needed:
            self._slots[id(node)] = at
            return
        row = len(self._rows)
        after = [at, *(self._slot(arg) for arg, _ in found)]
        self._write(node, LOWERED << MOST | 1, [0, 0, at], after, apart)
        pairs = [(self._slot(a), self._part(s, 1)) for a, s in found if id(a) in self._needs]
        self._rows[row + 3 : row + 5] = array(
            "q", (len(self._targets), len(self._targets) + len(pairs))
        )
        for target, factor in pairs:
            self._targets.append(target)
            self._factors.append(factor)

    def _part(self, x: Any, apart: int) -> int:
        """The slot of a part of a lowered operation, written with all that it needs."""
        if isinstance(x, Value):
            for node in order(x, self._slots):
                self._node(node, apart, inner=True)
        return self._slot(x)
