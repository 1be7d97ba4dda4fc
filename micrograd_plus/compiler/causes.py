"""Why a program's results are not finite: the engine finds the example and the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from micrograd_plus import graph
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus._tools.nested import flat
from micrograd_plus._tools.text import brief
from micrograd_plus.engine import Value, record
from micrograd_plus.graph.sweep import adjoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.arguments import Arguments
    from micrograd_plus.compiler.leaves import Leaves


class Causes:
    """Raises the errors of a program.

    Args:
        fn: its function.
        arguments: the function's.
        leaves: what the function reads.
    """

    def __init__(self, fn: Callable[..., Any], arguments: Arguments, leaves: Leaves) -> None:
        self._fn, self._arguments, self._leaves = fn, arguments, leaves

    def refuse(self, columns: list[Any], wide: Sequence[Any], slopes: bool) -> NoReturn:
        """Raise the error for results that are not finite.

        Args:
            columns: the inputs.
            wide: results for each example, arrays of (numbers, examples).
            slopes: whether derivatives were computed.

        Raises:
            NonFiniteError: with example and operation, which the engine finds.
        """
        numpy, vector = need("numpy", "numpy"), self._leaves.vector()
        for p, x in zip(self._leaves.parameters, vector.tolist(), strict=True):
            graph.finite(x, f"the vector's number for {brief(p.label) or 'a parameter'}")
        bad = numpy.zeros(columns[0].shape[1], bool)
        for rows in wide:
            bad |= ~numpy.isfinite(rows).all(axis=0)
        examples = numpy.flatnonzero(bad if bad.any() else ~bad).tolist()
        self._explain(columns, examples, slopes)
        if bad.any():
            raise NonFiniteError(f"example {examples[0]}: a result is not a finite {vector.dtype}")
        raise NonFiniteError("the sum over the batch is too large for a float")

    def _explain(self, columns: list[Any], examples: list[int], slopes: bool) -> None:
        """Find the example whose results are not finite, by the engine, and raise its error.

        No Value is assigned to, as other threads would see it: where the vector has other numbers
        than the Values, what the function records is recorded again on leaves with those.
        """
        live = zip(self._leaves.values, self._leaves.numbers().tolist(), strict=True)
        moved = {leaf: Value(x, leaf.label) for leaf, x in live if x != leaf._data}
        there, recorded = self._record(self._arguments.first) if moved else ([], [])
        for i in examples:
            row = [x for column in columns for x in column[:, i].tolist()]
            try:
                if moved:
                    twins = moved | dict(zip(there, map(Value, row), strict=True))
                    outputs = [_again(out, twins) for out in recorded]
                else:
                    _, outputs = self._record(row)
                for out in outputs[:1] if slopes else ():
                    adjoints(out)
            except NonFiniteError as error:
                message = f"example {i}: {error}"
                raise NonFiniteError(message, error.op, error.operands, error.numbers) from error
            except IndexError as error:
                raise IndexError(f"example {i}: {error}") from error

    def _record(self, row: Sequence[float]) -> tuple[list[Value], list[Value]]:
        """Record an example: the Values that the function gets, and those that it returns."""
        arguments = self._arguments.example(row)
        outputs = flat(self._fn(*arguments))
        return flat(arguments), [out for out in outputs if isinstance(out, Value)]


def _again(out: Value, twins: dict[Value, Value]) -> Value:
    """Record an output again, with given replacements for nodes; new ones are added to these."""
    for node in graph.order(out):
        if node.op is not None and node not in twins:
            args = (arg if type(arg) is float else twins.get(arg, arg) for arg in node.args)
            twins[node] = record(node.op, tuple(args))
    return twins.get(out, out)
