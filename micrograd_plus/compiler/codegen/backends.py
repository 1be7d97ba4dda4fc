"""The array libraries that programs are written for: what each calls things, and how it is run."""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager


class View(NamedTuple):
    """A matrix that lies regularly in a vector, which numbers can be written through.

    Attributes:
        start, stop: the part of the vector.
        shape: the rows and columns that the part is arranged in.
        columns: how many of them belong to the matrix, from the first.
        transposed: whether the matrix has rows for columns.
    """

    start: int
    stop: int
    shape: tuple[int, int]
    columns: int
    transposed: bool

    @property
    def part(self) -> str:
        return f"[{self.start}:{self.stop}]"

    @property
    def cut(self) -> str:
        return "" if self.columns == self.shape[1] else f"[:, :{self.columns}]"

    def __str__(self) -> str:
        return f"{self.part}.reshape{self.shape}{self.cut}{'.T' * self.transposed}"


class NumPy:
    """NumPy, whose arrays are changed in place."""

    extra = "numpy"
    library = "np"
    longest = math.inf  # the number of lines that a program may have
    large: float = 10_000  # numbers, from which on an array that is only copied costs time
    imports = ("import math", "", "import numpy as np")
    compiled: tuple[str, ...] = ()  # what stands above each function
    erf = "np.vectorize(math.{0}, otypes=[float])"

    @property
    def primitives(self) -> dict[str, str]:
        """What the functions that rules may call are in this library, by the table's names."""
        like_math = """cbrt ceil cos cosh exp expm1 floor hypot log log10 log1p log2 maximum
            minimum sin sinh sqrt tan tanh trunc where abs"""
        others = {"round": "rint", "atan2": "arctan2"} | {
            f"a{name}": f"arc{name}" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")
        }
        names = dict.fromkeys(like_math.split()) | others
        return {name: f"{self.library}.{its or name}" for name, its in names.items()} | {
            name: self.erf.format(name) for name in ("erf", "erfc")
        }

    def put(self, array: str, index: str | View, numbers: str) -> str:
        """The line that writes numbers into a part of an array."""
        index = str(index)
        return f"{array}{index if index.endswith(']') else index + '[:]'} = {numbers}"

    def add(self, array: str, index: str | View, numbers: str) -> str:
        """The line that adds numbers to a part of an array, or to all of it if the index is ""."""
        index = str(index)
        return f"{array}{index + '[:]' if index[-1:] in ')T' and index else index} += {numbers}"

    def add_at(self, array: str, index: str | View, numbers: str) -> str:
        """The line that adds numbers at places that may occur several times."""
        return f"np.add.at({array}, {str(index)[1:-1]}, {numbers})"

    def put_product(self, array: str, view: View, left: str, right: str) -> str:
        """The line that writes a large product of matrices into a part of an array."""
        return f"{self.library}.matmul({left}, {right}, out={array}{view})"

    def header(self, dtype: str) -> list[str]:
        """The lines that a module begins with."""
        return list(self.imports)

    def namespace(self) -> dict[str, Any]:
        """What the text of a program finds when it is run: the modules that it imports."""
        return {"math": math, "np": need("numpy", self.extra)}

    def own(self, array: str) -> str:
        """An array of NumPy as one of this library."""
        return array

    def running(self, dtype: str) -> Callable[[], AbstractContextManager[Any]]:
        """What makes the surroundings that a program has to run in, anew for each run."""
        return partial(need("numpy", self.extra).errstate, all="ignore")

    def fetched(self, arrays: Any) -> Any:
        """The results of a program as arrays of NumPy."""
        return arrays


class JAX(NumPy):
    """JAX, whose arrays are never changed, and whose functions are compiled by XLA."""

    extra = "jax"
    library = "jnp"
    large = math.inf  # XLA itself sees what is only copied
    longest = 2000  # about 20 ms for XLA each, and memory that grows faster
    imports = ("import jax", "import jax.numpy as jnp", "import numpy as np")
    compiled = ("@jax.jit",)
    erf = "jax.scipy.special.{0}"

    def put(self, array: str, index: str | View, numbers: str) -> str:
        return self._changed(array, index or "[:]", "set", numbers)

    def add(self, array: str, index: str | View, numbers: str) -> str:
        if not index:
            return super().add(array, index, numbers)
        return self._changed(array, index, "add", numbers)

    def add_at(self, array: str, index: str | View, numbers: str) -> str:
        return self._changed(array, index, "add", numbers)

    def _changed(self, array: str, index: str | View, method: str, numbers: str) -> str:
        if isinstance(index, View):
            if index.transposed:
                numbers = f"({numbers}).T"
            if index.cut:
                old = f"{array}{index.part}.reshape{index.shape}"
                numbers = f"{old}.at{index.cut}.{method}({numbers})"
                method = "set"
            index, numbers = index.part, f"({numbers}).reshape(-1)"
        return f"{array} = {array}.at{index}.{method}({numbers})"

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
        several = isinstance(arrays, tuple)  # copies, as those of JAX can't be written to
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
        if jax.config.jax_enable_x64 != before:  # its own block was interrupted in its code
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
