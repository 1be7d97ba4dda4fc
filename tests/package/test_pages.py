"""What is published: one folder by one command, which the workflow runs as CI does."""

import re

from tests.needs import ROOT

COMMAND = "python .github/pages.py"


def test_the_workflow_publishes_what_ci_builds_and_tests():
    workflow = (ROOT / ".github" / "workflows" / "pages.yml").read_text("utf-8")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    (folder,) = re.findall(rf"run: {COMMAND} (\S+)\n", workflow)
    assert re.search(rf"upload-pages-artifact@.*\n\s+with:\n\s+path: {folder}\n", workflow)
    assert f'{COMMAND} "$environment/pages"' in ci
    assert 'export MICROGRAD_PLUS_PAGES="$environment/pages"' in ci
    (extras,) = re.findall(r"run: pip install '\.\[(.*)\]'", workflow)
    (there,) = re.findall(r"pip install .*'\.\[(.*docs.*)\]'", ci)
    assert {*extras.split(",")} <= {*there.split(",")}
    (told,) = re.findall(
        r"pip install '\.\[(.*)\]'", (ROOT / ".github/pages.py").read_text("utf-8")
    )
    assert told == extras


def test_pages_lead_to_each_other(published):
    for name in ("index.html", "play/index.html", "lite/index.html"):
        assert (published / name).is_file()
    guides = sorted((ROOT / "examples" / "guide").glob("*.ipynb"))
    assert guides
    for path in guides:
        page = (published / "guide" / f"{path.stem}.html").read_text("utf-8")
        (link,) = re.findall(r'href="\.\./lite/notebooks/index\.html\?path=([^"]+)"', page)
        assert (published / "lite" / "files" / link).is_file()
