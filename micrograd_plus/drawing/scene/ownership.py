"""Which module each value of a graph belongs to.

Only parameters know their place in a model, as it would cost memory in every node. A value belongs
to the innermost module that contains all parameters which it is computed with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrograd_plus.graph.places import Place, placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.engine import Value


def owners(nodes: Sequence[Value], inputs: Sequence[tuple[int, ...]]) -> list[Place | None]:
    """The place of the module that each value belongs to; None for those that belong to none.

    A value whose arguments include parameters belongs to the innermost module that contains these.
    Any other belongs to the module of its arguments, provided that the model computes further with
    it or that it is the module's activation: so losses and penalties belong to none.

    Args:
        nodes: values, each after its arguments.
        inputs: the positions of the arguments of each.
    """
    found = placed(node for node in nodes if node.op is None)
    owner = list(map(found.get, nodes))
    if not found:
        return owner
    parameter = [place is not None for place in owner]
    alone = list(parameter)  # whether a value depends on parameters only, as penalties do
    direct = [False] * len(nodes)  # whether it has parameters among its arguments, and data
    for i, args in enumerate(inputs):
        if args:
            alone[i] = all(map(alone.__getitem__, args)) and not _takes_data(nodes[i])
            direct[i] = any(map(parameter.__getitem__, args)) and not alone[i]
    goes_on = list(direct)
    for i in range(len(nodes) - 1, -1, -1):
        if goes_on[i]:
            for j in inputs[i]:
                goes_on[j] = True
    for i, args in enumerate(inputs):
        if not args:
            continue
        place = _common({owner[j] for j in args if parameter[j] or not direct[i]})
        if place and (goes_on[i] or nodes[i].op is place.activation):
            owner[i] = place
    return owner


def _common(found: set[Place | None]) -> Place | None:
    """The innermost module that contains all places; what has no place does not count."""
    chains = [[*place.chain()][::-1] for place in found if place]  # the outermost first
    common = None
    for places in zip(*chains, strict=False):
        if places.count(places[0]) < len(places):
            break
        common = places[0]
    return common


def _takes_data(node: Value) -> bool:
    """Whether there is a constant among the operands: examples may be plain numbers."""
    settings = node.op.settings if node.op else ()
    return any(type(arg) is float for i, arg in enumerate(node.args) if i not in settings)
