"""The adjoint: a program's derivatives, from the last group to the first, by the table's rules."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.arrays import same, some
from micrograd_plus.compiler.codegen.backends import View
from micrograd_plus.compiler.codegen.code import Code, Functions, code
from micrograd_plus.compiler.codegen.forward import Forward
from micrograd_plus.compiler.schedule import SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


class Adjoint(Forward):
    """Writes the lines that compute the mean of the first output and its gradient.

    Args:
        outputs: what the program returns.
        differentiable: whether there is to be a gradient.
        given: as for `Arrays`.
    """

    def __init__(self, outputs: Sequence[Expression], differentiable: bool, *given: Any) -> None:
        super().__init__(*given)
        self.outputs = outputs
        self.backward: list[str] = []
        # written twice: once to learn how often each array is added to
        self._counts: Counter[Any] = Counter()
        self._added: Counter[Any] = Counter()
        for _ in range(2 if differentiable else 0):
            self._counts, self._added = self._added, Counter()
            self.backward = self._adjoint()
        self._counts, self._added = Counter(), Counter()  # they had an entry for each parameter

    def _adjoint(self) -> list[str]:
        """The lines after the forward program that compute value and gradients."""
        self._lines: list[str] = []
        self._begun: set[str] = set()
        self._temporary = 0
        out = self.outputs[0]
        text, library = self._read([out]), self.library
        # not cleared first if a number is put in each place anyway
        filled = all(self._counts[place] == 1 for place in range(self.sizes["p"]))
        self._lines += [
            f"value = ({text} @ s)[0]" if out.batched else f"value = {text}[0] * s.sum()",
            f"dp = {library}.{'empty' if filled else 'zeros'}_like(p)",
        ]
        self._begun.add("p")
        self._give([out], "s[None]" if out.batched else "s.sum(keepdims=True)", out.batched)
        for group in reversed(self.groups):
            if self.needs[group.name] and group.name in self._begun:
                getattr(self, f"_{group.kind}_adjoint")(group)
        results = ["value", "dp"]
        for name in self.inputs:
            if self.needs[name]:
                if name not in self._begun:
                    self._lines.append(f"d{name} = {library}.zeros_like({name})")
                results.append(f"d{name}")
        if len(self.outputs) > 1:
            results.append(self.whole(self.outputs[1:]))
        self._lines.append(f"return {', '.join(results)}")
        return self._lines

    def _give(self, members: Sequence[Expression], text: str, batched: bool) -> None:
        """Add an array of derivatives, a row for each member, to those that the members have."""
        runs = [(source, list(run)) for source, run in groupby(members, self._kind_of)]
        if not any(source != "constant" and self.needs[source] for source, _ in runs):
            return
        if len(runs) > 1:
            self._temporary += 1
            name = f"t{self._temporary}"
            self._lines.append(f"{name} = {text}")
            text = name
        start = 0
        for source, run in runs:
            part = f"{text}[{start}:{start + len(run)}]" if len(runs) > 1 else text
            start += len(run)
            if source == "constant" or not self.needs[source]:
                continue
            if batched and not run[0].batched:
                part = f"{Code(part, 6 if _simple(part) else 0).within(6)}.sum(axis=1)"
            self._add(source, self._places(run), part)

    def _add(self, source: str, places: Sequence[int], text: str) -> None:
        name = f"d{source}"
        if same(places) and len(places) > 1:
            places = places[:1]
            text = f"{Code(text, 6 if _simple(text) else 0).within(6)}.sum(axis=0, keepdims=True)"
        index = self._index(source, places)
        self._added[source] += 1
        if source == "p":
            self._added.update(places)
            if all(self._counts[place] == 1 for place in places):
                self._lines.append(self.backend.put(name, index, text))
                return
        if not index and source not in self._begun:
            # an array that is added to later must not be another one's, too
            view = text.isidentifier() or text.endswith("]")
            shared = self._counts[source] > 1 and view
            self._lines.append(f"{name} = {text}{'.copy()' if shared else ''}")
        else:
            if source not in self._begun:
                self._lines.append(f"{name} = {self.library}.zeros_like({source})")
            several = len(set(places)) < len(places)
            add = self.backend.add_at if several else self.backend.add
            self._lines.append(add(name, index, text))
        self._begun.add(source)

    def _matrix_adjoint(self, group: Group) -> None:
        first, d, rows = group.members[0], f"d{group.name}", self._rows[group.name]
        if first.bias is not None:
            self._give([some(e.bias) for e in group.members], d, group.batched)
            if self._lines[-1].startswith("dp"):
                self._lines[-1] += f"  # db{group.name[1:]}"
        if first.weights[0] is None:
            several = ".sum(axis=0, keepdims=True)" if len(group.members) > 1 else ""
            self._give(first.args, f"{d}{several}.repeat({len(first.args)}, axis=0)", group.batched)
            return
        weights = f"W{group.name[1:]}"
        self._give(first.args, f"{weights}.T @ {d}", group.batched)
        view, flat = self._weights[group.name]
        slope = f"{d} @ {rows}.T" if group.batched else f"{self.library}.outer({d}, {rows})"
        if view and self.needs["p"]:
            numbers = [w.number for w in flat]
            self._added.update(numbers)
            if len(set(numbers)) < len(numbers):
                line = self.backend.add_at("dp", view, slope)
            elif any(self._counts[number] > 1 for number in numbers):
                line = self.backend.add("dp", view, slope)
            elif group.batched and isinstance(view, View) and len(numbers) >= self.backend.large:
                line = self.backend.put_product("dp", view, d, f"{rows}.T")
            else:
                line = self.backend.put("dp", view, slope)
            self._lines.append(f"{line}  # d{weights}")
        elif not view:
            self._give(flat, f"({slope}).reshape(-1)", batched=False)

    def _stack_adjoint(self, group: Group) -> None:
        members, d = group.members, f"d{group.name}"
        count, weighted = len(members[0].args), members[0].weights[0] is not None
        if members[0].bias is not None:
            self._give([some(e.bias) for e in members], d, group.batched)
        if count <= SMALL:
            for k in range(count):
                rows = [e.args[k] for e in members]
                slope = Code(d) * self._weight(group, k) if weighted else Code(d)
                self._give(rows, slope.text, group.batched)
                if weighted:
                    weights = [some(e.weights[k]) for e in members]
                    row = self._operand(rows, group.batched)
                    self._give(weights, (Code(d) * row).text, group.batched)
            return
        wide = f"{d}[:, None]"  # (members, 1, examples) or (members, 1)
        rows_name = self._rows[group.name]
        size = len(members) * count
        shape = f"({size}, N)" if group.batched else f"({size},)"
        flat = [row for e in members for row in e.args]
        if weighted:
            weights_text = f"W{group.name[1:]}" + ("[:, :, None]" if group.batched else "")
            self._give(flat, f"({weights_text} * {wide}).reshape{shape}", group.batched)
            slope = f"({rows_name} * {wide})" + (".sum(axis=2)" if group.batched else "")
            flat_weights = [some(w) for e in members for w in e.weights]
            self._give(flat_weights, f"{slope}.reshape(-1)", batched=False)
        else:
            self._give(flat, f"{d}.repeat({count}, axis=0)", group.batched)

    def _operation_adjoint(self, group: Group) -> None:
        op, args, d = some(group.op), self._args(group), Code(f"d{group.name}")
        for i, rule in enumerate(op.partials):
            members = [e.args[i] for e in group.members]
            if not any(e.kind != "constant" and self.needs[self.array(e)] for e in members):
                continue
            slope = rule(_Slopes(self.functions), Code(group.name), *args)
            if isinstance(slope, Code) or slope not in (0.0, -1.0):
                self._give(members, code(d * slope).text, group.batched)
            elif slope:
                self._give(members, (-d).text, group.batched)

    def _reduction_adjoint(self, group: Group) -> None:
        rows, count = self._rows[group.name], len(group.members[0].args)
        op = some(group.op)
        if op.at_once:
            function = self.reductions.slopes(op, _Slopes(self.functions))
            slope = f"{function}({rows}, {group.name})"
        else:
            found = op.partials(self.functions, Code(group.name), *self._columns_of(group))
            alike = f"{self.library}.zeros_like({group.name})"  # a slope may be a number
            parts = ", ".join(f"{alike} + {code(part).within(3)}" for part in found)
            slope = f"{self.library}.stack([{parts}], axis=1)"
        size = len(group.members) * count
        shape = f"({size}, N)" if group.batched else f"({size},)"
        flat = [row for e in group.members for row in e.args]
        self._give(flat, f"({slope} * d{group.name}[:, None]).reshape{shape}", group.batched)


class _Slopes:
    """The functions for derivatives, where steps are comparisons: they are only multiplied by."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    def step(self, x: Any) -> Any:
        return Code(f"({code(x).text} > 0)")

    def greater(self, x: Any, y: Any) -> Any:
        return Code(f"({(code(x) > y).text})")


def _simple(text: str) -> bool:
    return text.isidentifier() or (text.endswith((")", "]")) and " " not in text)
