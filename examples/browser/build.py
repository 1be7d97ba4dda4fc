"""Puts the playground into a folder for any static web server: all that it loads is in there.

pip install . hatchling
python examples/browser/build.py
python -m http.server --directory examples/browser/site

With --lite it is the guides, as notebooks that run in a browser: see lite.py.

Node.js's npm installs what `package.json` names beside this program, unless it is there already.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

HERE = Path(__file__).parent
NPM = HERE / "node_modules"
PYODIDE = (
    "pyodide-lock.json",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "pyodide.mjs",
    "python_stdlib.zip",
)


def main(folder: Path) -> None:
    """Build the playground in `folder`."""
    install()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pyodide").mkdir(parents=True)
    wheels(folder)
    for name in PYODIDE:
        shutil.copy(NPM / "pyodide" / name, folder / "pyodide")
    shutil.copy(NPM / "@viz-js" / "viz" / "dist" / "viz.js", folder / "viz.mjs")
    for pattern in ("*.html", "*.css", "*.mjs", "keep.js"):
        for path in set(HERE.glob(pattern)) - {HERE / "editor.mjs"}:
            shutil.copy(path, folder)
    for path in HERE.glob("*.py"):  # what a tab asks of Python stands beside its module
        if path.with_suffix(".mjs").exists():
            shutil.copy(path, folder)
    offered = run_path(str(HERE / "train.py"))["choices"]()  # so that fields wait for no Python
    (folder / "train.json").write_text(offered, encoding="utf-8")
    bundle = ["--bundle", "--format=esm", "--minify", "--log-level=warning"]
    run("esbuild", "editor.mjs", *bundle, f"--outfile={folder.resolve() / 'editor.mjs'}")
    run("node", "snapshot.js", str(folder.resolve()))
    listed(folder)


def install() -> None:
    """Have npm install the packages, as `package-lock.json` says."""
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    for name, version in json.loads(wanted)["dependencies"].items():
        package = NPM / name / "package.json"
        if not package.exists() or json.loads(package.read_text("utf-8"))["version"] != version:
            return run("npm", "ci", "--no-audit", "--no-fund")
    return None


def run(program: str, *options: str) -> None:
    """Run one of Node.js's programs, or of npm's packages, beside this one."""
    path = shutil.which(program, path=f"{NPM / '.bin'}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        sys.exit(f"there is no {program} on the PATH: apt-get install nodejs npm")
    subprocess.run([path, *options], cwd=HERE, check=True)  # noqa: S603


def wheels(folder: Path) -> None:
    """Write the wheel of this package, and of what it imports, and a list of them."""
    wheel(folder)
    for name in ("graphviz", "webcolors"):
        pack(name, folder)
    names = sorted(path.name for path in folder.glob("*.whl"))
    (folder / "wheels.json").write_text(json.dumps(names), encoding="utf-8")


def wheel(folder: Path) -> Path:
    """Write the wheel of this package for every machine: its path."""
    if find_spec("hatchling") is None:
        sys.exit("the wheel is built by hatchling: pip install hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder.resolve()]
    pure = {**os.environ, "MICROGRAD_PLUS_PURE": "1"}  # no compiled core, which is for one machine
    subprocess.run(build, cwd=HERE.parent.parent, env=pure, check=True)  # noqa: S603
    (path,) = folder.glob("micrograd_plus-*.whl")
    return path


def pack(name: str, folder: Path) -> None:
    """An installed package of Python files as a wheel again."""
    package = metadata.distribution(name)
    with ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as wheel:
        for file in package.files or ():
            if file.suffix != ".pyc" and ".." not in file.parts:
                wheel.write(str(file.locate()), str(file))


def listed(folder: Path) -> None:
    """Write the list of all files, and their digest, for the service worker that keeps them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
    names = [path.relative_to(folder).as_posix() for path in paths]
    names = ["./", *(name for name in names if name != "keep.js")]
    text = f"self.VERSION = {json.dumps(digest)};\nself.FILES = {json.dumps(names, indent=0)};\n"
    (folder / "files.js").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE / "site", help="the folder to write")
    parser.add_argument(
        "--lite", action="store_true", help="write the guides as notebooks that run in a browser"
    )
    asked = parser.parse_args()
    if asked.lite:
        import lite  # what it needs, the playground does not

        install()
        with TemporaryDirectory() as made:
            lite.main(asked.out, wheel(Path(made)), NPM)
    else:
        main(asked.out)
