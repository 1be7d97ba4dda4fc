// Runs Python in Node's Pyodide: node pyodide.mjs NODE_MODULES CODE WHEEL…
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, code, ...wheels] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${modules}/pyodide/pyodide.mjs`));
const python = await loadPyodide();
for (const wheel of wheels) {
  python.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel");
}
python.runPython(readFileSync(code, "utf8"));
