"""The playground of examples/browser/, driven in a real browser, from a static server."""

import json
import re
from urllib.parse import parse_qsl, urlencode

import pytest

import micrograd_plus as mg
from micrograd_plus.drawing.dot.labels import number
from micrograd_plus.graph import order
from tests.needs import EXAMPLES, loaded, npm_package
from tests.pages import numbers, sentence
from tests.processes import until

GRAPH = loaded(EXAMPLES / "browser" / "graph.py")
INDEX = (EXAMPLES / "browser" / "index.html").read_text(encoding="utf-8")
LOADED = 120_000  # milliseconds, for a busy machine
VIEWS = ("Picture", "Step", "Card", "Play", "Quiz")


# ---------------------------------------------------------------- what Python answers


def answer(code, given="x=2 y=3", view="step", **more):
    request = {"code": code, "numbers": given, "view": view, **more}
    return json.loads(GRAPH.answer(json.dumps(request)))


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("x * q", 1, "there is no q; if it is a number, write q=1 below"),
        ("a = x * y\nsigmod(a)", 2, "there is no sigmod (did you mean sigmoid?)"),
        ("a = x\n\nb = 2a", 3, "SyntaxError: invalid decimal literal"),
        ("a = x\nif a\n", 2, "SyntaxError: expected ':'"),
        ("a = x * y\nlog(-a)", 2, "log of -6.0 is not finite: log is defined for x > 0"),
        ("z = x - x\na = sqrt(z)\nb = a * 2", 2, "the gradient through sqrt"),
        ("def f(n):\n    return f(n + 1)\n\nf(1)", 2, "RecursionError: maximum recursion depth"),
        ("x + 1\n1 / 0", 2, "ZeroDivisionError: division by zero"),
        ("x\nraise SystemExit", 2, "SystemExit"),
        (
            "class Odd(Exception):\n    def __str__(self): return 1\nraise Odd",
            3,
            "Odd: <exception str() failed>",
        ),
        ("relu('a')", 1, "TypeError: relu needs Values or real numbers, not 'a' (str)"),
        (
            "x = 3\nx**2",
            None,
            "no line gives a Value to show: end with one, such as x * y; a number",
        ),
        ("x^2", 1, "TypeError: write powers with **, as in x**2"),
        ("print(x.data)", None, "no line gives a Value to show"),
        ("", None, "no line gives a Value to show"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(code, line, words):
    told = answer(code)
    assert "html" not in told
    assert (told["field"], told["line"]) == ("code", line)
    assert told["error"].startswith(words)


def test_numbers_are_read_in_any_spelling_and_what_is_wrong_there_is_told():
    assert "html" in answer("x * y", "x = 1,y=-2e3")
    told = answer("x * y", "x=1 y=one")
    assert (told["field"], told["line"]) == ("numbers", None)
    assert "'one' is not a number" in told["error"]


@pytest.mark.parametrize(
    ("code", "expected", "label"),
    [
        ("x * y", 6, ""),
        ("a = x * y", 6, "a"),
        ("a = x * y\na.backward()", 6, "a"),
        ("a, b = x + y, x * y\nprint(a)", 6, "b"),
        ("s = Value(0)\nfor i in range(3):\n    s = s + i * x", 6, "s"),
        ("def f(a):\n    b = a * 2\n    return b\n\nmg.exp(f(0 * x))", 1, ""),
        ("x += y", 5, "x"),
    ],
)
def test_the_last_value_is_shown_by_the_name_it_has(code, expected, label):
    root = GRAPH.run(code, GRAPH.Names(GRAPH.given("x=2 y=3")))
    assert (root.data, root.label) == (expected, label)


def test_what_is_printed_comes_back_and_steps_have_their_lines():
    told = answer("print('first')\na = x + y\nb = a * y", "x=1 y=2")
    assert told["printed"] == "first\n"
    assert "line 3: b = a * y" in told["html"]
    assert "line 2: a = x + y" in told["html"]
    assert answer("print('a' * 20_000, 'the end')\nx")["printed"].endswith("aa the end\n")
    assert len(answer("print('a' * 20_000)\nx")["printed"]) == GRAPH.PRINTED


def test_the_card_of_a_wire_is_open_at_first():
    told = answer("a = x * y\nb = a + x", view="card", wire="a")
    assert told["wires"] == ["x", "y", "a", "b"]
    assert '"card":"v2"' in told["html"]
    assert '"card":"v0"' in answer("a = x * y\nb = a + x", view="card", wire="gone")["html"]


# ---------------------------------------------------------------- the page


def opened(browser, address, troubles, **options):
    """A new page in which nothing may fail, nor be fetched from elsewhere."""
    page = browser.new_context(**options).new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    # where a marked line is replaced the browser's own editing asks for its style
    editing = "Applying inline style"
    page.on("console", lambda m: m.text.startswith(editing) or troubles.append(m.text))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    own = (address, "blob:", "data:")
    page.on("request", lambda r: r.url.startswith(own) or troubles.append(r.url))
    return page


@pytest.fixture(scope="module")
def page(browser, playground_address):
    """The page as it is found, in dark, on a phone."""
    troubles = []
    page = opened(
        browser,
        playground_address,
        troubles,
        color_scheme="dark",
        viewport={"width": 390, "height": 844},
    )
    requested = page.requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(playground_address)
    done(page)
    page.first = sentence(shown(page))
    page.troubles = troubles
    yield page
    page.context.close()
    assert not troubles


def done(page):
    """Wait until all is shown that was asked for."""
    page.wait_for_selector("#told:empty", state="attached", timeout=LOADED)


def answered(page):
    """Wait until Python has answered, and what it wrote is there."""
    ends = "() => document.querySelector('#told').textContent !== 'Running.'"
    page.wait_for_function(ends, timeout=LOADED)


def shown(page):
    """The page that Python made."""
    return page.frame_locator("#graph iframe").frame_locator("iframe").locator("body")


def write(page, code, given="x=2 y=3"):
    """Type into both fields."""
    page.get_by_role("textbox", name="Code").press("ControlOrMeta+a")
    page.keyboard.insert_text(code)
    page.locator("#numbers").fill(given)


def run(page, code, given="x=2 y=3"):
    write(page, code, given)
    page.locator("#run").click()
    answered(page)
    return page.locator("#told").inner_text()


def test_it_begins_with_a_walk_and_loads_nothing_else(page):
    assert page.first == "x = 1, y = −3, z = 4"
    asked = {url.rpartition("/")[2] for url in page.requested}
    assert "graph.worker.mjs" in asked
    assert not {"train.mjs", "train.py", "train.worker.mjs"} & asked


def test_the_policy_allows_what_webassembly_needs_and_nothing_else():
    policy = re.search(r'Content-Security-Policy" content="([^"]*)', INDEX)[1]
    rules = {name: allowed for name, *allowed in map(str.split, policy.split(";"))}
    assert rules.pop("script-src") == ["'self'", "'wasm-unsafe-eval'"]
    assert rules.pop("default-src") == ["'none'"]
    assert {word for allowed in rules.values() for word in allowed} <= {
        "'none'",
        "'self'",
        "blob:",
        "data:",
    }
    assert rules["style-src"] == rules["connect-src"] == rules["frame-src"] == ["'self'"]


def test_each_view_shows_what_the_package_shows(page):
    assert run(page, "d = x + y\nf = d * x", "x=2 y=-5") == ""
    x, y = mg.values(x=2, y=-5)
    d = x + y
    d.label = "d"
    f = d * x
    f.label = "f"
    walk = mg.step_through(f)
    for view in VIEWS:
        page.locator("#views").get_by_label(view).check()
        answered(page)
        shown(page).locator(
            {"Picture": "svg", "Card": ".mg-card", "Play": ".mg-fields", "Quiz": ".mg-quiz"}.get(
                view, ".mg-stepper"
            )
        ).first.wait_for()
        if view == "Step":
            shown(page).locator(".mg-stepper").press("End")
            assert sentence(shown(page)) == walk[-1].text
            f.backward()
            expected = {number(value.grad) for value in order(f)}
            assert expected <= set(numbers(shown(page))["gradient"])
        if view == "Card":
            page.locator("#wire").select_option("d")
            shown(page).locator(".mg-card[aria-label='The wire d']").wait_for()
            assert "wire=d" in page.url
    page.locator("#views").get_by_label("Step").check()


def test_every_example_runs(page):
    offered = page.locator("#examples").locator("option").all_inner_texts()[1:]
    assert len(offered) == 10
    for title in offered:
        page.locator("#examples").select_option(title)
        answered(page)
        assert page.locator("#told").inner_text() == "", title
        assert shown(page).locator("svg").first.is_visible(), title


def test_an_error_marks_its_line_and_what_was_shown_stays(page):
    page.locator("#views").get_by_label("Step").check()
    assert run(page, "x * x", "x=3") == ""
    assert run(page, "a = x * x\nb = a * q", "x=3").startswith("Line 2: there is no q")
    wrong = page.locator(".cm-wrong")
    assert wrong.all_inner_texts() == ["b = a * q"]
    assert sentence(shown(page)) == "x = 3"
    assert run(page, "x * x", "x=one") == "'x=one': 'one' is not a number"
    assert wrong.count() == 0
    assert page.locator("[aria-invalid=true]").evaluate("e => e === document.activeElement")
    assert run(page, "x * x * x", "x=4") == ""
    assert page.locator("[aria-invalid=true]").count() == 0
    assert sentence(shown(page)) == "x = 4"


def test_an_answer_leaves_alone_what_is_being_selected(page):
    """Else what is typed next would not replace it, and stand beside the old code."""
    page.evaluate(
        """() => {  // all is selected just before the answer is looked at, as Stop is then disabled
            const stop = document.querySelector("#stop");
            const content = document.querySelector("#code").shadowRoot.querySelector(".cm-content");
            Object.defineProperty(stop, "disabled", {
                get: () => stop.hasAttribute("disabled"),
                set(disabled) {
                    stop.toggleAttribute("disabled", disabled);
                    if (!disabled) return;
                    content.focus();
                    getSelection().selectAllChildren(content);
                },
            });
        }"""
    )
    assert run(page, "a = x * y\na + 1") == ""
    page.keyboard.insert_text("x + y")
    assert page.get_by_role("textbox", name="Code").inner_text() == "x + y"


def test_what_is_typed_is_shown_as_text_and_runs_alone(page):
    text = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    code = f"t = {text!r}\nimport js\nprint(t, dir(js))\nf = Value(1, t) * x"
    for view in VIEWS:
        page.locator("#views").get_by_label(view).check()
        assert run(page, code) == "", view
    printed = page.locator("#printed").inner_text()
    assert printed.startswith(text)
    assert not re.search("'(fetch|caches|eval|self|Worker)'", printed)
    assert run(page, f"raise ValueError({text!r})") == f"Line 1: {text}"
    worker = page.workers[-1]
    assert worker.evaluate("() => [typeof caches, typeof indexedDB]") == ["undefined"] * 2
    asked = """() => new Promise((done) => {
        addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("https://elsewhere.example/").catch(() => setTimeout(done, 1000, "allowed"));
    })"""
    assert worker.evaluate(asked) == "connect-src"  # in the worker, too, the page's policy holds
    inside = page.frames[-1]
    assert inside.parent_frame.parent_frame == page.main_frame
    reached = """() => ["parent.document", "localStorage"].map((what) => {
        try { return what === "localStorage" ? typeof localStorage : typeof parent.document }
        catch (error) { return error.name } })"""
    assert inside.evaluate(reached) == ["SecurityError"] * 2


def test_what_python_does_not_survive_is_told(page):
    gone = page.workers[-1]
    gone.evaluate("() => { setTimeout(() => { throw new Error('the stack\\nis full') }) }")
    page.wait_for_selector("#told:text('was started again')", timeout=LOADED)
    told = page.locator("#told").inner_text()
    assert told.endswith("was started again: Uncaught Error: the stack")
    page.troubles.clear()  # that error, which the console tells too
    assert page.workers[-1] is not gone
    assert run(page, "x * y") == ""
    assert "again" not in page.locator("#told").inner_text()


def test_what_never_ends_can_be_stopped(page):
    page.locator("#views").get_by_label("Step").check()
    write(page, "while True:\n    pass")
    page.locator("#run").click()
    assert page.locator("#told").inner_text() == "Running."
    page.locator("#stop").click()
    write(page, "x * y")
    page.get_by_role("textbox", name="Code").press("Control+Enter")  # while Python is loaded anew
    done(page)
    assert sentence(shown(page)) == "x = 2, y = 3"
    until(lambda: page.title() and len(page.workers) == 1)  # the new one


def test_the_keyboard_leads_through_everything(page):
    page.get_by_role("link", name="Graph").focus()
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => { let e = document.activeElement; e = e.shadowRoot?.activeElement ?? e;
                return e.id || e.name || e.ariaLabel || e.textContent }"""
            )
        )
    assert seen[:6] == ["Train", "examples", "Code", "numbers", "run", "view"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everyone_can_use_it_at_any_width(page, scheme, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    run(page, "a = x * y\nb = a * q  # a comment")  # with an error
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(npm_package("axe-core").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {iframes: false}).then(found => found.violations)")
    assert [(trouble["id"], trouble["nodes"][0]["html"]) for trouble in found] == []


def test_a_link_runs_when_it_is_asked_to_and_without_a_network(browser, playground_address):
    troubles = []
    page = opened(browser, playground_address, troubles)
    state = {"graph": "a = x * y\nprint('ran')", "numbers": "x=2 y=3", "view": "step"}
    link = f"{playground_address}#{urlencode(state)}"
    page.goto(link)
    for _ in range(2):
        page.wait_for_function(
            "() => document.querySelector('#told').textContent === 'Press Run.'", timeout=LOADED
        )
        page.locator("#views").get_by_label("Quiz").check()
        page.locator("#views").get_by_label("Step").check()
        assert page.locator("#told").inner_text() == "Press Run."
        assert page.locator("#printed").is_hidden()
        assert not page.frames[-1].evaluate("document.body.textContent")
        page.locator("#run").click()
        done(page)
        assert page.locator("#printed").inner_text() == "ran\n"
        assert sentence(shown(page)) == "x = 2, y = 3"
        assert dict(parse_qsl(page.url.partition("#")[2])) == state
        page.wait_for_function("() => navigator.serviceWorker.controller", timeout=LOADED)
        page.context.set_offline(True)
        page.reload()
    page.context.close()
    assert not troubles
