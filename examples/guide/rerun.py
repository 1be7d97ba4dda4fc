"""Runs guides anew and keeps their outputs, after a change of the package or of their cells.

    python examples/guide/rerun.py [NOTEBOOK …]

runs the notebooks (by default all beside this file) and writes them with their outputs: pictures
made small, and beneath each solution what its code prints.
"""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
_CODE = r"((?:(?!```).)*)"
SOLUTION = re.compile(rf"(?<=```python\n){_CODE}```\n\n```text\n{_CODE}(?=```)", re.DOTALL)
_PNG = re.compile(r"(?<=data:image/png;base64,)[\w+/=]+")


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a run; nothing is written.

    The code of solutions, which stands in the text, is run after all cells.

    Raises:
        CellExecutionError: a cell or a solution failed.
    """
    guide = nbformat.read(path, as_version=4)
    tried = nbformat.v4.new_notebook(metadata=guide.metadata, cells=[*guide.cells])
    solutions = [code for cell in guide.cells for code, _ in SOLUTION.findall(_text(cell))]
    tried.cells += [nbformat.v4.new_code_cell(code) for code in solutions]
    there = {"metadata": {"path": str(path.parent)}}  # where Jupyter runs it, too
    NotebookClient(
        tried, timeout=120, record_timing=False, coalesce_streams=True, resources=there
    ).execute()
    printed = iter([_printed(cell) for cell in tried.cells[len(guide.cells) :]])
    for cell in guide.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub(
                lambda found: f"{found[1]}```\n\n```text\n{next(printed)}", cell.source
            )
        else:
            cell.outputs = [_small(output) for output in cell.outputs]
    guide.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},  # no version, which would differ by machine
    }
    return guide


def _text(cell: nbformat.NotebookNode) -> str:
    return cell.source if cell.cell_type == "markdown" else ""


def _printed(cell: nbformat.NotebookNode) -> str:
    shown = "".join(
        output.get("text") or output.data["text/plain"] + "\n" for output in cell.outputs
    )
    return "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"


def _small(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The output with pictures of 64 colours, which take much less room."""
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = _few_colours(data["image/png"])
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            data[kind] = _PNG.sub(lambda found: _few_colours(found[0]), data[kind])
    return output


def _few_colours(png: str) -> str:
    picture, small = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    picture.thumbnail((1400, 1400))
    few = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(small, "png", optimize=True, dpi=picture.info.get("dpi", (96, 96)))
    return base64.b64encode(small.getvalue()).decode()


def main(paths: list[Path]) -> None:
    """Run each notebook, and write it."""
    for path in paths or sorted(HERE.glob("*.ipynb")):
        guide = run(path)
        nbformat.write(guide, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
