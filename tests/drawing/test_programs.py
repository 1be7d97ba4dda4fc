"""The picture of a compiled program: its formulas are evaluated, and its text is only text."""

import re

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value, nn

X = np.random.default_rng(0).normal(size=(7, 4))
TARGETS = np.eye(3)[[0, 1, 2, 2, 1, 0, 1]]


def network(activation, loss, outputs=3, **options):
    model = nn.MLP(4, [5, outputs], activation=activation, seed=1, **options)
    return lambda x, t: loss(model(x), t), model


def penalised():
    fn, model = network("sigmoid", nn.mse, 1)
    return lambda x, t: fn(x, t) + nn.l2_penalty(model.parameters(), 0.01), model


def skipping():
    layer, last = nn.Layer(4, 4, activation="tanh", seed=1), nn.Layer(4, 1, seed=2)

    def fn(x, t):
        h = layer(x)
        return (last([a + b for a, b in zip(h, x, strict=True)]) - t) ** 2

    return fn, [*layer.parameters(), *last.parameters()]


def sharing():
    """Two sums of the same rows, which differ in what is added."""
    layer, a, b = nn.Layer(4, 4, activation="tanh", seed=1), Value(0.3), Value(-0.7)

    def fn(x, t):
        h = layer(x)
        return (mg.sigmoid(mg.sum(h) + a) + mg.sigmoid(mg.sum(h) + b) - t) ** 2

    return fn, [*layer.parameters(), a, b]


CASES = {
    "sharing": (*sharing(), np.arange(7.0)),
    "cross entropy": (*network(["relu", None], nn.softmax_cross_entropy), TARGETS),
    "hinge": (*network(["tanh", None], nn.hinge, 1), np.array([1.0, -1, 1, -1, 1, 1, -1])),
    "penalised": (*penalised(), np.arange(7.0)),
    "skipping": (*skipping(), np.arange(7.0)),
}


def arrays(program, x, t):
    """All arrays of the gradient program, by their names, and those of the parameters."""
    text = str(program)
    weights = re.findall(r"^    ([Wb]\d+) = (p\[.*)$", text, re.MULTILINE)
    views = "".join(f"    d{name} = d{view}\n" for name, view in weights)
    code = re.sub(r"    return value, .*", f"{views}    return locals()", program.source())
    scope = {}
    exec(code, scope)
    return scope["value_and_grad"](program.vector, x, t)


def formulas(source):
    """The formulas below the wires and in the gates."""
    return re.findall(r"(∂\w+) (\+?=) ([^<]+)<", source)


def python(formula):
    """A drawn formula as Python: ∂Z₁ Xᵀ is dz1 @ x.T."""
    formula = formula.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉∂−·", "0123456789d-*"))
    formula = re.sub(r"Σ (\w+)", r"\1.sum(axis=1, keepdims=True)", formula)
    formula = formula.replace("²", "**2")
    formula = re.sub(r"(?<!\w)1ᵀ", "oneᵀ", formula)
    large = r"(?<![a-zA-Z])(d?)([AHTXZ])(?![a-zA-Z])"
    formula = re.sub(large, lambda found: found[1] + found[2].lower(), formula)
    return re.sub(r"(?<=\w) (?=[a-z])", " @ ", formula).replace("ᵀ", ".T")


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=0)


@pytest.mark.parametrize("case", CASES)
def test_the_formulas_are_right(case):
    fn, params, t = CASES[case]
    program = mg.compile(fn, X[0], t[0], params=params, input_gradients=True)
    found = arrays(program, X, t)
    scope = {**found, "dE": 1.0, "softmax": softmax, "step": lambda z: z > 0, "N": 7}
    scope["one"] = np.ones((2, 1))
    scope["σ"] = lambda z: 1 / (1 + np.exp(-z))
    drawn = formulas(mg.draw(program).source)
    assert {"∂W₁", "∂b₁", "∂X", "∂Z₁"} < {name for name, _, _ in drawn}
    assert any(equals == "+=" for _, equals, _ in drawn) == (case == "penalised")
    for name, equals, formula in drawn:
        if name != "∂E" and equals == "=":
            expected = np.broadcast_arrays(eval(python(formula), scope), scope[python(name)])
            np.testing.assert_allclose(*expected, rtol=1e-12, atol=1e-15, err_msg=formula)


def test_the_layers_of_a_network():
    fn, model, t = CASES["cross entropy"]
    source = mg.draw(mg.compile(fn, X[0], t[0], params=model)).source
    edges = re.findall(r'"?([^"\n]+?)"?(?::e)? -> "?([^"\n]+?)"?(?::w)?\n', source)
    labels = dict(re.findall(r'\t"?([^"\n]+?)"? \[label=<<b>([^<]*)</b>', source))
    after = {}
    for tail, head in edges:
        after.setdefault(tail.strip(), head)
    chain, place = [], "x"
    while place in after:
        place = after[place]
        chain.append(labels.get(place, place))
    assert chain[:9] == ["W₁ ·", "+ b₁", "z1", "ReLU", "a1", "W₂ ·", "+ b₂", "z2", "LSE"]
    assert chain[-2:] == ["mean", "E"]


def test_programs_without_a_gradient_have_none_below():
    program = mg.compile(lambda x: [2 * x[0], mg.exp(x[1])], [1.0, 2.0])
    picture = mg.draw(program)
    assert not formulas(picture.source)
    assert b"mean" not in picture.pipe("svg")
    w = Value(1.0, "<b>\\N")
    assert "\\N" not in mg.draw(mg.compile(lambda x: w * x, 1.0, params=[w])).source
    with pytest.raises(ValueError, match="is not a colour"):
        mg.draw(program, background="url(x)")
