"""Update rules: pure functions of a gradient, a state and a parameter.

They use nothing but arithmetic, so the same lines work on floats, NumPy arrays and JAX arrays.
To add a rule, add a class here: its options, the names of its states, and `update`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from micrograd_plus._tools.habits import check_options
from micrograd_plus._tools.text import short

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    State = tuple[Any, ...]
    Step = tuple[Any, State]  # a parameter and its states after a step


@dataclass(frozen=True)
class Rule(ABC):
    """Base class of the update rules.

    Attributes:
        rate: the learning rate η, a positive number or a schedule (a function of time).
        states: the names of the states that the rule keeps of each parameter.

    >>> @dataclass(frozen=True)
    ... class SignDescent(Rule):
    ...     def update(self, gradient, state, parameter, rate, step):
    ...         return parameter - rate * ((gradient > 0) - (gradient < 0)), ()
    >>> SignDescent(rate=0.5).update(-3.0, (), 1.0, rate=0.5, step=1)
    (1.5, ())
    """

    rate: float | Callable[[float], float] = 0.01
    states: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *_given: Any, **_options: Any) -> Self:
        name = cls.__name__
        first = _given[0] if _given else _options.get("rate")
        if hasattr(first, "parameters") or isinstance(first, list | tuple | Iterator):
            raise TypeError(
                "a rule takes its rate first, not parameters: write fit(model, data, loss, "
                f"{name}(0.01)), or Optimizer(model.parameters(), {name}(0.01)) for a loop of "
                "your own"
            )
        check_options(name, _options, [field.name for field in fields(cls)])
        return super().__new__(cls)

    def __getattr__(self, name: str) -> Any:
        if name in ("step", "zero_grad"):
            rule = type(self).__name__
            raise AttributeError(
                f"{rule} has no attribute {name}: a loop of your own takes steps by "
                f"optimizer = optim.Optimizer(model.parameters(), {rule}(0.01))"
            )
        return object.__getattribute__(self, name)  # which has Python's own error

    def __post_init__(self) -> None:
        """Check the options."""
        for field in fields(self):
            option = getattr(self, field.name)
            if callable(option) or isinstance(option, bool):
                continue
            if not isinstance(option, int | float) or not 0 <= option < float("inf"):
                raise ValueError(f"{field.name} must be a number from 0, not {short(option)}")
            if field.name in ("beta1", "beta2", "decay") and option >= 1:
                raise ValueError(f"{field.name} must be less than 1, not {short(option)}")

    def rate_at(self, time: float) -> float:
        """The learning rate at a time, in steps or epochs as the schedule counts.

        Args:
            time: a number from 0.
        """
        return float(self.rate(time) if callable(self.rate) else self.rate)

    def initial(self, parameter: Any) -> State:
        """The states before the first step: zeros like the parameter.

        Args:
            parameter: a number or an array.
        """
        return (0.0 * parameter,) * len(self.states)

    @abstractmethod
    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        """The parameter and its states after a step.

        Args:
            gradient: the loss's derivative with respect to the parameter.
            state: as `initial` or the last step returned it.
            parameter: a number or an array.
            rate: the learning rate η.
            step: the number of the step, from 1.
        """


@dataclass(frozen=True)
class GradientDescent(Rule):
    """x ← x − η g.

    Args:
        rate: the learning rate η.

    Source: lectures B and D, see help(micrograd_plus).

    >>> GradientDescent().update(2.0, (), 1.0, rate=0.1, step=1)
    (0.8, ())
    """

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        return parameter - rate * gradient, ()


@dataclass(frozen=True)
class Momentum(Rule):
    """v ← μ v + η g, x ← x − v: past gradients keep acting.

    Args:
        rate: the learning rate η.
        momentum: μ, the part of the velocity that is kept.

    Source: lectures B and D, see help(micrograd_plus).

    >>> Momentum(momentum=0.5).update(2.0, (1.0,), 1.0, rate=0.5, step=2)
    (-0.5, (1.5,))
    """

    momentum: float = 0.9
    states: ClassVar[tuple[str, ...]] = ("velocity",)

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        velocity = self.momentum * state[0] + rate * gradient
        return parameter - velocity, (velocity,)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Momentum that looks ahead: v ← μ v + η g, x ← x − (μ v + η g).

    Args:
        rate: the learning rate η.
        momentum: μ, the part of the velocity that is kept.

    Source: Sutskever and others, 2013, in PyTorch's form.

    >>> Nesterov(momentum=0.5).update(2.0, (1.0,), 1.0, rate=0.5, step=2)
    (-0.75, (1.5,))
    """

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        velocity = self.momentum * state[0] + rate * gradient
        return parameter - (self.momentum * velocity + rate * gradient), (velocity,)


@dataclass(frozen=True)
class AdaGrad(Rule):
    """c ← c + g², x ← x − η g / (√c + ε): smaller steps where gradients were large.

    Args:
        rate: the learning rate η.
        epsilon: ε, against division by 0.

    Source: lecture D, see help(micrograd_plus).

    >>> AdaGrad(epsilon=0).update(3.0, (16.0,), 1.0, rate=0.5, step=2)
    (0.7, (25.0,))
    """

    epsilon: float = 1e-8
    states: ClassVar[tuple[str, ...]] = ("cache",)

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        cache = state[0] + gradient * gradient
        return parameter - rate * gradient / (cache**0.5 + self.epsilon), (cache,)


@dataclass(frozen=True)
class RMSprop(Rule):
    """c ← ρ c + (1 − ρ) g², x ← x − η g / (√c + ε): AdaGrad that forgets.

    Args:
        rate: the learning rate η.
        decay: ρ, the part of the cache that is kept.
        epsilon: ε, against division by 0.

    Source: lecture D, see help(micrograd_plus).

    >>> RMSprop(decay=0.5, epsilon=0).update(2.0, (4.0,), 1.0, rate=0.5, step=2)
    (0.5, (4.0,))
    """

    decay: float = 0.9
    epsilon: float = 1e-8
    states: ClassVar[tuple[str, ...]] = ("cache",)

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        cache = self.decay * state[0] + (1 - self.decay) * gradient * gradient
        return parameter - rate * gradient / (cache**0.5 + self.epsilon), (cache,)


@dataclass(frozen=True)
class Adam(Rule):
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², x ← x − η m̂ / (√v̂ + ε).

    Args:
        rate: the learning rate η.
        beta1: β₁, the part of the mean m that is kept.
        beta2: β₂, the part of the mean square v that is kept.
        epsilon: ε, against division by 0.
        bias_correction: whether m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), for means that began
            at 0; without it m̂ = m and v̂ = v, as on lecture D's slide.

    Source: lecture D, see help(micrograd_plus); Kingma and Ba, 2015.

    >>> x, _ = Adam(epsilon=0).update(2.0, (0.0, 0.0), 1.0, rate=0.25, step=1)
    >>> round(x, 12)
    0.75
    """

    rate: float | Callable[[float], float] = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    bias_correction: bool = True
    states: ClassVar[tuple[str, ...]] = ("mean", "mean_square")

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        mean = self.beta1 * state[0]
        mean += (1 - self.beta1) * gradient  # in place, where it is an array
        square = (1 - self.beta2) * gradient
        square *= gradient
        square += self.beta2 * state[1]
        # with bias_correction=False these are 1
        first = 1 - self.bias_correction * self.beta1**step
        second = 1 - self.bias_correction * self.beta2**step
        size = (square / second) ** 0.5
        size += self.epsilon
        change = rate / first * mean
        change /= size
        return parameter - change, (mean, square)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose parameters also decay by themselves: x ← x − η λ x first.

    Args:
        rate: the learning rate η.
        beta1, beta2, epsilon, bias_correction: as for `Adam`.
        weight_decay: λ.

    Source: Loshchilov and Hutter, 2019.

    >>> x, _ = AdamW(weight_decay=0.5).update(0.0, (0.0, 0.0), 1.0, rate=0.5, step=1)
    >>> x
    0.75
    """

    weight_decay: float = 0.01

    def update(self, gradient: Any, state: State, parameter: Any, rate: float, step: int) -> Step:
        decayed = parameter - rate * self.weight_decay * parameter
        return super().update(gradient, state, decayed, rate, step)
