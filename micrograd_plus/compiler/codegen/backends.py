"""The array libraries that programs are written for: their names for things, and how they run."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.error_functions import ERROR_FUNCTIONS
from micrograd_plus.compiler.codegen.python import Python, indented, literal, subscript
from micrograd_plus.compiler.codegen.syntax import (
    ALL,
    Binary,
    Library,
    Name,
    Part,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from micrograd_plus.compiler.codegen.generate import Code
    from micrograd_plus.compiler.codegen.syntax import Function, Write


def _primitives(library: str, special: str) -> dict[str, str]:
    """Lines that define the functions which rules may call, by the table's names.

    Args:
        library: its name for programs.
        special: where error functions come from: a module, or lines that define both.
    """
    like_math = """cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 maximum
        minimum sign sin sinh sqrt tan tanh trunc where abs"""
    others = {"round": "rint", "atan2": "arctan2"} | {
        f"a{name}": f"arc{name}" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")
    }
    names = {name: name for name in like_math.split()} | others
    return {name: f"{name} = {library}.{its}" for name, its in names.items()} | {
        name: f"from {special} import {name}" for name in ("erf", "erfc")
    }


LARGE = 10_000
"""The number of elements from which avoiding a copy pays off."""


class NumPy(Python):
    """NumPy, whose arrays are changed in place."""

    extra = "numpy"
    longest = math.inf  # the number of lines that a program may have
    imports: tuple[str, ...] = ("import numpy as np",)
    compiled: tuple[str, ...] = ()  # decorators of each function
    primitives = _primitives("np", "scipy.special")
    if not find_spec("scipy"):
        primitives |= dict.fromkeys(("erf", "erfc"), ERROR_FUNCTIONS)

    def module(self, code: Code, dtype: str) -> str:
        """A program as the text of a Python module.

        Args:
            code: the program.
            dtype: "float64" or "float32".
        """
        return "\n".join([*self.header(dtype), "", self.functions(code)])

    def functions(self, code: Code) -> str:
        """A program as functions, without the imports that they need."""
        made = [function for function in (code.forward, code.gradient) if function]
        lines = self.definitions([(function.lines, function.results) for function in made])
        lines += ["", *(f"{x} = np.array({literal(y)})" for x, y in code.arrays.constants.items())]
        for function in made:
            lines += ["", "", *self.compiled, *self.function(function)]
        return "\n".join([*lines, ""])

    def function(self, function: Function) -> list[str]:
        """The lines of a function of a batch."""
        given = list(function.parameters)
        body = [f"N = {given[1]}.shape[1]"]
        if given[-1] == "s":
            given[-1] = "s=None"
            full = f"{self.library}.full(N, 1 / max(N, 1), p.dtype)"
            weight = f"s = {full} if s is None else {self.own('s')}"
            body.append(f"{weight}  # the weight of each example")
        body += [*map(self.line, function.lines), f"return {self.results(function)}"]
        return [f"def {function.name}({', '.join(given)}):", *indented(body)]

    def write(self, line: Write) -> str:
        target, value, adds = line.target, line.value, line.adds
        is_view = not (isinstance(target, Part) and isinstance(target.index[0], Name))
        if line.repeated and isinstance(target, Part):
            places = f"{self.text(target.array)}, {subscript(target.index)}"
            return f"np.add.at({places}, {self.text(value)})"
        match value:
            case Binary("@", left, right) if is_view and not adds and line.size >= LARGE:
                product = f"{self.library}.matmul({self.text(left)}, {self.text(right)}"
                return f"{product}, out={self.text(target)})"
        if not isinstance(target, Part) and not (adds and isinstance(target, Name)):
            target = target[ALL]
        return super().write(replace(line, target=target))

    def header(self, dtype: str) -> list[str]:
        """The lines that a module begins with."""
        return list(self.imports)

    def namespace(self) -> dict[str, Any]:
        """The globals of a program's text: the modules that it imports."""
        return {"np": need("numpy", self.extra)}

    def own(self, array: str) -> str:
        """Convert an array from NumPy's."""
        return array

    def running(self, dtype: str) -> Callable[[], AbstractContextManager[Any]]:
        """A factory of the context managers in which a program runs."""
        return partial(need("numpy", self.extra).errstate, all="ignore")

    def fetched(self, arrays: Any) -> Any:
        """Convert the results of a program to NumPy's arrays."""
        return arrays


class JAX(NumPy):
    """JAX, whose arrays are never changed, and whose functions are compiled by XLA."""

    extra = "jax"
    library = "jnp"
    longest = 2000  # XLA takes about 20 ms for each, and memory that grows faster
    imports = ("import jax", "import jax.numpy as jnp", "import numpy as np")
    compiled = ("@jax.jit",)
    primitives = _primitives("jnp", "jax.scipy.special")

    def write(self, line: Write) -> str:
        target, value, method = line.target, line.value, "add" if line.adds else "set"
        if line.adds and isinstance(target, Name):
            return super().write(line)
        match target:  # the vector of which it is a view is replaced
            case Library("T", (target,)):
                value = value.T
        text = self.text(value)
        match target:
            case Part(Library("reshape", (vector, *_)) as block, columns):
                text = f"{self.text(block)}.at[{subscript(columns)}].{method}({text}).reshape(-1)"
                target, method = vector, "set"
            case Library("reshape", (vector, *_)):
                target, text = vector, self.text(value.library("reshape", -1))
        part = target if isinstance(target, Part) else target[ALL]
        array = self.text(part.array)
        return f"{array} = {array}.at[{subscript(part.index)}].{method}({text})"

    def namespace(self) -> dict[str, Any]:
        jax = need("jax", self.extra)
        return {"jax": jax, "jnp": jax.numpy, "np": need("numpy", self.extra)}

    def header(self, dtype: str) -> list[str]:
        wide = f'jax.config.update("jax_enable_x64", {dtype == "float64"})'
        return [*self.imports, "", wide]

    def own(self, array: str) -> str:
        return f"jnp.asarray({array})"

    def running(self, dtype: str) -> Callable[[], AbstractContextManager[Any]]:
        return partial(precision, need("jax", self.extra), dtype == "float64")

    def fetched(self, arrays: Any) -> Any:
        numpy = need("numpy", self.extra)
        several = isinstance(arrays, tuple)  # copies, as JAX's arrays are read-only
        return tuple(map(numpy.array, arrays)) if several else numpy.array(arrays)


@contextmanager
def precision(jax: Any, wide: bool) -> Iterator[None]:
    """Within the block JAX computes in 64 bits or in 32, in this thread; then as before it.

    Args:
        jax: the library.
        wide: whether in 64.
    """
    before = jax.config.jax_enable_x64
    try:
        with jax.enable_x64(wide):
            yield
    finally:
        if jax.config.jax_enable_x64 != before:  # JAX's own block was interrupted
            jax.enable_x64(before).__enter__()


BACKENDS = {"numpy": NumPy(), "jax": JAX()}


def find_backend(name: str, others: Sequence[str] = ()) -> NumPy:
    """The backend of that name.

    Args:
        name: one of `BACKENDS`.
        others: what else might have been meant, for the error's list.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in BACKENDS:
        known = ", ".join([*BACKENDS, *others])
        raise ValueError(f"there is no backend {name!r}; choose from {known}")
    return BACKENDS[name]
