"""Loops in place of repeated lines: the program does what it did, in fewer lines."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import compile, ops
from micrograd_plus.compiler.codegen.backends import BACKENDS, JAX, NumPy, precision
from micrograd_plus.compiler.codegen.reroll import _Program, rerolled
from micrograd_plus.compiler.codegen.syntax import (
    Call,
    Function,
    Let,
    Library,
    Name,
    Write,
)
from tests.compiled import not_compiled
from tests.effort import examples, few, slow
from tests.needs import needed
from tests.programs.table import PROGRAMS

P, S = Name("p"), Name("s")
POINT = [np.linspace(-0.5, 0.5, 8), np.linspace(-1, 1, 3 * 400).reshape(400, 3), np.ones(3)]


def executed(function, backend):
    """What a function returns for a fixed batch, by the text of a backend."""
    text = [*backend.definitions([(function.lines, function.results)]), *backend.function(function)]
    scope = backend.namespace()
    exec("\n".join(text), scope)
    if backend.library == "np":
        return [*map(np.asarray, scope[function.name](*map(np.copy, POINT)))]
    with precision(scope["jax"], wide=True):
        return [*map(np.asarray, scope[function.name](*map(scope["jnp"].asarray, POINT)))]


def shown(function):
    return NumPy().function(function)[3:-1]


def tanh(x):
    return Call(ops.tanh, [x])


def recurrence(steps):
    """Some of a recurrent network, as the compiler would write it: forward and backward."""
    a, da, dp, w = map(Name, ("a", "da", "dp", "w"))
    lines = [
        Let("w", P[0:4].library("reshape", 2, 2)),
        Let("a", Library("empty", [(2 * steps, "N")])),
        Write(a[0:2], tanh(Name("x")[0:2])),
    ]
    for t in range(1, steps):
        now, before = slice(2 * t, 2 * t + 2), slice(2 * t - 2, 2 * t)
        lines += [
            Let("z", w @ a[before], "(2, N)"),
            Let(f"t{t}", Name("z") + Name("x")[now]),
            Write(a[now], tanh(Name(f"t{t}")), f"of step {t}"),
        ]
    lines += [
        Let("value", a[2 * steps - 1] @ S),
        Let("dp", P.library("zeros_like")),
        Let("da", a.library("zeros_like")),
        Write(da[2 * steps - 1], S, adds=True),
    ]
    for t in range(steps - 1, 0, -1):
        now, before, u = slice(2 * t, 2 * t + 2), slice(2 * t - 2, 2 * t), Name(f"u{t}")
        lines.append(Let(u.name, da[now] * (1.0 - a[now] ** 2)))
        if t == steps - 1:
            lines.append(Let("dx", Name("x").library("zeros_like")))
        lines += [
            Write(Name("dx")[now], u),
            Write(dp[0:4].library("reshape", 2, 2), u @ a[before].T, adds=True),
            Write(da[before], w.T @ u, adds=True),
        ]
    return Function("run", ("p", "x", "s"), lines, [Name("value"), dp, Name("dx")])


def test_steps_become_a_loop():
    text = """\
w = p[0:4].reshape(2, 2)
a = np.empty((32, N))
a[0:2] = tanh(x[0:2])
for n in range(0, 30, 2):
    z = w @ a[n:n + 2]  # (2, N)
    t15 = z + x[n + 2:n + 4]
    a[n + 2:n + 4] = tanh(t15)
value = a[31] @ s
dp = np.zeros_like(p)
da = np.zeros_like(a)
da[31] += s
dx = np.zeros_like(x)
for n in range(0, 30, 2):
    u1 = da[30 - n:32 - n] * (1.0 - a[30 - n:32 - n] ** 2.0)
    dx[30 - n:32 - n] = u1
    dp[0:4].reshape(2, 2)[:] += u1 @ a[28 - n:30 - n].T
    da[28 - n:30 - n] += w.T @ u1"""
    assert [line[4:] for line in shown(rerolled(recurrence(16)))] == text.splitlines()


def test_the_text_has_the_same_length_for_any_number_of_steps():
    assert len({len(shown(rerolled(recurrence(steps)))) for steps in (8, 16, 64, 128)}) == 1


def test_the_work_grows_as_the_lines_do(monkeypatch):
    def compared(steps):
        count = 0

        def step(self, i, period):
            nonlocal count
            count += 1
            return its(self, i, period)

        its = _Program._step
        monkeypatch.setattr(_Program, "_step", step)
        rerolled(recurrence(steps))
        monkeypatch.undo()
        return count

    few, many = compared(100), compared(400)
    assert 0 < few <= many < 4.5 * few


@pytest.mark.parametrize(
    "name", few(2, ["RNN", "pendulum", "LSTM", "n-body", "Kalman filter", "neural ODE"])
)
def test_programs_over_time_have_the_same_length_for_any_number_of_steps(name):
    def lines(steps):
        full, sizes = PROGRAMS[name]
        fn, parameters, batch, *_ = full(**sizes | {"steps": steps})
        program = compile(fn, *(x[0].tolist() for x in batch), params=parameters)
        return len(str(program).splitlines())

    assert lines(14) == lines(24)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_loop_does_what_its_lines_did(backend):
    needed(backend)
    function = recurrence(9)
    with not_compiled():
        found = executed(rerolled(function), BACKENDS[backend])
    for mine, theirs in zip(found, executed(function, NumPy()), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def rows(array, k):
    return Name(array)[2 * k : 2 * k + 2]


def first_is_kept():
    """What the first turn defines is used by all."""
    for t in range(8):
        yield Let(f"f{t}", tanh(rows("x", t)))
        yield Write(rows("a", t), Name("f0") + Name(f"f{t}"))


def read_backwards():
    """What each turn defines is used by another loop, in the opposite order."""
    for t in range(8):
        yield Let(f"f{t}", tanh(rows("x", t)))
        yield Write(rows("a", t), Name(f"f{t}"))
    for t in range(8):
        yield Write(rows("a", t), Name(f"f{7 - t}"), adds=True)
        yield Write(rows("b", t), Name(f"f{7 - t}"), adds=True)


def changed_and_kept():
    """What the first turn takes over is changed in place, and used afterwards."""
    yield Let("g", rows("x", 0) + 1.0)
    yield Let("f0", tanh(Name("g")))
    for t in range(8):
        yield Write(Name(f"f{t}"), rows("x", t), adds=True)
        yield Let(f"f{t + 1}", tanh(Name(f"f{t}")))
    yield Write(rows("a", 0), Name("f0"))


def used_by_the_next_turn():
    """What the last turn of an inner loop defines is used by the next turn of the outer one."""
    yield Let("t", tanh(rows("x", 0)))
    for i in range(6):
        yield Write(rows("a", i), tanh(Name("t")), adds=True)
        for k in range(8):
            yield Let("t", tanh(rows("x", 9 * i + k)))
            yield Write(rows("b", 9 * i + k), Name("t"))


def used_afterwards():
    """What the last turn of an inner loop defines is used after the outer one."""
    for i in range(6):
        yield Write(rows("a", i), tanh(rows("x", i)))
        for k in range(8):
            yield Let("t", tanh(rows("x", 9 * i + k)))
            yield Write(rows("b", 9 * i + k), Name("t"))
    yield Write(rows("a", 0), Name("t"))


SPECIAL = [
    first_is_kept, read_backwards, changed_and_kept, used_by_the_next_turn, used_afterwards
]  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "jax"])
@pytest.mark.parametrize("lines", SPECIAL)
def test_what_a_turn_defines_is_there_where_it_is_used(lines, backend):
    needed(backend)
    new = [Let(name, Library("zeros", [(400, "N")])) for name in "ab"]
    function = Function("run", ("p", "x", "s"), [*new, *lines()], [Name("a"), Name("b")])
    loops = rerolled(function)
    assert len(shown(loops)) < len(shown(function)) or lines is read_backwards
    with not_compiled():
        found = executed(loops, BACKENDS[backend])
    for mine, theirs in zip(found, executed(function, NumPy()), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


class Unrolled:
    """Random lines in nested loops, written out turn by turn."""

    def __init__(self, draw):
        self.draw = draw
        self.lines = [Let(name, tanh(Name("x")[0:2])) for name in ("t", "u")]
        self.made = set()  # arrays
        self.latest, self.first = {}, {}  # of the names that each line gives afresh
        self.names = 0

    def block(self, depth, plans=()):
        """A function that writes lines for given numbers of turns, of the loops around them."""
        parts = [self.part(depth) for _ in range(self.draw(st.integers(1, 4)))]
        return lambda turns: [part(turns) for part in parts]

    def part(self, depth):
        if depth < 2 and self.draw(st.booleans()):
            count, body = self.draw(st.integers(1, 7)), self.block(depth + 1)
            return lambda turns: [body((*turns, n)) for n in range(count)]
        kind = self.draw(st.sampled_from(["rows", "rows", "row", "let", "fresh", "fresh", "whole"]))
        symbol = self.draw(st.sampled_from("+-*"))
        left, right = self.operand(), self.operand()
        place, adds = self.place(), self.draw(st.booleans())
        array, name = self.draw(st.sampled_from(["a", "b"])), self.draw(st.sampled_from("tu"))
        key = self.names = self.names + 1

        def line(turns):
            x, y = left(turns), right(turns)
            value = tanh({"+": x + y, "-": x - y, "*": x * y}[symbol])
            if kind == "rows":
                return self.lines.append(Write(self.array(array)[place(turns)], value, adds=adds))
            if kind == "row":
                row = place(turns).start
                return self.lines.append(Write(self.array(array)[row], value[0], adds=adds))
            if kind == "whole":
                known = [name, *self.latest.values()][-1]
                target = Name(known) if adds else self.array("w", known)
                return self.lines.append(Write(target, value, adds=True))
            self.names += 1
            if kind == "fresh":
                self.latest[key] = f"f{self.names}"
                self.first.setdefault(key, self.latest[key])
            return self.lines.append(Let(self.latest.get(key, name), value))

        return line

    def array(self, name, like=""):
        """An array, made when it is used first."""
        if name not in self.made and name != "x":
            self.made.add(name)
            new = Library("zeros_like", [Name(like)])
            self.lines.append(Let(name, new if like else Library("zeros", [(400, "N")])))
        return Name(name)

    def place(self):
        """Two rows, which depend on the turns."""
        start = self.draw(st.integers(0, 6))
        steps = [self.draw(st.integers(-3, 4)) for _ in range(2)]

        def rows(turns):
            first = start + sum(
                step * (n if step >= 0 else n - 6) for step, n in zip(steps, turns, strict=False)
            )
            return slice(first, first + 2)

        return rows

    def operand(self):
        array = self.draw(st.sampled_from(["a", "b", "x", "t", "u", "latest", "latest", "first"]))
        place, which = self.place(), self.draw(st.integers(1, 4))

        def read(turns):
            if array in "tu":
                return Name(array)
            if array in "abx":
                return self.array(array)[place(turns)]
            if len(self.latest) < which:
                return Name("x")[0:2]
            known = self.latest if array == "latest" else self.first
            return Name([*known.values()][-which])

        return read


@st.composite
def unrolled(draw):
    found = Unrolled(draw)
    found.block(0)(())
    results = map(Name, ["t", "u", *found.made, *found.latest.values()])
    return Function("run", ("p", "x", "s"), found.lines, [*results])


@examples(500)
@given(unrolled())
def test_any_lines_do_what_they_did(function):
    for mine, theirs in zip(
        executed(rerolled(function), NumPy()), executed(function, NumPy()), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs, strict=True)


@slow
@pytest.mark.parametrize("compiled", [False, True])
def test_any_lines_do_what_they_did_on_jax(compiled):
    needed("jax")

    @examples(5 if compiled else 100)
    @given(unrolled())
    def tried(function):
        with nullcontext() if compiled else not_compiled():
            found = executed(rerolled(function), JAX())
        for mine, theirs in zip(found, executed(function, NumPy()), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)

    tried()
