"""Update rules as C: what each does in a step, written by its own `update`.

A rule is one loop over the parameters; what is the same for all of them is computed before it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from micrograd_plus import ops
from micrograd_plus.compiler.codegen.c import C
from micrograd_plus.compiler.codegen.python import indented
from micrograd_plus.compiler.codegen.sharing import shared
from micrograd_plus.compiler.codegen.syntax import Binary, Call, Let, Name, Node, Number, names
from micrograd_plus.optim import rules

if TYPE_CHECKING:
    from micrograd_plus.optim.rules import Rule

RULES: list[type[Rule]] = [
    kind for kind in vars(rules).values()
    if isinstance(kind, type) and issubclass(kind, rules.Rule) and kind is not rules.Rule
]  # fmt: skip
"""The rules that C knows, by number: those of the package."""

_TEXT = """
#ifdef UPDATES
/* A step of each update rule for n parameters: `before` has the rule's states one after the other,
   `after` gets the parameters and the states. Returns whether all of these are finite. */
{rules}

INLINED int rule_update({arguments})
{{
    switch (rule) {{
{cases}
    }}
    return 0;
}}
#endif
"""

_ARGUMENTS = (
    "ptrdiff_t n, const double *settings, double rate, double step, const double *gradients, "
    "const double *parameters, const double *before, double *after"
)


class _C(C):
    """Writes C, where a square root is one."""

    def _written(self, x: Node) -> tuple[str, int]:
        match x:
            case Binary("**", base, Number(0.5)):
                x = Call(ops.sqrt, (base,))
        return super()._written(x)


def settings(kind: type[Rule]) -> list[str]:
    """The names of a rule's settings besides its rate, in the order in which C takes them."""
    return [field.name for field in fields(kind) if field.name != "rate"]


def updates() -> str:
    """The text that follows that of the operations in operations.h.

    >>> "velocity = before[0 * n + i];" in updates()
    True
    """
    cases = [
        f"case {i}: return update_{kind.__name__}"
        "(n, settings, rate, step, gradients, parameters, before, after);"
        for i, kind in enumerate(RULES)
    ]
    return _TEXT.format(
        rules="\n".join(line for kind in RULES for line in _update(kind)),
        arguments=f"int rule, {_ARGUMENTS}",
        cases="\n".join(indented(cases)),
    )


def _update(kind: type[Rule]) -> list[str]:
    """The lines of a rule's function."""
    rule = object.__new__(kind)
    for name in settings(kind):
        object.__setattr__(rule, name, Name(name))
    gradient, parameter, *states = map(Name, ("gradient", "parameter", *kind.states))
    number, after = rule.update(gradient, tuple(states), parameter, Name("rate"), Name("step"))  # type: ignore[arg-type]
    found = [Let(f"after_{i}", x) for i, x in enumerate((number, *after))]
    varying = {"gradient", "parameter", *kind.states}
    outside: list[Let] = []

    def moved(x: Node) -> Node:
        """An expression, from which all that is the same for all parameters has been moved out."""
        if isinstance(x, Name | Number) or names([x]) & varying:
            rebuilt: Node = x.rebuilt(moved)
            return rebuilt
        outside.append(Let(f"same_{len(outside)}", x))
        return Name(outside[-1].name)

    inside = []
    for line in shared(found, cheaper=False):
        match line:
            case Let(name, value) if names([value]) & varying:
                varying.add(name)
                inside.append(Let(name, moved(value)))
            case Let():
                outside.append(line)
    c = _C("update", 1)
    arrays = {"gradient": "gradients[i]", "parameter": "parameters[i]"}
    arrays |= {name: f"before[{k} * n + i]" for k, name in enumerate(kind.states)}
    fine = " & ".join(f"(fabs(after_{i}) <= DBL_MAX)" for i in range(len(found)))
    loop = [
        *(f"const double {name} = {of};" for name, of in arrays.items()),
        *(f"const double {c.line(line)};" for line in inside),
        *(f"after[{i} * n + i] = after_{i};" for i in range(len(found))),
        f"fine += {fine};",
    ]
    body = [
        *(f"const double {name} = settings[{k}];" for k, name in enumerate(settings(kind))),
        *(f"const double {c.line(line)};" for line in outside),
        "ptrdiff_t fine = 0;",
        "EACH_PARAMETER {",
        *indented(loop),
        "}",
        "return fine == n;",
    ]
    return [f"INLINED int update_{kind.__name__}({_ARGUMENTS})", "{", *indented(body), "}"]
