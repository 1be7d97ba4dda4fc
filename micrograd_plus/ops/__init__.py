"""The operations: the table, what an entry of it is, and the numbers that floats give.

Others import `floats` and `operation`.
"""

from micrograd_plus.ops.operation import Domain as Domain
from micrograd_plus.ops.operation import Op as Op
from micrograd_plus.ops.table import *  # noqa: F403  the table has one list of its names
