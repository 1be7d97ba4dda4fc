"""A program that uses every public name, as `mypy --strict` and Python have to accept it.

Where a type is known, `assert_type` says so.
"""

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

import hypothesis

import micrograd_plus as mg
from micrograd_plus import compiler, core, datasets, engine, nn, optim, plots, testing, training
from micrograd_plus import parsing as expression
from micrograd_plus._tools import errors
from micrograd_plus.check import debugging, differences
from micrograd_plus.check import gradients as checks
from micrograd_plus.drawing import picture, play, quiz, walkthrough
from micrograd_plus.graph import hooks
from micrograd_plus.ops import operation
from micrograd_plus.walk import naming, questions, steps
from micrograd_plus.walk import paths as explanation


def graphs(folder: Path) -> None:
    x, y = mg.Value(2.0, "x"), mg.Value(3, label="y")
    assert_type(x.data, float)
    assert_type(x.label, str)
    assert_type(x + y, mg.Value)
    assert_type(2 * x - 1, mg.Value)
    assert_type(1 / x, mg.Value)
    assert_type(x / y**2, mg.Value)
    assert_type(2**x, mg.Value)
    assert_type(-x, mg.Value)
    assert_type(abs(x), mg.Value)
    assert_type(x.tanh(), mg.Value)
    assert_type(x.sigmoid().relu().log1p(), mg.Value)
    assert_type(x > y, bool)
    assert_type(float(x), float)
    a, b = mg.values(a=1, b=2.5)
    assert_type(a, mg.Value)
    f = x * y + a - b
    assert_type(f.backward(), None)
    f.zero_grad()
    assert_type(mg.replay(f), None)
    try:
        mg.log(x - 2)
    except mg.NonFiniteError as error:
        assert_type(error, errors.NonFiniteError)
        assert_type(error.op, operation.Op | None)
    assert_type(errors.did_you_mean("exq", ["exp"]), str)
    assert_type(errors.choose("there is no format", "sgv", ["svg"]), str)
    assert_type(mg.build_info(), core.BuildInfo)
    assert_type(core.build_info().core, bool)
    assert_type(mg.LostGradientWarning("lost"), mg.LostGradientWarning)
    assert_type(debugging.EqualNumbersWarning("equal"), debugging.EqualNumbersWarning)

    drawn = mg.draw(f, style="box", limit=100, background="transparent", colors="lecture")
    assert_type(drawn, picture.Picture)
    assert_type(picture.draw(f).source, str)
    assert_type(drawn.pipe("svg"), bytes)
    assert_type(drawn.render(folder / "f.svg"), Path)
    with contextlib.suppress(picture.GraphTooLargeError, picture.LayoutError):
        mg.draw(f, limit=1)

    walk = mg.step_through(f)
    assert_type(walk, walkthrough.Walkthrough)
    assert_type(walkthrough.step_through(f, limit=10)[0], steps.Step)
    assert_type(walk.to_html(folder / "f.html"), Path)
    assert_type(walk.frames(folder / "frames", sentences=True), list[Path])
    assert_type(walk.slides(folder / "talk.pdf", size=(1024, 768), digits=3), Path)
    assert_type(walk.latex(), str)
    assert_type(walkthrough.write_page(folder / "two.html", "Two", [("f", walk)]), Path)
    plain = steps.Walk(f)
    assert_type(plain.latex(), str)
    assert_type(naming.names([x, f]), dict[mg.Value, str])
    assert_type(plain[0].changes, tuple[steps.Change, ...])
    assert_type(plain[0].visible[x], steps.Shown)

    asking = mg.quiz(f, hide=[x, "y"])
    assert_type(asking, quiz.Quiz)
    assert_type(quiz.quiz(f, "all").exercise(folder / "exercise.svg"), Path)
    assert_type(asking.run(lambda prompt: "?"), questions.Score)
    question = questions.questions(plain, hide="gradients")[0]
    assert_type(question, questions.Question)
    assert_type(question.judge("1"), questions.Verdict)
    assert_type(question.mistakes, tuple[questions.Mistake, ...])
    assert_type(questions.posed(plain, {(x, "grad")}), list[questions.Posed])
    assert_type(questions.read("1/3"), questions.Answer)
    assert_type(questions.target(0.5), questions.Target)

    played = mg.play(lambda x, y: x * y, x=1.0, y=(0, 2))
    assert_type(played, play.Play)
    assert_type(play.play("x * y", x=1, y=2).numbers, dict[str, float])
    assert_type(expression.from_text("x * y", {"x": 1, "y": y}), mg.Value)
    assert_type(expression.with_lines("x * y", {"x": 1, "y": y})[1], dict[mg.Value, str])
    assert_type(expression.read_numbers(["x=1"]), dict[str, float])
    with contextlib.suppress(expression.ExpressionError):
        expression.from_text("x *", {})
    with contextlib.suppress(expression.NonFiniteExpressionError):
        expression.from_text("log(x)", {"x": 0})


def functions() -> None:
    x = mg.Value(0.5)
    unary = (
        *(mg.abs, mg.acos, mg.asin, mg.asinh, mg.atan, mg.atanh, mg.cbrt, mg.ceil, mg.cos),
        *(mg.cosh, mg.erf, mg.erfc, mg.exp, mg.expm1, mg.floor, mg.gelu, mg.is_zero, mg.log),
        *(mg.log10, mg.log1p, mg.log2, mg.log_sigmoid, mg.reciprocal, mg.relu, mg.round, mg.sech),
        *(mg.selu, mg.sigmoid, mg.sign, mg.silu, mg.sin, mg.sinh, mg.softplus, mg.sqrt, mg.step),
        *(mg.tan, mg.tanh, mg.trunc),
    )
    for function in unary:
        assert_type(function(x), mg.Value)
        assert_type(function(0.5), float)
    assert_type(mg.acosh(x + 1), mg.Value)
    for binary in (
        *(mg.atan2, mg.floor_divide, mg.greater, mg.hypot, mg.maximum, mg.minimum, mg.mod),
        *(mg.pow, mg.xlogy),
    ):
        assert_type(binary(x, 2), mg.Value)
        assert_type(binary(2, x), mg.Value)
        assert_type(binary(1, 2), float)
    assert_type(mg.leaky_relu(x, slope=0.2), mg.Value)
    assert_type(mg.leaky_relu(-1.0), float)
    assert_type(mg.elu(x, alpha=x), mg.Value)
    assert_type(mg.elu(-1.0, 2.0), float)
    assert_type(mg.prelu(-1.0, x), mg.Value)
    assert_type(mg.hard_tanh(x), mg.Value)
    assert_type(mg.clip(x, 0, 1), mg.Value)
    assert_type(mg.clip(2.0, 0, 1), float)
    assert_type(mg.where(x > 0, x, 0.0), mg.Value)
    assert_type(mg.take([[x], [x]], 1), list[mg.Value])
    assert_type(mg.take([0.5, 1.5], mg.Value(1.0)), float)
    assert_type(mg.detach(x), mg.Value)
    assert_type(mg.detach(2.0), float)
    assert_type(mg.sum([x, x]), mg.Value)
    assert_type(mg.sum([1.0, 2.0]), float)
    for reduction in (mg.logsumexp, mg.max, mg.maxout, mg.mean, mg.min):
        assert_type(reduction([x, x]), mg.Value)
        assert_type(reduction([1.0, 2.0]), float)
        assert_type(reduction([x, 1.0]), Any)
    assert_type(mg.dot([x, x], [1.0, 2.0], 1.0), mg.Value)
    assert_type(mg.dot([1.0], [2.0]), float)
    assert_type(mg.softmax([x, x]), list[mg.Value])
    assert_type(mg.log_softmax([1.0, 2.0]), list[float])


def derivatives() -> None:
    def f(x: Any) -> Any:
        return x[0] * x[1]

    for transform in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian):
        assert_type(transform(f), Callable[..., Any])
        transform(f, create_graph=True)([1.0, 2.0])
    assert_type(mg.derivative(mg.sin, order=2)(1.0), Any)
    _, slope = mg.jvp(f, ([1.0, 2.0],), ([1.0, 0.0],))
    _, pullback = mg.vjp(f, [1.0, 2.0])
    pullback(slope)
    mg.hvp(f, ([1.0, 2.0],), ([1.0, 0.0],))
    mg.grad(lambda x, y: x * y)(x=1.0, y=2.0)
    mg.check_gradients(lambda x: x[0], [1.0])
    report = mg.check_gradients(lambda x, y: x * y, 1.0, 2.0, second=False)
    assert_type(report, checks.Report)
    assert_type(report.rows[0], checks.Row)
    assert_type(checks.check_graph(mg.sin, {"x": 1.0}).ok, bool)
    assert_type(differences.differences(lambda t: t * t, 1.0), tuple[float, float])
    assert_type(checks.check_gradients(mg.exp, 1.0), checks.Report)
    try:
        mg.check_gradients(lambda x: x * x.data, 3.0)
    except checks.GradientError as error:
        assert_type(error.report, checks.Report)

    x = mg.Value(2.0)
    told = mg.explain(x, of=x * x)
    assert_type(told, explanation.Explanation)
    assert_type(explanation.explain(x, x * 2, most=1).paths, list[explanation.Path])
    assert_type(explanation.counted(2**100), str)
    best, _ = explanation.largest([(x * 2, x, 2.0, "edge")], x, 1)
    assert_type(explanation.along(best[x][0][1]), list[Any])
    assert_type(mg.summary(x * x), explanation.Summary)
    assert_type(explanation.summary(x * x).depth, int)
    with mg.debug(), warnings.catch_warnings():
        warnings.simplefilter("ignore", debugging.ForgottenCallWarning)
        (x * x).backward()
    try:
        with debugging.debug():
            y = x * x
            x.data = 3.0
            y.backward()
    except debugging.StaleGraphError:
        pass


def operations() -> None:
    reals = operation.Domain("all real numbers", lambda x: True)
    square = operation.Op(
        "square",
        value=lambda m, x: x * x,
        partials=(lambda m, out, x: 2 * x,),
        about="the square",
        example=((3.0,), 9.0),
        domain=reals,
    )
    x = engine.Value(2.0)
    assert_type(engine.record(square, (x,)), mg.Value)
    engine.apply(square, 2.0)
    engine.operand(2)
    assert_type(operation.Symbol() is None, bool)
    (y,) = engine.values(y=1)
    assert_type(y, mg.Value)

    class Counter(hooks.Observer):
        count = 0

        def recorded(self, node: mg.Value) -> None:
            self.count += 1

    observer: hooks.Observer = Counter()
    observer.recorded(x)
    assert_type(hooks.observers, list[hooks.Observer])
    assert_type(hooks.recorded_lines([x]), dict[mg.Value, str])

    assert_type(testing.is_smooth_at(square, [1.0]), bool)
    point = hypothesis.find(testing.points(square), lambda point: True)
    assert_type(point, list[float])
    assert_type(hypothesis.find(testing.numbers(), lambda x: True), float)
    assert_type(hypothesis.find(testing.operations(), lambda op: True), operation.Op)
    root, _ = hypothesis.find(testing.graphs(max_size=2), lambda graph: True)
    assert_type(root, mg.Value)
    _, parameters = hypothesis.find(testing.networks(), lambda network: True)
    assert_type(parameters, list[mg.Value])
    text, _ = hypothesis.find(testing.expressions(), lambda expression: True)
    assert_type(text, str)


class Line(nn.Module):
    def __init__(self) -> None:
        self.slope, self.offset = mg.values(slope=1, offset=0)

    def __call__(self, x: Any) -> Any:
        return self.slope * x[0] + self.offset


def networks(folder: Path) -> None:
    line = Line()
    assert_type(line.parameters(), list[mg.Value])
    assert_type(line.state_dict(), dict[str, float])
    model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
    model([1.0, 2.0])
    assert model.predict([[1.0, 2.0]]).shape == (1,)
    assert model.predict([[1.0, 2.0]], nn.hinge).shape == (1,)
    model.save(folder / "model.json")
    model.load(folder / "model.json")
    assert_type(nn.Neuron(2, seed=1).linear([1.0, 2.0]), mg.Value)
    assert_type(nn.Layer(2, 3, seed=1).outputs([1.0, 2.0]), list[mg.Value])
    assert_type(nn.Maxout(2, 3, pieces=2, seed=1).outputs([1.0, 2.0]), list[mg.Value])
    assert "relu" in nn.ACTIVATIONS
    assert "zeros" in nn.INITIAL
    y = mg.Value(0.5)
    losses = [
        *(nn.mse(y, 1.0), nn.squared_error(y, 1.0), nn.l1(y, 1.0), nn.hinge(y, 1)),
        *(nn.binary_cross_entropy(y, 1), nn.binary_cross_entropy_with_logits(y, 1)),
        *(nn.cross_entropy([y, 1 - y], 0), nn.softmax_cross_entropy([y, y], 0)),
        *(nn.l1_penalty([y], 0.1), nn.l2_penalty([y], 0.1)),
    ]
    assert len(losses) == 10

    rules: list[optim.Rule] = [
        *(optim.GradientDescent(0.1), optim.Momentum(momentum=0.8), optim.Nesterov(), optim.Adam()),
        *(optim.AdaGrad(), optim.RMSprop(decay=0.8), optim.AdamW(weight_decay=0.1)),
    ]
    rates: list[Callable[[float], float]] = [
        *(optim.Constant(0.1), optim.Cosine(0.1, 10), optim.Exponential(0.1), optim.Steps(0.1)),
        *(optim.InverseTime(0.1), optim.WarmUp(optim.Constant(0.1), 2)),
    ]
    assert_type(rates[0](1.0), float)
    optimizer = optim.Optimizer(model.parameters(), rules[0])
    assert_type(optimizer.step(), None)
    assert_type(optim.clip_by_norm(model.parameters(), 1.0), float)
    assert_type(optim.clip_by_value(model.parameters(), 1.0), None)
    optim.newton(lambda x: x[0] ** 2, [1.0])
    optim.newton_step(lambda x: x[0] ** 2, [1.0])

    data = datasets.moons(20)
    datasets.rows(data[0], "the inputs")
    sets = [datasets.circles(4), datasets.spirals(4), datasets.blobs(4), datasets.xor()]
    sets += [datasets.parabolas(4), datasets.digits(), *datasets.split(data, 0.25)]
    loss = nn.binary_cross_entropy_with_logits
    history = mg.fit(model, data, loss, rules[3], epochs=2, progress=False, gradient_flow=True)
    assert_type(history, mg.History)
    assert_type(history, training.History)
    assert_type(history.last, dict[str, float])
    assert_type(history["loss"], list[float])
    assert_type(history.to_csv(folder / "history.csv"), Path)
    training.evaluate(model, data, loss)
    assert_type(mg.Cluster(timeout=30).processes, int)
    assert_type(training.Cluster.detect(), mg.Cluster)
    errors = training.CheckpointError, training.ClusterError, training.TrainingError
    with contextlib.suppress(*errors):
        training.fit(model, data, loss, epochs=1, resume=folder / "history.csv", progress=False)

    plots.activation("relu")
    plots.decision_boundary(model, data, steps=3)
    plots.fitted(Line(), ([[1.0]], [2.0]))
    plots.gradient_flow(history)
    plots.training_curves(history)
    along = plots.loss_along(Line(), ([[1.0]], [2.0]), nn.mse, line.parameters())
    plots.loss_surface(lambda x: x[0] ** 2 + x[1] ** 2, steps=4)
    assert_type(plots.smoothed([1.0, 2.0]), list[float])
    assert_type(plots.style(1), dict[str, Any])
    assert_type(along([1.0, 0.0]), float)
    assert_type((plots.GREY, plots.PALE, plots.MARKERS), tuple[str, str, str])
    assert plots.COLOURS
    assert plots.DASHES


def programs() -> None:
    w = mg.Value(2.0)
    mg.compile(lambda x: w * x, x=0.0, params=[w])(x=[1.0])
    program = mg.compile(lambda x: w * x, 0.0, params=[w])
    assert_type(program, mg.Program)
    assert_type(program.source(weights=True), str)
    assert_type(program, compiler.Program)
    kept = mg.compile(lambda x: w * x, params=[w])
    assert_type(kept, mg.Program | mg.Programs)
    assert_type(kept.value_and_grad([1.0]), tuple[Any, ...])
    assert isinstance(kept, compiler.Programs)
    assert_type(kept.program_for([1.0]), mg.Program)
    array, _ = mg.pad([[1, 2], [3]], value=0, length=4)
    assert_type(array, Any)
    native = compiler.compile(lambda x: x * x, 0.0, backend="native", batched=False)
    assert_type(native, compiler.PointProgram)
    assert_type(native.value_and_grad(2.0), tuple[float, Any])
    with contextlib.suppress(compiler.TraceError):
        mg.compile(lambda x: x if x > 0 else w, 0.0)


def main(folder: Path) -> None:
    graphs(folder)
    functions()
    derivatives()
    operations()
    networks(folder)
    programs()
