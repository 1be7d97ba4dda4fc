"""Whatever interrupts, nothing is half-changed: each place where Ctrl-C may strike is tried."""

import gc
import pickle
from itertools import count

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, compile, graph, nn, optim
from micrograd_plus.compiler.codegen.backends import precision
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.sealed import unseen
from micrograd_plus.compiler.trace import uncollected
from micrograd_plus.graph import atomic, hooks
from tests.effort import slow
from tests.interrupts import every_interrupt, interrupted
from tests.needs import needed

# an interrupt while Python clears up a generator is told of, and lost
pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RULES = [
    optim.GradientDescent(0.1),
    optim.Momentum(0.1),
    optim.Nesterov(0.1),
    optim.AdaGrad(0.1),
    optim.RMSprop(0.1),
    optim.Adam(optim.Cosine(0.1, 9)),
    optim.AdamW(0.1),
]


def everything(root):
    """All numbers and gradients of a graph."""
    nodes = graph.order(root)
    return lambda: [(node.data, float(node.grad)) for node in nodes]


def recorded():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    f = mg.log(x * y) + mg.maximum(x, y) * 2 + mg.dot([x, y], [y, 1.0], x)
    f.backward()
    return x, y, f


def backward():
    _, _, f = recorded()
    return f.backward, everything(f)


def backward_to_graphs():
    _, _, f = recorded()
    return lambda: f.backward(create_graph=True), everything(f)


def zero_grad():
    _, _, f = recorded()
    return f.zero_grad, everything(f)


def replay():
    x, _, f = recorded()
    x.data = 4.0
    return lambda: mg.replay(f), everything(f)


def learner(rule=RULES[0]):
    model = nn.Neuron(3, seed=1)
    optimizer = optim.Optimizer(model.parameters(), rule)
    for x in ([1.0, 2.0, 3.0], [0.5, -1.0, 2.0]):
        model(x).backward()
        optimizer.step()
    ps = model.parameters()

    def state():
        numbers = [(p.data, p.grad) for p in ps]
        return numbers, optimizer.steps, [tuple(s) for s in optimizer.states]

    return model, optimizer, state


def module_zero_grad():
    model, _, state = learner()
    return model.zero_grad, state


def optimizer_zero_grad():
    _, optimizer, state = learner()
    return optimizer.zero_grad, state


def load_parameters():
    model, _, state = learner()
    numbers = {name: x + 1 for name, x in model.state_dict().items()}
    return lambda: model.load_state_dict(numbers), state


def load_optimizer():
    _, optimizer, state = learner(optim.Adam())
    found = {"rule": "Adam", "steps": 7, "states": [[1.0, 2.0]] * 4}
    return lambda: optimizer.load_state_dict(found), state


def clip_by_norm():
    model, _, state = learner()
    return lambda: optim.clip_by_norm(model.parameters(), 1e-3), state


def clip_by_value():
    model, _, state = learner()
    return lambda: optim.clip_by_value(model.parameters(), 1e-3), state


def program():
    model = nn.Neuron(3, seed=1)
    ps = model.parameters()
    found = compile(lambda x: mg.log(model(x)), [1.0, 2.0, 3.0], params=model)
    return found, ps, lambda: [(p.data, p.grad) for p in ps]


def write_parameters():
    found, ps, state = program()
    found.vector = [p.data + 1 for p in ps]
    return found.write_parameters, state


def write_grads():
    found, _, state = program()
    found.value_and_grad([[1.0, 2.0, 3.0]])
    return found.write_grads, state


ASSIGNING = [
    backward,
    backward_to_graphs,
    zero_grad,
    replay,
    module_zero_grad,
    optimizer_zero_grad,
    load_parameters,
    load_optimizer,
    clip_by_norm,
    clip_by_value,
    write_parameters,
    write_grads,
]


@pytest.mark.parametrize("prepare", ASSIGNING, ids=lambda f: f.__name__)
def test_what_is_interrupted_is_done_as_a_whole_or_not_at_all(prepare):
    found = set()
    for place, before, after, done in every_interrupt(prepare):
        assert after in (before, done), place
        assert not atomic._turn._is_owned(), place
        found.add(after == done)
    assert False in found  # not all places come after the change


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_an_interrupted_step_changes_parameters_and_states_or_neither(rule):
    def prepare():
        _, optimizer, state = learner(rule)
        return optimizer.step, state

    for place, before, after, done in every_interrupt(prepare):
        assert after in (before, done), place


def test_a_program_takes_over_what_was_assigned_whatever_interrupts_its_call():
    found, ps, _ = program()
    for place in count():
        numbers = [place + i / 8 for i in range(len(ps))]
        for p, x in zip(ps, numbers, strict=True):
            p.data = x
        ended = not interrupted(lambda: found([[1.0, 2.0, 3.0]]), place)
        assert found.vector.tolist() == numbers, place
        if ended:
            break
    assert place > len(ps)


def test_the_search_for_a_bad_example_assigns_to_nothing():
    w = Value(1.0, "w")
    seen = set()

    def look(x):
        seen.add(w._data)
        return mg.log(w * x)

    found = compile(look, 1.0, params=[w])
    found.vector = [-2.0]
    with pytest.raises(mg.NonFiniteError, match=r"example 1: log of -6\.0"):
        found([-1.0, 3.0])
    assert seen == {1.0}


def switches():
    """What is switched on or off for a while, for all of Python or of this package."""
    assert Value(1.0).data == 1  # a look takes away what an interrupt has left
    return (
        gc.isenabled(),
        hooks.reading[:],
        hooks.observers[:],
        {"data", "grad"} & vars(Value).keys(),
    )


def traced():
    w = Value(1.0, "w")
    return compile(lambda x: w * x, 1.0, params=[w])


def debugged():
    with mg.debug():
        Value(1.0) * 2


@pytest.mark.parametrize(
    ("operation", "apart"),
    [
        (traced, 1009),
        pytest.param(traced, 41, marks=slow),
        (lambda: uncollected(lambda: 1), 1),
        (lambda: unseen(int), 1),
        (debugged, 1),
    ],
    ids=["compile", "compile, closely", "uncollected", "unseen", "debug"],
)
def test_what_is_interrupted_leaves_nothing_switched_on_or_off(operation, apart):
    for place, before, after, _ in every_interrupt(lambda: (operation, switches), apart):
        assert before == (True, [], [], set())
        assert after == before, place


@pytest.mark.parametrize("wide", [True, False])
def test_interrupts_leave_the_precision_of_jax_as_it_was(wide):
    needed("jax")
    import jax as library

    def block():
        with precision(library, wide):
            pass

    def prepare():
        return block, lambda: library.config.jax_enable_x64

    with library.enable_x64(not wide):
        for place, before, after, _ in every_interrupt(prepare):
            assert after == before != wide, place


def test_interrupts_of_pickle_leave_no_state():
    x = Value(2.0)
    for _ in range(3000):  # too deep for recursion
        x = x * 1.0
    short = Value(2.0) * 3
    place = 0
    while interrupted(lambda: pickle.dumps(short), place):
        assert pickle.loads(pickle.dumps(x)).data == 2.0
        place += 1
    assert place > 10


DATA = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [1.0, 0.0, 1.0]


def fit(model, data=DATA, engine="eager"):
    options = {"epochs": 1, "batch_size": 1, "shuffle": False, "engine": engine}
    return mg.fit(model, data, nn.mse, optim.Adam(0.1), **options)


def steps_made(model):
    """How many steps of `fit` lead to the parameters of a model, which had the seed 1."""
    for steps in range(4):
        other = nn.Neuron(2, seed=1)
        if steps:
            fit(other, [part[:steps] for part in DATA])
        if list(model.state_dict().values()) == pytest.approx(
            list(other.state_dict().values()), rel=1e-9
        ):
            return steps
    return None


@pytest.mark.parametrize(
    ("engine", "apart"),
    [
        ("eager", 37),
        pytest.param("eager", 13, marks=slow),
        pytest.param("compiled", 307, marks=slow),
    ],
)
def test_an_interrupted_fit_leaves_the_model_at_the_end_of_a_step(engine, apart):
    def prepare():
        model = nn.Neuron(2, seed=1)
        return lambda: fit(model, engine=engine), lambda: steps_made(model)

    found = {after for _, _, after, _ in every_interrupt(prepare, apart)}
    assert found <= {0, 1, 2, 3}
    assert found & {1, 2}  # it was interrupted between steps, too


def test_an_interrupt_at_the_end_of_fit_does_not_lose_what_was_learnt(monkeypatch):
    write, calls = Program.write_parameters, []

    def interrupted_once(self):
        calls.append(self)
        if len(calls) == 1:
            raise KeyboardInterrupt
        write(self)

    monkeypatch.setattr(Program, "write_parameters", interrupted_once)
    model = nn.Neuron(2, seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, engine="compiled")
    assert steps_made(model) == 3


def test_a_pass_that_fails_is_undone_wherever_it_is_interrupted():
    x = Value(0.0, "x")
    f = mg.sum([mg.sqrt(x * 1.0), *(x * float(i) for i in range(20))])
    nodes = graph.order(f)
    for i, node in enumerate(nodes):
        node.grad = float(i)
    before, failed = [node.grad for node in nodes], 0

    def fails():
        nonlocal failed
        with pytest.raises(mg.NonFiniteError, match="gradient through sqrt"):
            f.backward()
        failed += 1

    for place in count():
        ended = not interrupted(fails, place)
        assert [node.grad for node in nodes] == before, place
        if ended:
            break
    assert place > len(nodes)
    assert failed == 1
