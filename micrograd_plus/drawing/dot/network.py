"""A network as DOT source: layers from left to right, with each weight on its wire.

Every node has a position of its own, so that Graphviz only draws them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.names import text_name
from micrograd_plus.drawing.dot import heatmap, labels
from micrograd_plus.drawing.dot.columns import Columns, Item, columns, depths
from micrograd_plus.drawing.look import legible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from micrograd_plus.drawing.look import Look
    from micrograd_plus.drawing.scene.parts import Part, Scene

_MOST, _FIRST, _LAST = 16, 9, 3  # so many of a layer are all drawn; of more the first and the last
_STEP, _EDGE = 12.0, 8.0  # between a gate and a plate; around what is in a neuron
_CABLE = 124.0, 60.0  # the size of a plate with many numbers
_TALLEST = 40.0  # of a gate
_LINE = 14.0  # the height of a line of text, for numbers of the usual size
_USUAL = 12  # points
THIN, THICK = 0.6, 4.0  # wires with the smallest and the largest weight
_TRIES = 24  # places on a wire where its number may stand

Point = tuple[float, float]


class _Wire(NamedTuple):
    """A wire from the plate of a part to an item, and the part of the weight on it.

    An item is a part with its plate: a leaf, a gate, or a neuron, which goes by its output.
    """

    source: int
    item: int
    id: str
    weight: int | None = None


class Network:
    """A network to be drawn.

    Args:
        graph: what to add nodes and edges to.
        scene: the network.
        look: how its numbers look.
        gate: draws a gate, given its name, its part and where it stands.
    """

    def __init__(self, graph: Any, scene: Scene, look: Look, gate: Callable[..., None]) -> None:
        self.graph = graph
        self.parts = scene.parts
        self.scale = look.points / _USUAL
        self.height = _LINE * self.scale  # of a line
        self.complete = scene.complete
        self.look = look
        self.gate = gate
        self.neurons = {neuron.gates[-1]: neuron for neuron in scene.neurons}
        self.rows = labels.plate_size(self.parts, look, scene.others)
        others = [k for neuron in scene.neurons for k in neuron.others]
        names = (len(text_name(self.parts[k].label)) for k in others)
        self.line = self._widest(others) + 5.0 * self.scale * max(names, default=0)

    def draw(self) -> None:
        """Add the network to the graph."""
        self.graph.attr(layout="nop", splines="line", outputorder="edgesfirst")
        entering = self._entering()
        turns = {w.source: 0 for i in self.neurons for w in entering[i]}
        turns |= {i: turn for turn, i in enumerate(self.neurons)}
        sources = {i: [*dict.fromkeys(w.source for w in ws)] for i, ws in entering.items()}
        items: dict[Any, Item] = {
            i: Item(*self._size(i), inputs, turns.get(i)) for i, inputs in sources.items()
        }
        depth = depths(items)
        items = items if self.complete else _thinned(items, depth)
        wires = [w for i in items if i in entering for w in entering[i] if w.source in items]
        weighted = [(w.source, w.item) for w in wires if w.weight is not None]
        place = columns(items, depth, weighted)
        for key in items:
            if key in entering:
                self._item(key, place.left[key], place.middle[key])
            else:
                self._text(key[0], place.left[key], place.middle[key])
        self._wired(wires, place, items)
        lowest = max(place.middle[key] + item.height / 2 for key, item in items.items())
        self._text(self._legend(wires), 0.0, lowest + 2 * self.height)

    def _entering(self) -> dict[int, list[_Wire]]:
        """The wires into each item, each after what enters it."""
        found: dict[int, list[_Wire]] = {}
        wires: dict[int, list[_Wire]] = {}
        todo = [next(i for i, part in enumerate(self.parts) if part.goes_on)]
        while todo:
            i = todo[-1]
            if i not in wires:
                wires[i] = self._wires(i)
                todo += [wire.source for wire in reversed(wires[i])]
            else:
                found.setdefault(todo.pop(), wires[i])
        return found

    def _wires(self, i: int) -> list[_Wire]:
        if i not in self.neurons:
            operands = self.parts[i].operands
            return [_Wire(int(x.source), i, f"e{i}_{x.position}") for x in operands]
        first = self.neurons[i].gates[0]
        at = {x.source: f"e{first}_{x.position}" for x in self.parts[first].operands}
        return [_Wire(j, i, at[j], weight) for weight, j in self.neurons[i].weights]

    # ------------------------------------------------------------ sizes

    def _plate(self, part: Part) -> Point:
        width, height = self.rows
        return _CABLE if part.carried > 1 else (width + 4.0, 2 * height + 6.0)

    def _number(self, x: float | None) -> str:
        return labels.number(x, self.look.digits)

    def _widest(self, parameters: Iterable[int]) -> float:
        """The width of the longest line with the number and the gradient of a parameter."""
        parts = [self.parts[k] for k in parameters]
        texts = (self._number(part.data) + self._number(part.grad) for part in parts)
        return self.scale * (5.6 * max(map(labels.digits_wide, texts), default=0) + 6.0)

    def _size(self, i: int) -> Point:
        part = self.parts[i]
        width, height = self._plate(part)
        if i in self.neurons:
            box = self._box(i)
            return box[0] + width, box[1] + self.height * len(self.neurons[i].others)
        if part.gate is not None:
            return _gate_width(part) + _STEP + width, max(height, _TALLEST)
        if part.constant and part.carried == 1:
            return 8.0 * self.scale * labels.digits_wide(self._number(part.data)), 20.0 * self.scale
        return _label_width(part) + width, height

    def _box(self, i: int) -> Point:
        """The size of the box of a neuron: its gates, the plates between, parameters above."""
        neuron = self.neurons[i]
        gates = [self.parts[k] for k in neuron.gates]
        plates = [self._plate(part) for part in gates]
        inside = sum(map(_gate_width, gates)) + sum(_STEP * 2 + w for w, _ in plates[:-1])
        tallest = max(_TALLEST, *(height for _, height in plates))
        return max(inside, self.line) + 2 * _EDGE, tallest + _EDGE + self.height * len(
            neuron.others
        )

    # ------------------------------------------------------------ nodes

    def _node(self, name: str, label: str, at: Point, **more: str) -> None:
        more = {"shape": "plain", "pos": _pos(at), **more}
        self.graph.node(name, label, **more)

    def _item(self, i: int, x: float, y: float) -> None:
        """Draw an item whose left end is at x and whose middle is at y."""
        part = self.parts[i]
        if i in self.neurons:
            x = self._neuron(i, x, y)
        elif part.gate is not None:
            x = self._gate(i, x, y) + _STEP
            self.graph.edge(f"o{i}:e", f"v{i}:w", id=f"s{i}", arrowhead="none")
        elif part.label:
            width = _label_width(part)
            label = labels.end(part.label)
            self._node(
                f"o{i}", label, (x + width / 2, y), **({"id": f"o{i}"} if part.inside else {})
            )
            x += width
        self._plated(i, x, y)
        if part.goes_on:
            end = x + self._plate(part)[0] + 2 * _STEP + _label_width(part) / 2
            self._node("out", labels.end(part.label), (end, y))
            self.graph.edge(f"v{i}:e", "out:w")

    def _plated(self, i: int, x: float, y: float) -> None:
        """Draw the plate of a part, whose left end is at x."""
        part = self.parts[i]
        width, _ = self._plate(part)
        if part.constant and part.carried == 1:
            form = {"fontsize": str(self.look.points), "fontcolor": self.look.name}
            middle = x + self._size(i)[0] / 2
            self._node(f"v{i}", self._number(part.data), (middle, y), **form)
        elif part.inside and part.carried > 1:
            plate = heatmap.cable(part.inside, self.look)
            self._node(f"v{i}", plate, (x + width / 2, y), id=f"v{i}")
        else:
            plate = labels.plate(part, self.rows, f"v{i}", self.look)
            tooltip = labels.tooltip(part, f"v{i}", self.look)
            self._node(f"v{i}", plate, (x + width / 2, y), id=f"v{i}", tooltip=tooltip)

    def _gate(self, i: int, x: float, y: float) -> float:
        """Draw a gate whose left end is at x; its right end."""
        part = self.parts[i]
        width = _gate_width(part)
        self.gate(f"o{i}", part._replace(inside=None, terms=()), pos=_pos((x + width / 2, y)))
        return x + width

    def _neuron(self, i: int, x: float, y: float) -> float:
        """Draw the box of a neuron with what is in it; its right end."""
        neuron = self.neurons[i]
        width, height = self._box(i)
        top = y - height / 2 - self.height * len(neuron.others) / 2
        size = {"width": f"{width / 72:.3f}", "height": f"{height / 72:.3f}", "fixedsize": "true"}
        form = {"shape": "box", "style": "rounded", **size}
        self._node(f"n{i}", "", (x + width / 2, top + height / 2), **form)
        for line, k in enumerate(neuron.others):
            self._line(k, (x + width / 2, top + (line + 0.5) * self.height + 3), with_name=True)
        inner = x + _EDGE
        for before, k in zip([None, *neuron.gates], neuron.gates, strict=False):
            if before is not None:
                self._plated(before, inner + _STEP, y)
                self.graph.edge(f"o{before}:e", f"v{before}:w", id=f"s{before}", arrowhead="none")
                self.graph.edge(f"v{before}:e", f"o{k}:w", id=f"e{k}_0")
                inner += self._plate(self.parts[before])[0] + 2 * _STEP
            inner = self._gate(k, inner, y)
        return x + width

    def _line(self, k: int, at: Point, *, with_name: bool, **more: str) -> None:
        """Write a parameter in a single line: its number, its gradient, perhaps its name first."""
        line = labels.line(self.parts[k], f"v{k}", self.look, with_name=with_name)
        tooltip = labels.tooltip(self.parts[k], f"v{k}", self.look)
        self._node(f"v{k}", line, at, id=f"v{k}", tooltip=tooltip, **more)

    def _text(self, text: str, x: float, y: float) -> None:
        """Write a line of text whose left end is at x."""
        width = 5.1 * len(text)
        cell = f'<td width="{width}" align="left">{labels.escaped(text)}</td>'
        table = f'<<table border="0" cellborder="0" cellpadding="0"><tr>{cell}</tr></table>>'
        self._node(text, table, (x + width / 2, y), fontsize="11", fontcolor=self.look.name)

    # ------------------------------------------------------------ wires

    def _wired(self, wires: list[_Wire], place: Columns, items: dict[Any, Item]) -> None:
        """Draw the wires, and the numbers on them where there is room for all."""
        largest = self._largest(wires)
        ways = {wire: self._way(wire, place, items) for wire in wires}
        for wire, way in ways.items():
            form = self._form(wire, largest)
            names = [f"{wire.id}.{k}" for k in range(len(way) - 2)]
            for name, at in zip(names, way[1:-1], strict=True):
                self._node(name, "", at, shape="point", width="0", style="invis")
            neuron = self.neurons.get(wire.item)
            target = f"o{neuron.gates[0] if neuron else wire.item}:w"
            ends = [f"v{wire.source}:e", *names, target]
            for before, after in pairwise(ends):
                form["tailclip"] = form["headclip"] = str(len(way) == 2).lower()
                head = {} if after == target else {"arrowhead": "none"}
                self.graph.edge(before, after, id=wire.id, **{**form, **head})
        weighted = [wire for wire in wires if wire.weight is not None]
        width = self._widest(wire.weight or 0 for wire in weighted)
        layers = defaultdict(list)
        for wire in weighted:
            if len(ways[wire]) == 2 or self.complete:
                layers[ways[wire][0][0]].append(wire)
        for layer in layers.values():
            points = _room([ways[wire] for wire in layer], width, self.height)
            for wire, at in zip(layer, points, strict=False):
                self._line(wire.weight or 0, at, with_name=False)
            for wire in layer if self.complete and not points else []:
                self._crowded(wire.weight or 0, ways[wire])

    def _crowded(self, k: int, way: list[Point]) -> None:
        """Write the number on a wire where there is no room for all, if a step is about it.

        In a page, which has all steps, its class tells when it is seen.
        """
        lit = f"v{k}" in self.look.lit
        if lit or not (self.look.lit or self.look.hidden):
            (left, above), (right, below) = way[0], way[-1]
            at = (0.7 * left + 0.3 * right, 0.7 * above + 0.3 * below)
            self._line(k, at, with_name=False, **({} if lit else {"class": "crowded"}))

    def _way(self, wire: _Wire, place: Columns, items: dict[Any, Item]) -> list[Point]:
        source, target = wire.source, wire.item
        start = place.left[source] + items[source].width, place.middle[source]
        end = place.left[target], place.middle[target]
        return [start, *place.between.get((source, target), []), end]

    def _largest(self, wires: list[_Wire]) -> float:
        weights = (self.parts[w.weight].data for w in wires if w.weight is not None)
        return max((abs(x or 0.0) for x in weights), default=0.0)

    def _form(self, wire: _Wire, largest: float) -> dict[str, str]:
        """How a wire looks: the size and the sign of its weight, which it names under a mouse."""
        if wire.weight is None:
            return {"penwidth": "2.6"} if self.parts[wire.source].carried > 1 else {}
        part = self.parts[wire.weight]
        x = part.data or 0.0
        width = THIN + (THICK - THIN) * (abs(x) / largest if largest else 0.0)
        return {
            "class": "negative" if x < 0 else "positive",
            "penwidth": f"{width:.2f}",
            "color": self._color(x),
            "style": "dashed" if x < 0 else "solid",
            "arrowhead": "none",
            "tooltip": labels.tooltip(part, f"v{wire.weight}", self.look),
        }

    def _color(self, x: float) -> str:
        color, behind = heatmap.color(-1.0 if x < 0 else 1.0, 1.0), self.look.background
        return color if behind == "transparent" else legible(color, behind)

    def _legend(self, wires: list[_Wire]) -> str:
        largest = self._number(self._largest(wires))
        return (
            "Wires: orange for positive weights, blue and dashed for negative ones; "
            f"the thickest is {largest} or −{largest}."
        )


def _thinned(items: dict[Any, Item], depth: dict[Any, int]) -> dict[Any, Item]:
    """The items to draw: of a large layer the first and the last, and a text between them."""
    layers: dict[int, list[Any]] = defaultdict(list)
    for key, item in items.items():
        if item.turn is not None:
            layers[depth[key]].append(key)
    for layer in layers.values():
        layer.sort(key=lambda key: items[key].turn or 0)
    found: dict[Any, Item] = {}
    for key, item in items.items():
        layer = layers[depth[key]] if item.turn is not None else []
        left_out = layer[_FIRST:-_LAST] if len(layer) > _MOST else []
        if key not in left_out:
            inputs = [source for source in item.inputs if source in found]
            found[key] = item._replace(inputs=inputs)
        elif key == left_out[0]:
            text = f"… {len(left_out):,} of {len(layer):,} not drawn"
            found[text, depth[key]] = Item(5.5 * len(text), 30.0, item.inputs[:1], item.turn)
            depth[text, depth[key]] = depth[key]
    return found


def _room(ways: list[list[Point]], width: float, height: float) -> list[Point]:
    """Where numbers on the wires between two columns stand apart; nothing if they can't."""
    (left, _), *_, (right, _) = ways[0]
    begin, end = left + width / 2 + _EDGE, right - width / 2 - _EDGE
    best: list[Point] = []
    apart = 1.4 * height
    for step in range(_TRIES):
        x = begin + step / _TRIES * (end - begin)
        share = (x - left) / (right - left)
        points = [(x, a + share * (b - a)) for (_, a), *_, (_, b) in ways]
        ys = sorted(y for _, y in points)
        least = min((low - high for high, low in pairwise(ys)), default=math.inf)
        if least > apart:
            best, apart = points, least
    return best


def _gate_width(part: Part) -> float:
    count = len(part.gate or "")
    return 40.0 if count <= 4 else 7.0 * count + 14.0


def _label_width(part: Part) -> float:
    return 9.0 * len(part.label) + 6.0 if part.label else 0.0


def _pos(at: Point) -> str:
    return f"{at[0]:.1f},{-at[1]:.1f}"
