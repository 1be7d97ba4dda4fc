"""Neurons, layers of them, and networks of layers."""

from __future__ import annotations

import random as shared_random  # what `random.seed` sets
from collections.abc import Iterable, Sequence
from numbers import Integral
from random import Random
from typing import TYPE_CHECKING, Any

from micrograd_plus import functions
from micrograd_plus._tools.habits import with_known_options
from micrograd_plus._tools.nested import listed
from micrograd_plus._tools.text import short
from micrograd_plus.engine import Value
from micrograd_plus.nn.activations import OF_LAYERS, Activation, find_activation, name_of
from micrograd_plus.nn.initial import Initial, find_initial
from micrograd_plus.nn.module import Module, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOPE = 0.25  # the initial one of a parametric ReLU


class Neuron(Module):
    """One neuron: activation(w · x + b).

    Args:
        nin: the number of inputs.
        nonlin: False for a linear neuron, as in micrograd.
        activation: a name of `ACTIVATIONS`, "linear", "prelu" (a ReLU whose slope for negative
            numbers is a parameter), or a function of one Value; None is the same as "linear".
        bias: whether there is a bias b.
        init: how weights are drawn, a name of `INITIAL` or a function; biases begin with 0. The
            default is as in micrograd, and suits a handful of inputs: where there are more,
            "he_uniform" suits ReLU, and "xavier_uniform" suits tanh and sigmoid.
        seed: a whole number, for the same weights each time.
        expanded: whether to record w · x as single × and + instead of one dot; the gradients are
            the same.
        place: the numbers l, m of the layer and the neuron in the labels w_{l,m,n} and b_{l,m}.
        nout: the number of neurons in the layer, which some rules of `init` need.

    Raises:
        ValueError: `nin` is not positive, or a name is unknown.

    Source: lecture A, see help(micrograd_plus).

    >>> neuron = Neuron(2, seed=1)
    >>> neuron([1.0, -2.0]).op.name, [p.label for p in neuron.parameters()]
    ('relu', ['w_{0,0,0}', 'w_{0,0,1}', 'b_{0,0}'])
    """

    shows_parts = False

    @with_known_options
    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: Activation = "relu",
        bias: bool = True,
        init: str | Initial = "uniform",
        seed: int | Random | None = None,
        expanded: bool = False,
        place: tuple[int, int] = (0, 0),
        nout: int = 1,
    ) -> None:
        _positive(nin, "inputs")
        draw, random = find_initial(init), _random(seed)
        layer, index = place
        numbers = [draw(random, nin, nout) for _ in range(nin)]
        self.w = Parts([Value(x, f"w_{{{layer},{index},{n}}}") for n, x in enumerate(numbers)])
        self.b = Value(0.0, f"b_{{{layer},{index}}}") if bias else None
        self.activation = find_activation(activation) if nonlin else None
        learns = nonlin and activation == "prelu"
        self.slope = Value(_SLOPE, f"α_{{{layer},{index}}}") if learns else None
        self.expanded = expanded

    def __call__(self, x: Sequence[Any]) -> Value:
        """The output for `nin` numbers or Values."""
        total, activation = self.linear(x), self.activation
        if activation is None:
            return total
        result: Value = activation(total) if self.slope is None else activation(total, self.slope)
        return result

    def linear(self, x: Sequence[Any]) -> Value:
        """The sum before the activation: w · x + b.

        Args:
            x: `nin` numbers or Values.

        Raises:
            TypeError: `x` is no sequence of numbers.
            ValueError: there are more or fewer than `nin`.
        """
        try:
            x = listed(x)
            count = len(x)
        except TypeError:
            kind = type(x).__name__
            raise TypeError(f"the neuron takes a list of inputs, not {short(x)} ({kind})") from None
        if count != len(self.w):
            raise ValueError(f"the neuron takes {len(self.w)} inputs, not {count}{_examples(x)}")
        if not self.expanded:
            try:
                weighted: Value = functions.dot(self.w, x, self.b)
            except TypeError as error:
                raise TypeError(f"{error}{_examples(x)}") from None
            return weighted
        if several := _examples(x):
            raise TypeError(f"the neuron takes {len(self.w)} inputs{several}")
        total: Value = self.w[0] * x[0]
        for w, xi in zip(self.w[1:], x[1:], strict=True):
            total = total + w * xi
        return total if self.b is None else total + self.b

    def describe(self) -> str:
        return f"Neuron {len(self.w)} → 1, {name_of(self.activation)}"


class Layer(Module):
    """Neurons that share their inputs.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        activation: as for `Neuron`; or "softmax" or "log_softmax", over the whole layer.
        index: the layer's number l in the labels w_{l,m,n}.
        seed: a whole number, for the same initial weights each time; or a `random.Random`.
        neuron: further arguments for `Neuron`.

    Raises:
        ValueError: a number is not positive, or a name is unknown.

    >>> [f"{p.data:.2f}" for p in Layer(3, 2, activation="softmax", seed=1)([0.1, 0.2, 0.3])]
    ['0.58', '0.42']
    """

    shows_parts = False

    def __init__(
        self,
        nin: int,
        nout: int,
        *,
        activation: Activation = "relu",
        index: int = 0,
        seed: int | Random | None = None,
        **neuron: Any,
    ) -> None:
        _positive(nout, "neurons")
        random = _random(seed)
        self.together: Callable[..., list[Value]] | None = None
        if isinstance(activation, str):
            self.together = OF_LAYERS.get(activation)
        single = None if self.together else activation
        self.neurons = [
            Neuron(nin, activation=single, seed=random, place=(index, m), nout=nout, **neuron)
            for m in range(nout)
        ]

    def __call__(self, x: Sequence[Any]) -> Any:
        """The outputs for `nin` numbers or Values: a list, or the Value of a single neuron."""
        outputs = self.outputs(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def outputs(self, x: Sequence[Any]) -> list[Value]:
        """The outputs, always as a list.

        Args:
            x: `nin` numbers or Values.
        """
        x = listed(x)
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs if self.together is None else self.together(outputs)

    def describe(self) -> str:
        name = name_of(self.together or self.neurons[0].activation)
        return f"Layer {len(self.neurons[0].w)} → {len(self.neurons)}, {name}"


class Maxout(Module):
    """A layer of maxout units: each is the largest of several linear functions of the inputs.

    Args:
        nin: the number of inputs.
        nout: the number of units.
        pieces: the number of linear functions of each unit.
        index: the layer's number l in the labels w_{l,m,n}, where m counts all linear functions.
        seed: a whole number, for the same initial weights each time; or a `random.Random`.
        neuron: further arguments for `Neuron`.

    Raises:
        ValueError: a number is not positive, or a name is unknown.

    Source: lecture A, see help(micrograd_plus).

    >>> len(Maxout(2, 3, pieces=4, seed=1).parameters())
    36
    """

    shows_parts = False

    def __init__(
        self,
        nin: int,
        nout: int,
        *,
        pieces: int = 2,
        index: int = 0,
        seed: int | Random | None = None,
        **neuron: Any,
    ) -> None:
        _positive(nout, "units")
        _positive(pieces, "linear functions")
        random = _random(seed)
        neuron = {**neuron, "activation": None, "seed": random, "nout": nout}
        self.units = [
            [Neuron(nin, place=(index, m * pieces + i), **neuron) for i in range(pieces)]
            for m in range(nout)
        ]

    def __call__(self, x: Sequence[Any]) -> Any:
        """The outputs for `nin` numbers or Values: a list, or the Value of a single unit."""
        outputs = self.outputs(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def outputs(self, x: Sequence[Any]) -> list[Value]:
        """The outputs, always as a list.

        Args:
            x: `nin` numbers or Values.
        """
        x = listed(x)
        return [functions.maxout([piece(x) for piece in unit]) for unit in self.units]

    def describe(self) -> str:
        unit = self.units[0]
        return f"Maxout {len(unit[0].w)} → {len(self.units)}, {len(unit)} pieces"


class MLP(Module):
    """A multi-layer perceptron: the outputs of each layer are the inputs of the next.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons of each layer.
        activation: that of all layers but the last, which is linear; or a list with one for each
            layer, such as `["relu", "softmax"]`. Each is one that `Layer` takes, or "maxout".
        pieces: the number of linear functions of each maxout unit.
        seed: a whole number, for the same weights each time; by default they are drawn from
            Python's `random`, in the same order as in micrograd.
        neuron: further arguments for `Neuron`, such as `bias`, `init`, `expanded`.

    Raises:
        ValueError: there are no layers, a number is not positive, a name is unknown, or there
            are more or fewer activations than layers.
        TypeError: `nouts` is no sequence.

    Source: lectures A and B, see help(micrograd_plus).

    >>> MLP(2, [16, 16, 1], seed=1)
    MLP 2 → 16 → 16 → 1: 337 parameters
    ├─ Layer 2 → 16, relu: 48 parameters
    ├─ Layer 16 → 16, relu: 272 parameters
    └─ Layer 16 → 1, linear: 17 parameters
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: Activation | Sequence[Activation] = "relu",
        pieces: int = 2,
        seed: int | Random | None = None,
        **neuron: Any,
    ) -> None:
        if not isinstance(nouts, Iterable):
            raise TypeError(
                f"nouts lists the neurons of each layer, as in [16, 1], not {short(nouts)}"
            )
        sizes = [nin, *nouts]
        if len(sizes) < 2:
            raise ValueError("a network needs at least one layer, such as nouts=[1]")
        kinds: Sequence[Activation]
        if isinstance(activation, Sequence) and not isinstance(activation, str):
            kinds = activation
        else:
            if activation not in ("maxout", *OF_LAYERS):
                find_activation(activation)  # raises, even where the only layer is the last one
            kinds = [activation] * (len(sizes) - 2) + [None]
        if len(kinds) != len(sizes) - 1:
            raise ValueError(f"{len(sizes) - 1} layers need as many activations, not {len(kinds)}")
        neuron["seed"] = _random(seed)
        self.layers: list[Layer | Maxout] = [
            Maxout(sizes[i], sizes[i + 1], pieces=pieces, index=i, **neuron)
            if kind == "maxout"
            else Layer(sizes[i], sizes[i + 1], activation=kind, index=i, **neuron)
            for i, kind in enumerate(kinds)
        ]
        self._sizes = sizes

    def __call__(self, x: Sequence[Any]) -> Any:
        """The outputs for `nin` numbers or Values: a list, or the Value of a single neuron."""
        for layer in self.layers:
            x = layer.outputs(x)
        return x[0] if len(x) == 1 else x

    def describe(self) -> str:
        return f"MLP {' → '.join(map(str, self._sizes))}"


def _examples(x: Sequence[Any]) -> str:
    """What to do with many examples instead; "" if `x` is one."""
    first = x[0] if len(x) else None
    width = len(first) if isinstance(first, list | tuple) or getattr(first, "ndim", 0) else 0  # type: ignore[arg-type]
    several = f": {len(x)} examples of {width} are for model.predict(X), and model(x) takes one"
    return several if width else ""


def _positive(n: Any, what: str) -> None:
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"the number of {what} must be a positive whole number, not {short(n)}")


def _random(seed: Any) -> Any:
    if seed is None:
        return shared_random
    if seed is shared_random or isinstance(seed, Random):
        return seed
    return Random(seed)  # noqa: S311  no secrets are drawn
