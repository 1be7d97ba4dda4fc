"""Lecture E: backpropagation costs O(V + E) in the nodes and edges of the graph.

    python examples/e_training_cost/linear_cost.py [FOLDER]

measures graphs of 1,000 to 1,000,000 nodes, and saves the times into FOLDER (by default the
current one). Recording takes longer for a node of a large graph, because Python's garbage
collector walks through all nodes now and then.
"""

import sys
from pathlib import Path
from time import process_time

import numpy as np
from matplotlib.figure import Figure

import micrograd_plus as mg
from micrograd_plus import plots

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
WHAT = ("forward", "backward")


def graph(nodes: int) -> mg.Value:
    """A graph in which each value is the mean of the two before it.

    It has 3 edges for 2 nodes, but more paths than atoms in the universe: a method that
    followed paths instead of edges would never finish.
    """
    x, y = mg.values(x=1, y=-1)
    for _ in range(nodes // 2 - 1):
        x, y = y, 0.5 * (x + y)
    return y


def measure(nodes: int) -> tuple[float, float]:
    """The shortest times of recording such a graph and of its backward pass."""
    times = []
    for _ in range(1 + min(20, 300_000 // nodes)):
        start = process_time()
        f = graph(nodes)
        middle = process_time()
        f.backward()
        times.append((middle - start, process_time() - middle))
        del f  # not while the next one is measured
    forward, backward = (min(column) for column in zip(*times, strict=True))
    return forward, backward


def main(folder: Path) -> dict[str, list[float]]:
    """Print the times, and save the picture."""
    edges = [3 * (n // 2 - 1) for n in SIZES]
    found = dict(zip(WHAT, zip(*map(measure, SIZES), strict=True), strict=True))
    print("lecture: backpropagation takes O(V + E)\n")
    print("  nodes V    edges E   forward  backward   backward, each of V + E")
    for v, e, forward, backward in zip(SIZES, edges, *found.values(), strict=True):
        each = backward / (v + e) * 1e9
        print(f"{v:9,}  {e:9,}  {forward:6.3f} s  {backward:6.3f} s  {each:12.0f} ns")
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    for k, (name, times) in enumerate(found.items()):
        power = np.polyfit(np.log(SIZES), np.log(times), 1)[0]
        print(f"{name}: time grows as V to the power {power:.2f}")
        look = {**plots.style(k), "marker": plots.MARKERS[k]}
        axes.loglog(SIZES, times, label=f"{name}, grows as $V^{{{power:.2f}}}$", **look)
    straight = [found["backward"][2] * n / SIZES[2] for n in SIZES]
    axes.loglog(SIZES, straight, ":", color=plots.GREY, linewidth=1, label="exactly linear")
    axes.set(xlabel="nodes V, with 1.5 edges each", ylabel="seconds")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(folder / "linear_cost.svg")
    return {"nodes": list(SIZES), "edges": edges, **found}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
