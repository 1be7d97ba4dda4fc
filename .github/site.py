"""The documentation site: README, the guides, and the API from the docstrings, by Sphinx.

    python .github/site.py FOLDER

writes pages that need no network and no server into FOLDER, where the playground may be already,
as play/, and notebooks that run in a browser, as lite/. Warnings are errors, and links that lead
nowhere are, too.
`pip install '.[docs,test]'` installs what it needs, and what the guides do.
"""

import inspect
import re
import shutil
import sys
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import live
import nbformat
import reference
from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

from micrograd_plus._tools.dark import adapting

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = {  # of the site, by the files of the repository
    "README.md": "index.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    "micrograd_plus/CHANGELOG.md": "changelog.md",
    **{
        f"examples/guide/{path.name}": f"guide/{path.name}"
        for path in sorted((ROOT / "examples" / "guide").iterdir())
        if path.suffix in (".ipynb", ".md")
    },
}
BESIDE = {"examples/browser/index.html": "play/index.html"}
SETTINGS = {
    "project": "micrograd_plus",
    "version": metadata.version("micrograd-plus"),
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "exclude_patterns": [".doctrees"],
    "html_theme": "furo",
    "html_title": "micrograd_plus",
    "html_static_path": [str(HERE / "site.css")],
    "html_css_files": ["site.css"],
    "html_show_copyright": False,
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_search_summary": False,  # which is fetched, and not from files
    "myst_enable_extensions": ["attrs_inline"],
    "myst_heading_anchors": 3,
    "nb_execution_mode": "off",  # what is stored is what a run gives, which tests see to
    "add_module_names": False,
    "python_use_unqualified_type_names": True,
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,
    "napoleon_use_ivar": True,
}
_CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}
{pages}
```
"""
_RUN = """

<a href="../lite/notebooks/index.html?path={path}">Run this guide in your browser</a>
"""
_PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*<img src="([^"]+)"([^>]*)>\s*</picture>'
)
_APART = re.compile(r"(^```.*?^```$|`[^`]*`|<picture>.*?</picture>)", re.MULTILINE | re.DOTALL)
_SCROLLING = re.compile(r'(<pre(?=>)|<div class="table-wrapper[^"]*")')  # the keyboard needs to
_RAW = """``````{{raw}} html
{}
``````"""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def write_sources(source: Path, folder: Path) -> None:
    """Write what Sphinx reads.

    Args:
        source: where to.
        folder: the site.
    """
    for name, page in PAGES.items():
        target = source / page
        target.parent.mkdir(exist_ok=True)
        if target.suffix == ".md":
            text = (ROOT / name).read_text(encoding="utf-8")
            target.write_text(moved(text, ROOT / name, source, folder), encoding="utf-8")
        else:
            guide = live.guide(ROOT / name)
            for cell in guide.cells:
                if cell.cell_type == "markdown":
                    cell.source = moved(cell.source, ROOT / name, source, folder)
            if (folder / "lite").exists():
                guide.cells[0].source += _RUN.format(path=name.removeprefix("examples/"))
            nbformat.write(guide, target)
    (source / "api").mkdir()
    told = reference.places()
    modules = {f"api/{module.__name__}.rst": module for module in reference.modules()}
    for page, module in modules.items():
        (source / page).write_text(reference.page(module, told), encoding="utf-8")
    guides = [page for page in PAGES.values() if page.startswith("guide/")]
    others = [page for page in PAGES.values() if page not in ("index.md", *guides)]
    with (source / "index.md").open("a", encoding="utf-8") as index:
        for caption, pages in ("Guides", guides), ("Reference", modules), ("Project", others):
            index.write(_CONTENTS.format(caption=caption, pages="\n".join(pages)))


def moved(text: str, path: Path, source: Path, folder: Path) -> str:
    """Markdown of the repository as that of a page, where its links lead to other pages.

    What they show comes along; to what is neither a page nor a file there is no link.

    Args:
        text: the Markdown.
        path: the file that it stands in.
        source: what Sphinx reads.
        folder: the site.

    Raises:
        SystemExit: a link leads to nothing.
    """

    def linked(found: re.Match[str]) -> str:
        shows, words, address, anchor = found.groups(default="")
        target = (path.parent / unquote(address)).resolve()
        if not target.exists():
            raise SystemExit(f"{path}: there is no {address} for the link {found[0]}")
        name = target.relative_to(ROOT).as_posix()
        if (beside := BESIDE.get(name)) and (folder / beside).exists():
            return f'<a href="{beside}">{words}</a>'
        if beside or target.is_dir():
            return words
        if name not in PAGES:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, source / name)
            if target.suffix == ".svg":  # by itself it is white on dark pages
                svg = adapting(target.read_text(encoding="utf-8"))
                (source / name).write_text(svg, encoding="utf-8")
        return f"{shows}[{words}](/{PAGES.get(name, name)}{anchor})"

    parts = _APART.split(text)
    parts[1::2] = (_PICTURE.sub(_shown, part) for part in parts[1::2])
    return "".join(part if part.startswith("`") else _LINK.sub(linked, part) for part in parts)


def _shown(found: re.Match[str]) -> str:
    """A picture for light and for dark pages: one that lives, or both, of which one is shown."""
    dark, light, attributes = found.groups()
    if html := live.of_readme().get(Path(light).stem.removesuffix("-light")):
        return _RAW.format(html)
    (alt,) = re.findall(r'alt="([^"]*)"', attributes)
    width = "".join(f" width={pixels}px" for pixels in re.findall(r'width="(\d+)"', attributes))
    return f"![{alt}]({light}){{.only-light{width}}}\n![{alt}]({dark}){{.only-dark{width}}}"


def build(source: Path, folder: Path) -> None:
    """Run Sphinx.

    Raises:
        SystemExit: it warned of something.
    """
    reference.quiet()
    told = reference.places()

    def converted(app: Any, what: str, name: str, thing: Any, options: Any, lines: Any) -> None:
        text = reference.restructured("\n".join(lines), told) if what != "data" else ""
        lines[:] = text.splitlines()

    def signed(
        app: Any, what: str, name: str, thing: Any, options: Any, given: str, returned: str
    ) -> tuple[str, str] | None:
        if what == "class" and (given or "").startswith("(*args"):  # that of `__new__`
            return stringify_signature(inspect.signature(thing), show_return_annotation=False), ""
        return None

    def accessible(app: Any, name: str, template: str, context: Any, doctree: Any) -> None:
        context["body"] = _SCROLLING.sub(r'\1 tabindex="0"', context.get("body", ""))
        tree = context["furo_navigation_tree"]
        context["furo_navigation_tree"] = tree.replace('"heading"', '"heading" aria-level="2"')

    doctrees = str(source / ".doctrees")
    app = Sphinx(source, None, folder, doctrees, "html", SETTINGS, warningiserror=True)
    app.connect("autodoc-process-docstring", converted, priority=400)  # before Google's sections
    app.connect("autodoc-process-signature", signed)
    app.connect("html-page-context", accessible, priority=900)  # after the theme
    app.build()
    if app.statuscode:
        raise SystemExit(app.statuscode)


class _Links(HTMLParser):
    """The links of a page, and the places in it that links can lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places = {""}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.add(value)
            elif value and name in ("id", "name"):
                self.places.add(value)


def broken(folder: Path) -> list[str]:
    """The links of the pages that lead nowhere; those to other sites are not followed."""
    written = [*folder.glob("*.html"), *folder.glob("guide/*.html"), *folder.glob("api/*.html")]
    pages = {path: _Links(path.read_text(encoding="utf-8")) for path in sorted(written)}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme or parts.netloc:
                continue
            if not target.exists() or (
                target in pages and unquote(parts.fragment) not in pages[target].places
            ):
                found.append(f"{path.relative_to(folder)}: {link}")
    return found


def main(folder: Path) -> None:
    """Write the site.

    Raises:
        SystemExit: Sphinx warned of something, or a link leads nowhere.
    """
    with TemporaryDirectory() as source:
        write_sources(Path(source).resolve(), folder)
        build(Path(source).resolve(), folder)
    if lost := broken(folder.resolve()):
        raise SystemExit("\n".join(["links that lead nowhere:", *lost]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
