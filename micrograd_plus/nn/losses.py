"""Losses: how far the outputs for one example are from its targets, as one Value.

The loss of a mini-batch is the mean over its examples, which `fit` takes. Outputs are a Value or a
list of Values, targets a number or a list of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from functools import reduce
from typing import Any

from micrograd_plus import functions
from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.nested import listed
from micrograd_plus._tools.text import short
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, finite, scalar
from micrograd_plus.nn.module import Module, parameters_of
from micrograd_plus.ops.floats import floats

_ONE = 1 + 1e-9
"""The largest number that rounding makes of a probability."""

Correct = Callable[..., Any]


def correct(loss: Callable[..., Any]) -> Correct | None:
    """The test whether outputs are right, for a loss that classifies; None for others.

    It takes the outputs and the target of one example; or those of many, as arrays of (outputs,
    examples) and of targets `as_numbers`, and the library of these arrays.

    >>> import numpy
    >>> correct(hinge)(0.3, 1), correct(mse)
    (True, None)
    >>> correct(hinge)(numpy.array([0.3, 0.4]), numpy.array([1.0, -1.0]), numpy)
    array([ True, False])
    """
    return getattr(loss, "correct", None)


def as_numbers(loss: Callable[..., Any], target: Any, classes: int) -> Any:
    """A target as numbers for a formula: the index of a class becomes a probability for each class.

    >>> as_numbers(softmax_cross_entropy, 1, 3), as_numbers(mse, 1, 3)
    ([0.0, 1.0, 0.0], 1)
    """
    return _distribution(target, classes) if correct(loss) is _largest else target


def classes(loss: Callable[..., Any], outputs: Any) -> Any:
    """The class of each example, as targets name it.

    Args:
        loss: a loss that classifies.
        outputs: an array of (examples, outputs), or of examples where there is one output.

    Raises:
        ValueError: the loss does not classify, or not by so many outputs.

    >>> import numpy
    >>> classes(softmax_cross_entropy, numpy.array([[0.1, 0.9], [0.6, 0.4]]))
    array([1, 0])
    """
    name = getattr(loss, "__name__", repr(loss))
    chosen = getattr(loss, "classes", None)
    if chosen is None:
        known = ", ".join(x for x, f in globals().items() if hasattr(f, "classes"))
        raise ValueError(f"{name} does not classify, as {known} do: without it outputs are given")
    axes, several = getattr(outputs, "ndim", 0), correct(loss) is _largest
    if axes != 1 + several:
        wanted = "an output for each class" if several else "one output"
        raise ValueError(f"{name} needs {wanted}, and an example gives {_shown(outputs)}")
    return chosen(outputs)


def _shown(outputs: Any) -> str:
    shape = getattr(outputs, "shape", None)
    return f"the shape {shape[1:]}" if shape else f"a {type(outputs).__name__}"


Mark = Callable[[Callable[..., Any]], Callable[..., Any]]


def _classifies(test: Correct, chosen: Callable[[Any], Any]) -> Mark:
    def mark(loss: Callable[..., Any]) -> Callable[..., Any]:
        loss.correct, loss.classes = test, chosen  # type: ignore[attr-defined]
        return loss

    return mark


def _two_classes(bound: float, low: int) -> Mark:
    """Marks a loss of two classes, `low` and 1: outputs above the bound are those of class 1."""
    middle = (low + 1) / 2  # of targets
    return _classifies(
        lambda y, t, m=floats: (y > bound) == (t > middle),
        lambda outputs: low + (1 - low) * (outputs > bound),
    )


# ---------------------------------------------------------------------- regression


def l1(outputs: Any, targets: Any) -> Any:
    """The mean absolute error, |y − t| averaged over the outputs, as in PyTorch.

    Args:
        outputs: y, a Value or a list of them.
        targets: t, a number or as many numbers.

    Raises:
        ValueError: there are more or fewer targets than outputs, or no outputs.

    Source: lecture A, see help(micrograd_plus).

    >>> l1([Value(1.0), Value(-2.0)], [0.0, 1.0]).data
    2.0
    """
    return _mean([functions.abs(y - t) for y, t in _pairs(outputs, targets)])


def mse(outputs: Any, targets: Any) -> Any:
    """The mean squared error, (y − t)² averaged over the outputs, as in PyTorch.

    Args:
        outputs: y, a Value or a list of them.
        targets: t, a number or as many numbers.

    Raises:
        ValueError: there are more or fewer targets than outputs, or no outputs.

    Source: lectures A and C, see help(micrograd_plus).

    >>> mse([Value(3.0), Value(1.0)], [1.0, 1.0]).data
    2.0
    """
    return _mean([(y - t) ** 2 for y, t in _pairs(outputs, targets)])


def squared_error(outputs: Any, targets: Any) -> Any:
    """The sum of squares Σ(y − t)² over the outputs; with 0.5 before it, its ∂/∂y is y − t.

    Args:
        outputs: y, a Value or a list of them.
        targets: t, a number or as many numbers.

    Raises:
        ValueError: there are more or fewer targets than outputs, or no outputs.

    Source: lectures A, B and D, see help(micrograd_plus).

    >>> squared_error([Value(3.0), Value(1.0)], [1.0, 1.0]).data
    4.0
    """
    return _sum([(y - t) ** 2 for y, t in _pairs(outputs, targets)])


# ------------------------------------------------------------------- two classes


@_two_classes(bound=0.0, low=-1)
def hinge(score: Any, label: float) -> Any:
    """The max-margin loss max(0, 1 − t · y): where it is positive, its derivative ∂/∂y is −t.

    Args:
        score: y, a Value.
        label: t, −1 or 1.

    Raises:
        ValueError: the label is neither.
        TypeError: there are several scores.

    Source: micrograd's demo.

    >>> hinge(Value(0.25), 1).data
    0.75
    """
    _check_single(score, "hinge")
    if not isinstance(label, Value) and label not in (-1, 1):
        raise ValueError(f"hinge needs a label of −1 or 1, not {short(label)}")
    return functions.relu(1.0 - score * label)


@_two_classes(bound=0.5, low=0)
def binary_cross_entropy(probability: Any, target: float) -> Any:
    """−t log p − (1 − t) log(1 − p); where p = σ(z), its derivative with respect to z is p − t.

    Args:
        probability: p, a Value above 0 and below 1, such as a sigmoid's.
        target: t, 0 or 1 or a probability in between.

    Raises:
        ValueError: the target is not between 0 and 1, or p is above 1.
        TypeError: there are several probabilities.
        NonFiniteError: p is 0 where t is not, or 1 where t is not;
            `binary_cross_entropy_with_logits` is always finite.

    Source: lecture B, see help(micrograd_plus).

    >>> round(binary_cross_entropy(Value(0.8), 1).data, 4)
    0.2231
    """
    _check_single(probability, "binary_cross_entropy")
    t, terms = _probability(target), []
    better = "binary_cross_entropy_with_logits"
    if not _is(t, 0.0):  # 0 · log 0 counts as 0
        terms.append(-t * _log(probability, better))
    if not _is(t, 1.0):
        terms.append((t - 1.0) * _log(1.0 - probability, better))
    return _sum(terms)


@_two_classes(bound=0.0, low=0)
def binary_cross_entropy_with_logits(logit: Any, target: float) -> Any:
    """Binary cross entropy of σ(z) without overflow, softplus(z) − t · z: its ∂/∂z is σ(z) − t.

    Args:
        logit: z, a Value of any size.
        target: t, 0 or 1 or a probability in between.

    Raises:
        ValueError: the target is not between 0 and 1.
        TypeError: there are several logits.

    Source: lecture B, see help(micrograd_plus).

    >>> binary_cross_entropy_with_logits(Value(-1000.0), 1).data
    1000.0
    """
    _check_single(logit, "binary_cross_entropy_with_logits")
    return functions.softplus(logit) - _probability(target) * logit


# ------------------------------------------------------------------ several classes


def _largest(outputs: Sequence[Any], target: Any, m: Any = floats) -> Any:
    """Whether no class is likelier than that of the largest output, the first one of equals."""
    likely = _distribution(target, len(outputs)) if m is floats else target
    largest, likeliest = reduce(m.maximum, outputs), reduce(m.maximum, likely)
    found = right = False
    for y, t in zip(outputs, likely, strict=True):
        largest_here = y == largest
        right |= (largest_here > found) & (t == likeliest)
        found |= largest_here
    return right


_several_classes = _classifies(_largest, lambda outputs: outputs.argmax(axis=1))


@_several_classes
def cross_entropy(probabilities: Sequence[Any], target: Any) -> Any:
    """−Σ tₖ log yₖ, whose derivative ∂/∂yₖ is −tₖ / yₖ; where y = softmax(z), ∂/∂zₖ is yₖ − tₖ.

    Args:
        probabilities: y, a list of Values above 0, such as a softmax's.
        target: t, the index of the true class, which in a compiled function may be an argument, or
            a probability for each class.

    Raises:
        TypeError: there is one output, and no list of them.
        ValueError: the target is no index of a class, or no probabilities; or y is above 1.
        NonFiniteError: y is 0 where t is not; `softmax_cross_entropy` is always finite.

    Source: lectures A and C, see help(micrograd_plus).

    >>> round(cross_entropy([Value(0.2), Value(0.8)], 1).data, 4)
    0.2231
    """
    classes = _classes(probabilities)
    if isinstance(target, Value):
        return -_log(functions.take(probabilities, target), "softmax_cross_entropy")
    ts = _distribution(target, classes)
    pairs = zip(probabilities, ts, strict=True)
    terms = [-t * _log(y, "softmax_cross_entropy") for y, t in pairs if not _is(t, 0.0)]
    return _sum(terms)


@_several_classes
def softmax_cross_entropy(logits: Sequence[Any], target: Any) -> Any:
    """Cross entropy of y = softmax(z) without overflow, log Σ exp zₖ − Σ tₖ zₖ: ∂/∂zₖ is yₖ − tₖ.

    Args:
        logits: z, a list of Values of any size.
        target: t, the index of the true class, which in a compiled function may be an argument, or
            a probability for each class.

    Raises:
        TypeError: there is one output, and no list of them.
        ValueError: the target is no index of a class, or no probabilities.

    Source: lecture B, see help(micrograd_plus).

    >>> softmax_cross_entropy([Value(1000.0), Value(-1000.0)], 1).data
    2000.0
    """
    classes, total = _classes(logits), functions.logsumexp(logits)
    if isinstance(target, Value):
        return total - functions.take(logits, target)
    ts = _distribution(target, classes)
    chosen = [(z, t) for z, t in zip(logits, ts, strict=True) if not _is(t, 0.0)]
    if len(chosen) == 1 and _is(chosen[0][1], 1.0):
        return total - chosen[0][0]
    return total - functions.dot([t for _, t in chosen], [z for z, _ in chosen])


# ------------------------------------------------------------------ regularisation


def l2_penalty(parameters: Module | Iterable[Value], strength: float = 1e-4) -> Any:
    """Weight decay in the loss, strength · Σw²: its derivative ∂/∂w is 2 · strength · w.

    Args:
        parameters: a model, or Values.
        strength: the factor before the sum.

    Source: lecture D, see help(micrograd_plus).

    >>> l2_penalty([Value(3.0), Value(4.0)], 0.5).data
    12.5
    """
    weights = parameters_of(parameters)
    return finite(strength, "the strength") * functions.dot(weights, weights)


def l1_penalty(parameters: Module | Iterable[Value], strength: float = 1e-4) -> Any:
    """A penalty that makes some weights exactly 0, strength · Σ|w|: ∂/∂w is strength · sign(w).

    Args:
        parameters: a model, or Values.
        strength: the factor before the sum.

    >>> l1_penalty([Value(3.0), Value(-4.0)], 0.5).data
    3.5
    """
    weights = parameters_of(parameters)
    return finite(strength, "the strength") * functions.sum(map(functions.abs, weights))


# ---------------------------------------------------------------------- targets


def _sum(terms: list[Any]) -> Any:
    """The sum of terms; a single term is itself, so that pictures show no Σ of one."""
    return terms[0] if len(terms) == 1 else functions.sum(terms)


def _mean(terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else functions.mean(terms)


def _pairs(outputs: Any, targets: Any) -> list[tuple[Any, Any]]:
    ys, ts = (
        list(listed(x)) if isinstance(x, Iterable) else [x] for x in (outputs, scalar(targets))
    )
    if len(ys) != len(ts):
        raise ValueError(f"{len(ys)} outputs need as many targets, not {len(ts)}")
    return list(zip(ys, ts, strict=True))


def _check_single(output: Any, loss: str) -> None:
    if isinstance(output, list | tuple):
        raise TypeError(
            f"{loss} takes one output, not {len(output)}: for as many classes use "
            "softmax_cross_entropy"
        )


def _is(target: Any, number: float) -> bool:
    """Whether a target is that number for certain: the data of a Value may change."""
    return not isinstance(target, Value) and bool(target == number)


def _probability(target: Any) -> Any:
    if isinstance(target, Value):
        return target
    t = finite(target, "a target")
    if not 0 <= t <= 1:
        raise ValueError(f"a target must lie between 0 and 1, not {short(target)}")
    return t


def _log(probability: Any, better: str) -> Any:
    """The logarithm of a probability; the error where there is none names a loss for logits."""
    hint = "this loss takes probabilities, such as a softmax or sigmoid gives: "
    hint += f"for the outputs of a linear layer use {better}"
    # not `data`: that the number is looked at here changes no result
    number = probability.assigned[1] if isinstance(probability, Value) else probability
    if number > _ONE:
        raise ValueError(f"{short(number)} is above 1; {hint}")
    try:
        return functions.log(probability)
    except NonFiniteError as error:
        message = f"{error}; {hint}"
        raise NonFiniteError(message, error.op, error.operands, error.numbers) from None


def _classes(outputs: Any) -> int:
    if not isinstance(outputs, Sized):
        kind = type(outputs).__name__
        raise TypeError(
            f"an output for each class is needed, in a list, not {short(outputs)} ({kind}); for "
            "two classes and one output use binary_cross_entropy_with_logits"
        )
    return len(outputs)


def _distribution(target: Any, classes: int) -> list[Any]:
    """The probability of each class, from an index or from such probabilities."""
    target = scalar(target)
    if isinstance(target, Iterable):
        ts = [_probability(t) for t in target]
        known = not any(isinstance(t, Value) for t in ts)
        if len(ts) != classes or (known and abs(sum(ts) - 1) > 1e-6):
            raise ValueError(
                f"the probabilities of {classes} classes must add up to 1, unlike {short(target)}"
            )
        return ts
    known = isinstance(target, REAL) and math.isfinite(target)
    index = int(float(target)) if known else -1
    if index != target or not 0 <= index < classes:
        raise ValueError(
            f"a class must be a whole number from 0 to {classes - 1}, not {short(target)}"
        )
    return [float(k == index) for k in range(classes)]
