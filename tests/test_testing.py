"""The public strategies give what they promise."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from micrograd_plus import Value, check_gradients, replay, testing
from micrograd_plus.engine import apply
from micrograd_plus.graph import order
from micrograd_plus.ops.operation import Op
from micrograd_plus.parsing import from_text
from tests.effort import examples

CUBE = Op(
    "cube",
    value=lambda m, x: x * x * x,
    partials=(lambda m, out, x: 3.0 * x * x,),
    about="the cube of x, which is not in the table",
    example=((2.0,), 8.0),
)


@given(st.data())
def test_points_are_inside_the_domain_and_away_from_kinks(data):
    op = data.draw(testing.operations())
    point = data.draw(testing.points(op))
    assert op.domain.contains(*point)
    assert op.kink is None or abs(op.kink(*point)) >= testing.CLEARANCE


@given(testing.points(CUBE))
def test_an_operation_of_ones_own(point):
    assert check_gradients(lambda x: apply(CUBE, x), *point).ok


@given(testing.networks())
@examples(50)
def test_networks_can_be_trained(network):
    root, parameters = network
    root.backward()
    assert {*parameters} <= {*order(root)}
    before = root.data
    for p in parameters:
        p.data -= 1e-6 * p.grad
    replay(root)
    assert root.data <= before


@given(testing.expressions())
def test_expressions_are_read(expression):
    text, numbers = expression
    assert isinstance(from_text(text, numbers), Value)


def test_without_hypothesis_the_mend_is_named():
    code = "import sys; sys.modules['hypothesis'] = None; import micrograd_plus.testing"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'micrograd-plus[test]'" in run.stderr
