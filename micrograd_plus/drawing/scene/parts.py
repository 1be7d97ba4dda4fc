"""A picture as plain data: its gates, its wires, and the numbers on them."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.names import text_name
from micrograd_plus.graph import local_derivatives, order
from micrograd_plus.walk.formula import Name, Term, gate, outside, terms, write
from micrograd_plus.walk.gates import gates
from micrograd_plus.walk.naming import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.drawing.scene.folds import Fold
    from micrograd_plus.drawing.scene.matrices import Block
    from micrograd_plus.engine import Value
    from micrograd_plus.ops.operation import Op
    from micrograd_plus.walk.gates import Gates

    Numbers = tuple[float | None, float | None]
    Shares = dict[tuple[Value, int], float]

LIMIT = 500
"""The largest number of nodes in a picture to zoom into, such as that of a walk.

A loss of micrograd's demo, a network 2-16-16-1, has 406.
"""
READABLE = 120
"""The largest number of nodes in a picture to be read as a whole.

Of random graphs with so many nodes the digits are about 8 pixels high if the picture fills a screen
of 1920 × 1080; of 400 nodes, 3.
"""
_WITH_SHARES = 40  # the largest number of nodes for which wires have room for numbers of their own


class GraphTooLargeError(ValueError):
    """A graph has more nodes than a picture should.

    >>> from micrograd_plus import Value
    >>> try:
    ...     scene(Value(2.0) * 3 + 1, limit=2)
    ... except GraphTooLargeError as error:
    ...     "the graph has 3 nodes" in str(error)
    True
    """


class Inside(NamedTuple):
    """The many values that a single part of a picture stands for.

    Attributes:
        fold: the values.
        outputs: the positions of those that are used outside the fold.
        numbers: the number and the gradient of each of these.
        details: the text in the gate, below its title.
        data, grads: the parameters' numbers as matrices, and their gradients, if there are any.
        opens: whether it can be opened in a page.
    """

    fold: Fold
    outputs: list[int]
    numbers: list[Numbers]
    details: str
    data: list[Block]
    grads: list[Block]
    opens: bool


class Operand(NamedTuple):
    """What enters a gate.

    Attributes:
        position: which of the operation's arguments it is.
        source: the index of the part that its wire comes from; a constant's number.
        share: what comes back along this wire, where the gradient of its source has several.
    """

    position: int
    source: int | float
    share: float | None = None


class Part(NamedTuple):
    """A value of the graph: the gate or leaf that it comes from, and what its wire carries.

    Attributes:
        label: its name; "" for none.
        gate: what stands in its gate; None for a leaf.
        data: its number; None for none, nan for one that the reader is to guess.
        grad: its gradient; None before a backward pass, nan for one that the reader is to guess.
        operands: what enters its gate, in order; constants inside the gate are not among them.
        ordered: whether this order makes a difference.
        inside: the values that it stands for, where these are many.
        parameters_of: the indices of the folds whose parameters it uses.
        goes_on: whether its wire leads out of the picture.
        terms: where operands arrive in pairs, the positions of each pair, and of single ones.
        constant: whether it is no value of the graph, and has no gradient.
        title: what it is, as text: its name, and its formula.
    """

    label: str
    gate: str | None
    data: float | None
    grad: float | None
    operands: tuple[Operand, ...]
    ordered: bool
    inside: Inside | None = None
    parameters_of: tuple[int, ...] = ()
    goes_on: bool = False
    terms: tuple[tuple[int, ...], ...] = ()
    constant: bool = False
    title: str = ""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The indices of the parts that enter its gate, in order."""
        return tuple(x.source for x in self.operands if isinstance(x.source, int))

    @property
    def arriving(self) -> list[Operand]:
        """What enters its gate, from above to below: the two of a pair together."""
        row = {position: k for k, term in enumerate(self.terms) for position in term}
        return sorted(self.operands, key=lambda x: (row.get(x.position, 0), x.position))

    @property
    def carried(self) -> int:
        """The number of values that its wire carries."""
        return len(self.inside.numbers) if self.inside else 1


class Neuron(NamedTuple):
    """A neuron in a picture, told by the indices of parts.

    Attributes:
        gates: its operations; the last of them is its output.
        weights: each weight, and the part on whose wire to the neuron it stands.
        others: its other parameters, such as the bias.
    """

    gates: list[int]
    weights: list[tuple[int, int]]
    others: list[int]


class Scene(NamedTuple):
    """The parts of a picture, each after those that enter it; the last is the output.

    Attributes:
        parts: the parts.
        nodes: the value that each part is for; none where a part may be for several.
        neurons: those of a network, whose picture has a layout of its own. Where there are any, the
            parts of constants and of what stands apart from its neuron come last.
        others: numbers that the wires have room for, beside those of the parts.
        complete: whether the number of each value has a place, as the steps of a walk need.
    """

    parts: list[Part]
    nodes: list[Value]
    neurons: Sequence[Neuron] = ()
    others: Sequence[float] = ()
    complete: bool = False

    @property
    def places(self) -> dict[Value, int]:
        """The index of each value's part."""
        return {node: i for i, node in enumerate(self.nodes)}

    def leaves(self) -> list[int]:
        """The indices of the parts without a gate."""
        return [i for i, part in enumerate(self.parts) if part.gate is None]


def scene(
    root: Value,
    limit: float = LIMIT,
    name: Callable[[Value], str] = attrgetter("label"),
    numbers: Callable[[Value], Numbers] | None = None,
    seen: Gates | None = None,
    shares: Shares | None = None,
) -> Scene:
    """The picture of a graph.

    Args:
        root: the graph's output.
        limit: the largest number of nodes to draw.
        name: what to call a node; its label by default.
        numbers: gives a node's number and gradient; by default its own, and no gradients before a
            backward pass from `root`.
        seen: its values in order, and what each is drawn as the result of; its operation by
            default.
        shares: what comes along each of several edges to a value; by default in the last backward
            pass from `root`. In large pictures they are not drawn.

    Raises:
        GraphTooLargeError: there are more nodes than `limit`.
    """
    seen = seen or gates(order(root))
    nodes = list(seen)
    if len(nodes) > limit:
        raise GraphTooLargeError(
            f"the graph has {len(nodes):,} nodes, and pictures of more than {limit:,} can hardly "
            f"be read: draw a part of it, such as one of its inner values, or pass "
            f"limit={len(nodes)}"
        )
    if len(nodes) > _WITH_SHARES:
        shares = {}
    elif shares is None:
        shares = own_shares(seen)
    numbers = numbers or own_numbers(root)
    index = {node: i for i, node in enumerate(nodes)}
    called = names(nodes)
    parts = [
        part_of(
            op,
            args,
            name(node),
            numbers(node),
            inputs,
            goes_on=node is root,
            title=_title(op, args, node, called),
        )
        for node, (op, args) in seen.items()
        for inputs in [[index[arg] for arg in args if type(arg) is not float]]
    ]
    for (node, position), share in shares.items():
        part = parts[index[node]]
        operands = [x._replace(share=share) if x.position == position else x for x in part.operands]
        parts[index[node]] = part._replace(operands=tuple(operands))
    return Scene(parts, nodes)


def own_shares(seen: Gates) -> Shares:
    """What came along each of several edges to a value in the last backward pass, if one ran.

    Nothing is told of a value whose gradient is not the sum of them, as after several passes.
    """
    edges: dict[Value, Shares] = {}
    for node, (op, args) in seen.items():
        if op is None or not node.grad:
            continue
        numbers = [arg if type(arg) is float else arg.data for arg in args]
        try:
            slopes = local_derivatives(op, args, numbers, node.data)
        except NonFiniteError:
            return {}
        for position, arg in enumerate(args):
            if type(arg) is not float:
                share = node.grad * slopes[position]
                edges.setdefault(arg, {})[node, position] = share
    return {
        edge: share
        for arg, found in edges.items()
        if len(found) > 1
        and math.isclose(sum(found.values()), arg.grad, rel_tol=1e-9, abs_tol=1e-12)
        for edge, share in found.items()
    }


def _title(op: Op | None, args: tuple[Any, ...], node: Value, called: dict[Value, str]) -> str:
    name = text_name(called[node])
    if op is None:
        return name
    named = (arg if type(arg) is float else Name(called[arg]) for arg in args)
    return f"{name} = {write(Term(op, tuple(named)))}"


def own_numbers(root: Value) -> Callable[[Value], Numbers]:
    """A function that gives a node's number, and its gradient if `backward` has run from `root`."""
    ran = root.grad != 0
    return lambda node: (node.data, node.grad if ran else None)


def part_of(
    op: Op | None,
    args: tuple[Any, ...],
    name: str,
    numbers: Numbers,
    inputs: Sequence[int | None],
    **more: Any,
) -> Part:
    """The part for one value.

    Args:
        op: the operation that it is the result of; None for a leaf.
        args: the operation's arguments.
        name: what to call it.
        numbers: its number and its gradient.
        inputs: for each argument that is a value, the index of its part; None for no wire.
        more: further attributes of the part.
    """
    if op is None:
        return Part(name, None, *numbers, (), False, **more)
    values = [i for i, arg in enumerate(args) if type(arg) is not float]
    wires = {i: source for i, source in zip(values, inputs, strict=True) if source is not None}
    leaves = {i: args[i] for i in outside(op, args)}
    operands = tuple(Operand(i, x) for i, x in sorted({**wires, **leaves}.items()))
    groups = tuple(terms(op, len(args))) if len(wires) == len(values) else ()
    paired = any(len(group) > 1 for group in groups) and bool(op.joined)
    return Part(
        name,
        gate(op, args),
        *numbers,
        operands,
        not op.commutative,
        terms=groups if paired else (),
        **more,
    )
