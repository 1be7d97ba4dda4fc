// What JupyterLite's kernel imports in place of pyodide.mjs: Pyodide, with Graphviz, and with what
// each kernel runs first.
import { loadPyodide as load } from "./pyodide.mjs";
import { instance } from "./viz.js";

const STARTUP = "/home/pyodide/.ipython/profile_default/startup";

export async function loadPyodide(options) {
  const [python, viz, first] = await Promise.all([
    load(options),
    instance(),
    fetch(new URL("kernel.py", import.meta.url)).then((response) => response.text()),
  ]);
  python.registerJsModule("viz", {
    svg: (source) => viz.renderString(source, { format: "svg" }),
  });
  python.FS.mkdirTree(STARTUP);
  python.FS.writeFile(`${STARTUP}/kernel.py`, first);
  return python;
}
