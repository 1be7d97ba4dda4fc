"""Update rules, schedules for their rates, and clipping of gradients.

Others import `clipping`, `optimizer` and `rules`.
"""

from micrograd_plus._tools.habits import front
from micrograd_plus.optim.clipping import clip_by_norm, clip_by_value
from micrograd_plus.optim.newton import newton, newton_step
from micrograd_plus.optim.optimizer import Optimizer
from micrograd_plus.optim.rules import (
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSprop,
    Rule,
)
from micrograd_plus.optim.schedules import Constant, Cosine, Exponential, InverseTime, Steps, WarmUp

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "GradientDescent",
    "InverseTime",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "Rule",
    "Steps",
    "WarmUp",
    "clip_by_norm",
    "clip_by_value",
    "newton",
    "newton_step",
]

__getattr__, __dir__ = front(__name__, __all__)
