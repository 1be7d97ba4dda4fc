"""Statistics of a graph, and the paths that a gradient is summed over."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus import ops
from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import short
from micrograd_plus.graph import inputs
from micrograd_plus.graph.sweep import adjoints, slopes
from micrograd_plus.walk.formula import (
    Derivative,
    Name,
    Term,
    operands,
    write,
)
from micrograd_plus.walk.naming import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from micrograd_plus.engine import Value

_LONGEST = 12
"""Of longer paths only the first and the last values are printed."""


class Path(NamedTuple):
    """One way from a value to the output.

    Attributes:
        nodes: the values on it, from the first to the output.
        slopes: the local derivatives along it, from the output's to the first.
        product: their product.
        operands: for each value but the output, which operand of the next operation it is, from
            1 on, if it occurs several times there; 0 if it occurs once.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> [path.product for path in explain(x, of=x * x + x).paths]
    [3.0, 3.0, 1.0]
    """

    nodes: tuple[Value, ...]
    slopes: tuple[float, ...]
    product: float
    operands: tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Explanation:
    """A gradient as a sum over paths.

    Attributes:
        gradient: the gradient.
        paths: the paths with the largest products, the largest first.
        count: how many paths there are in all.
        names: the values' names.

    >>> from micrograd_plus import Value
    >>> x = Value(3.0)
    >>> found = explain(x, of=x * x + x, most=1)
    >>> found.gradient, found.count, found.rest
    (7.0, 3, 4.0)
    """

    gradient: float
    paths: list[Path]
    count: int
    names: dict[Value, str]

    @property
    def rest(self) -> float:
        """What the paths that are not listed contribute together; 0 if there are none."""
        listed = sum(path.product for path in self.paths)
        return self.gradient - listed if self.count > len(self.paths) else 0.0

    def __str__(self) -> str:
        lines = [self._line(path) for path in self.paths]
        parts = [text_number(path.product) for path in self.paths]
        if self.count > len(self.paths):
            more = self.count - len(self.paths)
            lines.append(f"{counted(more)} more paths: {text_number(self.rest)}")
            parts.append(text_number(self.rest))
        terms = " + ".join(f"({x})" if i and x[0] == "−" else x for i, x in enumerate(parts))
        total = text_number(self.gradient)
        if len(parts) > 1:
            lines.append(f"together: {terms} = {total}")
        return "\n".join(lines) or total

    def __repr__(self) -> str:
        return str(self)

    def _line(self, path: Path) -> str:
        called = [self.names[node] for node in path.nodes]
        shown = list(map(write, map(Name, called, (*path.operands, 0))))
        if len(called) > _LONGEST:
            shown[4:-4] = ["…"]
            return f"{' → '.join(shown)}: {text_number(path.product)}"
        arrows = " → ".join(shown)
        pairs = zip(pairwise(called), path.operands, strict=True)
        steps = [Derivative(of, by, operand) for (by, of), operand in pairs][::-1]
        if not steps:
            return f"{arrows}: 1"
        chain = [_product(steps), _product(path.slopes), text_number(path.product)]
        return f"{arrows}: {' = '.join(dict.fromkeys(chain))}"


def counted(paths: int) -> str:
    """How many paths there are, as text; of 10¹⁸ or more, their power of ten.

    Args:
        paths: their number.

    >>> counted(1234), counted(2**100)
    ('1,234', 'about 10^30')
    """
    return f"{paths:,}" if paths < 10**18 else f"about 10^{math.log10(paths):.0f}"


def _product(factors: Sequence[Any]) -> str:
    return write(reduce(lambda x, y: Term(ops.multiply, (x, y)), factors))


def explain(x: Value, of: Value, most: int = 10) -> Explanation:
    """Every path from `x` to `of` with its product of local derivatives; their sum is ∂of/∂x.

    Args:
        x: a value that `of` depends on.
        of: the output.
        most: how many paths to list: those with the largest products; the rest are summed up.

    Raises:
        ValueError: `of` does not depend on `x`, or `most` is less than 1.
        NonFiniteError: a derivative is not a finite number.

    >>> from micrograd_plus import Value
    >>> a = Value(2.0, "a")
    >>> b = a * 3
    >>> b.label = "b"
    >>> explain(a, of=a * b)
    a → f: ∂f/∂a = 6
    a → b → f: ∂f/∂b · ∂b/∂a = 2 · 3 = 6
    together: 6 + 6 = 12
    """
    if most < 1:
        raise ValueError(f"at least one path has to be listed, not {most}")
    gradients = adjoints(of)
    nodes = list(gradients)
    named = names(nodes)
    if x not in named:
        raise ValueError(f"{short(of)} does not depend on {short(x)}")
    best, count = largest(_edges(takewhile(lambda node: node is not x, reversed(nodes))), of, most)
    return Explanation(
        gradients[x], [_path(product, way, of) for product, way in best[x]], count[x], named
    )


def _edges(nodes: Iterable[Value]) -> Iterator[tuple[Value, Value, float, Any]]:
    for node in nodes:
        if node.op is not None:
            args = [arg for arg in node.args if type(arg) is not float]
            for (arg, slope), place in zip(slopes(node, node.op), operands(args), strict=True):
                yield node, arg, slope, (arg, slope, place)


def _path(product: float, way: Any, of: Value) -> Path:
    edges = along(way)
    return Path(
        (*(node for node, _, _ in edges), of),
        tuple(slope for _, slope, _ in reversed(edges)),
        product,
        tuple(place for _, _, place in edges),
    )


def largest(
    edges: Iterable[tuple[Value, Value, float, Any]], of: Value, most: int
) -> tuple[dict[Value, list[tuple[float, Any]]], Counter[Value]]:
    """The paths with the largest products from each value to the output, and how many there are.

    Args:
        edges: the result of an operation, an argument, the local derivative, and what stands for
            the edge; each after all edges that lead on from the result.
        of: the output.
        most: how many paths to list for each value.

    Returns:
        For each value the products, each with a path, which `along` reads; and the counts.

    >>> from micrograd_plus import values
    >>> a, b, f = values(a=1, b=2, f=3)
    >>> best, count = largest([(f, b, 5.0, "fb"), (f, a, 2.0, "fa"), (b, a, 3.0, "ba")], f, 2)
    >>> count[a], [(product, along(way)) for product, way in best[a]]
    (2, [(15.0, ['ba', 'fb']), (2.0, ['fa'])])
    """
    best: dict[Value, list[tuple[float, Any]]] = {of: [(1.0, None)]}
    count = Counter({of: 1})
    for result, arg, slope, edge in edges:
        if result in best:
            count[arg] += count[result]
            more = [(product * slope, (edge, way)) for product, way in best[result]]
            both = best.get(arg, []) + more
            best[arg] = heapq.nlargest(most, both, key=lambda way: abs(way[0]))
    return best, count


def along(way: Any) -> list[Any]:
    """The edges of a path that `largest` found, from the value on to the output.

    Args:
        way: the path.

    >>> along(("ba", ("fb", None)))
    ['ba', 'fb']
    """
    edges = []
    while way is not None:
        edge, way = way
        edges.append(edge)
    return edges


@dataclass(frozen=True, repr=False)
class Summary:
    """The size of a graph, and its extreme gradients.

    Attributes:
        nodes: how many values it has.
        edges: how many arguments its operations have, constants not counted.
        depth: the operations on the longest way from a leaf to the output.
        operations: how often each operation occurs.
        largest: the value with the largest gradient, and the gradient.
        smallest: the value with the smallest gradient other than 0, and the gradient.
        without: how many values have the gradient 0.
        dead: the units that pass no gradient on, such as ReLUs without a positive input.

    >>> from micrograd_plus import Value
    >>> found = summary(Value(3.0) * 2 + 1)
    >>> found.nodes, found.depth, found.operations["add"]
    (3, 2, 1)
    """

    nodes: int
    edges: int
    depth: int
    operations: Counter[str]
    largest: tuple[str, float]
    smallest: tuple[str, float]
    without: int
    dead: list[str]

    def __str__(self) -> str:
        counted = ", ".join(f"{n:,} × {name}" for name, n in self.operations.most_common())
        dead = ", ".join(map(text_name, self.dead[:8])) + (" …" if len(self.dead) > 8 else "")
        rows = [
            f"{self.nodes:,} values, {self.edges:,} edges, {self.depth:,} operations deep",
            f"operations: {counted or 'none'}",
            f"largest gradient: {text_number(self.largest[1])} at {text_name(self.largest[0])}",
            f"smallest gradient: {text_number(self.smallest[1])} at {text_name(self.smallest[0])}",
            f"gradient 0: {self.without:,} values",
            f"dead ReLUs: {len(self.dead):,}{f' ({dead})' if self.dead else ''}",
        ]
        return "\n".join(rows)

    def __repr__(self) -> str:
        return str(self)


def summary(root: Value) -> Summary:
    """Count the parts of a graph, and look for vanishing and exploding gradients and dead units.

    Args:
        root: the output; gradients are computed afresh from it, and none is changed.

    Raises:
        NonFiniteError: a gradient is not a finite number.

    >>> from micrograd_plus import Value
    >>> x, y = Value(2.0, "x"), Value(-3.0, "y")
    >>> summary((x * y).relu() + x)
    5 values, 5 edges, 3 operations deep
    operations: 1 × multiply, 1 × relu, 1 × add
    largest gradient: 1 at x
    smallest gradient: 1 at x
    gradient 0: 2 values
    dead ReLUs: 1 (v₂)
    """
    found = {node: abs(slope) for node, slope in adjoints(root).items()}
    nodes = list(found)
    named = names(nodes)
    depth: dict[Value, int] = {}
    edges = 0
    for node in nodes:
        below = [depth[arg] for arg in node.args if type(arg) is not float]
        depth[node] = 1 + max(below) if below else 0
        edges += len(below)
    alive = [node for node in nodes if found[node]]
    largest, smallest = max(alive, key=found.__getitem__), min(alive, key=found.__getitem__)
    return Summary(
        nodes=len(nodes),
        edges=edges,
        depth=depth[root],
        operations=Counter(node.op.name for node in nodes if node.op is not None),
        largest=(named[largest], found[largest]),
        smallest=(named[smallest], found[smallest]),
        without=len(nodes) - len(alive),
        dead=[named[n] for n in nodes if n.op and n.op.dead and n.op.dead(*inputs(n))],
    )
