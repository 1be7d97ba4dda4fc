"""A compiled program as a picture: its gates are whole layers, its wires carry arrays.

Above each wire stands the array, below it the gradient as a formula of matrices in the notation of
the lecture: ∂Z₁ is the derivative of the mean E with respect to Z₁, and · multiplies elementwise.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.names import text_name
from micrograd_plus._tools.numbers import text_number
from micrograd_plus._tools.text import shorten
from micrograd_plus.compiler.codegen.naming import of_sum
from micrograd_plus.drawing.look import ACCESSIBLE, Look
from micrograd_plus.walk.formula import (
    Name,
    Term,
    formulas,
    gate,
    replaced,
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

    look = look.on(background)
    graph = Digraph(
        graph_attr={"rankdir": "LR", "ranksep": "0.2", "bgcolor": look.background, "pad": "0.08"},
        node_attr={
            "fontname": "Helvetica",
            "fontsize": "12",
            "color": look.ink,
            "fontcolor": look.text,
        },
        edge_attr={"color": look.ink, "arrowsize": "0.55"},
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
        _wire(graph, group.array, shape, slopes.get(group.array, []), look)
        _chain(graph, group.array, layers.gates(group), look)
    if program.result:
        graph.node("E", _plate("<b>E</b>", "∂E = 1", look), shape="plain")
        _chain(graph, "E", [("mean", "", [program.result])], look)
    text: str = graph.source
    return text


class _Layers:
    """The texts in the gates and below the wires."""

    def __init__(self, program: Program) -> None:
        everything = chain.from_iterable(group.members for group in program.groups)
        read = (part for e in everything for part in e.parts if part.array == "p")
        self.uses = Counter(map(id, read))

    def gates(self, group: Group) -> list[tuple[str, str, list[str]]]:
        """The boxes before an array: texts, gradients of parameters, and what enters them."""
        reads, first = _reads(group), group.first
        if first.op is not None and first.kind == "operation":
            entering = [*dict.fromkeys(chain.from_iterable(reads))]
            return [(gate(first.op, _arguments(group)), "", entering)]
        if first.op is not None:
            return [(first.op.symbol, "", reads[0])]
        upstream = f"∂{_symbol(group.array)}"
        weights, biases = (_part_of_sum(letter, group) for letter in "Wb")
        gates: list[tuple[str, str, list[str]]] = []
        if first.many == 2 and reads[0] == ["p"]:
            transposed = " ".join(f"{_symbol(name)}ᵀ" for name in reads[1])
            slope = f"∂{weights} {self.equals(first.slots[0][0])} {upstream} {transposed}"
            gates.append((f"{weights} ·", slope, reads[1]))
        elif first.many:
            gates.append(("Σ ·" if first.many == 2 else "Σ", "", [*chain(*reads[: first.many])]))
        terms = [(c, names, slot) for c, names, slot in self.terms(group) if not _bias(names)]
        if terms:
            signs = tuple(c for c, _, _ in terms)
            symbol = "+" if gates else f"×{text_number(signs[0])}"
            if signs in ((1.0, -1.0), (-1.0, 1.0)) or (gates and signs == (-1.0,)):
                symbol = "−"
            elif len(signs) > 1:
                symbol = "Σ"
            gates.append((symbol, "", [*chain.from_iterable(names for _, names, _ in terms)]))
        for _, names, slot in self.terms(group):
            if _bias(names):
                slope = f"∂{biases} {self.equals(slot[0])} Σ {upstream}"
                gates.append((f"+ {biases}", slope, [] if gates else names))
        if first.number:
            gates.append((f"+ {text_number(first.number)}", "", []))
        return gates

    def terms(self, group: Group) -> Iterator[tuple[float, list[str], Any]]:
        """The constant factor of each further term of a sum, its arrays, and what it reads."""
        first = group.first
        factors = first.coefficients[bool(first.many) :]
        return zip(factors, _reads(group)[first.many :], first.slots[first.many :], strict=True)

    def slopes(self, group: Group) -> Iterator[tuple[str, str]]:
        """The gradients that an instruction contributes to the arrays that it reads."""
        upstream, reads, first = f"∂{_symbol(group.array)}", _reads(group), group.first
        if first.op is not None and first.kind == "operation":
            arguments = _arguments(group)
            out, wanted = Name(_label(group.array)), [type(x) is not float for x in arguments]
            rules = first.op.local_derivatives(formulas, out, arguments, wanted)
            for names, rule, slot in zip(reads, rules, first.slots, strict=True):
                for name in names:
                    text = write(replaced(rule, Term(first.op, arguments), out))
                    slope = f"{upstream} · ({text})" if " " in text else f"{upstream} · {text}"
                    slope = {"1": upstream, "−1": f"−{upstream}"}.get(text, slope)
                    yield name, self.summed(group, slot) + slope
            return
        if first.op is not None:
            for name in reads[0]:
                rows = ", ".join(map(_symbol, reads[0]))
                yield name, f"{upstream} · {first.op.gradient}({rows})"
            return
        sign = _sign(first.coefficients[0]) if first.coefficients else ""
        if first.many == 2 and reads[0] == ["p"]:
            for name in reads[1]:
                yield name, f"{_part_of_sum('W', group)}ᵀ {upstream}"
        elif first.many == 2:
            for names, others in (reads[:2], reads[1::-1]):
                for name in names:
                    product = " ".join(f"· {_symbol(other)}" for other in others)
                    yield name, f"{sign}{upstream} {product}"
        elif first.many:
            several = len(group.members) > 1
            for name in reads[0]:
                yield name, f"{sign}{'1ᵀ ' * several}{upstream}"
        seen: dict[tuple[str, float], int] = {}
        for factor, names, slot in self.terms(group):
            for name in names:  # other rows of an array that was named have the same formula
                if seen.setdefault((name, factor), slot[0].row) == slot[0].row:
                    yield name, _sign(factor) + self.summed(group, slot) + upstream

    def summed(self, group: Group, slot: Any) -> str:
        """The sum over examples before the gradient of something that all examples share."""
        return "Σ " if group.batched and not slot[0].batched else ""

    def equals(self, parameter: Any) -> str:
        """The sign between a gradient and its formula: += if there are several contributions."""
        return "=" if self.uses[id(parameter)] == 1 else "+="


def _reads(group: Group) -> list[list[str]]:
    """The names of the arrays that each slot reads; constants have none."""
    slots = zip(*(e.slots for e in group.members), strict=True)
    return [[*dict.fromkeys(e.array for part in slot for e in part if e.array)] for slot in slots]


def _bias(names: list[str]) -> bool:
    return names == ["p"]


def _sign(factor: float) -> str:
    return {1.0: "", -1.0: "−"}.get(factor, f"{text_number(factor)} · ")


def _arguments(group: Group) -> tuple[Any, ...]:
    """The arguments of an operation: names of arrays, and numbers."""
    return tuple(
        Name(_label(names[0])) if names else float(slot[0].number)
        for names, slot in zip(_reads(group), group.first.slots, strict=True)
    )


def _label(name: str) -> str:
    """An array's name as the lecture writes it: Z_1 for z1, X for x."""
    letters = name.rstrip("0123456789")
    number = name[len(letters) :]
    large = letters.upper() if len(letters) == 1 and letters != "p" else letters
    return f"{large}_{number}" if number else large


def _part_of_sum(letter: str, group: Group) -> str:
    """The symbol of the weights or biases of a sum: W₁ for those of Z₁."""
    number = of_sum(letter, group.array)[1:].removeprefix("_")
    return text_name(f"{letter}_{number}")


def _symbol(name: str) -> str:
    return text_name(_label(name))


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
    return f'<<table border="0" cellborder="0" rows="*" color="{look.ink}">{rows}</table>>'


def _chain(graph: Any, name: str, gates: list[tuple[str, str, list[str]]], look: Look) -> None:
    """The boxes that lead to an array, and the wires that enter them."""
    places = [f"{name} {i}" for i, _ in enumerate(gates)]
    for place, (text, slope, entering) in zip(places, gates, strict=True):
        below = f'<br/><font color="{look.gradient}">{escape(slope)}</font>' if slope else ""
        label = f"<<b>{escape(text)}</b>{below}>"
        graph.node(place, label, shape="box", style="rounded,filled", fillcolor=look.gate)
        for other in entering:
            if other == "p":  # each use has a box of its own, or wires would cross the picture
                other = f"p {place}"
                graph.node(other, "<<i>p</i>>", shape="plain")
            graph.edge(f"{other}:e", place)
    for before, after in zip(places, [*places[1:], f"{name}:w"], strict=True):
        graph.edge(before, after)
