"""Value and gradient at one point, without structure: the native backend beside CasADi's.

All results are compared first.
"""

import random
import statistics
import time
from itertools import pairwise

import numpy as np

from micrograd_plus import Value, compile
from micrograd_plus.graph import order
from tests.benchmarks.channel import serve
from tests.benchmarks.timing import in_turns

SIZES = (1_000, 64_200, 1_000_000)


def shared(x, count):
    """Sums, differences and products of random numbers of a pool, each of which is used again."""
    draw = random.Random(1)
    pool = list(x)
    for _ in range(count - len(x) + 1):
        mine, other = draw.randrange(len(x)), draw.randrange(len(x))
        kind = draw.random()
        if kind < 0.35:
            pool[mine] = pool[mine] + pool[other]
        elif kind < 0.55:
            pool[mine] = pool[mine] - pool[other]
        else:  # by one that is below 1, so that nothing grows beyond bounds
            pool[mine] = pool[mine] * x[other]
    return sum(pool[1:], pool[0])


def rosenbrock(x, count):
    """Rosenbrock's function, written with products: 9 operations a term, sums included."""
    total = 0.0
    for a, b in pairwise(x):
        u = b - a * a
        total = total + (u * u * 100.0 + (1.0 - a) * (1.0 - a))
    return total


WORKLOADS = {"shared": (shared, lambda count: min(1000, count // 10)),
             "rosenbrock": (rosenbrock, lambda count: count // 9 + 1)}  # fmt: skip


def timed(make):
    begin = time.perf_counter()
    made = make()
    return made, time.perf_counter() - begin


def contenders(fn, point, count):
    """For each a function that gives value and gradient, and the seconds of making it."""
    program, seconds = timed(
        lambda: compile(lambda x: fn(x, count), point, backend="native", batched=False)
    )
    found = {"micrograd_plus, native": (lambda: program.value_and_grad(point), seconds)}

    def eager():
        x = [Value(number) for number in point.tolist()]
        out = fn(x, count)
        out.backward()
        return out.data, np.array([v.grad for v in x])

    found["micrograd_plus"] = (eager, 0.0)
    try:
        import casadi
    except ModuleNotFoundError:
        return found

    def theirs():
        x = casadi.SX.sym("x", len(point))
        out = fn(casadi.vertsplit(x), count)
        return casadi.Function("f", [x], [out, casadi.gradient(out, x)])

    function, seconds = timed(theirs)
    buffer, run = function.buffer()  # their fastest way to call it: no array is made
    value, gradient = np.zeros(1), np.zeros(len(point))
    buffer.set_arg(0, memoryview(point))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))

    def call(keep=buffer):  # it has to live as long as the function
        run()
        return value[0], gradient

    found["CasADi"] = (call, seconds)
    return found


def compared(name, count, repetitions):
    fn, leaves = WORKLOADS[name]
    point = np.random.default_rng(0).uniform(0.3, 0.7, leaves(count))
    out = fn([Value(number) for number in point.tolist()], count)
    operations = sum(node.op is not None for node in order(out))
    del out
    found = contenders(fn, point, count)
    expected, slopes = found["micrograd_plus"][0]()
    for call, _ in found.values():
        value, gradient = call()
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-9 * abs(slopes).max())
    calls = {who: call for who, (call, _) in found.items()}
    times = in_turns(calls, repetitions, least=0.005)
    ns = {who: [1e9 * s / operations for s in seconds] for who, seconds in times.items()}
    return {
        "operations": operations,
        "seconds": times,
        "compiling": {who: seconds for who, (_, seconds) in found.items()},
        "ns per operation": {who: statistics.median(s) for who, s in ns.items()},
        "ns per operation, fastest": {who: min(s) for who, s in ns.items()},
    }


def measured(repetitions, largest):
    return {
        f"{name}, {count:,} operations": compared(name, count, repetitions)
        for name in WORKLOADS
        for count in SIZES
        if count <= largest
    }


if __name__ == "__main__":
    serve(measured)
