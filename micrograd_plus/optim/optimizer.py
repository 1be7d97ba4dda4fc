"""`Optimizer`: applies an update rule to the parameters of a model."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.habits import with_known_options
from micrograd_plus._tools.text import brief, short
from micrograd_plus.graph import assign, check_parameter, finite, hooks, in_turn
from micrograd_plus.optim.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from micrograd_plus.engine import Value


class Optimizer:
    """An update rule, the parameters that it changes, and the states that it keeps of each.

    Args:
        parameters: leaves, such as `model.parameters()`.
        rule: how to update them.

    Raises:
        TypeError, ValueError: there are no parameters, one is not a leaf, or `rule` is no `Rule`.

    >>> from micrograd_plus import Value
    >>> from micrograd_plus.optim import GradientDescent
    >>> x = Value(4.0)
    >>> optimizer = Optimizer([x], GradientDescent(0.25))
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data
    2.0
    """

    @with_known_options
    def __init__(self, parameters: Iterable[Value], rule: Rule) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"the rule must be one such as Adam(0.01), not {short(rule)}")
        if not isinstance(parameters, Iterable):
            kind = type(parameters).__name__
            raise TypeError(f"a list such as model.parameters() is needed, not {kind}")
        self.parameters = list(dict.fromkeys(parameters))
        if not self.parameters:
            raise ValueError("there are no parameters to optimise")
        for p in self.parameters:
            check_parameter(p)
        self.rule = rule
        self.steps = 0
        self.states = [rule.initial(p.data) for p in self.parameters]

    @in_turn
    def step(self, time: float | None = None) -> None:
        """Change all parameters by their gradients.

        Args:
            time: what a schedule gets; by default the number of steps made so far.

        Raises:
            NonFiniteError: a parameter would not be finite; then nothing is changed.
        """
        for observer in tuple(hooks.observers):
            observer.stepping(self.parameters)
        rate = self.rule.rate_at(self.steps if time is None else time)
        step = self.steps + 1
        try:
            updates = [
                self.rule.update(float(p.grad), state, p.data, rate, step)
                for p, state in zip(self.parameters, self.states, strict=True)
            ]
        except (OverflowError, ZeroDivisionError):
            raise NonFiniteError(f"step {step}: an update is not finite; lower the rate") from None
        numbers, states = [], []
        for p, (number, state) in zip(self.parameters, updates, strict=True):
            what = f"step {step}: {brief(p.label) or 'a parameter'}"
            numbers.append(finite(number, what))
            states.append(state)
            for x in state:
                finite(x, what)
        remembered = [(self, "states", states), (self, "steps", step)]
        assign(self.parameters, "data", numbers, also=remembered)

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        assign(self.parameters, "grad", repeat(0.0))

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, as plain data."""
        return {
            "rule": type(self.rule).__name__,
            "steps": self.steps,
            "states": [list(state) for state in self.states],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state_dict` returned.

        Args:
            state: as `state_dict` returned it.

        Raises:
            ValueError: it belongs to another rule or to other parameters; then nothing changes.
        """
        name, names = type(self.rule).__name__, self.rule.states
        if missing := {"rule", "steps", "states"} - set(state):
            raise ValueError(f"the state lacks its {', '.join(sorted(missing))}")
        if state["rule"] != name:
            raise ValueError(f"the state is that of {state['rule']}, not of {name}")
        steps = state["steps"]
        if not isinstance(steps, int) or steps < 0:
            raise ValueError(f"steps must be a whole number from 0, not {short(steps)}")
        states = [tuple(finite(x, "a state") for x in numbers) for numbers in state["states"]]
        if [len(s) for s in states] != [len(names)] * len(self.parameters):
            raise ValueError(f"the state is not that of {len(self.parameters)} parameters")
        for numbers in states:
            for what, x in zip(names, numbers, strict=True):
                if x < 0 and what in ("cache", "mean_square"):
                    raise ValueError(f"a {what} can't be negative, as {short(x)} is")
        self.states, self.steps = states, steps
