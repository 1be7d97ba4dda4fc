// Python with this package, and Graphviz, for the worker of a tab.
import { loadPyodide } from "./pyodide/pyodide.mjs";
import { instance } from "./viz.mjs";

// What this site has stored is not for the code that runs here; nor does Python see the worker.
for (const store of ["caches", "indexedDB"]) Object.defineProperty(self, store, { value: undefined });

// Loads them, and the Python module of the tab, whose name is that of a file beside this one.
//
// Args: its name; `tell`, a function that gets what is being done, as text.
// Returns: the interpreter, and the module.
export async function load(name, tell) {
  tell("Loading Python and Graphviz: 23 MB, which are kept for the next visit.");
  const here = (file) => new URL(file, import.meta.url).href;
  const [python, viz, archives, source] = await Promise.all([
    loadPyodide({ indexURL: here("pyodide/"), jsglobals: {}, _loadSnapshot: memory(here("python.snapshot")) }),
    instance(),
    got(here("wheels.json")).then((answer) => answer.json()).then((wheels) =>
      Promise.all(wheels.map((wheel) => got(here(wheel)).then((answer) => answer.arrayBuffer())))),
    got(here(`${name}.py`)).then((answer) => answer.text()),
  ]);
  tell("Starting micrograd_plus.");
  for (const archive of archives) python.unpackArchive(archive, "wheel"); // no files are in its memory
  python.FS.writeFile(`${name}.py`, source);
  const layout = python.pyimport("micrograd_plus.drawing.dot.layout");
  layout.in_browser = (dot) => viz.renderString(dot, { format: "svg" });
  return { python, module: python.pyimport(name) };
}

// Python's memory after it was started, see snapshot.js, which saves three quarters of its start.
async function memory(address) {
  const { body } = await got(address);
  return new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function got(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return answer;
}
