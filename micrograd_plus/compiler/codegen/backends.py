"""The array libraries that programs are written for: their names for things, and how they run."""

from __future__ import annotations

import math
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen import error_functions
from micrograd_plus.compiler.codegen.python import ATOM, Python, indented, literal, subscript, whole
from micrograd_plus.compiler.codegen.syntax import ALL, Affine, Library, Name, Node, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from micrograd_plus.compiler.codegen.generate import Code
    from micrograd_plus.compiler.codegen.syntax import Function, Index, Loop, Node, Write


def _primitives(library: str, special: str) -> dict[str, str]:
    """Lines that define the functions which rules may call, by the table's names.

    Args:
        library: its name for programs.
        special: where error functions come from: a module, or lines that define both.
    """
    like_math = """cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 maximum
        minimum mod sign sin sinh sqrt tan tanh trunc where abs"""
    others = {"round": "rint", "atan2": "arctan2"} | {
        f"a{name}": f"arc{name}" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")
    }
    names = {name: name for name in like_math.split()} | others
    return {name: f"{name} = {library}.{its}" for name, its in names.items()} | {
        name: f"from {special} import {name}" for name in ("erf", "erfc")
    }


_PRELUDE = {
    f"{name}s_from": f"def {name}s_from(x, starts): return np.{its}.reduceat(x, starts, axis=0)"
    for name, its in (("sum", "add"), ("max", "maximum"), ("min", "minimum"))
} | {
    "placed": """\
def placed(rows, x, size): return np.bincount(rows, x, size).astype(x.dtype, copy=False)""",
    "rows_added": """\
def rows_added(rows, x, count):
    width = x.shape[1]
    places = (rows[:, None] * width + np.arange(width)).ravel()
    return np.bincount(places, x.ravel(), count * width).astype(x.dtype, copy=False)""",
    "windows": """\
def windows(x, first, shape, steps):
    strides = *(step * x.strides[0] for step in steps), *x.strides[1:]
    return np.lib.stride_tricks.as_strided(x[first:], (*shape, *x.shape[1:]), strides)""",
}


@dataclass(frozen=True)
class Interface:
    """How a program's module is called: with an example in each row.

    Attributes:
        shapes: the shape of each argument for one example, by its name.
        outputs: that of the outputs, () for one number.
        count: how many numbers `p` has.
        dtype: "float64" or "float32".
        numbers: those of `p`, if they are to be in the text.
    """

    shapes: Mapping[str, tuple[int, ...]]
    outputs: tuple[int, ...]
    count: int
    dtype: str
    numbers: Sequence[float] | None = None

    def about(self, code: Code, library: str) -> str:
        """The first lines of the module."""
        p = () if self.numbers else ("p",)
        calls = {f"forward({', '.join([*p, *self.shapes])})": f"the outputs, {_rows(self.outputs)}"}
        if code.gradient:
            call = f"value_and_grad({', '.join([*p, *self.shapes, 's=None'])})"
            more = ", and the program's other results" * (len(code.gradient.results) > 2)
            calls[call] = f"their mean, its derivatives by p{more}"
        wide = max(map(len, calls))
        lines = [f"    {call:{wide}}  # {what}" for call, what in calls.items()]
        given = [f"{name} is {_rows(shape)}" for name, shape in self.shapes.items()]
        if p:
            given.insert(0, f"p has the {self.count} numbers of the parameters")
        weight = "; s has the weight of each example, 1 / N by default" if code.gradient else ""
        return "\n".join([
            f'"""A program of micrograd_plus for {library}, called with arrays of N examples:',
            "", *lines, "",
            *textwrap.wrap(f"Each row is an example: {'; '.join(given)}{weight}.", 95), '"""',
        ])  # fmt: skip


def _rows(shape: tuple[int, ...]) -> str:
    """The shape of an array for N examples."""
    return f"({', '.join(['N', *map(str, shape)])}{',' * (not shape)})"


class NumPy(Python):
    """NumPy, whose arrays are changed in place."""

    extra = "numpy"
    longest = math.inf  # the number of lines that a program may have
    imports: tuple[str, ...] = ("import numpy as np",)
    compiled: tuple[str, ...] = ()  # decorators of each function
    primitives = _primitives("np", "scipy.special")
    if not find_spec("scipy"):
        primitives |= dict.fromkeys(("erf", "erfc"), error_functions.NUMPY)
    prelude = _PRELUDE

    def module(self, code: Code, interface: Interface) -> str:
        """A program as the text of a Python module.

        Args:
            code: the program.
            interface: how it is called.
        """
        lines = [interface.about(code, type(self).__name__), "", *self.header(interface.dtype), ""]
        if interface.numbers is not None:
            numbers = textwrap.wrap(", ".join(map(repr, interface.numbers)), 95)
            end = f'], dtype="{interface.dtype}")'
            lines += [f"p = {self.library}.array([", *indented(numbers), end]
        return "\n".join([*lines, self.functions(code, interface)])

    def functions(self, code: Code, interface: Interface | None = None) -> str:
        """A program as functions, without the imports that they need.

        Args:
            code: the program.
            interface: how it is called; by default with arrays of (numbers, examples).
        """
        made = [function for function in (code.forward, code.gradient) if function]
        lines = self.definitions([(function.lines, function.results) for function in made])
        lines += ["", *(f"{x} = np.array({literal(y)})" for x, y in code.arrays.constants.items())]
        for function in made:
            lines += ["", "", *self.compiled, *self.function(function, interface)]
        return "\n".join([*lines, ""])

    def function(self, function: Function, interface: Interface | None = None) -> list[str]:
        """The lines of a function of a batch; see `functions`."""
        given, body = list(function.parameters), []
        for name, shape in interface.shapes.items() if interface else ():
            array = f"{self.library}.asarray({name}, p.dtype)"
            body.append(f"{name} = {array}.reshape(len({name}), {math.prod(shape)}).T")
        body.append(f"N = {given[1]}.shape[1]")
        if given[-1] == "s":
            given[-1] = "s=None"
            full = f"{self.library}.full(N, 1 / max(N, 1), p.dtype)"
            weight = f"s = {full} if s is None else {self.own('s')}"
            body.append(f"{weight}  # the weight of each example")
        if interface:
            function = replace(function, results=_by_rows(function, interface))
            given = given[interface.numbers is not None :]
        body += [*self.block(function.lines), f"return {self.results(function)}"]
        return [f"def {function.name}({', '.join(given)}):", *indented(body)]

    def write(self, line: Write) -> str:
        target = line.target
        if not isinstance(target, Part) and not (line.adds and isinstance(target, Name)):
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

    def ready(self, function: Callable[..., Any], dtype: str) -> Callable[..., Any]:
        """A function of a program, to be called as it is: it takes and returns NumPy's arrays.

        Args:
            function: one that the program's text defines.
            dtype: "float64" or "float32".
        """
        quiet: Callable[..., Any] = need("numpy", self.extra).errstate(all="ignore")(function)
        return quiet


def _by_rows(function: Function, interface: Interface) -> Sequence[Node]:
    """The results of a function, with an example in each row."""
    if function.name == "forward":
        (rows,) = function.results
        if len(interface.outputs) > 1:
            return [rows.T.library("reshape", "N", *interface.outputs)]
        return [rows.T if interface.outputs else rows[0]]
    value, gradient, *wide = function.results
    return [value, gradient, *(rows.T for rows in wide)]


_JAX_PRELUDE = {
    f"{name}s_from": f"""\
def {name}s_from(x, starts):
    owners = np.searchsorted(starts, np.arange(len(x)), side="right") - 1
    return jax.ops.segment_{name}(1.0 * x, owners, len(starts))"""
    for name in ("sum", "max", "min")
} | {
    "placed": "def placed(rows, x, size): return jnp.zeros(size, x.dtype).at[rows].add(x)",
    "rows_added": """\
def rows_added(rows, x, count):
    return jnp.zeros((count, x.shape[1]), x.dtype).at[rows].add(x)""",
    "windows": """\
def windows(x, first, shape, steps):
    rows = first + sum(np.ix_(*(step * np.arange(n) for n, step in zip(shape, steps))))
    return x[rows]""",
}


@dataclass(eq=False)
class _Updated(Part):
    """A copy of an array in which a part has another value, or to which that is added."""

    value: Node
    adds: bool


class JAX(NumPy):
    """JAX, whose arrays are never changed, and whose functions are compiled by XLA."""

    extra = "jax"
    library = "jnp"
    longest = 2000  # XLA takes about 20 ms for each, and memory that grows faster
    imports = ("import jax", "import jax.numpy as jnp", "import numpy as np")
    compiled = ("@jax.jit",)
    primitives = _primitives("jnp", "jax.scipy.special")
    prelude = _JAX_PRELUDE

    def loop(self, loop: Loop) -> list[str]:
        names = loop.carried
        arrays = f"({', '.join(names)}{',' * (len(names) == 1)})"
        lines = [f"{arrays} = so_far", *self.block(loop.lines), f"return {arrays}"]
        if loop.step > 1:
            lines.insert(0, f"{loop.index} = {loop.step} * {loop.index}")
        done = f"jax.lax.fori_loop(0, {loop.count}, one_turn, {arrays})"
        return [f"def one_turn({loop.index}, so_far):", *indented(lines), f"{arrays} = {done}"]

    def part(self, array: str, index: Index) -> str:
        if (moving := _moving(index)) is None:
            return super().part(array, index)
        axis, part, others = moving
        array = _slice(array, axis, part)
        return array if all(x == ALL for x in others) else self.part(array, others)

    def _written(self, x: Node) -> tuple[str, int]:
        if not isinstance(x, _Updated):
            return super()._written(x)
        array, value = self.text(x.array, ATOM), self.text(x.value)
        method = "add" if x.adds else "set"
        if (moving := _moving(x.index)) is None:
            return f"{array}.at[{subscript(x.index)}].{method}({value})", ATOM
        axis, part, others = moving
        piece = f"{_slice(array, axis, part)}.at[{subscript(others)}].{method}({value})"
        place = f"{whole(part.start)}, {axis}"
        return f"jax.lax.dynamic_update_slice_in_dim({array}, {piece}, {place})", ATOM

    def write(self, line: Write) -> str:
        target, value, adds, done = line.target, line.value, line.adds, False
        if adds and isinstance(target, Name):
            return super().write(line)
        if isinstance(target, Library):  # as writing to it would
            value = Library("broadcast_to", [value, f"{self.text(target, ATOM)}.shape"])
        while not (done and isinstance(target, Name)):  # what it is a part of is replaced
            match target:
                case Library("T", (target,)):
                    value = value.T
                case Library("transpose", (target, *order)):
                    value = value.library("transpose", *map(order.index, range(len(order))))
                case Library("reshape", (target, *_)):
                    value = value.library("reshape", f"*{self.text(target, ATOM)}.shape")
                case Part(array, index):
                    value, target = _Updated(array, index, value, adds), array
                    adds, done = False, True
                case _:
                    target = target[ALL]
        return f"{target.name} = {self.text(value)}"

    def namespace(self) -> dict[str, Any]:
        jax = need("jax", self.extra)
        return {"jax": jax, "jnp": jax.numpy, "np": need("numpy", self.extra)}

    def header(self, dtype: str) -> list[str]:
        wide = f'jax.config.update("jax_enable_x64", {dtype == "float64"})'
        return [*self.imports, "", wide]

    def own(self, array: str) -> str:
        return f"jnp.asarray({array})"

    def ready(self, function: Callable[..., Any], dtype: str) -> Callable[..., Any]:
        jax, numpy = need("jax", self.extra), need("numpy", self.extra)

        def run(*arrays: Any) -> Any:
            with precision(jax, dtype == "float64"):
                found = function(*arrays)
                # copies, as JAX's arrays are read-only
                several = isinstance(found, tuple)
                return tuple(map(numpy.array, found)) if several else numpy.array(found)

        return run


def _moving(index: Index) -> tuple[int, slice, Index] | None:
    """The first slice that moves in a loop: its axis, itself, and the index of what it gives."""
    for i, x in enumerate(index):
        if isinstance(x, slice) and isinstance(x.start, Affine):
            axis = sum(other is not None for other in index[:i])
            return axis, x, (*index[:i], slice(None, None, x.step), *index[i + 1 :])
    return None


def _slice(array: str, axis: int, part: slice) -> str:
    """A slice that moves in a loop, without its step."""
    start, length = whole(part.start), part.stop - part.start
    where = f", {axis}" * (axis > 0)
    return f"jax.lax.dynamic_slice_in_dim({array}, {start}, {length}{where})"


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
        raise ValueError(choose("there is no backend", name, [*BACKENDS, *others]))
    return BACKENDS[name]
