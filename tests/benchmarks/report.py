"""What was measured as tables for a terminal, and as a picture."""

from statistics import median

from rich.table import Table

from tests.benchmarks.peers import BUILDS, OURS
from tests.benchmarks.programs import HAND, JAX, PLAIN
from tests.benchmarks.programs import OURS as OF_PROGRAMS
from tests.benchmarks.workloads import ABOUT

PARTS = ("forward", "backward", "freeing")
KEPT = ("recorded", "differentiated", "peak")


def tables(name, found, lost):
    """The tables of one measurement; to `lost` are added the cases where others are faster."""
    if name in ABOUT:
        return [compared(name, found, lost)]
    return SHOWN[name](found, lost)


def table(title, columns, rows):
    """A table whose first column is text, and whose other columns are numbers or text."""
    made = Table(title=title, title_justify="left", caption_justify="left")
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i else "left")
    for row in rows:
        made.add_row(*(x if isinstance(x, str) else figure(x) for x in row))
    return made


def figure(x):
    """A number to three digits; of a large one all of them."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def compared(workload, found, lost):
    about = ABOUT[workload]
    ran = {name: result for name, result in found.items() if "error" not in result}
    middle = {name: median(result["seconds"]) for name, result in ran.items()}
    builds = [name for name in BUILDS if name in ran]
    rows = []
    for name in sorted(ran, key=middle.get):
        result, seconds = ran[name], ran[name]["seconds"]
        parts = [median(result[part]) * 1e3 if part in result else "" for part in PARTS]
        spread = f"{figure(min(seconds) * 1e3)}–{figure(max(seconds) * 1e3)}"
        ratios = [middle[name] / middle[build] for build in builds]
        rows.append([name, middle[name] * 1e3, *parts, spread, *ratios])
        if middle[name] < middle[OURS] and not name.startswith(OURS):
            times = figure(middle[OURS] / middle[name])
            lost.append(f"{name} is {times} times as fast as ours: {about}")
    against = ["× ours", "× ours, pure"][: len(builds)]
    shown = table(about, ["", "median ms", *PARTS, "from–to", *against], rows)
    notes = {name: found[name]["error"].splitlines()[-1] for name in found if name not in ran}
    notes |= {name: "the results differ from ours" for name in ran if not ran[name]["same results"]}
    shown.caption = "\n".join(f"{name}: {note}" for name, note in notes.items())
    return shown


def transformed(found, lost):
    rows = [
        [build, name, times["by hand"] * 1e6, times["grad"] * 1e6, times["grad"] / times["by hand"]]
        for build, functions in found.items()
        for name, times in functions.items()
    ]
    title = "grad(f) beside recording f and calling backward"
    yield table(title, ["", "f", "by hand µs", "grad µs", "× by hand"], rows)


def grown(found, lost):
    for build, sizes in found.items():
        first = sizes[0]["ns"]["seconds"]
        rows = [
            [f"{row['size']:,}", *(row["ns"][part] for part in PARTS), row["ns"]["seconds"],
             row["ns"]["seconds"] / first,
             *(row["ns"][name] for name in ("uncollected", "bare", "floats"))]
            for row in sizes
        ]  # fmt: skip
        columns = ["operations", *PARTS, "all", "× first", "no collector", "bare objects", "floats"]
        yield table(f"{build}: nanoseconds an operation, values being shared", columns, rows)
        rows = [
            [
                f"{row['size']:,}",
                *(row["bytes"][when] if "bytes" in row else "" for when in KEPT),
                row["resident"]["graph"] / row["size"] or "",  # less than the import took
                row["resident"]["process"] / 1e6,
            ]
            for row in sizes
        ]
        columns = ["operations", *KEPT, "resident", "process MB"]
        yield table(f"{build}: bytes an operation", columns, rows)


def imported(found, lost):
    rows = [[name, ms, ms / found[OURS]] for name, ms in found.items()]
    yield table("import", ["", "ms over bare Python", "× ours"], rows)


def compiled(found, lost):
    for threads, answer in found.items():
        for name, result in answer["steps"].items():
            medians, mine = result["median"], result["median"]["micrograd_plus, compiled"]
            ordered = sorted(medians.items(), key=lambda item: item[1])
            rows = [[who, seconds * 1e6, seconds / mine] for who, seconds in ordered]
            title = f"{name}; BLAS threads: {threads}"
            shown = table(title, ["", "median µs", "× ours"], rows)
            shown.caption = f"compiled in {result['compiling']:.2f} s"
            yield shown
            for who, seconds in ordered:
                if seconds < mine and not who.startswith(OURS):
                    lost.append(f"{who} is {figure(mine / seconds)} times as fast as ours: {title}")
    rows = [
        [f"{row['operations']:,}", row["seconds"], row["seconds"] / row["operations"] * 1e6]
        for row in found["1"]["compiling"]
    ]
    yield table("compiling × and + by hand", ["operations", "s", "µs each"], rows)


def programs(found, lost):
    """Of our backends the first that ran counts; the others are what it might have chosen."""
    rows = []
    for name, row in found.items():
        medians, title = row["median"], f"{name} ({row['batch']})"
        ran = [backend for backend in OF_PROGRAMS if backend in medians]
        mine, known = medians[ran[0]], row["ours"].get("numpy", row["ours"][ran[0]])
        steps = [medians[who] * 1e6 if who in medians else "" for who in [*OF_PROGRAMS, HAND, JAX]]
        ratios = [mine / medians[who] if who in medians else "" for who in (HAND, JAX)]
        more = medians[PLAIN] / mine if PLAIN in medians else ""
        rows.append([title, known["lines"], known["compiling"], *steps, *ratios, more])
        for who, seconds in medians.items():
            # which of our own is chosen is estimated, and has to be right within 1.2
            if mine > seconds * (1.2 if who in OF_PROGRAMS else 1):
                times = figure(mine / seconds)
                lost.append(f"{who} is {times} times as fast as ours ({ran[0]}): {title}")
    columns = ["", "lines", "s", *OF_PROGRAMS, "hand", "JAX", "÷ hand", "÷ JAX", "× plain"]
    shown = table("a training step of programs as people write them, µs", columns, rows)
    shown.caption = (
        "lines, and seconds of compiling, of the NumPy program; × faster than a plain Value"
    )
    yield shown


def trained(found, lost):
    for row in found.values():
        medians, title = row["median"], f"fit: {row['about']}"
        ordered = sorted(medians.items(), key=lambda item: item[1])
        mine = medians[OURS]
        rows = [[who, seconds * 1e3, seconds / mine] for who, seconds in ordered]
        shown = table(title, ["", "median ms", "× ours"], rows)
        shown.caption = ", ".join(
            f"{part} alone {seconds / mine:.0%}" for part, seconds in row["alone"].items()
        )
        yield shown
        for who, seconds in ordered:
            if seconds < mine and not who.startswith(OURS):
                lost.append(f"{who} is {figure(mine / seconds)} times as fast as ours: {title}")


def at_points(found, lost):
    for name, row in found.items():
        medians, fastest = row["ns per operation"], row["ns per operation, fastest"]
        mine = medians["micrograd_plus, native"]
        rows = [[who, medians[who], fastest[who], medians[who] / mine] for who in medians]
        rows.sort(key=lambda row: row[1])
        columns = ["", "median ns an operation", "fastest", "× ours"]
        yield table(f"one point: {name}", columns, rows)
        for who, ns in medians.items():
            if ns < mine:
                lost.append(f"{who} is {figure(mine / ns)} times as fast as ours: {name}")


def distributed(found, lost):
    for name, row in found["beside JAX by hand"].items():
        rows = [[who, s * 1e6, s / row["JAX by hand"]] for who, s in row.items()]
        title = f"a step of training on JAX, one device: {name}"
        yield table(title, ["", "µs", "× by hand"], rows)
    for name, row in found["beside one process"].items():
        rows = [
            [f"{batch:,}", seconds * 1e3, row["two"][batch] * 1e3]
            for batch, seconds in row["one"].items()
        ]
        shown = table(f"two processes: {name}", ["batch", "one process ms", "two ms"], rows)
        pays = row["pays from"]
        shown.caption = f"two pay from {pays}" if pays else "two never pay"
        yield shown


def drawn(found, lost):
    rows = [[str(row["nodes"]), row["picture"], row["page"]] for row in found]
    yield table("drawing (ours)", ["nodes", "picture s", "page s"], rows)


SHOWN = {
    "grad": transformed,
    "growth": grown,
    "import": imported,
    "compiled": compiled,
    "programs": programs,
    "fit": trained,
    "points": at_points,
    "distributed": distributed,
    "drawing": drawn,
}


def picture(found, path):
    """Bars of all peers in all workloads, on a logarithmic scale."""
    from matplotlib.figure import Figure

    shown = [name for name in ABOUT if name in found]
    figure = Figure(figsize=(9, 1.2 + 1.7 * len(shown)), layout="constrained")
    for axes, name in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        ran = {peer: row["seconds"] for peer, row in found[name].items() if "seconds" in row}
        medians = [median(seconds) * 1e3 for seconds in ran.values()]
        colours = ["#1a7f37" if peer.startswith(OURS) else "#8c959f" for peer in ran]
        axes.barh(list(ran), medians, color=colours)
        axes.bar_label(axes.containers[0], [f" {m:.3g} ms" for m in medians], fontsize=8)
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_title(ABOUT[name], loc="left", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
