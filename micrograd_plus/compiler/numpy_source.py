"""A schedule as NumPy code: the forward program, and its adjoint by the table's own derivatives.

Arrays have a row for each member and, if they are batched, a column for each example. `p` is the
vector of parameters; `x`, or `x1`, `x2`, … are the inputs, an array of (inputs, examples) each.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.code import Code, Functions, code
from micrograd_plus.compiler.schedule import SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.expressions import Expression
    from micrograd_plus.compiler.schedule import Group

_LIKE_MATH = """cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 maximum minimum
    sin sinh sqrt tan tanh trunc where"""
PRIMITIVES = {name: f"np.{name}" for name in _LIKE_MATH.split()} | {
    "abs": "np.abs",
    "acos": "np.arccos",
    "acosh": "np.arccosh",
    "asin": "np.arcsin",
    "asinh": "np.arcsinh",
    "atan": "np.arctan",
    "atan2": "np.arctan2",
    "atanh": "np.arctanh",
    "erf": "np.vectorize(math.erf, otypes=[float])",
    "erfc": "np.vectorize(math.erfc, otypes=[float])",
    "round": "np.rint",
}
_INLINE = ("add", "subtract", "multiply", "divide", "negate", "reciprocal", "power")

_REDUCTIONS = {
    "max": ("largest(X)", "chosen(X, out)"),
    "min": ("smallest(X)", "chosen(X, out)"),
    "logsumexp": ("logsumexp(X)", "softmax(X)"),
}
_HELPERS = """
def largest(X): return X.max(axis=1)
def smallest(X): return X.min(axis=1)
def chosen(X, out):
    ties = X == np.expand_dims(out, 1)
    return ties / ties.sum(axis=1, keepdims=True)
def logsumexp(X):
    top = X.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(X - top).sum(axis=1))
def softmax(X):
    weights = np.exp(X - X.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
"""


class Source:
    """Writes the program of a schedule.

    Args:
        groups: in the order of computation.
        outputs: what the program returns; the first is what is differentiated.
        inputs: how many numbers each argument has.
        parameters: how many numbers `p` has.
        wanted: how many of them, from the first, get derivatives.
        input_gradients: whether inputs get derivatives, too.
        differentiable: whether there is to be a gradient, that of the first output.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        outputs: Sequence[Expression],
        inputs: Sequence[int],
        parameters: int,
        wanted: int,
        input_gradients: bool = False,
        differentiable: bool = True,
    ) -> None:
        self.functions = Functions()
        self.constants: dict[str, Any] = {}
        self.inputs = [f"x{i}" for i in range(1, len(inputs) + 1)] if len(inputs) > 1 else ["x"]
        self.sizes = {"p": parameters, **dict(zip(self.inputs, inputs, strict=False))}
        self.needs = {"p": wanted > 0, **dict.fromkeys(self.inputs, input_gradients)}
        self._argument: list[tuple[str, int]] = [
            (name, i) for name, n in zip(self.inputs, inputs, strict=False) for i in range(n)
        ]
        self.groups = groups
        self.outputs = outputs
        self.reductions = False
        self._name_groups()
        self._weights: dict[str, tuple[str, Any]] = {}
        self._rows: dict[str, str] = {}
        self._forward: list[str] = []
        for group in groups:
            getattr(self, f"_{group.kind}")(group)
        self._result = self._whole(outputs)
        self._backward: list[str] = []
        # written twice: once to learn how often each array is added to
        self._added: Counter[Any] = Counter()
        for _ in range(2 if differentiable else 0):
            counts, self._added = self._added, Counter()
            self._backward = self._adjoint(counts)

    # ------------------------------------------------------------------ what is written

    def module(self) -> str:
        """The program as the text of a Python module; constants come as `constants`."""
        lines = ["import math", "", "import numpy as np", ""]
        lines += self.functions.definitions(PRIMITIVES)
        if self.reductions:
            lines.append(_HELPERS.strip())
        lines += ["", *self.constant_lines(), "", "", *self.forward_lines(), ""]
        if self._backward:
            lines += ["", *self.gradient_lines(), ""]
        return "\n".join(lines)

    def constant_lines(self) -> list[str]:
        return [f"{name} = np.array({value!r})" for name, value in self.constants.items()]

    def forward_lines(self) -> list[str]:
        """The function that computes the outputs."""
        body = [*self._forward, f"return {self._result}"]
        return [f"def forward({self._given()}):", *_indented(self._start() + body)]

    def gradient_lines(self) -> list[str]:
        """The function that computes the mean of the output and its gradient."""
        body = [*self._forward, *self._backward]
        return [f"def value_and_grad({self._given()}):", *_indented(self._start() + body)]

    def _given(self) -> str:
        return ", ".join(["p", *self.inputs])

    def _start(self) -> list[str]:
        return [f"N = {self.inputs[0]}.shape[1]"]

    # -------------------------------------------------------------------------- names

    def _name_groups(self) -> None:
        sums = others = 0
        for group in self.groups:
            if group.kind in ("matrix", "stack"):
                sums += 1
                group.name = f"z{sums}"
            else:
                others += 1
                group.name = f"a{others}"
            self.sizes[group.name] = len(group.members)
            self.needs[group.name] = any(
                self.needs[self._source(part)]
                for member in group.members
                for part in _parts(member)
                if part.kind != "constant"
            )

    def _source(self, e: Expression) -> str:
        name: str
        if e.kind == "input":
            name, _ = self._argument[e.number]
        else:
            name = "p" if e.kind == "parameter" else e.group.name
        return name

    def _places(self, members: Sequence[Expression]) -> list[int]:
        if members[0].kind == "input":
            return [self._argument[e.number][1] for e in members]
        return [e.number if e.kind == "parameter" else e.place for e in members]

    def _constant(self, value: Any, prefix: str = "c") -> str:
        for name, known in self.constants.items():
            if known == value and name[0] == prefix:
                return name
        name = f"{prefix}{len(self.constants) + 1}"
        self.constants[name] = value
        return name

    # ------------------------------------------------------------------ reading arrays

    def _read(self, members: Sequence[Expression], batched: bool | None = None) -> str:
        """The rows of some expressions as one array, batched if asked for or if any of them is."""
        batched = any(e.batched for e in members) if batched is None else batched
        runs = [(source, list(run)) for source, run in groupby(members, self._kind_of)]
        if len(runs) == 1:
            return self._piece(runs[0][0], runs[0][1])
        if len(runs) > 6:  # all of the arrays, and then the rows that are wanted
            names = list(dict.fromkeys(source for source, _ in runs))
            runs_of = {name: [e for e in members if self._kind_of(e) == name] for name in names}
            place, start = {}, 0
            for name in names:
                for i, e in enumerate(runs_of[name]):
                    place[id(e), name] = start + i
                start += len(runs_of[name])
            index = [place[id(e), self._kind_of(e)] for e in members]
            whole = self._joined([(n, runs_of[n]) for n in names], batched)
            return f"{whole}[{self._constant(index, 'i')}]"
        return self._joined(runs, batched)

    def _joined(self, runs: list[tuple[str, list[Expression]]], batched: bool) -> str:
        pieces = []
        for source, run in runs:
            piece = self._piece(source, run)
            if batched and not run[0].batched:
                piece = f"np.broadcast_to({piece}[:, None], ({len(run)}, N))"
            pieces.append(piece)
        return f"np.concatenate(({', '.join(pieces)}))"

    def _kind_of(self, e: Expression) -> str:
        return "constant" if e.kind == "constant" else self._source(e)

    def _piece(self, source: str, members: Sequence[Expression]) -> str:
        if source == "constant":
            return self._constant([e.number for e in members])
        return source + self._index(source, self._places(members))

    def _index(self, source: str, places: Sequence[int]) -> str:
        """The subscript that takes rows at some places."""
        first, last, n = places[0], places[-1], len(places)
        step = places[1] - first if n > 1 else 1
        if step > 0 and all(b - a == step for a, b in pairwise(places)):
            if step == 1:
                return "" if n == self.sizes[source] else f"[{first}:{last + 1}]"
            return f"[{first}:{last + 1}:{step}]"
        return f"[{self._constant(list(places), 'i')}]"

    def _operand(self, members: Sequence[Expression], batched: bool) -> Any:
        """An argument of an operation: a number, or code whose rows belong to the members."""
        same = all(e is members[0] for e in members)
        if same and members[0].kind == "constant":
            return members[0].number
        text = self._read(members[:1] if same else members)
        if batched and not any(e.batched for e in members):
            text += "[:, None]"
        return Code(text)

    def _whole(self, members: Sequence[Expression]) -> str:
        """The outputs, batched in any case."""
        text = self._read(members, batched=True)
        if any(e.batched for e in members):
            return text
        return f"np.broadcast_to({text}[:, None], ({len(members)}, N))"

    # ------------------------------------------------------------------------- forward

    def _let(self, group: Group, text: str) -> None:
        shape = f"({len(group.members)}, N)" if group.batched else f"({len(group.members)},)"
        self._forward.append(f"{group.name} = {text}  # {shape}")

    def _matrix(self, group: Group) -> None:
        rows, first = group.members[0].args, group.members[0]
        text = self._read(rows)
        if not text.isidentifier():
            self._forward.append(f"r{group.name[1:]} = {text}")
            text = f"r{group.name[1:]}"
        self._rows[group.name] = text
        if first.weights[0] is None:
            total = f"{text}.sum(axis=0, keepdims=True)"
        else:
            name = f"W{group.name[1:]}"
            self._forward.append(f"{name} = {self._matrix_of(group)}")
            total = f"{name} @ {text}"
        if first.bias is not None:
            total += f" + {self._bias(group)}"
        self._let(group, total)

    def _bias(self, group: Group) -> str:
        biases = [e.bias for e in group.members if e.bias is not None]
        text = self._read(biases)
        if not text.isidentifier():
            self._forward.append(f"b{group.name[1:]} = {text}")
            text = f"b{group.name[1:]}"
        return f"{text}[:, None]" if group.batched else text

    def _matrix_of(self, group: Group) -> str:
        """The weights of a matrix group: a view of `p` where they lie regularly."""
        weights = [[w for w in e.weights if w is not None] for e in group.members]
        m, k = len(weights), len(weights[0])
        flat = [w for row in weights for w in row]
        if all(w.kind == "parameter" for w in flat):
            view = _view([[w.number for w in row] for row in weights], self.sizes["p"])
            if view is None:
                index = self._constant([[w.number for w in row] for row in weights], "i")
                view = f"[{index}]"
            self._weights[group.name] = (view, flat)
            return f"p{view}"
        self._weights[group.name] = ("", flat)
        return f"{self._read(flat)}.reshape({m}, {k})"

    def _stack(self, group: Group) -> None:
        count = len(group.members[0].args)
        weighted = group.members[0].weights[0] is not None
        if count <= SMALL:
            total: Any = 0
            for k in range(count):
                row = self._operand([e.args[k] for e in group.members], group.batched)
                weight = self._weight(group, k) if weighted else 1.0
                if not isinstance(weight, Code) and weight == -1:
                    total = -row if k == 0 else total - row
                else:
                    total = total + weight * row
            text = code(total).text
        else:
            rows = self._cube(group, [row for e in group.members for row in e.args], count)
            if weighted:
                weights = [w for e in group.members for w in e.weights if w is not None]
                table = f"{self._read(weights)}.reshape({len(group.members)}, {count})"
                self._forward.append(f"W{group.name[1:]} = {table}")
                table = f"W{group.name[1:]}" + ("[:, :, None]" if group.batched else "")
                rows = f"({table} * {rows})"
            text = f"{rows}.sum(axis=1)"
        if group.members[0].bias is not None:
            text += f" + {self._bias(group)}"
        self._let(group, text)

    def _weight(self, group: Group, k: int) -> Any:
        return self._operand([_some(e.weights[k]) for e in group.members], group.batched)

    def _cube(self, group: Group, rows: Sequence[Expression], count: int) -> str:
        """The rows of all members as an array of (members, rows of each, examples)."""
        shape = f"{len(group.members)}, {count}" + (", N" if group.batched else "")
        name = f"r{group.name}"
        self._forward.append(f"{name} = {self._read(rows, group.batched)}.reshape({shape})")
        self._rows[group.name] = name
        return name

    def _args(self, group: Group) -> list[Any]:
        arity = len(group.members[0].args)
        return [
            self._operand([e.args[i] for e in group.members], group.batched) for i in range(arity)
        ]

    def _operation(self, group: Group) -> None:
        op = _some(group.op)
        rule = op.value if op.name in _INLINE else None
        args = self._args(group)
        value = rule(self.functions, *args) if rule else getattr(self.functions, op.name)(*args)
        self._let(group, code(value).text)

    def _reduction(self, group: Group) -> None:
        count = len(group.members[0].args)
        rows = self._cube(group, [row for e in group.members for row in e.args], count)
        op = _some(group.op)
        if op.name in _REDUCTIONS:
            self.reductions = True
            self._let(group, _REDUCTIONS[op.name][0].replace("X", rows))
        else:
            value = op.value(self.functions, *self._columns_of(group))
            self._let(group, code(value).text)

    def _columns_of(self, group: Group) -> list[Code]:
        """The arguments of a reduction one by one, for rules that know of no arrays."""
        rows = self._rows[group.name]
        return [Code(f"{rows}[:, {k}]") for k in range(len(group.members[0].args))]

    # ------------------------------------------------------------------------- adjoint

    def _adjoint(self, counts: Counter[Any]) -> list[str]:
        """The lines after the forward program that compute value and gradients."""
        self._counts = counts
        self._lines: list[str] = []
        self._begun: set[str] = set()
        self._temporary = 0
        out = self.outputs[0]
        text = self._read([out])
        self._lines.append(
            f"value = {text}.sum() / max(N, 1)" if out.batched else f"value = {text}[0]"
        )
        self._lines.append("dp = np.zeros_like(p)")
        self._begun.add("p")
        seed = "np.full((1, N), 1 / max(N, 1))" if out.batched else "np.ones(1)"
        self._give([out], seed, out.batched)
        for group in reversed(self.groups):
            if self.needs[group.name] and group.name in self._begun:
                getattr(self, f"_{group.kind}_adjoint")(group)
        results = ["value", "dp"]
        for name in self.inputs:
            if self.needs[name]:
                if name not in self._begun:
                    self._lines.append(f"d{name} = np.zeros_like({name})")
                results.append(f"d{name}")
        if len(self.outputs) > 1:
            results.append(self._whole(self.outputs[1:]))
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
        if _same(places) and len(places) > 1:
            places = places[:1]
            text = f"{Code(text, 6 if _simple(text) else 0).within(6)}.sum(axis=0, keepdims=True)"
        index = self._index(source, places)
        self._added[source] += 1
        if source == "p":
            self._added.update(places)
            if all(self._counts[place] == 1 for place in places):
                self._lines.append(f"{name}{index or '[:]'} = {text}")
                return
        if not index and source not in self._begun:
            # an array that is added to later must not be another one's, too
            view = text.isidentifier() or "broadcast_to" in text or text.endswith("]")
            shared = self._counts[source] > 1 and view
            self._lines.append(f"{name} = {text}{'.copy()' if shared else ''}")
        else:
            if source not in self._begun:
                self._lines.append(f"{name} = np.zeros_like({source})")
            if len(set(places)) < len(places):
                self._lines.append(f"np.add.at({name}, {index[1:-1]}, {text})")
            else:
                self._lines.append(f"{name}{index} += {text}")
        self._begun.add(source)

    def _matrix_adjoint(self, group: Group) -> None:
        first, d, rows = group.members[0], f"d{group.name}", self._rows[group.name]
        if first.bias is not None:
            self._give([_some(e.bias) for e in group.members], d, group.batched)
        if first.weights[0] is None:
            self._give(first.args, f"np.broadcast_to({d}, {rows}.shape)", group.batched)
            return
        weights = f"W{group.name[1:]}"
        self._give(first.args, f"{weights}.T @ {d}", group.batched)
        view, flat = self._weights[group.name]
        slope = f"{d} @ {rows}.T" if group.batched else f"np.outer({d}, {rows})"
        if view and self.needs["p"]:
            numbers = [w.number for w in flat]
            self._added.update(numbers)
            if len(set(numbers)) < len(numbers):
                self._lines.append(f"np.add.at(dp, {view[1:-1]}, {slope})")
            elif all(self._counts[number] == 1 for number in numbers):
                self._lines.append(f"dp{view}{'' if view.endswith(']') else '[:]'} = {slope}")
            else:
                self._lines += [f"d{weights} = dp{view}", f"d{weights} += {slope}"]
        elif not view:
            self._give(flat, f"({slope}).reshape(-1)", batched=False)

    def _stack_adjoint(self, group: Group) -> None:
        members, d = group.members, f"d{group.name}"
        count, weighted = len(members[0].args), members[0].weights[0] is not None
        if members[0].bias is not None:
            self._give([_some(e.bias) for e in members], d, group.batched)
        if count <= SMALL:
            for k in range(count):
                rows = [e.args[k] for e in members]
                slope = Code(d) * self._weight(group, k) if weighted else Code(d)
                self._give(rows, slope.text, group.batched)
                if weighted:
                    weights = [_some(e.weights[k]) for e in members]
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
            flat_weights = [_some(w) for e in members for w in e.weights]
            self._give(flat_weights, f"{slope}.reshape(-1)", batched=False)
        else:
            spread = f"np.broadcast_to({wide}, {rows_name}.shape).reshape{shape}"
            self._give(flat, spread, group.batched)

    def _operation_adjoint(self, group: Group) -> None:
        op, args, d = _some(group.op), self._args(group), Code(f"d{group.name}")
        for i, rule in enumerate(op.partials):
            members = [e.args[i] for e in group.members]
            if not any(e.kind != "constant" and self.needs[self._source(e)] for e in members):
                continue
            slope = rule(_Slopes(self.functions), Code(group.name), *args)
            if isinstance(slope, Code) or slope not in (0.0, -1.0):
                self._give(members, code(d * slope).text, group.batched)
            elif slope:
                self._give(members, (-d).text, group.batched)

    def _reduction_adjoint(self, group: Group) -> None:
        rows, count = self._rows[group.name], len(group.members[0].args)
        op = _some(group.op)
        if op.name in _REDUCTIONS:
            slope = _REDUCTIONS[op.name][1].replace("X", rows).replace("out", group.name)
        else:
            found = op.partials(self.functions, Code(group.name), *self._columns_of(group))
            alike = f"np.zeros_like({group.name})"  # a slope may be a number
            parts = ", ".join(f"{alike} + {code(part).within(3)}" for part in found)
            slope = f"np.stack(({parts}), axis=1)"
        size = len(group.members) * count
        shape = f"({size}, N)" if group.batched else f"({size},)"
        flat = [row for e in group.members for row in e.args]
        self._give(flat, f"({slope} * d{group.name}[:, None]).reshape{shape}", group.batched)


class _Slopes:
    """The functions for derivatives, where a step is a comparison: it is only multiplied by."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    def step(self, x: Any) -> Any:
        return Code(f"({code(x).text} > 0)")


def _parts(e: Expression) -> list[Expression]:
    found = [*e.args, *(w for w in e.weights if w is not None)]
    return [*found, e.bias] if e.bias is not None else found


def _same(things: Any) -> bool:
    first, *rest = list(things)
    return all(thing is first or (isinstance(thing, int) and thing == first) for thing in rest)


def _some(x: Any) -> Any:
    assert x is not None  # noqa: S101  the kinds of groups see to it
    return x


def _simple(text: str) -> bool:
    return text.isidentifier() or (text.endswith((")", "]")) and " " not in text)


def _view(numbers: list[list[int]], size: int) -> str | None:
    """The subscript of `p` that gives a matrix of some of its numbers without copying them."""
    m, k = len(numbers), len(numbers[0])
    base = numbers[0][0]
    down = numbers[1][0] - base if m > 1 else k
    right = numbers[0][1] - base if k > 1 else 1
    regular = all(
        n == base + i * down + j * right for i, row in enumerate(numbers) for j, n in enumerate(row)
    )
    if not regular or down < 1 or right < 1:
        return None
    if right == 1 and down >= k and base + m * down <= size:
        cut = "" if down == k else f"[:, :{k}]"
        return f"[{base}:{base + m * down}].reshape({m}, {down}){cut}"
    if down == 1 and right >= m and base + k * right <= size:
        cut = "" if right == m else f"[:, :{m}]"
        return f"[{base}:{base + k * right}].reshape({k}, {right}){cut}.T"
    return None


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
