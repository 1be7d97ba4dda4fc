"""The autograd engine you can see through.

>>> import micrograd_plus as mg
>>> x, y, z = mg.values(x=1, y=-3, z=4)
>>> f = (x + y) * z
>>> f.backward()
>>> x.grad, y.grad, z.grad
(4.0, 4.0, -2.0)

Where a formula or an example comes from, "Source:" names one of five lectures, or a paper:

- lecture A: "Optimization and Backpropagation", Introduction to Deep Learning (I2DL), Technical
  University of Munich
- lecture B: "Neural Networks I", CSC 411, University of Toronto
- lecture C: "Dense Neural Networks", Advanced Machine Learning
- lecture D: "Neural Networks: Backpropagation", on the example of Han and Kamber's "Data Mining"
- lecture E: "Neural Networks, part 2", CSCI 5525, University of Minnesota
"""

from importlib import import_module as _import_module
from pathlib import Path as _Path

from micrograd_plus import functions as _functions
from micrograd_plus._tools.habits import front as _front
from micrograd_plus.graph import hooks as _hooks

# where each public name lives; what most programs don't need is loaded when its name is used
_STUB = __spec__.loader.get_data(str(_Path(__file__).with_suffix(".pyi")))  # from a zip, too
_HOMES = {  # each line is "from home import name", to which more may be added
    name: home
    for _, home, _, given, *_ in map(str.split, _STUB.decode().splitlines())
    for name in (_functions.__all__ if given == "*" else [given])
}
__all__ = sorted(_HOMES)


def _load(name: str) -> object:
    if _HOMES[name] == __name__:
        return _import_module(f"{__name__}.{name}")
    value = globals()[name] = getattr(_import_module(_HOMES[name]), name)
    return value


__getattr__, __dir__ = _front(__name__, __all__, _load)


def _in_notebook(*asked: object) -> dict[str, str]:
    bundle: dict[str, str] = _import_module("micrograd_plus.drawing.picture").in_notebook(*asked)
    return bundle


def _predicted(*asked: object) -> object:
    return _import_module("micrograd_plus.training.predicting").predict(*asked)


_hooks.picture, _hooks.predict = _in_notebook, _predicted
