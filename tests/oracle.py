"""An evaluation of graphs that is independent of the engine: mpmath, 50 digits.

It shares the table's value rules and nothing else: not the functions of floats, not the partial
derivatives, not the backward pass. Derivatives are central differences, exact to 25 digits.
"""

from __future__ import annotations

import mpmath

from micrograd_plus import ops
from micrograd_plus.graph import order
from micrograd_plus.ops import Namespace

DIGITS = 50
STEP = mpmath.mpf(10) ** -14


class _MP(Namespace):
    abs, maximum, minimum, round = map(staticmethod, (mpmath.fabs, max, min, mpmath.nint))
    log2 = staticmethod(lambda x: mpmath.log(x, 2))
    cbrt = staticmethod(lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)))
    mod = staticmethod(lambda x, y: x - y * mpmath.floor(x / y))
    trunc = staticmethod(lambda x: mpmath.sign(x) * mpmath.floor(abs(x)))
    where = staticmethod(lambda condition, a, b: a if condition else b)

    def __getattr__(self, name):
        return getattr(mpmath, name, None) or super().__getattr__(name)


mp = _MP()


def derivative(function, args, position):
    """∂function/∂args[position], by a central difference."""
    with mpmath.workdps(DIGITS):
        above, below = ([mpmath.mpf(x) for x in args] for _ in range(2))
        above[position] += STEP
        below[position] -= STEP
        return (function(*above) - function(*below)) / (2 * STEP)


def is_smooth(op, args, position):
    """Whether an operation has a derivative for that argument, the same from both sides."""
    with mpmath.workdps(DIGITS):
        here, above, below = ([mpmath.mpf(x) for x in args] for _ in range(3))
        above[position] += STEP
        below[position] -= STEP
        if not op.domain.contains(*above) or not op.domain.contains(*below):
            return False
        rise, fall = (op.value(mp, *there) - op.value(mp, *here) for there in (above, below))
        return abs(rise + fall) < 1e-6 * STEP and abs(rise) < 1e6 * STEP


def value(root, leaves, numbers, noise=0.0):
    """The value of a graph at other numbers for its leaves.

    With noise, each result is off by a relative error of that size, always the same one: a
    graph whose derivatives that disturbs is too ill-conditioned to compare in doubles.
    """
    known = dict(zip(map(id, leaves), map(mpmath.mpf, numbers), strict=True))
    for i, node in enumerate(order(root)):
        if node.op is ops.detach:  # for derivatives it is a constant
            known[id(node)] = mpmath.mpf(node.data)
        elif node.op is not None:
            args = [mpmath.mpf(a) if isinstance(a, float) else known[id(a)] for a in node.args]
            known[id(node)] = node.op.value(mp, *args) * (1 + noise * (-1) ** i * (1 + i % 3))
    return known[id(root)]


def gradient(root, leaves, noise=0.0):
    """The derivatives of a graph's value for its leaves, at the leaves' data."""
    numbers = [leaf.data for leaf in leaves]

    def function(*numbers):
        return value(root, leaves, numbers, noise)

    return [derivative(function, numbers, i) for i in range(len(leaves))]
