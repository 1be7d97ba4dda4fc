"""`compile`: from a function of one example to a program, for any backend."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, overload

from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.compiler.arguments import by_position
from micrograd_plus.compiler.codegen.backends import find_backend
from micrograd_plus.compiler.native.point import PointProgram
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.programs import Programs
from micrograd_plus.compiler.trace import uncollected
from micrograd_plus.graph import check_parameter
from micrograd_plus.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.engine import Value

DTYPES = ("float64", "float32")


@overload
def compile(
    fn: Callable[..., Any],
    /,
    *example: Any,
    params: Module | Iterable[Value] = (),
    backend: Literal["native"],
    batched: Literal[False],
    **named: Any,
) -> PointProgram: ...


@overload
def compile(
    fn: Callable[..., Any],
    first: Any,
    /,
    *example: Any,
    params: Module | Iterable[Value] = (),
    dtype: str = "float64",
    input_gradients: bool = False,
    has_aux: bool = False,
    backend: str = "numpy",
    batched: Literal[True] = True,
    **named: Any,
) -> Program: ...


@overload
def compile(
    fn: Callable[..., Any],
    /,
    *,
    params: Module | Iterable[Value] = (),
    dtype: str = "float64",
    input_gradients: bool = False,
    has_aux: bool = False,
    backend: str = "numpy",
    **named: Any,
) -> Program | Programs: ...


def compile(
    fn: Callable[..., Any],
    /,
    *example: Any,
    params: Module | Iterable[Value] = (),
    dtype: str = "float64",
    input_gradients: bool = False,
    has_aux: bool = False,
    backend: str = "numpy",
    batched: bool = True,
    **named: Any,
) -> Program | PointProgram | Programs:
    """Record a function of one example, and turn it into a program for batches.

    Without an example, a function that needs arguments is compiled when it is called, once for each
    shape of arguments, as by JAX's jit: the result is then `Programs`.

    Args:
        fn: ordinary code on Values; it may close over a model.
        example: an argument for it: a number, or a nested structure of numbers, such as a list, an
            array or a dictionary; the function gets the same with Values in it. An int, or an array
            or list of ints, marks indices, which `take` reads: a call then takes whole numbers
            only, none of which may be outside of the rows. For real numbers write 0.0. Without
            any, calls tell what the arguments are.
        params: what to differentiate with respect to, a model or Values.
        dtype: "float64", or "float32".
        input_gradients: whether `value_and_grad` also differentiates with respect to the inputs.
        has_aux: whether the function returns a pair, of which the first is differentiated and
            the other, any nested Values, is returned as well.
        backend: what runs the program: "numpy" or "jax", for which it becomes matrix code that JAX
            compiles once more for each size of a batch; or "native", the compiled core, which runs
            it operation by operation for 16 examples at a time, and is the fastest where there are
            no large matrices; or "auto", which chooses "numpy" or "native" for each size of a
            batch, by an estimate of what both take.
        batched: whether the program is for batches; if not, it is a `PointProgram` for one point
            at a time, which the native backend alone has.
        named: examples of further arguments, by the names that the function has for them.

    Raises:
        TraceError: the function reads numbers that differ between examples, or records another
            graph each time it runs.
        TypeError: `fn` is not a function, or has no argument of a name, or `params` are not
            Values.
        ValueError: there is no such backend or dtype, the backend lacks an option, or a parameter
            is not a leaf, or given twice.
        ModuleNotFoundError: NumPy is missing, or what the backend needs.

    >>> from micrograd_plus import Value
    >>> w, b = Value(2.0, "w"), Value(1.0, "b")
    >>> program = compile(lambda x, t: (w * x + b - t) ** 2, 0.0, 0.0, params=[w, b])
    >>> program.value_and_grad([1.0, 2.0], [0.0, 0.0])
    (17.0, array([13.,  8.]))
    >>> compile(lambda x, t: (w * x + b - t) ** 2, params=[w, b]).value_and_grad([1.0], [3.0])
    (0.0, array([0., 0.]))
    >>> compile(lambda x, t: (w * x + b - t) ** 2, x=0.0, t=0.0)(x=[1.0], t=[5.0])
    array([4.])
    """
    if not callable(fn):
        raise TypeError(f"a function is needed, not {short(fn)} ({type(fn).__name__})")
    example = by_position(fn, example, named)
    if not isinstance(params, Module):
        params = _values(params)
    dtype = _type_name(dtype)
    if backend == "native" and dtype != "float64":
        raise ValueError(f"the native backend computes in float64, not {dtype}")
    if not batched:
        if backend != "native" or input_gradients or has_aux:
            raise ValueError(
                "with batched=False the backend is 'native', and there is neither input_gradients "
                f"nor has_aux; not {short(backend)}, {short(input_gradients)}, {short(has_aux)}"
            )
        return uncollected(lambda: PointProgram(fn, example, params))
    if backend not in ("native", "auto"):
        find_backend(backend, others=["native", "auto"])
    options = params, dtype, input_gradients, has_aux, backend
    if not example and _needs_arguments(fn):
        return Programs(fn, *options)
    return uncollected(lambda: Program(fn, example, *options))


def _needs_arguments(fn: Callable[..., Any]) -> bool:
    """Whether a function has arguments that stand for an example: without a default, or any."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # some callables have no signature
        return True
    return any(
        p.kind is p.VAR_POSITIONAL
        or (p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty)
        for p in parameters
    )


def _values(params: Any) -> list[Value]:
    if not isinstance(params, Iterable):
        kind = type(params).__name__
        raise TypeError(f"params is a model or a list of Values, not {short(params)} ({kind})")
    listed: list[Value] = params if isinstance(params, list) else list(params)
    seen = set()
    for p in listed:
        check_parameter(p)
        if p in seen:  # by identity
            raise ValueError(f"params has {short(p)} twice: give each parameter once")
        seen.add(p)
    return listed


def _type_name(dtype: Any) -> str:
    """The name of the type of a program's arrays."""
    name = dtype
    if name is not None and name not in DTYPES:  # also accept NumPy's other names, and float
        with suppress(TypeError):  # it is not a type
            name = need("numpy", "numpy").dtype(dtype).name
    if name not in DTYPES:
        raise ValueError(f"dtype is {' or '.join(map(repr, DTYPES))}, not {short(dtype)}")
    return str(name)
