"""Names from other libraries: what to write for them in this package."""

from __future__ import annotations

import sys
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from opcode import opmap
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from micrograd_plus._tools.errors import did_you_mean
from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    P = ParamSpec("P")
    R = TypeVar("R")

_PACKAGE = "micrograd_plus"
_PUBLIC = ("nn", "optim", "datasets", "plots")

# each line runs where x and f are Values, `fn` a function, `data` inputs and targets, and so on
_LINES = {
    # Values and derivatives
    "mg.Value(2.0)": "Tensor tensor Variable Parameter Scalar scalar",
    "mg.detach(x)": "no_grad stop_gradient inference_mode",
    "mg.replay(f)": "forward",
    "f.backward()": "backward",
    "mg.value_and_grad(fn)(2.0)": "value_and_gradient withgradient",
    "mg.jacobian(lambda xs: [xs[0] * xs[1]])([1.0, 2.0])": "jacrev jacfwd",
    "mg.compile(fn, 1.0)": "jit vmap pmap script torch_compile",
    "mg.check_gradients(fn, 2.0)": "gradcheck check_grads grad_check",
    # functions
    "x ** 2": "square sqr",
    "x * y": "mul multiply prod product",
    "x - y": "sub subtract",
    "x / y": "div divide true_divide",
    "-x": "neg negative",
    "mg.pow(x, y)": "power float_power",
    "mg.log(x)": "ln",
    "mg.log(x / (1 - x))": "logit",
    "2 ** x": "exp2",
    "math.pi": "pi",
    "math.e": "e",
    "1 / mg.sqrt(x)": "rsqrt",
    "mg.sign(x)": "sgn signum",
    "mg.maximum(x, y)": "fmax",
    "mg.minimum(x, y)": "fmin",
    "mg.abs(x)": "fabs absolute",
    "mg.sigmoid(x)": "logistic expit",
    "mg.silu(x)": "swish",
    "mg.step(x)": "heaviside",
    "mg.round(x)": "rint",
    "mg.log_softmax([x, y])": "logsoftmax",
    "mg.max([x, y])": "amax",
    "mg.min([x, y])": "amin",
    "[mg.dot(row, [x, y]) for row in rows]": "matmul mm mv",
    "mg.take(rows, 1)": "Embedding embedding gather",
    # pictures
    "mg.draw(f)": "draw_dot make_dot draw_graph plot_graph show visualize trace viz_graph",
    # networks
    'nn.Layer(2, 3, activation="linear")': "Linear Dense dense linear",
    'nn.MLP(2, [8, 1], activation=["relu", "linear"])': "Sequential FeedForward MLPClassifier "
    "MLPRegressor",
    "nn.MLP(2, [8, 1], seed=1)": "seed manual_seed random_seed",
    "nn.mse(outputs, targets)": "MSELoss mse_loss MeanSquaredError mean_squared_error",
    "nn.l1(outputs, targets)": "L1Loss l1_loss mae MeanAbsoluteError mean_absolute_error",
    "nn.softmax_cross_entropy(outputs, 1)": "CrossEntropyLoss CategoricalCrossentropy "
    "SparseCategoricalCrossentropy softmax_cross_entropy_with_integer_labels",
    "nn.cross_entropy(mg.softmax(outputs), 1)": "NLLLoss nll_loss log_loss",
    "nn.binary_cross_entropy(mg.sigmoid(x), 1)": "BCELoss BinaryCrossentropy binary_crossentropy",
    "nn.binary_cross_entropy_with_logits(x, 1)": "BCEWithLogitsLoss sigmoid_binary_cross_entropy",
    "nn.hinge(x, 1)": "HingeLoss hinge_loss HingeEmbeddingLoss MarginRankingLoss",
    "nn.mse(mg.sigmoid(x), 1)": "functional",
    'model.save("model.json")': "save dump savez",
    'model.load("model.json")': "load",
    "model.predict([[0.5, 2.0]])": "predict predict_proba",
    # training
    "optim.GradientDescent(0.01)": "SGD sgd",
    "optim.Adam(0.01)": "lr learning_rate step_size",
    "optim.Adam(beta1=0.9, beta2=0.999)": "betas",
    "optim.AdamW(weight_decay=0.01)": "weight_decay",
    "optim.Momentum(0.01, momentum=0.9)": "SGDMomentum",
    "optim.Adam(optim.Steps(0.01, 10))": "lr_scheduler StepLR MultiStepLR LRScheduler",
    "optim.Adam(optim.Cosine(0.01, 10))": "CosineAnnealingLR CosineDecay",
    "optim.Adam(optim.Exponential(0.01, 0.9))": "ExponentialLR ExponentialDecay",
    "optim.newton(lambda xs: xs[0] ** 2, [1.0])": "LBFGS lbfgs",
    "optim.clip_by_norm(model.parameters(), 1.0)": "clip_grad_norm_ clip_grad_norm "
    "clip_by_global_norm",
    "optim.clip_by_value(model.parameters(), 1.0)": "clip_grad_value_ clip_grad_value",
    "mg.fit(model, data, nn.mse, optim.Adam(0.01), epochs=1)": "train Trainer minimize",
    "mg.fit(model, data, nn.mse, epochs=1, batch_size=16)": "DataLoader TensorDataset",
    "datasets.split(data, 0.2)": "train_test_split random_split",
    "datasets.moons()": "make_moons",
    "datasets.circles()": "make_circles",
    "datasets.blobs()": "make_blobs",
    "datasets.digits()": "load_digits mnist MNIST",
}
_OF_VALUES = {
    "x.data": "item value numpy tolist",
    "x.grad": "gradient derivative",
    "x.label": "name",
    "mg.detach(x)": "detach",
    "mg.draw(x)": "show plot visualize",
}
_OF_MODULES = {
    "model([0.5, 2.0])": "forward",
    "model.predict([[0.5, 2.0]])": "eval predict_proba",
    "mg.fit(model, data, nn.mse, epochs=1)": "train fit compile",
    "print(model)": "summary",
    "model.named_modules()": "modules named_children children",
}


def _by_name(lines: dict[str, str]) -> dict[str, str]:
    return {name: line for line, names in lines.items() for name in names.split()}


LINES, VALUES, MODULES = map(_by_name, (_LINES, _OF_VALUES, _OF_MODULES))
"""What to write, by the name in another library: of a module there, of its arrays, and of its
models."""

_OPTIONS = {
    "rate": "lr learning_rate step_size alpha eta",
    "epsilon": "eps",
    "beta1": "b1 beta_1",
    "beta2": "b2 beta_2",
    "epochs": "n_epochs num_epochs max_iter iterations steps",
    "batch_size": "batch bs minibatch",
    "validation": "validation_data validation_split val_data eval_set",
    "optimizer": "optimiser opt solver",
    "loss": "criterion loss_fn",
    "seed": "random_state rng",
    "nouts": "hidden hidden_layer_sizes hidden_sizes sizes layers",
    "nin": "in_features input_dim input_size",
    "nout": "out_features units output_dim",
    "activation": "act nonlinearity",
    "init": "kernel_initializer initializer",
}
OPTIONS = _by_name(_OPTIONS)
"""What an option is called here, by its name in another library."""


def front(
    module: str, names: Collection[str], load: Callable[[str], Any] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a module that users import.

    Tab completion then offers the public names alone, and the error about an unknown name says what
    to write.

    Args:
        module: its name.
        names: its public names.
        load: gives the thing that a public name means, where it is loaded when it is used.

    >>> _, directory = front("micrograd_plus.optim", ["newton", "Adam"])
    >>> directory()
    ['Adam', 'newton']
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        if load and name in names:
            return load(name)
        message = f"module {module!r} has no attribute {short(name)}{_hint(module, name, names)}"
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]:
            raise ImportError(message, name=module)  # or Python would raise one without a hint
        # without the module, or Python's own traceback would ask again
        raise AttributeError(message, name=name)

    return __getattr__, lambda: sorted(names)


class _Elsewhere:
    """An attribute that a class does not have, but its like in another library."""

    def __init__(self, name: str, line: str) -> None:
        self._name, self._line = name, line

    def __get__(self, thing: object, kind: type) -> NoReturn:
        message = f"{kind.__name__!r} object has no attribute {self._name!r}: "
        raise AttributeError(f"{message}in this package write {self._line}", name=self._name)


def with_hints(lines: dict[str, str]) -> Callable[[type[R]], type[R]]:
    """Makes a class say, at an attribute that it lacks, what to write; Tab does not offer these.

    Unlike by `__getattr__`, reading the attributes that there are takes no longer.

    Args:
        lines: what to write, by the name of the attribute.

    >>> @with_hints({"item": "x.data"})
    ... class Number:
    ...     pass
    >>> Number().item
    Traceback (most recent call last):
        ...
    AttributeError: 'Number' object has no attribute 'item': in this package write x.data
    """

    def __dir__(self: Any) -> list[str]:  # noqa: N807
        return sorted({*object.__dir__(self)} - {x for x in lines if not hasattr(self, x)})

    def extended(kind: type[R]) -> type[R]:
        for name, line in lines.items():
            setattr(kind, name, _Elsewhere(name, line))
        kind.__dir__ = __dir__  # type: ignore[method-assign]
        return kind

    return extended


def _hint(module: str, name: str, known: Collection[str]) -> str:
    if name.startswith("_"):
        return ""
    if hasattr(import_module(module), "__path__") and find_spec(f"{module}.{name}"):
        return ""  # Python asks, before it imports that
    if name in LINES:
        return f": in this package write {LINES[name]}"
    for home in ("", *_PUBLIC):
        others = import_module(f"{_PACKAGE}.{home}".rstrip(".")).__all__
        for other in others:  # ReLU is relu, and Adagrad AdaGrad
            if _plain(other) == _plain(name):
                return f": in this package it is {home or 'mg'}.{other}"
    return did_you_mean(name, known) or f"; help({module}) lists what there is"


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def check_options(what: str, given: Iterable[str], known: Collection[str]) -> None:
    """Check the names of options, and say which one is meant by a name of another library.

    Args:
        what: takes the options.
        given: their names.
        known: the names that there are.

    Raises:
        TypeError: a name is not among those known.

    >>> check_options("Adam", ["lr"], ["rate", "beta1"])
    Traceback (most recent call last):
        ...
    TypeError: Adam() has no option 'lr': in this package it is rate
    """
    for name in given:
        if name in known:
            continue
        hint = did_you_mean(name, known)
        if OPTIONS.get(name) in known:
            hint = f": in this package it is {OPTIONS[name]}"
        elif name in LINES:
            hint = f": in this package write {LINES[name]}"
        raise TypeError(f"{what}() has no option {short(name)}{hint}")


def with_known_options(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors about its arguments say what an option is called, or comes when.

    >>> @with_known_options
    ... def train(epochs=10):
    ...     return epochs
    >>> train(num_epochs=3)
    Traceback (most recent call last):
        ...
    TypeError: train() has no option 'num_epochs': in this package it is epochs
    """
    code = function.__code__
    ordered = code.co_varnames[: code.co_argcount]
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    what = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        check_options(what, options, known)
        if len(args) > len(ordered):
            names = [name for name in ordered if name != "self"]
            surplus = len(args) - len(ordered)
            raise TypeError(
                f"{what}() takes {', '.join(names)} in this order, and all else by name: "
                f"{len(names) + surplus} were given"
            )
        return function(*args, **options)

    return call
