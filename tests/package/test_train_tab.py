"""The playground's Train tab: its programs, its training in JavaScript, and the page itself."""

import contextlib
import json
import re
import subprocess
from urllib.parse import parse_qs

import pytest

import micrograd_plus as mg
from micrograd_plus.training import evaluate
from tests.needs import EXAMPLES, loaded, npm_package, program
from tests.pages import sentence
from tests.processes import until

BROWSER = EXAMPLES / "browser"
train = loaded(BROWSER / "train.py")
FIRST = {name: str(x) for name, x in train.FIRST.items()}
OWN = "-1,0,0;-0.5,0.2,0;0.5,0.1,1;1,-0.2,1;0,0.9,0;0.2,-0.8,1"
LOADED = 120_000  # milliseconds, for a busy machine

# ------------------------------------------------------------------------------ programs


def classes(data):
    return 2 if data == train.OWN else train.DATA[data][1]


def fitted(asked, epochs):
    """What the tab's program makes when it runs in Python."""
    made = {}
    exec("\n".join(train.program(asked)).replace("epochs=100", f"epochs={epochs}"), made)
    return made


@pytest.mark.parametrize("data", [*train.DATA, train.OWN])
def test_each_loss_either_goes_with_a_data_set_or_is_refused(data):
    for loss, counts in train.LOSSES.items():
        asked = {**FIRST, "data": data, "own": OWN, "loss": loss, "points": "20", "hidden": "2"}
        if classes(data) in counts:
            content = json.loads(train.Lesson(asked).content())
            assert content["program"].startswith("import micrograd_plus as mg\n")
            assert len(content["parameters"]) == len(content["labels"])
        else:
            with pytest.raises(train.OptionError, match=rf"^{loss} is not for .*; choose .*"):
                train.program(asked)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("data", "__import__('os')", "is none of moons, circles"),
        ("loss", "sum", "is none of binary_cross_entropy_with_logits"),
        ("activation", 'relu", init="', "is none of linear, "),
        ("rule", "Rule", "is none of GradientDescent"),
        ("rate", "1e9", "a number from 1e-06 to 10 is needed, not '1e9'"),
        ("rate", "nan", "a number from 1e-06 to 10 is needed"),
        ("points", "2.5", "a whole number from 4 to 1000 is needed, not '2.5'"),
        ("seed", "-1", "a whole number from 0 to 1e+09 is needed"),
        ("hidden", "8,,8", "write up to 5 layers of 1 to 8 neurons, such as 8,8, not '8,,8'"),
        ("hidden", "9", "write up to 5 layers of 1 to 8 neurons"),
        ("hidden", "1,1,1,1,1,1", "write up to 5 layers"),
    ],
)
def test_what_a_field_can_not_mean_is_refused(field, text, words):
    lesson, told = train.begin(json.dumps({**FIRST, field: text}))
    told = json.loads(told)
    assert lesson is None
    assert told["field"] == field
    assert words in told["error"]


@pytest.mark.parametrize("own", ["0,0", "0,0,3", "0,0,x", "1e7,0,0;0,0,1", "0,0,0.5;1,1,1"])
def test_points_of_ones_own_are_checked(own):
    with pytest.raises(train.OptionError, match="are written as x,y,class;x,y,class"):
        train.program({**FIRST, "data": "own", "own": own})
    with pytest.raises(train.OptionError, match="set points of two classes at least"):
        train.program({**FIRST, "data": "own", "own": "0,0,1;1,1,1"})


# ------------------------------------------------------------------------------ the training

EPOCHS = 4
_TRAIN = f"""
import {{ readFileSync }} from "node:fs";
import {{ Trainer }} from {json.dumps((BROWSER / "trainer.mjs").as_uri())};
const found = JSON.parse(readFileSync(0)).map(([content, orders, size, rate]) => {{
  const trainer = new Trainer(content);
  for (const order of orders) trainer.epoch(order, size, rate);
  return [trainer.parameters, trainer.sets.map((set) => trainer.judged(set))];
}});
console.log(JSON.stringify(found));
"""
TRAININGS = [
    {},
    {"penalty": "l2_penalty", "rule": "Momentum", "activation": "relu", "batch": "32"},
    {"penalty": "l1_penalty", "rule": "AdaGrad", "activation": "sigmoid", "batch": "7"},
    {"data": "blobs", "loss": "softmax_cross_entropy", "rule": "RMSprop", "hidden": ""},
    {"data": "two-spirals", "loss": "hinge", "rule": "Nesterov", "hidden": "3,2,4", "held": "0"},
    {"data": "circles", "loss": "mse", "rule": "AdamW", "activation": "gelu", "batch": "1000"},
    {"data": "xor", "loss": "l1", "rule": "GradientDescent", "activation": "softplus"},
    {"data": "two-parabolas", "loss": "mse", "seed": "3", "activation": "elu"},
    {"data": "own", "own": OWN, "loss": "softmax_cross_entropy", "batch": "2"},
]


def test_a_training_in_javascript_is_that_of_fit():
    cases, expected = [], []
    for options in TRAININGS:
        asked = {**FIRST, "points": "60", "hidden": "4,3", **options}
        lesson = train.Lesson(asked)
        orders = [lesson.order() for _ in range(EPOCHS)]
        content = json.loads(lesson.content())
        cases.append([content, orders, int(asked["batch"]), float(asked["rate"])])
        expected.append(fitted(asked, EPOCHS))
        assert content["program"].endswith(", penalty=penalty)\n") is (
            asked["penalty"] in content["program"]
        )
    node = [program("node", package="nodejs"), "--input-type=module", "-e", _TRAIN]
    run = subprocess.run(node, input=json.dumps(cases), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    for made, (parameters, judged) in zip(expected, json.loads(run.stdout), strict=True):
        numbers = [p.data for p in made["model"].parameters()]
        assert parameters == pytest.approx(numbers, rel=1e-9, abs=1e-12)
        sets = [made["train"], *filter(None, [made["held_out"]])]
        for found, data in zip(judged, sets, strict=True):
            result = evaluate(made["model"], data, made["loss"])
            assert found["loss"] == pytest.approx(result["loss"], rel=1e-9)
            if "accuracy" in result:
                assert found["accuracy"] == pytest.approx(result["accuracy"])


# ------------------------------------------------------------------------------ the page


# keeps each text that the tab has said, and how many frames had been drawn by then (one at least)
LISTEN = """() => {
  let frames = 1;
  const count = () => { frames += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
  window.heard = [];
  const status = document.querySelector("#train .told");
  const hear = () => heard.push([status.textContent, frames]);
  new MutationObserver(hear).observe(status, { childList: true });
}"""


@contextlib.contextmanager
def opened(browser, address):
    """The tab at an address, when it is ready; nothing may fail in it."""
    troubles = []
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text))
    page.goto(address)
    told(page, "After epoch 0:")
    page.evaluate(LISTEN)
    yield page
    context.close()
    assert not troubles


def part(page, name):
    """A field or a button."""
    return page.locator(f"#train [name={name}]")


def told(page, words):
    """Wait until the tab says something that begins so, and return it."""
    status = page.locator("#train .told")
    status.filter(has_text=re.compile(f"^{words}")).wait_for(timeout=LOADED)
    return status.inner_text()


def heard(page, words):
    """Wait until the tab has said something that begins so, if only for a moment.

    Returns:
        How many frames it had drawn by then.
    """
    found = "words => heard.find(([text]) => text.startsWith(words))?.[1]"
    page.wait_for_function(found, arg=words, timeout=LOADED)
    return page.evaluate(found, words)


def frames(page, count):
    """Let the page draw so many frames."""
    page.evaluate("async (n) => { while (n--) await new Promise(requestAnimationFrame); }", count)


def trained(page, epochs):
    """Train until so many epochs are over, and pause; the number of those that are over then."""
    part(page, "run").click()
    reached = "(n) => Number(document.querySelector('#train output').value) >= n"
    page.wait_for_function(reached, arg=epochs, timeout=LOADED)
    part(page, "run").click()
    until(lambda: rests(page))  # the picture that was under way is still to come
    return int(page.locator("#train output").inner_text())


def rests(page):
    """Whether nothing changes from frame to frame."""
    words = told(page, "After epoch")
    frames(page, 10)
    return told(page, "After epoch") == words


def losses(page):
    """The losses and accuracies of both sets, in the table."""
    cells = page.locator("#train tbody td").all_inner_texts()
    loss, accuracy, held_loss, held_accuracy = (float(text.rstrip(" %")) for text in cells)
    return [(loss, accuracy), (held_loss, held_accuracy)]


@pytest.fixture(scope="module")
def tab(browser, playground_address):
    """The tab, which loads Python once for all tests."""
    with opened(browser, f"{playground_address}#train=moons") as page:
        yield page


@pytest.fixture
def wide(tab):
    """The tab as it is at first, on a wide screen."""
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.emulate_media(color_scheme="light", reduced_motion="no-preference")
    return afresh(tab, "train=moons")


@pytest.fixture
def narrow(tab):
    """The tab on a phone in the dark, for a reader who wants little motion; a small network."""
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return afresh(tab, "train=xor&points=40&hidden=4")


def afresh(page, state):
    """The tab when nothing has been done but to open a link."""
    page.goto(f"{page.url.partition('#')[0]}#{state}")
    page.evaluate("heard.length = 0")
    part(page, "reset").click()
    heard(page, "After epoch 0:")
    return page


def test_it_trains_and_walks_through_an_example_with_the_numbers_of_python(wide, capsys):
    page = wide
    before = losses(page)
    begin = page.evaluate("performance.now()")
    epochs = trained(page, 40)
    rate = epochs / (page.evaluate("performance.now()") - begin) * 1000
    with capsys.disabled():
        print(f"\n  2-8-8-1 on 200 points: {rate:.0f} updates a second, each a whole epoch")
    after = losses(page)
    assert all(loss < was / 4 for (loss, _), (was, _) in zip(after, before, strict=True))
    assert all(accuracy >= 95 for _, accuracy in after)

    made = fitted(FIRST, epochs)
    for (loss, accuracy), data in zip(after, (made["train"], made["held_out"]), strict=True):
        expected = evaluate(made["model"], data, made["loss"])
        assert loss == pytest.approx(expected["loss"], rel=1e-3)
        assert accuracy == pytest.approx(100 * expected["accuracy"], abs=0.06)
    part(page, "part").select_option("training set")
    part(page, "example").fill("7")
    part(page, "walk").click()
    told(page, "Example 7: its steps are below")
    frame = page.frame_locator("#train iframe").frame_locator("iframe")
    inputs, targets = made["train"]
    x = [mg.Value(number, f"x_{i}") for i, number in enumerate(inputs[7])]
    walk = mg.step_through(made["loss"](made["model"](x), targets[7]))
    assert sentence(frame) == walk[0].text
    assert len(walk) == int(frame.locator(".mg-stepper input[type=range]").get_attribute("max")) + 1
    frame.get_by_role("button", name="Last step").click()
    assert sentence(frame) == walk[-1].text


def test_the_page_goes_on_while_python_writes_a_walk(wide):
    part(wide, "example").fill("7")
    part(wide, "walk").click()
    end = heard(wide, "Example 7: its steps are below")
    assert end > heard(wide, "Python writes the steps") + 2


def test_a_picture_that_comes_meanwhile_does_not_replace_what_is_said_of_the_walk(wide):
    part(wide, "example").fill("7")
    wide.evaluate("""() => {
      for (const name of ["step", "walk"]) document.querySelector(`#train [name=${name}]`).click();
    }""")
    heard(wide, "Example 7: its steps are below")
    assert wide.locator("#train output").inner_text() == "1"
    said = wide.evaluate("heard.map(([text]) => text)")
    told = [text for text in said if text.startswith(("Python", "Example", "After epoch 1"))]
    assert [text.split()[0] for text in told] == ["Python", "Example"]


def test_clicks_choose_examples_and_neurons(wide):
    plane, network = (wide.locator(f"#train .{name} canvas") for name in ("plane", "network"))
    chosen = part(wide, "example")
    chosen.fill("0")
    plane.click(position={"x": 40, "y": 200})
    told(wide, r"Example \d+: its steps are below")
    assert chosen.input_value() != "0"
    select = part(wide, "neuron")
    before = plane.screenshot()
    network.click(position={"x": 12, "y": 80})
    assert select.locator("option:checked").inner_text() == "input x0"
    frames(wide, 2)
    assert plane.screenshot() != before
    network.click(position={"x": 12, "y": 80})
    assert select.input_value() == ""


def test_it_fits_a_phone_and_can_be_used_by_everyone(narrow):
    assert narrow.evaluate("document.documentElement.scrollWidth") == 390
    axe = npm_package("axe-core").joinpath("axe.min.js").read_text(encoding="utf-8")
    narrow.evaluate(axe)
    for scheme in ("dark", "light"):
        narrow.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = narrow.evaluate("axe.run('#train', { iframes: false })")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    for canvas in narrow.locator("#train canvas").all():
        assert canvas.get_attribute("aria-label")


def test_it_trains_by_the_keyboard_with_little_motion(narrow):
    epoch = narrow.locator("#train output")
    part(narrow, "step").press("Enter")
    told(narrow, "After epoch 1:")
    part(narrow, "run").focus()
    narrow.keyboard.press("Enter")
    heard(narrow, "Training")
    narrow.wait_for_function("() => document.querySelector('#train output').value >= 31")
    narrow.keyboard.press("Enter")
    until(lambda: rests(narrow))
    assert int(epoch.inner_text()) % 15 == 1  # fewer pictures, of more epochs each


def test_points_of_ones_own_are_set_by_clicks_or_fields_and_shared_by_the_address(narrow):
    part(narrow, "neuron").select_option("layer 0, neuron 1")
    part(narrow, "data").select_option("own")
    assert told(narrow, "Points: set points of two classes").endswith("by the fields")
    assert part(narrow, "run").is_disabled()
    plane = narrow.locator("#train .plane canvas")
    width = plane.bounding_box()["width"]
    plane.click(position={"x": width / 4, "y": width / 4})
    part(narrow, "class").select_option("2")
    for x in ("0.5", "0.6"):
        part(narrow, "x").fill(x)
        part(narrow, "add").click()
    told(narrow, "After epoch 0:")
    (x, y, kind), *others = [
        [*map(float, point.split(","))]
        for point in parse_qs(narrow.url.partition("#")[2])["own"][0].split(";")
    ]
    assert others == [[0.5, 0.0, 2.0], [0.6, 0.0, 2.0]]
    assert kind == 0
    assert -0.7 < x < -0.4 < 0.4 < y < 0.7
    assert part(narrow, "loss").input_value() == "softmax_cross_entropy"
    part(narrow, "class").select_option("a click chooses an example")
    plane.click(position={"x": width / 4 + 3, "y": width / 4})
    told(narrow, "Example [01]: its steps are below")
    part(narrow, "clear").click()
    told(narrow, "Points: set points of two classes")


def test_a_link_fills_the_fields_and_trains_nothing(narrow):
    address = narrow.url.partition("#")[0]
    state = "train=two-parabolas&points=90&hidden=&batch=1&loss=mse&rule=GradientDescent&rate=9"
    narrow.goto(f"{address}#{state}")
    told(narrow, "After epoch 0:")
    for tab in ("Graph", "Train"):
        narrow.get_by_role("link", name=tab).click()
    assert part(narrow, "rate").input_value() == "9"
    code = narrow.locator("#train code").text_content()
    assert "datasets.parabolas(90, noise=0.1, seed=0)" in code
    assert "rule = optim.GradientDescent(9.0)" in code
    part(narrow, "run").click()  # at too large a rate
    assert told(narrow, "Epoch ").endswith("would not be finite; lower the rate.")
    assert part(narrow, "run").inner_text() == "Train"
    for name, label, text, right in (
        ("rate", "Rate", "fast", "0.01"),
        ("hidden", "Hidden layers", "100", "2"),
    ):
        field = narrow.get_by_label(label)
        field.fill(text)
        field.press("Tab")
        assert repr(text) in told(narrow, f"{label}: ")
        assert part(narrow, name).get_attribute("aria-invalid") == "true"
        for canvas in narrow.locator("#train canvas").all():
            canvas.click()  # where there is nothing to choose
        field.fill(right)
        field.press("Tab")
        told(narrow, "After epoch 0:")
    trained(narrow, 15)
    words = told(narrow, "After epoch")
    link = narrow.get_by_role("link", name="Train")
    narrow.get_by_role("link", name="Graph").click()
    assert not narrow.locator("#train").is_visible()
    link.click()
    assert told(narrow, "After epoch") == words  # nothing begins anew
