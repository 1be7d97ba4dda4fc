"""How much is tried: `pytest` takes minutes, `pytest --thorough` all the time that it needs.

A profile of Hypothesis says how many random examples a test draws; what takes long is marked
`slow`, and left out unless everything is to be tried.
"""

import pytest
from hypothesis import Phase, settings

settings.register_profile("plain", deadline=None, max_examples=5)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.register_profile(  # for mutants: the first example that fails will do
    "small",
    deadline=None,
    max_examples=50,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)

slow = pytest.mark.slow


def few(count, cases):
    """Cases for `parametrize`: the first few are always tried, the others are slow."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=[slow] if i >= count else []) for i, case in enumerate(cases)]


def parts(count):
    """A test of random examples that runs so many times, as `part`: processes share it."""
    return pytest.mark.parametrize("part", range(count))


def everything():
    """Whether all is to be tried, on each backend."""
    return settings.default.max_examples >= 100


def share(count):
    """So many where everything is tried, and else the share that the profile has of 100."""
    return max(3, round(count * settings.default.max_examples / 100))


def examples(count):
    """A test draws so many random examples, or its share of them."""
    return settings(max_examples=share(count))
