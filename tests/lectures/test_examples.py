"""Every example runs, prints its lecture's numbers beside ours, and saves pictures."""

import pytest

from tests.needs import EXAMPLES

PROGRAMS = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}
# no examples themselves; test_browser and test_guides run them
TOOLS = {"browser/build.py", "guide/render.py", "guide/rerun.py"}


@pytest.mark.parametrize("name", sorted(PROGRAMS - TOOLS))
def test_every_example_runs(example, name):
    ran = example(name)
    if name[1] == "_":  # the folder of a lecture
        assert "lecture" in ran.printed
    files = list(ran.folder.iterdir())
    assert {file.suffix for file in files} <= {".html", ".svg", ".png", ".gif", ".csv", ".json"}
    assert files
    assert all(file.stat().st_size > 500 for file in files)
