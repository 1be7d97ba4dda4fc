"""What stands behind `play`: fields, good and bad numbers, and the layout that stands still."""

import math
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.drawing.pages.panel import panel_of
from micrograd_plus.parsing import ExpressionError
from tests.graphs import xyz
from tests.needs import needed


def shown(panel):
    """The numbers in the picture: for each value its name, number and gradient."""
    last = panel.view.walk[-1]
    return {node.label: tuple(numbers) for node, numbers in last.visible.items()}


def test_a_graph_an_expression_and_a_function_play_alike():
    def f(x, y, z):
        d = x + y
        d.label = "d"
        out = d * z
        out.label = "f"
        return out

    numbers = {"x": 1, "y": -3, "z": 4}
    panels = [
        panel_of(xyz(), {}),
        panel_of("d = x + y; f = d * z", numbers),
        panel_of(f, numbers),
    ]
    for panel in panels:
        panel.change("x", "2.5")
        assert shown(panel) == {
            "x": (2.5, 4.0),
            "y": (-3.0, 4.0),
            "d": (-0.5, 4.0),
            "z": (4.0, -0.5),
            "f": (-2.0, 1.0),
        }
        assert panel.view.walk[-1].text == "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4"


def test_digits_are_an_option_unless_the_graph_has_them():
    def told(panel):
        """The sentence of the gate, and the number that it puts on its wire."""
        step = panel.state["told"]["steps"][1]
        return step["text"], [number for _, _, number in step["changes"]]

    for f in ("x / 3", lambda x: x / 3, Value(2.0, "x") / 3):
        panel = panel_of(f, {"x": 2.0, "digits": 6})
        assert panel.numbers == {"x": 2.0}
        assert told(panel) == ("f = x / 3 = 2 / 3 = 0.666667", ["0.666667"])
        panel.change("x", "1")
        assert told(panel) == ("f = x / 3 = 1 / 3 = 0.333333", ["0.333333"])
        with pytest.raises(ValueError, match="digits must be a whole number from 1 to 17, not 0"):
            panel_of(f, {"x": 2.0, "digits": 0})
    named = "digits / 3", lambda digits: digits / 3, lambda **x: x["digits"] / 3
    for f in (*named, Value(2.0, "digits") / 3):
        panel = panel_of(f, {"digits": 2.0})
        assert panel.numbers == {"digits": 2.0}
        assert told(panel) == ("f = digits / 3 = 2 / 3 = 0.6667", ["0.67"])


def test_the_graph_that_is_given_stays_as_it_is():
    f = xyz()
    f.backward()
    before = [(node.data, node.grad) for node in mg.graph.order(f)]
    panel = panel_of(f, {})
    panel.change("z", "7")
    assert panel.view.walk.root.data == -14
    assert [(node.data, node.grad) for node in mg.graph.order(f)] == before
    f.left.left.label = "u"  # and what happens to it later does not matter to the panel
    panel.change("z", "8")
    assert panel.view.walk.root.data == -16
    assert shown(panel)["x"] == (1.0, 8.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write a number, such as -1.5"),
        ("  ", "write a number, such as -1.5"),
        ("one", "'one' is not a number; write one such as -1.5"),
        ("1e999", "1e999 is not a finite number"),
        ("nan", "nan is not a finite number"),
        ("-1", "at column 1, 'log(x)': log of x = -1.0 is not finite: log is defined for x > 0"),
        ("0", "at column 1, 'log(x)': log of x = 0.0 is not finite: log is defined for x > 0"),
        ("<b>\n" * 99, "'<b>␊<b>␊<b>␊<b>␊<b>…' is not a number; write one such as -1.5"),
    ],
)
def test_a_bad_number_is_told_of_and_the_last_good_view_stays(text, message):
    panel = panel_of("log(x) * y", {"x": 1, "y": 2})
    before = panel.view
    panel.change("x", text)
    assert panel.errors == {"x": message}
    assert panel.texts["x"] == text
    assert panel.numbers == {"x": 1.0, "y": 2.0}
    assert panel.view is before
    panel.change("y", "3")  # the other field goes on, beside the last good number
    assert panel.numbers == {"x": 1.0, "y": 3.0}
    assert set(panel.errors) == {"x"}
    panel.change("x", " 5e−1 ")
    assert panel.errors == {}
    assert panel.view.walk.root.data == pytest.approx(3 * math.log(0.5))


def test_a_bad_number_leaves_the_last_good_graph_as_it_was():
    x = Value(1, "x")
    panel = panel_of(x.log(), {})
    root = panel.view.walk.root
    panel.change("x", "-1")
    assert panel.errors
    assert panel.view.walk.root is root
    assert (root.data, root.left.data) == (0.0, 1.0)


def test_a_bad_number_is_tried_again_beside_another():
    panel = panel_of("sqrt(x + y)", {"x": 1, "y": 2})
    panel.change("x", "-5")
    assert set(panel.errors) == {"x"}
    panel.change("y", "9")
    assert panel.errors == {}
    assert panel.view.walk.root.data == 2.0
    panel.change("x", "-10")
    panel.change("y", "9.5")  # alone it will do: x stays where it was
    assert panel.numbers == {"x": -5.0, "y": 9.5}
    assert set(panel.errors) == {"x"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("k"), "KeyError: 'k'"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (ValueError("x is too small"), "x is too small"),
    ],
)
def test_whatever_the_function_raises_is_told_at_the_field(error, message):
    def f(x):
        if x < 0:
            raise error
        return x * 2

    panel = panel_of(f, {"x": 1})
    panel.change("x", "-1")
    assert panel.errors == {"x": message}
    with pytest.raises(type(error)):
        panel_of(f, {"x": -1})


def test_a_result_that_is_no_number_is_refused():
    message = "what strange gives must be a real number, not 'no' (str)"

    def strange(x):
        return x + 1 if x > 0 else "no"

    panel = panel_of(strange, {"x": 1})
    panel.change("x", "-1")
    assert panel.errors == {"x": f"TypeError: {message}"}
    with pytest.raises(TypeError, match=re.escape(message)):
        panel_of(strange, {"x": -1})


def test_the_layout_stands_still_as_long_as_the_structure_does():
    panel = panel_of("f = 1 / (1 + exp(-(w * x + b)))", {"w": 2, "x": -1, "b": 0.5})
    svg = panel.view.content["svg"]
    for text in ("0", "-1.25", "17", "-0.000123", "-12.5"):
        panel.change("x", text)
        assert not panel.errors
        assert panel.view.content["svg"] is svg
    panel.change("x", "-1e4")
    assert panel.errors  # exp(19999.5)
    panel.change("w", "0.001")
    assert not panel.errors
    assert panel.view.content["svg"] is not svg  # −10000.00 needs more room than there was
    wider = panel.view.content["svg"]
    panel.change("x", "1")
    assert panel.view.content["svg"] is wider  # and keeps it


def test_a_structure_that_depends_on_a_number_is_laid_out_anew():
    def f(x):
        return mg.tanh(x) if x > 0 else 0.0

    panel = panel_of(f, {"x": 1})
    assert "tanh" in panel.view.content["svg"]
    panel.change("x", "-1")
    assert panel.view.walk.root.data == 0
    assert "tanh" not in panel.view.content["svg"]
    assert len(panel.view.content["wires"]) == 1
    panel.change("x", "2")
    assert panel.view.walk.root.data == math.tanh(2)
    assert "tanh" in panel.view.content["svg"]


@given(st.lists(st.tuples(st.sampled_from("xy"), st.text() | st.floats().map(repr)), max_size=6))
def test_any_texts_leave_a_view_that_agrees_with_the_numbers(changes):
    panel = panel_of("x * y + x", {"x": 1, "y": 2})
    for name, text in changes:
        panel.change(name, text)
        assert panel.texts[name] == text
    x, y = panel.numbers.values()
    assert panel.view.walk.root.data == x * y + x
    last = panel.view.walk[-1].visible
    leaves = [node for node in last if node.op is None]
    assert {n.label: last[n].grad for n in leaves} == {"x": y + 1, "y": x}
    for name, number in panel.numbers.items():
        if name not in panel.errors:
            assert float(panel.texts[name].replace("−", "-")) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_slider_reaches_around_any_number(x):
    (field,) = panel_of(lambda x: x * 0, {"x": x}).fields
    assert field.start == x
    assert field.low < field.high
    assert 100 <= (field.high - field.low) / field.step <= 1000.1
    assert field.low <= x <= field.high or abs(x) > 1e299


def test_ranges():
    fields = panel_of(lambda x, y, z: x + y + z, {"x": 1, "y": (-3, 5), "z": (-3, 5, 0.5)}).fields
    assert [tuple(field) for field in fields] == [
        ("x", 1.0, -2.0, 2.0, 0.01),
        ("y", 1.0, -3.0, 5.0, 0.01),
        ("z", 1.0, -3.0, 5.0, 0.5),
    ]
    x, y, _z = panel_of(xyz(), {"y": (-10, 10), "x": 2}).fields
    assert (y.start, y.low, y.high) == (-3.0, -10.0, 10.0)
    assert x.start == 2.0


def test_leaves_of_one_label_have_a_field_each():
    a, b = Value(1, "w"), Value(2, "w")
    panel = panel_of(a * b * Value(3), {})
    assert [field.name for field in panel.fields] == ["w", "w′"]
    panel.change("w′", "5")
    assert panel.view.walk.root.data == 15


@pytest.mark.parametrize(
    ("f", "numbers", "error", "message"),
    [
        (3, {}, TypeError, "play needs a Value, an expression or a function, not 3 (int)"),
        (Value(1) * 2, {}, ValueError, "no leaf of the graph has a label"),
        (xyz(), {"w": 1}, ValueError, "the graph has no leaf 'w'; it has x, y, z"),
        ("1 + 2", {}, ValueError, "nothing to play with"),
        ("x + y", {"x": 1}, ExpressionError, "unknown name"),
        (mg.sigmoid, {}, ValueError, "nothing to play with"),
        (mg.sigmoid, {"y": 1}, TypeError, "sigmoid: missing a required argument: 'x'"),
        (mg.sigmoid, {"x": "1"}, TypeError, "x must be a real number, not '1'"),
        (mg.sigmoid, {"x": math.inf}, mg.NonFiniteError, "x must be a finite number"),
        (mg.sigmoid, {"x": (1, 1)}, ValueError, "a range is (low, high)"),
        (mg.sigmoid, {"x": (1,)}, ValueError, "a range is (low, high)"),
        (mg.sigmoid, {"x": (-1e308, 1e308)}, ValueError, "a range is (low, high)"),
        (mg.sigmoid, {"x": (0, 1, 0)}, ValueError, "the step of x must be above 0"),
        (mg.log, {"x": -1}, mg.NonFiniteError, "log is defined for x > 0"),
    ],
)
def test_what_cannot_be_played_with_is_refused_at_once(f, numbers, error, message):
    with pytest.raises(error, match=re.escape(message)):
        panel_of(f, numbers)


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="there is no field 'w'; choose from x, y, z"):
        panel_of(xyz(), {}).change("w", "1")


def test_without_anywidget_there_are_pages_and_the_error_has_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    played = mg.play(xyz())
    assert played.to_html(tmp_path / "play.html").exists()
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micrograd-plus\[jupyter\]'"):
        _ = played.widget


def test_outside_a_notebook_it_is_plain_text():
    needed("anywidget")
    play = mg.play(xyz())
    assert repr(play) == "<Play with x = 1.0, y = -3.0, z = 4.0: -8.0>"
    play.widget.asked = {"name": "x", "text": "2.5", "count": 1}
    assert play.numbers == {"x": 2.5, "y": -3.0, "z": 4.0}
    assert play.root.data == -2
    assert play.widget.answered == 1
    assert play.widget.texts["x"] == "2.5"
    assert [step["text"] for step in play.widget.told["steps"]] == [
        step.text for step in mg.step_through(play.root)
    ]
    play.widget.asked = {"name": "x", "text": "?", "count": 2}
    assert play.widget.errors == {"x": "'?' is not a number; write one such as -1.5"}
    assert play.widget.answered == 2
    assert play.numbers["x"] == 2.5
