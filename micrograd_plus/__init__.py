"""The autograd engine you can see through.

>>> import micrograd_plus as mg
>>> x, y, z = mg.values(x=1, y=-3, z=4)
>>> f = (x + y) * z
>>> f.backward()
>>> x.grad, y.grad, z.grad
(4.0, 4.0, -2.0)
"""

from micrograd_plus import functions
from micrograd_plus.engine import Value, values
from micrograd_plus.functions import *  # noqa: F403  the functions have one list of their names
from micrograd_plus.graph import NonFiniteError, replay

__all__ = ["NonFiniteError", "Value", "replay", "values", *functions.__all__]
