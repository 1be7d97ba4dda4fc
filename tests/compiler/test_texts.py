"""The text of programs: as long as what is said in it, and not as the loops that it came from."""

from functools import partial

import pytest

from micrograd_plus import compile
from tests.programs import dynamics, language
from tests.programs.table import PROGRAMS


def text(written):
    """The lines of a compiled program, as it is printed."""
    example = [part[0] for part in written.batch]
    program = compile(written.fn, *example, params=written.parameters)
    return str(program).splitlines()


@pytest.mark.parametrize(
    ("name", "most"),
    [("GPT of scalars", 160), ("self-attention", 65), ("convolution", 65), ("RNN", 50)],
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


@pytest.mark.parametrize("name", STEPS)
def test_steps_in_time_become_a_loop(name):
    lengths = (16, 64, 128) if name == "RNN" else (12, 24)
    texts = [text(STEPS[name](steps=steps)) for steps in lengths]
    assert len(set(map(len, texts))) == 1
    for lines in texts:
        assert sum(line.startswith("    for ") for line in lines) == 2  # forward and backward
