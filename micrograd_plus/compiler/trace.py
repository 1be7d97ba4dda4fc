"""Tracing: a function is run twice, and what both runs record is its program."""

from __future__ import annotations

import gc
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from micrograd_plus import ops
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.nested import flat, mapped
from micrograd_plus._tools.text import brief, short
from micrograd_plus.compiler.sealed import TraceError, sealed
from micrograd_plus.compiler.sites import Sites
from micrograd_plus.compiler.surroundings import Surroundings
from micrograd_plus.engine import Value
from micrograd_plus.graph import follows, order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


T = TypeVar("T")


class Trace(NamedTuple):
    """What a function recorded.

    Attributes:
        inputs: the leaves of the example, flat.
        outputs: what the function returned, with Values and floats at its leaves.
        nodes: all that the outputs depend on, each after its arguments, in the order of recording.
        sites: where in the code each was recorded.
        code: tells what is written there.
        outside: the leaves among them that existed before, such as parameters.
        surroundings: what the function read outside itself.
    """

    inputs: list[Value]
    outputs: Any
    nodes: list[Value]
    sites: dict[Value, int]
    code: Sites
    outside: list[Value]
    surroundings: Surroundings

    @property
    def results(self) -> list[Any]:
        """The outputs in a row: Values and numbers."""
        return flat(self.outputs)

    @property
    def rows(self) -> list[int]:
        """For each input how many rows it is an index of for `mg.take`, 0 if it is none."""
        fewest: dict[Any, int] = {}
        for node in self.nodes:
            if node.op is ops.take:
                index, *choices = node.args
                fewest[index] = min(len(choices), fewest.get(index, len(choices)))
        return [fewest.get(x, 0) for x in self.inputs]


def trace(fn: Callable[..., Any], example: Sequence[Any]) -> Trace:
    """Run a function twice on Values in the place of an example's numbers.

    The second run gets slightly different numbers, which exposes values that became constants.

    Raises:
        TraceError: it reads a number, records another graph when it runs again, or changes
            something outside itself.
    """
    sites = Sites()
    first = sites.call(_run, fn, example)
    before = Surroundings(fn)
    try:
        again = _run(fn, example, _close_by)
    except NonFiniteError:  # undefined at the other numbers
        again = _run(fn, example)
    after = Surroundings(fn)
    found = _alike(first, again)
    if found is None:
        raise TraceError(
            "the function records another graph each time it runs: random numbers, or other "
            "changes from run to run, belong outside it"
        )
    change = before.change_by_run(after)
    if change is not None:
        raise TraceError(
            f"the function changes {change.name} outside itself each time it runs, which a program "
            "would not do, and what depends on it would be the same for all examples: random "
            "numbers, counters and files belong outside it, their numbers among its arguments"
        )
    reached, outside = found
    known = {*reached}
    at = {x: -1 for x in reached if x not in sites.of}  # leaves, and what was recorded before
    at |= {x: site for x, site in sites.of.items() if x in known}
    return Trace(first.inputs, first.outputs, [*at], at, sites, outside, after)


def _close_by(x: float) -> float:
    return x * (1 - 2.0**-20) if x else 2.0**-20


class _Run(NamedTuple):
    """The Values that a function was given, what it returned, and the leaves that it made."""

    inputs: list[Value]
    outputs: Any
    made: set[Value]


def _run(
    fn: Callable[..., Any], example: Sequence[Any], number: Callable[[float], float] = float
) -> _Run:
    leaves: list[Value] = []

    def leaf(x: Any) -> Value:
        leaves.append(Value(x))
        leaves[-1].data = number(leaves[-1].data)
        return leaves[-1]

    arguments = [mapped(leaf, part) for part in example]
    outputs, made = sealed(fn, arguments, leaves)
    for out in flat(outputs):
        if not isinstance(out, (Value, Real)):
            kind = type(out).__name__
            raise TraceError(f"the function must return Values, not {short(out)} ({kind})")
    if not flat(outputs):
        raise TraceError(
            f"the function returns no Value, only {short(outputs)}: return what it computes from "
            "its arguments"
        )
    return _Run(leaves, outputs, {node for node in made if node.op is None})


def _alike(first: _Run, again: _Run) -> tuple[list[Value], list[Value]] | None:
    """Check that two runs recorded the same graph: operations, connections and constants.

    Both are put in order, in which nodes at the same place correspond.

    Args:
        first: a run.
        again: another one.

    Returns:
        All nodes that the first run's outputs depend on, each after its arguments, and the leaves
        among them that existed before.
    """
    ours, theirs = _reached(first), _reached(again)
    *shape, xs = _edges(first, ours)
    *other, ys = _edges(again, theirs)
    if shape != other:
        return None
    twins: dict[Any, Any] = dict(zip(ours, theirs, strict=True))
    for x, y in zip(map(twins.get, xs, xs), ys, strict=True):
        if x is not y and (isinstance(x, Value) or type(x) is not type(y) or x != y):
            return None
    outside: list[Value] = []
    given = dict(zip(first.inputs, again.inputs, strict=True))
    for x, y in twins.items():
        if x.op is not None:
            if follows(y):
                continue
            raise TraceError(
                f"the data of {brief(y.label) or y.op.name} don't follow from its arguments: "
                "something was assigned to it or to them, or its rule gives another number each "
                "time it runs"
            )
        if x in given:
            same = given[x] is y
        elif x in first.made:  # made in the run, so another object in each
            same = y in again.made and x._data == y._data
        else:
            same = x is y
            outside.append(x)
        if not same:
            return None
    return ours, outside


def _reached(run: _Run) -> list[Value]:
    """All nodes that the outputs depend on, each after its arguments."""
    found: dict[int, Value] = {}
    for x in flat(run.outputs):
        if isinstance(x, Value):
            nodes = order(x, found)
            found |= zip(map(id, nodes), nodes, strict=True)
    return [*found.values()]


def _edges(run: _Run, nodes: Sequence[Value]) -> tuple[list[Any], list[int], list[Any]]:
    """The operations of nodes, how many arguments each has, and these; outputs come first."""
    args = [flat(run.outputs), *(node.args for node in nodes)]
    return [node.op for node in nodes], [*map(len, args)], [*chain.from_iterable(args)]


def uncollected(f: Callable[[], T]) -> T:
    """Call a function without cyclic garbage collection, which graphs don't need.

    With many nodes alive, collecting takes as long as compiling them.
    """
    enabled = gc.isenabled()
    try:
        gc.disable()
        return f()
    finally:
        if enabled:
            gc.enable()
