"""A recorded graph as plain arrays, which the compiled core runs.

Every number has a slot: first what all examples share, that is, the live leaves, the constants and
the results of instructions that depend on no input; then the inputs, and the results of all other
instructions. These are ordered by depth, and at the same depth by operation, so that one loop
executes a run of equal ones. For a random graph this order is 4 to 8 times as fast as that of
recording even where hardly any run is longer than one instruction.
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

SUM, WEIGHTED, LOWERED = range(len(CODES), len(CODES) + 3)
"""The codes of a sum of products and other terms; of one whose products have a first factor that
all examples share, and whose other factors are those of all sums of the run; and of an operation
that is lowered, that is, written as several instructions of other operations."""

_ANY = min([SUM, *(code for op, code in CODES.items() if not op.arity)])
"""The first of the codes that don't stand for a fixed number of arguments."""

_BITS = (1 << MOST) - 1
_OTHERS = 4  # the bit of the terms of a sum that are no products
_APART, _BATCHED, _GONE = 1, 2, 4
"""What an instruction may be, as bits: it computes a factor only; it depends on an input; it has
become a part of another one."""


class Tape(NamedTuple):
    """A tape, as arrays.

    Attributes:
        runs: of shape (runs, 3): the code of consecutive instructions, which is 8 times that of
            their operation plus a bit for each argument that gets a derivative; the number of the
            instruction after them; and what is added to an instruction's number for its slot.
        instructions: of shape (instructions, 3): the slots of the arguments. Others have places in
            `targets` there instead: a sum the begin of its products, their end, and the end of its
            other terms; an operation on any number of arguments, and a lowered one, begin and end
            of them, and a lowered one then the slot of its value.
        targets: the slots of arguments: of those of a lowered operation that get derivatives, and
            of one factor of each product,
        factors: and the slots of these local derivatives, and of the other factors.
        parts: the numbers of runs up to the ends of four parts: those that compute what all
            examples share, the factors among it, the outputs, and the other factors.
        inputs: the slot of the first input, and how many there are.
        widened: the slots that all examples share and that instructions for each of them read,
            other than as the first factor of a weighted sum.
        outputs: the slots of the outputs.
    """

    runs: Any
    instructions: Any
    targets: Any
    factors: Any
    parts: tuple[int, ...]
    inputs: tuple[int, int]
    widened: Any
    outputs: Any


def tape(
    nodes: Sequence[Value],
    outputs: Sequence[Any],
    inputs: Sequence[Value],
    leaves: Sequence[Value],
    wanted: set[int],
    long: int = 2,
) -> tuple[Any, Tape]:
    """The numbers of all slots before the first run, and the tape of some outputs.

    Args:
        nodes: all that the outputs depend on, each after its arguments.
        outputs: Values and floats.
        inputs: leaves that are different for each example,
        leaves: and live ones that are not, which get the first slots; others are constants.
        wanted: the ids of those leaves that are to get derivatives.
        long: the number of terms from which a sum is faster as one instruction.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> f = 2.0 + x * x
    >>> start, found = tape(order(f), [f], [x], [], set())
    >>> start, found.outputs  # slot 0 is the constant, 1 is x, and 2 their sum
    (array([2., 3., 0.]), array([2], dtype=uint32))
    """
    return _Builder(inputs, leaves, wanted).tape(nodes, outputs, long)


class _Builder:
    """Numbers slots while it writes: results from 0, and leaves and constants from −1 down."""

    def __init__(self, inputs: Sequence[Value], leaves: Sequence[Value], wanted: set[int]) -> None:
        self._inputs = len(inputs)
        self._start = [leaf.data for leaf in (*inputs, *leaves)]
        self._slots = {id(leaf): ~i for i, leaf in enumerate((*inputs, *leaves))}
        self._constants: dict[str, int] = {}
        self._needs = set(wanted)
        self._rows = array("q")  # flattened: (kind, depth, code, arguments) of each
        self._depths: list[int] = []
        self._batched = bytearray()
        self._targets, self._factors = array("q"), array("q")
        self._alive: list[Any] = []  # kept alive, as ids of freed objects are reused

    def tape(self, nodes: Sequence[Value], outputs: Sequence[Any], long: int) -> tuple[Any, Tape]:
        for node in nodes:
            if id(node) not in self._slots:  # as leaves are
                self._node(node)
        results = [self._slot(out) for out in outputs]
        numpy = need("numpy", "numpy")
        rows = numpy.array(self._rows, numpy.int64).reshape(-1, 6)
        self._join_sums(rows, results, long)
        alike = self._weigh(rows)
        counts = numpy.bincount(rows[:, 0], minlength=_GONE)[:_GONE]
        shared, kept = int(counts[:_BATCHED].sum()), int(counts.sum())
        sequence = numpy.lexsort((alike, rows[:, 2], rows[:, 1], rows[:, 0]))[:kept]
        inputs, leaves = self._inputs, len(self._start) - self._inputs
        offsets = numpy.where(numpy.arange(kept) < shared, leaves, leaves + inputs)
        place = numpy.zeros(len(rows) + 1, numpy.int64)
        place[sequence] = numpy.arange(kept) + offsets

        def final(slots: Any) -> Any:
            slots = numpy.asarray(slots, numpy.int64)
            leaf = numpy.where(~slots < inputs, leaves + shared, -inputs) + ~slots
            return numpy.where(slots < 0, leaf, place[numpy.maximum(slots, 0)]).astype(numpy.uint32)

        rows = rows[sequence]
        kinds = numpy.column_stack((rows[:, [0, 2]], alike[sequence]))
        changes = numpy.diff(kinds, axis=0).any(axis=1)
        stops = numpy.append(numpy.flatnonzero(changes) + 1, kept)[:kept]  # none without rows
        ranges = _ranges(rows)
        args = numpy.where(ranges, rows[:, 3:], final(numpy.where(ranges, ~inputs, rows[:, 3:])))
        start = numpy.zeros(inputs + leaves + kept)
        start[:leaves] = self._start[inputs:]
        start[leaves + shared :][:inputs] = self._start[:inputs]
        widened = numpy.unique(final(self._widened(rows, results)))
        return start, Tape(
            numpy.stack((rows[stops - 1, 2], stops, offsets[stops - 1]), axis=1),
            args.astype(numpy.uint32),
            final(self._targets),
            final(self._factors),
            tuple(numpy.searchsorted(stops, numpy.cumsum(counts), "right").tolist()),
            (leaves + shared, inputs),
            widened[widened < leaves + shared],
            final(results),
        )

    def _weigh(self, rows: Any) -> Any:
        """Make weighted those sums whose products all have a factor that all examples share.

        Other terms that all examples share become products with 1. Returns a number for each row,
        which is the same for weighted sums of a depth with the same other factors: they make a run.
        """
        numpy, inputs = need("numpy", "numpy"), self._inputs
        batched = numpy.frombuffer(self._batched, numpy.int8)
        alike, groups = numpy.zeros(len(rows), int), dict[tuple[int, bytes], int]()

        def differ(slots: Any) -> Any:
            return numpy.where(slots >= 0, batched[numpy.maximum(slots, 0)] > 0, ~slots < inputs)

        sums = (rows[:, 2] >> MOST == SUM) & (rows[:, 0] & _BATCHED > 0)
        for row in numpy.flatnonzero(sums & (rows[:, 3] < rows[:, 4])).tolist():
            code, begin, middle, end = rows[row, 2:].tolist()
            first, second = (
                numpy.array(some[begin:middle]) for some in (self._targets, self._factors)
            )
            own, other = differ(first), differ(second)
            if (own & other).any():
                continue
            first, second = numpy.where(own, (second, first), (first, second))
            bits, swapped = code & 3, (code & 1) << 1 | code >> 1 & 1
            bits = (swapped if own.any() else 0) | (0 if own.all() else bits)
            terms = numpy.array(self._targets[middle:end], numpy.int64)
            kept = terms[differ(terms)]
            shared = terms[~differ(terms)]
            bits |= len(shared) > 0 and code & _OTHERS > 0
            ones = numpy.full(len(shared), self._slot(1.0)) if len(shared) else shared
            self._targets[begin:end] = array(
                "q", numpy.concatenate((first, shared, kept)).tobytes()
            )
            self._factors[begin:end] = array("q", numpy.concatenate((second, ones, kept)).tobytes())
            rows[row, 2] = WEIGHTED << MOST | code & _OTHERS | bits
            rows[row, 4] = middle = middle + len(shared)
            key = int(rows[row, 1]), self._factors[begin:middle].tobytes()
            alike[row] = groups.setdefault(key, len(groups))
        return alike

    def _widened(self, rows: Any, results: Sequence[int]) -> Any:
        """What instructions for each example read, other than first factors of weighted sums."""
        numpy = need("numpy", "numpy")
        rows = rows[rows[:, 0] & _BATCHED > 0]
        ranges = _ranges(rows)
        read = [rows[:, 3:][~ranges], self._factors[:0], results]
        for code, begin, middle, last in rows[ranges[:, 0], 2:].tolist():
            kind = code >> MOST
            end = last if kind in (SUM, WEIGHTED) else middle
            first = middle if kind == WEIGHTED else begin
            read += self._targets[first:end], self._factors[begin:end]
        return numpy.concatenate(read).astype(numpy.int64)

    def _join_sums(self, rows: Any, results: Sequence[int], long: int) -> None:
        """Make sums of sums and products one instruction, if nothing else uses their parts.

        Otherwise each addition waits until the previous one has stored its result.
        """
        numpy = need("numpy", "numpy")
        codes, users = rows[:, 2] >> MOST, numpy.full(len(rows), -1)
        adds, sums = codes == CODES[ops.add], codes == SUM
        args = numpy.where(_ranges(rows), -1, rows[:, 3:])
        terms = [(args[adds, :2].ravel(), numpy.repeat(numpy.flatnonzero(adds), 2))]
        for row in numpy.flatnonzero(sums).tolist():
            some = self._targets[rows[row, 4] : rows[row, 5]]
            terms.append((some, numpy.full(len(some), row)))
        added, by = map(numpy.concatenate, zip(*terms, strict=True))
        users[added[added >= 0]] = by[added >= 0]

        def uses(*slots: Any) -> Any:
            joined = numpy.concatenate(slots).astype(numpy.int64)
            return numpy.bincount(joined[joined >= 0], minlength=len(rows))

        inside = adds | sums | (codes == CODES[ops.multiply])
        inside &= uses(args.ravel(), self._targets, self._factors, results) == 1
        inside &= (uses(added) == 1) & (rows[:, 0] == rows[users, 0])
        heads = numpy.zeros(len(rows), bool)
        heads[users[inside]] = True
        heads &= ~inside
        listed, inner = rows[:, 2:].tolist(), set(numpy.flatnonzero(inside).tolist())
        todo = numpy.flatnonzero(heads).tolist()
        while todo:
            head = todo.pop()
            joined, products, others, bits = self._parts(head, listed, inner)
            if len(products) + len(others) < long and not sums[head]:
                todo += [row for row in joined if sums[row]]
                continue
            begin, middle = len(self._targets), len(self._targets) + len(products)
            self._targets.extend([*(x for x, _ in products), *others])
            self._factors.extend([*(y for _, y in products), *others])
            rows[joined, 0] = _GONE
            rows[head, 2:] = SUM << MOST | bits, begin, middle, len(self._targets)

    def _parts(
        self, head: int, rows: list[list[int]], inner: set[int]
    ) -> tuple[list[int], list[tuple[int, int]], list[int], int]:
        """The parts of a sum: instructions that it replaces, products, other terms, its bits."""
        joined: list[int] = []
        products: list[tuple[int, int]] = []
        others: list[int] = []
        bits, todo = 0, [(head, 0)]
        while todo:
            slot, needed = todo.pop()
            if slot != head:
                if slot not in inner:
                    others.append(slot)
                    bits |= _OTHERS * needed
                    continue
                joined.append(slot)
            code, *args = rows[slot]
            if code >> MOST == SUM:
                begin, middle, end = args
                pairs = zip(self._targets[begin:middle], self._factors[begin:middle], strict=True)
                products += pairs
                bits |= code & _BITS & ~_OTHERS
                needed = int(code & _OTHERS != 0)
                todo += [(x, needed) for x in self._targets[middle:end][::-1]]
            elif code >> MOST == CODES[ops.add]:
                todo += [(args[1], code >> 1 & 1), (args[0], code & 1)]
            else:
                x, y = args[:2] if code & 1 else args[1::-1]
                products.append((x, y))
                bits |= code & _BITS if code & 1 else code >> 1 & 1
        return joined, products, others, bits

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
        op, args = node.op, node.args
        if op is None:
            self._slots[id(node)] = self._slot(node.data)
            return
        needed = [not inner and id(arg) in self._needs for arg in args]
        slots = [*map(self._slot, args)]
        if op is ops.power and args[1] == 2.0 and type(args[1]) is float:  # squares are products
            op, slots, needed = ops.multiply, slots[:1] * 2, needed[:1] * 2
        code = CODES.get(op)
        if code is None:
            self._lowered(node, op, any(needed), apart)
            return
        if op.arity:
            bits = sum(1 << i for i, need in enumerate(needed) if need)
            slot = self._write(code << MOST | bits, slots, slots, apart)
        elif op in (ops.sum, ops.mean):
            slot = self._sum([], [], slots, _OTHERS * any(needed), apart)
            if op is ops.mean:
                row = [slot, self._slot(float(len(args)))]
                slot = self._write(CODES[ops.divide] << MOST | any(needed), row, row, apart)
        elif op is ops.dot:
            slot = self._dot(slots, needed, apart)
        else:
            begin = len(self._targets)
            self._targets.extend(slots)
            self._factors.extend(slots)
            row = [begin, len(self._targets)]
            slot = self._write(code << MOST | any(needed), row, slots, apart)
        self._slots[id(node)] = slot
        if any(needed):
            self._needs.add(id(node))

    def _dot(self, slots: list[int], needed: list[bool], apart: int) -> int:
        half = len(slots) // 2
        left, right, more = slots[:half], slots[half : 2 * half], slots[2 * half :]
        first, second = any(needed[:half]), any(needed[half : 2 * half])
        if second and not first:
            left, right, first, second = right, left, second, first
        bits = first | second << 1 | _OTHERS * any(needed[2 * half :])
        return self._sum(left, right, more, bits, apart)

    def _sum(
        self, left: list[int], right: list[int], more: list[int], bits: int, apart: int
    ) -> int:
        """Write a sum of products and other terms."""
        begin = len(self._targets)
        self._targets.extend([*left, *more])
        self._factors.extend([*right, *more])
        row = [begin, begin + len(left), len(self._targets)]
        return self._write(SUM << MOST | bits, row, [*left, *right, *more], apart)

    def _write(self, code: int, row: list[int], after: Sequence[int], apart: int) -> int:
        """Write an instruction; returns its slot."""
        depths, batched, inputs = self._depths, self._batched, self._inputs
        slot, results = len(depths), [x for x in after if x >= 0]
        depths.append(1 + max(map(depths.__getitem__, results), default=0))
        batched.append(
            any(-inputs <= x < 0 for x in after) or any(map(batched.__getitem__, results))
        )
        kind = _APART * apart | _BATCHED * batched[slot]
        self._rows.extend((kind, depths[slot], code, *row, *(-1,) * (MOST - len(row))))
        return slot

    def _lowered(self, node: Value, op: Op, needed: bool, apart: int) -> None:
        """Write an operation in terms of operations that have a code, by its rules.

        This is for operations outside the table. The derivatives come from the operation's own
        rules, not from differentiating its parts.
        """
        value = unseen(op.value, recorded, *node.args)
        found = unseen(slopes, node, op, recorded) if needed else []
        self._alive += [value, *(slope for _, slope in found)]
        at = self._part(value, apart)
        self._slots[id(node)] = at
        if not needed:
            return
        row = len(self._rows)
        after = [at, *(self._slot(arg) for arg, _ in found)]
        self._slots[id(node)] = self._write(LOWERED << MOST | 1, [0, 0, at], after, apart)
        self._needs.add(id(node))
        pairs = [(self._slot(a), self._part(s, _APART)) for a, s in found if id(a) in self._needs]
        begin = len(self._targets)
        self._targets.extend(target for target, _ in pairs)
        self._factors.extend(factor for _, factor in pairs)
        self._rows[row + 3 : row + 5] = array("q", (begin, len(self._targets)))

    def _part(self, x: Any, apart: int) -> int:
        """The slot of a part of a lowered operation, written with all that it needs."""
        if isinstance(x, Value):
            for node in order(x, self._slots):
                self._node(node, apart, inner=True)
        return self._slot(x)


def _ranges(rows: Any) -> Any:
    """Where instructions have places in `targets` instead of slots."""
    numpy = need("numpy", "numpy")
    codes = rows[:, 2:3] >> MOST
    sums = (codes == SUM) | (codes == WEIGHTED)
    return numpy.where(sums, True, (codes >= _ANY) & numpy.array([True, True, False]))
