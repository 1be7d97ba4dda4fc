"""Random programs as people write them, compiled: values and gradients are those of the engine."""

import numpy as np
from hypothesis import assume, given

from micrograd_plus import NonFiniteError, Value, compile
from micrograd_plus._tools.nested import flat, mapped
from micrograd_plus.graph import order
from tests.compiled import is_clear, not_compiled
from tests.effort import examples, parts, slow
from tests.needs import needed, needed_by, on
from tests.structures import structures


@examples(500)
@given(structures())
def test_on_numpy(structure):
    compare(structure, "numpy")


@examples(200)
@given(structures(pair=True))
def test_pairs(structure):
    compare(structure, "numpy", has_aux=True)


@slow
@parts(5)
@examples(100)
@given(structure=structures())
def test_on_jax(part, structure):
    needed("jax")
    with not_compiled():
        compare(structure, "jax")


@slow
@examples(20)
@given(structures())
def test_jax_compiles_what_it_is_given(structure):
    needed("jax")
    compare(structure, "jax")


@examples(500)
@given(structures())
def test_natively(structure):
    needed_by("native")
    compare(structure, "native")


@examples(100)
@given(structures(pair=True))
def test_pairs_natively(structure):
    needed_by("native")
    compare(structure, "native", has_aux=True)


@examples(500)
@given(structures())
def test_at_single_points(structure):
    needed_by("point")
    compare(structure, "point")


def recorded(structure):
    """What the engine gives for each example: nodes in order, inputs, result, other results."""
    for example in zip(*structure.batch, strict=True):
        given = [mapped(Value, part) for part in example]
        try:
            results = structure.fn(*given)
        except NonFiniteError:
            assume(False)
        root, others = results if isinstance(results, tuple) else (results, [])
        assume(isinstance(root, Value) and is_clear(root))
        nodes = order(root)
        assume(len(nodes) < 3000 and all(abs(node.data) < 100 for node in nodes))
        yield nodes, flat(given), root, [float(x) for x in flat(others)]


def compare(structure, backend, has_aux=False):
    """A random program, compiled and recorded, for a batch, whose examples count differently."""
    parameters, batch = structure.parameters, structure.batch
    weights = [1.0, -0.5, 2.0][: structure.examples]
    values, gradients, slopes, others, largest = [], [], [], [], 1.0
    for nodes, inputs, root, more in recorded(structure):
        for p in parameters:
            p.grad = 0.0
        root.backward()
        values.append(root.data)
        gradients.append([p.grad for p in parameters])
        slopes.append([x.grad for x in inputs])
        others.append(more)
        # a last digit that differs in a large number counts as much as what it is multiplied by
        scale = max(1.0, *(abs(x.data) for x in nodes)) * max(1.0, *(abs(x.grad) for x in nodes))
        largest = max(largest, scale)

    def equal(found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * largest)

    example = [part[0] for part in batch]
    if backend == "point":
        program = compile(structure.fn, *example, params=parameters, **on(backend))
        points = [program.value_and_grad(*point) for point in zip(*batch, strict=True)]
        equal([value for value, _ in points], values)
        equal([gradient for _, gradient in points], gradients)
        return
    program = compile(
        structure.fn, *example, params=parameters, input_gradients=True, backend=backend,
        has_aux=has_aux,
    )  # fmt: skip
    value, gradient, found, *rest = program.value_and_grad(*batch, weights=weights)
    equal(value, np.dot(weights, values))
    equal(gradient, np.dot(weights, gradients))
    results = program(*batch)
    equal(results[0] if has_aux else results, values)
    for i, weight in enumerate(weights):
        equal(at(found, i), np.multiply(weight, slopes[i]))
        for outputs in [*rest, *([results[1]] if has_aux else [])]:
            equal(at(outputs, i), others[i])


def at(batch, i):
    """The numbers of one example in nested arrays."""
    return flat(mapped(lambda x: x[i], batch, "leaves"))
