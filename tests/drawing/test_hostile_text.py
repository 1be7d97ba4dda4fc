"""Labels, expressions, titles and names are text: thousands of hostile strings in every format.

A picture, page or formula with hostile labels has the structure of one with harmless labels: the
same elements with the same attributes, the same commands.
"""

import builtins
import csv
import io
import json
import math
import re
import subprocess
import unicodedata
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import micrograd_plus as mg
from micrograd_plus._tools import names
from micrograd_plus._tools.names import latex_name, text_name
from micrograd_plus._tools.text import _visible, shorten, visible
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.pages.page import page
from micrograd_plus.drawing.pages.stepper import fragment
from micrograd_plus.drawing.scene.parts import scene
from micrograd_plus.drawing.walkthrough import write_page
from micrograd_plus.parsing import ExpressionError, from_text, read_numbers
from micrograd_plus.training import History
from micrograd_plus.walk import sentences
from micrograd_plus.walk.steps import Walk
from tests.effort import examples, few, share, slow
from tests.hostile import SAMPLES, hostile
from tests.needs import program

pytestmark = pytest.mark.no_cover  # the same lines many times over, which others cover, too
STRINGS = hostile(share(10_000))
LABELS = 100  # in one graph; larger ones take longer than several
ANY = st.one_of(
    st.text(st.characters(), max_size=50),
    st.text(st.sampled_from("<>&\"'\\`$%#_^~{}[]|;:=-!?\n\0\ud800\u202ex1"), max_size=50),
    st.lists(st.sampled_from(SAMPLES), max_size=4).map("".join),
)


def graph(labels):
    """A tree of products whose values have these labels."""
    rest = iter(labels)

    def labelled(value):
        value.label = next(rest)
        return value

    row = [labelled(mg.Value(1.0)) for _ in range((len(labels) + 1) // 2)]
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [labelled(a * b) for a, b in pairs] + row[len(row) // 2 * 2 :]
    return row[0]


def harmless(label):
    """A label with the parts of a hostile one: a name, scripts, or nothing."""
    base, below, above, _ = names.parsed(shorten(visible(label)))
    return ("n" + "_1" * bool(below) + "^2" * bool(above)) if base else ""


def chunks():
    """All strings, some at a time; those that have the same harmless label together."""
    kinds = {}
    for text in STRINGS:
        kinds.setdefault(harmless(text), []).append(text)
    return [
        tuple(kind[i : i + LABELS]) for kind in kinds.values() for i in range(0, len(kind), LABELS)
    ]


ALL = [tuple(SAMPLES), *chunks()]


def each(labels):
    return pytest.mark.parametrize(
        "labels", few(3, zip(labels, strict=True)), ids=lambda _: "labels"
    )


EACH = each(ALL)


def twins(labels):
    """As many harmless labels."""
    return tuple(map(harmless, labels))


def spaces(text):
    """Each space as an ordinary one, as Graphviz writes some of them as others."""
    return re.sub(r"\s", " ", text)


def assert_shown(text):
    """A text that no terminal and no reader takes for more than its characters."""
    for character in set(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") or character == "\n"
        assert unicodedata.bidirectional(character)[:2] not in ("LR", "RL", "PD", "FS"), character
        assert character not in "\u061c\u200e\u200f"


# ---------------------------------------------------------------------------------- DOT


def structure(element):
    """An element's name, attributes and elements, without its text."""
    return element.tag, sorted(element.attrib.items()), [structure(child) for child in element]


def parsed(label):
    """A label of DOT: the structure of a table, or the text."""
    if label.startswith("<table"):
        table = ET.fromstring(label)
        return str([(tag, attributes, len(inner)) for tag, attributes, inner in flat(table)])
    return label


def flat(element):
    yield from (structure(found) for found in element.iter())


@cache
def read_by_graphviz(labels, style):
    """Nodes and edges with all attributes, as Graphviz itself reads the source."""
    source = mg.draw(graph(labels), style).source
    command = [layout._program("svg"), "-Kosage", "-Tdot_json"]
    run = subprocess.run(command, input=source.encode(), capture_output=True, check=True)
    assert b"rror" not in run.stderr
    content = json.loads(run.stdout)
    found = []
    for thing in [content, *content["objects"], *content.get("edges", [])]:
        parts = {name: parsed(x) if name == "label" else x for name, x in thing.items()}
        parts.pop("tooltip", None)  # a text, with the label in it
        for name in ("objects", "edges", "bb", "pos", "height", "width", "rects", "lp"):
            parts.pop(name, None)  # where it is laid out
        found.append(parts)
    return found


@EACH
def test_dot_has_the_structure_of_harmless_labels(labels):
    style = "wires" if labels == tuple(SAMPLES) else "box"
    found = read_by_graphviz(labels, style)
    expected = read_by_graphviz(twins(labels), style)
    sizes = re.compile(r"\('(width|height)', '\d+'\)")
    for mine, theirs in zip(found, expected, strict=True):
        assert sizes.sub("", str(mine)) == sizes.sub("", str(theirs))


# ---------------------------------------------------------------------------------- SVG


def look(element):
    """A picture's elements and the names of their attributes; ids and references in full."""
    return [
        (e.tag, [(k, v if k in ("id", "class") or "href" in k else "") for k, v in e.items()])
        for e in element.iter()
    ]


def shown_at(picture, name, which=""):
    """The text of a node, or a part of it, by its id."""
    groups = {group.get("id"): group for group in picture.findall(".//{*}g")}
    texts = groups[name].findall(f".//{{*}}text{which}") if name in groups else []
    return "".join(text for element in texts for text in element.itertext())


@cache
def svg(labels, style="wires"):
    return ET.fromstring(mg.draw(graph(labels), style).pipe("svg"))


@EACH
def test_svg_has_the_structure_of_harmless_labels_and_the_text_of_the_label(labels):
    style = "box" if labels == tuple(SAMPLES) else "wires"
    found, expected = svg(labels, style), svg(twins(labels), style)
    assert sorted(look(found)) == sorted(look(expected))
    for i, part in enumerate(scene(graph(labels)).parts):
        if part.gate is None and style == "wires":
            base, below, above, primes = names.parsed(shorten(visible(part.label)))
            # many leaves have their names beside their plates
            shown = spaces(shown_at(found, f"o{i}") or shown_at(found, f"v{i}", "[@font-style]"))
            assert shown.strip() == spaces(base + primes + above + below).strip()


@examples(60)
@given(st.lists(ANY, min_size=2, max_size=20))
def test_any_labels(labels):
    found, expected = svg(tuple(labels)), svg(twins(labels))
    assert sorted(look(found)) == sorted(look(expected))


# --------------------------------------------------------------------------------- HTML


class Page(HTMLParser):
    """A page's elements, its comments and declarations, and what stands in its scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.structure, self.scripts, self.texts, self.inside = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.structure.append((tag, [(k, "" if k == "alt" else v) for k, v in attributes]))
        self.inside.append(tag)
        self.texts += [v for k, v in attributes if k == "alt"]

    def handle_endtag(self, tag):
        self.structure.append(tag)
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        (self.scripts if "script" in self.inside else self.texts).append(data)

    def handle_comment(self, data):
        self.structure.append(("comment", data))

    handle_decl = handle_pi = unknown_decl = handle_comment


def whole(labels):
    """A page with hostile labels, title and headings, and its parts."""
    walk = Walk(graph(labels))
    text = page(labels[0], [(labels[-1], fragment(walk))] * 2)
    return Page(text), walk, text


@pytest.fixture
def layout_gives_the_source(monkeypatch):
    """The pictures in pages are their own sources: so whatever is in a picture is text there."""
    monkeypatch.setattr(layout, "render", lambda source, format: source.encode())


@each(ALL[::5])  # whose pictures are those of the tests above
def test_pages_have_the_structure_of_harmless_labels(labels, layout_gives_the_source):
    found, walk, text = whole(labels)
    expected, *_ = whole(twins(labels))
    # images, names that scripts find their elements by, and hashes are as their content is
    own = re.compile("base64,[^']*|(?<='data-living', ')[0-9a-f]{12}(?=')|'sha256-[^']*'")
    alike = [
        [own.sub("", str(part)) for part in content.structure] for content in (found, expected)
    ]
    assert alike[0] == alike[1]
    assert found.texts.count(visible(labels[0])) >= 2 or not labels[0]
    assert "\n".join(step.text for step in walk) in found.texts
    script = next(script for script in found.scripts if '"steps":' in script)
    payload = script[script.index('{"svg":') :]
    content, end = json.JSONDecoder().raw_decode(payload)
    assert "<" not in payload[:end]
    assert [step["text"] for step in content["steps"]] == [step.text for step in walk]
    assert_shown(text)


# ---------------------------------------------------------------------- text and LaTeX

GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
LARGE = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
MATHEMATICS = {
    f"\\{name}": unicodedata.lookup(f"GREEK {size} LETTER {name.replace('mbd', 'md')}")
    for size, names in (("SMALL", f"{GREEK} upsilon phi chi psi omega"), ("CAPITAL", LARGE))
    for name in names.split()
}
MATHEMATICS |= {"\\varsigma": "ς", "\\partial": "∂", "\\nabla": "∇", "\\infty": "∞", "\\cdot": "·"}
MATHEMATICS |= {"\\times": "×", "-": "−", "'": "′", "\\ell": "ℓ"}
MATHEMATICS |= {"\\div": "÷", "\\surd": "√", "\\sqrt[3]{}": "∛", "\\to": "→"}
MATHEMATICS |= {"\\le": "≤", "\\ge": "≥", "\\ne": "≠"}
MATHEMATICS |= {"\\lfloor": "⌊", "\\rfloor": "⌋", "\\lceil": "⌈", "\\rceil": "⌉"}
NAMED = {"backslash": "\\", "asciicircum": "^", "asciitilde": "~", "less": "<", "greater": ">"}
NAMED |= {"bar": "|"}
SYMBOL = "|".join(map(re.escape, MATHEMATICS))
RAISED = {
    f"^{{{digit}}}": unicodedata.lookup(f"SUPERSCRIPT {unicodedata.name(digit)[6:]}")
    for digit in "0123456789"
}
SMALL = r"[\^_]\{[^{}]\}"
PIECE = re.compile(  # of a text: first the engines that have all characters, and those that don't
    r"\\ifdefined\\Umathchar ([^\x00-\x7f])\\else U\+([0-9A-F]{4,6})\\fi\{\}"
    rf"|\$({SYMBOL}|{SMALL})\$|\\text({'|'.join(NAMED)})\{{\}}|\\([{{}}$&#%_])|([^\\{{}}$&#%_^\x00-\x1f])"
)
TEXT = re.sub(r"\((?!\?)", "(?:", PIECE.pattern)
WORD = rf"[A-Za-z]|[0-9,]*|\\cdots|{SYMBOL}|\\text\{{(?:{TEXT})*\}}"
SCRIPT = rf"{WORD}|[0-9,()+i-n-]*"
LATEX = re.compile(rf"({WORD})(?:\^\{{({SCRIPT})((?:\\prime)*)\}})?(?:_\{{({SCRIPT})\}})?('*)")


def meant(piece):
    """The character that LaTeX sets for a piece of a text."""
    either, code, symbol, name, escaped, plain = piece.groups()
    assert not either or ord(either) == int(code, 16)
    named = MATHEMATICS.get(symbol) or RAISED.get(symbol) or NAMED.get(name)
    return either or named or escaped or {"~": "\xa0"}.get(plain, plain)


def unescaped(word):
    """What LaTeX sets for a word."""
    if word.startswith(r"\text{"):
        return PIECE.sub(meant, word[6:-1])
    return {**MATHEMATICS, r"\cdots": "…"}.get(word, word)


def commands(latex):
    """What LaTeX acts on: its commands and special characters, without the names."""
    bare = re.sub(rf"\\text\{{(?:{TEXT})*\}}", "x", latex)
    bare = re.sub(rf"(?:\\cdots|{SYMBOL})(?![A-Za-z])", "x", bare)  # a symbol is as good as x
    return re.findall(r"\\[A-Za-z]+|\\.|[{}$&#%_^~]", bare)


def test_names_in_latex_are_text():
    for text in STRINGS:
        latex = latex_name(text)
        found = LATEX.fullmatch(latex)
        assert found, latex
        base, below, above, primes = names.parsed(shorten(visible(text)))
        for part, written in ((base, found[1]), (above, found[2] or ""), (below, found[4] or "")):
            assert unescaped(written) == part.replace('"', "''")
        assert (found[3] or "").count("prime") + len(found[5]) == len(primes)
        assert_shown(latex)
        assert_shown(text_name(text))


@pytest.mark.parametrize("labels", chunks()[::8], ids=lambda _: "labels")
def test_formulas_in_latex_have_the_commands_of_harmless_ones(labels, monkeypatch):
    monkeypatch.setattr(sentences, "LONGEST", 10**6)  # or those with longer names would say less
    others = [f"n{'m' * i}{text[1:]}" for i, text in enumerate(twins(labels))]  # all different
    pairs = zip(Walk(graph(labels)), Walk(graph(others)), strict=True)
    for mine, theirs in pairs:
        assert commands(mine.latex) == commands(theirs.latex)
        assert_shown(mine.text)


@given(ANY)
def test_any_label_in_a_walk_and_its_page(label):
    x = mg.Value(2.0, label)
    f = x * x
    f.label = label + "_1"
    walk = Walk(f)
    assert_shown("".join(step.text + step.latex for step in walk))
    html = fragment(walk)
    assert html.lower().count("<script") == html.lower().count("</script") == 1
    assert "<!--" not in html
    assert html.count("<img") == 1


@given(ANY)
@example("¹")
@example("a small ₊")
def test_any_name_in_latex(text):
    assert LATEX.fullmatch(latex_name(text))
    assert_shown(latex_name(text) + text_name(text))


def test_latex_reads_no_file_and_runs_no_command(tmp_path):
    """LaTeX itself sets the samples as far as its fonts go, and records all that it opens."""
    program("pdflatex", package="texlive-latex-base")
    names = [name for name in map(latex_name, SAMPLES) if name.isascii() and name]
    formulas = "\n\n".join(f"${name} = 1$" for name in names)
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{amsmath}\n"
        f"\\begin{{document}}\n{formulas}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-recorder", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-1500:]
    opened = (tmp_path / "a.fls").read_text()
    assert "passwd" not in opened
    made = {path.suffix for path in tmp_path.iterdir()}
    assert made == {".tex", ".pdf", ".log", ".aux", ".fls"}
    assert len(names) > 40


def test_terminals_get_text():
    for labels in (SAMPLES, STRINGS[-100:]):
        root = graph(labels)
        root.backward()
        printed = io.StringIO()
        mg.step_through(root).print(printed)
        leaf = next(part for part in scene(root).nodes if part.op is None)
        said = f"{mg.explain(leaf, of=root)}{mg.summary(root)}"
        assert_shown(printed.getvalue() + said + repr(root) + repr(leaf))


@slow
def test_programs_have_no_name_in_them():
    def written(label):
        w, b = mg.Value(2.0, label), mg.Value(1.0, label)
        program = mg.compile(lambda x: mg.tanh(w * x + b), 1.0, params=[w, b])
        return f"{program}{program!r}{program.source()}"

    assert {written(label) for label in SAMPLES} == {written("w")}


# -------------------------------------------------------------------------- expressions


def test_expressions_are_read_or_refused_and_never_run(monkeypatch):
    ran = []
    for name in ("exec", "eval", "open"):
        monkeypatch.setattr(builtins, name, lambda *args, **kwargs: ran.append(args))
    read = 0
    for text in STRINGS:
        for attempt in (lambda t=text: from_text(t, {"x": 1.0}), lambda t=text: read_numbers([t])):
            try:
                attempt()
                read += 1
            except ExpressionError as error:
                message = str(error)
                assert "\n" not in message
                assert_shown(message)
    monkeypatch.undo()
    assert not ran
    assert read < len(STRINGS) / 50


def test_names_that_python_allows_are_text_in_pictures():
    words = {word for text in STRINGS for word in re.findall(r"\w+", text) if word.isidentifier()}
    known = {*mg.functions.__all__}
    names = [*sorted(words - known, key=len)[:60], "__proto__", "constructor", "ﬁ", "Å", "ª", "ℌ"]
    for name in names:
        try:
            root = from_text(f"f = {name} * 2", {name: 1.0})
        except ExpressionError:  # a keyword, or a name like f
            continue
        found, expected = (
            ET.fromstring(mg.draw(f).pipe("svg"))
            for f in (root, from_text(f"f = {harmless(name)} * 2", {harmless(name): 1.0}))
        )
        assert sorted(look(found)) == sorted(look(expected))


# ------------------------------------------------------------------ histories and tables


def test_histories_as_json(tmp_path):
    history = History([dict.fromkeys(STRINGS, 0.5)], gradients={name: [1.0] for name in STRINGS})
    content = history.to_json(tmp_path / "h.json").read_bytes()
    content.decode("ascii")
    # two halves of a surrogate pair are one character, as for every reader of JSON
    names = [name.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
             for name in STRINGS]  # fmt: skip
    found = json.loads(content)
    assert found["epochs"] == [dict.fromkeys(names, 0.5)]
    assert found["gradients"] == {name: [1.0] for name in names}


def test_histories_as_tables_have_no_formulas(tmp_path):
    history = History([dict.fromkeys(STRINGS, -0.5)])
    with history.to_csv(tmp_path / "h.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [len(row) for row in rows] == [1 + len(STRINGS)] * 2
    assert rows[1] == ["1", *["-0.5"] * len(STRINGS)]  # numbers stay numbers
    for name, heading in zip(STRINGS, rows[0][1:], strict=True):
        assert heading.removeprefix("'") == visible(name).removeprefix("'")
        assert not re.match(r"\s*[=+\-@＝＋－＠﹦﹢﹣﹫]", heading), heading
        assert_shown(heading)
    assert rows[0][1 + STRINGS.index("=cmd|' /C calc'!A0")] == "'=cmd|' /C calc'!A0"
    assert_shown(repr(history))


# -------------------------------------------------------------------------- in a browser

DOM = """() => [...document.querySelectorAll("*")].map(e => [e.tagName,
    ...[...e.attributes].map(a => a.name.startsWith("data-") && a.name !== "data-living" ?
        a.name + "=" + a.value : a.name)])"""


@pytest.mark.parametrize("part", few(1, ["_{", "x", "x\n"]))
def test_of_a_label_of_any_length_only_what_is_shown_is_read(part, tmp_path, monkeypatch):
    read = []

    def counted(character):
        read.append(character)
        return _visible(character)

    monkeypatch.setattr("micrograd_plus._tools.text._visible", counted)
    counts = []
    for length in (1_000, 30_000):
        read.clear()
        root = graph([part * (length // len(part))] * 3)
        walk, asking = mg.step_through(root), mg.quiz(root)
        walk.latex()
        walk.to_html(tmp_path / "page.html")
        walk.frames(tmp_path / "frames")
        mg.draw(root, detail="layers").to_html(tmp_path / "picture.html")
        asking.to_html(tmp_path / "quiz.html")
        str(mg.explain(root.args[0], root)), str(mg.summary(root))
        counts.append(len(read))
    assert counts[0] == counts[1]


@slow
def test_a_browser_executes_nothing(open_page, tmp_path):
    """Samples as title, headings and labels; the fixture listens for scripts and requests."""
    pages = []
    for name, labels in (("harmless", twins(SAMPLES)), ("hostile", SAMPLES)):
        walk = mg.step_through(graph(labels))
        walks = [(label or "n", walk) for label in labels[:2]]
        path = write_page(tmp_path / f"{name}.html", labels[2], walks)
        pages.append(open_page(path))
    assert pages[0].evaluate(DOM) == pages[1].evaluate(DOM)
    assert pages[1].title() == SAMPLES[2]
    stepper = pages[1].locator(".mg-stepper").first
    for key in ("ArrowRight", "End"):
        stepper.press(key)
    assert spaces(stepper.locator(".mg-sentence").text_content()) == spaces(walk[-1].text)


@pytest.mark.parametrize("style", few(1, ["wires", "box"]))
def test_a_browser_shows_hostile_pictures(style, open_page, tmp_path):
    shown = []
    for name, labels in (("harmless", twins(SAMPLES)), ("hostile", SAMPLES)):
        root = graph(labels)
        root.backward()
        shown.append(open_page(mg.draw(root, style).render(tmp_path / f"{name}.svg")))
    assert shown[0].evaluate(DOM) == shown[1].evaluate(DOM)


@pytest.mark.parametrize("label", SAMPLES)
def test_errors_are_one_line_whatever_the_labels(label):
    x = mg.Value(-1.0, label)
    for fails in (lambda: mg.log(x), lambda: setattr(x, "data", math.inf)):
        with pytest.raises(mg.NonFiniteError) as caught:
            fails()
        kinds = set(map(unicodedata.category, str(caught.value)))
        assert not kinds & {"Cc", "Cs", "Zl", "Zp"}  # nothing that a terminal would obey
