"""A graph: nodes of plain data, and all that can be done with them without knowing `Value`.

Others import `handmade`, `hooks`, `leaving`, `places`, `recording` and `sweep`.
"""

from micrograd_plus.graph.atomic import assign, assigning, in_turn, run_through
from micrograd_plus.graph.evaluation import (
    evaluate,
    follows,
    infinite_gradient,
    inputs,
    local_derivatives,
    order,
    replay,
)
from micrograd_plus.graph.node import REAL, N, Node, check_parameter, finite, packed, real, scalar

__all__ = [
    "REAL",
    "N",
    "Node",
    "assign",
    "assigning",
    "check_parameter",
    "evaluate",
    "finite",
    "follows",
    "in_turn",
    "infinite_gradient",
    "inputs",
    "local_derivatives",
    "order",
    "packed",
    "real",
    "replay",
    "run_through",
    "scalar",
]
