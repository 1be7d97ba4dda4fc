"""Walks whose numbers a page computes: they are Python's, whatever the leaves' numbers are."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus._tools import figures
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.numbers import text_number
from micrograd_plus.drawing.pages.figured import Figures
from micrograd_plus.drawing.pages.page import bundle
from micrograd_plus.drawing.pages.panel import roomy
from micrograd_plus.drawing.pages.stepper import told
from micrograd_plus.testing import graphs, numbers
from micrograd_plus.walk.steps import Walk
from tests.effort import examples, share
from tests.node import running_node


@pytest.fixture(scope="module")
def javascript():
    with running_node() as run:
        yield run


def texts(walk):
    """All that a page tells of a walk, as JSON data."""
    return json.loads(json.dumps(told(roomy(walk), walk)))


def in_order(told):
    """The same, without what is listed by size at the numbers at the start."""
    for wire in told["wires"].values():
        wire["paths"].sort(key=lambda path: path["steps"])
        if wire["more"]:
            del wire["paths"], wire["rest"]
    return told


class Page:
    """What a page has of a walk."""

    def __init__(self, root, javascript):
        self.figures = Figures()
        self.walk = Walk(root, arithmetic=self.figures)
        self.javascript = javascript
        self.leaves = self.walk.leaves
        self.told = texts(self.walk)
        self.positions = [
            self.figures.position(x[value])
            for value in self.walk.gates
            for x in (self.walk.data, self.walk.grad)
        ]

    def at(self, *points):
        """For each point the values, gradients and texts, or the error where one is not finite."""
        content = self.figures.content({name: name for name in self.walk.names.values()})
        code = f"""(() => {{
          {bundle("local.js")}
          const [content, told, positions] = {json.dumps([content, self.told, self.positions])};
          const compute = {self.figures.function()};
          return (given) => {{
            try {{
              const {{ numbers, fill }} = computed(content, compute, given);
              return {{ numbers: positions.map((i) => numbers[i]), told: fill(told) }};
            }} catch (error) {{ return error; }}
          }};
        }})()"""
        return self.javascript(code, points)


def assert_same(root, page, point, found):
    """Numbers agree with Python's in 12 digits, and texts too where the numbers are the same."""
    for leaf, x in zip(page.leaves, point, strict=True):
        leaf.data = x
    try:
        mg.replay(root)
        walk = Walk(root)
    except NonFiniteError:
        walk = None
    assert (walk is not None) == ("numbers" in found)
    if not walk:
        return
    expected = [x[value] for value in walk.gates for x in (walk.data, walk.grad)]
    scale = max(1.0, *map(abs, expected))
    for ours, theirs in zip(found["numbers"], expected, strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-13 * scale), (ours, theirs)
    if found["numbers"] == expected:
        assert in_order(found["told"]) == in_order(texts(walk))


@examples(300)
@given(graphs(), st.data())
def test_random_graphs_of_all_operations(javascript, graph, data):
    root, _ = graph
    try:
        page = Page(root, javascript)
    except NonFiniteError:  # a gradient at the start
        return
    here = [leaf.data for leaf in page.leaves]
    others = st.lists(numbers(), min_size=len(here), max_size=len(here))
    points = [here, data.draw(others), data.draw(others)]
    for point, found in zip(points, page.at(*points), strict=True):
        assert_same(root, page, point, found)


TIES = [n / 2.0**k * sign for k in range(12) for n in range(1, 4000, 37) for sign in (1, -1)]
EDGES = [0.0, -0.0, 1e-4, 9.9995e-5, 99995.0, 999999.5, 9.995, 1e6, 1e9, 1.9e-124, 5e-324, 1e300]
FORMS = [(4, 0), (2, 2), (2, 0), (3, 2), (6, 2), (1, 0), (17, 2)]


def test_numbers_are_written_as_in_python(javascript):
    draw = random.Random(1)
    some = [draw.uniform(-1, 1) * 10.0 ** draw.uniform(-8, 9) for _ in range(share(5000))]
    cases = [(x, *form) for x in [*TIES, *EDGES, *some] for form in FORMS]
    code = f"(() => {{ {bundle('figures.js')}; return (given) => number(...given); }})()"
    for case, found in zip(cases, javascript(code, cases), strict=True):
        assert found == text_number(*case), case


def test_brackets_and_equal_parts_depend_on_the_numbers(javascript):
    x, y = mg.values(x=2, y=3)
    page = Page(x * y, javascript)
    found = page.at([2, 3], [-2.5, -1e9], [1, 1])
    assert [point["told"]["steps"][1]["text"] for point in found] == [
        "f = x · y = 2 · 3 = 6",
        "f = x · y = −2.5 · (−10⁹) = 2.5·10⁹",
        "f = x · y = 1 · 1 = 1",
    ]
    found = Page(x**y, javascript).at([2, 3], [2, -3], [2, 1.5], [-1, 1e9])
    assert [
        point["told"]["steps"][1]["text"] if "told" in point else point["said"] for point in found
    ] == [
        "f = x^y = 2³ = 8",
        "f = x^y = 2⁻³ = 0.125",
        "f = x^y = 2^(1.5) = 2.828",
        "the gradient through power of x = −1, y = 10⁹ is not finite",
    ]


def test_labels_can_not_pass_for_places(javascript):
    x = mg.Value(2, chr(figures.FIRST) + "x")
    page = Page(x * 3, javascript)
    assert page.at([5.0])[0]["told"]["steps"][0]["text"] == "\N{REPLACEMENT CHARACTER}x = 5"
