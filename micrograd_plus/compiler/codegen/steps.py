"""The steps of a program, one for each group, each of which knows two passes.

The lines of a step compute its group's array: those of all steps are the forward pass. In the
backward pass, from the last step to the first, `differentiate` applies the chain rule: it
multiplies the upstream gradient by local derivatives, which come from the table's rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrograd_plus.compiler.codegen.gradients import Contribution, Gradients
from micrograd_plus.compiler.codegen.reductions import AtOnce
from micrograd_plus.compiler.codegen.rules import ArrayFunctions, applied, numbers
from micrograd_plus.compiler.codegen.syntax import (
    ALL,
    Binary,
    Let,
    Library,
    Name,
    Node,
    Part,
    column,
    node,
)
from micrograd_plus.compiler.schedule import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.compiler.codegen.arrays import Arrays
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.ops.operation import Op

    View = Callable[[Node], Node]  # a view of a vector

_RULES = ArrayFunctions()


class Step:
    """The step of one kind of group; the kinds are the subclasses below.

    Args:
        group: its members are computed together.
        arrays: those of the program.

    Attributes:
        lines: the instructions that compute the group; the last names its array.
    """

    def __init__(self, group: Group, arrays: Arrays) -> None:
        self.group, self.arrays, self.members = group, arrays, group.members
        self.count, self.batched = len(group.members[0].args), group.batched
        self.out, self.d = Name(group.name), Name(f"d{group.name}")
        self.weights = [w for e in group.members for w in e.weights if w is not None]
        self.biases = [e.bias for e in group.members if e.bias is not None]
        self.lines: list[Let] = []

    def differentiate(self, gradients: Gradients) -> None:
        """Contribute to the gradients of what the group depends on, given those of the group."""
        raise NotImplementedError

    def let(self, name: str, value: Node) -> Name:
        self.lines.append(Let(name, value))
        return Name(name)

    def finish(self, value: Any) -> None:
        """Name the group's array, to which biases are added if it has any."""
        shape = f"({len(self.members)}, N)" if self.batched else f"({len(self.members)},)"
        self.lines.append(Let(self.group.name, node(value + self._bias()), shape))

    def _bias(self) -> float | Node:
        if not self.biases:
            return 0.0
        bias = self.arrays.read(self.biases)
        if isinstance(bias, Name):
            return column(bias) if self.batched else bias
        if self.batched:
            match bias:
                case Part(Name("p") as p, (slice() as rows,)):
                    bias = p[rows, None]
                case _:
                    bias = column(bias)
        return self.let(self.of_sum("b"), bias)

    def of_sum(self, letter: str) -> str:
        """The name of a sum's weights and the like: W1 for those of z1."""
        return f"{letter}{self.group.name[1:]}"

    def rows(self) -> Name:
        """The rows that all members add up."""
        rows = self.arrays.read(self.members[0].args)
        return rows if isinstance(rows, Name) else self.let(self.of_sum("r"), rows)

    def args(self) -> list[Expression]:
        """The arguments of all members, one after the other."""
        return [row for e in self.members for row in e.args]

    def shaped(self, array: Node, *shape: int) -> Node:
        """An array in another shape, with an axis for examples if it is batched."""
        return array.library("reshape", *shape, *["N"] * self.batched)

    def cube(self) -> Name:
        """The arguments as an array of (members, arguments of each, examples)."""
        rows = self.arrays.read(self.args(), self.batched)
        return self.let(f"r{self.group.name}", self.shaped(rows, len(self.members), self.count))


class Total(Step):
    """Sums of the same rows, which differ in what is added to them."""

    def __init__(self, group: Group, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        self.finish(self.rows().library("sum", axis=0, keepdims=True))

    def differentiate(self, gradients: Gradients) -> None:
        gradients.add(self.biases, self.d, self.batched, self.of_sum("db"))
        several = len(self.members) > 1
        total = self.d.library("sum", axis=0, keepdims=True) if several else self.d
        each = total.library("repeat", self.count, axis=0)
        gradients.add(self.members[0].args, each, self.batched)


class Matrix(Step):
    """Weighted sums of the same rows: a product of matrices."""

    def __init__(self, group: Group, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        self.x = self.rows()
        # where the weights lie in `p`, if they are parameters and nothing else
        self.view = None if any(w.kind != "parameter" for w in self.weights) else self._view()
        if self.view is None:
            table = arrays.read(self.weights).library("reshape", len(group.members), self.count)
        else:
            table = self.view(Name("p"))
        self.table = self.let(self.of_sum("W"), table)
        self.finish(self.table @ self.x)

    def _view(self) -> View:
        """The weights as a view of `p`, if they lie regularly, or as a copy."""
        numbers, m, k = [w.number for w in self.weights], len(self.members), self.count
        table = [numbers[i : i + k] for i in range(0, m * k, k)]
        base, size = numbers[0], self.arrays.sizes["p"]
        down = table[1][0] - base if m > 1 else k
        right = table[0][1] - base if k > 1 else 1
        regular = all(
            n == base + i * down + j * right
            for i, row in enumerate(table)
            for j, n in enumerate(row)
        )
        if regular and right == 1 and down >= k and base + m * down <= size:
            return lambda vector: _matrix(vector[base : base + m * down], m, down, k)
        if regular and down == 1 and right >= m and base + k * right <= size:
            return lambda vector: _matrix(vector[base : base + k * right], k, right, m).T
        index = self.arrays.constant(table, "i")
        return lambda vector: vector[index]

    def differentiate(self, gradients: Gradients) -> None:
        d = self.d
        gradients.add(self.biases, d, self.batched, self.of_sum("db"))
        gradients.add(self.members[0].args, self.table.T @ d, self.batched)
        slope = d @ self.x.T if self.batched else d.library("outer", self.x)
        if self.view is None:
            gradients.add(self.weights, slope.library("reshape", -1), batched=False)
        elif self.arrays.needs["p"]:
            numbers = [w.number for w in self.weights]
            target = self.view(Name("dp"))
            gradients.contribute(Contribution("p", numbers, target, slope, self.of_sum("dW")))


class Stack(Step):
    """Sums of equally many rows, written out."""

    def __init__(self, group: Group, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        factors = [self._factor(k) for k in range(self.count)]
        negative = [isinstance(x, float) and x == -1 for x in factors]
        total: Any = 0.0
        for k in sorted(range(self.count), key=negative.__getitem__):  # z - t, not -t + z
            row = arrays.operand([e.args[k] for e in group.members], self.batched)
            total = total - row if negative[k] else total + factors[k] * row
        self.finish(total)

    def _factor(self, k: int) -> float | Node:
        """The factors of the k-th row of each sum."""
        weights = self.weights[k :: self.count]
        return self.arrays.operand(weights, self.batched) if weights else 1.0

    def differentiate(self, gradients: Gradients) -> None:
        gradients.add(self.biases, self.d, self.batched)
        for k in range(self.count):
            rows = [e.args[k] for e in self.members]
            gradients.add(rows, self.d * self._factor(k), self.batched)
            if self.weights:
                row = self.arrays.operand(rows, self.batched)
                gradients.add(self.weights[k :: self.count], self.d * row, self.batched)


class LongStack(Step):
    """Sums of equally many rows, of which there are many."""

    def __init__(self, group: Group, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        self.x = self.cube()
        if self.weights:
            shape = len(group.members), self.count
            table = self.let(self.of_sum("W"), arrays.read(self.weights).library("reshape", *shape))
            self.table = table[ALL, ALL, None] if self.batched else table
            self.finish((self.table * self.x).library("sum", axis=1))
        else:
            self.finish(self.x.library("sum", axis=1))

    def differentiate(self, gradients: Gradients) -> None:
        gradients.add(self.biases, self.d, self.batched)
        args, wide = self.args(), column(self.d)  # (members, 1, examples) or (members, 1)
        if self.weights:
            gradients.add(args, self.shaped(self.table * wide, len(args)), self.batched)
            slope = self.x * wide
            slope = slope.library("sum", axis=2) if self.batched else slope
            gradients.add(self.weights, slope.library("reshape", -1), batched=False)
        else:
            gradients.add(args, self.d.library("repeat", self.count, axis=0), self.batched)


class Operation(Step):
    """An operation of the table, or any other, element by element."""

    def __init__(self, group: Group, op: Op, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        self.op = op
        self.operands = [
            arrays.operand(args, self.batched)
            for args in zip(*(e.args for e in group.members), strict=True)
        ]
        self.finish(applied(op, self.operands))

    def differentiate(self, gradients: Gradients) -> None:
        args = [*zip(*(e.args for e in self.members), strict=True)]
        wanted = [self.arrays.any_needs(members) for members in args]
        slopes = self.op.local_derivatives(_RULES, self.out, self.operands, wanted)
        for members, slope, want in zip(args, slopes, wanted, strict=True):
            if want and (isinstance(slope, Node) or slope not in (0.0, -1.0)):
                gradients.add(members, self.d * slope, self.batched)
            elif want and slope:
                gradients.add(members, -self.d, self.batched)


class Reduction(Step):
    """An operation on any number of arguments, of which all members have equally many."""

    def __init__(self, group: Group, op: Op, arrays: Arrays) -> None:
        super().__init__(group, arrays)
        self.op, self.x = op, self.cube()
        # the arguments one by one, for rules written for scalars
        self.columns = [self.x[ALL, k] for k in range(self.count)]
        self.at_once = AtOnce(_RULES, self.x) if op.at_once else None
        if self.at_once:
            self.finish(self.at_once.value(op)[ALL, 0])
        else:
            self.finish(numbers(op.value(_RULES, *self.columns)))

    def differentiate(self, gradients: Gradients) -> None:
        if self.at_once:
            slopes = numbers(self.at_once.slope(self.op, column(self.out)))
            if not self.at_once.each(slopes):
                slopes = self.x.library("zeros_like") + slopes
        else:
            alike = self.out.library("zeros_like")  # a slope may be a number
            wanted = [True] * self.count
            found = self.op.local_derivatives(_RULES, self.out, self.columns, wanted)
            slopes = Library("stack", ([Binary("+", alike, node(x)) for x in found],), {"axis": 1})
        args = self.args()
        gradients.add(args, self.shaped(slopes * column(self.d), len(args)), self.batched)


def step(group: Group, arrays: Arrays) -> Step:
    """The step of a group."""
    if group.op is not None:
        return (Operation if group.kind == "operation" else Reduction)(group, group.op, arrays)
    first = group.members[0]
    if group.kind == "matrix":
        return (Total if first.weights[0] is None else Matrix)(group, arrays)
    return (Stack if len(first.args) <= SMALL else LongStack)(group, arrays)


def _matrix(part: Node, rows: int, columns: int, taken: int) -> Node:
    """A part of a vector as a matrix, of which the first so many columns are taken."""
    matrix = part.library("reshape", rows, columns)
    return matrix if taken == columns else matrix[ALL, :taken]
