"""What a model gives for many examples: by a compiled program, which is kept with the model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools import nested
from micrograd_plus._tools.extras import need
from micrograd_plus._tools.text import short
from micrograd_plus.compiler import Programs, TraceError
from micrograd_plus.compiler.checks import check_finite, real_array
from micrograd_plus.datasets import rows
from micrograd_plus.engine import Value
from micrograd_plus.nn.losses import classes
from micrograd_plus.nn.trained import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from micrograd_plus.nn.module import Module


def predict(model: Module, inputs: Any, loss: Callable[..., Any] | None) -> Any:
    """As `Module.predict`.

    Args:
        model: the model.
        inputs: many examples.
        loss: one that classifies, or None.
    """
    numpy = need("numpy", "numpy")
    given = nested.listed(rows(inputs, "the inputs"))
    try:
        array = real_array(numpy, given, float, "example")
        check_finite(numpy, array, given, "example")
    except ValueError as error:
        raise type(error)(
            f"the inputs must be numbers, an example in each row, not {short(given)}{error}"
        ) from None
    if numpy.asarray(given).dtype.kind in "iu":  # perhaps indices
        array = array.astype(int)
    try:
        outputs = _outputs(model, array)
    except ArithmeticError:
        raise
    except (TypeError, ValueError) as error:
        one = "; for one example x give [x]" if array.ndim == 1 else ""
        raise type(error)(
            f"the inputs, of the shape {array.shape}, must be an example in each row, of numbers "
            f"as the model takes them: {error}{one}"
        ) from error
    return outputs if loss is None else classes(loss, outputs)


def _outputs(model: Module, array: Any) -> Any:
    kept = vars(model).get("_kept") or Kept()
    if kept.programs:
        with suppress(TypeError, ValueError):  # the model is not what it was, or can't be compiled
            return kept.programs(array)
    programs = Programs(model, model, "float64", False, False, "auto")
    vars(model)["_kept"] = Kept(programs)
    try:
        return programs(array)
    except TraceError:
        return _one_by_one(model, array)


def _one_by_one(model: Module, array: Any) -> Any:
    """The outputs of a model that can't be compiled."""
    found = [
        nested.mapped(lambda y: y.data if isinstance(y, Value) else y, model(x))
        for x in array.tolist()
    ]
    return need("numpy", "numpy").array(found)
