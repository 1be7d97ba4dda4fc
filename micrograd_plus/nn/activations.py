"""Activations by name: those of a neuron, and those of a whole layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from micrograd_plus import functions, ops
from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from micrograd_plus.ops.operation import Op

Activation = str | Callable[..., Any] | None

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    name: getattr(functions, name)
    for name in (
        "elu",
        "gelu",
        "hard_tanh",
        "leaky_relu",
        "relu",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "step",
        "tanh",
    )
}
"""The activations by name. Neurons also have "linear" and "prelu", whole layers `OF_LAYERS`."""

OF_LAYERS = {"softmax": functions.softmax, "log_softmax": functions.log_softmax}
"""Activations of a whole layer: each output depends on all of its neurons."""


def find_activation(activation: Activation) -> Callable[..., Any] | None:
    """The function for a neuron's activation; None for a linear neuron.

    Args:
        activation: its name; or a function, which is returned as it is.

    Raises:
        ValueError: there is none of that name for a neuron.
    """
    if activation is None or activation == "linear":
        return None
    if callable(activation):
        return activation
    if activation == "prelu":
        return functions.prelu
    if activation not in ACTIVATIONS:
        known = ["linear", *ACTIVATIONS, "prelu"]
        hint = did_you_mean(activation, [*known, *OF_LAYERS, "maxout"])
        raise ValueError(
            f"a neuron has no activation {short(activation)}{hint}; choose from "
            f"{', '.join(known)}; whole layers also have {' and '.join(OF_LAYERS)}, and layers of "
            "an MLP maxout"
        )
    return ACTIVATIONS[activation]


def operation_of(activation: Any) -> Op | None:
    """The entry of the table that an activation applies; None for a function of the user's own.

    >>> operation_of(functions.tanh).name, operation_of(lambda z: functions.tanh(z))
    ('tanh', None)
    """
    name = getattr(activation, "__name__", "")
    found: Op | None = getattr(ops, name, None)
    return found if getattr(functions, name, None) is activation else None


def name_of(activation: Callable[..., Any] | None) -> str:
    """The name of what `find_activation` gave."""
    return getattr(activation, "__name__", "function") if activation else "linear"
