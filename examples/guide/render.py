"""Guides as pages that need no network.

    python examples/guide/render.py FOLDER [NOTEBOOK …]

writes the notebooks (by default all beside this file), with the outputs that are stored in them,
as HTML into FOLDER, and an index.html that lists them. The pages are dark where the system is.
"""

import html
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from micrograd_plus._tools.dark import DARK

HERE = Path(__file__).parent
STYLE = """<style>
:root {{ color-scheme: light dark; }}
@media screen and (prefers-color-scheme: dark) {{
{theme}
.jp-OutputArea-output:is(.jp-RenderedImage, .jp-RenderedSVG) > * {{
  color-scheme: only light; {dark}; }} /* from light: it might be dark by itself */
}}
body.jp-Notebook {{ /* nbconvert's own can hardly be read */
  --jp-mirror-editor-operator-color: light-dark(#8a00d4, #d08cff);
  --jp-mirror-editor-number-color: light-dark(#006b00, #66bb6a);
  --jp-mirror-editor-comment-color: light-dark(#2f6b6b, #6fb3b3);
}}
body.jp-Notebook {{ max-width: 58rem; margin: 1rem auto; padding: 0 1rem; overflow: visible; }}
.jp-RenderedHTMLCommon {{ font-size: 16px; line-height: 1.55; }}
.jp-RenderedHTMLCommon details > summary {{ cursor: pointer; font-weight: 600; }}
.jp-RenderedMarkdown pre {{ font-size: 13px; line-height: 1.3; margin: 0;
  background: transparent; }}
.jp-RenderedMarkdown .highlight {{ background: var(--jp-cell-editor-background);
  border: 1px solid var(--jp-cell-editor-border-color);
  padding: 2px 4px; margin: 0.4rem 0; }}
.jp-OutputArea-output pre {{ word-break: normal; overflow-wrap: anywhere; }}
.jp-OutputArea-output svg, .jp-OutputArea-output img {{ max-width: 100%; height: auto; }}
@media print {{ body.jp-Notebook {{ max-width: none; }} }}
</style>
"""
_THEME = "static/theme-dark.css"  # the colours of dark pages, which nbconvert has beside the light
INDEX = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guides</title>
<style>:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
  padding: 0 1rem; background: Canvas; }}</style>
<h1>Guides</h1>
<ul>
{items}
</ul>
</html>
"""


def page(path: Path) -> str:
    """A notebook as one HTML page."""
    exporter = HTMLExporter(
        mathjax_url="",  # there are no formulas that want it, and it would be fetched
        require_js_url="",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    content, _ = exporter.from_filename(str(path))
    titled = f"<title>{html.escape(title(path))}</title>"
    content = re.sub(r"<title>.*?</title>", lambda found: titled, content, count=1)
    theme, *_ = exporter.environment.loader.get_source(exporter.environment, _THEME)
    style = STYLE.format(theme=theme, dark=DARK)
    content = content.replace("</head>", style + "</head>", 1)
    return content.replace('data-jp-theme-light="true"', "")  # walks follow the system, too


def title(path: Path) -> str:
    """The heading of a notebook."""
    first: str = nbformat.read(path, as_version=4).cells[0].source
    return first.splitlines()[0].removeprefix("# ")


def main(folder: Path, paths: list[Path]) -> list[Path]:
    """Write a page for each notebook, and an index; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written, items = [], []
    for path in paths or sorted(HERE.glob("*.ipynb")):
        written.append(folder / f"{path.stem}.html")
        written[-1].write_text(page(path), encoding="utf-8")
        items.append(f'<li><a href="{path.stem}.html">{html.escape(title(path))}</a></li>')
    written.append(folder / "index.html")
    written[-1].write_text(INDEX.format(items="\n".join(items)), encoding="utf-8")
    return written


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for path in main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]):
        print(path)
