"""Order, replay, depth and memory of graphs."""

import gc
import tracemalloc

import pytest
from hypothesis import given

import micrograd_plus as mg
from micrograd_plus import Value, nn, values
from micrograd_plus.graph import hooks, order
from micrograd_plus.testing import graphs
from tests.effort import slow
from tests.needs import counts_python


@given(graphs())
def test_order_has_each_node_once_and_after_its_arguments(graph):
    root, _ = graph
    nodes = order(root)
    place = {node: i for i, node in enumerate(nodes)}
    assert len(place) == len(nodes)
    assert nodes[-1] is root
    for node in nodes:
        assert all(place[arg] < place[node] for arg in node.args if isinstance(arg, Value))


@counts_python
def test_order_looks_at_each_node_and_edge_once(monkeypatch):
    looks = []

    def counted(node):
        looks.append(node)
        return id(node)

    layer = [Value(1.0) for _ in range(20)]
    for _ in range(10):  # 20¹⁰ paths
        layer = [mg.sum(layer) for _ in range(20)]
    root = mg.sum(layer)
    nodes, edges = 20 * 11 + 1, 20 * 201
    monkeypatch.setattr(Value, "__hash__", counted)
    assert len(order(root)) == nodes
    assert edges < len(looks) < edges + 5 * nodes


def test_arguments_are_visited_in_order():
    x, y, z = values(x=1, y=2, z=3)
    assert [node.label for node in order((x + y) * z)] == ["x", "y", "", "z", ""]


def test_what_is_done_is_left_out_with_what_only_it_depends_on():
    x, y = values(x=1, y=2)
    done = x * y
    last = done + y
    assert list(map(id, order(last, {id(done)}))) == [id(y), id(last)]
    assert order(last, {id(last)}) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("depth", [16_000, pytest.param(1_000_000, marks=slow)])
def test_a_very_long_chain_runs_replays_and_folds(depth):
    """And is freed without recursion."""
    x = f = Value(0.5, "x")
    for _ in range(depth // 2):
        f = 1 - f * 1.0
    f.backward()
    assert x.grad == 1
    x.data = 0.25
    mg.replay(f)
    assert f.data == 0.25
    source = mg.draw(f).source
    assert source.count(f">{depth // 16:,} operations<") == 16
    assert 'id="o16"' not in source


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=slow)])
def test_a_value_with_very_many_consumers(count):
    x = Value(2.0, "x")
    f = mg.sum([x + 1.0 for _ in range(count)])
    f.backward()
    assert (f.data, x.grad) == (3 * count, count)
    x.data = 1.0
    mg.replay(f)
    assert f.data == 2 * count


def test_a_dropped_graph_is_freed_at_once():
    """Without cycles, reference counting alone returns the memory."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        x, y = Value(1.0), Value(2.0)
        empty = tracemalloc.get_traced_memory()[0]
        f = x
        for _ in range(100_000):
            f = (f + y).tanh()
        f.backward()
        full = tracemalloc.get_traced_memory()[0]
        del f
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    kept = 65_536 * 80 if mg.build_info().core else 0  # the memory of so many nodes, for the next
    assert full - empty > 200_000 * 75 - kept  # which may come from earlier graphs
    assert left - empty < kept + (full - empty) / 20  # what Python keeps for its next tuples


def test_replay_recomputes_in_place_and_keeps_gradients():
    x, y = values(x=1, y=-3)
    f = (x + y) * x
    f.backward()
    x.data = 5.0
    mg.replay(f)
    assert (f.data, x.grad) == (10, -1)
    assert mg.replay(x) is None


def test_a_replay_that_fails_changes_nothing():
    x = Value(4.0, "x")
    h = x * 2
    f = mg.log(h)
    before = f.data
    x.data = -1.0
    with pytest.raises(mg.NonFiniteError, match=r"log of -2\.0"):
        mg.replay(f)
    assert (h.data, f.data) == (8, before)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (8, "1e+308, 0.0, 1e+308, 2.0, 3.0, 4.0, 5.0, 6.0"),
        (9, "1e+308, 0.0, 1e+308, 2.0, …, 4.0, 5.0, 6.0, 7.0"),
        (20, "1e+308, 0.0, 1e+308, 2.0, …, 15.0, 16.0, 17.0, 18.0"),
    ],
)
def test_a_long_list_of_operands_is_abbreviated(count, shown):
    numbers = [1e308, 0.0, 1e308, *range(2, count - 1)]
    with pytest.raises(mg.NonFiniteError) as caught:
        mg.sum(map(Value, numbers))
    assert str(caught.value).startswith(f"sum of {shown} is not finite")


def test_hooks_are_told_of_numbers_that_leave_the_graph():
    seen = []
    x, y = values(x=1, y=2)
    hooks.reading.append(seen.append)
    try:
        f = x + y  # nothing has left yet
        assert seen == []
        assert f.data == 3
    finally:
        hooks.reading.remove(seen.append)
    assert list(map(id, seen)) == [id(f)]


def test_whoever_keeps_a_copy_sees_that_something_changed():
    before = hooks.changes
    x = Value(1)
    made = hooks.changes
    x.data = 2
    assert before < made < hooks.changes


@pytest.mark.parametrize("what", [3, 2.5, "f", None, [Value(1.0)], {}])
@pytest.mark.parametrize("reader", [mg.draw, mg.step_through, mg.replay, mg.summary, order])
def test_what_is_no_value_is_named(reader, what):
    with pytest.raises(TypeError) as caught:
        reader(what)
    assert str(caught.value) == f"a Value is needed, not {what!r} ({type(what).__name__})"


def test_what_has_to_be_called_is_said_in_one_line():
    for callable_ in (nn.MLP(2, [3, 1]), mg.sigmoid):
        with pytest.raises(TypeError, match=r"a Value is needed, not .*: call it") as caught:
            mg.draw(callable_, detail="operations")
        assert "\n" not in str(caught.value)
    many = [Value(1.0)] * 1000
    with pytest.raises(TypeError) as caught:
        mg.draw(many)
    assert str(caught.value) == f"a Value is needed, not {many!r:.79}… (list)"
