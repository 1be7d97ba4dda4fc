"""The engine of `fit` that uses all devices that JAX sees."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.compiler.codegen.backends import precision
from micrograd_plus.training.cluster import ClusterError, current
from micrograd_plus.training.engines import Compiled, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from micrograd_plus.training.engines import Advance, Counted, Means
    from micrograd_plus.training.examples import Examples


class Sharded(Compiled):
    """Splits each batch over the devices; parameters and states are on all of them.

    A step is one compiled function: the program on each device's part, one sum of one vector
    over all devices, clipping and the update rule. Parts are of one size: what lacks is filled
    with an example whose share there is 0.

    Each process takes its part of a batch in the order of the data: so it reads files forwards,
    and the same part of all examples in each epoch where they are one batch. Of data on demand
    it reads nothing else, but for the first example, which is traced, and the whole of a batch
    whose results are not finite, which is left to the engine.

    Args:
        found: all examples.
        given: as for `Eager`.

    Raises:
        TraceError: (when made) the loss can't be compiled, or is too large without structure.
        ModuleNotFoundError: (when made) JAX is missing.
    """

    backend = "jax"

    def __init__(self, found: Examples, *given: Any) -> None:
        self.jax = jax = need("jax", "jax")
        self.cluster = current()
        self.first = self.cluster.first
        if self.cluster.processes != jax.process_count():
            raise ValueError(
                f"JAX connects {jax.process_count()} processes: train in the block of a Cluster "
                "of as many"
            )
        axis = (jax.sharding.AxisType.Auto,)
        self.devices = jax.device_count()
        self.mesh = jax.make_mesh((self.devices,), ("batch",), axis_types=axis)
        spec = jax.sharding.PartitionSpec
        self.copied = jax.sharding.NamedSharding(self.mesh, spec())
        self.split = jax.sharding.NamedSharding(self.mesh, spec("batch"))
        process = jax.process_index()
        places = enumerate(self.mesh.devices.flat)
        self.own = [k for k, device in places if device.process_index == process]
        super().__init__(found, *given)
        self._step, self._forward = self._functions()

    def _functions(self) -> tuple[Any, Any]:
        """A step and the outputs, each as one function over all devices."""
        jax, functions, count = self.jax, self.program.functions, len(self.vector)
        numpy = jax.numpy

        def real(total: Any, columns: Sequence[Any]) -> Any:
            """Which of a device's examples do not just fill its part."""
            part = len(columns[0])
            return jax.lax.axis_index("batch") * part + numpy.arange(part) < total

        # the scalars come as one array, as each would be brought to the devices by itself
        def step(vector: Any, states: Any, scalars: Any, *columns: Any) -> Any:
            total, rate, number = scalars[:3]
            shares = numpy.where(real(total, columns), 1 / total, 0.0)
            p = numpy.concatenate([vector, scalars[3:]])
            value, gradient, rows = functions["value_and_grad"](
                p, *(column.T for column in columns), shares
            )
            gradient = gradient[:count]
            if self.devices > 1:  # one sum of one vector: many arrays take many times as long
                whole = jax.lax.psum(numpy.append(gradient, value), "batch")
                gradient, value = whole[:count], whole[count]
            vector, states = self._update(numpy, gradient, states, vector, rate, number)
            good = numpy.isfinite(value) & numpy.isfinite(gradient).all()
            fine = numpy.array([numpy.isfinite(x).all() for x in (vector, *states)]).all()
            return vector, states, gradient, numpy.array([value, good, fine]), rows

        def forward(vector: Any, scalars: Any, *columns: Any) -> Any:
            p = numpy.concatenate([vector, scalars[1:]])
            rows = functions["forward"](p, *(column.T for column in columns))
            bad = ~numpy.isfinite(rows).all(axis=0) & real(scalars[0], columns)
            return rows[1:], jax.lax.psum(bad.sum(), "batch")

        spec = jax.sharding.PartitionSpec
        data, wide = [spec("batch")] * 2, spec(None, "batch")

        def compiled(function: Any, copied: int, results: tuple[Any, ...]) -> Any:
            # what check_vma tells apart matters to JAX's gradients; the program has its own
            return jax.jit(jax.shard_map(
                function, mesh=self.mesh, in_specs=(*[spec()] * copied, *data), out_specs=results,
                check_vma=False,
            ))  # fmt: skip

        results = (spec(), spec(), spec(), spec(), wide)
        return compiled(step, 3, results), compiled(forward, 2, (wide, spec()))

    def _take_over(self) -> None:
        super()._take_over()
        with self._working():
            self.vector, *states = (
                self.jax.make_array_from_process_local_data(self.copied, numbers)
                for numbers in (self.vector, *self.states)
            )
        self.states = tuple(states)

    def _try_out(self) -> None:
        self.tried = isinstance(self.found, list)  # others are compared when they are read
        if self.tried:
            super()._try_out()

    def _advance(self, part: Part, rate: float, number: int) -> Advance:
        self.least = len(part.arrays[0]) // self.devices
        scalars = self._scalars(part.whole, rate, number)
        with self._working():
            vector, states, gradient, found, rows = self._step(
                self.vector, self.states, scalars, *part.arrays
            )
            # waiting for it in each step also keeps virtual devices from blocking each other
            value, gradient_is_fine, self.fine = self.jax.device_get(found).tolist()
            counted = self._counted(part, rows)
            if self.layers:
                gradient = self.jax.device_get(gradient)
        if not gradient_is_fine:
            raise NonFiniteError("a gradient is not finite")  # the engine will tell which
        return value, gradient, vector, states, counted

    def _check(self, vector: Any, states: Any, number: int) -> None:
        if not self.fine:
            super()._check(self.jax.device_get(vector), self.jax.device_get(states), number)

    def _outputs(self, part: Part) -> Counted:
        with self._working():
            rows, bad = self._forward(self.vector, self._scalars(part.whole), *part.arrays)
            bad, counted = int(bad), self._counted(part, rows)
        if bad:
            raise NonFiniteError(f"the results for {bad} examples are not finite")
        return counted

    def _scalars(self, *numbers: float) -> Any:
        """Numbers, and after them those of leaves that are neither parameters nor inputs."""
        return self.numpy.array([*numbers, *self.program.numbers[len(self.vector) :]])

    def _read(self, batch: Sequence[int], least: int = 0) -> Part:
        """The batch as arrays over all devices, of which the parts of own devices are read."""
        numpy, rows = self.numpy, self.numpy.sort(batch)
        size = max(least, -(-len(batch) // self.devices))  # another would be compiled anew
        blocks, targets = {}, []
        for start in (k * size for k in self.own):
            mine = rows[start : start + size].tolist()
            arrays, found = self._examples(mine) if mine else (self._first, [])
            targets += found
            if mine and not self.tried:
                self._compare([array[:16] for array in arrays], found[:16])
                self.tried = True
            if len(mine) < size:
                filled = numpy.minimum(numpy.arange(size), max(len(mine), 1) - 1)
                arrays = [array[filled] for array in arrays]
            blocks[start] = [array.reshape(size, -1) for array in arrays]

        def placed(column: int) -> Any:
            shape = size * self.devices, blocks[start][column].shape[1]
            return self.jax.make_array_from_callback(
                shape, self.split, lambda index: blocks[index[0].start or 0][column]
            )

        with self._working():
            return Part([placed(0), placed(1)], targets, len(batch))

    @cached_property
    def _first(self) -> list[Any]:
        """The first example, which fills the parts of devices that are left without one."""
        return self._examples([0])[0]

    def _counted(self, part: Part, rows: Any) -> Counted:
        """The targets of the examples on this process's devices, with losses and outputs."""
        shards = sorted(rows.addressable_shards, key=lambda shard: shard.index[1].start or 0)
        blocks = [
            self.numpy.asarray(shard.data)[:, : len(range(part.whole)[shard.index[1]])]
            for shard in shards
        ]
        losses, outputs = self.program.other_results(self.numpy.concatenate(blocks, axis=1))
        return part.targets, losses, outputs

    def agree(self, settings: dict[str, Any]) -> None:
        """Refuse to train together what differs between processes.

        Nobody has read all data that are on demand: of those the number of examples and the first
        one are compared, and whether the rest is the same is for those who give them to know.

        Raises:
            ClusterError: (in all processes) something differs; the message names it.
        """
        if self.cluster.processes == 1:
            return
        optimizer, known = self.optimizer, self.arrays or self._first
        rule = [type(optimizer.rule).__name__, optimizer.steps, *optimizer.states]
        parts = {
            "model": [str(self.program), self.program.numbers.tolist()],
            "data": [len(self.found), *(sha256(array.tobytes()).hexdigest() for array in known)],
            "update rule": rule,
            "settings": settings,
        }
        mine = [sha256(json.dumps(part).encode()).digest()[:4] for part in parts.values()]
        table = self._gathered(self.numpy.frombuffer(b"".join(mine), self.numpy.uint32))
        for process, row in enumerate(table):
            if odd := [name for name, same in zip(parts, row == table[0], strict=True) if not same]:
                raise ClusterError(f"process {process} has other {', '.join(odd)} than process 0")

    def total(self, means: Means) -> dict[str, float]:
        if self.cluster.processes == 1:
            return super().total(means)
        names = ["loss", *self.figures]
        table = self._gathered([means.count, *(means.found.get(name, 0.0) for name in names)])
        shares = table[:, 0] / table[:, 0].sum()
        return dict(zip(names, (shares @ table[:, 1:]).tolist(), strict=True))

    def _gathered(self, row: Any) -> Any:
        """An array with the row of each process."""
        with self._working():
            multihost = need("jax.experimental.multihost_utils", "jax")
            return multihost.process_allgather(self.numpy.asarray(row))

    @contextmanager
    def _working(self) -> Iterator[None]:
        """The surroundings of whatever is computed by all devices."""
        try:
            with precision(self.jax, True):
                yield
        except (RuntimeError, ValueError) as error:
            if self.cluster.processes == 1:
                raise
            reason = str(error).splitlines()[0]
            raise ClusterError(
                f"another process is gone, or this one can't go on: {reason}"
            ) from error
        self.cluster.moved()
