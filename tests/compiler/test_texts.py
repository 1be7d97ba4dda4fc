"""The text of programs: as long as what is said in it, and not as the loops that it came from."""

import pytest

from micrograd_plus import compile
from tests.programs import language
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


def test_steps_in_time_become_a_loop():
    texts = [text(language.rnn(steps=steps, inputs=2, units=3)) for steps in (16, 64, 128)]
    assert len(set(map(len, texts))) == 1
    for lines in texts:
        assert sum(line.startswith("    for ") for line in lines) == 2  # forward and backward
