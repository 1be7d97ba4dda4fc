"""Copies and pickles keep sharing, gradients and any depth."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value, values
from micrograd_plus.graph import order
from micrograd_plus.testing import graphs
from tests.effort import slow

WAYS = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "old pickle": lambda x: pickle.loads(pickle.dumps(x, protocol=0)),
    "pickle in Python": lambda x: pickle._loads(pickle._dumps(x)),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def duplicate(request):
    return request.param


def test_sharing_and_gradients_survive(duplicate):
    a, b = values(a=2, b=3)
    f = a * b + a
    f.backward()
    a2, f2, b2 = duplicate([a, f, b])
    assert [v.grad for v in (a2, b2, f2)] == [4, 2, 1]
    f2.backward()
    assert [v.grad for v in (a2, b2)] == [8, 4]
    assert [v.grad for v in (a, b)] == [4, 2]
    assert (a2.label, f2.op) == ("a", f.op)


def test_a_copy_of_any_number_of_arguments_is_differentiated(duplicate):
    x, y = values(x=0.5, y=-2)
    f = mg.sum([x.tanh(), x / y, mg.clip(y, -3, x), 1.0])
    x2, y2, f2 = duplicate([x, y, f])
    for root in (f, f2):
        root.backward()
    assert [v.grad for v in (x2, y2)] == [v.grad for v in (x, y)]


@given(graphs())
def test_random_graphs_survive(graph):
    root, _ = graph
    for way in WAYS.values():
        copied = way(root)
        old, new = order(root), order(copied)
        place = {node: i for i, node in enumerate(new)}
        assert not {*old} & {*new}
        for i, (node, twin) in enumerate(zip(old, new, strict=True)):
            assert (node.data, node.op, node.label) == (twin.data, twin.op, twin.label)
            for arg, twin_arg in zip(node.args, twin.args, strict=True):
                assert type(arg) is type(twin_arg)
                if isinstance(arg, Value):
                    assert place[twin_arg] < i
                else:
                    assert arg == twin_arg


@pytest.mark.parametrize("depth", [999, 1000, 1001, pytest.param(50_000, marks=slow)])
@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_no_depth_is_too_deep(way, depth):
    x = Value(1.0, "x")
    f = x
    for _ in range(depth):
        f = f + 1
    copied = WAYS[way](f)
    copied.backward()
    assert copied.data == 1 + depth
    assert x.grad == 0
    if way == "pickle":
        assert len(pickle.dumps(f)) < 100 * depth  # each node is written once


def test_subclasses_stay_what_they_are(duplicate):
    v = Weight(2, "w")
    assert [type(x) for x in duplicate([v, v * 2])] == [Weight, Value]
    assert type(copy.copy(v)) is Weight


class Weight(Value):
    __slots__ = ()


def test_threads_pickle_independently():
    def work(depth):
        f = Value(1.0)
        for _ in range(depth):
            f = f + 1
        return [pickle.loads(pickle.dumps(f)).data for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for depth, found in zip(range(2000, 2010), pool.map(work, range(2000, 2010)), strict=True):
            assert found == [depth + 1] * 5


def test_copying_many_nodes_of_one_graph_takes_each_once():
    nodes = [Value(1.0)]
    for _ in range(20_000):
        nodes.append(nodes[-1] + 1)
    copied = copy.deepcopy(nodes)
    assert all(new.args[0] is old for old, new in pairwise(copied))


def test_a_shallow_copy_has_the_same_arguments():
    x = Value(1.0, "x")
    f = x * 2
    g = copy.copy(f)
    g.label = "g"
    assert (f.label, g.args[0]) == ("", x)
    g.backward()
    assert (x.grad, f.grad) == (2, 0)


def test_pickling_goes_on_normally_after_a_failure():
    x = Value(1.0)
    f = mg.exp(x) + 1
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps([f, lambda: 0])
    assert pickle.loads(pickle.dumps(f)).data == f.data
