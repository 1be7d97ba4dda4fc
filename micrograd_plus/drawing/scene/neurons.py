"""Neurons in a graph: which operations, weights and biases are those of one neuron."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from micrograd_plus.graph.places import turns
from micrograd_plus.walk.formula import Name, formulas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.drawing.scene.folds import Flat
    from micrograd_plus.drawing.scene.merging import Argument, Group
    from micrograd_plus.ops.operation import Op


class Neuron(NamedTuple):
    """A neuron, told by the numbers of groups of values.

    Attributes:
        inside: its operations; the last of them is its output.
        weights: for each weight the argument that it multiplies: which one of which operation.
        others: its other parameters, such as the bias.
    """

    inside: list[int]
    weights: dict[int, tuple[int, int]]
    others: list[int]


class Grouped:
    """A graph in groups of values, which are told by their numbers.

    Args:
        flat: the graph.
        groups: its groups, each after those that enter it.

    Attributes:
        at: the group of each value, by its position.
        owner: the place of the module that each group belongs to; None where it has none.
        neurons: what is in a module of its own and has one output and weights, as in the model.
    """

    def __init__(self, flat: Flat, groups: Sequence[Group]) -> None:
        self.flat = flat
        self.groups = groups
        self.at = {i: n for n, group in enumerate(groups) for i in group.members}
        self.owner = [flat.owners[group.members[0]] for group in groups]
        outputs = {len(groups) - 1}
        for n, group in enumerate(groups):
            entering = (self.group(column) for column in group.args)
            outputs.update(j for j in entering if j is not None and not self._together(j, n))
        found = (self._neuron(n) for n in sorted(outputs) if groups[n].op and self.owner[n])
        self.neurons = [neuron for neuron in found if neuron and neuron.weights]
        self.neurons.sort(key=lambda neuron: self._turn(min(neuron.weights, key=self._turn)))

    def group(self, column: tuple[Argument, ...]) -> int | None:
        """The group that arguments belong to; None for constants, and for those of several."""
        found = {self.at[arg] if type(arg) is int else None for arg in column}
        return found.pop() if len(found) == 1 else None

    def parameter(self, n: int) -> bool:
        """Whether a group is a parameter of a module."""
        return self.groups[n].op is None and self.owner[n] is not None

    def _turn(self, n: int) -> list[int]:
        """Sorts parameters as in their model."""
        return turns(self.flat.nodes[self.groups[n].members[0]])

    def trained(self, n: int) -> bool:
        """Whether a module applies parameters in an operation."""
        entering = map(self.group, self.groups[n].args)
        return self.owner[n] is not None and any(
            j is not None and self.parameter(j) for j in entering
        )

    def _together(self, n: int, other: int) -> bool:
        return self.owner[n] is self.owner[other]

    def _neuron(self, output: int) -> Neuron | None:
        """What leads to a value in the same module; None if that uses a parameter twice."""
        inside = {output: None}
        weights: dict[int, tuple[int, int]] = {}
        parameters: dict[int, None] = {}
        todo = [output]
        for n in todo:  # the list grows
            op, args = self.groups[n].op, self.groups[n].args
            factors = _factors(op, len(args)) if op else {}
            for k, column in enumerate(args):
                j = self.group(column)
                if j is None:
                    continue
                if self.parameter(j):
                    if j in parameters:
                        return None
                    parameters[j] = None
                    other = self.group(args[factors[k]]) if k in factors else j
                    if other is None or not self.parameter(other):
                        weights[j] = n, factors[k]
                elif self.groups[j].op and self._together(j, n) and j not in inside:
                    inside[j] = None
                    todo.append(j)
        others = [j for j in parameters if j not in weights]
        ordered = {j: weights[j] for j in sorted(weights, key=self._turn)}
        return Neuron(sorted(inside), ordered, sorted(others, key=self._turn))


@cache
def _factors(op: Op, count: int) -> dict[int, int]:
    """Which argument each argument of an operation multiplies: in w · x + b, w and x each other."""
    names = [Name(str(k)) for k in range(count)]
    try:
        slopes = op.local_derivatives(formulas, Name("out"), names, [True] * count)
    except TypeError:  # one made by hand, which is known at one point only
        return {}
    return {names.index(slope): k for k, slope in enumerate(slopes) if slope in names}
