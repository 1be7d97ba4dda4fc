"""Every example runs, prints its lecture's numbers beside ours, and saves pictures."""

import pytest

from tests.effort import slow
from tests.needs import EXAMPLES, needs_core

# what builds pages and pictures is no example; test_playground, test_guides, test_pictures run it
PROGRAMS = sorted(
    str(path.relative_to(EXAMPLES))
    for folder in EXAMPLES.iterdir()
    if folder.name not in ("browser", "guide", "pictures")
    for path in folder.rglob("*.py")
)

LONG = {
    "b_neural_networks/digits.py",
    "b_neural_networks/optimisers.py",
    "d_backpropagation/initial_weights.py",
    "d_backpropagation/regularisation.py",
    "e_training_cost/linear_cost.py",
    "e_training_cost/minibatch_gradient.py",
    "gpt/train.py",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[slow] * (name in LONG)) for name in PROGRAMS],
)
def test_every_example_runs(example, name):
    if name == "compiler/rosenbrock.py":
        needs_core()
    ran = example(name)
    if name[1] == "_":  # the folder of a lecture
        assert "lecture" in ran.printed
    files = list(ran.folder.iterdir())
    assert {file.suffix for file in files} <= {".html", ".svg", ".png", ".gif", ".csv", ".json"}
    assert files
    assert all(file.stat().st_size > 500 for file in files)
