"""Communication between processes that train together."""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.backends import precision
from micrograd_plus.training.cluster import ClusterError, current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from micrograd_plus.training.eager import Means


def agree(facts: dict[str, Any]) -> None:
    """Check that the facts are the same in all processes.

    Args:
        facts: what must be the same, as plain data by name.

    Raises:
        ClusterError: (in all processes) something differs; the message names it.
    """
    numpy = need("numpy", "numpy")
    mine = [sha256(json.dumps(fact).encode()).digest()[:4] for fact in facts.values()]
    table = _gathered(numpy.frombuffer(b"".join(mine), numpy.uint32))
    for process, row in enumerate(table):
        if odd := [name for name, same in zip(facts, row == table[0], strict=True) if not same]:
            raise ClusterError(f"process {process} has other {', '.join(odd)} than process 0")


def total(means: Means) -> dict[str, float]:
    """The mean figures over the examples that all processes counted."""
    if current().processes == 1:
        return dict(means.found)
    table = _gathered([means.count, *means.found.values()])
    shares = table[:, 0] / table[:, 0].sum()
    return dict(zip(means.found, (shares @ table[:, 1:]).tolist(), strict=True))


def _gathered(row: Any) -> Any:
    """An array with the row of each process."""
    with working():
        multihost = need("jax.experimental.multihost_utils", "jax")
        return multihost.process_allgather(need("numpy", "numpy").asarray(row))


@contextmanager
def working() -> Iterator[None]:
    """Context of computations on all devices: failures become a ClusterError.

    Raises:
        ClusterError: another process was lost, or this one failed.
    """
    cluster = current()
    try:
        with precision(need("jax", "jax"), True):
            yield
    except (RuntimeError, ValueError) as error:
        if cluster.processes == 1:
            raise
        reason = str(error).splitlines()[0]
        raise ClusterError(f"another process was lost, or this one failed: {reason}") from error
    cluster.moved()
