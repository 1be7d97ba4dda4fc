"""Checks of `fit`: of its arguments before the first step, and of replaced parameters."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import choose
from micrograd_plus._tools.text import brief, short
from micrograd_plus.engine import Value
from micrograd_plus.graph import REAL, finite, order
from micrograd_plus.graph.places import placed
from micrograd_plus.nn.module import Module
from micrograd_plus.training.cluster import current
from micrograd_plus.training.examples import OnDemand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from micrograd_plus.training.examples import Examples, InMemory

ENGINES = ("auto", "eager", "compiled", "jax")


def check_reached(
    found: Examples, model: Module, loss: Callable[..., Any], parameters: Sequence[Value]
) -> None:
    """Look for an example whose loss depends on a parameter: as a rule the first one's does.

    If it also depends on Values that belong to no module, a warning names them.

    Args:
        found: all examples.
        model: what is trained.
        loss: a function of outputs and target.
        parameters: what is to change.

    Raises:
        ValueError: no loss depends on a parameter, though one is not 0; or the model replaces its
            parameters.
    """
    bad = None
    for i in range(len(found)):
        x, target = found[i]
        try:
            total = loss(model(x), target)
            check_kept(model, parameters)
            leaves = _leaves(total)
            if not leaves.isdisjoint(parameters):
                if others := leaves.difference(parameters):
                    # leaves that the model and the loss create differ from call to call
                    _warn_of(others & _leaves(loss(model(x), target)))
                return
        except ArithmeticError:
            return  # training raises it again, with its place
        if bad is None and (leaves or not isinstance(total, REAL) or total != 0):
            bad = i, total, leaves
    if bad is not None:  # otherwise all losses are 0
        i, total, leaves = bad
        raise ValueError(
            "the loss depends on no parameter of the model, so that nothing would be trained: "
            f"that of row {i} is {f'computed from {_named(leaves)}' if leaves else short(total)}; "
            "compute it from the parameters themselves, without float(), .data or "
            "other Values in their place"
        )


def check_kept(model: Module, parameters: Sequence[Value]) -> None:
    """Check that the model still has the parameters that are trained.

    Raises:
        ValueError: it has others.
    """
    if list(map(id, model.parameters())) != list(map(id, parameters)):
        trained = set(map(id, parameters))
        others = [name for name, p in model.named_parameters() if id(p) not in trained]
        such = f", such as {others[0]}" if others else ""
        raise ValueError(
            f"the model has other parameters than when the training began{such}, which are not "
            "trained: assign to the data of the old ones instead"
        )


def _leaves(total: Any) -> set[Value]:
    return {node for node in order(total) if node.op is None} if isinstance(total, Value) else set()


def _warn_of(others: set[Value]) -> None:
    """Warn of leaves created outside the function that belong to no module."""
    if lost := others - placed(others).keys():
        warnings.warn(
            f"the loss depends on {_named(lost)}, which no Module owns, and training leaves "
            "as it is: make it an attribute of the model, or a number if it is a constant",
            stacklevel=5,  # where `fit` is called, whose options are checked around it
        )


def _named(leaves: set[Value]) -> str:
    """Some leaves, by their labels or else as `repr` shows them."""
    names = sorted(brief(leaf.label) or short(leaf) for leaf in leaves)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def check_targets(
    found: InMemory | OnDemand,
    model: Callable[[Any], Any],
    loss: Callable[..., Any],
    what: str = "the data",
) -> None:
    """Try each target once with the outputs for the first inputs, before the first step.

    Of data on demand only the first target is tried now, the others when they are read.

    Raises:
        ValueError, TypeError: the first inputs don't suit the model, or a target the loss; the
            message names the row.
    """
    inputs, first = found[0]
    try:
        outputs = model(inputs)
    except ArithmeticError:
        return  # training raises it again, with its place
    except (TypeError, ValueError) as error:
        raise _placed(error, f"{what}, row 0") from error
    if isinstance(outputs, Value):
        plain: Any = outputs.data
    elif isinstance(outputs, list | tuple) and all(isinstance(y, Value) for y in outputs):
        plain = [y.data for y in outputs]
    else:
        return  # the loss knows what such targets mean

    def fits(target: Any, i: int) -> bool:
        """Whether to try others: a loss that needs Values can't be tried with numbers."""
        try:
            loss(plain, target)
        except ArithmeticError:  # at these outputs only, perhaps
            pass
        except (TypeError, ValueError) as error:
            column = isinstance(target, list) and len(target) == 1
            hint = ": instead of targets in a column give y[:, 0]" if column else ""
            raise _placed(error, f"{what}, target {i}", hint) from error
        except AttributeError:
            return False
        return True

    if isinstance(found, OnDemand):
        found.fits = fits if fits(first, 0) else None
    else:
        all(fits(found[i][1], i) for i in found.tried())


def _placed(error: Exception, where: str, hint: str = "") -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{where}: {error}{hint}")


def check_parts(model: Any, loss: Any, metrics: Any, files: Mapping[str, Any]) -> None:
    """Check the types of the model, the loss, the metrics and the names of files."""
    if not isinstance(model, Module):
        raise TypeError(
            f"a model such as nn.MLP(2, [16, 1]) is needed, or another Module, not {short(model)}"
        )
    if not callable(loss):
        pair = ": inputs and targets are a pair, fit(model, (X, y), loss)"
        raise TypeError(
            f"a loss is a function such as nn.mse, not {short(loss)}"
            f"{pair if hasattr(loss, '__len__') and not isinstance(loss, str) else ''}"
        )
    if not isinstance(metrics, Mapping | None):
        raise TypeError(f"metrics are functions by name, as in {{'size': f}}, not {short(metrics)}")
    for name, metric in (metrics or {}).items():
        if name in ("loss", "rate", "epoch") or str(name).startswith("validation "):
            raise ValueError(f"a metric can't be called {short(name)}: the history has that name")
        if not callable(metric):
            raise TypeError(f"the metric {short(name)} must be a function, not {short(metric)}")
    for name, path in files.items():
        if not isinstance(path, str | PathLike | None):
            raise TypeError(f"{name} must be the name of a file, not {short(path)}")


def check_settings(
    engine: str,
    epochs: Any,
    batch_size: Any,
    patience: Any,
    seed: Any,
    clip_norm: Any,
    clip_value: Any,
) -> None:
    """Check the numbers and names among the settings."""
    if engine != "jax" and current().processes > 1:
        raise ValueError(f"the processes of a cluster train with engine='jax', not {short(engine)}")
    if engine not in ENGINES:
        raise ValueError(choose("there is no engine", engine, ENGINES))
    whole = {"epochs": epochs, "batch_size": batch_size, "patience": patience}
    for name, number in whole.items():
        optional = number is None and name != "epochs"
        if not optional and (not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} must be a positive whole number, not {short(number)}")
    if not isinstance(seed, int):
        raise TypeError(f"seed must be a whole number, not {short(seed)}")
    for name, number in {"clip_norm": clip_norm, "clip_value": clip_value}.items():
        if number is not None and not finite(number, name) > 0:
            raise ValueError(f"{name} must be a positive number, not {short(number)}")
