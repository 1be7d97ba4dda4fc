"""A recorded function as a tape, which the compiled core runs for many examples at a time."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.checks import tapes
from micrograd_plus.compiler.codegen.c import work
from micrograd_plus.compiler.native.tape import CODES, LOWERED, MOST, SUM, WEIGHTED, tape
from micrograd_plus.core import build_info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.compiler.leaves import Leaves
    from micrograd_plus.compiler.trace import Trace


_FIXED = {code: op for op, code in CODES.items() if op.arity}
_CHEAP = {
    "+", "-", "*", ">", "<", ">=", "<=", "==", "!=", "maximum", "minimum", "where", "abs", "floor",
    "ceil", "trunc", "round", "sign",
}  # fmt: skip
_KINDS = {"/": "divide", "**": "power"} | dict.fromkeys(_CHEAP, "cheap")


class Lanes:
    """A tape, and its functions.

    Args:
        found: what the function recorded.
        leaves: its live leaves.
        sizes: how many numbers each argument has, by its name.
        gradient: whether the first output is to be differentiated.
        input_gradients: whether the inputs get derivatives, too.

    Attributes:
        tape: the tape.
        functions: `forward(p, *inputs)` and perhaps `value_and_grad(p, *inputs, s)`, on arrays of
            (numbers, examples) as the functions of matrix code.
        ready: the same, for arrays of floats only, of which the first has no gaps.

    Raises:
        ModuleNotFoundError: this is the pure build; the message says why, and how to get the core.
    """

    def __init__(
        self,
        found: Trace,
        leaves: Leaves,
        sizes: dict[str, int],
        gradient: bool,
        input_gradients: bool,
    ) -> None:
        tapes = tapes_of_core()
        self._numpy = need("numpy", "numpy")
        wanted = [*leaves.parameters, *(found.inputs if input_gradients else ())]
        numbers, self.tape = tape(
            found.nodes,
            found.results,
            found.inputs,
            leaves.values,
            set(map(id, wanted)) if gradient else set(),
        )
        computed = [(x.op, *x.args) for x in found.nodes if x.op]
        self._repeats = len({*computed}) < len(computed)
        self._machine = tapes.Machine(numbers, self.tape, (), 0, 0)
        self._sizes = [*sizes.values()] if input_gradients else []
        self.ready: dict[str, Callable[..., Any]] = {"forward": self._forward}
        if gradient:
            self.ready["value_and_grad"] = self._value_and_grad
        self.functions = {name: self._converting(run) for name, run in self.ready.items()}

    def _converting(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """A function that takes other arrays than those of floats, too."""
        numpy = self._numpy

        def converted(p: Any, *given: Any) -> Any:
            return run(numpy.ascontiguousarray(p, float), *(numpy.asarray(x, float) for x in given))

        return converted

    def of_some(self, name: str, columns: Sequence[Any]) -> Callable[..., Any]:
        """A function of some of many examples, which are read where they lie.

        Args:
            name: "forward" or "value_and_grad".
            columns: all examples, an array of (numbers, examples) for each argument.

        Returns:
            `run(p, which)` or `run(p, which, s)`, where `which` is an array of int64, the numbers
            of the examples.
        """
        floats = [self._numpy.asarray(column, float) for column in columns]
        run = self.ready[name]
        return lambda p, which, *weights: run(p, *floats, *weights, which=which)

    def _forward(self, p: Any, *columns: Any, which: Any = None) -> Any:
        count = columns[0].shape[1] if which is None else len(which)
        rows = self._numpy.empty((len(self.tape.outputs), count))
        self._machine.batch(p, [*columns], rows, which=which)
        return rows

    def _value_and_grad(self, p: Any, *inputs: Any, which: Any = None) -> tuple[Any, ...]:
        numpy, tape = self._numpy, self.tape
        *columns, weights = inputs
        count, gradient = len(weights), numpy.empty(len(p))
        rows = numpy.empty((len(tape.outputs) - 1, count))
        slopes: Any = numpy.empty((tape.inputs[1], count)) if self._sizes else None
        value = self._machine.batch(p, columns, rows, weights, gradient, slopes, which)
        parts = [slopes[i:j] for i, j in pairwise(accumulate(self._sizes, initial=0))]
        return value, gradient, *parts, *([rows] if len(rows) else [])

    def work(self, name: str) -> tuple[Counter[str], Counter[str]]:
        """What a function does for all examples at once, and for each of them.

        Args:
            name: "forward" or "value_and_grad".

        Returns:
            Counts: of slots and instructions that all examples share, and of those slots that are
            widened; of runs, rows (results) and inputs, derivatives that are passed on, terms of
            sums and back through them, where weighted ones are apart, and what operations take:
            "cheap", "divide", and functions by their names.
        """
        tape, gradient, start = self.tape, name != "forward", 0
        shared = Counter({"start": 1, "slot": tape.inputs[0], "widened": len(tape.widened)})
        batched = Counter({"input": tape.inputs[1]})
        for r, (code, stop, _) in enumerate(tape.runs.tolist()):
            part = sum(r >= end for end in tape.parts[:3])
            rows, start = tape.instructions[start:stop].tolist(), stop
            if part % 2 and not gradient:
                continue
            if part < 2:
                shared["alone"] += len(rows)
                continue
            batched["run"] += 1
            batched["row"] += len(rows)
            number, bits = code >> MOST, (code & (1 << MOST) - 1) * gradient
            if number in _FIXED:
                value, *slopes = work(_FIXED[number])
                wanted = [slope for i, slope in enumerate(slopes) if bits >> i & 1]
                batched["passed"] += len(rows) * len(wanted)
                for counts in (value, *wanted):
                    for kind, count in counts.items():
                        batched[_KINDS.get(kind, kind)] += count * len(rows)
                continue
            for first, middle, last in rows:
                if number in (SUM, WEIGHTED):
                    weighted = "weighted " * (number == WEIGHTED)
                    products, others = middle - first, last - middle
                    batched[f"{weighted}product"] += products
                    batched[f"{weighted}back"] += products * ((bits & 1) + (bits >> 1 & 1))
                    batched["term"] += others
                    batched["back"] += others * (bits >> 2)
                elif number == LOWERED:
                    batched["passed"] += (middle - first) * bits
                else:  # at worst a function of each argument, as in logsumexp
                    batched["exp"] += (middle - first) * (1 + bits)
        return shared, batched

    def calls(self, name: str) -> Counter[str]:
        """What a function would at least ask an array library for, for any number of examples.

        Runs of one operation that follow one another may be one array instruction, and instructions
        that are repeated may be computed once: where there are any, nothing is counted.

        Args:
            name: "forward" or "value_and_grad".

        Returns:
            Counts of products of matrices, "matmul", and of a "view" of weights for each; of
            "reduce"; and of each "call", these and others.
        """
        tape, found, stops = self.tape, Counter({"start": 1}), [0, *self.tape.runs[:, 1].tolist()]
        if self._repeats:
            return Counter()
        first, last = tape.parts[1:3]
        runs = [(code >> MOST, code, r) for r, code in enumerate(tape.runs[:last, 0].tolist())]
        for number, alike in groupby(runs[first:], key=itemgetter(0)):
            bits = products = instructions = 0
            for _, code, r in alike:
                bits |= (code & (1 << MOST) - 1) * (name != "forward")
                rows = tape.instructions[stops[r] : stops[r + 1]]
                instructions += len(rows)
                products += int((rows[:, 1] - rows[:, 0]).sum()) * (number in (SUM, WEIGHTED))
            passes = 1 + (bits > 0)
            if number == WEIGHTED and products > instructions:
                passes = 1 + (bits & 1) + (bits >> 1 & 1)
                found.update(matmul=passes, view=passes)
            elif products > instructions or number not in {*_FIXED, SUM, WEIGHTED, LOWERED}:
                found["reduce"] += 1
            found["call"] += passes
        return found

    def exact(self) -> dict[str, Callable[..., Any]]:
        """The functions that are to be compared with the engine."""
        return self.functions

    @property
    def size(self) -> str:
        """How many instructions there are, in words."""
        return f"{len(self.tape.instructions):,} instructions in lanes"


def tapes_of_core() -> Any:
    """The module that runs tapes.

    Raises:
        ModuleNotFoundError: this is the pure build; the message says why, and how to get the core.
    """
    if tapes:
        return tapes
    raise ModuleNotFoundError(
        f'backend="native" runs in the compiled core, and this is {build_info()}. Unset '
        "MICROGRAD_PLUS_PURE if it is set, and where there is a C compiler build the core: "
        "pip install --force-reinstall --no-cache-dir micrograd-plus"
    )
