"""The autograd engine you can see through.

>>> import micrograd_plus as mg
>>> x, y, z = mg.values(x=1, y=-3, z=4)
>>> f = (x + y) * z
>>> f.backward()
>>> x.grad, y.grad, z.grad
(4.0, 4.0, -2.0)
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from micrograd_plus import functions
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.errors import did_you_mean as _did_you_mean
from micrograd_plus.calculus import (
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from micrograd_plus.engine import Value, values
from micrograd_plus.functions import *  # noqa: F403  the functions have one list of their names
from micrograd_plus.graph import number, replay
from micrograd_plus.graph.leaving import LostGradientWarning

if _TYPE_CHECKING:
    from micrograd_plus import datasets, nn, optim, plots
    from micrograd_plus.check.debugging import debug
    from micrograd_plus.check.gradients import check_gradients
    from micrograd_plus.compiler import Program, compile
    from micrograd_plus.drawing.picture import draw
    from micrograd_plus.drawing.play import play
    from micrograd_plus.drawing.quiz import quiz
    from micrograd_plus.drawing.stepper import step_through
    from micrograd_plus.training import Cluster, History, fit
    from micrograd_plus.walk.paths import explain, summary

__all__ = [
    "Cluster",
    "History",
    "LostGradientWarning",
    "NonFiniteError",
    "Program",
    "Value",
    "check_gradients",
    "compile",
    "datasets",
    "debug",
    "derivative",
    "draw",
    "explain",
    "fit",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "nn",
    "optim",
    "play",
    "plots",
    "quiz",
    "replay",
    "step_through",
    "summary",
    "value_and_grad",
    "values",
    "vjp",
    *functions.__all__,
]

_LOADED_WHEN_USED = {
    "Cluster": "micrograd_plus.training",
    "History": "micrograd_plus.training",
    "Program": "micrograd_plus.compiler",
    "compile": "micrograd_plus.compiler",
    "fit": "micrograd_plus.training",
    "check_gradients": "micrograd_plus.check.gradients",
    "debug": "micrograd_plus.check.debugging",
    "explain": "micrograd_plus.walk.paths",
    "summary": "micrograd_plus.walk.paths",
    "draw": "micrograd_plus.drawing.picture",
    "play": "micrograd_plus.drawing.play",
    "quiz": "micrograd_plus.drawing.quiz",
    "step_through": "micrograd_plus.drawing.stepper",
}


_MODULES = ("datasets", "nn", "optim", "plots")


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return _import_module(f"micrograd_plus.{name}")
    if name not in _LOADED_WHEN_USED:
        hint = _did_you_mean(name, __all__)
        # without the module, or Python's own traceback would ask again
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}", name=name)
    value = getattr(_import_module(_LOADED_WHEN_USED[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _in_notebook(*asked: object) -> dict[str, str]:
    bundle: dict[str, str] = _import_module("micrograd_plus.drawing.picture").in_notebook(*asked)
    return bundle


number.picture = _in_notebook
