"""What the core may not lose or break: each of these holds in the pure build, too."""

import copy
import gc
import pickle
import threading
import tracemalloc
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn, ops
from micrograd_plus.engine import apply
from micrograd_plus.graph import hooks, order
from micrograd_plus.ops import Op
from tests.effort import few
from tests.needs import needs_core


def own(rule, name="own"):
    """An operation outside the table: its argument, with this rule for the derivative."""
    return Op(
        name, value=lambda m, x: x, partials=(rule,), about="own", example=((1.0,), 1.0)
    )  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _collections_look_at_these_tests_alone():
    """What other tests have left and imported makes each of them take long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Weight(Value):
    """A subclass whose members have attributes of their own."""


# ------------------------------------------------------------------------- attributes


@pytest.mark.parametrize("one", [1, 1.0, True, Fraction(1), np.float64(1), np.int64(1)])
@pytest.mark.parametrize("kind", [Value, Weight])
def test_one_of_any_kind_over_a_value_is_its_reciprocal(kind, one):
    assert (one / kind(4.0)).op is ops.reciprocal
    assert (kind(1.0) / kind(4.0)).op is ops.divide


@pytest.mark.parametrize("name", ["data", "grad", "label", "op", "left", "right", "args"])
def test_what_was_never_initialized_has_no_attributes(name):
    class Forgetful(Value):
        def __init__(self):
            pass

    for bare in (Forgetful(), Value.__new__(Value)):
        with pytest.raises(AttributeError, match="object has no attribute"):
            getattr(bare, name)
        with pytest.raises(AttributeError, match="object has no attribute"):
            bare + 1.0


@pytest.mark.parametrize("name", ["data", "grad", "label", "op", "left", "right"])
def test_a_deleted_attribute_is_an_error_at_once_or_when_it_is_read(name):
    x = Value(1.0)
    with pytest.raises(AttributeError):  # noqa: PT012
        delattr(x, name)
        getattr(x, name)


@pytest.mark.parametrize("assigned", [2, np.float64(2.0), Fraction(2), True])
def test_gradients_of_other_kinds_are_added_to(assigned):
    x = Value(3.0)
    x.grad = assigned
    assert x.grad is assigned
    (x * 5.0).backward()
    assert x.grad == assigned + 5.0


@pytest.mark.parametrize("assigned", [None, "2", [1.0], 10**400])
def test_what_is_no_gradient_is_refused_and_nothing_is_changed(assigned):
    x, y = Value(3.0), Value(2.0)
    x.grad, y.grad = assigned, 7.0
    f = x * y
    f.grad = 11.0
    with pytest.raises((TypeError, OverflowError)):
        f.backward()
    assert (x.grad, y.grad, f.grad) == (assigned, 7.0, 11.0)


# ------------------------------------------------------------------------- subclasses


def test_a_subclass_may_have_operators_and_attributes_of_its_own():
    class Counted(Value):
        def __add__(self, other):
            return "left", other

        def __radd__(self, other):
            return "right", other

        def exp(self):
            return "exp"

    x, y = Counted(2.0), Value(3.0)
    x.name = "any"
    assert (x + 1, 1 + x, y + x, x.exp()) == (("left", 1), ("right", 1), ("right", y), "exp")
    assert type(x * y) is Value
    (x * y).backward()
    assert (x.grad, x.name) == (3.0, "any")


def test_a_subclass_may_have_a_gradient_and_data_of_its_own():
    class Halved(Value):
        grad = property(lambda self: self.kept, lambda self, g: setattr(self, "kept", g / 2))
        data = property(lambda self: self._data * 10)

    x = Halved(3.0)
    f = x * 4.0
    f.backward()
    assert x.kept == 2.0
    f.backward()
    assert x.kept == 3.0
    assert mg.replay(f) is None
    assert f.data == 120.0


# -------------------------------------------------- code of anyone, called by the core


def test_a_rule_may_look_at_another_graph_of_the_same_nodes():
    x, y = Value(3.0), Value(2.0)
    many = mg.sum([*(Value(float(i)) for i in range(1000)), x, y])

    def rule(m, out, a):
        order(many)
        return 5.0

    (apply(own(rule), x * y) + x).backward()
    assert (x.grad, y.grad) == (11.0, 15.0)


ODD = [3, "x", None, (None,), (3,), [], Value(9.0), (Value(9.0), 2.0), ops.exp, ops.sum, ops.clip]


@pytest.mark.parametrize("slot", ["left", "right", "op", "grad", "label", "data"])
@pytest.mark.parametrize("when", ["before", "by an observer", "by a rule"])
def test_whatever_is_assigned_to_a_node_breaks_nothing(slot, when):
    for odd in ODD:
        x = Value(2.0)
        inner = x * 3.0
        f = outer = inner + x

        def assign():
            try:
                setattr(inner, slot, odd)  # noqa: B023
            except (TypeError, mg.NonFiniteError):
                assert slot in ("data", "op")

        class Observer(hooks.Observer):
            def differentiating(self, nodes):
                assign()
                nodes.clear()

        if when == "by a rule":
            f = apply(own(lambda m, out, a: assign() or 1.0), outer)
        observers = [Observer()] if when == "by an observer" else []
        if when == "before":
            assign()
        hooks.observers += observers
        try:
            for work in (f.backward, lambda: mg.replay(f), lambda: order(f), f.zero_grad):  # noqa: B023
                with suppress(Exception):
                    work()
        finally:
            hooks.observers[:] = []
        gc.collect()
        assert Value(2.0) + 1.0 == 3.0


def test_a_node_that_depends_on_itself_ends_the_search():
    f = Value(2.0) * 3.0
    f.left = f
    assert order(f) == [f]
    f.left = (f + 1.0) * 2.0
    assert len(order(f)) == 3


def test_a_rule_that_drops_the_graph_is_harmless():
    kept = []

    def rule(m, out, a):
        kept.clear()
        gc.collect()
        return 2.0

    x = Value(3.0)
    kept.append(apply(own(rule), x * 1.0) * 5.0)
    kept[0].backward()
    assert x.grad == 10.0


def test_what_runs_as_nodes_are_freed_may_compute_and_free_others():
    told = []

    class Noisy(Weight):
        def __del__(self):
            f = Value(1.0)
            for _ in range(100):
                f = f * 1.0 + self
            f.backward()
            told.append(f.data)

    f = Value(0.0)
    for i in range(20):
        f = (f + Noisy(float(i))) * 1.0
    f.label = [Noisy(2.0)]
    del f
    gc.collect()
    assert len(told) == 21


@pytest.mark.parametrize("error", [KeyError, ZeroDivisionError, KeyboardInterrupt, TypeError])
def test_a_rule_that_raises_changes_no_gradient(error):
    def rule(m, out, a):
        raise error("stop")

    x = Value(3.0)
    inner = x * 1.0
    f = apply(own(rule), inner) + x
    x.grad, inner.grad, f.grad = 2.0, 5.0, 7.0
    with pytest.raises((error, mg.NonFiniteError)):
        f.backward()
    assert (x.grad, inner.grad, f.grad) == (2.0, 5.0, 7.0)


def test_threads_record_and_differentiate_graphs_that_share_leaves_and_rules():
    w = [Value(float(i)) for i in range(20)]
    shared = own(lambda m, out, a: mg.grad(lambda v: v * 3.0 + w[0])(1.0))
    found = []

    def work():
        for _ in range(50):
            f = mg.sum([apply(shared, p * 2.0) + p.tanh() * 0.0 for p in w])
            found.append(mg.graph.sweep.adjoints(f)[w[7]])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [6.0] * 200
    assert not any(p.grad for p in w)


# ------------------------------------------------------------------- memory and cycles


def program():
    x, y = Value(1.5, "x"), Value(-2.0)
    f = mg.sum([x * y, (x + 1.0).exp(), 1 / x, mg.clip(y, -3, x), x**2])
    f.label = "f"
    return f, x, y


def differentiated():
    program()[0].backward()


def twice():
    f, x, _ = program()
    f.backward(create_graph=True)
    x.grad.backward()


def owned():
    f, x, _ = program()
    apply(own(lambda m, out, a: f.data), x).backward()


def failed():
    f, x, _ = program()
    for bad in (lambda: mg.log(x - 5.0), lambda: f + "x", lambda: f / 0.0, lambda: Value("x")):
        with pytest.raises((TypeError, mg.NonFiniteError)):
            bad()
    with pytest.raises(mg.NonFiniteError):
        mg.sqrt(x * 0.0).backward()
    apply_failed = apply(own(lambda m, out, a: 1 // 0), x)
    with pytest.raises(mg.NonFiniteError):
        apply_failed.backward()


def labelled():
    f, x, y = program()
    f.label, x.label, y.label = ["a"] * 3, ("x", 2), 5
    x.label = "x" * 50


def copied():
    f, x, _ = program()
    copy.deepcopy(f).backward()
    pickle.loads(pickle.dumps(f)).backward()
    x.grad = 2
    x.grad, x.data = 0.5, 3
    mg.replay(f)
    mg.hessian(lambda p: mg.sum(p).exp())([1.0, 2.0])


def growth(work):
    """How many bytes, and objects that Python's collector sees, a thousand times more work takes.

    The core keeps the memory of freed nodes for the next ones: all of that is used meanwhile.
    """

    def left():
        gc.collect()
        nodes = [Value(0.0) for _ in range(70_000)]
        return tracemalloc.get_traced_memory()[0] + 100 * len(gc.get_objects()), nodes

    _, used = left()
    tracemalloc.start()
    try:
        for _ in range(100):
            work()
        before = left()[0]
        for _ in range(1000):
            work()
        return left()[0] - before
    finally:
        tracemalloc.stop()
        used.clear()


@pytest.mark.parametrize("work", few(2, [differentiated, copied, twice, owned, failed, labelled]))
def test_nothing_is_left_of_many_graphs(work):
    assert growth(work) < 20_000


def cycle_of_gradients(x):
    f = x * x * 2.0
    f.backward(create_graph=True)


def cycle_of_a_value_as_gradient(x):
    f = x * 1.0
    x.grad = f + 1.0


def cycle_of_a_late_label(x):
    label = x.label = {}
    label["f"] = mg.sum([x, 2.0])


def cycle_of_an_attribute(x):
    w = Weight(1.0)
    w.results = [w * x]


def cycle_of_a_rule(x):
    made = []
    op = own(lambda m, out, a: made)
    made.append(apply(op, x) * 2.0)


def cycle_of_an_argument(x):
    f = x * 2.0
    f.left = f + 1.0


def cycle_of_arguments(x):
    f = mg.sum([x, x])
    x.label = [f.args]


def cycle_made_by_hand(x):
    f = Value(2.0, (x,), "f")
    f._backward = lambda: f


CYCLES = [
    cycle_of_gradients,
    cycle_of_a_value_as_gradient,
    cycle_of_a_late_label,
    cycle_of_an_attribute,
    cycle_of_a_rule,
    cycle_of_an_argument,
    cycle_of_arguments,
    cycle_made_by_hand,
]


@pytest.mark.parametrize("make", CYCLES)
def test_cycles_are_collected(make):
    assert growth(lambda: make(Value(3.0))) < 20_000


def test_ten_thousand_graphs_with_derivatives_as_values_are_collected():
    def values():
        return sum(isinstance(thing, Value) for thing in gc.get_objects())

    gc.collect()
    before = values()
    gc.disable()
    try:
        for _ in range(10_000):
            x = Value(3.0)
            (x * x).backward(create_graph=True)
        del x
        assert values() >= before + 20_000
        assert gc.collect() >= 20_000
        assert values() == before
    finally:
        gc.enable()


def test_nodes_are_tracked_only_while_they_can_be_in_a_cycle():
    needs_core()
    model = nn.MLP(2, [3, 1])
    x, w = Value(1.0, "x"), Weight(2.0)
    f = mg.sum([x * 2.0 + 1, x.exp(), 3 / x])
    f.backward()
    x.grad = 0
    for node in [*order(f), *model.parameters(), *order(model([1.0, 2.0]))]:
        assert not gc.is_tracked(node)
    assert not any(map(gc.is_tracked, f.args))
    assert gc.is_tracked(f * w)
    assert gc.is_tracked(apply(own(lambda m, out, a: 1.0), x))
    f = Value(1.0) * 2.0
    y = f + 1.0
    f.backward(create_graph=True)
    assert not gc.is_tracked(y)
    (f * x).backward(create_graph=True)
    assert gc.is_tracked(x)
    assert gc.is_tracked(f)
    assert gc.is_tracked(f * 2.0)
