"""Pickles that one build writes and the other reads."""

import pickle
from importlib import import_module

import pytest

from tests.needs import needs_core
from tests.twins import builds

needs_core()
CORE, PURE = builds()


def graph(build):
    """A graph of a module's parameters, operations of the table and one made by hand."""
    model = import_module("micrograd_plus.nn").MLP(2, [2, 1], seed=1)
    x, y = build.Value(0.5, "x"), build.Value(-2.0)
    made = build.Value(1.5, (x,), "made")

    def backward():
        x.grad += 3.0 * made.grad

    made._backward = backward
    f = build.sum([model([x, y]), made, build.clip(y, -3.0, x), 1 / x, x**2])
    f.label = "f"
    f.backward()
    return f


def content(build, root):
    nodes = build.order(root)
    place = {node: i for i, node in enumerate(nodes)}
    placed = import_module("micrograd_plus.graph.places").placed(nodes)
    return [
        (node.data, node.grad, node.label, getattr(node.op, "name", None),
         [place.get(arg, arg) for arg in node.args],
         node in placed and placed[node].kind)
        for node in nodes
    ]  # fmt: skip


@pytest.mark.parametrize(("writer", "reader"), [(CORE, PURE), (PURE, CORE)])
@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_what_one_build_writes_the_other_reads(writer, reader, protocol):
    with writer.imported():
        written = graph(writer)
        expected = content(writer, written)
        text = pickle.dumps(written, protocol)
        written.backward()
        again = content(writer, written)
    with reader.imported():
        read = pickle.loads(text)
        assert type(read) is reader.Value
        assert content(reader, read) == expected
        read.backward()
        assert content(reader, read) == again
