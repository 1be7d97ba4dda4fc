"""Puts the page, this package and what it imports into a folder for any static web server.

pip install . hatchling
python examples/browser/build.py
python -m http.server --directory examples/browser/site
"""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Build the site in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder.resolve()]
    pure = {**os.environ, "MICROGRAD_PLUS_PURE": "1"}  # no compiled core, which is for one machine
    subprocess.run(build, cwd=HERE.parent.parent, env=pure, check=True)  # noqa: S603
    pack("graphviz", folder)
    for name in ("index.html", "walk.mjs"):
        shutil.copy(HERE / name, folder)
    wheels = sorted(path.name for path in folder.glob("*.whl"))
    (folder / "wheels.json").write_text(json.dumps(wheels), encoding="utf-8")


def pack(name: str, folder: Path) -> None:
    """An installed package of Python files as a wheel again."""
    package = metadata.distribution(name)
    with ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as wheel:
        for file in package.files or ():
            if file.suffix != ".pyc" and ".." not in file.parts:
                wheel.write(str(file.locate()), str(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "site")
