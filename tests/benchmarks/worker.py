"""One peer in a process of its own, and measurements of ours that need one to themselves.

So one peer's garbage and imports don't slow another down, and all of them still take turns.
"""

import gc
import resource
import statistics
import time
import tracemalloc
from functools import cache, partial

from tests.benchmarks import workloads
from tests.benchmarks.channel import serve
from tests.benchmarks.peers import OURS, PEERS
from tests.benchmarks.timing import in_turns


@cache
def prepared(peer, workload, size):
    """A function that runs a workload once and returns its time and its results."""
    gradient, hessian = PEERS[peer].engine()
    if workload == "hessian":
        matrix, point = hessian(workloads.valley), workloads.numbers(size)
        return partial(timed, lambda: (0.0, [x for row in matrix(point) for x in row], {}))
    if workload in workloads.TRAINED:
        f, numbers = workloads.TRAINED[workload]
        return partial(timed, gradient(f, numbers()))
    leaves = {"chain": 1, "wide": size // 2, "shared": 50}[workload]
    f = partial(getattr(workloads, workload), length=size)
    return partial(timed, gradient(f, workloads.numbers(leaves)))


def timed(run):
    """Seconds, in all and of each part, and a digest of the results."""
    begin = time.perf_counter()
    value, gradient, parts = run()
    whole = time.perf_counter() - begin
    check = [value, sum(gradient), sum(map(abs, gradient))]
    return {"seconds": sum(parts.values()) if parts else whole, **parts, "check": check}


def run(peer, workload, size):
    return prepared(peer, workload, size)()


def build():
    """Which build of ours runs here."""
    from micrograd_plus import build_info

    return str(build_info())


def growth(size, collecting):
    """Seconds of each part for a graph of `size` operations."""
    if not collecting:
        gc.disable()
    try:
        return run(OURS, "shared", size)
    finally:
        gc.enable()


def resident(size):
    """Bytes of memory that the process needs at most, and how many more than before."""
    from micrograd_plus import Value

    leaves = [Value(x) for x in workloads.numbers(50)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workloads.shared(leaves, length=size).backward()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"process": peak * 1024, "graph": (peak - before) * 1024}


def traced(size):
    """Bytes for each operation of a graph, as Python's allocators tell them."""
    from micrograd_plus import Value
    from micrograd_plus.graph import order

    leaves = [Value(x) for x in workloads.numbers(50)]
    tracemalloc.start()
    out = workloads.shared(leaves, length=size)
    recorded = tracemalloc.get_traced_memory()[0]
    out.backward()
    after, peak = tracemalloc.get_traced_memory()
    count = len(order(out))
    del out
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    kept = {"recorded": recorded, "differentiated": after, "peak": peak, "left": left}
    return {"operations": count, **{name: n / count for name, n in kept.items()}}


class Link:
    """The least that an operation can leave: two references."""

    __slots__ = ("left", "right")


def linking(size):
    """Seconds for a chain of bare objects, made and freed: the growth that is Python's own."""
    begin, chain = time.perf_counter(), None
    for _ in range(size):
        link = Link()
        link.left = link.right = chain
        chain = link
    del chain, link
    return time.perf_counter() - begin


def floating(size):
    """Seconds for the same program on Python's own floats: no node is made."""
    point = workloads.numbers(50)
    begin = time.perf_counter()
    workloads.shared(point, length=size)
    return time.perf_counter() - begin


def transforming(repetitions):
    """Seconds of `grad(f)`, and of recording f and `backward`, for graphs of three sizes."""
    from micrograd_plus import Value, grad

    functions = {
        "Rosenbrock's function in 2 dimensions": (workloads.valley, workloads.numbers(2)),
        **{name: (f, numbers()) for name, (f, numbers) in workloads.TRAINED.items()},
    }
    found = {}
    for name, (f, numbers) in functions.items():

        def by_hand(f=f, numbers=numbers):
            leaves = [Value(x) for x in numbers]
            f(leaves).backward()
            return [leaf.grad for leaf in leaves]

        contenders = {"by hand": by_hand, "grad": partial(grad(f), numbers)}
        times = in_turns(contenders, repetitions)
        found[name] = {who: statistics.median(seconds) for who, seconds in times.items()}
    return found


def drawing(nodes):
    """Seconds for the picture of a graph of about `nodes` nodes, and for its page."""
    from micrograd_plus import Value, draw, step_through
    from micrograd_plus.graph import order

    f = workloads.shared([Value(x) for x in workloads.numbers(nodes // 8)], length=nodes)
    times = {"nodes": len(order(f))}
    begin = time.perf_counter()
    draw(f, limit=nodes * 2)._repr_mimebundle_()
    times["picture"] = time.perf_counter() - begin
    begin = time.perf_counter()
    step_through(f, limit=nodes * 2)._repr_html_()
    times["page"] = time.perf_counter() - begin
    return times


if __name__ == "__main__":
    serve(run, build, growth, resident, traced, linking, floating, transforming, drawing)
