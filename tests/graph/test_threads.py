"""What several threads may do at once with the same leaves."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, compile, graph, nn, optim
from micrograd_plus.graph import hooks
from micrograd_plus.graph.places import placed
from tests.processes import ended, started

THREADS = 6


@pytest.fixture(autouse=True)
def _frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*works):
    """What each of some functions gives, called in threads of their own that begin together."""
    start = threading.Barrier(len(works))

    def begin(work):
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(begin, work) for work in works]]


def test_graphs_in_several_threads_are_independent():
    def work(seed):
        x = Value(float(seed), "x")
        f = x
        for _ in range(200):
            f = f * 0.99 + mg.tanh(x)
        f.backward()
        return f.data, x.grad, float(mg.derivative(lambda v: v**3)(seed))

    expected = [work(seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == expected


def test_gradients_of_shared_leaves_add_up():
    w = [Value(1.0) for _ in range(100)]

    def work():
        f = mg.sum([mg.sin(p - 1.0) for p in w])
        for _ in range(300):
            f.backward()

    together(*[work] * THREADS)
    assert {p.grad for p in w} == {300.0 * THREADS}


def test_a_pass_that_fails_takes_nothing_from_those_of_other_threads():
    w, bad = [Value(2.0) for _ in range(100)], Value(0.0)

    def work():
        f = mg.sum([p * 1.0 for p in w])
        for _ in range(200):
            f.backward()

    def fail():
        f = mg.sum([*(p * 1.0 for p in w), mg.sqrt(bad)])
        for _ in range(200):
            with pytest.raises(mg.NonFiniteError):
                f.backward()

    together(work, fail, work, fail, work)
    assert {p.grad for p in w} == {600.0}
    assert bad.grad == 0


def test_steps_and_passes_take_turns():
    """Each step sees whole passes: all gradients equal, and so all parameters."""
    w = [Value(0.0) for _ in range(200)]
    optimizer = optim.Optimizer(w, optim.GradientDescent(1.0))

    def differentiate():
        f = mg.sum([p * 1.0 for p in w])
        for _ in range(60):
            f.backward()

    def step():
        for _ in range(60):
            optimizer.step()

    def zero():
        for _ in range(60):
            optimizer.zero_grad()

    def clip():
        for _ in range(60):
            optim.clip_by_value(w, 2.0)

    together(differentiate, step, zero, clip)
    assert len({(p.data, p.grad) for p in w}) == 1
    assert optimizer.steps == 60


def test_a_program_called_from_several_threads_gives_each_its_own():
    model = nn.Neuron(3, activation=None, seed=1)
    program = compile(lambda x: model(x), [1.0, 2.0, 3.0], params=model)

    def work(size):
        def run():
            batch = [[float(i), 1.0, size] for i in range(size)]
            expected = [float(model(row)) for row in batch]
            for _ in range(100):
                assert program(batch).tolist() == pytest.approx(expected)
                value, _ = program.value_and_grad(batch)
                assert value == pytest.approx(sum(expected) / size)

        return run

    together(*map(work, range(1, THREADS + 1)))


def test_a_program_never_computes_with_numbers_that_were_replaced():
    w = [Value(0.0) for _ in range(200)]
    program = compile(lambda x: x * mg.sum(w), 1.0, params=w)

    for number in range(1, 50):
        for p in w:
            p.data = float(number)
        results = together(*[lambda: program([1.0]).tolist()] * THREADS)
        assert results == [[200.0 * number]] * THREADS


def test_the_search_for_a_bad_example_is_seen_by_no_other_thread():
    w = Value(1.0)
    program = compile(lambda x: mg.log(w * x), 1.0, params=[w])
    program.vector = [-2.0]
    searching = True

    def search():
        nonlocal searching
        for _ in range(100):
            with pytest.raises(mg.NonFiniteError, match="example 2"):
                program([-1.0, -2.0, 3.0])
        searching = False

    def look():
        seen = {w.data}
        while searching:
            seen.add(w.data)
        return seen

    assert together(look, search)[0] == {1.0}


def test_debug_sees_its_own_thread_only():
    inside, done = threading.Event(), threading.Event()

    def block():
        with mg.debug():
            inside.set()
            assert done.wait(60)

    def other():
        assert inside.wait(60)
        x = Value(0.5)
        y = x * x
        x.data = 2.0
        try:
            y.backward()  # in debug mode an error
            optim.Optimizer([Value(1.0)], optim.GradientDescent()).step()  # and this a warning
        finally:
            done.set()
        return x.grad

    assert together(block, other)[1] == 4.0
    assert hooks.observers == []


def test_compiling_in_one_thread_lets_others_look_at_numbers():
    def compiling():
        for _ in range(10):
            w = Value(2.0)
            assert compile(lambda x, w=w: w * x, 1.0, params=[w])([3.0]).tolist() == [6.0]

    def looking():
        x = Value(1.0)
        return [float(x * i) for i in range(2000)]

    together(compiling, looking, compiling, looking)
    assert hooks.reading == []


def test_a_picture_is_drawn_while_another_thread_moves_its_model():
    class Holder(nn.Module):
        def __init__(self):
            self.held = model

    model, name = nn.MLP(3, [2, 1], seed=1), "MLP 3 → 2 → 1"
    leaves = [node for node in graph.order(model([1.0, 2.0, 3.0])) if node.op is None]
    moving = True

    def move():
        nonlocal moving
        holder = Holder()
        for _ in range(3000):
            holder, before = Holder(), holder
            before.held = None
        moving = False

    def draw():
        while moving:
            kinds = {tuple(p.kind for p in place.chain()) for place in placed(leaves).values()}
            for neuron, layer, network, *more in kinds:
                assert neuron.startswith("Neuron")
                assert layer.startswith("Layer")
                assert (network, more) in [(name, held) for held in ([], ["Holder"])]

    together(move, draw, draw)
    holder = Holder()  # while two hold the model, either may be told last
    for place in placed(leaves).values():
        assert [each.name for each in place.chain()][2:] == ["held", ""]
        assert [*place.chain()][-1].module() is holder


FORKS = """
import os, threading
import micrograd_plus as mg

stop = threading.Event()
x = mg.Value(1.0)  # here, as Python's lock of imports is its own matter
f = mg.sum([x * 1.0 for _ in range(2000)])

def keep_busy():
    while not stop.is_set():
        f.backward()

thread = threading.Thread(target=keep_busy)
thread.start()
try:
    for _ in range(5):
        child = os.fork()
        if not child:
            x = mg.Value(2.0)
            (x * x).backward()
            os._exit(0 if x.grad == 4 else 1)
        assert os.waitpid(child, 0)[1] == 0
finally:
    stop.set()
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_is_not_left_waiting_for_a_pass_of_its_parent():
    """In a process of its own, as JAX, which other tests load, bears no fork."""
    with started([sys.executable, "-W", "ignore", "-c", FORKS]) as [process]:
        assert ended(process) == (0, "", "")
