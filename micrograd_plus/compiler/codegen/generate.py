"""From groups of expressions to a program, as syntax that any backend can write.

The passes, in their order: each group becomes a step, whose lines compute it; from the last step
to the first, each contributes to the gradients of what it depends on; and all contributions become
instructions that add them up. Then what would be computed twice is shared, and instructions that
repeat become loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrograd_plus.compiler.codegen.arrays import Arrays
from micrograd_plus.compiler.codegen.forwarding import forwarded
from micrograd_plus.compiler.codegen.gradients import Gradients, accumulated
from micrograd_plus.compiler.codegen.joins import Join
from micrograd_plus.compiler.codegen.operand import Scattered
from micrograd_plus.compiler.codegen.reroll import rerolled
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.steps import step
from micrograd_plus.compiler.codegen.syntax import ALL, Function, Let, Library, Name, Node, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.codegen.step import Step
    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.compiler.sites import Written


@dataclass(frozen=True, eq=False)
class Code:
    """A program, in no language yet.

    Attributes:
        arrays: the names of its arrays, and its constants.
        forward: the function that computes the outputs.
        gradient: the function that computes the mean of the first output and its gradient, if
            there is one.
    """

    arrays: Arrays
    forward: Function
    gradient: Function | None


def generate(
    groups: Sequence[Group],
    outputs: Sequence[Expression],
    inputs: dict[str, int],
    parameters: int,
    wanted: int,
    written: Callable[[int], Written],
    input_gradients: bool = False,
    differentiable: bool = True,
) -> Code:
    """The program of a schedule.

    Args:
        groups: in the order of computation.
        outputs: what the program returns; the first is what is differentiated.
        inputs: how many numbers each argument has, by its name.
        parameters: how many numbers `p` has.
        wanted: the number of parameters, from the first, that get derivatives.
        written: tells what is written at a site.
        input_gradients: whether inputs get derivatives, too.
        differentiable: whether there is to be a gradient, that of the first output.
    """
    arrays = Arrays(groups, inputs, parameters, wanted, input_gradients, written)
    steps = _Steps(groups, arrays)
    lines = arrays.lines
    results = [_whole(arrays, outputs)]
    body = forwarded([*arrays.leading, *lines], results, arrays.sizes)
    body = shared(body, results)
    forward = Function("forward", ("p", *inputs), body, results)
    if not differentiable:
        return Code(arrays, rerolled(forward), None)
    out, *others = outputs
    arrays.lines = lines = [*lines]
    value, shares = arrays.rows(arrays.operand([out])), Name("s")
    value = value if isinstance(value, Node) else Library("array", [f"[{value}]"])
    mean = (value[0] @ shares) if out.batched else value[0] * shares.library("sum")
    rest = [_whole(arrays, others)] if others else []
    arrays.lines.append(Let("value", mean))
    gradients = Gradients(arrays, arrays.lines)
    share = shares[None] if out.batched else shares.library("sum", keepdims=True)
    gradients.give(arrays.operand([out]), share, [1, 1], out.batched)
    steps.differentiate(gradients)
    named = [name for name in inputs if arrays.needs[name]]
    body = accumulated([*arrays.leading, *arrays.lines], arrays, named)
    results = [Name(name) for name in ("value", "dp", *(f"d{name}" for name in named))] + rest
    body = shared(forwarded(body, results, arrays.sizes), results)
    gradient = Function("value_and_grad", ("p", *inputs, "s"), body, results)
    return Code(arrays, rerolled(forward), rerolled(gradient))


class _Steps:
    """The steps of all groups, and the arrays that they join.

    Args:
        groups: in the order of computation.
        arrays: those of the program; its lines get those of the steps.
    """

    def __init__(self, groups: Sequence[Group], arrays: Arrays) -> None:
        self._arrays = arrays
        self._said = ""
        self._order: list[tuple[Group, Step] | Join] = []
        self._position = dict.fromkeys(arrays.sizes, -1)  # when the last row of an array is made
        self._begin: dict[str, int] = {}
        for i, group in enumerate(groups):
            joins = len(arrays.joins.made)
            arrays.joins.begin(group)
            made = step(group.members, arrays)
            value = made.value()
            for join in arrays.joins.made[joins:]:
                self._order.append(join)
                self._position[join.name] = i
            self._order.append((group, made))
            self._position[group.array] = i
            comment = self._comment(group)
            if len(group.family) == 1:
                arrays.lines.append(Let(group.array, value, comment))
                continue
            if group is group.family[0]:
                self._begin[group.array] = i
                arrays.allocate(group.array, comment)
            arrays.lines.append(Write(made.out, value))
        arrays.joins.begin(None)

    def _comment(self, group: Group) -> str:
        """The shape of an array, and what it comes from, unless that was said just before."""
        line = self._arrays.written[group.array]
        shape = f"({self._arrays.sizes[group.array]}, N)" if group.batched else ""
        self._said, said = line, self._said
        return shape if line == said else f"{shape}: {line}" if shape else line

    def differentiate(self, gradients: Gradients) -> None:
        """Contribute to all gradients."""
        later: dict[str, tuple[Group, Step, set[int]]] = {}  # of a family, at its first member
        waiting: list[tuple[Step, set[int]]] = []  # until an array that they read is reached
        for made in reversed(self._order):
            array = made.name if isinstance(made, Join) else made[0].array
            for whole, some in waiting[:]:
                if array in {whole.operands[i].array for i in some}:
                    whole.differentiate(gradients, some)
                    waiting.remove((whole, some))
            if array not in gradients.reached:
                continue
            if isinstance(made, Join):
                made.differentiate(gradients, self._arrays)
                continue
            group, its = made
            slots = {*range(len(its.operands))}
            if len(group.family) > 1:
                if array not in later:
                    later[array] = self._deferred(group, its)
                first, whole, some = later[array]
                if group.start >= first.start:
                    slots -= some
                if group is first and some:
                    waiting.append((whole, some))
            its.differentiate(gradients, slots)
        for whole, some in waiting:
            whole.differentiate(gradients, some)

    def _deferred(self, group: Group, its: Step) -> tuple[Group, Step, set[int]]:
        """What is differentiated for all turns of a loop at once, when the first is reached.

        Those are the slots that read arrays that were there before the loop, such as parameters.
        """
        family, arrays = group.family, self._arrays
        for first in (family[0], family[1]):
            members = [e for some in family if some.start >= first.start for e in some.members]
            try:
                whole = step(members, arrays, join=False)
            except Scattered:
                continue
            begin = self._begin[group.array]
            if all(x.regular or not x.array for x in whole.operands):
                slots = {
                    i for i, x in enumerate(whole.operands)
                    if x.array and self._position[x.array] < begin
                }  # fmt: skip
                return first, whole, slots
        return family[0], its, set()


def _whole(arrays: Arrays, outputs: Sequence[Expression]) -> Node:
    """The outputs, batched in any case."""
    operand = arrays.operand(outputs)
    found = arrays.rows(operand)
    if not isinstance(found, Node):
        found = arrays.constant([found])
    if operand.batched:
        return found
    return Library("broadcast_to", [found[ALL, None], (len(outputs), "N")])
