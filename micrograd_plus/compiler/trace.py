"""Tracing: a function is run once, and what it records is its program."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, order, watchers

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
            seen.update(map(id, nodes[len(seen) :]))
            nodes += order(out, seen)
        elif not isinstance(out, Real):
            kind = type(out).__name__
            raise TraceError(f"the function must return Values, not {out!r} ({kind})")
    given = set(inputs)
    leaves = [node for node in nodes if node.op is None and node not in given]
    return Trace(inputs, outputs, nodes, leaves)


def _alike(first: Trace, again: Trace) -> bool:
    """Whether two runs recorded the same: operations, connections and numbers."""
    if len(first.nodes) != len(again.nodes):
        return False
    twins: dict[Value, Value] = {}
    for mine, other in zip(first.nodes, again.nodes, strict=True):
        if mine is other:  # a leaf from outside
            continue
        if mine.op is not other.op or mine._data != other._data:
            return False
        for x, y in ((mine.left, other.left), (mine.right, other.right)):
            if x is not y and twins.get(x) is not y and not _same(x, y, twins):
                return False
        twins[mine] = other
    inputs = zip(first.inputs, again.inputs, strict=True)
    return _same(tuple(flat(first.outputs)), tuple(flat(again.outputs)), twins) and all(
        twins.get(x, y) is y
        for x, y in inputs  # those not used have no twin
    )


def _same(x: Any, y: Any, twins: dict[Value, Value]) -> bool:
    """Whether two arguments, or tuples of them, are the same constants and twins."""
    if type(x) is type(y) is tuple:
        return len(x) == len(y) and all(_same(*pair, twins) for pair in zip(x, y, strict=True))
    if x is y or twins.get(x, x) is y:
        return True
    return type(x) is type(y) and isinstance(x, REAL) and bool(x == y)


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
