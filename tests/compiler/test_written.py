"""Programs as people write them: compiled, they give what the engine and NumPy by hand give."""

import numpy as np
import pytest

from micrograd_plus import compile
from tests.compiled import eager, not_compiled
from tests.effort import few, slow
from tests.needs import needed, needed_by
from tests.programs.table import PROGRAMS

each_program = pytest.mark.parametrize("name", PROGRAMS)


@pytest.fixture(scope="module")
def small():
    """The small programs by their names, each with the mean and gradient that the engine gives."""
    made = {name: entry.small() for name, entry in PROGRAMS.items()}
    return {name: (it, eager(it.fn, it.batch, it.parameters)) for name, it in made.items()}


def compiled(written, backend):
    """The mean over the batch and its gradient, by a compiled program."""
    example = [part[0] for part in written.batch]
    program = compile(written.fn, *example, params=written.parameters, backend=backend)
    return program.value_and_grad(*written.batch)


def vector(written):
    return np.array([p.data for p in written.parameters])


def equal(found, expected, rel):
    (value, gradient), (mean, slopes) = found, expected
    assert value == pytest.approx(mean, rel=rel)
    np.testing.assert_allclose(gradient, slopes, rtol=rel, atol=rel * np.abs(slopes).max())


@each_program
def test_numpy_by_hand_gives_what_the_engine_gives(name, small):
    written, expected = small[name]
    equal(written.by_hand(vector(written), *written.batch), expected, 1e-12)


@each_program
@pytest.mark.parametrize("backend", few(2, ["numpy", "native", "jax"]))
def test_programs_give_what_the_engine_gives(name, backend, small):
    needed_by(backend)
    written, expected = small[name]
    if backend == "jax":
        with not_compiled():
            equal(compiled(written, backend), expected, 1e-12)
    else:
        equal(compiled(written, backend), expected, 1e-12)


@slow
@each_program
def test_jax_by_hand_gives_what_the_engine_gives(name, small):
    needed("jax")
    import jax

    written, expected = small[name]
    with jax.enable_x64(True):
        found = jax.jit(jax.value_and_grad(written.in_jax))(vector(written), *written.batch)
        equal(found, expected, 1e-12)


@slow
@each_program
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_large_programs_give_what_numpy_by_hand_gives(name, backend):
    needed_by(backend)
    written = PROGRAMS[name].full()
    expected = written.by_hand(vector(written), *written.batch)
    equal(compiled(written, backend), expected, 1e-9)
