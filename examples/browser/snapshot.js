// Starts Python with this package, and writes its memory for pages, which then need not start it:
// node snapshot.js SITE
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const file = (name) => `${process.argv[2]}/${name}`;
const { loadPyodide } = await import(pathToFileURL(file("pyodide/pyodide.mjs")));
const python = await loadPyodide({ jsglobals: {}, _makeSnapshot: true });
for (const wheel of JSON.parse(readFileSync(file("wheels.json"), "utf8"))) {
  python.unpackArchive(new Uint8Array(readFileSync(file(wheel))), "wheel");
}
python.runPython(`
import micrograd_plus as mg
from pathlib import Path
from micrograd_plus.drawing.dot import layout

layout.in_browser = lambda source: "<?xml?><svg></svg>" * source.count("digraph")  # draws nothing
x = mg.Value(2.0, "x")
for shown in (mg.draw(x * x), mg.step_through(x * x), mg.play(x * x), mg.quiz(x * x)):
    shown.to_html("page.html")  # imports all that it takes
Path("page.html").unlink()
layout.in_browser = None
`);
writeFileSync(file("python.snapshot"), gzipSync(python.makeMemorySnapshot()));
