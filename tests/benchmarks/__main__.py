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
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.benchmarks.channel import NoAnswerError, Program
from tests.benchmarks.peers import BUILDS, OURS, PEERS, installed
from tests.benchmarks.programs import ONE_THREAD
from tests.benchmarks.report import picture, tables
from tests.benchmarks.workloads import SIZE
from tests.programs.table import PROGRAMS

QUICK = ["moons", "gpt", "chain", "hessian"]
RUNS, TURN = 3, 0.2  # runs and seconds in a row, at least: after a pause a peer is slower at first
BLAS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
IMPORTS = ["micrograd.engine", "autograd", "casadi", "torch", "jax"]


def compared(workload, peers, repetitions):
    """The seconds of each peer, the peers taking turns; what did not run, with the reason."""
    results, programs, runs = {}, {}, {}
    with ExitStack() as ends:
        for name in peers:
            peer = PEERS[name]
            if workload in peer.without:
                results[name] = {"error": peer.without[workload]}
            elif not peer.only or workload in peer.only:
                programs[name] = ends.enter_context(Program("worker", peer.environment))
        for turn in range(repetitions + 1):
            for name, program in list(programs.items()):
                # after half a minute of one peer's time its median will not change much
                if turn and turn * runs[name][0]["seconds"] > 10:
                    continue
                try:
                    times = []
                    while not times or (turn and (len(times) < RUNS or sum(times) < TURN)):
                        answer = program.ask("run", name, workload, SIZE[workload])
                        runs.setdefault(name, []).append(answer)  # the first turn warms up
                        times.append(answer["seconds"])
                except NoAnswerError as why:
                    if name == OURS:
                        raise
                    results[name] = {"error": str(why)}
                    del programs[name]
    for name in programs:
        first, *rest = runs[name]
        parts = [part for part in first if part != "check"]
        results[name] = {part: [run[part] for run in rest or [first]] for part in parts}
        results[name]["same results"] = close(first["check"], runs[OURS][0]["check"])
    return results


def close(found, expected):
    return all(abs(a - b) <= 1e-9 * max(1.0, abs(b)) for a, b in zip(found, expected, strict=True))


def grown(largest, environment):
    """Time and memory for each operation, from small graphs to large ones.

    Beside them stand the same without Python's garbage collector, what it takes for bare objects,
    and what the same program takes on plain floats.
    """
    rows, size = [], 1000
    while size <= largest:
        times = range(7 if size <= 1e5 else 3)
        with Program("worker", environment) as worker:
            row = {"size": size, "resident": worker.ask("resident", size)}
        if size <= 100_000:  # tracing memory takes many times longer
            with Program("worker", environment) as worker:
                row["bytes"] = worker.ask("traced", size)
        with Program("worker", environment) as worker:
            bare = [worker.ask("linking", size) for _ in times]
            floats = [worker.ask("floating", size) for _ in times]
            runs = [worker.ask("growth", size, True) for _ in times]
            calm = [worker.ask("growth", size, False)["seconds"] for _ in times]
        parts = ("forward", "backward", "freeing", "seconds")
        seconds = {part: [run[part] for run in runs] for part in parts}
        seconds |= {"uncollected": calm, "bare": bare, "floats": floats}
        ns = {name: statistics.median(each) / size * 1e9 for name, each in seconds.items()}
        rows.append(row | {"ns": ns})
        size *= 10
    return rows


def transformed(repetitions, environment):
    with Program("worker", environment) as worker:
        return worker.ask("transforming", repetitions)


def importing(repetitions, builds):
    """Milliseconds that each import takes, over those of a bare Python.

    All have their bytecode, as what pip installs has: where PYTHONDONTWRITEBYTECODE is set, a
    working tree would be compiled anew each time.
    """
    times = {}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kinds = {"": ("pass", {}), **{name: (f"import {OURS}", builds[name]) for name in builds}}
    kinds |= {name: (f"import {name}", {}) for name in IMPORTS}
    for turn in range(repetitions + 1):
        for name, (code, more) in kinds.items():
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, env=environment | more
            )
            if turn and done.returncode == 0:  # the first turn writes the bytecode
                times.setdefault(name, []).append(time.perf_counter() - begin)
    bare = statistics.median(times.pop(""))
    return {name: (statistics.median(t) - bare) * 1e3 for name, t in times.items()}


def drawn():
    with Program("worker") as worker:
        worker.ask("drawing", 10)
        return [worker.ask("drawing", nodes) for nodes in (30, 100, 300)]


def apart(program, *arguments, environment=()):
    """What a program of this folder measures in a process of its own."""
    with Program(program, environment) as process:
        return process.ask("measured", *arguments)


def compiled(repetitions):
    """Steps on arrays, with one BLAS thread and with as many as there are."""
    one = dict.fromkeys(BLAS, "1")
    return {
        threads: apart("compiled", repetitions, environment=limit)
        for threads, limit in {"1": one, "default": {}}.items()
    }


def programs(repetitions):
    """Steps of programs as people write them, each in a process of its own."""
    return {name: apart("programs", name, repetitions, environment=ONE_THREAD) for name in PROGRAMS}


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


def versions(peers):
    """The version of each peer, and which build of ours it is."""
    found = {name: version for name, version in installed().items() if name in peers}
    for name in BUILDS.keys() & found.keys():
        with Program("worker", BUILDS[name]) as worker:
            found[name] += f" ({worker.ask('build')})"
    return found


def measurements(peers, repetitions, largest):
    """What can be measured: functions by their names."""
    builds = {name: BUILDS[name] for name in peers if name in BUILDS}

    def each(measure, *arguments):
        return {name: measure(*arguments, builds[name]) for name in builds}

    return {
        **{name: partial(compared, name, peers, repetitions) for name in SIZE},
        "grad": partial(each, transformed, repetitions),
        "growth": partial(each, grown, largest),
        "import": partial(importing, repetitions, builds),
        "compiled": partial(compiled, repetitions),
        "programs": partial(programs, repetitions),
        "fit": partial(apart, "fitting", repetitions, environment=dict.fromkeys(BLAS, "1")),
        "points": partial(apart, "points", repetitions, 1e6),
        "distributed": partial(apart, "distributed", 2 * repetitions),
        "drawing": drawn,
    }


def main():
    names, known = list(measurements([], 0, 0)), installed()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer workloads and repetitions")
    parser.add_argument("--only", nargs="+", choices=names, metavar="WHAT", help=", ".join(names))
    parser.add_argument("--repetitions", type=int, metavar="N", help="runs of each (default 9)")
    parser.add_argument("--peers", nargs="+", choices=known, help="only these, and ours")
    parser.add_argument("--largest", type=float, default=1e7, help="operations (default 1e7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them (matplotlib)")
    given = parser.parse_args()
    console, talk = Console(), Console(stderr=True)
    if not console.is_terminal:
        console.width = 110
    peers = [name for name in known if name == OURS or not given.peers or name in given.peers]
    repetitions = given.repetitions or (3 if given.quick else 9)
    measure = measurements(peers, repetitions, given.largest)
    found = {"machine": machine(), "versions": versions(peers)}
    for name in track(given.only or (QUICK if given.quick else names), "measuring", console=talk):
        try:
            found[name] = measure[name]()
        except NoAnswerError as why:
            talk.print(f"{name}: {why}", markup=False)
    console.print(", ".join(f"{k} {v}" for k, v in found["machine"].items()))
    console.print("\n".join(f"{k} {v}" for k, v in found["versions"].items()))
    lost = []
    for name in measure:
        for table in tables(name, found[name], lost) if name in found else ():
            console.print(table)
    console.print("Where we lose:" if lost else "No peer was faster.")
    for line in lost:
        console.print(f"  {line}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    if given.picture:
        picture(found, given.picture)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
