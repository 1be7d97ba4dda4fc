"""The playground of examples/browser/, driven in a real browser, from a static server."""

import pytest

from tests.pages import sentence

LOADED = 120_000  # milliseconds, for a busy machine


@pytest.fixture(scope="module")
def page(browser, playground_address):
    """The page at its beginning; nothing may fail in it, nor be fetched from elsewhere."""
    troubles = []
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.on(
        "request",
        lambda r: (
            r.url.startswith((playground_address, "blob:", "data:")) or troubles.append(r.url)
        ),
    )
    page.goto(playground_address)
    page.wait_for_selector("#told:empty", timeout=LOADED)
    yield page
    context.close()
    assert not troubles


def shown(page):
    """The page that Python made."""
    return page.frame_locator("#graph iframe").frame_locator("iframe")


def test_it_begins_with_the_walk_of_an_example(page):
    assert sentence(shown(page)) == "x = 1, y = −3, z = 4"
