"""What arrays are called: as the user's variables where there are some, and otherwise z1, a1, …"""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Any

from micrograd_plus.ops import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from micrograd_plus.compiler.schedule import Group
    from micrograd_plus.compiler.sites import Written

_TAKEN = {"N", "jax", "jnp", "np", "one_turn", "p", "s", "so_far", "value", *TABLE}
_OURS = r"(W|b)_\w+|d?[acdeijrtvWbz]\d+|\w+_from|placed|rows_added|windows"
_LONGEST = 70


def name_arrays(
    groups: Sequence[Group], inputs: Iterable[str], written: Callable[[int], Written]
) -> dict[str, str]:
    """Give groups the names of their arrays.

    The last array that a statement computes has the name of its variable; others are numbered, z1,
    z2, … those of sums over many terms and a1, a2, … the rest.

    Args:
        groups: in the order of computation.
        inputs: the names of the function's arguments.
        written: tells what is written at a site.

    Returns:
        For each array the line of the user's code that its elements come from.
    """
    texts = {id(group.family): written(_site(group)) for group in groups}
    last = {texts[id(group.family)].statement: group.family for group in groups}
    taken = {*_TAKEN, *inputs, *(f"d{name}" for name in ("p", *inputs))}
    sums = others = 0
    lines = {}
    for group in groups:
        if group is not group.family[0]:
            continue
        text = texts[id(group.family)]
        name = text.variable if last[text.statement] is group.family else ""
        if name and _usable(name):
            name = _free(name, taken)
            taken |= {name, f"d{name}"}
        elif group.first.many:
            sums += 1
            name = f"z{sums}"
        else:
            others += 1
            name = f"a{others}"
        line = "".join(c if c.isprintable() else " " for c in text.line)
        lines[name] = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
        for some in group.family:
            some.array = name
            for e in some.members:
                e.array = name
    return lines


def of_sum(letter: str, array: str) -> str:
    """The name of the weights W, or the biases b, of a sum: W1 for z1, W_query for query."""
    return f"{letter}{array[1:]}" if array[1:].isdigit() else f"{letter}_{array}"


def _site(group: Group) -> int:
    site: Any = group.first.site
    while isinstance(site, tuple):  # one of the sums that are written at one place
        site = site[0]
    return int(site)


def _usable(name: str) -> bool:
    return (
        bool(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name))
        and not re.fullmatch(_OURS, name)
        and not keyword.iskeyword(name)
    )


def _free(name: str, taken: set[str]) -> str:
    """The name, or the same with the first number that makes it another one."""
    found, number = name, 1
    while found in taken or f"d{found}" in taken:
        number += 1
        found = f"{name}{number}"
        if name[-1].isdigit() or not _usable(found):
            found = f"{name}_{number}"
    return found
