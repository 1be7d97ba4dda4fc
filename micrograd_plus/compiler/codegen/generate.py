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
from micrograd_plus.compiler.codegen.gradients import Gradients, accumulated
from micrograd_plus.compiler.codegen.reroll import rerolled
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.steps import step
from micrograd_plus.compiler.codegen.syntax import Function, Let, Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.ir import Expression
    from micrograd_plus.compiler.schedule import Group


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
        input_gradients: whether inputs get derivatives, too.
        differentiable: whether there is to be a gradient, that of the first output.
    """
    arrays = Arrays(groups, inputs, parameters, wanted, input_gradients)
    steps = [step(group, arrays) for group in groups]
    lines = [line for each in steps for line in each.lines]
    gradient = None
    if differentiable:
        out, *others = outputs
        value, shares = arrays.read([out]), Name("s")
        mean = (value @ shares)[0] if out.batched else value[0] * shares.library("sum")
        share = shares[None] if out.batched else shares.library("sum", keepdims=True)
        gradients = Gradients(arrays)
        gradients.add([out], share, out.batched)
        for each in reversed(steps):
            if each.group.name in gradients.reached:
                each.differentiate(gradients)
        named = [name for name in inputs if arrays.needs[name]]
        slopes = accumulated(gradients.lines, parameters, named)
        results = [Name(name) for name in ("value", "dp", *(f"d{name}" for name in named))]
        gradient = Function(
            "value_and_grad",
            ("p", *inputs, "s"),
            shared([*lines, Let("value", mean), *slopes]),
            [*results, *([arrays.whole(others)] if others else [])],
        )
    forward = Function("forward", ("p", *inputs), shared(lines), [arrays.whole(outputs)])
    return Code(arrays, rerolled(forward), gradient and rerolled(gradient))
