"""The text of programs: as long as what is said in it, and not as the loops that it came from."""

import sys
from functools import partial

import pytest

from micrograd_plus import compile
from tests.effort import few, slow
from tests.programs import dynamics, language
from tests.programs.table import PROGRAMS


def text(written):
    """The lines of a compiled program, as it is printed."""
    example = [part[0] for part in written.batch]
    program = compile(written.fn, *example, params=written.parameters)
    return str(program).splitlines()


@pytest.mark.parametrize(
    ("name", "most"),
    few(2, [("RNN", 50), ("self-attention", 65), ("convolution", 65), ("GPT of scalars", 160)]),
)
def test_programs_read_like_a_textbook(name, most):
    assert len(text(PROGRAMS[name].full())) <= most


STEPS = {
    "RNN": partial(language.rnn, inputs=2, units=3),
    "LSTM": partial(language.lstm, inputs=2, units=2),
    "pendulum": dynamics.pendulum,
    "n-body": dynamics.n_body,
    "Kalman filter": dynamics.kalman,
    "neural ODE": partial(dynamics.neural_ode, units=3),
}


@pytest.mark.parametrize("name", few(2, STEPS))
def test_steps_in_time_become_a_loop(name):
    lengths = (16, 64, 128) if name == "RNN" else (12, 24)
    texts = [text(STEPS[name](steps=steps)) for steps in lengths]
    assert len(set(map(len, texts))) == 1
    for lines in texts:
        assert sum(line.startswith("    for ") for line in lines) == 2  # forward and backward


def calls(work):
    """How many functions a piece of work calls, those of C included."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "name", ["RNN", *(pytest.param(x, marks=slow) for x in STEPS if x != "RNN")]
)
def test_compiling_takes_twice_the_calls_for_twice_the_steps(name):
    programs = [STEPS[name](steps=steps, batch=1) for steps in (16, 32, 64)]
    text(programs[0])  # what is read once is read
    one, two, four = (calls(partial(text, program)) for program in programs)
    assert four - two < 2.05 * (two - one)
