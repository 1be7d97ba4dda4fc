"""Trainings that have to end alike, by whatever engine, and on however many devices.

Run as a program, with a folder, and perhaps coordinator, processes and number of this process: it
writes there what came out, as JSON.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import micrograd_plus as mg
from micrograd_plus import datasets, nn, optim
from micrograd_plus.training import ClusterError


def shuffled(items, random):
    """The order of an epoch: whole numbers of 64 bits are drawn, one for each item, and sorted."""
    drawn = struct.unpack(f"={len(items)}Q", random.randbytes(8 * len(items)))
    return [items[drawn.index(x)] for x in sorted(drawn)]


class Rows:
    """Data that are read on demand, and remember which examples were asked for."""

    def __init__(self, data):
        self.data, self.asked = data, []

    def __len__(self):
        return len(self.data[0])

    def __getitem__(self, i):
        self.asked.append(i)
        return self.data[0][i], self.data[1][i]


class Table:
    """What a DataFrame is here: rows to NumPy, and columns to whoever iterates or asks for items.

    Its columns are called 0, 1, 2, … and its index is in another order than its rows.
    """

    iloc = property(lambda self: self)

    def __init__(self, rows):
        self.rows = [list(row) for row in rows]
        self.columns = range(len(self.rows[0]))

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.columns)

    def __getitem__(self, name):
        return Column(row[name] for row in self.rows)

    def to_numpy(self):
        import numpy

        return numpy.array(self.rows)

    __array__ = to_numpy


class Column(list):
    """What a Series is here."""

    def __getitem__(self, name):
        return super().__getitem__(-1 - name)

    def to_numpy(self):
        import numpy

        return numpy.array(list(self))

    def tolist(self):
        return list(self)


def spirals(form=tuple, **options):
    """105 steps of mini-batches of 7, the last of an epoch of 6, with a held-out set."""
    given = {"batch_size": 7, "epochs": 15, "validation": 0.2, "gradient_flow": True}
    model = nn.MLP(2, [6, 3], activation="tanh", seed=1)
    data, rule = form(datasets.spirals(60)), optim.Adam(optim.Cosine(0.02, 15))
    return model, mg.fit(model, data, nn.softmax_cross_entropy, rule, **{**given, **options})


def parabolas(form=tuple, **options):
    """120 steps on two outputs, with all that changes loss and gradient, and a metric."""
    model = nn.MLP(1, [5, 2], activation="gelu", seed=1)
    given = {
        "batch_size": 10,
        "epochs": 20,
        "penalty": lambda parameters: nn.l2_penalty(parameters, 0.01),
        "clip_norm": 0.5,
        "clip_value": 0.4,
        "metrics": {"first": lambda outputs, target: abs(outputs[0] - target[0])},
    }
    data, rule = form(datasets.parabolas(60)), optim.Nesterov(0.05)
    return model, mg.fit(model, data, nn.mse, rule, **{**given, **options})


def saturated(form=tuple, **options):
    """105 steps with fewer examples than devices; some have to be left to the engine."""
    model = nn.MLP(1, [1], activation=["sigmoid"], seed=2)
    model.layers[0].neurons[0].w[0].data = 1.0
    data = form(([[1.0], [900.0], [0.5], [900.0], [-0.5], [0.25]], [1, 1, 0, 1, 0, 1]))
    given = {"batch_size": 2, "epochs": 35, "validation": data, "gradient_flow": True}
    rule = optim.Momentum(0.01)
    return model, mg.fit(model, data, nn.binary_cross_entropy, rule, **{**given, **options})


def sealed(text):
    """An object of JSON as a checkpoint has it: with the digest of what stands before."""
    text = text.removesuffix("}")
    return f'{text}, "sha256": "{hashlib.sha256(text.encode()).hexdigest()}"}}'


ALL = {"spirals": spirals, "parabolas": parabolas, "saturated": saturated}
READ = {  # spirals of which each process reads its own
    "mini-batches": {"epochs": 2},
    "all at once": {"epochs": 2, "batch_size": None, "validation": None},
}


def found(train, **options):
    """What a training leaves, as plain data."""
    model, history = train(**options)
    return {"parameters": [p.data for p in model.parameters()], **vars(history)}


def refusals(process_id):
    """What the processes of a cluster say to trainings that would not be one."""

    def other(data):
        return [[float(process_id)] * 2, *data[0][1:]], data[1]

    for options in (
        {"engine": "compiled"},
        {"engine": "jax", "form": other},
        {"engine": "jax", "form": lambda data: Rows(other(data))},
        {"engine": "jax", "batch_size": 7 + process_id},
    ):
        try:
            spirals(epochs=1, **options)
        except (ClusterError, ValueError) as error:
            yield str(error)


def main(folder, coordinator=None, processes=1, process_id=0):
    with mg.Cluster(coordinator, int(processes), int(process_id)) as cluster:
        import jax

        results = {"devices": jax.device_count()}
        if cluster.processes > 1:
            results["refused"] = list(refusals(cluster.process_id))
            results["read"] = {}
            for name, options in READ.items():
                rows = Rows(datasets.spirals(60))
                what = found(spirals, form=lambda _, rows=rows: rows, engine="jax", **options)
                results["read"][name] = {"asked": rows.asked, **what}
        for name, train in ALL.items():
            mine = Path(folder) / f"{name}-{cluster.process_id}.json"
            results[name] = found(train, engine="jax", checkpoint=mine)
    (Path(folder) / f"{cluster.process_id}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
