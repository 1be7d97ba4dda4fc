"""The guides as a JupyterLite site: notebooks that run in a browser, without a server of ours.

`python examples/browser/build.py --lite` calls this. What a kernel starts with, and what guides
import as far as PyPI has wheels of it for Pyodide, becomes part of the site. What Pyodide alone
has, such as NumPy and Matplotlib, comes from its distribution on the network when it is imported.
"""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
EXAMPLES = HERE.parent
STARTED = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython")
"""What a kernel loads before the first cell."""
IMPORTED = ("hypothesis", "micrograd")
"""What guides import beside this package, where PyPI has a wheel."""


def main(folder: Path, wheel: Path, npm: Path) -> None:
    """Build the site.

    Args:
        folder: what it is written into; what was in there goes.
        wheel: this package for every machine.
        npm: a folder with the packages pyodide and @viz-js/viz of npm.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with TemporaryDirectory() as made:
        pyodide = Path(made, "static", "pyodide")
        unused = shutil.ignore_patterns("*.map", "*.ts", "*.html")
        shutil.copytree(npm / "pyodide", pyodide, ignore=unused)
        graphviz = npm / "@viz-js" / "viz" / "dist" / "viz.js"
        for path in (graphviz, wheel, HERE / "kernel.js", HERE / "kernel.py"):
            shutil.copy(path, pyodide)
        about = json.loads((pyodide / "package.json").read_text("utf-8"))
        known = distribution(pyodide, f"https://cdn.jsdelivr.net/pyodide/v{about['version']}/full/")
        for path in (*EXAMPLES.glob("*/*.ipynb"), *EXAMPLES.glob("*/*.txt")):
            there = Path(made, "files", path.relative_to(EXAMPLES))
            there.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text("utf-8")
            there.write_text(told(text, known) if path.suffix == ".ipynb" else text, "utf-8")
        command = [sys.executable, "-m", "jupyterlite_core", "build", "--no-sourcemaps"]
        command += ["--apps", "lab", "--apps", "notebooks"]
        command += ["--lite-dir", made, "--output-dir", str(folder.resolve())]
        subprocess.run(command, cwd=made, check=True)  # noqa: S603
    configure(folder / "jupyter-lite.json")


def told(notebook: str, known: set[str]) -> str:
    """A notebook that says, after its beginning, what is different in a browser.

    Args:
        notebook: its text.
        known: the modules that there are.
    """
    content = nbformat.reads(notebook, as_version=4)  # texts are joined; Lite would show commas
    code = [cell["source"] for cell in content["cells"] if cell["cell_type"] == "code"]
    names = set()
    for node in ast.walk(ast.parse("\n".join(code))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    line = "*This notebook runs in your browser, where nothing has to be installed.*"
    if missing := sorted(names - known - sys.stdlib_module_names):
        line += f" *There is no {' and no '.join(missing)}: cells that need it say so.*"
    cell = {"cell_type": "markdown", "id": "in-a-browser", "metadata": {}, "source": line}
    content["cells"].insert(1, cell)
    return json.dumps(content, ensure_ascii=False)


def configure(path: Path) -> None:
    """Have kernels start by `kernel.js`, with the packages that they begin with."""
    config = json.loads(path.read_text("utf-8"))
    settings = config["jupyter-config-data"]["litePluginSettings"]
    settings["@jupyterlite/pyodide-kernel-extension:kernel"] |= {
        "pyodideUrl": "./static/pyodide/kernel.js",
        "loadPyodideOptions": {"packages": ["micrograd-plus", *STARTED]},
    }
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")


def distribution(folder: Path, network: str) -> set[str]:
    """Add wheels to Pyodide and its list of packages.

    Args:
        folder: it has Pyodide, and this package's wheel.
        network: the address of the packages that are not added.

    Returns:
        the names of the modules that there are.
    """
    path = folder / "pyodide-lock.json"
    lock = json.loads(path.read_text("utf-8"))
    target = {
        "sys_platform": "emscripten",
        "platform_system": "Emscripten",
        "platform_machine": "wasm32",
        "python_version": lock["info"]["python"].rpartition(".")[0],
        "python_full_version": lock["info"]["python"],
    }
    (wheel,) = folder.glob("*.whl")
    ours = entry(wheel, target, "jupyter")
    fetch(folder, lock["info"], {*STARTED, *IMPORTED, *ours["depends"]})
    for package in lock["packages"].values():
        package["file_name"] = network + package["file_name"]
    added = [ours, *(entry(path, target) for path in folder.glob("*.whl") if path != wheel)]
    lock["packages"] |= {package["name"]: package for package in added}
    for package in added:
        if missing := set(package["depends"]) - lock["packages"].keys():
            raise LookupError(f"{package['name']} needs {', '.join(missing)}, which was not found")
    path.write_text(json.dumps(lock), encoding="utf-8")
    return {name for package in lock["packages"].values() for name in package["imports"]}


def fetch(folder: Path, target: dict[str, str], packages: set[str]) -> None:
    """Have pip put wheels for Pyodide into a folder, with those that they need."""
    files = metadata.files("jupyterlite-pyodide-kernel") or ()
    small = sorted(file for file in files if file.suffix == ".whl")  # to be used instead of PyPI's
    brought = {canonicalize_name(file.name.partition("-")[0]): str(file.locate()) for file in small}
    version = target["python"].rpartition(".")[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    command += ["--only-binary", ":all:", "--python-version", version, "--implementation", "cp"]
    command += ["--platform", f"pyemscripten_{target['abi_version']}_{target['arch']}"]
    command += ["--abi", f"cp{version.replace('.', '')}", "--abi", "none"]
    command += [*brought.values(), *sorted(packages - brought.keys())]
    subprocess.run(command, check=True)  # noqa: S603


def entry(path: Path, target: dict[str, str], extra: str = "") -> dict[str, Any]:
    """A wheel's entry in Pyodide's list of packages."""
    with ZipFile(path) as wheel:
        files = [Path(name) for name in wheel.namelist()]
        (about,) = (name for name in files if name.match("*.dist-info/METADATA"))
        told = HeaderParser().parsestr(wheel.read(str(about)).decode())
    needs = [Requirement(text) for text in told.get_all("Requires-Dist", [])]
    context = {**target, "extra": extra}
    modules = {name.parts[0].partition(".")[0] for name in files if name.suffix in (".py", ".so")}
    return {
        "name": canonicalize_name(told["Name"]),
        "version": told["Version"],
        "file_name": path.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(modules),
        "depends": [
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate(context)
        ],
    }
