"""Batches split over all devices that JAX sees, and summed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from micrograd_plus._tools.errors import NonFiniteError
from micrograd_plus._tools.extras import need
from micrograd_plus.training.cluster import current
from micrograd_plus.training.compiled import Learnt, Part
from micrograd_plus.training.peers import working

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from micrograd_plus.compiler.program import Program
    from micrograd_plus.training.compiled import Take
    from micrograd_plus.training.eager import Problem


class Sharded:
    """Splits each batch over the devices; parameters and states are replicated.

    A step is one compiled function: the program on each device's part, one all-reduce of one
    vector, clipping and the update rule. Parts have equal size: they are padded with an example of
    weight 0.

    Each process takes its part of a batch in the order of the data, so it reads files forwards, and
    the same part in each epoch if the batch is all examples. Of data on demand it reads nothing
    else except the first example, which is traced, and all of a batch whose results are not finite,
    which is left to the eager engine.

    Raises:
        ModuleNotFoundError: (when made) JAX is missing.
        ValueError: (when made) JAX connects other processes than the cluster has.
    """

    backend = "jax"

    def __init__(
        self, problem: Problem, program: Program, take: Take, arrays: Sequence[Any] | None
    ) -> None:
        self._jax = jax = need("jax", "jax")
        self._numpy = need("numpy", "numpy")
        self._problem, self._program, self._take = problem, program, take
        if current().processes != jax.process_count():
            raise ValueError(
                f"JAX connects {jax.process_count()} processes: train in the block of a Cluster "
                "of as many"
            )
        self._least = 0  # for `read`, so that the batches of all steps have one length
        axis = (jax.sharding.AxisType.Auto,)
        self._devices = jax.device_count()
        self._mesh = jax.make_mesh((self._devices,), ("batch",), axis_types=axis)
        spec = jax.sharding.PartitionSpec
        self._copied = jax.sharding.NamedSharding(self._mesh, spec())
        self._split = jax.sharding.NamedSharding(self._mesh, spec("batch"))
        process = jax.process_index()
        places = enumerate(self._mesh.devices.flat)
        self._places = [k for k, device in places if device.process_index == process]
        self.begin()
        self._step, self._forward = self._functions()

    def _functions(self) -> tuple[Any, Any]:
        """A step and the outputs, each as one function over all devices."""
        jax, functions, count = self._jax, self._program.functions, len(self.vector)
        numpy = jax.numpy

        def real(total: Any, columns: Sequence[Any]) -> Any:
            """A mask of a device's examples that are not padding."""
            part = len(columns[0])
            return jax.lax.axis_index("batch") * part + numpy.arange(part) < total

        # scalars in one array: one transfer to the devices instead of many
        def step(vector: Any, states: Any, scalars: Any, *columns: Any) -> Any:
            total, rate, number = scalars[:3]
            shares = numpy.where(real(total, columns), 1 / total, 0.0)
            p = numpy.concatenate([vector, scalars[3:]])
            value, gradient, rows = functions["value_and_grad"](
                p, *(column.T for column in columns), shares
            )
            gradient = gradient[:count]
            if self._devices > 1:  # one all-reduce: many would take many times as long
                whole = jax.lax.psum(numpy.append(gradient, value), "batch")
                gradient, value = whole[:count], whole[count]
            limited, update = (
                self._problem.clipped(numpy, gradient),
                self._problem.optimizer.rule.update,
            )
            vector, states = update(limited, states, vector, rate, number)
            good = numpy.isfinite(value) & numpy.isfinite(gradient).all()
            fine = numpy.array([numpy.isfinite(x).all() for x in (vector, *states)]).all()
            return vector, states, gradient, numpy.array([value, good, fine]), rows

        def forward(vector: Any, scalars: Any, *columns: Any) -> Any:
            p = numpy.concatenate([vector, scalars[1:]])
            rows = functions["forward"](p, *(column.T for column in columns))
            bad = ~numpy.isfinite(rows).all(axis=0) & real(scalars[0], columns)
            return rows[1:], jax.lax.psum(bad.sum(), "batch")

        spec = jax.sharding.PartitionSpec
        data, wide = [spec("batch")] * len(self._filler), spec(None, "batch")

        def compiled(function: Any, copied: int, results: tuple[Any, ...]) -> Any:
            # check_vma matters only for JAX's own gradients
            return jax.jit(jax.shard_map(
                function, mesh=self._mesh, in_specs=(*[spec()] * copied, *data), out_specs=results,
                check_vma=False,
            ))  # fmt: skip

        results = (spec(), spec(), spec(), spec(), wide)
        return compiled(step, 3, results), compiled(forward, 2, (wide, spec()))

    def begin(self) -> None:
        states = zip(*self._problem.optimizer.states, strict=True)
        with working():
            self.vector, *copies = (
                self._jax.make_array_from_process_local_data(self._copied, numbers)
                for numbers in (self._program.vector.copy(), *map(self._numpy.array, states))
            )
        self.states = tuple(copies)

    def advance(self, part: Part, rate: float, number: int) -> Learnt:
        self._least = len(part.arrays[0]) // self._devices
        scalars = self._scalars(len(part.batch), rate, number)
        with working():
            vector, states, gradient, found, rows = self._step(
                self.vector, self.states, scalars, *part.arrays
            )
            # waiting for it in each step also keeps virtual devices from blocking each other
            value, gradient_is_fine, fine = self._jax.device_get(found).tolist()
            rows = self._own(part, rows)
            if self._problem.layers:
                gradient = self._jax.device_get(gradient)
        if not gradient_is_fine:
            raise NonFiniteError("a gradient is not finite")  # the eager engine finds which
        return Learnt(value, gradient, vector, states, bool(fine), rows)

    def keep(self, learnt: Learnt, number: int) -> None:
        optimizer = self._problem.optimizer
        self.vector, self.states, optimizer.steps = learnt.vector, learnt.states, number

    def evaluate(self, part: Part) -> Any:
        with working():
            rows, bad = self._forward(self.vector, self._scalars(len(part.batch)), *part.arrays)
            bad, rows = int(bad), self._own(part, rows)
        if bad:
            raise NonFiniteError(f"the results for {bad} examples are not finite")
        return rows

    def fetch(self) -> tuple[Any, ...]:
        self._program.vector = self.vector
        return self.states

    def _scalars(self, *numbers: float) -> Any:
        """Numbers, and after them those of leaves that are neither parameters nor inputs."""
        return self._numpy.array([*numbers, *self._program.numbers[len(self.vector) :]])

    def parts(self, order: Sequence[int], size: int) -> Iterator[Part]:
        starts = range(0, len(order), size)
        return (self.read(order[i : i + size], self._least) for i in starts)

    def read(self, batch: Sequence[int], least: int = 0) -> Part:
        """The batch as arrays over all devices; only this process's parts are read.

        Each device gets at least so many examples, some of which are padding.
        """
        numpy, rows = self._numpy, self._numpy.sort(batch)
        size = max(least, -(-len(batch) // self._devices))  # another size would be compiled anew
        blocks, numbers, targets = {}, [self._filler[1][:0]], []
        for start in (k * size for k in self._places):
            mine = rows[start : start + size].tolist()
            arrays, found = self._take(mine) if mine else (self._filler, [])
            numbers.append(arrays[1][: len(mine)])
            targets += found
            if len(mine) < size:
                filled = numpy.minimum(numpy.arange(size), max(len(mine), 1) - 1)
                arrays = [array[filled] for array in arrays]
            blocks[start] = arrays

        def placed(column: int) -> Any:
            shape = size * self._devices, blocks[start][column].shape[1]
            return self._jax.make_array_from_callback(
                shape, self._split, lambda index: blocks[index[0].start or 0][column]
            )

        with working():
            arrays = [*map(placed, range(len(self._filler)))]
        return Part(batch, arrays, numpy.concatenate(numbers), targets)

    @cached_property
    def _filler(self) -> list[Any]:
        """The first example, as padding for devices without any."""
        return self._take([0])[0]

    def _own(self, part: Part, rows: Any) -> Any:
        """Losses and outputs of the examples on this process's devices."""
        shards = sorted(rows.addressable_shards, key=lambda shard: shard.index[1].start or 0)
        blocks = [
            self._numpy.asarray(shard.data)[:, : len(range(len(part.batch))[shard.index[1]])]
            for shard in shards
        ]
        return self._numpy.concatenate(blocks, axis=1)
