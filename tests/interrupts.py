"""Interrupts at every place where Python looks for signals: each once, in the same order each time.

Ctrl-C waits until Python's loop over its own code looks for it: where a function is entered, where
a loop jumps back, and after a call of C. A `KeyboardInterrupt` raised there by functions that trace
is the same, but at a place that a test can choose.
"""

import sys
from functools import cache
from itertools import count
from opcode import opname
from pathlib import Path

import micrograd_plus

_PACKAGE = str(Path(micrograd_plus.__file__).parent)
_BLOCKS = ("contextlib.py", "jax/_src/config.py")


@cache
def _jumps_back(code):
    """Where its loops jump back."""
    steps = range(0, len(code.co_code), 2)
    return {i for i in steps if opname[code.co_code[i]].startswith("JUMP_BACKWARD")}


@cache
def ours(code):
    """Whether it belongs to the package, or to the blocks of others that it uses."""
    return code.co_filename.startswith(_PACKAGE) or code.co_filename.endswith(_BLOCKS)


def interrupted(operation, place):
    """Whether an operation was interrupted at the place of that number, or had come to its end."""
    left = place

    def hit():
        nonlocal left
        left -= 1
        if left == -1:
            raise KeyboardInterrupt

    def traced(frame, event, _):
        if event == "call":
            if not ours(frame.f_code):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            hit()
        elif event == "opcode" and frame.f_lasti in _jumps_back(frame.f_code):
            hit()
        return traced

    def called(frame, event, _):
        if event == "c_return" and ours(frame.f_code):
            hit()

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(traced)
    sys.setprofile(called)
    try:
        operation()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return left < 0


def every_interrupt(prepare, apart=1):
    """Interrupt an operation at each place, on a new thing each time.

    Args:
        prepare: what makes a thing; it returns the operation, and a function that gives the state.
        apart: how many places to go on by, where all would be too many.

    Yields:
        For each interrupt the number of its place, the state before, the state after it, and the
        state where nothing interrupts.
    """
    operation, state = prepare()
    operation()
    done = state()
    for place in count(0, apart):
        operation, state = prepare()
        before = state()
        if not interrupted(operation, place):
            assert place > 0
            return
        yield place, before, state(), done
