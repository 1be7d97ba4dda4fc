"""Random programs as people write them, as Python's text: nests of loops over shared weights.

What `compiled.layered` does not make: windows, strides, transposed and reversed reads, ragged
loops, recurrences in time, branches on an index, arrays changed in place, helper functions.
"""

import itertools
import linecache
import math
import random
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value

_CURVES = ("mg.tanh", "mg.sigmoid", "mg.sin", "mg.atan", "mg.softplus", "mg.silu", "mg.gelu")
_BENDS = ("mg.relu", "abs", "mg.leaky_relu")
_SCALES = ("0.5", "-1.5", "2", "0.1", "-1")
_CONDITIONS = ("{0} == 0", "{0} % 2", "{0} > 1", "{0} != 1", "{0} % 3 == 1")
_counter = itertools.count()


class Structure:
    """A random program.

    Args:
        text: a module that defines `f`, which reads Values of the module's own as weights.
        weights: their shapes by their names.
        inputs: the shapes of the arguments of `f`, by their names.
        seed: of all numbers.
        examples: how many there are in the batch.
    """

    def __init__(self, text, weights, inputs, seed, examples):
        self.text, self.weights, self.inputs = text, weights, inputs
        self.seed, self.examples = seed, examples

    def __repr__(self):
        return (
            f"Structure(\n    weights={self.weights}, inputs={self.inputs}, seed={self.seed}, "
            f'examples={self.examples}, text="""\\\n{self.text}""")'
        )

    @cached_property
    def parameters(self):
        """The weights as one list."""
        return _flat([self._scope[name] for name in self.weights])

    @cached_property
    def batch(self):
        """A list of examples for each argument."""
        draw = random.Random(self.seed + 1)
        return [
            [_filled(shape, lambda: draw.gauss(0, 0.7)) for _ in range(self.examples)]
            for shape in self.inputs.values()
        ]

    @property
    def fn(self):
        """The function."""
        return self._scope["f"]

    @cached_property
    def _scope(self):
        name, draw = f"<structure {next(_counter)}>", random.Random(self.seed)
        scope = {"mg": mg, "math": math}
        scope |= {
            name: _filled(shape, lambda: Value(draw.gauss(0, 0.7)))
            for name, shape in self.weights.items()
        }
        linecache.cache[name] = len(self.text), None, self.text.splitlines(True), name
        exec(compile(self.text, name, "exec"), scope)
        return scope


def _filled(shape, number):
    """Nested lists of numbers."""
    if not shape:
        return number()
    return [_filled(shape[1:], number) for _ in range(shape[0])]


def _flat(nested):
    return [x for part in nested for x in _flat(part)] if isinstance(nested, list) else [nested]


class Loop(NamedTuple):
    """A loop that is open: its variable, and between what it lies."""

    name: str
    low: int
    high: int


class Author:
    """Writes a function, line by line.

    Attributes:
        arrays: the shapes of what can be read at this place, by the names.
    """

    def __init__(self, draw):
        self._draw = draw
        self._lines, self._before, self._depth, self._names = [], [], 1, itertools.count(1)
        self._loops, self._turns = [], 1
        self._size = self.pick([3, 4, 2, 5, 1])  # a size that many arrays have
        self.weights, self.inputs, self.arrays = {}, {}, {}
        for _ in range(self.pick([1, 2, 3])):
            self._add(self.weights, "w", self._shape(self.pick([2, 1, 0])))
        for _ in range(self.pick([1, 2])):
            self._add(self.inputs, "x", self._shape(self.pick([1, 2, 0])))
        if self.coin():
            self.constants()

    # ------------------------------------------------------------------------- choices

    def pick(self, choices):
        return self._draw(st.sampled_from(list(choices)))

    def coin(self):
        return self._draw(st.booleans())

    def _length(self):
        return self._size if self.coin() else self.pick([3, 2, 4, 1, 6])

    def _shape(self, rank):
        return tuple(self._length() for _ in range(rank))

    def _add(self, where, letter, shape):
        name = self._name(letter)
        where[name] = self.arrays[name] = shape
        return name

    def _name(self, letter):
        return f"{letter}{next(self._names)}"

    def _array(self, rank):
        """An array of so many axes, rather one that was made last; None if there is none."""
        found = [name for name, shape in self.arrays.items() if len(shape) == rank]
        return self.pick(found[::-1]) if found else None

    # ----------------------------------------------------------------------- the text

    def write(self, line):
        self._lines.append("    " * self._depth + line)

    @contextmanager
    def _block(self, line):
        self.write(line)
        self._depth += 1
        yield
        self._depth -= 1

    @contextmanager
    def _open(self, loop, count=None):
        """An open loop of so many turns."""
        before = self._turns, dict(self.arrays)
        self._loops.append(loop)
        self._turns *= count or loop.high - loop.low + 1
        yield
        self._loops.pop()
        self._turns, self.arrays = before  # what is made inside is not known after it

    def _loop(self, count, low=0):
        return Loop(self._name("i"), low, count - 1)

    # ------------------------------------------------------------------------ reading

    def index(self, size):
        """A place on an axis of this size, which depends on the loops that are open."""
        ways = []
        for name, low, high in reversed(self._loops):
            ways += [name] * 4 if high < size else []
            ways += [f"{name} + {c}" for c in range(1, size - high)]
            ways += [f"{name} - {c}" for c in range(1, low + 1) if high - c < size]
            ways += [f"2 * {name} + {c}" for c in range(size - 2 * high)]
            ways += [f"{size - 1} - {name}"] if high < size else []
            ways += [f"({name} + {c}) % {size}" for c in (1, 2) if size > 1]
            ways += [f"{name} // 2"] if high // 2 < size else []
        for one, two in itertools.permutations(self._loops, 2):
            ways += [f"{one.name} + {two.name}"] if one.high + two.high < size else []
            step = two.high + 1
            ways += [f"{step} * {one.name} + {two.name}"] if step * (one.high + 1) <= size else []
        ways += [str(self.pick(range(size)))]
        if self._loops and self.pick(range(8)) == 7:
            loop = self.pick(self._loops)
            count = max(1, loop.high + 1)  # some loops have no turn
            places = self._draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
            ways = [f"{places}[{loop.name}]"]
        return self.pick(ways)

    def atom(self):
        if self.pick(range(10)) == 9:
            if self._loops and self.coin():
                return f"0.1 * {self.pick(self._loops).name}"
            return self.pick(_SCALES)
        name = self.pick([*self.arrays][::-1])
        return name + "".join(f"[{self.index(size)}]" for size in self.arrays[name])

    def expression(self, depth=2):
        """A number that may depend on the open loops."""
        if depth == 0:
            return self.atom()
        ways = [self.product, self.total, self.scaled, self.bounded, self.choice, self.quotient]
        if self._turns <= 20:
            ways = [self.reduction, self.reduction, self.dot, self.reduction, *ways]
        return self.pick([self.atom_of, *ways])(depth - 1)

    def atom_of(self, depth):
        return self.atom()

    def product(self, depth):
        return f"{self.expression(depth)} * {self.atom()}"

    def total(self, depth):
        return f"({self.expression(depth)} {self.pick('+-')} {self.atom()})"

    def scaled(self, depth):
        return f"{self.pick(_SCALES)} * {self.expression(depth)}"

    def bounded(self, depth):
        return f"{self.pick([*_CURVES, *_BENDS])}({self.expression(depth)})"

    def quotient(self, depth):
        e = self.expression(depth)
        return self.pick([
            f"({e}) / 3", f"({e}) ** 2", f"1 / (2 + ({e}) ** 2)", f"mg.log(1.5 + ({e}) ** 2)",
            f"(0.5 + ({e}) ** 2) ** -0.5", f"({e}) ** 3", f"-({e})", f"2 - ({e})",
            f"{self.atom()} / mg.exp({self.pick(_CURVES)}({e}))",
        ])  # fmt: skip

    def choice(self, depth):
        one, two = self.expression(depth), self.atom()
        if not self._loops:
            return f"mg.maximum({one}, {two})"
        loop = self.pick(self._loops[::-1]).name
        if len(self._loops) > 1 and self.coin():
            condition = self.pick(["{} == {}", "{} < {}"]).format(loop, self._loops[0].name)
        else:
            condition = self.pick(_CONDITIONS).format(loop)
        ways = [f"({one} if {condition} else {two})", f"mg.where(mg.step({one}), {two}, {one})"]
        return self.pick(ways)

    def _range(self):
        """A loop, what it ranges over, and the least of its turns: some depend on other loops."""
        count = self._length()
        if self._loops and self.coin():
            other = self.pick(self._loops)
            if other.high < 6:
                return self.pick([
                    (self._loop(other.high + 1), f"range({other.name} + 1)", other.low + 1),
                    (self._loop(other.high), f"range({other.name})", other.low),
                    (self._loop(other.high + 1, other.low),
                     f"range({other.name}, {other.high + 1})", 1),
                ])  # fmt: skip
        return self._loop(count), f"range({count})", count

    def reduction(self, depth):
        """A sum or another reduction of what a loop gives."""
        loop, over, least = self._range()
        with self._open(loop, max(1, loop.high - loop.low + 1)):
            body, other = self.expression(depth), self.atom()
        end = f"for {loop.name} in {over}"
        ways = [f"sum({body} {end})", f"sum({body} * {other} {end})"]
        if least > 0:
            end += "]"
            ways += [
                f"mg.sum([{body} {end})", f"mg.mean([{body} {end})",
                f"mg.dot([{body} {end}, [{other} {end})",
                f"mg.dot([{other} {end}, [{body} {end}, {self.atom()})",
                f"mg.logsumexp([{body} {end})", f"mg.softmax([{body} {end})[{least - 1}]",
                f"mg.softmax([{body} {end})[0]", f"mg.max([{body} {end})", f"mg.min([{body} {end})",
                f"mg.log_softmax([{body} {end})[-1]",
            ]  # fmt: skip
        return self.pick(ways)

    def _rows(self, rank=1):
        """Vectors, and rows of matrices, by their lengths."""
        found = {}
        for name, shape in self.arrays.items():
            if len(shape) in (1, 2):
                row = name + "".join(f"[{self.index(size)}]" for size in shape[:-1])
                found.setdefault(shape[-1], []).append(row)
        return found

    def dot(self, depth):
        """A dot product of two rows, spelt in one of the usual ways."""
        rows = self._rows()
        if not rows:
            return self.atom()
        some = self.pick(rows.values())
        u, v = self.pick(some), self.pick(some[::-1])
        a, b = self._name("a"), self._name("b")
        return self.pick([
            f"sum({a} * {b} for {a}, {b} in zip({u}, {v}))", f"mg.dot({u}, {v})",
            f"mg.dot({u}, {v}, {self.atom()})",
            f"mg.sum([{b} * {a} for {a}, {b} in zip({u}, {v})])",
            f"sum(({a} - {b}) ** 2 for {a}, {b} in zip({u}, {v}))",
            f"sum(({a} * {b} for {a}, {b} in zip({u}, {v})), {self.atom()})",
        ])  # fmt: skip

    def calm(self, depth=2):
        """An expression that does not grow from statement to statement."""
        e = self.expression(depth)
        curve = self.pick(_CURVES)
        return self.pick([f"{curve}({e})", f"{curve}({e})", f"({e}) / 2", e, f"mg.relu({e})"])

    # --------------------------------------------------------------------- statements

    def nest(self):
        """An array of one or two axes, by comprehensions or by loops."""
        shape = self._shape(self.pick([1, 2]))
        loops = [self._loop(size) for size in shape]
        if self.coin():
            self.loops(loops, shape)
            return
        with self._open(loops[0]):
            if len(loops) == 2:
                with self._open(loops[1]):
                    body = f"[{self.calm()} for {loops[1].name} in range({shape[1]})]"
            else:
                body = self.calm()
        name = self._name("v")
        self.write(f"{name} = [{body} for {loops[0].name} in range({shape[0]})]")
        self.arrays[name] = shape

    def loops(self, loops, shape):
        """The same written out, with sums that grow by `+=`."""
        name = self._name("v")
        self.write(f"{name} = []")
        with self._block(f"for {loops[0].name} in range({shape[0]}):"), self._open(loops[0]):
            if len(loops) == 1:
                self.appended(name)
            else:
                row = self._name("row")
                self.write(f"{row} = []")
                inner = loops[1]
                with self._block(f"for {inner.name} in range({shape[1]}):"), self._open(inner):
                    self.appended(row)
                self.write(f"{name}.append({row})")
        self.arrays[name] = shape

    def appended(self, name):
        """One element more: a total that grows in a loop of its own, or an expression."""
        if self._turns > 20 or self.coin():
            self.write(f"{name}.append({self.calm()})")
            return
        total = self._name("total")
        self.write(f"{total} = {self.pick(['0.0', self.atom()])}")
        loop, over, _ = self._range()
        with (
            self._block(f"for {loop.name} in {over}:"),
            self._open(loop, max(1, loop.high - loop.low + 1)),
        ):
            if self.coin() and self._loops:
                self.write(f"if {self.pick(_CONDITIONS).format(self.pick(self._loops).name)}:")
                self.write(f"    {total} = {total} - {self.atom()}")
            e = self.expression(1)
            self.write(self.pick([f"{total} += {e}", f"{total} = {total} + {e}",
                                  f"{total} = {e} + {total}", f"{total} -= {e}"]))  # fmt: skip
        self.write(f"{name}.append({self.pick(_CURVES)}({total}))")

    def recurrence(self):
        """A state that is computed anew at each step from the one before."""
        state, size = self._name("h"), self._length()
        start = self.pick([f"[0.0] * {size}", f"[0.5] * {size}"])
        same = [name for name, shape in self.arrays.items() if shape == (size,)]
        if same and self.coin():
            start = f"list({self.pick(same)})"
        self.write(f"{state} = {start}")
        seen, other = self._name("seen"), self._name("c") if self.coin() else None
        self.write(f"{seen} = []")
        if other:
            self.write(f"{other} = {self.atom()}")
        steps = self.pick([3, 4, 5, 2, 8])
        step, at = self._loop(steps), self._loop(size)
        with self._block(f"for {step.name} in range({steps}):"), self._open(step):
            self.arrays |= {state: (size,)} | ({other: ()} if other else {})
            if self.coin() and self._turns * size <= 20:
                self.nest()
            with self._open(at):
                new = f"[{self.pick(_CURVES)}({self.expression()}) for {at.name} in range({size})]"
            if self.coin():
                self.write(f"if {self.pick(_CONDITIONS).format(step.name)}:")
                self.write(f"    {state} = {new}")
                self.write(f"    {state}[0] = {state}[0] + {self.atom()}")
                with self._open(at):
                    body = f"{state}[{at.name}] * 0.5 + {self.atom()}"
                self.write("else:")
                self.write(f"    {state} = [{body} for {at.name} in range({size})]")
            elif other:
                late = self.pick([f"mg.tanh({self.expression(1)})", f"{other} + 0.1 * {state}[0]"])
                self.write(f"{state}, {other} = {new}, {late}")
            else:
                self.write(f"{state} = {new}")
            self.write(f"{seen}.append({state})")
        self.arrays |= {state: (size,), seen: (steps, size)} | ({other: ()} if other else {})

    def in_place(self):
        """An array whose elements are changed one after the other."""
        old = self._array(1)
        if old is None or self.arrays[old][0] < 2:
            return
        name, (size,) = self._name("v"), self.arrays[old]
        self.write(f"{name} = list({old})")
        self.arrays[name] = (size,)
        low = self.pick([0, 1])
        loop = self._loop(size, low)
        over = f"range({low}, {size})" if self.coin() else f"reversed(range({low}, {size}))"
        with self._block(f"for {loop.name} in {over}:"), self._open(loop):
            self.write(f"{name}[{self.pick([loop.name, self.index(size)])}] = {self.calm(1)}")

    def running(self):
        """Sums of all elements so far."""
        old = self._array(1)
        if old is None:
            return
        name, total, x = self._name("v"), self._name("total"), self._name("a")
        self.write(f"{name}, {total} = [], {self.pick(['0.0', self.atom()])}")
        with self._block(f"for {x} in {old}:"):
            self.write(f"{total} = {total} {self.pick(['+ ' + x, '* 0.5 + ' + x, '- ' + x])}")
            self.write(f"{name}.append({total})")
        self.arrays |= {name: self.arrays[old], total: ()}

    def pairs(self):
        """A sum over all pairs, with a weight for each, which a counter finds."""
        old, weight, total = self._array(1), self._name("w"), self._name("v")
        if old is None or self.arrays[old][0] < 2:
            return
        (size,) = self.arrays[old]
        self.weights[weight] = (size * (size - 1) // 2,)
        self.write(f"{total}, k = {self.atom()}, 0")
        with self._block(f"for i in range({size}):"), self._block("for j in range(i):"):
            self.write(f"{total} = {total} + {weight}[k] * {old}[i] * {old}[j]")
            self.write("k += 1")
        self.arrays |= {total: (), weight: self.weights[weight]}

    def attention(self):
        """Each row looks at others: at all of them, at those before it, or at its neighbours."""
        query, key, content = (self._array(2) for _ in range(3))
        if query is None:
            return
        length = min(self.arrays[name][0] for name in (query, key, content))
        width = min(self.arrays[query][1], self.arrays[key][1])
        depth, name = self.arrays[content][1], self._name("v")
        over = self.pick(["range(i + 1)", f"range({length})", "range(max(0, i - 1), i + 1)",
                          f"range(i, {length})"])  # fmt: skip
        self.write(f"{name} = []")
        with self._block(f"for i in range({length}):"):
            self.write(
                f"share = mg.softmax([sum({query}[i][d] * {key}[m][d] for d in range({width})) / "
                f"{width} ** 0.5 for m in {over}])"
            )
            self.write(
                f"{name}.append([sum(s * {content}[m][d] for s, m in zip(share, {over})) "
                f"for d in range({depth})])"
            )
        self.arrays[name] = (length, depth)

    def normalised(self):
        """A row with mean 0 and variance 1."""
        old = self._array(1)
        if old is None or self.arrays[old][0] < 2:
            return
        name = self._name("v")
        self.write(f"mean = sum({old}) / len({old})")
        self.write(f"spread = sum((a - mean) ** 2 for a in {old}) / len({old})")
        self.write(f"{name} = [(a - mean) * (spread + 0.1) ** -0.5 for a in {old}]")
        self.arrays[name] = self.arrays[old]

    def rearranged(self):
        """The same elements at other places."""
        rank = self.pick([1, 2])
        old, name = self._array(rank), self._name("v")
        if old is None:
            return
        first, *rest = self.arrays[old]
        places = self._draw(st.lists(st.integers(0, first - 1), min_size=1, max_size=5))
        ways = {
            f"[{old}[k] for k in {places}]": (len(places), *rest),
            f"{old}[::-1]": (first, *rest),
            f"{old}[::2]": ((first + 1) // 2, *rest),
            f"{old} + {old}[:1]": (first + 1, *rest),
        }
        if rank == 1:
            ways |= {f"[0.0] + {old} + [0.5]": (first + 2,), f"[{old}, {old}[::-1]]": (2, first)}
        else:
            ways |= {
                f"[[{old}[i][j] for i in range({first})] for j in range({rest[0]})]":
                    (*rest, first),
                f"[list(column) for column in zip(*{old})]": (*rest, first),
                f"[a for row in {old} for a in row]": (first * rest[0],),
                f"[row[-1] for row in {old}]": (first,),
            }  # fmt: skip
        made = self.pick(ways)
        self.write(f"{name} = {made}")
        self.arrays[name] = ways[made]

    def helper(self):
        """A function with weights of its own, used several times."""
        old = self._array(1)
        if old is None:
            return
        name, x, (size,) = self._name("f"), self._name("x"), self.arrays[old]
        known, lines, self._lines = self.arrays, self._lines, []
        self.arrays = {**self.weights, x: (size,)}
        at = self._loop(size)
        with self._open(at):
            self.write(f"return [{self.calm()} for {at.name} in range({size})]")
        self._before += [f"def {name}({x}):", *self._lines, ""]
        self.arrays, self._lines = known, lines
        made = self._name("v")
        self.write(f"{made} = {name}({old})")
        self.arrays[made] = (size,)
        way = self.pick(["again", "loop", "once", "middle"])
        if way == "again":
            self.write(f"{made} = [a + b for a, b in zip({made}, {name}({made}))]")
        elif way == "loop":
            with self._block(f"for _ in range({self.pick([2, 3, 5])}):"):
                self.write(f"{made} = {name}({made})")
        elif way == "middle":
            with self._block(f"for _ in range({self.pick([2, 3])}):"):
                self.write(f"slope = {name}([a + 0.1 * b for a, b in zip({made}, {old})])")
                self.write(f"{made} = [a + 0.2 * b for a, b in zip({made}, slope)]")

    def constants(self):
        """A table of numbers that are no Values."""
        name, shape = self._name("k"), self._shape(self.pick([1, 2]))
        number = st.sampled_from([0.5, -1.0, 0.25, 1.0, 0.0])
        self.write(f"{name} = {_filled(shape, lambda: self._draw(number))}")
        self.arrays[name] = shape

    def end(self, pair):
        """What is returned: a sum over some of what was made, and perhaps all that was made."""
        given = {**self.weights, **self.inputs}
        made = [name for name in self.arrays if name not in given and not name.startswith("k")]
        names = (made or [*self.arrays])[::-1][: self.pick([3, 1, 2])]
        self.write("loss = 0.0")
        for name in names:
            shape, row = self.arrays[name], "row" if len(self.arrays[name]) == 2 else name
            term = self.pick([
                f"sum(a * a for a in {row})", f"mg.logsumexp({row})", f"mg.mean({row})",
                f"mg.dot({row}, {row})", f"{row}[-1] ** 2", f"sum({row})",
            ]) if shape else f"{name} ** 2"  # fmt: skip
            with self._block(f"for row in {name}:") if row == "row" else _nothing():
                self.write(f"loss = loss + {term}")
        self.write(f"return loss, [{', '.join(names)}]" if pair else "return loss")


@contextmanager
def _nothing():
    yield


_STATEMENTS = (
    Author.nest, Author.recurrence, Author.rearranged, Author.attention, Author.helper,
    Author.in_place, Author.running, Author.pairs, Author.normalised, Author.constants,
)  # fmt: skip


@st.composite
def structures(draw, pair=False):
    """A random program.

    Args:
        draw: given by Hypothesis.
        pair: whether it returns a pair, of the number to differentiate and other results.
    """
    author = Author(draw)
    for _ in range(draw(st.sampled_from([3, 4, 5, 2, 6, 1]))):
        draw(st.sampled_from([Author.nest, Author.nest, Author.recurrence, *_STATEMENTS]))(author)
    author.end(pair)
    head = f"def f({', '.join(author.inputs)}):"
    text = "\n".join([*author._before, head, *author._lines, ""])
    seed = draw(st.integers(0, 1000))
    return Structure(text, author.weights, author.inputs, seed, draw(st.integers(1, 3)))
