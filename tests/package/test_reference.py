"""The API reference: what the docstrings of public names say, and the pages made from them."""

import ast
import doctest
import inspect
import io
import re
import textwrap
import tokenize
from pathlib import Path
from types import ModuleType

import micrograd_plus as mg
from micrograd_plus import functions, ops
from tests.effort import slow
from tests.needs import ROOT, loaded

PACKAGE = Path(mg.__file__).parent
reference = loaded(ROOT / ".github" / "reference.py")
PUBLIC = {
    f"{module.__name__}.{name}": thing
    for module in reference.modules()
    for name, thing in reference.public(module)
    if callable(thing)
}


def methods(thing):
    """The functions that a class defines for its users, properties included."""
    if inspect.isclass(thing):
        for name, member in vars(thing).items():
            member = getattr(member, "fget", getattr(member, "__func__", member))
            if inspect.isfunction(member) and (name[0] != "_" or name == "__call__"):
                yield name, member


DOCUMENTED = PUBLIC | {
    f"{path}.{name}": method for path, thing in PUBLIC.items() for name, method in methods(thing)
}


def examples(thing):
    return doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")


def section(thing, *names):
    """What stands in a section of a docstring: Args, Raises, …"""
    text = inspect.getdoc(thing) or ""
    found = [re.search(rf"^{name}:\n((?:    .*\n|\n)+)", f"{text}\n", re.M) for name in names]
    return "".join(match[1] for match in found if match)


def test_the_reference_has_all_public_names():
    listed = {id(thing) for thing in [*reference.modules(), *PUBLIC.values()]}
    assert not [name for name in mg.__all__ if id(getattr(mg, name)) not in listed]
    assert len(PUBLIC) > 150


def test_every_public_name_has_a_running_example():
    lacking = [
        path
        for path, thing in PUBLIC.items()
        if not examples(thing) and not any(examples(method) for _, method in methods(thing))
    ]
    assert not lacking
    skipped = [
        path
        for path, thing in DOCUMENTED.items()
        if any(doctest.SKIP in example.options for example in examples(thing))
    ]
    assert not skipped


def test_every_public_name_and_method_has_a_sentence():
    begins = {
        path: (inspect.getdoc(x) or "").partition("\n\n")[0] for path, x in DOCUMENTED.items()
    }
    bad = [
        path for path, text in begins.items() if not re.fullmatch(r"(?!\w+:\n|>).+\.", text, re.S)
    ]
    # what comes from Python's own classes says nothing about ours
    bad += [path for path, thing in PUBLIC.items() if inspect.isclass(thing) and not thing.__doc__]
    assert not bad


def test_a_lecture_is_named_where_its_letter_points():
    named = {*re.findall(r"^- lecture (\w): \".+\",? .+", mg.__doc__, re.M)}
    assert named == {*"ABCDE"}
    used = set()
    for path, thing in DOCUMENTED.items():
        for letters, after in re.findall(
            r"Source: lectures? (.*?\b[A-E]\b)([^A-E].*)", thing.__doc__ or ""
        ):
            used |= {*re.findall(r"\b[A-E]\b", letters)}
            assert "help(micrograd_plus)" in after, path
    assert {"A", "B", "C", "D"} <= used <= named


def test_a_formula_that_begins_a_docstring_keeps_its_letters():
    """The documentation of exp may begin "The exponential", that of expm1 not "Eˣ − 1"."""
    entries = [op for op in vars(ops).values() if isinstance(op, ops.Op)]
    begun = 0
    for op in entries:
        for home in (functions, mg.Value):
            text = getattr(getattr(home, op.name, None), "__doc__", None) or ""
            if not text.lower().startswith(op.about[:9].lower()):  # it has words of its own
                continue
            begun += 1
            word = re.match(r"[^\W_]*", op.about)[0]
            formula = len(word) < 2 or not word.isascii() or word in functions.__all__
            first = op.about[0] if formula else op.about[0].upper()
            assert text.startswith(first + op.about[1:9]), f"{home.__name__}.{op.name}"
    assert begun > 60


def parameters(thing):
    """The names of a function's parameters, or of those that make an object of a class."""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return []  # which are raised here, and not made by users
    try:
        found = inspect.signature(thing).parameters
    except ValueError:  # of classes that Python makes itself
        return []
    hidden = {"self", "cls", "args", "kwargs"}
    return [name for name in found if name not in hidden and name[0] != "_"]


def test_every_parameter_is_told():
    lacking = {}
    for path, thing in DOCUMENTED.items():
        told = section(thing, "Args", "Attributes") + section(thing, "Arguments")
        names = {word for line in re.findall(r"^    (\w.*?):", told, re.M) for word in
                 re.findall(r"\w+", line)}  # fmt: skip
        names |= {*re.findall(r"`(\w+)`", inspect.getdoc(thing) or "")}
        # how an object is called, its class tells; and protocols are not made
        if path.endswith("__call__") or getattr(thing, "_is_protocol", False):
            continue
        if missing := [name for name in parameters(thing) if name not in names]:
            lacking[path] = missing
    assert not lacking


def raised(function):
    """The names of the errors that a function raises itself."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except OSError:  # made by Hypothesis, or for a named tuple
        return
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name))):
                yield name


def test_every_error_that_is_raised_is_told():
    lacking = {}
    for path, thing in DOCUMENTED.items():
        if not inspect.isclass(thing) and inspect.isfunction(inspect.unwrap(thing)):
            told = section(thing, "Raises")
            if missing := {name for name in raised(inspect.unwrap(thing)) if name not in told}:
                lacking[path] = missing
    assert not lacking


def test_what_stands_in_backticks_exists():
    known = {"python", "math", "numpy"}
    for path in PACKAGE.rglob("*.py"):
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        known |= {token.string for token in tokens if token.type == tokenize.NAME}
    strange = {}
    for path, thing in DOCUMENTED.items():
        quoted = re.findall(
            r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(\))?`", inspect.getdoc(thing) or ""
        )
        if unknown := {word for text in quoted for word in text.split(".")} - known:
            strange[path] = unknown
    assert not strange


def test_docstrings_are_converted_but_examples_are_not():
    told = {"grad": "micrograd_plus.grad"}
    text = "Of `x`, `mg.grad()`, *or* |x_|:\n\n>>> f(*x) | `y`\n1\n\nA * b_c."
    grad = ":py:obj:`mg.grad() <micrograd_plus.grad>`"
    converted = rf"Of ``x``, {grad}, \*or\* \|x\_\|:" "\n\n>>> f(*x) | `y`\n1\n\n" r"A \* b_c."
    assert reference.restructured(text, told) == converted


@slow
def test_the_pages_show_all_names_and_sections(site):
    told = reference.places()
    html = {
        module: (site / "api" / f"{module.__name__}.html").read_text(encoding="utf-8")
        for module in reference.modules()
    }
    for module, page in html.items():
        for name, thing in reference.public(module):
            if not isinstance(thing, ModuleType):  # told here, or where the page leads to
                assert re.search(rf'(id="|#){re.escape(told[name])}"', page), (module, name)
        # sections that were not understood, marks of another language, what Python says of tuples
        text = re.sub("<[^>]*>", "", re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL))
        for words in ("Args:", "`", "Alias for field", "Create new instance"):
            assert words not in text, (module, words)
    assert 'class="n"><span class="pre">nouts</span>' in html[mg.nn]  # of `MLP`, not of `__new__`
    everything = "".join(html.values())
    assert [path for path in told.values() if f'id="{path}"' not in everything] == []
