"""A compiled program as a picture: its gates are whole layers, its wires carry arrays.

Above each wire stands the array, below it the gradient as a formula of matrices in the notation of
the lecture: ∂Z₁ is the derivative of the mean E with respect to Z₁, and · multiplies elementwise.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.text import shorten
from micrograd_plus.drawing.look import ACCESSIBLE, GATE, INK, TEXT, Look
from micrograd_plus.walk.formula import (
    Name,
    Term,
    formulas,
    gate,
    replaced,
    text_name,
    text_number,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.compiler.schedule import Group

_LONGEST = 44


def program_as_dot(program: Program, background: str = "white", look: Look = ACCESSIBLE) -> str:
    """The DOT source of the picture of a program.

    Args:
        program: the program, as `compile` returns it.
        background: the colour behind it.
        look: the colours of values and gradients.
    """
    from graphviz import Digraph  # loaded only for drawing

    graph = Digraph(
        graph_attr={"rankdir": "LR", "ranksep": "0.2", "bgcolor": background, "pad": "0.08"},
        node_attr={"fontname": "Helvetica", "fontsize": "12", "color": INK, "fontcolor": TEXT},
        edge_attr={"color": INK, "arrowsize": "0.55"},
    )
    layers = _Layers(program)
    slopes: dict[str, list[str]] = {}
    if program.result:
        slopes[program.result] = ["∂E / N"]
        for group in program.groups:
            for name, slope in layers.slopes(group):
                slopes.setdefault(name, []).append(slope)
    for name, size in program.arguments.items():
        _wire(graph, name, f"({size}, N)", slopes.get(name, []), look)
    for group in program.groups:
        shape = f"({len(group.members)}, N)" if group.batched else f"({len(group.members)})"
        _wire(graph, group.name, shape, slopes.get(group.name, []), look)
        _chain(graph, group.name, layers.gates(group), look)
    if program.result:
        graph.node("E", _plate("<b>E</b>", "∂E = 1", look), shape="plain")
        _chain(graph, "E", [("mean", "", [program.result])], look)
    text: str = graph.source
    return text


class _Layers:
    """The texts in the gates and below the wires."""

    def __init__(self, program: Program) -> None:
        self.array = program.array
        everything = chain.from_iterable(group.members for group in program.groups)
        read = (part for e in everything for part in e.parts if part.kind == "parameter")
        self.uses = Counter(map(id, read))

    def gates(self, group: Group) -> list[tuple[str, str, list[str]]]:
        """The boxes before an array: texts, gradients of parameters, and what enters them."""
        if group.op is not None and group.kind == "operation":
            names = dict.fromkeys(chain.from_iterable(group.reads))
            return [(gate(group.op, _arguments(group)), "", list(names))]
        rows, weights, biases = group.reads
        if group.op is not None:
            return [(group.op.symbol, "", rows)]
        upstream, number = f"∂{_symbol(group.name)}", _lowered(group.name[1:])
        first = group.members[0]
        gates: list[tuple[str, str, list[str]]] = []
        if "p" in weights:
            transposed = " ".join(f"{_symbol(name)}ᵀ" for name in rows)
            slope = f"∂W{number} {self.equals(first.weights[0])} {upstream} {transposed}"
            gates.append((f"W{number} ·", slope, rows))
        elif len(first.args) > 1 or weights:
            difference = len(first.args) == 2 and [-1.0] in self.signs(group).values()
            gates.append(("−" if difference else "Σ", "", rows + weights))
        elif first.weights[0] is not None:
            gates.append((f"×{text_number(first.weights[0].number)}", "", rows))
        before = [] if gates else rows
        if "p" in biases:
            slope = f"∂b{number} {self.equals(first.bias)} Σ {upstream}"
            gates.append((f"+ b{number}", slope, before))
        elif biases:
            gates.append(("+", "", before + biases))
        elif first.bias is not None:
            gates.append((f"+ {text_number(first.bias.number)}", "", before))
        return gates

    def slopes(self, group: Group) -> Iterator[tuple[str, str]]:
        """The gradients that an instruction contributes to the arrays that it reads."""
        upstream = f"∂{_symbol(group.name)}"
        if group.op is not None and group.kind == "operation":
            names = _arguments(group)
            out, wanted = Name(_label(group.name)), [type(name) is not float for name in names]
            rules = group.op.local_derivatives(formulas, out, names, wanted)
            args = group.members[0].args
            for reads, rule, arg in zip(group.reads, rules, args, strict=True):
                for name in reads:
                    text = write(replaced(rule, Term(group.op, names), out))
                    slope = f"{upstream} · ({text})" if " " in text else f"{upstream} · {text}"
                    slope = {"1": upstream, "−1": f"−{upstream}"}.get(text, slope)
                    yield name, self.summed(group, arg) + slope
            return
        rows, weights, biases = group.reads
        for name in rows:
            if group.op is not None:
                yield name, f"{upstream} · {group.op.gradient}({', '.join(map(_symbol, rows))})"
            elif "p" in weights:
                yield name, f"W{_lowered(group.name[1:])}ᵀ {upstream}"
            else:
                sign = {(1.0,): "", (-1.0,): "−"}.get(tuple(self.signs(group)[name]), "C · ")
                several = group.kind == "matrix" and len(group.members) > 1
                yield name, f"{sign}{'1ᵀ ' * several}{upstream}"
        for name in biases:
            yield name, self.summed(group, group.members[0].bias) + upstream

    def signs(self, group: Group) -> dict[str, list[Any]]:
        """The constants that the rows of each array are multiplied by in a sum."""
        found: dict[str, list[Any]] = {}
        for e in group.members:
            for row, weight in zip(e.args, e.weights, strict=True):
                number = 1.0 if weight is None else weight.number
                if row.kind != "constant" and number not in found.setdefault(self.array(row), []):
                    found[self.array(row)].append(number)
        return found

    def summed(self, group: Group, read: Any) -> str:
        """The sum over examples before the gradient of something that all examples share."""
        return "Σ " if group.batched and not read.batched else ""

    def equals(self, parameter: Any) -> str:
        """The sign between a gradient and its formula: += if there are several contributions."""
        return "=" if self.uses[id(parameter)] == 1 else "+="


def _arguments(group: Group) -> tuple[Any, ...]:
    """The arguments of an operation: names of arrays, and numbers."""
    first = group.members[0]
    return tuple(
        Name(_label(reads[0])) if reads else float(first.args[i].number)
        for i, reads in enumerate(group.reads)
    )


def _label(name: str) -> str:
    """An array's name as the lecture writes it: Z_1 for z1, X for x."""
    letters = name.rstrip("0123456789")
    number = name[len(letters) :]
    large = letters.upper() if len(letters) == 1 and letters != "p" else letters
    return f"{large}_{number}" if number else large


def _symbol(name: str) -> str:
    return text_name(_label(name))


def _lowered(number: str) -> str:
    return text_name(f"W_{number}")[1:]


def _wire(graph: Any, name: str, shape: str, slopes: list[str], look: Look) -> None:
    below = f"∂{_symbol(name)} = {' + '.join(slopes)}" if slopes else ""
    plate = _plate(f"<b>{escape(_symbol(name))}</b> {shape}", shorten(below, _LONGEST), look)
    graph.node(name, plate, shape="plain")


def _plate(above: str, below: str, look: Look) -> str:
    """A table of two rows whose rule between them is the wire."""
    rows = "".join(
        f'<tr><td valign="{side}"><font color="{colour}">{text}</font></td></tr>'
        for side, colour, text in (
            ("bottom", look.forward, above),
            ("top", look.gradient, escape(below) or " "),
        )
    )
    return f'<<table border="0" cellborder="0" rows="*" color="{INK}">{rows}</table>>'


def _chain(graph: Any, name: str, gates: list[tuple[str, str, list[str]]], look: Look) -> None:
    """The boxes that lead to an array, and the wires that enter them."""
    places = [f"{name} {i}" for i, _ in enumerate(gates)]
    for place, (text, slope, entering) in zip(places, gates, strict=True):
        below = f'<br/><font color="{look.gradient}">{escape(slope)}</font>' if slope else ""
        label = f"<<b>{escape(text)}</b>{below}>"
        graph.node(place, label, shape="box", style="rounded,filled", fillcolor=GATE)
        for other in entering:
            if other == "p":  # each use has a box of its own, or wires would cross the picture
                other = f"p {place}"
                graph.node(other, "<<i>p</i>>", shape="plain")
            graph.edge(f"{other}:e", place)
    for before, after in zip(places, [*places[1:], f"{name}:w"], strict=True):
        graph.edge(before, after)
