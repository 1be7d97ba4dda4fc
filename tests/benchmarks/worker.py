"""One peer in a process of its own: reads a request in each line, answers with a line of JSON.

So one peer's garbage and imports don't slow another down, and all of them still take turns.
"""

import gc
import json
import resource
import sys
import time
import tracemalloc
from functools import partial

from tests.benchmarks import workloads
from tests.benchmarks.peers import PEERS


def prepared(peer, workload, size):
    """A function that runs a workload once and returns its time and its results."""
    gradient, hessian = PEERS[peer][1]()
    if workload == "hessian":
        if hessian is None:
            raise NotImplementedError("it has no second derivatives")
        matrix, point = hessian(workloads.valley), workloads.numbers(size)
        return partial(timed, lambda: (0.0, [x for row in matrix(point) for x in row], None))
    if workload == "moons with nn":
        f = partial(workloads.moons, network=layers())
        return partial(timed, gradient(f, workloads.moons_parameters()))
    if workload == "moons":
        return partial(timed, gradient(workloads.moons, workloads.moons_parameters()))
    leaves = {"chain": 1, "wide": size // 2, "shared": 50}[workload]
    f = partial(getattr(workloads, workload), length=size)
    return partial(timed, gradient(f, workloads.numbers(leaves)))


def layers():
    """`workloads.network` by our own layers, each neuron's sum being one operation."""
    from micrograd_plus import nn

    model = nn.MLP(workloads.SIZES[0], workloads.SIZES[1:])

    def network(params, relu):
        rest = iter(params)
        for layer in model.layers:
            for neuron in layer.neurons:
                neuron.w, neuron.b = [next(rest) for _ in neuron.w], next(rest)
        return model

    return network


def timed(run):
    begin = time.perf_counter()
    value, gradient, recording = run()
    return {
        "seconds": time.perf_counter() - begin,
        "recording": recording,
        "check": [value, sum(gradient), sum(map(abs, gradient))],
    }


def growth(size, memory):
    """Both passes over a graph of `size` operations: seconds, or bytes, for each of them."""
    from micrograd_plus.graph import order

    gradient, _ = PEERS["micrograd_plus"][1]()
    f = partial(workloads.shared, length=size)
    if memory:
        from micrograd_plus import Value

        leaves = [Value(x) for x in workloads.numbers(50)]
        tracemalloc.start()
        out = f(leaves)
        recorded = tracemalloc.get_traced_memory()[0]
        out.backward()
        after, peak = tracemalloc.get_traced_memory()
        count = len(order(out))
        del out
        left = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        kept = {"recorded": recorded, "differentiated": after, "peak": peak, "left": left}
        return {"operations": count, **{name: n / count for name, n in kept.items()}}
    result = timed(gradient(f, workloads.numbers(50)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "megabytes": peak / 1024}


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
    return {"seconds": time.perf_counter() - begin}


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


def main():
    peer, run = sys.argv[1], None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            match request:
                case {"prepare": [workload, size]}:
                    run = prepared(peer, workload, size)
                    answer = run()  # the first run warms up
                case {"growth": size, "memory": memory}:
                    answer = growth(size, memory)
                case {"linking": size}:
                    answer = linking(size)
                case {"collecting": False}:
                    gc.disable()
                    answer = {}
                case {"drawing": nodes}:
                    answer = drawing(nodes)
                case _:
                    answer = run()
        except (RecursionError, MemoryError, TypeError, NotImplementedError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:60]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
