"""What learners write who come from micrograd's lectures: their own tools on these Values."""

import copy
import math
import pickle
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import Value
from tests.needs import needed

# --------------------------------------------------------- parts of a graph, by their old names


def traced(root):
    """All nodes and edges, as the lecture's function for pictures finds them."""
    nodes, edges = set(), set()

    def visit(node):
        if node not in nodes:
            nodes.add(node)
            for child in node._prev:
                edges.add((child, node))
                visit(child)

    visit(root)
    return nodes, edges


def topological(root):
    found, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for child in node._prev:
                visit(child)
            found.append(node)

    visit(root)
    return found


def neuron():
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    return (x1, x2, w1, w2, b), x1 * w1 + x2 * w2 + b


def test_the_lectures_neuron_by_hand():
    (x1, x2, w1, w2, b), n = neuron()
    o = n.tanh()
    nodes, edges = traced(o)
    assert len(nodes) == 10
    assert len(edges) == 9
    assert sorted(node._op for node in nodes) == ["", "", "", "", "", "+", "+", "tanh", "×", "×"]
    assert {node.label for node in n._prev} == {"", "b"}
    assert b._prev == set()
    o.grad = 1.0
    for node in reversed(topological(o)):
        node._backward()
    assert [round(v.grad, 6) for v in (x1, w1, x2, w2)] == [-1.5, 1.0, 0.5, 0.0]


def test_every_node_passes_on_what_backward_does():
    a, b = Value(-0.7, "a"), Value(1.3, "b")
    c = a * b + b**3 + (a + a) * 2.0
    d = mg.softplus(c) / (c - b) + mg.dot([a, c, 2.0], [b, b, a], 1.0) + mg.max([a, b, c])
    f = d + 1 / d + mg.hypot(a, 0.5)
    f.backward()
    nodes = topological(f)
    expected = [node.grad for node in nodes]
    f.zero_grad()
    f.grad = 1.0
    for node in reversed(nodes):
        node._backward()
    assert [node.grad for node in nodes] == pytest.approx(expected, rel=1e-13)


def test_the_parts_are_read_only():
    a = Value(2.0)
    with pytest.raises(AttributeError):
        a._prev = ()
    with pytest.raises(AttributeError):
        a._op = "+"
    with pytest.raises(AttributeError, match=r"made by hand .*: a leaf has none"):
        a._backward = lambda: None
    with pytest.raises(AttributeError, match=r"made by hand .*: that of multiply is in the table"):
        (a * a)._backward = lambda: None


class Neuron:
    def __init__(self, inputs):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(inputs)]
        self.b = Value(random.uniform(-1, 1))

    def __call__(self, x):
        return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b).tanh()

    def parameters(self):
        return [*self.w, self.b]


class MLP:
    def __init__(self, inputs, outputs):
        sizes = [inputs, *outputs]
        self.layers = [
            [Neuron(size) for _ in range(count)]
            for size, count in zip(sizes[:-1], outputs, strict=True)
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0] if len(x) == 1 else x

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def test_a_network_of_the_learner_s_own_learns():
    random.seed(1337)
    model = MLP(3, [4, 4, 1])
    assert len(model.parameters()) == 41
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    state = dict.fromkeys(model.parameters(), 0.0)  # an optimiser's, by parameter
    losses = []
    for _ in range(60):
        loss = sum((model(x) - y) ** 2 for x, y in zip(xs, ys, strict=True))
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            state[p] = 0.9 * state[p] + p.grad
            p.data += -0.02 * state[p]
        losses.append(loss.data)
    assert losses[-1] < 0.02 < losses[0]


def test_a_parameter_of_one_s_own_class_keeps_state():
    class Parameter(Value):
        pass

    w = Parameter(2.0, "w")
    w.velocity = 0.5
    (w * w + w).backward()
    assert (w.grad, w.velocity) == (5.0, 0.5)


# -------------------------------------------------------------- operations that are made by hand


def tanh(x):
    t = (math.exp(2 * x.data) - 1) / (math.exp(2 * x.data) + 1)
    out = Value(t, (x,), "tanh")

    def _backward():
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def times(a, b):
    out = Value(a.data * b.data, (a, b), "*")

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    return out


def weighted(*terms):
    out = Value(sum(i * t.data for i, t in enumerate(terms)), terms, "weighted")

    def _backward():
        for i, t in enumerate(terms):
            t.grad += i * out.grad

    out._backward = _backward
    return out


def test_operations_made_by_hand_are_differentiated_as_told():
    leaves, n = neuron()
    tanh(n).backward()
    assert [round(v.grad, 6) for v in leaves] == [-1.5, 0.5, 1.0, 0.0, 0.5]
    a, b = Value(3.0), Value(4.0)
    f = times(times(a, a), b) + weighted(a, b, a, tanh(b))
    a.grad = 0.25  # stays what it was while derivatives are asked for
    g = times(a, b)
    assert (a.grad, b.grad, g.grad) == (0.25, 0.0, 0.0)
    a.grad = 0.0
    f.backward()
    assert a.grad == 2 * 3 * 4 + 2
    assert b.grad == pytest.approx(9 + 1 + 3 * (1 - math.tanh(4) ** 2), rel=1e-12)
    assert f._prev == set(f.args)
    assert {node._op for node in traced(f)[0]} == {"", "+", "*", "weighted", "tanh"}


def test_they_are_drawn_walked_checked_copied_and_pickled(capsys):
    x = Value(0.5, "x")
    f = tanh(times(x, Value(2.0, "w")))
    assert "label=tanh" in mg.draw(f).source
    mg.step_through(f).print()
    text = capsys.readouterr().out
    assert "tanh(v₁)" in text
    assert "∂f/∂v₁ = 0.42" in text
    assert mg.check_gradients(lambda x: tanh(x * 2.0), 0.5, second=False).ok
    for other in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        other.backward()
        leaf = next(node for node in traced(other)[0] if node.label == "x")
        assert leaf.grad == pytest.approx(2 * (1 - math.tanh(1) ** 2))
    assert mg.jvp(tanh, (1.0,), (1.0,)) == pytest.approx((math.tanh(1), 1 - math.tanh(1) ** 2))


@pytest.mark.parametrize("name", ["<script>", "{0}", "%_\\", "**2", ""])
def test_any_symbol_is_text(name, capsys):
    f = Value(1.0, (Value(2.0, "x"),), name)
    f._backward = lambda: None
    assert mg.draw(f).pipe("svg")
    assert mg.step_through(f).latex()
    mg.step_through(f).print()
    assert f"f = {name or 'f'}(x)" in capsys.readouterr().out


POINT = "made by hand, is known at one point: .*apply\\(Op\\('tanh', value="


def test_what_is_known_at_one_point_says_so():
    x = Value(0.5)
    f = tanh(x)
    with pytest.raises(TypeError, match=POINT):
        f.backward(create_graph=True)
    with pytest.raises(TypeError, match=POINT):
        mg.hessian(tanh)(0.5)
    x.data = 1.0
    with pytest.raises(TypeError, match=POINT):
        mg.replay(f)
    with pytest.raises(TypeError, match=POINT):
        f.backward()
    assert (x.data, x.grad, f.grad, f.data) == (1.0, 0.0, 0.0, math.tanh(0.5))
    needed("numpy")
    with pytest.raises(TypeError, match="looked at while the function is compiled"):
        mg.compile(tanh, 1.0)


def test_a_derivative_that_is_not_given_is_missed():
    with pytest.raises(TypeError, match=r"\+, made by hand, has no derivative yet: assign its _b"):
        Value(3.0, (Value(1.0), Value(2.0)), "+").backward()
    out = Value(3.0, (Value(1.0),), "id")

    def failing():
        out.args[0].grad = 5.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        out._backward = failing
    assert (out.grad, out.args[0].grad) == (0.0, 0.0)


class Scaled:
    def __init__(self, weights):
        self.table = {"w": [*weights]}

    def __call__(self, x, children):
        ws = self.table["w"]
        out = Value(sum(w.data for w in ws) * x.data, children, "scaled")

        def _backward():
            x.grad += sum(w.data for w in self.table["w"]) * out.grad
            for w in self.table["w"]:
                w.grad += x.data * out.grad

        out._backward = _backward
        return out


def test_gradients_of_all_that_is_no_child_would_be_lost():
    """In micrograd they arrive, as nothing else is needed of a leaf than to be in the function."""
    a, b = Value(2.0, "a"), Value(3.0, "b")
    out = Value(6.0, (a,), "*")

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    with pytest.raises(ValueError, match=r"of \* changes .* label='b'\), which is not among"):
        out._backward = _backward
    x, weights = Value(2.0), [Value(1.0, "w"), Value(4.0, "w")]
    with pytest.raises(ValueError, match=r"of scaled changes the gradient of .*label='w'"):
        Scaled(weights)(x, (x,))
    assert [v.grad for v in (a, b, out, x, *weights)] == [0.0] * 6
    Scaled(weights)(x, (x, *weights)).backward()
    assert [v.grad for v in (x, *weights)] == [5.0, 2.0, 2.0]


def test_children_are_values():
    assert Value(2.0, (), "").op is None
    for children in (3, (3.0,), [None]):
        with pytest.raises(TypeError, match="only children may stand, a tuple of Values"):
            Value(1.0, children)


# ------------------------------------------------------------------------ what is given to it


class Tensor:
    """What a tensor of another library offers: its axes, its items, and its numbers."""

    def __init__(self, numbers):
        self.array = np.asarray(numbers, float)
        self.ndim, self.shape = self.array.ndim, self.array.shape

    def item(self):
        return self.array.item()

    def tolist(self):
        return self.array.tolist()

    def __iter__(self):
        return map(Tensor, self.array)


def jax_array(numbers):
    needed("jax")
    from jax.numpy import asarray

    return asarray(numbers)


SCALARS = {
    "an array": lambda: np.array(3.0),
    "an array of integers": lambda: np.array(3),
    "a tensor": lambda: Tensor(3.0),
    "JAX": lambda: jax_array(3.0),
    "float32": lambda: np.float32(3),
    "a fraction": lambda: Fraction(3),
    "a Boolean": lambda: np.bool_(True),
    "a Boolean of an array": lambda: np.array([5.0]) > 3.0,
}


@pytest.mark.parametrize("made", SCALARS.values(), ids=SCALARS)
def test_scalars_of_all_kinds_are_numbers(made):
    x = made()
    x = x[0] if getattr(x, "ndim", 0) else x
    number = float(x.item() if hasattr(x, "item") else x)
    v = Value(x)
    assert v.data == number
    assert type(v.data) is float
    v.data = x
    w = Value(2.0)
    found = [w + x, w * x, w - x, w / x, w**x, mg.maximum(w, x), mg.sum([w, x]), mg.dot([w], [x])]
    expected = [2 + number, 2 * number, 2 - number, 2 / number, 2**number, max(2, number)]
    assert [f.data for f in found] == [*expected, 2 + number, 2 * number]
    assert all(isinstance(f, Value) for f in found)
    assert mg.exp(x) == math.exp(number)
    assert (w < x, w > x, w == x) == (number > 2, number < 2, False)
    assert mg.grad(lambda y: y * y)(x) == 2 * number
    assert Value(number) == x
    if not isinstance(x, Tensor):  # which here knows no arithmetic
        assert [(x + w).data, (x - w).data] == [number + 2, number - 2]


@pytest.mark.parametrize("x", [np.array(3j), np.array("a"), np.array([3.0]), Decimal(3), None])
def test_what_is_no_real_number_is_refused(x):
    with pytest.raises(TypeError, match="a Value's data must be a real number, not "):
        Value(x)
    with pytest.raises(TypeError, match="maximum needs Values or real numbers, not "):
        mg.maximum(Value(1.0), x)


def test_a_value_in_an_array_without_axes_stays_itself():
    v = Value(3.0)
    array = np.array(v, object)
    for f in (v * array, array * v, mg.maximum(array, v) * v):
        v.zero_grad()
        f.backward()
        assert (f.data, v.grad) == (9, 6)


@pytest.mark.parametrize("made", [np.array, Tensor, jax_array, list, iter])
@pytest.mark.parametrize("read", [lambda x: mg.dot(x, x), lambda x: sum(a * a for a in x)])
def test_gradients_for_arrays_of_all_kinds(made, read):
    assert mg.grad(read)(made([1.0, 2.0])) == [2, 4]
    assert mg.value_and_grad(read)(made([1.0, 2.0])) == (5, [2, 4])
    assert mg.hessian(read)(made([1.0, 2.0])) == [[2, 0], [0, 2]]
    assert mg.jvp(read, (made([1.0, 2.0]),), ([1.0, 1.0],)) == (5, 6)
    value, pullback = mg.vjp(read, made([1.0, 2.0]))
    assert (value, pullback(1.0)) == (5, [2, 4])


def test_functions_of_other_libraries_are_refused_and_give_no_zero():
    needed("jax")
    from jax import numpy as jnp

    for f, words in (
        (jnp.sin, "Error interpreting argument"),
        (lambda x: jnp.sum(jnp.asarray([x, x])), "not a valid JAX array type"),
    ):
        with pytest.raises(TypeError, match=words):
            mg.grad(f)(1.0)
    with pytest.raises(TypeError, match="has to return one Value, not Array"):
        mg.grad(lambda x: jnp.asarray(1.0))(1.0)


FUNCTIONS = ["sum", "mean", "max", "min", "logsumexp", "maxout", "softmax", "log_softmax"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_iterators_are_sequences_for_functions(name):
    f, numbers = getattr(mg, name), [1.0, 2.0, -1.0]
    assert f(Value(x) for x in numbers) == f(map(Value, numbers)) == f([*map(Value, numbers)])


@pytest.mark.parametrize(
    "layer",
    [
        mg.nn.MLP(2, [3, 2], seed=1),
        mg.nn.Layer(2, 3, seed=1),
        mg.nn.Neuron(2, seed=1),
        mg.nn.Maxout(2, 2, seed=1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_iterators_are_sequences_for_layers(layer):
    assert layer(map(Value, [1.0, 2.0])) == layer(x for x in [1.0, 2.0]) == layer([1.0, 2.0])


def test_iterators_are_sequences_elsewhere():
    assert mg.dot(map(Value, [1, 2]), (x for x in (3, 4))).data == 11
    w, x = iter([1.0, 2.0]), (float(n) for n in (3, 4))
    assert mg.grad(mg.dot)(w, x) == ([3, 4], [1, 2])


METHODS = ["abs", "exp", "tanh", "sigmoid", "relu", "softplus", "log_sigmoid", "selu", "gelu"]
METHODS += ["asin", "acos", "atan", "asinh", "atanh", "erf", "erfc", "leaky_relu", "elu", "silu"]


@pytest.mark.parametrize("name", METHODS)
def test_functions_are_methods_too(name):
    for number in (-0.4, 0.4):
        x, y = Value(number), Value(number)
        f, g = getattr(x, name)(), getattr(mg, name)(y)
        f.backward()
        g.backward()
        assert (f.data, x.grad) == (g.data, y.grad)
    assert Value(-2.0).leaky_relu(0.5).data == -1
    assert Value(-1.0).elu(alpha=2.0).data == 2 * math.expm1(-1)
    assert Value(2.0).acosh().data == math.acosh(2)
