"""The playground's Train tab: its programs, its training in JavaScript, and the page itself."""

import json
import re
import subprocess

import pytest

import micrograd_plus as mg
from micrograd_plus.training import evaluate
from tests.needs import EXAMPLES, loaded, program
from tests.pages import sentence

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


@pytest.fixture
def tab(browser, playground_address):
    """Opens the tab at an address; nothing may fail in it."""
    troubles, contexts = [], []

    def tab(state, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: troubles.append(line.text))
        page.goto(f"{playground_address}#train={state}")
        told(page, "After epoch 0:")
        return page

    yield tab
    for context in contexts:
        context.close()
    assert not troubles


def told(page, words):
    """Wait until the tab says something that begins so, and return it."""
    status = page.locator("#train .told")
    status.filter(has_text=re.compile(f"^{words}")).wait_for(timeout=LOADED)
    return status.inner_text()


def trained(page, epochs):
    """Train until so many epochs are over, and pause."""
    page.get_by_role("button", name="Train").click()
    epoch = page.locator("#train output")
    while int(epoch.inner_text()) < epochs:
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Pause").click()
    words = told(page, "After epoch")
    page.wait_for_timeout(200)
    assert told(page, "After epoch") == words  # it does rest
    return int(epoch.inner_text())


def losses(page):
    """The losses and accuracies of both sets, in the table."""
    cells = page.locator("#train td").all_inner_texts()
    loss, accuracy, held_loss, held_accuracy = (float(text.rstrip(" %")) for text in cells)
    return [(loss, accuracy), (held_loss, held_accuracy)]


def test_it_trains_and_walks_through_an_example_with_the_numbers_of_python(tab, capsys):
    page = tab("moons", viewport={"width": 1280, "height": 900})
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
    page.get_by_role("textbox", name="Example", exact=True).fill("7")
    page.get_by_role("button", name="Step through it").click()
    told(page, "The steps of the example are below")
    frame = page.frame_locator("#train iframe").frame_locator("iframe")
    inputs, targets = made["train"]
    x = [mg.Value(number, f"x_{i}") for i, number in enumerate(inputs[7])]
    walk = mg.step_through(made["loss"](made["model"](x), targets[7]))
    assert sentence(frame) == walk[0].text
    frame.get_by_role("button", name="Last step").click()
    assert sentence(frame) == walk[-1].text
