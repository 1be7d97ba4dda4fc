"""What comes from micrograd's lectures: nodes by their old names, operations made by hand."""

import copy
import math
import pickle
import random
from xml.etree import ElementTree

import pytest
from graphviz import Digraph

import micrograd_plus as mg
from micrograd_plus import Value
from micrograd_plus.drawing.dot import layout
from micrograd_plus.engine import apply
from micrograd_plus.ops import TABLE
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
    with pytest.raises(TypeError, match="read during tracing"):
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
    with pytest.raises(TypeError, match=r"a label must be a string, .* not 3"):
        Value(1.0, label=3)
    for children in (3, (3.0,), [None]):
        with pytest.raises(TypeError, match="or a tuple of Values as children, not"):
            Value(1.0, children)


def test_the_constructor_takes_micrograds_names():
    a, b = Value(2.0, label="a"), Value(data=3.0, label="b")
    for out in (
        Value(5.0, (a, b), "+", label="c"),
        Value(5.0, _children=(a, b), _op="+", label="c"),
        Value(5.0, [a, b], "+", "c"),
    ):
        assert (out.label, out._op, out._prev, out._children) == ("c", "+", {a, b}, (a, b))
    assert (a * a)._children == (a, a)
    assert a._children == (a * 3.0)._children[1:] == ()
    assert Value(1.0, "x", label="y").label == Value(1.0, label="x").label == "x"


# ---------------------------------------------------------- a helper copied out of the lecture


def draw_dot(root):
    """The lecture's picture: a record for each value, a circle for each operation."""
    dot = Digraph(format="svg", graph_attr={"rankdir": "LR"})
    nodes, edges = traced(root)
    for n in nodes:
        uid = str(id(n))
        about = "{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad)  # noqa: UP031
        dot.node(name=uid, label=about, shape="record")
        if n._op:
            dot.node(name=uid + n._op, label=n._op)
            dot.edge(uid + n._op, uid)
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def test_the_lectures_drawing_helper_draws_every_operation():
    """Each value has a record with its numbers, and each operation an oval of its own."""
    outs = []
    for op in TABLE.values():
        args = [Value(x, f"x{i}") for i, x in enumerate(op.example[0])]
        outs.append(apply(op, *args))
    f = mg.sum(outs)
    f.label = "f"
    nodes, edges = traced(f)
    svg = ElementTree.fromstring(layout.render(draw_dot(f).source, "svg"))
    shapes = {
        "records": ".//{*}polygon",
        "ovals": ".//{*}ellipse",
        "edges": ".//{*}g[@class='edge']",
    }
    found = {name: len(svg.findall(path)) for name, path in shapes.items()}
    made = sum(node.op is not None for node in nodes)
    assert found["ovals"] == made
    assert found["edges"] == made + len(edges)
    texts = [text.text for text in svg.iterfind(".//{*}text")]
    assert f"data {f.data:.4f}" in texts
    assert {"tanh", "×", "f"} <= {text.strip() for text in texts}


# ------------------------------------------------------------------------------- micrograd's demo


def micrograd_neuron(w, x, b):
    return sum((wi * xi for wi, xi in zip(w, x, strict=True)), b).relu()


def test_code_written_for_micrograd_runs():
    from micrograd_plus.engine import Value

    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert [round(x, 4) for x in (g.data, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]

    w, x = [Value(0.5), Value(-0.2)], [1.0, 2.0]
    bias = Value(0.3)
    out = micrograd_neuron(w, x, bias)
    for p in [*w, bias]:
        p.grad = 0
    out.backward()
    for p in [*w, bias]:
        p.data -= 0.1 * p.grad
    assert [p.data for p in [*w, bias]] == pytest.approx([0.4, -0.4, 0.2])
