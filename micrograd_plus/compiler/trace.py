"""Tracing: a function is run once, and what it records is its program."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.engine import Value
from micrograd_plus.graph import order, watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class TraceError(TypeError):
    """A function that can't be compiled, as it looks at numbers that differ between examples.

    >>> from micrograd_plus import compile, relu
    >>> try:
    ...     compile(lambda x: x if x > 0 else 0 * x, 1.0)
    ... except TraceError:
    ...     compile(relu, 1.0)([-1.0, 2.0])
    array([0., 2.])
    """


class Trace(NamedTuple):
    """What a function recorded.

    Attributes:
        inputs: the leaves of the example, flat.
        outputs: what the function returned, with Values and floats at its leaves.
        nodes: all that the outputs depend on, each after its arguments.
        outside: the leaves among them that were there before, such as parameters.
    """

    inputs: list[Value]
    outputs: Any
    nodes: list[Value]
    outside: list[Value]


def trace(fn: Callable[..., Any], example: Sequence[Any]) -> Trace:
    """Run a function on Values in the place of an example's numbers.

    Raises:
        TraceError: it looks at a number, or records something else when it runs again.
    """
    first, again = (_run(fn, example) for _ in range(2))
    if not _alike(first, again):
        raise TraceError(
            "the function records something else each time it runs: random numbers, or other "
            "changes from run to run, belong outside it"
        )
    # leaves that the function makes are other objects in each run
    both = zip(first.outside, again.outside, strict=True)
    return first._replace(outside=[mine for mine, other in both if mine is other])


def _run(fn: Callable[..., Any], example: Sequence[Any]) -> Trace:
    inputs: list[Value] = []

    def leaf(x: Any) -> Value:
        inputs.append(Value(x))
        return inputs[-1]

    arguments = [mapped(leaf, part) for part in example]
    with nobody_looks():
        outputs = fn(*arguments)
    nodes: list[Value] = []
    seen: set[int] = set()
    for out in flat(outputs):
        if isinstance(out, Value):
            found = order(out, seen)
            nodes += found
            seen.update(map(id, found))
        elif not isinstance(out, Real):
            kind = type(out).__name__
            raise TraceError(f"the function must return Values, not {out!r} ({kind})")
    given = set(map(id, inputs))
    leaves = [node for node in nodes if node.op is None and id(node) not in given]
    return Trace(inputs, outputs, nodes, leaves)


def _alike(first: Trace, again: Trace) -> bool:
    """Whether two runs recorded the same: operations, connections and numbers."""
    if _operations(first) != _operations(again):
        return False
    twins: dict[int, Any] = dict(zip(map(id, first.nodes), again.nodes, strict=True))
    mine, theirs = _connections(first), _connections(again)
    expected = map(twins.get, map(id, mine), mine)  # constants have no twins
    others = [(x, y) for x, y in zip(expected, theirs, strict=True) if x is not y]
    if any(isinstance(x, Value) or isinstance(y, Value) or x != y for x, y in others):
        return False
    inputs = zip(first.inputs, again.inputs, strict=True)
    return all(twins.get(id(x), y) is y for x, y in inputs)  # those not used have no twin


def _connections(run: Trace) -> list[Any]:
    """All arguments and outputs."""
    return [*chain.from_iterable(node.args for node in run.nodes), *flat(run.outputs)]


def _operations(run: Trace) -> list[Any]:
    """The operations with the number of their arguments, and the numbers of the leaves."""
    nodes = run.nodes
    return [(node.op, len(node.args)) if node.op else node._data for node in nodes]


@contextmanager
def nobody_looks() -> Iterator[None]:
    """Within the block, in this thread, looking at a number is an error."""
    mine = threading.get_ident()

    def refuse(node: Any) -> None:
        if threading.get_ident() == mine:
            name = f" of {node.label}" if node.label else ""
            raise TraceError(
                f"the number{name} is looked at while the function is compiled, and would be "
                "the same for all examples: instead of if, float() or round() use step, "
                "maximum, minimum, clip, or where(step(x), …), and micrograd_plus.exp instead of "
                "math.exp"
            )

    watchers.append(refuse)
    try:
        yield
    finally:
        watchers.remove(refuse)


@contextmanager
def no_collection() -> Iterator[None]:
    """Within the block Python looks for no cycles, of which graphs have none.

    With many nodes about, looking takes as long as compiling them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def flat(nested: Any) -> list[Any]:
    """The leaves of nested sequences, in order."""
    if isinstance(nested, list | tuple):
        return [leaf for part in nested for leaf in flat(part)]
    return [nested]


def mapped(f: Callable[[Any], Any], nested: Any) -> Any:
    """Nested sequences, as lists, with a function applied to the leaves."""
    if hasattr(nested, "tolist"):
        nested = nested.tolist()
    if isinstance(nested, list | tuple):
        return [mapped(f, part) for part in nested]
    return f(nested)
