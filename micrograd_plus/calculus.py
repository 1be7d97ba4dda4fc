"""Derivatives of functions: gradients, Jacobians, Hessians, forward and reverse mode.

The functions to differentiate take Values, or nested lists, tuples, dictionaries and arrays of
them, and return the same. A transform takes numbers in these shapes and returns numbers, with lists
for arrays and tables. Given Values, or asked with `create_graph=True`, it returns Values, so that
transforms can be nested to any order. Where all arguments are given by name, derivatives come in a
dictionary by these names; those given by name beside others are passed on unchanged, and not
differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.nested import aligned, filled, flat, listed, mapped
from micrograd_plus._tools.text import short
from micrograd_plus.core import twin
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, order
from micrograd_plus.graph.leaving import running, tell
from micrograd_plus.graph.recording import recorded
from micrograd_plus.graph.sweep import derivatives, forward, plus, times
from micrograd_plus.ops.floats import floats

Function = Callable[..., Any]
_SCALAR = (Value, *REAL)

flat, filled = twin(flat), twin(filled)


def value_and_grad(f: Function, create_graph: bool = False) -> Function:
    """A function that computes `f` and its gradient together.

    Args:
        f: a function of scalars, or of nested structures of scalars, that returns a scalar.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        A function of the same arguments that returns the value and the gradient: for one
        argument the gradient in its shape, for several a tuple of them.

    Raises:
        TypeError: `create_graph` is something else; or (when called) `f` does not return a scalar.
        NonFiniteError: (when called) a value or a derivative is not a finite number.

    >>> value_and_grad(lambda x, y: x * y)(2, 3)
    (6.0, (3.0, 2.0))
    >>> value_and_grad(lambda x, y: x * y)(x=2, y=3)
    (6.0, {'x': 3.0, 'y': 2.0})
    """
    _check_flag("value_and_grad", create_graph)

    @wraps(f)
    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        call = _Call(f, args, create_graph, options)
        return call.plain(call.scalar()), call.shaped(call.gradient(call.scalar()))

    return value_and_gradient


def grad(f: Function, create_graph: bool = False) -> Function:
    """A function that computes the gradient of `f`.

    Args:
        f: a function of scalars, or of nested structures of scalars, that returns a scalar.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        A function of the same arguments: for one argument it returns the gradient in its shape,
        for several a tuple of them.

    Raises:
        TypeError: `create_graph` is something else; or (when called) `f` does not return a scalar.
        NonFiniteError: (when called) a value or a derivative is not a finite number.

    Source: lecture C, see help(micrograd_plus).

    >>> grad(lambda x: 5 * x[0] ** 2 + 3 * x[1] ** 2)([2, 1])
    [20.0, 6.0]
    >>> grad(grad(lambda x: x**3))(2)
    12.0
    """
    _check_flag("grad", create_graph)

    @wraps(f)
    def gradient(*args: Any, **options: Any) -> Any:
        call = _Call(f, args, create_graph, options)
        return call.shaped(call.gradient(call.scalar()))

    return gradient


def jacobian(f: Function, create_graph: bool = False) -> Function:
    """A function that computes the Jacobian of `f`, a reverse pass for each output.

    Args:
        f: a function of scalars, or of nested structures of them, that returns either.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        A function of the same arguments that returns a gradient for each output, in the shape
        of the outputs.

    Raises:
        TypeError: `create_graph` is something else; or (when called) `f` returns another thing.
        NonFiniteError: (when called) a value or a derivative is not a finite number.

    Source: lecture C, see help(micrograd_plus).

    >>> jacobian(lambda x: [x[0] * x[1], x[1] + x[2]])([1, 2, 3])
    [[2.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    """
    _check_flag("jacobian", create_graph)

    @wraps(f)
    def matrix(*args: Any, **options: Any) -> Any:
        call = _Call(f, args, create_graph, options)
        return _map(lambda output: call.shaped(call.gradient(output)), call.output)

    return matrix


def hessian(f: Function, create_graph: bool = False) -> Function:
    """A function that computes the Hessian of `f`: n reverse passes for n variables.

    Args:
        f: a function of scalars, or of nested structures of them, that returns either.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        A function of the same arguments that returns the gradient's Jacobian: for a list of n
        numbers an n by n list of lists; and one for each output, in the shape of the outputs.

    Raises:
        TypeError: `create_graph` is something else; or (when called) `f` returns another thing.
        NonFiniteError: (when called) a value or a derivative is not a finite number.

    Source: lecture C, see help(micrograd_plus).

    >>> hessian(lambda x: 5 * x[0] ** 2 + 3 * x[1] ** 2 + 4 * x[0] * x[1])([2, 1])
    [[10.0, 4.0], [4.0, 6.0]]
    """
    _check_flag("hessian", create_graph)
    return jacobian(jacobian(f), create_graph)


def derivative(f: Function, order: int = 1, create_graph: bool = False) -> Function:
    """A function that computes a derivative of `f`, a function of one number, of any order.

    Args:
        f: a function of a scalar that returns a scalar, or a nested structure of scalars.
        order: how often to differentiate, 0 or more.
        create_graph: whether to return a Value, which can be differentiated again.

    Raises:
        ValueError: `order` is not a whole number of 0 or more.
        TypeError: (when called) there is more than one argument, or `f` returns something else.
        NonFiniteError: (when called) a value or a derivative is not a finite number.

    Source: lecture C, see help(micrograd_plus).

    >>> derivative(lambda x: x**4, order=3)(2)
    48.0
    """
    _check_flag("derivative", create_graph)
    if not isinstance(order, int) or order < 0:
        raise ValueError(f"the order of a derivative is a whole number from 0, not {short(order)}")

    @wraps(f)
    def slopes(*args: Any, **options: Any) -> Any:
        call = _Call(f, args, create_graph, options)
        if len(call.leaves) != 1:
            raise TypeError(
                f"a derivative is that of a function of one number, not of {len(call.leaves)}: "
                "grad differentiates with respect to several"
            )

        def slope(found: Any) -> Any:
            for n in range(order):
                found = call.gradient(found, call.as_values or n < order - 1)[0]
            return call.plain(found)

        return _map(slope, call.output)

    return slopes


def jvp(f: Function, primals: Any, tangents: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """The value of `f` and its derivative along a direction, in forward mode.

    One pass through the graph from the inputs to the outputs, by the same table of derivatives.

    Args:
        f: a function of nested structures of scalars that returns a scalar or such a structure.
        primals: a tuple of arguments for `f`.
        tangents: the direction, in the shape of `primals`.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        The value, and J · tangents in the shape of the value.

    Raises:
        ValueError: the shapes of `primals` and `tangents` differ.
        NonFiniteError: a value or a derivative is not a finite number.

    >>> jvp(lambda x, y: x * y, (2, 3), (1, 0))
    (6.0, 3.0)
    """
    create_graph = create_graph or any(isinstance(x, Value) for x in flat(tangents))
    call = _Call(f, primals, create_graph, {})
    direction = _same_shape(tangents, call.args, "the tangents")
    return call.plain(call.output), call.plain(call.along(direction))


def vjp(f: Function, *primals: Any, create_graph: bool = False) -> tuple[Any, Function]:
    """The value of `f`, and a function from upstream gradients to those of the arguments.

    Args:
        f: a function of nested structures of scalars that returns a scalar or such a structure.
        primals: the arguments.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        The value, and a function of upstream gradients in the value's shape that returns
        Jᵀ · upstream: for one argument in its shape, for several a tuple.

    Raises:
        ValueError: (when called) the upstream gradients have another shape than the value.
        NonFiniteError: a value or a derivative is not a finite number.

    >>> value, pullback = vjp(lambda x: [x[0] * x[1], x[1]], [2, 3])
    >>> value, pullback([1, 10])
    ([6.0, 3.0], [3.0, 12.0])
    """
    call = _Call(f, primals, create_graph, {})
    outputs = flat(call.output)

    def pullback(upstream: Any) -> Any:
        weights = _same_shape(upstream, call.output, "the upstream gradients")
        as_values = call.as_values or any(isinstance(x, Value) for x in weights)
        if not as_values:
            weights = list(map(_number, weights))
        total: list[Any] = [0.0] * len(call.leaves)
        for output, weight in zip(outputs, weights, strict=True):
            terms = [times(weight, slope) for slope in call.gradient(output, as_values)]
            total = list(map(plus, total, terms))
        if not all(map(math.isfinite, total)):
            raise NonFiniteError("the product with the upstream gradients is not finite")
        return call.shaped(total)

    return call.plain(call.output), pullback


def hvp(f: Function, primals: Any, tangents: Any, create_graph: bool = False) -> Any:
    """The Hessian of `f` times a vector, forward mode over reverse mode, without the Hessian.

    Args:
        f: a function of nested structures of scalars that returns a scalar or such a structure.
        primals: a tuple of arguments for `f`.
        tangents: the vector, in the shape of `primals`.
        create_graph: whether to return Values, which can be differentiated again.

    Returns:
        H · tangents: for one argument in its shape, for several a tuple; and one for each output,
        in the shape of the outputs.

    Raises:
        TypeError: `f` returns something else.
        ValueError: the shapes of `primals` and `tangents` differ.
        NonFiniteError: a value or a derivative is not a finite number.

    >>> hvp(lambda x: x[0] ** 2 * x[1], ([2, 3],), ([1, 0],))
    [6.0, 4.0]
    """
    return jvp(jacobian(f), primals, tangents, create_graph)[1]


def _check_flag(transform: str, create_graph: Any) -> None:
    """Tell who gives a transform the point, as elsewhere, or the numbers of some arguments."""
    if not isinstance(create_graph, bool):
        raise TypeError(
            f"create_graph is True or False, not {short(create_graph)}: {transform}(f) is a "
            f"function of the arguments of f, as in {transform}(f)(2.0), and differentiates with "
            "respect to all"
        )


class _Call:
    """One call of a function, recorded: its leaves, its output, and the shapes of both."""

    def __init__(self, f: Function, args: Any, create_graph: bool, options: dict[str, Any]) -> None:
        if not callable(f):
            raise TypeError(f"a function is needed, not {short(f)} ({type(f).__name__})")
        if not isinstance(args, tuple):
            raise TypeError(f"the arguments come as a tuple, such as (x,), not as {short(args)}")
        named = bool(options) and not args
        if named:  # a dictionary is what is differentiated
            args, options = (options,), {}
        self.args, inputs, self.leaves, self.done = planted(args)
        departures: list[Any] = []
        calls = running()
        # results inside the function of another transform may depend on that one's arguments
        self.as_values = bool(create_graph or calls or self.done)
        try:
            calls.append(departures)
            self.output = f(**inputs[0]) if named else f(*inputs, **options)
        finally:
            calls.pop()
        outputs = flat(self.output)
        for x in outputs:
            if not isinstance(x, _SCALAR) or isinstance(x, bool):
                kind = type(x).__name__
                raise TypeError(f"the function has to return Values, not {short(x)} ({kind})")
        if departures:
            tell(departures, self.leaves, outputs, self.done)

    def scalar(self) -> Any:
        """The output, which has to be one number."""
        if isinstance(self.output, _SCALAR):
            return self.output
        kind = type(self.output).__name__
        raise TypeError(
            f"the function has to return one Value, not {short(self.output)} ({kind}): jacobian "
            "differentiates several"
        )

    def gradient(self, output: Any, as_values: bool | None = None) -> list[Any]:
        """One reverse pass: the derivatives of an output with respect to the leaves."""
        if not isinstance(output, Value):
            return [0.0] * len(self.leaves)
        as_values = self.as_values if as_values is None else as_values
        return derivatives(output, self.leaves, self.done, recorded if as_values else floats)

    def along(self, direction: list[Any]) -> Any:
        """One forward pass: the derivatives of all outputs along a direction."""
        tangents = dict(zip(self.leaves, direction, strict=True))
        # where a Value was given, the leaf is itself a result: its product with 1
        seen = {*self.done, *map(id, self.leaves)} if self.done else set()
        for output in flat(self.output):
            if isinstance(output, Value):
                nodes = order(output, seen)
                forward(nodes, tangents, recorded if self.as_values else floats)
                seen.update(map(id, nodes))
        return _map(lambda x: tangents.get(x, 0.0) if isinstance(x, Value) else 0.0, self.output)

    def shaped(self, numbers: list[Any]) -> Any:
        """One number for each leaf, in the shape of the arguments."""
        shaped = filled(self.args, iter(numbers))
        return shaped[0] if len(shaped) == 1 else shaped

    def plain(self, nested: Any) -> Any:
        """Values unchanged, or as floats if Values were not asked for."""
        return nested if self.as_values else _map(_number, nested)


@twin
def planted(args: tuple[Any, ...]) -> tuple[Any, Any, list[Value], set[int]]:
    """The arguments of a call of a function that is to be differentiated, ready to be recorded.

    Returns:
        The arguments as they were given, with lists for arrays; the same for the function, with a
        new leaf for each number; the leaves in order; the ids of the Values among the arguments.

    >>> planted(([2.0], 3.0))[1]
    ([Value(data=2.0, grad=0.0)], Value(data=3.0, grad=0.0))
    """
    args = tuple(map(listed, args))
    given: list[Any] = []
    leaves: list[Value] = []
    done: set[int] = set()

    def plant(x: Any) -> Value:
        if isinstance(x, Value):
            done.add(id(x))
            leaf = x * 1.0  # a leaf of its own, even if one Value is given twice
        else:
            leaf = Value(x)
        given.append(x)
        leaves.append(leaf)
        return leaf

    inputs = mapped(plant, args)
    return filled(args, iter(given), "lists"), inputs, leaves, done


def _number(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def _same_shape(given: Any, expected: Any, what: str) -> list[Any]:
    """The scalars of `given`, which has to have the shape of `expected`."""
    scalars = aligned(given, expected)
    if scalars is None:
        given_shape, shape = (_map(lambda _: 0, nested) for nested in (given, expected))
        raise ValueError(f"{what} need the shape {short(shape)}, not {short(given_shape)}")
    for x in scalars:
        if not isinstance(x, _SCALAR):
            raise TypeError(f"{what} are numbers, not {short(x)} ({type(x).__name__})")
    return scalars


def _map(function: Callable[[Any], Any], nested: Any) -> Any:
    """The nested structure with a function applied to its scalars; arrays become lists."""
    return mapped(function, nested, "lists")
