"""Parameters in the shape of their matrix, as the heat map of a fold shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.graph.places import path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from micrograd_plus.engine import Value

Block = list[list[Any]]
"""The rows of a matrix; None where there is no number."""


def matrices(parameters: Iterable[Value]) -> list[Block]:
    """Parameters as matrices with a row for each neuron: its weights in one, its bias in another.

    >>> from micrograd_plus.nn import Layer
    >>> [[[p.label for p in row] for row in block] for block in matrices(Layer(2, 2).parameters())]
    [[['w_{0,0,0}', 'w_{0,0,1}'], ['w_{0,1,0}', 'w_{0,1,1}']], [['b_{0,0}'], ['b_{0,1}']]]
    """
    rows: dict[Any, dict[tuple[str, str], Value]] = {}
    columns: dict[str, dict[str, None]] = {}
    for parameter in parameters:
        owner = parameter.right.owner
        attribute, *places = path(parameter.right, parameter.left).split(".")
        # an attribute that is a matrix itself has rows of its own
        row = (owner, attribute, *places[:-1]) if places[1:] else owner
        column = "".join(places[-1:])
        rows.setdefault(row, {})[attribute, column] = parameter
        columns.setdefault(attribute, {})[column] = None
    return [
        [[row.get((attribute, column)) for column in numbers] for row in rows.values()]
        for attribute, numbers in columns.items()
    ]
