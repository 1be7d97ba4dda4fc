"""The forward program: a line of array code for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.arrays import Arrays, some
from micrograd_plus.compiler.codegen.backends import View
from micrograd_plus.compiler.codegen.code import Code, Functions, code
from micrograd_plus.compiler.codegen.reductions import Reductions
from micrograd_plus.compiler.schedule import SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


class Forward(Arrays):
    """Writes the lines that compute all groups; arguments as for `Arrays`."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.functions = Functions()
        self.reductions = Reductions(self.library)
        self._weights: dict[str, tuple[str | View, Any]] = {}
        self._rows: dict[str, str] = {}
        self.forward: list[str] = []
        for group in self.groups:
            getattr(self, f"_{group.kind}")(group)

    def _let(self, group: Group, text: str) -> None:
        shape = f"({len(group.members)}, N)" if group.batched else f"({len(group.members)},)"
        self.forward.append(f"{group.name} = {text}  # {shape}")

    def _matrix(self, group: Group) -> None:
        rows, first = group.members[0].args, group.members[0]
        text = self._read(rows)
        if not text.isidentifier():
            self.forward.append(f"r{group.name[1:]} = {text}")
            text = f"r{group.name[1:]}"
        self._rows[group.name] = text
        if first.weights[0] is None:
            total = f"{text}.sum(axis=0, keepdims=True)"
        else:
            name = f"W{group.name[1:]}"
            self.forward.append(f"{name} = {self._matrix_of(group)}")
            total = f"{name} @ {text}"
        if first.bias is not None:
            total += f" + {self._bias(group)}"
        self._let(group, total)

    def _bias(self, group: Group) -> str:
        text = self._read([some(e.bias) for e in group.members])
        column = group.batched and "[:, None]"
        if text.isidentifier():
            return f"{text}{column or ''}"
        if column:  # p[2:9], as a column p[2:9, None]
            whole = text.startswith("p[") and ":" in text
            text = f"{text[:-1]}, None]" if whole else f"{text}[:, None]"
        self.forward.append(f"b{group.name[1:]} = {text}")
        return f"b{group.name[1:]}"

    def _matrix_of(self, group: Group) -> str:
        """The weights of a matrix group: a view of `p` where they lie regularly."""
        weights = [[w for w in e.weights if w is not None] for e in group.members]
        m, k = len(weights), len(weights[0])
        flat = [w for row in weights for w in row]
        if all(w.kind == "parameter" for w in flat):
            view: Any = _view([[w.number for w in row] for row in weights], self.sizes["p"])
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
            given = [self._weight(group, k) if weighted else 1.0 for k in range(count)]
            negative = [not isinstance(weight, Code) and weight == -1 for weight in given]
            for k in sorted(range(count), key=negative.__getitem__):  # z - t, not -t + z
                row = self._operand([e.args[k] for e in group.members], group.batched)
                total = total - row if negative[k] else total + given[k] * row
            text = code(total).text
        else:
            rows = self._cube(group, [row for e in group.members for row in e.args], count)
            if weighted:
                weights = [w for e in group.members for w in e.weights if w is not None]
                table = f"{self._read(weights)}.reshape({len(group.members)}, {count})"
                self.forward.append(f"W{group.name[1:]} = {table}")
                table = f"W{group.name[1:]}" + ("[:, :, None]" if group.batched else "")
                rows = f"({table} * {rows})"
            text = f"{rows}.sum(axis=1)"
        if group.members[0].bias is not None:
            text += f" + {self._bias(group)}"
        self._let(group, text)

    def _weight(self, group: Group, k: int) -> Any:
        return self._operand([some(e.weights[k]) for e in group.members], group.batched)

    def _cube(self, group: Group, rows: Sequence[Expression], count: int) -> str:
        """The rows of all members as an array of (members, rows of each, examples)."""
        shape = f"{len(group.members)}, {count}" + (", N" if group.batched else "")
        name = f"r{group.name}"
        self.forward.append(f"{name} = {self._read(rows, group.batched)}.reshape({shape})")
        self._rows[group.name] = name
        return name

    def _args(self, group: Group) -> list[Any]:
        arity = len(group.members[0].args)
        return [
            self._operand([e.args[i] for e in group.members], group.batched) for i in range(arity)
        ]

    def _operation(self, group: Group) -> None:
        value = self.functions.applied(some(group.op), self._args(group))
        self._let(group, code(value).text)

    def _reduction(self, group: Group) -> None:
        count = len(group.members[0].args)
        rows = self._cube(group, [row for e in group.members for row in e.args], count)
        op = some(group.op)
        if op.at_once:
            self._let(group, f"{self.reductions.value(op, self.functions)}({rows})")
        else:
            value = op.value(self.functions, *self._columns_of(group))
            self._let(group, code(value).text)

    def _columns_of(self, group: Group) -> list[Code]:
        """The arguments of a reduction one by one, for rules that know of no arrays."""
        rows = self._rows[group.name]
        return [Code(f"{rows}[:, {k}]") for k in range(len(group.members[0].args))]


def _view(numbers: list[list[int]], size: int) -> View | None:
    """How a matrix lies in `p`, if it need not be copied."""
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
        return View(base, base + m * down, (m, down), k, False)
    if down == 1 and right >= m and base + k * right <= size:
        return View(base, base + k * right, (k, right), m, True)
    return None
