"""Debug mode tells where in the program something came from."""

import inspect
import warnings

import pytest

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.check.debugging import EqualNumbersWarning, StaleGraphError
from micrograd_plus.graph import hooks


def here(offset):
    """The file and line of the caller, some lines further."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def test_the_first_value_that_is_not_finite():
    x = Value(0.0, "x")
    with pytest.raises(mg.NonFiniteError) as caught, mg.debug():  # noqa: PT012
        h = x * 3
        h.label = "h"
        made, failed = here(-2), here(1)
        mg.log(h)
    lines = str(caught.value).splitlines()
    assert lines[0] == "log of h = 0.0 is not finite: log is defined for x > 0"
    assert lines[1] == f"  at {failed}"
    assert lines[2] == f"  h = 0.0, made at {made}"
    assert lines[3] == "  x = 0.0"
    assert isinstance(caught.value.__cause__, mg.NonFiniteError)


@pytest.mark.parametrize(
    ("compute", "fix"),
    [
        (lambda: mg.log(mg.exp(Value(-1000))), "log_softmax"),
        (lambda: mg.log(mg.sigmoid(Value(-1000))), "log_sigmoid"),
        (lambda: mg.log(mg.exp(Value(-800)) / (mg.exp(Value(0)) + 1)), "log_softmax"),
        (lambda: mg.exp(Value(1000)), "softmax"),
        (lambda: mg.sqrt(Value(0)).backward(), "small constant"),
        (lambda: 1 / (Value(2) - Value(2)), "difference of equal numbers"),
        (lambda: Value(1) / (Value(2) - 2), "difference of equal numbers"),
    ],
)
def test_the_usual_fixes(compute, fix):
    with pytest.raises(mg.NonFiniteError, match=f"fix: .*{fix}"), mg.debug():
        compute()


def test_a_leaf_changed_after_the_forward_pass():
    x = Value(0.5, "x")
    with pytest.raises(StaleGraphError) as caught, mg.debug():  # noqa: PT012
        y = x * x
        made = here(-1)
        x.data = 2.0
        y.backward()
    message = str(caught.value)
    assert f"x = 2.0 was 0.5 when multiply = 0.25 was computed at {made}" in message
    assert "replay()" in str(caught.value)
    assert x.grad == 0


@pytest.mark.parametrize("change", ["before", "inside", "undefined"])
def test_whatever_was_changed_is_found(change):
    x = Value(0.5, "x")
    old = mg.log(x)
    if change == "before":
        x.data = 2.0
    with pytest.raises(StaleGraphError, match="does not follow from its arguments"), mg.debug():  # noqa: PT012
        if change == "inside":
            old.data = 7.0
        if change == "undefined":
            x.data = -1.0
        old.backward()
    assert x.grad == 0


def test_a_replay_makes_it_right():
    x = Value(0.5, "x")
    with mg.debug():
        y = x * x
        x.data = 2.0
        mg.replay(y)
        y.backward()
    assert x.grad == 4


def test_it_is_off_by_default_and_afterwards():
    x = Value(0.5)
    y = x * x
    x.data = 2.0
    y.backward()  # silently wrong, as ever
    with mg.debug():
        assert len(hooks.observers) == 1
    assert hooks.observers == []
    with pytest.raises(ZeroDivisionError), mg.debug():
        _ = 1 / 0
    assert hooks.observers == []
    with pytest.raises(mg.NonFiniteError):
        mg.log(Value(0))


def test_graphs_from_before_are_checked_too():
    x = Value(0.5)
    y = x * x
    with mg.debug():
        y.backward()
        assert x.grad == 1
        mg.exp(x)


def test_a_value_that_is_found_by_its_number_alone():
    x, y, z = mg.values(x=1.0, y=1.0, z=2.0)
    assert x in [z, y]  # outside the block nothing is told
    with warnings.catch_warnings(record=True) as told, mg.debug():
        warnings.simplefilter("always")
        assert x in [z, x]
        assert x not in [z]
        assert x not in {y, z}
        assert y not in {x: 1}
        assert x == y
        assert [z, y].index(x) == 1  # of which Python doesn't tell that it is a search
        assert told == []
        seen = [y]
        if x not in seen:
            seen.append(x)
    assert seen == [y]
    (warning,) = told
    assert warning.category is EqualNumbersWarning
    assert f"{warning.filename}:{warning.lineno}" == here(-5)
    assert "y = 1.0 and x = 1.0 are two Values with equal numbers" in str(warning.message)
