"""Neural networks on Values: layers, losses and initial weights.

Others import `activations`, `losses`, `module` and `trained`.
"""

from micrograd_plus._tools.habits import front
from micrograd_plus.nn.activations import ACTIVATIONS
from micrograd_plus.nn.initial import INITIAL
from micrograd_plus.nn.layers import MLP, Layer, Maxout, Neuron
from micrograd_plus.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    l1,
    l1_penalty,
    l2_penalty,
    mse,
    softmax_cross_entropy,
    squared_error,
)
from micrograd_plus.nn.module import Module

__all__ = [
    "ACTIVATIONS",
    "INITIAL",
    "MLP",
    "Layer",
    "Maxout",
    "Module",
    "Neuron",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "l1",
    "l1_penalty",
    "l2_penalty",
    "mse",
    "softmax_cross_entropy",
    "squared_error",
]

__getattr__, __dir__ = front(__name__, __all__)
