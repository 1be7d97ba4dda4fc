"""The picture of a network: layers of neurons, with the weights on the wires between them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.names import parsed
from micrograd_plus.drawing.scene.folds import Fold
from micrograd_plus.drawing.scene.merging import merged, single
from micrograd_plus.drawing.scene.neurons import Grouped
from micrograd_plus.drawing.scene.outline import fold_of, folded
from micrograd_plus.drawing.scene.parts import (
    Inside,
    Neuron,
    Operand,
    Part,
    Scene,
    own_numbers,
    part_of,
)
from micrograd_plus.walk.formula import Name, outside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.drawing.scene import neurons
    from micrograd_plus.drawing.scene.merging import Argument
    from micrograd_plus.drawing.scene.parts import Numbers
    from micrograd_plus.engine import Value

_AROUND = 24  # operations in no neuron; with more the picture would not be that of a network
_WIRE = Name("x")  # an argument that is no constant


def network(
    root: Value,
    name: Callable[[Value], str] = attrgetter("label"),
    numbers: Callable[[Value], Numbers] | None = None,
) -> Scene | None:
    """The picture of a graph as a network of neurons; None if it is no such network.

    It is one if there are neurons, each with weights of its own, and few operations around them.
    What is computed for one example after the other, as in a loss, is drawn once.

    Args, except that there is no limit: as for `scene`.

    >>> from micrograd_plus import Value, nn
    >>> output = nn.MLP(2, [3, 1])([1.0, 2.0])
    >>> [len(neuron.weights) for neuron in network(output).neurons]
    [2, 2, 2, 3]
    >>> network(Value(3.0) * 2) is None
    True
    """
    flat = folded(root).flat
    if any(flat.owners):
        for groups in (single(flat), merged(flat)):
            graph = Grouped(flat, groups)
            if _is_network(graph):
                return _Drawing(graph, name, numbers or own_numbers(root)).scene()
    return None


def complete(found: Scene) -> bool:
    """Whether each value of a graph has one place in the picture of its network."""
    again = any(not part.constant for part in found.parts[len(found.nodes) :])
    return bool(found.nodes) and not again and not any(part.inside for part in found.parts)


def _is_network(graph: Grouped) -> bool:
    inside = [n for neuron in graph.neurons for n in neuron.inside]
    weights = [n for neuron in graph.neurons for n in neuron.weights]
    shared = len({*inside}) < len(inside) or len({*weights}) < len(weights)
    around = {n for n, group in enumerate(graph.groups) if group.op}.difference(inside)
    fits = len(around) <= _AROUND and not any(map(graph.trained, around))
    return bool(weights) and not shared and fits


class _Drawing:
    """The parts of a picture: one for each group, then those for what enters from no group."""

    def __init__(
        self, graph: Grouped, name: Callable[[Value], str], numbers: Callable[[Value], Numbers]
    ) -> None:
        self.graph = graph
        self.flat = graph.flat
        self.name = name
        self.numbers = numbers
        self.given: dict[Any, int] = {}
        self.more: list[Part] = []
        self.inside = {n for neuron in graph.neurons for n in neuron.inside}
        self.own = {n for neuron in graph.neurons for n in (*neuron.weights, *neuron.others)}
        self.turns: dict[tuple[int, int], Any] = {}  # of an input among those of a layer
        for neuron in graph.neurons:
            owner = graph.owner[neuron.inside[-1]]
            for turn, place in enumerate(neuron.weights.values()):
                self.turns[place] = (owner and owner.around) or owner, turn

    def scene(self) -> Scene:
        parts = [self._part(n) for n in range(len(self.graph.groups))]
        parts[-1] = parts[-1]._replace(goes_on=True)
        cells = []
        for neuron in self.graph.neurons:
            weights = [(w, self._source(*place)) for w, place in neuron.weights.items()]
            first, output = neuron.inside[0], neuron.inside[-1]
            if not (output == first or parts[output].inputs == (first,) == (*neuron.inside[:-1],)):
                sources = dict.fromkeys(source for _, source in weights)
                operands = tuple(Operand(k, source) for k, source in enumerate(sources))
                parts[output] = self._folded(parts[output], neuron)._replace(operands=operands)
                first = output
            gates = [*dict.fromkeys([first, output])]
            cells.append(Neuron(gates, weights, neuron.others))
        alone = all(len(group.members) == 1 for group in self.graph.groups)
        return Scene([*parts, *self.more], self.flat.nodes if alone else [], cells)

    def _part(self, n: int) -> Part:
        op, members, columns = self.graph.groups[n]
        args = [self._constant(n, k) for k in range(len(columns))]
        alone = {*outside(op, tuple(args))} if op else ()
        args = [_WIRE if k in alone else arg for k, arg in enumerate(args)]
        inputs: list[int | None] = []
        seen: dict[int, Any] = {}
        for k, column in enumerate(columns):
            if args[k] is _WIRE:
                # one wire leads from all examples to their sum, but two from c to c · c
                source = self._source(n, k)
                again = seen.setdefault(source, column) != column
                inputs.append(None if again else source)
        name, numbers, inside = self._told(members)
        return part_of(op, tuple(args), name, numbers, inputs, inside=inside)

    def _constant(self, n: int, k: int) -> Any:
        """An argument as it is drawn: the number of a constant, or a wire."""
        first, *others = self.graph.groups[n].args[k]
        alike = type(first) is float and not any(other != first for other in others)
        return first if alike and (n, k) not in self.turns else _WIRE

    def _source(self, n: int, k: int) -> int:
        """The part that an argument of a group comes from."""
        column = self.graph.groups[n].args[k]
        source = self.graph.group(column)
        if source is not None and (n in self.inside or source not in self.own):
            return source
        key = (*self.turns[n, k], column) if (n, k) in self.turns else column
        if key not in self.given:
            self.given[key] = len(self.graph.groups) + len(self.more)
            name, numbers, inside = self._told(column)
            constant = all(type(arg) is float for arg in column)
            leaf = Part(name, None, *numbers, (), False, inside, constant=constant)
            self.more.append(leaf)
        return self.given[key]

    def _told(self, column: Sequence[Argument]) -> tuple[str, Numbers, Inside | None]:
        """The name of values or constants, the numbers of one, and what is inside of many."""
        positions = [arg for arg in column if type(arg) is int]
        nodes = [self.flat.nodes[i] for i in positions]
        constants = [(arg, None) for arg in column if type(arg) is float]
        numbers = [*map(self.numbers, nodes), *constants]
        names = dict.fromkeys(str(self.name(node)) for node in nodes)
        stems = dict.fromkeys(parsed(name).base for name in names)
        name = "".join(names) if len(names) == 1 else ", ".join(filter(None, stems))
        if len(numbers) == 1:
            return name, numbers[0], None
        fold = Fold(self.flat, positions, None, list)
        return name, (None, None), Inside(fold, positions, numbers, "", [], [], opens=False)

    def _folded(self, part: Part, neuron: neurons.Neuron) -> Part:
        """A neuron of several operations as one gate, which opens to show them."""
        groups = self.graph.groups
        members = sorted(i for n in neuron.inside for i in groups[n].members)
        fold = fold_of(self.flat, members, self.graph.owner[neuron.inside[-1]])
        outputs = groups[neuron.inside[-1]].members
        numbers = [self.numbers(self.flat.nodes[i]) for i in outputs]
        inside = Inside(fold, outputs, numbers, fold.details, [], [], opens=True)
        return part._replace(gate=fold.title, ordered=False, inside=inside)
