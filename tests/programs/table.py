"""All programs by their names, with sizes that make them small."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tests.programs import dynamics, images, language, networks, statistics


class Entry(NamedTuple):
    """A program in two sizes.

    Attributes:
        full: makes it as it is measured.
        sizes: arguments of `full` for a smaller one, which is tested.
    """

    full: Callable[..., Any]
    sizes: dict[str, Any]

    @property
    def small(self):
        """Makes the small one."""
        return partial(self.full, **self.sizes)


_GPT = {"width": 4, "heads": 2, "context": 6, "vocabulary": 5, "document": [4, 1, 3, 1, 4]}

PROGRAMS = {
    "GPT of scalars": Entry(language.gpt_of_scalars, _GPT),
    "GPT of scalars, 2 layers": Entry(partial(language.gpt_of_scalars, layers=2), _GPT),
    "self-attention": Entry(language.attention, {"batch": 3, "length": 3, "width": 4}),
    "convolution": Entry(images.convolution, {"batch": 3, "samples": 12, "channels": (2, 3)}),
    "LeNet on 8×8": Entry(images.lenet, {"batch": 3, "channels": (2, 2), "units": 3, "classes": 2}),
    "RNN": Entry(language.rnn, {"batch": 3, "steps": 4, "inputs": 2, "units": 3}),
    "LSTM": Entry(language.lstm, {"batch": 3, "steps": 4, "inputs": 2, "units": 2}),
    "pendulum": Entry(dynamics.pendulum, {"batch": 3, "steps": 7}),
    "n-body": Entry(dynamics.n_body, {"batch": 3, "steps": 5}),
    "Kalman filter": Entry(dynamics.kalman, {"batch": 3, "steps": 5}),
    "neural ODE": Entry(dynamics.neural_ode, {"batch": 3, "steps": 2, "units": 3}),
    "matrix factorisation": Entry(
        statistics.factorisation, {"users": 4, "items": 3, "rank": 2, "ratings": 9}
    ),
    "polynomial": Entry(statistics.polynomial, {"batch": 3, "degree": 4}),
    "logistic with crosses": Entry(statistics.logistic, {"batch": 3, "features": 4}),
    "Gaussian mixture": Entry(statistics.mixture, {"batch": 3, "kinds": 3}),
    "soft k-means": Entry(statistics.k_means, {"batch": 3, "clusters": 3, "dimensions": 2}),
    "LayerNorm MLP": Entry(
        networks.layer_norm, {"batch": 3, "inputs": 4, "units": 5, "classes": 3}
    ),
    "residual MLP": Entry(networks.residual, {"batch": 3, "width": 3, "blocks": 2}),
}
