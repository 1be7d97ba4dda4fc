"""Tracing: a function is run twice, and what both runs record is its program."""

from __future__ import annotations

import gc
import threading
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from micrograd_plus import graph
from micrograd_plus.engine import Value
from micrograd_plus.nested import flat, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


T = TypeVar("T")


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
    found = _alike(_run(fn, example), _run(fn, example))
    if found is None:
        raise TraceError(
            "the function records something else each time it runs: random numbers, or other "
            "changes from run to run, belong outside it"
        )
    return found


class _Run(NamedTuple):
    """The Values that a function was given, what it returned, and how many leaves it made."""

    inputs: list[Value]
    outputs: Any
    made: int


def _run(fn: Callable[..., Any], example: Sequence[Any]) -> _Run:
    inputs: list[Value] = []

    def leaf(x: Any) -> Value:
        inputs.append(Value(x))
        return inputs[-1]

    arguments = [mapped(leaf, part) for part in example]
    before = graph.changes
    outputs = unseen(fn, *arguments)
    made = graph.changes - before
    for out in flat(outputs):
        if not isinstance(out, (Value, Real)):
            kind = type(out).__name__
            raise TraceError(f"the function must return Values, not {out!r} ({kind})")
    if not flat(outputs):
        raise TraceError(f"the function returns no Value, only {outputs!r}: what is it to compute?")
    return _Run(inputs, outputs, made)


def _alike(first: _Run, again: _Run) -> Trace | None:
    """What two runs recorded, if it is the same: operations, connections and numbers.

    Both graphs are walked at once, each node after its arguments, as by `graph.order`.

    Args:
        first: a run.
        again: another one.
    """
    nodes: list[Value] = []
    twins: dict[Value, Value] = {}  # what stands in the place of a node in the other run
    outside: list[Value] = []
    made: list[Value] = []
    todo: list[Any] = [(tuple(flat(first.outputs)), tuple(flat(again.outputs)))]
    while todo:
        x, y = todo.pop()
        if y is None:  # all arguments of x are found
            nodes.append(x)
            continue
        while isinstance(x, Value) and x not in twins:
            if type(x) is not type(y) or x.op is not y.op or x._data != y._data:
                return None
            twins[x] = y
            if x.op is None:
                nodes.append(x)
                # leaves that the function makes are other objects in each run
                (outside if x is y else made).append(y)
                break
            todo.append((x, None))
            if x.right is not None:
                todo.append((x.right, y.right))
            x, y = x.left, y.left
        else:
            if type(x) is type(y) is tuple and len(x) == len(y):
                todo += [*zip(x, y, strict=True)][::-1]
            elif not _same(x, y, twins):
                return None
    pairs = zip(first.inputs, again.inputs, strict=True)  # those not used have no twin
    if (
        twins.keys().isdisjoint(made)
        and len({*made}.difference(again.inputs)) <= again.made  # others were there before
        and all(twins.get(x, y) is y for x, y in pairs)
    ):
        return Trace(first.inputs, first.outputs, nodes, outside)
    return None


def _same(x: Any, y: Any, twins: dict[Value, Value]) -> bool:
    """Whether a known node and another are twins, or two constants are equal."""
    if isinstance(x, Value):
        return twins[x] is y
    return x is y or (type(x) is type(y) is not tuple and bool(x == y))


def unseen(f: Callable[..., T], *args: Any) -> T:
    """What a function gives while looking at a number, in this thread, is an error."""
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

    # no block of a contextmanager, whose Python code can be interrupted before it cleans up
    try:
        graph.watchers.append(refuse)
        return f(*args)
    finally:
        if refuse in graph.watchers:
            graph.watchers.remove(refuse)


def uncollected(f: Callable[[], T]) -> T:
    """What a function gives while Python looks for no cycles, of which graphs have none.

    With many nodes about, looking takes as long as compiling them.
    """
    enabled = gc.isenabled()
    try:
        gc.disable()
        return f()
    finally:
        if enabled:
            gc.enable()
