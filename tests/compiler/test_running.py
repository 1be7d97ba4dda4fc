"""What NumPy runs: it gives what is printed, and no array is overwritten that is still needed."""

import re
import threading
from dataclasses import replace

import numpy as np
import pytest

import micrograd_plus as mg
from micrograd_plus import nn
from micrograd_plus.compiler.codegen.running import _Running, in_place
from micrograd_plus.compiler.codegen.syntax import (
    Call,
    Function,
    Let,
    Library,
    Loop,
    Name,
    Number,
    Write,
)
from micrograd_plus.ops import TABLE
from tests.programs.table import PROGRAMS

P, X, Y, Z = map(Name, "pxyz")
SUM, EXPONENTIAL = X + 1.0, Call(TABLE["exp"], [Y])


def texts(*lines, results=(Z,), x=2):
    """What runs, with its numbers where it has names for them."""
    function = Function("forward", ["p", "x"], lines, results)
    language = _Running()
    text = "\n".join(language.block(in_place(function, {"p": 6, "x": x}).lines))
    for number, name in language.numbers.items():
        text = re.sub(rf"\b{name}\b", number, text)
    return text.split("\n")


def by_columns(function, results):
    """What the functions of a source give in rows, in arrays of (numbers, examples)."""
    if function == "forward":
        return results.T.reshape(-1, len(results))
    value, gradient, *wide = results
    return value, gradient, *(rows.T for rows in wide)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_runs_gives_what_is_printed(name):
    written = PROGRAMS[name].small()
    example = [part[0] for part in written.batch]
    program = mg.compile(written.fn, *example, params=written.parameters, backend="numpy")
    printed = {}
    exec(program.source(), printed)
    numbers = program.numbers.copy()
    columns = [np.reshape(part, (len(part), -1)).T.astype(float) for part in written.batch]
    given = [numbers, *(column.copy() for column in columns)]
    for function in program.functions:
        shares = [np.linspace(0.1, 0.9, columns[0].shape[1])] * (function != "forward")
        found = program.functions[function](numbers, *columns, *shares)
        expected = by_columns(function, printed[function](numbers, *written.batch, *shares))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)
    for array, before in zip([numbers, *columns], given, strict=True):
        np.testing.assert_array_equal(array, before)


# ---------------------------------------------------------------------------- places


def test_what_has_no_name_gives_its_place():
    assert texts(Let("z", (X + 1.0) * X), x=1) == ["z = x + 1.0", "np.multiply(z, x, out=z)"]
    assert texts(Let("z", X * (X + 1.0)), x=1) == ["z = x + 1.0", "np.multiply(x, z, out=z)"]


def test_an_array_gives_its_place_when_it_is_needed_no_more():
    used = [Let("y", X + 1.0), Let("z", EXPONENTIAL)]
    assert texts(*used) == ["y = x + 1.0", "exp(y, out=y)", "z = y"]
    assert texts(*used, Let("w", Z * Y), results=[Name("w")])[1] == "z = exp(y)"
    assert texts(*used, results=[Y, Z])[1] == "z = exp(y)"
    later = texts(*used, Let("w", 2.0 * Z), Let("v", Name("w") + Z), results=[Name("v")])
    assert later[3:] == ["w = 2.0 * z", "np.add(w, z, out=w)", "v = w"]


def test_an_array_that_is_read_twice_gives_no_place():
    lines = [Let("y", X + 1.0), Let("z", (Y * 2.0) / Y)]
    assert texts(*lines)[1:] == ["z = y * 2.0", "np.divide(z, y, out=z)"]


def test_an_array_that_others_view_gives_no_place():
    view = Let("v", Y.library("reshape", 1, 2, "N"))
    both = Let("w", Z + Name("v")[0])
    lines = [Let("y", X + 1.0), view, Let("z", EXPONENTIAL)]
    assert "z = exp(y)" in texts(*lines, both, results=[Name("w")])
    assert "z = exp(y)" in texts(*lines, results=[Z, Name("v")])
    assert "exp(y, out=y)" in texts(*lines)
    assert texts(Let("y", X + 1.0), view, Let("z", Y * Name("v")[0]))[2] == "z = y * v[0]"


def test_what_takes_a_place_is_viewed_as_it():
    lines = [Let("y", X + 1.0), Let("z", EXPONENTIAL), Let("v", Z[0:1])]
    w = Let("w", Z * 2.0)
    assert texts(*lines, w, results=[Name("w"), Name("v")])[-1] == "w = z * 2.0"
    assert "np.multiply(z, 2.0, out=z)" in texts(*lines, w, results=[Name("w")])


def test_parts_of_what_is_viewed_or_added_are_computed_in_places():
    part = (Y * 3.0 + X).library("reshape", 2, "N")
    lines = [Let("y", X + 1.0), Let("z", X * 2.0)]
    added = Write(Z, part, adds=True)
    there = ["np.multiply(y, 3.0, out=y)", "np.add(y, x, out=y)"]
    assert texts(*lines, added)[3:] == [*there, "z += y.reshape(2, N)"]
    assert texts(*lines, Let("w", part), results=[Name("w")])[3:] == [*there, "w = y.reshape(2, N)"]
    assert "z += (y * 3.0 + x).reshape(2, N)" in texts(*lines, added, results=[Y, Z])
    assert "y += (y * 3.0 + x).reshape(2, N)" in texts(lines[0], replace(added, target=Y))
    view = Let("v", Y[0:2])
    target = replace(added, target=Name("v"))
    assert "v += (y * 3.0 + x).reshape(2, N)" in texts(lines[0], view, target)


def test_rows_of_a_product_are_added_up_in_a_place():
    def lines(rule):
        return [Let("y", X + 1.0), Let("z", Library("einsum", [rule, Y, X]) * 2.0)]

    there = ["np.multiply(y, x, out=y)", "z = np.add.reduce(y, axis=0)"]
    assert texts(*lines("'an,an->n'"))[2:4] == there
    assert "np.einsum" in texts(*lines("'an,an->n'"), results=[Y, Z])[2]
    for other in ("'an,an->a'", "'an,bn->n'", "'an,na->n'", "'aa,aa->a'", "'an,an->an'"):
        assert f"np.einsum({other}, y, x)" in texts(*lines(other))[2]


def test_what_adds_up_an_array_does_not_view_it():
    added = Let("w", Y.library("sum", axis=0)[None])
    lines = [Let("y", X + 1.0), added, Let("z", EXPONENTIAL)]
    assert "exp(y, out=y)" in texts(*lines, results=[Z, Name("w")])


def test_parameters_and_their_views_give_no_place():
    assert texts(Let("z", X + 1.0)) == ["z = x + 1.0"]
    assert texts(Let("y", X[0:1]), Let("z", EXPONENTIAL))[1] == "z = exp(y)"
    assert texts(Let("y", P[0:2, None]), Let("z", EXPONENTIAL))[1] == "z = exp(y)"


def test_only_an_array_of_the_same_shape_and_kind_gives_its_place():
    row = Let("y", P[0:2, None] + 1.0)
    assert texts(row, Let("z", Y * X))[1] == "z = y * x"
    assert "z = y * x" in texts(Let("y", X[0:1] + 1.0), Let("z", Y * X))
    assert "z = y * x" in texts(Let("y", X > 0.0), Let("z", Y * X))
    unknown = X.library("repeat", 1, axis=0)
    assert "z = y * x" in texts(Let("y", unknown + 1.0), Let("z", Y * X))


def test_a_power_and_a_choice_are_not_computed_in_a_place():
    assert texts(Let("y", X + 1.0), Let("z", Y**2.5))[1] == "z = y ** 2.5"
    chosen = Call(TABLE["where"], [X > 0.0, Y, Number(0.0)])
    assert texts(Let("y", X + 1.0), Let("z", chosen))[-1] == "z = where(x > 0.0, y, 0.0)"


def test_a_relu_takes_the_place_of_what_its_derivative_would_need():
    relu = Call(TABLE["relu"], [Y])
    lines = [Let("y", X + 1.0), Let("z", relu), Let("d", 2.0 * (Y > 0.0) * Z)]
    assert texts(*lines, results=[Name("d")]) == [
        "y = x + 1.0", "maximum(y, 0.0, out=y)", "z = y", "d = 2.0 * (z > 0.0)",
        "np.multiply(d, z, out=d)",
    ]  # fmt: skip
    changed = [*lines[:2], Write(Y, X, adds=True), *lines[2:]]
    assert any("y > 0.0" in text for text in texts(*changed, results=[Name("d")]))


def test_in_a_loop_only_what_a_turn_defines_gives_its_place():
    h, w = Name("h"), Name("w")
    turn = [Let("y", w * 2.0), Let("v", Y + X), Let("h", h + Name("v"))]
    begin = [Let("h", X * 1.0), Let("w", X * 3.0)]
    found = texts(*begin, Loop("n", 1, 3, turn), Let("z", h * 4.0), x=1)
    assert found[3:] == [
        "    y = w * 2.0", "    np.add(y, x, out=y)", "    v = y", "    h = h + v", "z = h * 4.0",
    ]  # fmt: skip
    assert "    v = y + x" in texts(*begin, Loop("n", 1, 3, turn), Let("z", h * Y), x=1)
    carried = [Let("v", Y + X), Let("y", Name("v") * w)]
    before = [Let("y", X * 2.0), Let("w", X * 3.0)]
    found = texts(*before, Loop("n", 1, 3, carried), Let("z", Y * 1.0), x=1)
    assert "    v = y + x" in found


def test_in_a_loop_what_the_next_turn_reads_gives_no_place():
    h, w = Name("h"), Name("w")
    turn = [
        Let("v", h * X), Let("y", X * 2.0), Let("h", Y[0:1]), Let("u", Y * 3.0),
        Write(w, Name("u") + Name("v"), adds=True),
    ]  # fmt: skip
    found = texts(Let("h", X * 1.0), Let("w", X * 3.0), Loop("n", 1, 3, turn), results=[w], x=1)
    assert "    u = y * 3.0" in found


def test_in_a_loop_turns_may_make_an_array_larger():
    turn = [Let("v", (P[0:1, None] + 1.0) + Name("h")), Let("h", Name("v") * X)]
    found = texts(Let("h", P[0:1, None] * 2.0), Loop("n", 1, 3, turn), results=[Name("h")], x=1)
    assert "    v = p[0:1, None] + 1.0 + h" in found


def test_an_array_that_is_defined_anew_keeps_its_numbers_until_then():
    again = Let("z", (Z * 3.0) * Z)
    assert texts(Let("z", X * 2.0), again) == ["z = x * 2.0", "z = z * 3.0 * z"]


def test_whole_numbers_have_no_place_for_others():
    count = (X > 0.0).library("sum", axis=1, keepdims=True)
    assert len(texts(Let("z", (count + count) * 0.5), x=1)) == 1


def test_a_product_is_computed_where_it_belongs():
    dp = Name("dp")
    empty, product = Let("dp", Library("empty_like", [P])), X @ X.T
    there = Write(dp[0:4].library("reshape", 2, 2), product)
    assert texts(empty, there, results=[dp])[1] == ("np.matmul(x, x.T, out=dp[0:4].reshape(2, 2))")
    for other in (
        Write(dp[0:4].library("reshape", 2, 2), product, adds=True),
        Write(dp[0:6].library("reshape", 3, 2)[0:3], X[0:1] @ X.T),  # for all rows
        Write(dp[Name("i1")], product),
    ):
        assert "out=" not in texts(empty, other, results=[dp])[1]


def test_a_sum_is_computed_where_it_belongs():
    half, total = Y[0:2], X.library("sum", axis=1)
    there = Write(half, total)
    lines = [Let("y", P.library("empty_like")), there, replace(there, adds=True), Write(Y, total)]
    assert texts(*lines, results=[Y])[2:] == [
        "np.add.reduce(x, axis=1, out=y[0:2])",
        "y[0:2] += np.add.reduce(x, axis=1)",
        "y[:] = np.add.reduce(x, axis=1)",  # into more places than it has numbers
    ]


def test_a_batch_is_copied_that_is_read_element_by_element_more_than_once():
    twice = Let("z", X * 2.0 + X * 3.0)
    assert texts(twice)[0] == "x = x.copy()"
    assert not any("copy" in text for text in texts(twice, x=1))
    assert not any("copy" in text for text in texts(Let("z", X * 2.0)))
    products = Let("y", P[0:2, None].T @ X), Let("z", X @ X.T)
    assert not any("copy" in text for text in texts(*products))


# --------------------------------------------------------------------------- results


def cross_entropy():
    model = nn.MLP(3, [4, 2], seed=1, init="he_uniform")
    program = mg.compile(
        lambda x, t: (nn.softmax_cross_entropy(model(x), t), model(x)), [0.1] * 3, [1.0, 0.0],
        params=model, has_aux=True, input_gradients=True, backend="numpy",
    )  # fmt: skip
    draw = np.random.default_rng(0)
    batches = [(draw.normal(size=(5, 3)), np.eye(2)[draw.integers(0, 2, 5)]) for _ in range(4)]
    return program, batches


def numbers(results):
    value, gradient, slopes, others = results
    return np.concatenate([[value], gradient, *map(np.ravel, slopes), np.ravel(others)])


def test_no_call_changes_what_another_returned_or_was_given():
    program, batches = cross_entropy()
    given = [numbers((0.0, [], batch, [])) for batch in batches]
    found = [program.value_and_grad(*batch) for batch in batches]
    outputs = [program(*batch) for batch in batches]
    kept = [
        (numbers(one), np.ravel(two[1]).copy()) for one, two in zip(found, outputs, strict=True)
    ]
    for batch in reversed(batches):
        program.value_and_grad(*batch)
        program(*batch)
    for i, batch in enumerate(batches):
        np.testing.assert_array_equal(numbers(found[i]), kept[i][0])
        np.testing.assert_array_equal(np.ravel(outputs[i][1]), kept[i][1])
        np.testing.assert_array_equal(numbers((0.0, [], batch, [])), given[i])


def test_threads_share_no_places():
    program, batches = cross_entropy()
    expected = [numbers(program.value_and_grad(*batch)) for batch in batches]
    wrong = []

    def work(batch, right):
        for _ in range(200):
            if not np.array_equal(numbers(program.value_and_grad(*batch)), right):
                wrong.append(batch)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(batches, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_have_the_type_of_the_arrays(dtype):
    program = mg.compile(lambda x: 0.1 * x + x / 3.0 + mg.maximum(x, 0.7), 0.5, dtype=dtype)
    batch = np.linspace(0.1, 0.9, 5, dtype=dtype)
    third, tenth, bound = np.array([3.0, 0.1, 0.7], dtype)
    expected = tenth * batch + batch / third + np.maximum(batch, bound)
    assert program.functions["forward"](program.numbers, batch[None]).dtype == dtype
    np.testing.assert_allclose(program(batch), expected, rtol=4 * np.finfo(dtype).eps)
