"""The intermediate representation: expressions, each of which is computed once.

Nested sums and products become one linear expression; equal expressions become one; constants are
folded. An expression is batched if it depends on an input, and so has a number for each example;
otherwise there is one number for all of them.
"""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING, Any

from micrograd_plus import ops
from micrograd_plus.graph import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.ops.operation import Op

Slots = tuple[tuple["Expression", ...], ...]
"""Arguments by their role: one for each slot, or any number of them."""


class Expression:
    """One number to compute, for each example or for all of them.

    Attributes:
        kind: "leaf", "constant", "operation", "reduction", "choice" or "linear".
        op: the operation; none of a linear expression.
        slots: an argument for each of an operation's; all arguments of a reduction in one; of a
            choice, which is the operation `take`, the index and all choices; and of a linear
            expression what `many` says, and then a slot for each further term.
        many: how many slots of a linear expression hold many arguments: 2 for a Σ of products of
            the first slot's and the second's, 1 for a Σ of the first slot's, 0 for none.
        coefficients: the constant factor of each term of a linear expression.
        number: a constant, or what a linear expression adds to its terms.
        site: where in the user's code it was written; equal for all turns of a loop.
        batched: whether there is a number for each example.
        level: the length of the longest path from the leaves.
        order: a serial number in the order of creation.
        array, row: which array holds it, and where in it; the schedule sets them for all but
            leaves.
    """

    # most expressions of a large model are parameters, which have only these
    op: Op | None = None
    slots: Slots = ()
    many = 0
    coefficients: tuple[float, ...] = ()
    number = 0.0
    site: Any = None
    batched = False
    level = 0
    array = ""
    row = 0

    def __init__(self, kind: str, order: int, slots: Slots = ()) -> None:
        self.kind = kind
        self.order = order
        if slots:
            self.slots = slots
            parts = self.parts
            self.batched = any(part.batched for part in parts)
            self.level = 1 + max([part.level for part in parts])

    @property
    def parts(self) -> Sequence[Expression]:
        """All arguments."""
        return [*chain.from_iterable(self.slots)]


class Builder:
    """Makes expressions, each of them once."""

    def __init__(self) -> None:
        self._known: dict[Any, Expression] = {}
        self._orders = count()

    def leaf(self, array: str, row: int) -> Expression:
        """A number in a row of "p", which are parameters, or of an argument of the function."""
        made = Expression("leaf", next(self._orders))
        made.array, made.row, made.batched = array, row, array != "p"
        return made

    def constant(self, number: float) -> Expression:
        key = repr(number)  # tells −0.0 from 0.0
        if key not in self._known:
            self._known[key] = made = Expression("constant", next(self._orders))
            made.number = number
        return self._known[key]

    def operation(self, op: Op, args: Sequence[Expression], site: Any) -> Expression:
        if all(arg.kind == "constant" for arg in args):
            numbers = [arg.number for arg in args]
            return self.constant(evaluate(op, numbers, numbers))
        if op is ops.multiply:
            for factor, other in (tuple(args), tuple(reversed(args))):
                if factor.kind == "constant" and factor.number == 1:
                    return other
        if op.arity is None:
            return self._make("reduction", (tuple(args),), site, op=op)
        return self._make("operation", tuple([(arg,) for arg in args]), site, op=op)

    def choice(self, op: Op, args: Sequence[Expression], site: Any) -> Expression:
        """The operation `take` with an index that is certainly one of its choices."""
        return self._make("choice", ((args[0],), tuple(args[1:])), site, op=op)

    def linear(
        self, slots: Slots, coefficients: Sequence[float], number: float, many: int, site: Any
    ) -> Expression:
        """A number plus the sum of terms, each times its coefficient."""
        if not slots:
            return self.constant(number)
        if coefficients == [1.0] and not number and not many:
            return slots[0][0]
        return self._make(
            "linear", slots, site, coefficients=tuple(coefficients), number=number, many=many
        )

    def _make(self, kind: str, slots: Slots, site: Any, **parts: Any) -> Expression:
        places = tuple([tuple([x.order for x in slot]) for slot in slots])
        key = (kind, places, *parts.values())
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Expression(kind, next(self._orders), slots)
            found.site = site
            for name, part in parts.items():
                setattr(found, name, part)
        return found
