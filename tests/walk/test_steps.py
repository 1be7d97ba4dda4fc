"""The steps of the lecture's examples, what each step knows, and that what it says is true."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus import Value, ops, values
from micrograd_plus.engine import record
from micrograd_plus.graph import inputs, order
from micrograd_plus.testing import graphs
from micrograd_plus.walk import sentences
from micrograd_plus.walk.naming import names
from micrograd_plus.walk.steps import Walk
from tests import oracle
from tests.graphs import xyz


def texts(root):
    return [step.text for step in Walk(root)]


def test_lecture_xyz():
    f = xyz()
    d, z = f.args
    x, y = d.args
    walk = Walk(f)
    assert [step.text for step in walk] == [
        "x = 1, y = −3, z = 4",
        "d = x + y = 1 + (−3) = −2",
        "f = d · z = −2 · 4 = −8",
        "∂f/∂f = 1",
        "∂f/∂z = d = −2",
        "∂f/∂d = z = 4",
        "∂f/∂y = ∂f/∂d · ∂d/∂y = 4 · 1 = 4",
        "∂f/∂x = ∂f/∂d · ∂d/∂x = 4 · 1 = 4",
    ]
    assert [step.phase for step in walk] == ["given"] + ["forward"] * 2 + ["backward"] * 5
    assert [step.node for step in walk[1:]] == [d, f, f, z, d, y, x]
    assert [step.edge for step in walk[3:]] == [None, (f, 1), (f, 0), (d, 1), (d, 0)]
    assert [(step.upstream, step.local) for step in walk[2:5]] == [(None, None)] * 2 + [(1, -2)]
    assert [(step.upstream, step.local) for step in walk[-2:]] == [(4, 1), (4, 1)]
    assert walk[1].latex == r"d = x + y = 1 + \left(-3\right) = -2"
    assert walk[6].latex == (
        r"\frac{\partial f}{\partial y} = \frac{\partial f}{\partial d} \cdot "
        r"\frac{\partial d}{\partial y} = 4 \cdot 1 = 4"
    )


def test_everything_visible_after_a_step():
    f = xyz()
    d, z = f.args
    x, y = d.args
    walk = Walk(f)
    assert walk[0].visible == {x: (1, None), y: (-3, None), z: (4, None)}
    assert walk[1].visible == {**walk[0].visible, d: (-2, None)}
    assert walk[4].visible[z] == (4, -2)
    assert walk[4].visible[d] == (-2, None)
    assert walk[-1].visible == {x: (1, 4), y: (-3, 4), z: (4, -2), d: (-2, 4), f: (-8, 1)}


def test_lecture_sigmoid_gate():
    w0, x0, w1, x1, b = values(w_0=-3, x_0=-2, w_1=2, x_1=-1, b=-3)
    f = 1 / (1 + mg.exp(-(w0 * x0 + w1 * x1 + b)))
    assert texts(f) == [
        "w₀ = −3, x₀ = −2, w₁ = 2, x₁ = −1, b = −3",
        "v₁ = w₀ · x₀ = −3 · (−2) = 6",
        "v₂ = w₁ · x₁ = 2 · (−1) = −2",
        "v₃ = v₁ + v₂ = 6 + (−2) = 4",
        "v₄ = v₃ + b = 4 + (−3) = 1",
        "v₅ = −v₄ = −1",
        "v₆ = exp(v₅) = exp(−1) = 0.3679",
        "v₇ = 1 + v₆ = 1 + 0.3679 = 1.368",
        "f = 1 / v₇ = 1 / 1.368 = 0.7311",
        "∂f/∂f = 1",
        "∂f/∂v₇ = −1 / v₇² = −0.5344",
        "∂f/∂v₆ = ∂f/∂v₇ · ∂v₇/∂v₆ = −0.5344 · 1 = −0.5344",
        "∂f/∂v₅ = ∂f/∂v₆ · ∂v₆/∂v₅ = ∂f/∂v₆ · exp(v₅) = −0.5344 · 0.3679 = −0.1966",
        "∂f/∂v₄ = ∂f/∂v₅ · ∂v₅/∂v₄ = −0.1966 · (−1) = 0.1966",
        "∂f/∂b = ∂f/∂v₄ · ∂v₄/∂b = 0.1966 · 1 = 0.1966",
        "∂f/∂v₃ = ∂f/∂v₄ · ∂v₄/∂v₃ = 0.1966 · 1 = 0.1966",
        "∂f/∂v₂ = ∂f/∂v₃ · ∂v₃/∂v₂ = 0.1966 · 1 = 0.1966",
        "∂f/∂v₁ = ∂f/∂v₃ · ∂v₃/∂v₁ = 0.1966 · 1 = 0.1966",
        "∂f/∂x₁ = ∂f/∂v₂ · ∂v₂/∂x₁ = ∂f/∂v₂ · w₁ = 0.1966 · 2 = 0.3932",
        "∂f/∂w₁ = ∂f/∂v₂ · ∂v₂/∂w₁ = ∂f/∂v₂ · x₁ = 0.1966 · (−1) = −0.1966",
        "∂f/∂x₀ = ∂f/∂v₁ · ∂v₁/∂x₀ = ∂f/∂v₁ · w₀ = 0.1966 · (−3) = −0.5898",
        "∂f/∂w₀ = ∂f/∂v₁ · ∂v₁/∂w₀ = ∂f/∂v₁ · x₀ = 0.1966 · (−2) = −0.3932",
    ]


def test_where_paths_meet_each_has_its_share_and_the_sum_grows():
    (a,) = values(a=2)
    b, c = a * 2, a * 3
    b.label, c.label = "b", "c"
    walk = Walk(b + c)
    assert [step.text for step in walk[-2:]] == [
        "∂f/∂a through c = ∂f/∂c · ∂c/∂a = 1 · 3 = 3",
        "∂f/∂a through b = ∂f/∂b · ∂b/∂a = 1 · 2 = 2, ∂f/∂a = 3 + 2 = 5",
    ]
    assert walk.shares == {(b, 0): 2, (c, 0): 3}
    assert [text for text in texts(mg.sum([b, c, a])) if text.startswith("∂f/∂a")] == [
        "∂f/∂a through f = 1",
        "∂f/∂a through c = ∂f/∂c · ∂c/∂a = 1 · 3 = 3, ∂f/∂a so far = 1 + 3 = 4",
        "∂f/∂a through b = ∂f/∂b · ∂b/∂a = 1 · 2 = 2, ∂f/∂a = 4 + 2 = 6",
    ]


def test_each_operand_of_a_repeated_value_is_a_path_of_its_own():
    (c,) = values(c=3)
    assert texts(c * c)[-2:] == [
        "∂f/∂c (second operand) = c = 3",
        "∂f/∂c (first operand) = c = 3, ∂f/∂c = 2 · c = 3 + 3 = 6",
    ]
    assert texts(1 / (c * c))[-1] == (
        "∂f/∂c (first operand) = ∂f/∂v₁ · c = −0.01235 · 3 = −0.03704, "
        "∂f/∂c = 2 · (∂f/∂v₁ · c) = −0.03704 + (−0.03704) = −0.07407"
    )
    assert texts(mg.sum([c, c, c]))[-3:] == [
        "∂f/∂c (third operand) = 1",
        "∂f/∂c (second operand) = 1, ∂f/∂c so far = 1 + 1 = 2",
        "∂f/∂c (first operand) = 1, ∂f/∂c = 2 + 1 = 3",
    ]
    both = Walk(c * c + c)
    assert both[-1].text.startswith("∂f/∂c through v₁ (first operand) = ")
    assert r"\text{ }\text{through}\text{ }v_{1}\text{ }\text{(first operand)}" in both[-1].latex


SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
READ_AS = [
    (r"∂(\w+)/∂(\w+)", r" D('\1','\2')"),
    (r"([⁰¹²³⁴-⁹⁻]+)(?!')", lambda found: f"**({''.join(map(SUPERSCRIPTS.get, found[0]))})"),
    (r"√\(", "sqrt("),
    ("·", "*"),
    ("−", "-"),
    (r"\^", "**"),
]
"""How the walk writes, and how Python does."""


def read(text, known):
    """The number of a printed formula."""
    for pattern, python in READ_AS:
        text = re.sub(pattern, python, text)
    text = text.translate(SUBSCRIPTS)
    known = {name.translate(SUBSCRIPTS): number for name, number in known.items()}
    return eval(text, {"sqrt": math.sqrt, "log": math.log, "exp": math.exp, **known})


@st.composite
def repetitive(draw):
    """A graph of two leaves whose operations mostly have one value for several operands."""
    nodes = [Value(draw(st.sampled_from([0.5, 1.5, 2.0, 3.0])), name) for name in "cd"]
    kinds = (ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.maximum, ops.hypot)
    for label in "hijk"[: draw(st.integers(1, 4))]:
        op = draw(st.sampled_from([*kinds, ops.sum, ops.dot, ops.max, ops.logsumexp]))
        count = op.arity or draw(st.integers(2, 5))
        args = draw(st.lists(st.sampled_from(nodes[-3:]), min_size=count, max_size=count))
        assume(op.domain.contains(*(arg.data for arg in args)))
        assume(op is not ops.power or args[0].data > 0)
        # no differences tell how three equal operands share a gradient
        assume(count < 3 or op.kink is None or op.kink(*(arg.data for arg in args)) > 0)
        try:
            nodes.append(record(op, tuple(args)))
        except mg.NonFiniteError:
            assume(False)
        nodes[-1].label = label
        assume(1e-2 < abs(nodes[-1].data) < 1e4)
    return nodes[-1]


@given(repetitive())
def test_all_that_a_sentence_says_is_equal(root):
    root.backward()
    nodes = {node.label: node for node in order(root)}

    def derivative(of, by):
        """Of the output the gradient; else by differences."""
        node, arg = nodes[of], nodes[by]
        if node is root:
            return arg.grad
        slopes = (
            oracle.derivative(lambda *xs: node.op.value(oracle.mp, *xs), inputs(node), i)
            for i, other in enumerate(node.args)
            if other is arg
        )
        return float(sum(slopes))

    known = {name: node.data for name, node in nodes.items()} | {"D": derivative}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "LONGEST", 10**6)
        whole = Walk(root)
    for step in [*whole, *Walk(root)]:
        if step.phase != "backward":
            continue
        gradient = step.changes[0].number
        share = gradient if step.edge is None else step.upstream * step.local
        size = abs(step.node.grad) + abs(gradient) + abs(share) + abs(gradient - share)
        equations = [text.split(" = ") for text in re.split(r", (?![^()]*\))", step.text)]
        named = {left: parts[0] for left, *parts in equations if parts and left[0] in "pqrstu"}
        known |= {name: read(meaning, known) for name, meaning in named.items()}
        for left, *parts in equations:
            right = known.get(left)
            if "so far" in left:
                right = gradient
            elif "through" in left or "operand)" in left:
                right = share
            elif left[0] == "∂":
                right = read(left, known)
                assert right == step.node.grad == pytest.approx(gradient, rel=1e-12, abs=1e-9)
            for part in parts:
                found = read(part, known)
                assert found == pytest.approx(right, abs=5e-3 * size + 1e-9), (step.text, part)


@pytest.mark.parametrize(
    ("compute", "rule"),
    [
        (lambda x: mg.sigmoid(x), "σ(x) · (1 − σ(x)) = 0.105"),
        (lambda x: mg.tanh(x), "1 − tanh(x)² = 0.07065"),
        (lambda x: x**3, "3 · x² = 12"),
        (lambda x: x ** Value(3, "n"), "n · x^(n − 1) = 12"),
        (lambda x: 2**x, "2^x · log(2) = 2.773"),
        (lambda x: mg.log(x), "1 / x = 0.5"),
        (lambda x: mg.sqrt(x), "1 / (2 · √x) = 0.3536"),
        (lambda x: mg.sin(x * 1).args[0], "1"),
        (lambda x: mg.relu(x), "step(x) = 1"),
        (lambda x: 1 / x, "−1 / x² = −0.25"),
        (lambda x: 6 / x, "−6 / x² = −1.5"),
    ],
)
def test_the_rule_is_printed_beside_its_number(compute, rule):
    assert texts(compute(Value(2, "x")))[-1] == f"∂f/∂x = {rule}"


@given(graphs())
def test_the_walk_ends_with_the_engines_numbers_and_changes_nothing(graph):
    root, _ = graph
    nodes = order(root)
    before = [(node.data, node.grad, node.label) for node in nodes]
    shown = Walk(root)[-1].visible
    assert [(node.data, node.grad, node.label) for node in nodes] == before
    root.zero_grad()
    root.backward()
    assert [(node.data, node.grad) for node in nodes] == [
        (shown[node].data, pytest.approx(shown[node].grad, rel=1e-12)) for node in nodes
    ]


def test_the_walk_starts_from_the_leaves_as_they_are_now():
    x, y = values(x=1, y=2)
    f = x * y
    x.data = 5.0
    assert texts(f)[1] == "f = x · y = 5 · 2 = 10"
    assert f.data == 2


def test_names():
    x, v1 = values(x=1, v_1=2)
    inner = x * v1
    assert list(names(order(inner + x)).values()) == ["x", "v_1", "v_2", "f"]
    f = Value(1, "f")
    assert list(names(order(f + x)).values()) == ["f", "x", "v_1"]
    assert texts(Value(3)) == ["f = 3", "∂f/∂f = 1"]
    twins = Value(1, "x") * Value(2, "x") * Value(3, "x")
    assert list(names(order(twins)).values()) == ["x", "x′", "v_1", "x′′", "f"]
    many = mg.sum([Value(1, "x") for _ in range(6)])
    assert list(names(order(many)).values()) == ["x", "x′", "x′′", "x′′′", "x′4", "x′5", "f"]


def logits():
    return list(values(z_1=1, z_2=2, z_3=-1))


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (
            lambda z: mg.nn.softmax_cross_entropy(z, 1),
            [
                "∂f/∂z₃ = ∂f/∂v₁ · ∂v₁/∂z₃ = p₃ = 1 · 0.03512 = 0.03512, p₃ = exp(z₃ − v₁)",
                (
                    "∂f/∂z₂ through v₁ = p₂ = 1 · 0.7054 = 0.7054, "
                    "∂f/∂z₂ = p₂ − 1 = 0.7054 − 1 = −0.2946, p₂ = exp(z₂ − v₁)"
                ),
                "∂f/∂z₁ = ∂f/∂v₁ · ∂v₁/∂z₁ = p₁ = 1 · 0.2595 = 0.2595, p₁ = exp(z₁ − v₁)",
            ],
        ),
        (
            lambda z: -mg.log_softmax(z)[1],
            [
                (
                    "∂f/∂z₂ = ∂f/∂v₁ · ∂v₁/∂z₂ = p₂ − 1 = −1 · 0.2946 = −0.2946, "
                    "p₂ = exp(z₂) / (exp(z₁) + exp(z₂) + exp(z₃))"
                ),
                (
                    "∂f/∂z₁ = ∂f/∂v₁ · ∂v₁/∂z₁ = p₁ = −1 · (−0.2595) = 0.2595, "
                    "p₁ = exp(z₁) / (exp(z₁) + exp(z₂) + exp(z₃))"
                ),
            ],
        ),
        (
            lambda z: mg.softmax(z)[1],
            [
                "∂f/∂z₂ = f · (1 − f) = 0.2078",
                "∂f/∂z₁ = −f · p₁ = −0.183, p₁ = exp(z₁) / (exp(z₁) + exp(z₂) + exp(z₃))",
            ],
        ),
        (lambda z: mg.logsumexp(z), ["∂f/∂z₁ = p₁ = 0.2595, p₁ = exp(z₁ − f)"]),
        (
            lambda z: mg.nn.binary_cross_entropy_with_logits(z[0], 0.3),
            ["∂f/∂z₁ = σ(z₁) − 0.3 = 0.7311 − 0.3 = 0.4311"],
        ),
        (
            lambda z: mg.maximum(z[0], z[1]) * 2,
            [
                "∂f/∂z₂ = ∂f/∂v₁ · ∂v₁/∂z₂ = 2 · 1 = 2, the larger one gets the gradient",
                "∂f/∂z₁ = ∂f/∂v₁ · ∂v₁/∂z₁ = 2 · 0 = 0, only the larger one gets the gradient",
            ],
        ),
        (lambda z: mg.max([*z, 2.0]), ["∂f/∂z₂ = 0.5, equal ones share the gradient"]),
        (lambda z: mg.min(z), ["∂f/∂z₃ = 1, the smallest one gets the gradient"]),
    ],
)
def test_softmax_and_choices_in_words(compute, expected):
    told = texts(compute(logits()))
    for sentence in expected:
        assert any(text.endswith(sentence) for text in told), told


def test_each_softmax_has_its_own_letters():
    z = logits()
    both = texts(mg.logsumexp(z) + mg.logsumexp(z))
    assert both[-1].endswith("∂f/∂z₁ = p₁ + q₁ = 0.2595 + 0.2595 = 0.519, q₁ = exp(z₁ − v₁)")
    p = Value(1, "p_3")
    assert any(text.endswith(", q₂ = exp(z₂ − v₁)") for text in texts(mg.logsumexp(z) * p))


def test_no_noise_is_told_where_a_gradient_cancels():
    z = logits()
    largest = mg.detach(mg.max(z))
    weights = [mg.exp(x - largest) for x in z]
    told = texts(weights[1] / mg.sum(weights) + largest * 0)  # as softmax, but not it alone
    assert any(text.endswith("∂f/∂v₂ = 0.2078 + (−0.2078) = 0") for text in told)
    assert not any("10⁻¹" in text for text in told)


def length(text):
    """Of a sentence, in which a number counts as six characters at most.

    As a page computes other numbers, which parts a sentence has doesn't depend on them.
    """
    number = r"\(?−?\d[\d.]*(?:·10[⁻⁰¹²³⁴-⁹]+)?\)?"
    return len(re.sub(number, lambda found: found[0][:6], text))


@given(graphs(), st.sampled_from([None, 0, 1]))
def test_no_sentence_is_long(graph, many):
    root, leaves = graph
    outputs = [root, *leaves, *[leaf * 1.23456789 for leaf in leaves * 3]]
    if many is not None:
        root = mg.nn.softmax_cross_entropy(outputs, many) + mg.dot(outputs, outputs[::-1])
    for step in Walk(root):
        assert length(step.text) <= 120, step.text
        assert step.latex.count("=") <= step.text.count("=") + 1


def test_a_long_sum_is_told_in_short():
    xs = [Value(1 + i / 70, f"x_{i}") for i in range(50)]
    walk = Walk(mg.dot(xs, xs[::-1]) * mg.softmax(xs)[3])
    assert walk[0].text.endswith(", … (50 numbers)")
    assert len(walk[0].changes) == 50
    assert walk[1].text.startswith("v₁ = x₀ · x₄₉ + x₁ · x₄₈ + … + x₄₉ · x₀ = 1 · 1.7 + ")
    assert max(length(step.text) for step in walk) <= 120


@pytest.mark.parametrize("seed", range(3))
def test_sentences_of_losses_are_short(seed):
    x, layers = [0.5, -1.5], mg.nn.MLP(2, [4, 4, 3], seed=seed)
    for loss, target in ((mg.nn.softmax_cross_entropy, 1), (mg.nn.mse, [0.1, 0.2, 0.3])):
        walk = Walk(loss(layers(x), target))
        assert max(length(step.text) for step in walk) <= 120


def test_errors_name_the_place():
    x = Value(0, "x")
    with pytest.raises(mg.NonFiniteError, match=r"gradient through sqrt of x = 0\.0"):
        Walk(mg.sqrt(x) * 2)
    h = mg.log(Value(1, "x"))
    h.args[0].data = 0.0
    with pytest.raises(mg.NonFiniteError, match=r"log of x = 0\.0 \(f\)"):
        Walk(h)
    big = Value(1, "x")
    half = big * 1e308
    with pytest.raises(mg.NonFiniteError, match=r"gradient through multiply of x = 1\.0"):
        Walk((half - 1e308) + (big * 1e308 - 1e308))  # the sum of the paths is too large
    tiny = Value(1e-200, "x")
    with pytest.raises(mg.NonFiniteError, match="gradient through reciprocal"):
        Walk(1 / tiny)
