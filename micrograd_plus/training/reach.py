"""What a loss depends on: without a parameter in it nothing would be trained."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, order
from micrograd_plus.graph.places import placed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.nn.module import Module
    from micrograd_plus.training.examples import Examples


def check_reached(
    found: Examples, model: Module, loss: Callable[..., Any], parameters: Sequence[Value]
) -> None:
    """Look for an example on whose loss a parameter has a part: it is the first, as a rule.

    Values that have a part in it, but belong to no module, are told in a warning.

    Args:
        found: all examples.
        model: what is trained.
        loss: a function of outputs and target.
        parameters: what is to change.

    Raises:
        ValueError: there is none, though some loss is not 0; or other parameters take their place.
    """
    bad = None
    for i in range(len(found)):
        x, target = found[i]
        try:
            total = loss(model(x), target)
            check_kept(model, parameters)
            leaves = _leaves(total)
            if not leaves.isdisjoint(parameters):
                if others := leaves.difference(parameters):
                    # those that the model and the loss make are others the next time
                    _tell(others & _leaves(loss(model(x), target)))
                return
        except ArithmeticError:
            return  # training will tell where
        if bad is None and (leaves or not isinstance(total, REAL) or total != 0):
            bad = i, total, leaves
    if bad is not None:  # else all is as it should be already
        i, total, leaves = bad
        raise ValueError(
            "no parameter of the model has a part in the loss, so that nothing would be trained: "
            f"that of row {i} is {f'computed from {_named(leaves)}' if leaves else repr(total)}; "
            "both are to be computed from the parameters themselves, without float(), .data or "
            "other Values in their place"
        )


def check_kept(model: Module, parameters: Sequence[Value]) -> None:
    """Refuse a model that has other parameters than those which are trained.

    Raises:
        ValueError: it has.
    """
    if list(map(id, model.parameters())) != list(map(id, parameters)):
        trained = set(map(id, parameters))
        others = [name for name, p in model.named_parameters() if id(p) not in trained]
        such = f", such as {others[0]}" if others else ""
        raise ValueError(
            f"the model has other parameters than when the training began{such}, which are not "
            "trained: assign to the data of those it has, instead of making new ones"
        )


def _leaves(total: Any) -> set[Value]:
    return {node for node in order(total) if node.op is None} if isinstance(total, Value) else set()


def _tell(others: set[Value]) -> None:
    """Warn of leaves that are there before a function runs, where no module owns them."""
    if lost := others - placed(others).keys():
        warnings.warn(
            f"{_named(lost)} has a part in the loss, but belongs to no Module and is not trained: "
            "make it an attribute of the model, or a number if it is a constant",
            stacklevel=4,  # where `fit` is called
        )


def _named(leaves: set[Value]) -> str:
    """Some leaves, by their labels or else as `repr` shows them."""
    names = sorted(leaf.label or repr(leaf) for leaf in leaves)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
