"""An error message fits on a screen, whatever it is about."""

import ast
from pathlib import Path

import pytest

import micrograd_plus as mg
from micrograd_plus import Value, datasets, nn, optim, parsing
from micrograd_plus.check.gradients import check_graph

SCREEN = 1500  # characters: 18 of the 24 lines of a terminal

LONG = "x" * 10_000
MANY = [Value(1.0, f"weight_{i}") for i in range(1000)]
HUGE = {
    "a long string": LONG,
    "many numbers": [1.0] * 10_000,
    "many Values": MANY,
    "a long label": Value(-1e308, LONG),
    "many keys": dict.fromkeys(map(str, range(1000)), 1.0),
    "a long key": {LONG: 1.0},
    "lists in lists": [[MANY, [MANY] * 5]] * 5,
    "many bytes": b"x" * 10_000,
    "long names in a list": [Value(-1e308, LONG)] * 50,
    "a large model": nn.MLP(20, [30, 30]),
}
MODEL = nn.MLP(2, [1], seed=1)
XOR = datasets.xor()

CALLS = {
    "Value": Value,
    "a label": lambda x: Value(1.0, x, label=x),
    "label": lambda x: Value(1.0, label=x),
    "data": lambda x: setattr(Value(1.0, LONG), "data", x),
    "overflow": lambda x: Value(1e308, LONG) * x,
    "log": mg.log,
    "log of a sum": lambda x: mg.log(-mg.sum(x)),
    "mean": lambda x: mg.mean(x) * 1e308,
    "dot": lambda x: mg.dot(x, x),
    "take": lambda x: mg.take(MANY, x),
    "take from": lambda x: mg.take(x, 1e300),
    "index": lambda x: MANY[x],
    "power": lambda x: Value(-2.0, LONG) ** x,
    "replay": mg.replay,
    "draw": mg.draw,
    "style": lambda x: mg.draw(Value(1.0, LONG), x),
    "detail": lambda x: mg.draw(Value(1.0, LONG), detail=x),
    "colors": lambda x: mg.draw(Value(1.0, LONG), colors=x),
    "expand": lambda x: mg.draw(MANY[0] * MANY[1], expand=x),
    "step_through": mg.step_through,
    "hide": lambda x: mg.quiz(mg.sum(MANY[:30]), x),
    "play": mg.play,
    "a leaf to play with": lambda x: mg.play(mg.sum(MANY[:30]), **{LONG: x}),
    "explain": lambda x: mg.explain(x, of=Value(1.0, LONG) * 2),
    "grad": lambda x: mg.grad(x)(x),
    "grad of": lambda x: mg.grad(lambda *_: x)(1.0),
    "jacobian": lambda x: mg.jacobian(lambda *_: x)([1.0]),
    "derivative": lambda x: mg.derivative(mg.sin, order=x),
    "vjp": lambda x: mg.vjp(mg.sin, x),
    "upstream": lambda x: mg.vjp(lambda y: y, x)[1](1.0),
    "tangents": lambda x: mg.jvp(lambda y: 1.0, (x,), (1.0,)),
    "create_graph": lambda x: mg.hessian(mg.sin, x),
    "check_gradients": lambda x: mg.check_gradients(lambda y: y * x, x),
    "check_graph": lambda x: check_graph(lambda y: y, x),
    "compile": mg.compile,
    "example": lambda x: mg.compile(lambda y: y, x),
    "params": lambda x: mg.compile(lambda y: y * y, 1.0, params=x),
    "backend": lambda x: mg.compile(lambda y: y * y, 1.0, backend=x),
    "dtype": lambda x: mg.compile(lambda y: y * y, 1.0, dtype=x),
    "result": lambda x: mg.compile(lambda y: x, 1.0),
    "arguments": lambda x: mg.compile(lambda y: y * y, 1.0).value_and_grad(x),
    "layers": nn.MLP,
    "sizes": lambda x: nn.MLP(2, [x]),
    "activation": lambda x: nn.MLP(2, [1], activation=x),
    "init": lambda x: nn.Neuron(2, init=x),
    "inputs": MODEL,
    "state": lambda x: MODEL.load_state_dict(x),
    "outputs": lambda x: nn.mse(x, [1.0]),
    "targets": lambda x: nn.mse([1.0], x),
    "hinge": lambda x: nn.hinge(1.0, x),
    "classes": lambda x: nn.softmax_cross_entropy([1.0, 2.0], x),
    "probabilities": lambda x: nn.cross_entropy(x, 1e300),
    "logit": lambda x: nn.binary_cross_entropy(x, 0.5),
    "rate": optim.Adam,
    "decay": lambda x: optim.RMSprop(decay=x),
    "rule": lambda x: optim.Optimizer([Value(1.0, LONG)], x),
    "parameters": lambda x: optim.Optimizer(x, optim.Adam()),
    "clip": lambda x: optim.clip_by_norm(x, x),
    "model": lambda x: mg.fit(x, XOR, nn.mse),
    "examples": lambda x: mg.fit(MODEL, x, nn.mse),
    "rows": lambda x: mg.fit(MODEL, (x, x), nn.mse),
    "loss": lambda x: mg.fit(MODEL, XOR, x),
    "engine": lambda x: mg.fit(MODEL, XOR, nn.mse, engine=x),
    "epochs": lambda x: mg.fit(MODEL, XOR, nn.mse, epochs=x),
    "metrics": lambda x: mg.fit(MODEL, XOR, nn.mse, metrics=x),
    "split": lambda x: datasets.split(XOR, x),
    "points": lambda x: datasets.moons(x),
    "expression": lambda x: parsing.from_text(x, {}),
    "numbers": lambda x: parsing.from_text("y", x),
    "assignments": lambda x: parsing.read_numbers([x]),
    "unknown name": lambda x: getattr(mg, x),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_error_message_fits_on_a_screen(call):
    for what, thing in HUGE.items():
        try:
            call(thing)
        except Exception as error:
            message = str(error)
            assert len(message) <= SCREEN, f"{what}: {len(message):,} characters: {message[:300]}"


def test_errors_show_things_shortened():
    """No `raise` shows a thing by !r, of whatever length: `short` does, in one place."""
    found = []
    for path in Path(mg.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                shown = [part for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
                found += [f"{path.name}:{node.lineno}" for part in shown if part.conversion == 114]
    assert not found
