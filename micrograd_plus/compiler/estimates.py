"""How long programs take, estimated: matrix code on NumPy, and tapes in lanes.

Both are counts of what is to be done, times what each takes. Matrix code is counted by running it
twice, for few examples and for more, on arrays that note what NumPy is asked for; a tape counts its
instructions itself. What each takes was fitted, by least squares of the logarithms, to times of the
programs and dense networks of tests/benchmarks in batches of 1 to 256, on one thread.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.c import FEW, LANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_plus.compiler.matrices import Matrices
    from micrograd_plus.compiler.native.lanes import Lanes
    from micrograd_plus.compiler.task import Wanted


class Cost(NamedTuple):
    """What a call costs, in nanoseconds.

    Attributes:
        fixed: what it costs in any case,
        each: and for each example,
        width: of which so many go at once.
        numbers: how many numbers are written to arrays for each example.
        few: other costs, fixed and each, for batches of at most `FEW` examples.

    >>> Cost(100.0, 2.0, 16).of(17)
    164.0
    """

    fixed: float
    each: float
    width: int = 1
    numbers: float = 0.0
    few: tuple[float, float] | None = None

    def of(self, examples: int) -> float:
        """What a call for so many examples costs."""
        if self.few and examples <= FEW:
            fixed, each = self.few
            return fixed + each * examples
        far = max(0.0, self.numbers * examples - _NEAR) * _FAR
        return self.fixed + self.each * self.width * -(-examples // self.width) + far


_NEAR, _FAR = 6e5, 0.3
"""How many numbers the caches hold, more or less, and what each beyond them costs more."""


def _cost(noted: Counter[Any], times: dict[str, float]) -> float:
    return sum(count * times.get(kind, times["other"]) for kind, count in noted.items())


# --------------------------------------------------------------------------------- NumPy

_CALLS = {
    "start": 4200.0, "call": 90.0, "view": 270.0, "matmul": 1600.0, "reduce": 2500.0,
    "gather": 200.0, "einsum": 4600.0, "bincount": 1500.0, "where": 1300.0, "product": 0.05,
}  # fmt: skip
"""What NumPy takes for a call of a program, for calls of functions, and for a product of two
numbers in one of matrices; in nanoseconds, as all that follows."""

_NUMBERS = {
    "other": 0.42, "taken": 0.85, "divide": 3.0, "exp": 1.3, "log": 0.9, "log1p": 1.9, "expm1": 1.9,
    "tanh": 2.0, "sqrt": 1.8, "power": 53.0, "sin": 6.6, "cos": 6.6, "tan": 8.0, "erf": 3.4,
    "erfc": 4.0,
}  # fmt: skip
"""What it takes for each number of an array, by the function that computes it."""


def of_numpy(matrices: Matrices, name: str, wanted: Wanted) -> Cost:
    """The cost of a function of matrix code on NumPy.

    Args:
        matrices: the code.
        name: "forward" or "value_and_grad".
        wanted: what it computes.
    """
    numbers, sizes = len(wanted.leaves.values), [*wanted.sizes.values()]
    few, many = (noted(matrices, name, numbers, sizes, n) for n in _TRIED)
    more = Counter({kind: (many[kind] - few[kind]) / (_TRIED[1] - _TRIED[0]) for kind in many})
    each = _cost(more, _CALLS | _NUMBERS)
    written = sum(count for kind, count in more.items() if kind not in _CALLS)
    return Cost(_cost(few, _CALLS | _NUMBERS) - _TRIED[0] * each, each, numbers=written)


_TRIED = 16, 48

_LEAST = {
    "cheap": 0.3,
    "passed": 0.3,
    "divide": 1.0,
    "exp": 1.3,
    "log": 0.9,
    "log1p": 1.9,
    "expm1": 1.9,
    "tanh": 2.0,
    "sqrt": 1.8,
    "other": 0.0,
} | dict.fromkeys(("product", "back", "weighted product", "weighted back"), _CALLS["product"])
"""What NumPy takes at least for what a tape does for an example."""


def least_of_numpy(lanes: Lanes, name: str) -> Cost:
    """What matrix code would cost at least, as far as a tape tells it before that code is made.

    Args:
        lanes: the function on a tape.
        name: "forward" or "value_and_grad".
    """
    calls, (_, batched) = lanes.calls(name), lanes.work(name)
    each = _cost(batched, _LEAST) if calls else 0.0
    return Cost(_cost(calls, _CALLS | _NUMBERS), each)


def noted(
    matrices: Matrices, name: str, numbers: int, sizes: Sequence[int], examples: int
) -> Counter[str]:
    """What a function of matrix code asks NumPy for, for so many examples."""
    numpy, found = need("numpy", "numpy"), Counter({"start": 1})
    kind = _noting(numpy, found)
    arrays = [numpy.ones(numbers), *(numpy.ones((size, examples)) for size in sizes)]
    arrays += [numpy.ones(examples)] * (name != "forward")
    with numpy.errstate(all="ignore"):
        matrices.on(_Noted(numpy, kind))[name](*(array.view(kind) for array in arrays))
    return found


class _Noted:
    """NumPy, whose new arrays note what is done with them."""

    def __init__(self, numpy: Any, kind: Any) -> None:
        self._numpy, self._kind = numpy, kind

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._numpy, name)
        if name not in ("empty", "zeros", "ones", "full", "array", "arange"):
            return function
        return lambda *args, **options: function(*args, **options).view(self._kind)


def _noting(numpy: Any, found: Counter[str]) -> Any:
    """A class of arrays that note what is done with them."""

    def plain(x: Any) -> Any:
        if isinstance(x, Noting):
            return x.view(numpy.ndarray)
        return type(x)(map(plain, x)) if type(x) in (list, tuple) else x

    def again(x: Any) -> Any:
        return x.view(Noting) if type(x) is numpy.ndarray else x

    class Noting(numpy.ndarray):  # type: ignore[misc]
        def __array_ufunc__(
            self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
        ) -> Any:
            given = [*map(plain, inputs)]
            if out is not None:
                options["out"] = plain(out)
            made = getattr(ufunc, method)(*given, **options)
            found["call"] += 1
            if ufunc is numpy.matmul:
                found["matmul"] += 1
                found["product"] += numpy.size(made) * given[0].shape[-1]
            elif method == "reduce":
                found["reduce"] += 1
                found[ufunc.__name__] += numpy.size(given[0])
            else:
                found[ufunc.__name__] += numpy.size(made)
            return again(made)

        def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
            given = [*map(plain, args)]
            made = function(*given, **{name: plain(x) for name, x in options.items()})
            found["call"] += 1
            if function.__name__ in _CALLS:
                found[function.__name__] += 1
            found["other"] += max([x.size for x in (made, *given) if hasattr(x, "size")], default=0)
            return again(made)

        def __getitem__(self, index: Any) -> Any:
            made = super().__getitem__(plain(index))
            found["view"] += 1
            if getattr(made, "base", None) is None:
                found["gather"] += 1
                found["taken"] += numpy.size(made)
            return made

        def __setitem__(self, index: Any, value: Any) -> None:
            super().__setitem__(plain(index), plain(value))
            found["call"] += 1
            found["other"] += numpy.size(value)

        def reshape(self, *shape: Any) -> Any:
            found["view"] += 1
            return super().reshape(*shape)

    return Noting


# --------------------------------------------------------------------------------- lanes

_LANES = {
    "start": 2500.0, "slot": 1.5, "widened": 2.5, "alone": 4.0, "run": 0.4, "input": 0.4,
    "row": 0.15, "passed": 0.8, "product": 0.1, "term": 0.1, "back": 0.08,
    "weighted product": 0.045, "weighted back": 0.1, "cheap": 0.24, "divide": 0.1, "sqrt": 1.0,
    "exp": 1.2, "expm1": 1.5, "log": 0.5, "log1p": 0.4, "tanh": 1.2, "cosh": 0.1, "other": 7.0,
}  # fmt: skip
"""What lanes take, in nanoseconds: a call, each slot and instruction that examples share, and each
slot that is widened; for each example the runs and instructions; and in these derivatives that are
passed on, terms of sums, and functions."""

_ALONE = {
    "start": 2000.0, "slot": 1.3, "widened": 0.0, "alone": 10.0, "run": 0.1, "input": 0.7,
    "row": 1.2, "passed": 0.8, "product": 0.22, "term": 0.11, "back": 0.63,
    "weighted product": 0.21, "weighted back": 0.5, "cheap": 0.4, "divide": 0.4, "sqrt": 1.0,
    "exp": 3.7, "expm1": 8.0, "log": 5.0, "log1p": 5.0, "tanh": 2.9, "cosh": 2.0, "other": 14.0,
}  # fmt: skip
"""The same for single examples."""


def of_lanes(lanes: Lanes, name: str) -> Cost:
    """The cost of a function in lanes.

    Args:
        lanes: the function on a tape.
        name: "forward" or "value_and_grad".
    """
    shared, batched = lanes.work(name)
    few = _cost(shared, _ALONE), _cost(batched, _ALONE)
    return Cost(_cost(shared, _LANES), _cost(batched, _LANES), LANES, few=few)
