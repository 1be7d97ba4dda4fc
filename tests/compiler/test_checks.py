"""Whether numbers are finite, however they lie in memory, beside NumPy's own answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import NonFiniteError
from micrograd_plus.compiler import checks, compile

ODD = [np.inf, -np.inf, np.nan]
LARGE = [np.finfo(dtype).max * sign for dtype in ("float64", "float32") for sign in (1, -1)]
VIEWS = {
    "whole": lambda x: x,
    "turned": lambda x: x.T,
    "every other row": lambda x: x[::2],
    "some columns": lambda x: x[:, 1:3],
    "backward": lambda x: x[::-1],
    "repeated": lambda x: np.broadcast_to(x[0], (5, x.shape[1])),
    "a number": lambda x: x[0, 0, ...],
    "nothing": lambda x: x[:0],
    "in the other order": lambda x: x.astype(x.dtype.newbyteorder()),
    "truths": lambda x: x > 0,
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(st.data())
def test_no_number_that_is_not_finite_is_overlooked(dtype, data):
    rows = data.draw(st.sampled_from([1, 2, 9, 40]))
    array = np.random.default_rng(0).normal(size=(rows, 4)).astype(dtype)
    for x in data.draw(st.lists(st.sampled_from([*ODD, *LARGE, 5e-324]), max_size=2)):
        with np.errstate(over="ignore"):
            array.flat[data.draw(st.integers(0, array.size - 1))] = x
    views = [VIEWS[name](array) for name in data.draw(st.lists(st.sampled_from([*VIEWS])))]
    assert checks.all_finite(np, *views) == all(np.isfinite(view).all() for view in views)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("place", [0, -1])
def test_a_batch_is_checked_however_it_lies_in_memory(view, place, dtype):
    program = compile(lambda x: x[0] + x[1], [0.0, 0.0], dtype=dtype)
    array = np.random.default_rng(0).normal(size=(18, 2)).astype(dtype)
    batch = view(array) if view(array).shape[1:] == (2,) else array
    np.testing.assert_array_equal(program(batch), np.asarray(batch, dtype).sum(axis=1))
    array[place] = np.inf
    batch = view(array) if view(array).shape[1:] == (2,) else array
    if not np.isfinite(batch).all():
        with pytest.raises(NonFiniteError, match=r"argument 0 .*in example \d+ there is inf"):
            program(batch)


def test_what_is_usual_is_told_from_what_is_not():
    x, t, f = np.ones((3, 2)), np.ones(3), np.dtype(float)

    def usual(*batch, shapes=((2,), ())):
        return checks.usual(np, batch, [*shapes], f)

    assert usual(x, t)
    assert usual(x.T.copy().T, t)
    assert usual(x[:0], t[:0])
    assert usual(t, shapes=[()])
    for batch in (
        (), (x,), (x, None), (x, t, t), (x, t[:2]), (t, x), (x[:, :1], t), (x[:, 0], t),
        (x.tolist(), t), (x.astype("f4"), t), (x.astype(int), t), (x.astype(">f8"), t),
        (x[..., None], t), (np.ma.masked_array(x), t), (x, np.float64(1.0)),
        (x * np.nan, t), (x, t * np.inf),
    ):  # fmt: skip
        assert not usual(*batch)
