"""Measures micrograd_plus beside its peers: python -m tests.benchmarks --help."""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.benchmarks.peers import installed

OURS = "micrograd_plus"
WORKLOADS = [
    ("moons", 0, "one training step of MLP(2, [16, 16, 1]) on 100 points, with + and × alone"),
    ("moons with nn", 0, "the same step by layers, each neuron's sum being one operation"),
    ("chain", 10_000, "a chain of 10,000 operations"),
    ("wide", 10_000, "a sum over 5,000 products"),
    ("shared", 10_000, "a graph of 10,000 operations whose values are used again and again"),
    ("hessian", 20, "the Hessian of Rosenbrock's function in 20 dimensions"),
]
QUICK = {"moons", "chain", "hessian"}
RUNS = 3  # in a row: after a pause the first is slower, as in no training loop
LEFT_OUT = {
    ("JAX, not jitted", "moons"): "not run: see the chain, a sixth as long",
    ("JAX, not jitted", "shared"): "not run: as the chain",
    ("JAX, not jitted", "wide"): "not run: as the chain",
}
BLAS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
IMPORTS = ["micrograd_plus", "micrograd.engine", "autograd", "casadi", "torch", "jax"]


class Worker:
    """One peer in a process of its own."""

    def __init__(self, peer):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def compared(workload, size, peers, repetitions):
    """The seconds of each peer, the peers taking turns; what did not run, with the reason."""
    workers = {peer: Worker(peer) for peer in peers if (peer, workload) not in LEFT_OUT}
    results = {p: {"error": LEFT_OUT[p, workload]} for p in peers if (p, workload) in LEFT_OUT}
    first = {peer: w.ask(prepare=[workload, size]) for peer, w in workers.items()}
    for peer, answer in first.items():
        results[peer] = answer if "error" in answer else {"seconds": [], "recording": []}
    for turn in range(repetitions):
        for peer, worker in workers.items():
            # after half a minute of one peer's time its median will not change much
            if "error" not in results[peer] and (turn + 1) * first[peer]["seconds"] < 10:
                for _ in range(RUNS):
                    answer = worker.ask()
                    for name in ("seconds", "recording"):
                        results[peer][name].append(answer[name])
    for peer, worker in workers.items():
        worker.__exit__()
        result = results[peer]
        if "error" not in result:
            result["seconds"] = result["seconds"] or [first[peer]["seconds"]]
            result["same results"] = close(first[peer]["check"], first[OURS]["check"])
    return results


def close(found, expected):
    return all(abs(a - b) <= 1e-9 * max(1.0, abs(b)) for a, b in zip(found, expected, strict=True))


def grown(largest):
    """Time and memory for each operation, from small graphs to large ones.

    Beside them stand the same without Python's garbage collector, and what it takes for bare
    objects.
    """
    rows, size = [], 1000
    while size <= largest:
        times = range(7 if size <= 1e5 else 3)
        with Worker(OURS) as worker:
            bare = [worker.ask(linking=size)["seconds"] for _ in times]
            runs = [worker.ask(growth=size, memory=False) for _ in times]
            worker.ask(collecting=False)
            calm = [worker.ask(growth=size, memory=False)["seconds"] for _ in times]
        seconds = {
            "forward": [run["recording"] for run in runs],
            "backward": [run["seconds"] - run["recording"] for run in runs],
            "uncollected": calm,
            "bare": bare,
        }
        row = {name: statistics.median(each) / size * 1e9 for name, each in seconds.items()}
        row |= {"size": size, "megabytes": runs[-1]["megabytes"]}
        if size <= 100_000:  # tracing memory takes many times longer
            with Worker(OURS) as worker:
                row["bytes"] = worker.ask(growth=size, memory=True)
        rows.append(row)
        size *= 10
    return rows


def importing(repetitions):
    """Milliseconds that each import takes, over those of a bare Python.

    All have their bytecode, as what pip installs has: where PYTHONDONTWRITEBYTECODE is set, a
    working tree would be compiled anew each time.
    """
    times = {}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for turn in range(repetitions + 1):
        for code in ["pass", *(f"import {name}" for name in IMPORTS)]:
            command = [sys.executable, "-c", code]
            begin = time.perf_counter()
            done = subprocess.run(command, capture_output=True, env=environment)
            if turn and done.returncode == 0:  # the first turn writes the bytecode
                times.setdefault(code, []).append(time.perf_counter() - begin)
    bare = statistics.median(times.pop("pass"))
    return {code: (statistics.median(t) - bare) * 1e3 for code, t in times.items()}


def drawn():
    with Worker(OURS) as worker:
        worker.ask(drawing=10)
        return [worker.ask(drawing=nodes) for nodes in (30, 100, 300)]


def compiled(repetitions):
    """Steps on arrays, with one BLAS thread and with as many as there are."""
    found = {}
    for threads in ("1", "default"):
        limit = {} if threads == "default" else dict.fromkeys(BLAS, threads)
        found[threads] = apart("compiled", repetitions, limit)
    return found


def apart(program, repetitions, environment=()):
    """What a program of this folder measures in a process of its own; nothing if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{program}", str(repetitions)],
        capture_output=True, text=True, env={**os.environ, **dict(environment)},
    )  # fmt: skip
    if done.returncode:
        print(f"{program} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    return json.loads(done.stdout)


def machine():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def show(console, found):
    """The tables, and then where others are faster."""
    lost = []
    for workload, _, about in WORKLOADS:
        if workload not in found["workloads"]:
            continue
        results = found["workloads"][workload]
        table = Table(title=about, title_justify="left")
        for name in ("", "median ms", "from–to", "× ours", "results"):
            table.add_column(name, justify="left" if name in ("", "results") else "right")
        base = statistics.median(found["workloads"][workload][OURS]["seconds"])
        for peer, result in sorted(
            results.items(), key=lambda item: statistics.median(item[1].get("seconds", [1e9]))
        ):
            if "error" in result:
                table.add_row(peer, "–", "", "", result["error"])
                continue
            seconds = result["seconds"]
            ratio = statistics.median(seconds) / base
            table.add_row(
                peer,
                f"{statistics.median(seconds) * 1e3:.1f}",
                f"{min(seconds) * 1e3:.1f}–{max(seconds) * 1e3:.1f}",
                f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
                "same" if result["same results"] else "differ",
            )
            if ratio < 1:
                lost.append(f"{peer} is {1 / ratio:.1f} times faster than ours: {about}")
        console.print(table)
    if "growth" in found:
        names = (
            "operations",
            "forward ns",
            "backward ns",
            "both, no collector ns",
            "bare objects ns",
            "bytes each",
            "process MB",
        )
        table = Table(*names, title="growth (ours): graphs with sharing, for each operation")
        for row in found["growth"]:
            kept = f"{row['bytes']['differentiated']:.0f}" if "bytes" in row else ""
            table.add_row(
                f"{row['size']:,}",
                f"{row['forward']:.0f}",
                f"{row['backward']:.0f}",
                f"{row['uncollected']:.0f}",
                f"{row['bare']:.0f}",
                kept,
                f"{row['megabytes']:.0f}",
            )
        console.print(table)
    for threads, answer in found.get("compiled", {}).items():
        for name, result in answer.get("steps", {}).items():
            medians, mine = result["median"], result["median"]["micrograd_plus, compiled"]
            table = Table("", "median µs", "× ours", title=f"{name}; BLAS threads: {threads}")
            for who, seconds in sorted(medians.items(), key=lambda item: item[1]):
                table.add_row(who, f"{seconds * 1e6:.0f}", f"{seconds / mine:.2f}")
                if seconds < mine:
                    lost.append(f"{who} is {mine / seconds:.2f} times faster: {name}, {threads}")
            table.caption = f"compiled in {result['compiling']:.2f} s"
            console.print(table)
        if "compiling" in answer and threads == "1":
            table = Table("operations", "s", "µs each", title="compiling × and + by hand")
            for row in answer["compiling"]:
                each = row["seconds"] / row["operations"] * 1e6
                table.add_row(f"{row['operations']:,}", f"{row['seconds']:.3f}", f"{each:.1f}")
            console.print(table)
    for name, row in found.get("points", {}).items():
        if "ns per operation" in row:
            table = Table("", "median ns an operation", "fastest", title=f"one point: {name}")
            for who, ns in sorted(row["ns per operation"].items(), key=lambda item: item[1]):
                table.add_row(who, f"{ns:.1f}", f"{row['ns per operation, fastest'][who]:.1f}")
            console.print(table)
    show_distributed(console, found.get("distributed", {}))
    if "import" in found:
        table = Table("", "ms over bare Python", title="import")
        for code, ms in found["import"].items():
            table.add_row(code, f"{ms:.0f}")
        console.print(table)
    if "drawing" in found:
        table = Table("nodes", "picture s", "page s", title="drawing (ours)")
        for row in found["drawing"]:
            table.add_row(str(row["nodes"]), f"{row['picture']:.2f}", f"{row['page']:.2f}")
        console.print(table)
    console.print("Where we lose:" if lost else "No peer was faster.")
    for line in lost:
        console.print(f"  {line}")


def show_distributed(console, found):
    for name, row in found.get("beside JAX by hand", {}).items():
        table = Table("", "µs", title=f"a step of training on JAX, one device: {name}")
        for who, seconds in row.items():
            if who != "ratio":
                table.add_row(who, f"{seconds * 1e6:.0f}")
        table.caption = f"{row['ratio']:.2f} times the hand-written one"
        console.print(table)
    for name, row in found.get("beside one process", {}).items():
        table = Table("batch", "one process ms", "two ms", title=f"two processes: {name}")
        for batch, seconds in row["one"].items():
            table.add_row(batch, f"{seconds * 1e3:.2f}", f"{row['two'][batch] * 1e3:.2f}")
        pays = row["pays from"]
        table.caption = f"two pay from {pays}" if pays else "two never pay"
        console.print(table)


def picture(found, path):
    """Bars of all peers in all workloads, on a logarithmic scale."""
    from matplotlib.figure import Figure

    shown = [row for row in WORKLOADS if row[0] in found["workloads"]]
    figure = Figure(figsize=(9, 1.2 + 1.7 * len(shown)), layout="constrained")
    for axes, (workload, _, about) in zip(
        figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True
    ):
        results = found["workloads"][workload]
        ran = {p: r["seconds"] for p, r in results.items() if "seconds" in r}
        medians = [statistics.median(seconds) * 1e3 for seconds in ran.values()]
        colours = ["#1a7f37" if peer == OURS else "#8c959f" for peer in ran]
        axes.barh(list(ran), medians, color=colours)
        axes.bar_label(axes.containers[0], [f" {m:.3g} ms" for m in medians], fontsize=8)
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_title(about, loc="left", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer workloads and repetitions")
    parser.add_argument("--repetitions", type=int, metavar="N", help="runs of each (default 9)")
    parser.add_argument("--peers", nargs="+", choices=installed(), help="only these, and ours")
    parser.add_argument("--largest", type=float, default=1e7, help="operations (default 1e7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them (matplotlib)")
    given = parser.parse_args()
    console, talk = Console(), Console(stderr=True)
    versions = installed()
    peers = [p for p in versions if p == OURS or not given.peers or p in given.peers]
    repetitions = given.repetitions or (3 if given.quick else 9)
    found = {
        "machine": machine(),
        "versions": {peer: versions[peer] for peer in peers},
        "workloads": {},
    }
    chosen = [row for row in WORKLOADS if not given.quick or row[0] in QUICK]
    for workload, size, _ in track(chosen, "measuring", console=talk):
        who = [OURS] if workload == "moons with nn" else peers
        found["workloads"][workload] = compared(workload, size, who, repetitions)
    if "moons with nn" in found["workloads"]:
        # a neuron that is one operation is ours alone: it is measured against the others' sums
        mine = found["workloads"].pop("moons with nn")[OURS]
        found["workloads"]["moons"][f"{OURS}, nn"] = mine
    if not given.quick:
        found["compiled"] = compiled(repetitions)
        found["points"] = apart("points", repetitions)
        found["distributed"] = apart("distributed", 2 * repetitions)
        found["growth"] = grown(given.largest)
        found["import"] = importing(repetitions)
        found["drawing"] = drawn()
    console.print(", ".join(f"{k} {v}" for k, v in found["machine"].items()))
    console.print(", ".join(f"{k} {v}" for k, v in found["versions"].items()))
    show(console, found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    if given.picture:
        picture(found, given.picture)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
