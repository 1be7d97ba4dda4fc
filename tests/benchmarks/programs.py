"""A training step of programs as people write them: compiled, and as experts write it.

On one thread, in seconds of the processor. All results are compared first.
"""

import gc
import statistics
import time

import numpy as np

from micrograd_plus import compile
from micrograd_plus.compiler import TraceError
from tests.benchmarks.channel import serve
from tests.benchmarks.plain import Plain
from tests.benchmarks.timing import in_turns
from tests.programs.gpt import Sizes, gpt
from tests.programs.table import PROGRAMS

OURS = ("auto", "numpy", "native")  # the first that there is counts as ours
HAND, JAX, PLAIN = "NumPy by hand", "JAX by hand, jitted", "plain Value"
GPTS = {"GPT of scalars": Sizes(), "GPT of scalars, 2 layers": Sizes(layers=2)}
ONE_THREAD = {
    **dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
}


def in_jax(written, vector):
    """A step as XLA compiles it, on data that stay there."""
    import jax

    step = jax.jit(jax.value_and_grad(written.in_jax))
    given = jax.device_put((vector, *written.batch))
    return lambda: jax.block_until_ready(step(*given))


def plainly(sizes, numbers):
    """A step on the plain `Value`, node by node."""
    leaves = [Plain(number) for number in numbers]

    def step():
        for leaf in leaves:
            leaf.grad = 0
        loss = gpt(leaves, sizes=sizes)
        loss.backward()
        return loss.data, [leaf.grad for leaf in leaves]

    return step


def contenders(name, written):
    """Functions that make a step; what is known of ours; and what did not run, with the reason."""
    vector = np.array([p.data for p in written.parameters])
    calls = {HAND: lambda: written.by_hand(vector, *written.batch)}
    known, missing = {}, {}
    for backend in OURS:
        example = [part[0] for part in written.batch]
        begin = time.process_time()
        try:
            program = compile(written.fn, *example, params=written.parameters, backend=backend)
            program.value_and_grad(*written.batch)
        except (ModuleNotFoundError, ValueError, TraceError) as why:
            missing[backend] = str(why)
            continue
        seconds = time.process_time() - begin
        known[backend] = {"compiling": seconds, "lines": len(str(program).splitlines()),
                          "repr": repr(program)}  # fmt: skip
        calls[backend] = lambda program=program: program.value_and_grad(*written.batch)
    try:
        calls[JAX] = in_jax(written, vector)
    except ModuleNotFoundError as why:
        missing[JAX] = str(why)
    if name in GPTS:
        calls[PLAIN] = plainly(GPTS[name], vector.tolist())
    return calls, known, missing


def measured(name, repetitions):
    """The medians of all contenders at one program."""
    written = PROGRAMS[name].full()
    calls, known, missing = contenders(name, written)
    mean, gradient = map(np.asarray, calls[HAND]())
    for call in calls.values():
        value, slopes = call()
        np.testing.assert_allclose(value, mean, rtol=1e-9)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-8, atol=1e-9 * abs(gradient).max())
    gc.collect()
    gc.freeze()  # or each collection would look through all that JAX is made of
    times = in_turns(calls, repetitions, clock=time.process_time)
    gc.unfreeze()
    medians = {who: statistics.median(each) for who, each in times.items()}
    return {"batch": len(written.batch[0]), "seconds": times, "median": medians, "ours": known,
            "missing": missing}  # fmt: skip


if __name__ == "__main__":
    serve(measured)
